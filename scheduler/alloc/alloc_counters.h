/*
 * alloc_counters - shared counters (KEP-4815) of one pool, as a node sees it.
 *
 * Counters of all sets stand in one list; what a device draws is a list of
 * (place, amount). What is available is computed when it is first needed and
 * again when the use of devices has changed.
 */
#ifndef SCHEDULER_ALLOC_COUNTERS_H
#define SCHEDULER_ALLOC_COUNTERS_H

#include "alloc_world.h"

struct view_pool;

struct counter_draw {
  uint32_t counter; /* place in the pool's list */
  amount amount;
};

struct counters {
  uint32_t n, n_sets;
  struct counter_set {
    sid name;
    uint32_t first, n;
  } * sets;
  sid *names;
  amount *total, *available;
  struct counter_draw *draws;
  uint32_t *draw_at;      /* per local device of the pool, and one more: its range in draws */
  uint64_t usage_version; /* of `available`; 0: not yet */
  bool exhausted;         /* some counter is negative: no device that draws can be had */
  bool odd;               /* some amount is negative: only the full check will do */
};

/* A text like upstream's for a pool that is invalid, in malloc'd memory; NULL when it is fine. */
char *counters_validate(struct alloc_world *w, const struct view_pool *p);
struct counters *counters_new(struct alloc_world *w, const struct view_pool *p);
void counters_free(struct counters *c);
/* Make `available` right for what is in use now. */
void counters_refresh(struct alloc_world *w, const struct view_pool *p, struct counters *c);
/* The place of a set by name, or -1. */
int32_t counters_set(const struct counters *c, sid name);

#endif
