/*
 * The difference of two objects as upstream prints it: Go's indented JSON, then a unified diff with three lines of
 * context (apimachinery's util/diff on go-difflib, without file names).
 */
#include "validate_pod.h"

#define CONTEXT   3
#define LINES_MAX 4000 /* of the part that differs: past it the whole part is one change */

struct lines {
  struct span *list;
  size_t n;
};

/* json.MarshalIndent(v, "", " ") from compact JSON. */
static char *
indented(struct arena *a, const char *json)
{
  _cleanup_strbuf_ struct strbuf b;
  strbuf_init(&b, CEIL_ARENA_SMALL);
  int depth = 0;
  bool text = false;
  for (const char *p = json; *p; p++) {
    if (text || *p == '"') {
      strbuf_putc(&b, *p);
      if (text && *p == '\\')
        strbuf_putc(&b, *++p);
      else if (*p == '"')
        text = !text;
      continue;
    }
    bool opens = *p == '{' || *p == '[', closes = *p == '}' || *p == ']', empty = opens && (p[1] == '}' || p[1] == ']');
    if (empty) {
      strbuf_add(&b, p++, 2);
      continue;
    }
    depth += opens ? 1 : closes ? -1 : 0;
    if (closes)
      strbuf_printf(&b, "\n%*s", depth, "");
    strbuf_putc(&b, *p);
    if (*p == ':')
      strbuf_putc(&b, ' ');
    else if (opens || *p == ',')
      strbuf_printf(&b, "\n%*s", depth, "");
  }
  struct span s = strbuf_view(&b);
  return arena_strndup(a, s.p, s.n);
}

static struct lines
split(struct arena *a, const char *text)
{
  size_t n = 1;
  for (const char *p = text; *p; p++)
    n += *p == '\n';
  struct lines l = { .list = arena_array_of(a, struct span, n) };
  for (struct span rest = span_of(text); rest.p;)
    l.list[l.n++] = span_cut(rest, '\n', &rest);
  return l;
}

/* kept[i]: the line of `y` that stays for line i of `x`, or SIZE_MAX. */
static void
match_lines(struct arena *a, const struct lines *x, const struct lines *y, size_t *kept)
{
  size_t head = 0, tail = 0, nx, ny;
  for (size_t i = 0; i < x->n; i++)
    kept[i] = SIZE_MAX;
  while (head < x->n && head < y->n && span_eq(x->list[head], y->list[head])) {
    kept[head] = head;
    head++;
  }
  while (tail < x->n - head && tail < y->n - head && span_eq(x->list[x->n - 1 - tail], y->list[y->n - 1 - tail])) {
    kept[x->n - 1 - tail] = y->n - 1 - tail;
    tail++;
  }
  nx = x->n - head - tail;
  ny = y->n - head - tail;
  if (!nx || !ny || nx > LINES_MAX || ny > LINES_MAX || nx * ny > LINES_MAX * (size_t)500)
    return;
  /* Longest common subsequence of what is left. */
  uint16_t *len = arena_array_of(a, uint16_t, (nx + 1) * (ny + 1));
#define LEN(i, j) len[(i) * (ny + 1) + (j)]
  for (size_t i = nx; i-- > 0;)
    for (size_t j = ny; j-- > 0;)
      LEN(i, j) = span_eq(x->list[head + i], y->list[head + j]) ? (uint16_t)(LEN(i + 1, j + 1) + 1)
                  : LEN(i + 1, j) > LEN(i, j + 1)               ? LEN(i + 1, j)
                                                                : LEN(i, j + 1);
  for (size_t i = 0, j = 0; i < nx && j < ny;) {
    if (span_eq(x->list[head + i], y->list[head + j])) {
      kept[head + i++] = head + j++;
    } else if (LEN(i + 1, j) >= LEN(i, j + 1))
      i++;
    else
      j++;
  }
#undef LEN
}

static void
write_line(struct strbuf *b, char mark, struct span line)
{
  strbuf_printf(b, "%c%.*s\n", mark, SPAN_FMT(line));
}

/* A range as unified diffs write it. */
static void
write_range(struct strbuf *b, char mark, size_t from, size_t n)
{
  strbuf_printf(b, n == 1 ? "%c%zu" : "%c%zu,%zu", mark, n ? from + 1 : from, n);
}

/* One edit: x's line i, y's line j, either absent (SIZE_MAX) or both. */
struct edit {
  size_t i, j;
};

static void
write_hunk(struct strbuf *b, const struct lines *x, const struct lines *y, const struct edit *e, size_t from, size_t to)
{
  size_t ni = 0, nj = 0, i0 = 0, j0 = 0;
  for (size_t k = 0; k < to; k++) {
    (k < from ? &i0 : &ni)[0] += e[k].i != SIZE_MAX;
    (k < from ? &j0 : &nj)[0] += e[k].j != SIZE_MAX;
  }
  strbuf_puts(b, "@@ ");
  write_range(b, '-', i0, ni);
  strbuf_putc(b, ' ');
  write_range(b, '+', j0, nj);
  strbuf_puts(b, " @@\n");
  for (size_t k = from; k < to; k++)
    if (e[k].j == SIZE_MAX)
      write_line(b, '-', x->list[e[k].i]);
    else
      write_line(b, e[k].i == SIZE_MAX ? '+' : ' ', y->list[e[k].j]);
}

static bool
is_change(const struct edit *e)
{
  return e->i == SIZE_MAX || e->j == SIZE_MAX;
}

char *
validate_diff(struct arena *a, const char *old_json, const char *new_json)
{
  struct lines x = split(a, indented(a, old_json)), y = split(a, indented(a, new_json));
  size_t *kept = arena_array_of(a, size_t, x.n), n = 0, j = 0;
  struct edit *e = arena_array_of(a, struct edit, x.n + y.n);
  match_lines(a, &x, &y, kept);
  for (size_t i = 0; i < x.n; i++) {
    if (kept[i] == SIZE_MAX) {
      e[n++] = (struct edit){ i, SIZE_MAX };
      continue;
    }
    while (j < kept[i])
      e[n++] = (struct edit){ SIZE_MAX, j++ };
    e[n++] = (struct edit){ i, j++ };
  }
  while (j < y.n)
    e[n++] = (struct edit){ SIZE_MAX, j++ };
  _cleanup_strbuf_ struct strbuf b;
  strbuf_init(&b, CEIL_ARENA_SMALL);
  for (size_t k = 0; k < n;) {
    if (!is_change(&e[k])) {
      k++;
      continue;
    }
    size_t from = k > CONTEXT ? k - CONTEXT : 0, last = k;
    for (size_t m = k; m < n && m <= last + 2 * CONTEXT; m++)
      if (is_change(&e[m]))
        last = m;
    size_t to = last + 1 + CONTEXT < n ? last + 1 + CONTEXT : n;
    write_hunk(&b, &x, &y, e, from, to);
    k = to;
  }
  struct span s = strbuf_view(&b);
  return arena_strndup(a, s.p ? s.p : "", s.n);
}
