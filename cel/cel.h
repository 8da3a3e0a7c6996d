/*
 * cel - compile an expression, run it, know what it costs.
 *
 *   struct cel_code *code;
 *   if (cel_compile(env, span_of("1 + x"), &code, &err) < 0) ...   err.msg: "compilation failed: ERROR: <input>:1:5:
 * ..." struct cel_run run = { .vars = values, .arena = a, .limit = 1000000 }; struct cel_value v = cel_code_run(code,
 * &run);                  cel_is_error(v): v.u.s is the text
 *
 * Code is immutable, counted and shared between threads. DRA has entry points
 * of its own: cel_dra.h.
 */
#ifndef CEL_CEL_H
#define CEL_CEL_H

#include "cel_env.h"
#include "cel_value.h"
#include "kerr.h"

struct cel_code;

/*
 * Parse, check, validate and plan. Texts are upstream's:
 *   KERR_INVALID   "compilation failed: ERROR: ...": the expression is wrong, or gives what the host does not take;
 *   KERR_INTERNAL  "program instantiation failed: ...": a constant in it is (upstream's name for it).
 * The environment is borrowed by the code and must live as long.
 */
_must_check_ int cel_compile(const struct cel_env *env, struct span expression, struct cel_code **ret,
                             struct kerr *reterr);
struct cel_code *cel_code_ref(struct cel_code *c);
void cel_code_unref(struct cel_code *c); /* NULL is fine */
void cel_code_unrefp(struct cel_code **pc);
struct span cel_code_source(const struct cel_code *c);
const struct cel_type *cel_code_type(const struct cel_code *c);
char *cel_code_type_text(const struct cel_code *c, struct arena *a); /* "list(int)", "map(string, dyn)" */

/* Is the variable of this name read anywhere in it? */
bool cel_code_uses(const struct cel_code *c, struct span variable);

/* Least and most that running can cost, as upstream estimates; UINT64_MAX stands for "no bound". */
void cel_code_estimate(const struct cel_code *c, uint64_t *ret_min, uint64_t *ret_max);

struct cel_run {
  const struct cel_value *vars; /* by slot; a value of kind CEL_ERROR with text NULL: declared, but not set */
  struct arena *arena;          /* what the run allocates; takes up to CEL_MEMORY_MAX more than it holds */
  uint64_t limit;               /* of the cost */
  uint64_t cost;                /* set: what the run has cost */
  bool (*interrupted)(void *);  /* asked every 100 rounds of loops; NULL: never */
  void *interrupted_arg;
};
struct cel_value cel_code_run(const struct cel_code *c, struct cel_run *run);
/* The smallest conjunct that made the expression false, as source text in the arena; "" when that is unclear. */
const char *cel_code_why_false(const struct cel_code *c, const struct cel_run *run);

#define _cleanup_cel_code_ __attribute__((cleanup(cel_code_unrefp)))

#endif
