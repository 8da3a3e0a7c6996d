#include "validate_schedule.h"

#include <strings.h>

#include "number.h"

/* -- the five fields -- */

struct bounds {
  int64_t min, max;
  const char *const *names; /* of min and the following; NULL: none */
};

static const char *const month_names[] = { "jan", "feb", "mar", "apr", "may", "jun",
                                           "jul", "aug", "sep", "oct", "nov", "dec" },
                         *const day_names[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" };
static const struct bounds fields[] = {
  { 0, 59, NULL }, { 0, 23, NULL }, { 1, 31, NULL }, { 1, 12, month_names }, { 0, 6, day_names },
};

static bool
is_digits(struct span s)
{
  if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
    s = span_make(s.p + 1, s.n - 1);
  for (size_t i = 0; i < s.n; i++)
    if (s.p[i] < '0' || s.p[i] > '9')
      return false;
  return s.n > 0;
}

static const char *
parse_number(struct arena *a, struct span text, int64_t *ret)
{
  if (!number_int64(text, ret))
    return arena_printf(a, "failed to parse int from %.*s: strconv.Atoi: parsing %s: %s", SPAN_FMT(text),
                        vquote(a, text), is_digits(text) ? "value out of range" : "invalid syntax");
  if (*ret < 0)
    return arena_printf(a, "negative number (%lld) not allowed: %.*s", (long long)*ret, SPAN_FMT(text));
  return NULL;
}

static const char *
parse_point(struct arena *a, struct span text, const struct bounds *b, int64_t *ret)
{
  for (int64_t i = b->min; b->names && i <= b->max; i++)
    if (text.n == 3 && strncasecmp(text.p, b->names[i - b->min], 3) == 0) {
      *ret = i;
      return NULL;
    }
  return parse_number(a, text, ret);
}

/* number, number-number or a star, with an optional step. */
static const char *
check_range(struct arena *a, struct span expr, const struct bounds *b)
{
  struct span step_text, range = span_cut(expr, '/', &step_text), high, low = span_cut(range, '-', &high);
  int64_t start = b->min, end = b->max, step = 1;
  const char *wrong = NULL;

  if (!span_is(low, "*") && !span_is(low, "?")) {
    wrong = parse_point(a, low, b, &start);
    if (wrong)
      return wrong;
    end = start;
    if (high.p && memchr(high.p, '-', high.n))
      return arena_printf(a, "too many hyphens: %.*s", SPAN_FMT(expr));
    if (high.p && (wrong = parse_point(a, high, b, &end)))
      return wrong;
  }
  if (step_text.p && memchr(step_text.p, '/', step_text.n))
    return arena_printf(a, "too many slashes: %.*s", SPAN_FMT(expr));
  if (step_text.p && (wrong = parse_number(a, step_text, &step)))
    return wrong;
  if (step_text.p && !high.p)
    end = b->max;
  if (start < b->min)
    return arena_printf(a, "beginning of range (%lld) below minimum (%lld): %.*s", (long long)start, (long long)b->min,
                        SPAN_FMT(expr));
  if (end > b->max)
    return arena_printf(a, "end of range (%lld) above maximum (%lld): %.*s", (long long)end, (long long)b->max,
                        SPAN_FMT(expr));
  if (start > end)
    return arena_printf(a, "beginning of range (%lld) beyond end of range (%lld): %.*s", (long long)start,
                        (long long)end, SPAN_FMT(expr));
  return step ? NULL : arena_printf(a, "step of range should be a positive number: %.*s", SPAN_FMT(expr));
}

static const char *
check_field(struct arena *a, struct span text, const struct bounds *b)
{
  const char *wrong = NULL;
  while (text.p && !wrong) {
    struct span expr = span_cut(text, ',', &text);
    wrong = expr.n ? check_range(a, expr, b) : NULL;
  }
  return wrong;
}

/* -- the whole -- */

static bool
zone_is_known(struct span name)
{
  for (struct span rest = span_of(validate_zone_names); rest.n;)
    if (span_eq(span_cut(rest, ' ', &rest), name))
      return true;
  return span_is(name, "Local"); /* that of the server */
}

/* Go's time.ParseDuration, as far as to say whether it is one. */
static const char *
check_duration(struct arena *a, struct span text)
{
  static const char *const units[] = { "ns", "us", "\xc2\xb5s", "\xce\xbcs", "ms", "s", "m", "h" };
  const char *invalid = arena_printf(a, "time: invalid duration %s", vquote(a, text));
  struct span s = text;
  if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
    s = span_make(s.p + 1, s.n - 1);
  if (span_is(s, "0"))
    return NULL;
  if (!s.n)
    return invalid;
  while (s.n) {
    size_t n = 0, digits = 0, dots = 0, unit = 0;
    bool known = false;
    for (; n < s.n && ((s.p[n] >= '0' && s.p[n] <= '9') || (s.p[n] == '.' && !dots)); n++)
      if (s.p[n] == '.')
        dots++;
      else
        digits++;
    if (!digits)
      return invalid;
    while (n + unit < s.n && s.p[n + unit] != '.' && (s.p[n + unit] < '0' || s.p[n + unit] > '9'))
      unit++;
    if (!unit)
      return arena_printf(a, "time: missing unit in duration %s", vquote(a, text));
    for (size_t i = 0; i < ARRAY_SIZE(units); i++)
      known |= span_is(span_make(s.p + n, unit), units[i]);
    if (!known)
      return arena_printf(a, "time: unknown unit %s in duration %s", vquote(a, span_make(s.p + n, unit)),
                          vquote(a, text));
    s = span_make(s.p + n + unit, s.n - n - unit);
  }
  return NULL;
}

static const char *
check_descriptor(struct arena *a, struct span text)
{
  static const char *const known[] = {
    "@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"
  };
  for (size_t i = 0; i < ARRAY_SIZE(known); i++)
    if (span_is(text, known[i]))
      return NULL;
  if (!span_starts(text, SPAN("@every ")))
    return arena_printf(a, "unrecognized descriptor: %.*s", SPAN_FMT(text));
  const char *wrong = check_duration(a, span_make(text.p + 7, text.n - 7));
  return wrong ? arena_printf(a, "failed to parse duration %.*s: %s", SPAN_FMT(text), wrong) : NULL;
}

static bool
is_space(char c)
{
  return c == ' ' || (c >= '\t' && c <= '\r');
}

static const char *
check_fields(struct arena *a, struct span text)
{
  struct span found[ARRAY_SIZE(fields)];
  const char *list = "", *wrong = NULL;
  size_t n = 0;
  for (size_t i = 0; i < text.n;) {
    size_t start = i;
    while (i < text.n && !is_space(text.p[i]))
      i++;
    if (i > start) {
      struct span one = span_make(text.p + start, i - start);
      list = arena_printf(a, "%s%s%.*s", list, n ? " " : "", SPAN_FMT(one));
      if (n < ARRAY_SIZE(found))
        found[n] = one;
      n++;
    }
    while (i < text.n && is_space(text.p[i]))
      i++;
  }
  if (n != ARRAY_SIZE(fields))
    return arena_printf(a, "expected exactly %zu fields, found %zu: [%s]", ARRAY_SIZE(fields), n, list);
  for (size_t i = 0; i < n && !wrong; i++)
    wrong = check_field(a, found[i], &fields[i]);
  return wrong;
}

const char *
schedule_check(struct arena *a, struct span text)
{
  if (!text.n)
    return "empty spec string";
  if (span_starts(text, SPAN("TZ=")) || span_starts(text, SPAN("CRON_TZ="))) {
    struct span rest, zone = span_cut(text, ' ', &rest);
    (void)span_cut(zone, '=', &zone);
    if (!rest.p) /* the library slices up to -1, which panics */
      return "invalid schedule format: runtime error: slice bounds out of range [:-1]";
    if (zone.n && !zone_is_known(zone))
      return arena_printf(a, "provided bad location %.*s: unknown time zone %.*s", SPAN_FMT(zone), SPAN_FMT(zone));
    text = span_trim(rest);
  }
  if (text.n && text.p[0] == '@')
    return check_descriptor(a, text);
  return check_fields(a, text);
}

static bool
has_zone(struct span s)
{
  return s.n > 1 && memmem(s.p, s.n, "TZ", 2) != NULL;
}

void
validate_schedule(struct validation *v, const struct vpath *path, const struct json *spec, const struct json *old)
{
  struct span text = json_text_of(spec, "schedule");
  const char *wrong = schedule_check(v->a, text);
  bool was_there = old && has_zone(json_text_of(old, "schedule"));
  if (wrong)
    verr_invalid(v, path, text, wrong);
  if (!has_zone(text))
    return;
  if (!was_there)
    verr_invalid(v, path, text, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
  else if (json_has(spec, "timeZone"))
    verr_invalid(v, path, text, "cannot use both timeZone field and TZ or CRON_TZ in schedule");
}

/* A component of a zone's name: letters, digits, a few marks, 1 to 14 of them. */
static bool
is_zone_part(struct span s)
{
  if (!s.n || s.n > 14 || s.p[0] == '-' || span_is(s, ".") || span_is(s, ".."))
    return false;
  for (size_t i = 0; i < s.n; i++) {
    char c = s.p[i];
    bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!letter && c != '.' && c != '-' && c != '_' && c != '+')
      return false;
  }
  return true;
}

void
validate_time_zone(struct validation *v, const struct vpath *path, const struct json *zone)
{
  struct span name = json_is(zone, JSON_STRING) ? json_span(zone) : SPAN("");
  const char *unknown = arena_printf(v->a, "unknown time zone %.*s", SPAN_FMT(name));
  if (json_type(zone) == JSON_NULL)
    return;
  if (!name.n) {
    verr_invalid(v, path, name, "timeZone must be nil or non-empty string");
    return;
  }
  for (struct span rest = name; rest.p;)
    if (!is_zone_part(span_cut(rest, '/', &rest))) {
      verr_invalid(v, path, name, unknown);
      return;
    }
  if (name.n == 5 && strncasecmp(name.p, "Local", 5) == 0)
    verr_invalid(v, path, name, "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones");
  if (!zone_is_known(name))
    verr_invalid(v, path, name, unknown);
}
