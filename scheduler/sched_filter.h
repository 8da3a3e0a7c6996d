/*
 * sched_filter - which nodes a pod may run on, device claims aside.
 *
 * The filters of kube-scheduler's default profile that can say no in a cluster
 * like ours, in its order, each with its words (pkg/scheduler/framework/plugins:
 * nodeunschedulable, nodename, tainttoleration, nodeaffinity, nodeports,
 * noderesources).
 */
#ifndef SCHEDULER_SCHED_FILTER_H
#define SCHEDULER_SCHED_FILTER_H

#include "kerr.h"
#include "sched_nodes.h"
#include "sched_resources.h"

/* A pod made ready for being held against many nodes; lives in the arena. */
struct sched_subject {
  struct arena *a;
  const struct json *pod, *spec;
  const struct json *preferred; /* node affinities that count for the score, or NULL */
  unsigned filters;             /* those that have something to say about this pod, by bit */
  struct sched_resources requests;
  /* Extended resources that DRA will see to: not held against the node's own (KEP-5004). */
  const char *const *by_claims;
  size_t n_by_claims;
};

/* `requests` and `by_claims` are the caller's to fill in. */
void sched_subject_init(struct sched_subject *s, struct arena *a, const struct json *pod);

/* The verdict of one node. */
struct sched_verdict {
  const char *const *reasons; /* upstream's words; several only for resources */
  size_t n;
  bool resolvable; /* preemption might help */
  unsigned needs;  /* enum sched_reason */
};

/* True when the node passes; else *ret says why not. Memory from the subject's arena. KERR_INVALID: an affinity that
 * cannot be read. */
_must_check_ int sched_filter(const struct sched_subject *s, const struct sched_node *n, bool *ret_fits,
                              struct sched_verdict *ret, struct kerr *reterr);
/* NodeResourcesFit (least allocated) and BalancedAllocation, 0..200 together. */
int64_t sched_score(const struct sched_subject *s, const struct sched_node *n);
/* The sum of the weights of the preferred node affinities that the node has. KERR_INVALID: one cannot be read. */
_must_check_ int sched_affinity(const struct sched_subject *s, const struct sched_node *n, int64_t *ret,
                                struct kerr *reterr);

#endif
