/* The pure parts of the classic plugin: rules, contexts, named resources. How they play together is in tests/unit/cmd.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "ceilings.h"
#include "classic_context.h"
#include "classic_rules.h"
#include "named_model.h"
#include "test_parse.h"

static void
each_release_has_its_rules_and_words(void **state)
{
  static const struct {
    int minor;
    bool silent, late;
    const char *reserve, *publish;
  } rows[] = {
    { 26, false, false, "running Reserve plugin \"DynamicResources\": x",
      "waiting for resource driver to allocate resource" },
    { 27, false, false, "running Reserve plugin \"DynamicResources\": x",
      "waiting for resource driver to allocate resource" },
    { 28, true, false, "0/1 nodes are available: 1 x.", "waiting for resource driver to allocate resource" },
    { 29, true, false, "0/1 nodes are available: 1 x.", "waiting for resource driver to allocate resource" },
    { 30, true, true, "0/1 nodes are available: 1 x.", "waiting for resource driver" },
    { 31, true, true, "0/1 nodes are available: 1 x.", "waiting for resource driver" },
  };
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    const struct classic_rules *r = classic_rules_of(rows[i].minor);

    assert_non_null(r);
    assert_int_equal(r->pre_enqueue, rows[i].silent);
    assert_int_equal(r->writes_late, rows[i].late);
    assert_string_equal(classic_words(r->reserve, "x", a), rows[i].reserve);
    assert_string_equal(r->selected_text, rows[i].publish);
  }
  assert_string_equal(classic_words(classic_rules_of(30)->prebind, "x", a), "x");
  assert_string_equal(classic_words(classic_rules_of(31)->prebind, "x", a), "0/1 nodes are available: 1 x.");
  assert_null(classic_rules_of(32));
}

static void
contexts_are_read_as_they_are(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  const struct json *c =
      test_parse_quoted(a, "{'spec': {'selectedNode': 'n1', 'potentialNodes': ['n0', 'n1']}, 'status': "
                           "{'resourceClaims': [{'name': 'cat', 'unsuitableNodes': ['n0']}, {'name': 'dog'}]}}");

  (void)state;
  assert_string_equal(classic_selected_node(c), "n1");
  assert_string_equal(classic_selected_node(NULL), "");
  assert_true(classic_is_potential_node(c, "n0"));
  assert_false(classic_is_potential_node(c, "n2"));
  assert_false(classic_is_potential_node(NULL, "n0"));
  assert_int_equal(classic_answers(c), 2);
  assert_true(classic_is_unsuitable(classic_answer(c, "cat"), "n0"));
  assert_false(classic_is_unsuitable(classic_answer(c, "cat"), "n1"));
  assert_false(classic_is_unsuitable(classic_answer(c, "dog"), "n0"));
  assert_null(classic_answer(c, "nosuch"));
  assert_false(classic_is_unsuitable(NULL, "n0"));
}

/* -- named resources -- */

static const char slice_text[] =
    "{'kind': 'ResourceSlice', 'metadata': {'name': 's', 'uid': 'u'}, 'nodeName': 'n0', 'driverName': 'd', "
    "'namedResources': {'instances': [{'name': 'tom', 'attributes': [{'name': 'color', 'string': 'grey'}]}, {'name': "
    "'felix', 'attributes': [{'name': 'color', 'string': 'black'}]}, {'name': 'sylvester', 'attributes': [{'name': "
    "'color', 'string': 'black'}]}]}}";
static const char taken_text[] = "{'status': {'allocation': {'resourceHandles': [{'driverName': 'd', 'structuredData': "
                                 "{'nodeName': 'n0', 'results': "
                                 "[{'namedResources': {'name': 'felix'}}]}}]}}}";
static const char class_text[] = "{'driverName': 'd', 'structuredParameters': true}";

struct claims {
  const struct json *list[2];
};

static const struct json *
claim_at(void *arg, size_t *cursor)
{
  struct claims *c = arg;

  return *cursor < ARRAY_SIZE(c->list) ? c->list[(*cursor)++] : NULL;
}

/* What the one claim gets on n0: names in order, "none" when it does not fit, or the error. */
static const char *
allocate(struct arena *a, const char *claim_parameters, const char *class_parameters, bool taken)
{
  struct named_selectors *selectors = named_selectors_new();
  struct kclient_cache *slices = kclient_cache_new();
  struct record *slice = record_from_json(SPAN("s"), 1, test_parse_quoted(a, slice_text));
  struct claims claims = { { taken ? test_parse_quoted(a, taken_text) : NULL, NULL } };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const char *names = "";
  struct named_claim *c;
  struct named_model *m;
  struct json *allocation = NULL;
  bool fits = false;
  int r;

  kclient_cache_put(slices, slice);
  m = named_model_new(a, slices, claim_at, &claims);
  r = named_claim_new(a, selectors, test_parse_quoted(a, class_text),
                      claim_parameters ? test_parse_quoted(a, claim_parameters) : NULL,
                      class_parameters ? test_parse_quoted(a, class_parameters) : NULL, &c, &err);
  if (r == 0)
    r = named_claim_fits(c, m, "n0", &fits, &err);
  if (r == 0 && fits)
    r = named_claim_allocate(c, m, "n0", &allocation, &err);
  for (json_each_item (h, json_get(allocation, "resourceHandles")))
    for (json_each_item (p, json_dig(*h, "structuredData", "results", NULL)))
      names = arena_printf(a, "%s%s%s", names, *names ? " " : "",
                           json_get_str_or(json_get(*p, "namedResources"), "name", ""));
  if (r < 0)
    names = arena_strdup(a, err.msg);
  kclient_cache_free(slices);
  record_unref(slice);
  named_selectors_free(selectors);
  return r == 0 && !fits ? "none" : names;
}

#define REQUEST(selector) "{'namedResources': {'selector': '" selector "'}}"
#define DRIVER(requests)  "{'driverRequests': [{'driverName': 'd', 'requests': [" requests "]}]}"
#define BLACK             "attributes.string[\\'color\\'] == \\'black\\'"

static void
named_resources_are_the_first_that_fit(void **state)
{
  static const struct {
    const char *claim, *device_class;
    bool taken;
    const char *want;
  } rows[] = {
    { NULL, NULL, false, "tom" },
    { DRIVER(REQUEST(BLACK)), NULL, false, "felix" },
    { DRIVER(REQUEST(BLACK)), NULL, true, "sylvester" },
    { DRIVER(REQUEST(BLACK) ", " REQUEST(BLACK)), NULL, false, "felix sylvester" },
    { DRIVER(REQUEST(BLACK) ", " REQUEST(BLACK)), NULL, true, "none" },
    { DRIVER(REQUEST("true") ", " REQUEST(BLACK)), NULL, false, "tom felix" },
    { NULL, "{'filters': [{'driverName': 'd', 'namedResources': {'selector': '" BLACK "'}}]}", false, "felix" },
    { NULL, "{'filters': [{'driverName': 'other', 'namedResources': {'selector': 'false'}}]}", false, "tom" },
    { "{'driverRequests': [{'driverName': 'nosuch', 'requests': [" REQUEST("true") "]}]}", NULL, false, "none" },
    { DRIVER(REQUEST("attributes.string[\\'size\\'] == \\'x\\'")), NULL, false,
      "checking node \"n0\" and resources of driver \"d\": evaluate request CEL expression: no such key: size" },
    { DRIVER(REQUEST("1 + 1")), NULL, false,
      "creating claim controller for named resources structured model: compile request CEL expression: must evaluate "
      "to "
      "bool" },
  };
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);

    assert_string_equal(allocate(a, rows[i].claim, rows[i].device_class, rows[i].taken), rows[i].want);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_release_has_its_rules_and_words),
    cmocka_unit_test(contexts_are_read_as_they_are),
    cmocka_unit_test(named_resources_are_the_first_that_fit),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
