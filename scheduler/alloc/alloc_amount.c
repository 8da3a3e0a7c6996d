#include "alloc_amount.h"

#include <stdio.h>

#include "json.h"

#define AMOUNT_MAX ((amount)((~(unsigned __int128)0) >> 1))

amount
amount_of(const struct quantity *q)
{
  amount v = q->units, up;

  if (q->scale < -9) {
    for (int32_t i = q->scale; i < -9 && v; i++)
      v /= 10;
    return v;
  }
  for (int32_t i = q->scale; i > -9 && v; i--) {
    if (__builtin_mul_overflow(v, (amount)10, &up))
      return v > 0 ? AMOUNT_MAX : -AMOUNT_MAX;
    v = up;
  }
  return v;
}

amount
amount_add(amount x, amount y)
{
  amount sum;

  if (__builtin_add_overflow(x, y, &sum))
    return x > 0 ? AMOUNT_MAX : -AMOUNT_MAX;
  return sum;
}

/* -- the fields of upstream's struct, as ParseQuantity fills them -- */

struct suffix {
  int exponent;
  int base; /* 2 or 10 */
  bool e;   /* DecimalExponent */
};

static bool
suffix_parse(struct span s, struct suffix *ret)
{
  static const struct {
    const char *text;
    struct suffix is;
  } known[] = {
    { "", { 0, 10, false } },   { "n", { -9, 10, false } }, { "u", { -6, 10, false } }, { "m", { -3, 10, false } },
    { "k", { 3, 10, false } },  { "M", { 6, 10, false } },  { "G", { 9, 10, false } },  { "T", { 12, 10, false } },
    { "P", { 15, 10, false } }, { "E", { 18, 10, false } }, { "Ki", { 10, 2, false } }, { "Mi", { 20, 2, false } },
    { "Gi", { 30, 2, false } }, { "Ti", { 40, 2, false } }, { "Pi", { 50, 2, false } }, { "Ei", { 60, 2, false } },
  };
  int exponent = 0;
  size_t i = 1;
  bool negative;

  for (size_t k = 0; k < ARRAY_SIZE(known); k++)
    if (span_is(s, known[k].text)) {
      *ret = known[k].is;
      return true;
    }
  if (s.n < 2 || s.n > 8 || (s.p[0] != 'e' && s.p[0] != 'E'))
    return false;
  negative = s.p[1] == '-';
  if (s.p[1] == '-' || s.p[1] == '+')
    i++;
  for (; i < s.n; i++) {
    if (s.p[i] < '0' || s.p[i] > '9')
      return false;
    exponent = exponent * 10 + (s.p[i] - '0');
  }
  *ret = (struct suffix){ .exponent = negative ? -exponent : exponent, .base = 10, .e = true };
  return true;
}

/* Digits of the number without leading zeros and point; false when there are too many for the int64 form. */
struct digits {
  int64_t value;
  int num, denom; /* digits before and after the point, as upstream counts them */
  bool negative;
  bool last_000, first_0;
  struct span suffix;
};

static bool
digits_parse(struct span s, struct digits *d)
{
  size_t i = 0, start;
  char all[20];
  int n = 0;

  *d = (struct digits){ 0 };
  if (i < s.n && (s.p[i] == '-' || s.p[i] == '+'))
    d->negative = s.p[i++] == '-';
  while (i < s.n && s.p[i] == '0')
    i++;
  if (i == s.n) {
    d->num = 1;
    d->first_0 = true;
    return true;
  }
  for (start = i; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++) {
    if (n == 18)
      return false;
    all[n++] = s.p[i];
  }
  d->num = (int)(i - start);
  if (d->num == 0) {
    all[n++] = '0';
    d->num = 1;
  }
  if (i < s.n && s.p[i] == '.')
    for (i++; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++, d->denom++) {
      if (n == 18)
        return false;
      all[n++] = s.p[i];
    }
  for (int k = 0; k < n; k++)
    d->value = d->value * 10 + (all[k] - '0');
  d->first_0 = all[0] == '0';
  d->last_000 = n >= 3 && all[n - 1] == '0' && all[n - 2] == '0' && all[n - 3] == '0';
  d->suffix = span_make(s.p + i, s.n - i);
  return true;
}

static void
identity_fill(struct measure *m, struct span text)
{
  struct digits d;
  struct suffix u;
  int precision, scale = 0;
  int64_t mantissa = 1, raw;

  if (span_is(text, "0")) {
    m->compact = true;
    m->text = text;
    return;
  }
  if (!digits_parse(text, &d) || !suffix_parse(d.suffix, &u))
    return;
  if (u.base == 10) {
    scale = u.exponent;
    precision = 18 - (d.num + d.denom);
  } else {
    if (d.denom)
      return;
    mantissa = (int64_t)1 << u.exponent;
    precision = 15 - d.num - u.exponent * 3 / 10 - 1;
  }
  scale -= d.denom;
  if (precision < 0 || scale < -9 || __builtin_mul_overflow(d.value, mantissa, &raw))
    return;
  m->compact = true;
  m->raw = d.negative ? -raw : raw;
  m->raw_scale = scale;
  if (u.base == 2 ? u.exponent % 10 == 0 && (d.value & 7) : scale % 3 == 0 && !d.last_000 && !d.first_0)
    m->text = text;
}

struct measure
measure_of(struct arena *a, const struct json *v)
{
  struct measure m = { .q = { .format = QUANTITY_DECIMAL_SI } };
  struct span text = json_span(v);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  char number[24];

  if (json_is(v, JSON_INT))
    text = span_make(number, (size_t)snprintf(number, sizeof number, "%lld", (long long)v->u.integer));
  text = span_trim(text);
  if (!text.p || quantity_parse(text, &m.q, &err) < 0) {
    m.compact = true;
    return m;
  }
  m.n = amount_of(&m.q);
  identity_fill(&m, arena_span(a, text));
  return m;
}

struct measure
measure_from_int(int64_t v, enum quantity_format format)
{
  return (struct measure){
    .q = { .units = v, .scale = 0, .format = format }, .n = v * AMOUNT_ONE, .raw = v, .compact = true
  };
}

struct measure
measure_from_milli(int64_t v, enum quantity_format format)
{
  return (struct measure){ .q = { .units = v, .scale = -3, .format = format },
                           .n = v * (AMOUNT_ONE / 1000),
                           .raw = v,
                           .raw_scale = -3,
                           .compact = true };
}

bool
measure_identical(const struct measure *x, const struct measure *y)
{
  return x->compact && y->compact && x->raw == y->raw && x->raw_scale == y->raw_scale && x->q.format == y->q.format &&
         span_eq(x->text, y->text);
}

/* In units of `unit` nano, rounded away from zero. */
static int64_t
measure_scaled(const struct measure *m, amount unit)
{
  amount v = m->n / unit, rest = m->n % unit;

  if (rest)
    v += rest > 0 ? 1 : -1;
  if (v > INT64_MAX || v < INT64_MIN)
    return m->compact ? 0 : (int64_t)(uint64_t)v;
  return (int64_t)v;
}

int64_t
measure_value(const struct measure *m)
{
  return measure_scaled(m, AMOUNT_ONE);
}

int64_t
measure_milli(const struct measure *m)
{
  return measure_scaled(m, AMOUNT_ONE / 1000);
}

bool
measure_exact_milli(const struct measure *m, int64_t *ret)
{
  int64_t milli = measure_milli(m);

  if ((amount)milli * (AMOUNT_ONE / 1000) != m->n)
    return false;
  *ret = milli;
  return true;
}
