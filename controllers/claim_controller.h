/*
 * claim_controller - what the two halves of the resource claim controller share:
 * claims are made from templates in claim_controller.c and let go of in
 * claim_release.c; claim_classic.c helps pods of 1.28 to 1.31 that the scheduler
 * never saw.
 */
#ifndef CONTROLLERS_CLAIM_CONTROLLER_H
#define CONTROLLERS_CLAIM_CONTROLLER_H

#include "controllers_internal.h"
#include "hmap.h"

#define CLAIM_ENTRY_ANNOTATION \
  "resource.kubernetes.io/pod-claim-name" /* upstream: resourceapi.PodResourceClaimAnnotation */
#define CLAIM_GENERATED_SINCE 28          /* generated names; done pods let go; deallocation is asked for */

/* Phase Succeeded or Failed, or deleted before it had a node (resourceclaim.go: isPodDone). */
bool claim_pod_is_done(const struct json *pod);
/* The owner reference of the pod that a generated claim was made for, or NULL. */
const struct json *claim_owning_pod(const struct json *claim);
/* The name of the claim behind an entry of spec.resourceClaims; NULL when it is not known yet. */
const char *claim_name_of_entry(const struct controllers *c, struct arena *a, const struct json *pod,
                                const struct json *entry);
/* Add the pod as controlling owner; the reference, for what else it has to say. */
struct json *claim_add_pod_owner(struct arena *a, struct json *meta, const struct json *pod);

/* Drop reservations of pods that are gone; deallocate and delete what nobody needs (syncClaim). */
_must_check_ int claim_release(struct controller *ctl, struct arena *a, const char *ns, const char *name,
                               struct kerr *reterr);

/* A pod that came with its node has a claim without allocation: its driver is told of the node in a
 * PodSchedulingContext (ensurePodSchedulingContext). */
_must_check_ int claim_ask_driver(struct controller *ctl, struct arena *a, const struct json *pod, struct kerr *reterr);

#endif
