/*
 * mvcc - the index that all backends share: every key at every revision of the recent past.
 *
 * The present is one keytree, and so is each revision of the bounded history;
 * they share all that did not change. One writer at a time stages a batch of
 * writes on a tree nobody else sees, makes it durable by whatever means it has,
 * and publishes it; or drops it, and nothing has happened. Readers take a root
 * and walk it without a lock.
 *
 * Memory and SQLite decide what is written (mvcc_batch_cas); etcd decides
 * elsewhere, and the index follows (mvcc_batch_apply, mvcc_reset).
 *
 * Threads: staging and publishing belong to one writer at a time (the backend
 * sees to that); everything else is safe from any thread. Watches are served by
 * one thread of the index, started with the first watch or when history first
 * needs to age.
 *
 * Ownership: what a batch or event holds are references.
 */
#ifndef APISERVER_MVCC_H
#define APISERVER_MVCC_H

#include "keytree.h"
#include "store.h"

struct mvcc;

struct mvcc_event {
  int64_t revision;
  int64_t at; /* clock_mono of its publication */
  enum store_event_type type;
  struct record *record, *old; /* as in struct store_event */
  struct keytree *root;        /* every key at this revision */
  size_t weight;               /* bytes that go with the event when it is forgotten */
};

/* Asks the owner to trim, from the index's thread: history has aged. Must not block for long. */
typedef void mvcc_aged_fn(void *payload);

/* Takes clock and history limits from `config`. */
struct mvcc *mvcc_new(const struct store_config *config, mvcc_aged_fn *aged, void *payload);
void mvcc_free(struct mvcc *m);
/* Before any other use: the state at revision `compacted`, sorted by key; and the revision to go on from. */
void mvcc_load(struct mvcc *m, struct record **records, size_t n, int64_t compacted);
/* The same at any time, by the writer: what was there is forgotten, and every watch has lost its place. */
void mvcc_reset(struct mvcc *m, struct record **records, size_t n, int64_t revision);

/* -- writing -- */

struct mvcc_batch {
  struct keytree *root;
  int64_t revision; /* of the last write staged */
  struct mvcc_event *events;
  size_t n, cap;
};

void mvcc_batch_init(struct mvcc_batch *b, struct mvcc *m);
void mvcc_batch_release(struct mvcc_batch *b); /* what was not published has not happened */
/* Errors and *ret_rev as store_ops.cas, without KERR_IO. On success the event is b->events[b->n - 1]. */
_must_check_ int mvcc_batch_cas(struct mvcc_batch *b, struct span key, struct record *want, int64_t old_rev,
                                int64_t *ret_rev, struct kerr *reterr);
/*
 * What a store elsewhere has done at `revision`, which is not below the batch's: `key` has become `want`, whose
 * revision it is, or is gone (`want` NULL). Nothing happens when a key goes that was not there.
 */
void mvcc_batch_apply(struct mvcc_batch *b, struct span key, struct record *want, int64_t revision);
/* The error of a write that found the key at `has` (0: absent), as store_ops.cas has them. */
int mvcc_refuse(struct span key, int64_t has, int64_t old_rev, struct kerr *reterr);
void mvcc_batch_publish(struct mvcc_batch *b, struct mvcc *m); /* the batch is empty afterwards */

/* -- reading: as store_ops -- */

_must_check_ int mvcc_get(struct mvcc *m, struct span key, int64_t at_rev, struct record **ret, struct kerr *reterr);
_must_check_ int mvcc_list(struct mvcc *m, const struct store_range *range, struct store_list *ret,
                           struct kerr *reterr);
int64_t mvcc_revision(struct mvcc *m);
int64_t mvcc_compacted(struct mvcc *m); /* the oldest revision that can be read */
size_t mvcc_memory(struct mvcc *m);

/* -- history -- */

typedef void mvcc_seen_fn(void *payload, const struct mvcc_event *e);

/*
 * Forget what is beyond the limits of history, in a bounded step; false: nothing is. `dropped` (may be NULL) sees each
 * event that goes, oldest first, without a lock.
 */
bool mvcc_trim(struct mvcc *m, mvcc_seen_fn *dropped, void *payload);
/* Shows the events after revision `after` up to `rev`, oldest first, under the lock. */
void mvcc_walk(struct mvcc *m, int64_t after, int64_t rev, mvcc_seen_fn *seen, void *payload);
/* May the store be compacted to `rev`? Errors as store_ops.compact; `floor`: where it is compacted already. */
_must_check_ int mvcc_check_compact(struct mvcc *m, int64_t rev, int64_t floor, struct kerr *reterr);

/* -- watching: as store_ops -- */

_must_check_ int mvcc_watch(struct mvcc *m, struct span prefix, int64_t from_rev, store_watch_fn *fn, void *payload,
                            struct store_watch **ret, struct kerr *reterr);
void mvcc_watch_free(struct mvcc *m, struct store_watch *w);

#endif
