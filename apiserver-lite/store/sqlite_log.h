/*
 * sqlite_log - the durable side of the SQLite store: a log of writes in one database file.
 *
 * The table is the log itself, one row per revision, and nothing else is kept
 * on disk: the index lives in memory (mvcc.h) and is rebuilt from the log at
 * start. A write appends at the end of one B-tree; compaction deletes the rows
 * that were overwritten, whose revisions the index knows. Each row carries a
 * checksum, so that a damaged file is refused and not believed.
 *
 * A file that is not ours, is damaged, newer, or in use is left exactly as it
 * is. A new database is made beside its place and moved there when complete.
 *
 * Threads: used by one thread at a time.
 */
#ifndef APISERVER_SQLITE_LOG_H
#define APISERVER_SQLITE_LOG_H

#include "store.h"

struct sqlite_log;

#define SQLITE_LOG_SCHEMA 1

struct sqlite_log_row {
  int64_t revision;
  struct span key, value;
  bool deleted;    /* then there is no value */
  size_t stamp_at; /* of the record */
};

/* Opens or creates; locks against other processes. Errors: KERR_IO, in words for a person. */
_must_check_ int sqlite_log_open(const char *path, enum store_sync sync, struct sqlite_log **ret, struct kerr *reterr);
void sqlite_log_free(struct sqlite_log *log); /* merges the write-ahead log into the file when it can */

/* Every row in order of revisions, until `fn` fails. KERR_IO: damaged. */
typedef int sqlite_log_row_fn(void *payload, const struct sqlite_log_row *row, struct kerr *reterr);
_must_check_ int sqlite_log_load(struct sqlite_log *log, sqlite_log_row_fn *fn, void *payload, struct kerr *reterr);
int64_t
sqlite_log_compacted(const struct sqlite_log *log); /* what had to be kept only for the past before it is gone */

/*
 * A transaction: begin, any number of append and forget, then commit; after any failure, rollback. KERR_IO; after a
 * commit that failed it is not known whether the transaction will be there after a restart: *ret_unsure.
 */
_must_check_ int sqlite_log_begin(struct sqlite_log *log, struct kerr *reterr);
_must_check_ int sqlite_log_append(struct sqlite_log *log, const struct sqlite_log_row *row, struct kerr *reterr);
/* Deletes the rows of `revisions`; from now on compacted is `compacted`. */
_must_check_ int sqlite_log_forget(struct sqlite_log *log, const int64_t *revisions, size_t n, int64_t compacted,
                                   struct kerr *reterr);
_must_check_ int sqlite_log_commit(struct sqlite_log *log, bool *ret_unsure, struct kerr *reterr);
void sqlite_log_rollback(struct sqlite_log *log);

/* Between transactions. As store_ops.shrink, which see. */
_must_check_ int sqlite_log_shrink(struct sqlite_log *log, struct kerr *reterr);
/* As store_ops.relax. */
_must_check_ int sqlite_log_relax(struct sqlite_log *log, bool relaxed, struct kerr *reterr);

/* Pages that wait in the write-ahead log to be merged, and merging them. Failure to merge loses nothing. */
int sqlite_log_pending(const struct sqlite_log *log);
void sqlite_log_merge(struct sqlite_log *log);

#endif
