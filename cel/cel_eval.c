#include "cel_eval.h"

#include <string.h>

/*
 * The evaluator. One function per instruction; values travel up, errors among
 * them. What a node costs is added when it is done, as upstream's observer
 * does, and the run ends at once when that passes the limit.
 */

#define LIST_COST   10
#define MAP_COST    30
#define STRUCT_COST 40

static struct cel_value eval_attr(struct cel_eval *ev, const struct cel_node *n, bool raw);

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

static struct cel_value
over_limit(void)
{
  return cel_fatal("operation cancelled: actual cost limit exceeded");
}

/* Add to the cost; the value, or the end of the run. */
static inline struct cel_value
charge(struct cel_eval *ev, uint64_t cost, struct cel_value v)
{
  ev->cost += cost;
  if (__builtin_expect(ev->cost > ev->limit, 0) && !cel_is_fatal(v))
    return over_limit();
  return v;
}

/* -- chains -- */

static struct cel_value
missing_key(struct cel_eval *ev, struct cel_value key)
{
  if (key.kind == CEL_STRING)
    return cel_failf(ev->a, "no such key: %.*s", (int)key.n, key.u.s);
  return cel_failf(ev->a, "no such key: %s", cel_print_text(ev->a, key));
}

static struct cel_value
list_index(struct cel_eval *ev, struct cel_value key, int64_t *ret)
{
  if (key.kind == CEL_INT) {
    *ret = key.u.i;
  } else if (key.kind == CEL_UINT && key.u.u <= INT64_MAX) {
    *ret = key.u.i;
  } else if (key.kind == CEL_DOUBLE && key.u.d > -9.2e18 && key.u.d < 9.2e18 && (double)(int64_t)key.u.d == key.u.d) {
    *ret = (int64_t)key.u.d;
  } else if (key.kind == CEL_UINT || key.kind == CEL_DOUBLE) {
    return cel_failf(ev->a, "unsupported index value %s in list", cel_print_text(ev->a, key));
  } else {
    return cel_failf(ev->a, "unsupported index type '%s' in list", cel_type_name(key));
  }
  return cel_of_bool(true);
}

/*
 * One step into v. With `presence`, what is missing is no error: *present tells.
 * A STEP_FIELD brings the hash of its key.
 */
static struct cel_value
step_into(struct cel_eval *ev, struct cel_value v, struct cel_value key, const uint32_t *hash, bool presence,
          bool *present)
{
  const struct cel_value *found;
  struct cel_value r;
  int64_t i = 0;

  *present = true;
  if (v.kind == CEL_MAP) {
    found = hash ? cel_map_find_str(v.u.map, cel_span(key), *hash) : cel_map_find(v.u.map, key);
    if (found)
      return cel_force(*found);
    if (v.u.map->from && key.kind != CEL_STRING)
      return cel_no_overload();
  } else if (v.kind == CEL_LIST) {
    r = list_index(ev, key, &i);
    if (cel_is_error(r)) {
      *present = false;
      return r;
    }
    if (i >= 0 && (uint64_t)i < v.u.list->n)
      return v.u.list->items[i];
    if (!presence)
      return cel_failf(ev->a, "index out of bounds: %s", cel_print_text(ev->a, key));
  }
  *present = false;
  return presence ? cel_none() : missing_key(ev, key);
}

static struct cel_value
step_key(struct cel_eval *ev, const struct cel_step *s, struct cel_value *ret)
{
  struct cel_value key = s->node->op == OP_ATTR ? eval_attr(ev, s->node, true) : cel_eval_node(ev, s->node);

  if (cel_is_error(key))
    return key;
  if (key.kind < CEL_BOOL || key.kind > CEL_STRING)
    return cel_failf(ev->a, "invalid qualifier type: %s", cel_go_name(key));
  *ret = key;
  return cel_of_bool(true);
}

/* The steps of a chain, from its root value. */
static struct cel_value
eval_steps(struct cel_eval *ev, const struct cel_node *n, struct cel_value v)
{
  bool optional = v.kind == CEL_OPTIONAL, present;

  if (optional) {
    if (!v.u.some)
      return v;
    v = *v.u.some;
  }
  for (uint32_t i = 0; i < n->n; i++) {
    const struct cel_step *s = &n->u.attr.steps[i];
    struct cel_value key = s->key;

    optional |= s->optional;
    present = false;
    if (s->kind == STEP_NODE) {
      struct cel_value r = step_key(ev, s, &key);

      if (cel_is_fatal(r))
        return r;
      v = cel_is_error(r) ? r : step_into(ev, v, key, NULL, optional, &present);
    } else {
      v = step_into(ev, v, key, s->kind == STEP_FIELD ? &s->hash : NULL, optional || s->test_only, &present);
    }
    if (!optional || present) {
      ev->cost++;
      if (__builtin_expect(ev->cost > ev->limit, 0))
        return over_limit();
    }
    if (cel_is_error(v))
      return v;
    if (optional && !present)
      return cel_none();
    if (s->test_only)
      v = optional ? cel_of_null() : cel_of_bool(present);
  }
  return optional ? cel_some(ev->a, v) : v;
}

static struct cel_value
eval_local(struct cel_eval *ev, uint32_t slot)
{
  struct cel_slot *s = &ev->slots[slot];
  const struct cel_node *init = s->init;

  if (!init)
    return s->value;
  s->init = NULL;
  s->value = cel_eval_node(ev, init);
  if (s->value.kind == CEL_LIST && s->value.u.list->n == 0) {
    s->value = cel_list_new(ev->a, 0);
    s->value.u.list->growing = true;
  } else if (s->value.kind == CEL_MAP && s->value.u.map->n == 0 && !s->value.u.map->object) {
    s->value = cel_map_new(ev->a, 0);
    s->value.u.map->growing = true;
  }
  return s->value;
}

static struct cel_value
eval_branch(struct cel_eval *ev, const struct cel_node *n)
{
  struct cel_value c = cel_eval_node(ev, n->u.attr.base);
  const struct cel_node *branch;

  if (c.kind != CEL_BOOL)
    return cel_is_error(c) ? c : cel_no_overload();
  branch = c.u.b ? n->u.attr.yes : n->u.attr.no;
  return branch->op == OP_ATTR ? eval_attr(ev, branch, true) : cel_eval_node(ev, branch);
}

/* `raw`: as a part of something else, which pays for it and reads has() itself. */
static struct cel_value
eval_attr(struct cel_eval *ev, const struct cel_node *n, bool raw)
{
  uint64_t cost = n->root == ROOT_TERNARY ? 0 : 1;
  struct cel_value v;

  switch ((enum cel_root)n->root) {
  case ROOT_VAR:
    v = ev->vars[n->slot];
    break;
  case ROOT_LOCAL:
    v = eval_local(ev, n->slot);
    break;
  case ROOT_NODE:
    v = cel_eval_node(ev, n->u.attr.base);
    break;
  case ROOT_TERNARY:
  default:
    v = eval_branch(ev, n);
    break;
  }
  if (n->n && !cel_is_error(v))
    v = eval_steps(ev, n, v);
  if (cel_is_fatal(v) || raw)
    return v;
  if (n->test_only) {
    cost--;
    if (v.kind == CEL_OPTIONAL)
      v = cel_of_bool(v.u.some != NULL);
  }
  return charge(ev, cost, v);
}

/* -- logic -- */

static struct cel_value
eval_logic(struct cel_eval *ev, const struct cel_node *n, bool decisive)
{
  struct cel_value error = cel_of_bool(!decisive);

  for (uint32_t i = 0; i < n->n; i++) {
    struct cel_value v = cel_eval_node(ev, n->u.call.args[i]);

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

static struct cel_value
eval_not_false(struct cel_eval *ev, const struct cel_node *n)
{
  struct cel_value v = cel_eval_node(ev, n->u.call.args[0]);

  if (cel_is_fatal(v))
    return v;
  return charge(ev, 1, v.kind == CEL_BOOL ? v : cel_of_bool(true));
}

static struct cel_value
eval_equal(struct cel_eval *ev, const struct cel_node *n)
{
  struct cel_value args[2], r;

  args[0] = cel_eval_node(ev, n->u.call.args[0]);
  if (cel_is_fatal(args[0]))
    return args[0];
  args[1] = cel_eval_node(ev, n->u.call.args[1]);
  if (cel_is_fatal(args[1]))
    return args[1];
  if (cel_is_error(args[0]))
    r = args[0];
  else if (cel_is_error(args[1]))
    r = args[1];
  else
    r = cel_equal(args[0], args[1]);
  if (n->op == OP_NE && !cel_is_error(args[0]) && !cel_is_error(args[1]))
    r = cel_of_bool(!cel_is_true(r));
  return charge(ev, cel_call_cost(n, args, 2, r), r);
}

static struct cel_value
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

static struct cel_value
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

static struct cel_value
eval_call(struct cel_eval *ev, const struct cel_node *n)
{
  struct cel_value args[CEL_ARGS_MAX], r = { 0 };
  bool failed = false;

  for (uint32_t i = 0; i < n->n; i++) {
    args[i] = cel_eval_node(ev, n->u.call.args[i]);
    if (cel_is_fatal(args[i]) || (cel_is_error(args[i]) && n->flag && i + 1 < n->n))
      return args[i]; /* upstream charges a call only when it has looked at all its arguments */
    if (cel_is_error(args[i]) && !failed) {
      failed = true;
      r = args[i];
    }
  }
  if (!failed)
    r = cel_call_impl(ev, n, args, n->n);
  if (cel_is_fatal(r))
    return r;
  if (failed && panics(n, args))
    return cel_fatal("internal error: interface conversion: *types.Err is not traits.Lister: missing method Add");
  return charge(ev, cel_call_cost(n, args, n->n, r), r);
}

/* -- lists, maps, structures -- */

static struct cel_value
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

static struct cel_value
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

static struct cel_value
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

static struct cel_value
eval_fold(struct cel_eval *ev, const struct cel_node *n)
{
  struct cel_value range = cel_eval_node(ev, n->u.fold.range), fatal = cel_of_null();
  uint32_t var = n->u.fold.var, var2 = n->u.fold.var2;
  struct cel_slot *slots = ev->slots;

  if (cel_is_error(range))
    return range;
  if (range.kind != CEL_LIST && range.kind != CEL_MAP)
    return var2 ? cel_failf(ev->a, "unsupported comprehension range type: %s", cel_go_name(range))
                : cel_failf(ev->a, "got '%s', expected iterable type", cel_go_name(range));
  slots[n->u.fold.accu] = (struct cel_slot){ .init = n->u.fold.init };
  if (range.kind == CEL_LIST) {
    for (uint32_t i = 0; i < range.u.list->n; i++) {
      slots[var].value = var2 ? cel_of_int(i) : range.u.list->items[i];
      if (var2)
        slots[var2].value = range.u.list->items[i];
      if (!fold_round(ev, n, &fatal))
        break;
    }
  } else {
    for (uint32_t i = 0; i < range.u.map->n; i++) {
      slots[var].value = range.u.map->entries[i].key;
      if (var2)
        slots[var2].value = range.u.map->entries[i].value;
      if (!fold_round(ev, n, &fatal))
        break;
    }
  }
  return cel_is_fatal(fatal) ? fatal : fold_result(ev, n);
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
    return eval_attr(ev, n, false);
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
    return cel_is_fatal(v) ? v : charge(ev, LIST_COST, v);
  case OP_MAP:
    v = make_map(ev, n);
    return cel_is_fatal(v) ? v : charge(ev, MAP_COST, v);
  case OP_STRUCT:
    v = make_struct(ev, n);
    return cel_is_fatal(v) ? v : charge(ev, STRUCT_COST, v);
  case OP_FOLD:
    return eval_fold(ev, n);
  }
  return cel_fail("unknown instruction");
}

struct cel_value
cel_run(struct cel_eval *ev, const struct cel_program *p)
{
  ev->memory_end = arena_used(ev->a) + CEL_MEMORY_MAX;
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
