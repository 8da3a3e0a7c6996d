/* Services (core/validation: validateService and what updates add to it). */
#include "object.h"
#include "validate_address.h"
#include "validate_pod.h"
#include "validate_service.h"

#define AFFINITY_TIMEOUT_MAX 86400
#define ADDRESSES_MAX        2 /* one of each family */
#define HINTS_OLD            "service.kubernetes.io/topology-aware-hints"
#define HINTS_MODE           "service.kubernetes.io/topology-mode"
#define SOURCE_RANGES        "service.beta.kubernetes.io/load-balancer-source-ranges"

static const char *const protocols[] = { "SCTP", "TCP", "UDP", NULL };

static bool
is_type(const struct json *spec, const char *type)
{
  return span_is(json_text_of(spec, "type"), type);
}

static bool
is_headless(const struct json *spec)
{
  const struct json *ips = json_get(spec, "clusterIPs");
  return json_count(ips) == 1 && span_is(json_span(json_at(ips, 0)), "None");
}

static bool
is_externally_accessible(const struct json *spec)
{
  return is_type(spec, "LoadBalancer") || is_type(spec, "NodePort") ||
         (is_type(spec, "ClusterIP") && json_count(json_get(spec, "externalIPs")));
}

static bool
needs_health_check(const struct json *spec)
{
  return is_type(spec, "LoadBalancer") && span_is(json_text_of(spec, "externalTrafficPolicy"), "Local");
}

const char *
validate_show_texts(struct validation *v, const struct json *list)
{
  if (personality_minor(v->p) > VALUES_AS_GO_UNTIL)
    return vjson(v->a, list);
  if (!json_count(list))
    return "[]string(nil)";
  const char *text = "";
  for (json_each_item (p, list))
    text = arena_printf(v->a, "%s%s%s", text, *text ? ", " : "", vquote(v->a, json_span(*p)));
  return arena_printf(v->a, "[]string{%s}", text);
}

/* -- ports -- */

static void
check_port(struct validation *v, const struct vpath *path, const struct json *ports, size_t i)
{
  const struct json *p = json_at(ports, i);
  struct span name = json_text_of(p, "name");
  if (json_count(ports) > 1 && !name.n)
    verr_required(v, VP(path, "name"), "");
  else if (name.n) {
    (void)verr_format(v, VP(path, "name"), name, TEXT_DNS_LABEL);
    for (size_t j = 0; j < i; j++)
      if (span_eq(json_text_of(json_at(ports, j), "name"), name)) {
        verr_duplicate(v, VP(path, "name"), name);
        break;
      }
  }
  validate_port(v, VP(path, "port"), json_get_int(p, "port", 0));
  validate_choice(v, path, p, "protocol", protocols);
  validate_port_or_name(v, VP(path, "targetPort"), json_get(p, "targetPort"));
  if (json_has(p, "appProtocol"))
    (void)verr_format(v, VP(path, "appProtocol"), json_text_of(p, "appProtocol"), TEXT_LABEL_KEY);
}

/* Two ports that are one: `member` with the protocol. */
static bool
port_taken(const struct json *ports, size_t i, const char *member)
{
  const struct json *p = json_at(ports, i);
  for (size_t j = 0; j < i; j++)
    if (json_get_int(json_at(ports, j), member, 0) == json_get_int(p, member, 0) &&
        json_same(json_get(json_at(ports, j), "protocol"), json_get(p, "protocol")))
      return true;
  return false;
}

static void
check_ports_distinct(struct validation *v, const struct vpath *list, const struct json *ports)
{
  static const char *const members[] = { "protocol", "port" };
  for (size_t i = 0; i < json_count(ports); i++)
    if (json_get_int(json_at(ports, i), "nodePort", 0) && port_taken(ports, i, "nodePort"))
      verr_add(v, FIELD_DUPLICATE, VP(VP_ITEM(list, i), "nodePort"),
               vjson(v->a, json_get(json_at(ports, i), "nodePort")), "%s", "");
  for (size_t i = 0; i < json_count(ports); i++) {
    if (!port_taken(ports, i, "port"))
      continue;
    struct json *key = json_new_object(v->a);
    for (size_t k = 0; k < ARRAY_SIZE(members); k++)
      if (json_get(json_at(ports, i), members[k]))
        json_set(v->a, key, members[k], json_copy(v->a, json_get(json_at(ports, i), members[k])));
    verr_add(v, FIELD_DUPLICATE, VP_ITEM(list, i), vgo(v, key, "io.k8s.api.core.v1.ServicePort"), "%s", "");
  }
}

/* -- addresses -- */

static void
check_external_name(struct validation *v, const struct vpath *path, const struct json *spec)
{
  static const char *const empty[] = { "clusterIPs", "ipFamilies", "ipFamilyPolicy" };
  struct span name = json_text_of(spec, "externalName");
  for (size_t i = 0; i < ARRAY_SIZE(empty); i++)
    if (!json_same(json_get(spec, empty[i]), NULL))
      verr_forbidden(v, VP(path, empty[i]), "may not be set for ExternalName services");
  if (name.n && name.p[name.n - 1] == '.')
    name.n--;
  if (name.n)
    (void)verr_format(v, VP(path, "externalName"), name, TEXT_DNS_SUBDOMAIN);
  else
    verr_required(v, VP(path, "externalName"), "");
}

static void
check_families(struct validation *v, const struct vpath *path, const struct json *spec)
{
  static const char *const families[] = { "IPv4", "IPv6", NULL }, *const policies[] = { "PreferDualStack",
                                                                                        "RequireDualStack",
                                                                                        "SingleStack", NULL };
  const struct json *list = json_get(spec, "ipFamilies");
  for (size_t i = 0; i < json_count(list); i++) {
    struct span family = json_span(json_at(list, i));
    const struct vpath *at = VP_ITEM(VP(path, "ipFamilies"), i);
    if (!validate_is_one_of(family, families))
      verr_not_supported(v, at, family, families);
    for (size_t j = 0; j < i; j++)
      if (span_eq(json_span(json_at(list, j)), family)) {
        verr_duplicate(v, at, family);
        break;
      }
  }
  struct span policy = json_text_of(spec, "ipFamilyPolicy");
  if (json_has(spec, "ipFamilyPolicy") && !validate_is_one_of(policy, policies))
    verr_not_supported(v, VP(path, "ipFamilyPolicy"), policy, policies);
}

/* False when the addresses cannot be looked at any further. */
static bool
check_address_texts(struct validation *v, const struct vpath *path, const struct json *ips, const struct json *accepted)
{
  bool good = true;
  for (size_t i = 0; i < json_count(ips); i++) {
    bool none = i == 0 && span_is(json_span(json_at(ips, i)), "None");
    if (none && json_count(ips) > 1)
      verr_add(v, FIELD_INVALID, path, validate_show_texts(v, ips), "'None' must be the first and only value");
    good &= none ? json_count(ips) == 1 : validate_address(v, VP_ITEM(path, i), json_span(json_at(ips, i)), accepted);
  }
  if (json_count(ips) > ADDRESSES_MAX)
    verr_add(v, FIELD_INVALID, path, validate_show_texts(v, ips), "may only hold up to 2 values");
  return good;
}

static int
family_of(const struct json *ip)
{
  struct address read;
  return address_read(json_span(ip), &read) ? read.family : 0;
}

static void
check_address_families(struct validation *v, const struct vpath *path, const struct json *ips,
                       const struct json *families)
{
  bool both = json_count(ips) == ADDRESSES_MAX && family_of(json_at(ips, 0)) != family_of(json_at(ips, 1));
  if (json_count(ips) > 1 && !both)
    verr_add(v, FIELD_INVALID, path, validate_show_texts(v, ips), "may specify no more than one IP for each IP family");
  for (size_t i = 0; i < json_count(ips) && i < json_count(families); i++) {
    const struct json *ip = json_at(ips, i);
    int want = span_is(json_span(json_at(families, i)), "IPv4")   ? 4
               : span_is(json_span(json_at(families, i)), "IPv6") ? 6
                                                                  : 0;
    if (want && want != family_of(ip))
      verr_invalid(v, VP_ITEM(path, i), json_span(ip),
                   arena_printf(v->a, "expected an IPv%d value as indicated by `ipFamilies[%zu]`", want, i));
  }
}

void
validate_service_addresses(struct validation *v, const struct json *spec, const struct json *was)
{
  const struct vpath *path = VP(NULL, "spec"), *list = VP(path, "clusterIPs");
  const struct json *ips = json_get(spec, "clusterIPs");
  struct span ip = json_text_of(spec, "clusterIP");
  if (is_type(spec, "ExternalName"))
    return;
  if (ip.n && !json_count(ips))
    verr_required(v, list, "");
  else if (ip.n && !span_eq(json_span(json_at(ips, 0)), ip))
    verr_add(v, FIELD_INVALID, list, validate_show_texts(v, ips), "first value must match `clusterIP`");
  else if (!ip.n && json_count(ips))
    verr_add(v, FIELD_INVALID, list, validate_show_texts(v, ips), "must be empty when `clusterIP` is not specified");
  check_families(v, path, spec);
  if (check_address_texts(v, list, ips, json_get(was, "clusterIPs")))
    check_address_families(v, list, is_headless(spec) ? NULL : ips, json_get(spec, "ipFamilies"));
}

static void
check_external_addresses(struct validation *v, const struct vpath *path, const struct json *ips,
                         const struct json *accepted)
{
  for (size_t i = 0; i < json_count(ips); i++) {
    struct span ip = json_span(json_at(ips, i));
    if (validate_address(v, VP_ITEM(path, i), ip, accepted))
      validate_reachable(v, VP_ITEM(path, i), ip);
  }
}

/* -- load balancers and traffic -- */

static const char only_balanced[] = "may only be used when `type` is 'LoadBalancer'";

/* Ranges may be padded with spaces, as they once were in the annotation. */
static void
check_source_ranges(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *spec = json_get(o, "spec"), *list = json_get(spec, "loadBalancerSourceRanges"),
                    *accepted = json_dig(old, "spec", "loadBalancerSourceRanges", NULL),
                    *annotation = json_get(object_annotations(o), SOURCE_RANGES);
  const struct vpath *path = VP(VP(NULL, "spec"), "LoadBalancerSourceRanges");
  if (!json_count(list) && annotation)
    path = VP_KEY(VP(VP(NULL, "metadata"), "annotations"), SOURCE_RANGES);
  if ((json_count(list) || annotation) && !is_type(spec, "LoadBalancer"))
    verr_forbidden(v, path, only_balanced);
  for (size_t i = 0; i < json_count(list); i++)
    (void)validate_network(v, VP_ITEM(path, i), span_trim(json_span(json_at(list, i))), accepted);
  if (json_count(list) || json_same(annotation, json_get(object_annotations(old), SOURCE_RANGES)))
    return;
  for (struct span rest = span_trim(json_span(annotation)); rest.n;)
    (void)validate_network(v, path, span_trim(span_cut(rest, ',', &rest)), NULL);
}

static void
check_balancer_class(struct validation *v, const struct vpath *path, const struct json *spec)
{
  if (!json_has(spec, "loadBalancerClass"))
    return;
  if (is_type(spec, "LoadBalancer"))
    (void)verr_format(v, VP(path, "loadBalancerClass"), json_text_of(spec, "loadBalancerClass"), TEXT_LABEL_KEY);
  else
    verr_forbidden(v, VP(path, "loadBalancerClass"), only_balanced);
}

static void
check_balancer(struct validation *v, const struct vpath *path, const struct json *spec)
{
  bool balanced = is_type(spec, "LoadBalancer"), allocates = json_has(spec, "allocateLoadBalancerNodePorts");
  if (allocates && !balanced)
    verr_forbidden(v, VP(path, "allocateLoadBalancerNodePorts"), only_balanced);
  if (!allocates && balanced)
    verr_required(v, VP(NULL, "allocateLoadBalancerNodePorts"), ""); /* (sic) */
  check_balancer_class(v, path, spec);
}

static void
check_traffic(struct validation *v, const struct vpath *path, const struct json *spec)
{
  static const char *const policies[] = { "Cluster", "Local", NULL };
  const struct vpath *port_path = VP(path, "healthCheckNodePort");
  struct span policy = json_text_of(spec, "externalTrafficPolicy");
  int64_t port = json_get_int(spec, "healthCheckNodePort", 0);
  if (is_externally_accessible(spec))
    validate_choice(v, path, spec, "externalTrafficPolicy", policies);
  else if (policy.n)
    verr_invalid(v, VP(path, "externalTrafficPolicy"), policy, "may only be set for externally-accessible services");
  if (!needs_health_check(spec) && port)
    verr_invalid_int(v, port_path, port,
                     "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'");
  else if (needs_health_check(spec) && !port)
    verr_required(v, port_path, "");
  else if (port)
    validate_port(v, port_path, port);
  struct span inside = json_text_of(spec, "internalTrafficPolicy");
  if (json_has(spec, "internalTrafficPolicy") && !validate_is_one_of(inside, policies))
    verr_not_supported(v, VP(path, "internalTrafficPolicy"), inside, policies);
  else if (!json_has(spec, "internalTrafficPolicy") &&
           (is_type(spec, "ClusterIP") || is_type(spec, "NodePort") || is_type(spec, "LoadBalancer")))
    verr_required(v, VP(path, "internalTrafficPolicy"), "");
}

static void
check_distribution(struct validation *v, const struct vpath *path, const struct json *spec)
{
  static const char *const all[] = { "PreferClose", "PreferSameZone", "PreferSameNode", NULL }, *const close_by[] = {
    "PreferClose", NULL
  };
  const char *const *allowed = validation_gate(v, "PreferSameTrafficDistribution") ? all : close_by;
  struct span value = json_text_of(spec, "trafficDistribution");
  if (json_has(spec, "trafficDistribution") && !validate_is_one_of(value, allowed))
    verr_not_supported(v, VP(path, "trafficDistribution"), value, allowed);
}

/* -- the whole -- */

static void
check_affinity(struct validation *v, const struct vpath *path, const struct json *spec)
{
  static const char *const affinities[] = { "ClientIP", "None", NULL };
  static const char missing[] = "when session affinity type is ClientIP";
  const struct json *config = json_get(spec, "sessionAffinityConfig"), *client = json_get(config, "clientIP");
  const struct vpath *at = VP(path, "sessionAffinityConfig"), *below = VP(at, "clientIP");
  int64_t seconds = json_get_int(client, "timeoutSeconds", 0);
  validate_choice(v, path, spec, "sessionAffinity", affinities);
  if (span_is(json_text_of(spec, "sessionAffinity"), "None") && json_has(spec, "sessionAffinityConfig"))
    verr_forbidden(v, at, "must not be set when session affinity is None");
  if (!span_is(json_text_of(spec, "sessionAffinity"), "ClientIP"))
    return;
  if (!json_has(spec, "sessionAffinityConfig"))
    verr_required(v, at, missing);
  else if (!json_has(config, "clientIP"))
    verr_required(v, below, missing);
  else if (!json_has(client, "timeoutSeconds"))
    verr_required(v, VP(below, "timeoutSeconds"), missing);
  else if (seconds <= 0 || seconds > AFFINITY_TIMEOUT_MAX)
    verr_invalid_int(v, VP(below, "timeoutSeconds"), seconds, "must be greater than 0 and less than 86400");
}

static void
check_type(struct validation *v, const struct vpath *path, const struct json *spec)
{
  if (!json_count(json_get(spec, "ports")) && !is_headless(spec) && !is_type(spec, "ExternalName"))
    verr_required(v, VP(path, "ports"), "");
  if (is_headless(spec) && (is_type(spec, "LoadBalancer") || is_type(spec, "NodePort")))
    verr_invalid(
        v, VP_ITEM(VP(path, "clusterIPs"), 0), SPAN("None"),
        arena_printf(v->a, "may not be set to 'None' for %.*s services", SPAN_FMT(json_text_of(spec, "type"))));
  if (is_type(spec, "ExternalName"))
    check_external_name(v, path, spec);
}

static void
check_service(struct validation *v, const struct json *o, const struct json *old)
{
  static const char *const types[] = { "ClusterIP", "ExternalName", "LoadBalancer", "NodePort", NULL };
  const struct json *spec = json_get(o, "spec"), *was = json_get(old, "spec"), *ports = json_get(spec, "ports"),
                    *mode = json_get(object_annotations(o), HINTS_MODE),
                    *hints = json_get(object_annotations(o), HINTS_OLD);
  const struct vpath *path = VP(NULL, "spec"), *list = VP(path, "ports");
  if (mode && hints && !json_equal(mode, hints) && personality_minor(v->p) >= 27)
    verr_invalid(v, VP_KEY(VP(VP(NULL, "metadata"), "annotations"), HINTS_MODE), json_span(mode),
                 "must match annotations[" HINTS_OLD "] when both are specified");
  check_type(v, path, spec);
  for (size_t i = 0; i < json_count(ports); i++)
    check_port(v, VP_ITEM(list, i), ports, i);
  validate_labels(v, VP(path, "selector"), json_get(spec, "selector"));
  check_affinity(v, path, spec);
  validate_service_addresses(v, spec, was);
  check_external_addresses(v, VP(path, "externalIPs"), json_get(spec, "externalIPs"), json_get(was, "externalIPs"));
  validate_choice(v, path, spec, "type", types);
  for (size_t i = 0; i < json_count(ports); i++)
    if (is_type(spec, "ClusterIP") && json_get_int(json_at(ports, i), "nodePort", 0))
      verr_forbidden(v, VP(VP_ITEM(list, i), "nodePort"), "may not be used when `type` is 'ClusterIP'");
  check_ports_distinct(v, list, ports);
  check_source_ranges(v, o, old);
  check_balancer(v, path, spec);
  check_traffic(v, path, spec);
  check_distribution(v, path, spec);
}

static void
create_service(struct validation *v, const struct json *o)
{
  check_service(v, o, NULL);
}

/* -- updates -- */

/*
 * A list whose first item stays and whose second may come and, with the policy SingleStack, go. `shown`: what an error
 * shows when the first has changed; `what`: what the list holds, in upstream's words.
 */
static void
check_stack(struct validation *v, const struct json *spec, const struct json *was, const char *member, const char *what)
{
  const struct json *now = json_get(spec, member), *old = json_get(was, member), *ips = json_get(spec, "clusterIPs");
  const struct vpath *path = VP(NULL, "spec"), *list = VP(path, member);
  bool families = ips != now;
  size_t n = json_count(now), n_old = json_count(old);
  static const char changed[] = "may not change once set";
  if (n == n_old) {
    for (size_t i = 0; i < n; i++)
      if (!json_equal(json_at(now, i), json_at(old, i)))
        verr_add(v, FIELD_INVALID, VP_ITEM(list, families ? 0 : i), validate_show_texts(v, now), changed);
    return;
  }
  if (n_old > n && !json_count(ips))
    verr_add(v, FIELD_INVALID, VP_ITEM(list, 0), validate_show_texts(v, now), "primary %s can not be unset", what);
  if (n && n_old && !json_equal(json_at(now, 0), json_at(old, 0)))
    verr_add(v, FIELD_INVALID, VP_ITEM(list, 0), validate_show_texts(v, ips), changed);
  if (n_old > n && n == 1 && !span_is(json_text_of(spec, "ipFamilyPolicy"), "SingleStack"))
    verr_add(v, FIELD_INVALID, VP(path, "ipFamilyPolicy"), vjson(v->a, json_get(spec, "ipFamilyPolicy")),
             "must be set to 'SingleStack' when releasing the secondary %s", what);
}

static void
update_service(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *spec = json_get(o, "spec"), *was = json_get(old, "spec");
  const struct vpath *path = VP(NULL, "spec");
  bool external = is_type(spec, "ExternalName") || is_type(was, "ExternalName");
  if (!external && !(is_headless(spec) && is_headless(was)))
    check_stack(v, spec, was, "clusterIPs", "clusterIP");
  if (!external && !is_headless(spec) && !is_headless(was))
    check_stack(v, spec, was, "ipFamilies", "ipFamily");
  if (is_type(spec, "LoadBalancer") && is_type(was, "LoadBalancer") &&
      !json_same(json_get(spec, "loadBalancerClass"), json_get(was, "loadBalancerClass")))
    verr_add(v, FIELD_INVALID, VP(path, "loadBalancerClass"), vjson(v->a, json_get(spec, "loadBalancerClass")),
             "may not change once set");
  check_balancer_class(v, path, spec); /* said again below, as upstream does */
  if (needs_health_check(spec) && needs_health_check(was) &&
      json_get_int(spec, "healthCheckNodePort", 0) != json_get_int(was, "healthCheckNodePort", 0))
    verr_forbidden(v, VP(path, "healthCheckNodePort"), "field is immutable");
  check_service(v, o, old);
}

static void
update_status(struct validation *v, const struct json *o, const struct json *old)
{
  static const char *const modes[] = { "Proxy", "VIP", NULL };
  const struct json *list = json_dig(o, "status", "loadBalancer", "ingress", NULL),
                    *before = json_dig(old, "status", "loadBalancer", "ingress", NULL);
  const struct vpath *path = VP(VP(VP(NULL, "status"), "loadBalancer"), "ingress");
  struct json *accepted = json_new_array(v->a);
  struct address ip;
  for (json_each_item (p, before))
    if (json_text_of(*p, "ip").n)
      json_append(v->a, accepted, json_copy(v->a, json_get(*p, "ip")));
  if (json_count(list) && !is_type(json_get(o, "spec"), "LoadBalancer")) {
    verr_forbidden(v, path, "may only be used when `spec.type` is 'LoadBalancer'");
    return;
  }
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *item = json_at(list, i);
    const struct vpath *at = VP_ITEM(path, i);
    struct span text = json_text_of(item, "ip"), host = json_text_of(item, "hostname");
    if (text.n)
      (void)validate_address(v, VP(at, "ip"), text, accepted);
    if (json_has(item, "ipMode") && !text.n)
      verr_forbidden(v, VP(at, "ipMode"), "may not be specified when `ip` is not set");
    else if (json_has(item, "ipMode"))
      validate_choice(v, at, item, "ipMode", modes);
    else if (text.n && personality_minor(v->p) >= 29)
      verr_required(v, VP(at, "ipMode"), "must be specified when `ip` is set");
    if (host.n)
      (void)verr_format(v, VP(at, "hostname"), host, TEXT_DNS_SUBDOMAIN);
    if (host.n && address_read(host, &ip))
      verr_invalid(v, VP(at, "hostname"), host, "must be a DNS name, not an IP address");
  }
}

const struct validator validator_service = {
  "",
  "Service",
  .name = { .format = TEXT_DNS1035_LABEL, .gate = "RelaxedServiceNameValidation", .relaxed = TEXT_DNS_LABEL },
  .create = create_service,
  .update = update_service,
  .status = update_status,
};
