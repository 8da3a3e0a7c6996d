/* config gates: other feature gates and API versions for a cluster that exists, as a restart with other flags does it.
 */
#include <string.h>

#include "cli.h"
#include "cluster_dir.h"
#include "cluster_era.h"
#include "daemon.h"
#include "gates.h"

struct config_options {
  const char *name, *dra, *runtime_config;
};

static const struct cli_option gates_rows[] = {
  CLI_OPTION_NAME(struct config_options, name),
  { "dra", 0, CLI_STRING, offsetof(struct config_options, dra), "MODE",
    "the gates and versions for: structured, classic, both, off", cluster_era_modes },
  { "runtime-config", 0, CLI_STRING, offsetof(struct config_options, runtime_config), "G/V=BOOL,...",
    "API versions to serve or not, beside those set before", NULL },
  CLI_OPTIONS_END,
};

/* Does "A=true" speak of the switch `key`, which ends where '=' or a '-' at the end is? */
static size_t
key_length(struct span item)
{
  for (size_t i = 0; i < item.n; i++)
    if (item.p[i] == '=')
      return i;
  return span_ends(item, SPAN("-")) ? item.n - 1 : item.n;
}

static bool
same_key(struct span x, struct span y)
{
  return span_eq(span_make(x.p, key_length(x)), span_make(y.p, key_length(y)));
}

/* One more switch in a list "A=true,B=false": the same one as before is replaced, "A-" takes it out. */
static const char *
switch_put(struct arena *a, const char *list, struct span item)
{
  const char *out = "";

  for (struct span rest = span_of(list ? list : ""); rest.p;) {
    struct span old = span_cut(rest, ',', &rest);

    if (old.n && !same_key(old, item))
      out = arena_printf(a, "%s%s%.*s", out, *out ? "," : "", (int)old.n, old.p);
  }
  if (span_ends(item, SPAN("-")))
    return out;
  return arena_printf(a, "%s%s%.*s", out, *out ? "," : "", (int)item.n, item.p);
}

static const char *
switches_put(struct arena *a, const char *list, const char *more)
{
  for (struct span rest = span_of(more ? more : ""); rest.p;) {
    struct span item = span_trim(span_cut(rest, ',', &rest));

    if (item.n)
      list = switch_put(a, list, item);
  }
  return list;
}

/* What the user wants, over what the cluster has. */
static int
change(struct cli *cli, const struct config_options *o, struct cluster_config *c, struct kerr *reterr)
{
  _cleanup_(personality_unrefp) struct personality *p = NULL;
  struct cluster_config fresh = { .kubernetes_version = c->kubernetes_version };
  int r = o->dra ? cluster_era_apply(cli->arena, &fresh, o->dra, reterr) : 0;

  if (r < 0)
    return r;
  c->feature_gates = switches_put(cli->arena, c->feature_gates, fresh.feature_gates);
  c->runtime_config = switches_put(cli->arena, c->runtime_config, fresh.runtime_config);
  for (size_t i = 0; i < cli->n_args; i++)
    c->feature_gates = switches_put(cli->arena, c->feature_gates, cli->args[i]);
  c->runtime_config = switches_put(cli->arena, c->runtime_config, o->runtime_config);
  return personality_new(c->kubernetes_version, c->feature_gates, c->runtime_config, &p, reterr);
}

static int
restart(struct cli *cli, const struct cluster_dir *d, struct kerr *reterr)
{
  struct cli_step *step = cli_step_begin(cli, "Restarting the control plane");
  const char *server;
  int r = daemon_stop(d, cli->clock, reterr);

  if (r == 0)
    r = daemon_start(cli->arena, d, cli->clock, &server, reterr);
  cli_step_end(step, r == 0);
  return r;
}

static void
show(const struct cluster_config *c)
{
  printf("feature-gates: %s\nruntime-config: %s\n", c->feature_gates ? c->feature_gates : "",
         c->runtime_config ? c->runtime_config : "");
}

static int
gates_run(struct cli *cli, void *options, struct kerr *reterr)
{
  const struct config_options *o = options;
  struct cluster_config c;
  struct cluster_dir d;
  int r = cluster_dir_of(cli->arena, cli_cluster_name(o->name), &d, reterr);

  if (r == 0)
    r = cluster_dir_load(cli->arena, &d, &c, reterr);
  if (r < 0)
    return r;
  if (!cli->n_args && !o->dra && !o->runtime_config) {
    show(&c);
    return 0;
  }
  r = change(cli, o, &c, reterr);
  if (r == 0)
    r = cluster_dir_save(cli->arena, &d, &c, reterr);
  if (r == 0 && cluster_dir_pid(&d) > 0)
    r = restart(cli, &d, reterr);
  else if (r == 0)
    cli_note(cli, "Cluster \"%s\" is not running; the change counts from its next start", d.name);
  return r;
}

extern const struct cli_command cmd_config_gates;
const struct cli_command cmd_config_gates = {
  .name = "config gates",
  .args = "[KEY=VALUE|KEY-]...",
  .summary = "Change the feature gates of an existing cluster; without arguments, show them",
  .help = "A running cluster is restarted, with the objects it has: what upstream does when its components come back\n"
          "with other flags. KEY- forgets a gate that was set before.\n",
  .options = gates_rows,
  .options_size = sizeof(struct config_options),
  .run = gates_run,
};
