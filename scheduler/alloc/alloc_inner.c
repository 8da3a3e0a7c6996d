/*
 * Can the later claims be satisfied at all?
 *
 * A claim that contradicts itself makes the search try all devices for all
 * claims before it. Once the search has gone on for a while, the last claim is
 * searched alone, as if nothing had been picked before, then the last two, and
 * so on. When these have no answer among free devices, they have none among
 * what others leave: picks only take away. One rule is otherwise, so that it is
 * left out here: of the shares of a device, the first alone draws from counters.
 *
 * Claims from the first fragile one on (see alloc_bounds.c) do not take part:
 * upstream may end there in an error instead, if it gets there.
 */
#include "alloc_prune.h"

#define INNER_BUDGET 20000 /* steps; what takes longer is not decided */

static uint32_t
first_fragile_claim(const struct search *s)
{
  for (uint32_t i = 0; i < s->j->n_slots; i++)
    if (s->prune->fragile[i])
      return s->j->slots[i].claim;
  return s->j->n_claims;
}

static bool
impossible(struct search *s, uint32_t from, uint32_t to)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct search_limits limits = { .budget = INNER_BUDGET, .patience = 1, .inner = true };
  struct search inner;
  enum verdict v;

  search_init(&inner, s->j, &limits, &err);
  v = search_claims(&inner, from, to);
  s->steps += inner.steps;
  search_release(&inner);
  return v != VERDICT_FOUND && v != VERDICT_FAILED;
}

bool
claims_are_impossible(struct search *s)
{
  struct alloc_job *j = s->j;
  struct constraint *under_way = j->constraints;
  uint32_t end = first_fragile_claim(s);
  bool found = false;

  if (end < 2)
    return false;
  j->constraints = arena_array_of(j->run, struct constraint, j->n_constraints + 1);
  for (uint32_t i = 0; i < j->n_constraints; i++) {
    j->constraints[i] = under_way[i];
    j->constraints[i].n = j->constraints[i].cap = 0;
    j->constraints[i].values = j->constraints[i].common = NULL;
  }
  for (uint32_t claim = end - 1; claim > 0 && !found; claim--)
    found = impossible(s, claim, end);
  for (uint32_t i = 0; i < j->n_constraints; i++) {
    free(j->constraints[i].values);
    free(j->constraints[i].common);
  }
  j->constraints = under_way;
  return found;
}
