/*
 * Every namespace has a service account "default" and a config map
 * "kube-root-ca.crt", which says what it should say whoever changes it
 * (pkg/controller/serviceaccount, pkg/controller/certificates/rootcacertpublisher).
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
  else if (what == WATCH_CONFIGMAPS && strcmp(object_name(o), ROOT_CA) == 0)
    workqueue_add(ctl->queue, span_of(object_namespace(o)));
  else if (what == WATCH_SERVICEACCOUNTS && change->type == KCLIENT_DELETED && strcmp(object_name(o), ACCOUNT) == 0)
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

static void
set_root_ca(struct arena *a, struct json *o, const char *ca)
{
  struct json *data = json_new_object(a);

  json_set_str(
      a, json_ensure_object(a, json_find(o, "metadata"), "annotations"), "kubernetes.io/description",
      "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
      "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
      "clusters.");
  json_set_str(a, data, "ca.crt", ca);
  json_set(a, o, "data", data);
}

static int
publish_root_ca(struct controller *ctl, struct arena *a, const char *ns, const char *ca, struct kerr *reterr)
{
  struct record *there = controllers_get(ctl->all, a, WATCH_CONFIGMAPS, ns, ROOT_CA);
  struct json *o = there ? json_copy(a, record_tree(there)) : object_new(a, "ConfigMap", ns, ROOT_CA);

  set_root_ca(a, o, ca);
  if (!there)
    return create_unless_there(ctl, &KC_CONFIGMAPS, ns, o, reterr);
  if (json_equal(o, record_tree(there)))
    return 0;
  return kclient_update(ctl->all->config.client, &KC_CONFIGMAPS, NULL, o, NULL, reterr);
}

static int
sync(struct controller *ctl, const char *key, struct arena *a, struct kerr *reterr)
{
  struct record *ns = controllers_get(ctl->all, a, WATCH_NAMESPACES, NULL, key);
  const char *ca = ctl->all->config.root_ca_pem;
  int r = 0;

  if (!ns || object_is_deleting(record_tree(ns)))
    return 0;
  if (!controllers_get(ctl->all, a, WATCH_SERVICEACCOUNTS, key, ACCOUNT))
    r = create_unless_there(ctl, &KC_SERVICEACCOUNTS, key, object_new(a, "ServiceAccount", key, ACCOUNT), reterr);
  return r < 0 || !ca ? r : publish_root_ca(ctl, a, key, ca, reterr);
}

const struct controller_ops serviceaccount_controller_ops = {
  .name = "serviceaccount-controller",
  .watches = 1u << WATCH_NAMESPACES | 1u << WATCH_SERVICEACCOUNTS | 1u << WATCH_CONFIGMAPS,
  .changed = changed,
  .sync = sync,
};
