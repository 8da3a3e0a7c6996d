/*
 * webhook_convert - ConversionReview: asking a webhook for custom objects in another version
 * (apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go).
 */
#ifndef APISERVER_WEBHOOK_CONVERT_H
#define APISERVER_WEBHOOK_CONVERT_H

#include "webhook_client.h"

struct conversion_ask {
  struct webhook_client *client;
  const struct json *webhook; /* spec.conversion.webhook: clientConfig, conversionReviewVersions */
  const char *api_version;    /* what the objects are to become */
  const struct span *objects; /* JSON documents */
  size_t n;
};

/*
 * *ret: what the webhook gave back, an array in `a`; whether these are the objects, and how many, is the caller's to
 * check. Errors are those of webhook_post, or KERR_INTERNAL in upstream's words: no answer to the question, or the
 * webhook says that it failed.
 */
_must_check_ int webhook_convert(struct arena *a, const struct conversion_ask *ask, const struct json **ret,
                                 struct kerr *reterr);

#endif
