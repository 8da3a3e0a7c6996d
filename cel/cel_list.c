#include "cel_value.h"

#include <string.h>

/*
 * Lists, among them those of custom resources that are sets or maps
 * (x-kubernetes-list-type; apiserver pkg/cel/common/valuesunstructured.go,
 * valuesreflect.go).
 */

struct cel_value
cel_list_new(struct arena *a, uint32_t cap)
{
  struct cel_list *l = arena_new_of(a, struct cel_list);

  l->items = cap ? arena_array_of(a, struct cel_value, cap) : NULL;
  l->cap = cap;
  return (struct cel_value){ .kind = CEL_LIST, .u.list = l };
}

void
cel_list_push(struct arena *a, struct cel_list *l, struct cel_value v)
{
  if (l->n == l->cap) {
    uint32_t cap = l->cap ? l->cap * 2 : 4;
    struct cel_value *items = arena_array_of(a, struct cel_value, cap);

    if (l->n)
      memcpy(items, l->items, sizeof *items * l->n);
    l->items = items;
    l->cap = cap;
  }
  l->items[l->n++] = v;
}

/* -- items by key: the value itself in a set, some members in a list of maps -- */

/* Open addressing over item numbers + 1. */
struct key_table {
  const struct cel_list *l; /* whose rule and keys hold */
  struct cel_value *items;  /* that the numbers mean */
  uint32_t *slots, *seen;   /* by slot: the round in which its key was met */
  uint32_t mask, n;
};

static void
key_table_release(struct key_table *t)
{
  free(t->slots);
  free(t->seen);
}

/* A member of an element, as it is in the JSON (the keys of a schema), or as an expression would ask for it. */
static struct cel_value
key_part(const struct cel_list *l, struct cel_value item, uint32_t i)
{
  struct span name = span_of(l->keys->names[i]);
  const struct cel_value *v = NULL;

  if (item.kind == CEL_MAP)
    v = l->keys->sum || !item.u.map->from ? cel_map_find(item.u.map, cel_of_span(name))
                                          : cel_map_member(item.u.map, name);
  return v ? *v : cel_of_null();
}

static uint32_t
item_hash(const struct cel_list *l, struct cel_value item)
{
  uint32_t h = 0;

  if (l->rule == CEL_LIST_SET)
    return cel_key_hash(item);
  for (uint32_t i = 0; i < l->keys->n; i++)
    h = h * 31 + cel_key_hash(key_part(l, item, i));
  return h;
}

static bool
item_same(const struct cel_list *l, struct cel_value x, struct cel_value y)
{
  if (l->rule == CEL_LIST_SET)
    return cel_key_same(x, y);
  if (x.kind != CEL_MAP || y.kind != CEL_MAP)
    return false;
  for (uint32_t i = 0; i < l->keys->n; i++)
    if (!cel_key_same(key_part(l, x, i), key_part(l, y, i)))
      return false;
  return true;
}

/* The slot of the item's key: taken by that key, or free. */
static uint32_t
key_slot(const struct key_table *t, struct cel_value item)
{
  uint32_t at = item_hash(t->l, item) & t->mask;

  while (t->slots[at] && !item_same(t->l, t->items[t->slots[at] - 1], item))
    at = (at + 1) & t->mask;
  return at;
}

static void
key_table_init(struct key_table *t, const struct cel_list *l, struct cel_value *items, uint32_t cap)
{
  uint32_t size = 16;

  while (size / 2 < cap)
    size *= 2;
  *t = (struct key_table){ .l = l,
                           .items = items,
                           .slots = mem_calloc(size, sizeof *t->slots),
                           .seen = mem_calloc(size, sizeof *t->seen),
                           .mask = size - 1 };
  for (uint32_t i = 0; i < l->n; i++) {
    uint32_t at = key_slot(t, items[i]);

    t->n += !t->slots[at];
    t->slots[at] = i + 1; /* of two with the same key the later one counts */
  }
}

static bool
all_scalars(const struct cel_list *l)
{
  for (uint32_t i = 0; i < l->n; i++)
    if (l->items[i].kind == CEL_LIST || l->items[i].kind == CEL_MAP)
      return false;
  return true;
}

static struct cel_value
no_scalars(void)
{
  return cel_fail("listSet operations are only supported on lists of scalar values");
}

struct cel_value
cel_list_equal_keyed(const struct cel_list *x, const struct cel_list *y)
{
  __attribute__((cleanup(key_table_release))) struct key_table t = { 0 };
  uint32_t seen = 0;

  if (x->n != y->n)
    return cel_of_bool(false);
  if (x->rule == CEL_LIST_SET && (!all_scalars(x) || !all_scalars(y)))
    return no_scalars();
  key_table_init(&t, x, x->items, x->n);
  for (uint32_t i = 0; i < y->n; i++) {
    uint32_t at = key_slot(&t, y->items[i]);

    if (!t.slots[at])
      return cel_of_bool(false);
    if (x->rule == CEL_LIST_MAP) {
      struct cel_value r = cel_equal_direct(x->items[t.slots[at] - 1], y->items[i]);

      if (!cel_is_true(r))
        return r;
    }
    seen += !t.seen[at];
    t.seen[at] = 1;
  }
  return cel_of_bool(seen == t.n);
}

/* x, with what y has under other keys appended, and under the same keys replaced where that matters. */
static struct cel_value
add_keyed(struct arena *a, const struct cel_list *x, const struct cel_list *y)
{
  __attribute__((cleanup(key_table_release))) struct key_table t = { 0 };
  struct cel_value v = cel_list_new(a, x->n + y->n);
  struct cel_list *sum = v.u.list;

  if (x->rule == CEL_LIST_SET && (!all_scalars(x) || !all_scalars(y)))
    return no_scalars();
  if (x->n)
    memcpy(sum->items, x->items, sizeof *x->items * x->n);
  sum->n = x->n;
  sum->rule = x->rule;
  if (x->rule == CEL_LIST_MAP) {
    struct cel_list_keys *keys = arena_new_of(a, struct cel_list_keys);

    *keys = *x->keys;
    keys->sum = true;
    sum->keys = keys;
  }
  key_table_init(&t, sum, sum->items, x->n + y->n);
  for (uint32_t i = 0; i < y->n; i++) {
    uint32_t at = key_slot(&t, y->items[i]);

    if (!t.slots[at]) {
      sum->items[sum->n++] = y->items[i];
      t.slots[at] = sum->n;
    } else if (x->rule == CEL_LIST_MAP) {
      sum->items[t.slots[at] - 1] = y->items[i];
    }
  }
  return v;
}

/* -- adding -- */

struct cel_value
cel_list_add(struct arena *a, struct cel_list *x, struct cel_list *y)
{
  struct cel_value v;

  if (x->growing) {
    for (uint32_t i = 0, n = y->n; i < n; i++)
      cel_list_push(a, x, y->items[i]);
    return (struct cel_value){ .kind = CEL_LIST, .u.list = x };
  }
  if (x->rule >= CEL_LIST_SET)
    return add_keyed(a, x, y);
  if (x->rule <= CEL_LIST_CONCAT && (!x->n || !y->n))
    return (struct cel_value){ .kind = CEL_LIST, .u.list = x->n ? x : y };
  v = cel_list_new(a, x->n + y->n);
  if (x->n)
    memcpy(v.u.list->items, x->items, sizeof *x->items * x->n);
  if (y->n)
    memcpy(v.u.list->items + x->n, y->items, sizeof *y->items * y->n);
  v.u.list->n = x->n + y->n;
  v.u.list->rule = x->rule == CEL_LIST_ATOMIC ? CEL_LIST_PLAIN : CEL_LIST_CONCAT;
  return v;
}
