/*
 * quota_usage - what an object counts for in a ResourceQuota (pkg/quota/v1/evaluator/core).
 *
 * Admission charges what is created, the quota controller counts what is there:
 * both with these rules.
 */
#ifndef API_QUOTA_USAGE_H
#define API_QUOTA_USAGE_H

#include "amounts.h"
#include "arena.h"
#include "json.h"

#define QUOTA_PER_CLASS ".deviceclass.resource.k8s.io/devices"
#define QUOTA_IMPLICIT  "requests.deviceclass.resource.kubernetes.io/"

#define QUOTA_NODE_PORTS     "services.nodeports"
#define QUOTA_LOAD_BALANCERS "services.loadbalancers"

/* Finds DeviceClasses: a class may lend its devices under the name of an extended resource. */
struct quota_classes {
  const struct json *(*find)(void *arg, const char *name); /* NULL: there is none */
  void *arg;
};

/* Core kinds that may be limited by their bare name, beside pods. */
bool quota_is_bare_name(const char *resource);
/* `o`, a `resource` of `group`, added to `ret`. Names are in the arena. */
void quota_usage_add(struct arena *a, const char *group, const char *resource, const struct json *o,
                     const struct quota_classes *classes, struct amounts *ret);

#endif
