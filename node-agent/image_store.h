/*
 * image_store - the images of a machine: a directory of unpacked layers, and what to run in them.
 *
 * The built-in ones are laid out on first use from programs that are on the
 * machine (bash-static and busybox-static, else the host's own bash with its
 * libraries); nothing is downloaded. Layers are read-only and shared by all
 * pods of all clusters of a user. Making one is a rename of a finished folder,
 * so several processes may do it at once.
 *
 * Names follow the rules of reference parsing: no host and namespace means the
 * library of the default registry, no tag means latest.
 */
#ifndef NODE_AGENT_IMAGE_STORE_H
#define NODE_AGENT_IMAGE_STORE_H

#include "json.h"

struct image {
  const char *name;          /* as the store calls it: "docker.io/library/ubuntu:22.04" */
  const char *id;            /* "sha256:..." */
  const char *const *layers; /* directories, uppermost first */
  size_t n_layers;
  const char *const *entrypoint, *const *cmd, *const *env; /* NULL-terminated; NULL when there is none */
  const char *workdir, *user;                              /* "" when there is none */
};

/* "ubuntu:22.04" -> "docker.io/library/ubuntu:22.04". KERR_INVALID with kubelet's reason "couldn't parse image name".
 */
_must_check_ int image_name_normalize(struct arena *a, const char *text, char **ret, struct kerr *reterr);
/* The tag or digest part of a normalized name: "22.04". */
const char *image_name_tag(const char *normalized);

/* KERR_NOT_FOUND when there is no such image; the store's layers are made when they are not there yet. */
_must_check_ int image_find(struct arena *a, const char *dir, const char *name, struct image *ret, struct kerr *reterr);
/* The short names of all images, for messages and `get images`; NULL-terminated. */
const char *const *image_names(struct arena *a);

/* Lay out the built-in layer at `dir`/base, unless it is there. KERR_NOT_FOUND says which packages are missing. */
_must_check_ int image_build_base(const char *dir, struct kerr *reterr);

#endif
