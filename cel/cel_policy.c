#include "cel_policy_internal.h"

#include <string.h>

/* Compiling a policy once (upstream: compilePolicy of the validating and mutating plugins). */

static const char *
text_or_null(struct arena *a, const struct json *o, const char *name)
{
  const char *s = json_get_str(o, name);

  return s ? arena_strdup(a, s) : NULL;
}

static void
compile(struct cel_policy *p, struct policy_expr *e, const struct policy_scope *s, enum policy_use use,
        const char *source)
{
  static const char *const names[] = {
    [POLICY_OBJECT] = "object",
    [POLICY_OLD_OBJECT] = "oldObject",
    [POLICY_NAMESPACE] = "namespaceObject",
    [POLICY_PARAMS] = "params",
  };

  policy_compile(e, s, use, source);
  for (size_t i = 0; e->code && i < ARRAY_SIZE(names); i++)
    if (names[i] && cel_code_uses(e->code, span_of(names[i])))
      p->uses |= 1u << i;
}

static void
compile_variables(struct cel_policy *p, struct policy_scope *s, const struct json *list)
{
  size_t n = json_count(list);
  struct cel_type *type;

  p->variables = arena_array_of(p->arena, struct policy_expr, n + 1);
  p->variable_names = arena_array_of(p->arena, const char *, n + 1);
  if (p->kind == CEL_POLICY_WEBHOOK)
    return;
  type = policy_variables(p->arena, n);
  s->variables = type;
  for (json_each_item (v, list)) {
    uint32_t i = p->n_variables++;

    p->variable_names[i] = arena_strdup(p->arena, json_get_str_or(*v, "name", ""));
    compile(p, &p->variables[i], s, POLICY_VALUE, json_get_str_or(*v, "expression", ""));
    policy_variable(p->arena, type, p->variable_names[i],
                    p->variables[i].code ? cel_code_type(p->variables[i].code) : NULL);
  }
}

static void
compile_matches(struct cel_policy *p, const struct policy_scope *s, const struct json *list)
{
  p->matches = arena_array_of(p->arena, struct policy_expr, json_count(list) + 1);
  for (json_each_item (v, list))
    compile(p, &p->matches[p->n_matches++], s, POLICY_MATCH, json_get_str_or(*v, "expression", ""));
}

static void
compile_validations(struct cel_policy *p, const struct policy_scope *s, const struct json *list)
{
  p->validations = arena_array_of(p->arena, struct policy_validation, json_count(list) + 1);
  for (json_each_item (v, list)) {
    struct policy_validation *to = &p->validations[p->n_validations++];
    const char *message = json_get_str_or(*v, "messageExpression", "");

    compile(p, &to->rule, s, POLICY_RULE, json_get_str_or(*v, "expression", ""));
    if (*message)
      compile(p, &to->message, s, POLICY_MESSAGE, message);
    to->text = text_or_null(p->arena, *v, "message");
    to->reason = text_or_null(p->arena, *v, "reason");
  }
}

static void
compile_annotations(struct cel_policy *p, const struct policy_scope *s, const struct json *list)
{
  p->annotations = arena_array_of(p->arena, struct policy_annotation, json_count(list) + 1);
  for (json_each_item (v, list)) {
    struct policy_annotation *to = &p->annotations[p->n_annotations++];

    to->key = arena_strdup(p->arena, json_get_str_or(*v, "key", ""));
    compile(p, &to->value, s, POLICY_AUDIT, json_get_str_or(*v, "valueExpression", ""));
  }
}

static void
compile_mutations(struct cel_policy *p, const struct policy_scope *s, const struct json *list)
{
  p->mutations = arena_array_of(p->arena, struct policy_mutation, json_count(list) + 1);
  for (json_each_item (v, list)) {
    bool apply = strcmp(json_get_str_or(*v, "patchType", ""), "ApplyConfiguration") == 0;
    const struct json *patch = json_get(*v, apply ? "applyConfiguration" : "jsonPatch");
    struct policy_mutation *to = &p->mutations[p->n_mutations++];

    to->kind = apply ? CEL_MUTATION_APPLY : CEL_MUTATION_JSON_PATCH;
    compile(p, &to->patch, s, apply ? POLICY_APPLY : POLICY_PATCH, json_get_str_or(patch, "expression", ""));
  }
}

struct cel_policy *
cel_policy_new(enum cel_policy_kind kind, const struct json *tree)
{
  struct cel_policy *p = mem_alloc(sizeof *p);
  struct policy_scope s;

  atomic_init(&p->refs, 1);
  p->arena = arena_new(POLICY_MEMORY_MAX);
  p->kind = kind;
  p->fails_closed = strcmp(json_get_str_or(tree, "failurePolicy", "Fail"), "Ignore") != 0;
  s = (struct policy_scope){ .a = p->arena,
                             .has_params =
                                 kind != CEL_POLICY_WEBHOOK && json_is(json_get(tree, "paramKind"), JSON_OBJECT),
                             .stored = true };
  compile_variables(p, &s, json_get(tree, "variables"));
  compile_matches(p, &s, json_get(tree, "matchConditions"));
  compile_validations(p, &s, kind == CEL_POLICY_VALIDATING ? json_get(tree, "validations") : NULL);
  compile_annotations(p, &s, kind == CEL_POLICY_VALIDATING ? json_get(tree, "auditAnnotations") : NULL);
  compile_mutations(p, &s, kind == CEL_POLICY_MUTATING ? json_get(tree, "mutations") : NULL);
  return p;
}

struct cel_policy *
cel_policy_ref(struct cel_policy *p)
{
  atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
  return p;
}

void
cel_policy_unref(struct cel_policy *p)
{
  if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
    return;
  for (uint32_t i = 0; i < p->n_variables; i++)
    cel_code_unref(p->variables[i].code);
  for (uint32_t i = 0; i < p->n_matches; i++)
    cel_code_unref(p->matches[i].code);
  for (uint32_t i = 0; i < p->n_validations; i++) {
    cel_code_unref(p->validations[i].rule.code);
    cel_code_unref(p->validations[i].message.code);
  }
  for (uint32_t i = 0; i < p->n_annotations; i++)
    cel_code_unref(p->annotations[i].value.code);
  for (uint32_t i = 0; i < p->n_mutations; i++)
    cel_code_unref(p->mutations[i].patch.code);
  arena_free(p->arena);
  free(p);
}

size_t
cel_policy_mutations(const struct cel_policy *p)
{
  return p->n_mutations;
}
