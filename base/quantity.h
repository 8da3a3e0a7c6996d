/*
 * quantity - resource.Quantity: exact decimal numbers with a suffix.
 *
 * Follows k8s.io/apimachinery/pkg/api/resource to the letter: the same texts
 * parse, the canonical form is the same, what is finer than nano is rounded
 * away from zero, and values with a binary suffix are capped at 2^63-1.
 *
 * Upstream keeps a quantity either as an int64 with a scale or, when that does
 * not do, as a decimal of any size; some of its answers depend on which
 * (AsInt64, Value), so `wide` says so here too. Ours ends at 38 significant
 * digits: a longer number is refused, and a sum that would need more loses its
 * last digits (docs/differences.md).
 */
#ifndef BASE_QUANTITY_H
#define BASE_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "kerr.h"
#include "span.h"

enum quantity_format { QUANTITY_DECIMAL_SI, QUANTITY_BINARY_SI, QUANTITY_DECIMAL_EXPONENT };

/* A value is units * 10^scale. Plain data: copy freely. All zero is the quantity 0. */
struct quantity {
  __int128 units;
  int32_t scale;
  int32_t place; /* when wide: the exponent of the last digit in upstream's decimal, where ours may have fewer */
  enum quantity_format format : 8;
  bool wide;     /* upstream's inf.Dec; else units fits an int64 */
  bool verbatim; /* upstream prints the text it was parsed from ("1.500", "+5"), see quantity_normalize */
};

/*
 * KERR_INVALID with upstream's texts: "quantities must match the regular expression '...'", "unable to parse numeric
 * part of quantity", "unable to parse quantity's suffix". White space is not trimmed (Quantity.UnmarshalJSON does
 * that).
 */
_must_check_ int quantity_parse(struct span text, struct quantity *ret, struct kerr *reterr);
/* What a Quantity parsed from `text` prints: the canonical form, or `text` itself where upstream keeps it. */
_must_check_ int quantity_normalize(struct arena *a, struct span text, const char **ret, struct kerr *reterr);
/* Make it wide, as upstream's ToDec does. */
void quantity_widen(struct quantity *q);
struct quantity quantity_from_int(int64_t v, enum quantity_format format);
int quantity_cmp(const struct quantity *x, const struct quantity *y); /* <0, 0, >0 */
int quantity_sign(const struct quantity *q);
/* The format of x, or of y when x is zero. */
struct quantity quantity_add(const struct quantity *x, const struct quantity *y);
struct quantity quantity_sub(const struct quantity *x, const struct quantity *y);
/* Quantity.RoundUp: away from zero to a multiple of 10^scale; finer is not kept. */
void quantity_round_up(struct quantity *q, int scale);
/* Quantity.Value() and MilliValue(): rounded up. What does not fit is what upstream makes of it (0 for most). */
int64_t quantity_value(const struct quantity *q);
int64_t quantity_milli(const struct quantity *q);
/* Quantity.AsInt64(): false unless it is an integer, in upstream's narrow form, and fits. "1.0" is not one. */
bool quantity_as_int64(const struct quantity *q, int64_t *ret);
double quantity_approx(const struct quantity *q);               /* AsApproximateFloat64 */
char *quantity_text(struct arena *a, const struct quantity *q); /* canonical form (CanonicalizeBytes) */

#endif
