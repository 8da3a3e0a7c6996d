/* Resource quotas (core/validation: ValidateResourceQuota). */
#include "validate_pod.h"

#define SCOPE_ATTRIBUTES_SINCE 33 /* VolumeAttributesClass */

static const char *const amounts[] = { "cpu",
                                       "memory",
                                       "ephemeral-storage",
                                       "requests.cpu",
                                       "requests.memory",
                                       "requests.storage",
                                       "requests.ephemeral-storage",
                                       "limits.cpu",
                                       "limits.memory",
                                       "limits.ephemeral-storage",
                                       NULL },
                         *const counts[] = { "pods",
                                             "resourcequotas",
                                             "services",
                                             "replicationcontrollers",
                                             "secrets",
                                             "persistentvolumeclaims",
                                             "configmaps",
                                             "services.nodeports",
                                             "services.loadbalancers",
                                             NULL };

static bool
is_standard(struct span name)
{
  return validate_is_one_of(name, amounts) || validate_is_one_of(name, counts) ||
         span_starts(name, SPAN("hugepages-")) || span_starts(name, SPAN("requests.hugepages-"));
}

/* Somebody's own resource, with a domain that is not Kubernetes'. */
static bool
is_extended(struct span name)
{
  return memchr(name.p, '/', name.n) && !memmem(name.p, name.n, "kubernetes.io/", strlen("kubernetes.io/")) &&
         !span_starts(name, SPAN("requests."));
}

static void
check_amounts(struct validation *v, const struct vpath *path, const struct json *list)
{
  for (json_each_member (m, list)) {
    struct span name = span_make(m->name, m->name_len);
    const struct vpath *at = VP_KEY(path, m->name);
    struct quantity q;
    validate_resource_name(v, at, name);
    if (!is_standard(name) && !memchr(name.p, '/', name.n))
      verr_invalid(v, at, name, "must be a standard resource for quota");
    if (!json_quantity(m->value, &q))
      continue;
    if (quantity_sign(&q) < 0)
      verr_invalid(v, at, span_of(quantity_text(v->a, &q)), "must be greater than or equal to 0");
    if ((validate_is_one_of(name, counts) || is_extended(name)) && quantity_milli(&q) % 1000)
      verr_invalid(v, at, span_of(quantity_text(v->a, &q)), "must be an integer");
  }
}

/* -- scopes -- */

static const char *const of_pods[] = { "pods",          "cpu",          "memory",          "limits.cpu",
                                       "limits.memory", "requests.cpu", "requests.memory", NULL },
                         *const of_best_effort[] = { "pods", NULL },
                         *const of_claims[] = { "persistentvolumeclaims", "requests.storage", NULL };

/* A scope, the resources it can be applied to, and whether it is there or not and nothing else. */
static const struct scope {
  const char *name;
  const char *const *resources;
  bool exists;
  int since;
} scopes[] = {
  { "Terminating", of_pods, true, 0 },
  { "NotTerminating", of_pods, true, 0 },
  { "BestEffort", of_best_effort, true, 0 },
  { "NotBestEffort", of_pods, true, 0 },
  { "PriorityClass", of_pods, false, 0 },
  { "CrossNamespacePodAffinity", of_pods, true, 0 },
  { "VolumeAttributesClass", of_claims, false, SCOPE_ATTRIBUTES_SINCE },
};

static const struct scope *
scope_find(const struct validation *v, struct span name)
{
  for (size_t i = 0; i < ARRAY_SIZE(scopes); i++)
    if (span_is(name, scopes[i].name) && personality_minor(v->p) >= scopes[i].since)
      return &scopes[i];
  return NULL;
}

/* How many of the resources in `hard` the scope is nothing for. */
static size_t
count_unfit(const struct scope *scope, const struct json *hard)
{
  size_t n = 0;
  for (json_each_member (m, hard)) {
    struct span name = span_make(m->name, m->name_len);
    n += scope && is_standard(name) && !validate_is_one_of(name, scope->resources);
  }
  return n;
}

/* Scopes that exclude each other; `member`: where an item has its scope, NULL when it is one. */
static void
check_conflicts(struct validation *v, const struct vpath *path, const struct json *list, const char *member,
                const char *shown)
{
  static const char *const pairs[][2] = { { "BestEffort", "NotBestEffort" }, { "Terminating", "NotTerminating" } };
  for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
    bool has[2] = { false };
    for (json_each_item (p, list))
      for (int k = 0; k < 2; k++)
        has[k] |= span_is(member ? json_text_of(*p, member) : json_span(*p), pairs[i][k]);
    if (has[0] && has[1])
      verr_add(v, FIELD_INVALID, path, shown, "conflicting scopes");
  }
}

static void
check_scopes(struct validation *v, const struct vpath *path, const struct json *spec)
{
  const struct json *list = json_get(spec, "scopes"), *hard = json_get(spec, "hard");
  char *shown = vjson(v->a, list);
  for (json_each_item (p, list)) {
    const struct scope *scope = scope_find(v, json_span(*p));
    if (!scope)
      verr_add(v, FIELD_INVALID, path, shown, "unsupported scope");
    for (size_t n = count_unfit(scope, hard); n; n--)
      verr_add(v, FIELD_INVALID, path, shown, "unsupported scope applied to resource");
  }
  check_conflicts(v, path, list, NULL, shown);
}

static void
check_operator(struct validation *v, const struct vpath *path, const struct scope *scope, const struct json *e)
{
  const struct json *values = json_get(e, "values");
  struct span op = json_text_of(e, "operator");
  bool exists = span_is(op, "Exists");
  if (scope && scope->exists && !exists)
    verr_invalid(v, VP(path, "operator"), op,
                 "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, "
                 "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or "
                 "ResourceQuotaScopeCrossNamespacePodAffinity");
  if (span_is(op, "In") || span_is(op, "NotIn")) {
    if (!json_count(values))
      verr_required(v, VP(path, "values"),
                    "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector");
  } else if (exists || span_is(op, "DoesNotExist")) {
    if (json_count(values))
      verr_add(v, FIELD_INVALID, VP(path, "values"), vjson(v->a, values),
               "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector");
  } else
    verr_invalid(v, VP(path, "operator"), op, "not a valid selector operator");
}

static void
check_scope_selector(struct validation *v, const struct vpath *path, const struct json *spec)
{
  const struct json *selector = json_get(spec, "scopeSelector"), *list = json_get(selector, "matchExpressions");
  for (json_each_item (p, list)) {
    struct span name = json_text_of(*p, "scopeName");
    const struct scope *scope = scope_find(v, name);
    if (!scope)
      verr_invalid(v, VP(path, "scopeName"), name, "unsupported scope");
    for (size_t n = count_unfit(scope, json_get(spec, "hard")); n; n--)
      verr_add(v, FIELD_INVALID, path, vgo(v, selector, "io.k8s.api.core.v1.ScopeSelector"),
               "unsupported scope applied to resource");
    check_operator(v, path, scope, *p);
  }
  check_conflicts(v, path, list, "scopeName", vjson(v->a, json_get(spec, "scopes")));
}

/* -- the whole -- */

static void
check_quota(struct validation *v, const struct json *o)
{
  const struct json *spec = json_get(o, "spec");
  const struct vpath *path = VP(NULL, "spec");
  check_amounts(v, VP(path, "hard"), json_get(spec, "hard"));
  check_scopes(v, VP(path, "scopes"), spec);
  check_scope_selector(v, VP(VP(path, "scopeSelector"), "matchExpressions"), spec);
}

static bool
has_all(const struct json *list, const struct json *wanted)
{
  for (json_each_item (p, wanted)) {
    bool found = false;
    for (json_each_item (q, list))
      found |= json_equal(*p, *q);
    if (!found)
      return false;
  }
  return true;
}

static void
update_quota(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *now = json_dig(o, "spec", "scopes", NULL), *was = json_dig(old, "spec", "scopes", NULL);
  check_quota(v, o);
  if (!has_all(now, was) || !has_all(was, now))
    verr_add(v, FIELD_INVALID, VP(VP(NULL, "spec"), "scopes"), vjson(v->a, now), "field is immutable");
}

static void
update_quota_status(struct validation *v, const struct json *o, const struct json *old)
{
  static const char *const lists[] = { "hard", "used" };
  (void)old;
  for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
    check_amounts(v, VP(VP(NULL, "status"), lists[i]), json_dig(o, "status", lists[i], NULL));
}

const struct validator validator_quota = {
  "",
  "ResourceQuota",
  .name = { .format = TEXT_DNS_SUBDOMAIN },
  .create = check_quota,
  .update = update_quota,
  .status = update_quota_status,
};
