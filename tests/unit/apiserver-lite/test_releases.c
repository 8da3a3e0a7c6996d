/*
 * A release as a cut through the tables: which resources it has (by upstream's published discovery documents,
 * tests/data/apiserver-lite/releases/), which fields, and in which form.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ceilings.h"
#include "fs.h"
#include "kind.h"
#include "kind_type.h"

static struct personality *
release(const char *version, const char *gates)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct personality *p = NULL;
  if (personality_new(version, gates, "api/all=true", &p, &err) < 0)
    fail_msg("%s: %s", version, err.msg);
  return p;
}

/* -- what is served -- */

/* Alpha resources that upstream has and we do not (docs/differences.md). */
static const char *const left_out[] = {
  "coordination.k8s.io/v1alpha1 leasecandidates",
  "networking.k8s.io/v1alpha1 clustercidrs",
  "storagemigration.k8s.io/v1alpha1 storageversionmigrations",
  "storagemigration.k8s.io/v1alpha1 storageversionmigrations/status",
};

static bool
is_left_out(struct span line)
{
  for (size_t i = 0; i < ARRAY_SIZE(left_out); i++)
    if (span_is(line, left_out[i]))
      return true;
  return false;
}

/* "networking.k8s.io/v1 ingresses/status" */
static bool
serves(const struct personality *p, struct span line)
{
  struct span path, gv = span_cut(line, ' ', &path), version, sub, group = span_cut(gv, '/', &version);
  struct span resource = span_cut(path, '/', &sub);
  size_t cursor = 0;
  if (!version.p) {
    version = group;
    group = SPAN("");
  }
  for (const struct kind_resource *r; (r = kind_resource_next(p, &cursor));) {
    if (!span_is(group, r->group) || !span_is(version, r->version) || !span_is(resource, r->resource))
      continue;
    for (size_t i = 0; sub.p && i < r->n_subs; i++)
      if (span_is(sub, r->subs[i].name))
        return true;
    return !sub.p;
  }
  return false;
}

static size_t
count_served(const struct personality *p)
{
  size_t n = 0, cursor = 0;
  for (const struct kind_resource *r; (r = kind_resource_next(p, &cursor));)
    n += 1 + r->n_subs;
  return n;
}

static void
check_served(const char *version)
{
  _cleanup_(personality_unrefp) struct personality *p =
      release(version, "AllAlpha=true,AllBeta=true"); /* as those documents were made */
  _cleanup_free_ char *path = mem_printf("tests/data/apiserver-lite/releases/served-%s.txt", version);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_strbuf_ struct strbuf b;
  size_t wanted = 0;
  strbuf_init(&b, MiB);
  if (fs_read(path, &b, &err) < 0)
    fail_msg("%s", err.msg);
  for (struct span rest = strbuf_view(&b); rest.n;) {
    struct span line = span_cut(rest, '\n', &rest);
    if (!line.n || is_left_out(line))
      continue;
    wanted++;
    if (!serves(p, line))
      fail_msg("%s does not serve %.*s", version, SPAN_FMT(line));
  }
  assert_true(wanted > 100);
  assert_int_equal(count_served(p), wanted);
}

static void
releases_serve_what_upstream_did(void **state)
{
  static const char *const versions[] = { "1.28", "1.29", "1.30", "1.31" };
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(versions); i++)
    check_served(versions[i]);
}

/* What a cluster has without --runtime-config. */
static void
only_some_are_on_by_default(void **state)
{
  static const struct {
    const char *release, *group, *version, *resource;
    bool on;
  } table[] = {
    { "1.26", "flowcontrol.apiserver.k8s.io", "v1beta2", "flowschemas", true },
    { "1.28", "flowcontrol.apiserver.k8s.io", "v1beta2", "flowschemas", true },
    { "1.29", "flowcontrol.apiserver.k8s.io", "v1beta2", "flowschemas", false },
    { "1.28", "flowcontrol.apiserver.k8s.io", "v1", "flowschemas", false },
    { "1.29", "flowcontrol.apiserver.k8s.io", "v1", "flowschemas", true },
    { "1.31", "flowcontrol.apiserver.k8s.io", "v1beta3", "flowschemas", true },
    { "1.32", "flowcontrol.apiserver.k8s.io", "v1beta3", "flowschemas", false },
    { "1.26", "storage.k8s.io", "v1beta1", "csistoragecapacities", true },
    { "1.27", "storage.k8s.io", "v1beta1", "csistoragecapacities", false },
    { "1.31", "storage.k8s.io", "v1beta1", "volumeattributesclasses", false },
    { "1.26", "resource.k8s.io", "v1alpha1", "podschedulings", false },
    { "1.30", "resource.k8s.io", "v1alpha2", "resourceclaims", false },
    { "1.31", "resource.k8s.io", "v1alpha3", "deviceclasses", false },
    { "1.37", "resource.k8s.io", "v1", "resourceclaims", true },
  };
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    _cleanup_(personality_unrefp) struct personality *p = NULL;
    assert_int_equal(personality_new(table[i].release, NULL, NULL, &p, &err), 0);
    if ((kind_resource_find(p, table[i].group, table[i].version, table[i].resource) != NULL) != table[i].on)
      fail_msg("%s %s/%s %s", table[i].release, table[i].group, table[i].version, table[i].resource);
  }
}

/* One version of resource.k8s.io a release until 1.31, and its kinds. */
static void
classic_versions_follow_each_other(void **state)
{
  static const struct {
    const char *release, *version, *has, *lacks;
  } table[] = {
    { "1.26", "v1alpha1", "podschedulings", "podschedulingcontexts" },
    { "1.27", "v1alpha2", "podschedulingcontexts", "resourceslices" },
    { "1.29", "v1alpha2", "resourceclasses", "resourceclaimparameters" },
    { "1.30", "v1alpha2", "resourceslices", "deviceclasses" },
    { "1.31", "v1alpha3", "podschedulingcontexts", "resourceclasses" },
  };
  static const char *const versions[] = { "v1alpha1", "v1alpha2", "v1alpha3", "v1beta1", "v1beta2", "v1" };
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
    _cleanup_(personality_unrefp) struct personality *p = release(table[i].release, NULL);
    for (size_t k = 0; k < ARRAY_SIZE(versions); k++)
      assert_int_equal(kind_resource_find(p, "resource.k8s.io", versions[k], "resourceclaims") != NULL,
                       strcmp(versions[k], table[i].version) == 0);
    assert_non_null(kind_resource_find(p, "resource.k8s.io", table[i].version, table[i].has));
    assert_null(kind_resource_find(p, "resource.k8s.io", table[i].version, table[i].lacks));
  }
}

/* -- fields -- */

/* `field` of the first struct on the way: "spec.resourceClaims.source". */
static void
fields_come_and_go(void **state)
{
  static const struct {
    const char *api_version, *kind, *field;
    int first, last; /* releases that know it */
  } table[] = {
    { "v1", "Pod", "spec.resourceClaims.source", 26, 30 },
    { "v1", "Pod", "spec.resourceClaims.resourceClaimName", 31, 37 },
    { "v1", "Pod", "spec.containers.resources.claims.request", 31, 37 },
    { "v1", "Pod", "status.resourceClaimStatuses", 28, 37 },
    { "v1", "Pod", "spec.resources", 32, 37 },
    { "v1", "Pod", "spec.containers.resizePolicy", 27, 37 },
    { "apps/v1", "Deployment", "spec.template.spec.resourceClaims.source", 26, 30 },
    { "resource.k8s.io/v1alpha2", "ResourceClass", "structuredParameters", 30, 30 },
    { "networking.k8s.io/v1", "Ingress", "spec.rules", 26, 37 },
  };
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(table); i++)
    for (int minor = PERSONALITY_MINOR_MIN; minor <= PERSONALITY_MINOR_MAX; minor++) {
      _cleanup_free_ char *version = mem_printf("1.%d", minor);
      _cleanup_(personality_unrefp) struct personality *p =
          release(version, "AllAlpha=true,AllBeta=true"); /* as those documents were made */
      const struct kind *k = kind_in(p, kind_find_api_version(table[i].api_version, table[i].kind));
      bool want = minor >= table[i].first && minor <= table[i].last;
      if ((k && kind_field_at(k->type, table[i].field)) != want)
        fail_msg("%s in %s", table[i].field, version);
    }
}

static struct json *
parsed(struct arena *a, const char *text)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *v = NULL;
  assert_int_equal(json_parse(a, span_of(text), NULL, &v, &err), 0);
  return v;
}

/* A field of another release is unknown, also to those who are strict about it. */
static void
later_fields_are_unknown(void **state)
{
  static const struct {
    const char *release, *object, *problem; /* problem NULL: none */
  } table[] = {
    { "1.30", "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"spec\":{\"resourceClaims\":[{\"name\":\"a\",\"source\":{}}]}}",
      NULL },
    { "1.31", "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"spec\":{\"resourceClaims\":[{\"name\":\"a\",\"source\":{}}]}}",
      "unknown field \"spec.resourceClaims[0].source\"" },
    { "1.29", "{\"apiVersion\":\"resource.k8s.io/v1alpha2\",\"kind\":\"ResourceClass\",\"structuredParameters\":true}",
      "unknown field \"structuredParameters\"" },
    { "1.26", "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"spec\":{\"containers\":[{\"resizePolicy\":[]}]}}",
      "unknown field \"spec.containers[0].resizePolicy\"" },
  };
  (void)state;
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
    _cleanup_(personality_unrefp) struct personality *p = release(table[i].release, NULL);
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct json *in = parsed(a, table[i].object), *out;
    struct kind_strictness strict = { .a = a };
    const struct kind *k = kind_in(p, kind_find_api_version(json_get_str(in, "apiVersion"), json_get_str(in, "kind")));
    assert_non_null(k);
    assert_int_equal(kind_decode(a, k, in, &strict, &out, &err), 0);
    assert_int_equal(strict.n, table[i].problem ? 1 : 0);
    if (table[i].problem)
      assert_string_equal(strict.problems[0], table[i].problem);
  }
}

static void
claims_go_without_the_gate(void **state)
{
  static const char text[] = "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"spec\":{\"resourceClaims\":[{\"name\":\"a\"}],"
                             "\"containers\":[{\"name\":\"c\",\"resources\":{\"claims\":[{\"name\":\"a\"}]}}]}}";
  static const struct {
    const char *gates;
    bool had, kept;
  } table[] = {
    { NULL, false, false },
    { NULL, true, true },
    { "DynamicResourceAllocation=true", false, true },
  };
  (void)state;
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
    _cleanup_(personality_unrefp) struct personality *p = release("1.31", table[i].gates);
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    const struct kind *k = kind_in(p, kind_find("", "v1", "Pod"));
    struct json *o, *old;
    assert_int_equal(kind_decode(a, k, parsed(a, text), NULL, &o, &err), 0);
    assert_int_equal(kind_decode(a, k, parsed(a, text), NULL, &old, &err), 0);
    kind_drop_disabled(a, k, o, table[i].had ? old : NULL, p);
    assert_int_equal(json_dig(o, "spec", "resourceClaims", NULL) != NULL, table[i].kept);
    assert_int_equal(json_dig(json_at(json_dig(o, "spec", "containers", NULL), 0), "resources", "claims", NULL) != NULL,
                     table[i].kept);
  }
}

/* -- forms -- */

/* 1.31 stores v1, with the fields that v1 has for that release alone. */
static void
classic_claims_survive_the_store(void **state)
{
  static const char text[] =
      "{\"apiVersion\":\"resource.k8s.io/v1alpha3\",\"kind\":\"ResourceClaim\",\"metadata\":{\"name\":\"c\"},\"spec\":{"
      "\"controller\":\"d.example.com\",\"devices\":{\"requests\":[{\"name\":\"r\",\"deviceClassName\":\"k\","
      "\"allocationMode\":\"All\",\"adminAccess\":true}]}},\"status\":{\"deallocationRequested\":true,\"allocation\":{"
      "\"controller\":\"d.example.com\"}}}";
  (void)state;
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  _cleanup_(personality_unrefp) struct personality *p = release("1.31", NULL);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const struct kind_resource *r = kind_resource_find(p, "resource.k8s.io", "v1alpha3", "resourceclaims");
  const struct kind *stored = kind_resource_storage(p, r)->of;
  struct json *o, *inner, *back;
  assert_string_equal(stored->version, "v1");
  assert_null(kind_in(p, kind_find("resource.k8s.io", "v1", "ResourceClaim"))); /* nobody may send it */
  assert_int_equal(kind_decode(a, r->of, parsed(a, text), NULL, &o, &err), 0);
  assert_int_equal(kind_convert(a, r->of, stored, o, &inner, &err), 0);
  assert_string_equal(json_str(json_dig(inner, "spec", "controller", NULL)), "d.example.com");
  assert_non_null(json_get(json_at(json_dig(inner, "spec", "devices", "requests", NULL), 0), "exactly"));
  assert_int_equal(kind_convert(a, stored, r->of, inner, &back, &err), 0);
  assert_true(json_equal(o, back));
}

static void
capacities_change_their_form(void **state)
{
  static const char text[] =
      "{\"apiVersion\":\"resource.k8s.io/v1alpha3\",\"kind\":\"ResourceSlice\",\"spec\":{\"driver\":\"d\",\"pool\":{},"
      "\"devices\":[{\"name\":\"a\",\"basic\":{\"capacity\":{\"memory\":\"1Gi\"}}}]}}";
  (void)state;
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  _cleanup_(personality_unrefp) struct personality *p = release("1.31", NULL);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const struct kind_resource *r = kind_resource_find(p, "resource.k8s.io", "v1alpha3", "resourceslices");
  const struct kind *stored = kind_resource_storage(p, r)->of;
  struct json *o, *inner, *back;
  assert_int_equal(kind_decode(a, r->of, parsed(a, text), NULL, &o, &err), 0);
  assert_int_equal(kind_convert(a, r->of, stored, o, &inner, &err), 0);
  const struct json *device = json_at(json_dig(inner, "spec", "devices", NULL), 0);
  assert_string_equal(json_str(json_dig(device, "capacity", "memory", "value", NULL)), "1Gi");
  assert_int_equal(kind_convert(a, stored, r->of, inner, &back, &err), 0);
  assert_true(json_equal(o, back));
}

/* A zero creationTimestamp is null until 1.33, and left out from then on. */
static void
zero_times_show_before_1_34(void **state)
{
  (void)state;
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  for (int minor = PERSONALITY_MINOR_MIN; minor <= PERSONALITY_MINOR_MAX; minor++) {
    _cleanup_free_ char *version = mem_printf("1.%d", minor);
    _cleanup_(personality_unrefp) struct personality *p =
        release(version, "AllAlpha=true,AllBeta=true"); /* as those documents were made */
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct json *o;
    assert_int_equal(kind_decode(a, kind_in(p, kind_find("", "v1", "ConfigMap")), parsed(a, "{}"), NULL, &o, &err), 0);
    assert_int_equal(json_dig(o, "metadata", "creationTimestamp", NULL) != NULL, minor < 34);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(releases_serve_what_upstream_did),   cmocka_unit_test(only_some_are_on_by_default),
    cmocka_unit_test(classic_versions_follow_each_other), cmocka_unit_test(fields_come_and_go),
    cmocka_unit_test(later_fields_are_unknown),           cmocka_unit_test(claims_go_without_the_gate),
    cmocka_unit_test(classic_claims_survive_the_store),   cmocka_unit_test(capacities_change_their_form),
    cmocka_unit_test(zero_times_show_before_1_34),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
