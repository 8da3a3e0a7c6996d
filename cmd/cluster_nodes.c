/* The nodes of a running cluster: a device tree, its driver and an agent each. */
#include "cluster_nodes.h"

#include "cluster_run_internal.h"
#include "device_tree.h"
#include "fake_driver.h"
#include "kind.h"
#include "node_agent.h"
#include "profile.h"

struct cluster_node_run {
  const char *name;
  char *dir;
  struct kclient *agent_client, *driver_client;
  struct fake_driver *driver;
  struct node_agent *agent;
};

struct cluster_nodes {
  struct cluster_node_run *list;
  size_t n;
};

char *
cluster_node_dir(struct arena *a, const struct cluster_dir *d, const char *node)
{
  return arena_printf(a, "%s/nodes/%s", d->path, node);
}

/* A release may not have the API, or its gates leave it off: then the devices are there and nobody can ask for them. */
static bool
has_claims(const struct cluster_run *r)
{
  return kind_resource_preferred(r->personality, KC_RESOURCECLAIMS.group, KC_RESOURCECLAIMS.resource) != NULL;
}

/* A node that was there before keeps the tree it has: somebody may have edited it. */
static int
make_tree(struct cluster_run *r, struct cluster_node_run *n, const char *devices, struct kerr *reterr)
{
  const struct device_tree_node node = { .cluster = r->config.dir->name, .node = n->name, .dir = n->dir };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct profile_count *profiles;
  size_t n_profiles;
  int code = profile_spec_parse(r->a, devices, &profiles, &n_profiles, reterr);

  if (code == 0)
    code = fs_mkdirs(n->dir, 0755, reterr);
  if (code < 0)
    return code;
  if (device_tree_create(&node, profiles, n_profiles, &err) < 0 && err.code != KERR_ALREADY_EXISTS)
    return kerr_move(reterr, &err);
  for (size_t i = 0; i < n_profiles && code == 0 && has_claims(r); i++)
    code = fake_driver_create_classes(n->driver_client, profiles[i].profile, personality_minor(r->personality), reterr);
  return code;
}

static int
start_driver(struct cluster_run *r, struct cluster_node_run *n, const char *devices, struct kerr *reterr)
{
  char *user = arena_printf(r->a, "system:serviceaccount:dralab-system:driver-%s", n->name);
  int code;

  n->driver_client = cluster_run_client(r, user, "dralab-driver");
  code = make_tree(r, n, devices, reterr);
  if (code < 0 || !has_claims(r))
    return code;
  n->driver = fake_driver_new(&(struct fake_driver_config){ .client = n->driver_client,
                                                            .node = n->name,
                                                            .dir = n->dir,
                                                            .minor = personality_minor(r->personality),
                                                            .clock = r->config.clock,
                                                            .log = r->config.log });
  return fake_driver_start(n->driver, reterr);
}

/* Only the built-in driver so far; a driver that registers over its socket comes first when there is one. */
static struct dra_plugin *
find_plugin(void *arg, const char *driver)
{
  struct cluster_node_run *n = arg;

  return n->driver ? fake_driver_plugin(n->driver, driver) : NULL;
}

static int
start_agent(struct cluster_run *r, struct cluster_node_run *n, const struct cluster_node *c, int index,
            struct kerr *reterr)
{
  const char *home;
  int code = cluster_home(r->a, &home, reterr);

  if (code < 0)
    return code;
  n->agent_client = cluster_run_client(r, arena_printf(r->a, "system:node:%s", n->name), "kubelet");
  n->agent = node_agent_new(&(struct node_agent_config){ .client = n->agent_client,
                                                         .node = n->name,
                                                         .index = index,
                                                         .dir = n->dir,
                                                         .images_dir = arena_printf(r->a, "%s/images", home),
                                                         .personality = r->personality,
                                                         .server = r->server,
                                                         .ca_pem = arena_span(r->a, pki_ca(r->pki)).p,
                                                         .plugins = { .find = find_plugin, .arg = n },
                                                         .labels = c->labels,
                                                         .clock = r->config.clock,
                                                         .log = r->config.log });
  return node_agent_start(n->agent, reterr);
}

static int
start_node(struct cluster_run *r, struct cluster_node_run *n, const struct cluster_node *c, int index,
           struct kerr *reterr)
{
  const struct cluster_config *config = r->config.cluster;
  int code = 0;

  n->name = c->name;
  n->dir = cluster_node_dir(r->a, r->config.dir, c->name);
  if (!config->no_driver)
    code = start_driver(r, n, c->devices ? c->devices : config->devices, reterr);
  if (code == 0 && !config->no_node_agent)
    code = start_agent(r, n, c, index, reterr);
  return code < 0 ? kerr_wrap(reterr, "node %s", c->name) : 0;
}

int
cluster_nodes_start(struct cluster_run *r, struct kerr *reterr)
{
  const struct cluster_config *config = r->config.cluster;

  r->nodes = mem_alloc(sizeof *r->nodes);
  r->nodes->list = mem_calloc(config->n_nodes, sizeof *r->nodes->list);
  for (; r->nodes->n < config->n_nodes; r->nodes->n++)
    if (start_node(r, &r->nodes->list[r->nodes->n], &config->nodes[r->nodes->n], (int)r->nodes->n, reterr) < 0) {
      r->nodes->n++; /* what there is of it has to go too */
      cluster_nodes_stop(r);
      return -(int)reterr->code;
    }
  return 0;
}

void
cluster_nodes_stop(struct cluster_run *r)
{
  for (size_t i = 0; i < r->nodes->n; i++) {
    struct cluster_node_run *n = &r->nodes->list[i];

    if (n->agent)
      node_agent_stop(n->agent);
    node_agent_free(n->agent);
    if (n->driver)
      fake_driver_stop(n->driver);
    fake_driver_free(n->driver);
    kclient_free(n->agent_client);
    kclient_free(n->driver_client);
  }
  free(r->nodes->list);
  free(r->nodes);
  r->nodes = NULL;
}
