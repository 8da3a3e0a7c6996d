/* PodTopologyLabels (KEP-4742; plugin/pkg/admission/podtopologylabels): a pod can read the zone and region of its node.
 */
#include <string.h>

#include "admission.h"
#include "object.h"

/* The pod's node, for a pod or the Binding of one; "" when it has none. */
static const char *
node_of(const struct rest_call *c, const struct json *o)
{
  const struct json *target = json_get(o, "target");

  if (!*c->info.subresource)
    return json_get_str_or(json_get(o, "spec"), "nodeName", "");
  if (strcmp(c->info.subresource, "binding") == 0 && strcmp(json_get_str_or(target, "kind", ""), "Node") == 0)
    return json_get_str_or(target, "name", "");
  return "";
}

static int
mutate(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  static const char *const copied[] = { "topology.kubernetes.io/zone", "topology.kubernetes.io/region" };
  const char *name = node_of(c, o);
  const struct json *node;

  (void)reterr;
  if (old || !*name || !personality_gate(c->personality, "PodTopologyLabelsAdmission"))
    return 0;
  node = admission_lookup(c, "", "v1", "nodes", "", name);
  for (size_t i = 0; i < ARRAY_SIZE(copied); i++) {
    const char *value = json_str(json_get(object_labels(node), copied[i]));
    struct json *meta;

    if (!value)
      continue;
    meta = json_set(c->a, o, "metadata", json_copy(c->a, json_get(o, "metadata")));
    json_set_str(c->a, json_ensure_object(c->a, meta, "labels"), copied[i], value);
    c->reshape = true;
  }
  return 0;
}

const struct admission_plugin admission_topology = {
  .name = "PodTopologyLabels",
  .targets = admission_pods,
  .mutate = mutate,
};
