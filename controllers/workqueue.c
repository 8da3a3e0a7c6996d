#include "workqueue.h"

#include <stdlib.h>

#include "hmap.h"
#include "mem.h"

#define DELAY_MIN (5 * CLOCK_MS)
#define DELAY_MAX (1000 * CLOCK_SEC)

struct item {
  char *key;
  int64_t due;    /* when it may be taken; CLOCK_NEVER: it does not wait */
  int64_t delay;  /* after the next failure */
  bool busy;      /* a worker has it */
  bool again;     /* it was added while a worker had it */
  size_t heap_at; /* place in the heap + 1; 0: not there */
};

struct workqueue {
  pthread_mutex_t lock;
  pthread_cond_t cond;
  struct clock *clock;
  struct hmap *items; /* key → item: waiting, busy, or remembered for its delay */
  struct item **heap; /* waiting items, earliest first */
  size_t n, cap;
  bool closed;
};

static void
item_free(void *p)
{
  struct item *i = p;

  free(i->key);
  free(i);
}

struct workqueue *
workqueue_new(struct clock *clock)
{
  struct workqueue *q = mem_alloc(sizeof *q);

  pthread_mutex_init(&q->lock, NULL);
  clock_cond_init(&q->cond);
  q->clock = clock;
  q->items = hmap_new(item_free);
  return q;
}

void
workqueue_free(struct workqueue *q)
{
  if (!q)
    return;
  hmap_free(q->items);
  free(q->heap);
  pthread_cond_destroy(&q->cond);
  pthread_mutex_destroy(&q->lock);
  free(q);
}

static void
place(struct workqueue *q, size_t at, struct item *i)
{
  q->heap[at] = i;
  i->heap_at = at + 1;
}

static void
sift_up(struct workqueue *q, size_t at)
{
  struct item *i = q->heap[at];

  for (; at > 0 && q->heap[(at - 1) / 2]->due > i->due; at = (at - 1) / 2)
    place(q, at, q->heap[(at - 1) / 2]);
  place(q, at, i);
}

static void
sift_down(struct workqueue *q, size_t at)
{
  struct item *i = q->heap[at];

  for (;;) {
    size_t child = at * 2 + 1;

    if (child >= q->n)
      break;
    if (child + 1 < q->n && q->heap[child + 1]->due < q->heap[child]->due)
      child++;
    if (q->heap[child]->due >= i->due)
      break;
    place(q, at, q->heap[child]);
    at = child;
  }
  place(q, at, i);
}

static void
push(struct workqueue *q, struct item *i, int64_t due)
{
  if (i->heap_at) { /* waits already: the earlier moment counts */
    if (due < i->due) {
      i->due = due;
      sift_up(q, i->heap_at - 1);
    }
    return;
  }
  if (q->n == q->cap) {
    q->cap = q->cap ? q->cap * 2 : 16;
    q->heap = mem_realloc(q->heap, q->cap * sizeof(struct item *));
  }
  i->due = due;
  q->heap[q->n] = i;
  sift_up(q, q->n++);
}

static struct item *
pop(struct workqueue *q)
{
  struct item *i = q->heap[0];

  i->heap_at = 0;
  if (--q->n > 0) {
    q->heap[0] = q->heap[q->n];
    sift_down(q, 0);
  }
  return i;
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
      i->delay = DELAY_MIN;
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
  while (q->n > 0) {
    if (q->heap[0]->due > clock_mono(q->clock)) {
      *ret_deadline = q->heap[0]->due;
      return NULL;
    }
    struct item *i = pop(q);

    if (!i->busy)
      return i;
    i->again = true;
  }
  return NULL;
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
  if (!q->closed && i) {
    i->busy = true;
    key = mem_strdup(i->key);
  }
  pthread_mutex_unlock(&q->lock);
  return key;
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
    push(q, i, clock_mono(q->clock) + i->delay);
    i->delay = i->delay * 2 < DELAY_MAX ? i->delay * 2 : DELAY_MAX;
  } else if (i->again) {
    i->again = false;
    i->delay = DELAY_MIN;
    push(q, i, clock_mono(q->clock));
  } else if (!i->heap_at) {
    hmap_remove(q->items, span_of(key)); /* nothing to remember: the map stays as small as the work */
  } else {
    i->delay = DELAY_MIN;
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
