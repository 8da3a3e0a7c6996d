#include "resource_map.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* In one document; a server from before 1.27 knows only one document per version. */
#define AGGREGATED "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"

static const char *const *
word_list(struct arena *a, const struct json *list)
{
  const char **words = arena_array_of(a, const char *, json_count(list) + 1);
  size_t n = 0;

  for (json_each_item (p, list))
    if (json_str(*p))
      words[n++] = arena_strdup(a, json_str(*p));
  return words;
}

static bool
has_word(const char *const *words, const char *word)
{
  for (; *words; words++)
    if (strcmp(*words, word) == 0)
      return true;
  return false;
}

static struct resource_info *
add(struct resource_map *m)
{
  if ((m->n & (m->n - 1)) == 0) { /* full at each power of two */
    struct resource_info *bigger = arena_array_of(m->a, struct resource_info, m->n ? m->n * 2 : 1);

    if (m->n)
      memcpy(bigger, m->list, m->n * sizeof *bigger);
    m->list = bigger;
  }
  return &m->list[m->n++];
}

static void
add_resource(struct resource_map *m, const char *group, const char *version, const struct json *r, const char *resource,
             const char *kind, const char *singular, bool namespaced)
{
  struct resource_info *info = add(m);

  *info = (struct resource_info){
    .res = { .group = group,
             .version = version,
             .resource = arena_strdup(m->a, resource),
             .kind = arena_strdup(m->a, kind),
             .namespaced = namespaced },
    .singular = arena_strdup(m->a, singular),
    .short_names = word_list(m->a, json_get(r, "shortNames")),
    .categories = word_list(m->a, json_get(r, "categories")),
  };
  info->subject = *group ? arena_printf(m->a, "%s.%s", info->singular, group) : info->singular;
}

static int
get_document(struct resource_map *m, struct kclient *c, const char *path, struct json **ret, struct kerr *reterr)
{
  struct kclient_reply reply;
  int r = kclient_raw(c, m->a, "GET", path, AGGREGATED, NULL, (struct span){ NULL, 0 }, &reply, reterr);

  if (r < 0)
    return r;
  if (reply.status != 200)
    return kerr_set(reterr, KERR_UNAVAILABLE, NULL, "the server answered %d to %s", reply.status, path);
  return json_parse(m->a, reply.body, NULL, ret, reterr) < 0 ? kerr_wrap(reterr, "discovery at %s", path) : 0;
}

static void
add_aggregated(struct resource_map *m, const struct json *doc)
{
  for (json_each_item (group, json_get(doc, "items"))) {
    const char *name = json_get_str_or(json_get(*group, "metadata"), "name", "");

    for (json_each_item (version, json_get(*group, "versions")))
      for (json_each_item (r, json_get(*version, "resources")))
        add_resource(m, name, json_get_str_or(*version, "version", ""), *r, json_get_str_or(*r, "resource", ""),
                     json_get_str_or(json_get(*r, "responseKind"), "kind", ""),
                     json_get_str_or(*r, "singularResource", ""),
                     strcmp(json_get_str_or(*r, "scope", ""), "Namespaced") == 0);
  }
}

/* Servers left the singular out before 1.27: it is the kind's name in small letters. */
static const char *
singular_of(struct arena *a, const struct json *resource, const char *kind)
{
  const char *given = json_get_str_or(resource, "singularName", "");
  char *made;

  if (*given)
    return given;
  made = arena_strdup(a, kind);
  for (char *c = made; *c; c++)
    *c = (char)tolower((unsigned char)*c);
  return made;
}

static int
load_version(struct resource_map *m, struct kclient *c, const char *group, const char *version, struct kerr *reterr)
{
  struct json *doc;
  const char *path =
      *group ? arena_printf(m->a, "/apis/%s/%s", group, version) : arena_printf(m->a, "/api/%s", version);
  int r = get_document(m, c, path, &doc, reterr);

  for (json_each_item (p, r < 0 ? NULL : json_get(doc, "resources"))) {
    const char *name = json_get_str_or(*p, "name", ""), *kind = json_get_str_or(*p, "kind", "");

    if (!strchr(name, '/')) /* a subresource */
      add_resource(m, group, version, *p, name, kind, singular_of(m->a, *p, kind),
                   json_get_bool(*p, "namespaced", false));
  }
  return r;
}

static int
load(struct resource_map *m, struct kclient *c, const char *path, struct kerr *reterr)
{
  struct json *doc;
  int r = get_document(m, c, path, &doc, reterr);

  if (r < 0)
    return r;
  add_aggregated(m, doc);
  for (json_each_item (version, json_get(doc, "versions")))
    r = r < 0 ? r : load_version(m, c, "", json_str(*version) ? json_str(*version) : "", reterr);
  for (json_each_item (group, json_get(doc, "groups")))
    for (json_each_item (version, json_get(*group, "versions")))
      r = r < 0 ? r
                : load_version(m, c, json_get_str_or(*group, "name", ""), json_get_str_or(*version, "version", ""),
                               reterr);
  return r;
}

int
resource_map_load(struct arena *a, struct kclient *c, struct resource_map *ret, struct kerr *reterr)
{
  int r;

  *ret = (struct resource_map){ .a = a };
  r = load(ret, c, "/api", reterr);
  return r < 0 ? r : load(ret, c, "/apis", reterr);
}

/* "pods", "pod", "po", "Pod" against a row, with the group or the version and group behind a dot when they are given.
 */
static bool
names(const struct resource_info *i, const char *typed)
{
  size_t n = strcspn(typed, ".");
  const char *rest = typed[n] ? typed + n + 1 : NULL;
  char word[256];

  if (n >= sizeof word)
    return false;
  memcpy(word, typed, n);
  word[n] = '\0';
  if (strcasecmp(word, i->res.resource) != 0 && strcasecmp(word, i->singular) != 0 &&
      strcasecmp(word, i->res.kind) != 0 && !has_word(i->short_names, word))
    return false;
  if (!rest || strcmp(rest, i->res.group) == 0)
    return true;
  n = strlen(i->res.version);
  return strncmp(rest, i->res.version, n) == 0 && rest[n] == '.' && strcmp(rest + n + 1, i->res.group) == 0;
}

int
resource_map_find(const struct resource_map *m, const char *typed, const struct resource_info **ret,
                  struct kerr *reterr)
{
  for (size_t i = 0; i < m->n; i++)
    if (names(&m->list[i], typed)) {
      *ret = &m->list[i];
      return 0;
    }
  return kerr_set(reterr, KERR_NOT_FOUND, NULL, "the server doesn't have a resource type \"%s\"", typed);
}

int
resource_map_of_kind(const struct resource_map *m, const char *api_version, const char *kind,
                     const struct resource_info **ret, struct kerr *reterr)
{
  for (size_t i = 0; i < m->n; i++)
    if (strcmp(m->list[i].res.kind, kind) == 0 &&
        strcmp(gv_text(m->a, m->list[i].res.group, m->list[i].res.version), api_version) == 0) {
      *ret = &m->list[i];
      return 0;
    }
  return kerr_set(reterr, KERR_NOT_FOUND, NULL, "no matches for kind \"%s\" in version \"%s\"", kind, api_version);
}

const struct resource_info *
resource_map_category(const struct resource_map *m, const char *category, size_t *cursor)
{
  while (*cursor < m->n) {
    const struct resource_info *i = &m->list[(*cursor)++];

    if (has_word(i->categories, category))
      return i;
  }
  return NULL;
}
