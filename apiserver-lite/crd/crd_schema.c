#include "crd_schema.h"

#include <stdlib.h>
#include <string.h>

#include "cel_regex.h"
#include "crd_check.h"

static const struct schema *compile(struct schema_compiler *c, const struct json *props, bool nested);

/* -- lookups -- */

static int
by_name(const void *x, const void *y)
{
  const struct schema_property *a = x, *b = y;

  return span_cmp(a->name, b->name);
}

const struct schema *
schema_property_find(const struct schema *s, const char *name, size_t n)
{
  struct schema_property wanted = { .name = { name, n } }, *found;

  if (!s || !s->n_properties)
    return NULL;
  found = bsearch(&wanted, s->properties, s->n_properties, sizeof wanted, by_name);
  return found ? found->schema : NULL;
}

const struct schema *
schema_member(const struct schema *s, const char *name, size_t n)
{
  const struct schema *found = schema_property_find(s, name, n);

  return found || !s ? found : s->additional;
}

static const char *const type_names[] = {
  [SCHEMA_ANY] = "",
  [SCHEMA_OBJECT] = "object",
  [SCHEMA_ARRAY] = "array",
  [SCHEMA_STRING] = "string",
  [SCHEMA_INTEGER] = "integer",
  [SCHEMA_NUMBER] = "number",
  [SCHEMA_BOOLEAN] = "boolean",
};

const char *
schema_type_text(const struct schema *s)
{
  return s->flags & SCHEMA_INT_OR_STRING ? "integer,string" : type_names[s->type];
}

/* -- pieces -- */

static enum schema_type
type_of(const struct json *props)
{
  const char *name = json_get_str_or(props, "type", "");

  for (size_t i = SCHEMA_OBJECT; i < ARRAY_SIZE(type_names); i++)
    if (strcmp(type_names[i], name) == 0)
      return (enum schema_type)i;
  return SCHEMA_ANY;
}

static const char *const *
texts_of(struct arena *a, const struct json *list, size_t *ret_n)
{
  size_t n = json_count(list);
  const char **texts = n ? arena_array_of(a, const char *, n) : NULL;

  for (size_t i = 0; i < n; i++) {
    const char *text = json_str(json_at(list, i));

    texts[i] = arena_strdup(a, text ? text : "");
  }
  *ret_n = n;
  return texts;
}

static void
take_properties(struct schema_compiler *c, const struct json *props, struct schema *s, bool nested)
{
  const struct json *list = json_get(props, "properties");
  struct schema_property *out = arena_array_of(c->a, struct schema_property, json_count(list) + 1);

  for (json_each_member (m, list)) {
    out[s->n_properties].name = arena_span(c->a, span_make(m->name, m->name_len));
    out[s->n_properties++].schema = compile(c, m->value, nested);
  }
  if (s->n_properties)
    qsort(out, s->n_properties, sizeof out[0], by_name);
  s->properties = out;
}

static void
take_additional(struct schema_compiler *c, const struct json *props, struct schema *s, bool nested)
{
  const struct json *v = json_get(props, "additionalProperties");

  if (json_is(v, JSON_OBJECT))
    s->additional = compile(c, v, nested);
  if (json_is(v, JSON_OBJECT) || (json_is(v, JSON_BOOL) && v->u.boolean))
    s->flags |= SCHEMA_ADDITIONAL;
  else if (json_is(v, JSON_BOOL))
    s->flags |= SCHEMA_NO_ADDITIONAL;
}

static void
take_extensions(struct schema_compiler *c, const struct json *props, struct schema *s)
{
  const char *list = json_get_str_or(props, "x-kubernetes-list-type", "");
  const char *map = json_get_str_or(props, "x-kubernetes-map-type", "");
  size_t n;

  if (json_get_bool(props, "nullable", false))
    s->flags |= SCHEMA_NULLABLE;
  if (json_get_bool(props, "x-kubernetes-preserve-unknown-fields", false))
    s->flags |= SCHEMA_PRESERVE;
  if (json_get_bool(props, "x-kubernetes-embedded-resource", false))
    s->flags |= SCHEMA_EMBEDDED | SCHEMA_HAS_EMBEDDED;
  if (json_get_bool(props, "x-kubernetes-int-or-string", false))
    s->flags |= SCHEMA_INT_OR_STRING;
  if (strcmp(map, "atomic") == 0)
    s->flags |= SCHEMA_MAP_ATOMIC;
  if (strcmp(list, "set") == 0 || strcmp(list, "map") == 0) {
    s->list = strcmp(list, "set") == 0 ? SCHEMA_LIST_SET : SCHEMA_LIST_MAP;
    s->flags |= SCHEMA_HAS_LISTS;
  }
  s->keys = texts_of(c->a, json_get(props, "x-kubernetes-list-map-keys"), &n);
  s->n_keys = (uint16_t)n;
  s->required = texts_of(c->a, json_get(props, "required"), &n);
  s->n_required = (uint16_t)n;
}

/* -- limits -- */

/*
 * The format counts when the type has it (StripUnsupportedFormatsPostProcessor); others are as if not there. The
 * formats of strings are crd_format.c's business.
 */
static void
take_format(struct schema_compiler *c, const struct json *props, const struct schema *s, struct schema_limits *l)
{
  static const struct {
    const char *name;
    enum schema_type type;
    enum schema_format format;
  } numbers[] = {
    { "int32", SCHEMA_INTEGER, FORMAT_INT32 },
    { "int64", SCHEMA_INTEGER, FORMAT_INT64 },
    { "float", SCHEMA_NUMBER, FORMAT_FLOAT },
    { "double", SCHEMA_NUMBER, FORMAT_DOUBLE },
  };
  const char *name = json_get_str_or(props, "format", "");

  if (!*name)
    return;
  for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
    if (s->type == numbers[i].type && strcmp(numbers[i].name, name) == 0)
      l->format = numbers[i].format;
  if ((s->type == SCHEMA_STRING || s->type == SCHEMA_ANY) && !(s->flags & SCHEMA_INT_OR_STRING) &&
      format_is_known(name))
    l->format = FORMAT_TEXT;
  l->format_name = arena_strdup(c->a, name);
}

static void
take_pattern(struct schema_compiler *c, const struct json *props, struct schema_limits *l)
{
  struct span pattern = json_span(json_get(props, "pattern"));
  struct cel_regex *re;

  if (!pattern.n)
    return;
  l->pattern = arena_strndup(c->a, pattern.p, pattern.n);
  l->regex = cel_regex_known(c->regexes, pattern);
  if (l->regex)
    return;
  re = cel_regex_new(c->a, span_of(l->pattern), &l->regex_error);
  if (re)
    cel_regex_link(re, &c->regexes);
  l->regex = re;
}

static void
take_numbers(const struct json *props, struct schema_limits *l)
{
  const struct json *maximum = json_get(props, "maximum"), *minimum = json_get(props, "minimum");
  const struct json *multiple = json_get(props, "multipleOf");

  l->has_maximum = json_type(maximum) != JSON_NULL;
  l->has_minimum = json_type(minimum) != JSON_NULL;
  l->has_multiple_of = json_type(multiple) != JSON_NULL;
  l->maximum = json_double(maximum);
  l->minimum = json_double(minimum);
  l->multiple_of = json_double(multiple);
  l->exclusive_maximum = json_get_bool(props, "exclusiveMaximum", false);
  l->exclusive_minimum = json_get_bool(props, "exclusiveMinimum", false);
  l->unique_items = json_get_bool(props, "uniqueItems", false);
  l->max_length = json_get_int(props, "maxLength", SCHEMA_NO_LIMIT);
  l->min_length = json_get_int(props, "minLength", SCHEMA_NO_LIMIT);
  l->max_items = json_get_int(props, "maxItems", SCHEMA_NO_LIMIT);
  l->min_items = json_get_int(props, "minItems", SCHEMA_NO_LIMIT);
  l->max_properties = json_get_int(props, "maxProperties", SCHEMA_NO_LIMIT);
  l->min_properties = json_get_int(props, "minProperties", SCHEMA_NO_LIMIT);
}

static const struct schema *const *
alternatives(struct schema_compiler *c, const struct json *list, uint32_t *ret_n)
{
  size_t n = json_count(list);
  const struct schema **out = n ? arena_array_of(c->a, const struct schema *, n) : NULL;

  for (size_t i = 0; i < n; i++)
    out[i] = compile(c, json_at(list, i), true);
  *ret_n = (uint32_t)n;
  return out;
}

static bool
has_limits(const struct json *props)
{
  static const char *const names[] = { "format",    "maximum",    "minimum",  "multipleOf",    "maxLength",
                                       "minLength", "maxItems",   "minItems", "maxProperties", "minProperties",
                                       "pattern",   "enum",       "allOf",    "anyOf",         "oneOf",
                                       "not",       "uniqueItems" };

  for (size_t i = 0; i < ARRAY_SIZE(names); i++)
    if (json_get(props, names[i]))
      return true;
  return false;
}

static void
take_limits(struct schema_compiler *c, const struct json *props, struct schema *s)
{
  struct schema_limits *l;

  if (!has_limits(props))
    return;
  l = arena_new_of(c->a, struct schema_limits);
  take_numbers(props, l);
  take_format(c, props, s, l);
  take_pattern(c, props, l);
  if (json_is(json_get(props, "enum"), JSON_ARRAY))
    l->enum_ = json_copy(c->a, json_get(props, "enum"));
  l->all_of = alternatives(c, json_get(props, "allOf"), &l->n_all_of);
  l->any_of = alternatives(c, json_get(props, "anyOf"), &l->n_any_of);
  l->one_of = alternatives(c, json_get(props, "oneOf"), &l->n_one_of);
  if (json_is(json_get(props, "not"), JSON_OBJECT))
    l->not_ = compile(c, json_get(props, "not"), true);
  s->limits = l;
}

/* -- nodes -- */

/* What is said about everything below, so that walks can stop early. */
static void
inherit(struct schema *s, const struct schema *below)
{
  if (!below)
    return;
  s->flags |= below->flags & (SCHEMA_HAS_LISTS | SCHEMA_HAS_EMBEDDED | SCHEMA_HAS_DEFAULTS);
  if (below->dflt)
    s->flags |= SCHEMA_HAS_DEFAULTS;
}

static const struct schema *
compile(struct schema_compiler *c, const struct json *props, bool nested)
{
  struct schema *s = arena_new_of(c->a, struct schema);
  const struct json *items = json_get(props, "items"), *dflt = json_get(props, "default");

  s->type = (uint8_t)type_of(props);
  take_extensions(c, props, s);
  if (json_is(items, JSON_OBJECT))
    s->items = compile(c, items, nested);
  take_properties(c, props, s, nested);
  take_additional(c, props, s, nested);
  take_limits(c, props, s);
  if (!nested && json_type(dflt) != JSON_NULL)
    s->dflt = json_copy(c->a, dflt);
  inherit(s, s->items);
  inherit(s, s->additional);
  for (uint32_t i = 0; i < s->n_properties; i++)
    inherit(s, s->properties[i].schema);
  return s;
}

const struct schema *
schema_compile(struct schema_compiler *c, const struct json *props)
{
  return json_is(props, JSON_OBJECT) ? compile(c, props, false) : NULL;
}
