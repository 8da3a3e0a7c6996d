/* Against answers of k8s.io/apimachinery and component-helpers v0.37.2 (tests/data/api/selectors.jsonl, one case a
 * line). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "ceilings.h"
#include "fs.h"
#include "selector.h"
#include "test_parse.h"

#define DATA   "tests/data/api/selectors.jsonl"
#define LABELS "{\"a\":\"1\",\"b\":\"x\",\"in\":\"in\",\"example.com/k\":\"v\",\"e\":\"\",\"n\":\"10\"}"
#define TAINT  "{\"key\":\"k\",\"value\":\"5\",\"effect\":\"NoSchedule\"}"

static int
differ(const struct json *row, const char *got)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);

  fprintf(stderr, "# %s\n#   is %s\n", json_text(a, row, 0), got);
  return 1;
}

static int
same_error(const struct json *row, const struct kerr *err)
{
  return span_is(json_span(json_get(row, "err")), err->msg) ? 0 : differ(row, err->msg);
}

static int
check_label(struct arena *a, const struct json *row)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const char *object = json_get_str(row, "object");
  struct label_selector *s;
  int r = object ? label_selector_from_json(a, test_parse(a, object), &s, &err)
                 : label_selector_parse(a, json_span(json_get(row, "label")), &s, &err);

  if (r < 0)
    return same_error(row, &err);
  if (!span_is(json_span(json_get(row, "text")), label_selector_text(a, s)))
    return differ(row, label_selector_text(a, s));
  if (label_selector_matches(s, test_parse(a, LABELS)) != json_get_bool(row, "match", false))
    return differ(row, "other match");
  return label_selector_is_empty(s) == json_get_bool(row, "empty", false) ? 0 : differ(row, "other emptiness");
}

static int
check_field(struct arena *a, const struct json *row)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *got = json_new_array(a);
  struct field_selector s;

  if (field_selector_parse(a, json_span(json_get(row, "field")), &s, &err) < 0)
    return same_error(row, &err);
  for (size_t i = 0; i < s.n; i++) {
    struct json *t = json_append(a, got, json_new_array(a));

    json_append_str(a, t, s.terms[i].path);
    json_append_str(a, t, s.terms[i].equal ? "=" : "!=");
    json_append_str(a, t, s.terms[i].value);
  }
  return json_equal(got, json_get(row, "terms")) ? 0 : differ(row, json_text(a, got, 0));
}

static int
check_node(struct arena *a, const struct json *row)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  bool match;

  if (node_selector_matches(test_parse(a, json_get_str(row, "selector")), test_parse(a, json_get_str(row, "node")),
                            &match, &err) < 0)
    return same_error(row, &err);
  return json_get(row, "match") && match == json_get_bool(row, "match", false) ? 0 : differ(row, "other match");
}

static int
check_toleration(struct arena *a, const struct json *row)
{
  bool got = toleration_tolerates(test_parse(a, json_get_str(row, "toleration")), test_parse(a, TAINT),
                                  json_get_bool(row, "comparisons", false));

  return got == json_get_bool(row, "match", false) ? 0 : differ(row, "other match");
}

static void
agrees_with_upstream(void **state)
{
  static const struct {
    const char *member;
    int (*check)(struct arena *a, const struct json *row);
  } kinds[] = { { "label", check_label },
                { "object", check_label },
                { "field", check_field },
                { "node", check_node },
                { "toleration", check_toleration } };
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_SMALL_FILE);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int rows = 0, bad = 0, checked = 0;

  (void)state;
  if (fs_read(DATA, &text, &err) < 0)
    fail_msg("%s", err.msg);
  for (struct span rest = strbuf_view(&text), line; rest.n; rows++) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
    struct json *row;

    line = span_cut(rest, '\n', &rest);
    assert_int_equal(json_parse(a, line, NULL, &row, &err), 0);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
      if (json_get(row, kinds[i].member)) {
        bad += kinds[i].check(a, row);
        checked++;
      }
  }
  assert_int_equal(bad, 0);
  assert_int_equal(checked, rows);
  assert_true(rows > 500);
}

static void
a_missing_node_selector_matches(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  bool match = false;

  (void)state;
  assert_int_equal(node_selector_matches(NULL, test_parse(a, "{}"), &match, &err), 0);
  assert_true(match);
  assert_true(tolerations_tolerate(test_parse(a, "[{\"key\":\"x\"},{\"operator\":\"Exists\"}]"), test_parse(a, TAINT)));
  assert_false(tolerations_tolerate(NULL, test_parse(a, TAINT)));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(agrees_with_upstream),
    cmocka_unit_test(a_missing_node_selector_matches),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
