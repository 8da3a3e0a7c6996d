/*
 * slices_named - ResourceSlices of Kubernetes 1.30 (v1alpha2, the model "named resources"), as a pure function.
 *
 * One slice per node and driver, an instance per device. Attribute names of
 * that time are lower-case words: driverVersion becomes driver-version, and a
 * capacity is an attribute of the type quantity.
 */
#ifndef FAKE_DEVICES_SLICES_NAMED_H
#define FAKE_DEVICES_SLICES_NAMED_H

#include "slices.h"

#define NAMED_RESOURCES_MINOR 30 /* the one release that has them */

/* What to write so that the API has one slice with the driver's devices; `existing` as for slices_plan. */
void slices_named_plan(struct arena *a, const struct slices_owner *owner, const struct device_tree *tree,
                       const struct json *const *existing, size_t n_existing, struct slices_plan *ret);

#endif
