/*
 * alloc - the structured allocator: which devices satisfy these claims on this node.
 *
 * A pure function of a world (slices, classes, nodes: compiled once, updated
 * piece by piece), what is in use (alloc_usage), a node and a list of claims.
 * Results are those of k8s.io/dynamic-resource-allocation/structured of
 * Kubernetes 1.37 in the variant given: the same devices in the same order,
 * the same node selectors and configurations, the same error texts (KEP-4381
 * and those named in docs/internals/alloc.md).
 *
 * How a scheduling loop uses it:
 *
 *   world, usage          live as long as the loop; changed as events come in
 *   job = alloc_job_new   once per pod: its claims, compiled
 *   alloc_job_run         once per node; keeps nothing between nodes
 *   alloc_job_allocations for the node that was chosen: run again, then render
 *
 * alloc_run does the last three at once for callers with a single node.
 *
 * Threads: a world, its usages and its jobs belong to one thread.
 * Ownership: the world holds references to the records it is given. Claims
 * (JSON trees) are borrowed and outlive their job. Results live in the arena.
 */
#ifndef SCHEDULER_ALLOC_H
#define SCHEDULER_ALLOC_H

#include "json.h"
#include "record.h"

enum alloc_channel { ALLOC_STABLE, ALLOC_INCUBATING, ALLOC_EXPERIMENTAL };

/* The allocator's own names for the feature gates (structured.Features). */
struct alloc_features {
  bool admin_access, prioritized_list, partitionable_devices, device_taints, device_binding_and_status,
      consumable_capacity, fractional_capacity_range, list_type_attributes, optional_node_operations,
      derived_attributes, compatibility_groups;
  bool terse_errors; /* until 1.36: the error of a selector names no device and gives no hint */
};
/* What the scheduler of 1.37 turns on by default. */
struct alloc_features alloc_features_default(void);
/* By the allocator's own name ("ListTypeAttributes"). False: there is none of that name. */
bool alloc_features_set(struct alloc_features *f, const char *name, bool on);
/* The first channel that supports everything that is on. Experimental supports all, so there always is one. */
enum alloc_channel alloc_channel_of(const struct alloc_features *f);

/* -- the world -- */

struct alloc_world;
struct alloc_world *alloc_world_new(const struct alloc_features *features, enum alloc_channel channel);
void alloc_world_free(struct alloc_world *w);
/* Add or replace by metadata.name; the world takes a reference. */
void alloc_world_set_slice(struct alloc_world *w, struct record *slice);
void alloc_world_remove_slice(struct alloc_world *w, const char *name);
void alloc_world_set_class(struct alloc_world *w, struct record *device_class);
void alloc_world_remove_class(struct alloc_world *w, const char *name);
/* Optional: a node that is known is compiled once instead of in every run. */
void alloc_world_set_node(struct alloc_world *w, struct record *node);
void alloc_world_remove_node(struct alloc_world *w, const char *name);
/* DeviceTaintRules: their taints are merged into the devices they select, in the order in which they were first set. */
void alloc_world_set_taint_rule(struct alloc_world *w, struct record *rule);
void alloc_world_remove_taint_rule(struct alloc_world *w, const char *name);
/*
 * The same with trees that outlive the world and are not checked for equal names: for what-if questions, where two
 * slices may well have one name.
 */
void alloc_world_borrow_slice(struct alloc_world *w, const struct json *slice);
void alloc_world_borrow_class(struct alloc_world *w, const struct json *device_class);
void alloc_world_borrow_node(struct alloc_world *w, const struct json *node);
void alloc_world_borrow_taint_rule(struct alloc_world *w, const struct json *rule);
size_t alloc_world_devices(const struct alloc_world *w); /* how many there are */
size_t alloc_world_memory(const struct alloc_world *w);  /* bytes held, without the records */

/* -- what is in use -- */

/* Keys are "driver/pool/device"; claims are counted by uid, so adding one twice is adding it once. */
struct alloc_usage;
struct alloc_usage *alloc_usage_new(void);
void alloc_usage_free(struct alloc_usage *u);
/* Counts status.allocation of a claim (adminAccess results are not counted); replaces what that uid had before. */
void alloc_usage_set_claim(struct alloc_usage *u, const struct json *claim);
void alloc_usage_remove_claim(struct alloc_usage *u, const char *uid);
/* The vectors' form: {"devices": [...], "sharedDevices": [...], "consumedCapacity": [...]}, added to what is there. */
void alloc_usage_add(struct alloc_usage *u, const struct json *allocated);

/* -- one pod -- */

enum alloc_outcome {
  ALLOC_OK,
  ALLOC_UNSCHEDULABLE, /* does not fit on this node */
};

struct alloc_job;
/* Never fails: what is wrong with the claims is an error of each run, as upstream. */
struct alloc_job *alloc_job_new(struct alloc_world *w, const struct json *const *claims, size_t n_claims);
void alloc_job_free(struct alloc_job *j);

struct alloc_options {
  uint64_t budget;   /* steps before KERR_TIMEOUT `filter operation aborted: context deadline exceeded`; 0: none */
  uint32_t patience; /* dead ends before the search begins to reason; 0: the default */
  bool plain;        /* upstream's search without any pruning: for comparison */
};

struct alloc_answer {
  enum alloc_outcome outcome;
  bool node_only; /* with an error: it concerns this node only, others may do */
  uint64_t steps; /* entries into the search, as upstream counts them */
};

/*
 * `node`: a Node object. `options` may be NULL. Fills `ret` in any case.
 * Errors: KERR_INVALID with upstream's text (the attempt fails for all nodes unless ret->node_only), KERR_TIMEOUT.
 */
_must_check_ int alloc_job_run(struct alloc_job *j, const struct alloc_usage *u, const struct json *node,
                               const struct alloc_options *options, struct alloc_answer *ret, struct kerr *reterr);
/*
 * After a run that said ALLOC_OK: an AllocationResult per claim, in order. They share sub-trees with slices, classes
 * and claims. KERR_INVALID for a node selector that cannot be merged (upstream: `create NodeSelector for claim ...`).
 */
_must_check_ int alloc_job_allocations(const struct alloc_job *j, struct arena *a, struct json ***ret,
                                       struct kerr *reterr);

/* -- all at once -- */

struct alloc_explanation; /* why each device was rejected for each request: alloc_explain.h */

struct alloc_request {
  const struct json *node;          /* a Node object */
  const struct json *const *claims; /* ResourceClaim objects, in order */
  size_t n_claims;
  uint64_t budget; /* as in alloc_options */
  bool explain;
};

struct alloc_result {
  enum alloc_outcome outcome;
  struct json **allocations; /* ALLOC_OK: one AllocationResult per claim, in the arena */
  bool node_only;            /* with an error: it concerns this node only */
  uint64_t steps;
  struct alloc_explanation *explanation; /* when asked for; in the arena */
};

_must_check_ int alloc_run(struct alloc_world *w, const struct alloc_usage *u, const struct alloc_request *req,
                           struct arena *a, struct alloc_result *ret, struct kerr *reterr);

#endif
