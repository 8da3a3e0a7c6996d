/* All recorded questions to the allocator, through the batch function; see docs/internals/alloc.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_batch.h"
#include "ceilings.h"
#include "hmap.h"
#include "vectors.h"

#ifndef SHOWN
#define SHOWN 5 /* differences that are printed */
#endif

static struct json *
parse(struct arena *a, struct span text)
{
  struct kerr err = KERR_INIT;
  struct json *v = NULL;

  if (json_parse(a, text, NULL, &v, &err) < 0)
    fail_msg("%s", err.msg);
  return v;
}

static struct json *
batch(struct arena *a, struct span line)
{
  struct kerr err = KERR_INIT;
  struct strbuf out;
  struct json *v;

  strbuf_init(&out, CEIL_REPLY);
  if (alloc_batch_line(a, line, &out, &err) < 0)
    fail_msg("%s", err.msg);
  v = parse(a, strbuf_view(&out));
  strbuf_release(&out);
  return v;
}

static void
skip_without(const char *name)
{
  printf("# SKIP %s is not there (DRALAB_SHARED, or ../shared)\n", name);
  skip();
}

static void
run_file(struct vectors *v, const char *name)
{
  size_t right = 0, all = 0;
  struct span line;
  const char *only = getenv("DRALAB_VECTOR");

  while (vectors_next(v, &line)) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
    const struct json *question = parse(a, line);
    const char *why = NULL, *id = json_get_str_or(question, "id", "");

    if (only && strcmp(only, id) != 0)
      continue;
    all++;
    if (vectors_same(a, question, batch(a, line), &why))
      right++;
    else if (all - right <= SHOWN)
      printf("# %s: %s\n", id, why);
  }
  printf("# %s: %zu of %zu\n", name, right, all);
  vectors_close(v);
  assert_int_equal(right, all);
}

static void
test_cases(void **state)
{
  const char *name = *state;
  struct vectors v;

  if (!vectors_open(&v, name))
    skip_without(name);
  run_file(&v, name);
}

/* The pools of cases of random.jsonl.gz, by id. */
static void
test_pools(void **state)
{
  struct hmap *want = hmap_new(NULL);
  struct vectors pools, cases;
  size_t right = 0, all = 0;
  _cleanup_arena_ struct arena *wants = arena_new(CEIL_ARENA_CYCLE);
  struct span line;

  (void)state;
  if (!vectors_open(&pools, "pools.jsonl.gz") || !vectors_open(&cases, "random.jsonl.gz"))
    skip_without("pools.jsonl.gz");
  while (vectors_next(&pools, &line)) {
    const struct json *p = parse(wants, line);

    hmap_put(want, span_of(json_get_str(p, "id")), (void *)(uintptr_t)json_get(p, "want"));
  }
  while (vectors_next(&cases, &line)) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
    const struct json *question = parse(a, line), *w = hmap_get(want, span_of(json_get_str(question, "id")));
    struct json *got;

    if (!w)
      continue;
    all++;
    got = alloc_batch_pools(a, question);
    if (vectors_equal(a, w, got))
      right++;
    else if (all - right <= SHOWN)
      printf("# %s: want %s\n# got %s\n", json_get_str(question, "id"), json_text(a, w, 0), json_text(a, got, 0));
  }
  printf("# pools.jsonl.gz: %zu of %zu\n", right, hmap_count(want));
  assert_int_equal(right, hmap_count(want));
  vectors_close(&pools);
  vectors_close(&cases);
  hmap_free(want);
}

static void
test_helpers(void **state)
{
  struct vectors v;
  size_t right = 0, all = 0;
  struct span line;

  (void)state;
  if (!vectors_open(&v, "helpers.jsonl"))
    skip_without("helpers.jsonl");
  while (vectors_next(&v, &line)) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
    const struct json *question = parse(a, line);
    struct json *got = batch(a, line);

    all++;
    if (vectors_equal(a, json_get(question, "want"), json_get(got, "result")))
      right++;
    else if (all - right <= SHOWN)
      printf("# %s: got %s\n", json_get_str(question, "id"), json_text(a, got, 0));
  }
  printf("# helpers.jsonl: %zu of %zu\n", right, all);
  assert_int_equal(right, all);
  vectors_close(&v);
}

/* Inputs without a recorded answer: each has to come to an end. */
static void
test_open(void **state)
{
  struct vectors v;
  size_t all = 0;
  struct span line;

  (void)state;
  if (!vectors_open(&v, "hard-open.jsonl.gz"))
    skip_without("hard-open.jsonl.gz");
  while (vectors_next(&v, &line)) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
    const struct json *got = batch(a, line);

    assert_true(json_get(got, "result") || json_get(got, "unschedulable") || json_get(got, "error"));
    all++;
  }
  printf("# hard-open.jsonl.gz: %zu answered\n", all);
  vectors_close(&v);
}

int
main(void)
{
  static char table[] = "table.jsonl", random_[] = "random.jsonl.gz", hard[] = "hard.jsonl.gz";
  const struct CMUnitTest tests[] = {
    { "table", test_cases, NULL, NULL, table }, { "random", test_cases, NULL, NULL, random_ },
    { "pools", test_pools, NULL, NULL, NULL },  { "helpers", test_helpers, NULL, NULL, NULL },
  };

  if (getenv("DRALAB_TEST"))
    cmocka_set_test_filter(getenv("DRALAB_TEST"));
  return cmocka_run_group_tests(tests, NULL, NULL);
}
