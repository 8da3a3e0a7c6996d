#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "ceilings.h"
#include "fs.h"
#include "kubeconfig.h"
#include "yaml.h"

struct home {
  char dir[64];
  struct arena *a;
  struct clock *clock;
};

static int
make_home(void **state)
{
  struct home *h = mem_alloc(sizeof *h);

  snprintf(h->dir, sizeof h->dir, "/tmp/dralab-kubeconfig-XXXXXX");
  h->a = arena_new(CEIL_ARENA_REQUEST);
  h->clock = clock_new_real();
  *state = h;
  setenv("HOME", mkdtemp(h->dir), 1);
  unsetenv("KUBECONFIG");
  return 0;
}

static int
remove_home(void **state)
{
  struct home *h = *state;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int r = fs_remove_tree(h->dir, &err);

  arena_free(h->a);
  clock_free(h->clock);
  free(h);
  return r;
}

static const char *
file(struct home *h, const char *name, const char *content)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const char *path = fs_join(h->a, h->dir, name);

  if (content)
    assert_int_equal(fs_write(path, span_of(content), 0600, false, &err), 0);
  return path;
}

static const char *
content(struct home *h, const char *path)
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(CEIL_SMALL_FILE);
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  assert_int_equal(fs_read(path, &b, &err), 0);
  return arena_strndup(h->a, b.p, b.n);
}

static const char first[] = "apiVersion: v1\n"
                            "kind: Config\n"
                            "current-context: one\n"
                            "preferences: {colors: true}\n"
                            "clusters:\n"
                            "- name: c1\n"
                            "  cluster: {server: 'https://one:6443', certificate-authority: ca.pem}\n"
                            "contexts:\n"
                            "- name: one\n"
                            "  context: {cluster: c1, user: u1, namespace: team}\n"
                            "- name: broken\n"
                            "  context: {cluster: nowhere, user: u1}\n"
                            "users:\n"
                            "- name: u1\n"
                            "  user: {client-certificate-data: Y2VydA==, client-key-data: a2V5}\n"
                            "- name: plugin\n"
                            "  user: {exec: {command: login}}\n";
static const char second[] = "current-context: two\n"
                             "clusters:\n"
                             "- name: c1\n"
                             "  cluster: {server: 'https://shadowed:6443'}\n"
                             "- name: c2\n"
                             "  cluster: {server: 'https://two', insecure-skip-tls-verify: true}\n"
                             "contexts:\n"
                             "- name: two\n"
                             "  context: {cluster: c2, user: u2}\n"
                             "- name: three\n"
                             "  context: {cluster: c1, user: plugin}\n"
                             "users:\n"
                             "- name: u2\n"
                             "  user: {tokenFile: token}\n";

static void
files_are_merged_for_reading(void **state)
{
  struct home *h = *state;
  struct kubeconfig_access got;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  file(h, "ca.pem", "CA");
  file(h, "token", "secret\n");
  setenv("KUBECONFIG", arena_printf(h->a, "%s:%s:%s", file(h, "none", NULL), file(h, "a", first), file(h, "b", second)),
         1);
  assert_int_equal(kubeconfig_load(h->a, NULL, NULL, &got, &err), 0);
  assert_string_equal(got.context, "one");
  assert_string_equal(got.ns, "team");
  assert_string_equal(got.remote.server, "https://one:6443"); /* the first one wins */
  assert_string_equal(got.remote.ca_pem, "CA");
  assert_string_equal(got.remote.cert_pem, "cert");
  assert_string_equal(got.remote.key_pem, "key");
  assert_null(got.remote.token);
  assert_int_equal(kubeconfig_load(h->a, NULL, "two", &got, &err), 0);
  assert_string_equal(got.remote.token, "secret");
  assert_true(got.remote.insecure);
  assert_string_equal(got.ns, "default");
}

static void
what_cannot_be_loaded(void **state)
{
  struct home *h = *state;
  static const struct {
    const char *context, *want;
    int code;
  } rows[] = {
    { "none", "context \"none\" does not exist", KERR_NOT_FOUND },
    { "broken", "cluster \"nowhere\" does not exist", KERR_NOT_FOUND },
    { "three", "auth info \"plugin\" does not exist", KERR_NOT_FOUND },
  };
  struct kubeconfig_access got;
  _cleanup_kerr_ struct kerr err = KERR_INIT, none = KERR_INIT, missing = KERR_INIT, bad = KERR_INIT;
  const char *path = file(h, "a", arena_printf(h->a, "%s%s", first, ""));

  assert_int_equal(kubeconfig_load(h->a, NULL, NULL, &got, &none), -KERR_NOT_FOUND); /* no ~/.kube/config */
  assert_int_equal(kubeconfig_load(h->a, file(h, "x", NULL), NULL, &got, &missing), -KERR_NOT_FOUND);
  for (size_t i = 0; i < 2; i++) {
    _cleanup_kerr_ struct kerr e = KERR_INIT;

    assert_int_equal(kubeconfig_load(h->a, path, rows[i].context, &got, &e), -rows[i].code);
    assert_string_equal(e.msg, rows[i].want);
  }
  path = file(h, "b", second);
  assert_int_equal(kubeconfig_load(h->a, path, rows[2].context, &got, &err), -rows[2].code);
  assert_string_equal(err.msg, rows[2].want);
  assert_int_equal(kubeconfig_load(h->a, file(h, "c", "a: [\n"), NULL, &got, &bad), -KERR_PARSE);
  assert_non_null(strstr(bad.msg, "error loading config file"));
}

static void
a_cluster_comes_and_goes(void **state)
{
  struct home *h = *state;
  const struct kclient_remote remote = {
    .server = "https://127.0.0.1:1", .ca_pem = "CA", .cert_pem = "CERT", .key_pem = "KEY"
  };
  struct json *conf = kubeconfig_new(h->a, "dralab-x", &remote), *before, *after;
  const char *path = file(h, "a", first);
  struct kubeconfig_access got;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct stat st;

  assert_int_equal(yaml_parse(h->a, span_of(first), NULL, &before, &err), 0);
  assert_int_equal(kubeconfig_merge(path, conf, h->clock, &err), 0);
  assert_int_equal(kubeconfig_merge(path, conf, h->clock, &err), 0); /* again: replaced, not doubled */
  assert_int_equal(kubeconfig_load(h->a, path, NULL, &got, &err), 0);
  assert_string_equal(got.context, "dralab-x");
  assert_string_equal(got.remote.ca_pem, "CA");
  assert_string_equal(got.remote.cert_pem, "CERT");
  assert_string_equal(got.remote.key_pem, "KEY");
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  assert_int_equal(kubeconfig_remove(path, "dralab-x", h->clock, &err), 0);
  assert_int_equal(kubeconfig_remove(path, "dralab-x", h->clock, &err), 0);
  assert_int_equal(yaml_parse(h->a, span_of(content(h, path)), NULL, &after, &err), 0);
  json_set_str(h->a, before, "current-context", "");
  assert_true(json_equal(before, after)); /* everything else is still there */
  assert_false(fs_exists(fs_join(h->a, h->dir, "a.lock")));
}

static void
the_default_file_is_made(void **state)
{
  struct home *h = *state;
  const struct kclient_remote remote = { .server = "https://127.0.0.1:1", .token = "t" };
  struct kubeconfig_access got;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  assert_int_equal(kubeconfig_merge(NULL, kubeconfig_new(h->a, "dralab-x", &remote), h->clock, &err), 0);
  assert_true(fs_exists(fs_join(h->a, h->dir, ".kube/config")));
  assert_int_equal(kubeconfig_load(h->a, NULL, NULL, &got, &err), 0);
  assert_string_equal(got.remote.token, "t");
}

static void
a_link_stays_a_link(void **state)
{
  struct home *h = *state;
  const struct kclient_remote remote = { .server = "https://127.0.0.1:1" };
  const char *real = file(h, "real", first), *link = fs_join(h->a, h->dir, "link");
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct stat st;

  assert_int_equal(symlink(real, link), 0);
  assert_int_equal(kubeconfig_merge(link, kubeconfig_new(h->a, "dralab-x", &remote), h->clock, &err), 0);
  assert_int_equal(lstat(link, &st), 0);
  assert_true(S_ISLNK(st.st_mode));
  assert_non_null(strstr(content(h, real), "dralab-x"));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(files_are_merged_for_reading, make_home, remove_home),
    cmocka_unit_test_setup_teardown(what_cannot_be_loaded, make_home, remove_home),
    cmocka_unit_test_setup_teardown(a_cluster_comes_and_goes, make_home, remove_home),
    cmocka_unit_test_setup_teardown(the_default_file_is_made, make_home, remove_home),
    cmocka_unit_test_setup_teardown(a_link_stays_a_link, make_home, remove_home),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
