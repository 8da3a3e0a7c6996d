#include "bootstrap_config.h"

#include <string.h>

#include "auth_store.h"
#include "bootstrap_serve.h"
#include "ceilings.h"
#include "kind.h"
#include "object.h"
#include "service_address.h"

#define CONFIG_MAPS  "/api/v1/namespaces/kube-system/configmaps"
#define TRUST        "extension-apiserver-authentication"
#define CIDRS        "/apis/networking.k8s.io/v1/servicecidrs"
#define CIDR_MANAGER "kubernetes-service-cidr-controller"

const char *
bootstrap_service_range(const struct apiserver *s)
{
  return s->config.service_range ? s->config.service_range : SERVICE_RANGE_DEFAULT;
}

/*
 * The CA of client certificates, for servers that let this one say who asks (kube-scheduler's own port,
 * metrics-server). Upstream: pkg/controlplane/controller/clusterauthenticationtrust.
 */
static int
client_trust(struct apiserver *s, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct auth_source *source = auth_store_source(s->auth);
  struct json *o = json_new_object(a), *data;
  const struct json *there;

  if (!s->config.client_ca)
    return 0;
  json_set_str(a, json_ensure_object(a, o, "metadata"), "name", TRUST);
  data = json_ensure_object(a, o, "data");
  json_set_str(a, data, "client-ca-file", s->config.client_ca);
  there = source->ops->get(source, a, "configmaps", "kube-system", TRUST);
  if (!there)
    return bootstrap_serve(s, a, "POST", CONFIG_MAPS, json_text(a, o, JSON_COMPACT), reterr);
  if (strcmp(json_get_str_or(json_get(there, "data"), "client-ca-file", ""), s->config.client_ca) == 0)
    return 0;
  o = json_copy(a, there);
  json_set_str(a, json_ensure_object(a, o, "data"), "client-ca-file", s->config.client_ca);
  return bootstrap_serve(s, a, "PUT", CONFIG_MAPS "/" TRUST, json_text(a, o, JSON_COMPACT), reterr);
}

/* Since when the use of legacy tokens is noted: from the first start. pkg/controlplane/controller/legacytokentracking.
 */
static int
token_tracking(struct apiserver *s, struct kerr *reterr)
{
  _cleanup_free_ char *body = NULL;
  char now[CLOCK_TEXT_MAX];

  if (!personality_gate(s->personality, "LegacyServiceAccountTokenTracking") &&
      !personality_gate_passed(s->personality, "LegacyServiceAccountTokenTracking"))
    return 0;
  body = mem_printf("{\"metadata\":{\"name\":\"kube-apiserver-legacy-service-account-token-tracking\"},"
                    "\"data\":{\"since\":\"%.10s\"}}",
                    clock_rfc3339(clock_wall(s->clock), false, now));
  return bootstrap_create(s, CONFIG_MAPS, body, NULL, reterr);
}

/* pkg/controlplane/controller/defaultservicecidr */
static int
service_cidr(struct apiserver *s, struct kerr *reterr)
{
  _cleanup_free_ char *body = NULL, *status = NULL;
  char now[CLOCK_TEXT_MAX];
  bool made;

  if (!kind_resource_find(s->personality, "networking.k8s.io", "v1", "servicecidrs"))
    return 0;
  body =
      mem_printf("{\"metadata\":{\"name\":\"kubernetes\"},\"spec\":{\"cidrs\":[\"%s\"]}}", bootstrap_service_range(s));
  if (bootstrap_create(s, CIDRS, body, &made, reterr) < 0)
    return -(int)reterr->code;
  if (!made)
    return 0;
  status = mem_printf("{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"ServiceCIDR\",\"metadata\":{\"name\":"
                      "\"kubernetes\"},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\","
                      "\"message\":\"Kubernetes default Service CIDR is ready\",\"lastTransitionTime\":\"%s\"}]}}",
                      clock_rfc3339(clock_wall(s->clock), false, now));
  return bootstrap_apply(s, CIDRS "/kubernetes/status", CIDR_MANAGER, status, reterr);
}

int
bootstrap_config(struct apiserver *s, struct kerr *reterr)
{
  if (client_trust(s, reterr) < 0 || token_tracking(s, reterr) < 0 || service_cidr(s, reterr) < 0)
    return -(int)reterr->code;
  return 0;
}
