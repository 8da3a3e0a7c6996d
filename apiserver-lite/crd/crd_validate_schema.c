/* The schema of a definition: ValidateCustomResourceDefinitionOpenAPISchema and what surrounds it. */
#include <string.h>

#include "cel_regex.h"
#include "crd_check.h"
#include "crd_rules.h"
#include "crd_shape.h"
#include "crd_validate.h"

static const char *const types[] = { "array", "boolean", "integer", "number", "object", "string", NULL };

/* What is true of a node because of where it stands. */
struct context {
  bool defaults, inside_meta;
  const char *no_defaults; /* why not */
};

struct walk {
  struct validation *v;
  const struct crd_leniency *let;
  const struct json **broken; /* nodes with errors at or below them: their rules cannot be typed */
  size_t n_broken, cap_broken;
  bool all_broken;
};

/* -- what nodes have -- */

static bool
has_member(const struct json *node, const char *name)
{
  return json_type(json_get(node, name)) != JSON_NULL;
}

bool
crd_has_default(const struct json *node)
{
  return has_member(node, "default");
}

static bool
is_type(struct span type)
{
  for (size_t i = 0; types[i]; i++)
    if (span_is(type, types[i]))
      return true;
  return false;
}

bool
crd_has_unknown_type(const struct json *node)
{
  struct span type = json_text_of(node, "type");

  return type.n && !is_type(type);
}

static const struct json *
item_schema(const struct json *node)
{
  const struct json *items = json_get(node, "items");

  return json_is(items, JSON_OBJECT) ? items : NULL;
}

bool
crd_is_loose_set(const struct json *node)
{
  const struct json *items = item_schema(node);
  struct span type = json_text_of(items, "type"), list = json_text_of(items, "x-kubernetes-list-type");

  if (!items || !span_is(json_text_of(node, "x-kubernetes-list-type"), "set"))
    return false;
  if (span_is(type, "array"))
    return list.n && !span_is(list, "atomic");
  return span_is(type, "object") && !span_is(json_text_of(items, "x-kubernetes-map-type"), "atomic");
}

void
crd_schema_walk(const struct json *schema, crd_visit_fn *fn, void *payload)
{
  static const char *const lists[] = { "items", "allOf", "anyOf", "oneOf" };
  static const char *const singles[] = { "items", "not", "additionalProperties", "additionalItems" };
  static const char *const maps[] = { "properties", "patternProperties", "definitions", "dependencies" };

  if (!json_is(schema, JSON_OBJECT))
    return;
  fn(schema, payload);
  for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
    for (json_each_item (p, json_get(schema, lists[i])))
      crd_schema_walk(*p, fn, payload);
  for (size_t i = 0; i < ARRAY_SIZE(singles); i++)
    crd_schema_walk(json_get(schema, singles[i]), fn, payload);
  for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
    for (json_each_member (m, json_get(schema, maps[i])))
      crd_schema_walk(m->value, fn, payload);
}

struct looking {
  crd_node_fn *fn;
  bool found;
};

static void
look(const struct json *node, void *payload)
{
  struct looking *l = payload;

  l->found = l->found || l->fn(node);
}

bool
crd_schema_has(const struct json *schema, crd_node_fn *fn)
{
  struct looking l = { .fn = fn };

  crd_schema_walk(schema, look, &l);
  return l.found;
}

/* -- one node: what OpenAPI v3 has here (specStandardValidatorV3) -- */

static void
check_standard(struct walk *w, const struct vpath *path, const struct json *s, const struct context *at)
{
  static const char *const never[] = { "id",          "additionalItems", "patternProperties",
                                       "definitions", "dependencies",    "$ref" };
  struct span type = json_text_of(s, "type");

  if (!w->let->any_type && type.n && !is_type(type))
    verr_not_supported(w->v, VP(path, "type"), type, types);
  if (crd_has_default(s) && !at->defaults)
    verr_forbidden(w->v, VP(path, "default"),
                   arena_printf(w->v->a, "must not be set%s%s", at->no_defaults ? " " : "",
                                at->no_defaults ? at->no_defaults : ""));
  for (size_t i = 0; i < ARRAY_SIZE(never); i++)
    if (has_member(s, never[i]))
      verr_forbidden(w->v, VP(path, never[i]), arena_printf(w->v->a, "%s is not supported", never[i]));
  if (span_is(type, "null"))
    verr_forbidden(w->v, VP(path, "type"), "type cannot be set to null, use nullable as an alternative");
  if (json_count(json_get(s, "items")) && json_is(json_get(s, "items"), JSON_ARRAY))
    verr_forbidden(w->v, VP(path, "items"), "items must be a schema object and not an array");
  if (at->inside_meta && json_get_bool(s, "x-kubernetes-embedded-resource", false))
    verr_forbidden(w->v, VP(path, "x-kubernetes-embedded-resource"), "must not be used inside of resource meta");
}

/* -- one node: Kubernetes' extensions -- */

static void
need_type(struct validation *v, const struct vpath *path, const struct json *s, const char *extension,
          const char *wanted)
{
  struct span type = json_text_of(s, "type");
  const char *detail = arena_printf(v->a, "must be %s if %s is specified", wanted, extension);

  if (!type.n)
    verr_required(v, VP(path, "type"), detail);
  else
    verr_invalid(v, VP(path, "type"), type, detail);
}

static void
check_map_type(struct validation *v, const struct vpath *path, const struct json *s)
{
  static const char *const allowed[] = { "atomic", "granular", NULL };
  struct span map = json_text_of(s, "x-kubernetes-map-type");

  if (!has_member(s, "x-kubernetes-map-type"))
    return;
  if (!span_is(json_text_of(s, "type"), "object"))
    need_type(v, path, s, "x-kubernetes-map-type", "object");
  if (!span_is(map, "atomic") && !span_is(map, "granular"))
    verr_not_supported(v, VP(path, "x-kubernetes-map-type"), map, allowed);
}

static void
check_set_items(struct validation *v, const struct vpath *path, const struct json *s)
{
  const struct json *items = item_schema(s), *list = json_get(items, "x-kubernetes-list-type");
  bool array = span_is(json_text_of(items, "type"), "array");

  verr_add(v, FIELD_INVALID, VP(VP(path, "items"), array ? "x-kubernetes-list-type" : "x-kubernetes-map-type"),
           list ? vjson(v->a, list) : "null", "must be atomic as item of a list with x-kubernetes-list-type=set");
}

static void
check_list_type(struct walk *w, const struct vpath *path, const struct json *s)
{
  static const char *const allowed[] = { "atomic", "set", "map", NULL };
  struct span list = json_text_of(s, "x-kubernetes-list-type");
  bool known = false;

  if (!has_member(s, "x-kubernetes-list-type"))
    return;
  if (!span_is(json_text_of(s, "type"), "array"))
    need_type(w->v, path, s, "x-kubernetes-list-type", "array");
  else if (!w->let->loose_sets && crd_is_loose_set(s))
    check_set_items(w->v, path, s);
  for (size_t i = 0; allowed[i]; i++)
    known = known || span_is(list, allowed[i]);
  if (!known)
    verr_not_supported(w->v, VP(path, "x-kubernetes-list-type"), list, allowed);
}

static void
check_key_names(struct validation *v, const struct vpath *path, const struct json *s)
{
  const struct json *keys = json_get(s, "x-kubernetes-list-map-keys"), *items = item_schema(s);
  const struct vpath *at = VP(path, "x-kubernetes-list-map-keys");

  for (size_t i = 0; i < json_count(keys); i++) {
    const char *key = json_str(json_at(keys, i));
    const struct json *p = json_get(json_get(items, "properties"), key);
    struct span type = json_text_of(p, "type");
    bool again = false;

    if (p && (span_is(type, "array") || span_is(type, "object")))
      verr_invalid(v, VP(VP_KEY(VP(VP(path, "items"), "properties"), key), "type"), json_text_of(items, "type"),
                   "must be a scalar type if parent array's x-kubernetes-list-type is map");
    if (!p)
      verr_add(v, FIELD_INVALID, at, vjson(v->a, keys), "entries must all be names of item properties");
    for (size_t k = 0; k < i; k++)
      again = again || strcmp(json_str(json_at(keys, k)), key) == 0;
    if (again)
      verr_add(v, FIELD_INVALID, at, vjson(v->a, keys), "must not contain duplicate entries");
  }
}

static void
check_list_map(struct validation *v, const struct vpath *path, const struct json *s)
{
  const struct json *keys = json_get(s, "x-kubernetes-list-map-keys"), *items = json_get(s, "items");
  struct span list = json_text_of(s, "x-kubernetes-list-type"), type = json_text_of(items, "type");

  if (json_count(keys) && !has_member(s, "x-kubernetes-list-type"))
    verr_required(v, VP(path, "x-kubernetes-list-type"), "must be map if x-kubernetes-list-map-keys is non-empty");
  else if (json_count(keys) && !span_is(list, "map"))
    verr_invalid(v, VP(path, "x-kubernetes-list-type"), list, "must be map if x-kubernetes-list-map-keys is non-empty");
  if (!span_is(list, "map"))
    return;
  if (!json_count(keys))
    verr_required(v, VP(path, "x-kubernetes-list-map-keys"), "must not be empty if x-kubernetes-list-type is map");
  if (json_type(items) == JSON_NULL)
    verr_required(v, VP(path, "items"), "must have a schema if x-kubernetes-list-type is map");
  else if (!json_is(items, JSON_OBJECT))
    verr_add(v, FIELD_INVALID, VP(path, "items"), vjson(v->a, items),
             "must only have a single schema if x-kubernetes-list-type is map");
  else if (!span_is(type, "object"))
    verr_invalid(v, VP(VP(path, "items"), "type"), type,
                 "must be object if parent array's x-kubernetes-list-type is map");
  else
    check_key_names(v, path, s);
}

static bool
is_required(const struct json *items, const char *key)
{
  return json_list_has(json_get(items, "required"), key);
}

/* Keys have to be there in every item (validateMapListKeysMapSet). */
static void
check_map_keys(struct validation *v, const struct vpath *path, const struct json *s)
{
  const struct json *items = item_schema(s);
  struct span list = json_text_of(s, "x-kubernetes-list-type");

  if (!items || (!span_is(list, "set") && !span_is(list, "map")))
    return;
  if (json_get_bool(items, "nullable", false))
    verr_forbidden(v, VP(VP(path, "items"), "nullable"),
                   arena_printf(v->a, "cannot be nullable when x-kubernetes-list-type is %.*s", SPAN_FMT(list)));
  for (json_each_item (k, span_is(list, "map") ? json_get(s, "x-kubernetes-list-map-keys") : NULL)) {
    const char *key = json_str(*k);
    const struct json *p = json_get(json_get(items, "properties"), key);
    const struct vpath *at = VP_KEY(VP(VP(path, "items"), "properties"), key);

    if (p && !is_required(items, key) && !crd_has_default(p))
      verr_required(v, VP(at, "default"),
                    "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required "
                    "property");
    if (json_get_bool(p, "nullable", false))
      verr_forbidden(v, VP(at, "nullable"), "this property is in x-kubernetes-list-map-keys, so it cannot be nullable");
  }
}

bool
crd_has_loose_keys(const struct json *node)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct validation v = { .a = a };

  check_map_keys(&v, NULL, node);
  return v.n > 0;
}

static void
check_extensions(struct walk *w, const struct vpath *path, const struct json *s)
{
  const struct json *preserve = json_get(s, "x-kubernetes-preserve-unknown-fields");

  if (json_is(preserve, JSON_BOOL) && !preserve->u.boolean)
    verr_add(w->v, FIELD_INVALID, VP(path, "x-kubernetes-preserve-unknown-fields"), "false",
             "must be true or undefined");
  check_map_type(w->v, path, s);
  check_list_type(w, path, s);
  check_list_map(w->v, path, s);
  if (!w->let->loose_map_keys)
    check_map_keys(w->v, path, s);
}

/* -- the walk -- */

static void check_node(struct walk *w, const struct vpath *path, const struct json *s, bool root,
                       const struct context *at);

static struct context
without_defaults(const struct context *at, const char *why)
{
  struct context ret = *at;

  ret.defaults = false;
  ret.no_defaults = why;
  return ret;
}

static void
check_additional(struct walk *w, const struct vpath *path, const struct json *s, const struct context *at)
{
  const struct json *additional = json_get(s, "additionalProperties");
  const struct vpath *below = VP(path, "additionalProperties");
  bool open = json_is(additional, JSON_BOOL) && additional->u.boolean;
  struct context inside = *at;

  if (json_type(additional) == JSON_NULL)
    return;
  if (json_count(json_get(s, "properties")) && !open)
    verr_forbidden(w->v, below, "additionalProperties and properties are mutual exclusive");
  if (at->inside_meta)
    inside = without_defaults(at, "inside additionalProperties applying to object metadata");
  check_node(w, below, additional, false, &inside);
}

static bool
is_meta_field(const char *name)
{
  return strcmp(name, "metadata") == 0 || strcmp(name, "kind") == 0 || strcmp(name, "apiVersion") == 0;
}

static void
check_properties(struct walk *w, const struct vpath *path, const struct json *s, bool root, const struct context *at)
{
  bool resource = root || json_get_bool(s, "x-kubernetes-embedded-resource", false);

  for (json_each_member (m, json_get(s, "properties"))) {
    struct context inside = *at;

    if (resource && is_meta_field(m->name)) {
      inside.inside_meta = true;
      if (root)
        inside = without_defaults(&inside, arena_printf(w->v->a, "in top-level %s", m->name));
    }
    check_node(w, VP_KEY(VP(path, "properties"), m->name), m->value, false, &inside);
  }
}

static void
check_below(struct walk *w, const struct vpath *path, const struct json *s, bool root, const struct context *at)
{
  static const char *const lists[] = { "allOf", "oneOf", "anyOf" };
  const struct json *items = json_get(s, "items");

  check_additional(w, path, s, at);
  check_properties(w, path, s, root, at);
  check_node(w, VP(path, "not"), json_get(s, "not"), false, at);
  for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
    for (size_t k = 0; k < json_count(json_get(s, lists[i])); k++)
      check_node(w, VP_ITEM(VP(path, lists[i]), k), json_at(json_get(s, lists[i]), k), false, at);
  for (json_each_member (m, json_get(s, "definitions")))
    check_node(w, VP_KEY(VP(path, "definitions"), m->name), m->value, false, at);
  check_node(w, VP(path, "items"), items, false, at);
  for (size_t i = 0; json_is(items, JSON_ARRAY) && i < json_count(items); i++)
    check_node(w, VP_ITEM(VP(path, "items"), i), json_at(items, i), false, at);
  for (json_each_member (m, json_get(s, "dependencies")))
    check_node(w, VP_KEY(VP(path, "dependencies"), m->name), m->value, false, at);
}

static void
note_broken(struct walk *w, const struct json *s)
{
  if (w->n_broken == w->cap_broken) {
    size_t cap = w->cap_broken ? w->cap_broken * 2 : 16;
    const struct json **more = arena_array_of(w->v->a, const struct json *, cap);

    if (w->n_broken)
      memcpy(more, w->broken, w->n_broken * sizeof more[0]);
    w->broken = more;
    w->cap_broken = cap;
  }
  w->broken[w->n_broken++] = s;
}

static void
check_node(struct walk *w, const struct vpath *path, const struct json *s, bool root, const struct context *at)
{
  size_t before = w->v->n;

  if (!json_is(s, JSON_OBJECT))
    return;
  check_standard(w, path, s, at);
  if (json_get_bool(s, "uniqueItems", false))
    verr_forbidden(w->v, VP(path, "uniqueItems"),
                   "uniqueItems cannot be set to true since the runtime complexity becomes quadratic");
  check_below(w, path, s, root, at);
  check_extensions(w, path, s);
  if (w->v->n > before)
    note_broken(w, s);
}

/* -- rules -- */

static void
take_errors(struct validation *v, const struct field_errors *errs)
{
  for (size_t i = 0; i < errs->n; i++) {
    struct verr *e = verr_add(v, errs->list[i].type, NULL, errs->list[i].value, "%s", errs->list[i].detail);

    e->field = errs->list[i].field;
  }
}

static bool
is_broken(const void *arg, const struct json *node)
{
  const struct walk *w = arg;

  for (size_t i = 0; i < w->n_broken; i++)
    if (w->broken[i] == node)
      return true;
  return w->all_broken;
}

static void
check_rules(struct walk *w, const struct crd_schema_place *at, const struct vpath *path)
{
  struct cel_crd_check check = { .schema = at->schema,
                                 .path = vpath_text(w->v->a, path),
                                 .old = at->old,
                                 .n_old = at->n_old,
                                 .broken = is_broken,
                                 .arg = w,
                                 .suppress_rule_cost = at->suppress_cost };
  struct cel_report report = { .a = w->v->a };
  struct field_errors errs = { .a = w->v->a };

  cel_crd_check(&check, &report);
  rules_take_report(&report, &errs);
  take_errors(w->v, &errs);
}

/* -- defaults have to be valid themselves (ValidateDefaults) -- */

struct defaulting {
  struct validation *v;
  bool unpruned;
  int64_t budget; /* of rules */
};

/* `resource`: it is one of a whole object, the root or an embedded one. */
static void
check_default(struct defaulting *d, const struct vpath *path, const struct json *props, const struct schema *s,
              bool resource, bool inside_meta)
{
  struct arena *a = d->v->a;
  const char *field = vpath_text(a, path);
  struct field_errors errs = { .a = a };
  struct json *pruned = json_copy(a, s->dflt);

  if (!inside_meta && !d->unpruned) {
    schema_prune_value(a, pruned, s, resource);
    if (!json_equal(pruned, s->dflt))
      verr_add(d->v, FIELD_INVALID, path, vjson(a, s->dflt), "must not have unknown fields");
  }
  if (!inside_meta)
    schema_check_embedded(s, field, s->dflt, resource, &errs);
  if (!errs.n)
    schema_check_default(s, field, &errs);
  if (!errs.n && d->budget >= 0) {
    struct cel_report report = { .a = a };

    cel_crd_validate_value(props, resource, field, s->dflt, &d->budget, &report);
    rules_take_report(&report, &errs);
  }
  take_errors(d->v, &errs);
}

static void
check_defaults(struct defaulting *d, const struct vpath *path, const struct json *props, const struct schema *s,
               bool resource, bool inside_meta)
{
  if (s->flags & SCHEMA_EMBEDDED) {
    resource = true;
    inside_meta = false;
  }
  if (s->dflt)
    check_default(d, VP(path, "default"), props, s, resource, inside_meta);
  if (!(s->flags & SCHEMA_HAS_DEFAULTS))
    return;
  if (s->items)
    check_defaults(d, VP(path, "items"), json_get(props, "items"), s->items, false, inside_meta);
  for (uint32_t i = 0; i < s->n_properties; i++) {
    const char *name = s->properties[i].name.p;

    check_defaults(d, VP_KEY(VP(path, "properties"), name), json_get(json_get(props, "properties"), name),
                   s->properties[i].schema, false, inside_meta || (resource && is_meta_field(name)));
  }
}

static void
check_all_defaults(struct validation *v, const struct crd_schema_place *at, const struct vpath *path)
{
  struct schema_compiler compiler = { .a = v->a };
  struct defaulting d = { .v = v, .unpruned = at->let->unpruned_defaults, .budget = CEL_CRD_RUN_COST_BUDGET };

  if (!crd_schema_has(at->schema, crd_has_default))
    return;
  check_defaults(&d, path, at->schema, schema_compile(&compiler, at->schema), true, false);
  cel_regex_free_list(compiler.regexes);
}

/* -- the root -- */

/*
 * With a status subresource the schema of status is taken out of the whole, so the root may only say what is not lost
 * by that. In the order of Go's struct.
 */
static void
check_root_with_status(struct validation *v, const struct vpath *path, const struct json *schema)
{
  static const char *const allowed =
      "[Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern "
      "MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields "
      "XValidations]";
  static const char *const members[] = { "id",
                                         "$schema",
                                         "$ref",
                                         "type",
                                         "nullable",
                                         "default",
                                         "enum",
                                         "maxProperties",
                                         "minProperties",
                                         "allOf",
                                         "oneOf",
                                         "anyOf",
                                         "not",
                                         "additionalProperties",
                                         "patternProperties",
                                         "dependencies",
                                         "additionalItems",
                                         "definitions",
                                         "x-kubernetes-embedded-resource",
                                         "x-kubernetes-int-or-string",
                                         "x-kubernetes-list-map-keys",
                                         "x-kubernetes-list-type",
                                         "x-kubernetes-map-type" };

  for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
    const struct json *m = json_get(schema, members[i]);

    if (json_type(m) == JSON_NULL || (json_is(m, JSON_BOOL) && !m->u.boolean))
      continue;
    if (strcmp(members[i], "type") != 0) {
      verr_add(v, FIELD_INVALID, VP(path, "openAPIV3Schema"), crd_go_schema(v->a, schema),
               "only %s fields are allowed at the root of the schema if the status subresource is enabled", allowed);
      return;
    }
    if (!span_is(json_span(m), "object")) {
      verr_invalid(v, VP(path, "openAPIV3Schema.type"), json_span(m),
                   "only \"object\" is allowed as the type at the root of the schema if the status subresource is "
                   "enabled");
      return;
    }
  }
}

void
crd_validate_schema(struct validation *v, const struct crd_schema_place *at)
{
  const struct vpath *path = VP(at->path, "openAPIV3Schema");
  struct walk w = { .v = v, .let = at->let, .all_broken = true };
  struct context root = { .defaults = true };
  const char *why = NULL;
  size_t mark = v->n;

  if (!at->schema)
    return;
  if (at->has_status)
    check_root_with_status(v, at->path, at->schema);
  if (json_get_bool(at->schema, "nullable", false))
    verr_forbidden(v, VP(at->path, "openAPIV3Schema.nullable"), "nullable cannot be true at the root");
  if (!at->let->not_structural) {
    size_t before = v->n;

    if (crd_validate_structural(v, path, at->schema, &why) && v->n == before)
      check_all_defaults(v, at, path);
    w.all_broken = why || v->n > before;
  }
  check_node(&w, path, at->schema, true, &root);
  check_rules(&w, at, path);
  if (v->n == mark && why)
    verr_add(v, FIELD_INVALID, path, "\"\"", "%s", why);
}
