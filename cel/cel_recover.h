/*
 * cel_recover - how the generated parser of cel-go goes on after an error.
 *
 * ANTLR's default strategy: a token too many is deleted, a missing one is
 * made up, and otherwise the rule is left and tokens are skipped until one
 * that some calling rule expects next. After an error nothing is reported
 * until a token fits again.
 *
 * Sets of tokens are bit masks by `enum cel_tok`; SET_END says that the rule
 * may end here, so that what follows its caller fits as well.
 */
#ifndef CEL_CEL_RECOVER_H
#define CEL_CEL_RECOVER_H

#include "cel_parse.h"

typedef uint64_t token_set;

#define SET(t)         ((token_set)1 << (t))
#define SET_END        ((token_set)1 << 63)
#define SYNTAX_STATES  260 /* states of the generated automaton */
#define SYNTAX_REPORTS 100 /* upstream: errorReportingLimit */

struct rule_frame { /* a rule that is being read, and what may follow it in its caller */
  struct rule_frame *caller;
  token_set follow;
};

struct syntax {
  struct cel_unit *u;
  struct cel_token *tokens; /* the last one is TOK_EOF */
  uint32_t ntokens, at;
  struct rule_frame *frame;
  bool recovering;
  bool failed;             /* the current rule has to be left */
  uint32_t failed_token;   /* where */
  const char *failed_text; /* why, in the words of the generated parser */
  uint32_t attempts;
  int64_t last_index; /* of the previous recovery, with the states it was in; -1: none */
  uint64_t last_states[SYNTAX_STATES / 64 + 1];
  bool stopped; /* too many errors: nothing is read or reported any more */
  struct cel_issue *reports;
  uint32_t nreports;
  uint32_t exprs, relations, calcs; /* depths */
};

void syntax_init(struct syntax *p, struct cel_unit *u);
/* Stops with an internal error or a final report. */
void syntax_stop(struct syntax *p, const char *msg);

enum cel_tok syntax_look(const struct syntax *p, uint32_t ahead); /* 0: the current token */
void syntax_consume(struct syntax *p);
/* The token is `type`, made up if need be; false: the rule fails. `after` is what may follow it. */
bool syntax_match(struct syntax *p, enum cel_tok type, token_set after, struct cel_token *ret);
/* Before a choice whose branches begin with `set`. */
bool syntax_sync(struct syntax *p, token_set set);
/* After an iteration of a loop that may go on or end with `set`. */
void syntax_sync_loop(struct syntax *p, token_set set);
/* No branch fits: the token `ahead` of the current one is to blame. */
void syntax_no_branch(struct syntax *p, uint32_t ahead);
/* What a failing rule does at its end, in `state`. */
void syntax_recover(struct syntax *p, unsigned state);

#endif
