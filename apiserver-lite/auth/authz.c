#include "authz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "authz_internal.h"
#include "authz_node.h"
#include "codec.h"
#include "rbac.h"

#define MASTERS   "system:masters"
#define MODES_MAX 8
/* One refusal. */
#define MESSAGE_MAX ((size_t)1 << 20)

typedef enum authz_decision mode_fn(struct authz *z, struct arena *a, const struct authz_request *req,
                                    const char **ret_reason);

struct mode {
  const char *name, *shown; /* `shown`: before its reasons */
  mode_fn *decide;
};

struct authz {
  struct personality *personality;
  struct auth_source *source;
  struct authz_node *node;
  const struct mode *modes[MODES_MAX];
  size_t n_modes;
};

/* -- modes -- */

static enum authz_decision
always_allow(struct authz *z, struct arena *a, const struct authz_request *req, const char **ret_reason)
{
  (void)z;
  (void)a;
  (void)req;
  *ret_reason = "";
  return AUTHZ_ALLOW;
}

static enum authz_decision
always_deny(struct authz *z, struct arena *a, const struct authz_request *req, const char **ret_reason)
{
  (void)z;
  (void)a;
  (void)req;
  *ret_reason = "Everything is forbidden.";
  return AUTHZ_NO_OPINION;
}

static enum authz_decision
by_node(struct authz *z, struct arena *a, const struct authz_request *req, const char **ret_reason)
{
  return authz_node_decide(z->node, z->source, a, req, ret_reason);
}

static enum authz_decision
by_rbac(struct authz *z, struct arena *a, const struct authz_request *req, const char **ret_reason)
{
  return rbac_decide(z->source, a, req, ret_reason);
}

static const struct mode modes[] = {
  { "AlwaysAllow", "alwaysallow", always_allow },
  { "AlwaysDeny", "alwaysdeny", always_deny },
  { "Node", "node", by_node },
  { "RBAC", "rbac", by_rbac },
};

static int
add_mode(struct authz *z, struct span name, struct kerr *reterr)
{
  for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
    if (!span_is(name, modes[i].name))
      continue;
    for (size_t j = 0; j < z->n_modes; j++)
      if (z->modes[j] == &modes[i])
        return kerr_set(reterr, KERR_USAGE, NULL, "authorization-mode \"%s\" has mode specified more than once",
                        modes[i].name);
    z->modes[z->n_modes++] = &modes[i];
    return 0;
  }
  return kerr_set(reterr, KERR_USAGE, NULL, "authorization-mode \"%.*s\" is not a valid mode", SPAN_FMT(name));
}

int
authz_new(const char *text, struct personality *p, struct authz **ret, struct kerr *reterr)
{
  struct authz *z = mem_alloc(sizeof *z);
  struct span rest = span_of(text ? text : "Node,RBAC");
  int r = 0;

  z->personality = personality_ref(p);
  z->node = authz_node_new(p);
  do {
    r = add_mode(z, span_trim(span_cut(rest, ',', &rest)), reterr);
  } while (r == 0 && rest.p);
  if (r < 0) {
    authz_free(z);
    return r;
  }
  *ret = z;
  return 0;
}

void
authz_free(struct authz *z)
{
  if (!z)
    return;
  authz_node_free(z->node);
  personality_unref(z->personality);
  free(z);
}

void
authz_bind(struct authz *z, struct auth_source *source)
{
  z->source = source;
}

bool
authz_gate(const struct authz *z, const char *gate)
{
  return personality_gate(z->personality, gate);
}

bool
authz_knows_selectors(const struct authz *z)
{
  return personality_gate(z->personality, "AuthorizeWithSelectors") ||
         personality_gate_passed(z->personality, "AuthorizeWithSelectors");
}

void
authz_select(const struct authz *z, struct arena *a, struct span text, struct authz_request *req)
{
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;

  if (!text.n || !authz_knows_selectors(z) || field_selector_parse(a, text, &req->fields, &ignored) < 0)
    req->fields = (struct field_selector){ .n = 0 };
}

/* -- deciding -- */

static bool
is_master(const struct exchange_user *user)
{
  return exchange_user_in_group(user, MASTERS);
}

/* Whose reason it is, which is told since 1.37. */
static const char *
whose(const struct authz *z, struct arena *a, size_t mode)
{
  return personality_minor(z->personality) < 37 ? "" : arena_printf(a, "%s: ", z->modes[mode]->shown);
}

enum authz_decision
authz_decide(struct authz *z, struct arena *a, const struct authz_request *req, const char **ret_reason)
{
  const char *reasons = "";

  *ret_reason = "";
  if (is_master(req->user))
    return AUTHZ_ALLOW;
  for (size_t i = 0; i < z->n_modes; i++) {
    const char *reason = "";
    enum authz_decision d;

    assert(z->source || z->modes[i]->decide == always_allow || z->modes[i]->decide == always_deny);
    d = z->modes[i]->decide(z, a, req, &reason);
    if (d != AUTHZ_NO_OPINION) {
      *ret_reason = reason;
      return d;
    }
    if (*reason)
      reasons = arena_printf(a, "%s%s%s%s", reasons, *reasons ? "\n" : "", whose(z, a, i), reason);
  }
  *ret_reason = reasons;
  return AUTHZ_NO_OPINION;
}

int
authz_check(struct authz *z, struct arena *a, const struct authz_request *req, struct kerr *reterr)
{
  const char *reason;

  if (authz_decide(z, a, req, &reason) == AUTHZ_ALLOW)
    return 0;
  return authz_forbidden(a, req, reason, reterr);
}

/* -- the refusal -- */

static void
put_quoted(struct strbuf *b, const char *before, const char *text)
{
  strbuf_puts(b, before);
  codec_go_quote(b, span_of(text));
}

/* `User "u" cannot get resource "pods/log" in API group "" in the namespace "ns"`. */
static void
put_sentence(struct strbuf *b, const struct authz_request *req)
{
  _cleanup_free_ char *resource = NULL;

  put_quoted(b, "User ", req->user->name);
  strbuf_printf(b, " cannot %s ", req->verb);
  if (!req->is_resource) {
    put_quoted(b, "path ", req->path);
    return;
  }
  resource = mem_printf("%s%s%s", req->resource, *req->subresource ? "/" : "", req->subresource);
  put_quoted(b, "resource ", resource);
  put_quoted(b, " in API group ", req->group);
  if (*req->ns)
    put_quoted(b, " in the namespace ", req->ns);
  else
    strbuf_puts(b, " at the cluster scope");
}

/* Nothing in it may look like HTML to a browser. */
static void
put_sanitized(struct strbuf *b, const struct strbuf *text)
{
  for (size_t i = 0; i < text->n; i++)
    switch (text->p[i]) {
    case '&':
      strbuf_puts(b, "&amp;");
      break;
    case '<':
      strbuf_puts(b, "&lt;");
      break;
    case '>':
      strbuf_puts(b, "&gt;");
      break;
    default:
      strbuf_putc(b, text->p[i]);
    }
}

int
authz_forbidden(struct arena *a, const struct authz_request *req, const char *reason, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf b, sentence;

  (void)a;
  strbuf_init(&b, MESSAGE_MAX);
  strbuf_init(&sentence, MESSAGE_MAX);
  put_sentence(&sentence, req);
  if (req->is_resource) {
    strbuf_printf(&b, "%s%s%s", req->resource, *req->group ? "." : "", req->group);
    if (*req->name)
      strbuf_printf(&b, " \"%s\"", req->name);
    strbuf_puts(&b, " is forbidden: ");
  } else {
    strbuf_puts(&b, "forbidden: ");
  }
  put_sanitized(&b, &sentence);
  if (*reason)
    strbuf_printf(&b, ": %s", reason);
  return kerr_set(reterr, KERR_FORBIDDEN, NULL, "%s", b.p);
}

/* -- what a user may do -- */

struct listing {
  struct arena *a;
  struct json *resource_rules, *path_rules;
};

static void
copy_member(struct arena *a, struct json *to, const struct json *from, const char *name)
{
  const struct json *v = json_get(from, name);

  if (json_count(v))
    json_set(a, to, name, json_copy(a, v));
}

static bool
list_rule(void *payload, const struct rbac_grant *g)
{
  struct listing *l = payload;

  if (json_count(json_get(g->rule, "resources"))) {
    struct json *o = json_append(l->a, l->resource_rules, json_new_object(l->a));

    copy_member(l->a, o, g->rule, "verbs");
    copy_member(l->a, o, g->rule, "apiGroups");
    copy_member(l->a, o, g->rule, "resources");
    copy_member(l->a, o, g->rule, "resourceNames");
  }
  if (json_count(json_get(g->rule, "nonResourceURLs"))) {
    struct json *o = json_append(l->a, l->path_rules, json_new_object(l->a));

    copy_member(l->a, o, g->rule, "verbs");
    copy_member(l->a, o, g->rule, "nonResourceURLs");
  }
  return true;
}

static void
add_everything(struct listing *l)
{
  struct json *o = json_append(l->a, l->resource_rules, json_new_object(l->a));

  json_append_str(l->a, json_ensure_array(l->a, o, "verbs"), "*");
  json_append_str(l->a, json_ensure_array(l->a, o, "apiGroups"), "*");
  json_append_str(l->a, json_ensure_array(l->a, o, "resources"), "*");
  o = json_append(l->a, l->path_rules, json_new_object(l->a));
  json_append_str(l->a, json_ensure_array(l->a, o, "verbs"), "*");
  json_append_str(l->a, json_ensure_array(l->a, o, "nonResourceURLs"), "*");
}

void
authz_rules(struct authz *z, struct arena *a, const struct exchange_user *user, const char *ns,
            struct json **ret_resource_rules, struct json **ret_path_rules, const char **ret_incomplete)
{
  struct listing l = { .a = a, .resource_rules = json_new_array(a), .path_rules = json_new_array(a) };

  *ret_incomplete = NULL;
  for (size_t i = 0; i < z->n_modes; i++) {
    if (z->modes[i]->decide == always_allow)
      add_everything(&l);
    else if (z->modes[i]->decide == by_rbac)
      rbac_visit(z->source, a, user, ns, list_rule, &l);
    else if (z->modes[i]->decide == by_node && authz_node_name(user))
      *ret_incomplete = "node authorizer does not support user rule resolution";
  }
  *ret_resource_rules = l.resource_rules;
  *ret_path_rules = l.path_rules;
}

bool
authz_covers(struct authz *z, struct arena *a, const struct exchange_user *user, const char *ns,
             const struct json *rules, const char **ret_missing)
{
  *ret_missing = NULL;
  for (size_t i = 0; i < z->n_modes; i++)
    if (z->modes[i]->decide == by_rbac)
      return is_master(user) || rbac_covers(z->source, a, user, ns, rules, ret_missing);
  return true; /* without RBAC there is nothing to escalate */
}
