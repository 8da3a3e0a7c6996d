/*
 * cel_cost_call - the two halves of the cost estimate: the walk over the tree
 * (cel_cost.c) and what single calls cost (cel_cost_call.c).
 */
#ifndef CEL_CEL_COST_CALL_H
#define CEL_CEL_COST_CALL_H

#include "cel_cost.h"

#define CEL_RANGE_ANY ((struct cel_range){ 0, UINT64_MAX })

struct cel_size {
  bool known;
  struct cel_range range;
};

/* Sizes of the keys and values of a list or map. */
struct cost_entry {
  bool list;
  struct cel_range key, value;
};

/* device.attributes["x"] is device, attributes, @values. */
struct cost_path {
  const struct cost_path *before;
  struct span name;
};

struct cost_local {
  const struct cost_local *outer;
  struct span name;
  const struct cost_path *path;
  struct cel_size size;
  const struct cost_entry *entry;
};

struct cost_known {
  struct cel_size size;
  const struct cost_path *path;
  const struct cost_entry *entry;
};

struct coster {
  const struct cel_unit *u;
  struct arena *a;
  struct cost_known *known; /* by expression number */
  const struct cost_local *locals;
};

struct cost_call_estimate {
  struct cel_range cost; /* with that of the arguments */
  struct cel_size result;
};

struct cel_range cel_range_add(struct cel_range x, struct cel_range y);
struct cel_range cel_range_mul(struct cel_range x, struct cel_range y);
struct cel_range cel_range_union(struct cel_range x, struct cel_range y);
struct cel_range cel_range_scale(struct cel_range x, double factor);

const struct cost_path *cel_cost_path(const struct coster *c, const struct cel_expr *e);
struct cel_size cel_cost_size(struct coster *c, const struct cel_expr *e);
struct cel_range cel_cost_size_or_any(struct coster *c, const struct cel_expr *e);
struct cel_size cel_cost_declared_size(const struct coster *c, const struct cost_path *p);
const struct cost_entry *cel_cost_entry(const struct coster *c, const struct cel_expr *e);
const struct cost_entry *cel_cost_entry_union(struct coster *c, const struct cost_entry *x, const struct cost_entry *y);

struct cost_call_estimate cel_cost_call(struct coster *c, const struct cel_expr *e, const struct cel_overload *o,
                                        const struct cel_range *args);

#endif
