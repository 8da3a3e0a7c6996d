/* What has failed is not tried again: see alloc_prune.h. */
#include "alloc_prune.h"

#include <string.h>

#include "ceilings.h"

#define ALIKE_MAX  512 /* signatures that a frame compares with; where all differ there is nothing to gain */
#define MEMORY_MAX ((uint64_t)1 << 22) /* states; 64 MiB. When it is full, it is forgotten */

struct prune *
prune_new(struct search *s)
{
  struct prune *p = mem_alloc(sizeof *p);

  p->a = arena_new(CEIL_ARENA_CYCLE);
  p->n = s->v->n;
  p->rest = arena_array_of(p->a, uint64_t *, s->j->n_requests + 2);
  p->levels = arena_array_of(p->a, struct level *, s->j->n_slots + 1);
  p->values = arena_array_of(p->a, uint32_t **, s->j->n_slots + 1);
  p->fragile = arena_array_of(p->a, bool, s->j->n_slots + 1);
  p->never = arena_array_of(p->a, bool, s->j->n_slots + 1);
  p->error_from = arena_array_of(p->a, uint32_t, s->j->n_slots + 1);
  p->last_request = arena_array_of(p->a, uint32_t, s->j->n_constraints + 1);
  p->mask = 1023;
  p->memory = mem_calloc(p->mask + 1, sizeof *p->memory);
  s->prune = p;
  signatures_new(s, p);
  p->bounds = bounds_new(s, p);
  return p;
}

void
prune_free(struct prune *p)
{
  if (!p)
    return;
  arena_free(p->a);
  free(p->alike);
  free(p->memory);
  free(p);
}

/* -- the situation of a component: what is taken of it -- */

static uint64_t
consumption(const struct search *s, const struct component *c)
{
  const amount *consumed = s->consumed ? s->consumed[c->pool] : NULL;
  const uint32_t *groups = s->groups ? s->groups[c->pool] : NULL;
  uint64_t h = 0;

  for (uint32_t i = 0; consumed && i < c->n; i++)
    if (consumed[c->counters[i]])
      h += hash_amount(hash_mix(31, c->names[i]), consumed[c->counters[i]]);
  for (uint32_t i = 0; groups && i < c->n_sets; i++)
    if (groups[c->sets[i]])
      h += hash_mix(hash_mix(37, i), groups[c->sets[i]]);
  return h;
}

/* With admin access one device can be picked by several claims, and it matters which. */
static uint64_t
admin_view(const struct search *s, uint32_t i, uint32_t slot)
{
  const struct pick *p = &s->picks[i];
  uint64_t times = 0;

  for (uint32_t k = 0; k < i; k++)
    times += s->picks[k].device == p->device;
  return times * 2 + (s->j->slots[p->slot].claim == s->j->slots[slot].claim);
}

/* What a pick means for those to come; 0: nothing. */
static uint64_t
pick_signature(const struct search *s, const struct level *l, uint32_t i, uint32_t slot)
{
  const struct pick *p = &s->picks[i];
  const struct cap_shape *shape;
  uint64_t h = l->device[p->device];

  if (!h)
    return 0;
  if (!p->share)
    return s->taken_by ? hash_mix(h, admin_view(s, i, slot)) : h;
  h = hash_mix(h, p->slot == slot ? 41 : 43);
  for (uint32_t k = 0; k < i; k++)
    if (s->picks[k].device == p->device && (p->slot != slot || s->picks[k].slot == slot))
      return 0; /* counted with the first */
  shape = s->w->devices[s->v->devices[p->device]].caps;
  for (uint32_t k = 0; shape && k < shape->n; k++)
    h = hash_amount(h, s->shares[p->device]->used[k]);
  return h;
}

/* -- states -- */

static bool
matters(const struct prune *p, const struct search *s, uint32_t constraint, uint32_t slot)
{
  const struct slot *t = &s->j->slots[slot];

  if (p->last_request[constraint] > t->request)
    return true;
  for (uint32_t i = 0; i < t->n_constraints; i++)
    if (t->constraints[i] == constraint)
      return true;
  return false;
}

static uint64_t
constraint_state(const struct search *s, const struct constraint *c)
{
  uint64_t h = 0;

  if (c->n == 0)
    return 0;
  if (!c->distinct)
    return s->w->features.list_type_attributes ? c->common[c->n - 1] + (uint64_t)1 : c->values[0] + (uint64_t)1;
  for (uint32_t i = 0; i < c->n; i++)
    h += hash_mix(47, c->values[i]);
  return h;
}

static void
add(struct signature *k, uint64_t v)
{
  k->x += hash_mix(53, v);
  k->y += hash_mix(59, v ^ 0xA5A5A5A5A5A5A5A5u);
}

/* The state before the index-th device of a slot is picked, in canonical form. */
static struct signature
state_of(struct search *s, uint32_t slot, uint32_t index)
{
  struct prune *p = s->prune;
  const struct level *l = prune_level(s, slot);
  const struct slot *t = &s->j->slots[slot];
  const struct claim *c = &s->j->claims[t->claim];
  struct signature k = { 0, 0 };
  uint64_t h;

  add(&k, hash_mix(hash_mix(slot, index), s->n_results[t->claim]));
  p->n_touched = 0;
  for (uint32_t i = 0; i < s->n_picks; i++) {
    uint32_t comp = p->component_of[s->picks[i].device];

    h = pick_signature(s, l, i, slot);
    if (comp == NO_COMPONENT) {
      if (h)
        add(&k, h);
      continue;
    }
    if (!l->component[comp])
      continue;
    if (!p->situation[comp]) {
      p->situation[comp] = 1;
      p->touched[p->n_touched++] = comp;
    }
    p->situation[comp] += h ? hash_mix(61, h) : 0;
  }
  for (uint32_t i = 0; i < p->n_touched; i++) {
    uint32_t comp = p->touched[i];

    add(&k, hash_mix(l->component[comp], p->situation[comp] + consumption(s, &p->components[comp])));
    p->situation[comp] = 0;
  }
  for (uint32_t i = c->first_constraint; i < c->first_constraint + c->n_constraints; i++)
    if (matters(p, s, i, slot) && (h = constraint_state(s, &s->j->constraints[i])))
      add(&k, hash_mix(hash_mix(67, i), h));
  k.x |= 1;
  return k;
}

static struct signature *
memory_slot(const struct prune *p, struct signature k)
{
  uint64_t i = k.x >> 1 & p->mask;

  while (p->memory[i].x && (p->memory[i].x != k.x || p->memory[i].y != k.y))
    i = (i + 1) & p->mask;
  return &p->memory[i];
}

static void
memory_put(struct prune *p, struct signature k)
{
  struct signature *old = p->memory;
  uint64_t n = p->mask + 1;

  if (p->n_memory * 2 > p->mask && n < MEMORY_MAX) {
    p->mask = n * 2 - 1;
    p->memory = mem_calloc(n * 2, sizeof *p->memory);
    for (uint64_t i = 0; i < n; i++)
      if (old[i].x)
        *memory_slot(p, old[i]) = old[i];
    free(old);
  } else if (p->n_memory * 2 > p->mask) {
    memset(p->memory, 0, n * sizeof *p->memory);
    p->n_memory = 0;
  }
  *memory_slot(p, k) = k;
  p->n_memory++;
}

bool
prune_hopeless(struct search *s, const struct position *pos)
{
  if (memory_slot(s->prune, state_of(s, pos->slot, pos->index))->x)
    return true;
  return bounds_exceeded(s, pos);
}

void
prune_remember(struct search *s, const struct frame *f)
{
  struct signature k = state_of(s, f->slot, f->index);

  if (!memory_slot(s->prune, k)->x)
    memory_put(s->prune, k);
  prune_leave(s->prune, f);
}

/* -- alike -- */

uint32_t
prune_mark(const struct prune *p)
{
  return p->n_alike;
}

void
prune_leave(struct prune *p, const struct frame *f)
{
  p->n_alike = f->failed;
}

static uint64_t
signature_now(struct search *s, const struct level *l, uint32_t slot, uint32_t device)
{
  struct prune *p = s->prune;
  uint32_t comp = p->component_of[device];
  const struct share *share = s->shares ? s->shares[device] : NULL;
  const struct cap_shape *caps = s->w->devices[s->v->devices[device]].caps;
  uint64_t h = l->device[device], situation = 0, one;

  if (s->taken_by) /* admin access picks what others hold */
    h = hash_mix(h, bit_get(s->taken, device));
  if (share && share->n) {
    h = hash_mix(h, 73); /* the next share draws nothing from counters */
    for (uint32_t i = 0; caps && i < caps->n; i++)
      h = hash_amount(h + 1, share->used[i]);
  }
  if (comp == NO_COMPONENT)
    return h;
  for (uint32_t i = 0; i < s->n_picks; i++)
    if (p->component_of[s->picks[i].device] == comp && (one = pick_signature(s, l, i, slot)))
      situation += hash_mix(61, one);
  return hash_mix(hash_mix(h, l->component[comp]), situation + consumption(s, &p->components[comp]));
}

void
prune_failed(struct search *s, const struct frame *f, uint32_t device)
{
  struct prune *p = s->prune;

  if (p->n_alike == p->cap_alike) {
    p->cap_alike = p->cap_alike * 2 + 64;
    p->alike = mem_realloc(p->alike, p->cap_alike * sizeof *p->alike);
  }
  p->alike[p->n_alike++] = signature_now(s, prune_level(s, f->slot), f->slot, device);
}

bool
prune_skips(struct search *s, const struct frame *f, uint32_t device)
{
  const struct prune *p = s->prune;
  uint64_t h;

  if (p->n_alike == f->failed || p->n_alike - f->failed > ALIKE_MAX)
    return false;
  h = signature_now(s, prune_level(s, f->slot), f->slot, device);
  for (uint32_t i = f->failed; i < p->n_alike; i++)
    if (p->alike[i] == h)
      return true;
  return false;
}
