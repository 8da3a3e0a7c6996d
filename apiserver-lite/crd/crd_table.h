/* crd_table - server-side tables of custom objects (apiextensions-apiserver registry/customresource/tableconvertor). */
#ifndef APISERVER_CRD_TABLE_H
#define APISERVER_CRD_TABLE_H

#include "crd_custom.h"

/* Append the columns as a Table has them. */
void custom_table_columns(struct arena *a, const struct custom *c, struct json *columns);
/* Append one cell for each column. `now` is wall time, for ages. */
void custom_table_cells(struct arena *a, const struct custom *c, const struct json *o, int64_t now, struct json *cells);

#endif
