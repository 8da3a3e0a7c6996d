/*
 * cel_env - what an expression may use: variables, functions, macros.
 *
 * Functions are tables, one per library (lib_*.c): signature, implementation,
 * cost. An environment says which of them exist (features), names its
 * variables, and is immutable once made. DRA's environments are data
 * built on this: cel_dra_env.c.
 */
#ifndef CEL_CEL_ENV_H
#define CEL_CEL_ENV_H

#include "cel_type.h"
#include "cel_value.h"

struct cel_eval;
struct cel_overload;

typedef struct cel_value cel_impl(struct cel_eval *ev, const struct cel_value *args, unsigned n);

/* What must be on for a function or macro to exist. */
enum cel_feature {
  CEL_F_BASE = 1,     /* everything of Kubernetes' base environment */
  CEL_F_INCLUDES = 2, /* includes(): k8s lists v1, or DRAListTypeAttributes */
  CEL_F_BIND = 4,     /* cel.bind(): DRA alone */
  CEL_F_PATCH = 8,    /* Object{}, JSONPatch{}, jsonpatch.escapeKey(): mutating admission policies */
};

/* How an overload treats arguments it was not declared for. */
enum cel_guard {
  CEL_TYPED, /* "no such overload: f(int, string)" */
  CEL_OPEN,  /* the implementation looks itself */
  CEL_TRAIT, /* one implementation for all overloads, chosen by what the first value can do */
};

/* Costs; named after what they measure (cel_cost.c, cel_cost_run.c). */
enum cel_cost {
  CEL_COST_ONE,
  CEL_COST_SCAN_ARG1, /* startsWith, endsWith */
  CEL_COST_SCAN_ARG0, /* bytes(string), string(bytes), quote, format */
  CEL_COST_TO_BYTES,  /* SCAN_ARG0, with a result size of its own */
  CEL_COST_TO_STRING,
  CEL_COST_QUOTE,
  CEL_COST_FORMAT,
  CEL_COST_IN_LIST,
  CEL_COST_COMPARE, /* == != and < of strings and bytes */
  CEL_COST_CONCAT,  /* + of strings and bytes */
  CEL_COST_ADD_LIST,
  CEL_COST_MATCHES,
  CEL_COST_CONTAINS,
  CEL_COST_LOGIC,
  CEL_COST_TERNARY,
  CEL_COST_INDEX_LIST,
  CEL_COST_INDEX_MAP,
  /* by function name, in Kubernetes' estimator */
  CEL_COST_CHECK,   /* authorizer: 350000 */
  CEL_COST_NOMINAL, /* 1 */
  CEL_COST_SELECTOR,
  CEL_COST_TRAVERSE, /* isSorted, sum, ..., includes */
  CEL_COST_URL,
  CEL_COST_TRANSFORM, /* lowerAscii, substring, trim */
  CEL_COST_REPLACE,
  CEL_COST_SPLIT,
  CEL_COST_JOIN,
  CEL_COST_FIND,
  CEL_COST_PARSE, /* ip, cidr, quantity, semver and their is... */
  CEL_COST_CANONICAL,
  CEL_COST_CONTAINS_IP,
  CEL_COST_CONTAINS_CIDR,
  CEL_COST_VALIDATE,
  CEL_COST_EQUAL, /* ==: nominal for objects of Kubernetes, else COMPARE */
  /* by overload, in cel-go's extensions */
  CEL_COST_LIST_OUT, /* slice, range, reverse */
  CEL_COST_RANGE,
  CEL_COST_REVERSE,
  CEL_COST_FLATTEN,
  CEL_COST_DISTINCT,
  CEL_COST_SORT,
  CEL_COST_SORT_BY,
  CEL_COST_SETS,
  CEL_COST_SETS_BOTH,
};

#define CEL_ARGS_MAX 4

struct cel_overload {
  const char *function;
  const char *id;
  bool member;
  uint8_t nargs; /* with the receiver */
  uint8_t nvars; /* type parameters A, B */
  const struct cel_type *args[CEL_ARGS_MAX];
  const struct cel_type *result;
  cel_impl *impl;    /* NULL: the evaluator has an instruction of its own */
  uint8_t guard;     /* enum cel_guard */
  bool var_args;     /* evaluation of the arguments stops at the first error */
  uint8_t cost;      /* enum cel_cost, when this overload is the only one that applies */
  uint8_t name_cost; /* enum cel_cost whatever the overload; 0: none */
  uint8_t features;  /* enum cel_feature */
  uint8_t trait;     /* CEL_TRAIT: enum cel_trait */
};

/* What a value can do, for operators applied to dyn. */
enum cel_trait {
  CEL_ADDS = 1,
  CEL_DIVIDES,
  CEL_MODS,
  CEL_MULTIPLIES,
  CEL_NEGATES,
  CEL_SUBTRACTS,
  CEL_COMPARES,
  CEL_SIZED,
  CEL_MATCHES_,
  CEL_LISTS,
  CEL_ANYTHING
};

/* All overloads of one name, in upstream's order. */
struct cel_function {
  const char *name;
  const struct cel_overload *const *overloads;
  uint32_t n;
  bool constructor; /* a conversion: folded when its argument is constant */
};

struct cel_var {
  const char *name;
  const struct cel_type *type;
  uint32_t slot;
};

struct cel_env {
  unsigned features;
  const struct cel_var *vars;
  uint32_t nvars;
  const struct cel_type *const *structs; /* known structures, by name; ends with NULL */
  uint64_t cost_limit;                   /* of one evaluation; UINT64_MAX: none */
  /* What is wrong with a result of this type, asked before constants are folded: NULL, or upstream's text, in the
   * arena. No function: any type does. */
  const char *(*refuse)(const struct cel_env *env, const struct cel_type *t, struct arena *a);
  /* The cost estimate takes the sizes below this type, whatever variable a path starts at; NULL: of the variables. */
  const struct cel_type *size_root;
};

/* The function, with overloads that need absent features still in the list; NULL when none is left. */
const struct cel_function *cel_function_find(const struct cel_env *env, const char *name, size_t n);
const struct cel_var *cel_env_var(const struct cel_env *env, struct span name);
/* An identifier that names a type ("int", "net.IP", "google.protobuf.Duration"), as its type's value; NULL when none.
 */
const struct cel_type *cel_env_type_name(const struct cel_env *env, struct span name, bool *ret_usable);

/*
 * With CEL_F_PATCH, structures that expressions can make: JSONPatch, and Object with anything below it
 * (Object.spec.template), named after the place they are for. Made in the arena; NULL for other names.
 */
#define CEL_JSON_PATCH_TYPE "JSONPatch"
#define CEL_OBJECT_TYPE     "Object"
const struct cel_type *cel_env_patch_type(const struct cel_env *env, struct arena *a, struct span name);

/* -- library tables -- */

struct cel_library {
  const struct cel_overload *overloads;
  size_t n;
};

extern const struct cel_library cel_lib_operators, cel_lib_std, cel_lib_time, cel_lib_strings, cel_lib_format,
    cel_lib_lists, cel_lib_list_ext, cel_lib_sets, cel_lib_regex, cel_lib_url, cel_lib_quantity, cel_lib_semver,
    cel_lib_net, cel_lib_named, cel_lib_optional, cel_lib_authz, cel_lib_patch;

/* Type parameters for the tables, and lists and maps of them. */
extern const struct cel_type cel_param_a, cel_param_b, cel_list_a, cel_map_ab, cel_list_string, cel_list_int,
    cel_list_list_a, cel_optional_a, cel_list_optional_a, cel_type_a;

#endif
