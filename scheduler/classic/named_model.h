/*
 * named_model - the first structured model: named resources (Kubernetes 1.30, KEP-4381).
 *
 * ResourceSlices list the instances of a driver on a node; claim parameters say
 * how many of which driver are wanted, each by a selector; class parameters may
 * add a filter. Allocating is first fit per driver, in the order of requests and
 * instances, without a second thought; claims of one pod do not see each other
 * (pkg/scheduler/framework/plugins/dynamicresources/structuredparameters.go).
 *
 * A model belongs to one attempt at a pod and lives in its arena.
 */
#ifndef SCHEDULER_NAMED_MODEL_H
#define SCHEDULER_NAMED_MODEL_H

#include "hmap.h"
#include "json.h"
#include "kclient.h"

/* Compiled selectors, by their text; outlives the models. */
struct named_selectors;
struct named_selectors *named_selectors_new(void);
void named_selectors_free(struct named_selectors *s);

struct named_model;
struct named_claim;

/* `slices` and what claims hold is read once here: `claim_at` gives one claim after the other, NULL at the end. */
struct named_model *named_model_new(struct arena *a, const struct kclient_cache *slices,
                                    const struct json *(*claim_at)(void *arg, size_t *cursor), void *arg);

/*
 * What a claim asks for. `claim_parameters` and `class_parameters` may be NULL: one instance of the class's driver,
 * any. KERR_INVALID `creating claim controller for named resources structured model: ...`.
 */
_must_check_ int named_claim_new(struct arena *a, struct named_selectors *s, const struct json *device_class,
                                 const struct json *claim_parameters, const struct json *class_parameters,
                                 struct named_claim **ret, struct kerr *reterr);
/* KERR_INVALID `checking node "N" and resources of driver "D": ...`: a selector that fails. */
_must_check_ int named_claim_fits(const struct named_claim *c, const struct named_model *m, const char *node, bool *ret,
                                  struct kerr *reterr);
/* A v1alpha2 AllocationResult in *ret. KERR_INVALID `allocating via named resources structured model: ...`. */
_must_check_ int named_claim_allocate(const struct named_claim *c, const struct named_model *m, const char *node,
                                      struct json **ret, struct kerr *reterr);

#endif
