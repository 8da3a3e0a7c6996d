#include "classic_driver.h"

#include <string.h>

#include "ceilings.h"
#include "classic_internal.h"
#include "object.h"

#define WHO           "classic-driver"
#define MAILBOX_LIMIT 4096
#define SLOW_STEP_NS  (50 * CLOCK_MS)  /* of waiting on purpose: how late a stop may be noticed */
#define FAULT_LOOK_NS (200 * CLOCK_MS) /* while a fault holds the driver up: is it gone? */

static const char claim_prefix[] = "claim:", scheduling_prefix[] = "scheduling:";

/* -- changes become keys -- */

static void
enqueue(struct classic_driver *d, const char *prefix, const struct json *o)
{
  _cleanup_free_ char *key = mem_printf("%s%s/%s", prefix, object_namespace(o), object_name(o));

  workqueue_add(d->queue, span_of(key));
}

/* A claim that comes or is freed may be what a pod waits for; a class, what a claim waits for. */
static void
enqueue_all(struct classic_driver *d, enum classic_watch what, const char *prefix)
{
  size_t cursor = 0;

  for (struct record *r; (r = kclient_cache_next(d->caches[what], &cursor));)
    enqueue(d, prefix, record_tree(r));
}

static void
take_change(struct classic_driver *d, struct kclient_change *c)
{
  enum classic_watch what = 0;

  while (d->informers[what] != c->informer) /* all of them were there before this thread */
    what++;
  kclient_cache_apply(d->caches[what], c);
  if (c->type == KCLIENT_SYNCED || what == CLASSIC_CLASSES)
    enqueue_all(d, CLASSIC_CLAIMS, claim_prefix);
  if (c->record && what == CLASSIC_CLAIMS)
    enqueue(d, claim_prefix, record_tree(c->record));
  if (c->record && what == CLASSIC_SCHEDULING)
    enqueue(d, scheduling_prefix, record_tree(c->record));
  else
    enqueue_all(d, CLASSIC_SCHEDULING, scheduling_prefix);
}

/* -- keys become work -- */

static const struct json *
object_of_key(struct classic_driver *d, struct arena *a, const char *key, enum classic_watch *ret)
{
  const char *name = strchr(key, ':') + 1, *slash = strchr(name, '/');
  struct record *r;

  *ret = strncmp(key, claim_prefix, strlen(claim_prefix)) == 0 ? CLASSIC_CLAIMS : CLASSIC_SCHEDULING;
  r = kclient_cache_get(d->caches[*ret], arena_strndup(a, name, (size_t)(slash - name)), slash + 1);
  return r ? json_copy(a, record_tree(r)) : NULL; /* a copy: writes put newer versions into the cache */
}

static bool
is_synced(const struct classic_driver *d)
{
  for (size_t i = 0; i < CLASSIC_WATCH_COUNT; i++)
    if (!kclient_cache_synced(d->caches[i]))
      return false;
  return true;
}

/* The faults of this moment. A file that cannot be read is told, and what is in it before the mistake counts. */
static void
read_faults(struct classic_driver *d, struct arena *a, struct classic_faults *ret)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (classic_faults_read(a, d->config.faults, ret, &err) < 0)
    log_warn(d->config.log, WHO, "%s: %s", d->config.faults, err.msg);
  if (!ret->die)
    d->dead = false;
}

/* *ret_again_ns: when the key is to come back although nothing failed; 0: not at all. */
static int
work(struct classic_driver *d, struct arena *a, const struct classic_faults *f, const char *key, int64_t *ret_again_ns)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  enum classic_watch what;
  const struct json *o = object_of_key(d, a, key, &what);
  const char *driver;
  int r;

  *ret_again_ns = 0;
  if (!o)
    return 0;
  r = what == CLASSIC_CLAIMS ? classic_sync_claim(d, a, f, o, &err)
                             : classic_sync_scheduling(d, a, f, o, ret_again_ns, &err);
  if (r == 0 || err.code == KERR_CANCELLED)
    return 0;
  log_info(d->config.log, WHO, "%s: %s", key, err.msg);
  driver = what == CLASSIC_CLAIMS ? classic_claim_driver(d, o) : NULL;
  if (err.code != KERR_CONFLICT || what == CLASSIC_SCHEDULING) /* a write that lost a race is no news for a claim */
    classic_event(d, driver ? driver : "dralab", o, err.msg);
  return r;
}

static void
dawdle(struct classic_driver *d, int64_t ns)
{
  for (; ns > 0 && !mailbox_closed(d->box); ns -= SLOW_STEP_NS)
    clock_sleep(d->config.clock, ns < SLOW_STEP_NS ? ns : SLOW_STEP_NS);
}

/*
 * Do what is due; false when a fault holds the driver up. A slow driver waits before each key, in its own loop, so that
 * it is slow in everything, as a busy one is.
 */
static bool
run_due(struct classic_driver *d, int64_t *ret_deadline)
{
  char *key;

  *ret_deadline = CLOCK_NEVER;
  while (is_synced(d) && !mailbox_closed(d->box)) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
    struct classic_faults faults;
    int64_t again;
    int r;

    read_faults(d, a, &faults);
    if (faults.silent || d->dead)
      return false;
    key = workqueue_take_due(d->queue, ret_deadline);
    if (!key)
      return true;
    dawdle(d, faults.slow_ns);
    r = work(d, a, &faults, key, &again);
    classic_devices_forget(d);
    if (r == 0 && again)
      workqueue_add_after(d->queue, span_of(key), again);
    workqueue_done(d->queue, key, r < 0);
  }
  return true;
}

static void *
driver_main(void *arg)
{
  struct classic_driver *d = arg;

  while (!mailbox_closed(d->box)) {
    int64_t deadline;
    struct kclient_change *c;

    if (!run_due(d, &deadline))
      deadline = clock_mono(d->config.clock) + FAULT_LOOK_NS;
    for (c = mailbox_receive(d->box, deadline); c; c = mailbox_receive(d->box, 0)) {
      take_change(d, c);
      kclient_change_free(c);
    }
  }
  return NULL;
}

/* -- life -- */

struct classic_driver *
classic_driver_start(const struct classic_driver_config *config)
{
  struct classic_driver *d = mem_alloc(sizeof *d);
  const struct kclient_resource *kinds[CLASSIC_WATCH_COUNT];

  d->config = *config;
  d->kinds = kclient_dra_of(config->minor);
  kinds[CLASSIC_CLAIMS] = d->kinds->claims;
  kinds[CLASSIC_CLASSES] = d->kinds->classes;
  kinds[CLASSIC_SCHEDULING] = d->kinds->scheduling;
  d->box = mailbox_new(config->clock, MAILBOX_LIMIT, kclient_change_free);
  d->queue = workqueue_new(config->clock);
  for (size_t i = 0; i < CLASSIC_WATCH_COUNT; i++) {
    d->caches[i] = kclient_cache_new();
    d->informers[i] = kclient_watch(config->client, kinds[i], NULL, NULL, d->box, NULL);
  }
  thread_start(&d->thread, "classic-driver", driver_main, d);
  return d;
}

void
classic_driver_stop(struct classic_driver *d)
{
  if (!d)
    return;
  mailbox_close(d->box);
  workqueue_close(d->queue);
  (void)pthread_join(d->thread, NULL);
  for (size_t i = 0; i < CLASSIC_WATCH_COUNT; i++) {
    kclient_informer_free(d->informers[i]);
    kclient_cache_free(d->caches[i]);
  }
  workqueue_free(d->queue);
  mailbox_free(d->box);
  free(d);
}
