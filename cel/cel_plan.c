#include "cel_eval.h"
#include "cel_regex.h"

#include <math.h>
#include <string.h>

/*
 * From checked tree to program (cel-go interpreter/planner.go with the
 * decorators of OptOptimize): names become slots, selections are gathered into
 * chains, constants are folded, regular expressions compiled.
 */
struct local {
  const struct local *outer;
  struct span name;
  uint32_t slot;
};

struct planner {
  struct cel_unit *u;
  char *room; /* for nodes and steps, side by side: what runs together stays together in the processor's cache */
  size_t room_left;
  struct cel_program *p;
  const struct local *locals;
  const char *error;
  struct cel_node **attrs; /* chains that start at variables */
  uint32_t n_attrs, cap_attrs;
};

static struct cel_node *plan(struct planner *p, const struct cel_expr *e);

#define ROOM 4096

static void *
room_for(struct planner *p, size_t size)
{
  void *at;

  size = (size + 7) & ~(size_t)7;
  if (size > ROOM / 4)
    return arena_alloc(p->u->a, size);
  if (size > p->room_left) {
    p->room = arena_alloc(p->u->a, ROOM);
    p->room_left = ROOM;
  }
  at = p->room;
  p->room += size;
  p->room_left -= size;
  return at;
}

static struct cel_node *
node_new(struct planner *p, enum cel_op op, const struct cel_expr *e)
{
  struct cel_node *n = room_for(p, sizeof *n);

  n->op = (uint8_t)op;
  n->id = e->id;
  n->pos = e->pos;
  return n;
}

static struct cel_node *
constant(struct planner *p, const struct cel_expr *e, struct cel_value v)
{
  struct cel_node *n = node_new(p, OP_CONST, e);

  n->u.value = v;
  return n;
}

static struct cel_node *
fail(struct planner *p, const char *text)
{
  if (!p->error)
    p->error = text;
  return NULL;
}

static struct cel_node *
fail_value(struct planner *p, struct cel_value v)
{
  return fail(p, arena_strndup(p->u->a, v.u.s, v.n));
}

/* -- names -- */

static void
note_attr(struct planner *p, struct cel_node *n)
{
  if (p->n_attrs == p->cap_attrs) {
    p->cap_attrs = p->cap_attrs ? p->cap_attrs * 2 : 16;
    p->attrs = mem_realloc(p->attrs, sizeof(struct cel_node *) * p->cap_attrs);
  }
  p->attrs[p->n_attrs++] = n;
}

static struct cel_node *
plan_ident(struct planner *p, const struct cel_expr *e)
{
  const struct cel_type *named = e->u.ident.names_type;
  struct cel_node *n;
  bool usable;

  if (!named && e->type->kind == CEL_T_TYPE) { /* upstream looks the name up among the types */
    named = cel_env_type_name(p->u->env, e->u.ident.name, &usable);
    if (!named || !usable)
      named = &cel_error_type;
  }
  if (named == &cel_error_type)
    return fail(p, arena_printf(p->u->a, "reference to undefined type: %.*s", SPAN_FMT(e->u.ident.name)));
  if (named)
    return constant(p, e, cel_of_type(named));
  n = node_new(p, OP_ATTR, e);
  if (e->u.ident.var) {
    n->root = ROOT_VAR;
    n->slot = e->u.ident.var->slot;
    note_attr(p, n);
    return n;
  }
  n->root = ROOT_LOCAL;
  for (const struct local *l = p->locals; l; l = l->outer) {
    if (span_eq(l->name, e->u.ident.name)) {
      n->slot = l->slot;
      break;
    }
  }
  return n;
}

/* -- chains -- */

/* The node as a chain that can get another step. */
static struct cel_node *
as_chain(struct planner *p, struct cel_node *n)
{
  struct cel_node *chain;

  if (n->op == OP_ATTR)
    return n;
  chain = room_for(p, sizeof *chain);
  chain->op = OP_ATTR;
  chain->root = ROOT_NODE;
  chain->id = n->id;
  chain->pos = n->pos;
  chain->u.attr.base = n;
  return chain;
}

static struct cel_step *
add_step(struct planner *p, struct cel_node *chain)
{
  if (chain->n == chain->u.attr.cap) {
    uint32_t cap = chain->u.attr.cap ? chain->u.attr.cap * 2 : 4;
    struct cel_step *steps = room_for(p, sizeof *steps * cap);

    if (chain->n)
      memcpy(steps, chain->u.attr.steps, sizeof *steps * chain->n);
    chain->u.attr.steps = steps;
    chain->u.attr.cap = cap;
  }
  return &chain->u.attr.steps[chain->n++];
}

static bool
set_key(struct planner *p, struct cel_step *s, struct cel_value key)
{
  s->key = key;
  s->kind = STEP_CONST;
  if (key.kind == CEL_STRING) {
    s->kind = STEP_FIELD;
    s->hash = cel_hash_bytes(key.u.s, key.n);
  } else if (key.kind < CEL_BOOL || key.kind > CEL_DOUBLE) {
    (void)fail(p, arena_printf(p->u->a, "invalid qualifier type: %s", cel_go_name(key)));
    return false;
  }
  return true;
}

static struct cel_node *
plan_select(struct planner *p, const struct cel_expr *e)
{
  struct cel_node *n = plan(p, e->u.select.operand);
  struct cel_step *s;

  if (!n)
    return NULL;
  n = as_chain(p, n);
  s = add_step(p, n);
  (void)set_key(p, s, cel_of_span(e->u.select.field));
  s->test_only = e->test_only;
  n->test_only = e->test_only;
  n->id = e->id;
  return n;
}

static struct cel_node *
plan_index(struct planner *p, const struct cel_expr *e, struct cel_node **args, bool optional)
{
  struct cel_node *n = as_chain(p, args[0]);
  struct cel_step *s = add_step(p, n);

  n->id = e->id;
  s->optional = optional;
  if (args[1]->op == OP_CONST)
    return set_key(p, s, args[1]->u.value) ? n : NULL;
  s->kind = STEP_NODE;
  s->node = args[1];
  return n;
}

static struct cel_node *
plan_ternary(struct planner *p, const struct cel_expr *e, struct cel_node **args)
{
  struct cel_node *n = node_new(p, OP_ATTR, e);

  n->root = ROOT_TERNARY;
  n->u.attr.base = args[0];
  n->u.attr.yes = args[1];
  n->u.attr.no = args[2];
  return n;
}

/* -- folding -- */

static struct cel_eval
folding(struct planner *p)
{
  return (struct cel_eval){
    .a = p->u->a, .limit = UINT64_MAX, .planning = true, .memory_end = arena_used(p->u->a) + CEL_MEMORY_MAX
  };
}

static struct cel_node *
fold(struct planner *p, const struct cel_expr *e, const struct cel_node *n)
{
  struct cel_eval ev = folding(p);
  struct cel_value v = cel_eval_node(&ev, n);

  return cel_is_error(v) ? fail_value(p, v) : constant(p, e, v);
}

/* `x in [1, 2]` as a look-up in a set, when all items are scalars. */
static struct cel_node *
plan_membership(struct planner *p, const struct cel_expr *e, struct cel_node *call)
{
  const struct cel_node *list = call->u.call.args[1], *arg = call->u.call.args[0];
  struct cel_value set, other;
  struct cel_node *n;

  if (list->op != OP_CONST || list->u.value.kind != CEL_LIST)
    return call;
  if (list->u.value.u.list->n == 0)
    return constant(p, e, cel_of_bool(false));
  set = cel_map_new(p->u->a, list->u.value.u.list->n);
  for (uint32_t i = 0; i < list->u.value.u.list->n; i++) {
    struct cel_value v = list->u.value.u.list->items[i];

    if (v.kind < CEL_BOOL || v.kind > CEL_STRING)
      return call;
    cel_map_put(p->u->a, set.u.map, v, cel_of_bool(true));
    if (v.kind == CEL_INT || v.kind == CEL_UINT) {
      other = cel_of_double(v.kind == CEL_INT ? (double)v.u.i : (double)v.u.u);
      cel_map_put(p->u->a, set.u.map, other, cel_of_bool(true));
    }
    if (v.kind == CEL_DOUBLE && v.u.d >= -9e18 && v.u.d <= 9e18 && v.u.d == trunc(v.u.d))
      cel_map_put(p->u->a, set.u.map, cel_of_int((int64_t)v.u.d), cel_of_bool(true));
  }
  n = node_new(p, OP_MEMBERSHIP, e);
  n->u.member.arg = arg;
  n->u.member.set = set.u.map;
  return n;
}

static bool
is_regex_function(const char *name)
{
  return strcmp(name, "matches") == 0 || strcmp(name, "find") == 0 || strcmp(name, "findAll") == 0;
}

static struct cel_node *
plan_regex(struct planner *p, struct cel_node *call)
{
  const struct cel_node *pattern = call->n >= 2 ? call->u.call.args[1] : NULL;
  struct cel_regex *re;
  const char *err;

  if (!pattern || pattern->op != OP_CONST || pattern->u.value.kind != CEL_STRING)
    return call;
  call->u.call.regex = cel_regex_known(p->u->regexes, cel_span(pattern->u.value));
  if (!call->u.call.regex) {
    re = cel_regex_new(p->u->a, cel_span(pattern->u.value), &err);
    if (!re)
      return fail(p, err);
    cel_regex_link(re, &p->p->regexes);
    call->u.call.regex = re;
  }
  call->flag = true;
  return call;
}

/* quantity("1Gi"), semver("1.2.3") and their like: read once. What cannot be read is an error when it runs. */
static struct cel_node *
plan_parse(struct planner *p, const struct cel_expr *e, struct cel_node *call)
{
  struct cel_eval ev = folding(p);
  struct cel_value args[CEL_ARGS_MAX], v;
  struct cel_node *n;

  for (uint32_t i = 0; i < call->n; i++) {
    if (call->u.call.args[i]->op != OP_CONST || call->u.call.args[i]->u.value.kind == CEL_ERROR)
      return call;
    args[i] = call->u.call.args[i]->u.value;
  }
  v = cel_call_impl(&ev, call, args, call->n);
  if (cel_is_error(v))
    return call;
  n = node_new(p, OP_PREPARED, e);
  n->u.value = v;
  n->slot = (uint32_t)cel_call_cost(call, args, call->n, v);
  return n;
}

/* -- calls -- */

static uint8_t
call_cost(const struct cel_function *f, const struct cel_overload *only)
{
  uint8_t by_name = 0;

  if (only && only->cost >= CEL_COST_LIST_OUT)
    return only->cost;
  for (uint32_t i = 0; i < f->n && !by_name; i++)
    by_name = f->overloads[i]->name_cost;
  if (by_name)
    return by_name;
  return only ? only->cost : CEL_COST_ONE;
}

static uint8_t
order_of(const char *function)
{
  static const char *const names[] = {
    [ORDER_LESS] = "_<_", [ORDER_LESS_EQUAL] = "_<=_", [ORDER_GREATER] = "_>_", [ORDER_GREATER_EQUAL] = "_>=_"
  };

  for (size_t i = ORDER_LESS; i < ARRAY_SIZE(names); i++)
    if (strcmp(function, names[i]) == 0)
      return (uint8_t)i;
  return ORDER_NONE;
}

static struct cel_node *
plan_function(struct planner *p, const struct cel_expr *e, struct cel_node **args, uint32_t nargs)
{
  const struct cel_function *f = e->u.call.decl;
  const struct cel_overload *only = e->u.call.noverloads == 1 ? e->u.call.overloads[0] : NULL;
  struct cel_node *n = node_new(p, OP_CALL, e);

  n->n = nargs;
  n->u.call.args = args;
  n->u.call.function = f;
  n->u.call.overload = only ? only : f->overloads[0]->guard != CEL_TYPED ? e->u.call.overloads[0] : NULL;
  n->cost = call_cost(f, only);
  n->order = n->cost == CEL_COST_ONE ? order_of(f->name) : ORDER_NONE;
  n->flag = nargs > 2 || (only ? only->var_args : f->overloads[0]->guard == CEL_TYPED);
  if (f->constructor && nargs == 1 && args[0]->op == OP_CONST)
    return fold(p, e, n);
  if (only && strcmp(only->id, "in_list") == 0)
    return plan_membership(p, e, n);
  if (n->cost == CEL_COST_PARSE)
    return plan_parse(p, e, n);
  return is_regex_function(f->name) ? plan_regex(p, n) : n;
}

static struct cel_node *
pair(struct planner *p, const struct cel_expr *e, enum cel_op op, struct cel_node **args)
{
  struct cel_node *n = node_new(p, op, e);

  n->n = e->u.call.nargs + (e->u.call.target != NULL);
  n->u.call.args = args;
  n->u.call.function = e->u.call.decl;
  return n;
}

static struct cel_node *
plan_call(struct planner *p, const struct cel_expr *e)
{
  static const struct {
    const char *name;
    uint8_t op, cost;
  } special[] = {
    { "_&&_", OP_AND, 0 },
    { "_||_", OP_OR, 0 },
    { "_==_", OP_EQ, CEL_COST_EQUAL },
    { "_!=_", OP_NE, CEL_COST_COMPARE },
    { "@not_strictly_false", OP_NOT_FALSE, 0 },
    { "or", OP_OR_ELSE, 0 },
    { "orValue", OP_OR_ELSE, 0 },
  };
  const char *name = e->u.call.decl->name;
  uint32_t nargs = e->u.call.nargs + (e->u.call.target != NULL), at = 0;
  struct cel_node **args = room_for(p, sizeof(struct cel_node *) * (nargs + 1u)), *n;

  if (e->u.call.target && !(args[at++] = plan(p, e->u.call.target)))
    return NULL;
  for (uint32_t i = 0; i < e->u.call.nargs; i++)
    if (!(args[at++] = plan(p, e->u.call.args[i])))
      return NULL;
  if (strcmp(name, "_?_:_") == 0)
    return plan_ternary(p, e, args);
  if (strcmp(name, "_[_]") == 0)
    return plan_index(p, e, args, false);
  if (strcmp(name, "_[?_]") == 0 || strcmp(name, "_?._") == 0)
    return plan_index(p, e, args, true);
  for (size_t i = 0; i < ARRAY_SIZE(special); i++) {
    if (strcmp(name, special[i].name) != 0)
      continue;
    n = pair(p, e, (enum cel_op)special[i].op, args);
    n->cost = special[i].cost;
    n->flag = strcmp(name, "orValue") == 0;
    return n;
  }
  return plan_function(p, e, args, nargs);
}

/* -- lists, maps, structures -- */

static struct cel_node *
plan_items(struct planner *p, const struct cel_expr *e, enum cel_op op)
{
  uint32_t per = op == OP_MAP ? 2 : 1, count = e->u.list.n;
  struct cel_node *n = node_new(p, op, e);
  struct cel_node **nodes = arena_array_of(p->u->a, struct cel_node *, count * per + 1u);
  bool *optional = arena_array_of(p->u->a, bool, count + 1u), all_const = true;

  n->n = count;
  n->u.items.nodes = nodes;
  n->u.items.optional = optional;
  n->u.items.fields = e->u.list.items;
  n->u.items.type = e->type;
  for (uint32_t i = 0; i < count; i++) {
    const struct cel_item *item = &e->u.list.items[i];

    optional[i] = item->optional;
    if (op == OP_MAP && !(nodes[i * per] = plan(p, item->key)))
      return NULL;
    if (!(nodes[i * per + per - 1] = plan(p, item->value)))
      return NULL;
    all_const &= nodes[i * per]->op == OP_CONST && nodes[i * per + per - 1]->op == OP_CONST;
  }
  return all_const && op != OP_STRUCT ? fold(p, e, n) : n;
}

static struct cel_node *
plan_list(struct planner *p, const struct cel_expr *e)
{
  return plan_items(p, e, OP_LIST);
}

static struct cel_node *
plan_map(struct planner *p, const struct cel_expr *e)
{
  return plan_items(p, e, OP_MAP);
}

static struct cel_node *
plan_struct(struct planner *p, const struct cel_expr *e)
{
  return plan_items(p, e, OP_STRUCT);
}

/* -- folds -- */

static bool
is_local(const struct cel_node *n, uint32_t slot)
{
  return n->op == OP_ATTR && n->root == ROOT_LOCAL && n->slot == slot && n->n == 0;
}

static bool
is_call_of(const struct cel_node *n, const char *function)
{
  return n->op == OP_CALL && strcmp(n->u.call.function->name, function) == 0;
}

/* A loop that the macros exists() or all() made: the evaluator knows these by heart. */
static void
recognise_quantifier(struct cel_node *n)
{
  const struct cel_node *cond = n->u.fold.cond, *step = n->u.fold.step, *asked;
  uint32_t accu = n->u.fold.accu;
  bool exists = step->op == OP_OR;

  if ((step->op != OP_OR && step->op != OP_AND) || step->n != 2 || !is_local(step->u.call.args[0], accu) ||
      cond->op != OP_NOT_FALSE || !is_local(n->u.fold.result, accu) || n->u.fold.init->op != OP_CONST ||
      n->u.fold.init->u.value.kind != CEL_BOOL || n->u.fold.init->u.value.u.b == exists)
    return;
  asked = cond->u.call.args[0];
  if (exists && is_call_of(asked, "!_"))
    asked = asked->u.call.args[0];
  else if (exists)
    return;
  if (!is_local(asked, accu))
    return;
  n->op = exists ? OP_EXISTS : OP_ALL;
  n->u.fold.step = step->u.call.args[1];
}

static struct cel_node *
plan_fold(struct planner *p, const struct cel_expr *e)
{
  const struct cel_fold *f = e->u.fold;
  const struct local *outer = p->locals;
  struct cel_node *n = node_new(p, OP_FOLD, e);
  struct local accu, var, var2;

  if (!(n->u.fold.init = plan(p, f->accu_init)) || !(n->u.fold.range = plan(p, f->range)))
    return NULL;
  accu = (struct local){ outer, f->accu, n->u.fold.accu = ++p->p->nslots };
  var = (struct local){ &accu, f->var, n->u.fold.var = ++p->p->nslots };
  p->locals = &var;
  if (f->var2.p) {
    var2 = (struct local){ &var, f->var2, n->u.fold.var2 = ++p->p->nslots };
    p->locals = &var2;
  }
  n->u.fold.cond = plan(p, f->cond);
  n->u.fold.step = n->u.fold.cond ? plan(p, f->step) : NULL;
  p->locals = &accu;
  n->u.fold.result = n->u.fold.step ? plan(p, f->result) : NULL;
  p->locals = outer;
  if (!n->u.fold.result)
    return NULL;
  recognise_quantifier(n);
  return n;
}

static struct cel_node *
plan_literal(struct planner *p, const struct cel_expr *e)
{
  struct cel_value v = e->u.literal;

  return constant(p, e, v.kind == CEL_STRING ? cel_of_text(cel_span(v)) : v);
}

static struct cel_node *
plan(struct planner *p, const struct cel_expr *e)
{
  static struct cel_node *(*const by_kind[])(struct planner *, const struct cel_expr *) = {
    [EXPR_LITERAL] = plan_literal, [EXPR_IDENT] = plan_ident, [EXPR_SELECT] = plan_select, [EXPR_CALL] = plan_call,
    [EXPR_LIST] = plan_list,       [EXPR_MAP] = plan_map,     [EXPR_STRUCT] = plan_struct, [EXPR_FOLD] = plan_fold,
  };

  return by_kind[e->kind](p, e);
}

const struct cel_program *
cel_plan(struct cel_unit *u, const char **ret_error)
{
  struct planner p = { .u = u, .p = arena_new_of(u->a, struct cel_program) };

  p.p->root = plan(&p, u->root);
  p.p->type = u->root->type;
  p.p->nslots++; /* slot 0 is never used */
  if (p.p->root)
    cel_chains_share(p.p, u->a, p.attrs, p.n_attrs);
  free(p.attrs);
  if (p.p->root)
    return p.p;
  cel_program_release(p.p);
  *ret_error = p.error;
  return NULL;
}

void
cel_program_release(const struct cel_program *p)
{
  cel_regex_free_list(p->regexes);
}
