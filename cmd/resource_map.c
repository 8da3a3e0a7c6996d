#include "resource_map.h"

#include <string.h>
#include <strings.h>

#include "kclient_discovery.h"

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
add_resource(void *arg, const struct kclient_discovered *d)
{
  struct resource_map *m = arg;
  struct resource_info *info = add(m);

  *info = (struct resource_info){ .res = d->res,
                                  .singular = d->singular,
                                  .short_names = word_list(m->a, d->short_names),
                                  .categories = word_list(m->a, d->categories) };
  info->subject = *d->res.group ? arena_printf(m->a, "%s.%s", d->singular, d->res.group) : d->singular;
}

int
resource_map_load(struct arena *a, struct kclient *c, struct resource_map *ret, struct kerr *reterr)
{
  *ret = (struct resource_map){ .a = a };
  return kclient_discover(c, a, add_resource, ret, reterr);
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
  return kerr_set(reterr, KERR_USAGE, NULL, "the server doesn't have a resource type \"%s\"", typed);
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

bool
resource_map_has_group(const struct resource_map *m, const char *group)
{
  for (size_t i = 0; i < m->n; i++)
    if (strcmp(m->list[i].res.group, group) == 0)
      return true;
  return false;
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
