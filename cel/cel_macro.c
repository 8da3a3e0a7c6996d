#include "cel_parse.h"

#include <string.h>

/*
 * Macros become folds: a loop over a range with an accumulator
 * (cel-go parser/macro.go, ext/comprehensions.go, ext/lists.go). The order in
 * which nodes are made gives them upstream's numbers.
 */
struct macro {
  struct cel_unit *u;
  uint32_t pos; /* of the call: all new nodes stand there */
  struct cel_expr *target, **args;
  uint32_t nargs;
};

#define UNUSED_VAR "#unused"

/* -- nodes -- */

static struct cel_expr *
new_literal(struct macro *m, struct cel_value v)
{
  struct cel_expr *e = cel_expr_new(m->u, EXPR_LITERAL, m->pos);

  e->u.literal = v;
  return e;
}

static struct cel_expr *
new_ident(struct macro *m, struct span name)
{
  struct cel_expr *e = cel_expr_new(m->u, EXPR_IDENT, m->pos);

  e->u.ident.name = name;
  return e;
}

static struct cel_expr *
new_accu(struct macro *m)
{
  return new_ident(m, SPAN(CEL_ACCU));
}

static struct cel_expr *
new_list(struct macro *m, struct cel_expr *item)
{
  struct cel_expr *e = cel_expr_new(m->u, EXPR_LIST, m->pos);

  if (item) {
    e->u.list.items = arena_new_of(m->u->a, struct cel_item);
    e->u.list.items[0].value = item;
    e->u.list.n = 1;
  }
  return e;
}

static struct cel_expr *
new_call(struct macro *m, const char *function, struct cel_expr *target, struct cel_expr *a, struct cel_expr *b,
         struct cel_expr *c)
{
  struct cel_expr **args = arena_array_of(m->u->a, struct cel_expr *, 3);

  args[0] = a;
  args[1] = b;
  args[2] = c;
  return cel_expr_call(m->u, m->pos, span_of(function), target, args, c ? 3 : b ? 2 : a ? 1 : 0);
}

static struct cel_expr *
new_fold(struct macro *m, struct cel_fold fold)
{
  struct cel_expr *e = cel_expr_new(m->u, EXPR_FOLD, m->pos);

  e->u.fold = arena_new_of(m->u->a, struct cel_fold);
  *e->u.fold = fold;
  return e;
}

/* An expression again, with numbers of its own. */
static struct cel_expr *
copy(struct macro *m, const struct cel_expr *from)
{
  struct cel_expr *e = cel_expr_new(m->u, (enum cel_expr_kind)from->kind, from->pos);
  uint32_t id = e->id;

  *e = *from;
  e->id = id;
  switch ((enum cel_expr_kind)from->kind) {
  case EXPR_SELECT:
    e->u.select.operand = copy(m, from->u.select.operand);
    break;
  case EXPR_CALL:
    e->u.call.args = arena_array_of(m->u->a, struct cel_expr *, from->u.call.nargs + 1u);
    for (uint32_t i = 0; i < from->u.call.nargs; i++)
      e->u.call.args[i] = copy(m, from->u.call.args[i]);
    if (from->u.call.target)
      e->u.call.target = copy(m, from->u.call.target);
    break;
  case EXPR_LIST:
  case EXPR_MAP:
  case EXPR_STRUCT:
    e->u.list.items = arena_array_of(m->u->a, struct cel_item, from->u.list.n + 1u);
    for (uint32_t i = 0; i < from->u.list.n; i++) {
      struct cel_item *item = &e->u.list.items[i];

      *item = from->u.list.items[i];
      if (from->kind != EXPR_LIST) {
        item->id = m->u->next_id++;
        item->pos = m->pos;
      }
      if (item->key)
        item->key = copy(m, item->key);
      item->value = copy(m, item->value);
    }
    break;
  case EXPR_FOLD:
    e->u.fold = arena_new_of(m->u->a, struct cel_fold);
    *e->u.fold = *from->u.fold;
    e->u.fold->range = copy(m, from->u.fold->range);
    e->u.fold->accu_init = copy(m, from->u.fold->accu_init);
    e->u.fold->cond = copy(m, from->u.fold->cond);
    e->u.fold->step = copy(m, from->u.fold->step);
    e->u.fold->result = copy(m, from->u.fold->result);
    break;
  case EXPR_NONE:
  case EXPR_LITERAL:
  case EXPR_IDENT:
    break;
  }
  return e;
}

/* -- arguments -- */

static struct cel_expr *
refuse(struct macro *m, uint32_t pos, const char *msg)
{
  cel_issue_add(m->u, pos, "%s", msg);
  return cel_expr_new(m->u, EXPR_NONE, pos);
}

static bool
is_accu(struct span name)
{
  return span_is(name, CEL_ACCU) || span_is(name, "__result__");
}

/* Argument `i` as the name of a variable; NULL, or the error to return. */
static struct cel_expr *
loop_var(struct macro *m, unsigned i, const char *not_a_name, struct span *ret)
{
  const struct cel_expr *e = m->args[i];

  if (e->kind != EXPR_IDENT)
    return refuse(m, e->pos, not_a_name);
  *ret = e->u.ident.name;
  if (is_accu(*ret))
    return refuse(m, e->pos, "iteration variable overwrites accumulator variable");
  return NULL;
}

static struct cel_expr *
loop_vars(struct macro *m, struct cel_fold *f)
{
  for (unsigned i = 0; i < 2; i++)
    if (m->args[i]->kind != EXPR_IDENT)
      return refuse(m, m->args[i]->pos, "argument must be a simple name");
  f->var = m->args[0]->u.ident.name;
  f->var2 = m->args[1]->u.ident.name;
  if (span_eq(f->var, f->var2))
    return refuse(m, m->args[1]->pos, arena_printf(m->u->a, "duplicate variable name: %.*s", SPAN_FMT(f->var)));
  for (unsigned i = 0; i < 2; i++)
    if (is_accu(m->args[i]->u.ident.name))
      return refuse(m, m->args[i]->pos, "iteration variable overwrites accumulator variable");
  return NULL;
}

/* -- quantifiers -- */

static struct cel_expr *
quantifier(struct macro *m, struct cel_fold f, char kind, struct cel_expr *predicate)
{
  f.range = m->target;
  f.accu = SPAN(CEL_ACCU);
  if (kind == 'a') {
    f.accu_init = new_literal(m, cel_of_bool(true));
    f.cond = new_call(m, "@not_strictly_false", NULL, new_accu(m), NULL, NULL);
    f.step = new_accu(m);
    f.step = new_call(m, "_&&_", NULL, f.step, predicate, NULL);
    f.result = new_accu(m);
  } else if (kind == 'e') {
    f.accu_init = new_literal(m, cel_of_bool(false));
    f.cond = new_call(m, "!_", NULL, new_accu(m), NULL, NULL);
    f.cond = new_call(m, "@not_strictly_false", NULL, f.cond, NULL, NULL);
    f.step = new_accu(m);
    f.step = new_call(m, "_||_", NULL, f.step, predicate, NULL);
    f.result = new_accu(m);
  } else {
    struct cel_expr *one, *accu;

    f.accu_init = new_literal(m, cel_of_int(0));
    f.cond = new_literal(m, cel_of_bool(true));
    accu = new_accu(m);
    one = new_literal(m, cel_of_int(1));
    f.step = new_call(m, "_+_", NULL, accu, one, NULL);
    accu = new_accu(m);
    f.step = new_call(m, "_?_:_", NULL, predicate, f.step, accu);
    accu = new_accu(m);
    one = new_literal(m, cel_of_int(1));
    f.result = new_call(m, "_==_", NULL, accu, one, NULL);
  }
  return new_fold(m, f);
}

static struct cel_expr *
quantifier1(struct macro *m, char kind)
{
  struct cel_fold f = { 0 };
  struct cel_expr *err = loop_var(m, 0, "argument must be a simple name", &f.var);

  return err ? err : quantifier(m, f, kind, m->args[1]);
}

static struct cel_expr *
quantifier2(struct macro *m, char kind)
{
  struct cel_fold f = { 0 };
  struct cel_expr *err = loop_vars(m, &f);

  return err ? err : quantifier(m, f, kind, m->args[2]);
}

static struct cel_expr *
expand_all(struct macro *m)
{
  return quantifier1(m, 'a');
}

static struct cel_expr *
expand_exists(struct macro *m)
{
  return quantifier1(m, 'e');
}

static struct cel_expr *
expand_exists_one(struct macro *m)
{
  return quantifier1(m, '1');
}

static struct cel_expr *
expand_all2(struct macro *m)
{
  return quantifier2(m, 'a');
}

static struct cel_expr *
expand_exists2(struct macro *m)
{
  return quantifier2(m, 'e');
}

static struct cel_expr *
expand_exists_one2(struct macro *m)
{
  return quantifier2(m, '1');
}

/* -- map, filter -- */

/* accu + [item], for those that pass `filter`. */
static struct cel_expr *
collect(struct macro *m, struct cel_fold f, struct cel_expr *range, struct cel_expr *filter, struct cel_expr *item)
{
  struct cel_expr *accu, *list;

  f.range = range;
  f.accu = SPAN(CEL_ACCU);
  f.accu_init = new_list(m, NULL);
  f.cond = new_literal(m, cel_of_bool(true));
  accu = new_accu(m);
  list = new_list(m, item);
  f.step = new_call(m, "_+_", NULL, accu, list, NULL);
  if (filter) {
    accu = new_accu(m);
    f.step = new_call(m, "_?_:_", NULL, filter, f.step, accu);
  }
  f.result = new_accu(m);
  return new_fold(m, f);
}

static struct cel_expr *
map_over(struct macro *m, struct cel_expr *range)
{
  struct cel_fold f = { 0 };
  struct cel_expr *err = loop_var(m, 0, "argument is not an identifier", &f.var);

  if (err)
    return err;
  return collect(m, f, range, m->nargs == 3 ? m->args[1] : NULL, m->args[m->nargs - 1]);
}

static struct cel_expr *
expand_map(struct macro *m)
{
  return map_over(m, m->target);
}

static struct cel_expr *
expand_filter(struct macro *m)
{
  struct cel_fold f = { 0 };
  struct cel_expr *err = loop_var(m, 0, "argument is not an identifier", &f.var);

  return err ? err : collect(m, f, m->target, m->args[1], m->args[0]);
}

static struct cel_expr *
expand_transform_list(struct macro *m)
{
  struct cel_fold f = { 0 };
  struct cel_expr *err = loop_vars(m, &f);

  return err ? err : collect(m, f, m->target, m->nargs == 4 ? m->args[2] : NULL, m->args[m->nargs - 1]);
}

static struct cel_expr *
transform_map(struct macro *m, bool entry)
{
  struct cel_expr *filter = m->nargs == 4 ? m->args[2] : NULL, *value = m->args[m->nargs - 1], *accu, *key = NULL;
  struct cel_fold f = { 0 };
  struct cel_expr *err = loop_vars(m, &f);

  if (err)
    return err;
  accu = new_accu(m);
  if (!entry)
    key = new_ident(m, f.var);
  f.step = entry ? new_call(m, "cel.@mapInsert", NULL, accu, value, NULL)
                 : new_call(m, "cel.@mapInsert", NULL, accu, key, value);
  if (filter) {
    accu = new_accu(m);
    f.step = new_call(m, "_?_:_", NULL, filter, f.step, accu);
  }
  f.range = m->target;
  f.accu = SPAN(CEL_ACCU);
  f.accu_init = cel_expr_new(m->u, EXPR_MAP, m->pos);
  f.cond = new_literal(m, cel_of_bool(true));
  f.result = new_accu(m);
  return new_fold(m, f);
}

static struct cel_expr *
expand_transform_map(struct macro *m)
{
  return transform_map(m, false);
}

static struct cel_expr *
expand_transform_map_entry(struct macro *m)
{
  return transform_map(m, true);
}

/* -- has, bind, optMap, sortBy -- */

static struct cel_expr *
expand_has(struct macro *m)
{
  struct cel_expr *arg = m->args[0], *e;

  if (arg->kind != EXPR_SELECT)
    return refuse(m, arg->pos, "invalid argument to has() macro");
  e = cel_expr_new(m->u, EXPR_SELECT, m->pos);
  e->u.select = arg->u.select;
  e->test_only = true;
  return e;
}

/* A fold over nothing, whose accumulator is the variable. */
static struct cel_expr *
bind(struct macro *m, struct cel_expr *empty, struct span name, struct cel_expr *init, struct cel_expr *no,
     struct cel_expr *again, struct cel_expr *result)
{
  return new_fold(m, (struct cel_fold){ .range = empty,
                                        .var = SPAN(UNUSED_VAR),
                                        .accu = name,
                                        .accu_init = init,
                                        .cond = no,
                                        .step = again,
                                        .result = result });
}

static struct cel_expr *
expand_bind(struct macro *m)
{
  struct cel_expr *empty, *no, *again;

  if (m->target->kind != EXPR_IDENT || !span_is(m->target->u.ident.name, "cel"))
    return NULL;
  if (m->args[0]->kind != EXPR_IDENT)
    return refuse(m, m->args[0]->pos, "cel.bind() variable names must be simple identifiers");
  empty = new_list(m, NULL);
  no = new_literal(m, cel_of_bool(false));
  again = new_ident(m, m->args[0]->u.ident.name);
  return bind(m, empty, m->args[0]->u.ident.name, m->args[1], no, again, m->args[2]);
}

static struct cel_expr *
optional_map(struct macro *m, bool flat)
{
  struct cel_expr *has, *empty, *value, *no, *again, *fold, *none;
  struct span name;

  if (m->args[0]->kind != EXPR_IDENT)
    return refuse(m, m->args[0]->pos,
                  flat ? "optFlatMap() variable name must be a simple identifier"
                       : "optMap() variable name must be a simple identifier");
  name = m->args[0]->u.ident.name;
  has = new_call(m, "hasValue", m->target, NULL, NULL, NULL);
  empty = new_list(m, NULL);
  value = copy(m, m->target);
  value = new_call(m, "value", value, NULL, NULL, NULL);
  no = new_literal(m, cel_of_bool(false));
  again = new_ident(m, name);
  fold = bind(m, empty, name, value, no, again, m->args[1]);
  if (!flat)
    fold = new_call(m, "optional.of", NULL, fold, NULL, NULL);
  none = new_call(m, "optional.none", NULL, NULL, NULL, NULL);
  return new_call(m, "_?_:_", NULL, has, fold, none);
}

static struct cel_expr *
expand_opt_map(struct macro *m)
{
  return optional_map(m, false);
}

static struct cel_expr *
expand_opt_flat_map(struct macro *m)
{
  return optional_map(m, true);
}

static struct cel_expr *
expand_sort_by(struct macro *m)
{
  static const struct span input = SPAN("@__sortBy_input__");
  struct cel_expr *ident = new_ident(m, input), *keys, *sort, *empty, *no, *of;

  if (m->target->kind == EXPR_LITERAL || m->target->kind == EXPR_MAP || m->target->kind == EXPR_STRUCT ||
      m->target->kind == EXPR_NONE)
    return refuse(m, m->target->pos,
                  "sortBy can only be applied to a list, identifier, comprehension, call or select expression");
  keys = map_over(m, copy(m, ident));
  if (keys->kind == EXPR_NONE)
    return keys;
  of = copy(m, ident);
  sort = new_call(m, "@sortByAssociatedKeys", of, keys, NULL, NULL);
  empty = new_list(m, NULL);
  no = new_literal(m, cel_of_bool(false));
  return bind(m, empty, input, m->target, no, ident, sort);
}

/* -- the table -- */

static const struct {
  const char *name;
  uint8_t nargs;
  bool member;
  uint8_t features;
  struct cel_expr *(*expand)(struct macro *m);
} macros[] = {
  { "has", 1, false, CEL_F_BASE, expand_has },
  { "all", 2, true, CEL_F_BASE, expand_all },
  { "all", 3, true, CEL_F_BASE, expand_all2 },
  { "exists", 2, true, CEL_F_BASE, expand_exists },
  { "exists", 3, true, CEL_F_BASE, expand_exists2 },
  { "exists_one", 2, true, CEL_F_BASE, expand_exists_one },
  { "exists_one", 3, true, CEL_F_BASE, expand_exists_one2 },
  { "existsOne", 3, true, CEL_F_BASE, expand_exists_one2 },
  { "map", 2, true, CEL_F_BASE, expand_map },
  { "map", 3, true, CEL_F_BASE, expand_map },
  { "filter", 2, true, CEL_F_BASE, expand_filter },
  { "transformList", 3, true, CEL_F_BASE, expand_transform_list },
  { "transformList", 4, true, CEL_F_BASE, expand_transform_list },
  { "transformMap", 3, true, CEL_F_BASE, expand_transform_map },
  { "transformMap", 4, true, CEL_F_BASE, expand_transform_map },
  { "transformMapEntry", 3, true, CEL_F_BASE, expand_transform_map_entry },
  { "transformMapEntry", 4, true, CEL_F_BASE, expand_transform_map_entry },
  { "optMap", 2, true, CEL_F_BASE, expand_opt_map },
  { "optFlatMap", 2, true, CEL_F_BASE, expand_opt_flat_map },
  { "sortBy", 2, true, CEL_F_BASE, expand_sort_by },
  { "bind", 3, true, CEL_F_BIND, expand_bind },
};

struct cel_expr *
cel_macro_expand(struct cel_unit *u, uint32_t id, uint32_t pos, struct span function, struct cel_expr *target,
                 struct cel_expr **args, uint32_t nargs)
{
  struct macro m = { .u = u, .pos = pos, .target = target, .args = args, .nargs = nargs };

  (void)id;
  for (size_t i = 0; i < ARRAY_SIZE(macros); i++)
    if (macros[i].nargs == nargs && macros[i].member == (target != NULL) && span_is(function, macros[i].name) &&
        (macros[i].features & u->env->features))
      return macros[i].expand(&m);
  return NULL;
}
