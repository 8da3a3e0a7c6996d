/* validate_kinds - the validators of the groups other than resource.k8s.io, for validate.c's table. */
#ifndef APISERVER_VALIDATE_KINDS_H
#define APISERVER_VALIDATE_KINDS_H

#include "validate_internal.h"

#define VALIDATORS_OTHER

#endif
