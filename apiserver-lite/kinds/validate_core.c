/* The core kinds that are not pods, events and leases: core/validation, coordination/validation. */
#include "codec.h"
#include "object.h"
#include "validate_pod.h"

#define DATA_MAX (1024 * 1024) /* core.MaxSecretSize */

/* -- namespaces -- */

static void
check_namespace(struct validation *v, const struct json *o)
{
  for (json_each_item (p, json_dig(o, "spec", "finalizers", NULL))) {
    struct span s = json_span(*p);
    if (verr_format(v, VP(VP(NULL, "spec"), "finalizers"), s, TEXT_LABEL_KEY) && !memchr(s.p, '/', s.n) &&
        !span_is(s, "kubernetes") && !span_is(s, "orphan") && !span_is(s, "foregroundDeletion"))
      verr_invalid(v, VP(VP(NULL, "spec"), "finalizers"), s,
                   "name is neither a standard finalizer name nor is it fully qualified");
  }
}

static void
keep_namespace(struct validation *v, const struct json *o, const struct json *old)
{
  (void)v, (void)o, (void)old; /* the strategy has put finalizers and status back */
}

static void
update_namespace_status(struct validation *v, const struct json *o, const struct json *old)
{
  struct span phase = json_text_of(json_get(o, "status"), "phase");
  const struct vpath *path = VP(VP(NULL, "status"), "Phase");
  (void)old;
  if (!object_is_deleting(o) && !span_is(phase, "Active"))
    verr_invalid(v, path, phase, "may only be 'Active' if `deletionTimestamp` is empty");
  if (object_is_deleting(o) && !span_is(phase, "Terminating"))
    verr_invalid(v, path, phase, "may only be 'Terminating' if `deletionTimestamp` is not empty");
}

const struct validator validator_namespace = {
  "",
  "Namespace",
  .cluster = true,
  .name = { .format = TEXT_DNS_LABEL },
  .create = check_namespace,
  .flags = VALIDATOR_META_AGAIN,
  .update = keep_namespace,
  .status = update_namespace_status,
};

/* -- config maps and secrets -- */

static size_t
check_keys(struct validation *v, const struct vpath *path, const struct json *data, const struct json *other)
{
  size_t total = 0;
  for (json_each_member (m, data)) {
    struct span key = span_make(m->name, m->name_len);
    (void)verr_format(v, VP_KEY(path, m->name), key, TEXT_CONFIG_KEY);
    if (json_get_n(other, m->name, m->name_len))
      verr_invalid(v, VP_KEY(path, m->name), key, "duplicate of key present in binaryData");
    total += json_span(m->value).n;
  }
  return total;
}

static void
check_config_map(struct validation *v, const struct json *o)
{
  const struct json *binary = json_get(o, "binaryData");
  size_t n = check_keys(v, VP(NULL, "data"), json_get(o, "data"), binary);
  n += check_keys(v, VP(NULL, "binaryData"), binary, NULL) / 4 * 3;
  if (n > DATA_MAX)
    verr_too_long(v, VP(NULL, ""), DATA_MAX);
}

static void
check_frozen(struct validation *v, const struct json *o, const struct json *old)
{
  static const char frozen[] = "field is immutable when `immutable` is set";
  static const char *const bags[] = { "data", "binaryData" };
  if (!json_get_bool(old, "immutable", false))
    return;
  if (!json_get_bool(o, "immutable", false))
    verr_forbidden(v, VP(NULL, "immutable"), frozen);
  for (size_t i = 0; i < ARRAY_SIZE(bags); i++)
    if (!json_same(json_get(o, bags[i]), json_get(old, bags[i])))
      verr_forbidden(v, VP(NULL, bags[i]), frozen);
}

static const struct name_rule subdomain = { .format = TEXT_DNS_SUBDOMAIN };

static void
update_config_map(struct validation *v, const struct json *o, const struct json *old)
{
  check_frozen(v, o, old);
  validate_object_meta(v, o, true, &subdomain);
  check_config_map(v, o);
}

/* Keys that a type of secret needs: all of them, or (any) one of them. */
static const struct {
  const char *type, *keys[2];
  bool any;
} secret_types[] = {
  { "kubernetes.io/dockercfg", { ".dockercfg", NULL }, false },
  { "kubernetes.io/dockerconfigjson", { ".dockerconfigjson", NULL }, false },
  { "kubernetes.io/basic-auth", { "username", "password" }, true },
  { "kubernetes.io/ssh-auth", { "ssh-privatekey", NULL }, false },
  { "kubernetes.io/tls", { "tls.crt", "tls.key" }, false },
};

static void
check_secret_type(struct validation *v, const struct json *o, struct span type)
{
  const struct vpath *path = VP(NULL, "data");
  const struct json *data = json_get(o, "data");
  for (size_t i = 0; i < ARRAY_SIZE(secret_types); i++) {
    if (!span_is(type, secret_types[i].type))
      continue;
    bool found = false;
    for (size_t k = 0; k < 2 && secret_types[i].keys[k]; k++)
      found |= json_get(data, secret_types[i].keys[k]) != NULL;
    for (size_t k = 0; k < 2 && secret_types[i].keys[k]; k++)
      if (secret_types[i].any ? !found : !json_get(data, secret_types[i].keys[k]))
        verr_required(v, VP_KEY(path, secret_types[i].keys[k]), "");
  }
  static const char account[] = "kubernetes.io/service-account.name";
  if (span_is(type, "kubernetes.io/service-account-token") && !json_text_of(object_annotations(o), account).n)
    verr_required(v, VP_KEY(VP(VP(NULL, "metadata"), "annotations"), account), "");
}

static void
check_secret(struct validation *v, const struct json *o)
{
  if (check_keys(v, VP(NULL, "data"), json_get(o, "data"), NULL) / 4 * 3 > DATA_MAX)
    verr_too_long(v, VP(NULL, "data"), DATA_MAX);
  check_secret_type(v, o, json_text_of(o, "type"));
}

static void
update_secret(struct validation *v, const struct json *o, const struct json *old)
{
  validate_immutable(v, VP(NULL, "type"), json_get(o, "type"), json_get(old, "type"), NULL);
  check_frozen(v, o, old);
  validate_object_meta(v, o, true, &subdomain);
  check_secret(v, o);
}

const struct validator validator_config_map = {
  "",
  "ConfigMap",
  .name = { .format = TEXT_DNS_SUBDOMAIN },
  .create = check_config_map,
  .update = update_config_map,
  .flags = VALIDATOR_META_AGAIN,
};
const struct validator validator_secret = {
  "",
  "Secret",
  .name = { .format = TEXT_DNS_SUBDOMAIN },
  .create = check_secret,
  .update = update_secret,
  .flags = VALIDATOR_META_AGAIN,
};

/* -- nodes -- */

static void
check_node_taints(struct validation *v, const struct vpath *path, const struct json *taints)
{
  static const char *const effects[] = { "NoSchedule", "PreferNoSchedule", "NoExecute", NULL };
  for (size_t i = 0; i < json_count(taints); i++) {
    const struct json *t = json_at(taints, i);
    const struct vpath *at = VP_ITEM(path, i);
    (void)verr_format(v, VP(at, "key"), json_text_of(t, "key"), TEXT_LABEL_KEY);
    (void)verr_format(v, VP(at, "value"), json_text_of(t, "value"), TEXT_LABEL_VALUE);
    validate_choice(v, at, t, "effect", effects);
    for (size_t j = 0; j < i; j++)
      if (json_same(json_get(json_at(taints, j), "key"), json_get(t, "key")) &&
          json_same(json_get(json_at(taints, j), "effect"), json_get(t, "effect"))) {
        verr_add(v, FIELD_DUPLICATE, at, vgo(v, t, "io.k8s.api.core.v1.Taint"),
                 "taints must be unique by key and effect pair");
        break;
      }
  }
}

static void
check_node_amounts(struct validation *v, const struct json *o)
{
  static const char *const lists[] = { "capacity", "allocatable" };
  for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
    for (json_each_member (m, json_dig(o, "status", lists[i], NULL))) {
      struct quantity q;
      const struct vpath *at = VP(VP(VP(NULL, "status"), lists[i]), m->name);
      if (!json_quantity(m->value, &q))
        continue;
      if (quantity_sign(&q) < 0)
        verr_invalid(v, at, span_of(quantity_text(v->a, &q)), "must be greater than or equal to 0");
      if ((strchr(m->name, '/') || !strcmp(m->name, "pods")) && quantity_milli(&q) % 1000)
        verr_invalid(v, at, span_of(quantity_text(v->a, &q)), "must be an integer");
    }
}

static void
create_node(struct validation *v, const struct json *o)
{
  const struct json *cidrs = json_dig(o, "spec", "podCIDRs", NULL);
  check_node_taints(v, VP(VP(NULL, "metadata"), "taints"), json_dig(o, "spec", "taints", NULL)); /* (sic) */
  check_node_amounts(v, o);
  for (size_t i = 0; i < json_count(cidrs); i++)
    if (!text_is_cidr(json_span(json_at(cidrs, i))))
      verr_invalid(v, VP_ITEM(VP(VP(NULL, "spec"), "podCIDRs"), i), json_span(json_at(cidrs, i)),
                   "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
}

static void
update_node(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *spec = json_get(o, "spec"), *was = json_get(old, "spec"), *cidrs = json_get(was, "podCIDRs"),
                    *addresses = json_dig(o, "status", "addresses", NULL);
  const struct vpath *path = VP(NULL, "spec");
  struct span id = json_text_of(spec, "providerID"), before = json_text_of(was, "providerID");
  check_node_amounts(v, o);
  for (size_t i = 1; i < json_count(addresses); i++)
    for (size_t j = 0; j < i; j++)
      if (json_same(json_at(addresses, i), json_at(addresses, j))) {
        verr_add(v, FIELD_DUPLICATE, VP_ITEM(VP(VP(NULL, "status"), "addresses"), i),
                 vgo(v, json_at(addresses, i), "io.k8s.api.core.v1.NodeAddress"), "%s", "");
        break;
      }
  if (json_count(cidrs) && !json_same(json_get(spec, "podCIDRs"), cidrs))
    verr_forbidden(v, VP(path, "podCIDRs"), "node updates may not change podCIDR except from \"\" to valid");
  if (before.n && !span_eq(id, before))
    verr_add(v, FIELD_INVALID, VP(path, "providerID"), "null",
             id.n ? "field cannot be modified once set" : "field cannot be cleared once set");
  check_node_taints(v, VP(VP(NULL, "metadata"), "taints"), json_get(spec, "taints"));
}

const struct validator validator_node = {
  "",
  "Node",
  .cluster = true,
  .name = { .format = TEXT_DNS_SUBDOMAIN },
  .create = create_node,
  .flags = VALIDATOR_META_AGAIN,
  .update = update_node,
  .status = update_node,
};

/* -- leases -- */

static void
check_lease(struct validation *v, const struct json *o)
{
  const struct json *spec = json_get(o, "spec");
  const struct vpath *path = VP(NULL, "spec");
  int64_t seconds = json_get_int(spec, "leaseDurationSeconds", 1), n = json_get_int(spec, "leaseTransitions", 0);
  if (seconds <= 0)
    verr_invalid_int(v, VP(path, "leaseDurationSeconds"), seconds, "must be greater than 0");
  if (n < 0)
    verr_invalid_int(v, VP(path, "leaseTransitions"), n, "must be greater than or equal to 0");
  if (json_text_of(spec, "preferredHolder").n && !json_text_of(spec, "strategy").n)
    verr_forbidden(v, VP(path, "preferredHolder"), "may only be specified if `strategy` is defined");
}

const struct validator validator_lease = {
  "coordination.k8s.io",
  "Lease",
  .name = { .format = TEXT_DNS_SUBDOMAIN },
  .create = check_lease,
};

/* -- services -- */

static const char *const protocols[] = { "SCTP", "TCP", "UDP", NULL };

static void
check_service_port(struct validation *v, const struct vpath *path, const struct json *ports, size_t i)
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
  if (json_has(p, "targetPort"))
    validate_port_or_name(v, VP(path, "targetPort"), json_get(p, "targetPort"));
  if (json_has(p, "appProtocol"))
    (void)verr_format(v, VP(path, "appProtocol"), json_text_of(p, "appProtocol"), TEXT_LABEL_KEY);
}

/* Two ports that are one: `member` with the protocol. */
static bool
port_taken(const struct json *ports, size_t i, const char *member)
{
  const struct json *p = json_at(ports, i);
  for (size_t j = 0; j < i && json_get_int(p, member, 0); j++)
    if (json_same(json_get(json_at(ports, j), member), json_get(p, member)) &&
        json_same(json_get(json_at(ports, j), "protocol"), json_get(p, "protocol")))
      return true;
  return false;
}

static void
check_external_name(struct validation *v, const struct vpath *path, const struct json *spec)
{
  struct span name = json_text_of(spec, "externalName");
  if (json_count(json_get(spec, "clusterIPs")))
    verr_forbidden(v, VP(path, "clusterIPs"), "may not be set for ExternalName services");
  if (name.n && name.p[name.n - 1] == '.')
    name.n--;
  if (name.n)
    (void)verr_format(v, VP(path, "externalName"), name, TEXT_DNS_SUBDOMAIN);
  else
    verr_required(v, VP(path, "externalName"), "");
}

static void
check_service(struct validation *v, const struct json *o)
{
  static const char *const types[] = { "ClusterIP", "ExternalName", "LoadBalancer", "NodePort", NULL },
                           *const affinities[] = { "ClientIP", "None", NULL };
  const struct json *spec = json_get(o, "spec"), *ports = json_get(spec, "ports");
  const struct vpath *path = VP(NULL, "spec"), *list = VP(path, "ports");
  struct span type = json_text_of(spec, "type");
  bool headless = span_is(json_text_of(spec, "clusterIP"), "None"), external = span_is(type, "ExternalName");
  if (!json_count(ports) && !headless && !external)
    verr_required(v, list, "");
  if (headless && (span_is(type, "LoadBalancer") || span_is(type, "NodePort")))
    verr_invalid(v, VP_ITEM(VP(path, "clusterIPs"), 0), SPAN("None"),
                 arena_printf(v->a, "may not be set to 'None' for %.*s services", SPAN_FMT(type)));
  if (external)
    check_external_name(v, path, spec);
  for (size_t i = 0; i < json_count(ports); i++)
    check_service_port(v, VP_ITEM(list, i), ports, i);
  validate_labels(v, VP(path, "selector"), json_get(spec, "selector"));
  validate_choice(v, path, spec, "sessionAffinity", affinities);
  if (span_is(json_text_of(spec, "sessionAffinity"), "None") && json_has(spec, "sessionAffinityConfig"))
    verr_forbidden(v, VP(path, "sessionAffinityConfig"), "must not be set when session affinity is None");
  for (size_t i = 0; i < json_count(json_get(spec, "externalIPs")); i++) {
    struct span ip = json_span(json_at(json_get(spec, "externalIPs"), i));
    if (!text_is_ip(ip))
      verr_invalid(v, VP_ITEM(VP(path, "externalIPs"), i), ip,
                   "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
  }
  validate_choice(v, path, spec, "type", types);
  for (size_t i = 0; i < json_count(ports); i++)
    if (span_is(type, "ClusterIP") && json_get_int(json_at(ports, i), "nodePort", 0))
      verr_forbidden(v, VP(VP_ITEM(list, i), "nodePort"), "may not be used when `type` is 'ClusterIP'");
  for (size_t i = 0; i < json_count(ports); i++)
    if (port_taken(ports, i, "nodePort"))
      verr_add(v, FIELD_DUPLICATE, VP(VP_ITEM(list, i), "nodePort"),
               vjson(v->a, json_get(json_at(ports, i), "nodePort")), "%s", "");
  for (size_t i = 0; i < json_count(ports); i++)
    if (port_taken(ports, i, "port")) {
      struct json *key = json_new_object(v->a);
      static const char *const members[] = { "protocol", "port" };
      for (size_t k = 0; k < 2; k++)
        if (json_get(json_at(ports, i), members[k]))
          json_set(v->a, key, members[k], json_copy(v->a, json_get(json_at(ports, i), members[k])));
      verr_add(v, FIELD_DUPLICATE, VP_ITEM(list, i), vgo(v, key, "io.k8s.api.core.v1.ServicePort"), "%s", "");
    }
}

const struct validator validator_service = {
  "",
  "Service",
  .name = { .format = TEXT_DNS1035_LABEL },
  .create = check_service,
};

/* -- resource quotas -- */

static void
check_quota(struct validation *v, const struct json *o)
{
  static const char *const standard[] = { "cpu",
                                          "memory",
                                          "ephemeral-storage",
                                          "requests.cpu",
                                          "requests.memory",
                                          "requests.storage",
                                          "requests.ephemeral-storage",
                                          "limits.cpu",
                                          "limits.memory",
                                          "limits.ephemeral-storage",
                                          "pods",
                                          "resourcequotas",
                                          "services",
                                          "replicationcontrollers",
                                          "secrets",
                                          "persistentvolumeclaims",
                                          "configmaps",
                                          "services.nodeports",
                                          "services.loadbalancers" };
  static const char *const scalars[] = { "pods",
                                         "resourcequotas",
                                         "services",
                                         "replicationcontrollers",
                                         "secrets",
                                         "persistentvolumeclaims",
                                         "configmaps",
                                         "services.nodeports",
                                         "services.loadbalancers" };
  const struct vpath *path = VP(VP(NULL, "spec"), "hard");
  for (json_each_member (m, json_dig(o, "spec", "hard", NULL))) {
    struct span name = span_make(m->name, m->name_len);
    const struct vpath *at = VP_KEY(path, m->name);
    struct quantity q;
    bool known = memchr(name.p, '/', name.n) || span_starts(name, SPAN("hugepages-")) ||
                 span_starts(name, SPAN("requests.hugepages-")),
         whole = memchr(name.p, '/', name.n) != NULL;
    for (size_t i = 0; i < ARRAY_SIZE(standard); i++)
      known |= span_is(name, standard[i]);
    for (size_t i = 0; i < ARRAY_SIZE(scalars); i++)
      whole |= span_is(name, scalars[i]);
    (void)verr_format(v, at, name, TEXT_LABEL_KEY);
    if (!known)
      verr_invalid(v, at, name, "must be a standard resource for quota");
    if (!json_quantity(m->value, &q))
      continue;
    if (quantity_sign(&q) < 0)
      verr_invalid(v, at, span_of(quantity_text(v->a, &q)), "must be greater than or equal to 0");
    if (whole && quantity_milli(&q) % 1000)
      verr_invalid(v, at, span_of(quantity_text(v->a, &q)), "must be an integer");
  }
}

static void
update_quota(struct validation *v, const struct json *o, const struct json *old)
{
  check_quota(v, o);
  validate_immutable(v, VP(VP(NULL, "spec"), "scopes"), json_dig(o, "spec", "scopes", NULL),
                     json_dig(old, "spec", "scopes", NULL), NULL);
}

const struct validator validator_quota = {
  "", "ResourceQuota", .name = { .format = TEXT_DNS_SUBDOMAIN }, .create = check_quota, .update = update_quota,
};
