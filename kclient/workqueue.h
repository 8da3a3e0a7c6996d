/*
 * workqueue - keys that wait to be looked at, each at most once, never by two at a time.
 *
 * As client-go's rate limiting queue: a key added while it waits is one key; a
 * key added while somebody works on it comes back afterwards; a key that failed
 * comes back after a delay that doubles from 5 ms to 1000 s.
 *
 * Threads: any may add; any number of workers may take.
 */
#ifndef KCLIENT_WORKQUEUE_H
#define KCLIENT_WORKQUEUE_H

#include "clock.h"
#include "span.h"

struct workqueue;

struct workqueue *workqueue_new(struct clock *clock);
void workqueue_free(struct workqueue *q); /* after close, when no worker is left */
void workqueue_add(struct workqueue *q, struct span key);
void workqueue_add_after(struct workqueue *q, struct span key, int64_t delay_ns);
/* The next key that is due, to be given back by workqueue_done; NULL after close. Blocks. */
char *workqueue_take(struct workqueue *q);
/* For a loop that waits elsewhere: a key that is due now, or NULL and when the next one will be (CLOCK_NEVER: none). */
char *workqueue_take_due(struct workqueue *q, int64_t *ret_deadline);
/* How often a key that somebody works on has failed in a row. */
unsigned workqueue_failures(struct workqueue *q, struct span key);
/* `failed`: the key comes back after its delay; else its delay starts anew. Frees key. */
void workqueue_done(struct workqueue *q, char *key, bool failed);
void workqueue_close(struct workqueue *q);

#endif
