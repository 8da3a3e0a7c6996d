/*
 * Strategic merge patch (apimachinery/pkg/util/strategicpatch): a merge patch that knows which lists are merged by a
 * key.
 *
 * Directives: `$patch: replace|merge|delete` in a map or a list's item, `$retainKeys: [..]` in a map,
 * `$deleteFromPrimitiveList/F: [..]` and `$setElementOrder/F: [..]` beside the list F.
 */
#include <string.h>

#include "kind_type.h"
#include "patch.h"
#include "typed.h"

#define DIRECTIVE        "$patch"
#define RETAIN_KEYS      "$retainKeys"
#define DELETE_PRIMITIVE "$deleteFromPrimitiveList/"
#define SET_ORDER        "$setElementOrder/"

struct smp {
  struct arena *a;
  struct kerr *reterr;
};

static struct json *merge_map(struct smp *s, const struct kind_type *t, const struct json *doc,
                              const struct json *patch);

static bool
starts(const struct json_member *m, const char *prefix)
{
  return strncmp(m->name, prefix, strlen(prefix)) == 0;
}

/*
 * A patch value where the document has nothing, or something of another type: it is taken as it is, also lists that
 * would be merged, but for nulls and for what has a directive (removeDirectives). NULL: nothing is left of it.
 */
static struct json *
plain(struct smp *s, const struct json *v)
{
  struct json *ret, *below;

  if (json_is(v, JSON_ARRAY)) {
    ret = json_new_array(s->a);
    for (json_each_item (item, v)) {
      below = plain(s, *item);
      if (below)
        json_append(s->a, ret, below);
    }
    return ret;
  }
  if (!json_is(v, JSON_OBJECT))
    return json_shallow(s->a, v);
  if (json_get(v, DIRECTIVE))
    return NULL;
  ret = json_new_object(s->a);
  for (json_each_member (m, v)) {
    below = json_is(m->value, JSON_NULL) ? NULL : plain(s, m->value);
    if (below)
      json_set_n(s->a, ret, m->name, m->name_len, below);
  }
  return ret;
}

/* -- lists -- */

static size_t
place_by_key(const struct json *list, const char *key, const struct json *value)
{
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *has = key ? json_get(json_at(list, i), key) : json_at(list, i);

    if (has && json_equal(has, value))
      return i;
  }
  return SIZE_MAX;
}

static const struct json *
identity(const struct json *item, const char *key)
{
  return key ? json_get(item, key) : item;
}

static int
no_key(struct smp *s, const char *key, const struct json *item)
{
  return kerr_set(s->reterr, KERR_INTERNAL, NULL, "map: %s does not contain declared merge key: %s",
                  typed_go_text(s->a, item), key);
}

static int
no_directive(struct smp *s, const struct json *map)
{
  return kerr_set(s->reterr, KERR_INTERNAL, NULL, "unknown patch type: %s in map: %s", json_get_str(map, DIRECTIVE),
                  typed_go_text(s->a, map));
}

static int
no_list(struct smp *s, const struct json *v)
{
  return kerr_set(s->reterr, KERR_INTERNAL, NULL, "expected a []interface {}, but received a %s", json_go_type(v));
}

/* Items of one list are of one type, in the document and in the patch. */
static int
check_types(struct smp *s, const struct json *doc, const struct json *patch)
{
  const struct json *lists[] = { doc, patch };
  const char *type = NULL;

  for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
    for (json_each_item (item, lists[i])) {
      if (!type && json_is(*item, JSON_ARRAY))
        return kerr_set(s->reterr, KERR_INVALID, NULL, "lists of lists are not supported");
      if (type && strcmp(type, json_go_type(*item)) != 0)
        return kerr_set(s->reterr, KERR_INTERNAL, NULL, "list element types are not identical: [%s %s]",
                        doc ? typed_go_text(s->a, doc) : "[]", typed_go_text(s->a, patch));
      type = json_go_type(*item);
    }
  return 0;
}

/* The items of `list` in the order of `order` as far as it names them; those it does not name keep their places
 * between. */
static struct json *
in_order(struct smp *s, struct json *list, const struct json *order, const struct json *server, const char *key)
{
  struct json *ret = json_new_array(s->a), *named = json_new_array(s->a), *others = json_new_array(s->a);
  size_t i = 0, j = 0;

  for (size_t o = 0; o < json_count(order); o++) { /* either list may have a key twice */
    const struct json *id = identity(json_at(order, o), key);

    for (size_t k = 0; k < json_count(list) && place_by_key(order, key, id) == o; k++)
      if (json_equal(identity(json_at(list, k), key), id))
        json_append(s->a, named, json_item(list, k));
  }
  for (size_t k = 0; k < json_count(list); k++)
    if (place_by_key(order, key, identity(json_at(list, k), key)) == SIZE_MAX)
      json_append(s->a, others, json_item(list, k));
  /* Two rows become one; where both have a place on the server, the earlier one there goes first. */
  while (i < json_count(named) || j < json_count(others)) {
    bool take_named = j == json_count(others);

    if (i < json_count(named) && j < json_count(others)) {
      size_t p = place_by_key(server, key, identity(json_at(named, i), key));
      size_t q = place_by_key(server, key, identity(json_at(others, j), key));

      take_named = p == SIZE_MAX || q == SIZE_MAX || p < q;
    }
    json_append(s->a, ret, take_named ? json_item(named, i++) : json_item(others, j++));
  }
  return ret;
}

static struct json *
without_directive(struct smp *s, const struct json *item)
{
  struct json *ret = json_shallow(s->a, item);

  json_remove(ret, DIRECTIVE);
  return ret;
}

static struct json *
merge_items(struct smp *s, const struct kind_field *f, const char *key, const struct json *doc,
            const struct json *patch)
{
  struct json *ret = json_is(doc, JSON_ARRAY) ? json_shallow(s->a, doc) : json_new_array(s->a);
  const struct kind_type *t = kind_field_type(f);

  for (json_each_item (item, patch)) { /* first what concerns the list as a whole */
    const char *directive = json_get_str(*item, DIRECTIVE);

    if (directive && strcmp(directive, "replace") == 0)
      ret = json_new_array(s->a);
  }
  for (json_each_item (item, patch)) {
    const char *directive = json_get_str(*item, DIRECTIVE);
    const struct json *id = json_get(*item, key);
    size_t at;

    if (directive && strcmp(directive, "replace") == 0 && json_count(*item) == 1)
      continue;
    if (directive && strcmp(directive, "delete") != 0 && strcmp(directive, "merge") != 0 &&
        strcmp(directive, "replace") != 0) {
      (void)no_directive(s, *item);
      return NULL;
    }
    if (!id) {
      (void)no_key(s, key, *item);
      return NULL;
    }
    at = place_by_key(ret, key, id);
    if (directive && strcmp(directive, "delete") == 0) {
      for (; at != SIZE_MAX; at = place_by_key(ret, key, id))
        json_remove_at(ret, at);
      continue;
    }
    struct json *merged = at == SIZE_MAX ? without_directive(s, *item) : merge_map(s, t, json_item(ret, at), *item);

    if (!merged)
      return NULL;
    if (at == SIZE_MAX)
      json_append(s->a, ret, merged);
    else
      ret->u.items[at] = merged;
  }
  return ret;
}

static struct json *
merge_primitives(struct smp *s, const struct json *doc, const struct json *patch)
{
  struct json *ret = json_is(doc, JSON_ARRAY) ? json_shallow(s->a, doc) : json_new_array(s->a);

  for (json_each_item (item, patch))
    if (place_by_key(ret, NULL, *item) == SIZE_MAX)
      json_append(s->a, ret, *item);
  return ret;
}

static bool
is_list_of_maps(const struct json *list)
{
  return json_is(json_at(list, 0), JSON_OBJECT);
}

/* What the patch has of the list comes in the order that it asks for. */
static int
check_order(struct smp *s, const char *key, const struct json *patch, const struct json *order)
{
  size_t at = 0, n = json_count(order);

  if (!json_is(order, JSON_ARRAY))
    return no_list(s, order);
  if (n == 0)
    return 0;
  for (json_each_item (item, patch)) {
    if (json_get_str(*item, DIRECTIVE))
      continue;
    while (at < n && !json_equal(identity(*item, key), identity(json_at(order, at), key)))
      at++;
    if (at++ >= n)
      return kerr_set(s->reterr, KERR_INTERNAL, NULL,
                      "The order in patch list:\n%s\n doesn't match $setElementOrder list:\n%s\n",
                      typed_go_text(s->a, patch), typed_go_text(s->a, order));
  }
  return 0;
}

/* `$deleteFromPrimitiveList/F`, then the list itself, then `$setElementOrder/F`. */
static struct json *
merge_list(struct smp *s, const struct kind_field *f, const struct json *doc, const struct json *patch,
           const struct json *remove, const struct json *order)
{
  const char *key = kind_field_merge_key(f);
  struct json *ret;

  if (order && check_order(s, key, patch, order) < 0)
    return NULL;
  if (patch && !json_is(doc, JSON_ARRAY)) {
    ret = plain(s, patch);
    return order ? in_order(s, ret, order, doc, kind_field_type(f) ? key : NULL) : ret;
  }
  if (patch && check_types(s, doc, patch) < 0)
    return NULL;
  if (patch && is_list_of_maps(patch) && !key)
    return json_shallow(s->a, patch);
  if (patch && (is_list_of_maps(patch) || (key && kind_field_type(f))))
    ret = merge_items(s, f, key, doc, patch);
  else
    ret = merge_primitives(s, doc, patch);
  if (!ret)
    return NULL;
  for (json_each_item (item, remove)) {
    size_t at;

    while ((at = place_by_key(ret, NULL, *item)) != SIZE_MAX)
      json_remove_at(ret, at);
  }
  if (!kind_field_type(f))
    key = NULL;
  if (patch)
    ret = in_order(s, ret, patch, doc, key);
  return order ? in_order(s, ret, order, doc, key) : ret;
}

/* -- maps -- */

static struct json *
bad_retain_keys(struct smp *s)
{
  (void)kerr_set(s->reterr, KERR_BAD_REQUEST, NULL, "invalid patch format of retainKeys");
  return NULL;
}

static struct json *
retain_keys(struct smp *s, struct json *doc, const struct json *patch)
{
  const struct json *keys = json_get(patch, RETAIN_KEYS);
  struct json *ret;

  if (!keys)
    return doc;
  if (!json_is(keys, JSON_ARRAY))
    return bad_retain_keys(s);
  for (json_each_member (m, patch))
    if (!json_is(m->value, JSON_NULL) && !starts(m, DELETE_PRIMITIVE) && !starts(m, SET_ORDER) &&
        strcmp(m->name, RETAIN_KEYS) != 0 && !json_list_has(keys, m->name))
      return bad_retain_keys(s);
  ret = json_new_object(s->a);
  for (json_each_member (m, doc))
    if (json_list_has(keys, m->name))
      json_set_n(s->a, ret, m->name, m->name_len, m->value);
  return ret;
}

static struct json *
merge_member(struct smp *s, const struct kind_field *f, const struct json *has, const struct json *v,
             const struct json *remove, const struct json *order)
{
  bool list = f && f->shape == KIND_LIST && f->flags & KIND_F_PATCH_MERGE;

  if (list && (!v || json_is(v, JSON_ARRAY)))
    return merge_list(s, f, has, v, remove, order);
  if (json_is(v, JSON_OBJECT) && json_is(has, JSON_OBJECT) && !(f && f->flags & KIND_F_PATCH_REPLACE))
    return merge_map(s,
                     f && f->shape == KIND_ONE   ? kind_field_type(f)
                     : f && f->shape == KIND_MAP ? kind_field_type(f)
                                                 : NULL,
                     has, v);
  return plain(s, v);
}

static int
merge_into(struct smp *s, const struct kind_type *t, struct json *ret, const struct json *patch, const char *name,
           const struct json *v)
{
  const struct kind_field *f = t ? kind_field_find(t, span_of(name), NULL) : NULL;
  const struct json *remove = json_get(patch, arena_printf(s->a, DELETE_PRIMITIVE "%s", name));
  const struct json *order = json_get(patch, arena_printf(s->a, SET_ORDER "%s", name));
  struct json *merged;

  if (json_is(v, JSON_NULL)) {
    json_remove(ret, name);
    return 0;
  }
  merged = merge_member(s, f, json_get(ret, name), v, remove, order);
  if (merged)
    json_set(s->a, ret, name, merged);
  else if (s->reterr->code)
    return -1;
  else
    json_remove(ret, name);
  return 0;
}

static struct json *
merge_map(struct smp *s, const struct kind_type *t, const struct json *doc, const struct json *patch)
{
  const char *directive = json_get_str(patch, DIRECTIVE);
  struct json *ret;

  if (directive && strcmp(directive, "replace") == 0) {
    ret = json_shallow(s->a, patch);
    json_remove(ret, DIRECTIVE);
    return ret;
  }
  if (directive && strcmp(directive, "delete") == 0)
    return json_new_object(s->a);
  if (directive && strcmp(directive, "merge") != 0) {
    (void)no_directive(s, patch);
    return NULL;
  }
  ret = retain_keys(s, json_shallow(s->a, doc), patch);
  if (!ret)
    return NULL;
  for (json_each_member (m, patch)) {
    const char *name = m->name;

    if (strcmp(name, DIRECTIVE) == 0 || strcmp(name, RETAIN_KEYS) == 0)
      continue;
    if (starts(m, DELETE_PRIMITIVE) || starts(m, SET_ORDER)) { /* of a list the patch itself does not name */
      name += strlen(starts(m, SET_ORDER) ? SET_ORDER : DELETE_PRIMITIVE);
      if (json_get(patch, name) || !json_get(ret, name))
        continue;
      if (merge_into(s, t, ret, patch, name, NULL) < 0)
        return NULL;
      continue;
    }
    if (merge_into(s, t, ret, patch, name, m->value) < 0)
      return NULL;
  }
  return ret;
}

int
patch_strategic(struct arena *a, const struct kind_type *type, const struct json *doc, const struct json *patch,
                struct json **ret, struct kerr *reterr)
{
  struct smp s = { .a = a, .reterr = reterr };
  struct json *merged = merge_map(&s, type, doc, patch);

  if (!merged)
    return -(int)reterr->code;
  *ret = merged;
  return 0;
}
