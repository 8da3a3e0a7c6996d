/* Defaults in code of every group but core (upstream: pkg/apis/<group>/<version>/defaults.go). */
#include <ctype.h>
#include <string.h>

#include "clock.h"
#include "kind_default.h"

/* -- resource.k8s.io -- */

/* With ExactCount, no count means one. (The mode itself is in the table.) */
static void
device_count(const struct kind_object *o, const struct kind_defaulting *d)
{
  (void)d;
  if (strcmp(kind_member_str(o, "allocationMode"), "ExactCount") == 0 && kind_is_unset(o, "count"))
    kind_put_int(o, "count", 1);
}

/* v1beta1 is flat: a request without a class has alternatives, and these fields stay empty. */
static void
flat_request(const struct kind_object *o, const struct kind_defaulting *d)
{
  if (kind_is_unset(o, "deviceClassName"))
    return;
  if (kind_is_unset(o, "allocationMode"))
    kind_put_str(o, "allocationMode", "ExactCount");
  device_count(o, d);
}

static void
device_taint(const struct kind_object *o, const struct kind_defaulting *d)
{
  char buf[CLOCK_TEXT_MAX];
  if (!kind_member(o, "timeAdded"))
    kind_put_str(o, "timeAdded", clock_rfc3339(d->now, false, buf));
}

/* -- apps -- */

static void
rolling_update(const struct kind_object *o, const struct kind_defaulting *d)
{
  (void)d;
  if (strcmp(kind_member_str(o, "type"), "RollingUpdate") == 0)
    (void)kind_ensure_child(o, "rollingUpdate");
}

/* The server counts changes of the template in an annotation; the first is 1. (Upstream: conversion.) */
static void
daemon_set(const struct kind_object *o, const struct kind_defaulting *d)
{
  (void)d;
  struct kind_object meta = kind_ensure_child(o, "metadata");
  struct json *annotations = kind_member(&meta, "annotations");
  if (json_get(annotations, "deprecated.daemonset.template.generation"))
    return;
  annotations = annotations ? annotations : json_new_object(o->a);
  json_set_str(o->a, annotations, "deprecated.daemonset.template.generation", "1");
  json_sort_members(annotations);
  kind_put(&meta, "annotations", annotations);
}

/* Claim templates say what they are. (Upstream: conversion, see issue 87583.) */
static void
claim_templates(const struct kind_object *spec)
{
  struct kind_object claim;
  for (size_t i = 0; (claim = kind_child_at(spec, "volumeClaimTemplates", i)).obj; i++) {
    kind_put_str(&claim, "kind", "PersistentVolumeClaim");
    kind_put_str(&claim, "apiVersion", "v1");
  }
}

static void
stateful_set_spec(const struct kind_object *o, const struct kind_defaulting *d)
{
  struct kind_object strategy = kind_ensure_child(o, "updateStrategy"), rolling;
  claim_templates(o);
  if (kind_is_unset(&strategy, "type")) {
    kind_put_str(&strategy, "type", "RollingUpdate");
    (void)kind_ensure_child(&strategy, "rollingUpdate");
  }
  rolling = kind_child(&strategy, "rollingUpdate");
  if (!rolling.obj || strcmp(kind_member_str(&strategy, "type"), "RollingUpdate") != 0)
    return;
  if (!kind_member(&rolling, "partition"))
    kind_put_int(&rolling, "partition", 0);
  if (!kind_member(&rolling, "maxUnavailable") && personality_gate(d->p, "MaxUnavailableStatefulSet"))
    kind_put_int(&rolling, "maxUnavailable", 1);
}

/* -- batch -- */

static void
job(const struct kind_object *o, const struct kind_defaulting *d)
{
  (void)d;
  struct kind_object spec = kind_ensure_child(o, "spec"), meta = kind_ensure_child(o, "metadata");
  const struct json *labels = json_dig(spec.obj, "template", "metadata", "labels", NULL);
  if (!kind_member(&spec, "completions") && !kind_member(&spec, "parallelism"))
    kind_put_int(&spec, "completions", 1);
  if (!kind_member(&spec, "parallelism"))
    kind_put_int(&spec, "parallelism", 1);
  if (!kind_member(&spec, "backoffLimit"))
    kind_put_int(&spec, "backoffLimit", kind_member(&spec, "backoffLimitPerIndex") ? INT32_MAX : 6);
  if (json_count(labels) && kind_is_unset(&meta, "labels"))
    kind_put(&meta, "labels", json_copy(o->a, labels));
  if (!kind_member(&spec, "completionMode"))
    kind_put_str(&spec, "completionMode", "NonIndexed");
  if (!kind_member(&spec, "suspend"))
    kind_put(&spec, "suspend", json_new_bool(o->a, false));
  if (!kind_member(&spec, "podReplacementPolicy"))
    kind_put_str(&spec, "podReplacementPolicy",
                 kind_member(&spec, "podFailurePolicy") ? "Failed" : "TerminatingOrFailed");
  if (!kind_member(&spec, "manualSelector"))
    kind_put(&spec, "manualSelector", json_new_bool(o->a, false));
}

/* -- autoscaling -- */

static void
add_policy(struct arena *a, struct json *list, const char *type, int64_t value)
{
  struct json *policy = json_new_object(a);
  json_set_str(a, policy, "type", type);
  json_set_int(a, policy, "value", value);
  json_set_int(a, policy, "periodSeconds", 15);
  json_append(a, list, policy);
}

static void
scaling_rules(const struct kind_object *behavior, const char *name, bool up)
{
  struct kind_object rules = kind_ensure_child(behavior, name);
  if (!kind_member(&rules, "selectPolicy"))
    kind_put_str(&rules, "selectPolicy", "Max");
  if (up && !kind_member(&rules, "stabilizationWindowSeconds"))
    kind_put_int(&rules, "stabilizationWindowSeconds", 0);
  if (kind_member(&rules, "policies"))
    return;
  struct json *policies = json_new_array(behavior->a);
  if (up)
    add_policy(behavior->a, policies, "Pods", 4);
  add_policy(behavior->a, policies, "Percent", 100);
  kind_put(&rules, "policies", policies);
}

static void
hpa_behavior(const struct kind_object *o, const struct kind_defaulting *d)
{
  (void)d;
  scaling_rules(o, "scaleUp", true);
  scaling_rules(o, "scaleDown", false);
}

/* -- networking, rbac, scheduling -- */

static void
network_policy_spec(const struct kind_object *o, const struct kind_defaulting *d)
{
  (void)d;
  if (!kind_is_unset(o, "policyTypes"))
    return;
  struct json *types = json_new_array(o->a);
  json_append_str(o->a, types, "Ingress");
  if (!kind_is_unset(o, "egress"))
    json_append_str(o->a, types, "Egress");
  kind_put(o, "policyTypes", types);
}

static void
rbac_subject(const struct kind_object *o, const struct kind_defaulting *d)
{
  (void)d;
  const char *kind = kind_member_str(o, "kind");
  if (kind_is_unset(o, "apiGroup") && (strcmp(kind, "User") == 0 || strcmp(kind, "Group") == 0))
    kind_put_str(o, "apiGroup", "rbac.authorization.k8s.io");
}

static void
pod_group(const struct kind_object *o, const struct kind_defaulting *d)
{
  struct kind_object spec = kind_ensure_child(o, "spec");
  if (personality_gate(d->p, "PodGroupPreemptionPolicy") && !kind_member(&spec, "preemptionPolicy"))
    kind_put_str(&spec, "preemptionPolicy", "PreemptLowerPriority");
}

/* -- apiextensions -- */

static void
crd_names(const struct kind_object *names)
{
  const char *kind = kind_member_str(names, "kind");
  char *lower = arena_strdup(names->a, kind);
  for (char *c = lower; *c; c++)
    *c = (char)tolower((unsigned char)*c);
  if (kind_is_unset(names, "singular") && *lower)
    kind_put_str(names, "singular", lower);
  if (kind_is_unset(names, "listKind") && *kind)
    kind_put(names, "listKind", json_new_strf(names->a, "%sList", kind));
}

static void
crd(const struct kind_object *o, const struct kind_defaulting *d)
{
  (void)d;
  struct kind_object spec = kind_ensure_child(o, "spec"), names = kind_ensure_child(&spec, "names");
  struct kind_object status = kind_ensure_child(o, "status"), version;
  crd_names(&names);
  if (!kind_is_unset(&status, "storedVersions"))
    return;
  for (size_t i = 0; (version = kind_child_at(&spec, "versions", i)).obj; i++) {
    if (!json_get_bool(version.obj, "storage", false))
      continue;
    struct json *stored = json_new_array(o->a);
    json_append_str(o->a, stored, kind_member_str(&version, "name"));
    kind_put(&status, "storedVersions", stored);
    return;
  }
}

const struct kind_default_entry kind_default_others[] = {
  { "io.k8s.api.apps.v1.DaemonSet", daemon_set },
  { "io.k8s.api.apps.v1.DaemonSetUpdateStrategy", rolling_update },
  { "io.k8s.api.apps.v1.DeploymentStrategy", rolling_update },
  { "io.k8s.api.apps.v1.StatefulSetSpec", stateful_set_spec },
  { "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerBehavior", hpa_behavior },
  { "io.k8s.api.batch.v1.Job", job },
  { "io.k8s.api.networking.v1.NetworkPolicySpec", network_policy_spec },
  { "io.k8s.api.rbac.v1.Subject", rbac_subject },
  { "io.k8s.api.resource.v1.DeviceSubRequest", device_count },
  { "io.k8s.api.resource.v1.DeviceTaint", device_taint },
  { "io.k8s.api.resource.v1.ExactDeviceRequest", device_count },
  { "io.k8s.api.resource.v1alpha3.DeviceRequest", device_count },
  { "io.k8s.api.resource.v1alpha3.DeviceTaint", device_taint },
  { "io.k8s.api.resource.v1beta1.DeviceRequest", flat_request },
  { "io.k8s.api.resource.v1beta1.DeviceSubRequest", device_count },
  { "io.k8s.api.resource.v1beta1.DeviceTaint", device_taint },
  { "io.k8s.api.resource.v1beta2.DeviceSubRequest", device_count },
  { "io.k8s.api.resource.v1beta2.DeviceTaint", device_taint },
  { "io.k8s.api.resource.v1beta2.ExactDeviceRequest", device_count },
  { "io.k8s.api.scheduling.v1alpha3.CompositePodGroup", pod_group },
  { "io.k8s.api.scheduling.v1alpha3.PodGroup", pod_group },
  { "io.k8s.api.scheduling.v1beta1.PodGroup", pod_group },
  { "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition", crd },
  { NULL, NULL },
};
