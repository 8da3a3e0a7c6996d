/* Admission webhooks: an API server that calls a real HTTPS server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "codec.h"
#include "hook_server.h"
#include "rest_fixture.h"

#define CONFIGS "/apis/admissionregistration.k8s.io/v1/"
#define MAPS    "/api/v1/namespaces/default/configmaps"
#define DRY     "?dryRun=All"

static struct hook_server server; /* of the test that runs */
static struct fixture *world;     /* its API server */
/* What came last; several of the server's threads may be answering at a time. */
static pthread_mutex_t review_lock = PTHREAD_MUTEX_INITIALIZER;
static char last_review[16384];

struct script {                /* what a path answers */
  const char *path, *response; /* response without uid; NULL: the text below is the whole answer */
  const char *patch;           /* put in as base64 */
  const char *whole;
};

static const struct script scripts[] = {
  { "/allow", "\"allowed\":true", NULL, NULL },
  { "/deny", "\"allowed\":false,\"status\":{\"code\":403,\"reason\":\"Forbidden\",\"message\":\"not today\"}", NULL,
    NULL },
  { "/deny-reason", "\"allowed\":false,\"status\":{\"reason\":\"Bored\",\"code\":200}", NULL, NULL },
  { "/deny-silent", "\"allowed\":false", NULL, NULL },
  { "/warn", "\"allowed\":true,\"warnings\":[\"careful\"]", NULL, NULL },
  { "/label", "\"allowed\":true,\"patchType\":\"JSONPatch\"",
    "[{\"op\":\"add\",\"path\":\"/metadata/labels\",\"value\":{\"a\":\"b\"}}]", NULL },
  { "/data", "\"allowed\":true,\"patchType\":\"JSONPatch\"",
    "[{\"op\":\"add\",\"path\":\"/data\",\"value\":{\"k\":\"v\"}}]", NULL },
  { "/bad-path", "\"allowed\":true,\"patchType\":\"JSONPatch\"", "[{\"op\":\"remove\",\"path\":\"/nothing/here\"}]",
    NULL },
  { "/bad-type", "\"allowed\":true,\"patchType\":\"JSONPatch\"",
    "[{\"op\":\"add\",\"path\":\"/data\",\"value\":\"text\"}]", NULL },
  { "/no-json", "\"allowed\":true,\"patchType\":\"JSONPatch\"", "{]", NULL },
  { "/no-list", "\"allowed\":true,\"patchType\":\"JSONPatch\"", "{}", NULL },
  { "/no-type", "\"allowed\":true", "[]", NULL },
  { "/other-type", "\"allowed\":true,\"patchType\":\"Merge\"", "[{}]", NULL },
  { "/no-response", NULL, NULL, "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\"}" },
  { "/list", NULL, NULL, "[]" },
  { "/wrong-uid", NULL, NULL,
    "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"response\":{\"uid\":\"x\"}}" },
  { "/wrong-bool", NULL, NULL,
    "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"response\":{\"allowed\":\"yes\"}}" },
};

static const char *
base64(struct arena *a, const char *text)
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(1 << 16);

  codec_base64(&b, span_of(text));
  return arena_strdup(a, b.p);
}

static void
answer(struct hook_server *h, const struct exchange_request *req, struct exchange_answer *ret)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *review = NULL;
  const struct script *s = NULL;

  (void)h;
  pthread_mutex_lock(&review_lock);
  (void)snprintf(last_review, sizeof last_review, "%.*s", SPAN_FMT(req->body));
  pthread_mutex_unlock(&review_lock);
  if (json_parse(req->arena, req->body, NULL, &review, &err) < 0)
    return;
  for (size_t i = 0; i < ARRAY_SIZE(scripts); i++)
    if (strcmp(scripts[i].path, req->path) == 0)
      s = &scripts[i];
  if (!s)
    ret->status = 404;
  else if (s->whole)
    ret->body = span_of(s->whole);
  else
    ret->body = span_of(arena_printf(
        req->arena,
        "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"response\":{\"uid\":\"%s\",%s%s%s%s}}",
        json_get_str_or(json_get(review, "request"), "uid", ""), s->response, s->patch ? ",\"patch\":\"" : "",
        s->patch ? base64(req->arena, s->patch) : "", s->patch ? "\"" : ""));
}

static void
review_has(const char *part)
{
  pthread_mutex_lock(&review_lock);
  bool has = strstr(last_review, part) != NULL;

  pthread_mutex_unlock(&review_lock);
  if (!has)
    fail_msg("no %s in %s", part, last_review);
}

static int
setup(void **state)
{
  (void)fixture_setup(state);
  world = *state;
  hook_server_start(&server, world->clock, false, answer, NULL);
  return 0;
}

static int
teardown(void **state)
{
  hook_server_stop(&server);
  return fixture_teardown(state);
}

/* A configuration of one webhook about everything in configmaps; `more`: further members, each with its comma. */
static void
install(const char *kind, const char *name, const char *path, const char *more)
{
  const char *lower = kind[0] == 'M' ? "mutatingwebhookconfigurations" : "validatingwebhookconfigurations";
  const char *doc = arena_printf(
      world->arena,
      "{\"apiVersion\":\"admissionregistration.k8s.io/v1\",\"kind\":\"%sWebhookConfiguration\",\"metadata\":{\"name\":"
      "\"%s\"},\"webhooks\":[{\"name\":\"%s.example.com\",\"admissionReviewVersions\":[\"v1\"],\"sideEffects\":"
      "\"None\",\"clientConfig\":{\"url\":\"https://localhost:%d%s\",\"caBundle\":\"%s\"},\"rules\":[{\"operations\":"
      "[\"*\"],\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],\"resources\":[\"configmaps\"]}]%s}]}",
      kind, name, name, server.port, path, server.ca, more);

  (void)must(world, 201, "POST", arena_printf(world->arena, CONFIGS "%s", lower), doc, NULL);
}

static void
uninstall(const char *kind, const char *name)
{
  const char *lower = kind[0] == 'M' ? "mutatingwebhookconfigurations" : "validatingwebhookconfigurations";

  (void)must(world, 200, "DELETE", arena_printf(world->arena, CONFIGS "%s/%s", lower, name), NULL, NULL);
}

static const char map[] = "{\"metadata\":{\"generateName\":\"m-\"}}";

#define FAILED "Internal error occurred: failed calling webhook \"h.example.com\": "

static void
refusals(void **state)
{
  static const struct {
    const char *kind, *path;
    int status;
    const char *message;
  } rows[] = {
    { "Validating", "/allow", 201, "" },
    { "Validating", "/deny", 403, "admission webhook \"h.example.com\" denied the request: not today" },
    { "Mutating", "/deny", 403, "admission webhook \"h.example.com\" denied the request: not today" },
    { "Validating", "/deny-reason", 400, "admission webhook \"h.example.com\" denied the request: Bored" },
    { "Validating", "/deny-silent", 400, "admission webhook \"h.example.com\" denied the request without explanation" },
    { "Validating", "/label", 500,
      FAILED "received invalid webhook response: validating webhook may not return response.patch" },
    { "Mutating", "/bad-path", 500,
      "Internal error occurred: remove operation does not apply: doc is missing path: \"/nothing/here\": missing "
      "value" },
    { "Mutating", "/bad-type", 500,
      "Internal error occurred: json: cannot unmarshal string into Go struct field "
      "ConfigMap.data of type map[string]string" },
    { "Mutating", "/no-json", 500,
      FAILED "received undecodable patch in webhook response: invalid character ']' looking for beginning of object "
             "key string" },
    { "Mutating", "/no-list", 500,
      FAILED "received undecodable patch in webhook response: json: cannot unmarshal object into Go value of type "
             "jsonpatch.Patch" },
    { "Mutating", "/no-type", 500,
      FAILED "received invalid webhook response: webhook returned response.patch but not response.patchType" },
    { "Mutating", "/other-type", 500, FAILED "unsupported patch type \"Merge\"" },
    { "Mutating", "/no-response", 500, FAILED "received invalid webhook response: webhook response was absent" },
    { "Validating", "/wrong-bool", 500,
      FAILED "failed to call webhook: json: cannot unmarshal string into Go struct field "
             "AdmissionResponse.response.allowed of "
             "type bool" },
    { "Validating", "/nowhere", 500,
      FAILED "failed to call webhook: the server could not find the requested resource" },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    install(rows[i].kind, "h", rows[i].path, "");
    struct reply r = must(world, rows[i].status, "POST", MAPS, map, NULL);

    assert_string_equal(at(world, &r, "/message"), rows[i].message);
    uninstall(rows[i].kind, "h");
    if (rows[i].status != 500 || strncmp(rows[i].message, FAILED, strlen(FAILED)) != 0)
      continue;
    install(rows[i].kind, "h", rows[i].path, ",\"failurePolicy\":\"Ignore\"");
    (void)must(world, 201, "POST", MAPS, map, NULL);
    uninstall(rows[i].kind, "h");
  }
  install("Validating", "h", "/wrong-uid", "");
  struct reply r = must(world, 500, "POST", MAPS, map, NULL);

  assert_non_null(strstr(at(world, &r, "/message"), "received invalid webhook response: expected response.uid=\""));
  assert_non_null(strstr(at(world, &r, "/message"), "\", got \"x\""));
}

static void
what_is_asked(void **state)
{
  (void)state;
  install("Validating", "h", "/allow", "");
  (void)must(world, 201, "POST", MAPS "?fieldManager=me&dryRun=All",
             "{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"v\"}}", NULL);
  const struct {
    const char *part;
  } parts[] = { { "\"kind\":{\"group\":\"\",\"version\":\"v1\",\"kind\":\"ConfigMap\"}" },
                { "\"resource\":{\"group\":\"\",\"version\":\"v1\",\"resource\":\"configmaps\"}" },
                { "\"name\":\"a\",\"namespace\":\"default\",\"operation\":\"CREATE\"" },
                { "\"userInfo\":{\"username\":\"admin\",\"groups\":[\"system:masters\"]}" },
                { "\"object\":{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\"" },
                { "\"oldObject\":null,\"dryRun\":true,\"options\":{\"kind\":\"CreateOptions\",\"apiVersion\":"
                  "\"meta.k8s.io/v1\",\"dryRun\":[\"All\"],\"fieldManager\":\"me\"}" } };

  for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
    review_has(parts[i].part);
  (void)must(world, 201, "POST", MAPS, "{\"metadata\":{\"name\":\"a\"}}", NULL);
  (void)must(world, 200, "PATCH", MAPS "/a", "{\"data\":{\"k\":\"w\"}}", "content-type: application/merge-patch+json");
  review_has("\"operation\":\"UPDATE\"");
  review_has("\"options\":{\"kind\":\"UpdateOptions\"");
  (void)must(world, 200, "DELETE", MAPS "/a", "{\"gracePeriodSeconds\":0}", "content-type: application/json");
  review_has("\"operation\":\"DELETE\"");
  review_has("\"object\":null,\"oldObject\":{\"kind\":\"ConfigMap\"");
  review_has("\"gracePeriodSeconds\":0");
  int calls = atomic_load(&server.calls);

  (void)must(world, 200, "GET", MAPS, NULL, NULL);
  (void)must(world, 201, "POST", "/api/v1/namespaces/default/secrets", map, NULL);
  assert_int_equal(atomic_load(&server.calls), calls); /* not about those */
}

static void
warnings(void **state)
{
  (void)state;
  install("Validating", "h", "/warn", "");
  struct reply r = must(world, 201, "POST", MAPS, map, NULL);

  assert_non_null(strstr(r.warnings, "careful"));
}

static void
patches_in_order(void **state)
{
  (void)state;
  install("Mutating", "b", "/data", "");
  install("Mutating", "a", "/label", ",\"reinvocationPolicy\":\"IfNeeded\"");
  struct reply r = must(world, 201, "POST", MAPS, map, NULL);

  assert_string_equal(at(world, &r, "/metadata/labels/a"), "b");
  assert_string_equal(at(world, &r, "/data/k"), "v");
  assert_int_equal(atomic_load(&server.calls), 3); /* a, b, and a again, because b has changed the object */
  uninstall("Mutating", "b");
  (void)must(world, 201, "POST", MAPS, map, NULL);
  assert_int_equal(atomic_load(&server.calls), 4); /* nobody changed it after a */
}

static void
side_effects_and_dry_run(void **state)
{
  (void)state;
  install("Validating", "h", "/allow", ",\"failurePolicy\":\"Ignore\"");
  (void)must(world, 201, "POST", MAPS DRY, map, NULL);
  assert_int_equal(atomic_load(&server.calls), 1);
}

#define CONDITION(expression) ",\"matchConditions\":[{\"name\":\"c\",\"expression\":\"" expression "\"}]"

static void
selectors(void **state)
{
  static const struct {
    const char *more, *body;
    int calls;
  } rows[] = {
    { ",\"objectSelector\":{\"matchLabels\":{\"x\":\"y\"}}", map, 0 },
    { ",\"objectSelector\":{\"matchLabels\":{\"x\":\"y\"}}",
      "{\"metadata\":{\"generateName\":\"m-\",\"labels\":{\"x\":\"y\"}}}", 1 },
    { ",\"namespaceSelector\":{\"matchLabels\":{\"kubernetes.io/metadata.name\":\"default\"}}", map, 1 },
    { ",\"namespaceSelector\":{\"matchLabels\":{\"kubernetes.io/metadata.name\":\"other\"}}", map, 0 },
    { CONDITION("request.userInfo.username == 'admin'"), map, 1 },
    { CONDITION("request.operation == 'UPDATE'"), map, 0 },
    { CONDITION("object.data.none == ''") ",\"failurePolicy\":\"Ignore\"", map, 0 },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    atomic_store(&server.calls, 0);
    install("Validating", "h", "/allow", rows[i].more);
    (void)must(world, 201, "POST", MAPS, rows[i].body, NULL);
    assert_int_equal(atomic_load(&server.calls), rows[i].calls);
    uninstall("Validating", "h");
  }
  install("Validating", "h", "/allow", CONDITION("object.data.none == ''"));
  struct reply r = must(world, 403, "POST", MAPS, "{\"metadata\":{\"name\":\"m\"}}", NULL);

  assert_non_null(strstr(at(world, &r, "/message"), "configmaps \"m\" is forbidden: "));
}

static void
many_at_once(void **state)
{
  (void)state;
  for (int i = 0; i < 6; i++)
    install("Validating", arena_printf(world->arena, "h%d", i), i == 4 ? "/deny" : "/allow", "");
  struct reply r = must(world, 403, "POST", MAPS, map, NULL);

  assert_string_equal(at(world, &r, "/message"), "admission webhook \"h4.example.com\" denied the request: not today");
  assert_int_equal(atomic_load(&server.calls), 6);
}

/* A webhook for v1 of device classes is asked in v1 whatever version the client speaks. */
static void
equivalent_versions(void **state)
{
  static const char config[] =
      "{\"apiVersion\":\"admissionregistration.k8s.io/v1\",\"kind\":\"MutatingWebhookConfiguration\",\"metadata\":"
      "{\"name\":\"c\"},\"webhooks\":[{\"name\":\"c.example.com\",\"admissionReviewVersions\":[\"v1\"],\"sideEffects\":"
      "\"None\",\"matchPolicy\":\"%s\",\"clientConfig\":{\"url\":\"https://localhost:%d/label\",\"caBundle\":\"%s\"},"
      "\"rules\":[{\"operations\":[\"CREATE\"],\"apiGroups\":[\"resource.k8s.io\"],\"apiVersions\":[\"v1\"],"
      "\"resources\":[\"deviceclasses\"]}]}]}";
  static const char class[] = "{\"metadata\":{\"name\":\"x\"},\"spec\":{}}";

  (void)state;
  (void)must(world, 201, "POST", CONFIGS "mutatingwebhookconfigurations",
             arena_printf(world->arena, config, "Exact", server.port, server.ca), NULL);
  struct reply r = must(world, 201, "POST", "/apis/resource.k8s.io/v1beta1/deviceclasses" DRY, class, NULL);

  assert_int_equal(atomic_load(&server.calls), 0);
  uninstall("Mutating", "c");
  (void)must(world, 201, "POST", CONFIGS "mutatingwebhookconfigurations",
             arena_printf(world->arena, config, "Equivalent", server.port, server.ca), NULL);
  r = must(world, 201, "POST", "/apis/resource.k8s.io/v1beta1/deviceclasses", class, NULL);
  assert_string_equal(at(world, &r, "/metadata/labels/a"), "b");
  assert_string_equal(at(world, &r, "/apiVersion"), "resource.k8s.io/v1beta1");
  review_has("\"object\":{\"kind\":\"DeviceClass\",\"apiVersion\":\"resource.k8s.io/v1\"");
  review_has("\"requestResource\":{\"group\":\"resource.k8s.io\",\"version\":\"v1beta1\"");
}

/* What a subresource is asked with is what webhooks see; what follows from it is not asked about again. */
static void
subresources(void **state)
{
  static const char config[] =
      "{\"apiVersion\":\"admissionregistration.k8s.io/v1\",\"kind\":\"ValidatingWebhookConfiguration\",\"metadata\":"
      "{\"name\":\"s\"},\"webhooks\":[{\"name\":\"s.example.com\",\"admissionReviewVersions\":[\"v1\"],\"sideEffects\":"
      "\"None\",\"clientConfig\":{\"url\":\"https://localhost:%d/deny\",\"caBundle\":\"%s\"},\"rules\":[{"
      "\"operations\":[\"*\"],\"apiGroups\":[\"*\"],\"apiVersions\":[\"*\"],\"resources\":[\"pods/binding\","
      "\"pods/eviction\",\"pods/exec\",\"deployments/scale\"]}]}]}";
  static const char pod[] = "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":"
                            "\"x\"}]}}";
  static const char deployment[] =
      "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{"
      "\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"x\"}]}}}}";
#define POD         "/api/v1/namespaces/default/pods/p"
#define DEPLOYMENTS "/apis/apps/v1/namespaces/default/deployments"
  static const struct {
    const char *method, *path, *body, *headers, *asked; /* asked: is in the review */
  } rows[] = {
    { "POST", POD "/binding", "{\"metadata\":{\"name\":\"p\"},\"target\":{\"name\":\"n\"}}", NULL,
      "\"kind\":{\"group\":\"\",\"version\":\"v1\",\"kind\":\"Binding\"},\"resource\":{\"group\":\"\",\"version\":"
      "\"v1\",\"resource\":\"pods\"},\"subResource\":\"binding\"" },
    { "POST", POD "/eviction", "{\"metadata\":{\"name\":\"p\"}}", NULL,
      "\"kind\":{\"group\":\"policy\",\"version\":\"v1\",\"kind\":\"Eviction\"}" },
    { "GET", POD "/exec?container=c&command=ls&command=-l&stdin=true", NULL, NULL,
      "\"operation\":\"CONNECT\",\"userInfo\":{\"username\":\"admin\",\"groups\":[\"system:masters\"]},\"object\":{"
      "\"kind\":\"PodExecOptions\",\"apiVersion\":\"v1\",\"stdin\":true,\"container\":\"c\",\"command\":[\"ls\","
      "\"-l\"]},\"oldObject\":null,\"dryRun\":false,\"options\":null" },
    { "PATCH", DEPLOYMENTS "/d/scale", "{\"spec\":{\"replicas\":3}}", "content-type: application/merge-patch+json",
      "\"kind\":{\"group\":\"autoscaling\",\"version\":\"v1\",\"kind\":\"Scale\"}" },
  };

  (void)state;
  (void)must(world, 201, "POST", "/api/v1/namespaces/default/serviceaccounts", "{\"metadata\":{\"name\":\"default\"}}",
             NULL);
  (void)must(world, 201, "POST", "/api/v1/namespaces/default/pods", pod, NULL);
  (void)must(world, 201, "POST", DEPLOYMENTS, deployment, NULL);
  (void)must(world, 201, "POST", CONFIGS "validatingwebhookconfigurations",
             arena_printf(world->arena, config, server.port, server.ca), NULL);
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    struct reply r = must(world, 403, rows[i].method, rows[i].path, rows[i].body, rows[i].headers);

    assert_string_equal(at(world, &r, "/message"), "admission webhook \"s.example.com\" denied the request: not today");
    review_has(rows[i].asked);
  }
  uninstall("Validating", "s");
  (void)must(world, 201, rows[0].method, rows[0].path, rows[0].body, NULL);
  struct reply r = must(world, 200, rows[3].method, rows[3].path, rows[3].body, rows[3].headers);

  assert_string_equal(at(world, &r, "/spec/replicas"), "3");
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
  const struct CMUnitTest tests[] = {
    TEST(refusals),
    TEST(what_is_asked),
    TEST(warnings),
    TEST(patches_in_order),
    TEST(side_effects_and_dry_run),
    TEST(selectors),
    TEST(many_at_once),
    TEST(equivalent_versions),
    TEST(subresources),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
