/* rest_table - the Table form of objects, as kubectl asks for it. */
#ifndef APISERVER_REST_TABLE_H
#define APISERVER_REST_TABLE_H

#include "rest.h"

/* `objects` in the request's version; `meta` of the list, or NULL for a single object. KERR_BAD_REQUEST
 * (includeObject). */
_must_check_ int rest_table(struct rest_call *c, const struct json **objects, size_t n, struct json *meta,
                            struct json **ret, struct kerr *reterr);

#endif
