#include <ctype.h>
#include <string.h>

#include "openapi.h"
#include "strbuf.h"
#include "typed_internal.h"

#define META "io.k8s.apimachinery.pkg.apis.meta.v1."

/* -- scalars and types that have a form of their own -- */

static const struct base {
  const char *type, *format;
  const char *definition; /* a reference, instead */
} bases[] = {
  [KIND_STRING] = { .type = "string" },
  [KIND_BOOL] = { .type = "boolean" },
  [KIND_INT32] = { .type = "integer", .format = "int32" },
  [KIND_INT64] = { .type = "integer", .format = "int64" },
  [KIND_FLOAT64] = { .type = "number", .format = "double" },
  [KIND_BYTES] = { .type = "string", .format = "byte" },
  [KIND_TIME] = { .definition = META "Time" },
  [KIND_MICROTIME] = { .definition = META "MicroTime" },
  [KIND_QUANTITY] = { .definition = "io.k8s.apimachinery.pkg.api.resource.Quantity" },
  [KIND_INT_OR_STRING] = { .definition = "io.k8s.apimachinery.pkg.util.intstr.IntOrString" },
  [KIND_RAW] = { .definition = "io.k8s.apimachinery.pkg.runtime.RawExtension" },
  [KIND_FIELDS_V1] = { .definition = META "FieldsV1" },
  [KIND_JSON] = { .definition = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON" },
  [KIND_ANY] = { .type = "object" },
  [KIND_STRING_LIST] = { .type = "array" },
  [KIND_SCHEMA_OR_BOOL] = { .definition =
                                "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool" },
  [KIND_SCHEMA_OR_ARRAY] = { .definition =
                                 "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray" },
  [KIND_SCHEMA_OR_STRINGS] = { .definition = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
                                             "JSONSchemaPropsOrStringArray" },
};

/* `oneOf` of two types, in v3; v2 has only the first word for it. */
static void
set_either(struct openapi *d, struct json *schema, const char *first, const char *second)
{
  struct json *list;

  if (!d->v3) {
    json_set_str(d->a, schema, "type", "string");
    return;
  }
  list = json_ensure_array(d->a, schema, "oneOf");
  json_set_str(d->a, json_append(d->a, list, json_new_object(d->a)), "type", first);
  json_set_str(d->a, json_append(d->a, list, json_new_object(d->a)), "type", second);
}

static struct json *
special_definition(struct openapi *d, const char *name)
{
  struct json *schema = json_new_object(d->a);
  const char *word = strrchr(name, '.') + 1;

  json_set_str(d->a, schema, "description", word);
  if (strcmp(word, "Time") == 0 || strcmp(word, "MicroTime") == 0) {
    json_set_str(d->a, schema, "type", "string");
    json_set_str(d->a, schema, "format", "date-time");
  } else if (strcmp(word, "Quantity") == 0) {
    set_either(d, schema, "string", "number");
  } else if (strcmp(word, "IntOrString") == 0) {
    set_either(d, schema, "integer", "string");
    json_set_str(d->a, schema, "format", "int-or-string");
  } else if (strcmp(word, "RawExtension") == 0 || strcmp(word, "FieldsV1") == 0 || strcmp(word, "Patch") == 0) {
    json_set_str(d->a, schema, "type", "object");
  }
  return schema;
}

struct json *
openapi_reference(struct openapi *d, const char *name)
{
  struct json *ref = json_new_object(d->a);

  json_set(d->a, ref, "$ref", json_new_strf(d->a, d->v3 ? "#/components/schemas/%s" : "#/definitions/%s", name));
  return ref;
}

struct json *
openapi_ref_named(struct openapi *d, const char *name)
{
  if (!json_get(d->schemas, name))
    json_set(d->a, d->schemas, name, special_definition(d, name));
  return openapi_reference(d, name);
}

/* -- fields -- */

/* "deviceClassName" → "device class name": the little that can be said without prose. */
static const char *
words(struct arena *a, const char *name)
{
  struct strbuf b;
  const char *ret;

  strbuf_init(&b, 512);
  for (const char *p = name; *p; p++) {
    bool starts = isupper((unsigned char)*p) && p > name && islower((unsigned char)p[-1]);

    if (starts)
      strbuf_putc(&b, ' ');
    strbuf_putc(&b, p > name && isupper((unsigned char)*p) && !islower((unsigned char)p[1])
                        ? *p
                        : (char)tolower((unsigned char)*p));
  }
  ret = arena_strdup(a, b.p ? b.p : "");
  strbuf_release(&b);
  return ret;
}

/* One item, one value, or the whole of a field that is neither list nor map. */
static struct json *
element_schema(struct openapi *d, const struct kind_field *f)
{
  const struct kind_type *t = kind_field_type(f);
  const struct base *b = &bases[f->base];
  struct json *schema;

  if (t)
    return openapi_ref(d, t);
  if (b->definition)
    return openapi_ref_named(d, b->definition);
  schema = json_new_object(d->a);
  json_set_str(d->a, schema, "type", b->type);
  if (b->format)
    json_set_str(d->a, schema, "format", b->format);
  if (f->base == KIND_STRING_LIST)
    json_set_str(d->a, json_ensure_object(d->a, schema, "items"), "type", "string");
  return schema;
}

static void
add_enum(struct openapi *d, struct json *schema, const struct kind_field *f)
{
  const struct kind_named *n = f->named ? &kind_named[f->named] : NULL;

  if (!n || !n->closed || n->alias || f->shape != KIND_ONE || f->base != KIND_STRING)
    return;
  for (size_t i = 0; i < n->n_values; i++)
    json_append_str(d->a, json_ensure_array(d->a, schema, "enum"), kind_text(kind_values[n->values + i]));
}

static void
add_default(struct openapi *d, struct json *schema, const struct kind_field *f)
{
  struct json *v = d->v3 ? typed_default(d->a, f) : NULL;

  if (v)
    json_set(d->a, schema, "default", v);
}

static void
add_list_rules(struct openapi *d, struct json *schema, const struct kind_field *f)
{
  static const char *const types[] = {
    [KIND_LIST_ATOMIC] = "atomic", [KIND_LIST_SET] = "set", [KIND_LIST_MAP] = "map"
  };
  const char *cursor = NULL, *merge_key = kind_field_merge_key(f);
  struct span key;

  if (f->list_type != KIND_LIST_UNSET)
    json_set_str(d->a, schema, "x-kubernetes-list-type", types[f->list_type]);
  if (f->list_type == KIND_LIST_MAP)
    while (kind_field_list_key(f, &cursor, &key))
      json_append(d->a, json_ensure_array(d->a, schema, "x-kubernetes-list-map-keys"),
                  json_new_strn(d->a, key.p, key.n));
  if (f->flags & (KIND_F_MAP_ATOMIC | KIND_F_MAP_GRANULAR))
    json_set_str(d->a, schema, "x-kubernetes-map-type", f->flags & KIND_F_MAP_ATOMIC ? "atomic" : "granular");
  if (merge_key)
    json_set_str(d->a, schema, "x-kubernetes-patch-merge-key", merge_key);
  if (f->flags & (KIND_F_PATCH_MERGE | KIND_F_PATCH_REPLACE | KIND_F_PATCH_RETAIN_KEYS))
    json_set(d->a, schema, "x-kubernetes-patch-strategy",
             json_new_strf(d->a, "%s%s%s", f->flags & KIND_F_PATCH_MERGE ? "merge" : "",
                           f->flags & KIND_F_PATCH_MERGE && f->flags & KIND_F_PATCH_RETAIN_KEYS ? "," : "",
                           f->flags & KIND_F_PATCH_RETAIN_KEYS ? "retainKeys"
                           : f->flags & KIND_F_PATCH_REPLACE   ? "replace"
                                                               : ""));
}

/* `f` NULL: the type. Where nobody has written anything, at least its name in words. */
static void
describe(struct openapi *d, struct json *schema, const struct kind_type *t, const struct kind_field *f)
{
  const char *type;
  struct span text;

  if (!d->words)
    return;
  type = words(d->a, kind_type_go(t));
  text = kind_words_of(d->words, t, f);
  if (!text.p)
    text = span_of(f ? arena_printf(d->a, "%s of %s", words(d->a, kind_field_name(f)), type) : type);
  json_set_str(d->a, schema, "description", arena_strndup(d->a, text.p, text.n));
}

static struct json *
field_schema(struct openapi *d, const struct kind_type *owner, const struct kind_field *f)
{
  struct json *element = element_schema(d, f), *schema = element;

  if (f->shape == KIND_LIST) {
    schema = json_new_object(d->a);
    json_set_str(d->a, schema, "type", "array");
    json_set(d->a, schema, "items", element);
  } else if (f->shape == KIND_MAP) {
    schema = json_new_object(d->a);
    json_set_str(d->a, schema, "type", "object");
    json_set(d->a, schema, "additionalProperties", element);
  } else if (json_get(element, "$ref") && d->v3) { /* a bare reference may have no neighbours */
    schema = json_new_object(d->a);
    json_append(d->a, json_ensure_array(d->a, schema, "allOf"), element);
  }
  describe(d, schema, owner, f);
  add_default(d, schema, f);
  add_enum(d, schema, f);
  add_list_rules(d, schema, f);
  return schema;
}

/* -- types -- */

static void
add_fields(struct openapi *d, const struct kind_type *t, struct json *properties, struct json *required)
{
  for (kind_each_field(f, t)) {
    if (f->flags & KIND_F_NO_JSON)
      continue;
    if (f->flags & KIND_F_INLINE && kind_field_type(f)) {
      add_fields(d, kind_field_type(f), properties, required);
      continue;
    }
    json_set(d->a, properties, kind_field_name(f), field_schema(d, t, f));
    if (f->flags & KIND_F_REQUIRED)
      json_append_str(d->a, required, kind_field_name(f));
  }
}

static void
add_identity(struct openapi *d, const struct kind_type *t, struct json *schema)
{
  for (size_t i = 0; i < kind_count; i++) {
    const struct kind *k = kind_in(d->p, &kinds[i]);
    struct json *gvk;

    if (!k || k->type != t)
      continue;
    gvk = json_append(d->a, json_ensure_array(d->a, schema, "x-kubernetes-group-version-kind"), json_new_object(d->a));
    json_set_str(d->a, gvk, "group", strcmp(k->group, "meta.k8s.io") == 0 ? "" : k->group);
    json_set_str(d->a, gvk, "version", k->version);
    json_set_str(d->a, gvk, "kind", k->kind);
  }
}

struct json *
openapi_ref(struct openapi *d, const struct kind_type *t)
{
  const char *name = kind_text(t->name);
  struct json *schema, *properties, *required;

  if (json_get(d->schemas, name))
    return openapi_reference(d, name);
  schema = json_set(d->a, d->schemas, name, json_new_object(d->a)); /* first: a type may hold itself */
  describe(d, schema, t, NULL);
  json_set_str(d->a, schema, "type", "object");
  properties = json_new_object(d->a);
  required = json_new_array(d->a);
  add_fields(d, t, properties, required);
  if (json_count(properties))
    json_set(d->a, schema, "properties", properties);
  if (json_count(required))
    json_set(d->a, schema, "required", required);
  if (t->flags & KIND_T_ATOMIC)
    json_set_str(d->a, schema, "x-kubernetes-map-type", "atomic");
  add_identity(d, t, schema);
  return openapi_reference(d, name);
}

struct json *
openapi_ref_kind(struct openapi *d, const struct kind *k)
{
  return k->custom ? openapi_ref_custom(d, k->custom) : openapi_ref(d, k->type);
}
