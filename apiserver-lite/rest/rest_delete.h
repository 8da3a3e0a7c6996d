/* rest_delete - how an object goes (apiserver/pkg/registry/generic/registry/store.go, registry/rest/delete.go). */
#ifndef APISERVER_REST_DELETE_H
#define APISERVER_REST_DELETE_H

#include "rest.h"

/* DeleteOptions, read once and checked. */
struct delete_options {
  int64_t grace;                      /* -1: not said */
  const char *uid, *resource_version; /* preconditions, or NULL */
  const char *propagation;            /* "Foreground", "Background", "Orphan", or NULL */
  int orphan;                         /* deprecated orphanDependents: -1 not said */
};

_must_check_ int delete_options_read(struct rest_call *c, struct delete_options *ret, struct kerr *reterr);
/* The preconditions in the words of registries that delete in their own way; `prefix`: "Precondition failed". */
_must_check_ int delete_options_check(struct rest_call *c, const struct delete_options *opts, const struct json *o,
                                      const char *prefix, struct kerr *reterr);
/*
 * Delete `name`. *ret: the object as it is afterwards (still there, marked), or as it was last (gone); one reference.
 * *ret_gone says which.
 */
_must_check_ int rest_delete_one(struct rest_call *c, const char *name, const struct delete_options *opts,
                                 struct record **ret, bool *ret_gone, struct kerr *reterr);

#endif
