/*
 * http_stream - answers without an end, on sockets whose other side may be gone.
 *
 * A stream is read when its socket has room. When there is nothing to read the
 * connection is suspended. The exchange's notify leaves the stream's id with a
 * thread here, which resumes all that have come together.
 *
 * The HTTP library does not look at a suspended connection, so it would never
 * see that the client has left: the same thread watches those sockets for a
 * hang-up and resumes the stream, which then ends with an error and frees
 * everything.
 *
 * Uses the HTTP library, as http_server.c and http_upgrade.c do and nothing else.
 */
#ifndef APISERVER_HTTP_STREAM_H
#define APISERVER_HTTP_STREAM_H

#include <microhttpd.h>

#include "exchange.h"

struct http_streams;

/* `changed` is called, from any thread, whenever a stream has gone. */
struct http_streams *http_streams_new(void (*changed)(void *arg), void *arg);
/* Ends all streams, now and in future; they are gone when http_streams_count() is 0. */
void http_streams_stop(struct http_streams *set);
void http_streams_free(struct http_streams *set); /* none is left */
size_t http_streams_count(struct http_streams *set);

/* A response that carries `stream`, which it owns from now on. */
struct MHD_Response *http_stream_response(struct http_streams *set, struct MHD_Connection *conn,
                                          struct exchange_stream *stream);

#endif
