#include "crd_set.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "crd_version.h"

struct custom_set {
  atomic_int refs;
  struct custom_definition **definitions;
  size_t n_definitions;
  const struct custom **versions; /* served ones, in order */
  size_t n_versions;
};

static int
in_order(const void *x, const void *y)
{
  const struct kind_resource *a = &(*(const struct custom *const *)x)->resource;
  const struct kind_resource *b = &(*(const struct custom *const *)y)->resource;
  int cmp = strcmp(a->group, b->group);

  if (!cmp)
    cmp = version_compare(b->version, a->version);
  return cmp ? cmp : strcmp(a->resource, b->resource);
}

struct custom_set *
custom_set_new(struct custom_definition *const *list, size_t n)
{
  struct custom_set *s = mem_alloc(sizeof *s);
  size_t n_versions = 0;

  atomic_init(&s->refs, 1);
  s->definitions = mem_calloc(n + 1, sizeof s->definitions[0]);
  for (size_t i = 0; i < n; i++) {
    if (!list[i])
      continue;
    s->definitions[s->n_definitions++] = list[i];
    n_versions += list[i]->n_versions;
  }
  s->versions = mem_calloc(n_versions + 1, sizeof s->versions[0]);
  for (size_t i = 0; i < s->n_definitions; i++)
    for (size_t k = 0; k < s->definitions[i]->n_versions; k++)
      if (s->definitions[i]->versions[k].served)
        s->versions[s->n_versions++] = &s->definitions[i]->versions[k];
  if (s->n_versions)
    qsort(s->versions, s->n_versions, sizeof s->versions[0], in_order);
  return s;
}

struct custom_set *
custom_set_ref(struct custom_set *s)
{
  (void)atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
  return s;
}

void
custom_set_unref(struct custom_set *s)
{
  if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) > 1)
    return;
  for (size_t i = 0; i < s->n_definitions; i++)
    custom_definition_unref(s->definitions[i]);
  free(s->definitions);
  free(s->versions);
  free(s);
}

struct custom_definition *
custom_set_definition(const struct custom_set *s, const char *name)
{
  for (size_t i = 0; s && i < s->n_definitions; i++)
    if (strcmp(s->definitions[i]->name, name) == 0)
      return s->definitions[i];
  return NULL;
}

struct custom_definition *
custom_set_next(const struct custom_set *s, size_t *cursor)
{
  return s && *cursor < s->n_definitions ? s->definitions[(*cursor)++] : NULL;
}

/* -- lookups -- */

const struct kind_resource *
served_resource(const struct served *s, const char *group, const char *version, const char *resource)
{
  const struct kind_resource *found = kind_resource_find(s->p, group, version, resource);

  for (size_t i = 0; !found && s->customs && i < s->customs->n_versions; i++) {
    const struct kind_resource *r = &s->customs->versions[i]->resource;

    if (strcmp(r->resource, resource) == 0 && strcmp(r->version, version) == 0 && strcmp(r->group, group) == 0)
      found = r;
  }
  return found;
}

const struct kind_resource *
served_next(const struct served *s, size_t *cursor)
{
  const struct kind_resource *r = *cursor < kind_resource_count ? kind_resource_next(s->p, cursor) : NULL;

  if (r || !s->customs)
    return r;
  size_t at = *cursor - kind_resource_count;

  if (at == s->customs->n_versions)
    return NULL;
  ++*cursor;
  return &s->customs->versions[at]->resource;
}

const struct kind *
served_kind(const struct served *s, const char *group, const char *version, const char *kind)
{
  const struct kind *found = kind_in(s->p, kind_find(group, version, kind));

  for (size_t i = 0; !found && s->customs && i < s->customs->n_definitions; i++) {
    const struct custom_definition *d = s->customs->definitions[i];
    const struct custom *c = strcmp(d->group, group) == 0 ? custom_version_find(d, version) : NULL;

    if (c && strcmp(c->kind.kind, kind) == 0)
      found = &c->kind;
  }
  return found;
}

const struct kind_resource *
served_storage(const struct served *s, const struct kind_resource *r)
{
  return r->of->custom ? &r->of->custom->definition->storage->resource : kind_resource_storage(s->p, r);
}
