#include "cel_infer.h"

#include <string.h>

void
cel_infer_init(struct cel_infer *in, struct arena *a)
{
  *in = (struct cel_infer){ .a = a };
  (void)cel_infer_fresh(in, CEL_NAMED_VARS);
}

uint32_t
cel_infer_fresh(struct cel_infer *in, uint32_t count)
{
  uint32_t base = in->n;

  if (in->n + count > in->cap) {
    uint32_t cap = in->cap ? in->cap * 2 + count : 32;
    const struct cel_type **vars = arena_array_of(in->a, const struct cel_type *, cap);
    const struct cel_type **subs = arena_array_of(in->a, const struct cel_type *, cap);

    if (in->n) {
      memcpy(vars, in->vars, sizeof(*vars) * in->n);
      memcpy(subs, in->subs, sizeof(*subs) * in->n);
    }
    in->vars = vars;
    in->subs = subs;
    in->cap = cap;
  }
  in->n += count;
  return base;
}

const struct cel_type *
cel_infer_var(struct cel_infer *in, uint32_t number)
{
  struct cel_type *t;

  if (in->vars[number])
    return in->vars[number];
  t = arena_new_of(in->a, struct cel_type);
  t->kind = CEL_T_PARAM;
  t->open = true;
  t->var = number;
  t->max_size = CEL_SIZE_UNKNOWN;
  if (number < CEL_NAMED_VARS)
    t->name = number ? "B" : "A";
  return in->vars[number] = t;
}

const struct cel_type *
cel_infer_instance(struct cel_infer *in, const struct cel_type *t, uint32_t base)
{
  if (!t->open)
    return t;
  if (t->kind == CEL_T_PARAM)
    return cel_infer_var(in, base + t->var);
  return cel_type_with(in->a, t, cel_infer_instance(in, t->params[0], base),
                       t->nparams > 1 ? cel_infer_instance(in, t->params[1], base) : NULL);
}

/* -- substitutions -- */

static void
bind(struct cel_infer *in, uint32_t var, const struct cel_type *t)
{
  if (in->trail_n == in->trail_cap) {
    uint32_t cap = in->trail_cap ? in->trail_cap * 2 : 16;
    void *trail = arena_alloc(in->a, sizeof *in->trail * cap);

    if (in->trail_n)
      memcpy(trail, in->trail, sizeof *in->trail * in->trail_n);
    in->trail = trail;
    in->trail_cap = cap;
  }
  in->trail[in->trail_n].var = var;
  in->trail[in->trail_n++].old = in->subs[var];
  in->subs[var] = t;
}

static bool
not_referenced(struct cel_infer *in, const struct cel_type *t, const struct cel_type *within)
{
  if (cel_type_same(t, within, false))
    return false;
  if (within->kind == CEL_T_PARAM)
    return !in->subs[within->var] || not_referenced(in, t, in->subs[within->var]);
  if (within->open)
    for (unsigned i = 0; i < within->nparams; i++)
      if (!not_referenced(in, t, within->params[i]))
        return false;
  return true;
}

static bool
is_less_specific(const struct cel_type *t1, const struct cel_type *t2)
{
  if (cel_type_is_dyn(t1) || t1->kind == CEL_T_PARAM)
    return true;
  if (cel_type_is_dyn(t2) || t2->kind == CEL_T_PARAM || t1->kind != t2->kind)
    return false;
  switch (t1->kind) {
  case CEL_T_OPAQUE:
    if (strcmp(t1->name, t2->name) != 0 || t1->nparams != t2->nparams)
      return false;
    break;
  case CEL_T_LIST:
  case CEL_T_MAP:
    break;
  case CEL_T_TYPE:
    return true;
  default:
    return cel_type_same(t1, t2, false);
  }
  for (unsigned i = 0; i < t1->nparams; i++)
    if (!is_less_specific(t1->params[i], t2->params[i]))
      return false;
  return true;
}

const struct cel_type *
cel_infer_most_general(const struct cel_type *t1, const struct cel_type *t2)
{
  return is_less_specific(t1, t2) ? t1 : t2;
}

static bool assign(struct cel_infer *in, const struct cel_type *t1, const struct cel_type *t2);

/* Can `var` stand for t; *ret_bound tells whether it stood for something before. */
static bool
substitutes(struct cel_infer *in, const struct cel_type *t, const struct cel_type *var, bool *ret_bound)
{
  const struct cel_type *sub = in->subs[var->var];

  *ret_bound = true;
  if (t->kind == CEL_T_PARAM && t->var == var->var)
    return true;
  if (sub) {
    const struct cel_type *general;

    if (cel_type_same(t, sub, false))
      return true;
    if (!assign(in, t, sub))
      return false;
    general = cel_infer_most_general(t, sub);
    if (not_referenced(in, var, general))
      bind(in, var->var, general);
    return true;
  }
  *ret_bound = false;
  if (!not_referenced(in, var, t))
    return false;
  bind(in, var->var, t);
  return true;
}

static bool
is_nullable(const struct cel_type *t)
{
  return t->kind == CEL_T_OPAQUE || t->kind == CEL_T_STRUCT || t->kind == CEL_T_ANY || t->kind == CEL_T_DURATION ||
         t->kind == CEL_T_TIMESTAMP || t->kind == CEL_T_NULL || t->nullable || t->kind == CEL_T_DYN;
}

static bool
assign(struct cel_infer *in, const struct cel_type *t1, const struct cel_type *t2)
{
  bool bound;

  if (t1 == t2 && !t1->open)
    return true;
  if (t2->kind == CEL_T_PARAM) {
    if (substitutes(in, t1, t2, &bound))
      return true;
    if (bound)
      return false;
  }
  if (t1->kind == CEL_T_PARAM)
    return substitutes(in, t2, t1, &bound);
  if (t1->kind <= CEL_T_ERROR || t2->kind <= CEL_T_ERROR)
    return true;
  if (t1->kind == CEL_T_NULL)
    return is_nullable(t2);
  if (t2->kind == CEL_T_NULL)
    return is_nullable(t1);
  switch (t1->kind) {
  case CEL_T_TYPE:
    return t2->kind == CEL_T_TYPE;
  case CEL_T_OPAQUE:
  case CEL_T_LIST:
  case CEL_T_MAP:
    if (t1->kind != t2->kind || strcmp(t1->name, t2->name) != 0 || t1->nparams != t2->nparams)
      return false;
    for (unsigned i = 0; i < t1->nparams; i++)
      if (!assign(in, t1->params[i], t2->params[i]))
        return false;
    return true;
  default:
    return cel_type_accepts(t2, t1);
  }
}

static bool
keep_or_undo(struct cel_infer *in, bool ok)
{
  while (!ok && in->trail_n) {
    in->trail_n--;
    in->subs[in->trail[in->trail_n].var] = in->trail[in->trail_n].old;
  }
  in->trail_n = 0;
  return ok;
}

bool
cel_infer_assign(struct cel_infer *in, const struct cel_type *t1, const struct cel_type *t2)
{
  return keep_or_undo(in, assign(in, t1, t2));
}

bool
cel_infer_assign_all(struct cel_infer *in, const struct cel_type *const *l1, const struct cel_type *const *l2,
                     unsigned n)
{
  bool ok = true;

  for (unsigned i = 0; ok && i < n; i++)
    ok = assign(in, l1[i], l2[i]);
  return keep_or_undo(in, ok);
}

const struct cel_type *
cel_infer_substitute(struct cel_infer *in, const struct cel_type *t, bool free_to_dyn)
{
  const struct cel_type *p0, *p1;

  if (!t->open)
    return t;
  if (t->kind == CEL_T_PARAM) {
    if (in->subs[t->var])
      return cel_infer_substitute(in, in->subs[t->var], free_to_dyn);
    return free_to_dyn ? &cel_dyn : t;
  }
  p0 = cel_infer_substitute(in, t->params[0], free_to_dyn);
  p1 = t->nparams > 1 ? cel_infer_substitute(in, t->params[1], free_to_dyn) : NULL;
  return p0 == t->params[0] && p1 == t->params[1] ? t : cel_type_with(in->a, t, p0, p1);
}
