/*
 * range_map - which numbers of a range are taken, for all servers of a store.
 *
 * A bit for each number in one object of the store, written by compare-and-swap: so two servers never give out the
 * same number, and a number that somebody has taken is taken even if he stops before he could use it. The object is
 * upstream's own (RangeAllocation under /registry/ranges/, pkg/registry/core/service/allocator): a kube-apiserver on
 * the same etcd agrees with us about what is free.
 *
 * Numbers are chosen at random above the first `reserved` ones, which are left to those who wish for a certain number
 * as long as there are others (KEP-3070, KEP-3668).
 *
 * Threads: no state but the store's; safe from any thread.
 */
#ifndef APISERVER_RANGE_MAP_H
#define APISERVER_RANGE_MAP_H

#include "store.h"

struct range_map {
  const char *name; /* "servicenodeports" */
  const char *text; /* as the object has it: "30000-32767" */
  uint32_t size, reserved;
};

#define RANGE_MAP_MAX ((uint32_t)1 << 20) /* upstream: 20 bits of addresses */

enum range_answer { RANGE_OURS = 0, RANGE_TAKEN = 1 };

/* RANGE_TAKEN: somebody has it. Otherwise 0 or KERR_IO and the like. `at` is below the size. */
_must_check_ int range_map_take(struct store *s, const struct range_map *m, uint32_t at, struct kerr *reterr);
/* RANGE_TAKEN: none is left. */
_must_check_ int range_map_take_any(struct store *s, const struct range_map *m, uint32_t *ret, struct kerr *reterr);
/* Would taking it be refused? */
_must_check_ int range_map_has(struct store *s, const struct range_map *m, uint32_t at, bool *ret, struct kerr *reterr);
_must_check_ int range_map_release(struct store *s, const struct range_map *m, uint32_t at, struct kerr *reterr);

/* Says of every number in use that it is: `use(payload, mark, bits)` calls range_bits_set. */
struct range_bits;
void range_bits_set(struct range_bits *b, uint32_t at);
typedef int range_use_fn(void *payload, struct range_bits *bits, struct kerr *reterr);
/*
 * Put right what is taken. `keep`: what is marked and not in use stays so, for another server may be about to use it.
 * `use` may be called again when another writer was faster.
 */
_must_check_ int range_map_repair(struct store *s, const struct range_map *m, bool keep, range_use_fn *use,
                                  void *payload, struct kerr *reterr);

#endif
