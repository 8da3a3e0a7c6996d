/* Requests for certificates (pkg/apis/certificates/validation). What is inside a request's PEM is not read. */
#include "ceilings.h"
#include "codec.h"
#include "validate_pod.h"

#define EXPIRATION_MIN  600
#define DOMAIN_MAX      253
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
is_request(struct span base64)
{
  static const char begin[] = "-----BEGIN ", wanted[] = "-----BEGIN CERTIFICATE REQUEST-----";
  _cleanup_strbuf_ struct strbuf b;
  strbuf_init(&b, CEIL_ARENA_REQUEST);
  if (!codec_unbase64(&b, base64) || !b.n)
    return false;
  const char *block = memmem(b.p, b.n, begin, sizeof begin - 1);
  return block && (size_t)(b.p + b.n - block) >= sizeof wanted - 1 && !memcmp(block, wanted, sizeof wanted - 1);
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

static void
check_usages(struct validation *v, const struct vpath *path, const struct json *list)
{
  if (!json_count(list))
    verr_required(v, path, "");
  for (size_t i = 0; i < json_count(list); i++)
    if (!is_usage(json_span(json_at(list, i))))
      verr_not_supported(v, VP_ITEM(path, i), json_span(json_at(list, i)), usages);
  for (size_t i = 0; i < json_count(list); i++)
    for (size_t j = 0; j < i; j++)
      if (json_equal(json_at(list, i), json_at(list, j))) {
        verr_duplicate(v, VP_ITEM(path, i), json_span(json_at(list, i)));
        break;
      }
}

static void
create_request(struct validation *v, const struct json *o)
{
  const struct json *spec = json_get(o, "spec");
  const struct vpath *path = VP(NULL, "spec");
  struct span request = json_text_of(spec, "request"), signer = json_text_of(spec, "signerName");
  int64_t seconds = json_get_int(spec, "expirationSeconds", 0);
  if (!is_request(request))
    verr_invalid(v, VP(path, "request"), request, "PEM block type must be CERTIFICATE REQUEST");
  check_usages(v, VP(path, "usages"), json_get(spec, "usages"));
  if (span_is(signer, "kubernetes.io/legacy-unknown"))
    verr_invalid(v, VP(path, "signerName"), signer, "the legacy signerName is not allowed via this API version");
  else
    validate_signer_name(v, VP(path, "signerName"), signer);
  if (json_has(spec, "expirationSeconds") && seconds < EXPIRATION_MIN)
    verr_invalid_int(v, VP(path, "expirationSeconds"), seconds,
                     "may not specify a duration less than 600 seconds (10 minutes)");
}

static void
keep_request(struct validation *v, const struct json *o, const struct json *old)
{
  (void)v, (void)o, (void)old; /* the strategy has put everything back (strategy_certificate.c) */
}

const struct validator validators_certificates[] = {
  { "certificates.k8s.io", "CertificateSigningRequest", .cluster = true, .name = { .format = TEXT_PATH_SEGMENT },
    .create = create_request, .update = keep_request },
};
const size_t validator_certificates_count = ARRAY_SIZE(validators_certificates);
