#include "cel_decl.h"

#include "cel_escape.h"
#include "codec.h"

#include <ctype.h>
#include <string.h>

/* JSON by its schema (UnstructuredToVal): errors stand where the value would, and count only when they are read. */

/* -- formats of strings (kube-openapi pkg/validation/strfmt) -- */

/* One "7 days" of a duration as Scala writes it. */
static bool
scala_part(struct span number, struct span unit, int64_t *total)
{
  static const struct {
    const char *unit, *prefix; /* the unit itself, or anything that begins with the prefix */
    int64_t ns;
  } units[] = {
    { "ns", "nano", 1 },
    { "us", "micro", 1000 },
    { "\xC2\xB5s", "micro", 1000 },
    { "ms", "milli", 1000000 },
    { "s", "sec", 1000000000 },
    { "m", "min", INT64_C(60000000000) },
    { "h", "hour", INT64_C(3600000000000) },
    { "hr", "hour", INT64_C(3600000000000) },
    { "d", "day", INT64_C(86400000000000) },
    { "w", "week", INT64_C(604800000000000) },
    { "wk", "week", INT64_C(604800000000000) },
  };
  int64_t n = 0;

  for (size_t i = 0; i < number.n; i++)
    if (__builtin_mul_overflow(n, INT64_C(10), &n) || __builtin_add_overflow(n, (int64_t)(number.p[i] - '0'), &n))
      return false;
  for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
    size_t u = strlen(units[i].unit), p = strlen(units[i].prefix);

    if ((unit.n == u && strncasecmp(unit.p, units[i].unit, u) == 0) ||
        (unit.n >= p && strncasecmp(unit.p, units[i].prefix, p) == 0)) {
      *total = (int64_t)((uint64_t)*total + (uint64_t)n * (uint64_t)units[i].ns);
      return true;
    }
  }
  return false;
}

static bool
unit_char(const char *p)
{
  return isalpha((unsigned char)*p) || *p == '\xC2' || *p == '\xB5';
}

static bool
scala_duration(struct span s, int64_t *ret)
{
  bool any = false;

  *ret = 0;
  for (size_t i = 0; i < s.n;) {
    size_t start = i, digits, unit;

    while (i < s.n && isdigit((unsigned char)s.p[i]))
      i++;
    digits = i;
    while (digits > start && i < s.n && isspace((unsigned char)s.p[i]))
      i++;
    for (unit = i; digits > start && i < s.n && unit_char(s.p + i);)
      i++;
    if (i > unit && digits > start)
      any |= scala_part(span_make(s.p + start, digits - start), span_make(s.p + unit, i - unit), ret);
    else if (i == start)
      i++;
  }
  return any;
}

static struct cel_value
duration_value(struct arena *a, struct span s)
{
  int64_t ns;

  if (cel_duration_parse(s, &ns) || scala_duration(s, &ns))
    return cel_of_duration(ns);
  return cel_failf(a, "Invalid duration %.*s: unable to parse %.*s as duration", SPAN_FMT(s), SPAN_FMT(s));
}

/* Where Go's parser for this layout gives up: a digit stands for any digit. */
static struct cel_value
time_error(struct arena *a, const char *what, struct span s, const char *layout)
{
  size_t i = 0, end;

  while (i < s.n && layout[i] &&
         (isdigit((unsigned char)layout[i]) ? isdigit((unsigned char)s.p[i]) : s.p[i] == layout[i]))
    i++;
  if (!layout[i])
    return cel_failf(a, "Invalid %s formatted string %.*s: parsing time \"%.*s\": extra text: %s", what, SPAN_FMT(s),
                     SPAN_FMT(s), cel_quoted(a, span_make(s.p + i, s.n - i)));
  while (i && isdigit((unsigned char)layout[i]) && isdigit((unsigned char)layout[i - 1]))
    i--;
  for (end = i + 1; isdigit((unsigned char)layout[i]) && isdigit((unsigned char)layout[end]);)
    end++;
  return cel_failf(a, "Invalid %s formatted string %.*s: parsing time \"%.*s\" as \"%s\": cannot parse %s as \"%.*s\"",
                   what, SPAN_FMT(s), SPAN_FMT(s), layout, cel_quoted(a, span_make(s.p + i, s.n - i)), (int)(end - i),
                   layout + i);
}

static struct cel_value
time_value(struct arena *a, struct span s, bool date)
{
  struct span whole = s;
  struct cel_value t;

  if (date)
    whole = span_of(arena_printf(a, "%.*sT00:00:00Z", SPAN_FMT(s)));
  else if (!s.n)
    return (struct cel_value){ .kind = CEL_TIMESTAMP };
  if (cel_time_parse(whole, &t))
    return t;
  if (!date && cel_time_parse(span_of(arena_printf(a, "%.*sZ", SPAN_FMT(s))), &t)) /* without a zone */
    return t;
  return date ? time_error(a, "date", s, "2006-01-02") : time_error(a, "date-time", s, "2006-01-02T15:04:05");
}

/* The URL alphabet with padding. */
static struct cel_value
bytes_value(struct arena *a, struct span s)
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(SIZE_MAX / 2);
  struct span body = s;
  size_t bad = 0;

  while (s.n % 4 == 0 && body.n && body.p[body.n - 1] == '=' && s.n - body.n < 2)
    body.n--;
  if (s.n % 4 == 0 && codec_unbase64url(&b, body))
    return cel_of_bytes(arena_span(a, strbuf_view(&b)));
  while (bad < s.n && (isalnum((unsigned char)s.p[bad]) || s.p[bad] == '-' || s.p[bad] == '_'))
    bad++;
  return cel_failf(a, "Invalid byte formatted string %.*s: illegal base64 data at input byte %zu", SPAN_FMT(s), bad);
}

static struct cel_value
string_value(struct arena *a, const struct json *schema, const struct json *v)
{
  const char *format = json_get_str_or(schema, "format", "");

  if (!json_is(v, JSON_STRING))
    return cel_failf(a, "invalid data, expected string, got %s", json_go_type(v));
  if (strcmp(format, "duration") == 0)
    return duration_value(a, json_span(v));
  if (strcmp(format, "date") == 0 || strcmp(format, "date-time") == 0)
    return time_value(a, json_span(v), format[4] == '\0');
  if (strcmp(format, "byte") == 0)
    return bytes_value(a, json_span(v));
  return cel_of_span(json_span(v));
}

/* -- lists and objects -- */

static const struct cel_list_keys *
list_keys(struct arena *a, const struct json *schema)
{
  const struct json *names = json_get(schema, "x-kubernetes-list-map-keys");
  struct cel_list_keys *keys = arena_new_of(a, struct cel_list_keys);

  keys->names = arena_array_of(a, const char *, json_count(names) + 1);
  for (json_each_item (p, names)) {
    const char *escaped = cel_escape(a, json_span(*p));

    keys->names[keys->n++] = escaped ? escaped : json_str(*p);
  }
  return keys;
}

static struct cel_value
list_value(struct arena *a, const struct json *schema, const struct json *v)
{
  const char *type = json_get_str_or(schema, "x-kubernetes-list-type", "atomic");
  const struct json *items = json_get(schema, "items");
  struct cel_value list;

  if (!json_is(v, JSON_ARRAY))
    return cel_fail("invalid data, expected an array for the provided schema with type=array");
  if (!items)
    return cel_fail("invalid array type, expected Items with a non-empty Schema");
  list = cel_list_new(a, v->count);
  list.u.list->rule = CEL_LIST_ATOMIC;
  if (strcmp(type, "set") == 0) {
    list.u.list->rule = CEL_LIST_SET;
  } else if (strcmp(type, "map") == 0) {
    list.u.list->rule = CEL_LIST_MAP;
    list.u.list->keys = list_keys(a, schema);
  } else if (strcmp(type, "atomic") != 0) {
    return cel_failf(a, "invalid x-kubernetes-list-type, expected 'map', 'set' or 'atomic' but got %s", type);
  }
  for (json_each_item (p, v))
    cel_list_push(a, list.u.list, cel_decl_value(a, items, *p));
  return list;
}

static struct cel_value
object_value(struct arena *a, const struct json *schema, const struct json *v)
{
  const struct json *props = json_get(schema, "properties"), *more = cel_decl_additional(schema);
  struct cel_object *from;
  struct cel_value map;

  if (!json_is(v, JSON_OBJECT))
    return cel_fail("invalid data, expected a map for the provided schema with type=object");
  if (cel_decl_is_embedded(schema)) {
    schema = cel_decl_with_meta(a, schema);
    props = json_get(schema, "properties");
  }
  map = cel_map_new(a, v->count);
  from = arena_new_of(a, struct cel_object);
  from->json = v;
  from->escaped = json_count(props) > 0;
  map.u.map->from = from;
  for (json_each_member (m, v)) {
    const struct json *s = from->escaped ? json_get_n(props, m->name, m->name_len) : more;

    if (!s || (from->escaped && json_is(m->value, JSON_NULL)))
      from->hidden++;
    else
      cel_map_put(a, map.u.map, cel_of_span(span_make(m->name, m->name_len)), cel_decl_value(a, s, m->value));
  }
  return map;
}

struct cel_value
cel_decl_value(struct arena *a, const struct json *schema, const struct json *v)
{
  const char *type = json_get_str_or(schema, "type", "");

  if (!v || json_is(v, JSON_NULL))
    return json_get_bool(schema, "nullable", false) ? cel_of_null()
                                                    : cel_fail("invalid data, got null for schema with nullable=false");
  if (cel_decl_is_int_or_string(schema))
    return json_is(v, JSON_STRING) || json_is(v, JSON_INT)
               ? cel_of_json(a, v)
               : cel_fail("invalid data, expected XIntOrString value to be either a string or integer");
  if (strcmp(type, "object") == 0)
    return object_value(a, schema, v);
  if (strcmp(type, "array") == 0)
    return list_value(a, schema, v);
  if (strcmp(type, "string") == 0)
    return string_value(a, schema, v);
  if (strcmp(type, "number") == 0)
    return json_is(v, JSON_INT) || json_is(v, JSON_NUMBER)
               ? cel_of_double(json_double(v))
               : cel_failf(a, "invalid data, expected float, got %s", json_go_type(v));
  if (strcmp(type, "integer") == 0)
    return json_is(v, JSON_INT) ? cel_of_int(v->u.integer)
                                : cel_failf(a, "invalid data, expected int, got %s", json_go_type(v));
  if (strcmp(type, "boolean") == 0)
    return json_is(v, JSON_BOOL) ? cel_of_bool(v->u.boolean)
                                 : cel_failf(a, "invalid data, expected bool, got %s", json_go_type(v));
  if (json_get_bool(schema, "x-kubernetes-preserve-unknown-fields", false))
    return (struct cel_value){ .kind = CEL_PRESERVED, .u.preserved = v };
  return cel_failf(a,
                   "invalid type, expected object, array, number, integer, boolean or string, or no type with "
                   "x-kubernetes-int-or-string or x-kubernetes-preserve-unknown-fields is true, got %s",
                   type);
}
