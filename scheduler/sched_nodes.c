#include "sched_nodes.h"

#include <string.h>

#include "ceilings.h"
#include "object.h"

struct sched_nodes {
  struct hmap *by_name; /* name → sched_node */
  struct hmap *where;   /* pod uid → node name */
  struct sched_node **sorted;
  size_t n_sorted;
  bool stale; /* the sorted list has to be made anew */
};

static void
unref(void *r)
{
  record_unref(r);
}

static void
node_free(void *p)
{
  struct sched_node *n = p;

  record_unref(n->node);
  hmap_free(n->pods);
  hmap_free(n->used);
  arena_free(n->memory);
  free(n->name);
  free(n);
}

struct sched_nodes *
sched_nodes_new(void)
{
  struct sched_nodes *s = mem_alloc(sizeof *s);

  s->by_name = hmap_new(node_free);
  s->where = hmap_new(free);
  return s;
}

void
sched_nodes_free(struct sched_nodes *s)
{
  if (!s)
    return;
  hmap_free(s->by_name);
  hmap_free(s->where);
  free(s->sorted);
  free(s);
}

static struct sched_node *
ensure(struct sched_nodes *s, const char *name)
{
  struct sched_node *n = hmap_get(s->by_name, span_of(name));

  if (n)
    return n;
  n = mem_alloc(sizeof *n);
  n->name = mem_strdup(name);
  n->pods = hmap_new(unref);
  n->used = hmap_new(free);
  hmap_put(s->by_name, span_of(name), n);
  return n;
}

static void
drop_if_empty(struct sched_nodes *s, struct sched_node *n)
{
  if (!n->node && hmap_count(n->pods) == 0)
    hmap_remove(s->by_name, span_of(n->name));
}

void
sched_nodes_set(struct sched_nodes *s, struct record *node)
{
  const struct json *o = record_tree(node);
  struct sched_node *n = ensure(s, object_name(o));

  if (!n->node)
    s->stale = true;
  record_unref(n->node);
  n->node = record_ref(node);
  arena_free(n->memory);
  n->memory = arena_new(CEIL_ARENA_SMALL);
  n->allocatable = sched_resources_of(n->memory, json_dig(o, "status", "allocatable", NULL));
  n->taints = json_dig(o, "spec", "taints", NULL);
  n->unschedulable = json_get_bool(json_get(o, "spec"), "unschedulable", false);
}

void
sched_nodes_remove(struct sched_nodes *s, const char *name)
{
  struct sched_node *n = hmap_get(s->by_name, span_of(name));

  if (!n || !n->node)
    return;
  record_unref(n->node);
  n->node = NULL;
  s->stale = true;
  drop_if_empty(s, n);
}

static void
account(struct sched_node *n, struct record *pod, int sign)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct sched_resources r = sched_pod_requests(a, record_tree(pod));

  for (size_t i = 0; i < r.n; i++) {
    int64_t *sum = hmap_get(n->used, span_of(r.list[i].name));

    if (!sum) {
      sum = mem_alloc(sizeof *sum);
      hmap_put(n->used, span_of(r.list[i].name), sum);
    }
    *sum += sign * r.list[i].value;
  }
}

void
sched_nodes_add_pod(struct sched_nodes *s, const char *node, struct record *pod)
{
  const char *uid = object_uid(record_tree(pod));
  struct sched_node *n;

  sched_nodes_remove_pod(s, uid);
  n = ensure(s, node);
  hmap_put(n->pods, span_of(uid), record_ref(pod));
  hmap_put(s->where, span_of(uid), mem_strdup(node));
  account(n, pod, 1);
}

void
sched_nodes_remove_pod(struct sched_nodes *s, const char *uid)
{
  const char *where = hmap_get(s->where, span_of(uid));
  struct sched_node *n = where ? hmap_get(s->by_name, span_of(where)) : NULL;
  struct record *pod;

  if (!n)
    return;
  pod = hmap_take(n->pods, span_of(uid));
  account(n, pod, -1);
  record_unref(pod);
  hmap_remove(s->where, span_of(uid));
  drop_if_empty(s, n);
}

const char *
sched_nodes_of_pod(const struct sched_nodes *s, const char *uid)
{
  return hmap_get(s->where, span_of(uid));
}

static int
by_name(const void *x, const void *y)
{
  return strcmp((*(struct sched_node *const *)x)->name, (*(struct sched_node *const *)y)->name);
}

/* Made anew when nodes came or went, which is seldom beside pods. */
static void
sort(struct sched_nodes *s)
{
  struct span key;
  void *value;
  size_t cursor = 0;

  free(s->sorted);
  s->sorted = mem_calloc(hmap_count(s->by_name), sizeof(struct sched_node *));
  s->n_sorted = 0;
  while (hmap_next(s->by_name, &cursor, &key, &value))
    if (((struct sched_node *)value)->node)
      s->sorted[s->n_sorted++] = value;
  if (s->n_sorted > 1)
    qsort(s->sorted, s->n_sorted, sizeof(struct sched_node *), by_name);
  s->stale = false;
}

size_t
sched_nodes_count(const struct sched_nodes *s)
{
  struct span key;
  void *value;
  size_t cursor = 0, n = 0;

  if (!s->stale)
    return s->n_sorted;
  while (hmap_next(s->by_name, &cursor, &key, &value))
    n += ((struct sched_node *)value)->node != NULL;
  return n;
}

struct sched_node *
sched_nodes_at(struct sched_nodes *s, size_t i)
{
  if (s->stale)
    sort(s);
  return s->sorted[i];
}

int64_t
sched_node_used(const struct sched_node *n, const char *resource)
{
  const int64_t *sum = hmap_get(n->used, span_of(resource));

  return sum ? *sum : 0;
}
