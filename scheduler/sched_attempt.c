/* One attempt at one pod: claims, nodes, scores; then binding, or a reason why not. */
#include <stdio.h>
#include <string.h>

#include "ceilings.h"
#include "sched_internal.h"

#define NOT_HELPFUL "Preemption is not helpful for scheduling"
#define NO_VICTIMS  "No preemption victims found for incoming pod"

struct search {
  struct sched_attempt *t;
  struct sched_tally *reasons, *preemption;
  unsigned needs;
  const struct sched_node *best;
  struct json **best_allocations;
  int64_t best_score;
  size_t feasible, wanted;
  bool claims_unavailable; /* some node was refused because an allocation is of no use there */
};

/* How many feasible nodes are enough (schedule_one.go: numFeasibleNodesToFind with its adaptive percentage). */
static size_t
enough_nodes(size_t all)
{
  const size_t least = 100;
  size_t percent, n;

  if (all < least)
    return all;
  percent = all / 125 < 45 ? 50 - all / 125 : 5;
  n = all * percent / 100;
  return n < least ? least : n;
}

static void
refuse_node(struct search *q, const char *const *reasons, size_t n, bool resolvable)
{
  for (size_t i = 0; i < n; i++)
    sched_tally_add(q->reasons, reasons[i]);
  sched_tally_add(q->preemption, resolvable ? NO_VICTIMS : NOT_HELPFUL);
}

/* Best score first; then the emptier node, then the name: upstream draws lots here, we give the same world the same
 * answer. */
static bool
is_better(const struct search *q, const struct sched_node *n, int64_t score)
{
  size_t mine = hmap_count(n->pods), theirs = q->best ? hmap_count(q->best->pods) : 0;

  if (!q->best || score != q->best_score)
    return !q->best || score > q->best_score;
  return mine != theirs ? mine < theirs : strcmp(n->name, q->best->name) < 0;
}

static void
consider(struct search *q, const struct sched_node *n, struct json **allocations)
{
  int64_t score = sched_score(&q->t->subject, n) + sched_claims_score(q->t, allocations);

  q->feasible++;
  if (is_better(q, n, score)) {
    q->best = n;
    q->best_score = score;
    q->best_allocations = allocations;
  }
}

static int
try_node(struct search *q, const struct sched_node *n, struct kerr *reterr)
{
  struct sched_verdict v;
  struct json **allocations = NULL;
  const char *why;
  bool fits;
  int r = sched_filter(&q->t->subject, n, &fits, &v, reterr);

  if (r < 0)
    return kerr_wrap(reterr, "running \"NodeAffinity\" filter plugin");
  if (!fits) {
    refuse_node(q, v.reasons, v.n, v.resolvable);
    q->needs |= v.needs;
    return 0;
  }
  r = sched_claims_filter(q->t, n, &fits, &why, &allocations, reterr);
  if (r < 0)
    return kerr_wrap(reterr, "running \"DynamicResources\" filter plugin");
  if (!fits) {
    refuse_node(q, &why, 1, false);
    q->claims_unavailable |= strcmp(why, SCHED_CLAIM_UNAVAILABLE) == 0;
    q->needs |= SCHED_NEEDS_DEVICES | SCHED_NEEDS_CLAIMS | SCHED_NEEDS_NODE;
    return 0;
  }
  consider(q, n, allocations);
  return 0;
}

static int
search_nodes(struct search *q, struct kerr *reterr)
{
  struct scheduler *s = q->t->s;
  size_t all = sched_nodes_count(s->nodes), start = all ? s->next_node % all : 0, tried = 0;

  q->wanted = enough_nodes(all);
  for (; tried < all && q->feasible < q->wanted; tried++) {
    int r = try_node(q, sched_nodes_at(s->nodes, (start + tried) % all), reterr);

    if (r < 0)
      return r;
  }
  s->next_node = all ? (start + tried) % all : 0;
  return 0;
}

static const char *
with_preemption(struct search *q, const char *text)
{
  size_t all = sched_nodes_count(q->t->s->nodes);

  return arena_printf(q->t->a, "%s preemption: %s", text, sched_tally_text(q->preemption, all));
}

/* No node at all fits: upstream's FitError. */
static struct sched_refusal
fit_error(struct search *q)
{
  size_t all = sched_nodes_count(q->t->s->nodes);

  return (struct sched_refusal){
    .message = with_preemption(q, sched_tally_text(q->reasons, all)),
    .reasons = q->needs | SCHED_NEEDS_NODE,
  };
}

/* PreFilter said no for every node alike. */
static struct sched_refusal
prefilter_error(struct search *q, const struct sched_refusal *why)
{
  struct sched_refusal r = *why;
  size_t all = sched_nodes_count(q->t->s->nodes);

  for (size_t i = 0; i < all; i++)
    sched_tally_add(q->preemption, NOT_HELPFUL);
  r.message = with_preemption(q, arena_printf(q->t->a, "0/%zu nodes are available: %s.", all, why->message));
  return r;
}

static void
refuse(struct scheduler *s, struct sched_pod *pod, const struct sched_refusal *why)
{
  if (why->error)
    sched_queue_backoff(s->queue, pod);
  else
    sched_queue_wait(s->queue, pod, why->reasons);
  sched_report_refusal(s, pod, why);
}

static void
attempt(struct sched_attempt *t)
{
  struct search q = { .t = t, .reasons = sched_tally_new(t->a), .preemption = sched_tally_new(t->a) };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct sched_refusal why = { .silent = false };

  if (!sched_claims_prepare(t, &why)) {
    if (!why.silent && !why.error)
      why = prefilter_error(&q, &why);
    refuse(t->s, t->pod, &why);
  } else if (sched_nodes_count(t->s->nodes) == 0) {
    refuse(t->s, t->pod,
           &(struct sched_refusal){ .message = "no nodes available to schedule pods", .reasons = SCHED_NEEDS_NODE });
  } else if (search_nodes(&q, &err) < 0) {
    refuse(t->s, t->pod, &(struct sched_refusal){ .error = true, .message = err.msg });
  } else if (!q.best) {
    why = fit_error(&q);
    refuse(t->s, t->pod, &why);
    if (q.claims_unavailable) /* the claim's change wakes the pod */
      (void)sched_claims_postfilter(t);
  } else {
    sched_bind_start(t, q.best, q.best_allocations);
  }
}

void
sched_attempt_pod(struct scheduler *s, struct sched_pod *pod)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
  const struct json *tree = record_tree(pod->pod);
  struct sched_attempt t = {
    .s = s,
    .a = a,
    .pod = pod,
    .tree = tree,
    .subject = { .a = a, .pod = tree, .spec = json_get(tree, "spec"), .requests = sched_pod_requests(a, tree) },
  };

  if (json_count(json_dig(tree, "spec", "schedulingGates", NULL)) > 0) {
    sched_queue_wait(s->queue, pod, 0); /* its own update makes it active */
    sched_report_gated(s, pod);
    return;
  }
  attempt(&t);
  sched_claims_release(&t);
}
