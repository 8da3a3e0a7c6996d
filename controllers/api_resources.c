#include "api_resources.h"

#include <string.h>

#define AGGREGATED "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

static unsigned
verbs_of(const struct json *resource)
{
  static const struct {
    const char *verb;
    unsigned bit;
  } rows[] = {
    { "list", API_VERB_LIST },
    { "watch", API_VERB_WATCH },
    { "delete", API_VERB_DELETE },
    { "deletecollection", API_VERB_DELETECOLLECTION },
  };
  unsigned bits = 0;

  for (json_each_item (p, json_get(resource, "verbs")))
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
      if (json_str(*p) && strcmp(json_str(*p), rows[i].verb) == 0)
        bits |= rows[i].bit;
  return bits;
}

static bool
known(const struct api_resources *l, const char *group, const char *resource)
{
  for (size_t i = 0; i < l->n; i++)
    if (strcmp(l->list[i].res.group, group) == 0 && strcmp(l->list[i].res.resource, resource) == 0)
      return true;
  return false;
}

static void
add(struct arena *a, struct api_resources *l, const char *group, const char *version, const struct json *resource)
{
  const char *name = json_get_str_or(resource, "resource", "");
  const char *kind = json_get_str_or(json_get(resource, "responseKind"), "kind", "");

  if (known(l, group, name)) /* versions come in order of preference */
    return;
  if ((l->n & (l->n - 1)) == 0) { /* full at each power of two */
    struct api_resource *bigger = arena_array_of(a, struct api_resource, l->n ? l->n * 2 : 1);

    if (l->n)
      memcpy(bigger, l->list, l->n * sizeof *bigger);
    l->list = bigger;
  }
  l->list[l->n++] = (struct api_resource){
    .res = { .group = group,
             .version = version,
             .resource = arena_strdup(a, name),
             .kind = arena_strdup(a, kind),
             .namespaced = strcmp(json_get_str_or(resource, "scope", ""), "Namespaced") == 0 },
    .verbs = verbs_of(resource),
  };
}

static int
read_document(struct kclient *c, struct arena *a, const char *path, struct api_resources *l, struct kerr *reterr)
{
  struct kclient_reply reply;
  struct json *doc;
  int r = kclient_raw(c, a, "GET", path, AGGREGATED, NULL, (struct span){ NULL, 0 }, &reply, reterr);

  if (r < 0)
    return r;
  if (reply.status != 200)
    return kerr_set(reterr, KERR_UNAVAILABLE, NULL, "discovery at %s answered %d", path, reply.status);
  r = json_parse(a, reply.body, NULL, &doc, reterr);
  if (r < 0)
    return kerr_wrap(reterr, "discovery at %s", path);
  for (json_each_item (group, json_get(doc, "items"))) {
    const char *group_name = arena_strdup(a, json_get_str_or(json_get(*group, "metadata"), "name", ""));

    for (json_each_item (version, json_get(*group, "versions"))) {
      const char *v = arena_strdup(a, json_get_str_or(*version, "version", ""));

      for (json_each_item (resource, json_get(*version, "resources")))
        add(a, l, group_name, v, *resource);
    }
  }
  return 0;
}

int
api_resources_discover(struct kclient *c, struct arena *a, struct api_resources *ret, struct kerr *reterr)
{
  struct api_resources l = { .n = 0 };
  int r = read_document(c, a, "/api", &l, reterr);

  if (r == 0)
    r = read_document(c, a, "/apis", &l, reterr);
  if (r == 0)
    *ret = l;
  return r;
}

const struct api_resource *
api_resources_of_kind(const struct api_resources *l, const char *group, const char *kind)
{
  for (size_t i = 0; i < l->n; i++)
    if (strcmp(l->list[i].res.group, group) == 0 && strcmp(l->list[i].res.kind, kind) == 0)
      return &l->list[i];
  return NULL;
}
