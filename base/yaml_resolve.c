#include "yaml_resolve.h"

#include <math.h>
#include <stdio.h>

#include "clock.h"
#include "number.h"

static const struct {
  const char *text;
  struct yaml_scalar is;
} words[] = {
#define ON                             \
  {                                    \
    .kind = YAML_BOOL, .boolean = true \
  }
#define OFF                             \
  {                                     \
    .kind = YAML_BOOL, .boolean = false \
  }
  { "y", ON },
  { "Y", ON },
  { "yes", ON },
  { "Yes", ON },
  { "YES", ON },
  { "true", ON },
  { "True", ON },
  { "TRUE", ON },
  { "on", ON },
  { "On", ON },
  { "ON", ON },
  { "n", OFF },
  { "N", OFF },
  { "no", OFF },
  { "No", OFF },
  { "NO", OFF },
  { "false", OFF },
  { "False", OFF },
  { "FALSE", OFF },
  { "off", OFF },
  { "Off", OFF },
  { "OFF", OFF },
#undef ON
#undef OFF
  { "", { .kind = YAML_NULL } },
  { "~", { .kind = YAML_NULL } },
  { "null", { .kind = YAML_NULL } },
  { "Null", { .kind = YAML_NULL } },
  { "NULL", { .kind = YAML_NULL } },
  { ".nan", { .kind = YAML_FLOAT, .number = NAN } },
  { ".NaN", { .kind = YAML_FLOAT, .number = NAN } },
  { ".NAN", { .kind = YAML_FLOAT, .number = NAN } },
  { ".inf", { .kind = YAML_FLOAT, .number = INFINITY } },
  { ".Inf", { .kind = YAML_FLOAT, .number = INFINITY } },
  { ".INF", { .kind = YAML_FLOAT, .number = INFINITY } },
  { "+.inf", { .kind = YAML_FLOAT, .number = INFINITY } },
  { "+.Inf", { .kind = YAML_FLOAT, .number = INFINITY } },
  { "+.INF", { .kind = YAML_FLOAT, .number = INFINITY } },
  { "-.inf", { .kind = YAML_FLOAT, .number = -INFINITY } },
  { "-.Inf", { .kind = YAML_FLOAT, .number = -INFINITY } },
  { "-.INF", { .kind = YAML_FLOAT, .number = -INFINITY } },
};

static struct span
skip(struct span s, size_t n)
{
  return span_make(s.p + n, s.n - n);
}

static size_t
digits_at(struct span s)
{
  size_t n = 0;

  while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
    n++;
  return n;
}

/* Takes "0x", "0b", "0o" or a leading "0" off and answers the base, as strconv.ParseInt(s, 0, 64). */
static unsigned
take_base(struct span *s)
{
  static const struct {
    char letter;
    unsigned base;
  } rows[] = { { 'x', 16 }, { 'b', 2 }, { 'o', 8 } };

  if (s->n < 2 || s->p[0] != '0')
    return 10;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
    if ((s->p[1] | 0x20) == rows[i].letter && s->n > 2) {
      *s = skip(*s, 2);
      return rows[i].base;
    }
  *s = skip(*s, 1);
  return 8;
}

/* An integer of any of Go's bases; false when it is none, or larger than 64 bits. A signed one fits an int64. */
static bool
integer_of(struct span s, struct yaml_scalar *ret)
{
  bool negative = s.p[0] == '-', sign = negative || s.p[0] == '+';
  uint64_t v = 0;
  unsigned base;

  if (sign)
    s = skip(s, 1);
  base = take_base(&s);
  if (!s.n)
    return false;
  for (size_t i = 0; i < s.n; i++) {
    char c = s.p[i], low = (char)(c | 0x20);
    unsigned d = c >= '0' && c <= '9'       ? (unsigned)(c - '0')
                 : low >= 'a' && low <= 'f' ? (unsigned)(low - 'a' + 10)
                                            : 99;

    if (d >= base || __builtin_mul_overflow(v, (uint64_t)base, &v) || __builtin_add_overflow(v, (uint64_t)d, &v))
      return false;
  }
  if (negative ? v > (uint64_t)INT64_MAX + 1 : sign && v > INT64_MAX)
    return false;
  if (v > INT64_MAX && !negative)
    *ret = (struct yaml_scalar){ .kind = YAML_UINT, .big = v };
  else
    *ret = (struct yaml_scalar){ .kind = YAML_INT, .integer = (int64_t)(negative ? 0 - v : v) };
  return true;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? within the range of a double. */
static bool
float_of(struct span text, struct yaml_scalar *ret)
{
  struct span s = text;
  size_t whole, fraction = 0, exponent;

  if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
    s = skip(s, 1);
  whole = digits_at(s);
  s = skip(s, whole);
  if (s.n && s.p[0] == '.') {
    fraction = digits_at(skip(s, 1));
    s = skip(s, 1 + fraction);
  }
  if (!whole && !fraction)
    return false;
  if (s.n && (s.p[0] == 'e' || s.p[0] == 'E')) {
    s = skip(s, 1);
    if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
      s = skip(s, 1);
    exponent = digits_at(s);
    if (!exponent)
      return false;
    s = skip(s, exponent);
  }
  *ret = (struct yaml_scalar){ .kind = YAML_FLOAT, .number = number_double(text) };
  return !s.n && isfinite(ret->number);
}

/* One or two digits within a range; moves on. */
static bool
short_number(struct span *s, int low, int high, int *ret)
{
  size_t n = digits_at(*s) > 1 ? 2 : digits_at(*s);

  if (!n)
    return false;
  *ret = n == 2 ? (s->p[0] - '0') * 10 + s->p[1] - '0' : s->p[0] - '0';
  *s = skip(*s, n);
  return *ret >= low && *ret <= high;
}

static bool
literal(struct span *s, char c)
{
  if (!s->n || s->p[0] != c)
    return false;
  *s = skip(*s, 1);
  return true;
}

/* What looks like a time is a string to a reader, and quoted by a writer: dates, with an RFC 3339 or a plain time. */
static bool
is_time(struct span s)
{
  int64_t ignored;
  int month, day, hour, minute, second;
  char whole[80];
  char between;
  struct span date = s;

  if (digits_at(s) != 4)
    return false;
  s = skip(s, 4);
  if (!literal(&s, '-') || !short_number(&s, 1, 12, &month) || !literal(&s, '-') || !short_number(&s, 1, 31, &day))
    return false;
  between = s.n ? s.p[0] : 'T';
  if (s.n) {
    s = skip(s, 1);
    if (!strchr("Tt ", between) || !short_number(&s, 0, 23, &hour) || !literal(&s, ':') ||
        !short_number(&s, 0, 59, &minute) || !literal(&s, ':') || !short_number(&s, 0, 59, &second))
      return false;
    if (s.n > 1 && (s.p[0] == '.' || s.p[0] == ',') && digits_at(skip(s, 1)))
      s = skip(s, 1 + digits_at(skip(s, 1)));
    if ((between == ' ') != (s.n == 0) || s.n > 6)
      return false;
  }
  /* the day of the month and the zone, in a time without odd spellings */
  (void)snprintf(whole, sizeof whole, "%.4s-%02d-%02dT00:00:00%.*s", date.p, month, day,
                 between == ' ' || !s.n ? 1 : (int)s.n, between == ' ' || !s.n ? "Z" : s.p);
  return clock_parse_rfc3339(span_of(whole), &ignored);
}

struct yaml_scalar
yaml_resolve(struct span text)
{
  struct yaml_scalar found = { .kind = YAML_STR };
  char plain[400]; /* no number is longer and in range, but for idle zeros */
  size_t n = 0;

  for (size_t i = 0; i < ARRAY_SIZE(words); i++)
    if (span_is(text, words[i].text))
      return words[i].is;
  if (!text.n || !((text.p[0] >= '0' && text.p[0] <= '9') || strchr("+-.", text.p[0])) || text.n > sizeof plain)
    return found;
  if (is_time(text))
    return (struct yaml_scalar){ .kind = YAML_TIME };
  if (text.p[0] == '.')
    return float_of(text, &found) ? found : (struct yaml_scalar){ .kind = YAML_STR };
  for (size_t i = 0; i < text.n; i++)
    if (text.p[i] != '_')
      plain[n++] = text.p[i];
  if (n && (integer_of(span_make(plain, n), &found) || float_of(span_make(plain, n), &found)))
    return found;
  return (struct yaml_scalar){ .kind = YAML_STR };
}
