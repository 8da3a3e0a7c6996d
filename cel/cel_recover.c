#include "cel_recover.h"

#include <string.h>

#define RECOVERIES_MAX 30  /* upstream: errorRecoveryLimit */
#define SKIPS_MAX      256 /* upstream: errorRecoveryLookaheadTokenLimit */

static void
add_token(struct syntax *p, struct cel_token t, uint32_t *cap)
{
  if (p->ntokens == *cap) {
    uint32_t more = *cap ? *cap * 2 : 64;
    struct cel_token *v = arena_array_of(p->u->a, struct cel_token, more);

    if (p->ntokens)
      memcpy(v, p->tokens, sizeof *v * p->ntokens);
    p->tokens = v;
    *cap = more;
  }
  p->tokens[p->ntokens++] = t;
}

static void
report_at(struct syntax *p, uint32_t pos, const char *text)
{
  struct cel_issue *i;

  if (p->stopped)
    return;
  i = &p->reports[p->nreports++];
  cel_unit_locate(p->u, pos, &i->line, &i->col);
  if (!p->u->src.n)
    i->col = -1; /* upstream finds no offset in an empty source */
  if (p->nreports > SYNTAX_REPORTS) {
    text = "more than 100 syntax errors";
    p->stopped = true;
  }
  i->msg = arena_printf(p->u->a, "Syntax error: %s", text);
}

void
syntax_init(struct syntax *p, struct cel_unit *u)
{
  struct cel_token t = { 0 };
  uint32_t cap = 0;

  *p = (struct syntax){ .u = u, .last_index = -1 };
  p->reports = arena_array_of(u->a, struct cel_issue, SYNTAX_REPORTS + 2);
  do {
    t = cel_lex(u->src, t.end);
    if (t.type == TOK_ERROR) {
      struct span s = cel_token_span(u, &t);

      report_at(p, t.start, arena_printf(u->a, "token recognition error at: '%.*s'", (int)s.n, s.p));
    } else {
      add_token(p, t, &cap);
    }
  } while (t.type != TOK_EOF);
}

static const char *
token_text(const struct syntax *p, uint32_t token)
{
  struct span s = cel_token_span(p->u, &p->tokens[token]);

  if (p->tokens[token].type == TOK_EOF)
    return "<EOF>";
  return arena_printf(p->u->a, "%.*s", (int)s.n, s.p);
}

void
syntax_report(struct syntax *p, uint32_t token, const char *text)
{
  report_at(p, p->tokens[token].start, arena_printf(p->u->a, "%s '%s'", text, token_text(p, token)));
}

void
syntax_stop(struct syntax *p, const char *msg)
{
  if (p->stopped)
    return;
  p->reports[p->nreports++] = (struct cel_issue){ -1, -1, msg };
  p->stopped = true;
}

enum cel_tok
syntax_look(const struct syntax *p, uint32_t ahead)
{
  uint32_t i = p->at + ahead;

  return p->stopped || i >= p->ntokens ? TOK_EOF : (enum cel_tok)p->tokens[i].type;
}

void
syntax_consume(struct syntax *p)
{
  if (p->at + 1 < p->ntokens)
    p->at++;
}

static void
matched(struct syntax *p)
{
  p->recovering = false;
  p->last_index = -1;
  memset(p->last_states, 0, sizeof p->last_states);
}

/* -- sets -- */

/* What may come where `set` fits: when the rule may end here, also what follows it in its callers. */
static token_set
with_callers(const struct syntax *p, token_set set)
{
  for (const struct rule_frame *f = p->frame; f->caller && (set & SET_END); f = f->caller)
    set = (set & ~SET_END) | f->follow;
  return set & SET_END ? (set & ~SET_END) | SET(TOK_EOF) : set;
}

static token_set
callers_expect(const struct syntax *p)
{
  token_set set = 0;

  for (const struct rule_frame *f = p->frame; f->caller; f = f->caller)
    set |= f->follow;
  return set & ~SET_END;
}

static bool
fits(const struct syntax *p, uint32_t ahead, token_set set)
{
  return set & SET(syntax_look(p, ahead));
}

/* -- recovery -- */

static void
begin_error(struct syntax *p, uint32_t token, const char *text)
{
  if (p->recovering)
    return;
  p->recovering = true;
  syntax_report(p, token, text);
}

static void
fail(struct syntax *p, uint32_t token, const char *text)
{
  p->failed = true;
  p->failed_token = token;
  p->failed_text = text;
}

static bool
delete_one(struct syntax *p, token_set set)
{
  if (!fits(p, 1, with_callers(p, set)))
    return false;
  begin_error(p, p->at, "extraneous input");
  syntax_consume(p);
  matched(p);
  return true;
}

static bool
may_try(struct syntax *p)
{
  if (p->attempts++ < RECOVERIES_MAX)
    return true;
  report_at(p, p->tokens[p->at].start, "error recovery attempt limit exceeded: 30");
  p->stopped = true;
  return false;
}

bool
syntax_match(struct syntax *p, enum cel_tok type, token_set after, struct cel_token *ret)
{
  struct cel_token ignored;

  if (!ret)
    ret = &ignored;
  *ret = p->tokens[p->at];
  if (syntax_look(p, 0) == type) {
    matched(p);
    syntax_consume(p);
    return true;
  }
  if (!may_try(p)) {
    p->failed = true;
    return false;
  }
  if (delete_one(p, SET(type))) {
    *ret = p->tokens[p->at];
    syntax_consume(p);
    return true;
  }
  if (fits(p, 0, with_callers(p, after))) {
    begin_error(p, p->at, "missing token at");
    return true;
  }
  fail(p, p->at, "mismatched input");
  return false;
}

bool
syntax_sync(struct syntax *p, token_set set)
{
  if (p->recovering || fits(p, 0, set) || delete_one(p, set))
    return true;
  fail(p, p->at, "mismatched input");
  return false;
}

/* Skips tokens to one of `set`; `*left` of them at most. */
static void
skip_to(struct syntax *p, token_set set, uint32_t *left)
{
  while (syntax_look(p, 0) != TOK_EOF && !fits(p, 0, set)) {
    if (left && !(*left)--) {
      syntax_stop(p, "error recovery token lookahead limit exceeded: 256");
      return;
    }
    syntax_consume(p);
  }
}

void
syntax_sync_loop(struct syntax *p, token_set set)
{
  if (p->recovering || fits(p, 0, set))
    return;
  begin_error(p, p->at, "extraneous input");
  skip_to(p, with_callers(p, set) | callers_expect(p), NULL);
}

void
syntax_no_branch(struct syntax *p, uint32_t ahead)
{
  uint32_t token = p->at + ahead < p->ntokens ? p->at + ahead : p->ntokens - 1;

  fail(p, token, "no viable alternative at input");
}

void
syntax_recover(struct syntax *p, unsigned state)
{
  uint32_t left = SKIPS_MAX;

  p->failed = false;
  if (p->stopped)
    return;
  begin_error(p, p->failed_token, p->failed_text);
  if (p->stopped || !may_try(p))
    return;
  if (p->last_index == (int64_t)p->at && (p->last_states[state / 64] >> (state % 64) & 1)) {
    syntax_consume(p); /* it would not get on otherwise */
    left--;
  }
  p->last_index = p->at;
  p->last_states[state / 64] |= (uint64_t)1 << (state % 64);
  skip_to(p, callers_expect(p), &left);
}
