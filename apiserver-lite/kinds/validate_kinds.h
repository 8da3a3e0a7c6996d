/* validate_kinds - the validators of the groups other than resource.k8s.io, for validate.c's table. */
#ifndef APISERVER_VALIDATE_KINDS_H
#define APISERVER_VALIDATE_KINDS_H

#include "validate_internal.h"

extern const struct validator validator_pod, validator_pod_template, validator_namespace, validator_config_map,
    validator_secret, validator_node, validator_lease, validator_service, validator_quota, validator_limits,
    validator_event, validator_event_new, validator_trust_bundle;
extern const struct validator validators_workload[], validators_apps[], validators_batch[], validators_network[],
    validators_admission[], validators_endpoints[], validators_storage[], validators_persistent[],
    validators_controller[], validators_autoscaling[], validators_certificates[], validators_access[];
extern const size_t validator_workload_count, validator_apps_count, validator_batch_count, validator_network_count,
    validator_admission_count, validator_endpoints_count, validator_storage_count, validator_persistent_count,
    validator_controller_count, validator_autoscaling_count, validator_certificates_count, validator_access_count;

#endif
