#include "cel_policy.h"

#include "ceilings.h"
#include "test_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Alice may get pods, nobody may do anything else. */
static void
ask(const struct cel_authorizer *self, struct arena *a, const struct cel_authz *request, struct span verb,
    struct cel_authz *ret)
{
  unsigned *asked = (unsigned *)(uintptr_t)self->arg;

  (void)a;
  ++*asked;
  ret->allowed = !request->user.p && span_is(request->resource, "pods") && span_is(verb, "get");
  ret->reason = span_of(ret->allowed ? "she may" : "");
}

static unsigned asked;
static const struct cel_authorizer authorizer = { .check = ask, .arg = &asked };

static struct cel_admission
admission(struct arena *a)
{
  static const struct cel_gvk pods = { "", "v1", "Pod", "pods" };

  return (struct cel_admission){ .object =
                                     test_parse(a, "{\"metadata\":{\"name\":\"web\"},\"spec\":{\"n\":3,\"l\":[1,2]}}"),
                                 .matched = pods,
                                 .requested = pods,
                                 .name = "web",
                                 .namespace = "default",
                                 .operation = "CREATE",
                                 .username = "alice",
                                 .authorizer = &authorizer };
}

/* A verdict as a text: "deny Invalid: message; admit", or "no match". */
static const char *
text_of(struct arena *a, const struct cel_verdict *v)
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(1 * MiB);

  if (!v->matched)
    return "no match";
  for (uint32_t i = 0; i < v->n_decisions; i++) {
    const struct cel_decision *d = &v->decisions[i];

    strbuf_printf(&b, "%s%s%s", i ? "; " : "", d->deny ? "deny" : "admit", d->error ? " error" : "");
    if (d->reason)
      strbuf_printf(&b, " %s", d->reason);
    if (d->message)
      strbuf_printf(&b, ": %s", d->message);
  }
  for (uint32_t i = 0; i < v->n_annotations; i++)
    strbuf_printf(&b, " [%s=%s]", v->annotations[i].key,
                  v->annotations[i].value   ? v->annotations[i].value
                  : v->annotations[i].error ? v->annotations[i].error
                                            : "-");
  return arena_strdup(a, b.p);
}

#define VALIDATE(e) "\"validations\":[{\"expression\":\"" e "\"}]"
#define OVER        "validation failed due to running out of cost budget, no further validation rules will be run"

static const struct {
  const char *spec, *want;
} verdicts[] = {
  { "{" VALIDATE("object.spec.n == 3") "}", "admit" },
  { "{" VALIDATE("object.spec.n == 4") "}", "deny Invalid: failed expression: object.spec.n == 4" },
  { "{" VALIDATE("object.spec.x == 4") ",\"failurePolicy\":\"Ignore\"}",
    "admit error: expression 'object.spec.x == 4' resulted in error: no such key: x" },
  { "{" VALIDATE("true") ",\"matchConditions\":[{\"name\":\"a\",\"expression\":\"object.spec.x == 1\"},"
                         "{\"name\":\"b\",\"expression\":\"object.spec.y == 1\"}]}",
    "deny error: [expression 'object.spec.x == 1' resulted in error: no such key: x, expression 'object.spec.y == 1' "
    "resulted in error: no such key: y]" },
  { "{" VALIDATE("true") ",\"matchConditions\":[{\"name\":\"a\",\"expression\":\"object.spec.x == 1\"}],"
                         "\"failurePolicy\":\"Ignore\"}",
    "no match" },
  { "{" VALIDATE("variables.twice == 6") ",\"variables\":[{\"name\":\"twice\",\"expression\":\"object.spec.n * 2\"}]}",
    "admit" },
  { "{" VALIDATE("authorizer.group('').resource('pods').check('get').allowed()") "}", "admit" },
  { "{" VALIDATE("authorizer.serviceAccount('a', 'b').group('').resource('pods').check('get').allowed()") "}",
    "deny Invalid: failed expression: authorizer.serviceAccount('a', "
    "'b').group('').resource('pods').check('get').allowed()" },
  { "{" VALIDATE("authorizer.requestResource.check('get').reason() == 'she may'") "}", "admit" },
  /* a variable sees only those before it; one that does not compile is dyn */
  { "{\"validations\":[{\"expression\":\"variables.v\"}],\"variables\":[{\"name\":\"v\",\"expression\":"
    "\"variables.w.all(x, lists.range(900).all(y, true))\"},{\"name\":\"w\",\"expression\":\"lists.range(900)\"}]}",
    "deny error: compilation error: must evaluate to bool but got dyn" },
  { "{\"auditAnnotations\":[{\"key\":\"k\",\"valueExpression\":\"'  ' + object.metadata.name\"},"
    "{\"key\":\"none\",\"valueExpression\":\"''\"},{\"key\":\"bad\",\"valueExpression\":\"1\"}]}",
    " [k=web] [none=-] [bad=compilation error: must evaluate to one of [string null_type] but got int]" },
  { "{}", "" },
};

static void
validates_requests(void **state)
{
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++) {
    _cleanup_arena_ struct arena *a = arena_new(64 * MiB);
    struct cel_policy *p = cel_policy_new(CEL_POLICY_VALIDATING, test_parse(a, verdicts[i].spec));
    struct cel_admission in = admission(a);
    struct cel_verdict v;

    cel_policy_validate(p, &in, a, &v);
    assert_string_equal(text_of(a, &v), verdicts[i].want);
    cel_policy_unref(p);
  }
}

/* Eleven expressions of a million each: the budget ends the policy before the last. */
static void
keeps_to_the_budget(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(64 * MiB);
  struct json *spec = json_new_object(a), *list = json_ensure_array(a, spec, "validations");
  struct cel_admission in = admission(a);
  struct cel_policy *p;
  struct cel_verdict v;

  (void)state;
  for (int i = 0; i < 14; i++)
    (void)json_append(a, list,
                      test_parse(a, "{\"expression\":\"lists.range(300).all(x, lists.range(600).all(y, true))\"}"));
  p = cel_policy_new(CEL_POLICY_VALIDATING, spec);
  cel_policy_validate(p, &in, a, &v);
  assert_string_equal(text_of(a, &v), "deny error: " OVER);
  cel_policy_unref(p);
}

/* Variables are run once, however often they are read, and only when they are. */
static void
runs_variables_once(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(64 * MiB);
  struct cel_policy *p = cel_policy_new(
      CEL_POLICY_VALIDATING,
      test_parse(
          a,
          "{" VALIDATE(
              "variables.ok && variables.ok") ",\"variables\":[{\"name\":\"ok\",\"expression\":"
                                              "\"authorizer.group('').resource('pods').check('get').allowed()\"},{"
                                              "\"name\":\"idle\",\"expression\":"
                                              "\"authorizer.group('').resource('pods').check('get').allowed()\"}]}"));
  struct cel_admission in = admission(a);
  struct cel_verdict v;

  (void)state;
  asked = 0;
  cel_policy_validate(p, &in, a, &v);
  assert_string_equal(text_of(a, &v), "admit");
  assert_int_equal(asked, 1);
  cel_policy_unref(p);
}

#define PATCH(e) "{\"mutations\":[{\"patchType\":\"JSONPatch\",\"jsonPatch\":{\"expression\":\"" e "\"}}]}"
#define APPLY(e) \
  "{\"mutations\":[{\"patchType\":\"ApplyConfiguration\",\"applyConfiguration\":{\"expression\":\"" e "\"}}]}"

static const struct {
  const char *spec, *want;
} mutations[] = {
  { PATCH("[JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a/b~c'), value: 'x'}]"),
    "[{\"op\":\"add\",\"path\":\"/metadata/labels/a~1b~0c\",\"value\":\"x\"}]" },
  { PATCH("[JSONPatch{op: 'move', from: '/a', path: '/b'}, JSONPatch{op: 'remove', path: '/c'}]"),
    "[{\"op\":\"move\",\"path\":\"/b\",\"from\":\"/a\"},{\"op\":\"remove\",\"path\":\"/c\"}]" },
  { PATCH("[JSONPatch{op: 'add', path: '/spec', value: Object.spec{n: object.spec.n + 1, d: 1.5, l: [1, 2]}}]"),
    "[{\"op\":\"add\",\"path\":\"/spec\",\"value\":{\"n\":4,\"d\":1.5,\"l\":[1,2]}}]" },
  { PATCH("[]"), "must evaluate to list(JSONPatch) but got list(dyn)" },
  { PATCH("[JSONPatch{op: 1}]"),
    "compilation failed: ERROR: <input>:1:14: expected type of field 'op' is 'string' but provided type is 'int'\n"
    " | [JSONPatch{op: 1}]\n | .............^" },
  { PATCH("[JSONPatch{op: 'add', path: '/x', value: quantity('1')}]"),
    "JSONPath valueExpression evaluated to a type that could not marshal to JSON: type conversion error from "
    "'kubernetes.Quantity' to JSON" },
  { APPLY("Object{spec: Object.spec{n: 5, d: duration('90s'), t: [Object.spec.t{k: 'v'}]}}"),
    "{\"spec\":{\"n\":5,\"d\":\"90s\",\"t\":[{\"k\":\"v\"}]}}" },
  { APPLY("Object{spec: Object.status{n: 5}}"),
    "type mismatch: unexpected type name \"Object.status\", expected \"Object.spec\", which matches field name path "
    "from root Object type" },
  { APPLY("Object.spec{}"), "must evaluate to Object but got Object.spec" },
  { APPLY("{'spec': 1}"), "must evaluate to Object but got map(string, int)" },
  { APPLY("Object{x: object.nope}"), "expression 'Object{x: object.nope}' resulted in error: no such key: nope" },
  { APPLY("Object{spec: jsonpatch.nothing}"),
    "compilation failed: ERROR: <input>:1:14: undeclared reference to 'jsonpatch' (in container '')\n"
    " | Object{spec: jsonpatch.nothing}\n | .............^" },
};

static void
makes_patches(void **state)
{
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(mutations); i++) {
    _cleanup_arena_ struct arena *a = arena_new(64 * MiB);
    struct cel_policy *p = cel_policy_new(CEL_POLICY_MUTATING, test_parse(a, mutations[i].spec));
    struct cel_admission in = admission(a);
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    enum cel_mutation_kind kind;
    struct json *patch;

    assert_int_equal(cel_policy_mutations(p), 1);
    if (cel_policy_mutate(p, 0, &in, a, &kind, &patch, &err) == 0)
      assert_string_equal(json_text(a, patch, JSON_COMPACT), mutations[i].want);
    else
      assert_string_equal(err.msg, mutations[i].want);
    cel_policy_unref(p);
  }
}

static const struct {
  enum cel_policy_kind kind;
  const char *tree, *want;
} checks[] = {
  { CEL_POLICY_VALIDATING, "{" VALIDATE("object.x") "}",
    "spec.validations[0].expression: Invalid value: \"object.x\": must evaluate to bool but got dyn" },
  { CEL_POLICY_VALIDATING, "{" VALIDATE(" ") "}",
    "spec.validations[0].expression: Required value: expression is not specified" },
  { CEL_POLICY_VALIDATING, "{" VALIDATE("variables.a") ",\"variables\":[{\"name\":\"a\",\"expression\":\"true\"}]}",
    "" },
  { CEL_POLICY_VALIDATING, "{" VALIDATE("[1].includes(1)") "}",
    "spec.validations[0].expression: Invalid value: \"[1].includes(1)\": compilation failed: ERROR: <input>:1:13: "
    "undeclared reference to 'includes' (in container '')\n | [1].includes(1)\n | ............^" },
  { CEL_POLICY_MUTATING, APPLY("1"),
    "spec.mutations[0].applyConfiguration.expression: Invalid value: \"1\": must evaluate to Object but got int" },
  { CEL_POLICY_WEBHOOK, "{\"matchConditions\":[{\"name\":\"a\",\"expression\":\" params == null \"}]}",
    "spec.matchConditions[0].expression: Invalid value: \" params == null \": compilation failed: ERROR: <input>:1:1: "
    "undeclared reference to 'params' (in container '')\n | params == null\n | ^" },
};

static void
checks_policies(void **state)
{
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
    _cleanup_arena_ struct arena *a = arena_new(64 * MiB);
    _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(1 * MiB);
    struct json *tree = test_parse(a, checks[i].tree);
    struct cel_report report = { .a = a };

    cel_policy_check(checks[i].kind, tree, NULL, "spec", &report);
    for (uint32_t e = 0; e < report.n; e++)
      cel_error_text(&text, &report.items[e]);
    assert_string_equal(text.p, checks[i].want);
    report.n = 0;
    if (strstr(checks[i].tree, "includes")) { /* what stood there before may stay */
      cel_policy_check(checks[i].kind, tree, tree, "spec", &report);
      assert_int_equal(report.n, 0);
    }
  }
}

static void
matches_webhooks(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(64 * MiB);
  struct cel_admission in = admission(a);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct cel_policy *p;
  bool matches = false;

  (void)state;
  p = cel_policy_new(CEL_POLICY_WEBHOOK, test_parse(a, "{\"failurePolicy\":\"Ignore\"}"));
  assert_int_equal(cel_policy_match(p, &in, a, &matches, &err), 0);
  assert_true(matches);
  cel_policy_unref(p);
  p = cel_policy_new(CEL_POLICY_WEBHOOK,
                     test_parse(a, "{\"matchConditions\":[{\"name\":\"a\",\"expression\":\"object.nope\"}]}"));
  assert_int_equal(cel_policy_match(p, &in, a, &matches, &err), -KERR_INVALID);
  assert_string_equal(err.msg, "compilation error: must evaluate to bool but got dyn");
  cel_policy_unref(p);
}

/* Against a schema with references, one of them in a circle. */
static void
checks_types(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(64 * MiB);
  const struct json *definitions = test_parse(
      a, "{\"Spec\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"},\"port\":{\"type\":\"string\","
         "\"format\":\"int-or-string\"},\"more\":{\"$ref\":\"#/components/schemas/Spec\"}}}}");
  struct cel_typed_kind kind = {
    .group = "",
    .version = "v1",
    .kind = "Thing",
    .schema = test_parse(
        a, "{\"type\":\"object\",\"properties\":{\"spec\":{\"allOf\":[{\"$ref\":\"#/components/schemas/Spec\"}]}}}"),
  };
  struct cel_policy_types types = { .kinds = &kind, .n_kinds = 1, .definitions = definitions };
  const struct json
      *fine = test_parse(
          a, "{" VALIDATE(
                 "object.spec.n + variables.one > 0 && object.spec.port != 'x'") ",\"variables\":[{\"name\":\"one\","
                                                                                 "\"expression\":\"1\"}]}"),
      *wrong = test_parse(a, "{" VALIDATE("object.spec.m > 0") "}"), *warnings;

  (void)state;
  assert_null(cel_policy_type_check(fine, &types, a));
  warnings = cel_policy_type_check(wrong, &types, a);
  assert_string_equal(json_text(a, warnings, JSON_COMPACT),
                      "[{\"fieldRef\":\"spec.validations[0].expression\",\"warning\":\"/v1, Kind=Thing: ERROR: "
                      "<input>:1:12: undefined field 'm'\\n | object.spec.m > 0\\n | ...........^\\n\"}]");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(validates_requests), cmocka_unit_test(keeps_to_the_budget), cmocka_unit_test(runs_variables_once),
    cmocka_unit_test(makes_patches),      cmocka_unit_test(checks_policies),     cmocka_unit_test(matches_webhooks),
    cmocka_unit_test(checks_types),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
