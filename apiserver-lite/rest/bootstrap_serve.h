/* bootstrap_serve - a request of the server itself, for what every cluster has. */
#ifndef APISERVER_BOOTSTRAP_SERVE_H
#define APISERVER_BOOTSTRAP_SERVE_H

#include "apiserver_internal.h"

/*
 * By system:apiserver; `body` is JSON or NULL. Another server on the same store may be faster: that the object is there
 * already, has changed or has gone is no error.
 */
_must_check_ int bootstrap_serve(struct apiserver *s, struct arena *a, const char *method, const char *path,
                                 const char *body, struct kerr *reterr);
/* POST, unless the object is there: it may not be creatable again. `ret_made` may be NULL. */
_must_check_ int bootstrap_create(struct apiserver *s, const char *path, const char *body, bool *ret_made,
                                  struct kerr *reterr);
/* Server-side apply for a manager. */
_must_check_ int bootstrap_apply(struct apiserver *s, const char *path, const char *manager, const char *body,
                                 struct kerr *reterr);

#endif
