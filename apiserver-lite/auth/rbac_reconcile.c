#include "rbac_reconcile.h"

#include <string.h>

#include "object.h"
#include "rbac.h"

#define AUTO_UPDATE "rbac.authorization.kubernetes.io/autoupdate"

/* An object that is changed only where it differs. */
struct change {
  struct arena *a;
  const struct json *existing, *expected;
  struct json *object;
  bool made;
};

/* Labels and annotations: those that are there win. */
static void
add_meta(struct change *c, const char *map)
{
  const struct json *have = json_dig(c->existing, "metadata", map, NULL);

  for (json_each_member (m, json_dig(c->expected, "metadata", map, NULL)))
    if (!json_get(have, m->name)) {
      json_set(c->a, json_ensure_object(c->a, json_find(c->object, "metadata"), map), m->name, m->value);
      c->made = true;
    }
}

static void
add_items(struct change *c, struct json *owner, const char *name, const struct json *items)
{
  if (json_count(items) == 0)
    return;
  for (json_each_item (p, items))
    json_append(c->a, json_ensure_array(c->a, owner, name), *p);
  c->made = true;
}

/* Items of `wanted` that `have` has not. */
static struct json *
missing_items(struct arena *a, const struct json *have, const struct json *wanted)
{
  struct json *missing = json_new_array(a);

  for (json_each_item (w, wanted)) {
    bool found = false;

    for (json_each_item (h, have))
      found = found || json_equal(*h, *w);
    if (!found)
      json_append(a, missing, *w);
  }
  return missing;
}

static void
add_aggregation(struct change *c)
{
  const struct json *have = json_get(c->existing, "aggregationRule"),
                    *wanted = json_get(c->expected, "aggregationRule");

  if (!wanted && have)
    c->made = json_remove(c->object, "aggregationRule");
  if (wanted)
    add_items(c, json_ensure_object(c->a, c->object, "aggregationRule"), "clusterRoleSelectors",
              missing_items(c->a, json_get(have, "clusterRoleSelectors"), json_get(wanted, "clusterRoleSelectors")));
}

enum rbac_reconcile
rbac_reconcile(struct arena *a, const struct json *existing, const struct json *expected, struct json **ret)
{
  struct change c = { .a = a, .existing = existing, .expected = expected };
  const struct json *ref = json_get(expected, "roleRef");

  if (strcmp(json_get_str_or(object_annotations(existing), AUTO_UPDATE, ""), "false") == 0)
    return RBAC_KEEP;
  if (ref && !json_equal(ref, json_get(existing, "roleRef"))) {
    *ret = json_copy(a, expected);
    return RBAC_RECREATE;
  }
  c.object = json_copy(a, existing);
  add_meta(&c, "annotations");
  add_meta(&c, "labels");
  if (ref) {
    add_items(&c, c.object, "subjects",
              missing_items(a, json_get(existing, "subjects"), json_get(expected, "subjects")));
  } else {
    add_items(&c, c.object, "rules", rbac_uncovered(a, json_get(existing, "rules"), json_get(expected, "rules")));
    add_aggregation(&c);
  }
  if (!c.made)
    return RBAC_KEEP;
  *ret = c.object;
  return RBAC_UPDATE;
}
