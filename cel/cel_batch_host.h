/*
 * cel_batch_host - recorded questions about hosts of expressions: rules of
 * custom resources (env crd) and admission policies (env vap).
 */
#ifndef CEL_CEL_BATCH_HOST_H
#define CEL_CEL_BATCH_HOST_H

#include "arena.h"
#include "cel_batch.h"
#include "cel_report.h"
#include "json.h"
#include "strbuf.h"

/* Append `,"got":{...}` and what stands beside it. */
void cel_batch_crd(struct arena *a, const struct json *record, cel_complete_fn *complete, struct strbuf *out);
void cel_batch_vap(struct arena *a, const struct json *record, cel_complete_fn *complete, struct strbuf *out);
/* By field; those of one field stay in order. */
void cel_batch_sort(struct cel_report *r);

#endif
