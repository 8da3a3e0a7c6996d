#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "codec.h"

static void
base64_both_ways(void **state)
{
  static const struct {
    const char *raw, *standard, *url;
  } rows[] = {
    { "", "", "" },
    { "f", "Zg==", "Zg" },
    { "fo", "Zm8=", "Zm8" },
    { "foo", "Zm9v", "Zm9v" },
    { "\xff\xfe\xfb", "//77", "__77" },
    { "foobar!", "Zm9vYmFyIQ==", "Zm9vYmFyIQ" },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_strbuf_ struct strbuf b;

    strbuf_init(&b, 1000);
    codec_base64(&b, span_of(rows[i].raw));
    assert_true(span_is(strbuf_view(&b), rows[i].standard));
    strbuf_clear(&b);
    codec_base64url(&b, span_of(rows[i].raw));
    assert_true(span_is(strbuf_view(&b), rows[i].url));
    strbuf_clear(&b);
    assert_true(codec_unbase64(&b, span_of(rows[i].standard)));
    assert_true(span_is(strbuf_view(&b), rows[i].raw));
    strbuf_clear(&b);
    assert_true(codec_unbase64url(&b, span_of(rows[i].url)));
    assert_true(span_is(strbuf_view(&b), rows[i].raw));
  }
}

static void
base64_refuses(void **state)
{
  static const char *const bad[] = { "Z",    "Zg",    "Zg=",      "Zg===", "Zm9v=", "=",
                                     "Z===", "Zm 9v", "Zg==Zg==", "Zm9_",  "Zm9*" };
  _cleanup_strbuf_ struct strbuf b;

  (void)state;
  strbuf_init(&b, 1000);
  for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
    if (codec_unbase64(&b, span_of(bad[i])))
      fail_msg("accepted '%s'", bad[i]);
  assert_false(codec_unbase64url(&b, SPAN("Zg==")));
  assert_false(codec_unbase64url(&b, SPAN("Zm9/")));
  strbuf_clear(&b);
  assert_true(codec_unbase64(&b, SPAN("Zm\n9v\r\nZh==")));
  assert_true(span_is(strbuf_view(&b), "foof"));
}

static void
urls(void **state)
{
  _cleanup_strbuf_ struct strbuf b;

  (void)state;
  strbuf_init(&b, 1000);
  codec_url_escape(&b, SPAN("a b/c?d=e&f~g-h_i.j\xc3\xa9"));
  assert_string_equal(b.p, "a+b%2Fc%3Fd%3De%26f~g-h_i.j%C3%A9");
  strbuf_clear(&b);
  assert_true(codec_url_unescape(&b, SPAN("a+b%2Fc%c3%A9"), true));
  assert_string_equal(b.p, "a b/c\xc3\xa9");
  strbuf_clear(&b);
  assert_true(codec_url_unescape(&b, SPAN("a+b"), false));
  assert_string_equal(b.p, "a+b");
  assert_false(codec_url_unescape(&b, SPAN("%"), false));
  assert_false(codec_url_unescape(&b, SPAN("%4"), false));
  assert_false(codec_url_unescape(&b, SPAN("%zz"), false));
}

static void
digests(void **state)
{
  _cleanup_strbuf_ struct strbuf b;
  uint8_t sum[64];

  (void)state;
  strbuf_init(&b, 1000);
  codec_sha256(SPAN("abc"), sum);
  codec_hex(&b, span_make((const char *)sum, 32));
  assert_string_equal(b.p, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  strbuf_clear(&b);
  codec_sha256(SPAN(""), sum);
  codec_hex(&b, span_make((const char *)sum, 4));
  assert_string_equal(b.p, "e3b0c442");
  strbuf_clear(&b);
  codec_sha512(SPAN("abc"), sum);
  codec_hex(&b, span_make((const char *)sum, 8));
  assert_string_equal(b.p, "ddaf35a193617aba");
  assert_int_equal(codec_fnv32a(SPAN("foobar")), 0xbf9cf968);
  assert_true(codec_fnv64a(SPAN("foobar")) == 0x85944171f73967e8);
}

static void
random_names(void **state)
{
  char one[CODEC_UUID_MAX], two[CODEC_UUID_MAX], suffix[6];

  (void)state;
  assert_int_equal(strlen(codec_uuid4(one)), 36);
  assert_int_equal(one[14], '4');
  assert_non_null(strchr("89ab", one[19]));
  assert_string_not_equal(one, codec_uuid4(two));
  assert_int_equal(strspn(codec_rand_suffix(suffix, 5), "bcdfghjklmnpqrstvwxz2456789"), 5);
  assert_int_equal(strlen(suffix), 5);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(base64_both_ways), cmocka_unit_test(base64_refuses), cmocka_unit_test(urls),
    cmocka_unit_test(digests),          cmocka_unit_test(random_names),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
