#include "cel_lib.h"

#include <math.h>
#include <string.h>

/*
 * Operators. They are declared per type for the checker, but at run time one
 * function serves all overloads and looks at its values, as in cel-go
 * (common/types: Add, Subtract, Compare ... of each type).
 */

#define INT_OVERFLOW  cel_fail("integer overflow")
#define UINT_OVERFLOW cel_fail("unsigned integer overflow")

static struct cel_value
join_text(struct cel_eval *ev, struct cel_value x, struct cel_value y)
{
  char *p = cel_alloc(ev, (size_t)x.n + y.n + 1);

  if (!p)
    return cel_out_of_memory();
  if (x.n)
    memcpy(p, x.u.s, x.n);
  if (y.n)
    memcpy(p + x.n, y.u.s, y.n);
  x.u.s = p;
  x.n += y.n;
  x.sub &= y.sub; /* ASCII when both are */
  return x;
}

#define TIME_MIN INT64_C(-62135596800)
#define TIME_MAX INT64_C(253402300799)
#define SECOND   INT64_C(1000000000)

static struct cel_value
shift_time(struct cel_value t, int64_t ns)
{
  int64_t sec = ns / SECOND, nsec = (int64_t)t.n + ns % SECOND;

  if (__builtin_add_overflow(t.u.i, sec, &t.u.i))
    return INT_OVERFLOW;
  if (nsec < 0 || nsec >= SECOND) {
    t.u.i += nsec < 0 ? -1 : 1;
    nsec += nsec < 0 ? SECOND : -SECOND;
  }
  if (t.u.i < TIME_MIN || t.u.i > TIME_MAX)
    return cel_fail("timestamp overflow");
  t.n = (uint32_t)nsec;
  return t;
}

static struct cel_value
do_add(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct cel_value x = args[0], y = args[1];

  (void)n;
  if (x.kind == CEL_DURATION && y.kind == CEL_TIMESTAMP)
    return shift_time(y, x.u.i);
  if (x.kind == CEL_TIMESTAMP && y.kind == CEL_DURATION)
    return shift_time(x, y.u.i);
  if (x.kind != y.kind)
    return cel_no_overload();
  switch (x.kind) {
  case CEL_INT:
  case CEL_DURATION:
    return __builtin_add_overflow(x.u.i, y.u.i, &x.u.i) ? INT_OVERFLOW : x;
  case CEL_UINT:
    return __builtin_add_overflow(x.u.u, y.u.u, &x.u.u) ? UINT_OVERFLOW : x;
  case CEL_DOUBLE:
    return cel_of_double(x.u.d + y.u.d);
  case CEL_STRING:
  case CEL_BYTES:
    return join_text(ev, x, y);
  case CEL_LIST:
    if (!cel_has_room(ev, sizeof(struct cel_value) * ((size_t)x.u.list->n + y.u.list->n)))
      return cel_out_of_memory();
    return cel_list_add(ev->a, x.u.list, y.u.list);
  default:
    return cel_no_overload();
  }
}

static struct cel_value
time_difference(struct cel_value x, struct cel_value y)
{
  int64_t sec, ns;

  if (__builtin_sub_overflow(x.u.i, y.u.i, &sec) || __builtin_mul_overflow(sec, SECOND, &ns) ||
      __builtin_add_overflow(ns, (int64_t)x.n - (int64_t)y.n, &ns))
    return INT_OVERFLOW;
  return cel_of_duration(ns);
}

static struct cel_value
do_subtract(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct cel_value x = args[0], y = args[1];

  (void)ev;
  (void)n;
  if (x.kind == CEL_TIMESTAMP && y.kind == CEL_DURATION)
    return y.u.i == INT64_MIN ? INT_OVERFLOW : shift_time(x, -y.u.i);
  if (x.kind != y.kind)
    return cel_no_overload();
  switch (x.kind) {
  case CEL_INT:
  case CEL_DURATION:
    return __builtin_sub_overflow(x.u.i, y.u.i, &x.u.i) ? INT_OVERFLOW : x;
  case CEL_UINT:
    return __builtin_sub_overflow(x.u.u, y.u.u, &x.u.u) ? UINT_OVERFLOW : x;
  case CEL_DOUBLE:
    return cel_of_double(x.u.d - y.u.d);
  case CEL_TIMESTAMP:
    return time_difference(x, y);
  default:
    return cel_no_overload();
  }
}

static struct cel_value
do_multiply(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct cel_value x = args[0], y = args[1];

  (void)ev;
  (void)n;
  if (x.kind != y.kind)
    return cel_no_overload();
  switch (x.kind) {
  case CEL_INT:
    return __builtin_mul_overflow(x.u.i, y.u.i, &x.u.i) ? INT_OVERFLOW : x;
  case CEL_UINT:
    return __builtin_mul_overflow(x.u.u, y.u.u, &x.u.u) ? UINT_OVERFLOW : x;
  case CEL_DOUBLE:
    return cel_of_double(x.u.d * y.u.d);
  default:
    return cel_no_overload();
  }
}

static struct cel_value
divide(struct cel_value x, struct cel_value y, bool rest)
{
  if (x.kind != y.kind)
    return cel_no_overload();
  if (x.kind == CEL_DOUBLE && !rest)
    return cel_of_double(x.u.d / y.u.d);
  if (x.kind != CEL_INT && x.kind != CEL_UINT)
    return cel_no_overload();
  if (y.u.u == 0)
    return cel_fail(rest ? "modulus by zero" : "division by zero");
  if (x.kind == CEL_UINT)
    return cel_of_uint(rest ? x.u.u % y.u.u : x.u.u / y.u.u);
  if (x.u.i == INT64_MIN && y.u.i == -1)
    return INT_OVERFLOW;
  return cel_of_int(rest ? x.u.i % y.u.i : x.u.i / y.u.i);
}

static struct cel_value
do_divide(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return divide(args[0], args[1], false);
}

static struct cel_value
do_modulo(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return divide(args[0], args[1], true);
}

static struct cel_value
do_negate(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct cel_value x = args[0];

  (void)ev;
  (void)n;
  if (x.kind == CEL_DOUBLE)
    return cel_of_double(-x.u.d);
  if (x.kind != CEL_INT && x.kind != CEL_DURATION)
    return cel_no_overload();
  if (x.u.i == INT64_MIN)
    return INT_OVERFLOW;
  x.u.i = -x.u.i;
  return x;
}

static struct cel_value
do_not(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return args[0].kind == CEL_BOOL ? cel_of_bool(!args[0].u.b) : cel_no_overload();
}

#define ORDER(name, test)                                                                     \
  static struct cel_value name(struct cel_eval *ev, const struct cel_value *args, unsigned n) \
  {                                                                                           \
    int order = 0;                                                                            \
    struct cel_value r = cel_compare(args[0], args[1], &order);                               \
                                                                                              \
    (void)ev;                                                                                 \
    (void)n;                                                                                  \
    return cel_is_error(r) ? r : cel_of_bool(test);                                           \
  }

ORDER(do_less, order < 0)
ORDER(do_less_equal, order <= 0)
ORDER(do_greater, order > 0)
ORDER(do_greater_equal, order >= 0)

int64_t
cel_list_find(const struct cel_list *l, struct cel_value v, bool item_first)
{
  for (uint32_t i = 0; i < l->n; i++)
    if (cel_is_true(item_first ? cel_equal(l->items[i], v) : cel_equal(v, l->items[i])))
      return i;
  return -1;
}

/* A list of an object asks its elements, and does not swallow what they cannot tell. */
static struct cel_value
in_schema_list(struct cel_value v, const struct cel_list *l)
{
  struct cel_value first_error = cel_of_bool(false);

  for (uint32_t i = 0; i < l->n; i++) {
    struct cel_value r = cel_equal_direct(l->items[i], v);

    if (cel_is_true(r))
      return r;
    if (cel_is_error(r) && !cel_is_error(first_error))
      first_error = r;
  }
  return first_error;
}

static struct cel_value
do_in(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  const struct cel_value *found;

  (void)ev;
  (void)n;
  if (args[1].kind == CEL_LIST)
    return args[1].u.list->rule >= CEL_LIST_ATOMIC ? in_schema_list(args[0], args[1].u.list)
                                                   : cel_of_bool(cel_list_find(args[1].u.list, args[0], false) >= 0);
  if (args[1].kind != CEL_MAP)
    return cel_no_overload();
  if (args[0].kind == CEL_SEMVER)
    return cel_fatal("internal error: runtime error: hash of unhashable type cel.Semver");
  found = cel_map_find(args[1].u.map, args[0]);
  return cel_of_bool(found && found != args[1].u.map->fallback);
}

/* -- the table -- */

#define BINARY(name, id, res, fn, tr, co, x, y) \
  FN(name, id, res, fn, .guard = CEL_TRAIT, .trait = (tr), .cost = (co), ARGS(&(x), &(y)))
#define NUMERIC3(name, id, fn, tr)                                         \
  BINARY(name, id "_int64", cel_int, fn, tr, 0, cel_int, cel_int),         \
      BINARY(name, id "_uint64", cel_uint, fn, tr, 0, cel_uint, cel_uint), \
      BINARY(name, id "_double", cel_double, fn, tr, 0, cel_double, cel_double)
#define COMPARISON(name, id, fn)                                                                        \
  BINARY(name, id "_bool", cel_bool, fn, CEL_COMPARES, 0, cel_bool, cel_bool),                          \
      BINARY(name, id "_int64", cel_bool, fn, CEL_COMPARES, 0, cel_int, cel_int),                       \
      BINARY(name, id "_int64_double", cel_bool, fn, CEL_COMPARES, 0, cel_int, cel_double),             \
      BINARY(name, id "_int64_uint64", cel_bool, fn, CEL_COMPARES, 0, cel_int, cel_uint),               \
      BINARY(name, id "_uint64", cel_bool, fn, CEL_COMPARES, 0, cel_uint, cel_uint),                    \
      BINARY(name, id "_uint64_double", cel_bool, fn, CEL_COMPARES, 0, cel_uint, cel_double),           \
      BINARY(name, id "_uint64_int64", cel_bool, fn, CEL_COMPARES, 0, cel_uint, cel_int),               \
      BINARY(name, id "_double", cel_bool, fn, CEL_COMPARES, 0, cel_double, cel_double),                \
      BINARY(name, id "_double_int64", cel_bool, fn, CEL_COMPARES, 0, cel_double, cel_int),             \
      BINARY(name, id "_double_uint64", cel_bool, fn, CEL_COMPARES, 0, cel_double, cel_uint),           \
      BINARY(name, id "_string", cel_bool, fn, CEL_COMPARES, CEL_COST_COMPARE, cel_string, cel_string), \
      BINARY(name, id "_bytes", cel_bool, fn, CEL_COMPARES, CEL_COST_COMPARE, cel_bytes, cel_bytes),    \
      BINARY(name, id "_timestamp", cel_bool, fn, CEL_COMPARES, 0, cel_timestamp, cel_timestamp),       \
      BINARY(name, id "_duration", cel_bool, fn, CEL_COMPARES, 0, cel_duration, cel_duration)

static const struct cel_overload operators[] = {
  FN("_?_:_", "conditional", cel_param_a, NULL, .nvars = 1, .cost = CEL_COST_TERNARY,
     ARGS(&cel_bool, &cel_param_a, &cel_param_a)),
  FN("_&&_", "logical_and", cel_bool, NULL, .cost = CEL_COST_LOGIC, ARGS(&cel_bool, &cel_bool)),
  FN("_||_", "logical_or", cel_bool, NULL, .cost = CEL_COST_LOGIC, ARGS(&cel_bool, &cel_bool)),
  FN("!_", "logical_not", cel_bool, do_not, .guard = CEL_OPEN, ARGS(&cel_bool)),
  FN("@not_strictly_false", "not_strictly_false", cel_bool, NULL, ARGS(&cel_bool)),
  FN("_==_", "equals", cel_bool, NULL, .nvars = 1, .cost = CEL_COST_COMPARE, .name_cost = CEL_COST_EQUAL,
     ARGS(&cel_param_a, &cel_param_a)),
  FN("_!=_", "not_equals", cel_bool, NULL, .nvars = 1, .cost = CEL_COST_COMPARE, ARGS(&cel_param_a, &cel_param_a)),
  BINARY("_+_", "add_bytes", cel_bytes, do_add, CEL_ADDS, CEL_COST_CONCAT, cel_bytes, cel_bytes),
  BINARY("_+_", "add_double", cel_double, do_add, CEL_ADDS, 0, cel_double, cel_double),
  BINARY("_+_", "add_duration_duration", cel_duration, do_add, CEL_ADDS, 0, cel_duration, cel_duration),
  BINARY("_+_", "add_duration_timestamp", cel_timestamp, do_add, CEL_ADDS, 0, cel_duration, cel_timestamp),
  BINARY("_+_", "add_timestamp_duration", cel_timestamp, do_add, CEL_ADDS, 0, cel_timestamp, cel_duration),
  BINARY("_+_", "add_int64", cel_int, do_add, CEL_ADDS, 0, cel_int, cel_int),
  FN("_+_", "add_list", cel_list_a, do_add, .nvars = 1, .guard = CEL_TRAIT, .trait = CEL_ADDS,
     .cost = CEL_COST_ADD_LIST, ARGS(&cel_list_a, &cel_list_a)),
  BINARY("_+_", "add_string", cel_string, do_add, CEL_ADDS, CEL_COST_CONCAT, cel_string, cel_string),
  BINARY("_+_", "add_uint64", cel_uint, do_add, CEL_ADDS, 0, cel_uint, cel_uint),
  BINARY("_-_", "subtract_double", cel_double, do_subtract, CEL_SUBTRACTS, 0, cel_double, cel_double),
  BINARY("_-_", "subtract_duration_duration", cel_duration, do_subtract, CEL_SUBTRACTS, 0, cel_duration, cel_duration),
  BINARY("_-_", "subtract_int64", cel_int, do_subtract, CEL_SUBTRACTS, 0, cel_int, cel_int),
  BINARY("_-_", "subtract_timestamp_duration", cel_timestamp, do_subtract, CEL_SUBTRACTS, 0, cel_timestamp,
         cel_duration),
  BINARY("_-_", "subtract_timestamp_timestamp", cel_duration, do_subtract, CEL_SUBTRACTS, 0, cel_timestamp,
         cel_timestamp),
  BINARY("_-_", "subtract_uint64", cel_uint, do_subtract, CEL_SUBTRACTS, 0, cel_uint, cel_uint),
  NUMERIC3("_*_", "multiply", do_multiply, CEL_MULTIPLIES),
  NUMERIC3("_/_", "divide", do_divide, CEL_DIVIDES),
  BINARY("_%_", "modulo_int64", cel_int, do_modulo, CEL_MODS, 0, cel_int, cel_int),
  BINARY("_%_", "modulo_uint64", cel_uint, do_modulo, CEL_MODS, 0, cel_uint, cel_uint),
  FN("-_", "negate_double", cel_double, do_negate, .guard = CEL_TRAIT, .trait = CEL_NEGATES, ARGS(&cel_double)),
  FN("-_", "negate_int64", cel_int, do_negate, .guard = CEL_TRAIT, .trait = CEL_NEGATES, ARGS(&cel_int)),
  COMPARISON("_<_", "less", do_less),
  COMPARISON("_<=_", "less_equals", do_less_equal),
  COMPARISON("_>_", "greater", do_greater),
  COMPARISON("_>=_", "greater_equals", do_greater_equal),
  FN("_[_]", "index_list", cel_param_a, NULL, .nvars = 1, .cost = CEL_COST_INDEX_LIST, ARGS(&cel_list_a, &cel_int)),
  FN("_[_]", "index_map", cel_param_b, NULL, .nvars = 2, .cost = CEL_COST_INDEX_MAP, ARGS(&cel_map_ab, &cel_param_a)),
  FN("@in", "in_list", cel_bool, do_in, .nvars = 1, .guard = CEL_OPEN, .cost = CEL_COST_IN_LIST,
     ARGS(&cel_param_a, &cel_list_a)),
  FN("@in", "in_map", cel_bool, do_in, .nvars = 2, .guard = CEL_OPEN, ARGS(&cel_param_a, &cel_map_ab)),
};

LIBRARY(cel_lib_operators, operators);
