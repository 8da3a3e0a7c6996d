#include "authn.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ceilings.h"
#include "clock.h"
#include "codec.h"
#include "hmap.h"
#include "object.h"

#define ANONYMOUS       "system:anonymous"
#define AUTHENTICATED   "system:authenticated"
#define UNAUTHENTICATED "system:unauthenticated"
#define EXTRA           "authentication.kubernetes.io/"
/* A websocket of a browser cannot set headers: the token is one of the protocols it offers. */
#define WEBSOCKET_TOKEN "base64url.bearer.authorization.k8s.io."

struct authn {
  struct clock *clock;
  struct sa_signer *signer;
  struct auth_source *source;
  bool anonymous;
  struct arena *arena; /* static users */
  struct hmap *tokens; /* of struct exchange_user */
};

static const char *const anonymous_groups[] = { UNAUTHENTICATED };
static const struct exchange_user anonymous_user = {
  .name = ANONYMOUS, .uid = "", .groups = anonymous_groups, .n_groups = 1
};

/* -- users -- */

/* Upstream's AuthenticatedGroupAdder. */
static const struct exchange_user *
as_authenticated(struct arena *a, const struct exchange_user *u)
{
  struct exchange_user *more;
  const char **groups;

  if (strcmp(u->name, ANONYMOUS) == 0 || exchange_user_in_group(u, AUTHENTICATED) ||
      exchange_user_in_group(u, UNAUTHENTICATED))
    return u;
  more = arena_new_of(a, struct exchange_user);
  groups = arena_array_of(a, const char *, u->n_groups + 1);
  for (size_t i = 0; i < u->n_groups; i++)
    groups[i] = u->groups[i];
  groups[u->n_groups] = AUTHENTICATED;
  *more = *u;
  more->uid = u->uid ? u->uid : "";
  more->groups = groups;
  more->n_groups = u->n_groups + 1;
  return more;
}

/* -- static tokens -- */

/* One field of a line of comma-separated values, with "" inside quotes for a quote; *rest starts at the next field. */
static bool
csv_field(struct arena *a, struct span *rest, const char **ret)
{
  _cleanup_strbuf_ struct strbuf b;
  size_t i = 0;

  strbuf_init(&b, CEIL_SMALL_FILE);
  if (rest->n && rest->p[0] == '"') {
    for (i = 1;; i++) {
      if (i >= rest->n)
        return false; /* not closed */
      if (rest->p[i] != '"')
        strbuf_putc(&b, rest->p[i]);
      else if (i + 1 < rest->n && rest->p[i + 1] == '"')
        strbuf_putc(&b, rest->p[i++]);
      else
        break;
    }
    i++;
  } else {
    for (; i < rest->n && rest->p[i] != ','; i++) {
      if (rest->p[i] == '"')
        return false;
      strbuf_putc(&b, rest->p[i]);
    }
  }
  if (i < rest->n && rest->p[i] != ',')
    return false;
  *ret = arena_strndup(a, b.p ? b.p : "", b.n);
  *rest = i < rest->n ? span_make(rest->p + i + 1, rest->n - i - 1) : (struct span){ 0 };
  return true;
}

static const char *const *
split_groups(struct arena *a, const char *text, size_t *ret_n)
{
  const char **groups;
  struct span rest = span_of(text);
  size_t n = 1;

  for (const char *p = text; *p; p++)
    n += *p == ',';
  groups = arena_array_of(a, const char *, n);
  for (size_t i = 0; i < n; i++) {
    struct span s = span_cut(rest, ',', &rest);

    groups[i] = arena_strndup(a, s.n ? s.p : "", s.n);
  }
  *ret_n = n;
  return groups;
}

static int
add_static(struct authn *n, const char *token, const struct exchange_user *u, struct kerr *reterr)
{
  struct exchange_user *copy = arena_new_of(n->arena, struct exchange_user);

  if (hmap_count(n->tokens) >= AUTHN_TOKENS_MAX)
    return kerr_set(reterr, KERR_PARSE, NULL, "more than %d tokens", AUTHN_TOKENS_MAX);
  *copy = *u;
  hmap_put(n->tokens, span_of(token), copy);
  return 0;
}

static int
read_token_line(struct authn *n, struct span line, size_t number, struct kerr *reterr)
{
  const char *field[4] = { "", "", "", NULL };
  struct exchange_user u = { 0 };
  size_t count = 0;
  const char *more;

  do {
    if (!csv_field(n->arena, &line, count < 4 ? &field[count] : &more))
      return kerr_set(reterr, KERR_PARSE, NULL, "token file: line %zu: a quote is out of place", number);
    count++;
  } while (line.p);
  if (count < 3)
    return kerr_set(reterr, KERR_PARSE, NULL,
                    "token file: line %zu must have at least 3 columns (token, user name, user uid), found %zu", number,
                    count);
  if (!*field[0])
    return 0; /* as upstream: ignored */
  u.name = field[1];
  u.uid = field[2];
  if (field[3])
    u.groups = split_groups(n->arena, field[3], &u.n_groups);
  return add_static(n, field[0], &u, reterr);
}

static int
read_tokens(struct authn *n, struct span text, struct kerr *reterr)
{
  size_t number = 0;
  int r = 0;

  while (text.n && r == 0) {
    struct span line = span_trim(span_cut(text, '\n', &text));

    number++;
    if (line.n && line.p[0] != '#')
      r = read_token_line(n, line, number, reterr);
  }
  return r;
}

int
authn_new(const struct authn_config *config, struct authn **ret, struct kerr *reterr)
{
  static const char *const masters[] = { "system:masters" };
  struct exchange_user admin = { .name = "kubernetes-admin", .uid = "", .groups = masters, .n_groups = 1 };
  struct authn *n = mem_alloc(sizeof *n);
  int r = 0;

  n->clock = config->clock;
  n->signer = config->signer;
  n->anonymous = config->anonymous;
  n->arena = arena_new(CEIL_ARENA_SMALL);
  n->tokens = hmap_new(NULL);
  if (config->token_file.n > CEIL_SMALL_FILE)
    r = kerr_set(reterr, KERR_PARSE, NULL, "the token file is larger than %zu bytes", (size_t)CEIL_SMALL_FILE);
  if (r == 0)
    r = read_tokens(n, config->token_file, reterr);
  if (r == 0 && config->admin_token && *config->admin_token)
    r = add_static(n, config->admin_token, &admin, reterr);
  if (r < 0) {
    authn_free(n);
    return r;
  }
  *ret = n;
  return 0;
}

void
authn_free(struct authn *n)
{
  if (!n)
    return;
  hmap_free(n->tokens);
  arena_free(n->arena);
  free(n);
}

void
authn_bind(struct authn *n, struct auth_source *source)
{
  n->source = source;
}

/* -- service accounts: is what the token speaks of still there? -- */

static const char *
text_of(const struct json *o, const char *name)
{
  return json_get_str_or(o, name, "");
}

/* Deleted, and not only a moment ago. */
static bool
is_gone(const struct authn *n, const struct json *o)
{
  const char *when = json_get_str(json_get(o, "metadata"), "deletionTimestamp");
  int64_t at;

  return when && clock_parse_rfc3339(span_of(when), &at) && at < clock_wall(n->clock) - SA_LEEWAY * CLOCK_SEC;
}

/* `kind`: as upstream's message begins, "pod UID (%s) does not match service account pod ref claim (%s)". */
static int
check_bound(struct authn *n, struct arena *a, const char *resource, const char *kind, const char *claim, const char *ns,
            const struct json *ref, struct kerr *reterr)
{
  const struct json *o = n->source->ops->get(n->source, a, resource, ns, text_of(ref, "name"));

  if (!o || is_gone(n, o))
    return kerr_set(reterr, KERR_UNAUTHORIZED, NULL, "service account token has been invalidated");
  if (strcmp(object_uid(o), text_of(ref, "uid")) != 0)
    return kerr_set(reterr, KERR_UNAUTHORIZED, NULL, "%s UID (%s) does not match service account %s ref claim (%s)",
                    kind, object_uid(o), claim, text_of(ref, "uid"));
  return 0;
}

static int
check_account(struct authn *n, struct arena *a, const struct json *k, struct kerr *reterr)
{
  const struct json *ref = json_get(k, "serviceaccount");
  const char *ns = text_of(k, "namespace"), *name = text_of(ref, "name");
  const struct json *o = n->source->ops->get(n->source, a, "serviceaccounts", ns, name);

  if (!o)
    return kerr_set(reterr, KERR_UNAUTHORIZED, NULL, "serviceaccounts \"%s\" not found", name);
  if (strcmp(object_uid(o), text_of(ref, "uid")) != 0)
    return kerr_set(reterr, KERR_UNAUTHORIZED, NULL, "service account UID (%s) does not match claim (%s)",
                    object_uid(o), text_of(ref, "uid"));
  if (is_gone(n, o))
    return kerr_set(reterr, KERR_UNAUTHORIZED, NULL, "service account %s/%s has been deleted", ns, name);
  return 0;
}

static int
check_objects(struct authn *n, struct arena *a, const struct json *k, struct kerr *reterr)
{
  const struct json *secret = json_get(k, "secret"), *pod = json_get(k, "pod"), *node = json_get(k, "node");
  const char *ns = text_of(k, "namespace");
  int r = check_account(n, a, k, reterr);

  if (r == 0 && secret)
    r = check_bound(n, a, "secrets", "secret", "secret", ns, secret, reterr);
  if (r == 0 && pod)
    r = check_bound(n, a, "pods", "pod", "pod", ns, pod, reterr);
  if (r == 0 && node && !pod) /* beside a pod the node is for information */
    r = check_bound(n, a, "nodes", "node", "node", "", node, reterr);
  return r;
}

static void
set_extra(struct arena *a, struct json *extra, const char *key, const char *value)
{
  if (*value)
    json_append_str(a, json_ensure_array(a, extra, arena_printf(a, EXTRA "%s", key)), value);
}

static const struct exchange_user *
account_user(struct arena *a, const struct json *claims)
{
  const struct json *k = json_get(claims, "kubernetes.io"), *pod = json_get(k, "pod"), *node = json_get(k, "node"),
                    *account = json_get(k, "serviceaccount");
  struct exchange_user *u = arena_new_of(a, struct exchange_user);
  const char **groups = arena_array_of(a, const char *, 2);
  struct json *extra = json_new_object(a);
  const char *jti = text_of(claims, "jti");

  groups[0] = "system:serviceaccounts";
  groups[1] = arena_printf(a, "system:serviceaccounts:%s", text_of(k, "namespace"));
  if (*jti)
    set_extra(a, extra, "credential-id", arena_printf(a, "JTI=%s", jti));
  set_extra(a, extra, "node-name", text_of(node, "name"));
  set_extra(a, extra, "node-uid", text_of(node, "uid"));
  set_extra(a, extra, "pod-name", text_of(pod, "name"));
  set_extra(a, extra, "pod-uid", text_of(pod, "uid"));
  *u = (struct exchange_user){
    .name = arena_printf(a, "system:serviceaccount:%s:%s", text_of(k, "namespace"), text_of(account, "name")),
    .uid = text_of(account, "uid"),
    .groups = groups,
    .n_groups = 2,
    .extra = json_count(extra) ? extra : NULL,
  };
  return u;
}

/* -- audiences -- */

/* As Go's %q of a list of strings. */
static const char *
quoted_list(struct arena *a, const char *const *list, size_t n)
{
  _cleanup_strbuf_ struct strbuf b;

  strbuf_init(&b, SA_TOKEN_MAX);
  strbuf_putc(&b, '[');
  for (size_t i = 0; i < n; i++) {
    if (i)
      strbuf_putc(&b, ' ');
    codec_go_quote(&b, span_of(list[i]));
  }
  strbuf_putc(&b, ']');
  return arena_strndup(a, b.p, b.n);
}

/* Those of the token (a list, or a single text) that were asked for. */
static int
match_audiences(struct arena *a, const struct json *aud, const char *const *want, size_t n_want,
                const char *const **ret, size_t *ret_n, struct kerr *reterr)
{
  size_t n = json_is(aud, JSON_STRING) ? 1 : json_count(aud), common = 0;
  const char **has = arena_array_of(a, const char *, n + n_want), **both = arena_array_of(a, const char *, n + n_want);

  for (size_t i = 0; i < n; i++) {
    const char *s = json_is(aud, JSON_STRING) ? json_str(aud) : json_str(json_at(aud, i));

    has[i] = s ? s : "";
    for (size_t j = 0; j < n_want; j++)
      if (strcmp(has[i], want[j]) == 0) {
        both[common++] = has[i];
        break;
      }
  }
  if (common == 0)
    return kerr_set(reterr, KERR_UNAUTHORIZED, NULL, "token audiences %s is invalid for the target audiences %s",
                    quoted_list(a, has, n), quoted_list(a, want, n_want));
  *ret = both;
  *ret_n = common;
  return 0;
}

static int
account_token(struct authn *n, struct arena *a, struct span token, const char *const *audiences, size_t n_audiences,
              const struct exchange_user **ret, const char *const **ret_audiences, size_t *ret_n_audiences,
              struct kerr *reterr)
{
  const struct json *claims, *aud;
  int r = sa_token_verify(n->signer, a, token, &claims, reterr);

  if (r < 0)
    return r;
  if (!n_audiences)
    audiences = sa_signer_audiences(n->signer, &n_audiences);
  aud = json_get(claims, "aud");
  if (!json_is(aud, JSON_STRING) && json_count(aud) == 0) { /* made for this server alone */
    struct json *own = json_new_array(a);
    size_t n_own;
    const char *const *list = sa_signer_audiences(n->signer, &n_own);

    for (size_t i = 0; i < n_own; i++)
      json_append_str(a, own, list[i]);
    aud = own;
  }
  r = match_audiences(a, aud, audiences, n_audiences, ret_audiences, ret_n_audiences, reterr);
  if (r == 0)
    r = check_objects(n, a, json_get(claims, "kubernetes.io"), reterr);
  if (r == 0)
    *ret = as_authenticated(a, account_user(a, claims));
  return r;
}

int
authn_token(struct authn *n, struct arena *a, struct span token, const char *const *audiences, size_t n_audiences,
            const struct exchange_user **ret, const char *const **ret_audiences, size_t *ret_n_audiences,
            struct kerr *reterr)
{
  const struct exchange_user *fixed = hmap_get(n->tokens, token);

  if (fixed) { /* good for whatever is asked */
    *ret = as_authenticated(a, fixed);
    *ret_audiences = n_audiences ? audiences : NULL;
    *ret_n_audiences = n_audiences;
    return 0;
  }
  if (n->signer && n->source && sa_token_is_ours(n->signer, a, token))
    return account_token(n, a, token, audiences, n_audiences, ret, ret_audiences, ret_n_audiences, reterr);
  return kerr_set(reterr, KERR_UNAUTHORIZED, NULL, "invalid bearer token");
}

/* -- requests -- */

/* "Bearer x", whatever the case of the word; an empty span when there is no token. */
static struct span
bearer(const char *authorization)
{
  struct span rest, scheme = span_cut(span_trim(span_of(authorization)), ' ', &rest), token;

  if (scheme.n != 6 || strncasecmp(scheme.p, "bearer", 6) != 0)
    return SPAN("");
  token = span_cut(span_trim(rest), ' ', &rest);
  return token.p ? token : SPAN("");
}

static struct span
websocket_token(struct arena *a, const char *protocols)
{
  struct span rest = span_of(protocols), prefix = SPAN(WEBSOCKET_TOKEN);

  while (rest.n) {
    struct span item = span_trim(span_cut(rest, ',', &rest));
    _cleanup_strbuf_ struct strbuf b;

    strbuf_init(&b, SA_TOKEN_MAX);
    if (span_starts(item, prefix) && codec_unbase64url(&b, span_make(item.p + prefix.n, item.n - prefix.n)) && b.n)
      return arena_span(a, strbuf_view(&b));
  }
  return SPAN("");
}

int
authn_request(struct authn *n, const struct exchange_request *req, const struct exchange_user **ret,
              struct kerr *reterr)
{
  struct span token = bearer(exchange_header_get(req->headers, req->n_headers, "authorization"));
  const char *const *audiences;
  size_t n_audiences;
  _cleanup_kerr_ struct kerr why = KERR_INIT; /* never told to who asks */

  if (req->user) {
    *ret = req->user;
    return 0;
  }
  if (req->tls_user && *req->tls_user->name) {
    *ret = as_authenticated(req->arena, req->tls_user);
    return 0;
  }
  if (!token.n)
    token = websocket_token(req->arena, exchange_header_get(req->headers, req->n_headers, "sec-websocket-protocol"));
  if (token.n && authn_token(n, req->arena, token, NULL, 0, ret, &audiences, &n_audiences, &why) == 0)
    return 0;
  if (token.n || req->tls_user || !n->anonymous)
    return kerr_set(reterr, KERR_UNAUTHORIZED, NULL, "Unauthorized");
  *ret = &anonymous_user;
  return 0;
}
