/*
 * Plugins for pods and services that are off unless `--enable-admission-plugins` names them: AlwaysPullImages,
 * ExtendedResourceToleration, LimitPodHardAntiAffinityTopology, DenyServiceExternalIPs (plugin/pkg/admission).
 */
#include <string.h>

#include "admission.h"
#include "object.h"
#include "pod.h"
#include "validate_claim.h"

/* -- AlwaysPullImages -- */

static bool
has_image(const struct json *pod, const char *image)
{
  for (size_t i = 0; i < POD_CONTAINER_LISTS; i++)
    for (json_each_item (p, json_dig(pod, "spec", pod_container_lists[i], NULL)))
      if (strcmp(json_get_str_or(*p, "image", ""), image) == 0)
        return true;
  return false;
}

static bool
has_new_image(const struct json *pod, const struct json *old)
{
  for (size_t i = 0; i < POD_CONTAINER_LISTS; i++)
    for (json_each_item (p, json_dig(pod, "spec", pod_container_lists[i], NULL)))
      if (!has_image(old, json_get_str_or(*p, "image", "")))
        return true;
  return false;
}

static int
pull_mutate(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  struct json *spec = json_find(o, "spec");

  (void)reterr;
  if (*c->info.subresource || (old && !has_new_image(o, old)))
    return 0;
  for (size_t i = 0; i < POD_CONTAINER_LISTS; i++)
    for (json_each_item (p, json_find(spec, pod_container_lists[i])))
      json_set_str(c->a, *p, "imagePullPolicy", "Always");
  for (json_each_item (v, json_find(spec, "volumes")))
    if (json_get(*v, "image"))
      json_set_str(c->a, json_find(*v, "image"), "pullPolicy", "Always");
  c->reshape = true;
  return 0;
}

const struct admission_plugin admission_always_pull = {
  .name = "AlwaysPullImages",
  .optional = true,
  .targets = admission_pods,
  .mutate = pull_mutate,
};

/* -- ExtendedResourceToleration -- */

static bool
is_the_toleration(const struct json *t, const char *key)
{
  return strcmp(json_get_str_or(t, "key", ""), key) == 0 && strcmp(json_get_str_or(t, "operator", ""), "Exists") == 0 &&
         strcmp(json_get_str_or(t, "effect", ""), "NoSchedule") == 0 && !json_get(t, "tolerationSeconds") &&
         !*json_get_str_or(t, "value", "");
}

/* A toleration of the same key, operator, value and effect is made the new one (AddOrUpdateTolerationInPod). */
static void
tolerate(struct rest_call *c, struct json *spec, const char *resource)
{
  struct json *list = json_ensure_array(c->a, spec, "tolerations"), *t;

  for (json_each_item (p, list))
    if (is_the_toleration(*p, resource))
      return;
  t = json_append(c->a, list, json_new_object(c->a));
  json_set_str(c->a, t, "key", resource);
  json_set_str(c->a, t, "operator", "Exists");
  json_set_str(c->a, t, "effect", "NoSchedule");
}

#define LASTING_LISTS 2 /* of pod_container_lists: without the ephemeral ones */

static int
extended_mutate(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  struct json *spec = json_find(o, "spec");
  const char **names;
  size_t n = 0, most = 0;

  (void)reterr;
  if (*c->info.subresource || (old && json_equal(json_get(old, "spec"), spec)))
    return 0;
  for (size_t i = 0; i < LASTING_LISTS; i++)
    for (json_each_item (p, json_get(spec, pod_container_lists[i])))
      most += json_count(json_dig(*p, "resources", "requests", NULL));
  names = arena_array_of(c->a, const char *, most + 1);
  for (size_t i = 0; i < LASTING_LISTS; i++)
    for (json_each_item (p, json_get(spec, pod_container_lists[i])))
      for (json_each_member (m, json_dig(*p, "resources", "requests", NULL)))
        if (validate_is_extended_resource(c->a, span_make(m->name, m->name_len)))
          names[n++] = m->name;
  qsort(names, n, sizeof *names, text_order);
  for (size_t i = 0; i < n; i++)
    tolerate(c, spec, names[i]);
  c->reshape = c->reshape || n > 0;
  return 0;
}

const struct admission_plugin admission_extended_toleration = {
  .name = "ExtendedResourceToleration",
  .optional = true,
  .targets = admission_pods,
  .mutate = extended_mutate,
};

/* -- LimitPodHardAntiAffinityTopology -- */

#define HOSTNAME "kubernetes.io/hostname"

static int
topology_validate(struct rest_call *c, const struct json *o, const struct json *old, struct kerr *reterr)
{
  (void)old;
  if (*c->info.subresource)
    return 0;
  for (json_each_item (t, json_dig(o, "spec", "affinity", "podAntiAffinity",
                                   "requiredDuringSchedulingIgnoredDuringExecution", NULL))) {
    const char *key = json_get_str_or(*t, "topologyKey", "");

    if (strcmp(key, HOSTNAME) != 0)
      return admission_forbid(c, o,
                              arena_printf(c->a,
                                           "affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey %s but "
                                           "only key " HOSTNAME " is allowed",
                                           key),
                              reterr);
  }
  return 0;
}

const struct admission_plugin admission_anti_affinity = {
  .name = "LimitPodHardAntiAffinityTopology",
  .optional = true,
  .targets = admission_pods,
  .validate = topology_validate,
};

/* -- DenyServiceExternalIPs -- */

static int
external_validate(struct rest_call *c, const struct json *o, const struct json *old, struct kerr *reterr)
{
  if (*c->info.subresource)
    return 0;
  for (json_each_item (p, json_dig(o, "spec", "externalIPs", NULL)))
    if (!json_list_has(json_dig(old, "spec", "externalIPs", NULL), json_str(*p) ? json_str(*p) : ""))
      return admission_forbid(c, o, "Use of external IPs is denied by admission control", reterr);
  return 0;
}

static const struct admission_target services[] = { { "", "services" }, { NULL, NULL } };

const struct admission_plugin admission_external_ips = {
  .name = "DenyServiceExternalIPs",
  .optional = true,
  .targets = services,
  .validate = external_validate,
};
