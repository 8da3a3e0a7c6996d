/* Which cell stands in which column: one row per kind. */
#include <string.h>

#include "table_cells.h"

#define CELLS_MAX 12

/* -- one row per kind, one cell per column; the names are those of the data files -- */

struct cell {
  table_cell_fn *fn;
  const char *path;
};

#define NAME                   \
  {                            \
    cell_text, "metadata.name" \
  }
#define AGE        \
  {                \
    cell_age, NULL \
  }
#define POD_TEMPLATE(at)                       \
  { cell_joined, at ".spec.containers#name" }, \
  {                                            \
    cell_joined, at ".spec.containers#image"   \
  }

#define CLASSIC_CLAIM(at)                       \
  NAME, { cell_text, at ".resourceClassName" }, \
  {                                             \
    cell_text, at ".allocationMode"             \
  }

static const struct row {
  const char *group, *kind; /* "group/version" where a version has cells of its own */
  struct cell cells[CELLS_MAX];
} rows[] = {
  { "",
    "Pod",
    { NAME,
      { cell_pod_ready, NULL },
      { cell_pod_status, NULL },
      { cell_pod_restarts, NULL },
      AGE,
      { cell_pod_ip, NULL },
      { cell_text_or_none, "spec.nodeName" },
      { cell_text_or_none, "status.nominatedNodeName" },
      { cell_pod_gates, NULL } } },
  { "",
    "Node",
    { NAME,
      { cell_node_status, NULL },
      { cell_node_roles, NULL },
      AGE,
      { cell_text, "status.nodeInfo.kubeletVersion" },
      { cell_node_ip, "InternalIP" },
      { cell_node_ip, "ExternalIP" },
      { cell_text_or_unknown, "status.nodeInfo.osImage" },
      { cell_text_or_unknown, "status.nodeInfo.kernelVersion" },
      { cell_text_or_unknown, "status.nodeInfo.containerRuntimeVersion" } } },
  { "", "Namespace", { NAME, { cell_text, "status.phase" }, AGE } },
  { "", "ConfigMap", { NAME, { cell_count_data, NULL }, AGE } },
  { "", "Secret", { NAME, { cell_text, "type" }, { cell_count_data, NULL }, AGE } },
  { "", "ServiceAccount", { NAME, AGE } },
  { "",
    "Event",
    { { cell_event_last, NULL },
      { cell_text, "type" },
      { cell_text, "reason" },
      { cell_event_object, NULL },
      { cell_text, "involvedObject.fieldPath" },
      { cell_event_source, NULL },
      { cell_event_message, NULL },
      { cell_event_first, NULL },
      { cell_event_count, NULL },
      NAME } },
  { "",
    "Service",
    { NAME,
      { cell_text, "spec.type" },
      { cell_text_or_none, "spec.clusterIP" },
      { cell_service_external, NULL },
      { cell_service_ports, NULL },
      AGE,
      { cell_labels, "spec.selector" } } },
  { "", "ResourceQuota", { NAME, { cell_quota, "requests" }, { cell_quota, "limits" }, AGE } },
  { "",
    "ReplicationController",
    { NAME,
      { cell_integer, "spec.replicas" },
      { cell_integer, "status.replicas" },
      { cell_integer, "status.readyReplicas" },
      AGE,
      POD_TEMPLATE("spec.template"),
      { cell_labels, "spec.selector" } } },
  { "",
    "PersistentVolume",
    { NAME,
      { cell_text, "spec.capacity.storage" },
      { cell_access_modes, "spec.accessModes" },
      { cell_text, "spec.persistentVolumeReclaimPolicy" },
      { cell_text, "status.phase" },
      { cell_claim_ref, "spec.claimRef" },
      { cell_text, "spec.storageClassName" },
      { cell_text_or_unset, "spec.volumeAttributesClassName" },
      { cell_text, "status.reason" },
      AGE,
      { cell_text_or_unset, "spec.volumeMode" } } },
  { "",
    "PersistentVolumeClaim",
    { NAME,
      { cell_text, "status.phase" },
      { cell_text, "spec.volumeName" },
      { cell_text, "status.capacity.storage" },
      { cell_access_modes, "status.accessModes" },
      { cell_text, "spec.storageClassName" },
      { cell_text_or_unset, "spec.volumeAttributesClassName" },
      AGE,
      { cell_text_or_unset, "spec.volumeMode" } } },
  { "", "PodTemplate", { NAME, POD_TEMPLATE("template"), { cell_labels, "template.metadata.labels" } } },
  { "apps",
    "Deployment",
    { NAME,
      { cell_of, "status.readyReplicas#spec.replicas" },
      { cell_integer, "status.updatedReplicas" },
      { cell_integer, "status.availableReplicas" },
      AGE,
      POD_TEMPLATE("spec.template"),
      { cell_labels, "spec.selector" } } },
  { "apps",
    "ReplicaSet",
    { NAME,
      { cell_integer, "spec.replicas" },
      { cell_integer, "status.replicas" },
      { cell_integer, "status.readyReplicas" },
      AGE,
      POD_TEMPLATE("spec.template"),
      { cell_labels, "spec.selector" } } },
  { "apps",
    "StatefulSet",
    { NAME, { cell_of, "status.readyReplicas#spec.replicas" }, AGE, POD_TEMPLATE("spec.template") } },
  { "apps",
    "DaemonSet",
    { NAME,
      { cell_integer, "status.desiredNumberScheduled" },
      { cell_integer, "status.currentNumberScheduled" },
      { cell_integer, "status.numberReady" },
      { cell_integer, "status.updatedNumberScheduled" },
      { cell_integer, "status.numberAvailable" },
      { cell_labels, "spec.template.spec.nodeSelector" },
      AGE,
      POD_TEMPLATE("spec.template"),
      { cell_labels, "spec.selector" } } },
  { "batch",
    "Job",
    { NAME,
      { cell_job_status, NULL },
      { cell_job_completions, NULL },
      { cell_job_duration, NULL },
      AGE,
      POD_TEMPLATE("spec.template"),
      { cell_labels, "spec.selector" } } },
  { "batch",
    "CronJob",
    { NAME,
      { cell_text, "spec.schedule" },
      { cell_text_or_none, "spec.timeZone" },
      { cell_boolean, "spec.suspend" },
      { cell_count, "status.active" },
      { cell_age_or_none, "status.lastScheduleTime" },
      AGE,
      POD_TEMPLATE("spec.jobTemplate.spec.template"),
      { cell_labels, "spec.jobTemplate.spec.selector" } } },
  { "policy",
    "PodDisruptionBudget",
    { NAME,
      { cell_number_or_na, "spec.minAvailable" },
      { cell_number_or_na, "spec.maxUnavailable" },
      { cell_integer, "status.disruptionsAllowed" },
      AGE } },
  { "coordination.k8s.io", "Lease", { NAME, { cell_text, "spec.holderIdentity" }, AGE } },
  { "rbac.authorization.k8s.io",
    "RoleBinding",
    { NAME,
      { cell_role_ref, "roleRef" },
      AGE,
      { cell_subjects, "User" },
      { cell_subjects, "Group" },
      { cell_subjects, "ServiceAccount" } } },
  { "rbac.authorization.k8s.io",
    "ClusterRoleBinding",
    { NAME,
      { cell_role_ref, "roleRef" },
      AGE,
      { cell_subjects, "User" },
      { cell_subjects, "Group" },
      { cell_subjects, "ServiceAccount" } } },
  { "resource.k8s.io", "DeviceClass", { NAME, AGE } },
  { "resource.k8s.io", "ResourceClaim", { NAME, { cell_claim_state, NULL }, AGE } },
  { "resource.k8s.io", "ResourceClaimTemplate", { NAME, AGE } },
  { "resource.k8s.io",
    "ResourceSlice",
    { NAME, { cell_text, "spec.nodeName" }, { cell_text, "spec.driver" }, { cell_text, "spec.pool.name" }, AGE } },
  { "resource.k8s.io/v1alpha1", "ResourceClaim", { CLASSIC_CLAIM("spec"), { cell_claim_state_classic, NULL }, AGE } },
  { "resource.k8s.io/v1alpha2", "ResourceClaim", { CLASSIC_CLAIM("spec"), { cell_claim_state_classic, NULL }, AGE } },
  { "resource.k8s.io/v1alpha3", "ResourceClaim", { NAME, { cell_claim_state_classic, NULL }, AGE } },
  { "resource.k8s.io/v1alpha1", "ResourceClaimTemplate", { CLASSIC_CLAIM("spec.spec"), AGE } },
  { "resource.k8s.io/v1alpha2", "ResourceClaimTemplate", { CLASSIC_CLAIM("spec.spec"), AGE } },
  { "resource.k8s.io/v1alpha2",
    "ResourceSlice",
    { NAME, { cell_text, "nodeName" }, { cell_text, "driverName" }, AGE } },
  { "resource.k8s.io", "ResourceClass", { NAME, { cell_text, "driverName" }, AGE } },
  { "resource.k8s.io", "ResourceClaimParameters", { NAME, { cell_generated_from, NULL }, AGE } },
  { "resource.k8s.io", "ResourceClassParameters", { NAME, { cell_generated_from, NULL }, AGE } },
  { "resource.k8s.io", "PodScheduling", { NAME, { cell_text, "spec.selectedNode" }, AGE } },
  { "resource.k8s.io", "PodSchedulingContext", { NAME, { cell_text, "spec.selectedNode" }, AGE } },
  { "resource.k8s.io",
    "DeviceTaintRule",
    { NAME,
      { cell_text, "spec.taint.key" },
      { cell_text, "spec.taint.value" },
      { cell_text, "spec.taint.effect" },
      { cell_age_or_none, "spec.taint.timeAdded" },
      AGE } },
  { "scheduling.k8s.io",
    "PriorityClass",
    { NAME, { cell_integer, "value" }, { cell_boolean, "globalDefault" }, AGE, { cell_text, "preemptionPolicy" } } },
  { "scheduling.k8s.io", "Workload", { NAME, AGE } },
  { "storage.k8s.io",
    "StorageClass",
    { NAME,
      { cell_text, "provisioner" },
      { cell_text, "reclaimPolicy" },
      { cell_text, "volumeBindingMode" },
      { cell_boolean, "allowVolumeExpansion" },
      AGE } },
  { "storage.k8s.io", "CSINode", { NAME, { cell_count, "spec.drivers" }, AGE } },
  { "storage.k8s.io",
    "CSIDriver",
    { NAME,
      { cell_boolean, "spec.attachRequired" },
      { cell_boolean, "spec.podInfoOnMount" },
      { cell_boolean, "spec.storageCapacity" },
      { cell_audiences, "spec.tokenRequests" },
      { cell_boolean, "spec.requiresRepublish" },
      { cell_modes, "spec.volumeLifecycleModes" },
      AGE } },
  { "storage.k8s.io",
    "VolumeAttachment",
    { NAME,
      { cell_text, "spec.attacher" },
      { cell_text, "spec.source.persistentVolumeName" },
      { cell_text, "spec.nodeName" },
      { cell_boolean, "status.attached" },
      AGE } },
  { "storage.k8s.io", "VolumeAttributesClass", { NAME, { cell_text, "driverName" }, AGE } },
  { "networking.k8s.io", "NetworkPolicy", { NAME, { cell_labels, "spec.podSelector" }, AGE } },
  { "networking.k8s.io",
    "IngressClass",
    { NAME, { cell_text, "spec.controller" }, { cell_text_or_none, "spec.parameters.name" }, AGE } },
  { "networking.k8s.io", "ServiceCIDR", { NAME, { cell_joined, "spec.cidrs#" }, AGE } },
  { "node.k8s.io", "RuntimeClass", { NAME, { cell_text, "handler" }, AGE } },
  { "admissionregistration.k8s.io", "ValidatingWebhookConfiguration", { NAME, { cell_count, "webhooks" }, AGE } },
  { "admissionregistration.k8s.io", "MutatingWebhookConfiguration", { NAME, { cell_count, "webhooks" }, AGE } },
  { "admissionregistration.k8s.io",
    "ValidatingAdmissionPolicy",
    { NAME, { cell_count, "spec.validations" }, { cell_text_or_unset, "spec.paramKind.kind" }, AGE } },
  { "admissionregistration.k8s.io",
    "ValidatingAdmissionPolicyBinding",
    { NAME, { cell_text, "spec.policyName" }, { cell_text_or_unset, "spec.paramRef.name" }, AGE } },
  { "admissionregistration.k8s.io",
    "MutatingAdmissionPolicy",
    { NAME, { cell_count, "spec.mutations" }, { cell_text_or_unset, "spec.paramKind.kind" }, AGE } },
  { "admissionregistration.k8s.io",
    "MutatingAdmissionPolicyBinding",
    { NAME, { cell_text, "spec.policyName" }, { cell_text_or_unset, "spec.paramRef.name" }, AGE } },
  { "",
    "ComponentStatus",
    { NAME,
      { cell_component_status, "status" },
      { cell_component_status, "message" },
      { cell_component_status, "error" } } },
  { "", "Endpoints", { NAME, { cell_endpoints, NULL }, AGE } },
  { "apps", "ControllerRevision", { NAME, { cell_controller, NULL }, { cell_integer, "revision" }, AGE } },
  { "autoscaling",
    "HorizontalPodAutoscaler",
    { NAME,
      { cell_role_ref, "spec.scaleTargetRef" },
      { cell_autoscaler_targets, NULL },
      { cell_text_of_number, "spec.minReplicas" },
      { cell_integer, "spec.maxReplicas" },
      { cell_integer, "status.currentReplicas" },
      AGE } },
  { "certificates.k8s.io",
    "CertificateSigningRequest",
    { NAME,
      AGE,
      { cell_text_or_none, "spec.signerName" },
      { cell_text, "spec.username" },
      { cell_seconds, "spec.expirationSeconds" },
      { cell_csr_state, NULL } } },
  { "certificates.k8s.io", "ClusterTrustBundle", { NAME, { cell_text_or_none, "spec.signerName" } } },
  { "certificates.k8s.io",
    "PodCertificateRequest",
    { NAME,
      { cell_text, "spec.podName" },
      { cell_text, "spec.serviceAccountName" },
      { cell_text, "spec.nodeName" },
      { cell_text, "spec.signerName" },
      { cell_certificate_state, NULL },
      { cell_labels, "spec.unverifiedUserAnnotations" } } },
  { "networking.k8s.io",
    "Ingress",
    { NAME,
      { cell_text_or_none, "spec.ingressClassName" },
      { cell_ingress_hosts, "spec.rules" },
      { cell_ingress_address, "status.loadBalancer.ingress" },
      { cell_ingress_ports, "spec.tls" },
      AGE } },
  /* Upstream's rows have an age, its columns do not. */
  { "networking.k8s.io", "IPAddress", { NAME, { cell_parent_ref, "spec.parentRef" }, AGE } },
  { "discovery.k8s.io",
    "EndpointSlice",
    { NAME, { cell_text, "addressType" }, { cell_slice_ports, "ports" }, { cell_slice_endpoints, "endpoints" }, AGE } },
  { "scheduling.k8s.io",
    "PodGroup",
    { NAME,
      { cell_group_policy, "spec.schedulingPolicy" },
      { cell_text_or_none, "spec.workloadRef.workloadName" },
      { cell_group_status, NULL },
      AGE } },
  { "scheduling.k8s.io",
    "CompositePodGroup",
    { NAME,
      { cell_group_policy, "spec.schedulingPolicy" },
      { cell_text_or_none, "spec.workloadRef.workloadName" },
      AGE } },
  { "resource.k8s.io",
    "ResourcePoolStatusRequest",
    { NAME,
      { cell_text, "spec.driver" },
      { cell_pools_sum, "totalDevices" },
      { cell_pools_sum, "availableDevices" },
      { cell_pools_sum, "allocatedDevices" },
      { cell_pools_sum, "unavailableDevices" },
      { cell_pools_sum, "validationError" },
      { cell_integer, "status.poolCount" },
      { cell_pools_status, NULL },
      { cell_pools_completed, NULL } } },
  { "flowcontrol.apiserver.k8s.io",
    "FlowSchema",
    { NAME,
      { cell_text, "spec.priorityLevelConfiguration.name" },
      { cell_integer, "spec.matchingPrecedence" },
      { cell_text_or_none, "spec.distinguisherMethod.type" },
      AGE,
      { cell_condition, "Dangling|?" } } },
  { "flowcontrol.apiserver.k8s.io",
    "PriorityLevelConfiguration",
    { NAME,
      { cell_text, "spec.type" },
      { cell_number_or_none, "spec.limited.nominalConcurrencyShares" },
      { cell_number_or_none, "spec.limited.limitResponse.queuing.queues" },
      { cell_number_or_none, "spec.limited.limitResponse.queuing.handSize" },
      { cell_number_or_none, "spec.limited.limitResponse.queuing.queueLengthLimit" },
      AGE } },
  { "storagemigration.k8s.io",
    "StorageVersionMigration",
    { NAME, { cell_group_resource, "spec.resource" }, { cell_last_condition, "Unknown|Running|Failed|Succeeded" } } },
  { "internal.apiserver.k8s.io",
    "StorageVersion",
    { NAME,
      { cell_text_or_unset, "status.commonEncodingVersion" },
      { cell_storage_versions, "status.storageVersions" },
      AGE } },
  { "coordination.k8s.io",
    "LeaseCandidate",
    { NAME,
      { cell_text, "spec.leaseName" },
      { cell_text, "spec.binaryVersion" },
      { cell_text, "spec.emulationVersion" },
      AGE } },
  { "apiregistration.k8s.io",
    "APIService",
    { NAME, { cell_api_service, "spec.service" }, { cell_api_available, NULL }, AGE } },
  { "apiextensions.k8s.io",
    "CustomResourceDefinition",
    { NAME,
      { cell_text, "spec.scope" },
      { cell_served_versions, "spec.versions" },
      { cell_text, "metadata.creationTimestamp" },
      { cell_text, "spec.group" },
      { cell_text, "spec.names.kind" },
      { cell_joined, "spec.names.shortNames#" },
      { cell_established, NULL } } },
  { "autoscaling", "Scale", { NAME, { cell_integer, "spec.replicas" }, { cell_integer, "status.replicas" }, AGE } },
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
  return row_of(k) ? kind_table_find(group_of(k), k->version, k->kind)
                   : kind_table_find("meta.k8s.io", "v1", "PartialObjectMetadata");
}

void
table_cells(struct arena *a, const struct kind *k, const struct json *o, int64_t now, struct json *cells)
{
  const struct table_cell_context t = { .a = a, .o = o, .now = now };
  const struct row *r = row_of(k);

  if (!r) {
    json_append(a, cells, cell_text(&t, "metadata.name"));
    json_append(a, cells, cell_text_or_unknown(&t, "metadata.creationTimestamp"));
  }
  for (size_t i = 0; r && i < CELLS_MAX && r->cells[i].fn; i++)
    json_append(a, cells, r->cells[i].fn(&t, r->cells[i].path));
}
