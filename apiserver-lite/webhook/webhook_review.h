/*
 * webhook_review - AdmissionReview: the question to a webhook and its answer
 * (apiserver/pkg/admission/plugin/webhook/request/admissionreview.go).
 */
#ifndef APISERVER_WEBHOOK_REVIEW_H
#define APISERVER_WEBHOOK_REVIEW_H

#include "admission_match.h"

struct webhook_question {
  const char *version; /* of AdmissionReview that the webhook understands: "v1" or "v1beta1" */
  const char *uid;
  struct span body; /* the document, in the arena of the call */
};

struct webhook_verdict {
  bool allowed;
  const struct json *status;   /* metav1.Status of a refusal, or NULL */
  const struct json *warnings; /* list of texts, or NULL */
  struct span patch;           /* of a mutating webhook: a JSON patch; empty when there is none */
  const char *patch_type;      /* "" without a patch */
};

/* The first of `versions` (admissionReviewVersions) that is known. KERR_INVALID: there is none; or a conversion fails.
 */
_must_check_ int webhook_ask(const struct admission_ask *ask, const struct admission_as *as,
                             const struct json *versions, struct webhook_question *ret, struct kerr *reterr);
/* An answer, as it came, as an object of `k`. Errors are Go's, KERR_INVALID when it is no object at all. */
_must_check_ int webhook_decode(struct arena *a, const struct kind *k, const struct json *answer, struct json **ret,
                                struct kerr *reterr);
/* `answer` as webhook_decode made it; *ret points into it and `a`. KERR_INVALID in upstream's words: it is no answer to
 * `q`. */
_must_check_ int webhook_hear(struct arena *a, const struct webhook_question *q, bool mutating,
                              const struct json *answer, struct webhook_verdict *ret, struct kerr *reterr);

#endif
