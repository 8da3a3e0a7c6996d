#include "cluster_access.h"

#include <string.h>

#include "ceilings.h"
#include "kubeconfig.h"
#include "yaml.h"

#define USER_AGENT "dralab"
#define POLL_NS    (50 * CLOCK_MS)

int
cluster_access_conf(struct cli *cli, const struct cluster_dir *d, struct json **ret, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf text;
  int r;

  strbuf_init(&text, CEIL_SMALL_FILE);
  r = fs_read(cluster_dir_file(cli->arena, d, "admin.conf"), &text, reterr);
  if (r == 0)
    r = yaml_parse(cli->arena, strbuf_view(&text), NULL, ret, reterr);
  return r;
}

int
cluster_access_export(struct cli *cli, const struct cluster_dir *d, const char *kubeconfig, struct kerr *reterr)
{
  struct json *conf;
  int r = cluster_access_conf(cli, d, &conf, reterr);

  if (r == 0)
    r = kubeconfig_merge(kubeconfig, conf, cli->clock, reterr);
  return r < 0 ? kerr_wrap(reterr, "cannot write access to kubeconfig") : 0;
}

int
cluster_access_forget(struct cli *cli, const char *name, const char *kubeconfig, struct kerr *reterr)
{
  return kubeconfig_remove(kubeconfig, arena_printf(cli->arena, "dralab-%s", name), cli->clock, reterr);
}

static int
client_of_cluster(struct cli *cli, const char *name, struct kubeconfig_access *ret, struct kerr *reterr)
{
  struct cluster_dir d;
  int r = cluster_dir_of(cli->arena, name, &d, reterr);

  if (r < 0)
    return r;
  if (!cluster_dir_exists(&d))
    return kerr_set(reterr, KERR_NOT_FOUND, NULL,
                    "no cluster with the name \"%s\"; create it with: dralab create cluster --name %s", name, name);
  if (cluster_dir_pid(&d) == 0)
    return kerr_set(reterr, KERR_UNAVAILABLE, NULL,
                    "cluster \"%s\" is not running; start it with: dralab start cluster --name %s", name, name);
  return kubeconfig_load(cli->arena, cluster_dir_file(cli->arena, &d, "admin.conf"), NULL, ret, reterr);
}

/* Where would kubectl go? When that is nowhere, a cluster of the default name will do. */
static int
find_access(struct cli *cli, const struct cluster_target *t, struct kubeconfig_access *ret, struct kerr *reterr)
{
  const char *env = getenv("DRALAB_CLUSTER_NAME");
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct cluster_dir d;
  int r;

  if (t->name)
    return client_of_cluster(cli, t->name, ret, reterr);
  if (t->kubeconfig || t->context)
    return kubeconfig_load(cli->arena, t->kubeconfig, t->context, ret, reterr);
  if (env && *env)
    return client_of_cluster(cli, env, ret, reterr);
  r = kubeconfig_load(cli->arena, NULL, NULL, ret, &err);
  if (r == 0)
    return 0;
  if (err.code == KERR_NOT_FOUND && cluster_dir_of(cli->arena, cli_cluster_name(NULL), &d, reterr) == 0 &&
      cluster_dir_exists(&d))
    return client_of_cluster(cli, d.name, ret, reterr);
  if (reterr->code != KERR_OK)
    return -(int)reterr->code;
  return kerr_move(reterr, &err);
}

int
cluster_access_client(struct cli *cli, const struct cluster_target *t, struct kclient **ret, const char **ret_namespace,
                      struct kerr *reterr)
{
  struct kubeconfig_access access;
  int r = find_access(cli, t, &access, reterr);

  if (r < 0)
    return r;
  access.remote.user_agent = USER_AGENT;
  r = kclient_new_remote(&access.remote, cli->clock, NULL, ret, reterr);
  if (r == 0 && ret_namespace)
    *ret_namespace = access.ns;
  return r;
}

static bool
is_ready(const struct json *node)
{
  const struct json *c = object_condition(node, "Ready");

  return c && strcmp(json_get_str_or(c, "status", ""), "True") == 0;
}

int
cluster_access_wait_nodes(struct cli *cli, const struct cluster_dir *d, int64_t timeout, struct kerr *reterr)
{
  int64_t deadline = clock_mono(cli->clock) + timeout;
  _cleanup_(kclient_freep) struct kclient *c = NULL;
  struct cluster_config config;
  int r = cluster_dir_load(cli->arena, d, &config, reterr);

  if (r == 0)
    r = cluster_access_client(cli, &(struct cluster_target){ .name = d->name }, &c, NULL, reterr);
  for (size_t i = 0; r == 0 && !config.no_node_agent && i < config.n_nodes;) {
    _cleanup_record_ struct record *node = NULL;
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    if (kclient_get(c, &KC_NODES, NULL, config.nodes[i].name, &node, &err) == 0 && is_ready(record_tree(node))) {
      i++;
      continue;
    }
    if (clock_mono(cli->clock) > deadline)
      return kerr_set(reterr, KERR_TIMEOUT, NULL, "timed out waiting for node %s to be Ready", config.nodes[i].name);
    clock_sleep(cli->clock, POLL_NS);
  }
  return r;
}
