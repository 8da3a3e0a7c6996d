/*
 * alloc_pools - what a node sees: its pools, in search order, and their devices.
 *
 * Follows GatherPools of the variants: highest generation among the slices
 * that concern the node, completeness against all slices of the pool,
 * validity, pools with binding conditions last. Devices of usable pools get
 * local numbers in the order in which the search visits them; all sets of one
 * run are words over these.
 *
 * A view is kept with a node that the world knows, and made anew only when a
 * slice that concerns it has changed.
 */
#ifndef SCHEDULER_ALLOC_POOLS_H
#define SCHEDULER_ALLOC_POOLS_H

#include "alloc_counters.h"
#include "alloc_world.h"

enum pool_state { POOL_USABLE, POOL_INCOMPLETE, POOL_INVALID };

struct view_pool {
  const struct pool *pool;
  enum pool_state state;
  char *reason;          /* of an invalid pool; owned */
  struct slice **slices; /* owned list: targets, then others, then those with counter sets */
  uint32_t n_targets, n_others, n_counter_slices;
  uint32_t first, n;         /* local devices */
  struct counters *counters; /* NULL when no device draws from any */
  bool binding;
};

/* Consecutive local devices that are consecutive in the world, too. */
struct view_run {
  uint32_t local, first, n;
};

struct view {
  uint64_t version, near_version, shared_version, counter_version; /* when it was right */
  struct pool_stamp {
    const struct pool *pool;
    uint64_t version;
  } * stamps;
  uint32_t n_stamps;
  char *error; /* gathering failed: text without `gather pool information: ` */
  struct view_pool *pools;
  uint32_t n_pools, n, words;
  uint32_t *devices; /* local to world number */
  uint32_t *pool_of; /* local device to its pool's place */
  struct view_run *runs;
  uint32_t n_runs;
  word *elsewhere, *broken; /* per-device node selection says no, or cannot be evaluated; NULL: nowhere */
  bool any_invalid;
  bool plain;                    /* only CEL and one shape of capacity decide on its devices; see slot_ask_word */
  const struct cap_shape *shape; /* that shape, or NULL: no capacity */
};

/* The node's view, made or checked; belongs to the node. */
struct view *view_of(struct alloc_world *w, struct node *n);
void view_free(struct view *v);
size_t view_memory(const struct view *v);
/* Bits of the view's devices out of a set over the world's. */
void view_gather(const struct view *v, const struct bits *from, word *ret);
word view_word(const struct view *v, const struct bits *from, uint32_t w); /* one word of that */

#endif
