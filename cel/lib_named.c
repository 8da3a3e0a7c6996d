#include "cel_lib.h"

#include <string.h>

/* Named formats (apiserver library/format.go, over apimachinery's validation). */

/* Messages of one text, as upstream lists them. */
struct messages {
  struct arena *a;
  struct cel_list *list;
};

struct cel_format {
  const char *name;     /* of the value */
  const char *function; /* format.NAME() */
  void (*validate)(struct messages *m, struct span s);
  uint64_t regex_size;
};

static void
say(struct messages *m, const char *text)
{
  cel_list_push(m->a, m->list, cel_of_span(span_of(text)));
}

/* -- names -- */

static bool
is_lower(char c)
{
  return c >= 'a' && c <= 'z';
}

static bool
is_digit(char c)
{
  return c >= '0' && c <= '9';
}

/* [a-z0-9]([-a-z0-9]*[a-z0-9])? */
static bool
is_label(struct span s)
{
  for (size_t i = 0; i < s.n; i++)
    if (!is_lower(s.p[i]) && !is_digit(s.p[i]) && s.p[i] != '-')
      return false;
  return s.n && s.p[0] != '-' && s.p[s.n - 1] != '-';
}

static bool
is_subdomain(struct span s)
{
  struct span rest = s, part;

  do {
    part = span_cut(rest, '.', &rest);
    if (!is_label(part))
      return false;
  } while (rest.p);
  return true;
}

/* ([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9] */
static bool
is_label_name(struct span s)
{
  for (size_t i = 0; i < s.n; i++) {
    char c = s.p[i];
    bool alnum = is_lower(c | 0x20) || is_digit(c);

    if (!alnum && (i == 0 || i == s.n - 1 || !strchr("-_.", c) || !c))
      return false;
  }
  return s.n > 0;
}

/* A name that ends in '-' may be a prefix: the last two characters count as one letter. */
static struct span
mask_dash(struct messages *m, struct span s)
{
  if (s.n < 2 || s.p[s.n - 1] != '-')
    return s;
  return span_of(arena_printf(m->a, "%.*sa", (int)(s.n - 2), s.p));
}

static void
dns1123_label(struct messages *m, struct span s)
{
  if (s.n > 63)
    say(m, "must be no more than 63 characters");
  if (!is_label(s))
    say(m, is_subdomain(s)
               ? "must not contain dots"
               : "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
                 "and end "
                 "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
                 "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')");
}

#define SUBDOMAIN_TEXT                                                                                                 \
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and " \
  "end "                                                                                                               \
  "with an alphanumeric character (e.g. 'example.com', regex used for validation is "                                  \
  "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"

static void
dns1123_subdomain(struct messages *m, struct span s)
{
  if (s.n > 253)
    say(m, "must be no more than 253 characters");
  if (!is_subdomain(s))
    say(m, SUBDOMAIN_TEXT);
}

static void
dns1035_label(struct messages *m, struct span s)
{
  if (s.n > 63)
    say(m, "must be no more than 63 characters");
  if (!is_label(s) || !is_lower(s.p[0]))
    say(m, "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
           "character, "
           "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
           "'[a-z]([-a-z0-9]*[a-z0-9])?')");
}

static void
dns1123_label_prefix(struct messages *m, struct span s)
{
  dns1123_label(m, mask_dash(m, s));
}

static void
dns1123_subdomain_prefix(struct messages *m, struct span s)
{
  dns1123_subdomain(m, mask_dash(m, s));
}

static void
dns1035_label_prefix(struct messages *m, struct span s)
{
  dns1035_label(m, mask_dash(m, s));
}

#define LABEL_KEY_TEXT                                                                                               \
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character " \
  "(e.g. "                                                                                                           \
  "'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"

static void
qualified_name(struct messages *m, struct span s)
{
  struct span rest, more = { NULL, 0 }, prefix = span_cut(s, '/', &rest), name = prefix;

  if (rest.p) {
    name = span_cut(rest, '/', &more);
    if (more.p) {
      say(m, "a valid label key " LABEL_KEY_TEXT
             " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')");
      return;
    }
    if (!prefix.n) {
      say(m, "prefix part must be non-empty");
    } else {
      if (prefix.n > 253)
        say(m, "prefix part must be no more than 253 bytes");
      if (!is_subdomain(prefix))
        say(m, "prefix part " SUBDOMAIN_TEXT);
    }
  }
  if (!name.n)
    say(m, "name part must be non-empty");
  else if (name.n > 63)
    say(m, "name part must be no more than 63 bytes");
  if (!is_label_name(name))
    say(m, "name part " LABEL_KEY_TEXT);
}

static void
label_value(struct messages *m, struct span s)
{
  if (s.n > 63)
    say(m, "must be no more than 63 bytes");
  if (s.n && !is_label_name(s))
    say(m,
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start "
        "and "
        "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
        "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')");
}

/* -- other formats -- */

static void
uri(struct messages *m, struct span s)
{
  const char *err = cel_url_check(m->a, s);

  if (err)
    say(m, err);
}

static bool
is_hex(char c)
{
  return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static void
uuid(struct messages *m, struct span s)
{
  static const unsigned groups[] = { 8, 4, 4, 4, 12 };
  size_t at = 0;
  bool ok = true;

  for (size_t g = 0; g < ARRAY_SIZE(groups); g++) {
    if (g && at < s.n && s.p[at] == '-')
      at++;
    for (unsigned i = 0; i < groups[g]; i++, at++)
      ok = ok && at < s.n && is_hex(s.p[at]);
  }
  if (!ok || at != s.n)
    say(m, "does not match the UUID format");
}

/* ^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$ */
static void
byte(struct messages *m, struct span s)
{
  size_t pad = span_ends(s, SPAN("==")) ? 2 : span_ends(s, SPAN("=")) ? 1 : 0;
  bool ok = s.n && s.n % 4 == 0;

  for (size_t i = 0; ok && i < s.n - pad; i++)
    ok = is_lower(s.p[i] | 0x20) || is_digit(s.p[i]) || s.p[i] == '+' || s.p[i] == '/';
  if (!ok)
    say(m, "invalid base64");
}

static bool
is_date(struct span s)
{
  struct cel_value ignored;
  char text[21];

  if (s.n != 10)
    return false;
  memcpy(text, s.p, 10);
  memcpy(text + 10, "T00:00:00Z", 11);
  return cel_time_parse(span_of(text), &ignored);
}

static void
date(struct messages *m, struct span s)
{
  if (!is_date(s))
    say(m, "invalid date");
}

static bool
two_digits(struct span s, size_t at, int max)
{
  return s.n >= at + 2 && is_digit(s.p[at]) && is_digit(s.p[at + 1]) && (s.p[at] - '0') * 10 + s.p[at + 1] - '0' <= max;
}

/* kube-openapi strfmt.IsDateTime: looser than RFC 3339 in the fraction and the offset. */
static bool
is_datetime(struct span s)
{
  size_t t = 0, at = 8;
  struct span time;

  while (t < s.n && (s.p[t] | 0x20) != 't')
    t++;
  if (s.n < 4 || t == s.n || !is_date(span_make(s.p, t)))
    return false;
  time = span_make(s.p + t + 1, s.n - t - 1);
  for (size_t i = 0; i < time.n; i++) /* split at every t */
    if ((time.p[i] | 0x20) == 't')
      time.n = i;
  if (!two_digits(time, 0, 23) || !two_digits(time, 3, 59) || !two_digits(time, 6, 59) || time.p[2] != ':' ||
      time.p[5] != ':')
    return false;
  if (at + 1 < time.n && is_digit(time.p[at + 1]) && time.p[at] != '+' && time.p[at] != '-') { /* (.[0-9]+)? */
    for (at++; at < time.n && is_digit(time.p[at]); at++)
      ;
  }
  if (at + 1 == time.n && (time.p[at] | 0x20) == 'z')
    return true;
  return time.n == at + 6 && (time.p[at] == '+' || time.p[at] == '-') && time.p[at + 3] == ':' &&
         two_digits(time, at + 1, 99) && two_digits(time, at + 4, 99);
}

static void
datetime(struct messages *m, struct span s)
{
  if (!is_datetime(s))
    say(m, "invalid datetime");
}

#define UUID_SIZE     70 /* length of strfmt.UUIDPattern */
#define DATETIME_SIZE 71 /* length of strfmt.DateTimePattern */

static const struct cel_format formats[] = {
  { "DNS1123Label", "dns1123Label", dns1123_label, 30 },
  { "DNS1123Subdomain", "dns1123Subdomain", dns1123_subdomain, 60 },
  { "DNS1035Label", "dns1035Label", dns1035_label, 30 },
  { "QualifiedName", "qualifiedName", qualified_name, 60 },
  { "DNS1123LabelPrefix", "dns1123LabelPrefix", dns1123_label_prefix, 30 },
  { "DNS1123SubdomainPrefix", "dns1123SubdomainPrefix", dns1123_subdomain_prefix, 60 },
  { "DNS1035LabelPrefix", "dns1035LabelPrefix", dns1035_label_prefix, 30 },
  { "LabelValue", "labelValue", label_value, 40 },
  { "URI", "uri", uri, 1103 },
  { "uuid", "uuid", uuid, UUID_SIZE },
  { "byte", "byte", byte, 84 },
  { "date", "date", date, DATETIME_SIZE },
  { "datetime", "datetime", datetime, DATETIME_SIZE },
};

const char *
cel_format_name(const struct cel_format *f)
{
  return f->function;
}

uint64_t
cel_format_regex_size(const struct cel_format *f)
{
  return f->regex_size;
}

/* -- functions -- */

static struct cel_value
named(const char *function)
{
  for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
    if (strcmp(formats[i].function, function) == 0)
      return (struct cel_value){ .kind = CEL_FORMAT, .u.format = &formats[i] };
  return cel_none();
}

static struct cel_value
do_named(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct cel_value f = named(arena_strndup(ev->a, args[0].u.s, args[0].n));

  (void)n;
  return f.kind == CEL_FORMAT ? cel_some(ev->a, f) : f;
}

static struct cel_value
do_validate(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
  struct cel_value list = cel_list_new(ev->a, 1);
  struct messages m = { ev->a, list.u.list };

  (void)n;
  args[0].u.format->validate(&m, cel_span(args[1]));
  return list.u.list->n ? cel_some(ev->a, list) : cel_none();
}

#define CONSTANT(name)                                                                              \
  static struct cel_value get_##name(struct cel_eval *ev, const struct cel_value *args, unsigned n) \
  {                                                                                                 \
    (void)ev;                                                                                       \
    (void)args;                                                                                     \
    (void)n;                                                                                        \
    return named(#name);                                                                            \
  }

CONSTANT(dns1123Label)
CONSTANT(dns1123Subdomain)
CONSTANT(dns1035Label)
CONSTANT(qualifiedName)
CONSTANT(dns1123LabelPrefix)
CONSTANT(dns1123SubdomainPrefix)
CONSTANT(dns1035LabelPrefix)
CONSTANT(labelValue)
CONSTANT(uri)
CONSTANT(uuid)
CONSTANT(byte)
CONSTANT(date)
CONSTANT(datetime)

#define GET(name) FN("format." #name, "format." #name, cel_format_type, get_##name, NO_ARGS)
#define OPTIONAL(symbol, t)                                                                                       \
  static const struct cel_type symbol = {                                                                         \
    .kind = CEL_T_OPAQUE, .nparams = 1, .name = "optional_type", .params = { &(t) }, .max_size = CEL_SIZE_UNKNOWN \
  }

OPTIONAL(optional_messages, cel_list_string);
OPTIONAL(optional_format, cel_format_type);

static const struct cel_overload named_formats[] = {
  METHOD("validate", "format-validate", optional_messages, do_validate, .name_cost = CEL_COST_VALIDATE,
         ARGS(&cel_format_type, &cel_string)),
  FN("format.named", "format-named", optional_format, do_named, .name_cost = CEL_COST_NOMINAL, ARGS(&cel_string)),
  GET(dns1123Label),
  GET(dns1123Subdomain),
  GET(dns1035Label),
  GET(qualifiedName),
  GET(dns1123LabelPrefix),
  GET(dns1123SubdomainPrefix),
  GET(dns1035LabelPrefix),
  GET(labelValue),
  GET(uri),
  GET(uuid),
  GET(byte),
  GET(date),
  GET(datetime),
};

LIBRARY(cel_lib_named, named_formats);
