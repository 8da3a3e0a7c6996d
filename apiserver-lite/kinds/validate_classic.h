/*
 * validate_classic - the rules of resource.k8s.io as they were in 1.26 to 1.31.
 *
 * Each release's validation.go read for itself: limits, order and words differ
 * from what there is today, and no tags stand beside the code. v1alpha3 is in
 * validate_classic_claim.c and validate_classic_slice.c, v1alpha1 and v1alpha2
 * in validate_named.c; what both have is here.
 */
#ifndef APISERVER_VALIDATE_CLASSIC_H
#define APISERVER_VALIDATE_CLASSIC_H

#include "validate_internal.h"

#define CLASSIC_LIST_MAX        32  /* requests, selectors, constraints, configurations, results, consumers, handles */
#define CLASSIC_SCHEDULING_MAX  128 /* nodes in a PodSchedulingContext */
#define CLASSIC_SLICE_DEVICES   128
#define CLASSIC_HANDLE_DATA_MAX 16384

typedef void classic_item_fn(struct validation *v, const struct vpath *path, const struct json *item,
                             const void *payload);
/* validateSlice: every item, then how many there may be. */
void classic_list(struct validation *v, const struct vpath *path, const struct json *list, size_t max,
                  classic_item_fn *fn, const void *payload);
/*
 * validateSet: no two items with the same `key`, or the same text when that is NULL. 1.31 looks at all items first and
 * at duplicates last; before, a duplicate was not looked at and the size came last.
 */
void classic_set(struct validation *v, const struct vpath *path, const struct json *list, size_t max, const char *key,
                 classic_item_fn *fn, const void *payload);
/* ValidateCSIDriverName: an empty name is missing and malformed. */
void classic_driver_name(struct validation *v, const struct vpath *path, struct span name);
void classic_pool_name(struct validation *v, const struct vpath *path, struct span name);
/* The name of an attribute or a capacity; `full`: it must have a domain. */
void classic_attribute_name(struct validation *v, const struct vpath *path, struct span name, bool full);
/* validateNodeName, for lists of them. */
classic_item_fn classic_node_name;
/* An expression's compile error, as convertCELErrorToValidationError reports it. */
void classic_expression_error(struct validation *v, const struct vpath *path, struct span expression,
                              const struct kerr *err);
/* reservedFor, deallocationRequested and what they have to do with the allocation: the same in all releases. */
void classic_check_consumers(struct validation *v, const struct vpath *path, const struct json *status);
void classic_check_status(struct validation *v, const struct vpath *path, const struct json *o, const struct json *old);

extern const struct validator validator_scheduling, validator_scheduling_1_26, validator_claim_1_31,
    validator_template_1_31, validator_class_1_31, validator_slice_1_31, validator_claim_named,
    validator_template_named, validator_class_named, validator_slice_named, validator_claim_parameters,
    validator_class_parameters;
extern const struct validator *const validators_classic[];
extern const size_t validator_classic_count;

#endif
