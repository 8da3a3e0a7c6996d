/*
 * cel_named - CEL of the first structured model: named resources, Kubernetes 1.30.
 *
 * Instances of a driver have attributes by name and type; an expression sees
 * seven maps, attributes.quantity, .bool, .int, .intslice, .string,
 * .stringslice and .version, each with the attributes of that type, and gives a
 * bool (dynamic-resource-allocation/structured/namedresources/cel of 0.30).
 * Compiled, it is a selector as those of cel_dra.h, immutable and counted.
 */
#ifndef CEL_CEL_NAMED_H
#define CEL_CEL_NAMED_H

#include "arena.h"
#include "cel_dra.h"
#include "json.h"
#include "kerr.h"
#include "span.h"

/* For validation and for the scheduler alike. KERR_INVALID `compilation failed: ...`, `must evaluate to bool`;
 * KERR_INTERNAL `program instantiation failed: ...`. */
_must_check_ int cel_named_compile(struct span expression, struct cel_selector **ret, struct kerr *reterr);
/* `attributes`: the list of a v1alpha2 NamedResourcesInstance, or NULL. KERR_INVALID, upstream's text, for a version or
 * a quantity that is none and for run-time errors. */
_must_check_ int cel_named_match(const struct cel_selector *s, const struct json *attributes, struct arena *a,
                                 bool *ret, struct kerr *reterr);

#endif
