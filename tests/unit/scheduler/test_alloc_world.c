/* A world that is changed piece by piece gives the answers of one made at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"
#include "alloc_batch.h"
#include "ceilings.h"
#include "vectors.h"

struct subject {
  struct arena *a;
  const struct json *question, *want;
  struct alloc_world *w;
  struct alloc_usage *u;
  struct alloc_job *j;
  struct record *slices[16], *without[16], *node;
  size_t n;
};

static struct record *
record_of(const struct json *tree)
{
  return record_from_json(SPAN("key"), 0, tree);
}

/* The slice with no devices in it. */
static struct record *
emptied(struct arena *a, const struct json *slice)
{
  struct json *copy = json_copy(a, slice);

  json_set(a, json_find(copy, "spec"), "devices", json_new_array(a));
  return record_of(copy);
}

static void
subject_init(struct subject *s, struct arena *a, const struct json *question)
{
  const struct json *list = json_get(question, "resourceSlices"), *claims = json_get(question, "claims");
  struct alloc_features f;

  memset(&f, 0, sizeof f);
  for (json_each_member (m, json_get(question, "features")))
    assert_true(alloc_features_set(&f, m->name, m->value->u.boolean));
  *s = (struct subject){ .a = a,
                         .question = question,
                         .want = alloc_batch_case(a, question, NULL),
                         .w = alloc_world_new(&f, alloc_channel_of(&f)),
                         .u = alloc_usage_new() };
  for (json_each_item (c, json_get(question, "deviceClasses"))) {
    struct record *r = record_of(*c);

    alloc_world_set_class(s->w, r);
    record_unref(r);
  }
  s->node = record_of(json_get(question, "node"));
  alloc_world_set_node(s->w, s->node);
  for (json_each_item (i, list)) {
    assert_true(s->n < ARRAY_SIZE(s->slices));
    s->slices[s->n] = record_of(*i);
    s->without[s->n] = emptied(a, *i);
    alloc_world_set_slice(s->w, s->slices[s->n++]);
  }
  if (json_get(question, "allocated"))
    alloc_usage_add(s->u, json_get(question, "allocated"));
  s->j = alloc_job_new(s->w, (const struct json *const *)claims->u.items, json_count(claims));
}

static void
subject_release(struct subject *s)
{
  alloc_job_free(s->j);
  alloc_usage_free(s->u);
  alloc_world_free(s->w);
  for (size_t i = 0; i < s->n; i++) {
    record_unref(s->slices[i]);
    record_unref(s->without[i]);
  }
  record_unref(s->node);
}

static void
strip(struct json *v)
{
  if (json_is(v, JSON_ARRAY))
    for (uint32_t i = 0; i < v->count; i++)
      strip(v->u.items[i]);
  json_remove(v, "shareID");
  if (json_is(v, JSON_OBJECT))
    for (uint32_t i = 0; i < v->count; i++)
      strip(v->u.members[i].value);
}

static struct json *
answer(struct subject *s)
{
  struct json *v = json_new_object(s->a), **allocations;
  struct kerr err = KERR_INIT;
  struct alloc_answer run;
  int r = alloc_job_run(s->j, s->u, record_tree(s->node), NULL, &run, &err);

  if (r == 0 && run.outcome == ALLOC_OK) {
    assert_int_equal(alloc_job_allocations(s->j, s->a, &allocations, &err), 0);
    for (size_t i = 0; i < json_count(json_get(s->question, "claims")); i++)
      json_append(s->a, json_ensure_array(s->a, v, "result"), allocations[i]);
  } else if (r == 0) {
    json_set_bool(s->a, v, "unschedulable", true);
  } else {
    json_set_str(s->a, v, "error", err.msg);
    kerr_release(&err);
  }
  return v;
}

static void
expect(struct subject *s, const char *when)
{
  struct json *got = json_copy(s->a, answer(s)), *want = json_copy(s->a, s->want);

  strip(got);
  strip(want);
  json_remove(want, "nodeOnly");
  if (!vectors_equal(s->a, want, got))
    fail_msg("%s, %s:\nwant %s\n got %s", json_get_str(s->question, "id"), when, json_text(s->a, want, 0),
             json_text(s->a, got, 0));
}

/* A claim that holds the first devices of a slice. */
static struct json *
holder(struct subject *s, const struct json *slice)
{
  struct json *claim = json_new_object(s->a), *results, *result;
  const struct json *spec = json_get(slice, "spec");

  json_set_str(s->a, json_ensure_object(s->a, claim, "metadata"), "uid", "holder");
  results = json_ensure_array(
      s->a,
      json_ensure_object(s->a, json_ensure_object(s->a, json_ensure_object(s->a, claim, "status"), "allocation"),
                         "devices"),
      "results");
  for (json_each_item (d, json_get(spec, "devices"))) {
    result = json_append(s->a, results, json_new_object(s->a));
    json_set_str(s->a, result, "driver", json_get_str(spec, "driver"));
    json_set_str(s->a, result, "pool", json_get_str(json_get(spec, "pool"), "name"));
    json_set_str(s->a, result, "device", json_get_str(*d, "name"));
  }
  return claim;
}

static void
stir(struct subject *s)
{
  expect(s, "at first");
  for (size_t i = 0; i < s->n; i++) {
    const struct json *tree = record_tree(s->slices[i]);

    alloc_world_set_slice(s->w, s->without[i]);
    (void)answer(s);
    alloc_world_set_slice(s->w, s->slices[i]);
    expect(s, "after a slice was empty for a while");
    alloc_usage_set_claim(s->u, holder(s, tree));
    (void)answer(s);
    alloc_usage_remove_claim(s->u, "holder");
    expect(s, "after its devices were in use for a while");
    if (strcmp(json_get_str_or(s->question, "channel", ""), "stable") == 0)
      continue; /* there the order of slices matters, and with it when they were added */
    alloc_world_remove_slice(s->w, json_get_str(json_get(tree, "metadata"), "name"));
    (void)answer(s);
    alloc_world_set_slice(s->w, s->slices[i]);
    expect(s, "after a slice was gone for a while");
  }
}

/* A rule that taints everything, for a while; and classes that come again as they were. */
static void
stir_others(struct subject *s)
{
  struct kerr err = KERR_INIT;
  struct json *tree;
  struct record *rule, *class;

  assert_int_equal(json_parse(s->a,
                              SPAN("{\"metadata\":{\"name\":\"all\"},\"spec\":{\"deviceSelector\":{},"
                                   "\"taint\":{\"key\":\"k\",\"effect\":\"NoExecute\"}}}"),
                              NULL, &tree, &err),
                   0);
  rule = record_of(tree);
  alloc_world_set_taint_rule(s->w, rule);
  (void)answer(s);
  alloc_world_remove_taint_rule(s->w, "all");
  record_unref(rule);
  expect(s, "after everything was tainted for a while");
  for (json_each_item (c, json_get(s->question, "deviceClasses"))) {
    alloc_world_remove_class(s->w, json_get_str(json_get(*c, "metadata"), "name"));
    (void)answer(s);
    class = record_of(*c);
    alloc_world_set_class(s->w, class);
    record_unref(class);
  }
  expect(s, "after classes were gone for a while");
}

static void
changes_leave_no_trace(void **state)
{
  struct vectors v;
  struct span line;
  size_t n = 0;

  (void)state;
  assert_true(vectors_open_own(&v, "cases.jsonl"));
  while (vectors_next(&v, &line)) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
    struct kerr err = KERR_INIT;
    struct json *question;
    struct subject s;

    assert_int_equal(json_parse(a, line, NULL, &question, &err), 0);
    if (json_get(question, "nodes")) { /* the first is enough */
      json_set(a, question, "node", json_copy(a, json_at(json_get(question, "nodes"), 0)));
      json_remove(question, "nodes");
    }
    subject_init(&s, a, question);
    stir(&s);
    stir_others(&s);
    subject_release(&s);
    n++;
  }
  vectors_close(&v);
  assert_true(n > 100);
}

int
main(void)
{
  const struct CMUnitTest tests[] = { cmocka_unit_test(changes_leave_no_trace) };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
