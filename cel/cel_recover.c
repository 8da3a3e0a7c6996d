#include "cel_recover.h"

#include <string.h>

#define RECOVERIES_MAX 30  /* upstream: errorRecoveryLimit */
#define SKIPS_MAX      256 /* upstream: errorRecoveryLookaheadTokenLimit */

/* As reports name them. */
static const char *const token_names[TOK_COUNT] = {
  [TOK_EOF] = "<EOF>",     [TOK_EQ] = "'=='",         [TOK_NE] = "'!='",          [TOK_IN] = "'in'",
  [TOK_LT] = "'<'",        [TOK_LE] = "'<='",         [TOK_GE] = "'>='",          [TOK_GT] = "'>'",
  [TOK_AND] = "'&&'",      [TOK_OR] = "'||'",         [TOK_LBRACKET] = "'['",     [TOK_RBRACKET] = "']'",
  [TOK_LBRACE] = "'{'",    [TOK_RBRACE] = "'}'",      [TOK_LPAREN] = "'('",       [TOK_RPAREN] = "')'",
  [TOK_DOT] = "'.'",       [TOK_COMMA] = "','",       [TOK_MINUS] = "'-'",        [TOK_NOT] = "'!'",
  [TOK_QUESTION] = "'?'",  [TOK_COLON] = "':'",       [TOK_PLUS] = "'+'",         [TOK_STAR] = "'*'",
  [TOK_SLASH] = "'/'",     [TOK_PERCENT] = "'%'",     [TOK_TRUE] = "'true'",      [TOK_FALSE] = "'false'",
  [TOK_NULL] = "'null'",   [TOK_FLOAT] = "NUM_FLOAT", [TOK_INT] = "NUM_INT",      [TOK_UINT] = "NUM_UINT",
  [TOK_STRING] = "STRING", [TOK_BYTES] = "BYTES",     [TOK_IDENT] = "IDENTIFIER", [TOK_ESC_IDENT] = "ESC_IDENTIFIER",
};

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

/* -- words -- */

#define WORDS_MAX (CEL_SOURCE_MAX * 4 + 2) /* a piece of the source in quotes: what is escaped has one byte */

static const char *
quoted(struct syntax *p, struct span text)
{
  _cleanup_strbuf_ struct strbuf b = { 0 };
  struct span s;

  strbuf_init(&b, WORDS_MAX);
  strbuf_putc(&b, '\'');
  for (size_t i = 0; i < text.n; i++) {
    const char *c = memchr("\t\n\r", text.p[i], 3);

    if (c)
      strbuf_printf(&b, "\\%c", *c == '\t' ? 't' : *c == '\n' ? 'n' : 'r');
    else
      strbuf_putc(&b, text.p[i]);
  }
  strbuf_putc(&b, '\'');
  s = strbuf_view(&b);
  return arena_strndup(p->u->a, s.p, s.n);
}

static const char *
token_text(struct syntax *p, uint32_t token)
{
  if (p->tokens[token].type == TOK_EOF)
    return "'<EOF>'";
  return quoted(p, cel_token_span(p->u, &p->tokens[token]));
}

/* The source from one token to another, blanks and comments with it; what is no token was dropped before. */
static const char *
tokens_text(struct syntax *p, uint32_t first, uint32_t last)
{
  size_t at = p->tokens[first].start, end = p->tokens[last].end;
  _cleanup_strbuf_ struct strbuf b = { 0 };
  struct cel_token t;

  if (p->tokens[first].type == TOK_EOF)
    return "'<EOF>'";
  strbuf_init(&b, WORDS_MAX);
  do {
    t = cel_lex(p->u->src, at);
    strbuf_span(&b, span_make(p->u->src.p + at, (t.type == TOK_ERROR ? t.start : t.end) - at));
    at = t.end;
  } while (at < end);
  return quoted(p, strbuf_view(&b));
}

static const char *
set_text(struct syntax *p, token_set set)
{
  _cleanup_strbuf_ struct strbuf b = { 0 };
  const char *between = "";
  struct span s;

  if (!(set & (set - 1)))
    return token_names[__builtin_ctzll(set)];
  strbuf_init(&b, 1024);
  strbuf_putc(&b, '{');
  for (; set; set &= set - 1, between = ", ")
    strbuf_printf(&b, "%s%s", between, token_names[__builtin_ctzll(set)]);
  strbuf_putc(&b, '}');
  s = strbuf_view(&b);
  return arena_strndup(p->u->a, s.p, s.n);
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

/* What is wrong is told once; then nothing until a token fits again. */
static void
report_error(struct syntax *p, uint32_t token, const char *text)
{
  if (p->recovering)
    return;
  p->recovering = true;
  report_at(p, p->tokens[token].start, text);
}

static void
report_unwanted(struct syntax *p, token_set expected)
{
  report_error(p, p->at,
               arena_printf(p->u->a, "extraneous input %s expecting %s", token_text(p, p->at), set_text(p, expected)));
}

static void
fail(struct syntax *p, uint32_t token, const char *text)
{
  p->failed = true;
  p->failed_token = token;
  p->failed_text = text;
}

static void
fail_mismatch(struct syntax *p, token_set expected)
{
  fail(p, p->at,
       arena_printf(p->u->a, "mismatched input %s expecting %s", token_text(p, p->at), set_text(p, expected)));
}

static bool
delete_one(struct syntax *p, token_set expected)
{
  if (!fits(p, 1, expected))
    return false;
  report_unwanted(p, expected);
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
    report_error(p, p->at, arena_printf(p->u->a, "missing %s at %s", set_text(p, SET(type)), token_text(p, p->at)));
    return true;
  }
  fail_mismatch(p, SET(type));
  return false;
}

bool
syntax_sync(struct syntax *p, token_set set)
{
  token_set expected;

  if (p->recovering || fits(p, 0, set))
    return true;
  expected = with_callers(p, set);
  if (delete_one(p, expected))
    return true;
  fail_mismatch(p, expected);
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
  token_set expected;

  if (p->recovering || fits(p, 0, set))
    return;
  expected = with_callers(p, set);
  report_unwanted(p, expected);
  skip_to(p, expected | callers_expect(p), NULL);
}

/* cel-go keeps the words of an older grammar for names that are words of the language (parser.go, SyntaxError). */
static const char *
keyword_at(const char *text)
{
  static const char *const words[] = { "true", "false", "null" };

  for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
    size_t n = strlen(words[i]);

    if (strncmp(text + 2, words[i], n) == 0 && text[2 + n] == '\'')
      return words[i];
  }
  return NULL;
}

void
syntax_no_branch(struct syntax *p, uint32_t ahead)
{
  uint32_t token = p->at + ahead < p->ntokens ? p->at + ahead : p->ntokens - 1;
  const char *text = tokens_text(p, p->at, token), *word = keyword_at(text);

  fail(p, token,
       word ? arena_printf(p->u->a, "mismatched input '%s' expecting IDENTIFIER", word)
            : arena_printf(p->u->a, "no viable alternative at input %s", text));
}

void
syntax_recover(struct syntax *p, unsigned state)
{
  uint32_t left = SKIPS_MAX;

  p->failed = false;
  if (p->stopped)
    return;
  report_error(p, p->failed_token, p->failed_text);
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
