/*
 * admission_policy - which policies a request meets, through which bindings, with which parameters
 * (apiserver/pkg/admission/plugin/policy/generic/policy_dispatcher.go).
 *
 * Shared by ValidatingAdmissionPolicy and MutatingAdmissionPolicy. Policies
 * and bindings are read from the store with each request, by name; only
 * policies that a binding names count.
 */
#ifndef APISERVER_ADMISSION_POLICY_H
#define APISERVER_ADMISSION_POLICY_H

#include "admission_match.h"
#include "cel_policy.h"

#define POLICY_HITS_MAX 4096 /* policies, bindings and parameters that one request may meet, all together */

struct policy_kind {
  const char *policies, *bindings; /* resources of admissionregistration.k8s.io */
  enum cel_policy_kind cel;
};

/* One policy with one binding and one object of parameters. */
struct policy_hit {
  const struct json *policy, *binding; /* binding NULL: the policy itself is at fault */
  const char *policy_name, *binding_name;
  const struct json *params; /* in the version of paramKind; NULL: none */
  struct admission_as as;
  struct cel_policy *compiled; /* lives as long as the call's arena */
  const char *error;           /* it cannot be evaluated: "failed to configure binding: ..."; NULL */
};

struct policy_hits {
  struct policy_hit *list; /* POLICY_HITS_MAX at most */
  size_t n, cap;
};

/* All of them, in order. KERR_INTERNAL: more than POLICY_HITS_MAX; errors of the store. */
_must_check_ int admission_policies(const struct admission_ask *ask, const struct policy_kind *kind,
                                    struct policy_hits *ret, struct kerr *reterr);
/* The resource of a paramKind that is served; NULL when there is none. */
const struct kind_resource *admission_param_resource(struct rest_call *c, const struct json *param_kind);
/* 403 about the asked object with `message` for a cause and, unless NULL, `reason`. */
int admission_policy_refuse(const struct admission_ask *ask, const char *message, const char *reason, int code,
                            struct kerr *reterr);

#endif
