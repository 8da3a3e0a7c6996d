/*
 * cluster_life - a cluster whose folder is complete comes up, or goes again, while its user looks on.
 */
#ifndef CMD_CLUSTER_LIFE_H
#define CMD_CLUSTER_LIFE_H

#include "cli.h"
#include "cluster_dir.h"

/* Start the daemon, and give the user access. Errors as daemon_start, and cluster_access_export. */
_must_check_ int cluster_bring_up(struct cli *cli, const struct cluster_dir *d, const char *kubeconfig,
                                  struct kerr *reterr);
/* After something went wrong, which is the news; that cleaning up failed too is a line beside it. */
void cluster_take_back(struct cli *cli, const struct cluster_dir *d);

#endif
