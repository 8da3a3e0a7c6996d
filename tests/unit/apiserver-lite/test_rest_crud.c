#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "rest_fixture.h"

#define CLAIMS "/apis/resource.k8s.io/v1/namespaces/default/resourceclaims"
#define CLAIM(name)                                                                                         \
  "{\"apiVersion\":\"resource.k8s.io/v1\",\"kind\":\"ResourceClaim\",\"metadata\":{\"name\":\"" name "\"}," \
  "\"spec\":{\"devices\":{\"requests\":[{\"name\":\"gpu\",\"exactly\":{\"deviceClassName\":\"gpu.example.com\"}}]}}}"
#define CM         "/api/v1/namespaces/default/configmaps"
#define MERGE      "content-type: application/merge-patch+json\n"
#define JSON_PATCH "content-type: application/json-patch+json\n"

static void
bootstrap_objects_are_there(void **state)
{
  struct fixture *f = *state;
  struct reply r = must(f, 200, "GET", "/api/v1/namespaces/kube-system", NULL, NULL);

  assert_string_equal(at(f, &r, "/status/phase"), "Active");
  assert_string_equal(at(f, &r, "/spec/finalizers/0"), "kubernetes");
  assert_string_equal(at(f, &r, "/metadata/labels/kubernetes.io~1metadata.name"), "kube-system");
  r = must(f, 200, "GET", "/api/v1/namespaces/default/services/kubernetes", NULL, NULL);
  assert_string_equal(at(f, &r, "/spec/clusterIP"), "10.96.0.1");
  (void)must(f, 200, "GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/cluster-admin", NULL, NULL);
  r = must(f, 200, "GET", "/apis/scheduling.k8s.io/v1/priorityclasses/system-node-critical", NULL, NULL);
  assert_string_equal(at(f, &r, "/value"), "2000001000");
}

static void
a_server_starts_again_on_its_store(void **state)
{
  struct fixture *f = *state;
  struct apiserver_config config = { .personality = f->personality,
                                     .store = f->store,
                                     .clock = f->clock,
                                     .advertise_address = "127.0.0.1",
                                     .advertise_port = 6443 };
  struct apiserver *again = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int64_t before = store_revision(f->store);

  if (apiserver_new(&config, &again, &err) < 0)
    fail_msg("%s", err.msg);
  assert_true(store_revision(f->store) == before); /* everything was there */
  apiserver_free(again);
}

/* Who sends managedFields of an older read has changed nothing by that. */
static void
times_of_managers_are_no_change(void **state)
{
  struct fixture *f = *state;
  struct reply r = must(f, 201, "POST", CM, "{\"metadata\":{\"name\":\"t\"},\"data\":{\"a\":\"b\"}}", NULL), again;
  struct json *copy = json_copy(f->arena, r.doc);
  struct json *manager = json_find(json_find(copy, "metadata"), "managedFields")->u.items[0];

  json_set_str(f->arena, manager, "time", "2020-01-01T00:00:00Z");
  again = must(f, 200, "PUT", CM "/t", json_text(f->arena, copy, JSON_COMPACT), NULL);
  assert_true(json_equal(again.doc, r.doc));
  json_set_str(f->arena, json_find(copy, "data"), "a", "c");
  again = must(f, 200, "PUT", CM "/t", json_text(f->arena, copy, JSON_COMPACT), NULL);
  assert_string_not_equal(at(f, &again, "/metadata/resourceVersion"), at(f, &r, "/metadata/resourceVersion"));
}

/* What changes the spec of a pod is a new generation of it, but for the scheduler's choice of a node. */
static void
generations_of_pods(void **state)
{
#define PODS "/api/v1/namespaces/default/pods"
  static const struct {
    const char *method, *path, *body, *generation;
    int status;
  } rows[] = {
    { "PATCH", PODS "/g", "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}", "1", 200 },
    { "PATCH", PODS "/g", "{\"spec\":{\"tolerations\":[{\"key\":\"k\",\"operator\":\"Exists\"}]}}", "2", 200 },
    { "POST", PODS "/g/binding", "{\"metadata\":{\"name\":\"g\"},\"target\":{\"name\":\"n\"}}", "2", 201 },
    { "PATCH", PODS "/g/ephemeralcontainers",
      "{\"spec\":{\"ephemeralContainers\":[{\"name\":\"e\",\"image\":\"i\",\"terminationMessagePolicy\":\"File\"}]}}",
      "3", 200 },
    { "PATCH", PODS "/g/resize",
      "{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"resources\":{\"requests\":{\"cpu\":\"2\"}}}]}}",
      "4", 200 },
    { "PATCH", PODS "/g/resize", "{\"metadata\":{\"labels\":{\"a\":\"c\"}}}", "4", 200 },
    { "PATCH", PODS "/g/status", "{\"status\":{\"phase\":\"Running\"}}", "4", 200 },
  };
  static const char pod[] =
      "{\"metadata\":{\"name\":\"g\"},\"spec\":{\"automountServiceAccountToken\":false,\"containers\":"
      "[{\"name\":\"c\",\"image\":\"i\",\"resources\":{\"requests\":{\"cpu\":\"1\"}}}]}}";
  static const char node[] =
      "{\"metadata\":{\"name\":\"n\"},\"status\":{\"allocatable\":{\"cpu\":\"4\"},\"capacity\":{\"cpu\":\"4\"}}}";
  struct fixture *f = *state;

  (void)ask(f, "POST", "/api/v1/namespaces/default/serviceaccounts", "{\"metadata\":{\"name\":\"default\"}}", NULL);
  (void)must(f, 201, "POST", "/api/v1/nodes", node, NULL);
  (void)must(f, 201, "POST", PODS, pod, NULL);
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    (void)must(f, rows[i].status, rows[i].method, rows[i].path, rows[i].body,
               *rows[i].method == 'P' && rows[i].method[1] == 'A' ? MERGE : NULL);
    struct reply r = must(f, 200, "GET", PODS "/g", NULL, NULL);

    if (strcmp(at(f, &r, "/metadata/generation"), rows[i].generation) != 0)
      fail_msg("%s %s: generation %s", rows[i].method, rows[i].path, at(f, &r, "/metadata/generation"));
  }
}

static void
services_get_addresses(void **state)
{
  struct fixture *f = *state;
  struct reply r = must(f, 201, "POST", "/api/v1/namespaces/default/services",
                        "{\"metadata\":{\"name\":\"s1\"},\"spec\":{\"ports\":[{\"port\":80}]}}", NULL);
  const char *ip = at(f, &r, "/spec/clusterIP");

  assert_memory_equal(ip, "10.", 3);
  assert_string_equal(at(f, &r, "/spec/clusterIPs/0"), ip);
  r = must(f, 422, "POST", "/api/v1/namespaces/default/services",
           arena_printf(f->arena,
                        "{\"metadata\":{\"name\":\"s2\"},\"spec\":{\"clusterIP\":\"%s\",\"ports\":[{\"port\":80}]}}",
                        ip),
           NULL);
  assert_non_null(strstr(at(f, &r, "/message"), "provided IP is already allocated"));
  (void)must(f, 200, "GET", arena_printf(f->arena, "/apis/networking.k8s.io/v1/ipaddresses/%s", ip), NULL, NULL);
  (void)must(f, 200, "DELETE", "/api/v1/namespaces/default/services/s1", NULL, NULL);
  (void)must(f, 404, "GET", arena_printf(f->arena, "/apis/networking.k8s.io/v1/ipaddresses/%s", ip), NULL, NULL);
  (void)must(f, 201, "POST", "/api/v1/namespaces/default/services",
             arena_printf(f->arena,
                          "{\"metadata\":{\"name\":\"s2\"},\"spec\":{\"clusterIP\":\"%s\",\"ports\":[{\"port\":80}]}}",
                          ip),
             NULL);
  r = must(f, 200, "PUT", "/api/v1/namespaces/default/services/s2",
           "{\"metadata\":{\"name\":\"s2\"},\"spec\":{\"ports\":[{\"port\":81}]}}", NULL); /* keeps what it was given */
  assert_string_equal(at(f, &r, "/spec/clusterIP"), ip);
}

/* A service that is replaced keeps its address, loses it when it becomes a name, and gets one when it is none any more.
 */
static void
services_change_their_type(void **state)
{
  static const char services[] = "/api/v1/namespaces/default/services", one[] = "/api/v1/namespaces/default/services/t";
  static const char headless[] =
      "{\"metadata\":{\"name\":\"t\"},\"spec\":{\"clusterIP\":\"None\",\"ports\":[{\"port\":80}]}}";
  struct fixture *f = *state;
  struct reply r = must(f, 201, "POST", services, headless, NULL);

  assert_string_equal(at(f, &r, "/spec/ipFamilyPolicy"), "RequireDualStack");
  assert_string_equal(at(f, &r, "/spec/ipFamilies/1"), "IPv6");
  r = must(f, 200, "PUT", one, headless, NULL);
  assert_string_equal(at(f, &r, "/spec/clusterIPs/0"), "None");
  r = must(f, 200, "PATCH", one, "{\"spec\":{\"type\":\"ExternalName\",\"externalName\":\"example.com\"}}", MERGE);
  assert_string_equal(at(f, &r, "/spec/clusterIPs/0"), "");
  assert_string_equal(at(f, &r, "/spec/clusterIP"), "");
  r = must(f, 200, "PATCH", one, "{\"spec\":{\"type\":\"ClusterIP\",\"externalName\":null}}", MERGE);
  assert_memory_equal(at(f, &r, "/spec/clusterIP"), "10.", 3);
  r = must(f, 422, "PATCH", one, "{\"spec\":{\"clusterIP\":\"nowhere\"}}", MERGE);
  assert_non_null(strstr(at(f, &r, "/message"), "spec.clusterIPs[0]: Invalid value: \"nowhere\""));
}

/* Their names are what they are: canonical. */
static void
addresses_are_named_by_themselves(void **state)
{
  static const struct {
    const char *name, *problem; /* "": made */
  } rows[] = {
    { "fe80::42:1dff:fe84:f9e2", "" },
    { "192.168.9.1", "" },
    { "FE80::1", "must be in canonical form (\"fe80::1\")" },
    { "192.168.9.01", "must not have leading 0s" },
    { "::ffff:10.0.0.1", "must not be an IPv4-mapped IPv6 address" },
    { "address", "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)" },
  };
  struct fixture *f = *state;

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    struct reply r =
        ask(f, "POST", "/apis/networking.k8s.io/v1/ipaddresses",
            arena_printf(
                f->arena,
                "{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"parentRef\":{\"resource\":\"services\",\"name\":\"s\"}}}",
                rows[i].name),
            NULL);
    const char *said =
        *rows[i].problem
            ? arena_printf(f->arena,
                           "IPAddress.networking.k8s.io \"%s\" is invalid: metadata.name: Invalid value: \"%s\": %s",
                           rows[i].name, rows[i].name, rows[i].problem)
            : "";

    assert_string_equal(at(f, &r, "/message"), said);
  }
  struct reply r = must(
      f, 422, "POST", "/apis/networking.k8s.io/v1/ipaddresses",
      "{\"metadata\":{\"name\":\"192.168.9.2\"},\"spec\":{\"parentRef\":{\"resource\":\"a/b\",\"name\":\"s\"}}}", NULL);

  assert_string_equal(at(f, &r, "/details/causes/0/field"), "spec.parentRef.resource");
}

static void
quota_is_charged(void **state)
{
  struct fixture *f = *state;
  struct reply r;
  const char *ns = "/api/v1/namespaces/quota";

  (void)must(f, 201, "POST", "/api/v1/namespaces", "{\"metadata\":{\"name\":\"quota\"}}", NULL);
  (void)must(f, 201, "POST", arena_printf(f->arena, "%s/resourcequotas", ns),
             "{\"metadata\":{\"name\":\"q\"},\"spec\":{\"hard\":{\"gpu.example.com.deviceclass.resource.k8s.io/"
             "devices\":\"4\"}}}",
             NULL);
  (void)must(f, 200, "PATCH", arena_printf(f->arena, "%s/resourcequotas/q/status", ns),
             "{\"status\":{\"hard\":{\"gpu.example.com.deviceclass.resource.k8s.io/devices\":\"4\"},"
             "\"used\":{\"gpu.example.com.deviceclass.resource.k8s.io/devices\":\"2\"}}}",
             MERGE);
  r = must(f, 403, "POST", "/apis/resource.k8s.io/v1/namespaces/quota/resourceclaims",
           "{\"metadata\":{\"name\":\"many\"},\"spec\":{\"devices\":{\"requests\":[{\"name\":\"r\",\"exactly\":{"
           "\"deviceClassName\":"
           "\"gpu.example.com\",\"count\":3}}]}}}",
           NULL);
  assert_string_equal(at(f, &r, "/message"),
                      "resourceclaims.resource.k8s.io \"many\" is forbidden: exceeded quota: q, requested: "
                      "gpu.example.com.deviceclass.resource.k8s.io/devices=3, used: "
                      "gpu.example.com.deviceclass.resource.k8s.io/devices=2, "
                      "limited: gpu.example.com.deviceclass.resource.k8s.io/devices=4");
  (void)must(f, 201, "POST", "/apis/resource.k8s.io/v1/namespaces/quota/resourceclaims", CLAIM("one"), NULL);
  r = must(f, 200, "GET", arena_printf(f->arena, "%s/resourcequotas/q", ns), NULL, NULL);
  assert_string_equal(at(f, &r, "/status/used/gpu.example.com.deviceclass.resource.k8s.io~1devices"), "3");
}

static void
deployments_scale(void **state)
{
  struct fixture *f = *state;
  const char *base = "/apis/apps/v1/namespaces/default/deployments";
  struct reply r =
      must(f, 201, "POST", base,
           "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"replicas\":2,\"selector\":{\"matchLabels\":{\"a\":\"b\"}},"
           "\"template\":"
           "{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}",
           NULL);

  r = must(f, 200, "GET", arena_printf(f->arena, "%s/d/scale", base), NULL, NULL);
  assert_string_equal(at(f, &r, "/kind"), "Scale");
  assert_string_equal(at(f, &r, "/spec/replicas"), "2");
  assert_string_equal(at(f, &r, "/status/selector"), "a=b");
  r = must(f, 200, "PATCH", arena_printf(f->arena, "%s/d/scale", base), "{\"spec\":{\"replicas\":5}}", MERGE);
  assert_string_equal(at(f, &r, "/spec/replicas"), "5");
  r = must(f, 200, "GET", arena_printf(f->arena, "%s/d", base), NULL, NULL);
  assert_string_equal(at(f, &r, "/spec/replicas"), "5");
}

/* As patches of anything else are. */
static void
patches_of_scales_are_refused(void **state)
{
  static const struct {
    const char *type, *body;
    int status;
    const char *message;
  } rows[] = {
    { JSON_PATCH, "{}", 400,
      "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp" },
    { JSON_PATCH, "[7]", 400,
      "error decoding patch: json: cannot unmarshal number into Go value of type handlers.jsonPatchOp" },
    { JSON_PATCH, "[{\"op\":\"remove\",\"path\":\"/spec/nosuch\"}]", 422,
      "the server rejected our request due to an error in our request" },
    { JSON_PATCH, "[", 400, "error decoding patch: unexpected end of JSON input" },
    { MERGE, "[]", 400,
      "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}" },
  };
  struct fixture *f = *state;
  const char *base = "/apis/apps/v1/namespaces/default/deployments";

  (void)must(f, 201, "POST", base,
             "{\"metadata\":{\"name\":\"odd\"},\"spec\":{\"replicas\":2,\"selector\":{\"matchLabels\":{\"a\":\"b\"}},"
             "\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\","
             "\"image\":\"i\"}]}}}}",
             NULL);
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    struct reply r =
        must(f, rows[i].status, "PATCH", arena_printf(f->arena, "%s/odd/scale", base), rows[i].body, rows[i].type);

    assert_string_equal(at(f, &r, "/message"), rows[i].message);
  }
}

static void
openapi_has_what_kubectl_needs(void **state)
{
  struct fixture *f = *state;
  struct reply r = must(f, 200, "GET", "/openapi/v3", NULL, NULL);

  assert_non_null(strstr(at(f, &r, "/paths/apis~1resource.k8s.io~1v1/serverRelativeURL"),
                         "/openapi/v3/apis/resource.k8s.io/v1?hash="));
  r = must(f, 200, "GET", "/openapi/v3/apis/resource.k8s.io/v1", NULL, NULL);
  assert_string_equal(
      at(f, &r, "/paths/~1apis~1resource.k8s.io~1v1~1deviceclasses~1{name}/get/x-kubernetes-group-version-kind/kind"),
      "DeviceClass");
  assert_string_equal(at(f, &r, "/components/schemas/io.k8s.api.resource.v1.DeviceRequest/required/0"), "name");
  r = must(f, 404, "GET", "/openapi/v3/apis/nosuch/v1", NULL, NULL);
  r = must(f, 200, "GET", "/openapi/v2", NULL, NULL);
  assert_string_equal(at(f, &r, "/swagger"), "2.0");
}

static void
create_fills_in_and_get_gives_back(void **state)
{
  struct fixture *f = *state;
  struct reply made = must(f, 201, "POST", CLAIMS, CLAIM("a"), NULL), got;

  assert_string_equal(at(f, &made, "/kind"), "ResourceClaim");
  assert_string_equal(at(f, &made, "/apiVersion"), "resource.k8s.io/v1");
  assert_string_equal(at(f, &made, "/metadata/namespace"), "default");
  assert_int_equal(strlen(at(f, &made, "/metadata/uid")), 36);
  assert_string_not_equal(at(f, &made, "/metadata/resourceVersion"), "");
  assert_string_not_equal(at(f, &made, "/metadata/creationTimestamp"), "");
  assert_string_equal(at(f, &made, "/spec/devices/requests/0/exactly/allocationMode"), "ExactCount");
  assert_string_equal(at(f, &made, "/metadata/managedFields/0/manager"), "unit-test");
  assert_string_equal(at(f, &made, "/metadata/managedFields/0/fieldsV1"),
                      "{\"f:spec\":{\"f:devices\":{\"f:requests\":{}}}}");
  got = must(f, 200, "GET", CLAIMS "/a", NULL, NULL);
  assert_string_equal(got.text, made.text);
  made = must(f, 409, "POST", CLAIMS, CLAIM("a"), NULL);
  assert_string_equal(at(f, &made, "/message"), "resourceclaims.resource.k8s.io \"a\" already exists");
  assert_string_equal(at(f, &made, "/details"),
                      "{\"name\":\"a\",\"group\":\"resource.k8s.io\",\"kind\":\"resourceclaims\"}");
}

static void
other_versions_see_the_same_object(void **state)
{
  struct fixture *f = *state;
  struct reply r = must(f, 201, "POST", CLAIMS, CLAIM("v"), NULL);

  r = must(f, 200, "GET", "/apis/resource.k8s.io/v1beta1/namespaces/default/resourceclaims/v", NULL, NULL);
  assert_string_equal(at(f, &r, "/apiVersion"), "resource.k8s.io/v1beta1");
  assert_string_equal(at(f, &r, "/spec/devices/requests/0/deviceClassName"), "gpu.example.com");
  assert_string_equal(
      r.warnings, "299 - \"resource.k8s.io/v1beta1 ResourceClaim is deprecated in v1.35+, unavailable in v1.38+\"\n");
}

static void
refusals_of_paths(void **state)
{
  static const struct {
    const char *method, *path;
    int status;
    const char *message;
  } rows[] = {
    { "GET", CLAIMS "/nosuch", 404, "resourceclaims.resource.k8s.io \"nosuch\" not found" },
    { "GET", "/apis/resource.k8s.io/v1/nosuch", 404, "the server could not find the requested resource" },
    { "GET", "/apis/nosuch.example.com/v1/things", 404, "" },
    { "GET", "/nosuch", 404, "" },
    { "GET", "/dralab", 404, "" },
    { "GET", "/dralab/store/nosuch", 404, "" },
    { "POST", "/dralab/store", 405, "the server does not allow this method on the requested resource" },
    { "GET", "/dralab/store/compact", 405, "the server does not allow this method on the requested resource" },
    { "POST", "/dralab/store/compact?revision=x", 400, "'x' is not a revision: those are numbers from 1" },
    { "POST", "/dralab/store/compact?revision=0", 400, "'0' is not a revision: those are numbers from 1" },
    { "POST", "/version", 405, "the server does not allow this method on the requested resource" },
    { "DELETE", "/api/v1/namespaces", 405, "the server does not allow this method on the requested resource" },
    { "POST", "/api/v1/configmaps", 405, "the server does not allow this method on the requested resource" },
  };
  struct fixture *f = *state;

  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct reply r = must(f, rows[i].status, rows[i].method, rows[i].path, NULL, NULL);

    assert_string_equal(at(f, &r, "/message"), rows[i].message);
    if (!*rows[i].message)
      assert_string_equal(r.text, "404 page not found\n");
  }
}

static void
the_store_is_looked_after(void **state)
{
  static const char path[] = CM "/kept";
  struct fixture *f = *state;
  struct reply r;
  const char *revision;

  must(f, 201, "POST", CM, "{\"metadata\":{\"name\":\"kept\"}}", NULL);
  r = must(f, 200, "GET", "/dralab/store", NULL, NULL);
  assert_string_equal(at(f, &r, "/backend"), "memory");
  assert_string_equal(at(f, &r, "/compacted"), "1");
  revision = at(f, &r, "/revision");
  r = must(f, 400, "POST", "/dralab/store/compact?revision=99999", NULL, NULL);
  assert_non_null(strstr(at(f, &r, "/message"), "required revision is a future revision"));
  r = must(f, 200, "POST", "/dralab/store/compact?revision=3", NULL, NULL);
  assert_string_equal(at(f, &r, "/compacted"), "3");
  r = must(f, 410, "POST", "/dralab/store/compact?revision=3", NULL, NULL);
  assert_string_equal(at(f, &r, "/reason"), "Expired");
  r = must(f, 200, "POST", "/dralab/store/compact", NULL, NULL);
  assert_string_equal(at(f, &r, "/compacted"), revision);
  must(f, 200, "GET", path, NULL, NULL);
  r = must(f, 200, "GET", "/", NULL, NULL);
  assert_null(strstr(r.text, "dralab")); /* the list of paths is upstream's */
}

static void
generate_name(void **state)
{
  struct fixture *f = *state;
  struct reply r = must(f, 201, "POST", CM, "{\"metadata\":{\"generateName\":\"gen-\"}}", NULL);

  assert_int_equal(strlen(at(f, &r, "/metadata/name")), 9);
  assert_memory_equal(at(f, &r, "/metadata/name"), "gen-", 4);
}

static void
update_is_optimistic(void **state)
{
  struct fixture *f = *state;
  struct reply r = must(f, 201, "POST", CM, "{\"metadata\":{\"name\":\"u\"},\"data\":{\"a\":\"1\"}}", NULL);
  const char *first = at(f, &r, "/metadata/resourceVersion"), *second;
  char *body = arena_printf(f->arena,
                            "{\"metadata\":{\"name\":\"u\",\"resourceVersion\":\"%s\"},\"data\":{\"a\":\"2\"}}", first);

  r = must(f, 200, "PUT", CM "/u", body, NULL);
  second = at(f, &r, "/metadata/resourceVersion");
  assert_string_not_equal(first, second);
  r = must(f, 409, "PUT", CM "/u", body, NULL);
  assert_string_equal(at(f, &r, "/message"),
                      "Operation cannot be fulfilled on configmaps \"u\": the object has been modified; "
                      "please apply your changes to the latest version and try again");
  r = must(f, 200, "PUT", CM "/u", "{\"metadata\":{\"name\":\"u\"},\"data\":{\"a\":\"2\"}}", NULL); /* nothing new */
  assert_string_equal(at(f, &r, "/metadata/resourceVersion"), second);
  r = must(f, 400, "PUT", CM "/u", "{\"metadata\":{\"name\":\"other\"}}", NULL);
  assert_string_equal(at(f, &r, "/message"), "the name of the object (other) does not match the name on the URL (u)");
}

/* All kinds are held to the same metadata, and what is wrong is said once although the kind looks at it again. */
static void
metadata_of_updates(void **state)
{
  static const struct {
    const char *path, *object;
  } rows[] = {
    { CM, "\"data\":{}" },
    { CLAIMS, "\"spec\":{\"devices\":{\"requests\":[{\"name\":\"g\",\"exactly\":{\"deviceClassName\":\"c\"}}]}}" },
    { "/api/v1/nodes", "\"spec\":{}" },
    { "/apis/scheduling.k8s.io/v1/priorityclasses", "\"value\":5" },
  };
  struct fixture *f = *state;

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    const char *one = arena_printf(f->arena, "%s/meta", rows[i].path);
    struct reply r = must(f, 201, "POST", rows[i].path,
                          arena_printf(f->arena, "{\"metadata\":{\"name\":\"meta\"},%s}", rows[i].object), NULL);

    r = must(f, 422, "PUT", one,
             arena_printf(f->arena, "{\"metadata\":{\"name\":\"meta\",\"finalizers\":[\"a b/c\"]},%s}", rows[i].object),
             NULL);
    assert_string_equal(at(f, &r, "/details/causes/0/field"), "metadata.finalizers");
    assert_string_equal(at(f, &r, "/details/causes/1/field"), "");
  }
}

static void
another_uid_is_a_conflict(void **state)
{
  struct fixture *f = *state;
  struct reply r = must(f, 201, "POST", CM, "{\"metadata\":{\"name\":\"uid\"}}", NULL);
  const char *uid = at(f, &r, "/metadata/uid"), *other = "{\"metadata\":{\"name\":\"uid\",\"uid\":\"x\"}}";

  r = must(f, 409, "PUT", CM "/uid", other, NULL);
  assert_string_equal(at(f, &r, "/message"),
                      arena_printf(f->arena,
                                   "Operation cannot be fulfilled on configmaps \"uid\": StorageError: invalid object, "
                                   "Code: 4, Key: /registry/configmaps/default/uid, ResourceVersion: 0, "
                                   "AdditionalErrorMsg: Precondition failed: UID in precondition: x, UID in object "
                                   "meta: %s",
                                   uid));
  r = must(f, 409, "PUT", CM "/uid?dryRun=All", other, NULL);
  assert_non_null(strstr(at(f, &r, "/message"), "Key: /configmaps/default/uid, "));
}

/* pods/status leaves what an older client does not know as it was (podStatusStrategy). */
static void
a_pod_status_keeps_its_past(void **state)
{
  struct fixture *f = *state;
  const char *pods = "/api/v1/namespaces/default/pods", *status = "/api/v1/namespaces/default/pods/past/status";
  struct reply r;

  (void)ask(f, "POST", "/api/v1/namespaces/default/serviceaccounts", "{\"metadata\":{\"name\":\"default\"}}", NULL);
  (void)must(f, 201, "POST", pods,
             "{\"metadata\":{\"name\":\"past\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}],"
             "\"resourceClaims\":[{\"name\":\"r\",\"resourceClaimTemplateName\":\"t\"}]}}",
             NULL);
  (void)must(f, 200, "PATCH", status,
             "{\"status\":{\"resourceClaimStatuses\":[{\"name\":\"r\",\"resourceClaimName\":\"past-r\"}],"
             "\"conditions\":[{\"type\":\"x\",\"status\":\"True\",\"observedGeneration\":1}]}}",
             MERGE);
  r = must(f, 200, "PUT", status,
           "{\"metadata\":{\"name\":\"past\",\"ownerReferences\":[{\"uid\":\"u\"}]},"
           "\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"x\",\"status\":\"False\"}]}}",
           NULL);
  assert_string_equal(at(f, &r, "/status/phase"), "Running");
  assert_string_equal(at(f, &r, "/status/qosClass"), "BestEffort");
  assert_string_equal(at(f, &r, "/status/resourceClaimStatuses/0/resourceClaimName"), "past-r");
  assert_string_equal(at(f, &r, "/status/conditions/0/observedGeneration"), "1");
  assert_string_equal(at(f, &r, "/metadata/ownerReferences/0/uid"), "");
}

static void
dry_run_writes_nothing(void **state)
{
  struct fixture *f = *state;

  (void)must(f, 201, "POST", CM "?dryRun=All", "{\"metadata\":{\"name\":\"dry\"}}", NULL);
  (void)must(f, 404, "GET", CM "/dry", NULL, NULL);
  (void)must(f, 201, "POST", CM, "{\"metadata\":{\"name\":\"dry\"},\"data\":{\"a\":\"1\"}}", NULL);
  struct reply r = must(f, 200, "PATCH", CM "/dry?dryRun=All", "{\"data\":{\"a\":\"2\"}}", MERGE);

  assert_string_equal(at(f, &r, "/data/a"), "2");
  r = must(f, 200, "GET", CM "/dry", NULL, NULL);
  assert_string_equal(at(f, &r, "/data/a"), "1");
  r = must(f, 422, "POST", CM "?dryRun=x", "{\"metadata\":{\"name\":\"dry2\"}}", NULL);
}

static void
patches(void **state)
{
  struct fixture *f = *state;
  struct reply r;

  (void)must(f, 201, "POST", CM, "{\"metadata\":{\"name\":\"p\"},\"data\":{\"a\":\"1\",\"b\":\"2\"}}", NULL);
  r = must(f, 200, "PATCH", CM "/p", "{\"data\":{\"a\":null,\"c\":\"3\"}}", MERGE);
  assert_string_equal(at(f, &r, "/data"), "{\"b\":\"2\",\"c\":\"3\"}");
  r = must(f, 200, "PATCH", CM "/p",
           "[{\"op\":\"test\",\"path\":\"/data/b\",\"value\":\"2\"},{\"op\":\"remove\",\"path\":\"/data/b\"}]",
           "content-type: application/json-patch+json\n");
  assert_string_equal(at(f, &r, "/data"), "{\"c\":\"3\"}");
  r = must(f, 422, "PATCH", CM "/p", "[{\"op\":\"remove\",\"path\":\"/data/nosuch\"}]",
           "content-type: application/json-patch+json\n");
  assert_string_equal(at(f, &r, "/message"), "the server rejected our request due to an error in our request");
  r = must(f, 200, "PATCH", CM "/p", "{\"data\":{\"d\":\"4\"}}",
           "content-type: application/strategic-merge-patch+json\n");
  assert_string_equal(at(f, &r, "/data"), "{\"c\":\"3\",\"d\":\"4\"}");
  (void)must(f, 415, "PATCH", CM "/p", "{}", "content-type: application/json\n");
  (void)must(f, 404, "PATCH", CM "/nosuch", "{}", MERGE);
}

#define CONFIGURED(label, parameters)                                                                                  \
  "{\"metadata\": {\"name\": \"texts\", \"labels\": {\"l\": \"" label "\"}}, \"spec\": {\"devices\": {\"config\":"     \
  " [{\"opaque\": {\"driver\": \"d.example.com\", \"parameters\": " parameters "}}], \"requests\": [{\"name\": \"r\"," \
  " \"exactly\": {\"deviceClassName\": \"c\"}}]}}}"

/* Upstream compares them byte by byte, and a patch or an encoder of Go's takes the blanks out. */
static void
parameters_are_texts(void **state)
{
  struct fixture *f = *state;
  struct reply r;

  (void)must(f, 201, "POST", CLAIMS, CONFIGURED("1", "{\"k\": [1, 2]}"), NULL);
  (void)must(f, 200, "PUT", CLAIMS "/texts", CONFIGURED("2", "{\"k\": [1, 2]}"), NULL);
  r = must(f, 422, "PATCH", CLAIMS "/texts", "{\"metadata\":{\"labels\":{\"l\":\"3\"}}}", MERGE);
  assert_string_equal(at(f, &r, "/details/causes/0/message"), "Invalid value: null: field is immutable");
  (void)must(f, 422, "PUT", CLAIMS "/texts", CONFIGURED("3", "{\"k\":[1,2]}"), NULL);
  (void)must(f, 200, "DELETE", CLAIMS "/texts", NULL, NULL);
  (void)must(f, 201, "POST", CLAIMS, CONFIGURED("1", "{\"k\":[1,2]}"), NULL); /* blanks elsewhere do not count */
  (void)must(f, 200, "PATCH", CLAIMS "/texts", "{\"metadata\": {\"labels\": {\"l\": \"2\"}}}", MERGE);
  (void)must(f, 422, "PUT", CLAIMS "/texts", CONFIGURED("3", "{\"k\": [1, 2]}"), NULL);
}

static void
deletion_waits_for_finalizers(void **state)
{
  struct fixture *f = *state;
  struct reply r;

  (void)must(f, 201, "POST", CM, "{\"metadata\":{\"name\":\"fin\",\"finalizers\":[\"example.com/hold\"]}}", NULL);
  r = must(f, 200, "DELETE", CM "/fin", NULL, NULL);
  assert_string_equal(at(f, &r, "/metadata/deletionGracePeriodSeconds"), "0");
  assert_string_not_equal(at(f, &r, "/metadata/deletionTimestamp"), "");
  (void)must(f, 200, "GET", CM "/fin", NULL, NULL);
  (void)must(f, 200, "PATCH", CM "/fin", "{\"metadata\":{\"finalizers\":null}}", MERGE);
  (void)must(f, 404, "GET", CM "/fin", NULL, NULL);
  (void)must(f, 404, "DELETE", CM "/fin", NULL, NULL);
}

static void
deletion_has_conditions(void **state)
{
  struct fixture *f = *state;
  struct reply r;

  (void)must(f, 201, "POST", CLAIMS, CLAIM("pre"), NULL);
  r = must(f, 409, "DELETE", CLAIMS "/pre", "{\"preconditions\":{\"uid\":\"x\"}}", NULL);
  assert_non_null(strstr(at(f, &r, "/message"),
                         "Operation cannot be fulfilled on ResourceClaim.resource.k8s.io \"pre\": the UID in "
                         "the precondition (x) does not match"));
  r = must(f, 422, "DELETE", CLAIMS "/pre", "{\"propagationPolicy\":\"Nonsense\"}", NULL);
  assert_string_equal(at(f, &r, "/message"),
                      "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: "
                      "\"Nonsense\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"");
  r = must(f, 200, "DELETE", CLAIMS "/pre", "{\"propagationPolicy\":\"Foreground\"}", NULL);
  assert_string_equal(at(f, &r, "/metadata/finalizers"), "[\"foregroundDeletion\"]");
}

static void
collections_are_deleted_by_selector(void **state)
{
  struct fixture *f = *state;
  struct reply r;

  (void)must(f, 201, "POST", CM, "{\"metadata\":{\"name\":\"d1\",\"labels\":{\"x\":\"1\"}}}", NULL);
  (void)must(f, 201, "POST", CM, "{\"metadata\":{\"name\":\"d2\",\"labels\":{\"x\":\"2\"}}}", NULL);
  r = must(f, 200, "DELETE", CM "?labelSelector=x%3D1", NULL, NULL);
  assert_int_equal(json_count(json_get(r.doc, "items")), 1);
  (void)must(f, 404, "GET", CM "/d1", NULL, NULL);
  (void)must(f, 200, "GET", CM "/d2", NULL, NULL);
}

static void
namespaces_terminate(void **state)
{
  struct fixture *f = *state;
  struct reply r;

  (void)must(f, 201, "POST", "/api/v1/namespaces", "{\"metadata\":{\"name\":\"dying\"}}", NULL);
  r = must(f, 404, "POST", "/api/v1/namespaces/nosuch/configmaps", "{\"metadata\":{\"name\":\"c\"}}", NULL);
  assert_string_equal(at(f, &r, "/message"), "namespaces \"nosuch\" not found");
  r = must(f, 200, "DELETE", "/api/v1/namespaces/dying", NULL, NULL);
  assert_string_equal(at(f, &r, "/status/phase"), "Terminating");
  r = must(f, 403, "POST", "/api/v1/namespaces/dying/configmaps", "{\"metadata\":{\"name\":\"c\"}}", NULL);
  assert_string_equal(
      at(f, &r, "/message"),
      "configmaps \"c\" is forbidden: unable to create new content in namespace dying because it is being terminated");
  assert_string_equal(at(f, &r, "/details/causes/0/reason"), "NamespaceTerminating");
  r = must(f, 200, "PUT", "/api/v1/namespaces/dying/finalize",
           "{\"metadata\":{\"name\":\"dying\"},\"spec\":{\"finalizers\":[]}}", NULL);
  (void)must(f, 404, "GET", "/api/v1/namespaces/dying", NULL, NULL);
  r = must(f, 403, "DELETE", "/api/v1/namespaces/kube-system", NULL, NULL);
  assert_string_equal(at(f, &r, "/message"),
                      "namespaces \"kube-system\" is forbidden: this namespace may not be deleted");
}

static void
pods_start_pending_and_are_bound(void **state)
{
  struct fixture *f = *state;
  struct reply r;
  const char *pods = "/api/v1/namespaces/default/pods";

  (void)ask(f, "POST", "/api/v1/namespaces/default/serviceaccounts", "{\"metadata\":{\"name\":\"default\"}}", NULL);
  r = must(f, 201, "POST", pods,
           "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"busybox\"}]},"
           "\"status\":{\"phase\":\"Running\"}}",
           NULL);
  assert_string_equal(at(f, &r, "/status/phase"), "Pending");
  assert_string_equal(at(f, &r, "/status/qosClass"), "BestEffort");
  assert_string_equal(at(f, &r, "/spec/serviceAccountName"), "default");
  assert_string_equal(at(f, &r, "/spec/priority"), "0");
  assert_string_equal(at(f, &r, "/spec/tolerations/1/key"), "node.kubernetes.io/unreachable");
  assert_string_equal(at(f, &r, "/spec/volumes/0/projected/defaultMode"), "420");
  r = must(f, 201, "POST", "/api/v1/namespaces/default/pods/p/binding",
           "{\"metadata\":{\"name\":\"p\"},\"target\":{\"kind\":\"Node\",\"name\":\"n1\"}}", NULL);
  assert_string_equal(at(f, &r, "/status"), "Success");
  r = must(f, 200, "GET", "/api/v1/namespaces/default/pods/p", NULL, NULL);
  assert_string_equal(at(f, &r, "/spec/nodeName"), "n1");
  assert_string_equal(at(f, &r, "/status/conditions/0/type"), "PodScheduled");
  r = must(f, 409, "POST", "/api/v1/namespaces/default/pods/p/binding",
           "{\"metadata\":{\"name\":\"p\"},\"target\":{\"kind\":\"Node\",\"name\":\"n2\"}}", NULL);
  assert_string_equal(at(f, &r, "/message"),
                      "Operation cannot be fulfilled on pods/binding \"p\": pod p is already assigned to node \"n1\"");
  r = must(f, 200, "DELETE", "/api/v1/namespaces/default/pods/p", NULL, NULL);
  assert_string_equal(at(f, &r, "/metadata/deletionGracePeriodSeconds"), "30");
  (void)must(f, 200, "GET", "/api/v1/namespaces/default/pods/p", NULL, NULL);
  (void)must(f, 200, "DELETE", "/api/v1/namespaces/default/pods/p?gracePeriodSeconds=0", NULL, NULL);
  (void)must(f, 404, "GET", "/api/v1/namespaces/default/pods/p", NULL, NULL);
}

/* Labels of fields that have other names where they are read. */
static void
fields_are_found_under_older_names(void **state)
{
  static const char events[] = "/api/v1/namespaces/default/events", jobs[] = "/apis/batch/v1/namespaces/default/jobs";
  struct fixture *f = *state;
  const struct {
    const char *list, *selector, *name; /* of the only item; "": there is none */
  } rows[] = {
    { events, "source=old-reporter", "old" },
    { events, "source=new-reporter", "new" },
    { events, "reportingComponent=new-reporter", "new" },
    { events, "source=nobody", "" },
    { "/apis/events.k8s.io/v1/namespaces/default/events", "reportingController=new-reporter", "new" },
    { jobs, "status.successful=2", "done" },
    { jobs, "status.successful=0", "begun" },
  };

#define EVENT "\"involvedObject\":{\"kind\":\"Pod\",\"name\":\"p\",\"namespace\":\"default\"}"
#define JOB(name)                                                                                        \
  "{\"metadata\":{\"name\":\"" name "\"},\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":\"Never\"," \
  "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}"
  (void)must(f, 201, "POST", events,
             "{\"metadata\":{\"name\":\"old\"}," EVENT ",\"source\":{\"component\":\"old-reporter\"}}", NULL);
  (void)must(f, 201, "POST", events,
             "{\"metadata\":{\"name\":\"new\"}," EVENT ",\"reportingComponent\":\"new-reporter\",\"reportingInstance\":"
             "\"i\",\"action\":\"Testing\",\"reason\":\"Test\",\"type\":\"Normal\",\"eventTime\":\"2026-01-01T00:00:00."
             "000000Z\"}",
             NULL);
  (void)must(f, 201, "POST", jobs, JOB("begun"), NULL);
  (void)must(f, 201, "POST", jobs, JOB("done"), NULL);
  (void)must(f, 200, "PATCH", arena_printf(f->arena, "%s/done/status", jobs), "{\"status\":{\"succeeded\":2}}", MERGE);
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    struct reply r =
        must(f, 200, "GET", arena_printf(f->arena, "%s?fieldSelector=%s", rows[i].list, rows[i].selector), NULL, NULL);

    if (strcmp(at(f, &r, "/items/0/metadata/name"), rows[i].name) != 0 || *at(f, &r, "/items/1/metadata/name"))
      fail_msg("%s: %s", rows[i].selector, r.text);
  }
}

/* A kubelet that is quicker than the server: what it sees marked for deletion without grace is gone before anybody else
 * moves. */
static const struct store_ops *slow_ops;

static int
quick_cas(struct store *s, struct span key, struct record *want, int64_t old_rev, int64_t *ret_rev, struct kerr *reterr)
{
  int r = slow_ops->cas(s, key, want, old_rev, ret_rev, reterr);
  int64_t revision = r == 0 ? *ret_rev : 0;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (r == 0 && want && json_get(json_get(record_tree(want), "metadata"), "deletionTimestamp"))
    assert_int_equal(slow_ops->cas(s, key, NULL, revision, &revision, &err), 0);
  return r;
}

static void
pods_that_are_over_go_at_once(void **state)
{
  struct fixture *f = *state;
  struct store_ops quick = *f->store->ops;
  struct reply r =
      must(f, 201, "POST", "/api/v1/namespaces/default/pods",
           "{\"metadata\":{\"name\":\"over\"},\"spec\":{\"nodeName\":\"n1\",\"containers\":[{\"name\":\"c\","
           "\"image\":\"busybox\"}]}}",
           NULL);

  (void)must(f, 200, "PATCH", "/api/v1/namespaces/default/pods/over/status", "{\"status\":{\"phase\":\"Succeeded\"}}",
             "content-type: application/merge-patch+json");
  slow_ops = f->store->ops;
  quick.cas = quick_cas;
  f->store->ops = &quick;
  r = must(f, 200, "DELETE", "/api/v1/namespaces/default/pods/over", NULL, NULL);
  f->store->ops = slow_ops;
  assert_string_equal(at(f, &r, "/kind"), "Pod");
  assert_string_equal(at(f, &r, "/metadata/deletionGracePeriodSeconds"), "0");
  (void)must(f, 404, "DELETE", "/api/v1/namespaces/default/pods/over", NULL, NULL);
}

#define JOBS     "/apis/batch/v1/namespaces/default/jobs"
#define JOB_PODS "\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"c\",\"image\":\"busybox\"}]}"

/* A job selects its pods by its own uid; who sets one of the labels has to set the right one. */
static void
jobs_select_their_own_pods(void **state)
{
  struct fixture *f = *state;
  struct reply r =
      must(f, 201, "POST", JOBS, "{\"metadata\":{\"name\":\"j\"},\"spec\":{\"template\":{" JOB_PODS "}}}", NULL);
  const char *uid = at(f, &r, "/metadata/uid");

  assert_string_equal(at(f, &r, "/spec/selector/matchLabels/batch.kubernetes.io~1controller-uid"), uid);
  assert_string_equal(at(f, &r, "/spec/template/metadata/labels/batch.kubernetes.io~1controller-uid"), uid);
  assert_string_equal(at(f, &r, "/spec/template/metadata/labels/controller-uid"), uid);
  assert_string_equal(at(f, &r, "/spec/template/metadata/labels/batch.kubernetes.io~1job-name"), "j");
  assert_string_equal(at(f, &r, "/spec/template/metadata/labels/job-name"), "j");
  r = must(
      f, 422, "POST", JOBS,
      "{\"metadata\":{\"name\":\"k\"},\"spec\":{\"template\":{\"metadata\":{\"labels\":{\"job-name\":\"x\"}}," JOB_PODS
      "}}}",
      NULL);
  assert_string_equal(at(f, &r, "/details/causes/0/field"), "spec.template.metadata.labels[job-name]");
  assert_non_null(strstr(at(f, &r, "/details/causes/0/message"), "must be 'k'"));
  (void)must(f, 200, "DELETE", JOBS "/j?propagationPolicy=Background", NULL, NULL);
}

/* How often the template of a daemon set has changed is the server's to count. */
static void
daemon_sets_count_their_templates(void **state)
{
  struct fixture *f = *state;
  const char *path = "/apis/apps/v1/namespaces/default/daemonsets/d",
             *patch = "content-type: application/merge-patch+json",
             *count = "/metadata/annotations/deprecated.daemonset.template.generation";
  struct reply r =
      must(f, 201, "POST", "/apis/apps/v1/namespaces/default/daemonsets",
           "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{"
           "\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":"
           "\"busybox\"}]}}}}",
           NULL);

  assert_string_equal(at(f, &r, count), "1");
  r = must(f, 200, "PATCH", path, "{\"metadata\":{\"annotations\":null},\"spec\":{\"minReadySeconds\":3}}", patch);
  assert_string_equal(at(f, &r, count), "1");
  r = must(f, 200, "PATCH", path, "{\"spec\":{\"template\":{\"spec\":{\"hostNetwork\":true}}}}", patch);
  assert_string_equal(at(f, &r, count), "2");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(bootstrap_objects_are_there),
    cmocka_unit_test(a_server_starts_again_on_its_store),
    cmocka_unit_test(times_of_managers_are_no_change),
    cmocka_unit_test(generations_of_pods),
    cmocka_unit_test(services_get_addresses),
    cmocka_unit_test(services_change_their_type),
    cmocka_unit_test(addresses_are_named_by_themselves),
    cmocka_unit_test(quota_is_charged),
    cmocka_unit_test(deployments_scale),
    cmocka_unit_test(patches_of_scales_are_refused),
    cmocka_unit_test(jobs_select_their_own_pods),
    cmocka_unit_test(daemon_sets_count_their_templates),
    cmocka_unit_test(openapi_has_what_kubectl_needs),
    cmocka_unit_test(create_fills_in_and_get_gives_back),
    cmocka_unit_test(other_versions_see_the_same_object),
    cmocka_unit_test(refusals_of_paths),
    cmocka_unit_test(the_store_is_looked_after),
    cmocka_unit_test(generate_name),
    cmocka_unit_test(update_is_optimistic),
    cmocka_unit_test(metadata_of_updates),
    cmocka_unit_test(another_uid_is_a_conflict),
    cmocka_unit_test(a_pod_status_keeps_its_past),
    cmocka_unit_test(dry_run_writes_nothing),
    cmocka_unit_test(patches),
    cmocka_unit_test(parameters_are_texts),
    cmocka_unit_test(deletion_waits_for_finalizers),
    cmocka_unit_test(deletion_has_conditions),
    cmocka_unit_test(collections_are_deleted_by_selector),
    cmocka_unit_test(namespaces_terminate),
    cmocka_unit_test(pods_start_pending_and_are_bound),
    cmocka_unit_test(pods_that_are_over_go_at_once),
    cmocka_unit_test(fields_are_found_under_older_names),
  };

  return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
