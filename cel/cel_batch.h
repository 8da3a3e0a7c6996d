/*
 * cel_batch - recorded questions, one JSON object a line.
 *
 * A record names an environment, an expression and its input; the answer has
 * the form in which upstream's were recorded: {"id":…,"got":{…},"type":…,
 * "cost":…,"estMax":…,"estMin":…}. `dralab cel eval --batch` and the tests
 * go through here. Environments: stored, new, value, derived, derived-new
 * (DRA).
 */
#ifndef CEL_CEL_BATCH_H
#define CEL_CEL_BATCH_H

#include "arena.h"
#include "kerr.h"
#include "span.h"
#include "strbuf.h"

/* Appends the answer and a newline. 0, or KERR_PARSE for a line that is no record (out is untouched then). */
_must_check_ int cel_batch_line(struct arena *a, struct span line, struct strbuf *out, struct kerr *reterr);

#endif
