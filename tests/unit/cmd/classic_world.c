#include "classic_world.h"

/* cmocka wants these before its own header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "apiserver.h"
#include "ceilings.h"
#include "controllers_internal.h"
#include "sched_internal.h"

#define KINDS_MAX   9
#define WALL_START  (1700000000 * CLOCK_SEC)
#define UNDELIVERED 100000

/* A kind that somebody watches: what is stored, and what is on its way. */
struct kind_state {
  const struct kclient_resource *res;
  struct hmap *stored; /* "ns/name" → record */
  void *scheduler_tag; /* NULL: it does not watch */
  struct change_sink *controller_sink;
  struct mailbox *to_scheduler, *to_controllers;
};

struct world {
  struct exchange spy; /* in front of the server */
  struct clock *clock;
  struct log *log;
  struct personality *personality;
  struct store *store;
  struct apiserver *server;
  struct kclient *clients[BY_COLLECTOR + 1], *reader;
  struct exchange_user users[BY_COLLECTOR + 1];
  struct scheduler *scheduler;
  struct controllers *controllers;
  struct controller *claim_controller;
  struct kind_state kinds[KINDS_MAX];
  size_t n_kinds;
  struct arena *work; /* of the controller */
  uint64_t random;
  world_observer *observer;
  void *arg;
};

static const char *const actor_names[] = { "user", "kube-scheduler", "kube-controller-manager", "driver", "collector" };
static const char *const masters[] = { "system:masters", "system:authenticated" };

/* -- chance -- */

uint32_t
world_random(struct world *w, uint32_t below)
{
  w->random ^= w->random << 13;
  w->random ^= w->random >> 7;
  w->random ^= w->random << 17;
  return below ? (uint32_t)(w->random >> 11) % below : 0;
}

bool
world_chance(struct world *w, uint32_t percent)
{
  return world_random(w, 100) < percent;
}

/* -- seeing what was written -- */

static void
unref(void *r)
{
  record_unref(r);
}

/* As a watch tells of it: with the revision of the deletion. */
static struct record *
as_deleted(struct record *r, int64_t revision)
{
  return record_from_json(record_key(r), revision, record_tree(r));
}

static void
send(struct mailbox *to, enum kclient_change_type type, void *tag, struct record *record, struct record *old)
{
  struct kclient_change *c = mem_alloc(sizeof *c);

  *c = (struct kclient_change){
    .type = type, .tag = tag, .record = record_ref(record), .old = old ? record_ref(old) : NULL
  };
  assert_true(mailbox_send(to, c));
}

static void
tell(struct world *w, struct kind_state *k, enum actor who, struct record *old, struct record *now, int64_t revision)
{
  enum kclient_change_type type = !old ? KCLIENT_ADDED : now ? KCLIENT_MODIFIED : KCLIENT_DELETED;
  _cleanup_record_ struct record *gone = now ? NULL : as_deleted(old, revision);

  w->observer(w->arg, w, who, k->res, old ? record_tree(old) : NULL, now ? record_tree(now) : NULL);
  if (k->scheduler_tag)
    send(k->to_scheduler, type, k->scheduler_tag, now ? now : gone, now ? old : NULL);
  if (k->controller_sink)
    send(k->to_controllers, type, k->controller_sink, now ? now : gone, now ? old : NULL);
}

/* What is stored now against what was; one write changes one object, or removes several. */
static void
compare(struct world *w, struct kind_state *k, enum actor who)
{
  struct kclient_list list = world_list(w, k->res);
  struct hmap *now = hmap_new(unref);
  struct span key;
  void *value;
  size_t cursor = 0;

  for (size_t i = 0; i < list.n; i++) {
    const struct json *o = record_tree(list.items[i]);
    _cleanup_free_ char *name = mem_printf("%s/%s", object_namespace(o), object_name(o));
    struct record *old = hmap_get(k->stored, span_of(name));

    if (old && strcmp(object_uid(record_tree(old)), object_uid(o)) != 0) { /* replaced: two changes */
      tell(w, k, who, old, NULL, list.revision);
      old = NULL;
    }
    if (!old || record_revision(old) != record_revision(list.items[i]))
      tell(w, k, who, old, list.items[i], list.revision);
    hmap_put(now, span_of(name), record_ref(list.items[i]));
  }
  while (hmap_next(k->stored, &cursor, &key, &value))
    if (!hmap_get(now, key))
      tell(w, k, who, value, NULL, list.revision);
  hmap_free(k->stored);
  k->stored = now;
  kclient_list_release(&list);
}

static void
spy_serve(struct exchange *x, const struct exchange_request *req, struct exchange_answer *ret)
{
  struct world *w = container_of(x, struct world, spy);
  struct exchange *server = apiserver_exchange(w->server);

  server->ops->serve(server, req, ret);
  if (strcmp(req->method, "GET") == 0 || strstr(req->path, "/events"))
    return; /* events come from a thread of the client's own, and change nothing else */
  for (size_t i = 0; i < w->n_kinds; i++)
    compare(w, &w->kinds[i], (enum actor)(req->user - w->users));
}

/* -- life -- */

static void
add_kind(struct world *w, const struct kclient_resource *res, void *scheduler_tag, struct change_sink *controller_sink)
{
  struct kind_state *k = &w->kinds[w->n_kinds];

  if (!res || (!scheduler_tag && !controller_sink))
    return;
  for (size_t i = 0; i < w->n_kinds; i++)
    if (w->kinds[i].res == res) {
      w->kinds[i].controller_sink = controller_sink;
      return;
    }
  *k = (struct kind_state){ .res = res,
                            .stored = hmap_new(unref),
                            .scheduler_tag = scheduler_tag,
                            .controller_sink = controller_sink,
                            .to_scheduler = mailbox_new(w->clock, UNDELIVERED, kclient_change_free),
                            .to_controllers = mailbox_new(w->clock, UNDELIVERED, kclient_change_free) };
  w->n_kinds++;
}

static void
start_server(struct world *w, int minor)
{
  static const char *const versions[] = { "v1alpha1", "v1alpha2", "v1alpha3" };
  const char *version = versions[minor == 26 ? 0 : minor < 31 ? 1 : 2];
  _cleanup_free_ char *release = mem_printf("1.%d", minor), *served = mem_printf("resource.k8s.io/%s=true", version),
                      *gates = mem_printf("DynamicResourceAllocation=true%s",
                                          minor == 31 ? ",DRAControlPlaneController=true" : "");
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int r = personality_new(release, gates, served, &w->personality, &err);

  if (r == 0)
    r = store_open(&(struct store_config){ .backend = "memory", .clock = w->clock, .log = w->log }, &w->store, &err);
  if (r == 0)
    r = apiserver_new(
        &(struct apiserver_config){
            .personality = w->personality, .store = w->store, .clock = w->clock, .log = w->log },
        &w->server, &err);
  if (r < 0)
    fail_msg("start: %s", err.msg);
}

struct world *
world_new(int minor, uint64_t seed, world_observer *observer, void *arg)
{
  static const struct exchange_ops spy_ops = { .serve = spy_serve };
  struct world *w = mem_alloc(sizeof *w);

  w->spy.ops = &spy_ops;
  w->random = seed * 0x9E3779B97F4A7C15u | 1;
  w->observer = observer;
  w->arg = arg;
  w->clock = clock_new_virtual(WALL_START);
  w->log = log_new(2, LOG_ERROR, NULL);
  w->work = arena_new(CEIL_ARENA_CYCLE);
  start_server(w, minor);
  for (size_t i = 0; i < ARRAY_SIZE(w->clients); i++) {
    w->users[i] = (struct exchange_user){ .name = actor_names[i], .groups = masters, .n_groups = 2 };
    w->clients[i] = kclient_new_local(
        &w->spy, &(struct kclient_options){
                     .user_agent = actor_names[i], .user = &w->users[i], .clock = w->clock, .log = w->log });
  }
  w->reader = kclient_new_local(
      apiserver_exchange(w->server),
      &(struct kclient_options){ .user_agent = "reader", .user = &w->users[0], .clock = w->clock, .log = w->log });
  w->scheduler = sched_new(&(struct scheduler_config){
      .client = w->clients[BY_SCHEDULER], .personality = w->personality, .clock = w->clock, .log = w->log });
  w->controllers = controllers_new(&(struct controllers_config){
      .client = w->clients[BY_CONTROLLER], .personality = w->personality, .clock = w->clock, .log = w->log });
  for (size_t i = 0; i < w->controllers->n; i++)
    if (w->controllers->list[i].ops == &claim_controller_ops)
      w->claim_controller = &w->controllers->list[i];
  for (size_t i = 0; i < SCHED_WATCH_COUNT; i++)
    add_kind(w, sched_watched(w->scheduler, (enum sched_watch)i), &w->scheduler->sinks[i], NULL);
  add_kind(w, &KC_PODS, NULL, &w->controllers->watched[WATCH_PODS].sink);
  add_kind(w, w->controllers->dra->claims, NULL, &w->controllers->watched[WATCH_CLAIMS].sink);
  add_kind(w, w->controllers->dra->templates, NULL, &w->controllers->watched[WATCH_TEMPLATES].sink);
  return w;
}

void
world_free(struct world *w)
{
  sched_free(w->scheduler);
  for (size_t i = 0; i < w->controllers->n; i++)
    workqueue_close(w->controllers->list[i].queue);
  controllers_free(w->controllers);
  for (size_t i = 0; i < ARRAY_SIZE(w->clients); i++)
    kclient_free(w->clients[i]);
  kclient_free(w->reader);
  for (size_t i = 0; i < w->n_kinds; i++) {
    hmap_free(w->kinds[i].stored);
    mailbox_free(w->kinds[i].to_scheduler);
    mailbox_free(w->kinds[i].to_controllers);
  }
  apiserver_stop(w->server);
  apiserver_free(w->server);
  w->store->ops->free(w->store);
  personality_unref(w->personality);
  arena_free(w->work);
  log_free(w->log);
  clock_free(w->clock);
  free(w);
}

int
world_minor(const struct world *w)
{
  return personality_minor(w->personality);
}

const struct kclient_dra *
world_dra(const struct world *w)
{
  return kclient_dra_of(world_minor(w));
}

/* -- objects -- */

struct kclient *
world_client(struct world *w, enum actor who)
{
  return w->clients[who];
}

static const char *
namespace_of(const struct kclient_resource *res)
{
  return res->namespaced ? "default" : NULL;
}

struct record *
world_get(struct world *w, const struct kclient_resource *res, const char *name)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct record *r;

  return kclient_get(w->reader, res, namespace_of(res), name, &r, &err) == 0 ? r : NULL;
}

struct kclient_list
world_list(struct world *w, const struct kclient_resource *res)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct kclient_list list;

  if (kclient_list(w->reader, res, NULL, NULL, &list, &err) < 0)
    fail_msg("list %s: %s", res->resource, err.msg);
  return list;
}

static struct json *object_of(struct arena *a, const char *fmt, va_list args) _printf_(2, 0);

static struct json *
object_of(struct arena *a, const char *fmt, va_list args)
{
  _cleanup_strbuf_ struct strbuf b = { 0 };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *o;
  char *text;

  strbuf_init(&b, CEIL_SMALL_FILE);
  strbuf_vprintf(&b, fmt, args);
  text = arena_strndup(a, b.p, b.n);
  for (char *p = text; *p; p++)
    if (*p == '\'')
      *p = '"';
  if (json_parse(a, span_of(text), NULL, &o, &err) < 0)
    fail_msg("%s: %s", text, err.msg);
  return o;
}

bool
world_create(struct world *w, const struct kclient_resource *res, const char *fmt, ...)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *o;
  va_list args;

  va_start(args, fmt);
  o = object_of(a, fmt, args);
  va_end(args);
  json_set_str(a, o, "apiVersion", gv_text(a, res->group, res->version));
  json_set_str(a, o, "kind", res->kind);
  if (kclient_create(w->clients[BY_USER], res, namespace_of(res), o, NULL, &err) == 0)
    return true;
  if (err.code != KERR_ALREADY_EXISTS)
    fail_msg("create %s: %s", res->resource, err.msg);
  return false;
}

bool
world_patch(struct world *w, enum actor who, const struct kclient_resource *res, const char *sub, const char *name,
            const char *fmt, ...)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *o;
  va_list args;

  va_start(args, fmt);
  o = object_of(a, fmt, args);
  va_end(args);
  return kclient_patch(w->clients[who], res, sub, namespace_of(res), name, KCLIENT_MERGE_PATCH, NULL, o, NULL, &err) ==
         0;
}

bool
world_delete(struct world *w, enum actor who, const struct kclient_resource *res, const char *name)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *options = json_new_object(a);

  json_set_int(a, options, "gracePeriodSeconds", 0);
  return kclient_delete(w->clients[who], res, namespace_of(res), name, options, &err) == 0;
}

/* -- steps -- */

static bool
deliver_to_scheduler(struct world *w, struct kind_state *k)
{
  struct kclient_change *c = mailbox_receive(k->to_scheduler, 0);

  if (c)
    sched_take(w->scheduler, c);
  return c != NULL;
}

static bool
deliver_to_controllers(struct kind_state *k)
{
  struct kclient_change *c = mailbox_receive(k->to_controllers, 0);

  if (!c)
    return false;
  k->controller_sink->take(k->controller_sink, c);
  kclient_change_free(c);
  return true;
}

bool
world_deliver(struct world *w)
{
  size_t n = w->n_kinds * 2, first = world_random(w, (uint32_t)n);

  for (size_t i = 0; i < n; i++) {
    size_t at = (first + i) % n;
    struct kind_state *k = &w->kinds[at / 2];

    if (at % 2 ? deliver_to_controllers(k) : deliver_to_scheduler(w, k))
      return true;
  }
  return false;
}

static bool
finish_binding(struct world *w)
{
  struct sched_bind *b = mailbox_receive(w->scheduler->done, 0);

  if (b)
    sched_bind_done(w->scheduler, b);
  return b != NULL;
}

static bool
write_binding(struct world *w)
{
  struct sched_bind *b = mailbox_receive(w->scheduler->jobs, 0);

  if (!b)
    return false;
  sched_bind_work(b);
  assert_true(mailbox_send(w->scheduler->done, b));
  return true;
}

static bool
attempt(struct world *w)
{
  int64_t deadline;

  return sched_step(w->scheduler, &deadline);
}

bool
world_schedule(struct world *w)
{
  static bool (*const steps[])(struct world * w) = { attempt, write_binding, finish_binding };
  uint32_t first = world_random(w, ARRAY_SIZE(steps));

  for (uint32_t i = 0; i < ARRAY_SIZE(steps); i++)
    if (steps[(first + i) % ARRAY_SIZE(steps)](w))
      return true;
  return false;
}

bool
world_control(struct world *w)
{
  int64_t deadline;
  char *key = workqueue_take_due(w->claim_controller->queue, &deadline);

  if (key)
    controllers_work(w->claim_controller, key, w->work);
  return key != NULL;
}

/* Does the object's controlling owner still exist? */
static bool
is_orphan(struct world *w, const struct json *o)
{
  const struct json *owner = object_controller(o);
  _cleanup_record_ struct record *pod = NULL;

  if (!owner || object_is_deleting(o))
    return false;
  pod = world_get(w, &KC_PODS, json_get_str_or(owner, "name", ""));
  return !pod || strcmp(object_uid(record_tree(pod)), json_get_str_or(owner, "uid", "")) != 0;
}

bool
world_collect(struct world *w)
{
  const struct kclient_resource *owned[] = { world_dra(w)->claims, world_dra(w)->scheduling };
  bool found = false;

  for (size_t k = 0; k < ARRAY_SIZE(owned) && !found; k++) {
    struct kclient_list list = world_list(w, owned[k]);

    for (size_t i = 0; i < list.n && !found; i++)
      found = is_orphan(w, record_tree(list.items[i])) &&
              world_delete(w, BY_COLLECTOR, owned[k], object_name(record_tree(list.items[i])));
    kclient_list_release(&list);
  }
  return found;
}

void
world_advance(struct world *w, int64_t ns)
{
  clock_advance(w->clock, ns);
}
