#include "alloc_counters.h"

#include <assert.h>
#include <string.h>

#include "alloc_pools.h"
#include "ceilings.h"

static struct slice **
counter_slices(const struct view_pool *p)
{
  return p->slices + p->n_targets + p->n_others;
}

/* -- validity, before anything is compiled -- */

static const struct json *
find_set(const struct view_pool *p, const char *name)
{
  for (uint32_t i = 0; i < p->n_counter_slices; i++)
    for (json_each_item (set, counter_slices(p)[i]->counter_sets))
      if (strcmp(json_get_str_or(*set, "name", ""), name) == 0)
        return *set;
  return NULL;
}

static char *
validate_sets(struct alloc_world *w, const struct view_pool *p)
{
  struct hmap *seen = hmap_new(NULL);
  char *bad = NULL;

  for (uint32_t i = 0; i < p->n_counter_slices && !bad; i++)
    for (json_each_item (set, counter_slices(p)[i]->counter_sets)) {
      const char *name = json_get_str_or(*set, "name", "");

      assert(name);
      if (!bad && hmap_get(seen, span_of(name)))
        bad = mem_printf("duplicate counter set name %s", name);
      hmap_put(seen, span_of(name), w);
    }
  hmap_free(seen);
  return bad;
}

static char *
validate_draws(struct alloc_world *w, const struct view_pool *p, const struct slice *s)
{
  for (uint32_t i = 0; i < s->n_devices; i++) {
    const struct device_side *side = w->devices[s->first + i].side;

    for (uint32_t k = 0; side && k < side->n_draws; k++) {
      const char *set_name = world_text(w, side->draws[k].set);
      const struct json *set = find_set(p, set_name);

      if (!set)
        return mem_printf("counter set %s not found", set_name);
      for (uint32_t c = 0; c < side->draws[k].n; c++)
        if (!json_get(json_get(set, "counters"), world_text(w, side->draws[k].counters[c].name)))
          return mem_printf("counter %s not found in counter set %s", world_text(w, side->draws[k].counters[c].name),
                            set_name);
    }
  }
  return NULL;
}

char *
counters_validate(struct alloc_world *w, const struct view_pool *p)
{
  char *bad = validate_sets(w, p);

  for (uint32_t i = 0; i < p->n_targets && !bad; i++)
    bad = validate_draws(w, p, p->slices[i]);
  if (w->channel == ALLOC_STABLE) /* looks at these together with the targets */
    for (uint32_t i = 0; i < p->n_counter_slices && !bad; i++)
      bad = validate_draws(w, p, counter_slices(p)[i]);
  for (uint32_t i = 0; i < p->n_others && !bad; i++)
    bad = validate_draws(w, p, p->slices[p->n_targets + i]);
  return bad;
}

/* -- compiled -- */

int32_t
counters_set(const struct counters *c, sid name)
{
  for (uint32_t i = 0; i < c->n_sets; i++)
    if (c->sets[i].name == name)
      return (int32_t)i;
  return -1;
}

static int32_t
counter_place(const struct counters *c, sid set, sid name)
{
  int32_t s = counters_set(c, set);

  if (s < 0)
    return -1;
  for (uint32_t i = 0; i < c->sets[s].n; i++)
    if (c->names[c->sets[s].first + i] == name)
      return (int32_t)(c->sets[s].first + i);
  return -1;
}

static void
sets_fill(struct alloc_world *w, const struct view_pool *p, struct counters *c)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);

  for (uint32_t i = 0; i < p->n_counter_slices; i++)
    for (json_each_item (set, counter_slices(p)[i]->counter_sets)) {
      const struct json *counters = json_get(*set, "counters");

      c->sets[c->n_sets++] =
          (struct counter_set){ .name = strings_put(w->names, span_of(json_get_str_or(*set, "name", ""))),
                                .first = c->n,
                                .n = (uint32_t)json_count(counters) };
      for (json_each_member (m, counters)) {
        c->names[c->n] = strings_put(w->names, span_make(m->name, m->name_len));
        c->total[c->n++] = measure_of(a, json_get(m->value, "value")).n;
      }
    }
}

/* All that one device draws; appended when `out` is given, counted otherwise. */
static uint32_t
draws_of(const struct alloc_world *w, const struct counters *c, uint32_t device, struct counter_draw *out)
{
  const struct device_side *side = w->devices[device].side;
  uint32_t n = 0;

  for (uint32_t k = 0; side && k < side->n_draws; k++)
    for (uint32_t i = 0; i < side->draws[k].n; i++) {
      const struct draw_counter *dc = &side->draws[k].counters[i];
      int32_t place = counter_place(c, side->draws[k].set, dc->name);

      if (place < 0)
        continue;
      if (out)
        out[n] = (struct counter_draw){ .counter = (uint32_t)place, .amount = dc->amount };
      n++;
    }
  return n;
}

struct counters *
counters_new(struct alloc_world *w, const struct view_pool *p)
{
  struct counters *c = mem_alloc(sizeof *c);
  size_t n = 0, sets = 0;
  uint32_t at = 0, local = 0;

  for (uint32_t i = 0; i < p->n_counter_slices; i++)
    for (json_each_item (set, counter_slices(p)[i]->counter_sets)) {
      sets++;
      n += json_count(json_get(*set, "counters"));
    }
  c->sets = mem_calloc(sets + 1, sizeof *c->sets);
  c->names = mem_calloc(n + 1, sizeof *c->names);
  c->total = mem_calloc(n + 1, sizeof *c->total);
  c->available = mem_calloc(n + 1, sizeof *c->available);
  c->draw_at = mem_calloc(p->n + 1, sizeof *c->draw_at);
  sets_fill(w, p, c);
  for (uint32_t i = 0; i < p->n_targets; i++)
    for (uint32_t d = 0; d < p->slices[i]->n_devices; d++) {
      c->draw_at[local++] = at;
      at += draws_of(w, c, p->slices[i]->first + d, NULL);
    }
  c->draw_at[local] = at;
  c->draws = mem_calloc(at + 1, sizeof *c->draws);
  local = 0;
  for (uint32_t i = 0; i < p->n_targets; i++)
    for (uint32_t d = 0; d < p->slices[i]->n_devices; d++)
      draws_of(w, c, p->slices[i]->first + d, c->draws + c->draw_at[local++]);
  for (uint32_t i = 0; i < at; i++)
    if (c->draws[i].amount < 0)
      c->odd = true;
  return c;
}

void
counters_free(struct counters *c)
{
  if (!c)
    return;
  free(c->sets);
  free(c->names);
  free(c->total);
  free(c->available);
  free(c->draws);
  free(c->draw_at);
  free(c);
}

static void
take_from(const struct alloc_world *w, struct counters *c, uint32_t device, struct arena *a)
{
  uint32_t n = draws_of(w, c, device, NULL);
  struct counter_draw *draws = arena_array_of(a, struct counter_draw, n + 1);

  draws_of(w, c, device, draws);
  for (uint32_t i = 0; i < n; i++)
    c->available[draws[i].counter] = amount_add(c->available[draws[i].counter], -draws[i].amount);
}

void
counters_refresh(struct alloc_world *w, const struct view_pool *p, struct counters *c)
{
  if (c->usage_version == w->usage_version)
    return;
  memcpy(c->available, c->total, c->n * sizeof *c->total);
  for (uint32_t i = 0; i < p->n_targets + p->n_others; i++)
    for (uint32_t d = 0; d < p->slices[i]->n_devices; d++)
      if (bit_get(w->allocated.w, p->slices[i]->first + d))
        take_from(w, c, p->slices[i]->first + d, w->scratch);
  arena_reset(w->scratch);
  c->exhausted = false;
  for (uint32_t i = 0; i < c->n; i++)
    if (c->available[i] < 0)
      c->exhausted = true;
  c->usage_version = w->usage_version;
}
