/*
 * How long a kubelet may keep what it has read of secrets and configmaps: an
 * annotation on each node, by the number of nodes (pkg/controller/ttl).
 */
#include <string.h>

#include "controllers_internal.h"

#define ANNOTATION "node.alpha.kubernetes.io/ttl"

/* Ranges overlap, so that one node more or less does not change all nodes again and again. */
static const struct {
  size_t least, most;
  int seconds;
} sizes[] = {
  { 0, 100, 0 }, { 90, 500, 15 }, { 450, 1000, 30 }, { 900, 2000, 60 }, { 1800, SIZE_MAX, 300 },
};

struct cluster_size {
  size_t nodes, range;
};

static void *
state_new(struct controller *ctl)
{
  (void)ctl;
  return mem_alloc(sizeof(struct cluster_size));
}

static void
changed(struct controller *ctl, enum watched what, const struct kclient_change *change)
{
  struct cluster_size *size = ctl->state;

  (void)what;
  if (!change->record)
    return;
  if (change->type == KCLIENT_DELETED) {
    size->nodes--;
    size->range -= size->nodes < sizes[size->range].least;
    return;
  }
  if (change->type == KCLIENT_ADDED) {
    size->nodes++;
    size->range += size->nodes > sizes[size->range].most;
  }
  controllers_enqueue(ctl, record_tree(change->record)); /* kubelets write often enough for all nodes to hear */
}

static int
sync(struct controller *ctl, const char *key, struct arena *a, struct kerr *reterr)
{
  const struct cluster_size *size = ctl->state;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *patch = json_new_object(a);
  const char *ns, *name, *seconds, *now;
  struct record *r;

  controllers_split_key(a, key, &ns, &name);
  r = controllers_get(ctl->all, a, WATCH_NODES, NULL, name);
  if (!r)
    return 0;
  pthread_mutex_lock(&ctl->all->lock);
  seconds = arena_printf(a, "%d", sizes[size->range].seconds);
  pthread_mutex_unlock(&ctl->all->lock);
  now = json_get_str(json_dig(record_tree(r), "metadata", "annotations", NULL), ANNOTATION);
  if (now && strcmp(now, seconds) == 0)
    return 0;
  json_set_str(a, json_ensure_object(a, json_ensure_object(a, patch, "metadata"), "annotations"), ANNOTATION, seconds);
  if (kclient_patch(ctl->all->config.client, &KC_NODES, NULL, NULL, name, KCLIENT_STRATEGIC_PATCH, NULL, patch, NULL,
                    &err) < 0 &&
      err.code != KERR_NOT_FOUND)
    return kerr_move(reterr, &err);
  return 0;
}

const struct controller_ops ttl_controller_ops = {
  .name = "ttl-controller",
  .watches = 1u << WATCH_NODES,
  .state_new = state_new,
  .state_free = free,
  .changed = changed,
  .sync = sync,
};
