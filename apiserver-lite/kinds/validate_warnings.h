/* validate_warnings - what the makers of Warning headers share (validate_warnings.c, validate_warnings_pod.c). */
#ifndef APISERVER_VALIDATE_WARNINGS_H
#define APISERVER_VALIDATE_WARNINGS_H

#include "validate_internal.h"

struct warner {
  struct arena *a;
  const struct kind *kind;
  const struct personality *p;
  struct json *list; /* of texts */
};

void warn(struct warner *w, const struct vpath *path, const char *text); /* `path` may be NULL */
/* An amount of bytes that is none. */
void warn_fraction(struct warner *w, const struct vpath *path, const struct json *amount);
void warn_claim_amounts(struct warner *w, const struct vpath *path, const struct json *spec); /* of a volume claim */

void warn_pod(struct warner *w, const struct json *o, const struct json *old);
void warn_pod_status(struct warner *w, const struct json *o);
/* Deployments, jobs, ...: their templates, and their names, which become those of pods. */
void warn_template(struct warner *w, const struct json *o, const struct json *old);

#endif
