/* RFC 3339: what Go's time package writes and reads under time.RFC3339. */
#include <stdio.h>

#include "clock.h"

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar; the year begins in March (Hinnant's algorithm).
 */
static int64_t
days_of(int64_t year, int month, int day)
{
  int64_t y = month <= 2 ? year - 1 : year, era = (y >= 0 ? y : y - 399) / 400, in_era = y - era * 400;
  int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

  return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

static void
date_of(int64_t days, int64_t *year, int *month, int *day)
{
  int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, in_era = z - era * 146097;
  int64_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
  int64_t in_year = in_era - (365 * y + y / 4 - y / 100), m = (5 * in_year + 2) / 153;

  *day = (int)(in_year - (153 * m + 2) / 5 + 1);
  *month = (int)(m < 10 ? m + 3 : m - 9);
  *year = y + era * 400 + (*month <= 2);
}

char *
clock_rfc3339(int64_t wall_ns, bool micro, char buf[CLOCK_TEXT_MAX])
{
  int64_t sec = wall_ns / CLOCK_SEC, ns = wall_ns % CLOCK_SEC, days, in_day, year;
  int month, day, n;

  if (ns < 0) {
    ns += CLOCK_SEC;
    sec--;
  }
  days = sec / 86400;
  in_day = sec % 86400;
  if (in_day < 0) {
    in_day += 86400;
    days--;
  }
  date_of(days, &year, &month, &day);
  n = snprintf(buf, CLOCK_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d", (int)year, month, day, (int)(in_day / 3600),
               (int)(in_day / 60 % 60), (int)(in_day % 60));
  if (micro)
    n += snprintf(buf + n, CLOCK_TEXT_MAX - (size_t)n, ".%06d", (int)(ns / 1000));
  (void)snprintf(buf + n, CLOCK_TEXT_MAX - (size_t)n, "Z");
  return buf;
}

/* Exactly `digits` digits of a value in [low, high]; moves on. */
static bool
number(struct span *s, size_t digits, int low, int high, int *ret)
{
  int v = 0;

  if (s->n < digits)
    return false;
  for (size_t i = 0; i < digits; i++) {
    if (s->p[i] < '0' || s->p[i] > '9')
      return false;
    v = v * 10 + (s->p[i] - '0');
  }
  *s = span_make(s->p + digits, s->n - digits);
  *ret = v;
  return v >= low && v <= high;
}

static bool
literal(struct span *s, char c)
{
  if (!s->n || s->p[0] != c)
    return false;
  *s = span_make(s->p + 1, s->n - 1);
  return true;
}

/* Go takes an hour of one digit under "15". */
static bool
hour_of(struct span *s, int *ret)
{
  bool single = s->n >= 2 && s->p[1] == ':';

  return number(s, single ? 1 : 2, 0, 23, ret);
}

/* Any number of digits after a dot or comma; those beyond nanoseconds are dropped. */
static bool
fraction(struct span *s, int64_t *ret_ns)
{
  int64_t unit = CLOCK_SEC;
  size_t n = 1;

  *ret_ns = 0;
  if (!s->n || (s->p[0] != '.' && s->p[0] != ','))
    return true;
  for (; n < s->n && s->p[n] >= '0' && s->p[n] <= '9'; n++) {
    unit /= 10;
    *ret_ns += (s->p[n] - '0') * unit;
  }
  if (n == 1)
    return false;
  *s = span_make(s->p + n, s->n - n);
  return true;
}

/* "Z" or "+hh:mm"; Go allows 24 hours and 60 minutes. */
static bool
zone(struct span *s, int *ret_seconds)
{
  int sign, hours, minutes;

  *ret_seconds = 0;
  if (literal(s, 'Z'))
    return s->n == 0;
  if (!s->n || (s->p[0] != '+' && s->p[0] != '-'))
    return false;
  sign = s->p[0] == '-' ? -1 : 1;
  *s = span_make(s->p + 1, s->n - 1);
  if (!number(s, 2, 0, 24, &hours) || !literal(s, ':') || !number(s, 2, 0, 60, &minutes) || s->n)
    return false;
  *ret_seconds = sign * (hours * 3600 + minutes * 60);
  return true;
}

static int
days_in(int year, int month)
{
  static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

  return days[month - 1] + (month == 2 && leap);
}

bool
clock_parse_rfc3339(struct span text, int64_t *ret_wall_ns)
{
  int year, month, day, hour, minute, second, offset;
  int64_t ns, sec;

  if (!number(&text, 4, 0, 9999, &year) || !literal(&text, '-') || !number(&text, 2, 1, 12, &month) ||
      !literal(&text, '-') || !number(&text, 2, 1, days_in(year, month), &day) || !literal(&text, 'T') ||
      !hour_of(&text, &hour) || !literal(&text, ':') || !number(&text, 2, 0, 59, &minute) || !literal(&text, ':') ||
      !number(&text, 2, 0, 59, &second) || !fraction(&text, &ns) || !zone(&text, &offset))
    return false;
  sec = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
  if (__builtin_mul_overflow(sec, CLOCK_SEC, ret_wall_ns) || __builtin_add_overflow(*ret_wall_ns, ns, ret_wall_ns))
    *ret_wall_ns = sec < 0 ? INT64_MIN : INT64_MAX;
  return true;
}
