#include "cel_lib.h"

#include <string.h>

/* Lists (cel-go ext/lists.go, version 3). */

static struct cel_value
part(struct cel_eval *ev, const struct cel_list *l, uint32_t from, uint32_t to)
{
  struct cel_value out = cel_list_new(ev->a, to - from);

  for (uint32_t i = from; i < to; i++)
    out.u.list->items[out.u.list->n++] = l->items[i];
  return out;
}

static struct cel_value
do_slice(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  const struct cel_list *l = args[0].u.list;
  long long start = args[1].u.i, end = args[2].u.i;

  (void)n;
  if (start < 0 || end < 0)
    return cel_failf(ev->a, "cannot slice(%lld, %lld), negative indexes not supported", start, end);
  if (start > end)
    return cel_failf(ev->a, "cannot slice(%lld, %lld), start index must be less than or equal to end index", start,
                     end);
  if (end > l->n)
    return cel_failf(ev->a, "cannot slice(%lld, %lld), list is length %u", start, end, l->n);
  return part(ev, l, (uint32_t)start, (uint32_t)end);
}

#define FLATTEN_DEPTH_MAX 1000 /* lists nest no deeper than expressions and JSON do */

static void
flatten(struct cel_eval *ev, struct cel_list *out, const struct cel_list *l, int64_t depth, unsigned at)
{
  for (uint32_t i = 0; i < l->n; i++) {
    if (l->items[i].kind == CEL_LIST && depth > 0 && at < FLATTEN_DEPTH_MAX)
      flatten(ev, out, l->items[i].u.list, depth - 1, at + 1);
    else
      cel_list_push(ev->a, out, l->items[i]);
  }
}

static struct cel_value
do_flatten(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  int64_t depth = n == 2 ? args[1].u.i : 1;
  struct cel_value out;

  if (args[0].kind != CEL_LIST || (n == 2 && args[1].kind != CEL_INT)) {
    if (n == 1)
      return cel_failf(ev->a, "no such overload: %s.flatten()", cel_type_name(args[0]));
    return cel_failf(ev->a, "no such overload: %s.flatten(%s)", cel_type_name(args[0]), cel_type_name(args[1]));
  }
  if (depth < 0)
    return cel_fail("level must be non-negative");
  out = cel_list_new(ev->a, args[0].u.list->n);
  flatten(ev, out.u.list, args[0].u.list, depth, 0);
  return out;
}

#define RANGE_MAX 1000000 /* upstream: defaultMaxRangeSize */

static struct cel_value
do_range(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  int64_t size = args[0].u.i;
  struct cel_value out;

  (void)n;
  if (size < 0)
    return cel_failf(ev->a, "lists.range: size must be non-negative, got %lld", (long long)size);
  if (size > RANGE_MAX)
    return cel_failf(ev->a, "lists.range: size %lld exceeds maximum allowed (%d)", (long long)size, RANGE_MAX);
  if (!cel_has_room(ev, sizeof(struct cel_value) * (size_t)size))
    return cel_out_of_memory();
  out = cel_list_new(ev->a, (uint32_t)size);
  for (uint32_t i = 0; i < size; i++)
    out.u.list->items[out.u.list->n++] = cel_of_int(i);
  return out;
}

static struct cel_value
do_reverse(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  const struct cel_list *l = args[0].u.list;
  struct cel_value out = cel_list_new(ev->a, l->n);

  (void)n;
  for (uint32_t i = l->n; i-- > 0;)
    out.u.list->items[out.u.list->n++] = l->items[i];
  return out;
}

static struct cel_value
do_distinct(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  const struct cel_list *l = args[0].u.list;
  struct cel_value out;

  (void)n;
  if (!l->n)
    return args[0];
  out = cel_list_new(ev->a, l->n);
  for (uint32_t i = 0; i < l->n; i++)
    if (cel_list_find(out.u.list, l->items[i], false) < 0)
      cel_list_push(ev->a, out.u.list, l->items[i]);
  return out;
}

/* -- sorting: a stable merge; upstream's is not stable, so ties are nobody's promise -- */

static void
merge_sort(uint32_t *order, uint32_t *spare, uint32_t n, const struct cel_value *keys)
{
  uint32_t half = n / 2, i = 0, j = half, k = 0;
  int cmp;

  if (n < 2)
    return;
  merge_sort(order, spare, half, keys);
  merge_sort(order + half, spare, n - half, keys);
  while (i < half && j < n) {
    cmp = 0;
    (void)cel_compare(keys[order[j]], keys[order[i]], &cmp);
    spare[k++] = cmp < 0 ? order[j++] : order[i++];
  }
  while (i < half)
    spare[k++] = order[i++];
  while (j < n)
    spare[k++] = order[j++];
  memcpy(order, spare, sizeof *order * n);
}

static struct cel_value
sort_by(struct cel_eval *ev, struct cel_value list, const struct cel_list *keys)
{
  const struct cel_list *l = list.u.list;
  struct cel_value out;
  uint32_t *order;

  if (l->n != keys->n)
    return cel_failf(
        ev->a,
        "@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but got %u and %u "
        "elements respectively",
        l->n, keys->n);
  if (!l->n)
    return list;
  if (keys->items[0].kind < CEL_BOOL || keys->items[0].kind > CEL_TIMESTAMP)
    return cel_fail("list elements must be comparable");
  for (uint32_t i = 0; i < keys->n; i++)
    if (keys->items[i].kind != keys->items[0].kind)
      return cel_fail("list elements must have the same type");
  order = arena_array_of(ev->a, uint32_t, 2 * (size_t)l->n);
  for (uint32_t i = 0; i < l->n; i++)
    order[i] = i;
  merge_sort(order, order + l->n, l->n, keys->items);
  out = cel_list_new(ev->a, l->n);
  for (uint32_t i = 0; i < l->n; i++)
    out.u.list->items[out.u.list->n++] = l->items[order[i]];
  return out;
}

static struct cel_value
do_sort(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)n;
  return sort_by(ev, args[0], args[0].u.list);
}

static struct cel_value
do_sort_by(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)n;
  if (args[1].kind != CEL_LIST)
    return cel_fatal("internal error: interface conversion: interface is not traits.Lister");
  return sort_by(ev, args[0], args[1].u.list);
}

#define LIST_OF(symbol, item)                                                                             \
  static const struct cel_type symbol = {                                                                 \
    .kind = CEL_T_LIST, .nparams = 1, .name = "list", .params = { &(item) }, .max_size = CEL_SIZE_UNKNOWN \
  }

LIST_OF(ints, cel_int);
LIST_OF(uints, cel_uint);
LIST_OF(doubles, cel_double);
LIST_OF(bools, cel_bool);
LIST_OF(durations, cel_duration);
LIST_OF(timestamps, cel_timestamp);
LIST_OF(strings, cel_string);
LIST_OF(bytess, cel_bytes);

#define TRAIT       .guard = CEL_TRAIT, .trait = CEL_LISTS
#define SORT(id, t) METHOD("sort", "list_" id "_sort", t, do_sort, TRAIT, .cost = CEL_COST_SORT, ARGS(&t))
#define SORT_BY(id, t)                                                                                           \
  METHOD("@sortByAssociatedKeys", "list_" id "_sortByAssociatedKeys", cel_list_a, do_sort_by, TRAIT, .nvars = 1, \
         .cost = CEL_COST_SORT_BY, ARGS(&cel_list_a, &t))

static const struct cel_overload list_functions[] = {
  METHOD("slice", "list_slice", cel_list_a, do_slice, .nvars = 1, .var_args = true, .cost = CEL_COST_LIST_OUT,
         ARGS(&cel_list_a, &cel_int, &cel_int)),
  METHOD("flatten", "list_flatten", cel_list_a, do_flatten, .nvars = 1, .guard = CEL_OPEN, .cost = CEL_COST_FLATTEN,
         ARGS(&cel_list_list_a)),
  METHOD("flatten", "list_flatten_int", cel_list_dyn, do_flatten, .guard = CEL_OPEN, .cost = CEL_COST_FLATTEN,
         ARGS(&cel_list_dyn, &cel_int)),
  SORT("int", ints),
  SORT("uint", uints),
  SORT("double", doubles),
  SORT("bool", bools),
  SORT("google.protobuf.Duration", durations),
  SORT("google.protobuf.Timestamp", timestamps),
  SORT("string", strings),
  SORT("bytes", bytess),
  SORT_BY("int", ints),
  SORT_BY("uint", uints),
  SORT_BY("double", doubles),
  SORT_BY("bool", bools),
  SORT_BY("google.protobuf.Duration", durations),
  SORT_BY("google.protobuf.Timestamp", timestamps),
  SORT_BY("string", strings),
  SORT_BY("bytes", bytess),
  FN("lists.range", "lists_range", cel_list_int, do_range, .cost = CEL_COST_RANGE, ARGS(&cel_int)),
  METHOD("reverse", "list_reverse", cel_list_a, do_reverse, .nvars = 1, .cost = CEL_COST_REVERSE, ARGS(&cel_list_a)),
  METHOD("distinct", "list_distinct", cel_list_a, do_distinct, .nvars = 1, .cost = CEL_COST_DISTINCT,
         ARGS(&cel_list_a)),
};

LIBRARY(cel_lib_list_ext, list_functions);
