/* Where a webhook's server is, and which reviews it understands: admission and conversion (apiserver/pkg/util/webhook).
 */
#include <ctype.h>
#include <string.h>

#include "validate_internal.h"

/* -- URLs, as Go's url.Parse takes them apart -- */

struct url {
  struct span scheme, user, host, query, fragment; /* p NULL: there is none */
};

/* Cuts the scheme off. False: a colon and nothing before it. */
static bool
cut_scheme(struct span *rest, struct span *ret)
{
  for (size_t i = 0; i < rest->n; i++) {
    char c = rest->p[i];

    if (isalpha((unsigned char)c) || (i > 0 && (isdigit((unsigned char)c) || c == '+' || c == '-' || c == '.')))
      continue;
    if (c == ':' && i > 0) {
      *ret = span_make(rest->p, i);
      *rest = span_make(rest->p + i + 1, rest->n - i - 1);
    }
    return c != ':' || i > 0;
  }
  return true;
}

/* What is wrong with a host and its port; NULL: nothing. */
static const char *
host_problem(struct arena *a, struct span host)
{
  const char *colon = memrchr(host.p, ':', host.n);
  struct span port = colon ? span_make(colon, (size_t)(host.p + host.n - colon)) : SPAN("");

  if (host.n && host.p[0] == '[') {
    const char *end = memrchr(host.p, ']', host.n);

    if (!end)
      return "missing ']' in host";
    port = span_make(end + 1, (size_t)(host.p + host.n - end - 1));
  }
  for (size_t i = 0; i < port.n; i++)
    if (i == 0 ? port.p[i] != ':' : !isdigit((unsigned char)port.p[i]))
      return arena_printf(a, "invalid port %s after host", vquote(a, port));
  for (size_t i = 0; i < host.n; i++)
    if (strchr(" \\^`{|}", host.p[i]))
      return arena_printf(a, "invalid character %s in host name", vquote(a, span_make(host.p + i, 1)));
  return NULL;
}

/* NULL, or what Go complains of. */
static const char *
parse_url(struct arena *a, struct span text, struct url *ret)
{
  struct span rest = text, path;

  *ret = (struct url){ .scheme = SPAN("") };
  for (size_t i = 0; i < text.n; i++)
    if (iscntrl((unsigned char)text.p[i]))
      return "net/url: invalid control character in URL";
  rest = span_cut(rest, '#', &ret->fragment);
  if (!cut_scheme(&rest, &ret->scheme))
    return "missing protocol scheme";
  rest = span_cut(rest, '?', &ret->query);
  path = span_cut(rest, '/', &(struct span){ NULL, 0 });
  if (!ret->scheme.n && memchr(path.p, ':', path.n))
    return "first path segment in URL cannot contain colon";
  if (!span_starts(rest, SPAN("//")))
    return NULL;
  ret->host = span_cut(span_make(rest.p + 2, rest.n - 2), '/', &(struct span){ NULL, 0 });
  if (memchr(ret->host.p, '@', ret->host.n))
    ret->user = span_cut(ret->host, '@', &ret->host);
  return host_problem(a, ret->host);
}

static void
check_url(struct validation *v, const struct vpath *path, struct span text)
{
  static const char *const form = "; desired format: https://host[/path]";
  struct url url;
  const char *problem = parse_url(v->a, text, &url);

  if (problem) {
    verr_required(v, path,
                  arena_printf(v->a, "url must be a valid URL: parse %s: %s%s", vquote(v->a, text), problem, form));
    return;
  }
  if (!span_is(url.scheme, "https"))
    verr_invalid(v, path, url.scheme, arena_printf(v->a, "'https' is the only allowed URL scheme%s", form));
  if (!url.host.n)
    verr_invalid(v, path, url.host, arena_printf(v->a, "host must be specified%s", form));
  if (url.user.p)
    verr_invalid(v, path, url.user, "user information is not permitted in the URL");
  if (url.fragment.n)
    verr_invalid(v, path, url.fragment, "fragments are not permitted in the URL");
  if (url.query.n)
    verr_invalid(v, path, url.query, "query parameters are not permitted in the URL");
}

/* -- services and clients -- */

static void
check_service_path(struct validation *v, const struct vpath *path, struct span s)
{
  const char *problems[TEXT_PROBLEMS_MAX];
  struct span left;
  size_t i = 0;

  if (!s.n || span_is(s, "/"))
    return;
  if (span_is(s, "//")) {
    verr_invalid(v, path, s, "segment[0] may not be empty");
    return;
  }
  if (s.p[0] != '/')
    verr_invalid(v, path, s, "must start with a '/'");
  left = span_make(s.p + 1, s.n - 1);
  if (span_ends(left, SPAN("/")))
    left.n--;
  for (; left.p; i++) {
    struct span rest, step = span_cut(left, '/', &rest);
    size_t n = step.n ? text_check(v->a, TEXT_DNS_SUBDOMAIN, step, problems) : 0;

    if (!step.n)
      verr_invalid(v, path, s, arena_printf(v->a, "segment[%zu] may not be empty", i));
    for (size_t k = 0; k < n; k++)
      verr_invalid(v, path, s, arena_printf(v->a, "segment[%zu]: %s", i, problems[k]));
    left = rest;
  }
}

/* Upstream passes name and namespace in each other's place, so each is missed under the other's name. */
static void
check_service(struct validation *v, const struct vpath *path, const struct json *service)
{
  int64_t port = json_get_int(service, "port", 443);

  if (!json_text_of(service, "namespace").n)
    verr_required(v, VP(path, "name"), "");
  if (!json_text_of(service, "name").n)
    verr_required(v, VP(path, "namespace"), "");
  if (port < 1 || port > 65535)
    verr_invalid_int(v, VP(path, "port"), port, "port is not valid: must be between 1 and 65535, inclusive");
  check_service_path(v, VP(path, "path"), json_text_of(service, "path"));
}

void
validate_webhook_client(struct validation *v, const struct vpath *path, const struct json *client)
{
  bool url = json_has(client, "url"), service = json_has(client, "service");

  if (url == service)
    verr_required(v, path, "exactly one of url or service is required");
  else if (url)
    check_url(v, VP(path, "url"), json_text_of(client, "url"));
  else
    check_service(v, VP(path, "service"), json_get(client, "service"));
}

void
validate_review_versions(struct validation *v, const struct vpath *path, const struct json *list, bool any_will_do,
                         const char *missing)
{
  const char *problems[TEXT_PROBLEMS_MAX];
  bool known = any_will_do;

  if (!json_count(list)) {
    verr_required(v, path, missing);
    return;
  }
  for (size_t i = 0; i < json_count(list); i++) {
    struct span s = json_span(json_at(list, i));
    bool again = false;

    for (size_t k = 0; k < i; k++)
      again = again || span_eq(json_span(json_at(list, k)), s);
    if (again) {
      verr_invalid(v, VP_ITEM(path, i), s, "duplicate version");
      continue;
    }
    size_t n = text_check(v->a, TEXT_DNS1035_LABEL, s, problems);

    for (size_t k = 0; k < n; k++)
      verr_invalid(v, VP_ITEM(path, i), s, problems[k]);
    known = known || span_is(s, "v1") || span_is(s, "v1beta1");
  }
  if (!known)
    verr_add(v, FIELD_INVALID, path, vjson(v->a, list), "must include at least one of v1, v1beta1");
}
