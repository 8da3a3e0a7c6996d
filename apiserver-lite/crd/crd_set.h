/*
 * crd_set - what is served: the tables, and the kinds of CustomResourceDefinitions.
 *
 * A custom_set is the state of all definitions at one moment: immutable and
 * counted. A request takes the present one when it begins and lets go of it when
 * it ends, so kinds and resources it has found stay valid whatever happens to the
 * definitions meanwhile.
 *
 * Whoever wants to know what is served asks through `struct served`, which sees
 * both; the functions are those of kind.h with the custom kinds behind the
 * others, groups by name, versions by preference, resources by name: the order
 * of discovery.
 *
 * Threads: any.
 */
#ifndef APISERVER_CRD_SET_H
#define APISERVER_CRD_SET_H

#include "crd_custom.h"

struct custom_set;

/* Takes over the references in `list`; NULLs among them are left out. */
struct custom_set *custom_set_new(struct custom_definition *const *list, size_t n);
struct custom_set *custom_set_ref(struct custom_set *s);
void custom_set_unref(struct custom_set *s); /* NULL is fine */
/* By the definition's name, "widgets.example.com"; borrowed. NULL: not served. */
struct custom_definition *custom_set_definition(const struct custom_set *s, const char *name);

/* Every definition; `*cursor` starts at 0. Borrowed; NULL at the end. */
struct custom_definition *custom_set_next(const struct custom_set *s, size_t *cursor);

struct served {
  const struct personality *p;
  struct custom_set *customs; /* NULL: none; borrowed */
};

const struct kind_resource *served_resource(const struct served *s, const char *group, const char *version,
                                            const char *resource);
/* Every served resource in order; `*cursor` starts at 0. */
const struct kind_resource *served_next(const struct served *s, size_t *cursor);
/* As kind_find, whether it is served or not. */
const struct kind *served_kind(const struct served *s, const char *group, const char *version, const char *kind);
/* The row of the resource in the version it is stored in. */
const struct kind_resource *served_storage(const struct served *s, const struct kind_resource *r);

#endif
