/*
 * Against answers of sigs.k8s.io/yaml v1.6.0 (tests/data/base/yaml.jsonl, one case a line):
 * {yaml, json} or {yaml, err} of YAMLToJSON, with `strict` the error of YAMLToJSONStrict; {in, text} of JSONToYAML.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "ceilings.h"
#include "fs.h"
#include "yaml.h"

#define DATA "tests/data/base/yaml.jsonl"

/* Where we differ on purpose: docs/differences.md. */
static const char *const differences[] = {
  "{\"a\": \"\\ud83d\\ude00\"}\n", /* read as the JSON it is; upstream's YAML reader refuses surrogate pairs */
  "{\"a\": 1, \"a\": 2}\n",
};

static bool
is_difference(const char *text)
{
  for (size_t i = 0; i < ARRAY_SIZE(differences); i++)
    if (strcmp(differences[i], text) == 0)
      return true;
  return false;
}

static int
check_read(struct arena *a, const struct json *row)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT, ignored = KERR_INIT;
  struct span text = json_span(json_get(row, "yaml"));
  const char *want = json_get_str(row, "json"), *strict = json_get_str(row, "strict");
  struct json_dup *dups = NULL;
  struct json_parse_opts list = { .dups = &dups };
  struct json *got, *wanted;
  bool duplicate = strict && strstr(strict, "already set in map");
  int r = yaml_parse(a, text, &list, &got, &err);

  if (is_difference(text.p))
    return 0;
  if (r < 0 && want)
    fprintf(stderr, "# refused %s: %s\n", text.p, err.msg);
  else if (r == 0 && !want)
    fprintf(stderr, "# accepted %s as %s, upstream: %s\n", text.p, json_text(a, got, 0), json_get_str(row, "err"));
  if ((r < 0) != !want)
    return 1;
  if (r < 0)
    return 0;
  assert_int_equal(json_parse(a, span_of(want), NULL, &wanted, &ignored), 0);
  json_sort_members(got);
  if (!json_equal(got, wanted)) {
    fprintf(stderr, "# %s is %s, upstream's %s\n", text.p, json_text(a, got, 0), want);
    return 1;
  }
  if (duplicate != (dups != NULL) && !strstr(text.p, "<<")) {
    fprintf(stderr, "# %s: duplicate keys, upstream: %s\n", text.p, strict);
    return 1;
  }
  return 0;
}

static int
check_write(struct arena *a, const struct json *row)
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(CEIL_SMALL_FILE);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const char *want = json_get_str(row, "text");
  struct json *v, *back;

  assert_int_equal(json_parse(a, json_span(json_get(row, "in")), NULL, &v, &err), 0);
  yaml_write(&b, v);
  if (!span_eq(strbuf_view(&b), json_span(json_get(row, "text")))) {
    fprintf(stderr, "# %s is written\n%s# upstream's\n%s", json_get_str(row, "in"), b.p, want);
    return 1;
  }
  if (yaml_parse(a, strbuf_view(&b), NULL, &back, &err) < 0 || !json_equal(v, back)) {
    fprintf(stderr, "# %s does not read back: %s\n", b.p, err.msg ? err.msg : "differs");
    /* upstream's emitter does not keep these either */
    return !strstr(b.p, "\xe2\x80\xa8") && !strstr(b.p, "\xe2\x80\xa9") && !strstr(b.p, "<<:");
  }
  return 0;
}

static void
agrees_with_sigs_yaml(void **state)
{
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_SMALL_FILE);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int rows = 0, bad = 0;

  (void)state;
  if (fs_read(DATA, &text, &err) < 0)
    fail_msg("%s", err.msg);
  for (struct span rest = strbuf_view(&text); rest.n;) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
    struct span line = span_cut(rest, '\n', &rest);
    struct json *row;

    assert_int_equal(json_parse(a, line, NULL, &row, &err), 0);
    bad += json_get(row, "yaml") ? check_read(a, row) : check_write(a, row);
    rows++;
  }
  assert_int_equal(bad, 0);
  assert_true(rows > 1000);
}

static void
documents(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json **docs, *v;
  size_t n;

  (void)state;
  assert_int_equal(yaml_parse_all(a, SPAN("---\n# nothing\n---\na: 1\n---\n---\nb: 2\n...\n"), NULL, &docs, &n, &err),
                   0);
  assert_int_equal(n, 2);
  assert_int_equal(json_get_int(docs[1], "b", 0), 2);
  assert_int_equal(yaml_parse_all(a, SPAN(""), NULL, &docs, &n, &err), 0);
  assert_int_equal(n, 0);
  assert_int_equal(yaml_parse(a, SPAN(""), NULL, &v, &err), 0);
  assert_true(json_is(v, JSON_NULL));
  assert_int_equal(yaml_parse(a, SPAN("a: 1\n---\nb: 1\n"), NULL, &v, &err), -KERR_PARSE);
}

static void
errors_say_where(void **state)
{
  static const struct {
    const char *text, *want;
    int code;
  } rows[] = {
    { "a: 1\nb: [1,\nc: }\n", "line 3, column 4: did not find expected node content", KERR_PARSE },
    { "a: 1\nb: 2\na: 3\n", "line 3, column 1: duplicate key 'a'", KERR_PARSE },
    { "a: *x\n", "line 1, column 4: unknown anchor 'x' referenced", KERR_PARSE },
    { "{\"a\": tru", "line 1, column 7: unexpected 't', a value expected", KERR_PARSE },
    { "a: &a [&b [*a]]\n", "line 1, column 12: anchor 'a' value contains itself", KERR_PARSE },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct json *v;

    assert_int_equal(yaml_parse(a, span_of(rows[i].text), NULL, &v, &err), -rows[i].code);
    assert_string_equal(err.msg, rows[i].want);
  }
}

/* Nine lists of nine aliases each: a billion nodes in a few hundred bytes. */
static void
a_billion_laughs(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(CEIL_SMALL_FILE), deep = STRBUF_INIT(CEIL_SMALL_FILE);
  _cleanup_kerr_ struct kerr err = KERR_INIT, too_deep = KERR_INIT;
  struct json *v;

  (void)state;
  strbuf_puts(&b, "a0: &a0 [x]\n");
  for (int i = 1; i < 10; i++)
    strbuf_printf(&b, "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i, i - 1, i - 1, i - 1,
                  i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
  assert_int_equal(yaml_parse(a, strbuf_view(&b), NULL, &v, &err), -KERR_TOO_LARGE);
  for (int i = 0; i < 1000; i++)
    strbuf_putc(&deep, '[');
  assert_int_equal(yaml_parse(a, strbuf_view(&deep), NULL, &v, &too_deep), -KERR_TOO_LARGE);
}

static void
aliases_are_trees_of_their_own(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *v;

  (void)state;
  assert_int_equal(yaml_parse(a, SPAN("a: &x {k: 1}\nb: *x\n"), NULL, &v, &err), 0);
  json_set_int(a, json_find(v, "b"), "k", 2);
  assert_int_equal(json_get_int(json_get(v, "a"), "k", 0), 1);
}

/* Words and lines of go.yaml.in/yaml/v2 v2.4.4, as kube-apiserver 1.37.2 shows them. */
static void
bodies_as_go_reads_them(void **state)
{
  static const struct {
    const char *text, *error; /* NULL: it can be read */
  } rows[] = {
    { "{", "yaml: line 1: did not find expected node content" },
    { "]", "yaml: did not find expected node content" },
    { "{\"kind\":\"DeviceClass\"", "yaml: line 1: did not find expected ',' or '}'" },
    { "a: b: c", "yaml: mapping values are not allowed in this context" },
    { "a\nb: c", "yaml: line 2: mapping values are not allowed in this context" },
    { "a:\n\t- b", "yaml: line 2: found character that cannot start any token" },
    { "a: b\n- c", "yaml: line 1: did not find expected key" },
    { "- - a\n  b", "yaml: line 3: could not find expected ':'" },
    { "'abc\n", "yaml: line 2: found unexpected end of stream" },
    { "a: *x", "yaml: unknown anchor 'x' referenced" },
    { "a: &x\n  b: *x", "yaml: anchor 'x' value contains itself" },
    { "a: !!int x", "yaml: cannot decode !!str `x` as a !!int" },
    { "\x01", "yaml: control characters are not allowed" },
    { "%TAG ! !\n%TAG ! !\n---\na", "yaml: line 1: found duplicate %TAG directive" },
    { "---\na: b\n---\nc: [", NULL },
    { "{a: b}}", NULL },
    { "", NULL },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct json *v;

    assert_int_equal(yaml_parse_body(a, span_of(rows[i].text), NULL, &v, &err), rows[i].error ? -KERR_PARSE : 0);
    if (rows[i].error)
      assert_string_equal(err.msg, rows[i].error);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(agrees_with_sigs_yaml), cmocka_unit_test(documents),
    cmocka_unit_test(errors_say_where),      cmocka_unit_test(bodies_as_go_reads_them),
    cmocka_unit_test(a_billion_laughs),      cmocka_unit_test(aliases_are_trees_of_their_own),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
