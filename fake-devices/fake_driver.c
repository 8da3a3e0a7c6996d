#include "fake_driver.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "ceilings.h"
#include "codec.h"
#include "fake_driver_internal.h"
#include "fs.h"
#include "hmap.h"
#include "kclient_dra.h"
#include "object.h"
#include "slices.h"
#include "slices_named.h"

#define WHO            "fake-driver"
#define MAILBOX_LIMIT  1024
#define SETTLE_NS      (20 * CLOCK_MS)  /* several edits of a tree are one change */
#define RESCAN_NS      (30 * CLOCK_SEC) /* in case the kernel lost an event or had no watch to give */
#define SECOND_LOOK_NS (250 * CLOCK_MS)
#define RETRY_FIRST_NS (50 * CLOCK_MS)
#define UNSETTLED_MAX  25 /* scans that may be put off because the tree is being edited */
#define RETRY_MAX_NS   (5 * CLOCK_SEC)

/* What the map of problems holds: seen once, or told. */
static const char problem_seen = 1, problem_said = 1;
#define SEEN ((void *)(uintptr_t)&problem_seen)
#define SAID ((void *)(uintptr_t)&problem_said)

struct fake_driver {
  struct kclient *client;
  char *node, *dir;
  struct clock *clock;
  struct log *log;
  const struct kclient_resource *kind; /* ResourceSlice as the release has it, or NULL */
  bool named;                          /* slices are those of 1.30 */

  pthread_mutex_t lock; /* of plugins */
  struct hmap *plugins; /* driver name -> struct fake_plugin; entries are never removed */

  /* the thread's */
  pthread_t thread;
  bool running;
  struct mailbox *box;
  struct kclient_informer *node_informer, *slice_informer;
  struct kclient_cache *nodes, *slices;
  int watch_fd;
  bool watch_short;      /* said once that there are not enough watches */
  struct hmap *problems; /* "path: text" -> SEEN or SAID */
  int64_t due;           /* when to publish next (monotonic); CLOCK_NEVER: nothing to do */
  int64_t retry_ns;
  int unsettled; /* scans in a row that saw the tree change under them */
};

struct fake_driver *
fake_driver_new(const struct fake_driver_config *config)
{
  struct fake_driver *d = mem_alloc(sizeof *d);

  d->client = config->client;
  d->node = mem_strdup(config->node);
  d->dir = mem_strdup(config->dir);
  d->clock = config->clock;
  d->log = config->log;
  d->kind = kclient_dra_of(config->minor)->slices;
  d->named = config->minor == NAMED_RESOURCES_MINOR;
  d->watch_fd = -1;
  d->due = CLOCK_NEVER;
  d->plugins = hmap_new(fake_plugin_free);
  d->problems = hmap_new(NULL);
  (void)pthread_mutex_init(&d->lock, NULL);
  return d;
}

void
fake_driver_free(struct fake_driver *d)
{
  if (!d)
    return;
  fake_driver_stop(d);
  hmap_free(d->plugins);
  hmap_free(d->problems);
  (void)pthread_mutex_destroy(&d->lock);
  free(d->node);
  free(d->dir);
  free(d);
}

static void
plugin_ensure(struct fake_driver *d, const char *driver)
{
  (void)pthread_mutex_lock(&d->lock);
  if (!hmap_get(d->plugins, span_of(driver)))
    hmap_put(d->plugins, span_of(driver), fake_plugin_new(driver, d->node, d->dir));
  (void)pthread_mutex_unlock(&d->lock);
}

struct dra_plugin *
fake_driver_plugin(struct fake_driver *d, const char *driver)
{
  (void)pthread_mutex_lock(&d->lock);
  struct fake_plugin *p = hmap_get(d->plugins, span_of(driver));
  (void)pthread_mutex_unlock(&d->lock);
  return p ? &p->base : NULL;
}

/*
 * The drivers that are ours: those of the node's profiles (also when none of their devices is left) and any other that
 * the tree names. Slices of all others belong to somebody else.
 */
static void
plugins_from_profiles(struct fake_driver *d, struct arena *a)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const char *dir = arena_printf(a, "%s/profiles", d->dir);
  char **names;
  size_t n;

  if (fs_list(a, dir, &names, &n, &err) < 0)
    return; /* a tree made by hand has no profiles */
  for (size_t i = 0; i < n; i++) {
    _cleanup_kerr_ struct kerr bad = KERR_INIT;
    struct profile *p;

    if (profile_load(a, arena_printf(a, "%s/%s", dir, names[i]), &p, &bad) < 0)
      log_warn(d->log, WHO, "node %s: %s, ignoring", d->node, bad.msg);
    else
      plugin_ensure(d, p->driver);
  }
}

static void
schedule(struct fake_driver *d, int64_t in_ns)
{
  int64_t at = clock_mono(d->clock) + in_ns;

  if (at < d->due)
    d->due = at;
}

/* -- saying what is wrong with the tree, once -- */

static void
report_problems(struct fake_driver *d, const struct device_tree *t, const struct json *node)
{
  struct hmap *now = hmap_new(NULL);

  for (size_t i = 0; i < t->n_problems; i++) {
    _cleanup_free_ char *text = mem_printf("%s: %s", t->problems[i].path, t->problems[i].text);
    const void *state = hmap_get(d->problems, span_of(text));

    if (!state) { /* a second look decides: what is being removed or written looks broken for a moment */
      schedule(d, SECOND_LOOK_NS);
      hmap_put(now, span_of(text), SEEN);
      continue;
    }
    if (state == SEEN) {
      log_warn(d->log, WHO, "node %s: %s", d->node, text);
      kclient_event(d->client, "dralab-driver", d->node, node, "Warning", "DeviceTreeProblem", "%s", text);
    }
    hmap_put(now, span_of(text), SAID);
  }
  hmap_free(d->problems);
  d->problems = now;
}

/* -- publishing -- */

static int
slice_write(struct fake_driver *d, const struct slices_write *w, struct kerr *reterr)
{
  _cleanup_record_ struct record *stored = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int r = 0;

  switch (w->verb) {
  case SLICE_CREATE:
    r = kclient_create(d->client, d->kind, NULL, w->object, &stored, &err);
    break;
  case SLICE_UPDATE:
    r = kclient_update(d->client, d->kind, NULL, w->object, &stored, &err);
    break;
  case SLICE_DELETE:
    r = kclient_delete(d->client, d->kind, NULL, object_name(w->object), NULL, &err);
    if (err.code == KERR_NOT_FOUND)
      return 0;
    break;
  }
  if (r < 0)
    return kerr_move(reterr, &err);
  if (stored)
    kclient_cache_put(d->slices, stored);
  return 0;
}

/* Whose devices a slice of this node has; "" for a pool that is not the node's own. */
static const char *
slice_driver(const struct fake_driver *d, const struct json *slice)
{
  const struct json *spec = json_get(slice, "spec");

  if (d->named)
    return json_get_str_or(slice, "driverName", "");
  if (strcmp(json_get_str_or(json_get(spec, "pool"), "name", ""), d->node) != 0)
    return "";
  return json_get_str_or(spec, "driver", "");
}

static int
publish_driver(struct fake_driver *d, struct arena *a, const struct device_tree *t, const char *driver,
               const char *node_uid, struct kerr *reterr)
{
  struct slices_owner owner = { .node = d->node, .node_uid = node_uid, .driver = driver };
  size_t cursor = 0, n = 0, cap = kclient_cache_count(d->slices);
  const struct json **existing = arena_array_of(a, const struct json *, cap + 1);
  struct slices_plan plan;

  for (struct record *r; (r = kclient_cache_next(d->slices, &cursor));)
    if (strcmp(slice_driver(d, record_tree(r)), driver) == 0)
      existing[n++] = record_tree(r);
  if (d->named)
    slices_named_plan(a, &owner, t, existing, n, &plan);
  else
    slices_plan(a, &owner, slices_specs(a, &owner, t), existing, n, &plan);
  /* The plan's objects are copies, so that putting answers into the cache does not pull them away. */
  for (size_t i = 0; i < plan.n; i++)
    if (plan.writes[i].verb == SLICE_DELETE)
      plan.writes[i].object = json_copy(a, plan.writes[i].object);
  for (size_t i = 0; i < plan.n; i++) {
    int r = slice_write(d, &plan.writes[i], reterr);
    if (r < 0)
      return kerr_wrap(reterr, "ResourceSlice of %s", driver);
  }
  if (plan.n && d->named)
    log_info(d->log, WHO, "node %s: published %s", d->node, driver);
  else if (plan.n)
    log_info(d->log, WHO, "node %s: published %s, generation %lld", d->node, driver, (long long)plan.generation);
  return 0;
}

static int
publish(struct fake_driver *d, const struct json *node, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
  struct device_tree t;
  struct span driver;
  size_t cursor = 0;
  int r;

  if (!tree_watch_update(d->watch_fd, d->dir) && !d->watch_short) {
    d->watch_short = true;
    log_warn(d->log, WHO, "node %s: no more inotify watches (fs.inotify.max_user_watches); changes show within %d s",
             d->node, (int)(RESCAN_NS / CLOCK_SEC));
  }
  r = device_tree_read(a, d->dir, &t, reterr);
  if (r < 0)
    return r;
  /* Edited while it was read: half-removed devices are no news, and every version would cost a generation. */
  if (tree_watch_drain(d->watch_fd) && ++d->unsettled < UNSETTLED_MAX)
    return kerr_set(reterr, KERR_CONFLICT, NULL, "the tree is being edited");
  d->unsettled = 0;
  report_problems(d, &t, node);
  for (size_t i = 0; i < t.n_devices; i++)
    plugin_ensure(d, t.devices[i].driver);
  while (r == 0 && hmap_next(d->plugins, &cursor, &driver, NULL)) /* only this thread adds to it */
    r = publish_driver(d, a, &t, arena_strndup(a, driver.p, driver.n), object_uid(node), reterr);
  return r;
}

/* -- the loop -- */

static void
take_change(struct fake_driver *d, struct kclient_change *c)
{
  kclient_cache_apply(c->tag == &KC_NODES ? d->nodes : d->slices, c);
  schedule(d, 0);
}

/* The Node as it is known, once both lists are complete. */
static const struct json *
ready_node(struct fake_driver *d)
{
  if (!kclient_cache_synced(d->nodes) || !kclient_cache_synced(d->slices))
    return NULL;
  struct record *r = kclient_cache_get(d->nodes, NULL, d->node);
  return r ? record_tree(r) : NULL;
}

static void
run_due(struct fake_driver *d)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const struct json *node = ready_node(d);

  d->due = CLOCK_NEVER;
  if (!node)
    return; /* the change that brings it schedules again */
  if (publish(d, node, &err) == 0) {
    d->retry_ns = RETRY_FIRST_NS;
    schedule(d, RESCAN_NS);
    return;
  }
  if (d->unsettled) {
    schedule(d, SETTLE_NS);
    return;
  }
  if (err.code != KERR_CONFLICT && err.code != KERR_CANCELLED)
    log_warn(d->log, WHO, "node %s: %s", d->node, err.msg);
  schedule(d, d->retry_ns);
  d->retry_ns = d->retry_ns * 2 > RETRY_MAX_NS ? RETRY_MAX_NS : d->retry_ns * 2;
}

static void *
driver_main(void *arg)
{
  struct fake_driver *d = arg;
  struct pollfd fds[2] = { { .fd = mailbox_fd(d->box), .events = POLLIN }, { .fd = d->watch_fd, .events = POLLIN } };

  while (!mailbox_closed(d->box)) {
    int64_t now = clock_mono(d->clock);
    int64_t wait = d->due == CLOCK_NEVER ? RESCAN_NS : d->due > now ? d->due - now : 0;

    (void)poll(fds, 2, (int)((wait + CLOCK_MS - 1) / CLOCK_MS));
    for (struct kclient_change *c; (c = mailbox_receive(d->box, 0));) {
      take_change(d, c);
      kclient_change_free(c);
    }
    if (tree_watch_drain(d->watch_fd))
      schedule(d, SETTLE_NS);
    if (d->due <= clock_mono(d->clock) && !mailbox_closed(d->box))
      run_due(d);
  }
  return NULL;
}

int
fake_driver_start(struct fake_driver *d, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  _cleanup_strbuf_ struct strbuf q = { 0 };
  struct device_tree t;
  int r = device_tree_read(a, d->dir, &t, reterr);

  if (r < 0)
    return r;
  plugins_from_profiles(d, a);
  for (size_t i = 0; i < t.n_devices; i++)
    plugin_ensure(d, t.devices[i].driver);
  if (!d->kind)
    return 0;
  d->watch_fd = tree_watch_open();
  if (d->watch_fd < 0)
    log_warn(d->log, WHO, "node %s: inotify: %s; changes show within %d s", d->node, strerror(errno),
             (int)(RESCAN_NS / CLOCK_SEC));
  d->retry_ns = RETRY_FIRST_NS;
  d->due = CLOCK_NEVER;
  d->box = mailbox_new(d->clock, MAILBOX_LIMIT, kclient_change_free);
  d->nodes = kclient_cache_new();
  d->slices = kclient_cache_new();
  strbuf_init(&q, 4 * KiB);
  strbuf_puts(&q, "fieldSelector=metadata.name%3D");
  codec_url_escape(&q, span_of(d->node));
  d->node_informer = kclient_watch(d->client, &KC_NODES, NULL, q.p, d->box, (void *)(uintptr_t)&KC_NODES);
  strbuf_clear(&q);
  strbuf_puts(&q, d->named ? "fieldSelector=nodeName%3D" : "fieldSelector=spec.nodeName%3D");
  codec_url_escape(&q, span_of(d->node));
  d->slice_informer = kclient_watch(d->client, d->kind, NULL, q.p, d->box, (void *)(uintptr_t)&KC_RESOURCESLICES);
  thread_start(&d->thread, "fake-driver", driver_main, d);
  d->running = true;
  return 0;
}

void
fake_driver_stop(struct fake_driver *d)
{
  if (!d->running)
    return;
  mailbox_close(d->box);
  (void)pthread_join(d->thread, NULL);
  d->running = false;
  kclient_informer_free(d->node_informer);
  kclient_informer_free(d->slice_informer);
  kclient_cache_free(d->nodes);
  kclient_cache_free(d->slices);
  mailbox_free(d->box);
  fs_closep(&d->watch_fd);
  d->watch_fd = -1;
}

int
fake_driver_remove_slices(struct fake_driver *d, struct kerr *reterr)
{
  _cleanup_(kclient_list_release) struct kclient_list list = { 0 };
  _cleanup_strbuf_ struct strbuf q;

  if (!d->kind)
    return 0;
  strbuf_init(&q, 4 * KiB);
  strbuf_puts(&q, d->named ? "fieldSelector=nodeName%3D" : "fieldSelector=spec.nodeName%3D");
  codec_url_escape(&q, span_of(d->node));
  int r = kclient_list(d->client, d->kind, NULL, q.p, &list, reterr);
  for (size_t i = 0; r == 0 && i < list.n; i++) {
    const struct json *o = record_tree(list.items[i]);
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    if (!fake_driver_plugin(d, slice_driver(d, o)))
      continue;
    if (kclient_delete(d->client, d->kind, NULL, object_name(o), NULL, &err) < 0 && err.code != KERR_NOT_FOUND)
      r = kerr_move(reterr, &err);
  }
  return r;
}

/* A ResourceClass has little to say: its driver. What a DeviceClass selects, the driver's controller decides there. */
static struct json *
class_of_release(struct arena *a, const struct profile *p, const struct json *item, const struct kclient_resource *kind)
{
  struct json *o = json_new_object(a);

  json_set_str(a, o, "apiVersion", gv_text(a, kind->group, kind->version));
  json_set_str(a, o, "kind", kind->kind);
  if (kind == &KC_DEVICECLASSES) {
    for (json_each_member (m, item))
      json_set(a, o, m->name, json_copy(a, m->value));
  } else {
    json_set(a, o, "metadata", json_copy(a, json_get(item, "metadata")));
    json_set_str(a, o, "driverName", p->driver);
  }
  return o;
}

int
fake_driver_create_classes(struct kclient *c, const struct profile *p, int minor, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  const struct kclient_resource *kind = kclient_dra_of(minor)->classes;

  for (json_each_item (item, p->device_classes)) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct json *o = class_of_release(a, p, *item, kind);

    if (kclient_create(c, kind, NULL, o, NULL, &err) < 0 && err.code != KERR_ALREADY_EXISTS) {
      (void)kerr_move(reterr, &err);
      return kerr_wrap(reterr, "%s %s", kind->kind, object_name(o));
    }
  }
  return 0;
}
