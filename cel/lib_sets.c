#include "cel_lib.h"

/* Lists as sets (cel-go ext/sets.go): == decides, and an error counts as different. */

static bool
contains(const struct cel_list *l, const struct cel_list *sub)
{
  for (uint32_t i = 0; i < sub->n; i++)
    if (cel_list_find(l, sub->items[i], false) < 0)
      return false;
  return true;
}

static struct cel_value
do_contains(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return cel_of_bool(contains(args[0].u.list, args[1].u.list));
}

static struct cel_value
do_equivalent(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return cel_of_bool(contains(args[0].u.list, args[1].u.list) && contains(args[1].u.list, args[0].u.list));
}

static struct cel_value
do_intersects(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  for (uint32_t i = 0; i < args[0].u.list->n; i++)
    if (cel_list_find(args[1].u.list, args[0].u.list->items[i], false) >= 0)
      return cel_of_bool(true);
  return cel_of_bool(false);
}

#define SETS(name, id, fn, co) FN(name, id, cel_bool, fn, .nvars = 1, .cost = (co), ARGS(&cel_list_a, &cel_list_a))

static const struct cel_overload sets[] = {
  SETS("sets.contains", "list_sets_contains_list", do_contains, CEL_COST_SETS),
  SETS("sets.equivalent", "list_sets_equivalent_list", do_equivalent, CEL_COST_SETS_BOTH),
  SETS("sets.intersects", "list_sets_intersects_list", do_intersects, CEL_COST_SETS),
};

LIBRARY(cel_lib_sets, sets);
