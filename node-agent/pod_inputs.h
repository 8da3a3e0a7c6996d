/*
 * pod_inputs - what a pod brings into its containers: environment and volumes.
 *
 * Reads ConfigMaps, Secrets and tokens through the API when a container
 * starts. Errors are worded as kubelet's: a missing key of the environment is
 * a CreateContainerConfigError, a volume that cannot be set up a FailedMount.
 */
#ifndef NODE_AGENT_POD_INPUTS_H
#define NODE_AGENT_POD_INPUTS_H

#include "kclient.h"
#include "node_agent.h"

struct pod_place {
  const struct node_agent_config *config;
  const struct json *pod;
  const char *dir; /* NODE/pods/<uid> */
  const char *host_ip, *pod_ip;
};

/* ["K=V"] of a container: services, envFrom, env, with $(VAR) expanded. */
_must_check_ int pod_env(struct arena *a, const struct pod_place *p, const struct json *container, struct json **ret,
                         struct kerr *reterr);
/* Set up all volumes of the pod below `dir`. */
_must_check_ int pod_volumes(struct arena *a, const struct pod_place *p, struct kerr *reterr);
/* [{source, target, readOnly}] of a container: its volumeMounts and the files that every container has. */
_must_check_ int pod_mounts(struct arena *a, const struct pod_place *p, const struct json *container,
                            const char *termination_log, struct json **ret, struct kerr *reterr);
/* metadata.name, status.podIP, ...: the text behind a fieldRef. */
_must_check_ int pod_field(struct arena *a, const struct pod_place *p, const char *path, const char **ret,
                           struct kerr *reterr);

#endif
