/*
 * crd_schema - the structural schema of one version of a CustomResourceDefinition, compiled.
 *
 * A node says what one value may be. It is made once from the openAPIV3Schema
 * of the definition and then read by everything that works on objects: pruning,
 * defaults (crd_shape.c), validation (crd_check.c), list types, server-side
 * apply, conversion. What only few nodes have (limits, patterns, alternatives)
 * stands apart in struct schema_limits, so that a node of a big definition costs
 * little.
 *
 * Ownership: nodes, names and defaults live in the arena they were made in;
 * regular expressions are chained and freed by whoever owns the arena.
 * Threads: immutable once made.
 *
 * Upstream: apiextensions-apiserver pkg/apiserver/schema (structural.go,
 * convert.go) and kube-openapi pkg/validation.
 */
#ifndef APISERVER_CRD_SCHEMA_H
#define APISERVER_CRD_SCHEMA_H

#include "json.h"

struct cel_regex;

enum schema_type {
  SCHEMA_ANY, /* no type: int-or-string, preserve-unknown-fields, or a node below allOf and the like */
  SCHEMA_OBJECT,
  SCHEMA_ARRAY,
  SCHEMA_STRING,
  SCHEMA_INTEGER,
  SCHEMA_NUMBER,
  SCHEMA_BOOLEAN,
};

enum schema_list { SCHEMA_LIST_ATOMIC, SCHEMA_LIST_SET, SCHEMA_LIST_MAP };

enum schema_flags {
  SCHEMA_NULLABLE = 1,
  SCHEMA_PRESERVE = 2, /* x-kubernetes-preserve-unknown-fields */
  SCHEMA_EMBEDDED = 4, /* x-kubernetes-embedded-resource */
  SCHEMA_INT_OR_STRING = 8,
  SCHEMA_MAP_ATOMIC = 16,
  SCHEMA_ADDITIONAL = 32,    /* additionalProperties is given: true, or the schema in `additional` */
  SCHEMA_NO_ADDITIONAL = 64, /* additionalProperties: false */
  SCHEMA_HAS_LISTS = 128,    /* it or something below it is a set or a map by keys */
  SCHEMA_HAS_EMBEDDED = 256, /* it or something below it is an embedded resource */
  SCHEMA_HAS_DEFAULTS = 512, /* something below it has a default */
};

struct schema;

struct schema_property {
  struct span name;
  const struct schema *schema;
};

enum schema_format {
  FORMAT_NONE,
  FORMAT_INT32,
  FORMAT_INT64,
  FORMAT_FLOAT,
  FORMAT_DOUBLE,
  FORMAT_TEXT, /* of a string: format_name says which */
};

#define SCHEMA_NO_LIMIT (-1) /* a size that is not limited */

struct schema_limits {
  double maximum, minimum, multiple_of;
  bool has_maximum, has_minimum, has_multiple_of, exclusive_maximum, exclusive_minimum, unique_items;
  int64_t max_length, min_length, max_items, min_items, max_properties, min_properties;
  enum schema_format format;
  const char *format_name; /* as it was written */
  const char *pattern;
  const struct cel_regex *regex; /* NULL: the pattern is none, `regex_error` says why */
  const char *regex_error;
  const struct json *enum_; /* array, or NULL */
  const struct schema *const *all_of, *const *any_of, *const *one_of;
  uint32_t n_all_of, n_any_of, n_one_of;
  const struct schema *not_;
};

struct schema {
  uint8_t type;    /* enum schema_type */
  uint8_t list;    /* enum schema_list */
  uint16_t flags;  /* enum schema_flags */
  uint16_t n_keys; /* x-kubernetes-list-map-keys */
  uint16_t n_required;
  uint32_t n_properties;
  const struct schema_property *properties; /* by name */
  const struct schema *items, *additional;
  const struct json *dflt; /* NULL: none */
  const char *const *keys;
  const char *const *required;
  const struct schema_limits *limits; /* NULL: none */
};

struct schema_compiler {
  struct arena *a;
  struct cel_regex *regexes; /* of all schemas made here; each pattern once */
};

/*
 * From the JSON tree of an openAPIV3Schema, canonical as kind_decode makes it. Never fails: what upstream refuses when
 * a definition is stored (crd_validate.c) is read as if it were not there.
 */
const struct schema *schema_compile(struct schema_compiler *c, const struct json *props);

/* NULL: not declared. */
const struct schema *schema_property_find(const struct schema *s, const char *name, size_t n);
/* The schema of a member: its property's, else that of additionalProperties; NULL: neither. `s` may be NULL. */
const struct schema *schema_member(const struct schema *s, const char *name, size_t n);
/* "object", "array", ... as kube-openapi names the types a schema takes: "integer,string". */
const char *schema_type_text(const struct schema *s);

#endif
