/* rest_meta - the metadata that the server owns, on objects in the request's version
 * (apiserver/pkg/registry/rest/meta.go). */
#ifndef APISERVER_REST_META_H
#define APISERVER_REST_META_H

#include "rest.h"

/* The object's own metadata, editable: a shallow copy put in place of the shared one. */
struct json *rest_meta_edit(struct arena *a, struct json *o);
/* Kind, apiVersion and the members of metadata into Go's order: whatever edits metadata calls it before storing. */
void rest_meta_order(struct arena *a, struct json *o);
/* Take away what only the server may say on a new object. */
void rest_meta_wipe(struct arena *a, struct json *o);
/* uid and creationTimestamp; the name from generateName when there is none (true when it was generated). */
bool rest_meta_fill(struct rest_call *c, struct json *o);
/* KERR_BAD_REQUEST when the object says another namespace than the path; fills it in when it says none. */
_must_check_ int rest_meta_namespace(struct rest_call *c, struct json *o, struct kerr *reterr);
/* Identity and deletion marks of the object that is replaced (rest.BeforeUpdate). */
void rest_meta_keep(struct arena *a, struct json *o, const struct json *old);
/* The same owner named twice: keep the first, warn. */
void rest_meta_dedup_owners(struct rest_call *c, struct json *o);

#endif
