#include "cel_policy_internal.h"

#include "cel_decl.h"

#include <string.h>

/*
 * Checking a policy's expressions against the kinds that it matches
 * (apiserver pkg/admission/plugin/policy/validating/typechecking.go). What does not fit is a warning: at run time
 * objects have no types.
 */

#define MEMORY_MAX ((size_t)4096 * MiB)

/* -- schemas without references -- */

#define REF_PREFIX "#/components/schemas/"

/* Names on the way from the root, so that a circle ends. */
struct visited {
  const struct visited *before;
  const char *ref;
};

struct resolving {
  struct arena *a;
  const struct json *definitions;
};

static const char *
ref_of(const struct json *schema)
{
  const char *ref = json_get_str(schema, "$ref");

  if (ref)
    return ref;
  for (json_each_item (p, json_get(schema, "allOf"))) /* a reference with a description of its own */
    if ((ref = ref_of(*p)))
      return ref;
  return NULL;
}

static struct json *resolve(const struct resolving *r, const struct json *schema, const struct visited *before);

static struct json *
resolve_ref(const struct resolving *r, const char *ref, const struct visited *before)
{
  struct visited here = { before, ref };
  struct json *circle;

  for (const struct visited *v = before; v; v = v->before) {
    if (strcmp(v->ref, ref) != 0)
      continue;
    circle = json_new_object(r->a);
    (void)json_set_str(r->a, circle, "type", "object");
    return circle;
  }
  return resolve(
      r, json_get(r->definitions, ref + (strncmp(ref, REF_PREFIX, strlen(REF_PREFIX)) == 0 ? strlen(REF_PREFIX) : 0)),
      &here);
}

static struct json *
resolve(const struct resolving *r, const struct json *schema, const struct visited *before)
{
  static const char *const single[] = { "items", "additionalProperties" };
  const char *ref = ref_of(schema);
  struct json *out, *props;

  if (!json_is(schema, JSON_OBJECT))
    return json_new_object(r->a); /* unknown: nothing of it can be seen */
  if (ref)
    return resolve_ref(r, ref, before);
  out = json_shallow(r->a, schema);
  if (strcmp(json_get_str_or(schema, "format", ""), "int-or-string") == 0)
    (void)json_set_bool(r->a, out, "x-kubernetes-int-or-string", true);
  if (json_is(json_get(schema, "properties"), JSON_OBJECT)) {
    props = json_new_object(r->a);
    for (json_each_member (m, json_get(schema, "properties")))
      json_push(r->a, props, m->name, m->name_len, resolve(r, m->value, before));
    (void)json_set(r->a, out, "properties", props);
  }
  for (size_t i = 0; i < ARRAY_SIZE(single); i++)
    if (json_is(json_get(schema, single[i]), JSON_OBJECT))
      (void)json_set(r->a, out, single[i], resolve(r, json_get(schema, single[i]), before));
  return out;
}

static const struct cel_type *
type_of(struct arena *a, const struct cel_typed_kind *k, const struct json *definitions)
{
  struct resolving r = { a, definitions };

  if (!k || !k->schema)
    return NULL;
  /* upstream's name ends in the nanosecond of its making */
  return cel_decl_type(a, resolve(&r, k->schema, NULL), true, arena_printf(a, "%s0", k->kind)).type;
}

/* -- expressions -- */

struct checking {
  const struct cel_policy_types *types;
  struct policy_scope *scopes; /* by kind */
};

/* Give the scope the policy's variables as its kind makes them; those that do not compile are dyn. */
static void
add_variables(struct policy_scope *s, const struct json *list)
{
  struct cel_type *variables = policy_variables(s->a, json_count(list));

  s->variables = variables;
  for (json_each_item (p, list)) {
    struct policy_expr e;

    policy_compile(&e, s, POLICY_TYPES, json_get_str_or(*p, "expression", ""));
    policy_variable(s->a, variables, json_get_str_or(*p, "name", ""),
                    e.code ? cel_type_copy(s->a, cel_code_type(e.code)) : NULL);
    cel_code_unref(e.code);
  }
}

/* What expressions may use, for each kind. */
static struct policy_scope *
scopes_new(struct arena *a, const struct json *spec, const struct cel_policy_types *types)
{
  struct policy_scope *scopes = arena_array_of(a, struct policy_scope, types->n_kinds + 1);
  const struct cel_type *params = type_of(a, types->params, types->definitions);

  for (size_t k = 0; k < types->n_kinds; k++) {
    scopes[k] = (struct policy_scope){ .a = a,
                                       .has_params = json_is(json_get(spec, "paramKind"), JSON_OBJECT),
                                       .stored = true,
                                       .object = type_of(a, &types->kinds[k], types->definitions),
                                       .params = params };
    add_variables(&scopes[k], json_get(spec, "variables"));
  }
  return scopes;
}

/* Appends what is wrong with the expression for this kind. */
static void
check_kind(const struct checking *c, size_t kind, const char *expression, struct strbuf *out)
{
  static const char prefix[] = "compilation failed: ";
  const struct cel_typed_kind *k = &c->types->kinds[kind];
  struct policy_expr e;

  policy_compile(&e, &c->scopes[kind], POLICY_TYPES, expression);
  cel_code_unref(e.code);
  if (!e.error || e.internal) /* constants are folded only where it will run */
    return;
  strbuf_printf(out, "%s%s/%s, Kind=%s: %s\n", out->n ? "\n" : "", k->group, k->version, k->kind,
                e.error + (strncmp(e.error, prefix, sizeof prefix - 1) == 0 ? sizeof prefix - 1 : 0));
}

static void
check_expression(const struct checking *c, struct arena *results, size_t i, const char *name, const char *expression,
                 struct json *warnings)
{
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_REPLY);
  struct json *warning;

  for (size_t k = 0; k < c->types->n_kinds; k++)
    check_kind(c, k, expression, &text);
  if (!text.n)
    return;
  warning = json_append(results, warnings, json_new_object(results));
  (void)json_set(results, warning, "fieldRef", json_new_strf(results, "spec.validations[%zu].%s", i, name));
  (void)json_set_str(results, warning, "warning", text.p);
}

struct json *
cel_policy_type_check(const struct json *spec, const struct cel_policy_types *types, struct arena *results)
{
  _cleanup_arena_ struct arena *a = arena_new(MEMORY_MAX);
  struct checking c = { .types = types, .scopes = scopes_new(a, spec, types) };
  const struct json *list = json_get(spec, "validations");
  struct json *warnings = json_new_array(results);

  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *v = json_at(list, i);
    const char *message = json_get_str_or(v, "messageExpression", "");

    check_expression(&c, results, i, "expression", json_get_str_or(v, "expression", ""), warnings);
    if (*message)
      check_expression(&c, results, i, "messageExpression", message, warnings);
  }
  return json_count(warnings) ? warnings : NULL;
}
