#include <string.h>

#include "object.h"
#include "openapi.h"

/*
 * Schemas of custom resources. They are those of the definition, as it is stored,
 * with what every object has. The words are upstream's: kubectl explain shows them.
 *
 * Upstream: apiextensions-apiserver pkg/controller/openapi/builder.
 */

#define CONVENTIONS "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"
#define META        "io.k8s.apimachinery.pkg.apis.meta.v1."

static const char *const words[][2] = {
  { "apiVersion", "APIVersion defines the versioned schema of this representation of an object. Servers should convert "
                  "recognized schemas to the latest internal value, and may reject unrecognized values. More info: "
                  "" CONVENTIONS "#resources" },
  { "kind", "Kind is a string value representing the REST resource this object represents. Servers may infer this from "
            "the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: "
            "" CONVENTIONS "#types-kinds" },
};

static const char *const embedded_words[][2] = {
  { "apiVersion", "apiVersion defines the versioned schema of this representation of an object. More info: "
                  "" CONVENTIONS "#resources" },
  { "kind", "kind is a string value representing the type of this object. In CamelCase. More info: "
            "" CONVENTIONS "#types-kinds" },
};

static void
set_text(struct openapi *d, struct json *properties, const char *name, const char *description)
{
  struct json *schema = json_new_object(d->a);

  json_set_str(d->a, schema, "description", description);
  json_set_str(d->a, schema, "type", "string");
  json_set(d->a, properties, name, schema);
}

static void
set_metadata(struct openapi *d, struct json *properties, const char *type, const char *description)
{
  const struct kind_type *t = kind_type_find(type);
  struct json *schema, *ref;

  if (!t)
    return;
  ref = openapi_ref(d, t);
  schema = d->v3 ? json_new_object(d->a) : ref;
  if (d->v3)
    json_append(d->a, json_ensure_array(d->a, schema, "allOf"), ref);
  json_set_str(d->a, schema, "description", description);
  json_set(d->a, properties, "metadata", schema);
}

static void
add_head(struct openapi *d, struct json *schema, const char *const (*text)[2])
{
  struct json *properties = json_ensure_object(d->a, schema, "properties");

  for (size_t i = 0; i < 2; i++)
    set_text(d, properties, text[i][0], text[i][1]);
  set_metadata(d, properties, META "ObjectMeta", "Standard object's metadata. More info: " CONVENTIONS "#metadata");
}

static void
add_embedded(struct openapi *d, struct json *schema)
{
  struct json *required;

  add_head(d, schema, embedded_words);
  required = json_ensure_array(d->a, schema, "required");
  if (!json_list_has(required, "kind"))
    json_append_str(d->a, required, "kind");
  if (!json_list_has(required, "apiVersion"))
    json_append_str(d->a, required, "apiVersion");
}

/*
 * An integer or a string, for those who do not know the extension (Structural.Unfold). Many a definition says so
 * itself.
 */
static void
add_either(struct openapi *d, struct json *schema)
{
  struct json *any = json_new_array(d->a), *list, *first;

  json_set_str(d->a, json_append(d->a, any, json_new_object(d->a)), "type", "integer");
  json_set_str(d->a, json_append(d->a, any, json_new_object(d->a)), "type", "string");
  if (json_equal(json_get(schema, "anyOf"), any) ||
      json_equal(json_get(json_at(json_get(schema, "allOf"), 0), "anyOf"), any))
    return;
  if (!json_count(json_get(schema, "anyOf"))) {
    json_set(d->a, schema, "anyOf", any);
    return;
  }
  first = json_new_object(d->a);
  json_set(d->a, first, "anyOf", any);
  list = json_new_array(d->a);
  json_append(d->a, list, first);
  for (json_each_item (v, json_get(schema, "allOf")))
    json_append(d->a, list, *v);
  json_set(d->a, schema, "allOf", list);
}

/* v2 knows neither alternatives nor null (ToStructuralOpenAPIV2). */
static void
reduce(struct json *schema)
{
  static const char *const unknown[] = { "allOf", "anyOf", "oneOf", "not", "default" };
  bool open = json_get_bool(schema, "nullable", false) || json_get_bool(schema, "x-kubernetes-int-or-string", false);

  for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
    json_remove(schema, unknown[i]);
  if (open)
    json_remove(schema, "type");
  if (open || json_get_bool(schema, "x-kubernetes-preserve-unknown-fields", false)) {
    json_remove(schema, "items");
    json_remove(schema, "properties");
  }
  json_remove(schema, "nullable");
}

static void
finish(struct openapi *d, struct json *schema)
{
  const struct json *properties;

  if (!json_is(schema, JSON_OBJECT))
    return;
  json_remove(schema, "example");
  json_remove(schema, "externalDocs");
  if (d->v3 && json_get_bool(schema, "x-kubernetes-int-or-string", false))
    add_either(d, schema);
  if (!d->v3)
    reduce(schema);
  properties = json_get(schema, "properties");
  for (json_each_member (m, properties))
    finish(d, m->value);
  finish(d, json_find(schema, "items"));
  finish(d, json_find(schema, "additionalProperties"));
  if (json_get_bool(schema, "x-kubernetes-embedded-resource", false) &&
      (d->v3 || !json_get_bool(schema, "x-kubernetes-preserve-unknown-fields", false)))
    add_embedded(d, schema);
}

/* The version as it is stored; NULL: it is not there. */
static struct json *
stored_version(struct openapi *d, const struct custom *c)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *crd;

  if (json_parse(d->a, record_bytes(c->definition->record), NULL, &crd, &err) < 0)
    return NULL;
  for (json_each_item (v, json_dig(crd, "spec", "versions", NULL)))
    if (strcmp(json_get_str_or(*v, "name", ""), c->kind.version) == 0)
      return *v;
  return NULL;
}

static void
add_identity(struct openapi *d, struct json *schema, const struct custom *c, const char *kind)
{
  struct json *gvk;

  gvk = json_append(d->a, json_ensure_array(d->a, schema, "x-kubernetes-group-version-kind"), json_new_object(d->a));
  json_set_str(d->a, gvk, "group", c->kind.group);
  json_set_str(d->a, gvk, "kind", kind);
  json_set_str(d->a, gvk, "version", c->kind.version);
}

static void
add_selectable(struct openapi *d, struct json *schema, const struct json *version)
{
  const struct json *fields = json_get(version, "selectableFields");
  struct json *list;

  if (!json_count(fields))
    return;
  list = json_ensure_array(d->a, schema, "x-kubernetes-selectable-fields");
  for (json_each_item (f, fields)) {
    const char *path = json_get_str_or(*f, "jsonPath", "");

    json_set_str(d->a, json_append(d->a, list, json_new_object(d->a)), "fieldPath", path + (*path == '.'));
  }
}

static struct json *
schema_of(struct openapi *d, const struct custom *c)
{
  struct json *version = stored_version(d, c), *schema;

  schema = json_find(json_find(version, "schema"), "openAPIV3Schema");
  if (!schema ||
      (!d->v3 && (c->definition->preserve || json_get_bool(schema, "x-kubernetes-preserve-unknown-fields", false)))) {
    schema = json_new_object(d->a);
    json_set_str(d->a, schema, "type", "object");
  } else {
    finish(d, schema);
    add_head(d, schema, words);
  }
  add_identity(d, schema, c, c->kind.kind);
  add_selectable(d, schema, version);
  return schema;
}

/* "example.com", "v1", "Widget" → "com.example.v1.Widget" */
static const char *
name_of(struct openapi *d, const struct custom *c, const char *kind)
{
  const char *ret = arena_printf(d->a, "%s.%s", c->kind.version, kind);
  struct span left = span_of(c->kind.group);

  while (left.p && left.n) {
    struct span rest, label = span_cut(left, '.', &rest);

    ret = arena_printf(d->a, "%.*s.%s", SPAN_FMT(label), ret);
    left = rest;
  }
  return ret;
}

struct json *
openapi_ref_custom(struct openapi *d, const struct custom *c)
{
  const char *name = name_of(d, c, c->kind.kind);

  if (!json_get(d->schemas, name))
    json_set(d->a, d->schemas, name, schema_of(d, c));
  return openapi_reference(d, name);
}

struct json *
openapi_ref_custom_list(struct openapi *d, const struct custom *c)
{
  const char *kind = c->definition->list_kind, *name = name_of(d, c, kind);
  struct json *schema, *properties, *items;

  if (json_get(d->schemas, name))
    return openapi_reference(d, name);
  schema = json_set(d->a, d->schemas, name, json_new_object(d->a));
  json_set(d->a, schema, "description", json_new_strf(d->a, "%s is a list of %s", kind, c->kind.kind));
  json_set_str(d->a, schema, "type", "object");
  json_append_str(d->a, json_ensure_array(d->a, schema, "required"), "items");
  properties = json_ensure_object(d->a, schema, "properties");
  for (size_t i = 0; i < 2; i++)
    set_text(d, properties, words[i][0], words[i][1]);
  set_metadata(d, properties, META "ListMeta", "Standard list metadata. More info: " CONVENTIONS "#types-kinds");
  items = json_ensure_object(d->a, properties, "items");
  json_set(d->a, items, "description",
           json_new_strf(d->a, "List of %s. More info: " CONVENTIONS, c->resource.resource));
  json_set_str(d->a, items, "type", "array");
  json_set(d->a, items, "items", openapi_ref_custom(d, c));
  add_identity(d, schema, c, kind);
  add_selectable(d, schema, stored_version(d, c));
  return openapi_reference(d, name);
}
