#include "admission_cel.h"

#include <string.h>

#include "apiserver_internal.h"
#include "authz.h"

/* The text of a part of a question; "" when the expression did not say it. */
static const char *
part(struct arena *a, struct span s)
{
  return s.p ? arena_strndup(a, s.p, s.n) : "";
}

/* Somebody whom authorizer.serviceAccount() names. */
static const struct exchange_user *
other_user(struct arena *a, const char *name)
{
  struct exchange_user *user = arena_new_of(a, struct exchange_user);
  const char **groups = arena_array_of(a, const char *, 3), *ns = name + strlen("system:serviceaccount:");

  groups[0] = "system:serviceaccounts";
  groups[1] = arena_printf(a, "system:serviceaccounts:%.*s", (int)strcspn(ns, ":"), ns);
  groups[2] = "system:authenticated";
  *user = (struct exchange_user){ .name = name, .uid = "", .groups = groups, .n_groups = 3 };
  return user;
}

static void
check(const struct cel_authorizer *self, struct arena *a, const struct cel_authz *request, struct span verb,
      struct cel_authz *ret)
{
  const struct rest_call *c = self->arg;
  struct authz_request ask = { .user = request->user.p ? other_user(a, part(a, request->user)) : c->user,
                               .verb = part(a, verb),
                               .is_resource = !request->path.p,
                               .group = part(a, request->group),
                               .version = "*",
                               .resource = part(a, request->resource),
                               .subresource = part(a, request->subresource),
                               .ns = part(a, request->namespace),
                               .name = part(a, request->name),
                               .path = part(a, request->path) };
  const char *reason = "";

  if (c->s->config.authz && request->field_selector.p)
    authz_select(c->s->config.authz, a, request->field_selector, &ask);
  ret->allowed = !c->s->config.authz || authz_decide(c->s->config.authz, a, &ask, &reason) == AUTHZ_ALLOW;
  ret->reason = span_of(arena_strdup(a, reason));
}

static const struct json *
groups_of(struct arena *a, const struct exchange_user *user)
{
  struct json *ret = json_new_array(a);

  for (size_t i = 0; user && i < user->n_groups; i++)
    json_append_str(a, ret, user->groups[i]);
  return ret;
}

static int
show(const struct admission_ask *ask, const struct admission_as *as, const struct json *o, const struct json **ret,
     struct kerr *reterr)
{
  const struct json *shown;

  if (admission_show_as(ask, as, o, &shown, reterr) < 0)
    return -(int)reterr->code;
  *ret = shown ? kind_written(ask->c->a, as->kind, shown) : NULL;
  return 0;
}

int
admission_cel(const struct admission_ask *ask, const struct admission_as *as, const struct json *params,
              struct cel_admission *ret, struct kerr *reterr)
{
  struct rest_call *c = ask->c;
  struct cel_authorizer *authorizer = arena_new_of(c->a, struct cel_authorizer);
  const struct kind *k = c->kind;
  bool is_namespace = !*k->group && strcmp(k->kind, "Namespace") == 0;

  *authorizer = (struct cel_authorizer){ .check = check, .arg = c };
  *ret = (struct cel_admission){
    .params = params,
    .namespace_object = is_namespace || !*ask->ns ? NULL : admission_namespace_of(ask),
    .matched = { as->group, as->version, as->kind->kind, as->resource },
    .requested = { c->info.group, c->info.version, k->kind, c->info.resource },
    .subresource = c->info.subresource,
    .name = ask->name,
    .namespace = ask->ns,
    .operation = ask->operation,
    .username = c->user ? c->user->name : "",
    .uid = c->user && c->user->uid ? c->user->uid : "",
    .groups = groups_of(c->a, c->user),
    .extra = c->user ? c->user->extra : NULL,
    .options = admission_options(ask),
    .dry_run = c->dry_run,
    .authorizer = authorizer,
  };
  if (show(ask, as, ask->object, &ret->object, reterr) < 0 || show(ask, as, ask->old, &ret->old_object, reterr) < 0)
    return -(int)reterr->code;
  return 0;
}
