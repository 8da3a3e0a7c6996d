#include "http_harness.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs.h"
#include "gnutls_lib.h"
#include "pki.h"

struct tls {
  struct clock *clock;
  struct arena *a;
  char dir[64];
  struct pki *pki, *stranger;
};

static struct pki *
make_pki(struct tls *t, const char *name)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct pki *p = NULL;

  if (pki_open(&(struct pki_config){ .dir = fs_join(t->a, t->dir, name), .clock = t->clock }, &p, &err) < 0)
    fail_msg("%s", err.msg);
  return p;
}

/* Serves TLS instead of what setup() has started. */
static void
tls_start(struct fixture *f, struct tls *t)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  *t = (struct tls){ .clock = f->clock, .a = arena_new(1 << 20), .dir = "/tmp/dralab-http-XXXXXX" };
  assert_non_null(mkdtemp(t->dir));
  t->pki = make_pki(t, "pki");
  t->stranger = make_pki(t, "stranger");
  http_server_free(f->s, 0);
  f->config.cert = pki_server_cert(t->pki);
  f->config.key = pki_server_key(t->pki);
  f->config.client_ca = pki_ca(t->pki);
  assert_int_equal(http_server_new(&f->config, &f->s, &err), 0);
}

static void
tls_stop(struct tls *t)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  pki_free(t->pki);
  pki_free(t->stranger);
  assert_int_equal(fs_remove_tree(t->dir, &err), 0);
  arena_free(t->a);
}

struct tls_client {
  int fd;
  gnutls_session_t session;
  gnutls_certificate_credentials_t cred;
};

/* Checks the server by its CA; shows `cert` when there is one. */
static void
tls_dial(struct fixture *f, struct tls *t, struct span cert, struct span key, struct tls_client *c)
{
  gnutls_datum_t ca = gnutls_datum_of(pki_ca(t->pki)), crt = gnutls_datum_of(cert), private = gnutls_datum_of(key);
  int r;

  c->fd = dial(f);
  assert_int_equal(gnutls_certificate_allocate_credentials(&c->cred), 0);
  assert_int_equal(gnutls_certificate_set_x509_trust_mem(c->cred, &ca, GNUTLS_X509_FMT_PEM), 1);
  if (cert.n)
    assert_int_equal(gnutls_certificate_set_x509_key_mem(c->cred, &crt, &private, GNUTLS_X509_FMT_PEM), 0);
  assert_int_equal(gnutls_init(&c->session, GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT | GNUTLS_NO_SIGNAL), 0);
  assert_int_equal(gnutls_set_default_priority(c->session), 0);
  assert_int_equal(gnutls_credentials_set(c->session, GNUTLS_CRD_CERTIFICATE, c->cred), 0);
  gnutls_session_set_verify_cert(c->session, "localhost", 0);
  gnutls_transport_set_int(c->session, c->fd);
  do {
    r = gnutls_handshake(c->session);
  } while (r < 0 && gnutls_error_is_fatal(r) == 0);
  if (r < 0)
    fail_msg("handshake: %s", gnutls_strerror(r));
}

static void
tls_hang_up(struct tls_client *c)
{
  gnutls_deinit(c->session);
  gnutls_certificate_free_credentials(c->cred);
  close(c->fd);
}

/* Reads until `stop`; gives all of it. */
static const char *
tls_ask(struct tls *t, struct tls_client *c, const char *text, const char *stop)
{
  _cleanup_strbuf_ struct strbuf b;

  strbuf_init(&b, 1 << 20);
  if (text)
    assert_int_equal(gnutls_record_send(c->session, text, strlen(text)), strlen(text));
  while (!b.p || !strstr(b.p, stop)) {
    char buf[4096];
    ssize_t got = gnutls_record_recv(c->session, buf, sizeof buf);

    if (got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED)
      continue;
    if (got <= 0)
      fail_msg("closed after: %s", b.p ? b.p : "");
    strbuf_add(&b, buf, (size_t)got);
  }
  return arena_strdup(t->a, b.p);
}

static void
client_certificates(void **state)
{
  struct fixture *f = *state;
  struct tls t;
  struct tls_client c;

  tls_start(f, &t);
  tls_dial(f, &t, pki_admin_cert(t.pki), pki_admin_key(t.pki), &c);
  for (int i = 0; i < 3; i++)
    assert_non_null(strstr(tls_ask(&t, &c, GET("/who"), "user="), "user=kubernetes-admin/system:masters\n"));
  assert_int_equal(http_server_stats(f->s).connections, 1);
  tls_hang_up(&c);
  tls_dial(f, &t, SPAN(""), SPAN(""), &c);
  assert_non_null(strstr(tls_ask(&t, &c, GET("/who"), "user="), "user=none/\n"));
  tls_hang_up(&c);
  tls_dial(f, &t, pki_admin_cert(t.stranger), pki_admin_key(t.stranger), &c);
  assert_non_null(strstr(tls_ask(&t, &c, GET("/who"), "user="), "user=/\n")); /* shown, and not good */
  tls_hang_up(&c);
  tls_dial(f, &t, pki_server_cert(t.pki), pki_server_key(t.pki), &c); /* ours, and made for something else */
  assert_non_null(strstr(tls_ask(&t, &c, GET("/who"), "user="), "user=/\n"));
  tls_hang_up(&c);
  tls_stop(&t);
}

static void
streams_over_tls(void **state)
{
  struct fixture *f = *state;
  struct tls t;
  struct tls_client c[20];

  tls_start(f, &t);
  for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
    tls_dial(f, &t, SPAN(""), SPAN(""), &c[i]);
    (void)tls_ask(&t, &c[i], GET("/watch"), "chunked");
  }
  wait_streams(f, ARRAY_SIZE(c));
  push_frames(&f->fake, 1);
  for (size_t i = 0; i < ARRAY_SIZE(c); i++)
    (void)tls_ask(&t, &c[i], NULL, "frame 0\n");
  for (size_t i = 0; i < ARRAY_SIZE(c); i++)
    tls_hang_up(&c[i]);
  wait_streams(f, 0);
  tls_stop(&t);
}

#define MANY_FRAMES 600000

static void
read_many(struct tls_client *c, struct frame_reader *r, size_t frames)
{
  char buf[16384];

  while (r->frames < frames) {
    ssize_t got = gnutls_record_recv(c->session, buf, sizeof buf);

    if (got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED)
      continue;
    assert_true(got > 0);
    read_frames(r, buf, (size_t)got);
  }
}

/* A record that does not fit is sent later, and whole. */
static void
a_reader_that_pauses(void **state)
{
  struct fixture *f = *state;
  struct frame_reader r[2] = { { .chunked = true }, { .chunked = true } };
  struct tls_client c[2];
  struct tls t;

  tls_start(f, &t);
  for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
    static const char ask[] = GET("/watch");

    tls_dial(f, &t, SPAN(""), SPAN(""), &c[i]);
    assert_int_equal(gnutls_record_send(c[i].session, ask, strlen(ask)), strlen(ask));
  }
  wait_streams(f, ARRAY_SIZE(c));
  push_frames(&f->fake, MANY_FRAMES);
  for (size_t i = 0; i < ARRAY_SIZE(c); i++)
    read_many(&c[i], &r[i], MANY_FRAMES);
  push_frames(&f->fake, 1);
  for (size_t i = 0; i < ARRAY_SIZE(c); i++)
    read_many(&c[i], &r[i], MANY_FRAMES + 1);
  push_frames(&f->fake, 0);
  wait_streams(f, 0);
  for (size_t i = 0; i < ARRAY_SIZE(c); i++)
    tls_hang_up(&c[i]);
  tls_stop(&t);
}

#define UPGRADE(path) "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"

static void
upgraded_connections(void **state)
{
  struct fixture *f = *state;
  _cleanup_strbuf_ struct strbuf b;
  struct tls t;
  struct tls_client c;
  int fd = dial(f), left = dial(f);

  strbuf_init(&b, 1 << 20);
  say(fd, UPGRADE("/echo") "early");
  read_until(fd, &b, "early");
  assert_non_null(strstr(b.p, "HTTP/1.1 101 "));
  assert_non_null(strcasestr(b.p, "upgrade: echo\r\n"));
  say(fd, "later");
  read_until(fd, &b, "later");
  assert_non_null(strstr(b.p, "\r\n\r\nearlylater"));
  say(left, UPGRADE("/echo") "x");
  strbuf_clear(&b);
  read_until(left, &b, "\r\n\r\nx");
  close(fd); /* the other one is open when the server is stopped */
  tls_start(f, &t);
  close(left);
  tls_dial(f, &t, SPAN(""), SPAN(""), &c);
  assert_non_null(strstr(tls_ask(&t, &c, UPGRADE("/echo"), "\r\n\r\n"), "HTTP/1.1 101 "));
  assert_string_equal(tls_ask(&t, &c, "hello", "hello"), "hello");
  tls_hang_up(&c);
  tls_stop(&t);
}

static void
a_certificate_that_is_none(void **state)
{
  struct fixture *f = *state;
  struct http_config config = f->config;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct http_server *s;

  config.cert = config.key = SPAN("hello");
  assert_int_equal(http_server_new(&config, &s, &err), -KERR_IO);
  assert_non_null(strstr(err.msg, "certificate"));
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, http_setup, http_teardown)
  const struct CMUnitTest tests[] = {
    TEST(client_certificates),  TEST(streams_over_tls),           TEST(a_reader_that_pauses),
    TEST(upgraded_connections), TEST(a_certificate_that_is_none),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
