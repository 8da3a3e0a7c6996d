/*
 * cel_crd_internal - what checking a definition and validating an object share:
 * the compiled rules of one node of a schema.
 */
#ifndef CEL_CEL_CRD_INTERNAL_H
#define CEL_CEL_CRD_INTERNAL_H

#include "cel.h"
#include "cel_crd.h"

/* Slots of the variables. */
enum { CRD_SELF, CRD_OLD_SELF, CRD_VARS };

struct crd_rule {
  const char *rule, *message, *message_expression, *reason, *field_path; /* as written; "" when absent */
  bool optional_old_self, has_optional_old_self;
  struct cel_code *code, *message_code; /* NULL: empty, or it does not compile */
  const char *error, *message_error;    /* why */
  bool uses_old_self;
  uint64_t cost, message_cost; /* estimates */
  const char *path;            /* of field_path, relative to the node; NULL: none */
};

struct crd_rules {
  struct crd_rule *v;
  uint32_t n;
  bool typed;               /* the schema gives self a type; else nothing was compiled */
  bool uses_old_self;       /* some rule does */
  uint64_t max_cardinality; /* how often data of this type fits into a request */
};

/* The fault that a rule's `reason` names; false, and *ret untouched, when it names none. */
bool crd_reason_fault(const char *reason, enum cel_fault *ret);

/* May this expression use what only stored ones may? */
typedef bool crd_stored_fn(const void *arg, struct span expression);

/* Compile the rules of a node; `root`: it is a whole object. Everything but the code lives in the arena. */
void crd_rules_compile(struct crd_rules *r, struct arena *a, const struct json *node, bool root, crd_stored_fn *stored,
                       const void *arg);
void crd_rules_release(struct crd_rules *r);
const struct json *crd_rules_of(const struct json *node); /* x-kubernetes-validations, or NULL when there are none */

/* -- old values beside new ones (apiserver pkg/cel/common/equality.go) -- */

struct crd_pair {
  const struct json *value, *old, *schema;
  bool known; /* a counterpart was found; else nothing is known about the old value */
};
struct crd_pair crd_pair_key(struct crd_pair p, const char *name, size_t n);
struct crd_pair crd_pair_index(struct crd_pair p, size_t i);
bool crd_pair_equal(struct crd_pair p);
/* The item of `old` with the same keys, when the list is a map (x-kubernetes-list-type), else NULL; looked for from
 * place `at` on, where it most likely is. */
const struct json *crd_list_find(const struct json *schema, const struct json *old, const struct json *item, size_t at);

/* -- places in an object or a schema -- */

struct crd_path {
  const struct crd_path *before;
  enum { CRD_CHILD, CRD_KEY, CRD_INDEX } kind;
  const char *name;
  size_t index;
};
const char *crd_path_text(struct arena *a, const struct crd_path *p); /* "<nil>" for NULL */

#endif
