#include "http_wire.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

#include "ceilings.h"

void
http_wire_init(struct http_wire *w, int fd, gnutls_session_t tls)
{
  *w = (struct http_wire){ .fd = fd, .tls = tls };
  strbuf_init(&w->left, CEIL_SMALL_FILE);
}

void
http_wire_release(struct http_wire *w)
{
  strbuf_release(&w->left);
}

/* How many were taken; 0: there is no room; -1: never again. */
static ssize_t
put_tls(struct http_wire *w, struct span bytes)
{
  ssize_t n;

  do
    n = w->in_record ? gnutls_record_send(w->tls, NULL, 0) : gnutls_record_send(w->tls, bytes.p, bytes.n);
  while (n == GNUTLS_E_INTERRUPTED);
  w->in_record = n == GNUTLS_E_AGAIN;
  return w->in_record ? 0 : n < 0 ? -1 : n;
}

static ssize_t
put_plain(struct http_wire *w, struct span bytes)
{
  ssize_t n;

  do
    n = send(w->fd, bytes.p, bytes.n, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  return n < 0 && errno == EAGAIN ? 0 : n;
}

/* As http_wire_send; *ret: what is left. */
static int
put_all(struct http_wire *w, struct span bytes, struct span *ret)
{
  ssize_t n = 1;

  while (bytes.n && n > 0) {
    n = w->tls ? put_tls(w, bytes) : put_plain(w, bytes);
    if (n > 0)
      bytes = span_make(bytes.p + n, bytes.n - (size_t)n);
  }
  *ret = bytes;
  return n < 0 ? -1 : bytes.n == 0;
}

int
http_wire_send(struct http_wire *w, struct span bytes)
{
  struct span left;
  int r;

  assert(w->left.n == 0);
  r = put_all(w, bytes, &left);
  if (r == 0)
    strbuf_add(&w->left, left.p, left.n);
  return r;
}

int
http_wire_flush(struct http_wire *w)
{
  struct span left, all = strbuf_view(&w->left);
  int r = put_all(w, span_make(all.p + w->at, all.n - w->at), &left);

  w->at = all.n - left.n;
  if (r == 1) { /* most streams are never held up again: give the memory back */
    strbuf_release(&w->left);
    strbuf_init(&w->left, CEIL_SMALL_FILE);
    w->at = 0;
  }
  return r;
}
