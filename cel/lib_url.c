#include "cel_lib.h"

#include "codec.h"

#include <string.h>

/* URLs (apiserver library/urls.go, over Go's net/url). */

enum mode { PATH, HOST, ZONE, USER, QUERY, FRAGMENT };

static bool
in(char c, const char *set)
{
  return c && strchr(set, c);
}

static bool
should_escape(char c, enum mode m)
{
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || in(c, "-_.~"))
    return false;
  if (m == HOST || m == ZONE)
    return !in(c, "!$&'()*+,;=:[]<>\"");
  if (in(c, "$&+,/:;=?@"))
    return m == PATH ? c == '?' : m == USER ? in(c, "@/?:") : m == QUERY;
  return !(m == FRAGMENT && in(c, "!()*"));
}

static const char *
bad_escape(struct arena *a, struct span s)
{
  return arena_printf(a, "invalid URL escape %s", cel_quoted(a, span_make(s.p, s.n > 3 ? 3 : s.n)));
}

/* NULL, or Go's message. */
static const char *
check_escapes(struct arena *a, struct span s, enum mode m)
{
  for (size_t i = 0; i < s.n;) {
    struct span at = span_make(s.p + i, s.n - i);
    bool percent25 = at.n >= 3 && memcmp(at.p, "%25", 3) == 0;

    if (at.p[0] != '%') {
      if ((m == HOST || m == ZONE) && (unsigned char)at.p[0] < 0x80 && should_escape(at.p[0], m))
        return arena_printf(a, "invalid character %s in host name", cel_quoted(a, span_make(at.p, 1)));
      i++;
      continue;
    }
    if (at.n < 3 || codec_hex_digit(at.p[1]) < 0 || codec_hex_digit(at.p[2]) < 0)
      return bad_escape(a, at);
    if (m == HOST && codec_hex_digit(at.p[1]) < 8 && !percent25)
      return bad_escape(a, at);
    if (m == ZONE) {
      char c = (char)(codec_hex_digit(at.p[1]) << 4 | codec_hex_digit(at.p[2]));

      if (!percent25 && c != ' ' && should_escape(c, HOST))
        return bad_escape(a, at);
    }
    i += 3;
  }
  return NULL;
}

static const char *
unescape(struct arena *a, struct span s, enum mode m, struct span *ret)
{
  const char *err = check_escapes(a, s, m);
  char *out;
  size_t n = 0;

  if (err)
    return err;
  out = arena_alloc(a, s.n + 1);
  for (size_t i = 0; i < s.n; i++) {
    if (s.p[i] == '%') {
      out[n++] = (char)(codec_hex_digit(s.p[i + 1]) << 4 | codec_hex_digit(s.p[i + 2]));
      i += 2;
    } else {
      out[n++] = s.p[i] == '+' && m == QUERY ? ' ' : s.p[i];
    }
  }
  *ret = span_make(out, n);
  return NULL;
}

static void
escape(struct strbuf *b, struct span s, enum mode m)
{
  for (size_t i = 0; i < s.n; i++) {
    if (should_escape(s.p[i], m))
      strbuf_printf(b, "%%%02X", (unsigned char)s.p[i]);
    else
      strbuf_putc(b, s.p[i]);
  }
}

/* -- reading -- */

static bool
is_port(struct span s)
{
  for (size_t i = 0; i < s.n; i++)
    if (i == 0 ? s.p[i] != ':' : s.p[i] < '0' || s.p[i] > '9')
      return false;
  return true;
}

static struct span
from(struct span s, const char *at)
{
  return span_make(at, s.n - (size_t)(at - s.p));
}

static const char *
parse_literal_host(struct arena *a, struct span host, struct span *ret)
{
  const char *close = memrchr(host.p, ']', host.n), *err, *zone;
  struct span port, name, part, ready_port;
  bool v4;

  if (!close)
    return "missing ']' in host";
  port = from(host, close + 1);
  if (!is_port(port))
    return arena_printf(a, "invalid port %s after host", cel_quoted(a, port));
  if ((err = unescape(a, port, HOST, &ready_port)))
    return err;
  name = span_make(host.p + 1, (size_t)(close - host.p) - 1);
  zone = name.n ? memmem(name.p, name.n, "%25", 3) : NULL;
  if (zone) {
    struct span before = span_make(name.p, (size_t)(zone - name.p));

    if ((err = unescape(a, before, HOST, &part)) || (err = unescape(a, from(name, zone), ZONE, &name)))
      return err;
    name = span_of(arena_printf(a, "%.*s%.*s", SPAN_FMT(part), SPAN_FMT(name)));
  } else if ((err = unescape(a, name, HOST, &name))) {
    return err;
  }
  if (!cel_ip_check(a, name, &v4, &err))
    return arena_printf(a, "invalid host: %s", err);
  if (v4)
    return "invalid IP-literal";
  *ret = span_of(arena_printf(a, "[%.*s]%.*s", SPAN_FMT(name), SPAN_FMT(ready_port)));
  return NULL;
}

static const char *
parse_host(struct arena *a, struct span scheme, struct span host, struct span *ret)
{
  const char *bracket = host.n ? memrchr(host.p, '[', host.n) : NULL,
             *colon = host.n ? memchr(host.p, ':', host.n) : NULL;

  if (bracket && bracket > host.p)
    return "invalid IP-literal";
  if (bracket)
    return parse_literal_host(a, host, ret);
  if (colon) {
    const char *last = memrchr(host.p, ':', host.n);

    if (!span_is(scheme, "http") && !span_is(scheme, "https"))
      colon = last;
    if (!is_port(from(host, colon)))
      return arena_printf(a, "invalid port %s after host", cel_quoted(a, from(host, colon)));
  }
  return unescape(a, host, HOST, ret);
}

static bool
is_userinfo(struct span s)
{
  for (size_t i = 0; i < s.n; i++) {
    char c = s.p[i];

    if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && !(c >= '0' && c <= '9') && !in(c, "-._:~!$&'()*+,;=%@"))
      return false;
  }
  return true;
}

static const char *
parse_user(struct arena *a, struct span info, struct cel_url *u)
{
  struct span password, name = span_cut(info, ':', &password);
  _cleanup_strbuf_ struct strbuf b = { 0 };
  bool has_password = password.p != NULL;
  const char *err;

  if (!is_userinfo(info))
    return "net/url: invalid userinfo";
  if ((err = unescape(a, name, USER, &name)) || (has_password && (err = unescape(a, password, USER, &password))))
    return err;
  strbuf_init(&b, 16 * 1024 * 1024);
  escape(&b, name, USER);
  if (has_password) {
    strbuf_putc(&b, ':');
    escape(&b, password, USER);
  }
  u->has_user = true;
  u->user = arena_span(a, strbuf_view(&b));
  return NULL;
}

static const char *
parse_authority(struct arena *a, struct span authority, struct cel_url *u)
{
  const char *sign = authority.n ? memrchr(authority.p, '@', authority.n) : NULL;
  const char *err = parse_host(a, u->scheme, sign ? from(authority, sign + 1) : authority, &u->host);

  if (err || !sign)
    return err;
  return parse_user(a, span_make(authority.p, (size_t)(sign - authority.p)), u);
}

/* The part before the colon, when it is a scheme. */
static const char *
parse_scheme(struct arena *a, struct span s, struct cel_url *u, struct span *rest)
{
  *rest = s;
  for (size_t i = 0; i < s.n; i++) {
    char c = s.p[i], lower = c | 0x20;

    if (lower >= 'a' && lower <= 'z')
      continue;
    if (((c >= '0' && c <= '9') || in(c, "+-.")) && i > 0)
      continue;
    if (c != ':')
      return NULL;
    if (i == 0)
      return "missing protocol scheme";
    {
      char *scheme = arena_strndup(a, s.p, i);

      for (size_t k = 0; k < i; k++)
        if (scheme[k] >= 'A' && scheme[k] <= 'Z')
          scheme[k] += 'a' - 'A';
      u->scheme = span_make(scheme, i);
      *rest = span_make(s.p + i + 1, s.n - i - 1);
    }
    return NULL;
  }
  return NULL;
}

static bool
has_control(struct span s)
{
  for (size_t i = 0; i < s.n; i++)
    if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7F)
      return true;
  return false;
}

/* Go's url.parse; NULL or its message. */
static const char *
parse(struct arena *a, struct span raw, bool request, struct cel_url *u)
{
  struct span rest, authority, query;
  const char *err, *slash;

  *u = (struct cel_url){ 0 };
  if (has_control(raw))
    return "net/url: invalid control character in URL";
  if (!raw.n && request)
    return "empty url";
  if (span_is(raw, "*")) {
    u->path = raw;
    return NULL;
  }
  if ((err = parse_scheme(a, raw, u, &rest)))
    return err;
  if (rest.n && memchr(rest.p, '?', rest.n) == rest.p + rest.n - 1) {
    u->force_query = true;
    rest.n--;
  } else {
    rest = span_cut(rest, '?', &query);
    u->query = query;
  }
  if (!span_starts(rest, SPAN("/"))) {
    if (u->scheme.n) {
      u->opaque = rest;
      return NULL;
    }
    if (request)
      return "invalid URI for request";
    if (memchr(span_cut(rest, '/', &authority).p, ':', span_cut(rest, '/', &authority).n))
      return "first path segment in URL cannot contain colon";
  }
  if ((u->scheme.n || (!request && !span_starts(rest, SPAN("///")))) && span_starts(rest, SPAN("//"))) {
    authority = span_make(rest.p + 2, rest.n - 2);
    slash = authority.n ? memchr(authority.p, '/', authority.n) : NULL;
    rest = slash ? from(authority, slash) : (struct span){ "", 0 };
    authority.n = slash ? (size_t)(slash - authority.p) : authority.n;
    u->has_authority = true;
    if ((err = parse_authority(a, authority, u)))
      return err;
  }
  u->raw_path = rest;
  return unescape(a, rest, PATH, &u->path);
}

const char *
cel_url_check(struct arena *a, struct span text)
{
  struct cel_url u;
  const char *err = parse(a, text, true, &u);

  return err ? arena_printf(a, "parse %s: %s", cel_quoted(a, text), err) : NULL;
}

/* -- printing -- */

/* The text as it was written, when that is a valid escaping of what it stands for; else escaped anew. */
static void
print_escaped(struct strbuf *b, struct span raw, struct span plain, enum mode m)
{
  for (size_t i = 0; i < raw.n; i++) {
    if (!in(raw.p[i], "!$&'()*+,;=:@[]%") && should_escape(raw.p[i], m)) {
      escape(b, plain, m);
      return;
    }
  }
  strbuf_span(b, raw);
}

void
cel_url_print(struct strbuf *b, const struct cel_url *u)
{
  if (u->scheme.n) {
    strbuf_span(b, u->scheme);
    strbuf_putc(b, ':');
  }
  if (u->opaque.n) {
    strbuf_span(b, u->opaque);
  } else {
    if (u->has_authority && (u->host.n || u->path.n || u->has_user))
      strbuf_puts(b, "//");
    if (u->has_user) {
      strbuf_span(b, u->user);
      strbuf_putc(b, '@');
    }
    escape(b, u->host, HOST);
    if (u->path.n && u->path.p[0] != '/' && u->host.n)
      strbuf_putc(b, '/');
    print_escaped(b, u->raw_path, u->path, PATH);
  }
  if (u->force_query || u->query.n) {
    strbuf_putc(b, '?');
    strbuf_span(b, u->query);
  }
  if (u->fragment.n) {
    strbuf_putc(b, '#');
    print_escaped(b, u->raw_fragment, u->fragment, FRAGMENT);
  }
}

/* -- functions -- */

static struct cel_value
do_url(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct cel_url *u = arena_new_of(ev->a, struct cel_url);
  struct span text = cel_span(args[0]), fragment, before;
  const char *err = cel_url_check(ev->a, text);

  (void)n;
  if (err)
    return cel_failf(ev->a, "URL parse error during conversion from string: %s", err);
  before = span_cut(text, '#', &fragment);
  err = parse(ev->a, before, false, u);
  if (err)
    return cel_failf(ev->a, "URL parse error during conversion from string: parse %s: %s", cel_quoted(ev->a, before),
                     err);
  u->raw_fragment = fragment;
  if (fragment.n && (err = unescape(ev->a, fragment, FRAGMENT, &u->fragment)))
    return cel_failf(ev->a, "URL parse error during conversion from string: parse %s: %s", cel_quoted(ev->a, text),
                     err);
  return (struct cel_value){ .kind = CEL_URL, .u.url = u };
}

static struct cel_value
is_url(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)n;
  return cel_of_bool(!cel_url_check(ev->a, cel_span(args[0])));
}

static struct cel_value
get_scheme(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return cel_of_span(args[0].u.url->scheme);
}

static struct cel_value
get_host(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  (void)ev;
  (void)n;
  return cel_of_span(args[0].u.url->host);
}

static void
split_host(struct span host, struct span *name, struct span *port)
{
  const char *colon = host.n ? memrchr(host.p, ':', host.n) : NULL;

  *port = (struct span){ "", 0 };
  if (colon && is_port(from(host, colon))) {
    *port = from(host, colon + 1);
    host.n = (size_t)(colon - host.p);
  }
  if (span_starts(host, SPAN("[")) && span_ends(host, SPAN("]")))
    host = span_make(host.p + 1, host.n - 2);
  *name = host;
}

static struct cel_value
get_hostname(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct span name, port;

  (void)ev;
  (void)n;
  split_host(args[0].u.url->host, &name, &port);
  return cel_of_span(name);
}

static struct cel_value
get_port(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct span name, port;

  (void)ev;
  (void)n;
  split_host(args[0].u.url->host, &name, &port);
  return cel_of_span(port);
}

static struct cel_value
get_escaped_path(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  _cleanup_strbuf_ struct strbuf b = { 0 };

  (void)n;
  strbuf_init(&b, CEL_MEMORY_MAX);
  print_escaped(&b, args[0].u.url->raw_path, args[0].u.url->path, PATH);
  return cel_of_span(arena_span(ev->a, strbuf_view(&b)));
}

#define QUERY_PARAMS_MAX 10000 /* Go: defaultMaxParams */

static struct cel_value
get_query(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct span rest = args[0].u.url->query, key, value;
  struct cel_value map = cel_map_new(ev->a, 4);
  size_t params = 1;

  (void)n;
  for (size_t i = 0; i < rest.n; i++)
    params += rest.p[i] == '&';
  while (rest.n && params <= QUERY_PARAMS_MAX) {
    const struct cel_value *known;
    struct cel_value list;

    key = span_cut(rest, '&', &rest);
    if (!key.n || memchr(key.p, ';', key.n))
      continue;
    key = span_cut(key, '=', &value);
    if (unescape(ev->a, key, QUERY, &key) || unescape(ev->a, value, QUERY, &value))
      continue;
    known = cel_map_find(map.u.map, cel_of_span(key));
    list = known ? *known : cel_list_new(ev->a, 1);
    cel_list_push(ev->a, list.u.list, cel_of_span(value));
    if (!known)
      cel_map_put(ev->a, map.u.map, cel_of_span(key), list);
  }
  return map;
}

static const struct cel_type query_type = { .kind = CEL_T_MAP,
                                            .nparams = 2,
                                            .name = "map",
                                            .params = { &cel_string, &cel_list_string },
                                            .max_size = CEL_SIZE_UNKNOWN };

#define ONE .name_cost = CEL_COST_NOMINAL
#define U   &cel_url_type

static const struct cel_overload urls[] = {
  FN("url", "string_to_url", cel_url_type, do_url, .name_cost = CEL_COST_URL, ARGS(&cel_string)),
  FN("isURL", "is_url_string", cel_bool, is_url, ARGS(&cel_string)),
  METHOD("getScheme", "url_get_scheme", cel_string, get_scheme, ONE, ARGS(U)),
  METHOD("getHost", "url_get_host", cel_string, get_host, ONE, ARGS(U)),
  METHOD("getHostname", "url_get_hostname", cel_string, get_hostname, ONE, ARGS(U)),
  METHOD("getPort", "url_get_port", cel_string, get_port, ONE, ARGS(U)),
  METHOD("getEscapedPath", "url_get_escaped_path", cel_string, get_escaped_path, ONE, ARGS(U)),
  METHOD("getQuery", "url_get_query", query_type, get_query, ONE, ARGS(U)),
};

LIBRARY(cel_lib_url, urls);
