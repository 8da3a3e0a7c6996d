/*
 * cel_lex - tokens of an expression, and its literals.
 *
 * The longest token wins, as the grammar's generator has it; what is no token
 * is an error that swallows the characters up to and with the one that does
 * not fit (parser/gen/CEL.g4 of cel-go).
 */
#ifndef CEL_CEL_LEX_H
#define CEL_CEL_LEX_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "span.h"

enum cel_tok {
  TOK_EOF,
  TOK_EQ,
  TOK_NE,
  TOK_IN,
  TOK_LT,
  TOK_LE,
  TOK_GE,
  TOK_GT,
  TOK_AND,
  TOK_OR,
  TOK_LBRACKET,
  TOK_RBRACKET,
  TOK_LBRACE,
  TOK_RBRACE,
  TOK_LPAREN,
  TOK_RPAREN,
  TOK_DOT,
  TOK_COMMA,
  TOK_MINUS,
  TOK_NOT,
  TOK_QUESTION,
  TOK_COLON,
  TOK_PLUS,
  TOK_STAR,
  TOK_SLASH,
  TOK_PERCENT,
  TOK_TRUE,
  TOK_FALSE,
  TOK_NULL,
  TOK_FLOAT,
  TOK_INT,
  TOK_UINT,
  TOK_STRING,
  TOK_BYTES,
  TOK_IDENT,
  TOK_ESC_IDENT,
  TOK_COUNT,
  TOK_ERROR = TOK_COUNT,
};

struct cel_token {
  uint8_t type;
  uint32_t start, end; /* byte offsets */
};

/* The next token at or after `at`, white space and comments skipped; TOK_ERROR covers what was swallowed. */
struct cel_token cel_lex(struct span src, size_t at);

/* The value of a string or bytes literal with its quotes (and r, not b). NULL, or upstream's message. */
const char *cel_unescape(struct arena *a, struct span text, bool bytes, struct span *ret);

#endif
