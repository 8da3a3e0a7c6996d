/*
 * alloc_search - the search for devices: state, moves and reasoning.
 *
 * The search is upstream's: claims, requests, alternatives and devices in
 * order, depth first, the first complete answer wins. It runs on an explicit
 * stack of frames instead of the C stack. alloc_take.c makes and undoes a
 * move, alloc_search.c is the order of moves, alloc_prune.c knows when a
 * branch cannot lead to an answer.
 *
 * Internal to scheduler/alloc.
 */
#ifndef SCHEDULER_ALLOC_SEARCH_H
#define SCHEDULER_ALLOC_SEARCH_H

#include "alloc_job.h"

/* What is taken of a shareable device in this attempt. */
struct share {
  uint32_t n;
  amount used[];
};

/* Compatibility groups (KEP-5963) on one counter set: nothing yet, only devices without groups, or a set. */
#define GROUPS_UNSEEN 0
#define GROUPS_NOBODY 1
#define GROUPS_NONE   2 /* members, none of them with groups */
#define GROUPS_SET    3 /* plus the set's number; GROUPS_SET - 1 would be the empty intersection of a changed slice */
#define GROUPS_EMPTY  UINT32_MAX

struct group_change {
  uint32_t *at, before;
};

enum frame_kind { FRAME_PICK, FRAME_EVERY, FRAME_CHOICE, FRAME_CLAIM };

struct frame {
  enum frame_kind kind;
  bool picked;       /* a device is taken in this frame */
  bool judged;       /* FRAME_PICK: the bounds have been asked about this place */
  bool all_exceeded; /* FRAME_CHOICE: every alternative so far had too many results */
  uint32_t slot;     /* FRAME_CHOICE: the request's first */
  uint32_t index;    /* which device of the slot */
  uint32_t cursor;   /* FRAME_PICK: the next local device; FRAME_CHOICE: the alternative */
  uint32_t start;    /* FRAME_PICK: where it began */
  uint32_t failed;   /* FRAME_PICK: length of the list of failed classes when it began; see alloc_prune.c */
};

enum verdict {
  VERDICT_GO_ON,
  VERDICT_FOUND,
  VERDICT_DEAD,     /* no answer in this branch */
  VERDICT_EXCEEDED, /* upstream's errAllocationResultMaxSizeExceeded */
  VERDICT_FAILED,   /* an error; the search ends */
};

struct position {
  uint32_t claim, request, slot, index, start;
  bool inside; /* an alternative has been chosen */
};

struct prune;

/* Why search_take refused; filled in when somebody asks. */
struct refusal {
  enum { REFUSED_SHARES, REFUSED_GROUPS, REFUSED_COUNTER, REFUSED_CONSTRAINT } by;
  uint32_t counter;    /* place in the pool's list */
  uint32_t constraint; /* place in the job's */
  uint32_t value;      /* of the device */
};

/* The most devices that were picked when no candidate was left. */
struct stuck {
  bool any;
  uint32_t slot, index, n_picks;
  struct pick *picks; /* owned */
};

struct search {
  struct alloc_job *j;
  struct alloc_world *w;
  const struct view *v;
  const struct search_limits *limits;
  uint32_t end; /* the claim at which there is an answer */
  uint64_t steps, dead_ends;
  struct kerr *err;
  word *dedicated, *taken; /* taken: by any claim of this attempt */
  word **taken_by;         /* by claim; only when some slot has admin access */
  uint32_t *n_results;     /* by claim */
  amount **consumed;       /* by pool */
  uint32_t **groups;       /* by pool, then by counter set */
  struct share **shares;   /* by local device */
  struct group_change *group_trail;
  uint32_t n_group_trail, cap_group_trail;
  struct pick *picks;
  uint32_t n_picks, cap_picks;
  struct frame *frames;
  uint32_t n_frames, cap_frames;
  struct refusal *refusal; /* NULL: nobody asks */
  struct stuck *stuck;     /* NULL: nobody asks */
  struct prune *prune;     /* NULL until the search gets into trouble */
};

/* Take a device for a slot. False: it cannot be taken, nothing has changed. `*failed`: an error has been filled in. */
bool search_take(struct search *s, uint32_t slot, uint32_t device, bool must, bool *failed);
void search_undo(struct search *s); /* the last one */
/* Is it in use as far as the slot is concerned? */
bool search_blocked(const struct search *s, const struct slot *slot, uint32_t device);
const struct counters *search_counters(struct search *s, uint32_t device);
/* Compatibility groups of a pool's counter sets: now, and as they were before this attempt. */
uint32_t *search_groups(struct search *s, uint32_t pool);
void search_groups_before(struct search *s, uint32_t pool, uint32_t *states);

enum verdict search_claims(struct search *s, uint32_t from, uint32_t to);
void search_init(struct search *s, struct alloc_job *j, const struct search_limits *limits, struct kerr *err);
void search_release(struct search *s);

/* -- alloc_inner.c: have some claims no answer, whatever is picked for those before? -- */
bool claims_are_impossible(struct search *s);

/* -- alloc_prune.c -- */
struct prune *prune_new(struct search *s);
void prune_free(struct prune *p);
/* Before devices are tried for `p`: is it known, or plain to see, that there is no answer? */
bool prune_hopeless(struct search *s, const struct position *p);
/* Where a new frame's list of failures begins, and its end. */
uint32_t prune_mark(const struct prune *p);
void prune_leave(struct prune *p, const struct frame *f);
/* All devices of the frame have been tried in vain. */
void prune_remember(struct search *s, const struct frame *f);
/* The device was tried in this frame in vain; its like need not be. */
void prune_failed(struct search *s, const struct frame *f, uint32_t device);
bool prune_skips(struct search *s, const struct frame *f, uint32_t device);

#endif
