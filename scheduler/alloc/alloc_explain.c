/* Reasons, collected: see alloc_explain.h. */
#include "alloc_explain.h"

#include <string.h>

#include "alloc_search.h"
#include "alloc_usage.h"

#define EXPLAIN_BUDGET 200000 /* steps without pruning; the place that was best by then is explained */

/* What one explanation works with. */
struct explainer {
  struct alloc_job *j;
  struct alloc_world *w;
  const struct view *v;
  struct arena *a;
  struct search *s; /* in the state where it got stuck */
  const struct stuck *stuck;
};

static struct alloc_rejection
reason(struct explainer *e, uint32_t device, enum alloc_reason r, const char *detail)
{
  return (struct alloc_rejection){ .device = device_id(e->w, e->v->devices[device], e->a),
                                   .reason = r,
                                   .detail = arena_strdup(e->a, detail) };
}

/* -- whatever else happens -- */

/* Is the name mentioned as a word of its own, as in .name, ["name"] or .?name? */
static bool
mentions(const char *text, struct span name)
{
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

  for (const char *at = text; name.n && (at = memmem(at, strlen(at), name.p, name.n)); at++)
    if (at > text && strchr(".?\"'", at[-1]) && (at[name.n] == '\0' || !strchr(letters, at[name.n])))
      return true;
  return false;
}

/* "model: A100, memory: 40Gi": what the device has of what the expression mentions. */
static const char *
values_mentioned(struct explainer *e, uint32_t number, const char *text)
{
  static const char *const lists[] = { "attributes", "capacity" };
  const char *all = "";

  for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
    for (json_each_member (m, json_get(device_json(e->w, number), lists[i]))) {
      const char *slash = strrchr(m->name, '/');
      struct span name = span_of(slash ? slash + 1 : m->name);
      const struct json *value = json_count(m->value) ? m->value->u.members[0].value : m->value;

      if (i == 1)
        value = json_get(m->value, "value");
      if (value && mentions(text, name))
        all = arena_printf(e->a, "%s%s%s: %s", all, *all ? ", " : "", name.p,
                           json_str(value) ? json_str(value) : json_text(e->a, value, 0));
    }
  return all;
}

static const char *
selector_detail(struct explainer *e, struct slot *s, uint32_t number)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  uint32_t selector, index;
  struct cel_device *d;
  const char *why = "", *whose, *values;
  bool class;

  if (!filter_first_no(e->w, s->filter, number, &selector, &index, &class))
    return "";
  d = world_cel_device(e->w, number, e->a, &err);
  if (d)
    why = cel_selector_why_not(e->w->selectors[selector].program, d, e->a);
  if (!*why)
    why = world_text(e->w, e->w->selectors[selector].text);
  whose =
      class ? arena_printf(e->a, "class %s", json_get_str_or(json_get(s->class, "metadata"), "name", "")) : "request";
  values = values_mentioned(e, number, why);
  return arena_printf(e->a, "#%u of the %s, %s%s%s%s", index, whose, why, *values ? " (it has " : "", values,
                      *values ? ")" : "");
}

/* The same for all devices it is about, so that they are counted together. */
static const char *
error_detail(struct explainer *e, uint32_t number, const char *text)
{
  const char *who = arena_printf(e->a, " on device %s", device_id(e->w, number, e->a)), *at = strstr(text, who);

  return at ? arena_printf(e->a, "%.*s%s", (int)(at - text), text, at + strlen(who)) : arena_strdup(e->a, text);
}

static const char *
taint_detail(struct explainer *e, const struct json *taint)
{
  const char *value = json_get_str_or(taint, "value", "");

  return arena_printf(e->a, "%s%s%s:%s", json_get_str_or(taint, "key", ""), *value ? "=" : "", value,
                      json_get_str_or(taint, "effect", ""));
}

static const char *
holder_detail(struct explainer *e, uint32_t number)
{
  const struct use *use = e->w->uses[number];

  return use && use->by ? arena_printf(e->a, "by claim %s", use->by) : "";
}

static const char *
amount_text(struct explainer *e, amount n)
{
  struct measure m = n % AMOUNT_ONE ? measure_from_milli((int64_t)(n / (AMOUNT_ONE / 1000)), QUANTITY_DECIMAL_SI)
                                    : measure_from_int((int64_t)(n / AMOUNT_ONE), QUANTITY_BINARY_SI);

  return quantity_text(e->a, &m.q);
}

/* What other claims' shares have left of a device, and who holds them. */
static const char *
shares_detail(struct explainer *e, struct slot *s, uint32_t number)
{
  const struct cap_shape *shape = e->w->devices[number].caps;
  const struct slot_need *need = slot_need_of(e->j, s, shape);
  const struct use *use = e->w->uses[number];

  for (uint32_t i = 0; use && shape && i < shape->n; i++)
    for (size_t k = 0; k < use->n_v; k++)
      if (strcmp(use->v[k].name, world_text(e->w, shape->v[i].name)) == 0 &&
          need->need.takes[i].n + use->v[k].n > shape->v[i].value.n)
        return arena_printf(e->a, "%s of \"%s\" wanted, %s of %s left, shared %s",
                            quantity_text(e->a, &need->need.takes[i].q), use->v[k].name,
                            amount_text(e, shape->v[i].value.n - use->v[k].n),
                            quantity_text(e->a, &shape->v[i].value.q), holder_detail(e, number));
  return holder_detail(e, number);
}

static const char *
capacity_detail(struct explainer *e, struct slot *s, uint32_t number)
{
  const struct cap_shape *shape = e->w->devices[number].caps;
  const struct slot_need *need = slot_need_of(e->j, s, shape);

  if (need->need.verdict == CAP_SKIPPED)
    return arena_strdup(e->a, need->need.why);
  for (uint32_t i = 0; shape && i < shape->n; i++)
    if (need->need.takes[i].n > shape->v[i].value.n)
      return arena_printf(e->a, "%s of \"%s\" wanted, the device has %s", quantity_text(e->a, &need->need.takes[i].q),
                          world_text(e->w, shape->v[i].name), quantity_text(e->a, &shape->v[i].value.q));
  return shares_detail(e, s, number);
}

static struct alloc_rejection
barred(struct explainer *e, struct slot *s, uint32_t device)
{
  uint32_t number = e->v->devices[device];
  const struct json *taint = slot_taint(e->j, s, &e->w->devices[number]);

  if (!e->w->features.partitionable_devices && e->w->devices[number].flags & DEVICE_DRAWS)
    return reason(e, device, ALLOC_REASON_PARTITIONS, "");
  if (taint)
    return reason(e, device, ALLOC_REASON_TAINT, taint_detail(e, taint));
  return reason(e, device, ALLOC_REASON_OPERATIONS, "");
}

static struct alloc_rejection
wrong(struct explainer *e, struct slot *s, uint32_t device)
{
  uint32_t number = e->v->devices[device];

  if (!e->w->features.device_binding_and_status && e->w->devices[number].flags & DEVICE_NEEDS_BINDING)
    return reason(e, device, ALLOC_REASON_BINDING, "");
  if (filter_ask(e->w, s->filter, number) == FILTER_NO)
    return reason(e, device, ALLOC_REASON_SELECTOR, selector_detail(e, s, number));
  if (e->v->elsewhere && bit_get(e->v->elsewhere, device))
    return reason(e, device, ALLOC_REASON_NODE, "");
  return reason(e, device, ALLOC_REASON_CAPACITY, capacity_detail(e, s, number));
}

static struct alloc_rejection
look(struct explainer *e, struct slot *s, uint32_t device)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (!s->admin && bit_get(e->s->dedicated, device)) {
    struct alloc_rejection r = reason(e, device, ALLOC_REASON_IN_USE, holder_detail(e, e->v->devices[device]));

    r.only = slot_ask(e->j, s, e->v, device) == SLOT_YES;
    return r;
  }
  switch (slot_ask(e->j, s, e->v, device)) {
  case SLOT_NO:
    return wrong(e, s, device);
  case SLOT_ERROR:
    slot_error(e->j, s, e->v, device, &err);
    return reason(e, device, ALLOC_REASON_ERROR, error_detail(e, e->v->devices[device], err.msg));
  case SLOT_BARRED:
    return barred(e, s, device);
  case SLOT_YES:
    break;
  }
  return reason(e, device, ALLOC_REASON_NONE, "");
}

/* -- where the search got stuck -- */

static const char *
value_text(struct explainer *e, uint32_t value)
{
  if (value == ATTR_MISSING)
    return "nothing";
  return value & ATTR_COMPOSITE ? "a list" : arena_printf(e->a, "\"%s\"", strings_text(e->w->atoms, value) + 1);
}

static const char *
constraint_detail(struct explainer *e, const struct refusal *why)
{
  const struct constraint *c = &e->j->constraints[why->constraint];
  const char *kind = c->distinct ? "distinctAttribute" : "matchAttribute";

  if (why->value == ATTR_MISSING)
    return arena_printf(e->a, "%s %s: the device does not have it", kind, c->attribute);
  if (c->distinct)
    return arena_printf(e->a, "%s %s: %s is taken", kind, c->attribute, value_text(e, why->value));
  return arena_printf(e->a, "%s %s: %s, but %s is wanted", kind, c->attribute, value_text(e, why->value),
                      value_text(e, c->n ? c->values[c->n - 1] : ATTR_MISSING));
}

static amount
drawn(const struct counters *c, uint32_t local, uint32_t counter)
{
  amount sum = 0;

  for (uint32_t i = c->draw_at[local]; i < c->draw_at[local + 1]; i++)
    if (c->draws[i].counter == counter)
      sum = amount_add(sum, c->draws[i].amount);
  return sum;
}

static const char *
counter_detail(struct explainer *e, uint32_t device, uint32_t place)
{
  const struct view_pool *p = &e->v->pools[e->v->pool_of[device]];
  const struct counters *c = p->counters;
  const char *set = "";

  for (uint32_t i = 0; i < c->n_sets; i++)
    if (place >= c->sets[i].first && place < c->sets[i].first + c->sets[i].n)
      set = world_text(e->w, c->sets[i].name);
  return arena_printf(e->a, "%s of set %s: %s wanted, %s of %s left", world_text(e->w, c->names[place]), set,
                      amount_text(e, drawn(c, device - p->first, place)),
                      amount_text(e, c->available[place] - e->s->consumed[e->v->pool_of[device]][place]),
                      amount_text(e, c->total[place]));
}

static const char *
taker_detail(struct explainer *e, uint32_t slot, uint32_t device)
{
  for (uint32_t i = 0; i < e->s->n_picks; i++)
    if (e->s->picks[i].device == device) {
      const struct slot *s = &e->j->slots[e->s->picks[i].slot];

      if (e->s->picks[i].slot == slot)
        return "for this request";
      return arena_printf(e->a, "for request %s of claim %s", s->parent ? s->parent : s->name,
                          e->j->claims[s->claim].id);
    }
  return "";
}

static struct alloc_rejection
try_take(struct explainer *e, uint32_t slot, uint32_t device)
{
  struct refusal why = { .by = REFUSED_SHARES };
  bool failed = false;

  if (search_blocked(e->s, &e->j->slots[slot], device))
    return reason(e, device, ALLOC_REASON_TAKEN, taker_detail(e, slot, device));
  e->s->refusal = &why;
  if (search_take(e->s, slot, device, false, &failed)) {
    search_undo(e->s);
    return reason(e, device, ALLOC_REASON_NONE, "");
  }
  if (failed) {
    const char *text = error_detail(e, e->v->devices[device], e->s->err->msg);

    kerr_release(e->s->err);
    return reason(e, device, ALLOC_REASON_ERROR, text);
  }
  switch (why.by) {
  case REFUSED_GROUPS:
    return reason(e, device, ALLOC_REASON_GROUPS, "");
  case REFUSED_COUNTER:
    return reason(e, device, ALLOC_REASON_COUNTER, counter_detail(e, device, why.counter));
  case REFUSED_CONSTRAINT:
    return reason(e, device, ALLOC_REASON_CONSTRAINT, constraint_detail(e, &why));
  case REFUSED_SHARES:
    break;
  }
  return reason(e, device, ALLOC_REASON_SHARES, holder_detail(e, e->v->devices[device]));
}

/* -- one request -- */

static void
count_reason(struct alloc_request_why *r, const struct alloc_rejection *d)
{
  struct alloc_reason_count *c;
  size_t i;

  for (i = 0; i < r->n_reasons; i++)
    if (r->reasons[i].reason == d->reason && strcmp(r->reasons[i].detail, d->detail) == 0)
      break;
  if (i == r->n_reasons)
    r->reasons[r->n_reasons++] =
        (struct alloc_reason_count){ .reason = d->reason, .detail = d->detail, .example = d->device };
  r->reasons[i].n++;
  for (; i > 0 && r->reasons[i].n > r->reasons[i - 1].n; i--) {
    c = &r->reasons[i];
    struct alloc_reason_count t = c[-1];

    c[-1] = *c;
    *c = t;
  }
}

/*
 * How close it came: what is looked at later, closer. That a device is in use counts as much as a taint when nothing
 * else is wrong with it; that another request of the same pod has it is nothing one could change.
 */
static unsigned
closeness(const struct alloc_rejection *d)
{
  if (d->reason == ALLOC_REASON_TAKEN)
    return 0;
  return d->only ? ALLOC_REASON_TAINT * 2 - 1 : (unsigned)d->reason * 2 + 1;
}

static const char *
nearest(struct explainer *e, const struct alloc_request_why *r)
{
  const struct alloc_rejection *best = NULL;

  for (size_t i = 0; i < r->n_devices; i++)
    if (r->devices[i].reason != ALLOC_REASON_NONE && (!best || closeness(&r->devices[i]) > closeness(best)))
      best = &r->devices[i];
  if (!best)
    return "";
  return arena_printf(e->a, "%s: %s%s%s; it would take %s", best->device, alloc_reason_text(best->reason),
                      *best->detail ? ", " : "", best->detail, alloc_reason_change(best->reason));
}

static void
explain_slot(struct explainer *e, uint32_t slot, struct alloc_request_why *r)
{
  struct slot *s = &e->j->slots[slot];

  *r = (struct alloc_request_why){ .claim = arena_strdup(e->a, e->j->claims[s->claim].id),
                                   .request = s->parent ? arena_printf(e->a, "%s/%s", s->parent, s->name)
                                                        : arena_strdup(e->a, s->name),
                                   .need = s->need,
                                   .stuck = e->stuck->any && e->stuck->slot == slot,
                                   .devices = arena_array_of(e->a, struct alloc_rejection, e->v->n + 1),
                                   .reasons = arena_array_of(e->a, struct alloc_reason_count, e->v->n + 1),
                                   .nearest = "" };
  for (uint32_t d = 0; d < e->v->n; d++) {
    struct alloc_rejection one = look(e, s, d);

    if (one.reason == ALLOC_REASON_NONE && r->stuck) {
      slot_ask_word(e->j, s, e->v, d / 64);
      one = try_take(e, slot, d);
    }
    r->devices[r->n_devices++] = one;
    if (one.reason == ALLOC_REASON_NONE)
      r->fitting++;
    else
      count_reason(r, &one);
  }
  if (r->stuck)
    r->found = e->stuck->index;
  if (s->every && r->stuck)
    r->need = s->need ? s->need : 1;
  if (r->stuck || r->fitting < r->need)
    r->nearest = nearest(e, r);
}

/* Pick again what had been picked where the search got stuck. */
static void
replay(struct search *s, const struct stuck *k)
{
  bool failed = false;

  for (uint32_t i = 0; i < k->n_picks; i++) {
    slot_ask_word(s->j, &s->j->slots[k->picks[i].slot], s->v, k->picks[i].device / 64);
    if (!search_take(s, k->picks[i].slot, k->picks[i].device, false, &failed) && failed)
      kerr_release(s->err);
  }
}

static const char *
pool_text(struct explainer *e, const struct view_pool *p)
{
  const char *id = arena_printf(e->a, "pool %s/%s", world_text(e->w, p->pool->driver), world_text(e->w, p->pool->name));
  const struct slice *newest = p->pool->n ? p->pool->slices[0] : NULL;
  uint32_t n = 0;

  if (p->state == POOL_INVALID)
    return arena_printf(e->a, "%s is invalid: %s", id, p->reason);
  for (uint32_t i = 0; i < p->pool->n; i++)
    if (p->pool->slices[i]->generation > newest->generation)
      newest = p->pool->slices[i];
  for (uint32_t i = 0; i < p->pool->n; i++)
    n += p->pool->slices[i]->generation == newest->generation;
  return arena_printf(e->a, "%s is incomplete: %u of %lld slices of generation %lld are there", id, n,
                      newest ? (long long)newest->slice_count : 0, newest ? (long long)newest->generation : 0);
}

static void
explain_pools(struct explainer *e, struct alloc_explanation *x)
{
  x->pools = arena_array_of(e->a, const char *, e->v->n_pools + 2);
  for (uint32_t i = 0; i < e->v->n_pools; i++)
    if (e->v->pools[i].state != POOL_USABLE)
      x->pools[x->n_pools++] = pool_text(e, &e->v->pools[i]);
  if (e->v->n_pools == 0)
    x->pools[x->n_pools++] = "no slice is for this node";
}

struct alloc_explanation *
alloc_job_explain(struct alloc_job *j, const struct alloc_usage *u, const struct json *node, struct arena *a)
{
  struct alloc_explanation *x = arena_new_of(a, struct alloc_explanation);
  struct stuck stuck = { 0 };
  struct search_limits limits = { .budget = EXPLAIN_BUDGET, .plain = true, .stuck = &stuck };
  _cleanup_kerr_ struct kerr err = KERR_INIT, ignored = KERR_INIT;
  struct explainer e = { .j = j, .w = j->w, .a = a, .stuck = &stuck };
  struct alloc_answer answer;
  struct search s;
  int r = job_run(j, u, node, &limits, &answer, &err);

  e.v = j->view;
  x->node = arena_strdup(a, world_text(j->w, j->node->name));
  x->error = r < 0 ? arena_strdup(a, err.msg) : NULL;
  x->fits = r == 0 && answer.outcome == ALLOC_OK;
  explain_pools(&e, x);
  if (!x->fits && !j->view->error) {
    search_init(&s, j, &limits, &ignored);
    s.stuck = NULL;
    e.s = &s;
    replay(&s, &stuck);
    x->requests = arena_array_of(a, struct alloc_request_why, j->n_slots + 1);
    for (uint32_t i = 0; i < j->n_slots; i++)
      if (!j->slots[i].error && j->slots[i].filter)
        explain_slot(&e, i, &x->requests[x->n_requests++]);
    search_release(&s);
  }
  free(stuck.picks);
  return x;
}
