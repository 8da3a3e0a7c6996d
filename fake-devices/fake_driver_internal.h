/* fake_driver_internal - what the parts of the built-in driver share; see fake_driver.h. */
#ifndef FAKE_DEVICES_FAKE_DRIVER_INTERNAL_H
#define FAKE_DEVICES_FAKE_DRIVER_INTERNAL_H

#include "device_tree.h"
#include "fake_driver.h"

/* One driver name of the node, as the node agent sees it. Prepares from the tree as it is at that moment. */
struct fake_plugin {
  struct dra_plugin base;
  char *driver;   /* owned */
  char *node_dir; /* owned */
  char *node;     /* owned */
};

struct fake_plugin *fake_plugin_new(const char *driver, const char *node, const char *node_dir);
void fake_plugin_free(void *plugin);

/*
 * The CDI spec for one claim: a device per allocation result of `driver` in pool `node`. KERR_NOT_FOUND for a device
 * that is not in the tree, KERR_INVALID for an opaque configuration that is not understood. Pure but for a look at the
 * device files.
 */
_must_check_ int fake_cdi_spec(struct arena *a, const struct device_tree *tree, const char *node_dir, const char *node,
                               const char *driver, const struct json *claim, struct json **ret_spec,
                               struct dra_prepared_claim *ret, struct kerr *reterr);

/* -- watching the tree -- */

/* An inotify descriptor (non-blocking), or -1 when the system has none to give: then only the slow rescan is left. */
int tree_watch_open(void);
/* Watch every directory below NODE/sys/devices that is not watched yet. False: the system's limit on watches is
 * reached. */
bool tree_watch_update(int fd, const char *node_dir);
/* Read away what there is; true when anything happened. */
bool tree_watch_drain(int fd);

#endif
