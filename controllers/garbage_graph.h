/*
 * garbage_graph - who owns whom, by uid.
 *
 * A node for each object that was seen, and for each uid the list of objects
 * that name it as their owner, whether the owner itself was seen or not. The
 * graph may lag behind the server: whoever acts on an absence asks the server
 * first.
 *
 * Not thread-safe: the garbage collector holds the controllers' lock.
 */
#ifndef CONTROLLERS_GARBAGE_GRAPH_H
#define CONTROLLERS_GARBAGE_GRAPH_H

#include "hmap.h"
#include "json.h"
#include "kclient.h"

struct garbage_owner {
  char *uid, *api_version, *kind, *name;
  bool blocks; /* blockOwnerDeletion */
};

struct garbage_node {
  char *uid, *ns, *name;
  const struct kclient_resource *res; /* outlives the graph */
  struct garbage_owner *owners;
  size_t n_owners;
  bool deleting, foreground, orphan; /* has a deletionTimestamp; the two propagation finalizers */
};

struct garbage_graph;
struct garbage_graph *garbage_graph_new(void);
void garbage_graph_free(struct garbage_graph *g);
/* Add or replace; the node is borrowed until the next change of that object. */
const struct garbage_node *garbage_graph_set(struct garbage_graph *g, const struct kclient_resource *res,
                                             const struct json *o);
void garbage_graph_remove(struct garbage_graph *g, const char *uid);
const struct garbage_node *garbage_graph_get(const struct garbage_graph *g, const char *uid);
/* The next object that names `uid` as an owner; NULL at the end. `*cursor` starts at 0. */
const struct garbage_node *garbage_graph_dependent(const struct garbage_graph *g, const char *uid, size_t *cursor);

#endif
