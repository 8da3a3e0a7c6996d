#include "clock.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "mem.h"

/* A wait on a virtual clock, on its thread's stack. */
struct waiter {
  struct waiter *next;
  pthread_cond_t *cond;
  pthread_mutex_t *mutex;
  int64_t deadline;
  bool pinned; /* clock_advance is about to touch cond and mutex: the waiter must not go away */
  bool woken;  /* once is enough: it is never pinned again */
};

struct clock {
  bool is_virtual;
  /* virtual only; `lock` is taken with a waiter's own mutex held, never the other way round */
  pthread_mutex_t lock;
  pthread_cond_t unpinned;
  int64_t now; /* wall and monotonic alike */
  struct waiter *waiters;
};

static int64_t
read_clock(clockid_t id)
{
  struct timespec t;

  (void)clock_gettime(id, &t);
  return (int64_t)t.tv_sec * CLOCK_SEC + t.tv_nsec;
}

static struct clock *
clock_new(bool is_virtual, int64_t now)
{
  struct clock *c = mem_alloc(sizeof *c);

  c->is_virtual = is_virtual;
  c->now = now;
  (void)pthread_mutex_init(&c->lock, NULL);
  (void)pthread_cond_init(&c->unpinned, NULL);
  return c;
}

struct clock *
clock_new_real(void)
{
  return clock_new(false, 0);
}

struct clock *
clock_new_virtual(int64_t wall_ns)
{
  return clock_new(true, wall_ns);
}

void
clock_free(struct clock *c)
{
  if (!c)
    return;
  assert(!c->waiters);
  (void)pthread_cond_destroy(&c->unpinned);
  (void)pthread_mutex_destroy(&c->lock);
  free(c);
}

static int64_t
virtual_now(struct clock *c)
{
  int64_t now;

  pthread_mutex_lock(&c->lock);
  now = c->now;
  pthread_mutex_unlock(&c->lock);
  return now;
}

int64_t
clock_wall(struct clock *c)
{
  return c->is_virtual ? virtual_now(c) : read_clock(CLOCK_REALTIME);
}

int64_t
clock_mono(struct clock *c)
{
  return c->is_virtual ? virtual_now(c) : read_clock(CLOCK_MONOTONIC);
}

void
clock_advance(struct clock *c, int64_t ns)
{
  struct waiter *w;

  assert(c->is_virtual && ns >= 0);
  pthread_mutex_lock(&c->lock);
  c->now += ns;
  for (;;) {
    for (w = c->waiters; w; w = w->next)
      if (w->deadline <= c->now && !w->woken && !w->pinned)
        break;
    if (!w)
      break;
    w->pinned = true;
    pthread_mutex_unlock(&c->lock);
    pthread_mutex_lock(w->mutex); /* so it is in pthread_cond_wait, and the signal is not lost */
    pthread_cond_broadcast(w->cond);
    pthread_mutex_unlock(w->mutex);
    pthread_mutex_lock(&c->lock);
    w->pinned = false;
    w->woken = true;
    pthread_cond_broadcast(&c->unpinned);
  }
  pthread_mutex_unlock(&c->lock);
}

/* Wait, with c->lock held and without the waiter's mutex, until clock_advance has done with `w`. Returns with both. */
static void
wait_unpinned(struct clock *c, struct waiter *w)
{
  while (w->pinned) {
    pthread_mutex_unlock(w->mutex); /* clock_advance may be waiting for it */
    while (w->pinned)
      pthread_cond_wait(&c->unpinned, &c->lock);
    pthread_mutex_unlock(&c->lock);
    pthread_mutex_lock(w->mutex);
    pthread_mutex_lock(&c->lock);
  }
}

static bool
virtual_wait(struct clock *c, pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline)
{
  struct waiter w = { .cond = cond, .mutex = mutex, .deadline = deadline };
  bool early;

  pthread_mutex_lock(&c->lock);
  if (c->now >= deadline) {
    pthread_mutex_unlock(&c->lock);
    return false;
  }
  w.next = c->waiters;
  c->waiters = &w;
  pthread_mutex_unlock(&c->lock);
  pthread_cond_wait(cond, mutex);
  pthread_mutex_lock(&c->lock);
  wait_unpinned(c, &w);
  for (struct waiter **p = &c->waiters; *p; p = &(*p)->next)
    if (*p == &w) {
      *p = w.next;
      break;
    }
  early = c->now < deadline;
  pthread_mutex_unlock(&c->lock);
  return early;
}

bool
clock_cond_wait(struct clock *c, pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline)
{
  struct timespec until = { .tv_sec = deadline / CLOCK_SEC, .tv_nsec = deadline % CLOCK_SEC };

  if (c->is_virtual)
    return virtual_wait(c, cond, mutex, deadline);
  if (deadline == CLOCK_NEVER) {
    (void)pthread_cond_wait(cond, mutex);
    return true;
  }
  if (deadline <= 0)
    return false;
  return pthread_cond_timedwait(cond, mutex, &until) != ETIMEDOUT;
}

void
clock_cond_init(pthread_cond_t *cond)
{
  pthread_condattr_t attr;

  (void)pthread_condattr_init(&attr);
  (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  (void)pthread_cond_init(cond, &attr);
  (void)pthread_condattr_destroy(&attr);
}

void
clock_sleep(struct clock *c, int64_t ns)
{
  int64_t deadline = clock_mono(c) + ns;
  pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t never;

  clock_cond_init(&never);
  pthread_mutex_lock(&lock);
  while (clock_cond_wait(c, &never, &lock, deadline))
    continue;
  pthread_mutex_unlock(&lock);
  pthread_cond_destroy(&never);
}
