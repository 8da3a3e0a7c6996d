/*
 * Taints that follow from a node's conditions (pkg/controller/nodelifecycle):
 * what admission put on a new node goes when its kubelet says Ready, and comes
 * back when it does not.
 */
#include <string.h>

#include "controllers_internal.h"

/* Condition, the value of it that taints, and the taint's key; effect NoSchedule. */
static const struct {
  const char *condition, *status, *key;
} rules[] = {
  { "Ready", "False", "node.kubernetes.io/not-ready" },
  { "Ready", "Unknown", "node.kubernetes.io/unreachable" },
  { "MemoryPressure", "True", "node.kubernetes.io/memory-pressure" },
  { "DiskPressure", "True", "node.kubernetes.io/disk-pressure" },
  { "PIDPressure", "True", "node.kubernetes.io/pid-pressure" },
  { "NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable" },
};

#define UNSCHEDULABLE "node.kubernetes.io/unschedulable"

static void
changed(struct controller *ctl, enum watched what, const struct kclient_change *change)
{
  (void)what;
  if (change->record && change->type != KCLIENT_DELETED)
    controllers_enqueue(ctl, record_tree(change->record));
}

static bool
is_ours(const struct json *taint)
{
  const char *key = json_get_str_or(taint, "key", "");

  if (strcmp(json_get_str_or(taint, "effect", ""), "NoSchedule") != 0)
    return false;
  for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
    if (strcmp(key, rules[i].key) == 0)
      return true;
  return strcmp(key, UNSCHEDULABLE) == 0;
}

static void
add_taint(struct arena *a, struct json *taints, const char *key, const struct json *before)
{
  struct json *t;

  for (json_each_item (p, before)) /* as it is, with the time it was put there */
    if (is_ours(*p) && strcmp(json_get_str_or(*p, "key", ""), key) == 0) {
      json_append(a, taints, json_copy(a, *p));
      return;
    }
  t = json_append(a, taints, json_new_object(a));
  json_set_str(a, t, "key", key);
  json_set_str(a, t, "effect", "NoSchedule");
}

/* What the taints should be: others' as they are, ours as the conditions say. */
static struct json *
wanted_taints(struct arena *a, const struct json *node)
{
  const struct json *before = json_dig(node, "spec", "taints", NULL);
  struct json *taints = json_new_array(a);

  for (json_each_item (p, before))
    if (!is_ours(*p))
      json_append(a, taints, json_copy(a, *p));
  for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
    const struct json *c = object_condition(node, rules[i].condition);

    if (c && strcmp(json_get_str_or(c, "status", ""), rules[i].status) == 0)
      add_taint(a, taints, rules[i].key, before);
  }
  if (json_get_bool(json_get(node, "spec"), "unschedulable", false))
    add_taint(a, taints, UNSCHEDULABLE, before);
  return taints;
}

static bool
same_taints(const struct json *x, const struct json *y)
{
  if (json_count(x) != json_count(y))
    return false;
  for (json_each_item (p, x)) {
    bool found = false;

    for (json_each_item (q, y))
      found = found || json_equal(*p, *q);
    if (!found)
      return false;
  }
  return true;
}

static int
sync(struct controller *ctl, const char *key, struct arena *a, struct kerr *reterr)
{
  const char *ns, *name;
  struct record *r;
  struct json *copy, *taints;

  controllers_split_key(a, key, &ns, &name);
  r = controllers_get(ctl->all, a, WATCH_NODES, NULL, name);
  if (!r || !object_condition(record_tree(r), "Ready")) /* no kubelet has spoken yet */
    return 0;
  taints = wanted_taints(a, record_tree(r));
  if (same_taints(taints, json_dig(record_tree(r), "spec", "taints", NULL)))
    return 0;
  copy = json_copy(a, record_tree(r));
  if (json_count(taints) > 0)
    json_set(a, json_ensure_object(a, copy, "spec"), "taints", taints);
  else
    json_remove(json_ensure_object(a, copy, "spec"), "taints");
  return kclient_update(ctl->all->config.client, &KC_NODES, NULL, copy, NULL, reterr);
}

const struct controller_ops node_controller_ops = {
  .name = "node-lifecycle-controller",
  .watches = 1u << WATCH_NODES,
  .changed = changed,
  .sync = sync,
};
