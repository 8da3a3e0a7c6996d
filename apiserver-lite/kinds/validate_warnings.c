/* Warning headers of writes: what strategies say in WarningsOnCreate and WarningsOnUpdate, one row for a kind. */
#include "ceilings.h"
#include "codec.h"
#include "crd_custom.h"
#include "crd_validate.h"
#include "object.h"
#include "validate_address.h"
#include "validate_warnings.h"

void
warn(struct warner *w, const struct vpath *path, const char *text)
{
  json_append(w->a, w->list,
              path ? json_new_strf(w->a, "%s: %s", vpath_text(w->a, path), text) : json_new_str(w->a, text));
}

static void
warn_slice(struct warner *w, const struct json *o, const struct json *old)
{
  struct span driver = json_text_of(json_get(o, "spec"), "driver");
  bool upper = false;
  (void)old;
  for (size_t i = 0; i < driver.n; i++)
    upper |= driver.p[i] >= 'A' && driver.p[i] <= 'Z';
  if (upper)
    warn(
        w, VP(VP(NULL, "spec"), "driver"),
        arena_printf(w->a, "driver names should be lowercase; %s contains uppercase characters", vquote(w->a, driver)));
}

static bool
has_pem(struct span base64)
{
  _cleanup_strbuf_ struct strbuf b;
  strbuf_init(&b, CEIL_SMALL_FILE);
  return codec_unbase64(&b, base64) && b.n && strstr(strbuf_view(&b).p, "-----BEGIN ");
}

/* As Go's tls.X509KeyPair begins to read a pair. */
static void
warn_secret(struct warner *w, const struct json *o, const struct json *old)
{
  const struct json *data = json_get(o, "data");
  (void)old;
  if (!span_is(json_text_of(o, "type"), "kubernetes.io/tls"))
    return;
  if (!has_pem(json_text_of(data, "tls.crt")))
    warn(w, NULL, "tls: failed to find any PEM data in certificate input");
  else if (!has_pem(json_text_of(data, "tls.key")))
    warn(w, NULL, "tls: failed to find any PEM data in key input");
}

/* -- services and where they lead -- */

#define HINTS_OLD "service.kubernetes.io/topology-aware-hints"

static void
warn_service_addresses(struct warner *w, const struct json *spec, bool headless)
{
  const struct json *ips = json_get(spec, "clusterIPs"), *external = json_get(spec, "externalIPs"),
                    *ranges = json_get(spec, "loadBalancerSourceRanges");
  const struct vpath *path = VP(NULL, "spec");
  bool none = span_is(json_text_of(spec, "clusterIP"), "None");
  struct span balancer = json_text_of(spec, "loadBalancerIP");
  for (size_t i = 0; i < json_count(ips) && !none; i++)
    warn_address(w->a, VP_ITEM(VP(path, "clusterIPs"), i), json_span(json_at(ips, i)), w->list);
  if (headless && balancer.n)
    warn(w, NULL, "spec.loadBalancerIP is ignored for headless services");
  if (headless && json_count(external))
    warn(w, NULL, "spec.externalIPs is ignored for headless services");
  if (headless && !span_is(json_text_of(spec, "sessionAffinity"), "None"))
    warn(w, NULL, "spec.SessionAffinity is ignored for headless services");
  for (size_t i = 0; i < json_count(external); i++)
    warn_address(w->a, VP_ITEM(VP(path, "externalIPs"), i), json_span(json_at(external, i)), w->list);
  if (json_count(external) && !headless && !span_is(json_text_of(spec, "type"), "ExternalName") &&
      personality_minor(w->p) >= 36)
    warn(w, NULL, "spec.externalIPs is deprecated and may no longer be implemented in some clusters");
  if (balancer.n)
    warn_address(w->a, VP(path, "loadBalancerIP"), balancer, w->list);
  for (size_t i = 0; i < json_count(ranges); i++)
    warn_network(w->a, VP_ITEM(VP(path, "loadBalancerSourceRanges"), i), json_span(json_at(ranges, i)), w->list);
}

static void
warn_service(struct warner *w, const struct json *o, const struct json *old)
{
  const struct json *spec = json_get(o, "spec");
  bool external = span_is(json_text_of(spec, "type"), "ExternalName"),
       headless = span_is(json_text_of(spec, "type"), "ClusterIP") && span_is(json_text_of(spec, "clusterIP"), "None");
  (void)old;
  if (json_get(object_annotations(o), HINTS_OLD) && personality_minor(w->p) >= 27)
    warn(w, NULL, "annotation " HINTS_OLD " is deprecated, please use service.kubernetes.io/topology-mode instead");
  warn_service_addresses(w, spec, headless);
  if (external && json_count(json_get(spec, "externalIPs")))
    warn(w, NULL, "spec.externalIPs is ignored when spec.type is \"ExternalName\"");
  if (!external && json_text_of(spec, "externalName").n)
    warn(w, NULL, "spec.externalName is ignored when spec.type is not \"ExternalName\"");
  if (span_is(json_text_of(spec, "trafficDistribution"), "PreferClose") && personality_minor(w->p) >= 35)
    warn(w, VP(VP(NULL, "spec"), "trafficDistribution"), "\"PreferClose\" is deprecated; use \"PreferSameZone\"");
}

static void
warn_endpoints(struct warner *w, const struct json *o, const struct json *old)
{
  static const char *const lists[] = { "addresses", "notReadyAddresses" };
  const struct json *subsets = json_get(o, "subsets");
  (void)old;
  if (span_is(json_text_of(object_labels(o), "endpoints.kubernetes.io/managed-by"), "endpoint-controller"))
    return; /* trusted to write addresses well, as below */
  for (size_t i = 0; i < json_count(subsets); i++)
    for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
      const struct json *list = json_get(json_at(subsets, i), lists[k]);
      for (size_t j = 0; j < json_count(list); j++)
        warn_address(w->a, VP(VP_ITEM(VP(VP_ITEM(VP(NULL, "subsets"), i), lists[k]), j), "ip"),
                     json_text_of(json_at(list, j), "ip"), w->list);
    }
}

/* Upstream's controllers are trusted to write addresses well. */
static void
warn_endpoint_slice(struct warner *w, const struct json *o, const struct json *old)
{
  const struct json *list = json_get(o, "endpoints");
  struct span by = json_text_of(object_labels(o), "endpointslice.kubernetes.io/managed-by");
  if (!old && span_is(json_text_of(o, "addressType"), "FQDN") && personality_minor(w->p) >= 33)
    warn(w, VP(VP(NULL, "spec"), "addressType"), "FQDN endpoints are deprecated");
  if (span_is(by, "endpointslice-controller.k8s.io") || span_is(by, "endpointslicemirroring-controller.k8s.io"))
    return;
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *addresses = json_get(json_at(list, i), "addresses");
    for (size_t j = 0; j < json_count(addresses); j++)
      warn_address(w->a, VP_ITEM(VP(VP_ITEM(VP(NULL, "endpoints"), i), "addresses"), j),
                   json_span(json_at(addresses, j)), w->list);
  }
}

static void
warn_ingress(struct warner *w, const struct json *o, const struct json *old)
{
  if (!old && json_get(object_annotations(o), "kubernetes.io/ingress.class") &&
      !json_has(json_get(o, "spec"), "ingressClassName"))
    warn(w, NULL,
         "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead");
}

static void
warn_policy(struct warner *w, const struct json *o, const struct json *old)
{
  static const char *const ways[][2] = { { "ingress", "from" }, { "egress", "to" } };
  (void)old;
  for (size_t k = 0; k < ARRAY_SIZE(ways); k++) {
    const struct json *rules = json_dig(o, "spec", ways[k][0], NULL);
    for (size_t i = 0; i < json_count(rules); i++) {
      const struct json *peers = json_get(json_at(rules, i), ways[k][1]);
      for (size_t j = 0; j < json_count(peers); j++) {
        const struct json *block = json_get(json_at(peers, j), "ipBlock"), *holes = json_get(block, "except");
        const struct vpath *at =
            VP(VP_ITEM(VP(VP_ITEM(VP(VP(NULL, "spec"), ways[k][0]), i), ways[k][1]), j), "ipBlock");
        warn_network(w->a, VP(at, "cidr"), json_text_of(block, "cidr"), w->list);
        for (size_t h = 0; h < json_count(holes); h++)
          warn_network(w->a, VP_ITEM(VP(at, "except"), h), json_span(json_at(holes, h)), w->list);
      }
    }
  }
}

/* -- storage -- */

static void
warn_driver(struct warner *w, const struct json *o, const struct json *old)
{
  const struct json *spec = json_get(o, "spec"), *tokens = json_get(spec, "tokenRequests");
  if (personality_gate(w->p, "CSIServiceAccountTokenSecrets") && json_count(tokens) &&
      !json_has(spec, "serviceAccountTokenInSecrets") &&
      !(old && json_same(tokens, json_dig(old, "spec", "tokenRequests", NULL))))
    warn(w, NULL,
         "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible "
         "logging of tokens in volume attributes");
}

/* Volumes of drivers that have left Kubernetes, and the release they left in. */
static void
warn_volume(struct warner *w, const struct json *o, const struct json *old)
{
  static const struct {
    const char *name, *shown, *text;
    int since;
  } gone[] = {
    { "cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+", 28 },
    { "photonPersistentDisk", "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+", 26 },
    { "scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+", 26 },
    { "storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+", 26 },
    { "glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+", 26 },
    { "rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+", 28 },
  };
  const struct json *spec = json_get(o, "spec");
  const struct vpath *path = VP(NULL, "spec");
  (void)old;
  if (span_is(json_text_of(spec, "persistentVolumeReclaimPolicy"), "Recycle"))
    warn(w, VP(path, "persistentVolumeReclaimPolicy"),
         "The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.");
  for (size_t i = 0; i < ARRAY_SIZE(gone); i++)
    if (json_has(spec, gone[i].name) && personality_minor(w->p) >= gone[i].since)
      warn(w, VP(path, gone[i].shown), gone[i].text);
}

void
warn_fraction(struct warner *w, const struct vpath *path, const struct json *amount)
{
  struct quantity q;
  if (json_quantity(amount, &q) && quantity_milli(&q) % 1000)
    warn(w, path,
         arena_printf(w->a, "fractional byte value \"%s\" is invalid, must be an integer", quantity_text(w->a, &q)));
}

void
warn_claim_amounts(struct warner *w, const struct vpath *path, const struct json *spec)
{
  static const char *const lists[] = { "requests", "limits" };
  for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
    warn_fraction(w, VP_KEY(VP(VP(path, "resources"), lists[i]), "storage"),
                  json_dig(spec, "resources", lists[i], "storage", NULL));
}

static void
warn_volume_claim(struct warner *w, const struct json *o, const struct json *old)
{
  (void)old;
  warn_claim_amounts(w, VP(NULL, "spec"), json_get(o, "spec"));
}

static void
warn_stateful_set(struct warner *w, const struct json *o, const struct json *old)
{
  const struct json *claims = json_dig(o, "spec", "volumeClaimTemplates", NULL);
  warn_template(w, o, old);
  for (size_t i = 0; i < json_count(claims); i++) {
    const struct vpath *at = VP_ITEM(VP(VP(NULL, "spec"), "volumeClaimTemplates"), i);
    warn_claim_amounts(w, old ? VP(at, "Spec") : at, json_get(json_at(claims, i), "spec"));
  }
  if (json_get_int(json_get(o, "spec"), "revisionHistoryLimit", 0) < 0 && personality_minor(w->p) >= 32)
    warn(w, VP(VP(NULL, "spec"), "revisionHistoryLimit"),
         "a negative value retains all historical revisions; a value >= 0 is recommended");
}

static void
warn_cron_job(struct warner *w, const struct json *o, const struct json *old)
{
  struct span schedule = json_text_of(json_get(o, "spec"), "schedule");
  warn_template(w, o, old);
  if (old && schedule.n && memmem(schedule.p, schedule.n, "TZ", 2))
    warn(w, NULL,
         "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see "
         "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details");
}

static const struct {
  const char *group, *kind;
  void (*warn)(struct warner *w, const struct json *o, const struct json *old);
} warners[] = {
  { "resource.k8s.io", "ResourceSlice", warn_slice },
  { "", "Pod", warn_pod },
  { "", "PodTemplate", warn_template },
  { "", "ReplicationController", warn_template },
  { "apps", "DaemonSet", warn_template },
  { "apps", "Deployment", warn_template },
  { "apps", "ReplicaSet", warn_template },
  { "apps", "StatefulSet", warn_stateful_set },
  { "batch", "CronJob", warn_cron_job },
  { "batch", "Job", warn_template },
  { "", "Secret", warn_secret },
  { "", "Service", warn_service },
  { "", "Endpoints", warn_endpoints },
  { "", "PersistentVolume", warn_volume },
  { "", "PersistentVolumeClaim", warn_volume_claim },
  { "discovery.k8s.io", "EndpointSlice", warn_endpoint_slice },
  { "networking.k8s.io", "Ingress", warn_ingress },
  { "networking.k8s.io", "NetworkPolicy", warn_policy },
  { "storage.k8s.io", "CSIDriver", warn_driver },
};

void
validate_warnings(struct arena *a, const struct kind *k, const struct json *o, const struct json *old,
                  const char *subresource, const struct personality *p, struct json *warnings)
{
  struct warner w = { .a = a, .kind = k, .p = p, .list = warnings };
  if (*subresource && strcmp(subresource, "scale") != 0) {
    if (!strcmp(k->kind, "Pod") && !strcmp(subresource, "status"))
      warn_pod_status(&w, o);
    return;
  }
  if (k->custom)
    custom_warnings(a, o, old, warnings);
  else if (!strcmp(k->group, "apiextensions.k8s.io"))
    crd_warnings(a, o, old, warnings);
  for (size_t i = 0; i < ARRAY_SIZE(warners) && !k->custom; i++)
    if (!strcmp(warners[i].kind, k->kind) && !strcmp(warners[i].group, k->group))
      warners[i].warn(&w, o, old);
}
