/*
 * The formats of strings that schemas may ask for (kube-openapi pkg/validation/strfmt, apiextensions-apiserver
 * pkg/apiserver/validation/formats.go). A name counts without its dashes.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "cel_regex.h"
#include "clock.h"
#include "crd_check.h"
#include "validate_address.h"
#include "validate_format.h"

typedef bool format_fn(struct arena *a, struct span text);

static bool
matches(struct arena *a, const char *pattern, struct span text)
{
  const char *error;
  struct cel_regex *re = cel_regex_new(a, span_of(pattern), &error);
  bool yes = re && cel_regex_matches(re, text);

  cel_regex_free(re);
  return yes;
}

/* `text` without the characters in `out`. */
static char *
without(struct arena *a, struct span text, const char *out)
{
  char *ret = arena_alloc(a, text.n + 1);
  size_t n = 0;

  for (size_t i = 0; i < text.n; i++)
    if (!text.p[i] || !strchr(out, text.p[i]))
      ret[n++] = text.p[i];
  ret[n] = '\0';
  return ret;
}

static bool
is_anything(struct arena *a, struct span text)
{
  (void)a;
  (void)text;
  return true;
}

/* -- names and addresses -- */

/* Go's url.ParseRequestURI: an absolute URI, or an absolute path. */
static bool
is_uri(struct arena *a, struct span text)
{
  return matches(a, "^(?:[A-Za-z][A-Za-z0-9+.-]*:[^\\x00-\\x20\\x7f]*|/[^\\x00-\\x1f\\x7f]*|\\*)$", text) &&
         !matches(a, "%(?:[^0-9A-Fa-f]|.[^0-9A-Fa-f]|.?$)", text) &&
         !matches(a, "^[A-Za-z][A-Za-z0-9+.-]*://[^/?#\\[]*:[^/?#0-9][^/?#]*(?:[/?#]|$)", text);
}

/* Go's mail.ParseAddress: addr-spec, with or without a name before it. */
static bool
is_email(struct arena *a, struct span text)
{
#define ATOM "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\x{80}-\\x{10FFFF}-]+"
#define SPEC \
  "(?:" ATOM "(?:\\." ATOM ")*|\"(?:[^\"\\\\\\x00-\\x1f]|\\\\.)+\")@(?:" ATOM "(?:\\." ATOM ")*|\\[[^\\[\\]]*\\])"
  return matches(a, "^\\s*(?:" SPEC "|(?:(?:" ATOM "|\\.|\\s|\"(?:[^\"\\\\]|\\\\.)*\")*)<" SPEC ">)\\s*$", text);
#undef SPEC
#undef ATOM
}

static bool
is_hostname(struct arena *a, struct span text)
{
  size_t label = 0;

  if (text.n > 255 || !matches(a,
                               "^([a-zA-Z0-9\\p{S}\\p{L}]((-?[a-zA-Z0-9\\p{S}\\p{L}]{0,62})?)|([a-zA-Z0-9\\p{S}\\p{L}]"
                               "(([a-zA-Z0-9-\\p{S}\\p{L}]{0,61}[a-zA-Z0-9\\p{S}\\p{L}])?)(\\.)){1,}([a-zA-Z\\p{L}]){2,"
                               "63})$",
                               text))
    return false;
  for (size_t i = 0; i < text.n; i++) {
    label = text.p[i] == '.' ? 0 : label + 1;
    if (label > 63)
      return false;
  }
  return true;
}

static bool
is_ip(struct span text)
{
  struct address ip;
  return address_read(text, &ip);
}

/* Leading zeros are let pass, as netutils.ParseIPSloppy does. */
static bool
is_ipv4(struct arena *a, struct span text)
{
  if (memchr(text.p, ':', text.n)) /* an IPv6 address that ends in an IPv4 one */
    return memchr(text.p, '.', text.n) && is_ip(text);
  return matches(a, "^0*(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(?:\\.0*(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])){3}$", text);
}

static bool
is_ipv6(struct arena *a, struct span text)
{
  (void)a;
  return memchr(text.p, ':', text.n) && is_ip(text);
}

static bool
is_cidr(struct arena *a, struct span text)
{
  struct span bits, address = span_cut(text, '/', &bits);
  bool v4 = !memchr(address.p, ':', address.n);

  if (!bits.p || !matches(a, "^(?:0|[1-9][0-9]{0,2})$", bits))
    return false;
  int n = bits.p[0] - '0';

  for (size_t i = 1; i < bits.n; i++)
    n = n * 10 + (bits.p[i] - '0');
  return n <= (v4 ? 32 : 128) && (v4 ? is_ipv4(a, address) : is_ip(address));
}

static bool
is_mac(struct arena *a, struct span text)
{
#define OCTETS(sep, n) "[0-9a-fA-F]{2}(?:" sep "[0-9a-fA-F]{2}){" n "}"
#define GROUPS(n)      "[0-9a-fA-F]{4}(?:\\.[0-9a-fA-F]{4}){" n "}"
  return matches(a,
                 "^(?:" OCTETS(":", "5") "|" OCTETS(":", "7") "|" OCTETS(":", "19") "|" OCTETS("-", "5") "|" OCTETS(
                     "-", "7") "|" OCTETS("-", "19") "|" GROUPS("2") "|" GROUPS("3") "|" GROUPS("9") ")$",
                 text);
#undef GROUPS
#undef OCTETS
}

static bool
is_short_name(struct arena *a, struct span text)
{
  return text.n <= 63 && matches(a, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", text);
}

static bool
is_long_name(struct arena *a, struct span text)
{
  return text.n <= 253 && matches(a, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", text);
}

/* -- identifiers -- */

#define HEX4 "[0-9a-f]{4}-?"

static bool
is_uuid(struct arena *a, struct span text)
{
  return matches(a, "(?i)^[0-9a-f]{8}-?" HEX4 HEX4 HEX4 "[0-9a-f]{12}$", text);
}

static bool
is_uuid3(struct arena *a, struct span text)
{
  return matches(a, "(?i)^[0-9a-f]{8}-?" HEX4 "3[0-9a-f]{3}-?" HEX4 "[0-9a-f]{12}$", text);
}

static bool
is_uuid4(struct arena *a, struct span text)
{
  return matches(a, "(?i)^[0-9a-f]{8}-?" HEX4 "4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$", text);
}

static bool
is_uuid5(struct arena *a, struct span text)
{
  return matches(a, "(?i)^[0-9a-f]{8}-?" HEX4 "5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$", text);
}

static bool
is_object_id(struct arena *a, struct span text)
{
  return matches(a, "^[0-9a-fA-F]{24}$", text);
}

static bool
is_isbn10(struct arena *a, struct span text)
{
  const char *s = without(a, text, " \t\n\r\f\v-");
  int sum = 0;

  if (!matches(a, "^(?:[0-9]{9}X|[0-9]{10})$", span_of(s)))
    return false;
  for (int i = 0; i < 10; i++)
    sum += (i + 1) * (s[i] == 'X' ? 10 : s[i] - '0');
  return sum % 11 == 0;
}

static bool
is_isbn13(struct arena *a, struct span text)
{
  const char *s = without(a, text, " \t\n\r\f\v-");
  int sum = 0;

  if (!matches(a, "^(?:[0-9]{13})$", span_of(s)))
    return false;
  for (int i = 0; i < 12; i++)
    sum += (i % 2 ? 3 : 1) * (s[i] - '0');
  return s[12] - '0' == (10 - sum % 10) % 10;
}

static bool
is_isbn(struct arena *a, struct span text)
{
  return is_isbn10(a, text) || is_isbn13(a, text);
}

static bool
is_credit_card(struct arena *a, struct span text)
{
  char *digits = arena_alloc(a, text.n + 1);
  size_t n = 0;
  int sum = 0;

  for (size_t i = 0; i < text.n; i++)
    if (isdigit((unsigned char)text.p[i]))
      digits[n++] = text.p[i];
  if (!matches(a,
               "^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(?:0[0-5]|["
               "68][0-9])[0-9]{11}|(?:2131|1800|35\\d{3})\\d{11})$",
               span_make(digits, n)))
    return false;
  for (size_t i = 0; i < n; i++) { /* Luhn's sum, from the right */
    int d = digits[n - 1 - i] - '0';

    d = i % 2 ? d * 2 : d;
    sum += d > 9 ? d - 9 : d;
  }
  return sum % 10 == 0;
}

static bool
is_ssn(struct arena *a, struct span text)
{
  return text.n == 11 && matches(a, "^\\d{3}[- ]?\\d{2}[- ]?\\d{4}$", text);
}

/* -- values -- */

static bool
is_hex_colour(struct arena *a, struct span text)
{
  return matches(a, "^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$", text);
}

static bool
is_rgb_colour(struct arena *a, struct span text)
{
#define PART "\\s*(0|[1-9]\\d?|1\\d\\d?|2[0-4]\\d|25[0-5])\\s*"
  return matches(a, "^rgb\\(" PART "," PART "," PART "\\)$", text);
#undef PART
}

static bool
is_base64(struct arena *a, struct span text)
{
  return matches(a, "^(?:[A-Za-z0-9+\\/]{4})*(?:[A-Za-z0-9+\\/]{2}==|[A-Za-z0-9+\\/]{3}=|[A-Za-z0-9+\\/]{4})$", text);
}

static bool
is_date(struct arena *a, struct span text)
{
  int64_t ignored;

  return matches(a, "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", text) &&
         clock_parse_rfc3339(span_of(arena_printf(a, "%.*sT00:00:00Z", SPAN_FMT(text))), &ignored);
}

static bool
is_date_time(struct arena *a, struct span text)
{
  struct span time, date;
  char *lower = arena_strndup(a, text.p, text.n);

  for (char *p = lower; *p; p++)
    *p = (char)tolower((unsigned char)*p);
  date = span_cut(span_make(lower, text.n), 't', &time);
  if (text.n < 4 || !time.p || !is_date(a, date))
    return false;
  time = span_cut(time, 't', &(struct span){ NULL, 0 });
  return matches(a, "^(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:.[0-9]+)?(?:z|[+-][0-9]{2}:[0-9]{2})$", time);
}

/* Go's durations ("1h30m"), or amounts with units somewhere in the text ("2 weeks"). */
static bool
is_duration(struct arena *a, struct span text)
{
  return matches(a, "^[+-]?(?:0|(?:(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)$", text) ||
         matches(a,
                 "(?i)[0-9]\\s*(?:(?:ns|us|µs|ms|s|m|h|hr|d|w|wk)(?:[^a-zµ]|$)|nano|micro|milli|sec|min|hour|day|week)",
                 text);
}

static const struct format {
  const char *name;
  format_fn *fn;
} formats[] = {
  { "bsonobjectid", is_object_id },
  { "byte", is_base64 },
  { "cidr", is_cidr },
  { "creditcard", is_credit_card },
  { "date", is_date },
  { "datetime", is_date_time },
  { "duration", is_duration },
  { "email", is_email },
  { "hexcolor", is_hex_colour },
  { "hostname", is_hostname },
  { "ipv4", is_ipv4 },
  { "ipv6", is_ipv6 },
  { "isbn", is_isbn },
  { "isbn10", is_isbn10 },
  { "isbn13", is_isbn13 },
  { "k8slongname", is_long_name },
  { "k8sshortname", is_short_name },
  { "mac", is_mac },
  { "password", is_anything },
  { "rgbcolor", is_rgb_colour },
  { "ssn", is_ssn },
  { "uri", is_uri },
  { "uuid", is_uuid },
  { "uuid3", is_uuid3 },
  { "uuid4", is_uuid4 },
  { "uuid5", is_uuid5 },
};

static const struct format *
find(const char *name)
{
  for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
    const char *want = formats[i].name, *have = name;

    for (; *have && (*have == '-' || *have == *want); have++)
      want += *have != '-';
    if (!*have && !*want)
      return &formats[i];
  }
  return NULL;
}

bool
format_is_known(const char *name)
{
  return find(name) != NULL;
}

bool
format_matches(struct arena *a, const char *name, struct span text)
{
  const struct format *f = find(name);

  return !f || f->fn(a, text);
}
