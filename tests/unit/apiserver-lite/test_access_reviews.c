#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "authz.h"
#include "rest_fixture.h"

#define REVIEWS "/apis/authorization.k8s.io/v1/subjectaccessreviews"
#define SELF    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
#define LOCAL   "/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews"
#define PODS(more) \
  "{\"spec\":{\"user\":\"u\",\"resourceAttributes\":{\"verb\":\"list\",\"resource\":\"pods\"" more "}}}"
#define FIELDS(selector)             PODS(",\"fieldSelector\":" selector)
#define LABELS(selector)             PODS(",\"labelSelector\":" selector)
#define REQUIREMENT(key, op, values) "{\"key\":\"" key "\",\"operator\":\"" op "\",\"values\":[" values "]}"

static void
wrong_reviews_are_refused(void **state)
{
  static const struct {
    const char *path, *body, *problem; /* one of the causes: "FIELD: MESSAGE" */
  } rows[] = {
    { REVIEWS, "{}", "spec: Invalid value: null: exactly one of" },
    { REVIEWS, "{\"spec\":{\"user\":\"u\",\"resourceAttributes\":{},\"nonResourceAttributes\":{\"path\":\"/\"}}}",
      "spec: Invalid value: {\"Path\":\"/\",\"Verb\":\"\"}: exactly one of" },
    { REVIEWS, "{\"spec\":{\"resourceAttributes\":{}}}",
      "spec.user: Invalid value: \"\": at least one of user or group" },
    { REVIEWS, "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"user\":\"u\",\"resourceAttributes\":{}}}",
      "metadata: Invalid value: {\"name\":\"x\"" },
    { SELF, "{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"resourceAttributes\":{}}}",
      "metadata: Invalid value:" },
    { LOCAL, "{\"spec\":{\"user\":\"u\",\"nonResourceAttributes\":{\"verb\":\"get\",\"path\":\"/\"}}}",
      "spec.nonResourceAttributes: Invalid value: {\"Path\":\"/\",\"Verb\":\"get\"}: disallowed" },
    { LOCAL, "{\"spec\":{\"user\":\"u\",\"resourceAttributes\":{\"verb\":\"get\"}}}",
      "spec.resourceAttributes.namespace: Invalid value: \"\": must match metadata.namespace" },
    { REVIEWS, FIELDS("{}"), "spec.resourceAttributes.fieldSelector.requirements: Required value: when" },
    { REVIEWS, LABELS("{\"rawSelector\":\"a\",\"requirements\":[" REQUIREMENT("a", "Exists", "") "]}"),
      "spec.resourceAttributes.labelSelector.rawSelector: Invalid value: \"a\": may not specified at the same time" },
    { REVIEWS, FIELDS("{\"requirements\":[" REQUIREMENT("", "In", "") "]}"),
      "spec.resourceAttributes.fieldSelector.requirements[0].key: Required value: must be specified" },
    { REVIEWS, LABELS("{\"requirements\":[" REQUIREMENT("a", "Exists", "\"b\"") "]}"),
      "spec.resourceAttributes.labelSelector.requirements[0].values: Forbidden" },
    { REVIEWS, LABELS("{\"requirements\":[" REQUIREMENT("!", "Gt", "\"1\"") "]}"),
      "spec.resourceAttributes.labelSelector.requirements[0].key: Invalid value: \"!\"" },
  };
  struct fixture *f = *state;

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    struct reply r = must(f, 422, "POST", rows[i].path, rows[i].body, NULL);

    if (!strstr(at(f, &r, "/message"), rows[i].problem))
      fail_msg("%s: %s", rows[i].body, at(f, &r, "/message"));
  }
}

#define IGNORED(which, how) "spec.resourceAttributes." which "Selector " how "ignored due to parse error"

static void
what_is_not_understood_is_told(void **state)
{
  static const struct {
    const char *body, *error;
  } rows[] = {
    { PODS(""), "" },
    { FIELDS("{\"rawSelector\":\"a=b,c!=d\"}"), "" },
    { FIELDS("{\"rawSelector\":\"a\"}"), IGNORED("field", "") },
    { FIELDS("{\"requirements\":[" REQUIREMENT("a", "NotIn", "\"b\"") "]}"), "" },
    { FIELDS("{\"requirements\":[" REQUIREMENT("a", "In", "\"b\",\"c\"") "]}"), IGNORED("field", "") },
    { FIELDS("{\"requirements\":[" REQUIREMENT("a", "Exists", "") "," REQUIREMENT("a", "In", "\"b\"") "]}"),
      IGNORED("field", "partially ") },
    { LABELS("{\"rawSelector\":\"a in (b),!c\"}"), "" },
    { LABELS("{\"rawSelector\":\"a in (\"}"), IGNORED("label", "") },
    { LABELS("{\"requirements\":[" REQUIREMENT("a", "Gt", "\"1\"") "]}"), IGNORED("label", "") },
    { LABELS("{\"requirements\":[" REQUIREMENT("a", "DoesNotExist", "") "," REQUIREMENT("a", "Like", "\"b\"") "]}"),
      IGNORED("label", "partially ") },
    { PODS(",\"fieldSelector\":{\"rawSelector\":\"a\"},\"labelSelector\":{\"rawSelector\":\"(\"}"),
      IGNORED("field", "") "; " IGNORED("label", "") },
  };
  struct fixture *f = *state;

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    struct reply r = must(f, 201, "POST", REVIEWS, rows[i].body, NULL);

    assert_string_equal(at(f, &r, "/status/evaluationError"), rows[i].error);
  }
}

/* A release that has the fields but not the feature acts as if they were not there. */
static void
older_releases_do_not_look(void **state)
{
  struct fixture *f = *state, old = *f;
  struct store_config store = { .backend = "memory", .clock = f->clock };
  struct apiserver_config config = { .clock = f->clock };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct reply r;

  if (personality_new("1.31", NULL, NULL, &old.personality, &err) < 0 || store_open(&store, &old.store, &err) < 0 ||
      authz_new("RBAC", old.personality, &old.authz, &err) < 0)
    fail_msg("%s", err.msg);
  config.personality = old.personality;
  config.store = old.store;
  config.authz = old.authz;
  if (apiserver_new(&config, &old.server, &err) < 0)
    fail_msg("%s", err.msg);
  r = must(&old, 201, "POST", REVIEWS, FIELDS("{\"rawSelector\":\"a\"}"), NULL);
  assert_string_equal(at(f, &r, "/status/evaluationError"), "");
  assert_string_equal(at(f, &r, "/spec/resourceAttributes/fieldSelector/rawSelector"), "");
  (void)must(&old, 201, "POST", REVIEWS, LABELS("{}"), NULL);
  apiserver_free(old.server);
  authz_free(old.authz);
  store_free(old.store);
  personality_unref(old.personality);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(wrong_reviews_are_refused, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(what_is_not_understood_is_told, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(older_releases_do_not_look, fixture_setup_rbac, fixture_teardown),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
