#include "webhook_review.h"

#include <string.h>

#include "ceilings.h"
#include "codec.h"
#include "object.h"

#define GROUP "admission.k8s.io"

/* -- the question -- */

static struct json *
gvk(struct arena *a, const char *group, const char *version, const char *last, const char *what)
{
  struct json *o = json_new_object(a);

  json_set_str(a, o, "group", group);
  json_set_str(a, o, "version", version);
  json_set_str(a, o, last, what);
  return o;
}

static void
set_unless_empty(struct arena *a, struct json *o, const char *name, const char *text)
{
  if (*text)
    json_set_str(a, o, name, text);
}

static struct json *
user_info(struct arena *a, const struct exchange_user *user)
{
  struct json *o = json_new_object(a), *groups;

  if (!user)
    return o;
  set_unless_empty(a, o, "username", user->name);
  set_unless_empty(a, o, "uid", user->uid ? user->uid : "");
  groups = json_new_array(a);
  for (size_t i = 0; i < user->n_groups; i++)
    json_append_str(a, groups, user->groups[i]);
  if (user->n_groups)
    json_set(a, o, "groups", groups);
  if (json_count(user->extra))
    json_set(a, o, "extra", json_copy(a, user->extra));
  return o;
}

/* The object as the webhook is to see it: in Go's order, which plugins have disturbed. */
static int
set_object(const struct admission_ask *ask, const struct admission_as *as, struct json *request, const char *name,
           const struct json *o, struct kerr *reterr)
{
  struct arena *a = ask->c->a;
  struct kind_strictness lenient = { .a = a };
  const struct json *shown;
  struct json *ordered;

  if (!o) {
    json_set(a, request, name, json_new_null(a));
    return 0;
  }
  if (admission_show_as(ask, as, o, &shown, reterr) < 0 ||
      kind_decode(a, as->kind, shown, &lenient, &ordered, reterr) < 0)
    return -(int)reterr->code;
  json_set(a, request, name, json_copy(a, kind_written(a, as->kind, ordered)));
  return 0;
}

static int
fill_request(const struct admission_ask *ask, const struct admission_as *as, const char *uid, struct json *r,
             struct kerr *reterr)
{
  struct rest_call *c = ask->c;
  struct arena *a = c->a;
  const struct json *options = admission_options(ask);

  json_set_str(a, r, "uid", uid);
  json_set(a, r, "kind", gvk(a, as->kind->group, as->kind->version, "kind", as->kind->kind));
  json_set(a, r, "resource", gvk(a, as->group, as->version, "resource", as->resource));
  set_unless_empty(a, r, "subResource", c->info.subresource);
  json_set(a, r, "requestKind", gvk(a, c->kind->group, c->kind->version, "kind", c->kind->kind));
  json_set(a, r, "requestResource", gvk(a, c->info.group, c->info.version, "resource", c->info.resource));
  set_unless_empty(a, r, "requestSubResource", c->info.subresource);
  set_unless_empty(a, r, "name", ask->name);
  set_unless_empty(a, r, "namespace", ask->ns);
  json_set_str(a, r, "operation", ask->operation);
  json_set(a, r, "userInfo", user_info(a, c->user));
  if (set_object(ask, as, r, "object", ask->object, reterr) < 0 ||
      set_object(ask, as, r, "oldObject", ask->old, reterr) < 0)
    return -(int)reterr->code;
  json_set_bool(a, r, "dryRun", c->dry_run);
  json_set(a, r, "options", options ? json_copy(a, options) : json_new_null(a));
  return 0;
}

int
webhook_ask(const struct admission_ask *ask, const struct admission_as *as, const struct json *versions,
            struct webhook_question *ret, struct kerr *reterr)
{
  struct arena *a = ask->c->a;
  struct json *review = json_new_object(a);
  char uid[CODEC_UUID_MAX];

  *ret = (struct webhook_question){ .version = NULL };
  for (json_each_item (v, versions)) {
    const char *text = json_str(*v);

    if (!ret->version && text && (strcmp(text, "v1") == 0 || strcmp(text, "v1beta1") == 0))
      ret->version = text;
  }
  if (!ret->version)
    return kerr_set(reterr, KERR_INVALID, NULL, "webhook does not accept known AdmissionReview versions (v1, v1beta1)");
  ret->uid = arena_strdup(a, codec_uuid4(uid));
  json_set_str(a, review, "kind", "AdmissionReview");
  json_set_str(a, review, "apiVersion", gv_text(a, GROUP, ret->version));
  if (fill_request(ask, as, ret->uid, json_ensure_object(a, review, "request"), reterr) < 0)
    return -(int)reterr->code;
  ret->body = span_of(json_text(a, review, JSON_COMPACT));
  return 0;
}

/* -- the answer -- */

/* Go's own words for an answer that has no kind because it is no object. */
#define NO_OBJECT                                                                            \
  "couldn't get version/kind; json parse error: json: cannot unmarshal %s into Go value of " \
  "type struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string "      \
  "\"json:\\\"kind,omitempty\\\"\" }"

int
webhook_decode(struct arena *a, const struct kind *k, const struct json *answer, struct json **ret, struct kerr *reterr)
{
  struct kind_strictness lenient = { .a = a };

  if (!json_is(answer, JSON_OBJECT))
    return kerr_set(reterr, KERR_INVALID, NULL, NO_OBJECT, json_wire_type(answer));
  return kind_decode(a, k, answer, &lenient, ret, reterr);
}

static int
check_identity(const struct webhook_question *q, const struct json *answer, const struct json *response,
               struct kerr *reterr)
{
  const char *api_version = json_get_str_or(answer, "apiVersion", ""), *uid = json_get_str_or(response, "uid", "");
  const char *kind = json_get_str_or(answer, "kind", "");

  if (strcmp(q->version, "v1") != 0) /* v1beta1 asked for neither */
    return 0;
  if (strcmp(uid, q->uid) != 0)
    return kerr_set(reterr, KERR_INVALID, NULL, "expected response.uid=\"%s\", got \"%s\"", q->uid, uid);
  if (strcmp(api_version, GROUP "/v1") != 0 || strcmp(kind, "AdmissionReview") != 0)
    return kerr_set(reterr, KERR_INVALID, NULL,
                    "expected webhook response of " GROUP "/v1, Kind=AdmissionReview, got %s, Kind=%s",
                    *api_version ? api_version : "/", kind);
  return 0;
}

static int
take_patch(struct arena *a, const struct webhook_question *q, bool mutating, const struct json *response,
           struct webhook_verdict *ret, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf patch = STRBUF_INIT(CEIL_WEBHOOK_REPLY);
  const struct json *type = json_get(response, "patchType");
  bool v1 = strcmp(q->version, "v1") == 0;

  if (!codec_unbase64(&patch, json_span(json_get(response, "patch"))))
    return kerr_set(reterr, KERR_INVALID, NULL, "response.patch is no base64");
  if (!mutating) {
    if (v1 && patch.n)
      return kerr_set(reterr, KERR_INVALID, NULL, "validating webhook may not return response.patch");
    if (v1 && type)
      return kerr_set(reterr, KERR_INVALID, NULL, "validating webhook may not return response.patchType");
    return 0;
  }
  if (v1 && patch.n && !type)
    return kerr_set(reterr, KERR_INVALID, NULL, "webhook returned response.patch but not response.patchType");
  if (v1 && !patch.n && type)
    return kerr_set(reterr, KERR_INVALID, NULL, "webhook returned response.patchType but not response.patch");
  ret->patch_type = v1 && type ? json_str(type) : patch.n ? "JSONPatch" : "";
  if (v1 && type && !*ret->patch_type)
    return kerr_set(reterr, KERR_INVALID, NULL, "webhook returned invalid response.patchType of \"\"");
  ret->patch = arena_span(a, strbuf_view(&patch));
  return 0;
}

int
webhook_hear(struct arena *a, const struct webhook_question *q, bool mutating, const struct json *answer,
             struct webhook_verdict *ret, struct kerr *reterr)
{
  const struct json *response = json_get(answer, "response");
  struct webhook_verdict v = { .patch_type = "" };

  if (!response)
    return kerr_set(reterr, KERR_INVALID, NULL, "webhook response was absent");
  if (check_identity(q, answer, response, reterr) < 0 || take_patch(a, q, mutating, response, &v, reterr) < 0)
    return -(int)reterr->code;
  v.allowed = json_get_bool(response, "allowed", false);
  v.status = json_get(response, "status");
  v.warnings = json_get(response, "warnings");
  *ret = v;
  return 0;
}
