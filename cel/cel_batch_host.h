/*
 * cel_batch_host - recorded questions about hosts of expressions: rules of
 * custom resources (env crd) and admission policies (env vap).
 */
#ifndef CEL_CEL_BATCH_HOST_H
#define CEL_CEL_BATCH_HOST_H

#include "arena.h"
#include "json.h"
#include "strbuf.h"

/* Append `,"got":{...}` and what stands beside it. */
void cel_batch_crd(struct arena *a, const struct json *record, struct strbuf *out);

#endif
