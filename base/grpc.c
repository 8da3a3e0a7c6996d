/* A connection: nghttp2's session, whose callbacks find the call they are about. */
#include "grpc.h"

#include <assert.h>

#include "grpc_internal.h"

/* What a peer may send before it has heard that it was read: of one call, and of all. */
#define STREAM_WINDOW     ((int32_t)1 << 20)
#define CONNECTION_WINDOW ((int32_t)16 << 20)
#define CALLS_DEFAULT     100
/*
 * A client that breaks off calls faster than they are answered ("rapid reset", CVE-2023-44487) is shown the door: so
 * many more calls broken off than finished.
 */
#define RESETS_MAX 200

/* -- nghttp2's callbacks -- */

static struct grpc_call *
call_of(nghttp2_session *h2, int32_t stream)
{
  return nghttp2_session_get_stream_user_data(h2, stream);
}

static int
on_begin_headers(nghttp2_session *h2, const nghttp2_frame *frame, void *user)
{
  struct grpc *g = user;
  struct grpc_call *c;
  int r;

  if (!g->server || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
    return 0;
  if (g->n_calls >= g->config.calls_max) /* without a call, nothing of the stream is looked at */
    return nghttp2_submit_rst_stream(h2, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
  c = grpc_call_open(g, frame->hd.stream_id);
  r = nghttp2_session_set_stream_user_data(h2, frame->hd.stream_id, c);
  assert(r == 0);
  return 0;
}

static int
on_header(nghttp2_session *h2, const nghttp2_frame *frame, const uint8_t *name, size_t name_n, const uint8_t *value,
          size_t value_n, uint8_t flags, void *user)
{
  struct grpc_call *c = call_of(h2, frame->hd.stream_id);
  struct span n = { (const char *)name, name_n }, v = { (const char *)value, value_n };

  (void)flags;
  (void)user;
  if (!c || memchr(value, '\0', value_n))
    return 0;
  if (span_is(n, ":status") && frame->headers.cat != NGHTTP2_HCAT_HEADERS)
    c->http_status = value_n == 3 ? (v.p[0] - '0') * 100 + (v.p[1] - '0') * 10 + (v.p[2] - '0') : 0;
  grpc_call_header(c, n, v);
  return 0;
}

static void
on_headers(struct grpc *g, struct grpc_call *c, const nghttp2_frame *frame)
{
  if (g->server && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
    grpc_call_admit(c);
  else if (!g->server && frame->headers.cat == NGHTTP2_HCAT_RESPONSE && !c->ended && c->ops->headers)
    c->ops->headers(c->payload, c);
}

static int
on_frame_recv(nghttp2_session *h2, const nghttp2_frame *frame, void *user)
{
  struct grpc *g = user;
  struct grpc_call *c = frame->hd.stream_id ? call_of(h2, frame->hd.stream_id) : NULL;

  if (frame->hd.type == NGHTTP2_GOAWAY)
    g->draining = true;
  else if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK))
    g->pongs++;
  else if (frame->hd.type == NGHTTP2_RST_STREAM && g->server && ++g->resets > RESETS_MAX)
    return nghttp2_session_terminate_session(h2, NGHTTP2_ENHANCE_YOUR_CALM);
  if (!c || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
    return 0;
  if (frame->hd.type == NGHTTP2_HEADERS)
    on_headers(g, c, frame);
  if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
    grpc_call_peer_closed(c);
  return 0;
}

static int
on_data(nghttp2_session *h2, uint8_t flags, int32_t stream, const uint8_t *data, size_t n, void *user)
{
  struct grpc_call *c = call_of(h2, stream);

  (void)flags;
  (void)user;
  if (c)
    grpc_call_data(c, span_make((const char *)data, n));
  return 0;
}

/* A server's trailers are out: a client that would still send is told that nobody listens. */
static int
on_frame_send(nghttp2_session *h2, const nghttp2_frame *frame, void *user)
{
  struct grpc *g = user;
  struct grpc_call *c = g->server && frame->hd.stream_id ? call_of(h2, frame->hd.stream_id) : NULL;

  if (!c || frame->hd.type != NGHTTP2_HEADERS || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
    return 0;
  grpc_call_end(c, c->code, c->message, false);
  if (!c->peer_closed)
    grpc_call_abort(c, NGHTTP2_NO_ERROR);
  return 0;
}

static int
on_stream_close(nghttp2_session *h2, int32_t stream, uint32_t error, void *user)
{
  struct grpc_call *c = call_of(h2, stream);

  (void)user;
  if (!c)
    return 0;
  if (error == NGHTTP2_NO_ERROR && c->g->resets > 0)
    c->g->resets--;
  if (c->g->server && error == NGHTTP2_NO_ERROR)
    error = NGHTTP2_CANCEL; /* closed before its trailers */
  grpc_call_end(c, grpc_code_of_h2(error), nghttp2_http2_strerror(error), true);
  nghttp2_session_set_stream_user_data(h2, stream, NULL);
  grpc_call_free(c);
  return 0;
}

/* -- connections -- */

static nghttp2_session *
session_new(struct grpc *g)
{
  nghttp2_session_callbacks *callbacks;
  nghttp2_session *h2 = NULL;
  int r = nghttp2_session_callbacks_new(&callbacks);

  assert(r == 0);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
  r = g->server ? nghttp2_session_server_new(&h2, callbacks, g) : nghttp2_session_client_new(&h2, callbacks, g);
  assert(r == 0);
  nghttp2_session_callbacks_del(callbacks);
  return h2;
}

static struct grpc *
connection_new(const struct grpc_config *config, bool server)
{
  struct grpc *g = mem_alloc(sizeof *g);
  nghttp2_settings_entry settings[] = { { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW },
                                        { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 } };
  int r;

  g->config = *config;
  g->server = server;
  if (!g->config.message_max)
    g->config.message_max = GRPC_MESSAGE_DEFAULT;
  if (!g->config.queue_max)
    g->config.queue_max = 4 * GRPC_MESSAGE_DEFAULT;
  if (!g->config.calls_max)
    g->config.calls_max = CALLS_DEFAULT;
  g->h2 = session_new(g);
  if (server)
    settings[1] = (nghttp2_settings_entry){ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, (uint32_t)g->config.calls_max };
  r = nghttp2_submit_settings(g->h2, NGHTTP2_FLAG_NONE, settings, ARRAY_SIZE(settings));
  assert(r == 0);
  r = nghttp2_session_set_local_window_size(g->h2, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW);
  assert(r == 0);
  return g;
}

struct grpc *
grpc_new_client(const struct grpc_config *config)
{
  return connection_new(config, false);
}

struct grpc *
grpc_new_server(const struct grpc_config *config)
{
  return connection_new(config, true);
}

void
grpc_free(struct grpc *g, const char *why)
{
  if (!g)
    return;
  g->draining = true; /* what `end` does cannot begin anything new */
  for (struct grpc_call *c = g->calls; c; c = c->next)
    grpc_call_end(c, GRPC_UNAVAILABLE, why ? why : "the connection is closed", false);
  while (g->calls)
    grpc_call_free(g->calls);
  nghttp2_session_del(g->h2);
  free(g);
}

int
grpc_receive(struct grpc *g, struct span bytes, struct kerr *reterr)
{
  ssize_t n = nghttp2_session_mem_recv(g->h2, (const uint8_t *)bytes.p, bytes.n);

  if (n < 0)
    return kerr_set(reterr, KERR_IO, NULL, "HTTP/2: %s", nghttp2_strerror((int)n));
  assert((size_t)n == bytes.n);
  return 0;
}

static void
tell_drained(struct grpc *g)
{
  for (struct grpc_call *c = g->calls; c; c = c->next) {
    if (!c->tell_drained)
      continue;
    c->tell_drained = false;
    if (!c->ended && c->ops && c->ops->drained)
      c->ops->drained(c->payload, c);
  }
}

int
grpc_output(struct grpc *g, struct span *ret, struct kerr *reterr)
{
  const uint8_t *p;
  ssize_t n;

  if (g->output.n == 0) {
    n = nghttp2_session_mem_send(g->h2, &p);
    if (n < 0)
      return kerr_set(reterr, KERR_IO, NULL, "HTTP/2: %s", nghttp2_strerror((int)n));
    g->output = span_make(n > 0 ? (const char *)p : "", (size_t)n);
    tell_drained(g);
  }
  *ret = g->output;
  return 0;
}

void
grpc_sent(struct grpc *g, size_t n)
{
  assert(n <= g->output.n);
  g->output = span_make(g->output.p + n, g->output.n - n);
}

int64_t
grpc_deadline(const struct grpc *g)
{
  int64_t first = INT64_MAX;

  for (const struct grpc_call *c = g->calls; c; c = c->next)
    if (!c->ended && c->deadline && c->deadline < first)
      first = c->deadline;
  return first;
}

void
grpc_tick(struct grpc *g, int64_t now)
{
  for (struct grpc_call *c = g->calls; c; c = c->next) {
    if (c->ended || !c->deadline || c->deadline > now)
      continue;
    grpc_call_abort(c, NGHTTP2_CANCEL);
    grpc_call_end(c, GRPC_DEADLINE_EXCEEDED, "context deadline exceeded", false);
  }
}

bool
grpc_is_draining(const struct grpc *g)
{
  return g->draining || (!g->server && !nghttp2_session_check_request_allowed(g->h2));
}

bool
grpc_is_done(const struct grpc *g)
{
  return g->output.n == 0 && !nghttp2_session_want_read(g->h2) && !nghttp2_session_want_write(g->h2);
}

size_t
grpc_calls(const struct grpc *g)
{
  return g->n_calls;
}

void
grpc_shutdown(struct grpc *g)
{
  int r = nghttp2_submit_goaway(g->h2, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(g->h2),
                                NGHTTP2_NO_ERROR, NULL, 0);

  assert(r == 0);
  g->draining = true;
}

void
grpc_ping(struct grpc *g)
{
  int r = nghttp2_submit_ping(g->h2, NGHTTP2_FLAG_NONE, NULL);

  assert(r == 0);
}

uint64_t
grpc_pongs(const struct grpc *g)
{
  return g->pongs;
}
