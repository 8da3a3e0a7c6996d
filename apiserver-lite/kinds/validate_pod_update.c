/* What an update may change in a pod: core/validation's ValidatePodUpdate, ValidatePodEphemeralContainersUpdate. */
#include "validate_pod.h"

#include <limits.h>

/* False: the lists differ in length, and nothing else is worth saying. */
static bool
check_same_containers(struct validation *v, const struct vpath *path, const struct json *now, const struct json *old)
{
  if (json_count(now) != json_count(old)) {
    verr_forbidden(v, path, "pod updates may not add or remove containers");
    return false;
  }
  for (size_t i = 0; i < json_count(now); i++) {
    (void)validate_needed(v, VP_ITEM(path, i), json_at(now, i), "image");
    validate_image_spaces(v, VP_ITEM(path, i), json_at(now, i));
  }
  return true;
}

/* False: it is wrong, and nothing else is worth saying. */
static bool
check_deadline(struct validation *v, const struct vpath *path, const struct json *now, const struct json *old)
{
  int64_t seconds = json_int_or(now, 0);
  bool was = json_type(old) != JSON_NULL;
  if (json_type(now) == JSON_NULL) {
    if (was)
      verr_add(v, FIELD_INVALID, path, "null", "must not update from a positive integer to nil value");
    return true;
  }
  if (seconds < 0 || seconds > INT32_MAX)
    verr_invalid_int(v, path, seconds, "must be between 0 and 2147483647, inclusive");
  else if (was && json_int_or(old, 0) < seconds)
    verr_invalid_int(v, path, seconds, "must be less than or equal to previous value");
  else
    return true;
  return false;
}

static bool
same_toleration(struct arena *a, const struct json *x, const struct json *y)
{
  if (!json_is(x, JSON_OBJECT) || !json_is(y, JSON_OBJECT))
    return json_same(x, y);
  struct json *p = json_shallow(a, x), *q = json_shallow(a, y);
  json_remove(p, "tolerationSeconds");
  json_remove(q, "tolerationSeconds");
  return json_same(p, q);
}

static void
check_added_tolerations(struct validation *v, const struct vpath *path, const struct json *now, const struct json *old)
{
  for (json_each_item (p, old)) {
    bool found = false;
    for (json_each_item (q, now))
      found |= same_toleration(v->a, *p, *q);
    if (!found) {
      verr_forbidden(v, path, "existing toleration can not be modified except its tolerationSeconds");
      return;
    }
  }
  (void)validate_tolerations(v, path, now);
}

static void
check_removed_gates(struct validation *v, const struct vpath *path, const struct json *now, const struct json *old)
{
  for (size_t i = 0; i < json_count(now); i++) {
    struct span name = json_text_of(json_at(now, i), "name");
    bool known = false;
    for (json_each_item (p, old))
      known |= span_eq(json_text_of(*p, "name"), name);
    if (!known)
      verr_add(v, FIELD_FORBIDDEN, VP(VP_ITEM(path, i), "name"), NULL,
               "only deletion is allowed, but found new scheduling gate '%.*s'", SPAN_FMT(name));
  }
}

static void
keep_images(struct arena *a, struct json *spec, const struct json *old, const char *list)
{
  const struct json *now = json_get(spec, list), *was = json_get(old, list);
  if (!json_is(now, JSON_ARRAY))
    return;
  struct json *copy = json_set(a, spec, list, json_copy(a, now));
  for (size_t i = 0; i < json_count(now); i++)
    if (json_is(json_item(copy, i), JSON_OBJECT))
      json_restore(a, json_item(copy, i), json_at(was, i), "image");
}

static bool
begins_with(struct arena *a, const struct json *list, const struct json *first)
{
  struct json *part = json_new_array(a);
  for (size_t i = 0; i < json_count(first) && i < json_count(list); i++)
    json_append(a, part, json_copy(a, json_at(list, i)));
  return !json_count(first) || json_same(part, first);
}

/* A term may get more requirements, unless it had none: then it stands for no node at all. */
static bool
has_only_additions(struct arena *a, const struct json *now, const struct json *was)
{
  static const char *const lists[] = { "matchExpressions", "matchFields" };
  bool had = json_count(json_get(was, lists[0])) || json_count(json_get(was, lists[1])),
       has = json_count(json_get(now, lists[0])) || json_count(json_get(now, lists[1]));
  return (had || !has) && begins_with(a, json_get(now, lists[0]), json_get(was, lists[0])) &&
         begins_with(a, json_get(now, lists[1]), json_get(was, lists[1]));
}

static void
check_terms(struct validation *v, const struct vpath *path, const struct json *now, const struct json *was)
{
  static const char type[] = "io.k8s.api.core.v1.NodeSelectorTerm";
  if (json_count(was) && json_count(was) != json_count(now)) {
    verr_add(v, FIELD_INVALID, path, vgo(v, now, type),
             "no additions/deletions to non-empty NodeSelectorTerms list are allowed");
    return;
  }
  for (size_t i = 0; i < json_count(was); i++)
    if (!has_only_additions(v->a, json_at(now, i), json_at(was, i)))
      verr_add(v, FIELD_INVALID, VP_ITEM(path, i), vgo(v, json_at(now, i), type),
               "only additions are allowed (no mutations or deletions)");
}

/* A pod that is held back may be narrowed down to fewer nodes. */
static void
check_gated(struct validation *v, const struct vpath *path, struct json *spec, const struct json *old)
{
  static const char required[] = "requiredDuringSchedulingIgnoredDuringExecution";
  const struct json *now = json_get(spec, "nodeSelector");
  for (json_each_member (m, json_get(old, "nodeSelector")))
    if (!json_same(json_get_n(now, m->name, m->name_len), m->value)) {
      verr_add(v, FIELD_INVALID, VP(path, "nodeSelector"), vjson(v->a, now),
               "only additions to spec.nodeSelector are allowed (no mutations or deletions)");
      break;
    }
  json_restore(v->a, spec, old, "nodeSelector");
  const struct json *affinity = json_get(spec, "affinity"), *was = json_get(old, "affinity");
  if (json_same(json_get(affinity, "nodeAffinity"), json_get(was, "nodeAffinity")))
    return;
  check_terms(v, VP(VP(VP(VP(path, "affinity"), "nodeAffinity"), required), "nodeSelectorTerms"),
              json_dig(affinity, "nodeAffinity", required, "nodeSelectorTerms", NULL),
              json_dig(was, "nodeAffinity", required, "nodeSelectorTerms", NULL));
  if (json_type(was) == JSON_NULL && !json_has(affinity, "podAffinity") && !json_has(affinity, "podAntiAffinity")) {
    (void)json_remove(spec, "affinity");
    return;
  }
  struct json *edit = json_set(v->a, spec, "affinity",
                               json_is(affinity, JSON_OBJECT) ? json_shallow(v->a, affinity) : json_new_object(v->a));
  json_restore(v->a, edit, was, "nodeAffinity");
}

void
validate_pod_update(struct validation *v, const struct json *o, const struct json *old)
{
  static const struct name_rule rule = { .format = TEXT_DNS_SUBDOMAIN };
  const struct json *spec = json_get(o, "spec"), *was = json_get(old, "spec");
  const struct vpath *path = VP(NULL, "spec");
  validate_object_meta(v, o, true, &rule);
  validate_pod(v, o);
  validate_pod_annotations_update(v, o, old);
  if (!check_same_containers(v, VP(path, "containers"), json_get(spec, "containers"), json_get(was, "containers")) ||
      !check_same_containers(v, VP(path, "initContainers"), json_get(spec, "initContainers"),
                             json_get(was, "initContainers")) ||
      !check_deadline(v, VP(path, "activeDeadlineSeconds"), json_get(spec, "activeDeadlineSeconds"),
                      json_get(was, "activeDeadlineSeconds")))
    return;
  check_added_tolerations(v, VP(path, "tolerations"), json_get(spec, "tolerations"), json_get(was, "tolerations"));
  check_removed_gates(v, VP(path, "schedulingGates"), json_get(spec, "schedulingGates"),
                      json_get(was, "schedulingGates"));
  if (json_same(spec, was))
    return;
  if (!json_is(spec, JSON_OBJECT))
    return;
  struct json *munged = json_shallow(v->a, spec);
  static const char *const free_members[] = { "activeDeadlineSeconds", "schedulingGates", "tolerations" };
  keep_images(v->a, munged, was, "containers");
  keep_images(v->a, munged, was, "initContainers");
  for (size_t i = 0; i < ARRAY_SIZE(free_members); i++)
    json_restore(v->a, munged, was, free_members[i]);
  if (json_get_int(was, "terminationGracePeriodSeconds", 0) < 0 &&
      json_get_int(munged, "terminationGracePeriodSeconds", 0) == 1)
    json_restore(v->a, munged, was, "terminationGracePeriodSeconds");
  if (json_count(json_get(was, "schedulingGates")))
    check_gated(v, path, munged, was);
  if (json_same(munged, was))
    return;
  static const char type[] = "io.k8s.api.core.v1.PodSpec";
  verr_add(v, FIELD_FORBIDDEN, path, NULL,
           "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
           "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
           "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n%s",
           validate_diff(v->a, vgo_json(v->a, was, type), vgo_json(v->a, munged, type)));
}

/* Ephemeral containers are added, never changed or removed. */
static void
check_ephemeral_update(struct validation *v, const struct json *o, const struct json *old)
{
  static const char type[] = "io.k8s.api.core.v1.EphemeralContainer";
  const struct json *now = json_dig(o, "spec", "ephemeralContainers", NULL),
                    *was = json_dig(old, "spec", "ephemeralContainers", NULL);
  const struct vpath *path = VP(VP(NULL, "spec"), "ephemeralContainers");
  validate_pod(v, o);
  validate_pod_annotations_update(v, o, old);
  for (json_each_item (p, was)) {
    struct span name = json_text_of(*p, "name");
    const struct json *kept = NULL;
    for (json_each_item (q, now)) /* the last of that name */
      kept = span_eq(json_text_of(*q, "name"), name) ? *q : kept;
    if (!kept)
      verr_add(v, FIELD_FORBIDDEN, path, NULL, "existing ephemeral containers %s may not be removed\n",
               vquote(v->a, name));
    else if (!json_same(kept, *p))
      verr_add(v, FIELD_FORBIDDEN, path, NULL, "existing ephemeral containers %s may not be changed\n%s",
               vquote(v->a, name), validate_diff(v->a, vgo_json(v->a, *p, type), vgo_json(v->a, kept, type)));
  }
}

void
validate_pod_subresource(struct validation *v, const struct json *o, const struct json *old, const char *subresource)
{
  if (!strcmp(subresource, "ephemeralcontainers"))
    check_ephemeral_update(v, o, old);
  else if (!strcmp(subresource, "resize"))
    validate_pod_resize(v, o, old);
  else
    validate_pod(v, o);
}
