#include <string.h>

#include "ceilings.h"
#include "controllers_internal.h"

#define CHANGES_MAX 4096

static const struct controller_ops *const rows[] = {
  &claim_controller_ops, &namespace_controller_ops, &serviceaccount_controller_ops, &garbage_controller_ops,
  &node_controller_ops,  &taint_controller_ops,     &quota_controller_ops,          &aggregation_controller_ops,
  &ttl_controller_ops,   &policy_controller_ops,    &protection_controller_ops,     &pool_status_controller_ops,
};

#define DRA_GATE   "DynamicResourceAllocation"
#define KIND(name) .kind = offsetof(struct kclient_dra, name)

static const struct {
  const struct kclient_resource *resource; /* NULL: as the release has it, */
  size_t kind;                             /* a member of struct kclient_dra */
  const char *gate;                        /* NULL: always */
  int since;                               /* the first release that has it in this version */
  bool asked;                              /* only where --runtime-config asks for this version */
} resources[WATCH_COUNT] = {
  [WATCH_NODES] = { .resource = &KC_NODES },
  [WATCH_PODS] = { .resource = &KC_PODS },
  [WATCH_CLAIMS] = { KIND(claims), .gate = DRA_GATE },
  [WATCH_TEMPLATES] = { KIND(templates), .gate = DRA_GATE },
  [WATCH_NAMESPACES] = { .resource = &KC_NAMESPACES },
  [WATCH_SERVICEACCOUNTS] = { .resource = &KC_SERVICEACCOUNTS },
  [WATCH_CONFIGMAPS] = { .resource = &KC_CONFIGMAPS },
  [WATCH_SLICES] = { KIND(slices), .gate = DRA_GATE },
  [WATCH_RULES] = { .resource = &KC_DEVICETAINTRULES, .gate = "DRADeviceTaintRules" },
  [WATCH_QUOTAS] = { .resource = &KC_RESOURCEQUOTAS },
  [WATCH_PVCS] = { .resource = &KC_PERSISTENTVOLUMECLAIMS },
  [WATCH_PVS] = { .resource = &KC_PERSISTENTVOLUMES },
  [WATCH_VACS] = { .resource = &KC_VOLUMEATTRIBUTESCLASSES, .gate = "VolumeAttributesClass", .since = 34 },
  [WATCH_PODGROUPS] = { .resource = &KC_PODGROUPS, .gate = "GenericWorkload", .since = 37, .asked = true },
  [WATCH_POOL_REQUESTS] = { .resource = &KC_RESOURCEPOOLSTATUSREQUESTS,
                            .gate = "DRAResourcePoolStatus",
                            .asked = true },
};

const struct kclient_resource *
controllers_watched(const struct controllers *c, enum watched what)
{
  const struct personality *p = c->config.personality;
  const struct kclient_resource *res = resources[what].resource;

  if (c->minor < resources[what].since || (resources[what].gate && !personality_gate(p, resources[what].gate)) ||
      (resources[what].asked && personality_served(p, res->group, res->version) != 1))
    return NULL;
  return res ? res : kclient_dra_kind(c->dra, resources[what].kind);
}

static void
unref(void *r)
{
  record_unref(r);
}

struct record *
controllers_get(struct controllers *c, struct arena *a, enum watched what, const char *ns, const char *name)
{
  struct record *r;

  pthread_mutex_lock(&c->lock);
  r = kclient_cache_get(c->watched[what].cache, ns, name);
  if (r)
    arena_defer(a, unref, record_ref(r));
  pthread_mutex_unlock(&c->lock);
  return r;
}

size_t
controllers_list(struct controllers *c, struct arena *a, enum watched what, const struct json ***ret)
{
  struct kclient_cache *cache = c->watched[what].cache;
  struct record *r;
  size_t n = 0, cursor = 0;

  pthread_mutex_lock(&c->lock);
  *ret = arena_array_of(a, const struct json *, kclient_cache_count(cache));
  while ((r = kclient_cache_next(cache, &cursor)) != NULL) {
    arena_defer(a, unref, record_ref(r));
    (*ret)[n++] = record_tree(r);
  }
  pthread_mutex_unlock(&c->lock);
  return n;
}

void
controllers_split_key(struct arena *a, const char *key, const char **ret_ns, const char **ret_name)
{
  const char *slash = strchr(key, '/');

  *ret_ns = slash ? arena_strndup(a, key, (size_t)(slash - key)) : "";
  *ret_name = slash ? slash + 1 : key;
}

void
controllers_enqueue(struct controller *ctl, const struct json *object)
{
  _cleanup_free_ char *key = mem_printf("%s/%s", object_namespace(object), object_name(object));

  workqueue_add(ctl->queue, span_of(key));
}

/* One change: into the cache first, so that a sync sees at least what made it run. */
static void
take_change(struct change_sink *sink, const struct kclient_change *change)
{
  struct watched_collection *w = container_of(sink, struct watched_collection, sink);
  struct controllers *c = w->all;

  pthread_mutex_lock(&c->lock);
  kclient_cache_apply(w->cache, change);
  for (size_t i = 0; i < c->n; i++)
    if (c->list[i].ops->watches & 1u << w->what)
      c->list[i].ops->changed(&c->list[i], w->what, change);
  pthread_mutex_unlock(&c->lock);
}

static void *
loop_run(void *arg)
{
  struct controllers *c = arg;
  struct kclient_change *change;

  while ((change = mailbox_receive(c->changes, CLOCK_NEVER)) != NULL) {
    struct change_sink *sink = change->tag;

    sink->take(sink, change);
    kclient_change_free(change);
  }
  return NULL;
}

void
controllers_work(struct controller *ctl, char *key, struct arena *a)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int r = ctl->ops->sync(ctl, key, a, &err);

  if (r < 0 && err.code == KERR_CONFLICT)
    log_debug(ctl->all->config.log, ctl->ops->name, "%s: %s, again", key, err.msg);
  else if (r < 0)
    log_warn(ctl->all->config.log, ctl->ops->name, "%s: %s, again", key, err.msg);
  workqueue_done(ctl->queue, key, r < 0);
  arena_reset(a);
}

static void *
worker_run(void *arg)
{
  struct controller *ctl = arg;
  struct arena *a = arena_new(CEIL_ARENA_CYCLE);
  char *key;

  while ((key = workqueue_take(ctl->queue)) != NULL)
    controllers_work(ctl, key, a);
  arena_free(a);
  return NULL;
}

static void
controller_start(struct controllers *c, struct controller *ctl, const struct controller_ops *ops)
{
  ctl->ops = ops;
  ctl->all = c;
  ctl->queue = workqueue_new(c->config.clock);
  if (ops->state_new)
    ctl->state = ops->state_new(ctl);
}

struct controllers *
controllers_new(const struct controllers_config *config)
{
  struct controllers *c = mem_alloc(sizeof *c);

  c->config = *config;
  c->minor = personality_minor(config->personality);
  c->dra = kclient_dra_of(c->minor);
  pthread_mutex_init(&c->lock, NULL);
  c->changes = mailbox_new(config->clock, CHANGES_MAX, kclient_change_free);
  c->n = ARRAY_SIZE(rows);
  c->list = mem_calloc(c->n, sizeof *c->list);
  for (size_t i = 0; i < c->n; i++)
    controller_start(c, &c->list[i], rows[i]);
  for (size_t i = 0; i < WATCH_COUNT; i++)
    c->watched[i] = (struct watched_collection){
      .sink.take = take_change, .all = c, .what = (enum watched)i, .cache = kclient_cache_new()
    };
  return c;
}

static size_t
worker_count(const struct controller *ctl)
{
  return ctl->ops->workers ? ctl->ops->workers : 1;
}

struct controllers *
controllers_start(const struct controllers_config *config)
{
  struct controllers *c = controllers_new(config);

  thread_start(&c->loop, "controllers", loop_run, c);
  for (size_t i = 0; i < WATCH_COUNT; i++) {
    const struct kclient_resource *res = controllers_watched(c, (enum watched)i);

    if (res)
      c->watched[i].informer = kclient_watch(config->client, res, NULL, NULL, c->changes, &c->watched[i].sink);
  }
  for (size_t i = 0; i < c->n; i++)
    for (; c->list[i].n_workers < worker_count(&c->list[i]); c->list[i].n_workers++)
      thread_start(&c->list[i].workers[c->list[i].n_workers], "controller", worker_run, &c->list[i]);
  return c;
}

void
controllers_free(struct controllers *c)
{
  for (size_t i = 0; i < c->n; i++) {
    if (c->list[i].ops->state_free)
      c->list[i].ops->state_free(c->list[i].state);
    workqueue_free(c->list[i].queue);
  }
  for (size_t i = 0; i < WATCH_COUNT; i++)
    kclient_cache_free(c->watched[i].cache);
  mailbox_free(c->changes);
  pthread_mutex_destroy(&c->lock);
  free(c->list);
  free(c);
}

void
controllers_stop(struct controllers *c)
{
  if (!c)
    return;
  for (size_t i = 0; i < c->n; i++)
    workqueue_close(c->list[i].queue);
  for (size_t i = 0; i < c->n; i++)
    for (size_t k = 0; k < c->list[i].n_workers; k++)
      pthread_join(c->list[i].workers[k], NULL);
  mailbox_close(c->changes);
  pthread_join(c->loop, NULL); /* before the informers go: changes name the one they came from */
  for (size_t i = 0; i < c->n; i++)
    if (c->list[i].ops->stop)
      c->list[i].ops->stop(&c->list[i]);
  for (size_t i = 0; i < WATCH_COUNT; i++)
    kclient_informer_free(c->watched[i].informer);
  controllers_free(c);
}
