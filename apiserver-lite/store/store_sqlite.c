/*
 * The SQLite backend: the index in memory, and a log on disk that is written before anybody sees what is new.
 *
 * One thread writes. It takes all the writes that wait, stages them on the index, appends them to the log in one
 * transaction, commits, publishes, and answers all of them: many writers share one sync of the disk.
 */
#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "mvcc.h"
#include "sqlite_log.h"
#include "store_internal.h"
#include "thread.h"

/* Writes in one transaction; obsolete rows that are worth deleting although others are waiting. */
#define GROUP_MAX  256
#define FORGET_MAX 1024
/* So long without a write is quiet; pages in the write-ahead log that are then worth merging. */
#define QUIET      (2 * CLOCK_SEC)
#define MERGE_IDLE 64

/* A call that waits for the writer, on the stack of its thread. */
struct request {
  struct request *next;
  struct span key;
  struct record *want;
  int64_t old_rev;
  int64_t compact; /* not 0: compact to this revision, instead of a write */
  int relax;       /* not 0: relax (1), or no longer (-1), instead of a write */
  int64_t rev;     /* answer */
  int result;
  struct kerr err;
  sem_t answered;
};

struct store_sqlite {
  struct store store;
  struct clock *clock;
  struct log *log;
  struct mvcc *mvcc;
  struct sqlite_log *db;
  pthread_t writer;
  bool started;

  pthread_mutex_t lock; /* the next four */
  pthread_cond_t work;
  struct request *first, **last;
  bool stopping, aged;

  /* The writer's own. */
  int64_t *garbage; /* revisions of rows that are obsolete when the log is compacted to `marked` */
  size_t n_garbage, cap_garbage;
  int64_t marked;
  char *broken; /* a commit has failed in a way after which the file may not be trusted: no more writes */
};

static struct store_sqlite *
sqlite_of(struct store *s)
{
  return container_of(s, struct store_sqlite, store);
}

/* -- what may be deleted -- */

static void
garbage_add(struct store_sqlite *s, int64_t revision)
{
  if (s->n_garbage == s->cap_garbage) {
    s->cap_garbage = s->cap_garbage ? 2 * s->cap_garbage : 64;
    s->garbage = mem_realloc(s->garbage, s->cap_garbage * sizeof *s->garbage);
  }
  s->garbage[s->n_garbage++] = revision;
}

/* With this event in the past for good, the row it replaced is obsolete; and a deletion has nothing more to say. */
static void
mark_event(void *payload, const struct mvcc_event *e)
{
  struct store_sqlite *s = payload;

  if (e->revision <= s->marked)
    return;
  s->marked = e->revision;
  if (e->old)
    garbage_add(s, record_revision(e->old));
  if (e->type == STORE_DELETED)
    garbage_add(s, e->revision);
}

static void
trim(struct store_sqlite *s)
{
  while (mvcc_trim(s->mvcc, mark_event, s))
    ;
}

/*
 * Deletes obsolete rows in the open transaction, the oldest first. Rows are only ever deleted together with all that
 * went before them, and the log is compacted no further than that.
 */
static int
forget(struct store_sqlite *s, struct kerr *reterr)
{
  return sqlite_log_forget(s->db, s->garbage, s->n_garbage, s->marked, reterr);
}

/* -- the writer -- */

static void
answer(struct request *list)
{
  struct request *next;

  for (struct request *q = list; q; q = next) {
    next = q->next; /* the request is gone once it is answered */
    sem_post(&q->answered);
  }
}

/* Everybody in the group hears the same. */
static void
answer_error(struct request *list, const struct kerr *err, const char *what)
{
  for (struct request *q = list; q; q = q->next) {
    kerr_release(&q->err);
    q->result = kerr_set(&q->err, KERR_IO, NULL, "%s: %s", what, err->msg);
  }
  answer(list);
}

static int
stage(struct store_sqlite *s, struct mvcc_batch *batch, struct request *q, struct kerr *reterr)
{
  const struct mvcc_event *e;

  if (q->compact) {
    q->result = mvcc_check_compact(s->mvcc, q->compact, sqlite_log_compacted(s->db), &q->err);
    if (q->result == 0)
      mvcc_walk(s->mvcc, s->marked, q->compact, mark_event, s);
    return 0;
  }
  q->result = mvcc_batch_cas(batch, q->key, q->want, q->old_rev, &q->rev, &q->err);
  if (q->result < 0)
    return 0;
  e = &batch->events[batch->n - 1];
  return sqlite_log_append(
      s->db,
      &(struct sqlite_log_row){ .revision = e->revision,
                                .key = q->key,
                                .value = record_bytes(e->record),
                                .deleted = e->type == STORE_DELETED,
                                .stamp_at = e->type == STORE_DELETED ? RECORD_NO_STAMP : record_stamp_at(e->record) },
      reterr);
}

static int
write_group(struct store_sqlite *s, struct mvcc_batch *batch, struct request *list, bool *ret_unsure,
            struct kerr *reterr)
{
  bool compacts = s->n_garbage >= FORGET_MAX;
  int r = sqlite_log_begin(s->db, reterr);

  *ret_unsure = false;
  for (struct request *q = list; q && r == 0; q = q->next) {
    r = stage(s, batch, q, reterr);
    compacts = compacts || q->compact;
  }
  if (r == 0 && compacts)
    r = forget(s, reterr);
  if (r == 0)
    r = sqlite_log_commit(s->db, ret_unsure, reterr);
  if (r < 0)
    sqlite_log_rollback(s->db);
  else if (compacts)
    s->n_garbage = 0;
  return r;
}

static void
commit_group(struct store_sqlite *s, struct request *list)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct mvcc_batch batch;
  bool unsure;
  int r;

  mvcc_batch_init(&batch, s->mvcc);
  r = write_group(s, &batch, list, &unsure, &err);
  if (r == 0) {
    if (batch.n > 0)
      mvcc_batch_publish(&batch, s->mvcc);
    answer(list);
    trim(s);
  } else if (unsure) {
    s->broken = mem_strdup(err.msg);
    log_error(s->log, "store", "no more writes until the next start: %s", err.msg);
    answer_error(list, &err, "not known to be written");
  } else {
    answer_error(list, &err, "not written");
  }
  mvcc_batch_release(&batch);
}

/* Nobody has written for a while: delete what is obsolete, then merge the write-ahead log. */
static void
tidy(struct store_sqlite *s)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  bool unsure = false;
  int r;

  if (s->n_garbage > 0) {
    r = sqlite_log_begin(s->db, &err);
    if (r == 0)
      r = forget(s, &err);
    if (r == 0)
      r = sqlite_log_commit(s->db, &unsure, &err);
    if (r == 0) {
      s->n_garbage = 0;
    } else { /* tried again after the next write */
      sqlite_log_rollback(s->db);
      log_warn(s->log, "store", "cannot delete obsolete rows: %s, ignoring", err.msg);
    }
  }
  sqlite_log_merge(s->db);
}

/* What waits, up to a limit; a change of sync goes alone. */
static struct request *
take_group(struct store_sqlite *s)
{
  struct request *list = s->first, **end = &s->first;

  for (int i = 0; *end && i < GROUP_MAX && (!(*end)->relax || i == 0); i++) {
    end = &(*end)->next;
    if (list->relax)
      break;
  }
  s->first = *end;
  if (!s->first)
    s->last = &s->first;
  *end = NULL;
  return list;
}

/* A change of how commits are synced stands between transactions. */
static void
change_sync(struct store_sqlite *s, struct request *q)
{
  q->result = sqlite_log_relax(s->db, q->relax > 0, &q->err);
  answer(q);
}

/* With the lock, which is let go meanwhile. */
static void
work_on(struct store_sqlite *s, struct request *list)
{
  pthread_mutex_unlock(&s->lock);
  if (list->relax) {
    change_sync(s, list);
  } else if (s->broken) {
    struct kerr before = { .code = KERR_IO, .msg = s->broken };

    answer_error(list, &before, "not written, because an earlier write failed");
  } else {
    commit_group(s, list);
  }
  pthread_mutex_lock(&s->lock);
}

static void *
writer_main(void *arg)
{
  struct store_sqlite *s = arg;
  int64_t quiet = CLOCK_NEVER; /* when it will be quiet enough to tidy; never: there is nothing to tidy */

  pthread_mutex_lock(&s->lock);
  for (;;) {
    if (s->first) {
      work_on(s, take_group(s));
      quiet = s->n_garbage > 0 || sqlite_log_pending(s->db) >= MERGE_IDLE ? clock_mono(s->clock) + QUIET : CLOCK_NEVER;
    } else if (s->stopping) {
      break;
    } else if (s->aged) {
      s->aged = false;
      pthread_mutex_unlock(&s->lock);
      trim(s);
      pthread_mutex_lock(&s->lock);
      quiet = clock_mono(s->clock);
    } else if (quiet != CLOCK_NEVER && clock_mono(s->clock) >= quiet && !s->broken) {
      quiet = CLOCK_NEVER;
      pthread_mutex_unlock(&s->lock);
      tidy(s);
      pthread_mutex_lock(&s->lock);
    } else {
      (void)clock_cond_wait(s->clock, &s->work, &s->lock, s->broken ? CLOCK_NEVER : quiet);
    }
  }
  pthread_mutex_unlock(&s->lock);
  return NULL;
}

static void
ask(struct store_sqlite *s, struct request *q)
{
  sem_init(&q->answered, 0, 0);
  pthread_mutex_lock(&s->lock);
  *s->last = q;
  s->last = &q->next;
  pthread_cond_signal(&s->work);
  pthread_mutex_unlock(&s->lock);
  while (sem_wait(&q->answered) < 0)
    ; /* EINTR: the answer comes */
  sem_destroy(&q->answered);
}

static void
on_aged(void *payload)
{
  struct store_sqlite *s = payload;

  pthread_mutex_lock(&s->lock);
  s->aged = true;
  pthread_cond_signal(&s->work);
  pthread_mutex_unlock(&s->lock);
}

/* -- the interface -- */

static int
sqlite_get(struct store *s, struct span key, int64_t at_rev, struct record **ret, struct kerr *reterr)
{
  return mvcc_get(sqlite_of(s)->mvcc, key, at_rev, ret, reterr);
}

static int
sqlite_list(struct store *s, const struct store_range *range, struct store_list *ret, struct kerr *reterr)
{
  return mvcc_list(sqlite_of(s)->mvcc, range, ret, reterr);
}

static int
sqlite_cas(struct store *s, struct span key, struct record *want, int64_t old_rev, int64_t *ret_rev,
           struct kerr *reterr)
{
  struct request q = { .key = key, .want = want, .old_rev = old_rev };

  ask(sqlite_of(s), &q);
  if (ret_rev)
    *ret_rev = q.rev;
  return q.result < 0 ? kerr_move(reterr, &q.err) : 0;
}

static int
sqlite_watch(struct store *s, struct span prefix, int64_t from_rev, store_watch_fn *fn, void *payload,
             struct store_watch **ret, struct kerr *reterr)
{
  return mvcc_watch(sqlite_of(s)->mvcc, prefix, from_rev, fn, payload, ret, reterr);
}

static void
sqlite_watch_free(struct store *s, struct store_watch *w)
{
  mvcc_watch_free(sqlite_of(s)->mvcc, w);
}

static int
sqlite_compact(struct store *s, int64_t rev, struct kerr *reterr)
{
  struct request q = { .compact = rev };

  if (rev <= 0)
    return kerr_set(reterr, KERR_EXPIRED, NULL, "revision %" PRId64 " has been compacted", rev);
  ask(sqlite_of(s), &q);
  return q.result < 0 ? kerr_move(reterr, &q.err) : 0;
}

static int
sqlite_relax(struct store *s, bool relaxed, struct kerr *reterr)
{
  struct request q = { .relax = relaxed ? 1 : -1 };

  ask(sqlite_of(s), &q);
  return q.result < 0 ? kerr_move(reterr, &q.err) : 0;
}

static int64_t
sqlite_revision(struct store *s)
{
  return mvcc_revision(sqlite_of(s)->mvcc);
}

static int64_t
sqlite_compacted(struct store *s)
{
  return mvcc_compacted(sqlite_of(s)->mvcc);
}

static size_t
sqlite_memory(struct store *s)
{
  return mvcc_memory(sqlite_of(s)->mvcc);
}

static void
sqlite_free(struct store *store)
{
  struct store_sqlite *s = sqlite_of(store);

  if (s->started) {
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->writer, NULL);
  }
  mvcc_free(s->mvcc);
  sqlite_log_free(s->db);
  pthread_cond_destroy(&s->work);
  pthread_mutex_destroy(&s->lock);
  free(s->garbage);
  free(s->broken);
  free(s);
}

static const struct store_ops sqlite_ops = {
  .name = "sqlite",
  .get = sqlite_get,
  .list = sqlite_list,
  .cas = sqlite_cas,
  .watch = sqlite_watch,
  .watch_free = sqlite_watch_free,
  .compact = sqlite_compact,
  .relax = sqlite_relax,
  .revision = sqlite_revision,
  .compacted = sqlite_compacted,
  .memory = sqlite_memory,
  .free = sqlite_free,
};

/* -- loading -- */

/* Rows up to the compacted revision are one state, in no order of keys; those after it are history to be replayed. */
struct loader {
  struct store_sqlite *s;
  struct record **base;
  size_t n, cap;
  bool replaying;
  struct mvcc_batch batch;
};

static int
by_key(const void *a, const void *b)
{
  struct record *const *x = a, *const *y = b;

  return span_cmp(record_key(*x), record_key(*y));
}

static int
loader_base_done(struct loader *l, struct kerr *reterr)
{
  if (l->n > 0)
    qsort(l->base, l->n, sizeof(struct record *), by_key);
  for (size_t i = 1; i < l->n; i++)
    if (by_key(&l->base[i - 1], &l->base[i]) == 0)
      return kerr_set(reterr, KERR_IO, NULL, "damaged: key '%.*s' is there twice", SPAN_FMT(record_key(l->base[i])));
  mvcc_load(l->s->mvcc, l->base, l->n, sqlite_log_compacted(l->s->db));
  mvcc_batch_init(&l->batch, l->s->mvcc);
  l->replaying = true;
  return 0;
}

static int
load_base(struct loader *l, const struct sqlite_log_row *row, struct kerr *reterr)
{
  if (row->deleted)
    return kerr_set(reterr, KERR_IO, NULL, "damaged: revision %" PRId64 " should have been compacted", row->revision);
  if (l->n == l->cap) {
    l->cap = l->cap ? 2 * l->cap : 256;
    l->base = mem_realloc(l->base, l->cap * sizeof(struct record *));
  }
  l->base[l->n++] = record_new(row->key, row->revision, row->value, row->stamp_at);
  return 0;
}

static int
replay(struct loader *l, const struct sqlite_log_row *row, struct kerr *reterr)
{
  _cleanup_record_ struct record *want = row->deleted ? NULL : record_new(row->key, 0, row->value, row->stamp_at);
  struct record *old = keytree_find(l->batch.root, row->key);

  if (row->revision != l->batch.revision + 1)
    return kerr_set(reterr, KERR_IO, NULL, "damaged: revision %" PRId64 " is missing", l->batch.revision + 1);
  return mvcc_batch_cas(&l->batch, row->key, want, old ? record_revision(old) : 0, NULL, reterr);
}

static int
load_row(void *payload, const struct sqlite_log_row *row, struct kerr *reterr)
{
  struct loader *l = payload;
  int r = 0;

  if (row->revision <= sqlite_log_compacted(l->s->db))
    return load_base(l, row, reterr);
  if (!l->replaying)
    r = loader_base_done(l, reterr);
  return r < 0 ? r : replay(l, row, reterr);
}

static int
load(struct store_sqlite *s, const char *path, struct kerr *reterr)
{
  struct loader l = { .s = s };
  int r = sqlite_log_load(s->db, load_row, &l, reterr);

  if (r == 0 && !l.replaying)
    r = loader_base_done(&l, reterr);
  if (r == 0 && l.batch.n > 0)
    mvcc_batch_publish(&l.batch, s->mvcc);
  mvcc_batch_release(&l.batch);
  for (size_t i = 0; i < l.n; i++)
    record_unref(l.base[i]);
  free(l.base);
  s->marked = sqlite_log_compacted(s->db);
  return r < 0 ? kerr_wrap(reterr, "store '%s'", path) : 0;
}

int
store_sqlite_open(const struct store_config *config, struct store **ret, struct kerr *reterr)
{
  struct store_sqlite *s;
  struct sqlite_log *db;
  int r;

  if (!config->path)
    return kerr_set(reterr, KERR_USAGE, NULL, "the sqlite store needs a file");
  r = sqlite_log_open(config->path, config->sync, &db, reterr);
  if (r < 0)
    return r;
  s = mem_alloc(sizeof *s);
  s->store.ops = &sqlite_ops;
  s->clock = config->clock;
  s->log = config->log;
  s->db = db;
  s->last = &s->first;
  pthread_mutex_init(&s->lock, NULL);
  clock_cond_init(&s->work);
  s->mvcc = mvcc_new(config, on_aged, s);
  r = load(s, config->path, reterr);
  if (r < 0) {
    sqlite_free(&s->store);
    return r;
  }
  s->started = true;
  thread_start(&s->writer, "store-writer", writer_main, s);
  *ret = &s->store;
  return 0;
}
