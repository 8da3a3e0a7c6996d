/*
 * cel_policy - expressions of admission: policies and match conditions.
 *
 * One compiled object for ValidatingAdmissionPolicy, MutatingAdmissionPolicy
 * and the matchConditions of a webhook:
 *   cel_policy_check     what storing it reports;
 *   cel_policy_new       compiles it once (errors stay inside, as upstream keeps them), then for each request
 *   cel_policy_match     do its match conditions let the request through,
 *   cel_policy_validate  what its validations decide,
 *   cel_policy_mutate    the patch that one of its mutations makes.
 *
 * Whoever calls decides which requests a policy is asked about (match
 * constraints, bindings, parameters) and applies patches. Follows KEP-3488
 * and KEP-3962: apiserver pkg/admission/plugin/cel, .../policy/validating,
 * .../policy/mutating, .../webhook/matchconditions.
 *
 * A policy is immutable, counted and shared between threads. Results live in
 * the arena that is given.
 */
#ifndef CEL_CEL_POLICY_H
#define CEL_CEL_POLICY_H

#include "arena.h"
#include "cel_authz.h"
#include "cel_report.h"
#include "json.h"
#include "kerr.h"

#define CEL_POLICY_CALL_COST_MAX    1000000  /* of running one expression (PerCallLimit) */
#define CEL_POLICY_RUN_COST_BUDGET  10000000 /* of all validations of a policy (RuntimeCELCostBudget) */
#define CEL_POLICY_MATCH_BUDGET     2500000  /* of all match conditions (RuntimeCELCostBudgetMatchConditions) */
#define CEL_POLICY_ANNOTATION_BYTES 5120     /* the longest valueExpression (maxAuditAnnotationValueExpressionLength) */

enum cel_policy_kind {
  CEL_POLICY_VALIDATING, /* the tree is spec of a ValidatingAdmissionPolicy */
  CEL_POLICY_MUTATING,   /* spec of a MutatingAdmissionPolicy */
  CEL_POLICY_WEBHOOK,    /* one of the webhooks of a configuration; only failurePolicy and matchConditions are read */
};

/*
 * What storing the expressions of a policy reports, each under `path` ("spec", "webhooks[0]"): expressions that are
 * missing or do not compile; names, keys, messages and reasons are the caller's to check. `old` is the tree that is
 * replaced, or NULL: expressions that stand in it may use what new ones may not.
 */
void cel_policy_check(enum cel_policy_kind kind, const struct json *tree, const struct json *old, const char *path,
                      struct cel_report *report);

struct cel_policy;
struct cel_policy *cel_policy_new(enum cel_policy_kind kind, const struct json *tree); /* the tree is copied */
struct cel_policy *cel_policy_ref(struct cel_policy *p);
void cel_policy_unref(struct cel_policy *p); /* NULL is fine */

/* A request as expressions see it. Texts are NULL or "" when absent. */
struct cel_admission {
  /* Objects in the form of Go's encoder (structs that are always written are there); NULL: none. */
  const struct json *object, *old_object;
  const struct json *params;           /* NULL: none */
  const struct json *namespace_object; /* NULL for cluster-wide objects */
  /* The kind and resource the policy is asked about, and what the client named; as a rule the same. */
  struct cel_gvk {
    const char *group, *version, *kind, *resource;
  } matched, requested;
  const char *subresource, *name, *namespace, *operation; /* "CREATE", "UPDATE", "DELETE", "CONNECT" */
  const char *username, *uid;
  const struct json *groups;  /* array of texts, or NULL */
  const struct json *extra;   /* text to array of texts, or NULL */
  const struct json *options; /* CreateOptions ...; NULL: none */
  bool dry_run;
  const struct cel_authorizer *authorizer; /* NULL: nobody is asked, expressions that do so fail */
};

/*
 * Do the match conditions let the request through? 0 and the answer, or KERR_INVALID with upstream's text when they
 * failed and failurePolicy says Fail (without any conditions: always true).
 */
_must_check_ int cel_policy_match(const struct cel_policy *p, const struct cel_admission *in, struct arena *a,
                                  bool *ret, struct kerr *reterr);

struct cel_decision {
  bool deny;
  bool error;          /* the expression failed rather than said no; deny tells what failurePolicy makes of it */
  const char *reason;  /* metav1.StatusReason of a denial: "Invalid"; NULL for errors */
  const char *message; /* NULL when admitted */
};

struct cel_annotation {
  const char *key;
  const char *value; /* to publish; NULL: nothing to publish */
  const char *error; /* the expression failed */
  bool fail;         /* and failurePolicy makes that a failure of the request */
};

struct cel_verdict {
  bool matched; /* the match conditions held; else nothing was decided */
  struct cel_decision *decisions;
  uint32_t n_decisions;
  struct cel_annotation *annotations;
  uint32_t n_annotations;
};

/* Match conditions, validations, messages and audit annotations (upstream: validator.Validate). */
void cel_policy_validate(const struct cel_policy *p, const struct cel_admission *in, struct arena *a,
                         struct cel_verdict *ret);

/* Mutations, by their place in spec.mutations. */
enum cel_mutation_kind {
  CEL_MUTATION_JSON_PATCH, /* an array of {op, path, from, value} */
  CEL_MUTATION_APPLY,      /* an apply configuration without apiVersion and kind */
};
size_t cel_policy_mutations(const struct cel_policy *p);
/*
 * Run one mutation. The match conditions are asked separately, once for all. KERR_INVALID with upstream's text when
 * the expression does not compile, fails, or gives what is no patch.
 */
_must_check_ int cel_policy_mutate(const struct cel_policy *p, size_t mutation, const struct cel_admission *in,
                                   struct arena *a, enum cel_mutation_kind *ret_kind, struct json **ret,
                                   struct kerr *reterr);

/* -- type checking (status.typeChecking of a ValidatingAdmissionPolicy) -- */

struct cel_typed_kind {
  const char *group, *version, *kind;
  const struct json *schema; /* an OpenAPI v3 schema; its "$ref" are resolved with `definitions` */
};

struct cel_policy_types {
  const struct cel_typed_kind *kinds; /* that the policy matches, sorted by group, version, kind; at most 10 */
  size_t n_kinds;
  const struct cel_typed_kind *params; /* NULL: unknown, or the policy has none */
  const struct json *definitions;      /* components.schemas; NULL when there are no references */
};

/* Expressions that do not fit these kinds, as an array of {fieldRef, warning}; NULL when all do. */
struct json *cel_policy_type_check(const struct json *spec, const struct cel_policy_types *types, struct arena *a);

#endif
