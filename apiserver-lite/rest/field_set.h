/*
 * field_set - a set of field paths, as managedFields keeps them (FieldsV1).
 *
 * A path is a row of elements, each with the text that FieldsV1 gives it:
 * "f:name" a member, `k:{"name":"c"}` the item of a list with these keys,
 * `v:"x"` an item of a set by its value, "i:3" an item by its place. A set is a
 * tree: every element may be in the set itself (a member) and have children.
 *
 * Sets live in an arena and are values: operations give new sets and share what
 * does not change. Semantics are those of sigs.k8s.io/structured-merge-diff.
 */
#ifndef APISERVER_FIELD_SET_H
#define APISERVER_FIELD_SET_H

#include "json.h"

struct field_set;
struct field_entry {
  const char *key;
  bool member;
  const struct field_set *below; /* NULL: nothing */
};
struct field_set {
  struct field_entry *list; /* sorted by key */
  size_t n, cap;
};

struct field_set *field_set_new(struct arena *a);
/* The entry for `key`, made when absent. Only on a set that is still being built. */
struct field_entry *field_set_entry(struct arena *a, struct field_set *s, const char *key);
const struct field_entry *field_set_find(const struct field_set *s, const char *key); /* s may be NULL */
bool field_set_empty(const struct field_set *s);
bool field_set_equal(const struct field_set *x, const struct field_set *y);

struct field_set *field_set_union(struct arena *a, const struct field_set *x, const struct field_set *y);
struct field_set *field_set_minus(struct arena *a, const struct field_set *x, const struct field_set *y);
struct field_set *field_set_both(struct arena *a, const struct field_set *x, const struct field_set *y);
/* Without the members of `y` and everything below them. */
struct field_set *field_set_without(struct arena *a, const struct field_set *x, const struct field_set *y);

/* FieldsV1. What cannot be read is left out. */
struct field_set *field_set_from_json(struct arena *a, const struct json *v);
struct json *field_set_to_json(struct arena *a, const struct field_set *s);

/* One element of a path as people read it: `.name`, `[name="gpu"]`, `[="x"]`, `[3]`. */
const char *field_set_key_text(struct arena *a, const char *key);
/* Every path of the set, as conflicts name it: `.spec.devices[name="x"].count`, in order. */
typedef void field_path_fn(void *payload, const char *path);
void field_set_paths(struct arena *a, const struct field_set *s, field_path_fn *fn, void *payload);

#endif
