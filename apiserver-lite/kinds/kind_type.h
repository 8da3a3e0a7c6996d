/*
 * kind_type - the compiled description of types: what data/ *.kind says.
 *
 * The build turns the data files into constant arrays (kind_tables.c). Text is
 * an offset into one pool and types refer to each other by index, so the tables
 * need no relocation and cost nothing until they are read.
 *
 * A type is a list of fields in the order of Go's struct, which is the order of
 * members in canonical JSON. An inlined struct is one field without a name: its
 * members stand in the parent's JSON object, while in protobuf it is a message
 * of its own. TypeMeta is not a field: a type with KIND_T_OBJECT starts with two
 * plain ones, kind and apiVersion, that protobuf does not have.
 *
 * All functions are pure lookups, safe from any thread.
 */
#ifndef APISERVER_KIND_TYPE_H
#define APISERVER_KIND_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "span.h"

/* What one value is. The special ones have forms of their own in JSON and protobuf (kind_scalar.c). */
enum kind_base {
  KIND_STRING,
  KIND_BOOL,
  KIND_INT32,
  KIND_INT64,
  KIND_FLOAT64,
  KIND_BYTES,     /* base64 in JSON */
  KIND_STRUCT,    /* another type */
  KIND_TIME,      /* whole seconds */
  KIND_MICROTIME, /* six digits of fraction */
  KIND_QUANTITY,
  KIND_INT_OR_STRING,
  KIND_RAW,         /* RawExtension: any value, kept */
  KIND_FIELDS_V1,   /* an object, kept */
  KIND_JSON,        /* apiextensions JSON: any value, kept */
  KIND_ANY,         /* interface{}: JSON only */
  KIND_STRING_LIST, /* a named list of strings that is a message {repeated string items = 1} */
  KIND_SCHEMA_OR_BOOL,
  KIND_SCHEMA_OR_ARRAY,
  KIND_SCHEMA_OR_STRINGS,
};

enum kind_shape { KIND_ONE, KIND_LIST, KIND_MAP };

enum kind_list_type { KIND_LIST_UNSET, KIND_LIST_ATOMIC, KIND_LIST_SET, KIND_LIST_MAP };

enum kind_field_flags {
  KIND_F_POINTER = 1, /* absent and zero differ */
  KIND_F_OMITEMPTY = 2,
  KIND_F_OMITZERO = 4, /* a zero struct is left out */
  KIND_F_REQUIRED = 8, /* by the published OpenAPI documents */
  KIND_F_INLINE = 16,
  KIND_F_NO_JSON = 32,     /* json:"-" */
  KIND_F_PATCH_MERGE = 64, /* patchStrategy */
  KIND_F_PATCH_REPLACE = 128,
  KIND_F_PATCH_RETAIN_KEYS = 256,
  KIND_F_MAP_ATOMIC = 512, /* x-kubernetes-map-type of this field; else the type's own */
  KIND_F_MAP_GRANULAR = 1024,
  KIND_F_DISCRIMINATOR = 2048, /* of its type's union */
  KIND_F_DEPRECATED = 4096,
  KIND_F_GONE_EMPTY = 16384, /* goes with the last member that a gate takes from it */
  KIND_F_UNION = 8192,       /* a member of a union: there, an empty list is not the same as none */
};

struct kind_field {
  uint32_t name;      /* pool: JSON name; "" for an inlined struct */
  uint32_t go;        /* pool: Go name */
  uint16_t number;    /* protobuf; 0: not there */
  uint16_t type;      /* KIND_STRUCT: index into kind_types */
  uint16_t named;     /* 0, or index into kind_named: of the elements, or of the whole when that is an alias */
  uint16_t key_named; /* 0, or index into kind_named: of a map's keys */
  uint16_t slot;      /* place among the flattened JSON members; an inlined struct takes as many as it has */
  uint16_t more;      /* index into kind_mores; entry 0 is empty */
  uint16_t flags;     /* KIND_F_* */
  uint8_t base;       /* enum kind_base */
  uint8_t shape;      /* enum kind_shape */
  uint8_t list_type;  /* enum kind_list_type */
  uint8_t name_len;
};

/* What few fields have. Every text is a pool offset; 0 is "". */
struct kind_more {
  uint32_t dflt;      /* declared default, as JSON */
  uint32_t fill;      /* the same, but only the server knows it: not shown in OpenAPI */
  uint32_t list_keys; /* "driver,device,pool,shareID" */
  uint32_t merge_key; /* patchMergeKey */
  uint32_t gates;     /* feature gates that must be on, "A,B" */
  uint32_t unions;    /* "one-of=NodeSelection" */
  uint32_t rules;     /* declarative validation tags without "+k8s:", one a line: "beta maxItems=32" */
};

enum kind_type_flags {
  KIND_T_OBJECT = 1, /* begins with kind and apiVersion */
  KIND_T_ATOMIC = 2, /* x-kubernetes-map-type: atomic */
  KIND_T_GRANULAR = 4,
  KIND_T_UNION = 8,
  KIND_T_JSON_ONLY = 16, /* has no protobuf form */
  KIND_T_DEPRECATED = 32,
  KIND_T_LIST = 64,      /* made from a kind: metadata and items */
  KIND_T_CODE = 128,     /* has defaults in code (kind_default_*.c) */
  KIND_T_DEFAULTS = 256, /* it or something below it has defaults */
  KIND_T_EMPTIES = 1024, /* it or something below it may hold an empty list or map */
  KIND_T_GATED = 512,    /* it or something below it has fields behind feature gates */
};

struct kind_type {
  uint32_t name;   /* pool: name of the OpenAPI definition, "io.k8s.api.core.v1.Pod" */
  uint32_t go_pkg; /* pool: Go's short package name, "v1" */
  uint32_t first;  /* index into kind_fields */
  uint16_t n;      /* fields */
  uint16_t slots;  /* JSON members when inlined structs are flattened */
  uint16_t flags;  /* KIND_T_* */
  uint16_t go;     /* offset of the Go name within `name`: "Pod" */
};

/* A named scalar, list or map type. */
struct kind_named {
  uint32_t name;   /* pool: "io.k8s.api.resource.v1.DeviceAllocationMode" */
  uint32_t go_pkg; /* pool */
  uint32_t values; /* index into kind_values (pool offsets) of the first known constant */
  uint32_t rules;  /* pool: as in kind_more */
  uint16_t n_values;
  uint16_t go; /* offset of the Go name within `name` */
  bool closed; /* nothing but the values is valid */
  bool alias;  /* a list or map type: names the field's whole type */
};

/* -- the tables (generated) -- */
extern const char kind_pool[];
extern const struct kind_field kind_fields[];
extern const uint16_t kind_by_number[]; /* parallel to kind_fields: per type, its fields in order of number (without
                                           those that have none at the end) */
extern const struct kind_more kind_mores[];
extern const struct kind_type kind_types[];
extern const uint32_t kind_type_count;
extern const uint16_t kind_schema_type; /* JSONSchemaProps, which the SCHEMA_OR forms hold */
extern const struct kind_named kind_named[];
extern const uint32_t kind_values[];

static inline const char *
kind_text(uint32_t offset)
{
  return kind_pool + offset;
}

static inline const char *
kind_field_name(const struct kind_field *f)
{
  return kind_pool + f->name;
}

static inline const struct kind_type *
kind_field_type(const struct kind_field *f)
{
  return f->base == KIND_STRUCT ? &kind_types[f->type] : NULL;
}

static inline const struct kind_more *
kind_field_more(const struct kind_field *f)
{
  return &kind_mores[f->more];
}

static inline const struct kind_field *
kind_type_fields(const struct kind_type *t)
{
  return &kind_fields[t->first];
}

static inline const char *
kind_type_go(const struct kind_type *t)
{
  return kind_pool + t->name + t->go;
}

/* for (kind_each_field(f, type)) ... inlined structs are one field. */
#define kind_each_field(f, t)                                                    \
  const struct kind_field *f = &kind_fields[(t)->first], *f##_end_ = f + (t)->n; \
  f != f##_end_;                                                                 \
  f++

/* The type of an OpenAPI definition's name; NULL when there is none. */
const struct kind_type *kind_type_find(const char *name);

/*
 * The field behind a JSON name, looked for in inlined structs too; NULL when the type has none.
 * `ret_slot` (may be NULL) is its place among the type's flattened members.
 */
const struct kind_field *kind_field_find(const struct kind_type *t, struct span name, uint16_t *ret_slot);
/* The same by protobuf number (not in inlined structs, which are messages of their own). */
const struct kind_field *kind_field_by_number(const struct kind_type *t, uint32_t number);
/* The whole path "spec.devices.requests" (no indexes), or NULL. */
const struct kind_field *kind_field_at(const struct kind_type *t, const char *path);

/*
 * The keys that identify an item of a list: of listType=map its listMapKeys, else the patchMergeKey.
 * `*cursor` starts at NULL; returns false at the end. For strategic merge use kind_field_merge_key.
 */
bool kind_field_list_key(const struct kind_field *f, const char **cursor, struct span *ret);
const char *kind_field_merge_key(const struct kind_field *f); /* patchMergeKey, or NULL */

/* Go's name of the field's type as error messages show it: "[]v1.DeviceRequest", "map[string]string", "int32". */
struct strbuf;
void kind_field_go_type(const struct kind_field *f, struct strbuf *out);
/* Of one element of a list or map. */
void kind_field_go_element(const struct kind_field *f, struct strbuf *out);
/* Of a base that has no name of its own; "" for a struct. */
const char *kind_base_go(enum kind_base base);

#endif
