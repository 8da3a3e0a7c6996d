/* Objects, statuses, gates and the helpers of an exchange. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "ceilings.h"
#include "exchange.h"
#include "gates.h"
#include "object.h"
#include "pod_claims.h"
#include "status.h"
#include "test_parse.h"

static void
objects(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *o = test_parse(
      a, "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\",\"namespace\":\"n\",\"uid\":\"u\","
         "\"deletionTimestamp\":\"2026-01-01T00:00:00Z\",\"finalizers\":[\"a\",\"b\"],\"ownerReferences\":"
         "[{\"uid\":\"x\"},{\"uid\":\"y\",\"controller\":true}]}}");
  const char *group, *version;

  (void)state;
  assert_string_equal(object_key(a, o), "n/p");
  assert_true(object_is_deleting(o));
  assert_true(object_has_finalizer(o, "b"));
  assert_false(object_has_finalizer(o, "c"));
  assert_true(object_is_controlled_by(o, "y"));
  assert_false(object_is_controlled_by(o, "x"));
  assert_string_equal(object_name(NULL), "");
  assert_string_equal(gv_text(a, "resource.k8s.io", "v1"), "resource.k8s.io/v1");
  assert_int_equal(gv_parse(a, "resource.k8s.io/v1", &group, &version, &err), 0);
  assert_string_equal(group, "resource.k8s.io");
  assert_int_equal(gv_parse(a, "v1", &group, &version, &err), 0);
  assert_string_equal(group, "");
  assert_int_equal(gv_parse(a, "a/b/c", &group, &version, &err), -KERR_BAD_REQUEST);
  assert_string_equal(err.msg, "unexpected GroupVersion string: a/b/c");
}

static void
conditions_keep_their_time_until_the_status_changes(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct json *o = json_new_object(a);

  (void)state;
  assert_true(object_set_condition(a, o, "Ready", "False", "Starting", "wait", 0));
  assert_false(object_set_condition(a, o, "Ready", "False", "Starting", "wait", CLOCK_SEC));
  assert_true(object_set_condition(a, o, "Ready", "False", "Failed", "no", 2 * CLOCK_SEC));
  assert_string_equal(json_get_str(object_condition(o, "Ready"), "lastTransitionTime"), "1970-01-01T00:00:00Z");
  assert_true(object_set_condition(a, o, "Ready", "True", "Done", "", 3 * CLOCK_SEC));
  assert_string_equal(json_get_str(object_condition(o, "Ready"), "lastTransitionTime"), "1970-01-01T00:00:03Z");
  assert_int_equal(json_count(json_dig(o, "status", "conditions", NULL)), 1);
}

/* Shapes as kube-apiserver 1.37.2 gives them. */
static void
statuses(void **state)
{
  static const struct status_subject claim = {
    .group = "resource.k8s.io", .resource = "resourceclaims", .kind = "ResourceClaim", .name = "c"
  };
  static const struct status_subject nobody = { .name = "" };
  static const struct {
    enum kerr_code code;
    const char *msg;
    const struct status_subject *about;
    int retry;
    const char *want;
  } rows[] = {
    { KERR_NOT_FOUND, "resourceclaims.resource.k8s.io \"c\" not found", &claim, 0,
      "\"message\":\"resourceclaims.resource.k8s.io \\\"c\\\" not "
      "found\",\"reason\":\"NotFound\",\"details\":{\"name\":\"c\","
      "\"group\":\"resource.k8s.io\",\"kind\":\"resourceclaims\"},\"code\":404}" },
    { KERR_NOT_FOUND, "the server could not find the requested resource", &nobody, 0,
      "\"message\":\"the server could not find the requested "
      "resource\",\"reason\":\"NotFound\",\"details\":{},\"code\":404}" },
    { KERR_BAD_REQUEST, "no", &claim, 0, "\"message\":\"no\",\"reason\":\"BadRequest\",\"code\":400}" },
    { KERR_UNAUTHORIZED, "Unauthorized", NULL, 0,
      "\"message\":\"Unauthorized\",\"reason\":\"Unauthorized\",\"code\":401}" },
    { KERR_INTERNAL, "Internal error occurred: x", &claim, 0,
      "\"message\":\"Internal error occurred: "
      "x\",\"reason\":\"InternalError\",\"details\":{\"causes\":[{\"message\":\"x\"}]},"
      "\"code\":500}" },
    { KERR_INTERNAL, "failed to create", &claim, 0, "\"message\":\"failed to create\",\"code\":500}" },
    { KERR_TOO_MANY_REQUESTS, "slow", NULL, 1,
      "\"message\":\"slow\",\"reason\":\"TooManyRequests\",\"details\":{\"retryAfterSeconds\":1},\"code\":429}" },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
    _cleanup_kerr_ struct kerr err = KERR_INIT, back = KERR_INIT;
    struct json *s;

    kerr_set(&err, rows[i].code, NULL, "%s", rows[i].msg);
    s = status_from_kerr(a, &err, rows[i].about, rows[i].retry);
    assert_string_equal(
        json_text(a, s, 0),
        arena_printf(a, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",%s",
                     rows[i].want));
    assert_int_equal(status_to_kerr(s, 0, &back), -(int)rows[i].code);
    assert_string_equal(back.msg, rows[i].msg);
  }
}

static void
invalid_objects(void **state)
{
  static const struct status_subject claim = { .group = "resource.k8s.io", .kind = "ResourceClaim", .name = "c" };
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct field_errors errs = { .a = a };
  struct json *s;

  (void)state;
  field_errors_add(&errs, FIELD_REQUIRED, "spec.a", NULL, "must be given");
  field_errors_add_str(&errs, FIELD_INVALID, "spec.b", "x\"y\n", "must be %d", 3);
  field_errors_add(&errs, FIELD_TOO_MANY, "spec.c", "33", "must have at most 32 items");
  field_errors_add(&errs, FIELD_FORBIDDEN, "spec.d", "ignored", "%s", "");
  field_errors_add(&errs, FIELD_REQUIRED, "spec.a", NULL, "must be given");
  s = status_invalid(a, &claim, &errs);
  assert_string_equal(
      json_get_str(s, "message"),
      "ResourceClaim.resource.k8s.io \"c\" is invalid: [spec.a: Required value: must be given, spec.b: Invalid "
      "value: \"x\\\"y\\n\": must be 3, spec.c: Too many: 33: must have at most 32 items, spec.d: Forbidden]");
  assert_int_equal(json_count(json_dig(s, "details", "causes", NULL)), 5);
  assert_string_equal(
      json_text(a, json_at(json_dig(s, "details", "causes", NULL), 0), 0),
      "{\"reason\":\"FieldValueRequired\",\"message\":\"Required value: must be given\",\"field\":\"spec.a\"}");
  assert_int_equal(json_get_int(s, "code", 0), 422);
}

static void
answers_that_are_no_status(void **state)
{
  static const struct {
    int http;
    enum kerr_code want;
  } rows[] = { { 404, KERR_NOT_FOUND }, { 410, KERR_EXPIRED },     { 409, KERR_CONFLICT },
               { 502, KERR_INTERNAL },  { 503, KERR_UNAVAILABLE }, { 418, KERR_BAD_REQUEST } };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    assert_int_equal(status_to_kerr(NULL, rows[i].http, &err), -(int)rows[i].want);
    assert_true(err.msg[0] != '\0');
  }
}

static void
personalities(void **state)
{
  static const struct {
    const char *version, *gates, *gate;
    bool on;
  } rows[] = {
    { NULL, NULL, "DRADeviceTaints", true },
    { "1.35", NULL, "DRADeviceTaints", false },
    { "v1.35.1", "DRADeviceTaints=true", "DRADeviceTaints", true },
    { "1.31", NULL, "DRAControlPlaneController", false },
    { "1.31", "DRAControlPlaneController=true,DynamicResourceAllocation=1", "DRAControlPlaneController", true },
    { "1.32", NULL, "DRAControlPlaneController", false },
    { NULL, NULL, "DRAFractionalCapacityRange", false },
    { NULL, NULL, "DRAListTypeAttributes", false },
    { NULL, "AllAlpha=true,AllBeta=true", "DRAListTypeAttributes", true },
    { NULL, "DRAListTypeAttributes=false, AllAlpha=true,AllBeta=1", "DRAListTypeAttributes", false },
    { "1.36", "AllBeta=true", "DRADeviceTaintRules", true },
    { "1.36", NULL, "DRADeviceTaintRules", false },
    { NULL, NULL, "NoSuchGate", false },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_(personality_unrefp) struct personality *p = NULL;
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    if (personality_new(rows[i].version, rows[i].gates, NULL, &p, &err) < 0)
      fail_msg("%s: %s", rows[i].gates, err.msg);
    if (personality_gate(p, rows[i].gate) != rows[i].on)
      fail_msg("%s %s %s", rows[i].version, rows[i].gates, rows[i].gate);
  }
}

static void
personalities_refuse(void **state)
{
  static const struct {
    const char *version, *gates, *runtime, *want;
  } rows[] = {
    { NULL, "Nope=true", NULL, "unrecognized feature gate: Nope" },
    { "1.30", "DRADeviceTaints=true", NULL, "unrecognized feature gate: DRADeviceTaints" },
    { NULL, "DynamicResourceAllocation=false", NULL,
      "cannot set feature gate DynamicResourceAllocation to false, feature is locked to true" },
    { NULL, "DRADeviceTaints=false", NULL,
      "DRADeviceTaintRules is enabled, but depends on features that are disabled: [DRADeviceTaints]" },
    { NULL, "Nope=true,DynamicResourceAllocation=false", NULL,
      "[unrecognized feature gate: Nope, cannot set feature gate DynamicResourceAllocation to false, feature is locked "
      "to "
      "true]" },
    { NULL, "DRADeviceTaints", NULL, "missing bool value for DRADeviceTaints" },
    { NULL, "DRADeviceTaints=maybe", NULL,
      "invalid value of DRADeviceTaints=maybe, err: strconv.ParseBool: parsing \"maybe\": invalid syntax" },
    { "1.25", NULL, NULL, "Kubernetes 1.25 is not known, only 1.26 to 1.37" },
    { "two", NULL, NULL, "'two' is no version of Kubernetes such as 1.37" },
    { NULL, NULL, "api/all=x", "runtime-config invalid key api/all, value x" },
    { NULL, NULL, "a/b/c=true", "runtime-config a/b/c: only whole versions of a group can be switched" },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct personality *p = NULL;

    assert_int_equal(personality_new(rows[i].version, rows[i].gates, rows[i].runtime, &p, &err), -KERR_USAGE);
    assert_string_equal(err.msg, rows[i].want);
    assert_null(p);
  }
}

static void
served_versions(void **state)
{
  _cleanup_(personality_unrefp) struct personality *p = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const char *stage;
  bool on;

  (void)state;
  assert_int_equal(
      personality_new("1.37", NULL, "api/all=false,api/beta,resource.k8s.io/v1beta1=false,v1=true", &p, &err), 0);
  assert_string_equal(personality_version(p), "v1.37.2");
  assert_int_equal(personality_minor(p), 37);
  assert_int_equal(personality_served(p, "resource.k8s.io", "v1beta1"), 0);
  assert_int_equal(personality_served(p, "resource.k8s.io", "v1beta2"), 1);
  assert_int_equal(personality_served(p, "resource.k8s.io", "v1"), 0);
  assert_int_equal(personality_served(p, "", "v1"), 1);
  assert_true(personality_gate_count(p) > 200);
  assert_string_equal(personality_gate_at(p, 0, &on, &stage), "APIResponseCompression");
  assert_string_equal(stage, "BETA");
  assert_true(on);
  personality_unref(p);
  p = NULL;
  assert_int_equal(personality_new("1.37", NULL, NULL, &p, &err), 0);
  assert_int_equal(personality_served(p, "", "v1"), -1);
}

static void
queries(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  static const char q[] = "a=1&b=x%20y+z&a=2&flag&%63=d&bad=%zz&semi;x=1&empty=";
  static const struct exchange_header headers[] = { { "accept", "x" } };

  (void)state;
  assert_string_equal(exchange_query_get(a, q, "a"), "1");
  assert_string_equal(exchange_query_get(a, q, "b"), "x y z");
  assert_string_equal(exchange_query_get(a, q, "c"), "d");
  assert_string_equal(exchange_query_get(a, q, "flag"), "");
  assert_string_equal(exchange_query_get(a, q, "empty"), "");
  assert_null(exchange_query_get(a, q, "bad"));
  assert_null(exchange_query_get(a, q, "z"));
  assert_null(exchange_query_get(a, "", "z"));
  assert_string_equal(exchange_header_get(headers, 1, "accept"), "x");
  assert_null(exchange_header_get(headers, 1, "host"));
}

/* Every form in which a pod may name its claims, and what each release makes of it. */
static void
claims_of_pods(void **state)
{
  static const struct {
    int minor;
    const char *entry, *statuses;
    enum pod_claim found;
    const char *name;
  } table[] = {
    { 37, "{'name':'e','resourceClaimName':'c'}", "[]", POD_CLAIM_NAMED, "c" },
    { 30, "{'name':'e','source':{'resourceClaimName':'c'}}", "[]", POD_CLAIM_NAMED, "c" },
    { 37, "{'name':'e','resourceClaimTemplateName':'t'}", "[]", POD_CLAIM_NOT_MADE, NULL },
    { 37, "{'name':'e','resourceClaimTemplateName':'t'}", "[{'name':'f','resourceClaimName':'x'}]", POD_CLAIM_NOT_MADE,
      NULL },
    { 37, "{'name':'e','resourceClaimTemplateName':'t'}", "[{'name':'e','resourceClaimName':'p-e-x7k2p'}]",
      POD_CLAIM_MADE, "p-e-x7k2p" },
    { 37, "{'name':'e','resourceClaimTemplateName':'t'}", "[{'name':'e'}]", POD_CLAIM_NOT_NEEDED, NULL },
    { 28, "{'name':'e','source':{'resourceClaimTemplateName':'t'}}", "[{'name':'e','resourceClaimName':'p-e-1'}]",
      POD_CLAIM_MADE, "p-e-1" },
    { 27, "{'name':'e','source':{'resourceClaimTemplateName':'t'}}", "[]", POD_CLAIM_MADE, "p-e" },
    { 26, "{'name':'e','source':{}}", "[]", POD_CLAIM_NEITHER, NULL },
    { 37, "{'name':'e'}", "[]", POD_CLAIM_NEITHER, NULL },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
    const char *text = arena_printf(a,
                                    "{'metadata':{'name':'p'},'spec':{'resourceClaims':[%s]},"
                                    "'status':{'resourceClaimStatuses':%s}}",
                                    table[i].entry, table[i].statuses);
    const char *name = "untouched";

    const struct json *pod = test_parse_quoted(a, text),
                      *entry = json_at(json_dig(pod, "spec", "resourceClaims", NULL), 0);
    assert_int_equal(pod_claim_find(a, table[i].minor, pod, entry, &name), table[i].found);
    if (table[i].name)
      assert_string_equal(name, table[i].name);
    else
      assert_null(name);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(objects),
    cmocka_unit_test(claims_of_pods),
    cmocka_unit_test(conditions_keep_their_time_until_the_status_changes),
    cmocka_unit_test(statuses),
    cmocka_unit_test(invalid_objects),
    cmocka_unit_test(answers_that_are_no_status),
    cmocka_unit_test(personalities),
    cmocka_unit_test(personalities_refuse),
    cmocka_unit_test(served_versions),
    cmocka_unit_test(queries),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
