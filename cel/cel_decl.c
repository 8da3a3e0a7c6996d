#include "cel_decl.h"

#include "cel_escape.h"

#include <string.h>

/* -- reading schemas -- */

bool
cel_decl_is_int_or_string(const struct json *schema)
{
  return json_get_bool(schema, "x-kubernetes-int-or-string", false);
}

bool
cel_decl_is_embedded(const struct json *schema)
{
  return json_get_bool(schema, "x-kubernetes-embedded-resource", false);
}

const struct json *
cel_decl_additional(const struct json *schema)
{
  const struct json *more = json_get(schema, "additionalProperties");

  return json_is(more, JSON_OBJECT) ? more : NULL;
}

/* A limit such as maxItems, not below 0; `otherwise` when the schema has none. */
static int64_t
limit(const struct json *schema, const char *name, int64_t otherwise)
{
  const struct json *v = json_get(schema, name);

  if (!json_is(v, JSON_INT) && !json_is(v, JSON_NUMBER))
    return otherwise;
  return json_double(v) < 0 ? 0 : json_int_or(v, (int64_t)json_double(v));
}

static bool
is_required(const struct json *schema, const char *name)
{
  return json_list_has(json_get(schema, "required"), name);
}

static bool
has_default(const struct json *schema)
{
  const struct json *v = json_get(schema, "default");

  return v && !json_is(v, JSON_NULL);
}

/* -- objects with metadata -- */

#define NAME_MAX_LENGTH 253 /* DNS1123SubdomainMaxLength */

static const struct json *
field_of_meta(const struct json *schema, const char *name)
{
  return json_dig(schema, "properties", "metadata", "properties", name, NULL);
}

static bool
is_typed(const struct json *schema, const char *type)
{
  return strcmp(json_get_str_or(schema, "type", ""), type) == 0;
}

static struct json *
typed(struct arena *a, const char *type)
{
  struct json *s = json_new_object(a);

  (void)json_set_str(a, s, "type", type);
  return s;
}

static struct json *
name_schema(struct arena *a, const struct json *existing, int64_t max)
{
  struct json *s = typed(a, "string");
  int64_t declared = limit(existing, "maxLength", max);

  (void)json_set_int(a, s, "maxLength", declared < max ? declared : max);
  return s;
}

const struct json *
cel_decl_with_meta(struct arena *a, const struct json *schema)
{
  const struct json *props = json_get(schema, "properties");
  struct json *all, *meta, *names;

  if (is_typed(json_get(props, "kind"), "string") && is_typed(json_get(props, "apiVersion"), "string") &&
      is_typed(json_get(props, "metadata"), "object") && is_typed(field_of_meta(schema, "name"), "string") &&
      is_typed(field_of_meta(schema, "generateName"), "string"))
    return schema;
  names = json_new_object(a);
  (void)json_set(a, names, "name", name_schema(a, field_of_meta(schema, "name"), NAME_MAX_LENGTH));
  (void)json_set(a, names, "generateName", name_schema(a, field_of_meta(schema, "generateName"), NAME_MAX_LENGTH - 1));
  meta = typed(a, "object");
  (void)json_set(a, meta, "properties", names);
  all = json_is(props, JSON_OBJECT) ? json_shallow(a, props) : json_new_object(a);
  (void)json_set(a, all, "kind", typed(a, "string"));
  (void)json_set(a, all, "apiVersion", typed(a, "string"));
  (void)json_set(a, all, "metadata", meta);
  meta = json_shallow(a, schema);
  (void)json_set(a, meta, "properties", all);
  return meta;
}

/* -- types -- */

static struct cel_decl
sized(struct arena *a, const struct cel_type *of, int64_t max, int64_t min)
{
  struct cel_type *t = arena_new_of(a, struct cel_type);

  *t = *of;
  t->max_size = max;
  return (struct cel_decl){ t, min };
}

/* A code point takes up to four bytes. */
static int64_t
text_max(const struct json *schema, int64_t otherwise)
{
  int64_t n = limit(schema, "maxLength", -1);

  return n < 0 ? otherwise : (int64_t)((uint64_t)n * 4);
}

static int64_t
longest_enum(const struct json *values)
{
  int64_t max = 0;

  for (json_each_item (p, values))
    if (json_is(*p, JSON_STRING) && (int64_t)(*p)->count > max)
      max = (*p)->count;
  return max;
}

static struct cel_decl
string_type(struct arena *a, const struct json *schema)
{
  static const struct {
    const char *format;
    const struct cel_type *type;
    int64_t max, min;
  } timed[] = {
    { "duration", &cel_duration, 32, 3 },
    { "date", &cel_timestamp, 12, 12 },
    { "date-time", &cel_timestamp, 32, 21 },
  };
  const char *format = json_get_str_or(schema, "format", "");
  const struct json *values = json_get(schema, "enum");

  for (size_t i = 0; i < ARRAY_SIZE(timed); i++)
    if (strcmp(format, timed[i].format) == 0)
      return sized(a, timed[i].type, timed[i].max, timed[i].min);
  if (strcmp(format, "byte") == 0)
    return sized(a, &cel_bytes, limit(schema, "maxLength", CEL_DECL_REQUEST_MAX - 2), 2);
  return sized(a, &cel_string, text_max(schema, json_count(values) ? longest_enum(values) : CEL_DECL_REQUEST_MAX - 2),
               2);
}

static struct cel_decl
array_type(struct arena *a, const struct json *schema, const char *name)
{
  const struct json *items = json_get(schema, "items");
  struct cel_decl item = { NULL, 0 };

  if (json_is(items, JSON_OBJECT))
    item = cel_decl_type(a, items, cel_decl_is_embedded(items), arena_printf(a, "%s.@idx", name));
  if (!item.type)
    return item;
  return sized(a, cel_type_with(a, &cel_list_dyn, item.type, NULL),
               limit(schema, "maxItems", (CEL_DECL_REQUEST_MAX - 2) / (item.min_size + 1)), 2);
}

static struct cel_decl
map_type(struct arena *a, const struct json *schema, const char *name)
{
  const struct json *values = cel_decl_additional(schema);
  struct cel_decl value = cel_decl_type(a, values, cel_decl_is_embedded(values), arena_printf(a, "%s.@elem", name));
  struct cel_decl key;

  if (!value.type)
    return value;
  key = sized(a, &cel_string, 0, 2);
  return sized(a, cel_type_map(a, key.type, value.type),
               limit(schema, "maxProperties", (CEL_DECL_REQUEST_MAX - 2) / (value.min_size + 6)), 2);
}

static struct cel_decl
object_type(struct arena *a, const struct json *schema, const char *name)
{
  const struct json *props = json_get(schema, "properties");
  struct cel_field *fields = arena_array_of(a, struct cel_field, json_count(props) + 1), *f = fields;
  struct cel_type *t = arena_new_of(a, struct cel_type);
  int64_t min = 2;

  for (json_each_member (m, props)) {
    const char *escaped = cel_escape(a, span_make(m->name, m->name_len));
    struct cel_decl d = cel_decl_type(a, m->value, cel_decl_is_embedded(m->value),
                                      arena_printf(a, "%s.%s", name, escaped ? escaped : m->name));

    if (!d.type)
      continue;
    if (escaped)
      *f++ = (struct cel_field){ escaped, d.type };
    if (is_required(schema, m->name) && !has_default(m->value))
      min += (int64_t)m->name_len + d.min_size + 4;
  }
  *t = (struct cel_type){ .kind = CEL_T_STRUCT, .name = name, .fields = fields };
  return (struct cel_decl){ t, min };
}

struct cel_decl
cel_decl_type(struct arena *a, const struct json *schema, bool root, const char *name)
{
  const char *type;

  if (cel_decl_is_int_or_string(schema))
    return sized(a, &cel_dyn, text_max(schema, CEL_DECL_REQUEST_MAX - 2), 1);
  if (root)
    schema = cel_decl_with_meta(a, schema);
  type = json_get_str_or(schema, "type", "");
  if (strcmp(type, "object") == 0)
    return cel_decl_additional(schema) ? map_type(a, schema, name) : object_type(a, schema, name);
  if (strcmp(type, "array") == 0)
    return array_type(a, schema, name);
  if (strcmp(type, "string") == 0)
    return string_type(a, schema);
  if (strcmp(type, "boolean") == 0)
    return sized(a, &cel_bool, 0, 4);
  if (strcmp(type, "number") == 0)
    return sized(a, &cel_double, 0, 1);
  if (strcmp(type, "integer") == 0)
    return sized(a, &cel_int, 0, 1);
  return (struct cel_decl){ NULL, 0 };
}
