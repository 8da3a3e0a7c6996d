/*
 * manifest_hint - a second sentence for errors that people make: what is wrong
 * with the manifest, and what to write instead. The server's words come first,
 * unchanged; the hint goes below them.
 */
#ifndef CMD_MANIFEST_HINT_H
#define CMD_MANIFEST_HINT_H

#include "json.h"
#include "resource_map.h"

/* In the arena; NULL when there is nothing to add. */
const char *manifest_hint(struct arena *a, const struct json *object, const struct resource_map *map);

#endif
