#include "rest_access.h"

#include <string.h>

#include "apiserver_internal.h"
#include "authn.h"
#include "authz.h"
#include "codec.h"

#pragma weak authz_check

#define GROUPS_MAX 64
#define EXTRA      "impersonate-extra-"

static const char *const anonymous_groups[] = { "system:unauthenticated" };
static const struct exchange_user anonymous = {
  .name = "system:anonymous", .uid = "", .groups = anonymous_groups, .n_groups = 1
};

/* -- impersonation (apiserver/pkg/endpoints/filters/impersonation) -- */

static void
add_group(struct rest_call *c, struct exchange_user *u, const char *group)
{
  const char **more = arena_array_of(c->a, const char *, u->n_groups + 1);

  for (size_t i = 0; i < u->n_groups; i++) {
    if (strcmp(u->groups[i], group) == 0)
      return;
    more[i] = u->groups[i];
  }
  if (u->n_groups == GROUPS_MAX)
    return;
  more[u->n_groups++] = group;
  u->groups = more;
}

static void
add_extra(struct rest_call *c, struct json *extra, const char *key, const char *value)
{
  _cleanup_strbuf_ struct strbuf name;

  strbuf_init(&name, 1024);
  if (codec_url_unescape(&name, span_of(key), false) && name.n)
    json_append_str(c->a, json_ensure_array(c->a, extra, name.p), value);
}

/* Service accounts and everybody authenticated are in groups of their own, whether the request says so or not. */
static void
add_implied_groups(struct rest_call *c, struct exchange_user *u)
{
  static const char prefix[] = "system:serviceaccount:";
  bool account = strncmp(u->name, prefix, sizeof prefix - 1) == 0;
  const char *ns = u->name + sizeof prefix - 1;

  if (account && u->n_groups == 0) {
    add_group(c, u, "system:serviceaccounts");
    add_group(c, u, arena_printf(c->a, "system:serviceaccounts:%.*s", (int)strcspn(ns, ":"), ns));
  }
  for (size_t i = 0; i < u->n_groups; i++)
    if (strcmp(u->groups[i], "system:authenticated") == 0 || strcmp(u->groups[i], "system:unauthenticated") == 0)
      return;
  add_group(c, u, strcmp(u->name, "system:anonymous") == 0 ? "system:unauthenticated" : "system:authenticated");
}

static int
nameless(struct rest_call *c, const struct exchange_user *u, struct kerr *reterr)
{
  const char *groups = "";

  for (size_t i = 0; i < u->n_groups; i++)
    groups = arena_printf(c->a, "%s%s\"%s\"", groups, i ? ", " : "", u->groups[i]);
  return kerr_set(
      reterr, KERR_BAD_REQUEST, NULL,
      "requested &user.DefaultInfo{Name:\"\", UID:\"%s\", Groups:[]string%s%s%s, Extra:map[string][]string(nil)} "
      "without impersonating a user name",
      u->uid, u->n_groups ? "{" : "(nil)", groups, u->n_groups ? "}" : "");
}

/* *ret NULL: nobody is impersonated. */
static int
read_impersonation(struct rest_call *c, struct exchange_user **ret, struct kerr *reterr)
{
  struct exchange_user *u = arena_new_of(c->a, struct exchange_user);
  struct json *extra = json_new_object(c->a);

  *u = (struct exchange_user){ .name = "", .uid = "" };
  *ret = NULL;
  for (size_t i = 0; i < c->req->n_headers; i++) {
    const struct exchange_header *h = &c->req->headers[i];

    if (strncmp(h->name, "impersonate-", 12) != 0)
      continue;
    *ret = u;
    if (strcmp(h->name, "impersonate-user") == 0)
      u->name = h->value;
    else if (strcmp(h->name, "impersonate-uid") == 0)
      u->uid = h->value;
    else if (strcmp(h->name, "impersonate-group") == 0)
      add_group(c, u, h->value);
    else if (strncmp(h->name, EXTRA, sizeof EXTRA - 1) == 0)
      add_extra(c, extra, h->name + sizeof EXTRA - 1, h->value);
  }
  if (*ret && !*u->name)
    return nameless(c, u, reterr);
  if (json_count(extra))
    u->extra = extra;
  return 0;
}

static bool
service_account_parts(struct rest_call *c, const char *user, const char **ret_ns, const char **ret_name)
{
  static const char prefix[] = "system:serviceaccount:";
  const char *rest = user + sizeof prefix - 1, *colon;

  if (strncmp(user, prefix, sizeof prefix - 1) != 0 || !(colon = strchr(rest, ':')))
    return false;
  *ret_ns = arena_strndup(c->a, rest, (size_t)(colon - rest));
  *ret_name = colon + 1;
  return true;
}

/* May the real user act as this one: once for the name, for each group, for the uid and each extra. */
static int
check_impersonation(struct rest_call *c, const struct exchange_user *as, struct kerr *reterr)
{
  struct authz_request q = { .user = c->user,
                             .verb = "impersonate",
                             .is_resource = true,
                             .group = "",
                             .version = "v1",
                             .resource = "users",
                             .subresource = "",
                             .ns = "",
                             .name = as->name };
  struct authz *z = c->s->config.authz;

  if (service_account_parts(c, as->name, &q.ns, &q.name))
    q.resource = "serviceaccounts";
  if (authz_check(z, c->a, &q, reterr) < 0)
    return -(int)reterr->code;
  q.ns = "";
  q.resource = "groups";
  for (size_t i = 0; i < as->n_groups; i++) {
    q.name = as->groups[i];
    if (authz_check(z, c->a, &q, reterr) < 0)
      return -(int)reterr->code;
  }
  q.group = "authentication.k8s.io";
  if (*as->uid) {
    q.resource = "uids";
    q.name = as->uid;
    if (authz_check(z, c->a, &q, reterr) < 0)
      return -(int)reterr->code;
  }
  q.resource = "userextras";
  for (json_each_member (m, as->extra)) {
    q.subresource = m->name;
    for (json_each_item (v, m->value)) {
      q.name = json_str(*v);
      if (authz_check(z, c->a, &q, reterr) < 0)
        return -(int)reterr->code;
    }
  }
  return 0;
}

/* -- authorization -- */

static struct authz_request
question_of(const struct rest_call *c)
{
  const struct rest_info *i = &c->info;

  return (struct authz_request){ .user = c->user,
                                 .verb = i->verb,
                                 .is_resource = i->is_resource,
                                 .group = i->group,
                                 .version = i->version,
                                 .resource = i->resource,
                                 .subresource = i->subresource,
                                 .ns = i->namespace_,
                                 .name = i->name,
                                 .path = i->path };
}

static int
refuse(struct rest_call *c, struct kerr *err, struct kerr *reterr)
{
  struct status_subject about = { .group = c->info.is_resource ? c->info.group : "",
                                  .kind = c->info.is_resource ? c->info.resource : "",
                                  .name = c->info.is_resource ? c->info.name : "" };

  c->refusal = status_from_kerr(c->a, err, &about, 0);
  return kerr_move(reterr, err);
}

static int
authorize(struct rest_call *c, struct kerr *reterr)
{
  struct authz_request q = question_of(c);
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (strcmp(q.verb, "list") == 0 || strcmp(q.verb, "watch") == 0)
    q.field_selector = rest_query(c, "fieldSelector");
  return authz_check(c->s->config.authz, c->a, &q, &err) < 0 ? refuse(c, &err, reterr) : 0;
}

int
rest_access(struct rest_call *c, struct kerr *reterr)
{
  struct exchange_user *other;

  if (c->s->config.authn) {
    if (authn_request(c->s->config.authn, c->req, &c->user, reterr) < 0)
      return -(int)reterr->code;
  } else {
    c->user = c->req->user ? c->req->user : c->req->tls_user ? c->req->tls_user : &anonymous;
  }
  if (read_impersonation(c, &other, reterr) < 0)
    return -(int)reterr->code;
  if (other) {
    if (c->s->config.authz && check_impersonation(c, other, reterr) < 0)
      return -(int)reterr->code;
    add_implied_groups(c, other);
    c->user = other;
  }
  return c->s->config.authz ? authorize(c, reterr) : 0;
}

bool
rest_may(struct rest_call *c, const struct access_question *q, const char **ret_why)
{
  struct authz_request ask = { .user = c->user,
                               .verb = q->verb,
                               .is_resource = true,
                               .group = q->group,
                               .version = c->info.version,
                               .resource = q->resource,
                               .subresource = q->subresource,
                               .ns = q->ns,
                               .name = q->name };
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  *ret_why = "";
  if (!c->s->config.authz || authz_check(c->s->config.authz, c->a, &ask, &err) == 0)
    return true;
  *ret_why = arena_strdup(c->a, err.msg);
  return false;
}
