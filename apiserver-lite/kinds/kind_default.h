/*
 * kind_default - defaults that a table cannot say: functions by type.
 *
 * A type marked `code` in the data has one function here. It runs after the type's own `default=` and `fill=` and
 * before anything below it, as upstream's generated defaulters do.
 */
#ifndef APISERVER_KIND_DEFAULT_H
#define APISERVER_KIND_DEFAULT_H

#include "gates.h"
#include "kind_edit.h"

struct kind_defaulting {
  const struct personality *p;
  int64_t now;
};

typedef void (*kind_default_fn)(const struct kind_object *o, const struct kind_defaulting *d);

struct kind_default_entry {
  const char *type; /* name of the OpenAPI definition */
  kind_default_fn fn;
};

/* Sorted by type; each array ends with an entry without a type. */
extern const struct kind_default_entry kind_default_core[];
extern const struct kind_default_entry kind_default_others[];

#endif
