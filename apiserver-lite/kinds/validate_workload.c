/* Roles, priority classes, disruption budgets. */
#include "object.h"
#include "selector.h"
#include "validate_pod.h"
#include "validate_workload.h"

/* -- roles -- */

static void
check_rules(struct validation *v, const struct json *o)
{
  bool namespaced = !strcmp(v->kind->kind, "Role");
  const struct json *rules = json_get(o, "rules");
  for (size_t i = 0; i < json_count(rules); i++) {
    const struct json *r = json_at(rules, i), *urls = json_get(r, "nonResourceURLs");
    const struct vpath *at = VP_ITEM(VP(NULL, "rules"), i);
    bool groups = json_count(json_get(r, "apiGroups")), resources = json_count(json_get(r, "resources"));
    if (!json_count(json_get(r, "verbs"))) {
      verr_required(v, VP(at, "verbs"), "verbs must contain at least one value");
      validation_cover(v, v->n - 1, NULL);
    }
    if (json_count(urls)) {
      if (namespaced)
        verr_add(v, FIELD_INVALID, VP(at, "nonResourceURLs"), vjson(v->a, urls),
                 "namespaced rules cannot apply to non-resource URLs");
      if (groups || resources || json_count(json_get(r, "resourceNames")))
        verr_add(v, FIELD_INVALID, VP(at, "nonResourceURLs"), vjson(v->a, urls),
                 "rules cannot apply to both regular resources and non-resource URLs");
      continue;
    }
    if (!groups)
      verr_required(v, VP(at, "apiGroups"), "resource rules must supply at least one api group");
    if (!resources)
      verr_required(v, VP(at, "resources"), "resource rules must supply at least one resource");
  }
}

/* Roles that are put together from those which these selectors select. */
static void
check_aggregation(struct validation *v, const struct json *o)
{
  const struct json *rule = json_get(o, "aggregationRule"), *list = json_get(rule, "clusterRoleSelectors");
  const struct vpath *path = VP(VP(NULL, "aggregationRule"), "clusterRoleSelectors");
  if (json_type(rule) != JSON_NULL && !json_count(list))
    verr_required(v, path, "at least one clusterRoleSelector required if aggregationRule is non-nil");
  for (size_t i = 0; i < json_count(list); i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct label_selector *s;
    validate_label_selector(v, VP_ITEM(path, i), json_at(list, i));
    if (label_selector_from_json(v->a, json_at(list, i), &s, &err) < 0)
      verr_add(v, FIELD_INVALID, VP_ITEM(path, i), "null", "invalid label selector.");
  }
}

static void
check_cluster_role(struct validation *v, const struct json *o)
{
  check_rules(v, o);
  check_aggregation(v, o);
}

static void
check_subject(struct validation *v, const struct vpath *path, const struct json *s, bool namespaced)
{
  static const char *const subject_kinds[] = { "ServiceAccount", "User", "Group", NULL }, *const none[] = { "", NULL },
                           *const rbac[] = { "rbac.authorization.k8s.io", NULL };
  struct span kind = json_text_of(s, "kind"), group = json_text_of(s, "apiGroup"), name = json_text_of(s, "name");
  if (!name.n) {
    verr_required(v, VP(path, "name"), "");
    validation_cover(v, v->n - 1, NULL);
  }
  if (span_is(kind, "ServiceAccount")) {
    if (name.n)
      (void)verr_format(v, VP(path, "name"), name, TEXT_DNS_SUBDOMAIN);
    if (group.n)
      verr_not_supported(v, VP(path, "apiGroup"), group, none);
    if (!namespaced && !json_text_of(s, "namespace").n)
      verr_required(v, VP(path, "namespace"), "");
  } else if (span_is(kind, "User") || span_is(kind, "Group")) {
    if (!span_is(group, rbac[0]))
      verr_not_supported(v, VP(path, "apiGroup"), group, rbac);
  } else
    verr_not_supported(v, VP(path, "kind"), kind, subject_kinds);
}

static void
check_binding(struct validation *v, const struct json *o)
{
  static const char *const any[] = { "Role", "ClusterRole", NULL }, *const cluster[] = { "ClusterRole", NULL },
                           *const rbac[] = { "rbac.authorization.k8s.io", NULL };
  bool namespaced = !strcmp(v->kind->kind, "RoleBinding");
  const struct json *ref = json_get(o, "roleRef"), *subjects = json_get(o, "subjects");
  const struct vpath *path = VP(NULL, "roleRef");
  struct span kind = json_text_of(ref, "kind"), name = json_text_of(ref, "name");
  if (!span_is(json_text_of(ref, "apiGroup"), rbac[0]))
    verr_not_supported(v, VP(path, "apiGroup"), json_text_of(ref, "apiGroup"), rbac);
  if (!span_is(kind, "ClusterRole") && !(namespaced && span_is(kind, "Role")))
    verr_not_supported(v, VP(path, "kind"), kind, namespaced ? any : cluster);
  if (name.n)
    (void)verr_format(v, VP(path, "name"), name, TEXT_PATH_SEGMENT);
  else {
    verr_required(v, VP(path, "name"), "");
    validation_cover(v, v->n - 1, NULL);
  }
  for (size_t i = 0; i < json_count(subjects); i++)
    check_subject(v, VP_ITEM(VP(NULL, "subjects"), i), json_at(subjects, i), namespaced);
}

static void
update_binding(struct validation *v, const struct json *o, const struct json *old)
{
  check_binding(v, o);
  size_t mark = v->n;
  const struct json *ref = json_get(o, "roleRef");
  validate_immutable(v, VP(NULL, "roleRef"), ref, json_get(old, "roleRef"), vgo(v, ref, "io.k8s.api.rbac.v1.RoleRef"));
  validation_cover(v, mark, "immutable");
}

/* -- priority classes, disruption budgets -- */

#define PRIORITY_MAX 1000000000 /* HighestUserDefinablePriority */

static void
check_priority(struct validation *v, const struct json *o)
{
  static const char *const policies[] = { "PreemptLowerPriority", "Never", NULL };
  const char *name = object_name(o);
  bool system = !strcmp(name, "system-node-critical") || !strcmp(name, "system-cluster-critical");
  if (!strncmp(name, "system-", 7) && !system)
    verr_forbidden(
        v, VP(VP(NULL, "metadata"), "name"),
        arena_printf(v->a,
                     "priority class names with 'system-' prefix are reserved for system use only. error: %s "
                     "is not a known system priority class",
                     name));
  if (json_get_int(o, "value", 0) > PRIORITY_MAX && !system)
    verr_add(v, FIELD_FORBIDDEN, VP(NULL, "value"), NULL, "maximum allowed value of a user defined priority is %d",
             PRIORITY_MAX);
  if (json_has(o, "preemptionPolicy"))
    validate_choice(v, NULL, o, "preemptionPolicy", policies);
}

static void
update_priority(struct validation *v, const struct json *o, const struct json *old)
{
  if (json_get_int(o, "value", 0) != json_get_int(old, "value", 0))
    verr_forbidden(v, VP(NULL, "value"), "may not be changed in an update.");
  validate_immutable(v, VP(NULL, "preemptionPolicy"), json_get(o, "preemptionPolicy"),
                     json_get(old, "preemptionPolicy"), NULL);
}

static void
check_budget(struct validation *v, const struct json *o)
{
  const struct json *spec = json_get(o, "spec");
  const struct vpath *path = VP(NULL, "spec");
  static const char *const bounds[] = { "minAvailable", "maxUnavailable" }, *const policies[] = { "AlwaysAllow",
                                                                                                  "IfHealthyBudget",
                                                                                                  NULL };
  if (json_has(spec, bounds[0]) && json_has(spec, bounds[1]))
    verr_add(v, FIELD_INVALID, path, vgo(v, spec, "io.k8s.api.policy.v1.PodDisruptionBudgetSpec"),
             "minAvailable and maxUnavailable cannot be both set");
  for (size_t i = 0; i < ARRAY_SIZE(bounds); i++)
    if (json_has(spec, bounds[i])) {
      validate_int_or_percent(v, VP(path, bounds[i]), json_get(spec, bounds[i]));
      validate_at_most_100_percent(v, VP(path, bounds[i]), json_get(spec, bounds[i]));
    }
  validate_label_selector(v, VP(path, "selector"), json_get(spec, "selector"));
  struct span policy = json_text_of(spec, "unhealthyPodEvictionPolicy");
  if (json_has(spec, "unhealthyPodEvictionPolicy") && !span_is(policy, policies[0]) && !span_is(policy, policies[1]))
    verr_not_supported(v, VP(path, "unhealthyPodEvictionPolicy"), policy, policies);
}

static void
status_budget(struct validation *v, const struct json *o, const struct json *old)
{
  static const char *const counts[] = { "disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods",
                                        NULL };
  const struct vpath *path = VP(NULL, "status");
  (void)old;
  validate_conditions(v, VP(path, "conditions"), json_dig(o, "status", "conditions", NULL));
  validate_none_negative(v, path, json_get(o, "status"), counts);
}

/* The entries of a group's status point at entries of its spec (scheduling/validation). */
static void
update_pod_group_status(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *list = json_dig(o, "status", "resourceClaimStatuses", NULL),
                    *claims = json_dig(o, "spec", "resourceClaims", NULL);
  const struct vpath *path = VP(VP(NULL, "status"), "resourceClaimStatuses");
  (void)old;
  validate_conditions(v, VP(VP(NULL, "status"), "conditions"), json_dig(o, "status", "conditions", NULL));
  for (size_t i = 0; i < json_count(list); i++) {
    struct span name = json_text_of(json_at(list, i), "name");
    bool known = false;
    for (json_each_item (p, claims))
      known |= span_eq(json_text_of(*p, "name"), name);
    if (!known)
      verr_invalid(v, VP(VP_ITEM(path, i), "name"), name, "must match the name of an entry in `spec.resourceClaims`");
  }
}

static void
keep_pod_group(struct validation *v, const struct json *o, const struct json *old)
{
  (void)v, (void)o, (void)old; /* tags say what may change */
}

#define SUBDOMAIN                \
  {                              \
    .format = TEXT_DNS_SUBDOMAIN \
  }
#define RBAC "rbac.authorization.k8s.io"
const struct validator validators_workload[] = {
  { RBAC, "Role", .name = { .format = TEXT_PATH_SEGMENT }, .create = check_rules, .flags = VALIDATOR_META_AGAIN },
  { RBAC, "ClusterRole", .cluster = true, .name = { .format = TEXT_PATH_SEGMENT }, .create = check_cluster_role,
    .flags = VALIDATOR_META_AGAIN },
  { RBAC, "RoleBinding", .name = { .format = TEXT_PATH_SEGMENT }, .create = check_binding, .update = update_binding,
    .flags = VALIDATOR_META_AGAIN },
  { RBAC, "ClusterRoleBinding", .cluster = true, .name = { .format = TEXT_PATH_SEGMENT }, .create = check_binding,
    .update = update_binding, .flags = VALIDATOR_META_AGAIN },
  { "scheduling.k8s.io", "PriorityClass", .cluster = true, .name = SUBDOMAIN, .create = check_priority,
    .update = update_priority },
  { "scheduling.k8s.io", "PodGroup", .name = SUBDOMAIN, .update = keep_pod_group, .status = update_pod_group_status },
  { "policy", "PodDisruptionBudget", .name = { .format = TEXT_PATH_SEGMENT }, .create = check_budget,
    .status = status_budget },
};
const size_t validator_workload_count = ARRAY_SIZE(validators_workload);
