/*
 * Answers to ResourcePoolStatusRequests: those that Kubernetes 1.37.2 gave (tests/data/controllers/pool_status.*), what
 * 1.36 made of the same pools, and the life of a request in a cluster.
 */
#include "../test_parse.h"

#include <string.h>

#include "ceilings.h"
#include "cluster_fixture.h"
#include "controllers_internal.h"
#include "fs.h"
#include "pool_status.h"
#include "yaml.h"

#define DATA "tests/data/controllers/pool_status"
#define NOW  (1800000000 * CLOCK_SEC)

/* -- the computation -- */

struct recorded {
  struct pool_world world;
  struct json **docs;
  size_t n;
};

static struct span
read_file(struct arena *a, const char *path)
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(1 << 20);
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (fs_read(path, &b, &err) < 0)
    fail_msg("%s", err.msg);
  return arena_span(a, strbuf_view(&b));
}

static struct recorded
read_world(struct arena *a, int minor)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct recorded r = { .world.minor = minor };
  struct pool_world *w = &r.world;

  if (yaml_parse_all(a, read_file(a, DATA ".yaml"), NULL, &r.docs, &r.n, &err) < 0)
    fail_msg("%s", err.msg);
  w->slices = arena_array_of(a, const struct json *, r.n);
  w->claims = arena_array_of(a, const struct json *, r.n);
  w->rules = arena_array_of(a, const struct json *, r.n);
  for (size_t i = 0; i < r.n; i++)
    if (strcmp(object_kind(r.docs[i]), "ResourceSlice") == 0)
      w->slices[w->n_slices++] = r.docs[i];
    else if (strcmp(object_kind(r.docs[i]), "ResourceClaim") == 0)
      w->claims[w->n_claims++] = r.docs[i];
    else if (strcmp(object_kind(r.docs[i]), "DeviceTaintRule") == 0)
      w->rules[w->n_rules++] = r.docs[i];
  assert_true(w->n_slices > 50 && w->n_claims > 8 && w->n_rules == 5);
  return r;
}

/* The answer to the recorded request of that name. */
static const struct json *
answer(struct arena *a, const struct recorded *r, const char *name)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  for (size_t i = 0; i < r->n; i++)
    if (strcmp(object_kind(r->docs[i]), "ResourcePoolStatusRequest") == 0 &&
        strcmp(object_name(r->docs[i]), name) == 0) {
      struct json *request = json_copy(a, r->docs[i]);

      if (pool_status_write(a, &r->world, request, NOW, &err) < 0)
        fail_msg("%s: %s", name, err.msg);
      return json_get(request, "status");
    }
  fail_msg("no request %s", name);
  return NULL;
}

static void
answers_are_upstreams(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct recorded r = read_world(a, 37);
  struct span rest = read_file(a, DATA ".jsonl"), line;
  size_t n = 0;

  (void)state;
  while ((line = span_cut(rest, '\n', &rest)).n > 0) {
    const struct json *row = test_parse(a, arena_strndup(a, line.p, line.n));
    const char *name = json_get_str(row, "request");
    struct json *got = json_copy(a, answer(a, &r, name));
    struct json *condition = json_item(json_find(got, "conditions"), 0);

    assert_string_equal(json_get_str(condition, "lastTransitionTime"), "2027-01-15T08:00:00Z");
    json_remove(condition, "lastTransitionTime");
    if (!json_equal(got, json_get(row, "status")))
      fail_msg("%s: %s\nwanted %s", name, json_text(a, got, JSON_INDENT2 | JSON_SORTED),
               json_text(a, json_get(row, "status"), JSON_INDENT2 | JSON_SORTED));
    n++;
  }
  assert_int_equal(n, 10);
}

/* One for each result of an allocation, an administrator's too; nothing of taints, partitions and sharing. */
static void
release_36_counts_results(void **state)
{
  static const struct {
    const char *request, *pool;
    int total, allocated, available;
  } rows[] = {
    { "counts", "plain", 4, 6, 0 },
    { "counts", "tainted", 5, 1, 4 },
    { "counts", "renewed", 7, 0, 7 },
    { "counts", "everywhere", 1, 0, 1 },
    { "shared", "a-one", 1, 2, 0 },
    { "shared", "b-two", 3, 2, 1 },
    { "partitions", "e-costs-differ", 2, 0, 2 },
  };
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct recorded r = read_world(a, 36);

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    const struct json *pool =
        json_list_find(json_get(answer(a, &r, rows[i].request), "pools"), "poolName", rows[i].pool);

    assert_int_equal(json_get_int(pool, "totalDevices", -1), rows[i].total);
    assert_int_equal(json_get_int(pool, "allocatedDevices", -1), rows[i].allocated);
    assert_int_equal(json_get_int(pool, "availableDevices", -1), rows[i].available);
    assert_int_equal(json_get_int(pool, "unavailableDevices", -1), 0);
    assert_null(json_get(pool, "shareableSummary"));
    assert_null(json_get(pool, "partitionSummary"));
    assert_null(json_get(pool, "validationError"));
  }
}

/* Slices of one driver as "pool generation expected", and what becomes of a request for at most `limit` pools. */
static void
missing_slices_are_waited_for(void **state)
{
  static const struct {
    const char *slices;
    int limit;
    const char *wrong; /* NULL: answered */
  } rows[] = {
    { "a 1 1;b 1 2", 100, "pool d/b is incomplete: observed 1/2 slices at generation 1" },
    { "a 1 1;b 1 2", 1, NULL }, /* it would not be in the answer */
    { "a 1 2;a 1 2", 100, NULL },
    { "a 1 2;a 1 2;a 2 2", 100, "pool d/a is incomplete: observed 1/2 slices at generation 2" },
    { "a 3 1;a 2 5", 100, NULL },
    { "a 1 5;a 1 5;a 1 5", 100, "pool d/a is incomplete: observed 3/5 slices at generation 1" },
    { "", 100, NULL },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    const struct json *slices[4];
    struct pool_world w = { .slices = slices, .minor = 37 };
    struct span rest = span_of(rows[i].slices);
    struct json *request = test_parse_quoted(a, arena_printf(a, "{'spec':{'driver':'d','limit':%d}}", rows[i].limit));

    while (rest.n) {
      struct span one = span_cut(rest, ';', &rest), numbers, name = span_cut(one, ' ', &numbers), expected;
      struct span generation = span_cut(numbers, ' ', &expected);

      slices[w.n_slices++] = test_parse_quoted(
          a,
          arena_printf(a, "{'spec':{'driver':'d','pool':{'name':'%.*s','generation':%.*s,'resourceSliceCount':%.*s}}}",
                       SPAN_FMT(name), SPAN_FMT(generation), SPAN_FMT(expected)));
    }
    if (rows[i].wrong) {
      assert_int_equal(pool_status_write(a, &w, request, NOW, &err), -KERR_UNAVAILABLE);
      assert_string_equal(err.msg, rows[i].wrong);
      assert_null(json_get(request, "status"));
    } else {
      assert_int_equal(pool_status_write(a, &w, request, NOW, &err), 0);
      assert_true(object_condition_is_true(request, "Complete"));
    }
  }
}

static void
requests_expire(void **state)
{
#define DONE(type, minutes) "{'status':{'conditions':[{'type':'" type "','lastTransitionTime':'" minutes "'}]}}"
  static const struct {
    const char *request;
    bool expired;
  } rows[] = {
    /* at 08:00 */
    { DONE("Complete", "2027-01-15T07:00:00Z"), false },
    { DONE("Complete", "2027-01-15T06:59:59Z"), true },
    { DONE("Failed", "2027-01-15T05:00:00Z"), true },
    { "{'metadata':{'creationTimestamp':'2027-01-15T06:59:59Z'},'status':{}}", true },
    { "{'metadata':{'creationTimestamp':'2027-01-15T07:30:00Z'},'status':{'conditions':[{'type':'Other',"
      "'lastTransitionTime':'2027-01-01T00:00:00Z'}]}}",
      false },
    { "{'metadata':{'creationTimestamp':'2027-01-14T08:00:00Z'}}", false },
    { "{'metadata':{'creationTimestamp':'2027-01-14T07:59:59Z'}}", true },
    { "{}", false }, /* a moment that nobody noted is not long ago */
  };
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
    if (pool_request_has_expired(test_parse_quoted(a, rows[i].request), NOW) != rows[i].expired)
      fail_msg("%s", rows[i].request);
}

/* -- in a cluster -- */

#define GATES   "DRAResourcePoolStatus=true"
#define VERSION "resource.k8s.io/v1alpha3=true"
#define REQUEST(name, driver)                                                                           \
  "apiVersion: resource.k8s.io/v1alpha3\nkind: ResourcePoolStatusRequest\nmetadata: {name: " name "}\n" \
  "spec: {driver: " driver "}\n"
#define SLICE(name, driver, devices)                                                                  \
  "apiVersion: resource.k8s.io/v1\nkind: ResourceSlice\nmetadata: {name: " name "}\n"                 \
  "spec: {driver: " driver ", nodeName: n1, pool: {name: p, generation: 1, resourceSliceCount: 2},\n" \
  "       devices: [" devices "]}\n"
#define WHOLE "whole.example.com"
#define HALF  "half.example.com"

static bool
is_answered(const struct json *o, const void *arg)
{
  (void)arg;
  return object_condition_is_true(o, "Complete");
}

static int64_t
devices_in(const struct json *request)
{
  return json_get_int(json_at(json_dig(request, "status", "pools", NULL), 0), "totalDevices", -1);
}

static void
answer_in_a_cluster(void **state)
{
  struct fixture *f = fixture_new_with(FIXTURE_API, GATES, VERSION);
  _cleanup_record_ struct record *first = NULL, *again = NULL, *pending = NULL, *late = NULL;
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  (void)state;
  fixture_create(f, &KC_RESOURCESLICES, NULL, SLICE("w1", WHOLE, "{name: d0}"));
  fixture_create(f, &KC_RESOURCESLICES, NULL, SLICE("w2", WHOLE, "{name: d1}, {name: d2}"));
  fixture_create(f, &KC_RESOURCESLICES, NULL, SLICE("h1", HALF, "{name: d0}"));
  fixture_create(f, &KC_RESOURCEPOOLSTATUSREQUESTS, NULL, REQUEST("early", WHOLE));
  fixture_start(f, FIXTURE_CONTROLLERS); /* what is there before is found, and seen whole */
  first = fixture_until(f, &KC_RESOURCEPOOLSTATUSREQUESTS, NULL, "early", is_answered, NULL);
  assert_int_equal(devices_in(record_tree(first)), 3);

  /* No answer until the pool is whole and somebody touches the request. */
  fixture_create(f, &KC_RESOURCEPOOLSTATUSREQUESTS, NULL, REQUEST("late", HALF));
  fixture_create(f, &KC_RESOURCEPOOLSTATUSREQUESTS, NULL, REQUEST("other", "other.example.com"));
  record_unref(fixture_until(f, &KC_RESOURCEPOOLSTATUSREQUESTS, NULL, "other", is_answered, NULL));
  assert_int_equal(kclient_get(fixture_client(f), &KC_RESOURCEPOOLSTATUSREQUESTS, NULL, "late", &pending, &err), 0);
  assert_null(json_get(record_tree(pending), "status"));
  fixture_create(f, &KC_RESOURCESLICES, NULL, SLICE("h2", HALF, "{name: d1}"));
  assert_int_equal(kclient_patch(fixture_client(f), &KC_RESOURCEPOOLSTATUSREQUESTS, NULL, NULL, "late",
                                 KCLIENT_MERGE_PATCH, NULL, test_parse(a, "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}"),
                                 NULL, &err),
                   0);
  late = fixture_until(f, &KC_RESOURCEPOOLSTATUSREQUESTS, NULL, "late", is_answered, NULL);
  assert_int_equal(devices_in(record_tree(late)), 2);
  assert_int_equal(kclient_get(fixture_client(f), &KC_RESOURCEPOOLSTATUSREQUESTS, NULL, "early", &again, &err), 0);
  assert_string_equal(object_resource_version(record_tree(again)), object_resource_version(record_tree(first)));
  fixture_free(f);
}

static void
old_answers_go(void **state)
{
  struct fixture *f = fixture_new_with(FIXTURE_API, GATES, VERSION);
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_record_ struct record *r = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *old;

  (void)state;
  fixture_create(f, &KC_RESOURCEPOOLSTATUSREQUESTS, NULL, REQUEST("old", "d.example.com"));
  fixture_create(f, &KC_RESOURCEPOOLSTATUSREQUESTS, NULL, REQUEST("new", "d.example.com"));
  assert_int_equal(kclient_get(fixture_client(f), &KC_RESOURCEPOOLSTATUSREQUESTS, NULL, "old", &r, &err), 0);
  old = json_copy(a, record_tree(r));
  json_set_int(a, json_ensure_object(a, old, "status"), "poolCount", 0);
  (void)object_set_condition(a, old, "Complete", "True", "CalculationComplete", "Calculated status for 0 pools",
                             clock_wall(fixture_clock(f)) - 2 * 3600 * CLOCK_SEC);
  assert_int_equal(kclient_update(fixture_client(f), &KC_RESOURCEPOOLSTATUSREQUESTS, "status", old, NULL, &err), 0);
  fixture_start(f, FIXTURE_CONTROLLERS);
  fixture_until_gone(f, &KC_RESOURCEPOOLSTATUSREQUESTS, NULL, "old");
  record_unref(fixture_until(f, &KC_RESOURCEPOOLSTATUSREQUESTS, NULL, "new", is_answered, NULL));
  fixture_free(f);
}

/* Nobody watches a kind that is not there. */
static void
watched_with_gate_and_version(void **state)
{
  static const struct {
    const char *release, *gates, *versions;
    bool watched;
  } rows[] = {
    { NULL, NULL, NULL, false },      { NULL, GATES, NULL, false },     { NULL, NULL, VERSION, false },
    { NULL, GATES, VERSION, true },   { "1.36", GATES, VERSION, true }, { NULL, GATES, "api/all=true", true },
    { "1.35", NULL, VERSION, false },
  };
  struct clock *clock = clock_new_virtual(NOW);

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct controllers_config config = { .clock = clock };
    struct controllers *c;

    if (personality_new(rows[i].release, rows[i].gates, rows[i].versions, &config.personality, &err) < 0)
      fail_msg("%s", err.msg);
    c = controllers_new(&config);
    if ((controllers_watched(c, WATCH_POOL_REQUESTS) != NULL) != rows[i].watched)
      fail_msg("%s %s %s", rows[i].release, rows[i].gates, rows[i].versions);
    controllers_free(c);
    personality_unref(config.personality);
  }
  clock_free(clock);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(answers_are_upstreams),         cmocka_unit_test(release_36_counts_results),
    cmocka_unit_test(missing_slices_are_waited_for), cmocka_unit_test(requests_expire),
    cmocka_unit_test(answer_in_a_cluster),           cmocka_unit_test(old_answers_go),
    cmocka_unit_test(watched_with_gate_and_version),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
