/*
 * Mode All within the search: its devices are a list, and all of them must be free.
 *
 * A device of the list that is taken makes the request fail; a constraint that
 * one of them does not satisfy makes an error of the whole attempt. So it
 * matters which comes first. A list that fails before it can end in an error
 * is like any other request that cannot be satisfied.
 */
#include "alloc_prune.h"

static bool
free_now(const struct search *s, const struct slot *t, uint32_t i)
{
  return !search_blocked(s, t, t->all[i]) && bit_get(t->yes, t->all[i]);
}

/* Have the shares that are picked by now left no room for another? Constraints are looked at before that. */
static bool
full(const struct search *s, struct slot *t, uint32_t i)
{
  uint32_t d = t->all[i];
  const struct device *dev = &s->w->devices[s->v->devices[d]];
  const struct share *share = s->shares ? s->shares[d] : NULL;

  return share && share->n &&
         !slot_fits(s->j, slot_need_of(s->j, t, dev->caps), dev->caps, s->v->devices[d], share->used);
}

bool
every_is_free(const struct search *s, uint32_t slot, uint32_t from)
{
  struct slot *t = &s->j->slots[slot];

  for (uint32_t i = from; i < t->need; i++)
    if (!free_now(s, t, i) || full(s, t, i))
      return false;
  return !s->prune->never[slot];
}

bool
every_fails_quietly(const struct search *s, uint32_t slot, uint32_t from)
{
  uint32_t error_from = s->prune->error_from[slot];
  struct slot *t = &s->j->slots[slot];

  for (uint32_t i = from; t->every && i < t->need && i <= error_from; i++)
    if (!free_now(s, t, i) || (i < error_from && full(s, t, i)))
      return true;
  return s->prune->never[slot];
}

/* Does it draw more than there is, before anything is picked? */
static bool
draws_too_much(struct search *s, uint32_t d)
{
  const struct device *dev = &s->w->devices[s->v->devices[d]];
  const struct counters *c;
  uint32_t local = d - s->v->pools[s->v->pool_of[d]].first;

  if (!(dev->flags & DEVICE_DRAWS) || !s->w->features.partitionable_devices ||
      (s->w->consumable && dev->flags & DEVICE_SHAREABLE))
    return false;
  c = search_counters(s, d);
  for (uint32_t i = c->draw_at[local]; !c->odd && i < c->draw_at[local + 1]; i++)
    if (c->draws[i].amount > c->available[c->draws[i].counter])
      return true;
  return false;
}

/* As every_fails_quietly, whatever the search picks. */
static bool
never_starts(struct search *s, const struct slot *t, uint32_t error_from)
{
  for (uint32_t i = 0; i < t->need && i <= error_from; i++)
    if ((!t->admin && bit_get(s->dedicated, t->all[i])) || !bit_get(t->yes, t->all[i]) || draws_too_much(s, t->all[i]))
      return true;
  return t->need == 0;
}

static bool
shared_with_earlier(const struct search *s, const struct slot *t, uint32_t constraint)
{
  for (uint32_t k = 0; k < s->j->n_slots && s->j->slots[k].request < t->request; k++)
    for (uint32_t i = 0; i < s->j->slots[k].n_constraints; i++)
      if (s->j->slots[k].constraints[i] == constraint)
        return true;
  return false;
}

/* Where the constraint, on its own, ends the search; t->need: nowhere. */
static uint32_t
constraint_error_from(struct search *s, const struct slot *t, uint32_t constraint)
{
  struct constraint alone = s->j->constraints[constraint];
  uint32_t i = 0, value;

  if (shared_with_earlier(s, t, constraint))
    return 0; /* it depends on what these picked */
  alone.n = alone.cap = 0;
  alone.values = alone.common = NULL;
  for (; i < t->need && bit_get(t->yes, t->all[i]); i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    if (constraint_value(s->j, &alone, t, s->v->devices[t->all[i]], &value, &err) < 0 ||
        !constraint_push(s->j, &alone, value))
      break;
  }
  free(alone.values);
  free(alone.common);
  return i;
}

void
every_read(struct search *s, struct prune *p, uint32_t slot)
{
  const struct slot *t = &s->j->slots[slot];
  uint32_t one;

  p->error_from[slot] = t->need;
  for (uint32_t i = 0; i < t->n_constraints; i++) {
    one = constraint_error_from(s, t, t->constraints[i]);
    if (one < p->error_from[slot])
      p->error_from[slot] = one;
  }
  p->never[slot] = never_starts(s, t, p->error_from[slot]);
  p->fragile[slot] = p->error_from[slot] < t->need && !p->never[slot];
}
