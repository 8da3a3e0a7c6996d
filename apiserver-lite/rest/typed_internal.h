/* typed_internal - finding one's way in typed values; shared by typed_*.c. */
#ifndef APISERVER_TYPED_INTERNAL_H
#define APISERVER_TYPED_INTERNAL_H

#include "typed.h"

/* The type of member `name`; .form TYPED_SCALAR with field NULL when it is not declared (*ret_known false). */
struct typed_ref typed_member(struct typed_ref t, struct span name, bool *ret_known);
/* The type of an item or of a map's value. */
struct typed_ref typed_element(struct typed_ref t);
bool typed_is_map(struct typed_ref t, const struct json *v); /* granular: members are looked at one by one */
bool typed_is_list(struct typed_ref t);
/* What the published OpenAPI gives a field that is left out; NULL: nothing. */
struct json *typed_default(struct arena *a, const struct kind_field *f);
/* FieldsV1's text for an item; `i` is its place. */
const char *typed_item_key(struct arena *a, struct typed_ref t, const struct json *item, size_t i);
/* The names of an associative list's keys as Go prints them, `["name" "protocol"]`. */
const char *typed_key_names(struct arena *a, struct typed_ref t);
const char *typed_member_key(struct arena *a, const struct json_member *m);

/* -- typed_schema.c: the same by the schema of a custom kind -- */
struct typed_ref typed_custom(const struct kind *k);
struct typed_ref typed_schema_member(struct typed_ref t, struct span name, bool *ret_known);
struct typed_ref typed_schema_element(struct typed_ref t);
/* What an item that leaves a key out has there; NULL: nothing. */
const struct json *typed_schema_default(struct typed_ref t, struct span key);

/* The item with this key, or NULL. Linear: lists with keys are short. */
const struct json *typed_item_find(struct arena *a, struct typed_ref t, const struct json *list, const char *key);

#endif
