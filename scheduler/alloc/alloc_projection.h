/*
 * alloc_projection - what of a device a filter looks at.
 *
 * Most selectors name the attributes they look at. Then two devices with the
 * same values in these get the same answer, however much else (serial numbers,
 * addresses) tells them apart, and CEL need not be asked twice. This is found
 * out from the text, and only for texts in which every mention of `device` is
 * followed by a plain path; anything else gets no projection.
 *
 * Two reservations: an answer that is an error is never carried over, and a
 * device with a value that CEL has not yet accepted (a version may be
 * malformed) is always asked about itself.
 *
 * Internal to scheduler/alloc.
 */
#ifndef SCHEDULER_ALLOC_PROJECTION_H
#define SCHEDULER_ALLOC_PROJECTION_H

#include "alloc_world.h"

struct projection;

/* NULL when the filter's selectors look at more than can be named. */
struct projection *projection_new(struct alloc_world *w, const struct filter *f);
void projection_free(struct projection *p);
size_t projection_memory(const struct projection *p);
/* The answer of a device with the same values. False: there is none yet. */
bool projection_find(struct alloc_world *w, struct projection *p, uint32_t device, bool *ret);
/* CEL has answered for this device. */
void projection_put(struct alloc_world *w, struct projection *p, uint32_t device, bool yes);

#endif
