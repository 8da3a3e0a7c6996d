/* Horizontal pod autoscalers (pkg/apis/autoscaling/validation), in the forms of v1 and v2. */
#include "validate_pod.h"
#include "validate_workload.h"

#define PERIOD_MAX 1800 /* seconds */
#define WINDOW_MAX 3600

/* -- what is scaled, what is measured -- */

/* What an apiVersion may be: `lenient` anything, `core` a version alone, too. */
struct reference_rules {
  bool lenient, core;
};

static void
check_api_version(struct validation *v, const struct vpath *path, struct span text, bool core)
{
  struct span version, group = span_cut(text, '/', &version);
  if (version.p && memchr(version.p, '/', version.n))
    verr_invalid(v, path, text, arena_printf(v->a, "unexpected GroupVersion string: %.*s", SPAN_FMT(text)));
  else if (!core && (!version.p || !group.n))
    verr_invalid(v, path, text, "apiVersion must specify API group");
}

static void
check_reference(struct validation *v, const struct vpath *path, const struct json *ref, struct reference_rules rules)
{
  static const char *const names[] = { "kind", "name" };
  for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
    struct span s = json_text_of(ref, names[i]);
    if (s.n)
      (void)verr_format(v, VP(path, names[i]), s, TEXT_PATH_SEGMENT);
    else
      verr_required(v, VP(path, names[i]), "");
  }
  if (!rules.lenient && validation_minor(v) > 33)
    check_api_version(v, VP(path, "apiVersion"), json_text_of(ref, "apiVersion"), rules.core);
}

static void
check_metric_name(struct validation *v, const struct vpath *path, const struct json *source)
{
  struct span name = json_text_of(json_get(source, "metric"), "name");
  const struct vpath *at = VP(VP(path, "metric"), "name");
  if (name.n)
    (void)verr_format(v, at, name, TEXT_PATH_SEGMENT);
  else
    verr_required(v, at, "must specify a metric name");
}

static void
check_positive(struct validation *v, const struct vpath *path, const struct json *target, const char *name)
{
  struct quantity q;
  const struct json *value = json_get(target, name);
  if (json_has(target, name) && json_quantity(value, &q) && quantity_sign(&q) <= 0)
    verr_add(v, FIELD_INVALID, VP(path, name), vjson(v->a, value), "must be positive");
}

static void
check_target(struct validation *v, const struct vpath *path, const struct json *target)
{
  struct span type = json_text_of(target, "type");
  int64_t percent = json_get_int(target, "averageUtilization", 0);
  if (!type.n)
    verr_required(v, VP(path, "type"), "must specify a metric target type");
  if (!span_is(type, "Utilization") && !span_is(type, "Value") && !span_is(type, "AverageValue"))
    verr_invalid(v, VP(path, "type"), type, "must be either Utilization, Value, or AverageValue");
  check_positive(v, path, target, "value");
  check_positive(v, path, target, "averageValue");
  if (json_has(target, "averageUtilization") && percent < 1)
    verr_invalid_int(v, VP(path, "averageUtilization"), percent, "must be greater than 0");
}

static void
check_object(struct validation *v, const struct vpath *path, const struct json *source, bool lenient)
{
  const struct json *target = json_get(source, "target");
  check_reference(v, VP(path, "describedObject"), json_get(source, "describedObject"),
                  (struct reference_rules){ .lenient = lenient, .core = true });
  check_metric_name(v, path, source);
  check_target(v, VP(path, "target"), target);
  if (!json_has(target, "value") && !json_has(target, "averageValue"))
    verr_required(v, VP(VP(path, "target"), "averageValue"), "must set either a target value or averageValue");
}

static void
check_external(struct validation *v, const struct vpath *path, const struct json *source, bool lenient)
{
  const struct json *target = json_get(source, "target");
  bool value = json_has(target, "value"), average = json_has(target, "averageValue");
  (void)lenient;
  check_metric_name(v, path, source);
  check_target(v, VP(path, "target"), target);
  if (!value && !average)
    verr_required(v, VP(VP(path, "target"), "averageValue"),
                  "must set either a target value for metric or a per-pod target");
  if (value && average)
    verr_forbidden(v, VP(VP(path, "target"), "value"),
                   "may not set both a target value for metric and a per-pod target");
}

static void
check_pods(struct validation *v, const struct vpath *path, const struct json *source, bool lenient)
{
  (void)lenient;
  check_metric_name(v, path, source);
  check_target(v, VP(path, "target"), json_get(source, "target"));
  if (!json_has(json_get(source, "target"), "averageValue"))
    verr_required(v, VP(VP(path, "target"), "averageValue"), "must specify a positive target averageValue");
}

static void
check_amount(struct validation *v, const struct vpath *path, const struct json *source)
{
  const struct json *target = json_get(source, "target");
  const struct vpath *at = VP(path, "target");
  bool percent = json_has(target, "averageUtilization"), value = json_has(target, "averageValue");
  check_target(v, at, target);
  if (!percent && !value)
    verr_required(v, VP(at, "averageUtilization"), "must set either a target raw value or a target utilization");
  if (percent && value)
    verr_forbidden(v, VP(at, "averageValue"), "may not set both a target raw value and a target utilization");
}

static void
check_resource(struct validation *v, const struct vpath *path, const struct json *source, bool lenient)
{
  (void)lenient;
  if (!json_text_of(source, "name").n)
    verr_required(v, VP(path, "name"), "must specify a resource name");
  check_amount(v, path, source);
}

static void
check_container_resource(struct validation *v, const struct vpath *path, const struct json *source, bool lenient)
{
  struct span name = json_text_of(source, "name"), container = json_text_of(source, "container");
  (void)lenient;
  if (name.n)
    validate_container_resource_name(v, VP(path, "name"), name);
  else
    verr_required(v, VP(path, "name"), "must specify a resource name");
  if (container.n)
    (void)verr_format(v, VP(path, "container"), container, TEXT_DNS_LABEL);
  else
    verr_required(v, VP(path, "container"), "must specify a container");
  check_amount(v, path, source);
}

/* In the order in which they are looked at: only the first one there is. */
static const struct source {
  const char *type, *member;
  void (*check)(struct validation *v, const struct vpath *path, const struct json *source, bool lenient);
} sources[] = {
  { "Object", "object", check_object },
  { "External", "external", check_external },
  { "Pods", "pods", check_pods },
  { "Resource", "resource", check_resource },
  { "ContainerResource", "containerResource", check_container_resource },
};

static void
check_metric(struct validation *v, const struct vpath *path, const struct json *metric, bool lenient)
{
  static const char *const types[] = { "ContainerResource", "External", "Object", "Pods", "Resource", NULL };
  const struct source *wanted = NULL, *s;
  struct span type = json_text_of(metric, "type");
  size_t present = 0;
  if (!type.n)
    verr_required(v, VP(path, "type"), "must specify a metric source type");
  for (s = sources; s < sources + ARRAY_SIZE(sources); s++)
    if (span_is(type, s->type))
      wanted = s;
  if (!wanted)
    verr_not_supported(v, VP(path, "type"), type, types);
  for (s = sources; s < sources + ARRAY_SIZE(sources); s++)
    if (json_has(metric, s->member) && present++ == 0)
      s->check(v, VP(path, s->member), json_get(metric, s->member), lenient);
  if (!wanted)
    verr_not_supported(v, VP(path, "type"), type, types);
  else if (!json_has(metric, wanted->member))
    verr_required(v, VP(path, wanted->member), "must populate information for the given metric source");
  for (s = sources; s < sources + ARRAY_SIZE(sources); s++)
    if (present != 1 && s != wanted && json_has(metric, s->member))
      verr_forbidden(v, VP(path, s->member), "must populate the given metric source only");
}

/* v1 says in one number what v2 has as its first metric. */
static void
check_v1_metric(struct validation *v, const struct vpath *path, const struct json *spec)
{
  const struct vpath *at = VP(VP(VP(VP_ITEM(path, 0), "resource"), "target"), "averageUtilization");
  int64_t percent = json_get_int(spec, "targetCPUUtilizationPercentage", 0);
  if (json_has(spec, "targetCPUUtilizationPercentage") && percent < 1)
    verr_invalid_int(v, at, percent, "must be greater than 0");
}

static bool
has_wrong_object(struct validation *v, const struct json *old)
{
  struct validation probe = { .a = v->a, .kind = v->kind, .p = v->p };
  for (json_each_item (m, json_get(old, "metrics"))) {
    const struct json *object = json_get(*m, "object");
    if (span_is(json_text_of(*m, "type"), "Object") && json_type(object) != JSON_NULL)
      check_api_version(&probe, NULL, json_text_of(json_get(object, "describedObject"), "apiVersion"), true);
  }
  return probe.n > 0;
}

static void
check_metrics(struct validation *v, const struct vpath *path, const struct json *spec, const struct json *old)
{
  const struct json *metrics = json_get(spec, "metrics");
  bool lenient = has_wrong_object(v, old), from_outside = false;
  check_v1_metric(v, path, spec);
  for (size_t i = 0; i < json_count(metrics); i++) {
    struct span type = json_text_of(json_at(metrics, i), "type");
    check_metric(v, VP_ITEM(path, i), json_at(metrics, i), lenient);
    from_outside |= span_is(type, "Object") || span_is(type, "External");
  }
  if (json_has(spec, "minReplicas") && json_get_int(spec, "minReplicas", 0) == 0 && !from_outside)
    verr_forbidden(v, path, "must specify at least one Object or External metric to support scaling to zero replicas");
}

/* -- how fast -- */

static void
check_policy(struct validation *v, const struct vpath *path, const struct json *policy)
{
  static const char *const types[] = { "Percent", "Pods", NULL };
  int64_t period = json_get_int(policy, "periodSeconds", 0), value = json_get_int(policy, "value", 0);
  struct span type = json_text_of(policy, "type");
  if (!span_is(type, types[0]) && !span_is(type, types[1]))
    verr_not_supported(v, VP(path, "type"), type, types);
  if (value <= 0)
    verr_invalid_int(v, VP(path, "value"), value, "must be greater than zero");
  if (period <= 0)
    verr_invalid_int(v, VP(path, "periodSeconds"), period, "must be greater than zero");
  if (period > PERIOD_MAX)
    verr_invalid_int(v, VP(path, "periodSeconds"), period, "must be less than or equal to 1800");
}

static void
check_scaling(struct validation *v, const struct vpath *path, const struct json *rules)
{
  static const char *const picks[] = { "Disabled", "Max", "Min", NULL };
  int64_t window = json_get_int(rules, "stabilizationWindowSeconds", 0);
  const struct json *policies = json_get(rules, "policies");
  struct span pick = json_text_of(rules, "selectPolicy");
  struct quantity q;
  if (json_type(rules) == JSON_NULL)
    return;
  if (window < 0)
    verr_invalid_int(v, VP(path, "stabilizationWindowSeconds"), window, "must be greater than or equal to zero");
  if (window > WINDOW_MAX)
    verr_invalid_int(v, VP(path, "stabilizationWindowSeconds"), window, "must be less than or equal to 3600");
  if (json_has(rules, "selectPolicy") && !span_is(pick, picks[0]) && !span_is(pick, picks[1]) &&
      !span_is(pick, picks[2]))
    verr_not_supported(v, VP(path, "selectPolicy"), pick, picks);
  if (!json_count(policies))
    verr_required(v, VP(path, "policies"), "must specify at least one Policy");
  for (size_t i = 0; i < json_count(policies); i++)
    check_policy(v, VP_ITEM(VP(path, "policies"), i), json_at(policies, i));
  if (json_has(rules, "tolerance") && json_quantity(json_get(rules, "tolerance"), &q) && quantity_sign(&q) < 0)
    verr_add(v, FIELD_INVALID, VP(path, "tolerance"), vjson(v->a, json_get(rules, "tolerance")),
             "must be greater than or equal to 0");
}

/* -- the whole -- */

static void
check_bounds(struct validation *v, const struct vpath *path, const struct json *spec, const struct json *old)
{
  int64_t least = json_get_int(spec, "minReplicas", 0), most = json_get_int(spec, "maxReplicas", 0);
  bool has_least = json_has(spec, "minReplicas"), tags = validation_minor(v) > 35,
       zero = validation_gate(v, "HPAScaleToZero") ||
              (json_has(old, "minReplicas") && json_get_int(old, "minReplicas", 0) == 0);
  size_t mark = v->n;
  if (has_least && least < !zero)
    verr_invalid_int(v, VP(path, "minReplicas"), least,
                     zero ? "must be greater than or equal to 0" : "must be greater than or equal to 1");
  if (tags && most < 0)
    verr_invalid_int(v, VP(path, "maxReplicas"), most, "must be greater than or equal to 1");
  validation_cover(v, mark, "minimum");
  mark = v->n;
  if (tags && most == 0)
    verr_required(v, VP(path, "maxReplicas"), "must be set and greater than 0");
  validation_cover(v, mark, NULL);
  if (!tags && most < 1)
    verr_invalid_int(v, VP(path, "maxReplicas"), most, "must be greater than 0");
  if (has_least && most < least)
    verr_invalid_int(v, VP(path, "maxReplicas"), most, "must be greater than or equal to `minReplicas`");
}

static void
check_autoscaler_spec(struct validation *v, const struct json *spec, const struct json *old)
{
  const struct json *ref = json_get(spec, "scaleTargetRef"), *was = json_get(old, "scaleTargetRef"),
                    *behavior = json_get(spec, "behavior");
  const struct vpath *path = VP(NULL, "spec"), *at = VP(path, "behavior");
  bool same = old && span_eq(json_text_of(ref, "apiVersion"), json_text_of(was, "apiVersion")) &&
              span_eq(json_text_of(ref, "kind"), json_text_of(was, "kind"));
  check_bounds(v, path, spec, old);
  check_reference(
      v, VP(path, "scaleTargetRef"), ref,
      (struct reference_rules){ .lenient = same, .core = span_is(json_text_of(ref, "kind"), "ReplicationController") });
  check_metrics(v, VP(path, "metrics"), spec, old);
  check_scaling(v, VP(at, "scaleUp"), json_get(behavior, "scaleUp"));
  check_scaling(v, VP(at, "scaleDown"), json_get(behavior, "scaleDown"));
}

static void
create_autoscaler(struct validation *v, const struct json *o)
{
  check_autoscaler_spec(v, json_get(o, "spec"), NULL);
}

static void
update_autoscaler(struct validation *v, const struct json *o, const struct json *old)
{
  check_autoscaler_spec(v, json_get(o, "spec"), json_get(old, "spec"));
}

static void
status_autoscaler(struct validation *v, const struct json *o, const struct json *old)
{
  static const char *const counts[] = { "currentReplicas", "desiredReplicas", NULL };
  (void)old;
  validate_none_negative(v, VP(NULL, "status"), json_get(o, "status"), counts);
}

const struct validator validators_autoscaling[] = {
  { "autoscaling", "HorizontalPodAutoscaler", .name = { .format = TEXT_DNS_SUBDOMAIN }, .create = create_autoscaler,
    .update = update_autoscaler, .status = status_autoscaler },
};
const size_t validator_autoscaling_count = ARRAY_SIZE(validators_autoscaling);
