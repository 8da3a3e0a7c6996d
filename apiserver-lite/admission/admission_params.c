/*
 * Who writes a policy with parameters, or a binding to them, must be able to read them himself
 * (pkg/registry/admissionregistration, authz.go of policies and bindings).
 */
#include <string.h>

#include "admission_chain.h"
#include "admission_policy.h"
#include "admission.h"
#include "ceilings.h"
#include "object.h"
#include "rest_access.h"

#define GROUP "admissionregistration.k8s.io"

/* What the parameters are, as far as it is known; else everything has to be allowed. */
struct parameters {
  const char *group, *resource;
  const struct json *kind; /* paramKind */
  bool unparsed, unresolved;
};

static void
find_parameters(struct rest_call *c, const struct json *param_kind, struct parameters *ret)
{
  const char *version;
  _cleanup_kerr_ struct kerr ignored = KERR_INIT; /* told by what is allowed */
  const struct kind_resource *res;

  *ret = (struct parameters){ .group = "*", .resource = "*", .kind = param_kind };
  if (!param_kind)
    return;
  ret->unparsed = gv_parse(c->a, json_get_str_or(param_kind, "apiVersion", ""), &ret->group, &version, &ignored) < 0;
  if (ret->unparsed)
    return;
  res = admission_param_resource(c, param_kind);
  ret->unresolved = !res;
  if (res)
    ret->resource = res->resource;
}

/* Go's %v of a *user.DefaultInfo: `&{alice  [devs system:authenticated] map[]}`. */
static const char *
user_text(struct rest_call *c)
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(MiB);
  struct json *extra = c->user->extra ? json_copy(c->a, c->user->extra) : NULL;
  const char *gap = "";

  strbuf_printf(&b, "&{%s %s [", c->user->name, c->user->uid);
  for (size_t i = 0; i < c->user->n_groups; i++)
    strbuf_printf(&b, "%s%s", i ? " " : "", c->user->groups[i]);
  strbuf_puts(&b, "] map[");
  if (extra)
    json_sort_members(extra);
  for (json_each_member (m, extra)) {
    strbuf_printf(&b, "%s%s:[", gap, m->name);
    for (size_t i = 0; i < json_count(m->value); i++)
      strbuf_printf(&b, "%s%s", i ? " " : "", json_str(json_at(m->value, i)));
    strbuf_puts(&b, "]");
    gap = " ";
  }
  strbuf_puts(&b, "]}");
  return arena_strndup(c->a, b.p, b.n);
}

static bool
may(struct rest_call *c, const char *verb, const struct parameters *p, const char *ns, const char *name)
{
  const struct access_question q = {
    .verb = verb, .group = p->group, .resource = p->resource, .subresource = "", .ns = ns, .name = name
  };
  const char *why;

  return rest_may(c, &q, &why);
}

/* All objects of the kind, wherever they are. */
static void
check_policy(struct rest_call *c, const struct json *o, const struct json *old, struct field_errors *errs)
{
  const struct json *kind = json_dig(o, "spec", "paramKind", NULL);
  struct parameters p;

  if (!kind || (old && json_equal(kind, json_dig(old, "spec", "paramKind", NULL))))
    return;
  find_parameters(c, kind, &p);
  if (!may(c, "get", &p, "*", "*"))
    field_errors_add(
        errs, FIELD_FORBIDDEN, "spec.paramKind", NULL,
        "user %s must have \"get\" permission on all objects of the referenced paramKind (kind=%s, apiVersion=%s)",
        user_text(c), json_get_str_or(kind, "kind", ""), json_get_str_or(kind, "apiVersion", ""));
}

/* Why it may not be; `mutating`: there upstream has taken the user and the verb for each other. */
static const char *
binding_refusal(struct rest_call *c, const char *verb, const struct parameters *p, const char *policy, bool known,
                bool mutating)
{
  const char *user = user_text(c), *whole = "to determine minimum required permissions and user";
  const char *end = "permission for all groups, versions and resources";

  if (!known)
    return arena_printf(c->a, "unable to get policy %s %s %s does not have \"%s\" %s", policy, whole, user, verb, end);
  if (p->unparsed || p->unresolved)
    return arena_printf(c->a, "unable to %s paramKind &{%s %s} %s %s does not have \"%s\" %s",
                        p->unparsed ? "parse" : "resolve", json_get_str_or(p->kind, "apiVersion", ""),
                        json_get_str_or(p->kind, "kind", ""), whole, user, verb, end);
  return arena_printf(c->a, "user %s does not have \"%s\" permission on the object referenced by paramRef",
                      mutating ? verb : user, mutating ? user : verb);
}

/* Asked with every write: upstream compares references by the addresses of what they hold, which are never the same. */
static void
check_binding(struct rest_call *c, const struct json *o, bool mutating, struct field_errors *errs)
{
  const struct json *ref = json_dig(o, "spec", "paramRef", NULL), *policy;
  const char *name = json_get_str_or(ref, "name", ""), *verb = *name ? "get" : "list";
  const char *policy_name = json_get_str_or(json_get(o, "spec"), "policyName", "");
  struct parameters p;

  if (!ref)
    return;
  policy = admission_lookup(c, GROUP, c->info.version,
                            mutating ? "mutatingadmissionpolicies" : "validatingadmissionpolicies", "", policy_name);
  find_parameters(c, json_dig(policy, "spec", "paramKind", NULL), &p);
  if (!may(c, verb, &p, json_get_str_or(ref, "namespace", ""), name))
    field_errors_add(errs, FIELD_FORBIDDEN, "spec.paramRef", NULL, "%s",
                     binding_refusal(c, verb, &p, policy_name, policy != NULL, mutating));
}

void
admission_check_params(struct rest_call *c, const struct json *o, const struct json *old, struct field_errors *errs)
{
  const char *resource = c->info.resource;

  if (errs->n || *c->info.subresource || strcmp(c->info.group, GROUP) != 0)
    return;
  if (strcmp(resource, "validatingadmissionpolicies") == 0 || strcmp(resource, "mutatingadmissionpolicies") == 0)
    check_policy(c, o, old, errs);
  else if (strcmp(resource, "validatingadmissionpolicybindings") == 0)
    check_binding(c, o, false, errs);
  else if (strcmp(resource, "mutatingadmissionpolicybindings") == 0)
    check_binding(c, o, true, errs);
}
