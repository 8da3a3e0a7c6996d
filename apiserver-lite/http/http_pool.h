/*
 * http_pool - a few threads for requests that may wait.
 *
 * Threads are started when there is work and nobody free to do it, up to a
 * limit, and stay. A job is embedded in what it belongs to and is not touched
 * by the pool once its function has been called.
 */
#ifndef APISERVER_HTTP_POOL_H
#define APISERVER_HTTP_POOL_H

#include <stdbool.h>
#include <stddef.h>

struct http_pool;

struct http_job {
  struct http_job *next; /* the pool's */
  void (*run)(struct http_job *job);
};

struct http_pool *http_pool_new(size_t max_threads);
/* False when the pool has been stopped: the job is the caller's to run. */
bool http_pool_submit(struct http_pool *p, struct http_job *job);
void http_pool_stop(struct http_pool *p); /* returns when all jobs submitted have run */
void http_pool_free(struct http_pool *p); /* after it was stopped; nobody submits any more */

#endif
