/*
 * fake_driver - the built-in DRA drivers of one node.
 *
 * Reads the node's device tree and nothing else, publishes what it finds as
 * ResourceSlices (one pool per driver name that occurs in the tree), and keeps
 * watching: a change of the tree is published within a moment, a slice that
 * somebody else changed or deleted is put right, and slices found at start are
 * adopted without a write when they say the same.
 *
 * Prepare writes a CDI file per claim into NODE/cdi; unprepare removes it. The
 * node agent finds the plugin of a driver by name with fake_driver_plugin().
 *
 * Threads: one of its own per node, from _start to _stop. The plugins may be
 * called from the node agent's thread at any time in between.
 */
#ifndef FAKE_DEVICES_FAKE_DRIVER_H
#define FAKE_DEVICES_FAKE_DRIVER_H

#include "dra_plugin.h"
#include "kclient.h"

struct fake_driver;

struct fake_driver_config {
  struct kclient *client; /* outlives the driver */
  const char *node;       /* the Node object need not exist yet; slices wait for it */
  const char *dir;        /* NODE: has sys/, dev/ */
  int minor;              /* of the release: before 1.30 there are no slices, and only the plugins are at work */
  struct clock *clock;
  struct log *log;
};

struct fake_driver *fake_driver_new(const struct fake_driver_config *config);
/* Begin to publish. KERR_NOT_FOUND when there is no device tree. */
_must_check_ int fake_driver_start(struct fake_driver *d, struct kerr *reterr);
/* End the thread. The slices stay: the devices are still there when the driver comes again. */
void fake_driver_stop(struct fake_driver *d);
/* Delete the node's slices: the driver is being uninstalled, or the node goes. After _stop. */
_must_check_ int fake_driver_remove_slices(struct fake_driver *d, struct kerr *reterr);
void fake_driver_free(struct fake_driver *d);

/* NULL when no device of the tree has this driver. The plugin lives as long as the driver. Any thread. */
struct dra_plugin *fake_driver_plugin(struct fake_driver *d, const char *driver);

/* Create the classes of a profile, ResourceClasses until release 1.30; those that exist stay as they are. */
struct profile;
_must_check_ int fake_driver_create_classes(struct kclient *c, const struct profile *p, int minor, struct kerr *reterr);

#endif
