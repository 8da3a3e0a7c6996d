/* --enable-admission-plugins and --disable-admission-plugins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "apiserver.h"
#include "rest_fixture.h"

static void
names(void **state)
{
  static const struct {
    const char *enable, *disable, *says;
  } rows[] = {
    { NULL, NULL, NULL },
    { "NodeRestriction", NULL, NULL },
    { NULL, "PodSecurity, LimitRanger", NULL },
    { NULL, "AlwaysPullImages,EventRateLimit", NULL }, /* they are off anyhow */
    { "CertificateSubjectRestriction", NULL, NULL },
    { "AlwaysPullImages", NULL, NULL },
    { "EventRateLimit", NULL, "enable-admission-plugins: EventRateLimit is not built here" },
    { "Foo", NULL, "enable-admission-plugins plugin \"Foo\" is unknown" },
    { NULL, "podsecurity", "disable-admission-plugins plugin \"podsecurity\" is unknown" },
    { NULL, "RBACRoles", "disable-admission-plugins plugin \"RBACRoles\" is unknown" }, /* no plugin upstream */
    { NULL, "PodSecurity,", "disable-admission-plugins plugin \"\" is unknown" },
    { "PodSecurity", "LimitRanger,PodSecurity",
      "PodSecurity in enable-admission-plugins and disable-admission-plugins overlapped" },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    int r = apiserver_check_admission(rows[i].enable, rows[i].disable, &err);

    assert_int_equal(r, rows[i].says ? -KERR_USAGE : 0);
    if (rows[i].says)
      assert_string_equal(err.msg, rows[i].says);
  }
}

/* A server without PodSecurity lets in what one with it refuses. */
static void
a_plugin_less(void **state)
{
  static const char ns[] =
      "{\"metadata\":{\"name\":\"n\",\"labels\":{\"pod-security.kubernetes.io/enforce\":\"restricted\"}}}";
  static const char pod[] =
      "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}";
  struct fixture *f = *state;
  struct apiserver_config config = { .personality = f->personality, .store = f->store, .clock = f->clock };
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  (void)must(f, 201, "POST", "/api/v1/namespaces", ns, NULL);
  (void)must(f, 201, "POST", "/api/v1/namespaces/n/serviceaccounts", "{\"metadata\":{\"name\":\"default\"}}", NULL);
  (void)must(f, 403, "POST", "/api/v1/namespaces/n/pods", pod, NULL);
  apiserver_stop(f->server);
  apiserver_free(f->server);
  config.disable_admission = "PodSecurity";
  if (apiserver_new(&config, &f->server, &err) < 0)
    fail_msg("%s", err.msg);
  (void)must(f, 201, "POST", "/api/v1/namespaces/n/pods", pod, NULL);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(names),
    cmocka_unit_test_setup_teardown(a_plugin_less, fixture_setup, fixture_teardown),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
