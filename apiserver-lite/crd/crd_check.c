#include "crd_check.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cel_regex.h"
#include "codec.h"
#include "number.h"

#define WHOLE_EPSILON 1e-9
#define ERRORS_MAX    1000 /* of one value; whoever sends more is told the first ones */

/* What an error becomes outside: openapierrors' codes, as far as they differ. */
enum fault { FAULT_PLAIN, FAULT_OTHER, FAULT_REQUIRED, FAULT_ENUM, FAULT_TOO_LONG, FAULT_TOO_MANY, FAULT_TYPE };

struct fault_found {
  struct fault_found *next;
  enum fault fault;
  const char *path;  /* "spec.x" */
  const char *value; /* as JSON; NULL: none */
  const char *text;
  const struct json *allowed; /* ENUM */
  int64_t actual, max;        /* TOO_LONG, TOO_MANY */
};

/* What one validator found, and how much of the value it liked. */
struct result {
  struct fault_found *first, **last;
  size_t n;
  int matches;
};

struct checker {
  struct arena *a;
  bool any_int_or_string; /* the type of these is not looked at */
};

/* A value with what it replaces. */
struct spot {
  const char *path;
  const struct json *value;
  const struct json *old;          /* NULL: nothing to compare with */
  const struct schema *structural; /* how members of `old` are found; NULL with it */
};

static void check(struct checker *c, const struct schema *s, const struct spot *at, struct result *ret);

/* -- results -- */

static void
result_init(struct result *r)
{
  *r = (struct result){ .first = NULL };
  r->last = &r->first;
}

static void
append(struct result *r, struct fault_found *f)
{
  for (const struct fault_found *e = r->first; e; e = e->next)
    if (strcmp(e->text, f->text) == 0)
      return;
  if (r->n >= ERRORS_MAX)
    return;
  f->next = NULL;
  *r->last = f;
  r->last = &f->next;
  r->n++;
}

static void
merge(struct result *into, const struct result *from, struct arena *a)
{
  for (const struct fault_found *e = from->first; e; e = e->next) {
    struct fault_found *copy = arena_new_of(a, struct fault_found);

    *copy = *e;
    append(into, copy);
  }
  into->matches += from->matches;
}

static struct fault_found *
add(struct checker *c, struct result *r, enum fault fault, const struct spot *at, const char *value, const char *text)
{
  struct fault_found *f = arena_new_of(c->a, struct fault_found);

  *f = (struct fault_found){ .fault = fault, .path = at->path, .value = value, .text = text };
  append(r, f);
  return f;
}

static const char *
shown(struct checker *c, const struct json *v)
{
  return json_text(c->a, v, JSON_HTML);
}

static const char *
quoted(struct checker *c, const char *text)
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(16 * 1024 * 1024);

  codec_go_quote(&b, span_of(text));
  return arena_strndup(c->a, b.p, b.n);
}

/* As Go prints a float64 with %v. */
static const char *
float_text(struct checker *c, double d)
{
  char buf[NUMBER_TEXT_MAX];

  (void)number_text_g(d, false, buf);
  return arena_strdup(c->a, buf);
}

/* -- type -- */

static const char *
type_of_value(const struct json *v)
{
  switch (json_type(v)) {
  case JSON_NULL:
    return "null";
  case JSON_BOOL:
    return "boolean";
  case JSON_INT:
    return "integer";
  case JSON_NUMBER:
    return "number";
  case JSON_STRING:
    return "string";
  case JSON_ARRAY:
    return "array";
  case JSON_OBJECT:
    return "object";
  }
  return "";
}

static bool
takes_integers(const struct schema *s)
{
  return s->type == SCHEMA_INTEGER || s->flags & SCHEMA_INT_OR_STRING;
}

/* Is the float an integer that JSON can hold exactly, or as good as one (swag.IsFloat64AJSONInteger). */
static bool
is_whole(double d)
{
  const double max = 9007199254740991.0; /* 2^53 - 1 */
  double rounded = round(d);

  if (isnan(d) || d < -max || d > max)
    return false;
  return d == rounded || (rounded != 0 && fabs(d - rounded) < WHOLE_EPSILON * fabs(rounded));
}

static bool
type_fits(const struct schema *s, const struct json *v)
{
  bool number = s->type == SCHEMA_NUMBER, string = s->type == SCHEMA_STRING || s->flags & SCHEMA_INT_OR_STRING;

  switch (json_type(v)) {
  case JSON_BOOL:
    return s->type == SCHEMA_BOOLEAN;
  case JSON_INT:
    return takes_integers(s) || number;
  case JSON_NUMBER:
    return number || (takes_integers(s) && is_whole(json_double(v)));
  case JSON_STRING:
    return string;
  case JSON_ARRAY:
    return s->type == SCHEMA_ARRAY;
  case JSON_OBJECT:
    return s->type == SCHEMA_OBJECT;
  case JSON_NULL:
    return false;
  }
  return false;
}

/* `wanted` is a type or a format, `got` what was found instead. */
static void
wrong_type(struct checker *c, const struct spot *at, const char *wanted, const char *got, struct result *r)
{
  (void)add(c, r, FAULT_TYPE, at, quoted(c, got),
            arena_printf(c->a, "%s in body must be of type %s: %s", at->path, wanted, quoted(c, got)));
}

static const char *
format_of_value(const struct json *v)
{
  return json_is(v, JSON_INT) ? "int64" : json_is(v, JSON_NUMBER) ? "float64" : "";
}

static void
check_type(struct checker *c, const struct schema *s, const struct spot *at, struct result *r)
{
  bool typed = *schema_type_text(s) != '\0';
  const char *format = s->limits && s->limits->format != FORMAT_NONE ? s->limits->format_name : "";
  const struct json *v = at->value;
  bool texty = json_is(v, JSON_STRING) || json_is(v, JSON_ARRAY);
  bool numeric = s->type == SCHEMA_NUMBER || takes_integers(s);

  if (json_is(v, JSON_NULL)) {
    if (typed && !(s->flags & SCHEMA_NULLABLE))
      wrong_type(c, at, schema_type_text(s), "null", r);
    else
      r->matches++;
    return;
  }
  if (!texty && *format && !type_fits(s, v) && strcmp(format_of_value(v), format) != 0)
    wrong_type(c, at, format, format_of_value(v), r);
  else if (!numeric && *format && texty)
    r->matches++;
  else if (!type_fits(s, v))
    wrong_type(c, at, schema_type_text(s), type_of_value(v), r);
  else
    r->matches++;
}

/* -- alternatives -- */

/* Keep the failure that liked most of the value. */
static void
keep_better(struct result *best, bool *has_best, const struct result *r)
{
  if (*has_best && r->matches <= best->matches)
    return;
  *best = *r;
  *has_best = true;
}

/* An error about the value as a whole: it names its place in its text. */
static void
plain(struct checker *c, struct result *r, const char *text)
{
  struct spot nowhere = { .path = NULL };

  (void)add(c, r, FAULT_PLAIN, &nowhere, NULL, text);
}

static void
check_any_of(struct checker *c, const struct schema_limits *l, const struct spot *at, struct result *ret)
{
  struct result best = { .n = 0 }, r;
  bool has_best = false;

  for (uint32_t i = 0; i < l->n_any_of; i++) {
    check(c, l->any_of[i], at, &r);
    if (r.n == 0) {
      merge(ret, &r, c->a);
      return;
    }
    keep_better(&best, &has_best, &r);
  }
  if (!has_best)
    return;
  plain(c, ret, arena_printf(c->a, "%s must validate at least one schema (anyOf)", quoted(c, at->path)));
  merge(ret, &best, c->a);
}

static void
check_one_of(struct checker *c, const struct schema_limits *l, const struct spot *at, struct result *ret)
{
  struct result best = { .n = 0 }, first = { .n = 0 }, r;
  bool has_best = false;
  int valid = 0;

  for (uint32_t i = 0; i < l->n_one_of; i++) {
    check(c, l->one_of[i], at, &r);
    if (r.n == 0) {
      if (valid++ == 0)
        first = r;
      has_best = false;
    } else if (valid == 0) {
      keep_better(&best, &has_best, &r);
    }
  }
  if (l->n_one_of == 0)
    return;
  if (valid == 1) {
    merge(ret, &first, c->a);
    return;
  }
  plain(c, ret,
        arena_printf(c->a, "%s must validate one and only one schema (oneOf). %s", quoted(c, at->path),
                     valid ? arena_printf(c->a, "Found %d valid alternatives", valid) : "Found none valid"));
  if (has_best)
    merge(ret, &best, c->a);
}

static void
check_all_of(struct checker *c, const struct schema_limits *l, const struct spot *at, struct result *ret)
{
  uint32_t valid = 0;
  struct result r;

  for (uint32_t i = 0; i < l->n_all_of; i++) {
    check(c, l->all_of[i], at, &r);
    valid += r.n == 0;
    merge(ret, &r, c->a);
  }
  if (valid != l->n_all_of)
    plain(c, ret,
          arena_printf(c->a, "%s must validate all the schemas (allOf)%s", quoted(c, at->path),
                       valid ? "" : ". None validated"));
}

static void
check_alternatives(struct checker *c, const struct schema *s, const struct spot *at, struct result *ret)
{
  const struct schema_limits *l = s->limits;
  struct result not ;

  ret->matches++;
  if (!l)
    return;
  check_any_of(c, l, at, ret);
  check_one_of(c, l, at, ret);
  check_all_of(c, l, at, ret);
  if (!l->not_)
    return;
  check(c, l->not_, at, &not );
  if (not .n == 0)
    plain(c, ret, arena_printf(c->a, "%s must not validate the schema (not)", quoted(c, at->path)));
}

/* -- strings -- */

static void
check_pattern(struct checker *c, const struct schema_limits *l, const struct spot *at, struct result *r)
{
  const char *pattern = l->pattern;

  if (!pattern || (l->regex && cel_regex_matches(l->regex, json_span(at->value))))
    return;
  if (!l->regex)
    pattern = arena_printf(c->a, "%s, but pattern is invalid: %s", pattern, l->regex_error);
  (void)add(c, r, FAULT_OTHER, at, shown(c, at->value),
            arena_printf(c->a, "%s in body should match '%s'", at->path, pattern));
}

static void
check_string(struct checker *c, const struct schema *s, const struct spot *at, struct result *r)
{
  const struct schema_limits *l = s->limits;
  int64_t n;

  if (!l)
    return;
  n = (int64_t)span_runes(json_span(at->value));
  if (l->max_length != SCHEMA_NO_LIMIT && n > l->max_length)
    add(c, r, FAULT_TOO_LONG, at, NULL,
        arena_printf(c->a, "%s in body should be at most %" PRId64 " chars long", at->path, l->max_length))
        ->max = l->max_length;
  else if (l->min_length != SCHEMA_NO_LIMIT && n < l->min_length)
    (void)add(c, r, FAULT_OTHER, at, shown(c, at->value),
              arena_printf(c->a, "%s in body should be at least %" PRId64 " chars long", at->path, l->min_length));
  else
    check_pattern(c, l, at, r);
}

static void
check_format(struct checker *c, const struct schema *s, const struct spot *at, struct result *r)
{
  const char *format = s->limits->format_name;

  if (format_matches(c->a, format, json_span(at->value)))
    return;
  (void)add(c, r, FAULT_TYPE, at, shown(c, at->value),
            arena_printf(c->a, "%s in body must be of type %s: %s", at->path, format, quoted(c, json_str(at->value))));
}

/* -- numbers -- */

static bool
fits_format(const struct schema *s, double d, bool is_int, int64_t n)
{
  enum schema_format format = s->limits ? s->limits->format : FORMAT_NONE;

  if (s->flags & SCHEMA_INT_OR_STRING)
    return true;
  if (s->type == SCHEMA_INTEGER) {
    if (!is_int && d != trunc(d))
      return false;
    if (format == FORMAT_INT32)
      return is_int ? n >= INT32_MIN && n <= INT32_MAX : d >= INT32_MIN && d <= INT32_MAX;
    return is_int || (d >= -9223372036854775808.0 && d < 9223372036854775808.0);
  }
  return s->type != SCHEMA_NUMBER || format != FORMAT_FLOAT || fabs(d) <= (double)FLT_MAX;
}

static void
check_range_of(struct checker *c, const struct schema *s, const struct spot *at, const char *what, double d,
               bool is_int, int64_t n, struct result *r)
{
  const char *type = s->type == SCHEMA_INTEGER ? "integer" : "number";
  bool formatted = s->limits && (s->limits->format == FORMAT_INT32 || s->limits->format == FORMAT_INT64 ||
                                 s->limits->format == FORMAT_FLOAT || s->limits->format == FORMAT_DOUBLE);

  if (fits_format(s, d, is_int, n))
    return;
  plain(c, r,
        formatted ? arena_printf(c->a, "%s value must be of type %s with format %s in %s", what, type,
                                 s->limits->format_name, at->path)
                  : arena_printf(c->a, "%s value must be of type %s (default format) in %s", what, type, at->path));
}

/* The limit as the message shows it: an int64 where value and limit are integers, else a float. */
static const char *
limit_text(struct checker *c, double limit, bool as_int)
{
  return as_int ? arena_printf(c->a, "%" PRId64, (int64_t)limit) : float_text(c, limit);
}

static void
check_bound(struct checker *c, const struct schema *s, const struct spot *at, bool upper, struct result *r)
{
  const struct schema_limits *l = s->limits;
  double limit = upper ? l->maximum : l->minimum, d = json_double(at->value);
  bool exclusive = upper ? l->exclusive_maximum : l->exclusive_minimum, passed;
  struct result own;

  result_init(&own);
  check_range_of(c, s, at, upper ? "Maximum boundary" : "Minimum boundary", limit, false, 0, &own);

  bool as_int = json_is(at->value, JSON_INT) && own.n == 0;

  if (as_int) {
    int64_t n = at->value->u.integer, m = (int64_t)limit;

    passed = upper ? n > m || (exclusive && n == m) : n < m || (exclusive && n == m);
  } else {
    passed = upper ? d > limit || (exclusive && d == limit) : d < limit || (exclusive && d == limit);
  }
  if (passed)
    (void)add(c, &own, FAULT_OTHER, at, shown(c, at->value),
              arena_printf(c->a, "%s in body should be %s %s%s", at->path, upper ? "less than" : "greater than",
                           exclusive ? "" : "or equal to ", limit_text(c, limit, as_int)));
  merge(r, &own, c->a);
}

static void
check_multiple(struct checker *c, const struct schema *s, const struct spot *at, struct result *r)
{
  double factor = s->limits->multiple_of, d = json_double(at->value);
  struct result own;
  bool good;

  result_init(&own);
  check_range_of(c, s, at, "MultipleOf", factor, false, 0, &own);

  bool as_int = json_is(at->value, JSON_INT) && own.n == 0;
  int64_t whole = as_int ? (int64_t)factor : 0;

  if (as_int ? whole <= 0 : factor <= 0) {
    (void)add(c, &own, FAULT_OTHER, at, limit_text(c, factor, as_int),
              arena_printf(c->a, "factor MultipleOf declared for %s must be positive: %s", at->path,
                           limit_text(c, factor, as_int)));
    merge(r, &own, c->a);
    return;
  }
  good = as_int ? at->value->u.integer % whole == 0 : is_whole(factor < 1 ? 1 / factor * d : d / factor);
  if (!good)
    (void)add(c, &own, FAULT_OTHER, at, shown(c, at->value),
              arena_printf(c->a, "%s in body should be a multiple of %s", at->path, limit_text(c, factor, as_int)));
  merge(r, &own, c->a);
}

static void
check_number(struct checker *c, const struct schema *s, const struct spot *at, struct result *r)
{
  bool is_int = json_is(at->value, JSON_INT);

  check_range_of(c, s, at, "Checked", json_double(at->value), is_int, json_int_or(at->value, 0), r);
  if (s->limits && s->limits->has_multiple_of)
    check_multiple(c, s, at, r);
  if (s->limits && s->limits->has_minimum)
    check_bound(c, s, at, false, r);
  if (s->limits && s->limits->has_maximum)
    check_bound(c, s, at, true, r);
  r->matches++;
}

/* -- lists -- */

/* An error of an unchanged part is none: the old value had it, too. */
static void
check_below(struct checker *c, const struct schema *s, const struct spot *at, struct result *ret)
{
  struct result r;

  check(c, s, at, &r);
  if (r.n && at->old && json_equal(at->value, at->old)) {
    int matches = r.matches;

    result_init(&r);
    r.matches = matches;
  }
  merge(ret, &r, c->a);
}

static void
check_sizes(struct checker *c, const struct spot *at, const char *what, int64_t n, int64_t min, int64_t max,
            struct result *r)
{
  if (min != SCHEMA_NO_LIMIT && n < min)
    (void)add(c, r, FAULT_OTHER, at, arena_printf(c->a, "%" PRId64, n),
              arena_printf(c->a, "%s in body should have at least %" PRId64 " %s", at->path, min, what));
  if (max != SCHEMA_NO_LIMIT && n > max) {
    struct fault_found *f =
        add(c, r, FAULT_TOO_MANY, at, NULL,
            arena_printf(c->a, "%s in body should have at most %" PRId64 " %s", at->path, max, what));

    f->actual = n;
    f->max = max;
  }
}

const struct json *
schema_correlate(const struct schema *list, const struct json *old, const struct json *item)
{
  if (!list || list->list != SCHEMA_LIST_MAP || !json_is(old, JSON_ARRAY) || !json_is(item, JSON_OBJECT))
    return NULL;
  for (json_each_item (p, old)) {
    bool same = json_is(*p, JSON_OBJECT) && list->n_keys > 0;

    for (size_t i = 0; same && i < list->n_keys; i++) {
      const struct json *x = json_get(*p, list->keys[i]), *y = json_get(item, list->keys[i]);

      same = (!x && !y) || (x && y && json_equal(x, y));
    }
    if (same)
      return *p;
  }
  return NULL;
}

static void
check_items(struct checker *c, const struct schema *s, const struct spot *at, struct result *r)
{
  const struct schema_limits *l = s->limits;

  for (size_t i = 0; s->items && i < json_count(at->value); i++) {
    struct spot below = { .path = arena_printf(c->a, "%s[%zu]", at->path, i), .value = json_at(at->value, i) };

    below.old = at->old ? schema_correlate(at->structural, at->old, below.value) : NULL;
    below.structural = below.old ? at->structural->items : NULL;
    if (!below.structural)
      below.old = NULL;
    check_below(c, s->items, &below, r);
  }
  if (l)
    check_sizes(c, at, "items", (int64_t)json_count(at->value), l->min_items, l->max_items, r);
  for (size_t i = 0; l && l->unique_items && i < json_count(at->value); i++)
    for (size_t k = 0; k < i; k++)
      if (json_equal(json_at(at->value, i), json_at(at->value, k))) {
        (void)add(c, r, FAULT_OTHER, at, NULL, arena_printf(c->a, "%s in body shouldn't contain duplicates", at->path));
        i = json_count(at->value) - 1;
        break;
      }
  r->matches++;
}

/* -- enumerations -- */

/* reflect's conversion between the types of two numbers comes before the comparison. */
static bool
is_enum_value(const struct json *v, const struct json *allowed)
{
  if (json_is(v, JSON_NUMBER) && json_is(allowed, JSON_INT))
    return (int64_t)json_double(v) == allowed->u.integer;
  return !json_is(v, JSON_NULL) && json_equal(v, allowed);
}

static void
check_enum(struct checker *c, const struct schema *s, const struct spot *at, struct result *r)
{
  const struct json *allowed = s->limits ? s->limits->enum_ : NULL;

  for (json_each_item (p, allowed))
    if (is_enum_value(at->value, *p))
      return;
  if (json_count(allowed))
    add(c, r, FAULT_ENUM, at, shown(c, at->value), arena_printf(c->a, "%s in body should be one of a list", at->path))
        ->allowed = allowed;
}

/* -- objects -- */

static struct spot
member_spot(struct checker *c, const struct spot *at, const struct json_member *m, bool dotted)
{
  bool type_meta = !*at->path && (strcmp(m->name, "kind") == 0 || strcmp(m->name, "apiVersion") == 0);
  struct spot below = { .path = dotted || *at->path ? arena_printf(c->a, "%s.%s", at->path, m->name) : m->name,
                        .value = m->value };

  if (!at->old || !json_is(at->old, JSON_OBJECT) || type_meta)
    return below;
  below.old = json_get_n(at->old, m->name, m->name_len);
  below.structural = below.old ? schema_member(at->structural, m->name, m->name_len) : NULL;
  if (!below.structural)
    below.old = NULL;
  return below;
}

static void
check_additional(struct checker *c, const struct schema *s, const struct spot *at, struct result *r)
{
  if (!(s->flags & SCHEMA_NO_ADDITIONAL) && !s->additional)
    return;
  for (json_each_member (m, at->value)) {
    struct spot below;

    if (schema_property_find(s, m->name, m->name_len))
      continue;
    if (s->flags & SCHEMA_NO_ADDITIONAL) {
      (void)add(c, r, FAULT_OTHER, at, quoted(c, m->name),
                arena_printf(c->a, "%s.%s in body is a forbidden property", at->path, m->name));
      continue;
    }
    below = member_spot(c, at, m, true);
    check_below(c, s->additional, &below, r);
  }
}

static void
check_members(struct checker *c, const struct schema *s, const struct spot *at, struct result *r)
{
  const struct schema_limits *l = s->limits;

  if (l)
    check_sizes(c, at, "properties", (int64_t)json_count(at->value), l->min_properties, l->max_properties, r);
  check_additional(c, s, at, r);
  for (uint32_t i = 0; i < s->n_properties; i++) {
    const struct schema_property *p = &s->properties[i];
    const struct json *v = json_get_n(at->value, p->name.p, p->name.n);
    struct json_member m = { .name = p->name.p, .name_len = (uint32_t)p->name.n };
    struct spot below;

    if (!v)
      continue;
    below = member_spot(c, at, &m, false);
    below.value = v;
    check_below(c, p->schema, &below, r);
  }
  for (size_t i = 0; i < s->n_required; i++) {
    struct spot below = { .path = arena_printf(c->a, "%s.%s", at->path, s->required[i]) };

    if (!json_get(at->value, s->required[i]))
      (void)add(c, r, FAULT_REQUIRED, &below, NULL, arena_printf(c->a, "%s in body is required", below.path));
  }
}

/* -- one value -- */

static void
run(struct checker *c, void (*fn)(struct checker *, const struct schema *, const struct spot *, struct result *),
    const struct schema *s, const struct spot *at, struct result *ret)
{
  struct result r;

  result_init(&r);
  fn(c, s, at, &r);
  merge(ret, &r, c->a);
  ret->matches++;
}

static void
check(struct checker *c, const struct schema *s, const struct spot *at, struct result *ret)
{
  bool formatted = s->limits && s->limits->format != FORMAT_NONE;
  enum json_type type = json_type(at->value);

  result_init(ret);
  if (type == JSON_NULL) {
    check_type(c, s, at, ret);
    check_enum(c, s, at, ret);
    return;
  }
  if ((*schema_type_text(s) || formatted) && !(c->any_int_or_string && s->flags & SCHEMA_INT_OR_STRING))
    run(c, check_type, s, at, ret);
  run(c, check_alternatives, s, at, ret);
  if (type == JSON_STRING)
    run(c, check_string, s, at, ret);
  if (type == JSON_STRING && formatted && s->limits->format == FORMAT_TEXT)
    run(c, check_format, s, at, ret);
  if (type == JSON_INT || type == JSON_NUMBER)
    run(c, check_number, s, at, ret);
  if (type == JSON_ARRAY)
    run(c, check_items, s, at, ret);
  run(c, check_enum, s, at, ret);
  if (type == JSON_OBJECT)
    run(c, check_members, s, at, ret);
  ret->matches++;
}

/* -- as field errors (kubeOpenAPIResultToFieldErrors) -- */

static const char *
field_of(struct arena *a, const char *field, const char *path)
{
  if (path && *path == '.')
    path++;
  if (!path || !*path)
    return field ? field : "<nil>";
  return field ? arena_printf(a, "%s.%s", field, path) : path;
}

static const char *
allowed_text(struct checker *c, const struct json *allowed)
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(16 * 1024 * 1024);

  strbuf_puts(&b, "supported values: ");
  for (size_t i = 0; i < json_count(allowed); i++) {
    const struct json *v = json_at(allowed, i);

    strbuf_puts(&b, i ? ", " : "");
    codec_go_quote(&b, json_is(v, JSON_STRING) ? json_span(v) : span_of(shown(c, v)));
  }
  return arena_strndup(c->a, b.p, b.n);
}

static void
report(struct checker *c, const char *field, const struct fault_found *f, struct field_errors *errs)
{
  const char *at = field_of(c->a, field, f->path), *value = f->value ? f->value : "\"\"";

  switch (f->fault) {
  case FAULT_PLAIN:
    field_errors_add(errs, FIELD_INVALID, field ? field : "<nil>", "\"\"", "%s", f->text);
    return;
  case FAULT_REQUIRED:
    field_errors_add(errs, FIELD_REQUIRED, at, NULL, "%s", "");
    return;
  case FAULT_ENUM:
    field_errors_add(errs, FIELD_NOT_SUPPORTED, at, value, "%s", allowed_text(c, f->allowed));
    return;
  case FAULT_TOO_LONG:
    field_errors_add(errs, FIELD_TOO_LONG, at, NULL, "may not be more than %" PRId64 " byte%s", f->max,
                     f->max == 1 ? "" : "s");
    return;
  case FAULT_TOO_MANY:
    field_errors_add(errs, FIELD_TOO_MANY, at, arena_printf(c->a, "%" PRId64, f->actual),
                     "must have at most %" PRId64 " item%s", f->max, f->max == 1 ? "" : "s");
    return;
  case FAULT_TYPE:
    field_errors_add(errs, FIELD_TYPE_INVALID, at, value, "%s", f->text);
    return;
  case FAULT_OTHER:
    field_errors_add(errs, FIELD_INVALID, at, value, "%s", f->text);
    return;
  }
}

static void
check_value(struct checker *c, const struct schema *s, const char *field, struct spot *at, struct field_errors *errs)
{
  struct result r;

  result_init(&r);
  check_below(c, s, at, &r);
  for (const struct fault_found *f = r.first; f; f = f->next)
    report(c, field, f, errs);
}

void
schema_check(const struct schema *s, const char *field, const struct json *value, const struct json *old,
             struct field_errors *errs)
{
  struct checker c = { .a = errs->a };
  struct spot at = { .path = "", .value = value, .old = old, .structural = old ? s : NULL };

  if (s)
    check_value(&c, s, field, &at, errs);
}

void
schema_check_default(const struct schema *s, const char *field, struct field_errors *errs)
{
  struct checker c = { .a = errs->a, .any_int_or_string = true };
  struct spot at = { .path = "", .value = s->dflt };

  check_value(&c, s, field, &at, errs);
}
