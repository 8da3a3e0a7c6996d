#include "grpc_link.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gnutls_lib.h"

/* Read at a time. */
#define PIECE ((size_t)64 << 10)
/* Pieces read before it is somebody else's turn. */
#define TURN 64

struct grpc_tls {
  atomic_int refs;
  gnutls_certificate_credentials_t credentials;
};

struct grpc_link {
  int fd;
  struct grpc *g;
  struct grpc_tls *tls;
  gnutls_session_t session; /* NULL: plain */
  bool up;
  short events;
};

/* -- credentials -- */

static int
tls_load(struct grpc_tls *t, struct span ca, struct span cert, struct span key, struct kerr *reterr)
{
  gnutls_datum_t c = gnutls_datum_of(cert), k = gnutls_datum_of(key), a = gnutls_datum_of(ca);
  int r = ca.n ? gnutls_certificate_set_x509_trust_mem(t->credentials, &a, GNUTLS_X509_FMT_PEM)
               : gnutls_certificate_set_x509_system_trust(t->credentials);

  if (r < 0)
    return kerr_set(reterr, KERR_INVALID, NULL, "certificate authority: %s", gnutls_strerror(r));
  if (ca.n && r == 0)
    return kerr_set(reterr, KERR_INVALID, NULL, "certificate authority: there is no certificate in it");
  if (!cert.n && !key.n)
    return 0;
  r = gnutls_certificate_set_x509_key_mem(t->credentials, &c, &k, GNUTLS_X509_FMT_PEM);
  return r < 0 ? kerr_set(reterr, KERR_INVALID, NULL, "client certificate and key: %s", gnutls_strerror(r)) : 0;
}

int
grpc_tls_new(struct span ca, struct span cert, struct span key, struct grpc_tls **ret, struct kerr *reterr)
{
  struct grpc_tls *t = mem_alloc(sizeof *t);
  int r = gnutls_certificate_allocate_credentials(&t->credentials);

  assert(r == 0);
  atomic_init(&t->refs, 1);
  r = tls_load(t, ca, cert, key, reterr);
  if (r < 0) {
    grpc_tls_unref(t);
    return r;
  }
  *ret = t;
  return 0;
}

struct grpc_tls *
grpc_tls_ref(struct grpc_tls *t)
{
  int before = atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);

  assert(before > 0);
  return t;
}

void
grpc_tls_unref(struct grpc_tls *t)
{
  int before;

  if (!t)
    return;
  before = atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel);
  assert(before > 0);
  if (before > 1)
    return;
  gnutls_certificate_free_credentials(t->credentials);
  free(t);
}

/* -- links -- */

static gnutls_session_t
session_new(struct grpc_tls *tls, int fd, const char *host)
{
  static const char priority[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
  gnutls_datum_t h2 = gnutls_datum_of(SPAN("h2"));
  gnutls_session_t s;
  int r = gnutls_init(&s, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);

  assert(r == 0);
  r = gnutls_priority_set_direct(s, priority, NULL);
  assert(r == 0);
  r = gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, tls->credentials);
  assert(r == 0);
  r = gnutls_alpn_set_protocols(s, &h2, 1, GNUTLS_ALPN_MANDATORY);
  assert(r == 0);
  (void)gnutls_server_name_set(s, GNUTLS_NAME_DNS, host, strlen(host)); /* an address is not a name */
  gnutls_session_set_verify_cert(s, host, 0);
  gnutls_transport_set_int(s, fd);
  return s;
}

struct grpc_link *
grpc_link_new(int fd, struct grpc *g, struct grpc_tls *tls, const char *host)
{
  struct grpc_link *l = mem_alloc(sizeof *l);
  int flags = fcntl(fd, F_GETFL);

  (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  l->fd = fd;
  l->g = g;
  l->events = POLLIN | POLLOUT;
  if (tls) {
    l->tls = grpc_tls_ref(tls);
    l->session = session_new(tls, fd, host);
  }
  return l;
}

void
grpc_link_free(struct grpc_link *l, const char *why)
{
  if (!l)
    return;
  grpc_free(l->g, why);
  if (l->session)
    gnutls_deinit(l->session);
  grpc_tls_unref(l->tls);
  (void)close(l->fd);
  free(l);
}

static int
tls_error(struct grpc_link *l, int code, struct kerr *reterr)
{
  gnutls_datum_t why;
  unsigned status;

  if (code != GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR)
    return kerr_set(reterr, KERR_IO, NULL, "TLS: %s", gnutls_strerror(code));
  status = gnutls_session_get_verify_cert_status(l->session);
  if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &why, 0) < 0)
    return kerr_set(reterr, KERR_IO, NULL, "TLS: %s", gnutls_strerror(code));
  kerr_set(reterr, KERR_IO, NULL, "TLS: %s", (const char *)why.data);
  gnutls_free(why.data);
  return -KERR_IO;
}

/* 1: up, 0: not yet. */
static int
get_up(struct grpc_link *l, struct kerr *reterr)
{
  struct pollfd ready = { .fd = l->fd, .events = POLLOUT };
  socklen_t n = sizeof(int);
  int err = 0, r;

  if (l->up)
    return 1;
  if (poll(&ready, 1, 0) <= 0) { /* connecting */
    l->events = POLLOUT;
    return 0;
  }
  if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &err, &n) == 0 && err)
    return kerr_errno(reterr, err, "connect");
  if (l->session) {
    do
      r = gnutls_handshake(l->session);
    while (r < 0 && r != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(r));
    if (r == GNUTLS_E_AGAIN) {
      l->events = gnutls_record_get_direction(l->session) ? POLLOUT : POLLIN;
      return 0;
    }
    if (r < 0)
      return tls_error(l, r, reterr);
  }
  l->up = true;
  return 1;
}

/* As read(2) and write(2), but *again instead of an error when it would have to wait. */
static ssize_t
move(struct grpc_link *l, char *in, const char *out, size_t n, bool *again, struct kerr *reterr)
{
  ssize_t r;

  *again = false;
  if (l->session) {
    do
      r = in ? gnutls_record_recv(l->session, in, n) : gnutls_record_send(l->session, out, n);
    while (r < 0 && r != GNUTLS_E_AGAIN && !gnutls_error_is_fatal((int)r));
    *again = r == GNUTLS_E_AGAIN;
    return r >= 0 || *again ? r : tls_error(l, (int)r, reterr);
  }
  do
    r = in ? recv(l->fd, in, n, 0) : send(l->fd, out, n, MSG_NOSIGNAL);
  while (r < 0 && errno == EINTR);
  *again = r < 0 && errno == EAGAIN;
  return r >= 0 || *again ? r : kerr_errno(reterr, errno, in ? "read" : "write");
}

static int
pump_out(struct grpc_link *l, struct kerr *reterr)
{
  struct span out;

  for (;;) {
    bool again;
    ssize_t n;
    int r = grpc_output(l->g, &out, reterr);

    if (r < 0 || out.n == 0)
      return r;
    n = move(l, NULL, out.p, out.n, &again, reterr);
    if (again) {
      l->events |= POLLOUT;
      return 0;
    }
    if (n < 0)
      return (int)n;
    grpc_sent(l->g, (size_t)n);
  }
}

static int
pump_in(struct grpc_link *l, struct kerr *reterr)
{
  char piece[PIECE];

  for (int i = 0; i < TURN; i++) {
    bool again;
    ssize_t n = move(l, piece, NULL, sizeof piece, &again, reterr);
    int r;

    if (again)
      return 0;
    if (n < 0)
      return (int)n;
    if (n == 0)
      return kerr_set(reterr, KERR_IO, NULL, "the peer closed the connection");
    r = grpc_receive(l->g, span_make(piece, (size_t)n), reterr);
    if (r < 0)
      return r;
  }
  l->events |= POLLOUT; /* there may be more, and poll would not say so for what TLS holds: come back at once */
  return 0;
}

/* The last words, which may tell the peer what was wrong: said if they can be said at once. */
static void
say_last(struct grpc_link *l)
{
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;

  (void)!pump_out(l, &ignored);
}

int
grpc_link_pump(struct grpc_link *l, struct kerr *reterr)
{
  int r = get_up(l, reterr);

  if (r <= 0)
    return r;
  l->events = POLLIN;
  r = pump_in(l, reterr);
  if (r < 0) {
    say_last(l);
    return r;
  }
  r = pump_out(l, reterr);
  if (r == 0 && grpc_is_done(l->g))
    r = kerr_set(reterr, KERR_IO, NULL, "the connection has ended");
  return r;
}

int
grpc_link_fd(const struct grpc_link *l)
{
  return l->fd;
}

short
grpc_link_events(const struct grpc_link *l)
{
  return l->events;
}

bool
grpc_link_is_up(const struct grpc_link *l)
{
  return l->up;
}

struct grpc *
grpc_link_grpc(struct grpc_link *l)
{
  return l->g;
}
