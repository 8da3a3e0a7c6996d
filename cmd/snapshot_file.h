/*
 * snapshot_file - a cluster in one file: what `snapshot save` writes and `snapshot restore` reads.
 *
 * Gzip around lines of JSON, so that `zcat FILE | jq` shows everything:
 *
 *   {"apiVersion":"dralab.dev/v1alpha1","kind":"Snapshot","format":1,"created":...,"revision":...,"cluster":{...}}
 *   {"file":"pki/ca.crt","base64":"..."}      what the cluster's identity is made of
 *   {"key":"/registry/...","object":{...}}    the objects, in any served version
 *   {"end":true,"lines":N,"sha256":"..."}     N lines before this one, and their digest
 *
 * The digest is a chain: SHA-256 over the digest before and the line, so that it is known as lines come. Reading is
 * a stream too: a line at a time, and only the last one says whether all of them were right; so whoever restores reads
 * a file twice.
 */
#ifndef CMD_SNAPSHOT_FILE_H
#define CMD_SNAPSHOT_FILE_H

#include "json.h"
#include "kerr.h"

#define SNAPSHOT_FORMAT 1

struct snapshot_writer;
/* Mode 0600: keys are in it. Written beside `path`, put there when it is complete. KERR_IO. */
_must_check_ int snapshot_writer_new(const char *path, struct snapshot_writer **ret, struct kerr *reterr);
/* One more line. KERR_IO. */
_must_check_ int snapshot_write(struct snapshot_writer *w, const struct json *line, struct kerr *reterr);
/* The last line, and everything on disk. */
_must_check_ int snapshot_writer_finish(struct snapshot_writer *w, struct kerr *reterr);
void snapshot_writer_free(struct snapshot_writer *w); /* what is not finished is removed; NULL is fine */

/* Each line but the first and last; `a` is emptied after it. */
typedef int snapshot_line_fn(void *payload, struct arena *a, const struct json *line, struct kerr *reterr);
/*
 * Reads all of `path`: *ret_head is its first line, in the arena; `fn` may be NULL: only check.
 * KERR_NOT_FOUND, KERR_IO; KERR_PARSE: not a snapshot, of another format, cut short, damaged; what `fn` returns.
 */
_must_check_ int snapshot_read(const char *path, struct arena *a, struct json **ret_head, snapshot_line_fn *fn,
                               void *payload, struct kerr *reterr);

#endif
