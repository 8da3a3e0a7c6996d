/*
 * crd_shape - custom objects brought into the shape that their schema gives them.
 *
 * What decoding does for built-in kinds by their tables: fields that are not
 * declared go (pruning), nulls where none may be go, metadata of the object and
 * of embedded ones is that of Kubernetes, defaults are filled in.
 *
 * Every function edits a tree that is the caller's own, and is safe from any
 * thread otherwise.
 *
 * Upstream: apiextensions-apiserver pkg/apiserver/schema/{pruning,defaulting,
 * objectmeta}.
 */
#ifndef APISERVER_CRD_SHAPE_H
#define APISERVER_CRD_SHAPE_H

#include "crd_schema.h"
#include "kind.h"

/*
 * Take out what `s` does not declare; NULL declares nothing. kind, apiVersion and metadata of the root stay whatever
 * the schema says. Fields that went become problems `unknown field "spec.x"`, in byte order; `strict` may be NULL.
 */
void schema_prune(struct arena *a, struct json *o, const struct schema *s, struct kind_strictness *strict);
/* The same for any value: a default. `root`: as above, it is a whole object. */
void schema_prune_value(struct arena *a, struct json *v, const struct schema *s, bool root);
/* Members that are null, may not be and have no default go. */
void schema_drop_nulls(struct json *v, const struct schema *s);
void schema_default(struct arena *a, struct json *v, const struct schema *s);
/*
 * Check type and metadata of embedded resources and take out of the latter what Kubernetes does not know. `path` is
 * that of `v`, "" for the root; `root`: v is a whole object whatever `s` says. KERR_INVALID with upstream's text.
 */
_must_check_ int schema_coerce(struct arena *a, const char *path, struct json *v, const struct schema *s, bool root,
                               struct kind_strictness *strict, struct kerr *reterr);
/* metav1.ObjectMeta, canonical. `path`: of the metadata itself. Errors are Go's, without a prefix. */
_must_check_ int schema_decode_meta(struct arena *a, const char *path, const struct json *meta,
                                    struct kind_strictness *strict, struct json **ret, struct kerr *reterr);
/* Members at every level by name, as Go writes its maps. */
void schema_sort(struct json *v);

#endif
