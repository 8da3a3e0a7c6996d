#include "cel.h"

#include "cel_ast.h"
#include "cel_cost.h"
#include "cel_eval.h"
#include "cel_regex.h"
#include "ceilings.h"

#include <stdatomic.h>
#include <string.h>

struct cel_code {
  atomic_uint refs;
  struct arena *arena;
  struct cel_unit unit; /* the tree stays, for the estimate and for explanations */
  const struct cel_program *program;
};

/* A tree takes up to some hundred bytes per byte of source. */
#define CODE_MEMORY_MAX (512 * MiB)

static void
code_free(struct cel_code *c)
{
  if (c->program)
    cel_program_release(c->program);
  cel_regex_free_list(c->unit.regexes);
  arena_free(c->arena);
  free(c);
}

int
cel_compile(const struct cel_env *env, struct span expression, struct cel_code **ret, struct kerr *reterr)
{
  struct cel_code *c = mem_alloc(sizeof *c);
  const char *why = NULL;
  int r = 0;

  atomic_init(&c->refs, 1);
  c->arena = arena_new(CODE_MEMORY_MAX);
  cel_unit_init(&c->unit, c->arena, env, arena_span(c->arena, expression));
  if (!cel_parse(&c->unit) || !cel_check(&c->unit) || !cel_validate_ast(&c->unit)) {
    r = kerr_set(reterr, KERR_INVALID, NULL, "compilation failed: %s", cel_issues_text(&c->unit));
  } else if (env->refuse && (why = env->refuse(env, c->unit.root->type, c->arena))) {
    r = kerr_set(reterr, KERR_INVALID, NULL, "%s", why);
  } else {
    c->program = cel_plan(&c->unit, &why);
    if (!c->program)
      r = kerr_set(reterr, KERR_INTERNAL, NULL, "program instantiation failed: %s", why);
  }
  if (r < 0) {
    code_free(c);
    return r;
  }
  *ret = c;
  return 0;
}

struct cel_code *
cel_code_ref(struct cel_code *c)
{
  atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
  return c;
}

void
cel_code_unref(struct cel_code *c)
{
  if (c && atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
    code_free(c);
}

void
cel_code_unrefp(struct cel_code **pc)
{
  cel_code_unref(*pc);
}

struct span
cel_code_source(const struct cel_code *c)
{
  return c->unit.src;
}

const struct cel_type *
cel_code_type(const struct cel_code *c)
{
  return c->program->type;
}

char *
cel_code_type_text(const struct cel_code *c, struct arena *a)
{
  return cel_type_text_in(a, c->program->type);
}

const struct cel_unit *
cel_code_unit(const struct cel_code *c)
{
  return &c->unit;
}

struct use {
  struct span variable;
  bool found;
};

static void
find_use(struct cel_expr *e, void *arg)
{
  struct use *u = arg;

  u->found |= e->kind == EXPR_IDENT && e->u.ident.var && span_is(u->variable, e->u.ident.var->name);
  if (!u->found)
    cel_expr_each(e, find_use, u);
}

bool
cel_code_uses(const struct cel_code *c, struct span variable)
{
  struct use u = { .variable = variable };

  find_use(c->unit.root, &u);
  return u.found;
}

void
cel_code_estimate(const struct cel_code *c, uint64_t *ret_min, uint64_t *ret_max)
{
  struct cel_range cost = cel_estimate(&c->unit);

  *ret_min = cost.min;
  *ret_max = cost.max;
}

static struct cel_eval
eval_for(const struct cel_run *run)
{
  return (struct cel_eval){ .a = run->arena,
                            .vars = run->vars,
                            .limit = run->limit,
                            .interrupted = run->interrupted,
                            .interrupted_arg = run->interrupted_arg };
}

struct cel_value
cel_code_run(const struct cel_code *c, struct cel_run *run)
{
  struct cel_eval ev = eval_for(run);
  struct cel_value v = cel_run(&ev, c->program);

  run->cost = ev.cost;
  return v;
}

/* -- why an expression is false -- */

/* The part of a false `n` that decided: the false side of an &&, as deep as it goes. */
static const struct cel_node *
decider(struct cel_eval *ev, const struct cel_node *n)
{
  for (uint32_t i = 0; n->op == OP_AND && i < n->n; i++)
    if (cel_is_false(cel_eval_node(ev, n->u.call.args[i])))
      return decider(ev, n->u.call.args[i]);
  return n;
}

static const struct cel_expr *find_expr(const struct cel_expr *e, uint32_t id);

struct search {
  uint32_t id;
  const struct cel_expr *found;
};

static void
search_child(struct cel_expr *child, void *arg)
{
  struct search *s = arg;

  if (!s->found)
    s->found = find_expr(child, s->id);
}

static const struct cel_expr *
find_expr(const struct cel_expr *e, uint32_t id)
{
  struct search s = { .id = id };

  if (e->id == id)
    return e;
  cel_expr_each((struct cel_expr *)(uintptr_t)e, search_child, &s);
  return s.found;
}

const char *
cel_code_why_false(const struct cel_code *c, const struct cel_run *run)
{
  struct cel_eval ev = eval_for(run);
  const struct cel_node *n;
  const struct cel_expr *e;
  struct span text;

  if (!cel_is_false(cel_run(&ev, c->program)))
    return "";
  n = decider(&ev, c->program->root);
  if (n->op == OP_AND)
    return "";
  e = find_expr(c->unit.root, n->id);
  text = e ? cel_expr_source(&c->unit, e) : (struct span){ NULL, 0 };
  return text.n ? arena_strndup(run->arena, text.p, text.n) : "";
}
