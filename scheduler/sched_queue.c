#include "sched_queue.h"

#include <stdlib.h>
#include <string.h>

#include "hmap.h"
#include "object.h"

#define BACKOFF_MIN (1 * CLOCK_SEC)   /* upstream: podInitialBackoffSeconds */
#define BACKOFF_MAX (10 * CLOCK_SEC)  /* upstream: podMaxBackoffSeconds */
#define WAIT_MAX    (300 * CLOCK_SEC) /* upstream: podMaxInUnschedulablePodsDuration */

struct sched_queue {
  struct clock *clock;
  struct hmap *pods; /* uid → sched_pod */
  struct pqueue active, later;
};

static bool
more_urgent(const struct pqueue_node *x, const struct pqueue_node *y)
{
  const struct sched_pod *a = container_of(x, struct sched_pod, node), *b = container_of(y, struct sched_pod, node);

  return a->priority != b->priority ? a->priority > b->priority : a->since < b->since;
}

static bool
earlier(const struct pqueue_node *x, const struct pqueue_node *y)
{
  return container_of(x, struct sched_pod, node)->due < container_of(y, struct sched_pod, node)->due;
}

static void
pod_free(void *p)
{
  struct sched_pod *pod = p;

  record_unref(pod->pod);
  free(pod->uid);
  free(pod->key);
  free(pod->last_message);
  free(pod);
}

struct sched_queue *
sched_queue_new(struct clock *clock)
{
  struct sched_queue *q = mem_alloc(sizeof *q);

  q->clock = clock;
  q->pods = hmap_new(pod_free);
  pqueue_init(&q->active, more_urgent);
  pqueue_init(&q->later, earlier);
  return q;
}

void
sched_queue_free(struct sched_queue *q)
{
  if (!q)
    return;
  hmap_free(q->pods);
  pqueue_release(&q->active);
  pqueue_release(&q->later);
  free(q);
}

/* The one place where `place` changes. */
static void
move(struct sched_queue *q, struct sched_pod *p, enum sched_place to)
{
  if (pqueue_has(&p->node))
    pqueue_remove(p->place == SCHED_ACTIVE ? &q->active : &q->later, &p->node);
  p->place = to;
  if (to == SCHED_ACTIVE)
    pqueue_add(&q->active, &p->node);
  else if (to == SCHED_BACKOFF || to == SCHED_WAITING)
    pqueue_add(&q->later, &p->node);
}

static int64_t
backoff_of(unsigned failures)
{
  int64_t delay = failures < 4 ? BACKOFF_MIN << failures : BACKOFF_MAX;

  return delay < BACKOFF_MAX ? delay : BACKOFF_MAX;
}

/* A waiting pod may be helped: it is tried again, perhaps after the rest of its backoff. */
static void
wake(struct sched_queue *q, struct sched_pod *p)
{
  if (p->not_before <= clock_mono(q->clock)) {
    move(q, p, SCHED_ACTIVE);
    return;
  }
  move(q, p, SCHED_AWAY); /* out of the queue: its place there depends on what is changed now */
  p->due = p->not_before;
  move(q, p, SCHED_BACKOFF);
}

/* Our own reports change a pod's conditions too: only what can matter to a new attempt counts. */
static bool
matters(const struct json *before, const struct json *after)
{
  static const char *const parts[][3] = {
    { "spec", NULL },
    { "metadata", "labels", NULL },
    { "status", "resourceClaimStatuses", NULL },
    { "status", "extendedResourceClaimStatus", NULL },
  };

  for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
    if (!json_equal(json_dig(before, parts[i][0], parts[i][1], NULL), json_dig(after, parts[i][0], parts[i][1], NULL)))
      return true;
  return false;
}

struct sched_pod *
sched_queue_set(struct sched_queue *q, struct record *pod, int64_t priority)
{
  const struct json *o = record_tree(pod);
  struct sched_pod *p = sched_queue_get(q, object_uid(o));

  if (p) {
    bool news = matters(record_tree(p->pod), o);

    record_unref(p->pod);
    p->pod = record_ref(pod);
    if (p->place == SCHED_WAITING && news)
      wake(q, p);
    else if (p->place == SCHED_AWAY && news)
      p->missed = ~0u;
    return p;
  }
  p = mem_alloc(sizeof *p);
  p->uid = mem_strdup(object_uid(o));
  p->key = mem_printf("%s/%s", object_namespace(o), object_name(o));
  p->pod = record_ref(pod);
  p->priority = priority;
  p->since = clock_mono(q->clock);
  hmap_put(q->pods, span_of(p->uid), p);
  move(q, p, SCHED_ACTIVE);
  return p;
}

void
sched_queue_remove(struct sched_queue *q, const char *uid)
{
  struct sched_pod *p = sched_queue_get(q, uid);

  if (!p)
    return;
  move(q, p, SCHED_NOWHERE);
  hmap_remove(q->pods, span_of(uid));
}

struct sched_pod *
sched_queue_get(const struct sched_queue *q, const char *uid)
{
  return hmap_get(q->pods, span_of(uid));
}

struct sched_pod *
sched_queue_take(struct sched_queue *q, int64_t *ret_deadline)
{
  struct pqueue_node *first;
  struct sched_pod *p;

  while ((first = pqueue_first(&q->later)) != NULL) {
    p = container_of(first, struct sched_pod, node);
    if (p->due > clock_mono(q->clock))
      break;
    move(q, p, SCHED_ACTIVE);
  }
  *ret_deadline = first ? container_of(first, struct sched_pod, node)->due : CLOCK_NEVER;
  first = pqueue_first(&q->active);
  if (!first)
    return NULL;
  p = container_of(first, struct sched_pod, node);
  move(q, p, SCHED_AWAY);
  p->missed = 0;
  p->attempts++;
  return p;
}

static void
wait_for(struct sched_queue *q, struct sched_pod *p, unsigned reasons, int64_t backoff)
{
  bool now = p->missed & reasons;

  p->reasons = reasons;
  p->errors = 0;
  p->not_before = backoff ? clock_mono(q->clock) + backoff : 0;
  p->due = clock_mono(q->clock) + WAIT_MAX;
  move(q, p, SCHED_WAITING);
  if (now)
    wake(q, p);
}

void
sched_queue_wait(struct sched_queue *q, struct sched_pod *p, unsigned reasons)
{
  wait_for(q, p, reasons, 0);
}

void
sched_queue_wait_and_backoff(struct sched_queue *q, struct sched_pod *p, unsigned reasons)
{
  wait_for(q, p, reasons, backoff_of(p->attempts ? p->attempts - 1 : 0));
}

void
sched_queue_backoff(struct sched_queue *q, struct sched_pod *p)
{
  p->due = clock_mono(q->clock) + backoff_of(p->errors++);
  move(q, p, SCHED_BACKOFF);
}

void
sched_queue_activate(struct sched_queue *q, struct sched_pod *p)
{
  move(q, p, SCHED_ACTIVE);
}

void
sched_queue_poke(struct sched_queue *q, struct sched_pod *p, unsigned reasons)
{
  if (p->place == SCHED_WAITING && p->reasons & reasons)
    wake(q, p);
  else if (p->place == SCHED_AWAY)
    p->missed |= reasons;
}

void
sched_queue_wake(struct sched_queue *q, unsigned reasons)
{
  struct sched_pod *p;
  size_t cursor = 0;

  while ((p = sched_queue_next(q, &cursor)) != NULL)
    sched_queue_poke(q, p, reasons);
}

struct sched_pod *
sched_queue_next(const struct sched_queue *q, size_t *cursor)
{
  struct span key;
  void *value;

  return hmap_next(q->pods, cursor, &key, &value) ? value : NULL;
}
