#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdatomic.h>
#include <string.h>

#include "object.h"
#include "rest_fixture.h"

#define CM    "/api/v1/namespaces/default/configmaps"
#define MERGE "content-type: application/merge-patch+json\n"

static struct reply
make(struct fixture *f, const char *name, const char *label)
{
  return must(f, 201, "POST", CM,
              arena_printf(f->arena, "{\"metadata\":{\"name\":\"%s\",\"labels\":{\"l\":\"%s\"}}}", name, label), NULL);
}

static void
lists_come_in_pages(void **state)
{
  struct fixture *f = *state;
  struct reply r, rest;

  for (int i = 0; i < 5; i++)
    (void)make(f, arena_printf(f->arena, "page-%d", i), "page");
  r = must(f, 200, "GET", CM "?labelSelector=l%3Dpage&limit=2", NULL, NULL);
  assert_int_equal(json_count(json_get(r.doc, "items")), 2);
  assert_string_equal(at(f, &r, "/kind"), "ConfigMapList");
  assert_string_equal(at(f, &r, "/items/0/kind"), "");
  assert_string_equal(at(f, &r, "/metadata/remainingItemCount"), "");
  (void)must(f, 200, "DELETE", CM "/page-4", NULL, NULL); /* the pages show the past */
  rest =
      must(f, 200, "GET",
           arena_printf(f->arena, CM "?labelSelector=l%%3Dpage&limit=9&continue=%s", at(f, &r, "/metadata/continue")),
           NULL, NULL);
  assert_int_equal(json_count(json_get(rest.doc, "items")), 3);
  assert_string_equal(at(f, &rest, "/metadata/resourceVersion"), at(f, &r, "/metadata/resourceVersion"));
  assert_string_equal(at(f, &rest, "/metadata/continue"), "");
}

static void
lists_refuse(void **state)
{
  static const struct {
    const char *query;
    int status;
    const char *message;
  } rows[] = {
    { "limit=x", 400, "strconv.ParseInt: parsing \"x\": invalid syntax" },
    { "resourceVersion=abc", 400,
      "invalid resource version: resourceVersion: Invalid value: \"abc\": strconv.ParseUint: parsing \"abc\": invalid "
      "syntax" },
    { "continue=bm90LWEtdG9rZW4", 400,
      "invalid continue token: continue key is not valid: invalid character 'o' in literal null (expecting 'u')" },
    { "continue=%21%21", 400,
      "invalid continue token: continue key is not valid: illegal base64 data at input byte 0" },
    { "fieldSelector=spec.x%3Dy", 400,
      "\"spec.x\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"" },
    { "labelSelector=a%20b", 400, "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt" },
    { "resourceVersionMatch=Exact", 422,
      "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden "
      "unless "
      "resourceVersion is provided" },
  };
  struct fixture *f = *state;

  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct reply r = must(f, rows[i].status, "GET", arena_printf(f->arena, CM "?%s", rows[i].query), NULL, NULL);

    assert_string_equal(at(f, &r, "/message"), rows[i].message);
  }
}

static void
forms_of_an_answer(void **state)
{
  struct fixture *f = *state;
  struct reply r;

  (void)make(f, "form", "form");
  r = must(f, 200, "GET", CM "/form", NULL, "accept: application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io\n");
  assert_string_equal(at(f, &r, "/kind"), "PartialObjectMetadata");
  assert_string_equal(at(f, &r, "/data"), "");
  r = must(f, 406, "GET", CM, NULL, "accept: application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io\n");
  assert_string_equal(at(f, &r, "/message"),
                      "you requested PartialObjectMetadata, but the requested object is a list (*core.ConfigMapList)");
  r = must(f, 200, "GET", CM "?fieldSelector=metadata.name%3Dform", NULL,
           "accept: application/json;as=Table;v=v1;g=meta.k8s.io\n");
  assert_string_equal(at(f, &r, "/kind"), "Table");
  assert_string_equal(at(f, &r, "/rows/0/cells/0"), "form");
  assert_string_equal(at(f, &r, "/rows/0/object/kind"), "PartialObjectMetadata");
  r = must(f, 200, "GET", CM "/form", NULL, "accept: application/yaml\n");
  assert_non_null(strstr(r.text, "kind: ConfigMap\n"));
  r = must(f, 200, "GET", CM "/form", NULL, "accept: application/vnd.kubernetes.protobuf\n");
  assert_memory_equal(r.text, "k8s", 4);
  (void)must(f, 406, "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
             "{\"spec\":{\"nonResourceAttributes\":{\"path\":\"/\",\"verb\":\"get\"}}}",
             "accept: application/json;as=Table;v=v1;g=meta.k8s.io\n");
  r = must(f, 406, "GET", CM "/form", NULL, "accept: text/csv\n");
  assert_string_equal(at(f, &r, "/message"), "406: Not Acceptable\n\nAvailable representations: application/json, "
                                             "application/yaml, application/vnd.kubernetes.protobuf");
}

static void
watches_tell_what_happens(void **state)
{
  struct fixture *f = *state;
  struct reply first = make(f, "w0", "watched"), r;
  struct exchange_stream *s =
      open_watch(f,
                 arena_printf(f->arena, CM "?watch=1&labelSelector=l%%3Dwatched&resourceVersion=%s",
                              at(f, &first, "/metadata/resourceVersion")),
                 NULL, false);
  struct reply made = make(f, "w1", "watched");

  r = next_event(f, s, "ADDED");
  assert_string_equal(at(f, &r, "/object/metadata/name"), "w1");
  assert_string_equal(at(f, &r, "/object/kind"), "ConfigMap");
  assert_string_equal(at(f, &r, "/object/metadata/resourceVersion"), at(f, &made, "/metadata/resourceVersion"));
  (void)make(f, "w2", "other"); /* not selected */
  (void)must(f, 200, "PATCH", CM "/w1", "{\"data\":{\"a\":\"b\"}}", MERGE);
  r = next_event(f, s, "MODIFIED");
  assert_string_equal(at(f, &r, "/object/data/a"), "b");
  made = must(f, 200, "PATCH", CM "/w1", "{\"metadata\":{\"labels\":{\"l\":\"other\"}}}", MERGE);
  r = next_event(f, s, "DELETED"); /* left the selection: the form it had, at the revision of the change */
  assert_string_equal(at(f, &r, "/object/metadata/labels/l"), "watched");
  assert_string_equal(at(f, &r, "/object/metadata/resourceVersion"), at(f, &made, "/metadata/resourceVersion"));
  (void)must(f, 200, "PATCH", CM "/w2", "{\"metadata\":{\"labels\":{\"l\":\"watched\"}}}", MERGE);
  r = next_event(f, s, "ADDED"); /* came into it */
  assert_string_equal(at(f, &r, "/object/metadata/name"), "w2");
  (void)must(f, 200, "DELETE", CM "/w2", NULL, NULL);
  r = next_event(f, s, "DELETED");
  assert_string_equal(at(f, &r, "/object/metadata/name"), "w2");
  s->ops->free(s);
}

static void
watches_begin_with_what_is_there(void **state)
{
  struct fixture *f = *state;
  struct exchange_stream *s;
  struct reply r;

  (void)make(f, "i0", "initial");
  (void)make(f, "i1", "initial");
  s = open_watch(f,
                 CM "?watch=1&labelSelector=l%3Dinitial&sendInitialEvents=true&allowWatchBookmarks=true&"
                    "resourceVersionMatch=NotOlderThan",
                 NULL, false);
  r = next_event(f, s, "ADDED");
  assert_string_equal(at(f, &r, "/object/metadata/name"), "i0");
  (void)next_event(f, s, "ADDED");
  r = next_event(f, s, "BOOKMARK");
  assert_string_equal(at(f, &r, "/object/metadata/annotations/k8s.io~1initial-events-end"), "true");
  assert_string_not_equal(at(f, &r, "/object/metadata/resourceVersion"), "");
  (void)make(f, "i2", "initial");
  r = next_event(f, s, "ADDED");
  assert_string_equal(at(f, &r, "/object/metadata/name"), "i2");
  s->ops->free(s);
}

static void
woken(void *arg)
{
  atomic_fetch_add((atomic_int *)arg, 1);
}

static void
watches_wake_their_consumer_and_end(void **state)
{
  struct fixture *f = *state;
  struct exchange_stream *s = open_watch(f, CM "?watch=1&labelSelector=l%3Dnobody&timeoutSeconds=1", NULL, true);
  struct exchange_event e;
  atomic_int wakes = 0;
  int64_t end = clock_mono(f->clock) + 20 * CLOCK_SEC;
  int got;

  s->ops->set_notify(s, woken, &wakes);
  while ((got = s->ops->next(s, &e)) >= 0 && clock_mono(f->clock) < end)
    if (got == 0) {
      int before = atomic_load(&wakes);

      while (atomic_load(&wakes) == before && clock_mono(f->clock) < end)
        ;
    }
  assert_int_equal(got, -1);
  assert_true(atomic_load(&wakes) > 0);
  s->ops->free(s);
}

static void
callers_inside_get_the_records(void **state)
{
  struct fixture *f = *state;
  struct reply made = make(f, "rec", "records");
  struct exchange_stream *s = open_watch(f, CM "?watch=1&labelSelector=l%3Drecords&resourceVersion=0", NULL, true);
  struct exchange_event e;

  assert_int_equal(s->ops->next(s, &e), 1);
  assert_int_equal(e.type, EXCHANGE_ADDED);
  assert_string_equal(object_name(record_tree(e.record)), "rec");
  assert_string_equal(object_resource_version(record_tree(e.record)), at(f, &made, "/metadata/resourceVersion"));
  record_unref(e.record);
  s->ops->free(s);
}

static void
watch_options_are_checked(void **state)
{
  struct fixture *f = *state;
  struct reply r = must(f, 422, "GET", CM "?watch=1&sendInitialEvents=true", NULL, NULL);

  assert_string_equal(at(f, &r, "/message"),
                      "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: "
                      "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
  r = must(f, 500, "GET", CM "?watch=1&resourceVersion=abc", NULL, NULL);
  assert_string_equal(at(f, &r, "/message"),
                      "resourceVersion: Invalid value: \"abc\": strconv.ParseUint: parsing \"abc\": invalid syntax");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(lists_come_in_pages),
    cmocka_unit_test(lists_refuse),
    cmocka_unit_test(forms_of_an_answer),
    cmocka_unit_test(watches_tell_what_happens),
    cmocka_unit_test(watches_begin_with_what_is_there),
    cmocka_unit_test(watches_wake_their_consumer_and_end),
    cmocka_unit_test(callers_inside_get_the_records),
    cmocka_unit_test(watch_options_are_checked),
  };

  return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
