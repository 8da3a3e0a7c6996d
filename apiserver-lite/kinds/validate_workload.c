/* Workloads, roles, priority classes, disruption budgets: what Helm charts bring most. */
#include "object.h"
#include "selector.h"
#include "validate_pod.h"

/* -- what workloads have in common -- */

static void
check_not_negative(struct validation *v, const struct vpath *path, const struct json *spec, const char *const *names)
{
  for (; *names; names++)
    validate_not_negative(v, path, spec, *names);
}

/* The selector, which must select the pods of the template. */
static void
check_selector(struct validation *v, const struct vpath *path, const struct json *spec, const char *what, bool needed)
{
  const struct json *selector = json_get(spec, "selector"), *labels = object_labels(json_get(spec, "template"));
  struct label_selector *s;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  if (json_type(selector) == JSON_NULL) {
    if (needed)
      verr_required(v, VP(path, "selector"), "");
    return;
  }
  validate_label_selector(v, VP(path, "selector"), selector);
  if (!json_count(json_get(selector, "matchLabels")) && !json_count(json_get(selector, "matchExpressions")))
    verr_add(v, FIELD_INVALID, VP(path, "selector"), vjson(v->a, selector), "empty selector is invalid for %s", what);
  if (label_selector_from_json(v->a, selector, &s, &err) < 0)
    verr_add(v, FIELD_INVALID, VP(path, "selector"), vjson(v->a, selector), "invalid label selector");
  else if (!label_selector_matches(s, labels))
    verr_add(v, FIELD_INVALID, VP(VP(VP(path, "template"), "metadata"), "labels"), vjson(v->a, labels),
             "`selector` does not match template `labels`");
}

static void
check_always(struct validation *v, const struct vpath *path, const struct json *spec, const char *what)
{
  static const char *const always[] = { "Always", NULL };
  const struct json *pod = json_dig(spec, "template", "spec", NULL);
  const struct vpath *at = VP(VP(path, "template"), "spec");
  validate_pod_template(v, VP(path, "template"), json_get(spec, "template"));
  struct span policy = json_text_of(pod, "restartPolicy");
  if (!span_is(policy, "Always"))
    verr_not_supported(v, VP(at, "restartPolicy"), policy, always);
  if (json_has(pod, "activeDeadlineSeconds"))
    verr_forbidden(v, VP(at, "activeDeadlineSeconds"),
                   arena_printf(v->a, "activeDeadlineSeconds in %s is not Supported", what));
}

static void
check_int_or_percent(struct validation *v, const struct vpath *path, const struct json *value)
{
  if (json_is(value, JSON_STRING))
    (void)verr_format(v, path, json_span(value), TEXT_PERCENT);
  else if (json_int_or(value, 0) < 0)
    verr_invalid_int(v, path, json_int_or(value, 0), "must be greater than or equal to 0");
}

static bool
is_zero(const struct json *value)
{
  return json_is(value, JSON_STRING) ? span_is(json_span(value), "0%") : json_int_or(value, 0) == 0;
}

static void
check_rolling(struct validation *v, const struct vpath *path, const struct json *rolling)
{
  const struct json *down = json_get(rolling, "maxUnavailable"), *up = json_get(rolling, "maxSurge");
  check_int_or_percent(v, VP(path, "maxUnavailable"), down);
  check_int_or_percent(v, VP(path, "maxSurge"), up);
  if (is_zero(down) && is_zero(up))
    verr_add(v, FIELD_INVALID, VP(path, "maxUnavailable"), vjson(v->a, down), "may not be 0 when `maxSurge` is 0");
  if (json_is(down, JSON_STRING) && strtol(json_str(down), NULL, 10) > 100)
    verr_invalid(v, VP(path, "maxUnavailable"), json_span(down), "must not be greater than 100%");
}

/* -- deployments, replica sets, daemon sets, stateful sets -- */

static void
check_deployment(struct validation *v, const struct json *o)
{
  static const char *const types[] = { "Recreate", "RollingUpdate", NULL };
  const struct json *spec = json_get(o, "spec"), *strategy = json_get(spec, "strategy");
  const struct vpath *path = VP(NULL, "spec"), *at = VP(path, "strategy");
  struct span type = json_text_of(strategy, "type");
  validate_not_negative(v, path, spec, "replicas");
  check_selector(v, path, spec, "deployment", true);
  if (json_has(spec, "selector"))
    check_always(v, path, spec, "ReplicaSet");
  if (span_is(type, "Recreate")) {
    if (json_has(strategy, "rollingUpdate"))
      verr_forbidden(v, VP(at, "rollingUpdate"), "may not be specified when strategy `type` is 'Recreate'");
  } else if (!span_is(type, "RollingUpdate"))
    verr_not_supported(v, at, type, types);
  else if (!json_has(strategy, "rollingUpdate"))
    verr_required(v, VP(at, "rollingUpdate"), "this should be defaulted and never be nil");
  else
    check_rolling(v, VP(at, "rollingUpdate"), json_get(strategy, "rollingUpdate"));
  check_not_negative(
      v, path, spec,
      (const char *const[]){ "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds", NULL });
  int64_t deadline = json_get_int(spec, "progressDeadlineSeconds", 0);
  if (json_has(spec, "progressDeadlineSeconds") && deadline <= json_get_int(spec, "minReadySeconds", 0))
    verr_invalid_int(v, VP(path, "progressDeadlineSeconds"), deadline, "must be greater than minReadySeconds");
}

static void
keep_selector(struct validation *v, const struct json *o, const struct json *old)
{
  validate_immutable(v, VP(VP(NULL, "spec"), "selector"), json_dig(o, "spec", "selector", NULL),
                     json_dig(old, "spec", "selector", NULL), NULL);
}

static void
update_deployment(struct validation *v, const struct json *o, const struct json *old)
{
  check_deployment(v, o);
  keep_selector(v, o, old);
}

static void
check_replica_set(struct validation *v, const struct json *o)
{
  const struct json *spec = json_get(o, "spec");
  const struct vpath *path = VP(NULL, "spec");
  check_not_negative(v, path, spec, (const char *const[]){ "replicas", "minReadySeconds", NULL });
  check_selector(v, path, spec, "deployment", true); /* (sic) */
  if (json_has(spec, "selector"))
    check_always(v, path, spec, "ReplicaSet");
}

static void
update_replica_set(struct validation *v, const struct json *o, const struct json *old)
{
  check_replica_set(v, o);
  keep_selector(v, o, old);
}

static void
check_daemon_set(struct validation *v, const struct json *o)
{
  const struct json *spec = json_get(o, "spec");
  const struct vpath *path = VP(NULL, "spec");
  check_selector(v, path, spec, "daemonset", false);
  check_always(v, path, spec, "DaemonSet");
  check_not_negative(v, path, spec, (const char *const[]){ "minReadySeconds", "revisionHistoryLimit", NULL });
}

static void
update_daemon_set(struct validation *v, const struct json *o, const struct json *old)
{
  keep_selector(v, o, old);
  check_daemon_set(v, o);
}

static void
check_stateful_set(struct validation *v, const struct json *o)
{
  static const char *const policies[] = { "OrderedReady", "Parallel", NULL };
  const struct json *spec = json_get(o, "spec");
  const struct vpath *path = VP(NULL, "spec");
  validate_choice(v, path, spec, "podManagementPolicy", policies);
  check_not_negative(v, path, spec, (const char *const[]){ "replicas", "minReadySeconds", NULL });
  if (json_text_of(spec, "serviceName").n)
    (void)verr_format(v, VP(path, "serviceName"), json_text_of(spec, "serviceName"), TEXT_DNS_LABEL);
  check_selector(v, path, spec, "statefulset", true);
  check_always(v, path, spec, "StatefulSet");
}

static void
update_stateful_set(struct validation *v, const struct json *o, const struct json *old)
{
  static const char *const free_members[] = { "replicas",
                                              "ordinals",
                                              "template",
                                              "updateStrategy",
                                              "revisionHistoryLimit",
                                              "persistentVolumeClaimRetentionPolicy",
                                              "minReadySeconds" };
  check_stateful_set(v, o);
  if (!json_is(json_get(o, "spec"), JSON_OBJECT) || !json_is(json_get(old, "spec"), JSON_OBJECT))
    return;
  struct json *now = json_shallow(v->a, json_get(o, "spec")), *was = json_shallow(v->a, json_get(old, "spec"));
  for (size_t i = 0; i < ARRAY_SIZE(free_members); i++) {
    json_remove(now, free_members[i]);
    json_remove(was, free_members[i]);
  }
  if (!json_same(now, was))
    verr_forbidden(v, VP(NULL, "spec"),
                   "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
                   "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
                   "'minReadySeconds' are forbidden");
}

/* -- jobs -- */

static void
check_job_spec(struct validation *v, const struct vpath *path, const struct json *spec)
{
  static const char *const modes[] = { "NonIndexed", "Indexed", NULL }, *const ends[] = { "OnFailure", "Never", NULL };
  check_not_negative(v, path, spec,
                     (const char *const[]){ "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit",
                                            "ttlSecondsAfterFinished", "backoffLimitPerIndex", "maxFailedIndexes",
                                            NULL });
  if (json_has(spec, "completionMode"))
    validate_choice(v, path, spec, "completionMode", modes);
  if (span_is(json_text_of(spec, "completionMode"), "Indexed") && !json_has(spec, "completions"))
    verr_required(v, VP(path, "completions"), "when completion mode is Indexed");
  validate_pod_template(v, VP(path, "template"), json_get(spec, "template"));
  struct span policy = json_text_of(json_dig(spec, "template", "spec", NULL), "restartPolicy");
  const struct vpath *at = VP(VP(VP(path, "template"), "spec"), "restartPolicy");
  if (!policy.n || span_is(policy, "Always"))
    verr_required(v, at, "valid values: \"OnFailure\", \"Never\"");
  else if (!span_is(policy, ends[0]) && !span_is(policy, ends[1]))
    verr_not_supported(v, at, policy, ends);
}

static void
check_job(struct validation *v, const struct json *o)
{
  check_job_spec(v, VP(NULL, "spec"), json_get(o, "spec"));
  const struct json *selector = json_dig(o, "spec", "selector", NULL);
  if (json_type(selector) != JSON_NULL)
    validate_label_selector(v, VP(VP(NULL, "spec"), "selector"), selector);
}

static void
update_job(struct validation *v, const struct json *o, const struct json *old)
{
  static const char *const fixed[] = { "completions",    "selector",         "template",
                                       "completionMode", "podFailurePolicy", "backoffLimitPerIndex",
                                       "managedBy",      "successPolicy" };
  check_job(v, o);
  bool suspended = json_get_bool(json_get(old, "spec"), "suspend", false),
       indexed = span_is(json_text_of(json_get(o, "spec"), "completionMode"), "Indexed");
  for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
    const struct json *now = json_dig(o, "spec", fixed[i], NULL), *was = json_dig(old, "spec", fixed[i], NULL);
    if ((!strcmp(fixed[i], "template") && suspended) || (!strcmp(fixed[i], "completions") && indexed))
      continue;
    validate_immutable(v, VP(VP(NULL, "spec"), fixed[i]), now, was,
                       i == 2 && !json_same(now, was) ? vgo(v, now, "io.k8s.api.core.v1.PodTemplateSpec") : NULL);
  }
}

static void
check_cron_job(struct validation *v, const struct json *o)
{
  static const char *const policies[] = { "Allow", "Forbid", "Replace", NULL };
  const struct json *spec = json_get(o, "spec");
  const struct vpath *path = VP(NULL, "spec");
  if (!json_text_of(spec, "schedule").n) {
    verr_required(v, VP(path, "schedule"), "");
    validation_cover(v, v->n - 1, NULL);
  }
  check_not_negative(
      v, path, spec,
      (const char *const[]){ "startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit", NULL });
  validate_choice(v, path, spec, "concurrencyPolicy", policies);
  check_job_spec(v, VP(VP(path, "jobTemplate"), "spec"), json_dig(spec, "jobTemplate", "spec", NULL));
}

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
  static const char *const bounds[] = { "minAvailable", "maxUnavailable" };
  if (json_has(spec, bounds[0]) && json_has(spec, bounds[1]))
    verr_add(v, FIELD_INVALID, path, vgo(v, spec, "io.k8s.api.policy.v1.PodDisruptionBudgetSpec"),
             "minAvailable and maxUnavailable cannot be both set");
  for (size_t i = 0; i < ARRAY_SIZE(bounds); i++)
    if (json_has(spec, bounds[i]))
      check_int_or_percent(v, VP(path, bounds[i]), json_get(spec, bounds[i]));
  validate_label_selector(v, VP(path, "selector"), json_get(spec, "selector"));
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
  { "apps", "Deployment", .name = SUBDOMAIN, .create = check_deployment, .update = update_deployment },
  { "apps", "ReplicaSet", .name = SUBDOMAIN, .create = check_replica_set, .update = update_replica_set },
  { "apps", "DaemonSet", .name = SUBDOMAIN, .create = check_daemon_set, .update = update_daemon_set },
  { "apps", "StatefulSet", .name = { .format = TEXT_DNS_LABEL }, .create = check_stateful_set,
    .update = update_stateful_set, .flags = VALIDATOR_META_AGAIN },
  { "batch", "Job", .name = SUBDOMAIN, .create = check_job, .update = update_job },
  { "batch", "CronJob", .name = SUBDOMAIN, .create = check_cron_job },
  { RBAC, "Role", .name = { .format = TEXT_PATH_SEGMENT }, .create = check_rules, .flags = VALIDATOR_META_AGAIN },
  { RBAC, "ClusterRole", .cluster = true, .name = { .format = TEXT_PATH_SEGMENT }, .create = check_rules,
    .flags = VALIDATOR_META_AGAIN },
  { RBAC, "RoleBinding", .name = { .format = TEXT_PATH_SEGMENT }, .create = check_binding, .update = update_binding,
    .flags = VALIDATOR_META_AGAIN },
  { RBAC, "ClusterRoleBinding", .cluster = true, .name = { .format = TEXT_PATH_SEGMENT }, .create = check_binding,
    .update = update_binding, .flags = VALIDATOR_META_AGAIN },
  { "scheduling.k8s.io", "PriorityClass", .cluster = true, .name = SUBDOMAIN, .create = check_priority,
    .update = update_priority },
  { "scheduling.k8s.io", "PodGroup", .name = SUBDOMAIN, .update = keep_pod_group, .status = update_pod_group_status },
  { "policy", "PodDisruptionBudget", .name = SUBDOMAIN, .create = check_budget, .flags = VALIDATOR_META_AGAIN },
};
const size_t validator_workload_count = ARRAY_SIZE(validators_workload);
