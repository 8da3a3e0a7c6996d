/*
 * store - where the objects are: one revision sequence, many keys, history until it is compacted.
 *
 * The semantics are etcd v3's as kube-apiserver uses them: a key is
 * "/registry/<group resource>/[namespace/]name", each write gets the next
 * revision of one sequence, a write is a compare-and-swap on the key's last
 * revision, reads can ask for a past revision, watches start from one, and
 * compaction forgets what is older.
 *
 * Backends (memory, SQLite, etcd) sit in one table and pass one contract suite
 * (tests/unit/apiserver-lite/store_contract.c). Decorators (trace, fault) wrap
 * any of them.
 *
 * Threads: every function is safe from any thread. cas() blocks until the write
 * is as durable as the backend promises; concurrent writers share one commit.
 * Watch callbacks come from the backend's thread, in revision order, must not
 * block and must not call back into the store.
 */
#ifndef APISERVER_STORE_H
#define APISERVER_STORE_H

#include "kerr.h"
#include "record.h"
#include "span.h"

struct store;
struct store_watch;

struct store_range {
  struct span prefix;     /* "/registry/pods/" */
  struct span after;      /* first key that is wanted comes after this one (continue); empty: from the start */
  int64_t at_rev;         /* 0: now */
  size_t limit;           /* 0: all */
};

struct store_list {
  struct record **items;  /* references in key order, owned by the list */
  size_t n;
  int64_t revision;       /* the list is what was true at this revision */
  bool more;              /* limit was reached */
  int64_t remaining;      /* how many items are left when more */
};

enum store_event_type { STORE_CREATED, STORE_MODIFIED, STORE_DELETED };
struct store_event {
  enum store_event_type type;
  int64_t revision;
  struct record *record;  /* CREATED, MODIFIED: the new one; DELETED: the last one. Borrowed for the call: take a reference to keep it */
  struct record *old;     /* MODIFIED: the one before; may be NULL when the history is gone */
};
typedef void store_watch_fn(void *payload, const struct store_event *events, size_t n);

struct store_ops {
  const char *name; /* "memory", "sqlite", "etcd" */
  /* KERR_NOT_FOUND; KERR_EXPIRED when at_rev is compacted; at_rev 0: now. ret: one reference. */
  int (*get)(struct store *s, struct span key, int64_t at_rev, struct record **ret, struct kerr *reterr);
  int (*list)(struct store *s, const struct store_range *range, struct store_list *ret, struct kerr *reterr);
  /*
   * old_rev 0: create (KERR_ALREADY_EXISTS); `want` NULL: delete; else replace. KERR_CONFLICT when the key's revision is
   * not old_rev, KERR_NOT_FOUND when the key is gone. The record's revision is set before anybody sees it.
   * KERR_IO: not written, or not known to be (the store says which in the message).
   */
  int (*cas)(struct store *s, struct span key, struct record *want, int64_t old_rev, int64_t *ret_rev,
             struct kerr *reterr);
  /* Events of keys below `prefix` with revision > from_rev; from_rev 0: only what comes from now on. KERR_EXPIRED. */
  int (*watch)(struct store *s, struct span prefix, int64_t from_rev, store_watch_fn *fn, void *payload,
               struct store_watch **ret, struct kerr *reterr);
  void (*watch_free)(struct store *s, struct store_watch *w); /* no callback runs after it returns */
  int (*compact)(struct store *s, int64_t rev, struct kerr *reterr);
  int64_t (*revision)(struct store *s); /* the last one given out */
  int64_t (*compacted)(struct store *s); /* reads and watches below it are KERR_EXPIRED */
  size_t (*memory)(struct store *s);     /* bytes held in memory, for /metrics */
  void (*free)(struct store *s);
};

struct store {
  const struct store_ops *ops;
};

void store_list_release(struct store_list *l);

#endif
