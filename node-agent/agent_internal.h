/* agent_internal - what the parts of the node agent share; all of it belongs to the agent's thread. */
#ifndef NODE_AGENT_AGENT_INTERNAL_H
#define NODE_AGENT_AGENT_INTERNAL_H

#include <poll.h>

#include "claim_cache.h"
#include "container.h"
#include "hmap.h"
#include "node_agent.h"
#include "pod_status.h"

#define AGENT_WHO "kubelet"

struct node_agent {
  struct node_agent_config config; /* texts are owned copies */
  char host_ip[32];
  int next_pod; /* counts up: the last byte of pod addresses */

  pthread_t thread;
  bool running;
  struct mailbox *box;
  struct kclient_informer *pods;
  bool synced;
  struct hmap *workers; /* pod uid -> struct pod_worker */
  struct claim_cache *claims;
  int64_t lease_due, status_due, reconcile_due;
};

/* -- agent_node.c -- */
_must_check_ int agent_register_node(struct node_agent *n, struct kerr *reterr);
void agent_heartbeat(struct node_agent *n); /* when it is due */
int64_t agent_heartbeat_next(const struct node_agent *n);

/* -- pod_worker.c: the life of one pod on this node -- */
struct pod_worker;
struct pod_worker *pod_worker_new(struct node_agent *n, struct record *pod);
void pod_worker_free(void *w);
void pod_worker_update(struct pod_worker *w, struct record *pod);
void pod_worker_gone(struct pod_worker *w); /* the object was deleted: by us at the end, or by force */
/* Do what there is to do now. False: the worker has nothing left to live for. */
bool pod_worker_sync(struct pod_worker *w);
int64_t pod_worker_next(const struct pod_worker *w); /* when to sync again, whatever happens */
size_t pod_worker_fds(const struct pod_worker *w, struct pollfd *fds, size_t cap);
/* The agent stops: kill everything at once. */
void pod_worker_kill(struct pod_worker *w);

/* -- pod_container.c: one container of a pod -- */
struct pod_container {
  char *name; /* owned */
  bool init, sidecar;
  struct container_process proc;
  int64_t attempt; /* of the current or next start, from 0 */
  bool starting, running;
  int64_t started_at;
  struct container_end now, last; /* texts live in the worker's arena */
  const char *waiting_reason, *waiting_message;
  const char *id, *image_id, *image;
  int64_t backoff_ns, pull_backoff_ns;
  int64_t not_before; /* monotonic: no attempt before */
  bool stopping;
  int64_t kill_at; /* monotonic; CLOCK_NEVER: not being stopped */
};

struct pod_worker {
  struct node_agent *n;
  struct arena *a; /* as long as the pod */
  struct record *pod;
  char *uid, *dir;
  char pod_ip[32];
  struct pod_container *containers; /* init containers first */
  size_t n_containers;
  int64_t start_time, next;
  bool prepared, gone, deleted, finished, cleaned;
  int64_t retry_ns;
  char *status; /* the last one written */
};

const struct json *pod_container_spec(const struct pod_worker *w, const struct pod_container *c);
/* Try to start: sets starting, or waiting_reason and not_before. */
void pod_container_start(struct pod_worker *w, struct pod_container *c);
/* Look at the process: has it started, has it ended. */
void pod_container_check(struct pod_worker *w, struct pod_container *c);
void pod_container_stop(struct pod_worker *w, struct pod_container *c, int64_t grace_s);
/* Find what an earlier agent left of this container. */
void pod_container_recover(struct pod_worker *w, struct pod_container *c);
void pod_event(const struct pod_worker *w, const struct pod_container *c, const char *type, const char *reason,
               const char *fmt, ...) _printf_(5, 6);
char *pod_log_dir(struct arena *a, const char *node_dir, const struct json *pod);

/* -- node_agent.c -- */
/* Kill and remove what NODE/pods/<uid> holds, when nobody minds that pod any more. */
_must_check_ int node_agent_kill_pod(const char *pod_dir, struct kerr *reterr);

static inline const struct json *
pod_tree(const struct pod_worker *w)
{
  return record_tree(w->pod);
}

#endif
