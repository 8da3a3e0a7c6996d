/*
 * managers - metadata.managedFields as a value: who holds which fields, in which version.
 *
 * An entry is identified by manager, operation, subresource and, for updates,
 * the version; `time` is not part of the identity.
 */
#ifndef APISERVER_MANAGERS_H
#define APISERVER_MANAGERS_H

#include "field_set.h"
#include "rest.h"

struct manager {
  const char *name, *api_version, *subresource, *time; /* time "" when there is none */
  bool applied;
  const struct field_set *fields;
};

struct managers {
  struct arena *a;
  struct manager *list;
  size_t n, cap;
};

/* Entries that cannot be read are left out. */
void managers_read(struct arena *a, const struct json *o, struct managers *ret);
/* Into metadata.managedFields, sorted as upstream sorts; without entries the member goes away. */
void managers_write(const struct managers *m, struct json *o);
/* The entry with the identity of `who`; NULL when there is none. */
struct manager *managers_find(struct managers *m, const struct manager *who);
/* `who` with its fields; replaces the entry of the same identity. */
void managers_put(struct managers *m, const struct manager *who);
/* Entries that hold nothing any more. */
void managers_drop_empty(struct managers *m);
/* No more than ten updaters: the oldest are put together as "ancient-changes". */
void managers_cap(struct managers *m);
/* Fields nobody manages (name, uid, resourceVersion ...) out of every entry. */
void managers_strip(struct managers *m);

/* How the version of an entry sees the change, and what of it counts: conversions are made when they are needed. */
struct managers_versions;
struct managers_versions *managers_versions_new(struct rest_call *c, const struct json *from, const struct json *to);
struct typed_change;
/* NULL: this version does not exist (any more). */
const struct typed_change *managers_versions_change(struct managers_versions *v, const char *api_version);
/* Why some version could not be looked at, though there is one: its managers keep what they have. NULL: none failed. */
const char *managers_versions_failed(const struct managers_versions *v);
/* Without what the subresource resets (status, or spec). */
struct field_set *managers_filter(struct rest_call *c, const struct field_set *s);

/*
 * Take what changed away from everybody but `self` (may be NULL). Conflicts, when they are asked for, are what an apply
 * would take from others: their count is returned and nothing is changed.
 */
struct manager_conflict {
  const struct manager *who;
  const struct field_set *fields;
};
size_t managers_take(struct managers *m, struct managers_versions *v, const struct manager *self,
                     struct manager_conflict **ret_conflicts);

#endif
