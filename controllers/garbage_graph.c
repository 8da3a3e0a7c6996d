#include "garbage_graph.h"

#include <string.h>

#include "object.h"

struct garbage_graph {
  struct hmap *nodes;      /* uid → node */
  struct hmap *dependents; /* owner's uid → map of dependents' uids to their nodes (borrowed) */
};

static void
node_free(void *p)
{
  struct garbage_node *n = p;

  for (size_t i = 0; i < n->n_owners; i++) {
    free(n->owners[i].uid);
    free(n->owners[i].api_version);
    free(n->owners[i].kind);
    free(n->owners[i].name);
  }
  free(n->owners);
  free(n->uid);
  free(n->ns);
  free(n->name);
  free(n);
}

static void
set_free(void *p)
{
  hmap_free(p);
}

struct garbage_graph *
garbage_graph_new(void)
{
  struct garbage_graph *g = mem_alloc(sizeof *g);

  g->nodes = hmap_new(node_free);
  g->dependents = hmap_new(set_free);
  return g;
}

void
garbage_graph_free(struct garbage_graph *g)
{
  if (!g)
    return;
  hmap_free(g->dependents);
  hmap_free(g->nodes);
  free(g);
}

static struct garbage_node *
node_new(const struct kclient_resource *res, const struct json *o)
{
  const struct json *owners = json_dig(o, "metadata", "ownerReferences", NULL);
  struct garbage_node *n = mem_alloc(sizeof *n);

  n->uid = mem_strdup(object_uid(o));
  n->ns = mem_strdup(object_namespace(o));
  n->name = mem_strdup(object_name(o));
  n->res = res;
  n->deleting = object_is_deleting(o);
  n->foreground = object_has_finalizer(o, "foregroundDeletion");
  n->orphan = object_has_finalizer(o, "orphan");
  n->owners = mem_calloc(json_count(owners), sizeof *n->owners);
  for (json_each_item (p, owners))
    n->owners[n->n_owners++] = (struct garbage_owner){
      .uid = mem_strdup(json_get_str_or(*p, "uid", "")),
      .api_version = mem_strdup(json_get_str_or(*p, "apiVersion", "")),
      .kind = mem_strdup(json_get_str_or(*p, "kind", "")),
      .name = mem_strdup(json_get_str_or(*p, "name", "")),
      .blocks = json_get_bool(*p, "blockOwnerDeletion", false),
    };
  return n;
}

static void
unlink_owners(struct garbage_graph *g, const struct garbage_node *n)
{
  for (size_t i = 0; i < n->n_owners; i++) {
    struct hmap *set = hmap_get(g->dependents, span_of(n->owners[i].uid));

    if (!set)
      continue;
    hmap_remove(set, span_of(n->uid));
    if (hmap_count(set) == 0)
      hmap_remove(g->dependents, span_of(n->owners[i].uid));
  }
}

static void
link_owners(struct garbage_graph *g, struct garbage_node *n)
{
  for (size_t i = 0; i < n->n_owners; i++) {
    struct hmap *set = hmap_get(g->dependents, span_of(n->owners[i].uid));

    if (!set) {
      set = hmap_new(NULL);
      hmap_put(g->dependents, span_of(n->owners[i].uid), set);
    }
    hmap_put(set, span_of(n->uid), n);
  }
}

const struct garbage_node *
garbage_graph_set(struct garbage_graph *g, const struct kclient_resource *res, const struct json *o)
{
  struct garbage_node *n = node_new(res, o), *before = hmap_get(g->nodes, span_of(n->uid));

  if (before)
    unlink_owners(g, before);
  hmap_put(g->nodes, span_of(n->uid), n);
  link_owners(g, n);
  return n;
}

void
garbage_graph_remove(struct garbage_graph *g, const char *uid)
{
  struct garbage_node *n = hmap_get(g->nodes, span_of(uid));

  if (!n)
    return;
  unlink_owners(g, n);
  hmap_remove(g->nodes, span_of(uid));
}

const struct garbage_node *
garbage_graph_get(const struct garbage_graph *g, const char *uid)
{
  return hmap_get(g->nodes, span_of(uid));
}

const struct garbage_node *
garbage_graph_dependent(const struct garbage_graph *g, const char *uid, size_t *cursor)
{
  struct hmap *set = hmap_get(g->dependents, span_of(uid));
  struct span key;
  void *value;

  return set && hmap_next(set, cursor, &key, &value) ? value : NULL;
}
