/*
 * cel_parse - what the two readers of expressions share.
 *
 * cel_parse.c reads well-formed text straight into a tree. When it meets a
 * token that does not fit, it gives up, and cel_syntax.c reads the text again
 * the way the generated parser of cel-go recovers, to report the same errors
 * at the same places. Both build nodes through these functions.
 */
#ifndef CEL_CEL_PARSE_H
#define CEL_CEL_PARSE_H

#include "cel_ast.h"
#include "cel_lex.h"

#define CEL_SOURCE_MAX 100000 /* code points; upstream: expressionSizeCodePointLimit */
#define CEL_DEPTH_MAX  250    /* upstream: maxRecursionDepth */

struct cel_expr *cel_build_literal(struct cel_unit *u, const struct cel_token *sign, const struct cel_token *t);
struct cel_expr *cel_build_ident(struct cel_unit *u, const struct cel_token *dot, const struct cel_token *t);
struct cel_expr *cel_build_global_call(struct cel_unit *u, const struct cel_token *dot, const struct cel_token *name,
                                       uint32_t id, uint32_t pos, struct cel_expr **args, uint32_t nargs);
struct cel_expr *cel_build_member_call(struct cel_unit *u, struct cel_expr *target, const struct cel_token *name,
                                       uint32_t id, uint32_t pos, struct cel_expr **args, uint32_t nargs);
struct cel_expr *cel_build_operator(struct cel_unit *u, uint32_t id, uint32_t pos, const char *function,
                                    struct cel_expr *a, struct cel_expr *b, struct cel_expr *c);
struct cel_expr *cel_build_select(struct cel_unit *u, struct cel_expr *operand, const struct cel_token *dot,
                                  bool optional, const struct cel_token *field);
bool cel_is_reserved(struct span name);
const char *cel_operator_name(enum cel_tok t); /* "_==_"; NULL when the token is no binary operator */
struct span cel_field_name(const struct cel_unit *u, const struct cel_token *t); /* without backticks */

/* Terms joined by && or ||, as a balanced tree. */
struct cel_terms {
  struct cel_expr **terms;
  uint32_t *ids, *poss;
  uint32_t n, cap;
};
void cel_terms_add(struct cel_unit *u, struct cel_terms *t, struct cel_expr *term, uint32_t id, uint32_t pos);
struct cel_expr *cel_terms_tree(struct cel_unit *u, const struct cel_terms *t, const char *function);

/* Reports every syntax error of the source, and what else is wrong with its readable parts. */
void cel_syntax_report(struct cel_unit *u);

static inline struct span
cel_token_span(const struct cel_unit *u, const struct cel_token *t)
{
  return span_make(u->src.p + t->start, t->end - t->start);
}

#endif
