/*
 * cluster_era - how Dynamic Resource Allocation is switched on in each release.
 *
 * Upstream needs a gate or two and a group version by name, different ones in
 * each release; `--dra MODE` says what is meant and fills them in.
 */
#ifndef CMD_CLUSTER_ERA_H
#define CMD_CLUSTER_ERA_H

#include "cluster_config.h"

/* "off", "structured" (the scheduler allocates), "classic" (drivers' controllers do), "both"; ends with NULL. */
extern const char *const cluster_era_modes[];

/*
 * Put the switches of `mode` in front of the configuration's gates and runtime configuration, so that what the user
 * says beside it wins. KERR_USAGE when the release has no such mode, and what it has.
 */
_must_check_ int cluster_era_apply(struct arena *a, struct cluster_config *c, const char *mode, struct kerr *reterr);

/* The flags that switch the API on in release 1.`minor`, for messages: "--dra structured" or "--dra classic"; NULL: it
 * is on. */
const char *cluster_era_hint(int minor);

#endif
