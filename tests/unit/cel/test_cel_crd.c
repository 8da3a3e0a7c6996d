#include "cel_crd.h"

#include "cel_escape.h"
#include "ceilings.h"
#include "test_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* All errors, one a line. */
static const char *
text_of(struct arena *a, const struct cel_report *r)
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(1 * MiB);

  for (uint32_t i = 0; i < r->n; i++) {
    if (i)
      strbuf_putc(&b, '\n');
    cel_error_text(&b, &r->items[i]);
  }
  return arena_strdup(a, b.p);
}

#define WITH_RULE(props, rule) \
  "{\"type\":\"object\",\"properties\":{" props "},\"x-kubernetes-validations\":[{\"rule\":\"" rule "\"}]}"

static const struct {
  const char *schema, *object, *old, *want;
} objects[] = {
  { WITH_RULE("\"n\":{\"type\":\"integer\"}", "self.n > 1"), "{\"n\":2}", NULL, "" },
  { WITH_RULE("\"n\":{\"type\":\"integer\"}", "self.n > 1"), "{\"n\":1}", NULL,
    "<nil>: Invalid value: failed rule: self.n > 1" },
  /* names that are no identifiers */
  { WITH_RULE("\"a-b\":{\"type\":\"integer\"}", "self.a__dash__b == 1"), "{\"a-b\":1}", NULL, "" },
  { WITH_RULE("\"if\":{\"type\":\"integer\"}", "self.__if__ == 1"), "{\"if\":1}", NULL, "" },
  { WITH_RULE("\"namespace\":{\"type\":\"integer\"}", "self.namespace == 1"), "{\"namespace\":1}", NULL, "" },
  /* sets and maps do not mind the order, plain lists do */
  { WITH_RULE("\"l\":{\"type\":\"array\",\"maxItems\":9,\"x-kubernetes-list-type\":\"set\",\"items\":{\"type\":"
              "\"integer\"}}",
              "self.l == [2, 1] && self.l + [1, 3] == [3, 2, 1] && (self.l + [1, 3]).size() == 3"),
    "{\"l\":[1,2]}", NULL, "" },
  { WITH_RULE("\"l\":{\"type\":\"array\",\"maxItems\":9,\"items\":{\"type\":\"integer\"}}", "self.l == [2, 1]"),
    "{\"l\":[1,2]}", NULL, "<nil>: Invalid value: failed rule: self.l == [2, 1]" },
  { WITH_RULE("\"l\":{\"type\":\"array\",\"maxItems\":9,\"x-kubernetes-list-type\":\"map\","
              "\"x-kubernetes-list-map-keys\":[\"k\"],\"items\":{\"type\":\"object\",\"properties\":{\"k\":{\"type\":"
              "\"string\"},\"v\":{\"type\":\"integer\"}}}}",
              "self.l == oldSelf.l && (self.l + oldSelf.l).size() == 2"),
    "{\"l\":[{\"k\":\"a\",\"v\":1},{\"k\":\"b\",\"v\":2}]}", "{\"l\":[{\"k\":\"b\",\"v\":2},{\"k\":\"a\",\"v\":1}]}",
    "" },
  /* what does not fit the schema is an error where it is read, and only there */
  { WITH_RULE("\"n\":{\"type\":\"integer\"},\"s\":{\"type\":\"string\"}", "self.s == 'x'"),
    "{\"n\":\"no\",\"s\":\"x\"}", NULL, "" },
  { WITH_RULE("\"n\":{\"type\":\"integer\"}", "self.n == 1"), "{\"n\":\"no\"}", NULL,
    "<nil>: Invalid value: \"object\": invalid data, expected int, got string evaluating rule: self.n == 1" },
  { WITH_RULE("\"d\":{\"type\":\"string\",\"format\":\"duration\"}", "self.d == duration('24h')"), "{\"d\":\"1 day\"}",
    NULL, "" },
  { WITH_RULE("\"d\":{\"type\":\"string\",\"format\":\"duration\"}", "self.d == duration('24h')"), "{\"d\":\"soon\"}",
    NULL,
    "<nil>: Invalid value: \"object\": Invalid duration soon: unable to parse soon as duration evaluating rule: self.d "
    "== duration('24h')" },
  { WITH_RULE("\"b\":{\"type\":\"string\",\"format\":\"byte\"}", "self.b == b'hi'"), "{\"b\":\"aGk=\"}", NULL, "" },
  { WITH_RULE("\"t\":{\"type\":\"string\",\"format\":\"date-time\"}", "self.t.getFullYear() == 2024"),
    "{\"t\":\"2024-01-01T00:00:00z\"}", NULL,
    "<nil>: Invalid value: \"object\": Invalid date-time formatted string 2024-01-01T00:00:00z: parsing time "
    "\"2024-01-01T00:00:00z\": extra text: \"z\" evaluating rule: self.t.getFullYear() == 2024" },
  /* a rule about a change is not asked on create; one that failed before is passed over when nothing changed */
  { WITH_RULE("\"n\":{\"type\":\"integer\"}", "self.n >= oldSelf.n"), "{\"n\":1}", NULL, "" },
  { WITH_RULE("\"n\":{\"type\":\"integer\"}", "self.n >= oldSelf.n"), "{\"n\":1}", "{\"n\":2}",
    "<nil>: Invalid value: failed rule: self.n >= oldSelf.n" },
  { WITH_RULE("\"n\":{\"type\":\"integer\"}", "self.n > 1"), "{\"n\":1}", "{\"n\":1}", "" },
  /* costs */
  { WITH_RULE("\"n\":{\"type\":\"integer\"}", "lists.range(900).all(a, lists.range(900).all(b, a + b + self.n >= 0))"),
    "{\"n\":1}", NULL,
    "<nil>: Invalid value: \"object\": 'operation cancelled: actual cost limit exceeded': no further validation rules "
    "will be run due to call cost exceeds limit for rule: lists.range(900).all(a, lists.range(900).all(b, a + b + "
    "self.n >= 0))" },
};

static void
validates_objects(void **state)
{
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
    _cleanup_arena_ struct arena *a = arena_new(64 * MiB);
    struct cel_report errors = { .a = a };
    struct cel_crd_object o = { .object = test_parse(a, objects[i].object),
                                .old = objects[i].old ? test_parse(a, objects[i].old) : NULL };
    struct cel_crd *c = cel_crd_new(test_parse(a, objects[i].schema));

    assert_non_null(c);
    cel_crd_validate(c, &o, &errors);
    assert_string_equal(text_of(a, &errors), objects[i].want);
    cel_crd_free(c);
  }
}

static const struct {
  const char *schema, *want;
} definitions[] = {
  { WITH_RULE("\"n\":{\"type\":\"integer\"}", "self.n > 1"), "" },
  { WITH_RULE("\"n\":{\"type\":\"integer\"}", " "),
    "p.x-kubernetes-validations[0].rule: Required value: rule is not specified" },
  { "{\"type\":\"object\",\"x-kubernetes-validations\":[{\"rule\":\"true\",\"reason\":\"Because\"}]}",
    "p.x-kubernetes-validations[0].reason: Unsupported value: \"Because\": supported values: \"FieldValueDuplicate\", "
    "\"FieldValueForbidden\", \"FieldValueInvalid\", \"FieldValueRequired\"" },
  { "{\"type\":\"object\",\"anyOf\":[{\"properties\":{\"a\":{\"x-kubernetes-validations\":[{\"rule\":\"true\"}]}}}]}",
    "p.anyOf[0].properties[a].x-kubernetes-validations: Forbidden: must be empty to be structural" },
  { "{\"x-kubernetes-validations\":[{\"rule\":\"true\"}]}",
    "p.x-kubernetes-validations: Internal error: internal error: failed to construct type information for "
    "x-kubernetes-validations rules: unable to convert structural schema to CEL declarations" },
  { "{\"type\":\"object\",\"properties\":{\"l\":{\"type\":\"array\",\"items\":{\"type\":\"integer\","
    "\"x-kubernetes-validations\":[{\"rule\":\"self == oldSelf\"}]}}}}",
    "p.properties[l].items.x-kubernetes-validations[0].rule: Invalid value: \"self == oldSelf\": oldSelf cannot be "
    "used "
    "on the uncorrelatable portion of the schema within p.properties[l]" },
};

static void
checks_definitions(void **state)
{
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(definitions); i++) {
    _cleanup_arena_ struct arena *a = arena_new(64 * MiB);
    struct cel_report errors = { .a = a };
    struct cel_crd_check c = { .schema = test_parse(a, definitions[i].schema), .path = "p" };

    cel_crd_check(&c, &errors);
    assert_string_equal(text_of(a, &errors), definitions[i].want);
  }
}

/* What only stored expressions may use is accepted where it stood before. */
static void
keeps_stored_expressions(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(64 * MiB);
  const struct json *schema = test_parse(
      a, WITH_RULE("\"l\":{\"type\":\"array\",\"maxItems\":3,\"items\":{\"type\":\"integer\"}}", "self.l.includes(1)"));
  struct cel_report fresh = { .a = a }, known = { .a = a };
  struct cel_crd_check c = { .schema = schema, .path = "p" };

  (void)state;
  cel_crd_check(&c, &fresh);
  assert_int_equal(fresh.n, 1);
  c.old = &schema;
  c.n_old = 1;
  cel_crd_check(&c, &known);
  assert_string_equal(text_of(a, &known), "");
}

static const struct {
  const char *name, *escaped;
} names[] = {
  { "plain", "plain" }, { "a.b", "a__dot__b" },        { "a/b", "a__slash__b" }, { "a__b", "a__underscores__b" },
  { "in", "__in__" },   { "___", "__underscores___" }, { "9a", NULL },           { "a b", NULL },
  { "", NULL },         { "\xC3\xA4", NULL },
};

static void
escapes_names(void **state)
{
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
    _cleanup_arena_ struct arena *a = arena_new(1 * MiB);
    const char *got = cel_escape(a, span_of(names[i].name));

    if (!names[i].escaped) {
      assert_null(got);
      continue;
    }
    assert_string_equal(got, names[i].escaped);
    assert_true(cel_escape_means(span_of(got), span_of(names[i].name)));
    assert_false(cel_escape_means(span_of(got), SPAN("other")));
  }
}

static const struct {
  const char *path, *want; /* the path as errors print it, or the error */
} paths[] = {
  { ".a.b", "a.b" },
  { ".m['x.y']", "m[x.y]" },
  { "['a'].b", "a.b" },
  { ".m['it\\'s']", "m[it's]" },
  { ".", "unexpected end of JSON path" },
  { "a", "expected [ or . but got: a" },
  { ".a.c", "does not refer to a valid field" },
  { ".m[x]", "expected single quoted string but got x" },
  { ".m['x'", "unexpected end of JSON path" },
  { ".m['x\\q']", "invalid string literal: invalid escape char \\q" },
};

static void
reads_paths(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(1 * MiB);
  const struct json *schema =
      test_parse(a, "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"object\",\"properties\":{\"b\":{\"type\":"
                    "\"integer\"}}},\"m\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}}}");

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
    const char *got = NULL, *error = NULL;

    (void)cel_crd_field_path(a, schema, paths[i].path, true, &got, &error);
    assert_string_equal(got ? got : error, paths[i].want);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(validates_objects),
    cmocka_unit_test(checks_definitions),
    cmocka_unit_test(keeps_stored_expressions),
    cmocka_unit_test(escapes_names),
    cmocka_unit_test(reads_paths),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
