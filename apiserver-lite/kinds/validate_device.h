/* validate_device - what the validator of slices takes from validate_device.c. */
#ifndef APISERVER_VALIDATE_DEVICE_H
#define APISERVER_VALIDATE_DEVICE_H

#include "validate_internal.h"

void validate_attributes(struct validation *v, const struct vpath *path, const struct json *attributes);
/* `shared`: the device allows multiple allocations, so capacities may have a request policy. */
void validate_capacities(struct validation *v, const struct vpath *path, const struct json *capacity, bool shared);
/* A map's key as paths show it: long ones are cut in the middle (truncateIfTooLong). */
const char *validate_short_key(struct arena *a, const char *key, size_t max);

#endif
