#include "pod_security_internal.h"

#include <string.h>

/* -- lists of texts -- */

/* Sorted, each once. */
void
exam_set_add(struct exam *e, struct json *set, const char *text)
{
  size_t at = 0;

  if (json_list_has(set, text))
    return;
  while (at < json_count(set) && strcmp(json_str(json_at(set, at)), text) < 0)
    at++;
  json_insert(e->a, set, at, json_new_str(e->a, text));
}

const char *
exam_joined(struct exam *e, const struct json *list, const char *between)
{
  const char *ret = "";

  for (size_t i = 0; i < json_count(list); i++)
    ret = arena_printf(e->a, "%s%s%s", ret, i ? between : "", json_str(json_at(list, i)));
  return ret;
}

/* `"a", "b"` */
const char *
exam_quoted(struct exam *e, const struct json *list)
{
  return json_count(list) ? arena_printf(e->a, "\"%s\"", exam_joined(e, list, "\", \"")) : "";
}

const char *
exam_plural(const struct json *list, const char *one, const char *many)
{
  return json_count(list) == 1 ? one : many;
}

/* `container "a"`, `containers "a", "b"` */
const char *
exam_named(struct exam *e, const struct json *list, const char *one, const char *many)
{
  return arena_printf(e->a, "%s %s", exam_plural(list, one, many), exam_quoted(e, list));
}

const char *
exam_containers(struct exam *e, const struct json *list)
{
  return exam_named(e, list, "container", "containers");
}

/* `pod and container "a"`; "" when neither is at fault. */
const char *
exam_setters(struct exam *e, bool pod, const struct json *list)
{
  const char *who = json_count(list) ? exam_containers(e, list) : "";

  return pod && *who ? arena_printf(e->a, "pod and %s", who) : pod ? "pod" : who;
}

/* -- reading the pod -- */

const struct json *
exam_pod_context(const struct exam *e)
{
  return json_get(e->spec, "securityContext");
}

const struct json *
exam_context_of(const struct json *container)
{
  return json_get(container, "securityContext");
}

const char *
exam_name_of(const struct json *container)
{
  return json_get_str_or(container, "name", "");
}

/* The containers for which `bad` is true, by name. */
struct json *
exam_pick(struct exam *e, bool (*bad)(struct exam *e, const struct json *container, void *arg), void *arg)
{
  struct json *ret = json_new_array(e->a);

  for (json_each_item (c, e->containers))
    if (bad(e, *c, arg))
      json_append_str(e->a, ret, exam_name_of(*c));
  return ret;
}

bool
exam_in_user_namespace(const struct exam *e)
{
  return json_is(json_get(e->spec, "hostUsers"), JSON_BOOL) && !json_get_bool(e->spec, "hostUsers", true);
}

bool
exam_is_windows(const struct exam *e)
{
  return strcmp(json_get_str_or(json_get(e->spec, "os"), "name", ""), "windows") == 0;
}

/* A profile {type}: true when it is there and its type is not one of the two allowed. */
bool
exam_bad_profile(struct exam *e, const struct json *context, const char *member, struct json *values)
{
  const struct json *profile = json_get(context, member);
  const char *type = json_get_str_or(profile, "type", "");

  if (!profile || strcmp(type, "RuntimeDefault") == 0 || strcmp(type, "Localhost") == 0)
    return false;
  exam_set_add(e, values, type);
  return true;
}
