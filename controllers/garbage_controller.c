/*
 * The garbage collector (pkg/controller/garbagecollector): an object goes when
 * all its owners have gone; foreground deletion waits for the dependents that
 * block it; orphaning cuts the references first.
 */
#include <string.h>

#include "api_resources.h"
#include "ceilings.h"
#include "controllers_internal.h"
#include "garbage_graph.h"

#define DISCOVER_KEY "discover"
#define DISCOVER_NS  (30 * CLOCK_SEC) /* upstream: the garbage collector's sync period */

/* One informer per collection. */
struct garbage_watch {
  struct change_sink sink;
  struct controller *ctl;
  struct kclient_resource res; /* strings in the collector's arena */
  struct kclient_informer *informer;
  struct garbage_watch *next;
};

struct garbage {
  struct garbage_graph *graph;
  struct garbage_watch *watches; /* only the worker with DISCOVER_KEY adds, under the lock */
  struct arena *names;           /* of resources; lives as long as the controller */
  struct arena *scratch;         /* the loop's, of one change */
};

static void *
state_new(struct controller *ctl)
{
  struct garbage *g = mem_alloc(sizeof *g);

  g->graph = garbage_graph_new();
  g->names = arena_new(CEIL_ARENA_SMALL);
  g->scratch = arena_new(CEIL_ARENA_REQUEST);
  workqueue_add(ctl->queue, SPAN(DISCOVER_KEY));
  return g;
}

static void
stop(struct controller *ctl)
{
  struct garbage *g = ctl->state;

  for (struct garbage_watch *w = g->watches; w; w = w->next)
    kclient_informer_free(w->informer);
}

static void
state_free(void *state)
{
  struct garbage *g = state;

  for (struct garbage_watch *w = g->watches, *next; w; w = next) {
    next = w->next;
    free(w);
  }
  garbage_graph_free(g->graph);
  arena_free(g->names);
  arena_free(g->scratch);
  free(g);
}

/* -- changes: in the loop -- */

static void
enqueue_dependents(struct controller *ctl, const char *uid)
{
  struct garbage *g = ctl->state;
  const struct garbage_node *n;
  size_t cursor = 0;

  while ((n = garbage_graph_dependent(g->graph, uid, &cursor)) != NULL)
    workqueue_add(ctl->queue, span_of(n->uid));
}

/* Every object there is comes by once, and most of them nobody else in this process ever looks at. */
static void
take(struct change_sink *sink, const struct kclient_change *change)
{
  struct garbage_watch *w = container_of(sink, struct garbage_watch, sink);
  struct garbage *g = w->ctl->state;
  const struct json *o = change->record ? record_glance(change->record, g->scratch) : NULL;

  if (!o)
    return;
  pthread_mutex_lock(&w->ctl->all->lock);
  if (change->type == KCLIENT_DELETED) {
    garbage_graph_remove(g->graph, object_uid(o));
    enqueue_dependents(w->ctl, object_uid(o));
    for (json_each_item (p,
                         json_dig(o, "metadata", "ownerReferences", NULL))) /* somebody may have waited for this one */
      workqueue_add(w->ctl->queue, span_of(json_get_str_or(*p, "uid", "")));
  } else {
    const struct garbage_node *n = garbage_graph_set(g->graph, &w->res, o);

    if (n->n_owners > 0 || n->deleting)
      workqueue_add(w->ctl->queue, span_of(n->uid));
  }
  pthread_mutex_unlock(&w->ctl->all->lock);
  arena_reset(g->scratch);
}

/* -- discovery: new collections get an informer -- */

static bool
is_ignored(const struct kclient_resource *res)
{
  return strcmp(res->resource, "events") == 0; /* as upstream's default ignored resources */
}

static bool
is_watched(const struct garbage *g, const struct kclient_resource *res)
{
  for (struct garbage_watch *w = g->watches; w; w = w->next)
    if (strcmp(w->res.group, res->group) == 0 && strcmp(w->res.resource, res->resource) == 0)
      return true;
  return false;
}

static void
watch_one(struct controller *ctl, const struct kclient_resource *res)
{
  struct garbage_watch *w = mem_alloc(sizeof *w);
  struct garbage *g = ctl->state;

  pthread_mutex_lock(&ctl->all->lock);
  *w = (struct garbage_watch){ .sink.take = take, .ctl = ctl, .next = g->watches };
  w->res = (struct kclient_resource){ .group = arena_strdup(g->names, res->group),
                                      .version = arena_strdup(g->names, res->version),
                                      .resource = arena_strdup(g->names, res->resource),
                                      .kind = arena_strdup(g->names, res->kind),
                                      .namespaced = res->namespaced };
  g->watches = w;
  pthread_mutex_unlock(&ctl->all->lock);
  w->informer = kclient_watch(ctl->all->config.client, &w->res, NULL, NULL, ctl->all->changes, &w->sink);
}

/* In memory of its own, which does not stay with the worker. */
static int
discover(struct controller *ctl, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
  const unsigned needed = API_VERB_LIST | API_VERB_WATCH | API_VERB_DELETE;
  struct garbage *g = ctl->state;
  struct api_resources all;
  int r = api_resources_discover(ctl->all->config.client, a, &all, reterr);

  if (r < 0)
    return r;
  for (size_t i = 0; i < all.n; i++)
    if ((all.list[i].verbs & needed) == needed && !is_ignored(&all.list[i].res) && !is_watched(g, &all.list[i].res))
      watch_one(ctl, &all.list[i].res);
  workqueue_add_after(ctl->queue, SPAN(DISCOVER_KEY), DISCOVER_NS);
  return 0;
}

/* -- one object -- */

/* A copy of what a node says, for work without the lock. */
struct subject {
  const char *uid, *ns, *name;
  struct kclient_resource res;
  struct garbage_owner *owners;
  size_t n_owners, n_dependents, n_blocking;
  bool deleting, foreground, orphan;
};

static bool
subject_get(struct controller *ctl, struct arena *a, const char *uid, struct subject *ret)
{
  struct garbage *g = ctl->state;
  const struct garbage_node *n, *d;
  size_t cursor = 0;

  pthread_mutex_lock(&ctl->all->lock);
  n = garbage_graph_get(g->graph, uid);
  if (n) {
    *ret = (struct subject){ .uid = arena_strdup(a, n->uid),
                             .ns = arena_strdup(a, n->ns),
                             .name = arena_strdup(a, n->name),
                             .res = *n->res,
                             .n_owners = n->n_owners,
                             .deleting = n->deleting,
                             .foreground = n->foreground,
                             .orphan = n->orphan };
    ret->owners = arena_array_of(a, struct garbage_owner, n->n_owners);
    for (size_t i = 0; i < n->n_owners; i++)
      ret->owners[i] = (struct garbage_owner){ .uid = arena_strdup(a, n->owners[i].uid),
                                               .api_version = arena_strdup(a, n->owners[i].api_version),
                                               .kind = arena_strdup(a, n->owners[i].kind),
                                               .name = arena_strdup(a, n->owners[i].name),
                                               .blocks = n->owners[i].blocks };
    while ((d = garbage_graph_dependent(g->graph, uid, &cursor)) != NULL) {
      ret->n_dependents++;
      for (size_t i = 0; i < d->n_owners; i++)
        ret->n_blocking += strcmp(d->owners[i].uid, uid) == 0 && d->owners[i].blocks;
    }
  }
  pthread_mutex_unlock(&ctl->all->lock);
  return n != NULL;
}

enum owner_state { OWNER_SOLID, OWNER_DANGLING, OWNER_WAITING };

/* Known and alive, gone (after asking the server), or waiting for us in a foreground deletion. */
static int
owner_state(struct controller *ctl, struct arena *a, const struct subject *s, const struct garbage_owner *o,
            enum owner_state *ret, struct kerr *reterr)
{
  struct garbage *g = ctl->state;
  const struct garbage_node *n;
  _cleanup_record_ struct record *live = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct kclient_resource res;
  const char *group, *version;
  bool found = false;
  int r;

  *ret = OWNER_SOLID;
  pthread_mutex_lock(&ctl->all->lock);
  n = garbage_graph_get(g->graph, o->uid);
  if (n) {
    *ret = n->deleting && n->foreground ? OWNER_WAITING : OWNER_SOLID;
  } else if (gv_parse(a, o->api_version, &group, &version, &err) == 0) {
    for (struct garbage_watch *w = g->watches; w && !found; w = w->next)
      if (strcmp(w->res.group, group) == 0 && strcmp(w->res.kind, o->kind) == 0) {
        res = w->res;
        found = true;
      }
  }
  pthread_mutex_unlock(&ctl->all->lock);
  if (n || !found) /* a kind that this server does not have: nothing can be said, so nothing is done */
    return 0;
  r = kclient_get(ctl->all->config.client, &res, res.namespaced ? s->ns : NULL, o->name, &live, &err);
  if (r < 0 && err.code != KERR_NOT_FOUND)
    return kerr_move(reterr, &err);
  if (r < 0 || strcmp(object_uid(record_tree(live)), o->uid) != 0)
    *ret = OWNER_DANGLING;
  return 0;
}

static int
delete_subject(struct controller *ctl, struct arena *a, const struct subject *s, const char *policy,
               struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *options = json_new_object(a);
  int r;

  json_set_str(a, json_ensure_object(a, options, "preconditions"), "uid", s->uid);
  json_set_str(a, options, "propagationPolicy", policy);
  r = kclient_delete(ctl->all->config.client, &s->res, s->ns, s->name, options, &err);
  if (r < 0 && err.code != KERR_NOT_FOUND && err.code != KERR_CONFLICT) /* gone, or another object by now */
    return kerr_move(reterr, &err);
  return 0;
}

/* Replace one list of metadata, if the object is still the one we mean. */
static int
edit_metadata(struct controller *ctl, struct arena *a, const struct kclient_resource *res, const char *ns,
              const char *name, const char *uid, bool (*keep)(const struct json *item, const void *arg),
              const char *list_name, const void *arg, struct kerr *reterr)
{
  _cleanup_record_ struct record *live = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *patch = json_new_object(a), *meta, *list = json_new_array(a);
  const struct json *now;
  int r = kclient_get(ctl->all->config.client, res, ns, name, &live, &err);

  if (r < 0)
    return err.code == KERR_NOT_FOUND ? 0 : kerr_move(reterr, &err);
  if (strcmp(object_uid(record_tree(live)), uid) != 0)
    return 0;
  now = json_dig(record_tree(live), "metadata", list_name, NULL);
  for (json_each_item (p, now))
    if (keep(*p, arg))
      json_append(a, list, json_copy(a, *p));
  if (json_count(list) == json_count(now))
    return 0;
  meta = json_ensure_object(a, patch, "metadata");
  json_set_str(a, meta, "uid", uid);
  json_set_str(a, meta, "resourceVersion", object_resource_version(record_tree(live)));
  json_set(a, meta, list_name, json_count(list) ? list : json_new_null(a));
  r = kclient_patch(ctl->all->config.client, res, NULL, ns, name, KCLIENT_MERGE_PATCH, NULL, patch, NULL, &err);
  if (r < 0 && err.code != KERR_NOT_FOUND)
    return kerr_move(reterr, &err);
  return 0;
}

static bool
not_this_word(const struct json *item, const void *word)
{
  return !json_str(item) || strcmp(json_str(item), word) != 0;
}

/* `arg`: a NULL-terminated list of uids that go. */
static bool
not_these_owners(const struct json *item, const void *arg)
{
  for (const char *const *uid = arg; *uid; uid++)
    if (strcmp(json_get_str_or(item, "uid", ""), *uid) == 0)
      return false;
  return true;
}

/* Foreground: gone when nobody who blocks is left. */
static int
finish_foreground(struct controller *ctl, struct arena *a, const struct subject *s, struct kerr *reterr)
{
  if (s->n_blocking > 0) {
    pthread_mutex_lock(&ctl->all->lock);
    enqueue_dependents(ctl, s->uid);
    pthread_mutex_unlock(&ctl->all->lock);
    return 0;
  }
  return edit_metadata(ctl, a, &s->res, s->ns, s->name, s->uid, not_this_word, "finalizers", "foregroundDeletion",
                       reterr);
}

/* Orphan: the dependents forget their owner, then it may go. */
static int
finish_orphan(struct controller *ctl, struct arena *a, const struct subject *s, struct kerr *reterr)
{
  struct garbage *g = ctl->state;
  const char *uids[] = { s->uid, NULL };
  struct subject *list = arena_array_of(a, struct subject, s->n_dependents);
  const struct garbage_node *n;
  size_t cursor = 0, count = 0;

  pthread_mutex_lock(&ctl->all->lock);
  while (count < s->n_dependents && (n = garbage_graph_dependent(g->graph, s->uid, &cursor)) != NULL)
    list[count++] = (struct subject){
      .uid = arena_strdup(a, n->uid), .ns = arena_strdup(a, n->ns), .name = arena_strdup(a, n->name), .res = *n->res
    };
  pthread_mutex_unlock(&ctl->all->lock);
  for (size_t i = 0; i < count; i++) {
    int r = edit_metadata(ctl, a, &list[i].res, list[i].ns, list[i].name, list[i].uid, not_these_owners,
                          "ownerReferences", uids, reterr);

    if (r < 0)
      return r;
  }
  return edit_metadata(ctl, a, &s->res, s->ns, s->name, s->uid, not_this_word, "finalizers", "orphan", reterr);
}

/* Not being deleted: does it still have somebody to belong to (attemptToDeleteItem)? */
static int
judge(struct controller *ctl, struct arena *a, const struct subject *s, struct kerr *reterr)
{
  const char **gone = arena_array_of(a, const char *, s->n_owners + 1);
  size_t solid = 0, waiting = 0, n_gone = 0;

  for (size_t i = 0; i < s->n_owners; i++) {
    enum owner_state state;
    int r = owner_state(ctl, a, s, &s->owners[i], &state, reterr);

    if (r < 0)
      return r;
    solid += state == OWNER_SOLID;
    waiting += state == OWNER_WAITING;
    if (state != OWNER_SOLID)
      gone[n_gone++] = s->owners[i].uid;
  }
  if (n_gone == 0)
    return 0;
  if (solid > 0)
    return edit_metadata(ctl, a, &s->res, s->ns, s->name, s->uid, not_these_owners, "ownerReferences", gone, reterr);
  if (waiting > 0 && s->n_dependents > 0)
    return delete_subject(ctl, a, s, "Foreground", reterr);
  return delete_subject(ctl, a, s, s->orphan ? "Orphan" : s->foreground ? "Foreground" : "Background", reterr);
}

static int
sync(struct controller *ctl, const char *key, struct arena *a, struct kerr *reterr)
{
  struct subject s;
  int r;

  if (strcmp(key, DISCOVER_KEY) == 0)
    return discover(ctl, reterr);
  if (!subject_get(ctl, a, key, &s))
    return 0;
  if (s.deleting && s.foreground)
    r = finish_foreground(ctl, a, &s, reterr);
  else if (s.deleting && s.orphan)
    r = finish_orphan(ctl, a, &s, reterr);
  else
    r = s.deleting ? 0 : judge(ctl, a, &s, reterr);
  return r;
}

const struct controller_ops garbage_controller_ops = {
  .name = "garbage-collector-controller",
  .workers = 4,
  .state_new = state_new,
  .stop = stop,
  .state_free = state_free,
  .sync = sync,
};
