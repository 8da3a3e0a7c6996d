#include "rest_ahead.h"

#include <stdlib.h>

#include "thread.h"

#define AHEAD_MAX 16 /* events that are ready; with more the thread waits for the consumer */

struct ahead_group {
  pthread_mutex_t lock;
  pthread_cond_t fewer;
  size_t n;
};

/* An event with what it points to. */
struct ready {
  struct exchange_event e;
  char *bytes, *status;
};

struct ahead {
  struct exchange_stream base; /* first */
  struct ahead_group *group;
  struct exchange_stream *inner; /* the thread's */
  struct ready held;             /* what the consumer is reading */
  pthread_mutex_t lock;          /* what follows */
  pthread_cond_t changed;        /* for the thread */
  struct ready queue[AHEAD_MAX];
  size_t first, n;
  bool stirred;        /* the inner stream is worth asking again */
  bool hungry;         /* the consumer has been told that there is nothing */
  bool ended;          /* the inner stream has */
  bool abandoned;      /* the consumer is gone */
  bool thread_is_gone; /* the last of the two frees */
  void (*notify)(void *arg);
  void *notify_arg;
};

/* -- the threads -- */

struct ahead_group *
ahead_group_new(void)
{
  struct ahead_group *g = mem_alloc(sizeof *g);

  pthread_mutex_init(&g->lock, NULL);
  pthread_cond_init(&g->fewer, NULL);
  return g;
}

static void
group_count(struct ahead_group *g, bool more)
{
  pthread_mutex_lock(&g->lock);
  g->n = more ? g->n + 1 : g->n - 1;
  pthread_cond_broadcast(&g->fewer);
  pthread_mutex_unlock(&g->lock);
}

void
ahead_group_free(struct ahead_group *g)
{
  if (!g)
    return;
  pthread_mutex_lock(&g->lock);
  while (g->n > 0)
    pthread_cond_wait(&g->fewer, &g->lock);
  pthread_mutex_unlock(&g->lock);
  pthread_cond_destroy(&g->fewer);
  pthread_mutex_destroy(&g->lock);
  free(g);
}

/* -- events that are ready -- */

static char *
own(struct span *s)
{
  char *copy = s->p ? mem_strndup(s->p, s->n) : NULL;

  s->p = copy;
  return copy;
}

static void
ready_release(struct ready *r)
{
  record_unref(r->e.record);
  free(r->bytes);
  free(r->status);
  *r = (struct ready){ .bytes = NULL };
}

static void
ahead_free(struct ahead *a)
{
  while (a->n) {
    ready_release(&a->queue[a->first++ % AHEAD_MAX]);
    a->n--;
  }
  ready_release(&a->held);
  pthread_cond_destroy(&a->changed);
  pthread_mutex_destroy(&a->lock);
  free(a);
}

/* With the lock. */
static void
tell(struct ahead *a)
{
  if (a->hungry && a->notify) {
    a->hungry = false;
    a->notify(a->notify_arg);
  }
}

/* With the lock; takes over the event's record. */
static void
push(struct ahead *a, const struct exchange_event *e)
{
  struct ready r = { .e = *e };

  while (a->n == AHEAD_MAX && !a->abandoned)
    pthread_cond_wait(&a->changed, &a->lock);
  if (a->abandoned) {
    record_unref(e->record);
    return;
  }
  r.bytes = own(&r.e.bytes);
  r.status = own(&r.e.status);
  a->queue[(a->first + a->n++) % AHEAD_MAX] = r;
  tell(a);
}

/* -- the thread -- */

static void
stir(void *arg)
{
  struct ahead *a = arg;

  pthread_mutex_lock(&a->lock);
  a->stirred = true;
  pthread_cond_signal(&a->changed);
  pthread_mutex_unlock(&a->lock);
}

/* One look at the inner stream; false: the end. */
static bool
look(struct ahead *a)
{
  struct exchange_event e = { .record = NULL };
  int r = a->inner->ops->next(a->inner, &e);
  bool on;

  pthread_mutex_lock(&a->lock);
  if (r > 0)
    push(a, &e);
  while (r == 0 && !a->stirred && !a->abandoned)
    pthread_cond_wait(&a->changed, &a->lock);
  if (r == 0)
    a->stirred = false;
  if (r < 0) {
    a->ended = true;
    tell(a);
  }
  on = r >= 0 && !a->abandoned;
  pthread_mutex_unlock(&a->lock);
  return on;
}

static void *
thread_main(void *arg)
{
  struct ahead *a = arg;
  struct ahead_group *group = a->group;
  bool last;

  a->inner->ops->set_notify(a->inner, stir, a);
  while (look(a))
    ;
  a->inner->ops->free(a->inner);
  pthread_mutex_lock(&a->lock);
  last = a->abandoned;
  a->thread_is_gone = true;
  pthread_mutex_unlock(&a->lock);
  if (last)
    ahead_free(a);
  group_count(group, false);
  return NULL;
}

/* -- the consumer -- */

static int
ahead_next(struct exchange_stream *s, struct exchange_event *ret)
{
  struct ahead *a = container_of(s, struct ahead, base);
  int r = 0;

  ready_release(&a->held);
  pthread_mutex_lock(&a->lock);
  if (a->n) {
    a->held = a->queue[a->first];
    a->first = (a->first + 1) % AHEAD_MAX;
    a->n--;
    pthread_cond_signal(&a->changed);
    r = 1;
  } else if (a->ended) {
    r = -1;
  } else {
    a->hungry = true;
  }
  pthread_mutex_unlock(&a->lock);
  if (r == 1) {
    *ret = a->held.e;
    a->held.e.record = NULL; /* the consumer's */
  }
  return r;
}

static void
ahead_set_notify(struct exchange_stream *s, void (*fn)(void *arg), void *arg)
{
  struct ahead *a = container_of(s, struct ahead, base);

  pthread_mutex_lock(&a->lock);
  a->notify = fn;
  a->notify_arg = arg;
  if (fn && (a->n || a->ended))
    fn(arg);
  pthread_mutex_unlock(&a->lock);
}

static void
ahead_abandon(struct exchange_stream *s)
{
  struct ahead *a = container_of(s, struct ahead, base);
  bool last;

  pthread_mutex_lock(&a->lock);
  a->abandoned = true;
  a->notify = NULL;
  last = a->thread_is_gone;
  pthread_cond_signal(&a->changed);
  pthread_mutex_unlock(&a->lock);
  if (last)
    ahead_free(a);
}

static const struct exchange_stream_ops ahead_ops = {
  .next = ahead_next,
  .set_notify = ahead_set_notify,
  .free = ahead_abandon,
};

struct exchange_stream *
ahead_stream_new(struct ahead_group *g, struct exchange_stream *inner)
{
  struct ahead *a = mem_alloc(sizeof *a);
  pthread_t thread;

  a->base.ops = &ahead_ops;
  a->group = g;
  a->inner = inner;
  pthread_mutex_init(&a->lock, NULL);
  pthread_cond_init(&a->changed, NULL);
  group_count(g, true);
  thread_start(&thread, "watch-ahead", thread_main, a);
  (void)pthread_detach(thread);
  return &a->base;
}
