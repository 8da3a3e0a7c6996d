#include "cel_eval.h"

#include <string.h>

/*
 * The evaluator. One function per instruction; values travel up, errors among
 * them. What a node costs is added when it is done, as upstream's observer
 * does, and the run ends at once when that passes the limit.
 */

/* Keeps what an instruction needs of the stack out of cel_eval_node's own frame, which is pushed for every node. */
#define APART __attribute__((noinline))

#define LIST_COST   10
#define MAP_COST    30
#define STRUCT_COST 40

bool
cel_has_room(const struct cel_eval *ev, size_t n)
{
  return n <= CEL_MEMORY_MAX && arena_used(ev->a) + n <= ev->memory_end;
}

void *
cel_alloc(struct cel_eval *ev, size_t n)
{
  return cel_has_room(ev, n) ? arena_alloc(ev->a, n) : NULL;
}

struct cel_value
cel_out_of_memory(void)
{
  return cel_fatal("operation cancelled: memory limit exceeded");
}

/* -- logic -- */

static APART struct cel_value
eval_logic(struct cel_eval *ev, const struct cel_node *n, bool decisive)
{
  struct cel_value error = cel_of_bool(!decisive);

  for (uint32_t i = 0; i < n->n; i++) {
    struct cel_value v = cel_eval_operand(ev, n->u.call.args[i]);

    if (v.kind == CEL_BOOL) {
      if (v.u.b == decisive)
        return v;
    } else if (cel_is_fatal(v)) {
      return v;
    } else if (!cel_is_error(error)) {
      error = cel_is_error(v) ? v : cel_no_overload();
    }
  }
  return error;
}

static APART struct cel_value
eval_not_false(struct cel_eval *ev, const struct cel_node *n)
{
  struct cel_value v = cel_eval_node(ev, n->u.call.args[0]);

  if (cel_is_fatal(v))
    return v;
  return cel_charge(ev, 1, v.kind == CEL_BOOL ? v : cel_of_bool(true));
}

/* == and != of two scalars of one kind, which is most of them: what they are and cost needs no call. */
static inline bool
equal_scalars(const struct cel_value *args, bool *ret, uint64_t *ret_cost)
{
  struct cel_value x = args[0], y = args[1];
  uint32_t least = x.n < y.n ? x.n : y.n;

  if (x.kind != y.kind)
    return false;
  *ret_cost = 1;
  if (x.kind == CEL_INT) {
    *ret = x.u.i == y.u.i;
    return true;
  }
  if (x.kind == CEL_BOOL) {
    *ret = x.u.b == y.u.b;
    return true;
  }
  if (x.kind != CEL_STRING || !(x.sub & y.sub & CEL_SUB_ASCII))
    return false;
  *ret_cost = (least + 9) / 10;
  *ret = span_eq(cel_span(x), cel_span(y));
  return true;
}

static APART struct cel_value
eval_equal(struct cel_eval *ev, const struct cel_node *n)
{
  struct cel_value args[2], r;
  uint64_t cost;
  bool same;

  args[0] = cel_eval_operand(ev, n->u.call.args[0]);
  if (cel_is_fatal(args[0]))
    return args[0];
  args[1] = cel_eval_operand(ev, n->u.call.args[1]);
  if (cel_is_fatal(args[1]))
    return args[1];
  if (equal_scalars(args, &same, &cost))
    return cel_charge(ev, cost, cel_of_bool(same == (n->op == OP_EQ)));
  if (cel_is_error(args[0]))
    r = args[0];
  else if (cel_is_error(args[1]))
    r = args[1];
  else
    r = cel_equal(args[0], args[1]);
  if (n->op == OP_NE && !cel_is_error(args[0]) && !cel_is_error(args[1]))
    r = cel_of_bool(!cel_is_true(r));
  return cel_charge(ev, cel_call_cost(n, args, 2, r), r);
}

static APART struct cel_value
eval_or_else(struct cel_eval *ev, const struct cel_node *n)
{
  struct cel_value v = cel_eval_node(ev, n->u.call.args[0]);

  if (cel_is_error(v))
    return v;
  if (v.kind != CEL_OPTIONAL)
    return cel_no_overload();
  if (!v.u.some)
    return cel_eval_node(ev, n->u.call.args[1]);
  return n->flag ? *v.u.some : v;
}

static APART struct cel_value
eval_membership(struct cel_eval *ev, const struct cel_node *n)
{
  struct cel_value v = cel_eval_node(ev, n->u.member.arg);

  if (cel_is_error(v))
    return v;
  if (v.kind == CEL_SEMVER)
    return cel_fatal("internal error: runtime error: hash of unhashable type cel.Semver");
  if (v.kind == CEL_BYTES)
    return cel_fatal("internal error: runtime error: hash of unhashable type types.Bytes");
  return cel_of_bool(cel_map_find(n->u.member.set, v) != NULL);
}

/* -- calls -- */

/* Upstream's cost tracker panics when what is to be sorted is an error. */
static bool
panics(const struct cel_node *n, const struct cel_value *args)
{
  return ((n->cost == CEL_COST_SORT || n->cost == CEL_COST_DISTINCT) && cel_is_error(args[0])) ||
         (n->cost == CEL_COST_SORT_BY && cel_is_error(args[1]));
}

/* < and its like, of integers. */
static inline bool
in_order(enum cel_order order, int64_t x, int64_t y)
{
  return order == ORDER_LESS ? x < y : order == ORDER_LESS_EQUAL ? x <= y : order == ORDER_GREATER ? x > y : x >= y;
}

static APART struct cel_value
eval_call(struct cel_eval *ev, const struct cel_node *n)
{
  struct cel_value args[CEL_ARGS_MAX], r = { 0 };
  bool failed = false;

  args[0].kind = args[1].kind = CEL_ERROR; /* a call may have fewer */
  for (uint32_t i = 0; i < n->n; i++) {
    args[i] = cel_eval_operand(ev, n->u.call.args[i]);
    if (cel_is_fatal(args[i]) || (cel_is_error(args[i]) && n->flag && i + 1 < n->n))
      return args[i]; /* upstream charges a call only when it has looked at all its arguments */
    if (cel_is_error(args[i]) && !failed) {
      failed = true;
      r = args[i];
    }
  }
  if (n->order && args[0].kind == CEL_INT && args[1].kind == CEL_INT)
    return cel_charge(ev, 1, cel_of_bool(in_order((enum cel_order)n->order, args[0].u.i, args[1].u.i)));
  if (!failed)
    r = cel_call_impl(ev, n, args, n->n);
  if (cel_is_fatal(r))
    return r;
  if (failed && panics(n, args))
    return cel_fatal("internal error: interface conversion: *types.Err is not traits.Lister: missing method Add");
  return cel_charge(ev, cel_call_cost(n, args, n->n, r), r);
}

/* -- lists, maps, structures -- */

static APART struct cel_value
make_list(struct cel_eval *ev, const struct cel_node *n)
{
  struct cel_value list = cel_list_new(ev->a, n->n), v;

  for (uint32_t i = 0; i < n->n; i++) {
    v = cel_eval_node(ev, n->u.items.nodes[i]);
    if (cel_is_error(v))
      return v;
    if (n->u.items.optional[i]) {
      if (v.kind != CEL_OPTIONAL)
        return cel_failf(ev->a, "cannot initialize optional list element from non-optional value %s",
                         cel_print_text(ev->a, v));
      if (!v.u.some)
        continue;
      v = *v.u.some;
    }
    list.u.list->items[list.u.list->n++] = v;
  }
  return list;
}

static struct cel_value
unhashable(struct cel_value key)
{
  return cel_fatal(key.kind == CEL_BYTES ? "internal error: runtime error: hash of unhashable type types.Bytes"
                                         : "internal error: runtime error: hash of unhashable type cel.Semver");
}

static APART struct cel_value
make_map(struct cel_eval *ev, const struct cel_node *n)
{
  struct cel_value map = cel_map_new(ev->a, n->n), k, v;

  for (uint32_t i = 0; i < n->n; i++) {
    k = cel_eval_node(ev, n->u.items.nodes[2 * i]);
    if (cel_is_error(k))
      return k;
    v = cel_eval_node(ev, n->u.items.nodes[2 * i + 1]);
    if (cel_is_error(v))
      return v;
    if (n->u.items.optional[i]) {
      if (v.kind != CEL_OPTIONAL)
        return cel_failf(ev->a, "cannot initialize optional entry '%s' from non-optional value %s",
                         cel_print_text(ev->a, k), cel_print_text(ev->a, v));
      if (!v.u.some) {
        (void)cel_map_delete(map.u.map, k);
        continue;
      }
      v = *v.u.some;
    }
    if (k.kind == CEL_BYTES || k.kind == CEL_SEMVER)
      return unhashable(k);
    cel_map_put(ev->a, map.u.map, k, v);
  }
  return map;
}

/* A message of a well-known type, or a part of a patch: the only structures that can be made. */
static struct cel_value
finish_struct(struct cel_eval *ev, const struct cel_type *t, struct cel_map *fields)
{
  const struct cel_value *seconds, *nanos, *value;

  if (t->any_field || strcmp(t->name, CEL_JSON_PATCH_TYPE) == 0) {
    fields->object = t;
    return (struct cel_value){ .kind = CEL_MAP, .u.map = fields };
  }
  if (t->nullable) {
    value = cel_map_find(fields, cel_of_span(SPAN("value")));
    if (value)
      return *value;
    return (struct cel_value){ .kind = t->kind == CEL_T_BOOL     ? CEL_BOOL
                                       : t->kind == CEL_T_INT    ? CEL_INT
                                       : t->kind == CEL_T_UINT   ? CEL_UINT
                                       : t->kind == CEL_T_DOUBLE ? CEL_DOUBLE
                                       : t->kind == CEL_T_STRING ? CEL_STRING
                                                                 : CEL_BYTES,
                               .u.s = NULL };
  }
  seconds = cel_map_find(fields, cel_of_span(SPAN("seconds")));
  nanos = cel_map_find(fields, cel_of_span(SPAN("nanos")));
  if (t->kind == CEL_T_DURATION) {
    int64_t ns;

    if (__builtin_mul_overflow(seconds ? seconds->u.i : 0, INT64_C(1000000000), &ns) ||
        __builtin_add_overflow(ns, nanos ? nanos->u.i : 0, &ns))
      return cel_fail("integer overflow");
    return cel_of_duration(ns);
  }
  if (t->kind == CEL_T_TIMESTAMP)
    return (struct cel_value){ .kind = CEL_TIMESTAMP,
                               .n = (uint32_t)(nanos ? nanos->u.i : 0),
                               .u.i = seconds ? seconds->u.i : 0 };
  return cel_failf(ev->a, "unknown type '%s'", t->name);
}

static APART struct cel_value
make_struct(struct cel_eval *ev, const struct cel_node *n)
{
  struct cel_value map = cel_map_new(ev->a, n->n), v;

  for (uint32_t i = 0; i < n->n; i++) {
    struct cel_value field = cel_of_span(n->u.items.fields[i].field);

    v = cel_eval_node(ev, n->u.items.nodes[i]);
    if (cel_is_error(v))
      return v;
    if (n->u.items.optional[i]) {
      if (v.kind != CEL_OPTIONAL)
        return cel_failf(ev->a, "cannot initialize optional entry '%.*s' from non-optional value %s",
                         SPAN_FMT(n->u.items.fields[i].field), cel_print_text(ev->a, v));
      if (!v.u.some) {
        (void)cel_map_delete(map.u.map, field);
        continue;
      }
      v = *v.u.some;
    }
    cel_map_put(ev->a, map.u.map, field, v);
  }
  return finish_struct(ev, n->u.items.type, map.u.map);
}

/* -- folds -- */

#define INTERRUPT_EVERY 100 /* iterations; upstream: CheckFrequency */

static bool
interrupted(struct cel_eval *ev)
{
  return ++ev->loops % INTERRUPT_EVERY == 0 && ev->interrupted && ev->interrupted(ev->interrupted_arg);
}

/* One round; true when the loop goes on. */
static bool
fold_round(struct cel_eval *ev, const struct cel_node *n, struct cel_value *fatal)
{
  struct cel_value v = cel_eval_node(ev, n->u.fold.cond);

  if (cel_is_false(v))
    return false;
  if (!cel_is_fatal(v)) {
    v = cel_eval_node(ev, n->u.fold.step);
    ev->slots[n->u.fold.accu] = (struct cel_slot){ .value = v };
  }
  if (!cel_is_fatal(v) && interrupted(ev))
    v = cel_fatal("operation interrupted");
  if (!cel_is_fatal(v) && !cel_has_room(ev, 0))
    v = cel_out_of_memory();
  if (cel_is_fatal(v)) {
    *fatal = v;
    return false;
  }
  return true;
}

static struct cel_value
fold_result(struct cel_eval *ev, const struct cel_node *n)
{
  struct cel_value v = cel_eval_node(ev, n->u.fold.result), copy;

  if (v.kind == CEL_LIST && v.u.list->growing) { /* done growing: what was added later does not belong to it */
    copy = cel_list_new(ev->a, 0);
    *copy.u.list = *v.u.list;
    copy.u.list->growing = false;
    return copy;
  }
  if (v.kind == CEL_MAP && v.u.map->growing)
    v.u.map->growing = false;
  return v;
}

/* What a loop goes over, or an error. */
static struct cel_value
fold_range(struct cel_eval *ev, const struct cel_node *n)
{
  struct cel_value range = cel_eval_node(ev, n->u.fold.range);

  if (range.kind == CEL_MAP)
    (void)cel_map_filled(range.u.map);
  if (cel_is_error(range) || range.kind == CEL_LIST || range.kind == CEL_MAP)
    return range;
  return n->u.fold.var2 ? cel_failf(ev->a, "unsupported comprehension range type: %s", cel_go_name(range))
                        : cel_failf(ev->a, "got '%s', expected iterable type", cel_go_name(range));
}

/* Set the variables of round i; false: there is none. */
static inline bool
fold_next(struct cel_eval *ev, const struct cel_node *n, struct cel_value range, uint32_t i)
{
  uint32_t var2 = n->u.fold.var2;
  struct cel_value first, second;

  if (range.kind == CEL_LIST) {
    if (i >= range.u.list->n)
      return false;
    second = range.u.list->items[i];
    first = var2 ? cel_of_int(i) : second;
  } else {
    if (i >= range.u.map->n)
      return false;
    first = range.u.map->entries[i].key;
    second = range.u.map->entries[i].value;
  }
  ev->slots[n->u.fold.var].value = first;
  if (var2)
    ev->slots[var2].value = second;
  return true;
}

static APART struct cel_value
eval_fold(struct cel_eval *ev, const struct cel_node *n)
{
  struct cel_value range = fold_range(ev, n), fatal = cel_of_null();

  if (cel_is_error(range))
    return range;
  ev->slots[n->u.fold.accu] = (struct cel_slot){ .init = n->u.fold.init };
  for (uint32_t i = 0; fold_next(ev, n, range, i) && fold_round(ev, n, &fatal); i++)
    ;
  return cel_is_fatal(fatal) ? fatal : fold_result(ev, n);
}

/* Units that a run pays for one after the other: when they do not fit, it ends at the first that does not. */
static bool
pay(struct cel_eval *ev, unsigned units)
{
  if (ev->cost + units > ev->limit) {
    ev->cost = ev->limit + 1;
    return false;
  }
  ev->cost += units;
  return true;
}

/*
 * exists() and all(), without building what each round says of the one before: cond, step and result are known, and
 * so is what they cost (exists: the accumulator, !, @not_strictly_false, the accumulator; all: one less).
 */
static APART struct cel_value
eval_quantifier(struct cel_eval *ev, const struct cel_node *n, bool decisive)
{
  struct cel_value range = fold_range(ev, n), state = cel_of_bool(!decisive), v;
  unsigned round = decisive ? 4 : 3, last = decisive ? 3 : 2;
  uint32_t i = 0;

  if (cel_is_error(range))
    return range;
  for (; fold_next(ev, n, range, i); i++) {
    if (state.kind == CEL_BOOL && state.u.b == decisive)
      return pay(ev, last + 1) ? state : cel_over_limit();
    if (!pay(ev, round))
      return cel_over_limit();
    v = cel_eval_node(ev, n->u.fold.step);
    if (cel_is_fatal(v))
      return v;
    if (v.kind == CEL_BOOL && v.u.b == decisive)
      state = v;
    else if (v.kind != CEL_BOOL && !cel_is_error(state))
      state = cel_is_error(v) ? v : cel_no_overload();
    if (interrupted(ev))
      return cel_fatal("operation interrupted");
    if (!cel_has_room(ev, 0))
      return cel_out_of_memory();
  }
  return pay(ev, 1) ? state : cel_over_limit();
}

/* A constant that a function made when the program was planned; what it costs is paid at each use. */
static APART struct cel_value
eval_prepared(struct cel_eval *ev, const struct cel_node *n)
{
  struct cel_value v = n->u.value;

  if (v.kind == CEL_QUANTITY) { /* comparing may change it: each use has its own */
    v.u.quantity = arena_new_of(ev->a, struct cel_quantity);
    *v.u.quantity = *n->u.value.u.quantity;
  }
  return cel_charge(ev, n->slot, v);
}

/* -- all -- */

struct cel_value
cel_eval_node(struct cel_eval *ev, const struct cel_node *n)
{
  struct cel_value v;

  switch ((enum cel_op)n->op) {
  case OP_CONST:
    return n->u.value;
  case OP_ATTR:
    return cel_eval_attr(ev, n, false);
  case OP_AND:
    return eval_logic(ev, n, false);
  case OP_OR:
    return eval_logic(ev, n, true);
  case OP_EQ:
  case OP_NE:
    return eval_equal(ev, n);
  case OP_CALL:
    return eval_call(ev, n);
  case OP_NOT_FALSE:
    return eval_not_false(ev, n);
  case OP_MEMBERSHIP:
    return eval_membership(ev, n);
  case OP_OR_ELSE:
    return eval_or_else(ev, n);
  case OP_LIST:
    v = make_list(ev, n);
    return cel_is_fatal(v) ? v : cel_charge(ev, LIST_COST, v);
  case OP_MAP:
    v = make_map(ev, n);
    return cel_is_fatal(v) ? v : cel_charge(ev, MAP_COST, v);
  case OP_STRUCT:
    v = make_struct(ev, n);
    return cel_is_fatal(v) ? v : cel_charge(ev, STRUCT_COST, v);
  case OP_FOLD:
    return eval_fold(ev, n);
  case OP_EXISTS:
    return eval_quantifier(ev, n, true);
  case OP_ALL:
    return eval_quantifier(ev, n, false);
  case OP_PREPARED:
    return eval_prepared(ev, n);
  }
  return cel_fail("unknown instruction");
}

struct cel_value
cel_run(struct cel_eval *ev, const struct cel_program *p)
{
  ev->memory_end = arena_used(ev->a) + CEL_MEMORY_MAX;
  ev->memos = p->nmemos ? arena_array_of(ev->a, struct cel_memo, p->nmemos) : NULL;
  ev->slots = p->nslots > 1 ? arena_array_of(ev->a, struct cel_slot, p->nslots) : NULL;
  return cel_eval_node(ev, p->root);
}

/* -- quantities that a comparison turned into big decimals -- */

bool
cel_eval_is_big(const struct cel_eval *ev, const struct cel_quantity *q)
{
  for (uint32_t i = 0; i < ev->nbig; i++)
    if (ev->big[i] == q)
      return true;
  return q->q.wide;
}

void
cel_eval_make_big(struct cel_eval *ev, struct cel_quantity *q)
{
  const void **big;

  if (cel_eval_is_big(ev, q))
    return;
  if ((ev->nbig & (ev->nbig - 1)) == 0) { /* a power of two: full */
    big = arena_array_of(ev->a, const void *, ev->nbig ? ev->nbig * 2 : 1);
    if (ev->nbig)
      memcpy(big, ev->big, sizeof(*big) * ev->nbig);
    ev->big = big;
  }
  memcpy((void *)(uintptr_t)&ev->big[ev->nbig++], &q, sizeof q);
}
