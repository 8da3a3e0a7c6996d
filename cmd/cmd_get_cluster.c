/* get clusters, get kubeconfig, get token: what a cluster is and how to get in. */
#include <string.h>

#include "ceilings.h"
#include "cli.h"
#include "cluster_access.h"
#include "cluster_dir.h"
#include "gates.h"
#include "yaml.h"

struct get_options {
  const char *name, *output;
  bool internal;
};

static const struct cli_option clusters_rows[] = { CLI_OPTION_JSON(struct get_options, output), CLI_OPTIONS_END };
static const struct cli_option one_rows[] = { CLI_OPTION_NAME(struct get_options, name),
                                              CLI_OPTION_JSON(struct get_options, output), CLI_OPTIONS_END };

/* What there is to say of one cluster; a folder that cannot be read says so in `error`. */
static struct json *
cluster_object(struct cli *cli, const char *name)
{
  struct arena *a = cli->arena;
  _cleanup_(personality_unrefp) struct personality *p = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *o = json_new_object(a), *conf;
  struct cluster_config c;
  struct cluster_dir d;
  pid_t pid = 0;
  int r = cluster_dir_of(a, name, &d, &err);

  json_set_str(a, o, "name", name);
  if (r == 0) {
    pid = cluster_dir_pid(&d);
    r = cluster_dir_load(a, &d, &c, &err);
  }
  if (r == 0)
    r = personality_new(c.kubernetes_version, c.feature_gates, c.runtime_config, &p, &err);
  json_set_str(a, o, "status", r < 0 ? "Broken" : pid > 0 ? "Running" : "Stopped");
  json_set_int(a, o, "pid", pid);
  json_set_str(a, o, "dataDir", r == 0 ? d.path : "");
  if (r < 0) {
    json_set_str(a, o, "error", err.msg);
    return o;
  }
  json_set_str(a, o, "version", personality_version(p));
  json_set_int(a, o, "nodes", (int64_t)c.n_nodes);
  json_set_str(a, o, "store", c.store);
  if (cluster_access_conf(cli, &d, &conf, &err) == 0) {
    const struct json *cluster = json_get(json_at(json_get(conf, "clusters"), 0), "cluster");

    json_set_str(a, o, "server", json_get_str_or(cluster, "server", ""));
  } else {
    json_set_str(a, o, "server", "");
  }
  return o;
}

static int
clusters_run(struct cli *cli, void *options, struct kerr *reterr)
{
  const struct get_options *o = options;
  struct json *list = json_new_array(cli->arena);
  const char **names;
  size_t n;
  int r = cluster_dir_list(cli->arena, &names, &n, reterr);

  if (r < 0)
    return r;
  for (size_t i = 0; i < n; i++) {
    if (o->output)
      json_append(cli->arena, list, cluster_object(cli, names[i]));
    else
      puts(names[i]);
  }
  if (o->output)
    puts(json_text(cli->arena, list, JSON_INDENT2));
  else if (n == 0)
    cli_note(cli, "No dralab clusters found.");
  return 0;
}

extern const struct cli_command cmd_get_clusters, cmd_get_kubeconfig, cmd_get_token;
const struct cli_command cmd_get_clusters = {
  .name = "get clusters",
  .summary = "List the clusters of this machine",
  .options = clusters_rows,
  .options_size = sizeof(struct get_options),
  .run = clusters_run,
};

static int
kubeconfig_run(struct cli *cli, void *options, struct kerr *reterr)
{
  const struct get_options *o = options;
  _cleanup_strbuf_ struct strbuf text = { 0 };
  struct cluster_dir d;
  struct json *conf;
  int r = cluster_dir_of(cli->arena, cli_cluster_name(o->name), &d, reterr);

  if (r == 0 && !cluster_dir_exists(&d))
    r = kerr_set(reterr, KERR_NOT_FOUND, NULL, "could not locate any cluster with the name \"%s\"", d.name);
  if (r == 0)
    r = cluster_access_conf(cli, &d, &conf, reterr);
  if (r < 0)
    return r;
  strbuf_init(&text, CEIL_SMALL_FILE);
  if (o->output) {
    json_write(&text, conf, JSON_INDENT2);
    strbuf_putc(&text, '\n');
  } else {
    yaml_write(&text, conf);
  }
  fwrite(text.p, 1, text.n, stdout);
  return 0;
}

const struct cli_command cmd_get_kubeconfig = {
  .name = "get kubeconfig",
  .summary = "Print a cluster's kubeconfig",
  .options = one_rows,
  .options_size = sizeof(struct get_options),
  .run = kubeconfig_run,
};

/* The token stands in a file of the cluster's own, one line "TOKEN,USER,UID,GROUPS" as kube-apiserver's
 * --token-auth-file. */
static int
token_run(struct cli *cli, void *options, struct kerr *reterr)
{
  const struct get_options *o = options;
  _cleanup_strbuf_ struct strbuf text;
  struct cluster_dir d;
  struct span rest;
  int r = cluster_dir_find(cli->arena, cli_cluster_name(o->name), &d, reterr);

  strbuf_init(&text, CEIL_SMALL_FILE);
  if (r == 0)
    r = fs_read(cluster_dir_file(cli->arena, &d, "tokens.csv"), &text, reterr);
  if (r < 0)
    return r;
  if (o->output) {
    struct json *doc = json_new_object(cli->arena);
    struct span token = span_cut(strbuf_view(&text), ',', &rest);

    json_set(cli->arena, doc, "token", json_new_strn(cli->arena, token.p, token.n));
    puts(json_text(cli->arena, doc, JSON_INDENT2));
  } else {
    printf("%.*s\n", SPAN_FMT(span_cut(strbuf_view(&text), ',', &rest)));
  }
  return 0;
}

const struct cli_command cmd_get_token = {
  .name = "get token",
  .summary = "Print a bearer token of the cluster's administrator (system:masters)",
  .options = one_rows,
  .options_size = sizeof(struct get_options),
  .run = token_run,
};

/* -- export kubeconfig -- */

struct export_options {
  const char *name, *kubeconfig;
};

static const struct cli_option export_rows[] = {
  CLI_OPTION_NAME(struct export_options, name),
  { "kubeconfig", 0, CLI_STRING, offsetof(struct export_options, kubeconfig), "FILE",
    "where to write (default: $KUBECONFIG or ~/.kube/config)", NULL },
  CLI_OPTIONS_END,
};

static int
export_run(struct cli *cli, void *options, struct kerr *reterr)
{
  const struct export_options *o = options;
  struct cluster_dir d;
  int r = cluster_dir_of(cli->arena, cli_cluster_name(o->name), &d, reterr);

  if (r == 0 && !cluster_dir_exists(&d))
    r = kerr_set(reterr, KERR_NOT_FOUND, NULL, "could not locate any cluster with the name \"%s\"", d.name);
  if (r == 0)
    r = cluster_access_export(cli, &d, o->kubeconfig, reterr);
  if (r == 0)
    cli_note(cli, "Set kubectl context to \"dralab-%s\"", d.name);
  return r;
}

extern const struct cli_command cmd_export_kubeconfig;
const struct cli_command cmd_export_kubeconfig = {
  .name = "export kubeconfig",
  .summary = "Add a cluster's context to a kubeconfig and make it current",
  .options = export_rows,
  .options_size = sizeof(struct export_options),
  .run = export_run,
};
