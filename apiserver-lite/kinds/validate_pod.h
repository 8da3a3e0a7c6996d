/* validate_pod - pods and pod templates: core/validation's ValidatePodSpec and what it calls, in several files. */
#ifndef APISERVER_VALIDATE_POD_H
#define APISERVER_VALIDATE_POD_H

#include "validate_internal.h"

/* What the parts of one pod spec need to know of each other. */
struct pod_check {
  const struct json *spec;
  bool template; /* in a Deployment, Job, ...: a few checks are for pods only */
};

/* A spec; `meta` is the pod's or the template's metadata. */
void validate_pod_spec(struct validation *v, const struct vpath *path, const struct json *spec, bool template);
/* spec.template of a workload: labels, annotations, spec. */
void validate_pod_template(struct validation *v, const struct vpath *path, const struct json *template);

/* A whole pod without its metadata (validate_pod.c); what an update may change (validate_pod_update.c); its status. */
void validate_pod(struct validation *v, const struct json *o);
void validate_image_spaces(struct validation *v, const struct vpath *path, const struct json *containers);
void validate_pod_update(struct validation *v, const struct json *o, const struct json *old);
void validate_pod_subresource(struct validation *v, const struct json *o, const struct json *old,
                              const char *subresource);
void validate_pod_status(struct validation *v, const struct json *o, const struct json *old);
/* The item of a list whose name it is, or NULL. */
const struct json *validate_find_named(const struct json *list, struct span name);

/* validate_container.c */
void validate_containers(struct validation *v, const struct vpath *path, const struct pod_check *pod);
void validate_init_containers(struct validation *v, const struct vpath *path, const struct pod_check *pod);
void validate_ephemeral_containers(struct validation *v, const struct vpath *path, const struct pod_check *pod);
void validate_resource_lists(struct validation *v, const struct vpath *path, const struct json *resources,
                             const struct json *claims);
void validate_port(struct validation *v, const struct vpath *path, int64_t n);
void validate_port_or_name(struct validation *v, const struct vpath *path, const struct json *port);

/* The name of an amount, of anything (validate_limits.c) and of a container. */
void validate_resource_name(struct validation *v, const struct vpath *path, struct span name);
void validate_container_resource_name(struct validation *v, const struct vpath *path, struct span name);
bool validate_may_overcommit(struct span name); /* may less be requested than is the limit? */

/* validate_volume.c */
void validate_volumes(struct validation *v, const struct vpath *path, const struct json *volumes);
/* Sources that pods and persistent volumes share. */
void validate_host_path(struct validation *v, const struct vpath *path, const struct json *source);
void validate_local_volume(struct validation *v, const struct vpath *path, const struct json *source);
void validate_nfs(struct validation *v, const struct vpath *path, const struct json *source);
/* validate_storage.c: a CSI driver's name; `covered`: a tag says the same. */
void validate_csi_name(struct validation *v, const struct vpath *path, struct span s, bool covered);
/* validate_persistent.c: the spec of a persistent volume; `inlined` in an attachment, where less is allowed. */
void validate_volume_spec(struct validation *v, const struct vpath *path, const struct json *spec, bool inlined);

/* -- small things all of them use -- */
bool validate_is_one_of(struct span s, const char *const *names); /* which end with NULL */
/* A closed set of values; empty is Required. `allowed` ends with NULL. */
void validate_choice(struct validation *v, const struct vpath *up, const struct json *o, const char *name,
                     const char *const *allowed);
void validate_not_negative(struct validation *v, const struct vpath *up, const struct json *o, const char *name);
/* A required text; true when it is there. */
bool validate_needed(struct validation *v, const struct vpath *up, const struct json *o, const char *name);
bool validate_tolerations(struct validation *v, const struct vpath *path, const struct json *list);

/* Unified diff of two values in Go's form, as apimachinery's diff.Diff (validate_diff.c). */
char *validate_diff(struct arena *a, const char *old_json, const char *new_json);

#endif
