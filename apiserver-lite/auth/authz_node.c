#include "authz_node.h"

#include <stdlib.h>
#include <string.h>

#include "ceilings.h"
#include "object.h"
#include "pod.h"
#include "pod_claims.h"
#include "rbac_policy.h"
#include "rbac_rule.h"

#define MIRROR "kubernetes.io/config.mirror"
/* Nodes see what is theirs of pods, nodes and slices, and no more. */
#define BY_SELECTOR "AuthorizeNodeWithSelectors"

struct authz_node {
  const struct personality *personality;
  struct arena *arena;
  const struct json *rules; /* of the role of nodes, for what is not subdivided by node */
};

/* What one question is about. */
struct ask {
  struct authz_node *n;
  struct auth_source *s;
  struct arena *a;
  const struct authz_request *req;
  const char *node;
};

struct authz_node *
authz_node_new(const struct personality *p)
{
  struct authz_node *n = mem_alloc(sizeof *n);

  n->personality = p;
  n->arena = arena_new(CEIL_ARENA_SMALL);
  n->rules = rbac_policy_rules(p, n->arena, "system:node");
  return n;
}

void
authz_node_free(struct authz_node *n)
{
  if (!n)
    return;
  arena_free(n->arena);
  free(n);
}

const char *
authz_node_name(const struct exchange_user *user)
{
  static const char prefix[] = "system:node:";

  if (strncmp(user->name, prefix, sizeof prefix - 1) != 0 || !exchange_user_in_group(user, "system:nodes"))
    return NULL;
  return user->name + sizeof prefix - 1;
}

/* -- what a pod names -- */

typedef bool pod_names_fn(const struct ask *q, const struct json *pod, const char *name);

static bool
is(const struct json *o, const char *member, const char *name)
{
  const char *s = json_get_str(o, member);

  return s && strcmp(s, name) == 0;
}

/* In env and envFrom of one container. `key`, `from`: "secretKeyRef" and "secretRef", or those of config maps. */
static bool
container_names(const struct json *c, const char *key, const char *from, const char *name)
{
  for (json_each_item (e, json_get(c, "env")))
    if (is(json_dig(*e, "valueFrom", key, NULL), "name", name))
      return true;
  for (json_each_item (e, json_get(c, "envFrom")))
    if (is(json_get(*e, from), "name", name))
      return true;
  return false;
}

static bool
containers_name(const struct json *pod, const char *key, const char *from, const char *name)
{
  for (size_t i = 0; i < POD_CONTAINER_LISTS; i++)
    for (json_each_item (c, json_dig(pod, "spec", pod_container_lists[i], NULL)))
      if (container_names(*c, key, from, name))
        return true;
  return false;
}

static bool
projection_names(const struct json *volume, const char *source, const char *name)
{
  for (json_each_item (p, json_dig(volume, "projected", "sources", NULL)))
    if (is(json_get(*p, source), "name", name))
      return true;
  return false;
}

static bool
volume_names_secret(const struct json *v, const char *name)
{
  static const char *const with_ref[] = { "cephfs", "cinder", "flexVolume", "rbd", "scaleIO", "iscsi", "storageos" };

  for (size_t i = 0; i < ARRAY_SIZE(with_ref); i++)
    if (is(json_dig(v, with_ref[i], "secretRef", NULL), "name", name))
      return true;
  return is(json_get(v, "secret"), "secretName", name) || is(json_get(v, "azureFile"), "secretName", name) ||
         is(json_dig(v, "csi", "nodePublishSecretRef", NULL), "name", name) || projection_names(v, "secret", name);
}

static bool
names_secret(const struct ask *q, const struct json *pod, const char *name)
{
  (void)q;
  for (json_each_item (p, json_dig(pod, "spec", "imagePullSecrets", NULL)))
    if (is(*p, "name", name))
      return true;
  for (json_each_item (v, json_dig(pod, "spec", "volumes", NULL)))
    if (volume_names_secret(*v, name))
      return true;
  return containers_name(pod, "secretKeyRef", "secretRef", name);
}

static bool
names_config_map(const struct ask *q, const struct json *pod, const char *name)
{
  (void)q;
  for (json_each_item (v, json_dig(pod, "spec", "volumes", NULL)))
    if (is(json_get(*v, "configMap"), "name", name) || projection_names(*v, "configMap", name))
      return true;
  return containers_name(pod, "configMapKeyRef", "configMapRef", name);
}

/* A generic ephemeral volume's claim is called POD-VOLUME. */
static bool
is_ephemeral_claim(const struct json *pod, const struct json *volume, const char *name)
{
  const char *p = object_name(pod), *v = json_get_str_or(volume, "name", "");
  size_t n = strlen(p);

  return json_get(volume, "ephemeral") && strncmp(name, p, n) == 0 && name[n] == '-' && strcmp(name + n + 1, v) == 0;
}

static bool
names_volume_claim(const struct ask *q, const struct json *pod, const char *name)
{
  (void)q;
  for (json_each_item (v, json_dig(pod, "spec", "volumes", NULL)))
    if (is(json_get(*v, "persistentVolumeClaim"), "claimName", name) || is_ephemeral_claim(pod, *v, name))
      return true;
  return false;
}

static bool
names_account(const struct ask *q, const struct json *pod, const char *name)
{
  (void)q;
  return is(json_get(pod, "spec"), "serviceAccountName", name);
}

/* By name in the spec, made from a template, or for extended resources. */
static bool
names_resource_claim(const struct ask *q, const struct json *pod, const char *name)
{
  int minor = personality_minor(q->n->personality);
  const char *claim;

  for (json_each_item (entry, json_dig(pod, "spec", "resourceClaims", NULL))) {
    (void)pod_claim_find(q->a, minor, pod, *entry, &claim);
    if (claim && strcmp(claim, name) == 0)
      return true;
  }
  return is(json_dig(pod, "status", "extendedResourceClaimStatus", NULL), "resourceClaimName", name);
}

/* Does a pod of the node name it? Mirror pods give no rights: the node has made them itself. */
static bool
named_by_pod(const struct ask *q, const char *ns, const char *name, pod_names_fn *names)
{
  const struct json *const *pods;
  size_t n = q->s->ops->list(q->s, q->a, "pods", ns, &pods);

  for (size_t i = 0; i < n; i++)
    if (is(json_get(pods[i], "spec"), "nodeName", q->node) && !json_get(object_annotations(pods[i]), MIRROR) &&
        names(q, pods[i], name))
      return true;
  return false;
}

/* -- relations -- */

static bool
on_node(const struct ask *q)
{
  const struct json *o = q->s->ops->get(q->s, q->a, q->req->resource, q->req->ns, q->req->name);

  return is(json_get(o, "spec"), "nodeName", q->node) || is(o, "nodeName", q->node); /* a slice of 1.30 */
}

static bool
is_volume_of_node(const struct ask *q, const struct json *pv)
{
  const struct json *ref = json_dig(pv, "spec", "claimRef", NULL);

  return ref &&
         named_by_pod(q, json_get_str_or(ref, "namespace", ""), json_get_str_or(ref, "name", ""), names_volume_claim);
}

static bool
volume_on_node(const struct ask *q)
{
  return is_volume_of_node(q, q->s->ops->get(q->s, q->a, "persistentvolumes", "", q->req->name));
}

/* A reference to a secret may say its namespace; else it is `ns`. */
static bool
refers_to(const struct json *ref, const char *ns, const char *wanted_ns, const char *name)
{
  const char *own = json_get_str_or(ref, "namespace", "");

  return is(ref, "name", name) && strcmp(*own ? own : ns, wanted_ns) == 0;
}

/* The secrets that a kubelet needs for a volume; those of controllers are not among them (VisitPVSecretNames). */
static bool
volume_has_secret(const struct json *pv, const char *ns, const char *name)
{
  static const char *const of_claim[] = { "cephfs", "flexVolume", "rbd", "scaleIO", "iscsi" },
                           *const of_reference[] = { "cinder", "storageos" },
                           *const csi[] = { "nodePublishSecretRef", "nodeStageSecretRef", "nodeExpandSecretRef" };
  const struct json *spec = json_get(pv, "spec"), *azure = json_get(spec, "azureFile");
  const char *claim_ns = json_get_str_or(json_get(spec, "claimRef"), "namespace", "");
  const char *azure_ns = json_get_str_or(azure, "secretNamespace", "");
  bool found = is(azure, "secretName", name) && strcmp(*azure_ns ? azure_ns : claim_ns, ns) == 0;

  for (size_t i = 0; i < ARRAY_SIZE(of_claim); i++)
    found = found || refers_to(json_dig(spec, of_claim[i], "secretRef", NULL), claim_ns, ns, name);
  for (size_t i = 0; i < ARRAY_SIZE(of_reference); i++)
    found = found || refers_to(json_dig(spec, of_reference[i], "secretRef", NULL), "", ns, name);
  for (size_t i = 0; i < ARRAY_SIZE(csi); i++)
    found = found || refers_to(json_dig(spec, "csi", csi[i], NULL), "", ns, name);
  return found;
}

static bool
secret_of_volume(const struct ask *q)
{
  const struct json *const *pvs;
  size_t n = q->s->ops->list(q->s, q->a, "persistentvolumes", "", &pvs);

  for (size_t i = 0; i < n; i++)
    if (volume_has_secret(pvs[i], q->req->ns, q->req->name) && is_volume_of_node(q, pvs[i]))
      return true;
  return false;
}

/* A gate that is on for ever and not known any more is on. */
static bool
feature(const struct ask *q, const char *gate)
{
  return personality_gate(q->n->personality, gate) || personality_gate_passed(q->n->personality, gate);
}

static bool
in_list(const char *word, const char *const *list)
{
  for (; *list; list++)
    if (strcmp(word, *list) == 0)
      return true;
  return false;
}
#define ONE_OF(word, ...) in_list((word), (const char *const[]){ __VA_ARGS__, NULL })

static enum authz_decision
no(const char **ret_reason, const char *reason)
{
  *ret_reason = reason;
  return AUTHZ_NO_OPINION;
}

static enum authz_decision
if_related(const struct ask *q, bool related, const char **ret_reason)
{
  if (!*q->req->name)
    return no(ret_reason, "No Object name found");
  if (related)
    return AUTHZ_ALLOW;
  return no(ret_reason, arena_printf(q->a, "no relationship found between node '%s' and this object", q->node));
}

static bool
selects_node(const struct ask *q)
{
  const struct field_selector *fields = &q->req->fields;

  for (size_t i = 0; i < fields->n; i++)
    if (fields->terms[i].equal && strcmp(fields->terms[i].path, "spec.nodeName") == 0 &&
        strcmp(fields->terms[i].value, q->node) == 0)
      return true;
  return false;
}

/* -- one function per resource -- */

static enum authz_decision
get_only(const struct ask *q, bool (*related)(const struct ask *), const char **ret_reason)
{
  if (strcmp(q->req->verb, "get") != 0)
    return no(ret_reason, "can only get individual resources of this type");
  if (*q->req->subresource)
    return no(ret_reason, "cannot get subresource");
  return if_related(q, related(q), ret_reason);
}

static enum authz_decision
read_named(const struct ask *q, pod_names_fn *names, bool (*otherwise)(const struct ask *q), const char **ret_reason)
{
  if (!ONE_OF(q->req->verb, "get", "list", "watch"))
    return no(ret_reason, "can only read resources of this type");
  if (*q->req->subresource)
    return no(ret_reason, "cannot read subresource");
  if (!*q->req->ns)
    return no(ret_reason, "can only read namespaced object of this type");
  return if_related(q, named_by_pod(q, q->req->ns, q->req->name, names) || (otherwise && otherwise(q)), ret_reason);
}

static enum authz_decision
secrets(const struct ask *q, const char **ret_reason)
{
  return read_named(q, names_secret, secret_of_volume, ret_reason);
}

static enum authz_decision
config_maps(const struct ask *q, const char **ret_reason)
{
  return read_named(q, names_config_map, NULL, ret_reason);
}

static bool
volume_claim_related(const struct ask *q)
{
  return named_by_pod(q, q->req->ns, q->req->name, names_volume_claim);
}

static bool
resource_claim_related(const struct ask *q)
{
  return named_by_pod(q, q->req->ns, q->req->name, names_resource_claim);
}

static enum authz_decision
volume_claims(const struct ask *q, const char **ret_reason)
{
  if (strcmp(q->req->subresource, "status") != 0)
    return get_only(q, volume_claim_related, ret_reason);
  if (!ONE_OF(q->req->verb, "update", "patch"))
    return no(ret_reason, "can only get/update/patch this type");
  return if_related(q, volume_claim_related(q), ret_reason);
}

static enum authz_decision
volumes(const struct ask *q, const char **ret_reason)
{
  return get_only(q, volume_on_node, ret_reason);
}

static enum authz_decision
resource_claims(const struct ask *q, const char **ret_reason)
{
  return get_only(q, resource_claim_related, ret_reason);
}

static enum authz_decision
attachments(const struct ask *q, const char **ret_reason)
{
  return get_only(q, on_node, ret_reason);
}

static enum authz_decision
accounts(const struct ask *q, const char **ret_reason)
{
  if (strcmp(q->req->verb, "get") == 0 && !*q->req->subresource) {
    if (!feature(q, "KubeletServiceAccountTokenForCredentialProviders") && !feature(q, "PodCertificateRequest"))
      return no(ret_reason, "not allowed to get service accounts");
    return read_named(q, names_account, NULL, ret_reason);
  }
  if (strcmp(q->req->verb, "create") != 0 || !*q->req->name)
    return no(ret_reason, "can only create tokens for individual service accounts");
  if (strcmp(q->req->subresource, "token") != 0)
    return no(ret_reason, "can only create token subresource of serviceaccount");
  return if_related(q, named_by_pod(q, q->req->ns, q->req->name, names_account), ret_reason);
}

static enum authz_decision
leases(const struct ask *q, const char **ret_reason)
{
  if (!ONE_OF(q->req->verb, "get", "create", "update", "patch", "delete"))
    return no(ret_reason, "can only get, create, update, patch, or delete a node lease");
  if (strcmp(q->req->ns, "kube-node-lease") != 0)
    return no(ret_reason, "can only access leases in the \"kube-node-lease\" system namespace");
  if (strcmp(q->req->verb, "create") != 0 && strcmp(q->req->name, q->node) != 0)
    return no(ret_reason, "can only access node lease with the same name as the requesting node");
  return AUTHZ_ALLOW;
}

static enum authz_decision
csi_nodes(const struct ask *q, const char **ret_reason)
{
  if (strcmp(q->req->subresource, "status") == 0) {
    if (!feature(q, "CSIVolumeHealth"))
      return no(ret_reason, "CSINode status access requires CSIVolumeHealth feature");
    if (!ONE_OF(q->req->verb, "get", "update", "patch"))
      return no(ret_reason, "can only get, update, or patch CSINode status");
  } else if (*q->req->subresource) {
    return no(ret_reason, "cannot authorize CSINode subresources");
  } else if (!ONE_OF(q->req->verb, "get", "create", "update", "patch", "delete")) {
    return no(ret_reason, "can only get, create, update, patch, or delete a CSINode");
  }
  if (strcmp(q->req->verb, "create") != 0 && strcmp(q->req->name, q->node) != 0)
    return no(ret_reason, "can only access CSINode with the same name as the requesting node");
  return AUTHZ_ALLOW;
}

static enum authz_decision
slices(const struct ask *q, const char **ret_reason)
{
  if (*q->req->subresource)
    return no(ret_reason, "cannot authorize ResourceSlice subresources");
  if (strcmp(q->req->verb, "create") == 0)
    return AUTHZ_ALLOW;
  if (ONE_OF(q->req->verb, "get", "update", "patch", "delete"))
    return if_related(q, on_node(q), ret_reason);
  if (!ONE_OF(q->req->verb, "watch", "list", "deletecollection"))
    return no(ret_reason, "only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, "
                          "patch, delete, deletecollection");
  if (!feature(q, BY_SELECTOR) || selects_node(q))
    return AUTHZ_ALLOW;
  return no(ret_reason, "can only list/watch/deletecollection resourceslices with nodeName field selector");
}

static enum authz_decision
nodes(const struct ask *q, const char **ret_reason)
{
  bool status = strcmp(q->req->subresource, "status") == 0;

  if (ONE_OF(q->req->verb, "update", "patch") && (status || !*q->req->subresource))
    return AUTHZ_ALLOW;
  if (*q->req->subresource)
    return no(ret_reason, "");
  if (strcmp(q->req->verb, "create") == 0)
    return AUTHZ_ALLOW;
  if (!ONE_OF(q->req->verb, "get", "list", "watch"))
    return no(ret_reason, "");
  if (strcmp(q->req->name, q->node) == 0)
    return AUTHZ_ALLOW;
  if (!*q->req->name)
    return no(ret_reason, arena_printf(q->a, "node '%s' cannot read all nodes, only its own Node object", q->node));
  return no(ret_reason,
            arena_printf(q->a, "node '%s' cannot read '%s', only its own Node object", q->node, q->req->name));
}

static enum authz_decision
pods(const struct ask *q, const char **ret_reason)
{
  const char *verb = q->req->verb, *sub = q->req->subresource;

  if (strcmp(sub, "status") == 0)
    return ONE_OF(verb, "update", "patch") ? AUTHZ_ALLOW : no(ret_reason, "");
  if (strcmp(sub, "eviction") == 0)
    return strcmp(verb, "create") == 0 ? AUTHZ_ALLOW : no(ret_reason, "");
  if (*sub)
    return no(ret_reason, "");
  if (ONE_OF(verb, "create", "delete"))
    return AUTHZ_ALLOW;
  if (strcmp(verb, "get") == 0)
    return get_only(q, on_node, ret_reason);
  if (!ONE_OF(verb, "list", "watch"))
    return no(ret_reason, "");
  if (selects_node(q))
    return AUTHZ_ALLOW;
  if (*q->req->name)
    return if_related(q, on_node(q), ret_reason);
  return no(ret_reason, "can only list/watch pods with spec.nodeName field selector");
}

static enum authz_decision
certificate_requests(const struct ask *q, const char **ret_reason)
{
  if (!feature(q, "PodCertificateRequest") || !feature(q, BY_SELECTOR))
    return no(ret_reason, "");
  if (*q->req->subresource)
    return no(ret_reason, "nodes may not access the status subresource of PodCertificateRequests");
  if (strcmp(q->req->verb, "create") == 0)
    return AUTHZ_ALLOW;
  if (strcmp(q->req->verb, "get") == 0)
    return if_related(q, on_node(q), ret_reason);
  if (!ONE_OF(q->req->verb, "list", "watch"))
    return no(ret_reason, arena_printf(q->a, "nodes may not %s podcertificaterequests", q->req->verb));
  if (selects_node(q))
    return AUTHZ_ALLOW;
  return no(ret_reason, "can only list/watch podcertificaterequests with nodeName field selector");
}

static const struct {
  const char *group, *resource;
  enum authz_decision (*decide)(const struct ask *q, const char **ret_reason);
  int since;        /* a minor; before, and */
  const char *gate; /* without it, the role's rules count */
} subdivided[] = {
  { "", "secrets", secrets, 0, NULL },
  { "", "configmaps", config_maps, 0, NULL },
  { "", "persistentvolumeclaims", volume_claims, 0, NULL },
  { "", "persistentvolumes", volumes, 0, NULL },
  { "resource.k8s.io", "resourceclaims", resource_claims, 28, NULL },
  { "storage.k8s.io", "volumeattachments", attachments, 0, NULL },
  { "", "serviceaccounts", accounts, 0, NULL },
  { "coordination.k8s.io", "leases", leases, 0, NULL },
  { "storage.k8s.io", "csinodes", csi_nodes, 0, NULL },
  { "resource.k8s.io", "resourceslices", slices, 30, NULL },
  { "", "nodes", nodes, 0, BY_SELECTOR },
  { "", "pods", pods, 0, BY_SELECTOR },
  { "certificates.k8s.io", "podcertificaterequests", certificate_requests, 0, NULL },
};

enum authz_decision
authz_node_decide(struct authz_node *n, struct auth_source *s, struct arena *a, const struct authz_request *req,
                  const char **ret_reason)
{
  struct ask q = { .n = n, .s = s, .a = a, .req = req, .node = authz_node_name(req->user) };

  *ret_reason = "";
  if (!q.node)
    return AUTHZ_NO_OPINION;
  if (!*q.node)
    return no(ret_reason, arena_printf(a, "unknown node for user \"%s\"", req->user->name));
  for (size_t i = 0; req->is_resource && i < ARRAY_SIZE(subdivided); i++)
    if (strcmp(subdivided[i].resource, req->resource) == 0 && strcmp(subdivided[i].group, req->group) == 0 &&
        personality_minor(n->personality) >= subdivided[i].since &&
        (!subdivided[i].gate || feature(&q, subdivided[i].gate)))
      return subdivided[i].decide(&q, ret_reason);
  for (json_each_item (rule, n->rules))
    if (rbac_rule_allows(*rule, req))
      return AUTHZ_ALLOW;
  return AUTHZ_NO_OPINION;
}
