/*
 * cel_type - the types of CEL, as the checker sees them.
 *
 * A type is immutable and compared by structure. The plain ones are constants
 * of the program; compound ones live in the arena of a compilation or of an
 * environment. A type may carry what a host knows about its values: the
 * fields of a structure and the largest size, which only the cost estimate
 * reads.
 *
 * Names follow cel-go (common/types/types.go): the run-time name is what
 * type(x) prints; the checker's messages shorten some of them.
 */
#ifndef CEL_CEL_TYPE_H
#define CEL_CEL_TYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "span.h"
#include "strbuf.h"

enum cel_type_kind {
  CEL_T_DYN,
  CEL_T_ANY,
  CEL_T_ERROR,
  CEL_T_NULL,
  CEL_T_BOOL,
  CEL_T_INT,
  CEL_T_UINT,
  CEL_T_DOUBLE,
  CEL_T_STRING,
  CEL_T_BYTES,
  CEL_T_DURATION,
  CEL_T_TIMESTAMP,
  CEL_T_LIST,
  CEL_T_MAP,
  CEL_T_TYPE,
  CEL_T_STRUCT,
  CEL_T_OPAQUE,
  CEL_T_PARAM, /* a type parameter of a function, or a variable of the checker */
};

struct cel_type;

struct cel_field {
  const char *name;
  const struct cel_type *type;
};

/* No largest size is known. */
#define CEL_SIZE_UNKNOWN (-1)

struct cel_type {
  uint8_t kind;
  uint8_t nparams;
  bool nullable;  /* a wrapper: the plain type or null */
  bool open;      /* a CEL_T_PARAM somewhere inside */
  bool any_field; /* CEL_T_STRUCT: every name is a field, of type dyn (Object{} of mutating policies) */
  uint32_t var;   /* CEL_T_PARAM: its number */
  const char *name;
  const struct cel_type *params[2];
  const struct cel_field
      *fields;      /* CEL_T_STRUCT that can be selected from; ends with name NULL; NULL: an unknown structure */
  int64_t max_size; /* of a value, for the estimate; CEL_SIZE_UNKNOWN */
};

extern const struct cel_type cel_dyn, cel_any, cel_error_type, cel_null, cel_bool, cel_int, cel_uint, cel_double,
    cel_string, cel_bytes, cel_duration, cel_timestamp, cel_type_type, cel_list_dyn, cel_map_dyn, cel_map_string_dyn,
    cel_optional_dyn, cel_quantity_type, cel_semver_type, cel_url_type, cel_format_type, cel_ip_type, cel_cidr_type,
    cel_authorizer_type, cel_path_check_type, cel_group_check_type, cel_resource_check_type, cel_decision_type;

const struct cel_type *cel_type_list(struct arena *a, const struct cel_type *item);
const struct cel_type *cel_type_map(struct arena *a, const struct cel_type *key, const struct cel_type *value);
const struct cel_type *cel_type_optional(struct arena *a, const struct cel_type *value);
const struct cel_type *cel_type_of_type(struct arena *a, const struct cel_type *t);
/* The same type with other parameters. */
const struct cel_type *cel_type_with(struct arena *a, const struct cel_type *t, const struct cel_type *p0,
                                     const struct cel_type *p1);

/* The type with what it is made of, in another arena. */
const struct cel_type *cel_type_copy(struct arena *a, const struct cel_type *t);

static inline bool
cel_type_is_optional(const struct cel_type *t)
{
  return t->kind == CEL_T_OPAQUE && t->nparams == 1;
}

static inline bool
cel_type_is_dyn(const struct cel_type *t)
{
  return t->kind <= CEL_T_ANY;
}

/* Same structure and names; with `loose`, type parameters are all alike. */
bool cel_type_same(const struct cel_type *x, const struct cel_type *y, bool loose);
/* May a value of type `from` stand where `to` is declared (no inference). */
bool cel_type_accepts(const struct cel_type *to, const struct cel_type *from);
const struct cel_field *cel_type_field(const struct cel_type *t, struct span name);

/* As the checker's messages write it ("timestamp", "null", "wrapper(int)"). */
void cel_type_message(struct strbuf *b, const struct cel_type *t);
/* As results are described ("google.protobuf.Timestamp", "null_type", "map(string, dyn)"). */
void cel_type_text(struct strbuf *b, const struct cel_type *t);
char *cel_type_text_in(struct arena *a, const struct cel_type *t);
/* "int", "list(string)", "map(string, dyn)", "optional_type(int)", "kubernetes.Quantity", ...; NULL for anything else.
 */
const struct cel_type *cel_type_parse(struct arena *a, struct span text);

#endif
