#include <stdlib.h>
#include <string.h>

#include "json.h"

static void
escape(struct strbuf *b, unsigned char c)
{
  static const char hex[] = "0123456789abcdef";
  const char *brief = strchr("\"\"\\\\\bb\ff\nn\rr\tt", c);

  strbuf_putc(b, '\\');
  if (c && brief && (brief - "\"\"\\\\\bb\ff\nn\rr\tt") % 2 == 0) {
    strbuf_putc(b, brief[1]);
    return;
  }
  strbuf_puts(b, "u00");
  strbuf_putc(b, hex[c >> 4]);
  strbuf_putc(b, hex[c & 15]);
}

void
json_write_str(struct strbuf *b, struct span s, unsigned flags)
{
  size_t start = 0;

  strbuf_putc(b, '"');
  for (size_t i = 0; i < s.n; i++) {
    unsigned char c = (unsigned char)s.p[i];
    bool line = c == 0xE2 && i + 2 < s.n && (unsigned char)s.p[i + 1] == 0x80 &&
                ((unsigned char)s.p[i + 2] & 0xFE) == 0xA8; /* U+2028, U+2029: Go escapes both always */

    if (!(c < 0x20 || c == '"' || c == '\\' || line || ((flags & JSON_HTML) && (c == '<' || c == '>' || c == '&'))))
      continue;
    strbuf_add(b, s.p + start, i - start);
    if (line) {
      strbuf_puts(b, (unsigned char)s.p[i + 2] == 0xA8 ? "\\u2028" : "\\u2029");
      i += 2;
    } else {
      escape(b, c);
    }
    start = i + 1;
  }
  strbuf_add(b, s.p + start, s.n - start);
  strbuf_putc(b, '"');
}

static void
newline(struct strbuf *b, unsigned flags, int level)
{
  int width = flags & JSON_INDENT2 ? 2 : flags & JSON_INDENT4 ? 4 : 0;

  if (!width)
    return;
  strbuf_putc(b, '\n');
  for (int i = 0; i < level * width; i++)
    strbuf_putc(b, ' ');
}

static void write_value(struct strbuf *b, const struct json *v, unsigned flags, int level);

static int
by_name(const void *x, const void *y)
{
  const struct json_member *a = *(const struct json_member *const *)x, *b = *(const struct json_member *const *)y;

  return span_cmp(span_make(a->name, a->name_len), span_make(b->name, b->name_len));
}

static void
open_bracket(struct strbuf *b, const struct json *v, char bracket, unsigned flags)
{
  strbuf_putc(b, bracket);
  if ((flags & JSON_LOOSE) && v->loose)
    strbuf_putc(b, ' ');
}

static void
write_object(struct strbuf *b, const struct json *v, unsigned flags, int level)
{
  _cleanup_free_ const struct json_member **sorted = NULL;

  if (flags & JSON_SORTED && v->count > 1) {
    sorted = mem_calloc(v->count, sizeof *sorted);
    for (uint32_t i = 0; i < v->count; i++)
      sorted[i] = &v->u.members[i];
    qsort(sorted, v->count, sizeof *sorted, by_name);
  }
  open_bracket(b, v, '{', flags);
  for (uint32_t i = 0; i < v->count; i++) {
    const struct json_member *m = sorted ? sorted[i] : &v->u.members[i];

    if (i)
      strbuf_putc(b, ',');
    newline(b, flags, level + 1);
    json_write_str(b, span_make(m->name, m->name_len), flags);
    strbuf_putc(b, ':');
    if (flags & (JSON_INDENT2 | JSON_INDENT4))
      strbuf_putc(b, ' ');
    write_value(b, m->value, flags, level + 1);
  }
  if (v->count)
    newline(b, flags, level);
  strbuf_putc(b, '}');
}

static void
write_array(struct strbuf *b, const struct json *v, unsigned flags, int level)
{
  open_bracket(b, v, '[', flags);
  for (uint32_t i = 0; i < v->count; i++) {
    if (i)
      strbuf_putc(b, ',');
    newline(b, flags, level + 1);
    write_value(b, v->u.items[i], flags, level + 1);
  }
  if (v->count)
    newline(b, flags, level);
  strbuf_putc(b, ']');
}

static void
write_value(struct strbuf *b, const struct json *v, unsigned flags, int level)
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
    strbuf_add(b, v->u.str, v->count);
    break;
  case JSON_STRING:
    json_write_str(b, json_span(v), flags);
    break;
  case JSON_ARRAY:
    write_array(b, v, flags, level);
    break;
  case JSON_OBJECT:
    write_object(b, v, flags, level);
    break;
  }
}

void
json_write(struct strbuf *b, const struct json *v, unsigned flags)
{
  write_value(b, v, flags, 0);
}

char *
json_text(struct arena *a, const struct json *v, unsigned flags)
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(SIZE_MAX / 2); /* as large as the tree, which its arena bounds */
  json_write(&b, v, flags);
  return arena_strndup(a, b.p, b.n);
}
