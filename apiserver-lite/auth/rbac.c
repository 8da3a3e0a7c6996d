#include "rbac.h"

#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "object.h"

/* Text of one refusal: rules that are missing, or errors. */
#define TEXT_MAX ((size_t)1 << 20)

/* -- one rule -- */

static bool
has_or_star(const struct json *list, const char *s)
{
  return json_list_has(list, "*") || json_list_has(list, s);
}

/* "pods", "pods/status", or a "*" + "/status" that covers the subresource of anything. */
static bool
resource_matches(const struct json *list, const char *resource, const char *subresource)
{
  size_t n = strlen(resource);

  for (json_each_item (p, list)) {
    const char *s = json_str(*p);

    if (!s)
      continue;
    if (strcmp(s, "*") == 0)
      return true;
    if (strncmp(s, resource, n) == 0 &&
        (*subresource ? s[n] == '/' && strcmp(s + n + 1, subresource) == 0 : s[n] == '\0'))
      return true;
    if (*subresource && strncmp(s, "*/", 2) == 0 && strcmp(s + 2, subresource) == 0)
      return true;
  }
  return false;
}

/* A pattern ends in stars that stand for anything. */
static bool
path_covered(const char *pattern, const char *path)
{
  size_t n = strlen(pattern);

  if (strcmp(pattern, "*") == 0 || strcmp(pattern, path) == 0)
    return true;
  if (n == 0 || pattern[n - 1] != '*')
    return false;
  while (n > 0 && pattern[n - 1] == '*')
    n--;
  return strncmp(pattern, path, n) == 0;
}

static bool
path_matches(const struct json *list, const char *path)
{
  for (json_each_item (p, list))
    if (json_str(*p) && path_covered(json_str(*p), path))
      return true;
  return false;
}

bool
rbac_rule_allows(const struct json *rule, const struct authz_request *req)
{
  const struct json *names = json_get(rule, "resourceNames");

  if (!has_or_star(json_get(rule, "verbs"), req->verb))
    return false;
  if (!req->is_resource)
    return path_matches(json_get(rule, "nonResourceURLs"), req->path);
  return has_or_star(json_get(rule, "apiGroups"), req->group) &&
         resource_matches(json_get(rule, "resources"), req->resource, req->subresource) &&
         (json_count(names) == 0 || json_list_has(names, req->name));
}

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

/* -- does somebody have all of these rights? -- */

/* The smallest piece of a rule: one verb on one resource (of one name), or on one path. */
struct right {
  const char *verb, *group, *resource, *name; /* name NULL: all */
  const char *path;                           /* NULL: a resource */
};

struct rights {
  struct arena *a;
  struct right *list;
  size_t n, cap;
};

static void
add_right(struct rights *r, struct right right)
{
  if (r->n == r->cap) {
    size_t cap = r->cap ? 2 * r->cap : 32;
    struct right *more = arena_array_of(r->a, struct right, cap);

    for (size_t i = 0; i < r->n; i++)
      more[i] = r->list[i];
    r->list = more;
    r->cap = cap;
  }
  r->list[r->n++] = right;
}

static const char *
item_text(const struct json *v)
{
  return json_str(v) ? json_str(v) : "";
}

static void
break_down(struct rights *r, const struct json *rule)
{
  const struct json *verbs = json_get(rule, "verbs"), *names = json_get(rule, "resourceNames");

  for (json_each_item (g, json_get(rule, "apiGroups")))
    for (json_each_item (res, json_get(rule, "resources")))
      for (json_each_item (v, verbs)) {
        struct right right = { .verb = item_text(*v), .group = item_text(*g), .resource = item_text(*res) };

        if (json_count(names) == 0)
          add_right(r, right);
        for (json_each_item (name, names)) {
          right.name = item_text(*name);
          add_right(r, right);
        }
      }
  for (json_each_item (p, json_get(rule, "nonResourceURLs")))
    for (json_each_item (v, verbs))
      add_right(r, (struct right){ .verb = item_text(*v), .path = item_text(*p) });
}

/* One owner's rule covers a right whole or not at all. */
static bool
rule_covers(const struct json *rule, const struct right *right)
{
  const struct json *names = json_get(rule, "resourceNames");
  const char *slash;

  if (!has_or_star(json_get(rule, "verbs"), right->verb))
    return false;
  if (right->path)
    return path_matches(json_get(rule, "nonResourceURLs"), right->path);
  if (!has_or_star(json_get(rule, "apiGroups"), right->group))
    return false;
  if (json_count(names) && (!right->name || !json_list_has(names, right->name)))
    return false;
  if (has_or_star(json_get(rule, "resources"), right->resource))
    return true;
  slash = strchr(right->resource, '/');
  return slash && resource_matches(json_get(rule, "resources"), "*", slash + 1);
}

struct cover {
  struct rights *wanted;
  bool *covered;
};

static bool
cover_rights(void *payload, const struct rbac_grant *g)
{
  struct cover *c = payload;

  for (size_t i = 0; g->rule && i < c->wanted->n; i++)
    c->covered[i] = c->covered[i] || rule_covers(g->rule, &c->wanted->list[i]);
  return true;
}

static void
put_quoted(struct strbuf *b, const char *label, const char *value)
{
  strbuf_puts(b, label);
  codec_go_quote(b, span_of(value));
  strbuf_puts(b, "]");
}

static bool
same_thing(const struct right *x, const struct right *y)
{
  return !x->path && !y->path && strcmp(x->group, y->group) == 0 && strcmp(x->resource, y->resource) == 0 &&
         (x->name ? y->name && strcmp(x->name, y->name) == 0 : !y->name);
}

/* Upstream's CompactString; rights on one resource become one line with all their verbs. */
static const char *
describe_right(struct rights *r, bool *done, size_t at)
{
  const struct right *x = &r->list[at];
  _cleanup_strbuf_ struct strbuf b;

  strbuf_init(&b, TEXT_MAX);
  if (x->path) {
    put_quoted(&b, "{NonResourceURLs:[", x->path);
  } else {
    put_quoted(&b, "{APIGroups:[", x->group);
    put_quoted(&b, ", Resources:[", x->resource);
    if (x->name)
      put_quoted(&b, ", ResourceNames:[", x->name);
  }
  strbuf_puts(&b, ", Verbs:[");
  codec_go_quote(&b, span_of(x->verb));
  for (size_t i = at + 1; i < r->n; i++)
    if (!done[i] && same_thing(x, &r->list[i])) {
      done[i] = true;
      strbuf_putc(&b, ' ');
      codec_go_quote(&b, span_of(r->list[i].verb));
    }
  strbuf_puts(&b, "]}");
  return arena_strndup(r->a, b.p, b.n);
}

static const char *
describe_missing(struct rights *r, bool *covered)
{
  const char **lines = arena_array_of(r->a, const char *, r->n);
  _cleanup_strbuf_ struct strbuf b;
  size_t n = 0;

  strbuf_init(&b, TEXT_MAX);
  for (size_t i = 0; i < r->n; i++)
    if (!covered[i])
      lines[n++] = describe_right(r, covered, i);
  qsort(lines, n, sizeof *lines, text_order);
  for (size_t i = 0; i < n; i++) {
    if (i && strcmp(lines[i], lines[i - 1]) == 0)
      continue;
    strbuf_puts(&b, i ? "\n" : "");
    strbuf_puts(&b, lines[i]);
  }
  return arena_strndup(r->a, b.p ? b.p : "", b.n);
}

bool
rbac_covers(struct auth_source *s, struct arena *a, const struct exchange_user *user, const char *ns,
            const struct json *rules, const char **ret_missing)
{
  struct rights wanted = { .a = a };
  struct cover c = { .wanted = &wanted };

  for (json_each_item (rule, rules))
    break_down(&wanted, *rule);
  c.covered = arena_array_of(a, bool, wanted.n + 1);
  rbac_visit(s, a, user, ns, cover_rights, &c);
  for (size_t i = 0; i < wanted.n; i++)
    if (!c.covered[i]) {
      *ret_missing = describe_missing(&wanted, c.covered);
      return false;
    }
  *ret_missing = NULL;
  return true;
}
