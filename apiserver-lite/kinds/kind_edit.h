/*
 * kind_edit - changing members of a canonical object without leaving its canonical form.
 *
 * A handle names an object and its type, so that a new member finds its place in the order of declaration.
 */
#ifndef APISERVER_KIND_EDIT_H
#define APISERVER_KIND_EDIT_H

#include "json.h"
#include "kind_type.h"

struct kind_object {
  struct arena *a;
  const struct kind_type *type;
  struct json *obj;
};

/*
 * Put `v` where the type wants it; replaces what is there. The type has the member, or will have it in a later release:
 * then nothing happens, here and below.
 */
void kind_put(const struct kind_object *o, const char *name, struct json *v);
void kind_put_str(const struct kind_object *o, const char *name, const char *v);
void kind_put_int(const struct kind_object *o, const char *name, int64_t v);
/* Make the member what Go's zero value is: absent, or the zero that is always written. */
void kind_clear(const struct kind_object *o, const char *name);
/* The member, or NULL when it is absent or null. */
struct json *kind_member(const struct kind_object *o, const char *name);
const char *kind_member_str(const struct kind_object *o, const char *name); /* "" when it is no string */
/* Is the member Go's zero value: absent, null, "", 0, false? (Not for pointers.) */
bool kind_is_zero(const struct json *v); /* a missing value, or Go's zero value of its type */
bool kind_is_unset(const struct kind_object *o, const char *name);
/* The struct behind a member; `obj` is NULL when it is not there. */
struct kind_object kind_child(const struct kind_object *o, const char *name);
/* The same, made with its zero value when it is not there. */
struct kind_object kind_ensure_child(const struct kind_object *o, const char *name);
/* Item `i` of a list of structs; `obj` is NULL past the end. */
struct kind_object kind_child_at(const struct kind_object *o, const char *name, size_t i);

#endif
