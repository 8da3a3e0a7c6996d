/*
 * classic_match - which devices of a node fulfil the wishes of several claims at once; pure.
 *
 * In the classic mode a driver decides alone. The built-in one understands
 * parameters as wishes: each member names an attribute that the device must
 * have with that value ({color: black}), or a capacity of which it must have at
 * least so much ({memory: 20Gi}).
 */
#ifndef FAKE_DEVICES_CLASSIC_MATCH_H
#define FAKE_DEVICES_CLASSIC_MATCH_H

#include "device_tree.h"

/* One device that one claim wants. */
struct classic_want {
  size_t claim; /* its number; the wants of a claim follow each other, claims in ascending order */
  const char *driver;
  const struct json *const *wishes; /* objects; the device has to fulfil all of them */
  size_t n_wishes;
};

#define CLASSIC_NO_DEVICE SIZE_MAX

/* Members that are not wishes: apiVersion, kind, metadata, and what the driver reads itself (count, env). */
bool classic_is_wish(const char *member);
bool classic_fits(struct arena *a, const struct tree_device *d, const struct json *const *wishes, size_t n);

/*
 * A device for each want, no device twice. A claim gets all its devices or none, and keeps them when a later claim
 * comes: so a claim goes without only if no assignment serves it along with those before it. ret[i]: the number of the
 * device for want i, or CLASSIC_NO_DEVICE.
 */
void classic_match(struct arena *a, const struct tree_device *const *devices, size_t n_devices,
                   const struct classic_want *wants, size_t n_wants, size_t *ret);

#endif
