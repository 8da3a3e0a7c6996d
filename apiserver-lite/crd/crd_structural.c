/*
 * Is a schema structural: types stand outside of allOf, anyOf, oneOf and not, which only narrow down what is declared
 * (pkg/apiserver/schema: convert.go, validation.go, complete.go).
 */
#include <stdlib.h>
#include <string.h>

#include "cel_regex.h"
#include "crd_validate.h"

enum level { ROOT, ITEM, FIELD };

/* -- can it be read at all -- */

static const char *
unsupported(const struct json *s)
{
  static const struct {
    const char *member, *name;
  } members[] = {
    { "id", "id" },
    { "$schema", "schema" },
    { "$ref", "$ref" },
    { "patternProperties", "patternProperties" },
    { "dependencies", "dependencies" },
    { "additionalItems", "additionalItems" },
    { "definitions", "definitions" },
  };

  for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
    const struct json *v = json_get(s, members[i].member);
    bool empty = json_type(v) == JSON_NULL || (json_is(v, JSON_STRING) && !v->count) ||
                 (json_is(v, JSON_OBJECT) && !v->count && strcmp(members[i].member, "additionalItems") != 0);

    if (!empty)
      return members[i].name;
  }
  return NULL;
}

static const char *
unreadable(struct arena *a, const struct json *s)
{
  static const char *const lists[] = { "allOf", "anyOf", "oneOf" }, *const singles[] = { "not",
                                                                                         "additionalProperties" };
  const struct json *items = json_get(s, "items"), *preserve = json_get(s, "x-kubernetes-preserve-unknown-fields");
  const char *why = NULL, *name = unsupported(s);

  if (name)
    return arena_printf(a, "OpenAPIV3Schema '%s' is not supported", name);
  for (size_t i = 0; i < ARRAY_SIZE(lists) && !why; i++)
    for (size_t k = 0; k < json_count(json_get(s, lists[i])) && !why; k++)
      why = unreadable(a, json_at(json_get(s, lists[i]), k));
  if (!why && json_is(preserve, JSON_BOOL) && !preserve->u.boolean)
    why = "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined";
  if (!why && json_is(items, JSON_ARRAY))
    why = "OpenAPIV3Schema 'items' must be a schema, but is an array";
  if (!why && json_is(items, JSON_OBJECT))
    why = unreadable(a, items);
  for (json_each_member (m, json_get(s, "properties")))
    why = why ? why : unreadable(a, m->value);
  for (size_t i = 0; i < ARRAY_SIZE(singles) && !why; i++)
    if (json_is(json_get(s, singles[i]), JSON_OBJECT))
      why = unreadable(a, json_get(s, singles[i]));
  return why;
}

/* -- what narrows down -- */

static void check_nested(struct validation *v, const struct vpath *path, const struct json *s, bool skip_any_of,
                         enum level level);

static void
check_pattern(struct validation *v, const struct vpath *path, const struct json *s)
{
  struct span pattern = json_span(json_get(s, "pattern"));
  const char *why = NULL;

  if (!pattern.n)
    return;
  cel_regex_free(cel_regex_new(v->a, pattern, &why));
  if (why)
    verr_add(v, FIELD_INVALID, VP(path, "pattern"), vquote(v->a, pattern),
             "must be a valid regular expression, but isn't: %s", why);
}

static void
check_values(struct validation *v, const struct vpath *path, const struct json *s, bool skip_any_of,
             bool skip_first_all_of, enum level level)
{
  for (size_t i = 0; !skip_any_of && i < json_count(json_get(s, "anyOf")); i++)
    check_nested(v, VP_ITEM(VP(path, "anyOf"), i), json_at(json_get(s, "anyOf"), i), false, level);
  for (size_t i = 0; i < json_count(json_get(s, "allOf")); i++)
    check_nested(v, VP_ITEM(VP(path, "allOf"), i), json_at(json_get(s, "allOf"), i), skip_first_all_of && i == 0,
                 level);
  for (size_t i = 0; i < json_count(json_get(s, "oneOf")); i++)
    check_nested(v, VP_ITEM(VP(path, "oneOf"), i), json_at(json_get(s, "oneOf"), i), false, level);
  check_nested(v, VP(path, "not"), json_get(s, "not"), false, level);
  check_pattern(v, path, s);
}

/* What must not be said inside; rules (x-kubernetes-validations) are cel_crd_check's to refuse. */
static void
check_forbidden(struct validation *v, const struct vpath *path, const struct json *s)
{
  static const struct {
    const char *member, *detail;
  } members[] = {
    { "type", "must be empty to be structural" },
    { "additionalProperties", "must be undefined to be structural" },
    { "default", "must be undefined to be structural" },
    { "title", "must be empty to be structural" },
    { "description", "must be empty to be structural" },
    { "nullable", "must be false to be structural" },
    { "x-kubernetes-preserve-unknown-fields", "must be false to be structural" },
    { "x-kubernetes-embedded-resource", "must be false to be structural" },
    { "x-kubernetes-int-or-string", "must be false to be structural" },
    { "x-kubernetes-list-map-keys", "must be empty to be structural" },
    { "x-kubernetes-list-type", "must be undefined to be structural" },
    { "x-kubernetes-map-type", "must be undefined to be structural" },
  };

  for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
    const struct json *m = json_get(s, members[i].member);
    bool off = json_is(m, JSON_BOOL) && !m->u.boolean;

    if (json_type(m) != JSON_NULL && !off)
      verr_forbidden(v, VP(path, members[i].member), members[i].detail);
  }
}

static void
check_nested(struct validation *v, const struct vpath *path, const struct json *s, bool skip_any_of, enum level level)
{
  if (!json_is(s, JSON_OBJECT))
    return;
  check_values(v, path, s, skip_any_of, false, level);
  check_nested(v, VP(path, "items"), json_get(s, "items"), false, level);
  for (json_each_member (m, json_get(s, "properties")))
    check_nested(v, VP_KEY(VP(path, "properties"), m->name), m->value, false, FIELD);
  check_forbidden(v, path, s);
  if (json_dig(s, "properties", "metadata", NULL))
    verr_forbidden(v, VP_KEY(VP(path, "properties"), "metadata"), "must not be specified in a nested context");
}

/* -- the skeleton -- */

/* anyOf: integer, string - the one place where types may stand inside. */
static bool
is_int_or_string(const struct json *any_of)
{
  static const char *const types[] = { "integer", "string" };

  for (size_t i = 0; i < 2; i++) {
    const struct json *one = json_at(any_of, i);

    if (json_count(one) != 1 || strcmp(json_get_str_or(one, "type", ""), types[i]) != 0)
      return false;
  }
  return json_count(any_of) == 2;
}

static void
check_extensions(struct validation *v, const struct vpath *path, const struct json *s)
{
  static const char *const others[] = { "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource" };

  for (size_t i = 0; i < ARRAY_SIZE(others); i++)
    if (json_get_bool(s, "x-kubernetes-int-or-string", false) && json_get_bool(s, others[i], false))
      verr_add(v, FIELD_INVALID, VP(path, others[i]), "true", "must be false if x-kubernetes-int-or-string is true");
}

static void
check_type(struct validation *v, const struct vpath *path, const struct json *s, enum level level)
{
  static const char *const needed[] = {
    [ROOT] = "must not be empty at the root",
    [ITEM] = "must not be empty for specified array items",
    [FIELD] = "must not be empty for specified object fields",
  };
  struct span type = json_text_of(s, "type");
  bool embedded = json_get_bool(s, "x-kubernetes-embedded-resource", false);
  bool open = json_get_bool(s, "x-kubernetes-int-or-string", false) ||
              json_get_bool(s, "x-kubernetes-preserve-unknown-fields", false);

  if (embedded && !type.n)
    verr_required(v, VP(path, "type"), "must be object if x-kubernetes-embedded-resource is true");
  else if (embedded && !span_is(type, "object"))
    verr_invalid(v, VP(path, "type"), type, "must be object if x-kubernetes-embedded-resource is true");
  else if (!embedded && !type.n && !open)
    verr_required(v, VP(path, "type"), needed[level]);
  if (embedded && json_has(s, "additionalProperties"))
    verr_forbidden(v, VP(path, "additionalProperties"), "must not be used if x-kubernetes-embedded-resource is set");
  if (level == ROOT && type.n && !span_is(type, "object"))
    verr_invalid(v, VP(path, "type"), type, "must be object at the root");
}

/* Is there anything but a type, a default, and name and generateName? */
static bool
says_more(const struct json *metadata)
{
  const struct json *properties = json_get(metadata, "properties");

  for (json_each_member (m, metadata))
    if (strcmp(m->name, "type") != 0 && strcmp(m->name, "default") != 0 && strcmp(m->name, "properties") != 0)
      return true;
  for (json_each_member (m, properties))
    if (strcmp(m->name, "name") != 0 && strcmp(m->name, "generateName") != 0)
      return true;
  return false;
}

/* kind, apiVersion and metadata are what they are. */
static void
check_meta(struct validation *v, const struct vpath *path, const struct json *s, enum level level)
{
  static const char *const texts[] = { "kind", "apiVersion" };
  const struct json *properties = json_get(s, "properties"), *metadata = json_get(properties, "metadata");
  bool checked = level == ROOT || json_get_bool(s, "x-kubernetes-embedded-resource", false);

  for (size_t i = 0; checked && i < ARRAY_SIZE(texts); i++) {
    const struct json *p = json_get(properties, texts[i]);

    if (p && !span_is(json_text_of(p, "type"), "string"))
      verr_invalid(v, VP(VP_KEY(VP(path, "properties"), texts[i]), "type"), json_text_of(p, "type"), "must be string");
  }
  if (metadata && checked && !span_is(json_text_of(metadata, "type"), "object"))
    verr_invalid(v, VP(VP_KEY(VP(path, "properties"), "metadata"), "type"), json_text_of(metadata, "type"),
                 "must be object");
  if (metadata && level == ROOT && says_more(metadata))
    verr_forbidden(v, VP_KEY(VP(path, "properties"), "metadata"),
                   "must not specify anything other than name and generateName, but metadata is implicitly specified");
}

static void
check_node(struct validation *v, const struct vpath *path, const struct json *s, enum level level)
{
  const struct json *additional = json_get(s, "additionalProperties"), *all_of = json_get(s, "allOf");
  bool embedded = json_get_bool(s, "x-kubernetes-embedded-resource", false);

  if (!json_is(s, JSON_OBJECT))
    return;
  if (span_is(json_text_of(s, "type"), "array") && !json_is(json_get(s, "items"), JSON_OBJECT))
    verr_required(v, VP(path, "items"), "must be specified");
  check_node(v, VP(path, "items"), json_get(s, "items"), ITEM);
  for (json_each_member (m, json_get(s, "properties")))
    check_node(v, VP_KEY(VP(path, "properties"), m->name), m->value, FIELD);
  if (json_type(additional) != JSON_NULL && level == ROOT)
    verr_forbidden(v, VP(path, "additionalProperties"), "must not be used at the root");
  check_node(v, VP(path, "additionalProperties"), additional, FIELD);
  check_extensions(v, path, s);
  check_values(v, path, s, is_int_or_string(json_get(s, "anyOf")),
               is_int_or_string(json_get(json_at(all_of, 0), "anyOf")), level);
  check_type(v, path, s, level);
  check_meta(v, path, s, level);
  if (embedded && !json_get_bool(s, "x-kubernetes-preserve-unknown-fields", false) &&
      !json_count(json_get(s, "properties")))
    verr_required(v, VP(path, "properties"),
                  "must not be empty if x-kubernetes-embedded-resource is true without "
                  "x-kubernetes-preserve-unknown-fields");
}

/* -- is everything that is narrowed down declared -- */

static void check_declared(struct validation *v, const struct json *inner, const struct vpath *inner_path,
                           const struct json *outer, const struct vpath *outer_path);

static void
check_alternatives(struct validation *v, const struct json *inner, const struct vpath *inner_path,
                   const struct json *outer, const struct vpath *outer_path)
{
  static const char *const lists[] = { "allOf", "anyOf", "oneOf" };

  check_declared(v, json_get(inner, "not"), VP(inner_path, "not"), outer, outer_path);
  for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
    for (size_t k = 0; k < json_count(json_get(inner, lists[i])); k++)
      check_declared(v, json_at(json_get(inner, lists[i]), k), VP_ITEM(VP(inner_path, lists[i]), k), outer, outer_path);
}

static void
check_declared(struct validation *v, const struct json *inner, const struct vpath *inner_path, const struct json *outer,
               const struct vpath *outer_path)
{
  if (!json_is(inner, JSON_OBJECT))
    return;
  if (!json_is(outer, JSON_OBJECT)) {
    verr_required(v, outer_path, arena_printf(v->a, "because it is defined in %s", vpath_text(v->a, inner_path)));
    return;
  }
  check_alternatives(v, inner, inner_path, outer, outer_path);
  check_declared(v, json_get(inner, "items"), VP(inner_path, "items"), json_get(outer, "items"),
                 VP(outer_path, "items"));
  for (json_each_member (m, json_get(inner, "properties"))) {
    const struct json *declared = json_get_n(json_get(outer, "properties"), m->name, m->name_len);

    check_declared(v, m->value, VP_KEY(VP(inner_path, "properties"), m->name), declared,
                   VP_KEY(VP(outer_path, "properties"), m->name));
  }
}

/* Of every node: its own alternatives speak about what it declares. */
static void
check_complete(struct validation *v, const struct json *s, const struct vpath *path)
{
  if (json_is(s, JSON_OBJECT))
    check_alternatives(v, s, path, s, path);
}

/* -- the whole -- */

static const char *
error_text(struct arena *a, const struct verr *e)
{
  struct field_error f = { .type = e->type, .field = e->field, .value = e->value, .detail = e->detail };

  return arena_printf(a, "%s: %s", e->field, field_error_body(a, &f));
}

struct sortable {
  struct verr error;
  const char *text;
};

static int
by_text(const void *x, const void *y)
{
  return strcmp(((const struct sortable *)x)->text, ((const struct sortable *)y)->text);
}

static void
sort_from(struct validation *v, size_t mark)
{
  size_t n = v->n - mark;
  struct sortable *list = arena_array_of(v->a, struct sortable, n + 1);

  for (size_t i = 0; i < n; i++)
    list[i] = (struct sortable){ .error = v->list[mark + i], .text = error_text(v->a, &v->list[mark + i]) };
  if (n)
    qsort(list, n, sizeof list[0], by_text);
  for (size_t i = 0; i < n; i++)
    v->list[mark + i] = list[i].error;
}

bool
crd_validate_structural(struct validation *v, const struct vpath *path, const struct json *schema, const char **ret_why)
{
  size_t mark = v->n;

  *ret_why = unreadable(v->a, schema);
  if (*ret_why)
    return false;
  check_node(v, path, schema, ROOT);
  check_complete(v, schema, path);
  sort_from(v, mark);
  return true;
}

bool
crd_is_structural(struct arena *a, const struct json *schema)
{
  struct validation v = { .a = a };
  const char *ignored;

  return !json_is(schema, JSON_OBJECT) || (crd_validate_structural(&v, NULL, schema, &ignored) && !v.n);
}
