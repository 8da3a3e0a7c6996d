/*
 * kind - Kubernetes kinds as data.
 *
 * One description per kind and version (kinds/data/, compiled into read-only
 * tables by the build) drives everything that depends on a type: strict
 * decoding, defaulting, JSON and protobuf codecs, conversion, merge keys for
 * strategic merge and server-side apply, OpenAPI, discovery, table columns.
 * Code is written only for what a table cannot say.
 *
 * In memory an object is always a JSON tree in the form that Go's encoder would
 * give for its type: known members only, in order of declaration, canonical
 * times and quantities.
 *
 * The tables are constant; every function here is safe from any thread.
 */
#ifndef APISERVER_KIND_H
#define APISERVER_KIND_H

#include "gates.h"
#include "json.h"
#include "status.h"

struct kind_type;  /* a struct type: its fields (kind_type.h) */

/* One kind in one version. */
struct kind {
  const char *group, *version, *kind;
  const struct kind_type *type;
};

/* A collection in one version: what a URL names. */
struct kind_resource {
  const char *group, *version, *resource, *singular, *kind;
  const char *const *short_names, *const *categories; /* NULL-terminated */
  const struct kind *of;
  bool namespaced;
  const char *storage_version; /* version objects of this resource are stored in */
  uint32_t flags;              /* KIND_RES_* */
};
enum kind_resource_flags {
  KIND_RES_STATUS = 1,               /* has /status */
  KIND_RES_SCALE = 2,
  KIND_RES_GENERATION = 4,           /* the server keeps metadata.generation */
  KIND_RES_UNCONDITIONAL_UPDATE = 8, /* PUT without resourceVersion is allowed */
  KIND_RES_CREATE_ON_UPDATE = 16,
  KIND_RES_RETURNS_DELETED = 32,     /* DELETE answers with the object, not a Status */
  KIND_RES_GRACEFUL = 64,            /* pods */
};

/* NULL when there is none, or when `p` does not serve that version. */
const struct kind_resource *kind_resource_find(const struct personality *p, const char *group, const char *version,
                                               const char *resource);
const struct kind *kind_find(const char *group, const char *version, const char *kind);
/* Every served resource in the order of upstream's discovery; `*cursor` starts at 0. */
const struct kind_resource *kind_resource_next(const struct personality *p, size_t *cursor);

/* -- decoding -- */

/*
 * What a decoder found that it could live with: unknown and duplicate fields, as strict decoding names them
 * (`unknown field "spec.foo"`, `duplicate field "metadata.name"`).
 */
struct kind_strictness {
  struct arena *a;
  const char **problems;
  size_t n, cap;
};

/*
 * A tree as a client sent it → the canonical tree of `k` (a new tree; shares sub-trees that need no change).
 * Errors: KERR_BAD_REQUEST with Go's text (`json: cannot unmarshal string into Go struct field ...`).
 */
_must_check_ int kind_decode(struct arena *a, const struct kind *k, const struct json *in, struct kind_strictness *strict,
                             struct json **ret, struct kerr *reterr);
/* Kubernetes protobuf, with its envelope. ret_kind is what the envelope says. KERR_BAD_REQUEST. */
_must_check_ int kind_decode_proto(struct arena *a, struct span bytes, const struct kind **ret_kind, struct json **ret,
                                   struct kerr *reterr);
/* `tree` is canonical. KERR_INTERNAL. */
_must_check_ int kind_encode_proto(const struct kind *k, const struct json *tree, struct strbuf *out, struct kerr *reterr);

/* -- shaping: all of them edit the tree in place -- */

void kind_default(struct arena *a, const struct kind *k, struct json *o, const struct personality *p);
/* Between versions of one group and kind; the result carries the new apiVersion. */
_must_check_ int kind_convert(struct arena *a, const struct kind *from, const struct kind *to, const struct json *in,
                              struct json **ret, struct kerr *reterr);

#endif
