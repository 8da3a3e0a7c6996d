/*
 * alloc_job - the claims of one pod, compiled, and the state of one run.
 *
 * A slot is what devices are picked for: a request, or one alternative
 * (subrequest) of a request with firstAvailable. Slots stand in the order in
 * which upstream validates them, which is also that of the search.
 *
 * Errors in the claims are kept where upstream would meet them and raised by
 * each run: pools come first, then requests, then constraints, claim by claim.
 *
 * Internal to scheduler/alloc.
 */
#ifndef SCHEDULER_ALLOC_JOB_H
#define SCHEDULER_ALLOC_JOB_H

#include "alloc_constraints.h"
#include "alloc_pools.h"
#include "alloc_sets.h"

#define RESULTS_MAX 32 /* resource.k8s.io: AllocationResultsMaxSize */

/* What a slot's request takes of devices of one shape. */
struct slot_need {
  struct cap_need need;
  bool fits_alone;    /* no capacity is exceeded while nothing is in use */
  const char **texts; /* of what is taken, per capacity; each made when it is first written into a result */
};

struct derived {
  sid name;          /* of the attribute */
  uint32_t selector; /* its expression */
};

struct slot {
  uint32_t claim, request, number; /* number: among the request's alternatives */
  const char *name, *parent;       /* parent: the request's name, NULL unless an alternative */
  const struct json *json;         /* the ExactDeviceRequest or DeviceSubRequest */
  const struct json *class;        /* the DeviceClass */
  const struct json *tolerations;
  const char *error; /* found when it was compiled */
  struct filter *filter;
  struct cap_request caps;
  struct derived *derived;
  uint32_t n_derived;
  uint32_t *constraints; /* that apply to it: places in job.constraints */
  uint32_t n_constraints;
  int64_t count;
  bool every, admin; /* allocation mode All; admin access */

  struct slot_need **needs; /* by shape id + 1, made when first met; 0: no capacity */
  uint32_t n_needs;
  uint32_t judged_shapes; /* alloc_glance.c: how many shapes there were, + 1, when `fails` was found out */
  bool fails;             /* some shape of capacity ends the attempt */

  /* This run. */
  uint32_t need;                               /* devices; of a plain job, in any run */
  uint32_t *all;                               /* mode All: local devices */
  word *asked, *yes, *selectable, *error_bits; /* per local device; see slot_ask */
};

struct request {
  const char *name, *error;
  uint32_t first_slot, n_slots;
  bool choice; /* has firstAvailable */
};

struct claim {
  const struct json *tree;
  const char *id, *name, *error; /* id: "namespace/name"; error: a constraint of no known kind */
  uint32_t first_request, n_requests, first_constraint, n_constraints;
};

/* A device that was taken, and what has to be undone. */
struct pick {
  uint32_t slot, device; /* device: local */
  uint32_t constraints;  /* how many were added to */
  bool marked, counted, share;
  uint32_t groups; /* how many entries of the group trail belong to it */
  const struct slot_need *need;
};

struct frame;

struct alloc_job {
  struct alloc_world *w;
  const struct json **trees; /* copy of the caller's list */
  uint32_t cap_trees;
  struct arena *a; /* claims, until a class changes */
  uint64_t class_version;
  struct claim *claims;
  struct request *requests;
  struct slot *slots;
  struct constraint *constraints;
  uint32_t n_claims, n_requests, n_slots, n_constraints;
  struct sets *sets;    /* of values and groups */
  struct hmap *derived; /* values of derived attributes in this run */
  bool plain;           /* no error, nothing in mode All: the checks before the search always have the same outcome */

  /* The last run. */
  struct arena *run;
  struct view *view;
  struct node *node, *own_node; /* own_node: made for this run, the world does not know it */
  struct pick *picks;           /* those of the answer */
  uint32_t n_picks, cap_picks;
  struct pick *spare_picks; /* memory of the last search */
  struct frame *spare_frames;
  uint32_t cap_spare_picks, cap_spare_frames;
  uint32_t *chosen; /* per request: the alternative */
  word *bits;       /* of all slots */
  size_t cap_bits;
};

static inline struct sets *
job_sets(struct alloc_job *j)
{
  if (!j->sets)
    j->sets = sets_new();
  return j->sets;
}

/* -- alloc_requests.c -- */
void job_compile(struct alloc_job *j);
void job_release_filters(struct alloc_job *j);
/* The checks before the search, in upstream's order; resolves mode All. */
int job_prepare(struct alloc_job *j, const struct view *v, struct kerr *reterr);

/* -- alloc_slots.c: is a device right for a slot, whatever else is taken? -- */
enum slot_answer {
  SLOT_NO,
  SLOT_YES,
  SLOT_BARRED, /* it is selected, but can never be taken: taints, skipped operations, counters while the gate is off */
  SLOT_ERROR,  /* looking at it ends the attempt */
};
enum slot_answer slot_ask(struct alloc_job *j, struct slot *s, const struct view *v, uint32_t device);
/* The same for the 64 devices of a word, kept in the slot's sets. */
void slot_ask_word(struct alloc_job *j, struct slot *s, const struct view *v, uint32_t w);
/* The error behind SLOT_ERROR. */
int slot_error(struct alloc_job *j, struct slot *s, const struct view *v, uint32_t device, struct kerr *reterr);
const struct slot_need *slot_need_of(struct alloc_job *j, struct slot *s, const struct cap_shape *shape);
/* Does what is stored leave room for another share (or, for a device that is not shareable, for the whole)? */
bool slot_fits(const struct alloc_job *j, const struct slot_need *need, const struct cap_shape *shape, uint32_t device,
               const amount *inflight);
bool toleration_matches(const struct json *toleration, const struct json *taint);
/* The first taint that keeps the slot from the device, or NULL. */
const struct json *slot_taint(const struct alloc_job *j, const struct slot *s, const struct device *d);

/* -- alloc_glance.c: is it plain to see, without a view, that the node has too few devices? False says nothing. -- */
bool job_sees_no_answer(struct alloc_job *j);

/* -- alloc_search.c -- */
struct stuck;
struct search_limits {
  uint64_t budget;
  uint32_t patience;
  bool plain, inner;   /* inner: see alloc_inner.c */
  struct stuck *stuck; /* to be filled in, or NULL */
};
/* -- alloc_run.c -- */
void job_discard(struct alloc_job *j); /* a spare one */
int job_run(struct alloc_job *j, const struct alloc_usage *u, const struct json *node,
            const struct search_limits *limits, struct alloc_answer *ret, struct kerr *reterr);
int search_run(struct alloc_job *j, const struct search_limits *limits, struct alloc_answer *ret, struct kerr *reterr);

#endif
