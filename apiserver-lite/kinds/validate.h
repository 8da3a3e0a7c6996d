/*
 * validate - may this object be stored?
 *
 * Two layers, as upstream has them since 1.36: hand-written rules (one file per
 * group of kinds) and declarative ones (the +k8s: tags of the types, as data in
 * validate_tags_*.h). A declarative error replaces the hand-written one that
 * says the same; the rest stand after the hand-written ones. Texts, paths and
 * order are upstream's (pkg/apis/<group>/validation, apimachinery's field and
 * validate packages, apiserver's registry/rest/validate.go).
 *
 * Trees are canonical trees of the kind that is given (kind.h), defaulted, with
 * the name already generated. Nothing is edited; errors live in errs->a.
 * Every function is safe from any thread.
 */
#ifndef APISERVER_VALIDATE_H
#define APISERVER_VALIDATE_H

#include "kind.h"

/* An object that is new. No error found: nothing is appended. */
void validate_create(const struct kind *k, const struct json *o, const struct personality *p,
                     struct field_errors *errs);
/*
 * An object that replaces `old` (same kind and version). `subresource`: "", "status", "resize", "ephemeralcontainers"
 * ... What a subresource may not touch has been put back by validate_prepare_update.
 */
void validate_update(const struct kind *k, const struct json *o, const struct json *old, const char *subresource,
                     const struct personality *p, struct field_errors *errs);

/*
 * What a strategy does before validation (PrepareForCreate, PrepareForUpdate): take away what the client may not set
 * here (status, or spec and metadata), fields whose gate is off and which the old object does not use, and keep the
 * generation. Edits `o`, which must be the caller's own copy; `old` is only read. `now` is in Unix seconds.
 */
void validate_prepare_create(struct arena *a, const struct kind *k, struct json *o, const struct personality *p);
void validate_prepare_update(struct arena *a, const struct kind *k, struct json *o, const struct json *old,
                             const char *subresource, const struct personality *p, int64_t now);

/* All metadata that a client may change as it was (metav1.ResetObjectMetaForStatus): for subresources. */
void validate_keep_metadata(struct arena *a, struct json *o, const struct json *old);

/* What of metadata an update of the status leaves as it was: "" is all, "labels"; NULL: nothing. */
const char *validate_status_keeps(const struct kind *k);

/*
 * Does this write ask for admin access to devices (KEP-5018)? The caller then looks the namespace up and, when it has
 * no label resource.kubernetes.io/admin-access: "true", calls validate_refuse_admin before the other checks.
 * `old` and `subresource` as in validate_update; `old` is NULL on create.
 */
bool validate_wants_admin(const struct kind *k, const struct json *o, const struct json *old, const char *subresource,
                          const struct personality *p);
void validate_refuse_admin(const struct kind *k, const struct json *o, const char *subresource,
                           struct field_errors *errs);

/* Warning headers of a write (WarningsOnCreate, WarningsOnUpdate): appends strings to `warnings`, a JSON array. `old`
 * NULL: a new object. Of subresources only the status of pods and scales have any. */
void validate_warnings(struct arena *a, const struct kind *k, const struct json *o, const struct json *old,
                       const char *subresource, const struct personality *p, struct json *warnings);

/* Metadata of an object whose kind has no other rules (custom resources): path is metadata. `p` NULL: as the latest
 * release has it. */
void validate_metadata(const struct json *o, const struct json *old, bool namespaced, const struct personality *p,
                       struct field_errors *errs);

#endif
