#include "cel_lib.h"

#include <string.h>

/* Semantic versions (apiserver library/semverlib.go over blang/semver v4). */

static const char *
quoted(struct arena *a, const char *before, struct span s)
{
  _cleanup_strbuf_ struct strbuf b = { 0 };
  struct span text;

  strbuf_init(&b, 1024 * 1024);
  strbuf_puts(&b, before);
  strbuf_putc(&b, ' ');
  cel_quote(&b, s);
  text = strbuf_view(&b);
  return arena_strndup(a, text.p, text.n);
}

static bool
all_digits(struct span s)
{
  for (size_t i = 0; i < s.n; i++)
    if (s.p[i] < '0' || s.p[i] > '9')
      return false;
  return true;
}

static bool
all_alnum(struct span s)
{
  for (size_t i = 0; i < s.n; i++) {
    char c = s.p[i], lower = c | 0x20;

    if (!(c >= '0' && c <= '9') && !(lower >= 'a' && lower <= 'z') && c != '-')
      return false;
  }
  return true;
}

static const char *
parse_uint(struct arena *a, struct span s, uint64_t *ret)
{
  _cleanup_strbuf_ struct strbuf b = { 0 };
  uint64_t v = 0;
  bool range = false;

  for (size_t i = 0; i < s.n && !range; i++)
    range = __builtin_mul_overflow(v, UINT64_C(10), &v) || __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v);
  *ret = v;
  if (s.n && !range)
    return NULL;
  strbuf_init(&b, 1024 * 1024);
  cel_quote(&b, s);
  return arena_printf(a, "strconv.ParseUint: parsing %s: %s", strbuf_view(&b).p,
                      range ? "value out of range" : "invalid syntax");
}

static const char *
parse_number(struct arena *a, struct span s, unsigned which, uint64_t *ret)
{
  static const char *const bad[] = { "Invalid character(s) found in major number",
                                     "Invalid character(s) found in minor number",
                                     "Invalid character(s) found in patch number" };
  static const char *const zero[] = { "Major number must not contain leading zeroes",
                                      "Minor number must not contain leading zeroes",
                                      "Patch number must not contain leading zeroes" };

  if (!all_digits(s))
    return quoted(a, bad[which], s);
  if (s.n > 1 && s.p[0] == '0')
    return quoted(a, zero[which], s);
  return parse_uint(a, s, ret);
}

static const char *
check_prerelease(struct arena *a, struct span id)
{
  uint64_t ignored;

  if (!id.n)
    return "Prerelease is empty";
  if (all_digits(id)) {
    if (id.n > 1 && id.p[0] == '0')
      return quoted(a, "Numeric PreRelease version must not contain leading zeroes", id);
    return parse_uint(a, id, &ignored);
  }
  return all_alnum(id) ? NULL : quoted(a, "Invalid character(s) found in prerelease", id);
}

static const char *
check_build(struct arena *a, struct span id)
{
  if (!id.n)
    return "Build meta data is empty";
  return all_alnum(id) ? NULL : quoted(a, "Invalid character(s) found in build meta data", id);
}

static const char *
check_ids(struct arena *a, struct span ids, const char *(*check)(struct arena *, struct span))
{
  struct span rest = ids;

  for (;;) {
    struct span id = span_cut(rest, '.', &rest);
    const char *err = check(a, id);

    if (err || !rest.p)
      return err;
  }
}

/* The part after the first `c` in *ret (p NULL: none), and it and all behind it cut off from s. */
static struct span
cut_off(struct span s, char c, struct span *ret)
{
  struct span rest;

  s = span_cut(s, c, &rest);
  *ret = rest;
  return s;
}

/* Three numbers without leading zeroes, and no more digits than surely fit: most versions there are. */
bool
cel_semver_plain(struct span s, uint64_t ret[3])
{
  unsigned which = 0, digits = 0;

  ret[0] = ret[1] = ret[2] = 0;
  for (size_t i = 0; i < s.n; i++) {
    if (s.p[i] == '.' && digits && which < 2) {
      which++;
      digits = 0;
    } else if (s.p[i] >= '0' && s.p[i] <= '9' && digits < 18 && !(digits == 1 && ret[which] == 0)) {
      ret[which] = ret[which] * 10 + (uint64_t)(s.p[i] - '0');
      digits++;
    } else {
      return false;
    }
  }
  return which == 2 && digits;
}

const struct cel_semver *
cel_semver_parse(struct arena *a, struct span text, const char **ret_error)
{
  struct cel_semver *v = arena_new_of(a, struct cel_semver);
  struct span minor, patch, major;

  if (cel_semver_plain(text, v->number))
    return v;
  major = span_cut(text, '.', &minor);
  if (!text.n) {
    *ret_error = "Version string empty";
    return NULL;
  }
  patch = (struct span){ NULL, 0 };
  if (minor.p)
    minor = span_cut(minor, '.', &patch);
  if (!patch.p) {
    *ret_error = "No Major.Minor.Patch elements found";
    return NULL;
  }
  patch = cut_off(patch, '+', &v->build);
  patch = cut_off(patch, '-', &v->pre);
  if ((*ret_error = parse_number(a, major, 0, &v->number[0])) ||
      (*ret_error = parse_number(a, minor, 1, &v->number[1])) ||
      (*ret_error = parse_number(a, patch, 2, &v->number[2])))
    return NULL;
  if (v->pre.p && (*ret_error = check_ids(a, v->pre, check_prerelease)))
    return NULL;
  if (v->build.p && (*ret_error = check_ids(a, v->build, check_build)))
    return NULL;
  return v;
}

static int
compare_ids(struct span x, struct span y)
{
  bool nx = all_digits(x), ny = all_digits(y);

  if (nx != ny)
    return nx ? -1 : 1;
  if (nx && x.n != y.n) /* no leading zeroes: the longer number is the greater */
    return x.n < y.n ? -1 : 1;
  return span_cmp(x, y);
}

int
cel_semver_compare(const struct cel_semver *x, const struct cel_semver *y)
{
  struct span px = x->pre, py = y->pre;

  for (unsigned i = 0; i < 3; i++)
    if (x->number[i] != y->number[i])
      return x->number[i] < y->number[i] ? -1 : 1;
  if (!px.p || !py.p)
    return px.p ? -1 : py.p ? 1 : 0;
  for (;;) {
    struct span ix = span_cut(px, '.', &px), iy = span_cut(py, '.', &py);
    int r = compare_ids(ix, iy);

    if (r)
      return r < 0 ? -1 : 1;
    if (!px.p || !py.p)
      return px.p ? 1 : py.p ? -1 : 0;
  }
}

void
cel_semver_print(struct strbuf *b, const struct cel_semver *v)
{
  for (unsigned i = 0; i < 3; i++) {
    if (i)
      strbuf_putc(b, '.');
    strbuf_uint(b, v->number[i]);
  }
  if (v->pre.p) {
    strbuf_putc(b, '-');
    strbuf_span(b, v->pre);
  }
  if (v->build.p) {
    strbuf_putc(b, '+');
    strbuf_span(b, v->build);
  }
}

/* "v1.2" and "01.2.3" made "1.2.0" and "1.2.3"; NULL or the reason why not. */
static const char *
normalize(struct arena *a, struct span *s)
{
  _cleanup_strbuf_ struct strbuf b = { 0 };
  struct span rest, part;
  unsigned n = 0;

  strbuf_init(&b, 1024 * 1024);
  if (s->n && s->p[0] == 'v')
    *s = span_make(s->p + 1, s->n - 1);
  for (rest = *s; n < 3 && (n == 0 || rest.p); n++) {
    part = rest;
    rest = (struct span){ NULL, 0 };
    if (n < 2)
      part = span_cut(part, '.', &rest);
    if (part.n > 1) {
      while (part.n && part.p[0] == '0')
        part = span_make(part.p + 1, part.n - 1);
      if (n)
        strbuf_putc(&b, '.');
      if (!part.n || part.p[0] < '0' || part.p[0] > '9')
        strbuf_putc(&b, '0');
    } else if (n) {
      strbuf_putc(&b, '.');
    }
    strbuf_span(&b, part);
    if (n < 2 && !rest.p && (memchr(part.p, '+', part.n) || memchr(part.p, '-', part.n)))
      return "short version cannot contain PreRelease/Build meta data";
  }
  for (; n < 3; n++)
    strbuf_puts(&b, ".0");
  *s = arena_span(a, strbuf_view(&b));
  return NULL;
}

static const struct cel_semver *
parse_args(struct cel_eval *ev, const struct cel_value *args, unsigned n, const char **ret_error)
{
  struct span s = cel_span(args[0]);

  *ret_error = n == 2 && args[1].u.b ? normalize(ev->a, &s) : NULL;
  return *ret_error ? NULL : cel_semver_parse(ev->a, s, ret_error);
}

static struct cel_value
do_semver(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  const char *err;
  const struct cel_semver *v = parse_args(ev, args, n, &err);

  return v ? (struct cel_value){ .kind = CEL_SEMVER, .u.semver = v } : cel_fail(err);
}

static struct cel_value
is_semver(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  const char *err;

  return cel_of_bool(parse_args(ev, args, n, &err) != NULL);
}

static struct cel_value
compare_to(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return cel_of_int(cel_semver_compare(args[0].u.semver, args[1].u.semver));
}

static struct cel_value
is_greater(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  return cel_of_bool(compare_to(ev, args, n).u.i > 0);
}

static struct cel_value
is_less(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  return cel_of_bool(compare_to(ev, args, n).u.i < 0);
}

static struct cel_value
do_major(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return cel_of_int((int64_t)args[0].u.semver->number[0]);
}

static struct cel_value
do_minor(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return cel_of_int((int64_t)args[0].u.semver->number[1]);
}

static struct cel_value
do_patch(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return cel_of_int((int64_t)args[0].u.semver->number[2]);
}

#define ONE   .name_cost = CEL_COST_NOMINAL
#define PARSE .name_cost = CEL_COST_PARSE
#define V     &cel_semver_type

static const struct cel_overload semvers[] = {
  FN("semver", "string_to_semver", cel_semver_type, do_semver, PARSE, ARGS(&cel_string)),
  FN("semver", "string_bool_to_semver", cel_semver_type, do_semver, PARSE, ARGS(&cel_string, &cel_bool)),
  FN("isSemver", "is_semver_string", cel_bool, is_semver, PARSE, ARGS(&cel_string)),
  FN("isSemver", "is_semver_string_bool", cel_bool, is_semver, PARSE, ARGS(&cel_string, &cel_bool)),
  METHOD("isGreaterThan", "semver_is_greater_than", cel_bool, is_greater, ONE, ARGS(V, V)),
  METHOD("isLessThan", "semver_is_less_than", cel_bool, is_less, ONE, ARGS(V, V)),
  METHOD("compareTo", "semver_compare_to", cel_int, compare_to, ONE, ARGS(V, V)),
  METHOD("major", "semver_major", cel_int, do_major, ONE, ARGS(V)),
  METHOD("minor", "semver_minor", cel_int, do_minor, ONE, ARGS(V)),
  METHOD("patch", "semver_patch", cel_int, do_patch, ONE, ARGS(V)),
};

LIBRARY(cel_lib_semver, semvers);
