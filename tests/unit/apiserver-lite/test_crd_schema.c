/* Schemas of custom resources: pruning, defaults, checks; versions and paths. Texts as kube-apiserver 1.37.2 has them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ceilings.h"
#include "cel_regex.h"
#include "crd_check.h"
#include "crd_shape.h"
#include "crd_version.h"
#include "jsonpath.h"
#include "test_parse.h"

struct fixture {
  struct arena *a;
  struct schema_compiler sc;
};

static const struct schema *
begin(struct fixture *f, const char *schema)
{
  *f = (struct fixture){ .a = arena_new(CEIL_ARENA_REQUEST) };
  f->sc.a = f->a;
  return schema_compile(&f->sc, test_parse_quoted(f->a, schema));
}

static void
end(struct fixture *f)
{
  cel_regex_free_list(f->sc.regexes);
  arena_free(f->a);
}

static void
objects_are_shaped(void **state)
{
  static const struct {
    const char *schema, *in, *out;
  } cases[] = {
    { "{'type':'object','properties':{'a':{'type':'string'}}}", "{'a':'x','b':1}", "{'a':'x'}" },
    { "{'type':'object','x-kubernetes-preserve-unknown-fields':true}", "{'b':{'c':1}}", "{'b':{'c':1}}" },
    { "{'type':'object','properties':{'a':{'type':'string','default':'d'}}}", "{}", "{'a':'d'}" },
    { "{'type':'object','properties':{'a':{'type':'string','default':'d'}}}", "{'a':null}", "{'a':'d'}" },
    { "{'type':'object','properties':{'a':{'type':'string','nullable':true,'default':'d'}}}", "{'a':null}",
      "{'a':null}" },
    { "{'type':'object','properties':{'l':{'type':'array','items':{'type':'object','properties':{'p':{'type':'string',"
      "'default':'TCP'}}}}}}",
      "{'l':[{},{'p':'UDP','q':1}]}", "{'l':[{'p':'TCP'},{'p':'UDP'}]}" },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
    struct fixture f;
    const struct schema *s = begin(&f, cases[i].schema);
    struct json *o = test_parse_quoted(f.a, cases[i].in);

    schema_prune(f.a, o, s, NULL);
    schema_drop_nulls(o, s);
    schema_default(f.a, o, s);
    assert_string_equal(json_text(f.a, o, JSON_SORTED),
                        json_text(f.a, test_parse_quoted(f.a, cases[i].out), JSON_SORTED));
    end(&f);
  }
}

static void
wrong_values_are_told(void **state)
{
  static const struct {
    const char *schema, *value, *error; /* NULL: nothing is wrong */
  } cases[] = {
    { "{'type':'string'}", "'x'", NULL },
    { "{'type':'string'}", "5", "v: Invalid value: \"integer\": v in body must be of type string: \"integer\"" },
    { "{'type':'integer','minimum':3}", "2", "v: Invalid value: 2: v in body should be greater than or equal to 3" },
    { "{'type':'string','enum':['a','b']}", "'c'", "v: Unsupported value: \"c\": supported values: \"a\", \"b\"" },
    { "{'type':'string','maxLength':2}", "'abc'", "v: Too long: may not be more than 2 bytes" },
    { "{'type':'string','pattern':'^x'}", "'y'", "v: Invalid value: \"y\": v in body should match '^x'" },
    { "{'type':'object','required':['a']}", "{}", "v.a: Required value" },
    { "{'type':'string','format':'ipv4'}", "'10.0.0.256'",
      "v: Invalid value: \"10.0.0.256\": v in body must be of type ipv4: \"10.0.0.256\"" },
    { "{'x-kubernetes-int-or-string':true}", "'5%'", NULL },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
    struct fixture f;
    _cleanup_arena_ struct arena *texts = arena_new(CEIL_ARENA_SMALL);
    const struct schema *s = begin(&f, arena_printf(texts, "{'type':'object','properties':{'v':%s}}", cases[i].schema));
    struct json *o = test_parse_quoted(f.a, arena_printf(texts, "{'v':%s}", cases[i].value));
    struct field_errors errs = { .a = f.a };

    schema_check(s, NULL, o, NULL, &errs);
    assert_int_equal(errs.n, cases[i].error ? 1 : 0);
    if (cases[i].error)
      assert_string_equal(arena_printf(f.a, "%s: %s", errs.list[0].field, field_error_body(f.a, &errs.list[0])),
                          cases[i].error);
    end(&f);
  }
}

static void
versions_are_ordered(void **state)
{
  static const char *const order[] = {
    "v10", "v2", "v1", "v11beta2", "v10beta3", "v1beta1", "v2alpha1", "foo1", "foo10"
  };

  (void)state;
  for (size_t i = 0; i + 1 < ARRAY_SIZE(order); i++) {
    assert_true(version_compare(order[i], order[i + 1]) > 0);
    assert_true(version_compare(order[i + 1], order[i]) < 0);
    assert_int_equal(version_compare(order[i], order[i]), 0);
  }
}

static void
paths_lead_to_values(void **state)
{
  static const struct {
    const char *path, *found; /* NULL: no path */
  } cases[] = {
    { ".a.b", "[1]" },
    { ".l[0].t", "['x']" },
    { ".l[-1:].t", "['y']" },
    { ".l[*].t", "['x','y']" },
    { ".l[?(@.t==\"y\")].n", "[2]" },
    { ".none.at.all", "[]" },
    { ".l[", NULL },
    { ".l[?(@.t", NULL },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
    struct json *o = test_parse_quoted(a, "{'a':{'b':1},'l':[{'t':'x','n':1},{'t':'y','n':2}]}"),
                *got = json_new_array(a);
    const struct jsonpath *p = jsonpath_parse(a, span_of(cases[i].path));
    const struct json *const *list;
    size_t n;

    assert_int_equal(p != NULL, cases[i].found != NULL);
    if (!p)
      continue;
    assert_true(jsonpath_find(a, p, o, &list, &n));
    for (size_t j = 0; j < n; j++)
      json_append(a, got, json_copy(a, list[j]));
    assert_true(json_equal(got, test_parse_quoted(a, cases[i].found)));
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(objects_are_shaped),
    cmocka_unit_test(wrong_values_are_told),
    cmocka_unit_test(versions_are_ordered),
    cmocka_unit_test(paths_lead_to_values),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
