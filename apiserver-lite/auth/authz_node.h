/*
 * authz_node - what a kubelet may do: only what has to do with its own node.
 *
 * Upstream keeps a graph (plugin/pkg/auth/authorizer/node); here the relation
 * is looked up when it is asked for: which pods run on the node, and what they
 * name. Upstream's NodeRestriction admission completes it.
 *
 * Threads: constant after authz_node_new.
 */
#ifndef APISERVER_AUTHZ_NODE_H
#define APISERVER_AUTHZ_NODE_H

#include "authz.h"

struct authz_node;

struct authz_node *authz_node_new(const struct personality *p); /* borrowed */
void authz_node_free(struct authz_node *n);
enum authz_decision authz_node_decide(struct authz_node *n, struct auth_source *s, struct arena *a,
                                      const struct authz_request *req, const char **ret_reason);
/* The node's name when `user` is one, else NULL. */
const char *authz_node_name(const struct exchange_user *user);

#endif
