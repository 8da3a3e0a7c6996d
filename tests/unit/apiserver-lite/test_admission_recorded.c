/*
 * What kube-apiserver 1.37.2 answered to requests that admission and the validation of its configuration decide.
 *
 * tests/data/apiserver-lite/admission/NAME.jsonl: a request a line, in order, over an empty store: method, path, body,
 * contentType, user and group to impersonate; the answer's status and warnings, and of a refusal the whole document, of
 * a success what `want` says at JSON pointers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "apiserver.h"
#include "ceilings.h"
#include "fs.h"
#include "rest_fixture.h"

static size_t
lines_of(const char *text)
{
  size_t n = 0;

  for (; *text; text++)
    n += *text == '\n';
  return n;
}

static void
check_warnings(const struct json *line, const struct reply *r, size_t number)
{
  const struct json *list = json_get(line, "warnings");

  for (json_each_item (w, list))
    if (!strstr(r->warnings, json_str(*w)))
      fail_msg("line %zu: no warning %s in %s", number, json_str(*w), r->warnings);
  if (lines_of(r->warnings) != json_count(list))
    fail_msg("line %zu: other warnings: %s", number, r->warnings);
}

/* "name: value" of the members of a line that become headers. */
static const char *
headers_of(struct fixture *f, const struct json *line)
{
  static const struct {
    const char *member, *header;
  } rows[] = { { "contentType", "content-type" }, { "user", "impersonate-user" }, { "group", "impersonate-group" } };
  const char *text = "";

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
    if (json_get_str(line, rows[i].member))
      text = arena_printf(f->arena, "%s%s: %s\n", text, rows[i].header, json_get_str(line, rows[i].member));
  return text;
}

static void
check_line(struct fixture *f, const struct json *line, size_t number)
{
  const struct json *body = json_get(line, "body"), *answer = json_get(line, "answer");
  struct reply r = ask(f, json_get_str(line, "method"), json_get_str(line, "path"),
                       body ? json_text(f->arena, body, JSON_COMPACT) : NULL, headers_of(f, line));

  if (r.status != json_get_int(line, "status", 0))
    fail_msg("line %zu: %d %s", number, r.status, r.text);
  if (answer && !json_equal(answer, r.doc))
    fail_msg("line %zu:\n%s\ninstead of\n%s", number, r.text, json_text(f->arena, answer, JSON_COMPACT));
  for (json_each_member (want, json_get(line, "want")))
    if (strcmp(at(f, &r, want->name), json_str(want->value)) != 0)
      fail_msg("line %zu: %s is %s", number, want->name, at(f, &r, want->name));
  check_warnings(line, &r, number);
}

static void
replay(struct fixture *f, const char *name)
{
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_SMALL_FILE);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct span line, left;
  size_t n = 0;

  if (fs_read(arena_printf(f->arena, "tests/data/apiserver-lite/admission/%s.jsonl", name), &text, &err) < 0)
    fail_msg("%s", err.msg);
  for (left = strbuf_view(&text); left.n; n++) {
    struct json *doc;

    line = span_cut(left, '\n', &left);
    if (json_parse(f->arena, line, NULL, &doc, &err) < 0)
      fail_msg("%s.jsonl, line %zu: %s", name, n + 1, err.msg);
    check_line(f, doc, n + 1);
  }
  assert_true(n > 0);
}

#define RECORDED(name_)           \
  static void name_(void **state) \
  {                               \
    replay(*state, #name_);       \
  }

/* The same with plugins that are off by default. */
static void
optional(void **state)
{
  struct fixture *f = *state;
  struct apiserver_config config = {
    .personality = f->personality,
    .store = f->store,
    .clock = f->clock,
    .authz = f->authz,
    .enable_admission = "OwnerReferencesPermissionEnforcement,AlwaysPullImages,ExtendedResourceToleration,"
                        "LimitPodHardAntiAffinityTopology,DenyServiceExternalIPs",
  };
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  apiserver_stop(f->server);
  apiserver_free(f->server);
  if (apiserver_new(&config, &f->server, &err) < 0)
    fail_msg("%s", err.msg);
  replay(f, "optional");
}

RECORDED(configurations)
RECORDED(pods)
RECORDED(classes)
RECORDED(priorities)
RECORDED(parameters)
RECORDED(bundles)

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
  const struct CMUnitTest tests[] = {
    TEST(configurations),
    TEST(pods),
    TEST(classes),
    TEST(priorities),
    cmocka_unit_test_setup_teardown(optional, fixture_setup_rbac, fixture_teardown),
    cmocka_unit_test_setup_teardown(bundles, fixture_setup_rbac, fixture_teardown),
    cmocka_unit_test_setup_teardown(parameters, fixture_setup_rbac, fixture_teardown),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
