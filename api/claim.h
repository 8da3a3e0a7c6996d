/*
 * claim - what every reader of a ResourceClaim asks, in the shape of any release.
 *
 * From 1.31 on (v1, and v1alpha3 as it is stored) an allocation has a
 * nodeSelector; in v1alpha1 and v1alpha2 it was called availableOnNodes. Everything
 * returned is borrowed from the tree.
 */
#ifndef API_CLAIM_H
#define API_CLAIM_H

#include "json.h"

/* status.allocation; NULL when there is none. */
const struct json *claim_allocation(const struct json *claim);
/* The node selector in it; NULL: any node will do. */
const struct json *claim_nodes(const struct json *claim);
bool claim_is_reserved_for(const struct json *claim, const char *uid);
/* Until 1.30: to be allocated at once and not when a pod needs it. */
bool claim_is_immediate(const struct json *claim);

#endif
