/*
 * crd_path - the simple paths of scale subresources, ".spec.replicas" (apimachinery's unstructured.Nested...).
 *
 * Each lookup has three ends: the value is there (true); it is not (false, no
 * error); something on the way is of another type (false, *ret_error is
 * upstream's text, in the arena).
 */
#ifndef APISERVER_CRD_PATH_H
#define APISERVER_CRD_PATH_H

#include "json.h"

bool custom_path_int(struct arena *a, const struct json *o, const char *path, int64_t *ret, const char **ret_error);
bool custom_path_text(struct arena *a, const struct json *o, const char *path, const char **ret,
                      const char **ret_error);
/* Make what is missing on the way. False when something on the way is no object. */
bool custom_path_set(struct arena *a, struct json *o, const char *path, struct json *value);

#endif
