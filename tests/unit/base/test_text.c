/* Spans, string buffers, arenas and errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "arena.h"
#include "codec.h"
#include "kerr.h"
#include "strbuf.h"

static void
spans(void **state)
{
  struct span rest, s = SPAN("a,b,,c");

  (void)state;
  assert_true(span_is(span_cut(s, ',', &rest), "a"));
  assert_true(span_is(rest, "b,,c"));
  assert_true(span_is(span_cut(SPAN("abc"), ',', &rest), "abc"));
  assert_null(rest.p); /* there was none, */
  assert_true(span_is(span_cut(SPAN("abc,"), ',', &rest), "abc"));
  assert_non_null(rest.p); /* and here nothing behind it */
  assert_true(span_is(span_trim(SPAN(" \t a b\n")), "a b"));
  assert_true(span_cmp(SPAN("a"), SPAN("ab")) < 0);
  assert_true(span_cmp(SPAN("\xff"), SPAN("a")) > 0);
  assert_true(span_starts(SPAN("abc"), SPAN("ab")) && span_ends(SPAN("abc"), SPAN("bc")) &&
              span_starts(SPAN(""), SPAN("")));
}

static void
utf8(void **state)
{
  static const char *const good[] = {
    "", "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"
  };
  static const char *const bad[] = { "\x80",
                                     "\xc3",
                                     "\xc0\x80",
                                     "\xe0\x80\x80",
                                     "\xed\xa0\x80",
                                     "\xf0\x80\x80\x80",
                                     "\xf4\x90\x80\x80",
                                     "\xf5\x80\x80\x80",
                                     "a\xff" };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(good); i++)
    assert_true(span_utf8_valid(span_of(good[i])));
  for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
    assert_false(span_utf8_valid(span_of(bad[i])));
}

static void
characters_are_counted(void **state)
{
  (void)state;
  assert_int_equal(span_runes(span_of("")), 0);
  assert_int_equal(span_runes(span_make(NULL, 0)), 0);
  assert_int_equal(span_runes(span_of("eight by")), 8);
  assert_int_equal(span_runes(span_of("eight byt\u00e9s and \u4e2d\u6587 \U0001f408")), 20);
}

static void
buffers_know_their_ceiling(void **state)
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(10);
  _cleanup_free_ char *taken = NULL;
  size_t n;

  (void)state;
  assert_string_equal(b.p, "");
  strbuf_printf(&b, "%d-%s", 42, "abc");
  strbuf_int(&b, INT64_MIN); /* does not fit: left out, all that follows too */
  strbuf_putc(&b, 'x');
  assert_true(strbuf_overflowed(&b));
  assert_string_equal(b.p, "42-abc");
  strbuf_clear(&b);
  strbuf_puts(&b, "0123456789");
  assert_false(strbuf_overflowed(&b));
  taken = strbuf_take(&b, &n);
  assert_string_equal(taken, "0123456789");
  assert_int_equal(n, 10);
  assert_string_equal(b.p, "");
}

static int order[3], called;

static void
note(void *arg)
{
  order[called++] = *(int *)arg;
}

static void
arenas(void **state)
{
  struct arena *a = arena_new(1 << 20);
  int one = 1, two = 2, three = 3;

  (void)state;
  called = 0;
  arena_defer(a, note, &one);
  arena_defer(a, note, &two);
  for (int i = 1; i < 1000; i++) {
    char *p = arena_alloc(a, (size_t)i % 97);

    assert_int_equal((uintptr_t)p % 16, 0);
    memset(p, 0xAA, (size_t)i % 97);
  }
  assert_true(arena_used(a) > 1000);
  assert_string_equal(arena_printf(a, "%s-%d", "x", 5), "x-5");
  arena_reset(a);
  assert_int_equal(called, 2);
  assert_int_equal(order[0], 2); /* newest first */
  assert_int_equal(arena_used(a), 0);
  for (size_t i = 0; i < 64; i++)
    assert_int_equal(((char *)arena_alloc(a, 64))[i], 0); /* zeroed again */
  arena_defer(a, note, &three);
  arena_free(a);
  assert_int_equal(called, 3);
}

static void
errors(void **state)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT, moved = KERR_INIT;

  (void)state;
  assert_int_equal(kerr_set(&err, KERR_INVALID, "spec.x", "must be %d", 3), -KERR_INVALID);
  assert_int_equal(kerr_wrap(&err, "device '%s'", "gpu-0"), -KERR_INVALID);
  assert_string_equal(err.msg, "device 'gpu-0': must be 3");
  assert_string_equal(err.field, "spec.x");
  assert_int_equal(kerr_move(&moved, &err), -KERR_INVALID);
  assert_int_equal(err.code, KERR_OK);
  assert_int_equal(kerr_http_status(KERR_INVALID), 422);
  assert_string_equal(kerr_reason(KERR_EXPIRED), "Expired");
  assert_string_equal(kerr_name(KERR_EXPIRED), "EXPIRED");
  assert_true(kerr_retryable(KERR_CONFLICT));
  assert_int_equal(kerr_errno(&err, 2, "open %s", "x"), -KERR_IO);
  assert_string_equal(err.msg, "open x: No such file or directory");
}

static void
quotes_as_go(void **state)
{
  static const struct {
    struct span raw;
    const char *want;
  } rows[] = {
    { { "a\"b\\", 4 }, "\"a\\\"b\\\\\"" },
    { { "\a\b\f\n\r\t\v", 7 }, "\"\\a\\b\\f\\n\\r\\t\\v\"" },
    { { "\0\x1b\x7f", 3 }, "\"\\x00\\x1b\\x7f\"" },
    { { "\xff\xc3", 2 }, "\"\\xff\\xc3\"" },
    { { "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9 }, "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
    { { "\xc2\x85\xe2\x80\xa8\xef\xbb\xbf", 8 }, "\"\\u0085\\u2028\\ufeff\"" },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(1000);

    codec_go_quote(&b, rows[i].raw);
    assert_string_equal(b.p, rows[i].want);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(characters_are_counted),
    cmocka_unit_test(spans),
    cmocka_unit_test(utf8),
    cmocka_unit_test(buffers_know_their_ceiling),
    cmocka_unit_test(arenas),
    cmocka_unit_test(errors),
    cmocka_unit_test(quotes_as_go),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
