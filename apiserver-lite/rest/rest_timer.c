#include "rest_timer.h"

#include <assert.h>

#include "mem.h"
#include "thread.h"

struct rest_timers {
  struct clock *clock;
  pthread_mutex_t lock; /* held while a function runs: disarming waits for it */
  pthread_cond_t changed;
  struct rest_timer *first;
  pthread_t thread;
  bool started, stop;
  int64_t sleeps_until; /* the thread, while it has no reason to look earlier */
};

static void
unlink_timer(struct rest_timers *t, struct rest_timer *timer)
{
  if (!timer->armed)
    return;
  if (timer->prev)
    timer->prev->next = timer->next;
  else
    t->first = timer->next;
  if (timer->next)
    timer->next->prev = timer->prev;
  timer->next = timer->prev = NULL;
  timer->armed = false;
}

/* Calls what is due; the next deadline. */
static int64_t
run_due(struct rest_timers *t)
{
  int64_t now = clock_mono(t->clock), next = CLOCK_NEVER;

  for (struct rest_timer *e = t->first, *after; e; e = after) {
    after = e->next;
    if (e->deadline <= now) {
      unlink_timer(t, e);
      e->fn(e->arg);
    } else if (e->deadline < next) {
      next = e->deadline;
    }
  }
  return next;
}

static void *
timer_main(void *arg)
{
  struct rest_timers *t = arg;

  pthread_mutex_lock(&t->lock);
  while (!t->stop) {
    t->sleeps_until = run_due(t);
    (void)clock_cond_wait(t->clock, &t->changed, &t->lock, t->sleeps_until);
  }
  pthread_mutex_unlock(&t->lock);
  return NULL;
}

struct rest_timers *
rest_timers_new(struct clock *clock)
{
  struct rest_timers *t = mem_alloc(sizeof *t);

  t->clock = clock;
  pthread_mutex_init(&t->lock, NULL);
  clock_cond_init(&t->changed);
  return t;
}

void
rest_timers_free(struct rest_timers *t)
{
  if (!t)
    return;
  assert(!t->first);
  pthread_mutex_lock(&t->lock);
  t->stop = true;
  pthread_cond_signal(&t->changed);
  pthread_mutex_unlock(&t->lock);
  if (t->started)
    pthread_join(t->thread, NULL);
  pthread_cond_destroy(&t->changed);
  pthread_mutex_destroy(&t->lock);
  free(t);
}

void
rest_timer_arm(struct rest_timers *t, struct rest_timer *timer, int64_t deadline)
{
  pthread_mutex_lock(&t->lock);
  unlink_timer(t, timer);
  timer->deadline = deadline;
  timer->armed = true;
  timer->next = t->first;
  if (t->first)
    t->first->prev = timer;
  t->first = timer;
  if (!t->started)
    thread_start(&t->thread, "watch-timer", timer_main, t);
  t->started = true;
  if (deadline < t->sleeps_until) {
    t->sleeps_until = deadline;
    pthread_cond_signal(&t->changed);
  }
  pthread_mutex_unlock(&t->lock);
}

void
rest_timer_disarm(struct rest_timers *t, struct rest_timer *timer)
{
  pthread_mutex_lock(&t->lock);
  unlink_timer(t, timer);
  pthread_mutex_unlock(&t->lock);
}
