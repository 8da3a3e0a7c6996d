/*
 * NodeDeclaredFeatureValidator (plugin/pkg/admission/nodedeclaredfeatures), as far as slices go: devices that stand for
 * node resources (KEP-5517) may only be published for nodes whose agents know what to do with them.
 */
#include <string.h>

#include "admission.h"
#include "object.h"

#define FEATURE "DRANodeAllocatableResources"

/* Where one device can be used: its own word when the slice leaves it to the devices. */
struct reach {
  const char *node;
  const struct json *selector;
  bool all;
};

static struct reach
reach_of(const struct json *spec, const struct json *device)
{
  const struct json *from = json_get_bool(spec, "perDeviceNodeSelection", false) ? device : spec;
  struct reach r = { .node = json_get_str_or(from, "nodeName", "") };

  if (!*r.node)
    r.selector = json_get(from, "nodeSelector");
  if (!*r.node && !r.selector)
    r.all = json_get_bool(from, "allNodes", false);
  return r;
}

static int
check_node(struct rest_call *c, const struct json *slice, const struct json *node, struct kerr *reterr)
{
  for (json_each_item (f, json_dig(node, "status", "declaredFeatures", NULL)))
    if (strcmp(json_str(*f), FEATURE) == 0)
      return 0;
  return admission_forbid(
      c, slice, arena_printf(c->a, "node \"%s\" does not support " FEATURE " feature", object_name(node)), reterr);
}

static int
check_nodes(struct rest_call *c, const struct json *slice, const struct reach *reach, struct kerr *reterr)
{
  struct store_list nodes;

  if (admission_list(c, "", "v1", "nodes", "", &nodes, reterr) < 0)
    return -(int)reterr->code;
  for (size_t i = 0; i < nodes.n; i++) {
    const struct json *node = record_tree(nodes.items[i]);
    bool matches = reach->all;

    if ((!matches && node_selector_matches(reach->selector, node, &matches, reterr) < 0) ||
        (matches && check_node(c, slice, node, reterr) < 0))
      return -(int)reterr->code;
  }
  return 0;
}

static int
check_device(struct rest_call *c, const struct json *slice, const struct json *device, struct kerr *reterr)
{
  struct reach reach = reach_of(json_get(slice, "spec"), device);
  const char *name = json_get_str_or(device, "name", "");
  const struct json *node;

  if (!json_count(json_get(device, "nodeAllocatableResources")))
    return 0;
  if (!*reach.node && !reach.selector && !reach.all)
    return admission_forbid(
        c, slice,
        arena_printf(c->a, "device \"%s\" in ResourceSlice has NodeAllocatableResources but does not map to any nodes",
                     name),
        reterr);
  if (!*reach.node)
    return check_nodes(c, slice, &reach, reterr);
  node = admission_lookup(c, "", "v1", "nodes", "", reach.node);
  if (!node)
    return admission_forbid(c, slice, arena_printf(c->a, "node \"%s\" not found for device \"%s\"", reach.node, name),
                            reterr);
  return check_node(c, slice, node, reterr);
}

static int
validate(struct rest_call *c, const struct json *o, const struct json *old, struct kerr *reterr)
{
  (void)old;
  if (!personality_gate(c->personality, "NodeDeclaredFeatures") || !personality_gate(c->personality, FEATURE))
    return 0;
  for (json_each_item (device, json_dig(o, "spec", "devices", NULL)))
    if (check_device(c, o, *device, reterr) < 0)
      return -(int)reterr->code;
  return 0;
}

static const struct admission_target slices[] = { { "resource.k8s.io", "resourceslices" }, { NULL, NULL } };

const struct admission_plugin admission_node_features = {
  .name = "NodeDeclaredFeatureValidator",
  .targets = slices,
  .validate = validate,
};
