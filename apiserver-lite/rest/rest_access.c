#include "rest_access.h"

#include <string.h>

#include "apiserver_internal.h"
#include "authn.h"
#include "authz.h"
#include "impersonate.h"

static const char *const anonymous_groups[] = { "system:unauthenticated" };
static const struct exchange_user anonymous = {
  .name = "system:anonymous", .uid = "", .groups = anonymous_groups, .n_groups = 1
};

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

  if (strcmp(q.verb, "list") == 0 || strcmp(q.verb, "watch") == 0 || strcmp(q.verb, "deletecollection") == 0)
    authz_select(c->s->config.authz, c->a, span_of(rest_query(c, "fieldSelector")), &q);
  return authz_check(c->s->config.authz, c->a, &q, &err) < 0 ? refuse(c, &err, reterr) : 0;
}

int
rest_access(struct rest_call *c, struct kerr *reterr)
{
  struct authz_request what;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int r;

  if (c->s->config.authn) {
    if (authn_request(c->s->config.authn, c->req, &c->user, reterr) < 0)
      return -(int)reterr->code;
  } else {
    c->user = c->req->user ? c->req->user : c->req->tls_user ? c->req->tls_user : &anonymous;
  }
  if (!c->s->config.authz)
    return 0;
  what = question_of(c);
  r = impersonate_request(c->s->config.authz, c->req, c->user, &what, &c->user, &err);
  if (r < 0)
    return err.code == KERR_FORBIDDEN ? refuse(c, &err, reterr) : kerr_move(reterr, &err);
  return authorize(c, reterr);
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
