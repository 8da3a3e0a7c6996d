/* sandbox_internal - the parts of sandbox-init; see sandbox_plan.h for the plan and sandbox_init.c for the order. */
#ifndef NODE_AGENT_SANDBOX_INTERNAL_H
#define NODE_AGENT_SANDBOX_INTERNAL_H

#include "json.h"

/* Carry out plan.steps below plan.root, in a mount namespace of our own, and make it the root of this process. */
_must_check_ int sandbox_mounts(struct arena *a, const struct json *plan, struct kerr *reterr);

/* A filter ready to load, from an OCI profile. Syscalls that libseccomp does not know are skipped, as runc does. */
struct sandbox_filter;
_must_check_ int sandbox_filter_new(const struct json *profile, struct sandbox_filter **ret, struct kerr *reterr);
_must_check_ int sandbox_filter_load(struct sandbox_filter *f, struct kerr *reterr);
void sandbox_filter_free(struct sandbox_filter *f);
/* The profile behind RuntimeDefault, as text. */
struct span sandbox_default_profile(void);

/* -- the log of one container, in CRI's format -- */

struct cri_stream {
  const char *name; /* "stdout", "stderr" */
  char line[16 * 1024];
  size_t n;
  bool partial; /* the line under way has been written in part */
};
struct cri_log {
  int fd;
  const char *path;
  int64_t size;
  struct cri_stream out, err;
};
_must_check_ int cri_log_open(struct cri_log *l, const char *path, struct kerr *reterr);
/* Take what a pipe gave; whole lines are written, a line longer than 16 KiB in parts (flag P). */
void cri_log_feed(struct cri_log *l, struct cri_stream *s, struct span bytes, int64_t wall_ns);
void cri_log_flush(struct cri_log *l, struct cri_stream *s, int64_t wall_ns); /* the last line without a newline */

#endif
