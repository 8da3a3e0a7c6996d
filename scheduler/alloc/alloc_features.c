/* The gates by name, and which variant of the allocator they ask for. */
#include <string.h>

#include "alloc.h"

static const struct {
  const char *name;
  size_t at;
} feature_names[] = {
#define FEATURE(text, field)                     \
  {                                              \
    text, offsetof(struct alloc_features, field) \
  }
  FEATURE("AdminAccess", admin_access),
  FEATURE("CompatibilityGroups", compatibility_groups),
  FEATURE("ConsumableCapacity", consumable_capacity),
  FEATURE("DerivedAttributes", derived_attributes),
  FEATURE("DeviceBindingAndStatus", device_binding_and_status),
  FEATURE("DeviceTaints", device_taints),
  FEATURE("FractionalCapacityRange", fractional_capacity_range),
  FEATURE("ListTypeAttributes", list_type_attributes),
  FEATURE("OptionalNodeOperations", optional_node_operations),
  FEATURE("PartitionableDevices", partitionable_devices),
  FEATURE("PrioritizedList", prioritized_list),
#undef FEATURE
};

struct alloc_features
alloc_features_default(void)
{
  return (struct alloc_features){ .admin_access = true,
                                  .prioritized_list = true,
                                  .partitionable_devices = true,
                                  .device_taints = true,
                                  .device_binding_and_status = true,
                                  .consumable_capacity = true };
}

bool
alloc_features_set(struct alloc_features *f, const char *name, bool on)
{
  for (size_t i = 0; i < ARRAY_SIZE(feature_names); i++)
    if (strcmp(name, feature_names[i].name) == 0) {
      *(bool *)((char *)f + feature_names[i].at) = on;
      return true;
    }
  return false;
}

enum alloc_channel
alloc_channel_of(const struct alloc_features *f)
{
  if (f->list_type_attributes || f->optional_node_operations || f->derived_attributes || f->compatibility_groups)
    return ALLOC_EXPERIMENTAL;
  if (f->device_binding_and_status || f->consumable_capacity || f->fractional_capacity_range)
    return ALLOC_INCUBATING;
  return ALLOC_STABLE;
}
