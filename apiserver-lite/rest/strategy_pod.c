/* Pods (pkg/registry/core/pod/strategy.go). */
#include <string.h>

#include "amounts.h"
#include "object.h"
#include "pod.h"
#include "rest_delete.h"
#include "rest_meta.h"
#include "strategy.h"
#include "validate_internal.h"

/* -- what stands in a new pod beside what its maker wrote -- */

static void
hold_for_gates(struct rest_call *c, const struct json *spec, struct json *status)
{
  struct json *list, *condition;

  if (!json_count(json_get(spec, "schedulingGates")))
    return;
  list = json_ensure_array(c->a, status, "conditions");
  condition = json_append(c->a, list, json_new_object(c->a));
  json_set_str(c->a, condition, "type", "PodScheduled");
  json_set_str(c->a, condition, "status", "False");
  json_set(c->a, condition, "lastProbeTime", json_new_null(c->a));
  json_set_str(c->a, condition, "lastTransitionTime", rest_time(c->a, c->now));
  json_set_str(c->a, condition, "reason", "SchedulingGated");
  json_set_str(c->a, condition, "message", "Scheduling is blocked due to non-empty scheduling gates");
}

/* -- label keys whose values are the pod's: they become expressions of the selector -- */

static void
merge_keys(struct rest_call *c, const struct json *keys, const char *operator, struct json * selector,
           const struct json *labels)
{
  for (json_each_item (key, keys)) {
    const struct json *value = json_get_n(labels, json_span(*key).p, json_span(*key).n);
    struct json *e;

    if (!value)
      continue;
    e = json_append(c->a, json_ensure_array(c->a, selector, "matchExpressions"), json_new_object(c->a));
    json_set(c->a, e, "key", json_copy(c->a, *key));
    json_set_str(c->a, e, "operator", operator);
    json_append(c->a, json_ensure_array(c->a, e, "values"), json_copy(c->a, value));
  }
}

/* A term of pod affinity, or a constraint of spreading. Without a selector it matches nothing, with the keys or not. */
static void
merge_term(struct rest_call *c, struct json *term, const struct json *labels)
{
  struct json *selector = term ? json_find(term, "labelSelector") : NULL;

  if (!json_is(selector, JSON_OBJECT))
    return;
  merge_keys(c, json_get(term, "matchLabelKeys"), "In", selector, labels);
  merge_keys(c, json_get(term, "mismatchLabelKeys"), "NotIn", selector, labels);
}

static void
merge_label_keys(struct rest_call *c, struct json *spec, const struct json *labels)
{
  static const char *const affinities[] = { "podAffinity", "podAntiAffinity" };
  const struct personality *p = c->personality;
  struct json *affinity = json_find(spec, "affinity"), *list;

  for (size_t k = 0; k < ARRAY_SIZE(affinities) && affinity && personality_gate(p, "MatchLabelKeysInPodAffinity");
       k++) {
    struct json *one = json_is(affinity, JSON_OBJECT) ? json_find(affinity, affinities[k]) : NULL;

    if (!json_is(one, JSON_OBJECT))
      continue;
    list = json_find(one, "preferredDuringSchedulingIgnoredDuringExecution");
    for (size_t i = 0; i < json_count(list); i++)
      merge_term(c, json_find(json_item(list, i), "podAffinityTerm"), labels);
    list = json_find(one, "requiredDuringSchedulingIgnoredDuringExecution");
    for (size_t i = 0; i < json_count(list); i++)
      merge_term(c, json_item(list, i), labels);
  }
  list = json_find(spec, "topologySpreadConstraints");
  for (size_t i = 0; i < json_count(list) && personality_gate(p, "MatchLabelKeysInPodTopologySpread") &&
                     personality_gate(p, "MatchLabelKeysInPodTopologySpreadSelectorMerge");
       i++)
    merge_term(c, json_item(list, i), labels);
}

/* -- AppArmor profiles, which were annotations until 1.30 (applyAppArmorVersionSkew) -- */

#define APPARMOR       "container.apparmor.security.beta.kubernetes.io/"
#define APPARMOR_SINCE 30

static void
field_of_annotation(struct rest_call *c, struct json *container, const struct json *meta, const struct json *whole)
{
  const char *key = arena_printf(c->a, APPARMOR "%s", json_get_str_or(container, "name", ""));
  const struct json *text = json_get(json_get(meta, "annotations"), key),
                    *own = json_dig(container, "securityContext", "appArmorProfile", NULL);
  struct json *profile;

  if (!text || json_type(own) != JSON_NULL)
    return;
  profile = pod_apparmor_profile(c->a, json_span(text));
  if (profile && whole && json_equal(profile, whole))
    return;
  if (profile)
    json_set(c->a, json_ensure_object(c->a, container, "securityContext"), "appArmorProfile", profile);
  rest_warn(c, "metadata.annotations[%s]: deprecated since v1.30; use the \"appArmorProfile\" field instead", key);
}

static void
read_apparmor(struct rest_call *c, struct json *spec, const struct json *meta)
{
  const struct json *whole = json_dig(spec, "securityContext", "appArmorProfile", NULL);

  if (personality_minor(c->personality) < APPARMOR_SINCE ||
      strcmp(json_get_str_or(json_get(spec, "os"), "name", ""), "windows") == 0)
    return;
  for (size_t k = 0; k < POD_CONTAINER_LISTS; k++)
    for (size_t i = 0; i < json_count(json_get(spec, pod_container_lists[k])); i++)
      field_of_annotation(c, json_item(json_find(spec, pod_container_lists[k]), i), meta, whole);
}

/* -- resources of the pod as a whole (DefaultPodLevelResources) -- */

static bool
is_huge(const char *name)
{
  return strncmp(name, "hugepages-", 10) == 0;
}

static void
put_amount(struct arena *a, struct json *list, const char *name, const struct quantity *q)
{
  json_set_str(a, list, name, quantity_text(a, q));
}

/* Does every container have a limit of it? */
static bool
all_limited(const struct json *spec, const char *name)
{
  for (size_t k = 0; k < POD_CONTAINER_LISTS; k++)
    for (json_each_item (c, json_get(spec, pod_container_lists[k])))
      if (!json_get(json_dig(*c, "resources", "limits", NULL), name))
        return false;
  return true;
}

/* Requests that are not given are those of the containers, or the limits of the pod. */
static void
default_requests(struct arena *a, struct json *requests, const struct json *limits, const struct amounts *sum)
{
  for (size_t i = 0; i < sum->n; i++) {
    const char *name = sum->list[i].name;

    if (pod_level_resource(name) && !is_huge(name) && !json_get(requests, name))
      put_amount(a, requests, name, &sum->list[i].amount);
  }
  for (json_each_member (m, limits))
    if (pod_level_resource(m->name) && !json_get(requests, m->name))
      json_set(a, requests, m->name, json_copy(a, m->value));
}

/* Limits that are not given are those of the containers, when all of them have one, but not less than requested. */
static void
default_limits(struct arena *a, struct json *limits, const struct json *requests, struct amounts *sum,
               const struct json *spec)
{
  for (json_each_member (m, requests)) {
    const struct amount *used = amounts_find(sum, m->name);
    struct quantity want;

    if (!pod_level_resource(m->name) || json_get(limits, m->name) || !used || !all_limited(spec, m->name))
      continue;
    if (amounts_read(requests, m->name, &want) && quantity_cmp(&want, &used->amount) > 0)
      put_amount(a, limits, m->name, &want);
    else
      put_amount(a, limits, m->name, &used->amount);
  }
}

static void
default_pod_resources(struct rest_call *c, struct json *spec)
{
  struct json *resources = json_find(spec, "resources"), *limits, *requests, *alone;
  struct amounts sum;

  if (!json_is(resources, JSON_OBJECT) || !personality_gate(c->personality, "PodLevelResources") ||
      !personality_gate(c->personality, "PodLevelResourcesFixDefaulting") ||
      (!json_count(json_get(resources, "requests")) && !json_count(json_get(resources, "limits"))))
    return;
  alone = json_shallow(c->a, spec);
  (void)json_remove(alone, "resources");
  limits = json_ensure_object(c->a, resources, "limits");
  requests = json_ensure_object(c->a, resources, "requests");
  sum.n = 0;
  amounts_of_pod(alone, "limits", false, &sum);
  for (size_t i = 0; i < sum.n; i++)
    if (is_huge(sum.list[i].name) && !json_get(requests, sum.list[i].name) && !json_get(limits, sum.list[i].name))
      put_amount(c->a, limits, sum.list[i].name, &sum.list[i].amount);
  sum.n = 0;
  amounts_of_pod(alone, "requests", false, &sum);
  default_requests(c->a, requests, limits, &sum);
  sum.n = 0;
  amounts_of_pod(alone, "limits", false, &sum);
  default_limits(c->a, limits, requests, &sum, spec);
  json_sort_members(limits);
  json_sort_members(requests);
  if (!json_count(limits))
    (void)json_remove(resources, "limits");
  if (!json_count(requests))
    (void)json_remove(resources, "requests");
}

/* -- creating, updating -- */

/* What init containers were before they were fields is taken out (DropInitContainerAnnotations). */
void
strategy_pod_drop_annotations(struct arena *a, struct json *meta)
{
  static const char *const gone[] = {
    "pod.beta.kubernetes.io/init-containers",
    "pod.alpha.kubernetes.io/init-containers",
    "pod.beta.kubernetes.io/init-container-statuses",
    "pod.alpha.kubernetes.io/init-container-statuses",
  };
  struct json *annotations = json_find(meta, "annotations");

  for (size_t i = 0; annotations && i < ARRAY_SIZE(gone); i++) {
    if (!json_get(annotations, gone[i]))
      continue;
    annotations = json_set(a, meta, "annotations", json_shallow(a, annotations));
    (void)json_remove(annotations, gone[i]);
  }
  if (annotations && !json_count(annotations))
    (void)json_remove(meta, "annotations");
}

static int
prepare_create(struct rest_call *c, struct json *o, struct kerr *reterr)
{
  struct json *spec = json_ensure_object(c->a, o, "spec"), *status = json_set(c->a, o, "status", json_new_object(c->a));
  const struct json *meta = json_get(o, "metadata");

  (void)reterr;
  json_set_str(c->a, status, "phase", "Pending");
  hold_for_gates(c, spec, status);
  merge_label_keys(c, spec, json_get(meta, "labels"));
  read_apparmor(c, spec, meta);
  default_pod_resources(c, spec);
  json_set_str(c->a, status, "qosClass", pod_qos_class(spec));
  json_set_int(c->a, rest_meta_edit(c->a, o), "generation", 1);
  strategy_pod_drop_annotations(c->a, json_find(o, "metadata"));
  c->reshape = true;
  return 0;
}

/* What an old kubelet, or another client that knows less, leaves out of a status stays as it was. */
static void
keep_member(struct arena *a, struct json *o, const struct json *old, const char *name)
{
  const struct json *now = json_get(o, name), *was = json_get(old, name);

  if (was && (!now || json_is(now, JSON_NULL) || (json_is(now, JSON_STRING) && !*json_str(now))))
    json_set(a, o, name, json_copy(a, was));
}

static void
keep_generation(struct arena *a, struct json *o, const struct json *old)
{
  int64_t was = json_get_int(old, "observedGeneration", 0);

  if (was && !json_get_int(o, "observedGeneration", 0))
    json_set_int(a, o, "observedGeneration", was);
}

/* Of the old conditions of a type each is for one of the new, in their order: a type may be there twice. */
static void
keep_generations(struct arena *a, struct json *status, const struct json *old)
{
  const struct json *before = json_get(old, "conditions");
  struct json *now = json_find(status, "conditions");
  bool *taken = arena_array_of(a, bool, json_count(before) + 1);

  keep_generation(a, status, old);
  for (size_t i = 0; i < json_count(now); i++) {
    const char *type = json_get_str_or(json_at(now, i), "type", "");
    size_t k = 0;

    while (k < json_count(before) && (taken[k] || strcmp(json_get_str_or(json_at(before, k), "type", ""), type) != 0))
      k++;
    if (k == json_count(before))
      continue;
    taken[k] = true;
    keep_generation(a, json_item(now, i), json_at(before, k));
  }
}

/* podStatusStrategy.PrepareForUpdate */
static void
prepare_status(struct rest_call *c, struct json *o, const struct json *old)
{
  static const struct {
    const char *member;
    int since;
  } rows[] = {
    { "qosClass", 32 },
    { "resourceClaimStatuses", 37 },
    { "extendedResourceClaimStatus", 37 },
    { "nodeAllocatableResourceClaimStatuses", 37 },
  };
  const struct json *was = json_get(old, "status"), *owners = json_dig(old, "metadata", "ownerReferences", NULL);
  struct json *status = json_ensure_object(c->a, o, "status"), *meta = rest_meta_edit(c->a, o);
  int minor = personality_minor(c->personality);

  if (owners) /* old kubelets spoil them */
    json_set(c->a, meta, "ownerReferences", json_copy(c->a, owners));
  else
    json_remove(meta, "ownerReferences");
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
    if (minor >= rows[i].since)
      keep_member(c->a, status, was, rows[i].member);
  if (minor >= 33)
    keep_generations(c->a, status, was);
}

/* Clients that do not know of the resources of a pod as a whole leave them as they are. */
static void
keep_pod_resources(struct rest_call *c, struct json *spec, const struct json *was)
{
  const struct json *resources = json_get(was, "resources");

  if (personality_gate(c->personality, "PodLevelResourcesFixDefaulting") && json_type(resources) != JSON_NULL &&
      json_type(json_get(spec, "resources")) == JSON_NULL)
    json_set(c->a, spec, "resources", json_copy(c->a, resources));
}

/* The old containers with what of the new ones may change; names that are others are for validation to refuse. */
static struct json *
resized(struct rest_call *c, const struct json *now, const struct json *was)
{
  struct json *ret = json_copy(c->a, was);

  for (size_t i = 0; i < json_count(now); i++) {
    if (strcmp(json_get_str_or(json_at(now, i), "name", ""), json_get_str_or(json_at(was, i), "name", "")) != 0)
      return json_copy(c->a, now);
    json_restore(c->a, json_item(ret, i), json_at(now, i), "resources");
    json_restore(c->a, json_item(ret, i), json_at(now, i), "resizePolicy");
  }
  return ret;
}

/* podResizeStrategy.PrepareForUpdate: resources of the same containers. */
static void
prepare_resize(struct rest_call *c, struct json *o, const struct json *old)
{
  static const char *const lists[] = { "containers", "initContainers" };
  const struct json *now = json_get(o, "spec"), *was = json_get(old, "spec");
  bool same = json_is(was, JSON_OBJECT);
  struct json *spec;

  for (size_t k = 0; k < ARRAY_SIZE(lists); k++)
    same = same && json_count(json_get(now, lists[k])) == json_count(json_get(was, lists[k]));
  if (same) {
    spec = json_copy(c->a, was);
    for (size_t k = 0; k < ARRAY_SIZE(lists); k++)
      if (json_count(json_get(was, lists[k])))
        json_set(c->a, spec, lists[k], resized(c, json_get(now, lists[k]), json_get(was, lists[k])));
    if (personality_gate(c->personality, "InPlacePodLevelResourcesVerticalScaling"))
      json_restore(c->a, spec, now, "resources");
    if (personality_gate(c->personality, "InPlacePodVerticalScalingMemoryBackedVolumes"))
      json_restore(c->a, spec, now, "volumes");
    json_set(c->a, o, "spec", spec);
    json_restore(c->a, o, old, "status");
    validate_keep_metadata(c->a, o, old);
  }
  spec = json_ensure_object(c->a, o, "spec");
  keep_pod_resources(c, spec, was);
  default_pod_resources(c, spec);
}

/* podEphemeralContainersStrategy.PrepareForUpdate */
static void
prepare_ephemeral(struct rest_call *c, struct json *o, const struct json *old)
{
  struct json *spec = json_copy(c->a, json_get(old, "spec"));

  json_restore(c->a, spec, json_get(o, "spec"), "ephemeralContainers");
  json_set(c->a, o, "spec", spec);
  json_restore(c->a, o, old, "status");
  validate_keep_metadata(c->a, o, old);
}

static int
prepare_update(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  const char *part = c->info.subresource;
  bool resizes = strcmp(part, "resize") == 0, attaches = strcmp(part, "ephemeralcontainers") == 0;

  (void)reterr;
  if (strcmp(part, "status") == 0) {
    prepare_status(c, o, old);
    return 0;
  }
  if (resizes)
    prepare_resize(c, o, old);
  else if (attaches)
    prepare_ephemeral(c, o, old);
  else if (!*part)
    keep_pod_resources(c, json_ensure_object(c->a, o, "spec"), json_get(old, "spec"));
  strategy_pod_drop_annotations(c->a, rest_meta_edit(c->a, o));
  /* A binding changes the spec, too, and is no update of it. */
  if ((resizes || attaches) && !json_same(json_get(o, "spec"), json_get(old, "spec")))
    json_set_int(c->a, rest_meta_edit(c->a, o), "generation", object_generation(old) + 1);
  c->reshape = true;
  return 0;
}

/* -- deleting: a pod that runs somewhere has time to end -- */

bool
strategy_graceful(const struct rest_call *c, const struct json *o, int64_t asked, int64_t *ret_grace)
{
  int64_t grace = asked;

  (void)c;
  if (grace < 0) {
    grace = json_int_or(json_dig(o, "spec", "terminationGracePeriodSeconds", NULL), 0);
    if (grace < 0)
      grace = 1;
  }
  if (!*json_get_str_or(json_get(o, "spec"), "nodeName", "") || pod_has_ended(o))
    grace = 0;
  *ret_grace = grace;
  return true;
}

const struct strategy strategy_pod = {
  .group = "",
  .kind = "Pod",
  .prepare_create = prepare_create,
  .prepare_update = prepare_update,
};
