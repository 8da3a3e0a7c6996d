/*
 * crd_rules - the validation rules of custom resources (cel_crd.h), with errors as the API server has them.
 */
#ifndef APISERVER_CRD_RULES_H
#define APISERVER_CRD_RULES_H

#include "cel_crd.h"
#include "status.h"

/* What the rules have against an object that is about to be stored. `old` NULL: it is new. */
void rules_check_object(const struct cel_crd *rules, const struct json *o, const struct json *old,
                        struct field_errors *errs);
/* A report of cel/ → field errors. */
void rules_take_report(const struct cel_report *report, struct field_errors *errs);

#endif
