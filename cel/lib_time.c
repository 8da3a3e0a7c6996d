#include "cel_lib.h"
#include "cel_zone.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TIME_MIN INT64_C(-62135596800)
#define TIME_MAX INT64_C(253402300799)

/* -- the calendar -- */

struct civil {
  int64_t year;
  int month, day, yday, wday; /* from 1, 1, 0, 0 (Sunday) */
  int hour, minute, second;
};

static bool
is_leap(int64_t y)
{
  return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

/* Days from 1970-01-01, in the proleptic Gregorian calendar. */
static int64_t
days_from(int64_t y, int m, int d)
{
  int64_t era, yoe, doy;

  y -= m <= 2;
  era = (y >= 0 ? y : y - 399) / 400;
  yoe = y - era * 400;
  doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
  return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static struct civil
civil_from(int64_t sec)
{
  static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
  int64_t days = sec / 86400, rest = sec % 86400, era, doe, yoe, doy, mp;
  struct civil c;

  if (rest < 0) {
    rest += 86400;
    days--;
  }
  c.wday = (int)(((days + 4) % 7 + 7) % 7);
  c.hour = (int)(rest / 3600);
  c.minute = (int)(rest / 60 % 60);
  c.second = (int)(rest % 60);
  days += 719468;
  era = (days >= 0 ? days : days - 146096) / 146097;
  doe = days - era * 146097;
  yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  mp = (5 * doy + 2) / 153;
  c.day = (int)(doy - (153 * mp + 2) / 5 + 1);
  c.month = (int)(mp < 10 ? mp + 3 : mp - 9);
  c.year = yoe + era * 400 + (c.month <= 2);
  c.yday = before[c.month - 1] + c.day - 1 + (c.month > 2 && is_leap(c.year));
  return c;
}

/* -- text -- */

static void
print_fraction(struct strbuf *b, uint32_t ns)
{
  char text[16];
  int n;

  if (!ns)
    return;
  n = snprintf(text, sizeof text, ".%09u", ns);
  while (text[n - 1] == '0')
    n--;
  strbuf_add(b, text, (size_t)n);
}

void
cel_time_print(struct strbuf *b, struct cel_value t)
{
  struct civil c = civil_from(t.u.i + (int64_t)t.off * 60);
  int off = t.off < 0 ? -t.off : t.off;

  strbuf_printf(b, "%04" PRId64 "-%02d-%02dT%02d:%02d:%02d", c.year, c.month, c.day, c.hour, c.minute, c.second);
  print_fraction(b, t.n);
  if (t.off == 0)
    strbuf_putc(b, 'Z');
  else
    strbuf_printf(b, "%c%02d:%02d", t.off < 0 ? '-' : '+', off / 60, off % 60);
}

void
cel_time_print_go(struct strbuf *b, struct cel_value t)
{
  struct civil c = civil_from(t.u.i + (int64_t)t.off * 60);
  int off = t.off < 0 ? -t.off : t.off;

  strbuf_printf(b, "%04" PRId64 "-%02d-%02d %02d:%02d:%02d", c.year, c.month, c.day, c.hour, c.minute, c.second);
  print_fraction(b, t.n);
  strbuf_printf(b, " %c%02d%02d", t.off < 0 ? '-' : '+', off / 60, off % 60);
  if (t.off == 0)
    strbuf_puts(b, " UTC");
  else
    strbuf_printf(b, " %c%02d%02d", t.off < 0 ? '-' : '+', off / 60, off % 60);
}

void
cel_duration_print_go(struct strbuf *b, int64_t ns)
{
  uint64_t u = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;

  if (ns < 0)
    strbuf_putc(b, '-');
  if (u == 0) {
    strbuf_puts(b, "0s");
  } else if (u < 1000000000) {
    static const struct {
      uint64_t unit;
      const char *name;
    } units[] = { { 1000000, "ms" }, { 1000, "\xC2\xB5s" }, { 1, "ns" } };
    size_t i = u >= 1000000 ? 0 : u >= 1000 ? 1 : 2;

    strbuf_uint(b, u / units[i].unit);
    print_fraction(b, (uint32_t)(u % units[i].unit * (1000000000 / units[i].unit)));
    strbuf_puts(b, units[i].name);
  } else {
    uint64_t sec = u / 1000000000;

    if (sec >= 3600)
      strbuf_printf(b, "%" PRIu64 "h", sec / 3600);
    if (sec >= 60)
      strbuf_printf(b, "%" PRIu64 "m", sec / 60 % 60);
    strbuf_uint(b, sec % 60);
    print_fraction(b, (uint32_t)(u % 1000000000));
    strbuf_putc(b, 's');
  }
}

/* -- reading -- */

static bool
digits(struct span *s, int n, int min, int max, int *ret)
{
  int v = 0;

  if (s->n < (size_t)n)
    return false;
  for (int i = 0; i < n; i++) {
    if (s->p[i] < '0' || s->p[i] > '9')
      return false;
    v = v * 10 + (s->p[i] - '0');
  }
  *s = span_make(s->p + n, s->n - (size_t)n);
  *ret = v;
  return v >= min && v <= max;
}

static bool
skip(struct span *s, char c)
{
  if (!s->n || s->p[0] != c)
    return false;
  *s = span_make(s->p + 1, s->n - 1);
  return true;
}

/* As Go's time.Parse with RFC 3339: "2009-02-13T23:31:30.5+01:00". */
bool
cel_time_parse(struct span s, struct cel_value *ret)
{
  static const int month_days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
  int year, month, day, hour, minute, second, oh, om, sign = 1;
  uint32_t ns = 0, unit = 100000000;

  if (!digits(&s, 4, 0, 9999, &year) || !skip(&s, '-') || !digits(&s, 2, 1, 12, &month) || !skip(&s, '-') ||
      !digits(&s, 2, 1, month_days[month - 1] + (month == 2 && is_leap(year)), &day) || !skip(&s, 'T') ||
      !digits(&s, 2, 0, 23, &hour) || !skip(&s, ':') || !digits(&s, 2, 0, 59, &minute) || !skip(&s, ':') ||
      !digits(&s, 2, 0, 59, &second))
    return false;
  if (s.n > 1 && (s.p[0] == '.' || s.p[0] == ',') && s.p[1] >= '0' && s.p[1] <= '9') {
    for (s = span_make(s.p + 1, s.n - 1); s.n && s.p[0] >= '0' && s.p[0] <= '9'; s = span_make(s.p + 1, s.n - 1)) {
      ns += unit * (uint32_t)(s.p[0] - '0');
      unit /= 10;
    }
  }
  *ret = (struct cel_value){ .kind = CEL_TIMESTAMP, .n = ns };
  ret->u.i = days_from(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
  if (skip(&s, 'Z'))
    return s.n == 0;
  if (skip(&s, '-'))
    sign = -1;
  else if (!skip(&s, '+'))
    return false;
  if (!digits(&s, 2, 0, 24, &oh) || !skip(&s, ':') || !digits(&s, 2, 0, 60, &om) || s.n)
    return false;
  ret->off = (int16_t)(sign * (oh * 60 + om));
  ret->u.i -= (int64_t)ret->off * 60;
  return true;
}

struct unit {
  const char *name;
  uint64_t ns;
};

static const struct unit units[] = {
  { "ns", 1 },       { "us", 1000 },      { "\xC2\xB5s", 1000 },          { "\xCE\xBCs", 1000 },
  { "ms", 1000000 }, { "s", 1000000000 }, { "m", UINT64_C(60000000000) }, { "h", UINT64_C(3600000000000) },
};

/* One number with its unit. */
static bool
duration_part(struct span *s, uint64_t *ret)
{
  uint64_t v = 0, f = 0;
  double scale = 1;
  size_t i = 0, n = 0, k;
  bool overflow = false;

  for (; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++, n++)
    if (__builtin_mul_overflow(v, UINT64_C(10), &v) || __builtin_add_overflow(v, (uint64_t)(s->p[i] - '0'), &v) ||
        v > UINT64_C(1) << 63)
      return false;
  if (i < s->n && s->p[i] == '.') {
    for (i++; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++, n++) {
      if (overflow)
        continue;
      if (f > (UINT64_C(1) << 63) / 10 - 1) {
        overflow = true;
        continue;
      }
      f = f * 10 + (uint64_t)(s->p[i] - '0');
      scale *= 10;
    }
  }
  if (!n)
    return false;
  for (k = i; k < s->n && s->p[k] != '.' && (s->p[k] < '0' || s->p[k] > '9'); k++)
    ;
  for (size_t u = 0; u < ARRAY_SIZE(units); u++) {
    if (!span_is(span_make(s->p + i, k - i), units[u].name))
      continue;
    if (v > (UINT64_C(1) << 63) / units[u].ns)
      return false;
    v *= units[u].ns;
    if (f > 0) {
      v += (uint64_t)((double)f * ((double)units[u].ns / scale));
      if (v > UINT64_C(1) << 63)
        return false;
    }
    *s = span_make(s->p + k, s->n - k);
    *ret = v;
    return true;
  }
  return false;
}

/* As Go's time.ParseDuration. */
bool
cel_duration_parse(struct span s, int64_t *ret)
{
  uint64_t total = 0, part;
  bool negative = false;

  if (s.n && (s.p[0] == '-' || s.p[0] == '+')) {
    negative = s.p[0] == '-';
    s = span_make(s.p + 1, s.n - 1);
  }
  *ret = 0;
  if (span_is(s, "0"))
    return true;
  if (!s.n)
    return false;
  while (s.n) {
    if (!duration_part(&s, &part) || __builtin_add_overflow(total, part, &total) || total > UINT64_C(1) << 63)
      return false;
  }
  if (!negative && total > INT64_MAX)
    return false;
  *ret = negative ? (int64_t)(0 - total) : (int64_t)total;
  return true;
}

static struct cel_value
to_timestamp(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct cel_value t;

  (void)n;
  if (args[0].kind == CEL_INT)
    t = (struct cel_value){ .kind = CEL_TIMESTAMP, .u.i = args[0].u.i };
  else if (!cel_time_parse(cel_span(args[0]), &t))
    return cel_failf(ev->a, "type conversion error from 'string' to 'google.protobuf.Timestamp'");
  return t.u.i < TIME_MIN || t.u.i > TIME_MAX ? cel_fail("timestamp overflow") : t;
}

static struct cel_value
to_duration(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  int64_t ns;

  (void)ev;
  (void)n;
  if (!cel_duration_parse(cel_span(args[0]), &ns))
    return cel_fail("type conversion error from 'string' to 'google.protobuf.Duration'");
  return cel_of_duration(ns);
}

static struct cel_value
same(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return args[0];
}

/* -- accessors -- */

/* Go's strconv.Atoi, with its error. */
static bool
atoi_go(struct cel_eval *ev, struct span s, int64_t *ret, struct cel_value *err)
{
  _cleanup_strbuf_ struct strbuf b = { 0 };
  bool negative = s.n && s.p[0] == '-', bad = false, range = false;
  size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+');
  int64_t v = 0;

  bad = i == s.n;
  for (; i < s.n && !bad; i++) {
    if (s.p[i] < '0' || s.p[i] > '9')
      bad = true;
    else if (__builtin_mul_overflow(v, INT64_C(10), &v) || __builtin_add_overflow(v, (int64_t)(s.p[i] - '0'), &v))
      range = true;
  }
  *ret = negative ? -v : v;
  if (!bad && !range)
    return true;
  strbuf_init(&b, 4096);
  cel_quote(&b, s);
  *err = cel_failf(ev->a, "strconv.Atoi: parsing %s: %s", strbuf_view(&b).p,
                   bad ? "invalid syntax" : "value out of range");
  return false;
}

static bool
zone_seconds(struct cel_eval *ev, struct cel_value t, struct span zone, int64_t *ret, struct cel_value *err)
{
  struct span minutes, hours = span_cut(zone, ':', &minutes);
  int64_t h, m;

  if (!minutes.p) {
    if (cel_zone_offset(ev->a, zone, t.u.i, ret))
      return true;
    *err = cel_failf(ev->a, "unknown time zone %.*s", SPAN_FMT(zone));
    return false;
  }
  if (!atoi_go(ev, hours, &h, err) || !atoi_go(ev, minutes, &m, err))
    return false;
  *ret = (int64_t)(int32_t)((h * 60 + (zone.p[0] == '-' ? -m : m)) * 60);
  return true;
}

enum part { FULL_YEAR, MONTH, DAY_OF_YEAR, DAY_OF_MONTH, DATE, DAY_OF_WEEK, HOURS, MINUTES, SECONDS, MILLISECONDS };

static struct cel_value
time_part(struct cel_eval *ev, const struct cel_value *args, unsigned n, enum part part)
{
  int64_t off = 0;
  struct cel_value err;
  struct civil c;

  if (n == 2 && !zone_seconds(ev, args[0], cel_span(args[1]), &off, &err))
    return err;
  c = civil_from(args[0].u.i + off);
  switch (part) {
  case FULL_YEAR:
    return cel_of_int(c.year);
  case MONTH:
    return cel_of_int(c.month - 1);
  case DAY_OF_YEAR:
    return cel_of_int(c.yday);
  case DAY_OF_MONTH:
    return cel_of_int(c.day - 1);
  case DATE:
    return cel_of_int(c.day);
  case DAY_OF_WEEK:
    return cel_of_int(c.wday);
  case HOURS:
    return cel_of_int(c.hour);
  case MINUTES:
    return cel_of_int(c.minute);
  case SECONDS:
    return cel_of_int(c.second);
  case MILLISECONDS:
    break;
  }
  return cel_of_int(args[0].n / 1000000);
}

#define TIME_PART(name, part)                                                                 \
  static struct cel_value name(struct cel_eval *ev, const struct cel_value *args, unsigned n) \
  {                                                                                           \
    return time_part(ev, args, n, part);                                                      \
  }

TIME_PART(get_full_year, FULL_YEAR)
TIME_PART(get_month, MONTH)
TIME_PART(get_day_of_year, DAY_OF_YEAR)
TIME_PART(get_day_of_month, DAY_OF_MONTH)
TIME_PART(get_date, DATE)
TIME_PART(get_day_of_week, DAY_OF_WEEK)
TIME_PART(get_hours, HOURS)
TIME_PART(get_minutes, MINUTES)
TIME_PART(get_seconds, SECONDS)
TIME_PART(get_milliseconds, MILLISECONDS)

#define DURATION_PART(name, unit)                                                             \
  static struct cel_value name(struct cel_eval *ev, const struct cel_value *args, unsigned n) \
  {                                                                                           \
    (void)ev;                                                                                 \
    (void)n;                                                                                  \
    return cel_of_int(args[0].u.i / (unit));                                                  \
  }

DURATION_PART(duration_hours, INT64_C(3600000000000))
DURATION_PART(duration_minutes, INT64_C(60000000000))
DURATION_PART(duration_seconds, INT64_C(1000000000))
DURATION_PART(duration_milliseconds, INT64_C(1000000))

#define PART(name, id, fn)                                             \
  METHOD(name, "timestamp_to_" id, cel_int, fn, ARGS(&cel_timestamp)), \
      METHOD(name, "timestamp_to_" id "_with_tz", cel_int, fn, ARGS(&cel_timestamp, &cel_string))

static const struct cel_overload times[] = {
  FN("timestamp", "timestamp_to_timestamp", cel_timestamp, same, ARGS(&cel_timestamp)),
  FN("timestamp", "int64_to_timestamp", cel_timestamp, to_timestamp, ARGS(&cel_int)),
  FN("timestamp", "string_to_timestamp", cel_timestamp, to_timestamp, ARGS(&cel_string)),
  FN("duration", "duration_to_duration", cel_duration, same, ARGS(&cel_duration)),
  FN("duration", "string_to_duration", cel_duration, to_duration, ARGS(&cel_string)),
  PART("getFullYear", "year", get_full_year),
  PART("getMonth", "month", get_month),
  PART("getDayOfYear", "day_of_year", get_day_of_year),
  PART("getDayOfMonth", "day_of_month", get_day_of_month),
  PART("getDate", "day_of_month_1_based", get_date),
  PART("getDayOfWeek", "day_of_week", get_day_of_week),
  PART("getHours", "hours", get_hours),
  METHOD("getHours", "duration_to_hours", cel_int, duration_hours, ARGS(&cel_duration)),
  PART("getMinutes", "minutes", get_minutes),
  METHOD("getMinutes", "duration_to_minutes", cel_int, duration_minutes, ARGS(&cel_duration)),
  PART("getSeconds", "seconds", get_seconds),
  METHOD("getSeconds", "duration_to_seconds", cel_int, duration_seconds, ARGS(&cel_duration)),
  PART("getMilliseconds", "milliseconds", get_milliseconds),
  METHOD("getMilliseconds", "duration_to_milliseconds", cel_int, duration_milliseconds, ARGS(&cel_duration)),
};

LIBRARY(cel_lib_time, times);
