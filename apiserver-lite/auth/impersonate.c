#include "impersonate.h"

#include <stdlib.h>
#include <string.h>

#include "authz_internal.h"
#include "codec.h"

#define HEADER       "impersonate-"
#define HEADER_EXTRA "impersonate-extra-"
#define AUTHN_GROUP  "authentication.k8s.io"
#define NODE_PREFIX  "system:node:"
#define SA_PREFIX    "system:serviceaccount:"
/* From so many groups or extra values on, one question for all of them is tried first (constrained modes). */
#define MANY       4
#define HEADER_MAX ((size_t)64 * 1024)

/* What one attempt works on. */
struct attempt {
  struct authz *z;
  struct arena *a;
  const struct exchange_user *who, *wanted;
  const struct authz_request *what;
  const struct mode *mode;
};

struct mode {
  const char *name; /* "user-info"; NULL: the old way */
  bool (*applies)(const struct attempt *t);
};

/* -- names -- */

/* "system:serviceaccount:NS:NAME". */
static bool
split_account(struct arena *a, const char *user, const char **ret_ns, const char **ret_name)
{
  struct span rest, ns;

  if (strncmp(user, SA_PREFIX, sizeof SA_PREFIX - 1) != 0)
    return false;
  ns = span_cut(span_of(user + sizeof SA_PREFIX - 1), ':', &rest);
  if (!ns.n || !rest.n || memchr(rest.p, ':', rest.n))
    return false;
  *ret_ns = arena_strndup(a, ns.p, ns.n);
  *ret_name = arena_strndup(a, rest.p, rest.n);
  return true;
}

/* Whether a node can be called so: a DNS subdomain. */
static bool
is_node_name(const char *s)
{
  size_t n = strlen(s);
  char before = '.';

  if (n == 0 || n > 253)
    return false;
  for (size_t i = 0; i < n; i++) {
    bool word = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9');

    if (!word && s[i] != '-' && s[i] != '.')
      return false;
    if (!word && (before == '.' || (s[i] == '.' && before == '-')))
      return false;
    before = s[i];
  }
  return before != '-' && before != '.';
}

static const char *
node_of(const char *user)
{
  if (strncmp(user, NODE_PREFIX, sizeof NODE_PREFIX - 1) != 0 || !is_node_name(user + sizeof NODE_PREFIX - 1))
    return NULL;
  return user + sizeof NODE_PREFIX - 1;
}

static bool
is_account(const struct attempt *t)
{
  const char *ns, *name;

  return split_account(t->a, t->wanted->name, &ns, &name);
}

/* -- when a mode has anything to say -- */

static bool
only_name(const struct exchange_user *u)
{
  return !*u->uid && u->n_groups == 0 && !u->extra;
}

static bool
own_node(const struct attempt *t)
{
  const char *node = node_of(t->wanted->name), *ns, *name,
             *runs_on = json_str(json_at(json_get(t->who->extra, "authentication.kubernetes.io/node-name"), 0));

  return node && only_name(t->wanted) && split_account(t->a, t->who->name, &ns, &name) && runs_on &&
         strcmp(runs_on, node) == 0;
}

static bool
any_node(const struct attempt *t)
{
  return only_name(t->wanted) && node_of(t->wanted->name);
}

static bool
any_account(const struct attempt *t)
{
  return only_name(t->wanted) && is_account(t);
}

static bool
other_user(const struct attempt *t)
{
  return !node_of(t->wanted->name) && !is_account(t);
}

static bool
always(const struct attempt *t)
{
  (void)t;
  return true;
}

static const struct mode modes[] = {
  { "associated-node", own_node },
  { "arbitrary-node", any_node },
  { "serviceaccount", any_account },
  { "user-info", other_user },
  { NULL, always },
};

/* -- the questions -- */

/* May `who` impersonate this one thing? */
static int
ask(const struct attempt *t, const char *group, const char *resource, const char *subresource, const char *ns,
    const char *name, struct kerr *reterr)
{
  struct authz_request q = { .user = t->who,
                             .verb =
                                 t->mode->name ? arena_printf(t->a, "impersonate:%s", t->mode->name) : "impersonate",
                             .is_resource = true,
                             .group = group,
                             .version = "v1",
                             .resource = resource,
                             .subresource = subresource,
                             .ns = ns,
                             .name = name };

  return authz_check(t->z, t->a, &q, reterr);
}

static const char *
name_group(const struct attempt *t)
{
  return t->mode->name ? AUTHN_GROUP : "";
}

static int
refuse(const struct attempt *t, const char *group, const char *resource, const char *name, const char *reason,
       struct kerr *reterr)
{
  struct authz_request q = { .user = t->who,
                             .verb = arena_printf(t->a, "impersonate:%s", t->mode->name),
                             .is_resource = true,
                             .group = group,
                             .version = "v1",
                             .resource = resource,
                             .subresource = "",
                             .ns = "",
                             .name = name };

  return authz_forbidden(t->a, &q, reason, reterr);
}

/* `acting` gets the groups that come with the name. */
static int
ask_name(const struct attempt *t, struct exchange_user *acting, struct kerr *reterr)
{
  static const char *const node_groups[] = { "system:nodes" };
  const char *node = t->mode->name ? node_of(t->wanted->name) : NULL, *ns, *name;

  if (node) {
    acting->groups = node_groups;
    acting->n_groups = 1;
    /* Asked for its own node, the answer must be good for any. */
    return ask(t, name_group(t), "nodes", "", "", t->mode->applies == own_node ? "*" : node, reterr);
  }
  if (!split_account(t->a, t->wanted->name, &ns, &name))
    return ask(t, name_group(t), "users", "", "", t->wanted->name, reterr);
  if (t->wanted->n_groups == 0) {
    const char **groups = arena_array_of(t->a, const char *, 2);

    groups[0] = "system:serviceaccounts";
    groups[1] = arena_printf(t->a, "system:serviceaccounts:%s", ns);
    acting->groups = groups;
    acting->n_groups = 2;
  }
  return ask(t, name_group(t), "serviceaccounts", "", ns, name, reterr);
}

static int
ask_groups(const struct attempt *t, struct kerr *reterr)
{
  const struct exchange_user *u = t->wanted;

  for (size_t i = 0; t->mode->name && i < u->n_groups; i++)
    if (!*u->groups[i])
      return refuse(t, AUTHN_GROUP, "groups", "", "impersonating the empty string group is not allowed", reterr);
  for (size_t i = 0; t->mode->name && i < u->n_groups; i++)
    if (strcmp(u->groups[i], "system:masters") == 0)
      return refuse(t, AUTHN_GROUP, "groups", "system:masters", "impersonating the system:masters group is not allowed",
                    reterr);
  if (t->mode->name && u->n_groups >= MANY) {
    _cleanup_kerr_ struct kerr not_all = KERR_INIT;

    if (ask(t, AUTHN_GROUP, "groups", "", "", "*", &not_all) == 0)
      return 0;
  }
  for (size_t i = 0; i < u->n_groups; i++) {
    int r = ask(t, name_group(t), "groups", "", "", u->groups[i], reterr);

    if (r < 0)
      return r;
  }
  return 0;
}

static int
ask_extra(const struct attempt *t, struct kerr *reterr)
{
  size_t values = 0;

  for (json_each_member (m, t->wanted->extra)) {
    values += json_count(m->value);
    if (t->mode->name && m->name_len == 0)
      return refuse(t, AUTHN_GROUP, "userextras", "", "impersonating the empty string key in extra is not allowed",
                    reterr);
    for (json_each_item (v, m->value))
      if (t->mode->name && !*json_str(*v))
        return refuse(t, AUTHN_GROUP, "userextras", "", "impersonating the empty string value in extra is not allowed",
                      reterr);
  }
  if (t->mode->name && values >= MANY) {
    _cleanup_kerr_ struct kerr not_all = KERR_INIT;

    if (ask(t, AUTHN_GROUP, "userextras", "*", "", "*", &not_all) == 0)
      return 0;
  }
  for (json_each_member (m, t->wanted->extra))
    for (json_each_item (v, m->value)) {
      int r = ask(t, AUTHN_GROUP, "userextras", m->name, "", json_str(*v), reterr);

      if (r < 0)
        return r;
    }
  return 0;
}

/* May `who` do the request itself in this mode? Not a question of the old way. */
static int
ask_request(const struct attempt *t, struct kerr *reterr)
{
  struct authz_request q = *t->what;

  if (!t->mode->name)
    return 0;
  q.user = t->who;
  q.verb = arena_printf(t->a, "impersonate-on:%s:%s", t->mode->name, t->what->verb);
  return authz_check(t->z, t->a, &q, reterr);
}

static void
ensure_group(struct arena *a, struct exchange_user *u, const char *group)
{
  const char **more = arena_array_of(a, const char *, u->n_groups + 1);

  for (size_t i = 0; i < u->n_groups; i++) {
    if (strcmp(u->groups[i], group) == 0)
      return;
    more[i] = u->groups[i];
  }
  more[u->n_groups++] = group;
  u->groups = more;
}

static int
attempt(const struct attempt *t, struct exchange_user *ret, struct kerr *reterr)
{
  struct exchange_user acting = *t->wanted;
  int r = ask_request(t, reterr);

  if (r == 0)
    r = ask_name(t, &acting, reterr);
  if (r == 0 && *acting.uid)
    r = ask(t, AUTHN_GROUP, "uids", "", "", acting.uid, reterr);
  if (r == 0)
    r = ask_groups(t, reterr);
  if (r == 0)
    r = ask_extra(t, reterr);
  if (r < 0)
    return r;
  if (strcmp(acting.name, "system:anonymous") == 0)
    ensure_group(t->a, &acting, "system:unauthenticated");
  else if (!exchange_user_in_group(&acting, "system:unauthenticated"))
    ensure_group(t->a, &acting, "system:authenticated");
  *ret = acting;
  return 0;
}

/* -- the headers -- */

static void
add_extra(struct arena *a, struct json *extra, const char *key, const char *value)
{
  _cleanup_strbuf_ struct strbuf name;

  strbuf_init(&name, HEADER_MAX);
  if (!codec_url_unescape(&name, span_of(key), false) || (name.p && memchr(name.p, '\0', name.n))) {
    strbuf_clear(&name); /* as upstream: a key that cannot be decoded is taken as it is */
    strbuf_puts(&name, key);
  }
  json_append_str(a, json_ensure_array(a, extra, name.p ? name.p : ""), value);
}

/* As Go prints user.DefaultInfo with %#v. */
static int
nameless(struct arena *a, const struct exchange_user *u, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf b;

  (void)a;
  strbuf_init(&b, HEADER_MAX);
  strbuf_puts(&b, "requested &user.DefaultInfo{Name:\"\", UID:");
  codec_go_quote(&b, span_of(u->uid));
  strbuf_puts(&b, u->n_groups ? ", Groups:[]string{" : ", Groups:[]string(nil)");
  for (size_t i = 0; i < u->n_groups; i++) {
    strbuf_puts(&b, i ? ", " : "");
    codec_go_quote(&b, span_of(u->groups[i]));
  }
  strbuf_puts(&b, u->n_groups ? "}" : "");
  strbuf_puts(&b, u->extra ? ", Extra:map[string][]string{" : ", Extra:map[string][]string(nil)");
  for (json_each_member (m, u->extra)) {
    strbuf_puts(&b, m == u->extra->u.members ? "" : ", ");
    codec_go_quote(&b, span_make(m->name, m->name_len));
    strbuf_puts(&b, ":[]string{");
    for (json_each_item (v, m->value)) {
      strbuf_puts(&b, v == m->value->u.items ? "" : ", ");
      codec_go_quote(&b, json_span(*v));
    }
    strbuf_puts(&b, "}");
  }
  strbuf_puts(&b, u->extra ? "}" : "");
  return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "%s} without impersonating a user name", b.p);
}

/* *ret_any: there is such a header at all. */
static void
read_headers(const struct exchange_request *req, struct exchange_user *ret, bool *ret_any)
{
  struct json *extra = json_new_object(req->arena);
  const char **groups = NULL;

  *ret = (struct exchange_user){ .name = "", .uid = "" };
  *ret_any = false;
  for (size_t i = 0; i < req->n_headers; i++) {
    const struct exchange_header *h = &req->headers[i];

    if (strncmp(h->name, HEADER, sizeof HEADER - 1) != 0)
      continue;
    if (!groups)
      groups = arena_array_of(req->arena, const char *, req->n_headers);
    if (strcmp(h->name, "impersonate-user") == 0 && !*ret->name)
      ret->name = h->value;
    else if (strcmp(h->name, "impersonate-uid") == 0 && !*ret->uid)
      ret->uid = h->value;
    else if (strcmp(h->name, "impersonate-group") == 0)
      groups[ret->n_groups++] = h->value;
    else if (strncmp(h->name, HEADER_EXTRA, sizeof HEADER_EXTRA - 1) == 0)
      add_extra(req->arena, extra, h->name + sizeof HEADER_EXTRA - 1, h->value);
  }
  ret->groups = groups;
  ret->extra = json_count(extra) ? extra : NULL;
  *ret_any = *ret->name || *ret->uid || ret->n_groups || ret->extra;
}

int
impersonate_request(struct authz *z, const struct exchange_request *req, const struct exchange_user *who,
                    const struct authz_request *what, const struct exchange_user **ret, struct kerr *reterr)
{
  struct exchange_user *acting = arena_new_of(req->arena, struct exchange_user), wanted;
  struct attempt t = { .z = z, .a = req->arena, .who = who, .wanted = &wanted, .what = what };
  _cleanup_kerr_ struct kerr first = KERR_INIT;
  bool any;

  read_headers(req, &wanted, &any);
  if (!any) {
    *ret = who;
    return 0;
  }
  if (!*wanted.name)
    return nameless(req->arena, &wanted, reterr);
  for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    t.mode = &modes[i];
    if ((t.mode->name && !authz_gate(z, "ConstrainedImpersonation")) || !t.mode->applies(&t))
      continue;
    if (attempt(&t, acting, &err) == 0) {
      *ret = acting;
      return 0;
    }
    if (first.code == KERR_OK)
      kerr_move(&first, &err);
  }
  return kerr_move(reterr, &first);
}
