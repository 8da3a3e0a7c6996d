/*
 * cel_dra_env - DRA's environments, shared by selectors and the batch reader.
 */
#ifndef CEL_CEL_DRA_ENV_H
#define CEL_CEL_DRA_ENV_H

#include "cel_dra.h"
#include "cel_env.h"

/* What is already stored: everything is known. NULL: that; else what API validation allows with these gates. */
const struct cel_env *cel_dra_env(const struct cel_dra_features *features);
/* The same for derived attributes. */
const struct cel_env *cel_dra_derived_env(const struct cel_dra_features *features);
/*
 * The value of `device` for a v1 Device object; NULL is a device without anything. Attributes and capacities are looked
 * over, but made only when an expression asks for them (cel_dra_device.c): the value belongs to one thread.
 */
_must_check_ int cel_dra_device_value(struct arena *a, const char *driver, const struct json *device,
                                      struct cel_value *ret, struct kerr *reterr);
/* An attribute's version; what is none is an error with upstream's text. */
struct cel_value cel_dra_version(struct arena *a, const struct json *v);
struct cel_code;
/* A counted selector of the expression, compiled in this environment. */
_must_check_ int cel_selector_new(const struct cel_env *env, struct span expression, struct cel_selector **ret,
                                  struct kerr *reterr);
const struct cel_code *cel_selector_code(const struct cel_selector *s);
/* The environment's variables, for cel_run. */
const struct cel_value *cel_device_value(const struct cel_device *d);
/* A selector's result as Go's ConvertToNative(bool) sees it: true, false, or an error. */
struct cel_value cel_dra_to_bool(struct arena *a, struct cel_value v);

/* A derived attribute's result as a v1 attribute in *ret, or an error with upstream's text. */
struct cel_value cel_dra_attribute(struct arena *a, struct cel_value v, struct json **ret);

#define CEL_DRA_LENGTH_MAX 10240 /* upstream: CELSelectorExpressionMaxLength */

#endif
