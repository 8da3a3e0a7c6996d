/*
 * classic_driver - the built-in driver's own controller, for the classic mode (Kubernetes 1.26 to 1.31, KEP-3063).
 *
 * In that mode a driver allocates its claims itself and agrees with the scheduler
 * on a node through a PodSchedulingContext. There is one controller for a cluster;
 * it answers for every driver whose devices are in the trees of the nodes, and
 * gives what is there. Parameters are wishes (classic_match.h): in 1.31 opaque
 * configuration of the claim and its class, before that what parametersRef names,
 * a ConfigMap or an object of a CustomResourceDefinition.
 *
 * It keeps the contract of upstream's library (k8s.io/dynamic-resource-allocation/
 * controller): the finalizer DRIVER/deletion-protection, events named Failed, a
 * second look after 30 s, a retry with growing delay.
 *
 * Faults are lines of a file, read anew before each step: `slow 2s`, `silent`,
 * `refuse NODE`, `die`. See classic_faults.h.
 *
 * Threads: one of its own from _start to _stop.
 */
#ifndef FAKE_DEVICES_CLASSIC_DRIVER_H
#define FAKE_DEVICES_CLASSIC_DRIVER_H

#include "kclient.h"

struct classic_driver;

struct classic_node {
  const char *name, *dir; /* dir has sys/ */
};

struct classic_driver_config {
  struct kclient *client; /* outlives the driver */
  int minor;              /* of the release, 26 to 31 */
  const struct classic_node *nodes;
  size_t n_nodes;     /* nodes outlive the driver */
  const char *faults; /* path of the file, which need not exist */
  struct clock *clock;
  struct log *log;
};

struct classic_driver *classic_driver_start(const struct classic_driver_config *config);
void classic_driver_stop(struct classic_driver *d); /* and free; NULL is fine. Claims stay as they are */

#endif
