/* What is different between two values (typed/compare.go). */
#include <string.h>

#include "typed_internal.h"

/* The three sets as they grow; each level makes its own and hangs them below the parent's entry. */
struct level {
  struct field_set *added, *modified, *removed;
};

static struct level
level_new(struct arena *a)
{
  return (struct level){ field_set_new(a), field_set_new(a), field_set_new(a) };
}

static void
hang(struct arena *a, struct field_set *parent, const char *key, const struct field_set *below)
{
  if (below->n)
    field_set_entry(a, parent, key)->below = below;
}

static void
mark(struct arena *a, struct level *up, const char *key, const struct json *from, const struct json *to)
{
  if (!from)
    field_set_entry(a, up->added, key)->member = true;
  else if (!to)
    field_set_entry(a, up->removed, key)->member = true;
  else if (!json_equal(from, to))
    field_set_entry(a, up->modified, key)->member = true;
}

static void compare_at(struct arena *a, struct typed_ref t, const char *key, const struct json *from,
                       const struct json *to, struct level *up);

static void
compare_members(struct arena *a, struct typed_ref t, const struct json *from, const struct json *to, struct level *here)
{
  bool known;

  for (json_each_member (m, from))
    compare_at(a, typed_member(t, span_make(m->name, m->name_len), &known), typed_member_key(a, m), m->value,
               json_get_n(to, m->name, m->name_len), here);
  for (json_each_member (m, to))
    if (!json_get_n(from, m->name, m->name_len))
      compare_at(a, typed_member(t, span_make(m->name, m->name_len), &known), typed_member_key(a, m), NULL, m->value,
                 here);
}

static void
compare_items(struct arena *a, struct typed_ref t, const struct json *from, const struct json *to, struct level *here)
{
  struct typed_ref et = typed_element(t);

  for (size_t i = 0; i < json_count(from); i++) {
    const char *key = typed_item_key(a, t, json_at(from, i), i);

    compare_at(a, et, key, json_at(from, i), typed_item_find(a, t, to, key), here);
  }
  for (size_t i = 0; i < json_count(to); i++) {
    const char *key = typed_item_key(a, t, json_at(to, i), i);

    if (!typed_item_find(a, t, from, key))
      compare_at(a, et, key, NULL, json_at(to, i), here);
  }
}

static void
compare_at(struct arena *a, struct typed_ref t, const char *key, const struct json *from, const struct json *to,
           struct level *up)
{
  bool map = typed_is_map(t, from ? from : to), list = typed_is_list(t);
  struct level here;

  if (t.form == TYPED_ANY && from && to && json_type(from) != json_type(to))
    map = false;
  /* Two empty containers are a leaf: {} and an absent map differ. */
  if ((!map && !list) || (!json_count(from) && !json_count(to))) {
    mark(a, up, key, from, to);
    return;
  }
  here = level_new(a);
  if (map)
    compare_members(a, t, from, to, &here);
  else
    compare_items(a, t, from, to, &here);
  hang(a, up->added, key, here.added);
  hang(a, up->modified, key, here.modified);
  hang(a, up->removed, key, here.removed);
  if (!from)
    field_set_entry(a, up->added, key)->member = true;
  else if (!to)
    field_set_entry(a, up->removed, key)->member = true;
}

void
typed_compare(struct arena *a, struct typed_ref t, const struct json *from, const struct json *to,
              struct typed_change *ret)
{
  struct level root = level_new(a);

  compare_members(a, t, from, to, &root);
  *ret = (struct typed_change){ .added = root.added, .modified = root.modified, .removed = root.removed };
}
