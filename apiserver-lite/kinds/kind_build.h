/*
 * kind_build - canonical objects from decoded members.
 *
 * Both decoders (JSON, protobuf) and the conversions put the members of one
 * struct into slots, in any order, NULL for "nil"; kind_build then makes the
 * object as Go's encoder would write it: order of declaration, zero values of
 * fields that are always written, omitempty.
 */
#ifndef APISERVER_KIND_BUILD_H
#define APISERVER_KIND_BUILD_H

#include "json.h"
#include "kind_type.h"

/* The generator refuses types with more members. */
#define KIND_SLOTS_MAX 128

struct kind_slots {
  struct json *at[KIND_SLOTS_MAX];
};

void kind_slots_clear(struct kind_slots *s, const struct kind_type *t);
struct json *kind_build(struct arena *a, const struct kind_type *t, struct json *const *slots);
/* The zero value of a field that is not nil: "", 0, false, a struct with what it always writes; NULL when the zero
 * value is nil. */
struct json *kind_zero(struct arena *a, const struct kind_field *f);
/* One element of a list or map, whatever the field's shape. */
struct json *kind_zero_element(struct arena *a, const struct kind_field *f);
struct json *kind_zero_struct(struct arena *a, const struct kind_type *t);
/* Spread a canonical object over slots; members that the type does not have are left out. */
void kind_spread(const struct kind_type *t, const struct json *obj, struct kind_slots *s);

#endif
