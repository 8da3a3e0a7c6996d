/* One attempt at one pod: claims, nodes, scores; then binding, or a reason why not. */
#include <stdio.h>
#include <string.h>

#include "ceilings.h"
#include "classic.h"

#define NOT_HELPFUL "Preemption is not helpful for scheduling"
#define NO_VICTIMS  "No preemption victims found for incoming pod"

#define SILENT_POSTFILTER_SINCE 37

#define AFFINITY_WEIGHT 2 /* upstream: of NodeAffinity in the default plugins */

/* A node that fits. */
struct candidate {
  const struct sched_node *node;
  struct json **allocations;
  int64_t score;    /* of everything but: */
  int64_t affinity; /* the weights of preferred node affinities, not yet on a scale */
};

struct search {
  struct sched_attempt *t;
  struct sched_tally *reasons, *preemption;
  unsigned needs;
  struct candidate *candidates;
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

/* On the scale of the other scores, with the weight of upstream's default profile. */
static int64_t
total_score(const struct candidate *c, int64_t most)
{
  return c->score + (most > 0 ? AFFINITY_WEIGHT * (100 * c->affinity / most) : 0);
}

/*
 * Among equals: a node that drivers were asked about and did not refuse, or two that are refused in turn would be
 * chosen for ever; then the emptier node, then the name. Upstream draws lots here, we give the same world the same
 * answer.
 */
static bool
comes_first(const struct search *q, const struct candidate *c, const struct candidate *than)
{
  bool asked = classic_was_asked(q->t, c->node->name), than_asked = classic_was_asked(q->t, than->node->name);
  size_t mine = hmap_count(c->node->pods), theirs = hmap_count(than->node->pods);

  if (asked != than_asked)
    return asked;
  return mine != theirs ? mine < theirs : strcmp(c->node->name, than->node->name) < 0;
}

static const struct candidate *
best_of(const struct search *q)
{
  const struct candidate *best = NULL;
  int64_t most = 0, best_score = 0;

  for (size_t i = 0; i < q->feasible; i++)
    most = q->candidates[i].affinity > most ? q->candidates[i].affinity : most;
  for (size_t i = 0; i < q->feasible; i++) {
    const struct candidate *c = &q->candidates[i];
    int64_t score = total_score(c, most);

    if (best && (score != best_score ? score < best_score : !comes_first(q, c, best)))
      continue;
    best = c;
    best_score = score;
  }
  return best;
}

static int
consider(struct search *q, const struct sched_node *n, struct json **allocations, struct kerr *reterr)
{
  struct candidate *c = &q->candidates[q->feasible];

  *c = (struct candidate){
    .node = n,
    .allocations = allocations,
    .score = sched_score(&q->t->subject, n) + sched_claims_score(q->t, allocations),
  };
  if (sched_affinity(&q->t->subject, n, &c->affinity, reterr) < 0)
    return kerr_wrap(reterr, "running \"NodeAffinity\" score plugin");
  q->feasible++;
  return 0;
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
  return consider(q, n, allocations, reterr);
}

static int
search_nodes(struct search *q, struct kerr *reterr)
{
  struct scheduler *s = q->t->s;
  size_t all = sched_nodes_count(s->nodes), start = all ? s->next_node % all : 0, tried = 0;

  q->wanted = enough_nodes(all);
  q->candidates = arena_array_of(q->t->a, struct candidate, q->wanted);
  for (; tried < all && q->feasible < q->wanted; tried++) {
    int r = try_node(q, sched_nodes_at(s->nodes, (start + tried) % all), reterr);

    if (r < 0)
      return r;
  }
  s->next_node = all ? (start + tried) % all : 0;
  return 0;
}

/* `post`: what the DRA plugin's PostFilter said; NULL: it helped, and so preemption was not asked. */
static const char *
with_postfilter(struct search *q, const char *text, const char *post)
{
  size_t all = sched_nodes_count(q->t->s->nodes);
  /* until 1.28 a full stop too many */
  const char *stop = q->t->s->minor < 29 ? "." : "";

  if (!post)
    return text;
  return arena_printf(q->t->a, "%s %s%spreemption: %s%s", text, post, *post ? ", " : "",
                      sched_tally_text(q->preemption, all), stop);
}

/* No node at all fits: upstream's FitError. */
static struct sched_refusal
fit_error(struct search *q, const char *post)
{
  size_t all = sched_nodes_count(q->t->s->nodes);

  return (struct sched_refusal){
    .message = with_postfilter(q, sched_tally_text(q->reasons, all), post),
    .reasons = q->needs | SCHED_NEEDS_NODE,
  };
}

/* PreFilter said no for every node alike. */
static struct sched_refusal
prefilter_error(struct search *q, const struct sched_refusal *why, const char *post)
{
  struct sched_refusal r = *why;
  size_t all = sched_nodes_count(q->t->s->nodes);

  for (size_t i = 0; i < all; i++)
    sched_tally_add(q->preemption, NOT_HELPFUL);
  r.message = with_postfilter(q, arena_printf(q->t->a, "0/%zu nodes are available: %s.", all, why->message), post);
  return r;
}

static void
refuse(struct scheduler *s, struct sched_pod *pod, const struct sched_refusal *why)
{
  if (why->error)
    sched_queue_backoff(s->queue, pod);
  else if (s->classic && !why->silent)
    sched_queue_wait_and_backoff(s->queue, pod, why->reasons);
  else
    sched_queue_wait(s->queue, pod, why->reasons);
  sched_report_refusal(s, pod, why);
}

/*
 * What the DRA plugin's PostFilter does and says, before the pod is told; from 1.37 on it says nothing, and acts
 * afterwards. `prepared`: PreFilter came to its end.
 */
static const char *
postfilter(struct search *q, bool prepared)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct scheduler *s = q->t->s;
  const char *post;

  if (s->minor >= SILENT_POSTFILTER_SINCE || !personality_gate(s->config.personality, "DynamicResourceAllocation"))
    return "";
  if (!s->classic && (!prepared || q->t->n_claims == 0))
    return "no new claims to deallocate";
  if (!s->classic)
    return q->claims_unavailable && sched_claims_postfilter(q->t) ? "deallocation of ResourceClaim completed"
                                                                  : "still not schedulable";
  post = classic_postfilter(q->t, &err);
  if (err.code != KERR_OK)
    log_warn(s->config.log, "scheduler", "pod %s: deallocate a claim: %s", q->t->pod->key, err.msg);
  return post;
}

static int
reserve(struct search *q, const struct candidate *best, struct json ***allocations, struct kerr *reterr)
{
  const char **names;

  if (!q->t->classic)
    return 0;
  names = arena_array_of(q->t->a, const char *, q->feasible);
  for (size_t i = 0; i < q->feasible; i++)
    names[i] = q->candidates[i].node->name;
  return classic_reserve(q->t, best->node, names, q->feasible, allocations, reterr);
}

static void
attempt(struct sched_attempt *t)
{
  struct search q = { .t = t, .reasons = sched_tally_new(t->a), .preemption = sched_tally_new(t->a) };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct sched_refusal why = { .silent = false };
  const struct candidate *best;
  struct json **allocations;

  if (!sched_claims_prepare(t, &why)) {
    if (!why.silent && !why.error)
      why = prefilter_error(&q, &why, postfilter(&q, false));
    refuse(t->s, t->pod, &why);
    return;
  }
  if (sched_nodes_count(t->s->nodes) == 0) {
    refuse(t->s, t->pod,
           &(struct sched_refusal){ .message = "no nodes available to schedule pods", .reasons = SCHED_NEEDS_NODE });
    return;
  }
  if (search_nodes(&q, &err) < 0) {
    refuse(t->s, t->pod, &(struct sched_refusal){ .error = true, .message = err.msg });
    return;
  }
  best = best_of(&q);
  if (!best) {
    why = fit_error(&q, postfilter(&q, true));
    refuse(t->s, t->pod, &why);
    if (q.claims_unavailable && t->s->minor >= SILENT_POSTFILTER_SINCE) /* the claim's change wakes the pod */
      (void)sched_claims_postfilter(t);
    return;
  }
  allocations = best->allocations;
  if (reserve(&q, best, &allocations, &err) < 0)
    refuse(t->s, t->pod, &(struct sched_refusal){ .error = true, .message = err.msg });
  else
    sched_bind_start(t, best->node, allocations);
}

struct sched_attempt
sched_attempt_of(struct scheduler *s, struct arena *a, struct sched_pod *pod)
{
  struct sched_attempt t = { .s = s, .a = a, .pod = pod, .tree = record_tree(pod->pod) };

  sched_subject_init(&t.subject, a, t.tree);
  return t;
}

void
sched_attempt_pod(struct scheduler *s, struct sched_pod *pod)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
  struct sched_attempt t = sched_attempt_of(s, a, pod);

  if (json_count(json_get(t.subject.spec, "schedulingGates")) > 0) {
    sched_queue_wait(s->queue, pod, 0); /* its own update makes it active */
    sched_report_gated(s, pod);
    return;
  }
  t.subject.requests = sched_pod_requests(a, t.tree);
  attempt(&t);
  sched_claims_release(&t);
}
