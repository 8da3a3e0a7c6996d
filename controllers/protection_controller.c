/*
 * Takes the finalizer off objects that are being deleted once nobody uses them any more, and puts it on those that were
 * made before admission did so (admission/admission_pod.c): claims of volumes in use by pods, volumes in use by claims,
 * classes of volume attributes, groups of pods (pkg/controller/volume/{pvc,pv,vac}protection,
 * pkg/controller/scheduling/podgroupprotection).
 *
 * A key is "K:ns/name": K is the object's row in `rows`, as a digit. Who uses an object is asked of the server and not
 * of the caches, which may not have heard yet of a user: these objects are few, and seldom go.
 */
#include <string.h>

#include "ceilings.h"
#include "controllers_internal.h"
#include "pod.h"

struct look {
  struct controllers *all;
  struct arena *a;
  const struct json *o; /* what is protected */
};

/* -- who uses what -- */

static const char *
str_at(const struct json *o, const char *section, const char *name)
{
  return json_get_str_or(json_get(o, section), name, "");
}

/* The claim of a pod's volume, or NULL. *ret_own: it is made for the pod, and has to belong to it. */
static const char *
volume_claim(struct arena *a, const struct json *pod, const struct json *volume, bool *ret_own)
{
  *ret_own = json_get(volume, "ephemeral") != NULL;
  if (*ret_own)
    return arena_printf(a, "%s-%s", object_name(pod), json_get_str_or(volume, "name", ""));
  return json_get_str(json_get(volume, "persistentVolumeClaim"), "claimName");
}

/* The kubelet is done with it, or it was deleted by force: what still holds it may be waiting for the claim. */
static bool
is_shut_down(const struct json *pod)
{
  return object_is_deleting(pod) && json_get_int(json_get(pod, "metadata"), "deletionGracePeriodSeconds", -1) == 0;
}

/* `own_too`: the pod's own claims count. */
static bool
pod_has_claim(struct arena *a, const struct json *pod, const struct json *claim, bool own_too)
{
  for (json_each_item (v, json_dig(pod, "spec", "volumes", NULL))) {
    bool own;
    const char *name = volume_claim(a, pod, *v, &own);

    if (name && strcmp(name, object_name(claim)) == 0 &&
        (!own || (own_too && object_is_controlled_by(claim, object_uid(pod)))))
      return true;
  }
  return false;
}

/* A pod without a node does not count: no kubelet starts one whose claim is being deleted. One that has ended does. */
static bool
pod_keeps_claim(const struct look *l, const struct json *pod)
{
  return *str_at(pod, "spec", "nodeName") && pod_has_claim(l->a, pod, l->o, !is_shut_down(pod));
}

static bool
pod_will_use_claim(const struct look *l, const struct json *pod)
{
  return !pod_has_ended(pod) && pod_has_claim(l->a, pod, l->o, true);
}

static bool
pod_is_of_group(const struct look *l, const struct json *pod)
{
  return !pod_has_ended(pod) &&
         strcmp(json_get_str_or(json_dig(pod, "spec", "schedulingGroup", NULL), "podGroupName", ""),
                object_name(l->o)) == 0;
}

/* What claims and volumes say of attribute classes; "": nothing. */
static const char *
class_named(const struct json *o, size_t i)
{
  switch (i) {
  case 0:
    return str_at(o, "spec", "volumeAttributesClassName");
  case 1:
    return str_at(o, "status", "currentVolumeAttributesClassName");
  default:
    return json_get_str_or(json_dig(o, "status", "modifyVolumeStatus", NULL), "targetVolumeAttributesClassName", "");
  }
}
#define CLASSES_NAMED 3

static bool
has_class(const struct look *l, const struct json *o)
{
  for (size_t i = 0; i < CLASSES_NAMED; i++)
    if (strcmp(class_named(o, i), object_name(l->o)) == 0)
      return true;
  return false;
}

/* 1, 0, or a negative code. */
static int
any_of(const struct look *l, const struct kclient_resource *res,
       bool (*uses)(const struct look *l, const struct json *user), struct kerr *reterr)
{
  _cleanup_(kclient_list_release) struct kclient_list list = { 0 };
  bool found = false;

  if (kclient_list(l->all->config.client, res, object_namespace(l->o), NULL, &list, reterr) < 0)
    return kerr_wrap(reterr, "list %s", res->resource);
  for (size_t i = 0; i < list.n && !found; i++)
    found = uses(l, record_tree(list.items[i]));
  return found;
}

static int
claim_in_use(const struct look *l, struct kerr *reterr)
{
  return any_of(l, &KC_PODS, pod_keeps_claim, reterr);
}

static int
volume_in_use(const struct look *l, struct kerr *reterr)
{
  (void)reterr;
  return strcmp(str_at(l->o, "status", "phase"), "Bound") == 0;
}

static int
class_in_use(const struct look *l, struct kerr *reterr)
{
  int r = any_of(l, &KC_PERSISTENTVOLUMES, has_class, reterr);

  return r != 0 ? r : any_of(l, &KC_PERSISTENTVOLUMECLAIMS, has_class, reterr);
}

static int
group_in_use(const struct look *l, struct kerr *reterr)
{
  return any_of(l, &KC_PODS, pod_is_of_group, reterr);
}

static const struct {
  enum watched what;
  const char *finalizer;
  int (*in_use)(const struct look *l, struct kerr *reterr); /* 1, 0, or a negative code */
  bool adds;
} rows_protected[] = {
  { WATCH_PVCS, "kubernetes.io/pvc-protection", claim_in_use, true },
  { WATCH_PVS, "kubernetes.io/pv-protection", volume_in_use, true },
  { WATCH_VACS, "kubernetes.io/vac-protection", class_in_use, true },
  { WATCH_PODGROUPS, "scheduling.k8s.io/podgroup-protection", group_in_use, false },
};
enum { ROW_CLAIMS, ROW_VOLUMES, ROW_CLASSES, ROW_GROUPS };

/* -- when to look -- */

static void
enqueue(struct controller *ctl, size_t row, const char *ns, const char *name)
{
  _cleanup_free_ char *key = mem_printf("%zu:%s/%s", row, ns, name);

  if (*name)
    workqueue_add(ctl->queue, span_of(key));
}

static void
pod_changed(struct controller *ctl, const struct json *pod)
{
  struct arena *a = arena_new(CEIL_ARENA_CYCLE);
  bool own;

  for (json_each_item (v, json_dig(pod, "spec", "volumes", NULL))) {
    const char *name = volume_claim(a, pod, *v, &own);

    if (name)
      enqueue(ctl, ROW_CLAIMS, object_namespace(pod), name);
  }
  enqueue(ctl, ROW_GROUPS, object_namespace(pod),
          json_get_str_or(json_dig(pod, "spec", "schedulingGroup", NULL), "podGroupName", ""));
  arena_free(a);
}

static void
changed(struct controller *ctl, enum watched what, const struct kclient_change *change)
{
  const struct json *o = change->record ? record_tree(change->record) : NULL;
  const struct json *old = change->old ? record_tree(change->old) : NULL;

  if (!o)
    return;
  for (size_t i = 0; i < ARRAY_SIZE(rows_protected) && change->type != KCLIENT_DELETED; i++)
    if (rows_protected[i].what == what)
      enqueue(ctl, i, object_namespace(o), object_name(o));
  if (what == WATCH_PODS) {
    pod_changed(ctl, o);
    if (old && strcmp(object_uid(old), object_uid(o)) != 0)
      pod_changed(ctl, old);
  } else if (what == WATCH_PVCS || what == WATCH_PVS) { /* who has let go of a class */
    for (size_t i = 0; i < CLASSES_NAMED; i++)
      enqueue(ctl, ROW_CLASSES, "", class_named(old ? old : o, i));
  }
}

/* -- one look -- */

static int
write_finalizers(const struct look *l, const struct kclient_resource *res, const char *finalizer, bool there,
                 struct kerr *reterr)
{
  struct json *copy = json_copy(l->a, l->o);
  struct json *list = json_ensure_array(l->a, json_ensure_object(l->a, copy, "metadata"), "finalizers");

  json_list_remove(list, finalizer);
  if (there)
    json_append_str(l->a, list, finalizer);
  return kclient_update(l->all->config.client, res, NULL, copy, NULL, reterr);
}

/* PersistentVolumeClaimUnusedSinceTime: the condition Unused of a bound claim. 1: written. */
static int
tell_unused(const struct look *l, struct kerr *reterr)
{
  const struct json *now = object_condition(l->o, "Unused");
  struct json *copy;
  int used;

  if (!personality_gate(l->all->config.personality, "PersistentVolumeClaimUnusedSinceTime") ||
      object_is_deleting(l->o) || strcmp(str_at(l->o, "status", "phase"), "Bound") != 0)
    return 0;
  if ((used = any_of(l, &KC_PODS, pod_will_use_claim, reterr)) < 0)
    return used;
  if (now && used != (strcmp(json_get_str_or(now, "status", ""), "True") == 0))
    return 0;
  copy = json_copy(l->a, l->o);
  (void)object_set_condition(l->a, copy, "Unused", used ? "False" : "True", used ? "PodUsingPVC" : "NoPodsUsingPVC",
                             used ? "A pod is currently referencing this PVC"
                                  : "No pods are currently referencing this PVC",
                             clock_wall(l->all->config.clock));
  used = kclient_update(l->all->config.client, &KC_PERSISTENTVOLUMECLAIMS, "status", copy, NULL, reterr);
  return used < 0 ? used : 1; /* the change that this makes asks for the rest */
}

static int
sync(struct controller *ctl, const char *key, struct arena *a, struct kerr *reterr)
{
  size_t row = (size_t)(*key - '0');
  struct look l = { .all = ctl->all, .a = a };
  const struct kclient_resource *res = controllers_watched(ctl->all, rows_protected[row].what);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const char *ns, *name;
  struct record *found;
  bool has;
  int r;

  controllers_split_key(a, strchr(key, ':') + 1, &ns, &name);
  found = res ? controllers_get(ctl->all, a, rows_protected[row].what, ns, name) : NULL;
  if (!found)
    return 0;
  l.o = record_tree(found);
  if (row == ROW_CLAIMS && (r = tell_unused(&l, &err)) != 0)
    return r < 0 ? kerr_move(reterr, &err) : 0;
  has = object_has_finalizer(l.o, rows_protected[row].finalizer);
  r = 0;
  if (object_is_deleting(l.o) && has) {
    r = rows_protected[row].in_use(&l, &err);
    if (r == 0)
      r = write_finalizers(&l, res, rows_protected[row].finalizer, false, &err);
  } else if (!object_is_deleting(l.o) && !has && rows_protected[row].adds) {
    r = write_finalizers(&l, res, rows_protected[row].finalizer, true, &err);
  }
  return r < 0 && err.code != KERR_NOT_FOUND ? kerr_move(reterr, &err) : 0;
}

const struct controller_ops protection_controller_ops = {
  .name = "protection-controller",
  .watches = 1u << WATCH_PODS | 1u << WATCH_PVCS | 1u << WATCH_PVS | 1u << WATCH_VACS | 1u << WATCH_PODGROUPS,
  .changed = changed,
  .sync = sync,
};
