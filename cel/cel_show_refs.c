#include "cel_show.h"

#include "cel.h"
#include "cel_ast.h"
#include "cel_dra_env.h"

/* Which attributes an expression reads: device.attributes["domain"].id, in all the ways that can be written. */

enum meaning { NOTHING, DEVICE, ATTRIBUTES, CAPACITY, DOMAIN };

struct place {
  enum meaning meaning;
  bool capacity; /* DOMAIN */
  struct span domain;
};

/* A name that cel.bind() gave to such a place. */
struct bound {
  const struct bound *outer;
  struct span name;
  struct place place;
};

struct walk {
  cel_reference_fn *found;
  void *arg;
  const struct bound *bound;
};

static struct place place_of(const struct walk *w, const struct cel_expr *e);

/* The place below `p` under this name. */
static struct place
below(struct place p, struct span name)
{
  struct place none = { .meaning = NOTHING };

  if (p.meaning == DEVICE && (span_is(name, "attributes") || span_is(name, "capacity")))
    return (struct place){ .meaning = span_is(name, "capacity") ? CAPACITY : ATTRIBUTES };
  if (p.meaning == ATTRIBUTES || p.meaning == CAPACITY)
    return (struct place){ .meaning = DOMAIN, .capacity = p.meaning == CAPACITY, .domain = name };
  return none;
}

static bool
literal_text(const struct cel_expr *e, struct span *ret)
{
  if (e->kind != EXPR_LITERAL || e->u.literal.kind != CEL_STRING)
    return false;
  *ret = cel_span(e->u.literal);
  return true;
}

/* a.b, a["b"], a.?b and a[?"b"] are all a step under a name. */
static bool
is_step(const struct cel_expr *e, const struct cel_expr **ret_operand, struct span *ret_name)
{
  if (e->kind == EXPR_SELECT) {
    *ret_operand = e->u.select.operand;
    *ret_name = e->u.select.field;
    return true;
  }
  if (e->kind != EXPR_CALL || e->u.call.nargs != 2 ||
      (!span_is(e->u.call.function, "_[_]") && !span_is(e->u.call.function, "_[?_]") &&
       !span_is(e->u.call.function, "_?._")))
    return false;
  *ret_operand = e->u.call.args[0];
  return literal_text(e->u.call.args[1], ret_name);
}

static struct place
place_of(const struct walk *w, const struct cel_expr *e)
{
  const struct cel_expr *operand;
  struct span name;

  if (e->kind == EXPR_IDENT && e->u.ident.var)
    return (struct place){ .meaning = span_is(e->u.ident.name, "device") ? DEVICE : NOTHING };
  if (e->kind == EXPR_IDENT) {
    for (const struct bound *b = w->bound; b; b = b->outer)
      if (span_eq(b->name, e->u.ident.name))
        return b->place;
  }
  return is_step(e, &operand, &name) ? below(place_of(w, operand), name) : (struct place){ .meaning = NOTHING };
}

static void
report(const struct walk *w, struct place p, struct span id, uint32_t pos)
{
  struct cel_reference r = { .capacity = p.capacity, .domain = p.domain, .id = id, .pos = pos };

  w->found(&r, w->arg);
}

static void
visit(struct cel_expr *e, void *arg)
{
  struct walk *w = arg;
  const struct bound *outer = w->bound;
  const struct cel_expr *operand;
  struct bound b;
  struct place p;
  struct span name;

  if (is_step(e, &operand, &name)) {
    p = place_of(w, operand);
    if (p.meaning == DOMAIN)
      report(w, p, name, e->pos);
    else if (p.meaning == ATTRIBUTES || p.meaning == CAPACITY)
      report(w, below(p, name), (struct span){ NULL, 0 }, e->pos);
  } else if (e->kind == EXPR_CALL && span_is(e->u.call.function, "@in") && literal_text(e->u.call.args[0], &name)) {
    p = place_of(w, e->u.call.args[1]);
    if (p.meaning == DOMAIN)
      report(w, p, name, e->pos);
  }
  if (e->kind == EXPR_FOLD) { /* cel.bind(name, value, ...) is a fold without rounds */
    b = (struct bound){ outer, e->u.fold->accu, place_of(w, e->u.fold->accu_init) };
    w->bound = &b;
  }
  cel_expr_each(e, visit, w);
  w->bound = outer;
}

void
cel_show_references(const struct cel_selector *s, cel_reference_fn *found, void *arg)
{
  struct walk w = { .found = found, .arg = arg };

  visit(cel_code_unit(cel_selector_code(s))->root, &w);
}
