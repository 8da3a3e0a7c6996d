/* Defaulting, gated fields and conversion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "ceilings.h"
#include "fs.h"
#include "kind.h"
#include "kind_default.h"
#include "kind_type.h"

#define NOW INT64_C(1763978400000000000) /* 2025-11-24T10:00:00Z */

static struct json *
parsed(struct arena *a, const char *text)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *v;
  if (json_parse(a, span_of(text), NULL, &v, &err) < 0)
    fail_msg("%s in %s", err.msg, text);
  return v;
}

static struct json *
decoded(struct arena *a, const struct kind *k, const char *text)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *v;
  if (kind_decode(a, k, parsed(a, text), NULL, &v, &err) < 0)
    fail_msg("%s in %s", err.msg, text);
  return v;
}

static struct personality *
personality(const char *gates)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct personality *p;
  if (personality_new("1.37", gates, NULL, &p, &err) < 0)
    fail_msg("%s", err.msg);
  return p;
}

struct shape_case {
  const char *group, *version, *kind, *in, *want;
};

static const struct shape_case defaults[] = {
  { "resource.k8s.io", "v1", "ResourceClaim",
    "{\"spec\":{\"devices\":{\"requests\":[{\"name\":\"a\",\"exactly\":{\"deviceClassName\":\"c\"}},"
    "{\"name\":\"b\",\"exactly\":{\"deviceClassName\":\"c\",\"allocationMode\":\"All\",\"tolerations\":[{\"key\":\"k\"}"
    "]}}]}}}",
    "{\"metadata\":{},\"spec\":{\"devices\":{\"requests\":[{\"name\":\"a\",\"exactly\":{\"deviceClassName\":\"c\","
    "\"allocationMode\":\"ExactCount\",\"count\":1}},{\"name\":\"b\",\"exactly\":{\"deviceClassName\":\"c\","
    "\"allocationMode\":\"All\",\"tolerations\":[{\"key\":\"k\",\"operator\":\"Equal\"}]}}]}},\"status\":{}}" },
  { "resource.k8s.io", "v1beta1", "ResourceClaim",
    "{\"spec\":{\"devices\":{\"requests\":[{\"name\":\"a\",\"deviceClassName\":\"c\"},{\"name\":\"b\","
    "\"firstAvailable\":"
    "[{\"name\":\"x\",\"deviceClassName\":\"c\"}]}]}}}",
    "{\"metadata\":{},\"spec\":{\"devices\":{\"requests\":[{\"name\":\"a\",\"deviceClassName\":\"c\","
    "\"allocationMode\":"
    "\"ExactCount\",\"count\":1},{\"name\":\"b\",\"deviceClassName\":\"\",\"firstAvailable\":[{\"name\":\"x\","
    "\"deviceClassName\":\"c\","
    "\"allocationMode\":\"ExactCount\",\"count\":1}]}]}},\"status\":{}}" },
  { "resource.k8s.io", "v1", "DeviceTaintRule", "{\"spec\":{\"taint\":{\"key\":\"k\",\"effect\":\"NoSchedule\"}}}",
    "{\"metadata\":{},\"spec\":{\"taint\":{\"key\":\"k\",\"effect\":\"NoSchedule\",\"timeAdded\":\"2025-11-24T10:00:"
    "00Z\"}},"
    "\"status\":{}}" },
  { "", "v1", "Namespace", "{\"metadata\":{\"name\":\"n\",\"labels\":{\"z\":\"1\"}}}",
    "{\"metadata\":{\"name\":\"n\",\"labels\":{\"kubernetes.io/metadata.name\":\"n\",\"z\":\"1\"}},\"spec\":{},"
    "\"status\":{\"phase\":\"Active\"}}" },
  { "", "v1", "Pod",
    "{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"r.io/a:1\",\"resources\":{\"limits\":{\"cpu\":\"1\"}},"
    "\"ports\":[{\"containerPort\":80}],\"livenessProbe\":{\"httpGet\":{\"port\":80}}}],\"serviceAccountName\":\"s\","
    "\"volumes\":[{\"name\":\"v\"}]}}",
    "{\"metadata\":{},\"spec\":{\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}],\"containers\":[{\"name\":\"c\","
    "\"image\":"
    "\"r.io/a:1\",\"ports\":[{\"containerPort\":80,\"protocol\":\"TCP\"}],\"resources\":{\"limits\":{\"cpu\":\"1\"},"
    "\"requests\":{\"cpu\":\"1\"}},\"livenessProbe\":{\"httpGet\":{\"path\":\"/\",\"port\":80,\"scheme\":\"HTTP\"},"
    "\"timeoutSeconds\":1,\"periodSeconds\":10,\"successThreshold\":1,\"failureThreshold\":3},"
    "\"terminationMessagePath\":"
    "\"/dev/termination-log\",\"terminationMessagePolicy\":\"File\",\"imagePullPolicy\":\"IfNotPresent\"}],"
    "\"restartPolicy\":\"Always\",\"terminationGracePeriodSeconds\":30,\"dnsPolicy\":\"ClusterFirst\","
    "\"serviceAccountName\":\"s\",\"serviceAccount\":\"s\",\"securityContext\":{},\"schedulerName\":\"default-"
    "scheduler\","
    "\"enableServiceLinks\":true},\"status\":{}}" },
  { "", "v1", "Service", "{\"spec\":{\"ports\":[{\"port\":80}]}}",
    "{\"metadata\":{},\"spec\":{\"ports\":[{\"protocol\":\"TCP\",\"port\":80,\"targetPort\":80}],\"type\":"
    "\"ClusterIP\","
    "\"sessionAffinity\":\"None\",\"internalTrafficPolicy\":\"Cluster\"},\"status\":{\"loadBalancer\":{}}}" },
  { "", "v1", "ResourceQuota", "{\"spec\":{\"hard\":{\"cpu\":\"1500u\"}}}",
    "{\"metadata\":{},\"spec\":{\"hard\":{\"cpu\":\"2m\"}},\"status\":{}}" },
};

static void
defaults_are_applied(void **state)
{
  (void)state;
  struct personality *p = personality(NULL);
  for (size_t i = 0; i < ARRAY_SIZE(defaults); i++) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
    const struct kind *k = kind_find(defaults[i].group, defaults[i].version, defaults[i].kind);
    struct json *o = decoded(a, k, defaults[i].in);
    kind_default(a, k, o, p, NOW);
    assert_string_equal(json_text(a, o, JSON_COMPACT), defaults[i].want);
    kind_default(a, k, o, p, NOW); /* a second time changes nothing, and the order was canonical */
    assert_string_equal(json_text(a, decoded(a, k, json_text(a, o, JSON_COMPACT)), JSON_COMPACT), defaults[i].want);
  }
  personality_unref(p);
}

/* Objects and what kube-apiserver 1.37.2 made of them, without what strategies and admission add. */
static void
defaults_are_upstreams(void **state)
{
  (void)state;
  _cleanup_strbuf_ struct strbuf b;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct personality *p = personality(NULL);
  size_t n = 0;
  strbuf_init(&b, 4 * MiB);
  if (fs_read("tests/data/apiserver-lite/defaults.jsonl", &b, &err) < 0)
    fail_msg("%s", err.msg);
  for (struct span rest = strbuf_view(&b); rest.p;) {
    struct span line = span_cut(rest, '\n', &rest);
    if (!line.n)
      continue;
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
    const struct json *c = parsed(a, arena_strndup(a, line.p, line.n)), *in = json_get(c, "in");
    const struct kind *k = kind_find_api_version(json_get_str(in, "apiVersion"), json_get_str(in, "kind"));
    struct json *o = decoded(a, k, json_text(a, in, JSON_COMPACT));
    kind_default(a, k, o, p, NOW);
    kind_drop_disabled(a, k, o, NULL, p);
    kind_settle(a, k, o);
    if (!json_equal(o, json_get(c, "want")))
      fail_msg("%s\ngot  %s\nwant %s", k->kind, json_text(a, o, JSON_SORTED),
               json_text(a, json_get(c, "want"), JSON_SORTED));
    n++;
  }
  assert_true(n > 50);
  personality_unref(p);
}

static void
pull_policy_follows_the_tag(void **state)
{
  (void)state;
  static const struct {
    const char *image, *policy;
  } table[] = {
    { "nginx", "Always" },
    { "nginx:latest", "Always" },
    { "nginx:1", "IfNotPresent" },
    { "localhost:5000/a", "Always" },
    { "r.io:80/a/b:v1", "IfNotPresent" },
    { "a@sha256:0", "IfNotPresent" },
    { "a:latest@sha256:0", "Always" },
    { "", "IfNotPresent" },
    { "Nginx", "IfNotPresent" },
    { "a/", "IfNotPresent" },
    { "R.io/a", "Always" },
  };
  struct personality *p = personality(NULL);
  const struct kind *k = kind_find("", "v1", "Pod");
  for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
    struct json *o = decoded(
        a, k, arena_printf(a, "{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"%s\"}]}}", table[i].image));
    kind_default(a, k, o, p, NOW);
    const struct json *container = json_at(json_dig(o, "spec", "containers", NULL), 0);
    if (strcmp(json_get_str_or(container, "imagePullPolicy", ""), table[i].policy) != 0)
      fail_msg("%s: %s", table[i].image, json_get_str(container, "imagePullPolicy"));
  }
  personality_unref(p);
}

/* Each type marked `code` has its function, each function its type, and each default is JSON. */
static void
tables_and_functions_agree(void **state)
{
  (void)state;
  const struct kind_default_entry *const tables[] = { kind_default_core, kind_default_others };
  size_t functions = 0, marked = 0;
  for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
    for (const struct kind_default_entry *e = tables[i]; e->type; e++) {
      const struct kind_type *t = kind_type_find(e->type);
      assert_non_null(t);
      assert_true(t->flags & KIND_T_CODE);
      functions++;
    }
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  for (uint32_t i = 0; i < kind_type_count; i++) {
    bool last = kind_type_find(kind_text(kind_types[i].name)) == &kind_types[i]; /* not that of an earlier release */
    marked += last && (kind_types[i].flags & KIND_T_CODE);
    for (kind_each_field(f, &kind_types[i])) {
      const struct kind_more *more = kind_field_more(f);
      if (more->dflt)
        (void)parsed(a, kind_text(more->dflt));
      if (more->fill)
        (void)parsed(a, kind_text(more->fill));
    }
  }
  assert_int_equal(functions, marked);
}

static void
gated_fields_go_unless_in_use(void **state)
{
  (void)state;
  static const char in[] =
      "{\"spec\":{\"driver\":\"d\",\"pool\":{\"name\":\"p\",\"generation\":1,\"resourceSliceCount\":1},"
      "\"nodeName\":\"n\",\"devices\":[{\"name\":\"x\",\"attributes\":{\"a\":{\"ints\":[1]}},\"bindsToNode\":true,"
      "\"capacity\":{\"m\":{\"value\":\"1\",\"requestPolicy\":{\"default\":\"1\"}}}}],"
      "\"partitionTypeAttribute\":\"a/b\"}}";
  static const char want[] =
      "{\"driver\":\"d\",\"pool\":{\"name\":\"p\",\"generation\":1,\"resourceSliceCount\":1},"
      "\"nodeName\":\"n\",\"devices\":[{\"name\":\"x\",\"attributes\":{\"a\":{}},\"capacity\":{\"m\":{\"value\":"
      "\"1\"}},\"bindsToNode\":true}]}";
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct personality *off = personality("DRAConsumableCapacity=false,DRAFractionalCapacityRange=false");
  const struct kind *k = kind_find("resource.k8s.io", "v1", "ResourceSlice");

  struct json *o = decoded(a, k, in);
  kind_drop_disabled(a, k, o, NULL, off);
  assert_string_equal(json_text(a, json_get(o, "spec"), JSON_COMPACT), want);

  o = decoded(a, k, in); /* the old object uses all of it */
  struct json *before = json_copy(a, o);
  kind_drop_disabled(a, k, o, before, off);
  assert_true(json_equal(o, before));
  personality_unref(off);
}

static void
empty_lists_last_until_they_are_stored(void **state)
{
  (void)state;
  static const char in[] = "{\"spec\":{\"driver\":\"d\",\"devices\":[],\"sharedCounters\":[],\"nodeSelector\":"
                           "{\"nodeSelectorTerms\":[]},\"skipNodeOperations\":[]}}";
  static const char pool[] = "\"driver\":\"d\",\"pool\":{\"name\":\"\",\"generation\":0,\"resourceSliceCount\":0},";
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  const struct kind *k = kind_find("resource.k8s.io", "v1", "ResourceSlice");
  struct json *o = decoded(a, k, in);
  assert_string_equal(
      json_text(a, json_get(o, "spec"), JSON_COMPACT),
      arena_printf(a, "{%s\"nodeSelector\":{\"nodeSelectorTerms\":[]},\"devices\":[],\"sharedCounters\":[]}", pool));
  kind_settle(a, k, o);
  assert_string_equal(json_text(a, json_get(o, "spec"), JSON_COMPACT),
                      arena_printf(a, "{%s\"nodeSelector\":{\"nodeSelectorTerms\":null}}", pool));
}

static const struct {
  const char *group_a, *version_a, *kind, *text_a, *group_b, *version_b, *text_b;
  bool back; /* the way back gives text_a again */
} conversions[] = {
  { "resource.k8s.io", "v1beta1", "ResourceClaim",
    "{\"apiVersion\":\"resource.k8s.io/v1beta1\",\"metadata\":{},\"spec\":{\"devices\":{\"requests\":[{\"name\":\"a\","
    "\"deviceClassName\":\"c\",\"selectors\":[{\"cel\":{\"expression\":\"true\"}}],\"allocationMode\":\"All\"},{"
    "\"name\":\"b\","
    "\"firstAvailable\":[{\"name\":\"x\",\"deviceClassName\":\"c\"}]}]}},\"status\":{}}",
    "resource.k8s.io", "v1",
    "{\"apiVersion\":\"resource.k8s.io/"
    "v1\",\"metadata\":{},\"spec\":{\"devices\":{\"requests\":[{\"name\":\"a\",\"exactly\":"
    "{\"deviceClassName\":\"c\",\"selectors\":[{\"cel\":{\"expression\":\"true\"}}],\"allocationMode\":\"All\"}},{"
    "\"name\":\"b\","
    "\"firstAvailable\":[{\"name\":\"x\",\"deviceClassName\":\"c\"}]}]}},\"status\":{}}",
    true },
  { "resource.k8s.io", "v1beta1", "ResourceSlice",
    "{\"metadata\":{},\"spec\":{\"driver\":\"d\",\"pool\":{\"name\":\"p\",\"generation\":1,\"resourceSliceCount\":1},"
    "\"nodeName\":"
    "\"n\",\"devices\":[{\"name\":\"x\",\"basic\":{\"attributes\":{\"a\":{\"int\":1}}}},{\"name\":\"y\",\"basic\":{}}]}"
    "}",
    "resource.k8s.io", "v1beta2",
    "{\"metadata\":{},\"spec\":{\"driver\":\"d\",\"pool\":{\"name\":\"p\",\"generation\":1,\"resourceSliceCount\":1},"
    "\"nodeName\":"
    "\"n\",\"devices\":[{\"name\":\"x\",\"attributes\":{\"a\":{\"int\":1}}},{\"name\":\"y\"}]}}",
    true },
  { "resource.k8s.io", "v1", "ResourceSlice", /* v1 can say what v1beta1 cannot */
    "{\"metadata\":{},\"spec\":{\"driver\":\"d\",\"pool\":{\"name\":\"p\",\"generation\":1,\"resourceSliceCount\":1},"
    "\"nodeName\":"
    "\"\",\"allNodes\":false}}",
    "resource.k8s.io", "v1beta1",
    "{\"metadata\":{},\"spec\":{\"driver\":\"d\",\"pool\":{\"name\":\"p\",\"generation\":1,\"resourceSliceCount\":1}}}",
    false },
  { "", "v1", "Event",
    "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"e\"},\"involvedObject\":{\"kind\":\"Pod\"},"
    "\"reason\":\"r\","
    "\"message\":\"m\",\"source\":{\"component\":\"c\"},\"firstTimestamp\":\"2026-01-01T00:00:00Z\",\"lastTimestamp\":"
    "null,\"count\":2,"
    "\"eventTime\":null,\"reportingComponent\":\"rc\",\"reportingInstance\":\"ri\"}",
    "events.k8s.io", "v1",
    "{\"kind\":\"Event\",\"apiVersion\":\"events.k8s.io/v1\",\"metadata\":{\"name\":\"e\"},\"eventTime\":null,"
    "\"reportingController\":\"rc\",\"reportingInstance\":\"ri\",\"reason\":\"r\",\"regarding\":{\"kind\":\"Pod\"},"
    "\"note\":\"m\","
    "\"deprecatedSource\":{\"component\":\"c\"},\"deprecatedFirstTimestamp\":\"2026-01-01T00:00:00Z\","
    "\"deprecatedLastTimestamp\":null,"
    "\"deprecatedCount\":2}",
    true },
  { "autoscaling", "v1", "HorizontalPodAutoscaler",
    "{\"metadata\":{},\"spec\":{\"scaleTargetRef\":{\"kind\":\"D\",\"name\":\"d\"},\"maxReplicas\":3,"
    "\"targetCPUUtilizationPercentage\":50},\"status\":{\"currentReplicas\":0,\"desiredReplicas\":0}}",
    "autoscaling", "v2",
    "{\"metadata\":{},\"spec\":{\"scaleTargetRef\":{\"kind\":\"D\",\"name\":\"d\"},\"maxReplicas\":3,\"metrics\":[{"
    "\"type\":\"Resource\","
    "\"resource\":{\"name\":\"cpu\",\"target\":{\"type\":\"Utilization\",\"averageUtilization\":50}}}]},\"status\":"
    "{\"desiredReplicas\":0,\"currentMetrics\":null}}",
    true },
};

static void
versions_convert(void **state)
{
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(conversions); i++) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    const struct kind *ka = kind_find(conversions[i].group_a, conversions[i].version_a, conversions[i].kind);
    const struct kind *kb = kind_find(conversions[i].group_b, conversions[i].version_b, conversions[i].kind);
    struct json *b, *back;
    struct json *in = decoded(a, ka, conversions[i].text_a);
    assert_int_equal(kind_convert(a, ka, kb, in, &b, &err), 0);
    assert_string_equal(json_text(a, b, JSON_COMPACT), conversions[i].text_b);
    assert_int_equal(kind_convert(a, kb, ka, b, &back, &err), 0);
    if (conversions[i].back)
      assert_true(json_equal(back, in));
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(defaults_are_applied),
    cmocka_unit_test(defaults_are_upstreams),
    cmocka_unit_test(pull_policy_follows_the_tag),
    cmocka_unit_test(tables_and_functions_agree),
    cmocka_unit_test(gated_fields_go_unless_in_use),
    cmocka_unit_test(versions_convert),
    cmocka_unit_test(empty_lists_last_until_they_are_stored),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
