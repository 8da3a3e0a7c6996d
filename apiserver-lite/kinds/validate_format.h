/*
 * validate_format - the textual formats of the API, with upstream's exact complaints.
 *
 * Sources: apimachinery's pkg/util/validation (used by hand-written rules) and
 * pkg/api/validate/content (used by declarative ones). The two count length in
 * "characters" and "bytes" respectively and mean bytes both times.
 */
#ifndef APISERVER_VALIDATE_FORMAT_H
#define APISERVER_VALIDATE_FORMAT_H

#include <stdbool.h>

#include "arena.h"
#include "quantity.h"
#include "span.h"

enum text_format {
  TEXT_ANY,
  TEXT_DNS_LABEL,                /* IsDNS1123Label */
  TEXT_DNS_SUBDOMAIN,            /* IsDNS1123Subdomain */
  TEXT_DNS_SUBDOMAIN_UNDERSCORE, /* IsDNS1123SubdomainWithUnderscore */
  TEXT_DNS1035_LABEL,
  TEXT_WILDCARD_SUBDOMAIN,
  TEXT_SHORT_NAME, /* the same as tags say it: format=k8s-short-name ... */
  TEXT_LONG_NAME,
  TEXT_LONG_NAME_CASELESS,
  TEXT_LABEL_KEY,          /* IsQualifiedName */
  TEXT_LABEL_KEY_ANY_CASE, /* annotations: lower-cased first */
  TEXT_PREFIXED_LABEL_KEY,
  TEXT_LABEL_VALUE,
  TEXT_C_IDENTIFIER,
  TEXT_PATH_SEGMENT,
  TEXT_UUID,
  TEXT_CONFIG_KEY,
  TEXT_ENV_NAME, /* printable ASCII without '=' (RelaxedEnvironmentVariableValidation) */
  TEXT_PORT_NAME,
  TEXT_HTTP_HEADER,
  TEXT_HTTP_PATH,
  TEXT_PERCENT,
  TEXT_CONDITION_REASON,
  TEXT_IP, /* IsValidIP: canonical */
};

#define TEXT_PROBLEMS_MAX 5

/* Complaints about `s`, in upstream's order; 0 when it is well-formed. Texts are constants or live in the arena. */
size_t text_check(struct arena *a, enum text_format f, struct span s, const char *problems[TEXT_PROBLEMS_MAX]);
/* The origin of such an error (`format=k8s-label-key`), or NULL. */
const char *text_origin(enum text_format f);
/* A name that will get a suffix: a trailing dash is no fault (maskTrailingDash). */
struct span text_name_prefix(struct arena *a, struct span s);

bool text_is_semver(struct span s);

#endif
