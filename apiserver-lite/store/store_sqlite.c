/*
 * The SQLite backend: the index in memory, and a log on disk that is written before anybody sees what is new.
 *
 * One caller at a time writes, for itself and for all who wait: it takes their writes, stages them on the index,
 * appends them to the log in one transaction, commits, publishes, and answers all of them: many writers share one sync
 * of the disk. Then the first of those who have come meanwhile takes over. A write that finds nobody writing wakes no
 * thread.
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

/* A call, on the stack of its thread. */
struct request {
  struct request *next;
  enum { REQUEST_WRITE, REQUEST_COMPACT, REQUEST_SYNC, REQUEST_SHRINK, REQUEST_TRIM, REQUEST_TIDY } what;
  struct span key; /* WRITE */
  struct record *want;
  int64_t old_rev;
  int64_t compact; /* COMPACT: to this revision */
  bool relaxed;    /* SYNC */
  int64_t rev;     /* answer */
  int result;
  struct kerr err;
  sem_t told;
  bool answered; /* else, when told: to write for all who wait */
};

struct store_sqlite {
  struct store store;
  struct clock *clock;
  struct log *log;
  struct mvcc *mvcc;
  struct sqlite_log *db;
  pthread_t keeper;
  bool started;

  pthread_mutex_t lock; /* the rest of this part */
  struct request *first, **last;
  bool writing;        /* somebody is */
  pthread_cond_t work; /* for the housekeeper: one of the next three has changed */
  bool stopping, aged;
  int64_t floor; /* to which the log is compacted */
  int64_t quiet; /* when it will be quiet enough to tidy; never: there is nothing to tidy */

  /* Of whoever writes. */
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

/* -- writing -- */

static void
answer(struct request *list)
{
  struct request *next;

  for (struct request *q = list; q; q = next) {
    next = q->next; /* the request is gone once it is answered */
    q->answered = true;
    sem_post(&q->told);
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

  if (q->what == REQUEST_COMPACT) {
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
    compacts = compacts || q->what == REQUEST_COMPACT;
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

/* Writes can share a transaction; everything else stands between transactions. */
static bool
goes_alone(const struct request *q)
{
  return q->what != REQUEST_WRITE && q->what != REQUEST_COMPACT;
}

/* What waits, up to a limit. */
static struct request *
take_group(struct store_sqlite *s)
{
  struct request *list = s->first, **end = &list->next;

  if (!goes_alone(list))
    for (int i = 1; *end && i < GROUP_MAX && !goes_alone(*end); i++)
      end = &(*end)->next;
  s->first = *end;
  if (!s->first)
    s->last = &s->first;
  *end = NULL;
  return list;
}

/* By the one who writes, without the lock. Answers all of `list`. */
static void
work_on(struct store_sqlite *s, struct request *list)
{
  switch (list->what) {
  case REQUEST_SYNC:
    list->result = sqlite_log_relax(s->db, list->relaxed, &list->err);
    break;
  case REQUEST_SHRINK:
    list->result = sqlite_log_shrink(s->db, &list->err);
    break;
  case REQUEST_TRIM:
    trim(s);
    break;
  case REQUEST_TIDY:
    if (!s->broken)
      tidy(s);
    break;
  case REQUEST_WRITE:
  case REQUEST_COMPACT:
    if (s->broken)
      answer_error(list, &(struct kerr){ .code = KERR_IO, .msg = s->broken },
                   "not written, because an earlier write failed");
    else
      commit_group(s, list);
    return;
  }
  answer(list);
}

/* When to tidy; what could not be tidied is left until there is more. With the lock. */
static void
note_quiet(struct store_sqlite *s, bool tidied)
{
  bool untidy = !tidied && !s->broken && (s->n_garbage > 0 || sqlite_log_pending(s->db) >= MERGE_IDLE);
  bool sleeps = s->quiet == CLOCK_NEVER;

  s->quiet = untidy ? clock_mono(s->clock) + QUIET : CLOCK_NEVER;
  if (untidy && sleeps)
    pthread_cond_signal(&s->work);
}

/* Writes what waits, the caller's request with it, and leaves the rest to the next. With the lock, let go meanwhile. */
static void
write_for_all(struct store_sqlite *s)
{
  struct request *list = take_group(s);
  bool tidies = list->what == REQUEST_TIDY;

  s->writing = true;
  pthread_mutex_unlock(&s->lock);
  work_on(s, list);
  pthread_mutex_lock(&s->lock);
  note_quiet(s, tidies);
  s->floor = sqlite_log_compacted(s->db);
  s->writing = s->first != NULL;
  if (s->first)
    sem_post(&s->first->told);
}

static void
wait_told(struct request *q)
{
  while (sem_wait(&q->told) < 0)
    ; /* EINTR: the word comes */
}

static void
ask(struct store_sqlite *s, struct request *q)
{
  sem_init(&q->told, 0, 0);
  pthread_mutex_lock(&s->lock);
  *s->last = q;
  s->last = &q->next;
  if (s->writing) {
    pthread_mutex_unlock(&s->lock);
    wait_told(q);
    if (q->answered) {
      sem_destroy(&q->told);
      return;
    }
    pthread_mutex_lock(&s->lock);
  }
  write_for_all(s); /* `q` is the first of those who wait */
  pthread_mutex_unlock(&s->lock);
  wait_told(q);
  sem_destroy(&q->told);
}

/* -- the housekeeper: what is to be done although nobody writes -- */

static void *
keeper_main(void *arg)
{
  struct store_sqlite *s = arg;

  pthread_mutex_lock(&s->lock);
  while (!s->stopping) {
    struct request q = { .what = REQUEST_TRIM };

    if (!s->aged && clock_mono(s->clock) < s->quiet) {
      (void)clock_cond_wait(s->clock, &s->work, &s->lock, s->quiet);
      continue;
    }
    if (!s->aged)
      q.what = REQUEST_TIDY;
    s->aged = false;
    s->quiet = CLOCK_NEVER;
    pthread_mutex_unlock(&s->lock);
    ask(s, &q);
    pthread_mutex_lock(&s->lock);
  }
  pthread_mutex_unlock(&s->lock);
  return NULL;
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
  struct request q = { .what = REQUEST_COMPACT, .compact = rev };

  if (rev <= 0)
    return kerr_set(reterr, KERR_EXPIRED, NULL, "revision %" PRId64 " has been compacted", rev);
  ask(sqlite_of(s), &q);
  return q.result < 0 ? kerr_move(reterr, &q.err) : 0;
}

static int
sqlite_shrink(struct store *s, struct kerr *reterr)
{
  struct request q = { .what = REQUEST_SHRINK };

  ask(sqlite_of(s), &q);
  return q.result < 0 ? kerr_move(reterr, &q.err) : 0;
}

static int
sqlite_relax(struct store *s, bool relaxed, struct kerr *reterr)
{
  struct request q = { .what = REQUEST_SYNC, .relaxed = relaxed };

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

static int64_t
sqlite_floor(struct store *store)
{
  struct store_sqlite *s = sqlite_of(store);
  int64_t floor;

  pthread_mutex_lock(&s->lock);
  floor = s->floor;
  pthread_mutex_unlock(&s->lock);
  return floor;
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
    pthread_join(s->keeper, NULL);
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
  .shrink = sqlite_shrink,
  .relax = sqlite_relax,
  .revision = sqlite_revision,
  .compacted = sqlite_compacted,
  .floor = sqlite_floor,
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
  s->marked = s->floor = sqlite_log_compacted(s->db);
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
  s->quiet = CLOCK_NEVER;
  pthread_mutex_init(&s->lock, NULL);
  clock_cond_init(&s->work);
  s->mvcc = mvcc_new(config, on_aged, s);
  r = load(s, config->path, reterr);
  if (r < 0) {
    sqlite_free(&s->store);
    return r;
  }
  s->started = true;
  thread_start(&s->keeper, "store-keeper", keeper_main, s);
  *ret = &s->store;
  return 0;
}
