#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ceilings.h"
#include "json.h"
#include "number.h"
#include "test_parse.h"

static void
what_is_read_is_written(void **state)
{
  static const struct {
    const char *in, *out; /* NULL: the same */
  } rows[] = {
    { "null", NULL },
    { " [ 1 , 2 ] ", "[1,2]" },
    { "{\"b\":1,\"a\":{\"c\":[]}}", NULL }, /* members keep their order */
    { "9223372036854775807", NULL },
    { "-9223372036854775808", NULL },
    { "9223372036854775808", NULL }, /* beyond int64: the literal stays */
    { "9007199254740993", NULL },
    { "1.50", NULL },
    { "-0", "0" },
    { "1e400", NULL },
    { "\"a\\u0000b\"", NULL },
    { "\"\\/\\b\\f\\n\\r\\t\\\"\\\\\"", "\"/\\b\\f\\n\\r\\t\\\"\\\\\"" },
    { "\"\\u00e9\\ud83d\\ude00\"", "\"\xc3\xa9\xf0\x9f\x98\x80\"" },
    { "\"\\ud83d\"", "\"\xef\xbf\xbd\"" }, /* a lone surrogate, as in Go */
    { "\"\\udc00\\ud83dx\"", "\"\xef\xbf\xbd\xef\xbf\xbdx\"" },
    { "\"<\xe2\x80\xa8>\"", "\"<\\u2028>\"" },
    { "\"\x7f\"", NULL },
  };
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
    assert_string_equal(json_text(a, test_parse(a, rows[i].in), 0), rows[i].out ? rows[i].out : rows[i].in);
  assert_string_equal(json_text(a, test_parse(a, "\"<&>\""), JSON_HTML), "\"\\u003c\\u0026\\u003e\"");
  assert_string_equal(json_text(a, test_parse(a, "{\"b\":[1,{}],\"a\":{}}"), JSON_INDENT2 | JSON_SORTED),
                      "{\n  \"a\": {},\n  \"b\": [\n    1,\n    {}\n  ]\n}");
}

static void
what_is_refused(void **state)
{
  static const struct {
    const char *text, *want;
    int code;
  } rows[] = {
    { "", "line 1, column 1: unexpected end of JSON, a value expected", KERR_PARSE },
    { "{\"a\":1} x", "line 1, column 9: unexpected 'x', the end expected", KERR_PARSE },
    { "[1,]", "line 1, column 4: unexpected ']', a value expected", KERR_PARSE },
    { "{\n \"a\":\n  tru}", "line 3, column 3: unexpected 't', a value expected", KERR_PARSE },
    { "{\"\xc3\xa9\": +1}", "line 1, column 7: unexpected '+', a value expected", KERR_PARSE }, /* characters count */
    { "{\"a\":1,\"b\":2,\"a\":3}", "line 1, column 14: duplicate key 'a'", KERR_PARSE },
    { "{a:1}", "line 1, column 2: unexpected 'a', '\"' expected", KERR_PARSE },
    { "[01]", "line 1, column 3: unexpected '1', ',' or ']' expected", KERR_PARSE },
    { "[1.]", "line 1, column 4: unexpected ']', a digit expected", KERR_PARSE },
    { "[1e]", "line 1, column 4: unexpected ']', a digit expected", KERR_PARSE },
    { "\"a\tb\"", "line 1, column 3: control character in a string", KERR_PARSE },
    { "\"\\x\"", "line 1, column 3: invalid escape in a string", KERR_PARSE },
    { "\"\\u12g4\"", "line 1, column 4: invalid \\u escape", KERR_PARSE },
    { "\"a", "line 1, column 1: string is not closed", KERR_PARSE },
    { "\"a\\", "line 1, column 1: string is not closed", KERR_PARSE },
    { "\"\xff\"", "line 1, column 1: string is not valid UTF-8", KERR_PARSE },
    { "\xef\xbb\xbf{}", "line 1, column 1: unexpected byte 0xef, a value expected", KERR_PARSE },
    { "[[[[[[[[[[", "line 1, column 10: nested too deeply", KERR_TOO_LARGE },
  };
  static const struct json_parse_opts shallow = { .max_depth = 9 };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct json *v = NULL;

    assert_int_equal(json_parse(a, span_of(rows[i].text), &shallow, &v, &err), -rows[i].code);
    assert_string_equal(err.msg, rows[i].want);
    assert_null(v);
  }
}

static void
duplicates_are_listed(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json_dup *dups;
  struct json_parse_opts list = { .dups = &dups };
  struct json *v;

  (void)state;
  assert_int_equal(
      json_parse(a, SPAN("{\"a\":1,\"b\":[{},{\"c\":1,\"c\":2}],\"a\":{\"d\":0,\"d\":1}}"), &list, &v, &err), 0);
  assert_string_equal(dups->path, "b[1].c");
  assert_string_equal(dups->next->path, "a");
  assert_string_equal(dups->next->next->path, "a.d");
  assert_string_equal(dups->next->next->key, "d");
  assert_null(dups->next->next->next);
  assert_string_equal(json_text(a, v, 0), "{\"a\":{\"d\":1},\"b\":[{},{\"c\":2}]}");
  assert_int_equal(json_parse(a, SPAN("{}"), &list, &v, &err), 0);
  assert_null(dups);
}

/* 200,000 keys: a search through those before would take minutes. */
static void
objects_of_many_keys(void **state)
{
  enum { KEYS = 200000 };
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(CEIL_MANIFEST);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *v;

  (void)state;
  strbuf_putc(&b, '{');
  for (int i = 0; i < KEYS; i++)
    strbuf_printf(&b, "%s\"k%d\":%d", i ? "," : "", i, i);
  strbuf_puts(&b, "}");
  assert_int_equal(json_parse(a, strbuf_view(&b), NULL, &v, &err), 0);
  assert_int_equal(v->count, KEYS);
  b.n--;
  strbuf_puts(&b, ",\"k77\":1}");
  assert_int_equal(json_parse(a, strbuf_view(&b), NULL, &v, &err), -KERR_PARSE);
  assert_non_null(strstr(err.msg, "duplicate key 'k77'"));
}

static void
items_are_found(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  const struct json *list = test_parse(a, "[1,{\"n\":2},{\"n\":\"x\",\"i\":1},{\"n\":\"x\",\"i\":2},\"x\"]");

  (void)state;
  assert_ptr_equal(json_list_find(list, "n", "x"), json_at(list, 2));
  assert_null(json_list_find(list, "n", "2")); /* a number is no string */
  assert_null(json_list_find(list, "n", ""));  /* nor is what is absent */
  assert_null(json_list_find(list, "m", "x"));
  assert_null(json_list_find(NULL, "n", "x"));
  assert_null(json_list_find(json_at(list, 2), "n", "x"));
  assert_true(json_list_has(list, "x"));
  assert_false(json_list_has(list, "1"));
}

static void
strings_are_taken_out_of_lists(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct json *list = json_copy(a, test_parse(a, "[\"x\",1,\"y\",\"x\",{\"x\":\"x\"},\"x\"]"));

  (void)state;
  json_list_remove(list, "x");
  assert_true(json_equal(list, test_parse(a, "[1,\"y\",{\"x\":\"x\"}]")));
  json_list_remove(list, "1");
  assert_int_equal(json_count(list), 3);
  json_list_remove(NULL, "x");
}

static void
trees_are_built_and_compared(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct json *o = json_new_object(a), *copy, *list;

  (void)state;
  json_set_str(a, o, "s", "x");
  json_set_int(a, o, "i", -5);
  json_set_bool(a, o, "b", true);
  list = json_ensure_array(a, o, "l");
  for (int i = 0; i < 10; i++)
    json_append(a, list, json_new_int(a, i));
  json_remove_at(list, 0);
  json_insert(a, list, 4, json_new_str(a, "mid"));
  copy = json_copy(a, o);
  assert_true(json_equal(o, copy));
  json_append(a, json_find(copy, "l"), json_new_null(a));
  assert_false(json_equal(o, copy));
  assert_true(json_remove(copy, "s"));
  assert_false(json_remove(copy, "s"));
  assert_string_equal(json_text(a, copy, 0), "{\"i\":-5,\"b\":true,\"l\":[1,2,3,4,\"mid\",5,6,7,8,9,null]}");
  assert_string_equal(json_get_str(o, "s"), "x"); /* the original is as it was */
  json_restore(a, copy, o, "s");
  assert_string_equal(json_get_str(copy, "s"), "x");
  json_restore(a, o, test_parse(a, "{}"), "b");
  assert_null(json_get(o, "b"));
  assert_true(json_equal(test_parse(a, "{\"a\":1,\"b\":2.0}"), test_parse(a, "{\"b\":2,\"a\":1.0}")));
  assert_false(json_equal(test_parse(a, "[1]"), test_parse(a, "[\"1\"]")));
  assert_int_equal(json_get_int(o, "s", 7), 7); /* of another type */
  assert_null(json_dig(o, "l", "x", NULL));
  assert_null(json_get(NULL, "x"));
}

static void
doubles_are_written_as_go_writes_them(void **state)
{
  static const struct {
    double d;
    const char *json, *g;
  } rows[] = {
    { 1, "1", "1" },
    { -0.0, "-0", "-0" },
    { 100000, "100000", "100000" },
    { 1000000, "1000000", "1e+06" },
    { 123456789.5, "123456789.5", "1.234567895e+08" },
    { 1e20, "100000000000000000000", "1e+20" },
    { 1e21, "1e+21", "1e+21" },
    { 1.5e-5, "0.000015", "1.5e-05" },
    { 0.0001, "0.0001", "0.0001" },
    { 1e-7, "1e-7", "1e-07" },
    { 5e-324, "5e-324", "5e-324" },
    { 1.7976931348623157e308, "1.7976931348623157e+308", "1.7976931348623157e+308" },
    { 0.1, "0.1", "0.1" },
    { 1.0 / 3, "0.3333333333333333", "0.3333333333333333" },
  };
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  char text[NUMBER_TEXT_MAX];

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    assert_string_equal(json_text(a, json_new_double(a, rows[i].d), 0), rows[i].json);
    number_text_g(rows[i].d, false, text);
    assert_string_equal(text, rows[i].g);
    assert_true(number_double(span_of(rows[i].json)) == rows[i].d);
  }
  number_text_g(1.0 / 3, true, text);
  assert_string_equal(text, "0.33333334");
}

static void
the_locale_does_not_matter(void **state)
{
  static const char *const commas[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "de_DE.utf8", "fr_FR.utf8" };
  bool found = false;

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(commas) && !found; i++)
    found = setlocale(LC_ALL, commas[i]) != NULL;
  if (!found)
    skip(); /* before there is anything to clean up: it jumps */
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  assert_true(json_double(test_parse(a, "1.5")) == 1.5);
  assert_string_equal(json_text(a, json_new_double(a, 1.5), 0), "1.5");
  setlocale(LC_ALL, "C");
}

static void
integers(void **state)
{
  static const struct {
    const char *text;
    bool good;
    int64_t v;
  } rows[] = {
    { "0", true, 0 },
    { "-1", true, -1 },
    { "+7", true, 7 },
    { "007", true, 7 },
    { "", false, 0 },
    { "-", false, 0 },
    { "1x", false, 0 },
    { " 1", false, 0 },
    { "9223372036854775807", true, INT64_MAX },
    { "9223372036854775808", false, 0 },
    { "-9223372036854775808", true, INT64_MIN },
    { "-9223372036854775809", false, 0 },
  };
  int64_t v;

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    v = 0;
    assert_int_equal(number_int64(span_of(rows[i].text), &v), rows[i].good);
    assert_true(v == rows[i].v);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_is_read_is_written),
    cmocka_unit_test(what_is_refused),
    cmocka_unit_test(duplicates_are_listed),
    cmocka_unit_test(objects_of_many_keys),
    cmocka_unit_test(strings_are_taken_out_of_lists),
    cmocka_unit_test(trees_are_built_and_compared),
    cmocka_unit_test(doubles_are_written_as_go_writes_them),
    cmocka_unit_test(the_locale_does_not_matter),
    cmocka_unit_test(integers),
    cmocka_unit_test(items_are_found),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
