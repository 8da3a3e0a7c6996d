#include "crd_table.h"

#include <string.h>

#include "clock.h"
#include "number.h"
#include "object.h"
#include "table_cells.h"

/* Upstream's documentation of the two fields is part of what a Table shows (ObjectMeta's SwaggerDoc). */
const char custom_name_description[] =
    "Name must be unique within a namespace. Is required when creating resources, although some resources may allow a "
    "client to request the generation of an appropriate name automatically. Name is primarily intended for creation "
    "idempotence and configuration definition. Cannot be updated. More info: "
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names";
const char custom_age_description[] =
    "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed "
    "to be set in happens-before order across separate operations. Clients may not set this value. It is represented "
    "in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";

static void
add_column(struct arena *a, struct json *columns, const struct custom_column *c)
{
  struct json *col = json_append(a, columns, json_new_object(a));

  json_set_str(a, col, "name", c->name);
  json_set_str(a, col, "type", c->type);
  json_set_str(a, col, "format", c->format);
  json_set_str(a, col, "description", c->description);
  json_set_int(a, col, "priority", c->priority);
}

void
custom_table_columns(struct arena *a, const struct custom *c, struct json *columns)
{
  const struct custom_column name = {
    .name = "Name", .type = "string", .format = "name", .description = custom_name_description
  };

  add_column(a, columns, &name);
  for (size_t i = 0; i < c->n_columns; i++)
    add_column(a, columns, &c->columns[i]);
}

/* -- cells: a column that cannot show what is there is null -- */

static struct json *
custom_cell_text(struct arena *a, const struct json *v)
{
  char buf[NUMBER_TEXT_MAX];

  switch (json_type(v)) {
  case JSON_STRING:
    return json_shallow(a, v);
  case JSON_NUMBER:
    (void)number_text_g(json_double(v), false, buf);
    return json_new_str(a, buf);
  case JSON_NULL:
    return json_new_str(a, "<no value>");
  case JSON_BOOL:
  case JSON_INT:
  case JSON_ARRAY:
  case JSON_OBJECT:
    return json_new_str(a, json_text(a, v, JSON_HTML));
  }
  return json_new_null(a);
}

static struct json *
cell_date(struct arena *a, const struct json *v, int64_t now)
{
  int64_t when;

  if (!json_is(v, JSON_STRING))
    return json_new_null(a);
  if (!v->count)
    return json_new_str(a, "<unknown>");
  return json_new_str(a, clock_parse_rfc3339(json_span(v), &when) ? table_duration(a, now - when) : "<invalid>");
}

static struct json *
cell(struct arena *a, const char *type, const struct json *v, int64_t now)
{
  bool number = json_is(v, JSON_INT) || json_is(v, JSON_NUMBER);

  if (strcmp(type, "string") == 0)
    return custom_cell_text(a, v);
  if (strcmp(type, "date") == 0)
    return cell_date(a, v, now);
  if (strcmp(type, "integer") == 0 && number)
    return json_new_int(a, json_is(v, JSON_INT) ? v->u.integer : (int64_t)json_double(v));
  if ((strcmp(type, "number") == 0 && number) || (strcmp(type, "boolean") == 0 && json_is(v, JSON_BOOL)))
    return json_shallow(a, v);
  return json_new_null(a);
}

void
custom_table_cells(struct arena *a, const struct custom *c, const struct json *o, int64_t now, struct json *cells)
{
  json_append_str(a, cells, object_name(o));
  for (size_t i = 0; i < c->n_columns; i++) {
    const struct json *const *found;
    size_t n;

    if (jsonpath_find(a, c->columns[i].path, o, &found, &n) && n)
      json_append(a, cells, cell(a, c->columns[i].type, found[0], now));
    else
      json_append(a, cells, json_new_null(a));
  }
}
