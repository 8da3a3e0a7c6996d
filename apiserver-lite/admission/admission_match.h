/*
 * admission_match - which requests a webhook or a policy is about.
 *
 * Rules name operations, groups, versions, resources and a scope; with
 * matchPolicy Equivalent a rule for another version (or group) of the same
 * stored resource matches too, and the object is shown in that version.
 * Selectors look at the labels of the namespace and of the object, new or old
 * (apiserver/pkg/admission/plugin/webhook/predicates, .../policy/matching).
 *
 * Everything lives in the arena of the call.
 */
#ifndef APISERVER_ADMISSION_MATCH_H
#define APISERVER_ADMISSION_MATCH_H

#include "rest.h"

/* What is asked: admission.Attributes. */
struct admission_ask {
  struct rest_call *c;
  const char *operation;  /* "CREATE", "UPDATE", "DELETE", "CONNECT" */
  const char *name, *ns;  /* "" when there is none; a namespace is in itself */
  struct json *object;    /* in the request's version; NULL: DELETE */
  const struct json *old; /* NULL: CREATE, CONNECT */
};

/* The resource and kind a rule matched, as which the object is shown. */
struct admission_as {
  const char *group, *version, *resource;
  const struct kind *kind;
};

struct admission_ask admission_ask_of(struct rest_call *c, struct json *o, const struct json *old);
/* Webhook configurations and policies themselves: no webhook and no policy is asked about them. */
bool admission_exempt(const struct rest_call *c);

/* Does one of `rules` (RuleWithOperations, with or without resourceNames) match? */
bool admission_rules_match(const struct admission_ask *ask, const struct json *rules, bool equivalent,
                           struct admission_as *ret);
/*
 * Do namespaceSelector and objectSelector of `holder` select it? KERR_NOT_FOUND: the namespace, with its Status left
 * as refusal; upstream tells of it only when the rules match, so ask them first.
 */
_must_check_ int admission_selects(const struct admission_ask *ask, const struct json *holder, bool *ret,
                                   struct kerr *reterr);
/* The namespace the object is in, or is; NULL for what is in none. */
const struct json *admission_namespace_of(const struct admission_ask *ask);

/* `o`, in the request's version (NULL stays NULL), as `as` has it. KERR_INTERNAL. */
_must_check_ int admission_show_as(const struct admission_ask *ask, const struct admission_as *as, const struct json *o,
                                   const struct json **ret, struct kerr *reterr);
/* Replace the asked object by `o`, which is of `as` and canonical. KERR_INTERNAL. */
_must_check_ int admission_take_back(const struct admission_ask *ask, const struct admission_as *as, struct json *o,
                                     struct kerr *reterr);
/* CreateOptions, UpdateOptions or DeleteOptions of the request, with kind and apiVersion. */
const struct json *admission_options(const struct admission_ask *ask);

#endif
