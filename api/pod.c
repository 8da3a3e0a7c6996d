#include "pod.h"

#include <string.h>

#include "amounts.h"

const char *const pod_container_lists[POD_CONTAINER_LISTS] = { "initContainers", "containers", "ephemeralContainers" };

bool
pod_has_ended(const struct json *pod)
{
  const char *phase = json_get_str_or(json_get(pod, "status"), "phase", "");

  return strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0;
}

bool
pod_level_resource(const char *name)
{
  return strcmp(name, "cpu") == 0 || strcmp(name, "memory") == 0 || strncmp(name, "hugepages-", 10) == 0;
}

static const char best_effort[] = "BestEffort", burstable[] = "Burstable", guaranteed[] = "Guaranteed";

/* Two parts of a pod of different classes make it burstable. `so_far` is NULL at first. */
static const char *
both_classes(const char *so_far, const char *next)
{
  return !so_far || so_far == next ? next : burstable;
}

static const char *
class_of_one(const struct json *resources, const char *name)
{
  struct quantity want = quantity_from_int(0, QUANTITY_DECIMAL_SI), limit = want;

  (void)amounts_read(json_get(resources, "requests"), name, &want);
  (void)amounts_read(json_get(resources, "limits"), name, &limit);
  if (quantity_cmp(&want, &limit) != 0)
    return burstable;
  return quantity_sign(&want) == 0 ? best_effort : guaranteed;
}

static const char *
class_of(const struct json *resources)
{
  return both_classes(class_of_one(resources, "cpu"), class_of_one(resources, "memory"));
}

static bool
has_pod_level(const struct json *resources)
{
  static const char *const lists[] = { "requests", "limits" };

  for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
    for (json_each_member (m, json_get(resources, lists[i])))
      if (pod_level_resource(m->name))
        return true;
  return false;
}

const char *
pod_qos_class(const struct json *spec)
{
  static const char *const lists[] = { "initContainers", "containers" };
  const char *found = NULL;

  if (has_pod_level(json_get(spec, "resources")))
    return class_of(json_get(spec, "resources"));
  for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
    for (json_each_item (c, json_get(spec, lists[i])))
      found = both_classes(found, class_of(json_get(*c, "resources")));
  return found ? found : best_effort;
}

struct json *
pod_apparmor_profile(struct arena *a, struct span annotation)
{
  static const char *const types[][2] = { { "unconfined", "Unconfined" }, { "runtime/default", "RuntimeDefault" } };
  struct span local = SPAN("localhost/");
  struct json *profile = json_new_object(a);

  for (size_t i = 0; i < ARRAY_SIZE(types); i++)
    if (span_is(annotation, types[i][0]))
      json_set_str(a, profile, "type", types[i][1]);
  if (span_starts(annotation, local) && annotation.n > local.n) {
    json_set_str(a, profile, "type", "Localhost");
    json_set(a, profile, "localhostProfile", json_new_strn(a, annotation.p + local.n, annotation.n - local.n));
  }
  return json_count(profile) ? profile : NULL;
}
