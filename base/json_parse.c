#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ceilings.h"
#include "codec.h"
#include "hmap.h"
#include "json.h"
#include "number.h"

const struct json_parse_opts json_as_written = { .blanks = JSON_BLANKS_FIRST };

struct parser {
  struct arena *a;
  const char *at, *end, *start;
  uint32_t depth, max_depth;
  enum json_blanks blanks;
  size_t n_blanks;        /* met so far */
  struct json_dup **dups; /* where the next one goes; NULL: refuse */
  struct strbuf *path;    /* kept only while duplicates are listed */
  struct kerr *err;
};

static int parse_value(struct parser *p, struct json **ret);

static int
fail_with(struct parser *p, enum kerr_code code, const char *at, const char *what)
{
  size_t line = 1, column = 1;

  for (const char *c = p->start; c < at; c++) {
    if (((unsigned char)*c & 0xC0) != 0x80)
      column++; /* characters, not bytes */
    if (*c == '\n') {
      line++;
      column = 1;
    }
  }
  return kerr_set(p->err, code, NULL, "line %zu, column %zu: %s", line, column, what);
}

static int
fail(struct parser *p, const char *at, const char *what)
{
  return fail_with(p, KERR_PARSE, at, what);
}

static void
skip_space(struct parser *p)
{
  const char *from = p->at;

  while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
    p->at++;
  p->n_blanks += (size_t)(p->at - from);
}

/* `open` and `first`: blanks met before the bracket, and before what stands behind it. */
static bool
is_loose(const struct parser *p, size_t open, size_t first)
{
  return p->blanks == JSON_BLANKS_FIRST ? first > open : p->blanks == JSON_BLANKS_ANYWHERE && p->n_blanks > open;
}

static int
unexpected(struct parser *p, const char *wanted)
{
  char what[96];

  if (p->at >= p->end)
    snprintf(what, sizeof what, "unexpected end of JSON, %s expected", wanted);
  else if ((unsigned char)*p->at < 0x20 || (unsigned char)*p->at > 0x7E)
    snprintf(what, sizeof what, "unexpected byte 0x%02x, %s expected", (unsigned char)*p->at, wanted);
  else
    snprintf(what, sizeof what, "unexpected '%c', %s expected", *p->at, wanted);
  return fail(p, p->at, what);
}

static int
hex4(const char *at, const char *end)
{
  int v = 0;

  if (end - at < 4)
    return -1;
  for (int i = 0; i < 4; i++) {
    int d = codec_hex_digit(at[i]);

    if (d < 0)
      return -1;
    v = v * 16 + d;
  }
  return v;
}

static char *
put_utf8(char *to, uint32_t c)
{
  if (c < 0x80) {
    *to++ = (char)c;
  } else if (c < 0x800) {
    *to++ = (char)(0xC0 | c >> 6);
    *to++ = (char)(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    *to++ = (char)(0xE0 | c >> 12);
    *to++ = (char)(0x80 | (c >> 6 & 0x3F));
    *to++ = (char)(0x80 | (c & 0x3F));
  } else {
    *to++ = (char)(0xF0 | c >> 18);
    *to++ = (char)(0x80 | (c >> 12 & 0x3F));
    *to++ = (char)(0x80 | (c >> 6 & 0x3F));
    *to++ = (char)(0x80 | (c & 0x3F));
  }
  return to;
}

/* p->at is behind the 'u'. A lone surrogate becomes U+FFFD, as in Go. */
static int
parse_unicode(struct parser *p, char **to)
{
  int high = hex4(p->at, p->end), low;
  uint32_t c;

  if (high < 0)
    return fail(p, p->at, "invalid \\u escape");
  p->at += 4;
  c = (uint32_t)high;
  if (high >= 0xD800 && high < 0xE000) {
    c = 0xFFFD;
    if (high < 0xDC00 && p->end - p->at >= 6 && p->at[0] == '\\' && p->at[1] == 'u') {
      low = hex4(p->at + 2, p->end);
      if (low >= 0xDC00 && low < 0xE000) {
        c = 0x10000 + ((uint32_t)(high - 0xD800) << 10) + (uint32_t)(low - 0xDC00);
        p->at += 6;
      }
    }
  }
  *to = put_utf8(*to, c);
  return 0;
}

static int
parse_escape(struct parser *p, char **to)
{
  static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
  const char *which;

  p->at++;
  if (p->at >= p->end)
    return unexpected(p, "an escape");
  if (*p->at == 'u') {
    p->at++;
    return parse_unicode(p, to);
  }
  which = *p->at ? strchr(from, *p->at) : NULL;
  if (!which)
    return fail(p, p->at, "invalid escape in a string");
  *(*to)++ = into[which - from];
  p->at++;
  return 0;
}

/* The text up to `end`, the closing quote, escapes resolved. Returns where it ends, or NULL. */
static char *
unescape(struct parser *p, const char *end, char *to)
{
  while (p->at < end) {
    if ((unsigned char)*p->at < 0x20) {
      fail(p, p->at, "control character in a string");
      return NULL;
    }
    if (*p->at != '\\')
      *to++ = *p->at++;
    else if (parse_escape(p, &to) < 0)
      return NULL;
  }
  return to;
}

/* p->at is on the opening quote. */
static int
parse_string(struct parser *p, const char **ret, size_t *ret_n)
{
  const char *open = p->at, *scan;
  bool simple = true; /* printable ASCII without escapes: most strings */
  char *text, *to;

  p->at++;
  for (scan = p->at; scan < p->end && *scan != '"'; scan++) {
    simple = simple && (unsigned char)(*scan - 0x20) < 0x60 && *scan != '\\';
    if (*scan == '\\')
      scan++;
  }
  if (scan >= p->end) {
    p->at = p->end;
    return fail(p, open, "string is not closed");
  }
  text = arena_alloc(p->a, (size_t)(scan - p->at) + 1); /* an escape never grows */
  if (simple) {
    memcpy(text, p->at, (size_t)(scan - p->at));
    to = text + (scan - p->at);
  } else {
    to = unescape(p, scan, text);
    if (!to)
      return -(int)p->err->code;
  }
  p->at = scan + 1;
  *to = '\0';
  if (!simple && !span_utf8_valid(span_make(text, (size_t)(to - text))))
    return fail(p, open, "string is not valid UTF-8");
  *ret = text;
  *ret_n = (size_t)(to - text);
  return 0;
}

static bool
skip_digits(struct parser *p)
{
  const char *from = p->at;

  while (p->at < p->end && *p->at >= '0' && *p->at <= '9')
    p->at++;
  return p->at > from;
}

static int
parse_number(struct parser *p, struct json **ret)
{
  const char *from = p->at;
  struct json *v = arena_new_of(p->a, struct json);
  bool integer = true;

  if (*p->at == '-')
    p->at++;
  if (p->at < p->end && *p->at == '0')
    p->at++;
  else if (!skip_digits(p))
    return unexpected(p, "a digit");
  if (p->at < p->end && *p->at == '.') {
    integer = false;
    p->at++;
    if (!skip_digits(p))
      return unexpected(p, "a digit");
  }
  if (p->at < p->end && (*p->at == 'e' || *p->at == 'E')) {
    integer = false;
    p->at++;
    if (p->at < p->end && (*p->at == '+' || *p->at == '-'))
      p->at++;
    if (!skip_digits(p))
      return unexpected(p, "a digit");
  }
  if (integer && number_int64(span_make(from, (size_t)(p->at - from)), &v->u.integer)) {
    v->type = JSON_INT;
  } else {
    v->type = JSON_NUMBER;
    v->u.str = arena_strndup(p->a, from, (size_t)(p->at - from));
    v->count = (uint32_t)(p->at - from);
  }
  *ret = v;
  return 0;
}

static int
parse_word(struct parser *p, struct json **ret)
{
  static const struct {
    struct span word;
    struct json value;
  } words[] = {
    { { "null", 4 }, { .type = JSON_NULL } },
    { { "true", 4 }, { .type = JSON_BOOL, .u.boolean = true } },
    { { "false", 5 }, { .type = JSON_BOOL, .u.boolean = false } },
  };

  for (size_t i = 0; i < ARRAY_SIZE(words); i++)
    if (span_starts(span_make(p->at, (size_t)(p->end - p->at)), words[i].word)) {
      p->at += words[i].word.n;
      *ret = arena_new_of(p->a, struct json);
      **ret = words[i].value;
      return 0;
    }
  return unexpected(p, "a value");
}

static int
enter(struct parser *p)
{
  if (++p->depth > p->max_depth)
    return fail_with(p, KERR_TOO_LARGE, p->at, "nested too deeply");
  p->at++;
  skip_space(p);
  return 0;
}

static int
parse_array(struct parser *p, struct json **ret)
{
  struct json *v = json_new_array(p->a), *item;
  size_t mark = p->path ? p->path->n : 0, open = p->n_blanks, first;
  int r = enter(p);

  if (r < 0)
    return r;
  first = p->n_blanks;
  *ret = v;
  if (p->at < p->end && *p->at == ']') {
    p->at++;
    p->depth--;
    return 0;
  }
  for (;;) {
    if (p->path) {
      p->path->n = mark;
      strbuf_printf(p->path, "[%u]", v->count);
    }
    r = parse_value(p, &item);
    if (r < 0)
      return r;
    json_append(p->a, v, item);
    skip_space(p);
    if (p->at >= p->end || (*p->at != ',' && *p->at != ']'))
      return unexpected(p, "',' or ']'");
    if (*p->at++ == ']')
      break;
    skip_space(p);
  }
  v->loose = is_loose(p, open, first);
  if (p->path)
    p->path->n = mark;
  p->depth--;
  return 0;
}

/* The members of one object while it is parsed; the index comes with the member that makes scanning slow. */
struct members {
  struct json *obj;
  struct hmap *index; /* name -> number of the member + 1 */
  size_t path_mark;
};

#define SCAN_MAX 32

static void
members_release(struct members *m)
{
  hmap_free(m->index);
}

static struct json_member *
members_find(struct members *m, struct span name)
{
  uintptr_t number;

  if (m->obj->count > SCAN_MAX && !m->index) {
    m->index = hmap_new(NULL);
    for (uint32_t i = 0; i < m->obj->count; i++)
      hmap_put(m->index, span_make(m->obj->u.members[i].name, m->obj->u.members[i].name_len),
               (void *)((uintptr_t)i + 1));
  }
  if (m->index) {
    number = (uintptr_t)hmap_get(m->index, name);
    return number ? &m->obj->u.members[number - 1] : NULL;
  }
  for (uint32_t i = 0; i < m->obj->count; i++)
    if (span_eq(span_make(m->obj->u.members[i].name, m->obj->u.members[i].name_len), name))
      return &m->obj->u.members[i];
  return NULL;
}

/* A key that the object has already: refuse, or note it and let the new value win. */
static int
note_duplicate(struct parser *p, const struct json *obj, const char *at, const char *name, struct json *value)
{
  struct json_dup *d;

  if (!p->dups) {
    _cleanup_free_ char *what = mem_printf("duplicate key '%s'", name);

    return fail(p, at, what);
  }
  d = arena_new_of(p->a, struct json_dup);
  d->path = arena_strndup(p->a, p->path->p, p->path->n);
  d->key = name;
  d->object = obj;
  d->before = obj->count;
  d->value = value;
  *p->dups = d;
  p->dups = &d->next;
  return 0;
}

static int
parse_member(struct parser *p, struct members *m)
{
  const char *name, *at = p->at;
  struct json_member *before;
  struct json *value;
  size_t n;
  int r;

  if (p->at >= p->end || *p->at != '"')
    return unexpected(p, "'\"'");
  r = parse_string(p, &name, &n);
  if (r < 0)
    return r;
  if (p->path) {
    p->path->n = m->path_mark;
    strbuf_puts(p->path, m->path_mark ? "." : "");
    strbuf_add(p->path, name, n);
  }
  before = members_find(m, span_make(name, n));
  r = before ? note_duplicate(p, m->obj, at, name, before->value) : 0;
  if (r < 0)
    return r;
  skip_space(p);
  if (p->at >= p->end || *p->at != ':')
    return unexpected(p, "':'");
  p->at++;
  skip_space(p);
  r = parse_value(p, &value);
  if (r < 0)
    return r;
  if (before) {
    before->value = value;
    return 0;
  }
  json_push(p->a, m->obj, name, n, value);
  if (m->index)
    hmap_put(m->index, span_make(name, n), (void *)(uintptr_t)m->obj->count);
  return 0;
}

static int
parse_object(struct parser *p, struct json **ret)
{
  _cleanup_(members_release) struct members m = { .obj = json_new_object(p->a), .path_mark = p->path ? p->path->n : 0 };
  size_t open = p->n_blanks, first;
  int r = enter(p);

  if (r < 0)
    return r;
  first = p->n_blanks;
  *ret = m.obj;
  if (p->at < p->end && *p->at == '}') {
    p->at++;
    p->depth--;
    return 0;
  }
  for (;;) {
    r = parse_member(p, &m);
    if (r < 0)
      return r;
    skip_space(p);
    if (p->at >= p->end || (*p->at != ',' && *p->at != '}'))
      return unexpected(p, "',' or '}'");
    if (*p->at++ == '}')
      break;
    skip_space(p);
  }
  m.obj->loose = is_loose(p, open, first);
  if (p->path)
    p->path->n = m.path_mark;
  p->depth--;
  return 0;
}

static int
parse_value(struct parser *p, struct json **ret)
{
  const char *text;
  size_t n;
  int r;

  if (p->at >= p->end)
    return unexpected(p, "a value");
  switch (*p->at) {
  case '{':
    return parse_object(p, ret);
  case '[':
    return parse_array(p, ret);
  case '"':
    r = parse_string(p, &text, &n);
    if (r < 0)
      return r;
    *ret = arena_new_of(p->a, struct json);
    **ret = (struct json){ .type = JSON_STRING, .count = (uint32_t)n, .u.str = text };
    return 0;
  default:
    if (*p->at == '-' || (*p->at >= '0' && *p->at <= '9'))
      return parse_number(p, ret);
    return parse_word(p, ret);
  }
}

int
json_parse(struct arena *a, struct span text, const struct json_parse_opts *opts, struct json **ret,
           struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf path = STRBUF_INIT(CEIL_MANIFEST); /* never longer than the text */
  struct parser p = {
    .a = a,
    .at = text.p,
    .start = text.p,
    .end = text.p + text.n,
    .max_depth = opts && opts->max_depth ? opts->max_depth : CEIL_JSON_DEPTH,
    .blanks = opts ? opts->blanks : JSON_BLANKS_IGNORED,
    .dups = opts ? opts->dups : NULL,
    .err = reterr,
  };
  struct json *v;
  int r;
  if (p.dups) {
    *p.dups = NULL;
    p.path = &path;
  }
  if (text.n >= UINT32_MAX)
    return kerr_set(reterr, KERR_TOO_LARGE, NULL, "JSON text of %zu bytes", text.n);
  skip_space(&p);
  r = parse_value(&p, &v);
  if (r < 0)
    return r;
  skip_space(&p);
  if (p.at < p.end)
    return unexpected(&p, "the end");
  *ret = v;
  return 0;
}
