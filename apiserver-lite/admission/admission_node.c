/* NodeRestriction (plugin/pkg/admission/noderestriction): a node's agent touches what is the node's, nothing else. */
#include <string.h>

#include "admission.h"
#include "authz_node.h"
#include "object.h"

/* The node that asks; NULL: somebody else does. */
static const char *
asking_node(const struct rest_call *c)
{
  return c->user ? authz_node_name(c->user) : NULL;
}

static const char *
spec_node(const struct json *o)
{
  return json_get_str_or(json_get(o, "spec"), "nodeName", "");
}

static int
check_eviction(struct rest_call *c, const char *node, const struct json *o, struct kerr *reterr)
{
  const struct json *pod = admission_lookup(c, "", "v1", "pods", c->info.namespace_, c->info.name);

  if (!pod)
    return rest_not_found(c, c->info.name, reterr);
  if (strcmp(spec_node(pod), node) == 0)
    return 0;
  return admission_forbid(
      c, o, arena_printf(c->a, "node %s can only evict pods with spec.nodeName set to itself", node), reterr);
}

static int
check_pod(struct rest_call *c, const char *node, const struct json *o, const struct json *old, struct kerr *reterr)
{
  if (strcmp(c->info.subresource, "status") == 0) {
    if (strcmp(spec_node(old), node) != 0)
      return admission_forbid(
          c, o,
          arena_printf(c->a, "node \"%s\" can only update pod status for pods with spec.nodeName set to itself", node),
          reterr);
    if (!json_equal(object_labels(o) ? object_labels(o) : json_new_object(c->a),
                    object_labels(old) ? object_labels(old) : json_new_object(c->a)))
      return admission_forbid(c, o, arena_printf(c->a, "node \"%s\" cannot update labels through pod status", node),
                              reterr);
    const struct json *now = json_dig(o, "status", "resourceClaimStatuses", NULL);
    const struct json *before = json_dig(old, "status", "resourceClaimStatuses", NULL);

    if (!json_equal(now, before))
      return admission_forbid(c, o, arena_printf(c->a, "node \"%s\" cannot update resource claim statues", node),
                              reterr);
    return 0;
  }
  if (strcmp(c->info.subresource, "eviction") == 0)
    return check_eviction(c, node, o, reterr);
  if (*c->info.subresource)
    return admission_forbid(c, o,
                            arena_printf(c->a,
                                         "unexpected pod subresource \"%s\", only 'status' and 'eviction' are allowed",
                                         c->info.subresource),
                            reterr);
  if (old)
    return admission_forbid(
        c, o,
        arena_printf(c->a, "unexpected operation \"UPDATE\", node \"%s\" can only create and delete mirror pods", node),
        reterr);
  if (!json_get(object_annotations(o), "kubernetes.io/config.mirror"))
    return admission_forbid(
        c, o,
        arena_printf(
            c->a,
            "pod does not have \"kubernetes.io/config.mirror\" annotation, node \"%s\" can only create mirror pods",
            node),
        reterr);
  if (strcmp(spec_node(o), node) != 0)
    return admission_forbid(
        c, o, arena_printf(c->a, "node \"%s\" can only create pods with spec.nodeName set to itself", node), reterr);
  return 0;
}

static int
check_node(struct rest_call *c, const char *node, const struct json *o, const struct json *old, struct kerr *reterr)
{
  const struct json *now = json_dig(o, "spec", "taints", NULL), *before = json_dig(old, "spec", "taints", NULL);

  if (strcmp(admission_name(c, o), node) != 0)
    return admission_forbid(
        c, o, arena_printf(c->a, "node \"%s\" is not allowed to modify node \"%s\"", node, admission_name(c, o)),
        reterr);
  if (old && !*c->info.subresource && !json_equal(now, before))
    return admission_forbid(c, o, arena_printf(c->a, "node \"%s\" is not allowed to modify taints", node), reterr);
  return 0;
}

static int
check_lease(struct rest_call *c, const char *node, const struct json *o, struct kerr *reterr)
{
  if (strcmp(c->info.namespace_, "kube-node-lease") != 0)
    return admission_forbid(c, o, "can only access leases in the \"kube-node-lease\" system namespace", reterr);
  if (strcmp(admission_name(c, o), node) != 0)
    return admission_forbid(c, o, "can only access node lease with the same name as the requesting node", reterr);
  return 0;
}

static int
mutate(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  const char *node = asking_node(c), *resource = c->info.resource;

  if (!node)
    return 0;
  if (strcmp(resource, "pods") == 0)
    return check_pod(c, node, o, old, reterr);
  if (strcmp(resource, "nodes") == 0)
    return check_node(c, node, o, old, reterr);
  if (strcmp(resource, "leases") == 0)
    return check_lease(c, node, o, reterr);
  if (strcmp(resource, "resourceslices") == 0 && !old && strcmp(spec_node(o), node) != 0)
    return admission_forbid(c, o, "can only create ResourceSlice with the same NodeName as the requesting node",
                            reterr);
  return 0;
}

static int
remove_object(struct rest_call *c, const struct json *o, struct kerr *reterr)
{
  const char *node = asking_node(c), *resource = c->info.resource;

  if (!node)
    return 0;
  if (strcmp(resource, "resourceslices") == 0 && strcmp(spec_node(o), node) != 0)
    return admission_forbid(c, o, "can only delete ResourceSlice with the same NodeName as the requesting node",
                            reterr);
  if (strcmp(resource, "pods") == 0 && strcmp(spec_node(o), node) != 0)
    return admission_forbid(
        c, o, arena_printf(c->a, "node \"%s\" can only delete pods with spec.nodeName set to itself", node), reterr);
  return 0;
}

static const struct admission_target targets[] = { { "", "pods" },
                                                   { "", "nodes" },
                                                   { "coordination.k8s.io", "leases" },
                                                   { "resource.k8s.io", "resourceslices" },
                                                   { NULL, NULL } };

const struct admission_plugin admission_node_restriction = {
  .name = "NodeRestriction",
  .targets = targets,
  .mutate = mutate,
  .remove = remove_object,
};
