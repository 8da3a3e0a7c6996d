/*
 * What holds for custom objects beside their schema's limits: no item twice in a set or a map by keys
 * (apiextensions-apiserver pkg/apiserver/schema/listtype), and embedded resources that look like resources
 * (objectmeta).
 */
#include <ctype.h>
#include <string.h>

#include "codec.h"
#include "crd_check.h"
#include "crd_shape.h"
#include "object.h"
#include "validate.h"
#include "validate_format.h"

static const char *
member_path(struct arena *a, const char *path, const struct json_member *m, bool declared)
{
  if (!declared)
    return arena_printf(a, "%s[%s]", *path ? path : "", m->name);
  return *path ? arena_printf(a, "%s.%s", path, m->name) : m->name;
}

static const char *
item_path(struct arena *a, const char *path, size_t i)
{
  return arena_printf(a, "%s[%zu]", path, i);
}

/* -- sets and maps -- */

/* Is `key` the second of its kind? The third and later are not told. */
static bool
is_second(const struct json *const *keys, size_t i)
{
  size_t before = 0;

  for (size_t k = 0; k < i; k++)
    before += json_equal(keys[k], keys[i]);
  return before == 1;
}

static void
report_doubles(const char *path, const struct json *const *keys, size_t n, struct field_errors *errs)
{
  for (size_t i = 1; i < n; i++)
    if (is_second(keys, i))
      field_errors_add(errs, FIELD_DUPLICATE, item_path(errs->a, path, i), json_text(errs->a, keys[i], JSON_HTML), "%s",
                       "");
}

static const struct json *
key_of(struct arena *a, const struct schema *s, const struct json *item)
{
  struct json *key = json_new_object(a);

  for (size_t i = 0; i < s->n_keys; i++) {
    const struct json *v = json_get(item, s->keys[i]);

    if (v)
      json_set(a, key, s->keys[i], json_shallow(a, v));
  }
  json_sort_members(key);
  return key;
}

static void
check_list(const struct schema *s, const char *path, const struct json *v, struct field_errors *errs)
{
  size_t n = json_count(v);
  const struct json **keys = arena_array_of(errs->a, const struct json *, n + 1);

  for (size_t i = 0; i < n; i++) {
    const struct json *item = json_at(v, i);

    if (s->list == SCHEMA_LIST_MAP && !json_is(item, JSON_NULL) && !json_is(item, JSON_OBJECT)) {
      field_errors_add(errs, FIELD_INVALID, item_path(errs->a, path, i), json_text(errs->a, item, JSON_HTML),
                       "must be an object for an array of list-type map");
      return;
    }
    keys[i] = s->list == SCHEMA_LIST_MAP ? key_of(errs->a, s, item) : item;
  }
  report_doubles(path, keys, n, errs);
}

static void
check_lists(const struct schema *s, const char *path, const struct json *v, struct field_errors *errs)
{
  if (!s || !(s->flags & SCHEMA_HAS_LISTS))
    return;
  if (json_is(v, JSON_ARRAY) && s->list != SCHEMA_LIST_ATOMIC)
    check_list(s, path, v, errs);
  for (size_t i = 0; json_is(v, JSON_ARRAY) && i < json_count(v); i++)
    check_lists(s->items, item_path(errs->a, path, i), json_at(v, i), errs);
  for (json_each_member (m, v)) {
    const struct schema *declared = schema_property_find(s, m->name, m->name_len);

    check_lists(declared ? declared : s->additional, member_path(errs->a, path, m, declared), m->value, errs);
  }
}

void
schema_check_lists(const struct schema *s, const struct json *o, struct field_errors *errs)
{
  check_lists(s, "", o, errs);
}

/* -- embedded resources -- */

static void
check_api_version(const char *path, const struct json *v, struct field_errors *errs)
{
  const char *text = json_str(v), *group, *version;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (!text)
    field_errors_add(errs, FIELD_INVALID, path, json_text(errs->a, v, JSON_HTML), "must be a string");
  else if (!*text)
    field_errors_add(errs, FIELD_INVALID, path, "\"\"", "must not be empty");
  else if (gv_parse(errs->a, text, &group, &version, &err) < 0)
    field_errors_add_str(errs, FIELD_INVALID, path, text, "%s", err.msg);
}

static void
check_kind(const char *path, const struct json *v, struct field_errors *errs)
{
  const char *text = json_str(v), *problems[TEXT_PROBLEMS_MAX], *all = "";
  char *lower = text ? arena_strdup(errs->a, text) : NULL;
  size_t n;

  if (!text) {
    field_errors_add(errs, FIELD_INVALID, path, json_text(errs->a, v, JSON_HTML), "must be a string");
    return;
  }
  if (!*text) {
    field_errors_add(errs, FIELD_INVALID, path, "\"\"", "must not be empty");
    return;
  }
  for (char *p = lower; *p; p++)
    *p = (char)tolower((unsigned char)*p);
  n = text_check(errs->a, TEXT_DNS1035_LABEL, span_of(lower), problems);
  for (size_t i = 0; i < n; i++)
    all = arena_printf(errs->a, "%s%s%s", all, i ? "," : "", problems[i]);
  if (n)
    field_errors_add_str(errs, FIELD_INVALID, path, text, "may have mixed case, but should otherwise match: %s", all);
}

/* Metadata as that of any object; a name may be missing. */
static void
check_meta(const char *path, const struct json *meta, struct field_errors *errs)
{
  struct field_errors found = { .a = errs->a };
  struct json *o = json_new_object(errs->a), *own = json_copy(errs->a, meta);
  const char *name = json_get_str_or(own, "name", ""), *problems[TEXT_PROBLEMS_MAX];
  size_t n = *name ? text_check(errs->a, TEXT_PATH_SEGMENT, span_of(name), problems) : 0;

  for (size_t i = 0; i < n; i++) /* whatever kind it is of, its names are no stricter than this */
    field_errors_add_str(errs, FIELD_INVALID, arena_printf(errs->a, "%s.name", path), name, "%s", problems[i]);
  json_set_str(errs->a, own, "name", "fakename");
  json_set(errs->a, o, "metadata", own);
  validate_metadata(o, NULL, json_get(own, "namespace") != NULL, NULL, &found);
  for (size_t i = 0; i < found.n; i++) {
    const struct field_error *e = &found.list[i];

    field_errors_add(errs, e->type, arena_printf(errs->a, "%s%s", path, e->field + strlen("metadata")), e->value, "%s",
                     e->detail);
  }
}

static void
check_resource(const char *path, const struct json *v, struct field_errors *errs)
{
  static const char *const needed[] = { "apiVersion", "kind" };

  for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
    if (!json_get(v, needed[i]))
      field_errors_add(errs, FIELD_REQUIRED, *path ? arena_printf(errs->a, "%s.%s", path, needed[i]) : needed[i], NULL,
                       "%s", "");
  for (json_each_member (m, v)) {
    const char *at = member_path(errs->a, path, m, true);

    if (strcmp(m->name, "apiVersion") == 0)
      check_api_version(at, m->value, errs);
    else if (strcmp(m->name, "kind") == 0)
      check_kind(at, m->value, errs);
    else if (strcmp(m->name, "metadata") == 0)
      check_meta(at, m->value, errs);
  }
}

static void
check_embedded(const struct schema *s, const char *path, const struct json *v, bool root, struct field_errors *errs)
{
  if (!root && (!s || !(s->flags & SCHEMA_HAS_EMBEDDED)))
    return;
  if (json_is(v, JSON_OBJECT) && (root || s->flags & SCHEMA_EMBEDDED))
    check_resource(path, v, errs);
  for (json_each_member (m, v)) {
    const struct schema *declared = schema_property_find(s, m->name, m->name_len);

    check_embedded(declared || !s ? declared : s->additional, member_path(errs->a, path, m, declared), m->value, false,
                   errs);
  }
  for (size_t i = 0; json_is(v, JSON_ARRAY) && i < json_count(v); i++)
    check_embedded(s ? s->items : NULL, item_path(errs->a, path, i), json_at(v, i), false, errs);
}

void
schema_check_embedded(const struct schema *s, const char *field, const struct json *value, bool root,
                      struct field_errors *errs)
{
  check_embedded(s, field ? field : "", value, root, errs);
}
