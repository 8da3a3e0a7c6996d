/* Deployments, replica sets, daemon sets, stateful sets, controller revisions (pkg/apis/apps/validation). */
#include "number.h"
#include "object.h"
#include "selector.h"
#include "validate_pod.h"
#include "validate_workload.h"

/* -- what workloads have in common -- */

void
validate_none_negative(struct validation *v, const struct vpath *path, const struct json *o, const char *const *names)
{
  for (; *names; names++)
    validate_not_negative(v, path, o, *names);
}

bool
validate_template_selected(struct validation *v, const struct vpath *path, const struct json *spec)
{
  const struct json *labels = object_labels(json_get(spec, "template"));
  struct label_selector *s;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  if (label_selector_from_json(v->a, json_get(spec, "selector"), &s, &err) < 0)
    return false;
  if (!label_selector_matches(s, labels))
    verr_add(v, FIELD_INVALID, VP(VP(VP(path, "template"), "metadata"), "labels"), vjson(v->a, labels),
             "`selector` does not match template `labels`");
  return true;
}

static void
check_not_empty(struct validation *v, const struct vpath *path, const struct json *selector, const char *what)
{
  if (!json_count(json_get(selector, "matchLabels")) && !json_count(json_get(selector, "matchExpressions")))
    verr_add(v, FIELD_INVALID, path, vgo(v, selector, VALIDATE_SELECTOR_TYPE), "empty selector is invalid for %s",
             what);
}

/* A selector that must be there and select something. */
static void
check_selector(struct validation *v, const struct vpath *path, const struct json *spec, const char *what)
{
  const struct json *selector = json_get(spec, "selector");
  if (!json_has(spec, "selector")) {
    verr_required(v, VP(path, "selector"), "");
    return;
  }
  validate_label_selector(v, VP(path, "selector"), selector);
  check_not_empty(v, VP(path, "selector"), selector, what);
}

static void
keep_selector(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *selector = json_dig(o, "spec", "selector", NULL);
  validate_immutable(v, VP(VP(NULL, "spec"), "selector"), selector, json_dig(old, "spec", "selector", NULL),
                     vgo(v, selector, VALIDATE_SELECTOR_TYPE));
}

static void
check_restarts_always(struct validation *v, const struct vpath *path, const struct json *spec, const char *what)
{
  static const char *const always[] = { "Always", NULL };
  const struct json *pod = json_dig(spec, "template", "spec", NULL);
  const struct vpath *at = VP(VP(path, "template"), "spec");
  struct span policy = json_text_of(pod, "restartPolicy");
  if (!span_is(policy, "Always"))
    verr_not_supported(v, VP(at, "restartPolicy"), policy, always);
  if (json_has(pod, "activeDeadlineSeconds"))
    verr_forbidden(v, VP(at, "activeDeadlineSeconds"),
                   arena_printf(v->a, "activeDeadlineSeconds in %s is not Supported", what));
}

/* -- numbers and percentages -- */

static char *
show_amount(struct validation *v, const struct json *value)
{
  if (validation_minor(v) > VALUES_AS_GO_UNTIL)
    return json_is(value, JSON_STRING) ? vquote(v->a, json_span(value)) : vjson(v->a, value);
  bool text = json_is(value, JSON_STRING);
  return arena_printf(v->a, "intstr.IntOrString{Type:%d, IntVal:%lld, StrVal:%s}", text,
                      (long long)(text ? 0 : json_int_or(value, 0)), vquote(v->a, text ? json_span(value) : SPAN("")));
}

void
validate_int_or_percent(struct validation *v, const struct vpath *path, const struct json *value)
{
  const char *problems[TEXT_PROBLEMS_MAX];
  size_t n = json_is(value, JSON_STRING) ? text_check(v->a, TEXT_PERCENT, json_span(value), problems) : 0;
  for (size_t i = 0; i < n; i++)
    verr_add(v, FIELD_INVALID, path, show_amount(v, value), "%s", problems[i]);
  if (!json_is(value, JSON_STRING) && json_int_or(value, 0) < 0)
    verr_add(v, FIELD_INVALID, path, arena_printf(v->a, "%lld", (long long)json_int_or(value, 0)),
             "must be greater than or equal to 0")
        ->origin = "minimum";
}

static bool
is_percent(struct validation *v, const struct json *value)
{
  const char *problems[TEXT_PROBLEMS_MAX];
  return json_is(value, JSON_STRING) && text_check(v->a, TEXT_PERCENT, json_span(value), problems) == 0;
}

/* The number, with or without a percent sign; what is no number is 0. */
static int64_t
amount_of(struct validation *v, const struct json *value)
{
  if (!json_is(value, JSON_STRING))
    return json_int_or(value, 0);
  struct span s = json_span(value);
  int64_t n;
  if (is_percent(v, value))
    s.n--;
  return number_int64(s, &n) ? n : 0;
}

void
validate_at_most_100_percent(struct validation *v, const struct vpath *path, const struct json *value)
{
  if (is_percent(v, value) && amount_of(v, value) > 100)
    verr_add(v, FIELD_INVALID, path, show_amount(v, value), "must not be greater than 100%%");
}

/* -- status -- */

/* Counters, none negative; those of `bounded` are at most status.replicas. Lists end with NULL. */
struct status_rules {
  const char *const *counters, *const *bounded;
  const char *available; /* what is said when more are available than ready */
};

static void
check_counter(struct validation *v, const struct json *status, const char *name, const char *most, const char *text)
{
  if (json_get_int(status, name, 0) > json_get_int(status, most, 0))
    verr_invalid_int(v, VP(VP(NULL, "status"), name), json_get_int(status, name, 0), text);
}

static void
check_status(struct validation *v, const struct json *o, const struct json *old, const struct status_rules *rules)
{
  const struct json *status = json_get(o, "status"), *was = json_get(old, "status");
  static const char collisions[] = "collisionCount";
  validate_none_negative(v, VP(NULL, "status"), status, rules->counters);
  for (const char *const *name = rules->bounded; name && *name; name++)
    check_counter(v, status, *name, "replicas", "cannot be greater than status.replicas");
  if (rules->available)
    check_counter(v, status, "availableReplicas", "readyReplicas", rules->available);
  if (json_has(was, collisions) &&
      (!json_has(status, collisions) || json_get_int(status, collisions, 0) < json_get_int(was, collisions, 0)))
    verr_invalid_int(v, VP(VP(NULL, "status"), collisions), json_get_int(status, collisions, 0),
                     "cannot be decremented");
}

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void
status_deployment(struct validation *v, const struct json *o, const struct json *old)
{
  check_status(v, o, old,
               &(const struct status_rules){
                   NAMES("observedGeneration", "replicas", "updatedReplicas", "readyReplicas", "availableReplicas",
                         "unavailableReplicas", "terminatingReplicas", "collisionCount"),
                   NAMES("updatedReplicas", "readyReplicas", "availableReplicas"),
                   "cannot be greater than readyReplicas",
               });
}

static void
status_replica_set(struct validation *v, const struct json *o, const struct json *old)
{
  check_status(v, o, old,
               &(const struct status_rules){
                   NAMES("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration",
                         "terminatingReplicas"),
                   NAMES("fullyLabeledReplicas", "readyReplicas", "availableReplicas"),
                   "cannot be greater than readyReplicas",
               });
}

static void
status_daemon_set(struct validation *v, const struct json *o, const struct json *old)
{
  check_status(v, o, old,
               &(const struct status_rules){
                   NAMES("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady",
                         "observedGeneration", "updatedNumberScheduled", "numberAvailable", "numberUnavailable",
                         "collisionCount"),
                   NULL,
                   NULL,
               });
}

static void
status_stateful_set(struct validation *v, const struct json *o, const struct json *old)
{
  check_status(v, o, old,
               &(const struct status_rules){
                   NAMES("replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas",
                         "observedGeneration", "collisionCount"),
                   NAMES("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"),
                   "cannot be greater than status.readyReplicas",
               });
}

/* -- deployments and replica sets -- */

static void
check_rolling(struct validation *v, const struct vpath *path, const struct json *rolling)
{
  const struct json *down = json_get(rolling, "maxUnavailable"), *up = json_get(rolling, "maxSurge");
  validate_int_or_percent(v, VP(path, "maxUnavailable"), down);
  validate_int_or_percent(v, VP(path, "maxSurge"), up);
  if (amount_of(v, down) == 0 && amount_of(v, up) == 0)
    verr_add(v, FIELD_INVALID, VP(path, "maxUnavailable"), show_amount(v, down), "may not be 0 when `maxSurge` is 0");
  validate_at_most_100_percent(v, VP(path, "maxUnavailable"), down);
}

static void
check_strategy(struct validation *v, const struct vpath *path, const struct json *strategy)
{
  static const char *const types[] = { "Recreate", "RollingUpdate", NULL };
  struct span type = json_text_of(strategy, "type");
  const struct vpath *at = VP(path, "rollingUpdate");
  if (span_is(type, "Recreate")) {
    if (json_has(strategy, "rollingUpdate"))
      verr_forbidden(v, at, "may not be specified when strategy `type` is 'Recreate'");
  } else if (!span_is(type, "RollingUpdate"))
    verr_unsupported(v, path, vgo(v, strategy, "io.k8s.api.apps.v1.DeploymentStrategy"), types);
  else if (!json_has(strategy, "rollingUpdate"))
    verr_required(v, at, "this should be defaulted and never be nil");
  else
    check_rolling(v, at, json_get(strategy, "rollingUpdate"));
}

/* The pods of a replica set; not looked at when nobody can say which they are. */
static void
check_replicas(struct validation *v, const struct vpath *path, const struct json *spec)
{
  if (!validate_template_selected(v, path, spec)) {
    verr_add(v, FIELD_INVALID, VP(path, "selector"), vgo(v, json_get(spec, "selector"), VALIDATE_SELECTOR_TYPE),
             "invalid label selector");
    return;
  }
  validate_pod_template(v, VP(path, "template"), json_get(spec, "template"));
  check_restarts_always(v, path, spec, "ReplicaSet");
}

static void
check_deployment(struct validation *v, const struct json *o)
{
  const struct json *spec = json_get(o, "spec");
  const struct vpath *path = VP(NULL, "spec");
  int64_t deadline = json_get_int(spec, "progressDeadlineSeconds", 0);
  validate_not_negative(v, path, spec, "replicas");
  check_selector(v, path, spec, "deployment");
  check_replicas(v, path, spec);
  check_strategy(v, VP(path, "strategy"), json_get(spec, "strategy"));
  validate_none_negative(v, path, spec, NAMES("minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"));
  if (json_has(spec, "progressDeadlineSeconds") && deadline <= json_get_int(spec, "minReadySeconds", 0))
    verr_invalid_int(v, VP(path, "progressDeadlineSeconds"), deadline, "must be greater than minReadySeconds");
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
  validate_none_negative(v, path, spec, NAMES("replicas", "minReadySeconds"));
  check_selector(v, path, spec, "deployment"); /* (sic) */
  check_replicas(v, path, spec);
}

static void
update_replica_set(struct validation *v, const struct json *o, const struct json *old)
{
  check_replica_set(v, o);
  keep_selector(v, o, old);
}

/* -- daemon sets -- */

static void
check_daemon_rolling(struct validation *v, const struct vpath *path, const struct json *rolling)
{
  const struct json *down = json_get(rolling, "maxUnavailable"), *up = json_get(rolling, "maxSurge");
  bool some_down = amount_of(v, down) != 0, some_up = amount_of(v, up) != 0;
  validate_int_or_percent(v, VP(path, "maxUnavailable"), down);
  validate_int_or_percent(v, VP(path, "maxSurge"), up);
  validate_at_most_100_percent(v, VP(path, "maxUnavailable"), down);
  validate_at_most_100_percent(v, VP(path, "maxSurge"), up);
  if (some_down && some_up)
    verr_add(v, FIELD_INVALID, VP(path, "maxSurge"), show_amount(v, up),
             "may not be set when maxUnavailable is non-zero");
  else if (!some_down && !some_up)
    verr_required(v, VP(path, "maxUnavailable"), "cannot be 0 when maxSurge is 0");
}

static void
check_daemon_strategy(struct validation *v, const struct vpath *path, const struct json *strategy)
{
  static const char *const types[] = { "RollingUpdate", "OnDelete", NULL };
  struct span type = json_text_of(strategy, "type");
  if (span_is(type, "RollingUpdate")) {
    if (!json_has(strategy, "rollingUpdate"))
      verr_required(v, VP(path, "rollingUpdate"), "");
    else
      check_daemon_rolling(v, VP(path, "rollingUpdate"), json_get(strategy, "rollingUpdate"));
  } else if (!span_is(type, "OnDelete"))
    verr_unsupported(v, path, vgo(v, strategy, "io.k8s.api.apps.v1.DaemonSetUpdateStrategy"), types);
}

static void
check_daemon_set(struct validation *v, const struct json *o)
{
  const struct json *spec = json_get(o, "spec"), *selector = json_get(spec, "selector");
  const struct vpath *path = VP(NULL, "spec");
  validate_label_selector(v, VP(path, "selector"), selector);
  (void)validate_template_selected(v, path, spec);
  if (json_has(spec, "selector"))
    check_not_empty(v, VP(path, "selector"), selector, "daemonset");
  validate_pod_template(v, VP(path, "template"), json_get(spec, "template"));
  check_restarts_always(v, path, spec, "DaemonSet");
  validate_not_negative(v, path, spec, "minReadySeconds");
  check_daemon_strategy(v, VP(path, "updateStrategy"), json_get(spec, "updateStrategy"));
  validate_not_negative(v, path, spec, "revisionHistoryLimit");
}

static void
update_daemon_set(struct validation *v, const struct json *o, const struct json *old)
{
  bool first = validation_minor(v) > 33; /* the registry looked at it afterwards */
  if (first)
    keep_selector(v, o, old);
  check_daemon_set(v, o);
  if (!first)
    keep_selector(v, o, old);
}

/* -- stateful sets -- */

static void
check_stateful_rolling(struct validation *v, const struct vpath *path, const struct json *rolling)
{
  const struct json *down = json_get(rolling, "maxUnavailable");
  const struct vpath *at = VP(path, "maxUnavailable");
  validate_not_negative(v, path, rolling, "partition");
  if (!json_has(rolling, "maxUnavailable"))
    return;
  validate_int_or_percent(v, at, down);
  if (amount_of(v, down) == 0)
    verr_add(v, FIELD_INVALID, at, show_amount(v, down), "cannot be 0");
  validate_at_most_100_percent(v, at, down);
}

static void
check_stateful_strategy(struct validation *v, const struct vpath *path, const struct json *strategy,
                        const struct json *old)
{
  struct span type = json_text_of(strategy, "type");
  const struct json *rolling = json_get(strategy, "rollingUpdate");
  bool recreate = validation_gate(v, "StatefulSetRecreateStrategy") ||
                  span_is(json_text_of(json_get(old, "updateStrategy"), "type"), "Recreate");
  if (!type.n)
    verr_required(v, path, "");
  else if (span_is(type, "RollingUpdate")) {
    if (json_type(rolling) != JSON_NULL)
      check_stateful_rolling(v, VP(path, "rollingUpdate"), rolling);
  } else if (span_is(type, "OnDelete") || (recreate && span_is(type, "Recreate"))) {
    if (json_type(rolling) != JSON_NULL)
      verr_add(v, FIELD_INVALID, VP(path, "rollingUpdate"),
               vgo(v, rolling, "io.k8s.api.apps.v1.RollingUpdateStatefulSetStrategy"),
               "only allowed for updateStrategy 'RollingUpdate'");
  } else
    verr_add(v, FIELD_INVALID, path, vgo(v, strategy, "io.k8s.api.apps.v1.StatefulSetUpdateStrategy"), "must be %s",
             recreate ? "'RollingUpdate', 'OnDelete', or 'Recreate'" : "'RollingUpdate' or 'OnDelete'");
}

/* The template as its pods have it: claims take the place of volumes, the controller says the host's name. */
static const struct json *
pod_of_stateful_set(struct arena *a, const struct json *spec)
{
  const struct json *template = json_get(spec, "template"), *pod = json_get(template, "spec"),
                    *claims = json_get(spec, "volumeClaimTemplates");
  if (!json_is(pod, JSON_OBJECT))
    return template;
  struct json *ret = json_shallow(a, template), *new_pod = json_set(a, ret, "spec", json_shallow(a, pod));
  json_remove(new_pod, "subdomain");
  json_remove(new_pod, "hostname");
  if (!json_count(claims))
    return ret;
  struct json *volumes = json_new_array(a);
  for (json_each_item (claim, claims)) {
    if (validate_find_named(volumes, span_of(object_name(*claim))))
      continue;
    struct json *volume = json_new_object(a);
    json_set_str(a, volume, "name", object_name(*claim));
    json_set_str(a, json_set(a, volume, "persistentVolumeClaim", json_new_object(a)), "claimName", object_name(*claim));
    json_append(a, volumes, volume);
  }
  for (json_each_item (old, json_get(pod, "volumes"))) {
    bool taken = false;
    for (json_each_item (claim, claims))
      taken |= span_is(json_text_of(*old, "name"), object_name(*claim));
    if (!taken)
      json_append(a, volumes, json_copy(a, *old));
  }
  json_set(a, new_pod, "volumes", volumes);
  return ret;
}

#define CLAIMS_SINCE       35 /* the release from which on claims of new sets are looked at */
#define PODS_OF_SETS_SINCE 34 /* ... are looked at; before, only their labels and annotations */

static void
check_stateful_template(struct validation *v, const struct vpath *path, const struct json *spec, bool skip)
{
  const struct json *template = pod_of_stateful_set(v->a, spec), *meta = json_get(template, "metadata");
  if (!skip && validation_minor(v) >= PODS_OF_SETS_SINCE)
    validate_pod_template(v, path, template);
  validate_labels(v, VP(path, "labels"), json_get(meta, "labels"));
  validate_annotations(v, VP(path, "annotations"), json_get(meta, "annotations"));
}

static void
check_retention(struct validation *v, const struct vpath *path, const struct json *policy)
{
  static const char *const policies[] = { "Retain", "Delete", NULL }, *const names[] = { "whenDeleted", "whenScaled" };
  for (size_t i = 0; i < ARRAY_SIZE(names) && json_type(policy) != JSON_NULL; i++) {
    struct span s = json_text_of(policy, names[i]);
    if (!span_is(s, policies[0]) && !span_is(s, policies[1]))
      verr_not_supported(v, VP(path, names[i]), s, policies);
  }
}

/* ValidateStatefulSetSpec; `old` NULL: a new one. */
static void
check_stateful_spec(struct validation *v, const struct json *spec, const struct json *old, bool skip_pod)
{
  const struct vpath *path = VP(NULL, "spec"), *at = VP(path, "podManagementPolicy");
  const struct json *claims = json_get(spec, "volumeClaimTemplates");
  struct span policy = json_text_of(spec, "podManagementPolicy"), service = json_text_of(spec, "serviceName");
  if (!policy.n)
    verr_required(v, at, "");
  else if (!span_is(policy, "OrderedReady") && !span_is(policy, "Parallel"))
    verr_invalid(v, at, policy, "must be 'OrderedReady' or 'Parallel'");
  check_stateful_strategy(v, VP(path, "updateStrategy"), json_get(spec, "updateStrategy"), old);
  check_retention(v, VP(path, "persistentVolumeClaimRetentionPolicy"),
                  json_get(spec, "persistentVolumeClaimRetentionPolicy"));
  for (size_t i = 0; i < json_count(claims) && !old && validation_minor(v) >= CLAIMS_SINCE; i++)
    validate_volume_claim_spec(v, VP(VP_ITEM(VP(path, "volumeClaimTemplates"), i), "spec"),
                               json_get(json_at(claims, i), "spec"));
  validate_none_negative(v, path, spec, NAMES("replicas", "minReadySeconds"));
  if (json_get_int(json_get(spec, "ordinals"), "start", 0) < 0)
    verr_invalid_int(v, VP(VP(path, "ordinals"), "start"), json_get_int(json_get(spec, "ordinals"), "start", 0),
                     "must be greater than or equal to 0");
  if (!old && service.n && validation_minor(v) >= 33)
    (void)verr_format(v, VP(path, "serviceName"), service, TEXT_DNS_LABEL);
  check_selector(v, path, spec, "statefulset");
  if (validate_template_selected(v, path, spec))
    check_stateful_template(v, VP(path, "template"), spec, skip_pod);
  else
    verr_add(v, FIELD_INVALID, VP(path, "selector"), vgo(v, json_get(spec, "selector"), VALIDATE_SELECTOR_TYPE), "%s",
             "");
  check_restarts_always(v, path, spec, "StatefulSet");
}

static void
check_stateful_set(struct validation *v, const struct json *o)
{
  check_stateful_spec(v, json_get(o, "spec"), NULL, false);
}

/* Until 1.36: one error for everything that may not change. */
static void
keep_others(struct validation *v, const struct json *spec, const struct json *old)
{
  static const char *const may_change[] = {
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "minReadySeconds",
    "persistentVolumeClaimRetentionPolicy",
    "revisionHistoryLimit" /* since 1.33 */
  };
  bool old_history = validation_minor(v) < 33;
  if (!json_is(spec, JSON_OBJECT) || !json_is(old, JSON_OBJECT))
    return;
  struct json *now = json_shallow(v->a, spec), *was = json_shallow(v->a, old);
  for (size_t i = 0; i < ARRAY_SIZE(may_change) - old_history; i++) {
    json_remove(now, may_change[i]);
    json_remove(was, may_change[i]);
  }
  if (!json_same(now, was))
    verr_forbidden(v, VP(NULL, "spec"),
                   arena_printf(v->a,
                                "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
                                "'updateStrategy', %s'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are "
                                "forbidden",
                                old_history ? "" : "'revisionHistoryLimit', "));
}

static void
update_stateful_set(struct validation *v, const struct json *o, const struct json *old)
{
  static const struct {
    const char *name, *type;
  } fixed[] = {
    { "selector", VALIDATE_SELECTOR_TYPE },
    { "volumeClaimTemplates", "io.k8s.api.core.v1.PersistentVolumeClaim" },
    { "serviceName", NULL },
    { "podManagementPolicy", NULL },
  };
  const struct json *spec = json_get(o, "spec"), *was = json_get(old, "spec");
  struct validation before = { .a = v->a, .kind = v->kind, .p = v->p, .update = true };
  check_stateful_spec(&before, was, was, false);
  check_stateful_spec(v, spec, was, before.n > 0); /* what was stored with wrong pods may stay so */
  if (validation_minor(v) < 37) {
    keep_others(v, spec, was);
    return;
  }
  for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
    const struct json *now = json_get(spec, fixed[i].name);
    validate_immutable(v, VP(VP(NULL, "spec"), fixed[i].name), now, json_get(was, fixed[i].name),
                       fixed[i].type ? vgo(v, now, fixed[i].type) : vquote(v->a, json_text_of(spec, fixed[i].name)));
  }
}

/* -- controller revisions -- */

static void
create_revision(struct validation *v, const struct json *o)
{
  const struct json *data = json_get(o, "data");
  validate_not_negative(v, NULL, o, "revision");
  if (json_type(data) == JSON_NULL)
    verr_required(v, VP(NULL, "data"), "data is mandatory");
  else if (!json_is(data, JSON_OBJECT) && validation_minor(v) > 30)
    verr_required(v, VP(NULL, "data"), "data must be a valid JSON object");
}

static void
update_revision(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *data = json_get(o, "data");
  validate_not_negative(v, NULL, o, "revision");
  validate_immutable(v, VP(NULL, "data"), data, json_get(old, "data"), vjson(v->a, data));
}

#define SUBDOMAIN                \
  {                              \
    .format = TEXT_DNS_SUBDOMAIN \
  }
const struct validator validators_apps[] = {
  { "apps", "Deployment", .name = SUBDOMAIN, .create = check_deployment, .update = update_deployment,
    .status = status_deployment },
  { "apps", "ReplicaSet", .name = SUBDOMAIN, .create = check_replica_set, .update = update_replica_set,
    .status = status_replica_set },
  { "apps", "DaemonSet", .name = SUBDOMAIN, .create = check_daemon_set, .update = update_daemon_set,
    .status = status_daemon_set },
  { "apps", "StatefulSet", .name = { .format = TEXT_DNS_LABEL }, .create = check_stateful_set,
    .update = update_stateful_set, .status = status_stateful_set },
  { "apps", "ControllerRevision", .name = SUBDOMAIN, .create = create_revision, .update = update_revision,
    .flags = VALIDATOR_META_AGAIN },
};
const size_t validator_apps_count = ARRAY_SIZE(validators_apps);
