#include "cel_lib.h"

#include <string.h>

/* Optional values (cel-go cel/library.go: OptionalTypes, latest version). */

static struct cel_value
do_of(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)n;
  return cel_some(ev->a, args[0]);
}

static struct cel_value
do_none(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)args;
  (void)n;
  return cel_none();
}

/* Go's Zeroer: types that can be zero and are. */
static bool
is_zero(struct cel_value v)
{
  switch (v.kind) {
  case CEL_NULL:
    return true;
  case CEL_BOOL:
    return !v.u.b;
  case CEL_INT:
  case CEL_UINT:
  case CEL_DURATION:
    return v.u.u == 0;
  case CEL_DOUBLE:
    return v.u.d == 0;
  case CEL_STRING:
  case CEL_BYTES:
    return v.n == 0;
  case CEL_LIST:
    return v.u.list->n == 0;
  case CEL_MAP:
    return cel_map_filled(v.u.map)->n == 0;
  case CEL_TIMESTAMP: /* Go's zero time is year 1 */
    return v.u.i == INT64_C(-62135596800) && v.n == 0;
  default:
    return false;
  }
}

static struct cel_value
do_of_non_zero(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)n;
  return is_zero(args[0]) ? cel_none() : cel_some(ev->a, args[0]);
}

static struct cel_value
do_value(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return args[0].u.some ? *args[0].u.some : cel_fail("optional.none() dereference");
}

static struct cel_value
do_has_value(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return cel_of_bool(args[0].u.some != NULL);
}

static struct cel_value
do_first(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  const struct cel_list *l = args[0].u.list;

  (void)n;
  return l->n ? cel_some(ev->a, l->items[0]) : cel_none();
}

static struct cel_value
do_last(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  const struct cel_list *l = args[0].u.list;

  (void)n;
  return l->n ? cel_some(ev->a, l->items[l->n - 1]) : cel_none();
}

static struct cel_value
do_unwrap(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  const struct cel_list *l = args[0].u.list;
  struct cel_value out = cel_list_new(ev->a, l->n);

  (void)n;
  for (uint32_t i = 0; i < l->n; i++) {
    if (l->items[i].kind != CEL_OPTIONAL)
      return cel_failf(ev->a, "value %s is not optional", cel_print_text(ev->a, l->items[i]));
    if (l->items[i].u.some)
      cel_list_push(ev->a, out.u.list, *l->items[i].u.some);
  }
  return out;
}

#define OF(kind_, name_, count, ...)                                                               \
  {                                                                                                \
    .kind = (kind_), .nparams = (count), .open = true, .name = (name_), .params = { __VA_ARGS__ }, \
    .max_size = CEL_SIZE_UNKNOWN                                                                   \
  }

static const struct cel_type optional_list = OF(CEL_T_OPAQUE, "optional_type", 1, &cel_list_a);
static const struct cel_type optional_map = OF(CEL_T_OPAQUE, "optional_type", 1, &cel_map_ab);
static const struct cel_type optional_b = OF(CEL_T_OPAQUE, "optional_type", 1, &cel_param_b);

#define V1 .nvars = 1

static const struct cel_overload optionals[] = {
  FN("optional.of", "optional_of", cel_optional_a, do_of, V1, ARGS(&cel_param_a)),
  FN("optional.ofNonZeroValue", "optional_ofNonZeroValue", cel_optional_a, do_of_non_zero, V1, ARGS(&cel_param_a)),
  FN("optional.none", "optional_none", cel_optional_a, do_none, V1, NO_ARGS),
  METHOD("value", "optional_value", cel_param_a, do_value, V1, ARGS(&cel_optional_a)),
  METHOD("hasValue", "optional_hasValue", cel_bool, do_has_value, V1, ARGS(&cel_optional_a)),
  METHOD("or", "optional_or_optional", cel_optional_a, NULL, V1, ARGS(&cel_optional_a, &cel_optional_a)),
  METHOD("orValue", "optional_orValue_value", cel_param_a, NULL, V1, ARGS(&cel_optional_a, &cel_param_a)),
  FN("_?._", "select_optional_field", cel_optional_a, NULL, V1, ARGS(&cel_dyn, &cel_string)),
  FN("_[?_]", "list_optindex_optional_int", cel_optional_a, NULL, V1, ARGS(&cel_list_a, &cel_int)),
  FN("_[?_]", "optional_list_optindex_optional_int", cel_optional_a, NULL, V1, ARGS(&optional_list, &cel_int)),
  FN("_[?_]", "map_optindex_optional_value", optional_b, NULL, .nvars = 2, ARGS(&cel_map_ab, &cel_param_a)),
  FN("_[?_]", "optional_map_optindex_optional_value", optional_b, NULL, .nvars = 2, ARGS(&optional_map, &cel_param_a)),
  FN("_[_]", "optional_list_index_int", cel_optional_a, NULL, V1, ARGS(&optional_list, &cel_int)),
  FN("_[_]", "optional_map_index_value", optional_b, NULL, .nvars = 2, ARGS(&optional_map, &cel_param_a)),
  METHOD("last", "list_last", cel_optional_a, do_last, V1, ARGS(&cel_list_a)),
  METHOD("first", "list_first", cel_optional_a, do_first, V1, ARGS(&cel_list_a)),
  FN("optional.unwrap", "optional_unwrap", cel_list_a, do_unwrap, V1, ARGS(&cel_list_optional_a)),
  METHOD("unwrapOpt", "optional_unwrapOpt", cel_list_a, do_unwrap, V1, ARGS(&cel_list_optional_a)),
};

LIBRARY(cel_lib_optional, optionals);
