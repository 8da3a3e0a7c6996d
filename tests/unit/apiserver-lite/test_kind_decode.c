/* Decoding of what clients send: canonical forms, Go's words for what is wrong, strict problems; and bad protobuf. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ceilings.h"
#include "codec.h"
#include "fs.h"
#include "kind.h"
#include "kind_scalar.h"
#include "kind_type.h"

struct decode_case {
  const char *kind, *in, *want; /* "group/version/Kind" with an empty group for core */
};

static const struct kind *
kind_named_so(const char *name)
{
  struct span version, kind, group = span_cut(span_of(name), '/', &version);
  char g[64], v[32];
  version = span_cut(version, '/', &kind);
  (void)snprintf(g, sizeof(g), "%.*s", SPAN_FMT(group));
  (void)snprintf(v, sizeof(v), "%.*s", SPAN_FMT(version));
  const struct kind *k = kind_find(g, v, kind.p);
  assert_non_null(k);
  return k;
}

static int
decode(struct arena *a, const struct decode_case *c, struct kind_strictness *strict, struct json **ret,
       struct kerr *err)
{
  struct json_dup *dups = NULL;
  struct json_parse_opts opts = { .dups = &dups };
  struct json *in;
  if (json_parse(a, span_of(c->in), &opts, &in, err) < 0)
    fail_msg("%s: %s", c->in, err->msg);
  if (strict)
    strict->dups = dups;
  return kind_decode(a, kind_named_so(c->kind), in, strict, ret, err);
}

#define CLAIM "resource.k8s.io/v1/ResourceClaim"
#define SLICE "resource.k8s.io/v1/ResourceSlice"

static const struct decode_case canonical[] = {
  { "/v1/ConfigMap", "{}", "{\"metadata\":{}}" },
  { "/v1/ConfigMap", "{\"data\":{\"b\":\"2\",\"a\":null},\"kind\":\"ConfigMap\",\"immutable\":false,\"extra\":1}",
    "{\"kind\":\"ConfigMap\",\"metadata\":{},\"immutable\":false,\"data\":{\"a\":\"\",\"b\":\"2\"}}" },
  { "/v1/ConfigMap", "{\"data\":{},\"binaryData\":{\"x\":\"aGk\\n=\"},\"metadata\":null}",
    "{\"metadata\":{},\"binaryData\":{\"x\":\"aGk=\"}}" },
  { "/v1/Pod", "{\"spec\":{\"containers\":null,\"hostNetwork\":false,\"nodeName\":\"\"}}",
    "{\"metadata\":{},\"spec\":{\"containers\":null},\"status\":{}}" },
  { "/v1/Pod", "{\"spec\":{\"containers\":[{\"ports\":[{\"containerPort\":1,\"hostPort\":0}],\"name\":\"c\"}]}}",
    "{\"metadata\":{},\"spec\":{\"containers\":[{\"name\":\"c\",\"ports\":[{\"containerPort\":1}],\"resources\":{}}]},"
    "\"status\":{}}" },
  { "/v1/Pod", "{\"metadata\":{\"creationTimestamp\":null,\"deletionTimestamp\":\"2026-01-01T01:00:00.5+01:00\"}}",
    "{\"metadata\":{\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"},\"spec\":{\"containers\":null},\"status\":{}}" },
  { "coordination.k8s.io/v1/Lease", "{\"spec\":{\"renewTime\":\"2026-01-01T00:00:00.000001+00:00\"}}",
    "{\"metadata\":{},\"spec\":{\"renewTime\":\"2026-01-01T00:00:00.000001Z\"}}" },
  { SLICE, "{\"spec\":{\"devices\":[{\"capacity\":{\"b\":{\"value\":1024},\"a\":{\"value\":\" 0.5Gi\"},\"c\":{}}}]}}",
    "{\"metadata\":{},\"spec\":{\"driver\":\"\",\"pool\":{\"name\":\"\",\"generation\":0,\"resourceSliceCount\":0},"
    "\"devices\":"
    "[{\"name\":\"\",\"capacity\":{\"a\":{\"value\":\"512Mi\"},\"b\":{\"value\":\"1024\"},\"c\":{\"value\":\"0\"}}}]}"
    "}" },
  { CLAIM,
    "{\"spec\":{\"devices\":{\"config\":[{\"opaque\":{\"parameters\":{\"b\":1.50,\"a\":[]},\"driver\":\"d\"}}]}}}",
    "{\"metadata\":{},\"spec\":{\"devices\":{\"requests\":null,\"config\":[{\"opaque\":{\"driver\":\"d\","
    "\"parameters\":{\"b\":1.50,"
    "\"a\":[]}}}]}},"
    "\"status\":{}}" },
  { "apps/v1/ControllerRevision", "{\"revision\":1}", "{\"metadata\":{},\"data\":null,\"revision\":1}" },
  { "/v1/Service", "{\"spec\":{\"ports\":[{\"port\":1,\"targetPort\":\"http\"}]}}",
    "{\"metadata\":{},\"spec\":{\"ports\":[{\"port\":1,\"targetPort\":\"http\"}]},\"status\":{\"loadBalancer\":{}}}" },
  { "authentication.k8s.io/v1/TokenReview", "{\"status\":{\"user\":{\"extra\":{\"x\":[\"1\"],\"y\":null}}}}",
    "{\"metadata\":{},\"spec\":{},\"status\":{\"user\":{\"extra\":{\"x\":[\"1\"],\"y\":null}}}}" },
};

static void
objects_become_canonical(void **state)
{
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(canonical); i++) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct json *v;
    if (decode(a, &canonical[i], NULL, &v, &err) < 0)
      fail_msg("%s: %s", canonical[i].in, err.msg);
    assert_string_equal(json_text(a, v, JSON_COMPACT), canonical[i].want);
  }
}

static const struct decode_case wrong[] = {
  { "/v1/Pod", "[]", "json: cannot unmarshal array into Go value of type v1.Pod" },
  { "/v1/Pod", "{\"metadata\":\"x\"}",
    "json: cannot unmarshal string into Go struct field Pod.metadata of type v1.ObjectMeta" },
  { "/v1/Pod", "{\"metadata\":{\"labels\":[]}}",
    "json: cannot unmarshal array into Go struct field ObjectMeta.metadata.labels of type map[string]string" },
  { "/v1/Pod", "{\"metadata\":{\"labels\":{\"a\":1}}}",
    "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string" },
  { "/v1/Pod", "{\"spec\":{\"containers\":[{\"ports\":[{\"containerPort\":\"x\"}]}]}}",
    "json: cannot unmarshal string into Go struct field ContainerPort.spec.containers.ports.containerPort of type "
    "int32" },
  { "/v1/Pod", "{\"spec\":{\"containers\":[{\"ports\":[{\"containerPort\":4294967296}]}]}}",
    "json: cannot unmarshal number 4294967296 into Go struct field ContainerPort.spec.containers.ports.containerPort "
    "of type int32" },
  { "/v1/Pod", "{\"spec\":{\"containers\":{}}}",
    "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container" },
  { "/v1/Pod", "{\"spec\":{\"volumes\":[{\"emptyDir\":1}]}}",
    "json: cannot unmarshal number into Go struct field Volume.spec.volumes.VolumeSource.emptyDir of type "
    "v1.EmptyDirVolumeSource" },
  { "/v1/Pod", "{\"spec\":{\"restartPolicy\":true}}",
    "json: cannot unmarshal bool into Go struct field PodSpec.spec.restartPolicy of type v1.RestartPolicy" },
  { "/v1/Pod", "{\"metadata\":{\"creationTimestamp\":5}}",
    "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.creationTimestamp of type string" },
  { "/v1/Pod", "{\"spec\":{\"containers\":[{\"resources\":{\"limits\":{\"cpu\":\"1x\"}}}]}}",
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'" },
  { CLAIM, "{\"spec\":{\"devices\":{\"requests\":[{\"exactly\":{\"count\":1.5}}]}}}",
    "json: cannot unmarshal number 1.5 into Go struct field ExactDeviceRequest.spec.devices.requests.exactly.count of "
    "type int64" },
  { SLICE, "{\"spec\":{\"devices\":[{\"taints\":[{\"timeAdded\":\"2026-13-01T00:00:00Z\"}]}]}}",
    "parsing time \"2026-13-01T00:00:00Z\": month out of range" },
  { SLICE, "{\"spec\":{\"devices\":[{\"taints\":[{\"timeAdded\":\"2026-01-01T00:00:00Zx\"}]}]}}",
    "parsing time \"2026-01-01T00:00:00Zx\": extra text: \"x\"" },
  { "/v1/Secret", "{\"data\":{\"a\":\"====\"}}", "illegal base64 data at input byte 0" },
  { "/v1/Secret", "{\"data\":{\"a\":\"YQ=x\"}}", "illegal base64 data at input byte 2" },
  { "/v1/Service", "{\"spec\":{\"ports\":[{\"targetPort\":true}]}}",
    "json: cannot unmarshal bool into Go struct field ServicePort.spec.ports.targetPort of type int32" },
  /* the first wrong type is told, unless a later value has a parser of its own */
  { "/v1/Pod", "{\"metadata\":{\"name\":1,\"uid\":2}}",
    "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.name of type string" },
  { "/v1/Pod", "{\"metadata\":{\"name\":1,\"creationTimestamp\":\"x\"}}",
    "parsing time \"x\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"x\" as \"2006\"" },
};

static void
wrong_types_are_told_in_gos_words(void **state)
{
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct json *v;
    assert_int_equal(decode(a, &wrong[i], NULL, &v, &err), -KERR_BAD_REQUEST);
    assert_string_equal(err.msg, wrong[i].want);
  }
}

static const struct decode_case strict[] = {
  { CLAIM, "{\"a\":1,\"spec\":{\"devices\":{\"requests\":[{\"b\":{\"c\":1,\"c\":2}}]}},\"a\":2}",
    "unknown field \"a\", unknown field \"spec.devices.requests[0].b\"" },
  { CLAIM,
    "{\"metadata\":{\"name\":\"a\",\"name\":\"b\",\"labels\":{\"x/y\":\"\",\"x/"
    "y\":\"\"}},\"z\":1,\"spec\":{},\"spec\":{}}",
    "duplicate field \"metadata.name\", duplicate field \"metadata.labels.x/y\", unknown field \"z\", duplicate field "
    "\"spec\"" },
  { CLAIM, "{\"spec\":{\"devices\":{\"config\":[{\"opaque\":{\"parameters\":{\"a\":1,\"a\":2}}}]}}}", "" },
  { CLAIM, "{\"Spec\":{}}", "unknown field \"Spec\"" },
  { "apiextensions.k8s.io/v1/CustomResourceDefinition",
    "{\"spec\":{\"versions\":[{\"schema\":{\"openAPIV3Schema\":{\"no\":1,\"items\":{\"unseen\":1}}}}]}}",
    "unknown field \"spec.versions[0].schema.openAPIV3Schema.no\"" },
};

static void
strict_problems_come_in_order(void **state)
{
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(strict); i++) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
    _cleanup_strbuf_ struct strbuf found;
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct kind_strictness s = { .a = a };
    struct json *v;
    strbuf_init(&found, 64 * KiB);
    assert_int_equal(decode(a, &strict[i], &s, &v, &err), 0);
    for (size_t k = 0; k < s.n; k++)
      strbuf_printf(&found, "%s%s", k ? ", " : "", s.problems[k]);
    assert_string_equal(found.p, strict[i].want);
  }
}

/* Bodies and what kube-apiserver 1.37.2 said of them: type errors, and strict problems with both values of doubled
 * keys. */
static void
recorded_complaints_are_made(void **state)
{
  (void)state;
  _cleanup_strbuf_ struct strbuf b;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  size_t n = 0;
  strbuf_init(&b, 1 * MiB);
  if (fs_read("tests/data/apiserver-lite/decode-errors.jsonl", &b, &err) < 0)
    fail_msg("%s", err.msg);
  for (struct span rest = strbuf_view(&b); rest.p;) {
    struct span line = span_cut(rest, '\n', &rest);
    if (!line.n)
      continue;
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
    _cleanup_strbuf_ struct strbuf found;
    _cleanup_kerr_ struct kerr why = KERR_INIT;
    struct json_dup *dups = NULL;
    struct json_parse_opts opts = { .dups = &dups };
    struct kind_strictness s = { .a = a };
    struct json *c, *in, *v;
    strbuf_init(&found, 64 * KiB);
    assert_int_equal(json_parse(a, line, NULL, &c, &err), 0);
    assert_int_equal(json_parse(a, json_span(json_get(c, "in")), &opts, &in, &err), 0);
    s.dups = dups;
    const struct kind *k = kind_find_api_version(json_get_str(in, "apiVersion"), json_get_str(in, "kind"));
    if (kind_decode(a, k, in, &s, &v, &why) < 0)
      strbuf_puts(&found, why.msg);
    for (size_t i = 0; i < s.n && !why.msg; i++)
      strbuf_printf(&found, "%s%s", i ? ", " : "strict decoding error: ", s.problems[i]);
    assert_string_equal(found.p, json_get_str(c, "want"));
    n++;
  }
  assert_true(n > 80);
}

static void
times_are_gos(void **state)
{
  (void)state;
  static const struct {
    const char *in, *out; /* out NULL: refused */
    bool micro;
  } table[] = {
    { "2026-02-28T23:59:59Z", "2026-02-28T23:59:59Z", false },
    { "2026-02-29T00:00:00Z", NULL, false },
    { "2024-02-29T00:00:00+23:30", "2024-02-28T00:30:00Z", false },
    { "9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z", false },
    { "0002-01-01T00:00:00Z", "0002-01-01T00:00:00Z", false },
    { "2026-01-01T1:00:00Z", "2026-01-01T01:00:00Z", false },
    { "2026-01-01T00:00:00,5Z", "2026-01-01T00:00:00Z", false },
    { "2026-01-01 00:00:00Z", NULL, false },
    { "2026-01-01T24:00:00Z", NULL, false },
    { "2026-01-01T00:00:00", NULL, false },
    { "", NULL, false },
    { "2026-01-01T00:00:00.123456Z", "2026-01-01T00:00:00.123456Z", true },
    { "2026-01-01T00:00:00.1234567Z", NULL, true },
    { "2026-01-01T00:00:00.12345Z", NULL, true },
  };
  for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
    struct kind_time t;
    const char *why = NULL;
    char buf[KIND_TIME_TEXT_MAX];
    bool ok = kind_time_parse(a, span_of(table[i].in), table[i].micro, &t, &why);
    if (ok != (table[i].out != NULL))
      fail_msg("%s: %s", table[i].in, ok ? "accepted" : why);
    if (ok)
      assert_string_equal(kind_time_text(&t, table[i].micro, buf), table[i].out);
    else
      assert_non_null(why);
  }
}

static void
bad_protobuf_is_refused(void **state)
{
  (void)state;
  static const struct {
    struct span in;
    const char *want;
  } table[] = {
    { { "", 0 }, "empty data" },
    { { "{}", 2 }, "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]" },
    { { "k8s\0", 4 }, "empty body" },
    { { "k8s\0\x0a\x05", 6 }, "unexpected EOF" },
    { { "k8s\0\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 16 }, "proto: integer overflow" },
    { { "k8s\0\x0a\x0b\x0a\x02v1\x12\x05Thing", 17 },
      "no kind \"Thing\" is registered for version \"v1\" in scheme \"pkg/runtime/scheme.go:111\"" },
    { { "k8s\0\x0a\x09\x0a\x02v1\x12\x03Pod\x12\x02\x08\x01", 19 }, "proto: wrong wireType = 0 for field ObjectMeta" },
    { { "k8s\0\x0a\x09\x0a\x02v1\x12\x03Pod\x12\x02\x0c\x01", 19 }, "proto: wiretype end group for non-group" },
    { { "k8s\0\x0a\x09\x0a\x02v1\x12\x03Pod\x12\x02\x00\x01", 19 }, "proto: illegal tag 0 (wire type 0)" },
  };
  for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    const struct kind *k = NULL;
    struct json *v;
    assert_int_equal(kind_decode_proto(a, NULL, table[i].in, &k, &v, &err), -KERR_BAD_REQUEST);
    assert_string_equal(err.msg, table[i].want);
  }
}

/* The envelope may leave the kind to the URL; unknown numbers are passed over; maps come in any order. */
static void
lenient_protobuf_is_read(void **state)
{
  (void)state;
  static const char bytes[] = "k8s\0\x12\x1f" /* raw */
                              "\x12\x06\x0a\x01"
                              "b\x12\x01"
                              "1" /* data[b]=1 */
                              "\x12\x06\x0a\x01"
                              "a\x12\x01"
                              "2" /* data[a]=2 */
                              "\x12\x06\x0a\x01"
                              "b\x12\x01"
                              "3"                 /* data[b]=3: the last one wins */
                              "\x98\x06\x07"      /* number 99 */
                              "\x12\x02\x0a\x00"; /* data[""]="" */
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const struct kind *k = kind_find("", "v1", "ConfigMap");
  struct json *v;
  assert_int_equal(kind_decode_proto(a, NULL, span_make(bytes, sizeof(bytes) - 1), &k, &v, &err), 0);
  assert_string_equal(json_text(a, v, JSON_COMPACT), "{\"metadata\":{},\"data\":{\"\":\"\",\"a\":\"2\",\"b\":\"3\"}}");
}

static void
tables_have_no_protobuf(void **state)
{
  (void)state;
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_strbuf_ struct strbuf out;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  strbuf_init(&out, 1 * KiB);
  const struct kind *k = kind_find("meta.k8s.io", "v1", "Table");
  assert_int_equal(kind_encode_proto(k, json_new_object(a), &out, &err), -KERR_NOT_ACCEPTABLE);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(objects_become_canonical),
    cmocka_unit_test(wrong_types_are_told_in_gos_words),
    cmocka_unit_test(strict_problems_come_in_order),
    cmocka_unit_test(recorded_complaints_are_made),
    cmocka_unit_test(times_are_gos),
    cmocka_unit_test(bad_protobuf_is_refused),
    cmocka_unit_test(lenient_protobuf_is_read),
    cmocka_unit_test(tables_have_no_protobuf),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
