/*
 * Which pods a change may help (isSchedulableAfter... in the plugin; before 1.28 every pod that had failed there).
 */
#include <string.h>

#include "ceilings.h"
#include "claim.h"
#include "classic.h"

/* A pod that failed in the plugin and may be tried again, or is being tried. */
static bool
is_interested(const struct sched_pod *p)
{
  return p->place == SCHED_AWAY || (p->place == SCHED_WAITING && p->reasons & SCHED_NEEDS_CLAIMS);
}

/* What a pod's hint is asked about. */
struct question {
  const struct kclient_change *change;
  const struct json *now, *before; /* before: NULL when it is new */
};

static void
ask_pods(struct scheduler *s, const struct kclient_change *change,
         bool (*helps)(struct sched_attempt *t, const struct question *q))
{
  const struct question q = {
    .change = change,
    .now = record_tree(change->record),
    .before = change->old ? record_tree(change->old) : NULL,
  };
  struct sched_pod *p;
  size_t cursor = 0;

  if (!s->classic->rules->hints) {
    sched_queue_wake(s->queue, SCHED_NEEDS_CLAIMS);
    return;
  }
  while ((p = sched_queue_next(s->queue, &cursor)) != NULL) {
    _cleanup_arena_ struct arena *a = NULL;
    struct sched_attempt t;

    if (!is_interested(p))
      continue;
    a = arena_new(CEIL_ARENA_SMALL);
    t = sched_attempt_of(s, a, p);
    if (helps(&t, &q))
      sched_queue_poke(s->queue, p, SCHED_NEEDS_CLAIMS);
  }
}

/* -- contexts -- */

static bool
is_selected_unsuitable(const struct json *context)
{
  const char *selected = classic_selected_node(context);

  for (json_each_item (p, json_dig(context, "status", "resourceClaims", NULL)))
    if (*selected && classic_is_unsuitable(*p, selected))
      return true;
  return false;
}

/* Some driver has still to say something. 1.31 counted claims of the scheduler, too. */
static bool
lacks_answers(const struct sched_attempt *t, const struct json *context)
{
  for (size_t i = 0; i < t->n_claims; i++) {
    const struct json *claim = t->claims[i].tree;
    bool delayed =
        !t->s->dra->alpha || strcmp(json_get_str_or(json_get(claim, "spec"), "allocationMode", ""), "Immediate") != 0;

    if (delayed && !claim_allocation(claim) && !classic_answer(context, t->claims[i].entry))
      return true;
  }
  return false;
}

static bool
context_helps(struct sched_attempt *t, const struct question *q)
{
  const char *why;

  if (strcmp(object_name(q->now), object_name(t->tree)) != 0 ||
      strcmp(object_namespace(q->now), object_namespace(t->tree)) != 0)
    return false;
  if (!sched_claims_resolve(t, &why) || lacks_answers(t, q->now))
    return false;
  if (!q->before || classic_answers(q->before) < classic_answers(q->now) || is_selected_unsuitable(q->now))
    return true;
  return json_equal(json_get(q->before, "spec"), json_get(q->now, "spec")) ||
         !json_equal(json_get(q->before, "status"), json_get(q->now, "status"));
}

void
classic_context_changed(struct scheduler *s, const struct kclient_change *change)
{
  kclient_cache_apply(s->classic->contexts, change);
  if (change->type != KCLIENT_DELETED) /* we delete them ourselves */
    ask_pods(s, change, context_helps);
}

/* -- claims -- */

/* A structured claim was deallocated: what it held may do for any pod. */
static bool
frees_devices(const struct kclient_dra *api, const struct question *q)
{
  const struct json *held = q->before ? claim_allocation(q->before) : NULL;

  if (!held || claim_allocation(q->now))
    return false;
  if (!api->alpha)
    return !*json_get_str_or(held, "controller", "");
  for (json_each_item (p, json_get(held, "resourceHandles")))
    if (json_get(*p, "structuredData"))
      return true;
  return false;
}

static bool
claim_helps(struct sched_attempt *t, const struct question *q)
{
  bool uses = false;
  const char *why;

  if (!sched_claims_resolve(t, &why))
    return false;
  if (frees_devices(t->s->dra, q))
    return true;
  for (size_t i = 0; i < t->n_claims; i++)
    uses = uses || strcmp(object_uid(t->claims[i].tree), object_uid(q->now)) == 0;
  return uses && (!q->before || !json_equal(json_get(q->before, "status"), json_get(q->now, "status")));
}

void
classic_claim_changed(struct scheduler *s, const struct kclient_change *change)
{
  if (change->type != KCLIENT_DELETED)
    ask_pods(s, change, claim_helps);
}

/* -- 1.30 -- */

void
classic_parameters_changed(struct scheduler *s, struct kclient_cache *cache, const struct kclient_change *change,
                           unsigned reasons)
{
  kclient_cache_apply(cache, change);
  if (change->type != KCLIENT_DELETED)
    sched_queue_wake(s->queue, reasons);
}
