/*
 * typed - objects as server-side apply sees them: values with the merge rules of their types.
 *
 * The rules come from the kind tables, or from the schema of a custom kind: a list is atomic, a set or a map by
 * keys; a struct is granular unless it says atomic. Semantics are those of
 * structured-merge-diff's typed package.
 *
 * Values are never edited; results share what did not change. kind, apiVersion
 * and metadata are ordinary members here.
 */
#ifndef APISERVER_TYPED_H
#define APISERVER_TYPED_H

#include "crd_schema.h"
#include "field_set.h"
#include "kind.h"
#include "kind_type.h"

enum typed_form {
  TYPED_SCALAR, /* compared as a whole: also atomic structs, maps and lists */
  TYPED_STRUCT,
  TYPED_MAP,
  TYPED_SET,   /* a list whose items are their own keys */
  TYPED_KEYED, /* a list whose items have keys */
  TYPED_ANY,   /* no declared type: maps are granular, the rest is scalar */
};

/* The type of one value. */
struct typed_ref {
  enum typed_form form;
  const struct kind_type *type;   /* of a struct */
  const struct kind_field *field; /* for elements, keys and scalars; NULL at the root */
  bool element;                   /* one item of the field's list, one value of its map */
  const struct schema *schema;    /* of a custom object: instead of type and field */
  bool root;                      /* schema: the whole object, or an embedded one */
  bool preserve;                  /* schema: undeclared fields are kept from here on */
  bool undeclared;                /* the member has no field of its own: it is a key of its map */
};

struct typed_ref typed_root(const struct kind *k);

struct typed_change {
  struct field_set *added, *modified, *removed;
};
void typed_compare(struct arena *a, struct typed_ref t, const struct json *from, const struct json *to,
                   struct typed_change *ret);
struct field_set *typed_fields(struct arena *a, struct typed_ref t, const struct json *v);
/* `live` with what `config` says. */
struct json *typed_merge(struct arena *a, struct typed_ref t, const struct json *live, const struct json *config);
struct json *typed_remove(struct arena *a, struct typed_ref t, const struct json *v, const struct field_set *fields);
/* The set with the named fields on the way to its members (EnsureNamedFieldsAreMembers). */
struct field_set *typed_with_parents(struct arena *a, struct typed_ref t, const struct field_set *s);
/* Does `v` fit its type? KERR_INTERNAL: `.spec.foo: field not declared in schema`, `.spec.x: expected list, got &{y}`.
 */
_must_check_ int typed_check(struct arena *a, struct typed_ref t, const struct json *v, struct kerr *reterr);

/* As Go prints a value with %v. */
const char *typed_go_text(struct arena *a, const struct json *v);

#endif
