#include "api_resources.h"

#include <string.h>

#include "kclient_discovery.h"

static unsigned
verbs_of(const struct json *verbs)
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

  for (json_each_item (p, verbs))
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

struct listing {
  struct arena *a;
  struct api_resources *to;
};

static void
add(void *arg, const struct kclient_discovered *d)
{
  struct listing *in = arg;
  struct api_resources *l = in->to;

  if (known(l, d->res.group, d->res.resource)) /* versions come in order of preference */
    return;
  if ((l->n & (l->n - 1)) == 0) { /* full at each power of two */
    struct api_resource *bigger = arena_array_of(in->a, struct api_resource, l->n ? l->n * 2 : 1);

    if (l->n)
      memcpy(bigger, l->list, l->n * sizeof *bigger);
    l->list = bigger;
  }
  l->list[l->n++] = (struct api_resource){ .res = d->res, .verbs = verbs_of(d->verbs) };
}

int
api_resources_discover(struct kclient *c, struct arena *a, struct api_resources *ret, struct kerr *reterr)
{
  struct api_resources l = { .n = 0 };
  struct listing to = { .a = a, .to = &l };
  int r = kclient_discover(c, a, add, &to, reterr);

  if (r == 0)
    *ret = l;
  return r;
}
