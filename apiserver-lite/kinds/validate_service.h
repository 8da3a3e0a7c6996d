/* validate_service - what of a service's validation its allocation needs, too (core/validation). */
#ifndef APISERVER_VALIDATE_SERVICE_H
#define APISERVER_VALIDATE_SERVICE_H

#include "validate_internal.h"

/* ValidateServiceClusterIPsRelatedFields; `was`: the spec before, or NULL. */
void validate_service_addresses(struct validation *v, const struct json *spec, const struct json *was);
/* A list of strings as an error shows it: JSON, or Go's syntax in older releases. */
const char *validate_show_texts(struct validation *v, const struct json *list);

#endif
