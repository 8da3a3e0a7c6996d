/* The baseline standard: what gives a pod more than a pod needs. */
#include "pod_security_internal.h"

#include <inttypes.h>
#include <string.h>

#include "codec.h"

static bool
has_bad_app_armor(struct exam *e, const struct json *container, void *values)
{
  return exam_bad_profile(e, exam_context_of(container), "appArmorProfile", values);
}

void
pod_check_app_armor(struct exam *e)
{
  static const char prefix[] = "container.apparmor.security.beta.kubernetes.io/";
  struct json *values = json_new_array(e->a), *annotations = json_new_array(e->a), *bad;
  bool pod = exam_bad_profile(e, exam_pod_context(e), "appArmorProfile", values);
  const char *who;

  bad = exam_pick(e, has_bad_app_armor, values);
  who = exam_setters(e, pod, bad);
  for (json_each_member (m, json_get(e->meta, "annotations"))) {
    _cleanup_strbuf_ struct strbuf value = STRBUF_INIT(EXAM_TEXT_MAX);
    const char *text = json_str(m->value);

    if (strncmp(m->name, prefix, strlen(prefix)) != 0 || !text || !*text || strcmp(text, "runtime/default") == 0 ||
        strncmp(text, "localhost/", 10) == 0)
      continue;
    codec_go_quote(&value, span_of(text));
    exam_set_add(e, annotations, arena_printf(e->a, "%s=%s", m->name, value.p));
  }
  for (json_each_item (text, annotations))
    json_append(e->a, values, *text);
  if (json_count(annotations))
    who = arena_printf(e->a, "%s%s%s", who, *who ? " and " : "", exam_plural(annotations, "annotation", "annotations"));
  if (!*who)
    return;
  e->reason = exam_plural(values, "forbidden AppArmor profile", "forbidden AppArmor profiles");
  e->detail = arena_printf(e->a, "%s must not set AppArmor profile type to %s", who, exam_quoted(e, values));
}

static bool
adds_capability(struct exam *e, const struct json *container, void *found)
{
  static const char *const allowed[] = { "AUDIT_WRITE", "CHOWN",  "DAC_OVERRIDE",     "FOWNER",  "FSETID",
                                         "KILL",        "MKNOD",  "NET_BIND_SERVICE", "SETFCAP", "SETGID",
                                         "SETPCAP",     "SETUID", "SYS_CHROOT" };
  bool bad = false;

  for (json_each_item (c, json_dig(exam_context_of(container), "capabilities", "add", NULL))) {
    bool known = false;

    for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
      known = known || strcmp(allowed[i], json_str(*c)) == 0;
    if (!known)
      exam_set_add(e, found, json_str(*c));
    bad = bad || !known;
  }
  return bad;
}

void
pod_check_capabilities(struct exam *e)
{
  struct json *found = json_new_array(e->a), *bad = exam_pick(e, adds_capability, found);

  if (!json_count(bad))
    return;
  e->reason = "non-default capabilities";
  e->detail = arena_printf(e->a, "%s must not include %s in securityContext.capabilities.add", exam_containers(e, bad),
                           exam_quoted(e, found));
}

void
pod_check_host_namespaces(struct exam *e)
{
  static const char *const members[] = { "hostNetwork", "hostPID", "hostIPC" };
  struct json *found = json_new_array(e->a);

  for (size_t i = 0; i < ARRAY_SIZE(members); i++)
    if (json_get_bool(e->spec, members[i], false))
      json_append_str(e->a, found, arena_printf(e->a, "%s=true", members[i]));
  if (!json_count(found))
    return;
  e->reason = "host namespaces";
  e->detail = exam_joined(e, found, ", ");
}

void
pod_check_host_paths(struct exam *e)
{
  struct json *found = json_new_array(e->a);

  for (json_each_item (v, json_get(e->spec, "volumes")))
    if (json_get(*v, "hostPath"))
      json_append_str(e->a, found, exam_name_of(*v));
  if (!json_count(found))
    return;
  e->reason = "hostPath volumes";
  e->detail = exam_named(e, found, "volume", "volumes");
}

static bool
has_host_port(struct exam *e, const struct json *container, void *found)
{
  bool bad = false;

  for (json_each_item (p, json_get(container, "ports"))) {
    int64_t port = json_get_int(*p, "hostPort", 0);

    if (port)
      exam_set_add(e, found, arena_printf(e->a, "%" PRId64, port));
    bad = bad || port;
  }
  return bad;
}

void
pod_check_host_ports(struct exam *e)
{
  struct json *found = json_new_array(e->a), *bad = exam_pick(e, has_host_port, found);

  if (!json_count(bad))
    return;
  e->reason = "hostPort";
  e->detail = arena_printf(e->a, "%s %s %s %s", exam_containers(e, bad), exam_plural(bad, "uses", "use"),
                           exam_plural(found, "hostPort", "hostPorts"), exam_joined(e, found, ", "));
}

/* Hosts that a probe or a lifecycle handler names. */
static bool
names_host(struct exam *e, const struct json *handler, struct json *found)
{
  static const char *const ways[] = { "httpGet", "tcpSocket" };
  bool bad = false;

  for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
    const char *host = json_get_str_or(json_get(handler, ways[i]), "host", "");

    if (*host)
      exam_set_add(e, found, host);
    bad = bad || *host;
  }
  return bad;
}

void
pod_check_probe_hosts(struct exam *e)
{
  static const char *const probes[] = { "livenessProbe", "readinessProbe", "startupProbe" };
  static const char *const hooks[] = { "postStart", "preStop" };
  struct json *found = json_new_array(e->a), *bad = json_new_array(e->a);

  for (json_each_item (c, e->containers)) {
    bool any = false;

    for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
      any = names_host(e, json_get(*c, probes[i]), found) || any;
    for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
      any = names_host(e, json_dig(*c, "lifecycle", hooks[i], NULL), found) || any;
    if (any)
      exam_set_add(e, bad, exam_name_of(*c));
  }
  if (!json_count(bad))
    return;
  e->reason = "probe or lifecycle host";
  e->detail =
      arena_printf(e->a, "%s %s %s %s", exam_containers(e, bad), exam_plural(bad, "uses", "use"),
                   exam_plural(found, "probe or lifecycle host", "probe or lifecycle hosts"), exam_quoted(e, found));
}

static bool
is_privileged(struct exam *e, const struct json *container, void *arg)
{
  (void)e;
  (void)arg;
  return json_get_bool(exam_context_of(container), "privileged", false);
}

void
pod_check_privileged(struct exam *e)
{
  struct json *bad = exam_pick(e, is_privileged, NULL);

  if (!json_count(bad))
    return;
  e->reason = "privileged";
  e->detail = arena_printf(e->a, "%s must not set securityContext.privileged=true", exam_containers(e, bad));
}

static bool
has_proc_mount(struct exam *e, const struct json *container, void *found)
{
  const char *type = json_get_str_or(exam_context_of(container), "procMount", "Default");

  if (strcmp(type, "Default") == 0)
    return false;
  exam_set_add(e, found, type);
  return true;
}

void
pod_check_proc_mount(struct exam *e)
{
  struct json *found = json_new_array(e->a), *bad = exam_pick(e, has_proc_mount, found);

  if (!json_count(bad))
    return;
  e->reason = "procMount";
  e->detail = arena_printf(e->a, "%s must not set securityContext.procMount to %s", exam_containers(e, bad),
                           exam_quoted(e, found));
}

void
pod_check_proc_mount_35(struct exam *e)
{
  if (!exam_in_user_namespace(e))
    pod_check_proc_mount(e);
}

struct selinux {
  const char *const *types; /* allowed */
  struct json *bad_types;
  bool user, role; /* somebody has set one */
};

static bool
bad_selinux(struct exam *e, const struct json *context, struct selinux *s)
{
  const struct json *o = json_get(context, "seLinuxOptions");
  const char *type = json_get_str_or(o, "type", "");
  bool user = *json_get_str_or(o, "user", ""), role = *json_get_str_or(o, "role", ""), known = false;

  for (size_t i = 0; s->types[i]; i++)
    known = known || strcmp(s->types[i], type) == 0;
  if (!known)
    exam_set_add(e, s->bad_types, type);
  s->user = s->user || user;
  s->role = s->role || role;
  return !known || user || role;
}

static bool
has_bad_selinux(struct exam *e, const struct json *container, void *s)
{
  return bad_selinux(e, exam_context_of(container), s);
}

static void
check_selinux_types(struct exam *e, const char *const *types)
{
  struct selinux s = { .types = types, .bad_types = json_new_array(e->a) };
  struct json *data = json_new_array(e->a), *bad;
  bool pod = bad_selinux(e, exam_pod_context(e), &s);

  bad = exam_pick(e, has_bad_selinux, &s);
  if (!pod && !json_count(bad))
    return;
  if (json_count(s.bad_types))
    json_append_str(e->a, data, exam_named(e, s.bad_types, "type", "types"));
  if (s.user)
    json_append_str(e->a, data, "user may not be set");
  if (s.role)
    json_append_str(e->a, data, "role may not be set");
  e->reason = "seLinuxOptions";
  e->detail = arena_printf(e->a, "%s set forbidden securityContext.seLinuxOptions: %s", exam_setters(e, pod, bad),
                           exam_joined(e, data, "; "));
}

void
pod_check_selinux(struct exam *e)
{
  static const char *const types[] = { "", "container_t", "container_init_t", "container_kvm_t", NULL };

  check_selinux_types(e, types);
}

void
pod_check_selinux_31(struct exam *e)
{
  static const char *const types[] = { "",  "container_t", "container_init_t", "container_kvm_t", "container_engine_t",
                                       NULL };

  check_selinux_types(e, types);
}

/* The annotations of before 1.19. */
static void
check_seccomp_annotation(struct exam *e, const char *key, struct json *found)
{
  _cleanup_strbuf_ struct strbuf value = STRBUF_INIT(EXAM_TEXT_MAX);
  const char *text = json_str(json_get(json_get(e->meta, "annotations"), key));

  if (!text || strcmp(text, "runtime/default") == 0 || strcmp(text, "docker/default") == 0 ||
      strncmp(text, "localhost/", 10) == 0)
    return;
  codec_go_quote(&value, span_of(text));
  exam_set_add(e, found, arena_printf(e->a, "%s=%s", key, value.p));
}

void
pod_check_seccomp_0(struct exam *e)
{
  struct json *found = json_new_array(e->a);

  check_seccomp_annotation(e, "seccomp.security.alpha.kubernetes.io/pod", found);
  for (json_each_item (c, e->containers))
    check_seccomp_annotation(
        e, arena_printf(e->a, "container.seccomp.security.alpha.kubernetes.io/%s", exam_name_of(*c)), found);
  if (!json_count(found))
    return;
  e->reason = "seccompProfile";
  e->detail = arena_printf(e->a, "forbidden %s %s", exam_plural(found, "annotation", "annotations"),
                           exam_joined(e, found, ", "));
}

static bool
has_bad_seccomp(struct exam *e, const struct json *container, void *values)
{
  return exam_bad_profile(e, exam_context_of(container), "seccompProfile", values);
}

void
pod_check_seccomp(struct exam *e)
{
  struct json *values = json_new_array(e->a), *bad;
  bool pod = exam_bad_profile(e, exam_pod_context(e), "seccompProfile", values);

  bad = exam_pick(e, has_bad_seccomp, values);
  if (!pod && !json_count(bad))
    return;
  e->reason = "seccompProfile";
  e->detail = arena_printf(e->a, "%s must not set securityContext.seccompProfile.type to %s", exam_setters(e, pod, bad),
                           exam_quoted(e, values));
}

/* Names, each with the minor from which on it is allowed. */
static void
check_sysctls_of(struct exam *e, int minor)
{
  static const struct {
    const char *name;
    int since;
  } allowed[] = {
    { "kernel.shm_rmid_forced", 0 },
    { "net.ipv4.ip_local_port_range", 0 },
    { "net.ipv4.tcp_syncookies", 0 },
    { "net.ipv4.ping_group_range", 0 },
    { "net.ipv4.ip_unprivileged_port_start", 0 },
    { "net.ipv4.ip_local_reserved_ports", 27 },
    { "net.ipv4.tcp_keepalive_time", 29 },
    { "net.ipv4.tcp_fin_timeout", 29 },
    { "net.ipv4.tcp_keepalive_intvl", 29 },
    { "net.ipv4.tcp_keepalive_probes", 29 },
    { "net.ipv4.tcp_rmem", 32 },
    { "net.ipv4.tcp_wmem", 32 },
    { "net.ipv4.tcp_slow_start_after_idle", 37 },
    { "net.ipv4.tcp_notsent_lowat", 37 },
  };
  struct json *found = json_new_array(e->a);

  for (json_each_item (s, json_get(exam_pod_context(e), "sysctls"))) {
    bool known = false;

    for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
      known = known || (minor >= allowed[i].since && strcmp(allowed[i].name, exam_name_of(*s)) == 0);
    if (!known)
      json_append_str(e->a, found, exam_name_of(*s));
  }
  if (!json_count(found))
    return;
  e->reason = "forbidden sysctls";
  e->detail = exam_joined(e, found, ", ");
}

void
pod_check_sysctls_0(struct exam *e)
{
  check_sysctls_of(e, 0);
}

void
pod_check_sysctls_27(struct exam *e)
{
  check_sysctls_of(e, 27);
}

void
pod_check_sysctls_29(struct exam *e)
{
  check_sysctls_of(e, 29);
}

void
pod_check_sysctls_32(struct exam *e)
{
  check_sysctls_of(e, 32);
}

void
pod_check_sysctls_37(struct exam *e)
{
  check_sysctls_of(e, 37);
}

static bool
is_host_process(struct exam *e, const struct json *container, void *arg)
{
  (void)e;
  (void)arg;
  return json_get_bool(json_get(exam_context_of(container), "windowsOptions"), "hostProcess", false);
}

void
pod_check_host_process(struct exam *e)
{
  bool pod = json_get_bool(json_get(exam_pod_context(e), "windowsOptions"), "hostProcess", false);
  struct json *bad = exam_pick(e, is_host_process, NULL);

  if (!pod && !json_count(bad))
    return;
  e->reason = "hostProcess";
  e->detail =
      arena_printf(e->a, "%s must not set securityContext.windowsOptions.hostProcess=true", exam_setters(e, pod, bad));
}
