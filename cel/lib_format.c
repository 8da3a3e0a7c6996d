#include "cel_format.h"
#include "cel_lib.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * string.format (cel-go ext/formatting.go: the first version, with the texts
 * of locale en_US). The format string is read by one function; what is done
 * with each clause differs between checking and formatting.
 */
#define PRECISION_DEFAULT 6
#define PRECISION_MAX     (1024 * 1024) /* upstream has no limit; more digits than this no run may make */

struct clause {
  char letter;
  int64_t precision;
  uint32_t arg;
};

struct reader {
  struct arena *a;
  struct span text;
  size_t at;
  uint32_t args, nargs; /* used, and there */
  const char *error;
};

static bool
fail(struct reader *r, const char *text)
{
  r->error = text;
  return false;
}

static bool
read_precision(struct reader *r, int64_t *ret)
{
  size_t from;
  int64_t v = 0;

  if (r->text.p[r->at] != '.')
    return true;
  for (from = ++r->at; r->at < r->text.n && r->text.p[r->at] >= '0' && r->text.p[r->at] <= '9'; r->at++)
    v = v > PRECISION_MAX ? v : v * 10 + (r->text.p[r->at] - '0');
  if (r->at >= r->text.n)
    return fail(
        r,
        "could not parse formatting clause: error while parsing precision: could not find end of precision specifier");
  if (r->at == from)
    return fail(r,
                "could not parse formatting clause: error while parsing precision: error while converting precision to "
                "integer: strconv.Atoi: parsing \"\": invalid syntax");
  *ret = v;
  return true;
}

/* The next clause; text between clauses goes to `out` (NULL: nowhere). False at the end, or with r->error. */
static bool
read_clause(struct reader *r, struct strbuf *out, struct clause *c)
{
  for (; r->at < r->text.n; r->at++) {
    if (r->text.p[r->at] != '%') {
      if (out)
        strbuf_putc(out, r->text.p[r->at]);
      continue;
    }
    if (r->at + 1 < r->text.n && r->text.p[r->at + 1] == '%') {
      if (out)
        strbuf_putc(out, '%');
      r->at++;
      continue;
    }
    c->arg = r->args++;
    if (out && c->arg >= r->nargs)
      return fail(r, arena_printf(r->a, "index %u out of range", c->arg));
    if (++r->at >= r->text.n)
      return fail(r, "unexpected end of string");
    if (c->arg >= r->nargs)
      return fail(r, arena_printf(r->a, "index %u out of range", c->arg));
    c->precision = -1;
    if (!read_precision(r, &c->precision))
      return false;
    c->letter = r->text.p[r->at++];
    if (strchr("sdfebxXo", c->letter))
      return true;
    if ((unsigned char)c->letter < 0x80)
      return fail(
          r, arena_printf(r->a, "could not parse formatting clause: unrecognized formatting clause \"%c\"", c->letter));
    return fail(r, arena_printf(r->a, "could not parse formatting clause: unrecognized formatting clause \"%c%c\"",
                                0xC0 | (unsigned char)c->letter >> 6, 0x80 | ((unsigned char)c->letter & 0x3F)));
  }
  return false;
}

static const char *
clause_error(struct arena *a, char letter, const char *type)
{
  const char *text = "";

  switch (letter) {
  case 's':
    text = "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and "
           "timestamps, was given";
    break;
  case 'd':
    text = "decimal clause can only be used on integers, was given";
    break;
  case 'f':
    text = "fixed-point clause can only be used on doubles, was given";
    break;
  case 'e':
    text = "scientific clause can only be used on doubles, was given";
    break;
  case 'b':
    text = "only integers and bools can be formatted as binary, was given";
    break;
  case 'x':
  case 'X':
    text = "only integers, byte buffers, and strings can be formatted as hex, was given";
    break;
  default:
    text = "octal clause can only be used on integers, was given";
    break;
  }
  return arena_printf(a, "error during formatting: %s %s", text, type);
}

/* -- checking -- */

static bool
kind_allowed(char letter, uint8_t kind)
{
  switch (letter) {
  case 's':
    return kind >= CEL_T_NULL && kind <= CEL_T_TYPE;
  case 'd':
  case 'o':
    return kind == CEL_T_INT || kind == CEL_T_UINT;
  case 'f':
  case 'e':
    return kind == CEL_T_DOUBLE || kind == CEL_T_STRING;
  case 'b':
    return kind == CEL_T_INT || kind == CEL_T_UINT || kind == CEL_T_BOOL;
  default:
    return kind == CEL_T_INT || kind == CEL_T_UINT || kind == CEL_T_STRING || kind == CEL_T_BYTES;
  }
}

/* The part of an argument that %s cannot print; NULL when all of it can. */
static const struct cel_expr *
unprintable(const struct cel_expr *e)
{
  const struct cel_expr *bad;

  if (e->type->kind != CEL_T_DYN && !kind_allowed('s', e->type->kind))
    return e;
  if (e->kind != EXPR_LIST && e->kind != EXPR_MAP)
    return NULL;
  for (uint32_t i = 0; i < e->u.list.n; i++) {
    if (e->kind == EXPR_MAP && (bad = unprintable(e->u.list.items[i].key)))
      return bad;
    if ((bad = unprintable(e->u.list.items[i].value)))
      return bad;
  }
  return NULL;
}

const char *
cel_format_check(struct cel_unit *u, const struct cel_expr *call, uint32_t *ret_pos)
{
  const struct cel_expr *list = call->u.call.args[0], *bad;
  struct reader r = { .a = u->a, .text = cel_span(call->u.call.target->u.literal), .nargs = list->u.list.n };
  struct clause c;

  *ret_pos = call->pos;
  while (read_clause(&r, NULL, &c)) {
    const struct cel_expr *arg = list->u.list.items[c.arg].value;

    bad = c.letter == 's'                                                            ? unprintable(arg)
          : arg->type->kind != CEL_T_DYN && !kind_allowed(c.letter, arg->type->kind) ? arg
                                                                                     : NULL;
    if (bad) {
      *ret_pos = bad->pos;
      return clause_error(u->a, c.letter, bad->type->name);
    }
  }
  if (r.error)
    return r.error;
  if (list->u.list.n > r.args)
    return arena_printf(u->a, "too many arguments supplied to string.format (expected %u, got %u)", r.args,
                        list->u.list.n);
  return NULL;
}

/* -- formatting -- */

struct printer {
  struct cel_eval *ev;
  struct strbuf *out;
  const char *error;
};

static void print_string(struct printer *p, struct cel_value v);
static void print_member(struct printer *p, struct cel_value v);

static void
print_fixed(struct strbuf *out, double d, int precision, bool grouped)
{
  char *text;
  size_t digits;

  if (isnan(d) || isinf(d)) {
    strbuf_puts(out, isnan(d) ? "NaN" : d < 0 ? "-\xE2\x88\x9E" : "\xE2\x88\x9E");
    return;
  }
  if (d < 0)
    strbuf_putc(out, '-');
  text = mem_printf("%.*f", precision, fabs(d));
  digits = strcspn(text, ".");
  for (size_t i = 0; text[i]; i++) {
    if (grouped && i && i < digits && (digits - i) % 3 == 0)
      strbuf_putc(out, ',');
    strbuf_putc(out, text[i]);
  }
  free(text);
}

/* "1.500000×10⁰⁰" */
static void
print_scientific(struct strbuf *out, double d, bool pads)
{
  static const char *const raised[] = {
    "\xE2\x81\xB0", "\xC2\xB9",     "\xC2\xB2",     "\xC2\xB3",     "\xE2\x81\xB4",
    "\xE2\x81\xB5", "\xE2\x81\xB6", "\xE2\x81\xB7", "\xE2\x81\xB8", "\xE2\x81\xB9"
  };
  char text[40], *e;

  if (isnan(d)) {
    strbuf_puts(out, pads ? "   NaN" : "NaN");
    return;
  }
  if (isinf(d)) {
    strbuf_puts(out, !pads ? "" : d < 0 ? "    " : "     ");
    strbuf_puts(out, d < 0 ? "-\xE2\x88\x9E" : "\xE2\x88\x9E");
    return;
  }
  (void)snprintf(text, sizeof text, "%.6e", d == 0 ? 0.0 : d);
  e = strchr(text, 'e');
  strbuf_add(out, text, (size_t)(e - text));
  strbuf_puts(out, "\xC3\x97"
                   "10");
  if (e[1] == '-')
    strbuf_puts(out, "\xE2\x81\xBB");
  for (e += 2; *e; e++)
    strbuf_puts(out, raised[*e - '0']);
}

static void
print_based(struct strbuf *out, struct cel_value v, unsigned base, bool upper)
{
  uint64_t u = v.kind == CEL_INT && v.u.i < 0 ? 0 - v.u.u : v.u.u;
  char text[72], *at = text + sizeof text;

  do {
    *--at = (upper ? "0123456789ABCDEF" : "0123456789abcdef")[u % base];
    u /= base;
  } while (u);
  if (v.kind == CEL_INT && v.u.i < 0)
    *--at = '-';
  strbuf_add(out, at, (size_t)(text + sizeof text - at));
}

static void
print_hex(struct strbuf *out, struct cel_value v, bool upper)
{
  if (v.kind == CEL_INT || v.kind == CEL_UINT) {
    print_based(out, v, 16, upper);
    return;
  }
  for (uint32_t i = 0; i < v.n; i++)
    strbuf_printf(out, upper ? "%02X" : "%02x", (unsigned char)v.u.s[i]);
}

static void
print_list(struct printer *p, const struct cel_list *l)
{
  strbuf_putc(p->out, '[');
  for (uint32_t i = 0; i < l->n && !p->error; i++) {
    if (i)
      strbuf_puts(p->out, ", ");
    print_member(p, l->items[i]);
  }
  strbuf_putc(p->out, ']');
}

struct pair {
  char *key;
  struct cel_value value;
};

static int
pair_order(const void *x, const void *y)
{
  return strcmp(((const struct pair *)x)->key, ((const struct pair *)y)->key);
}

static void
print_map(struct printer *p, const struct cel_map *m)
{
  struct pair *pairs = arena_array_of(p->ev->a, struct pair, m->n + 1u);

  for (uint32_t i = 0; i < m->n && !p->error; i++) {
    struct cel_value key = m->entries[i].key;
    _cleanup_strbuf_ struct strbuf text = { 0 };
    struct printer keys = { p->ev, &text, NULL };

    if (key.kind != CEL_STRING && key.kind != CEL_BOOL && key.kind != CEL_INT && key.kind != CEL_UINT) {
      p->error = arena_printf(p->ev->a, "error during formatting: no formatting function for map key of type %s",
                              cel_type_name(key));
      return;
    }
    strbuf_init(&text, CEL_MEMORY_MAX);
    print_member(&keys, key);
    pairs[i].key = arena_strndup(p->ev->a, strbuf_view(&text).p, text.n);
    pairs[i].value = m->entries[i].value;
  }
  qsort(pairs, m->n, sizeof *pairs, pair_order);
  strbuf_putc(p->out, '{');
  for (uint32_t i = 0; i < m->n && !p->error; i++) {
    strbuf_printf(p->out, i ? ", %s:" : "%s:", pairs[i].key);
    print_member(p, pairs[i].value);
  }
  strbuf_putc(p->out, '}');
}

/* A value inside a list or map: strings are quoted, doubles have six digits. */
static void
print_member(struct printer *p, struct cel_value v)
{
  struct cel_value text;

  switch (v.kind) {
  case CEL_STRING:
    cel_quote(p->out, cel_span(v));
    break;
  case CEL_BYTES:
    text = cel_to_string(p->ev, v);
    strbuf_putc(p->out, 'b');
    cel_quote(p->out, cel_span(cel_is_error(text) ? v : text));
    if (cel_is_error(text))
      p->error = "error during formatting: could not convert argument \"invalid UTF-8 in bytes, cannot convert to "
                 "string\" to string";
    break;
  case CEL_DOUBLE:
    if (isnan(v.u.d) || isinf(v.u.d))
      strbuf_puts(p->out, isnan(v.u.d) ? "\"NaN\"" : v.u.d < 0 ? "\"-Inf\"" : "\"+Inf\"");
    else
      strbuf_printf(p->out, "%.6f", v.u.d);
    break;
  case CEL_TIMESTAMP:
  case CEL_DURATION:
    strbuf_puts(p->out, v.kind == CEL_TIMESTAMP ? "timestamp(" : "duration(");
    cel_quote(p->out, cel_span(cel_to_string(p->ev, v)));
    strbuf_putc(p->out, ')');
    break;
  case CEL_NULL:
  case CEL_BOOL:
  case CEL_INT:
  case CEL_UINT:
  case CEL_TYPE:
  case CEL_LIST:
  case CEL_MAP:
    print_string(p, v);
    break;
  default:
    p->error = arena_printf(p->ev->a, "error during formatting: no formatting function for %s", cel_type_name(v));
    break;
  }
}

static void
print_string(struct printer *p, struct cel_value v)
{
  struct cel_value text;

  if (v.kind == CEL_LIST) {
    print_list(p, v.u.list);
  } else if (v.kind == CEL_MAP && !v.u.map->object) {
    print_map(p, cel_map_filled(v.u.map));
  } else if (v.kind > CEL_TYPE || v.kind == CEL_MAP) {
    p->error = clause_error(p->ev->a, 's', cel_type_name(v));
  } else {
    text = cel_to_string(p->ev, v);
    if (cel_is_error(text))
      p->error = "error during formatting: could not convert argument \"invalid UTF-8 in bytes, cannot convert to "
                 "string\" to string";
    else
      strbuf_span(p->out, cel_span(text));
  }
}

static bool
is_float_word(struct cel_value v)
{
  return v.kind == CEL_STRING &&
         (span_is(cel_span(v), "NaN") || span_is(cel_span(v), "Infinity") || span_is(cel_span(v), "-Infinity"));
}

static void
print_clause(struct printer *p, const struct clause *c, struct cel_value v)
{
  bool integer = v.kind == CEL_INT || v.kind == CEL_UINT;

  if (c->letter == 's') {
    print_string(p, v);
  } else if (c->letter == 'd' && integer) {
    cel_print(p->out, v);
  } else if ((c->letter == 'f' || c->letter == 'e') && (v.kind == CEL_DOUBLE || is_float_word(v))) {
    v = cel_to_double(p->ev, v);
    if (c->letter == 'e')
      print_scientific(p->out, v.u.d, c->precision != 0);
    else
      print_fixed(p->out, v.u.d, c->precision < 0 ? PRECISION_DEFAULT : (int)c->precision, true);
  } else if (c->letter == 'b' && (integer || v.kind == CEL_BOOL)) {
    if (v.kind == CEL_BOOL)
      strbuf_putc(p->out, v.u.b ? '1' : '0');
    else
      print_based(p->out, v, 2, false);
  } else if ((c->letter == 'x' || c->letter == 'X') && (integer || v.kind == CEL_STRING || v.kind == CEL_BYTES)) {
    print_hex(p->out, v, c->letter == 'X');
  } else if (c->letter == 'o' && integer) {
    print_based(p->out, v, 8, false);
  } else {
    p->error = clause_error(p->ev->a, c->letter, cel_type_name(v));
  }
}

static struct cel_value
do_format(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  const struct cel_list *list = args[1].u.list;
  struct reader r = { .a = ev->a, .text = cel_span(args[0]), .nargs = list->n };
  _cleanup_strbuf_ struct strbuf out = { 0 };
  struct printer p = { ev, &out, NULL };
  struct clause c;

  (void)n;
  strbuf_init(&out, CEL_MEMORY_MAX);
  while (read_clause(&r, &out, &c)) {
    if (c.precision > PRECISION_MAX)
      return cel_out_of_memory();
    print_clause(&p, &c, list->items[c.arg]);
    if (p.error)
      return cel_fail(p.error);
  }
  if (r.error)
    return cel_fail(r.error);
  if (strbuf_overflowed(&out) || !cel_has_room(ev, out.n + 1))
    return cel_out_of_memory();
  return cel_of_span(arena_span(ev->a, strbuf_view(&out)));
}

static const struct cel_overload formats[] = {
  METHOD("format", "string_format", cel_string, do_format, .var_args = true, .cost = CEL_COST_FORMAT,
         ARGS(&cel_string, &cel_list_dyn)),
};

LIBRARY(cel_lib_format, formats);
