/*
 * openapi - the OpenAPI documents, made from the kind tables and the definitions.
 *
 * v3 has one document per group and version, v2 one for all. A document is made
 * when it is asked for and not kept; its etag is known before it is made, for
 * it depends on nothing but the release and what is served.
 *
 * Names and forms: k8s.io/kube-openapi, as far as clients look at them
 * (kubectl's explain, apply, --validate and --dry-run=server).
 */
#ifndef APISERVER_OPENAPI_H
#define APISERVER_OPENAPI_H

#include "crd_set.h"
#include "kind.h"
#include "kind_type.h"
#include "kind_words.h"

struct openapi {
  struct arena *a;
  const struct personality *p;
  struct served served;
  const struct kind_words *words; /* NULL: schemas for programs alone, without descriptions */
  bool v3;
  struct json *schemas; /* name → definition, filled as they are referred to */
};

/* -- openapi_schema.c -- */
/* A reference to the definition, which is made (with all it needs) when it is not there yet. */
struct json *openapi_ref(struct openapi *d, const struct kind_type *t);
struct json *openapi_ref_named(struct openapi *d, const char *name);
/* To a definition that is there. */
struct json *openapi_reference(struct openapi *d, const char *name);

/* Of any kind, custom ones too. */
struct json *openapi_ref_kind(struct openapi *d, const struct kind *k);

/* -- openapi_custom.c -- */
struct json *openapi_ref_custom(struct openapi *d, const struct custom *c);
struct json *openapi_ref_custom_list(struct openapi *d, const struct custom *c);

/* -- openapi_paths.c -- */
/* Every path of a group version into `paths`. */
void openapi_paths(struct openapi *d, const char *group, const char *version, struct json *paths);

/* -- openapi_document.c -- */
/* In the arena. NULL: nothing is served under this group version. */
struct json *openapi_v3_document(struct arena *a, const struct served *served, const char *group, const char *version);
struct json *openapi_v2_document(struct arena *a, const struct served *served);
/* -- openapi_proto.c -- */
/* Appends gnostic's openapi.v2.Document. `doc` is of openapi_v2_document. */
void openapi_v2_proto(struct strbuf *b, const struct json *doc);

/* Upper-case hex; `what`: "api/v1", "v2", "v2.protobuf". */
char *openapi_etag(struct arena *a, const struct served *served, const char *what);

#endif
