/*
 * http_wire - bytes into a connection that the HTTP library has lent out.
 *
 * The library leaves a suspended connection alone: its socket and its TLS session
 * may then be written to by somebody else. What the socket does not take is kept
 * here until it does.
 *
 * One thread at a time uses a wire.
 */
#ifndef APISERVER_HTTP_WIRE_H
#define APISERVER_HTTP_WIRE_H

#include <stdbool.h>

#include "gnutls_lib.h"
#include "span.h"
#include "strbuf.h"

struct http_wire {
  int fd;               /* not blocking, and not closed here */
  gnutls_session_t tls; /* NULL: in the clear */
  struct strbuf left;   /* not taken yet, from `at` on */
  size_t at;
  bool in_record; /* TLS has made a record of the next bytes, and only wants to get rid of it */
};

void http_wire_init(struct http_wire *w, int fd, gnutls_session_t tls);
void http_wire_release(struct http_wire *w);

/* 1: all of it is with the kernel. 0: some is kept, http_wire_flush() when the socket has room. -1: the connection is
 * of no use any more. Nothing may be kept from before. */
int http_wire_send(struct http_wire *w, struct span bytes);
int http_wire_flush(struct http_wire *w);

#endif
