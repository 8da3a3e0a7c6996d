/*
 * sched_queue - the pods that have no node yet.
 *
 * Three places, as upstream's SchedulingQueue: active (to be tried now, by
 * priority, then by age), backing off (an attempt failed with an error; it is
 * tried again after 1 s, doubling to 10 s), and waiting (nothing that was seen
 * since would help). A waiting pod is moved when something happens that its
 * reasons depend on, or after five minutes in any case.
 *
 * Owned by the scheduler's loop.
 */
#ifndef SCHEDULER_SCHED_QUEUE_H
#define SCHEDULER_SCHED_QUEUE_H

#include "clock.h"
#include "pqueue.h"
#include "record.h"

/* Why a pod waits, and what a change may help: bits of one set. */
enum sched_reason {
  SCHED_NEEDS_NODE = 1,      /* affinity, taints, names, ports: a change of nodes */
  SCHED_NEEDS_RESOURCES = 2, /* room: nodes, or pods that go */
  SCHED_NEEDS_DEVICES = 4,   /* slices, classes, rules, deallocated claims */
  SCHED_NEEDS_CLAIMS = 8,    /* its own claims: their making, their status */
};

enum sched_place { SCHED_NOWHERE, SCHED_ACTIVE, SCHED_BACKOFF, SCHED_WAITING, SCHED_AWAY /* being tried or bound */ };

struct sched_pod {
  struct pqueue_node node;
  enum sched_place place;
  char *uid, *key; /* key: "namespace/name" */
  struct record *pod;
  int64_t priority;
  int64_t since; /* when it came into the queue (mono) */
  int64_t due;   /* BACKOFF, WAITING: when it becomes active by itself */
  unsigned attempts, errors;
  unsigned reasons;   /* WAITING: enum sched_reason bits */
  int64_t not_before; /* WAITING: woken earlier, it still backs off until then; 0: it does not */
  unsigned missed;    /* AWAY: what has happened meanwhile; weighed when it comes back to wait */
  char *last_message; /* of the last report, so that the same words are not written again */
};

struct sched_queue;
struct sched_queue *sched_queue_new(struct clock *clock);
void sched_queue_free(struct sched_queue *q);
/* A pod that is new or has changed. A waiting one becomes active when its spec, labels or claims are not what they
 * were. */
struct sched_pod *sched_queue_set(struct sched_queue *q, struct record *pod, int64_t priority);
void sched_queue_remove(struct sched_queue *q, const char *uid);
struct sched_pod *sched_queue_get(const struct sched_queue *q, const char *uid);
/* The next pod to try: it is AWAY until one of the calls below. NULL: none now; *ret_deadline says when to ask again.
 */
struct sched_pod *sched_queue_take(struct sched_queue *q, int64_t *ret_deadline);
/* Until one of the reasons comes up; at once when it did while the pod was away. */
void sched_queue_wait(struct sched_queue *q, struct sched_pod *p, unsigned reasons);
/* The same, but not before a backoff that grows with the attempts: as upstream does with every pod that failed. */
void sched_queue_wait_and_backoff(struct sched_queue *q, struct sched_pod *p, unsigned reasons);
void sched_queue_backoff(struct sched_queue *q, struct sched_pod *p);
void sched_queue_activate(struct sched_queue *q, struct sched_pod *p);
/* Something happened that may help: a pod that waits for it becomes active; one that is away is not forgotten. */
void sched_queue_poke(struct sched_queue *q, struct sched_pod *p, unsigned reasons);
/* The same for every pod. */
void sched_queue_wake(struct sched_queue *q, unsigned reasons);
/* Every pod; `*cursor` starts at 0. */
struct sched_pod *sched_queue_next(const struct sched_queue *q, size_t *cursor);

#endif
