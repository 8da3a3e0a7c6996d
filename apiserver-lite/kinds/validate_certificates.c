/*
 * Requests for certificates (pkg/apis/certificates/validation). What is wrong with a stored one already is not held
 * against an update.
 */
#include "ceilings.h"
#include "codec.h"
#include "pki_request.h"
#include "validate_pod.h"

#define EXPIRATION_MIN  600
#define DOMAIN_MAX      253
#define LEGACY          "kubernetes.io/legacy-unknown"
#define SIGNER_NAME_MAX (DOMAIN_MAX + 253 + 63 + 2)

static const char *const usages[] = { "any",
                                      "cert sign",
                                      "client auth",
                                      "code signing",
                                      "content commitment",
                                      "crl sign",
                                      "data encipherment",
                                      "decipher only",
                                      "digital signature",
                                      "email protection",
                                      "encipher only",
                                      "ipsec end system",
                                      "ipsec tunnel",
                                      "ipsec user",
                                      "key agreement",
                                      "key encipherment",
                                      "microsoft sgc",
                                      "netscape sgc",
                                      "ocsp signing",
                                      "s/mime",
                                      "server auth",
                                      "signing",
                                      "timestamping",
                                      NULL };

static bool
decode(struct validation *v, const struct json *base64, struct span *ret)
{
  _cleanup_strbuf_ struct strbuf b;
  strbuf_init(&b, CEIL_ARENA_REQUEST);
  bool good = codec_unbase64(&b, json_span(base64));
  *ret = arena_span(v->a, span_make(b.p ? b.p : "", b.n));
  return good;
}

static void
check_request(struct validation *v, const struct vpath *path, const struct json *request)
{
  struct span pem, der;
  const char *problem = decode(v, request, &pem) ? pki_request_read(v->a, pem, &der) : "not base64";
  if (!problem)
    problem = pki_request_check(v->a, der);
  if (problem)
    verr_add(v, FIELD_INVALID, path, vjson(v->a, request), "%s", problem);
}

/* The parts between dots; the first wrong one is enough. */
static size_t
check_parts(struct validation *v, const struct vpath *path, struct span text, enum text_format format)
{
  const char *problems[TEXT_PROBLEMS_MAX];
  size_t parts = 0;
  bool wrong = false;
  for (struct span rest = text; rest.p; parts++) {
    struct span part = span_cut(rest, '.', &rest);
    size_t n = wrong ? 0 : text_check(v->a, format, part, problems);
    for (size_t i = 0; i < n; i++)
      verr_invalid(v, path, text, arena_printf(v->a, "validating label %s: %s", vquote(v->a, part), problems[i]));
    wrong |= n > 0;
  }
  return parts;
}

/* core/validation's ValidateSignerName. */
void
validate_signer_name(struct validation *v, const struct vpath *path, struct span name)
{
  struct span rest, domain = span_cut(name, '/', &rest);
  if (!name.n) {
    verr_required(v, path, "");
    return;
  }
  if (!rest.p || memchr(rest.p, '/', rest.n)) {
    verr_invalid(v, path, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'");
    return;
  }
  if (domain.n > DOMAIN_MAX)
    verr_too_long(v, path, DOMAIN_MAX);
  if (check_parts(v, path, domain, TEXT_DNS_LABEL) < 2)
    verr_invalid(v, path, domain, "should be a domain with at least two segments separated by dots");
  (void)check_parts(v, path, rest, TEXT_DNS_SUBDOMAIN);
  if (name.n > SIGNER_NAME_MAX)
    verr_too_long(v, path, SIGNER_NAME_MAX);
}

static bool
is_usage(struct span s)
{
  for (size_t i = 0; usages[i]; i++)
    if (span_is(s, usages[i]))
      return true;
  return false;
}

static bool
has_unknown_usage(const struct json *list)
{
  for (json_each_item (p, list))
    if (!is_usage(json_span(*p)))
      return true;
  return false;
}

/* Two items that are the same, or (`key`) whose members are. */
static bool
repeats(const struct json *list, size_t i, const char *key)
{
  for (size_t j = 0; j < i; j++)
    if (json_same(key ? json_get(json_at(list, i), key) : json_at(list, i),
                  key ? json_get(json_at(list, j), key) : json_at(list, j)))
      return true;
  return false;
}

static bool
has_repeated(const struct json *list, const char *key)
{
  for (size_t i = 0; i < json_count(list); i++)
    if (repeats(list, i, key))
      return true;
  return false;
}

static void
check_usages(struct validation *v, const struct vpath *path, const struct json *list, const struct json *old)
{
  if (!json_count(list))
    verr_required(v, path, "");
  for (size_t i = 0; i < json_count(list) && !has_unknown_usage(old); i++)
    if (!is_usage(json_span(json_at(list, i))))
      verr_not_supported(v, VP_ITEM(path, i), json_span(json_at(list, i)), usages);
  for (size_t i = 0; i < json_count(list) && !has_repeated(old, NULL); i++)
    if (repeats(list, i, NULL))
      verr_duplicate(v, VP_ITEM(path, i), json_span(json_at(list, i)));
}

/* -- conditions -- */

static const char *const decisions[] = { "Approved", "Denied", NULL };
static const char *const lasting[] = { "Approved", "Denied", "Failed", NULL };

static size_t
count_of(const struct json *conditions, const char *type)
{
  size_t n = 0;
  for (json_each_item (p, conditions))
    n += span_is(json_text_of(*p, "type"), type);
  return n;
}

static void
check_condition_status(struct validation *v, const struct vpath *path, const struct json *condition)
{
  static const char *const all[] = { "False", "True", "Unknown", NULL }, *const only[] = { "True", NULL };
  const char *const *allowed = validate_is_one_of(json_text_of(condition, "type"), lasting) ? only : all;
  struct span status = json_text_of(condition, "status");
  if (!status.n)
    verr_required(v, VP(path, "status"), "");
  else if (!validate_is_one_of(status, allowed))
    verr_not_supported(v, VP(path, "status"), status, allowed);
}

static bool
is_decided_twice(const struct json *conditions)
{
  return count_of(conditions, "Approved") && count_of(conditions, "Denied");
}

#define TAGGED_SINCE 37

static void
check_decisions(struct validation *v, const struct vpath *path, const struct json *conditions)
{
  size_t seen[ARRAY_SIZE(decisions)] = { 0 };
  for (json_each_item (p, conditions))
    for (size_t i = 0; decisions[i]; i++)
      if (span_is(json_text_of(*p, "type"), decisions[i]) && ++seen[i] && seen[!i])
        verr_invalid(v, path, json_text_of(*p, "type"), "Approved and Denied conditions are mutually exclusive");
}

/* What the type's tags say of it instead, after everything else. */
static void
check_tagged_decisions(struct validation *v, const struct json *conditions, const struct json *old)
{
#define MEMBER(type) "conditions[{\"type\": \"" type "\"}]"
  if (validation_minor(v) >= TAGGED_SINCE && is_decided_twice(conditions) && !is_decided_twice(old))
    verr_add(v, FIELD_INVALID, VP(VP(NULL, "status"), "conditions"),
             vquote(v->a, SPAN("{" MEMBER("Approved") ", " MEMBER("Denied") "}")),
             "must specify at most one of: `%s`, `%s`", MEMBER("Approved"), MEMBER("Denied"));
}

static void
check_conditions(struct validation *v, const struct vpath *path, const struct json *list, const struct json *old)
{
  bool any_type = false;
  for (json_each_item (p, old))
    any_type |= !json_text_of(*p, "type").n;
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *condition = json_at(list, i);
    if (!any_type && !json_text_of(condition, "type").n)
      verr_required(v, VP(VP_ITEM(path, i), "type"), "");
    check_condition_status(v, VP_ITEM(path, i), condition);
    if (!has_repeated(old, "type") && repeats(list, i, "type"))
      verr_duplicate(v, VP(VP_ITEM(path, i), "type"), json_text_of(condition, "type"));
  }
  if (validation_minor(v) < TAGGED_SINCE && !is_decided_twice(old))
    check_decisions(v, path, list);
}

/* -- the whole -- */

static const struct json *
certificate_of(const struct json *o)
{
  return json_dig(o, "status", "certificate", NULL);
}

static const struct json *
conditions_of(const struct json *o)
{
  return json_dig(o, "status", "conditions", NULL);
}

static const char *
certificate_problem(struct validation *v, const struct json *base64)
{
  struct span pem;
  if (!decode(v, base64, &pem))
    return "not base64";
  return pki_certificates_check(v->a, pem);
}

static void
check_whole(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *spec = json_get(o, "spec"), *was = json_get(old, "spec");
  const struct vpath *path = VP(NULL, "spec"), *status = VP(NULL, "status");
  struct span signer = json_text_of(spec, "signerName");
  int64_t seconds = json_get_int(spec, "expirationSeconds", 0);
  check_request(v, VP(path, "request"), json_get(spec, "request"));
  check_usages(v, VP(path, "usages"), json_get(spec, "usages"), json_get(was, "usages"));
  if (span_is(signer, LEGACY) && !span_is(json_text_of(was, "signerName"), LEGACY))
    verr_invalid(v, VP(path, "signerName"), signer, "the legacy signerName is not allowed via this API version");
  else
    validate_signer_name(v, VP(path, "signerName"), signer);
  if (json_has(spec, "expirationSeconds") && seconds < EXPIRATION_MIN)
    verr_invalid_int(v, VP(path, "expirationSeconds"), seconds,
                     "may not specify a duration less than 600 seconds (10 minutes)");
  check_conditions(v, VP(status, "conditions"), conditions_of(o), conditions_of(old));
  const char *problem = json_same(certificate_of(o), certificate_of(old)) || certificate_problem(v, certificate_of(old))
                            ? NULL
                            : certificate_problem(v, certificate_of(o));
  if (problem)
    verr_invalid(v, VP(status, "certificate"), SPAN("<certificate data>"), problem);
}

static void
create_request(struct validation *v, const struct json *o)
{
  check_whole(v, o, NULL);
}

/* What each way to write may do beside (the strategy has put everything else back). */
enum may { MAY_DECIDE = 1, MAY_ISSUE = 2 };

static void
check_change(struct validation *v, const struct json *o, const struct json *old, unsigned may)
{
  const struct json *now = conditions_of(o), *before = conditions_of(old);
  const struct vpath *status = VP(NULL, "status"), *path = VP(status, "conditions");
  for (size_t i = 0; lasting[i]; i++)
    if (count_of(now, lasting[i]) < count_of(before, lasting[i]))
      verr_forbidden(v, path, arena_printf(v->a, "updates may not remove a condition of type \"%s\"", lasting[i]));
  for (size_t i = 0; decisions[i] && !(may & MAY_DECIDE); i++)
    if (count_of(now, decisions[i]) > count_of(before, decisions[i]))
      verr_forbidden(v, path, arena_printf(v->a, "updates may not add a condition of type \"%s\"", decisions[i]));
  bool changed = !json_same(certificate_of(o), certificate_of(old));
  if (changed && !(may & MAY_ISSUE))
    verr_forbidden(v, VP(status, "certificate"), "updates may not set certificate content");
  else if (changed && json_span(certificate_of(old)).n)
    verr_forbidden(v, VP(status, "certificate"), "updates may not modify existing certificate content");
  check_tagged_decisions(v, now, before);
}

static void
update_request(struct validation *v, const struct json *o, const struct json *old)
{
  check_whole(v, o, old);
  check_change(v, o, old, 0);
}

static void
update_status(struct validation *v, const struct json *o, const struct json *old)
{
  check_whole(v, o, old);
  check_change(v, o, old, MAY_ISSUE);
}

static void
update_approval(struct validation *v, const struct json *o, const struct json *old, const char *subresource)
{
  (void)subresource; /* there is no other */
  check_whole(v, o, old);
  check_change(v, o, old, MAY_DECIDE);
}

const struct validator validators_certificates[] = {
  { "certificates.k8s.io", "CertificateSigningRequest", .cluster = true, .name = { .format = TEXT_PATH_SEGMENT },
    .create = create_request, .update = update_request, .status = update_status, .other = update_approval },
};
const size_t validator_certificates_count = ARRAY_SIZE(validators_certificates);
