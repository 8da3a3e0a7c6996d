/*
 * policy_cache - compiled expressions of webhooks and policies, kept from one request to the next.
 *
 * An object has a new revision whenever it is written, so revision and place
 * within the object name an expression's source for ever: nothing has to be
 * invalidated, what is not asked for any more falls out at the end.
 *
 * Ownership: one per server. Threads: any. Compiling happens outside of the
 * lock; two threads that miss at once both compile, and one result is kept.
 */
#ifndef APISERVER_POLICY_CACHE_H
#define APISERVER_POLICY_CACHE_H

#include "cel_policy.h"
#include "record.h"

#define POLICY_CACHE_MAX 512

struct policy_cache;

struct policy_cache *policy_cache_new(void);
void policy_cache_free(struct policy_cache *c); /* NULL is fine */
/*
 * The compiled form of `tree`, the spec of the stored object `r`, or of its part `index` (a webhook). One reference,
 * the caller's.
 */
struct cel_policy *policy_cache_get(struct policy_cache *c, enum cel_policy_kind kind, const struct record *r,
                                    size_t index, const struct json *tree);

#endif
