#include "admission_chain.h"

#include <assert.h>
#include <string.h>

#include "admission.h"
#include "admission_rounds.h"
#include "apiserver_internal.h"
#include "object.h"
#include "validate.h"

/* In the order of upstream's kubeapiserver/options/plugins.go. */
static const struct admission_plugin *const plugins[] = {
  &admission_namespace_lifecycle,
  &admission_anti_affinity,
  &admission_limits,
  &admission_service_account,
  &admission_node_restriction,
  &admission_taint_nodes,
  &admission_always_pull,
  &admission_pod_security,
  &admission_priority,
  &admission_tolerations,
  &admission_extended_toleration,
  &admission_default_storage,
  &admission_storage_in_use,
  &admission_pod_group_in_use,
  &admission_owners,
  &admission_resize,
  &admission_runtime_class,
  &admission_certificate_approval,
  &admission_certificate_signing,
  &admission_bundle_attest,
  &admission_certificate_subject,
  &admission_default_ingress,
  &admission_external_ips,
  &admission_topology,
  &admission_rbac_roles,
  &admission_rbac_bindings,
  &admission_node_features,
  &admission_resize_pod,
  &admission_mutating_policies,
  &admission_mutating_webhooks,
  &admission_validating_policies,
  &admission_validating_webhooks,
  &admission_resource_quota,
};

const struct admission_target admission_everything[] = { { "", "*" }, { NULL, NULL } };

static_assert(ARRAY_SIZE(plugins) <= 64, "a set of plugins has 64 places");

/* Is the plugin on, and about the call's resource? */
static bool
concerns(const struct rest_call *c, size_t i)
{
  const struct admission_plugin *p = plugins[i];

  if (c->s->admission_off & UINT64_C(1) << i)
    return false;
  for (const struct admission_target *t = p->targets; t->resource; t++)
    if ((strcmp(t->resource, "*") == 0 || strcmp(t->resource, c->info.resource) == 0) &&
        (strcmp(t->resource, "*") == 0 || strcmp(t->group, c->info.group) == 0))
      return true;
  return false;
}

static int
run_mutating(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  for (size_t i = 0; i < ARRAY_SIZE(plugins); i++)
    if (plugins[i]->mutate && concerns(c, i) && plugins[i]->mutate(c, o, old, reterr) < 0)
      return -(int)reterr->code;
  return 0;
}

static int
run_guards(struct rest_call *c, const struct json *o, const struct json *old, struct kerr *reterr)
{
  for (size_t i = 0; i < ARRAY_SIZE(plugins); i++)
    if (plugins[i]->guard && concerns(c, i) && plugins[i]->guard(c, o, old, reterr) < 0)
      return -(int)reterr->code;
  return 0;
}

static void
begin_rounds(struct rest_call *c)
{
  c->rounds = arena_new_of(c->a, struct admission_rounds);
  c->rounds->webhooks.a = c->rounds->policies.a = c->a;
}

int
admission_mutate(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  int r;

  if (c->admitted)
    return 0;
  if (!old && c->kind->custom && c->kind->custom->definition->terminating)
    return rest_forbidden(c, object_name(o), "create not allowed while custom resource definition is terminating",
                          reterr);
  begin_rounds(c);
  r = run_mutating(c, o, old, reterr);
  if (r == 0 && c->rounds->again) {
    c->rounds->second = true;
    r = run_mutating(c, o, old, reterr);
  }
  return r < 0 ? r : run_guards(c, o, old, reterr);
}

int
admission_validate(struct rest_call *c, const struct json *o, const struct json *old, struct kerr *reterr)
{
  if (c->admitted)
    return 0;
  for (size_t i = 0; i < ARRAY_SIZE(plugins); i++)
    if (plugins[i]->validate && concerns(c, i) && plugins[i]->validate(c, o, old, reterr) < 0)
      return -(int)reterr->code;
  return 0;
}

int
admission_delete(struct rest_call *c, const struct json *o, struct kerr *reterr)
{
  if (c->admitted)
    return 0;
  begin_rounds(c);
  for (size_t i = 0; i < ARRAY_SIZE(plugins); i++)
    if (plugins[i]->remove && concerns(c, i) && plugins[i]->remove(c, o, reterr) < 0)
      return -(int)reterr->code;
  return 0;
}

int
admission_of_kind(struct rest_call *c, const struct kind *k, struct json *o, const struct json *old,
                  struct kerr *reterr)
{
  const struct kind *own = c->kind;
  int r;

  c->kind = k;
  c->admitted = false;
  r = admission_mutate(c, o, old, reterr);
  if (r == 0)
    r = admission_validate(c, o, old, reterr);
  c->kind = own;
  c->admitted = true;
  return r;
}

/* -- which plugins there are -- */

/* Upstream's plugins that are not here; all of them are off unless they are asked for. */
static const struct absent {
  const char *name;
  bool needless; /* does nothing: asking for it is the same */
} absent[] = {
  { "AlwaysAdmit", true },
  { "AlwaysDeny", false },
  { "EventRateLimit", false },
  { "ImagePolicyWebhook", false },
  { "NamespaceAutoProvision", false },
  { "NamespaceExists", false },
  { "PodNodeSelector", false },
  { "PodTolerationRestriction", false },
};

static bool
in_list(const char *list, struct span name)
{
  struct span left = span_of(list), rest;

  for (; left.p; left = rest)
    if (span_eq(span_trim(span_cut(left, ',', &rest)), name))
      return true;
  return false;
}

static int
find_plugin(struct span name)
{
  for (size_t i = 0; i < ARRAY_SIZE(plugins); i++)
    if (span_is(name, plugins[i]->name) && !plugins[i]->guard)
      return (int)i;
  return -1;
}

/* Every name of one flag. */
static int
check_names(const char *flag, const char *list, bool enable, uint64_t *ret, struct kerr *reterr)
{
  struct span left = span_of(list), rest;

  for (; left.p; left = rest) {
    struct span name = span_trim(span_cut(left, ',', &rest));
    const struct absent *found = NULL;
    int i = find_plugin(name);

    if (i >= 0) {
      *ret |= UINT64_C(1) << i;
      continue;
    }
    for (size_t k = 0; k < ARRAY_SIZE(absent); k++)
      if (span_is(name, absent[k].name))
        found = &absent[k];
    if (!found)
      return kerr_set(reterr, KERR_USAGE, NULL, "%s plugin \"%.*s\" is unknown", flag, SPAN_FMT(name));
    if (enable && !found->needless)
      return kerr_set(reterr, KERR_USAGE, NULL, "%s: %s is not built here", flag, found->name);
  }
  return 0;
}

int
admission_choose(const char *enable, const char *disable, uint64_t *ret_off, struct kerr *reterr)
{
  uint64_t on = 0, off = 0;
  struct span left = span_of(enable), rest;

  if (check_names("enable-admission-plugins", enable, true, &on, reterr) < 0 ||
      check_names("disable-admission-plugins", disable, false, &off, reterr) < 0)
    return -(int)reterr->code;
  for (; left.p; left = rest) {
    struct span name = span_trim(span_cut(left, ',', &rest));

    if (in_list(disable, name))
      return kerr_set(reterr, KERR_USAGE, NULL,
                      "%.*s in enable-admission-plugins and disable-admission-plugins overlapped", SPAN_FMT(name));
  }
  for (size_t i = 0; i < ARRAY_SIZE(plugins); i++)
    if (plugins[i]->optional && !(on & UINT64_C(1) << i))
      off |= UINT64_C(1) << i;
  *ret_off = off;
  return 0;
}

/* -- what plugins share -- */

const char *
admission_name(const struct rest_call *c, const struct json *o)
{
  const char *name = *c->info.name ? c->info.name : object_name(o);

  if (!*name)
    name = json_str(json_dig(o, "metadata", "generateName", NULL));
  return name && *name ? name : "Unknown";
}

int
admission_forbid(struct rest_call *c, const struct json *o, const char *why, struct kerr *reterr)
{
  return rest_forbidden(c, admission_name(c, o), why, reterr);
}

static void
drop_record(void *r)
{
  record_unref(r);
}

static const struct json *
read_at(struct rest_call *c, struct span key, int64_t revision)
{
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;
  struct record *r;

  if (store_get(c->s->store, key, revision, &r, &ignored) < 0)
    return NULL;
  arena_defer(c->a, drop_record, r);
  return record_tree(r);
}

/* As upstream's plugins: what the informer has not yet may be there all the same. */
const struct json *
admission_lookup(struct rest_call *c, const char *group, const char *version, const char *resource, const char *ns,
                 const char *name)
{
  const struct kind_resource *res = kind_resource_find(c->personality, group, version, resource);
  const struct json *ret;
  struct span key;

  if (!res || !*name)
    return NULL;
  key = rest_key(c->a, res, ns, name);
  ret = read_at(c, key, STORE_CACHED);
  return ret ? ret : read_at(c, key, 0);
}

static void
drop_list(void *list)
{
  store_list_release(list);
}

int
admission_list_of(struct rest_call *c, const struct kind_resource *res, const char *ns, struct store_list *ret,
                  struct kerr *reterr)
{
  struct store_list *list = arena_new_of(c->a, struct store_list);
  struct store_range range = { .prefix = rest_prefix(c->a, res, ns), .at_rev = STORE_CACHED };

  if (store_list(c->s->store, &range, list, reterr) < 0)
    return -(int)reterr->code;
  arena_defer(c->a, drop_list, list);
  *ret = *list;
  return 0;
}

int
admission_list(struct rest_call *c, const char *group, const char *version, const char *resource, const char *ns,
               struct store_list *ret, struct kerr *reterr)
{
  const struct kind_resource *res = kind_resource_find(c->personality, group, version, resource);

  *ret = (struct store_list){ .items = NULL };
  return res ? admission_list_of(c, res, ns, ret, reterr) : 0; /* not every release has everything */
}

int
admission_internal(struct kerr *reterr, const char *what)
{
  return kerr_set(reterr, KERR_INTERNAL, NULL, "Internal error occurred: %s", what);
}

/* What is left of an object when all that a garbage collector may write is gone. */
static const struct json *
without_collector(struct arena *a, const struct json *o)
{
  static const char *const written[] = { "ownerReferences", "finalizers", "managedFields", "resourceVersion" };
  struct json *copy = json_copy(a, o), *meta = json_ensure_object(a, copy, "metadata");

  for (size_t i = 0; i < ARRAY_SIZE(written); i++)
    json_remove(meta, written[i]);
  return copy;
}

bool
admission_only_collects(struct rest_call *c, const struct json *o, const struct json *old)
{
  return old && json_equal(without_collector(c->a, o), without_collector(c->a, old));
}

/* -- admin access to devices -- */

int
admission_check_admin(struct rest_call *c, const struct json *o, const struct json *old, struct field_errors *errs,
                      struct kerr *reterr)
{
  const struct json *ns, *label;

  (void)reterr;
  if (!validate_wants_admin(c->kind, o, old, c->info.subresource, c->personality))
    return 0;
  /* Upstream asks the API server, too, not an informer. */
  ns =
      read_at(c, rest_key(c->a, kind_resource_find(c->personality, "", "v1", "namespaces"), "", c->info.namespace_), 0);
  label = json_get(object_labels(ns), personality_minor(c->personality) >= 34 ? "resource.kubernetes.io/admin-access"
                                                                              : "resource.k8s.io/admin-access");
  if (!json_str(label) || strcmp(json_str(label), "true") != 0)
    validate_refuse_admin(c->kind, o, c->info.subresource, errs);
  return 0;
}
