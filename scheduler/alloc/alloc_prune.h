/*
 * alloc_prune - knowing that a branch is dead without walking it.
 *
 * Upstream has no memory: it tries every combination of devices that are the
 * same in all that matters. Here, once a search has met a few dead ends, the
 * devices get signatures, and what has failed once is not tried again:
 *
 *   alike     in one place of the search, after a device failed, devices of
 *             the same signature (and in the same situation) are skipped;
 *   memory    a state of the search in which everything failed is remembered
 *             in a canonical form, whatever devices led to it;
 *   bounds    alloc_bounds.c: there are not enough devices, values, counters
 *             or capacity left for what is still to be picked.
 *
 * None of them changes the first answer: they only skip what has none. Errors
 * are answers, too: see `fragile`.
 *
 * The signature of a device at a slot covers what the slot and all later
 * requests can see of it: for which of them it is right, its values in their
 * constraints, what it draws and holds. Devices that draw from the same
 * counters form a component; components are compared by what is in them and
 * left of them, so that equal cards are alike as a whole.
 *
 * Within a slot devices are picked in order, so every set of devices is met
 * once. When a state is remembered, all smaller sets have failed already;
 * that is why it does not matter where in the order the slot has got to.
 *
 * Internal to scheduler/alloc.
 */
#ifndef SCHEDULER_ALLOC_PRUNE_H
#define SCHEDULER_ALLOC_PRUNE_H

#include "alloc_search.h"

#define NO_COMPONENT UINT32_MAX

struct signature {
  uint64_t x, y; /* two independent hashes */
};

/* Counters that are drawn from together: those of a card, say. */
struct component {
  uint32_t pool, n;
  uint32_t *counters; /* places in the pool's list */
  uint64_t *names;    /* what they are called within the component */
  uint32_t n_sets;
  uint32_t *sets;
  const uint32_t *groups_before; /* per set of the pool; NULL: the gate is off */
};

struct level {
  uint64_t *device;    /* signature per device; 0: of no use from here on */
  uint64_t *component; /* per component, while nothing is taken */
};

struct prune {
  struct arena *a;
  uint32_t n, n_components;
  uint32_t *component_of; /* per device */
  struct component *components;
  uint64_t *base;         /* per device: what does not depend on slots */
  uint64_t **rest;        /* per request: what it and all later ones see of each device; NULL until asked */
  struct level **levels;  /* per slot; NULL until asked */
  uint32_t ***values;     /* per slot, per constraint of the slot: values per device */
  bool *fragile;          /* per slot: looking for its devices may end in an error */
  bool *never;            /* per slot: it wants too many, or all of a list of which some can never be had */
  uint32_t *error_from;   /* per slot of mode All: the first of its list that can end the search */
  uint32_t *last_request; /* per constraint: the last request that it applies to */
  uint64_t *alike;        /* signatures that failed, by frame */
  uint32_t n_alike, cap_alike;
  struct signature *memory; /* open addressing; x == 0: free */
  uint64_t mask, n_memory;
  uint64_t *situation; /* per component: scratch for the state in question */
  uint32_t *touched, n_touched;
  struct bounds *bounds;
};

/* Signatures at a slot. */
const struct level *prune_level(struct search *s, uint32_t slot);
/* The value of a device in the slot's i-th constraint. */
static inline uint32_t
prune_value(const struct prune *p, uint32_t slot, uint32_t i, uint32_t device)
{
  return p->values[slot][i][device];
}

/* -- alloc_signature.c -- */
void signatures_new(struct search *s, struct prune *p);

/* -- alloc_every.c -- */
void every_read(struct search *s, struct prune *p, uint32_t slot);
/* Are all devices of the list free, from one of them on? */
bool every_is_free(const struct search *s, uint32_t slot, uint32_t from);
/* Mode All that fails for a device that is not free, before a constraint could make an error of it. */
bool every_fails_quietly(const struct search *s, uint32_t slot, uint32_t from);

/* -- alloc_bounds.c -- */
struct bounds *bounds_new(struct search *s, struct prune *p);
/* Is there certainly no answer from `p` on? */
bool bounds_exceeded(struct search *s, const struct position *p);

#endif
