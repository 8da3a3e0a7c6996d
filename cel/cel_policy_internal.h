/*
 * cel_policy_internal - how policies compile and run.
 */
#ifndef CEL_CEL_POLICY_INTERNAL_H
#define CEL_CEL_POLICY_INTERNAL_H

#include "cel.h"
#include "cel_policy.h"
#include "ceilings.h"

#include <stdatomic.h>

#define POLICY_VARIABLES_TYPE "kubernetes.variables"
#define POLICY_MEMORY_MAX     ((size_t)2048 * MiB) /* of compiling all expressions of one policy */

/* Slots of the variables, in whatever environment they are declared. */
enum policy_var {
  POLICY_OBJECT,
  POLICY_OLD_OBJECT,
  POLICY_NAMESPACE,
  POLICY_REQUEST,
  POLICY_PARAMS,
  POLICY_AUTHORIZER,
  POLICY_REQUEST_RESOURCE,
  POLICY_VARIABLES,
  POLICY_VARS
};

/* What an expression is for: decides what it may use and what it must give. */
enum policy_use {
  POLICY_MATCH,
  POLICY_VALUE, /* of a variable */
  POLICY_RULE,
  POLICY_MESSAGE,
  POLICY_AUDIT,
  POLICY_PATCH,
  POLICY_APPLY,
  POLICY_TYPES, /* any expression, when only its types are checked */
};

struct policy_scope {
  struct arena *a; /* of everything that is made for compiling */
  bool has_params;
  bool stored;                            /* may use what only stored expressions may */
  const struct cel_type *variables;       /* the structure of `variables`; NULL: there are none */
  const struct cel_type *object, *params; /* of object and oldObject, and of params; NULL: dyn */
};

struct policy_expr {
  const char *source;    /* NULL: there is no expression */
  struct cel_code *code; /* NULL: it does not compile */
  const char *error;     /* why; upstream's text */
  bool internal;         /* upstream calls the error an internal one */
};

/* The environment for one use, made in the scope's arena. */
const struct cel_env *policy_env(const struct policy_scope *s, enum policy_use use);
void policy_compile(struct policy_expr *e, const struct policy_scope *s, enum policy_use use, const char *source);
/* A structure with room for `n` fields, all of them to be added by policy_variable. */
struct cel_type *policy_variables(struct arena *a, size_t n);
/* Declare a variable of that type; NULL: its expression did not compile, so it is dyn. */
void policy_variable(struct arena *a, struct cel_type *variables, const char *name, const struct cel_type *t);

struct policy_validation {
  struct policy_expr rule, message;
  const char *text, *reason; /* of message and reason; NULL: none */
};

struct policy_annotation {
  const char *key;
  struct policy_expr value;
};

struct policy_mutation {
  enum cel_mutation_kind kind;
  struct policy_expr patch;
};

struct cel_policy {
  atomic_uint refs;
  struct arena *arena;
  enum cel_policy_kind kind;
  bool fails_closed;
  unsigned uses; /* bit by enum policy_var: some expression reads it */
  const char **variable_names;
  struct policy_expr *variables, *matches;
  struct policy_validation *validations;
  struct policy_annotation *annotations;
  struct policy_mutation *mutations;
  uint32_t n_variables, n_matches, n_validations, n_annotations, n_mutations;
};

/* -- one request, one group of expressions (upstream: an activation with its composition context) -- */

struct policy_run {
  const struct cel_policy *policy;
  struct arena *values;  /* inputs and variables; as long as the run */
  struct arena *scratch; /* of one expression */
  struct arena *results; /* the caller's, for texts that outlive the run */
  struct cel_value vars[POLICY_VARS];
  int64_t variables_cost; /* of variables that the current expression was the first to ask for */
  int64_t budget;
};

/* Values of the request; the caller releases with policy_run_release. */
void policy_run_init(struct policy_run *r, const struct cel_policy *p, const struct cel_admission *in,
                     struct arena *results);
void policy_run_release(struct policy_run *r);
/* Before each group of expressions: forget the variables' values, set what may be asked and spent. */
void policy_run_begin(struct policy_run *r, const struct cel_admission *in, bool authorizer, int64_t budget);
/*
 * Run one expression. true and *ret: a value, or an error with upstream's text in the results' arena ("expression 'x'
 * resulted in error: ..."). false: the group ends, *ret is why.
 */
bool policy_eval(struct policy_run *r, const struct policy_expr *e, struct cel_value *ret);

/* A value that a mutation made, as JSON. KERR_INVALID when it is none. */
_must_check_ int policy_json_patch(struct arena *a, struct cel_value v, struct json **ret, struct kerr *reterr);
_must_check_ int policy_apply_object(struct arena *a, struct cel_value v, struct json **ret, struct kerr *reterr);

#endif
