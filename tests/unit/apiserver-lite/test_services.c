#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ceilings.h"
#include "codec.h"
#include "range_map.h"
#include "rest_fixture.h"

#define SERVICES  "/api/v1/namespaces/default/services"
#define ADDRESSES "/apis/networking.k8s.io/v1/ipaddresses"

/* -- range maps -- */

#define SIZE     20
#define RESERVED 16
static const struct range_map map = { .name = "test", .text = "0-19", .size = SIZE, .reserved = RESERVED };

static void
the_band_is_left_for_last(void **state)
{
  struct fixture *f = *state;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  bool seen[SIZE] = { false };
  uint32_t got;

  for (int i = 0; i < SIZE; i++) {
    assert_int_equal(range_map_take_any(f->store, &map, &got, &err), RANGE_OURS);
    assert_true(got < SIZE && !seen[got]);
    assert_int_equal(got >= RESERVED, i < SIZE - RESERVED);
    seen[got] = true;
  }
  assert_int_equal(range_map_take_any(f->store, &map, &got, &err), RANGE_TAKEN);
  assert_int_equal(range_map_take(f->store, &map, 3, &err), RANGE_TAKEN);
  assert_int_equal(range_map_release(f->store, &map, 3, &err), 0);
  assert_int_equal(range_map_release(f->store, &map, 3, &err), 0); /* is free: nothing to do */
  assert_int_equal(range_map_take_any(f->store, &map, &got, &err), RANGE_OURS);
  assert_int_equal(got, 3);
}

static int
use_five(void *payload, struct range_bits *bits, struct kerr *reterr)
{
  (void)payload;
  (void)reterr;
  range_bits_set(bits, 5);
  return 0;
}

static void
repair_keeps_what_others_may_have(void **state)
{
  struct fixture *f = *state;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  bool had;

  assert_int_equal(range_map_take(f->store, &map, 7, &err), 0);
  assert_int_equal(range_map_repair(f->store, &map, true, use_five, NULL, &err), 0);
  assert_int_equal(range_map_has(f->store, &map, 7, &had, &err), 0);
  assert_true(had);
  assert_int_equal(range_map_take(f->store, &map, 5, &err), RANGE_TAKEN);
  assert_int_equal(range_map_repair(f->store, &map, false, use_five, NULL, &err), 0);
  assert_int_equal(range_map_has(f->store, &map, 7, &had, &err), 0);
  assert_false(had);
  assert_int_equal(range_map_take(f->store, &map, 5, &err), RANGE_TAKEN);
}

/* The bytes are upstream's: those of a big number, most significant first, without zeros in front. */
static void
the_object_is_upstreams(void **state)
{
  struct fixture *f = *state;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_record_ struct record *r = NULL;

  assert_int_equal(range_map_take(f->store, &map, 0, &err), 0);
  assert_int_equal(range_map_take(f->store, &map, 9, &err), 0);
  assert_int_equal(store_get(f->store, SPAN("/registry/ranges/test"), 0, &r, &err), 0);
  assert_string_equal(json_get_str(record_tree(r), "kind"), "RangeAllocation");
  assert_string_equal(json_get_str(record_tree(r), "range"), "0-19");
  assert_string_equal(json_get_str(record_tree(r), "data"), "AgE="); /* 02 01 */
}

static void
what_cannot_be_read_is_an_error(void **state)
{
  struct fixture *f = *state;
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr err = KERR_INIT, ignored = KERR_INIT;
  _cleanup_record_ struct record *r = NULL;
  struct json *o = json_new_object(a);
  int64_t revision;

  json_set_str(a, o, "range", "0-19");
  json_set_str(a, o, "data", "!");
  r = record_from_json(SPAN("/registry/ranges/test"), 0, o);
  assert_int_equal(store_cas(f->store, SPAN("/registry/ranges/test"), r, 0, &revision, &ignored), 0);
  assert_true(range_map_take(f->store, &map, 1, &err) < 0);
  assert_int_equal(err.code, KERR_PARSE);
}

/* -- node ports -- */

/* Another server on the fixture's store. */
static struct apiserver *
another(struct fixture *f, struct apiserver_config config)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct apiserver *ret = NULL;

  config.personality = f->personality;
  config.store = f->store;
  config.clock = f->clock;
  if (apiserver_new(&config, &ret, &err) < 0)
    fail_msg("%s", err.msg);
  return ret;
}

static const char *
named_port(struct fixture *f, const char *name, const char *port)
{
  return arena_printf(f->arena,
                      "{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"type\":\"NodePort\",\"ports\":[{\"port\":80%s%s}]}}",
                      name, *port ? ",\"nodePort\":" : "", port);
}

static void
servers_of_one_store_agree(void **state)
{
  struct fixture *f = *state;
  struct apiserver *first = f->server;
  struct reply r;

  (void)must(f, 201, "POST", SERVICES, named_port(f, "a", "30010"), NULL);
  f->server = another(f, (struct apiserver_config){ .advertise_port = 6443 });
  r = must(f, 422, "POST", SERVICES, named_port(f, "b", "30010"), NULL);
  assert_non_null(strstr(at(f, &r, "/message"), "provided port is already allocated"));
  (void)must(f, 200, "DELETE", SERVICES "/a", NULL, NULL);
  apiserver_free(f->server);
  f->server = first;
  (void)must(f, 201, "POST", SERVICES, named_port(f, "b", "30010"), NULL);
}

static void
a_range_has_an_end(void **state)
{
  struct fixture *f = *state;
  struct apiserver *first = f->server;
  struct reply r;

  f->server = another(f, (struct apiserver_config){ .node_port_range = "31000-31002" });
  for (int i = 0; i < 3; i++)
    (void)must(f, 201, "POST", SERVICES, named_port(f, arena_printf(f->arena, "s%d", i), ""), NULL);
  r = must(f, 500, "POST", SERVICES, named_port(f, "more", ""), NULL);
  assert_string_equal(at(f, &r, "/message"), "Internal error occurred: failed to allocate a nodePort: range is full");
  r = must(f, 422, "POST", SERVICES, named_port(f, "outside", "30010"), NULL);
  assert_non_null(strstr(at(f, &r, "/message"), "The range of valid ports is 31000-31002"));
  (void)must(f, 200, "DELETE", SERVICES "/s1", NULL, NULL);
  (void)must(f, 201, "POST", SERVICES, named_port(f, "more", ""), NULL);
  apiserver_free(f->server);
  f->server = first;
}

static void
ranges_are_checked(void **state)
{
  static const char *const bad[] = { "", "30000", "30000-", "0-10", "10-5", "1-65536", "1-2x", "a-b" };
  struct fixture *f = *state;

  for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
    struct apiserver_config config = {
      .personality = f->personality, .store = f->store, .clock = f->clock, .node_port_range = bad[i]
    };
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct apiserver *s = NULL;

    assert_true(apiserver_new(&config, &s, &err) < 0);
    assert_int_equal(err.code, KERR_USAGE);
  }
}

/* What is refused after it was given something gives it back, and what is tried only takes nothing. */
static void
refused_services_hold_nothing(void **state)
{
  static const struct {
    const char *query, *body;
    int status;
  } rows[] = {
    { "",
      "{\"metadata\":{\"name\":\"Bad_Name\"},\"spec\":{\"type\":\"NodePort\",\"clusterIP\":\"10.96.0.50\",\"ports\":[{"
      "\"port\":80,\"nodePort\":30020}]}}",
      422 },
    { "",
      "{\"metadata\":{\"name\":\"kubernetes\"},\"spec\":{\"type\":\"NodePort\",\"clusterIP\":\"10.96.0.50\",\"ports\":["
      "{\"port\":80,\"nodePort\":30020}]}}",
      409 },
    { "",
      "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"type\":\"LoadBalancer\",\"externalTrafficPolicy\":\"Local\","
      "\"clusterIP\":\"10.96.0.50\",\"healthCheckNodePort\":30020,\"ports\":[{\"port\":80,\"nodePort\":30020}]}}",
      500 },
    { "",
      "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"type\":\"NodePort\",\"clusterIP\":\"10.96.0.50\",\"ports\":[{"
      "\"name\":"
      "\"a\",\"port\":80,\"nodePort\":30020},{\"name\":\"b\",\"port\":81,\"nodePort\":80}]}}",
      422 },
    { "?dryRun=All",
      "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"type\":\"NodePort\",\"clusterIP\":\"10.96.0.50\",\"ports\":[{"
      "\"port\":80,\"nodePort\":30020}]}}",
      201 },
  };
  struct fixture *f = *state;

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    (void)must(f, rows[i].status, "POST", arena_printf(f->arena, SERVICES "%s", rows[i].query), rows[i].body, NULL);
    (void)must(f, 404, "GET", ADDRESSES "/10.96.0.50", NULL, NULL);
    (void)must(f, 201, "POST", SERVICES, named_port(f, "probe", "30020"), NULL);
    (void)must(f, 200, "DELETE", SERVICES "/probe", NULL, NULL);
  }
}

#define THREADS 4
#define EACH    12

static void *
make_services(void *payload)
{
  struct fixture f = *(struct fixture *)payload;

  f.arena = arena_new(CEIL_ARENA_SMALL);
  for (int i = 0; i < EACH; i++)
    (void)must(&f, 201, "POST", SERVICES,
               "{\"metadata\":{\"generateName\":\"t-\"},\"spec\":{\"type\":\"NodePort\",\"ports\":[{\"port\":80}]}}",
               NULL);
  arena_free(f.arena);
  return NULL;
}

static void
nothing_is_given_twice(void **state)
{
  struct fixture *f = *state;
  pthread_t threads[THREADS];
  bool seen[65536] = { false };
  struct json *ips = json_new_object(f->arena);

  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, make_services, f), 0);
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  struct reply r = must(f, 200, "GET", SERVICES, NULL, NULL);

  for (json_each_item (s, json_get(r.doc, "items"))) {
    const struct json *spec = json_get(*s, "spec");
    int64_t port = json_get_int(json_at(json_get(spec, "ports"), 0), "nodePort", 0);

    assert_null(json_get(ips, json_get_str(spec, "clusterIP")));
    json_set_bool(f->arena, ips, json_get_str(spec, "clusterIP"), true);
    if (!port) /* kubernetes */
      continue;
    assert_in_range(port, 30086, 32767);
    assert_false(seen[port]);
    seen[port] = true;
  }
  assert_int_equal(json_count(ips), THREADS * EACH + 1);
}

/* -- addresses -- */

static void
put_address(struct fixture *f, const char *ip, const char *made, const char *labels, const char *parent)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct span key = span_of(arena_printf(f->arena, "/registry/ipaddresses/%s", ip));
  struct json *o;
  int64_t revision;

  if (json_parse(f->arena,
                 span_of(arena_printf(f->arena,
                                      "{\"kind\":\"IPAddress\",\"apiVersion\":\"networking.k8s.io/v1\",\"metadata\":{"
                                      "\"name\":\"%s\",\"creationTimestamp\":\"%s\",\"labels\":%s},\"spec\":{"
                                      "\"parentRef\":%s}}",
                                      ip, made, labels, parent)),
                 NULL, &o, &err) < 0)
    fail_msg("%s", err.msg);
  _cleanup_record_ struct record *r = record_from_json(key, 0, o);

  if (store_cas(f->store, key, r, 0, &revision, &err) < 0)
    fail_msg("%s", err.msg);
}

/* Whose service never came is taken over, after a while. */
static void
orphans_are_taken_over(void **state)
{
#define OURS               "{\"ipaddress.kubernetes.io/managed-by\":\"ipallocator.k8s.io\"}"
#define OF(resource, name) "{\"resource\":\"" resource "\",\"namespace\":\"default\",\"name\":\"" name "\"}"
#define LONG_AGO           "2020-01-01T00:00:00Z"
  static const struct {
    const char *made, *labels, *parent;
    bool free;
  } rows[] = {
    { LONG_AGO, OURS, OF("services", "gone"), true },
    { LONG_AGO, OURS, OF("services", "kubernetes"), true }, /* which has another */
    { "2999-01-01T00:00:00Z", OURS, OF("services", "gone"), false },
    { LONG_AGO, OURS, OF("gateways", "gone"), false },
    { LONG_AGO, "{}", OF("services", "gone"), false },
  };
  struct fixture *f = *state;

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    const char *ip = arena_printf(f->arena, "10.96.0.%zu", 60 + i);

    put_address(f, ip, rows[i].made, rows[i].labels, rows[i].parent);
    (void)must(
        f, rows[i].free ? 201 : 422, "POST", SERVICES,
        arena_printf(f->arena,
                     "{\"metadata\":{\"name\":\"s%zu\"},\"spec\":{\"clusterIP\":\"%s\",\"ports\":[{\"port\":80}]}}", i,
                     ip),
        NULL);
  }
}

/* Another ServiceCIDR is another range, as soon as it is ready. */
static void
ranges_can_be_added(void **state)
{
  static const char body[] =
      "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"clusterIP\":\"192.168.9.1\",\"ports\":[{\"port\":80}]}}";
  struct fixture *f = *state;
  struct reply r;

  r = must(f, 422, "POST", SERVICES, body, NULL);
  assert_non_null(strstr(at(f, &r, "/message"), "the provided network does not match the current range"));
  (void)must(f, 201, "POST", "/apis/networking.k8s.io/v1/servicecidrs",
             "{\"metadata\":{\"name\":\"more\"},\"spec\":{\"cidrs\":[\"192.168.9.0/28\"]}}", NULL);
  (void)must(f, 200, "PATCH", "/apis/networking.k8s.io/v1/servicecidrs/more/status",
             "{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\",\"reason\":\"r\",\"message\":\"m\","
             "\"lastTransitionTime\":\"2026-01-01T00:00:00Z\"}]}}",
             "content-type: application/merge-patch+json\n");
  (void)must(f, 422, "POST", SERVICES, body, NULL);
  (void)must(f, 200, "PATCH", "/apis/networking.k8s.io/v1/servicecidrs/more/status", "{\"status\":{\"conditions\":[]}}",
             "content-type: application/merge-patch+json\n");
  (void)must(f, 201, "POST", SERVICES, body, NULL);
}

/* What a small range has left when its addresses above the band are gone. */
static void
addresses_have_an_end(void **state)
{
  struct fixture *f = *state;
  struct apiserver *first = f->server;
  struct reply r;

  f->server = another(f, (struct apiserver_config){ .service_range = "10.50.0.0/29" });
  for (int i = 0; i < 6; i++)
    (void)must(f, 201, "POST", SERVICES,
               "{\"metadata\":{\"generateName\":\"s-\"},\"spec\":{\"ports\":[{\"port\":80}]}}", NULL);
  (void)must(f, 200, "GET", ADDRESSES "/10.50.0.6", NULL, NULL);
  (void)must(f, 404, "GET", ADDRESSES "/10.50.0.7", NULL, NULL);
  (void)must(f, 200, "DELETE", "/apis/networking.k8s.io/v1/servicecidrs/kubernetes", NULL, NULL);
  r = must(f, 500, "POST", SERVICES, "{\"metadata\":{\"name\":\"more\"},\"spec\":{\"ports\":[{\"port\":80}]}}", NULL);
  assert_string_equal(at(f, &r, "/message"),
                      "Internal error occurred: failed to allocate a serviceIP for Service \"more\": range is full");
  apiserver_free(f->server);
  f->server = first;
}

/* Before 1.33 there are no IPAddress objects; addresses are nobody's twice all the same. */
static void
older_releases_keep_a_map(void **state)
{
  static const char body[] =
      "{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"clusterIP\":\"%s\",\"ports\":[{\"port\":80}]}}";
  struct fixture *f = *state, old = *f;
  struct store_config config = { .backend = "memory", .clock = f->clock };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct reply r;

  if (personality_new("1.32", NULL, NULL, &old.personality, &err) < 0 || store_open(&config, &old.store, &err) < 0)
    fail_msg("%s", err.msg);
  old.server = another(&old, (struct apiserver_config){ .advertise_port = 6443 });
  (void)must(&old, 201, "POST", SERVICES, arena_printf(f->arena, body, "a", "10.96.0.70"), NULL);
  r = must(&old, 422, "POST", SERVICES, arena_printf(f->arena, body, "b", "10.96.0.70"), NULL);
  assert_string_equal(at(f, &r, "/message"),
                      "Service \"b\" is invalid: spec.clusterIPs: Invalid value: []string{\"10.96.0.70\"}: failed to "
                      "allocate IP 10.96.0.70: provided IP is already allocated");
  r = must(&old, 422, "POST", SERVICES, arena_printf(f->arena, body, "b", "10.96.0.1"), NULL);
  assert_non_null(strstr(at(f, &r, "/message"), "provided IP is already allocated")); /* of kubernetes */
  r = must(&old, 422, "POST", SERVICES, arena_printf(f->arena, body, "b", "192.168.0.1"), NULL);
  assert_non_null(strstr(at(f, &r, "/message"), "The range of valid IPs is 10.96.0.0/12"));
  (void)must(&old, 200, "DELETE", SERVICES "/a", NULL, NULL);
  (void)must(&old, 201, "POST", SERVICES, arena_printf(f->arena, body, "b", "10.96.0.70"), NULL);
  apiserver_free(old.server);
  store_free(old.store);
  personality_unref(old.personality);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(the_band_is_left_for_last, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(repair_keeps_what_others_may_have, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(the_object_is_upstreams, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(what_cannot_be_read_is_an_error, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(servers_of_one_store_agree, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(a_range_has_an_end, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(ranges_are_checked, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(refused_services_hold_nothing, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(nothing_is_given_twice, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(orphans_are_taken_over, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(ranges_can_be_added, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(addresses_have_an_end, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(older_releases_keep_a_map, fixture_setup, fixture_teardown),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
