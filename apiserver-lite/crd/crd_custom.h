/*
 * crd_custom - one CustomResourceDefinition as the server works with it.
 *
 * A definition is made from the stored object once and compiled: for each of
 * its versions a kind and a resource like those of the tables (kind.h), the
 * structural schema, validation rules, printer columns, selectable fields, the
 * paths of scale. Nothing of it changes; a definition that is replaced in the
 * store is compiled anew.
 *
 * Ownership: counted; everything hangs on one arena. A struct kind or
 * kind_resource of it lives as long as somebody holds the definition, mostly
 * through a custom_set (crd_set.h).
 * Threads: immutable, any thread.
 */
#ifndef APISERVER_CRD_CUSTOM_H
#define APISERVER_CRD_CUSTOM_H

#include "crd_schema.h"
#include "jsonpath.h"
#include "kind.h"
#include "record.h"

/* What upstream says about the columns that every table of custom objects has. */
extern const char custom_name_description[], custom_age_description[];

struct cel_crd;
struct custom_definition;
struct webhook_client;

struct custom_column {
  const char *name, *type, *format, *description;
  int64_t priority;
  const struct jsonpath *path;
};

struct custom_selectable {
  const char *name; /* "spec.colour": what a field selector says */
  const struct jsonpath *path;
};

struct custom_scale {
  const char *spec_path, *status_path, *selector_path; /* ".spec.replicas"; selector_path may be NULL */
};

/* One version of a definition: what a struct kind's `custom` points to. */
struct custom {
  struct custom_definition *definition;
  uint64_t serial; /* no other version of any definition has it, now or later: made from the revision */
  struct kind kind;
  struct kind_resource resource;
  const struct schema *schema; /* NULL: there is none, everything goes */
  struct cel_crd *rules;       /* x-kubernetes-validations; NULL: none */
  bool served, storage, deprecated, has_status;
  const char *deprecation_warning; /* NULL: not deprecated */
  const struct custom_column *columns;
  size_t n_columns;
  bool columns_broken; /* a path that is none: the table has only the name */
  const struct custom_selectable *selectable;
  size_t n_selectable;
  const struct custom_scale *scale; /* NULL: none */
};

struct custom_definition {
  const char *name, *uid, *group, *list_kind;
  int64_t generation;
  const struct json *names; /* status.acceptedNames */
  int64_t revision;         /* of the stored definition this was made from */
  int64_t since;            /* objects stored at this revision or later have the present shape already */
  bool namespaced, terminating;
  bool preserve; /* spec.preserveUnknownFields: nothing is pruned */
  struct custom *versions;
  size_t n_versions;
  const struct custom *storage;    /* the version objects are stored in */
  const struct json *conversion;   /* spec.conversion */
  struct webhook_client *webhooks; /* whom to ask with, when that says Webhook; the server's */
  bool stored_elsewhere;           /* there may be objects in versions other than `storage` (status.storedVersions) */
  struct record *record;           /* the stored definition: what documents are made from */
};

/* From the stored object. NULL when it is not established: nothing of it may be served. `webhooks` is borrowed. */
struct custom_definition *custom_definition_new(struct record *crd, struct webhook_client *webhooks);
struct custom_definition *custom_definition_ref(struct custom_definition *d);
void custom_definition_unref(struct custom_definition *d); /* NULL is fine */
/* Do both serve the same in the same way? What is open of one may then go on with the other. */
bool custom_definition_same(const struct custom_definition *x, const struct custom_definition *y);
/* NULL: it has no such version. */
const struct custom *custom_version_find(const struct custom_definition *d, const char *version);

/* -- what kind.h's functions do for custom kinds (crd_kind.c) -- */
_must_check_ int custom_decode(struct arena *a, const struct kind *k, const struct json *in,
                               struct kind_strictness *strict, struct json **ret, struct kerr *reterr);
void custom_default(struct arena *a, const struct kind *k, struct json *o);
/* Prune, take out nulls, and give metadata their form: what upstream's unstructuredSchemaCoercer does. Edits `o`. */
_must_check_ int custom_coerce(struct arena *a, const struct custom *c, struct json *o, struct kind_strictness *strict,
                               struct kerr *reterr);
/* Numbers at every level as Go's decoder leaves them. */
void custom_settle_numbers(struct arena *a, struct json *v);

/* -- versions (crd_convert.c); where a webhook converts, these wait for it -- */
static inline bool
custom_has_webhook(const struct custom_definition *d)
{
  return d->webhooks != NULL;
}
/* May reading stored objects in this version ask the webhook? */
static inline bool
custom_read_waits(const struct custom *c)
{
  return custom_has_webhook(c->definition) && (c != c->definition->storage || c->definition->stored_elsewhere);
}
/* From whatever version of the same definition `in` is in. */
_must_check_ int custom_convert(struct arena *a, const struct kind *to, const struct json *in, struct json **ret,
                                struct kerr *reterr);
/* What is stored, in any version and shape of the past, as its present schema has it and in the version `to`. */
_must_check_ int custom_read(struct arena *a, const struct kind *to, const struct json *stored, struct json **ret,
                             struct kerr *reterr);
/* The same of n objects at once; *ret_at: of an error, which one it is about. */
_must_check_ int custom_read_all(struct arena *a, const struct kind *to, const struct json *const *stored, size_t n,
                                 struct json **ret, size_t *ret_at, struct kerr *reterr);

/* -- what validate.h's functions do (crd_object.c) -- */
void custom_prepare_create(struct arena *a, const struct custom *c, struct json *o);
void custom_prepare_update(struct arena *a, const struct custom *c, struct json *o, const struct json *old,
                           const char *subresource);
/* `old` NULL: a new object. */
void custom_validate(const struct custom *c, const struct json *o, const struct json *old, const char *subresource,
                     const struct personality *p, struct field_errors *errs);
/* Finalizers whose names may clash: appends strings to `warnings`. `old` may be NULL. */
void custom_warnings(struct arena *a, const struct json *o, const struct json *old, struct json *warnings);

#endif
