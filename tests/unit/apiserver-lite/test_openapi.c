/* The OpenAPI documents, as clients see them: what kubectl looks up, and that every reference leads somewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "json.h"
#include "rest_fixture.h"

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

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(test_values, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(test_references, fixture_setup, fixture_teardown),
    cmocka_unit_test_setup_teardown(test_absent, fixture_setup, fixture_teardown),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
