/*
 * managed_fields - metadata.managedFields: who set which field.
 *
 * Every write keeps it, as upstream's field manager does: an update takes the
 * fields it changed away from the others, an apply owns exactly what it names.
 * Fields are compared in the version in which each manager wrote.
 */
#ifndef APISERVER_MANAGED_FIELDS_H
#define APISERVER_MANAGED_FIELDS_H

#include "rest.h"

/*
 * `o` replaces `live` (NULL: new), both in the request's version, by the call's manager through an update (create, put,
 * patch). Sets metadata.managedFields of `o`. What cannot be read in the old entries is dropped, as upstream does.
 */
void managed_fields_update(struct rest_call *c, const struct json *live, struct json *o);

/* The zero object of the call's kind: what an absent object is compared with. */
struct json *managed_fields_zero(struct rest_call *c);
/* `o` without managedFields. */
struct json *managed_fields_without(struct rest_call *c, const struct json *o);

#endif
