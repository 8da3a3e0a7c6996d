/* Documents as kube-apiserver keeps them: what is written, and what may be found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ceilings.h"
#include "kind.h"
#include "storage_codec.h"

struct fixture {
  struct arena *a;
  struct storage_codec_payload payload;
  struct personality *personality;
};

static int
setup(void **state)
{
  struct fixture *f = mem_alloc(sizeof *f);
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  f->a = arena_new(CEIL_ARENA_REQUEST);
  assert_int_equal(personality_new(NULL, NULL, NULL, &f->personality, &err), 0);
  f->payload = (struct storage_codec_payload){ .personality = f->personality, .clock = clock_new_virtual(0) };
  *state = f;
  return 0;
}

static int
teardown(void **state)
{
  struct fixture *f = *state;

  clock_free(f->payload.clock);
  personality_unref(f->personality);
  arena_free(f->a);
  free(f);
  return 0;
}

/* Values there and back: the very same document, whatever is in between. */
static void
round_trips(void **state)
{
  static const struct {
    const char *key, *text;
    struct span begins;
  } rows[] = {
    { "/registry/configmaps/ns/c",
      "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"c\",\"namespace\":\"ns\",\"uid\":\"u\","
      "\"creationTimestamp\":\"2026-11-24T10:00:00Z\",\"labels\":{\"a\":\"<b>\"}},\"data\":{\"k\":\"caf\\u00e9\"}}",
      { "k8s\0\n", 5 } },
    { "/registry/leases/kube-node-lease/n",
      "{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/v1\",\"metadata\":{\"name\":\"n\",\"namespace\":"
      "\"kube-node-lease\",\"uid\":\"u\",\"creationTimestamp\":\"2026-11-24T10:00:00Z\"},\"spec\":{\"holderIdentity\":"
      "\"n\",\"leaseDurationSeconds\":40,\"renewTime\":\"2026-11-24T10:00:00.123456Z\"}}",
      { "k8s\0\n", 5 } },
    { "/registry/example.com/widgets/ns/w",
      "{\"apiVersion\":\"example.com/v1\",\"kind\":\"Widget\",\"metadata\":{\"name\":\"w\",\"namespace\":\"ns\"},"
      "\"spec\":{\"size\":9007199254740993,\"list\":[],\"null\":null}}",
      { "{\"apiVersion\"", 13 } },
  };
  struct fixture *f = *state;

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_strbuf_ struct strbuf value = STRBUF_INIT(1 << 20);
    _cleanup_record_ struct record *in = NULL, *out = NULL;
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct json *tree;

    assert_int_equal(json_parse(f->a, span_of(rows[i].text), NULL, &tree, &err), 0);
    in = record_from_json(span_of(rows[i].key), 0, tree);
    if (storage_codec.encode(&f->payload, in, &value, &err) < 0)
      fail_msg("row %zu: %s", i, err.msg);
    assert_true(span_starts(strbuf_view(&value), rows[i].begins));
    if (storage_codec.decode(&f->payload, span_of(rows[i].key), 7, strbuf_view(&value), &out, &err) < 0)
      fail_msg("row %zu: %s", i, err.msg);
    if (!span_eq(record_bytes(in), record_bytes(out)))
      fail_msg("row %zu: '%s' became '%s'", i, record_bytes(in).p, record_bytes(out).p);
    assert_true(record_stamp_at(in) == record_stamp_at(out) && record_revision(out) == 7);
  }
}

/* What is found in another version comes in the one that is stored here, with its defaults. */
static void
older_versions_are_converted(void **state)
{
  struct fixture *f = *state;
  _cleanup_record_ struct record *claim = NULL, *crd = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const struct json *version;

  if (storage_codec.decode(&f->payload, SPAN("/registry/resourceclaims/ns/c"), 1,
                           SPAN("{\"apiVersion\":\"resource.k8s.io/v1beta1\",\"kind\":\"ResourceClaim\",\"metadata\":{"
                                "\"name\":\"c\",\"namespace\":\"ns\"},\"spec\":{\"devices\":{\"requests\":[{\"name\":"
                                "\"r\",\"deviceClassName\":\"gpu\"}]}}}"),
                           &claim, &err) < 0)
    fail_msg("%s", err.msg);
  assert_non_null(strstr(record_bytes(claim).p, "\"resource.k8s.io/v1\""));
  assert_non_null(strstr(record_bytes(claim).p, "\"exactly\":{\"deviceClassName\":\"gpu\",\"allocationMode\":"
                                                "\"ExactCount\",\"count\":1}"));
  if (storage_codec.decode(
          &f->payload, SPAN("/registry/apiextensions.k8s.io/customresourcedefinitions/w.example.com"), 1,
          SPAN(
              "{\"kind\":\"CustomResourceDefinition\",\"apiVersion\":\"apiextensions.k8s.io/v1beta1\",\"metadata\":{"
              "\"name\":\"w.example.com\"},\"spec\":{\"group\":\"example.com\",\"version\":\"v1\",\"names\":{"
              "\"plural\":"
              "\"w\",\"kind\":\"W\"},\"scope\":\"Namespaced\",\"validation\":{\"openAPIV3Schema\":{\"type\":\"object\"}"
              "}"
              ",\"subresources\":{\"status\":{}},\"additionalPrinterColumns\":[{\"name\":\"A\",\"type\":\"string\","
              "\"JSONPath\":\".a\"}],\"versions\":[{\"name\":\"v1\",\"served\":true,\"storage\":true}],\"conversion\":{"
              "\"strategy\":\"Webhook\",\"webhookClientConfig\":{\"url\":\"https://x\"},\"conversionReviewVersions\":["
              "\"v1\"]},\"preserveUnknownFields\":false}}"),
          &crd, &err) < 0)
    fail_msg("%s", err.msg);
  version = json_at(json_dig(record_tree(crd), "spec", "versions", NULL), 0);
  assert_string_equal(json_get_str(record_tree(crd), "apiVersion"), "apiextensions.k8s.io/v1");
  assert_string_equal(json_get_str(json_dig(version, "schema", "openAPIV3Schema", NULL), "type"), "object");
  assert_non_null(json_dig(version, "subresources", "status", NULL));
  assert_string_equal(json_get_str(json_at(json_get(version, "additionalPrinterColumns"), 0), "jsonPath"), ".a");
  assert_string_equal(
      json_get_str(json_dig(record_tree(crd), "spec", "conversion", "webhook", "clientConfig", NULL), "url"),
      "https://x");
  assert_null(json_dig(record_tree(crd), "spec", "version", NULL));
}

#define BYTES(literal)             \
  {                                \
    (literal), sizeof(literal) - 1 \
  }

static void
what_cannot_be_read_is_told_apart(void **state)
{
  static const struct {
    const char *key;
    struct span value;
    enum kerr_code code;
  } rows[] = {
    { "compact_rev_key", BYTES("5"), KERR_NOT_FOUND },
    { "/registry/x", BYTES("k8s\0\n\x06\n\001x\x12\001Y"), KERR_NOT_FOUND }, /* kind Y of x: nobody knows it */
    { "/registry/secrets/ns/s", BYTES("k8s:enc:aescbc:v1:key1:...."), KERR_PARSE },
    { "/registry/secrets/ns/s", BYTES(""), KERR_PARSE },
    { "/registry/configmaps/ns/c", BYTES("{\"apiVersion\":\"v1\","), KERR_PARSE },
    { "/registry/configmaps/ns/c", BYTES("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"data\":7}"),
      KERR_BAD_REQUEST },
    { "/registry/configmaps/ns/c", BYTES("k8s\0\n\x0f\n\002v1\x12\011ConfigMap\x12\x05\n\x7f"), KERR_BAD_REQUEST },
  };
  struct fixture *f = *state;

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct record *none = NULL;

    if (storage_codec.decode(&f->payload, span_of(rows[i].key), 1, rows[i].value, &none, &err) != -(int)rows[i].code)
      fail_msg("row %zu: %s: %s", i, kerr_name(err.code), err.msg ? err.msg : "");
    assert_null(none);
  }
}

static void
events_are_mortal(void **state)
{
  (void)state;
  assert_int_equal(storage_codec.ttl(NULL, SPAN("/registry/events/ns/e")), 3600);
  assert_int_equal(storage_codec.ttl(NULL, SPAN("/registry/pods/ns/p")), 0);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
  const struct CMUnitTest tests[] = {
    TEST(round_trips),
    TEST(older_versions_are_converted),
    TEST(what_cannot_be_read_is_told_apart),
    cmocka_unit_test(events_are_mortal),
  };

  return cmocka_run_group_tests_name("storage codec", tests, NULL, NULL);
}
