/*
 * sched_internal - the scheduler's state, and the steps of one attempt.
 *
 * Everything here belongs to the loop's thread, but for `struct sched_bind`,
 * which a worker has while it writes.
 */
#ifndef SCHEDULER_SCHED_INTERNAL_H
#define SCHEDULER_SCHED_INTERNAL_H

#include "alloc.h"
#include "kclient_dra.h"
#include "sched_filter.h"
#include "sched_queue.h"
#include "scheduler.h"

enum sched_watch {
  SCHED_WATCH_NODES,
  SCHED_WATCH_PODS,
  SCHED_WATCH_CLAIMS,
  SCHED_WATCH_SLICES,
  SCHED_WATCH_CLASSES,
  SCHED_WATCH_RULES,
  SCHED_WATCH_SCHEDULING, /* these until 1.31 at most: classic.h */
  SCHED_WATCH_CLAIM_PARAMETERS,
  SCHED_WATCH_CLASS_PARAMETERS,
  SCHED_WATCH_COUNT
};

/* What an informer's tag points at. */
struct sched_sink {
  enum sched_watch what;
};

struct classic;
struct classic_state;
struct classic_bind;

struct scheduler {
  struct scheduler_config config;
  int minor;
  const struct kclient_dra *dra; /* the kinds of the release */
  struct classic *classic;       /* NULL: no claims that a driver's controller allocates */
  struct alloc_features features;
  struct mailbox *inbox; /* changes from the informers; poked when `done` has something */
  struct mailbox *jobs;  /* bindings, to the workers */
  struct mailbox *done;  /* and back */
  pthread_t loop;
  struct sched_sink sinks[SCHED_WATCH_COUNT];
  struct kclient_informer *informers[SCHED_WATCH_COUNT];
  struct kclient_cache *claims, *classes; /* the other kinds are kept where they are used */
  bool synced[SCHED_WATCH_COUNT];
  int64_t deleted[SCHED_WATCH_COUNT]; /* revision of the last deletion that was seen */

  struct sched_nodes *nodes;
  struct sched_queue *queue;
  struct alloc_world *world;
  struct alloc_usage *usage;
  struct hmap *in_flight; /* claim uid → record of the claim as it will be (struct record *) */
  size_t next_node;       /* where the search for feasible nodes begins: upstream's nextStartNodeIndex */

  pthread_t workers[8];
  size_t n_workers;
};

/* -- the loop's single steps (sched_loop.c), also for a test that decides who acts when -- */

/* Without threads and informers; for sched_free. */
struct scheduler *sched_new(const struct scheduler_config *config);
void sched_free(struct scheduler *s);
/* What to watch in this release; NULL: it has no such kind, or not with these gates. */
const struct kclient_resource *sched_watched(const struct scheduler *s, enum sched_watch what);
/* One change, with a sink as its tag; the change is freed. */
void sched_take(struct scheduler *s, struct kclient_change *change);
/* What we wrote ourselves counts before it is told of; unless that is long past, and the object is gone again. */
void sched_assume(struct scheduler *s, enum sched_watch what, struct kclient_cache *cache, struct record *written);
/* Try the most urgent pod. False: there is none, and *ret_deadline says when to ask again. */
bool sched_step(struct scheduler *s, int64_t *ret_deadline);

/* -- one attempt (sched_attempt.c) -- */

struct sched_claim {
  const char *entry;    /* of spec.resourceClaims; "" for the claim of extended resources */
  struct record *claim; /* as the loop knows it; borrowed */
  const struct json *tree;
  bool allocate;      /* has no allocation yet: this attempt makes one */
  const char *driver; /* 1.30: status.driverName of that allocation */
};

struct sched_attempt {
  struct scheduler *s;
  struct arena *a;
  struct sched_pod *pod;
  const struct json *tree;
  struct sched_subject subject;
  struct sched_claim *claims;
  size_t n_claims, n_allocate;
  struct alloc_job *job;         /* NULL when nothing is to be allocated */
  struct json *extended;         /* the claim that extended resources need, not yet created; or NULL */
  struct json *mappings;         /* its requestMappings */
  struct classic_state *classic; /* when the scheduler has it */
};

/* How an attempt ended for the whole pod, when it did not find a node. */
struct sched_refusal {
  bool error; /* SchedulerError, tried again after a backoff; else Unschedulable */
  const char *message;
  unsigned reasons; /* what to wait for */
  bool silent;      /* held back before the queue: no condition, no event */
};

void sched_attempt_pod(struct scheduler *s, struct sched_pod *pod);
struct sched_attempt sched_attempt_of(struct scheduler *s, struct arena *a, struct sched_pod *pod);

/* -- claims (sched_claims.c) -- */

#define SCHED_CLAIM_UNAVAILABLE "resourceclaim not available on the node"

/* Fill *ret; returns false, for whoever has to say no. */
bool sched_refuse(struct sched_refusal *ret, const char *message, unsigned reasons);
/* PreEnqueue and PreFilter. False: *ret says why not. */
bool sched_claims_prepare(struct sched_attempt *t, struct sched_refusal *ret);
void sched_claims_release(struct sched_attempt *t);
/*
 * Filter: false when the node will not do; *ret is then its reason. On success the allocations for the claims that need
 * one, in order of those claims. An error concerns the whole attempt.
 */
_must_check_ int sched_claims_filter(struct sched_attempt *t, const struct sched_node *n, bool *ret_fits,
                                     const char **ret_reason, struct json ***ret_allocations, struct kerr *reterr);
/* The half of it that asks the allocator; not to be called without a job. */
_must_check_ int sched_claims_allocate(struct sched_attempt *t, const struct sched_node *n, bool *ret_fits,
                                       const char **ret_reason, struct json ***ret_allocations, struct kerr *reterr);
/* The pod's claims, in t->claims. False: *ret_why is what is missing. */
bool sched_claims_resolve(struct sched_attempt *t, const char **ret_why);
/* No other pod's allocation of the claim is under way; else *ret says so. */
bool sched_claim_is_free(struct sched_attempt *t, const struct json *claim, struct sched_refusal *ret);
/* Nobody, or this pod alone, has it reserved. */
bool sched_claim_only_ours(const struct json *claim, const char *uid);
/* PostFilter: give up an allocation that keeps this pod from every node and that nobody else holds. True: it did. */
bool sched_claims_postfilter(struct sched_attempt *t);
/* A claim as it stands, in-flight decisions included; borrowed. */
struct record *sched_claim_get(struct scheduler *s, const char *ns, const char *name);
void sched_claim_changed(struct scheduler *s, const struct kclient_change *change);
/* Score of prioritized lists: the sum over chosen sub-requests of (8 - index). */
int64_t sched_claims_score(const struct sched_attempt *t, struct json *const *allocations);

/* -- extended resources (sched_extended.c) -- */

/* Names among the pod's requests that a device class stands behind, and the claim that asks for them. */
void sched_extended_prepare(struct sched_attempt *t);

/* -- binding (sched_bind.c) -- */

struct sched_bind_claim {
  struct record *claim; /* reference; NULL: to be created from `create` */
  const struct json *create;
  const struct json *allocation; /* to be written, or NULL when there is one already */
  const char *driver;            /* 1.30: status.driverName to be written with it, or NULL */
  struct record *written;        /* reference to what the server has now, or NULL */
  bool held;                     /* the pod had it reserved before this attempt */
};

struct sched_bind {
  struct scheduler *s;
  struct arena *a; /* of everything below */
  char *uid, *node;
  struct record *pod; /* reference */
  struct sched_bind_claim *claims;
  size_t n_claims;
  const struct json *mappings;
  struct classic_bind *classic; /* or NULL */
  struct kerr err;              /* of the worker */
};

/* Reserve: count pod and claims as if written, and hand the rest to a worker. */
void sched_bind_start(struct sched_attempt *t, const struct sched_node *n, struct json *const *allocations);
/* The loop's half of the end: keep, or take back and try again. */
void sched_bind_done(struct scheduler *s, struct sched_bind *b);
void sched_bind_work(struct sched_bind *b); /* a worker's half: all that is written */
void *sched_bind_worker(void *scheduler);   /* thread function */
/* Reserve a claim, and allocate it where this job does; repeated on conflicts. */
_must_check_ int sched_bind_write_claim(struct sched_bind *b, struct sched_bind_claim *c, struct kerr *reterr);
void sched_bind_free(void *b); /* also the message_free of both mailboxes */

/* -- what the user sees (sched_report.c) -- */

void sched_report_refusal(struct scheduler *s, struct sched_pod *p, const struct sched_refusal *why);
void sched_report_gated(struct scheduler *s, struct sched_pod *p);
void sched_event(struct scheduler *s, const struct json *pod, const char *type, const char *reason, const char *action,
                 const char *message);

/* Tallies: "1 cannot allocate all claims, 2 Insufficient cpu." */
struct sched_tally;
struct sched_tally *sched_tally_new(struct arena *a);
void sched_tally_add(struct sched_tally *t, const char *reason);
/* "0/3 nodes are available: ...". */
const char *sched_tally_text(struct sched_tally *t, size_t nodes);

#endif
