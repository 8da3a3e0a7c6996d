/* Ingresses, network policies, volume claims, storage classes: networking, core and storage validation. */
#include "validate_pod.h"

/* -- ingresses -- */

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
  if (has_resource || !has_service)
    return;
  if (validate_needed(v, at, service, "name"))
    (void)verr_format(v, VP(at, "name"), json_text_of(service, "name"), TEXT_DNS1035_LABEL);
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
check_ingress(struct validation *v, const struct json *o)
{
  const struct json *spec = json_get(o, "spec"), *rules = json_get(spec, "rules");
  const struct vpath *path = VP(NULL, "spec");
  if (!json_count(rules) && !json_has(spec, "defaultBackend"))
    verr_invalid(v, path, SPAN(""), "either `defaultBackend` or `rules` must be specified");
  if (json_has(spec, "defaultBackend"))
    check_backend(v, VP(path, "defaultBackend"), json_get(spec, "defaultBackend"));
  for (size_t i = 0; i < json_count(rules); i++) {
    const struct json *http = json_get(json_at(rules, i), "http"), *paths = json_get(http, "paths");
    const struct vpath *at = VP_ITEM(VP(path, "rules"), i), *list = VP(VP(at, "http"), "paths");
    struct span host = json_text_of(json_at(rules, i), "host");
    if (host.n && text_is_ip(host))
      verr_invalid(v, VP(at, "host"), host, "must be a DNS name, not an IP address");
    if (host.n)
      (void)verr_format(v, VP(at, "host"), host,
                        memchr(host.p, '*', host.n) ? TEXT_WILDCARD_SUBDOMAIN : TEXT_DNS_SUBDOMAIN);
    if (json_type(http) != JSON_NULL && !json_count(paths))
      verr_required(v, list, "");
    for (size_t j = 0; j < json_count(paths); j++)
      check_ingress_path(v, VP_ITEM(list, j), json_at(paths, j));
  }
  if (json_has(spec, "ingressClassName"))
    (void)verr_format(v, VP(path, "ingressClassName"), json_text_of(spec, "ingressClassName"), TEXT_DNS_SUBDOMAIN);
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
check_policy_peer(struct validation *v, const struct vpath *path, const struct json *p)
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
    struct span cidr = json_text_of(block, "cidr");
    if (!cidr.n)
      verr_required(v, VP(VP(path, "ipBlock"), "cidr"), "");
    else if (!text_is_cidr(cidr))
      verr_invalid(v, VP(VP(path, "ipBlock"), "cidr"), cidr,
                   "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
    if (selectors)
      verr_forbidden(v, path, "may not specify both ipBlock and another peer");
  } else if (!selectors)
    verr_required(v, path, "must specify a peer");
}

static void
check_network_policy(struct validation *v, const struct json *o)
{
  static const char *const ways[][2] = { { "ingress", "from" }, { "egress", "to" } }, *const types[] = { "Ingress",
                                                                                                         "Egress",
                                                                                                         NULL };
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
        check_policy_peer(v, VP_ITEM(VP(at, ways[w][1]), j), json_at(peers, j));
    }
  }
  if (json_count(wanted) > 2)
    verr_add(v, FIELD_INVALID, VP(path, "policyTypes"), vjson(v->a, wanted),
             "may not specify more than two policyTypes");
  for (size_t i = 0; i < json_count(wanted) && json_count(wanted) <= 2; i++)
    if (!span_is(json_span(json_at(wanted, i)), types[0]) && !span_is(json_span(json_at(wanted, i)), types[1]))
      verr_not_supported(v, VP_ITEM(VP(path, "policyTypes"), i), json_span(json_at(wanted, i)), types);
}

/* -- storage -- */

static void
check_volume_claim(struct validation *v, const struct json *o)
{
  static const char *const modes[] = { "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod", NULL },
                           *const kinds_of_volume[] = { "Block", "Filesystem", NULL };
  const struct json *spec = json_get(o, "spec"), *wanted = json_get(spec, "accessModes"),
                    *storage = json_dig(spec, "resources", "requests", "storage", NULL);
  const struct vpath *path = VP(NULL, "spec"), *at = VP_KEY(VP(path, "resources"), "storage");
  struct quantity q;
  if (!json_count(wanted))
    verr_required(v, VP(path, "accessModes"), "at least 1 access mode is required");
  validate_label_selector(v, VP(path, "selector"), json_get(spec, "selector"));
  for (json_each_item (p, wanted)) {
    bool known = false;
    for (size_t i = 0; modes[i]; i++)
      known |= span_is(json_span(*p), modes[i]);
    if (!known)
      verr_not_supported(v, VP(path, "accessModes"), json_span(*p), modes);
  }
  if (!json_quantity(storage, &q))
    verr_required(v, at, "");
  else if (quantity_sign(&q) <= 0)
    verr_invalid(v, at, span_of(quantity_text(v->a, &q)), "must be greater than zero");
  if (json_text_of(spec, "storageClassName").n)
    (void)verr_format(v, VP(path, "storageClassName"), json_text_of(spec, "storageClassName"), TEXT_DNS_SUBDOMAIN);
  if (json_has(spec, "volumeMode"))
    validate_choice(v, path, spec, "volumeMode", kinds_of_volume);
}

static void
update_volume_claim(struct validation *v, const struct json *o, const struct json *old)
{
  static const char *const free_members[] = { "resources", "volumeAttributesClassName", "volumeName",
                                              "storageClassName" };
  const struct json *spec = json_get(o, "spec"), *was = json_get(old, "spec");
  check_volume_claim(v, o);
  if (!json_is(spec, JSON_OBJECT) || !json_is(was, JSON_OBJECT))
    return;
  struct json *now = json_shallow(v->a, spec), *before = json_shallow(v->a, was);
  bool bound = json_text_of(was, "volumeName").n > 0;
  for (size_t i = 0; i < (bound ? 2 : ARRAY_SIZE(free_members)); i++) {
    json_remove(now, free_members[i]);
    json_remove(before, free_members[i]);
  }
  if (json_same(now, before))
    return;
  static const char type[] = "io.k8s.api.core.v1.PersistentVolumeClaimSpec";
  verr_add(
      v, FIELD_FORBIDDEN, VP(NULL, "spec"), NULL,
      "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n%s",
      validate_diff(v->a, vgo_json(v->a, was, type), vgo_json(v->a, spec, type)));
}

static void
check_storage_class(struct validation *v, const struct json *o)
{
  static const char *const reclaim[] = { "Delete", "Retain", NULL }, *const binding[] = { "Immediate",
                                                                                          "WaitForFirstConsumer",
                                                                                          NULL };
  size_t mark = v->n;
  (void)validate_needed(v, NULL, o, "provisioner");
  validation_cover(v, mark, NULL);
  if (json_has(o, "reclaimPolicy"))
    validate_choice(v, NULL, o, "reclaimPolicy", reclaim);
  validate_choice(v, NULL, o, "volumeBindingMode", binding);
}

/* -- addresses of services (networking/validation: ValidateIPAddress) -- */

static void
check_address(struct validation *v, const struct json *o)
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

/* -- custom resource definitions (apiextensions/validation) -- */

#define SUBDOMAIN                \
  {                              \
    .format = TEXT_DNS_SUBDOMAIN \
  }
const struct validator validators_network[] = {
  { "networking.k8s.io", "Ingress", .name = SUBDOMAIN, .create = check_ingress },
  { "networking.k8s.io", "IPAddress", .cluster = true, .name = { .format = TEXT_IP }, .create = check_address },
  { "networking.k8s.io", "NetworkPolicy", .name = SUBDOMAIN, .create = check_network_policy },
  { "", "PersistentVolumeClaim", .name = SUBDOMAIN, .create = check_volume_claim, .update = update_volume_claim },
  { "storage.k8s.io", "StorageClass", .cluster = true, .name = SUBDOMAIN, .create = check_storage_class },
};
const size_t validator_network_count = ARRAY_SIZE(validators_network);
