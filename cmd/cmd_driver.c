/* driver fault|heal: how the built-in driver's controller misbehaves, by the file that it reads before each step. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ceilings.h"
#include "classic_faults.h"
#include "cli.h"
#include "cluster_classic.h"
#include "cluster_dir.h"
#include "fs.h"
#include "strbuf.h"

struct driver_options {
  const char *name;
};

static const struct cli_option rows[] = { CLI_OPTION_NAME(struct driver_options, name), CLI_OPTIONS_END };

static int
faults_file(struct cli *cli, const struct driver_options *o, char **ret, struct kerr *reterr)
{
  struct cluster_dir d;
  int r = cluster_dir_find(cli->arena, cli_cluster_name(o->name), &d, reterr);

  if (r == 0)
    *ret = cluster_classic_faults(cli->arena, &d);
  return r;
}

/* The words of the command line are one line of the file; checked before it is written. */
static int
fault_run(struct cli *cli, void *options, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf b;
  struct classic_faults faults;
  char *path = NULL;
  int r = faults_file(cli, options, &path, reterr);

  strbuf_init(&b, CEIL_MANIFEST);
  if (r == 0 && fs_exists(path))
    r = fs_read(path, &b, reterr);
  if (r < 0)
    return r;
  if (!cli->n_args) {
    fwrite(b.p ? b.p : "", 1, b.n, stdout);
    return 0;
  }
  for (size_t i = 0; i < cli->n_args; i++)
    strbuf_printf(&b, "%s%s", i ? " " : "", cli->args[i]);
  strbuf_putc(&b, '\n');
  r = classic_faults_parse(cli->arena, strbuf_view(&b), &faults, reterr);
  return r < 0 ? r : fs_write(path, strbuf_view(&b), 0644, false, reterr);
}

static int
heal_run(struct cli *cli, void *options, struct kerr *reterr)
{
  char *path = NULL;
  int r = faults_file(cli, options, &path, reterr);

  if (r == 0 && unlink(path) < 0 && errno != ENOENT)
    r = kerr_errno(reterr, errno, "%s", path);
  return r;
}

extern const struct cli_command cmd_driver_fault, cmd_driver_heal;
const struct cli_command cmd_driver_fault = {
  .name = "driver fault",
  .args = "[slow TIME | silent | refuse NODE | die]",
  .summary = "Let the built-in driver's controller misbehave (classic mode); without arguments, show how it does",
  .help = "slow TIME     waits before everything it does\n"
          "silent        answers nobody\n"
          "refuse NODE   finds the node unsuitable for every claim\n"
          "die           stops after it has put its finalizer on a claim, before it allocates it\n"
          "\n"
          "Faults add up, and last until `dralab driver heal`.\n",
  .options = rows,
  .options_size = sizeof(struct driver_options),
  .run = fault_run,
};
const struct cli_command cmd_driver_heal = {
  .name = "driver heal",
  .summary = "Let the built-in driver's controller behave again",
  .options = rows,
  .options_size = sizeof(struct driver_options),
  .run = heal_run,
};
