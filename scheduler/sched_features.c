#include "sched_features.h"

struct alloc_features
sched_features_of(const struct personality *p)
{
  return (struct alloc_features){
    .admin_access = personality_gate(p, "DRAAdminAccess"),
    .prioritized_list = personality_gate(p, "DRAPrioritizedList"),
    .partitionable_devices = personality_gate(p, "DRAPartitionableDevices"),
    .device_taints = personality_gate(p, "DRADeviceTaints"),
    .device_binding_and_status =
        personality_gate(p, "DRADeviceBindingConditions") && personality_gate(p, "DRAResourceClaimDeviceStatus"),
    .consumable_capacity = personality_gate(p, "DRAConsumableCapacity"),
    .fractional_capacity_range = personality_gate(p, "DRAFractionalCapacityRange"),
    .list_type_attributes = personality_gate(p, "DRAListTypeAttributes"),
    .optional_node_operations = personality_gate(p, "DRAOptionalNodeOperations"),
    .derived_attributes = personality_gate(p, "DRADerivedAttributes"),
    .compatibility_groups = personality_gate(p, "DRADeviceCompatibilityGroups"),
    .terse_errors = personality_minor(p) < 37,
  };
}
