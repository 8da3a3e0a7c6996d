/*
 * classic_script - drivers' controllers that behave, or do not, as a seed says: slow, silent, refusing nodes,
 * allocating elsewhere than they were told, dying in the middle. Each act is one write, so that others can come
 * between.
 *
 * What they keep to is the contract of upstream's library (k8s.io/dynamic-resource-allocation/controller).
 */
#ifndef TESTS_CLASSIC_SCRIPT_H
#define TESTS_CLASSIC_SCRIPT_H

#include "classic_world.h"

#define SCRIPT_NODES_MAX 4

struct script_driver {
  char name[32];    /* "d0.example.com"; its class has the same name */
  uint32_t refuses; /* bit i: node ni is unsuitable for every claim */
  unsigned dead;    /* acts it will not do */
  /* faults, in per cent of its acts; cleared when the world is to settle */
  unsigned lazy, elsewhere, dies;
};

bool script_accepts(const struct script_driver *d, unsigned node);
/* One act, on live objects. False: there was nothing to do, or it did not feel like it. */
bool script_act(struct world *w, const struct script_driver *d, unsigned n_nodes);
bool script_act_faulty(struct world *w, struct script_driver *d, unsigned n_nodes);
/* The driver of a claim, by its controller or its class. */
const char *script_driver_of(const struct json *claim);
/* The node that an allocation of these drivers is for; "" when there is none. */
const char *script_node_of(const struct json *claim);

#endif
