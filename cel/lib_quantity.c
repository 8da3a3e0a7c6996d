#include "cel_lib.h"

#include <string.h>

/* Quantities (apiserver library/quantity.go). */

struct cel_value
cel_quantity_parse(struct arena *a, struct span text)
{
  struct cel_quantity *q = arena_new_of(a, struct cel_quantity);
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (quantity_parse(text, &q->q, &err) < 0)
    return cel_fail(arena_strdup(a, err.msg));
  return (struct cel_value){ .kind = CEL_QUANTITY, .u.quantity = q };
}

bool
cel_quantity_equal(const struct cel_quantity *x, const struct cel_quantity *y)
{
  return quantity_cmp(&x->q, &y->q) == 0;
}

static struct cel_value
do_quantity(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)n;
  return cel_quantity_parse(ev->a, cel_span(args[0]));
}

static struct cel_value
is_quantity(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)n;
  return cel_of_bool(!cel_is_error(cel_quantity_parse(ev->a, cel_span(args[0]))));
}

/* Upstream turns the receiver into a big decimal when the other one is: later it is no integer any more. */
static int
compare(struct cel_eval *ev, const struct cel_value *args)
{
  struct cel_quantity *x = args[0].u.quantity, *y = args[1].u.quantity;

  if (cel_eval_is_big(ev, y))
    cel_eval_make_big(ev, x);
  return quantity_cmp(&x->q, &y->q);
}

static struct cel_value
is_greater(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)n;
  return cel_of_bool(compare(ev, args) > 0);
}

static struct cel_value
is_less(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)n;
  return cel_of_bool(compare(ev, args) < 0);
}

static struct cel_value
compare_to(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  int order = compare(ev, args);

  (void)n;
  return cel_of_int(order < 0 ? -1 : order > 0);
}

static struct cel_value
do_sign(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return cel_of_int(quantity_sign(&args[0].u.quantity->q));
}

static bool
integer(const struct cel_eval *ev, const struct cel_quantity *q, int64_t *ret)
{
  return !cel_eval_is_big(ev, q) && quantity_as_int64(&q->q, ret);
}

static struct cel_value
is_integer(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  int64_t v;

  (void)n;
  return cel_of_bool(integer(ev, args[0].u.quantity, &v));
}

static struct cel_value
as_integer(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  int64_t v;

  (void)n;
  return integer(ev, args[0].u.quantity, &v) ? cel_of_int(v) : cel_fail("cannot convert value to integer");
}

static struct cel_value
as_float(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return cel_of_double(quantity_approx(&args[0].u.quantity->q));
}

static struct cel_value
combine(struct cel_eval *ev, const struct cel_value *args,
        struct quantity (*op)(const struct quantity *, const struct quantity *))
{
  struct cel_quantity *r = arena_new_of(ev->a, struct cel_quantity);
  struct quantity x = args[0].u.quantity->q, y;

  if (cel_eval_is_big(ev, args[0].u.quantity))
    quantity_widen(&x);
  if (args[1].kind == CEL_INT) {
    y = quantity_from_int(args[1].u.i, QUANTITY_DECIMAL_EXPONENT);
  } else {
    y = args[1].u.quantity->q;
    if (cel_eval_is_big(ev, args[1].u.quantity))
      quantity_widen(&y);
  }
  r->q = op(&x, &y);
  return (struct cel_value){ .kind = CEL_QUANTITY, .sub = CEL_SUB_DERIVED, .u.quantity = r };
}

static struct cel_value
do_add(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)n;
  return combine(ev, args, quantity_add);
}

static struct cel_value
do_sub(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)n;
  return combine(ev, args, quantity_sub);
}

#define ONE .name_cost = CEL_COST_NOMINAL
#define Q   &cel_quantity_type

static const struct cel_overload quantities[] = {
  FN("quantity", "string_to_quantity", cel_quantity_type, do_quantity, .name_cost = CEL_COST_PARSE, ARGS(&cel_string)),
  FN("isQuantity", "is_quantity_string", cel_bool, is_quantity, .name_cost = CEL_COST_PARSE, ARGS(&cel_string)),
  FN("sign", "quantity_sign", cel_int, do_sign, ONE, ARGS(Q)),
  METHOD("isGreaterThan", "quantity_is_greater_than", cel_bool, is_greater, ONE, ARGS(Q, Q)),
  METHOD("isLessThan", "quantity_is_less_than", cel_bool, is_less, ONE, ARGS(Q, Q)),
  METHOD("compareTo", "quantity_compare_to", cel_int, compare_to, ONE, ARGS(Q, Q)),
  METHOD("asApproximateFloat", "quantity_get_float", cel_double, as_float, ONE, ARGS(Q)),
  METHOD("asInteger", "quantity_get_int", cel_int, as_integer, ONE, ARGS(Q)),
  METHOD("isInteger", "quantity_is_integer", cel_bool, is_integer, ONE, ARGS(Q)),
  METHOD("add", "quantity_add", cel_quantity_type, do_add, ONE, ARGS(Q, Q)),
  METHOD("add", "quantity_add_int", cel_quantity_type, do_add, ONE, ARGS(Q, &cel_int)),
  METHOD("sub", "quantity_sub", cel_quantity_type, do_sub, ONE, ARGS(Q, Q)),
  METHOD("sub", "quantity_sub_int", cel_quantity_type, do_sub, ONE, ARGS(Q, &cel_int)),
};

LIBRARY(cel_lib_quantity, quantities);
