/*
 * resource_map - from what people type to what a URL needs: "po", "pods",
 * "pod", "deviceclasses.resource.k8s.io", or a manifest's apiVersion and kind.
 * Filled from the server's discovery documents, so it knows every kind there is.
 */
#ifndef CMD_RESOURCE_MAP_H
#define CMD_RESOURCE_MAP_H

#include "kclient.h"

struct resource_info {
  struct kclient_resource res;
  const char *singular;
  const char *const *short_names; /* NULL-terminated */
  const char *const *categories;
  const char *subject; /* "pod", "resourceclaim.resource.k8s.io": how results name it */
};

struct resource_map {
  struct arena *a;
  struct resource_info *list; /* every version, in the server's order of preference */
  size_t n;
};

_must_check_ int resource_map_load(struct arena *a, struct kclient *c, struct resource_map *ret, struct kerr *reterr);
/* KERR_USAGE `the server doesn't have a resource type "x"`. */
_must_check_ int resource_map_find(const struct resource_map *m, const char *typed, const struct resource_info **ret,
                                   struct kerr *reterr);
/* KERR_NOT_FOUND `no matches for kind "X" in version "g/v"`. */
_must_check_ int resource_map_of_kind(const struct resource_map *m, const char *api_version, const char *kind,
                                      const struct resource_info **ret, struct kerr *reterr);
bool resource_map_has_group(const struct resource_map *m, const char *group);
/* Members of a category ("all"); NULL at the end. `*cursor` starts at 0. */
const struct resource_info *resource_map_category(const struct resource_map *m, const char *category, size_t *cursor);

#endif
