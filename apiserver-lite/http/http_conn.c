/*
 * A connection's way through its requests: one step after the other, until one has to wait for the socket.
 */
#include <assert.h>
#include <sys/epoll.h>

#include "ceilings.h"
#include "http_internal.h"
#include "http_text.h"

/* Bytes of a body that is too large which are read, and thrown away, before the connection is cut. */
#define BODY_PATIENCE (16 * CEIL_REQUEST_BODY)
/* Bytes handed to the socket at once. */
#define SEND_ROOM 65536
/* Memory for what has come that a silent connection keeps. */
#define IN_KEPT 4096

/* After a step: the next one; wait for the socket; the end; or the connection is somebody else's by now. */
enum step { STEP_ON, STEP_READ, STEP_WRITE, STEP_END, STEP_GIVEN };

void
http_conn_end_request(struct http_conn *c)
{
  if (!c->arena)
    return;
  exchange_answer_release(&c->answer);
  c->answer = (struct exchange_answer){ 0 };
  arena_free(steal_pointer(&c->arena));
  strbuf_release(&c->body);
  strbuf_release(&c->packed);
  c->discarded = 0;
  c->admitted = false;
  http_server_count(c->server, -1);
}

/* -- reading -- */

static struct span
unread(const struct http_conn *c)
{
  return span_make(c->in.p + c->in_at, c->in.n - c->in_at);
}

static enum step
read_more(struct http_conn *c)
{
  int r;

  if (c->in_at > 0) {
    memmove(c->in.p, c->in.p + c->in_at, c->in.n - c->in_at);
    c->in.n -= c->in_at;
    c->in_at = 0;
  }
  r = http_wire_read(&c->wire, &c->in);
  if (r == 0 && c->in.n == 0 && c->in.cap > IN_KEPT)
    strbuf_release(&c->in);
  return r > 0 ? STEP_ON : r == 0 ? STEP_READ : STEP_END;
}

static enum step
refuse(struct http_conn *c, int status)
{
  c->state = HTTP_SEND;
  return http_answer_refuse(c, status) ? STEP_ON : STEP_END;
}

static enum step
step_head(struct http_conn *c)
{
  struct span in = unread(c);
  size_t n;
  int status;

  while (span_starts(in, SPAN("\r\n"))) { /* some clients end a body with an empty line */
    c->in_at += 2;
    in = unread(c);
  }
  n = http_head_size(in);
  if (n > HTTP_CONNECTION_MEMORY || (n == 0 && in.n > HTTP_CONNECTION_MEMORY))
    return refuse(c, 431);
  if (n == 0)
    return http_head_hopeful(in) || span_is(in, "\r") ? read_more(c) : refuse(c, 400);
  c->arena = arena_new(CEIL_ARENA_REQUEST);
  http_server_count(c->server, 1);
  status = http_head_parse(c->arena, span_make(in.p, n), &c->head);
  if (status)
    return refuse(c, status);
  c->in_at += n;
  c->keep_alive = c->head.keep_alive;
  http_body_init(&c->framing, &c->head);
  if (c->head.expects_continue && c->framing.state != BODY_OVER && unread(c).n == 0 &&
      !(http_wire_write(&c->wire, SPAN("HTTP/1.1 100 Continue\r\n\r\n")) && http_wire_flush(&c->wire) > 0))
    return STEP_END;
  c->state = HTTP_BODY;
  return STEP_ON;
}

/* A body that is too large is read on, so that the client gets to read the answer, but not for ever. */
static enum step
step_body(struct http_conn *c)
{
  struct span in = unread(c), piece;
  int r;

  while ((r = http_body_next(&c->framing, &in, &piece)) > 0) {
    if (c->discarded || c->body.n + piece.n > CEIL_REQUEST_BODY)
      c->discarded += piece.n;
    else
      strbuf_span(&c->body, piece);
  }
  c->in_at = c->in.n - in.n;
  if (r < 0)
    return refuse(c, 400);
  if (c->discarded > BODY_PATIENCE)
    return STEP_END;
  if (c->framing.state != BODY_OVER)
    return read_more(c);
  c->state = HTTP_SERVE;
  return STEP_ON;
}

/* -- serving -- */

static void
refuse_with_status(struct http_conn *c, enum kerr_code code, const char *message)
{
  c->answer = (struct exchange_answer){ .status = kerr_http_status(code),
                                        .content_type = "application/json",
                                        .body = http_status_document(c->arena, code, message) };
}

/* False: it has been answered already, with an error. */
static bool
build_request(struct http_conn *c)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  c->x = (struct exchange_request){ .method = c->head.method,
                                    .headers = c->head.headers,
                                    .n_headers = c->head.n_headers,
                                    .body = strbuf_view(&c->body),
                                    .arena = c->arena };
  if (c->discarded) {
    refuse_with_status(c, KERR_TOO_LARGE,
                       arena_printf(c->arena, "Request entity too large: limit is %zu", (size_t)CEIL_REQUEST_BODY));
    return false;
  }
  if (http_target_parse(c->arena, c->head.target, &c->x.path, &c->x.query, &err) < 0) {
    refuse_with_status(c, KERR_BAD_REQUEST, err.msg);
    return false;
  }
  c->x.tls_user = c->peer && c->wire.session ? http_peer_user(c->peer, c->wire.session) : NULL;
  return true;
}

static bool
only_reads(const char *method)
{
  static const char *const methods[] = { "GET", "HEAD", "OPTIONS" };

  for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
    if (strcmp(method, methods[i]) == 0)
      return true;
  return false;
}

static bool
may_wait(const struct http_conn *c)
{
  struct exchange *x = c->server->exchange;

  return !only_reads(c->head.method) || (x->ops->may_wait && x->ops->may_wait(x, &c->x));
}

static enum step
begin_answer(struct http_conn *c)
{
  if (http_answer_wants_gzip(c)) {
    http_server_share(c->server);
    http_answer_compress(c);
  }
  if (atomic_load(&c->server->stopping))
    c->keep_alive = false;
  c->state = HTTP_SEND;
  return http_answer_begin(c) ? STEP_ON : STEP_END;
}

static enum step
step_serve(struct http_conn *c)
{
  struct http_server *s = c->server;

  if (!c->admitted) {
    if (!build_request(c))
      return begin_answer(c);
    if (may_wait(c) && !http_server_admit(s, c))
      return STEP_GIVEN; /* it comes here again, admitted */
  }
  s->exchange->ops->serve(s->exchange, &c->x, &c->answer);
  if (c->admitted)
    http_server_leave(s);
  return begin_answer(c);
}

/* -- answering -- */

/* All of it is sent, but for what has no end. */
static enum step
answered(struct http_conn *c)
{
  if (c->answer.stream && strcmp(c->head.method, "HEAD") != 0) {
    http_streams_add(c->server->streams, c);
    return STEP_GIVEN;
  }
  if (c->answer.upgrade) {
    http_upgrade_start(c->server->upgrades, c);
    return STEP_GIVEN;
  }
  http_conn_end_request(c);
  c->state = c->keep_alive ? HTTP_HEAD : HTTP_DRAIN;
  if (!c->keep_alive)
    http_wire_bye(&c->wire);
  return STEP_ON;
}

static enum step
step_send(struct http_conn *c)
{
  for (;;) {
    int r;

    while (c->unsent.n && http_wire_unsent(&c->wire) < SEND_ROOM) {
      size_t n = c->unsent.n < SEND_ROOM ? c->unsent.n : SEND_ROOM;

      if (!http_wire_write(&c->wire, span_make(c->unsent.p, n)))
        return STEP_END;
      c->unsent = span_make(c->unsent.p + n, c->unsent.n - n);
    }
    r = http_wire_flush(&c->wire);
    if (r <= 0)
      return r == 0 ? STEP_WRITE : STEP_END;
    if (c->unsent.n == 0)
      return answered(c);
  }
}

/* After the last answer: closing while there is something unread would make the client lose what it has not read. */
static enum step
step_drain(struct http_conn *c)
{
  c->discarded += c->in.n;
  strbuf_clear(&c->in);
  c->in_at = 0;
  return c->discarded > BODY_PATIENCE ? STEP_END : read_more(c);
}

static enum step (*const steps[HTTP_STATES])(struct http_conn *c) = {
  [HTTP_HEAD] = step_head, [HTTP_BODY] = step_body,   [HTTP_SERVE] = step_serve,
  [HTTP_SEND] = step_send, [HTTP_DRAIN] = step_drain,
};

void
http_conn_run(struct http_conn *c)
{
  enum step step = c->gone ? STEP_END : STEP_ON;

  while (step == STEP_ON)
    step = steps[c->state](c);
  switch (step) {
  case STEP_READ:
    http_conn_sleep(c, EPOLLIN);
    break;
  case STEP_WRITE:
    http_conn_sleep(c, EPOLLOUT);
    break;
  case STEP_END:
    http_conn_free(c);
    break;
  case STEP_ON:
  case STEP_GIVEN:
    break;
  }
}
