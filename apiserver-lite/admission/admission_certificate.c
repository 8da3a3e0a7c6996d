/*
 * CertificateApproval, CertificateSigning, CertificateSubjectRestriction, ClusterTrustBundleAttest
 * (plugin/pkg/admission/certificates): who approves or signs certificate requests, or says whom a signer trusts, needs
 * a permission for the signer beside that for the object, and nobody gets a client certificate of system:masters.
 */
#include <string.h>

#include "admission.h"
#include "ceilings.h"
#include "codec.h"
#include "object.h"
#include "pki_request.h"
#include "rest_access.h"

/* "kubernetes.io/kubelet-serving", or all of the domain: "kubernetes.io/\*" */
static bool
may(struct rest_call *c, const char *verb, const char *signer)
{
  const char *domain = arena_printf(c->a, "%.*s/*", (int)strcspn(signer, "/"), signer);
  const char *const names[] = { signer, domain };
  const char *why;

  for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
    const struct access_question q = {
      .verb = verb, .group = "certificates.k8s.io", .resource = "signers", .subresource = "", .ns = "", .name = names[i]
    };

    if (rest_may(c, &q, &why))
      return true;
  }
  return false;
}

static const char *
signer_of(const struct json *request)
{
  return json_get_str_or(json_get(request, "spec"), "signerName", "");
}

static int
check(struct rest_call *c, const struct json *old, const char *verb, struct kerr *reterr)
{
  const char *signer = signer_of(old);

  if (may(c, verb, signer))
    return 0;
  return admission_forbid(
      c, old, arena_printf(c->a, "user not permitted to %s requests with signerName \"%s\"", verb, signer), reterr);
}

static int
check_approval(struct rest_call *c, const struct json *o, const struct json *old, struct kerr *reterr)
{
  (void)o;
  return old && strcmp(c->info.subresource, "approval") == 0 ? check(c, old, "approve", reterr) : 0;
}

static int
check_signing(struct rest_call *c, const struct json *o, const struct json *old, struct kerr *reterr)
{
  const struct json *now = json_get(o, "status"), *before = json_get(old, "status");

  if (!old || strcmp(c->info.subresource, "status") != 0 ||
      (json_equal(json_get(now, "certificate"), json_get(before, "certificate")) &&
       json_equal(json_get(now, "conditions"), json_get(before, "conditions"))))
    return 0;
  return check(c, old, "sign", reterr);
}

#define CLIENT_SIGNER "kubernetes.io/kube-apiserver-client"

static int
check_subject(struct rest_call *c, const struct json *o, const struct json *old, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf pem;
  const char *problem;
  struct span der;

  strbuf_init(&pem, CEIL_ARENA_REQUEST);
  if (old || *c->info.subresource || strcmp(signer_of(o), CLIENT_SIGNER) != 0)
    return 0;
  problem = codec_unbase64(&pem, json_span(json_dig(o, "spec", "request", NULL)))
                ? pki_request_read(c->a, span_make(pem.p ? pem.p : "", pem.n), &der)
                : "not base64";
  if (problem)
    return admission_forbid(c, o, arena_printf(c->a, "failed to parse CSR: %s", problem), reterr);
  if (pki_request_is_of(der, "system:masters"))
    return admission_forbid(c, o, "use of " CLIENT_SIGNER " signer with system:masters group is not allowed", reterr);
  return 0;
}

/* The signer of a bundle does not change, so the new object's is asked about. */
static int
check_attest(struct rest_call *c, const struct json *o, const struct json *old, struct kerr *reterr)
{
  const char *signer = signer_of(o);

  if (!personality_gate(c->personality, "ClusterTrustBundle") || !*signer || admission_only_collects(c, o, old) ||
      may(c, "attest", signer))
    return 0;
  return admission_forbid(c, o, arena_printf(c->a, "user not permitted to attest for signerName \"%s\"", signer),
                          reterr);
}

static const struct admission_target requests[] = { { "certificates.k8s.io", "certificatesigningrequests" },
                                                    { NULL, NULL } };

const struct admission_plugin admission_certificate_approval = {
  .name = "CertificateApproval",
  .targets = requests,
  .validate = check_approval,
};
const struct admission_plugin admission_certificate_signing = {
  .name = "CertificateSigning",
  .targets = requests,
  .validate = check_signing,
};
const struct admission_plugin admission_certificate_subject = {
  .name = "CertificateSubjectRestriction",
  .targets = requests,
  .validate = check_subject,
};

static const struct admission_target bundles[] = { { "certificates.k8s.io", "clustertrustbundles" }, { NULL, NULL } };

const struct admission_plugin admission_bundle_attest = {
  .name = "ClusterTrustBundleAttest",
  .targets = bundles,
  .validate = check_attest,
};
