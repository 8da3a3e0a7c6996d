/*
 * sched_nodes - the loop's picture of every node: the object, and what the pods
 * on it have taken, assumed ones included.
 *
 * Owned by the scheduler's loop. Borrowed pointers hold until the next call
 * that changes the same node.
 */
#ifndef SCHEDULER_SCHED_NODES_H
#define SCHEDULER_SCHED_NODES_H

#include "hmap.h"
#include "json.h"
#include "record.h"
#include "sched_resources.h"

struct sched_node {
  char *name;
  struct record *node;  /* NULL: pods name it, but it is not there */
  struct hmap *pods;    /* uid → record of the pod, with its spec */
  struct hmap *used;    /* resource name → int64_t * */
  struct arena *memory; /* of `allocatable`; renewed with the node */
  struct sched_resources allocatable;
  const struct json *taints; /* of `node`, as the next */
  bool unschedulable;
};

struct sched_nodes;
struct sched_nodes *sched_nodes_new(void);
void sched_nodes_free(struct sched_nodes *s);
void sched_nodes_set(struct sched_nodes *s, struct record *node);
void sched_nodes_remove(struct sched_nodes *s, const char *name);
/* Count a pod on a node; a pod is on one node at a time, and done pods take nothing. */
void sched_nodes_add_pod(struct sched_nodes *s, const char *node, struct record *pod);
void sched_nodes_remove_pod(struct sched_nodes *s, const char *uid);
/* Where the pod is counted, or NULL. */
const char *sched_nodes_of_pod(const struct sched_nodes *s, const char *uid);

size_t sched_nodes_count(const struct sched_nodes *s); /* nodes that are there */
/* By name, in the order of the names; `i` below the count. */
struct sched_node *sched_nodes_at(struct sched_nodes *s, size_t i);
int64_t sched_node_used(const struct sched_node *n, const char *resource);

#endif
