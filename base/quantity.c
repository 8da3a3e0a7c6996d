#include "quantity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "strbuf.h"

#define NANO (-9)

struct quantity
quantity_from_int(int64_t v, enum quantity_format format)
{
  return (struct quantity){ .units = v, .format = format };
}

int
quantity_sign(const struct quantity *q)
{
  return q->units > 0 ? 1 : q->units < 0 ? -1 : 0;
}

/* *v *= 10^by; false when it does not fit, and then *v is not changed. */
static bool
scale_up(__int128 *v, int64_t by)
{
  __int128 x = *v;

  if (x == 0)
    return true;
  for (; by > 0; by--)
    if (__builtin_mul_overflow(x, (__int128)10, &x))
      return false;
  *v = x;
  return true;
}

static bool
scale_up_int64(int64_t *v, int64_t by)
{
  __int128 x = *v;

  if (*v == INT64_MIN ? by != 0 : !scale_up(&x, by) || x > INT64_MAX || x < INT64_MIN)
    return false;
  *v = (int64_t)x;
  return true;
}

/* v / 10^by, rounded away from zero; *exact tells whether nothing was lost. */
static __int128
scale_down(__int128 v, int64_t by, bool *exact)
{
  bool lost = false;
  int sign = v > 0 ? 1 : -1;

  for (; by > 0 && v != 0; by--) {
    lost = lost || v % 10 != 0;
    v /= 10;
  }
  *exact = !lost;
  return lost ? v + sign : v;
}

int
quantity_cmp(const struct quantity *x, const struct quantity *y)
{
  int sx = quantity_sign(x), sy = quantity_sign(y);
  __int128 ux = x->units, uy = y->units;

  if (sx != sy || sx == 0)
    return sx < sy ? -1 : sx > sy;
  /* the one that cannot be brought to the other's scale is too large for it */
  if (x->scale > y->scale && !scale_up(&ux, (int64_t)x->scale - y->scale))
    return sx;
  if (y->scale > x->scale && !scale_up(&uy, (int64_t)y->scale - x->scale))
    return -sx;
  return ux < uy ? -1 : ux > uy;
}

/* -- arithmetic -- */

static bool
fits_int64(__int128 v)
{
  return v >= INT64_MIN && v <= INT64_MAX;
}

/* int64Amount.Add: in place, or false. */
static bool
add_narrow(struct quantity *x, const struct quantity *y)
{
  const struct quantity *coarse = x->scale > y->scale ? x : y, *fine = coarse == x ? y : x;
  int64_t c = (int64_t)coarse->units;
  __int128 sum;

  if (y->units == 0)
    return true;
  if (x->units == 0) {
    x->units = y->units;
    x->scale = y->scale;
    return true;
  }
  if (!scale_up_int64(&c, (int64_t)coarse->scale - fine->scale))
    return false;
  sum = (__int128)c + fine->units;
  if (!fits_int64(sum))
    return false;
  x->scale = fine->scale;
  x->units = sum;
  return true;
}

void
quantity_widen(struct quantity *q)
{
  if (!q->wide)
    q->place = q->scale;
  q->wide = true;
}

static struct quantity
add_wide(struct quantity x, struct quantity y)
{
  struct quantity *coarse = x.scale > y.scale ? &x : &y, *fine = coarse == &x ? &y : &x;
  __int128 sum;
  bool exact;

  quantity_widen(&x);
  quantity_widen(&y);
  if (y.place < x.place)
    x.place = y.place;
  if (y.units == 0)
    return x;
  if (x.units == 0) {
    x.units = y.units;
    x.scale = y.scale;
    return x;
  }
  /* To the finer scale, or as near to it as 128 bits allow. */
  while (coarse->scale > fine->scale && scale_up(&coarse->units, 1))
    coarse->scale--;
  fine->units = scale_down(fine->units, (int64_t)coarse->scale - fine->scale, &exact);
  fine->scale = coarse->scale;
  while (__builtin_add_overflow(x.units, y.units, &sum)) {
    x.units = scale_down(x.units, 1, &exact);
    y.units = scale_down(y.units, 1, &exact);
    x.scale++;
  }
  x.units = sum;
  return x;
}

struct quantity
quantity_add(const struct quantity *x, const struct quantity *y)
{
  struct quantity sum = *x;

  sum.verbatim = false;
  if (x->units == 0)
    sum.format = y->format;
  if (!x->wide && !y->wide && add_narrow(&sum, y))
    return sum;
  return add_wide(sum, *y);
}

struct quantity
quantity_sub(const struct quantity *x, const struct quantity *y)
{
  struct quantity minus = *y;

  minus.units = -minus.units;
  if (!minus.wide && !fits_int64(minus.units))
    quantity_widen(&minus);
  return quantity_add(x, &minus);
}

/* -- integers and floats -- */

/* v * 10^by in 64 bits, whatever does not fit. */
static int64_t
low_bits(__int128 v, int64_t by)
{
  uint64_t low = (uint64_t)v;

  for (; by > 0 && low; by--)
    low *= 10;
  return (int64_t)low;
}

/*
 * The value in steps of 10^at, as scaledValue (scale_int.go) has it from a decimal: rounded towards plus infinity, and
 * where int64 does not do, what is left in its 64 bits.
 */
static int64_t
wide_scaled(const struct quantity *q, int at)
{
  __int128 v = q->units, power = 1;
  int64_t scale = q->scale, w;

  if (scale > NANO && !scale_up(&v, scale - NANO))
    scale = NANO; /* upstream's has nine places; only its low bits matter below */
  else
    v = q->units;
  if (scale >= at || (q->scale >= at && v > 0))
    return low_bits(q->units, (int64_t)q->scale - at);
  (void)scale_up(&power, at - scale);
  if (v < INT64_MAX && at - scale < 19) {
    w = low_bits(q->units, q->scale - scale);
    return w / (int64_t)power + (w % (int64_t)power != 0);
  }
  return (int64_t)(uint64_t)(v / power + (v % power != 0));
}

/* int64Amount.AsScaledInt64: when it does not fit, upstream answers 0, or for the usual scales what is left in 64 bits.
 */
static int64_t
narrow_scaled(const struct quantity *q, int at)
{
  int64_t v = (int64_t)q->units, by = (int64_t)q->scale - at;
  bool exact;

  if (by < 0)
    return (int64_t)scale_down(v, -by, &exact);
  if (scale_up_int64(&v, by))
    return v;
  return v != INT64_MIN && (by <= 3 || by == 6 || by == 9) ? low_bits(v, by) : 0;
}

static int64_t
scaled(const struct quantity *q, int at)
{
  return q->wide ? wide_scaled(q, at) : narrow_scaled(q, at);
}

void
quantity_round_up(struct quantity *q, int scale)
{
  bool exact;

  if (q->scale < scale) {
    q->units = scale_down(q->units, (int64_t)scale - q->scale, &exact);
    q->scale = scale;
    q->verbatim = false;
  }
  if (q->place < scale)
    q->place = scale;
}

int64_t
quantity_value(const struct quantity *q)
{
  return scaled(q, 0);
}

int64_t
quantity_milli(const struct quantity *q)
{
  return scaled(q, -3);
}

bool
quantity_as_int64(const struct quantity *q, int64_t *ret)
{
  int64_t v = (int64_t)q->units;

  if (q->wide || q->scale < 0 || !scale_up_int64(&v, q->scale))
    return false;
  *ret = v;
  return true;
}

/* "-123" from units. */
static void
put_units(struct strbuf *b, __int128 v)
{
  unsigned __int128 left = v < 0 ? -(unsigned __int128)v : (unsigned __int128)v;
  char digits[40];
  size_t at = sizeof digits;

  do {
    digits[--at] = (char)('0' + (int)(left % 10));
    left /= 10;
  } while (left);
  if (v < 0)
    strbuf_putc(b, '-');
  strbuf_add(b, digits + at, sizeof digits - at);
}

/* Go's math.Pow10, which is not always the nearest double: a power of 10^32, times or divided by a smaller one. */
static double
pow10_go(int n)
{
  char big[16], small[16];

  if (n > 308 || n < -323)
    return n > 0 ? INFINITY : 0;
  (void)snprintf(big, sizeof big, "1e%d", n / 32 * 32);
  (void)snprintf(small, sizeof small, "1e%d", abs(n % 32));
  return n >= 0 ? strtod(big, NULL) * strtod(small, NULL) : strtod(big, NULL) / strtod(small, NULL);
}

double
quantity_approx(const struct quantity *q)
{
  double base = (double)q->units;
  int exponent = q->scale;

  if (q->wide && exponent != q->place && q->units) { /* the same rounding as of upstream's digits */
    _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(128);

    put_units(&b, q->units);
    strbuf_printf(&b, "e%lld", (long long)exponent - q->place);
    base = strtod(b.p, NULL); /* digits and an exponent: the same in every locale */
    exponent = q->place;
  }
  return exponent == 0 || base == 0 ? base : base * pow10_go(exponent);
}

/* -- text -- */

static const char *
suffix_of(char *buf, size_t size, int64_t exponent, enum quantity_format format)
{
  static const char *const decimal[] = { "n", "u", "m", "", "k", "M", "G", "T", "P", "E" };
  static const char *const binary[] = { "", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei" };

  if (format == QUANTITY_DECIMAL_EXPONENT) {
    (void)snprintf(buf, size, "e%lld", (long long)exponent);
    return exponent ? buf : "";
  }
  if (format == QUANTITY_BINARY_SI)
    return exponent <= 6 ? binary[exponent] : "";
  return exponent >= -9 && exponent <= 18 ? decimal[(exponent + 9) / 3] : ""; /* "1000E" prints as 1: upstream's */
}

char *
quantity_text(struct arena *a, const struct quantity *q)
{
  static const struct quantity low = { .units = -1024 }, high = { .units = 1024 };
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(128);
  __int128 units = q->units;
  int64_t exponent = q->scale;
  enum quantity_format format = q->format;
  char suffix[24];
  bool exact = true;

  if (units == 0)
    return arena_strdup(a, "0");
  if (format == QUANTITY_BINARY_SI) {
    if (quantity_cmp(q, &low) > 0 && quantity_cmp(q, &high) < 0)
      format = QUANTITY_DECIMAL_SI;
    else if (exponent < 0)
      units = scale_down(units, -exponent, &exact);
    if (!exact || !scale_up(&units, exponent)) /* fractions are not rounded away for the sake of the format */
      format = QUANTITY_DECIMAL_SI;
  }
  if (format == QUANTITY_BINARY_SI) {
    for (exponent = 0; units % 1024 == 0; exponent++)
      units /= 1024;
  } else {
    for (units = q->units, exponent = q->scale; units % 10 == 0; exponent++)
      units /= 10;
  }
  put_units(&b, units);
  for (; format != QUANTITY_BINARY_SI && exponent % 3 != 0; exponent--)
    strbuf_putc(&b, '0');
  strbuf_puts(&b, suffix_of(suffix, sizeof suffix, exponent, format));
  return arena_strndup(a, b.p, b.n);
}
