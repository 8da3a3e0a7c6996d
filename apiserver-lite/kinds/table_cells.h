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

/* The columns of a kind; those without a table of their own have Name and Created At. */
const struct kind_table *table_of(const struct kind *k);
/* One cell per column, appended to `cells`. `o` is of kind `k`; `now` is wall time. */
void table_cells(struct arena *a, const struct kind *k, const struct json *o, int64_t now, struct json *cells);
/* "5m10s" (apimachinery util/duration.HumanDuration). */
char *table_duration(struct arena *a, int64_t ns);

/* -- what table_*.c share -- */
struct table_cell_context {
  struct arena *a;
  const struct json *o;
  int64_t now;
};
typedef struct json *table_cell_fn(const struct table_cell_context *t, const char *path);
/* "2h" since the time at `path`; "<unknown>" when there is none. */
struct json *table_age(const struct table_cell_context *t, const char *path);
const struct json *table_at(const struct json *o, const char *path); /* "status.phase" */

table_cell_fn cell_text, cell_text_or_none, cell_text_or_unset, cell_text_or_unknown, cell_integer, cell_boolean,
    cell_number_or_na, cell_count, cell_joined, cell_labels, cell_of, cell_access_modes, cell_claim_ref, cell_role_ref,
    cell_subjects, cell_quota, cell_job_status, cell_job_completions, cell_job_duration, cell_age, cell_age_or_none,
    cell_count_data, cell_number_or_none, cell_text_of_number, cell_modes;
table_cell_fn cell_pod_ready, cell_pod_status, cell_pod_restarts, cell_pod_ip, cell_pod_gates, cell_node_status,
    cell_node_roles, cell_node_ip, cell_event_last, cell_event_first, cell_event_object, cell_event_source,
    cell_event_message, cell_event_count, cell_service_external, cell_service_ports, cell_claim_state;

/* table_classic.c */
table_cell_fn cell_claim_state_classic, cell_generated_from;
/* table_others.c */
table_cell_fn cell_endpoints, cell_slice_ports, cell_slice_endpoints, cell_ingress_hosts, cell_ingress_address,
    cell_ingress_ports, cell_parent_ref, cell_autoscaler_targets, cell_csr_state, cell_seconds, cell_last_condition,
    cell_group_policy, cell_group_status, cell_pools_sum, cell_pools_status, cell_pools_completed,
    cell_component_status, cell_controller, cell_api_service, cell_api_available, cell_condition, cell_established,
    cell_served_versions, cell_storage_versions, cell_group_resource, cell_certificate_state, cell_audiences;

#endif
