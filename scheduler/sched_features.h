/*
 * sched_features - which of the allocator's features a personality has on.
 */
#ifndef SCHEDULER_SCHED_FEATURES_H
#define SCHEDULER_SCHED_FEATURES_H

#include "alloc.h"
#include "gates.h"

struct alloc_features sched_features_of(const struct personality *p);

#endif
