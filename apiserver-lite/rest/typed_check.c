/* Does a configuration fit its type, in the words of typed/validate.go. */
#include <string.h>

#include "ceilings.h"
#include "codec.h"
#include "field_set.h"
#include "strbuf.h"
#include "typed_internal.h"

#define PROBLEMS_MAX 1000

struct checking {
  struct arena *a;
  const char **problems; /* room for PROBLEMS_MAX once there is one */
  size_t n;
};

static void
problem(struct checking *k, const char *path, const char *text)
{
  if (!k->problems)
    k->problems = arena_array_of(k->a, const char *, PROBLEMS_MAX);
  if (k->n < PROBLEMS_MAX)
    k->problems[k->n++] = arena_printf(k->a, "%s: %s", path, text);
}

/* `&{x}`: how Go prints a pointer to the value. */
static const char *
shown(struct checking *k, const struct json *v)
{
  return arena_printf(k->a, "&{%s}", typed_go_text(k->a, v));
}

static void
go_syntax(struct strbuf *b, struct arena *a, const struct json *v)
{
  const char *separator = "";

  if (json_is(v, JSON_OBJECT)) {
    struct json *sorted = json_shallow(a, v);

    json_sort_members(sorted);
    strbuf_puts(b, "map[string]interface {}{");
    for (json_each_member (m, sorted)) {
      strbuf_puts(b, separator);
      codec_go_quote(b, span_make(m->name, m->name_len));
      strbuf_putc(b, ':');
      go_syntax(b, a, m->value);
      separator = ", ";
    }
    strbuf_putc(b, '}');
  } else if (json_is(v, JSON_ARRAY)) {
    strbuf_puts(b, "[]interface {}{");
    for (json_each_item (item, v)) {
      strbuf_puts(b, separator);
      go_syntax(b, a, *item);
      separator = ", ";
    }
    strbuf_putc(b, '}');
  } else if (json_is(v, JSON_STRING)) {
    codec_go_quote(b, json_span(v));
  } else if (json_is(v, JSON_NULL)) {
    strbuf_puts(b, "interface {}(nil)");
  } else {
    json_write(b, v, JSON_COMPACT);
  }
}

/* The same with %#v. */
static const char *
shown_whole(struct checking *k, const struct json *v)
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(CEIL_REQUEST_BODY);

  go_syntax(&b, k->a, v);
  return arena_printf(k->a, "&value.valueUnstructured{Value:%s}", b.p);
}

/* A value of a custom object that is compared as a whole. */
static void
check_by_schema(struct checking *k, const struct schema *s, const char *path, const struct json *v)
{
  bool texts = !s->limits || !s->limits->format_name || strcmp(s->limits->format_name, "byte") == 0;

  switch ((enum schema_type)s->type) {
  case SCHEMA_OBJECT:
    if (!json_is(v, JSON_OBJECT))
      problem(k, path, arena_printf(k->a, "expected map, got %s", shown(k, v)));
    return;
  case SCHEMA_ARRAY:
    if (!json_is(v, JSON_ARRAY))
      problem(k, path, arena_printf(k->a, "expected list, got %s", shown(k, v)));
    return;
  case SCHEMA_STRING:
    if (texts && !json_is(v, JSON_STRING)) /* with another format it is untyped */
      problem(k, path, arena_printf(k->a, "expected string, got %s", shown_whole(k, v)));
    return;
  case SCHEMA_BOOLEAN:
    if (!json_is(v, JSON_BOOL))
      problem(k, path, arena_printf(k->a, "expected boolean, got %s", shown(k, v)));
    return;
  case SCHEMA_INTEGER:
  case SCHEMA_NUMBER:
    if (!json_is(v, JSON_INT) && !json_is(v, JSON_NUMBER))
      problem(k, path, arena_printf(k->a, "expected numeric (int or float), got %s", json_go_type(v)));
    return;
  case SCHEMA_ANY:
    return;
  }
}

static void
check_scalar(struct checking *k, struct typed_ref t, const char *path, const struct json *v)
{
  if (t.schema) {
    check_by_schema(k, t.schema, path, v);
    return;
  }
  if (!t.field || json_is(v, JSON_NULL))
    return;
  if (!t.element && t.field->shape == KIND_LIST) {
    if (!json_is(v, JSON_ARRAY))
      problem(k, path, arena_printf(k->a, "expected list, got %s", shown(k, v)));
    return;
  }
  if (!t.element && t.field->shape == KIND_MAP) {
    if (!json_is(v, JSON_OBJECT))
      problem(k, path, arena_printf(k->a, "expected map, got %s", shown(k, v)));
    return;
  }
  switch ((enum kind_base)t.field->base) {
  case KIND_STRING:
  case KIND_BYTES:
    if (!json_is(v, JSON_STRING))
      problem(k, path, arena_printf(k->a, "expected string, got %s", shown_whole(k, v)));
    return;
  case KIND_BOOL:
    if (!json_is(v, JSON_BOOL))
      problem(k, path, arena_printf(k->a, "expected boolean, got %s", shown(k, v)));
    return;
  case KIND_INT32:
  case KIND_INT64:
  case KIND_FLOAT64:
    if (!json_is(v, JSON_INT) && !json_is(v, JSON_NUMBER))
      problem(k, path, arena_printf(k->a, "expected numeric (int or float), got %s", json_go_type(v)));
    return;
  case KIND_STRUCT:
    if (!json_is(v, JSON_OBJECT))
      problem(k, path, arena_printf(k->a, "expected map, got %s", shown(k, v)));
    return;
  case KIND_TIME:
  case KIND_MICROTIME:
  case KIND_QUANTITY:
  case KIND_INT_OR_STRING:
    if (json_is(v, JSON_OBJECT) || json_is(v, JSON_ARRAY))
      problem(k, path, arena_printf(k->a, "expected any scalar, got %s", shown(k, v)));
    return;
  case KIND_RAW:
  case KIND_FIELDS_V1:
  case KIND_JSON:
  case KIND_ANY:
  case KIND_STRING_LIST:
  case KIND_SCHEMA_OR_BOOL:
  case KIND_SCHEMA_OR_ARRAY:
  case KIND_SCHEMA_OR_STRINGS:
    return; /* untyped */
  }
}

static void check(struct checking *k, struct typed_ref t, const char *path, const struct json *v);

static void
check_members(struct checking *k, struct typed_ref t, const char *path, const struct json *v)
{
  for (json_each_member (m, v)) {
    const char *below = arena_printf(k->a, "%s.%s", path, m->name);
    bool known;
    struct typed_ref mt = typed_member(t, span_make(m->name, m->name_len), &known);

    if (!known) { /* it looks no further in this map */
      problem(k, below, "field not declared in schema");
      return;
    }
    check(k, mt, below, m->value);
  }
}

/* Why an item cannot have a place in an associative list; NULL: it can. */
static const char *
no_place(struct checking *k, struct typed_ref t, const struct json *item, const char *key)
{
  if (t.form == TYPED_SET)
    return json_is(item, JSON_OBJECT)  ? "associative list without keys has an element that's a map type"
           : json_is(item, JSON_ARRAY) ? "not supported: associative list with lists as elements"
           : json_is(item, JSON_NULL)  ? "associative list without keys has an element that's an explicit null"
                                       : NULL;
  if (json_is(item, JSON_NULL))
    return "associative list with keys may not have a null element";
  if (!json_is(item, JSON_OBJECT))
    return "associative list with keys may not have non-map elements";
  if (strcmp(key, "k:{}") == 0)
    return arena_printf(k->a,
                        "associative list with keys has an element that omits all key fields %s (and doesn't have "
                        "default values for any key fields)",
                        typed_key_names(k->a, t));
  return NULL;
}

static void
check_items(struct checking *k, struct typed_ref t, const char *path, const struct json *v)
{
  const char **keys = arena_array_of(k->a, const char *, json_count(v) + 1);
  struct typed_ref et = typed_element(t);

  for (size_t i = 0; i < json_count(v); i++) {
    const char *why, *text;

    keys[i] = typed_item_key(k->a, t, json_at(v, i), i);
    why = no_place(k, t, json_at(v, i), keys[i]);
    if (why) { /* nothing can be said of what follows either */
      problem(k, path, arena_printf(k->a, "element %zu: %s", i, why));
      return;
    }
    text = field_set_key_text(k->a, keys[i]);
    for (size_t j = 0; j < i; j++)
      if (strcmp(keys[j], keys[i]) == 0) {
        problem(k, path, arena_printf(k->a, "duplicate entries for key %s", text));
        break;
      }
    check(k, et, arena_printf(k->a, "%s%s", path, text), json_at(v, i));
  }
}

/* Items of an atomic list, members of an atomic struct: checked all the same. */
static void
check_inside(struct checking *k, struct typed_ref t, const char *path, const struct json *v)
{
  struct typed_ref inside = t;

  if (t.schema && t.schema->type == SCHEMA_ARRAY)
    for (size_t i = 0; json_is(v, JSON_ARRAY) && i < json_count(v); i++)
      check(k, typed_element(t), arena_printf(k->a, "%s[%zu]", path, i), json_at(v, i));
  else if (t.schema && json_is(v, JSON_OBJECT))
    check_members(k, t, path, v);
  if (!t.field)
    return;
  if (!t.element && t.field->shape == KIND_LIST && json_is(v, JSON_ARRAY)) {
    inside.form = TYPED_KEYED;
    inside = typed_element(inside);
    for (size_t i = 0; i < json_count(v); i++)
      check(k, inside, arena_printf(k->a, "%s[%zu]", path, i), json_at(v, i));
  } else if (t.type && json_is(v, JSON_OBJECT)) {
    inside.form = TYPED_STRUCT;
    check_members(k, inside, path, v);
  }
}

static void
check(struct checking *k, struct typed_ref t, const char *path, const struct json *v)
{
  if (json_is(v, JSON_NULL) || (t.form == TYPED_ANY && !(t.schema && json_is(v, JSON_OBJECT))))
    return;
  if (t.form == TYPED_STRUCT || t.form == TYPED_MAP || t.form == TYPED_ANY) {
    if (json_is(v, JSON_OBJECT))
      check_members(k, t, path, v);
    else
      problem(k, path, arena_printf(k->a, "expected map, got %s", shown(k, v)));
  } else if (typed_is_list(t)) {
    if (json_is(v, JSON_ARRAY))
      check_items(k, t, path, v);
    else
      problem(k, path, arena_printf(k->a, "expected list, got %s", shown(k, v)));
  } else {
    check_scalar(k, t, path, v);
    check_inside(k, t, path, v);
  }
}

int
typed_check(struct arena *a, struct typed_ref t, const struct json *v, struct kerr *reterr)
{
  struct checking k = { .a = a };
  const char *text = "errors:";

  check_members(&k, t, "", v);
  if (k.n == 0)
    return 0;
  if (k.n == 1)
    return kerr_set(reterr, KERR_INTERNAL, NULL, "%s", k.problems[0]);
  for (size_t i = 0; i < k.n; i++)
    text = arena_printf(a, "%s\n  %s", text, k.problems[i]);
  return kerr_set(reterr, KERR_INTERNAL, NULL, "%s", text);
}
