#include "cel_show.h"

#include "ceilings.h"
#include "json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct cel_device *
device(struct arena *a)
{
  static const char text[] =
      "{\"attributes\":{\"model\":{\"string\":\"A100\"},\"x.dev/links\":{\"ints\":[1,2]},"
      "\"version\":{\"version\":\"1.2.3-rc.1\"}},\"capacity\":{\"memory\":{\"value\":\"40Gi\"}}}";
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct cel_device *d;
  struct json *v;

  assert_int_equal(json_parse(a, span_of(text), NULL, &v, &err), 0);
  assert_int_equal(cel_device_new(a, "gpu.dev", v, &d, &err), 0);
  return d;
}

/* What is shown can be typed again. */
static void
shows_values(void **state)
{
  static const struct {
    const char *expression, *want; /* the value, or the error */
  } rows[] = {
    { "device.attributes", "{\"gpu.dev\": {\"model\": \"A100\", \"version\": semver(\"1.2.3-rc.1\")}, \"x.dev\": "
                           "{\"links\": [1, 2]}}" },
    { "device.capacity[\"gpu.dev\"].memory", "quantity(\"40Gi\")" },
    { "[1u, 2u]", "[1u, 2u]" },
    { "1.0", "1.0" },
    { "1e300", "1e+300" },
    { "b'a\\xff'", "b\"a\\xff\"" },
    { "optional.of(duration('90s'))", "optional.of(duration(\"1m30s\"))" },
    { "optional.none()", "optional.none()" },
    { "timestamp('2024-01-01T00:00:00.5+01:00')", "timestamp(\"2024-01-01T00:00:00.5+01:00\")" },
    { "type(1)", "int" },
    { "null", "null" },
    { "device.attributes[\"gpu.dev\"].nope", "no such key: nope" },
    { "device.attributes[\"gpu.dev\"] == {\"model\": dyn(\"A100\"), \"version\": dyn(semver(\"1.2.3-rc.1\"))}",
      "true" },
    { "device.attributes.size()", "2" },
    { "device.attributes.map(d, device.attributes[d].size())", "[2, 1]" },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_arena_ struct arena *a = arena_new(64 * MiB);
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct cel_shown shown;

    if (cel_show(a, span_of(rows[i].expression), device(a), &shown, &err) < 0)
      fail_msg("%s: %s", rows[i].expression, err.msg);
    assert_string_equal(shown.error ? shown.error : shown.value, rows[i].want);
  }
}

static void
collect(const struct cel_reference *r, void *arg)
{
  strbuf_printf(arg, "%s%.*s/%.*s@%u ", r->capacity ? "capacity " : "", SPAN_FMT(r->domain), SPAN_FMT(r->id), r->pos);
}

static void
finds_references(void **state)
{
  static const struct {
    const char *expression, *want;
  } rows[] = {
    { "device.driver == 'x'", "" },
    { "device.attributes['d'].a == 1", "d/a@22 d/@17 " },
    { "device.attributes['d']['a'] == 1 && device.capacity['c'].?m.hasValue()",
      "d/a@22 d/@17 capacity c/m@56 capacity c/@51 " },
    { "has(device.attributes.d.a)", "d/a@3 d/@21 " },
    { "'a' in device.attributes['d']", "d/a@4 d/@24 " },
    { "cel.bind(x, device.attributes['d'], x.a == 1 && x[?'b'].hasValue())", "d/@29 d/a@37 d/b@49 " },
    { "device.attributes[device.driver].a == 1", "" },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_strbuf_ struct strbuf got = STRBUF_INIT(4096);
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct cel_selector *s;

    assert_int_equal(cel_selector_compile(span_of(rows[i].expression), &s, &err), 0);
    cel_show_references(s, collect, &got);
    cel_selector_unref(s);
    assert_string_equal(got.p, rows[i].want);
  }
}

static void
shows_places(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(1 * MiB);

  (void)state;
  assert_string_equal(cel_show_place(a, SPAN("a\nbc"), 3, "here"), "ERROR: <input>:2:2: here\n | bc\n | .^");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(shows_values),
    cmocka_unit_test(finds_references),
    cmocka_unit_test(shows_places),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
