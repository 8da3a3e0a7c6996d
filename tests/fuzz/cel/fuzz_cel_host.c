#include <assert.h>
#include <string.h>

#include "cel_batch.h"
#include "cel_crd.h"
#include "cel_policy.h"
#include "ceilings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * An input that begins with { is a record as the batch command reads them: any schema, object and policy. Any other is
 * an expression: a rule of a custom resource, on create and update, and each part of a policy.
 */

#define TEXT_MAX 16384

static const char schema_text[] =
    "{\"type\":\"object\",\"properties\":{\"spec\":{\"type\":\"object\",\"properties\":{"
    "\"n\":{\"type\":\"integer\"},\"d\":{\"type\":\"number\"},\"s\":{\"type\":\"string\",\"maxLength\":20},"
    "\"a-b\":{\"type\":\"string\"},\"if\":{\"type\":\"boolean\"},\"when\":{\"type\":\"string\",\"format\":\"date-"
    "time\"},"
    "\"wait\":{\"type\":\"string\",\"format\":\"duration\"},\"data\":{\"type\":\"string\",\"format\":\"byte\"},"
    "\"port\":{\"x-kubernetes-int-or-string\":true},\"free\":{\"x-kubernetes-preserve-unknown-fields\":true},"
    "\"set\":{\"type\":\"array\",\"maxItems\":5,\"x-kubernetes-list-type\":\"set\",\"items\":{\"type\":\"string\"}},"
    "\"list\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}},\"map\":{\"type\":\"object\","
    "\"additionalProperties\":{\"type\":\"string\"}},\"keyed\":{\"type\":\"array\",\"x-kubernetes-list-type\":\"map\","
    "\"x-kubernetes-list-map-keys\":[\"k\"],\"items\":{\"type\":\"object\",\"properties\":{\"k\":{\"type\":\"string\"},"
    "\"v\":{\"type\":\"integer\"}}}}}}}}";
static const char object_text[] =
    "{\"apiVersion\":\"e/v1\",\"kind\":\"K\",\"metadata\":{\"name\":\"x\"},\"spec\":{\"n\":3,\"d\":1.5,\"s\":\"text\","
    "\"a-b\":\"c\",\"if\":true,\"when\":\"2024-01-01T00:00:00Z\",\"wait\":\"3 days\",\"data\":\"aGk=\",\"port\":80,"
    "\"free\":{\"any\":[1]},\"set\":[\"a\",\"b\"],\"list\":[1,2,3],\"map\":{\"k\":\"v\"},\"keyed\":[{\"k\":\"a\",\"v\":"
    "1},"
    "{\"k\":\"b\",\"v\":2}]}}";

static struct json *
parse(struct arena *a, const char *text)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *v = NULL;

  assert(json_parse(a, span_of(text), NULL, &v, &err) == 0);
  return v;
}

static void
run_record(struct arena *a, struct span line)
{
  _cleanup_strbuf_ struct strbuf out = STRBUF_INIT(CEIL_ARENA_REQUEST);
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (cel_batch_line(a, line, NULL, &out, &err) < 0)
    assert(err.msg && *err.msg);
}

/* A list with one object that holds the expression. */
static void
set_expression(struct arena *a, struct json *o, const char *list, const char *name, struct json *expression)
{
  struct json *item = json_append(a, json_ensure_array(a, o, list), json_new_object(a));

  (void)json_set(a, item, name, expression);
}

static void
run_rule(struct arena *a, struct json *expression)
{
  struct json *schema = parse(a, schema_text), *spec = json_find(json_find(schema, "properties"), "spec");
  struct cel_report checked = { .a = a }, errors = { .a = a }, ratcheted = { .a = a };
  struct cel_crd_check check = { .schema = schema, .path = "p" };
  struct cel_crd_object o = { .object = parse(a, object_text), .ratcheted = &ratcheted };
  struct cel_crd *crd;

  set_expression(a, spec, "x-kubernetes-validations", "rule", expression);
  set_expression(a, spec, "x-kubernetes-validations", "rule", json_new_str(a, "false"));
  (void)json_set(a, json_item(json_find(spec, "x-kubernetes-validations"), 1), "messageExpression", expression);
  cel_crd_check(&check, &checked);
  crd = cel_crd_new(schema);
  cel_crd_validate(crd, &o, &errors);
  o.old = parse(a, object_text);
  cel_crd_validate(crd, &o, &errors);
  for (uint32_t i = 0; i < errors.n; i++)
    assert(errors.items[i].field && errors.items[i].detail);
  cel_crd_free(crd);
}

static void
run_policy(struct arena *a, struct json *expression)
{
  static const struct cel_gvk kind = { "e", "v1", "K", "ks" };
  struct cel_admission in = {
    .object = parse(a, object_text), .matched = kind, .requested = kind, .operation = "CREATE", .username = "u"
  };
  struct json *spec = json_new_object(a), *mutating = json_new_object(a), *m;
  struct cel_report report = { .a = a };
  struct cel_verdict verdict;
  struct cel_policy *p;

  set_expression(a, spec, "validations", "expression", expression);
  set_expression(a, spec, "validations", "messageExpression", expression);
  set_expression(a, spec, "auditAnnotations", "valueExpression", expression);
  set_expression(a, spec, "variables", "expression", expression);
  (void)json_set_str(a, json_item(json_find(spec, "variables"), 0), "name", "v");
  cel_policy_check(CEL_POLICY_VALIDATING, spec, NULL, "spec", &report);
  p = cel_policy_new(CEL_POLICY_VALIDATING, spec);
  cel_policy_validate(p, &in, a, &verdict);
  assert(verdict.matched);
  cel_policy_unref(p);
  for (int i = 0; i < 2; i++) {
    m = json_append(a, json_ensure_array(a, mutating, "mutations"), json_new_object(a));
    (void)json_set_str(a, m, "patchType", i ? "ApplyConfiguration" : "JSONPatch");
    (void)json_set(a, json_ensure_object(a, m, i ? "applyConfiguration" : "jsonPatch"), "expression", expression);
  }
  p = cel_policy_new(CEL_POLICY_MUTATING, mutating);
  for (size_t i = 0; i < cel_policy_mutations(p); i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    enum cel_mutation_kind what;
    struct json *patch;

    if (cel_policy_mutate(p, i, &in, a, &what, &patch, &err) < 0)
      assert(err.msg && *err.msg);
  }
  cel_policy_unref(p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  _cleanup_arena_ struct arena *a = arena_new(4 * CEIL_ARENA_REQUEST);
  struct json *expression;

  if (size > TEXT_MAX)
    return 0;
  if (size && data[0] == '{') {
    run_record(a, span_make((const char *)data, size));
    return 0;
  }
  expression = json_new_strn(a, (const char *)data, strnlen((const char *)data, size));
  run_rule(a, expression);
  run_policy(a, expression);
  return 0;
}
