#include "cel_crd_internal.h"

#include "cel_decl.h"
#include "cel_env.h"

#include <string.h>

/* Compiling the rules of a node (apiextensions-apiserver pkg/apiserver/schema/cel/compilation.go). */

/* Upstream calls it by the nanosecond in which it was made, so that nobody relies on it. */
#define SELF_TYPE "selfType0"

const struct json *
crd_rules_of(const struct json *node)
{
  const struct json *rules = json_get(node, "x-kubernetes-validations");

  return json_count(rules) ? rules : NULL;
}

bool
crd_reason_fault(const char *reason, enum cel_fault *ret)
{
  static const enum cel_fault known[] = { CEL_FAULT_INVALID, CEL_FAULT_REQUIRED, CEL_FAULT_FORBIDDEN,
                                          CEL_FAULT_DUPLICATE };

  for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
    if (strcmp(reason, cel_fault_name(known[i])) == 0) {
      *ret = known[i];
      return true;
    }
  }
  return false;
}

static const char *
refuse_rule(const struct cel_env *env, const struct cel_type *t, struct arena *a)
{
  (void)env;
  (void)a;
  return t->kind == CEL_T_BOOL && !t->nullable ? NULL : "cel expression must evaluate to a bool";
}

static const char *
refuse_message(const struct cel_env *env, const struct cel_type *t, struct arena *a)
{
  (void)env;
  (void)a;
  return t->kind == CEL_T_STRING && !t->nullable ? NULL : "messageExpression must evaluate to a string";
}

/* What the expressions of one node are compiled with. */
struct compiling {
  struct arena *a;
  const struct json *node;
  const struct cel_type *self;
  crd_stored_fn *stored;
  const void *arg;
};

static const struct cel_env *
environment(const struct compiling *c, const struct crd_rule *r, const char *expression, bool message)
{
  struct cel_env *env = arena_new_of(c->a, struct cel_env);
  struct cel_var *vars = arena_array_of(c->a, struct cel_var, CRD_VARS);
  bool stored = c->stored(c->arg, span_of(expression));

  vars[CRD_SELF] = (struct cel_var){ "self", c->self, CRD_SELF };
  vars[CRD_OLD_SELF] =
      (struct cel_var){ "oldSelf", r->optional_old_self ? cel_type_optional(c->a, c->self) : c->self, CRD_OLD_SELF };
  *env = (struct cel_env){ .features = CEL_F_BASE | (stored ? CEL_F_INCLUDES : 0),
                           .vars = vars,
                           .nvars = CRD_VARS,
                           .cost_limit = CEL_CRD_CALL_COST_MAX,
                           .refuse = message ? refuse_message : refuse_rule,
                           .size_root = c->self };
  return env;
}

static void
compile_message(const struct compiling *c, struct crd_rule *r)
{
  const struct cel_env *env = environment(c, r, r->message_expression, true);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  uint64_t min;

  if (cel_compile(env, span_of(r->message_expression), &r->message_code, &err) == 0) {
    cel_code_estimate(r->message_code, &min, &r->message_cost);
    return;
  }
  if (err.code == KERR_INTERNAL)
    r->message_error = arena_printf(c->a, "messageExpression %s", err.msg + strlen("program "));
  else if (strncmp(err.msg, "compilation failed", strlen("compilation failed")) == 0)
    r->message_error = arena_printf(c->a, "messageExpression %s", err.msg);
  else
    r->message_error = arena_strdup(c->a, err.msg);
}

static void
compile_rule(const struct compiling *c, struct crd_rule *r)
{
  const struct cel_env *env = environment(c, r, r->rule, false);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  uint64_t min;

  if (!span_trim(span_of(r->rule)).n)
    return;
  if (cel_compile(env, span_of(r->rule), &r->code, &err) < 0) {
    r->error = arena_strdup(c->a, err.msg);
    return;
  }
  r->uses_old_self = cel_code_uses(r->code, SPAN("oldSelf"));
  cel_code_estimate(r->code, &min, &r->cost);
  if (*r->message_expression)
    compile_message(c, r);
  if (*r->field_path && !r->message_error)
    (void)cel_crd_field_path(c->a, c->node, r->field_path, true, &r->path, NULL);
}

static const char *
text(struct arena *a, const struct json *rule, const char *name)
{
  return arena_strdup(a, json_get_str_or(rule, name, ""));
}

void
crd_rules_compile(struct crd_rules *r, struct arena *a, const struct json *node, bool root, crd_stored_fn *stored,
                  const void *arg)
{
  const struct json *rules = crd_rules_of(node);
  struct cel_decl self = cel_decl_type(a, node, root, SELF_TYPE);
  struct compiling c = { .a = a, .node = node, .self = self.type, .stored = stored, .arg = arg };

  *r = (struct crd_rules){ .v = arena_array_of(a, struct crd_rule, json_count(rules) + 1), .typed = self.type != NULL };
  r->max_cardinality = (uint64_t)(CEL_DECL_REQUEST_MAX / (self.min_size + 1));
  for (json_each_item (p, rules)) {
    struct crd_rule *rule = &r->v[r->n++];

    rule->rule = text(a, *p, "rule");
    rule->message = text(a, *p, "message");
    rule->message_expression = text(a, *p, "messageExpression");
    rule->reason = text(a, *p, "reason");
    rule->field_path = text(a, *p, "fieldPath");
    rule->has_optional_old_self = json_is(json_get(*p, "optionalOldSelf"), JSON_BOOL);
    rule->optional_old_self = json_get_bool(*p, "optionalOldSelf", false);
    if (r->typed)
      compile_rule(&c, rule);
    r->uses_old_self |= rule->uses_old_self;
  }
}

void
crd_rules_release(struct crd_rules *r)
{
  for (uint32_t i = 0; i < r->n; i++) {
    cel_code_unref(r->v[i].code);
    cel_code_unref(r->v[i].message_code);
  }
}
