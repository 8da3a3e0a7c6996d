/*
 * classic_world - a cluster of the classic era that a test moves step by step: a real API server over the memory store,
 * the real scheduler and claim controller without their threads, a clock that stands still, and watches that deliver
 * when the test says so.
 *
 * Every write is seen by comparing what is stored before and after it; each component has a queue of undelivered
 * changes per kind, so that it may be as late as it pleases and kinds overtake each other. Nothing depends on time or
 * threads: the same seed gives the same run.
 */
#ifndef TESTS_CLASSIC_WORLD_H
#define TESTS_CLASSIC_WORLD_H

#include "kclient.h"
#include "kclient_dra.h"

struct world;

/* Who writes: what one may do, another must not. */
enum actor { BY_USER, BY_SCHEDULER, BY_CONTROLLER, BY_DRIVER, BY_COLLECTOR };

/* Asked at each change that is seen; `old` or `now` is NULL for a new or a removed object. */
typedef void world_observer(void *arg, struct world *w, enum actor who, const struct kclient_resource *res,
                            const struct json *old, const struct json *now);

struct world *world_new(int minor, uint64_t seed, world_observer *observer, void *arg);
void world_free(struct world *w);
int world_minor(const struct world *w);
const struct kclient_dra *world_dra(const struct world *w);

/* -- chance: the only source of it -- */
uint32_t world_random(struct world *w, uint32_t below);
bool world_chance(struct world *w, uint32_t percent);

/* -- objects, as they are stored; through a client whose writes count as `who`'s -- */
struct kclient *world_client(struct world *w, enum actor who);
struct record *world_get(struct world *w, const struct kclient_resource *res, const char *name); /* NULL: not there */
/* All of a kind; release with kclient_list_release. */
struct kclient_list world_list(struct world *w, const struct kclient_resource *res);
/* From JSON text with single quotes for double ones. False: the server refused. */
bool world_create(struct world *w, const struct kclient_resource *res, const char *fmt, ...) _printf_(3, 4);
bool world_patch(struct world *w, enum actor who, const struct kclient_resource *res, const char *sub, const char *name,
                 const char *fmt, ...) _printf_(6, 7); /* a merge patch */
bool world_delete(struct world *w, enum actor who, const struct kclient_resource *res, const char *name);

/* -- steps: false when there was nothing to do -- */
bool world_deliver(struct world *w);  /* one change to one component */
bool world_schedule(struct world *w); /* one attempt, one binding written, or one binding's end */
bool world_control(struct world *w);  /* one key of the claim controller */
bool world_collect(struct world *w);  /* one object whose owner is gone */
void world_advance(struct world *w, int64_t ns);

#endif
