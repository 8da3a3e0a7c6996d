/*
 * alloc_explain - why claims do not fit on a node, device by device.
 *
 * The same rules as the search, asked once more with their reasons kept: first
 * what keeps a device from a request whatever else happens (use by others,
 * selectors, node, capacity, taints), then, for the request at which the
 * search got stuck, what the devices picked before it stand in the way of
 * (counters, constraints, shares). Stuck is where the most devices had been
 * picked when no candidate was left.
 *
 * Everything lives in the arena given.
 */
#ifndef SCHEDULER_ALLOC_EXPLAIN_H
#define SCHEDULER_ALLOC_EXPLAIN_H

#include "alloc.h"

/* In the order in which upstream would look: a name, what is wrong, and what it would take for the device to do. */
#define ALLOC_REASONS(X)                                                                               \
  X(BINDING, "needs binding conditions, which are off", "the gate DRADeviceBindingConditions")         \
  X(IN_USE, "in use", "its release")                                                                   \
  X(SELECTOR, "a selector is false", "a selector that it matches")                                     \
  X(ERROR, "looking at it is an error", "a selector without the error: has(...), or .? and orValue()") \
  X(NODE, "not for this node", "another node")                                                         \
  X(CAPACITY, "not enough capacity", "a smaller capacity request")                                     \
  X(OPERATIONS, "skips node operations, which the node does not support", "a node that supports this") \
  X(PARTITIONS, "draws from shared counters, which are off", "the gate DRAPartitionableDevices")       \
  X(TAINT, "tainted", "a toleration in the request")                                                   \
  X(TAKEN, "picked already", "one device more of this kind")                                           \
  X(SHARES, "its shares use it up", "a smaller capacity request, or the release of a share")           \
  X(GROUPS, "compatibility groups do not go together", "devices of one group on this card")            \
  X(COUNTER, "a shared counter is used up", "a smaller partition, or the release of another one")      \
  X(CONSTRAINT, "a constraint is not satisfied", "other values, or one constraint less")               \
  X(NONE, "nothing is wrong with it", "nothing")

enum alloc_reason {
#define X(name, text, change) ALLOC_REASON_##name,
  ALLOC_REASONS(X)
#undef X
      ALLOC_REASON_COUNT
};
const char *alloc_reason_text(enum alloc_reason r);
const char *alloc_reason_name(enum alloc_reason r);   /* "SELECTOR" */
const char *alloc_reason_change(enum alloc_reason r); /* what it would take */

struct alloc_rejection {
  const char *device; /* "driver/pool/device" */
  enum alloc_reason reason;
  const char *detail; /* which selector and what of it was false, which taint, counter, value, claim; "" */
  bool only;          /* in use, and nothing else is wrong with it */
};

struct alloc_request_why {
  const char *claim, *request; /* "namespace/name"; "request" or "request/alternative" */
  uint32_t need, fitting;      /* devices wanted; devices that nothing is wrong with */
  uint32_t found;              /* stuck: devices picked before that */
  bool stuck;                  /* the search got no further than this */
  struct alloc_rejection *devices;
  size_t n_devices;
  struct alloc_reason_count {
    enum alloc_reason reason;
    const char *detail;
    uint32_t n;
    const char *example; /* a device */
  } * reasons;           /* the most frequent first */
  size_t n_reasons;
  const char *nearest; /* what would have to change, for the device that came closest; "" */
};

struct alloc_explanation {
  const char *node;
  const char *error; /* the run's, or NULL */
  bool fits;
  const char **pools; /* pools that cannot be used, with the reason */
  size_t n_pools;
  struct alloc_request_why *requests;
  size_t n_requests;
};

/* Runs the job on the node (its answer is that of the last run, then) and says why it does not fit, or what does. */
struct alloc_explanation *alloc_job_explain(struct alloc_job *j, const struct alloc_usage *u, const struct json *node,
                                            struct arena *a);
/* For people: a few lines per request, `devices` adds one per device. */
void alloc_explanation_text(const struct alloc_explanation *e, bool devices, struct strbuf *out);
/* Of many nodes: how many devices were turned down for which reason, where each got stuck. */
struct alloc_sum {
  uint32_t nodes, devices, by_reason[ALLOC_REASON_COUNT];
};
void alloc_sum_add(struct alloc_sum *sum, const struct alloc_explanation *e);
void alloc_sum_text(const struct alloc_sum *sum, struct strbuf *out);
struct json *alloc_explanation_json(const struct alloc_explanation *e, struct arena *a);

#endif
