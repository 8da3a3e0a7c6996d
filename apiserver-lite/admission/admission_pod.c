/* Small plugins: DefaultTolerationSeconds, TaintNodesByCondition, and those that give objects a finalizer for as long
 * as they are in use (taken off by controllers/protection_controller.c). */
#include <string.h>

#include "admission.h"
#include "object.h"

const struct admission_target admission_pods[] = { { "", "pods" }, { NULL, NULL } };

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

/* -- StorageObjectInUseProtection, PodGroupProtection -- */

static const struct {
  const char *resource, *finalizer, *gate; /* gate NULL: always */
  int since;
} protected[] = {
  { "persistentvolumes", "kubernetes.io/pv-protection", NULL, 0 },
  { "persistentvolumeclaims", "kubernetes.io/pvc-protection", NULL, 0 },
  { "volumeattributesclasses", "kubernetes.io/vac-protection", "VolumeAttributesClass", 34 },
  { "podgroups", "scheduling.k8s.io/podgroup-protection", "GenericWorkload", 37 },
};

static int
protect(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  size_t i = 0;
  struct json *meta;

  (void)reterr;
  while (strcmp(protected[i].resource, c->info.resource) != 0)
    i++;
  if (old || *c->info.subresource || object_has_finalizer(o, protected[i].finalizer))
    return 0;
  if (personality_minor(c->personality) < protected[i].since ||
      (protected[i].gate && !personality_gate(c->personality, protected[i].gate)))
    return 0;
  meta = json_ensure_object(c->a, o, "metadata");
  json_append_str(c->a, json_ensure_array(c->a, meta, "finalizers"), protected[i].finalizer);
  return 0;
}

static const struct admission_target volumes[] = { { "", "persistentvolumes" },
                                                   { "", "persistentvolumeclaims" },
                                                   { "storage.k8s.io", "volumeattributesclasses" },
                                                   { NULL, NULL } };
static const struct admission_target pod_groups[] = { { "scheduling.k8s.io", "podgroups" }, { NULL, NULL } };

const struct admission_plugin admission_storage_in_use = {
  .name = "StorageObjectInUseProtection",
  .targets = volumes,
  .mutate = protect,
};

const struct admission_plugin admission_pod_group_in_use = {
  .name = "PodGroupProtection",
  .targets = pod_groups,
  .mutate = protect,
};
