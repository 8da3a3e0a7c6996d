/* The life of CustomResourceDefinitions: what ends with them, what goes on, and what comes after. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "rest_fixture.h"

#define DEFINITIONS "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
#define TOYS        DEFINITIONS "/toys.example.com"
#define V1          "/apis/example.com/v1/namespaces/default/toys"
#define V2          "/apis/example.com/v2/namespaces/default/toys"
#define MERGE       "content-type: application/merge-patch+json\n"
#define JSON_PATCH  "content-type: application/json-patch+json\n"

#define SCHEMA "\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true}}"

static void
define(struct fixture *f)
{
  (void)must(
      f, 201, "POST", DEFINITIONS,
      "{\"metadata\":{\"name\":\"toys.example.com\"},\"spec\":{\"group\":\"example.com\",\"scope\":\"Namespaced\","
      "\"names\":{\"plural\":\"toys\",\"kind\":\"Toy\"},\"versions\":[{\"name\":\"v1\",\"served\":true,\"storage\":"
      "true," SCHEMA "},{\"name\":\"v2\",\"served\":true,\"storage\":false," SCHEMA "}]}}",
      NULL);
}

static void
make(struct fixture *f, const char *name)
{
  (void)must(f, 201, "POST", V1,
             arena_printf(f->arena,
                          "{\"apiVersion\":\"example.com/v1\",\"kind\":\"Toy\",\"metadata\":{\"name\":\"%s\"}}", name),
             NULL);
}

/* Nothing more comes, and the stream is over. */
static bool
ends(struct exchange_stream *s)
{
  struct exchange_event e;
  int r;

  do
    r = s->ops->next(s, &e);
  while (r == 0); /* a test that hangs here has found that it does not end */
  s->ops->free(s);
  return r < 0;
}

static void
a_watch_ends_with_its_definition(void **state)
{
  struct fixture *f = *state;
  struct exchange_stream *one, *other;

  define(f);
  make(f, "a");
  one = open_watch(f, V1 "?watch=1", NULL, false);
  other = open_watch(f, V2 "?watch=1", NULL, false);
  (void)next_event(f, one, "ADDED");
  (void)next_event(f, other, "ADDED");
  (void)must(f, 200, "DELETE", TOYS, NULL, NULL);
  (void)next_event(f, one, "DELETED");
  (void)next_event(f, other, "DELETED");
  assert_true(ends(one));
  assert_true(ends(other));
}

/* Of all versions, whichever is changed: so that nobody reads on in an old shape. */
static void
changes_that_end_a_watch(void **state)
{
  static const char *const patches[] = {
    "[{\"op\":\"replace\",\"path\":\"/spec/versions/1/served\",\"value\":false}]",
    "[{\"op\":\"add\",\"path\":\"/spec/versions/1/schema/openAPIV3Schema/description\",\"value\":\"x\"}]",
    "[{\"op\":\"add\",\"path\":\"/spec/names/shortNames\",\"value\":[\"ty\"]}]",
  };
  struct fixture *f = *state;

  define(f);
  for (size_t i = 0; i < ARRAY_SIZE(patches); i++) {
    struct exchange_stream *s = open_watch(f, V1 "?watch=1", NULL, false);

    (void)must(f, 200, "PATCH", TOYS, patches[i], JSON_PATCH);
    assert_true(ends(s));
  }
}

static void
changes_that_do_not(void **state)
{
  struct fixture *f = *state;
  struct exchange_stream *s;

  define(f);
  s = open_watch(f, V1 "?watch=1", NULL, false);
  (void)must(f, 200, "PATCH", TOYS, "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}", MERGE);
  (void)must(f, 200, "PATCH", TOYS "/status", "{\"status\":{\"storedVersions\":[\"v1\",\"v2\"]}}", MERGE);
  make(f, "a");
  (void)next_event(f, s, "ADDED");
  s->ops->free(s);
}

/* Finalizers hold an object, which holds its definition; nothing new comes meanwhile. */
static void
a_held_object_holds_its_definition(void **state)
{
  struct fixture *f = *state;
  struct exchange_stream *s;
  struct reply r;

  define(f);
  make(f, "a");
  (void)must(f, 200, "PATCH", V1 "/a", "{\"metadata\":{\"finalizers\":[\"example.com/x\"]}}", MERGE);
  s = open_watch(f, V1 "?watch=1", NULL, false);
  (void)next_event(f, s, "ADDED");
  (void)must(f, 200, "DELETE", TOYS, NULL, NULL);
  (void)next_event(f, s, "MODIFIED");
  r = must(f, 200, "GET", TOYS, NULL, NULL);
  assert_string_equal(at(f, &r, "/metadata/finalizers/0"), "customresourcecleanup.apiextensions.k8s.io");
  r = must(f, 403, "POST", V1, "{\"apiVersion\":\"example.com/v1\",\"kind\":\"Toy\",\"metadata\":{\"name\":\"b\"}}",
           NULL);
  assert_string_equal(at(f, &r, "/message"),
                      "toys.example.com \"b\" is forbidden: create not allowed while custom resource definition is "
                      "terminating");
  (void)must(f, 200, "PATCH", V1 "/a", "{\"metadata\":{\"finalizers\":null}}", MERGE);
  (void)next_event(f, s, "DELETED");
  assert_true(ends(s));
  (void)must(f, 404, "GET", TOYS, NULL, NULL);
}

/* The same name at once: nothing of the old one is left, and watches of the new one are not concerned. */
static void
another_of_the_same_name(void **state)
{
  struct fixture *f = *state;
  struct exchange_stream *s;
  struct reply r;

  for (int i = 0; i < 3; i++) {
    define(f);
    r = must(f, 200, "GET", V2, NULL, NULL);
    assert_string_equal(at(f, &r, "/items/0"), "");
    s = open_watch(f, V2 "?watch=1", NULL, false);
    make(f, "a");
    (void)next_event(f, s, "ADDED");
    (void)must(f, 200, "DELETE", TOYS, NULL, NULL);
    (void)must(f, 404, "GET", V1, NULL, NULL);
    (void)next_event(f, s, "DELETED");
    assert_true(ends(s));
  }
}

/* `schema` of a property, `more` members of the spec, each with its comma. */
static struct reply
try(struct fixture *f, const char *name, const char *root, const char *schema, const char *more)
{
  return ask(
      f, "POST", DEFINITIONS "?dryRun=All",
      arena_printf(f->arena,
                   "{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"group\":\"example.com\",\"scope\":\"Namespaced\","
                   "\"names\":{\"plural\":\"toys\",\"kind\":\"Toy\"}%s,\"versions\":[{\"name\":\"v1\",\"served\":"
                   "true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\"%s,\"properties\":"
                   "{\"a\":%s}}}}]}}",
                   name, more, root, schema),
      NULL);
}

#define URL(u)                                                                                    \
  ",\"conversion\":{\"strategy\":\"Webhook\",\"webhook\":{\"conversionReviewVersions\":[\"v1\"]," \
  "\"clientConfig\":{\"url\":\"" u "\"}}}"
#define BAD_URL "Required value: url must be a valid URL: parse "
#define FORM    "; desired format: https://host[/path]"

static void
definitions_are_refused(void **state)
{
  static const struct {
    const char *name, *root, *schema, *more, *field, *message;
  } rows[] = {
    { "", "", "{\"type\":\"string\"}", "", "metadata.name", "Required value: name or generateName is required" },
    { "x.example.com", "", "{\"type\":\"string\"}", "", "metadata.name",
      "Invalid value: \"x.example.com\": must be spec.names.plural+\".\"+spec.group" },
    { "toys.example.com", "", "{\"type\":\"string\",\"maxLength\":1,\"default\":\"xx\"}", "",
      "spec.validation.openAPIV3Schema.properties[a].default", "Too long: may not be more than 1 byte" },
    { "toys.example.com", ",\"default\":{\"a\":\"b\"}", "{\"type\":\"string\"}", "",
      "spec.validation.openAPIV3Schema.default.apiVersion", "Required value" },
    { "toys.example.com", "", "{\"type\":\"string\"}", URL("://"), "spec.conversion.webhookClientConfig.url",
      BAD_URL "\"://\": missing protocol scheme" FORM },
    { "toys.example.com", "", "{\"type\":\"string\"}", URL("https://a:b"), "spec.conversion.webhookClientConfig.url",
      BAD_URL "\"https://a:b\": invalid port \":b\" after host" FORM },
    { "toys.example.com", "", "{\"type\":\"string\"}", URL("https://[::1"), "spec.conversion.webhookClientConfig.url",
      BAD_URL "\"https://[::1\": missing ']' in host" FORM },
    { "toys.example.com", "", "{\"type\":\"string\"}", URL("1:2"), "spec.conversion.webhookClientConfig.url",
      BAD_URL "\"1:2\": first path segment in URL cannot contain colon" FORM },
    { "toys.example.com", "", "{\"type\":\"string\"}", URL("https:/a"), "spec.conversion.webhookClientConfig.url",
      "Invalid value: \"\": host must be specified" FORM },
  };
  struct fixture *f = *state;

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    struct reply r = try(f, rows[i].name, rows[i].root, rows[i].schema, rows[i].more);

    assert_int_equal(r.status, 422);
    assert_string_equal(at(f, &r, "/details/causes/0/field"), rows[i].field);
    assert_string_equal(at(f, &r, "/details/causes/0/message"), rows[i].message);
  }
}

static void
definitions_are_warned_of(void **state)
{
  static const struct {
    const char *schema, *warnings;
  } rows[] = {
    { "{\"type\":\"string\",\"format\":\"date\"}", "" },
    { "{\"type\":\"string\",\"format\":\"colour\"}", "unrecognized format \\\"colour\\\"" },
    { "{\"type\":\"integer\",\"format\":\"double\"}", "unrecognized format \\\"double\\\"" },
    { "{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"x-kubernetes-list-type\":\"set\"}", "" },
    { "{\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},\"x-kubernetes-list-type\":"
      "\"set\"}",
      "x-kubernetes-list-type: set for items of type \\\"array\\\" is not supported" },
    { "{\"x-kubernetes-int-or-string\":true,\"default\":1.5}", "" },
    { "{\"type\":\"string\",\"items\":7}", "" },
  };
  struct fixture *f = *state;

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    struct reply r = try(f, "toys.example.com", "", rows[i].schema, "");

    assert_int_equal(r.status, 201);
    if (*rows[i].warnings)
      assert_non_null(strstr(r.warnings, rows[i].warnings));
    else
      assert_string_equal(r.warnings, "");
    assert_null(strstr(r.text, "\"items\":null"));
  }
}

#define DOLLS "/apis/example.com/v1/namespaces/default/dolls"

static void
objects_are_refused(void **state)
{
  static const struct {
    const char *method, *target, *body;
    int status;
    const char *message;
  } rows[] = {
    { "POST", DOLLS, "{\"apiVersion\":\"example.com/v1\",\"kind\":\"Bar\",\"metadata\":{\"name\":\"b\"}}", 422,
      "Bar.example.com \"b\" is invalid: kind: Invalid value: \"Bar\": must be Doll" },
    { "POST", DOLLS, "{\"apiVersion\":\"example.com/v1\",\"kind\":7}", 400,
      "the object provided is unrecognized (must be of type Doll): couldn't get version/kind; json parse error: json: "
      "cannot unmarshal number into Go struct field .kind of type string" },
    { "POST", DOLLS,
      "{\"apiVersion\":\"example.com/v1\",\"kind\":\"Doll\",\"metadata\":{\"name\":\"b\",\"resourceVersion\":\"1\"}}",
      500, "resourceVersion should not be set on objects to be created" },
    { "POST", DOLLS "?dryRun=All",
      "{\"apiVersion\":\"example.com/v1\",\"kind\":\"Doll\",\"metadata\":{\"name\":\"b\",\"resourceVersion\":\"1\"}}",
      201, "" },
    { "PATCH", DOLLS "/a/scale", "{\"spec\":{\"replicas\":\"x\"}}", 422,
      "json: cannot unmarshal string into Go struct field ScaleSpec.spec.replicas of type int32" },
    { "PATCH", DOLLS "/a/scale", "{\"spec\":{\"replicas\":2147483648}}", 422,
      "json: cannot unmarshal number 2147483648 into Go struct field ScaleSpec.spec.replicas of type int32" },
    { "PATCH", DOLLS "/a/scale", "7", 400,
      "error decoding patch: json: cannot unmarshal number into Go value of type map[string]interface {}" },
    { "PATCH", DOLLS "/a/scale", "{\"spec\":{\"replicas\":3}}", 200, "" },
  };
  struct fixture *f = *state;
  struct reply r;

  (void)must(
      f, 201, "POST", DEFINITIONS,
      "{\"metadata\":{\"name\":\"dolls.example.com\"},\"spec\":{\"group\":\"example.com\",\"scope\":\"Namespaced\","
      "\"names\":{\"plural\":\"dolls\",\"kind\":\"Doll\"},\"versions\":[{\"name\":\"v1\",\"served\":true,"
      "\"storage\":true,\"subresources\":{\"scale\":{\"specReplicasPath\":\".spec.n\",\"statusReplicasPath\":"
      "\".status.n\"}}," SCHEMA "}]}}",
      NULL);
  (void)must(f, 201, "POST", DOLLS,
             "{\"apiVersion\":\"example.com/v1\",\"kind\":\"Doll\",\"metadata\":{\"name\":\"a\"},\"spec\":{\"n\":1}}",
             NULL);
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    r = must(f, rows[i].status, rows[i].method, rows[i].target, rows[i].body, rows[i].method[1] == 'A' ? MERGE : NULL);
    assert_non_null(strstr(at(f, &r, "/message"), rows[i].message));
  }
  r = must(f, 200, "GET", DOLLS "/a", NULL, NULL);
  assert_string_equal(at(f, &r, "/spec/n"), "3");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(a_watch_ends_with_its_definition, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(changes_that_end_a_watch, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(changes_that_do_not, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(a_held_object_holds_its_definition, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(another_of_the_same_name, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(definitions_are_refused, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(definitions_are_warned_of, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(objects_are_refused, fixture_setup, fixture_teardown),
  };

  return cmocka_run_group_tests_name("crd_life", tests, NULL, NULL);
}
