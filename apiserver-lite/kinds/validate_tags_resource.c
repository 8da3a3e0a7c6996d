/*
 * Declarative rules of resource.k8s.io, release 1.37; the words are those of validate_tags.h.
 * Types of one shape share a row. Rules that upstream only compares (alpha) are left out, unless they stop others.
 */
/* clang-format off */
#include "validate_tags.h"

static const struct tag_type resource_v1_OpaqueDeviceConfiguration = { .fields = FIELDS(
  { "driver", TAG_VALUE, RULES(BETA_STOP(REQUIRED), BETA(FORMAT, .n = FORMAT_LONG_NAME_CASELESS), BETA(MAX_LENGTH, .n = 63)) }) };

static const struct tag_type resource_v1_DeviceConfiguration = { .fields = FIELDS(
  { "opaque", TAG_POINTER, RULES(BETA_STOP(OPTIONAL)), .type = &resource_v1_OpaqueDeviceConfiguration }) };

static const struct tag_type resource_v1_DeviceClassConfiguration = { .fields = FIELDS(
  { "", TAG_VALUE, .type = &resource_v1_DeviceConfiguration }) };

static const struct tag_type resource_v1_DeviceClassSpec = { .fields = FIELDS(
  { "selectors", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 32)) },
  { "config", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 32)), .type = &resource_v1_DeviceClassConfiguration },
  { "extendedResourceName", TAG_POINTER, RULES(BETA_STOP(OPTIONAL), BETA(FORMAT, .n = FORMAT_EXTENDED_RESOURCE)) }) };

static const struct tag_type resource_v1_DeviceClass_metadata = { .fields = FIELDS(
  { "name", TAG_VALUE, RULES(BETA_STOP(OPTIONAL), BETA(FORMAT, .n = FORMAT_LONG_NAME)) }) };

static const struct tag_type resource_v1_DeviceClass = { .fields = FIELDS(
  { "metadata", TAG_VALUE, .type = &resource_v1_DeviceClass_metadata },
  { "spec", TAG_VALUE, .type = &resource_v1_DeviceClassSpec }) };

static const struct tag_type resource_v1_DeviceTaint = { .fields = FIELDS(
  { "effect", TAG_VALUE, RULES(BETA_STOP(REQUIRED), BETA(ENUM, .names = NAMES("NoExecute", "NoSchedule", "None"))) }) };

static const struct tag_type resource_v1_DeviceTaintRuleSpec = { .fields = FIELDS(
  { "taint", TAG_VALUE, .type = &resource_v1_DeviceTaint }) };

static const struct tag_type resource_v1_DeviceTaintRule = { .fields = FIELDS(
  { "spec", TAG_VALUE, .type = &resource_v1_DeviceTaintRuleSpec }) };

static const struct tag_type resource_v1_DeviceToleration = { .fields = FIELDS(
  { "key", TAG_VALUE, RULES(BETA_STOP(OPTIONAL), BETA(FORMAT, .n = FORMAT_LABEL_KEY)) },
  { "operator", TAG_VALUE, RULES(BETA_STOP(REQUIRED), BETA(ENUM, .names = NAMES("Equal", "Exists"))) },
  { "effect", TAG_VALUE, RULES(BETA_STOP(OPTIONAL), BETA(ENUM, .names = NAMES("NoExecute", "NoSchedule", "None"))) }) };

static const struct tag_type resource_v1_DeviceDerivedAttribute = { .fields = FIELDS(
  { "name", TAG_VALUE, RULES(RULE_STOP(REQUIRED), RULE(FORMAT, .n = FORMAT_QUALIFIED_NAME)) },
  { "expression", TAG_VALUE, RULES(RULE_STOP(REQUIRED)) }) };

static const struct tag_type resource_v1_ExactDeviceRequest = { .fields = FIELDS(
  { "selectors", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 32)) },
  { "allocationMode", TAG_VALUE, RULES(BETA_STOP(OPTIONAL), BETA(ENUM, .names = NAMES("All", "ExactCount"))) },
  { "tolerations", TAG_LIST, RULES(BETA_STOP(OPTIONAL)), .type = &resource_v1_DeviceToleration },
  { "derivedAttributes", TAG_LIST, RULES(RULE_STOP(MAX_ITEMS, .n = 32), RULE_STOP(OPTIONAL)), .type = &resource_v1_DeviceDerivedAttribute }) };

static const struct tag_type resource_v1_DeviceSubRequest = { .fields = FIELDS(
  { "deviceClassName", TAG_VALUE, RULES(BETA_STOP(REQUIRED), BETA(FORMAT, .n = FORMAT_LONG_NAME)) },
  { "selectors", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 32)) },
  { "allocationMode", TAG_VALUE, RULES(BETA_STOP(OPTIONAL), BETA(ENUM, .names = NAMES("All", "ExactCount"))) },
  { "tolerations", TAG_LIST, RULES(BETA_STOP(OPTIONAL)), .type = &resource_v1_DeviceToleration },
  { "derivedAttributes", TAG_LIST, RULES(RULE_STOP(MAX_ITEMS, .n = 32), RULE_STOP(OPTIONAL)), .type = &resource_v1_DeviceDerivedAttribute }) };

static const struct tag_type resource_v1_DeviceRequest = { .fields = FIELDS(
  { "exactly", TAG_POINTER, RULES(BETA_STOP(OPTIONAL)), .type = &resource_v1_ExactDeviceRequest },
  { "firstAvailable", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 8), BETA(UNIQUE, .names = NAMES("name"))), .type = &resource_v1_DeviceSubRequest, .match = NAMES("name") }) };

static const struct tag_type resource_v1_DeviceConstraint = { .fields = FIELDS(
  { "requests", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 32), BETA(UNIQUE, .names = NAMES(""))) },
  { "matchAttribute", TAG_POINTER, RULES(BETA_STOP(OPTIONAL), BETA(FORMAT, .n = FORMAT_QUALIFIED_NAME)) },
  { "distinctAttribute", TAG_POINTER, RULES(BETA_STOP(OPTIONAL), BETA(FORMAT, .n = FORMAT_QUALIFIED_NAME)) }) };

static const struct tag_type resource_v1_DeviceClaimConfiguration = { .fields = FIELDS(
  { "requests", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 32), BETA(UNIQUE, .names = NAMES(""))) },
  { "", TAG_VALUE, .type = &resource_v1_DeviceConfiguration }) };

static const struct tag_type resource_v1_DeviceClaim = { .fields = FIELDS(
  { "requests", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 32), BETA(UNIQUE, .names = NAMES("name"))), .type = &resource_v1_DeviceRequest, .match = NAMES("name") },
  { "constraints", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 32)), .type = &resource_v1_DeviceConstraint },
  { "config", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 32)), .type = &resource_v1_DeviceClaimConfiguration }) };

static const struct tag_type resource_v1_ResourceClaimSpec = { .fields = FIELDS(
  { "devices", TAG_VALUE, .type = &resource_v1_DeviceClaim }) };

static const struct tag_type resource_v1_DeviceRequestAllocationResult = { .fields = FIELDS(
  { "driver", TAG_VALUE, RULES(BETA_STOP(REQUIRED), BETA(FORMAT, .n = FORMAT_LONG_NAME_CASELESS), BETA(MAX_LENGTH, .n = 63)) },
  { "pool", TAG_VALUE, RULES(BETA_STOP(REQUIRED), BETA(FORMAT, .n = FORMAT_POOL_NAME)) },
  { "tolerations", TAG_LIST, RULES(BETA_STOP(OPTIONAL)), .type = &resource_v1_DeviceToleration },
  { "bindingConditions", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 4)) },
  { "bindingFailureConditions", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 4)) },
  { "shareID", TAG_POINTER, RULES(BETA_STOP(OPTIONAL), BETA(FORMAT, .n = FORMAT_UUID)) },
  { "skipNodeOperations", TAG_LIST, RULES(RULE_STOP(OPTIONAL), RULE(UNIQUE, .names = NAMES(""))), EACH(RULE(ENUM, .names = NAMES("*", "NodePrepareResources", "NodeUnprepareResources"))), .match = NAMES("") }) };

static const struct tag_type resource_v1_DeviceAllocationConfiguration = { .fields = FIELDS(
  { "source", TAG_VALUE, RULES(BETA_STOP(REQUIRED), BETA(ENUM, .names = NAMES("FromClaim", "FromClass"))) },
  { "requests", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 32), BETA(UNIQUE, .names = NAMES(""))) },
  { "", TAG_VALUE, .type = &resource_v1_DeviceConfiguration }) };

static const struct tag_type resource_v1_DeviceAllocationResult = { .fields = FIELDS(
  { "results", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 32)), .type = &resource_v1_DeviceRequestAllocationResult },
  { "config", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 64)), .type = &resource_v1_DeviceAllocationConfiguration }) };

static const struct tag_type resource_v1_AllocationResult = { .fields = FIELDS(
  { "devices", TAG_VALUE, .type = &resource_v1_DeviceAllocationResult }) };

static const struct tag_type resource_v1_NetworkDeviceData = { .fields = FIELDS(
  { "interfaceName", TAG_VALUE, RULES(BETA_STOP(OPTIONAL), BETA(MAX_BYTES, .n = 256)) },
  { "ips", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 16), BETA(UNIQUE, .names = NAMES(""))) },
  { "hardwareAddress", TAG_VALUE, RULES(BETA_STOP(OPTIONAL), BETA(MAX_BYTES, .n = 128)) }) };

static const struct tag_type resource_v1_AllocatedDeviceStatus = { .fields = FIELDS(
  { "shareID", TAG_POINTER, RULES(BETA_STOP(OPTIONAL), BETA(FORMAT, .n = FORMAT_UUID)) },
  { "networkData", TAG_POINTER, RULES(BETA_STOP(OPTIONAL)), .type = &resource_v1_NetworkDeviceData }) };

static const struct tag_type resource_v1_ResourceClaimStatus = { .fields = FIELDS(
  { "allocation", TAG_POINTER, RULES(BETA_STOP(OPTIONAL), BETA_STOP(UPDATE, .n = TAG_NO_MODIFY)), .type = &resource_v1_AllocationResult },
  { "reservedFor", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 256), BETA(UNIQUE, .names = NAMES("uid"))) },
  { "devices", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA(UNIQUE, .names = NAMES("driver", "device", "pool", "shareID"))), .type = &resource_v1_AllocatedDeviceStatus, .match = NAMES("driver", "device", "pool", "shareID") }) };

static const struct tag_type resource_v1_ResourceClaim = { .fields = FIELDS(
  { "spec", TAG_VALUE, RULES(BETA_STOP(IMMUTABLE)), .type = &resource_v1_ResourceClaimSpec },
  { "status", TAG_VALUE, .type = &resource_v1_ResourceClaimStatus }) };

static const struct tag_type resource_v1_ResourceClaimTemplateSpec = { .fields = FIELDS(
  { "spec", TAG_VALUE, .type = &resource_v1_ResourceClaimSpec }) };

static const struct tag_type resource_v1_ResourceClaimTemplate = { .fields = FIELDS(
  { "spec", TAG_VALUE, .type = &resource_v1_ResourceClaimTemplateSpec }) };

static const struct tag_type resource_v1_DeviceAttribute = { RULES(BETA(UNION, .names = NAMES("pint", "pbool", "pstring", "pversion", "lints", "lbools", "lstrings", "lversions"))), .fields = FIELDS(
  { "strings", TAG_LIST, RULES(BETA_STOP(OPTIONAL)), EACH(ALPHA(MAX_BYTES, .n = 64)) }) };

static const struct tag_type resource_v1_DeviceCounterConsumption = { .fields = FIELDS(
  { "counterSet", TAG_VALUE, RULES(BETA_STOP(REQUIRED), BETA(FORMAT, .n = FORMAT_SHORT_NAME)) },
  { "counters", TAG_MAP, RULES(BETA_STOP(REQUIRED), BETA(EACH_KEY, .n = FORMAT_SHORT_NAME)) },
  { "compatibilityGroups", TAG_LIST, RULES(RULE_STOP(MAX_ITEMS, .n = 2), RULE_STOP(OPTIONAL), RULE(UNIQUE, .names = NAMES(""))), EACH(RULE(FORMAT, .n = FORMAT_SHORT_NAME)), .match = NAMES("") }) };

static const struct tag_type resource_v1_NodeAllocatableMapping = { RULES(RULE(UNION, .names = NAMES("pcapacityKey", "pdeviceMultiplier"))),  };

static const struct tag_type resource_v1_NodeAllocatableResource = { .fields = FIELDS(
  { "mapping", TAG_POINTER, RULES(RULE_STOP(OPTIONAL)), .type = &resource_v1_NodeAllocatableMapping }) };

static const struct tag_type resource_v1_Device = { .fields = FIELDS(
  { "attributes", TAG_MAP, RULES(BETA_STOP(OPTIONAL)), .type = &resource_v1_DeviceAttribute, .match = NAMES("") },
  { "consumesCounters", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 2), BETA(UNIQUE, .names = NAMES("counterSet"))), .type = &resource_v1_DeviceCounterConsumption, .match = NAMES("counterSet") },
  { "taints", TAG_LIST, RULES(BETA_STOP(OPTIONAL)), .type = &resource_v1_DeviceTaint },
  { "bindingConditions", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 4)) },
  { "bindingFailureConditions", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 4)) },
  { "nodeAllocatableResources", TAG_MAP, RULES(RULE_STOP(OPTIONAL)), .type = &resource_v1_NodeAllocatableResource, .match = NAMES("") }) };

static const struct tag_type resource_v1_CounterSet = { .fields = FIELDS(
  { "name", TAG_VALUE, RULES(BETA_STOP(REQUIRED), BETA(FORMAT, .n = FORMAT_SHORT_NAME)) },
  { "counters", TAG_MAP, RULES(BETA_STOP(REQUIRED), BETA(EACH_KEY, .n = FORMAT_SHORT_NAME)) }) };

static const struct tag_type resource_v1_ResourceSliceSpec = { .fields = FIELDS(
  { "devices", TAG_LIST, RULES(BETA_STOP(OPTIONAL)), .type = &resource_v1_Device },
  { "sharedCounters", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 8), BETA(UNIQUE, .names = NAMES("name"))), .type = &resource_v1_CounterSet, .match = NAMES("name") },
  { "partitionTypeAttribute", TAG_POINTER, RULES(RULE_STOP(FORBIDDEN, .gate = "!DRAPartitionableDevicesType"), RULE_STOP(OPTIONAL, .gate = "!DRAPartitionableDevicesType"), RULE_STOP(OPTIONAL, .gate = "DRAPartitionableDevicesType"), RULE(FORMAT, .n = FORMAT_QUALIFIED_NAME, .gate = "DRAPartitionableDevicesType")) },
  { "skipNodeOperations", TAG_LIST, RULES(RULE_STOP(OPTIONAL), RULE(UNIQUE, .names = NAMES(""))), EACH(RULE(ENUM, .names = NAMES("*", "NodePrepareResources", "NodeUnprepareResources"))), .match = NAMES("") }) };

static const struct tag_type resource_v1_ResourceSlice = { .fields = FIELDS(
  { "spec", TAG_VALUE, .type = &resource_v1_ResourceSliceSpec }) };

static const struct tag_type resource_v1beta1_OpaqueDeviceConfiguration = { .fields = FIELDS(
  { "driver", TAG_VALUE, RULES(BETA_STOP(REQUIRED), BETA(MAX_LENGTH, .n = 63), BETA(FORMAT, .n = FORMAT_LONG_NAME_CASELESS)) }) };

static const struct tag_type resource_v1beta1_DeviceConfiguration = { .fields = FIELDS(
  { "opaque", TAG_POINTER, RULES(BETA_STOP(OPTIONAL)), .type = &resource_v1beta1_OpaqueDeviceConfiguration }) };

static const struct tag_type resource_v1beta1_DeviceClassConfiguration = { .fields = FIELDS(
  { "", TAG_VALUE, .type = &resource_v1beta1_DeviceConfiguration }) };

static const struct tag_type resource_v1beta1_DeviceClassSpec = { .fields = FIELDS(
  { "selectors", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 32)) },
  { "config", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 32)), .type = &resource_v1beta1_DeviceClassConfiguration },
  { "extendedResourceName", TAG_POINTER, RULES(BETA_STOP(OPTIONAL), BETA(FORMAT, .n = FORMAT_EXTENDED_RESOURCE)) }) };

static const struct tag_type resource_v1beta1_DeviceClass_metadata = { .fields = FIELDS(
  { "name", TAG_VALUE, RULES(BETA_STOP(OPTIONAL), BETA(FORMAT, .n = FORMAT_LONG_NAME)) }) };

static const struct tag_type resource_v1beta1_DeviceClass = { .fields = FIELDS(
  { "metadata", TAG_VALUE, .type = &resource_v1beta1_DeviceClass_metadata },
  { "spec", TAG_VALUE, .type = &resource_v1beta1_DeviceClassSpec }) };

static const struct tag_type resource_v1beta1_DeviceSubRequest = { .fields = FIELDS(
  { "deviceClassName", TAG_VALUE, RULES(BETA_STOP(REQUIRED), BETA(FORMAT, .n = FORMAT_LONG_NAME)) },
  { "selectors", TAG_LIST, RULES(BETA_STOP(MAX_ITEMS, .n = 32), BETA_STOP(OPTIONAL)) },
  { "allocationMode", TAG_VALUE, RULES(BETA_STOP(OPTIONAL), BETA(ENUM, .names = NAMES("All", "ExactCount"))) },
  { "tolerations", TAG_LIST, RULES(BETA_STOP(OPTIONAL)), .type = &resource_v1_DeviceToleration },
  { "derivedAttributes", TAG_LIST, RULES(RULE_STOP(MAX_ITEMS, .n = 32), RULE_STOP(OPTIONAL)), .type = &resource_v1_DeviceDerivedAttribute }) };

static const struct tag_type resource_v1beta1_DeviceRequest = { .fields = FIELDS(
  { "selectors", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 32)) },
  { "allocationMode", TAG_VALUE, RULES(BETA_STOP(OPTIONAL), BETA(ENUM, .names = NAMES("All", "ExactCount"))) },
  { "firstAvailable", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 8), BETA(UNIQUE, .names = NAMES("name"))), .type = &resource_v1beta1_DeviceSubRequest, .match = NAMES("name") },
  { "tolerations", TAG_LIST, RULES(BETA_STOP(OPTIONAL)), .type = &resource_v1_DeviceToleration },
  { "derivedAttributes", TAG_LIST, RULES(RULE_STOP(MAX_ITEMS, .n = 32), RULE_STOP(OPTIONAL)), .type = &resource_v1_DeviceDerivedAttribute }) };

static const struct tag_type resource_v1beta1_DeviceClaimConfiguration = { .fields = FIELDS(
  { "requests", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 32), BETA(UNIQUE, .names = NAMES(""))) },
  { "", TAG_VALUE, .type = &resource_v1beta1_DeviceConfiguration }) };

static const struct tag_type resource_v1beta1_DeviceClaim = { .fields = FIELDS(
  { "requests", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 32), BETA(UNIQUE, .names = NAMES("name"))), .type = &resource_v1beta1_DeviceRequest, .match = NAMES("name") },
  { "constraints", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 32)), .type = &resource_v1_DeviceConstraint },
  { "config", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 32)), .type = &resource_v1beta1_DeviceClaimConfiguration }) };

static const struct tag_type resource_v1beta1_ResourceClaimSpec = { .fields = FIELDS(
  { "devices", TAG_VALUE, .type = &resource_v1beta1_DeviceClaim }) };

static const struct tag_type resource_v1beta1_DeviceAllocationConfiguration = { .fields = FIELDS(
  { "source", TAG_VALUE, RULES(BETA_STOP(REQUIRED), BETA(ENUM, .names = NAMES("FromClaim", "FromClass"))) },
  { "requests", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 32), BETA(UNIQUE, .names = NAMES(""))) },
  { "", TAG_VALUE, .type = &resource_v1beta1_DeviceConfiguration }) };

static const struct tag_type resource_v1beta1_DeviceAllocationResult = { .fields = FIELDS(
  { "results", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 32)), .type = &resource_v1_DeviceRequestAllocationResult },
  { "config", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 64)), .type = &resource_v1beta1_DeviceAllocationConfiguration }) };

static const struct tag_type resource_v1beta1_AllocationResult = { .fields = FIELDS(
  { "devices", TAG_VALUE, .type = &resource_v1beta1_DeviceAllocationResult }) };

static const struct tag_type resource_v1beta1_ResourceClaimStatus = { .fields = FIELDS(
  { "allocation", TAG_POINTER, RULES(BETA_STOP(OPTIONAL), BETA_STOP(UPDATE, .n = TAG_NO_MODIFY)), .type = &resource_v1beta1_AllocationResult },
  { "reservedFor", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 256), BETA(UNIQUE, .names = NAMES("uid"))) },
  { "devices", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA(UNIQUE, .names = NAMES("driver", "device", "pool", "shareID"))), .type = &resource_v1_AllocatedDeviceStatus, .match = NAMES("driver", "device", "pool", "shareID") }) };

static const struct tag_type resource_v1beta1_ResourceClaim = { .fields = FIELDS(
  { "spec", TAG_VALUE, RULES(BETA_STOP(IMMUTABLE)), .type = &resource_v1beta1_ResourceClaimSpec },
  { "status", TAG_VALUE, .type = &resource_v1beta1_ResourceClaimStatus }) };

static const struct tag_type resource_v1beta1_ResourceClaimTemplateSpec = { .fields = FIELDS(
  { "spec", TAG_VALUE, .type = &resource_v1beta1_ResourceClaimSpec }) };

static const struct tag_type resource_v1beta1_ResourceClaimTemplate = { .fields = FIELDS(
  { "spec", TAG_VALUE, .type = &resource_v1beta1_ResourceClaimTemplateSpec }) };

static const struct tag_type resource_v1beta1_Device = { .fields = FIELDS(
  { "basic", TAG_POINTER, RULES(BETA_STOP(OPTIONAL)), .type = &resource_v1_Device }) };

static const struct tag_type resource_v1beta1_ResourceSliceSpec = { .fields = FIELDS(
  { "devices", TAG_LIST, RULES(BETA_STOP(OPTIONAL)), .type = &resource_v1beta1_Device },
  { "sharedCounters", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 8), BETA(UNIQUE, .names = NAMES("name"))), .type = &resource_v1_CounterSet, .match = NAMES("name") },
  { "partitionTypeAttribute", TAG_POINTER, RULES(RULE_STOP(FORBIDDEN, .gate = "!DRAPartitionableDevicesType"), RULE_STOP(OPTIONAL, .gate = "!DRAPartitionableDevicesType"), RULE_STOP(OPTIONAL, .gate = "DRAPartitionableDevicesType"), RULE(FORMAT, .n = FORMAT_QUALIFIED_NAME, .gate = "DRAPartitionableDevicesType")) },
  { "skipNodeOperations", TAG_LIST, RULES(RULE_STOP(OPTIONAL), RULE(UNIQUE, .names = NAMES(""))), EACH(RULE(ENUM, .names = NAMES("*", "NodePrepareResources", "NodeUnprepareResources"))), .match = NAMES("") }) };

static const struct tag_type resource_v1beta1_ResourceSlice = { .fields = FIELDS(
  { "spec", TAG_VALUE, .type = &resource_v1beta1_ResourceSliceSpec }) };

static const struct tag_type resource_v1beta2_DeviceClass_metadata = { .fields = FIELDS(
  { "name", TAG_VALUE, RULES(BETA_STOP(OPTIONAL), BETA(FORMAT, .n = FORMAT_LONG_NAME)) }) };

static const struct tag_type resource_v1beta2_DeviceClass = { .fields = FIELDS(
  { "metadata", TAG_VALUE, .type = &resource_v1beta2_DeviceClass_metadata },
  { "spec", TAG_VALUE, .type = &resource_v1beta1_DeviceClassSpec }) };

static const struct tag_type resource_v1beta2_DeviceClaim = { .fields = FIELDS(
  { "requests", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 32), BETA(UNIQUE, .names = NAMES("name"))), .type = &resource_v1_DeviceRequest, .match = NAMES("name") },
  { "constraints", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 32)), .type = &resource_v1_DeviceConstraint },
  { "config", TAG_LIST, RULES(BETA_STOP(OPTIONAL), BETA_STOP(MAX_ITEMS, .n = 32)), .type = &resource_v1beta1_DeviceClaimConfiguration }) };

static const struct tag_type resource_v1beta2_ResourceClaimSpec = { .fields = FIELDS(
  { "devices", TAG_VALUE, .type = &resource_v1beta2_DeviceClaim }) };

static const struct tag_type resource_v1beta2_ResourceClaim = { .fields = FIELDS(
  { "spec", TAG_VALUE, RULES(BETA_STOP(IMMUTABLE)), .type = &resource_v1beta2_ResourceClaimSpec },
  { "status", TAG_VALUE, .type = &resource_v1beta1_ResourceClaimStatus }) };

static const struct tag_type resource_v1beta2_ResourceClaimTemplateSpec = { .fields = FIELDS(
  { "spec", TAG_VALUE, .type = &resource_v1beta2_ResourceClaimSpec }) };

static const struct tag_type resource_v1beta2_ResourceClaimTemplate = { .fields = FIELDS(
  { "spec", TAG_VALUE, .type = &resource_v1beta2_ResourceClaimTemplateSpec }) };

static const struct tag_type resource_v1alpha3_ResourcePoolStatusRequestSpec = { .fields = FIELDS(
  { "driver", TAG_VALUE, RULES(RULE_STOP(REQUIRED), RULE(FORMAT, .n = FORMAT_LONG_NAME_CASELESS)) },
  { "poolName", TAG_POINTER, RULES(RULE_STOP(OPTIONAL), RULE(FORMAT, .n = FORMAT_POOL_NAME)) },
  { "limit", TAG_POINTER, RULES(RULE_STOP(REQUIRED), RULE(MAXIMUM, .n = 1000), RULE(MINIMUM, .n = 1)) },
  { "defaultPartitionTypeAttribute", TAG_POINTER, RULES(RULE_STOP(FORBIDDEN, .gate = "!DRAPartitionableDevicesType"), RULE_STOP(OPTIONAL, .gate = "!DRAPartitionableDevicesType"), RULE_STOP(OPTIONAL, .gate = "DRAPartitionableDevicesType"), RULE(FORMAT, .n = FORMAT_QUALIFIED_NAME, .gate = "DRAPartitionableDevicesType")) }) };

static const struct tag_type resource_v1alpha3_PartitionTypeStatus = { .fields = FIELDS(
  { "attribute", TAG_VALUE, RULES(RULE_STOP(REQUIRED)) },
  { "type", TAG_VALUE, RULES(RULE_STOP(REQUIRED)) },
  { "total", TAG_POINTER, RULES(RULE_STOP(REQUIRED), RULE(MINIMUM, .n = 0)) },
  { "allocatable", TAG_POINTER, RULES(RULE_STOP(REQUIRED), RULE(MINIMUM, .n = 0)) }) };

static const struct tag_type resource_v1alpha3_ShareableCapacityStatus = { .fields = FIELDS(
  { "name", TAG_VALUE, RULES(RULE_STOP(REQUIRED)) },
  { "total", TAG_POINTER, RULES(RULE_STOP(REQUIRED)) },
  { "consumed", TAG_POINTER, RULES(RULE_STOP(REQUIRED)) },
  { "available", TAG_POINTER, RULES(RULE_STOP(REQUIRED)) }) };

static const struct tag_type resource_v1alpha3_ShareableSummaryStatus = { .fields = FIELDS(
  { "fullyAvailableDevices", TAG_POINTER, RULES(RULE_STOP(REQUIRED), RULE(MINIMUM, .n = 0)) },
  { "partiallyAvailableDevices", TAG_POINTER, RULES(RULE_STOP(REQUIRED), RULE(MINIMUM, .n = 0)) },
  { "capacity", TAG_LIST, RULES(RULE_STOP(MAX_ITEMS, .n = 32), RULE_STOP(OPTIONAL)), .type = &resource_v1alpha3_ShareableCapacityStatus }) };

static const struct tag_type resource_v1alpha3_PoolStatus = { .fields = FIELDS(
  { "driver", TAG_VALUE, RULES(RULE_STOP(REQUIRED), RULE(FORMAT, .n = FORMAT_LONG_NAME_CASELESS)) },
  { "poolName", TAG_VALUE, RULES(RULE_STOP(REQUIRED), RULE(FORMAT, .n = FORMAT_POOL_NAME)) },
  { "generation", TAG_VALUE, RULES(RULE_STOP(REQUIRED), RULE(MINIMUM, .n = 0)) },
  { "resourceSliceCount", TAG_POINTER, RULES(RULE_STOP(OPTIONAL), RULE(MINIMUM, .n = 1)) },
  { "totalDevices", TAG_POINTER, RULES(RULE_STOP(OPTIONAL), RULE(MINIMUM, .n = 0)) },
  { "allocatedDevices", TAG_POINTER, RULES(RULE_STOP(OPTIONAL), RULE(MINIMUM, .n = 0)) },
  { "availableDevices", TAG_POINTER, RULES(RULE_STOP(OPTIONAL), RULE(MINIMUM, .n = 0)) },
  { "unavailableDevices", TAG_POINTER, RULES(RULE_STOP(OPTIONAL), RULE(MINIMUM, .n = 0)) },
  { "nodeName", TAG_POINTER, RULES(RULE_STOP(OPTIONAL), RULE(FORMAT, .n = FORMAT_LONG_NAME)) },
  { "validationError", TAG_POINTER, RULES(RULE_STOP(OPTIONAL), RULE(MAX_BYTES, .n = 256)) },
  { "partitionSummary", TAG_LIST, RULES(RULE_STOP(MAX_ITEMS, .n = 32), RULE_STOP(OPTIONAL), RULE(UNIQUE, .names = NAMES("attribute", "type"))), .type = &resource_v1alpha3_PartitionTypeStatus, .match = NAMES("attribute", "type") },
  { "shareableSummary", TAG_POINTER, RULES(RULE_STOP(OPTIONAL)), .type = &resource_v1alpha3_ShareableSummaryStatus }) };

static const struct tag_type resource_v1alpha3_ResourcePoolStatusRequestStatus = { .fields = FIELDS(
  { "poolCount", TAG_POINTER, RULES(RULE_STOP(REQUIRED), RULE(MINIMUM, .n = 0)) },
  { "pools", TAG_LIST, RULES(RULE_STOP(MAX_ITEMS, .n = 1000), RULE_STOP(OPTIONAL)), .type = &resource_v1alpha3_PoolStatus },
  { "conditions", TAG_LIST, RULES(RULE_STOP(MAX_ITEMS, .n = 10), RULE_STOP(OPTIONAL), ALPHA(UNIQUE, .names = NAMES("type"))) }) };

static const struct tag_type resource_v1alpha3_ResourcePoolStatusRequest = { .fields = FIELDS(
  { "spec", TAG_VALUE, RULES(RULE_STOP(IMMUTABLE)), .type = &resource_v1alpha3_ResourcePoolStatusRequestSpec },
  { "status", TAG_POINTER, RULES(RULE_STOP(OPTIONAL)), .type = &resource_v1alpha3_ResourcePoolStatusRequestStatus }) };

const struct tag_root tag_roots_resource[] = {
  { "resource.k8s.io", "v1", "DeviceClass", &resource_v1_DeviceClass, "/" },
  { "resource.k8s.io", "v1", "DeviceTaintRule", &resource_v1_DeviceTaintRule, "/ /status" },
  { "resource.k8s.io", "v1", "ResourceClaim", &resource_v1_ResourceClaim, "/ /status" },
  { "resource.k8s.io", "v1", "ResourceClaimTemplate", &resource_v1_ResourceClaimTemplate, "/" },
  { "resource.k8s.io", "v1", "ResourceSlice", &resource_v1_ResourceSlice, "/" },
  { "resource.k8s.io", "v1beta1", "DeviceClass", &resource_v1beta1_DeviceClass, "/" },
  { "resource.k8s.io", "v1beta1", "ResourceClaim", &resource_v1beta1_ResourceClaim, "/ /status" },
  { "resource.k8s.io", "v1beta1", "ResourceClaimTemplate", &resource_v1beta1_ResourceClaimTemplate, "/" },
  { "resource.k8s.io", "v1beta1", "ResourceSlice", &resource_v1beta1_ResourceSlice, "/" },
  { "resource.k8s.io", "v1beta2", "DeviceClass", &resource_v1beta2_DeviceClass, "/" },
  { "resource.k8s.io", "v1beta2", "DeviceTaintRule", &resource_v1_DeviceTaintRule, "/ /status" },
  { "resource.k8s.io", "v1beta2", "ResourceClaim", &resource_v1beta2_ResourceClaim, "/ /status" },
  { "resource.k8s.io", "v1beta2", "ResourceClaimTemplate", &resource_v1beta2_ResourceClaimTemplate, "/" },
  { "resource.k8s.io", "v1beta2", "ResourceSlice", &resource_v1_ResourceSlice, "/" },
  { "resource.k8s.io", "v1alpha3", "DeviceTaintRule", &resource_v1_DeviceTaintRule, "/ /status" },
  { "resource.k8s.io", "v1alpha3", "ResourcePoolStatusRequest", &resource_v1alpha3_ResourcePoolStatusRequest, "/ /status" },
  { 0 },
};
