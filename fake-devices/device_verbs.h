/*
 * device_verbs - what `dralab device ...` does, on a node's directory.
 *
 * Every verb is an edit of the tree, as a user could do it with a shell; the
 * driver notices. `name` is a device's name, or driver/name where two drivers
 * use the same.
 */
#ifndef FAKE_DEVICES_DEVICE_VERBS_H
#define FAKE_DEVICES_DEVICE_VERBS_H

#include "device_tree.h"

/* A list of objects {name, driver, path, parent, health, attributes, capacity, taints}, and the problems of the tree.
 */
_must_check_ int device_list(struct arena *a, const char *node_dir, struct json **ret, struct kerr *reterr);
/* `effect`: NoSchedule, NoExecute, None, or NULL for NoSchedule; `reason`: a label value or NULL. */
_must_check_ int device_fail(const char *node_dir, const char *name, const char *effect, const char *reason,
                             struct kerr *reterr);
_must_check_ int device_heal(const char *node_dir, const char *name, struct kerr *reterr);
_must_check_ int device_unplug(const char *node_dir, const char *name, struct kerr *reterr);
/*
 * Plug the device that was unplugged (`name`), or one more of the profile (`name` NULL). `profile` NULL: the only
 * profile the node has. ret_name (in the arena) says what was plugged.
 */
_must_check_ int device_plug(struct arena *a, const struct device_tree_node *node, const char *profile,
                             const char *name, const char **ret_name, struct kerr *reterr);
/*
 * "memory=80Gi" (a capacity the device has), "numa_node=1" (a sysfs file it has), else an attribute; a new one may say
 * its type: "int:slots=4". An empty value removes it.
 */
_must_check_ int device_set(const char *node_dir, const char *name, const char *assignment, struct kerr *reterr);

#endif
