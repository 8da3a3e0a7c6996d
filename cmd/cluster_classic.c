#include "cluster_classic.h"

#include "classic_driver.h"
#include "cluster_nodes.h"
#include "kclient_dra.h"
#include "kind.h"

#define GATED_SINCE \
  31 /* DRAControlPlaneController; before that the classic mode was the only one, or a class's choice */

char *
cluster_classic_faults(struct arena *a, const struct cluster_dir *d)
{
  return cluster_dir_file(a, d, "driver-faults");
}

/* Do drivers allocate in this cluster? */
static bool
has_classic_mode(const struct cluster_run *r)
{
  const struct kclient_resource *k = kclient_dra_of(personality_minor(r->personality))->scheduling;

  return k && personality_gate(r->personality, "DynamicResourceAllocation") &&
         kind_resource_preferred(r->personality, k->group, k->resource) &&
         (personality_minor(r->personality) < GATED_SINCE ||
          personality_gate(r->personality, "DRAControlPlaneController"));
}

int
cluster_classic_start(struct cluster_run *r, struct kerr *reterr)
{
  const struct cluster_config *c = r->config.cluster;
  struct classic_node *nodes;

  (void)reterr;
  if (c->no_driver || !c->n_nodes || !has_classic_mode(r))
    return 0;
  nodes = arena_array_of(r->a, struct classic_node, c->n_nodes);
  for (size_t i = 0; i < c->n_nodes; i++)
    nodes[i] = (struct classic_node){ .name = c->nodes[i].name,
                                      .dir = cluster_node_dir(r->a, r->config.dir, c->nodes[i].name) };
  r->classic_client =
      cluster_run_client(r, "system:serviceaccount:dralab-system:driver-controller", "dralab-driver-controller");
  r->classic =
      classic_driver_start(&(struct classic_driver_config){ .client = r->classic_client,
                                                            .minor = personality_minor(r->personality),
                                                            .nodes = nodes,
                                                            .n_nodes = c->n_nodes,
                                                            .faults = cluster_classic_faults(r->a, r->config.dir),
                                                            .clock = r->config.clock,
                                                            .log = r->config.log });
  return 0;
}

void
cluster_classic_stop(struct cluster_run *r)
{
  classic_driver_stop(r->classic);
  kclient_free(r->classic_client);
}
