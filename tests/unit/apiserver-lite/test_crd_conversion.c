/* Conversion webhooks of CustomResourceDefinitions: an API server that asks a real HTTPS server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "hook_server.h"
#include "object.h"
#include "rest_fixture.h"

#define DEFINITIONS "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
#define V1          "/apis/example.com/v1/namespaces/default/gadgets"
#define V2          "/apis/example.com/v2/namespaces/default/gadgets"
#define MERGE       "content-type: application/merge-patch+json\n"
#define APPLY       "content-type: application/apply-patch+yaml\n"

static struct hook_server server;
static struct fixture *world;
static atomic_int objects_seen; /* in all reviews */
static char last_review[16384]; /* what came last */
static const char *spoil = "";  /* what the converter does wrong */

/* -- the converter: v1 has spec.host and spec.port, v2 has spec.address -- */

static void
convert_spec(struct arena *a, struct json *o, bool to_v2)
{
  struct json *spec = json_find(o, "spec");
  const char *address = json_get_str_or(spec, "address", ""), *colon = strchr(address, ':');

  if (to_v2 && json_get(spec, "host")) {
    json_set_str(a, spec, "address",
                 arena_printf(a, "%s:%d", json_get_str_or(spec, "host", ""), (int)json_get_int(spec, "port", 0)));
    json_remove(spec, "host");
    json_remove(spec, "port");
  } else if (!to_v2 && colon) {
    json_set_str(a, spec, "host", arena_strndup(a, address, (size_t)(colon - address)));
    json_set_int(a, spec, "port", strtol(colon + 1, NULL, 10));
    json_remove(spec, "address");
  }
}

static struct json *
convert(struct arena *a, const struct json *in, const char *wanted)
{
  struct json *o = json_copy(a, in), *meta = json_find(o, "metadata");

  json_set_str(a, o, "apiVersion", wanted);
  convert_spec(a, o, strcmp(wanted, "example.com/v2") == 0);
  if (strcmp(spoil, "version") == 0)
    json_set_str(a, o, "apiVersion", "example.com/v9");
  else if (strcmp(spoil, "kind") == 0)
    json_set_str(a, o, "kind", "Other");
  else if (strcmp(spoil, "no-kind") == 0)
    json_remove(o, "kind");
  else if (strcmp(spoil, "name") == 0)
    json_set_str(a, meta, "name", "other");
  else if (strcmp(spoil, "uid") == 0)
    json_set_str(a, meta, "uid", "other");
  else if (strcmp(spoil, "text-label") == 0)
    json_set_int(a, json_ensure_object(a, meta, "labels"), "a", 1);
  else if (strcmp(spoil, "bad-label") == 0)
    json_set_str(a, json_ensure_object(a, meta, "labels"), "a b", "c");
  else if (strcmp(spoil, "metadata") == 0) {
    json_set_str(a, json_ensure_object(a, meta, "labels"), "new", "label");
    json_set_int(a, meta, "generation", 99);
  } else if (strcmp(spoil, "number") == 0)
    return json_new_int(a, 7);
  return o;
}

static void
answer(struct hook_server *h, const struct exchange_request *req, struct exchange_answer *ret)
{
  struct arena *a = req->arena;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *review = NULL, *objects = json_new_array(a);
  const char *uid;

  (void)h;
  (void)snprintf(last_review, sizeof last_review, "%.*s", SPAN_FMT(req->body));
  assert_int_equal(json_parse(a, req->body, NULL, &review, &err), 0);
  const struct json *request = json_get(review, "request");

  uid = strcmp(spoil, "wrong-uid") == 0 ? "x" : json_get_str_or(request, "uid", "");
  for (json_each_item (o, json_get(request, "objects"))) {
    atomic_fetch_add(&objects_seen, 1);
    json_append(a, objects, convert(a, *o, json_get_str_or(request, "desiredAPIVersion", "")));
  }
  if (strcmp(spoil, "few") == 0)
    objects = json_new_array(a);
  ret->body = span_of(arena_printf(
      a, "{\"kind\":\"ConversionReview\",\"apiVersion\":\"apiextensions.k8s.io/%s\",\"response\":%s%s%s",
      strcmp(spoil, "v1beta1") == 0 ? "v1beta1" : "v1", strcmp(spoil, "no-response") == 0 ? "null}" : "{\"uid\":\"",
      strcmp(spoil, "no-response") == 0 ? "" : uid,
      strcmp(spoil, "no-response") == 0
          ? ""
          : arena_printf(a,
                         "\",\"result\":{\"status\":\"%s\",\"message\":\"no two are alike\"},\"convertedObjects\":%s}}",
                         strcmp(spoil, "fail") == 0 ? "Failure" : "Success", json_text(a, objects, JSON_COMPACT))));
}

/* -- the world -- */

static const char *
version(const char *name, bool storage, const char *properties)
{
  return arena_printf(world->arena,
                      "{\"name\":\"%s\",\"served\":true,\"storage\":%s,\"subresources\":{\"status\":{}},"
                      "\"selectableFields\":[{\"jsonPath\":\"%s\"}],\"schema\":{"
                      "\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"spec\":{\"type\":\"object\","
                      "\"properties\":{%s}},\"status\":{\"type\":\"object\",\"properties\":{\"ready\":{\"type\":"
                      "\"boolean\"}}}}}}}",
                      name, storage ? "true" : "false", storage ? ".spec.host" : ".spec.address", properties);
}

static void
define(const char *config)
{
  (void)must(
      world, 201, "POST", DEFINITIONS,
      arena_printf(world->arena,
                   "{\"metadata\":{\"name\":\"gadgets.example.com\"},\"spec\":{\"group\":\"example.com\",\"scope\":"
                   "\"Namespaced\",\"names\":{\"plural\":\"gadgets\",\"kind\":\"Gadget\"},\"versions\":[%s,%s],"
                   "\"conversion\":{\"strategy\":\"Webhook\",\"webhook\":{\"conversionReviewVersions\":[\"v1\"],"
                   "\"clientConfig\":{%s,\"caBundle\":\"%s\"}}}}}",
                   version("v1", true, "\"host\":{\"type\":\"string\"},\"port\":{\"type\":\"integer\"}"),
                   version("v2", false, "\"address\":{\"type\":\"string\"}"), config, server.ca),
      NULL);
}

static int
setup(void **state)
{
  (void)fixture_setup(state);
  world = *state;
  spoil = "";
  hook_server_start(&server, world->clock, false, answer, NULL);
  define(arena_printf(world->arena, "\"url\":\"https://localhost:%d/convert\"", server.port));
  return 0;
}

static int
teardown(void **state)
{
  hook_server_stop(&server);
  return fixture_teardown(state);
}

static struct reply
make_v1(const char *name)
{
  return must(
      world, 201, "POST", V1,
      arena_printf(world->arena,
                   "{\"apiVersion\":\"example.com/v1\",\"kind\":\"Gadget\",\"metadata\":{\"name\":\"%s\",\"labels\":"
                   "{\"l\":\"1\"}},\"spec\":{\"host\":\"%s\",\"port\":1}}",
                   name, name),
      NULL);
}

/* -- tests -- */

static void
every_verb_converts(void **state)
{
  struct fixture *f = *state;
  struct reply r;

  (void)make_v1("a");
  assert_int_equal(atomic_load(&server.calls), 0); /* what is in the stored version needs nobody */
  r = must(f, 200, "GET", V2 "/a", NULL, NULL);
  assert_string_equal(at(f, &r, "/spec/address"), "a:1");
  assert_string_equal(at(f, &r, "/apiVersion"), "example.com/v2");
  assert_null(strstr(last_review, "resourceVersion"));
  assert_non_null(strstr(last_review, "\"desiredAPIVersion\":\"example.com/v2\",\"objects\":[{\"apiVersion\":"));
  r = must(f, 201, "POST", V2,
           "{\"apiVersion\":\"example.com/v2\",\"kind\":\"Gadget\",\"metadata\":{\"name\":\"b\"},\"spec\":{\"address\":"
           "\"b:2\"}}",
           NULL);
  assert_string_equal(at(f, &r, "/spec/address"), "b:2");
  r = must(f, 200, "GET", V1 "/b", NULL, NULL);
  assert_string_equal(at(f, &r, "/spec/host"), "b");
  r = must(f, 200, "PATCH", V2 "/a", "{\"spec\":{\"address\":\"c:3\"}}", MERGE);
  assert_string_equal(at(f, &r, "/spec/address"), "c:3");
  r = must(f, 200, "PATCH", V2 "/a/status", "{\"status\":{\"ready\":true}}", MERGE);
  r = must(f, 200, "PATCH", V2 "/a?fieldManager=m&force=true",
           "{\"apiVersion\":\"example.com/v2\",\"kind\":\"Gadget\",\"metadata\":{\"name\":\"a\"},\"spec\":{\"address\":"
           "\"d:4\"}}",
           APPLY);
  r = must(f, 200, "GET", V1 "/a", NULL, NULL);
  assert_string_equal(at(f, &r, "/spec/host"), "d");
  assert_string_equal(at(f, &r, "/spec/port"), "4");
  assert_string_equal(at(f, &r, "/status/ready"), "true");
  (void)must(f, 200, "DELETE", V2 "/a", NULL, NULL);
  (void)must(f, 404, "GET", V1 "/a", NULL, NULL);
}

static void
a_list_is_one_review(void **state)
{
  struct fixture *f = *state;
  struct reply r;

  (void)make_v1("a");
  (void)make_v1("b");
  (void)make_v1("c");
  atomic_store(&objects_seen, 0);
  r = must(f, 200, "GET", V2, NULL, NULL);
  assert_int_equal(atomic_load(&server.calls), 1);
  assert_int_equal(atomic_load(&objects_seen), 3);
  assert_string_equal(at(f, &r, "/items/2/spec/address"), "c:1");
  r = must(f, 200, "GET", V2 "?limit=2", NULL, NULL);
  assert_string_equal(at(f, &r, "/items/1/spec/address"), "b:1");
  assert_string_equal(at(f, &r, "/items/2"), "");
  r = must(f, 200, "GET", V2 "?fieldSelector=spec.address%3Db:1", NULL, NULL);
  assert_string_equal(at(f, &r, "/items/0/metadata/name"), "b");
  assert_string_equal(at(f, &r, "/items/1"), "");
}

static void
metadata_is_checked(void **state)
{
  struct fixture *f = *state;
  struct reply r =
      must(f, 422, "POST", V1,
           "{\"apiVersion\":\"example.com/v1\",\"kind\":\"Gadget\",\"metadata\":{\"name\":\"a\",\"labels\":"
           "{\"a b\":\"c\"},\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"\",\"uid\":"
           "\"u\"}]}}",
           NULL);

  assert_string_equal(at(f, &r, "/details/causes/0/field"), "metadata.labels");
  assert_string_equal(at(f, &r, "/details/causes/1/field"), "metadata.ownerReferences[0].name");
}

/* Labels are the webhook's to change, the rest of the metadata is not. */
static void
metadata_stays(void **state)
{
  struct fixture *f = *state;
  struct reply r;

  (void)make_v1("a");
  spoil = "metadata";
  r = must(f, 200, "GET", V2 "?labelSelector=new%3Dlabel", NULL, NULL);
  assert_string_equal(at(f, &r, "/items/0/metadata/labels/new"), "label");
  assert_string_equal(at(f, &r, "/items/0/metadata/generation"), "1");
  assert_string_not_equal(at(f, &r, "/items/0/metadata/resourceVersion"), "");
}

#define BEGIN   "conversion webhook for example.com/v1, Kind=Gadget "
#define INVALID BEGIN "returned invalid "

static void
wrong_answers(void **state)
{
  static const struct {
    const char *spoil, *why;
  } rows[] = {
    { "fail", BEGIN "failed: no two are alike" },
    { "no-response", BEGIN "failed: no response provided" },
    { "wrong-uid", BEGIN "failed: expected response.uid=\"" },
    { "v1beta1", BEGIN "failed: converting (v1beta1.ConversionReview) to (v1.ConversionReview): unknown conversion" },
    { "few", BEGIN "returned 0 objects, expected 1" },
    { "number", "json: cannot unmarshal number into Go value of type map[string]interface {}" },
    { "no-kind", "Object 'Kind' is missing in '{\"apiVersion\":\"example.com/v2\"" },
    { "version", INVALID "object at index 0: invalid groupVersion (expected example.com/v2, received example.com/v9)" },
    { "kind", INVALID "object at index 0: invalid kind (expected Gadget, received Other)" },
    { "name", INVALID "object: must have the same name: a != other" },
    { "uid", INVALID "object: must have the same UID: " },
    { "text-label", INVALID "metadata: metadata.labels[a] must be a string, but is int64 in converted object" },
    { "bad-label", INVALID "metadata: metadata.labels: Invalid value: \"a b\": name part must consist of" },
  };
  struct fixture *f = *state;
  struct reply r;

  (void)make_v1("a");
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    spoil = rows[i].spoil;
    r = must(f, 500, "GET", V2 "/a", NULL, NULL);
    assert_non_null(strstr(at(f, &r, "/message"), rows[i].why));
    assert_string_equal(at(f, &r, "/reason"), "InternalError");
    assert_ptr_equal(strstr(at(f, &r, "/message"), "Internal error occurred: StorageError: corrupt object, Code: 7, "
                                                   "Key: /example.com/gadgets/default/a, ResourceVersion: 0, "
                                                   "AdditionalErrorMsg: object not decodable revision="),
                     at(f, &r, "/message"));
    r = must(f, 500, "GET", V2, NULL, NULL);
    assert_string_equal(at(f, &r, "/reason"), "StorageReadError");
    assert_string_equal(at(f, &r, "/details/causes/0/field"), "/registry/example.com/gadgets/default/a");
    assert_non_null(strstr(at(f, &r, "/message"), rows[i].why));
    r = must(f, 500, "PATCH", V2 "/a", "{\"spec\":{}}", MERGE);
    assert_string_equal(at(f, &r, "/reason"), "");
    assert_ptr_equal(strstr(at(f, &r, "/message"), "object not decodable revision="), at(f, &r, "/message"));
    (void)must(f, 500, "DELETE", V2 "/a", NULL, NULL);
  }
  (void)must(f, 200, "GET", V1 "/a", NULL, NULL); /* nothing has happened to it */
}

/* A thread of its own asks the webhook; what it cannot convert ends the watch. */
static void
a_watch_converts(void **state)
{
  struct fixture *f = *state;
  struct exchange_stream *s;
  struct exchange_event e;
  struct reply r;

  (void)make_v1("a");
  s = open_watch(f, V2 "?watch=1&fieldSelector=spec.address%3Da:1", NULL, false);
  r = next_event(f, s, "ADDED");
  assert_string_equal(at(f, &r, "/object/spec/address"), "a:1");
  (void)must(f, 200, "PATCH", V1 "/a", "{\"spec\":{\"port\":2}}", MERGE);
  r = next_event(f, s, "DELETED"); /* as it was when it went out of the selection */
  assert_string_equal(at(f, &r, "/object/spec/address"), "a:1");
  (void)must(f, 200, "PATCH", V1 "/a", "{\"spec\":{\"port\":1}}", MERGE);
  r = next_event(f, s, "ADDED");
  spoil = "fail";
  (void)must(f, 200, "PATCH", V1 "/a", "{\"metadata\":{\"labels\":{\"x\":\"y\"}}}", MERGE);
  r = next_event(f, s, "ERROR");
  assert_string_equal(at(f, &r, "/object/reason"), "StorageReadError");
  while (s->ops->next(s, &e) == 0)
    ;
  s->ops->free(s);
}

/* A consumer that goes away while the webhook is thinking waits for nobody. */
static void
a_watch_is_left(void **state)
{
  struct fixture *f = *state;

  for (int i = 0; i < 40; i++)
    (void)make_v1(arena_printf(f->arena, "n%d", i));
  for (int i = 0; i < 10; i++) {
    struct exchange_stream *s = open_watch(f, V2 "?watch=1", NULL, false);

    if (i % 2)
      (void)next_event(f, s, "ADDED");
    (void)must(f, 200, "PATCH", V1 "/n0", arena_printf(f->arena, "{\"spec\":{\"port\":%d}}", i + 2), MERGE);
    s->ops->free(s);
  }
}

static void
reads_that_wait_are_known(void **state)
{
  static const struct {
    const char *path;
    bool waits;
  } rows[] = {
    { V1, false },
    { V2, true },
    { V2 "/a", true },
    { "/apis/example.com/v2", false },
    { "/api/v1/nodes", false },
    { "/apis/apps/v1/deployments", false },
  };
  struct fixture *f = *state;
  struct exchange *x = apiserver_exchange(f->server);

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
    assert_int_equal(
        x->ops->may_wait(
            x, &(struct exchange_request){ .method = "GET", .path = rows[i].path, .query = "", .arena = f->arena }),
        rows[i].waits);
  (void)must(f, 200, "PATCH", DEFINITIONS "/gadgets.example.com/status",
             "{\"status\":{\"storedVersions\":[\"v1\",\"v2\"]}}", MERGE);
  assert_true(
      x->ops->may_wait(x, &(struct exchange_request){
                              .method = "GET", .path = V1, .query = "", .arena = f->arena })); /* some may be in v2 */
}

/* Who holds fields in another version does not lose them because nobody can be asked about that version. */
static void
managers_outlive_a_failure(void **state)
{
  struct fixture *f = *state;
  struct reply r;

  (void)make_v1("a");
  (void)must(f, 200, "PATCH", V2 "/a?fieldManager=two", "{\"spec\":{\"address\":\"b:2\"}}", MERGE);
  spoil = "fail";
  (void)must(f, 200, "PATCH", V1 "/a?fieldManager=one", "{\"metadata\":{\"labels\":{\"x\":\"y\"}}}", MERGE);
  r = must(
      f, 500, "PATCH", V1 "/a?fieldManager=m&force=true",
      "{\"apiVersion\":\"example.com/v1\",\"kind\":\"Gadget\",\"metadata\":{\"name\":\"a\"},\"spec\":{\"port\":3}}",
      APPLY);
  assert_non_null(strstr(at(f, &r, "/message"), "failed: no two are alike"));
  r = must(f, 200, "GET", V1 "/a", NULL, NULL);
  assert_non_null(strstr(r.text, "\"manager\":\"two\""));
}

/* The end of a definition does not depend on its webhook. */
static void
definition_goes_without_its_webhook(void **state)
{
  struct fixture *f = *state;

  (void)make_v1("a");
  spoil = "fail";
  (void)must(f, 200, "PATCH", DEFINITIONS "/gadgets.example.com",
             "[{\"op\":\"replace\",\"path\":\"/spec/versions/0/served\",\"value\":false}]",
             "content-type: application/json-patch+json\n");
  (void)must(f, 404, "GET", V1, NULL, NULL);
  (void)must(f, 200, "DELETE", DEFINITIONS "/gadgets.example.com", NULL, NULL);
  (void)must(f, 404, "GET", DEFINITIONS "/gadgets.example.com", NULL, NULL);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(every_verb_converts, setup, teardown),
    cmocka_unit_test_setup_teardown(a_list_is_one_review, setup, teardown),
    cmocka_unit_test_setup_teardown(metadata_is_checked, setup, teardown),
    cmocka_unit_test_setup_teardown(metadata_stays, setup, teardown),
    cmocka_unit_test_setup_teardown(wrong_answers, setup, teardown),
    cmocka_unit_test_setup_teardown(a_watch_converts, setup, teardown),
    cmocka_unit_test_setup_teardown(a_watch_is_left, setup, teardown),
    cmocka_unit_test_setup_teardown(managers_outlive_a_failure, setup, teardown),
    cmocka_unit_test_setup_teardown(reads_that_wait_are_known, setup, teardown),
    cmocka_unit_test_setup_teardown(definition_goes_without_its_webhook, setup, teardown),
  };

  return cmocka_run_group_tests_name("crd_conversion", tests, NULL, NULL);
}
