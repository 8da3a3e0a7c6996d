/*
 * doctor - can this machine run pods, and what to do when it cannot.
 *
 * Each check tries the thing itself in a child process; nothing is left
 * behind. For `dralab doctor` and for the node agent's error messages.
 */
#ifndef NODE_AGENT_DOCTOR_H
#define NODE_AGENT_DOCTOR_H

#include "arena.h"

enum doctor_state { DOCTOR_OK, DOCTOR_LIMITED, DOCTOR_BROKEN };

struct doctor_finding {
  enum doctor_state state;
  const char *what;   /* "user namespaces" */
  const char *detail; /* what was found: "can be made", "unshare: Operation not permitted" */
  const char *advice; /* what to do; NULL when all is well */
};

struct doctor_check {
  const char *what;
  void (*run)(struct arena *a, const char *dir, struct doctor_finding *ret);
};
extern const struct doctor_check doctor_checks[];
extern const size_t doctor_check_count;

/* All checks; `dir` is a directory that may be used for trials (the data directory). Returns how many are broken. */
size_t doctor_run(struct arena *a, const char *dir, struct doctor_finding **ret, size_t *ret_n);

#endif
