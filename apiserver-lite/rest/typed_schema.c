/*
 * Merge rules of custom objects, from their schema (kube-openapi pkg/schemaconv/openapi.go): x-kubernetes-list-type,
 * x-kubernetes-map-type; an object that declares nothing is a map of anything, and so is what lies below
 * x-kubernetes-preserve-unknown-fields as far as it is not declared.
 */
#include "crd_custom.h"
#include "typed_internal.h"

static struct typed_ref
of_schema(const struct schema *s, bool preserve)
{
  struct typed_ref t = { .form = TYPED_SCALAR, .schema = s, .preserve = preserve || s->flags & SCHEMA_PRESERVE };

  t.root = s->flags & SCHEMA_EMBEDDED;
  if (s->type == SCHEMA_OBJECT && !(s->flags & SCHEMA_MAP_ATOMIC))
    t.form = TYPED_STRUCT;
  else if (s->type == SCHEMA_ARRAY && s->list != SCHEMA_LIST_ATOMIC)
    t.form = s->list == SCHEMA_LIST_SET ? TYPED_SET : TYPED_KEYED;
  else if (s->type == SCHEMA_ANY && !(s->flags & SCHEMA_INT_OR_STRING))
    t.form = TYPED_ANY;
  return t;
}

struct typed_ref
typed_custom(const struct kind *k)
{
  static const struct schema nothing = { .type = SCHEMA_OBJECT };
  const struct custom *c = k->custom;
  struct typed_ref t = of_schema(c->schema ? c->schema : &nothing, c->definition->preserve);

  t.root = true;
  return t;
}

/* A member of an object that has type and metadata. */
static bool
of_meta_member(struct span name, struct typed_ref *ret)
{
  if (span_is(name, "metadata"))
    *ret = (struct typed_ref){ .form = TYPED_STRUCT,
                               .type = kind_type_find("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta") };
  else if (span_is(name, "kind") || span_is(name, "apiVersion"))
    *ret = (struct typed_ref){ .form = TYPED_SCALAR };
  else
    return false;
  return true;
}

struct typed_ref
typed_schema_member(struct typed_ref t, struct span name, bool *ret_known)
{
  const struct schema *s = t.schema, *declared = schema_property_find(s, name.p, name.n);
  bool open = s->flags & SCHEMA_ADDITIONAL || (!(s->flags & SCHEMA_NO_ADDITIONAL) && (t.preserve || !s->n_properties));
  struct typed_ref ret;

  if (t.root && of_meta_member(name, &ret))
    return ret;
  if (declared)
    return of_schema(declared, t.preserve);
  if (s->additional)
    ret = of_schema(s->additional, t.preserve);
  else
    ret = (struct typed_ref){ .form = open ? TYPED_ANY : TYPED_SCALAR };
  ret.undeclared = true;
  *ret_known = s->additional || open;
  return ret;
}

struct typed_ref
typed_schema_element(struct typed_ref t)
{
  if (t.form == TYPED_SET || !t.schema->items)
    return (struct typed_ref){ .form = TYPED_SCALAR };
  return of_schema(t.schema->items, t.preserve);
}

const struct json *
typed_schema_default(struct typed_ref t, struct span key)
{
  const struct schema *s = schema_property_find(t.schema->items, key.p, key.n);

  return s ? s->dflt : NULL;
}
