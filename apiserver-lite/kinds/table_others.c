/* Cells of kinds of single groups: what upstream's printers compute for them. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "object.h"
#include "table_cells.h"

static char *
lower(struct arena *a, const char *text)
{
  char *copy = arena_strdup(a, text);

  for (char *c = copy; *c; c++)
    *c = (char)tolower((unsigned char)*c);
  return copy;
}

/* -- "a,b,c + 2 more..." -- */

enum { SHOWN_MAX = 3 };

struct shown {
  struct arena *a;
  const char *text;
  size_t n; /* all there are; SHOWN_MAX of them are in `text` */
};

static void
show(struct shown *s, const char *item)
{
  if (s->n++ < SHOWN_MAX)
    s->text = arena_printf(s->a, "%s%s%s", s->text, s->n > 1 ? "," : "", item);
}

static struct json *
shown_cell(const struct shown *s, const char *absent)
{
  if (s->n > SHOWN_MAX)
    return json_new_strf(s->a, "%s + %zu more...", s->text, s->n - SHOWN_MAX);
  return json_new_str(s->a, *s->text ? s->text : absent);
}

static const char *
number(struct arena *a, const struct json *v, const char *absent)
{
  return v ? json_text(a, v, JSON_COMPACT) : absent;
}

/* -- endpoints -- */

struct json *
cell_endpoints(const struct table_cell_context *t, const char *path)
{
  struct shown all = { .a = t->a, .text = "" };

  (void)path;
  for (json_each_item (subset, json_get(t->o, "subsets"))) {
    const struct json *ports = json_get(*subset, "ports"), *addresses = json_get(*subset, "addresses");

    for (json_each_item (p, json_count(ports) ? NULL : addresses))
      show(&all, json_get_str_or(*p, "ip", ""));
    for (json_each_item (port, ports))
      for (json_each_item (p, addresses)) {
        const char *ip = json_get_str_or(*p, "ip", "");

        show(&all, arena_printf(t->a, strchr(ip, ':') ? "[%s]:%lld" : "%s:%lld", ip,
                                (long long)json_get_int(*port, "port", 0)));
      }
  }
  return shown_cell(&all, json_count(json_get(t->o, "subsets")) ? "" : "<none>");
}

struct json *
cell_slice_ports(const struct table_cell_context *t, const char *path)
{
  struct shown all = { .a = t->a, .text = "" };

  for (json_each_item (p, table_at(t->o, path)))
    show(&all, number(t->a, json_get(*p, "port"), json_get_str_or(*p, "name", "*")));
  return shown_cell(&all, "<unset>");
}

struct json *
cell_slice_endpoints(const struct table_cell_context *t, const char *path)
{
  struct shown all = { .a = t->a, .text = "" };

  for (json_each_item (p, table_at(t->o, path)))
    for (json_each_item (address, json_get(*p, "addresses")))
      show(&all, json_str(*address) ? json_str(*address) : "");
  return shown_cell(&all, "<unset>");
}

/* -- networking.k8s.io -- */

struct json *
cell_ingress_hosts(const struct table_cell_context *t, const char *path)
{
  const struct json *rules = table_at(t->o, path);
  const char *all = "";
  size_t shown = 0, seen = 0;

  for (json_each_item (p, rules)) {
    const char *host = json_get_str_or(*p, "host", "");

    if (shown == SHOWN_MAX)
      break;
    seen++;
    if (*host)
      all = arena_printf(t->a, "%s%s%s", all, shown++ ? "," : "", host);
  }
  if (!shown)
    return json_new_str(t->a, "*");
  return seen < json_count(rules) ? json_new_strf(t->a, "%s + %zu more...", all, json_count(rules) - SHOWN_MAX)
                                  : json_new_str(t->a, all);
}

/* Addresses or host names of a load balancer, each once, in order. */
struct json *
cell_ingress_address(const struct table_cell_context *t, const char *path)
{
  const struct json *list = table_at(t->o, path);
  const char **at = arena_array_of(t->a, const char *, json_count(list) + 1), *all = "";
  size_t n = 0;

  for (json_each_item (p, list)) {
    const char *ip = json_get_str_or(*p, "ip", ""), *shown = *ip ? ip : json_get_str_or(*p, "hostname", "");

    if (*shown)
      at[n++] = shown;
  }
  if (n > 1)
    qsort(at, n, sizeof *at, text_order);
  for (size_t i = 0; i < n; i++)
    if (i == 0 || strcmp(at[i], at[i - 1]) != 0)
      all = arena_printf(t->a, "%s%s%s", all, *all ? "," : "", at[i]);
  return json_new_str(t->a, all);
}

struct json *
cell_ingress_ports(const struct table_cell_context *t, const char *path)
{
  return json_new_str(t->a, json_count(table_at(t->o, path)) ? "80, 443" : "80");
}

/* "resource.group/namespace/name" */
struct json *
cell_parent_ref(const struct table_cell_context *t, const char *path)
{
  const struct json *ref = table_at(t->o, path);
  const char *group = json_get_str_or(ref, "group", ""), *ns = json_get_str_or(ref, "namespace", "");

  if (!ref)
    return json_new_str(t->a, "<none>");
  return json_new_strf(t->a, "%s%s%s%s%s/%s", lower(t->a, json_get_str_or(ref, "resource", "")), *group ? "." : "",
                       lower(t->a, group), *ns ? "/" : "", ns, json_get_str_or(ref, "name", ""));
}

/* -- autoscaling -- */

/* "current/target" of a metric whose source has `target` and `current` in the member `member`. */
static const char *
metric_pair(struct arena *a, const struct json *spec, const struct json *status, bool average_only)
{
  const struct json *average = json_dig(spec, "target", "averageValue", NULL), *current = json_get(status, "current");

  if (average_only)
    return arena_printf(a, "%s/%s", json_get_str_or(current, "averageValue", "<unknown>"),
                        average ? json_str(average) : "0");
  if (average)
    return arena_printf(a, "%s/%s (avg)", json_get_str_or(current, "averageValue", "<unknown>"), json_str(average));
  return arena_printf(a, "%s/%s", status ? json_get_str_or(current, "value", "<nil>") : "<unknown>",
                      json_get_str_or(json_get(spec, "target"), "value", "<nil>"));
}

static const char *
percent(struct arena *a, const struct json *v, const char *absent)
{
  return v ? arena_printf(a, "%s%%", json_text(a, v, JSON_COMPACT)) : absent;
}

/* "cpu: 20%/80%": of a resource, of the pods or of one container. */
static const char *
resource_metric(struct arena *a, const struct json *spec, const struct json *status)
{
  const char *name = json_get_str_or(spec, "name", "");
  const struct json *average = json_dig(spec, "target", "averageValue", NULL), *current = json_get(status, "current");

  if (average)
    return arena_printf(a, "%s: %s/%s", name, json_get_str_or(current, "averageValue", "<unknown>"), json_str(average));
  return arena_printf(a, "%s: %s/%s", name, percent(a, json_get(current, "averageUtilization"), "<unknown>"),
                      percent(a, json_dig(spec, "target", "averageUtilization", NULL), "<auto>"));
}

static const char *
metric(struct arena *a, const struct json *spec, const struct json *status)
{
  static const struct {
    const char *type, *member;
    enum { VALUE, PODS, RESOURCE } how;
  } sources[] = { { "External", "external", VALUE },
                  { "Pods", "pods", PODS },
                  { "Object", "object", VALUE },
                  { "Resource", "resource", RESOURCE },
                  { "ContainerResource", "containerResource", RESOURCE } };
  const char *type = json_get_str_or(spec, "type", "");

  for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
    const struct json *want = json_get(spec, sources[i].member), *have = json_get(status, sources[i].member);

    if (strcmp(type, sources[i].type) == 0)
      return sources[i].how == RESOURCE ? resource_metric(a, want, have)
                                        : metric_pair(a, want, have, sources[i].how == PODS);
  }
  return "<unknown type>";
}

struct json *
cell_autoscaler_targets(const struct table_cell_context *t, const char *path)
{
  const struct json *specs = table_at(t->o, "spec.metrics"), *statuses = table_at(t->o, "status.currentMetrics");
  const struct json *target = table_at(t->o, "spec.targetCPUUtilizationPercentage"); /* autoscaling/v1 */
  size_t n = json_count(specs), i = 0;
  const char *all = "";

  (void)path;
  if (target)
    return json_new_strf(t->a, "cpu: %s/%s",
                         percent(t->a, table_at(t->o, "status.currentCPUUtilizationPercentage"), "<unknown>"),
                         percent(t->a, target, ""));
  if (!n)
    return json_new_str(t->a, "<none>");
  for (json_each_item (p, specs)) {
    if (i == 2)
      return json_new_strf(t->a, "%s + %zu more...", all, n - i);
    all = arena_printf(t->a, "%s%s%s", all, i ? ", " : "", metric(t->a, *p, json_at(statuses, i)));
    i++;
  }
  return json_new_str(t->a, all);
}

/* -- certificates.k8s.io -- */

static bool
has_condition(const struct json *o, const char *type)
{
  return object_condition(o, type) != NULL;
}

struct json *
cell_csr_state(const struct table_cell_context *t, const char *path)
{
  (void)path;
  return json_new_strf(t->a, "%s%s%s",
                       has_condition(t->o, "Denied")     ? "Denied"
                       : has_condition(t->o, "Approved") ? "Approved"
                                                         : "Pending",
                       has_condition(t->o, "Failed") ? ",Failed" : "",
                       table_at(t->o, "status.certificate") ? ",Issued" : "");
}

struct json *
cell_seconds(const struct table_cell_context *t, const char *path)
{
  const struct json *v = table_at(t->o, path);

  return json_new_str(t->a, v ? table_duration(t->a, json_int_or(v, 0) * CLOCK_SEC) : "<none>");
}

/* The last condition of one of a few types; `path` is "Absent|Type|Type". */
struct json *
cell_last_condition(const struct table_cell_context *t, const char *path)
{
  const char *last = NULL;

  for (json_each_item (p, table_at(t->o, "status.conditions"))) {
    const char *type = json_get_str_or(*p, "type", ""), *in = strstr(path, type);

    if (*type && in && in > path && in[-1] == '|' && strchr("|", in[strlen(type)]) &&
        strcmp(json_get_str_or(*p, "status", ""), "True") == 0)
      last = type;
  }
  return last ? json_new_str(t->a, last) : json_new_strn(t->a, path, strcspn(path, "|"));
}

/* Issued, Denied and Failed exclude each other. */
struct json *
cell_certificate_state(const struct table_cell_context *t, const char *path)
{
  static const char *const states[] = { "Issued", "Denied", "Failed" };

  (void)path;
  for (size_t i = 0; i < ARRAY_SIZE(states); i++)
    if (has_condition(t->o, states[i]))
      return json_new_str(t->a, states[i]);
  return json_new_str(t->a, "Pending");
}

/* -- scheduling.k8s.io -- */

struct json *
cell_group_policy(const struct table_cell_context *t, const char *path)
{
  return json_new_str(t->a, json_get(table_at(t->o, path), "gang") ? "Gang" : "Basic");
}

struct json *
cell_group_status(const struct table_cell_context *t, const char *path)
{
  const struct json *placed = object_condition(t->o, "PodGroupInitiallyScheduled"),
                    *disrupted = object_condition(t->o, "DisruptionTarget");

  (void)path;
  if (disrupted)
    return json_new_str(t->a, json_get_str_or(disrupted, "reason", ""));
  if (!placed)
    return json_new_str(t->a, "Pending");
  return json_new_str(t->a, strcmp(json_get_str_or(placed, "status", ""), "True") == 0 ? "Scheduled" : "Unschedulable");
}

/* -- resource.k8s.io: ResourcePoolStatusRequest -- */

/* The sum of one member over all pools; "-" while there is no answer. */
struct json *
cell_pools_sum(const struct table_cell_context *t, const char *member)
{
  int64_t sum = 0;

  if (!json_get(t->o, "status") ||
      (object_condition_is_true(t->o, "Failed") && !object_condition_is_true(t->o, "Complete")))
    return json_new_str(t->a, "-");
  for (json_each_item (p, table_at(t->o, "status.pools"))) {
    const struct json *v = json_get(*p, member);

    sum += json_str(v) ? 1 : json_int_or(v, 0);
  }
  return json_new_strf(t->a, "%lld", (long long)sum);
}

struct json *
cell_pools_status(const struct table_cell_context *t, const char *path)
{
  int64_t all = json_int_or(table_at(t->o, "status.poolCount"), 0);
  size_t shown = json_count(table_at(t->o, "status.pools"));

  (void)path;
  if (!object_condition_is_true(t->o, "Complete"))
    return json_new_str(t->a, object_condition_is_true(t->o, "Failed") ? "Failed" : "Pending");
  return all > (int64_t)shown ? json_new_strf(t->a, "Complete (%zu/%lld pools)", shown, (long long)all)
                              : json_new_str(t->a, "Complete");
}

struct json *
cell_pools_completed(const struct table_cell_context *t, const char *path)
{
  struct table_cell_context done = { .a = t->a, .o = object_condition(t->o, "Complete"), .now = t->now };

  (void)path;
  return object_condition_is_true(t->o, "Complete") ? table_age(&done, "lastTransitionTime")
                                                    : json_new_str(t->a, "<none>");
}

/* -- other groups -- */

/* The audiences of a CSI driver's token requests. */
struct json *
cell_audiences(const struct table_cell_context *t, const char *path)
{
  return table_at(t->o, path) ? cell_joined(t, arena_printf(t->a, "%s#audience", path)) : json_new_str(t->a, "<unset>");
}

struct json *
cell_component_status(const struct table_cell_context *t, const char *member)
{
  for (json_each_item (p, json_get(t->o, "conditions"))) {
    if (strcmp(json_get_str_or(*p, "type", ""), "Healthy") != 0)
      continue;
    if (strcmp(member, "status") != 0)
      return json_new_str(t->a, json_get_str_or(*p, member, ""));
    return json_new_str(t->a, strcmp(json_get_str_or(*p, "status", ""), "True") == 0 ? "Healthy" : "Unhealthy");
  }
  return json_new_str(t->a, strcmp(member, "status") == 0 ? "Unknown" : "");
}

/* "statefulset.apps/name" */
struct json *
cell_controller(const struct table_cell_context *t, const char *path)
{
  const struct json *owner = object_controller(t->o);
  const char *version = json_get_str_or(owner, "apiVersion", ""), *slash = strchr(version, '/');

  (void)path;
  if (!owner)
    return json_new_str(t->a, "<none>");
  return json_new_strf(t->a, "%s%s%s/%s", lower(t->a, json_get_str_or(owner, "kind", "")), slash ? "." : "",
                       slash ? lower(t->a, arena_strndup(t->a, version, (size_t)(slash - version))) : "",
                       json_get_str_or(owner, "name", ""));
}

struct json *
cell_api_service(const struct table_cell_context *t, const char *path)
{
  const struct json *service = table_at(t->o, path);

  if (!service)
    return json_new_str(t->a, "Local");
  return json_new_strf(t->a, "%s/%s", json_get_str_or(service, "namespace", ""), json_get_str_or(service, "name", ""));
}

struct json *
cell_api_available(const struct table_cell_context *t, const char *path)
{
  const struct json *c = object_condition(t->o, "Available");
  const char *status = json_get_str_or(c, "status", "Unknown"), *reason = json_get_str_or(c, "reason", "");

  (void)path;
  if (strcmp(status, "True") == 0 || !*reason)
    return json_new_str(t->a, status);
  return json_new_strf(t->a, "%s (%s)", status, reason);
}

/* The status of a condition, as text; `path` is "Type|absent". */
struct json *
cell_condition(const struct table_cell_context *t, const char *path)
{
  size_t n = strcspn(path, "|");
  const struct json *c = object_condition(t->o, arena_strndup(t->a, path, n));

  return json_new_str(t->a, json_get_str_or(c, "status", path + n + 1));
}

struct json *
cell_established(const struct table_cell_context *t, const char *path)
{
  (void)path;
  return json_new_bool(t->a, object_condition_is_true(t->o, "Established"));
}

/* "v1(storage),v1beta1": those that are served. */
struct json *
cell_served_versions(const struct table_cell_context *t, const char *path)
{
  const struct json *list = table_at(t->o, path);
  const char **at = arena_array_of(t->a, const char *, json_count(list) + 1), *all = "";
  size_t n = 0;

  for (json_each_item (p, list))
    if (json_get_bool(*p, "served", false))
      at[n++] = arena_printf(t->a, "%s%s", json_get_str_or(*p, "name", ""),
                             json_get_bool(*p, "storage", false) ? "(storage)" : "");
  if (n > 1)
    qsort(at, n, sizeof *at, text_order);
  for (size_t i = 0; i < n; i++)
    all = arena_printf(t->a, "%s%s%s", all, *all ? "," : "", at[i]);
  return json_new_str(t->a, all);
}

struct json *
cell_storage_versions(const struct table_cell_context *t, const char *path)
{
  struct shown all = { .a = t->a, .text = "" };

  for (json_each_item (p, table_at(t->o, path)))
    show(&all, arena_printf(t->a, "%s=%s", json_get_str_or(*p, "apiServerID", ""),
                            json_get_str_or(*p, "encodingVersion", "")));
  return shown_cell(&all, "<unset>");
}

/* "resource.group" of a GroupResource. */
struct json *
cell_group_resource(const struct table_cell_context *t, const char *path)
{
  const struct json *r = table_at(t->o, path);
  const char *group = json_get_str_or(r, "group", "");

  return json_new_strf(t->a, "%s%s%s", json_get_str_or(r, "resource", ""), *group ? "." : "", group);
}
