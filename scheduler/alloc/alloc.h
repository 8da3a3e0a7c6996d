/*
 * alloc - the structured allocator: which devices satisfy these claims on this node.
 *
 * A pure function of a world (slices and classes, compiled once and updated
 * piece by piece), what is in use (alloc_usage), a node and a list of claims.
 * Results are those of k8s.io/dynamic-resource-allocation/structured of the
 * release and variant chosen by the features: the same devices in the same
 * order, the same node selectors and configurations, the same error texts
 * (KEP-4381 and those named in docs/internals/alloc.md).
 *
 * Ownership: a world and a usage belong to one thread. Objects are counted
 * records or trees that outlive them; results live in the arena given.
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
};
/* The first channel that supports everything that is on; KERR_INTERNAL with upstream's text when none does. */
_must_check_ int alloc_channel_of(const struct alloc_features *f, enum alloc_channel *ret, struct kerr *reterr);

struct alloc_world;
struct alloc_world *alloc_world_new(const struct alloc_features *features, enum alloc_channel channel);
void alloc_world_free(struct alloc_world *w);
/* Add or replace by metadata.name; the world takes a reference. */
void alloc_world_set_slice(struct alloc_world *w, struct record *slice);
void alloc_world_remove_slice(struct alloc_world *w, const char *name);
void alloc_world_set_class(struct alloc_world *w, struct record *device_class);
void alloc_world_remove_class(struct alloc_world *w, const char *name);
/* DeviceTaintRules: their taints are merged into the devices they select. */
void alloc_world_set_taint_rule(struct alloc_world *w, struct record *rule);
void alloc_world_remove_taint_rule(struct alloc_world *w, const char *name);

/* What is in use. Keys are "driver/pool/device"; claims are counted by uid, so adding one twice is adding it once. */
struct alloc_usage;
struct alloc_usage *alloc_usage_new(void);
void alloc_usage_free(struct alloc_usage *u);
/* Counts status.allocation of a claim (adminAccess results are not counted); replaces what that uid had before. */
void alloc_usage_set_claim(struct alloc_usage *u, const struct json *claim);
void alloc_usage_remove_claim(struct alloc_usage *u, const char *uid);

enum alloc_outcome {
  ALLOC_OK,
  ALLOC_UNSCHEDULABLE, /* does not fit on this node */
};

struct alloc_explanation; /* why each device was rejected for each request: alloc_explain.h */

struct alloc_request {
  const struct json *node;          /* a Node object */
  const struct json *const *claims; /* ResourceClaim objects, in order */
  size_t n_claims;
  uint64_t budget;                  /* steps before KERR_TIMEOUT; 0: none */
  bool explain;
};

struct alloc_result {
  enum alloc_outcome outcome;
  struct json **allocations; /* ALLOC_OK: one AllocationResult per claim, in the arena */
  bool node_only;            /* with an error: it concerns this node only */
  uint64_t steps;
  struct alloc_explanation *explanation; /* when asked for */
};

/* Errors: KERR_INVALID and KERR_INTERNAL with upstream's texts (ret->node_only says whether other nodes may do), KERR_TIMEOUT. */
_must_check_ int alloc_run(struct alloc_world *w, const struct alloc_usage *u, const struct alloc_request *req,
                           struct arena *a, struct alloc_result *ret, struct kerr *reterr);

#endif
