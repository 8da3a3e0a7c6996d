#include "rest_access.h"

#include "apiserver_internal.h"

static const char *const anonymous_groups[] = { "system:unauthenticated" };
static const struct exchange_user anonymous = {
  .name = "system:anonymous", .uid = "", .groups = anonymous_groups, .n_groups = 1
};

int
rest_access(struct rest_call *c, struct kerr *reterr)
{
  (void)reterr;
  c->user = c->req->user ? c->req->user : c->req->tls_user ? c->req->tls_user : &anonymous;
  return 0;
}

bool
rest_may(struct rest_call *c, const struct access_question *q, const char **ret_why)
{
  (void)c;
  (void)q;
  *ret_why = "";
  return true;
}
