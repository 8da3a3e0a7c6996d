/* Explanations name the device, the rule and what of it was not satisfied. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_batch.h"
#include "alloc_explain.h"
#include "ceilings.h"

#define DEVICES                                                                          \
  "{\"name\":\"a\",\"attributes\":{\"model\":{\"string\":\"A\"},\"numa\":{\"int\":0}}}," \
  "{\"name\":\"b\",\"attributes\":{\"model\":{\"string\":\"B\"},\"numa\":{\"int\":1}}}," \
  "{\"name\":\"c\",\"attributes\":{\"model\":{\"string\":\"A\"},\"numa\":{\"int\":1}},"  \
  "\"taints\":[{\"key\":\"hot\",\"value\":\"yes\",\"effect\":\"NoSchedule\"}]},"         \
  "{\"name\":\"d\",\"attributes\":{\"model\":{\"string\":\"A\"}},\"capacity\":{\"memory\":{\"value\":\"4Gi\"}}}"

#define CASE(requests, more)                                                                                        \
  "{\"channel\":\"incubating\",\"features\":{\"DeviceTaints\":true,\"ConsumableCapacity\":true,"                    \
  "\"PartitionableDevices\":true,\"DeviceBindingAndStatus\":true},"                                                 \
  "\"node\":{\"metadata\":{\"name\":\"n1\"}},\"deviceClasses\":[{\"metadata\":{\"name\":\"gpu\"},\"spec\":"         \
  "{\"selectors\":[{\"cel\":{\"expression\":\"device.driver == \\\"x\\\" && device.attributes[\\\"x\\\"].model == " \
  "\\\"A\\\"\"}}]}}],"                                                                                              \
  "\"resourceSlices\":[{\"metadata\":{\"name\":\"s\"},\"spec\":{\"driver\":\"x\",\"nodeName\":\"n1\",\"pool\":"     \
  "{\"name\":\"p\",\"generation\":1,\"resourceSliceCount\":1},\"devices\":[" DEVICES "]}}],"                        \
  "\"claims\":[{\"metadata\":{\"name\":\"c\",\"namespace\":\"ns\"},\"spec\":{\"devices\":{\"requests\":[" requests  \
  "]" more "}}}],\"allocated\":{\"devices\":[\"x/p/a\"]}}"

static struct alloc_explanation *
explain(struct arena *a, const char *text)
{
  struct kerr err = KERR_INIT;
  struct json *question;
  struct alloc_world *w;
  struct alloc_usage *u = alloc_usage_new();
  struct alloc_job *j;
  const struct json *claims;
  struct alloc_explanation *e;

  if (json_parse(a, span_of(text), NULL, &question, &err) < 0)
    fail_msg("%s", err.msg);
  w = alloc_batch_world(question);
  alloc_usage_add(u, json_get(question, "allocated"));
  claims = json_get(question, "claims");
  j = alloc_job_new(w, (const struct json *const *)claims->u.items, json_count(claims));
  e = alloc_job_explain(j, u, json_get(question, "node"), a);
  alloc_job_free(j);
  alloc_usage_free(u);
  alloc_world_free(w);
  return e;
}

struct row {
  const char *device;
  enum alloc_reason reason;
  const char *detail; /* a part of it */
};

static void
check(const struct alloc_request_why *r, const struct row *rows, size_t n)
{
  assert_int_equal(r->n_devices, n);
  for (size_t i = 0; i < n; i++) {
    assert_string_equal(r->devices[i].device, rows[i].device);
    if (r->devices[i].reason != rows[i].reason || !strstr(r->devices[i].detail, rows[i].detail))
      fail_msg("%s: %s: %s", rows[i].device, alloc_reason_name(r->devices[i].reason), r->devices[i].detail);
  }
}

static void
every_device_has_its_first_reason(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  static const struct row rows[] = {
    { "x/p/a", ALLOC_REASON_IN_USE, "" },
    { "x/p/b", ALLOC_REASON_SELECTOR,
      "#0 of the class gpu, device.attributes[\"x\"].model == \"A\" (it has model: B)" },
    { "x/p/c", ALLOC_REASON_CAPACITY, "has no capacity \"memory\"" },
    { "x/p/d", ALLOC_REASON_CAPACITY, "8Gi of \"memory\" wanted, the device has 4Gi" },
  };
  struct alloc_explanation *e = explain(
      a, CASE("{\"name\":\"r\",\"exactly\":{\"deviceClassName\":\"gpu\",\"allocationMode\":\"ExactCount\",\"count\":1,"
              "\"capacity\":{\"requests\":{\"memory\":\"8Gi\"}}}}",
              ""));

  (void)state;
  assert_false(e->fits);
  assert_int_equal(e->n_requests, 1);
  assert_true(e->requests[0].stuck);
  check(&e->requests[0], rows, ARRAY_SIZE(rows));
}

static void
constraints_and_other_requests_are_named_where_the_search_got_stuck(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  static const struct row rows[] = {
    { "x/p/a", ALLOC_REASON_IN_USE, "" },
    { "x/p/b", ALLOC_REASON_SELECTOR, "model" },
    { "x/p/c", ALLOC_REASON_TAKEN, "for request r0 of claim ns/c" },
    { "x/p/d", ALLOC_REASON_CONSTRAINT, "matchAttribute x/numa: the device does not have it" },
  };
  struct alloc_explanation *e = explain(
      a, CASE("{\"name\":\"r0\",\"exactly\":{\"deviceClassName\":\"gpu\",\"allocationMode\":\"ExactCount\",\"count\":1,"
              "\"tolerations\":[{\"operator\":\"Exists\"}]}},"
              "{\"name\":\"r1\",\"exactly\":{\"deviceClassName\":\"gpu\",\"allocationMode\":\"ExactCount\",\"count\":1,"
              "\"tolerations\":[{\"operator\":\"Exists\"}]}}",
              ",\"constraints\":[{\"matchAttribute\":\"x/numa\"}]"));

  (void)state;
  assert_int_equal(e->n_requests, 2);
  assert_false(e->requests[0].stuck);
  assert_true(e->requests[1].stuck);
  check(&e->requests[1], rows, ARRAY_SIZE(rows));
  assert_non_null(strstr(e->requests[1].nearest, "x/p/d"));
}

static void
text_and_json_say_the_same(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  struct alloc_explanation *e = explain(
      a,
      CASE("{\"name\":\"r\",\"exactly\":{\"deviceClassName\":\"gpu\",\"allocationMode\":\"ExactCount\",\"count\":2}}",
           ""));
  struct json *json = alloc_explanation_json(e, a);
  const struct json *request = json_at(json_get(json, "requests"), 0);
  struct strbuf b;

  (void)state;
  strbuf_init(&b, CEIL_SMALL_FILE);
  alloc_explanation_text(e, true, &b);
  assert_non_null(strstr(b.p, "node n1: the claims do not fit"));
  assert_non_null(strstr(b.p, "tainted: hot=yes:NoSchedule"));
  assert_int_equal(json_count(json_get(request, "devices")), 4);
  assert_int_equal(json_get_int(request, "wanted", 0), 2);
  strbuf_release(&b);
}

/* alloc_run with `explain`: the explanation outlives the job that made it. */
static void
an_explanation_outlives_its_job(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  struct kerr err = KERR_INIT;
  struct json *question;
  const struct json *claims;
  struct alloc_result result;
  struct alloc_world *w;

  (void)state;
  if (json_parse(a,
                 SPAN(CASE("{\"name\":\"r\",\"exactly\":{\"deviceClassName\":\"gpu\",\"allocationMode\":\"ExactCount\","
                           "\"count\":9}}",
                           "")),
                 NULL, &question, &err) < 0)
    fail_msg("%s", err.msg);
  w = alloc_batch_world(question);
  claims = json_get(question, "claims");
  assert_int_equal(alloc_run(w, NULL,
                             &(struct alloc_request){ .node = json_get(question, "node"),
                                                      .claims = (const struct json *const *)claims->u.items,
                                                      .n_claims = json_count(claims),
                                                      .explain = true },
                             a, &result, &err),
                   0);
  alloc_world_free(w);
  assert_int_equal(result.outcome, ALLOC_UNSCHEDULABLE);
  assert_string_equal(result.explanation->requests[0].claim, "ns/c");
  assert_string_equal(result.explanation->requests[0].request, "r");
  assert_int_equal(result.explanation->requests[0].need, 9);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_device_has_its_first_reason),
    cmocka_unit_test(constraints_and_other_requests_are_named_where_the_search_got_stuck),
    cmocka_unit_test(text_and_json_say_the_same),
    cmocka_unit_test(an_explanation_outlives_its_job),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
