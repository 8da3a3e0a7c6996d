#include "cel_policy_internal.h"

/*
 * One request: the values that expressions see, and running them against a budget
 * (apiserver pkg/admission/plugin/cel/activation.go, composition.go).
 */

#define RUN_MEMORY_MAX ((size_t)4096 * MiB)
#define VARIABLES_MAX  ((size_t)1024 * MiB) /* of all values of variables; each may be CEL_MEMORY_MAX */

/* -- values of the request, in the form of Go's encoder: what is empty and may be left out, is -- */

static void
put(struct arena *a, struct cel_value map, const char *name, struct cel_value v)
{
  cel_map_put(a, map.u.map, cel_of_span(span_of(name)), v);
}

static struct cel_value
text(const char *s)
{
  return cel_of_span(span_of(s ? s : ""));
}

static void
put_unless_empty(struct arena *a, struct cel_value map, const char *name, const char *s)
{
  if (s && *s)
    put(a, map, name, text(s));
}

static struct cel_value
named(struct arena *a, const struct cel_gvk *k, const char *last, const char *value)
{
  struct cel_value v = cel_map_new(a, 3);

  put(a, v, "group", text(k->group));
  put(a, v, "version", text(k->version));
  put(a, v, last, text(value));
  return v;
}

static struct cel_value
user_value(struct arena *a, const struct cel_admission *in)
{
  struct cel_value v = cel_map_new(a, 4);

  put_unless_empty(a, v, "username", in->username);
  put_unless_empty(a, v, "uid", in->uid);
  if (json_count(in->groups))
    put(a, v, "groups", cel_of_json(a, in->groups));
  if (json_count(in->extra))
    put(a, v, "extra", cel_of_json(a, in->extra));
  return v;
}

static struct cel_value
request_value(struct arena *a, const struct cel_admission *in)
{
  struct cel_value v = cel_map_new(a, 16);

  put(a, v, "uid", text(""));
  put(a, v, "kind", named(a, &in->matched, "kind", in->matched.kind));
  put(a, v, "resource", named(a, &in->matched, "resource", in->matched.resource));
  put_unless_empty(a, v, "subResource", in->subresource);
  put(a, v, "requestKind", named(a, &in->requested, "kind", in->requested.kind));
  put(a, v, "requestResource", named(a, &in->requested, "resource", in->requested.resource));
  put_unless_empty(a, v, "requestSubResource", in->subresource);
  put_unless_empty(a, v, "name", in->name);
  put_unless_empty(a, v, "namespace", in->namespace);
  put(a, v, "operation", text(in->operation));
  put(a, v, "userInfo", user_value(a, in));
  put(a, v, "object", cel_of_null()); /* there, but not declared: objects are variables of their own */
  put(a, v, "oldObject", cel_of_null());
  put(a, v, "dryRun", cel_of_bool(in->dry_run));
  put(a, v, "options", cel_of_json(a, in->options));
  return v;
}

/* The namespace without what expressions are not to rely on. */
static struct cel_value
namespace_value(struct arena *a, const struct json *object)
{
  static const char *const kept[] = {
    "name",       "generateName",    "namespace",         "uid",
    "generation", "resourceVersion", "creationTimestamp", "deletionTimestamp",
    "labels",     "annotations",     "finalizers",        "deletionGracePeriodSeconds",
  };
  struct cel_value v = cel_map_new(a, 3), meta = cel_map_new(a, 8);

  if (!object)
    return cel_of_null();
  for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
    const struct json *m = json_dig(object, "metadata", kept[i], NULL);

    if (m && !json_is(m, JSON_NULL))
      put(a, meta, kept[i], cel_of_json(a, m));
  }
  put(a, v, "metadata", meta);
  put(a, v, "spec", json_get(object, "spec") ? cel_of_json(a, json_get(object, "spec")) : cel_map_new(a, 0));
  put(a, v, "status", json_get(object, "status") ? cel_of_json(a, json_get(object, "status")) : cel_map_new(a, 0));
  return v;
}

void
policy_run_init(struct policy_run *r, const struct cel_policy *p, const struct cel_admission *in, struct arena *results)
{
  *r = (struct policy_run){
    .policy = p, .values = arena_new(RUN_MEMORY_MAX), .scratch = arena_new(RUN_MEMORY_MAX), .results = results
  };
  if (p->uses & 1u << POLICY_OBJECT)
    r->vars[POLICY_OBJECT] = cel_of_json(r->values, in->object);
  if (p->uses & 1u << POLICY_OLD_OBJECT)
    r->vars[POLICY_OLD_OBJECT] = cel_of_json(r->values, in->old_object);
  if (p->uses & 1u << POLICY_PARAMS)
    r->vars[POLICY_PARAMS] = cel_of_json(r->values, in->params);
  if (p->uses & 1u << POLICY_NAMESPACE)
    r->vars[POLICY_NAMESPACE] = namespace_value(r->values, in->namespace_object);
  r->vars[POLICY_REQUEST] = request_value(r->values, in);
}

void
policy_run_release(struct policy_run *r)
{
  arena_free(r->values);
  arena_free(r->scratch);
}

/* -- variables: run when they are first asked for -- */

struct variable {
  struct cel_lazy lazy;
  struct policy_run *run;
  const char *name;
  const struct policy_expr *expr;
};

static struct cel_value
make_variable(struct cel_lazy *self)
{
  struct variable *v = container_of(self, struct variable, lazy);
  struct policy_run *r = v->run;
  struct cel_run run = { .vars = r->vars, .arena = r->values, .limit = CEL_POLICY_CALL_COST_MAX };
  const char *name = cel_quoted(r->values, span_of(v->name));
  struct cel_value value;

  if (v->expr->error)
    return cel_failf(r->values, "composited variable %s fails to compile: %s", name, v->expr->error);
  if (arena_used(r->values) > VARIABLES_MAX)
    return cel_failf(r->values, "composited variable %s fails to evaluate: memory limit exceeded", name);
  value = cel_code_run(v->expr->code, &run);
  r->variables_cost += run.cost > INT64_MAX ? INT64_MAX : (int64_t)run.cost;
  if (cel_is_error(value))
    return cel_failf(r->values, "composited variable %s fails to evaluate: %.*s", name, SPAN_FMT(cel_span(value)));
  return value;
}

static struct cel_value
variables_value(struct policy_run *r)
{
  static const struct cel_field no_fields[] = { { NULL, NULL } };
  static const struct cel_type type = {
    .kind = CEL_T_STRUCT, .name = POLICY_VARIABLES_TYPE, .fields = no_fields, .max_size = CEL_SIZE_UNKNOWN
  };
  struct cel_value map = cel_map_new(r->values, r->policy->n_variables);

  map.u.map->object = &type;
  for (uint32_t i = 0; i < r->policy->n_variables; i++) {
    struct variable *v = arena_new_of(r->values, struct variable);

    *v = (struct variable){
      .lazy.make = make_variable, .run = r, .name = r->policy->variable_names[i], .expr = &r->policy->variables[i]
    };
    put(r->values, map, v->name, (struct cel_value){ .kind = CEL_LAZY, .u.lazy = &v->lazy });
  }
  return map;
}

void
policy_run_begin(struct policy_run *r, const struct cel_admission *in, bool authorizer, int64_t budget)
{
  r->budget = budget;
  r->vars[POLICY_VARIABLES] = variables_value(r);
  if (authorizer && in->authorizer) {
    r->vars[POLICY_AUTHORIZER] = cel_of_authorizer(r->values, in->authorizer);
    r->vars[POLICY_REQUEST_RESOURCE] =
        cel_of_resource_check(r->values, in->authorizer, span_of(in->requested.group), span_of(in->requested.resource),
                              span_of(in->subresource), span_of(in->namespace), span_of(in->name));
  } else {
    r->vars[POLICY_AUTHORIZER] = cel_fail("no such attribute(s): authorizer");
    r->vars[POLICY_REQUEST_RESOURCE] = cel_fail("no such attribute(s): authorizer.requestResource");
  }
}

/* -- expressions -- */

static bool
spend(struct policy_run *r, int64_t cost)
{
  if (cost > r->budget)
    return false;
  r->budget -= cost;
  return true;
}

bool
policy_eval(struct policy_run *r, const struct policy_expr *e, struct cel_value *ret)
{
  struct cel_run run = { .vars = r->vars, .arena = r->scratch, .limit = CEL_POLICY_CALL_COST_MAX };

  if (e->error) {
    *ret = cel_failf(r->results, "compilation error: %s", e->error);
    return true;
  }
  arena_reset(r->scratch);
  r->variables_cost = 0;
  *ret = cel_code_run(e->code, &run);
  if (!spend(r, r->variables_cost) || run.cost > INT64_MAX || !spend(r, (int64_t)run.cost)) {
    *ret = cel_fail("validation failed due to running out of cost budget, no further validation rules will be run");
    return false;
  }
  if (cel_is_error(*ret))
    *ret = cel_failf(r->results, "expression '%s' resulted in error: %.*s", e->source, SPAN_FMT(cel_span(*ret)));
  return true;
}
