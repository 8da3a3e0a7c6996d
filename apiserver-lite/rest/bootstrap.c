/*
 * The objects go through the server's own front door: created by a request of
 * system:apiserver, so defaults and managed fields are as for any other object.
 * They are not validated: the address of a server in a sandbox is 127.0.0.1.
 */
#include "bootstrap.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bootstrap_config.h"
#include "bootstrap_rbac.h"
#include "bootstrap_serve.h"
#include "ceilings.h"
#include "object.h"
#include "rest_route.h"
#include "service_address.h"
#include "service_ports.h"

static const char *const groups[] = { "system:masters", "system:authenticated" };
static const struct exchange_user self = { .name = "system:apiserver", .uid = "", .groups = groups, .n_groups = 2 };

/* `manager` NULL: kube-apiserver; else the body is applied for it. */
static void
serve_as(struct apiserver *s, struct arena *a, const char *method, const char *path, const char *manager,
         const char *body, struct exchange_answer *ret)
{
  struct exchange_header headers[] = { { "content-type",
                                         manager ? "application/apply-patch+yaml" : "application/json" },
                                       { "user-agent", "kube-apiserver" } };
  struct exchange_request req = { .method = method,
                                  .path = path,
                                  .query = "",
                                  .headers = headers,
                                  .n_headers = ARRAY_SIZE(headers),
                                  .body = body ? span_of(body) : (struct span){ "", 0 },
                                  .user = &self,
                                  .arena = a };

  if (body)
    req.query =
        arena_printf(a, "fieldManager=%s%s", manager ? manager : "kube-apiserver", manager ? "&force=true" : "");
  rest_serve(&s->exchange, &req, ret);
}

static void
serve(struct apiserver *s, struct arena *a, const char *method, const char *path, const char *body,
      struct exchange_answer *ret)
{
  serve_as(s, a, method, path, NULL, body, ret);
}

/* Looked for first: an object that is there may not be creatable again (the service has its address). */
static bool
is_there(struct apiserver *s, struct arena *a, const char *path, const char *body)
{
  _cleanup_answer_ struct exchange_answer ans = { .status = 0 };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *o;

  if (json_parse(a, span_of(body), NULL, &o, &err) < 0)
    return false;
  serve(s, a, "GET", arena_printf(a, "%s/%s", path, object_name(o)), NULL, &ans);
  return ans.status == 200;
}

int
bootstrap_serve(struct apiserver *s, struct arena *a, const char *method, const char *path, const char *body,
                struct kerr *reterr)
{
  _cleanup_answer_ struct exchange_answer ans = { .status = 0 };
  bool may_be_gone = strcmp(method, "POST") != 0;

  serve(s, a, method, path, body, &ans);
  if (ans.status == 200 || ans.status == 201 || ans.status == 409 || (ans.status == 404 && may_be_gone))
    return 0;
  return kerr_set(reterr, KERR_INTERNAL, NULL, "cannot %s '%s', which every cluster has: %.*s", method, path,
                  SPAN_FMT(ans.body));
}

int
bootstrap_apply(struct apiserver *s, const char *path, const char *manager, const char *body, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_answer_ struct exchange_answer ans = { .status = 0 };

  serve_as(s, a, "PATCH", path, manager, body, &ans);
  if (ans.status == 200 || ans.status == 201)
    return 0;
  return kerr_set(reterr, KERR_INTERNAL, NULL, "cannot apply '%s', which every cluster has: %.*s", path,
                  SPAN_FMT(ans.body));
}

int
bootstrap_create(struct apiserver *s, const char *path, const char *body, bool *ret_made, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  bool made = !is_there(s, a, path, body);

  if (made && bootstrap_serve(s, a, "POST", path, body, reterr) < 0)
    return -(int)reterr->code;
  if (ret_made)
    *ret_made = made;
  return 0;
}

static int
create(struct apiserver *s, const char *path, const char *body, struct kerr *reterr)
{
  return bootstrap_create(s, path, body, NULL, reterr);
}

static const struct {
  const char *path, *body;
} objects[] = {
  { "/api/v1/namespaces", "{\"metadata\":{\"name\":\"kube-system\"}}" },
  { "/api/v1/namespaces", "{\"metadata\":{\"name\":\"default\"}}" },
  { "/api/v1/namespaces", "{\"metadata\":{\"name\":\"kube-public\"}}" },
  { "/api/v1/namespaces", "{\"metadata\":{\"name\":\"kube-node-lease\"}}" },
  { "/apis/scheduling.k8s.io/v1/priorityclasses",
    "{\"metadata\":{\"name\":\"system-node-critical\"},\"value\":2000001000,"
    "\"description\":\"Used for system critical pods that must not be moved from their current node.\"}" },
  { "/apis/scheduling.k8s.io/v1/priorityclasses",
    "{\"metadata\":{\"name\":\"system-cluster-critical\"},\"value\":2000000000,"
    "\"description\":\"Used for system critical pods that must run in the cluster, but can be moved to another node if "
    "necessary.\"}" },
};

/* The first address of the range: what the `kubernetes` service always has. */
static int
first_address(const char *range, char buf[16], struct kerr *reterr)
{
  unsigned b[4];
  int bits;

  if (sscanf(range, "%u.%u.%u.%u/%d", &b[0], &b[1], &b[2], &b[3], &bits) != 5 || bits < 1 || bits > 30)
    return kerr_set(reterr, KERR_USAGE, NULL, "'%s' is not a range of service addresses", range);
  for (int i = 0; i < 4; i++)
    if (b[i] > 255)
      return kerr_set(reterr, KERR_USAGE, NULL, "'%s' is not a range of service addresses", range);
  uint32_t mask = UINT32_MAX << (32 - bits), ip = ((b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3]) & mask) + 1;

  (void)snprintf(buf, 16, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
  return 0;
}

static int
kubernetes_service(struct apiserver *s, struct kerr *reterr)
{
  _cleanup_free_ char *service = NULL;
  char ip[16];

  if (first_address(bootstrap_service_range(s), ip, reterr) < 0)
    return -(int)reterr->code;
  service =
      mem_printf("{\"metadata\":{\"name\":\"kubernetes\",\"labels\":{\"component\":\"apiserver\",\"provider\":"
                 "\"kubernetes\"}},\"spec\":{\"type\":\"ClusterIP\",\"clusterIP\":\"%s\",\"clusterIPs\":[\"%s\"],"
                 "\"ipFamilies\":[\"IPv4\"],\"ipFamilyPolicy\":\"SingleStack\",\"sessionAffinity\":\"None\",\"ports\":"
                 "[{\"name\":\"https\",\"port\":443,\"protocol\":\"TCP\",\"targetPort\":%d}]}}",
                 ip, ip, s->config.advertise_port ? s->config.advertise_port : 6443);
  return create(s, "/api/v1/namespaces/default/services", service, reterr);
}

static int
kubernetes_endpoints(struct apiserver *s, struct kerr *reterr)
{
  _cleanup_free_ char *endpoints = NULL, *slice = NULL;
  const char *address = s->config.advertise_address;
  int port = s->config.advertise_port;

  if (!address)
    return 0;
  endpoints =
      mem_printf("{\"metadata\":{\"name\":\"kubernetes\",\"labels\":{\"endpointslice.kubernetes.io/skip-mirror\":"
                 "\"true\"}},\"subsets\":[{\"addresses\":[{\"ip\":\"%s\"}],\"ports\":[{\"name\":\"https\",\"port\":"
                 "%d,\"protocol\":\"TCP\"}]}]}",
                 address, port);
  slice =
      mem_printf("{\"metadata\":{\"name\":\"kubernetes\",\"labels\":{\"kubernetes.io/service-name\":\"kubernetes\"}},"
                 "\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"%s\"],\"conditions\":{\"ready\":true}}],"
                 "\"ports\":[{\"name\":\"https\",\"port\":%d,\"protocol\":\"TCP\"}]}",
                 address, port);
  if (create(s, "/api/v1/namespaces/default/endpoints", endpoints, reterr) < 0)
    return -(int)reterr->code;
  return create(s, "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", slice, reterr);
}

static int
create_all(struct apiserver *s, struct kerr *reterr)
{
  for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
    if (create(s, objects[i].path, objects[i].body, reterr) < 0)
      return -(int)reterr->code;
  if (service_ports_check_range(s->config.node_port_range, reterr) < 0 || service_ports_repair(s, reterr) < 0 ||
      service_address_repair(s, reterr) < 0)
    return -(int)reterr->code;
  if (kubernetes_service(s, reterr) < 0 || kubernetes_endpoints(s, reterr) < 0)
    return -(int)reterr->code;
  if (bootstrap_config(s, reterr) < 0)
    return -(int)reterr->code;
  return bootstrap_rbac(s, reterr);
}

int
bootstrap_objects(struct apiserver *s, struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr first = KERR_INIT;
  int r;

  if (store_relax(s->store, true, reterr) < 0)
    return -(int)reterr->code;
  r = create_all(s, &first);
  if (store_relax(s->store, false, reterr) < 0)
    return -(int)reterr->code;
  return r < 0 ? kerr_move(reterr, &first) : 0;
}
