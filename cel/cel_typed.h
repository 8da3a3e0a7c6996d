/*
 * cel_typed - values as JSON that says their types: {"int":"-1"}, {"list":[…]}.
 *
 * The form of recorded vectors and of `dralab cel eval`: an object with one
 * member, whose name is the type.
 */
#ifndef CEL_CEL_TYPED_H
#define CEL_CEL_TYPED_H

#include "cel_value.h"

/* Appends the JSON text. Maps are sorted by key, bool, int, uint, double, string, bytes, others. */
void cel_typed_write(struct strbuf *b, struct cel_value v);
/* False when it is no typed value. Strings are borrowed from the tree. */
bool cel_typed_read(struct arena *a, const struct json *v, struct cel_value *ret);

#endif
