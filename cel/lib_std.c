#include "cel_lib.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <inttypes.h>
#include <string.h>

/* -- size -- */

static struct cel_value
do_size(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  uint64_t size;

  (void)ev;
  (void)n;
  return cel_size(args[0], &size) ? cel_of_int((int64_t)size) : cel_no_overload();
}

/* -- conversions -- */

static struct cel_value
bad_conversion(struct cel_eval *ev, struct cel_value v, const char *to)
{
  return cel_failf(ev->a, "type conversion error from '%s' to '%s'", cel_type_name(v), to);
}

static struct cel_value
do_identity(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return args[0];
}

static struct cel_value
do_type(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return cel_of_type(cel_type_of(args[0]));
}

static struct cel_value
to_bool(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  static const char *const words[] = {
    "1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"
  };

  (void)n;
  for (size_t i = 0; i < ARRAY_SIZE(words); i++)
    if (span_is(cel_span(args[0]), words[i]))
      return cel_of_bool(i < 6);
  return bad_conversion(ev, args[0], "bool");
}

static struct cel_value
to_bytes(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return cel_of_bytes(cel_span(args[0]));
}

/* Decimal digits after an optional sign, as Go's ParseInt with base 10. */
static bool
read_int(struct span s, bool *negative, uint64_t *ret)
{
  uint64_t v = 0;
  size_t i = 0;

  *negative = false;
  if (s.n && (s.p[0] == '-' || s.p[0] == '+')) {
    *negative = s.p[0] == '-';
    i = 1;
  }
  if (i == s.n)
    return false;
  for (; i < s.n; i++) {
    unsigned digit = (unsigned char)s.p[i] - '0';

    if (digit > 9 || __builtin_mul_overflow(v, UINT64_C(10), &v) || __builtin_add_overflow(v, (uint64_t)digit, &v))
      return false;
  }
  *ret = v;
  return true;
}

static struct cel_value
to_int(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct cel_value v = args[0];
  bool negative;
  uint64_t u;

  (void)n;
  switch (v.kind) {
  case CEL_DOUBLE:
    if (!(v.u.d > -9223372036854775808.0 && v.u.d < 9223372036854775808.0))
      return cel_fail("integer overflow");
    return cel_of_int((int64_t)v.u.d);
  case CEL_UINT:
    return v.u.u > INT64_MAX ? cel_fail("integer overflow") : cel_of_int(v.u.i);
  case CEL_STRING:
    if (!read_int(cel_span(v), &negative, &u) || u > (uint64_t)INT64_MAX + negative)
      return bad_conversion(ev, v, "int");
    return cel_of_int(negative ? (int64_t)(0 - u) : (int64_t)u);
  default: /* duration: nanoseconds; timestamp: seconds */
    return cel_of_int(v.u.i);
  }
}

static struct cel_value
to_uint(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct cel_value v = args[0];
  bool negative;
  uint64_t u;

  (void)n;
  switch (v.kind) {
  case CEL_DOUBLE:
    if (!(v.u.d >= 0 && v.u.d < 18446744073709551616.0))
      return cel_fail("unsigned integer overflow");
    return cel_of_uint((uint64_t)v.u.d);
  case CEL_INT:
    return v.u.i < 0 ? cel_fail("unsigned integer overflow") : cel_of_uint(v.u.u);
  default:
    if (!v.n || v.u.s[0] == '+' || v.u.s[0] == '-' || !read_int(cel_span(v), &negative, &u))
      return bad_conversion(ev, v, "uint");
    return cel_of_uint(u);
  }
}

/* A number as Go's ParseFloat takes it: "1e3", ".5", "0x1p4", "-Inf". */
static bool
float_syntax(struct span s)
{
  static const char *const words[] = { "inf", "infinity", "nan" };
  size_t i = 0, digits = 0;
  bool hex = false, exponent = false;
  char e = 'e';

  if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
    i++;
  for (size_t w = 0; w < ARRAY_SIZE(words); w++)
    if (s.n - i == strlen(words[w]) && strncasecmp(s.p + i, words[w], s.n - i) == 0)
      return w < 2 || i == 0;
  if (s.n - i > 2 && s.p[i] == '0' && (s.p[i + 1] | 0x20) == 'x') {
    hex = true;
    e = 'p';
    i += 2;
  }
  for (bool point = false; i < s.n; i++) {
    char c = s.p[i];

    if (c == '.' && !point)
      point = true;
    else if ((c >= '0' && c <= '9') || (hex && ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')))
      digits++;
    else
      break;
  }
  if (!digits)
    return false;
  if (i < s.n && (s.p[i] | 0x20) == e) {
    exponent = true;
    i++;
    if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
      i++;
    digits = 0;
    for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
      digits++;
    if (!digits)
      return false;
  }
  return i == s.n && (!hex || exponent);
}

/* The text without its underscores, when they stand where Go allows them (underscoreOK). */
static bool
drop_underscores(struct cel_eval *ev, struct span *s)
{
  char *out, before = '^';
  size_t n = 0, i = 0;
  bool hex;

  if (!memchr(s->p, '_', s->n))
    return true;
  out = arena_alloc(ev->a, s->n + 1);
  if (i < s->n && (s->p[i] == '-' || s->p[i] == '+'))
    out[n++] = s->p[i++];
  hex = s->n - i >= 2 && s->p[i] == '0' && (s->p[i + 1] | 0x20) == 'x';
  if (hex) {
    out[n++] = s->p[i++];
    out[n++] = s->p[i++];
    before = '0';
  }
  for (; i < s->n; i++) {
    char c = s->p[i], lower = c | 0x20;

    if ((c >= '0' && c <= '9') || (hex && lower >= 'a' && lower <= 'f')) {
      before = '0';
    } else if (c == '_') {
      if (before != '0')
        return false;
      before = '_';
      continue;
    } else {
      if (before == '_')
        return false;
      before = '!';
    }
    out[n++] = c;
  }
  *s = span_make(out, n);
  return before != '_';
}

struct cel_value
cel_to_double(struct cel_eval *ev, struct cel_value v)
{
  struct span s;
  double d;

  switch (v.kind) {
  case CEL_INT:
    return cel_of_double((double)v.u.i);
  case CEL_UINT:
    return cel_of_double((double)v.u.u);
  case CEL_STRING:
    break;
  default:
    return v;
  }
  s = cel_span(v);
  if (!s.n || !drop_underscores(ev, &s) || !float_syntax(s))
    return bad_conversion(ev, v, "double");
  d = strtod(arena_strndup(ev->a, s.p, s.n), NULL);
  if (isinf(d) && (s.p[s.n - 1] | 0x20) != 'f' && (s.p[s.n - 1] | 0x20) != 'y')
    return bad_conversion(ev, v, "double");
  return cel_of_double(d);
}

static struct cel_value
to_double(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)n;
  return cel_to_double(ev, args[0]);
}

/* Seconds as the shortest decimal that is the same float64. */
static void
print_seconds(struct strbuf *b, int64_t ns)
{
  int64_t sec = ns / 1000000000, rest = ns % 1000000000;
  int digits = 9;

  if (ns && ns > -100000 && ns < 100000) { /* never with an exponent */
    for (; rest % 10 == 0; rest /= 10)
      digits--;
    strbuf_printf(b, "%s0.%0*" PRId64 "s", ns < 0 ? "-" : "", digits, rest < 0 ? -rest : rest);
    return;
  }
  cel_print_double(b, (double)sec + (double)rest / 1e9, 40);
  strbuf_putc(b, 's');
}

struct cel_value
cel_to_string(struct cel_eval *ev, struct cel_value v)
{
  _cleanup_strbuf_ struct strbuf b = { 0 };
  struct span s;

  strbuf_init(&b, 64 * 1024);
  switch (v.kind) {
  case CEL_STRING:
    return v;
  case CEL_BYTES:
    if (!span_utf8_valid(cel_span(v)))
      return cel_fail("invalid UTF-8 in bytes, cannot convert to string");
    return cel_of_span(cel_span(v));
  case CEL_DOUBLE:
    cel_print_double(&b, v.u.d, 6);
    break;
  case CEL_DURATION:
    print_seconds(&b, v.u.i);
    break;
  case CEL_TIMESTAMP:
    cel_time_print(&b, v);
    break;
  case CEL_BOOL:
  case CEL_INT:
  case CEL_UINT:
  case CEL_IP:
  case CEL_CIDR:
    cel_print(&b, v);
    break;
  case CEL_TYPE:
    strbuf_puts(&b, v.u.type->name);
    break;
  case CEL_NULL:
    strbuf_puts(&b, "null");
    break;
  default:
    return bad_conversion(ev, v, "string");
  }
  s = strbuf_view(&b);
  return cel_of_span(arena_span(ev->a, s));
}

static struct cel_value
to_string(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)n;
  return cel_to_string(ev, args[0]);
}

/* -- strings -- */

static struct cel_value
do_contains(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  if (args[0].kind != CEL_STRING || args[1].kind != CEL_STRING)
    return cel_no_overload();
  return cel_of_bool(args[1].n == 0 || memmem(args[0].u.s, args[0].n, args[1].u.s, args[1].n));
}

static struct cel_value
do_starts_with(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  if (args[0].kind != CEL_STRING || args[1].kind != CEL_STRING)
    return cel_no_overload();
  return cel_of_bool(span_starts(cel_span(args[0]), cel_span(args[1])));
}

static struct cel_value
do_ends_with(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  if (args[0].kind != CEL_STRING || args[1].kind != CEL_STRING)
    return cel_no_overload();
  return cel_of_bool(span_ends(cel_span(args[0]), cel_span(args[1])));
}

/* -- internals of macros -- */

static struct cel_value
insert_one(struct cel_eval *ev, struct cel_map *m, struct cel_value key, struct cel_value value)
{
  const struct cel_value *found = cel_map_find(m, key);

  if (found && found != m->fallback)
    return cel_failf(ev->a, "insert failed: key %s already exists", cel_print_text(ev->a, key));
  if (key.kind == CEL_SEMVER || key.kind == CEL_BYTES)
    return cel_fatal(key.kind == CEL_BYTES ? "internal error: runtime error: hash of unhashable type types.Bytes"
                                           : "internal error: runtime error: hash of unhashable type cel.Semver");
  cel_map_put(ev->a, m, key, value);
  return (struct cel_value){ .kind = CEL_MAP, .u.map = m };
}

static struct cel_map *
growing_copy(struct cel_eval *ev, struct cel_map *m)
{
  struct cel_value copy;

  if (m->growing)
    return m;
  copy = cel_map_new(ev->a, cel_map_filled(m)->n + 1);
  for (uint32_t i = 0; i < m->n; i++)
    cel_map_put(ev->a, copy.u.map, m->entries[i].key, m->entries[i].value);
  return copy.u.map;
}

static struct cel_value
do_map_insert(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct cel_map *m = growing_copy(ev, args[0].u.map);
  struct cel_value r = args[0];

  if (n == 3)
    return insert_one(ev, m, args[1], args[2]);
  r.u.map = m;
  for (uint32_t i = 0; i < cel_map_filled(args[1].u.map)->n && !cel_is_error(r); i++)
    r = insert_one(ev, m, args[1].u.map->entries[i].key, args[1].u.map->entries[i].value);
  return r;
}

/* -- the table -- */

#define CONVERT(name, id, res, fn, from) FN(name, id, res, fn, ARGS(&(from)))
#define SIZE(make, id, from, ...) \
  make("size", id, cel_int, do_size, .guard = CEL_TRAIT, .trait = CEL_SIZED, __VA_ARGS__, ARGS(&(from)))

static const struct cel_overload std[] = {
  SIZE(FN, "size_bytes", cel_bytes, .nvars = 0),
  SIZE(METHOD, "bytes_size", cel_bytes, .nvars = 0),
  SIZE(FN, "size_list", cel_list_a, .nvars = 1),
  SIZE(METHOD, "list_size", cel_list_a, .nvars = 1),
  SIZE(FN, "size_map", cel_map_ab, .nvars = 2),
  SIZE(METHOD, "map_size", cel_map_ab, .nvars = 2),
  SIZE(FN, "size_string", cel_string, .nvars = 0),
  SIZE(METHOD, "string_size", cel_string, .nvars = 0),
  FN("type", "type", cel_type_a, do_type, .nvars = 1, .guard = CEL_OPEN, ARGS(&cel_param_a)),
  CONVERT("bool", "bool_to_bool", cel_bool, do_identity, cel_bool),
  CONVERT("bool", "string_to_bool", cel_bool, to_bool, cel_string),
  CONVERT("bytes", "bytes_to_bytes", cel_bytes, do_identity, cel_bytes),
  FN("bytes", "string_to_bytes", cel_bytes, to_bytes, .cost = CEL_COST_TO_BYTES, ARGS(&cel_string)),
  CONVERT("double", "double_to_double", cel_double, do_identity, cel_double),
  CONVERT("double", "int64_to_double", cel_double, to_double, cel_int),
  CONVERT("double", "string_to_double", cel_double, to_double, cel_string),
  CONVERT("double", "uint64_to_double", cel_double, to_double, cel_uint),
  FN("dyn", "to_dyn", cel_dyn, do_identity, .nvars = 1, .guard = CEL_OPEN, ARGS(&cel_param_a)),
  CONVERT("int", "int64_to_int64", cel_int, do_identity, cel_int),
  CONVERT("int", "double_to_int64", cel_int, to_int, cel_double),
  CONVERT("int", "duration_to_int64", cel_int, to_int, cel_duration),
  CONVERT("int", "string_to_int64", cel_int, to_int, cel_string),
  CONVERT("int", "timestamp_to_int64", cel_int, to_int, cel_timestamp),
  CONVERT("int", "uint64_to_int64", cel_int, to_int, cel_uint),
  CONVERT("string", "string_to_string", cel_string, do_identity, cel_string),
  CONVERT("string", "bool_to_string", cel_string, to_string, cel_bool),
  FN("string", "bytes_to_string", cel_string, to_string, .cost = CEL_COST_TO_STRING, ARGS(&cel_bytes)),
  CONVERT("string", "double_to_string", cel_string, to_string, cel_double),
  CONVERT("string", "duration_to_string", cel_string, to_string, cel_duration),
  CONVERT("string", "int64_to_string", cel_string, to_string, cel_int),
  CONVERT("string", "timestamp_to_string", cel_string, to_string, cel_timestamp),
  CONVERT("string", "uint64_to_string", cel_string, to_string, cel_uint),
  CONVERT("string", "ip_to_string", cel_string, to_string, cel_ip_type),
  CONVERT("string", "cidr_to_string", cel_string, to_string, cel_cidr_type),
  CONVERT("uint", "uint64_to_uint64", cel_uint, do_identity, cel_uint),
  CONVERT("uint", "double_to_uint64", cel_uint, to_uint, cel_double),
  CONVERT("uint", "int64_to_uint64", cel_uint, to_uint, cel_int),
  CONVERT("uint", "string_to_uint64", cel_uint, to_uint, cel_string),
  METHOD("contains", "contains_string", cel_bool, do_contains, .guard = CEL_OPEN, .cost = CEL_COST_CONTAINS,
         ARGS(&cel_string, &cel_string)),
  METHOD("endsWith", "ends_with_string", cel_bool, do_ends_with, .guard = CEL_OPEN, .cost = CEL_COST_SCAN_ARG1,
         ARGS(&cel_string, &cel_string)),
  METHOD("startsWith", "starts_with_string", cel_bool, do_starts_with, .guard = CEL_OPEN, .cost = CEL_COST_SCAN_ARG1,
         ARGS(&cel_string, &cel_string)),
  FN("cel.@mapInsert", "@mapInsert_map_key_value", cel_map_ab, do_map_insert, .nvars = 2, .var_args = true,
     ARGS(&cel_map_ab, &cel_param_a, &cel_param_b)),
  FN("cel.@mapInsert", "@mapInsert_map_map", cel_map_ab, do_map_insert, .nvars = 2, ARGS(&cel_map_ab, &cel_map_ab)),
};

LIBRARY(cel_lib_std, std);
