/*
 * container - one container's process, from the outside.
 *
 * A container is started by spawning this program as `sandbox-init` with a
 * plan; from then on it is known by its state file and its minder's pid, so
 * that an agent that did not start it can find it again. Processes are held by
 * pidfd: a pid that was used again is never mistaken for ours.
 */
#ifndef NODE_AGENT_CONTAINER_H
#define NODE_AGENT_CONTAINER_H

#include <sys/types.h>

#include "json.h"

#define CONTAINER_PLAN_FD   3
#define CONTAINER_STATUS_FD 4

struct container_process {
  pid_t pid;     /* of the minder; 0: none */
  int pid_fd;    /* readable when it has ended */
  int status_fd; /* readable (end of file) when state.json says whether it runs; -1 when that is known */
};
#define CONTAINER_NONE            \
  {                               \
    .pid_fd = -1, .status_fd = -1 \
  }

/* Spawn `program` sandbox-init with `plan`. The directories that the plan names exist. */
_must_check_ int container_spawn(const char *program, const struct json *plan, struct container_process *ret,
                                 struct kerr *reterr);
/* The minder that `pid` and `pid_start` name, if it is still there. */
bool container_find(int64_t pid, int64_t pid_start, struct container_process *ret);
void container_signal(const struct container_process *c, int signal); /* SIGTERM: stop; SIGUSR1: kill */
/* Close the descriptors and reap; the process has ended. */
void container_release(struct container_process *c);
/* Remove a container's directory: the kernel leaves a folder there that must be made accessible first. */
_must_check_ int container_remove_dir(const char *dir, struct kerr *reterr);
/* Start time of a process in clock ticks since boot (field 22 of /proc/PID/stat); 0 when it is gone. */
int64_t container_pid_start(pid_t pid);

#endif
