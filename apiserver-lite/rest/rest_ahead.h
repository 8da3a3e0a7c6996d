/*
 * rest_ahead - a stream whose next event may take long, read ahead by a thread of its own.
 *
 * Streams are pulled by the thread that serves connections, which may not wait
 * for anybody. Where the events of a watch have to be converted by a webhook, a
 * thread pulls them instead, and the stream that the consumer has only takes
 * from what is ready.
 *
 * Ownership: the inner stream is the thread's. The consumer may let go of its
 * stream at any time without waiting; the thread then ends by itself, which
 * ahead_group_free waits for.
 * Threads: as exchange_stream demands.
 */
#ifndef APISERVER_REST_AHEAD_H
#define APISERVER_REST_AHEAD_H

#include "exchange.h"

struct ahead_group; /* the threads of one server */

struct ahead_group *ahead_group_new(void);
/* Returns when the last thread is gone; all streams have been freed. NULL is fine. */
void ahead_group_free(struct ahead_group *g);

/* Takes over `inner`. */
struct exchange_stream *ahead_stream_new(struct ahead_group *g, struct exchange_stream *inner);

#endif
