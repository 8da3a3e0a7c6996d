/*
 * sandbox_plan - what a container is, as data: an ordered list of steps and one process.
 *
 * The plan is made without privilege from the pod, the image and the CDI edits
 * (a pure function, tested against golden files), travels as JSON over an
 * inherited descriptor, and is carried out by `dralab sandbox-init`
 * (sandbox_init.c), which decides nothing.
 *
 *   {"steps": [{"op": "overlay", ...}, ...],   in order; paths are inside the container unless named source, lower,
 * upper, work "root": "/.../rootfs",                    where the container's file system is put together "process":
 * {"args", "env", "cwd", "uid", "gid", "groups", "capabilities", "noNewPrivileges", "rlimits"}, "seccomp": {...}, an
 * OCI profile; absent: none "userns": {"uid", "gid"},                 without privilege: whom we are outside; absent as
 * root "hostname", "log", "state", "stopSignal"}
 */
#ifndef NODE_AGENT_SANDBOX_PLAN_H
#define NODE_AGENT_SANDBOX_PLAN_H

#include "image_store.h"

struct sandbox_spec {
  const struct json *pod, *container;
  const struct image *image;
  const struct json *env;     /* ["K=V"]: the container's own, expanded */
  const struct json *mounts;  /* [{source, target, readOnly}]: volumes, hosts file, termination log */
  const struct json *edits;   /* of CDI (cdi_merge), or NULL */
  const struct json *seccomp; /* an OCI profile, or NULL for Unconfined */
  const char *hostname;
  const char *node_dir; /* NODE */
  const char *dir;      /* of this container and attempt: rootfs, upper, work, state.json */
  const char *shm_dir;  /* shared by the containers of the pod */
  const char *log;
  bool rootless;
  uint32_t host_uid, host_gid;
};

/* KERR_INVALID: what the container asks for cannot be (kubelet's CreateContainerConfigError). */
_must_check_ int sandbox_plan(struct arena *a, const struct sandbox_spec *spec, struct json **ret, struct kerr *reterr);

/* Kubernetes' $(VAR) in command, args and env: `$$` is `$`, an unknown name stays. `env` is a list of "K=V". */
char *sandbox_expand(struct arena *a, const char *text, const struct json *env);

/* What the container's minder says of it in state.json. */
struct sandbox_state {
  bool known; /* there is a readable file */
  bool started, ended;
  int64_t pid, pid_start;          /* of the minder, and its start time in ticks: together they name a process */
  int64_t started_at, finished_at; /* wall ns */
  int exit_code, signal;
  const char *error; /* why it did not start; NULL when it did */
};
void sandbox_state_read(struct arena *a, const char *path, struct sandbox_state *ret);

#endif
