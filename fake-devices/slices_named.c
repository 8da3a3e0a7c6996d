#include "slices_named.h"

#include <ctype.h>
#include <string.h>

/* "driverVersion" -> "driver-version"; "resource.kubernetes.io/pcieRoot" -> "resource.kubernetes.io.pcie-root" */
static const char *
named_name(struct arena *a, const char *name)
{
  char *out = arena_alloc(a, 2 * strlen(name) + 1), *to = out;

  for (const char *c = name; *c; c++) {
    bool word = isupper((unsigned char)*c) && c != name && islower((unsigned char)c[-1]);

    if (word)
      *to++ = '-';
    *to++ = *c == '/' ? '.' : *c == '_' ? '-' : (char)tolower((unsigned char)*c);
  }
  return out;
}

static void
add_attributes(struct arena *a, struct json *out, const struct json *device)
{
  for (json_each_member (m, json_get(device, "attributes")))
    for (json_each_member (v, m->value)) { /* one: string, int, bool or version; lists are of later releases */
      struct json *o = json_append(a, out, json_new_object(a));

      json_set_str(a, o, "name", named_name(a, m->name));
      json_set(a, o, v->name, json_copy(a, v->value));
    }
  for (json_each_member (m, json_get(device, "capacity"))) {
    struct json *o = json_append(a, out, json_new_object(a));

    json_set_str(a, o, "name", named_name(a, m->name));
    json_set(a, o, "quantity", json_copy(a, json_get(m->value, "value")));
  }
}

static struct json *
instances_of(struct arena *a, const struct slices_owner *owner, const struct device_tree *tree)
{
  struct json *list = json_new_array(a);

  for (size_t i = 0; i < tree->n_devices; i++) {
    const struct tree_device *d = &tree->devices[i];
    struct json *o;

    /* No taints yet and no counters: a failed device is not offered, a partition would be given out twice. */
    if (strcmp(d->driver, owner->driver) != 0 || d->parent || json_count(json_get(d->device, "taints")))
      continue;
    o = json_append(a, list, json_new_object(a));
    json_set_str(a, o, "name", d->name);
    add_attributes(a, json_set(a, o, "attributes", json_new_array(a)), d->device);
  }
  return list;
}

static struct json *
named_slice_new(struct arena *a, const struct slices_owner *owner)
{
  struct json *o = slices_object_new(a, owner, "resource.k8s.io/v1alpha2");

  json_set_str(a, o, "nodeName", owner->node);
  json_set_str(a, o, "driverName", owner->driver);
  return o;
}

void
slices_named_plan(struct arena *a, const struct slices_owner *owner, const struct device_tree *tree,
                  const struct json *const *existing, size_t n_existing, struct slices_plan *ret)
{
  struct json *instances = instances_of(a, owner, tree), *o;
  const struct json *old = n_existing ? existing[0] : NULL;

  *ret = (struct slices_plan){ .writes = arena_array_of(a, struct slices_write, n_existing + 1) };
  if (!old || !json_equal(json_dig(old, "namedResources", "instances", NULL), instances)) {
    o = old ? json_copy(a, old) : named_slice_new(a, owner);
    json_set(a, json_ensure_object(a, o, "namedResources"), "instances", instances);
    ret->writes[ret->n++] = (struct slices_write){ old ? SLICE_UPDATE : SLICE_CREATE, o };
  }
  for (size_t i = 1; i < n_existing; i++)
    ret->writes[ret->n++] = (struct slices_write){ SLICE_DELETE, existing[i] };
}
