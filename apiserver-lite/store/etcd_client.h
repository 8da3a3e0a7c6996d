/*
 * etcd_client - calls to an etcd cluster, over one connection at a time.
 *
 * One thread of its own has the connection: it connects to one endpoint after
 * the other, with growing pauses, carries the bytes, and asks an idle peer
 * whether it is alive. Calls block their callers; they wait for a connection
 * when there is none, until their time is over. What is read (`again`) is
 * asked again after a lost connection or a change of leader; a write is not:
 * nobody knows whether it was done.
 *
 * Threads: everything is safe from any thread; a stream belongs to one.
 *
 * Errors of calls: KERR_EXPIRED (compacted), KERR_TIMEOUT (a revision of the
 * future), KERR_TOO_LARGE, KERR_CANCELLED (the client is being stopped),
 * KERR_UNAVAILABLE (nobody could be asked), and KERR_IO for all else, with
 * etcd's text: "etcdserver: request timed out".
 */
#ifndef APISERVER_ETCD_CLIENT_H
#define APISERVER_ETCD_CLIENT_H

#include "kerr.h"
#include "log.h"
#include "span.h"
#include "strbuf.h"

struct etcd_client;
struct etcd_stream;

/* Of one answer: 500 objects of 1.5 MiB would not fit, and their list is asked in smaller pages. */
#define ETCD_ANSWER_MAX ((size_t)512 << 20)

struct etcd_client_config {
  const char *endpoints;     /* "https://a:2379,https://b:2379", "http://...", "unix:///path"; all https, or none */
  struct span ca, cert, key; /* PEM, for https; empty: see grpc_tls_new */
  struct log *log;           /* borrowed; NULL: silent */
};

/* KERR_USAGE: endpoints that are none; KERR_INVALID: bad certificates. Nobody has been asked anything yet. */
_must_check_ int etcd_client_new(const struct etcd_client_config *config, struct etcd_client **ret,
                                 struct kerr *reterr);
/* Calls that run, and those to come, end with KERR_CANCELLED. */
void etcd_client_stop(struct etcd_client *c);
void etcd_client_free(struct etcd_client *c); /* no call is running, no stream is left; NULL is fine */

struct etcd_ask {
  const char *path; /* of etcd_message.h */
  struct span request;
  int64_t timeout; /* ns; 0: ten seconds */
  bool again;      /* may be asked twice */
};
/* *ret_answer: initialised by the caller; the message. */
_must_check_ int etcd_call(struct etcd_client *c, const struct etcd_ask *ask, struct strbuf *ret_answer,
                           struct kerr *reterr);

/* A call whose answers are many. Waits for a connection as etcd_call. */
_must_check_ int etcd_stream_new(struct etcd_client *c, const struct etcd_ask *ask, struct etcd_stream **ret,
                                 struct kerr *reterr);
/* The next message. KERR_IO and so on: the stream is over, and why. */
_must_check_ int etcd_stream_next(struct etcd_stream *s, struct strbuf *ret, struct kerr *reterr);
void etcd_stream_free(struct etcd_stream *s); /* NULL is fine */

#endif
