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
 *
 * Kinds that CustomResourceDefinitions make are not in the tables. They have the
 * same descriptions (struct kind, struct kind_resource) with a schema instead of
 * a type, and every function here takes them; who finds them is crd_set.h.
 */
#ifndef APISERVER_KIND_H
#define APISERVER_KIND_H

#include "gates.h"
#include "json.h"
#include "status.h"

struct kind_type; /* a struct type: its fields (kind_type.h) */
struct custom;    /* a kind that a CustomResourceDefinition makes: its schema (crd_custom.h) */

/*
 * One kind in one version, as a run of releases has it. Where its type changed from release to release there are
 * several, linked from the last run to the first.
 */
struct kind {
  const char *group, *version, *kind;
  const struct kind_type *type; /* NULL: a custom kind */
  const struct kind *list;      /* its list kind, or NULL */
  const struct kind *before;    /* the same in the releases before `first`, or NULL */
  uint8_t first;                /* minor of the first release of the run */
  uint8_t since, deprecated,
      removed;                 /* minors of the releases in which it came, was deprecated, will go; 0: not said */
  uint32_t replacement;        /* pool (kind_type.h): what to use instead, "policy/v1 Eviction"; 0: not said */
  const struct custom *custom; /* NULL: a kind of the tables */
};

struct kind_column {
  const char *name, *type, *format; /* format "name" or "" */
  const char *description;          /* upstream's: clients may show it */
  int priority;
};
/* The columns of a kind's server-side table; the cells are table_*.c's business. */
struct kind_table {
  const char *group, *version, *kind; /* version "": every one that has no table of its own */
  const struct kind_column *columns;
  size_t n;
};

enum kind_verb {
  KIND_VERB_CREATE = 1,
  KIND_VERB_DELETE = 2,
  KIND_VERB_DELETECOLLECTION = 4,
  KIND_VERB_GET = 8,
  KIND_VERB_LIST = 16,
  KIND_VERB_PATCH = 32,
  KIND_VERB_UPDATE = 64,
  KIND_VERB_WATCH = 128,
};

/* What a subresource reads and writes. `version` is "" when it is that of the resource. */
struct kind_subresource {
  const char *name, *group, *version, *kind;
  uint32_t verbs;
};

/* A collection in one version: what a URL names; as many rows as its kind has. */
struct kind_resource {
  const char *group, *version, *resource, *singular, *kind;
  const char *const *short_names, *const *categories; /* NULL-terminated */
  const struct kind *of;
  const struct kind_resource *before; /* the row of of->before */
  bool namespaced;
  const char *storage_version;         /* version objects of this resource are stored in; "" when nothing is stored */
  uint32_t flags;                      /* KIND_RES_* */
  const char *storage_group;           /* its own, except that events.k8s.io/events are stored as core ones */
  const char *storage_prefix;          /* the folder below /registry: "pods", "services/specs" */
  const char *selectors;               /* field selectors, separated by blanks; "a=>b": label a reads field b */
  const struct kind_subresource *subs; /* sorted by name */
  size_t n_subs;
  uint32_t verbs;   /* KIND_VERB_* */
  bool on;          /* served unless --runtime-config says otherwise */
  const char *gate; /* served only while this feature gate is on; NULL: no such gate */
};
enum kind_resource_flags {
  KIND_RES_STATUS = 1, /* has /status */
  KIND_RES_SCALE = 2,
  KIND_RES_GENERATION = 4,           /* the server keeps metadata.generation */
  KIND_RES_UNCONDITIONAL_UPDATE = 8, /* PUT without resourceVersion is allowed */
  KIND_RES_CREATE_ON_UPDATE = 16,
  KIND_RES_RETURNS_DELETED = 32, /* DELETE answers with the object, not a Status */
  KIND_RES_GRACEFUL = 64,        /* pods */
};

/*
 * -- the tables (generated): for those who walk all of them --
 * The counts are of the last runs; what earlier releases have is reached from them.
 */
extern const struct kind kinds[];
extern const size_t kind_count;
extern const struct kind_resource kind_resources[]; /* in the order of discovery; several rows for several versions */
extern const size_t kind_resource_count, kind_resource_rows; /* rows: with those of earlier runs, behind the others */
extern const struct kind_table kind_tables[];
extern const size_t kind_table_count;

/* NULL when there is none, or when `p` does not serve that version. */
const struct kind_resource *kind_resource_find(const struct personality *p, const char *group, const char *version,
                                               const char *resource);
/*
 * In the last release that has it. Kinds of meta.k8s.io are found in v1 too, and option kinds (DeleteOptions, ...) in
 * every version, as upstream registers them.
 */
const struct kind *kind_find(const char *group, const char *version, const char *kind);
const struct kind *kind_find_api_version(const char *api_version, const char *kind);
/* `k` as the release of `p` has it; NULL when that does not know it, or `k` is NULL. Without `p` it is `k`. */
const struct kind *kind_in(const struct personality *p, const struct kind *k);
/* "resource.k8s.io/v1" or "v1". */
char *kind_api_version(struct arena *a, const struct kind *k);
/* Does `p` serve this row: it is that of its release, and --runtime-config or else the default says so. */
bool kind_is_served(const struct personality *p, const struct kind_resource *r);
/* The collection of objects of this kind; NULL for a kind that has none. */
const struct kind_resource *kind_resource_of(const struct kind *k);
/*
 * The row of the same resource in the version (and group) it is stored in: with the fields of the release, though that
 * may not serve the version. `r` itself when nobody ever serves it.
 */
const struct kind_resource *kind_resource_storage(const struct personality *p, const struct kind_resource *r);
/* The resource in the first version that `p` serves, NULL when it serves none. */
const struct kind_resource *kind_resource_preferred(const struct personality *p, const char *group,
                                                    const char *resource);
const struct kind_subresource *kind_subresource_find(const struct kind_resource *r, const char *name);
/* NULL: the default columns (Name, Age). */
const struct kind_table *kind_table_find(const char *group, const char *version, const char *kind);
/* Every served resource in the order of upstream's discovery; `*cursor` starts at 0. */
const struct kind_resource *kind_resource_next(const struct personality *p, size_t *cursor);

/* -- decoding -- */

/*
 * What a decoder found that it could live with: unknown and duplicate fields, as strict decoding names them
 * (`unknown field "spec.foo"`, `duplicate field "metadata.name"`).
 */
struct kind_strictness {
  struct arena *a;
  const struct json_dup *dups; /* what json_parse found in this text; NULL: none */
  const char **problems;
  size_t n, cap;
};

/* One more problem, unless it is there already or there are 100, which is where upstream stops. `text` is kept, not
 * copied. */
void kind_strictness_add(struct kind_strictness *s, const char *text);

/*
 * A tree as a client sent it → the canonical tree of `k` (a new tree; shares sub-trees that need no change).
 * Errors: KERR_BAD_REQUEST with Go's text (`json: cannot unmarshal string into Go struct field ...`).
 */
_must_check_ int kind_decode(struct arena *a, const struct kind *k, const struct json *in,
                             struct kind_strictness *strict, struct json **ret, struct kerr *reterr);
/*
 * What upstream says when it makes an object of a map (after a strategic merge or an apply) whose values have wrong
 * types; NULL: nothing, kind_decode has the last word. Nesting is bounded by the parser's ceiling. `strict` (may be NULL)
 * gets the unknown members, sorted, by paths without the keys of maps.
 */
const char *kind_restore_problem(struct arena *a, const struct kind *k, const struct json *o,
                                 struct kind_strictness *strict);
/* The same for a struct type that is no kind, such as ObjectMeta; `path` is where the value stands, for strict
 * problems. */
_must_check_ int kind_decode_type(struct arena *a, const struct kind_type *t, const char *path, const struct json *in,
                                  struct kind_strictness *strict, struct json **ret, struct kerr *reterr);
/*
 * Kubernetes protobuf, with its envelope, as the release of `p` (NULL: the last one) reads it. On entry *kind is what
 * to assume where the envelope names no kind, or NULL; on return it is the kind that was decoded. KERR_BAD_REQUEST,
 * KERR_TOO_LARGE (nesting).
 */
_must_check_ int kind_decode_proto(struct arena *a, const struct personality *p, struct span bytes,
                                   const struct kind **kind, struct json **ret, struct kerr *reterr);
/* `tree` is canonical. KERR_NOT_ACCEPTABLE for kinds without a protobuf form (Table); KERR_INTERNAL when `out` is full.
 */
_must_check_ int kind_encode_proto(const struct kind *k, const struct json *tree, struct strbuf *out,
                                   struct kerr *reterr);

/* -- shaping: all of them edit the tree in place -- */

/*
 * Defaults, declared and in code, as upstream applies them to requests and to what it reads from the store; also what
 * its conversion does to any object on the way in: a Secret's stringData becomes data. `now` (wall clock, ns) stamps
 * taints without a time.
 */
void kind_default(struct arena *a, const struct kind *k, struct json *o, const struct personality *p, int64_t now);
/*
 * What the way through the store, which is protobuf, leaves of an object: empty lists and maps are nil. Until then they
 * count: in validation, in unions, as managed fields.
 */
void kind_settle(struct arena *a, const struct kind *k, struct json *o);
/* `o` as Go's encoder writes it, which is what managed fields are made from: without empty lists under omitempty. */
const struct json *kind_written(struct arena *a, const struct kind *k, const struct json *o);
/*
 * Take out fields whose feature gate is off, unless `old` (NULL on create) uses the same gate somewhere: upstream's
 * dropDisabledFields.
 */
void kind_drop_disabled(struct arena *a, const struct kind *k, struct json *o, const struct json *old,
                        const struct personality *p);
/* Between versions of one group and kind; the result carries the new apiVersion. */
_must_check_ int kind_convert(struct arena *a, const struct kind *from, const struct kind *to, const struct json *in,
                              struct json **ret, struct kerr *reterr);

#endif
