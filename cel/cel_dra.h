/*
 * cel_dra - CEL as DRA uses it: selectors of devices.
 *
 * The environment is that of k8s.io/dynamic-resource-allocation/cel: one
 * variable `device` with driver, attributes, capacity and
 * allowMultipleAllocations. A compiled selector is immutable, counted and
 * shared between threads; evaluating one allocates only from the arena given.
 */
#ifndef CEL_CEL_DRA_H
#define CEL_CEL_DRA_H

#include "arena.h"
#include "json.h"
#include "kerr.h"
#include "span.h"

#define CEL_DRA_COST_MAX UINT64_C(1000000) /* upstream: CELSelectorExpressionMaxCost */

struct cel_selector;

struct cel_dra_features {
  bool consumable_capacity, list_type_attributes;
};

/* As the scheduler compiles an expression that is already stored: everything is known, no cost check. KERR_INVALID,
 * upstream's text. */
_must_check_ int cel_selector_compile(struct span expression, struct cel_selector **ret, struct kerr *reterr);
/*
 * As API validation checks a new one: gates decide, length and cost limits hold. The codes say how upstream reports it:
 * KERR_TOO_LARGE (field.TooLong), KERR_INVALID (field.Invalid), KERR_FORBIDDEN (the cost; field.Forbidden),
 * KERR_INTERNAL ("program instantiation failed: ..."; field.InternalError). msg is the detail.
 */
_must_check_ int cel_selector_validate(struct span expression, const struct cel_dra_features *features,
                                       struct kerr *reterr);
/* What evaluating it may cost at most, estimated; of new ones at most CEL_DRA_COST_MAX is accepted. */
uint64_t cel_selector_cost(const struct cel_selector *s);
struct cel_selector *cel_selector_ref(struct cel_selector *s);
void cel_selector_unref(struct cel_selector *s); /* NULL is fine */
void cel_selector_unrefp(struct cel_selector **ps);

#define _cleanup_cel_selector_ __attribute__((cleanup(cel_selector_unrefp)))

/* A device made ready for evaluation once, for any number of selectors; lives in the arena, borrows the trees. What is
 * read of it is kept in it: it belongs to one thread. */
struct cel_device;
/* `device`: a v1 Device object ({attributes, capacity, allowMultipleAllocations}). KERR_INVALID for a bad version or
 * quantity. */
_must_check_ int cel_device_new(struct arena *a, const char *driver, const struct json *device, struct cel_device **ret,
                                struct kerr *reterr);
/* KERR_INVALID with the run-time error's text, as upstream's CompilationResult.DeviceMatches. */
_must_check_ int cel_selector_match(const struct cel_selector *s, const struct cel_device *device, struct arena *a,
                                    bool *ret, struct kerr *reterr);
/*
 * A derived attribute (KEP-6080): an expression over `device` whose value, a string, integer, boolean, semver or a list
 * of these, is used as an attribute. Compiled like a stored selector; the result type is checked as upstream's
 * GetOrCompileDerivedAttribute does. Evaluating gives a v1 DeviceAttribute object ({"string": "x"}, {"ints": [1, 2]};
 * an empty list is {"strings": []}). KERR_INVALID, upstream's texts of EvaluateDerivedAttribute.
 */
_must_check_ int
cel_derived_validate(struct span expression, const struct cel_dra_features *features, uint64_t *ret_cost,
                     struct kerr *reterr); /* as API validation does; the cost is the caller's to judge */
_must_check_ int cel_derived_compile(struct span expression, struct cel_selector **ret, struct kerr *reterr);
_must_check_ int cel_derived_evaluate(const struct cel_selector *s, const struct cel_device *device, struct arena *a,
                                      struct json **ret, struct kerr *reterr);
/* For explanations: the smallest sub-expression that decided the answer "false", as source text in the arena; "" when
 * unclear. */
const char *cel_selector_why_not(const struct cel_selector *s, const struct cel_device *device, struct arena *a);

#endif
