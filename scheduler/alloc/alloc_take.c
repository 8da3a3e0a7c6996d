/* Taking a device and giving it back. Follows allocateDevice and rollbackDevice of the variants. */
#include <string.h>

#include "alloc_search.h"

static void
refuse(struct search *s, struct refusal why)
{
  if (s->refusal)
    *s->refusal = why;
}

bool
search_blocked(const struct search *s, const struct slot *slot, uint32_t device)
{
  if (slot->admin)
    return bit_get(s->taken_by[slot->claim], device);
  return bit_get(s->dedicated, device) || bit_get(s->taken, device);
}

/* -- compatibility groups -- */

static uint32_t
groups_add(struct search *s, uint32_t state, const struct draw *d)
{
  uint32_t set;

  if (d->n_groups == 0)
    return state <= GROUPS_NOBODY ? GROUPS_NONE : state;
  set = sets_put(job_sets(s->j), 0, d->groups, d->n_groups);
  if (state <= GROUPS_NOBODY)
    return GROUPS_SET + set;
  if (state == GROUPS_NONE || state == GROUPS_EMPTY)
    return state;
  set = sets_meet(job_sets(s->j), state - GROUPS_SET, set);
  return set == SET_NONE ? GROUPS_EMPTY : GROUPS_SET + set;
}

static bool
groups_admit(struct search *s, uint32_t state, const struct draw *d)
{
  if (state <= GROUPS_NOBODY)
    return true;
  if (d->n_groups == 0)
    return state == GROUPS_NONE;
  if (state == GROUPS_NONE || state == GROUPS_EMPTY)
    return false;
  return groups_add(s, state, d) != GROUPS_EMPTY;
}

/* What the devices of the pool that are allocated already come to. */
void
search_groups_before(struct search *s, uint32_t pool, uint32_t *states)
{
  const struct view_pool *p = &s->v->pools[pool];

  for (uint32_t i = 0; i < p->n_targets + p->n_others; i++)
    for (uint32_t d = p->slices[i]->first; d < p->slices[i]->first + p->slices[i]->n_devices; d++) {
      const struct device_side *side = s->w->devices[d].side;

      if (!side || !bit_get(s->w->allocated.w, d))
        continue;
      for (uint32_t k = 0; k < side->n_draws; k++) {
        int32_t set = counters_set(p->counters, side->draws[k].set);

        if (set >= 0)
          states[set] = groups_add(s, states[set], &side->draws[k]);
      }
    }
}

uint32_t *
search_groups(struct search *s, uint32_t pool)
{
  if (!s->groups)
    s->groups = arena_array_of(s->j->run, uint32_t *, s->v->n_pools);
  if (!s->groups[pool]) {
    s->groups[pool] = arena_array_of(s->j->run, uint32_t, s->v->pools[pool].counters->n_sets + 1);
    search_groups_before(s, pool, s->groups[pool]);
  }
  return s->groups[pool];
}

static void
groups_restore(struct search *s, uint32_t n)
{
  while (n--) {
    struct group_change *c = &s->group_trail[--s->n_group_trail];

    *c->at = c->before;
  }
}

static bool
groups_take(struct search *s, uint32_t device, uint32_t *ret_n)
{
  uint32_t pool = s->v->pool_of[device];
  const struct view_pool *p = &s->v->pools[pool];
  const struct device_side *side = s->w->devices[s->v->devices[device]].side;

  *ret_n = 0;
  for (uint32_t k = 0; k < side->n_draws; k++) {
    int32_t set = counters_set(p->counters, side->draws[k].set);
    uint32_t *state = &search_groups(s, pool)[set];

    if (!groups_admit(s, *state, &side->draws[k])) {
      groups_restore(s, *ret_n);
      *ret_n = 0;
      return false;
    }
    if (s->n_group_trail == s->cap_group_trail) {
      s->cap_group_trail = s->cap_group_trail * 2 + 32;
      s->group_trail = mem_realloc(s->group_trail, s->cap_group_trail * sizeof *s->group_trail);
    }
    s->group_trail[s->n_group_trail++] = (struct group_change){ state, *state };
    *state = groups_add(s, *state, &side->draws[k]);
    ++*ret_n;
  }
  return true;
}

/* -- counters -- */

const struct counters *
search_counters(struct search *s, uint32_t device)
{
  uint32_t pool = s->v->pool_of[device];
  const struct view_pool *p = &s->v->pools[pool];

  counters_refresh(s->w, p, p->counters);
  if (!s->consumed)
    s->consumed = arena_array_of(s->j->run, amount *, s->v->n_pools);
  if (!s->consumed[pool])
    s->consumed[pool] = arena_array_of(s->j->run, amount, p->counters->n + 1);
  return p->counters;
}

static void
counters_move(struct search *s, uint32_t device, int sign)
{
  uint32_t pool = s->v->pool_of[device], local = device - s->v->pools[pool].first;
  const struct counters *c = s->v->pools[pool].counters;
  amount *consumed = s->consumed[pool];

  for (uint32_t i = c->draw_at[local]; i < c->draw_at[local + 1]; i++)
    consumed[c->draws[i].counter] = amount_add(consumed[c->draws[i].counter], sign * c->draws[i].amount);
}

static bool
counters_suffice(struct search *s, const struct counters *c, uint32_t device)
{
  uint32_t pool = s->v->pool_of[device], local = device - s->v->pools[pool].first;
  const amount *consumed = s->consumed[pool];

  if (c->odd) {
    for (uint32_t i = 0; i < c->n; i++)
      if (consumed[i] > c->available[i]) {
        refuse(s, (struct refusal){ .by = REFUSED_COUNTER, .counter = i });
        return false;
      }
    return true;
  }
  for (uint32_t i = 0; c->exhausted && i < c->n; i++)
    if (c->available[i] < 0) { /* anywhere in the pool */
      refuse(s, (struct refusal){ .by = REFUSED_COUNTER, .counter = i });
      return false;
    }
  for (uint32_t i = c->draw_at[local]; i < c->draw_at[local + 1]; i++)
    if (consumed[c->draws[i].counter] > c->available[c->draws[i].counter]) {
      refuse(s, (struct refusal){ .by = REFUSED_COUNTER, .counter = c->draws[i].counter });
      return false;
    }
  return true;
}

/* -- a device -- */

static bool
constraints_take(struct search *s, const struct slot *slot, struct pick *p, bool must, bool *failed)
{
  struct alloc_job *j = s->j;
  uint32_t number = s->v->devices[p->device], value;

  for (; p->constraints < slot->n_constraints; p->constraints++) {
    struct constraint *c = &j->constraints[slot->constraints[p->constraints]];

    if (constraint_value(j, c, slot, number, &value, s->err) < 0) {
      *failed = true;
      return false;
    }
    if (constraint_push(j, c, value))
      continue;
    refuse(s, (struct refusal){
                  .by = REFUSED_CONSTRAINT, .constraint = slot->constraints[p->constraints], .value = value });
    if (must) {
      kerr_set(s->err, KERR_INVALID, NULL,
               "claim %s, request %s: cannot add device %s because a claim constraint would not be satisfied",
               j->claims[slot->claim].id, slot->name, device_id(s->w, number, j->run));
      *failed = true;
    }
    return false;
  }
  return true;
}

static void
share_move(struct search *s, const struct pick *p, int sign)
{
  const struct cap_shape *shape = s->w->devices[s->v->devices[p->device]].caps;
  struct share *share = s->shares[p->device];

  share->n += (uint32_t)sign;
  for (uint32_t i = 0; shape && i < shape->n; i++)
    share->used[i] = amount_add(share->used[i], sign * p->need->need.takes[i].n);
}

static void
undo(struct search *s, struct pick *p)
{
  const struct slot *slot = &s->j->slots[p->slot];

  if (p->share)
    share_move(s, p, -1);
  if (p->marked) {
    if (s->taken_by) {
      bool other = false;

      bit_clear(s->taken_by[slot->claim], p->device);
      for (uint32_t c = 0; c < s->j->n_claims && !other; c++)
        other = bit_get(s->taken_by[c], p->device);
      bit_put(s->taken, p->device, other);
    } else {
      bit_clear(s->taken, p->device);
    }
  }
  while (p->constraints > 0)
    constraint_pop(&s->j->constraints[slot->constraints[--p->constraints]]);
  groups_restore(s, p->groups);
  if (p->counted)
    counters_move(s, p->device, -1);
}

static bool
counters_take(struct search *s, const struct device *d, struct pick *p)
{
  const struct counters *c;

  if (s->w->features.compatibility_groups && d->flags & DEVICE_DRAWS && !groups_take(s, p->device, &p->groups)) {
    refuse(s, (struct refusal){ .by = REFUSED_GROUPS });
    return false;
  }
  c = search_counters(s, p->device);
  counters_move(s, p->device, 1);
  p->counted = true;
  return counters_suffice(s, c, p->device);
}

static void
mark(struct search *s, const struct slot *slot, struct pick *p)
{
  bit_set(s->taken, p->device);
  if (s->taken_by)
    bit_set(s->taken_by[slot->claim], p->device);
  p->marked = true;
}

static struct share *
share_of(struct search *s, uint32_t device, const struct device *d)
{
  if (!s->shares)
    s->shares = arena_array_of(s->j->run, struct share *, s->v->n + 1);
  if (!s->shares[device])
    s->shares[device] = arena_alloc(s->j->run, sizeof(struct share) + (d->caps ? d->caps->n : 0) * sizeof(amount));
  return s->shares[device];
}

/* Is there room in the device, besides what this attempt has taken of it already? */
static bool
fits(const struct search *s, const struct pick *p, const struct device *d, const struct share *share)
{
  return !s->w->consumable ||
         slot_fits(s->j, p->need, d->caps, s->v->devices[p->device], share && share->n ? share->used : NULL);
}

bool
search_take(struct search *s, uint32_t slot_number, uint32_t device, bool must, bool *failed)
{
  struct slot *slot = &s->j->slots[slot_number];
  uint32_t number = s->v->devices[device];
  const struct device *d = &s->w->devices[number];
  bool shareable = s->w->consumable && (d->flags & DEVICE_SHAREABLE);
  struct pick p = { .slot = slot_number, .device = device };
  struct share *share = NULL;
  bool counted;

  if (must && (search_blocked(s, slot, device) || !bit_get(slot->yes, device)))
    return false;
  if (shareable)
    share = share_of(s, device, d);
  if (s->w->consumable)
    p.need = slot_need_of(s->j, slot, d->caps);
  /* Constraints can end in an error, so it matters that mode All looks at the room after them. */
  if (shareable && !must && !fits(s, &p, d, share)) {
    refuse(s, (struct refusal){ .by = REFUSED_SHARES });
    return false;
  }
  counted = d->flags & DEVICE_DRAWS && s->w->features.partitionable_devices &&
            !(shareable && (s->limits->inner || bit_get(s->w->shared.w, number) || share->n));
  if ((counted && !counters_take(s, d, &p)) || !constraints_take(s, slot, &p, must, failed) ||
      (must && !fits(s, &p, d, share))) {
    undo(s, &p);
    return false;
  }
  if (shareable) {
    p.share = true;
    share_move(s, &p, 1);
  } else {
    mark(s, slot, &p);
  }
  if (s->n_picks == s->cap_picks) {
    s->cap_picks = s->cap_picks * 2 + 16;
    s->picks = mem_realloc(s->picks, s->cap_picks * sizeof *s->picks);
  }
  s->picks[s->n_picks++] = p;
  s->n_results[slot->claim]++;
  return true;
}

void
search_undo(struct search *s)
{
  struct pick *p = &s->picks[--s->n_picks];

  s->n_results[s->j->slots[p->slot].claim]--;
  undo(s, p);
}
