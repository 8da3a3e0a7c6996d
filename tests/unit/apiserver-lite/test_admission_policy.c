/* ValidatingAdmissionPolicy, MutatingAdmissionPolicy and their bindings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "mem.h"
#include "rest_fixture.h"

#define GROUP "/apis/admissionregistration.k8s.io/v1/"
#define MAPS  "/api/v1/namespaces/default/configmaps"

#define RULES                                                                                                       \
  "\"matchConstraints\":{\"resourceRules\":[{\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],\"operations\":[\"*\"]," \
  "\"resources\":[\"configmaps\"]}]}"

/* A policy `p` with these members in its spec, and a binding `b` with those. */
static void
install(struct fixture *f, const char *kind, const char *spec, const char *binding)
{
  const char *lower = kind[0] == 'M' ? "mutatingadmissionpolic" : "validatingadmissionpolic";
  const char *actions = kind[0] == 'M' ? "" : ",\"validationActions\":[\"Deny\"]";

  if (strstr(binding, "validationActions"))
    actions = "";
  (void)must(f, 201, "POST", arena_printf(f->arena, GROUP "%sies", lower),
             arena_printf(f->arena,
                          "{\"apiVersion\":\"admissionregistration.k8s.io/v1\",\"kind\":\"%sAdmissionPolicy\","
                          "\"metadata\":{\"name\":\"p\"},\"spec\":{" RULES "%s}}",
                          kind, spec),
             NULL);
  (void)must(f, 201, "POST", arena_printf(f->arena, GROUP "%sybindings", lower),
             arena_printf(f->arena,
                          "{\"apiVersion\":\"admissionregistration.k8s.io/v1\",\"kind\":\"%sAdmissionPolicyBinding\","
                          "\"metadata\":{\"name\":\"b\"},\"spec\":{\"policyName\":\"p\"%s%s}}",
                          kind, actions, binding),
             NULL);
}

static void
uninstall(struct fixture *f, const char *kind)
{
  const char *lower = kind[0] == 'M' ? "mutatingadmissionpolic" : "validatingadmissionpolic";

  (void)must(f, 200, "DELETE", arena_printf(f->arena, GROUP "%sybindings/b", lower), NULL, NULL);
  (void)must(f, 200, "DELETE", arena_printf(f->arena, GROUP "%sies/p", lower), NULL, NULL);
}

#define MAP(name, more) "{\"metadata\":{\"name\":\"" name "\"" more "},\"data\":{\"k\":\"v\"}}"
#define DENIED          "configmaps \"m\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: "

static void
validations(void **state)
{
  static const struct {
    const char *spec, *binding;
    int status;
    const char *reason, *message, *warnings;
  } rows[] = {
    { ",\"validations\":[{\"expression\":\"object.data.k == 'v'\"}]", "", 201, "", "", "" },
    { ",\"validations\":[{\"expression\":\"object.data.k == 'w'\"}]", "", 422, "Invalid",
      DENIED "failed expression: object.data.k == 'w'", "" },
    { ",\"validations\":[{\"expression\":\"false\",\"message\":\"no\",\"reason\":\"Forbidden\"}]", "", 403, "Forbidden",
      DENIED "no", "" },
    { ",\"validations\":[{\"expression\":\"false\",\"messageExpression\":\"'k is ' + object.data.k\"}]", "", 422,
      "Invalid", DENIED "k is v", "" },
    { ",\"validations\":[{\"expression\":\"false\",\"message\":\"no\"}]", ",\"validationActions\":[\"Warn\"]", 201, "",
      "", "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': no" },
    { ",\"validations\":[{\"expression\":\"false\"}]", ",\"validationActions\":[\"Audit\"]", 201, "", "", "" },
    { ",\"validations\":[{\"expression\":\"object.data.missing == 'x'\"}]", "", 422, "Invalid",
      DENIED "expression 'object.data.missing == 'x'' resulted in error: no such key: missing", "" },
    { ",\"validations\":[{\"expression\":\"object.data.missing == 'x'\"}],\"failurePolicy\":\"Ignore\"", "", 201, "",
      "", "" },
    { ",\"validations\":[{\"expression\":\"request.operation == 'CREATE' && request.userInfo.username == 'admin' && "
      "request.resource.resource == 'configmaps' && oldObject == null && request.namespace == 'default'\"}]",
      "", 201, "", "", "" },
    { ",\"validations\":[{\"expression\":\"namespaceObject.metadata.name == 'default'\"}]", "", 201, "", "", "" },
    { ",\"variables\":[{\"name\":\"x\",\"expression\":\"object.data.k + 'x'\"}],\"validations\":[{\"expression\":"
      "\"variables.x == 'vx'\"}]",
      "", 201, "", "", "" },
    { ",\"validations\":[{\"expression\":\"authorizer.group('').resource('pods').check('get').allowed()\"}]", "", 201,
      "", "", "" },
    { ",\"matchConditions\":[{\"name\":\"c\",\"expression\":\"object.data.k == 'other'\"}],\"validations\":[{"
      "\"expression\":\"false\"}]",
      "", 201, "", "", "" },
    { ",\"validations\":[{\"expression\":\"false\"}]",
      ",\"matchResources\":{\"objectSelector\":{\"matchLabels\":{\"a\":\"b\"}}}", 201, "", "", "" },
    { ",\"validations\":[{\"expression\":\"false\"}]",
      ",\"matchResources\":{\"namespaceSelector\":{\"matchLabels\":{\"kubernetes.io/metadata.name\":\"default\"}}}",
      422, "Invalid", DENIED "failed expression: false", "" },
    { ",\"validations\":[{\"expression\":\"false\"}]",
      ",\"matchResources\":{\"excludeResourceRules\":[{\"apiGroups\":[\"\"],\"apiVersions\":[\"*\"],\"operations\":[\"*"
      "\"],"
      "\"resources\":[\"*\"],\"resourceNames\":[\"m\"]}]}",
      201, "", "", "" },
  };
  struct fixture *f = *state;

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    install(f, "Validating", rows[i].spec, rows[i].binding);
    struct reply r = ask(f, "POST", MAPS, MAP("m", ""), NULL);

    if (r.status != rows[i].status)
      fail_msg("row %zu: %s", i, r.text);
    assert_string_equal(at(f, &r, "/message"), rows[i].message);
    assert_string_equal(at(f, &r, "/reason"), rows[i].reason);
    assert_non_null(strstr(r.warnings, rows[i].warnings));
    if (rows[i].status >= 400)
      assert_string_equal(at(f, &r, "/details/causes/0/message"),
                          strchr(strchr(rows[i].message, ':'), 'V')); /* without `... is forbidden: ` */
    uninstall(f, "Validating");
    if (r.status == 201)
      (void)must(f, 200, "DELETE", MAPS "/m", NULL, NULL);
  }
}

static void
parameters(void **state)
{
#define PARAM_KIND(version, kind)                                   \
  ",\"paramKind\":{\"apiVersion\":\"" version "\",\"kind\":\"" kind \
  "\"},\"validations\":[{\"expression\":\"params == null || params.data.max == 'v'\",\"message\":\"no\"}]"
  static const struct {
    const char *spec, *binding;
    int status;
    const char *message;
  } rows[] = {
    { PARAM_KIND("v1", "ConfigMap"), "", 201, "" },
    { PARAM_KIND("v1", "ConfigMap"), ",\"paramRef\":{\"name\":\"good\",\"parameterNotFoundAction\":\"Deny\"}", 201,
      "" },
    { PARAM_KIND("v1", "ConfigMap"), ",\"paramRef\":{\"name\":\"bad\",\"parameterNotFoundAction\":\"Deny\"}", 422,
      DENIED "no" },
    { PARAM_KIND("v1", "ConfigMap"), ",\"paramRef\":{\"name\":\"none\",\"parameterNotFoundAction\":\"Allow\"}", 201,
      "" },
    { PARAM_KIND("v1", "ConfigMap"), ",\"paramRef\":{\"name\":\"none\",\"parameterNotFoundAction\":\"Deny\"}", 422,
      DENIED "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction" },
    { PARAM_KIND("v1", "ConfigMap"),
      ",\"paramRef\":{\"selector\":{\"matchLabels\":{\"param\":\"yes\"}},\"parameterNotFoundAction\":\"Deny\"}", 422,
      DENIED "no" },
    { PARAM_KIND("v1", "ConfigMap"),
      ",\"paramRef\":{\"name\":\"good\",\"namespace\":\"elsewhere\",\"parameterNotFoundAction\":\"Deny\"}", 422,
      DENIED "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction" },
    { PARAM_KIND("example.com/v1", "Nothing"), "", 422,
      "configmaps \"m\" is forbidden: ValidatingAdmissionPolicy 'p' denied request: failed to configure policy: failed "
      "to find resource referenced by paramKind: 'example.com/v1, Kind=Nothing'" },
    { PARAM_KIND("v1", "Node"),
      ",\"paramRef\":{\"name\":\"n\",\"namespace\":\"default\",\"parameterNotFoundAction\":\"Allow\"}", 422,
      DENIED "failed to configure binding: paramRef.namespace must not be provided for a cluster-scoped `paramKind`" },
  };
  struct fixture *f = *state;

  (void)must(f, 201, "POST", MAPS,
             "{\"metadata\":{\"name\":\"good\",\"labels\":{\"param\":\"yes\"}},\"data\":{\"max\":\"v\"}}", NULL);
  (void)must(f, 201, "POST", MAPS,
             "{\"metadata\":{\"name\":\"bad\",\"labels\":{\"param\":\"yes\"}},\"data\":{\"max\":\"w\"}}", NULL);
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    install(f, "Validating", rows[i].spec, rows[i].binding);
    struct reply r = ask(f, "POST", MAPS "?dryRun=All", MAP("m", ""), NULL);

    if (r.status != rows[i].status)
      fail_msg("row %zu: %s", i, r.text);
    assert_string_equal(at(f, &r, "/message"), rows[i].message);
    uninstall(f, "Validating");
  }
}

static void
deletions_and_updates(void **state)
{
  struct fixture *f = *state;

  (void)must(f, 201, "POST", MAPS, MAP("m", ""), NULL);
  install(
      f, "Validating",
      ",\"validations\":[{\"expression\":\"request.operation != 'DELETE' || object == null && oldObject.data.k == "
      "'w'\"},"
      "{\"expression\":\"request.operation != 'UPDATE' || oldObject.data.k != object.data.k\",\"message\":\"same\"}]",
      "");
  (void)must(f, 422, "DELETE", MAPS "/m", NULL, NULL);
  struct reply r = must(f, 422, "PATCH", MAPS "/m", "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}",
                        "content-type: application/merge-patch+json");

  assert_string_equal(at(f, &r, "/message"), DENIED "same");
  (void)must(f, 200, "PATCH", MAPS "/m", "{\"data\":{\"k\":\"w\"}}", "content-type: application/merge-patch+json");
  (void)must(f, 200, "DELETE", MAPS "/m", NULL, NULL);
}

#define JSON_PATCH(expression)                                                                                   \
  ",\"reinvocationPolicy\":\"Never\",\"mutations\":[{\"patchType\":\"JSONPatch\",\"jsonPatch\":{\"expression\":" \
  "\"" expression "\"}}]"
#define APPLY(expression)                                                                                              \
  ",\"reinvocationPolicy\":\"IfNeeded\",\"mutations\":[{\"patchType\":\"ApplyConfiguration\",\"applyConfiguration\":{" \
  "\"expression\":\"" expression "\"}}]"
#define REFUSED "policy 'p' with binding 'b' denied request: "

static void
mutations(void **state)
{
  static const struct {
    const char *spec;
    int status;
    const char *pointer, *value; /* in the object or the refusal */
  } rows[] = {
    { JSON_PATCH("[JSONPatch{op: 'replace', path: '/data/k', value: 'new'}]"), 201, "/data/k", "new" },
    { JSON_PATCH("[JSONPatch{op: 'add', path: '/metadata/labels', value: {'a': object.data.k}}]"), 201,
      "/metadata/labels/a", "v" },
    { JSON_PATCH("[JSONPatch{op: 'test', path: '/data/k', value: 'other'}, JSONPatch{op: 'remove', path: '/data/k'}]"),
      201, "/data/k", "v" },
    { JSON_PATCH("[JSONPatch{op: 'remove', path: '/data/none'}]"), 403, "/message",
      REFUSED
      "JSON Patch: error in remove for path: '/data/none': Unable to remove nonexistent key: none: missing value" },
    { JSON_PATCH("[JSONPatch{op: 'add', path: '/unknown', value: 1}]"), 500, "/message",
      "Internal error occurred: strict decoding error: unknown field \\\"unknown\\\"" },
    { APPLY("Object{metadata: Object.metadata{labels: {'a': 'b'}}}"), 201, "/metadata/labels/a", "b" },
    { APPLY("Object{data: {'more': 'x'}}"), 201, "/data/k", "v" },
    { APPLY("Object{metadata: Object.metadata{labels: {'a': object.data.none}}}"), 403, "/reason", "Invalid" },
  };
  struct fixture *f = *state;

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    install(f, "Mutating", rows[i].spec, "");
    struct reply r = ask(f, "POST", MAPS "?dryRun=All", MAP("m", ""), NULL);

    if (r.status != rows[i].status || !strstr(r.text, rows[i].value))
      fail_msg("row %zu: %s", i, r.text);
    if (rows[i].status < 400)
      assert_string_equal(at(f, &r, rows[i].pointer), rows[i].value);
    uninstall(f, "Mutating");
  }
}

/* What would be replaced as a whole may not be applied. */
static void
atomic_lists(void **state)
{
  static const char policy[] =
      "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"reinvocationPolicy\":\"Never\",\"matchConstraints\":{"
      "\"resourceRules\":[{"
      "\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],\"operations\":[\"CREATE\"],\"resources\":[\"pods\"]}]},"
      "\"mutations\":[{\"patchType\":\"ApplyConfiguration\",\"applyConfiguration\":{\"expression\":"
      "\"Object{spec: Object.spec{tolerations: [Object.spec.tolerations{key: 'x'}]}}\"}}]}}";
  struct fixture *f = *state;

  (void)must(f, 201, "POST", "/api/v1/namespaces/default/serviceaccounts", "{\"metadata\":{\"name\":\"default\"}}",
             NULL);
  (void)must(f, 201, "POST", GROUP "mutatingadmissionpolicies", policy, NULL);
  (void)must(f, 201, "POST", GROUP "mutatingadmissionpolicybindings",
             "{\"metadata\":{\"name\":\"b\"},\"spec\":{\"policyName\":\"p\"}}", NULL);
  struct reply r =
      must(f, 403, "POST", "/api/v1/namespaces/default/pods",
           "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}", NULL);

  assert_string_equal(at(f, &r, "/message"),
                      REFUSED "error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or "
                              "structs: .spec.tolerations");
}

/* Policies are not asked about themselves. */
static void
exempt(void **state)
{
  struct fixture *f = *state;

  (void)must(f, 201, "POST", GROUP "validatingadmissionpolicies",
             "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"matchConstraints\":{\"resourceRules\":[{\"apiGroups\":[\"*\"],"
             "\"apiVersions\":[\"*\"],\"operations\":[\"*\"],\"resources\":[\"*\"]}]},\"validations\":[{\"expression\":"
             "\"false\"}]}}",
             NULL);
  (void)must(f, 201, "POST", GROUP "validatingadmissionpolicybindings",
             "{\"metadata\":{\"name\":\"b\"},\"spec\":{\"policyName\":\"p\",\"validationActions\":[\"Deny\"]}}", NULL);
  (void)must(f, 422, "POST", MAPS, MAP("m", ""), NULL);
  uninstall(f, "Validating");
  (void)must(f, 201, "POST", MAPS, MAP("m", ""), NULL);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
  const struct CMUnitTest tests[] = {
    TEST(validations), TEST(parameters), TEST(deletions_and_updates), TEST(mutations), TEST(atomic_lists), TEST(exempt),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
