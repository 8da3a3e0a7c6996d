#include "slices.h"

#include "object.h"

#define SLICE_DEVICES         128 /* upstream: ResourceSliceMaxDevices */
#define SLICE_DEVICES_SPECIAL 64  /* upstream: ResourceSliceMaxDevicesWithTaintsOrConsumesCounters */
#define SLICE_COUNTER_SETS    8   /* upstream: ResourceSliceMaxCounterSets */

static struct json *
spec_new(struct arena *a, const struct slices_owner *owner)
{
  struct json *spec = json_new_object(a);

  json_set_str(a, spec, "driver", owner->driver);
  json_set_str(a, json_set(a, spec, "pool", json_new_object(a)), "name", owner->node);
  json_set_str(a, spec, "nodeName", owner->node);
  return spec;
}

static bool
device_special(const struct json *device)
{
  return json_get(device, "taints") || json_get(device, "consumesCounters");
}

struct json *
slices_specs(struct arena *a, const struct slices_owner *owner, const struct device_tree *tree)
{
  struct json *specs = json_new_array(a), *counters = NULL, *devices = NULL;
  bool special = false;

  for (size_t i = 0; i < tree->n_devices; i++) {
    const struct tree_device *d = &tree->devices[i];
    if (strcmp(d->driver, owner->driver) != 0 || !d->counter_set)
      continue;
    if (!counters || json_count(counters) == SLICE_COUNTER_SETS)
      counters = json_set(a, json_append(a, specs, spec_new(a, owner)), "sharedCounters", json_new_array(a));
    json_append(a, counters, json_copy(a, d->counter_set));
  }
  for (size_t i = 0; i < tree->n_devices; i++) {
    const struct tree_device *d = &tree->devices[i];
    if (strcmp(d->driver, owner->driver) != 0)
      continue;
    bool any_special = special || device_special(d->device);
    if (!devices || json_count(devices) >= (any_special ? SLICE_DEVICES_SPECIAL : SLICE_DEVICES)) {
      devices = json_set(a, json_append(a, specs, spec_new(a, owner)), "devices", json_new_array(a));
      any_special = device_special(d->device);
    }
    special = any_special;
    json_append(a, devices, json_copy(a, d->device));
  }
  if (!json_count(specs))
    json_append(a, specs, spec_new(a, owner));
  for (size_t i = 0; i < json_count(specs); i++)
    json_set_int(a, json_find(json_item(specs, i), "pool"), "resourceSliceCount", (int64_t)json_count(specs));
  return specs;
}

/* -- comparing -- */

static const struct json *
device_named(const struct json *const *existing, size_t n, const char *name)
{
  const struct json *ret = NULL;

  for (size_t i = 0; i < n && !ret; i++)
    ret = json_list_find(json_dig(existing[i], "spec", "devices", NULL), "name", name);
  return ret;
}

static bool
taint_same(const struct json *x, const struct json *y)
{
  static const char *const fields[] = { "key", "value", "effect" };

  for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
    if (strcmp(json_get_str_or(x, fields[i], ""), json_get_str_or(y, fields[i], "")) != 0)
      return false;
  return true;
}

/* The API server stamps taints when they come; an unchanged taint keeps its stamp. */
static void
keep_taint_times(struct arena *a, struct json *specs, const struct json *const *existing, size_t n)
{
  for (size_t i = 0; i < json_count(specs); i++) {
    struct json *devices = json_find(json_item(specs, i), "devices");
    for (size_t k = 0; k < json_count(devices); k++) {
      struct json *device = json_item(devices, k), *taints = json_find(device, "taints");
      const struct json *old = json_count(taints) ? device_named(existing, n, json_get_str(device, "name")) : NULL;
      for (size_t t = 0; t < json_count(taints); t++)
        for (json_each_item (o, json_get(old, "taints")))
          if (taint_same(json_at(taints, t), *o) && json_get(*o, "timeAdded"))
            json_set(a, json_item(taints, t), "timeAdded", json_copy(a, json_get(*o, "timeAdded")));
    }
  }
}

static int64_t
generation_of(const struct json *slice)
{
  return json_int_or(json_dig(slice, "spec", "pool", "generation", NULL), 0);
}

/* Which stored slice says exactly this, under the generation `want`? n when none does. */
static size_t
find_equal(struct arena *a, const struct json *spec, int64_t want, const struct json *const *existing, const bool *used,
           size_t n)
{
  struct json *full = json_copy(a, spec);

  json_set_int(a, json_find(full, "pool"), "generation", want);
  for (size_t i = 0; i < n; i++)
    if (!used[i] && json_equal(full, json_get(existing[i], "spec")))
      return i;
  return n;
}

struct json *
slices_object_new(struct arena *a, const struct slices_owner *owner, const char *api_version)
{
  struct json *o = json_new_object(a), *meta, *ref;

  json_set_str(a, o, "apiVersion", api_version);
  json_set_str(a, o, "kind", "ResourceSlice");
  meta = json_set(a, o, "metadata", json_new_object(a));
  json_set(a, meta, "generateName", json_new_strf(a, "%s-%s-", owner->node, owner->driver));
  ref = json_append(a, json_set(a, meta, "ownerReferences", json_new_array(a)), json_new_object(a));
  json_set_str(a, ref, "apiVersion", "v1");
  json_set_str(a, ref, "kind", "Node");
  json_set_str(a, ref, "name", owner->node);
  json_set_str(a, ref, "uid", owner->node_uid);
  json_set_bool(a, ref, "controller", true);
  return o;
}

static struct json *
slice_object(struct arena *a, const struct slices_owner *owner, const struct json *spec, int64_t generation,
             const struct json *old)
{
  struct json *o = slices_object_new(a, owner, "resource.k8s.io/v1");

  if (old)
    json_set(a, o, "metadata", json_copy(a, json_get(old, "metadata")));
  struct json *s = json_copy(a, spec);
  json_set_int(a, json_find(s, "pool"), "generation", generation);
  json_set(a, o, "spec", s);
  return o;
}

void
slices_plan(struct arena *a, const struct slices_owner *owner, const struct json *specs_in,
            const struct json *const *existing, size_t n_existing, struct slices_plan *ret)
{
  struct json *specs = json_copy(a, specs_in);
  size_t n_specs = json_count(specs), matched = 0, next = 0;
  bool *used = arena_array_of(a, bool, n_existing + 1);
  int64_t newest = 0;

  ret->n = 0;
  ret->writes = arena_array_of(a, struct slices_write, n_specs + n_existing + 1);
  keep_taint_times(a, specs, existing, n_existing);
  for (size_t i = 0; i < n_existing; i++)
    newest = generation_of(existing[i]) > newest ? generation_of(existing[i]) : newest;
  ret->generation = newest;
  for (size_t i = 0; i < n_specs && n_existing; i++) {
    size_t at = find_equal(a, json_at(specs, i), newest, existing, used, n_existing);
    if (at < n_existing)
      used[at] = true, matched++;
  }
  if (matched == n_specs && n_existing) { /* nothing new; only leftovers may have to go */
    for (size_t i = 0; i < n_existing; i++)
      if (!used[i])
        ret->writes[ret->n++] = (struct slices_write){ SLICE_DELETE, existing[i] };
    return;
  }
  ret->generation = newest + 1;
  for (size_t i = 0; i < n_specs; i++) {
    const struct json *old = next < n_existing ? existing[next++] : NULL;
    ret->writes[ret->n++] = (struct slices_write){
      old ? SLICE_UPDATE : SLICE_CREATE,
      slice_object(a, owner, json_at(specs, i), ret->generation, old),
    };
  }
  for (; next < n_existing; next++)
    ret->writes[ret->n++] = (struct slices_write){ SLICE_DELETE, existing[next] };
}
