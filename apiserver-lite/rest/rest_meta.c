#include "rest_meta.h"

#include <string.h>

#include "codec.h"
#include "object.h"

#define NAME_MAX_GENERATED 63 /* names.maxNameLength */
#define SUFFIX_LENGTH      5

struct json *
rest_meta_edit(struct arena *a, struct json *o)
{
  struct json *meta = json_find(o, "metadata");

  return json_set(a, o, "metadata", json_is(meta, JSON_OBJECT) ? json_shallow(a, meta) : json_new_object(a));
}

static void
move_in_order(struct arena *a, struct json *obj, const char *const *names, size_t n)
{
  struct json *sorted = json_new_object(a);

  for (size_t i = 0; i < n; i++) {
    struct json *v = json_find(obj, names[i]);

    if (v)
      json_set(a, sorted, names[i], v);
  }
  for (json_each_member (m, obj))
    if (!json_get_n(sorted, m->name, m->name_len))
      json_set_n(a, sorted, m->name, m->name_len, m->value);
  *obj = *sorted;
}

void
rest_meta_order(struct arena *a, struct json *o)
{
  static const char *const top[] = { "kind", "apiVersion", "metadata" };
  static const char *const members[] = { "name",
                                         "generateName",
                                         "namespace",
                                         "selfLink",
                                         "uid",
                                         "resourceVersion",
                                         "generation",
                                         "creationTimestamp",
                                         "deletionTimestamp",
                                         "deletionGracePeriodSeconds",
                                         "labels",
                                         "annotations",
                                         "ownerReferences",
                                         "finalizers",
                                         "managedFields" };
  struct json *meta = json_find(o, "metadata");

  move_in_order(a, o, top, ARRAY_SIZE(top));
  if (json_is(meta, JSON_OBJECT))
    move_in_order(a, meta, members, ARRAY_SIZE(members));
}

void
rest_meta_wipe(struct arena *a, struct json *o)
{
  static const char *const names[] = { "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
                                       "selfLink" };
  struct json *meta = rest_meta_edit(a, o);

  for (size_t i = 0; i < ARRAY_SIZE(names); i++)
    json_remove(meta, names[i]);
}

bool
rest_meta_fill(struct rest_call *c, struct json *o)
{
  struct json *meta = rest_meta_edit(c->a, o);
  const char *base = json_get_str_or(meta, "generateName", "");
  bool generated = *base && !*object_name(o);
  char uuid[CODEC_UUID_MAX], suffix[SUFFIX_LENGTH + 1];

  if (generated) {
    size_t n = strlen(base);

    if (n > NAME_MAX_GENERATED - SUFFIX_LENGTH)
      n = NAME_MAX_GENERATED - SUFFIX_LENGTH;
    json_set(c->a, meta, "name", json_new_strf(c->a, "%.*s%s", (int)n, base, codec_rand_suffix(suffix, SUFFIX_LENGTH)));
  }
  json_set_str(c->a, meta, "uid", codec_uuid4(uuid));
  json_set_str(c->a, meta, "creationTimestamp", rest_time(c->a, c->now));
  return generated;
}

int
rest_meta_namespace(struct rest_call *c, struct json *o, struct kerr *reterr)
{
  const char *has = object_namespace(o), *wants = c->res->namespaced ? c->info.namespace_ : "";

  if (strcmp(has, wants) == 0)
    return 0;
  if (*has && *wants)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL,
                    "the namespace of the provided object does not match the namespace sent on the request");
  struct json *meta = rest_meta_edit(c->a, o);

  if (*wants)
    json_set_str(c->a, meta, "namespace", wants);
  else
    json_remove(meta, "namespace");
  return 0;
}

static void
keep(struct arena *a, struct json *meta, const struct json *old, const char *name)
{
  const struct json *v = json_get(old, name);

  if (v)
    json_set(a, meta, name, json_copy(a, v));
}

void
rest_meta_keep(struct arena *a, struct json *o, const struct json *old)
{
  struct json *meta = rest_meta_edit(a, o);
  const struct json *old_meta = json_get(old, "metadata");

  if (!*object_uid(o))
    keep(a, meta, old_meta, "uid");
  keep(a, meta, old_meta, "creationTimestamp");
  keep(a, meta, old_meta, "deletionTimestamp");
  if (!json_get(meta, "deletionGracePeriodSeconds"))
    keep(a, meta, old_meta, "deletionGracePeriodSeconds");
}

void
rest_meta_dedup_owners(struct rest_call *c, struct json *o)
{
  struct json *owners = json_find(json_find(o, "metadata"), "ownerReferences");
  const char *dropped = "";

  for (size_t i = 0; i < json_count(owners); i++)
    for (size_t j = i + 1; j < json_count(owners);)
      if (json_equal(json_at(owners, i), json_at(owners, j))) {
        dropped =
            arena_printf(c->a, "%s%s%s", dropped, *dropped ? ", " : "", json_get_str_or(json_at(owners, j), "uid", ""));
        json_remove_at(owners, j);
      } else {
        j++;
      }
  if (*dropped)
    rest_warn(c,
              ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and "
              "may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: %s",
              dropped);
}
