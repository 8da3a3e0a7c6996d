/*
 * node_agent - kubelet's part on one fake node.
 *
 * Registers the Node and renews its Lease; admits pods that the scheduler
 * bound to it, has their claims prepared by the DRA drivers, runs their
 * containers as processes in namespaces of their own (sandbox_plan.h), and
 * writes their status, events and logs as kubelet and containerd do. What is
 * different is in docs/differences.md.
 *
 * A node is a directory:
 *   NODE/sys, NODE/dev      the machine's devices (fake-devices)
 *   NODE/cdi                CDI files, /var/run/cdi of the node
 *   NODE/log/pods/<ns>_<name>_<uid>/<container>/<n>.log    as CRI has them
 *   NODE/pods/<uid>/        volumes, hosts file, and a directory per container
 *   NODE/kubelet/           /var/lib/kubelet: plugins, dra_manager_state
 *
 * Containers do not depend on this process: after a crash (kill -9) they go
 * on, and the next agent of the node finds them again by their state files.
 *
 * Threads: one loop and one descriptor watcher per agent.
 */
#ifndef NODE_AGENT_NODE_AGENT_H
#define NODE_AGENT_NODE_AGENT_H

#include "dra_plugin.h"
#include "gates.h"
#include "kclient.h"

struct node_agent;

/* Who knows the DRA drivers of this node: NULL when the driver is not registered. Called on the agent's thread. */
struct node_plugins {
  struct dra_plugin *(*find)(void *arg, const char *driver);
  void *arg;
};

struct node_agent_config {
  struct kclient *client; /* outlives the agent */
  const char *node;
  int index;              /* of the node in its cluster, from 0: its address and those of its pods derive from it */
  const char *dir;        /* NODE; made when absent */
  const char *images_dir; /* image store, shared by clusters (image_store.h) */
  struct personality *personality; /* the cluster's release */
  const char *server;  /* "https://127.0.0.1:6443": where pods reach the API server; NULL: they are not told */
  const char *ca_pem;  /* for the service account volume; NULL: without ca.crt */
  const char *program; /* what is re-executed as `sandbox-init`; NULL: /proc/self/exe */
  struct node_plugins plugins;
  const struct json *labels; /* further labels of the Node, or NULL */
  struct clock *clock;
  struct log *log;
};

struct node_agent *node_agent_new(const struct node_agent_config *config);
/* Make the directory, register the Node, find containers that are still running, begin the loop. */
_must_check_ int node_agent_start(struct node_agent *n, struct kerr *reterr);
/* Kill the containers, say so in the pods' status, end the loop. Nothing of the node runs when it returns. */
void node_agent_stop(struct node_agent *n);
void node_agent_free(struct node_agent *n);

/* Kill whatever containers a node's directory says are running: for `delete cluster` after a crash. */
_must_check_ int node_agent_kill_leftovers(const char *dir, struct kerr *reterr);

/*
 * What `dralab sandbox-init` runs: interprets the plan on `plan_fd` (sandbox_plan.h), stays as the container's minder
 * until its process has ended, and returns the exit code of its own process.
 */
int sandbox_init_main(int plan_fd);

/* -- logs: GET pods/NAME/log -- */

struct node_logs_options {
  const char *container; /* NULL: the pod's only one */
  bool previous, timestamps, follow;
  int64_t tail_lines;  /* -1: all */
  int64_t since;       /* wall ns; 0: all */
  int64_t limit_bytes; /* 0: no limit */
};

/*
 * A reader of one container's log. `pod` is the Pod object. KERR_BAD_REQUEST with kubelet's texts (`container "x" in
 * pod "y" is waiting to start: ContainerCreating`, `previous terminated container ... not found`).
 */
struct node_logs;
_must_check_ int node_logs_open(const char *dir, const struct json *pod, const struct node_logs_options *opts,
                                struct node_logs **ret, struct kerr *reterr);
/*
 * Append what there is to `b` (at most about 64 KiB at a time). 1: there may be more at once; 0: nothing new now, ask
 * again (only with follow); -1: the end.
 */
int node_logs_read(struct node_logs *l, struct strbuf *b);
void node_logs_free(struct node_logs *l);
void node_logs_freep(struct node_logs **pl);
/* The last `tail` lines (-1: all) of one log file, without following it. */
_must_check_ int node_logs_open_file(const char *path, int64_t tail, struct node_logs **ret, struct kerr *reterr);

#endif
