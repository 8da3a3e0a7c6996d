#include "cel_batch.h"

#include "json.h"
#include "fs.h"
#include "ceilings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

/*
 * Answers recorded from Kubernetes, record by record: the shared vectors when
 * they are there, and the smaller sets of this tree always.
 */

struct tally {
  unsigned total, right, shown;
};

/* What follows "internal error: " in a line are the words of upstream's runtime. */
static bool
text_matches(const char *want, const char *got)
{
  const char loose[] = "internal error: ";

  while (*want && *got) {
    if (strncmp(want, loose, sizeof loose - 1) == 0 && strncmp(got, loose, sizeof loose - 1) == 0) {
      want += strcspn(want, "\n");
      got += strcspn(got, "\n");
    } else if (*want++ != *got++) {
      return false;
    }
  }
  return *want == *got;
}

static bool
same(const struct json *want, const struct json *got)
{
  if (json_is(want, JSON_STRING) && json_is(got, JSON_STRING))
    return text_matches(json_str(want), json_str(got));
  if (json_is(want, JSON_OBJECT) && json_is(got, JSON_OBJECT)) {
    const char *wd = json_get_str(want, "double"), *gd = json_get_str(got, "double");

    if (wd && gd)
      return strcmp(wd, gd) == 0 || strtod(wd, NULL) == strtod(gd, NULL);
    if (json_count(want) != json_count(got))
      return false;
    for (json_each_member (m, want))
      if (!json_get(got, m->name) || !same(m->value, json_get(got, m->name)))
        return false;
    return true;
  }
  if (json_is(want, JSON_ARRAY) && json_is(got, JSON_ARRAY)) {
    if (json_count(want) != json_count(got))
      return false;
    for (size_t i = 0; i < json_count(want); i++)
      if (!same(json_at(want, i), json_at(got, i)))
        return false;
    return true;
  }
  return json_equal(want, got);
}

static bool
is_right(const struct json *record, const struct json *answer)
{
  static const char *const beside[] = { "type", "cost", "estMax", "estMin" };

  if (!same(json_get(record, "want"), json_get(answer, "got")))
    return false;
  for (size_t i = 0; i < 4; i++)
    if (json_get(record, beside[i]) && !json_equal(json_get(record, beside[i]), json_get(answer, beside[i])))
      return false;
  return true;
}

/* The API server writes a status into every Pod; this component does not know kinds. */
static const struct json *
complete(struct arena *a, const struct json *object)
{
  struct json *pod;

  if (strcmp(json_get_str_or(object, "kind", ""), "Pod") != 0 || json_get(object, "status"))
    return object;
  pod = json_shallow(a, object);
  (void)json_set(a, pod, "status", json_new_object(a));
  return pod;
}

static void
check_line(struct span line, struct tally *t)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_strbuf_ struct strbuf out = { 0 };
  struct json *record, *answer = NULL;
  const char *show = getenv("CEL_SHOW");

  strbuf_init(&out, CEIL_ARENA_REQUEST);
  assert_int_equal(json_parse(a, line, NULL, &record, &err), 0);
  t->total++;
  if (cel_batch_line(a, line, complete, &out, &err) == 0) {
    assert_int_equal(json_parse(a, strbuf_view(&out), NULL, &answer, &err), 0);
    if (is_right(record, answer)) {
      t->right++;
      return;
    }
  }
  if (t->shown++ < (show ? (unsigned)atoi(show) : 5u)) {
    (void)printf("  %s\n    expr %s\n    want %s type %s cost %s max %s min %s\n    got  %s\n",
                 json_get_str(record, "id"), json_text(a, json_get(record, "expr"), 0),
                 json_text(a, json_get(record, "want"), 0), json_get_str_or(record, "type", "-"),
                 json_get_str_or(record, "cost", "-"), json_get_str_or(record, "estMax", "-"),
                 json_get_str_or(record, "estMin", "-"), answer ? out.p : err.msg);
  }
}

static bool
find_file(const char *name, char *path, size_t cap)
{
  const char *shared = getenv("DRALAB_SHARED");

  (void)snprintf(path, cap, "%s/vectors/cel/%s", shared ? shared : "../shared", name);
  return access(path, R_OK) == 0;
}

static void
check_file(const char *path, const char *name, bool complete)
{
  struct tally t = { 0 };
  gzFile f = gzopen(path, "rb"); /* reads plain files as they are */
  char *line = mem_alloc(CEIL_SMALL_FILE);

  assert_non_null(f);
  while (gzgets(f, line, (int)CEIL_SMALL_FILE))
    check_line(span_trim(span_of(line)), &t);
  gzclose(f);
  free(line);
  print_message("# %s: %u of %u\n", name, t.right, t.total);
  assert_true(t.total > 0);
  if (complete && !getenv("CEL_SHOW"))
    assert_int_equal(t.right, t.total);
}

static void
check_shared(const char *name, bool complete)
{
  char path[4096];

  if (!find_file(name, path, sizeof path)) {
    print_message("# SKIP %s: no shared vectors here (DRALAB_SHARED)\n", name);
    skip();
  }
  check_file(path, name, complete);
}

static void
own_records(void **state)
{
  (void)state;
  check_file("tests/data/cel/records.jsonl", "records.jsonl", true);
  check_file("tests/data/cel/hosts.jsonl", "hosts.jsonl (a part)", true);
  check_file("tests/data/cel/syntax.jsonl", "syntax.jsonl", true);
}

static void
conformance(void **state)
{
  (void)state;
  check_shared("conformance.jsonl", true);
}

static void
dra(void **state)
{
  (void)state;
  check_shared("dra.jsonl", true);
}

static void
random_expressions(void **state)
{
  (void)state;
  check_shared("random.jsonl.gz", true);
}

static void
hosts(void **state)
{
  (void)state;
  check_shared("hosts.jsonl", true);
}

static void
bench(void **state)
{
  (void)state;
  check_shared("bench.jsonl", true);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(own_records),        cmocka_unit_test(conformance), cmocka_unit_test(dra),
    cmocka_unit_test(random_expressions), cmocka_unit_test(hosts),       cmocka_unit_test(bench),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
