/*
 * A namespace that is to go is emptied first (pkg/controller/namespace/deletion):
 * everything in it is deleted, collection by collection, and when nothing is left
 * its own finalizer is taken off.
 */
#include <string.h>

#include "api_resources.h"
#include "controllers_internal.h"

#define RETRY_NS            (200 * CLOCK_MS) /* content with finalizers or a grace period needs time of its own */
#define NAMESPACE_FINALIZER "kubernetes"

#define ORDERED_ALWAYS_SINCE 34 /* before that a gate decides, which 1.37 does not have any more */

static void
changed(struct controller *ctl, enum watched what, const struct kclient_change *change)
{
  (void)what;
  if (change->record && change->type != KCLIENT_DELETED && object_is_deleting(record_tree(change->record)))
    controllers_enqueue(ctl, record_tree(change->record));
}

/* Upstream's five conditions, told as they stand now. */
struct progress {
  size_t failed, remaining, finalizers;
  char *failure, *content, *held; /* texts, in the arena */
};

static void
note_remaining(struct arena *a, struct progress *p, const struct api_resource *res, const struct kclient_list *items)
{
  size_t held = 0;

  for (size_t i = 0; i < items->n; i++)
    held += json_count(json_dig(record_tree(items->items[i]), "metadata", "finalizers", NULL));
  p->content = arena_printf(a, "%s%s%s.%s has %zu resource instances", p->content ? p->content : "",
                            p->content ? ", " : "", res->res.resource, res->res.group, items->n);
  p->remaining += items->n;
  if (!held)
    return;
  for (size_t i = 0; i < items->n; i++)
    for (json_each_item (f, json_dig(record_tree(items->items[i]), "metadata", "finalizers", NULL)))
      p->held = arena_printf(a, "%s%s%s in %zu resource instances", p->held ? p->held : "", p->held ? ", " : "",
                             json_str(*f) ? json_str(*f) : "", held);
  p->finalizers += held;
}

static int
empty_collection(struct controller *ctl, struct arena *a, const char *ns, const struct api_resource *res,
                 struct progress *p, struct kerr *reterr)
{
  char *path = arena_printf(a, "/%s%s%s/%s/namespaces/%s/%s", *res->res.group ? "apis" : "api",
                            *res->res.group ? "/" : "", res->res.group, res->res.version, ns, res->res.resource);
  struct kclient_list left = { .n = 0 };
  struct kclient_reply reply;
  int r = kclient_list(ctl->all->config.client, &res->res, ns, NULL, &left, reterr);

  if (r < 0)
    return r;
  if (left.n == 0) {
    kclient_list_release(&left);
    return 0;
  }
  kclient_list_release(&left);
  r = kclient_raw(ctl->all->config.client, a, "DELETE", path, "application/json", "application/json",
                  SPAN("{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"propagationPolicy\":\"Background\"}"),
                  &reply, reterr);
  if (r < 0)
    return r;
  if (reply.status >= 300 && reply.status != 404 && reply.status != 409) {
    p->failed++;
    p->failure = arena_printf(a, "deleting %s answered %d", path, reply.status);
    return 0;
  }
  r = kclient_list(ctl->all->config.client, &res->res, ns, NULL, &left, reterr);
  if (r == 0 && left.n > 0)
    note_remaining(a, p, res, &left);
  if (r == 0)
    kclient_list_release(&left);
  return r;
}

static int
write_conditions(struct controller *ctl, struct arena *a, const struct json *ns, const struct progress *p,
                 struct kerr *reterr)
{
  int64_t now = clock_wall(ctl->all->config.clock);
  struct json *copy = json_copy(a, ns);
  bool news = false;
  const struct {
    const char *type, *good_reason, *good, *bad_reason, *bad;
  } rows[] = {
    { "NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered", "", NULL },
    { "NamespaceDeletionGroupVersionParsingFailure", "ParsedGroupVersions", "All legacy kube types successfully parsed",
      "", NULL },
    { "NamespaceDeletionContentFailure", "ContentDeleted",
      "All content successfully deleted, may be waiting on finalization", "ContentDeletionFailed",
      p->failed ? p->failure : NULL },
    { "NamespaceContentRemaining", "ContentRemoved", "All content successfully removed", "SomeResourcesRemain",
      p->remaining ? arena_printf(a, "Some resources are remaining: %s", p->content) : NULL },
    { "NamespaceFinalizersRemaining", "ContentHasNoFinalizers", "All content-preserving finalizers finished",
      "SomeFinalizersRemain",
      p->finalizers ? arena_printf(a, "Some content in the namespace has finalizers remaining: %s", p->held) : NULL },
  };

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
    news |= object_set_condition(a, copy, rows[i].type, rows[i].bad ? "True" : "False",
                                 rows[i].bad ? rows[i].bad_reason : rows[i].good_reason,
                                 rows[i].bad ? rows[i].bad : rows[i].good, now);
  return news ? kclient_update(ctl->all->config.client, &KC_NAMESPACES, "status", copy, NULL, reterr) : 0;
}

static int
finalize(struct controller *ctl, struct arena *a, const char *name, struct kerr *reterr)
{
  _cleanup_record_ struct record *live = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *copy, *list;
  int r = kclient_get(ctl->all->config.client, &KC_NAMESPACES, NULL, name, &live, &err);

  if (r < 0)
    return err.code == KERR_NOT_FOUND ? 0 : kerr_move(reterr, &err);
  copy = json_copy(a, record_tree(live));
  list = json_find(json_find(copy, "spec") ? json_find(copy, "spec") : copy, "finalizers");
  json_list_remove(list, NAMESPACE_FINALIZER);
  r = kclient_update(ctl->all->config.client, &KC_NAMESPACES, "finalize", copy, NULL, &err);
  if (r < 0 && err.code != KERR_NOT_FOUND)
    return kerr_move(reterr, &err);
  return 0;
}

/* Pods, or everything else that can be listed and deleted. */
static int
empty_kinds(struct controller *ctl, struct arena *a, const char *ns, const struct api_resources *all, bool pods,
            struct progress *p, struct kerr *reterr)
{
  const unsigned needed = API_VERB_LIST | API_VERB_DELETECOLLECTION;
  int r = 0;

  for (size_t i = 0; r == 0 && i < all->n; i++) {
    const struct api_resource *res = &all->list[i];
    bool is_pods = strcmp(res->res.resource, KC_PODS.resource) == 0 && !*res->res.group;

    if (res->res.namespaced && (res->verbs & needed) == needed && is_pods == pods)
      r = empty_collection(ctl, a, ns, res, p, reterr);
  }
  return r;
}

/* Pods go first, and what they use stays until they are gone (KEP-5080). */
static int
empty_namespace(struct controller *ctl, struct arena *a, const char *ns, struct progress *p, struct kerr *reterr)
{
  bool ordered = ctl->all->minor >= ORDERED_ALWAYS_SINCE ||
                 personality_gate(ctl->all->config.personality, "OrderedNamespaceDeletion");
  struct api_resources all;
  int r = api_resources_discover(ctl->all->config.client, a, &all, reterr);

  if (r == 0)
    r = empty_kinds(ctl, a, ns, &all, true, p, reterr);
  if (r < 0 || (ordered && p->remaining))
    return r;
  return empty_kinds(ctl, a, ns, &all, false, p, reterr);
}

static int
sync(struct controller *ctl, const char *key, struct arena *a, struct kerr *reterr)
{
  struct progress p = { .failed = 0 };
  const char *ns, *name;
  struct record *r;
  int code;

  controllers_split_key(a, key, &ns, &name);
  r = controllers_get(ctl->all, a, WATCH_NAMESPACES, NULL, name);
  if (!r || !object_is_deleting(record_tree(r)) ||
      json_count(json_dig(record_tree(r), "spec", "finalizers", NULL)) == 0)
    return 0;
  code = empty_namespace(ctl, a, name, &p, reterr);
  if (code == 0)
    code = write_conditions(ctl, a, record_tree(r), &p, reterr);
  if (code < 0)
    return code;
  if (p.remaining || p.failed) {
    workqueue_add_after(ctl->queue, span_of(key), RETRY_NS);
    return 0;
  }
  return finalize(ctl, a, name, reterr);
}

const struct controller_ops namespace_controller_ops = {
  .name = "namespace-controller",
  .workers = 4,
  .watches = 1u << WATCH_NAMESPACES,
  .changed = changed,
  .sync = sync,
};
