/* ServiceAccount (plugin/pkg/admission/serviceaccount): a pod runs as somebody, and has that somebody's token. */
#include <string.h>

#include "admission.h"
#include "codec.h"
#include "object.h"

#define MOUNT_PATH     "/var/run/secrets/kubernetes.io/serviceaccount"
#define VOLUME_PREFIX  "kube-api-access-"
#define TOKEN_SECONDS  3607 /* an hour and a little: WarnOnlyBoundTokenExpirationSeconds */
#define PROJECTED_MODE 420

static bool
mounts_token(const struct json *pod, const struct json *account)
{
  const struct json *said = json_dig(pod, "spec", "automountServiceAccountToken", NULL);

  if (!said)
    said = json_get(account, "automountServiceAccountToken");
  return !json_is(said, JSON_BOOL) || said->u.boolean;
}

static struct json *
access_volume(struct arena *a, const char *name)
{
  struct json *v = json_new_object(a), *projected, *sources, *one, *items, *ref;

  json_set_str(a, v, "name", name);
  projected = json_ensure_object(a, v, "projected");
  sources = json_ensure_array(a, projected, "sources");
  one = json_ensure_object(a, json_append(a, sources, json_new_object(a)), "serviceAccountToken");
  json_set_int(a, one, "expirationSeconds", TOKEN_SECONDS);
  json_set_str(a, one, "path", "token");
  one = json_ensure_object(a, json_append(a, sources, json_new_object(a)), "configMap");
  json_set_str(a, one, "name", "kube-root-ca.crt");
  items = json_append(a, json_ensure_array(a, one, "items"), json_new_object(a));
  json_set_str(a, items, "key", "ca.crt");
  json_set_str(a, items, "path", "ca.crt");
  one = json_ensure_object(a, json_append(a, sources, json_new_object(a)), "downwardAPI");
  items = json_append(a, json_ensure_array(a, one, "items"), json_new_object(a));
  json_set_str(a, items, "path", "namespace");
  ref = json_ensure_object(a, items, "fieldRef");
  json_set_str(a, ref, "apiVersion", "v1");
  json_set_str(a, ref, "fieldPath", "metadata.namespace");
  json_set_int(a, projected, "defaultMode", PROJECTED_MODE);
  return v;
}

/* An own token volume of the pod's author is used as it is. */
static const char *
own_volume(const struct json *spec)
{
  for (json_each_item (v, json_get(spec, "volumes"))) {
    const char *name = json_get_str_or(*v, "name", "");

    if (strncmp(name, VOLUME_PREFIX, strlen(VOLUME_PREFIX)) == 0 && json_get(*v, "projected"))
      return name;
  }
  return NULL;
}

static bool
mounted_already(const struct json *container)
{
  return json_list_find(json_get(container, "volumeMounts"), "mountPath", MOUNT_PATH) != NULL;
}

static bool
mount_in(struct arena *a, struct json *spec, const char *list, const char *volume)
{
  struct json *containers = json_find(spec, list);
  bool needed = false;

  for (size_t i = 0; i < json_count(containers); i++) {
    struct json *container = json_item(containers, i), *mount;

    if (mounted_already(container))
      continue;
    mount = json_append(a, json_ensure_array(a, container, "volumeMounts"), json_new_object(a));
    json_set_str(a, mount, "name", volume);
    json_set_bool(a, mount, "readOnly", true);
    json_set_str(a, mount, "mountPath", MOUNT_PATH);
    needed = true;
  }
  return needed;
}

static void
add_token(struct rest_call *c, struct json *spec)
{
  const char *own = own_volume(spec), *name = own;
  char suffix[6];

  if (!name)
    name = arena_printf(c->a, VOLUME_PREFIX "%s", codec_rand_suffix(suffix, 5));
  bool init = mount_in(c->a, spec, "initContainers", name), main = mount_in(c->a, spec, "containers", name);

  if ((init || main) && !own)
    json_append(c->a, json_ensure_array(c->a, spec, "volumes"), access_volume(c->a, name));
}

static int
mutate(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  struct json *spec;
  const char *name;
  const struct json *account, *secrets;

  if (old || *c->info.subresource || json_get(object_annotations(o), "kubernetes.io/config.mirror"))
    return 0;
  spec = json_set(c->a, o, "spec", json_copy(c->a, json_get(o, "spec") ? json_get(o, "spec") : json_new_object(c->a)));
  name = json_get_str_or(spec, "serviceAccountName", "");
  if (!*name)
    name = "default";
  account = admission_lookup(c, "", "v1", "serviceaccounts", c->info.namespace_, name);
  if (!account)
    return admission_forbid(c, o,
                            arena_printf(c->a,
                                         "error looking up service account %s/%s: serviceaccount \"%s\" not found",
                                         c->info.namespace_, name, name),
                            reterr);
  json_set_str(c->a, spec, "serviceAccountName", name);
  json_set_str(c->a, spec, "serviceAccount", name);
  if (mounts_token(o, account))
    add_token(c, spec);
  secrets = json_get(account, "imagePullSecrets");
  if (json_count(secrets) && !json_count(json_get(spec, "imagePullSecrets")))
    json_set(c->a, spec, "imagePullSecrets", json_copy(c->a, secrets));
  c->reshape = true;
  return 0;
}

const struct admission_plugin admission_service_account = {
  .name = "ServiceAccount",
  .targets = admission_pods,
  .mutate = mutate,
};
