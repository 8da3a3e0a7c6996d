/*
 * kindgen - turns the data files of the kinds into constant C tables.
 *
 * A build tool: reads every data/ *.kind, checks that what they refer to exists,
 * writes one C file. It runs once per build and exits, so it frees nothing and
 * ends the process at the first thing that is wrong, naming file and line.
 * The format is described in docs/internals/kinds.md.
 */
#ifndef KINDGEN_H
#define KINDGEN_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "kind_type.h"

/* A growing array; `ARRAY_PUSH(a)` gives the zeroed new element. */
#define ARRAY(type) \
  struct {          \
    type *at;       \
    size_t n, cap;  \
  }
#define ARRAY_PUSH(a) ((__typeof__((a)->at))array_push((void **)&(a)->at, &(a)->n, &(a)->cap, sizeof(*(a)->at)))
void *array_push(void **at, size_t *n, size_t *cap, size_t size);

struct place {
  const char *file;
  int line;
};

struct field {
  const char *name, *go;
  const char *type; /* without pointer, list and map: "core/v1.NodeSelector" */
  const char *key;  /* of a map */
  bool pointer, bang, inlined, no_json, required, optional;
  enum kind_shape shape;
  uint32_t number;
  uint32_t flags; /* KIND_F_* that attributes set directly */
  enum kind_list_type list_type;
  const char *dflt, *fill, *list_keys, *merge_key, *gates, *unions, *rules;
  unsigned since, until;
  struct place where;
};

struct type {
  const char *package, *go;
  uint32_t flags;
  ARRAY(struct field) fields;
  const char *list_item; /* of a list type made from a kind: the item's type, in the same package */
  bool items_optional;
  struct place where;
  uint32_t changes; /* filled by model_lay_out: the releases in which it is not what it was, from bit 0 */
};

/* A type as one run of releases has it. */
struct layout {
  size_t type;
  unsigned release; /* the last of the run */
  unsigned first, slots;
  uint32_t flags;
};

struct named {
  const char *package, *go;
  ARRAY(const char *) values;
  const char *rules;
  bool closed, alias, message;
  const char *alias_of; /* "map[ResourceName]Quantity" */
  struct place where;
};

struct kind_decl {
  const char *group, *version, *kind, *package;
  unsigned since, deprecated, removed; /* minors; 0: none */
  const char *replacement;             /* version, or group/version:kind, to use instead; or NULL */
  bool is_list;
  struct place where;
};

/* A kind in one run of releases. */
struct kind_row {
  size_t decl, layout, before; /* row of the run before; 0: none */
  unsigned first, last;
};

struct column {
  const char *name, *type, *format;
  const char *doc;      /* what the column shows */
  const char *doc_name; /* or the name of a `describe` that says it */
  int priority;
  struct place where;
};

/* Text that columns share. */
struct description {
  const char *name, *text;
};

struct table {
  const char *group, *kind;
  const char *version; /* "": of every one that has no table of its own */
  ARRAY(struct column) columns;
};

struct sub {
  const char *name, *group, *version, *kind;
  uint32_t verbs;
  unsigned since; /* minor; 0: as long as the resource */
};

struct resource {
  const char *group, *kind, *name, *singular, *storage_group, *storage_version, *prefix, *selectors;
  const char *gate; /* NULL: none */
  bool namespaced;
  ARRAY(const char *) versions;
  ARRAY(const char *) short_names;
  ARRAY(const char *) categories;
  ARRAY(struct sub) subs;
  uint32_t verbs, flags;
  const char *except_version;
  uint32_t except_flags;
  struct place where;
};

/* What `package` does not define is as in `like`. */
struct likeness {
  const char *package, *like;
};

struct group_version {
  const char *group, *version;
  unsigned off; /* minor of the first release in which it is not served by default; 0: it always is */
};

struct model {
  ARRAY(struct type) types;
  ARRAY(struct named) named;
  ARRAY(struct kind_decl) kinds;
  ARRAY(struct table) tables;
  ARRAY(struct description) descriptions;
  ARRAY(struct resource) resources;
  ARRAY(struct likeness) likenesses;
  ARRAY(struct group_version) group_versions; /* in order of discovery */
  /* made by model_lay_out */
  ARRAY(struct layout) layouts; /* those of the last release first, in the order of types */
  ARRAY(struct kind_row) rows;  /* those of the last runs first, in the order of kinds */
  size_t n_resource_rows;
};

/* "file:line: text", and the end of the program. */
_Noreturn void complain(const struct place *where, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void model_read(struct model *m, const char *file);
/* Make what packages take from those that they are like. */
void model_complete(struct model *m);
bool is_builtin(const char *name);
void model_lay_out(struct model *m);
void model_emit(struct model *m, FILE *out);

/* The short name of a package in a reference: "k8s.io/api/core/v1" is "core/v1". */
const char *package_short(const char *package);
/* Find what `name` means inside `package`; SIZE_MAX when nothing. */
size_t model_type(const struct model *m, const char *package, const char *name);
size_t model_named(const struct model *m, const char *package, const char *name);

/* -- laying out (kindgen_lay.c) -- */
extern struct kind_field *fields;
extern size_t n_fields;
extern struct kind_more mores[];
extern uint16_t n_mores;
bool field_in(const struct field *f, unsigned release);
/* The ends of the run of releases, around `release`, in which the type does not change. */
unsigned run_first(const struct type *t, unsigned release);
unsigned run_last(const struct type *t, unsigned release);
/* The layout of the type in that release; made when it is new. */
size_t layout_of(struct model *m, size_t type, unsigned release);
size_t layout_end(const struct model *m, size_t i); /* the index behind its last field */
/* The offset of a text in the pool. */
uint32_t pooled(const char *s);

/* Verbs and flags by name; 0 when unknown. */
uint32_t verb_bit(const char *name);
uint32_t resource_flag(const char *name);

#endif
