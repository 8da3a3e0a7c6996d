/*
 * cdi - Container Device Interface: what a device changes in a container.
 *
 * Reads the spec files of a directory (NODE/cdi), checks them as the reference
 * library does (tags.cncf.io/container-device-interface), and merges the edits
 * of the devices that a container is given. Hooks, intelRdt and netDevices are
 * read and checked but not carried out; the caller is told.
 *
 * Pure but for reading the directory. Everything lives in the arena.
 */
#ifndef NODE_AGENT_CDI_H
#define NODE_AGENT_CDI_H

#include "json.h"

struct cdi_spec {
  const char *path;
  const char *kind; /* "vendor.com/class" */
  const struct json *doc;
};

struct cdi_registry {
  struct cdi_spec *specs;
  size_t n;
  const char **bad; /* "path: what is wrong": files that were left out */
  size_t n_bad;
};

/* Check one document. KERR_INVALID with the path of the field. */
_must_check_ int cdi_check(struct arena *a, const struct json *doc, struct kerr *reterr);
/* Text (JSON or YAML) to a checked document. */
_must_check_ int cdi_parse(struct arena *a, struct span text, const char *path, struct json **ret, struct kerr *reterr);
/* All *.json, *.yaml of a directory; absent is empty. A bad file does not affect the others. */
void cdi_load(struct arena *a, const char *dir, struct cdi_registry *ret);

/*
 * The edits of `ids`, merged: {env: [..], deviceNodes: [..], mounts: [..], additionalGids: [..], ignored: [..]}. Edits
 * of a spec come once, before those of its devices. A later environment variable, device node or mount replaces an
 * earlier one of the same name. KERR_NOT_FOUND `unresolvable CDI devices a=b, c=d`.
 */
_must_check_ int cdi_merge(struct arena *a, const struct cdi_registry *reg, const char *const *ids, size_t n,
                           struct json **ret, struct kerr *reterr);

#endif
