/*
 * Counters and capacity in sum.
 *
 * A resource is all counters of one name in all sets the node sees, or all
 * capacity of one name in devices that can be shared. Whatever devices a slot
 * picks, each takes at least what the most modest of its candidates takes; the
 * sum of that must not pass what is left. It sees the whole, not how it is
 * divided among cards, and so it is a bound, cheap and often enough.
 */
#include <string.h>

#include "alloc_bounds.h"
#include "alloc_usage.h"

struct totals {
  uint32_t n, n_counters; /* resources: counters first, then capacities */
  sid *names;
  amount *left;  /* of each, before this attempt */
  amount *least; /* per slot and resource: what one of its devices takes at least */
  amount *used;  /* per device and resource: counters that it draws */
  amount *wanted;
  bool odd; /* negative amounts: no conclusions */
};

static uint32_t
resource(struct totals *t, sid name, uint32_t from, uint32_t to)
{
  for (uint32_t i = from; i < to; i++)
    if (t->names[i] == name)
      return i;
  return UINT32_MAX;
}

/* -- made once -- */

static uint32_t
names_collect(struct search *s, struct totals *t, bool count_only)
{
  uint32_t n = 0;

  for (uint32_t i = 0; i < s->v->n_pools; i++) {
    const struct counters *c = s->v->pools[i].counters;

    for (uint32_t k = 0; c && k < c->n; k++)
      if (count_only)
        n++;
      else if (resource(t, c->names[k], 0, t->n) == UINT32_MAX)
        t->names[t->n++] = c->names[k];
  }
  t->n_counters = t->n;
  for (uint32_t d = 0; d < s->v->n; d++) {
    const struct device *dev = &s->w->devices[s->v->devices[d]];

    if (!s->w->consumable || !(dev->flags & DEVICE_SHAREABLE))
      continue;
    for (uint32_t k = 0; dev->caps && k < dev->caps->n; k++)
      if (count_only)
        n++;
      else if (resource(t, dev->caps->v[k].name, t->n_counters, t->n) == UINT32_MAX)
        t->names[t->n++] = dev->caps->v[k].name;
  }
  return n;
}

static void
counters_sum(struct search *s, struct totals *t)
{
  for (uint32_t i = 0; i < s->v->n_pools; i++) {
    const struct view_pool *p = &s->v->pools[i];
    const struct counters *c = p->counters;

    if (!c)
      continue;
    counters_refresh(s->w, p, p->counters);
    t->odd |= c->odd;
    for (uint32_t k = 0; k < c->n; k++)
      if (c->available[k] > 0 && !c->exhausted)
        t->left[resource(t, c->names[k], 0, t->n_counters)] += c->available[k];
    for (uint32_t d = 0; d < p->n; d++)
      for (uint32_t k = c->draw_at[d]; k < c->draw_at[d + 1]; k++)
        t->used[(size_t)(p->first + d) * t->n + resource(t, c->names[c->draws[k].counter], 0, t->n_counters)] +=
            c->draws[k].amount;
  }
}

static void
capacity_sum(struct search *s, struct totals *t)
{
  for (uint32_t d = 0; d < s->v->n; d++) {
    uint32_t number = s->v->devices[d];
    const struct device *dev = &s->w->devices[number];
    const struct use *use = s->w->uses[number];

    if (!s->w->consumable || !(dev->flags & DEVICE_SHAREABLE))
      continue;
    for (uint32_t k = 0; dev->caps && k < dev->caps->n; k++) {
      amount left = dev->caps->v[k].value.n;

      for (size_t i = 0; use && use->capacities && i < use->n_v; i++)
        if (strcmp(use->v[i].name, world_text(s->w, dev->caps->v[k].name)) == 0)
          left = amount_add(left, -use->v[i].n);
      if (left > 0)
        t->left[resource(t, dev->caps->v[k].name, t->n_counters, t->n)] += left;
    }
  }
}

/* What a slot takes of every resource with one device. */
static void
takes(struct search *s, const struct totals *t, struct slot *slot, uint32_t d, amount *ret)
{
  const struct device *dev = &s->w->devices[s->v->devices[d]];
  bool shareable = s->w->consumable && (dev->flags & DEVICE_SHAREABLE);
  const struct slot_need *need = shareable ? slot_need_of(s->j, slot, dev->caps) : NULL;

  memset(ret, 0, t->n * sizeof *ret);
  if (!shareable) /* a further share draws nothing */
    memcpy(ret, t->used + (size_t)d * t->n, t->n_counters * sizeof *ret);
  for (uint32_t k = 0; shareable && dev->caps && k < dev->caps->n; k++)
    ret[resource((struct totals *)(uintptr_t)t, dev->caps->v[k].name, t->n_counters, t->n)] = need->need.takes[k].n;
}

static void
least_of(struct search *s, struct totals *t, uint32_t slot, const word *sound, amount *scratch)
{
  amount *least = t->least + (size_t)slot * t->n;
  bool first = true;

  for (uint32_t d = 0; d < s->v->n; d++) {
    if (!bit_get(sound, d))
      continue;
    takes(s, t, &s->j->slots[slot], d, scratch);
    for (uint32_t i = 0; i < t->n; i++)
      if (first || scratch[i] < least[i])
        least[i] = scratch[i];
    first = false;
  }
}

struct totals *
totals_new(struct search *s, struct prune *p, word *const *sound)
{
  struct totals *t = arena_new_of(p->a, struct totals);
  uint32_t n = names_collect(s, t, true) + 1;
  amount *scratch;

  t->names = arena_array_of(p->a, sid, n);
  names_collect(s, t, false);
  t->left = arena_array_of(p->a, amount, t->n + 1);
  t->wanted = arena_array_of(p->a, amount, t->n + 1);
  scratch = arena_array_of(p->a, amount, t->n + 1);
  t->used = arena_array_of(p->a, amount, (size_t)s->v->n * t->n + 1);
  t->least = arena_array_of(p->a, amount, (size_t)s->j->n_slots * t->n + 1);
  counters_sum(s, t);
  capacity_sum(s, t);
  for (uint32_t i = 0; i < s->j->n_slots; i++)
    if (!s->j->slots[i].every)
      least_of(s, t, i, sound[i], scratch);
  return t;
}

/* -- asked often -- */

void
totals_keep_affordable(struct search *s, word *domain)
{
  for (uint32_t i = 0; s->consumed && i < s->v->n_pools; i++) {
    const struct view_pool *p = &s->v->pools[i];
    const struct counters *c = p->counters;

    if (!s->consumed[i] || c->odd)
      continue;
    for (uint32_t d = 0; d < p->n; d++) {
      uint32_t number = s->v->devices[p->first + d];

      if (!bit_get(domain, p->first + d) || c->draw_at[d] == c->draw_at[d + 1] ||
          s->w->devices[number].flags & DEVICE_SHAREABLE)
        continue;
      for (uint32_t k = c->draw_at[d]; k < c->draw_at[d + 1]; k++)
        if (s->consumed[i][c->draws[k].counter] + c->draws[k].amount > c->available[c->draws[k].counter]) {
          bit_clear(domain, p->first + d);
          break;
        }
    }
  }
}

void
totals_want(struct totals *t, uint32_t slot, uint32_t need)
{
  for (uint32_t i = 0; i < t->n; i++)
    t->wanted[i] += t->least[(size_t)slot * t->n + i] * need;
}

bool
totals_overdrawn(struct search *s, struct totals *t)
{
  bool over = false;

  if (t->n == 0 || t->odd)
    return false;
  for (uint32_t k = 0; k < s->n_picks; k++) {
    const struct pick *p = &s->picks[k];
    const struct cap_shape *shape = s->w->devices[s->v->devices[p->device]].caps;

    for (uint32_t i = 0; p->counted && i < t->n_counters; i++)
      t->wanted[i] += t->used[(size_t)p->device * t->n + i];
    for (uint32_t i = 0; p->share && shape && i < shape->n; i++)
      t->wanted[resource(t, shape->v[i].name, t->n_counters, t->n)] += p->need->need.takes[i].n;
  }
  for (uint32_t i = 0; i < t->n; i++)
    over |= t->wanted[i] > t->left[i];
  memset(t->wanted, 0, t->n * sizeof *t->wanted);
  return over;
}
