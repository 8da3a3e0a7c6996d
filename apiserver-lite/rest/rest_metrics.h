/*
 * rest_metrics - counts of what was asked, for /metrics (Prometheus text).
 *
 * Threads: counting and writing are safe from any thread.
 */
#ifndef APISERVER_REST_METRICS_H
#define APISERVER_REST_METRICS_H

#include "rest.h"

struct metrics;
struct metrics *rest_metrics_new(void);
void rest_metrics_free(struct metrics *m);
void rest_metrics_count(struct metrics *m, const struct rest_call *c, int64_t took_ns);
/* apiserver_request_total, apiserver_request_duration_seconds, watches, store. */
void rest_metrics_write(const struct apiserver *s, struct strbuf *b);

#endif
