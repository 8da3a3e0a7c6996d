#include "webhook_convert.h"

#include <string.h>

#include "ceilings.h"
#include "codec.h"
#include "kind.h"
#include "object.h"
#include "webhook_review.h"

#define GROUP    "apiextensions.k8s.io"
#define KIND     "ConversionReview"
#define TIMEOUT  30                          /* seconds, the default of upstream's webhook clients */
#define BODY_MAX (64 * MiB)                  /* the caller keeps reviews far smaller, single objects cannot be larger */
#define SCHEME   "pkg/runtime/scheme.go:111" /* what upstream's scheme of reviews calls itself */

/* -- the question -- */

/* The first version that is known here. */
static const char *
review_version(const struct json *webhook)
{
  for (json_each_item (v, json_get(webhook, "conversionReviewVersions"))) {
    const char *text = json_str(*v);

    if (text && (strcmp(text, "v1") == 0 || strcmp(text, "v1beta1") == 0))
      return text;
  }
  return NULL;
}

/* As Go writes it, with the empty response that upstream's type has. */
static void
write_review(struct strbuf *b, const struct conversion_ask *ask, const char *version, const char *uid)
{
  strbuf_printf(b,
                "{\"kind\":\"" KIND "\",\"apiVersion\":\"" GROUP "/%s\",\"request\":{\"uid\":\"%s\","
                "\"desiredAPIVersion\":\"%s\",\"objects\":[",
                version, uid, ask->api_version);
  for (size_t i = 0; i < ask->n; i++) {
    if (i)
      strbuf_putc(b, ',');
    strbuf_span(b, ask->objects[i]);
  }
  strbuf_puts(b, "]},\"response\":{\"uid\":\"\",\"convertedObjects\":null,\"result\":{\"metadata\":{}}}}");
}

/* -- the answer -- */

/* What client-go's decoder takes for a review of this version; what says no type counts as one. */
static int
check_type(struct arena *a, const struct json *answer, const char *version, struct kerr *reterr)
{
  const char *api_version = object_api_version(answer), *kind = object_kind(answer), *other;

  if (!*api_version)
    api_version = gv_text(a, GROUP, version);
  if (!*kind)
    kind = KIND;
  other = strcmp(api_version, GROUP "/v1") == 0 ? "v1" : strcmp(api_version, GROUP "/v1beta1") == 0 ? "v1beta1" : NULL;
  if (!other || strcmp(kind, KIND) != 0)
    return kerr_set(reterr, KERR_INTERNAL, NULL, "no kind \"%s\" is registered for version \"%s\" in scheme \"%s\"",
                    kind, api_version, SCHEME);
  if (strcmp(other, version) != 0)
    return kerr_set(reterr, KERR_INTERNAL, NULL, "converting (%s." KIND ") to (%s." KIND "): unknown conversion", other,
                    version);
  return 0;
}

/* v1beta1 asked neither for the type nor for the uid. */
static int
check_identity(const struct json *answer, const struct json *response, const char *version, const char *uid,
               struct kerr *reterr)
{
  const char *api_version = object_api_version(answer), *said = json_get_str_or(response, "uid", "");
  bool v1 = strcmp(version, "v1") == 0;

  if (v1 && (strcmp(api_version, GROUP "/v1") != 0 || strcmp(object_kind(answer), KIND) != 0))
    return kerr_set(reterr, KERR_INTERNAL, NULL,
                    "expected webhook response of " GROUP "/v1, Kind=" KIND ", got %s, Kind=%s",
                    *api_version ? api_version : "/", object_kind(answer));
  if (!response)
    return kerr_set(reterr, KERR_INTERNAL, NULL, "no response provided");
  if (v1 && strcmp(said, uid) != 0)
    return kerr_set(reterr, KERR_INTERNAL, NULL, "expected response.uid=\"%s\", got \"%s\"", uid, said);
  return 0;
}

static int
check_result(const struct json *result, struct kerr *reterr)
{
  const char *status = json_get_str_or(result, "status", ""), *message = json_get_str_or(result, "message", "");

  if (strcmp(status, "Success") == 0)
    return 0;
  return *message ? kerr_set(reterr, KERR_INTERNAL, NULL, "%s", message)
                  : kerr_set(reterr, KERR_INTERNAL, NULL, "response.result.status was '%s', not 'Success'", status);
}

static int
hear(struct arena *a, const struct json *answer, const char *version, const char *uid, const struct json **ret,
     struct kerr *reterr)
{
  const struct json *response;
  struct json *review;

  if (json_is(answer, JSON_OBJECT) && check_type(a, answer, version, reterr) < 0)
    return -(int)reterr->code;
  if (webhook_decode(a, kind_find(GROUP, "v1", KIND), answer, &review, reterr) < 0)
    return -(int)reterr->code;
  response = json_get(review, "response");
  if (check_identity(answer, response, version, uid, reterr) < 0 ||
      check_result(json_get(response, "result"), reterr) < 0)
    return -(int)reterr->code;
  *ret = json_get(response, "convertedObjects");
  return 0;
}

int
webhook_convert(struct arena *a, const struct conversion_ask *ask, const struct json **ret, struct kerr *reterr)
{
  const char *version = review_version(ask->webhook);
  _cleanup_strbuf_ struct strbuf body = STRBUF_INIT(BODY_MAX);
  struct webhook_call call = { .config = json_get(ask->webhook, "clientConfig"), .timeout_seconds = TIMEOUT };
  char uid[CODEC_UUID_MAX];
  struct json *answer;

  if (!version)
    return kerr_set(reterr, KERR_INTERNAL, NULL, "no supported conversion review versions");
  write_review(&body, ask, version, codec_uuid4(uid));
  call.body = strbuf_view(&body);
  if (webhook_post(ask->client, a, &call, &answer, reterr) < 0)
    return -(int)reterr->code;
  return hear(a, answer, version, uid, ret, reterr);
}
