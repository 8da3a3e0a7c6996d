#include "rest_table.h"

#include <string.h>

#include "crd_table.h"
#include "object.h"
#include "table_cells.h"

static void
add_column(struct arena *a, struct json *columns, const struct kind_column *from)
{
  struct json *col = json_append(a, columns, json_new_object(a));

  json_set_str(a, col, "name", from->name);
  json_set_str(a, col, "type", from->type);
  json_set_str(a, col, "format", from->format);
  json_set_str(a, col, "description", from->description);
  json_set_int(a, col, "priority", from->priority);
}

static void
add_columns(struct arena *a, const struct kind *k, struct json *columns)
{
  const struct kind_table *shape;

  if (k->custom) {
    custom_table_columns(a, k->custom, columns);
    return;
  }
  shape = table_of(k);
  for (size_t i = 0; i < shape->n; i++)
    add_column(a, columns, &shape->columns[i]);
}

enum include { INCLUDE_METADATA, INCLUDE_OBJECT, INCLUDE_NONE };

static int
read_include(struct rest_call *c, enum include *ret, struct kerr *reterr)
{
  const char *text = rest_query(c, "includeObject");

  *ret = INCLUDE_METADATA;
  if (!text || !*text || strcmp(text, "Metadata") == 0)
    return 0;
  if (strcmp(text, "Object") == 0)
    *ret = INCLUDE_OBJECT;
  else if (strcmp(text, "None") == 0)
    *ret = INCLUDE_NONE;
  else
    return kerr_set(
        reterr, KERR_BAD_REQUEST, NULL,
        "Unable to convert to Table as requested: includeObject: Invalid value: \"%s\": must be 'Metadata', "
        "'Object', 'None', or empty",
        text);
  return 0;
}

static void
add_row(struct rest_call *c, struct json *rows, const struct json *o, enum include include)
{
  struct json *row = json_append(c->a, rows, json_new_object(c->a)), *cells = json_ensure_array(c->a, row, "cells");

  if (c->kind->custom)
    custom_table_cells(c->a, c->kind->custom, o, c->now, cells);
  else
    table_cells(c->a, c->kind, o, c->now, cells);
  if (include == INCLUDE_METADATA)
    json_set(c->a, row, "object", rest_partial(c, o));
  else if (include == INCLUDE_OBJECT)
    json_set(c->a, row, "object", json_shallow(c->a, o));
  else
    json_set(c->a, row, "object", json_new_null(c->a));
}

int
rest_table(struct rest_call *c, const struct json **objects, size_t n, struct json *meta, struct json **ret,
           struct kerr *reterr)
{
  struct json *table = json_new_object(c->a), *columns, *rows;
  enum include include;

  if (read_include(c, &include, reterr) < 0)
    return -(int)reterr->code;
  json_set_str(c->a, table, "kind", "Table");
  json_set_str(c->a, table, "apiVersion", gv_text(c->a, "meta.k8s.io", c->form.meta_version));
  if (!meta) {
    meta = json_new_object(c->a);
    if (n)
      json_set_str(c->a, meta, "resourceVersion", object_resource_version(objects[0]));
  }
  json_set(c->a, table, "metadata", meta);
  columns = json_ensure_array(c->a, table, "columnDefinitions");
  add_columns(c->a, c->kind, columns);
  rows = json_ensure_array(c->a, table, "rows");
  for (size_t i = 0; i < n; i++)
    add_row(c, rows, objects[i], include);
  *ret = table;
  return 0;
}
