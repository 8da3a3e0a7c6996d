/*
 * cel_zone - offsets from UTC of the world's time zones.
 *
 * Reads the system's tz database (TZif files) when a name is asked for; a
 * system without one knows only UTC. Nothing is cached: zones are rare in
 * expressions and the files are small.
 */
#ifndef CEL_CEL_ZONE_H
#define CEL_CEL_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "span.h"

/* Seconds east of UTC that `name` ("Europe/Berlin", "UTC", "") had at `when` (seconds since 1970); false: no such zone.
 */
bool cel_zone_offset(struct arena *a, struct span name, int64_t when, int64_t *ret_seconds);

#endif
