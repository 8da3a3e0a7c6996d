/*
 * cluster_logs - GET pods/NAME/log: the API server's hook, answered from the
 * node's directory (node_agent.h: node_logs).
 */
#ifndef CMD_CLUSTER_LOGS_H
#define CMD_CLUSTER_LOGS_H

#include "cluster_run_internal.h"

/* An apiserver_hook_fn; `run` is the struct cluster_run. Any thread. */
bool cluster_logs_serve(void *run, const struct exchange_request *req, const char *resource, const char *subresource,
                        const char *ns, const char *name, struct exchange_answer *ret);

#endif
