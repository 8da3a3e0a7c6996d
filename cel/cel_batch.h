/*
 * cel_batch - recorded questions, one JSON object a line.
 *
 * A record names an environment, an expression and its input; the answer has
 * the form in which upstream's were recorded: {"id":…,"got":{…},"type":…,
 * "cost":…,"estMax":…,"estMin":…}. `dralab cel eval --batch` and the tests
 * go through here. Environments: stored, new, value, derived, derived-new
 * (DRA), crd (rules of custom resources), vap (admission policies).
 */
#ifndef CEL_CEL_BATCH_H
#define CEL_CEL_BATCH_H

#include "arena.h"
#include "kerr.h"
#include "span.h"
#include "strbuf.h"

/* An object of a built-in kind as Go's encoder writes it: with the structs that are always there. NULL gives NULL. */
typedef const struct json *cel_complete_fn(struct arena *a, const struct json *object);

/*
 * Appends the answer and a newline. `complete`: NULL when nobody knows the built-in kinds here; objects are then taken
 * as they are. 0, or KERR_PARSE for a line that is no record (out is untouched then).
 */
_must_check_ int cel_batch_line(struct arena *a, struct span line, cel_complete_fn *complete, struct strbuf *out,
                                struct kerr *reterr);

#endif
