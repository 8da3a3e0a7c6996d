/* cluster_classic - the built-in driver's own controller, in clusters of a release and gates that let drivers allocate.
 */
#ifndef CMD_CLUSTER_CLASSIC_H
#define CMD_CLUSTER_CLASSIC_H

#include "cluster_dir.h"
#include "cluster_run_internal.h"

_must_check_ int cluster_classic_start(struct cluster_run *r, struct kerr *reterr);
void cluster_classic_stop(struct cluster_run *r);
/* The file with the faults of the driver's controller (classic_faults.h). */
char *cluster_classic_faults(struct arena *a, const struct cluster_dir *d);

#endif
