/*
 * cel_decl - types and values of objects that an OpenAPI schema describes.
 *
 * A schema gives an expression three things: the types of what it can reach,
 * how large that can get (for the estimate), and how JSON becomes values. What
 * it does not describe, expressions do not see. Follows apiserver
 * pkg/cel/common (schemas.go, valuesunstructured.go) and pkg/cel/types.go.
 */
#ifndef CEL_CEL_DECL_H
#define CEL_CEL_DECL_H

#include "arena.h"
#include "cel_type.h"
#include "cel_value.h"
#include "json.h"

#define CEL_DECL_REQUEST_MAX INT64_C(3145728) /* bytes of the largest request (MaxRequestSizeBytes) */

struct cel_decl {
  const struct cel_type *type; /* NULL: expressions do not see it */
  int64_t min_size;            /* bytes of the smallest JSON of this type */
};

/*
 * `root`: the schema is of a whole object, so apiVersion, kind and the names in metadata are there whatever it says.
 * Structures are called `name`, and after the path below it: name.spec.items.@idx
 */
struct cel_decl cel_decl_type(struct arena *a, const struct json *schema, bool root, const char *name);
/* The schema of a whole object with these fields in it. */
const struct json *cel_decl_with_meta(struct arena *a, const struct json *schema);
/* What does not fit the schema becomes an error, where it stands. Borrows texts of the tree. */
struct cel_value cel_decl_value(struct arena *a, const struct json *schema, const struct json *value);

bool cel_decl_is_int_or_string(const struct json *schema);
bool cel_decl_is_embedded(const struct json *schema);
/* The schema of a map's values: additionalProperties, when that is a schema. */
const struct json *cel_decl_additional(const struct json *schema);

#endif
