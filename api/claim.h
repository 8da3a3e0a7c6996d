/*
 * claim - what every reader of a ResourceClaim asks, in the shape of any release.
 *
 * From 1.31 on (v1, and v1alpha3 as it is stored) an allocation has a
 * nodeSelector; in v1alpha1 and v1alpha2 it was called availableOnNodes. Everything
 * returned is borrowed from the tree.
 */
#ifndef API_CLAIM_H
#define API_CLAIM_H

#include "arena.h"
#include "json.h"

/* status.allocation; NULL when there is none. */
const struct json *claim_allocation(const struct json *claim);
/* The node selector in it; NULL: any node will do. */
const struct json *claim_nodes(const struct json *claim);
bool claim_is_reserved_for(const struct json *claim, const char *uid);
/* May one more use it? Until 1.30 (`alpha`) an allocation said whether several may. */
bool claim_can_be_reserved(const struct json *claim, bool alpha);
/* Put `pod` at the end of status.reservedFor. */
void claim_reserve(struct arena *a, struct json *claim, const struct json *pod);
/* Until 1.30: to be allocated at once and not when a pod needs it. */
bool claim_is_immediate(const struct json *claim);

#endif
