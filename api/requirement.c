#include "requirement.h"

#include <string.h>

#include "number.h"

#define KEY_NAME_MAX   63
#define KEY_PREFIX_MAX 253
#define VALUE_MAX      63

#define NAME_REGEX "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
#define NAME_TEXT                                                                                                    \
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character " \
  "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '" NAME_REGEX "')"
#define PREFIX_TEXT                                                                                                    \
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and " \
  "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "                              \
  "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define VALUE_TEXT                                                                                                    \
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and " \
  "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "    \
  "'(" NAME_REGEX ")?')"

/* -- keys and values -- */

static bool
alnum(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool
is_name(struct span s)
{
  for (size_t i = 0; i < s.n; i++)
    if (!alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_' && s.p[i] != '.')
      return false;
  return s.n && alnum(s.p[0]) && alnum(s.p[s.n - 1]);
}

static bool
is_subdomain(struct span s)
{
  char before = '.';

  for (size_t i = 0; i < s.n; before = s.p[i++]) {
    bool edge = before == '.' || i + 1 == s.n || s.p[i + 1] == '.';

    if (s.p[i] == '.' ? before == '.'
                      : !((alnum(s.p[i]) && !(s.p[i] >= 'A' && s.p[i] <= 'Z')) || (s.p[i] == '-' && !edge)))
      return false;
  }
  return s.n && before != '.';
}

static void
say(struct strbuf *b, const char *prefix, const char *what)
{
  strbuf_printf(b, "%s%s%s", b->n ? "; " : "", prefix, what);
}

static char *
said(struct arena *a, const struct strbuf *b)
{
  return b->n ? arena_strndup(a, b->p, b->n) : NULL;
}

char *
label_key_problem(struct arena *a, const char *key)
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(8192);
  struct span name, prefix = span_cut(span_of(key), '/', &name);

  if (!name.p)
    name = prefix;
  else if (memchr(name.p, '/', name.n))
    return arena_strdup(a, "a valid label key " NAME_TEXT " with an optional DNS subdomain prefix and '/' (e.g. "
                           "'example.com/MyName')");
  else if (!prefix.n)
    say(&b, "prefix part ", "must be non-empty");
  else {
    if (prefix.n > KEY_PREFIX_MAX)
      say(&b, "prefix part ", "must be no more than 253 bytes");
    if (!is_subdomain(prefix))
      say(&b, "prefix part ", PREFIX_TEXT);
  }
  if (!name.n)
    say(&b, "name part ", "must be non-empty");
  else if (name.n > KEY_NAME_MAX)
    say(&b, "name part ", "must be no more than 63 bytes");
  if (!is_name(name))
    say(&b, "name part ", NAME_TEXT);
  return said(a, &b);
}

char *
label_value_problem(struct arena *a, const char *value)
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(8192);
  struct span s = span_of(value);

  if (s.n > VALUE_MAX)
    say(&b, "", "must be no more than 63 bytes");
  if (s.n && !is_name(s))
    say(&b, "", VALUE_TEXT);
  return said(a, &b);
}

/* -- requirements -- */

/* The list of values as JSON, for a message. */
static char *
values_text(struct arena *a, const struct requirement *r, bool nil)
{
  struct json *list = json_new_array(a);

  for (size_t i = 0; i < r->n; i++)
    json_append_str(a, list, r->values[i]);
  return nil && !r->n ? arena_strdup(a, "null") : json_text(a, list, JSON_HTML);
}

static const char *
child(struct arena *a, const char *path, const char *name)
{
  return *path ? arena_printf(a, "%s.%s", path, name) : name;
}

static void
check_count(const struct requirement *r, const char *field, bool nil, struct field_errors *errs)
{
  int64_t ignored;

  if ((r->op == OP_IN || r->op == OP_NOT_IN) && !r->n)
    field_errors_add(errs, FIELD_INVALID, field, values_text(errs->a, r, nil),
                     "for 'in', 'notin' operators, values set can't be empty");
  if ((r->op == OP_EQUALS || r->op == OP_DOUBLE_EQUALS || r->op == OP_NOT_EQUALS) && r->n != 1)
    field_errors_add(errs, FIELD_INVALID, field, values_text(errs->a, r, nil),
                     "exact-match compatibility requires one single value");
  if ((r->op == OP_EXISTS || r->op == OP_NOT_EXISTS) && r->n)
    field_errors_add(errs, FIELD_INVALID, field, values_text(errs->a, r, nil),
                     "values set must be empty for exists and does not exist");
  if (r->op != OP_GT && r->op != OP_LT)
    return;
  if (r->n != 1)
    field_errors_add(errs, FIELD_INVALID, field, values_text(errs->a, r, nil),
                     "for 'Gt', 'Lt' operators, exactly one value is required");
  for (size_t i = 0; i < r->n; i++)
    if (!number_int64(span_of(r->values[i]), &ignored))
      field_errors_add_str(errs, FIELD_INVALID, arena_printf(errs->a, "%s[%zu]", field, i), r->values[i],
                           "for 'Gt', 'Lt' operators, the value must be an integer");
}

void
requirement_check(const struct requirement *r, const char *path, bool nil_values, struct field_errors *errs)
{
  const char *values = child(errs->a, path, "values");
  char *problem = label_key_problem(errs->a, r->key);

  if (problem)
    field_errors_add_str(errs, FIELD_INVALID, child(errs->a, path, "key"), r->key, "%s", problem);
  check_count(r, values, nil_values, errs);
  for (size_t i = 0; i < r->n; i++) {
    problem = label_value_problem(errs->a, r->values[i]);
    if (problem)
      field_errors_add_str(errs, FIELD_INVALID, arena_printf(errs->a, "%s[%zu][%s]", values, i, r->key), r->values[i],
                           "%s", problem);
  }
}

static bool
has_value(const struct requirement *r, struct span value)
{
  for (size_t i = 0; i < r->n; i++)
    if (span_is(value, r->values[i]))
      return true;
  return false;
}

static bool
compares(const struct requirement *r, struct span value)
{
  int64_t have, want;

  if (r->n != 1 || !number_int64(value, &have) || !number_int64(span_of(r->values[0]), &want))
    return false;
  return r->op == OP_GT ? have > want : have < want;
}

bool
requirement_matches(const struct requirement *r, const struct json *labels)
{
  const struct json *label = json_get(labels, r->key);
  struct span value = json_span(label);

  switch (r->op) {
  case OP_IN:
  case OP_EQUALS:
  case OP_DOUBLE_EQUALS:
    return label && has_value(r, value);
  case OP_NOT_IN:
  case OP_NOT_EQUALS:
    return !label || !has_value(r, value);
  case OP_GT:
  case OP_LT:
    return label && compares(r, value);
  case OP_EXISTS:
    return label != NULL;
  case OP_NOT_EXISTS:
    return !label;
  }
  return false;
}
