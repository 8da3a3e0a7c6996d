/*
 * timeline - what happened to a pod and its claims, told from the versions of the objects.
 *
 * Versions come in the order of their revisions; each is compared with the one
 * before, and what differs is one line: who (the field manager that wrote it),
 * when (its time, in whole seconds), what. Pure: cmd_timeline.c reads them.
 */
#ifndef CMD_TIMELINE_H
#define CMD_TIMELINE_H

#include "json.h"

struct timeline;

/* `a` outlives the timeline and gets everything; objects are borrowed. `pod` NULL: every pod. */
struct timeline *timeline_new(struct arena *a, int minor, const char *ns, const char *pod);
/* One event of a watch: "ADDED", "MODIFIED" or "DELETED" and the object. In any order. */
void timeline_add(struct timeline *t, const char *type, const struct json *object);
/* Lines in order: [{revision, time, who, kind, name, what}]. */
struct json *timeline_lines(struct timeline *t);

#endif
