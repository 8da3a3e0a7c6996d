#include "store_expiry.h"

#include <pthread.h>
#include <stdlib.h>

#include "thread.h"

struct note {
  int64_t at, revision; /* clock_mono; what was written by then */
};

struct store_expiry {
  struct store_expiry_config config;
  struct note notes[STORE_EXPIRY_STEPS + 1]; /* a ring */
  size_t first, n;
  int64_t passed;  /* what was written at or before this revision has had its time, */
  bool unfinished; /* but some of it is still there */

  pthread_t thread;
  bool started;
  pthread_mutex_t lock; /* the next two */
  pthread_cond_t changed;
  bool stopping;
};

static struct note *
note_at(struct store_expiry *e, size_t i)
{
  return &e->notes[(e->first + i) % ARRAY_SIZE(e->notes)];
}

/* A full ring loses its oldest note; by then a lifetime has passed since the next one. */
static void
add_note(struct store_expiry *e, int64_t now)
{
  if (e->n == ARRAY_SIZE(e->notes)) {
    e->first = (e->first + 1) % ARRAY_SIZE(e->notes);
    e->n--;
  }
  *note_at(e, e->n++) = (struct note){ .at = now, .revision = store_revision(e->config.store) };
}

/* What was written at or before this revision has had its time. Notes that are of no more use go. */
static int64_t
expired_revision(struct store_expiry *e, int64_t now)
{
  int64_t revision = 0;

  while (e->n > 0 && now - note_at(e, 0)->at >= e->config.lifetime) {
    revision = note_at(e, 0)->revision;
    e->first = (e->first + 1) % ARRAY_SIZE(e->notes);
    e->n--;
  }
  return revision;
}

/* True unless the store takes no writes. Somebody may have written or deleted it just now, which is fine. */
static bool
expire(struct store_expiry *e, struct record *r, size_t *n)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int code = store_cas(e->config.store, record_key(r), NULL, record_revision(r), NULL, &err);

  if (code == 0)
    ++*n;
  if (code == 0 || err.code == KERR_CONFLICT || err.code == KERR_NOT_FOUND)
    return true;
  log_warn(e->config.log, "store", "cannot delete what has expired: %s, again later", err.msg);
  return false;
}

size_t
store_expiry_step(struct store_expiry *e)
{
  int64_t now = clock_mono(e->config.clock), revision = expired_revision(e, now);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct store_list list;
  size_t n = 0;

  add_note(e, now);
  if (revision <= e->passed && !e->unfinished)
    return 0;
  e->passed = revision > e->passed ? revision : e->passed;
  e->unfinished = true;
  if (store_list(e->config.store, &(struct store_range){ .prefix = e->config.prefix }, &list, &err) < 0) {
    log_warn(e->config.log, "store", "cannot look for what has expired: %s, again later", err.msg);
    return 0;
  }
  e->unfinished = false;
  for (size_t i = 0; i < list.n && !e->unfinished; i++)
    if (record_revision(list.items[i]) <= e->passed)
      e->unfinished = !expire(e, list.items[i], &n);
  store_list_release(&list);
  return n;
}

static void *
run(void *arg)
{
  struct store_expiry *e = arg;
  int64_t step = e->config.lifetime / STORE_EXPIRY_STEPS, next = clock_mono(e->config.clock);

  pthread_mutex_lock(&e->lock);
  while (!e->stopping) {
    if (clock_mono(e->config.clock) < next) {
      (void)clock_cond_wait(e->config.clock, &e->changed, &e->lock, next);
      continue;
    }
    pthread_mutex_unlock(&e->lock);
    (void)store_expiry_step(e);
    pthread_mutex_lock(&e->lock);
    next = clock_mono(e->config.clock) + step;
  }
  pthread_mutex_unlock(&e->lock);
  return NULL;
}

struct store_expiry *
store_expiry_new(const struct store_expiry_config *config)
{
  struct store_expiry *e = mem_alloc(sizeof *e);

  e->config = *config;
  pthread_mutex_init(&e->lock, NULL);
  clock_cond_init(&e->changed);
  return e;
}

void
store_expiry_start(struct store_expiry *e)
{
  thread_start(&e->thread, "store-expiry", run, e);
  e->started = true;
}

void
store_expiry_free(struct store_expiry *e)
{
  if (!e)
    return;
  if (e->started) {
    pthread_mutex_lock(&e->lock);
    e->stopping = true;
    pthread_cond_signal(&e->changed);
    pthread_mutex_unlock(&e->lock);
    pthread_join(e->thread, NULL);
  }
  pthread_cond_destroy(&e->changed);
  pthread_mutex_destroy(&e->lock);
  free(e);
}
