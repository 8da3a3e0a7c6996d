#include "cluster_options.h"

#include <stdlib.h>
#include <string.h>

#include "apiserver.h"
#include "cluster_era.h"
#include "gates.h"

const char *const cluster_option_stores[] = { "memory", "sqlite", "etcd", NULL };
static const char *const disables[] = { "scheduler", "controllers", "node-agent", "driver", NULL };
static const char *const syncs[] = { "full", "normal", NULL };

const struct cli_option cluster_option_rows[] = {
  CLI_OPTION_NAME(struct cluster_options, name),
  { "nodes", 0, CLI_STRING, offsetof(struct cluster_options, nodes), "K",
    "how many nodes (default 1; 0 for an API server alone)", NULL },
  { "devices", 0, CLI_STRING, offsetof(struct cluster_options, devices), "PROFILE[:COUNT]",
    "devices of each node (default gpu:4); a built-in profile or a file", NULL },
  { "kubernetes-version", 0, CLI_STRING, offsetof(struct cluster_options, kubernetes_version), "V",
    "the release to be (default 1.37)", NULL },
  { "store", 0, CLI_STRING, offsetof(struct cluster_options, store), "KIND",
    "where objects are kept: memory, sqlite (default), etcd (needs the program etcd)", cluster_option_stores },
  { "etcd-servers", 0, CLI_LIST, offsetof(struct cluster_options, etcd_servers), "URL,...",
    "use an etcd that is there, which other API servers may use too", NULL },
  { "etcd-cafile", 0, CLI_STRING, offsetof(struct cluster_options, etcd_ca), "FILE",
    "who has signed its certificates (default: the system's authorities)", NULL },
  { "etcd-certfile", 0, CLI_STRING, offsetof(struct cluster_options, etcd_cert), "FILE", "the certificate to show it",
    NULL },
  { "etcd-keyfile", 0, CLI_STRING, offsetof(struct cluster_options, etcd_key), "FILE", "the key of that certificate",
    NULL },
  { "store-sync", 0, CLI_STRING, offsetof(struct cluster_options, store_sync), "HOW",
    "full: survives a power cut (default); normal: survives a crash", syncs },
  { "config", 0, CLI_STRING, offsetof(struct cluster_options, config), "FILE",
    "a cluster configuration, or - for standard input; flags win over it", NULL },
  { "wait", 0, CLI_DURATION, offsetof(struct cluster_options, wait), "DURATION",
    "wait until all nodes are Ready, at most this long", NULL },
  { "kubeconfig", 0, CLI_STRING, offsetof(struct cluster_options, kubeconfig), "FILE",
    "where to write access (default: $KUBECONFIG or ~/.kube/config)", NULL },
  { "data-dir", 0, CLI_STRING, offsetof(struct cluster_options, data_dir), "DIR",
    "where the cluster lives (default: under $DRALAB_HOME)", NULL },
  { "feature-gates", 0, CLI_STRING, offsetof(struct cluster_options, gates), "K=V,...", "feature gates of that release",
    NULL },
  { "runtime-config", 0, CLI_STRING, offsetof(struct cluster_options, runtime_config), "G/V=BOOL,...",
    "API versions to serve or not", NULL },
  { "dra", 0, CLI_STRING, offsetof(struct cluster_options, dra), "MODE",
    "the gates and versions of that release for: structured, classic (drivers' controllers), both, off",
    cluster_era_modes },
  { "authorization-mode", 0, CLI_STRING, offsetof(struct cluster_options, authorization_mode), "MODES",
    "Node,RBAC (default) or AlwaysAllow", NULL },
  { "enable-admission-plugins", 0, CLI_STRING, offsetof(struct cluster_options, enable_admission), "NAMES",
    "admission plugins to have beside those of the default set", NULL },
  { "disable-admission-plugins", 0, CLI_STRING, offsetof(struct cluster_options, disable_admission), "NAMES",
    "admission plugins to do without (PodSecurity, LimitRanger, ...)", NULL },
  { "disable", 0, CLI_LIST, offsetof(struct cluster_options, disable), "PARTS",
    "do without: scheduler, controllers, node-agent, driver", disables },
  { "address", 0, CLI_STRING, offsetof(struct cluster_options, address), "IP",
    "what the API server listens on (default 127.0.0.1)", NULL },
  { "port", 0, CLI_INT, offsetof(struct cluster_options, port), "PORT",
    "the API server's port (default: one that is free)", NULL },
  { "ready-fd", 0, CLI_INT, offsetof(struct cluster_options, ready_fd), "FD",
    "serve: a descriptor to say `ready URL` on", NULL },
  { "retain", 0, CLI_BOOL, offsetof(struct cluster_options, retain), NULL,
    "keep the cluster's folder when creating fails", NULL },
  CLI_OPTIONS_END,
};

static void
override(const char **to, const char *given)
{
  if (given && *given)
    *to = given;
}

/* Files are found from wherever the daemon runs. */
static void
override_file(struct arena *a, const char **to, const char *given)
{
  char *full = given && *given ? realpath(given, NULL) : NULL;

  override(to, full ? arena_strdup(a, full) : given);
  free(full);
}

static int
etcd_options(struct cli *cli, const struct cluster_options *o, struct cluster_config *c, struct kerr *reterr)
{
  struct cluster_etcd *e = &c->etcd;

  for (size_t i = 0; i < o->etcd_servers.n; i++)
    e->endpoints = arena_printf(cli->arena, "%s%s%s", i ? e->endpoints : "", i ? "," : "", o->etcd_servers.items[i]);
  override_file(cli->arena, &e->ca_file, o->etcd_ca);
  override_file(cli->arena, &e->cert_file, o->etcd_cert);
  override_file(cli->arena, &e->key_file, o->etcd_key);
  if (!e->endpoints && (e->ca_file || e->cert_file || e->key_file))
    return kerr_set(reterr, KERR_USAGE, NULL,
                    "--etcd-cafile, --etcd-certfile and --etcd-keyfile go with --etcd-servers");
  if (!e->cert_file != !e->key_file)
    return kerr_set(reterr, KERR_USAGE, NULL, "--etcd-certfile and --etcd-keyfile go together");
  if (e->endpoints && o->store && strcmp(o->store, "etcd") != 0)
    return kerr_set(reterr, KERR_USAGE, NULL, "--etcd-servers and --store %s do not go together", o->store);
  if (e->endpoints)
    c->store = "etcd";
  return 0;
}

int
cluster_options_config(struct cli *cli, const struct cluster_options *o, struct cluster_config *c, struct kerr *reterr)
{
  _cleanup_(personality_unrefp) struct personality *p = NULL;
  int r = 0;

  cluster_config_default(cli->arena, c);
  c->name = cli_cluster_name(NULL);
  if (o->config)
    r = cluster_config_read(cli->arena, o->config, c, reterr);
  if (r < 0)
    return r;
  override(&c->name, o->name);
  override(&c->devices, o->devices);
  override(&c->kubernetes_version, o->kubernetes_version);
  override(&c->store, o->store);
  override(&c->store_sync, o->store_sync);
  override(&c->feature_gates, o->gates);
  override(&c->runtime_config, o->runtime_config);
  override(&c->address, o->address);
  override(&c->authorization_mode, o->authorization_mode);
  override(&c->enable_admission, o->enable_admission);
  override(&c->disable_admission, o->disable_admission);
  if (o->dra)
    r = cluster_era_apply(cli->arena, c, o->dra, reterr);
  if (o->port)
    c->port = o->port;
  if (r == 0 && o->nodes)
    r = cluster_config_set_nodes(cli->arena, c, o->nodes, reterr);
  if (r == 0)
    r = cluster_config_disable(c, o->disable.items, o->disable.n, reterr);
  if (r == 0)
    r = etcd_options(cli, o, c, reterr);
  if (r == 0)
    r = cluster_config_finish(cli->arena, c, reterr);
  if (r == 0) /* refuse a wrong gate now, not from a log file */
    r = personality_new(c->kubernetes_version, c->feature_gates, c->runtime_config, &p, reterr);
  if (r == 0)
    r = apiserver_check_admission(c->enable_admission, c->disable_admission, reterr);
  return r;
}
