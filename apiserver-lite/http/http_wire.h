/*
 * http_wire - the bytes of a connection: a socket, with TLS over it or without.
 *
 * TLS works on two buffers and never sees the socket, so one read and one write of the socket carry as much as there
 * is. Nothing here waits.
 *
 * By one thread at a time.
 */
#ifndef APISERVER_HTTP_WIRE_H
#define APISERVER_HTTP_WIRE_H

#include <gnutls/gnutls.h>

#include "kerr.h"
#include "strbuf.h"

/* What all connections of a server have in common. */
struct http_tls {
  gnutls_certificate_credentials_t credentials;
  gnutls_priority_t priorities;
  bool wants_certificate; /* clients may show one */
};

/* PEM; client_ca may be empty. KERR_IO: they are not good. */
_must_check_ int http_tls_new(struct span cert, struct span key, struct span client_ca, struct http_tls **ret,
                              struct kerr *reterr);
void http_tls_free(struct http_tls *t); /* NULL is fine */

struct http_wire {
  int fd;                   /* owned; non-blocking */
  gnutls_session_t session; /* NULL: no TLS */
  bool shaken;              /* hands: the handshake is over */
  struct span raw;          /* received, and not yet seen by TLS; only while reading */
  struct strbuf out;        /* to be sent */
  size_t sent;              /* of it */
};

/* `t`: NULL, or borrowed for as long as the wire lives. */
void http_wire_init(struct http_wire *w, int fd, const struct http_tls *t);
void http_wire_release(struct http_wire *w);

/* Appends what has come to `in`: 1: look at it, and there may be more; 0: nothing now; -1: the end, or an error. */
int http_wire_read(struct http_wire *w, struct strbuf *in);
/* Takes `bytes` to be sent; false: it cannot be. */
bool http_wire_write(struct http_wire *w, struct span bytes);
/* 1: all is sent; 0: the socket has no room now; -1: an error. */
int http_wire_flush(struct http_wire *w);
static inline size_t
http_wire_unsent(const struct http_wire *w)
{
  return w->out.n - w->sent;
}
void http_wire_bye(struct http_wire *w); /* nothing more will be written: says so, as far as that can be said now */

#endif
