/* Calls: messages in and out of a stream's bytes, and how a call ends. */
#include <assert.h>
#include <stdio.h>

#include "grpc_internal.h"

struct grpc_call *
grpc_call_open(struct grpc *g, int32_t stream)
{
  struct grpc_call *c = mem_alloc(sizeof *c);

  c->g = g;
  c->stream = stream;
  strbuf_init(&c->metadata, GRPC_METADATA_MAX);
  strbuf_init(&c->in, GRPC_PREFIX + g->config.message_max);
  strbuf_init(&c->out, g->config.queue_max);
  c->next = g->calls;
  if (c->next)
    c->next->prev = c;
  g->calls = c;
  g->n_calls++;
  return c;
}

void
grpc_call_free(struct grpc_call *c)
{
  *(c->prev ? &c->prev->next : &c->g->calls) = c->next;
  if (c->next)
    c->next->prev = c->prev;
  if (!c->ended)
    c->g->n_calls--;
  strbuf_release(&c->metadata);
  strbuf_release(&c->in);
  strbuf_release(&c->out);
  free(c->path);
  free(c->message);
  free(c);
}

void
grpc_call_end(struct grpc_call *c, enum grpc_code code, const char *message, bool from_peer)
{
  struct grpc_status status = { .code = code, .message = message ? message : "", .from_peer = from_peer };

  if (c->ended)
    return;
  c->ended = true;
  c->g->n_calls--;
  if (c->ops)
    c->ops->end(c->payload, c, &status);
}

void
grpc_call_abort(struct grpc_call *c, uint32_t h2_error)
{
  int r = nghttp2_submit_rst_stream(c->g->h2, NGHTTP2_FLAG_NONE, c->stream, h2_error);

  assert(r == 0 || r == NGHTTP2_ERR_INVALID_ARGUMENT); /* a stream that is gone already */
}

void
grpc_call_cancel(struct grpc_call *c)
{
  if (c->ended)
    return;
  c->ended = true;
  c->g->n_calls--;
  grpc_call_abort(c, NGHTTP2_CANCEL);
}

/* Something of the peer's cannot be taken: both sides hear of it. */
static void
refuse(struct grpc_call *c, enum grpc_code code, const char *message)
{
  if (c->g->server) {
    grpc_call_finish(c, code, message);
    return;
  }
  grpc_call_abort(c, NGHTTP2_CANCEL);
  grpc_call_end(c, code, message, false);
}

/* -- headers -- */

void
grpc_call_header(struct grpc_call *c, struct span name, struct span value)
{
  if (name.n + value.n + 2 > GRPC_METADATA_MAX - c->metadata.n) {
    refuse(c, GRPC_RESOURCE_EXHAUSTED, "too many headers");
    return;
  }
  strbuf_span(&c->metadata, name);
  strbuf_putc(&c->metadata, '\0');
  strbuf_span(&c->metadata, value);
  strbuf_putc(&c->metadata, '\0');
}

const char *
grpc_call_metadata(const struct grpc_call *c, const char *name)
{
  const char *p = c->metadata.p, *end = p + c->metadata.n, *found = NULL;

  while (p < end) {
    const char *value = p + strlen(p) + 1;

    if (strcmp(p, name) == 0)
      found = value; /* a trailer wins over a header */
    p = value + strlen(value) + 1;
  }
  return found;
}

static bool
is_grpc(const struct grpc_call *c)
{
  const char *type = grpc_call_metadata(c, "content-type");

  return type && strncmp(type, "application/grpc", 16) == 0 && (!type[16] || type[16] == '+' || type[16] == ';');
}

const char *
grpc_call_path(const struct grpc_call *c)
{
  return c->path;
}

int64_t
grpc_call_timeout(const struct grpc_call *c)
{
  return c->timeout;
}

void
grpc_call_set_deadline(struct grpc_call *c, int64_t deadline)
{
  c->deadline = deadline;
}

/* -- a server's beginning -- */

/* An answer without gRPC, for those who do not speak it. */
static void
answer_http(struct grpc_call *c, const char *status)
{
  nghttp2_nv nv = { (uint8_t *)(uintptr_t) ":status", (uint8_t *)(uintptr_t)status, 7, 3, NGHTTP2_NV_FLAG_NONE };
  int r = nghttp2_submit_response(c->g->h2, c->stream, &nv, 1, NULL);

  assert(r == 0);
  c->answering = c->closing = true;
  grpc_call_end(c, GRPC_UNIMPLEMENTED, NULL, false);
}

void
grpc_call_admit(struct grpc_call *c)
{
  const char *method = grpc_call_metadata(c, ":method"), *path = grpc_call_metadata(c, ":path"),
             *timeout = grpc_call_metadata(c, "grpc-timeout");
  _cleanup_free_ char *unknown = NULL;

  if (c->ended || c->closing)
    return;
  if (!method || strcmp(method, "POST") != 0) {
    answer_http(c, "405");
    return;
  }
  if (!is_grpc(c)) {
    answer_http(c, "415");
    return;
  }
  c->path = mem_strdup(path ? path : "");
  c->timeout = timeout ? grpc_timeout_read(timeout) : 0;
  if (c->g->config.accept)
    c->g->config.accept(c->g->config.payload, c);
  if (c->ops || c->closing || c->ended)
    return;
  unknown = mem_printf("unknown method %s", c->path);
  grpc_call_finish(c, GRPC_UNIMPLEMENTED, unknown);
}

void
grpc_call_accept(struct grpc_call *c, const struct grpc_call_ops *ops, void *payload)
{
  assert(c->g->server && !c->ops && ops->message && ops->end);
  c->ops = ops;
  c->payload = payload;
}

/* -- messages in -- */

static size_t
message_size(const struct grpc_call *c)
{
  const uint8_t *p = (const uint8_t *)c->in.p;

  return (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
}

/* How many more bytes the message in `in` wants; false: it cannot be taken. */
static bool
wanted(struct grpc_call *c, size_t *ret)
{
  size_t size;

  if (c->in.n < GRPC_PREFIX) {
    *ret = GRPC_PREFIX - c->in.n;
    return true;
  }
  if (c->in.p[0] != 0) {
    refuse(c, GRPC_UNIMPLEMENTED, "grpc: a compressed message, although nobody said that it would be understood");
    return false;
  }
  size = message_size(c);
  if (size > c->g->config.message_max) {
    _cleanup_free_ char *why =
        mem_printf("grpc: received message larger than max (%zu vs. %zu)", size, c->g->config.message_max);

    refuse(c, GRPC_RESOURCE_EXHAUSTED, why);
    return false;
  }
  *ret = GRPC_PREFIX + size - c->in.n;
  return true;
}

void
grpc_call_data(struct grpc_call *c, struct span bytes)
{
  size_t want;

  while (!c->ended && c->ops && !(c->g->server && c->closing) && wanted(c, &want)) {
    if (want == 0) {
      c->ops->message(c->payload, c, span_make(c->in.p + GRPC_PREFIX, c->in.n - GRPC_PREFIX));
      strbuf_clear(&c->in);
    } else if (bytes.n == 0) {
      return;
    } else {
      size_t n = want < bytes.n ? want : bytes.n;

      strbuf_add(&c->in, bytes.p, n);
      bytes = span_make(bytes.p + n, bytes.n - n);
    }
  }
}

/* -- the end -- */

static void
end_client(struct grpc_call *c)
{
  const char *status = grpc_call_metadata(c, "grpc-status"), *text = grpc_call_metadata(c, "grpc-message");
  _cleanup_strbuf_ struct strbuf message = STRBUF_INIT(GRPC_METADATA_MAX);

  if (status) {
    grpc_message_decode(&message, text ? text : "");
    if (grpc_code_read(status) == GRPC_OK && c->in.n > 0)
      grpc_call_end(c, GRPC_INTERNAL, "unexpected end of the last message", false);
    else
      grpc_call_end(c, grpc_code_read(status), message.p, true);
  } else if (c->http_status != 200) {
    strbuf_printf(&message, "unexpected HTTP status code received from server: %d", c->http_status);
    grpc_call_end(c, grpc_code_of_http(c->http_status), message.p, false);
  } else if (!is_grpc(c)) {
    grpc_call_end(c, GRPC_UNKNOWN, "unexpected content-type in the answer", false);
  } else {
    grpc_call_end(c, GRPC_INTERNAL, "server closed the stream without sending trailers", false);
  }
}

void
grpc_call_peer_closed(struct grpc_call *c)
{
  c->peer_closed = true;
  if (c->ended || (c->g->server && c->closing))
    return;
  if (!c->g->server) {
    if (!c->closing)
      grpc_call_abort(c, NGHTTP2_CANCEL); /* nobody listens to what we would still say */
    end_client(c);
  } else if (c->in.n > 0) {
    refuse(c, GRPC_INTERNAL, "unexpected end of the last message");
  } else if (c->ops && c->ops->half_closed) {
    c->ops->half_closed(c->payload, c);
  }
}

/* -- messages out -- */

static nghttp2_nv
header(const char *name, const char *value)
{
  return (nghttp2_nv){ (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name), strlen(value),
                       NGHTTP2_NV_FLAG_NONE };
}

static ssize_t
on_read(nghttp2_session *h2, int32_t stream, uint8_t *buf, size_t n, uint32_t *flags, nghttp2_data_source *source,
        void *user)
{
  (void)h2;
  (void)stream;
  (void)user;
  return grpc_call_read(source->ptr, buf, n, flags);
}

static void
submit_trailers(struct grpc_call *c)
{
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(GRPC_METADATA_MAX);
  char code[4];
  nghttp2_nv nv[4];
  size_t n = 0;
  int r;

  (void)snprintf(code, sizeof code, "%d", (int)c->code);
  grpc_message_encode(&text, c->message ? c->message : "");
  if (!c->answering) {
    nv[n++] = header(":status", "200");
    nv[n++] = header("content-type", "application/grpc");
  }
  nv[n++] = header("grpc-status", code);
  if (text.n)
    nv[n++] = header("grpc-message", text.p);
  r = c->answering ? nghttp2_submit_trailer(c->g->h2, c->stream, nv, n)
                   : nghttp2_submit_headers(c->g->h2, NGHTTP2_FLAG_END_STREAM, c->stream, NULL, nv, n, NULL);
  assert(r == 0);
  c->answering = true;
}

/* nghttp2 asks for bytes to send. */
ssize_t
grpc_call_read(struct grpc_call *c, uint8_t *buf, size_t n, uint32_t *flags)
{
  size_t left = c->out.n - c->out_sent;

  if (n > left)
    n = left;
  if (n > 0)
    memcpy(buf, c->out.p + c->out_sent, n);
  c->out_sent += n;
  if (c->out_sent == c->out.n) {
    c->tell_drained = n > 0;
    strbuf_clear(&c->out);
    c->out_sent = 0;
  } else if (c->out_sent >= GRPC_COMPACT) {
    memmove(c->out.p, c->out.p + c->out_sent, c->out.n - c->out_sent);
    c->out.n -= c->out_sent;
    c->out_sent = 0;
  }
  if (c->out.n > 0 || (!c->closing && n > 0))
    return (ssize_t)n;
  if (!c->closing)
    return NGHTTP2_ERR_DEFERRED;
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (c->g->server) {
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    submit_trailers(c);
  }
  return (ssize_t)n;
}

/* There is something for grpc_call_read. */
static void
resume(struct grpc_call *c)
{
  int r = nghttp2_session_resume_data(c->g->h2, c->stream);

  assert(r == 0 || r == NGHTTP2_ERR_INVALID_ARGUMENT); /* was not waiting */
}

int
grpc_call_send(struct grpc_call *c, struct span message, struct kerr *reterr)
{
  uint8_t prefix[GRPC_PREFIX] = { 0, (uint8_t)(message.n >> 24), (uint8_t)(message.n >> 16), (uint8_t)(message.n >> 8),
                                  (uint8_t)message.n };

  if (c->ended || c->closing)
    return kerr_set(reterr, KERR_UNAVAILABLE, NULL, "the call has ended");
  if (message.n > UINT32_MAX || c->out.n + GRPC_PREFIX + message.n > c->g->config.queue_max)
    return kerr_set(reterr, KERR_TOO_LARGE, NULL, "grpc: trying to send more than is allowed to wait (%zu vs. %zu)",
                    c->out.n + GRPC_PREFIX + message.n, c->g->config.queue_max);
  strbuf_add(&c->out, prefix, sizeof prefix);
  strbuf_span(&c->out, message);
  if (c->g->server && !c->answering) {
    nghttp2_nv nv[] = { header(":status", "200"), header("content-type", "application/grpc") };
    nghttp2_data_provider data = { .source.ptr = c, .read_callback = on_read };
    int r = nghttp2_submit_response(c->g->h2, c->stream, nv, ARRAY_SIZE(nv), &data);

    assert(r == 0);
    c->answering = true;
  } else {
    resume(c);
  }
  return 0;
}

size_t
grpc_call_queued(const struct grpc_call *c)
{
  return c->out.n - c->out_sent;
}

void
grpc_call_close_send(struct grpc_call *c)
{
  assert(!c->g->server);
  if (c->ended || c->closing)
    return;
  c->closing = true;
  resume(c);
}

void
grpc_call_finish(struct grpc_call *c, enum grpc_code code, const char *message)
{
  assert(c->g->server);
  if (c->ended || c->closing)
    return;
  c->closing = true;
  c->code = code;
  c->message = mem_strdup(message);
  if (c->answering)
    resume(c);
  else
    submit_trailers(c);
}

/* -- a client's beginning -- */

int
grpc_call_new(struct grpc *g, const struct grpc_request *q, const struct grpc_call_ops *ops, void *payload,
              struct grpc_call **ret, struct kerr *reterr)
{
  char timeout[GRPC_TIMEOUT_TEXT];
  nghttp2_nv nv[8 + GRPC_METADATA_COUNT];
  nghttp2_data_provider data = { .read_callback = on_read };
  struct grpc_call *c;
  size_t n = 0;

  assert(!g->server && q->n_metadata <= GRPC_METADATA_COUNT && ops->message && ops->end);
  if (grpc_is_draining(g))
    return kerr_set(reterr, KERR_UNAVAILABLE, NULL, "the connection is being closed");
  nv[n++] = header(":method", "POST");
  nv[n++] = header(":scheme", "http");
  nv[n++] = header(":path", q->path);
  nv[n++] = header(":authority", q->authority ? q->authority : "localhost");
  if (q->deadline) {
    grpc_timeout_write(q->deadline - q->now, timeout);
    nv[n++] = header("grpc-timeout", timeout);
  }
  nv[n++] = header("content-type", "application/grpc");
  nv[n++] = header("te", "trailers");
  for (size_t i = 0; i < q->n_metadata; i++)
    nv[n++] = header(q->metadata[i].name, q->metadata[i].value);
  c = grpc_call_open(g, 0);
  c->ops = ops;
  c->payload = payload;
  c->path = mem_strdup(q->path);
  c->deadline = q->deadline;
  data.source.ptr = c;
  c->stream = nghttp2_submit_request(g->h2, NULL, nv, n, &data, c);
  if (c->stream < 0) {
    kerr_set(reterr, KERR_UNAVAILABLE, NULL, "%s", nghttp2_strerror(c->stream));
    grpc_call_free(c);
    return -KERR_UNAVAILABLE;
  }
  *ret = c;
  return 0;
}
