#include "cel_lib.h"

#include <string.h>

/* Strings (cel-go ext/strings.go, version 2). Positions and sizes are code points. */

/* Byte offset of code point `n`, or SIZE_MAX when there are fewer; n == count gives the end. */
static size_t
offset_of(struct span s, int64_t n)
{
  size_t i = 0;

  while (n > 0 && i < s.n) {
    i++;
    while (i < s.n && ((unsigned char)s.p[i] & 0xC0) == 0x80)
      i++;
    n--;
  }
  return n == 0 ? i : SIZE_MAX;
}

static struct cel_value
out_of_range(struct cel_eval *ev, int64_t i)
{
  return cel_failf(ev->a, "index out of range: %lld", (long long)i);
}

static struct cel_value
char_at(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct span s = cel_span(args[0]);
  int64_t i = args[1].u.i;
  size_t from = i < 0 ? SIZE_MAX : offset_of(s, i), to;

  (void)n;
  if (from == SIZE_MAX)
    return out_of_range(ev, i);
  to = from < s.n ? offset_of(s, i + 1) : from;
  return cel_of_span(span_make(s.p + from, to - from));
}

static struct cel_value
index_of(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct span s = cel_span(args[0]), sub = cel_span(args[1]);
  int64_t off = n == 3 ? args[2].u.i : 0, count;
  const char *at;
  size_t from;

  if (off < 0)
    return out_of_range(ev, off);
  from = offset_of(s, off);
  if (!sub.n)
    return cel_of_int(from == SIZE_MAX ? (int64_t)span_runes(s) : off);
  if (from >= s.n)
    return cel_of_int(-1);
  at = memmem(s.p + from, s.n - from, sub.p, sub.n);
  count = at ? (int64_t)span_runes(span_make(s.p, (size_t)(at - s.p))) : -1;
  return cel_of_int(count);
}

static struct cel_value
last_index_of(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct span s = cel_span(args[0]), sub = cel_span(args[1]);
  int64_t count = (int64_t)span_runes(s), off = n == 3 ? args[2].u.i : count - 1;
  size_t from;

  if (n == 2 && !sub.n)
    return cel_of_int(count);
  if (n == 2 && s.n < sub.n)
    return cel_of_int(-1);
  if (off < 0)
    return out_of_range(ev, off);
  if (!sub.n)
    return cel_of_int(off > count ? count : off);
  if (off >= count)
    return cel_of_int(-1);
  from = offset_of(s, off);
  for (int64_t i = off;; i--) {
    if (s.n - from >= sub.n && memcmp(s.p + from, sub.p, sub.n) == 0)
      return cel_of_int(i);
    if (!from)
      return cel_of_int(-1);
    for (from--; from && ((unsigned char)s.p[from] & 0xC0) == 0x80; from--)
      ;
  }
}

static struct cel_value
map_ascii(struct cel_eval *ev, struct cel_value v, char from, char to, int shift)
{
  struct span s = cel_span(v);
  char *out = cel_alloc(ev, s.n + 1);

  if (!out)
    return cel_out_of_memory();
  for (size_t i = 0; i < s.n; i++)
    out[i] = s.p[i] >= from && s.p[i] <= to ? (char)(s.p[i] + shift) : s.p[i];
  v.u.s = out;
  return v;
}

static struct cel_value
lower_ascii(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)n;
  return map_ascii(ev, args[0], 'A', 'Z', 'a' - 'A');
}

static struct cel_value
upper_ascii(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)n;
  return map_ascii(ev, args[0], 'a', 'z', 'A' - 'a');
}

/* -- replace, split -- */

/* How often `sub` is found; an empty one around every code point. */
static size_t
count_of(struct span s, struct span sub)
{
  const char *at;
  size_t n = 0;

  if (!sub.n)
    return span_runes(s) + 1;
  for (; s.n >= sub.n && (at = memmem(s.p, s.n, sub.p, sub.n)); n++)
    s = span_make(at + sub.n, s.n - (size_t)(at + sub.n - s.p));
  return n;
}

static struct cel_value
do_replace(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct span s = cel_span(args[0]), old = cel_span(args[1]), new = cel_span(args[2]);
  size_t count = count_of(s, old), size, at = 0, from = 0;
  char *out;

  if (n == 4 && args[3].u.i >= 0 && (uint64_t)args[3].u.i < count)
    count = (size_t)args[3].u.i;
  if (!count || span_eq(old, new))
    return args[0];
  if (new.n && count > CEL_MEMORY_MAX / new.n)
    return cel_out_of_memory();
  size = s.n + count * new.n - count *old.n;
  out = cel_alloc(ev, size + 1);
  if (!out)
    return cel_out_of_memory();
  for (size_t i = 0; i < count; i++) {
    size_t next = from;

    if (old.n)
      next = (size_t)((const char *)memmem(s.p + from, s.n - from, old.p, old.n) - s.p);
    else if (i)
      next = from + offset_of(span_make(s.p + from, s.n - from), 1);
    memcpy(out + at, s.p + from, next - from);
    at += next - from;
    if (new.n)
      memcpy(out + at, new.p, new.n);
    at += new.n;
    from = next + old.n;
  }
  memcpy(out + at, s.p + from, s.n - from);
  return cel_of_span(span_make(out, size));
}

static struct cel_value
do_split(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct span s = cel_span(args[0]), sep = cel_span(args[1]);
  int64_t limit = n == 3 ? args[2].u.i : -1;
  struct cel_value out = cel_list_new(ev->a, 0);
  const char *at;

  if (limit == 0 || (!sep.n && !s.n))
    return out;
  if (!cel_has_room(ev, (s.n + 1) * 2 * sizeof(struct cel_value)))
    return cel_out_of_memory();
  while (limit < 0 || out.u.list->n + 1 < limit) {
    size_t next;

    if (sep.n) {
      at = s.n >= sep.n ? memmem(s.p, s.n, sep.p, sep.n) : NULL;
      if (!at)
        break;
      next = (size_t)(at - s.p);
    } else {
      next = offset_of(s, 1);
      if (next >= s.n)
        break;
    }
    cel_list_push(ev->a, out.u.list, cel_of_span(span_make(s.p, next)));
    s = span_make(s.p + next + sep.n, s.n - next - sep.n);
  }
  cel_list_push(ev->a, out.u.list, cel_of_span(s));
  return out;
}

/* -- parts -- */

static struct cel_value
do_substring(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct span s = cel_span(args[0]);
  int64_t start = args[1].u.i, end = n == 3 ? args[2].u.i : 0;
  size_t from, to = s.n;

  if (n == 3 && start > end)
    return cel_failf(ev->a, "invalid substring range. start: %lld, end: %lld", (long long)start, (long long)end);
  from = start < 0 ? SIZE_MAX : offset_of(s, start);
  if (from == SIZE_MAX)
    return out_of_range(ev, start);
  if (n == 3) {
    to = end < 0 ? SIZE_MAX : offset_of(s, end);
    if (to == SIZE_MAX)
      return out_of_range(ev, end);
  }
  return cel_of_span(span_make(s.p + from, to - from));
}

/* Length of the white space (Unicode White_Space) at the start of s, 0 when there is none. */
static size_t
space_at(struct span s)
{
  static const char *const wide[] = { "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\xA8",
                                      "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80" };

  if (!s.n)
    return 0;
  if (s.p[0] == ' ' || (s.p[0] >= '\t' && s.p[0] <= '\r'))
    return 1;
  for (size_t i = 0; i < ARRAY_SIZE(wide); i++)
    if (span_starts(s, span_of(wide[i])))
      return strlen(wide[i]);
  if (s.n >= 3 && memcmp(s.p, "\xE2\x80", 2) == 0 && (unsigned char)s.p[2] >= 0x80 && (unsigned char)s.p[2] <= 0x8A)
    return 3;
  return 0;
}

static struct cel_value
do_trim(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct span s = cel_span(args[0]);
  size_t len;

  (void)ev;
  (void)n;
  while ((len = space_at(s)))
    s = span_make(s.p + len, s.n - len);
  for (;;) {
    for (len = 1; len < s.n && ((unsigned char)s.p[s.n - len] & 0xC0) == 0x80; len++)
      ;
    if (!s.n || space_at(span_make(s.p + s.n - len, len)) != len)
      return cel_of_span(s);
    s.n -= len;
  }
}

static struct cel_value
do_join(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct span sep = n == 2 ? cel_span(args[1]) : (struct span){ NULL, 0 };
  const struct cel_list *l = args[0].u.list;
  size_t size = 0, at = 0;
  char *out;

  for (uint32_t i = 0; i < l->n; i++) {
    if (l->items[i].kind != CEL_STRING)
      return cel_failf(ev->a, "join: invalid input: %s", cel_print_text(ev->a, l->items[i]));
    size += l->items[i].n + (i ? sep.n : 0);
  }
  out = cel_alloc(ev, size + 1);
  if (!out)
    return cel_out_of_memory();
  for (uint32_t i = 0; i < l->n; i++) {
    if (i && sep.n) {
      memcpy(out + at, sep.p, sep.n);
      at += sep.n;
    }
    if (l->items[i].n)
      memcpy(out + at, l->items[i].u.s, l->items[i].n);
    at += l->items[i].n;
  }
  return cel_of_span(span_make(out, size));
}

static struct cel_value
do_quote(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  static const char escapes[] = "\a\b\f\n\r\t\v\\\"", letters[] = "abfnrtv\\\"";
  struct span s = cel_span(args[0]);
  char *out = cel_alloc(ev, s.n * 2 + 3);
  size_t at = 0;

  (void)n;
  if (!out)
    return cel_out_of_memory();
  out[at++] = '"';
  for (size_t i = 0; i < s.n; i++) {
    const char *known = s.p[i] ? strchr(escapes, s.p[i]) : NULL;

    if (known)
      out[at++] = '\\';
    out[at++] = known ? letters[known - escapes] : s.p[i];
  }
  out[at++] = '"';
  return cel_of_span(span_make(out, at));
}

#define S &cel_string
#define I &cel_int
#define V .var_args = true

static const struct cel_overload strings[] = {
  METHOD("charAt", "string_char_at_int", cel_string, char_at, ARGS(S, I)),
  METHOD("indexOf", "string_index_of_string", cel_int, index_of, ARGS(S, S)),
  METHOD("indexOf", "string_index_of_string_int", cel_int, index_of, V, ARGS(S, S, I)),
  METHOD("lastIndexOf", "string_last_index_of_string", cel_int, last_index_of, ARGS(S, S)),
  METHOD("lastIndexOf", "string_last_index_of_string_int", cel_int, last_index_of, V, ARGS(S, S, I)),
  METHOD("lowerAscii", "string_lower_ascii", cel_string, lower_ascii, .name_cost = CEL_COST_TRANSFORM, ARGS(S)),
  METHOD("replace", "string_replace_string_string", cel_string, do_replace, V, .name_cost = CEL_COST_REPLACE,
         ARGS(S, S, S)),
  METHOD("replace", "string_replace_string_string_int", cel_string, do_replace, V, .name_cost = CEL_COST_REPLACE,
         ARGS(S, S, S, I)),
  METHOD("split", "string_split_string", cel_list_string, do_split, .name_cost = CEL_COST_SPLIT, ARGS(S, S)),
  METHOD("split", "string_split_string_int", cel_list_string, do_split, V, .name_cost = CEL_COST_SPLIT, ARGS(S, S, I)),
  METHOD("substring", "string_substring_int", cel_string, do_substring, .name_cost = CEL_COST_TRANSFORM, ARGS(S, I)),
  METHOD("substring", "string_substring_int_int", cel_string, do_substring, V, .name_cost = CEL_COST_TRANSFORM,
         ARGS(S, I, I)),
  METHOD("trim", "string_trim", cel_string, do_trim, .name_cost = CEL_COST_TRANSFORM, ARGS(S)),
  METHOD("upperAscii", "string_upper_ascii", cel_string, upper_ascii, .name_cost = CEL_COST_TRANSFORM, ARGS(S)),
  FN("strings.quote", "strings_quote", cel_string, do_quote, .cost = CEL_COST_QUOTE, ARGS(S)),
  METHOD("join", "list_join", cel_string, do_join, .name_cost = CEL_COST_JOIN, ARGS(&cel_list_string)),
  METHOD("join", "list_join_string", cel_string, do_join, .name_cost = CEL_COST_JOIN, ARGS(&cel_list_string, S)),
};

LIBRARY(cel_lib_strings, strings);
