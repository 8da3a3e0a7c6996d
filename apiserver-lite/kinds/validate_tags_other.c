/*
 * Declarative rules of the other groups, release 1.37; the words are those of validate_tags.h.
 * Types of one shape share a row. Rules that upstream only compares (alpha) are left out, unless they stop others.
 */
/* clang-format off */
#include "validate_tags.h"

static const struct tag_type core_v1_NodePodPreemptionPolicy = { .fields = FIELDS(
  { "disableResizePreemption", TAG_LIST, RULES(RULE_STOP(MAX_ITEMS, .n = 20), RULE_STOP(OPTIONAL), RULE(UNIQUE, .names = NAMES(""))), EACH(RULE(FORMAT, .n = FORMAT_LABEL_KEY)), .match = NAMES("") }) };

static const struct tag_type core_v1_NodeSpec = { .fields = FIELDS(
  { "podPreemptionPolicy", TAG_POINTER, RULES(RULE_STOP(FORBIDDEN, .gate = "!InPlacePodVerticalScalingSchedulerPreemption"), RULE_STOP(OPTIONAL, .gate = "!InPlacePodVerticalScalingSchedulerPreemption"), RULE_STOP(OPTIONAL)), .type = &core_v1_NodePodPreemptionPolicy }) };

static const struct tag_type core_v1_Node = { .fields = FIELDS(
  { "spec", TAG_VALUE, .type = &core_v1_NodeSpec }) };

static const struct tag_type core_v1_VolumeHealthCondition = { .fields = FIELDS(
  { "status", TAG_VALUE, RULES(RULE_STOP(REQUIRED), RULE(ENUM, .names = NAMES("DataLoss", "Degraded", "Inaccessible"))) },
  { "reason", TAG_VALUE, RULES(RULE_STOP(REQUIRED), RULE(MAX_BYTES, .n = 256)) },
  { "message", TAG_VALUE, RULES(RULE_STOP(OPTIONAL), RULE(MAX_BYTES, .n = 1024)) }) };

static const struct tag_type core_v1_VolumeHealthStatus = { .fields = FIELDS(
  { "healthConditions", TAG_LIST, RULES(RULE_STOP(MAX_ITEMS, .n = 16), RULE_STOP(OPTIONAL), RULE(UNIQUE, .names = NAMES("status", "reason"))), .type = &core_v1_VolumeHealthCondition, .match = NAMES("status", "reason") }) };

static const struct tag_type core_v1_PersistentVolumeClaimStatus = { .fields = FIELDS(
  { "healthStatus", TAG_POINTER, RULES(RULE_STOP(OPTIONAL)), .type = &core_v1_VolumeHealthStatus }) };

static const struct tag_type core_v1_PersistentVolumeClaim = { .fields = FIELDS(
  { "status", TAG_VALUE, .type = &core_v1_PersistentVolumeClaimStatus }) };

static const struct tag_type core_v1_EvictionResponder = { .fields = FIELDS(
  { "name", TAG_VALUE, RULES(RULE_STOP(REQUIRED), RULE(FORMAT, .n = FORMAT_PREFIXED_LABEL_KEY)) },
  { "priority", TAG_POINTER, RULES(RULE_STOP(REQUIRED), RULE(MAXIMUM, .n = 100000), RULE(MINIMUM, .n = 0)) }) };

static const struct tag_type core_v1_PodSpec = { .fields = FIELDS(
  { "evictionResponders", TAG_LIST, RULES(RULE_STOP(MAX_ITEMS, .n = 10), RULE_STOP(OPTIONAL), RULE(UNIQUE, .names = NAMES("name"))), .type = &core_v1_EvictionResponder, .match = NAMES("name") }) };

static const struct tag_type core_v1_NodeAllocatableMappedResources = { .fields = FIELDS(
  { "name", TAG_VALUE, RULES(RULE_STOP(REQUIRED)) },
  { "quantity", TAG_POINTER, RULES(RULE_STOP(REQUIRED)) }) };

static const struct tag_type core_v1_NodeAllocatableOverheadResources = { .fields = FIELDS(
  { "name", TAG_VALUE, RULES(RULE_STOP(REQUIRED)) }) };

static const struct tag_type core_v1_NodeAllocatableResourceClaimStatus = { .fields = FIELDS(
  { "resourceClaimName", TAG_VALUE, RULES(RULE_STOP(REQUIRED)) },
  { "containers", TAG_LIST, RULES(RULE_STOP(OPTIONAL), RULE(UNIQUE, .names = NAMES(""))) },
  { "mapping", TAG_LIST, RULES(RULE_STOP(OPTIONAL), RULE(UNIQUE, .names = NAMES("name"))), .type = &core_v1_NodeAllocatableMappedResources, .match = NAMES("name") },
  { "overhead", TAG_LIST, RULES(RULE_STOP(OPTIONAL), RULE(UNIQUE, .names = NAMES("name"))), .type = &core_v1_NodeAllocatableOverheadResources, .match = NAMES("name") }) };

static const struct tag_type core_v1_PodVolumeHealth = { .fields = FIELDS(
  { "name", TAG_VALUE, RULES(RULE_STOP(REQUIRED)) },
  { "healthConditions", TAG_LIST, RULES(RULE_STOP(MAX_ITEMS, .n = 16), RULE_STOP(OPTIONAL), RULE(UNIQUE, .names = NAMES("status", "reason"))), .type = &core_v1_VolumeHealthCondition, .match = NAMES("status", "reason") }) };

static const struct tag_type core_v1_PodStatus = { .fields = FIELDS(
  { "nodeAllocatableResourceClaimStatuses", TAG_LIST, RULES(RULE_STOP(OPTIONAL), RULE(UNIQUE, .names = NAMES("resourceClaimName"))), .type = &core_v1_NodeAllocatableResourceClaimStatus, .match = NAMES("resourceClaimName") },
  { "volumeHealth", TAG_LIST, RULES(RULE_STOP(OPTIONAL), RULE(UNIQUE, .names = NAMES("name"))), .type = &core_v1_PodVolumeHealth, .match = NAMES("name") }) };

static const struct tag_type core_v1_Pod = { .fields = FIELDS(
  { "spec", TAG_VALUE, .type = &core_v1_PodSpec },
  { "status", TAG_VALUE, .type = &core_v1_PodStatus }) };

static const struct tag_type core_v1_PodTemplateSpec = { .fields = FIELDS(
  { "spec", TAG_VALUE, .type = &core_v1_PodSpec }) };

static const struct tag_type core_v1_PodTemplate = { .fields = FIELDS(
  { "template", TAG_VALUE, .type = &core_v1_PodTemplateSpec }) };

static const struct tag_type core_v1_ReplicationControllerSpec = { .fields = FIELDS(
  { "replicas", TAG_POINTER, RULES(BETA_STOP(REQUIRED), BETA(MINIMUM, .n = 0)) },
  { "minReadySeconds", TAG_VALUE, RULES(BETA(MINIMUM, .n = 0)) },
  { "template", TAG_POINTER, RULES(ALPHA_STOP(OPTIONAL)), .type = &core_v1_PodTemplateSpec }) };

static const struct tag_type core_v1_ReplicationController_metadata = { .fields = FIELDS(
  { "name", TAG_VALUE, RULES(BETA_STOP(OPTIONAL), BETA(FORMAT, .n = FORMAT_LONG_NAME)) }) };

static const struct tag_type core_v1_ReplicationController = { .fields = FIELDS(
  { "metadata", TAG_VALUE, .type = &core_v1_ReplicationController_metadata },
  { "spec", TAG_VALUE, .type = &core_v1_ReplicationControllerSpec }) };

static const struct tag_type apps_v1_DaemonSet = { .fields = FIELDS(
  { "spec", TAG_VALUE, .type = &core_v1_PodTemplate }) };

static const struct tag_type batch_v1_JobSchedulingConfiguration = { .fields = FIELDS(
  { "schedulingPolicy", TAG_POINTER, RULES(RULE_STOP(OPTIONAL), RULE_STOP(UPDATE, .n = TAG_NO_SET | TAG_NO_UNSET)) },
  { "schedulingConstraints", TAG_POINTER, RULES(RULE_STOP(IMMUTABLE), RULE_STOP(OPTIONAL)) },
  { "disruptionMode", TAG_POINTER, RULES(RULE_STOP(IMMUTABLE), RULE_STOP(OPTIONAL)) },
  { "resourceClaims", TAG_LIST, RULES(RULE_STOP(IMMUTABLE), RULE_STOP(MAX_ITEMS, .n = 4), RULE_STOP(OPTIONAL), RULE(UNIQUE, .names = NAMES("name"))) }) };

static const struct tag_type batch_v1_JobSpec = { .fields = FIELDS(
  { "template", TAG_VALUE, .type = &core_v1_PodTemplateSpec },
  { "scheduling", TAG_POINTER, RULES(RULE_STOP(FORBIDDEN, .gate = "!WorkloadWithJob"), RULE_STOP(OPTIONAL, .gate = "!WorkloadWithJob"), RULE_STOP(OPTIONAL), RULE_STOP(UPDATE, .n = TAG_NO_SET | TAG_NO_UNSET)), .type = &batch_v1_JobSchedulingConfiguration }) };

static const struct tag_type batch_v1_JobTemplateSpec = { .fields = FIELDS(
  { "spec", TAG_VALUE, .type = &batch_v1_JobSpec }) };

static const struct tag_type batch_v1_CronJobSpec = { .fields = FIELDS(
  { "schedule", TAG_VALUE, RULES(BETA_STOP(REQUIRED)) },
  { "jobTemplate", TAG_VALUE, .type = &batch_v1_JobTemplateSpec }) };

static const struct tag_type batch_v1_CronJob = { .fields = FIELDS(
  { "spec", TAG_VALUE, .type = &batch_v1_CronJobSpec }) };

static const struct tag_type rbac_v1_PolicyRule = { .fields = FIELDS(
  { "verbs", TAG_LIST, RULES(BETA_STOP(REQUIRED)) }) };

static const struct tag_type rbac_v1_ClusterRole = { .fields = FIELDS(
  { "rules", TAG_LIST, RULES(BETA_STOP(OPTIONAL)), .type = &rbac_v1_PolicyRule }) };

static const struct tag_type rbac_v1_Subject = { .fields = FIELDS(
  { "name", TAG_VALUE, RULES(BETA_STOP(REQUIRED)) }) };

static const struct tag_type rbac_v1_ClusterRoleBinding = { .fields = FIELDS(
  { "subjects", TAG_LIST, RULES(BETA_STOP(OPTIONAL)), .type = &rbac_v1_Subject },
  { "roleRef", TAG_VALUE, RULES(ALPHA_STOP(IMMUTABLE)), .type = &rbac_v1_Subject }) };

static const struct tag_type networking_v1_ParentReference = { .fields = FIELDS(
  { "resource", TAG_VALUE, RULES(BETA_STOP(REQUIRED)) },
  { "name", TAG_VALUE, RULES(BETA_STOP(REQUIRED)) }) };

static const struct tag_type networking_v1_IPAddressSpec = { .fields = FIELDS(
  { "parentRef", TAG_POINTER, RULES(BETA_STOP(REQUIRED), BETA_STOP(IMMUTABLE)), .type = &networking_v1_ParentReference }) };

static const struct tag_type networking_v1_IPAddress = { .fields = FIELDS(
  { "spec", TAG_VALUE, .type = &networking_v1_IPAddressSpec }) };

static const struct tag_type networking_v1_IngressClassParametersReference = { .fields = FIELDS(
  { "kind", TAG_VALUE, RULES(BETA_STOP(REQUIRED)) },
  { "name", TAG_VALUE, RULES(BETA_STOP(REQUIRED)) }) };

static const struct tag_type networking_v1_IngressClassSpec = { .fields = FIELDS(
  { "parameters", TAG_POINTER, RULES(BETA_STOP(OPTIONAL)), .type = &networking_v1_IngressClassParametersReference }) };

static const struct tag_type networking_v1_IngressClass = { .fields = FIELDS(
  { "spec", TAG_VALUE, .type = &networking_v1_IngressClassSpec }) };

static const struct tag_type networking_v1_IPBlock = { .fields = FIELDS(
  { "cidr", TAG_VALUE, RULES(BETA_STOP(REQUIRED)) }) };

static const struct tag_type networking_v1_NetworkPolicyPeer = { .fields = FIELDS(
  { "ipBlock", TAG_POINTER, RULES(BETA_STOP(OPTIONAL)), .type = &networking_v1_IPBlock }) };

static const struct tag_type networking_v1_NetworkPolicyIngressRule = { .fields = FIELDS(
  { "from", TAG_LIST, RULES(BETA_STOP(OPTIONAL)), .type = &networking_v1_NetworkPolicyPeer }) };

static const struct tag_type networking_v1_NetworkPolicyEgressRule = { .fields = FIELDS(
  { "to", TAG_LIST, RULES(BETA_STOP(OPTIONAL)), .type = &networking_v1_NetworkPolicyPeer }) };

static const struct tag_type networking_v1_NetworkPolicySpec = { .fields = FIELDS(
  { "ingress", TAG_LIST, RULES(BETA_STOP(OPTIONAL)), .type = &networking_v1_NetworkPolicyIngressRule },
  { "egress", TAG_LIST, RULES(BETA_STOP(OPTIONAL)), .type = &networking_v1_NetworkPolicyEgressRule }) };

static const struct tag_type networking_v1_NetworkPolicy = { .fields = FIELDS(
  { "spec", TAG_VALUE, .type = &networking_v1_NetworkPolicySpec }) };

static const struct tag_type storage_v1_StorageClass = { .fields = FIELDS(
  { "provisioner", TAG_VALUE, RULES(BETA_STOP(REQUIRED), BETA_STOP(IMMUTABLE)) },
  { "parameters", TAG_MAP, RULES(BETA_STOP(IMMUTABLE), BETA_STOP(OPTIONAL)) },
  { "reclaimPolicy", TAG_POINTER, RULES(BETA_STOP(IMMUTABLE), BETA_STOP(OPTIONAL)) },
  { "volumeBindingMode", TAG_POINTER, RULES(BETA_STOP(IMMUTABLE), BETA_STOP(OPTIONAL)) }) };

static const struct tag_type storage_v1_VolumeAttachmentSpec = { .fields = FIELDS(
  { "attacher", TAG_VALUE, RULES(BETA_STOP(REQUIRED), BETA(FORMAT, .n = FORMAT_LONG_NAME_CASELESS), BETA(MAX_LENGTH, .n = 63)) }) };

static const struct tag_type storage_v1_VolumeAttachment = { .fields = FIELDS(
  { "spec", TAG_VALUE, RULES(BETA_STOP(IMMUTABLE)), .type = &storage_v1_VolumeAttachmentSpec }) };

static const struct tag_type autoscaling_v1_HorizontalPodAutoscalerSpec = { .fields = FIELDS(
  { "minReplicas", TAG_POINTER, RULES(BETA_STOP(OPTIONAL), BETA(MINIMUM, .n = 0, .gate = "HPAScaleToZero"), BETA(MINIMUM, .n = 1, .gate = "!HPAScaleToZero")) },
  { "maxReplicas", TAG_VALUE, RULES(BETA_STOP(REQUIRED), BETA(MINIMUM, .n = 1)) }) };

static const struct tag_type autoscaling_v1_HorizontalPodAutoscaler = { .fields = FIELDS(
  { "spec", TAG_VALUE, .type = &autoscaling_v1_HorizontalPodAutoscalerSpec }) };

static const struct tag_type autoscaling_v1_ScaleSpec = { .fields = FIELDS(
  { "replicas", TAG_VALUE, RULES(BETA(MINIMUM, .n = 0)) }) };

static const struct tag_type autoscaling_v1_Scale = { .fields = FIELDS(
  { "spec", TAG_VALUE, .type = &autoscaling_v1_ScaleSpec }) };

static const struct tag_type discovery_v1_Endpoint = { .fields = FIELDS(
  { "addresses", TAG_LIST, RULES(BETA_STOP(REQUIRED), BETA_STOP(MAX_ITEMS, .n = 100)) }) };

static const struct tag_type discovery_v1_EndpointSlice = { .fields = FIELDS(
  { "addressType", TAG_VALUE, RULES(BETA_STOP(REQUIRED), BETA_STOP(IMMUTABLE), BETA(ENUM, .names = NAMES("FQDN", "IPv4", "IPv6"))) },
  { "endpoints", TAG_LIST, RULES(BETA_STOP(OPTIONAL)), .type = &discovery_v1_Endpoint }) };

static const struct tag_type node_v1_RuntimeClass = { .fields = FIELDS(
  { "handler", TAG_VALUE, RULES(BETA_STOP(IMMUTABLE), BETA_STOP(REQUIRED), BETA(FORMAT, .n = FORMAT_SHORT_NAME)) }) };

static const struct tag_type scheduling_v1beta1_WorkloadReference = { .fields = FIELDS(
  { "workloadName", TAG_VALUE, RULES(RULE_STOP(REQUIRED), RULE(FORMAT, .n = FORMAT_LONG_NAME)) },
  { "templateName", TAG_VALUE, RULES(RULE_STOP(REQUIRED), RULE(FORMAT, .n = FORMAT_SHORT_NAME)) }) };

static const struct tag_type scheduling_v1beta1_GangSchedulingPolicy = { .fields = FIELDS(
  { "minCount", TAG_VALUE, RULES(RULE_STOP(REQUIRED), RULE(MINIMUM, .n = 1)) }) };

static const struct tag_type scheduling_v1beta1_PodGroupSchedulingPolicy = { RULES(RULE(UNION, .names = NAMES("pbasic", "pgang"))), .fields = FIELDS(
  { "basic", TAG_POINTER, RULES(RULE_STOP(IMMUTABLE), RULE_STOP(OPTIONAL)) },
  { "gang", TAG_POINTER, RULES(RULE_STOP(OPTIONAL), RULE_STOP(UPDATE, .n = TAG_NO_SET | TAG_NO_UNSET)), .type = &scheduling_v1beta1_GangSchedulingPolicy }) };

static const struct tag_type scheduling_v1beta1_TopologyConstraint = { .fields = FIELDS(
  { "key", TAG_VALUE, RULES(RULE_STOP(REQUIRED), RULE(FORMAT, .n = FORMAT_LABEL_KEY)) }) };

static const struct tag_type scheduling_v1beta1_PodGroupSchedulingConstraints = { .fields = FIELDS(
  { "topology", TAG_LIST, RULES(RULE_STOP(MAX_ITEMS, .n = 1), RULE_STOP(OPTIONAL)), .type = &scheduling_v1beta1_TopologyConstraint }) };

static const struct tag_type scheduling_v1beta1_PodGroupResourceClaim = { RULES(RULE(UNION, .names = NAMES("presourceClaimName", "presourceClaimTemplateName"))), .fields = FIELDS(
  { "name", TAG_VALUE, RULES(RULE_STOP(REQUIRED), RULE(FORMAT, .n = FORMAT_SHORT_NAME)) },
  { "resourceClaimName", TAG_POINTER, RULES(RULE_STOP(OPTIONAL), RULE(FORMAT, .n = FORMAT_LONG_NAME)) },
  { "resourceClaimTemplateName", TAG_POINTER, RULES(RULE_STOP(OPTIONAL), RULE(FORMAT, .n = FORMAT_LONG_NAME)) }) };

static const struct tag_type scheduling_v1beta1_DisruptionMode = { RULES(RULE(UNION, .names = NAMES("psingle", "pall"))),  };

static const struct tag_type scheduling_v1beta1_PodGroupSpec = { .fields = FIELDS(
  { "parentCompositePodGroupName", TAG_POINTER, RULES(RULE_STOP(FORBIDDEN, .gate = "!CompositePodGroup"), RULE_STOP(OPTIONAL, .gate = "!CompositePodGroup"), RULE_STOP(OPTIONAL, .gate = "CompositePodGroup"), RULE_STOP(IMMUTABLE), RULE(FORMAT, .n = FORMAT_LONG_NAME)) },
  { "workloadRef", TAG_POINTER, RULES(RULE_STOP(IMMUTABLE), RULE_STOP(OPTIONAL)), .type = &scheduling_v1beta1_WorkloadReference },
  { "schedulingPolicy", TAG_VALUE, .type = &scheduling_v1beta1_PodGroupSchedulingPolicy },
  { "schedulingConstraints", TAG_POINTER, RULES(RULE_STOP(FORBIDDEN, .gate = "!TopologyAwareWorkloadScheduling"), RULE_STOP(OPTIONAL, .gate = "!TopologyAwareWorkloadScheduling"), RULE_STOP(OPTIONAL, .gate = "TopologyAwareWorkloadScheduling"), RULE_STOP(IMMUTABLE, .gate = "TopologyAwareWorkloadScheduling")), .type = &scheduling_v1beta1_PodGroupSchedulingConstraints },
  { "resourceClaims", TAG_LIST, RULES(RULE_STOP(IMMUTABLE), RULE_STOP(MAX_ITEMS, .n = 4), RULE_STOP(OPTIONAL), RULE(UNIQUE, .names = NAMES("name"))), .type = &scheduling_v1beta1_PodGroupResourceClaim, .match = NAMES("name") },
  { "disruptionMode", TAG_POINTER, RULES(RULE_STOP(IMMUTABLE), RULE_STOP(REQUIRED)), .type = &scheduling_v1beta1_DisruptionMode },
  { "priorityClassName", TAG_VALUE, RULES(RULE_STOP(IMMUTABLE), RULE_STOP(OPTIONAL), RULE(FORMAT, .n = FORMAT_LONG_NAME)) },
  { "priority", TAG_POINTER, RULES(RULE_STOP(IMMUTABLE), RULE_STOP(OPTIONAL), RULE(MAXIMUM, .n = 1000000000)) },
  { "preemptionPolicy", TAG_POINTER, RULES(RULE_STOP(FORBIDDEN, .gate = "!PodGroupPreemptionPolicy"), RULE_STOP(OPTIONAL, .gate = "!PodGroupPreemptionPolicy"), RULE_STOP(OPTIONAL, .gate = "PodGroupPreemptionPolicy"), RULE_STOP(IMMUTABLE), RULE(ENUM, .names = NAMES("Never", "PreemptLowerPriority"))) }) };

static const struct tag_type scheduling_v1beta1_PodGroupResourceClaimStatus = { .fields = FIELDS(
  { "resourceClaimName", TAG_POINTER, RULES(RULE_STOP(OPTIONAL), RULE(FORMAT, .n = FORMAT_LONG_NAME)) }) };

static const struct tag_type scheduling_v1beta1_PodGroupStatus = { .fields = FIELDS(
  { "resourceClaimStatuses", TAG_LIST, RULES(RULE_STOP(MAX_ITEMS, .n = 4), RULE_STOP(OPTIONAL), RULE(UNIQUE, .names = NAMES("name"))), .type = &scheduling_v1beta1_PodGroupResourceClaimStatus, .match = NAMES("name") }) };

static const struct tag_type scheduling_v1beta1_PodGroup = { .fields = FIELDS(
  { "spec", TAG_VALUE, .type = &scheduling_v1beta1_PodGroupSpec },
  { "status", TAG_VALUE, .type = &scheduling_v1beta1_PodGroupStatus }) };

static const struct tag_type scheduling_v1beta1_TypedLocalObjectReference = { .fields = FIELDS(
  { "apiGroup", TAG_VALUE, RULES(RULE_STOP(OPTIONAL), RULE(FORMAT, .n = FORMAT_LONG_NAME)) },
  { "kind", TAG_VALUE, RULES(RULE_STOP(REQUIRED), RULE(FORMAT, .n = FORMAT_PATH_SEGMENT)) },
  { "name", TAG_VALUE, RULES(RULE_STOP(REQUIRED), RULE(FORMAT, .n = FORMAT_PATH_SEGMENT)) }) };

static const struct tag_type scheduling_v1beta1_PodGroupTemplate = { .fields = FIELDS(
  { "name", TAG_VALUE, RULES(RULE_STOP(REQUIRED), RULE(FORMAT, .n = FORMAT_SHORT_NAME)) },
  { "schedulingPolicy", TAG_VALUE, .type = &scheduling_v1beta1_PodGroupSchedulingPolicy },
  { "schedulingConstraints", TAG_POINTER, RULES(RULE_STOP(FORBIDDEN, .gate = "!TopologyAwareWorkloadScheduling"), RULE_STOP(OPTIONAL, .gate = "!TopologyAwareWorkloadScheduling"), RULE_STOP(OPTIONAL, .gate = "TopologyAwareWorkloadScheduling"), RULE_STOP(IMMUTABLE)), .type = &scheduling_v1beta1_PodGroupSchedulingConstraints },
  { "resourceClaims", TAG_LIST, RULES(RULE_STOP(IMMUTABLE), RULE_STOP(MAX_ITEMS, .n = 4), RULE_STOP(OPTIONAL), RULE(UNIQUE, .names = NAMES("name"))), .type = &scheduling_v1beta1_PodGroupResourceClaim, .match = NAMES("name") },
  { "disruptionMode", TAG_POINTER, RULES(RULE_STOP(IMMUTABLE), RULE_STOP(OPTIONAL)), .type = &scheduling_v1beta1_DisruptionMode },
  { "priorityClassName", TAG_VALUE, RULES(RULE_STOP(IMMUTABLE), RULE_STOP(OPTIONAL), RULE(FORMAT, .n = FORMAT_LONG_NAME)) },
  { "priority", TAG_POINTER, RULES(RULE_STOP(IMMUTABLE), RULE_STOP(OPTIONAL), RULE(MAXIMUM, .n = 1000000000)) },
  { "preemptionPolicy", TAG_POINTER, RULES(RULE_STOP(FORBIDDEN, .gate = "!PodGroupPreemptionPolicy"), RULE_STOP(OPTIONAL, .gate = "!PodGroupPreemptionPolicy"), RULE_STOP(OPTIONAL, .gate = "PodGroupPreemptionPolicy"), RULE_STOP(IMMUTABLE), RULE(ENUM, .names = NAMES("Never", "PreemptLowerPriority"))) }) };

static const struct tag_type scheduling_v1beta1_CompositeGangSchedulingPolicy = { .fields = FIELDS(
  { "minGroupCount", TAG_VALUE, RULES(RULE_STOP(REQUIRED), RULE(MINIMUM, .n = 1)) }) };

static const struct tag_type scheduling_v1beta1_CompositePodGroupSchedulingPolicy = { RULES(RULE(UNION, .names = NAMES("pbasic", "pgang"))), .fields = FIELDS(
  { "basic", TAG_POINTER, RULES(RULE_STOP(IMMUTABLE), RULE_STOP(OPTIONAL)) },
  { "gang", TAG_POINTER, RULES(RULE_STOP(OPTIONAL), RULE_STOP(UPDATE, .n = TAG_NO_SET | TAG_NO_UNSET)), .type = &scheduling_v1beta1_CompositeGangSchedulingPolicy }) };

static const struct tag_type scheduling_v1beta1_CompositePodGroupTemplate = { .fields = FIELDS(
  { "name", TAG_VALUE, RULES(RULE_STOP(REQUIRED), RULE(FORMAT, .n = FORMAT_SHORT_NAME)) },
  { "schedulingPolicy", TAG_VALUE, .type = &scheduling_v1beta1_CompositePodGroupSchedulingPolicy },
  { "schedulingConstraints", TAG_POINTER, RULES(RULE_STOP(IMMUTABLE), RULE_STOP(OPTIONAL)), .type = &scheduling_v1beta1_PodGroupSchedulingConstraints },
  { "disruptionMode", TAG_POINTER, RULES(RULE_STOP(IMMUTABLE), RULE_STOP(OPTIONAL)), .type = &scheduling_v1beta1_DisruptionMode },
  { "priorityClassName", TAG_VALUE, RULES(RULE_STOP(IMMUTABLE), RULE_STOP(OPTIONAL), RULE(FORMAT, .n = FORMAT_LONG_NAME)) },
  { "priority", TAG_POINTER, RULES(RULE_STOP(IMMUTABLE), RULE_STOP(OPTIONAL), RULE(MAXIMUM, .n = 1000000000)) },
  { "preemptionPolicy", TAG_POINTER, RULES(RULE_STOP(FORBIDDEN, .gate = "!PodGroupPreemptionPolicy"), RULE_STOP(OPTIONAL, .gate = "!PodGroupPreemptionPolicy"), RULE_STOP(OPTIONAL, .gate = "PodGroupPreemptionPolicy"), RULE_STOP(IMMUTABLE), RULE(ENUM, .names = NAMES("Never", "PreemptLowerPriority"))) },
  { "podGroupTemplates", TAG_LIST, RULES(RULE_STOP(MAX_ITEMS, .n = 8), RULE_STOP(OPTIONAL), RULE_STOP(UPDATE, .n = TAG_NO_ADD_ITEM | TAG_NO_REMOVE_ITEM, .names = NAMES("name")), RULE(UNIQUE, .names = NAMES("name"))), .type = &scheduling_v1beta1_PodGroupTemplate, .match = NAMES("name") },
  { "compositePodGroupTemplates", TAG_LIST, RULES(RULE_STOP(MAX_ITEMS, .n = 8), RULE_STOP(OPTIONAL), RULE_STOP(UPDATE, .n = TAG_NO_ADD_ITEM | TAG_NO_REMOVE_ITEM, .names = NAMES("name")), RULE(UNIQUE, .names = NAMES("name"))) }) };

static const struct tag_type scheduling_v1beta1_WorkloadSpec = { RULES(RULE(UNION, .names = NAMES("lpodGroupTemplates", "lcompositePodGroupTemplates"))), .fields = FIELDS(
  { "controllerRef", TAG_POINTER, RULES(RULE_STOP(IMMUTABLE), RULE_STOP(OPTIONAL)), .type = &scheduling_v1beta1_TypedLocalObjectReference },
  { "podGroupTemplates", TAG_LIST, RULES(RULE_STOP(MAX_ITEMS, .n = 8), RULE_STOP(OPTIONAL), RULE_STOP(UPDATE, .n = TAG_NO_ADD_ITEM | TAG_NO_REMOVE_ITEM, .names = NAMES("name")), RULE(UNIQUE, .names = NAMES("name"))), .type = &scheduling_v1beta1_PodGroupTemplate, .match = NAMES("name") },
  { "compositePodGroupTemplates", TAG_LIST, RULES(RULE_STOP(FORBIDDEN, .gate = "!CompositePodGroup"), RULE_STOP(OPTIONAL, .gate = "!CompositePodGroup"), RULE_STOP(OPTIONAL, .gate = "CompositePodGroup"), RULE_STOP(MAX_ITEMS, .n = 8), RULE_STOP(UPDATE, .n = TAG_NO_ADD_ITEM | TAG_NO_REMOVE_ITEM, .names = NAMES("name")), RULE(UNIQUE, .names = NAMES("name"))), .type = &scheduling_v1beta1_CompositePodGroupTemplate, .match = NAMES("name") }) };

static const struct tag_type scheduling_v1beta1_Workload = { .fields = FIELDS(
  { "spec", TAG_VALUE, .type = &scheduling_v1beta1_WorkloadSpec }) };

static const struct tag_type scheduling_v1alpha3_CompositePodGroupSpec = { .fields = FIELDS(
  { "parentCompositePodGroupName", TAG_POINTER, RULES(RULE_STOP(IMMUTABLE), RULE_STOP(OPTIONAL), RULE(FORMAT, .n = FORMAT_LONG_NAME)) },
  { "workloadRef", TAG_POINTER, RULES(RULE_STOP(IMMUTABLE), RULE_STOP(REQUIRED)), .type = &scheduling_v1beta1_WorkloadReference },
  { "schedulingPolicy", TAG_VALUE, RULES(RULE_STOP(IMMUTABLE)), .type = &scheduling_v1beta1_CompositePodGroupSchedulingPolicy },
  { "schedulingConstraints", TAG_POINTER, RULES(RULE_STOP(IMMUTABLE), RULE_STOP(OPTIONAL)), .type = &scheduling_v1beta1_PodGroupSchedulingConstraints },
  { "disruptionMode", TAG_POINTER, RULES(RULE_STOP(IMMUTABLE), RULE_STOP(REQUIRED)), .type = &scheduling_v1beta1_DisruptionMode },
  { "priorityClassName", TAG_VALUE, RULES(RULE_STOP(IMMUTABLE), RULE_STOP(OPTIONAL), RULE(FORMAT, .n = FORMAT_LONG_NAME)) },
  { "priority", TAG_POINTER, RULES(RULE_STOP(IMMUTABLE), RULE_STOP(OPTIONAL), RULE(MAXIMUM, .n = 1000000000)) },
  { "preemptionPolicy", TAG_POINTER, RULES(RULE_STOP(FORBIDDEN, .gate = "!PodGroupPreemptionPolicy"), RULE_STOP(OPTIONAL, .gate = "!PodGroupPreemptionPolicy"), RULE_STOP(OPTIONAL, .gate = "PodGroupPreemptionPolicy"), RULE_STOP(IMMUTABLE), RULE(ENUM, .names = NAMES("Never", "PreemptLowerPriority"))) }) };

static const struct tag_type scheduling_v1alpha3_CompositePodGroup = { .fields = FIELDS(
  { "spec", TAG_VALUE, .type = &scheduling_v1alpha3_CompositePodGroupSpec }) };

static const struct tag_type flowcontrol_v1_LimitResponse = { .fields = FIELDS(
  { "type", TAG_VALUE, RULES(BETA_STOP(REQUIRED)) }) };

static const struct tag_type flowcontrol_v1_LimitedPriorityLevelConfiguration = { .fields = FIELDS(
  { "limitResponse", TAG_VALUE, .type = &flowcontrol_v1_LimitResponse }) };

static const struct tag_type flowcontrol_v1_PriorityLevelConfigurationSpec = { .fields = FIELDS(
  { "type", TAG_VALUE, RULES(BETA_STOP(REQUIRED)) },
  { "limited", TAG_POINTER, RULES(BETA_STOP(OPTIONAL)), .type = &flowcontrol_v1_LimitedPriorityLevelConfiguration }) };

static const struct tag_type flowcontrol_v1_PriorityLevelConfiguration = { .fields = FIELDS(
  { "spec", TAG_VALUE, .type = &flowcontrol_v1_PriorityLevelConfigurationSpec }) };

static const struct tag_type admissionregistration_v1_ValidatingAdmissionPolicyBindingSpec = { .fields = FIELDS(
  { "policyName", TAG_VALUE, RULES(BETA_STOP(REQUIRED)) },
  { "validationActions", TAG_LIST, RULES(BETA_STOP(REQUIRED)) }) };

static const struct tag_type admissionregistration_v1_ValidatingAdmissionPolicyBinding = { .fields = FIELDS(
  { "spec", TAG_VALUE, .type = &admissionregistration_v1_ValidatingAdmissionPolicyBindingSpec }) };

const struct tag_root tag_roots_other[] = {
  { "", "v1", "Node", &core_v1_Node, "/ /proxy /status" },
  { "", "v1", "PersistentVolumeClaim", &core_v1_PersistentVolumeClaim, "/ /status" },
  { "", "v1", "Pod", &core_v1_Pod, "/ /ephemeralcontainers /eviction /resize /status" },
  { "", "v1", "PodTemplate", &core_v1_PodTemplate, "/" },
  { "", "v1", "ReplicationController", &core_v1_ReplicationController, "/ /scale /status" },
  { "apps", "v1", "DaemonSet", &apps_v1_DaemonSet, "/ /status" },
  { "apps", "v1", "Deployment", &apps_v1_DaemonSet, "/ /scale /status" },
  { "apps", "v1", "ReplicaSet", &apps_v1_DaemonSet, "/ /scale /status" },
  { "apps", "v1", "StatefulSet", &apps_v1_DaemonSet, "/ /scale /status" },
  { "batch", "v1", "CronJob", &batch_v1_CronJob, "/ /status" },
  { "batch", "v1", "Job", &batch_v1_JobTemplateSpec, "/ /status" },
  { "rbac.authorization.k8s.io", "v1", "ClusterRole", &rbac_v1_ClusterRole, "/" },
  { "rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", &rbac_v1_ClusterRoleBinding, "/" },
  { "rbac.authorization.k8s.io", "v1", "Role", &rbac_v1_ClusterRole, "/" },
  { "rbac.authorization.k8s.io", "v1", "RoleBinding", &rbac_v1_ClusterRoleBinding, "/" },
  { "networking.k8s.io", "v1", "IPAddress", &networking_v1_IPAddress, "/" },
  { "networking.k8s.io", "v1", "IngressClass", &networking_v1_IngressClass, "/" },
  { "networking.k8s.io", "v1", "NetworkPolicy", &networking_v1_NetworkPolicy, "/" },
  { "storage.k8s.io", "v1", "StorageClass", &storage_v1_StorageClass, "/" },
  { "storage.k8s.io", "v1", "VolumeAttachment", &storage_v1_VolumeAttachment, "/ /status" },
  { "autoscaling", "v1", "HorizontalPodAutoscaler", &autoscaling_v1_HorizontalPodAutoscaler, "/ /status" },
  { "autoscaling", "v1", "Scale", &autoscaling_v1_Scale, "/scale" },
  { "autoscaling", "v2", "HorizontalPodAutoscaler", &autoscaling_v1_HorizontalPodAutoscaler, "/ /status" },
  { "discovery.k8s.io", "v1", "EndpointSlice", &discovery_v1_EndpointSlice, "/" },
  { "node.k8s.io", "v1", "RuntimeClass", &node_v1_RuntimeClass, "/" },
  { "scheduling.k8s.io", "v1beta1", "PodGroup", &scheduling_v1beta1_PodGroup, "/ /status" },
  { "scheduling.k8s.io", "v1beta1", "Workload", &scheduling_v1beta1_Workload, "/" },
  { "scheduling.k8s.io", "v1alpha3", "CompositePodGroup", &scheduling_v1alpha3_CompositePodGroup, "/ /status" },
  { "scheduling.k8s.io", "v1alpha3", "PodGroup", &scheduling_v1beta1_PodGroup, "/ /status" },
  { "scheduling.k8s.io", "v1alpha3", "Workload", &scheduling_v1beta1_Workload, "/" },
  { "flowcontrol.apiserver.k8s.io", "v1", "PriorityLevelConfiguration", &flowcontrol_v1_PriorityLevelConfiguration, "/ /status" },
  { "admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicyBinding", &admissionregistration_v1_ValidatingAdmissionPolicyBinding, "/" },
  { 0 },
};
