/* pod - what every component asks of a pod; see pod_claims.h for its claims. */
#ifndef API_POD_H
#define API_POD_H

#include "json.h"

/* The members of a spec that hold its containers, in the order in which upstream visits them. */
#define POD_CONTAINER_LISTS 3
extern const char *const pod_container_lists[POD_CONTAINER_LISTS];

/* Succeeded or Failed: nothing of it will run again. */
bool pod_has_ended(const struct json *pod);

/*
 * Guaranteed, Burstable or BestEffort (pkg/apis/core/helper/qos): what the resources of the pod as a whole are, or of
 * all containers when it has none.
 */
const char *pod_qos_class(const struct json *spec);

/* The profile that an AppArmor annotation stands for (ApparmorFieldForAnnotation); NULL when it stands for none. */
struct json *pod_apparmor_profile(struct arena *a, struct span annotation);

/* Is this a resource that a pod as a whole can have? */
bool pod_level_resource(const char *name);

#endif
