/*
 * cel_inventory - devices to ask expressions about: of ResourceSlices in
 * files, or of a cluster; and the names that exist on them.
 */
#ifndef CMD_CEL_INVENTORY_H
#define CMD_CEL_INVENTORY_H

#include "cel_show.h"
#include "cli.h"
#include "kube_target.h"
#include "manifest.h"

struct inventory_device {
  const char *driver, *pool, *name;
  const struct json *device; /* {attributes, capacity, ...} of any version of the API */
};

struct inventory {
  struct arena *a;
  struct inventory_device *list;
  size_t n, cap;
};

/* The devices of one ResourceSlice of any version; other objects add none. */
void inventory_add(struct inventory *inv, const struct json *object);
/* Of the files, or when there are none, of the cluster. The arena is the command's. */
_must_check_ int inventory_read(struct cli *cli, const struct kube_options *kube, const struct cli_list *files,
                                struct inventory *ret, struct kerr *reterr);
/*
 * One device: a file that holds it ({driver, attributes, capacity}) or a slice, or DRIVER/POOL/DEVICE of the cluster.
 * NULL: a device without anything.
 */
_must_check_ int inventory_one(struct cli *cli, const struct kube_options *kube, const char *what,
                               struct inventory_device *ret, struct kerr *reterr);
char *inventory_name(struct arena *a, const struct inventory_device *d); /* "driver/pool/device" */
_must_check_ int inventory_ready(struct arena *a, const struct inventory_device *d, struct cel_device **ret,
                                 struct kerr *reterr);

/* Does some device have what the expression reads? */
bool inventory_has(const struct inventory *inv, const struct cel_reference *r);
/* The name nearest to one that no device has, "domain" or "id"; NULL when nothing is near. */
const char *inventory_nearest(const struct inventory *inv, const struct cel_reference *r);
/* f(domain, id) for each name of attributes, then of capacities, of every device. */
void inventory_names(const struct inventory *inv, bool capacity,
                     void (*f)(struct span domain, struct span id, void *arg), void *arg);

#endif
