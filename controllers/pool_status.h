/*
 * pool_status - the answer to a ResourcePoolStatusRequest (KEP-5677): how many devices the pools of a driver have, and
 * how many of them are free.
 *
 * A pure function of what is published and allocated (pkg/controller/resourcepoolstatusrequest). 1.36 counts devices;
 * from 1.37 on taints, partitions and shared devices are looked at too (pool_views.c).
 */
#ifndef CONTROLLERS_POOL_STATUS_H
#define CONTROLLERS_POOL_STATUS_H

#include "hmap.h"
#include "json.h"
#include "kerr.h"

/* What an answer is made of: ResourceSlices, ResourceClaims, DeviceTaintRules. */
struct pool_world {
  const struct json **slices, **claims, **rules;
  size_t n_slices, n_claims, n_rules;
  int minor;
};

/*
 * Write the status of `request`. `now`: wall time, of the condition Complete.
 * KERR_UNAVAILABLE: slices of a pool are missing, and nothing has been written. There is no condition Failed: that is
 * for caches that cannot be read.
 */
_must_check_ int pool_status_write(struct arena *a, const struct pool_world *w, struct json *request, int64_t now,
                                   struct kerr *reterr);
/* Is it time for it to go: one hour after its answer, or a day after it was made when there is none? */
bool pool_request_has_expired(const struct json *request, int64_t now);

/* A part of a pool: one slice, or one device of a claim's allocation. */
struct pool_part {
  const char *pool;
  int64_t generation;
  size_t at; /* as it was found */
  const struct json *o;
};

struct pool {
  const char *driver, *name;
  const struct pool_part *slices, *results; /* slices of the newest generation; results that count as allocated */
  size_t n_slices, n_results;
  const struct hmap *in_use; /* names of devices */
};

/*
 * partitionSummary and shareableSummary of a complete pool, into its status. `attribute`: what partitions are grouped
 * by where no slice says so, or NULL. Returns what is wrong with the pool, as a validationError of any length, or NULL.
 */
const char *pool_views_write(struct arena *a, const struct pool *p, const char *attribute, struct json *status);

#endif
