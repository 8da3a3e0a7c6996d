/* Signatures of devices and components: see alloc_prune.h. */
#include <string.h>

#include "alloc_prune.h"
#include "alloc_usage.h"

/* -- values -- */

/* False: some device's value cannot be had. */
static bool
values_fill(struct search *s, struct prune *p, uint32_t slot, uint32_t i)
{
  struct slot *t = &s->j->slots[slot];
  const struct constraint *c = &s->j->constraints[t->constraints[i]];
  uint32_t *v = p->values[slot][i] = arena_array_of(p->a, uint32_t, p->n + 1);
  bool good = true;

  for (uint32_t d = 0; d < p->n; d++) {
    struct kerr err = KERR_INIT;

    v[d] = ATTR_MISSING;
    if (!bit_get(t->yes, d))
      continue;
    if (constraint_value(s->j, c, t, s->v->devices[d], &v[d], &err) < 0) {
      v[d] = ATTR_MISSING;
      good = false;
      kerr_release(&err);
    }
  }
  return good;
}

static void
slot_read(struct search *s, struct prune *p, uint32_t slot)
{
  struct slot *t = &s->j->slots[slot];
  word errors = 0;

  for (uint32_t w = 0; w < s->v->words; w++) {
    slot_ask_word(s->j, t, s->v, w);
    errors |= t->error_bits[w] & (t->admin ? ~(word)0 : ~s->dedicated[w]);
  }
  p->values[slot] = arena_array_of(p->a, uint32_t *, t->n_constraints + 1);
  p->fragile[slot] = errors != 0;
  for (uint32_t i = 0; i < t->n_constraints; i++) {
    if (!values_fill(s, p, slot, i))
      p->fragile[slot] = true;
    p->last_request[t->constraints[i]] = t->request;
  }
  if (t->every)
    every_read(s, p, slot);
  if (t->need > RESULTS_MAX) { /* an alternative that is left before its devices are looked at */
    p->never[slot] = true;
    p->fragile[slot] = false;
  }
}

/* -- components -- */

static uint32_t
root(uint32_t *up, uint32_t i)
{
  while (up[i] != i)
    i = up[i] = up[up[i]];
  return i;
}

/* Sets of one pool that are drawn from by one device belong together. */
static void
join_sets(struct search *s, const struct view_pool *pool, uint32_t *up)
{
  for (uint32_t d = pool->first; d < pool->first + pool->n; d++) {
    const struct device_side *side = s->w->devices[s->v->devices[d]].side;
    int32_t first = -1, set;

    for (uint32_t k = 0; side && k < side->n_draws; k++) {
      set = counters_set(pool->counters, side->draws[k].set);
      if (set >= 0 && first >= 0)
        up[root(up, (uint32_t)set)] = root(up, (uint32_t)first);
      if (first < 0)
        first = set;
    }
  }
}

static void
component_fill(struct search *s, struct prune *p, struct component *c, const struct counters *counters, uint32_t *up,
               uint32_t r)
{
  uint32_t ordinal = 0;

  c->counters = arena_array_of(p->a, uint32_t, counters->n + 1);
  c->names = arena_array_of(p->a, uint64_t, counters->n + 1);
  c->sets = arena_array_of(p->a, uint32_t, counters->n_sets + 1);
  for (uint32_t i = 0; i < counters->n_sets; i++) {
    const struct counter_set *set = &counters->sets[i];

    if (root(up, i) != r)
      continue;
    c->sets[c->n_sets++] = i;
    for (uint32_t k = 0; k < set->n; k++) {
      c->counters[c->n] = set->first + k;
      c->names[c->n++] = hash_mix(ordinal, counters->names[set->first + k]);
    }
    ordinal++;
  }
  (void)s;
}

static void
pool_components(struct search *s, struct prune *p, uint32_t number)
{
  const struct view_pool *pool = &s->v->pools[number];
  uint32_t n = pool->counters->n_sets, first = p->n_components;
  uint32_t *up = arena_array_of(p->a, uint32_t, n + 1), *before = NULL;

  for (uint32_t i = 0; i < n; i++)
    up[i] = i;
  join_sets(s, pool, up);
  if (s->w->features.compatibility_groups) {
    search_groups(s, number);
    before = arena_array_of(p->a, uint32_t, n + 1);
    search_groups_before(s, number, before);
  }
  for (uint32_t i = 0; i < n; i++)
    if (root(up, i) == i) {
      p->components[p->n_components] = (struct component){ .pool = number, .groups_before = before };
      component_fill(s, p, &p->components[p->n_components++], pool->counters, up, i);
    }
  for (uint32_t d = pool->first; d < pool->first + pool->n; d++) {
    const struct device_side *side = s->w->devices[s->v->devices[d]].side;

    if (!side || side->n_draws == 0)
      continue;
    search_counters(s, d);
    for (uint32_t c = first; c < p->n_components; c++)
      for (uint32_t i = 0; i < p->components[c].n_sets; i++)
        if ((int32_t)p->components[c].sets[i] == counters_set(pool->counters, side->draws[0].set))
          p->component_of[d] = c;
  }
}

static void
components_new(struct search *s, struct prune *p)
{
  uint32_t n = 0;

  p->component_of = arena_array_of(p->a, uint32_t, p->n + 1);
  memset(p->component_of, 0xff, p->n * sizeof *p->component_of);
  for (uint32_t i = 0; i < s->v->n_pools; i++)
    if (s->v->pools[i].counters)
      n += s->v->pools[i].counters->n_sets;
  p->components = arena_array_of(p->a, struct component, n + 1);
  for (uint32_t i = 0; i < s->v->n_pools; i++)
    if (s->v->pools[i].counters)
      pool_components(s, p, i);
  p->situation = arena_array_of(p->a, uint64_t, p->n_components + 1);
  p->touched = arena_array_of(p->a, uint32_t, p->n_components + 1);
}

/* -- what does not depend on slots -- */

static uint64_t
draws_signature(struct search *s, const struct prune *p, uint32_t d)
{
  const struct component *c = &p->components[p->component_of[d]];
  const struct view_pool *pool = &s->v->pools[c->pool];
  const struct counters *counters = pool->counters;
  const struct device_side *side = s->w->devices[s->v->devices[d]].side;
  uint32_t local = d - pool->first;
  uint64_t h = counters->exhausted ? 3 : 2;

  for (uint32_t i = counters->draw_at[local]; i < counters->draw_at[local + 1]; i++)
    for (uint32_t k = 0; k < c->n; k++)
      if (c->counters[k] == counters->draws[i].counter)
        h += hash_amount(hash_mix(5, c->names[k]), counters->draws[i].amount);
  for (uint32_t i = 0; i < side->n_draws; i++)
    for (uint32_t k = 0; k < c->n_sets; k++)
      if ((int32_t)c->sets[k] == counters_set(counters, side->draws[i].set) && s->w->features.compatibility_groups)
        h += hash_mix(hash_mix(7, k),
                      side->draws[i].n_groups
                          ? sets_put(job_sets(s->j), 0, side->draws[i].groups, side->draws[i].n_groups) + 1
                          : 0);
  return h;
}

static uint64_t
base_signature(struct search *s, const struct prune *p, uint32_t d)
{
  uint32_t number = s->v->devices[d];
  const struct device *dev = &s->w->devices[number];
  const struct use *use = s->w->uses[number];
  uint64_t h = 1 + bit_get(s->dedicated, d);

  if (s->w->consumable && dev->flags & DEVICE_SHAREABLE) {
    h = hash_mix(h, 11 + bit_get(s->w->shared.w, number));
    h = hash_mix(h, dev->caps ? dev->caps->id : UINT32_MAX);
    for (uint32_t i = 0; use && dev->caps && i < dev->caps->n; i++)
      for (size_t k = 0; k < use->n_v; k++)
        if (strcmp(use->v[k].name, world_text(s->w, dev->caps->v[i].name)) == 0)
          h = hash_amount(hash_mix(h, i), use->v[k].n);
  }
  if (p->component_of[d] != NO_COMPONENT)
    h = hash_mix(h, draws_signature(s, p, d));
  return h;
}

void
signatures_new(struct search *s, struct prune *p)
{
  components_new(s, p);
  for (uint32_t i = 0; i < s->j->n_slots; i++)
    slot_read(s, p, i);
  p->base = arena_array_of(p->a, uint64_t, p->n + 1);
  for (uint32_t d = 0; d < p->n; d++)
    p->base[d] = base_signature(s, p, d);
}

/* -- what slots see -- */

/* Mode All leaves out devices that are too small, so being selectable is not enough. */
static bool
wanted_by_all(const struct slot *t, uint32_t d)
{
  for (uint32_t i = 0; i < t->need; i++)
    if (t->all[i] == d)
      return true;
  return false;
}

/* 0: nothing. */
static uint64_t
seen_by_slot(struct search *s, const struct prune *p, uint32_t slot, uint32_t d)
{
  const struct slot *t = &s->j->slots[slot];
  uint64_t h = hash_mix(13, slot + 1);

  if (p->never[slot] || (!t->admin && bit_get(s->dedicated, d) && !t->every))
    return 0;
  if (bit_get(t->error_bits, d))
    return hash_mix(h, d + 17);
  if (t->every ? !wanted_by_all(t, d) : !bit_get(t->yes, d))
    return 0;
  if (t->every)
    return hash_mix(h, t->n_constraints ? d + 19 : bit_get(t->yes, d));
  for (uint32_t i = 0; i < t->n_constraints; i++)
    h = hash_mix(h, prune_value(p, slot, i, d));
  return h;
}

static uint64_t *
rest_of(struct search *s, struct prune *p, uint32_t request)
{
  const struct request *r = &s->j->requests[request];
  const uint64_t *later;
  uint64_t *v, seen;

  if (p->rest[request])
    return p->rest[request];
  v = arena_array_of(p->a, uint64_t, p->n + 1);
  p->rest[request] = v;
  if (request == s->j->n_requests)
    return v;
  later = rest_of(s, p, request + 1);
  for (uint32_t d = 0; d < p->n; d++) {
    v[d] = later[d];
    for (uint32_t i = r->first_slot; i < r->first_slot + r->n_slots; i++)
      if ((seen = seen_by_slot(s, p, i, d)))
        v[d] = hash_mix(v[d], seen);
  }
  return v;
}

static void
component_signatures(struct search *s, const struct prune *p, struct level *l)
{
  bool *useful = arena_array_of(p->a, bool, p->n_components + 1);

  for (uint32_t d = 0; d < p->n; d++)
    if (l->device[d] && p->component_of[d] != NO_COMPONENT) {
      l->component[p->component_of[d]] += hash_mix(23, l->device[d]);
      useful[p->component_of[d]] = true;
    }
  for (uint32_t c = 0; c < p->n_components; c++) {
    const struct component *comp = &p->components[c];
    const struct counters *counters = s->v->pools[comp->pool].counters;

    for (uint32_t i = 0; useful[c] && i < comp->n; i++)
      l->component[c] += hash_amount(hash_mix(29, comp->names[i]), counters->available[comp->counters[i]]);
    for (uint32_t i = 0; comp->groups_before && i < comp->n_sets; i++)
      l->component[c] += hash_mix(hash_mix(71, i), comp->groups_before[comp->sets[i]]);
    if (!useful[c])
      l->component[c] = 0;
  }
}

const struct level *
prune_level(struct search *s, uint32_t slot)
{
  struct prune *p = s->prune;
  const uint64_t *later;
  struct level *l;
  uint64_t seen;

  if (p->levels[slot])
    return p->levels[slot];
  l = p->levels[slot] = arena_new_of(p->a, struct level);
  l->device = arena_array_of(p->a, uint64_t, p->n + 1);
  l->component = arena_array_of(p->a, uint64_t, p->n_components + 1);
  later = rest_of(s, p, s->j->slots[slot].request + 1);
  for (uint32_t d = 0; d < p->n; d++) {
    seen = seen_by_slot(s, p, slot, d);
    if (seen || later[d])
      l->device[d] = hash_mix(hash_mix(later[d], seen), p->base[d]) | 1;
  }
  component_signatures(s, p, l);
  return l;
}
