/* Times as Go parses and prints them, in seconds: certificates live beyond what 64 bits of nanoseconds can hold. */
#include <stdio.h>
#include <string.h>

#include "kind_scalar.h"

/* -- the calendar (proleptic Gregorian; years begin in March) -- */

static int64_t
days_of(int64_t year, int month, int day)
{
  int64_t y = month <= 2 ? year - 1 : year;
  int64_t era = (y >= 0 ? y : y - 399) / 400;
  int64_t in_era = y - era * 400;
  int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

static void
date_of(int64_t days, int64_t *year, int *month, int *day)
{
  int64_t z = days + 719468;
  int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  int64_t in_era = z - era * 146097;
  int64_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
  int64_t in_year = in_era - (365 * y + y / 4 - y / 100);
  int64_t m = (5 * in_year + 2) / 153;
  *day = (int)(in_year - (153 * m + 2) / 5 + 1);
  *month = (int)(m < 10 ? m + 3 : m - 9);
  *year = y + era * 400 + (*month <= 2);
}

static int
days_in(int64_t year, int month)
{
  static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
  bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return days[month - 1] + (month == 2 && leap);
}

/* -- parsing, one element of Go's layout after the other -- */

struct time_parser {
  struct arena *a;
  struct span all, rest;
  const char *layout;
  const char *why;
};

/* As package time quotes: every byte that is not plain ASCII on its own. */
static void
quote(struct strbuf *b, struct span s)
{
  strbuf_putc(b, '"');
  for (size_t i = 0; i < s.n; i++) {
    unsigned char c = (unsigned char)s.p[i];
    if (c >= 0x80 || c < ' ')
      strbuf_printf(b, "\\x%02x", c);
    else
      strbuf_printf(b, "%s%c", c == '"' || c == '\\' ? "\\" : "", c);
  }
  strbuf_putc(b, '"');
}

static bool
fail(struct time_parser *p, const char *element, struct span at, const char *range)
{
  if (!p->a)
    return false;
  struct strbuf b;
  strbuf_init(&b, 16 * 1024);
  strbuf_puts(&b, "parsing time ");
  quote(&b, p->all);
  if (range) {
    strbuf_printf(&b, ": %s out of range", range);
  } else {
    strbuf_printf(&b, " as \"%s\": cannot parse ", p->layout);
    quote(&b, at);
    strbuf_printf(&b, " as \"%s\"", element);
  }
  p->why = arena_strdup(p->a, b.p);
  strbuf_release(&b);
  return false;
}

static bool
is_digit(struct span s, size_t i)
{
  return i < s.n && s.p[i] >= '0' && s.p[i] <= '9';
}

static void
advance(struct span *s, size_t n)
{
  s->p += n;
  s->n -= n;
}

/* `digits` digits; with `loose` one is enough (Go reads hours so). */
static bool
number(struct time_parser *p, const char *element, size_t digits, bool loose, int *ret)
{
  struct span hold = p->rest;
  if (loose && is_digit(p->rest, 0) && !is_digit(p->rest, 1))
    digits = 1;
  *ret = 0;
  for (size_t i = 0; i < digits; i++) {
    if (!is_digit(p->rest, i))
      return fail(p, element, hold, NULL);
    *ret = *ret * 10 + (p->rest.p[i] - '0');
  }
  advance(&p->rest, digits);
  return true;
}

static bool
literal(struct time_parser *p, const char *text)
{
  struct span want = span_of(text);
  if (!span_starts(p->rest, want))
    return fail(p, text, p->rest, NULL);
  advance(&p->rest, want.n);
  return true;
}

static int32_t
fraction_nanos(struct span digits)
{
  int32_t v = 0;
  for (size_t i = 0; i < 9; i++)
    v = v * 10 + (i < digits.n ? digits.p[i] - '0' : 0);
  return v;
}

/* RFC3339: any fraction or none. RFC3339Micro: six digits. */
static bool
fraction(struct time_parser *p, bool micro, int32_t *ret)
{
  size_t n = 1;
  *ret = 0;
  bool point = p->rest.n && (p->rest.p[0] == '.' || p->rest.p[0] == ',');
  if (micro) {
    for (n = 1; n < 7; n++)
      if (!point || !is_digit(p->rest, n))
        return fail(p, ".000000", p->rest, NULL);
  } else {
    if (!point || !is_digit(p->rest, 1))
      return true;
    while (is_digit(p->rest, n))
      n++;
  }
  *ret = fraction_nanos(span_make(p->rest.p + 1, n - 1));
  advance(&p->rest, n);
  return true;
}

/* "Z" or "+01:00"; *ret in seconds. */
static bool
zone(struct time_parser *p, int *ret)
{
  struct span s = p->rest;
  *ret = 0;
  if (s.n && s.p[0] == 'Z') {
    advance(&p->rest, 1);
    return true;
  }
  bool ok = s.n >= 6 && (s.p[0] == '+' || s.p[0] == '-') && s.p[3] == ':';
  for (size_t i = 1; i < 6 && ok; i++)
    ok = i == 3 || is_digit(s, i);
  if (!ok)
    return fail(p, "Z07:00", s, NULL);
  int hours = (s.p[1] - '0') * 10 + s.p[2] - '0', minutes = (s.p[4] - '0') * 10 + s.p[5] - '0';
  if (hours > 24)
    return fail(p, NULL, s, "time zone offset hour");
  if (minutes > 60)
    return fail(p, NULL, s, "time zone offset minute");
  *ret = (hours * 3600 + minutes * 60) * (s.p[0] == '-' ? -1 : 1);
  advance(&p->rest, 6);
  return true;
}

static bool
within(struct time_parser *p, int v, int low, int high, const char *what)
{
  return v < low || v > high ? fail(p, NULL, p->rest, what) : true;
}

static bool
date_and_time(struct time_parser *p, bool micro, struct kind_time *ret)
{
  int year, month, day, hour, minute, second, offset;
  int32_t nanos;
  if (!number(p, "2006", 4, false, &year) || !literal(p, "-") || !number(p, "01", 2, false, &month) ||
      !within(p, month, 1, 12, "month") || !literal(p, "-") || !number(p, "02", 2, false, &day) || !literal(p, "T") ||
      !number(p, "15", 2, true, &hour) || !within(p, hour, 0, 23, "hour") || !literal(p, ":") ||
      !number(p, "04", 2, false, &minute) || !within(p, minute, 0, 59, "minute") || !literal(p, ":") ||
      !number(p, "05", 2, false, &second) || !within(p, second, 0, 59, "second") || !fraction(p, micro, &nanos) ||
      !zone(p, &offset))
    return false;
  if (p->rest.n && !p->a)
    return false;
  if (p->rest.n) {
    struct strbuf b;
    strbuf_init(&b, 16 * 1024);
    strbuf_puts(&b, "parsing time ");
    quote(&b, p->all);
    strbuf_puts(&b, ": extra text: ");
    quote(&b, p->rest);
    p->why = arena_strdup(p->a, b.p);
    strbuf_release(&b);
    return false;
  }
  if (!within(p, day, 1, days_in(year, month), "day"))
    return false;
  ret->seconds = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
  ret->nanos = nanos;
  return true;
}

/* 0001-01-01T00:00:00Z */
#define GO_ZERO_TIME INT64_C(-62135596800)

bool
kind_time_parse(struct arena *a, struct span text, bool micro, struct kind_time *ret, const char **ret_why)
{
  struct time_parser p = { .a = a,
                           .all = text,
                           .rest = text,
                           .layout = micro ? "2006-01-02T15:04:05.000000Z07:00" : "2006-01-02T15:04:05Z07:00" };
  *ret = (struct kind_time){ 0 };
  if (!date_and_time(&p, micro, ret)) {
    if (a)
      *ret_why = p.why;
    return false;
  }
  ret->zero = ret->seconds == GO_ZERO_TIME && ret->nanos == 0;
  return true;
}

char *
kind_time_text(const struct kind_time *t, bool micro, char buf[KIND_TIME_TEXT_MAX])
{
  int64_t days = t->seconds / 86400, in_day = t->seconds % 86400, year;
  int month, day;
  if (in_day < 0) {
    in_day += 86400;
    days--;
  }
  date_of(days, &year, &month, &day);
  int n = snprintf(buf, KIND_TIME_TEXT_MAX, "%04lld-%02d-%02dT%02d:%02d:%02d", (long long)year, month, day,
                   (int)(in_day / 3600), (int)(in_day / 60 % 60), (int)(in_day % 60));
  if (micro)
    n += snprintf(buf + n, KIND_TIME_TEXT_MAX - (size_t)n, ".%06d", (int)(t->nanos / 1000));
  (void)snprintf(buf + n, KIND_TIME_TEXT_MAX - (size_t)n, "Z");
  return buf;
}
