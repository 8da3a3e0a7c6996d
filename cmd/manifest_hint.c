#include "manifest_hint.h"

#include <string.h>

#include "object.h"

typedef const char *hint_fn(struct arena *a, const struct json *o, const struct resource_map *map);

/* `name:` (or labels, annotations, namespace) beside metadata instead of in it. */
static const char *
hint_misplaced(struct arena *a, const struct json *o, const struct resource_map *map)
{
  static const char *const belongs[] = { "name", "namespace", "generateName", "labels", "annotations" };

  (void)map;
  for (size_t i = 0; i < ARRAY_SIZE(belongs); i++)
    if (json_get(o, belongs[i]) && !json_get(json_get(o, "metadata"), belongs[i]))
      return arena_printf(a,
                          "`%s:` stands at the top level of this %s; it belongs under `metadata:`:\n"
                          "      metadata:\n        %s: %s",
                          belongs[i], object_kind(o), belongs[i], json_text(a, json_get(o, belongs[i]), JSON_COMPACT));
  return NULL;
}

/* The version of resource.k8s.io in which a body of this shape was written. */
static const char *
shape_of(const struct json *o)
{
  const struct json *spec = json_get(o, "spec");

  if (strcmp(object_kind(o), "ResourceClaimTemplate") == 0)
    spec = json_get(spec, "spec");
  if (json_get(o, "driverName") || json_get(spec, "resourceClassName") || json_get(spec, "allocationMode"))
    return "v1alpha2";
  for (json_each_item (p, json_dig(spec, "devices", "requests", NULL))) {
    if (json_get(*p, "exactly") || json_get(*p, "firstAvailable"))
      return "v1";
    if (json_get(*p, "deviceClassName"))
      return "v1alpha3";
  }
  return json_get(spec, "devices") ? "v1" : NULL;
}

static const char *
served_version(const struct resource_map *map, const char *kind)
{
  for (size_t i = 0; i < map->n; i++)
    if (strcmp(map->list[i].res.group, "resource.k8s.io") == 0 && strcmp(map->list[i].res.kind, kind) == 0)
      return map->list[i].res.version;
  return NULL;
}

/* An apiVersion of DRA that this cluster does not serve, or a body that is not of the version it names. */
static const char *
hint_version(struct arena *a, const struct json *o, const struct resource_map *map)
{
  const char *prefix = "resource.k8s.io/", *api = object_api_version(o);
  const char *version = strncmp(api, prefix, strlen(prefix)) == 0 ? api + strlen(prefix) : NULL;
  const char *served = version ? served_version(map, object_kind(o)) : NULL, *shape = version ? shape_of(o) : NULL;

  if (!version)
    return NULL;
  if (!served && !resource_map_has_group(map, "resource.k8s.io"))
    return arena_printf(
        a, "this cluster does not serve resource.k8s.io; `dralab config gates --dra structured` (or classic) "
           "switches it on");
  if (!served)
    return arena_printf(a,
                        "this cluster serves no %s in resource.k8s.io. The classic kinds need an older release:\n"
                        "      dralab create cluster --kubernetes-version 1.31 --dra classic",
                        object_kind(o));
  if (strcmp(version, served) == 0)
    return NULL;
  if (shape && strcmp(shape, "v1alpha3") == 0)
    return arena_printf(a,
                        "the body is written for v1alpha3 or v1beta1 (requests[].deviceClassName), but says %s. This "
                        "cluster serves %s: write\n"
                        "      apiVersion: resource.k8s.io/%s\n"
                        "    and put the fields of each request under `exactly:`",
                        version, served, served);
  if (shape && strcmp(shape, "v1") == 0)
    return arena_printf(
        a, "the body is written for v1; this cluster serves %s: write\n      apiVersion: resource.k8s.io/%s", served,
        served);
  return arena_printf(a, "this cluster serves resource.k8s.io/%s, not %s; see `dralab get --help` for what it has",
                      served, version);
}

static const char *
hint_kind(struct arena *a, const struct json *o, const struct resource_map *map)
{
  (void)map;
  if (!*object_api_version(o) || !*object_kind(o))
    return arena_printf(a, "a manifest begins with `apiVersion:` and `kind:`");
  return NULL;
}

const char *
manifest_hint(struct arena *a, const struct json *object, const struct resource_map *map)
{
  static hint_fn *const hints[] = { hint_kind, hint_misplaced, hint_version };

  for (size_t i = 0; i < ARRAY_SIZE(hints); i++) {
    const char *text = hints[i](a, object, map);

    if (text)
      return text;
  }
  return NULL;
}
