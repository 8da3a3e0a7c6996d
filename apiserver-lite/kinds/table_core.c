/* Cells of pods, nodes, events, services and claims: where upstream's printers think harder than a path can say. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "object.h"
#include "pod.h"
#include "table_cells.h"

/* -- pods (printers.go: printPod) -- */

struct pod_view {
  const char *reason;
  int64_t total, ready, restarts, sidecar_restarts;
  int64_t last_restart; /* wall ns; 0: never */
};

static bool
is_sidecar(const struct json *pod, const char *container)
{
  const struct json *init = json_list_find(table_at(pod, "spec.initContainers"), "name", container);

  return strcmp(json_get_str_or(init, "restartPolicy", ""), "Always") == 0;
}

static void
note_restart(struct pod_view *v, const struct json *status)
{
  const char *at = json_str(json_dig(status, "lastState", "terminated", "finishedAt", NULL));
  int64_t then;

  if (at && clock_parse_rfc3339(span_of(at), &then) && then > v->last_restart)
    v->last_restart = then;
}

/* "Error", "Signal:9" or "ExitCode:3" of a container that has ended. */
static const char *
ended(struct arena *a, const struct json *terminated)
{
  const char *reason = json_get_str_or(terminated, "reason", "");

  if (*reason)
    return reason;
  if (json_get_int(terminated, "signal", 0))
    return arena_printf(a, "Signal:%lld", (long long)json_get_int(terminated, "signal", 0));
  return arena_printf(a, "ExitCode:%lld", (long long)json_get_int(terminated, "exitCode", 0));
}

/* True while init containers decide what is shown. */
static bool
view_init(struct arena *a, const struct json *pod, struct pod_view *v)
{
  const struct json *list = table_at(pod, "status.initContainerStatuses");
  size_t i = 0;

  for (json_each_item (p, list)) {
    const struct json *state = json_get(*p, "state"), *waiting = json_get(state, "waiting"),
                      *terminated = json_get(state, "terminated");
    bool sidecar = is_sidecar(pod, json_get_str_or(*p, "name", ""));

    v->restarts += json_get_int(*p, "restartCount", 0);
    note_restart(v, *p);
    if (sidecar)
      v->ready += json_get_bool(*p, "ready", false) && json_get(state, "running") != NULL;
    i++;
    if (terminated && json_get_int(terminated, "exitCode", 0) == 0)
      continue;
    if (sidecar && json_get_bool(*p, "started", false))
      continue;
    if (terminated)
      v->reason = arena_printf(a, "Init:%s", ended(a, terminated));
    else if (waiting && *json_get_str_or(waiting, "reason", "") &&
             strcmp(json_get_str_or(waiting, "reason", ""), "PodInitializing") != 0)
      v->reason = arena_printf(a, "Init:%s", json_get_str_or(waiting, "reason", ""));
    else
      v->reason = arena_printf(a, "Init:%zu/%zu", i - 1, json_count(table_at(pod, "spec.initContainers")));
    return true;
  }
  return false;
}

static void
view_containers(struct arena *a, const struct json *pod, struct pod_view *v)
{
  const struct json *list = table_at(pod, "status.containerStatuses"), *ready = object_condition(pod, "Ready");
  bool running = false;

  v->restarts = v->sidecar_restarts;
  for (size_t i = json_count(list); i-- > 0;) {
    const struct json *c = json_at(list, i), *state = json_get(c, "state");
    const char *waiting = json_get_str_or(json_get(state, "waiting"), "reason", "");

    v->restarts += json_get_int(c, "restartCount", 0);
    note_restart(v, c);
    if (*waiting)
      v->reason = waiting;
    else if (json_get(state, "terminated"))
      v->reason = ended(a, json_get(state, "terminated"));
    else if (json_get_bool(c, "ready", false) && json_get(state, "running")) {
      running = true;
      v->ready++;
    }
  }
  if (strcmp(v->reason, "Completed") == 0 && running) /* one has ended, another goes on */
    v->reason = ready && strcmp(json_get_str_or(ready, "status", ""), "True") == 0 ? "Running" : "NotReady";
}

static struct pod_view
view_pod(struct arena *a, const struct json *pod)
{
  const char *phase = json_get_str_or(json_get(pod, "status"), "phase", ""),
             *own = json_get_str_or(json_get(pod, "status"), "reason", "");
  const struct json *scheduled = object_condition(pod, "PodScheduled");
  struct pod_view v = { .reason = *own ? own : phase };
  bool initializing;

  v.total = (int64_t)json_count(table_at(pod, "spec.containers"));
  for (json_each_item (p, table_at(pod, "spec.initContainers")))
    v.total += strcmp(json_get_str_or(*p, "restartPolicy", ""), "Always") == 0;
  for (json_each_item (p, table_at(pod, "status.initContainerStatuses")))
    if (is_sidecar(pod, json_get_str_or(*p, "name", "")))
      v.sidecar_restarts += json_get_int(*p, "restartCount", 0);
  if (scheduled && strcmp(json_get_str_or(scheduled, "reason", ""), "SchedulingGated") == 0)
    v.reason = "SchedulingGated";
  initializing = view_init(a, pod, &v);
  if (!initializing)
    view_containers(a, pod, &v);
  if (object_is_deleting(pod) && strcmp(own, "NodeLost") == 0)
    v.reason = "Unknown";
  else if (object_is_deleting(pod) && !pod_has_ended(pod))
    v.reason = "Terminating";
  return v;
}

struct json *
cell_pod_ready(const struct table_cell_context *t, const char *path)
{
  struct pod_view v = view_pod(t->a, t->o);

  (void)path;
  return json_new_strf(t->a, "%lld/%lld", (long long)v.ready, (long long)v.total);
}

struct json *
cell_pod_status(const struct table_cell_context *t, const char *path)
{
  (void)path;
  return json_new_str(t->a, view_pod(t->a, t->o).reason);
}

struct json *
cell_pod_restarts(const struct table_cell_context *t, const char *path)
{
  struct pod_view v = view_pod(t->a, t->o);

  (void)path;
  if (v.restarts == 0 || v.last_restart == 0)
    return json_new_strf(t->a, "%lld", (long long)v.restarts);
  return json_new_strf(t->a, "%lld (%s ago)", (long long)v.restarts, table_duration(t->a, t->now - v.last_restart));
}

struct json *
cell_pod_ip(const struct table_cell_context *t, const char *path)
{
  const char *ip = json_get_str(json_at(table_at(t->o, "status.podIPs"), 0), "ip");

  (void)path;
  return json_new_str(t->a, ip && *ip ? ip : "<none>");
}

struct json *
cell_pod_gates(const struct table_cell_context *t, const char *path)
{
  const struct json *gates = table_at(t->o, "spec.readinessGates");
  size_t open = 0;

  (void)path;
  if (json_count(gates) == 0)
    return json_new_str(t->a, "<none>");
  for (json_each_item (p, gates)) {
    const struct json *c = object_condition(t->o, json_get_str_or(*p, "conditionType", ""));

    open += c && strcmp(json_get_str_or(c, "status", ""), "True") == 0;
  }
  return json_new_strf(t->a, "%zu/%zu", open, json_count(gates));
}

/* -- nodes -- */

struct json *
cell_node_status(const struct table_cell_context *t, const char *path)
{
  const struct json *ready = object_condition(t->o, "Ready");
  const char *status = !ready                                                      ? "Unknown"
                       : strcmp(json_get_str_or(ready, "status", ""), "True") == 0 ? "Ready"
                                                                                   : "NotReady";

  (void)path;
  return json_new_strf(t->a, "%s%s", status,
                       json_get_bool(json_get(t->o, "spec"), "unschedulable", false) ? ",SchedulingDisabled" : "");
}

struct json *
cell_node_roles(const struct table_cell_context *t, const char *path)
{
  static const char prefix[] = "node-role.kubernetes.io/";
  const struct json *labels = object_labels(t->o);
  const char **roles = arena_array_of(t->a, const char *, json_count(labels)), *all = "";
  size_t n = 0;

  (void)path;
  for (json_each_member (m, labels)) {
    if (strncmp(m->name, prefix, sizeof prefix - 1) == 0 && m->name[sizeof prefix - 1])
      roles[n++] = m->name + sizeof prefix - 1;
    else if (strcmp(m->name, "kubernetes.io/role") == 0 && json_str(m->value) && *json_str(m->value))
      roles[n++] = json_str(m->value);
  }
  if (n > 1)
    qsort(roles, n, sizeof *roles, text_order);
  for (size_t i = 0; i < n; i++)
    all = arena_printf(t->a, "%s%s%s", all, *all ? "," : "", roles[i]);
  return json_new_str(t->a, *all ? all : "<none>");
}

struct json *
cell_node_ip(const struct table_cell_context *t, const char *type)
{
  const struct json *address = json_list_find(table_at(t->o, "status.addresses"), "type", type);

  return json_new_str(t->a, address ? json_get_str_or(address, "address", "") : "<none>");
}

/* -- events -- */

struct json *
cell_event_first(const struct table_cell_context *t, const char *path)
{
  (void)path;
  return table_age(t, json_str(table_at(t->o, "firstTimestamp")) ? "firstTimestamp" : "eventTime");
}

struct json *
cell_event_last(const struct table_cell_context *t, const char *path)
{
  if (table_at(t->o, "series"))
    return table_age(t, "series.lastObservedTime");
  return json_str(table_at(t->o, "lastTimestamp")) ? table_age(t, "lastTimestamp") : cell_event_first(t, path);
}

struct json *
cell_event_object(const struct table_cell_context *t, const char *path)
{
  const struct json *about = json_get(t->o, "involvedObject");
  char *kind = arena_strdup(t->a, json_get_str_or(about, "kind", ""));

  (void)path;
  for (char *c = kind; *c; c++)
    *c = (char)tolower((unsigned char)*c);
  return json_new_strf(t->a, "%s/%s", kind, json_get_str_or(about, "name", ""));
}

struct json *
cell_event_source(const struct table_cell_context *t, const char *path)
{
  const char *component = json_get_str_or(json_get(t->o, "source"), "component", ""),
             *host = json_get_str_or(json_get(t->o, "source"), "host", "");

  (void)path;
  if (!*component)
    component = json_get_str_or(t->o, "reportingComponent", "");
  if (!*host)
    host = json_get_str_or(t->o, "reportingInstance", "");
  return *host ? json_new_strf(t->a, "%s, %s", component, host) : json_new_str(t->a, component);
}

struct json *
cell_event_message(const struct table_cell_context *t, const char *path)
{
  struct span s = span_trim(span_of(json_get_str_or(t->o, "message", "")));

  (void)path;
  return json_new_strn(t->a, s.p, s.n);
}

struct json *
cell_event_count(const struct table_cell_context *t, const char *path)
{
  int64_t n = json_get_int(t->o, "count", 0);

  (void)path;
  if (table_at(t->o, "series"))
    n = json_int_or(table_at(t->o, "series.count"), 0);
  else if (n == 0)
    n = 1;
  return json_new_int(t->a, n);
}

/* -- services -- */

struct json *
cell_service_external(const struct table_cell_context *t, const char *path)
{
  const char *type = json_get_str_or(json_get(t->o, "spec"), "type", ""), *all = "";

  (void)path;
  if (strcmp(type, "ExternalName") == 0)
    return json_new_str(t->a, json_get_str_or(json_get(t->o, "spec"), "externalName", ""));
  for (json_each_item (p, table_at(t->o, "status.loadBalancer.ingress")))
    all = arena_printf(t->a, "%s%s%s", all, *all ? "," : "",
                       json_get_str_or(*p, "ip", json_get_str_or(*p, "hostname", "")));
  for (json_each_item (p, table_at(t->o, "spec.externalIPs")))
    all = arena_printf(t->a, "%s%s%s", all, *all ? "," : "", json_str(*p) ? json_str(*p) : "");
  if (*all)
    return json_new_str(t->a, all);
  return json_new_str(t->a, strcmp(type, "LoadBalancer") == 0 ? "<pending>" : "<none>");
}

struct json *
cell_service_ports(const struct table_cell_context *t, const char *path)
{
  const char *all = "";

  (void)path;
  for (json_each_item (p, table_at(t->o, "spec.ports"))) {
    int64_t port = json_get_int(*p, "port", 0), node = json_get_int(*p, "nodePort", 0);
    const char *protocol = json_get_str_or(*p, "protocol", "TCP");

    all = node > 0
              ? arena_printf(t->a, "%s%s%lld:%lld/%s", all, *all ? "," : "", (long long)port, (long long)node, protocol)
              : arena_printf(t->a, "%s%s%lld/%s", all, *all ? "," : "", (long long)port, protocol);
  }
  return json_new_str(t->a, *all ? all : "<none>");
}

/* -- resource.k8s.io -- */

struct json *
cell_claim_state(const struct table_cell_context *t, const char *path)
{
  bool deleted = object_is_deleting(t->o), allocated = table_at(t->o, "status.allocation") != NULL;
  const char *state = deleted ? "deleted" : "";

  (void)path;
  if (!allocated)
    return json_new_str(t->a, deleted ? state : "pending");
  state = arena_printf(t->a, "%s%sallocated", state, *state ? "," : "");
  if (json_count(table_at(t->o, "status.reservedFor")) > 0)
    state = arena_printf(t->a, "%s,reserved", state);
  return json_new_str(t->a, state);
}
