#include "cel_crd_internal.h"

#include "cel_decl.h"

#include <string.h>

/* What became of an old value: lists of maps are matched by their keys, objects by name, other lists only as a whole.
 */

static bool
is_map_list(const struct json *schema)
{
  return strcmp(json_get_str_or(schema, "type", ""), "array") == 0 &&
         strcmp(json_get_str_or(schema, "x-kubernetes-list-type", ""), "map") == 0 &&
         json_count(json_get(schema, "x-kubernetes-list-map-keys"));
}

static bool
is_scalar(const struct json *v)
{
  return v && v->type != JSON_NULL && v->type != JSON_ARRAY && v->type != JSON_OBJECT;
}

static bool
same_keys(const struct json *names, const struct json *x, const struct json *y)
{
  for (json_each_item (p, names)) {
    const struct json *kx = json_get(x, json_str(*p)), *ky = json_get(y, json_str(*p));

    if (!is_scalar(kx) || !is_scalar(ky) || kx->type != ky->type || !json_equal(kx, ky))
      return false;
  }
  return true;
}

const struct json *
crd_list_find(const struct json *schema, const struct json *old, const struct json *item, size_t at)
{
  size_t n = json_is(old, JSON_ARRAY) ? json_count(old) : 0;

  if (!is_map_list(schema) || !json_is(item, JSON_OBJECT))
    return NULL;
  for (size_t i = 0; i < n; i++) {
    const struct json *other = json_at(old, (at + i) % n);

    if (json_is(other, JSON_OBJECT) && same_keys(json_get(schema, "x-kubernetes-list-map-keys"), other, item))
      return other;
  }
  return NULL;
}

struct crd_pair
crd_pair_key(struct crd_pair p, const char *name, size_t n)
{
  const struct json *value = json_get_n(p.value, name, n), *old = json_get_n(p.old, name, n), *schema;

  schema = json_get_n(json_get(p.schema, "properties"), name, n);
  if (!schema)
    schema = cel_decl_additional(p.schema);
  if (!p.known || !value || !old || !schema)
    return (struct crd_pair){ .known = false };
  return (struct crd_pair){ value, old, schema, true };
}

struct crd_pair
crd_pair_index(struct crd_pair p, size_t i)
{
  const struct json *value = json_is(p.value, JSON_ARRAY) ? json_at(p.value, i) : NULL, *old;

  old = p.known && value ? crd_list_find(p.schema, p.old, value, i) : NULL;
  if (!old || !json_is(json_get(p.schema, "items"), JSON_OBJECT))
    return (struct crd_pair){ .known = false };
  return (struct crd_pair){ value, old, json_get(p.schema, "items"), true };
}

static bool
equal_lists(struct crd_pair p)
{
  if (!is_map_list(p.schema))
    return json_equal(p.value, p.old);
  for (size_t i = 0; i < json_count(p.value); i++)
    if (!crd_pair_equal(crd_pair_index(p, i)))
      return false;
  return true;
}

bool
crd_pair_equal(struct crd_pair p)
{
  if (!p.known || json_type(p.value) != json_type(p.old) || json_count(p.value) != json_count(p.old))
    return false;
  if (json_is(p.value, JSON_ARRAY))
    return equal_lists(p);
  if (!json_is(p.value, JSON_OBJECT))
    return json_equal(p.value, p.old);
  for (json_each_member (m, p.value))
    if (!crd_pair_equal(crd_pair_key(p, m->name, m->name_len)))
      return false;
  return true;
}
