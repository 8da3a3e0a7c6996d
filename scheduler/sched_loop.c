#include <string.h>

#include "classic.h"
#include "pod.h"
#include "sched_features.h"

#define INBOX_MAX    8192
#define JOBS_MAX     100000 /* pods being bound at a time */
#define DEFAULT_NAME "default-scheduler"

/* -- changes -- */

static void
node_taken(struct scheduler *s, enum sched_watch what, const struct kclient_change *change)
{
  (void)what;
  if (change->type == KCLIENT_DELETED) {
    sched_nodes_remove(s->nodes, object_name(record_tree(change->record)));
    alloc_world_remove_node(s->world, object_name(record_tree(change->record)));
    return;
  }
  sched_nodes_set(s->nodes, change->record);
  alloc_world_set_node(s->world, change->record);
  sched_queue_wake(s->queue, SCHED_NEEDS_NODE | SCHED_NEEDS_RESOURCES | SCHED_NEEDS_DEVICES);
}

static bool
is_ours(const struct scheduler *s, const struct json *pod)
{
  const char *name = json_get_str_or(json_get(pod, "spec"), "schedulerName", DEFAULT_NAME);

  return strcmp(name, s->config.name ? s->config.name : DEFAULT_NAME) == 0;
}

static void
pod_gone(struct scheduler *s, const struct json *pod)
{
  bool took_room = sched_nodes_of_pod(s->nodes, object_uid(pod)) != NULL;

  sched_nodes_remove_pod(s->nodes, object_uid(pod));
  sched_queue_remove(s->queue, object_uid(pod));
  if (took_room)
    sched_queue_wake(s->queue, SCHED_NEEDS_RESOURCES);
}

static void
pod_taken(struct scheduler *s, enum sched_watch what, const struct kclient_change *change)
{
  const struct json *pod = record_tree(change->record);
  const char *node = json_get_str_or(json_get(pod, "spec"), "nodeName", "");

  (void)what;
  if (change->type == KCLIENT_DELETED || pod_has_ended(pod)) {
    pod_gone(s, pod);
  } else if (*node) {
    sched_queue_remove(s->queue, object_uid(pod));
    sched_nodes_add_pod(s->nodes, node, change->record);
  } else if (object_is_deleting(pod) || !is_ours(s, pod)) {
    sched_queue_remove(s->queue, object_uid(pod));
  } else {
    sched_queue_set(s->queue, change->record, json_get_int(json_get(pod, "spec"), "priority", 0));
  }
}

static void
claim_taken(struct scheduler *s, enum sched_watch what, const struct kclient_change *change)
{
  (void)what;
  kclient_cache_apply(s->claims, change);
  sched_claim_changed(s, change);
}

static void
slice_taken(struct scheduler *s, enum sched_watch what, const struct kclient_change *change)
{
  (void)what;
  if (s->dra->alpha) {
    classic_parameters_changed(s, s->classic->slices, change, 0);
    return;
  }
  if (change->type == KCLIENT_DELETED) {
    alloc_world_remove_slice(s->world, object_name(record_tree(change->record)));
    return;
  }
  alloc_world_set_slice(s->world, change->record);
  if (!s->classic) /* until 1.31 a new slice woke nobody */
    sched_queue_wake(s->queue, SCHED_NEEDS_DEVICES);
}

static void
class_taken(struct scheduler *s, enum sched_watch what, const struct kclient_change *change)
{
  (void)what;
  kclient_cache_apply(s->classes, change);
  if (change->type == KCLIENT_DELETED) {
    alloc_world_remove_class(s->world, object_name(record_tree(change->record)));
    return;
  }
  if (!s->dra->alpha)
    alloc_world_set_class(s->world, change->record);
  sched_queue_wake(s->queue, SCHED_NEEDS_DEVICES | SCHED_NEEDS_RESOURCES); /* a class may stand behind a resource */
}

static void
rule_taken(struct scheduler *s, enum sched_watch what, const struct kclient_change *change)
{
  (void)what;
  if (change->type == KCLIENT_DELETED)
    alloc_world_remove_taint_rule(s->world, object_name(record_tree(change->record)));
  else
    alloc_world_set_taint_rule(s->world, change->record);
  sched_queue_wake(s->queue, SCHED_NEEDS_DEVICES);
}

static void
scheduling_taken(struct scheduler *s, enum sched_watch what, const struct kclient_change *change)
{
  (void)what;
  classic_context_changed(s, change);
}

static void
parameters_taken(struct scheduler *s, enum sched_watch what, const struct kclient_change *change)
{
  classic_parameters_changed(
      s, what == SCHED_WATCH_CLAIM_PARAMETERS ? s->classic->claim_parameters : s->classic->class_parameters, change,
      SCHED_NEEDS_CLAIMS);
}

#define DRA_GATE   "DynamicResourceAllocation"
#define KIND(name) NULL, offsetof(struct kclient_dra, name)

static const struct {
  void (*take)(struct scheduler *s, enum sched_watch what, const struct kclient_change *change);
  const struct kclient_resource *resource; /* NULL: as the release has it, */
  size_t kind;                             /* a member of struct kclient_dra */
  const char *gate;                        /* NULL: always */
} watches[SCHED_WATCH_COUNT] = {
  [SCHED_WATCH_NODES] = { node_taken, &KC_NODES, 0, NULL },
  [SCHED_WATCH_PODS] = { pod_taken, &KC_PODS, 0, NULL },
  [SCHED_WATCH_CLAIMS] = { claim_taken, KIND(claims), DRA_GATE },
  [SCHED_WATCH_SLICES] = { slice_taken, KIND(slices), DRA_GATE },
  [SCHED_WATCH_CLASSES] = { class_taken, KIND(classes), DRA_GATE },
  [SCHED_WATCH_RULES] = { rule_taken, &KC_DEVICETAINTRULES, 0, "DRADeviceTaintRules" },
  [SCHED_WATCH_SCHEDULING] = { scheduling_taken, KIND(scheduling), DRA_GATE },
  [SCHED_WATCH_CLAIM_PARAMETERS] = { parameters_taken, KIND(claim_parameters), DRA_GATE },
  [SCHED_WATCH_CLASS_PARAMETERS] = { parameters_taken, KIND(class_parameters), DRA_GATE },
};

const struct kclient_resource *
sched_watched(const struct scheduler *s, enum sched_watch what)
{
  const char *gate = watches[what].gate;

  if (gate && !personality_gate(s->config.personality, gate))
    return NULL;
  return watches[what].resource ? watches[what].resource : kclient_dra_kind(s->dra, watches[what].kind);
}

static bool
all_synced(const struct scheduler *s)
{
  for (size_t i = 0; i < SCHED_WATCH_COUNT; i++)
    if (s->informers[i] && !s->synced[i])
      return false;
  return true;
}

void
sched_take(struct scheduler *s, struct kclient_change *change)
{
  struct sched_sink *sink = change->tag;

  if (change->type == KCLIENT_SYNCED) {
    s->synced[sink->what] = true;
    if (sink->what == SCHED_WATCH_CLAIMS)
      kclient_cache_apply(s->claims, change);
  } else {
    if (change->type == KCLIENT_DELETED)
      s->deleted[sink->what] = record_revision(change->record);
    watches[sink->what].take(s, sink->what, change);
  }
  kclient_change_free(change);
}

void
sched_assume(struct scheduler *s, enum sched_watch what, struct kclient_cache *cache, struct record *written)
{
  const struct json *o = record_tree(written);

  if (kclient_cache_get(cache, object_namespace(o), object_name(o)) || record_revision(written) > s->deleted[what])
    kclient_cache_put(cache, written);
}

/* Everything that has come in goes before the next decision, so that it is made on the newest picture. */
static void
drain(struct scheduler *s)
{
  struct kclient_change *change;
  struct sched_bind *b;

  while ((change = mailbox_receive(s->inbox, 0)) != NULL)
    sched_take(s, change);
  while ((b = mailbox_receive(s->done, 0)) != NULL)
    sched_bind_done(s, b);
}

bool
sched_step(struct scheduler *s, int64_t *ret_deadline)
{
  struct sched_pod *pod = all_synced(s) ? sched_queue_take(s->queue, ret_deadline) : NULL;

  if (pod)
    sched_attempt_pod(s, pod);
  return pod != NULL;
}

static void *
loop_run(void *arg)
{
  struct scheduler *s = arg;
  int64_t deadline = CLOCK_NEVER;
  struct kclient_change *change;

  while (!mailbox_closed(s->inbox)) {
    change = mailbox_receive(s->inbox, deadline);
    if (change)
      sched_take(s, change);
    drain(s);
    deadline = CLOCK_NEVER;
    while (!mailbox_closed(s->inbox) && sched_step(s, &deadline))
      drain(s);
  }
  return NULL;
}

/* -- life -- */

static void
unref(void *r)
{
  record_unref(r);
}

struct scheduler *
sched_new(const struct scheduler_config *config)
{
  struct scheduler *s = mem_alloc(sizeof *s);

  s->config = *config;
  s->minor = personality_minor(config->personality);
  s->dra = kclient_dra_of(s->minor);
  s->classic = classic_new(config->personality);
  s->features = sched_features_of(config->personality);
  s->inbox = mailbox_new(config->clock, INBOX_MAX, kclient_change_free);
  s->jobs = mailbox_new(config->clock, JOBS_MAX, sched_bind_free);
  s->done = mailbox_new(config->clock, JOBS_MAX, sched_bind_free);
  s->claims = kclient_cache_new();
  s->classes = kclient_cache_new();
  s->nodes = sched_nodes_new();
  s->queue = sched_queue_new(config->clock);
  s->world = alloc_world_new(&s->features, alloc_channel_of(&s->features));
  s->usage = alloc_usage_new();
  s->in_flight = hmap_new(unref);
  for (size_t i = 0; i < SCHED_WATCH_COUNT; i++)
    s->sinks[i].what = (enum sched_watch)i;
  return s;
}

struct scheduler *
scheduler_start(const struct scheduler_config *config)
{
  struct scheduler *s = sched_new(config);

  for (size_t i = 0; i < SCHED_WATCH_COUNT; i++) {
    const struct kclient_resource *resource = sched_watched(s, (enum sched_watch)i);

    if (resource)
      s->informers[i] = kclient_watch(config->client, resource, NULL, NULL, s->inbox, &s->sinks[i]);
  }
  thread_start(&s->loop, "scheduler", loop_run, s);
  for (; s->n_workers < ARRAY_SIZE(s->workers); s->n_workers++)
    thread_start(&s->workers[s->n_workers], "binder", sched_bind_worker, s);
  return s;
}

void
sched_free(struct scheduler *s)
{
  mailbox_free(s->jobs);
  mailbox_free(s->done);
  mailbox_free(s->inbox);
  sched_queue_free(s->queue);
  sched_nodes_free(s->nodes);
  hmap_free(s->in_flight);
  alloc_usage_free(s->usage);
  alloc_world_free(s->world);
  kclient_cache_free(s->claims);
  kclient_cache_free(s->classes);
  classic_free(s->classic);
  free(s);
}

void
scheduler_stop(struct scheduler *s)
{
  if (!s)
    return;
  mailbox_close(s->inbox);
  pthread_join(s->loop, NULL); /* before the informers go: changes name the one they came from */
  for (size_t i = 0; i < SCHED_WATCH_COUNT; i++)
    kclient_informer_free(s->informers[i]);
  mailbox_close(s->jobs);
  for (size_t i = 0; i < s->n_workers; i++)
    pthread_join(s->workers[i], NULL);
  sched_free(s);
}
