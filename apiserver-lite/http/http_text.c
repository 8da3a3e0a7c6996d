#include "http_text.h"

#include <ctype.h>
#include <string.h>

#include "ceilings.h"
#include "codec.h"
#include "json.h"

/* The target without "https://host". */
static struct span
origin_form(struct span target)
{
  static const char *const schemes[] = { "http://", "https://" };

  for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
    size_t n = strlen(schemes[i]);
    const char *slash;

    if (target.n < n || strncasecmp(target.p, schemes[i], n) != 0)
      continue;
    slash = memchr(target.p + n, '/', target.n - n);
    return slash ? span_make(slash, target.n - (size_t)(slash - target.p)) : SPAN("/");
  }
  return target;
}

int
http_target_parse(struct arena *a, const char *target, const char **ret_path, const char **ret_query,
                  struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf path;
  struct span query, raw;

  strbuf_init(&path, CEIL_REQUEST_BODY);
  raw = span_cut(origin_form(span_of(target)), '?', &query);
  if (raw.n == 0 || raw.p[0] != '/')
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "400 Bad Request: the request target has no path");
  if (!codec_url_unescape(&path, raw, false) || memchr(path.p, '\0', path.n) || !span_utf8_valid(strbuf_view(&path)))
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "400 Bad Request: the request target is not a valid URL");
  *ret_path = arena_strndup(a, path.p, path.n);
  *ret_query = arena_strndup(a, query.p ? query.p : "", query.n);
  return 0;
}

bool
http_accepts_gzip(const char *accept_encoding)
{
  struct span rest = span_of(accept_encoding);

  while (rest.n)
    if (span_is(span_trim(span_cut(rest, ',', &rest)), "gzip"))
      return true;
  return false;
}

const char *
http_lower(struct arena *a, const char *s)
{
  char *lower = arena_strdup(a, s);

  for (char *p = lower; *p; p++)
    *p = (char)tolower((unsigned char)*p);
  return lower;
}

struct span
http_status_document(struct arena *a, enum kerr_code code, const char *message)
{
  struct json *o = json_new_object(a);

  json_set_str(a, o, "kind", "Status");
  json_set_str(a, o, "apiVersion", "v1");
  json_set(a, o, "metadata", json_new_object(a));
  json_set_str(a, o, "status", "Failure");
  json_set_str(a, o, "message", message);
  json_set_str(a, o, "reason", kerr_reason(code));
  json_set_int(a, o, "code", kerr_http_status(code));
  return span_of(arena_printf(a, "%s\n", json_text(a, o, JSON_COMPACT)));
}
