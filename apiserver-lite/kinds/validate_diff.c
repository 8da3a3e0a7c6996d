/*
 * The difference of two objects as upstream prints it: Go's indented JSON, then a unified diff with three lines of
 * context (apimachinery's util/diff on go-difflib, without file names).
 */
#include "validate_pod.h"

#define CONTEXT   3
#define LINES_MAX 4000 /* past it the whole text is one change */

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

/*
 * Which lines stay, as Python's difflib and its Go port find them: the longest run of equal lines, then the same on
 * both sides of it. In a long text, lines that come often are not where a run begins, though they may be part of one.
 */
struct matcher {
  const struct lines *x, *y;
  size_t *first;           /* per line of x: the first line of y it equals, or NONE: also for lines that come often */
  size_t *next;            /* per line of y: the next line of y that equals it */
  size_t *length, *before; /* of the run that ends at a line of y, for the current line of x and the one before */
};
#define NONE       SIZE_MAX
#define OFTEN_FROM 200 /* lines: the length of a text in which that matters */

struct run {
  size_t i, j, n;
};
struct area {
  size_t i, i_end, j, j_end;
};

static uint64_t
line_hash(struct span s)
{
  uint64_t h = UINT64_C(14695981039346656037);
  for (size_t i = 0; i < s.n; i++)
    h = (h ^ (unsigned char)s.p[i]) * UINT64_C(1099511628211);
  return h;
}

static void
index_lines(struct arena *a, struct matcher *m)
{
  size_t ny = m->y->n, slots = 1, often = ny >= OFTEN_FROM ? ny / 100 + 1 : SIZE_MAX;
  while (slots < 2 * ny + 2)
    slots *= 2;
  size_t *head = arena_array_of(a, size_t, slots), *count = arena_array_of(a, size_t, slots);
  memset(head, 0xff, slots * sizeof head[0]);
  memset(count, 0, slots * sizeof count[0]);
#define SLOT(line_, at_)                                              \
  size_t at_ = line_hash(line_) & (slots - 1);                        \
  while (head[at_] != NONE && !span_eq(m->y->list[head[at_]], line_)) \
  at_ = (at_ + 1) & (slots - 1)
  for (size_t j = ny; j-- > 0;) {
    SLOT(m->y->list[j], at);
    m->next[j] = head[at];
    head[at] = j;
    count[at]++;
  }
  for (size_t i = 0; i < m->x->n; i++) {
    SLOT(m->x->list[i], at);
    m->first[i] = count[at] > often ? NONE : head[at];
  }
#undef SLOT
}

static struct run
longest_run(struct matcher *m, const struct area *in)
{
  struct run best = { .i = in->i, .j = in->j };
  size_t size = (in->j_end - in->j + 1) * sizeof m->before[0];
  memset(m->before + in->j, 0, size);
  for (size_t i = in->i; i < in->i_end; i++) {
    memset(m->length + in->j, 0, size); /* shifted by one: what comes before a line is at its own index */
    for (size_t j = m->first[i]; j != NONE && j < in->j_end; j = m->next[j]) {
      if (j < in->j)
        continue;
      size_t n = m->length[j + 1] = m->before[j] + 1;
      if (n > best.n)
        best = (struct run){ i + 1 - n, j + 1 - n, n };
    }
    size_t *swap = m->before;
    m->before = m->length;
    m->length = swap;
  }
  while (best.i > in->i && best.j > in->j && span_eq(m->x->list[best.i - 1], m->y->list[best.j - 1]))
    best = (struct run){ best.i - 1, best.j - 1, best.n + 1 };
  while (best.i + best.n < in->i_end && best.j + best.n < in->j_end &&
         span_eq(m->x->list[best.i + best.n], m->y->list[best.j + best.n]))
    best.n++;
  return best;
}

/* kept[i]: the line of `y` that stays for line i of `x`, or NONE. */
static void
match_lines(struct arena *a, const struct lines *x, const struct lines *y, size_t *kept)
{
  for (size_t i = 0; i < x->n; i++)
    kept[i] = NONE;
  if (x->n > LINES_MAX || y->n > LINES_MAX)
    return;
  struct matcher m = { .x = x,
                       .y = y,
                       .first = arena_array_of(a, size_t, x->n),
                       .next = arena_array_of(a, size_t, y->n),
                       .length = arena_array_of(a, size_t, y->n + 1),
                       .before = arena_array_of(a, size_t, y->n + 1) };
  struct area *todo = arena_array_of(a, struct area, x->n + 2); /* areas do not overlap, and none is empty */
  size_t n = 0;
  index_lines(a, &m);
  todo[n++] = (struct area){ 0, x->n, 0, y->n };
  while (n) {
    struct area in = todo[--n];
    struct run r = longest_run(&m, &in);
    for (size_t k = 0; k < r.n; k++)
      kept[r.i + k] = r.j + k;
    if (r.n && in.i < r.i && in.j < r.j)
      todo[n++] = (struct area){ in.i, r.i, in.j, r.j };
    if (r.n && r.i + r.n < in.i_end && r.j + r.n < in.j_end)
      todo[n++] = (struct area){ r.i + r.n, in.i_end, r.j + r.n, in.j_end };
  }
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

/* One edit: x's line i, y's line j, either absent (NONE) or both. */
struct edit {
  size_t i, j;
};

static void
write_hunk(struct strbuf *b, const struct lines *x, const struct lines *y, const struct edit *e, size_t from, size_t to)
{
  size_t ni = 0, nj = 0, i0 = 0, j0 = 0;
  for (size_t k = 0; k < to; k++) {
    (k < from ? &i0 : &ni)[0] += e[k].i != NONE;
    (k < from ? &j0 : &nj)[0] += e[k].j != NONE;
  }
  strbuf_puts(b, "@@ ");
  write_range(b, '-', i0, ni);
  strbuf_putc(b, ' ');
  write_range(b, '+', j0, nj);
  strbuf_puts(b, " @@\n");
  for (size_t k = from; k < to; k++)
    if (e[k].j == NONE)
      write_line(b, '-', x->list[e[k].i]);
    else
      write_line(b, e[k].i == NONE ? '+' : ' ', y->list[e[k].j]);
}

static bool
is_change(const struct edit *e)
{
  return e->i == NONE || e->j == NONE;
}

char *
validate_diff(struct arena *a, const char *old_json, const char *new_json)
{
  struct lines x = split(a, indented(a, old_json)), y = split(a, indented(a, new_json));
  size_t *kept = arena_array_of(a, size_t, x.n), n = 0, j = 0;
  struct edit *e = arena_array_of(a, struct edit, x.n + y.n);
  match_lines(a, &x, &y, kept);
  for (size_t i = 0; i < x.n; i++) {
    if (kept[i] == NONE) {
      e[n++] = (struct edit){ i, NONE };
      continue;
    }
    while (j < kept[i])
      e[n++] = (struct edit){ NONE, j++ };
    e[n++] = (struct edit){ i, j++ };
  }
  while (j < y.n)
    e[n++] = (struct edit){ NONE, j++ };
  _cleanup_strbuf_ struct strbuf b;
  strbuf_init(&b, CEIL_ARENA_SMALL);
  for (size_t k = 0; k < n;) {
    if (!is_change(&e[k])) {
      k++;
      continue;
    }
    size_t from = k > CONTEXT ? k - CONTEXT : 0, last = k;
    for (size_t m = k; m < n && m <= last + 2 * CONTEXT + 1; m++)
      if (is_change(&e[m]))
        last = m;
    size_t to = last + 1 + CONTEXT < n ? last + 1 + CONTEXT : n;
    write_hunk(&b, &x, &y, e, from, to);
    k = to;
  }
  struct span s = strbuf_view(&b);
  return arena_strndup(a, s.p ? s.p : "", s.n);
}
