/*
 * YAML as sigs.k8s.io/yaml prints it: the choices of go.yaml.in/yaml/v2's encoder and emitter with unlimited width, for
 * the shapes that JSON has.
 */
#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "yaml.h"
#include "yaml_resolve.h"

#define KEY_MAX 128 /* a longer key is written behind a "? " */
#define FOLD_AT 80  /* text goes on in the next line at the first single space after this column */

/* -- characters -- */

/* One character of valid UTF-8. */
static uint32_t
decode(struct span s, size_t at, size_t *ret_width)
{
  const uint8_t *p = (const uint8_t *)s.p + at;
  size_t width = p[0] < 0x80 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
  uint32_t c = width == 1 ? p[0] : p[0] & (0x7Fu >> width);

  for (size_t i = 1; i < width; i++)
    c = c << 6 | (p[i] & 0x3F);
  *ret_width = width;
  return c;
}

/* What the emitter prints as it is. It leaves out everything above U+FFFF. */
static bool
printable(uint32_t c)
{
  return c == '\n' || (c >= 0x20 && c <= 0x7E) || (c >= 0xA0 && c <= 0xD7FF) ||
         (c >= 0xE000 && c <= 0xFFFD && c != 0xFEFF);
}

static bool
is_break(uint32_t c)
{
  return c == '\r' || c == '\n' || c == 0x85 || c == 0x2028 || c == 0x2029;
}

/* -- which style -- */

enum style { PLAIN, SINGLE, DOUBLE, LITERAL };

struct analysis {
  bool multiline, plain_allowed, single_allowed, literal_allowed;
};

/* A character that would mean something there, had it no quotes. */
static bool
is_indicator(struct span s, size_t at, uint32_t c, bool after_blank)
{
  bool before_blank = at + 1 >= s.n || s.p[at + 1] == ' ' || s.p[at + 1] == '\t';

  if (c == 0 || c >= 0x80)
    return false;
  if (at == 0)
    return strchr("#,[]{}&*!|>'\"%@`", (int)c) || (strchr("?:-", (int)c) && before_blank);
  return (c == ':' && before_blank) || (c == '#' && after_blank);
}

/* Where white space stands matters to folding and trimming. */
struct spacing {
  bool edge, space_at_end, break_then_space, space_then_break;
};

static void
note_spacing(struct spacing *sp, struct span s, size_t at, size_t width, uint32_t c, uint32_t before)
{
  bool last = at + width == s.n;

  if (c == ' ') {
    sp->edge = sp->edge || at == 0 || last;
    sp->space_at_end = sp->space_at_end || last;
    sp->break_then_space = sp->break_then_space || (at && is_break(before));
  } else if (is_break(c)) {
    sp->edge = sp->edge || at == 0 || last;
    sp->space_then_break = sp->space_then_break || (at && before == ' ');
  }
}

static struct analysis
analyze(struct span s)
{
  bool indicators = span_starts(s, SPAN("---")) || span_starts(s, SPAN("...")), special = false, breaks = false;
  struct spacing sp = { .edge = false };
  uint32_t before = '\n';
  size_t width;

  for (size_t i = 0; i < s.n; i += width) {
    uint32_t c = decode(s, i, &width);
    bool after_blank = before == ' ' || before == '\t' || before == 0 || is_break(before);

    indicators = indicators || is_indicator(s, i, c, after_blank);
    special = special || !printable(c);
    breaks = breaks || is_break(c);
    note_spacing(&sp, s, i, width, c, before);
    before = c;
  }
  special = special || sp.space_then_break; /* both need escapes */
  return (struct analysis){
    .multiline = breaks,
    .plain_allowed = !indicators && !special && !breaks && !sp.edge,
    .single_allowed = !special && !sp.break_then_space,
    .literal_allowed = s.n && !special && !sp.space_at_end,
  };
}

static bool
digit(struct span s, size_t at)
{
  return at < s.n && s.p[at] >= '0' && s.p[at] <= '9';
}

static size_t
skip_digits(struct span s, size_t at)
{
  while (digit(s, at) || (at < s.n && s.p[at] == '_'))
    at++;
  return at;
}

/* [-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?: old readers take it for a number. */
static bool
is_base60(struct span s)
{
  size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+'), groups = 0;

  if (!digit(s, i))
    return false;
  for (i = skip_digits(s, i); i < s.n && s.p[i] == ':'; groups++) {
    if (!digit(s, ++i))
      return false;
    i += digit(s, i + 1) && s.p[i] <= '5' ? 2 : 1;
  }
  if (i < s.n && s.p[i] == '.')
    i = skip_digits(s, i + 1);
  return groups && i == s.n;
}

static enum style
style_of(struct span s, const struct analysis *is, bool simple_key)
{
  enum style style = DOUBLE;

  if (s.n && memchr(s.p, '\n', s.n))
    style = LITERAL;
  else if (yaml_resolve(s).kind == YAML_STR && !is_base60(s))
    style = PLAIN;

  if (simple_key && is->multiline)
    return DOUBLE;
  if (style == PLAIN && !is->plain_allowed)
    style = SINGLE;
  if (style == SINGLE && !is->single_allowed)
    style = DOUBLE;
  if (style == LITERAL && (!is->literal_allowed || simple_key))
    style = DOUBLE;
  return style;
}

/* -- scalars -- */

static void
put_spaces(struct strbuf *b, size_t n)
{
  while (n--)
    strbuf_putc(b, ' ');
}

/* The column after what has been written. */
static size_t
column_of(const struct strbuf *b)
{
  size_t column = 0;

  for (size_t i = b->n; i > 0 && b->p[i - 1] != '\n'; i--)
    column += (b->p[i - 1] & 0xC0) != 0x80;
  return column;
}

/* Where a flow of words may be folded, and how far the lines that follow are indented. */
struct flow {
  size_t column, indent;
  bool may_fold, after_space;
};

static struct flow
flow_begin(const struct strbuf *b, size_t indent, bool simple_key)
{
  return (struct flow){ .column = column_of(b), .indent = indent, .may_fold = !simple_key };
}

/* Puts the character at `at`, or a line break in place of a space. Lone: no space follows. */
static void
flow_put(struct strbuf *b, struct flow *f, struct span s, size_t at, size_t width, bool lone)
{
  bool space = s.p[at] == ' ';

  if (space && f->may_fold && !f->after_space && f->column > FOLD_AT && lone) {
    strbuf_putc(b, '\n');
    put_spaces(b, f->indent);
    f->column = f->indent;
  } else {
    strbuf_add(b, s.p + at, width);
    f->column++;
  }
  f->after_space = space;
}

static void
put_plain(struct strbuf *b, struct span s, size_t indent, bool simple_key)
{
  struct flow f = flow_begin(b, indent, simple_key);
  size_t width;

  for (size_t i = 0; i < s.n; i += width) {
    (void)decode(s, i, &width);
    flow_put(b, &f, s, i, width, i + 1 < s.n && s.p[i + 1] != ' ');
  }
}

static void
put_single(struct strbuf *b, struct span s, size_t indent, bool simple_key)
{
  struct flow f;
  bool after_break = false;
  size_t width;

  strbuf_putc(b, '\'');
  f = flow_begin(b, indent, simple_key);
  for (size_t i = 0; i < s.n; i += width) {
    uint32_t c = decode(s, i, &width);

    if (after_break && !is_break(c)) {
      put_spaces(b, indent);
      f.column = indent;
    }
    after_break = is_break(c);
    strbuf_puts(b, c == '\'' ? "'" : "");
    f.column = after_break ? 0 : f.column + (c == '\'');
    flow_put(b, &f, s, i, width, i > 0 && i + 1 < s.n && s.p[i + 1] != ' ');
    f.column -= after_break;
  }
  strbuf_putc(b, '\'');
}

static void
put_double(struct strbuf *b, struct span s, size_t indent, bool simple_key)
{
  static const struct {
    uint32_t c;
    char letter;
  } names[] = {
    { 0, '0' },     { 7, 'a' },    { 8, 'b' },    { 9, 't' },      { 10, 'n' },
    { 11, 'v' },    { 12, 'f' },   { 13, 'r' },   { 0x1B, 'e' },   { '"', '"' },
    { '\\', '\\' }, { 0x85, 'N' }, { 0xA0, '_' }, { 0x2028, 'L' }, { 0x2029, 'P' },
  };
  struct flow f;
  size_t width, before;

  strbuf_putc(b, '"');
  f = flow_begin(b, indent, simple_key);
  for (size_t i = 0; i < s.n; i += width) {
    uint32_t c = decode(s, i, &width);
    char letter = 0;

    if (printable(c) && !is_break(c) && c != '"' && c != '\\') {
      bool inner = i > 0 && i + 1 < s.n;

      before = b->n;
      flow_put(b, &f, s, i, width, inner);
      if (c == ' ' && b->p[before] == '\n' && s.p[i + 1] == ' ') { /* the next space would be lost without */
        strbuf_putc(b, '\\');
        f.column++;
      }
      continue;
    }
    before = b->n;
    for (size_t k = 0; k < ARRAY_SIZE(names); k++)
      if (names[k].c == c)
        letter = names[k].letter;
    if (letter)
      strbuf_printf(b, "\\%c", letter);
    else
      strbuf_printf(b, c <= 0xFF ? "\\x%02X" : c <= 0xFFFF ? "\\u%04X" : "\\U%08X", c);
    f.column += b->n - before;
    f.after_space = false;
  }
  strbuf_putc(b, '"');
}

/* Length of the line break that ends before `at`, or 0. */
static size_t
break_before(struct span s, size_t at)
{
  static const struct span breaks[] = { { "\n", 1 }, { "\xe2\x80\xa8", 3 }, { "\xe2\x80\xa9", 3 } };

  for (size_t i = 0; i < ARRAY_SIZE(breaks); i++)
    if (span_ends(span_make(s.p, at), breaks[i]))
      return breaks[i].n;
  return 0;
}

/* "|", its hints, and the lines, each at `indent`. Ends with a newline only if the text does. */
static void
put_literal(struct strbuf *b, struct span s, size_t indent)
{
  bool after_break = true;
  size_t width;
  size_t last = break_before(s, s.n), twice = last && (last == s.n || break_before(s, s.n - last));

  strbuf_puts(b, s.p[0] == ' ' || s.p[0] == '\n' ? "|2" : "|");
  strbuf_puts(b, !last ? "-\n" : twice ? "+\n" : "\n");
  for (size_t i = 0; i < s.n; i += width) {
    uint32_t c = decode(s, i, &width);

    if (after_break && !is_break(c))
      put_spaces(b, indent);
    after_break = is_break(c);
    strbuf_add(b, s.p + i, width);
  }
}

static void
put_string(struct strbuf *b, struct span s, size_t indent, bool simple_key)
{
  struct analysis is = analyze(s);

  switch (style_of(s, &is, simple_key)) {
  case PLAIN:
    put_plain(b, s, indent, simple_key);
    break;
  case SINGLE:
    put_single(b, s, indent, simple_key);
    break;
  case DOUBLE:
    put_double(b, s, indent, simple_key);
    break;
  case LITERAL:
    put_literal(b, s, indent);
    break;
  }
}

/* A number's text goes through a double on its way, as there. */
static void
put_number(struct strbuf *b, struct span literal)
{
  struct yaml_scalar s = yaml_resolve(literal);
  char text[NUMBER_TEXT_MAX];

  if (s.kind == YAML_FLOAT)
    strbuf_add(b, text, number_text_g(s.number, false, text));
  else if (s.kind == YAML_UINT)
    strbuf_uint(b, s.big);
  else
    put_string(b, literal, 0, false);
}

/* -- order of keys -- */

/* Letters by code point; other characters before letters; runs of digits by their value. */
static bool
is_letter(uint32_t c)
{
  if (c < 0x80)
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
  return c >= 0xC0 && !(c >= 0x2000 && c <= 0x2BFF); /* nearly: letters by the block, not one by one */
}

static int64_t
digits_value(struct span s, size_t *at, int64_t v)
{
  for (; *at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9'; (*at)++)
    v = (int64_t)((uint64_t)v * 10 + (uint64_t)(s.p[*at] - '0'));
  return v;
}

static int
compare_from(struct span a, struct span b, size_t i)
{
  size_t ai = i, bi = i, width;
  uint32_t ac = decode(a, i, &width), bc = decode(b, i, &width);
  int64_t start = 0, an, bn;

  if (is_letter(ac) && is_letter(bc))
    return ac < bc ? -1 : 1;
  if (is_letter(ac) || is_letter(bc))
    return is_letter(bc) ? -1 : 1;
  if (ac == '0' || bc == '0') /* a zero inside a number is not a leading one */
    for (size_t j = i; j-- > 0 && a.p[j] >= '0' && a.p[j] <= '9';)
      if (a.p[j] != '0')
        start = 1;
  an = digits_value(a, &ai, start);
  bn = digits_value(b, &bi, start);
  if (an != bn)
    return an < bn ? -1 : 1;
  if (ai != bi)
    return ai < bi ? -1 : 1;
  return ac < bc ? -1 : 1;
}

static int
by_key(const void *x, const void *y)
{
  const struct json_member *m = *(const struct json_member *const *)x, *n = *(const struct json_member *const *)y;
  struct span a = span_make(m->name, m->name_len), b = span_make(n->name, n->name_len);
  size_t i = 0;

  while (i < a.n && i < b.n && a.p[i] == b.p[i])
    i++;
  while (i > 0 && i < a.n && i < b.n && ((a.p[i] & 0xC0) == 0x80 || (b.p[i] & 0xC0) == 0x80))
    i--; /* to the start of the character */
  if (i < a.n && i < b.n)
    return compare_from(a, b, i);
  return a.n < b.n ? -1 : a.n > b.n;
}

/* -- structure -- */

static void put_value(struct strbuf *b, const struct json *v, size_t indent);

static bool
is_empty(const struct json *v)
{
  return (json_is(v, JSON_OBJECT) || json_is(v, JSON_ARRAY)) && v->count == 0;
}

static bool
is_block(const struct json *v)
{
  return (json_is(v, JSON_OBJECT) || json_is(v, JSON_ARRAY)) && v->count > 0;
}

/* Each line ends when the next one begins, or the document: a literal has ended its own. */
static void
new_line(struct strbuf *b, size_t indent)
{
  if (!break_before(strbuf_view(b), b->n))
    strbuf_putc(b, '\n');
  put_spaces(b, indent);
}

/* The cursor stands at `indent`, where the first item begins. */
static void
put_items(struct strbuf *b, const struct json *v, size_t indent)
{
  for (uint32_t i = 0; i < v->count; i++) {
    if (i)
      new_line(b, indent);
    strbuf_puts(b, "- ");
    put_value(b, v->u.items[i], indent + 2);
  }
}

static void
put_member(struct strbuf *b, const struct json_member *m, size_t indent)
{
  struct span name = span_make(m->name, m->name_len);
  struct analysis is = analyze(name);

  if (name.n > KEY_MAX || is.multiline) {
    strbuf_puts(b, "? ");
    put_string(b, name, indent + 2, false);
    new_line(b, indent);
    strbuf_puts(b, ": ");
    put_value(b, m->value, indent + 2);
    return;
  }
  put_string(b, name, indent, true);
  strbuf_putc(b, ':');
  if (is_block(m->value)) {
    bool list = json_is(m->value, JSON_ARRAY);

    new_line(b, list ? indent : indent + 2);
    put_value(b, m->value, list ? indent : indent + 2);
  } else {
    strbuf_putc(b, ' ');
    put_value(b, m->value, indent + 2);
  }
}

static void
put_members(struct strbuf *b, const struct json *v, size_t indent)
{
  _cleanup_free_ const struct json_member **sorted = mem_calloc(v->count, sizeof *sorted);

  for (uint32_t i = 0; i < v->count; i++)
    sorted[i] = &v->u.members[i];
  qsort(sorted, v->count, sizeof *sorted, by_key);
  for (uint32_t i = 0; i < v->count; i++) {
    if (i)
      new_line(b, indent);
    put_member(b, sorted[i], indent);
  }
}

/* `indent`: the column where the lines of a collection begin, and those of a text of several lines. */
static void
put_value(struct strbuf *b, const struct json *v, size_t indent)
{
  switch (json_type(v)) {
  case JSON_NULL:
    strbuf_puts(b, "null");
    break;
  case JSON_BOOL:
    strbuf_puts(b, v->u.boolean ? "true" : "false");
    break;
  case JSON_INT:
    strbuf_int(b, v->u.integer);
    break;
  case JSON_NUMBER:
    put_number(b, json_span(v));
    break;
  case JSON_STRING:
    put_string(b, json_span(v), indent, false);
    break;
  case JSON_ARRAY:
    is_empty(v) ? strbuf_puts(b, "[]") : put_items(b, v, indent);
    break;
  case JSON_OBJECT:
    is_empty(v) ? strbuf_puts(b, "{}") : put_members(b, v, indent);
    break;
  }
}

void
yaml_write(struct strbuf *b, const struct json *v)
{
  put_value(b, v, json_is(v, JSON_STRING) ? 2 : 0);
  if (!break_before(strbuf_view(b), b->n))
    strbuf_putc(b, '\n');
}
