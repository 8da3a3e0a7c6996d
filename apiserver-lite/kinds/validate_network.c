/* networking.k8s.io: ingresses and their classes, network policies, addresses and ranges of services. */
#include "object.h"
#include "validate_address.h"
#include "validate_pod.h"

#define CONTROLLER_MAX 250

/* -- ingresses -- */

/* The reference that backends and classes have; `covered`: a tag asks for kind and name, too. */
static void
check_reference(struct validation *v, const struct vpath *path, const struct json *ref, bool covered)
{
  static const char *const names[] = { "kind", "name" };
  if (json_has(ref, "apiGroup"))
    (void)verr_format(v, VP(path, "apiGroup"), json_text_of(ref, "apiGroup"), TEXT_DNS_SUBDOMAIN);
  for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
    size_t mark = v->n;
    if (validate_needed(v, path, ref, names[i]))
      (void)verr_format(v, VP(path, names[i]), json_text_of(ref, names[i]), TEXT_PATH_SEGMENT);
    else if (covered)
      validation_cover(v, mark, NULL);
  }
}

static void
check_backend(struct validation *v, const struct vpath *path, const struct json *b)
{
  const struct json *service = json_get(b, "service"), *port = json_get(service, "port");
  const struct vpath *at = VP(path, "service");
  bool has_resource = json_has(b, "resource"), has_service = json_type(service) != JSON_NULL;
  struct span name = json_text_of(port, "name");
  int64_t number = json_get_int(port, "number", 0);
  if (has_resource && has_service)
    verr_invalid(v, path, SPAN(""), "cannot set both resource and service backends");
  else if (!has_resource && !has_service)
    verr_invalid(v, path, SPAN(""), "resource or service backend is required");
  else if (has_resource)
    check_reference(v, VP(path, "resource"), json_get(b, "resource"), false);
  if (has_resource || !has_service)
    return;
  if (validate_needed(v, at, service, "name"))
    (void)verr_format(v, VP(at, "name"), json_text_of(service, "name"),
                      validation_gate(v, "RelaxedServiceNameValidation") ? TEXT_DNS_LABEL : TEXT_DNS1035_LABEL);
  if (name.n && number)
    verr_invalid(v, path, SPAN(""), "cannot set both port name & port number");
  else if (name.n)
    (void)verr_format(v, VP(VP(at, "port"), "name"), name, TEXT_PORT_NAME);
  else if (number)
    validate_port(v, VP(VP(at, "port"), "number"), number);
  else
    verr_required(v, path, "port name or number is required");
}

static void
check_ingress_path(struct validation *v, const struct vpath *path, const struct json *p)
{
  static const char *const types[] = { "Exact", "ImplementationSpecific", "Prefix", NULL },
                           *const inside[] = { "//", "/./", "/../", "%2f", "%2F" }, *const last[] = { "/..", "/." };
  struct span type = json_text_of(p, "pathType"), text = json_text_of(p, "path");
  bool free_form = span_is(type, "ImplementationSpecific"),
       known = free_form || span_is(type, "Exact") || span_is(type, "Prefix");
  if (!json_has(p, "pathType")) {
    verr_required(v, VP(path, "pathType"), "pathType must be specified");
    return;
  }
  if (!known)
    verr_not_supported(v, VP(path, "pathType"), type, types);
  else if (!span_starts(text, SPAN("/")) && (text.n || !free_form))
    verr_invalid(v, VP(path, "path"), text, "must be an absolute path");
  const char *s = arena_strndup(v->a, text.p, text.n);
  for (size_t i = 0; known && !free_form && i < ARRAY_SIZE(inside); i++)
    if (strstr(s, inside[i]))
      verr_invalid(v, VP(path, "path"), text, arena_printf(v->a, "must not contain '%s'", inside[i]));
  for (size_t i = 0; known && !free_form && i < ARRAY_SIZE(last); i++)
    if (span_ends(text, span_of(last[i])))
      verr_invalid(v, VP(path, "path"), text, arena_printf(v->a, "cannot end with '%s'", last[i]));
  check_backend(v, VP(path, "backend"), json_get(p, "backend"));
}

static void
check_host(struct validation *v, const struct vpath *path, struct span host)
{
  (void)verr_format(v, path, host, memchr(host.p, '*', host.n) ? TEXT_WILDCARD_SUBDOMAIN : TEXT_DNS_SUBDOMAIN);
}

static void
check_ingress_rule(struct validation *v, const struct vpath *path, const struct json *rule)
{
  const struct json *http = json_get(rule, "http"), *paths = json_get(http, "paths");
  const struct vpath *list = VP(VP(path, "http"), "paths");
  struct span host = json_text_of(rule, "host");
  struct address ip;
  if (host.n && address_read(host, &ip))
    verr_invalid(v, VP(path, "host"), host, "must be a DNS name, not an IP address");
  if (host.n)
    check_host(v, VP(path, "host"), host);
  if (json_type(http) != JSON_NULL && !json_count(paths))
    verr_required(v, list, "");
  for (size_t i = 0; i < json_count(paths); i++)
    check_ingress_path(v, VP_ITEM(list, i), json_at(paths, i));
}

static void
check_ingress_tls(struct validation *v, const struct vpath *path, const struct json *tls)
{
  const struct json *hosts = json_get(tls, "hosts");
  struct span secret = json_text_of(tls, "secretName");
  for (size_t i = 0; i < json_count(hosts); i++)
    check_host(v, VP_ITEM(VP(path, "hosts"), i), json_span(json_at(hosts, i)));
  if (secret.n)
    (void)verr_format(v, VP(path, "secretName"), secret, TEXT_DNS_SUBDOMAIN);
}

static void
check_ingress(struct validation *v, const struct json *o)
{
  const struct json *spec = json_get(o, "spec"), *rules = json_get(spec, "rules"), *tls = json_get(spec, "tls");
  const struct vpath *path = VP(NULL, "spec");
  if (!json_count(rules) && !json_has(spec, "defaultBackend"))
    verr_add(v, FIELD_INVALID, path, rules ? vjson(v->a, rules) : "null",
             "either `defaultBackend` or `rules` must be specified");
  if (json_has(spec, "defaultBackend"))
    check_backend(v, VP(path, "defaultBackend"), json_get(spec, "defaultBackend"));
  for (size_t i = 0; i < json_count(rules); i++)
    check_ingress_rule(v, VP_ITEM(VP(path, "rules"), i), json_at(rules, i));
  for (size_t i = 0; i < json_count(tls); i++)
    check_ingress_tls(v, VP_ITEM(VP(path, "tls"), i), json_at(tls, i));
  if (json_has(spec, "ingressClassName"))
    (void)verr_format(v, VP(path, "ingressClassName"), json_text_of(spec, "ingressClassName"), TEXT_DNS_SUBDOMAIN);
}

static void
create_ingress(struct validation *v, const struct json *o)
{
  static const char annotation[] = "kubernetes.io/ingress.class";
  const struct json *old_way = json_get(object_annotations(o), annotation),
                    *class = json_dig(o, "spec", "ingressClassName", NULL);
  check_ingress(v, o);
  if (old_way && json_type(class) != JSON_NULL && !json_equal(old_way, class))
    verr_invalid(v, VP(VP(NULL, "annotations"), annotation), json_span(old_way),
                 "must match `ingressClassName` when both are specified");
}

static void
update_ingress(struct validation *v, const struct json *o, const struct json *old)
{
  (void)old;
  check_ingress(v, o);
}

/* The texts of `member` in the items of a list. */
static struct json *
texts_of(struct validation *v, const struct json *list, const char *member)
{
  struct json *texts = json_new_array(v->a);
  for (json_each_item (p, list))
    if (json_text_of(*p, member).n)
      json_append(v->a, texts, json_copy(v->a, json_get(*p, member)));
  return texts;
}

static void
update_ingress_status(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *list = json_dig(o, "status", "loadBalancer", "ingress", NULL);
  const struct vpath *path = VP(VP(VP(NULL, "status"), "loadBalancer"), "ingress");
  struct json *accepted = texts_of(v, json_dig(old, "status", "loadBalancer", "ingress", NULL), "ip");
  struct address ip;
  for (size_t i = 0; i < json_count(list); i++) {
    struct span text = json_text_of(json_at(list, i), "ip"), host = json_text_of(json_at(list, i), "hostname");
    const struct vpath *at = VP_ITEM(path, i);
    if (text.n)
      (void)validate_address(v, VP(at, "ip"), text, accepted);
    if (host.n)
      (void)verr_format(v, VP(at, "hostname"), host, TEXT_DNS_SUBDOMAIN);
    if (host.n && address_read(host, &ip))
      verr_invalid(v, VP(at, "hostname"), host, "must be a DNS name, not an IP address");
  }
}

/* -- ingress classes -- */

/* IsDomainPrefixedPath. */
static void
check_prefixed_path(struct validation *v, const struct vpath *path, struct span s)
{
  struct span rest = s, host = span_cut(s, '/', &rest);
  if (!s.n)
    verr_required(v, path, "");
  else if (!host.n || host.n == s.n || !rest.n)
    verr_invalid(v, path, s, "must be a domain-prefixed path (such as \"acme.io/foo\")");
  else {
    (void)verr_format(v, path, host, TEXT_DNS_SUBDOMAIN);
    (void)verr_format(v, path, rest, TEXT_HTTP_PATH);
  }
}

static void
check_class_parameters(struct validation *v, const struct vpath *path, const struct json *p)
{
  static const char *const scopes[] = { "Cluster", "Namespace", NULL };
  struct span scope = json_text_of(p, "scope");
  bool inside = span_is(scope, "Namespace");
  check_reference(v, path, p, true);
  if (!json_has(p, "scope"))
    verr_required(v, VP(path, "scope"), "");
  else if (!inside && !span_is(scope, "Cluster"))
    verr_not_supported(v, VP(path, "scope"), scope, scopes);
  else if (inside && !json_has(p, "namespace"))
    verr_required(v, VP(path, "namespace"), "`parameters.scope` is set to 'Namespace'");
  else if (inside)
    (void)verr_format(v, VP(path, "namespace"), json_text_of(p, "namespace"), TEXT_DNS_LABEL);
  else if (json_has(p, "namespace"))
    verr_forbidden(v, VP(path, "namespace"), "`parameters.scope` is set to 'Cluster'");
}

static void
check_ingress_class(struct validation *v, const struct json *o)
{
  const struct json *spec = json_get(o, "spec");
  const struct vpath *path = VP(NULL, "spec");
  struct span controller = json_text_of(spec, "controller");
  if (controller.n > CONTROLLER_MAX)
    verr_too_long(v, VP(path, "controller"), CONTROLLER_MAX);
  check_prefixed_path(v, VP(path, "controller"), controller);
  if (json_has(spec, "parameters"))
    check_class_parameters(v, VP(path, "parameters"), json_get(spec, "parameters"));
}

static void
update_ingress_class(struct validation *v, const struct json *o, const struct json *old)
{
  static const struct name_rule subdomain = { .format = TEXT_DNS_SUBDOMAIN };
  const struct json *controller = json_dig(o, "spec", "controller", NULL);
  validate_immutable(v, VP(VP(NULL, "spec"), "controller"), controller, json_dig(old, "spec", "controller", NULL),
                     controller ? NULL : "\"\"");
  validate_object_meta(v, o, false, &subdomain);
  check_ingress_class(v, o);
}

/* -- network policies -- */

static void
check_policy_port(struct validation *v, const struct vpath *path, const struct json *p)
{
  static const char *const protocols[] = { "TCP", "UDP", "SCTP", NULL };
  const struct json *port = json_get(p, "port");
  int64_t end = json_get_int(p, "endPort", 0);
  bool has_end = json_has(p, "endPort");
  if (json_has(p, "protocol"))
    validate_choice(v, path, p, "protocol", protocols);
  if (json_type(port) == JSON_NULL) {
    if (has_end)
      verr_invalid_int(v, VP(path, "endPort"), end, "may not be specified when `port` is not specified");
    return;
  }
  if (has_end && json_is(port, JSON_STRING))
    verr_invalid_int(v, VP(path, "endPort"), end, "may not be specified when `port` is non-numeric");
  validate_port_or_name(v, VP(path, "port"), port);
  if (!has_end || json_is(port, JSON_STRING))
    return;
  if (end < json_int_or(port, 0))
    verr_invalid_int(v, VP(path, "endPort"), end, "must be greater than or equal to `port`");
  validate_port(v, VP(path, "endPort"), end);
}

static void
check_policy_block(struct validation *v, const struct vpath *path, const struct json *block,
                   const struct json *accepted)
{
  struct span cidr = json_text_of(block, "cidr");
  const struct json *holes = json_get(block, "except");
  struct network whole, hole;
  if (!cidr.n) {
    size_t mark = v->n;
    verr_required(v, VP(path, "cidr"), "");
    validation_cover(v, mark, NULL);
    return;
  }
  (void)validate_network(v, VP(path, "cidr"), cidr, accepted);
  if (!network_read(cidr, &whole))
    return;
  for (size_t i = 0; i < json_count(holes); i++) {
    struct span s = json_span(json_at(holes, i));
    (void)validate_network(v, VP_ITEM(VP(path, "except"), i), s, accepted);
    if (network_read(s, &hole) && !network_within(&hole, &whole))
      verr_invalid(v, VP_ITEM(VP(path, "except"), i), s, "must be a strict subset of `cidr`");
  }
}

static void
check_policy_peer(struct validation *v, const struct vpath *path, const struct json *p, const struct json *accepted)
{
  const struct json *block = json_get(p, "ipBlock");
  size_t selectors = 0;
  static const char *const names[] = { "podSelector", "namespaceSelector" };
  for (size_t i = 0; i < ARRAY_SIZE(names); i++)
    if (json_has(p, names[i])) {
      selectors++;
      validate_label_selector(v, VP(path, names[i]), json_get(p, names[i]));
    }
  if (json_type(block) != JSON_NULL) {
    check_policy_block(v, VP(path, "ipBlock"), block, accepted);
    if (selectors)
      verr_forbidden(v, path, "may not specify both ipBlock and another peer");
  } else if (!selectors)
    verr_required(v, path, "must specify a peer");
}

static const char *const ways[][2] = { { "ingress", "from" }, { "egress", "to" } };

/* The networks of a stored policy, which are not looked at again. */
static struct json *
networks_of(struct validation *v, const struct json *policy)
{
  struct json *texts = json_new_array(v->a);
  for (size_t w = 0; w < ARRAY_SIZE(ways); w++)
    for (json_each_item (rule, json_dig(policy, "spec", ways[w][0], NULL)))
      for (json_each_item (peer, json_get(*rule, ways[w][1]))) {
        const struct json *block = json_get(*peer, "ipBlock");
        if (json_has(block, "cidr"))
          json_append(v->a, texts, json_copy(v->a, json_get(block, "cidr")));
        for (json_each_item (hole, json_get(block, "except")))
          json_append(v->a, texts, json_copy(v->a, *hole));
      }
  return texts;
}

static void
check_network_policy(struct validation *v, const struct json *o, const struct json *accepted)
{
  static const char *const types[] = { "Ingress", "Egress", NULL };
  const struct json *spec = json_get(o, "spec"), *wanted = json_get(spec, "policyTypes");
  const struct vpath *path = VP(NULL, "spec");
  validate_label_selector(v, VP(path, "podSelector"), json_get(spec, "podSelector"));
  for (size_t w = 0; w < ARRAY_SIZE(ways); w++) {
    const struct json *rules = json_get(spec, ways[w][0]);
    for (size_t i = 0; i < json_count(rules); i++) {
      const struct json *ports = json_get(json_at(rules, i), "ports"), *peers = json_get(json_at(rules, i), ways[w][1]);
      const struct vpath *at = VP_ITEM(VP(path, ways[w][0]), i);
      for (size_t j = 0; j < json_count(ports); j++)
        check_policy_port(v, VP_ITEM(VP(at, "ports"), j), json_at(ports, j));
      for (size_t j = 0; j < json_count(peers); j++)
        check_policy_peer(v, VP_ITEM(VP(at, ways[w][1]), j), json_at(peers, j), accepted);
    }
  }
  if (json_count(wanted) > 2)
    verr_add(v, FIELD_INVALID, VP(path, "policyTypes"), vjson(v->a, wanted),
             "may not specify more than two policyTypes");
  for (size_t i = 0; i < json_count(wanted) && json_count(wanted) <= 2; i++)
    if (!span_is(json_span(json_at(wanted, i)), types[0]) && !span_is(json_span(json_at(wanted, i)), types[1]))
      verr_not_supported(v, VP_ITEM(VP(path, "policyTypes"), i), json_span(json_at(wanted, i)), types);
}

static void
create_network_policy(struct validation *v, const struct json *o)
{
  check_network_policy(v, o, NULL);
}

static void
update_network_policy(struct validation *v, const struct json *o, const struct json *old)
{
  check_network_policy(v, o, networks_of(v, old));
}

/* -- addresses of services (networking/validation: ValidateIPAddress) -- */

static void
check_ip_address(struct validation *v, const struct json *o)
{
  static const struct {
    const char *name;
    enum text_format format;
  } fields[] = {
    { "group", TEXT_DNS_SUBDOMAIN },
    { "resource", TEXT_PATH_SEGMENT },
    { "name", TEXT_PATH_SEGMENT },
    { "namespace", TEXT_PATH_SEGMENT },
  };
  const struct vpath *path = VP(VP(NULL, "spec"), "parentRef");
  const struct json *ref = json_dig(o, "spec", "parentRef", NULL);
  for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
    if (json_text_of(ref, fields[i].name).n) /* what is missing is for the tags to say */
      verr_format(v, VP(path, fields[i].name), json_text_of(ref, fields[i].name), fields[i].format);
}

static void
update_ip_address(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *now = json_dig(o, "spec", "parentRef", NULL), *was = json_dig(old, "spec", "parentRef", NULL);
  size_t mark = v->n;
  if (!json_same(now, was))
    verr_add(v, FIELD_INVALID, VP(VP(NULL, "spec"), "parentRef"),
             vgo(v, now, "io.k8s.api.networking.v1.ParentReference"), "field is immutable");
  validation_cover(v, mark, "immutable");
}

static void
check_ranges(struct validation *v, const struct json *spec)
{
  const struct json *list = json_get(spec, "cidrs");
  const struct vpath *path = VP(VP(NULL, "spec"), "cidrs");
  struct network first, second;
  if (!json_count(list))
    verr_required(v, path, "at least one CIDR required");
  else if (json_count(list) > 2)
    verr_add(v, FIELD_INVALID, path, vgo(v, spec, "io.k8s.api.networking.v1.ServiceCIDRSpec"),
             "may only hold up to 2 values");
  for (size_t i = 0; i < json_count(list) && json_count(list) <= 2; i++)
    (void)validate_network_canonical(v, VP_ITEM(path, i), json_span(json_at(list, i)));
  if (json_count(list) == 2 && network_read(json_span(json_at(list, 0)), &first) &&
      network_read(json_span(json_at(list, 1)), &second) && first.address.family == second.address.family)
    verr_add(v, FIELD_INVALID, path, vjson(v->a, list),
             "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64");
}

static void
create_service_cidr(struct validation *v, const struct json *o)
{
  check_ranges(v, json_get(o, "spec"));
}

/* A second range may come: the service network becomes dual-stack. */
static void
update_service_cidr(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *list = json_dig(o, "spec", "cidrs", NULL), *was = json_dig(old, "spec", "cidrs", NULL);
  const struct vpath *path = VP(VP(NULL, "spec"), "cidrs");
  bool grows = json_count(was) == 1 && json_count(list) == 2;
  if (json_count(list) != json_count(was) && !grows) {
    verr_add(v, FIELD_INVALID, path, vjson(v->a, list), "field is immutable");
    return;
  }
  for (size_t i = 0; i < json_count(was); i++)
    validate_immutable(v, VP_ITEM(path, i), json_at(list, i), json_at(was, i), NULL);
  if (grows)
    check_ranges(v, json_get(o, "spec"));
}

#define SUBDOMAIN                \
  {                              \
    .format = TEXT_DNS_SUBDOMAIN \
  }
const struct validator validators_network[] = {
  { "networking.k8s.io", "Ingress", .name = SUBDOMAIN, .create = create_ingress, .update = update_ingress,
    .status = update_ingress_status },
  { "networking.k8s.io", "IngressClass", .cluster = true, .name = SUBDOMAIN, .create = check_ingress_class,
    .update = update_ingress_class },
  { "networking.k8s.io", "NetworkPolicy", .name = SUBDOMAIN, .create = create_network_policy,
    .update = update_network_policy },
  { "networking.k8s.io", "IPAddress", .cluster = true, .name = { .format = TEXT_IP }, .create = check_ip_address,
    .update = update_ip_address },
  { "networking.k8s.io", "ServiceCIDR", .cluster = true, .name = SUBDOMAIN, .create = create_service_cidr,
    .update = update_service_cidr },
};
const size_t validator_network_count = ARRAY_SIZE(validators_network);
