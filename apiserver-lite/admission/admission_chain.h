/*
 * admission_chain - the built-in admission plugins, in upstream's order.
 *
 * Mutating ones edit the object before it is prepared for storing, validating
 * ones look at it after validation. Webhooks and policies are rows like others.
 */
#ifndef APISERVER_ADMISSION_CHAIN_H
#define APISERVER_ADMISSION_CHAIN_H

#include "rest.h"

/* `old` is NULL on create. Subresource and verb are the call's. */
_must_check_ int admission_mutate(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr);
_must_check_ int admission_validate(struct rest_call *c, const struct json *o, const struct json *old,
                                    struct kerr *reterr);
/*
 * Ask about an object of another kind than the call's, with which a subresource is asked for (Binding, Eviction, Scale,
 * PodExecOptions): both chains at once. What the call then does to objects is not asked about any more. `old` NULL: it
 * is created.
 */
_must_check_ int admission_of_kind(struct rest_call *c, const struct kind *k, struct json *o, const struct json *old,
                                   struct kerr *reterr);
/* Before an object is deleted; `o` is in the request's version. */
_must_check_ int admission_delete(struct rest_call *c, const struct json *o, struct kerr *reterr);
/* Admin access to devices needs a label on the namespace (KEP-5018): appends to `errs`. */
_must_check_ int admission_check_admin(struct rest_call *c, const struct json *o, const struct json *old,
                                       struct field_errors *errs, struct kerr *reterr);

/*
 * May the writer of a policy, or of a binding, read its parameters? A valid object only: appends to `errs` when there
 * is nothing in it.
 */
void admission_check_params(struct rest_call *c, const struct json *o, const struct json *old,
                            struct field_errors *errs);

/* -- which plugins there are -- */

/*
 * --enable-admission-plugins and --disable-admission-plugins, lists of upstream's names (NULL: none), as a set for
 * struct apiserver. KERR_USAGE in upstream's words: unknown names, names in both; and a plugin that is off by default
 * upstream and not built here.
 */
_must_check_ int admission_choose(const char *enable, const char *disable, uint64_t *ret_off, struct kerr *reterr);

#endif
