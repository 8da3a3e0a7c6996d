/* validate_workload - what the validators of workloads share (validate_apps.c, validate_batch.c, validate_workload.c).
 */
#ifndef APISERVER_VALIDATE_WORKLOAD_H
#define APISERVER_VALIDATE_WORKLOAD_H

#include "validate_internal.h"

#define VALIDATE_SELECTOR_TYPE "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector" /* for vgo */

/* The members of these names, which end with NULL. */
void validate_none_negative(struct validation *v, const struct vpath *path, const struct json *o,
                            const char *const *names);
/* spec.selector selects the labels of spec.template; one that is missing selects nothing. False: it cannot be read,
 * which is for the caller to say. */
bool validate_template_selected(struct validation *v, const struct vpath *path, const struct json *spec);
/* An amount that is not negative: "25%" or 3. */
void validate_int_or_percent(struct validation *v, const struct vpath *path, const struct json *value);
void validate_at_most_100_percent(struct validation *v, const struct vpath *path, const struct json *value);

#endif
