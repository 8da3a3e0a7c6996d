/*
 * Is there enough left for what is still to be picked?
 *
 * All tests here are necessary conditions for an answer below a place in the
 * search, each a relaxation of the rules: what a test ignores only makes the
 * rest look easier. In order of price:
 *
 *   each request has an alternative with enough devices that are free, hold
 *   the values its constraints have by now, and have room;
 *   some value of every matchAttribute that is still open is held by enough;
 *   counters and capacity are not overdrawn in sum (alloc_totals.c);
 *   all requests can have devices at the same time (a matching), and values
 *   for every distinctAttribute.
 *
 * A request whose devices may raise an error is where reasoning ends: upstream
 * would get there and fail, so only what comes before it may be judged. Mode
 * All under constraints is such a request, unless a device that is taken comes
 * before the first that could raise the error: then it fails without one.
 */
#include "alloc_bounds.h"

#include <string.h>

#define DEMAND_MAX  512    /* devices; beyond that the matching is not tried */
#define VALUES_WORK 200000 /* values times devices; beyond that constraints are not looked at as a whole */

/* What one request, or the alternative under way, still wants. */
struct demand {
  uint32_t slot, need; /* slot UINT32_MAX: any of several alternatives */
  const struct request *request;
  word *domain; /* devices that may serve it */
};

struct bounds {
  struct arena *a;
  word **sound; /* per slot: right for it, with values for all its constraints */
  word *shareable;
  struct demand *demands; /* of the place in question */
  uint32_t n_demands;
  word **domains; /* per demand: scratch for its domain */
  word *feasible, *visited, *scratch;
  word *with[RESULTS_MAX]; /* scratch: per demand of a constraint */
  word *own[RESULTS_MAX * 2];
  int32_t *owner; /* per device or value: the demand that has it */
  struct constraint_values {
    uint32_t n;
    uint32_t *index; /* per device: number of its value; UINT32_MAX: none */
    bool usable;     /* all values are scalars, and the same for every slot */
  } * values;        /* per constraint */
  struct totals *totals;
};

/* -- made once -- */

static void
sound_fill(struct search *s, const struct prune *p, struct bounds *b, uint32_t slot)
{
  const struct slot *t = &s->j->slots[slot];
  word *v = b->sound[slot] = arena_array_of(p->a, word, s->v->words + 1);

  memcpy(v, t->yes, s->v->words * sizeof *v);
  for (uint32_t i = 0; i < t->n_constraints; i++)
    for (uint32_t d = 0; d < p->n; d++)
      if (prune_value(p, slot, i, d) == ATTR_MISSING)
        bit_clear(v, d);
}

static int32_t
constraint_at(const struct slot *t, uint32_t constraint)
{
  for (uint32_t i = 0; i < t->n_constraints; i++)
    if (t->constraints[i] == constraint)
      return (int32_t)i;
  return -1;
}

/* Number the values of a constraint, if that can be done for all slots alike. */
static void
values_number(struct search *s, const struct prune *p, struct bounds *b, uint32_t constraint)
{
  struct constraint_values *cv = &b->values[constraint];
  uint32_t *value = arena_array_of(p->a, uint32_t, p->n + 1);
  struct hmap *numbers = hmap_new(NULL); /* by value: its number + 1 */

  cv->index = arena_array_of(p->a, uint32_t, p->n + 1);
  memset(cv->index, 0xff, p->n * sizeof *cv->index);
  cv->usable = true;
  for (uint32_t k = 0; k < s->j->n_slots; k++) {
    int32_t i = constraint_at(&s->j->slots[k], constraint);

    for (uint32_t d = 0; i >= 0 && d < p->n; d++) {
      uint32_t v = prune_value(p, k, (uint32_t)i, d);
      struct span key = span_make((const char *)&v, sizeof v);

      if (v == ATTR_MISSING)
        continue;
      if (v & ATTR_COMPOSITE || (cv->index[d] != UINT32_MAX && value[d] != v))
        cv->usable = false;
      if (!hmap_get(numbers, key))
        hmap_put(numbers, key, (void *)(uintptr_t)++cv->n);
      cv->index[d] = (uint32_t)(uintptr_t)hmap_get(numbers, key) - 1;
      value[d] = v;
    }
  }
  hmap_free(numbers);
  if ((uint64_t)cv->n * p->n > VALUES_WORK) /* each question would look at all values of all devices */
    cv->usable = false;
}

struct bounds *
bounds_new(struct search *s, struct prune *p)
{
  struct bounds *b = arena_new_of(p->a, struct bounds);
  uint32_t words = s->v->words + 1, n = s->j->n_requests + 1;

  b->a = p->a;
  b->sound = arena_array_of(p->a, word *, s->j->n_slots + 1);
  b->values = arena_array_of(p->a, struct constraint_values, s->j->n_constraints + 1);
  b->demands = arena_array_of(p->a, struct demand, n);
  b->domains = arena_array_of(p->a, word *, n);
  for (uint32_t i = 0; i < n; i++)
    b->domains[i] = arena_array_of(p->a, word, words);
  b->feasible = arena_array_of(p->a, word, words);
  b->visited = arena_array_of(p->a, word, words);
  b->scratch = arena_array_of(p->a, word, words);
  b->shareable = arena_array_of(p->a, word, words);
  for (uint32_t i = 0; i < RESULTS_MAX; i++)
    b->with[i] = arena_array_of(p->a, word, words);
  for (uint32_t i = 0; i < RESULTS_MAX * 2; i++)
    b->own[i] = arena_array_of(p->a, word, words);
  b->owner = arena_array_of(p->a, int32_t, p->n + 1);
  for (uint32_t i = 0; i < s->j->n_slots; i++)
    sound_fill(s, p, b, i);
  for (uint32_t i = 0; i < s->j->n_constraints; i++)
    values_number(s, p, b, i);
  for (uint32_t d = 0; d < p->n; d++)
    if (s->w->consumable && s->w->devices[s->v->devices[d]].flags & DEVICE_SHAREABLE)
      bit_set(b->shareable, d);
  b->totals = totals_new(s, p, b->sound);
  return b;
}

/* -- domains -- */

static void
keep_allowed(struct search *s, const struct prune *p, uint32_t slot, uint32_t i, word *domain)
{
  const struct constraint *c = &s->j->constraints[s->j->slots[slot].constraints[i]];
  uint32_t last = ATTR_MISSING, v;
  bool allowed = false;

  for (uint32_t w = 0; w < s->v->words; w++)
    for (word m = domain[w]; m; m &= m - 1) {
      uint32_t d = w * 64 + (uint32_t)__builtin_ctzll(m);

      v = prune_value(p, slot, i, d);
      if (v != last)
        allowed = constraint_allows(s->j, c, v);
      last = v;
      if (!allowed)
        bit_clear(domain, d);
    }
}

/* Without shares that are full by now, and devices whose counters are. */
static void
keep_fitting(struct search *s, struct slot *t, word *domain)
{
  for (uint32_t i = 0; i < s->n_picks; i++) {
    uint32_t d = s->picks[i].device, number = s->v->devices[d];
    const struct device *dev = &s->w->devices[number];

    if (s->picks[i].share && bit_get(domain, d) &&
        !slot_fits(s->j, slot_need_of(s->j, t, dev->caps), dev->caps, number, s->shares[d]->used))
      bit_clear(domain, d);
  }
}

/* Devices of the slot from `start` on that could be taken as things are. */
static void
domain_of(struct search *s, uint32_t slot, uint32_t start, word *ret)
{
  const struct prune *p = s->prune;
  struct slot *t = &s->j->slots[slot];
  const word *blocked = t->admin ? s->taken_by[t->claim] : s->taken;

  for (uint32_t w = 0; w < s->v->words; w++)
    ret[w] = p->bounds->sound[slot][w] & ~blocked[w] & (t->admin ? ~(word)0 : ~s->dedicated[w]);
  for (uint32_t w = 0; w < start / 64; w++)
    ret[w] = 0;
  if (start % 64)
    ret[start / 64] &= ~(word)0 << (start % 64);
  for (uint32_t i = 0; i < t->n_constraints; i++)
    if (s->j->constraints[t->constraints[i]].n)
      keep_allowed(s, p, slot, i, ret);
  if (s->shares)
    keep_fitting(s, t, ret);
  totals_keep_affordable(s, ret);
}

static void
demand_add(struct bounds *b, const struct request *r, uint32_t slot, uint32_t need)
{
  b->demands[b->n_demands] =
      (struct demand){ .slot = slot, .need = need, .request = r, .domain = b->domains[b->n_demands] };
  b->n_demands++;
}

/* A request with alternatives: what the easiest of them wants, from what any of them may have. False: none is possible.
 */
static bool
demand_of_choice(struct search *s, struct bounds *b, const struct request *r)
{
  word *all = b->domains[b->n_demands];
  uint32_t least = UINT32_MAX, which = 0, possible = 0;
  bool every = false;

  memset(all, 0, s->v->words * sizeof *all);
  for (uint32_t i = r->first_slot; i < r->first_slot + r->n_slots; i++) {
    const struct slot *t = &s->j->slots[i];

    if (s->prune->never[i])
      continue;
    if (t->every) {
      every |= every_is_free(s, i, 0);
      continue;
    }
    domain_of(s, i, 0, b->scratch);
    if (words_count(b->scratch, s->v->words) < t->need)
      continue;
    for (uint32_t w = 0; w < s->v->words; w++)
      all[w] |= b->scratch[w];
    if (t->need < least)
      least = t->need;
    which = i;
    possible++;
  }
  if (every)
    return true; /* nothing more is known of it */
  if (possible)
    demand_add(b, r, possible == 1 ? which : UINT32_MAX, least);
  return possible;
}

static bool
demand_of_slot(struct search *s, struct bounds *b, uint32_t slot, uint32_t index, uint32_t start)
{
  const struct slot *t = &s->j->slots[slot];
  word *domain = b->domains[b->n_demands];

  if (t->every)
    return every_is_free(s, slot, index);
  if (t->need <= index)
    return true;
  domain_of(s, slot, start, domain);
  if (words_count(domain, s->v->words) < t->need - index)
    return false;
  demand_add(b, &s->j->requests[t->request], slot, t->need - index);
  return true;
}

static bool
slot_fragile(const struct search *s, uint32_t slot, uint32_t index)
{
  return s->prune->fragile[slot] && !every_fails_quietly(s, slot, index);
}

static bool
request_fragile(const struct search *s, uint32_t request)
{
  const struct request *r = &s->j->requests[request];

  for (uint32_t i = r->first_slot; i < r->first_slot + r->n_slots; i++)
    if (slot_fragile(s, i, 0))
      return true;
  return false;
}

/* What is wanted from `pos` on. False: some request cannot have it. */
static bool
demands_collect(struct search *s, struct bounds *b, const struct position *pos)
{
  b->n_demands = 0;
  if (slot_fragile(s, pos->slot, pos->index))
    return true;
  if (!demand_of_slot(s, b, pos->slot, pos->index, pos->start))
    return false;
  for (uint32_t i = pos->request + 1; i < s->j->n_requests; i++) {
    const struct request *r = &s->j->requests[i];

    if (request_fragile(s, i))
      return true;
    if (!(r->choice ? demand_of_choice(s, b, r) : demand_of_slot(s, b, r->first_slot, 0, 0)))
      return false;
  }
  return true;
}

/* -- matchings -- */

/* Find a device for demand `i`, if need be by moving others; `domains` over devices or over values. */
static bool
augment(struct bounds *b, word *const *domains, uint32_t i, uint32_t words)
{
  for (uint32_t w = 0; w < words; w++)
    for (word m = domains[i][w] & ~b->visited[w]; m; m &= m - 1) {
      uint32_t d = w * 64 + (uint32_t)__builtin_ctzll(m);

      if (b->owner[d] < 0) {
        b->owner[d] = (int32_t)i;
        return true;
      }
    }
  for (uint32_t w = 0; w < words; w++) {
    word m;

    while ((m = domains[i][w] & ~b->visited[w])) {
      uint32_t d = w * 64 + (uint32_t)__builtin_ctzll(m);

      bit_set(b->visited, d);
      if (b->owner[d] == (int32_t)i)
        continue;
      if (augment(b, domains, (uint32_t)b->owner[d], words)) {
        b->owner[d] = (int32_t)i;
        return true;
      }
    }
  }
  return false;
}

/* Can all demands be met at once from `n` things that serve one each? `needs` are lowered by what is not counted. */
static bool
matching(struct bounds *b, word *const *domains, const uint32_t *needs, uint32_t n_demands, uint32_t n)
{
  uint32_t words = words_for(n), sum = 0;

  for (uint32_t i = 0; i < n_demands; i++)
    sum += needs[i];
  if (sum > DEMAND_MAX)
    return true;
  memset(b->owner, 0xff, n * sizeof *b->owner);
  for (uint32_t i = 0; i < n_demands; i++)
    for (uint32_t k = 0; k < needs[i]; k++) {
      memset(b->visited, 0, words * sizeof *b->visited);
      if (!augment(b, domains, i, words))
        return false;
    }
  return true;
}

/* Devices that can be shared serve everybody, each request once; the others one request. */
static bool
devices_suffice(struct search *s, struct bounds *b, word *const *domains, const uint32_t *wanted, uint32_t n)
{
  uint32_t needs[RESULTS_MAX * 2], words = s->v->words, shared;
  word *own[RESULTS_MAX * 2];

  if (n > ARRAY_SIZE(needs))
    return true;
  for (uint32_t i = 0; i < n; i++) {
    shared = 0;
    for (uint32_t w = 0; w < words; w++)
      shared += (uint32_t)__builtin_popcountll(domains[i][w] & b->shareable[w]);
    needs[i] = wanted[i] > shared ? wanted[i] - shared : 0;
    own[i] = domains[i];
    if (shared && needs[i]) {
      own[i] = b->own[i];
      for (uint32_t w = 0; w < words; w++)
        own[i][w] = domains[i][w] & ~b->shareable[w];
    }
  }
  return matching(b, own, needs, n, s->v->n);
}

/* -- constraints -- */

/* Whatever alternative is taken; mode All is none by now. */
static bool
demand_under(const struct search *s, const struct demand *d, uint32_t constraint)
{
  const struct slot *slots = s->j->slots;

  if (d->slot != UINT32_MAX)
    return constraint_at(&slots[d->slot], constraint) >= 0;
  for (uint32_t i = d->request->first_slot; i < d->request->first_slot + d->request->n_slots; i++)
    if (!slots[i].every && constraint_at(&slots[i], constraint) < 0)
      return false;
  return true;
}

/* The demands that a constraint is about. */
static uint32_t
demands_under(const struct search *s, const struct bounds *b, uint32_t constraint, uint32_t *ret)
{
  uint32_t n = 0;

  for (uint32_t i = 0; i < b->n_demands && n < RESULTS_MAX; i++)
    if (demand_under(s, &b->demands[i], constraint))
      ret[n++] = i;
  return n;
}

/* Devices of the demands with one value. */
static bool
value_suffices(struct search *s, struct bounds *b, const struct constraint_values *cv, uint32_t value,
               const uint32_t *who, uint32_t n, word **with)
{
  uint32_t needs[RESULTS_MAX];

  for (uint32_t i = 0; i < n; i++) {
    const struct demand *d = &b->demands[who[i]];

    needs[i] = d->need;
    for (uint32_t w = 0; w < s->v->words; w++) {
      with[i][w] = 0;
      for (word m = d->domain[w]; m; m &= m - 1) {
        uint32_t device = w * 64 + (uint32_t)__builtin_ctzll(m);

        if (cv->index[device] == value)
          bit_set(with[i], device);
      }
    }
    if (words_count(with[i], s->v->words) < d->need)
      return false;
  }
  return devices_suffice(s, b, with, needs, n);
}

/* matchAttribute without a value yet: one that enough devices hold; what is held by too few is left out. */
static bool
match_possible(struct search *s, struct bounds *b, uint32_t constraint)
{
  const struct constraint_values *cv = &b->values[constraint];
  uint32_t who[RESULTS_MAX], n = demands_under(s, b, constraint, who);
  word *with[RESULTS_MAX];
  bool any = false;

  if (!cv->usable || n == 0 || s->j->constraints[constraint].n)
    return true;
  for (uint32_t i = 0; i < n; i++)
    with[i] = b->with[i];
  memset(b->feasible, 0, s->v->words * sizeof *b->feasible);
  for (uint32_t v = 0; v < cv->n; v++)
    if (value_suffices(s, b, cv, v, who, n, with)) {
      any = true;
      for (uint32_t d = 0; d < s->v->n; d++)
        if (cv->index[d] == v)
          bit_set(b->feasible, d);
    }
  for (uint32_t i = 0; i < n && any; i++)
    for (uint32_t w = 0; w < s->v->words; w++)
      b->demands[who[i]].domain[w] &= b->feasible[w];
  return any;
}

/* distinctAttribute: a value of its own for every device. */
static bool
distinct_possible(struct search *s, struct bounds *b, uint32_t constraint)
{
  const struct constraint_values *cv = &b->values[constraint];
  uint32_t who[RESULTS_MAX], n = demands_under(s, b, constraint, who), needs[RESULTS_MAX];
  word *values[RESULTS_MAX];

  if (!cv->usable || n == 0)
    return true;
  for (uint32_t i = 0; i < n; i++) {
    const struct demand *d = &b->demands[who[i]];

    needs[i] = d->need;
    values[i] = b->with[i];
    memset(values[i], 0, s->v->words * sizeof *values[i]);
    for (uint32_t w = 0; w < s->v->words; w++)
      for (word m = d->domain[w]; m; m &= m - 1)
        bit_set(values[i], cv->index[w * 64 + (uint32_t)__builtin_ctzll(m)]);
  }
  return matching(b, values, needs, n, cv->n);
}

static bool
constraints_possible(struct search *s, struct bounds *b)
{
  for (uint32_t i = 0; i < s->j->n_constraints; i++)
    if (!(s->j->constraints[i].distinct ? distinct_possible(s, b, i) : match_possible(s, b, i)))
      return false;
  return true;
}

static bool
all_suffice(struct search *s, struct bounds *b)
{
  uint32_t needs[RESULTS_MAX * 2];
  word *domains[RESULTS_MAX * 2];

  if (b->n_demands > ARRAY_SIZE(needs))
    return true;
  for (uint32_t i = 0; i < b->n_demands; i++) {
    uint32_t slot = b->demands[i].slot;

    /* Admin access does not keep devices from other claims, nor the other way round if it comes later. */
    needs[i] = slot != UINT32_MAX && s->j->slots[slot].admin ? 0 : b->demands[i].need;
    domains[i] = b->demands[i].domain;
  }
  return devices_suffice(s, b, domains, needs, b->n_demands);
}

bool
bounds_exceeded(struct search *s, const struct position *pos)
{
  struct bounds *b = s->prune->bounds;

  if (!demands_collect(s, b, pos) || !constraints_possible(s, b))
    return true;
  for (uint32_t i = 0; i < b->n_demands; i++)
    if (b->demands[i].slot != UINT32_MAX)
      totals_want(b->totals, b->demands[i].slot, b->demands[i].need);
  return totals_overdrawn(s, b->totals) || !all_suffice(s, b);
}
