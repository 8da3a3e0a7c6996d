#include "sqlite_log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "fs.h"

#define APPLICATION_ID 0x4452414C /* "DRAL" */
#define HEADER_BYTES   100        /* of an SQLite file; big-endian numbers */
#define HEADER_VERSION 60
#define HEADER_APP     68
/* Pages after which SQLite merges by itself, within a commit; the owner does it earlier, in quiet moments. */
#define MERGE_PAGES 4000
/* Of the write-ahead log: what a page takes there, and the pages it is given room for at first; bytes written at once.
 */
#define WAL_PAGE   (24 + 4096)
#define ROOM_PAGES 256
#define ROOM_WRITE 65536

enum { BEGIN, APPEND, FORGET, SET_COMPACTED, COMMIT, ROLLBACK, STATEMENTS };

static const char *const sql[STATEMENTS] = {
  [BEGIN] = "BEGIN IMMEDIATE",
  [APPEND] = "INSERT INTO log (rev, key, value, stamp, sum) VALUES (?1, ?2, ?3, ?4, ?5)",
  [FORGET] = "DELETE FROM log WHERE rev = ?1",
  [SET_COMPACTED] = "UPDATE meta SET value = ?1 WHERE name = 'compacted'",
  [COMMIT] = "COMMIT",
  [ROLLBACK] = "ROLLBACK",
};

static const char schema[] = "CREATE TABLE log (rev INTEGER PRIMARY KEY, key BLOB NOT NULL, value BLOB,"
                             " stamp INTEGER NOT NULL, sum INTEGER NOT NULL);"
                             "CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
                             "INSERT INTO meta VALUES ('compacted', 1);";

struct sqlite_log {
  char *path;
  int lock; /* descriptor of PATH.lock, held for life */
  sqlite3 *db;
  sqlite3_stmt *statements[STATEMENTS];
  int64_t compacted, staged_compacted; /* committed; as the open transaction has it */
  enum store_sync sync;                /* as it was opened */
  int pending, room;                   /* pages in the write-ahead log; pages that its file has room for */
  bool dirty;                          /* a transaction is open */
};

static int
db_error(struct sqlite_log *log, const char *doing, struct kerr *reterr)
{
  return kerr_set(reterr, KERR_IO, NULL, "store '%s': %s: %s", log->path, doing, sqlite3_errmsg(log->db));
}

static int
exec(sqlite3 *db, const char *path, const char *text, struct kerr *reterr)
{
  int code = sqlite3_exec(db, text, NULL, NULL, NULL) & 0xff;

  if (code == SQLITE_OK)
    return 0;
  return kerr_set(reterr, KERR_IO, NULL, "store '%s'%s: %s", path,
                  code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? " is damaged" : "", sqlite3_errmsg(db));
}

/* -- the file: whose is it, who has it -- */

/* An flock on a file of its own: SQLite's locks on the database would be lost when we close a descriptor of it. */
static int
take_lock(struct sqlite_log *log, struct kerr *reterr)
{
  _cleanup_free_ char *path = mem_printf("%s.lock", log->path);

  log->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (log->lock < 0)
    return kerr_errno(reterr, errno, "store '%s': cannot create %s", log->path, path);
  if (flock(log->lock, LOCK_EX | LOCK_NB) == 0)
    return 0;
  if (errno == EWOULDBLOCK)
    return kerr_set(reterr, KERR_IO, NULL, "store '%s' is in use by another process", log->path);
  return kerr_errno(reterr, errno, "store '%s': cannot lock %s", log->path, path);
}

static uint32_t
big_endian(const unsigned char *p)
{
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Looks at the first bytes only, before SQLite sees the file. *ret_absent: there is nothing there yet. */
static int
check_file(const char *path, bool *ret_absent, struct kerr *reterr)
{
  _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
  unsigned char header[HEADER_BYTES];
  struct stat st;
  ssize_t n;

  *ret_absent = fd < 0 && errno == ENOENT;
  if (*ret_absent)
    return 0;
  if (fd < 0 || fstat(fd, &st) < 0)
    return kerr_errno(reterr, errno, "store '%s'", path);
  if (!S_ISREG(st.st_mode))
    return kerr_set(reterr, KERR_IO, NULL, "store '%s' is not a regular file", path);
  n = pread(fd, header, sizeof header, 0);
  if (n < 0)
    return kerr_errno(reterr, errno, "store '%s': read", path);
  if (n < HEADER_BYTES || memcmp(header, "SQLite format 3", 16) != 0)
    return kerr_set(reterr, KERR_IO, NULL, "store '%s' is not a database; it has not been touched", path);
  if (big_endian(header + HEADER_APP) != APPLICATION_ID)
    return kerr_set(reterr, KERR_IO, NULL, "store '%s' is a database of another program; it has not been touched",
                    path);
  if (big_endian(header + HEADER_VERSION) > SQLITE_LOG_SCHEMA)
    return kerr_set(reterr, KERR_IO, NULL,
                    "store '%s' was written by a newer version of dralab (schema %" PRIu32
                    ", this one knows %d); it has not been touched",
                    path, big_endian(header + HEADER_VERSION), SQLITE_LOG_SCHEMA);
  return 0;
}

static int
sync_file(const char *path, struct kerr *reterr)
{
  _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

  if (fd < 0 || fsync(fd) < 0)
    return kerr_errno(reterr, errno, "store: sync of %s", path);
  return 0;
}

static int
sync_folder(const char *path, struct kerr *reterr)
{
  const char *slash = strrchr(path, '/');
  _cleanup_free_ char *dir = slash ? mem_strndup(path, (size_t)(slash - path) + 1) : mem_strdup(".");

  return sync_file(dir, reterr);
}

static void
close_db(sqlite3 **pdb)
{
  (void)sqlite3_close(*pdb); /* fails only with statements left open, and then is a leak */
}

/* Made under another name and moved into place, so that there is never half a database. */
static int
create_file(const char *path, struct kerr *reterr)
{
  _cleanup_free_ char *fresh = mem_printf("%s.new", path);
  _cleanup_free_ char *header =
      mem_printf("PRAGMA application_id = %d; PRAGMA user_version = %d;", APPLICATION_ID, SQLITE_LOG_SCHEMA);
  int r;

  if (unlink(fresh) < 0 && errno != ENOENT)
    return kerr_errno(reterr, errno, "store '%s': cannot remove %s", path, fresh);
  {
    _cleanup_(close_db) sqlite3 *db = NULL;

    if (sqlite3_open_v2(fresh, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
      return kerr_set(reterr, KERR_IO, NULL, "store '%s': cannot create it: %s", path,
                      db ? sqlite3_errmsg(db) : "out of memory");
    /* One sync at the end is enough: until it is moved into place the file is nobody's. */
    r = exec(db, path, "PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY; BEGIN IMMEDIATE;", reterr);
    if (r == 0)
      r = exec(db, path, schema, reterr);
    if (r == 0)
      r = exec(db, path, header, reterr);
    if (r == 0)
      r = exec(db, path, "COMMIT; PRAGMA journal_mode = WAL;", reterr);
  }
  if (r == 0 && chmod(fresh, 0600) < 0) /* there will be secrets in it; the write-ahead log gets the same mode */
    r = kerr_errno(reterr, errno, "store '%s': chmod", path);
  if (r == 0)
    r = sync_file(fresh, reterr);
  if (r == 0 && rename(fresh, path) < 0)
    r = kerr_errno(reterr, errno, "store '%s': cannot move %s there", path, fresh);
  if (r < 0) {
    (void)unlink(fresh);
    return r;
  }
  return sync_folder(path, reterr);
}

/* -- the write-ahead log -- */

/*
 * Makes the file of the write-ahead log as long as `pages` need, with zeros, which SQLite takes for the end of the log.
 * Syncing a file that has grown makes the filesystem commit its own journal: that costs ten times what it costs to sync
 * a file of the same length. So the file grows seldom and by much, and each commit writes over what is there. Where
 * there is no room on the disk the log grows as it goes.
 */
static void
make_room(struct sqlite_log *log, int pages)
{
  sqlite3_int64 size, want = (sqlite3_int64)pages * WAL_PAGE;
  _cleanup_free_ char *zeros = mem_alloc(ROOM_WRITE);
  sqlite3_file *file = NULL;

  log->room = pages;
  if (sqlite3_file_control(log->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) != SQLITE_OK || !file->pMethods ||
      file->pMethods->xFileSize(file, &size) != SQLITE_OK)
    return;
  for (int n; size < want; size += n) {
    n = want - size < ROOM_WRITE ? (int)(want - size) : ROOM_WRITE;
    if (file->pMethods->xWrite(file, zeros, n, size) != SQLITE_OK)
      return;
  }
}

/* -- opening -- */

static int
on_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
  struct sqlite_log *log = arg;

  log->pending = pages;
  if (pages >= MERGE_PAGES)
    sqlite_log_merge(log);
  else if (log->sync == STORE_SYNC_FULL && pages > log->room / 4 * 3 && log->room < MERGE_PAGES)
    make_room(log, log->room == 0 ? ROOM_PAGES : 2 * log->room < MERGE_PAGES ? 2 * log->room : MERGE_PAGES);
  (void)db;
  (void)name;
  return SQLITE_OK;
}

static int
set_sync(struct sqlite_log *log, enum store_sync sync, struct kerr *reterr)
{
  return exec(log->db, log->path,
              sync == STORE_SYNC_FULL ? "PRAGMA synchronous = FULL;" : "PRAGMA synchronous = NORMAL;", reterr);
}

static int
open_db(struct sqlite_log *log, struct kerr *reterr)
{
  int r;

  if (sqlite3_open_v2(log->path, &log->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
    return kerr_set(reterr, KERR_IO, NULL, "store '%s': cannot open it: %s", log->path,
                    log->db ? sqlite3_errmsg(log->db) : "out of memory");
  (void)sqlite3_extended_result_codes(log->db, 1);
  if (sqlite3_db_readonly(log->db, "main") == 1)
    return kerr_set(reterr, KERR_IO, NULL, "store '%s' cannot be written: no permission", log->path);
  /* We hold the lock, so nobody needs the shared-memory file. Must come before the first use of the log. */
  r = exec(log->db, log->path,
           "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -1024; PRAGMA temp_store = MEMORY;", reterr);
  if (r == 0)
    r = exec(log->db, log->path, "PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = 16777216;", reterr);
  if (r == 0)
    r = set_sync(log, log->sync, reterr);
  for (int i = 0; r == 0 && i < STATEMENTS; i++)
    if (sqlite3_prepare_v3(log->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &log->statements[i], NULL) != SQLITE_OK)
      r = db_error(log, "its tables are not as they should be", reterr);
  if (r == 0)
    sqlite3_wal_hook(log->db, on_wal, log);
  return r;
}

static int
read_compacted(struct sqlite_log *log, struct kerr *reterr)
{
  sqlite3_stmt *st = NULL;
  int r = 0;

  if (sqlite3_prepare_v2(log->db, "SELECT value FROM meta WHERE name = 'compacted'", -1, &st, NULL) != SQLITE_OK ||
      sqlite3_step(st) != SQLITE_ROW)
    r = db_error(log, "damaged: no word on compaction", reterr);
  else
    log->compacted = log->staged_compacted = sqlite3_column_int64(st, 0);
  (void)sqlite3_finalize(st);
  if (r == 0 && log->compacted < 1)
    r = kerr_set(reterr, KERR_IO, NULL, "store '%s' is damaged: compacted at revision %" PRId64, log->path,
                 log->compacted);
  return r;
}

static void
sqlite_log_freep(struct sqlite_log **plog)
{
  sqlite_log_free(*plog);
}

int
sqlite_log_open(const char *path, enum store_sync sync, struct sqlite_log **ret, struct kerr *reterr)
{
  _cleanup_(sqlite_log_freep) struct sqlite_log *log = mem_alloc(sizeof *log);
  bool absent;
  int r;

  log->path = mem_strdup(path);
  log->lock = -1;
  log->sync = sync;
  r = take_lock(log, reterr);
  if (r == 0)
    r = check_file(path, &absent, reterr);
  if (r == 0 && absent)
    r = create_file(path, reterr);
  if (r == 0)
    r = open_db(log, reterr);
  if (r == 0)
    r = read_compacted(log, reterr);
  if (r < 0)
    return r;
  *ret = steal_pointer(&log);
  return 0;
}

void
sqlite_log_free(struct sqlite_log *log)
{
  if (!log)
    return;
  for (int i = 0; i < STATEMENTS; i++)
    (void)sqlite3_finalize(log->statements[i]);
  close_db(&log->db);
  if (log->lock >= 0)
    (void)close(log->lock); /* the file stays: who removes it could remove somebody else's lock */
  free(log->path);
  free(log);
}

/* -- reading -- */

static int64_t
row_sum(const struct sqlite_log_row *row)
{
  uLong sum = crc32(0, (const Bytef *)&row->revision, sizeof row->revision);

  sum = crc32_z(sum, (const Bytef *)row->key.p, row->key.n);
  if (!row->deleted)
    sum = crc32_z(sum, (const Bytef *)row->value.p, row->value.n);
  return (int64_t)sum;
}

static struct span
column_span(sqlite3_stmt *st, int i)
{
  const void *p = sqlite3_column_blob(st, i); /* NULL for an empty one */

  return span_make(p ? p : "", (size_t)sqlite3_column_bytes(st, i));
}

static int
load_row(sqlite3_stmt *st, sqlite_log_row_fn *fn, void *payload, struct kerr *reterr)
{
  struct sqlite_log_row row = { .revision = sqlite3_column_int64(st, 0),
                                .key = column_span(st, 1),
                                .value = column_span(st, 2),
                                .deleted = sqlite3_column_type(st, 2) == SQLITE_NULL };
  int64_t stamp = sqlite3_column_int64(st, 3);

  if (row_sum(&row) != sqlite3_column_int64(st, 4) || stamp < -1 || stamp > (int64_t)row.value.n)
    return kerr_set(reterr, KERR_IO, NULL, "damaged: revision %" PRId64 " does not match its checksum", row.revision);
  row.stamp_at = stamp < 0 ? RECORD_NO_STAMP : (size_t)stamp;
  return fn(payload, &row, reterr);
}

int
sqlite_log_load(struct sqlite_log *log, sqlite_log_row_fn *fn, void *payload, struct kerr *reterr)
{
  sqlite3_stmt *st = NULL;
  int step = SQLITE_OK, r = 0;

  if (sqlite3_prepare_v2(log->db, "SELECT rev, key, value, stamp, sum FROM log ORDER BY rev", -1, &st, NULL) !=
      SQLITE_OK)
    return kerr_set(reterr, KERR_IO, NULL, "damaged: %s", sqlite3_errmsg(log->db));
  while (r == 0 && (step = sqlite3_step(st)) == SQLITE_ROW)
    r = load_row(st, fn, payload, reterr);
  if (r == 0 && step != SQLITE_DONE)
    r = kerr_set(reterr, KERR_IO, NULL, "damaged: %s", sqlite3_errmsg(log->db));
  (void)sqlite3_finalize(st);
  return r;
}

int64_t
sqlite_log_compacted(const struct sqlite_log *log)
{
  return log->compacted;
}

/* -- writing -- */

static int
run(struct sqlite_log *log, int which, struct kerr *reterr)
{
  sqlite3_stmt *st = log->statements[which];
  int step = sqlite3_step(st), r = 0;

  if (step != SQLITE_DONE)
    r = db_error(log, "write", reterr);
  (void)sqlite3_reset(st);
  (void)sqlite3_clear_bindings(st);
  return r;
}

int
sqlite_log_begin(struct sqlite_log *log, struct kerr *reterr)
{
  int r = run(log, BEGIN, reterr);

  log->dirty = r == 0;
  return r;
}

int
sqlite_log_append(struct sqlite_log *log, const struct sqlite_log_row *row, struct kerr *reterr)
{
  sqlite3_stmt *st = log->statements[APPEND];

  (void)sqlite3_bind_int64(st, 1, row->revision);
  (void)sqlite3_bind_blob64(st, 2, row->key.p, row->key.n, SQLITE_STATIC);
  if (!row->deleted)
    (void)sqlite3_bind_blob64(st, 3, row->value.p, row->value.n, SQLITE_STATIC);
  (void)sqlite3_bind_int64(st, 4, row->stamp_at == RECORD_NO_STAMP ? -1 : (int64_t)row->stamp_at);
  (void)sqlite3_bind_int64(st, 5, row_sum(row));
  return run(log, APPEND, reterr); /* a bind that failed makes NOT NULL fail here */
}

int
sqlite_log_forget(struct sqlite_log *log, const int64_t *revisions, size_t n, int64_t compacted, struct kerr *reterr)
{
  int r = 0;

  for (size_t i = 0; i < n && r == 0; i++) {
    (void)sqlite3_bind_int64(log->statements[FORGET], 1, revisions[i]);
    r = run(log, FORGET, reterr);
  }
  if (r == 0) {
    (void)sqlite3_bind_int64(log->statements[SET_COMPACTED], 1, compacted);
    r = run(log, SET_COMPACTED, reterr);
    log->staged_compacted = compacted;
  }
  return r;
}

int
sqlite_log_commit(struct sqlite_log *log, bool *ret_unsure, struct kerr *reterr)
{
  int r = run(log, COMMIT, reterr);

  *ret_unsure = r < 0 && (sqlite3_errcode(log->db) & 0xff) != SQLITE_FULL;
  if (r == 0) {
    log->dirty = false;
    log->compacted = log->staged_compacted;
  }
  return r;
}

void
sqlite_log_rollback(struct sqlite_log *log)
{
  _cleanup_kerr_ struct kerr ignored = KERR_INIT; /* SQLite rolls back by itself after some errors */

  if (log->dirty && sqlite3_get_autocommit(log->db) == 0)
    (void)run(log, ROLLBACK, &ignored);
  log->dirty = false;
  log->staged_compacted = log->compacted;
}

int
sqlite_log_pending(const struct sqlite_log *log)
{
  return log->pending;
}

void
sqlite_log_merge(struct sqlite_log *log)
{
  if (sqlite3_wal_checkpoint_v2(log->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) == SQLITE_OK)
    log->pending = 0;
}

int
sqlite_log_relax(struct sqlite_log *log, bool relaxed, struct kerr *reterr)
{
  int r = set_sync(log, relaxed ? STORE_SYNC_NORMAL : log->sync, reterr);

  /* A merge syncs the write-ahead log first, and with it all that was written meanwhile. */
  if (r == 0 && !relaxed && log->sync == STORE_SYNC_FULL &&
      sqlite3_wal_checkpoint_v2(log->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) != SQLITE_OK)
    r = db_error(log, "sync", reterr);
  return r;
}

int
sqlite_log_shrink(struct sqlite_log *log, struct kerr *reterr)
{
  /* The file has its new length once everything is merged. */
  int r = exec(log->db, log->path, "VACUUM; PRAGMA wal_checkpoint(TRUNCATE);", reterr);

  log->pending = log->room = 0;
  return r;
}
