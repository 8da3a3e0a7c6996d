/*
 * pod_security_internal - what the checks of the Pod Security Standards have in common: a pod under examination, lists
 * of texts as upstream's messages have them, and the checks themselves for the table of pod_security.c.
 */
#ifndef APISERVER_POD_SECURITY_INTERNAL_H
#define APISERVER_POD_SECURITY_INTERNAL_H

#include "json.h"

#define EXAM_TEXT_MAX ((size_t)1024 * 1024) /* of a quoted name or value; objects are smaller */

/* A pod under examination, and what one check has against it. */
struct exam {
  struct arena *a;
  const struct json *meta, *spec;
  struct json *containers; /* all of them: init, main, ephemeral */
  const char *reason, *detail;
};

/* A check sets the reason, and the detail, when something is forbidden. */
typedef void exam_fn(struct exam *e);

/* Sorted, each once. */
void exam_set_add(struct exam *e, struct json *set, const char *text);
const char *exam_joined(struct exam *e, const struct json *list, const char *between);
/* `"a", "b"` */
const char *exam_quoted(struct exam *e, const struct json *list);
const char *exam_plural(const struct json *list, const char *one, const char *many);
/* `container "a"`, `containers "a", "b"` */
const char *exam_named(struct exam *e, const struct json *list, const char *one, const char *many);
const char *exam_containers(struct exam *e, const struct json *list);
/* `pod and container "a"`; "" when neither is at fault. */
const char *exam_setters(struct exam *e, bool pod, const struct json *list);
const struct json *exam_pod_context(const struct exam *e);
const struct json *exam_context_of(const struct json *container);
const char *exam_name_of(const struct json *container);
/* The containers for which `bad` is true, by name. */
struct json *exam_pick(struct exam *e, bool (*bad)(struct exam *e, const struct json *container, void *arg), void *arg);
bool exam_in_user_namespace(const struct exam *e);
bool exam_is_windows(const struct exam *e);
/* A profile {type}: true when it is there and its type is not one of the two allowed. */
bool exam_bad_profile(struct exam *e, const struct json *context, const char *member, struct json *values);

/* -- pod_security_baseline.c -- */
exam_fn pod_check_app_armor, pod_check_capabilities, pod_check_host_namespaces, pod_check_host_paths,
    pod_check_host_ports, pod_check_probe_hosts, pod_check_privileged, pod_check_proc_mount, pod_check_proc_mount_35,
    pod_check_selinux, pod_check_selinux_31, pod_check_seccomp_0, pod_check_seccomp, pod_check_sysctls_0,
    pod_check_sysctls_27, pod_check_sysctls_29, pod_check_sysctls_32, pod_check_sysctls_37, pod_check_host_process;
/* -- pod_security_restricted.c -- */
exam_fn pod_check_escalation, pod_check_escalation_25, pod_check_drop_all, pod_check_drop_all_25, pod_check_volumes,
    pod_check_non_root, pod_check_non_root_35, pod_check_user, pod_check_user_35, pod_check_seccomp_set,
    pod_check_seccomp_set_25;

#endif
