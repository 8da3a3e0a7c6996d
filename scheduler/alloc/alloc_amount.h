/*
 * alloc_amount - quantities as the search counts them: 128-bit integers in nano units.
 *
 * Counters and capacities are summed and compared millions of times, so they
 * are converted once. Nano is the finest a Quantity can be; 128 bits hold
 * 1.7e29 whole units, and what is above (no real device is) saturates.
 */
#ifndef SCHEDULER_ALLOC_AMOUNT_H
#define SCHEDULER_ALLOC_AMOUNT_H

#include <stdint.h>

#include "alloc_strings.h"
#include "json.h"
#include "quantity.h"

typedef __int128 amount;

#define AMOUNT_ONE ((amount)1000000000)

/* A parsed Quantity with what upstream's struct comparison sees of it (policy defaults are compared by that). */
struct measure {
  struct quantity q;
  amount n;
  /* resource.Quantity's fields: value and scale of the int64 form, and the text when that was canonical. */
  int64_t raw;
  int32_t raw_scale;
  bool compact;     /* kept in the int64 form; others are never identical to anything */
  struct span text; /* empty when upstream does not keep it */
};

amount amount_of(const struct quantity *q);
amount amount_add(amount x, amount y); /* saturates */
/* A quantity in JSON, a string or a number. Zero when it is none: upstream would not have decoded the object. */
struct measure measure_of(struct arena *a, const struct json *v);
/* resource.NewQuantity and NewMilliQuantity. */
struct measure measure_from_int(int64_t v, enum quantity_format format);
struct measure measure_from_milli(int64_t v, enum quantity_format format);
bool measure_identical(const struct measure *x, const struct measure *y); /* Go's == */
/* Quantity.Value() and MilliValue(): rounded away from zero, and what they give for values that do not fit. */
int64_t measure_value(const struct measure *m);
int64_t measure_milli(const struct measure *m);
/* MilliValue() when that is lossless. */
bool measure_exact_milli(const struct measure *m, int64_t *ret);

/* Mixes `v` into a hash. */
static inline uint64_t
hash_amount(uint64_t h, amount v)
{
  return hash_mix(hash_mix(h, (uint64_t)v), (uint64_t)(v >> 64));
}

#endif
