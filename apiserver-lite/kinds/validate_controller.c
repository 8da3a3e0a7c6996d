/* Replication controllers and runtime classes (core/validation, node/validation). */
#include "object.h"
#include "validate_pod.h"

static void
not_negative_covered(struct validation *v, const struct vpath *path, const struct json *spec, const char *name)
{
  size_t mark = v->n;
  validate_not_negative(v, path, spec, name);
  validation_cover(v, mark, NULL);
}

static bool
selects(const struct json *selector, const struct json *labels)
{
  for (json_each_member (m, selector))
    if (!json_same(m->value, json_get_n(labels, m->name, m->name_len)) || !json_get_n(labels, m->name, m->name_len))
      return false;
  return true;
}

static void
check_template(struct validation *v, const struct vpath *path, const struct json *template, const struct json *selector)
{
  static const char *const always[] = { "Always", NULL };
  const struct json *labels = object_labels(template), *spec = json_get(template, "spec");
  struct span policy = json_text_of(spec, "restartPolicy");
  if (json_type(template) == JSON_NULL) {
    verr_required(v, path, "");
    return;
  }
  if (!selects(selector, labels))
    verr_add(v, FIELD_INVALID, VP(VP(path, "metadata"), "labels"), vjson(v->a, labels),
             "`selector` does not match template `labels`");
  validate_pod_template(v, path, template);
  if (!span_is(policy, "Always"))
    verr_not_supported(v, VP(VP(path, "spec"), "restartPolicy"), policy, always);
  if (json_has(spec, "activeDeadlineSeconds"))
    verr_forbidden(v, VP(VP(path, "spec"), "activeDeadlineSeconds"),
                   "activeDeadlineSeconds in ReplicationController is not Supported");
}

static void
check_controller(struct validation *v, const struct json *o)
{
  const struct json *spec = json_get(o, "spec"), *selector = json_get(spec, "selector");
  const struct vpath *path = VP(NULL, "spec");
  not_negative_covered(v, path, spec, "minReadySeconds");
  if (!json_count(selector))
    verr_required(v, VP(path, "selector"), "");
  size_t mark = v->n;
  if (!json_has(spec, "replicas"))
    verr_required(v, VP(path, "replicas"), "");
  validation_cover(v, mark, NULL);
  not_negative_covered(v, path, spec, "replicas");
  check_template(v, VP(path, "template"), json_get(spec, "template"), selector);
}

static void
update_controller_status(struct validation *v, const struct json *o, const struct json *old)
{
  static const char *const counts[] = { "replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas",
                                        "observedGeneration" };
  const struct json *status = json_get(o, "status");
  const struct vpath *path = VP(NULL, "status");
  int64_t replicas = json_get_int(status, "replicas", 0), available = json_get_int(status, "availableReplicas", 0);
  (void)old;
  for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
    validate_not_negative(v, path, status, counts[i]);
  for (size_t i = 1; i < 4; i++)
    if (json_get_int(status, counts[i], 0) > replicas)
      verr_invalid_int(v, VP(path, counts[i]), json_get_int(status, counts[i], 0),
                       "cannot be greater than status.replicas");
  if (available > json_get_int(status, "readyReplicas", 0))
    verr_invalid_int(v, VP(path, "availableReplicas"), available, "cannot be greater than readyReplicas");
}

/* -- runtime classes -- */

static void
check_class_tolerations(struct validation *v, const struct vpath *path, const struct json *list)
{
  static const char *const keys[] = { "key", "operator", "value", "effect" };
  (void)validate_tolerations(v, path, list);
  for (size_t i = 0; i < json_count(list); i++)
    for (size_t j = 0; j < i; j++) {
      bool same = true;
      for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
        same &= json_same(json_get(json_at(list, i), keys[k]), json_get(json_at(list, j), keys[k]));
      if (!same)
        continue;
      verr_add(v, FIELD_DUPLICATE, VP_ITEM(path, i), vgo(v, json_at(list, i), "io.k8s.api.core.v1.Toleration"), "%s",
               "");
      break;
    }
}

static void
check_runtime_class(struct validation *v, const struct json *o)
{
  const struct json *overhead = json_get(o, "overhead"), *scheduling = json_get(o, "scheduling");
  struct json *resources = json_new_object(v->a);
  size_t mark = v->n;
  if (validate_needed(v, NULL, o, "handler"))
    (void)verr_format(v, VP(NULL, "handler"), json_text_of(o, "handler"), TEXT_DNS_LABEL);
  validation_cover(v, mark, NULL);
  if (json_has(overhead, "podFixed")) {
    json_set(v->a, resources, "limits", json_copy(v->a, json_get(overhead, "podFixed")));
    validate_resource_lists(v, VP(NULL, "overhead"), resources, NULL);
  }
  validate_labels(v, VP(VP(NULL, "scheduling"), "nodeSelector"), json_get(scheduling, "nodeSelector"));
  check_class_tolerations(v, VP(VP(NULL, "scheduling"), "tolerations"), json_get(scheduling, "tolerations"));
}

static void
update_runtime_class(struct validation *v, const struct json *o, const struct json *old)
{
  size_t mark = v->n;
  validate_immutable(v, VP(NULL, "handler"), json_get(o, "handler"), json_get(old, "handler"),
                     json_get(o, "handler") ? NULL : "\"\"");
  validation_cover(v, mark, "immutable");
}

#define SUBDOMAIN                \
  {                              \
    .format = TEXT_DNS_SUBDOMAIN \
  }
const struct validator validators_controller[] = {
  { "", "ReplicationController", .name = { .format = TEXT_DNS_SUBDOMAIN, .tag = true }, .create = check_controller,
    .status = update_controller_status },
  { "node.k8s.io", "RuntimeClass", .cluster = true, .name = SUBDOMAIN, .create = check_runtime_class,
    .update = update_runtime_class, .flags = VALIDATOR_CREATE_AGAIN },
};
const size_t validator_controller_count = ARRAY_SIZE(validators_controller);
