/*
 * object - what every API object has: type, name, metadata.
 *
 * Plain functions over JSON trees; no kind is known here. Names follow
 * k8s.io/apimachinery: a group version resource (gvr) names a collection, a
 * group version kind (gvk) the type of one object.
 *
 * Everything returned is borrowed from the tree that was given.
 */
#ifndef API_OBJECT_H
#define API_OBJECT_H

#include "clock.h"
#include "json.h"

struct gvk {
  const char *group, *version, *kind; /* group "" is core */
};

struct gvr {
  const char *group, *version, *resource;
};

/* "resource.k8s.io/v1" or "v1". */
char *gv_text(struct arena *a, const char *group, const char *version);
/* Split "group/version" or "version"; KERR_BAD_REQUEST `unexpected GroupVersion string: X`. */
_must_check_ int gv_parse(struct arena *a, const char *text, const char **ret_group, const char **ret_version,
                          struct kerr *reterr);

const char *object_api_version(const struct json *o); /* "" when absent, here and below */
const char *object_kind(const struct json *o);
const char *object_name(const struct json *o);
const char *object_namespace(const struct json *o);
const char *object_uid(const struct json *o);
const char *object_resource_version(const struct json *o);
int64_t object_generation(const struct json *o);
const struct json *object_labels(const struct json *o);      /* NULL when absent */
const struct json *object_annotations(const struct json *o); /* NULL when absent */
bool object_is_deleting(const struct json *o);               /* has a deletionTimestamp */
bool object_has_finalizer(const struct json *o, const char *finalizer);
/* The owner reference with controller: true, or NULL (metav1.GetControllerOf). */
const struct json *object_controller(const struct json *o);
bool object_is_controlled_by(const struct json *o, const char *uid);

/* "namespace/name", or "name" for a cluster-scoped object. */
char *object_key(struct arena *a, const struct json *o);

/* Condition of `type` in status.conditions, or NULL. */
const struct json *object_condition(const struct json *o, const char *type);
bool object_condition_is_true(const struct json *o, const char *type); /* false when there is none */
/*
 * Set a condition as meta.SetStatusCondition does: lastTransitionTime moves only when `status` changes.
 * True when something changed.
 */
bool object_set_condition(struct arena *a, struct json *o, const char *type, const char *status, const char *reason,
                          const char *message, int64_t now);

#endif
