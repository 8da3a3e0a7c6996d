/*
 * crd_validate - may a CustomResourceDefinition be stored.
 *
 * Upstream checks the internal form of a definition, in which what all versions
 * have in common stands above them: paths of errors say `spec.validation` where
 * every version has the same schema, `spec.versions[1].schema` where not.
 *
 * An update may keep what the stored definition was let in with, though it would
 * be refused today: struct crd_leniency says what.
 *
 * Upstream: apiextensions-apiserver pkg/apis/apiextensions/validation
 * (validation.go), pkg/apiserver/schema (validation.go, complete.go), pkg/apis/
 * apiextensions/v1/conversion.go.
 */
#ifndef APISERVER_CRD_VALIDATE_H
#define APISERVER_CRD_VALIDATE_H

#include "validate_internal.h"

/* What need not hold because it did not hold before. All false: a new definition. */
struct crd_leniency {
  bool no_schema; /* versions without a schema */
  bool any_type;  /* types that OpenAPI does not have */
  bool not_structural;
  bool unpruned_defaults;
  bool loose_sets;       /* items of sets that are not atomic */
  bool loose_map_keys;   /* keys that are neither required nor have a default */
  bool names_may_change; /* not established yet */
  bool any_review_version;
  bool any_ca;
};

/* One schema, where it stands, and what it is a part of. */
struct crd_schema_place {
  const struct json *schema; /* openAPIV3Schema; NULL: there is none */
  const struct vpath *path;  /* of the CustomResourceValidation that holds it */
  bool has_status;           /* the status subresource is on */
  const struct crd_leniency *let;
  const struct json *const *old; /* schemas of the stored definition */
  size_t n_old;
  bool suppress_cost; /* the schema is that of before */
};

/* -- crd_validate_schema.c -- */
void crd_validate_schema(struct validation *v, const struct crd_schema_place *at);
/* Does any node have this property? NULL has none. */
typedef bool crd_node_fn(const struct json *node);
bool crd_schema_has(const struct json *schema, crd_node_fn *fn);
bool crd_has_default(const struct json *node);
bool crd_has_unknown_type(const struct json *node);
bool crd_is_loose_set(const struct json *node);
bool crd_has_loose_keys(const struct json *node);
/* `fn` for every node. */
typedef void crd_visit_fn(const struct json *node, void *payload);
void crd_schema_walk(const struct json *schema, crd_visit_fn *fn, void *payload);

/* -- crd_warnings.c -- */
/* What a definition asks for that nobody will do: appends texts to `warnings`. `old` NULL: a new one. */
void crd_warnings(struct arena *a, const struct json *o, const struct json *old, struct json *warnings);

/* -- crd_structural.c -- */
/* Errors in byte order of their texts. False when the schema cannot even be read as a structural one: *ret_why. */
bool crd_validate_structural(struct validation *v, const struct vpath *path, const struct json *schema,
                             const char **ret_why);
bool crd_is_structural(struct arena *a, const struct json *schema);

/* -- crd_validate_parts.c: what a definition has beside schemas -- */
void crd_validate_names(struct validation *v, const struct vpath *path, const struct json *names);
void crd_validate_subresources(struct validation *v, const struct vpath *path, const struct json *subs);
void crd_validate_columns(struct validation *v, const struct vpath *path, const struct json *columns);
void crd_validate_selectable(struct validation *v, const struct vpath *path, const struct json *fields,
                             const struct json *schema, bool too_many);
void crd_validate_conversion(struct validation *v, const struct json *spec, const struct crd_leniency *let);
/* Problems of a DNS-1035 label, joined by commas; NULL when there is none. */
const char *crd_label_problems(struct arena *a, struct span s);

/* -- crd_go.c -- */
/* A schema, or a version of a definition, as upstream prints its internal form. */
char *crd_go_schema(struct arena *a, const struct json *schema);
char *crd_go_versions(struct arena *a, const struct json *versions);

/* The row of validate.c's table. */
extern const struct validator validator_definition;

#endif
