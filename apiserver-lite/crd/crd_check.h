/*
 * crd_check - does a value satisfy its schema.
 *
 * kube-openapi's validation of JSON schemas to the letter: which errors are
 * found, in which order, with which words, and which of several alternatives is
 * reported (anyOf and oneOf show the errors of the one that came closest).
 * With an old value, errors of parts that did not change are let pass
 * (ratcheting, KEP-4008).
 *
 * Upstream: kube-openapi pkg/validation/{validate,errors}, apiextensions-
 * apiserver pkg/apiserver/validation.
 */
#ifndef APISERVER_CRD_CHECK_H
#define APISERVER_CRD_CHECK_H

#include "crd_schema.h"
#include "status.h"

/*
 * Appends to `errs`. `field`: where the value stands in its object, NULL for the object itself. `old` NULL: no
 * ratcheting.
 */
void schema_check(const struct schema *s, const char *field, const struct json *value, const struct json *old,
                  struct field_errors *errs);
/* The default of `s`: as structural schemas have it, in which an int-or-string has no type. */
void schema_check_default(const struct schema *s, const char *field, struct field_errors *errs);
/* Sets and maps by keys in lists: no item twice. */
void schema_check_lists(const struct schema *s, const struct json *o, struct field_errors *errs);
/* Type and metadata of embedded resources. `root`: the value itself is one. */
void schema_check_embedded(const struct schema *s, const char *field, const struct json *value, bool root,
                           struct field_errors *errs);

/*
 * The old value behind an item of a list that is a map by keys: whose keys are those of `item`. NULL: there is none, or
 * the list is no such map.
 */
const struct json *schema_correlate(const struct schema *list, const struct json *old, const struct json *item);

/* -- crd_format.c -- */
bool format_is_known(const char *name); /* of strings */
bool format_matches(struct arena *a, const char *name, struct span text);

#endif
