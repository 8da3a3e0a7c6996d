/* validate_pod - pods and pod templates: core/validation's ValidatePodSpec and what it calls, in several files. */
#ifndef APISERVER_VALIDATE_POD_H
#define APISERVER_VALIDATE_POD_H

#include "validate_internal.h"

/* What the parts of one pod spec need to know of each other. */
struct pod_check {
  const struct json *spec;
  const struct json *meta;    /* a pod's own; NULL in a template: a few checks are for pods only */
  const struct json *volumes; /* those with nothing wrong: only they can be mounted */
};

/* A spec; `meta` is the pod's metadata, or NULL in a template. */
void validate_pod_spec(struct validation *v, const struct vpath *path, const struct json *spec,
                       const struct json *meta);
/* spec.template of a workload: labels, annotations, spec. */
void validate_pod_template(struct validation *v, const struct vpath *path, const struct json *template);

/* A whole pod without its metadata (validate_pod.c); what an update may change (validate_pod_update.c); its status. */
void validate_pod(struct validation *v, const struct json *o);
void validate_pod_annotations(struct validation *v, const struct vpath *path, const struct json *annotations,
                              const struct json *spec);
void validate_pod_annotations_update(struct validation *v, const struct json *o, const struct json *old);
void validate_pod_update(struct validation *v, const struct json *o, const struct json *old);
void validate_pod_subresource(struct validation *v, const struct json *o, const struct json *old,
                              const char *subresource);
void validate_pod_resize(struct validation *v, const struct json *o, const struct json *old);
void validate_pod_status(struct validation *v, const struct json *o, const struct json *old);
/* The first item of a list whose name it is, or NULL. */
const struct json *validate_find_named(const struct json *list, struct span name);

/* Every container of a spec, in upstream's order: first those that run first. `spec` must be set. */
struct pod_visit {
  struct validation *v;
  const struct json *spec, *meta;
};
void validate_visit(struct pod_visit *visit, const struct vpath *path,
                    void (*each)(struct pod_visit *visit, const struct vpath *path, const struct json *container));

/* validate_container.c */
void validate_containers(struct validation *v, const struct vpath *path, const struct pod_check *pod);
void validate_init_containers(struct validation *v, const struct vpath *path, const struct pod_check *pod);
void validate_ephemeral_containers(struct validation *v, const struct vpath *path, const struct pod_check *pod);
void validate_image_spaces(struct validation *v, const struct vpath *path, const struct json *container);
void validate_port(struct validation *v, const struct vpath *path, int64_t n);
void validate_port_or_name(struct validation *v, const struct vpath *path, const struct json *port);
void validate_pull_policy(struct validation *v, const struct vpath *up, const struct json *o, const char *name);

/* validate_env.c; `allowed` ends with NULL */
void validate_env(struct validation *v, const struct vpath *path, const struct json *vars);
void validate_env_from(struct validation *v, const struct vpath *path, const struct json *list);
void validate_env_volumes(struct validation *v, const struct vpath *path, const struct json *spec);
void validate_field_selector(struct validation *v, const struct vpath *path, const struct json *selector,
                             const char *const *allowed);
void validate_resource_selector(struct validation *v, const struct vpath *path, const struct json *selector,
                                bool in_volume);

/* validate_mount.c; `volumes` as in struct pod_check */
void validate_mounts(struct validation *v, const struct vpath *path, const struct json *container,
                     const struct json *volumes);
void validate_devices(struct validation *v, const struct vpath *path, const struct json *container,
                      const struct json *volumes);

/* validate_probe.c: probes and hooks of a container */
void validate_probes(struct validation *v, const struct vpath *path, const struct json *container,
                     const struct json *spec);

/* validate_amounts.c: what a container may have, and the pod as a whole */
void validate_resource_lists(struct validation *v, const struct vpath *path, const struct json *resources,
                             const struct json *claims);
void validate_pod_resources(struct validation *v, const struct vpath *path, const struct json *spec);

/* validate_security.c */
void validate_container_security(struct validation *v, const struct vpath *path, const struct json *context,
                                 const struct json *spec);
void validate_pod_security(struct validation *v, const struct vpath *path, const struct json *context,
                           const struct json *spec);
void validate_security_annotations(struct validation *v, const struct vpath *path, const struct json *annotations,
                                   const struct json *spec);
/* Profiles that annotations and fields both tell of; `path` is the spec's. */
void validate_profiles_match(struct validation *v, const struct vpath *path, const struct json *meta,
                             const struct json *spec);

/* validate_os.c; `path` is the spec's */
void validate_os(struct validation *v, const struct vpath *path, const struct json *spec);
void validate_host_processes(struct validation *v, const struct vpath *path, const struct json *spec);

/* validate_placement.c. Tolerations: true when there was nothing wrong. */
bool validate_tolerations(struct validation *v, const struct vpath *path, const struct json *list);
void validate_affinity(struct validation *v, const struct vpath *path, const struct json *affinity);
void validate_spreading(struct validation *v, const struct vpath *path, const struct json *constraints);

/* The name of an amount, of anything (validate_limits.c) and of a container. */
void validate_resource_name(struct validation *v, const struct vpath *path, struct span name);
void validate_container_resource_name(struct validation *v, const struct vpath *path, struct span name);
bool validate_may_overcommit(struct span name); /* may less be requested than is the limit? */

/* validate_volume.c. Volumes of a pod, whose name may be NULL; returns those with nothing wrong. */
struct json *validate_volumes(struct validation *v, const struct vpath *path, const struct json *volumes,
                              const char *pod);
void validate_downward_file(struct validation *v, const struct vpath *path, const struct json *file);
void validate_key_path(struct validation *v, const struct vpath *path, const struct json *item);
void validate_file_mode(struct validation *v, const struct vpath *up, const struct json *o, const char *name);
void validate_path_in_volume(struct validation *v, const struct vpath *path, struct span s);
/* validate_projected.c; `path` is the volume's */
void validate_projections(struct validation *v, const struct vpath *path, const struct json *sources);
/* Sources that pods and persistent volumes share; the last by name (validate_volume_types.c). */
void validate_host_path(struct validation *v, const struct vpath *path, const struct json *source);
void validate_local_volume(struct validation *v, const struct vpath *path, const struct json *source);
void validate_volume_type(struct validation *v, const struct vpath *up, const char *name, const struct json *source,
                          bool persistent);
void validate_second_volume(struct validation *v, const struct vpath *up, const char *name); /* one too many */
/* validate_storage.c: a CSI driver's name; `covered`: a tag says the same. */
void validate_csi_name(struct validation *v, const struct vpath *path, struct span s, bool covered);
/* validate_persistent.c: the spec of a persistent volume; `inlined` in an attachment, where less is allowed. */
void validate_volume_spec(struct validation *v, const struct vpath *path, const struct json *spec, bool inlined);

void validate_volume_claim_spec(struct validation *v, const struct vpath *path, const struct json *spec);
/* validate_certificates.c */
void validate_signer_name(struct validation *v, const struct vpath *path, struct span name);

/* -- small things all of them use -- */
bool validate_is_one_of(struct span s, const char *const *names); /* which end with NULL */
/* A closed set of values; empty is Required. `allowed` ends with NULL. */
void validate_choice(struct validation *v, const struct vpath *up, const struct json *o, const char *name,
                     const char *const *allowed);
/* The same for what may be absent. */
void validate_known(struct validation *v, const struct vpath *path, const struct json *value,
                    const char *const *allowed);
/* The same, but that an empty one is just another unknown one. */
void validate_listed(struct validation *v, const struct vpath *up, const struct json *o, const char *name,
                     const char *const *allowed);
/* A user or group; the second may be absent. */
void validate_id(struct validation *v, const struct vpath *path, int64_t id);
void validate_user_id(struct validation *v, const struct vpath *up, const struct json *o, const char *name);
bool validate_climbs(struct span path); /* is there a ".." in it? */
void validate_no_backsteps(struct validation *v, const struct vpath *path, struct span s);
void validate_not_negative(struct validation *v, const struct vpath *up, const struct json *o, const char *name);
/* A required text; true when it is there. */
bool validate_needed(struct validation *v, const struct vpath *up, const struct json *o, const char *name);

/* Unified diff of two values in Go's form, as apimachinery's diff.Diff (validate_diff.c). */
char *validate_diff(struct arena *a, const char *old_json, const char *new_json);

#endif
