/*
 * slices - from the devices of a tree to ResourceSlices, as a pure function.
 *
 * One pool per node and driver, named after the node. Devices are packed in
 * their order, at most 128 to a slice, 64 where a device has taints or
 * counters; counter sets have slices of their own, since a slice may have one
 * or the other (KEP-4815, from 1.35 on).
 *
 * slices_plan compares with what the API server has and says what to write:
 * nothing when it is the same, so that a restart of the driver is silent; else
 * the whole pool under the next generation, reusing the slices that are there.
 */
#ifndef FAKE_DEVICES_SLICES_H
#define FAKE_DEVICES_SLICES_H

#include "device_tree.h"

struct slices_owner {
  const char *node, *node_uid; /* the Node object that owns the slices */
  const char *driver;
};

/* A ResourceSlice with its metadata alone, to be named by the server and owned by the Node. */
struct json *slices_object_new(struct arena *a, const struct slices_owner *owner, const char *api_version);
/* Specs (resource.k8s.io/v1 ResourceSliceSpec) without pool.generation, in order. An empty pool has one slice without
 * devices. */
struct json *slices_specs(struct arena *a, const struct slices_owner *owner, const struct device_tree *tree);

struct slices_write {
  enum { SLICE_CREATE, SLICE_UPDATE, SLICE_DELETE } verb;
  const struct json *object; /* to create, to update with; or the slice to delete */
};
struct slices_plan {
  struct slices_write *writes;
  size_t n;
  int64_t generation; /* of the pool afterwards */
};

/*
 * `existing`: the driver's slices of this pool as they are stored, in any order. Device taints keep the timeAdded of a
 * stored taint that is otherwise equal.
 */
void slices_plan(struct arena *a, const struct slices_owner *owner, const struct json *specs,
                 const struct json *const *existing, size_t n_existing, struct slices_plan *ret);

#endif
