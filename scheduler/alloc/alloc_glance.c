/*
 * Most nodes of a large cluster have nothing for a pod, and that can be seen without their view: the slices of a
 * node's name are ranges in the sets of what a filter takes and of what is in use, so a node costs some words. What
 * is counted is an upper bound; so a glance says "no" where the search would, or says nothing.
 */
#include "alloc_search.h"

/* Devices of the node that the slot's filter does not refuse, and that nobody has. */
static uint32_t
candidates(struct alloc_job *j, const struct slot *s, const struct node_slices *near, word *ret_errors)
{
  uint32_t sum = 0;

  *ret_errors = 0;
  for (uint32_t i = 0; i < near->n; i++) {
    const struct slice *slice = near->v[i];

    for (uint32_t k = 0; k < slice->n_devices; k += 64) {
      uint32_t first = slice->first + k, n = slice->n_devices - k < 64 ? slice->n_devices - k : 64;
      word errors, free = filter_ask_range(j->w, s->filter, first, n, &errors);

      if (free && !s->admin)
        free &= ~bits_extract(j->w->dedicated.w, first, n);
      sum += (uint32_t)__builtin_popcountll(free);
      *ret_errors |= free & errors;
    }
  }
  return sum;
}

/* May looking at a device that the filter takes end the attempt? Asked of every capacity there is: they are few. */
static bool
may_fail(struct alloc_job *j, struct slot *s)
{
  size_t cursor = 0;
  void *shape;

  if (s->n_constraints || s->n_derived)
    return true;
  if (!j->w->consumable)
    return false;
  if (s->judged_shapes != j->w->n_shapes + 1) {
    s->judged_shapes = j->w->n_shapes + 1;
    s->fails = slot_need_of(j, s, NULL)->need.verdict == CAP_FATAL;
    while (!s->fails && hmap_next(j->w->shape_index, &cursor, NULL, &shape))
      s->fails = slot_need_of(j, s, shape)->need.verdict == CAP_FATAL;
  }
  return s->fails;
}

/* Nothing but the slices of its name concerns the node, and nothing is wrong with their pools. */
static bool
is_in_sight(const struct alloc_world *w, const struct node_slices *near)
{
  if (!near || w->shared_slices.n || (w->channel == ALLOC_STABLE && w->counter_slices.n))
    return false;
  for (uint32_t i = 0; i < near->n; i++)
    if (!near->v[i]->sound || !near->v[i]->alone)
      return false;
  return true;
}

bool
job_sees_no_answer(struct alloc_job *j)
{
  const struct node_slices *near = j->node->near;

  if (!j->plain || !is_in_sight(j->w, near))
    return false;
  for (uint32_t i = 0; i < j->n_requests && !j->requests[i].choice; i++) {
    struct slot *s = &j->slots[j->requests[i].first_slot];
    word errors;
    uint32_t n;

    if (s->need == 0)
      continue;
    n = candidates(j, s, near, &errors);
    if (n == 0)
      return true;
    if (errors || (n >= s->need && i + 1 == j->n_requests) || may_fail(j, s))
      return false;
    if (n < s->need)
      return true;
  }
  return false;
}
