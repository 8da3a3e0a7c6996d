/*
 * claim_classic - a claim of 1.26 to 1.30 in the shape of today's, as far as its devices go.
 *
 * Then a driver left a resource handle, a text that only it understands, or the
 * scheduler a structured one (1.30, "named resources"). The built-in driver's text
 * says which devices it gave; of a foreign text only the driver is known.
 */
#ifndef API_CLAIM_CLASSIC_H
#define API_CLAIM_CLASSIC_H

#include "arena.h"
#include "json.h"

/*
 * `claim` with status.allocation.devices made from its resource handles: a result per device, with an empty request
 * name, because claims had none. In the arena; shares what is not changed.
 */
const struct json *claim_from_classic(struct arena *a, const struct json *claim);

#endif
