/* The restricted standard: what hardens a pod. */
#include "pod_security_internal.h"

#include <string.h>

static bool
may_escalate(struct exam *e, const struct json *container, void *arg)
{
  (void)e;
  (void)arg;
  return json_get_bool(exam_context_of(container), "allowPrivilegeEscalation", true);
}

void
pod_check_escalation(struct exam *e)
{
  struct json *bad = exam_pick(e, may_escalate, NULL);

  if (!json_count(bad))
    return;
  e->reason = "allowPrivilegeEscalation != false";
  e->detail = arena_printf(e->a, "%s must set securityContext.allowPrivilegeEscalation=false", exam_containers(e, bad));
}

void
pod_check_escalation_25(struct exam *e)
{
  if (!exam_is_windows(e))
    pod_check_escalation(e);
}

static bool
keeps_capabilities(struct exam *e, const struct json *container, void *arg)
{
  (void)e;
  (void)arg;
  return !json_list_has(json_dig(exam_context_of(container), "capabilities", "drop", NULL), "ALL");
}

static bool
adds_any_capability(struct exam *e, const struct json *container, void *found)
{
  bool bad = false;

  for (json_each_item (c, json_dig(exam_context_of(container), "capabilities", "add", NULL)))
    if (strcmp(json_str(*c), "NET_BIND_SERVICE") != 0) {
      exam_set_add(e, found, json_str(*c));
      bad = true;
    }
  return bad;
}

void
pod_check_drop_all(struct exam *e)
{
  struct json *found = json_new_array(e->a), *details = json_new_array(e->a);
  struct json *keeping = exam_pick(e, keeps_capabilities, NULL), *adding = exam_pick(e, adds_any_capability, found);

  if (json_count(keeping))
    json_append_str(
        e->a, details,
        arena_printf(e->a, "%s must set securityContext.capabilities.drop=[\"ALL\"]", exam_containers(e, keeping)));
  if (json_count(adding))
    json_append_str(e->a, details,
                    arena_printf(e->a, "%s must not include %s in securityContext.capabilities.add",
                                 exam_containers(e, adding), exam_quoted(e, found)));
  if (!json_count(details))
    return;
  e->reason = "unrestricted capabilities";
  e->detail = exam_joined(e, details, "; ");
}

void
pod_check_drop_all_25(struct exam *e)
{
  if (!exam_is_windows(e))
    pod_check_drop_all(e);
}

/* The one member of a volume that says what it is. */
static const char *
volume_type(const struct json *volume)
{
  static const char *const types[] = { "hostPath",
                                       "gcePersistentDisk",
                                       "awsElasticBlockStore",
                                       "gitRepo",
                                       "nfs",
                                       "iscsi",
                                       "glusterfs",
                                       "rbd",
                                       "flexVolume",
                                       "cinder",
                                       "cephfs",
                                       "flocker",
                                       "fc",
                                       "azureFile",
                                       "vsphereVolume",
                                       "quobyte",
                                       "azureDisk",
                                       "photonPersistentDisk",
                                       "portworxVolume",
                                       "scaleIO",
                                       "storageos" };

  for (size_t i = 0; i < ARRAY_SIZE(types); i++)
    if (json_get(volume, types[i]))
      return types[i];
  return "unknown";
}

static bool
is_free_volume(const struct json *volume)
{
  static const char *const types[] = { "configMap", "csi",   "downwardAPI",           "emptyDir",
                                       "ephemeral", "image", "persistentVolumeClaim", "projected",
                                       "secret" };

  for (size_t i = 0; i < ARRAY_SIZE(types); i++)
    if (json_get(volume, types[i]))
      return true;
  return false;
}

void
pod_check_volumes(struct exam *e)
{
  struct json *bad = json_new_array(e->a), *types = json_new_array(e->a);

  for (json_each_item (v, json_get(e->spec, "volumes"))) {
    if (is_free_volume(*v))
      continue;
    json_append_str(e->a, bad, exam_name_of(*v));
    exam_set_add(e, types, volume_type(*v));
  }
  if (!json_count(bad))
    return;
  e->reason = "restricted volume types";
  e->detail =
      arena_printf(e->a, "%s %s %s %s", exam_named(e, bad, "volume", "volumes"), exam_plural(bad, "uses", "use"),
                   exam_plural(types, "restricted volume type", "restricted volume types"), exam_quoted(e, types));
}

static bool
says_root(struct exam *e, const struct json *container, void *arg)
{
  (void)e;
  (void)arg;
  return !json_get_bool(exam_context_of(container), "runAsNonRoot", true);
}

static bool
says_nothing_of_root(struct exam *e, const struct json *container, void *arg)
{
  (void)e;
  (void)arg;
  return !json_get(exam_context_of(container), "runAsNonRoot");
}

void
pod_check_non_root(struct exam *e)
{
  const struct json *said = json_get(exam_pod_context(e), "runAsNonRoot");
  bool pod = json_is(said, JSON_BOOL) && !said->u.boolean, good = json_is(said, JSON_BOOL) && said->u.boolean;
  struct json *bad = exam_pick(e, says_root, NULL), *silent = exam_pick(e, says_nothing_of_root, NULL);

  if (pod || json_count(bad))
    e->detail = arena_printf(e->a, "%s must not set securityContext.runAsNonRoot=false", exam_setters(e, pod, bad));
  else if (!good && json_count(silent))
    e->detail = arena_printf(e->a, "pod or %s must set securityContext.runAsNonRoot=true", exam_containers(e, silent));
  else
    return;
  e->reason = "runAsNonRoot != true";
}

void
pod_check_non_root_35(struct exam *e)
{
  if (!exam_in_user_namespace(e))
    pod_check_non_root(e);
}

static bool
is_root(const struct json *context)
{
  return json_get_int(context, "runAsUser", 1) == 0;
}

static bool
runs_as_root(struct exam *e, const struct json *container, void *arg)
{
  (void)e;
  (void)arg;
  return is_root(exam_context_of(container));
}

void
pod_check_user(struct exam *e)
{
  bool pod = is_root(exam_pod_context(e));
  struct json *bad = exam_pick(e, runs_as_root, NULL);

  if (!pod && !json_count(bad))
    return;
  e->reason = "runAsUser=0";
  e->detail = arena_printf(e->a, "%s must not set runAsUser=0", exam_setters(e, pod, bad));
}

void
pod_check_user_35(struct exam *e)
{
  if (!exam_in_user_namespace(e))
    pod_check_user(e);
}

static bool
has_no_seccomp(struct exam *e, const struct json *container, void *arg)
{
  (void)e;
  (void)arg;
  return !json_get(exam_context_of(container), "seccompProfile");
}

void
pod_check_seccomp_set(struct exam *e)
{
  struct json *silent = exam_pick(e, has_no_seccomp, NULL);

  pod_check_seccomp(e);
  if (e->reason || json_get(exam_pod_context(e), "seccompProfile") || !json_count(silent))
    return;
  e->reason = "seccompProfile";
  e->detail = arena_printf(
      e->a, "pod or %s must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"",
      exam_containers(e, silent));
}

void
pod_check_seccomp_set_25(struct exam *e)
{
  if (!exam_is_windows(e))
    pod_check_seccomp_set(e);
}
