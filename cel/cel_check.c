#include "cel_ast.h"
#include "cel_escape.h"
#include "cel_infer.h"

#include <string.h>

/*
 * The checker: gives every node a type, chooses overloads, resolves names
 * (cel-go checker/checker.go). It reports and goes on, with the error type
 * standing for what could not be typed.
 */
struct scope {
  const struct scope *outer;
  struct span name;
  const struct cel_type *type;
};

struct checker {
  struct cel_unit *u;
  struct cel_infer in;
  const struct scope *scope;
  struct cel_expr **open; /* nodes whose types have variables, to be settled at the end */
  uint32_t nopen, cap;
};

static void check(struct checker *c, struct cel_expr *e);

static void
set_type(struct checker *c, struct cel_expr *e, const struct cel_type *t)
{
  e->type = t;
  if (!t->open)
    return;
  if (c->nopen == c->cap) {
    uint32_t cap = c->cap ? c->cap * 2 : 16;
    struct cel_expr **open = arena_array_of(c->u->a, struct cel_expr *, cap);

    if (c->nopen)
      memcpy(open, c->open, sizeof(*open) * c->nopen);
    c->open = open;
    c->cap = cap;
  }
  c->open[c->nopen++] = e;
}

static const struct cel_type *
substituted(struct checker *c, const struct cel_type *t)
{
  return cel_infer_substitute(&c->in, t, false);
}

/* A type in a message; borrowed from the arena. */
static const char *
type_name(struct checker *c, const struct cel_type *t)
{
  _cleanup_strbuf_ struct strbuf b = { 0 };
  struct span s;

  strbuf_init(&b, 64 * 1024);
  cel_type_message(&b, t);
  s = strbuf_view(&b);
  return arena_strndup(c->u->a, s.p, s.n);
}

static void
mismatch(struct checker *c, uint32_t pos, const struct cel_type *expected, const struct cel_type *actual)
{
  cel_issue_add(c->u, pos, "expected type '%s' but found '%s'", type_name(c, expected), type_name(c, actual));
}

static void
undeclared(struct checker *c, const struct cel_expr *e, struct span name)
{
  cel_issue_add(c->u, e->pos, "undeclared reference to '%.*s' (in container '')", SPAN_FMT(name));
}

/* -- names -- */

static const struct scope *
local_find(const struct checker *c, struct span name)
{
  for (const struct scope *s = c->scope; s; s = s->outer)
    if (span_eq(s->name, name))
      return s;
  return NULL;
}

static struct span
without_dot(struct span name)
{
  return name.n && name.p[0] == '.' ? span_make(name.p + 1, name.n - 1) : name;
}

/* A variable of the environment or the name of a type, at e. */
static bool
resolve_global(struct checker *c, struct cel_expr *e, struct span name, bool hidden)
{
  const struct cel_var *var = cel_env_var(c->u->env, name);
  const struct cel_type *named;
  bool usable;

  if (var) {
    e->kind = EXPR_IDENT;
    e->global = hidden;
    e->u.ident.name = name;
    e->u.ident.var = var;
    e->u.ident.names_type = NULL;
    set_type(c, e, var->type);
    return true;
  }
  named = cel_env_type_name(c->u->env, name, &usable);
  if (!named)
    return false;
  e->kind = EXPR_IDENT;
  e->u.ident.name = name;
  e->u.ident.var = NULL;
  e->u.ident.names_type = usable ? named : &cel_error_type;
  set_type(c, e, cel_type_of_type(c->u->a, named));
  return true;
}

static void
check_ident(struct checker *c, struct cel_expr *e)
{
  struct span name = e->u.ident.name, bare = without_dot(name);
  const struct scope *local = local_find(c, bare);

  e->u.ident.var = NULL;
  e->u.ident.names_type = NULL;
  if (local && bare.n == name.n) {
    set_type(c, e, local->type);
    return;
  }
  if (resolve_global(c, e, bare, local != NULL))
    return;
  set_type(c, e, &cel_error_type);
  undeclared(c, e, name);
}

/* `a.b.c` as one dotted text; false when it is no chain of names. */
static bool
qualified_name(const struct cel_expr *e, struct strbuf *b)
{
  if (e->kind == EXPR_IDENT) {
    strbuf_span(b, e->u.ident.name);
    return true;
  }
  if (e->kind != EXPR_SELECT || e->test_only || !qualified_name(e->u.select.operand, b))
    return false;
  strbuf_putc(b, '.');
  strbuf_span(b, e->u.select.field);
  return true;
}

static struct span
chain_root(const struct cel_expr *e)
{
  while (e->kind == EXPR_SELECT)
    e = e->u.select.operand;
  return e->kind == EXPR_IDENT ? e->u.ident.name : (struct span){ NULL, 0 };
}

/* Could a dotted name that begins so be declared: most selections start at a variable and need not be tried. */
static bool
may_be_qualified(const struct checker *c, struct span root)
{
  struct span bare = without_dot(root);
  const struct cel_env *env = c->u->env;

  if (span_is(bare, "net") || span_is(bare, "google") || span_is(bare, "kubernetes"))
    return true;
  for (const struct cel_type *const *s = env->structs; s && *s; s++)
    if (span_starts(span_of((*s)->name), bare) && (*s)->name[bare.n] == '.')
      return true;
  for (uint32_t i = 0; i < env->nvars; i++)
    if (strlen(env->vars[i].name) > bare.n && env->vars[i].name[bare.n] == '.' &&
        !memcmp(env->vars[i].name, bare.p, bare.n))
      return true;
  return false;
}

static bool
resolve_qualified(struct checker *c, struct cel_expr *e)
{
  struct span root = chain_root(e), bare = without_dot(root);
  _cleanup_strbuf_ struct strbuf b = { 0 };
  const struct scope *local;

  if (!root.p || !may_be_qualified(c, root))
    return false;
  local = local_find(c, bare);
  if (local && bare.n == root.n)
    return false;
  strbuf_init(&b, 1024 * 1024);
  if (!qualified_name(e, &b))
    return false;
  return resolve_global(c, e, without_dot(arena_span(c->u->a, strbuf_view(&b))), local != NULL);
}

/* -- selections -- */

static const struct cel_type *
struct_field(struct checker *c, uint32_t pos, const struct cel_type *t, struct span field)
{
  const struct cel_field *f;

  if (t->any_field)
    return &cel_dyn;
  if (!t->fields) {
    cel_issue_add(c->u, pos, "unexpected failed resolution of '%s'", t->name);
    return NULL;
  }
  f = cel_type_field(t, field);
  if (!f && cel_escape_reserved(field)) /* .namespace is read as .__namespace__ */
    f = cel_type_field(t, span_of(arena_printf(c->u->a, "__%.*s__", SPAN_FMT(field))));
  if (!f)
    cel_issue_add(c->u, pos, "undefined field '%.*s'", SPAN_FMT(field));
  return f ? f->type : NULL;
}

static const struct cel_type *
check_field(struct checker *c, const struct cel_expr *e, struct cel_expr *operand, struct span field, bool optional)
{
  const struct cel_type *t, *result = &cel_error_type, *found;

  check(c, operand);
  t = substituted(c, operand->type);
  if (cel_type_is_optional(t)) {
    t = t->params[0];
    optional = true;
  }
  switch (t->kind) {
  case CEL_T_MAP:
    result = t->params[1];
    break;
  case CEL_T_STRUCT:
    found = struct_field(c, e->pos, t, field);
    if (found)
      result = found;
    break;
  case CEL_T_PARAM:
    (void)cel_infer_assign(&c->in, &cel_dyn, t);
    result = &cel_dyn;
    break;
  default:
    if (t->kind > CEL_T_ERROR)
      cel_issue_add(c->u, e->pos, "type '%s' does not support field selection", type_name(c, t));
    result = &cel_dyn;
    break;
  }
  return optional ? cel_type_optional(c->u->a, result) : result;
}

static void
check_select(struct checker *c, struct cel_expr *e)
{
  const struct cel_type *t;

  if (!e->test_only && resolve_qualified(c, e))
    return;
  t = check_field(c, e, e->u.select.operand, e->u.select.field, false);
  set_type(c, e, e->test_only ? &cel_bool : substituted(c, t));
}

/* -- calls -- */

static bool
is_logic(struct span function)
{
  return span_is(function, "_&&_") || span_is(function, "_||_");
}

static void
check_logic(struct checker *c, struct cel_expr *e)
{
  bool ok = true;

  for (uint32_t i = 0; i < e->u.call.nargs; i++) {
    const struct cel_expr *arg = e->u.call.args[i];

    if (!cel_infer_assign(&c->in, arg->type, &cel_bool)) {
      mismatch(c, arg->pos, &cel_bool, arg->type);
      ok = false;
    }
  }
  e->u.call.overloads = e->u.call.decl->overloads;
  e->u.call.noverloads = 1;
  set_type(c, e, ok ? &cel_bool : &cel_error_type);
}

static void
no_overload(struct checker *c, const struct cel_expr *e, const struct cel_type **types, unsigned n)
{
  _cleanup_strbuf_ struct strbuf b = { 0 };
  unsigned i = 0;

  strbuf_init(&b, 256 * 1024);
  if (e->u.call.target) {
    cel_type_message(&b, cel_infer_substitute(&c->in, types[i++], true));
    strbuf_putc(&b, '.');
  }
  strbuf_putc(&b, '(');
  for (bool first = true; i < n; i++, first = false) {
    if (!first)
      strbuf_puts(&b, ", ");
    cel_type_message(&b, cel_infer_substitute(&c->in, types[i], true));
  }
  strbuf_putc(&b, ')');
  cel_issue_add(c->u, e->pos, "found no matching overload for '%s' applied to '%s'", e->u.call.decl->name, b.p);
}

/* Does the overload accept these arguments; then its result type. */
static const struct cel_type *
try_overload(struct checker *c, const struct cel_overload *o, const struct cel_type *const *types, unsigned n)
{
  uint32_t base = o->nvars ? cel_infer_fresh(&c->in, o->nvars) : 0;
  const struct cel_type *params[CEL_ARGS_MAX];

  if (o->nargs != n)
    return NULL;
  for (unsigned i = 0; i < n; i++)
    params[i] = cel_infer_instance(&c->in, o->args[i], base);
  if (!cel_infer_assign_all(&c->in, types, params, n))
    return NULL;
  return substituted(c, cel_infer_instance(&c->in, o->result, base));
}

static void
resolve_overload(struct checker *c, struct cel_expr *e)
{
  const struct cel_function *f = e->u.call.decl;
  bool member = e->u.call.target != NULL;
  unsigned n = e->u.call.nargs + member;
  const struct cel_type **types = arena_array_of(c->u->a, const struct cel_type *, n + 1u), *result = NULL;
  const struct cel_overload **found = arena_array_of(c->u->a, const struct cel_overload *, f->n);
  uint32_t nfound = 0;

  if (member)
    types[0] = e->u.call.target->type;
  for (uint32_t i = 0; i < e->u.call.nargs; i++)
    types[i + member] = e->u.call.args[i]->type;
  for (uint32_t i = 0; i < f->n; i++) {
    const struct cel_overload *o = f->overloads[i];
    const struct cel_type *t;

    if (o->member != member || !(o->features & c->u->env->features))
      continue;
    t = try_overload(c, o, types, n);
    if (!t)
      continue;
    found[nfound++] = o;
    if (!result)
      result = t;
    else if (!cel_type_is_dyn(result) && !cel_type_same(t, result, false))
      result = &cel_dyn;
  }
  if (!result) {
    no_overload(c, e, types, n);
    result = &cel_error_type;
  }
  e->u.call.overloads = found;
  e->u.call.noverloads = nfound;
  set_type(c, e, result);
}

static void
check_optional_select(struct checker *c, struct cel_expr *e)
{
  const struct cel_expr *field = e->u.call.args[1];
  const struct cel_type *t = check_field(c, e, e->u.call.args[0], cel_span(field->u.literal), true);

  e->u.call.args[1]->type = &cel_string;
  e->u.call.overloads = e->u.call.decl->overloads;
  e->u.call.noverloads = 1;
  set_type(c, e, substituted(c, t));
}

/* `a.b.f(x)` may be the function "a.b.f": then it has no receiver. */
static bool
resolve_namespaced(struct checker *c, struct cel_expr *e)
{
  _cleanup_strbuf_ struct strbuf b = { 0 };
  const struct cel_function *f;
  struct span name;

  if (e->u.call.target->kind != EXPR_IDENT && e->u.call.target->kind != EXPR_SELECT)
    return false;
  if (e->u.call.target->kind == EXPR_IDENT && span_is(e->u.call.target->u.ident.name, CEL_ACCU))
    return false;
  strbuf_init(&b, 1024 * 1024);
  if (!qualified_name(e->u.call.target, &b))
    return false;
  strbuf_putc(&b, '.');
  strbuf_span(&b, e->u.call.function);
  name = without_dot(strbuf_view(&b));
  f = cel_function_find(c->u->env, name.p, name.n);
  if (!f)
    return false;
  e->u.call.decl = f;
  e->u.call.function = span_of(f->name);
  e->u.call.target = NULL;
  return true;
}

static void
check_call(struct checker *c, struct cel_expr *e)
{
  struct span name = without_dot(e->u.call.function);

  e->u.call.decl = cel_function_find(c->u->env, name.p, name.n);
  if (span_is(name, "_?._")) {
    check_optional_select(c, e);
    return;
  }
  for (uint32_t i = 0; i < e->u.call.nargs; i++)
    check(c, e->u.call.args[i]);
  if (e->u.call.target && !resolve_namespaced(c, e))
    check(c, e->u.call.target);
  if (!e->u.call.decl) {
    undeclared(c, e, e->u.call.function);
    set_type(c, e, &cel_error_type);
  } else if (is_logic(name)) {
    check_logic(c, e);
  } else {
    resolve_overload(c, e);
  }
}

/* -- lists, maps, structures -- */

/* Of lists with items of several types the validator complains (cel_validate.c); here they are of dyn. */
static const struct cel_type *
join(struct checker *c, const struct cel_type *before, const struct cel_type *now)
{
  if (!before)
    return now;
  return cel_infer_assign(&c->in, before, now) ? cel_infer_most_general(before, now) : &cel_dyn;
}

/* The type of an item's value; that inside the optional when it is written with `?`. */
static const struct cel_type *
item_type(struct checker *c, const struct cel_item *item)
{
  const struct cel_type *t = item->value->type;

  if (!item->optional)
    return t;
  if (cel_type_is_optional(t))
    return t->params[0];
  if (!cel_type_is_dyn(t))
    mismatch(c, item->value->pos, cel_type_optional(c->u->a, t), t);
  return t;
}

static const struct cel_type *
fresh(struct checker *c)
{
  return cel_infer_var(&c->in, cel_infer_fresh(&c->in, 1));
}

static void
check_list(struct checker *c, struct cel_expr *e)
{
  const struct cel_type *t = NULL;

  for (uint32_t i = 0; i < e->u.list.n; i++) {
    struct cel_item *item = &e->u.list.items[i];

    check(c, item->value);
    t = join(c, t, item_type(c, item));
  }
  set_type(c, e, cel_type_list(c->u->a, t ? t : fresh(c)));
}

static void
check_map(struct checker *c, struct cel_expr *e)
{
  const struct cel_type *key = NULL, *value = NULL;

  for (uint32_t i = 0; i < e->u.list.n; i++) {
    struct cel_item *item = &e->u.list.items[i];

    check(c, item->key);
    key = join(c, key, item->key->type);
    check(c, item->value);
    value = join(c, value, item_type(c, item));
  }
  if (!key) {
    key = fresh(c);
    value = fresh(c);
  }
  set_type(c, e, cel_type_map(c->u->a, key, value));
}

static void
check_struct(struct checker *c, struct cel_expr *e)
{
  struct span name = without_dot(e->u.list.name);
  const struct cel_type *made = &cel_error_type, *t;
  bool usable;

  t = cel_env_patch_type(c->u->env, c->u->a, name);
  if (!t)
    t = cel_env_type_name(c->u->env, name, &usable);
  if (!t) {
    undeclared(c, e, e->u.list.name);
    set_type(c, e, &cel_error_type);
    return;
  }
  if (t->fields)
    made = t;
  else
    cel_issue_add(c->u, e->pos, "'%s' is not a message type", t->name);
  set_type(c, e,
           made->kind == CEL_T_STRUCT || made->nullable || made->kind == CEL_T_DURATION || made->kind == CEL_T_TIMESTAMP
               ? made
               : &cel_error_type);
  for (uint32_t i = 0; i < e->u.list.n; i++) {
    struct cel_item *item = &e->u.list.items[i];
    const struct cel_type *field, *value;

    check(c, item->value);
    field = t->fields ? struct_field(c, item->pos, t, item->field) : NULL;
    if (!field)
      field = &cel_error_type;
    value = item_type(c, item);
    if (!cel_infer_assign(&c->in, field, value))
      cel_issue_add(c->u, item->pos, "expected type of field '%.*s' is '%s' but provided type is '%s'",
                    SPAN_FMT(item->field), type_name(c, field), type_name(c, value));
  }
}

/* -- folds -- */

static void
loop_types(struct checker *c, const struct cel_expr *range, bool two, const struct cel_type **ret1,
           const struct cel_type **ret2)
{
  const struct cel_type *t = substituted(c, range->type);

  switch (t->kind) {
  case CEL_T_LIST:
    *ret1 = two ? &cel_int : t->params[0];
    *ret2 = t->params[0];
    break;
  case CEL_T_MAP:
    *ret1 = t->params[0];
    *ret2 = t->params[1];
    break;
  case CEL_T_DYN:
  case CEL_T_ERROR:
  case CEL_T_PARAM:
    (void)cel_infer_assign(&c->in, &cel_dyn, t);
    *ret1 = *ret2 = &cel_dyn;
    break;
  default:
    cel_issue_add(c->u, range->pos,
                  "expression of type '%s' cannot be range of a comprehension (must be list, map, or dynamic)",
                  type_name(c, t));
    *ret1 = *ret2 = &cel_error_type;
    break;
  }
}

static void
require(struct checker *c, const struct cel_expr *e, const struct cel_type *t)
{
  if (!cel_infer_assign(&c->in, t, e->type))
    mismatch(c, e->pos, t, e->type);
}

static void
check_fold(struct checker *c, struct cel_expr *e)
{
  struct cel_fold *f = e->u.fold;
  const struct scope *outer = c->scope;
  const struct cel_type *t1, *t2;
  struct scope accu, var, var2;

  check(c, f->range);
  check(c, f->accu_init);
  loop_types(c, f->range, f->var2.p != NULL, &t1, &t2);
  accu = (struct scope){ outer, f->accu, f->accu_init->type };
  var = (struct scope){ &accu, f->var, t1 };
  c->scope = &var;
  if (f->var2.p) {
    var2 = (struct scope){ &var, f->var2, t2 };
    c->scope = &var2;
  }
  check(c, f->cond);
  require(c, f->cond, &cel_bool);
  check(c, f->step);
  require(c, f->step, accu.type);
  c->scope = &accu;
  check(c, f->result);
  c->scope = outer;
  set_type(c, e, substituted(c, f->result->type));
}

/* -- all -- */

static void
check_literal(struct checker *c, struct cel_expr *e)
{
  set_type(c, e, cel_type_of(e->u.literal));
}

static void
check(struct checker *c, struct cel_expr *e)
{
  static void (*const by_kind[])(struct checker *, struct cel_expr *) = {
    [EXPR_LITERAL] = check_literal, [EXPR_IDENT] = check_ident, [EXPR_SELECT] = check_select, [EXPR_CALL] = check_call,
    [EXPR_LIST] = check_list,       [EXPR_MAP] = check_map,     [EXPR_STRUCT] = check_struct, [EXPR_FOLD] = check_fold,
  };

  by_kind[e->kind](c, e);
}

bool
cel_check(struct cel_unit *u)
{
  struct checker c = { .u = u };

  cel_infer_init(&c.in, u->a);
  check(&c, u->root);
  for (uint32_t i = 0; i < c.nopen; i++)
    c.open[i]->type = cel_infer_substitute(&c.in, c.open[i]->type, true);
  return u->total_issues == 0;
}
