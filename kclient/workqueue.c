#include "workqueue.h"

#include <stdlib.h>

#include "hmap.h"
#include "mem.h"
#include "pqueue.h"

#define DELAY_MIN (5 * CLOCK_MS)
#define DELAY_MAX (1000 * CLOCK_SEC)
#define DOUBLINGS 18 /* from the one to the other */

struct item {
  char *key;
  struct pqueue_node node; /* among those that wait */
  int64_t due;             /* when it may be taken */
  unsigned failures;       /* in a row */
  bool busy;               /* a worker has it */
  bool again;              /* it was added while a worker had it */
};

struct workqueue {
  pthread_mutex_t lock;
  pthread_cond_t cond;
  struct clock *clock;
  struct hmap *items;    /* key → item: waiting, busy, or remembered for its delay */
  struct pqueue waiting; /* earliest first */
  bool closed;
};

static void
item_free(void *p)
{
  struct item *i = p;

  free(i->key);
  free(i);
}

static bool
earlier(const struct pqueue_node *x, const struct pqueue_node *y)
{
  return container_of(x, struct item, node)->due < container_of(y, struct item, node)->due;
}

struct workqueue *
workqueue_new(struct clock *clock)
{
  struct workqueue *q = mem_alloc(sizeof *q);

  pthread_mutex_init(&q->lock, NULL);
  clock_cond_init(&q->cond);
  q->clock = clock;
  q->items = hmap_new(item_free);
  pqueue_init(&q->waiting, earlier);
  return q;
}

void
workqueue_free(struct workqueue *q)
{
  if (!q)
    return;
  hmap_free(q->items);
  pqueue_release(&q->waiting);
  pthread_cond_destroy(&q->cond);
  pthread_mutex_destroy(&q->lock);
  free(q);
}

static void
push(struct workqueue *q, struct item *i, int64_t due)
{
  if (!pqueue_has(&i->node)) {
    i->due = due;
    pqueue_add(&q->waiting, &i->node);
  } else if (due < i->due) { /* waits already: the earlier moment counts */
    i->due = due;
    pqueue_moved(&q->waiting, &i->node);
  }
}

void
workqueue_add_after(struct workqueue *q, struct span key, int64_t delay_ns)
{
  struct item *i;

  pthread_mutex_lock(&q->lock);
  if (!q->closed) {
    i = hmap_get(q->items, key);
    if (!i) {
      i = mem_alloc(sizeof *i);
      i->key = mem_strndup(key.p, key.n);
      hmap_put(q->items, key, i);
    }
    if (i->busy && delay_ns == 0)
      i->again = true;
    else
      push(q, i, clock_mono(q->clock) + delay_ns);
    pthread_cond_signal(&q->cond);
  }
  pthread_mutex_unlock(&q->lock);
}

void
workqueue_add(struct workqueue *q, struct span key)
{
  workqueue_add_after(q, key, 0);
}

/* The earliest item when it is due and free; a busy one steps aside until its worker is done. */
static struct item *
due_item(struct workqueue *q, int64_t *ret_deadline)
{
  *ret_deadline = CLOCK_NEVER;
  for (struct pqueue_node *first; (first = pqueue_first(&q->waiting)) != NULL;) {
    struct item *i = container_of(first, struct item, node);

    if (i->due > clock_mono(q->clock)) {
      *ret_deadline = i->due;
      return NULL;
    }
    pqueue_remove(&q->waiting, first);
    if (!i->busy)
      return i;
    i->again = true;
  }
  return NULL;
}

static char *
hand_out(struct item *i)
{
  i->busy = true;
  return mem_strdup(i->key);
}

char *
workqueue_take(struct workqueue *q)
{
  struct item *i = NULL;
  char *key = NULL;

  pthread_mutex_lock(&q->lock);
  while (!q->closed) {
    int64_t deadline;

    i = due_item(q, &deadline);
    if (i)
      break;
    (void)clock_cond_wait(q->clock, &q->cond, &q->lock, deadline);
  }
  if (!q->closed && i)
    key = hand_out(i);
  pthread_mutex_unlock(&q->lock);
  return key;
}

char *
workqueue_take_due(struct workqueue *q, int64_t *ret_deadline)
{
  struct item *i;
  char *key;

  pthread_mutex_lock(&q->lock);
  i = due_item(q, ret_deadline);
  key = i && !q->closed ? hand_out(i) : NULL;
  pthread_mutex_unlock(&q->lock);
  return key;
}

unsigned
workqueue_failures(struct workqueue *q, struct span key)
{
  struct item *i;
  unsigned failures;

  pthread_mutex_lock(&q->lock);
  i = hmap_get(q->items, key);
  failures = i ? i->failures : 0;
  pthread_mutex_unlock(&q->lock);
  return failures;
}

static int64_t
delay_after(unsigned failures)
{
  return failures < DOUBLINGS ? DELAY_MIN << failures : DELAY_MAX;
}

void
workqueue_done(struct workqueue *q, char *key, bool failed)
{
  struct item *i;

  pthread_mutex_lock(&q->lock);
  i = hmap_get(q->items, span_of(key));
  i->busy = false;
  i->again = i->again && !q->closed;
  if (failed && !q->closed) {
    i->again = false;
    push(q, i, clock_mono(q->clock) + delay_after(i->failures++));
  } else if (i->again) {
    i->again = false;
    i->failures = 0;
    push(q, i, clock_mono(q->clock));
  } else if (!pqueue_has(&i->node)) {
    hmap_remove(q->items, span_of(key)); /* nothing to remember: the map stays as small as the work */
  } else {
    i->failures = 0;
  }
  pthread_cond_signal(&q->cond);
  pthread_mutex_unlock(&q->lock);
  free(key);
}

void
workqueue_close(struct workqueue *q)
{
  pthread_mutex_lock(&q->lock);
  q->closed = true;
  pthread_cond_broadcast(&q->cond);
  pthread_mutex_unlock(&q->lock);
}
