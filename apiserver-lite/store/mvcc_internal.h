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

  /*
   * The events after `compacted`, up to `revision`, in order; number `seq` (counted from 0 as they came) is at
   * ring[seq & (cap - 1)]. A store elsewhere may have several events at one revision, and revisions without any.
   */
  struct mvcc_event *ring;
  size_t cap;          /* a power of two */
  uint64_t first, end; /* numbers of the oldest event kept, and of the one to come */
  size_t history_bytes;

  struct mvcc_feed {
    pthread_t thread;
    bool started, stopping;
    pthread_cond_t changed; /* for the thread: something was published, compacted, or it is time to stop */
    pthread_cond_t idle;    /* for mvcc_watch_free: a callback has returned */
    struct store_watch *watches;
    uint64_t asked; /* the owner has been told about the age of the events before this one */
  } feed;
};

static inline struct mvcc_event *
mvcc_event_at(const struct mvcc *m, uint64_t seq)
{
  return &m->ring[(size_t)seq & (m->cap - 1)];
}

static inline size_t
mvcc_history(const struct mvcc *m)
{
  return (size_t)(m->end - m->first);
}

uint64_t mvcc_seek(const struct mvcc *m, int64_t rev); /* number of the first event after `rev`; with the lock */
void mvcc_feed_init(struct mvcc *m);
void mvcc_feed_stop(struct mvcc *m);
void mvcc_feed_wake(struct mvcc *m);                /* with the lock, and the next */
uint64_t mvcc_feed_delivered(const struct mvcc *m); /* every watch has had the events before this one */

#endif
