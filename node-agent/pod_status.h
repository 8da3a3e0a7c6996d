/*
 * pod_status - what kubelet writes into pod.status, as a pure function.
 *
 * From the pod and what is known of its containers: phase (kubelet_pods.go,
 * getPhase), conditions (status/generate.go), container statuses. The worker
 * (pod_worker.c) keeps the facts, this says how they read.
 */
#ifndef NODE_AGENT_POD_STATUS_H
#define NODE_AGENT_POD_STATUS_H

#include "json.h"

/* An end that a container came to. */
struct container_end {
  bool set;
  int exit_code, signal;
  const char *reason, *message;    /* "Completed", "Error", "StartError", ...; "" when there is none */
  int64_t started_at, finished_at; /* wall ns; 0: it never started */
  const char *id;                  /* "containerd://..." */
};

struct container_view {
  const char *name;
  bool init, sidecar;                /* sidecar: an init container that restarts always */
  const char *image, *image_id, *id; /* image_id and id "" before the first start */
  bool running;
  const char *waiting_reason, *waiting_message; /* NULL: not waiting */
  struct container_end now, last;               /* ended; the end before */
  int64_t started_at;
  bool ready, started;
  int64_t restarts;
};

struct pod_view {
  const struct json *pod;
  const struct container_view *containers; /* init containers first, as in the spec */
  size_t n;
  bool sandbox;      /* ready to start containers */
  bool terminal;     /* will not be restarted, whatever the policy says: it is being deleted, or was rejected */
  const char *phase; /* NULL: found from the containers; else given (Failed by admission, with reason and message) */
  const char *reason, *message;
  const char *host_ip, *pod_ip; /* pod_ip NULL while there is no sandbox */
  int64_t start_time, now;
};

/* Should a container that ended so be started again? (restartPolicy, sidecars, init containers) */
bool pod_restarts(const struct json *pod, const struct container_view *c, int exit_code);
/* "Pending", "Running", "Succeeded", "Failed". */
const char *pod_phase(const struct pod_view *v);
/* The status members that kubelet owns, for a patch: null where a member must go. */
struct json *pod_status(struct arena *a, const struct pod_view *v);

#endif
