/*
 * cel_infer - type variables of a check: which types they stand for.
 *
 * cel-go copies its whole substitution before every attempt to assign; here
 * an attempt that fails is undone from a trail. The rules are those of
 * checker/types.go.
 */
#ifndef CEL_CEL_INFER_H
#define CEL_CEL_INFER_H

#include "arena.h"
#include "cel_type.h"

struct cel_infer {
  struct arena *a;
  const struct cel_type **vars; /* by number: the variable itself (made when first needed) */
  const struct cel_type **subs; /* and what it stands for; NULL: still free */
  uint32_t n, cap;
  struct {
    uint32_t var;
    const struct cel_type *old;
  } * trail;
  uint32_t trail_n, trail_cap;
};

#define CEL_NAMED_VARS 2 /* A and B of the types `list` and `map` come before _var0 */

void cel_infer_init(struct cel_infer *in, struct arena *a);
/* `count` fresh variables; their first number. */
uint32_t cel_infer_fresh(struct cel_infer *in, uint32_t count);
const struct cel_type *cel_infer_var(struct cel_infer *in, uint32_t number);
/* An overload's type with its parameters A, B replaced by variables base, base + 1. */
const struct cel_type *cel_infer_instance(struct cel_infer *in, const struct cel_type *t, uint32_t base);
/* May t2 stand where t1 is wanted, given what is known; if so, what that implies is noted. */
bool cel_infer_assign(struct cel_infer *in, const struct cel_type *t1, const struct cel_type *t2);
bool cel_infer_assign_all(struct cel_infer *in, const struct cel_type *const *l1, const struct cel_type *const *l2,
                          unsigned n);
const struct cel_type *cel_infer_most_general(const struct cel_type *t1, const struct cel_type *t2);
/* With variables replaced as far as known; free ones stay, or become dyn. */
const struct cel_type *cel_infer_substitute(struct cel_infer *in, const struct cel_type *t, bool free_to_dyn);

#endif
