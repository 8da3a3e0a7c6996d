/* device list|fail|heal|unplug|plug|set: the devices of a node, by editing the tree that its driver reads. */
#include <string.h>

#include "cli.h"
#include "cluster_nodes.h"
#include "device_verbs.h"
#include "kube_print.h"

struct device_options {
  const char *name, *node, *output, *effect, *reason, *profile;
};

static const char *const effects[] = { "NoSchedule", "NoExecute", "None", NULL };

#define NODE_ROW(type)                                                                                               \
  {                                                                                                                  \
    "node", 0, CLI_STRING, offsetof(type, node), "NODE", "the node (default: all for list, else the only one)", NULL \
  }

static const struct cli_option list_rows[] = {
  CLI_OPTION_NAME(struct device_options, name),
  NODE_ROW(struct device_options),
  CLI_OPTION_JSON(struct device_options, output),
  CLI_OPTIONS_END,
};
static const struct cli_option verb_rows[] = { CLI_OPTION_NAME(struct device_options, name),
                                               NODE_ROW(struct device_options), CLI_OPTIONS_END };
static const struct cli_option fail_rows[] = {
  CLI_OPTION_NAME(struct device_options, name),
  NODE_ROW(struct device_options),
  { "effect", 0, CLI_STRING, offsetof(struct device_options, effect), "EFFECT",
    "of the taint: NoSchedule (default), NoExecute (evicts pods) or None", effects },
  { "reason", 0, CLI_STRING, offsetof(struct device_options, reason), "WORD", "the taint's value, such as xid79",
    NULL },
  CLI_OPTIONS_END,
};
static const struct cli_option plug_rows[] = {
  CLI_OPTION_NAME(struct device_options, name),
  NODE_ROW(struct device_options),
  { "profile", 0, CLI_STRING, offsetof(struct device_options, profile), "PROFILE",
    "what to plug in (default: the node's first profile)", NULL },
  CLI_OPTIONS_END,
};

struct target {
  struct cluster_dir dir;
  struct cluster_config config;
};

static int
load(struct cli *cli, const struct device_options *o, struct target *t, struct kerr *reterr)
{
  int r = cluster_dir_of(cli->arena, cli_cluster_name(o->name), &t->dir, reterr);

  return r < 0 ? r : cluster_dir_load(cli->arena, &t->dir, &t->config, reterr);
}

static bool
has_node(const struct target *t, const char *node)
{
  for (size_t i = 0; i < t->config.n_nodes; i++)
    if (strcmp(t->config.nodes[i].name, node) == 0)
      return true;
  return false;
}

/* NODE DEVICE, or DEVICE with --node or where there is only one node. *ret_rest: the words behind them. */
static int
node_and_device(struct cli *cli, const struct device_options *o, const struct target *t, const char **ret_node,
                const char **ret_device, const char *const **ret_rest, size_t *ret_n, struct kerr *reterr)
{
  const char *const *args = (const char *const *)cli->args;
  size_t n = cli->n_args;

  *ret_node = o->node;
  if (!o->node && n > 0 && has_node(t, args[0])) {
    *ret_node = args[0];
    args++;
    n--;
  }
  if (!*ret_node && t->config.n_nodes == 1)
    *ret_node = t->config.nodes[0].name;
  if (!*ret_node)
    return kerr_set(reterr, KERR_USAGE, NULL, "which node? give it before the device, or with --node");
  if (!has_node(t, *ret_node))
    return kerr_set(reterr, KERR_NOT_FOUND, NULL, "cluster \"%s\" has no node \"%s\"", t->dir.name, *ret_node);
  *ret_device = n > 0 ? args[0] : NULL;
  *ret_rest = n > 0 ? args + 1 : args;
  *ret_n = n > 0 ? n - 1 : 0;
  return 0;
}

/* -- list -- */

/* What is wrong in the tree goes to stderr, so that the list stays a list. */
static void
add_rows(struct text_table *table, const char *node, const struct json *devices)
{
  for (json_each_item (p, devices)) {
    text_table_add(table, (const char *[]){ node, json_get_str_or(*p, "name", ""), json_get_str_or(*p, "driver", ""),
                                            json_get_str_or(*p, "health", ""), json_get_str_or(*p, "path", "") });
    for (json_each_item (q, json_get(*p, "problems")))
      fprintf(stderr, "WARNING: %s: %s: %s\n", node, json_get_str_or(*p, "name", ""),
              json_str(*q) ? json_str(*q) : json_get_str_or(*q, "text", ""));
  }
}

static int
list_run(struct cli *cli, void *options, struct kerr *reterr)
{
  const struct device_options *o = options;
  struct text_table *table = text_table_new(cli->arena, 5);
  struct json *all = json_new_array(cli->arena);
  _cleanup_strbuf_ struct strbuf out = STRBUF_INIT((size_t)64 << 20);
  struct target t;
  int r = load(cli, o, &t, reterr);

  if (r == 0 && o->node && !has_node(&t, o->node))
    r = kerr_set(reterr, KERR_NOT_FOUND, NULL, "cluster \"%s\" has no node \"%s\"", t.dir.name, o->node);
  text_table_add(table, (const char *[]){ "NODE", "DEVICE", "DRIVER", "HEALTH", "PATH" });
  for (size_t i = 0; r == 0 && i < t.config.n_nodes; i++) {
    const char *node = t.config.nodes[i].name;
    struct json *doc;

    if (o->node && strcmp(o->node, node) != 0)
      continue;
    r = device_list(cli->arena, cluster_node_dir(cli->arena, &t.dir, node), &doc, reterr);
    if (r < 0)
      return kerr_wrap(reterr, "node %s", node);
    add_rows(table, node, doc);
    for (size_t k = 0; k < json_count(doc); k++) {
      json_set_str(cli->arena, json_item(doc, k), "node", node);
      json_append(cli->arena, all, json_item(doc, k));
    }
  }
  if (r < 0)
    return r;
  if (o->output)
    json_write(&out, all, JSON_INDENT2);
  else
    text_table_print(table, &out);
  fwrite(out.p, 1, out.n, stdout);
  if (o->output)
    putchar('\n');
  return 0;
}

extern const struct cli_command cmd_device_list, cmd_device_fail, cmd_device_heal, cmd_device_unplug, cmd_device_plug,
    cmd_device_set;
const struct cli_command cmd_device_list = {
  .name = "device list",
  .summary = "List the devices of the nodes, as their trees have them",
  .options = list_rows,
  .options_size = sizeof(struct device_options),
  .run = list_run,
};

/* -- the verbs: each edits the tree; the driver sees it within a moment -- */

typedef int verb_fn(struct cli *cli, const struct device_options *o, const struct target *t, const char *node,
                    const char *device, const char *const *rest, size_t n, struct kerr *reterr);

static int
verb(struct cli *cli, const struct device_options *o, verb_fn *fn, bool needs_device, struct kerr *reterr)
{
  const char *node = NULL, *device = NULL, *const *rest = NULL;
  struct target t;
  size_t n = 0;
  int r = load(cli, o, &t, reterr);

  if (r == 0)
    r = node_and_device(cli, o, &t, &node, &device, &rest, &n, reterr);
  if (r == 0 && needs_device && !device)
    r = kerr_set(reterr, KERR_USAGE, NULL, "which device? see: dralab device list");
  return r < 0 ? r : fn(cli, o, &t, node, device, rest, n, reterr);
}

static int
do_fail(struct cli *cli, const struct device_options *o, const struct target *t, const char *node, const char *device,
        const char *const *rest, size_t n, struct kerr *reterr)
{
  int r = device_fail(cluster_node_dir(cli->arena, &t->dir, node), device, o->effect, o->reason, reterr);

  (void)rest;
  (void)n;
  if (r == 0)
    printf("%s on %s has failed\n", device, node);
  return r;
}

static int
do_heal(struct cli *cli, const struct device_options *o, const struct target *t, const char *node, const char *device,
        const char *const *rest, size_t n, struct kerr *reterr)
{
  int r = device_heal(cluster_node_dir(cli->arena, &t->dir, node), device, reterr);

  (void)o;
  (void)rest;
  (void)n;
  if (r == 0)
    printf("%s on %s is healthy\n", device, node);
  return r;
}

static int
do_unplug(struct cli *cli, const struct device_options *o, const struct target *t, const char *node, const char *device,
          const char *const *rest, size_t n, struct kerr *reterr)
{
  int r = device_unplug(cluster_node_dir(cli->arena, &t->dir, node), device, reterr);

  (void)o;
  (void)rest;
  (void)n;
  if (r == 0)
    printf("%s unplugged from %s\n", device, node);
  return r;
}

static int
do_plug(struct cli *cli, const struct device_options *o, const struct target *t, const char *node, const char *device,
        const char *const *rest, size_t n, struct kerr *reterr)
{
  const struct device_tree_node at = { .cluster = t->dir.name,
                                       .node = node,
                                       .dir = cluster_node_dir(cli->arena, &t->dir, node) };
  const char *name;
  int r = device_plug(cli->arena, &at, o->profile, device, &name, reterr);

  (void)rest;
  (void)n;
  if (r == 0)
    printf("%s plugged into %s\n", name, node);
  return r;
}

static int
do_set(struct cli *cli, const struct device_options *o, const struct target *t, const char *node, const char *device,
       const char *const *rest, size_t n, struct kerr *reterr)
{
  (void)o;
  if (n == 0)
    return kerr_set(reterr, KERR_USAGE, NULL,
                    "set what? as in: dralab device set %s %s model=A100 capacity.memory=80Gi", node, device);
  for (size_t i = 0; i < n; i++) {
    int r = device_set(cluster_node_dir(cli->arena, &t->dir, node), device, rest[i], reterr);

    if (r < 0)
      return r;
    printf("%s on %s: %s\n", device, node, rest[i]);
  }
  return 0;
}

static int
fail_run(struct cli *cli, void *options, struct kerr *reterr)
{
  return verb(cli, options, do_fail, true, reterr);
}

static int
heal_run(struct cli *cli, void *options, struct kerr *reterr)
{
  return verb(cli, options, do_heal, true, reterr);
}

static int
unplug_run(struct cli *cli, void *options, struct kerr *reterr)
{
  return verb(cli, options, do_unplug, true, reterr);
}

static int
plug_run(struct cli *cli, void *options, struct kerr *reterr)
{
  return verb(cli, options, do_plug, false, reterr);
}

static int
set_run(struct cli *cli, void *options, struct kerr *reterr)
{
  return verb(cli, options, do_set, true, reterr);
}

#define VERB(var, word, what, text, rows, fn)                                     \
  const struct cli_command var = { .name = "device " word,                        \
                                   .args = what,                                  \
                                   .summary = text,                               \
                                   .options = rows,                               \
                                   .options_size = sizeof(struct device_options), \
                                   .run = fn }

VERB(cmd_device_fail, "fail", "[NODE] DEVICE", "Let a device fail: it is published with a taint", fail_rows, fail_run);
VERB(cmd_device_heal, "heal", "[NODE] DEVICE", "Make a failed device healthy again", verb_rows, heal_run);
VERB(cmd_device_unplug, "unplug", "[NODE] DEVICE", "Take a device out of its node", verb_rows, unplug_run);
VERB(cmd_device_plug, "plug", "[NODE] [DEVICE]", "Put a device back, or a new one in", plug_rows, plug_run);
VERB(cmd_device_set, "set", "[NODE] DEVICE NAME=VALUE...", "Change attributes or capacity of a device", verb_rows,
     set_run);
