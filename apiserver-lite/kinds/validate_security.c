/*
 * Security contexts of pods and containers, and the annotations that some of it was said in before:
 * core/validation's ValidateSecurityContext, validatePodSpecSecurityContext and what they call.
 */
#include <ctype.h>
#include <limits.h>

#include "object.h"
#include "validate_pod.h"

#define LOCALHOST       "Localhost"
#define RUNTIME_DEFAULT "RuntimeDefault"
#define UNCONFINED      "Unconfined"

static const char *const profile_types[] = { LOCALHOST, RUNTIME_DEFAULT, UNCONFINED, NULL };

#define SECCOMP_POD       "seccomp.security.alpha.kubernetes.io/pod"
#define SECCOMP_CONTAINER "container.seccomp.security.alpha.kubernetes.io/"
#define APPARMOR          "container.apparmor.security.beta.kubernetes.io/"

/* -- profiles -- */

static void
check_seccomp(struct validation *v, const struct vpath *path, const struct json *p)
{
  const struct json *file = json_get(p, "localhostProfile");
  const struct vpath *at = VP(path, "localhostProfile");
  if (json_type(p) == JSON_NULL)
    return;
  if (!json_text_of(p, "type").n)
    verr_required(v, VP(path, "type"), "type is required when seccompProfile is set");
  else
    validate_known(v, VP(path, "type"), json_get(p, "type"), profile_types);
  if (!span_is(json_text_of(p, "type"), LOCALHOST)) {
    if (json_type(file) != JSON_NULL)
      verr_add(v, FIELD_INVALID, at, vgo(v, p, "io.k8s.api.core.v1.SeccompProfile"),
               "can only be set when seccomp type is Localhost");
  } else if (json_type(file) == JSON_NULL)
    verr_required(v, at, "must be set when seccomp type is Localhost");
  else
    check_path_below(v, at, json_span(file));
}

#define PATH_LENGTH_MAX 4095

static void
check_apparmor(struct validation *v, const struct vpath *path, const struct json *p)
{
  const struct json *name = json_get(p, "localhostProfile");
  struct span type = json_text_of(p, "type"), text = json_text_of(p, "localhostProfile");
  const struct vpath *at = VP(path, "localhostProfile");
  if (json_type(p) == JSON_NULL)
    return;
  if (!type.n) {
    verr_required(v, VP(path, "type"), "type is required when appArmorProfile is set");
  } else if (!validate_is_one_of(type, profile_types)) {
    validate_known(v, VP(path, "type"), json_get(p, "type"), profile_types);
  } else if (!span_is(type, LOCALHOST)) {
    if (json_type(name) != JSON_NULL)
      verr_invalid(v, at, text, "can only be set when AppArmor type is Localhost");
  } else {
    if (span_trim(text).n != text.n)
      verr_invalid(v, at, text, "must not be padded with whitespace");
    else if (!text.n)
      verr_required(v, at, "must be set when AppArmor type is Localhost");
    if (text.n > PATH_LENGTH_MAX)
      verr_too_long(v, at, PATH_LENGTH_MAX);
  }
}

/* -- Windows -- */

#define CREDENTIAL_KIB_MAX 64
#define DOMAIN_BELOW       256
#define USER_MAX           104

static bool
has_any(struct span s, const char *chars)
{
  for (size_t i = 0; i < s.n; i++)
    if (s.p[i] && strchr(chars, s.p[i]))
      return true;
  return false;
}

static bool
is_dns_domain(struct span s)
{
  for (struct span rest = s; rest.p;) {
    struct span label = span_cut(rest, '.', &rest);
    if (!label.n || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
      return false;
    for (size_t i = 0; i < label.n; i++)
      if (!isalnum((unsigned char)label.p[i]) && label.p[i] != '-')
        return false;
  }
  return true;
}

static bool
is_netbios(struct span s)
{
  return s.n && s.p[0] != '.' && span_runes(s) <= 15 && !has_any(s, "\\/:*?\"<>|");
}

static void
check_user_parts(struct validation *v, const struct vpath *path, struct span name)
{
  struct span user, domain = span_cut(name, '\\', &user);
  bool has_domain = user.p != NULL, only_dots = true;
  if (!has_domain) {
    user = name;
    domain = SPAN("");
  }
  for (size_t i = 0; i < user.n; i++)
    only_dots &= user.p[i] == '.' || user.p[i] == ' ';
  if (domain.n >= DOMAIN_BELOW)
    verr_invalid(v, path, name, "runAsUserName's Domain length must be under 256 characters");
  if (has_domain && !is_netbios(domain) && !is_dns_domain(domain))
    verr_invalid(v, path, name, "runAsUserName's Domain doesn't match the NetBios nor the DNS format");
  if (!user.n)
    verr_invalid(v, path, name, "runAsUserName's User cannot be empty");
  else if (user.n > USER_MAX)
    verr_invalid(v, path, name, "runAsUserName's User length must not be longer than 104 characters");
  if (user.n && only_dots)
    verr_invalid(v, path, name, "runAsUserName's User cannot contain only periods or spaces");
  if (has_any(user, "\"/\\:;|=,+*?<>@[]"))
    verr_invalid(v, path, name, "runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]");
}

static void
check_user_name(struct validation *v, const struct vpath *path, struct span name)
{
  size_t slashes = 0;
  bool control = false;
  for (size_t i = 0; i < name.n; i++) {
    slashes += name.p[i] == '\\';
    control |= iscntrl((unsigned char)name.p[i]) != 0;
  }
  if (!name.n)
    verr_invalid(v, path, name, "runAsUserName cannot be an empty string");
  else if (control)
    verr_invalid(v, path, name, "runAsUserName cannot contain control characters");
  else if (slashes > 1)
    verr_invalid(v, path, name, "runAsUserName cannot contain more than one backslash");
  else
    check_user_parts(v, path, name);
}

static void
check_windows(struct validation *v, const struct vpath *path, const struct json *o)
{
  struct span spec = json_text_of(o, "gmsaCredentialSpec");
  if (json_has(o, "gmsaCredentialSpecName"))
    (void)verr_format(v, VP(path, "gmsaCredentialSpecName"), json_text_of(o, "gmsaCredentialSpecName"),
                      TEXT_DNS_SUBDOMAIN);
  if (json_has(o, "gmsaCredentialSpec") && !spec.n)
    verr_invalid(v, VP(path, "gmsaCredentialSpec"), spec, "gmsaCredentialSpec cannot be an empty string");
  else if (spec.n > CREDENTIAL_KIB_MAX << 10)
    verr_invalid(v, VP(path, "gmsaCredentialSpec"), spec, "gmsaCredentialSpec size must be under 64 KiB");
  if (json_has(o, "runAsUserName"))
    check_user_name(v, VP(path, "runAsUserName"), json_text_of(o, "runAsUserName"));
}

/* -- containers -- */

static void
check_escalation(struct validation *v, const struct vpath *path, const struct json *sc)
{
  const char *shown = vgo(v, sc, "io.k8s.api.core.v1.SecurityContext");
  if (json_get_bool(sc, "allowPrivilegeEscalation", true))
    return;
  if (json_get_bool(sc, "privileged", false))
    verr_add(v, FIELD_INVALID, path, shown, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
  for (json_each_item (p, json_dig(sc, "capabilities", "add", NULL)))
    if (span_is(json_span(*p), "CAP_SYS_ADMIN"))
      verr_add(v, FIELD_INVALID, path, shown,
               "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN");
}

void
validate_container_security(struct validation *v, const struct vpath *path, const struct json *sc,
                            const struct json *spec)
{
  static const char *const mounts[] = { "Default", "Unmasked", NULL };
  struct span mount = json_text_of(sc, "procMount");
  if (json_type(sc) == JSON_NULL)
    return;
  validate_user_id(v, path, sc, "runAsUser");
  validate_user_id(v, path, sc, "runAsGroup");
  validate_known(v, VP(path, "procMount"), json_get(sc, "procMount"), mounts);
  if (span_is(mount, "Unmasked") && json_get_bool(spec, "hostUsers", true))
    verr_invalid(v, VP(path, "procMount"), mount, "`hostUsers` must be false to use `Unmasked`");
  check_seccomp(v, VP(path, "seccompProfile"), json_get(sc, "seccompProfile"));
  check_escalation(v, path, sc);
  check_windows(v, VP(path, "windowsOptions"), json_get(sc, "windowsOptions"));
  check_apparmor(v, VP(path, "appArmorProfile"), json_get(sc, "appArmorProfile"));
}

/* -- pods -- */

#define SYSCTL_MAX   253
#define SYSCTL_PART  "[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
#define SYSCTL_REGEX "^(" SYSCTL_PART "[\\./])*" SYSCTL_PART "$"

static bool
is_sysctl(struct span s)
{
  for (size_t i = 0; i < s.n; i++) {
    bool word = islower((unsigned char)s.p[i]) || isdigit((unsigned char)s.p[i]),
         separates = s.p[i] == '.' || s.p[i] == '/', inner = s.p[i] == '-' || s.p[i] == '_';
    bool edge =
        i == 0 || i + 1 == s.n || s.p[i - 1] == '.' || s.p[i - 1] == '/' || s.p[i + 1] == '.' || s.p[i + 1] == '/';
    if (!word && (edge || (!separates && !inner)))
      return false;
  }
  return s.n > 0 && s.n <= SYSCTL_MAX;
}

/* A setting of a namespace that the pod shares with its host (component-helpers' sysctl.GetNamespace). */
static void
check_host_sysctl(struct validation *v, const struct vpath *path, struct span name, const struct json *spec)
{
  static const char *const ipc[] = {
    "kernel.sem", "kernel.shm",    "kernel.shmall", "kernel.shmmax", "kernel.shmmni",
    "kernel.msg", "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.shm_rmid_forced",
    NULL
  };
  char *dotted = arena_strndup(v->a, name.p, name.n);
  if (strcspn(dotted, "./") < name.n && dotted[strcspn(dotted, "./")] == '/')
    for (char *c = dotted; *c; c++)
      *c = *c == '/' ? '.' : *c == '.' ? '/' : *c;
  struct span s = span_of(dotted);
  if (json_get_bool(spec, "hostNetwork", false) && span_starts(s, SPAN("net.")))
    verr_invalid(v, path, name, "may not be specified when 'hostNetwork' is true");
  else if (json_get_bool(spec, "hostIPC", false) && (validate_is_one_of(s, ipc) || span_starts(s, SPAN("fs.mqueue."))))
    verr_invalid(v, path, name, "may not be specified when 'hostIPC' is true");
}

static void
check_sysctls(struct validation *v, const struct vpath *path, const struct json *list, const struct json *spec)
{
  for (size_t i = 0; i < json_count(list); i++) {
    struct span name = json_text_of(json_at(list, i), "name");
    const struct vpath *at = VP(VP_ITEM(path, i), "name");
    if (!name.n)
      verr_required(v, at, "");
    else if (!is_sysctl(name))
      verr_invalid(v, at, name,
                   arena_printf(v->a, "must have at most %d characters and match regex %s", SYSCTL_MAX, SYSCTL_REGEX));
    else if (validate_find_named(list, name) != json_at(list, i))
      verr_duplicate(v, at, name);
    check_host_sysctl(v, at, name, spec);
  }
}

void
validate_pod_security(struct validation *v, const struct vpath *path, const struct json *sc, const struct json *spec)
{
  static const char *const ids[] = { "fsGroup", "runAsUser", "runAsGroup" };
  static const char *const changes[] = { "Always", "OnRootMismatch", NULL },
                           *const groups[] = { "Merge", "Strict", NULL },
                           *const labels[] = { "MountOption", "Recursive", NULL };
  const struct json *more = json_get(sc, "supplementalGroups");
  if (json_type(sc) == JSON_NULL)
    return;
  for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
    validate_user_id(v, path, sc, ids[i]);
  for (size_t i = 0; i < json_count(more); i++)
    validate_id(v, VP_ITEM(VP(path, "supplementalGroups"), i), json_int_or(json_at(more, i), 0));
  check_sysctls(v, VP(path, "sysctls"), json_get(sc, "sysctls"), spec);
  validate_known(v, VP(path, "fsGroupChangePolicy"), json_get(sc, "fsGroupChangePolicy"), changes);
  check_seccomp(v, VP(path, "seccompProfile"), json_get(sc, "seccompProfile"));
  check_windows(v, VP(path, "windowsOptions"), json_get(sc, "windowsOptions"));
  check_apparmor(v, VP(path, "appArmorProfile"), json_get(sc, "appArmorProfile"));
  validate_known(v, VP(path, "supplementalGroupsPolicy"), json_get(sc, "supplementalGroupsPolicy"), groups);
  validate_known(v, VP(path, "seLinuxChangePolicy"), json_get(sc, "seLinuxChangePolicy"), labels);
}

/* -- annotations -- */

static void
check_seccomp_text(struct validation *v, const struct vpath *path, struct span s)
{
  if (span_is(s, "runtime/default") || span_is(s, "docker/default") || span_is(s, "unconfined"))
    return;
  if (span_starts(s, SPAN("localhost/")))
    check_path_below(v, path, span_make(s.p + 10, s.n - 10));
  else
    verr_invalid(v, path, s, "must be a valid seccomp profile");
}

static void
check_apparmor_text(struct validation *v, const struct vpath *path, struct span s)
{
  if (s.n && !span_is(s, "runtime/default") && !span_is(s, "unconfined") && !span_starts(s, SPAN("localhost/")))
    verr_invalid(v, path, s, arena_printf(v->a, "invalid AppArmor profile name: %s", vquote(v->a, s)));
}

static bool
has_container(const struct json *spec, struct span name)
{
  return validate_find_named(json_get(spec, "initContainers"), name) ||
         validate_find_named(json_get(spec, "containers"), name) ||
         validate_find_named(json_get(spec, "ephemeralContainers"), name);
}

void
validate_security_annotations(struct validation *v, const struct vpath *path, const struct json *annotations,
                              const struct json *spec)
{
  const struct json *whole = json_get(annotations, SECCOMP_POD);
  if (whole)
    check_seccomp_text(v, VP(path, SECCOMP_POD), json_span(whole));
  for (json_each_member (m, annotations))
    if (span_starts(span_of(m->name), SPAN(SECCOMP_CONTAINER)))
      check_seccomp_text(v, VP(path, m->name), json_span(m->value));
  for (json_each_member (m, annotations)) {
    struct span container = span_of(m->name);
    if (!span_starts(container, SPAN(APPARMOR)))
      continue;
    container = span_make(container.p + sizeof APPARMOR - 1, container.n - (sizeof APPARMOR - 1));
    if (!has_container(spec, container))
      verr_invalid(v, VP_KEY(path, m->name), container, "container not found");
    check_apparmor_text(v, VP_KEY(path, m->name), json_span(m->value));
  }
}

/* A profile said twice is to be the same. `what`: "seccomp" or "apparmor". */
static void
check_same(struct validation *v, const struct vpath *path, const struct json *annotation, const struct json *profile,
           const char *what)
{
  struct span text = json_span(annotation), type = json_text_of(profile, "type"), file;
  bool local = span_starts(text, SPAN("localhost/")), seccomp = !strcmp(what, "seccomp"), same = true;
  if (!annotation || json_type(profile) == JSON_NULL)
    return;
  if (span_is(type, UNCONFINED))
    same = span_is(text, "unconfined");
  else if (span_is(type, RUNTIME_DEFAULT))
    same = span_is(text, "runtime/default") || (seccomp && span_is(text, "docker/default"));
  else if (span_is(type, LOCALHOST))
    same = local;
  if (!same) {
    verr_forbidden(v, VP(path, "type"), arena_printf(v->a, "%s type in annotation and field must match", what));
    return;
  }
  file = local ? span_make(text.p + 10, text.n - 10) : SPAN("");
  if (span_is(type, LOCALHOST) &&
      (!json_has(profile, "localhostProfile") || !span_eq(json_text_of(profile, "localhostProfile"), file)))
    verr_forbidden(v, VP(path, "localhostProfile"),
                   arena_printf(v->a, "%s profile in annotation and field must match", what));
}

static const struct json *
annotation_of(const struct pod_visit *visit, const char *prefix, const struct json *container)
{
  return json_get(json_get(visit->meta, "annotations"),
                  arena_printf(visit->v->a, "%s%.*s", prefix, SPAN_FMT(json_text_of(container, "name"))));
}

static void
match_seccomp(struct pod_visit *visit, const struct vpath *path, const struct json *container)
{
  check_same(visit->v, VP(VP(path, "securityContext"), "seccompProfile"),
             annotation_of(visit, SECCOMP_CONTAINER, container),
             json_dig(container, "securityContext", "seccompProfile", NULL), "seccomp");
}

static void
match_apparmor(struct pod_visit *visit, const struct vpath *path, const struct json *container)
{
  const struct json *profile = json_dig(container, "securityContext", "appArmorProfile", NULL);
  if (json_type(profile) == JSON_NULL)
    profile = json_dig(visit->spec, "securityContext", "appArmorProfile", NULL);
  check_same(visit->v, VP(VP(path, "securityContext"), "appArmorProfile"), annotation_of(visit, APPARMOR, container),
             profile, "apparmor");
}

void
validate_profiles_match(struct validation *v, const struct vpath *path, const struct json *meta,
                        const struct json *spec)
{
  struct pod_visit visit = { .v = v, .spec = spec, .meta = meta };
  if (!json_count(json_get(meta, "annotations")))
    return;
  check_same(v, VP(VP(path, "securityContext"), "seccompProfile"), json_get(json_get(meta, "annotations"), SECCOMP_POD),
             json_dig(spec, "securityContext", "seccompProfile", NULL), "seccomp");
  validate_visit(&visit, path, match_seccomp);
  if (!span_is(json_text_of(json_get(spec, "os"), "name"), "windows"))
    validate_visit(&visit, path, match_apparmor);
}
