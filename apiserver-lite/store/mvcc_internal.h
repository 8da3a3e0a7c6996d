/* mvcc_internal - what mvcc.c and mvcc_watch.c share, and nobody else. */
#ifndef APISERVER_MVCC_INTERNAL_H
#define APISERVER_MVCC_INTERNAL_H

#include <pthread.h>

#include "mvcc.h"

struct mvcc {
  struct clock *clock;
  int64_t max_age;
  size_t max_count, max_bytes;
  mvcc_aged_fn *aged;
  void *payload;

  pthread_mutex_t lock; /* everything below */
  struct keytree *root; /* at `revision` */
  struct keytree *base; /* at `compacted` */
  int64_t revision, compacted;
  size_t live_bytes;

  /* The events of revisions compacted + 1 ... revision; that of revision r is at ring[r & (cap - 1)]. */
  struct mvcc_event *ring;
  size_t cap; /* a power of two */
  size_t history_bytes;

  struct mvcc_feed {
    pthread_t thread;
    bool started, stopping;
    pthread_cond_t changed; /* for the thread: something was published, compacted, or it is time to stop */
    pthread_cond_t idle;    /* for mvcc_watch_free: a callback has returned */
    struct store_watch *watches;
    int64_t asked_at; /* the revision whose age we have told the owner about */
  } feed;
};

static inline struct mvcc_event *
mvcc_event_at(struct mvcc *m, int64_t revision)
{
  return &m->ring[(size_t)revision & (m->cap - 1)];
}

static inline size_t
mvcc_history(const struct mvcc *m)
{
  return (size_t)(m->revision - m->compacted);
}

void mvcc_feed_init(struct mvcc *m);
void mvcc_feed_stop(struct mvcc *m);
void mvcc_feed_wake(struct mvcc *m);         /* with the lock, and the next */
int64_t mvcc_feed_delivered(struct mvcc *m); /* every watch has had what came up to this revision */

#endif
