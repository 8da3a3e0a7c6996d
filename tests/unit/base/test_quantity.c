/*
 * Against answers of k8s.io/apimachinery v0.37.2 (tests/data/base/quantity.jsonl, one case a line):
 * {text, err} or {text, print, canon, format, int, value, milli, bits}; {x, y, cmp, add, sub, addint}.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ceilings.h"
#include "fs.h"
#include "json.h"
#include "quantity.h"

#define DATA "tests/data/base/quantity.jsonl"

/* A difference is printed, so that one run shows them all. */
static int
expect(const struct json *row, const char *member, const char *got)
{
  const char *want = json_get_str_or(row, member, "");

  if (strcmp(want, got) == 0)
    return 0;
  fprintf(stderr, "# %s%s%s: %s is '%s', upstream's '%s'\n", json_get_str_or(row, "text", ""),
          json_get_str_or(row, "x", ""), json_get_str_or(row, "y", ""), member, got, want);
  return 1;
}

static int
check_one(struct arena *a, const struct json *row)
{
  static const char *const formats[] = { "DecimalSI", "BinarySI", "DecimalExponent" };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct span text = json_span(json_get(row, "text"));
  struct quantity q;
  const char *printed = NULL;
  int64_t integer;
  double approx;
  uint64_t bits;
  int bad = 0;

  if (quantity_parse(text, &q, &err) < 0)
    return expect(row, "err", err.msg);
  bad += expect(row, "err", "");
  bad += quantity_normalize(a, text, &printed, &err) < 0;
  bad += expect(row, "print", printed);
  bad += expect(row, "canon", quantity_text(a, &q));
  bad += expect(row, "format", formats[q.format]);
  bad += expect(row, "int", quantity_as_int64(&q, &integer) ? arena_printf(a, "%" PRId64, integer) : "");
  bad += expect(row, "value", arena_printf(a, "%" PRId64, quantity_value(&q)));
  bad += expect(row, "milli", arena_printf(a, "%" PRId64, quantity_milli(&q)));
  approx = quantity_approx(&q);
  memcpy(&bits, &approx, sizeof bits);
  return bad + expect(row, "bits", arena_printf(a, "%016" PRIx64, bits));
}

static int
check_two(struct arena *a, const struct json *row)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct quantity x, y, sum, difference;
  int64_t integer;
  int bad = 0;

  if (quantity_parse(json_span(json_get(row, "x")), &x, &err) < 0 ||
      quantity_parse(json_span(json_get(row, "y")), &y, &err) < 0)
    return 1;
  sum = quantity_add(&x, &y);
  difference = quantity_sub(&x, &y);
  bad += expect(row, "add", quantity_text(a, &sum));
  bad += expect(row, "sub", quantity_text(a, &difference));
  bad += expect(row, "addint", quantity_as_int64(&sum, &integer) ? arena_printf(a, "%" PRId64, integer) : "");
  bad += quantity_cmp(&x, &y) != json_get_int(row, "cmp", 9);
  bad += quantity_cmp(&y, &x) != -json_get_int(row, "cmp", 9);
  return bad;
}

static void
agrees_with_apimachinery(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_SMALL_FILE);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct span rest, line;
  int rows = 0, bad = 0;

  (void)state;
  if (fs_read(DATA, &text, &err) < 0)
    fail_msg("%s", err.msg);
  for (rest = strbuf_view(&text); rest.n;) {
    struct json *row;

    line = span_cut(rest, '\n', &rest);
    assert_int_equal(json_parse(a, line, NULL, &row, &err), 0);
    bad += json_get(row, "text") ? check_one(a, row) : check_two(a, row);
    rows++;
  }
  assert_int_equal(bad, 0);
  assert_true(rows > 500);
}

/* The float of a sum is rounded twice, as upstream's is: once to the digits its decimal keeps, once by the power. */
static void
floats_of_sums(void **state)
{
  static const struct {
    const char *x, *y;
    double want;
  } rows[] = {
    { "2500m", "3799318962E", 3.7993189619999997e+27 },
    { "2Gi", "-48026358030e18", -4.802635803e+28 },
    { "0", "100Ti", 109951162777600 },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct quantity x, y, sum;

    assert_int_equal(quantity_parse(span_of(rows[i].x), &x, &err), 0);
    assert_int_equal(quantity_parse(span_of(rows[i].y), &y, &err), 0);
    sum = quantity_add(&x, &y);
    assert_true(quantity_approx(&sum) == rows[i].want);
  }
}

/* What upstream's big decimals do and we do not, and what must not take for ever. */
/* What a list of resources is rounded to; beyond what fits an int64, too. */
static void
rounding_up(void **state)
{
  static const struct {
    const char *text, *want;
  } rows[] = {
    { "1.0001", "1001m" },
    { "-1.0001", "-1001m" },
    { "1500m", "1500m" },
    { "3", "3" },
    { "1n", "1m" },
    { "10101010101010101010", "10101010101010101010" },
    { "10101010101010101010.0001", "10101010101010101010001m" },
  };
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct quantity q;

    assert_int_equal(quantity_parse(span_of(rows[i].text), &q, &err), 0);
    quantity_round_up(&q, -3);
    assert_string_equal(quantity_text(a, &q), rows[i].want);
  }
}

static void
very_large_numbers(void **state)
{
  static const struct {
    const char *text, *want; /* NULL: refused */
  } rows[] = {
    { "99999999999999999999999999999999999999", "99999999999999999999999999999999999999" },
    { "100000000000000000000000000000000000001", NULL },
    { "100000000000000000000000000000000000000000000", "100" }, /* upstream has no suffix for 10^42 either */
    { "1e2147483647", "10e2147483646" },
    { "0e2147483647", "0" },
    { "1e-2147483648", "1e-9" },
    { "12345678901234567890123456789012345678901234567890Ki", "9223372036854775807" },
  };
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct quantity huge, tiny, sum;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_kerr_ struct kerr no = KERR_INIT;
    struct quantity q;
    int r = quantity_parse(span_of(rows[i].text), &q, &no);

    assert_int_equal(r < 0, rows[i].want == NULL);
    if (r == 0)
      assert_string_equal(quantity_text(a, &q), rows[i].want);
  }
  assert_int_equal(quantity_parse(SPAN("1e1000000"), &huge, &err), 0);
  assert_int_equal(quantity_parse(SPAN("1n"), &tiny, &err), 0);
  assert_int_equal(quantity_cmp(&huge, &tiny), 1);
  assert_int_equal(quantity_value(&huge), 0); /* as upstream: it does not fit */
  sum = quantity_add(&huge, &tiny);
  assert_int_equal(quantity_cmp(&sum, &huge), 1);
  sum = quantity_sub(&huge, &huge);
  assert_int_equal(quantity_sign(&sum), 0);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(agrees_with_apimachinery),
    cmocka_unit_test(floats_of_sums),
    cmocka_unit_test(rounding_up),
    cmocka_unit_test(very_large_numbers),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
