#include "cel_cost.h"
#include "cel_cost_call.h"

#include <string.h>

/*
 * The walk over the tree: sizes, paths and loop variables
 * (cel-go checker/cost.go). What single calls cost is in cel_cost_call.c.
 */

/* -- arithmetic -- */

struct cel_range
cel_range_add(struct cel_range x, struct cel_range y)
{
  return (struct cel_range){ cel_add_sat(x.min, y.min), cel_add_sat(x.max, y.max) };
}

struct cel_range
cel_range_mul(struct cel_range x, struct cel_range y)
{
  return (struct cel_range){ cel_mul_sat(x.min, y.min), cel_mul_sat(x.max, y.max) };
}

struct cel_range
cel_range_union(struct cel_range x, struct cel_range y)
{
  return (struct cel_range){ x.min < y.min ? x.min : y.min, x.max > y.max ? x.max : y.max };
}

static uint64_t
scale(uint64_t x, double factor)
{
  double f = (double)x, up;

  if (f > 0 && factor > 0 && f > 18446744073709551615.0 / factor)
    return UINT64_MAX;
  up = __builtin_ceil(f * factor);
  return up >= 18446744073709551616.0 ? UINT64_MAX : (uint64_t)up;
}

struct cel_range
cel_range_scale(struct cel_range x, double factor)
{
  return (struct cel_range){ scale(x.min, factor), scale(x.max, factor) };
}

/* -- what is known of an expression, by its number -- */

static const struct cel_size *
size_of_type(const struct cel_type *t)
{
  static const struct cel_size one = { true, { 1, 1 } };

  while (cel_type_is_optional(t))
    t = t->params[0];
  switch (t->kind) {
  case CEL_T_BOOL:
  case CEL_T_DOUBLE:
  case CEL_T_DURATION:
  case CEL_T_INT:
  case CEL_T_TIMESTAMP:
  case CEL_T_UINT:
    return &one;
  default:
    return NULL;
  }
}

static const struct cost_local *
local_find(const struct coster *c, struct span name)
{
  for (const struct cost_local *l = c->locals; l; l = l->outer)
    if (span_eq(l->name, name))
      return l;
  return NULL;
}

const struct cost_path *
cel_cost_path(const struct coster *c, const struct cel_expr *e)
{
  if (e->kind == EXPR_IDENT) {
    const struct cost_local *l = local_find(c, e->u.ident.name);

    if (l)
      return l->path;
  }
  return c->known[e->id].path;
}

static const struct cost_path *
path_extend(struct coster *c, const struct cost_path *before, const char *name, size_t n)
{
  struct cost_path *p = arena_new_of(c->a, struct cost_path);

  p->before = before;
  p->name = span_make(name, n);
  return p;
}

/* The declared type at a path from a variable: there the environment may know a size. */
static const struct cel_type *
declared(const struct coster *c, const struct cost_path *p)
{
  const struct cel_type *t;
  const struct cel_field *f;

  if (!p->before) {
    const struct cel_var *var = cel_env_var(c->u->env, p->name);

    return c->u->env->size_root ? c->u->env->size_root : var ? var->type : NULL;
  }
  t = declared(c, p->before);
  if (!t)
    return NULL;
  if (span_is(p->name, "@items") || span_is(p->name, "@values"))
    return t->kind == CEL_T_LIST ? t->params[0] : t->kind == CEL_T_MAP ? t->params[1] : NULL;
  if (span_is(p->name, "@keys"))
    return t->kind == CEL_T_MAP ? t->params[0] : NULL;
  f = cel_type_field(t, p->name);
  if (f)
    return f->type;
  /* any id below a device's map of attributes has the size of its values */
  return !c->u->env->size_root && t->kind == CEL_T_MAP && t->params[1]->kind <= CEL_T_ANY ? t->params[1] : NULL;
}

struct cel_size
cel_cost_declared_size(const struct coster *c, const struct cost_path *p)
{
  const struct cel_type *t = p ? declared(c, p) : NULL;

  if (!t || t->max_size == CEL_SIZE_UNKNOWN)
    return (struct cel_size){ .known = false };
  return (struct cel_size){ true, { 0, (uint64_t)t->max_size } };
}

static struct cel_size
literal_size(const struct cel_expr *e)
{
  uint64_t n = 1;

  if (e->kind == EXPR_LIST || e->kind == EXPR_MAP) {
    n = e->u.list.n;
  } else if (e->kind == EXPR_LITERAL) {
    if (e->u.literal.kind == CEL_STRING || e->u.literal.kind == CEL_BYTES)
      (void)cel_size(e->u.literal, &n);
  } else {
    return (struct cel_size){ .known = false };
  }
  return (struct cel_size){ true, { n, n } };
}

struct cel_size
cel_cost_size(struct coster *c, const struct cel_expr *e)
{
  struct cost_known *k = &c->known[e->id];
  const struct cel_size *by_type;
  const struct cost_local *l;
  struct cel_size s;

  if (k->size.known)
    return k->size;
  s = literal_size(e);
  if (s.known)
    return s;
  s = cel_cost_declared_size(c, cel_cost_path(c, e));
  if (s.known) {
    k->size = s;
    return s;
  }
  by_type = size_of_type(e->type);
  if (by_type)
    return *by_type;
  l = e->kind == EXPR_IDENT ? local_find(c, e->u.ident.name) : NULL;
  return l ? l->size : s;
}

struct cel_range
cel_cost_size_or_any(struct coster *c, const struct cel_expr *e)
{
  struct cel_size s = cel_cost_size(c, e);

  return s.known ? s.range : CEL_RANGE_ANY;
}

static void
set_size(struct coster *c, const struct cel_expr *e, struct cel_size s)
{
  if (s.known)
    c->known[e->id].size = s;
}

static void
set_entry(struct coster *c, const struct cel_expr *e, const struct cost_entry *entry)
{
  if (entry)
    c->known[e->id].entry = entry;
}

const struct cost_entry *
cel_cost_entry(const struct coster *c, const struct cel_expr *e)
{
  const struct cost_local *l;

  if (c->known[e->id].entry)
    return c->known[e->id].entry;
  l = e->kind == EXPR_IDENT ? local_find(c, e->u.ident.name) : NULL;
  return l ? l->entry : NULL;
}

const struct cost_entry *
cel_cost_entry_union(struct coster *c, const struct cost_entry *x, const struct cost_entry *y)
{
  struct cost_entry *u;

  if (!x || !y)
    return NULL;
  u = arena_new_of(c->a, struct cost_entry);
  u->list = x->list;
  u->key = cel_range_union(x->key, y->key);
  u->value = cel_range_union(x->value, y->value);
  return u;
}

/* -- nodes -- */

static struct cel_range
fixed(uint64_t n)
{
  return (struct cel_range){ n, n };
}

static struct cel_range cost(struct coster *c, const struct cel_expr *e);

static struct cel_range
cost_ident(struct coster *c, const struct cel_expr *e)
{
  const struct cost_local *l = local_find(c, e->u.ident.name);

  c->known[e->id].path = l ? l->path : path_extend(c, NULL, e->u.ident.name.p, e->u.ident.name.n);
  return fixed(1);
}

static struct cel_range
cost_select(struct coster *c, const struct cel_expr *e)
{
  struct cel_range sum = cost(c, e->u.select.operand);
  uint8_t kind = e->u.select.operand->type->kind;

  if (e->test_only)
    return sum;
  if (kind == CEL_T_MAP || kind == CEL_T_STRUCT || kind == CEL_T_PARAM)
    sum = cel_range_add(sum, fixed(1));
  c->known[e->id].path =
      path_extend(c, cel_cost_path(c, e->u.select.operand), e->u.select.field.p, e->u.select.field.n);
  return sum;
}

static struct cel_range
cost_call(struct coster *c, const struct cel_expr *e)
{
  struct cel_range sum = { 0, 0 }, fn = { UINT64_MAX, 0 }, args[CEL_ARGS_MAX] = { { 0, 0 } };
  struct cel_size result = { .known = false };

  if (span_is(e->u.call.function, "dyn") && e->u.call.nargs == 1) {
    sum = cost(c, e->u.call.args[0]);
    set_size(c, e, cel_cost_size(c, e->u.call.args[0]));
    set_entry(c, e, cel_cost_entry(c, e->u.call.args[0]));
    return cel_range_add(fixed(1), sum);
  }
  for (uint32_t i = 0; i < e->u.call.nargs && i < CEL_ARGS_MAX; i++) {
    args[i] = cost(c, e->u.call.args[i]);
    (void)cel_cost_size(c, e->u.call.args[i]);
  }
  if (e->u.call.target) {
    sum = cost(c, e->u.call.target);
    (void)cel_cost_size(c, e->u.call.target);
  }
  for (uint32_t i = 0; i < e->u.call.noverloads; i++) {
    const struct cel_overload *o = e->u.call.overloads[i];
    struct cost_call_estimate est = cel_cost_call(c, e, o, args);

    fn = cel_range_union(fn, est.cost);
    if (est.result.known)
      result = result.known ? (struct cel_size){ true, cel_range_union(result.range, est.result.range) } : est.result;
    if ((o->cost == CEL_COST_INDEX_LIST || o->cost == CEL_COST_INDEX_MAP) && e->u.call.nargs) {
      const struct cost_entry *entry = cel_cost_entry(c, e->u.call.args[0]);
      const char *name = o->cost == CEL_COST_INDEX_LIST ? "@items" : "@values";

      result = entry ? (struct cel_size){ true, entry->value } : (struct cel_size){ .known = false };
      c->known[e->id].path = path_extend(c, cel_cost_path(c, e->u.call.args[0]), name, strlen(name));
    }
    if (!result.known)
      result = cel_cost_size(c, e);
  }
  set_size(c, e, result);
  return cel_range_add(sum, fn);
}

static struct cel_range
cost_list(struct coster *c, const struct cel_expr *e)
{
  struct cost_entry *entry = arena_new_of(c->a, struct cost_entry);
  struct cel_range sum = { 0, 0 };

  *entry = (struct cost_entry){ true, fixed(1), { e->u.list.n ? UINT64_MAX : 0, 0 } };
  for (uint32_t i = 0; i < e->u.list.n; i++) {
    sum = cel_range_add(sum, cost(c, e->u.list.items[i].value));
    entry->value = cel_range_union(entry->value, cel_cost_size_or_any(c, e->u.list.items[i].value));
  }
  set_entry(c, e, entry);
  return cel_range_add(sum, fixed(10));
}

static struct cel_range
cost_map(struct coster *c, const struct cel_expr *e)
{
  struct cost_entry *entry = arena_new_of(c->a, struct cost_entry);
  struct cel_range none = { e->u.list.n ? UINT64_MAX : 0, 0 }, sum = { 0, 0 };

  *entry = (struct cost_entry){ false, none, none };
  for (uint32_t i = 0; i < e->u.list.n; i++) {
    const struct cel_item *item = &e->u.list.items[i];

    sum = cel_range_add(sum, cost(c, item->key));
    sum = cel_range_add(sum, cost(c, item->value));
    entry->key = cel_range_union(entry->key, cel_cost_size_or_any(c, item->key));
    entry->value = cel_range_union(entry->value, cel_cost_size_or_any(c, item->value));
  }
  set_entry(c, e, entry);
  return cel_range_add(sum, fixed(30));
}

static struct cel_range
cost_struct(struct coster *c, const struct cel_expr *e)
{
  struct cel_range sum = { 0, 0 };

  for (uint32_t i = 0; i < e->u.list.n; i++)
    sum = cel_range_add(sum, cost(c, e->u.list.items[i].value));
  return cel_range_add(sum, fixed(40));
}

/* -- folds -- */

enum iterates { KEY, VALUE, SINGLE };

static struct cost_local
loop_local(struct coster *c, const struct cost_local *outer, struct span name, const struct cel_expr *range,
           enum iterates what)
{
  const struct cost_entry *entry = cel_cost_entry(c, range);
  bool list = entry ? entry->list : range->type->kind == CEL_T_LIST;
  bool value = what == VALUE || (what == SINGLE && list);
  const char *sub = value ? (list ? "@items" : "@values") : what == KEY && list ? "@indices" : "@keys";
  struct cost_local l = { .outer = outer, .name = name };

  if (entry)
    l.size = (struct cel_size){ true, value ? entry->value : entry->key };
  l.path = path_extend(c, cel_cost_path(c, range), sub, strlen(sub));
  return l;
}

static struct cost_local
bound_local(struct coster *c, struct span name, const struct cel_expr *e)
{
  return (struct cost_local){ .outer = c->locals,
                              .name = name,
                              .path = cel_cost_path(c, e),
                              .size = cel_cost_size(c, e),
                              .entry = cel_cost_entry(c, e) };
}

static bool
is_bind(const struct cel_fold *f)
{
  return f->range->kind == EXPR_LIST && f->range->u.list.n == 0 && f->cond->kind == EXPR_LITERAL &&
         cel_is_false(f->cond->u.literal);
}

static struct cel_range
cost_bind(struct coster *c, const struct cel_expr *e, const struct cel_fold *f)
{
  struct cel_range sum = cost(c, f->range);
  const struct cost_local *outer = c->locals;
  struct cost_local local;

  sum = cel_range_add(sum, cost(c, f->accu_init));
  local = bound_local(c, f->accu, f->accu_init);
  c->locals = &local;
  sum = cel_range_add(sum, cost(c, f->result));
  c->locals = outer;
  set_size(c, e, cel_cost_size(c, f->result));
  set_entry(c, e, cel_cost_entry(c, f->result));
  return sum;
}

static struct cel_range
cost_fold(struct coster *c, const struct cel_expr *e)
{
  const struct cel_fold *f = e->u.fold;
  const struct cost_local *outer = c->locals;
  struct cost_local accu, var, var2;
  struct cel_range sum, round, count;

  if (is_bind(f))
    return cost_bind(c, e, f);
  sum = cost(c, f->range);
  sum = cel_range_add(sum, cost(c, f->accu_init));
  accu = bound_local(c, f->accu, f->accu_init);
  c->locals = &accu;
  var = loop_local(c, &accu, f->var, f->range, f->var2.p ? KEY : SINGLE);
  c->locals = &var;
  if (f->var2.p) {
    var2 = loop_local(c, &var, f->var2, f->range, VALUE);
    c->locals = &var2;
  }
  round = cost(c, f->cond);
  round = cel_range_add(cost(c, f->step), round);
  c->locals = &accu;
  sum = cel_range_add(sum, cost(c, f->result));
  c->locals = outer;
  count = cel_cost_size_or_any(c, f->range);
  sum = cel_range_add(sum, cel_range_mul(count, round));
  if (f->accu_init->kind == EXPR_LITERAL) {
    set_size(c, e, cel_cost_size(c, f->accu_init));
  } else if (f->accu_init->kind == EXPR_LIST || f->accu_init->kind == EXPR_MAP) {
    set_size(c, e, (struct cel_size){ true, count });
    set_entry(c, e, cel_cost_entry(c, f->step));
  }
  return sum;
}

static struct cel_range
cost(struct coster *c, const struct cel_expr *e)
{
  switch ((enum cel_expr_kind)e->kind) {
  case EXPR_IDENT:
    return cost_ident(c, e);
  case EXPR_SELECT:
    return cost_select(c, e);
  case EXPR_CALL:
    return cost_call(c, e);
  case EXPR_LIST:
    return cost_list(c, e);
  case EXPR_MAP:
    return cost_map(c, e);
  case EXPR_STRUCT:
    return cost_struct(c, e);
  case EXPR_FOLD:
    return cost_fold(c, e);
  case EXPR_NONE:
  case EXPR_LITERAL:
    break;
  }
  return fixed(0);
}

#define ESTIMATE_MEMORY_MAX ((size_t)256 * 1024 * 1024)

struct cel_range
cel_estimate(const struct cel_unit *u)
{
  _cleanup_arena_ struct arena *a = arena_new(ESTIMATE_MEMORY_MAX);
  struct coster c = { .u = u, .a = a, .known = arena_array_of(a, struct cost_known, u->next_id + 1u) };

  return cost(&c, u->root);
}
