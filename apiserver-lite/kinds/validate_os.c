/* What pods of one operating system may not say: core/validation's validateOS, validateWindowsHostProcessPod. */
#include "validate_pod.h"

static const char refused_windows[] = "cannot be set for a windows pod",
                  refused_linux[] = "windows options cannot be set for a linux pod";

static void
refuse(struct validation *v, const struct vpath *path, const struct json *o, const char *const *names)
{
  for (size_t i = 0; names[i]; i++)
    if (json_has(o, names[i]))
      verr_forbidden(v, VP(path, names[i]), refused_windows);
}

static void
check_linux_container(struct pod_visit *visit, const struct vpath *path, const struct json *container)
{
  if (json_has(json_get(container, "securityContext"), "windowsOptions"))
    verr_forbidden(visit->v, VP(VP(path, "securityContext"), "windowsOptions"), refused_linux);
}

static void
check_windows_container(struct pod_visit *visit, const struct vpath *path, const struct json *container)
{
  static const char *const refused[] = { "appArmorProfile",
                                         "seLinuxOptions",
                                         "seccompProfile",
                                         "capabilities",
                                         "readOnlyRootFilesystem",
                                         "privileged",
                                         "allowPrivilegeEscalation",
                                         "procMount",
                                         "runAsUser",
                                         "runAsGroup",
                                         NULL };
  refuse(visit->v, VP(path, "securityContext"), json_get(container, "securityContext"), refused);
}

static void
check_windows_pod(struct validation *v, const struct vpath *path, const struct json *spec)
{
  static const char *const before[] = { "appArmorProfile", "seLinuxOptions",      "seccompProfile",
                                        "fsGroup",         "fsGroupChangePolicy", NULL };
  static const char *const after[] = { "runAsUser",           "runAsGroup",
                                       "supplementalGroups",  "supplementalGroupsPolicy",
                                       "seLinuxChangePolicy", NULL };
  static const char *const hosts[] = { "hostPID", "hostIPC" };
  const struct json *sc = json_get(spec, "securityContext");
  const struct vpath *at = VP(path, "securityContext");
  refuse(v, at, sc, before);
  if (json_count(json_get(sc, "sysctls")))
    verr_forbidden(v, VP(at, "sysctls"), refused_windows);
  refuse(v, at, sc, after);
  if (json_has(spec, "hostUsers"))
    verr_forbidden(v, VP(path, "hostUsers"), refused_windows);
  for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
    if (json_get_bool(spec, hosts[i], false))
      verr_forbidden(v, VP(path, hosts[i]), refused_windows);
  if (json_has(spec, "shareProcessNamespace"))
    verr_forbidden(v, VP(path, "shareProcessNamespace"), refused_windows);
  validate_visit(&(struct pod_visit){ .v = v, .spec = spec }, path, check_windows_container);
}

void
validate_os(struct validation *v, const struct vpath *path, const struct json *spec)
{
  static const char *const systems[] = { "linux", "windows", NULL };
  const struct json *os = json_get(spec, "os");
  struct span name = json_text_of(os, "name");
  if (json_type(os) == JSON_NULL)
    return;
  if (!name.n) {
    verr_required(v, VP(VP(path, "os"), "name"), "");
  } else if (span_is(name, "windows")) {
    check_windows_pod(v, path, spec);
  } else if (span_is(name, "linux")) {
    if (json_has(json_get(spec, "securityContext"), "windowsOptions"))
      verr_forbidden(v, VP(VP(path, "securityContext"), "windowsOptions"), refused_linux);
    validate_visit(&(struct pod_visit){ .v = v, .spec = spec }, path, check_linux_container);
  } else
    verr_unsupported(v, VP(path, "os"), vjson(v->a, json_get(os, "name")), systems);
}

/* -- processes of the host: all containers are such, or none -- */

struct host_processes {
  struct pod_visit visit;
  const struct json *of_pod; /* what the pod says of all of them: its windowsOptions */
  size_t containers, found;
};

static void
count_host_process(struct pod_visit *visit, const struct vpath *path, const struct json *container)
{
  struct host_processes *h = (struct host_processes *)visit;
  const struct json *own = json_dig(container, "securityContext", "windowsOptions", NULL);
  bool is = json_get_bool(own, "hostProcess", false), pods = json_get_bool(h->of_pod, "hostProcess", false);
  h->containers++;
  if (json_has(own, "hostProcess") && json_has(h->of_pod, "hostProcess") && is != pods)
    verr_add(visit->v, FIELD_INVALID, VP(VP(VP(path, "securityContext"), "windowsOptions"), "hostProcess"),
             is ? "true" : "false", "pod hostProcess value must be identical if both are specified, was %s",
             pods ? "true" : "false");
  h->found += is || (!json_has(own, "hostProcess") && pods);
}

void
validate_host_processes(struct validation *v, const struct vpath *path, const struct json *spec)
{
  struct host_processes h = { .visit = { .v = v, .spec = spec },
                              .of_pod = json_dig(spec, "securityContext", "windowsOptions", NULL) };
  validate_visit(&h.visit, path, count_host_process);
  if (!h.found)
    return;
  if (h.found != h.containers)
    verr_invalid(v, path, SPAN(""),
                 "If pod contains any hostProcess containers then all containers must be HostProcess containers");
  if (!json_get_bool(spec, "hostNetwork", false))
    verr_add(v, FIELD_INVALID, VP(path, "hostNetwork"), "false",
             "hostNetwork must be true if pod contains any hostProcess containers");
}
