#include "cel_typed.h"

#include "codec.h"

#include <stdlib.h>
#include <string.h>

static void
write_text(struct strbuf *b, const char *type, struct span text)
{
  strbuf_printf(b, "{\"%s\":", type);
  json_write_str(b, text, 0);
  strbuf_putc(b, '}');
}

/* What cel_print, or `print`, makes of the value, as a JSON string. */
static void
write_printed(struct strbuf *b, const char *type, struct cel_value v, void (*print)(struct strbuf *, struct cel_value))
{
  _cleanup_strbuf_ struct strbuf text = { 0 };

  strbuf_init(&text, 1024 * 1024);
  print(&text, v);
  write_text(b, type, strbuf_view(&text));
}

static void
print_double(struct strbuf *b, struct cel_value v)
{
  cel_print_double(b, v.u.d, 6);
}

static void
print_int(struct strbuf *b, struct cel_value v)
{
  strbuf_int(b, v.u.i);
}

static void
write_bytes(struct strbuf *b, struct span raw)
{
  strbuf_puts(b, "{\"bytes\":\"");
  codec_base64(b, raw);
  strbuf_puts(b, "\"}");
}

static void
write_list(struct strbuf *b, const struct cel_list *l)
{
  strbuf_puts(b, "{\"list\":[");
  for (uint32_t i = 0; i < l->n; i++) {
    if (i)
      strbuf_putc(b, ',');
    cel_typed_write(b, l->items[i]);
  }
  strbuf_puts(b, "]}");
}

static void
write_map(struct strbuf *b, const struct cel_map *m)
{
  _cleanup_arena_ struct arena *a = arena_new(64 * 1024 * 1024);
  const struct cel_entry **sorted = cel_map_sorted(a, m);

  strbuf_puts(b, "{\"map\":[");
  for (uint32_t i = 0; i < m->n; i++) {
    strbuf_puts(b, i ? ",[" : "[");
    cel_typed_write(b, sorted[i]->key);
    strbuf_putc(b, ',');
    if (cel_key_same(sorted[i]->key, sorted[i]->key))
      cel_typed_write(b, sorted[i]->value);
    else /* a NaN: what stands under it cannot be looked up */
      strbuf_puts(b, "{\"errorValue\":\"no such key: NaN\"}");
    strbuf_putc(b, ']');
  }
  strbuf_puts(b, "]}");
}

void
cel_typed_write(struct strbuf *b, struct cel_value v)
{
  switch ((enum cel_kind)v.kind) {
  case CEL_NULL:
    strbuf_puts(b, "{\"null\":null}");
    break;
  case CEL_BOOL:
    strbuf_printf(b, "{\"bool\":%s}", v.u.b ? "true" : "false");
    break;
  case CEL_INT:
    write_printed(b, "int", v, cel_print);
    break;
  case CEL_UINT:
    write_printed(b, "uint", v, cel_print);
    break;
  case CEL_DOUBLE:
    write_printed(b, "double", v, print_double);
    break;
  case CEL_STRING:
    write_text(b, "string", cel_span(v));
    break;
  case CEL_BYTES:
    write_bytes(b, cel_span(v));
    break;
  case CEL_DURATION:
    write_printed(b, "duration", v, print_int);
    break;
  case CEL_TIMESTAMP:
    write_printed(b, "timestamp", v, cel_time_print);
    break;
  case CEL_LIST:
    write_list(b, v.u.list);
    break;
  case CEL_MAP:
    if (v.u.map->object && v.u.map->object->any_field)
      write_text(b, "other", span_of(v.u.map->object->name));
    else
      write_map(b, cel_map_filled(v.u.map));
    break;
  case CEL_TYPE:
    write_text(b, "type", span_of(v.u.type->name));
    break;
  case CEL_OPTIONAL:
    strbuf_puts(b, "{\"optional\":");
    if (v.u.some)
      cel_typed_write(b, *v.u.some);
    else
      strbuf_puts(b, "null");
    strbuf_putc(b, '}');
    break;
  case CEL_QUANTITY:
    write_printed(b, "quantity", v, cel_print);
    break;
  case CEL_SEMVER:
    write_printed(b, "semver", v, cel_print);
    break;
  case CEL_IP:
    write_printed(b, "ip", v, cel_print);
    break;
  case CEL_CIDR:
    write_printed(b, "cidr", v, cel_print);
    break;
  case CEL_URL:
    write_printed(b, "url", v, cel_print);
    break;
  case CEL_FORMAT:
    write_printed(b, "format", v, cel_print);
    break;
  case CEL_LAZY:
    cel_typed_write(b, cel_force(v));
    break;
  case CEL_ERROR:
  case CEL_PRESERVED:
  case CEL_AUTHORIZER:
  case CEL_PATH_CHECK:
  case CEL_GROUP_CHECK:
  case CEL_RESOURCE_CHECK:
  case CEL_DECISION:
  case CEL_KIND_COUNT:
    write_text(b, "other", span_of(cel_type_name(v)));
    break;
  }
}

/* -- reading -- */

static bool
read_list(struct arena *a, const struct json *v, struct cel_value *ret)
{
  struct cel_value item;

  *ret = cel_list_new(a, (uint32_t)json_count(v));
  for (json_each_item (p, v)) {
    if (!cel_typed_read(a, *p, &item))
      return false;
    cel_list_push(a, ret->u.list, item);
  }
  return json_is(v, JSON_ARRAY);
}

static bool
read_map(struct arena *a, const struct json *v, struct cel_value *ret)
{
  struct cel_value key, value;

  *ret = cel_map_new(a, (uint32_t)json_count(v));
  for (json_each_item (p, v)) {
    if (!cel_typed_read(a, json_at(*p, 0), &key) || !cel_typed_read(a, json_at(*p, 1), &value))
      return false;
    cel_map_put(a, ret->u.map, key, value);
  }
  return json_is(v, JSON_ARRAY);
}

static bool
read_optional(struct arena *a, const struct json *v, struct cel_value *ret)
{
  struct cel_value inner;

  *ret = cel_none();
  if (json_is(v, JSON_NULL))
    return true;
  if (!cel_typed_read(a, v, &inner))
    return false;
  *ret = cel_some(a, inner);
  return true;
}

static bool
read_bytes(struct arena *a, const struct json *v, struct cel_value *ret)
{
  _cleanup_strbuf_ struct strbuf raw = { 0 };

  strbuf_init(&raw, 64 * 1024 * 1024);
  if (!json_str(v) || !codec_unbase64(&raw, json_span(v)))
    return false;
  *ret = cel_of_bytes(arena_span(a, strbuf_view(&raw)));
  return true;
}

static bool
read_scalar(struct arena *a, const char *type, const struct json *v, struct cel_value *ret)
{
  const char *text = json_str(v), *why;

  if (!text)
    return false;
  if (strcmp(type, "int") == 0) {
    *ret = cel_of_int(strtoll(text, NULL, 10));
  } else if (strcmp(type, "uint") == 0) {
    *ret = cel_of_uint(strtoull(text, NULL, 10));
  } else if (strcmp(type, "double") == 0) {
    *ret = cel_of_double(strtod(text, NULL));
  } else if (strcmp(type, "duration") == 0) {
    *ret = cel_of_duration(strtoll(text, NULL, 10));
  } else if (strcmp(type, "timestamp") == 0) {
    return cel_time_parse(json_span(v), ret);
  } else if (strcmp(type, "quantity") == 0) {
    *ret = cel_quantity_parse(a, json_span(v));
    return !cel_is_error(*ret);
  } else if (strcmp(type, "semver") == 0) {
    *ret = (struct cel_value){ .kind = CEL_SEMVER, .u.semver = cel_semver_parse(a, json_span(v), &why) };
    return ret->u.semver != NULL;
  } else if (strcmp(type, "type") == 0) {
    const struct cel_type *t = cel_type_parse(a, json_span(v));

    *ret = cel_of_type(t);
    return t != NULL;
  } else {
    return false;
  }
  return true;
}

bool
cel_typed_read(struct arena *a, const struct json *v, struct cel_value *ret)
{
  const struct json_member *m = json_count(v) == 1 && json_is(v, JSON_OBJECT) ? v->u.members : NULL;

  if (!m)
    return false;
  if (strcmp(m->name, "null") == 0) {
    *ret = cel_of_null();
    return true;
  }
  if (strcmp(m->name, "bool") == 0) {
    *ret = cel_of_bool(json_is(m->value, JSON_BOOL) && m->value->u.boolean);
    return json_is(m->value, JSON_BOOL);
  }
  if (strcmp(m->name, "string") == 0) {
    *ret = cel_of_span(json_span(m->value));
    return json_is(m->value, JSON_STRING);
  }
  if (strcmp(m->name, "bytes") == 0)
    return read_bytes(a, m->value, ret);
  if (strcmp(m->name, "list") == 0)
    return read_list(a, m->value, ret);
  if (strcmp(m->name, "map") == 0)
    return read_map(a, m->value, ret);
  if (strcmp(m->name, "optional") == 0)
    return read_optional(a, m->value, ret);
  return read_scalar(a, m->name, m->value, ret);
}
