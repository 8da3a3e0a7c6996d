/* Small plugins for pods and nodes: Priority, DefaultTolerationSeconds, TaintNodesByCondition,
 * StorageObjectInUseProtection. */
#include <inttypes.h>
#include <string.h>

#include "admission.h"
#include "object.h"

#define POD_GROUP_FINALIZER "scheduling.k8s.io/podgroup-protection"

const struct admission_target admission_pods[] = { { "", "pods" }, { NULL, NULL } };

/* -- Priority (plugin/pkg/admission/priority) -- */

/* The class that a pod or pod group names, or the default one; *ret NULL: there is none to be taken. */
static int
class_of(struct rest_call *c, const struct json *o, const char *name, const struct json **ret, struct kerr *reterr)
{
  struct store_list list;

  *ret = NULL;
  if (*name) {
    *ret = admission_lookup(c, "scheduling.k8s.io", "v1", "priorityclasses", "", name);
    return *ret ? 0
                : admission_forbid(c, o, arena_printf(c->a, "no PriorityClass with name %s was found", name), reterr);
  }
  if (admission_list(c, "scheduling.k8s.io", "v1", "priorityclasses", "", &list, reterr) < 0)
    return -(int)reterr->code;
  for (size_t i = 0; i < list.n; i++) {
    const struct json *class = record_tree(list.items[i]);

    if (json_get_bool(class, "globalDefault", false) &&
        (!*ret || json_get_int(class, "value", 0) < json_get_int(*ret, "value", 0)))
      *ret = class;
  }
  return 0;
}

static int
priority_mutate(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  struct json *spec = json_ensure_object(c->a, o, "spec");
  const char *name = json_get_str_or(spec, "priorityClassName", "");
  const struct json *class, *policy;
  int64_t priority = 0;

  if (*c->info.subresource)
    return 0;
  if (old) { /* an update may leave out what the server has set */
    const struct json *was = json_dig(old, "spec", "priority", NULL);

    policy = json_dig(old, "spec", "preemptionPolicy", NULL);
    if (was && !json_get(spec, "priority"))
      json_set(c->a, spec, "priority", json_copy(c->a, was));
    if (policy && !json_get(spec, "preemptionPolicy"))
      json_set(c->a, spec, "preemptionPolicy", json_copy(c->a, policy));
    c->reshape = true;
    return 0;
  }
  if (class_of(c, o, name, &class, reterr) < 0)
    return -(int)reterr->code;
  if (class) {
    priority = json_get_int(class, "value", 0);
    json_set_str(c->a, spec, "priorityClassName", object_name(class));
  }
  const struct json *asked = json_get(spec, "priority");

  if (json_is(asked, JSON_INT) && asked->u.integer != priority)
    return admission_forbid(
        c, o,
        arena_printf(c->a,
                     "the integer value of priority (%" PRId64
                     ") must not be provided in pod spec; priority admission controller computed %" PRId64
                     " from the given PriorityClass name",
                     asked->u.integer, priority),
        reterr);
  json_set_int(c->a, spec, "priority", priority);
  json_set_str(c->a, spec, "preemptionPolicy", json_get_str_or(class, "preemptionPolicy", "PreemptLowerPriority"));
  c->reshape = true;
  return 0;
}

/* PodGroups have a priority of their own, and are protected from going while pods name them. */
static int
group_mutate(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  struct json *spec, *meta = json_ensure_object(c->a, o, "metadata");
  const char *name;
  const struct json *class;

  if (old || *c->info.subresource)
    return 0;
  spec = json_ensure_object(c->a, o, "spec");
  name = json_get_str_or(spec, "priorityClassName", "");
  if (class_of(c, o, name, &class, reterr) < 0)
    return -(int)reterr->code;
  if (class)
    json_set_str(c->a, spec, "priorityClassName", object_name(class));
  json_set_int(c->a, spec, "priority", json_get_int(class, "value", 0));
  if (!object_has_finalizer(o, POD_GROUP_FINALIZER))
    json_append_str(c->a, json_ensure_array(c->a, meta, "finalizers"), POD_GROUP_FINALIZER);
  c->reshape = true;
  return 0;
}

static int
priority_of_any(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  return strcmp(c->info.resource, "pods") == 0 ? priority_mutate(c, o, old, reterr) : group_mutate(c, o, old, reterr);
}

static const struct admission_target prioritized[] = { { "", "pods" },
                                                       { "scheduling.k8s.io", "podgroups" },
                                                       { NULL, NULL } };

const struct admission_plugin admission_priority = {
  .name = "Priority",
  .targets = prioritized,
  .mutate = priority_of_any,
};

/* -- DefaultTolerationSeconds -- */

#define NOT_READY_SECONDS 300

static bool
tolerates_no_execute(const struct json *list, const char *key)
{
  for (json_each_item (t, list)) {
    const char *k = json_get_str_or(*t, "key", ""), *effect = json_get_str_or(*t, "effect", "");

    if ((strcmp(k, key) == 0 || !*k) && (strcmp(effect, "NoExecute") == 0 || !*effect))
      return true;
  }
  return false;
}

static int
tolerations_mutate(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  static const char *const keys[] = { "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable" };
  struct json *spec = json_ensure_object(c->a, o, "spec"), *list = json_find(spec, "tolerations"), *more;

  (void)old;
  (void)reterr;
  if (*c->info.subresource)
    return 0;
  more = list ? json_shallow(c->a, list) : json_new_array(c->a);
  for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
    if (tolerates_no_execute(list, keys[i]))
      continue;
    struct json *t = json_append(c->a, more, json_new_object(c->a));

    json_set_str(c->a, t, "key", keys[i]);
    json_set_str(c->a, t, "operator", "Exists");
    json_set_str(c->a, t, "effect", "NoExecute");
    json_set_int(c->a, t, "tolerationSeconds", NOT_READY_SECONDS);
  }
  if (json_count(more) != json_count(list)) {
    json_set(c->a, spec, "tolerations", more);
    c->reshape = true;
  }
  return 0;
}

const struct admission_plugin admission_tolerations = {
  .name = "DefaultTolerationSeconds",
  .targets = admission_pods,
  .mutate = tolerations_mutate,
};

/* -- TaintNodesByCondition: a new node is not ready until its agent says so -- */

static int
taint_mutate(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  struct json *spec, *taints, *taint = json_new_object(c->a);

  (void)reterr;
  if (old || *c->info.subresource)
    return 0;
  for (json_each_item (t, json_dig(o, "spec", "taints", NULL)))
    if (strcmp(json_get_str_or(*t, "key", ""), "node.kubernetes.io/not-ready") == 0 &&
        strcmp(json_get_str_or(*t, "effect", ""), "NoSchedule") == 0)
      return 0;
  spec = json_ensure_object(c->a, o, "spec");
  taints = json_ensure_array(c->a, spec, "taints");
  json_set_str(c->a, taint, "key", "node.kubernetes.io/not-ready");
  json_set_str(c->a, taint, "effect", "NoSchedule");
  json_append(c->a, taints, taint);
  c->reshape = true;
  return 0;
}

static const struct admission_target nodes[] = { { "", "nodes" }, { NULL, NULL } };

const struct admission_plugin admission_taint_nodes = {
  .name = "TaintNodesByCondition",
  .targets = nodes,
  .mutate = taint_mutate,
};

/* -- StorageObjectInUseProtection -- */

static const struct admission_target volumes[] = { { "", "persistentvolumes" },
                                                   { "", "persistentvolumeclaims" },
                                                   { "storage.k8s.io", "volumeattributesclasses" },
                                                   { NULL, NULL } };
static const char *const in_use[] = { "kubernetes.io/pv-protection", "kubernetes.io/pvc-protection",
                                      "kubernetes.io/vac-protection" };

static int
storage_mutate(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  size_t i = 0;
  struct json *meta;

  (void)reterr;
  while (strcmp(volumes[i].resource, c->info.resource) != 0)
    i++;
  if (old || *c->info.subresource || object_has_finalizer(o, in_use[i]))
    return 0;
  if (*volumes[i].group && !personality_gate(c->personality, "VolumeAttributesClass"))
    return 0;
  meta = json_ensure_object(c->a, o, "metadata");
  json_append_str(c->a, json_ensure_array(c->a, meta, "finalizers"), in_use[i]);
  return 0;
}

const struct admission_plugin admission_storage_in_use = {
  .name = "StorageObjectInUseProtection",
  .targets = volumes,
  .mutate = storage_mutate,
};
