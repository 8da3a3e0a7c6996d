/*
 * strategy - what a kind does when it is written that no table can say.
 *
 * One row per kind that has behaviour (strategy.c), its functions in
 * strategy_*.c. They run where upstream's registry strategies do: after
 * decoding and defaulting, before validation. Status resets, gated fields and
 * generation are not here: validate_prepare_* has them.
 *
 * Objects are in the request's version. A function that adds members sets
 * call->reshape.
 */
#ifndef APISERVER_STRATEGY_H
#define APISERVER_STRATEGY_H

#include "rest.h"

_must_check_ int strategy_prepare_create(struct rest_call *c, struct json *o, struct kerr *reterr);
_must_check_ int strategy_prepare_update(struct rest_call *c, struct json *o, const struct json *old,
                                         struct kerr *reterr);
/* Checks that need the server (authorization of status fields): appends to `errs`. */
_must_check_ int strategy_check_update(struct rest_call *c, const struct json *o, const struct json *old,
                                       struct field_errors *errs, struct kerr *reterr);
/* False for a namespace whose spec.finalizers are not done. */
bool strategy_may_end_deletion(const struct json *o);
/*
 * Graceful deletion: may `o` linger, and for how long? Fills *grace (seconds); false when it goes at once.
 * `asked` is what the client wants, -1 when it did not say.
 */
bool strategy_graceful(const struct rest_call *c, const struct json *o, int64_t asked, int64_t *ret_grace);
/* Takes the annotations out of a pod's metadata that init containers were before they were fields. */
void strategy_pod_drop_annotations(struct arena *a, struct json *meta);

struct delete_options;
enum { STRATEGY_DEFAULT = 2 };
/*
 * Kinds with a deletion of their own (namespaces wait for their finalizers): as rest_delete_one, 1 for "again", or
 * STRATEGY_DEFAULT when the kind is deleted as any other.
 */
_must_check_ int strategy_delete(struct rest_call *c, struct record *before, const struct delete_options *opts,
                                 struct record **ret, bool *ret_gone, struct kerr *reterr);

/* The write that was prepared is stored, or (false) is not. Also after a prepare_* that failed. */
void strategy_finish(struct rest_call *c, bool stored);

/* The object is gone: give back what it held. Nothing can fail here that a later use would not put right. */
void strategy_deleted(struct rest_call *c, const struct json *o);

/* The object was created, changed, marked or deleted in the store: what has to follow before the client hears of it. */
void strategy_written(struct rest_call *c);

/* -- rows -- */
struct strategy {
  const char *group, *kind;
  int (*prepare_create)(struct rest_call *c, struct json *o, struct kerr *reterr);
  int (*prepare_update)(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr);
  int (*check_update)(struct rest_call *c, const struct json *o, const struct json *old, struct field_errors *errs,
                      struct kerr *reterr);
  int (*remove)(struct rest_call *c, struct record *before, const struct delete_options *opts, struct record **ret,
                bool *ret_gone, struct kerr *reterr); /* as strategy_delete */
  void (*finish)(struct rest_call *c, bool stored);
  void (*deleted)(struct rest_call *c, const struct json *o);
  void (*written)(struct rest_call *c);
};

extern const struct strategy strategy_pod, strategy_namespace, strategy_service, strategy_claim, strategy_definition,
    strategy_volume, strategy_volume_claim, strategy_job, strategy_certificate_request;

#endif
