/*
 * cel_crd - validation rules of custom resources (x-kubernetes-validations).
 *
 * Three questions, each with upstream's answer to the letter:
 *   cel_crd_check     may a definition with these rules be stored (types, costs, messages);
 *   cel_crd_new       compile the rules of a stored definition once, and
 *   cel_crd_validate  what they say about an object.
 *
 * A schema is the JSON tree of an openAPIV3Schema that is structural; its
 * nodes give the types of `self` and `oldSelf`. All of it follows KEP-2876
 * and KEP-4008 (ratcheting): apiextensions-apiserver pkg/apiserver/schema/cel,
 * pkg/apis/apiextensions/validation, apiserver pkg/cel/common.
 */
#ifndef CEL_CEL_CRD_H
#define CEL_CEL_CRD_H

#include "arena.h"
#include "cel_report.h"
#include "json.h"

#define CEL_CRD_RULE_COST_MAX   10000000  /* estimated, of one rule (StaticEstimatedCostLimit) */
#define CEL_CRD_TOTAL_COST_MAX  100000000 /* estimated, of all rules of a version (StaticEstimatedCRDCostLimit) */
#define CEL_CRD_CALL_COST_MAX   1000000   /* of running one rule (PerCallLimit) */
#define CEL_CRD_RUN_COST_BUDGET 10000000  /* of running all rules on an object (RuntimeCELCostBudget) */

struct cel_crd_check {
  const struct json *schema; /* openAPIV3Schema of one version */
  const char *path;          /* of the schema: "spec.versions[0].schema.openAPIV3Schema" */
  /* Schemas of the definition that is replaced: their expressions are known already, and may use what new ones may
   * not. */
  const struct json *const *old;
  size_t n_old;
  /*
   * Does the caller know of errors at this node of the schema or below it? Rules there are not compiled then, since
   * their types could not be told. NULL: none anywhere.
   */
  bool (*broken)(const void *arg, const struct json *node);
  const void *arg;
  bool suppress_rule_cost; /* the definition was too expensive before (suppressPerExpressionCost) */
};

/*
 * Everything there is to say about x-kubernetes-validations in a schema, and nothing else: rules that are empty or do
 * not compile, messages, reasons and field paths, costs of each and of all, rules where none may be (allOf and the
 * like). Appends to the report: first what upstream calls schema errors, then those of expressions.
 */
void cel_crd_check(const struct cel_crd_check *c, struct cel_report *report);

/* Rules of a stored schema, compiled. Immutable, any thread. The schema is copied. */
struct cel_crd;
/* NULL when there is no rule in it. Never fails: a rule that does not compile reports so when an object comes. */
struct cel_crd *cel_crd_new(const struct json *schema);
void cel_crd_free(struct cel_crd *c); /* NULL is fine */

struct cel_crd_object {
  const struct json *object; /* complete: defaults filled in, unknown fields gone */
  const struct json *old;    /* what it replaces; NULL on create */
  int64_t *budget; /* CEL_CRD_RUN_COST_BUDGET to begin with; negative when it was passed; NULL: of this call */
  /* Failures of parts that did not change (ratcheting); their text belongs into warnings. NULL: not wanted. */
  struct cel_report *ratcheted;
};

/* What the rules have against the object. c may be NULL: no rules. Members are visited in their order in the object. */
void cel_crd_validate(const struct cel_crd *c, const struct cel_crd_object *o, struct cel_report *errors);
/*
 * The same for a value in the middle, such as a default: `path` is where it stands, `node` its schema.
 * `root`: the value is a whole object with metadata (an embedded resource).
 */
void cel_crd_validate_value(const struct json *node, bool root, const char *path, const struct json *value,
                            int64_t *budget, struct cel_report *errors);

/*
 * A path such as ".spec.a['b.c']" (fieldPath of a rule, jsonPath of a selectable field): the schema it leads to, and
 * in *ret_path (may be NULL) the path as errors print it, "spec.a[b.c]". NULL when it leads nowhere; the text of
 * upstream's ValidFieldPath is in *ret_error (may be NULL).
 */
const struct json *cel_crd_field_path(struct arena *a, const struct json *schema, const char *path, bool brackets,
                                      const char **ret_path, const char **ret_error);

#endif
