#include "cel_lib.h"

#include <string.h>

/* Kubernetes' functions on lists (apiserver library/lists.go, version 1). */

static bool
is_comparable(struct cel_value v)
{
  return (v.kind >= CEL_BOOL && v.kind <= CEL_TIMESTAMP);
}

static struct cel_value
is_sorted(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  const struct cel_list *l = args[0].u.list;
  int order;

  (void)ev;
  (void)n;
  for (uint32_t i = 0; i < l->n; i++) {
    if (!is_comparable(l->items[i]))
      return cel_no_overload();
    if (i && !cel_is_error(cel_compare(l->items[i - 1], l->items[i], &order)) && order > 0)
      return cel_of_bool(false);
  }
  return cel_of_bool(true);
}

static struct cel_value
add_up(struct cel_eval *ev, const struct cel_value *args, struct cel_value sum)
{
  const struct cel_list *l = args[0].u.list;

  (void)ev;
  for (uint32_t i = 0; i < l->n; i++) {
    struct cel_value v = l->items[i];

    if (v.kind != sum.kind)
      return cel_no_overload();
    if (sum.kind == CEL_DOUBLE)
      sum.u.d += v.u.d;
    else if (sum.kind == CEL_UINT ? __builtin_add_overflow(sum.u.u, v.u.u, &sum.u.u)
                                  : __builtin_add_overflow(sum.u.i, v.u.i, &sum.u.i))
      return cel_fail(sum.kind == CEL_UINT ? "unsigned integer overflow" : "integer overflow");
  }
  return sum;
}

static struct cel_value
sum_int(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)n;
  return add_up(ev, args, cel_of_int(0));
}

static struct cel_value
sum_uint(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)n;
  return add_up(ev, args, cel_of_uint(0));
}

static struct cel_value
sum_double(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)n;
  return add_up(ev, args, cel_of_double(0));
}

static struct cel_value
sum_duration(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)n;
  return add_up(ev, args, cel_of_duration(0));
}

static struct cel_value
extreme(const struct cel_list *l, int wanted, const char *empty)
{
  struct cel_value best = { 0 };
  int order;

  for (uint32_t i = 0; i < l->n; i++) {
    if (!is_comparable(l->items[i]))
      return cel_no_overload();
    if (i == 0 || (!cel_is_error(cel_compare(best, l->items[i], &order)) && order == -wanted))
      best = l->items[i];
  }
  return l->n ? best : cel_fail(empty);
}

static struct cel_value
do_max(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return extreme(args[0].u.list, 1, "max called on empty list");
}

static struct cel_value
do_min(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return extreme(args[0].u.list, -1, "min called on empty list");
}

static struct cel_value
index_of(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return cel_of_int(cel_list_find(args[0].u.list, args[1], true));
}

static struct cel_value
last_index_of(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  const struct cel_list *l = args[0].u.list;

  (void)ev;
  (void)n;
  for (uint32_t i = l->n; i-- > 0;)
    if (cel_is_true(cel_equal(l->items[i], args[1])))
      return cel_of_int(i);
  return cel_of_int(-1);
}

static struct cel_value
includes(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  if (args[0].kind == CEL_LIST)
    return cel_of_bool(cel_list_find(args[0].u.list, args[1], true) >= 0);
  return cel_of_bool(cel_is_true(cel_equal(args[0], args[1])));
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

#define COST .name_cost = CEL_COST_TRAVERSE
#define EACH(name, before, after, fn, RES)                                                     \
  METHOD(name, before "int" after, RES(cel_int), fn, COST, ARGS(&ints)),                       \
      METHOD(name, before "uint" after, RES(cel_uint), fn, COST, ARGS(&uints)),                \
      METHOD(name, before "double" after, RES(cel_double), fn, COST, ARGS(&doubles)),          \
      METHOD(name, before "bool" after, RES(cel_bool), fn, COST, ARGS(&bools)),                \
      METHOD(name, before "duration" after, RES(cel_duration), fn, COST, ARGS(&durations)),    \
      METHOD(name, before "timestamp" after, RES(cel_timestamp), fn, COST, ARGS(&timestamps)), \
      METHOD(name, before "string" after, RES(cel_string), fn, COST, ARGS(&strings)),          \
      METHOD(name, before "bytes" after, RES(cel_bytes), fn, COST, ARGS(&bytess))
#define ALWAYS_BOOL(t) cel_bool
#define ITSELF(t)      t

static const struct cel_overload lists[] = {
  EACH("isSorted", "list_", "_is_sorted_bool", is_sorted, ALWAYS_BOOL),
  METHOD("sum", "list_int_sum_int", cel_int, sum_int, COST, ARGS(&ints)),
  METHOD("sum", "list_uint_sum_uint", cel_uint, sum_uint, COST, ARGS(&uints)),
  METHOD("sum", "list_double_sum_double", cel_double, sum_double, COST, ARGS(&doubles)),
  METHOD("sum", "list_duration_sum_duration", cel_duration, sum_duration, COST, ARGS(&durations)),
  EACH("max", "list_max_", "", do_max, ITSELF),
  EACH("min", "list_min_", "", do_min, ITSELF),
  METHOD("indexOf", "list_a_index_of_int", cel_int, index_of, .nvars = 1, COST, ARGS(&cel_list_a, &cel_param_a)),
  METHOD("lastIndexOf", "list_a_last_index_of_int", cel_int, last_index_of, .nvars = 1, COST,
         ARGS(&cel_list_a, &cel_param_a)),
  { .function = "includes",
    .id = "list_includes_dyn_dyn",
    .member = true,
    .result = &cel_bool,
    .impl = includes,
    .features = CEL_F_INCLUDES,
    COST,
    ARGS(&cel_dyn, &cel_dyn) },
};

LIBRARY(cel_lib_lists, lists);
