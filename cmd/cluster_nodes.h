/*
 * cluster_nodes - where the nodes of a cluster are on disk: DIR/nodes/NAME, with
 * the node's sys/, dev/ and kubelet folders (docs/internals/node-agent.md).
 */
#ifndef CMD_CLUSTER_NODES_H
#define CMD_CLUSTER_NODES_H

#include "cluster_dir.h"

char *cluster_node_dir(struct arena *a, const struct cluster_dir *d, const char *node);

#endif
