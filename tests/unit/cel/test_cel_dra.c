#include "cel_dra.h"

#include "ceilings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The interface that scheduler and API validation use. */

#define DEVICE                                                                                                      \
  "{\"attributes\":{\"model\":{\"string\":\"falcon\"},\"cores\":{\"int\":96}},\"capacity\":{\"memory\":{\"value\":" \
  "\"48Gi\"}}}"

static struct cel_device *
device_of(struct arena *a, const char *text)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct cel_device *d;
  struct json *tree;

  assert_int_equal(json_parse(a, span_of(text), NULL, &tree, &err), 0);
  assert_int_equal(cel_device_new(a, "gpu.acme.test", tree, &d, &err), 0);
  return d;
}

static void
matches(void **state)
{
  static const struct {
    const char *expr, *want; /* "yes", "no", or the error's text */
  } cases[] = {
    { "true", "yes" },
    { "device.driver == 'gpu.acme.test'", "yes" },
    { "device.attributes['gpu.acme.test'].cores > 100", "no" },
    { "device.capacity['gpu.acme.test'].memory.isGreaterThan(quantity('47Gi'))", "yes" },
    { "device.attributes['gpu.acme.test'].nothing", "no such key: nothing" },
    { "device.attributes['gpu.acme.test'].cores / 0 > 1", "division by zero" },
    { "lists.range(2000).all(x, lists.range(2000).all(y, x + y >= 0))",
      "operation cancelled: actual cost limit exceeded" },
  };
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  struct cel_device *d = device_of(a, DEVICE);

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct cel_selector *s;
    bool yes = false;

    assert_int_equal(cel_selector_compile(span_of(cases[i].expr), &s, &err), 0);
    if (cel_selector_match(s, d, a, &yes, &err) < 0)
      assert_string_equal(err.msg, cases[i].want);
    else
      assert_string_equal(yes ? "yes" : "no", cases[i].want);
    cel_selector_unref(s);
  }
}

static void
says_why_not(void **state)
{
  static const struct {
    const char *expr, *want;
  } cases[] = {
    { "device.driver == 'gpu.acme.test' && device.attributes['gpu.acme.test'].cores > 100",
      "device.attributes['gpu.acme.test'].cores > 100" },
    { "device.driver == 'x'", "device.driver == 'x'" },
  };
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  struct cel_device *d = device_of(a, DEVICE);

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct cel_selector *s;

    assert_int_equal(cel_selector_compile(span_of(cases[i].expr), &s, &err), 0);
    assert_string_equal(cel_selector_why_not(s, d, a), cases[i].want);
    cel_selector_unref(s);
  }
}

static void
validates(void **state)
{
  const struct cel_dra_features none = { 0 }, all = { true, true };
  char *longer = mem_alloc(10242);

  (void)state;
  memset(longer, ' ', 10241);
  longer[10241] = 0;
  const struct {
    const char *expr;
    const struct cel_dra_features *features;
    enum kerr_code code;
  } cases[] = {
    { "device.allowMultipleAllocations", &all, 0 },
    { "device.allowMultipleAllocations", &none, KERR_INVALID },
    { "device.attributes['x'].l.includes(1)", &all, 0 },
    { "device.attributes['x'].l.includes(1)", &none, KERR_INVALID },
    { "int('x') == 1", &all, KERR_INTERNAL },
    { "device.attributes.all(a, device.attributes.all(b, device.attributes.all(c, device.attributes.all(d, a + b + c + "
      "d != ''))))",
      &all, KERR_FORBIDDEN },
    { longer, &all, KERR_TOO_LARGE },
    { "1", &all, KERR_INVALID },
  };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    assert_int_equal(cel_selector_validate(span_of(cases[i].expr), cases[i].features, &err), -(int)cases[i].code);
  }
  free(longer);
}

static void
refuses_bad_devices(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct cel_device *d;
  struct json *tree;

  (void)state;
  assert_int_equal(json_parse(a, span_of("{\"attributes\":{\"v\":{\"version\":\"1\"}}}"), NULL, &tree, &err), 0);
  assert_int_equal(cel_device_new(a, "d", tree, &d, &err), -(int)KERR_INVALID);
  assert_non_null(strstr(err.msg, "attribute v: parse semantic version: "));
}

/* Deep and long texts are refused before they can exhaust the stack. */
static void
bounds_depth(void **state)
{
  static const char *const pieces[] = { "(", "[", "!", "-", "{1:", "a.", "f(", "a?b:", "1+", "a[", "[].map(x," };

  (void)state;
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    size_t n = strlen(pieces[i]), count = 90000 / n;
    char *text = mem_alloc(count * n + 1);
    struct cel_selector *s = NULL;

    for (size_t k = 0; k < count; k++)
      memcpy(text + k * n, pieces[i], n);
    text[count * n] = 0;
    assert_true(cel_selector_compile(span_of(text), &s, &err) < 0);
    free(text);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(matches),      cmocka_unit_test(says_why_not),
    cmocka_unit_test(validates),    cmocka_unit_test(refuses_bad_devices),
    cmocka_unit_test(bounds_depth),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
