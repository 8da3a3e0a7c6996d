/*
 * Nobody grants what he does not have: upstream's check against escalation (pkg/registry/rbac, policybased). A
 * role may hold rules that its writer has himself, or whose writer may `escalate`; a binding may refer to a role whose
 * rules its writer has, or that he may `bind`. Members of system:masters have everything.
 */
#include <string.h>

#include "admission.h"
#include "apiserver_internal.h"
#include "authz.h"
#include "ceilings.h"
#include "object.h"
#include "rest_access.h"

#define GROUP "rbac.authorization.k8s.io"

static bool
may(struct rest_call *c, const char *verb, const char *resource, const char *ns, const char *name)
{
  const struct access_question q = {
    .verb = verb, .group = GROUP, .resource = resource, .subresource = "", .ns = ns, .name = name
  };
  const char *why;

  return rest_may(c, &q, &why);
}

static int
check_rules(struct rest_call *c, const struct json *o, const struct json *rules, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(MiB);
  const char *missing;

  if (authz_covers(c->s->config.authz, c->a, c->user, c->info.namespace_, rules, &missing))
    return 0;
  strbuf_printf(&text, "user \"%s\" (groups=[", c->user->name);
  for (size_t i = 0; i < c->user->n_groups; i++)
    strbuf_printf(&text, "%s\"%s\"", i ? " " : "", c->user->groups[i]);
  strbuf_printf(&text, "]) is attempting to grant RBAC permissions not currently held:\n%s", missing);
  return admission_forbid(c, o, text.p, reterr);
}

/* Rules that come from other roles, whichever they may be one day, are for those who may do everything. */
static int
check_aggregation(struct rest_call *c, const struct json *o, const struct json *old, struct kerr *reterr)
{
  static const char all[] = "[{\"verbs\":[\"*\"],\"apiGroups\":[\"*\"],\"resources\":[\"*\"]},"
                            "{\"verbs\":[\"*\"],\"nonResourceURLs\":[\"*\"]}]";
  struct json *rules;
  const char *missing;

  if (!json_get(o, "aggregationRule") && !json_get(old, "aggregationRule"))
    return 0;
  if (json_parse(c->a, SPAN(all), NULL, &rules, reterr) < 0)
    return -(int)reterr->code;
  if (authz_covers(c->s->config.authz, c->a, c->user, "", rules, &missing))
    return 0;
  return admission_forbid(c, o, "must have cluster-admin privileges to use an aggregationRule", reterr);
}

static int
check_role(struct rest_call *c, const struct json *o, const struct json *old, struct kerr *reterr)
{
  int r;

  if (!c->s->config.authz || may(c, "escalate", c->info.resource, c->info.namespace_, object_name(o)) ||
      admission_only_collects(c, o, old))
    return 0;
  r = check_rules(c, o, json_get(o, "rules"), reterr);
  return r < 0 ? r : check_aggregation(c, o, old, reterr);
}

static int
check_binding(struct rest_call *c, const struct json *o, const struct json *old, struct kerr *reterr)
{
  const struct json *ref = json_get(o, "roleRef"), *role;
  const char *name = json_get_str_or(ref, "name", "");
  bool cluster = strcmp(json_get_str_or(ref, "kind", ""), "ClusterRole") == 0;
  const char *resource = cluster ? "clusterroles" : "roles", *ns = cluster ? "" : c->info.namespace_;

  if (!c->s->config.authz || may(c, "bind", resource, c->info.namespace_, name) || admission_only_collects(c, o, old))
    return 0;
  role = admission_lookup(c, GROUP, "v1", resource, ns, name);
  if (!role)
    return kerr_set(reterr, KERR_NOT_FOUND, NULL, "%s." GROUP " \"%s\" not found", resource, name);
  return check_rules(c, o, json_get(role, "rules"), reterr);
}

static const struct admission_target roles[] = { { GROUP, "roles" }, { GROUP, "clusterroles" }, { NULL, NULL } };
static const struct admission_target bindings[] = { { GROUP, "rolebindings" },
                                                    { GROUP, "clusterrolebindings" },
                                                    { NULL, NULL } };

const struct admission_plugin admission_rbac_roles = { .name = "RBACRoles", .targets = roles, .guard = check_role };
const struct admission_plugin admission_rbac_bindings = { .name = "RBACBindings",
                                                          .targets = bindings,
                                                          .guard = check_binding };
