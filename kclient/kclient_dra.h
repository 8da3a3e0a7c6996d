/*
 * kclient_dra - the kinds of resource.k8s.io as a release has them.
 *
 * From 1.31 on a component reads and writes the stored version, v1, whatever the
 * release serves (docs/internals/rest.md). The kinds of 1.26 to 1.30 have no
 * conversion to it and are spoken as they are; PodSchedulingContext ended with 1.31.
 */
#ifndef KCLIENT_KCLIENT_DRA_H
#define KCLIENT_KCLIENT_DRA_H

#include "kclient.h"

/* A member is NULL where the release has no such kind. */
struct kclient_dra {
  const struct kclient_resource *claims, *templates;
  const struct kclient_resource *classes;                             /* ResourceClass until 1.30, then DeviceClass */
  const struct kclient_resource *slices;                              /* from 1.30 */
  const struct kclient_resource *scheduling;                          /* PodScheduling, PodSchedulingContext; to 1.31 */
  const struct kclient_resource *claim_parameters, *class_parameters; /* 1.30 alone */
  const char *finalizer;                                              /* of claims that the scheduler allocated */
  bool alpha;                                                         /* claims and classes are those of 1.26 to 1.30 */
};

const struct kclient_dra *kclient_dra_of(int minor);
/* The kind at `offset` (offsetof), for tables of what to watch. */
const struct kclient_resource *kclient_dra_kind(const struct kclient_dra *dra, size_t offset);

#endif
