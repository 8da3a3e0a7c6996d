/*
 * cel_batch_host - recorded questions about CRD rules and admission policies.
 */
#ifndef CEL_CEL_BATCH_HOST_H
#define CEL_CEL_BATCH_HOST_H

#include "arena.h"
#include "json.h"
#include "kerr.h"

bool cel_batch_is_host(const struct json *record);
_must_check_ int cel_batch_host_line(struct arena *a, const struct json *record, struct strbuf *out,
                                     struct kerr *reterr);

#endif
