/*
 * alloc_constraints - matchAttribute and distinctAttribute of one claim.
 *
 * Each constraint holds a stack with one entry per device it counts: for
 * matchAttribute what is still common (a value, or the intersection of value
 * sets with the gate DRAListTypeAttributes), for distinctAttribute the values
 * taken. Adding and removing are push and pop, so backtracking is exact.
 *
 * Follows constraint.go and matchAttributeConstraint of the variants; without
 * the gate a list value has an unknown type: as the first of a
 * matchAttribute it is accepted, and nothing fits with it.
 */
#ifndef SCHEDULER_ALLOC_CONSTRAINTS_H
#define SCHEDULER_ALLOC_CONSTRAINTS_H

#include "alloc_world.h"

struct alloc_job;
struct slot;

#define ATTR_MISSING UINT32_MAX

struct constraint {
  bool distinct;
  sid full, domain, bare; /* attribute; domain SID_NONE: there is no "/" in the name */
  const struct json *json;
  const struct json *requests;
  const char *attribute;

  /* This run. */
  uint32_t n, cap;
  uint32_t *values; /* attribute values as in struct attr */
  uint32_t *common; /* with list attributes: sets */
};

/* Does the constraint apply to requests of this name (and alternative)? */
bool constraint_applies(const struct constraint *c, const char *request, const char *alternative);
/* The device's value of the constraint's attribute, as the slot sees it; ATTR_MISSING. */
int constraint_value(struct alloc_job *j, const struct constraint *c, const struct slot *s, uint32_t device,
                     uint32_t *ret, struct kerr *reterr);
/* False: the device does not go with those counted. */
bool constraint_push(struct alloc_job *j, struct constraint *c, uint32_t value);
void constraint_pop(struct constraint *c);
/* Would it go? As constraint_push, without the push. */
bool constraint_allows(struct alloc_job *j, const struct constraint *c, uint32_t value);

#endif
