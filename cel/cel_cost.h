/*
 * cel_cost - what an expression can cost, before it runs.
 *
 * As cel-go's checker/cost.go with the estimators of its extensions and of
 * Kubernetes (apiserver library/cost.go). Sizes of input come from the
 * max_size of the types that the environment declares. All arithmetic
 * saturates at 2^64-1, which stands for "no bound".
 */
#ifndef CEL_CEL_COST_H
#define CEL_CEL_COST_H

#include "cel_ast.h"

struct cel_range {
  uint64_t min, max;
};

/* Sums and products that stop at 2^64-1. */
static inline uint64_t
cel_add_sat(uint64_t x, uint64_t y)
{
  uint64_t r;

  return __builtin_add_overflow(x, y, &r) ? UINT64_MAX : r;
}

static inline uint64_t
cel_mul_sat(uint64_t x, uint64_t y)
{
  uint64_t r;

  return __builtin_mul_overflow(x, y, &r) ? UINT64_MAX : r;
}

struct cel_range cel_estimate(const struct cel_unit *u);

#endif
