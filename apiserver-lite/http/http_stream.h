/*
 * http_stream - answers without an end: one thread writes them all.
 *
 * Whoever notifies only puts the stream on a list and, if the thread sleeps, wakes it. The thread takes all frames that
 * are there by then and sends them as one piece, so an event for a thousand watchers costs a thousand writes and no
 * hand-over between threads; and watchers that fall behind get more with each write. A socket without room is waited
 * for. A client that hangs up is noticed although nobody reads from it or writes to it.
 *
 * When a stream ends, the connection goes back to the workers.
 */
#ifndef APISERVER_HTTP_STREAM_H
#define APISERVER_HTTP_STREAM_H

#include <stddef.h>

struct http_conn;
struct http_streams;

struct http_streams *http_streams_new(void);
/* Ends all streams, now and in future; they are gone when http_streams_count() is 0. */
void http_streams_stop(struct http_streams *set);
void http_streams_free(struct http_streams *set); /* cuts those that are left; NULL is fine */
size_t http_streams_count(struct http_streams *set);

/* `c`, the head of whose answer is sent, carries answer.stream from now on and is no longer the caller's. */
void http_streams_add(struct http_streams *set, struct http_conn *c);

#endif
