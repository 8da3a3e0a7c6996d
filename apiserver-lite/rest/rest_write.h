/*
 * rest_write - the one way into the store: prepare, admit, validate, compare-and-swap.
 *
 * Every verb that changes an object ends here, whatever it is called outside:
 * the generic ones with what the client sent, subresources with what they made
 * of the stored object.
 */
#ifndef APISERVER_REST_WRITE_H
#define APISERVER_REST_WRITE_H

#include "rest.h"

/*
 * The new object for `old` (both in the request's version; `old` is NULL when the object is about to be created).
 * May be called again when another writer was faster. *ret is the caller's own tree.
 */
typedef int rest_transform_fn(struct rest_call *c, void *payload, const struct json *old, struct json **ret,
                              struct kerr *reterr);

enum rest_write_flags {
  REST_MAY_CREATE = 1,    /* an absent object is created (apply, createOnUpdate) */
  REST_UNCONDITIONAL = 2, /* no resourceVersion in the object: replace whatever is there */
  REST_UNCHECKED = 4,     /* the server's own change of a subresource: no admission, no validation */
  REST_SAME_UID = 8,      /* a uid in the object must be that of the stored one (PUT) */
};

/* Store `o` as a new object. KERR_ALREADY_EXISTS. *ret: one reference. */
_must_check_ int rest_store_new(struct rest_call *c, struct json *o, struct record **ret, struct kerr *reterr);
/* Replace the object `name` by what `fn` makes of it. *ret: one reference; *ret_created: it was not there. */
_must_check_ int rest_store_update(struct rest_call *c, const char *name, unsigned flags, rest_transform_fn *fn,
                                   void *payload, struct record **ret, bool *ret_created, struct kerr *reterr);
/* What PUT and PATCH of this resource may do beside replacing. */
unsigned rest_update_flags(const struct rest_call *c);
/* Name and namespace in the body against those of the path. KERR_BAD_REQUEST. */
_must_check_ int rest_check_name(struct rest_call *c, const struct json *o, struct kerr *reterr);
/* The stored object; 404 in upstream's words. */
_must_check_ int rest_load(struct rest_call *c, const char *name, struct record **ret, struct kerr *reterr);

/*
 * Put `o`, a stored tree whose metadata are the caller's own, in the place of `before` without asking anybody: 0, 1
 * (some other writer was faster: begin anew) or an error.
 */
_must_check_ int rest_swap(struct rest_call *c, struct record *before, struct json *o, struct record **ret,
                           struct kerr *reterr);

#endif
