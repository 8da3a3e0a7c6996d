/*
 * device_tree - the sysfs-like tree of one node: made from profiles, read by the driver.
 *
 * A node is a directory; NODE/sys looks like /sys of a machine with these
 * devices (users' tools and vendors' drivers read it as such), NODE/dev has
 * the device files. Beside what Linux would show, every fake device has a
 * directory `dralab` that holds what a vendor's library would answer:
 *
 *   name                     gpu-0
 *   driver                   gpu.dralab.dev
 *   health                   ok | failed [NoSchedule|NoExecute|None] [reason]
 *   shareable                1 (allowMultipleAllocations)
 *   attributes/<type>/<key>  type: string, int, bool, version
 *   capacity/<key>           a quantity; further lines: default, min, max, step, values
 *   counters/<key>           the device's counter set (partitionable devices)
 *   consumes/<key>           what it takes from that set
 *   env                      KEY=VALUE lines for containers
 *   dev-nodes                paths below /dev, one a line
 *   partitions/<name>/       the same files for a part of the device
 *
 * The tree is the only truth: whoever edits, adds or removes files changes the
 * machine. Reading never fails because of what is in the tree; what is wrong
 * is left out or tainted, and named in a list of problems.
 */
#ifndef FAKE_DEVICES_DEVICE_TREE_H
#define FAKE_DEVICES_DEVICE_TREE_H

#include "profile.h"

/* -- making -- */

struct device_tree_node {
  const char *cluster, *node; /* identities of devices derive from these two names */
  const char *dir;            /* the node's directory; exists */
};

/*
 * Make NODE/sys, NODE/dev and NODE/profiles in one step (a crash leaves nothing half-made). KERR_ALREADY_EXISTS when
 * there is a tree: a node that is started again keeps the one it has.
 */
_must_check_ int device_tree_create(const struct device_tree_node *node, const struct profile_count *profiles,
                                    size_t n_profiles, struct kerr *reterr);
/* Add device number `index` of a profile to an existing tree (hot-plug). KERR_ALREADY_EXISTS when its name is taken. */
_must_check_ int device_tree_add(const struct device_tree_node *node, const struct profile *p, int64_t index,
                                 struct kerr *reterr);
/* Remove a device by the path of its directory ("sys/devices/..."), with all links to it. */
_must_check_ int device_tree_remove(const char *node_dir, const char *device_path, struct kerr *reterr);
/* The name device `index` of a profile has. */
char *device_tree_name(struct arena *a, const struct device_tree_node *node, const struct profile *p, int64_t index);

/* -- reading -- */

struct tree_device {
  const char *name, *driver;
  const char *path;               /* of its sysfs directory, relative to the node: "sys/devices/..." */
  const char *dralab_path;        /* of its vendor directory; a partition's is below its parent's */
  const char *parent;             /* the device that this is a partition of, or NULL */
  const struct json *device;      /* resource.k8s.io/v1 Device */
  const struct json *counter_set; /* CounterSet that belongs to it, or NULL */
  const char *const *env;         /* "K=V" */
  size_t n_env;
  const char *const *dev_nodes;
  size_t n_dev_nodes;
  const char *health; /* the file's text */
};

struct tree_problem {
  const char *path; /* relative to the node's directory */
  const char *text; /* "not a number: 'x'; published without numaNode" */
};

struct device_tree {
  struct tree_device *devices; /* by driver, then by name in natural order; partitions follow their device */
  size_t n_devices;
  struct tree_problem *problems;
  size_t n_problems;
};

/* Everything below NODE/sys/devices. Fails only when the directory itself cannot be read (KERR_IO, KERR_NOT_FOUND). */
_must_check_ int device_tree_read(struct arena *a, const char *node_dir, struct device_tree *ret, struct kerr *reterr);
const struct tree_device *device_tree_find(const struct device_tree *t, const char *driver, const char *name);

#endif
