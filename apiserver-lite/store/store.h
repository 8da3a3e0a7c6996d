/*
 * store - where the objects are: one revision sequence, many keys, history until it is compacted.
 *
 * The semantics are etcd v3's as kube-apiserver uses them: a key is
 * "/registry/<resource>/[namespace/]name", each write gets the next revision of
 * one sequence, a write is a compare-and-swap on the key's last revision, reads
 * can ask for a past revision, watches start from one, and compaction forgets
 * what is older. An empty store is at revision 1.
 *
 * Backends (memory, SQLite, etcd) sit in one table (store.c) and pass one
 * contract suite (tests/unit/apiserver-lite/store_contract.c). Decorators
 * (store_trace.h, store_fault.h) wrap any of them.
 *
 * Threads: every function is safe from any thread. cas() blocks until the write
 * is as durable as the backend promises; concurrent writers share one commit.
 * Watch callbacks come from one thread of the backend, in revision order, must
 * not block and must not call back into the store.
 */
#ifndef APISERVER_STORE_H
#define APISERVER_STORE_H

#include "clock.h"
#include "kerr.h"
#include "log.h"
#include "record.h"
#include "span.h"
#include "strbuf.h"

struct store;
struct store_watch;

/*
 * A revision to read at: what this process knows now, which may be a moment behind what other processes have written
 * to the same store. Without other processes the same as 0. For who looks often and can be late: authorization,
 * admission, "resourceVersion=0".
 */
#define STORE_CACHED ((int64_t)-1)

struct store_range {
  struct span prefix; /* "/registry/pods/" */
  struct span after;  /* first key that is wanted comes after this one (continue); empty: from the start */
  int64_t at_rev;     /* 0: now; or STORE_CACHED */
  size_t limit;       /* 0: all */
};

struct store_list {
  struct record **items; /* references in key order, owned by the list */
  size_t n;
  int64_t revision;  /* the list is what was true at this revision */
  bool more;         /* limit was reached */
  int64_t remaining; /* how many items are left when more */
};

enum store_event_type { STORE_CREATED, STORE_MODIFIED, STORE_DELETED };
struct store_event {
  enum store_event_type type;
  int64_t revision;
  /*
   * CREATED, MODIFIED: the new document. DELETED: the last document, stamped with the revision of the deletion (as
   * upstream's watches show it). Both records are borrowed for the call: take a reference to keep one.
   */
  struct record *record;
  struct record *old; /* MODIFIED, DELETED: the one before, as it was; NULL when the backend's history has lost it */
};
/*
 * `n` events, in order. n 0, once and as the last call: the watch has lost its place (history was compacted below it);
 * whoever has it lists and watches anew.
 */
typedef void store_watch_fn(void *payload, const struct store_event *events, size_t n);

struct store_ops {
  const char *name; /* "memory", "sqlite", "etcd" */
  /*
   * KERR_NOT_FOUND; KERR_EXPIRED when at_rev is compacted; KERR_TIMEOUT when at_rev is not reached yet. at_rev 0: now;
   * or STORE_CACHED. ret: one reference.
   */
  int (*get)(struct store *s, struct span key, int64_t at_rev, struct record **ret, struct kerr *reterr);
  /* Errors as get. A prefix without keys is an empty list. */
  int (*list)(struct store *s, const struct store_range *range, struct store_list *ret, struct kerr *reterr);
  /*
   * old_rev 0: create (KERR_ALREADY_EXISTS); `want` NULL: delete; else replace. KERR_CONFLICT when the key's revision
   * is not old_rev, KERR_NOT_FOUND when the key is gone. After a conflict *ret_rev is the revision the key has. The
   * store takes references of its own to `want` and sets its revision before anybody sees it; a record is for one
   * write: after KERR_IO make a new one. KERR_IO: not written, or not known to be (the message says which).
   */
  int (*cas)(struct store *s, struct span key, struct record *want, int64_t old_rev, int64_t *ret_rev,
             struct kerr *reterr);
  /* Events of keys below `prefix` with revision > from_rev; from_rev 0: only what comes from now on. KERR_EXPIRED. */
  int (*watch)(struct store *s, struct span prefix, int64_t from_rev, store_watch_fn *fn, void *payload,
               struct store_watch **ret, struct kerr *reterr);
  void (*watch_free)(struct store *s, struct store_watch *w); /* no callback runs after it returns */
  /*
   * What was overwritten or deleted at or before `rev` need not be kept any longer. The backend forgets it for good
   * when it is opened next; until then it may go on answering from the history in memory, as kube-apiserver's watch
   * cache does for revisions that etcd has compacted. KERR_EXPIRED: is compacted further; KERR_TIMEOUT: `rev` is not
   * reached.
   */
  int (*compact)(struct store *s, int64_t rev, struct kerr *reterr);
  /*
   * Give the room on disk that compaction has left back to the system; writes wait meanwhile. NULL: there is no disk,
   * or it is looked after elsewhere (etcd's own defrag). KERR_IO: everything is as before.
   */
  int (*shrink)(struct store *s, struct kerr *reterr);
  /*
   * While a store is filled by its owner and nobody relies on it yet (the objects a new cluster starts with), writes
   * need not be synced one by one. With `relaxed` false again, all of them are as durable as any. NULL: makes no
   * difference.
   */
  int (*relax)(struct store *s, bool relaxed, struct kerr *reterr);
  int64_t (*revision)(struct store *s);  /* the last one given out and visible */
  int64_t (*compacted)(struct store *s); /* reads and watches below it are KERR_EXPIRED, now */
  int64_t (*floor)(struct store *s);     /* they will be, at the latest when it is opened next: what compact reached */
  size_t (*memory)(struct store *s);     /* bytes held in memory, for /metrics */
  void (*free)(struct store *s);         /* no call is running; watches are freed before */
};

struct store {
  const struct store_ops *ops;
};

/* -- opening -- */

enum store_sync {
  STORE_SYNC_FULL,   /* an acknowledged write survives a power cut */
  STORE_SYNC_NORMAL, /* it survives kill -9; a power cut may take the last moments */
};

/* How much of the past a backend that keeps it in memory keeps; whichever comes first. */
#define STORE_HISTORY_AGE   (300 * CLOCK_SEC) /* upstream: DefaultCompactInterval */
#define STORE_HISTORY_COUNT ((size_t)16384)
#define STORE_HISTORY_BYTES ((size_t)32 << 20)

/*
 * What a document is in a store that others read too: kube-apiserver's bytes (kinds/storage_codec.h), for etcd. Memory
 * and SQLite keep documents as they are. Safe from any thread.
 */
struct store_codec {
  /* The value to be stored for `r`, whose tree must not be asked for: it has no revision yet. Appends to `out`. */
  int (*encode)(void *payload, struct record *r, struct strbuf *out, struct kerr *reterr);
  /* *ret: one reference. KERR_NOT_FOUND: the key is not of an object. Anything else: it is, but cannot be read. */
  int (*decode)(void *payload, struct span key, int64_t revision, struct span value, struct record **ret,
                struct kerr *reterr);
  /* Seconds that an object under `key` lives after its last write; 0: for ever. */
  int64_t (*ttl)(void *payload, struct span key);
};

struct store_config {
  const char *backend; /* a name of the table; NULL: "memory" */
  const char *path;    /* sqlite: the database file; its folder exists */
  struct {
    const char *endpoints;     /* "https://a:2379,https://b:2379", "http://...", "unix:///..." */
    struct span ca, cert, key; /* PEM; empty: none */
    const struct store_codec *codec;
    void *codec_payload;
  } etcd; /* all borrowed, for as long as the store lives */
  enum store_sync sync;
  struct clock *clock; /* borrowed; outlives the store */
  struct log *log;     /* borrowed; NULL: silent */
  int64_t history_age; /* 0 here and below: the defaults above */
  size_t history_count, history_bytes;
};

/*
 * KERR_USAGE: no such backend, or not enough said. KERR_UNAVAILABLE: no etcd answers. KERR_IO: the place cannot be used
 * (missing folder, no permission, not a database, a database of something else or of a newer version, damaged, in use
 * by another process); nothing was changed there.
 */
_must_check_ int store_open(const struct store_config *config, struct store **ret, struct kerr *reterr);

/* -- use -- */

_must_check_ static inline int
store_get(struct store *s, struct span key, int64_t at_rev, struct record **ret, struct kerr *reterr)
{
  return s->ops->get(s, key, at_rev, ret, reterr);
}

_must_check_ static inline int
store_list(struct store *s, const struct store_range *range, struct store_list *ret, struct kerr *reterr)
{
  return s->ops->list(s, range, ret, reterr);
}

_must_check_ static inline int
store_cas(struct store *s, struct span key, struct record *want, int64_t old_rev, int64_t *ret_rev, struct kerr *reterr)
{
  return s->ops->cas(s, key, want, old_rev, ret_rev, reterr);
}

_must_check_ static inline int
store_watch(struct store *s, struct span prefix, int64_t from_rev, store_watch_fn *fn, void *payload,
            struct store_watch **ret, struct kerr *reterr)
{
  return s->ops->watch(s, prefix, from_rev, fn, payload, ret, reterr);
}

static inline void
store_watch_free(struct store *s, struct store_watch *w)
{
  if (w)
    s->ops->watch_free(s, w);
}

_must_check_ static inline int
store_compact(struct store *s, int64_t rev, struct kerr *reterr)
{
  return s->ops->compact(s, rev, reterr);
}

_must_check_ static inline int
store_shrink(struct store *s, struct kerr *reterr)
{
  return s->ops->shrink ? s->ops->shrink(s, reterr) : 0;
}

_must_check_ static inline int
store_relax(struct store *s, bool relaxed, struct kerr *reterr)
{
  return s->ops->relax ? s->ops->relax(s, relaxed, reterr) : 0;
}

static inline int64_t
store_revision(struct store *s)
{
  return s->ops->revision(s);
}

static inline int64_t
store_compacted(struct store *s)
{
  return s->ops->compacted(s);
}

static inline int64_t
store_floor(struct store *s)
{
  return s->ops->floor(s);
}

static inline size_t
store_memory(struct store *s)
{
  return s->ops->memory(s);
}

static inline void
store_free(struct store *s)
{
  if (s)
    s->ops->free(s);
}

void store_list_release(struct store_list *l);

#endif
