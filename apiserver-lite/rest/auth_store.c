#include "auth_store.h"

#include <string.h>

#include "kind.h"
#include "rest.h"

struct auth_store {
  struct auth_source source; /* first */
  struct store *store;
  const struct personality *personality;
};

/* Where a resource lives; the version is the first that is served. */
static const struct kind_resource *
resource_of(const struct auth_store *s, const char *resource)
{
  static const struct {
    const char *resource, *group;
  } groups[] = {
    { "clusterrolebindings", "rbac.authorization.k8s.io" },
    { "clusterroles", "rbac.authorization.k8s.io" },
    { "endpointslices", "discovery.k8s.io" },
    { "podcertificaterequests", "certificates.k8s.io" },
    { "resourceclaims", "resource.k8s.io" },
    { "resourceslices", "resource.k8s.io" },
    { "rolebindings", "rbac.authorization.k8s.io" },
    { "roles", "rbac.authorization.k8s.io" },
    { "volumeattachments", "storage.k8s.io" },
  };
  static const char *const versions[] = { "v1", "v1beta2", "v1beta1", "v1alpha3", "v1alpha2", "v1alpha1" };
  const char *group = "";
  const struct kind_resource *r = NULL;

  for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
    if (strcmp(groups[i].resource, resource) == 0)
      group = groups[i].group;
  for (size_t i = 0; i < ARRAY_SIZE(versions) && !r; i++)
    r = kind_resource_find(s->personality, group, versions[i], resource);
  return r;
}

static void
drop_record(void *r)
{
  record_unref(r);
}

static const struct json *
get(struct auth_source *source, struct arena *a, const char *resource, const char *ns, const char *name)
{
  struct auth_store *s = container_of(source, struct auth_store, source);
  const struct kind_resource *res = resource_of(s, resource);
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;
  struct record *r;

  if (!res || !*name || store_get(s->store, rest_key(a, res, ns, name), STORE_CACHED, &r, &ignored) < 0)
    return NULL;
  arena_defer(a, drop_record, r);
  return record_tree(r);
}

static void
drop_list(void *list)
{
  store_list_release(list);
}

static size_t
list(struct auth_source *source, struct arena *a, const char *resource, const char *ns, const struct json *const **ret)
{
  struct auth_store *s = container_of(source, struct auth_store, source);
  const struct kind_resource *res = resource_of(s, resource);
  struct store_list *found = arena_new_of(a, struct store_list);
  struct store_range range = { .at_rev = STORE_CACHED }; /* asked with every request; upstream has informers */
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;
  const struct json **trees;

  *ret = NULL;
  if (!res)
    return 0;
  range.prefix = rest_prefix(a, res, ns);
  if (store_list(s->store, &range, found, &ignored) < 0)
    return 0;
  arena_defer(a, drop_list, found);
  trees = arena_array_of(a, const struct json *, found->n + 1);
  for (size_t i = 0; i < found->n; i++)
    trees[i] = record_tree(found->items[i]);
  *ret = trees;
  return found->n;
}

static const struct auth_source_ops ops = { .get = get, .list = list };

struct auth_store *
auth_store_new(struct store *store, const struct personality *p)
{
  struct auth_store *s = mem_alloc(sizeof *s);

  s->source.ops = &ops;
  s->store = store;
  s->personality = p;
  return s;
}

void
auth_store_free(struct auth_store *s)
{
  free(s);
}

struct auth_source *
auth_store_source(struct auth_store *s)
{
  return &s->source;
}
