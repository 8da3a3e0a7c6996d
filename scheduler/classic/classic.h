/*
 * classic - DRA from 1.26 to 1.31: claims that a driver's own controller allocates, negotiated node by node with the
 * scheduler through a PodSchedulingContext (KEP-3063); beside them the structured claims of 1.30 and 1.31.
 *
 * The plugin's extension points, as the scheduling loop calls them. One attempt
 * at a pod:
 *
 *   classic_prefilter    what each claim is and whether the pod can go on at all
 *   classic_filter       once per node
 *   classic_postfilter   no node: perhaps an allocation can be given up
 *   classic_reserve      a node: is everything there, or does a driver have to be asked
 *   classic_bind_*       what follows from it, written by a worker
 *
 * What releases did differently is in classic_rules.h. Where the classic mode
 * is not there (1.32 and later) `struct scheduler.classic` is NULL and nothing
 * here is called.
 *
 * Threads: everything belongs to the loop, but for classic_bind_prebind and
 * classic_bind_postbind, which run in a worker.
 */
#ifndef SCHEDULER_CLASSIC_H
#define SCHEDULER_CLASSIC_H

#include "classic_context.h"
#include "classic_rules.h"
#include "named_model.h"
#include "sched_internal.h"

struct classic {
  const struct classic_rules *rules;
  bool negotiates; /* claims with a controller are allowed: always until 1.30, DRAControlPlaneController in 1.31 */
  struct kclient_cache *contexts, *slices, *claim_parameters, *class_parameters; /* slices: of 1.30 only */
  struct named_selectors *selectors;
  size_t rotation; /* which nodes are asked about when there are more than a context can name */
};

/* NULL when the release has no classic mode, or DRA is off. */
struct classic *classic_new(const struct personality *p);
void classic_free(struct classic *c);

/* What the plugin knows of a claim of the pod in this attempt (upstream: informationForClaim). */
struct classic_claim {
  bool structured;                 /* allocated by the scheduler, now or before */
  bool pending;                    /* waits for its driver */
  const struct json **class_nodes; /* node selectors of its classes, while it is not allocated */
  size_t n_class_nodes;
  const struct json *answer;       /* its driver's, or NULL */
  const struct named_claim *named; /* 1.30, structured and not allocated */
  const char *lookup_error;        /* to be raised by Filter */
  bool unavailable;                /* its allocation is of no use on some node, and giving it up would help */
};

/* Of one attempt; in its arena. */
struct classic_state {
  const struct json *context; /* borrowed, or NULL */
  struct record *context_record;
  const char *context_error;    /* to be raised by Filter and Reserve */
  struct classic_claim *claims; /* one for each of the attempt's */
  struct named_model *model;
  bool complete; /* PreFilter came to its end */
  /* Reserve's decision */
  struct classic_wish wish;
  const char *wait; /* why binding stops; NULL: it goes on */
  enum classic_words words;
};

/* False: *ret says why not. */
bool classic_prefilter(struct sched_attempt *t, struct sched_refusal *ret);
/* As sched_claims_filter. */
_must_check_ int classic_filter(struct sched_attempt *t, const struct sched_node *n, bool *ret_fits,
                                const char **ret_reason, struct json ***ret_allocations, struct kerr *reterr);
/* Is the node, which fits, one that drivers were asked about? */
bool classic_was_asked(const struct sched_attempt *t, const char *node);
/* The text of PostFilter, "" for none; NULL: it helped, so that preemption has nothing to say. */
const char *classic_postfilter(struct sched_attempt *t, struct kerr *reterr);
/*
 * PreScore and Reserve for the node that was chosen among `n` feasible ones. May set *allocations for claims of 1.30.
 * The decision is in the attempt's state.
 */
_must_check_ int classic_reserve(struct sched_attempt *t, const struct sched_node *n, const char *const *feasible,
                                 size_t n_feasible, struct json ***allocations, struct kerr *reterr);

/* -- binding (classic_bind.c) -- */

/* Before a worker gets the job. */
struct classic_bind *classic_bind_new(struct sched_attempt *t, struct sched_bind *b);
/* In a worker: 0 to go on, else the reason, which is no error when the pod only waits: classic_bind_done tells. */
_must_check_ int classic_bind_prebind(struct sched_bind *b, struct kerr *reterr);
void classic_bind_postbind(struct sched_bind *b);
/* Does Unreserve take the reservation away again? */
bool classic_bind_undoes(const struct sched_bind *b, const struct sched_bind_claim *c);
/* In the loop: what was written is known; a pod that waits goes back into the queue. True: it did. */
bool classic_bind_done(struct scheduler *s, struct sched_bind *b, struct sched_pod *p);
/*
 * Others that the end of a binding may help: those that want room, and those that use a claim which was in flight. No
 * more, or two pods that wait for their drivers would wake each other for ever.
 */
void classic_bind_wake(struct scheduler *s, const struct sched_bind *b, unsigned reasons);
void classic_bind_release(struct classic_bind *c);

/* -- events (classic_hints.c) -- */

void classic_context_changed(struct scheduler *s, const struct kclient_change *change);
void classic_claim_changed(struct scheduler *s, const struct kclient_change *change);
/* Slices and parameters of 1.30. */
void classic_parameters_changed(struct scheduler *s, struct kclient_cache *cache, const struct kclient_change *change,
                                unsigned reasons);

#endif
