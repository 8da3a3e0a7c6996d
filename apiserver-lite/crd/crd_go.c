/*
 * Schemas and versions as Go prints upstream's internal types: every field in order of declaration, under its Go name,
 * whether it is set or not. Errors about a whole version or schema show that.
 */
#include <string.h>

#include "crd_validate.h"

enum form { TEXT, POINTER, FLAG, VALUE, LIST, RULES, SCHEMA, SCHEMAS, SCHEMA_MAP, OR_ARRAY, OR_BOOL, DEPENDENCIES };

static const struct member {
  const char *name, *go;
  enum form form;
} members[] = {
  { "id", "ID", TEXT },
  { "$schema", "Schema", TEXT },
  { "$ref", "Ref", POINTER },
  { "description", "Description", TEXT },
  { "type", "Type", TEXT },
  { "nullable", "Nullable", FLAG },
  { "format", "Format", TEXT },
  { "title", "Title", TEXT },
  { "default", "Default", VALUE },
  { "maximum", "Maximum", POINTER },
  { "exclusiveMaximum", "ExclusiveMaximum", FLAG },
  { "minimum", "Minimum", POINTER },
  { "exclusiveMinimum", "ExclusiveMinimum", FLAG },
  { "maxLength", "MaxLength", POINTER },
  { "minLength", "MinLength", POINTER },
  { "pattern", "Pattern", TEXT },
  { "maxItems", "MaxItems", POINTER },
  { "minItems", "MinItems", POINTER },
  { "uniqueItems", "UniqueItems", FLAG },
  { "multipleOf", "MultipleOf", POINTER },
  { "enum", "Enum", LIST },
  { "maxProperties", "MaxProperties", POINTER },
  { "minProperties", "MinProperties", POINTER },
  { "required", "Required", LIST },
  { "items", "Items", OR_ARRAY },
  { "allOf", "AllOf", SCHEMAS },
  { "oneOf", "OneOf", SCHEMAS },
  { "anyOf", "AnyOf", SCHEMAS },
  { "not", "Not", SCHEMA },
  { "properties", "Properties", SCHEMA_MAP },
  { "additionalProperties", "AdditionalProperties", OR_BOOL },
  { "patternProperties", "PatternProperties", SCHEMA_MAP },
  { "dependencies", "Dependencies", DEPENDENCIES },
  { "additionalItems", "AdditionalItems", OR_BOOL },
  { "definitions", "Definitions", SCHEMA_MAP },
  { "externalDocs", "ExternalDocs", VALUE },
  { "example", "Example", VALUE },
  { "x-kubernetes-preserve-unknown-fields", "XPreserveUnknownFields", POINTER },
  { "x-kubernetes-embedded-resource", "XEmbeddedResource", FLAG },
  { "x-kubernetes-int-or-string", "XIntOrString", FLAG },
  { "x-kubernetes-list-map-keys", "XListMapKeys", LIST },
  { "x-kubernetes-list-type", "XListType", POINTER },
  { "x-kubernetes-map-type", "XMapType", POINTER },
  { "x-kubernetes-validations", "XValidations", RULES },
};

static struct json *go_schema(struct arena *a, const struct json *s);

static struct json *
go_list(struct arena *a, const struct json *list)
{
  struct json *ret = json_new_array(a);

  for (json_each_item (p, list))
    json_append(a, ret, go_schema(a, *p));
  return ret;
}

static struct json *
go_map(struct arena *a, const struct json *map)
{
  struct json *ret = json_new_object(a);

  for (json_each_member (m, map))
    json_set_n(a, ret, m->name, m->name_len, go_schema(a, m->value));
  json_sort_members(ret);
  return ret;
}

/* {"Schema": ..., "JSONSchemas": ...} */
static struct json *
go_or_array(struct arena *a, const struct json *v)
{
  struct json *ret = json_new_object(a);

  json_set(a, ret, "Schema", json_is(v, JSON_OBJECT) ? go_schema(a, v) : json_new_null(a));
  json_set(a, ret, "JSONSchemas", json_is(v, JSON_ARRAY) ? go_list(a, v) : json_new_null(a));
  return ret;
}

static struct json *
go_or_bool(struct arena *a, const struct json *v)
{
  struct json *ret = json_new_object(a);

  json_set_bool(a, ret, "Allows", json_is(v, JSON_OBJECT) || (json_is(v, JSON_BOOL) && v->u.boolean));
  json_set(a, ret, "Schema", json_is(v, JSON_OBJECT) ? go_schema(a, v) : json_new_null(a));
  return ret;
}

static struct json *
go_dependencies(struct arena *a, const struct json *map)
{
  struct json *ret = json_new_object(a);

  for (json_each_member (m, map)) {
    struct json *one = json_new_object(a);

    json_set(a, one, "Schema", json_is(m->value, JSON_OBJECT) ? go_schema(a, m->value) : json_new_null(a));
    json_set(a, one, "Property", json_is(m->value, JSON_ARRAY) ? json_copy(a, m->value) : json_new_null(a));
    json_set_n(a, ret, m->name, m->name_len, one);
  }
  json_sort_members(ret);
  return ret;
}

static struct json *
go_rules(struct arena *a, const struct json *rules)
{
  static const struct {
    const char *name, *go;
    bool pointer;
  } parts[] = {
    { "rule", "Rule", false },
    { "message", "Message", false },
    { "messageExpression", "MessageExpression", false },
    { "reason", "Reason", true },
    { "fieldPath", "FieldPath", false },
    { "optionalOldSelf", "OptionalOldSelf", true },
  };
  struct json *ret = json_new_array(a);

  for (json_each_item (p, rules)) {
    struct json *one = json_append(a, ret, json_new_object(a));

    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
      const struct json *v = json_get(*p, parts[i].name);

      json_set(a, one, parts[i].go, v ? json_copy(a, v) : parts[i].pointer ? json_new_null(a) : json_new_str(a, ""));
    }
  }
  return ret;
}

static struct json *
go_member(struct arena *a, enum form form, const struct json *v)
{
  if (json_type(v) == JSON_NULL)
    return form == TEXT ? json_new_str(a, "") : form == FLAG ? json_new_bool(a, false) : json_new_null(a);
  switch (form) {
  case TEXT:
  case POINTER:
  case FLAG:
  case VALUE:
  case LIST:
    return json_copy(a, v);
  case RULES:
    return go_rules(a, v);
  case SCHEMA:
    return go_schema(a, v);
  case SCHEMAS:
    return go_list(a, v);
  case SCHEMA_MAP:
    return go_map(a, v);
  case OR_ARRAY:
    return go_or_array(a, v);
  case OR_BOOL:
    return go_or_bool(a, v);
  case DEPENDENCIES:
    return go_dependencies(a, v);
  }
  return json_new_null(a);
}

static struct json *
go_schema(struct arena *a, const struct json *s)
{
  struct json *ret = json_new_object(a);

  for (size_t i = 0; i < ARRAY_SIZE(members); i++)
    json_set(a, ret, members[i].go, go_member(a, members[i].form, json_get(s, members[i].name)));
  return ret;
}

char *
crd_go_schema(struct arena *a, const struct json *schema)
{
  return json_text(a, go_schema(a, schema), JSON_HTML);
}

/* -- versions: the tables know their Go names, but not the internal order within a schema -- */

char *
crd_go_versions(struct arena *a, const struct json *versions)
{
  static const char *const type =
      "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionVersion";
  struct json *list = json_new_array(a);
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;

  for (json_each_item (p, versions)) {
    const struct json *schema = json_get(*p, "schema");
    struct json *bare = json_shallow(a, *p), *one;

    json_remove(bare, "schema");
    if (json_parse(a, span_of(vgo_json(a, bare, type)), NULL, &one, &ignored) < 0)
      continue;
    if (json_is(schema, JSON_OBJECT)) {
      struct json *holder = json_new_object(a);

      json_set(a, holder, "OpenAPIV3Schema",
               json_has(schema, "openAPIV3Schema") ? go_schema(a, json_get(schema, "openAPIV3Schema"))
                                                   : json_new_null(a));
      json_set(a, one, "Schema", holder);
    }
    json_append(a, list, one);
  }
  return json_text(a, list, JSON_HTML);
}
