/*
 * quantity - resource.Quantity: exact decimal numbers with a suffix.
 *
 * Follows k8s.io/apimachinery/pkg/api/resource: the same texts parse, the
 * canonical form is the same, and values beyond 64 bits are kept exactly up to
 * upstream's own limits (a value that needs more than nano precision is
 * rounded up, as there).
 */
#ifndef BASE_QUANTITY_H
#define BASE_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "kerr.h"
#include "span.h"

enum quantity_format { QUANTITY_DECIMAL_SI, QUANTITY_BINARY_SI, QUANTITY_DECIMAL_EXPONENT };

/* A value is units * 10^scale; -9 <= scale. Plain data: copy freely. */
struct quantity {
  __int128 units;
  int32_t scale;
  enum quantity_format format;
};

/* KERR_INVALID with upstream's text ("quantities must match the regular expression '...'", "unable to parse quantity's suffix"). */
_must_check_ int quantity_parse(struct span text, struct quantity *ret, struct kerr *reterr);
struct quantity quantity_from_int(int64_t v, enum quantity_format format);
int quantity_cmp(const struct quantity *x, const struct quantity *y); /* <0, 0, >0 */
int quantity_sign(const struct quantity *q);
struct quantity quantity_add(const struct quantity *x, const struct quantity *y); /* the format of x, or of y when x is zero */
struct quantity quantity_sub(const struct quantity *x, const struct quantity *y);
/* Quantity.Value(): rounded up to an integer; clamped to int64. */
int64_t quantity_value(const struct quantity *q);
int64_t quantity_milli(const struct quantity *q);
/* Quantity.AsInt64(): false when it is not an integer or does not fit. */
bool quantity_as_int64(const struct quantity *q, int64_t *ret);
double quantity_approx(const struct quantity *q); /* AsApproximateFloat64 */
char *quantity_text(struct arena *a, const struct quantity *q); /* canonical form */

#endif
