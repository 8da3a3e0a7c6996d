#include "kube_print.h"

#include <ctype.h>
#include <string.h>

#include "object.h"

#define GAP 3 /* as kubectl */

struct text_table *
text_table_new(struct arena *a, size_t columns)
{
  struct text_table *t = arena_new_of(a, struct text_table);

  t->a = a;
  t->columns = columns;
  return t;
}

void
text_table_add(struct text_table *t, const char *const *cells)
{
  if ((t->n & (t->n - 1)) == 0) { /* full at each power of two */
    const char ***bigger = arena_array_of(t->a, const char **, t->n ? t->n * 2 : 1);

    if (t->n)
      memcpy(bigger, t->rows, t->n * sizeof *bigger);
    t->rows = bigger;
  }
  t->rows[t->n] = arena_array_of(t->a, const char *, t->columns);
  memcpy(t->rows[t->n++], cells, t->columns * sizeof *cells);
}

void
text_table_print(const struct text_table *t, struct strbuf *out)
{
  _cleanup_free_ size_t *widths = mem_calloc(t->columns, sizeof *widths);

  for (size_t i = 0; i < t->n; i++)
    for (size_t c = 0; c < t->columns; c++)
      if (span_runes(span_of(t->rows[i][c])) > widths[c])
        widths[c] = span_runes(span_of(t->rows[i][c]));
  for (size_t i = 0; i < t->n; i++) {
    for (size_t c = 0; c < t->columns; c++) {
      strbuf_puts(out, t->rows[i][c]);
      for (size_t n = span_runes(span_of(t->rows[i][c])); c + 1 < t->columns && n < widths[c] + GAP; n++)
        strbuf_putc(out, ' ');
    }
    strbuf_putc(out, '\n');
  }
}

static const char *
upper(struct arena *a, const char *s)
{
  char *copy = arena_strdup(a, s);

  for (char *c = copy; *c; c++)
    *c = (char)toupper((unsigned char)*c);
  return copy;
}

static const char *
cell_text(struct arena *a, const struct json *cell)
{
  if (json_str(cell))
    return json_str(cell);
  return json_is(cell, JSON_NULL) || !cell ? "<none>" : json_text(a, cell, JSON_COMPACT);
}

static const char *
labels_text(struct arena *a, const struct json *object)
{
  const char *text = NULL;

  for (json_each_member (m, object_labels(object)))
    text = arena_printf(a, "%s%s%s=%s", text ? text : "", text ? "," : "", m->name,
                        json_str(m->value) ? json_str(m->value) : "");
  return text ? text : "<none>";
}

static void
add_row(struct arena *a, struct text_table *t, const struct json *table, const struct json *row,
        const struct table_style *style)
{
  const struct json *defs = json_get(table, "columnDefinitions"), *object = json_get(row, "object");
  const char **cells = arena_array_of(a, const char *, t->columns);
  size_t n = 0;

  if (style->with_namespace)
    cells[n++] = *object_namespace(object) ? object_namespace(object) : "<none>";
  for (size_t i = 0; i < json_count(defs); i++) {
    const char *text;

    if (!style->wide && json_get_int(json_at(defs, i), "priority", 0) > 0)
      continue;
    text = cell_text(a, json_at(json_get(row, "cells"), i));
    if (style->prefix && strcmp(json_get_str_or(json_at(defs, i), "format", ""), "name") == 0)
      text = arena_printf(a, "%s%s", style->prefix, text);
    cells[n++] = text;
  }
  if (style->wide && style->extra)
    cells[n++] = style->extra(a, object);
  if (style->show_labels)
    cells[n++] = labels_text(a, object);
  text_table_add(t, cells);
}

void
kube_print_table(struct arena *a, const struct json *table, const struct table_style *style, struct strbuf *out)
{
  const struct json *defs = json_get(table, "columnDefinitions");
  const char **headers = arena_array_of(a, const char *, json_count(defs) + 3);
  struct text_table *t;
  size_t n = 0;

  if (style->with_namespace)
    headers[n++] = "NAMESPACE";
  for (json_each_item (p, defs))
    if (style->wide || json_get_int(*p, "priority", 0) == 0)
      headers[n++] = upper(a, json_get_str_or(*p, "name", ""));
  if (style->wide && style->extra)
    headers[n++] = style->extra_header;
  if (style->show_labels)
    headers[n++] = "LABELS";
  t = text_table_new(a, n);
  if (style->headers)
    text_table_add(t, headers);
  for (json_each_item (p, json_get(table, "rows")))
    add_row(a, t, table, *p, style);
  text_table_print(t, out);
}

const char *
kube_claim_devices(struct arena *a, const struct json *claim)
{
  const char *text = NULL;

  for (json_each_item (p, json_dig(claim, "status", "allocation", "devices", "results", NULL)))
    text = arena_printf(a, "%s%s%s/%s/%s", text ? text : "", text ? "," : "", json_get_str_or(*p, "driver", ""),
                        json_get_str_or(*p, "pool", ""), json_get_str_or(*p, "device", ""));
  return text ? text : "<none>";
}
