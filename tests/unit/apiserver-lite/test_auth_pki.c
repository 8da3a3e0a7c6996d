#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fs.h"
#include "pki.h"
#include "pki_cert.h"

#define T0  (1800000000 * CLOCK_SEC)
#define DAY (24 * 3600 * CLOCK_SEC)

struct fixture {
  char dir[64];
  char *pki_dir;
  struct clock *clock;
  struct arena *a;
};

static int
setup(void **state)
{
  struct fixture *f = mem_alloc(sizeof *f);

  (void)snprintf(f->dir, sizeof f->dir, "/tmp/dralab-pki-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  f->pki_dir = mem_printf("%s/deep/pki", f->dir);
  f->clock = clock_new_virtual(T0);
  f->a = arena_new(1 << 20);
  *state = f;
  return 0;
}

static int
teardown(void **state)
{
  struct fixture *f = *state;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  assert_int_equal(fs_remove_tree(f->dir, &err), 0);
  arena_free(f->a);
  clock_free(f->clock);
  free(f->pki_dir);
  free(f);
  return 0;
}

static struct pki *
open_with(struct fixture *f, const char *host)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct pki_config config = { .dir = f->pki_dir, .clock = f->clock, .hosts = &host, .n_hosts = host ? 1 : 0 };
  struct pki *p = NULL;

  if (pki_open(&config, &p, &err) < 0)
    fail_msg("%s", err.msg);
  return p;
}

/* The PEMs of `p`, copied, so that they can be compared with those of another opening. */
struct copy {
  struct span ca, server, server_key, admin, sa;
};

static struct copy
copy(struct fixture *f, const struct pki *p)
{
  return (struct copy){ arena_span(f->a, pki_ca(p)), arena_span(f->a, pki_server_cert(p)),
                        arena_span(f->a, pki_server_key(p)), arena_span(f->a, pki_admin_cert(p)),
                        arena_span(f->a, pki_sa_key(p)) };
}

static void
made_once_and_read_back(void **state)
{
  struct fixture *f = *state;
  static const char *const files[] = { "ca.key", "apiserver.key", "admin.key", "sa.key" };
  struct pki *p = open_with(f, NULL);
  struct copy first = copy(f, p), again;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct stat st;

  assert_int_equal(cert_check_pair(pki_ca(p), SPAN(""), &err), -KERR_PARSE);
  kerr_release(&err);
  assert_int_equal(cert_check_pair(pki_server_cert(p), pki_server_key(p), &err), 0);
  assert_int_equal(cert_check_pair(pki_admin_cert(p), pki_admin_key(p), &err), 0);
  assert_int_equal(cert_check_pair(pki_admin_cert(p), pki_server_key(p), &err), -KERR_PARSE);
  assert_true(cert_is_signed_by(pki_server_cert(p), pki_ca(p)));
  assert_true(cert_is_signed_by(pki_admin_cert(p), pki_ca(p)));
  assert_true(cert_names_host(pki_server_cert(p), "localhost"));
  assert_true(cert_names_host(pki_server_cert(p), "127.0.0.1"));
  assert_true(cert_names_host(pki_server_cert(p), "::1"));
  assert_true(cert_names_host(pki_server_cert(p), "kubernetes.default.svc"));
  assert_false(cert_names_host(pki_server_cert(p), "example.com"));
  pki_free(p);
  for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
    assert_int_equal(stat(fs_join(f->a, f->pki_dir, files[i]), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
  }
  p = open_with(f, NULL);
  again = copy(f, p);
  assert_true(span_eq(first.ca, again.ca) && span_eq(first.server, again.server) && span_eq(first.admin, again.admin) &&
              span_eq(first.sa, again.sa));
  pki_free(p);
}

static void
another_host_renews_the_server(void **state)
{
  struct fixture *f = *state;
  struct pki *p = open_with(f, NULL);
  struct copy first = copy(f, p), second;

  pki_free(p);
  p = open_with(f, "lab.example.com");
  second = copy(f, p);
  assert_true(cert_names_host(pki_server_cert(p), "lab.example.com"));
  assert_true(span_eq(first.ca, second.ca) && span_eq(first.server_key, second.server_key));
  assert_false(span_eq(first.server, second.server));
  pki_free(p);
  p = open_with(f, "lab.example.com");
  assert_true(span_eq(second.server, pki_server_cert(p)));
  pki_free(p);
}

static void
what_expires_is_renewed(void **state)
{
  struct fixture *f = *state;
  struct pki *p = open_with(f, NULL);
  struct copy first = copy(f, p);

  pki_free(p);
  clock_advance(f->clock, (PKI_LEAF_DAYS - PKI_RENEW_DAYS + 1) * DAY);
  p = open_with(f, NULL);
  assert_true(span_eq(first.ca, pki_ca(p)));
  assert_false(span_eq(first.server, pki_server_cert(p)));
  assert_false(span_eq(first.admin, pki_admin_cert(p)));
  assert_true(cert_expiry(pki_server_cert(p)) * CLOCK_SEC > clock_wall(f->clock) + 300 * DAY);
  pki_free(p);
  clock_advance(f->clock, PKI_CA_DAYS * DAY);
  p = open_with(f, NULL);
  assert_false(span_eq(first.ca, pki_ca(p)));
  assert_true(cert_is_signed_by(pki_server_cert(p), pki_ca(p)));
  assert_true(span_eq(first.sa, pki_sa_key(p)));
  pki_free(p);
}

static void
damaged_files_are_left_alone(void **state)
{
  struct fixture *f = *state;
  struct pki_config config = { .dir = f->pki_dir, .clock = f->clock };
  const char *path;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_strbuf_ struct strbuf b;
  struct pki *p = open_with(f, NULL);

  pki_free(p);
  path = fs_join(f->a, f->pki_dir, "ca.crt");
  assert_int_equal(fs_write(path, SPAN("hello\n"), 0644, false, &err), 0);
  assert_int_equal(pki_open(&config, &p, &err), -KERR_PARSE);
  assert_non_null(strstr(err.msg, "ca.crt: not a certificate"));
  strbuf_init(&b, 1024);
  kerr_release(&err);
  assert_int_equal(fs_read(path, &b, &err), 0);
  assert_string_equal(b.p, "hello\n");
  assert_int_equal(remove(fs_join(f->a, f->pki_dir, "ca.key")), 0);
  assert_int_equal(pki_open(&config, &p, &err), -KERR_IO);
  assert_non_null(strstr(err.msg, "a certificate and no key"));
}

static void
certificates_on_request(void **state)
{
  struct fixture *f = *state;
  static const char *const groups[] = { "system:nodes" };
  struct pki *p = open_with(f, NULL);
  struct span cert, key;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  assert_int_equal(pki_issue(p, f->a, "system:node:n1", groups, 1, &cert, &key, &err), 0);
  assert_true(cert_is_signed_by(cert, pki_ca(p)));
  assert_int_equal(cert_check_pair(cert, key, &err), 0);
  pki_free(p);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
  const struct CMUnitTest tests[] = {
    TEST(made_once_and_read_back),      TEST(another_host_renews_the_server), TEST(what_expires_is_renewed),
    TEST(damaged_files_are_left_alone), TEST(certificates_on_request),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
