#include "cel_named.h"

#include "ceilings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Attributes of an instance, one of each type. */
static const char attributes_text[] =
    "[{\"name\":\"q\",\"quantity\":\"1Gi\"},{\"name\":\"b\",\"bool\":true},{\"name\":\"i\",\"int\":7},"
    "{\"name\":\"is\",\"intSlice\":{\"ints\":[1,2,8]}},{\"name\":\"color\",\"string\":\"black\"},"
    "{\"name\":\"ss\",\"stringSlice\":{\"strings\":[\"a\",\"b\"]}},{\"name\":\"none\",\"stringSlice\":{}},"
    "{\"name\":\"v\",\"version\":\"1.2.3\"}]";

static const struct json *
parse(struct arena *a, const char *text)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *tree;

  assert_int_equal(json_parse(a, span_of(text), NULL, &tree, &err), 0);
  return tree;
}

static void
expressions_see_a_map_per_type(void **state)
{
  static const struct {
    const char *expr, *want; /* "yes", "no", or what an error begins with */
  } cases[] = {
    { "true", "yes" },
    { "attributes.string[\"color\"] == \"black\"", "yes" },
    { "attributes.string.color == 'grey'", "no" },
    { "attributes.quantity['q'].isGreaterThan(quantity('1Mi'))", "yes" },
    { "attributes.bool['b'] && attributes.int['i'] > 6 && attributes.intslice['is'].isSorted()", "yes" },
    { "attributes.stringslice['ss'].indexOf('a') == 0 && size(attributes.stringslice['none']) == 0", "yes" },
    { "attributes.version['v'].isLessThan(semver('1.3.0'))", "yes" },
    { "'color' in attributes.string && !('color' in attributes.int)", "yes" },
    { "attributes.string['nosuch'] == 'x'", "no such key: nosuch" },
    { "attributes.int['color'] == 1", "no such key: color" },
    { "[1,2,3,4,5,6,7,8,9,0].all(a, [1,2,3,4,5,6,7,8,9,0].all(b, [1,2,3,4,5,6,7,8,9,0].all(c, "
      "[1,2,3,4,5,6,7,8,9,0].all(d, [1,2,3,4,5,6,7,8,9,0].all(e, [1,2,3,4,5,6,7,8,9,0].all(f, a+b+c+d+e+f >= 0))))))",
      "operation cancelled: actual cost limit exceeded" },
    { "attributes.string['color']", "must evaluate to bool" },
    { "attributes.nosuch['a'] == 1", "compilation failed: ERROR: <input>:1:1: undeclared reference to 'attributes'" },
    { "device.driver == 'x'", "compilation failed: ERROR: <input>:1:1: undeclared reference to 'device'" },
    { "attributes.string['a'] ==", "compilation failed: ERROR: <input>:1:26: Syntax error:" },
    { "attributes.int['i'] == 'a'", "compilation failed: ERROR: <input>:1:21: found no matching overload for '_==_'" },
  };
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  const struct json *attributes = parse(a, attributes_text);

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    _cleanup_cel_selector_ struct cel_selector *s = NULL;
    bool yes = false;

    if (cel_named_compile(span_of(cases[i].expr), &s, &err) < 0 || cel_named_match(s, attributes, a, &yes, &err) < 0) {
      if (strncmp(err.msg, cases[i].want, strlen(cases[i].want)) != 0)
        fail_msg("%s: %s", cases[i].expr, err.msg);
    } else {
      assert_string_equal(yes ? "yes" : "no", cases[i].want);
    }
  }
}

static void
attributes_that_are_none(void **state)
{
  static const struct {
    const char *attributes, *want;
  } cases[] = {
    { "[{\"name\":\"v\",\"version\":\"one\"}]",
      "extract attributes with type version: attribute \"v\": parse semantic version: " },
    { "[{\"name\":\"q\",\"quantity\":\"many\"}]", "extract attributes with type quantity: attribute \"q\": " },
  };
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  _cleanup_kerr_ struct kerr none = KERR_INIT;
  _cleanup_cel_selector_ struct cel_selector *s = NULL;
  bool yes = false;

  (void)state;
  assert_int_equal(cel_named_compile(SPAN("true"), &s, &none), 0);
  assert_int_equal(cel_named_match(s, NULL, a, &yes, &none), 0);
  assert_true(yes);
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    assert_true(cel_named_match(s, parse(a, cases[i].attributes), a, &yes, &err) < 0);
    assert_memory_equal(err.msg, cases[i].want, strlen(cases[i].want));
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(expressions_see_a_map_per_type),
    cmocka_unit_test(attributes_that_are_none),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
