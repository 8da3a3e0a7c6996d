/*
 * http_stream - answers without an end, on sockets whose other side may be gone.
 *
 * The HTTP library sends the head of the answer. Then the connection is suspended,
 * which takes it out of the library's hands, and a thread here writes the body:
 * the frames of a stream as they come, as many together as there are. An event
 * for a thousand watchers costs each of them one send and nothing of the
 * library's. At the end the connection is resumed, and the library writes the
 * last chunk and goes on with it, or closes it.
 *
 * The same thread sees when a client has gone, or does not read for
 * HTTP_IDLE_SECONDS: the stream then ends with an error and everything is freed.
 *
 * Uses the HTTP library, as http_server.c and http_upgrade.c do and nothing else.
 */
#ifndef APISERVER_HTTP_STREAM_H
#define APISERVER_HTTP_STREAM_H

#include <microhttpd.h>

#include "clock.h"
#include "exchange.h"

struct http_streams;

/* `changed` is called, from any thread, whenever a stream has gone. */
struct http_streams *http_streams_new(struct clock *clock, void (*changed)(void *arg), void *arg);
/* Ends all streams, now and in future. When it returns the library has all connections back; the streams are gone when
 * http_streams_count() is 0. */
void http_streams_stop(struct http_streams *set);
void http_streams_free(struct http_streams *set); /* none is left */
size_t http_streams_count(struct http_streams *set);

/* A response that carries `stream`, which it owns from now on. `chunked`: the client speaks HTTP/1.1. */
struct MHD_Response *http_stream_response(struct http_streams *set, struct MHD_Connection *conn, bool chunked,
                                          struct exchange_stream *stream);

#endif
