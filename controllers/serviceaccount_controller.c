/*
 * Every namespace has a service account "default" and a config map
 * "kube-root-ca.crt" (pkg/controller/serviceaccount, pkg/controller/certificates/rootcacertpublisher).
 */
#include <string.h>

#include "controllers_internal.h"

#define ACCOUNT "default"
#define ROOT_CA "kube-root-ca.crt"

static void
changed(struct controller *ctl, enum watched what, const struct kclient_change *change)
{
  const struct json *o = change->record ? record_tree(change->record) : NULL;

  if (!o)
    return;
  if (what == WATCH_NAMESPACES && change->type != KCLIENT_DELETED)
    workqueue_add(ctl->queue, span_of(object_name(o)));
  else if (change->type == KCLIENT_DELETED && strcmp(object_name(o), what == WATCH_CONFIGMAPS ? ROOT_CA : ACCOUNT) == 0)
    workqueue_add(ctl->queue, span_of(object_namespace(o)));
}

static struct json *
object_new(struct arena *a, const char *kind, const char *ns, const char *name)
{
  struct json *o = json_new_object(a), *meta;

  json_set_str(a, o, "apiVersion", "v1");
  json_set_str(a, o, "kind", kind);
  meta = json_ensure_object(a, o, "metadata");
  json_set_str(a, meta, "name", name);
  json_set_str(a, meta, "namespace", ns);
  return o;
}

/* Somebody else made it first, or the namespace began to go: both are fine. */
static int
create_unless_there(struct controller *ctl, const struct kclient_resource *res, const char *ns, const struct json *o,
                    struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int r = kclient_create(ctl->all->config.client, res, ns, o, NULL, &err);

  if (r < 0 && err.code != KERR_ALREADY_EXISTS && err.code != KERR_NOT_FOUND && err.code != KERR_FORBIDDEN)
    return kerr_move(reterr, &err);
  return 0;
}

static int
sync(struct controller *ctl, const char *key, struct arena *a, struct kerr *reterr)
{
  struct record *ns = controllers_get(ctl->all, a, WATCH_NAMESPACES, NULL, key);
  const char *ca = ctl->all->config.root_ca_pem;
  struct json *o;
  int r = 0;

  if (!ns || object_is_deleting(record_tree(ns)))
    return 0;
  if (!controllers_get(ctl->all, a, WATCH_SERVICEACCOUNTS, key, ACCOUNT))
    r = create_unless_there(ctl, &KC_SERVICEACCOUNTS, key, object_new(a, "ServiceAccount", key, ACCOUNT), reterr);
  if (r < 0 || !ca || controllers_get(ctl->all, a, WATCH_CONFIGMAPS, key, ROOT_CA))
    return r;
  o = object_new(a, "ConfigMap", key, ROOT_CA);
  json_set_str(
      a, json_ensure_object(a, json_find(o, "metadata"), "annotations"), "kubernetes.io/description",
      "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
      "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
      "clusters.");
  json_set_str(a, json_ensure_object(a, o, "data"), "ca.crt", ca);
  return create_unless_there(ctl, &KC_CONFIGMAPS, key, o, reterr);
}

const struct controller_ops serviceaccount_controller_ops = {
  .name = "serviceaccount-controller",
  .watches = 1u << WATCH_NAMESPACES | 1u << WATCH_SERVICEACCOUNTS | 1u << WATCH_CONFIGMAPS,
  .changed = changed,
  .sync = sync,
};
