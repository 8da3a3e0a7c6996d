/*
 * Is a device right for a slot, whatever else is taken in this attempt?
 *
 * Everything that does not depend on the attempt is asked here, in upstream's
 * order, once per run and device: binding conditions, CEL, node selection,
 * capacity, skipped operations, gates, taints. What is left to the search is
 * what changes with every pick: use, counters, constraints, shares.
 */
#include <assert.h>
#include <string.h>

#include "alloc_job.h"
#include "alloc_usage.h"
#include "selector.h"

/* -- taints: KEP-5055, resourceclaim.ToleratesTaint -- */

bool
toleration_matches(const struct json *toleration, const struct json *taint)
{
  const char *effect = json_get_str_or(toleration, "effect", ""), *key = json_get_str_or(toleration, "key", "");
  const char *op = json_get_str_or(toleration, "operator", "");

  if (*effect && strcmp(effect, json_get_str_or(taint, "effect", "")) != 0)
    return false;
  if (*key && strcmp(key, json_get_str_or(taint, "key", "")) != 0)
    return false;
  if (*op == '\0' || strcmp(op, "Equal") == 0)
    return strcmp(json_get_str_or(toleration, "value", ""), json_get_str_or(taint, "value", "")) == 0;
  return strcmp(op, "Exists") == 0;
}

static bool
tolerated(const struct json *tolerations, const struct json *taint)
{
  const char *effect = json_get_str_or(taint, "effect", "");

  if (strcmp(effect, "NoSchedule") != 0 && strcmp(effect, "NoExecute") != 0)
    return true;
  for (json_each_item (t, tolerations))
    if (toleration_matches(*t, taint))
      return true;
  return false;
}

const struct json *
slot_taint(const struct alloc_job *j, const struct slot *s, const struct device *d)
{
  if (!j->w->features.device_taints || !(d->flags & DEVICE_TAINTED))
    return NULL;
  for (json_each_item (t, d->side->taints))
    if (!tolerated(s->tolerations, *t))
      return *t;
  for (uint32_t i = 0; i < d->side->n_rule_taints; i++)
    if (!tolerated(s->tolerations, d->side->rule_taints[i]))
      return d->side->rule_taints[i];
  return NULL;
}

/* -- capacity -- */

const struct slot_need *
slot_need_of(struct alloc_job *j, struct slot *s, const struct cap_shape *shape)
{
  uint32_t id = shape ? shape->id + 1 : 0;
  struct slot_need **bigger, *need;

  if (id >= s->n_needs) {
    bigger = arena_array_of(j->a, struct slot_need *, j->w->n_shapes + 1);
    if (s->n_needs)
      memcpy(bigger, s->needs, s->n_needs * sizeof *bigger);
    s->needs = bigger;
    s->n_needs = j->w->n_shapes + 1;
  }
  if (s->needs[id])
    return s->needs[id];
  need = s->needs[id] = arena_new_of(j->a, struct slot_need);
  cap_need_of(j->a, j->w->names, &s->caps, shape, j->w->features.fractional_capacity_range, &need->need);
  need->fits_alone = need->need.verdict == CAP_TAKES;
  need->texts = arena_array_of(j->a, const char *, (shape ? shape->n : 0) + 1);
  for (uint32_t i = 0; shape && need->fits_alone && i < shape->n; i++)
    need->fits_alone = need->need.takes[i].n <= shape->v[i].value.n;
  return need;
}

static amount
stored(const struct alloc_world *w, const struct use *use, sid name)
{
  for (size_t i = 0; use && i < use->n_v; i++)
    if (strcmp(use->v[i].name, world_text(w, name)) == 0)
      return use->v[i].n;
  return 0;
}

bool
slot_fits(const struct alloc_job *j, const struct slot_need *need, const struct cap_shape *shape, uint32_t device,
          const amount *inflight)
{
  const struct use *use = device < j->w->cap_uses ? j->w->uses[device] : NULL;
  amount sum;

  if (use && !use->capacities)
    use = NULL;
  if (!use && !inflight)
    return need->fits_alone;
  for (uint32_t i = 0; shape && i < shape->n; i++) {
    sum = amount_add(need->need.takes[i].n, stored(j->w, use, shape->v[i].name));
    if (inflight)
      sum = amount_add(sum, inflight[i]);
    if (sum > shape->v[i].value.n)
      return false;
  }
  return true;
}

/* -- all together -- */

static bool
operations_barred(const struct alloc_job *j, const struct slice *s)
{
  if (j->w->channel != ALLOC_EXPERIMENTAL || json_count(s->skip_operations) == 0)
    return false;
  return !j->w->features.optional_node_operations || !j->node->optional_operations;
}

enum slot_answer
slot_ask(struct alloc_job *j, struct slot *s, const struct view *v, uint32_t device)
{
  struct alloc_world *w = j->w;
  uint32_t number = v->devices[device];
  const struct device *d = &w->devices[number];
  const struct slot_need *need;

  if (!w->features.device_binding_and_status && (d->flags & DEVICE_NEEDS_BINDING))
    return SLOT_NO;
  switch (filter_ask(w, s->filter, number)) {
  case FILTER_NO:
    return SLOT_NO;
  case FILTER_ERROR:
    return SLOT_ERROR;
  case FILTER_YES:
    break;
  }
  if (v->elsewhere && bit_get(v->broken, device))
    return SLOT_ERROR;
  if (v->elsewhere && bit_get(v->elsewhere, device))
    return SLOT_NO;
  if (w->consumable) {
    need = slot_need_of(j, s, d->caps);
    if (need->need.verdict == CAP_FATAL)
      return SLOT_ERROR;
    if (need->need.verdict == CAP_SKIPPED)
      return SLOT_NO;
    if (!s->every && !slot_fits(j, need, d->caps, number, NULL))
      return SLOT_NO;
  }
  if (operations_barred(j, device_slice(w, number)))
    return SLOT_BARRED;
  if (!w->features.partitionable_devices && (d->flags & DEVICE_DRAWS))
    return SLOT_BARRED;
  return slot_taint(j, s, d) ? SLOT_BARRED : SLOT_YES;
}

/* The whole word at once, when only remembered answers of the filter decide. False: device by device, then. */
static bool
ask_plain_word(struct alloc_job *j, struct slot *s, const struct view *v, uint32_t w, uint32_t end)
{
  word all = end % 64 ? ((word)1 << (end % 64)) - 1 : ~(word)0;
  const struct filter *f = s->filter;

  if (!v->plain || (f->n && f->known.n < words_for(j->w->n_devices)))
    return false;
  if (j->w->consumable && (!slot_need_of(j, s, v->shape)->fits_alone || view_word(v, &j->w->shared, w)))
    return false;
  if (f->n && view_word(v, &f->known, w) != all)
    return false;
  s->yes[w] = s->selectable[w] = f->n ? view_word(v, &f->yes, w) : all;
  s->error_bits[w] = 0;
  return true;
}

void
slot_ask_word(struct alloc_job *j, struct slot *s, const struct view *v, uint32_t w)
{
  uint32_t end = w * 64 + 64 < v->n ? w * 64 + 64 : v->n;
  enum slot_answer answer;
  word yes = 0, selectable = 0, error = 0, bit;

  if (s->asked[w])
    return;
  s->asked[w] = 1;
  if (ask_plain_word(j, s, v, w, end))
    return;
  for (uint32_t i = w * 64; i < end; i++) {
    bit = (word)1 << (i % 64);
    answer = slot_ask(j, s, v, i);
    if (answer == SLOT_YES)
      yes |= bit;
    if (answer == SLOT_YES || answer == SLOT_BARRED)
      selectable |= bit;
    if (answer == SLOT_ERROR)
      error |= bit;
  }
  s->yes[w] = yes;
  s->selectable[w] = selectable;
  s->error_bits[w] = error;
}

int
slot_error(struct alloc_job *j, struct slot *s, const struct view *v, uint32_t device, struct kerr *reterr)
{
  struct alloc_world *w = j->w;
  uint32_t number = v->devices[device];
  const struct device *d = &w->devices[number];
  const struct claim *c = &j->claims[s->claim];
  _cleanup_kerr_ struct kerr why = KERR_INIT;
  const char *id;
  bool class, match;
  int r;

  if (filter_ask(w, s->filter, number) == FILTER_ERROR) {
    r = filter_error(w, s->filter, number, &class, reterr);
    if (class)
      kerr_wrap(reterr, "class %s", json_get_str_or(json_get(s->class, "metadata"), "name", ""));
    else
      kerr_wrap(reterr, "claim %s", c->id);
    return r;
  }
  if (v->elsewhere && bit_get(v->broken, device)) {
    const struct json *selector = w->node_selectors[d->side->node_selector - 1];

    r = node_selector_matches(selector, j->node->tree, &match, &why);
    assert(r < 0);
    return kerr_set(reterr, KERR_INVALID, NULL, "failed to parse node selector %s: %s", json_text(j->run, selector, 0),
                    why.msg);
  }
  id = s->every ? world_text(w, d->name) : device_id(w, number, j->run);
  return kerr_set(reterr, KERR_INVALID, NULL, "claim %s, request %s: checking capacity for device %s: %s", c->id,
                  s->name, id, slot_need_of(j, s, d->caps)->need.error);
}
