/*
 * http_server - HTTP/1.1 over TLS in front of an exchange.
 *
 * Bytes from sockets become exchange requests, answers become bytes; nothing
 * here knows Kubernetes beyond the Status document for a body that is too
 * large. Nothing above this header knows which library carries the protocol.
 *
 * Requests that only read are served on the thread of the connection. All
 * others may wait for the store, so a small pool of threads serves them while
 * the connection sleeps; their writes then share commits. A stream is pulled
 * when its socket has room; while it is empty the connection sleeps too, and a
 * watcher on the socket notices when the client goes away.
 *
 * Limits: headers by the connection's memory (HTTP_CONNECTION_MEMORY), bodies
 * by CEIL_REQUEST_BODY, connections by HTTP_CONNECTIONS_MAX and the process's
 * descriptors, silence by HTTP_IDLE_SECONDS.
 *
 * Threads: any.
 */
#ifndef APISERVER_HTTP_SERVER_H
#define APISERVER_HTTP_SERVER_H

#include "clock.h"
#include "exchange.h"
#include "kerr.h"
#include "log.h"

#define HTTP_CONNECTION_MEMORY ((size_t)16 * 1024) /* request line and headers: more is answered 431 */
#define HTTP_CONNECTIONS_MAX   16384
#define HTTP_IDLE_SECONDS      120 /* upstream's server closes idle connections after 90, clients after 90 */
#define HTTP_WORKERS_MAX       64
#define HTTP_GZIP_THRESHOLD    131072 /* upstream: defaultGzipThresholdBytes */
#define HTTP_ADDRESSES_MAX     16

struct http_server;

struct http_config {
  const char *const *addresses; /* numeric; NULL: 127.0.0.1 */
  size_t n_addresses;
  uint16_t port; /* 0: any free one, the same for all addresses */
  /* PEM. cert NULL: no TLS. client_ca: clients may show a certificate signed by it. Copied. */
  struct span cert, key, client_ca;
  struct exchange *exchange; /* borrowed, as the next two; they outlive the server */
  struct clock *clock;
  struct log *log;  /* NULL: silent */
  unsigned threads; /* that serve connections; 0: one, or two on a machine with more than two processors */
};

/* Listens when it returns. Errors: KERR_USAGE (an address), KERR_IO (`listen on 127.0.0.1:6443: Address already in
 * use`). */
_must_check_ int http_server_new(const struct http_config *config, struct http_server **ret, struct kerr *reterr);
uint16_t http_server_port(const struct http_server *s);
/*
 * Stops listening, ends all streams, lets requests under way finish for at most `grace` nanoseconds, and frees.
 * NULL is fine.
 */
void http_server_free(struct http_server *s, int64_t grace);

struct http_stats {
  size_t requests; /* under way, streams not counted */
  size_t streams;
  size_t connections;
};
struct http_stats http_server_stats(struct http_server *s);

#endif
