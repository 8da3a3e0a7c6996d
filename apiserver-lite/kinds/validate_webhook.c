/* Where a webhook's server is, and which reviews it understands: admission and conversion (apiserver/pkg/util/webhook).
 */
#include <string.h>

#include "validate_internal.h"

static void
check_url(struct validation *v, const struct vpath *path, struct span url)
{
  static const char *const form = "; desired format: https://host[/path]";
  struct span scheme = url, rest, host, fragment, query, user = { NULL, 0 };
  const char *colon = memmem(url.p, url.n, "://", 3);

  rest = colon ? span_make(colon + 3, (size_t)(url.p + url.n - colon - 3)) : SPAN("");
  scheme.n = colon ? (size_t)(colon - url.p) : 0;
  rest = span_cut(rest, '#', &fragment);
  rest = span_cut(rest, '?', &query);
  host = span_cut(rest, '/', &(struct span){ NULL, 0 });
  if (memchr(host.p, '@', host.n))
    user = span_cut(host, '@', &host);
  if (!span_is(scheme, "https"))
    verr_invalid(v, path, scheme, arena_printf(v->a, "'https' is the only allowed URL scheme%s", form));
  if (!host.n)
    verr_invalid(v, path, host, arena_printf(v->a, "host must be specified%s", form));
  if (user.p)
    verr_invalid(v, path, user, "user information is not permitted in the URL");
  if (fragment.n)
    verr_invalid(v, path, fragment, "fragments are not permitted in the URL");
  if (query.n)
    verr_invalid(v, path, query, "query parameters are not permitted in the URL");
}

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
