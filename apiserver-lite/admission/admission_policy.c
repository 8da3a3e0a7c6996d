#include "admission_policy.h"

#include <string.h>

#include "admission.h"
#include "apiserver_internal.h"
#include "object.h"
#include "policy_cache.h"

#define GROUP "admissionregistration.k8s.io"

/* What is under way while hits are gathered. */
struct gathering {
  const struct admission_ask *ask;
  const struct policy_kind *kind;
  struct policy_hits *hits;
  struct policy_hit proto; /* the policy, the binding, as far as they are known */
};

static int
add(struct gathering *g, const char *error, const struct json *params, struct kerr *reterr)
{
  struct policy_hits *hits = g->hits;
  struct arena *a = g->ask->c->a;

  if (hits->n == POLICY_HITS_MAX)
    return admission_internal(reterr, arena_printf(a, "more than %d policies match the request", POLICY_HITS_MAX));
  if (hits->n == hits->cap) {
    struct policy_hit *old = hits->list;

    hits->cap = hits->cap ? 2 * hits->cap : 16;
    hits->list = arena_array_of(a, struct policy_hit, hits->cap);
    if (hits->n)
      memcpy(hits->list, old, hits->n * sizeof *old);
  }
  hits->list[hits->n] = g->proto;
  hits->list[hits->n].params = params;
  hits->list[hits->n++].error = error;
  return 0;
}

/* A policy, or (with a binding known) a binding, that cannot be used. */
static int
add_fault(struct gathering *g, const char *why, struct kerr *reterr)
{
  return add(g, arena_printf(g->ask->c->a, "failed to configure %s: %s", g->proto.binding ? "binding" : "policy", why),
             NULL, reterr);
}

/* -- which requests -- */

/* MatchResources: 1, 0, or an error that is about the configuration. */
static int
resources_match(const struct admission_ask *ask, const struct json *m, struct admission_as *ret, struct kerr *reterr)
{
  bool equivalent = strcmp(json_get_str_or(m, "matchPolicy", "Equivalent"), "Equivalent") == 0, selected;
  const struct json *rules = json_get(m, "resourceRules");
  struct rest_call *c = ask->c;
  struct admission_as excluded;

  *ret = (struct admission_as){
    .group = c->info.group, .version = c->info.version, .resource = c->info.resource, .kind = c->kind
  };
  if (admission_rules_match(ask, json_get(m, "excludeResourceRules"), equivalent, &excluded) ||
      (json_count(rules) && !admission_rules_match(ask, rules, equivalent, ret)))
    return 0;
  if (admission_selects(ask, m, &selected, reterr) < 0) {
    c->refusal = NULL; /* told with the policy */
    return -(int)reterr->code;
  }
  return selected ? 1 : 0;
}

/* -- parameters -- */

const struct kind_resource *
admission_param_resource(struct rest_call *c, const struct json *param_kind)
{
  const char *group, *version, *kind = json_get_str_or(param_kind, "kind", "");
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;
  const struct kind_resource *r;
  size_t cursor = 0;

  if (gv_parse(c->a, json_get_str_or(param_kind, "apiVersion", ""), &group, &version, &ignored) < 0)
    return NULL;
  while ((r = served_next(&c->served, &cursor)))
    if (strcmp(r->group, group) == 0 && strcmp(r->version, version) == 0 && strcmp(r->kind, kind) == 0 && r->verbs)
      return r;
  return NULL;
}

static int
add_param(struct gathering *g, const struct kind_resource *res, struct record *r, struct kerr *reterr)
{
  struct rest_call *c = g->ask->c;
  const struct kind_resource *storage = served_storage(&c->served, res);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *o;
  int rc = res->of->custom ? custom_read(c->a, res->of, record_tree(r), &o, &err)
                           : kind_convert(c->a, storage->of, res->of, record_tree(r), &o, &err);

  return rc < 0 ? add_fault(g, err.msg, reterr) : add(g, NULL, o, reterr);
}

static void
drop_record(void *r)
{
  record_unref(r);
}

static int
params_by_name(struct gathering *g, const struct kind_resource *res, const char *ns, const char *name, size_t *ret_n,
               struct kerr *reterr)
{
  struct rest_call *c = g->ask->c;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct record *r;

  if (store_get(c->s->store, rest_key(c->a, res, ns, name), 0, &r, &err) < 0)
    return err.code == KERR_NOT_FOUND ? 0 : kerr_move(reterr, &err);
  arena_defer(c->a, drop_record, r);
  *ret_n = 1;
  return add_param(g, res, r, reterr);
}

static int
params_by_selector(struct gathering *g, const struct kind_resource *res, const char *ns, const struct json *selector,
                   size_t *ret_n, struct kerr *reterr)
{
  struct rest_call *c = g->ask->c;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct label_selector *sel;
  struct store_list list;

  if (label_selector_from_json(c->a, selector, &sel, &err) < 0) {
    *ret_n = 1; /* told already */
    return add_fault(g, err.msg, reterr);
  }
  if (admission_list_of(c, res, ns, &list, reterr) < 0)
    return -(int)reterr->code;
  for (size_t i = 0; i < list.n; i++) {
    if (!label_selector_matches(sel, object_labels(record_tree(list.items[i]))))
      continue;
    ++*ret_n;
    if (add_param(g, res, list.items[i], reterr) < 0)
      return -(int)reterr->code;
  }
  return 0;
}

static int
collect_params(struct gathering *g, const struct json *param_kind, const struct json *ref, struct kerr *reterr)
{
  struct rest_call *c = g->ask->c;
  const struct kind_resource *res = admission_param_resource(c, param_kind);
  const char *ns = json_get_str_or(ref, "namespace", ""), *name = json_get_str_or(ref, "name", "");
  size_t n = 0;
  int r;

  if (res && !res->namespaced && *ns)
    return add_fault(g, "paramRef.namespace must not be provided for a cluster-scoped `paramKind`", reterr);
  if (res && res->namespaced && !*ns)
    ns = g->ask->ns;
  if (res && res->namespaced && !*ns)
    return add_fault(g, "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources",
                     reterr);
  r = *name ? params_by_name(g, res, ns, name, &n, reterr)
            : params_by_selector(g, res, ns, json_get(ref, "selector"), &n, reterr);
  if (r == 0 && n == 0 && strcmp(json_get_str_or(ref, "parameterNotFoundAction", ""), "Deny") == 0)
    return add_fault(g, "no params found for policy binding with `Deny` parameterNotFoundAction", reterr);
  return r;
}

/* -- policies and their bindings -- */

static int
try_binding(struct gathering *g, struct kerr *reterr)
{
  const struct json *spec = json_get(g->proto.binding, "spec"), *match = json_get(spec, "matchResources");
  const struct json *param_kind = json_dig(g->proto.policy, "spec", "paramKind", NULL);
  const struct json *ref = json_get(spec, "paramRef");
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct admission_as as;

  if (match) {
    int r = resources_match(g->ask, match, &as, &err);

    if (r <= 0)
      return r < 0 ? add_fault(g, err.msg, reterr) : 0;
  }
  return param_kind && ref ? collect_params(g, param_kind, ref, reterr) : add(g, NULL, NULL, reterr);
}

static void
drop_policy(void *p)
{
  cel_policy_unref(p);
}

/* With which versions a policy may be wrong before any binding is looked at. NULL: it is not. */
static const char *
policy_fault(struct rest_call *c, const struct json *policy)
{
  const struct json *param_kind = json_dig(policy, "spec", "paramKind", NULL);
  const char *api_version = json_get_str_or(param_kind, "apiVersion", "");

  if (!param_kind || admission_param_resource(c, param_kind))
    return NULL;
  return arena_printf(c->a, "failed to find resource referenced by paramKind: '%s%s, Kind=%s'",
                      strchr(api_version, '/') ? "" : "/", api_version, json_get_str_or(param_kind, "kind", ""));
}

static int
try_policy(struct gathering *g, const struct record *record, const struct store_list *bindings, struct kerr *reterr)
{
  const struct json *spec = json_get(g->proto.policy, "spec");
  struct rest_call *c = g->ask->c;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const char *fault;
  int r = resources_match(g->ask, json_get(spec, "matchConstraints"), &g->proto.as, &err);

  if (r <= 0)
    return r < 0 ? add_fault(g, err.msg, reterr) : 0;
  fault = policy_fault(c, g->proto.policy);
  if (fault)
    return add_fault(g, fault, reterr);
  g->proto.compiled = policy_cache_get(c->s->policies, g->kind->cel, record, 0, spec);
  arena_defer(c->a, drop_policy, g->proto.compiled);
  for (size_t i = 0; i < bindings->n; i++) {
    const struct json *binding = record_tree(bindings->items[i]);

    if (strcmp(json_get_str_or(json_get(binding, "spec"), "policyName", ""), g->proto.policy_name) != 0)
      continue;
    g->proto.binding = binding;
    g->proto.binding_name = object_name(binding);
    if (try_binding(g, reterr) < 0)
      return -(int)reterr->code;
  }
  return 0;
}

static bool
is_bound(const struct store_list *bindings, const char *policy)
{
  for (size_t i = 0; i < bindings->n; i++)
    if (strcmp(json_get_str_or(json_get(record_tree(bindings->items[i]), "spec"), "policyName", ""), policy) == 0)
      return true;
  return false;
}

/* Older releases have them in an earlier version. */
static int
list_configuration(struct rest_call *c, const char *resource, struct store_list *ret, struct kerr *reterr)
{
  static const char *const versions[] = { "v1", "v1beta1", "v1alpha1" };

  *ret = (struct store_list){ .items = NULL };
  for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
    const struct kind_resource *res = kind_resource_find(c->personality, GROUP, versions[i], resource);

    if (res)
      return admission_list_of(c, res, "", ret, reterr);
  }
  return 0;
}

int
admission_policies(const struct admission_ask *ask, const struct policy_kind *kind, struct policy_hits *ret,
                   struct kerr *reterr)
{
  struct rest_call *c = ask->c;
  struct store_list policies, bindings;

  if (list_configuration(c, kind->bindings, &bindings, reterr) < 0)
    return -(int)reterr->code;
  if (bindings.n == 0)
    return 0;
  if (list_configuration(c, kind->policies, &policies, reterr) < 0)
    return -(int)reterr->code;
  for (size_t i = 0; i < policies.n; i++) {
    struct gathering g = { .ask = ask, .kind = kind, .hits = ret };

    g.proto.policy = record_tree(policies.items[i]);
    g.proto.policy_name = object_name(g.proto.policy);
    if (is_bound(&bindings, g.proto.policy_name) && try_policy(&g, policies.items[i], &bindings, reterr) < 0)
      return -(int)reterr->code;
  }
  return 0;
}

int
admission_policy_refuse(const struct admission_ask *ask, const char *message, const char *reason, int code,
                        struct kerr *reterr)
{
  struct rest_call *c = ask->c;
  int r = admission_forbid(c, ask->object ? ask->object : ask->old, message, reterr);

  if (reason)
    json_set_str(c->a, c->refusal, "reason", reason);
  json_set_int(c->a, c->refusal, "code", code);
  status_add_cause(c->a, c->refusal, NULL, message, NULL);
  return r;
}
