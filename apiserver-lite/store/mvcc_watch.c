/* The thread that carries published events to the watches. */
#include "mvcc_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "thread.h"

/* Events handed to a callback at a time. */
#define FEED_BATCH 64
/* Events of other prefixes looked at before the lock is let go. */
#define FEED_SCAN 1024

struct store_watch {
  struct store_watch *prev, *next;
  char *prefix;
  size_t prefix_len;
  uint64_t cursor; /* number of the next event to look at */
  int64_t after;   /* events up to this revision are not for it: it may begin in the future */
  store_watch_fn *fn;
  void *payload;
  bool running; /* its callback is being called, without the lock */
  bool lost;
};

void
mvcc_feed_init(struct mvcc *m)
{
  clock_cond_init(&m->feed.changed);
  pthread_cond_init(&m->feed.idle, NULL);
}

void
mvcc_feed_wake(struct mvcc *m)
{
  pthread_cond_signal(&m->feed.changed);
}

uint64_t
mvcc_feed_delivered(const struct mvcc *m)
{
  uint64_t least = m->end;

  for (const struct store_watch *w = m->feed.watches; w; w = w->next)
    if (!w->lost && w->cursor < least)
      least = w->cursor;
  return least;
}

/* The events for one callback: those of FEED_BATCH revisions at most, and never a part of one. */
struct batch {
  struct store_event own[FEED_BATCH], *events;
  size_t n, cap;
};

/* Its own room is left as it is: this is done for every watch with every write. */
static void
batch_init(struct batch *b)
{
  b->events = b->own;
  b->n = 0;
  b->cap = FEED_BATCH;
}

static void
batch_add(struct batch *b, const struct mvcc_event *e)
{
  if (b->n == b->cap) { /* only a revision with many events comes here */
    struct store_event *more = mem_calloc(2 * b->cap, sizeof *more);

    memcpy(more, b->events, b->n * sizeof *more);
    if (b->events != b->own)
      free(b->events);
    b->events = more;
    b->cap *= 2;
  }
  b->events[b->n++] = (struct store_event){
    .type = e->type, .revision = e->revision, .record = record_ref(e->record), .old = e->old ? record_ref(e->old) : NULL
  };
}

static void
call(struct mvcc *m, struct store_watch *w, const struct store_event *events, size_t n)
{
  w->running = true;
  pthread_mutex_unlock(&m->lock);
  w->fn(w->payload, events, n);
  for (size_t i = 0; i < n; i++) {
    record_unref(events[i].record);
    record_unref(events[i].old);
  }
  pthread_mutex_lock(&m->lock);
  w->running = false;
  pthread_cond_broadcast(&m->feed.idle);
}

/* Moves one watch on, with the lock, which is let go while the callback runs. True when there may be more. */
static bool
deliver(struct mvcc *m, struct store_watch *w)
{
  struct batch b;
  struct span prefix = { w->prefix, w->prefix_len };
  int64_t last = 0;

  if (w->lost || w->cursor == m->end)
    return false;
  if (w->cursor < m->first) {
    w->lost = true;
    call(m, w, NULL, 0);
    return true;
  }
  batch_init(&b);
  for (size_t seen = 0; w->cursor < m->end; w->cursor++, seen++) {
    const struct mvcc_event *e = mvcc_event_at(m, w->cursor);

    if (e->revision != last && (b.n >= FEED_BATCH || seen >= FEED_SCAN))
      break;
    last = e->revision;
    if (e->revision > w->after && span_starts(record_key(e->record), prefix))
      batch_add(&b, e);
  }
  if (b.n > 0)
    call(m, w, b.events, b.n);
  if (b.events != b.own)
    free(b.events);
  return true;
}

/* Monotonic time at which the oldest event is too old, or never. */
static int64_t
next_age(struct mvcc *m)
{
  if (mvcc_history(m) == 0 || m->feed.asked > m->first)
    return CLOCK_NEVER;
  return mvcc_event_at(m, m->first)->at + m->max_age;
}

static void *
feed_main(void *arg)
{
  struct mvcc *m = arg;

  pthread_mutex_lock(&m->lock);
  while (!m->feed.stopping) {
    bool busy = false;

    /* A watch cannot go away while it is running, so `w` and its links hold. */
    for (struct store_watch *w = m->feed.watches; w; w = w->next)
      busy = deliver(m, w) || busy;
    if (busy)
      continue;
    if (next_age(m) <= clock_mono(m->clock)) {
      m->feed.asked = m->first + 1;
      pthread_mutex_unlock(&m->lock);
      m->aged(m->payload);
      pthread_mutex_lock(&m->lock);
      continue;
    }
    if (!m->feed.stopping)
      clock_cond_wait(m->clock, &m->feed.changed, &m->lock, next_age(m));
  }
  pthread_mutex_unlock(&m->lock);
  return NULL;
}

void
mvcc_feed_stop(struct mvcc *m)
{
  bool started;

  pthread_mutex_lock(&m->lock);
  assert(!m->feed.watches);
  started = m->feed.started;
  m->feed.stopping = true;
  mvcc_feed_wake(m);
  pthread_mutex_unlock(&m->lock);
  if (started)
    pthread_join(m->feed.thread, NULL);
  pthread_cond_destroy(&m->feed.changed);
  pthread_cond_destroy(&m->feed.idle);
}

int
mvcc_watch(struct mvcc *m, struct span prefix, int64_t from_rev, store_watch_fn *fn, void *payload,
           struct store_watch **ret, struct kerr *reterr)
{
  struct store_watch *w;
  int64_t compacted;

  pthread_mutex_lock(&m->lock);
  compacted = m->compacted;
  if (from_rev == 0)
    from_rev = m->revision;
  if (from_rev < compacted) {
    pthread_mutex_unlock(&m->lock);
    return kerr_set(reterr, KERR_EXPIRED, NULL, "too old resource version: %" PRId64 " (%" PRId64 ")", from_rev,
                    compacted);
  }
  w = mem_alloc(sizeof *w);
  w->prefix = mem_strndup(prefix.p, prefix.n);
  w->prefix_len = prefix.n;
  w->cursor = mvcc_seek(m, from_rev);
  w->after = from_rev;
  w->fn = fn;
  w->payload = payload;
  w->next = m->feed.watches;
  if (w->next)
    w->next->prev = w;
  m->feed.watches = w;
  if (!m->feed.started) {
    m->feed.started = true;
    thread_start(&m->feed.thread, "store-watch", feed_main, m);
  }
  mvcc_feed_wake(m);
  pthread_mutex_unlock(&m->lock);
  *ret = w;
  return 0;
}

void
mvcc_watch_free(struct mvcc *m, struct store_watch *w)
{
  if (!w)
    return;
  pthread_mutex_lock(&m->lock);
  assert(!m->feed.started || !pthread_equal(m->feed.thread, pthread_self()));
  while (w->running)
    pthread_cond_wait(&m->feed.idle, &m->lock);
  *(w->prev ? &w->prev->next : &m->feed.watches) = w->next;
  if (w->next)
    w->next->prev = w->prev;
  pthread_mutex_unlock(&m->lock);
  free(w->prefix);
  free(w);
}
