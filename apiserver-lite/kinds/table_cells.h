/*
 * table_cells - what stands in the columns of a server-side table.
 *
 * Columns are data (kinds/data, `table`); here is, per kind, one row with a cell
 * for each of them: mostly a path and how to show what is there, a function
 * where upstream's pkg/printers/internalversion thinks harder (pods, nodes,
 * claims, events, services).
 */
#ifndef APISERVER_TABLE_CELLS_H
#define APISERVER_TABLE_CELLS_H

#include "kind.h"

/* The columns of a kind: NULL when it has only the default ones (Name, Created At). */
const struct kind_table *table_of(const struct kind *k);
/* One cell per column, appended to `cells`. `o` is of kind `k`; `now` is wall time. */
void table_cells(struct arena *a, const struct kind *k, const struct json *o, int64_t now, struct json *cells);
/* "5m10s" (apimachinery util/duration.HumanDuration). */
char *table_duration(struct arena *a, int64_t ns);

/* -- for table_core.c and table_classic.c -- */
struct table_cell_context {
  struct arena *a;
  const struct json *o;
  int64_t now;
};
typedef struct json *table_cell_fn(const struct table_cell_context *t, const char *path);
/* "2h" since the time at `path`; "<unknown>" when there is none. */
struct json *table_age(const struct table_cell_context *t, const char *path);
const struct json *table_at(const struct json *o, const char *path); /* "status.phase" */

table_cell_fn table_pod_ready, table_pod_status, table_pod_restarts, table_pod_ip, table_pod_gates, table_node_status,
    table_node_roles, table_node_ip, table_event_last, table_event_first, table_event_object, table_event_source,
    table_event_message, table_event_count, table_service_external, table_service_ports, table_claim_state,
    table_claim_state_classic, table_generated_from;

#endif
