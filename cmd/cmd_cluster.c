/* create, delete, start and stop cluster: the life of a cluster as its user sees it. */
#include <string.h>
#include <unistd.h>

#include "ceilings.h"
#include "cli.h"
#include "cluster_access.h"
#include "cluster_dir.h"
#include "cluster_era.h"
#include "cluster_life.h"
#include "cluster_options.h"
#include "daemon.h"
#include "gates.h"

static int
wait_for_nodes(struct cli *cli, const struct cluster_dir *d, int64_t timeout, struct kerr *reterr)
{
  struct cli_step *step = cli_step_begin(cli, "Waiting for nodes to be Ready");
  int r = cluster_access_wait_nodes(cli, d, timeout, reterr);

  cli_step_end(step, r == 0);
  return r;
}

/* Where the release keeps Dynamic Resource Allocation off, how to have it. */
static const char *
flag_for_claims(const struct cluster_config *c)
{
  _cleanup_(personality_unrefp) struct personality *p = NULL;
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;

  if (personality_new(c->kubernetes_version, c->feature_gates, c->runtime_config, &p, &ignored) < 0 ||
      personality_gate(p, "DynamicResourceAllocation"))
    return NULL;
  return cluster_era_hint(personality_minor(p));
}

static void
next_commands(struct cli *cli, const char *name, const struct cluster_config *c)
{
  const char *flag = flag_for_claims(c);

  cli_note(cli, "Set kubectl context to \"dralab-%s\"", name);
  if (flag)
    cli_note(
        cli,
        "Dynamic Resource Allocation is off in this release unless it is asked for: dralab config gates --name %s %s",
        name, flag);
  cli_note(cli, "You can now use your cluster with:\n\nkubectl get %s --context dralab-%s\n",
           flag ? "nodes" : "resourceslices", name);
}

static int
create_new(struct cli *cli, const struct cluster_dir *d, struct cluster_config *c, const struct cluster_options *o,
           struct kerr *reterr)
{
  struct cli_step *step;
  int r;

  cli_note(cli, "Creating cluster \"%s\" ...", d->name);
  for (size_t i = 0; i < c->n_ignored; i++)
    cli_note(cli, "WARNING: ignoring %s", c->ignored[i]);
  step = cli_step_begin(cli, "Preparing nodes");
  r = cluster_dir_make(cli->arena, d, o->data_dir, reterr);
  if (r == 0)
    r = cluster_dir_save(cli->arena, d, c, reterr);
  cli_step_end(step, r == 0);
  if (r == 0)
    r = cluster_bring_up(cli, d, o->kubeconfig, reterr);
  if (r < 0 && !o->retain && reterr->code != KERR_ALREADY_EXISTS)
    cluster_take_back(cli, d);
  return r;
}

/* A cluster keeps its release: another one does not read the versions of resource.k8s.io that are in its store. */
static int
check_release(struct cli *cli, const struct cluster_dir *d, const char *wanted, struct kerr *reterr)
{
  _cleanup_(personality_unrefp) struct personality *has = NULL, *asked = NULL;
  struct cluster_config c;

  if (!wanted)
    return 0;
  if (cluster_dir_load(cli->arena, d, &c, reterr) < 0 ||
      personality_new(c.kubernetes_version, NULL, NULL, &has, reterr) < 0 ||
      personality_new(wanted, NULL, NULL, &asked, reterr) < 0)
    return -(int)reterr->code;
  if (personality_minor(has) == personality_minor(asked))
    return 0;
  return kerr_set(reterr, KERR_CONFLICT, NULL,
                  "the cluster \"%s\" is one of Kubernetes %s and stays so: %s does not read what it has stored. "
                  "Start it without --kubernetes-version, delete it first, or give the new one another --name",
                  d->name, personality_version(has), personality_version(asked));
}

static int
start_again(struct cli *cli, const struct cluster_dir *d, const struct cluster_options *o, struct kerr *reterr)
{
  int r = check_release(cli, d, o->kubernetes_version, reterr);

  if (r < 0)
    return r;
  cli_note(cli, "Cluster \"%s\" exists: starting it as it was ...", d->name);
  return cluster_bring_up(cli, d, o->kubeconfig, reterr);
}

static int
create_run(struct cli *cli, void *options, struct kerr *reterr)
{
  struct cluster_options *o = options;
  struct cluster_config c;
  struct cluster_dir d;
  bool again;
  int r;

  r = cluster_options_config(cli, o, &c, reterr);
  if (r == 0)
    r = cluster_dir_of(cli->arena, c.name, &d, reterr);
  if (r < 0)
    return kerr_wrap(reterr, "failed to create cluster");
  again = cluster_dir_exists(&d);
  if (again && cluster_dir_pid(&d) > 0)
    r = kerr_set(reterr, KERR_ALREADY_EXISTS, NULL, "a cluster with the name \"%s\" exists already and is running",
                 d.name);
  else if (again)
    r = start_again(cli, &d, o, reterr);
  else
    r = create_new(cli, &d, &c, o, reterr);
  if (r == 0 && o->wait > 0)
    r = wait_for_nodes(cli, &d, o->wait, reterr);
  if (r < 0)
    return kerr_wrap(reterr, "failed to create cluster");
  next_commands(cli, d.name, &c);
  return 0;
}

extern const struct cli_command cmd_create_cluster;
const struct cli_command cmd_create_cluster = {
  .name = "create cluster",
  .summary = "Create a cluster, or bring back one that is not running",
  .help = "Makes the cluster's folder, starts its process, and adds the context dralab-NAME to your kubeconfig.\n"
          "A cluster of that name that has stopped or crashed is started again with everything it had.",
  .options = cluster_option_rows,
  .options_size = sizeof(struct cluster_options),
  .run = create_run,
};

/* -- delete -- */

struct delete_options {
  const char *name, *kubeconfig;
  bool all;
};

static const struct cli_option delete_rows[] = {
  CLI_OPTION_NAME(struct delete_options, name),
  { "kubeconfig", 0, CLI_STRING, offsetof(struct delete_options, kubeconfig), "FILE", "where access was written",
    NULL },
  CLI_OPTIONS_END,
};

static const struct cli_option delete_many_rows[] = {
  { "all", 'A', CLI_BOOL, offsetof(struct delete_options, all), NULL, "all clusters", NULL },
  { "kubeconfig", 0, CLI_STRING, offsetof(struct delete_options, kubeconfig), "FILE", "where access was written",
    NULL },
  CLI_OPTIONS_END,
};

static int
delete_one(struct cli *cli, const char *name, const char *kubeconfig, struct kerr *reterr)
{
  struct cluster_dir d;
  int r = cluster_dir_of(cli->arena, name, &d, reterr);

  cli_note(cli, "Deleting cluster \"%s\" ...", name);
  if (r == 0)
    r = daemon_stop(&d, cli->clock, reterr);
  if (r == 0)
    r = cluster_access_forget(cli, name, kubeconfig, reterr);
  if (r == 0)
    r = cluster_dir_remove(cli->arena, &d, reterr);
  return r < 0 ? kerr_wrap(reterr, "failed to delete cluster \"%s\"", name) : 0;
}

static int
delete_run(struct cli *cli, void *options, struct kerr *reterr)
{
  const struct delete_options *o = options;

  return delete_one(cli, cli_cluster_name(o->name), o->kubeconfig, reterr);
}

static int
delete_many_run(struct cli *cli, void *options, struct kerr *reterr)
{
  const struct delete_options *o = options;
  const char **names = cli->args;
  size_t n = cli->n_args;
  int r = 0;

  if (!o->all && n == 0)
    return kerr_set(reterr, KERR_USAGE, NULL, "no cluster names provided");
  if (o->all)
    r = cluster_dir_list(cli->arena, &names, &n, reterr);
  for (size_t i = 0; i < n && r == 0; i++)
    r = delete_one(cli, names[i], o->kubeconfig, reterr);
  return r;
}

extern const struct cli_command cmd_delete_cluster, cmd_delete_clusters;
const struct cli_command cmd_delete_cluster = {
  .name = "delete cluster",
  .summary = "Stop a cluster and remove all it has; one that does not exist is fine",
  .options = delete_rows,
  .options_size = sizeof(struct delete_options),
  .run = delete_run,
};
const struct cli_command cmd_delete_clusters = {
  .name = "delete clusters",
  .args = "[NAME...]",
  .summary = "Delete several clusters",
  .options = delete_many_rows,
  .options_size = sizeof(struct delete_options),
  .run = delete_many_run,
};

/* -- start and stop -- */

static int
start_run(struct cli *cli, void *options, struct kerr *reterr)
{
  const struct cluster_options *o = options;
  struct cluster_dir d;
  int r = cluster_dir_find(cli->arena, cli_cluster_name(o->name), &d, reterr);

  if (r < 0)
    return r;
  if (cluster_dir_pid(&d) > 0) {
    cli_note(cli, "Cluster \"%s\" is running already", d.name);
    return 0;
  }
  cli_note(cli, "Starting cluster \"%s\" ...", d.name);
  r = cluster_bring_up(cli, &d, o->kubeconfig, reterr);
  if (r == 0 && o->wait > 0)
    r = wait_for_nodes(cli, &d, o->wait, reterr);
  return r < 0 ? kerr_wrap(reterr, "failed to start cluster \"%s\"", d.name) : 0;
}

static int
stop_run(struct cli *cli, void *options, struct kerr *reterr)
{
  const struct cluster_options *o = options;
  struct cluster_dir d;
  int r = cluster_dir_find(cli->arena, cli_cluster_name(o->name), &d, reterr);

  if (r < 0)
    return r;
  cli_note(cli, "Stopping cluster \"%s\" ...", d.name);
  return daemon_stop(&d, cli->clock, reterr);
}

static const struct cli_option start_rows[] = {
  CLI_OPTION_NAME(struct cluster_options, name),
  { "wait", 0, CLI_DURATION, offsetof(struct cluster_options, wait), "DURATION",
    "wait until all nodes are Ready, at most this long", NULL },
  { "kubeconfig", 0, CLI_STRING, offsetof(struct cluster_options, kubeconfig), "FILE", "where to write access", NULL },
  CLI_OPTIONS_END,
};

static const struct cli_option stop_rows[] = { CLI_OPTION_NAME(struct cluster_options, name), CLI_OPTIONS_END };

extern const struct cli_command cmd_start_cluster, cmd_stop_cluster;
const struct cli_command cmd_start_cluster = {
  .name = "start cluster",
  .summary = "Start a cluster that was stopped or has crashed",
  .options = start_rows,
  .options_size = sizeof(struct cluster_options),
  .run = start_run,
};
const struct cli_command cmd_stop_cluster = {
  .name = "stop cluster",
  .summary = "Stop a cluster's process; everything stays",
  .options = stop_rows,
  .options_size = sizeof(struct cluster_options),
  .run = stop_run,
};
