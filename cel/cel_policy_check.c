#include "cel_policy_internal.h"

#include <string.h>

/* What storing a policy says about its expressions (pkg/apis/admissionregistration/validation). */

struct check {
  struct cel_report *report;
  struct policy_scope scope; /* of expressions that may use the policy's variables */
  const struct json *old;    /* what is replaced */
};

/* Does the expression stand anywhere in the old policy? */
static bool
stands_in(const struct json *v, struct span expression)
{
  if (json_is(v, JSON_STRING))
    return span_eq(json_span(v), expression);
  for (json_each_item (p, v))
    if (stands_in(*p, expression))
      return true;
  for (json_each_member (m, v))
    if (stands_in(m->value, expression))
      return true;
  return false;
}

static const char *
field(const struct check *c, const char *path, const char *list, size_t i, const char *name)
{
  return arena_printf(c->report->a, "%s.%s[%zu].%s", path, list, i, name);
}

/* Compile as the policy would; its code when it does (the caller lets go of it), else NULL and a report. */
static struct cel_code *
compile(struct check *c, const struct policy_scope *scope, enum policy_use use, const char *at, const struct json *v,
        struct span source)
{
  struct policy_scope s = *scope;
  struct policy_expr e;

  s.stored = c->old && stands_in(c->old, json_span(v));
  policy_compile(&e, &s, use, arena_strndup(s.a, source.p, source.n));
  if (e.error)
    cel_report_add(c->report, e.internal ? CEL_FAULT_INTERNAL : CEL_FAULT_INVALID, at, v,
                   arena_strdup(c->report->a, e.error));
  return e.code;
}

static void
check_expression(struct check *c, const struct policy_scope *scope, enum policy_use use, const char *at,
                 const struct json *v, bool trim, const char *when_missing)
{
  struct span source = json_is(v, JSON_STRING) ? json_span(v) : SPAN(""), body = span_trim(source);

  if (!body.n)
    cel_report_add(c->report, CEL_FAULT_REQUIRED, at, NULL, when_missing);
  else
    cel_code_unref(compile(c, scope, use, at, v, trim ? body : source));
}

static void
check_matches(struct check *c, const char *path, const struct json *tree)
{
  const struct json *list = json_get(tree, "matchConditions");
  struct policy_scope plain = c->scope;

  plain.variables = NULL;
  if (c->old && json_equal(list, json_get(c->old, "matchConditions")))
    return;
  for (size_t i = 0; i < json_count(list); i++)
    check_expression(c, &plain, POLICY_MATCH, field(c, path, "matchConditions", i, "expression"),
                     json_get(json_at(list, i), "expression"), true, "");
}

static void
check_variables(struct check *c, const char *path, const struct json *list)
{
  struct cel_type *type = json_count(list) ? policy_variables(c->scope.a, json_count(list)) : NULL;

  c->scope.variables = type;
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *v = json_get(json_at(list, i), "expression");
    const char *name = json_get_str_or(json_at(list, i), "name", ""),
               *at = field(c, path, "variables", i, "expression");
    struct span source = json_is(v, JSON_STRING) ? json_span(v) : SPAN("");
    _cleanup_cel_code_ struct cel_code *code = NULL;

    if (!span_trim(source).n) {
      cel_report_add(c->report, CEL_FAULT_REQUIRED, at, NULL, "expression is not specified");
      continue;
    }
    code = compile(c, &c->scope, POLICY_VALUE, at, v, source);
    policy_variable(c->scope.a, type, name, code ? cel_type_copy(c->scope.a, cel_code_type(code)) : NULL);
  }
}

static void
check_validations(struct check *c, const char *path, const struct json *list)
{
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *v = json_at(list, i), *message = json_get(v, "messageExpression");
    const char *at = field(c, path, "validations", i, "messageExpression");

    check_expression(c, &c->scope, POLICY_RULE, field(c, path, "validations", i, "expression"),
                     json_get(v, "expression"), false, "expression is not specified");
    if (!json_is(message, JSON_STRING) || !message->count)
      continue;
    if (!span_trim(json_span(message)).n)
      cel_report_add(c->report, CEL_FAULT_INVALID, at, message, "must be non-empty if specified");
    else
      check_expression(c, &c->scope, POLICY_MESSAGE, at, message, false, "");
  }
}

static void
check_annotations(struct check *c, const char *path, const struct json *list)
{
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *v = json_get(json_at(list, i), "valueExpression");
    const char *at = field(c, path, "auditAnnotations", i, "valueExpression");

    if (json_is(v, JSON_STRING) && span_trim(json_span(v)).n > CEL_POLICY_ANNOTATION_BYTES)
      cel_report_add(c->report, CEL_FAULT_REQUIRED, at, NULL,
                     arena_printf(c->report->a, "must not exceed %d bytes in length", CEL_POLICY_ANNOTATION_BYTES));
    else
      check_expression(c, &c->scope, POLICY_AUDIT, at, v, true, "valueExpression is not specified");
  }
}

static void
check_mutations(struct check *c, const char *path, const struct json *list)
{
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *v = json_at(list, i);
    const char *type = json_get_str_or(v, "patchType", "");
    bool apply = strcmp(type, "ApplyConfiguration") == 0;
    const char *member = apply ? "applyConfiguration" : "jsonPatch";

    if ((!apply && strcmp(type, "JSONPatch") != 0) || !json_is(json_get(v, member), JSON_OBJECT))
      continue; /* a wrong shape is the caller's to report */
    check_expression(c, &c->scope, apply ? POLICY_APPLY : POLICY_PATCH,
                     field(c, path, "mutations", i, arena_printf(c->report->a, "%s.expression", member)),
                     json_get(json_get(v, member), "expression"), true, "");
  }
}

void
cel_policy_check(enum cel_policy_kind kind, const struct json *tree, const struct json *old, const char *path,
                 struct cel_report *report)
{
  _cleanup_arena_ struct arena *a = arena_new(POLICY_MEMORY_MAX);
  bool params = kind != CEL_POLICY_WEBHOOK && json_is(json_get(tree, "paramKind"), JSON_OBJECT);
  struct check c = { .report = report, .scope = { .a = a, .has_params = params }, .old = old };

  check_matches(&c, path, tree);
  if (kind == CEL_POLICY_WEBHOOK)
    return;
  check_variables(&c, path, json_get(tree, "variables"));
  if (kind == CEL_POLICY_MUTATING) {
    check_mutations(&c, path, json_get(tree, "mutations"));
    return;
  }
  check_validations(&c, path, json_get(tree, "validations"));
  check_annotations(&c, path, json_get(tree, "auditAnnotations"));
}
