/*
 * Pods that came with a node of their own, in the classic mode: nobody negotiates for them, the driver is just told the
 * node (pkg/controller/resourceclaim/controller.go of 1.28 to 1.31: ensurePodSchedulingContext).
 */
#include <string.h>

#include "claim_controller.h"

static int
create(struct controller *ctl, struct arena *a, const struct json *pod, const char *node, struct kerr *reterr)
{
  const struct kclient_resource *res = ctl->all->dra->scheduling;
  struct json *o = json_new_object(a), *meta;
  int r;

  json_set_str(a, o, "apiVersion", gv_text(a, res->group, res->version));
  json_set_str(a, o, "kind", res->kind);
  meta = json_ensure_object(a, o, "metadata");
  json_set_str(a, meta, "name", object_name(pod));
  json_set_str(a, meta, "namespace", object_namespace(pod));
  (void)claim_add_pod_owner(a, meta, pod);
  json_set_str(a, json_ensure_object(a, o, "spec"), "selectedNode", node);
  r = kclient_create(ctl->all->config.client, res, object_namespace(pod), o, NULL, reterr);
  return r < 0 ? kerr_wrap(reterr, "create %s %s/%s", res->kind, object_namespace(pod), object_name(pod)) : 0;
}

int
claim_ask_driver(struct controller *ctl, struct arena *a, const struct json *pod, struct kerr *reterr)
{
  const struct kclient_resource *res = ctl->all->dra->scheduling;
  const char *node = json_get_str_or(json_get(pod, "spec"), "nodeName", "");
  _cleanup_record_ struct record *now = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *copy;

  if (kclient_get(ctl->all->config.client, res, object_namespace(pod), object_name(pod), &now, &err) < 0) {
    if (err.code == KERR_NOT_FOUND)
      return create(ctl, a, pod, node, reterr);
    (void)kerr_move(reterr, &err);
    return kerr_wrap(reterr, "retrieve %s", res->kind);
  }
  if (strcmp(json_get_str_or(json_get(record_tree(now), "spec"), "selectedNode", ""), node) == 0)
    return 0;
  copy = json_copy(a, record_tree(now));
  json_set_str(a, json_ensure_object(a, copy, "spec"), "selectedNode", node);
  if (kclient_update(ctl->all->config.client, res, NULL, copy, NULL, reterr) < 0)
    return kerr_wrap(reterr, "update spec.selectedNode in %s %s/%s", res->kind, object_namespace(pod),
                     object_name(pod));
  return 0;
}
