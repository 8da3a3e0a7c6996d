/* What pods/resize may change: core/validation's ValidatePodResize. */
#include "object.h"
#include "pod.h"
#include "validate_pod.h"

static const char *const lists[] = { "initContainers", "containers" };
static const char *const resizable[] = { "cpu", "memory" };

/* Does `now` lack one of the names that were there? */
static bool
is_removed(const struct json *now, const struct json *was)
{
  for (json_each_member (m, was))
    if (!json_get_n(now, m->name, m->name_len))
      return true;
  return false;
}

static void
check_removed(struct validation *v, const struct vpath *path, const struct json *now, const struct json *was,
              const char *what)
{
  static const char *const members[] = { "requests", "limits" };
  for (size_t i = 0; i < ARRAY_SIZE(members); i++)
    if (is_removed(json_get(now, members[i]), json_get(was, members[i])))
      verr_forbidden(v, VP(path, members[i]), arena_printf(v->a, "%s %s cannot be removed", what, members[i]));
}

/* Resources with cpu and memory as they were. */
static struct json *
with_old_amounts(struct arena *a, const struct json *now, const struct json *was)
{
  static const char *const members[] = { "limits", "requests" };
  struct json *copy = json_is(now, JSON_OBJECT) ? json_copy(a, now) : json_new_object(a);
  for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
    const struct json *before = json_get(was, members[i]);
    struct json *list = json_ensure_object(a, copy, members[i]);
    for (size_t k = 0; k < ARRAY_SIZE(resizable); k++) {
      (void)json_remove(list, resizable[k]);
      if (json_get(before, resizable[k]))
        json_set(a, list, resizable[k], json_copy(a, json_get(before, resizable[k])));
    }
    if (!json_count(list))
      (void)json_remove(copy, members[i]);
  }
  return copy;
}

/* The same containers in the same order? */
static bool
check_order(struct validation *v, const struct json *spec, const struct json *was)
{
  size_t mark = v->n;
  for (size_t k = ARRAY_SIZE(lists); k-- > 0;) {
    const struct json *now = json_get(spec, lists[k]), *before = json_get(was, lists[k]);
    const struct vpath *path = VP(VP(NULL, "spec"), lists[k]);
    if (json_count(now) != json_count(before))
      verr_forbidden(v, path, arena_printf(v->a, "%s may not be added or removed on resize", lists[k]));
    for (size_t i = 0; json_count(now) == json_count(before) && i < json_count(now); i++)
      if (!span_eq(json_text_of(json_at(now, i), "name"), json_text_of(json_at(before, i), "name")))
        verr_forbidden(v, VP(VP_ITEM(path, i), "name"),
                       arena_printf(v->a, "%s may not be renamed or reordered on resize", lists[k]));
  }
  return v->n == mark;
}

static bool
may_resize(const struct validation *v, const struct json *container)
{
  return span_is(json_text_of(container, "restartPolicy"), "Always") ||
         validation_gate(v, "InPlacePodVerticalScalingInitContainers");
}

static bool
restarts_for(const struct json *container)
{
  for (json_each_item (p, json_get(container, "resizePolicy")))
    if (span_is(json_text_of(*p, "restartPolicy"), "RestartContainer"))
      return true;
  return false;
}

/* One init container; what may have changed in it is put back. */
static void
check_init(struct validation *v, const struct vpath *path, struct json *now, const struct json *was)
{
  bool changed = !json_same(now, was), sidecar = span_is(json_text_of(now, "restartPolicy"), "Always");
  if (!may_resize(v, now)) {
    if (changed)
      verr_forbidden(v, VP(NULL, "spec"), "resources for non-sidecar init containers are immutable");
    return;
  }
  json_set(v->a, now, "resources", with_old_amounts(v->a, json_get(now, "resources"), json_get(was, "resources")));
  if (!json_same(now, was))
    verr_forbidden(v, path, "only cpu and memory resources for init or sidecar containers are mutable");
  if (changed && !sidecar && restarts_for(now))
    verr_forbidden(v, path, "non-sidecar init containers with a resize policy of RestartContainer cannot be resized");
}

static void
check_containers(struct validation *v, struct json *spec, const struct json *was)
{
  const struct vpath *path = VP(NULL, "spec");
  for (size_t k = 0; k < ARRAY_SIZE(lists); k++)
    for (size_t i = 0; i < json_count(json_get(was, lists[k])); i++) {
      const struct json *before = json_at(json_get(was, lists[k]), i), *now = json_at(json_get(spec, lists[k]), i);
      if (k || may_resize(v, before))
        check_removed(v, VP(VP_ITEM(VP(path, lists[k]), i), "resources"), json_get(now, "resources"),
                      json_get(before, "resources"), "resource");
    }
  for (size_t k = ARRAY_SIZE(lists); k-- > 0;)
    for (size_t i = 0; i < json_count(json_get(was, lists[k])); i++) {
      const struct json *before = json_at(json_get(was, lists[k]), i);
      struct json *now = json_item(json_find(spec, lists[k]), i);
      if (!k) {
        check_init(v, VP_ITEM(VP(path, lists[k]), i), now, before);
        continue;
      }
      json_set(v->a, now, "resources",
               with_old_amounts(v->a, json_get(now, "resources"), json_get(before, "resources")));
      if (!json_same(now, before))
        verr_forbidden(v, path, "only cpu and memory resources are mutable");
    }
}

static bool
has_own_resources(const struct json *spec)
{
  const struct json *r = json_get(spec, "resources");
  return json_count(json_get(r, "requests")) || json_count(json_get(r, "limits"));
}

/* False: they may not change at all. */
static bool
check_pod_resources(struct validation *v, struct json *spec, const struct json *was)
{
  const struct json *now = json_get(spec, "resources"), *before = json_get(was, "resources");
  const struct vpath *path = VP(VP(NULL, "spec"), "resources");
  if (!has_own_resources(spec) && !has_own_resources(was))
    return true;
  if (!validation_gate(v, "InPlacePodLevelResourcesVerticalScaling")) {
    verr_forbidden(v, VP(NULL, ""),
                   "resize of pods with pod-level resources is forbidden when "
                   "InPlacePodLevelResourcesVerticalScalingEnabled feature gate is disabled");
    return false;
  }
  if (json_type(before) != JSON_NULL && json_type(now) == JSON_NULL) {
    verr_forbidden(v, path, "pod-level resources cannot be removed");
    return true;
  }
  check_removed(v, path, now, before, "pod-level resource");
  struct json *kept = with_old_amounts(v->a, now, before);
  if (json_type(before) == JSON_NULL && !json_count(kept))
    (void)json_remove(spec, "resources");
  else
    json_set(v->a, spec, "resources", kept);
  if (!json_same(json_get(spec, "resources"), before))
    verr_forbidden(v, VP(NULL, "spec"), "only cpu and memory resources are mutable at pod-level");
  return true;
}

/* Of volumes only the size of those in memory may change. */
static void
check_volume(struct validation *v, const struct vpath *path, const struct json *now, const struct json *was)
{
  const struct json *dir = json_get(now, "emptyDir"), *before = json_get(was, "emptyDir");
  const struct vpath *limit = VP(VP(path, "emptyDir"), "sizeLimit");
  bool both = json_type(dir) != JSON_NULL && json_type(before) != JSON_NULL;
  struct json *same = json_copy(v->a, now);
  struct quantity q, old = quantity_from_int(0, QUANTITY_BINARY_SI);
  if (!span_eq(json_text_of(now, "name"), json_text_of(was, "name"))) {
    verr_forbidden(v, VP(path, "name"), "volumes may not be renamed or reordered on resize");
    return;
  }
  if (both)
    json_restore(v->a, json_find(same, "emptyDir"), before, "sizeLimit");
  if (!json_same(same, was)) {
    verr_forbidden(v, path, "only sizeLimit of memory-backed emptyDir volumes is mutable on resize");
    return;
  }
  if (!both)
    return;
  q = old;
  (void)json_quantity(json_get(dir, "sizeLimit"), &q);
  (void)json_quantity(json_get(before, "sizeLimit"), &old);
  if ((quantity_sign(&q) != 0) != (quantity_sign(&old) != 0))
    verr_forbidden(v, limit, "adding or removing sizeLimit on an existing volume is not allowed");
  else if (quantity_cmp(&q, &old) != 0 && !span_is(json_text_of(dir, "medium"), "Memory"))
    verr_forbidden(v, limit, "sizeLimit is only mutable for memory-backed emptyDir volumes");
}

static void
check_volumes(struct validation *v, struct json *spec, const struct json *was)
{
  const struct json *now = json_get(spec, "volumes"), *before = json_get(was, "volumes");
  const struct vpath *path = VP(VP(NULL, "spec"), "volumes");
  if (!validation_gate(v, "InPlacePodVerticalScalingMemoryBackedVolumes")) {
    if (!json_same(now, before))
      verr_forbidden(
          v, path,
          "volumes are immutable on resize when InPlacePodVerticalScalingMemoryBackedVolumes feature gate is "
          "disabled");
    return;
  }
  if (json_count(now) != json_count(before))
    verr_forbidden(v, path, "volumes may not be added or removed on resize");
  for (size_t i = 0; json_count(now) == json_count(before) && i < json_count(now); i++)
    check_volume(v, VP_ITEM(path, i), json_at(now, i), json_at(before, i));
  json_restore(v->a, spec, was, "volumes");
}

/* A node that says of no running container what it has cannot resize. */
static bool
node_can_resize(const struct json *pod)
{
  for (json_each_item (p, json_dig(pod, "status", "containerStatuses", NULL)))
    if (json_has(json_get(*p, "state"), "running"))
      return json_has(*p, "resources");
  return true;
}

/* Nothing else is said of a pod that cannot be resized at all. */
static bool
refuse_whole(struct validation *v, const struct json *old, size_t mark)
{
  const char *text = NULL;
  if (json_get(object_annotations(old), "kubernetes.io/config.mirror"))
    text = "static pods cannot be resized";
  else if (span_is(json_text_of(json_dig(old, "spec", "os", NULL), "name"), "windows"))
    text = "windows pods cannot be resized";
  if (!text)
    return false;
  v->n = mark;
  verr_forbidden(v, VP(NULL, "[]"), text);
  return true;
}

void
validate_pod_resize(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *was = json_get(old, "spec");
  const struct vpath *path = VP(NULL, "spec");
  validate_pod(v, o);
  if (refuse_whole(v, old, 0))
    return;
  const char *class = pod_qos_class(json_get(o, "spec"));
  if (strcmp(class, pod_qos_class(was)) != 0)
    verr_add(v, FIELD_INVALID, path, vquote(v->a, json_text_of(json_get(o, "status"), "qosClass")),
             "Pod QOS Class may not change as a result of resizing");
  if (!node_can_resize(old))
    verr_forbidden(v, path, "Pod running on node without support for resize");
  struct json *spec = json_copy(v->a, json_get(o, "spec"));
  if (!check_pod_resources(v, spec, was) || !check_order(v, spec, was))
    return;
  check_containers(v, spec, was);
  check_volumes(v, spec, was);
  if (!v->n && !json_same(spec, was))
    verr_forbidden(v, path, "only cpu and memory resources are mutable");
}
