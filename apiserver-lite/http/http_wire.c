#include "http_wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ceilings.h"
#include "gnutls_lib.h"

#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
/* Of TLS: the most that a record can carry. Of a read: one such record, with its wrapping. */
#define RECORD_MAX 16384
#define READ_MAX   (RECORD_MAX + 512)
/* Memory that a silent connection keeps. */
#define OUT_KEPT 4096

int
http_tls_new(struct span cert, struct span key, struct span client_ca, struct http_tls **ret, struct kerr *reterr)
{
  gnutls_datum_t c = gnutls_datum_of(cert), k = gnutls_datum_of(key), ca = gnutls_datum_of(client_ca);
  struct http_tls *t = mem_alloc(sizeof *t);
  int r = gnutls_certificate_allocate_credentials(&t->credentials);

  if (r >= 0)
    r = gnutls_certificate_set_x509_key_mem(t->credentials, &c, &k, GNUTLS_X509_FMT_PEM);
  if (r >= 0 && client_ca.n)
    r = gnutls_certificate_set_x509_trust_mem(t->credentials, &ca, GNUTLS_X509_FMT_PEM);
  if (r >= 0)
    r = gnutls_priority_init(&t->priorities, PRIORITIES, NULL);
  if (r < 0) {
    http_tls_free(t);
    return kerr_set(reterr, KERR_IO, NULL, "cannot start the HTTP server: are certificate and key good? %s",
                    gnutls_strerror(r));
  }
  t->wants_certificate = client_ca.n > 0;
  *ret = t;
  return 0;
}

void
http_tls_free(struct http_tls *t)
{
  if (!t)
    return;
  if (t->priorities)
    gnutls_priority_deinit(t->priorities);
  if (t->credentials)
    gnutls_certificate_free_credentials(t->credentials);
  free(t);
}

/* -- what TLS reads and writes -- */

static ssize_t
pull(gnutls_transport_ptr_t p, void *to, size_t max)
{
  struct http_wire *w = p;
  size_t n = w->raw.n < max ? w->raw.n : max;

  if (n == 0) {
    gnutls_transport_set_errno(w->session, EAGAIN);
    return -1;
  }
  memcpy(to, w->raw.p, n);
  w->raw = span_make(w->raw.p + n, w->raw.n - n);
  return (ssize_t)n;
}

static int
pull_timeout(gnutls_transport_ptr_t p, unsigned ms)
{
  struct http_wire *w = p;

  (void)ms;
  return w->raw.n > 0;
}

static ssize_t
push(gnutls_transport_ptr_t p, const giovec_t *pieces, int n)
{
  struct http_wire *w = p;
  ssize_t taken = 0;

  for (int i = 0; i < n; i++) {
    strbuf_add(&w->out, pieces[i].iov_base, pieces[i].iov_len);
    taken += (ssize_t)pieces[i].iov_len;
  }
  if (!strbuf_overflowed(&w->out))
    return taken;
  gnutls_transport_set_errno(w->session, ENOBUFS);
  return -1;
}

/* -- wires -- */

void
http_wire_init(struct http_wire *w, int fd, const struct http_tls *t)
{
  int on = 1;

  *w = (struct http_wire){ .fd = fd };
  strbuf_init(&w->out, CEIL_REPLY);
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* what is written is complete */
  if (!t)
    return;
  if (gnutls_init(&w->session, GNUTLS_SERVER | GNUTLS_NONBLOCK) < 0)
    abort(); /* it had no memory */
  (void)gnutls_priority_set(w->session, t->priorities);
  (void)gnutls_credentials_set(w->session, GNUTLS_CRD_CERTIFICATE, t->credentials);
  if (t->wants_certificate)
    gnutls_certificate_server_set_request(w->session, GNUTLS_CERT_REQUEST);
  gnutls_handshake_set_timeout(w->session, GNUTLS_INDEFINITE_TIMEOUT); /* silence is noticed elsewhere */
  gnutls_transport_set_ptr(w->session, w);
  gnutls_transport_set_pull_function(w->session, pull);
  gnutls_transport_set_pull_timeout_function(w->session, pull_timeout);
  gnutls_transport_set_vec_push_function(w->session, push);
}

void
http_wire_release(struct http_wire *w)
{
  if (w->session)
    gnutls_deinit(w->session);
  strbuf_release(&w->out);
  if (w->fd >= 0)
    (void)close(w->fd);
}

static bool
goes_on(ssize_t r)
{
  return r == GNUTLS_E_AGAIN || r == GNUTLS_E_INTERRUPTED || r == GNUTLS_E_WARNING_ALERT_RECEIVED;
}

/* Decrypts what has been received: 0, or -1: the end, or an error. */
static int
decrypt(struct http_wire *w, struct strbuf *in)
{
  for (;;) {
    ssize_t r;

    if (!w->shaken) {
      r = gnutls_handshake(w->session);
      w->shaken = r == 0;
    } else {
      char plain[RECORD_MAX];

      r = gnutls_record_recv(w->session, plain, sizeof plain);
      if (r > 0)
        strbuf_add(in, plain, (size_t)r);
      if (r == 0 || strbuf_overflowed(in))
        return -1;
    }
    if (r < 0 && r != GNUTLS_E_WARNING_ALERT_RECEIVED)
      return goes_on(r) ? 0 : -1;
  }
}

int
http_wire_read(struct http_wire *w, struct strbuf *in)
{
  size_t before = in->n;
  char raw[READ_MAX];
  ssize_t n = recv(w->fd, raw, sizeof raw, 0);
  int r;

  if (n < 0)
    return errno == EAGAIN || errno == EINTR ? 0 : -1;
  if (n == 0)
    return -1;
  w->raw = span_make(raw, (size_t)n);
  if (!w->session) {
    strbuf_span(in, w->raw);
    return strbuf_overflowed(in) ? -1 : 1;
  }
  r = decrypt(w, in);
  w->raw = span_make(NULL, 0);
  (void)http_wire_flush(w); /* the handshake's answer, or an alert */
  if (in->n > before)
    return 1;
  return r < 0 ? -1 : (size_t)n == sizeof raw;
}

bool
http_wire_write(struct http_wire *w, struct span bytes)
{
  if (!w->session)
    strbuf_span(&w->out, bytes);
  while (w->session && bytes.n) {
    ssize_t n = gnutls_record_send(w->session, bytes.p, bytes.n < RECORD_MAX ? bytes.n : RECORD_MAX);

    if (n <= 0)
      return false;
    bytes = span_make(bytes.p + n, bytes.n - (size_t)n);
  }
  return !strbuf_overflowed(&w->out);
}

int
http_wire_flush(struct http_wire *w)
{
  while (w->sent < w->out.n) {
    ssize_t n = send(w->fd, w->out.p + w->sent, w->out.n - w->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return errno == EAGAIN ? 0 : -1;
    w->sent += (size_t)n;
  }
  w->sent = 0;
  if (w->out.cap > OUT_KEPT) {
    strbuf_release(&w->out);
    strbuf_init(&w->out, CEIL_REPLY);
  } else {
    strbuf_clear(&w->out);
  }
  return 1;
}

void
http_wire_bye(struct http_wire *w)
{
  if (w->session && w->shaken)
    (void)gnutls_bye(w->session, GNUTLS_SHUT_WR);
  (void)http_wire_flush(w);
  (void)shutdown(w->fd, SHUT_WR);
}
