#include "pqueue.h"

#include <assert.h>
#include <stdlib.h>

#include "mem.h"

void
pqueue_init(struct pqueue *q, pqueue_before_fn *before)
{
  *q = (struct pqueue){ .before = before };
}

void
pqueue_release(struct pqueue *q)
{
  free(q->heap);
  *q = (struct pqueue){ .before = q->before };
}

struct pqueue_node *
pqueue_first(const struct pqueue *q)
{
  return q->n ? q->heap[0] : NULL;
}

static void
put(struct pqueue *q, size_t at, struct pqueue_node *n)
{
  q->heap[at] = n;
  n->place = at + 1;
}

static void
rise(struct pqueue *q, struct pqueue_node *n)
{
  size_t at = n->place - 1;

  for (; at > 0 && q->before(n, q->heap[(at - 1) / 2]); at = (at - 1) / 2)
    put(q, at, q->heap[(at - 1) / 2]);
  put(q, at, n);
}

static void
sink(struct pqueue *q, struct pqueue_node *n)
{
  size_t at = n->place - 1;

  for (size_t child; (child = at * 2 + 1) < q->n; at = child) {
    if (child + 1 < q->n && q->before(q->heap[child + 1], q->heap[child]))
      child++;
    if (!q->before(q->heap[child], n))
      break;
    put(q, at, q->heap[child]);
  }
  put(q, at, n);
}

void
pqueue_add(struct pqueue *q, struct pqueue_node *n)
{
  assert(!pqueue_has(n));
  if (q->n == q->cap) {
    q->cap = q->cap ? q->cap * 2 : 16;
    q->heap = mem_realloc(q->heap, q->cap * sizeof(struct pqueue_node *));
  }
  put(q, q->n++, n);
  rise(q, n);
}

void
pqueue_remove(struct pqueue *q, struct pqueue_node *n)
{
  struct pqueue_node *last;

  assert(pqueue_has(n) && q->heap[n->place - 1] == n);
  last = q->heap[--q->n];
  if (last != n) {
    put(q, n->place - 1, last);
    pqueue_moved(q, last);
  }
  n->place = 0;
}

void
pqueue_moved(struct pqueue *q, struct pqueue_node *n)
{
  rise(q, n);
  sink(q, n);
}
