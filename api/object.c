#include "object.h"

#include <string.h>

char *
gv_text(struct arena *a, const char *group, const char *version)
{
  return *group ? arena_printf(a, "%s/%s", group, version) : arena_strdup(a, version);
}

int
gv_parse(struct arena *a, const char *text, const char **ret_group, const char **ret_version, struct kerr *reterr)
{
  const char *slash = strchr(text, '/');

  if (slash && strchr(slash + 1, '/'))
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "unexpected GroupVersion string: %s", text);
  *ret_group = slash ? arena_strndup(a, text, (size_t)(slash - text)) : "";
  *ret_version = arena_strdup(a, slash ? slash + 1 : text);
  return 0;
}

static const char *
meta_str(const struct json *o, const char *name)
{
  return json_get_str_or(json_get(o, "metadata"), name, "");
}

const char *
object_api_version(const struct json *o)
{
  return json_get_str_or(o, "apiVersion", "");
}

const char *
object_kind(const struct json *o)
{
  return json_get_str_or(o, "kind", "");
}

const char *
object_name(const struct json *o)
{
  return meta_str(o, "name");
}

const char *
object_namespace(const struct json *o)
{
  return meta_str(o, "namespace");
}

const char *
object_uid(const struct json *o)
{
  return meta_str(o, "uid");
}

const char *
object_resource_version(const struct json *o)
{
  return meta_str(o, "resourceVersion");
}

int64_t
object_generation(const struct json *o)
{
  return json_get_int(json_get(o, "metadata"), "generation", 0);
}

const struct json *
object_labels(const struct json *o)
{
  return json_dig(o, "metadata", "labels", NULL);
}

const struct json *
object_annotations(const struct json *o)
{
  return json_dig(o, "metadata", "annotations", NULL);
}

bool
object_is_deleting(const struct json *o)
{
  return json_is(json_dig(o, "metadata", "deletionTimestamp", NULL), JSON_STRING);
}

bool
object_has_finalizer(const struct json *o, const char *finalizer)
{
  return json_list_has(json_dig(o, "metadata", "finalizers", NULL), finalizer);
}

const struct json *
object_controller(const struct json *o)
{
  for (json_each_item (ref, json_dig(o, "metadata", "ownerReferences", NULL)))
    if (json_get_bool(*ref, "controller", false))
      return *ref;
  return NULL;
}

bool
object_is_controlled_by(const struct json *o, const char *uid)
{
  const char *owner = json_get_str(object_controller(o), "uid");

  return owner && strcmp(owner, uid) == 0;
}

char *
object_key(struct arena *a, const struct json *o)
{
  const char *ns = object_namespace(o);

  return arena_printf(a, "%s%s%s", ns, *ns ? "/" : "", object_name(o));
}

const struct json *
object_condition(const struct json *o, const char *type)
{
  for (json_each_item (c, json_dig(o, "status", "conditions", NULL)))
    if (span_is(json_span(json_get(*c, "type")), type))
      return *c;
  return NULL;
}

bool
object_condition_is_true(const struct json *o, const char *type)
{
  return strcmp(json_get_str_or(object_condition(o, type), "status", ""), "True") == 0;
}

/* Set a string member; true when it was another one. */
static bool
change_str(struct arena *a, struct json *obj, const char *name, const char *value)
{
  if (span_is(json_span(json_get(obj, name)), value))
    return false;
  json_set_str(a, obj, name, value);
  return true;
}

bool
object_set_condition(struct arena *a, struct json *o, const char *type, const char *status, const char *reason,
                     const char *message, int64_t now)
{
  struct json *list = json_ensure_array(a, json_ensure_object(a, o, "status"), "conditions"), *c = NULL;
  char text[CLOCK_TEXT_MAX];
  bool changed;

  for (uint32_t i = 0; i < list->count && !c; i++)
    if (span_is(json_span(json_get(json_item(list, i), "type")), type))
      c = json_item(list, i);
  if (!c) {
    c = json_append(a, list, json_new_object(a));
    json_set_str(a, c, "type", type);
  }
  changed = change_str(a, c, "status", status);
  if (changed)
    json_set_str(a, c, "lastTransitionTime", clock_rfc3339(now, false, text));
  changed |= change_str(a, c, "reason", reason);
  changed |= change_str(a, c, "message", message);
  return changed;
}
