#include "kclient_discovery.h"

#include <ctype.h>
#include <string.h>

#define ONE_DOCUMENT "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
#define ACCEPTED     ONE_DOCUMENT ",application/json"

struct discovery {
  struct kclient *client;
  struct arena *a;
  void (*found)(void *arg, const struct kclient_discovered *d);
  void *arg;
};

static int
get_document(struct discovery *d, const char *path, struct json **ret, struct kerr *reterr)
{
  struct kclient_reply reply;
  int r = kclient_raw(d->client, d->a, "GET", path, ACCEPTED, NULL, (struct span){ NULL, 0 }, &reply, reterr);

  if (r < 0)
    return r;
  if (reply.status != 200)
    return kerr_set(reterr, KERR_UNAVAILABLE, NULL, "discovery at %s answered %d", path, reply.status);
  return json_parse(d->a, reply.body, NULL, ret, reterr) < 0 ? kerr_wrap(reterr, "discovery at %s", path) : 0;
}

/* Some servers leave the singular out: it is the kind's name in small letters. */
static const char *
singular_of(struct arena *a, const char *given, const char *kind)
{
  char *made;

  if (*given)
    return given;
  made = arena_strdup(a, kind);
  for (char *c = made; *c; c++)
    *c = (char)tolower((unsigned char)*c);
  return made;
}

static void
tell(struct discovery *d, const char *group, const char *version, const struct json *r, const char *resource,
     const char *kind, const char *singular, bool namespaced)
{
  const struct kclient_discovered found = {
    .res = { .group = group, .version = version, .resource = resource, .kind = kind, .namespaced = namespaced },
    .singular = singular_of(d->a, singular, kind),
    .verbs = json_get(r, "verbs"),
    .short_names = json_get(r, "shortNames"),
    .categories = json_get(r, "categories"),
  };

  d->found(d->arg, &found);
}

static void
tell_group(struct discovery *d, const struct json *group)
{
  const char *name = json_get_str_or(json_get(group, "metadata"), "name", "");

  for (json_each_item (version, json_get(group, "versions")))
    for (json_each_item (r, json_get(*version, "resources")))
      tell(d, name, json_get_str_or(*version, "version", ""), *r, json_get_str_or(*r, "resource", ""),
           json_get_str_or(json_get(*r, "responseKind"), "kind", ""), json_get_str_or(*r, "singularResource", ""),
           strcmp(json_get_str_or(*r, "scope", ""), "Namespaced") == 0);
}

/* An APIResourceList. */
static int
tell_version(struct discovery *d, const char *group, const char *version, struct kerr *reterr)
{
  const char *path =
      *group ? arena_printf(d->a, "/apis/%s/%s", group, version) : arena_printf(d->a, "/api/%s", version);
  struct json *doc;
  int r = get_document(d, path, &doc, reterr);

  for (json_each_item (p, r < 0 ? NULL : json_get(doc, "resources"))) {
    const char *name = json_get_str_or(*p, "name", "");

    if (!strchr(name, '/'))
      tell(d, group, version, *p, name, json_get_str_or(*p, "kind", ""), json_get_str_or(*p, "singularName", ""),
           json_get_bool(*p, "namespaced", false));
  }
  return r;
}

/* An APIGroupDiscoveryList has items; APIVersions has versions; an APIGroupList has groups. */
static int
tell_root(struct discovery *d, const char *path, struct kerr *reterr)
{
  struct json *doc;
  int r = get_document(d, path, &doc, reterr);

  if (r < 0)
    return r;
  for (json_each_item (group, json_get(doc, "items")))
    tell_group(d, *group);
  for (json_each_item (version, json_get(doc, "versions")))
    if (r == 0 && json_str(*version))
      r = tell_version(d, "", json_str(*version), reterr);
  for (json_each_item (group, json_get(doc, "groups")))
    for (json_each_item (version, json_get(*group, "versions")))
      if (r == 0)
        r = tell_version(d, json_get_str_or(*group, "name", ""), json_get_str_or(*version, "version", ""), reterr);
  return r;
}

int
kclient_discover(struct kclient *c, struct arena *a, void (*found)(void *arg, const struct kclient_discovered *d),
                 void *arg, struct kerr *reterr)
{
  struct discovery d = { .client = c, .a = a, .found = found, .arg = arg };
  int r = tell_root(&d, "/api", reterr);

  return r < 0 ? r : tell_root(&d, "/apis", reterr);
}
