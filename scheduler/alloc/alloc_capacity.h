/*
 * alloc_capacity - consumable capacity (KEP-5075): what a request takes of a device.
 *
 * The capacities of a device are a shape, shared by all devices that declare
 * the same. What a request needs of a shape depends on nothing else, so it is
 * worked out once per (request, shape): the device is skipped, the whole
 * attempt fails, or these amounts are consumed. Whether they are still free is
 * the search's business.
 *
 * Follows internal/{incubating,experimental}/consumable_capacity.go.
 */
#ifndef SCHEDULER_ALLOC_CAPACITY_H
#define SCHEDULER_ALLOC_CAPACITY_H

#include "alloc_amount.h"
#include "alloc_strings.h"

struct json;

struct cap_policy {
  bool has_default, has_values, has_range, has_min, has_max, has_step;
  struct measure fallback, min, max, step;
  const struct measure *values;
  size_t n_values;
};

struct cap {
  sid name;
  struct measure value;
  const struct cap_policy *policy; /* NULL when there is none */
};

struct cap_shape {
  uint32_t id; /* counted from 0 in its world */
  uint32_t n;
  struct cap v[]; /* by name, so that the first error is always the same */
};

/* `capacity`: a Device's `capacity` object, or NULL. */
struct cap_shape *cap_shape_new(struct arena *a, struct strings *names, const struct json *capacity);

/* What a request asks for: spec.capacity.requests. */
struct cap_request {
  size_t n;
  struct cap_ask {
    sid name;
    struct measure value;
  } * v;
};
void cap_request_compile(struct arena *a, struct strings *names, const struct json *requests, struct cap_request *ret);

enum cap_verdict { CAP_TAKES, CAP_SKIPPED, CAP_FATAL };
struct cap_need {
  enum cap_verdict verdict;
  const struct measure *takes; /* per capacity of the shape */
  const char *error;           /* CAP_FATAL: upstream's text from `capacity "name": ` on */
  const char *why;             /* CAP_SKIPPED: for explanations */
};
/* `shape` may be NULL: a device without capacities. `fractional`: the gate DRAFractionalCapacityRange. */
void cap_need_of(struct arena *a, const struct strings *names, const struct cap_request *request,
                 const struct cap_shape *shape, bool fractional, struct cap_need *ret);

#endif
