#include "cel_eval.h"

#include <string.h>

/*
 * Finding the function for values whose types were not known when the
 * expression was checked (cel-go common/decls: dispatch and guards).
 */

/* May a value stand where `t` is declared. Of lists and maps only the first entry is looked at, as upstream does. */
static bool
accepts(const struct cel_type *t, struct cel_value v)
{
  if (t->kind <= CEL_T_ANY || t->kind == CEL_T_PARAM || t == cel_type_of(v))
    return true;
  if (strcmp(t->name, cel_type_name(v)) != 0)
    return false;
  if (t->kind == CEL_T_LIST)
    return v.u.list->n == 0 || accepts(t->params[0], v.u.list->items[0]);
  if (t->kind == CEL_T_MAP)
    return cel_map_filled(v.u.map)->n == 0 ||
           (accepts(t->params[0], v.u.map->entries[0].key) && accepts(t->params[1], v.u.map->entries[0].value));
  return true;
}

static bool
accepts_all(const struct cel_overload *o, const struct cel_value *args, unsigned n)
{
  if (o->nargs != n)
    return false;
  for (unsigned i = 0; i < n; i++)
    if (!accepts(o->args[i], args[i]))
      return false;
  return true;
}

/* Which traits the values of a kind have (common/types/types.go). */
static bool
has_trait(struct cel_value v, enum cel_trait t)
{
#define T(x) (1u << (x))
  static const uint32_t traits[CEL_KIND_COUNT] = {
    [CEL_BOOL] = T(CEL_COMPARES) | T(CEL_NEGATES),
    [CEL_BYTES] = T(CEL_ADDS) | T(CEL_COMPARES) | T(CEL_SIZED),
    [CEL_DOUBLE] =
        T(CEL_ADDS) | T(CEL_COMPARES) | T(CEL_DIVIDES) | T(CEL_MULTIPLIES) | T(CEL_NEGATES) | T(CEL_SUBTRACTS),
    [CEL_DURATION] = T(CEL_ADDS) | T(CEL_COMPARES) | T(CEL_NEGATES) | T(CEL_SUBTRACTS),
    [CEL_INT] = T(CEL_ADDS) | T(CEL_COMPARES) | T(CEL_DIVIDES) | T(CEL_MODS) | T(CEL_MULTIPLIES) | T(CEL_NEGATES) |
                T(CEL_SUBTRACTS),
    [CEL_LIST] = T(CEL_ADDS) | T(CEL_SIZED) | T(CEL_LISTS),
    [CEL_MAP] = T(CEL_SIZED),
    [CEL_STRING] = T(CEL_ADDS) | T(CEL_COMPARES) | T(CEL_MATCHES_) | T(CEL_SIZED),
    [CEL_TIMESTAMP] = T(CEL_ADDS) | T(CEL_COMPARES) | T(CEL_SUBTRACTS),
    [CEL_UINT] = T(CEL_ADDS) | T(CEL_COMPARES) | T(CEL_DIVIDES) | T(CEL_MODS) | T(CEL_MULTIPLIES) | T(CEL_SUBTRACTS),
  };

  return traits[v.kind] & T(t) && !(v.kind == CEL_MAP && v.u.map->object);
#undef T
}

/* Types that answer calls themselves say less when they cannot. */
static bool
is_receiver(struct cel_value v)
{
  return v.kind == CEL_STRING || v.kind == CEL_TIMESTAMP || v.kind == CEL_DURATION;
}

static struct cel_value
no_such_overload(struct cel_eval *ev, const char *function, const struct cel_value *args, unsigned n)
{
  _cleanup_strbuf_ struct strbuf b = { 0 };

  strbuf_init(&b, 4096);
  for (unsigned i = 0; i < n; i++)
    strbuf_printf(&b, i ? ", %s" : "%s", cel_type_name(args[i]));
  return cel_failf(ev->a, "no such overload: %s(%s)", function, n ? b.p : "");
}

struct cel_value
cel_call_impl(struct cel_eval *ev, const struct cel_node *n, const struct cel_value *args, unsigned nargs)
{
  const struct cel_overload *o = n->u.call.overload;
  const struct cel_function *f = n->u.call.function;

  if (n->u.call.regex) /* its implementation takes the compiled pattern from the node */
    return cel_call_regex(ev, n, args, nargs);
  if (!o) {
    for (uint32_t i = 0; i < f->n; i++)
      if (f->overloads[i]->impl && accepts_all(f->overloads[i], args, nargs))
        return f->overloads[i]->impl(ev, args, nargs);
    return no_such_overload(ev, f->name, args, nargs);
  }
  if (o->guard == CEL_TYPED && !accepts_all(o, args, nargs))
    return no_such_overload(ev, f->name, args, nargs);
  if (o->guard == CEL_TRAIT && !has_trait(args[0], (enum cel_trait)o->trait))
    return is_receiver(args[0]) ? cel_no_overload() : cel_failf(ev->a, "no such overload: %s", f->name);
  return o->impl(ev, args, nargs);
}
