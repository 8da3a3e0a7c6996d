/* Defaults of core/v1 in code (upstream: pkg/apis/core/v1/defaults.go). */
#include <string.h>

#include "kind_default.h"
#include "kind_scalar.h"

#define CORE "io.k8s.api.core.v1."

/* -- images -- */

static bool
is_lower_alnum(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* A component of a repository's path: lower case, separators only inside. */
static bool
is_path_component(struct span s)
{
  if (!s.n || !is_lower_alnum(s.p[0]) || !is_lower_alnum(s.p[s.n - 1]))
    return false;
  for (size_t i = 0; i < s.n; i++)
    if (!is_lower_alnum(s.p[i]) && !strchr("._-", s.p[i]))
      return false;
  return true;
}

/* "registry:5000", "localhost", "Example.com": what stands before the first slash when it cannot be part of a path. */
static bool
is_registry(struct span s)
{
  bool other = span_is(s, "localhost");
  for (size_t i = 0; i < s.n; i++)
    other |= s.p[i] == '.' || s.p[i] == ':' || (s.p[i] >= 'A' && s.p[i] <= 'Z');
  return other;
}

static bool
is_repository(struct span s)
{
  struct span rest = s, first = span_cut(s, '/', &rest);
  if (rest.p && is_registry(first))
    s = rest;
  for (rest = s; rest.p;)
    if (!is_path_component(span_cut(rest, '/', &rest)))
      return false;
  return true;
}

/* Does the reference mean the tag "latest": named so, or with neither tag nor digest? One that does not parse means
 * none. */
static bool
is_latest(const char *image)
{
  struct span digest, name = span_cut(span_of(image), '@', &digest), tag = { NULL, 0 };
  for (size_t i = name.n; i > 0 && name.p[i - 1] != '/'; i--)
    if (name.p[i - 1] == ':') {
      tag = span_make(name.p + i, name.n - i);
      name.n = i - 1;
      break;
    }
  return is_repository(name) && (tag.p ? span_is(tag, "latest") : !digest.p);
}

static const char *
pull_policy(const char *image)
{
  return is_latest(image) ? "Always" : "IfNotPresent";
}

static void
container(const struct kind_object *o, const struct kind_defaulting *d)
{
  (void)d;
  if (kind_is_unset(o, "imagePullPolicy"))
    kind_put_str(o, "imagePullPolicy", pull_policy(kind_member_str(o, "image")));
}

/* A volume without a source is an emptyDir. */
static void
volume(const struct kind_object *o, const struct kind_defaulting *d)
{
  (void)d;
  struct kind_object image = kind_child(o, "image");
  if (o->obj->count == 1) /* the name, which is always there */
    (void)kind_ensure_child(o, "emptyDir");
  if (image.obj && kind_is_unset(&image, "pullPolicy"))
    kind_put_str(&image, "pullPolicy", pull_policy(kind_member_str(&image, "reference")));
}

/* -- pods -- */

static void
pod_spec(const struct kind_object *o, const struct kind_defaulting *d)
{
  (void)d;
  /* An old name of the same thing. */
  if (kind_is_unset(o, "serviceAccountName") && !kind_is_unset(o, "serviceAccount"))
    kind_put_str(o, "serviceAccountName", kind_member_str(o, "serviceAccount"));
  if (!kind_is_unset(o, "serviceAccountName"))
    kind_put_str(o, "serviceAccount", kind_member_str(o, "serviceAccountName"));
}

/* Entries of `from` that `to` lacks; both are maps with sorted keys. */
static void
copy_missing(struct arena *a, const struct json *from, struct json *to)
{
  for (json_each_member (m, from))
    if (!json_get_n(to, m->name, m->name_len))
      json_push(a, to, m->name, m->name_len, m->value);
  json_sort_members(to);
}

static struct json *
ensure_map(const struct kind_object *o, const char *name)
{
  struct json *map = kind_member(o, name);
  if (!map) {
    map = json_new_object(o->a);
    kind_put(o, name, map);
  }
  return map;
}

/* Requests that are not given are the limits. */
static void
container_requests(const struct kind_object *c)
{
  struct kind_object resources = kind_child(c, "resources");
  const struct json *limits = resources.obj ? kind_member(&resources, "limits") : NULL;
  if (limits)
    copy_missing(c->a, limits, ensure_map(&resources, "requests"));
}

static void
host_ports(const struct kind_object *c)
{
  struct kind_object port;
  for (size_t i = 0; (port = kind_child_at(c, "ports", i)).obj; i++)
    if (kind_is_unset(&port, "hostPort") && !kind_is_unset(&port, "containerPort"))
      kind_put_int(&port, "hostPort", json_get_int(port.obj, "containerPort", 0));
}

static void
http_protocol(struct kind_object handler)
{
  struct kind_object get = { .obj = NULL };
  if (handler.obj)
    get = kind_child(&handler, "httpGet");
  if (get.obj && !kind_member(&get, "protocol"))
    kind_put_str(&get, "protocol", "HTTP1");
}

static void
probe_protocols(const struct kind_object *c)
{
  struct kind_object lifecycle = kind_child(c, "lifecycle");
  http_protocol(kind_child(c, "livenessProbe"));
  http_protocol(kind_child(c, "readinessProbe"));
  http_protocol(kind_child(c, "startupProbe"));
  if (lifecycle.obj) {
    http_protocol(kind_child(&lifecycle, "postStart"));
    http_protocol(kind_child(&lifecycle, "preStop"));
  }
}

static void
pod(const struct kind_object *o, const struct kind_defaulting *d)
{
  static const char *const lists[] = { "containers", "initContainers", "ephemeralContainers" };
  struct kind_object spec = kind_ensure_child(o, "spec"), c;
  bool host_network = json_get_bool(spec.obj, "hostNetwork", false);
  bool h2c = personality_gate(d->p, "H2CContainerProbe");
  if (json_get_int(spec.obj, "terminationGracePeriodSeconds", 0) < 0)
    kind_put_int(&spec, "terminationGracePeriodSeconds", 1);
  if (!kind_member(&spec, "enableServiceLinks"))
    kind_put(&spec, "enableServiceLinks", json_new_bool(o->a, true));
  for (size_t k = 0; k < ARRAY_SIZE(lists); k++)
    for (size_t i = 0; (c = kind_child_at(&spec, lists[k], i)).obj; i++) {
      bool ephemeral = k == 2;
      if (!ephemeral)
        container_requests(&c);
      if (!ephemeral && host_network)
        host_ports(&c);
      if (h2c)
        probe_protocols(&c);
    }
}

/* podIP and podIPs say the same. */
static void
pod_status(const struct kind_object *o, const struct kind_defaulting *d)
{
  (void)d;
  const char *ip = kind_member_str(o, "podIP");
  const char *first = json_get_str_or(json_at(kind_member(o, "podIPs"), 0), "ip", "");
  if (!*ip && *first)
    kind_put_str(o, "podIP", first);
  if (!*ip || strcmp(ip, first) == 0)
    return;
  struct json *ips = json_new_array(o->a), *item = json_new_object(o->a);
  json_set_str(o->a, item, "ip", ip);
  json_append(o->a, ips, item);
  kind_put(o, "podIPs", ips);
}

/* -- services -- */

static bool
is_externally_accessible(const struct kind_object *spec)
{
  const char *type = kind_member_str(spec, "type");
  return strcmp(type, "LoadBalancer") == 0 || strcmp(type, "NodePort") == 0 ||
         (strcmp(type, "ClusterIP") == 0 && !kind_is_unset(spec, "externalIPs"));
}

static void
target_port(const struct kind_object *port)
{
  const struct json *target = kind_member(port, "targetPort");
  if (json_int_or(target, 0) == 0 && (!json_str(target) || !*json_str(target)))
    kind_put_int(port, "targetPort", json_get_int(port->obj, "port", 0));
}

#define CLIENT_IP_TIMEOUT 10800 /* DefaultClientIPServiceAffinitySeconds */

static void
session_affinity(const struct kind_object *o)
{
  if (strcmp(kind_member_str(o, "sessionAffinity"), "None") == 0)
    kind_clear(o, "sessionAffinityConfig");
  if (strcmp(kind_member_str(o, "sessionAffinity"), "ClientIP") != 0)
    return;
  struct kind_object config = kind_ensure_child(o, "sessionAffinityConfig"),
                     ip = kind_ensure_child(&config, "clientIP");
  if (!kind_member(&ip, "timeoutSeconds"))
    kind_put_int(&ip, "timeoutSeconds", CLIENT_IP_TIMEOUT);
}

static void
service_spec(const struct kind_object *o, const struct kind_defaulting *d)
{
  (void)d;
  const char *type = kind_member_str(o, "type");
  bool balanced = strcmp(type, "LoadBalancer") == 0;
  struct kind_object port;
  session_affinity(o);
  for (size_t i = 0; (port = kind_child_at(o, "ports", i)).obj; i++)
    target_port(&port);
  if (is_externally_accessible(o) && kind_is_unset(o, "externalTrafficPolicy"))
    kind_put_str(o, "externalTrafficPolicy", "Cluster");
  if (!kind_member(o, "internalTrafficPolicy") && strcmp(type, "ExternalName") != 0)
    kind_put_str(o, "internalTrafficPolicy", "Cluster");
  if (balanced && !kind_member(o, "allocateLoadBalancerNodePorts"))
    kind_put(o, "allocateLoadBalancerNodePorts", json_new_bool(o->a, true));
}

static void
service(const struct kind_object *o, const struct kind_defaulting *d)
{
  (void)d;
  struct kind_object spec = kind_child(o, "spec"), status = kind_child(o, "status"), balancer, ingress;
  if (!spec.obj || !status.obj || strcmp(kind_member_str(&spec, "type"), "LoadBalancer") != 0)
    return;
  balancer = kind_ensure_child(&status, "loadBalancer");
  for (size_t i = 0; (ingress = kind_child_at(&balancer, "ingress", i)).obj; i++)
    if (!kind_is_unset(&ingress, "ip") && !kind_member(&ingress, "ipMode"))
      kind_put_str(&ingress, "ipMode", "VIP");
}

/* -- the rest -- */

static void
replication_controller(const struct kind_object *o, const struct kind_defaulting *d)
{
  (void)d;
  struct kind_object spec = kind_ensure_child(o, "spec"), meta = kind_ensure_child(o, "metadata");
  const struct json *labels = json_dig(spec.obj, "template", "metadata", "labels", NULL);
  if (!json_count(labels))
    return;
  if (kind_is_unset(&spec, "selector"))
    kind_put(&spec, "selector", json_copy(o->a, labels));
  if (kind_is_unset(&meta, "labels"))
    kind_put(&meta, "labels", json_copy(o->a, labels));
}

static void
limit_range_item(const struct kind_object *o, const struct kind_defaulting *d)
{
  (void)d;
  if (strcmp(kind_member_str(o, "type"), "Container") != 0)
    return;
  struct json *limit = kind_member(o, "default"), *request = kind_member(o, "defaultRequest");
  limit = limit ? limit : json_new_object(o->a);
  request = request ? request : json_new_object(o->a);
  copy_missing(o->a, kind_member(o, "max"), limit);
  copy_missing(o->a, limit, request);
  copy_missing(o->a, kind_member(o, "min"), request);
  if (limit->count)
    kind_put(o, "default", limit);
  if (request->count)
    kind_put(o, "defaultRequest", request);
}

static void
node_status(const struct kind_object *o, const struct kind_defaulting *d)
{
  (void)d;
  const struct json *capacity = kind_member(o, "capacity");
  if (capacity && !kind_member(o, "allocatable"))
    kind_put(o, "allocatable", json_copy(o->a, capacity));
}

static void namespace(const struct kind_object *o, const struct kind_defaulting *d)
{
  (void)d;
  struct kind_object meta = kind_ensure_child(o, "metadata");
  const char *name = kind_member_str(&meta, "name");
  if (!*name)
    return;
  struct json *labels = ensure_map(&meta, "labels");
  json_set_str(o->a, labels, "kubernetes.io/metadata.name", name);
  json_sort_members(labels);
}

/* Two spellings of the same, as in pods' addresses. (Upstream: conversion.) */
static void
node_spec(const struct kind_object *o, const struct kind_defaulting *d)
{
  (void)d;
  const char *cidr = kind_member_str(o, "podCIDR"), *first = json_str(json_at(kind_member(o, "podCIDRs"), 0));
  if (!*cidr && first)
    kind_put_str(o, "podCIDR", first);
  if (!*cidr || (first && strcmp(first, cidr) == 0))
    return;
  struct json *all = json_new_array(o->a);
  json_append_str(o->a, all, cidr);
  kind_put(o, "podCIDRs", all);
}

/* stringData is write-only: its entries become data. (Upstream: conversion.) */
static void
secret(const struct kind_object *o, const struct kind_defaulting *d)
{
  (void)d;
  const struct json *plain = kind_member(o, "stringData");
  if (!plain)
    return;
  struct json *data = ensure_map(o, "data");
  for (json_each_member (m, plain))
    json_set_n(o->a, data, m->name, m->name_len, kind_base64(o->a, json_span(m->value)));
  json_sort_members(data);
  kind_clear(o, "stringData");
}

const struct kind_default_entry kind_default_core[] = {
  { CORE "Container", container },
  { CORE "EphemeralContainerCommon", container },
  { CORE "LimitRangeItem", limit_range_item },
  { CORE "Namespace", namespace },
  { CORE "NodeSpec", node_spec },
  { CORE "NodeStatus", node_status },
  { CORE "Pod", pod },
  { CORE "PodSpec", pod_spec },
  { CORE "PodStatus", pod_status },
  { CORE "ReplicationController", replication_controller },
  { CORE "Secret", secret },
  { CORE "Service", service },
  { CORE "ServiceSpec", service_spec },
  { CORE "Volume", volume },
  { NULL, NULL },
};
