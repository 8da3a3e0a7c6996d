/* Reviews of authentication.k8s.io and serviceaccounts/token. Nothing of it is stored. */
#include <string.h>

#include "apiserver_internal.h"
#include "authn.h"
#include "managed_fields.h"
#include "object.h"
#include "rest_meta.h"
#include "rest_subresource.h"
#include "rest_write.h"
#include "sa_token.h"

#define TOKEN_SECONDS     3600
#define TOKEN_SECONDS_MIN 600
#define TOKEN_SECONDS_MAX ((int64_t)1 << 32)

int
sub_read_review(struct rest_call *c, struct json **ret, struct kerr *reterr)
{
  if (rest_write_options(c, "CreateOptions", false, reterr) < 0 || rest_body_object(c, ret, reterr) < 0 ||
      rest_meta_namespace(c, *ret, reterr) < 0)
    return -(int)reterr->code;
  rest_meta_wipe(c->a, *ret);
  managed_fields_update(c, NULL, *ret);
  return 0;
}

int
sub_answer(struct rest_call *c, struct json *review, struct json *status, struct kerr *reterr)
{
  struct kind_strictness lenient = { .a = c->a };
  struct json *canonical;

  json_set(c->a, review, "status", status);
  if (kind_decode(c->a, c->kind, review, &lenient, &canonical, reterr) < 0)
    return -(int)reterr->code;
  return rest_answer_object(c, 201, c->kind, canonical, reterr);
}

static struct json *
user_info(struct rest_call *c, const struct exchange_user *u)
{
  struct json *ret = json_new_object(c->a);

  json_set_str(c->a, ret, "username", u->name);
  if (u->uid && *u->uid)
    json_set_str(c->a, ret, "uid", u->uid);
  if (u->n_groups) {
    struct json *groups = json_ensure_array(c->a, ret, "groups");

    for (size_t i = 0; i < u->n_groups; i++)
      json_append_str(c->a, groups, u->groups[i]);
  }
  if (json_count(u->extra))
    json_set(c->a, ret, "extra", json_copy(c->a, u->extra));
  return ret;
}

const char **
sub_strings(struct rest_call *c, const struct json *list, size_t *ret_n)
{
  const char **ret = arena_array_of(c->a, const char *, json_count(list) + 1);

  *ret_n = 0;
  for (json_each_item (v, list))
    if (json_str(*v))
      ret[(*ret_n)++] = json_str(*v);
  return ret;
}

/* -- authentication -- */

int
sub_self_review(struct rest_call *c, struct kerr *reterr)
{
  struct json *review, *status = json_new_object(c->a);

  if (rest_write_options(c, "CreateOptions", false, reterr) < 0 || rest_body_object(c, &review, reterr) < 0)
    return -(int)reterr->code;
  rest_meta_wipe(c->a, review);
  json_set_str(c->a, rest_meta_edit(c->a, review), "creationTimestamp", rest_time(c->a, c->now));
  json_set(c->a, status, "userInfo", user_info(c, c->user));
  return sub_answer(c, review, status, reterr);
}

int
sub_token_review(struct rest_call *c, struct kerr *reterr)
{
  struct json *review, *status = json_new_object(c->a);
  const char *token, *const *good = NULL, **wanted;
  const struct exchange_user *user;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  size_t n, n_good = 0;

  if (sub_read_review(c, &review, reterr) < 0)
    return -(int)reterr->code;
  token = json_str(json_dig(review, "spec", "token", NULL));
  if (!token || !*token)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "token is required for TokenReview in authentication");
  wanted = sub_strings(c, json_dig(review, "spec", "audiences", NULL), &n);
  if (!c->s->config.authn)
    return sub_answer(c, review, status, reterr);
  if (authn_token(c->s->config.authn, c->a, span_of(token), wanted, n, &user, &good, &n_good, &err) < 0) {
    json_set_str(c->a, status, "error", err.msg);
    return sub_answer(c, review, status, reterr);
  }
  json_set_bool(c->a, status, "authenticated", true);
  json_set(c->a, status, "user", user_info(c, user));
  for (size_t i = 0; i < n_good; i++)
    json_append_str(c->a, json_ensure_array(c->a, status, "audiences"), good[i]);
  return sub_answer(c, review, status, reterr);
}

static const char *
member(const struct json *o, const char *name)
{
  return json_get_str_or(o, name, "");
}

/* -- serviceaccounts/token (pkg/registry/core/serviceaccount/storage/token.go) -- */

static int
bind_to(struct rest_call *c, const struct json *ref, struct sa_token_request *want, struct kerr *reterr)
{
  static const struct {
    const char *kind, *resource;
    bool namespaced;
  } rows[] = { { "Pod", "pods", true }, { "Secret", "secrets", true }, { "Node", "nodes", false } };
  const char *kind = member(ref, "kind"), *name = member(ref, "name"), *uid = member(ref, "uid");

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    const struct kind_resource *res = kind_resource_find(c->personality, "", "v1", rows[i].resource);
    struct sa_ref *into = i == 0 ? &want->pod : i == 1 ? &want->secret : &want->node;
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct record *r;

    if (strcmp(rows[i].kind, kind) != 0)
      continue;
    if (store_get(c->s->store, rest_key(c->a, res, rows[i].namespaced ? want->ns : "", name), 0, &r, &err) < 0) {
      struct status_subject about = { .kind = rows[i].resource, .name = name };
      _cleanup_kerr_ struct kerr gone = KERR_INIT;

      (void)kerr_set(&gone, KERR_NOT_FOUND, NULL, "%s \"%s\" not found", rows[i].resource, name);
      c->refusal = status_from_kerr(c->a, &gone, &about, 0);
      return kerr_move(reterr, &gone);
    }
    if (i == 0 && strcmp(member(json_get(record_tree(r), "spec"), "serviceAccountName"), want->account.name) != 0) {
      record_unref(r);
      return kerr_set(reterr, KERR_BAD_REQUEST, NULL,
                      "cannot bind token for serviceaccount \"%s\" to pod running with different serviceaccount name.",
                      want->account.name);
    }
    *into = (struct sa_ref){ .name = name, .uid = arena_strdup(c->a, object_uid(record_tree(r))) };
    if (i == 0)
      want->node.name = arena_strdup(c->a, member(json_get(record_tree(r), "spec"), "nodeName"));
    if (i == 0 && !*want->node.name)
      want->node.name = NULL;
    record_unref(r);
    if (*uid && strcmp(uid, into->uid) != 0)
      return rest_conflict_of(
          c, "", kind, name,
          arena_printf(c->a,
                       "the UID in the bound object reference (%s) does not match the UID in record. The "
                       "object might have been deleted and then recreated",
                       uid),
          reterr);
    return 0;
  }
  return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "cannot bind token for serviceaccount \"%s\" to type %s, Kind=%s",
                  want->account.name, member(ref, "apiVersion"), kind);
}

/* A request may name its account, as long as it is the one of the URL. */
static int
check_names(struct rest_call *c, const struct json *review, struct kerr *reterr)
{
  struct field_errors errs = { .a = c->a };
  const char *name = object_name(review), *ns = object_namespace(review);

  if (*name && strcmp(name, c->info.name) != 0)
    field_errors_add(&errs, FIELD_INVALID, "metadata.name", json_text(c->a, json_new_str(c->a, name), JSON_COMPACT),
                     "must match the service account name if specified");
  else if (*ns && strcmp(ns, c->info.namespace_) != 0)
    field_errors_add(&errs, FIELD_INVALID, "metadata.namespace", json_text(c->a, json_new_str(c->a, ns), JSON_COMPACT),
                     "must match the service account namespace if specified");
  return errs.n ? rest_invalid_of(c, "authentication.k8s.io", "TokenRequest", c->info.name, &errs, reterr) : 0;
}

static int
check_account(struct rest_call *c, struct json *review, const struct sa_ref *account, struct kerr *reterr)
{
  const char *uid = object_uid(review);

  if (personality_minor(c->personality) < 34) /* nobody looks at it */
    return 0;
  if (!*uid)
    json_set_str(c->a, json_ensure_object(c->a, review, "metadata"), "uid", account->uid);
  if (!*uid || strcmp(uid, account->uid) == 0)
    return 0;
  if (!personality_gate(c->personality, "TokenRequestServiceAccountUIDValidation")) {
    rest_warn(c,
              "the UID in the token request (%s) does not match the UID of the service account (%s) but "
              "TokenRequestServiceAccountUIDValidation is not enabled. In the future, this will return a conflict "
              "error",
              uid, account->uid);
    return 0;
  }
  return rest_conflict_of(c, "authentication.k8s.io", "TokenRequest", account->name,
                          arena_printf(c->a,
                                       "the UID in the token request (%s) does not match the UID of the service "
                                       "account (%s)",
                                       uid, account->uid),
                          reterr);
}

static int
check_seconds(struct rest_call *c, int64_t seconds, struct kerr *reterr)
{
  struct field_errors errs = { .a = c->a };
  const char *shown = json_text(c->a, json_new_int(c->a, seconds), JSON_COMPACT);

  if (seconds < TOKEN_SECONDS_MIN)
    field_errors_add(&errs, FIELD_INVALID, "spec.expirationSeconds", shown,
                     "may not specify a duration less than 10 minutes");
  if (seconds > TOKEN_SECONDS_MAX)
    field_errors_add(&errs, FIELD_INVALID, "spec.expirationSeconds", shown,
                     "may not specify a duration larger than 2^32 seconds");
  return errs.n ? rest_invalid_of(c, "authentication.k8s.io", "TokenRequest", c->info.name, &errs, reterr) : 0;
}

int
sub_token(struct rest_call *c, struct kerr *reterr)
{
  const struct kind *k = rest_kind(c, "authentication.k8s.io", "v1", "TokenRequest");
  struct sa_token_request want = { .ns = c->info.namespace_ };
  _cleanup_record_ struct record *account = NULL;
  struct json *review = NULL, *status = json_new_object(c->a), *spec, *meta;
  const struct json *ref;
  const char *token;
  int64_t expiry;

  if (!c->s->config.signer)
    return kerr_set(reterr, KERR_UNAVAILABLE, NULL, "this server has no key to sign service account tokens with");
  if (rest_write_options(c, "CreateOptions", false, reterr) < 0 || rest_body_of(c, k, &review, reterr) < 0)
    return -(int)reterr->code;
  if (!review)
    review = json_new_object(c->a);
  if (check_names(c, review, reterr) < 0 || rest_load(c, c->info.name, &account, reterr) < 0)
    return -(int)reterr->code;
  spec = json_ensure_object(c->a, review, "spec");
  want.account = (struct sa_ref){ .name = c->info.name, .uid = object_uid(record_tree(account)) };
  if (check_account(c, review, &want.account, reterr) < 0)
    return -(int)reterr->code;
  want.audiences = sub_strings(c, json_get(spec, "audiences"), &want.n_audiences);
  if (!want.n_audiences)
    want.audiences = (const char **)(uintptr_t)sa_signer_audiences(c->s->config.signer, &want.n_audiences);
  want.seconds = json_get_int(spec, "expirationSeconds", TOKEN_SECONDS);
  ref = json_get(spec, "boundObjectRef");
  if (check_seconds(c, want.seconds, reterr) < 0 || (json_count(ref) && bind_to(c, ref, &want, reterr) < 0) ||
      sa_token_issue(c->s->config.signer, c->a, &want, &token, &expiry, reterr) < 0)
    return -(int)reterr->code;
  json_set_str(c->a, review, "kind", "TokenRequest");
  json_set_str(c->a, review, "apiVersion", "authentication.k8s.io/v1");
  meta = json_ensure_object(c->a, review, "metadata");
  json_set_str(c->a, meta, "name", c->info.name);
  json_set_str(c->a, meta, "namespace", c->info.namespace_);
  json_set_str(c->a, meta, "creationTimestamp", rest_time(c->a, c->now));
  json_set(c->a, spec, "audiences", json_new_array(c->a));
  for (size_t i = 0; i < want.n_audiences; i++)
    json_append_str(c->a, json_find(spec, "audiences"), want.audiences[i]);
  json_set_int(c->a, spec, "expirationSeconds", want.seconds);
  json_set_str(c->a, status, "token", token);
  json_set_str(c->a, status, "expirationTimestamp", rest_time(c->a, expiry * CLOCK_SEC));
  c->kind = k;
  return sub_answer(c, review, status, reterr);
}
