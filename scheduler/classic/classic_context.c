#include "classic_context.h"

#include <string.h>

#include "ceilings.h"

#define MANAGER_QUERY "fieldManager=kube-scheduler&force=true"

/* -- reading -- */

const char *
classic_selected_node(const struct json *context)
{
  return json_get_str_or(json_get(context, "spec"), "selectedNode", "");
}

bool
classic_is_potential_node(const struct json *context, const char *node)
{
  return json_list_has(json_dig(context, "spec", "potentialNodes", NULL), node);
}

const struct json *
classic_answer(const struct json *context, const char *entry)
{
  return json_list_find(json_dig(context, "status", "resourceClaims", NULL), "name", entry);
}

bool
classic_is_unsuitable(const struct json *answer, const char *node)
{
  return json_list_has(json_get(answer, "unsuitableNodes"), node);
}

size_t
classic_answers(const struct json *context)
{
  return json_count(json_dig(context, "status", "resourceClaims", NULL));
}

/* -- writing -- */

static void
set_spec(struct arena *a, struct json *object, const struct classic_wish *wish)
{
  struct json *spec = json_ensure_object(a, object, "spec");

  if (wish->selected && *wish->selected)
    json_set_str(a, spec, "selectedNode", wish->selected);
  else if (wish->selected)
    json_remove(spec, "selectedNode");
  if (wish->potential)
    json_set(a, spec, "potentialNodes", json_copy(a, wish->potential));
}

static struct json *
object_new(struct arena *a, const struct kclient_dra *api, const struct json *pod)
{
  struct json *o = json_new_object(a), *meta;

  json_set_str(a, o, "apiVersion", gv_text(a, api->scheduling->group, api->scheduling->version));
  json_set_str(a, o, "kind", api->scheduling->kind);
  meta = json_ensure_object(a, o, "metadata");
  json_set_str(a, meta, "name", object_name(pod));
  json_set_str(a, meta, "namespace", object_namespace(pod));
  return o;
}

static int
create(struct kclient *c, const struct kclient_dra *api, struct arena *a, const struct json *pod,
       const struct classic_wish *wish, struct record **ret, struct kerr *reterr)
{
  struct json *o = object_new(a, api, pod), *meta = json_ensure_object(a, o, "metadata"), *owner;

  owner = json_append(a, json_ensure_array(a, meta, "ownerReferences"), json_new_object(a));
  json_set_str(a, owner, "apiVersion", "v1");
  json_set_str(a, owner, "kind", "Pod");
  json_set_str(a, owner, "name", object_name(pod));
  json_set_str(a, owner, "uid", object_uid(pod));
  json_set_bool(a, owner, "controller", true);
  json_set_bool(a, owner, "blockOwnerDeletion", true);
  set_spec(a, o, wish);
  return kclient_create(c, api->scheduling, object_namespace(pod), o, ret, reterr);
}

/* The whole intent: what is not sent would be taken away. */
static int
apply(struct kclient *c, const struct kclient_dra *api, struct arena *a, const struct json *pod,
      const struct json *context, const struct classic_wish *wish, struct record **ret, struct kerr *reterr)
{
  struct classic_wish whole = *wish;
  struct json *o = object_new(a, api, pod);

  if (!whole.potential)
    whole.potential = json_dig(context, "spec", "potentialNodes", NULL);
  set_spec(a, o, &whole);
  if (whole.selected && !*whole.selected) /* said, or it would be left as it is */
    json_set_str(a, json_ensure_object(a, o, "spec"), "selectedNode", "");
  return kclient_patch(c, api->scheduling, NULL, object_namespace(pod), object_name(pod), KCLIENT_APPLY_PATCH,
                       MANAGER_QUERY, o, ret, reterr);
}

int
classic_context_publish(struct kclient *c, const struct kclient_dra *api, const struct json *pod,
                        const struct json *context, const struct classic_wish *wish, struct record **ret,
                        struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *copy;

  if (!context)
    return create(c, api, a, pod, wish, ret, reterr);
  copy = json_copy(a, context);
  set_spec(a, copy, wish);
  if (kclient_update(c, api->scheduling, NULL, copy, ret, &err) == 0)
    return 0;
  return err.code == KERR_CONFLICT ? apply(c, api, a, pod, context, wish, ret, reterr) : kerr_move(reterr, &err);
}
