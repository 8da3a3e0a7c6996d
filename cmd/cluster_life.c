#include "cluster_life.h"

#include "cluster_access.h"
#include "daemon.h"

int
cluster_bring_up(struct cli *cli, const struct cluster_dir *d, const char *kubeconfig, struct kerr *reterr)
{
  struct cli_step *step = cli_step_begin(cli, "Starting the control plane");
  const char *server;
  int r = daemon_start(cli->arena, d, cli->clock, &server, reterr);

  cli_step_end(step, r == 0);
  return r < 0 ? r : cluster_access_export(cli, d, kubeconfig, reterr);
}

void
cluster_take_back(struct cli *cli, const struct cluster_dir *d)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (daemon_stop(d, cli->clock, &err) < 0 || cluster_dir_remove(cli->arena, d, &err) < 0)
    cli_note(cli, "WARNING: %s: %s", d->path, err.msg);
}
