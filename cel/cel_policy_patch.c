#include "cel_policy_internal.h"

#include "cel_env.h"
#include "codec.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/*
 * Values that mutations made, as JSON (apiserver .../policy/mutating/patch, pkg/cel/mutation/dynamic). Numbers are
 * what protobuf's JSON makes of them: whole ones are integers, those that a double cannot hold are texts.
 */

#define EXACT_MAX INT64_C(9007199254740991) /* 2^53 - 1 */

static int convert(struct arena *a, struct cel_value v, struct json **ret, struct kerr *reterr);

static bool
is_object(struct cel_value v)
{
  return v.kind == CEL_MAP && v.u.map->object && v.u.map->object->any_field;
}

static struct json *
number(struct arena *a, double d)
{
  if (isnan(d) || isinf(d)) /* protobuf's JSON writes these as texts */
    return json_new_str(a, isnan(d) ? "NaN" : d > 0 ? "Infinity" : "-Infinity");
  if (d == trunc(d) && fabs(d) < 1e18)
    return json_new_int(a, (int64_t)d);
  return json_new_double(a, d);
}

static struct json *
printed(struct arena *a, struct cel_value v, void (*print)(struct strbuf *, struct cel_value))
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(64 * KiB);

  print(&b, v);
  return json_new_str(a, b.p);
}

/* Seconds with 0, 3, 6 or 9 digits, as protobuf writes durations. */
static void
print_duration(struct strbuf *b, struct cel_value v)
{
  uint64_t ns = v.u.i < 0 ? 0 - (uint64_t)v.u.i : (uint64_t)v.u.i, fraction = ns % 1000000000;

  strbuf_printf(b, "%s%" PRIu64, v.u.i < 0 ? "-" : "", ns / 1000000000);
  if (fraction % 1000000 == 0 && fraction)
    strbuf_printf(b, ".%03" PRIu64, fraction / 1000000);
  else if (fraction % 1000 == 0 && fraction)
    strbuf_printf(b, ".%06" PRIu64, fraction / 1000);
  else if (fraction)
    strbuf_printf(b, ".%09" PRIu64, fraction);
  strbuf_putc(b, 's');
}

static void
print_utc(struct strbuf *b, struct cel_value v)
{
  v.off = 0;
  cel_time_print(b, v);
}

static void
print_base64(struct strbuf *b, struct cel_value v)
{
  codec_base64(b, cel_span(v));
}

static int
convert_list(struct arena *a, const struct cel_list *l, struct json **ret, struct kerr *reterr)
{
  *ret = json_new_array(a);
  for (uint32_t i = 0; i < l->n; i++) {
    struct json *item;
    int r = convert(a, l->items[i], &item, reterr);

    if (r < 0)
      return r;
    (void)json_append(a, *ret, item);
  }
  return 0;
}

static int
convert_map(struct arena *a, const struct cel_map *m, struct json **ret, struct kerr *reterr)
{
  *ret = json_new_object(a);
  for (uint32_t i = 0; i < m->n; i++) {
    struct cel_value key = m->entries[i].key;
    struct json *value;
    int r;

    if (key.kind != CEL_STRING)
      return kerr_set(reterr, KERR_INVALID, NULL, "map key \"%s\" is of type %s, not string", cel_print_text(a, key),
                      cel_type_name(key));
    r = convert(a, cel_force(m->entries[i].value), &value, reterr);
    if (r < 0)
      return m->object ? kerr_wrap(reterr, "fail to convert field %s", cel_quoted(a, cel_span(key))) : r;
    (void)json_set_n(a, *ret, key.u.s, key.n, value);
  }
  return 0;
}

static int
convert(struct arena *a, struct cel_value v, struct json **ret, struct kerr *reterr)
{
  switch (v.kind) {
  case CEL_NULL:
    *ret = json_new_null(a);
    return 0;
  case CEL_BOOL:
    *ret = json_new_bool(a, v.u.b);
    return 0;
  case CEL_INT:
    *ret = v.u.i > EXACT_MAX || v.u.i < -EXACT_MAX ? json_new_strf(a, "%" PRId64, v.u.i) : json_new_int(a, v.u.i);
    return 0;
  case CEL_UINT:
    *ret = v.u.u > EXACT_MAX ? json_new_strf(a, "%" PRIu64, v.u.u) : json_new_int(a, v.u.i);
    return 0;
  case CEL_DOUBLE:
    *ret = number(a, v.u.d);
    return 0;
  case CEL_STRING:
    *ret = json_new_strn(a, v.u.s, v.n);
    return 0;
  case CEL_BYTES:
    *ret = printed(a, v, print_base64);
    return 0;
  case CEL_DURATION:
    *ret = printed(a, v, print_duration);
    return 0;
  case CEL_TIMESTAMP:
    *ret = printed(a, v, print_utc);
    return 0;
  case CEL_LIST:
    return convert_list(a, v.u.list, ret, reterr);
  case CEL_MAP:
    return convert_map(a, cel_map_filled(v.u.map), ret, reterr);
  case CEL_OPTIONAL:
    if (v.u.some)
      return convert(a, *v.u.some, ret, reterr);
    return kerr_set(reterr, KERR_INVALID, NULL, "optional.none() dereference");
  default:
    return kerr_set(reterr, KERR_INVALID, NULL, "type conversion error from '%s' to JSON", cel_type_name(v));
  }
}

/* -- names of structures: Object.spec.template stands in the field template of Object.spec -- */

static void
check_names(struct arena *a, struct cel_value v, const char *place, struct strbuf *errors)
{
  if (v.kind == CEL_LIST) {
    for (uint32_t i = 0; i < v.u.list->n; i++)
      check_names(a, v.u.list->items[i], place, errors);
    return;
  }
  if (v.kind != CEL_MAP)
    return;
  if (is_object(v) && strcmp(v.u.map->object->name, place) != 0)
    strbuf_printf(errors,
                  "%sunexpected type name \"%s\", expected \"%s\", which matches field name path from root Object type",
                  errors->n ? "\n" : "", v.u.map->object->name, place);
  for (uint32_t i = 0; i < cel_map_filled(v.u.map)->n; i++) {
    const struct cel_entry *e = &v.u.map->entries[i];

    check_names(a, e->value, is_object(v) ? arena_printf(a, "%s.%.*s", place, SPAN_FMT(cel_span(e->key))) : place,
                errors);
  }
}

static int
require_names(struct arena *a, struct cel_value v, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf errors = STRBUF_INIT(CEIL_REPLY);

  check_names(a, v, v.u.map->object->name, &errors);
  return errors.n ? kerr_set(reterr, KERR_INVALID, NULL, "type mismatch: %s", errors.p) : 0;
}

/* -- patches -- */

static int
operation(struct arena *a, const struct cel_map *m, struct json **ret, struct kerr *reterr)
{
  static const char *const texts[] = { "op", "path", "from" };
  const struct cel_value *value = cel_map_member(m, SPAN("value"));
  struct json *converted;
  int r;

  *ret = json_new_object(a);
  for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
    const struct cel_value *v = cel_map_member(m, span_of(texts[i]));

    if (i == 2 && (!v || !v->n)) /* only from may be absent */
      continue;
    (void)json_set(a, *ret, texts[i], v ? json_new_strn(a, v->u.s, v->n) : json_new_str(a, ""));
  }
  if (!value)
    return 0;
  r = is_object(*value) ? require_names(a, *value, reterr) : 0;
  if (r == 0 && (r = convert(a, *value, &converted, reterr)) < 0)
    return kerr_wrap(reterr, "JSONPath valueExpression evaluated to a type that could not marshal to JSON");
  if (r == 0)
    (void)json_set(a, *ret, "value", converted);
  return r;
}

int
policy_json_patch(struct arena *a, struct cel_value v, struct json **ret, struct kerr *reterr)
{
  *ret = json_new_array(a);
  if (v.kind != CEL_LIST)
    return kerr_set(reterr, KERR_INVALID, NULL, "type mismatch: JSONPatchType.expression should evaluate to array");
  for (uint32_t i = 0; i < v.u.list->n; i++) {
    struct cel_value item = v.u.list->items[i];
    struct json *op;
    int r;

    if (item.kind != CEL_MAP || !item.u.map->object || strcmp(item.u.map->object->name, CEL_JSON_PATCH_TYPE) != 0)
      return kerr_set(reterr, KERR_INVALID, NULL,
                      "type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch");
    r = operation(a, item.u.map, &op, reterr);
    if (r < 0)
      return r;
    (void)json_append(a, *ret, op);
  }
  return 0;
}

int
policy_apply_object(struct arena *a, struct cel_value v, struct json **ret, struct kerr *reterr)
{
  int r;

  if (!is_object(v))
    return kerr_set(reterr, KERR_INVALID, NULL, "unsupported return type from ApplyConfiguration expression: %s",
                    cel_type_name(v));
  r = require_names(a, v, reterr);
  return r < 0 ? r : convert(a, v, ret, reterr);
}
