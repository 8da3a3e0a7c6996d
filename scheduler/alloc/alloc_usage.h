/*
 * alloc_usage - what is in use, seen by device.
 *
 * A usage is kept by name ("driver/pool/device"), because devices come and go.
 * A world follows one usage at a time: it turns the entries into bits and
 * pointers by device number, and later only looks at what changed.
 *
 * Internal to scheduler/alloc; the public functions are in alloc.h.
 */
#ifndef SCHEDULER_ALLOC_USAGE_H
#define SCHEDULER_ALLOC_USAGE_H

#include "alloc_world.h"

/* One device's use. Entries stay where they are until the usage is freed, even when nothing is left. */
struct use {
  char *key;
  uint32_t dedicated;  /* allocations of the whole device */
  uint32_t shares;     /* shares given out */
  uint32_t capacities; /* who counted capacity here; upstream's "has an entry in AggregatedCapacity" */
  struct use_capacity {
    char *name;
    amount n;
  } * v;
  size_t n_v;
  const char *by; /* "namespace/name" of a claim that uses it, for explanations; NULL when unknown */
};

/* Bring w->dedicated, allocated, shared and uses up to date with `u`; NULL is nothing in use. */
void world_follow(struct alloc_world *w, const struct alloc_usage *u);
/* Called when slices come and go. */
void world_note_fresh(struct alloc_world *w, const struct slice *s);
void world_forget_uses(struct alloc_world *w, const struct slice *s);

#endif
