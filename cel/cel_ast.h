/*
 * cel_ast - an expression as a tree, and what went wrong with it.
 *
 * One `struct cel_unit` is one compilation: the source, its issues, and the
 * tree that the parser builds, the checker annotates and the planner turns
 * into a program. All of it is in the unit's arena.
 *
 * Nodes are numbered as cel-go numbers them, because some of its messages and
 * its cost estimate go by these numbers.
 */
#ifndef CEL_CEL_AST_H
#define CEL_CEL_AST_H

#include "arena.h"
#include "cel_env.h"
#include "cel_type.h"
#include "cel_value.h"
#include "kerr.h"
#include "span.h"

enum cel_expr_kind {
  EXPR_NONE, /* in place of something that could not be read */
  EXPR_LITERAL,
  EXPR_IDENT,
  EXPR_SELECT,
  EXPR_CALL,
  EXPR_LIST,
  EXPR_MAP,
  EXPR_STRUCT,
  EXPR_FOLD,
};

/* No place in the source: "-1:0". */
#define CEL_NO_POS UINT32_MAX
/* Where upstream has what it could not read: "1:0". */
#define CEL_POS_UNREAD (UINT32_MAX - 1)

struct cel_expr;

struct cel_item {               /* of a list, map or structure */
  struct cel_expr *key, *value; /* a list's item and a structure's field have no key */
  struct span field;
  uint32_t id, pos;
  bool optional;
};

struct cel_fold {
  struct cel_expr *range, *accu_init, *cond, *step, *result;
  struct span var, var2, accu; /* var2.p NULL: one variable */
};

struct cel_expr {
  uint8_t kind;
  bool test_only;   /* EXPR_SELECT: has() */
  bool global;      /* EXPR_IDENT: written with a leading dot where a local of that name hides the variable */
  uint16_t height;  /* of the syntax tree, as the parser's limit counts */
  uint32_t id, pos; /* byte offset in the source */
  const struct cel_type *type;
  union {
    struct cel_value literal;
    struct {
      struct span name;
      const struct cel_var *var;         /* set by the checker; NULL for a loop variable */
      const struct cel_type *names_type; /* the identifier stands for a type */
    } ident;
    struct {
      struct cel_expr *operand;
      struct span field;
    } select;
    struct {
      struct span function;
      struct cel_expr *target; /* NULL: a global function */
      struct cel_expr **args;
      uint32_t nargs;
      const struct cel_function *decl;
      const struct cel_overload *const *overloads; /* that may apply */
      uint32_t noverloads;
    } call;
    struct {
      struct span name; /* EXPR_STRUCT */
      struct cel_item *items;
      uint32_t n;
    } list;
    struct cel_fold *fold;
  } u;
};

struct cel_code;
struct cel_unit;
/* The checked tree that the code was made of, as long as the code. */
const struct cel_unit *cel_code_unit(const struct cel_code *c);

/* -- issues -- */

#define CEL_ISSUES_MAX 100 /* upstream shows as many */

struct cel_issue {
  int32_t line, col; /* 1-based, 0-based in code points */
  const char *msg;
};

struct cel_unit {
  struct arena *a;
  const struct cel_env *env;
  struct span src;
  struct cel_expr *root;
  struct cel_issue *issues;
  uint32_t nissues, total_issues;
  uint32_t next_id;
  struct cel_regex *regexes; /* literals that were checked; the program uses them */
  const char *description;   /* of the source in messages: "<input>" */
};

void cel_unit_init(struct cel_unit *u, struct arena *a, const struct cel_env *env, struct span src);
void cel_issue_add(struct cel_unit *u, uint32_t pos, const char *fmt, ...) _printf_(3, 4);
void cel_issue_at(struct cel_unit *u, int32_t line, int32_t col, const char *msg);
/* Line and column of a byte offset. */
void cel_unit_locate(const struct cel_unit *u, uint32_t pos, int32_t *ret_line, int32_t *ret_col);
/* All issues, sorted, with source lines and carets, as upstream prints them. */
char *cel_issues_text(struct cel_unit *u);

/* -- phases; each returns false when it has reported an issue -- */

bool cel_parse(struct cel_unit *u);
bool cel_check(struct cel_unit *u);
bool cel_validate_ast(struct cel_unit *u);

/* -- building, for parser and macros -- */

struct cel_expr *cel_expr_new(struct cel_unit *u, enum cel_expr_kind kind, uint32_t pos); /* with the next number */
struct cel_expr *cel_expr_call(struct cel_unit *u, uint32_t pos, struct span function, struct cel_expr *target,
                               struct cel_expr **args, uint32_t nargs);
/*
 * The macro `function` applied to these arguments, or NULL when there is none.
 * `id` was given to the call; an unusable argument is reported and EXPR_NONE returned.
 */
struct cel_expr *cel_macro_expand(struct cel_unit *u, uint32_t id, uint32_t pos, struct span function,
                                  struct cel_expr *target, struct cel_expr **args, uint32_t nargs);

#define CEL_ACCU "@result"
/* f(child) for each child of e, in upstream's order of visiting. */
void cel_expr_each(struct cel_expr *e, void (*f)(struct cel_expr *child, void *arg), void *arg);
/* The piece of the source that the expression was read from; empty when it was made by a macro. */
struct span cel_expr_source(const struct cel_unit *u, const struct cel_expr *e);

#endif
