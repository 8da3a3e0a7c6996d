#include "rbac.h"

#include <string.h>

#include "object.h"
#include "rbac_rule.h"

/* Errors of one question. */
#define TEXT_MAX ((size_t)1 << 20)

/* -- who is bound to what -- */

static bool
is_account(const char *user, const char *ns, const char *name)
{
  static const char prefix[] = "system:serviceaccount:";
  size_t n = strlen(ns);

  if (n == 0 || strncmp(user, prefix, sizeof prefix - 1) != 0)
    return false;
  user += sizeof prefix - 1;
  return strncmp(user, ns, n) == 0 && user[n] == ':' && strcmp(user + n + 1, name) == 0;
}

/* `ns`: of the binding, for service accounts that do not name theirs. */
static bool
applies(const struct json *subject, const struct exchange_user *user, const char *ns)
{
  const char *kind = json_get_str_or(subject, "kind", ""), *name = json_get_str_or(subject, "name", ""),
             *own = json_get_str_or(subject, "namespace", "");

  if (strcmp(kind, "User") == 0)
    return strcmp(user->name, name) == 0;
  if (strcmp(kind, "Group") == 0)
    return exchange_user_in_group(user, name);
  return strcmp(kind, "ServiceAccount") == 0 && is_account(user->name, *own ? own : ns, name);
}

static const struct json *
subject_of(const struct json *binding, const struct exchange_user *user, const char *ns)
{
  for (json_each_item (p, json_get(binding, "subjects")))
    if (applies(*p, user, ns))
      return *p;
  return NULL;
}

/* NULL with *ret_error when the role is not there. */
static const struct json *
role_of(struct auth_source *s, struct arena *a, const struct json *binding, const char *ns, const char **ret_error)
{
  const struct json *ref = json_get(binding, "roleRef"), *role;
  const char *kind = json_get_str_or(ref, "kind", ""), *name = json_get_str_or(ref, "name", "");
  bool cluster = strcmp(kind, "ClusterRole") == 0;

  if (!cluster && strcmp(kind, "Role") != 0) {
    *ret_error = arena_printf(a, "unsupported role reference kind: \"%s\"", kind);
    return NULL;
  }
  role = s->ops->get(s, a, cluster ? "clusterroles" : "roles", cluster ? "" : ns, name);
  if (!role)
    *ret_error =
        arena_printf(a, "%s.rbac.authorization.k8s.io \"%s\" not found", cluster ? "clusterrole" : "role", name);
  return role;
}

static bool
visit_binding(struct auth_source *s, struct arena *a, const struct exchange_user *user, const char *ns,
              const struct json *binding, rbac_visit_fn *visit, void *payload)
{
  struct rbac_grant grant = { .binding = binding, .subject = subject_of(binding, user, ns) };
  const struct json *role;

  if (!grant.subject)
    return true;
  role = role_of(s, a, binding, ns, &grant.error);
  if (!role)
    return visit(payload, &grant);
  for (json_each_item (rule, json_get(role, "rules"))) {
    grant.rule = *rule;
    if (!visit(payload, &grant))
      return false;
  }
  return true;
}

void
rbac_visit(struct auth_source *s, struct arena *a, const struct exchange_user *user, const char *ns,
           rbac_visit_fn *visit, void *payload)
{
  const struct json *const *bindings;
  size_t n = s->ops->list(s, a, "clusterrolebindings", "", &bindings);

  for (size_t i = 0; i < n; i++)
    if (!visit_binding(s, a, user, "", bindings[i], visit, payload))
      return;
  if (!*ns)
    return;
  n = s->ops->list(s, a, "rolebindings", ns, &bindings);
  for (size_t i = 0; i < n; i++)
    if (!visit_binding(s, a, user, ns, bindings[i], visit, payload))
      return;
}

/* -- deciding -- */

struct decide {
  struct arena *a;
  const struct authz_request *req;
  const struct json *binding, *subject; /* of the rule that allows it */
  struct error_list {
    const char **list;
    size_t n, cap;
  } errors;
};

static void
add_error(struct decide *d, const char *error)
{
  struct error_list *e = &d->errors;

  for (size_t i = 0; i < e->n; i++)
    if (strcmp(e->list[i], error) == 0)
      return;
  if (e->n == e->cap) {
    const char **more = arena_array_of(d->a, const char *, e->cap ? 2 * e->cap : 8);

    for (size_t i = 0; i < e->n; i++)
      more[i] = e->list[i];
    e->list = more;
    e->cap = e->cap ? 2 * e->cap : 8;
  }
  e->list[e->n++] = error;
}

static bool
look_at(void *payload, const struct rbac_grant *g)
{
  struct decide *d = payload;

  if (!g->rule) {
    add_error(d, g->error);
    return true;
  }
  if (!rbac_rule_allows(g->rule, d->req))
    return true;
  d->binding = g->binding;
  d->subject = g->subject;
  return false;
}

/* `RBAC: allowed by RoleBinding "b/ns" of Role "r" to ServiceAccount "name/ns"`. */
static const char *
describe_grant(struct arena *a, const struct json *binding, const struct json *subject)
{
  const struct json *ref = json_get(binding, "roleRef");
  const char *ns = object_namespace(binding), *kind = json_get_str_or(subject, "kind", ""),
             *name = json_get_str_or(subject, "name", ""), *own = json_get_str_or(subject, "namespace", "");

  if (strcmp(kind, "ServiceAccount") == 0)
    name = arena_printf(a, "%s/%s", name, *own ? own : ns);
  return arena_printf(a, "RBAC: allowed by %s \"%s%s%s\" of %s \"%s\" to %s \"%s\"",
                      *ns ? "RoleBinding" : "ClusterRoleBinding", object_name(binding), *ns ? "/" : "", ns,
                      json_get_str_or(ref, "kind", ""), json_get_str_or(ref, "name", ""), kind, name);
}

/* As Go's error aggregate: one as it is, several in brackets. */
static const char *
describe_errors(struct arena *a, const struct error_list *e)
{
  _cleanup_strbuf_ struct strbuf b;

  strbuf_init(&b, TEXT_MAX);
  for (size_t i = 0; i < e->n; i++) {
    strbuf_puts(&b, i ? ", " : "");
    strbuf_puts(&b, e->list[i]);
  }
  if (e->n == 0)
    return "";
  return arena_printf(a, e->n > 1 ? "RBAC: [%s]" : "RBAC: %s", b.p);
}

enum authz_decision
rbac_decide(struct auth_source *s, struct arena *a, const struct authz_request *req, const char **ret_reason)
{
  struct decide d = { .a = a, .req = req };

  rbac_visit(s, a, req->user, req->is_resource ? req->ns : "", look_at, &d);
  if (d.binding) {
    *ret_reason = describe_grant(a, d.binding, d.subject);
    return AUTHZ_ALLOW;
  }
  *ret_reason = describe_errors(a, &d.errors);
  return AUTHZ_NO_OPINION;
}
