/*
 * sched_resources - how much a pod asks for and how much a node has.
 *
 * As component-helpers/resource.PodRequests and the scheduler's framework.Resource:
 * cpu in thousandths, everything else in whole units; init containers count by
 * their largest, sidecars and containers by their sum, overhead on top.
 */
#ifndef SCHEDULER_SCHED_RESOURCES_H
#define SCHEDULER_SCHED_RESOURCES_H

#include "arena.h"
#include "json.h"

#define SCHED_RESOURCE_NAME_MAX 317 /* a qualified name */

struct sched_amount {
  const char *name; /* "cpu", "memory", "example.com/gpu" */
  int64_t value;    /* cpu: milli */
};

struct sched_resources {
  struct sched_amount *list;
  size_t n;
};

/* In the arena; names are borrowed from the tree. Amounts of zero are left out. */
struct sched_resources sched_pod_requests(struct arena *a, const struct json *pod);
/* From a resource list object such as status.allocatable. */
struct sched_resources sched_resources_of(struct arena *a, const struct json *list);
int64_t sched_resources_get(const struct sched_resources *r, const char *name);
/* cpu, memory, ephemeral-storage, hugepages-* and other names of Kubernetes' own. */
bool sched_resource_is_native(const char *name);
/* v1helper.IsExtendedResourceName: what device plugins and DRA may stand behind. */
bool sched_resource_is_extended(const char *name);

#endif
