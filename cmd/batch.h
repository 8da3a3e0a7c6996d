/*
 * batch - a file of records, one a line, each answered by one line.
 *
 * What `cel eval --batch`, `allocate --batch` and `convert --batch` share.
 */
#ifndef CMD_BATCH_H
#define CMD_BATCH_H

#include "cli.h"
#include "strbuf.h"

/*
 * Answer one record, newline included. A negative return stops the run: the line was no record. `a` is the record's
 * own.
 */
typedef int batch_fn(struct arena *a, struct span line, struct strbuf *out, struct kerr *reterr);

/* `path`: "-" is standard input. Empty lines are passed over. Errors name the file and the line. */
_must_check_ int batch_run(const char *path, batch_fn *fn, struct kerr *reterr);

#endif
