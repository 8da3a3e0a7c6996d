/* gRPC without sockets: a client and a server whose bytes are carried by hand, in pieces of any size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "grpc.h"
#include "grpc_link.h"

/* One side of a call: what it has heard. */
struct ear {
  struct strbuf text; /* messages, each followed by ';' */
  size_t messages, bytes;
  bool headers, half_closed, ended;
  struct grpc_status status;
  char why[200];
  struct grpc_call *call;
  char path[64];
  int64_t timeout;
  /* A server's behaviour. */
  enum { ECHO, SILENT, REFUSE, EARLY } mode;
  size_t drained;
};

struct pair {
  struct grpc *client, *server;
  struct grpc_config server_config;
  size_t piece; /* bytes carried at a time; 0: as they come */
  struct ear ear, remote;
};

static void
on_message(void *payload, struct grpc_call *call, struct span message)
{
  struct ear *e = payload;

  (void)call;
  e->messages++;
  e->bytes += message.n;
  if (e->text.n + message.n < 1000) {
    strbuf_span(&e->text, message);
    strbuf_putc(&e->text, ';');
  }
}

static void
on_server_message(void *payload, struct grpc_call *call, struct span message)
{
  struct ear *e = payload;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  on_message(payload, call, message);
  if (e->mode == ECHO && grpc_call_send(call, message, &err) < 0)
    fail_msg("%s", err.msg);
  if (e->mode == REFUSE)
    grpc_call_finish(call, GRPC_FAILED_PRECONDITION, "100% of \"caf\xc3\xa9\"\nare closed");
}

static void
on_headers(void *payload, struct grpc_call *call)
{
  (void)call;
  ((struct ear *)payload)->headers = true;
}

static void
on_half_closed(void *payload, struct grpc_call *call)
{
  struct ear *e = payload;

  e->half_closed = true;
  if (e->mode == ECHO)
    grpc_call_finish(call, GRPC_OK, NULL);
}

static void
on_drained(void *payload, struct grpc_call *call)
{
  (void)call;
  ((struct ear *)payload)->drained++;
}

static void
on_end(void *payload, struct grpc_call *call, const struct grpc_status *status)
{
  struct ear *e = payload;

  (void)call;
  assert_false(e->ended); /* once */
  e->ended = true;
  e->status = *status;
  (void)snprintf(e->why, sizeof e->why, "%s", status->message);
  e->call = NULL;
}

static const struct grpc_call_ops client_ops = { .message = on_message,
                                                 .headers = on_headers,
                                                 .drained = on_drained,
                                                 .end = on_end },
                                  server_ops = { .message = on_server_message,
                                                 .half_closed = on_half_closed,
                                                 .end = on_end };

static void
on_accept(void *payload, struct grpc_call *call)
{
  struct pair *p = payload;

  if (strcmp(grpc_call_path(call), "/t.T/Call") != 0)
    return;
  p->remote.timeout = grpc_call_timeout(call);
  (void)snprintf(p->remote.path, sizeof p->remote.path, "%s", grpc_call_path(call));
  p->remote.call = call;
  grpc_call_accept(call, &server_ops, &p->remote);
  if (p->remote.mode == EARLY)
    grpc_call_finish(call, GRPC_NOT_FOUND, "nothing here");
}

static void
pair_init(struct pair *p)
{
  strbuf_init(&p->ear.text, 1 << 16);
  strbuf_init(&p->remote.text, 1 << 16);
  p->server_config.accept = on_accept;
  p->server_config.payload = p;
  p->client = grpc_new_client(&(struct grpc_config){ .queue_max = 40 << 20 });
  p->server = grpc_new_server(&p->server_config);
}

static void
pair_release(struct pair *p)
{
  grpc_free(p->client, NULL);
  grpc_free(p->server, NULL);
  strbuf_release(&p->ear.text);
  strbuf_release(&p->remote.text);
}

/* Carries one piece; false: there was none, or the receiver does not want more. */
static bool
carry(struct grpc *from, struct grpc *to, size_t piece)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct span out;

  assert_int_equal(grpc_output(from, &out, &err), 0);
  if (out.n == 0)
    return false;
  if (piece && out.n > piece)
    out.n = piece;
  if (grpc_receive(to, out, &err) < 0)
    return false;
  grpc_sent(from, out.n);
  return true;
}

static void
run(struct pair *p)
{
  bool moved;

  do {
    moved = carry(p->client, p->server, p->piece);
    moved = carry(p->server, p->client, p->piece) || moved;
  } while (moved);
}

static void
call(struct pair *p, const char *path, int64_t deadline)
{
  const struct grpc_metadata more[] = { { "x-who", "test" } };
  const struct grpc_request q = { .path = path, .metadata = more, .n_metadata = 1, .now = 1000, .deadline = deadline };
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (grpc_call_new(p->client, &q, &client_ops, &p->ear, &p->ear.call, &err) < 0)
    fail_msg("%s", err.msg);
}

static void
say(struct pair *p, struct span message)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (grpc_call_send(p->ear.call, message, &err) < 0)
    fail_msg("%s", err.msg);
}

static void
ended(const struct ear *e, enum grpc_code code, const char *why)
{
  assert_true(e->ended);
  assert_string_equal(grpc_code_name(e->status.code), grpc_code_name(code));
  if (why)
    assert_string_equal(e->why, why);
}

/* -- what works -- */

static void
unary_calls_in_pieces(void **state)
{
  static const size_t pieces[] = { 1, 2, 5, 13, 1000, 0 };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
    struct pair p = { .piece = pieces[i] };

    pair_init(&p);
    call(&p, "/t.T/Call", 5000000001000);
    say(&p, SPAN("hello"));
    grpc_call_close_send(p.ear.call);
    run(&p);
    ended(&p.ear, GRPC_OK, "");
    ended(&p.remote, GRPC_OK, "");
    assert_true(p.ear.status.from_peer && p.ear.headers && p.remote.half_closed);
    assert_string_equal(p.ear.text.p, "hello;");
    assert_string_equal(p.remote.path, "/t.T/Call");
    assert_true(p.remote.timeout == 5000000000000);
    assert_int_equal(grpc_calls(p.client), 0);
    assert_int_equal(grpc_calls(p.server), 0);
    pair_release(&p);
  }
}

static void
streams_both_ways(void **state)
{
  struct pair p = { .piece = 0 };
  char *big = mem_alloc(3 << 20);

  (void)state;
  pair_init(&p);
  call(&p, "/t.T/Call", 0);
  say(&p, SPAN(""));
  run(&p);
  assert_string_equal(p.ear.text.p, ";"); /* an answer to the first, while the call is open */
  assert_false(p.ear.ended);
  say(&p, SPAN("a"));
  say(&p, SPAN("b"));
  run(&p);
  assert_string_equal(p.ear.text.p, ";a;b;");
  for (int i = 0; i < 10; i++)
    say(&p, span_make(big, 3 << 20)); /* far beyond every window */
  assert_true(grpc_call_queued(p.ear.call) > (size_t)30 << 20);
  run(&p);
  assert_int_equal(grpc_call_queued(p.ear.call), 0);
  assert_true(p.ear.drained > 0);
  assert_int_equal(p.ear.messages, 13);
  assert_int_equal(p.ear.bytes, 2 + 10 * (3 << 20));
  grpc_call_close_send(p.ear.call);
  run(&p);
  ended(&p.ear, GRPC_OK, "");
  free(big);
  pair_release(&p);
}

static void
many_calls_on_one_connection(void **state)
{
  struct pair p = { .piece = 0 };
  struct ear ears[60] = { 0 };
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  (void)state;
  p.server_config.calls_max = 8; /* the others wait for their turn */
  p.remote.mode = EARLY;
  pair_init(&p);
  run(&p);
  for (size_t i = 0; i < ARRAY_SIZE(ears); i++) {
    strbuf_init(&ears[i].text, 100);
    assert_int_equal(grpc_call_new(p.client, &(struct grpc_request){ .path = "/t.T/Other" }, &client_ops, &ears[i],
                                   &ears[i].call, &err),
                     0);
  }
  run(&p);
  for (size_t i = 0; i < ARRAY_SIZE(ears); i++) {
    ended(&ears[i], GRPC_UNIMPLEMENTED, "unknown method /t.T/Other");
    strbuf_release(&ears[i].text);
  }
  pair_release(&p);
}

static void
errors_reach_the_client(void **state)
{
  struct pair p = { .remote.mode = REFUSE };

  (void)state;
  pair_init(&p);
  call(&p, "/t.T/Call", 0);
  say(&p, SPAN("x"));
  run(&p); /* the client has not even closed */
  ended(&p.ear, GRPC_FAILED_PRECONDITION, "100% of \"caf\xc3\xa9\"\nare closed");
  assert_true(p.ear.status.from_peer);
  assert_int_equal(grpc_calls(p.client), 0);
  pair_release(&p);
}

static void
deadlines(void **state)
{
  struct pair p = { .remote.mode = SILENT };

  (void)state;
  pair_init(&p);
  call(&p, "/t.T/Call", 1000000);
  say(&p, SPAN("x"));
  run(&p);
  assert_true(p.remote.timeout == 999000);
  assert_true(grpc_deadline(p.client) == 1000000);
  grpc_tick(p.client, 999999);
  assert_false(p.ear.ended);
  grpc_tick(p.client, 1000000);
  ended(&p.ear, GRPC_DEADLINE_EXCEEDED, "context deadline exceeded");
  assert_true(grpc_deadline(p.client) == INT64_MAX);
  run(&p);
  ended(&p.remote, GRPC_CANCELLED, NULL);
  pair_release(&p);

  p = (struct pair){ .remote.mode = SILENT };
  pair_init(&p);
  call(&p, "/t.T/Call", 0);
  run(&p);
  grpc_call_set_deadline(p.remote.call, 50);
  grpc_tick(p.server, 50); /* the server's side of it */
  ended(&p.remote, GRPC_DEADLINE_EXCEEDED, NULL);
  run(&p);
  ended(&p.ear, GRPC_CANCELLED, NULL);
  pair_release(&p);
}

static void
cancelling(void **state)
{
  struct pair p = { .remote.mode = SILENT };

  (void)state;
  pair_init(&p);
  call(&p, "/t.T/Call", 0);
  grpc_call_cancel(p.ear.call); /* before anything was sent */
  run(&p);
  assert_false(p.ear.ended);
  call(&p, "/t.T/Call", 0);
  say(&p, SPAN("x"));
  run(&p);
  grpc_call_cancel(p.ear.call);
  run(&p);
  assert_false(p.ear.ended); /* whoever cancels hears nothing more */
  ended(&p.remote, GRPC_CANCELLED, NULL);
  assert_int_equal(grpc_calls(p.client), 0);
  pair_release(&p);
}

static void
shutting_down(void **state)
{
  struct pair p = { .remote.mode = SILENT };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct grpc_call *second;

  (void)state;
  pair_init(&p);
  call(&p, "/t.T/Call", 0);
  run(&p);
  grpc_shutdown(p.server);
  run(&p);
  assert_true(grpc_is_draining(p.client));
  assert_int_equal(
      grpc_call_new(p.client, &(struct grpc_request){ .path = "/t.T/Call" }, &client_ops, &p.ear, &second, &err),
      -KERR_UNAVAILABLE);
  grpc_call_finish(p.remote.call, GRPC_OK, NULL); /* what runs may end in peace */
  run(&p);
  ended(&p.ear, GRPC_OK, "");
  assert_true(grpc_is_done(p.client) || grpc_is_done(p.server));
  pair_release(&p);
}

static void
a_lost_connection_ends_its_calls(void **state)
{
  struct pair p = { .remote.mode = SILENT };

  (void)state;
  pair_init(&p);
  call(&p, "/t.T/Call", 0);
  run(&p);
  grpc_free(p.client, "gone");
  p.client = NULL;
  ended(&p.ear, GRPC_UNAVAILABLE, "gone");
  assert_false(p.ear.status.from_peer);
  pair_release(&p);
}

static void
pings(void **state)
{
  struct pair p = { .piece = 0 };

  (void)state;
  pair_init(&p);
  grpc_ping(p.client);
  assert_int_equal(grpc_pongs(p.client), 0);
  run(&p);
  assert_int_equal(grpc_pongs(p.client), 1);
  pair_release(&p);
}

/* -- ceilings -- */

static void
messages_are_bounded(void **state)
{
  struct pair p = { .remote.mode = ECHO };
  _cleanup_free_ char *text = mem_alloc(2000);
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  (void)state;
  p.server_config.message_max = 1000;
  pair_init(&p);
  call(&p, "/t.T/Call", 0);
  say(&p, span_make(text, 1000));
  run(&p);
  assert_int_equal(p.ear.bytes, 1000);
  say(&p, span_make(text, 1001));
  run(&p);
  ended(&p.ear, GRPC_RESOURCE_EXHAUSTED, "grpc: received message larger than max (1001 vs. 1000)");
  pair_release(&p);

  p = (struct pair){ .remote.mode = SILENT };
  pair_init(&p);
  call(&p, "/t.T/Call", 0);
  for (int i = 0; i < 30000 && err.code == KERR_OK; i++) /* nobody carries the bytes */
    if (grpc_call_send(p.ear.call, span_make(text, 2000), &err) < 0)
      assert_int_equal(err.code, KERR_TOO_LARGE);
  assert_int_equal(err.code, KERR_TOO_LARGE);
  pair_release(&p);
}

/* -- a peer that does not keep to the rules: nghttp2 by hand -- */

static ssize_t
raw_read(nghttp2_session *h2, int32_t stream, uint8_t *buf, size_t n, uint32_t *flags, nghttp2_data_source *source,
         void *user)
{
  struct span *s = source->ptr;

  (void)h2;
  (void)stream;
  (void)user;
  (void)n;
  memcpy(buf, s->p, s->n);
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  return (ssize_t)s->n;
}

/* Answers every header of the stream 1 as text. */
static int
raw_header(nghttp2_session *h2, const nghttp2_frame *frame, const uint8_t *name, size_t name_n, const uint8_t *value,
           size_t value_n, uint8_t flags, void *user)
{
  (void)h2;
  (void)frame;
  (void)flags;
  strbuf_printf(user, "%.*s=%.*s ", (int)name_n, (const char *)name, (int)value_n, (const char *)value);
  return 0;
}

static nghttp2_session *
raw_new(bool server, struct strbuf *heard)
{
  nghttp2_session_callbacks *callbacks;
  nghttp2_session *h2;

  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, raw_header);
  if (server)
    nghttp2_session_server_new(&h2, callbacks, heard);
  else
    nghttp2_session_client_new(&h2, callbacks, heard);
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_submit_settings(h2, NGHTTP2_FLAG_NONE, NULL, 0);
  return h2;
}

/* What `raw` has to say, without listening. */
static void
raw_send(nghttp2_session *raw, struct grpc *g)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const uint8_t *p;

  for (ssize_t n; (n = nghttp2_session_mem_send(raw, &p)) > 0;)
    assert_int_equal(grpc_receive(g, span_make((const char *)p, (size_t)n), &err), 0);
}

static void
raw_run(nghttp2_session *raw, struct grpc *g)
{
  for (bool moved = true; moved;) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    const uint8_t *p;
    struct span out;
    ssize_t n = nghttp2_session_mem_send(raw, &p);

    assert_true(n >= 0);
    if (n > 0)
      assert_int_equal(grpc_receive(g, span_make((const char *)p, (size_t)n), &err), 0);
    assert_int_equal(grpc_output(g, &out, &err), 0);
    assert_int_equal(nghttp2_session_mem_recv(raw, (const uint8_t *)out.p, out.n), out.n);
    grpc_sent(g, out.n);
    moved = n > 0 || out.n > 0;
  }
}

#define NV(name, value)                                                                                            \
  {                                                                                                                \
    (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE \
  }

static void
a_server_refuses_what_is_not_grpc(void **state)
{
  static const struct {
    const char *method, *type;
    struct span body;
    const char *want;
  } rows[] = {
    { "GET", "application/grpc", { "", 0 }, ":status=405 " },
    { "POST", "text/html", { "", 0 }, ":status=415 " },
    { "POST", "application/grpcx", { "", 0 }, ":status=415 " },
    { "POST", "application/grpc", { "\1\0\0\0\0", 5 }, "grpc-status=12 " },        /* compressed */
    { "POST", "application/grpc", { "\0\0\0\0\5abc", 8 }, "grpc-status=13 " },     /* ends within a message */
    { "POST", "application/grpc", { "\0\0", 2 }, "grpc-status=13 " },              /* ends within a prefix */
    { "POST", "application/grpc", { "\0\xff\xff\xff\xff", 5 }, "grpc-status=8 " }, /* four gigabytes */
    { "POST", "application/grpc+proto", { "\0\0\0\0\1x", 6 }, "grpc-status=0 " },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    struct pair p = { .remote.mode = ECHO };
    _cleanup_strbuf_ struct strbuf heard = STRBUF_INIT(1 << 16);
    nghttp2_session *raw = raw_new(false, &heard);
    struct span body = rows[i].body;
    nghttp2_nv nv[] = { NV(":method", rows[i].method), NV(":scheme", "http"), NV(":path", "/t.T/Call"),
                        NV(":authority", "x"), NV("content-type", rows[i].type) };
    nghttp2_data_provider data = { .source.ptr = &body, .read_callback = raw_read };

    pair_init(&p);
    nghttp2_submit_request(raw, NULL, nv, ARRAY_SIZE(nv), &data, NULL);
    raw_run(raw, p.server);
    if (!strstr(heard.p, rows[i].want))
      fail_msg("row %zu: '%s' is not in '%s'", i, rows[i].want, heard.p);
    assert_int_equal(grpc_calls(p.server), 0);
    nghttp2_session_del(raw);
    pair_release(&p);
  }
}

static void
a_client_takes_bad_answers(void **state)
{
  static const struct {
    const char *status, *type, *grpc_status;
    struct span body;
    enum grpc_code code;
    const char *why;
  } rows[] = {
    { "503",
      "text/html",
      NULL,
      { "<html>", 6 },
      GRPC_UNAVAILABLE,
      "grpc: a compressed message, although nobody said that it would be understood" },
    { "503", "text/html", NULL, { "", 0 }, GRPC_UNAVAILABLE, "unexpected HTTP status code received from server: 503" },
    { "404", "text/html", NULL, { "", 0 }, GRPC_UNIMPLEMENTED, NULL },
    { "401", "text/html", NULL, { "", 0 }, GRPC_UNAUTHENTICATED, NULL },
    { "200", "text/html", NULL, { "", 0 }, GRPC_UNKNOWN, "unexpected content-type in the answer" },
    { "200", "application/grpc", NULL, { "", 0 }, GRPC_INTERNAL, "server closed the stream without sending trailers" },
    { "200", "application/grpc", "5", { "", 0 }, GRPC_NOT_FOUND, "" },
    { "200", "application/grpc", "99", { "", 0 }, GRPC_UNKNOWN, "" },
    { "200", "application/grpc", "-1", { "", 0 }, GRPC_UNKNOWN, "" },
    { "200", "application/grpc", "0", { "\0\0\0\0\2x", 6 }, GRPC_INTERNAL, "unexpected end of the last message" },
    { "200", "application/grpc", "0", { "\1\0\0\0\1x", 6 }, GRPC_UNIMPLEMENTED, NULL },
    { "200",
      "application/grpc",
      "0",
      { "\0\x40\0\0\0x", 6 },
      GRPC_RESOURCE_EXHAUSTED,
      "grpc: received message larger than max (1073741824 vs. 4194304)" },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    struct pair p = { .piece = 0 };
    _cleanup_strbuf_ struct strbuf heard = STRBUF_INIT(1 << 16);
    nghttp2_session *raw = raw_new(true, &heard);
    struct span body = rows[i].body;
    const char *status = rows[i].grpc_status ? rows[i].grpc_status : "";
    nghttp2_nv nv[] = { NV(":status", rows[i].status), NV("content-type", rows[i].type), NV("grpc-status", status) };
    nghttp2_data_provider data = { .source.ptr = &body, .read_callback = raw_read };

    pair_init(&p);
    call(&p, "/t.T/Call", 0);
    grpc_call_close_send(p.ear.call);
    raw_run(raw, p.client);
    assert_non_null(strstr(heard.p, "x-who=test"));
    assert_non_null(strstr(heard.p, "te=trailers"));
    nghttp2_submit_response(raw, 1, nv, rows[i].grpc_status ? 3 : 2, body.n ? &data : NULL);
    raw_run(raw, p.client);
    if (i > 0) /* the first: whatever the body, it is an error */
      ended(&p.ear, rows[i].code, rows[i].why);
    assert_true(p.ear.ended && p.ear.status.code != GRPC_OK && p.ear.messages == 0);
    nghttp2_session_del(raw);
    pair_release(&p);
  }
}

/* Calls begun and broken off at once, as in CVE-2023-44487. */
static void
rapid_resets_end_the_connection(void **state)
{
  struct pair p = { .remote.mode = SILENT };
  _cleanup_strbuf_ struct strbuf heard = STRBUF_INIT(1 << 16);
  nghttp2_session *raw = raw_new(false, &heard);
  nghttp2_nv nv[] = { NV(":method", "POST"), NV(":scheme", "http"), NV(":path", "/t.T/No"), NV(":authority", "x"),
                      NV("content-type", "application/grpc") };

  (void)state;
  p.server_config.calls_max = 1000;
  pair_init(&p);
  for (int i = 0; i < 300; i++) {
    int32_t stream = nghttp2_submit_request(raw, NULL, nv, ARRAY_SIZE(nv), NULL, NULL);

    assert_true(stream > 0);
    raw_send(raw, p.server); /* the call is on its way before it is broken off */
    nghttp2_submit_rst_stream(raw, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
    raw_send(raw, p.server);
  }
  raw_run(raw, p.server);
  assert_true(grpc_is_done(p.server));
  nghttp2_session_del(raw);
  pair_release(&p);
}

static void
garbage_is_refused(void **state)
{
  static const struct span lines[] = {
    { "GET / HTTP/1.1\r\nHost: x\r\n\r\n", sizeof "GET / HTTP/1.1\r\nHost: x\r\n\r\n" - 1 },
    { "\x16\x03\x01\x02 is TLS", sizeof "\x16\x03\x01\x02 is TLS" - 1 },
    { "\0\0\0", sizeof "\0\0\0" - 1 },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
    struct pair p = { .piece = 0 };
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    pair_init(&p);
    assert_int_equal(grpc_receive(p.server, lines[i], &err), -KERR_IO);
    pair_release(&p);
  }
}

/* -- on a descriptor -- */

static void
over_a_socket_pair(void **state)
{
  struct pair p = { .remote.mode = ECHO };
  _cleanup_free_ char *big = mem_alloc(3 << 20);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct grpc_link *a, *b;
  int fds[2];

  (void)state;
  pair_init(&p);
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  a = grpc_link_new(fds[0], p.client, NULL, NULL);
  b = grpc_link_new(fds[1], p.server, NULL, NULL);
  call(&p, "/t.T/Call", 0);
  for (int i = 0; i < 5; i++)
    say(&p, span_make(big, 3 << 20));
  grpc_call_close_send(p.ear.call);
  while (!p.ear.ended) {
    struct pollfd ready[] = { { .fd = grpc_link_fd(a), .events = grpc_link_events(a) },
                              { .fd = grpc_link_fd(b), .events = grpc_link_events(b) } };

    assert_true(poll(ready, 2, 30000) > 0); /* a limit for a test that is about to fail */
    assert_int_equal(grpc_link_pump(a, &err), 0);
    assert_int_equal(grpc_link_pump(b, &err), 0);
  }
  ended(&p.ear, GRPC_OK, "");
  assert_int_equal(p.ear.bytes, 5 * (3 << 20));
  assert_true(grpc_link_is_up(a));
  grpc_link_free(a, NULL);
  assert_int_equal(grpc_link_pump(b, &err), -KERR_IO);
  assert_string_equal(err.msg, "the peer closed the connection");
  grpc_link_free(b, NULL);
  p.client = p.server = NULL;
  pair_release(&p);
}

static void
bad_credentials_are_named(void **state)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT, err2 = KERR_INIT;
  struct grpc_tls *t = NULL;

  (void)state;
  assert_int_equal(grpc_tls_new(SPAN("no PEM"), SPAN(""), SPAN(""), &t, &err), -KERR_INVALID);
  assert_non_null(strstr(err.msg, "certificate authority"));
  assert_int_equal(grpc_tls_new(SPAN(""), SPAN("no PEM"), SPAN("no key"), &t, &err2), -KERR_INVALID);
  assert_non_null(strstr(err2.msg, "client certificate and key"));
  assert_null(t);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(unary_calls_in_pieces),
    cmocka_unit_test(streams_both_ways),
    cmocka_unit_test(many_calls_on_one_connection),
    cmocka_unit_test(errors_reach_the_client),
    cmocka_unit_test(deadlines),
    cmocka_unit_test(cancelling),
    cmocka_unit_test(shutting_down),
    cmocka_unit_test(a_lost_connection_ends_its_calls),
    cmocka_unit_test(pings),
    cmocka_unit_test(messages_are_bounded),
    cmocka_unit_test(a_server_refuses_what_is_not_grpc),
    cmocka_unit_test(a_client_takes_bad_answers),
    cmocka_unit_test(rapid_resets_end_the_connection),
    cmocka_unit_test(garbage_is_refused),
    cmocka_unit_test(over_a_socket_pair),
    cmocka_unit_test(bad_credentials_are_named),
  };

  return cmocka_run_group_tests_name("grpc", tests, NULL, NULL);
}
