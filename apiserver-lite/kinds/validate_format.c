#include "validate_format.h"

#include <ctype.h>
#include <stdio.h>

#include "validate_address.h"

/* Classes of ASCII bytes; a pattern is first class, middle class, last class. */
enum { LOWER = 1, UPPER = 2, DIGIT = 4, DASH = 8, UNDERSCORE = 16, DOT = 32, COLON_COMMA = 64 };
#define ALNUM_LOWER (LOWER | DIGIT)
#define ALNUM       (LOWER | UPPER | DIGIT)

static unsigned
class_of(char c)
{
  if (c >= 'a' && c <= 'z')
    return LOWER;
  if (c >= 'A' && c <= 'Z')
    return UPPER;
  if (c >= '0' && c <= '9')
    return DIGIT;
  return c == '-' ? DASH : c == '_' ? UNDERSCORE : c == '.' ? DOT : c == ':' || c == ',' ? COLON_COMMA : 0;
}

/* first middle* last, or first alone. */
static bool
matches(struct span s, unsigned first, unsigned middle, unsigned last)
{
  if (!s.n || !(class_of(s.p[0]) & first) || (s.n > 1 && !(class_of(s.p[s.n - 1]) & last)))
    return false;
  for (size_t i = 1; i + 1 < s.n; i++)
    if (!(class_of(s.p[i]) & middle))
      return false;
  return true;
}

static bool
all_of(struct span s, unsigned classes)
{
  return s.n && matches(s, classes, classes, classes);
}

static bool
is_label(struct span s)
{
  return matches(s, ALNUM_LOWER, ALNUM_LOWER | DASH, ALNUM_LOWER);
}

static bool
is_subdomain(struct span s, unsigned letters)
{
  for (;;) {
    struct span rest, part = span_cut(s, '.', &rest);
    if (!matches(part, letters | DIGIT, letters | DIGIT | DASH, letters | DIGIT))
      return false;
    if (!rest.p)
      return true;
    s = rest;
  }
}

/* Labels may begin with an underscore, and have some inside. */
static bool
is_subdomain_underscore(struct span s)
{
  for (struct span rest = s; rest.p;) {
    struct span part = span_cut(rest, '.', &rest);
    if (span_starts(part, SPAN("_")))
      part = span_make(part.p + 1, part.n - 1);
    if (!matches(part, ALNUM_LOWER, ALNUM_LOWER | DASH | UNDERSCORE, ALNUM_LOWER))
      return false;
  }
  return true;
}

#define LABEL_FMT     "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
#define SUBDOMAIN_FMT LABEL_FMT "(\\." LABEL_FMT ")*"
#define KEY_FMT       "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
#define REGEX(fmt)    "regex used for validation is '" fmt "')"

static const char label_text[] =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', " REGEX(LABEL_FMT);
static const char subdomain_text[] =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', " REGEX(SUBDOMAIN_FMT);
static const char underscore_text[] = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric "
                                      "characters, '_', '-' or '.', and must start "
                                      "and end with an alphanumeric character (e.g. 'example.com', " REGEX(
                                          "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]"
                                          "([-_a-z0-9]*[a-z0-9])?)*");
static const char caseless_text[] =
    "an RFC 1123 subdomain must consist of alphanumeric characters, '-' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'Example.com', " REGEX(SUBDOMAIN_FMT);
static const char dns1035_text[] =
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', " REGEX("[a-z]([-a-z0-9]*[a-z0-9])?");
static const char wildcard_text[] =
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
    "lower "
    "case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', " REGEX(
        "\\*\\." SUBDOMAIN_FMT);
#define KEY_TEXT                                                                                                     \
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character " \
  "(e.g. 'MyName',  or 'my.name',  or '123-abc', " REGEX(KEY_FMT)
static const char label_value_text[] =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', " REGEX("(" KEY_FMT ")?");
static const char identifier_text[] =
    "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters "
    "or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', " REGEX("[A-Za-z_][A-Za-z0-9_]*");
static const char config_key_text[] =
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', " REGEX("[-._a-zA-Z0-9]+");
static const char header_text[] = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. "
                                  "'X-Header-Name', " REGEX("[-A-Za-z0-9]+");
static const char percent_text[] = "a valid percent string must be a numeric string followed by an ending '%' (e.g. "
                                   "'1%',  or '93%', " REGEX("[0-9]+%");
static const char reason_text[] =
    "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric "
    "characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or "
    "'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', " REGEX("[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?");

struct problems {
  struct arena *a;
  const char **list;
  size_t n;
};

static void
complain(struct problems *p, const char *text)
{
  if (p->n < TEXT_PROBLEMS_MAX)
    p->list[p->n++] = text;
}

/* Longer than `max`: "bytes" for declarative rules, "characters" for the older code. */
static void
check_length(struct problems *p, struct span s, size_t max, const char *unit)
{
  if (s.n > max)
    complain(p, arena_printf(p->a, "must be no more than %zu %s", max, unit));
}

static void
check_label(struct problems *p, struct span s, const char *unit)
{
  check_length(p, s, 63, unit);
  if (!is_label(s))
    complain(p, is_subdomain(s, LOWER) ? "must not contain dots" : label_text);
}

static void
check_subdomain(struct problems *p, struct span s, const char *unit, unsigned letters)
{
  check_length(p, s, 253, unit);
  if (!is_subdomain(s, letters))
    complain(p, letters & UPPER ? caseless_text : subdomain_text);
}

static void
check_label_key(struct problems *p, struct span s)
{
  struct span rest, name = span_cut(s, '/', &rest);
  if (rest.p) {
    struct span prefix = name, more;
    name = span_cut(rest, '/', &more);
    if (more.p) {
      complain(p, "a valid label key " KEY_TEXT " with an optional DNS subdomain prefix and '/' (e.g. "
                  "'example.com/MyName')");
      return;
    }
    size_t before = p->n;
    if (!prefix.n)
      complain(p, "prefix part must be non-empty");
    else
      check_subdomain(p, prefix, "bytes", LOWER);
    for (size_t i = before; prefix.n && i < p->n; i++)
      p->list[i] = arena_printf(p->a, "prefix part %s", p->list[i]);
  }
  if (!name.n)
    complain(p, "name part must be non-empty");
  else if (name.n > 63)
    complain(p, "name part must be no more than 63 bytes");
  if (!matches(name, ALNUM, ALNUM | DASH | UNDERSCORE | DOT, ALNUM))
    complain(p, "name part " KEY_TEXT);
}

static void
check_parent_dir(struct problems *p, struct span s)
{
  if (span_is(s, "."))
    complain(p, "must not be '.'");
  else if (span_is(s, ".."))
    complain(p, "must not be '..'");
  else if (span_starts(s, SPAN("..")))
    complain(p, "must not start with '..'");
}

static void
check_path_segment(struct problems *p, struct span s)
{
  if (span_is(s, ".") || span_is(s, "..")) {
    complain(p, s.n == 1 ? "may not be '.'" : "may not be '..'");
    return;
  }
  if (s.n && memchr(s.p, '/', s.n))
    complain(p, "may not contain '/'");
  if (s.n && memchr(s.p, '%', s.n))
    complain(p, "may not contain '%'");
}

static void
check_env_name(struct problems *p, struct span s)
{
  if (!s.n)
    complain(p, "environment variable name must be non-empty");
  for (size_t i = 0; i < s.n; i++)
    if (s.p[i] < 0x20 || s.p[i] > 0x7e || s.p[i] == '=') {
      complain(p, "a valid environment variable name must consist only of printable ASCII characters other than '='");
      return;
    }
}

static void
check_port_name(struct problems *p, struct span s)
{
  bool letter = false, twice = false;
  for (size_t i = 0; i < s.n; i++) {
    letter |= class_of(s.p[i]) == LOWER;
    twice |= i && s.p[i] == '-' && s.p[i - 1] == '-';
  }
  check_length(p, s, 15, "characters");
  if (!all_of(s, ALNUM_LOWER | DASH))
    complain(p, "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  if (!letter)
    complain(p, "must contain at least one letter (a-z)");
  if (twice)
    complain(p, "must not contain consecutive hyphens");
  if (s.n && (s.p[0] == '-' || s.p[s.n - 1] == '-'))
    complain(p, "must not begin or end with a hyphen");
}

static bool
is_uuid(struct span s)
{
  if (s.n != 36)
    return false;
  for (size_t i = 0; i < s.n; i++) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23,
         hex = isdigit((unsigned char)s.p[i]) || (s.p[i] >= 'a' && s.p[i] <= 'f');
    if (dash ? s.p[i] != '-' : !hex)
      return false;
  }
  return true;
}

static void
check_ip(struct problems *p, struct span s)
{
  struct address ip;
  if (!address_read(s, &ip))
    complain(p, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
  else if (ip.leading_zeros)
    complain(p, "must not have leading 0s");
  else if (ip.mapped)
    complain(p, "must not be an IPv4-mapped IPv6 address");
  else if (!span_is(s, address_text(p->a, &ip)))
    complain(p, arena_printf(p->a, "must be in canonical form (\"%s\")", address_text(p->a, &ip)));
}

static const char http_path_text[] = "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')";

static bool
is_http_path(struct span s)
{
  for (size_t i = 0; i < s.n; i++)
    if (!isalnum((unsigned char)s.p[i]) && !memchr("/-._~%!$&'()*+,;=:", s.p[i], 18))
      return false;
  return s.n > 0;
}

size_t
text_check(struct arena *a, enum text_format f, struct span s, const char *problems[TEXT_PROBLEMS_MAX])
{
  struct problems p = { .a = a, .list = problems };
  switch (f) {
  case TEXT_ANY:
    break;
  case TEXT_DNS_LABEL:
    check_label(&p, s, "characters");
    break;
  case TEXT_SHORT_NAME:
    check_label(&p, s, "bytes");
    break;
  case TEXT_DNS_SUBDOMAIN:
    check_subdomain(&p, s, "characters", LOWER);
    break;
  case TEXT_LONG_NAME:
    check_subdomain(&p, s, "bytes", LOWER);
    break;
  case TEXT_LONG_NAME_CASELESS:
    check_subdomain(&p, s, "bytes", LOWER | UPPER);
    break;
  case TEXT_DNS_SUBDOMAIN_UNDERSCORE:
    check_length(&p, s, 253, "characters");
    if (!is_subdomain_underscore(s))
      complain(&p, underscore_text);
    break;
  case TEXT_DNS1035_LABEL:
    check_length(&p, s, 63, "characters");
    if (!matches(s, LOWER, ALNUM_LOWER | DASH, ALNUM_LOWER))
      complain(&p, dns1035_text);
    break;
  case TEXT_WILDCARD_SUBDOMAIN:
    check_length(&p, s, 253, "characters");
    if (!span_starts(s, SPAN("*.")) || !is_subdomain(span_make(s.p + 2, s.n - 2), LOWER))
      complain(&p, wildcard_text);
    break;
  case TEXT_LABEL_KEY:
    check_label_key(&p, s);
    break;
  case TEXT_LABEL_KEY_ANY_CASE: {
    char *low = arena_strndup(a, s.p, s.n);
    for (size_t i = 0; i < s.n; i++)
      low[i] = (char)tolower((unsigned char)low[i]);
    check_label_key(&p, span_make(low, s.n));
    break;
  }
  case TEXT_PREFIXED_LABEL_KEY:
    check_label_key(&p, s);
    if (!p.n && !memchr(s.p, '/', s.n))
      complain(&p, "must include a prefix (e.g. 'example.com/key')");
    break;
  case TEXT_LABEL_VALUE:
    check_length(&p, s, 63, "bytes");
    if (s.n && !matches(s, ALNUM, ALNUM | DASH | UNDERSCORE | DOT, ALNUM))
      complain(&p, label_value_text);
    break;
  case TEXT_C_IDENTIFIER:
    if (!matches(s, LOWER | UPPER | UNDERSCORE, ALNUM | UNDERSCORE, ALNUM | UNDERSCORE))
      complain(&p, identifier_text);
    break;
  case TEXT_PATH_SEGMENT:
    check_path_segment(&p, s);
    break;
  case TEXT_UUID:
    if (!is_uuid(s))
      complain(&p, "must be a lowercase UUID in 8-4-4-4-12 format");
    break;
  case TEXT_CONFIG_KEY:
    check_length(&p, s, 253, "characters");
    if (!all_of(s, ALNUM | DASH | UNDERSCORE | DOT))
      complain(&p, config_key_text);
    check_parent_dir(&p, s);
    break;
  case TEXT_ENV_NAME:
    check_env_name(&p, s);
    break;
  case TEXT_PORT_NAME:
    check_port_name(&p, s);
    break;
  case TEXT_HTTP_HEADER:
    if (!all_of(s, ALNUM | DASH))
      complain(&p, header_text);
    break;
  case TEXT_HTTP_PATH:
    if (!is_http_path(s))
      complain(&p, http_path_text);
    break;
  case TEXT_PERCENT:
    if (s.n < 2 || s.p[s.n - 1] != '%' || !all_of(span_make(s.p, s.n - 1), DIGIT))
      complain(&p, percent_text);
    break;
  case TEXT_CONDITION_REASON:
    if (!matches(s, LOWER | UPPER, ALNUM | UNDERSCORE | COLON_COMMA, ALNUM | UNDERSCORE))
      complain(&p, reason_text);
    break;
  case TEXT_IP:
    check_ip(&p, s);
    break;
  }
  return p.n;
}

const char *
text_origin(enum text_format f)
{
  static const char *const origins[] = {
    [TEXT_SHORT_NAME] = "format=k8s-short-name",
    [TEXT_LONG_NAME] = "format=k8s-long-name",
    [TEXT_LONG_NAME_CASELESS] = "format=k8s-long-name-caseless",
    [TEXT_LABEL_KEY] = "format=k8s-label-key",
    [TEXT_LABEL_KEY_ANY_CASE] = "format=k8s-label-key",
    [TEXT_PREFIXED_LABEL_KEY] = "format=k8s-prefixed-label-key",
    [TEXT_LABEL_VALUE] = "format=k8s-label-value",
    [TEXT_PATH_SEGMENT] = "format=k8s-path-segment-name",
    [TEXT_UUID] = "format=k8s-uuid",
    [TEXT_IP] = "format=ip-strict",
    [TEXT_DNS_LABEL] = "format=k8s-short-name",
    [TEXT_DNS_SUBDOMAIN] = "format=k8s-long-name",
  };
  return (size_t)f < ARRAY_SIZE(origins) ? origins[f] : NULL;
}

struct span
text_name_prefix(struct arena *a, struct span s)
{
  if (s.n < 2 || s.p[s.n - 1] != '-')
    return s;
  /* Upstream drops the letter before the dash, too. */
  char *t = arena_strndup(a, s.p, s.n - 1);
  t[s.n - 2] = 'a';
  return span_make(t, s.n - 1);
}

/* A number without leading zeros, ended by the end or one of `stop`. */
static bool
skip_number(const char **p)
{
  const char *s = *p;
  if (!isdigit((unsigned char)*s) || (*s == '0' && isdigit((unsigned char)s[1])))
    return false;
  while (isdigit((unsigned char)*s))
    s++;
  *p = s;
  return true;
}

/* Dot-separated identifiers of [0-9A-Za-z-]; `strict`: a numeric one has no leading zero (pre-release). */
static bool
skip_identifiers(const char **p, bool strict)
{
  for (const char *s = *p;; s++) {
    const char *start = s;
    bool digits = true;
    for (; isalnum((unsigned char)*s) || *s == '-'; s++)
      digits &= isdigit((unsigned char)*s) != 0;
    if (s == start || (strict && digits && *start == '0' && s - start > 1))
      return false;
    if (*s != '.') {
      *p = s;
      return true;
    }
  }
}

bool
text_is_semver(struct span s)
{
  const char *p = s.p;
  if (!s.n || strlen(p) != s.n)
    return false;
  for (int i = 0; i < 3; i++) {
    if (!skip_number(&p) || (i < 2 && *p++ != '.'))
      return false;
  }
  if (*p == '-' && (p++, !skip_identifiers(&p, true)))
    return false;
  if (*p == '+' && (p++, !skip_identifiers(&p, false)))
    return false;
  return !*p;
}
