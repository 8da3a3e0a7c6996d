#include "pod_security.h"

#include <string.h>

#include "pod.h"
#include "pod_security_internal.h"

/* One check in the versions [since, until); `overrides`: the baseline check that it makes needless. */
static const struct check {
  const char *id;
  enum pod_security_level level;
  int since, until;
  exam_fn *fn;
  const char *overrides;
} checks[] = {
  { "appArmorProfile", POD_SECURITY_BASELINE, 0, INT_MAX, pod_check_app_armor, "" },
  { "capabilities_baseline", POD_SECURITY_BASELINE, 0, INT_MAX, pod_check_capabilities, "" },
  { "hostNamespaces", POD_SECURITY_BASELINE, 0, INT_MAX, pod_check_host_namespaces, "" },
  { "hostPathVolumes", POD_SECURITY_BASELINE, 0, INT_MAX, pod_check_host_paths, "" },
  { "hostPorts", POD_SECURITY_BASELINE, 0, INT_MAX, pod_check_host_ports, "" },
  { "hostProbesAndHostLifecycle", POD_SECURITY_BASELINE, 34, INT_MAX, pod_check_probe_hosts, "" },
  { "privileged", POD_SECURITY_BASELINE, 0, INT_MAX, pod_check_privileged, "" },
  { "procMount", POD_SECURITY_BASELINE, 0, 35, pod_check_proc_mount, "" },
  { "procMount", POD_SECURITY_BASELINE, 35, INT_MAX, pod_check_proc_mount_35, "" },
  { "seLinuxOptions", POD_SECURITY_BASELINE, 0, 31, pod_check_selinux, "" },
  { "seLinuxOptions", POD_SECURITY_BASELINE, 31, INT_MAX, pod_check_selinux_31, "" },
  { "seccompProfile_baseline", POD_SECURITY_BASELINE, 0, 19, pod_check_seccomp_0, "" },
  { "seccompProfile_baseline", POD_SECURITY_BASELINE, 19, INT_MAX, pod_check_seccomp, "" },
  { "sysctls", POD_SECURITY_BASELINE, 0, 27, pod_check_sysctls_0, "" },
  { "sysctls", POD_SECURITY_BASELINE, 27, 29, pod_check_sysctls_27, "" },
  { "sysctls", POD_SECURITY_BASELINE, 29, 32, pod_check_sysctls_29, "" },
  { "sysctls", POD_SECURITY_BASELINE, 32, 37, pod_check_sysctls_32, "" },
  { "sysctls", POD_SECURITY_BASELINE, 37, INT_MAX, pod_check_sysctls_37, "" },
  { "windowsHostProcess", POD_SECURITY_BASELINE, 0, INT_MAX, pod_check_host_process, "" },
  { "allowPrivilegeEscalation", POD_SECURITY_RESTRICTED, 8, 25, pod_check_escalation, "" },
  { "allowPrivilegeEscalation", POD_SECURITY_RESTRICTED, 25, INT_MAX, pod_check_escalation_25, "" },
  { "capabilities_restricted", POD_SECURITY_RESTRICTED, 22, 25, pod_check_drop_all, "capabilities_baseline" },
  { "capabilities_restricted", POD_SECURITY_RESTRICTED, 25, INT_MAX, pod_check_drop_all_25, "capabilities_baseline" },
  { "procMount_restricted", POD_SECURITY_RESTRICTED, 35, INT_MAX, pod_check_proc_mount, "procMount" },
  { "restrictedVolumes", POD_SECURITY_RESTRICTED, 0, INT_MAX, pod_check_volumes, "hostPathVolumes" },
  { "runAsNonRoot", POD_SECURITY_RESTRICTED, 0, 35, pod_check_non_root, "" },
  { "runAsNonRoot", POD_SECURITY_RESTRICTED, 35, INT_MAX, pod_check_non_root_35, "" },
  { "runAsUser", POD_SECURITY_RESTRICTED, 23, 35, pod_check_user, "" },
  { "runAsUser", POD_SECURITY_RESTRICTED, 35, INT_MAX, pod_check_user_35, "" },
  { "seccompProfile_restricted", POD_SECURITY_RESTRICTED, 19, 25, pod_check_seccomp_set, "seccompProfile_baseline" },
  { "seccompProfile_restricted", POD_SECURITY_RESTRICTED, 25, INT_MAX, pod_check_seccomp_set_25,
    "seccompProfile_baseline" },
};

static bool
is_on(const struct check *c, enum pod_security_level level, int minor)
{
  return c->level <= level && minor >= c->since && minor < c->until;
}

static bool
is_overridden(const char *id, enum pod_security_level level, int minor)
{
  for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
    if (is_on(&checks[i], level, minor) && strcmp(checks[i].overrides, id) == 0)
      return true;
  return false;
}

static struct json *
all_containers(struct arena *a, const struct json *spec)
{
  struct json *ret = json_new_array(a);

  for (size_t i = 0; i < POD_CONTAINER_LISTS; i++)
    for (json_each_item (c, json_get(spec, pod_container_lists[i])))
      json_append(a, ret, *c);
  return ret;
}

const char *
pod_security_level_name(enum pod_security_level level)
{
  static const char *const names[] = { "privileged", "baseline", "restricted" };

  return names[level];
}

const char *
pod_security_text(struct arena *a, const struct pod_security *s)
{
  if (s->minor == POD_SECURITY_LATEST)
    return arena_printf(a, "%s:latest", pod_security_level_name(s->level));
  return arena_printf(a, "%s:v1.%d", pod_security_level_name(s->level), s->minor);
}

const char *
pod_security_check(struct arena *a, const struct pod_security *s, int newest, const struct json *meta,
                   const struct json *spec, bool details)
{
  struct exam e = { .a = a, .meta = meta, .spec = spec };
  int minor = s->minor < newest ? s->minor : newest;
  const char *ret = "";

  if (s->level == POD_SECURITY_PRIVILEGED)
    return ret;
  e.containers = all_containers(a, spec);
  for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
    if (!is_on(&checks[i], s->level, minor) || is_overridden(checks[i].id, s->level, minor))
      continue;
    e.reason = e.detail = NULL;
    checks[i].fn(&e);
    if (!e.reason)
      continue;
    ret = arena_printf(a, "%s%s%s", ret, *ret ? ", " : "", e.reason);
    if (details && e.detail && *e.detail)
      ret = arena_printf(a, "%s (%s)", ret, e.detail);
  }
  return ret;
}
