/*
 * apply - server-side apply (KEP-555): what a manager wants, merged into what is there.
 *
 * The applied configuration is a partial object. Its fields become the
 * manager's; fields it had and does not name any more go away unless others
 * hold them too; fields of others with other values are conflicts, unless forced.
 */
#ifndef APISERVER_APPLY_H
#define APISERVER_APPLY_H

#include "rest.h"

/*
 * `live` in the request's version (NULL: the object is not there yet). *ret: the merged object, canonical and
 * defaulted, with managedFields. KERR_CONFLICT with causes, KERR_BAD_REQUEST, KERR_INTERNAL (the configuration does not
 * fit the type), in upstream's words.
 */
_must_check_ int apply_patch(struct rest_call *c, const struct json *live, const struct json *config, bool force,
                             struct json **ret, struct kerr *reterr);

#endif
