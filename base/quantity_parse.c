/* From text to quantity: upstream's ParseQuantity, with its fast path, because that decides which form a value is kept
 * in. */
#include <limits.h>
#include <string.h>

#include "mem.h"
#include "number.h"
#include "quantity.h"

#define NANO        (-9)
#define FAST_DIGITS 18 /* upstream's maxInt64Factors: decimal digits that always fit an int64 */
#define WIDE_DIGITS 38 /* that always fit an __int128 */

#define FORMAT_WRONG  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
#define NUMERIC_WRONG "unable to parse numeric part of quantity"
#define SUFFIX_WRONG  "unable to parse quantity's suffix"

struct parts {
  bool negative, any_digit;
  struct span num, denom, suffix; /* digits before the point without leading zeros, after it, and the rest */
};

static size_t
digits_at(struct span s)
{
  size_t n = 0;

  while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
    n++;
  return n;
}

static struct span
skip(struct span s, size_t n)
{
  return span_make(s.p + n, s.n - n);
}

/* False when the text has not the shape of the regular expression. A number without digits passes, as there. */
static bool
split(struct span text, struct parts *ret)
{
  struct span rest = text;
  size_t n = 0;

  *ret = (struct parts){ .negative = rest.n && rest.p[0] == '-' };
  if (rest.n && (rest.p[0] == '-' || rest.p[0] == '+'))
    rest = skip(rest, 1);
  for (; rest.n && rest.p[0] == '0'; rest = skip(rest, 1))
    ret->any_digit = true;
  ret->num = span_make(rest.p, digits_at(rest));
  rest = skip(rest, ret->num.n);
  ret->any_digit = ret->any_digit || ret->num.n;
  if (!ret->num.n)
    ret->num = SPAN("0");
  if (rest.n && rest.p[0] == '.') {
    rest = skip(rest, 1);
    ret->denom = span_make(rest.p, digits_at(rest));
    rest = skip(rest, ret->denom.n);
  }
  ret->any_digit = ret->any_digit || ret->denom.n;
  ret->suffix = rest;
  while (n < rest.n && memchr("eEinumkKMGTP", rest.p[n], 12))
    n++;
  if (n < rest.n && (rest.p[n] == '-' || rest.p[n] == '+'))
    n++;
  return n + digits_at(skip(rest, n)) == rest.n;
}

struct scale_of_suffix {
  enum quantity_format format;
  int32_t exponent; /* of 10, or of 2 for QUANTITY_BINARY_SI */
};

static bool
interpret(struct span suffix, struct scale_of_suffix *ret)
{
  static const struct {
    const char *text;
    struct scale_of_suffix is;
  } rows[] = {
    { "", { QUANTITY_DECIMAL_SI, 0 } },   { "n", { QUANTITY_DECIMAL_SI, -9 } }, { "u", { QUANTITY_DECIMAL_SI, -6 } },
    { "m", { QUANTITY_DECIMAL_SI, -3 } }, { "k", { QUANTITY_DECIMAL_SI, 3 } },  { "M", { QUANTITY_DECIMAL_SI, 6 } },
    { "G", { QUANTITY_DECIMAL_SI, 9 } },  { "T", { QUANTITY_DECIMAL_SI, 12 } }, { "P", { QUANTITY_DECIMAL_SI, 15 } },
    { "E", { QUANTITY_DECIMAL_SI, 18 } }, { "Ki", { QUANTITY_BINARY_SI, 10 } }, { "Mi", { QUANTITY_BINARY_SI, 20 } },
    { "Gi", { QUANTITY_BINARY_SI, 30 } }, { "Ti", { QUANTITY_BINARY_SI, 40 } }, { "Pi", { QUANTITY_BINARY_SI, 50 } },
    { "Ei", { QUANTITY_BINARY_SI, 60 } },
  };
  int64_t exponent;

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
    if (span_is(suffix, rows[i].text)) {
      *ret = rows[i].is;
      return true;
    }
  if (suffix.n < 2 || (suffix.p[0] != 'e' && suffix.p[0] != 'E') || !number_int64(skip(suffix, 1), &exponent))
    return false;
  *ret =
      (struct scale_of_suffix){ QUANTITY_DECIMAL_EXPONENT, (int32_t)(uint32_t)(uint64_t)exponent }; /* cut, as there */
  return true;
}

/* The value as int64 * 10^scale, when upstream would take it for one. */
static bool
parse_narrow(const struct parts *p, struct scale_of_suffix by, struct quantity *ret)
{
  bool binary = by.format == QUANTITY_BINARY_SI;
  size_t n = p->num.n + p->denom.n;
  int64_t value = 0, scale = (binary ? 0 : by.exponent) - (int64_t)p->denom.n, result;

  if (binary && (p->denom.n || (int64_t)p->num.n + by.exponent * 3 / 10 + 1 > 15))
    return false;
  if (n > FAST_DIGITS || scale < NANO)
    return false;
  for (size_t i = 0; i < n; i++)
    value = value * 10 + (i < p->num.n ? p->num.p[i] : p->denom.p[i - p->num.n]) - '0';
  if (__builtin_mul_overflow(value, binary ? (int64_t)1 << by.exponent : 1, &result))
    return false;
  *ret = (struct quantity){ .units = p->negative ? -result : result, .scale = (int32_t)scale, .format = by.format };
  if (binary) {
    ret->verbatim = (value & 7) != 0; /* surely no multiple of 1024 */
    return true;
  }
  ret->verbatim = scale % 3 == 0 && p->num.p[0] != '0' && (n < 3 || value % 1000 != 0);
  return true;
}

/* Decimal digits, most significant first, with `point` of them after the decimal point. */
struct digits {
  uint8_t *d;
  size_t n, cap;
  int64_t point;
};

static void
multiply_1024(struct digits *x)
{
  unsigned carry = 0;

  for (size_t i = x->n; i-- > 0;) {
    carry += x->d[i] * 1024u;
    x->d[i] = (uint8_t)(carry % 10);
    carry /= 10;
  }
  for (; carry; carry /= 10) {
    memmove(x->d + 1, x->d, x->n++);
    x->d[0] = (uint8_t)(carry % 10);
  }
}

/* Away from zero, to nine places. */
static void
round_to_nano(struct digits *x)
{
  size_t drop = x->point > 9 ? (size_t)(x->point - 9) : 0, keep = drop < x->n ? x->n - drop : 0;
  bool up = false;

  if (!drop)
    return;
  for (size_t i = keep; i < x->n; i++)
    up = up || x->d[i];
  x->n = keep;
  x->point = 9;
  for (size_t i = keep; up && i-- > 0;) {
    up = x->d[i] == 9;
    x->d[i] = up ? 0 : x->d[i] + 1;
  }
  if (up) {
    memmove(x->d + 1, x->d, x->n++);
    x->d[0] = 1;
  }
}

/* At nine places, as upstream keeps it; coarser when that does not fit; false when nothing does. */
static bool
to_units(struct digits *x, struct quantity *q)
{
  size_t lead = 0;

  while (lead < x->n && x->d[lead] == 0)
    lead++;
  while (x->n > lead && x->d[x->n - 1] == 0) {
    x->n--;
    x->point--;
  }
  if (x->n - lead > WIDE_DIGITS || x->point < -INT32_MAX)
    return false;
  for (size_t i = lead; i < x->n; i++)
    q->units = q->units * 10 + x->d[i];
  if (q->units && (int64_t)(x->n - lead) - x->point - NANO <= WIDE_DIGITS)
    for (; x->point < -NANO; x->point++)
      q->units *= 10;
  q->scale = q->units ? (int32_t)-x->point : 0;
  return true;
}

/* The general case. Upstream's big number, here as digits, lives only while it is parsed. */
static bool
parse_wide(const struct parts *p, struct scale_of_suffix by, struct quantity *ret)
{
  static const struct quantity largest = { .units = INT64_MAX }, one = { .units = 1 };
  bool binary = by.format == QUANTITY_BINARY_SI;
  _cleanup_free_ uint8_t *room = mem_alloc(p->num.n + p->denom.n + 24); /* 2^60 has 19 digits */
  struct digits x = { .d = room, .point = (int64_t)p->denom.n - (binary ? 0 : by.exponent) };
  struct quantity q = { .format = by.format, .wide = true, .place = NANO };

  for (size_t i = 0; i < p->num.n; i++)
    x.d[x.n++] = (uint8_t)(p->num.p[i] - '0');
  for (size_t i = 0; i < p->denom.n; i++)
    x.d[x.n++] = (uint8_t)(p->denom.p[i] - '0');
  for (int e = 0; binary && e < by.exponent; e += 10)
    multiply_1024(&x);
  round_to_nano(&x);
  if (!p->any_digit)
    return false;
  if (!to_units(&x, &q)) {
    if (!binary)
      return false;
    q.units = INT64_MAX; /* more than 38 digits are beyond the cap */
    q.scale = q.place = 0;
  } else if (binary && quantity_cmp(&q, &largest) > 0) {
    q.units = INT64_MAX;
    q.scale = q.place = 0;
  }
  if (binary && q.units > 0 && quantity_cmp(&q, &one) < 0)
    q.format = QUANTITY_DECIMAL_SI;
  if (p->negative)
    q.units = -q.units;
  *ret = q;
  return true;
}

int
quantity_parse(struct span text, struct quantity *ret, struct kerr *reterr)
{
  struct scale_of_suffix by;
  struct parts p;

  if (!text.n || !split(text, &p))
    return kerr_set(reterr, KERR_INVALID, NULL, FORMAT_WRONG);
  if (!interpret(p.suffix, &by))
    return kerr_set(reterr, KERR_INVALID, NULL, SUFFIX_WRONG);
  if (!parse_narrow(&p, by, ret) && !parse_wide(&p, by, ret))
    return kerr_set(reterr, KERR_INVALID, NULL, NUMERIC_WRONG);
  return 0;
}

int
quantity_normalize(struct arena *a, struct span text, const char **ret, struct kerr *reterr)
{
  struct quantity q;
  int r = quantity_parse(text, &q, reterr);

  if (r < 0)
    return r;
  *ret = q.verbatim ? arena_strndup(a, text.p, text.n) : quantity_text(a, &q);
  return 0;
}
