#include "cel_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The fewest digits that read back as the same number; digits without point, exponent of the first one. */
static int
shortest(double d, char digits[32], int *ret_exp)
{
  char text[40];
  int n = 0;

  for (int precision = 0; precision <= 17; precision++) {
    (void)snprintf(text, sizeof text, "%.*e", precision, d);
    if (strtod(text, NULL) == d)
      break;
  }
  for (const char *p = text; *p && *p != 'e'; p++)
    if (*p >= '0' && *p <= '9')
      digits[n++] = *p;
  while (n > 1 && digits[n - 1] == '0')
    n--;
  digits[n] = '\0';
  *ret_exp = atoi(strchr(text, 'e') + 1);
  return n;
}

void
cel_print_double(struct strbuf *b, double d, int exponent_from)
{
  char digits[32];
  int n, e;

  if (isnan(d) || isinf(d)) {
    strbuf_puts(b, isnan(d) ? "NaN" : d < 0 ? "-Inf" : "+Inf");
    return;
  }
  if (signbit(d)) {
    strbuf_putc(b, '-');
    d = -d;
  }
  n = shortest(d, digits, &e);
  if (d == 0)
    e = 0;
  if (e < -4 || e >= exponent_from) {
    strbuf_putc(b, digits[0]);
    if (n > 1)
      strbuf_printf(b, ".%s", digits + 1);
    strbuf_printf(b, "e%c%02d", e < 0 ? '-' : '+', abs(e));
    return;
  }
  if (e < 0) {
    strbuf_puts(b, "0.");
    for (int i = -1; i > e; i--)
      strbuf_putc(b, '0');
    strbuf_puts(b, digits);
    return;
  }
  for (int i = 0; i <= e || i < n; i++) {
    if (i == e + 1)
      strbuf_putc(b, '.');
    strbuf_putc(b, i < n ? digits[i] : '0');
  }
}

/* -- quoting -- */

/* One code point of valid or invalid UTF-8; *len is 1 for a bad byte, whose value is -1. */
static int32_t
decode(struct span s, size_t *len)
{
  const unsigned char *p = (const unsigned char *)s.p;
  static const int32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
  size_t n = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : p[0] < 0xF5 ? 4 : 0;
  int32_t c = n == 1 ? p[0] : p[0] & (0xFF >> (n + 1));

  *len = 1;
  if (n == 0 || n > s.n)
    return -1;
  for (size_t i = 1; i < n; i++) {
    if ((p[i] & 0xC0) != 0x80)
      return -1;
    c = c << 6 | (p[i] & 0x3F);
  }
  if (n > 1 && (c < least[n] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)))
    return -1;
  *len = n;
  return c;
}

/* Ranges of code points that Go's strconv.IsPrint refuses and that people meet: controls, separators, marks of
 * direction, private use, non-characters. */
static bool
is_printable(int32_t c)
{
  static const struct {
    int32_t from, to;
  } hidden[] = {
    { 0x00, 0x1F },     { 0x7F, 0xA0 },     { 0xAD, 0xAD },     { 0x378, 0x379 },     { 0x600, 0x605 },
    { 0x61C, 0x61C },   { 0x6DD, 0x6DD },   { 0x70F, 0x70F },   { 0x1680, 0x1680 },   { 0x180E, 0x180E },
    { 0x2000, 0x200F }, { 0x2028, 0x202F }, { 0x205F, 0x206F }, { 0x3000, 0x3000 },   { 0xD800, 0xF8FF },
    { 0xFEFF, 0xFEFF }, { 0xFFF0, 0xFFFB }, { 0xFFFE, 0xFFFF }, { 0xE0000, 0xE00FF }, { 0xE01F0, 0x10FFFF },
  };

  for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
    if (c >= hidden[i].from && c <= hidden[i].to)
      return false;
  return true;
}

void
cel_quote(struct strbuf *b, struct span s)
{
  static const char escapes[] = "\a\b\f\n\r\t\v\\\"", letters[] = "abfnrtv\\\"";
  size_t len;

  strbuf_putc(b, '"');
  for (size_t i = 0; i < s.n; i += len) {
    int32_t c = decode(span_make(s.p + i, s.n - i), &len);
    const char *at = c > 0 && c < 0x80 ? strchr(escapes, c) : NULL;

    if (at)
      strbuf_printf(b, "\\%c", letters[at - escapes]);
    else if (c < 0)
      strbuf_printf(b, "\\x%02x", (unsigned char)s.p[i]);
    else if (is_printable(c))
      strbuf_add(b, s.p + i, len);
    else if (c < ' ' || c == 0x7F)
      strbuf_printf(b, "\\x%02x", (unsigned)c);
    else if (c < 0x10000)
      strbuf_printf(b, "\\u%04x", (unsigned)c);
    else
      strbuf_printf(b, "\\U%08x", (unsigned)c);
  }
  strbuf_putc(b, '"');
}

const char *
cel_quoted(struct arena *a, struct span s)
{
  _cleanup_strbuf_ struct strbuf b = { 0 };
  struct span text;

  strbuf_init(&b, 16 * 1024 * 1024);
  cel_quote(&b, s);
  text = strbuf_view(&b);
  return arena_strndup(a, text.p, text.n);
}

/* -- values as Go's %v prints them -- */

static void
print_list(struct strbuf *b, const struct cel_list *l)
{
  strbuf_putc(b, '[');
  for (uint32_t i = 0; i < l->n; i++) {
    if (i)
      strbuf_puts(b, ", ");
    cel_print(b, l->items[i]);
  }
  strbuf_putc(b, ']');
}

static void
print_map(struct strbuf *b, const struct cel_map *m)
{
  strbuf_putc(b, '{');
  for (uint32_t i = 0; i < m->n; i++) {
    if (i)
      strbuf_puts(b, ", ");
    cel_print(b, m->entries[i].key);
    strbuf_puts(b, ": ");
    cel_print(b, m->entries[i].value);
  }
  strbuf_putc(b, '}');
}

static void
print_bytes(struct strbuf *b, struct span s)
{
  strbuf_putc(b, '[');
  for (size_t i = 0; i < s.n; i++)
    strbuf_printf(b, i ? " %u" : "%u", (unsigned char)s.p[i]);
  strbuf_putc(b, ']');
}

static void
print_quantity(struct strbuf *b, const struct cel_quantity *q)
{
  _cleanup_arena_ struct arena *a = arena_new(64 * 1024);

  strbuf_puts(b, quantity_text(a, &q->q));
}

void
cel_print(struct strbuf *b, struct cel_value v)
{
  switch ((enum cel_kind)v.kind) {
  case CEL_ERROR:
  case CEL_STRING:
    strbuf_span(b, cel_span(v));
    break;
  case CEL_NULL:
    strbuf_puts(b, "NULL_VALUE");
    break;
  case CEL_BOOL:
    strbuf_puts(b, v.u.b ? "true" : "false");
    break;
  case CEL_INT:
    strbuf_int(b, v.u.i);
    break;
  case CEL_UINT:
    strbuf_uint(b, v.u.u);
    break;
  case CEL_DOUBLE:
    cel_print_double(b, v.u.d, 21);
    break;
  case CEL_BYTES:
    print_bytes(b, cel_span(v));
    break;
  case CEL_DURATION:
    cel_duration_print_go(b, v.u.i);
    break;
  case CEL_TIMESTAMP:
    cel_time_print_go(b, v);
    break;
  case CEL_LIST:
    print_list(b, v.u.list);
    break;
  case CEL_MAP:
    print_map(b, cel_map_filled(v.u.map));
    break;
  case CEL_TYPE:
    cel_type_text(b, v.u.type);
    break;
  case CEL_OPTIONAL:
    strbuf_puts(b, v.u.some ? "optional(" : "optional.none()");
    if (v.u.some) {
      cel_print(b, *v.u.some);
      strbuf_putc(b, ')');
    }
    break;
  case CEL_QUANTITY:
    print_quantity(b, v.u.quantity);
    break;
  case CEL_SEMVER:
    cel_semver_print(b, v.u.semver);
    break;
  case CEL_IP:
  case CEL_CIDR:
    cel_ip_print(b, v.u.ip, v.kind == CEL_CIDR);
    break;
  case CEL_URL:
    cel_url_print(b, v.u.url);
    break;
  case CEL_FORMAT:
    strbuf_puts(b, cel_format_name(v.u.format));
    break;
  case CEL_PRESERVED:
    json_write(b, v.u.preserved, JSON_COMPACT);
    break;
  case CEL_LAZY:
    cel_print(b, cel_force(v));
    break;
  case CEL_AUTHORIZER:
  case CEL_PATH_CHECK:
  case CEL_GROUP_CHECK:
  case CEL_RESOURCE_CHECK:
  case CEL_DECISION:
  case CEL_KIND_COUNT:
    strbuf_puts(b, cel_type_name(v));
    break;
  }
}

#define PRINT_MAX (64 * 1024) /* a message is for reading: the rest of a huge value is left out */

char *
cel_print_text(struct arena *a, struct cel_value v)
{
  _cleanup_strbuf_ struct strbuf b = { 0 };
  struct span s;

  strbuf_init(&b, PRINT_MAX);
  cel_print(&b, v);
  s = strbuf_view(&b);
  return arena_strndup(a, s.p, s.n);
}
