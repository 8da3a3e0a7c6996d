/* The OpenAPI documents, as clients see them: what kubectl looks up, and that every reference leads somewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "ceilings.h"
#include "number.h"
#include "openapi.h"
#include "rest_fixture.h"
#include "test_parse.h"
#include "wire.h"

#define CLAIM_DOC    "/openapi/v3/apis/resource.k8s.io/v1"
#define CLAIM_SCHEMA "/components/schemas/io.k8s.api.resource.v1.ResourceClaim"
#define CLAIMS       "/paths/~1apis~1resource.k8s.io~1v1~1namespaces~1{namespace}~1resourceclaims"

static void
test_values(void **state)
{
  static const struct row {
    const char *target, *pointer, *want;
  } rows[] = {
    { CLAIM_DOC, "/openapi", "3.0.0" },
    { CLAIM_DOC, CLAIM_SCHEMA "/type", "object" },
    { CLAIM_DOC, "/components/schemas/io.k8s.api.resource.v1.ResourceSlice/required/0", "spec" },
    { CLAIM_DOC, CLAIM_SCHEMA "/required", "" }, /* its spec is optional in the published documents */
    { CLAIM_DOC, CLAIM_SCHEMA "/x-kubernetes-group-version-kind/0/kind", "ResourceClaim" },
    { CLAIM_DOC, CLAIMS "/get/x-kubernetes-group-version-kind/kind", "ResourceClaim" },
    { CLAIM_DOC, CLAIMS "/get/operationId", "listResourceV1NamespacedResourceClaim" },
    { CLAIM_DOC, "/paths/~1apis~1resource.k8s.io~1v1~1resourceclaims/get/operationId",
      "listResourceV1ResourceClaimForAllNamespaces" },
    { CLAIM_DOC, CLAIMS "~1{name}/patch/x-kubernetes-action", "patch" },
    { "/openapi/v3/api/v1",
      "/components/schemas/io.k8s.api.core.v1.PersistentVolumeSpec/properties/claimRef/x-kubernetes-map-type",
      "granular" },
    { "/openapi/v3/api/v1",
      "/components/schemas/io.k8s.api.core.v1.PodSpec/properties/containers/x-kubernetes-patch-merge-key", "name" },
    { "/openapi/v2", "/swagger", "2.0" },
    { "/openapi/v2", "/definitions/io.k8s.api.core.v1.Container/properties/resources/default", "" },
  };
  struct fixture *f = *state;

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    struct reply r = must(f, 200, "GET", rows[i].target, NULL, NULL);

    assert_string_equal(at(f, &r, rows[i].pointer), rows[i].want);
  }
}

/* Every "$ref" in `j` and below names a member of `schemas`. Returns how many there were. */
static size_t
check_refs(const struct json *j, const struct json *schemas)
{
  const char *ref = json_get_str(j, "$ref");
  size_t n = ref ? 1 : 0;

  if (ref && !json_get(schemas, strrchr(ref, '/') + 1))
    fail_msg("%s leads nowhere", ref);
  for (json_each_member (m, j))
    n += check_refs(m->value, schemas);
  for (json_each_item (item, j))
    n += check_refs(*item, schemas);
  return n;
}

static void
test_references(void **state)
{
  struct fixture *f = *state;
  struct reply v2 = must(f, 200, "GET", "/openapi/v2", NULL, NULL);

  assert_true(check_refs(v2.doc, json_get(v2.doc, "definitions")) > 1000);
  struct reply v3 = must(f, 200, "GET", CLAIM_DOC, NULL, NULL);

  assert_true(check_refs(v3.doc, json_dig(v3.doc, "components", "schemas", NULL)) > 100);
}

static void
test_absent(void **state)
{
  static const char *const targets[] = { "/openapi/v3/apis/nosuch/v1", "/openapi/v3/apis/apps/v9",
                                         "/openapi/v3/api/v1/pods", "/openapi/v3/apis/apps", "/openapi/v3/api" };
  struct fixture *f = *state;

  for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
    (void)must(f, 404, "GET", targets[i], NULL, NULL);
}

/* -- protobuf -- */

/* The bytes at the end of a path of field numbers, the first of each; "varint N" for numbers; NULL when there is none.
 */
static const char *
field_at(struct arena *a, struct span message, const char *path)
{
  struct span left = span_of(path), at = message;
  struct wire_field f = { .bytes = message, .type = WIRE_BYTES };

  while (left.p) {
    struct span step = span_cut(left, '.', &left);
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    int64_t number;
    int r;

    assert_true(number_int64(step, &number));
    while ((r = wire_next(&at, &f, &err)) == 1 && f.number != number)
      ;
    if (r != 1)
      return NULL;
    at = f.bytes;
  }
  return f.type == WIRE_BYTES ? arena_strndup(a, f.bytes.p, f.bytes.n)
                              : arena_printf(a, "varint %llu", (unsigned long long)f.varint);
}

/* Against gnostic itself: tests/interop/client-go. */
static void
test_protobuf(void **state)
{
  static const char doc[] =
      "{'swagger':'2.0','info':{'title':'t','version':'1'},'paths':{'/a/{p}':{'get':{'operationId':'o','parameters':"
      "[{'in':'query','name':'q','type':'boolean','uniqueItems':true}],'responses':{'200':{'description':'OK','schema':"
      "{'$ref':'#/d'}}},'x-kubernetes-action':'list','deprecated':false},'parameters':[{'in':'path','name':'p',"
      "'required':true,'type':'string'}],'put':{'parameters':[{'in':'body','name':'b','schema':{'type':'object'}}]}}},"
      "'definitions':{'d':{'type':'object','required':['x',''],'properties':{'x':{'type':'array','items':{'type':"
      "'string'},'minItems':0,'maxItems':300,'minimum':0.5,'default':{'k':['v']},'x-list-map-keys':['a','b']},'y':"
      "{'additionalProperties':false},'z':{'additionalProperties':{'$ref':'#/d'},'nullable':true}}}},"
      "'securityDefinitions':{'BearerToken':{'type':'apiKey','in':'header'}}}";
  static const struct {
    const char *path, *want;
  } rows[] = {
    { "1", "2.0" },
    { "2.2", "1" },
    { "8.2.1", "/a/{p}" },
    { "8.2.2.2.5", "o" },
    { "8.2.2.2.8.1.2.3.4", "q" }, /* ParametersItem, Parameter, NonBodyParameter, query */
    { "8.2.2.2.8.1.2.3.20", "varint 1" },
    { "8.2.2.2.9.1.1", "200" },
    { "8.2.2.2.9.1.2.1.2.1.1", "#/d" }, /* NamedResponseValue, ResponseValue, Response, SchemaItem, Schema */
    { "8.2.2.2.11", NULL },
    { "8.2.2.2.13.1", "x-kubernetes-action" },
    { "8.2.2.2.13.2.2", "list\n" },
    { "8.2.2.9.1.2.4.4", "p" },
    { "8.2.2.9.1.2.4.1", "varint 1" },
    { "8.2.2.3.8.1.1.5.22.1", "object" },
    { "9.1.1", "d" },
    { "9.1.2.22.1", "object" },
    { "9.1.2.19", "x" },
    { "9.1.2.25.1.1", "x" },
    { "9.1.2.25.1.2.23.1.22.1", "string" },
    { "9.1.2.25.1.2.15", NULL },
    { "9.1.2.25.1.2.14", "varint 300" },
    { "9.1.2.25.1.2.9", "varint 4602678819172646912" }, /* 0.5 */
    { "9.1.2.25.1.2.5.2", "k:\n- v\n" },
    { "9.1.2.25.1.2.31.1", "x-list-map-keys" },
    { "9.1.2.25.1.2.31.2.2", "- a\n- b\n" },
    { "13.1.1", "BearerToken" },
    { "13.1.2.2.3", "header" },
  };
  _cleanup_arena_ struct arena *a = arena_new(MiB);
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(MiB);

  (void)state;
  openapi_v2_proto(&b, test_parse_quoted(a, doc));
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    const char *got = field_at(a, strbuf_view(&b), rows[i].path);

    if (!rows[i].want != !got || (got && strcmp(got, rows[i].want) != 0))
      fail_msg("%s: %s", rows[i].path, got ? got : "absent");
  }
}

static void
test_forms(void **state)
{
  static const char proto[] = "accept: application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
  struct fixture *f = *state;
  struct reply pb = must(f, 200, "GET", "/openapi/v2", NULL, proto);

  assert_string_equal(pb.content_type, "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
  assert_string_equal(must(f, 200, "GET", "/openapi/v2", NULL, "accept: application/json").content_type,
                      "application/json");
  (void)must(f, 406, "GET", "/openapi/v2", NULL, "accept: application/yaml");
  (void)must(f, 406, "GET", CLAIM_DOC, NULL, proto);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(test_values, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(test_references, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(test_absent, fixture_setup, fixture_teardown),
    cmocka_unit_test(test_protobuf),
    cmocka_unit_test_setup_teardown(test_forms, fixture_setup, fixture_teardown),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
