#include "pod.h"
#include "quota_usage.h"

#include <string.h>

#define ALL_DEVICES 32 /* AllocationResultsMaxSize: what mode All may come to */

struct usage {
  struct arena *a;
  const struct quota_classes *classes;
  struct amounts *amounts;
};

/* -- claims (evaluator/core/resource_claims.go) -- */

static int64_t
devices_of(const struct json *request)
{
  const char *mode = json_get_str_or(request, "allocationMode", "ExactCount");

  if (strcmp(mode, "ExactCount") == 0)
    return json_get_int(request, "count", 1);
  return strcmp(mode, "All") == 0 ? ALL_DEVICES : 0;
}

static void
add_devices(struct usage *to, const char *class, int64_t n)
{
  const struct json *o = to->classes->find(to->classes->arg, class);
  const char *extended = json_str(json_dig(o, "spec", "extendedResourceName", NULL));

  amounts_add_int(to->amounts, arena_printf(to->a, "%s" QUOTA_PER_CLASS, class), n);
  amounts_add_int(to->amounts, arena_printf(to->a, QUOTA_IMPLICIT "%s", class), n);
  if (extended)
    amounts_add_int(to->amounts, arena_printf(to->a, "requests.%s", extended), n);
}

/* One of several will be taken: the most that any class may come to counts. */
static void
add_alternatives(struct usage *to, const struct json *list)
{
  for (size_t i = 0; i < json_count(list); i++) {
    const char *class = json_get_str_or(json_at(list, i), "deviceClassName", "");
    int64_t most = devices_of(json_at(list, i));
    bool first = true;

    for (size_t j = 0; j < json_count(list); j++) {
      if (strcmp(json_get_str_or(json_at(list, j), "deviceClassName", ""), class) != 0)
        continue;
      first = first && j >= i;
      if (devices_of(json_at(list, j)) > most)
        most = devices_of(json_at(list, j));
    }
    if (first)
      add_devices(to, class, most);
  }
}

static void
claim_usage(struct usage *to, const struct json *o)
{
  for (json_each_item (r, json_dig(o, "spec", "devices", "requests", NULL))) {
    const struct json *exactly = json_get(*r, "exactly"), *list = json_get(*r, "firstAvailable");

    if (json_count(list))
      add_alternatives(to, list);
    else
      add_devices(to, json_get_str_or(exactly ? exactly : *r, "deviceClassName", ""),
                  devices_of(exactly ? exactly : *r));
  }
}

/* -- pods (evaluator/core/pods.go) -- */

static void
pod_usage(struct usage *to, const struct json *o)
{
  const struct json *spec = json_get(o, "spec");
  struct amounts requests = { .n = 0 }, limits = { .n = 0 };

  amounts_add_int(to->amounts, "pods", 1);
  amounts_of_pod(spec, "requests", true, &requests);
  amounts_of_pod(spec, "limits", true, &limits);
  for (size_t i = 0; i < requests.n; i++) {
    const char *name = requests.list[i].name;

    amounts_add(to->amounts, arena_printf(to->a, "requests.%s", name), &requests.list[i].amount);
    if (strcmp(name, "cpu") == 0 || strcmp(name, "memory") == 0 || strcmp(name, "ephemeral-storage") == 0)
      amounts_add(to->amounts, arena_strdup(to->a, name), &requests.list[i].amount);
  }
  for (size_t i = 0; i < limits.n; i++)
    amounts_add(to->amounts, arena_printf(to->a, "limits.%s", limits.list[i].name), &limits.list[i].amount);
}

/* -- services (evaluator/core/services.go): node ports are counted by what is asked for, they are taken later -- */

static void
service_usage(struct usage *to, const struct json *o)
{
  const struct json *spec = json_get(o, "spec"), *ports = json_get(spec, "ports");
  const char *type = json_get_str_or(spec, "type", "");
  bool balanced = strcmp(type, "LoadBalancer") == 0, taken = balanced || strcmp(type, "NodePort") == 0;
  int64_t n = taken ? (int64_t)json_count(ports) : 0;

  if (balanced && !json_get_bool(spec, "allocateLoadBalancerNodePorts", true)) {
    n = 0;
    for (json_each_item (p, ports))
      n += json_get_int(*p, "nodePort", 0) != 0;
  }
  amounts_add_int(to->amounts, QUOTA_NODE_PORTS, n);
  amounts_add_int(to->amounts, QUOTA_LOAD_BALANCERS, balanced);
}

static const char *const bare_names[] = {
  "configmaps", "persistentvolumeclaims", "replicationcontrollers", "resourcequotas", "secrets", "services"
};

bool
quota_is_bare_name(const char *resource)
{
  for (size_t i = 0; i < ARRAY_SIZE(bare_names); i++)
    if (strcmp(bare_names[i], resource) == 0)
      return true;
  return false;
}

void
quota_usage_add(struct arena *a, const char *group, const char *resource, const struct json *o,
                const struct quota_classes *classes, struct amounts *ret)
{
  struct usage to = { .a = a, .classes = classes, .amounts = ret };

  amounts_add_int(ret, *group ? arena_printf(a, "count/%s.%s", resource, group) : arena_printf(a, "count/%s", resource),
                  1);
  if (!*group && quota_is_bare_name(resource))
    amounts_add_int(ret, arena_strdup(a, resource), 1);
  if (!*group && strcmp(resource, "pods") == 0 && !pod_has_ended(o)) /* else it needs nothing any more */
    pod_usage(&to, o);
  if (!*group && strcmp(resource, "services") == 0)
    service_usage(&to, o);
  if (strcmp(group, "resource.k8s.io") == 0 && strcmp(resource, "resourceclaims") == 0)
    claim_usage(&to, o);
}
