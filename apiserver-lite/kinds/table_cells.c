#include "table_cells.h"

#include <string.h>

#include "clock.h"
#include "object.h"

#define CELLS_MAX 12

const struct json *
table_at(const struct json *o, const char *path)
{
  while (o && *path) {
    size_t n = strcspn(path, ".");

    o = json_get_n(o, path, n);
    path += n + (path[n] == '.');
  }
  return o;
}

char *
table_duration(struct arena *a, int64_t ns)
{
  int64_t s = ns / CLOCK_SEC, m = s / 60, h = s / 3600, d = h / 24;

  if (s < -1)
    return arena_strdup(a, "<invalid>");
  if (s < 0)
    return arena_strdup(a, "0s");
  if (s < 120)
    return arena_printf(a, "%llds", (long long)s);
  if (m < 10)
    return s % 60 ? arena_printf(a, "%lldm%llds", (long long)m, (long long)(s % 60))
                  : arena_printf(a, "%lldm", (long long)m);
  if (m < 180)
    return arena_printf(a, "%lldm", (long long)m);
  if (h < 8)
    return m % 60 ? arena_printf(a, "%lldh%lldm", (long long)h, (long long)(m % 60))
                  : arena_printf(a, "%lldh", (long long)h);
  if (h < 48)
    return arena_printf(a, "%lldh", (long long)h);
  if (h < 192)
    return h % 24 ? arena_printf(a, "%lldd%lldh", (long long)d, (long long)(h % 24))
                  : arena_printf(a, "%lldd", (long long)d);
  if (d < 730)
    return arena_printf(a, "%lldd", (long long)d);
  if (d < 2920)
    return d % 365 ? arena_printf(a, "%lldy%lldd", (long long)(d / 365), (long long)(d % 365))
                   : arena_printf(a, "%lldy", (long long)(d / 365));
  return arena_printf(a, "%lldy", (long long)(d / 365));
}

/* -- how a value is shown -- */

static struct json *
text_or(const struct table_cell_context *t, const char *path, const char *absent)
{
  const char *s = json_str(table_at(t->o, path));

  return json_new_str(t->a, s && *s ? s : absent);
}

static struct json *
text(const struct table_cell_context *t, const char *path)
{
  return text_or(t, path, "");
}

static struct json *
text_or_none(const struct table_cell_context *t, const char *path)
{
  return text_or(t, path, "<none>");
}

static struct json *
text_or_unset(const struct table_cell_context *t, const char *path)
{
  return text_or(t, path, "<unset>");
}

static struct json *
text_or_unknown(const struct table_cell_context *t, const char *path)
{
  return text_or(t, path, "<unknown>");
}

static struct json *
integer(const struct table_cell_context *t, const char *path)
{
  return json_new_int(t->a, json_int_or(table_at(t->o, path), 0));
}

static struct json *
boolean(const struct table_cell_context *t, const char *path)
{
  const struct json *v = table_at(t->o, path);

  return json_new_bool(t->a, json_is(v, JSON_BOOL) && v->u.boolean);
}

/* A number or percentage that may be unset. */
static struct json *
number_or_na(const struct table_cell_context *t, const char *path)
{
  const struct json *v = table_at(t->o, path);

  return v ? json_new_str(t->a, json_str(v) ? json_str(v) : json_text(t->a, v, JSON_COMPACT))
           : json_new_str(t->a, "N/A");
}

static struct json *
count(const struct table_cell_context *t, const char *path)
{
  return json_new_int(t->a, (int64_t)json_count(table_at(t->o, path)));
}

/* data and binaryData of config maps; data of secrets. */
static struct json *
count_data(const struct table_cell_context *t, const char *path)
{
  (void)path;
  return json_new_int(t->a, (int64_t)(json_count(json_get(t->o, "data")) + json_count(json_get(t->o, "binaryData"))));
}

struct json *
table_age(const struct table_cell_context *t, const char *path)
{
  const char *s = json_str(table_at(t->o, path));
  int64_t then;

  if (!s || !clock_parse_rfc3339(span_of(s), &then))
    return json_new_str(t->a, "<unknown>");
  return json_new_str(t->a, table_duration(t->a, t->now - then));
}

static struct json *
age(const struct table_cell_context *t, const char *path)
{
  (void)path;
  return table_age(t, "metadata.creationTimestamp");
}

static struct json *
age_or_none(const struct table_cell_context *t, const char *path)
{
  return table_at(t->o, path) ? table_age(t, path) : json_new_str(t->a, "<none>");
}

/* "a,b" of one member of each item; `path` is "list#member". */
static struct json *
joined(const struct table_cell_context *t, const char *path)
{
  const char *hash = strchr(path, '#'), *all = "";
  const struct json *list = table_at(t->o, arena_strndup(t->a, path, (size_t)(hash - path)));

  for (json_each_item (p, list)) {
    const char *s = hash[1] ? json_get_str_or(*p, hash + 1, "") : json_str(*p) ? json_str(*p) : "";

    all = arena_printf(t->a, "%s%s%s", all, *all ? "," : "", s);
  }
  return json_new_str(t->a, all);
}

/* A map of labels, or a LabelSelector, as text. */
static struct json *
labels(const struct table_cell_context *t, const char *path)
{
  const struct json *map = table_at(t->o, path);
  const struct json *match = json_is(json_get(map, "matchLabels"), JSON_OBJECT) ? json_get(map, "matchLabels") : map;
  const char *all = "";

  for (json_each_member (m, match)) {
    if (!json_is(m->value, JSON_STRING))
      continue;
    all = arena_printf(t->a, "%s%s%s=%s", all, *all ? "," : "", m->name, json_str(m->value));
  }
  return json_new_str(t->a, *all ? all : "<none>");
}

/* "ready/wanted"; `path` is "status.x#spec.y", and what is wanted defaults to 1 when unset. */
static struct json *
of(const struct table_cell_context *t, const char *path)
{
  const char *hash = strchr(path, '#');
  int64_t have = json_int_or(table_at(t->o, arena_strndup(t->a, path, (size_t)(hash - path))), 0);
  int64_t want = json_int_or(table_at(t->o, hash + 1), 0);

  return json_new_strf(t->a, "%lld/%lld", (long long)have, (long long)want);
}

static struct json *
access_modes(const struct table_cell_context *t, const char *path)
{
  static const char *const brief[][2] = {
    { "ReadWriteOnce", "RWO" }, { "ReadOnlyMany", "ROX" }, { "ReadWriteMany", "RWX" }, { "ReadWriteOncePod", "RWOP" }
  };
  const char *all = "";

  for (size_t i = 0; i < ARRAY_SIZE(brief); i++)
    for (json_each_item (p, table_at(t->o, path)))
      if (json_str(*p) && strcmp(json_str(*p), brief[i][0]) == 0) {
        all = arena_printf(t->a, "%s%s%s", all, *all ? "," : "", brief[i][1]);
        break;
      }
  return json_new_str(t->a, all);
}

static struct json *
claim_ref(const struct table_cell_context *t, const char *path)
{
  const struct json *ref = table_at(t->o, path);

  if (!ref)
    return json_new_str(t->a, "");
  return json_new_strf(t->a, "%s/%s", json_get_str_or(ref, "namespace", ""), json_get_str_or(ref, "name", ""));
}

static struct json *
role_ref(const struct table_cell_context *t, const char *path)
{
  const struct json *ref = table_at(t->o, path);

  return json_new_strf(t->a, "%s/%s", json_get_str_or(ref, "kind", ""), json_get_str_or(ref, "name", ""));
}

/* Names of the subjects of one kind. */
static struct json *
subjects(const struct table_cell_context *t, const char *kind)
{
  const char *all = "";

  for (json_each_item (p, json_get(t->o, "subjects"))) {
    if (strcmp(json_get_str_or(*p, "kind", ""), kind) != 0)
      continue;
    all = arena_printf(t->a, "%s%s%s%s%s", all, *all ? ", " : "", json_get_str_or(*p, "namespace", ""),
                       json_get_str(*p, "namespace") ? "/" : "", json_get_str_or(*p, "name", ""));
  }
  return json_new_str(t->a, all);
}

/* "cpu: 1/2, memory: 0/1Gi": used and hard, requests or limits. */
static struct json *
quota(const struct table_cell_context *t, const char *what)
{
  bool limits = strcmp(what, "limits") == 0;
  const char *all = "";

  for (json_each_member (m, table_at(t->o, "status.hard"))) {
    const char *used = json_str(json_get_n(table_at(t->o, "status.used"), m->name, m->name_len));

    if ((strncmp(m->name, "limits.", 7) == 0) != limits)
      continue;
    all = arena_printf(t->a, "%s%s%s: %s/%s", all, *all ? ", " : "", m->name, used ? used : "0",
                       json_str(m->value) ? json_str(m->value) : "");
  }
  return json_new_str(t->a, all);
}

static struct json *
job_status(const struct table_cell_context *t, const char *path)
{
  static const char *const shown[] = { "Complete", "Failed", "Suspended", "FailureTarget", "SuccessCriteriaMet" };

  (void)path;
  for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
    const struct json *c = object_condition(t->o, shown[i]);

    if (c && strcmp(json_get_str_or(c, "status", ""), "True") == 0)
      return json_new_str(t->a, shown[i]);
  }
  return json_new_str(t->a, object_is_deleting(t->o) ? "Terminating" : "Running");
}

static struct json *
job_completions(const struct table_cell_context *t, const char *path)
{
  int64_t done = json_int_or(table_at(t->o, "status.succeeded"), 0),
          want = json_int_or(table_at(t->o, "spec.completions"), -1);
  int64_t parallel = json_int_or(table_at(t->o, "spec.parallelism"), 0);

  (void)path;
  if (want >= 0)
    return json_new_strf(t->a, "%lld/%lld", (long long)done, (long long)want);
  return parallel > 1 ? json_new_strf(t->a, "%lld/1 of %lld", (long long)done, (long long)parallel)
                      : json_new_strf(t->a, "%lld/1", (long long)done);
}

static struct json *
job_duration(const struct table_cell_context *t, const char *path)
{
  const char *start = json_str(table_at(t->o, "status.startTime")),
             *end = json_str(table_at(t->o, "status.completionTime"));
  int64_t from, to = t->now;

  (void)path;
  if (!start || !clock_parse_rfc3339(span_of(start), &from))
    return json_new_str(t->a, "");
  if (end && !clock_parse_rfc3339(span_of(end), &to))
    to = t->now;
  return json_new_str(t->a, table_duration(t->a, to - from));
}

/* -- one row per kind, one cell per column; the names are those of the data files -- */

struct cell {
  table_cell_fn *fn;
  const char *path;
};

#define NAME              \
  {                       \
    text, "metadata.name" \
  }
#define AGE   \
  {           \
    age, NULL \
  }
#define POD_TEMPLATE(at)                  \
  { joined, at ".spec.containers#name" }, \
  {                                       \
    joined, at ".spec.containers#image"   \
  }

#define CLASSIC_CLAIM(at)                  \
  NAME, { text, at ".resourceClassName" }, \
  {                                        \
    text, at ".allocationMode"             \
  }

static const struct row {
  const char *group, *kind; /* "group/version" where a version has cells of its own */
  struct cell cells[CELLS_MAX];
} rows[] = {
  { "",
    "Pod",
    { NAME,
      { table_pod_ready, NULL },
      { table_pod_status, NULL },
      { table_pod_restarts, NULL },
      AGE,
      { table_pod_ip, NULL },
      { text_or_none, "spec.nodeName" },
      { text_or_none, "status.nominatedNodeName" },
      { table_pod_gates, NULL } } },
  { "",
    "Node",
    { NAME,
      { table_node_status, NULL },
      { table_node_roles, NULL },
      AGE,
      { text, "status.nodeInfo.kubeletVersion" },
      { table_node_ip, "InternalIP" },
      { table_node_ip, "ExternalIP" },
      { text_or_unknown, "status.nodeInfo.osImage" },
      { text_or_unknown, "status.nodeInfo.kernelVersion" },
      { text_or_unknown, "status.nodeInfo.containerRuntimeVersion" } } },
  { "", "Namespace", { NAME, { text, "status.phase" }, AGE } },
  { "", "ConfigMap", { NAME, { count_data, NULL }, AGE } },
  { "", "Secret", { NAME, { text, "type" }, { count_data, NULL }, AGE } },
  { "", "ServiceAccount", { NAME, AGE } },
  { "",
    "Event",
    { { table_event_last, NULL },
      { text, "type" },
      { text, "reason" },
      { table_event_object, NULL },
      { text, "involvedObject.fieldPath" },
      { table_event_source, NULL },
      { table_event_message, NULL },
      { table_event_first, NULL },
      { table_event_count, NULL },
      NAME } },
  { "",
    "Service",
    { NAME,
      { text, "spec.type" },
      { text_or_none, "spec.clusterIP" },
      { table_service_external, NULL },
      { table_service_ports, NULL },
      AGE,
      { labels, "spec.selector" } } },
  { "", "ResourceQuota", { NAME, { quota, "requests" }, { quota, "limits" }, AGE } },
  { "",
    "ReplicationController",
    { NAME,
      { integer, "spec.replicas" },
      { integer, "status.replicas" },
      { integer, "status.readyReplicas" },
      AGE,
      POD_TEMPLATE("spec.template"),
      { labels, "spec.selector" } } },
  { "",
    "PersistentVolume",
    { NAME,
      { text, "spec.capacity.storage" },
      { access_modes, "spec.accessModes" },
      { text, "spec.persistentVolumeReclaimPolicy" },
      { text, "status.phase" },
      { claim_ref, "spec.claimRef" },
      { text, "spec.storageClassName" },
      { text_or_unset, "spec.volumeAttributesClassName" },
      { text, "status.reason" },
      AGE,
      { text_or_unset, "spec.volumeMode" } } },
  { "",
    "PersistentVolumeClaim",
    { NAME,
      { text, "status.phase" },
      { text, "spec.volumeName" },
      { text, "status.capacity.storage" },
      { access_modes, "status.accessModes" },
      { text, "spec.storageClassName" },
      { text_or_unset, "spec.volumeAttributesClassName" },
      AGE,
      { text_or_unset, "spec.volumeMode" } } },
  { "", "PodTemplate", { NAME, POD_TEMPLATE("template"), { labels, "template.metadata.labels" } } },
  { "apps",
    "Deployment",
    { NAME,
      { of, "status.readyReplicas#spec.replicas" },
      { integer, "status.updatedReplicas" },
      { integer, "status.availableReplicas" },
      AGE,
      POD_TEMPLATE("spec.template"),
      { labels, "spec.selector" } } },
  { "apps",
    "ReplicaSet",
    { NAME,
      { integer, "spec.replicas" },
      { integer, "status.replicas" },
      { integer, "status.readyReplicas" },
      AGE,
      POD_TEMPLATE("spec.template"),
      { labels, "spec.selector" } } },
  { "apps", "StatefulSet", { NAME, { of, "status.readyReplicas#spec.replicas" }, AGE, POD_TEMPLATE("spec.template") } },
  { "apps",
    "DaemonSet",
    { NAME,
      { integer, "status.desiredNumberScheduled" },
      { integer, "status.currentNumberScheduled" },
      { integer, "status.numberReady" },
      { integer, "status.updatedNumberScheduled" },
      { integer, "status.numberAvailable" },
      { labels, "spec.template.spec.nodeSelector" },
      AGE,
      POD_TEMPLATE("spec.template"),
      { labels, "spec.selector" } } },
  { "batch",
    "Job",
    { NAME,
      { job_status, NULL },
      { job_completions, NULL },
      { job_duration, NULL },
      AGE,
      POD_TEMPLATE("spec.template"),
      { labels, "spec.selector" } } },
  { "batch",
    "CronJob",
    { NAME,
      { text, "spec.schedule" },
      { text_or_none, "spec.timeZone" },
      { boolean, "spec.suspend" },
      { count, "status.active" },
      { age_or_none, "status.lastScheduleTime" },
      AGE,
      POD_TEMPLATE("spec.jobTemplate.spec.template"),
      { labels, "spec.jobTemplate.spec.selector" } } },
  { "policy",
    "PodDisruptionBudget",
    { NAME,
      { number_or_na, "spec.minAvailable" },
      { number_or_na, "spec.maxUnavailable" },
      { integer, "status.disruptionsAllowed" },
      AGE } },
  { "coordination.k8s.io", "Lease", { NAME, { text, "spec.holderIdentity" }, AGE } },
  { "rbac.authorization.k8s.io",
    "RoleBinding",
    { NAME,
      { role_ref, "roleRef" },
      AGE,
      { subjects, "User" },
      { subjects, "Group" },
      { subjects, "ServiceAccount" } } },
  { "rbac.authorization.k8s.io",
    "ClusterRoleBinding",
    { NAME,
      { role_ref, "roleRef" },
      AGE,
      { subjects, "User" },
      { subjects, "Group" },
      { subjects, "ServiceAccount" } } },
  { "resource.k8s.io", "DeviceClass", { NAME, AGE } },
  { "resource.k8s.io", "ResourceClaim", { NAME, { table_claim_state, NULL }, AGE } },
  { "resource.k8s.io", "ResourceClaimTemplate", { NAME, AGE } },
  { "resource.k8s.io",
    "ResourceSlice",
    { NAME, { text, "spec.nodeName" }, { text, "spec.driver" }, { text, "spec.pool.name" }, AGE } },
  { "resource.k8s.io/v1alpha1", "ResourceClaim", { CLASSIC_CLAIM("spec"), { table_claim_state_classic, NULL }, AGE } },
  { "resource.k8s.io/v1alpha2", "ResourceClaim", { CLASSIC_CLAIM("spec"), { table_claim_state_classic, NULL }, AGE } },
  { "resource.k8s.io/v1alpha3", "ResourceClaim", { NAME, { table_claim_state_classic, NULL }, AGE } },
  { "resource.k8s.io/v1alpha1", "ResourceClaimTemplate", { CLASSIC_CLAIM("spec.spec"), AGE } },
  { "resource.k8s.io/v1alpha2", "ResourceClaimTemplate", { CLASSIC_CLAIM("spec.spec"), AGE } },
  { "resource.k8s.io/v1alpha2", "ResourceSlice", { NAME, { text, "nodeName" }, { text, "driverName" }, AGE } },
  { "resource.k8s.io", "ResourceClass", { NAME, { text, "driverName" }, AGE } },
  { "resource.k8s.io", "ResourceClaimParameters", { NAME, { table_generated_from, NULL }, AGE } },
  { "resource.k8s.io", "ResourceClassParameters", { NAME, { table_generated_from, NULL }, AGE } },
  { "resource.k8s.io", "PodScheduling", { NAME, { text, "spec.selectedNode" }, AGE } },
  { "resource.k8s.io", "PodSchedulingContext", { NAME, { text, "spec.selectedNode" }, AGE } },
  { "resource.k8s.io",
    "DeviceTaintRule",
    { NAME,
      { text, "spec.taint.key" },
      { text, "spec.taint.value" },
      { text, "spec.taint.effect" },
      { age_or_none, "spec.taint.timeAdded" },
      AGE } },
  { "scheduling.k8s.io",
    "PriorityClass",
    { NAME, { integer, "value" }, { boolean, "globalDefault" }, AGE, { text, "preemptionPolicy" } } },
  { "scheduling.k8s.io", "Workload", { NAME, AGE } },
  { "storage.k8s.io",
    "StorageClass",
    { NAME,
      { text, "provisioner" },
      { text, "reclaimPolicy" },
      { text, "volumeBindingMode" },
      { boolean, "allowVolumeExpansion" },
      AGE } },
  { "storage.k8s.io", "CSINode", { NAME, { count, "spec.drivers" }, AGE } },
  { "storage.k8s.io",
    "CSIDriver",
    { NAME,
      { boolean, "spec.attachRequired" },
      { boolean, "spec.podInfoOnMount" },
      { boolean, "spec.storageCapacity" } } },
  { "storage.k8s.io", "VolumeAttributesClass", { NAME, { text, "driverName" }, AGE } },
  { "networking.k8s.io", "NetworkPolicy", { NAME, { labels, "spec.podSelector" }, AGE } },
  { "networking.k8s.io",
    "IngressClass",
    { NAME, { text, "spec.controller" }, { text_or_none, "spec.parameters.name" }, AGE } },
  { "networking.k8s.io", "ServiceCIDR", { NAME, { joined, "spec.cidrs#" }, AGE } },
  { "node.k8s.io", "RuntimeClass", { NAME, { text, "handler" }, AGE } },
  { "admissionregistration.k8s.io", "ValidatingWebhookConfiguration", { NAME, { count, "webhooks" }, AGE } },
  { "admissionregistration.k8s.io", "MutatingWebhookConfiguration", { NAME, { count, "webhooks" }, AGE } },
  { "admissionregistration.k8s.io",
    "ValidatingAdmissionPolicy",
    { NAME, { count, "spec.validations" }, { text_or_unset, "spec.paramKind.kind" }, AGE } },
  { "admissionregistration.k8s.io",
    "ValidatingAdmissionPolicyBinding",
    { NAME, { text, "spec.policyName" }, { text_or_unset, "spec.paramRef.name" }, AGE } },
  { "admissionregistration.k8s.io",
    "MutatingAdmissionPolicy",
    { NAME, { count, "spec.mutations" }, { text_or_unset, "spec.paramKind.kind" }, AGE } },
  { "admissionregistration.k8s.io",
    "MutatingAdmissionPolicyBinding",
    { NAME, { text, "spec.policyName" }, { text_or_unset, "spec.paramRef.name" }, AGE } },
  { "autoscaling", "Scale", { NAME, { integer, "spec.replicas" }, { integer, "status.replicas" }, AGE } },
};

static bool
is_of_version(const struct row *r, const char *group, const char *version)
{
  size_t n = strlen(group);

  return strncmp(r->group, group, n) == 0 && r->group[n] == '/' && strcmp(r->group + n + 1, version) == 0;
}

/* Events are shown alike in both of their groups. */
static const char *
group_of(const struct kind *k)
{
  return strcmp(k->group, "events.k8s.io") == 0 ? "" : k->group;
}

static const struct row *
row_of(const struct kind *k)
{
  const char *group = group_of(k);
  const struct row *any = NULL;

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    const struct row *r = &rows[i];

    if (strcmp(r->kind, k->kind) != 0)
      continue;
    if (is_of_version(r, group, k->version))
      return r;
    if (strcmp(r->group, group) == 0)
      any = r;
  }
  return any;
}

const struct kind_table *
table_of(const struct kind *k)
{
  return row_of(k) ? kind_table_find(group_of(k), k->version, k->kind) : NULL;
}

void
table_cells(struct arena *a, const struct kind *k, const struct json *o, int64_t now, struct json *cells)
{
  const struct table_cell_context t = { .a = a, .o = o, .now = now };
  const struct row *r = row_of(k);

  for (size_t i = 0; r && i < CELLS_MAX && r->cells[i].fn; i++)
    json_append(a, cells, r->cells[i].fn(&t, r->cells[i].path));
}
