#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "http_head.h"

#define LINE "GET /a HTTP/1.1\r\n"
#define HOST "Host: x\r\n"

/* What is refused, and with which status; 0: understood. */
static void
heads(void **state)
{
  static const struct {
    const char *text;
    int status;
  } rows[] = {
    { LINE HOST "\r\n", 0 },
    { "GET /a HTTP/1.0\r\n\r\n", 0 },
    { LINE "\r\n", 400 },
    { LINE HOST HOST "\r\n", 400 },
    { "GET  /a HTTP/1.1\r\n" HOST "\r\n", 400 },
    { "GET /a\r\n" HOST "\r\n", 400 },
    { "GET /a b HTTP/1.1\r\n" HOST "\r\n", 400 },
    { "G(T /a HTTP/1.1\r\n" HOST "\r\n", 400 },
    { "GET /a FTP/1.1\r\n" HOST "\r\n", 400 },
    { "GET /a HTTP/1.2\r\n" HOST "\r\n", 505 },
    { LINE HOST "no colon\r\n\r\n", 400 },
    { LINE HOST ": no name\r\n\r\n", 400 },
    { LINE HOST "Space : x\r\n\r\n", 400 },
    { LINE HOST "X: 1\r\n folded\r\n\r\n", 400 },
    { LINE HOST "X: a\x01z\r\n\r\n", 400 },
    { LINE HOST "X: a\nY: b\r\n\r\n", 400 },
    { LINE HOST "X: a\rb\r\n\r\n", 400 },
    { LINE HOST "Content-Length: 5\r\n\r\n", 0 },
    { LINE HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400 },
    { LINE HOST "Content-Length: 5, 5\r\n\r\n", 400 },
    { LINE HOST "Content-Length: +5\r\n\r\n", 400 },
    { LINE HOST "Content-Length: 0x5\r\n\r\n", 400 },
    { LINE HOST "Content-Length: \r\n\r\n", 400 },
    { LINE HOST "Content-Length: 9999999999999999999\r\n\r\n", 400 },
    { LINE HOST "Transfer-Encoding: chunked\r\n\r\n", 0 },
    { LINE HOST "Transfer-Encoding: Chunked\r\n\r\n", 0 },
    { LINE HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", 501 },
    { LINE HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 501 },
    { LINE HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400 },
    { LINE HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
    { "GET /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_arena_ struct arena *a = arena_new(1 << 20);
    struct span text = span_of(rows[i].text);
    struct http_head h;
    int status;

    assert_int_equal(http_head_size(text), text.n);
    assert_int_equal(http_head_size(span_make(text.p, text.n - 1)), 0);
    status = http_head_parse(a, text, &h);
    if (status != rows[i].status)
      fail_msg("%s: %d, not %d", rows[i].text, status, rows[i].status);
  }
}

static void
beginnings(void **state)
{
  (void)state;
  assert_true(http_head_hopeful(SPAN("")));
  assert_true(http_head_hopeful(SPAN("GE")));
  assert_true(http_head_hopeful(SPAN("GET /a HT")));
  assert_false(http_head_hopeful(SPAN(" ")));
  assert_false(http_head_hopeful(SPAN("\x16\x03\x01")));
  assert_false(http_head_hopeful(span_make("GE\0", 3)));
}

static void
what_a_head_says(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(1 << 20);
  struct http_head h;

  (void)state;
  assert_int_equal(http_head_parse(a,
                                   SPAN("POST /x?y=%20 HTTP/1.1\r\nHost: x\r\nX-ONE: \t a b \t\r\nEmpty:\r\n"
                                        "Content-Length: 0012\r\nExpect: 100-Continue\r\n\r\n"),
                                   &h),
                   0);
  assert_string_equal(h.method, "POST");
  assert_string_equal(h.target, "/x?y=%20");
  assert_string_equal(exchange_header_get(h.headers, h.n_headers, "x-one"), "a b");
  assert_string_equal(exchange_header_get(h.headers, h.n_headers, "empty"), "");
  assert_int_equal(h.length, 12);
  assert_true(h.expects_continue && h.keep_alive && h.chunks_allowed && !h.chunked);
  assert_int_equal(http_head_parse(a, SPAN(LINE HOST "Connection: x, CLOSE\r\n\r\n"), &h), 0);
  assert_false(h.keep_alive);
  assert_int_equal(http_head_parse(a, SPAN("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), &h), 0);
  assert_true(h.keep_alive && !h.chunks_allowed);
  assert_int_equal(http_head_parse(a, SPAN("GET / HTTP/1.0\r\n\r\n"), &h), 0);
  assert_false(h.keep_alive);
}

/* Every way to cut a body into two reads gives the same bytes, or the same refusal. */
static void
bodies(void **state)
{
  static const struct {
    const char *head, *text, *body; /* NULL: refused */
    size_t behind;                  /* bytes of the next request */
  } rows[] = {
    { LINE HOST "\r\n", "GET", "", 3 },
    { LINE HOST "Content-Length: 5\r\n\r\n", "helloGET", "hello", 3 },
    { LINE HOST "Transfer-Encoding: chunked\r\n\r\n", "5\r\nhello\r\n1;a=b\r\n!\r\n0\r\n\r\nGE", "hello!", 2 },
    { LINE HOST "Transfer-Encoding: chunked\r\n\r\n", "00A\r\n0123456789\r\n0\r\nA: b\r\nC: d\r\n\r\n", "0123456789",
      0 },
    { LINE HOST "Transfer-Encoding: chunked\r\n\r\n", "0\r\n\r\n", "", 0 },
    { LINE HOST "Transfer-Encoding: chunked\r\n\r\n", "\r\nhello", NULL, 0 },
    { LINE HOST "Transfer-Encoding: chunked\r\n\r\n", "5 5\r\nhello", NULL, 0 },
    { LINE HOST "Transfer-Encoding: chunked\r\n\r\n", "-1\r\nhello", NULL, 0 },
    { LINE HOST "Transfer-Encoding: chunked\r\n\r\n", "2\r\nhello\r\n", NULL, 0 },
    { LINE HOST "Transfer-Encoding: chunked\r\n\r\n", "ffffffffffffffff\r\n", NULL, 0 },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    struct span all = span_of(rows[i].text);

    for (size_t cut = 0; cut <= all.n; cut++) {
      _cleanup_arena_ struct arena *a = arena_new(1 << 20);
      struct strbuf got = STRBUF_INIT(1 << 10);
      struct http_head h;
      struct http_body b;
      struct span in = span_make(all.p, cut), piece;
      int r;

      assert_int_equal(http_head_parse(a, span_of(rows[i].head), &h), 0);
      http_body_init(&b, &h);
      while ((r = http_body_next(&b, &in, &piece)) > 0)
        strbuf_span(&got, piece);
      if (r == 0) {
        in = span_make(in.p, all.n - (size_t)(in.p - all.p)); /* what is left of the first read, and the second */
        while ((r = http_body_next(&b, &in, &piece)) > 0)
          strbuf_span(&got, piece);
      }
      if (r != (rows[i].body ? 0 : -1))
        fail_msg("row %zu cut at %zu: %d", i, cut, r);
      if (rows[i].body) {
        assert_int_equal(b.state, BODY_OVER);
        assert_string_equal(got.p, rows[i].body);
        assert_int_equal(in.n, rows[i].behind);
      }
      strbuf_release(&got);
    }
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(heads),
    cmocka_unit_test(beginnings),
    cmocka_unit_test(what_a_head_says),
    cmocka_unit_test(bodies),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
