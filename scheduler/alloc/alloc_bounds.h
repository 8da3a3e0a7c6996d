/*
 * alloc_bounds - see alloc_bounds.c and alloc_totals.c.
 *
 * Internal to scheduler/alloc.
 */
#ifndef SCHEDULER_ALLOC_BOUNDS_H
#define SCHEDULER_ALLOC_BOUNDS_H

#include "alloc_prune.h"

/* Counters and capacity in sum, by name. */
struct totals;

struct totals *totals_new(struct search *s, struct prune *p, word *const *sound);
/* Take devices out of the set whose counters are used up by what this attempt has taken. */
void totals_keep_affordable(struct search *s, word *domain);
/* A slot still wants this many devices: noted until the next question. */
void totals_want(struct totals *t, uint32_t slot, uint32_t need);
/* Is more wanted than is left? Forgets what was noted. */
bool totals_overdrawn(struct search *s, struct totals *t);

#endif
