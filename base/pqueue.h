/*
 * pqueue - a priority queue of things that know their own place in it.
 *
 * An element embeds a `struct pqueue_node`, so that it can be moved or taken
 * out from the middle without being searched for. The first element is the one
 * that `before` puts before all others; equal ones come in no given order.
 *
 * Not thread-safe. The queue owns no element.
 */
#ifndef BASE_PQUEUE_H
#define BASE_PQUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct pqueue_node {
  size_t place; /* + 1; 0: in no queue */
};

typedef bool pqueue_before_fn(const struct pqueue_node *x, const struct pqueue_node *y);

struct pqueue {
  struct pqueue_node **heap;
  size_t n, cap;
  pqueue_before_fn *before;
};

void pqueue_init(struct pqueue *q, pqueue_before_fn *before);
void pqueue_release(struct pqueue *q);
struct pqueue_node *pqueue_first(const struct pqueue *q); /* NULL when empty */
void pqueue_add(struct pqueue *q, struct pqueue_node *n); /* it is in no queue */
void pqueue_remove(struct pqueue *q, struct pqueue_node *n);
void pqueue_moved(struct pqueue *q, struct pqueue_node *n); /* what `before` looks at has changed */

static inline bool
pqueue_has(const struct pqueue_node *n)
{
  return n->place != 0;
}

#endif
