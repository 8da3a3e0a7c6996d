#include "cel_zone.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ZONE_FILE_MAX ((size_t)256 * 1024)
#define ZONE_NAME_MAX 128

static const char *const roots[] = { "/usr/share/zoneinfo", "/usr/share/lib/zoneinfo", "/usr/lib/locale/TZ",
                                     "/etc/zoneinfo" };

/* Names become paths: nothing that climbs out of the database. */
static bool
is_safe(struct span name)
{
  if (!name.n || name.n > ZONE_NAME_MAX || name.p[0] == '/' || memchr(name.p, '\\', name.n) ||
      memchr(name.p, '\0', name.n))
    return false;
  return !memmem(name.p, name.n, "..", 2);
}

static bool
read_whole(const char *path, struct arena *a, struct span *ret)
{
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  char *buf;
  ssize_t got;
  size_t n = 0;

  if (fd < 0)
    return false;
  buf = arena_alloc(a, ZONE_FILE_MAX);
  while (n < ZONE_FILE_MAX && (got = read(fd, buf + n, ZONE_FILE_MAX - n)) > 0)
    n += (size_t)got;
  (void)close(fd);
  *ret = span_make(buf, n);
  return n > 44 && memcmp(buf, "TZif", 4) == 0;
}

static int64_t
big_endian(const char *p, size_t n)
{
  uint64_t v = (signed char)p[0] < 0 ? UINT64_MAX : 0;

  for (size_t i = 0; i < n; i++)
    v = v << 8 | (unsigned char)p[i];
  return (int64_t)v;
}

/* One of the two tables of a TZif file (RFC 8536); *rest is what follows it. */
struct table {
  const char *times, *kinds, *infos;
  size_t ntimes, ninfos, width;
};

static bool
read_table(struct span file, size_t width, struct table *t, struct span *rest)
{
  size_t isutc, isstd, leap, chars, size;

  if (file.n < 44)
    return false;
  isutc = (size_t)big_endian(file.p + 20, 4);
  isstd = (size_t)big_endian(file.p + 24, 4);
  leap = (size_t)big_endian(file.p + 28, 4);
  t->ntimes = (size_t)big_endian(file.p + 32, 4);
  t->ninfos = (size_t)big_endian(file.p + 36, 4);
  chars = (size_t)big_endian(file.p + 40, 4);
  if ((isutc | isstd | leap | t->ntimes | t->ninfos | chars) > ZONE_FILE_MAX)
    return false;
  size = 44 + t->ntimes * (width + 1) + t->ninfos * 6 + chars + leap * (width + 4) + isstd + isutc;
  if (size > file.n)
    return false;
  t->width = width;
  t->times = file.p + 44;
  t->kinds = t->times + t->ntimes * width;
  t->infos = t->kinds + t->ntimes;
  *rest = span_make(file.p + size, file.n - size);
  return true;
}

/* -- the rule for times after the last transition: "CET-1CEST,M3.5.0,M10.5.0/3" -- */

static bool
rule_number(struct span *s, int64_t *ret)
{
  int64_t v = 0;
  size_t i = 0;

  for (; i < s->n && s->p[i] >= '0' && s->p[i] <= '9' && i < 6; i++)
    v = v * 10 + (s->p[i] - '0');
  *s = span_make(s->p + i, s->n - i);
  *ret = v;
  return i > 0;
}

static bool
rule_skip(struct span *s, char c)
{
  if (!s->n || s->p[0] != c)
    return false;
  *s = span_make(s->p + 1, s->n - 1);
  return true;
}

static bool
rule_time(struct span *s, int64_t *ret)
{
  int64_t sign = 1, v, part;

  if (rule_skip(s, '-'))
    sign = -1;
  else
    (void)rule_skip(s, '+');
  if (!rule_number(s, &v))
    return false;
  v *= 3600;
  if (rule_skip(s, ':') && rule_number(s, &part)) {
    v += part * 60;
    if (rule_skip(s, ':') && rule_number(s, &part))
      v += part;
  }
  *ret = sign * v;
  return true;
}

static bool
rule_name(struct span *s)
{
  size_t i = 0;

  if (rule_skip(s, '<')) {
    while (i < s->n && s->p[i] != '>')
      i++;
    *s = span_make(s->p + i, s->n - i);
    return rule_skip(s, '>');
  }
  while (i < s->n && ((s->p[i] | 0x20) >= 'a' && (s->p[i] | 0x20) <= 'z'))
    i++;
  *s = span_make(s->p + i, s->n - i);
  return i >= 3;
}

static bool
is_leap(int64_t y)
{
  return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static int64_t
days_before(int64_t year)
{
  int64_t y = year - 1;

  return y * 365 + y / 4 - y / 100 + y / 400 - 719162; /* days from 1970-01-01 to January 1st */
}

static int64_t
year_of(int64_t when)
{
  int64_t y = 1970 + when / 31556952;

  while (days_before(y) * 86400 > when)
    y--;
  while (days_before(y + 1) * 86400 <= when)
    y++;
  return y;
}

/* Second within the year at which "M3.5.0/2", "J60" or "59" happens, by local clock. */
static bool
rule_day(struct span *s, int64_t year, int64_t *ret)
{
  static const int month_days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
  int64_t month, week, weekday, day, first = 0, at = 7200;

  if (rule_skip(s, 'M')) {
    if (!rule_number(s, &month) || !rule_skip(s, '.') || !rule_number(s, &week) || !rule_skip(s, '.') ||
        !rule_number(s, &weekday) || month < 1 || month > 12)
      return false;
    for (int64_t m = 1; m < month; m++)
      first += month_days[m - 1] + (m == 2 && is_leap(year));
    day =
        ((days_before(year) + first + 4) % 7 + 7) % 7; /* weekday of the month's first day; 1970-01-01 was a Thursday */
    day = (weekday - day + 7) % 7 + (week - 1) * 7;
    while (day >= month_days[month - 1] + (month == 2 && is_leap(year)))
      day -= 7;
    day += first;
  } else if (rule_skip(s, 'J')) {
    if (!rule_number(s, &day))
      return false;
    day = day - 1 + (is_leap(year) && day >= 60);
  } else if (!rule_number(s, &day)) {
    return false;
  }
  if (rule_skip(s, '/') && !rule_time(s, &at))
    return false;
  *ret = day * 86400 + at;
  return true;
}

static bool
rule_offset(struct span s, int64_t when, int64_t *ret)
{
  int64_t std, dst, start, end, year, now;
  bool in_dst;

  if (!rule_name(&s) || !rule_time(&s, &std))
    return false;
  *ret = -std;
  if (!s.n || s.p[0] == '\n')
    return true;
  if (!rule_name(&s))
    return false;
  dst = -std + 3600;
  if (s.n && s.p[0] != ',' && s.p[0] != '\n') {
    if (!rule_time(&s, &dst))
      return false;
    dst = -dst;
  }
  year = year_of(when - std);
  if (!rule_skip(&s, ',') || !rule_day(&s, year, &start) || !rule_skip(&s, ',') || !rule_day(&s, year, &end))
    return false;
  now = when - days_before(year) * 86400;
  start -= *ret;
  end -= dst;
  in_dst = start <= end ? now >= start && now < end : now >= start || now < end;
  if (in_dst)
    *ret = dst;
  return true;
}

static bool
table_offset(const struct table *t, struct span footer, int64_t when, int64_t *ret)
{
  size_t lo = 0, hi = t->ntimes, kind = 0;

  while (lo < hi) { /* the last transition that is not after `when` */
    size_t mid = (lo + hi) / 2;

    if (big_endian(t->times + mid * t->width, t->width) <= when)
      lo = mid + 1;
    else
      hi = mid;
  }
  if (lo == t->ntimes && footer.n > 1 && footer.p[0] == '\n' &&
      rule_offset(span_make(footer.p + 1, footer.n - 1), when, ret))
    return true;
  if (lo > 0)
    kind = (unsigned char)t->kinds[lo - 1];
  else
    while (kind + 1 < t->ninfos && t->infos[kind * 6 + 4]) /* before the first: the first that is not summer time */
      kind++;
  if (kind >= t->ninfos)
    return false;
  *ret = big_endian(t->infos + kind * 6, 4);
  return true;
}

bool
cel_zone_offset(struct arena *a, struct span name, int64_t when, int64_t *ret_seconds)
{
  struct span file, rest;
  struct table t;

  *ret_seconds = 0;
  if (!name.n || span_is(name, "UTC"))
    return true;
  if (!is_safe(name))
    return false;
  for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
    if (!read_whole(arena_printf(a, "%s/%.*s", roots[i], SPAN_FMT(name)), a, &file))
      continue;
    if (!read_table(file, 4, &t, &rest))
      return false;
    if (file.p[4] < '2')
      return table_offset(&t, (struct span){ NULL, 0 }, when, ret_seconds);
    file = rest;
    return read_table(file, 8, &t, &rest) && table_offset(&t, rest, when, ret_seconds);
  }
  return false;
}
