/* The core kinds that are not pods, events and leases: core/validation, coordination/validation. */
#include "codec.h"
#include "object.h"
#include "validate_address.h"
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
    (void)validate_network(v, VP_ITEM(VP(VP(NULL, "spec"), "podCIDRs"), i), json_span(json_at(cidrs, i)), NULL);
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
