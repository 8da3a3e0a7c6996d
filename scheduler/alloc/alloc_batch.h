/*
 * alloc_batch - recorded questions to the allocator, one JSON object per line.
 *
 * The format is that of the allocator vectors (tests/data/scheduler/README.md):
 * cases with features, slices, classes, claims and a node or several; helper
 * questions ("what": toleration, taintRules, configForResult); and with
 * "what": "pools" a case of which only the pools are wanted.
 */
#ifndef SCHEDULER_ALLOC_BATCH_H
#define SCHEDULER_ALLOC_BATCH_H

#include "arena.h"
#include "json.h"
#include "kerr.h"
#include "strbuf.h"

/*
 * Answer one line, appended to `out` with a line feed: {"id": ..., "result": [...]}, {"id": ..., "unschedulable":
 * true},
 * {"id": ..., "error": "text"} with "nodeOnly", {"id": ..., "nodes": [...]}, {"id": ..., "result": ...} for helpers.
 * KERR_PARSE for a line that is no JSON object; what is wrong inside a case is part of the answer.
 */
_must_check_ int alloc_batch_line(struct arena *a, struct span line, struct strbuf *out, struct kerr *reterr);
struct alloc_world;
/* The world of a case: features, slices, classes, nodes. */
struct alloc_world *alloc_batch_world(const struct json *question);
struct alloc_options;
/* The answer to a parsed case; `options` may be NULL. */
struct json *alloc_batch_case(struct arena *a, const struct json *question, const struct alloc_options *options);
/* What pools the case's node sees: {"pools": [...]} or {"error": true}. */
struct json *alloc_batch_pools(struct arena *a, const struct json *question);

#endif
