/* Merging and taking away (typed/merge.go, typed/remove.go). */
#include <string.h>

#include "typed_internal.h"

static struct json *
merge_members(struct arena *a, struct typed_ref t, const struct json *live, const struct json *config)
{
  struct json *ret = json_is(live, JSON_OBJECT) ? json_shallow(a, live) : json_new_object(a);
  bool known;

  for (json_each_member (m, config))
    json_set_n(a, ret, m->name, m->name_len,
               typed_merge(a, typed_member(t, span_make(m->name, m->name_len), &known),
                           json_get_n(live, m->name, m->name_len), m->value));
  return ret;
}

/* The items of one list with the keys they have. */
struct keyed {
  const char **keys;
  size_t n;
};

static struct keyed
keys_of(struct arena *a, struct typed_ref t, const struct json *list)
{
  struct keyed ret = { .n = json_count(list) };

  ret.keys = arena_array_of(a, const char *, ret.n + 1);
  for (size_t i = 0; i < ret.n; i++)
    ret.keys[i] = typed_item_key(a, t, json_at(list, i), i);
  return ret;
}

static bool
has_key(const struct keyed *k, const char *key, size_t *ret_at)
{
  for (size_t i = 0; i < k->n; i++)
    if (strcmp(k->keys[i], key) == 0) {
      *ret_at = i;
      return true;
    }
  return false;
}

struct merging {
  struct arena *a;
  struct typed_ref element;
  const struct json *live, *config;
  struct keyed left, right;
  const char **shared; /* keys that both lists have, in the order of the configuration */
  size_t n_shared, at_shared;
  bool *merged; /* of the right ones */
  struct json *out;
};

static const char *
next_shared(const struct merging *m)
{
  return m->at_shared < m->n_shared ? m->shared[m->at_shared] : NULL;
}

static void
take_right(struct merging *m, size_t r)
{
  const char *key = m->right.keys[r], *next = next_shared(m);
  size_t l;
  const struct json *live = has_key(&m->left, key, &l) ? json_at(m->live, l) : NULL;

  json_append(m->a, m->out, typed_merge(m->a, m->element, live, json_at(m->config, r)));
  m->merged[r] = true;
  if (next && strcmp(next, key) == 0)
    m->at_shared++;
}

/*
 * The configuration's items in its order; items that only the live list has stay where they are between the shared
 * ones.
 */
static void
interleave(struct merging *m)
{
  size_t l = 0, r = 0, at;

  while (l < m->left.n || r < m->right.n) {
    if (l < m->left.n && r < m->right.n) {
      const char *key = m->left.keys[l], *next = next_shared(m);

      if (strcmp(key, m->right.keys[r]) == 0) {
        take_right(m, r++);
        l++;
        continue;
      }
      if (has_key(&m->right, key, &at) && next && strcmp(next, key) != 0) {
        l++; /* shared, but its turn comes later */
        continue;
      }
    }
    if (l < m->left.n) {
      if (!has_key(&m->right, m->left.keys[l], &at)) {
        json_append(m->a, m->out, json_shallow(m->a, json_at(m->live, l)));
        l++;
        continue;
      }
      if (m->merged[at])
        l++;
    }
    if (r < m->right.n)
      take_right(m, r++);
  }
}

static struct json *
merge_items(struct arena *a, struct typed_ref t, const struct json *live, const struct json *config)
{
  struct merging m = { .a = a, .element = typed_element(t), .live = live, .config = config, .out = json_new_array(a) };
  size_t at;

  m.left = keys_of(a, t, live);
  m.right = keys_of(a, t, config);
  m.shared = arena_array_of(a, const char *, m.right.n + 1);
  m.merged = arena_array_of(a, bool, m.right.n + 1);
  for (size_t i = 0; i < m.right.n; i++)
    if (has_key(&m.left, m.right.keys[i], &at))
      m.shared[m.n_shared++] = m.right.keys[i];
  interleave(&m);
  return m.out;
}

struct json *
typed_merge(struct arena *a, struct typed_ref t, const struct json *live, const struct json *config)
{
  if (!config)
    return live ? json_shallow(a, live) : NULL;
  if (json_is(config, JSON_NULL)) { /* no members, no items: where these are merged, nothing is said about any */
    bool parts = json_count(live) && (typed_is_map(t, live) || typed_is_list(t));

    return json_shallow(a, parts ? live : config);
  }
  if (typed_is_map(t, config) && json_is(config, JSON_OBJECT))
    return merge_members(a, t, live, config);
  if (typed_is_list(t) && json_is(config, JSON_ARRAY))
    return merge_items(a, t, live, config);
  return json_shallow(a, config);
}

/* -- removal -- */

static struct json *remove_from(struct arena *a, struct typed_ref t, const struct json *v,
                                const struct field_set *fields);

static struct json *
remove_members(struct arena *a, struct typed_ref t, const struct json *v, const struct field_set *fields)
{
  struct json *ret = json_new_object(a);
  bool known;

  for (json_each_member (m, v)) {
    const struct field_entry *e = field_set_find(fields, typed_member_key(a, m));
    struct json *left = m->value;

    if (e && e->member)
      continue;
    if (e && e->below)
      left = remove_from(a, typed_member(t, span_make(m->name, m->name_len), &known), m->value, e->below);
    json_set_n(a, ret, m->name, m->name_len, left ? left : json_new_null(a));
  }
  return json_count(ret) ? ret : NULL;
}

static struct json *
remove_items(struct arena *a, struct typed_ref t, const struct json *v, const struct field_set *fields)
{
  struct json *ret = json_new_array(a);

  for (size_t i = 0; i < json_count(v); i++) {
    const struct json *item = json_at(v, i);
    const struct field_entry *e = field_set_find(fields, typed_item_key(a, t, item, i));

    if (e && e->member)
      continue;
    if (e && e->below)
      item = remove_from(a, typed_element(t), item, e->below);
    json_append(a, ret, item ? json_shallow(a, item) : json_new_null(a));
  }
  return json_count(ret) ? ret : NULL;
}

/* NULL: nothing is left. */
static struct json *
remove_from(struct arena *a, struct typed_ref t, const struct json *v, const struct field_set *fields)
{
  if (typed_is_map(t, v))
    return json_is(v, JSON_OBJECT) ? remove_members(a, t, v, fields) : NULL;
  if (typed_is_list(t))
    return json_is(v, JSON_ARRAY) ? remove_items(a, t, v, fields) : NULL;
  return json_is(v, JSON_OBJECT) || json_is(v, JSON_ARRAY) ? NULL : json_shallow(a, v);
}

struct json *
typed_remove(struct arena *a, struct typed_ref t, const struct json *v, const struct field_set *fields)
{
  struct json *ret = remove_from(a, t, v, fields);

  return ret ? ret : json_new_object(a);
}
