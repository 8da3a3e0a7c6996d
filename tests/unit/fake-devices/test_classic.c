/* The classic driver's pure parts: matching wishes with devices, faults, and slices of 1.30. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "ceilings.h"
#include "classic_faults.h"
#include "classic_match.h"
#include "clock.h"
#include "slices_named.h"
#include "test_parse.h"

static struct tree_device
cat(struct arena *a, const char *name, const char *color, int lives)
{
  return (struct tree_device){
    .name = name,
    .driver = "cats.io",
    .health = "ok",
    .device = test_parse_quoted(
        a, arena_printf(a,
                        "{'name':'%s','attributes':{'color':{'string':'%s'},'lives':{'int':%d},"
                        "'tame':{'bool':true},'coat':{'version':'1.0.0'}},'capacity':{'weight':{'value':'4Ki'}}}",
                        name, color, lives)),
  };
}

static void
wishes(void **state)
{
  static const struct {
    const char *wish;
    bool fits;
  } table[] = {
    { "{}", true },
    { "{'color':'black'}", true },
    { "{'color':'white'}", false },
    { "{'colour':'black'}", false },
    { "{'color':'black','lives':9}", true },
    { "{'lives':'9'}", true }, /* a ConfigMap has only texts */
    { "{'lives':8}", false },
    { "{'tame':true}", true },
    { "{'tame':'false'}", false },
    { "{'coat':'1.0.0'}", true },
    { "{'weight':'4096'}", true },
    { "{'weight':'4Ki'}", true },
    { "{'weight':4097}", false },
    { "{'weight':'much'}", false },
    { "{'apiVersion':'x','kind':'CatWish','metadata':{},'count':3,'env':{}}", true },
  };
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct tree_device felix = cat(a, "felix", "black", 9);

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
    const struct json *wish = test_parse_quoted(a, table[i].wish);

    if (classic_fits(a, &felix, &wish, 1) != table[i].fits)
      fail_msg("%s", table[i].wish);
  }
}

#define NONE CLASSIC_NO_DEVICE

/* Wants are digits of claims in `claims`, wishes by the letter below: b(lack), w(hite), a(ny). */
static void
matches(const char *claims, const char *colors, const size_t *expected)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct tree_device cats[] = { cat(a, "felix", "black", 9), cat(a, "snow", "white", 9), cat(a, "salem", "black", 9) };
  const struct tree_device *devices[] = { &cats[0], &cats[1], &cats[2] };
  struct classic_want wants[8];
  const struct json *lists[8];
  size_t n = strlen(claims), got[8];

  for (size_t i = 0; i < n; i++) {
    lists[i] = test_parse_quoted(a, colors[i] == 'b'   ? "{'color':'black'}"
                                    : colors[i] == 'w' ? "{'color':'white'}"
                                                       : "{}");
    wants[i] = (struct classic_want){
      .claim = (size_t)(claims[i] - '0'), .driver = "cats.io", .wishes = &lists[i], .n_wishes = 1
    };
  }
  classic_match(a, devices, 3, wants, n, got);
  for (size_t i = 0; i < n; i++)
    if (got[i] != expected[i])
      fail_msg("claims %s, wishes %s: want %zu got device %zd, not %zd", claims, colors, i, (ssize_t)got[i],
               (ssize_t)expected[i]);
}

static void
matching(void **state)
{
  (void)state;
  matches("0", "a", (size_t[]){ 0 });
  matches("01", "ab", (size_t[]){ 0, 2 });
  matches("012", "abb", (size_t[]){ 1, 2, 0 });         /* whoever is content with any makes room */
  matches("0123", "aabb", (size_t[]){ 0, 1, 2, NONE }); /* but nobody loses what he has */
  matches("00", "ww", (size_t[]){ NONE, NONE });        /* a claim gets all or nothing */
  matches("001", "wwa", (size_t[]){ NONE, NONE, 0 });
  matches("0111", "wbba", (size_t[]){ 1, NONE, NONE, NONE });
  matches("", "", (size_t[]){ 0 });
}

static void
foreign_devices_do_not_count(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct tree_device felix = cat(a, "felix", "black", 9);
  const struct tree_device *devices[] = { &felix };
  struct classic_want want = { .driver = "dogs.io" };
  size_t got;

  (void)state;
  classic_match(a, devices, 1, &want, 1, &got);
  assert_int_equal(got, NONE);
}

static void
faults(void **state)
{
  static const struct {
    const char *text, *error; /* error NULL: none */
  } wrong[] = {
    { "slow\n", "slow : want a time such as 500ms or 2s, at most 3600s" },
    { "slow 2\n", "slow 2: want a time such as 500ms or 2s, at most 3600s" },
    { "slow -1s", "slow -1s: want a time such as 500ms or 2s, at most 3600s" },
    { "slow 3601s", "slow 3601s: want a time such as 500ms or 2s, at most 3600s" },
    { "silent night", "\"silent night\" is no fault; there are: slow TIME, silent, refuse NODE, die" },
    { "refuse", "\"refuse\" is no fault; there are: slow TIME, silent, refuse NODE, die" },
    { "explode", "\"explode\" is no fault; there are: slow TIME, silent, refuse NODE, die" },
  };
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr none = KERR_INIT;
  struct classic_faults f;

  (void)state;
  assert_int_equal(classic_faults_parse(
                       a, SPAN("# all of them\nslow 2s\n\n  refuse node-1 \nrefuse node-2\nsilent\ndie"), &f, &none),
                   0);
  assert_true(f.slow_ns == 2 * CLOCK_SEC && f.silent && f.die);
  assert_true(classic_faults_refuse(&f, "node-1") && classic_faults_refuse(&f, "node-2"));
  assert_false(classic_faults_refuse(&f, "node-3"));
  assert_int_equal(classic_faults_parse(a, SPAN("slow 500ms"), &f, &none), 0);
  assert_true(f.slow_ns == 500 * CLOCK_MS && !f.silent && !f.die && !f.n_refused);
  assert_int_equal(classic_faults_read(a, "/nonexistent/faults", &f, &none), 0);
  for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    assert_true(classic_faults_parse(a, span_of(wrong[i].text), &f, &err) < 0);
    assert_string_equal(err.msg, wrong[i].error);
  }
}

static void
named_slices(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  struct tree_device cats[] = { cat(a, "felix", "black", 9), cat(a, "part", "black", 9), cat(a, "ill", "black", 1) };
  const struct device_tree tree = { .devices = cats, .n_devices = 3 };
  const struct slices_owner owner = { .node = "n1", .node_uid = "u1", .driver = "cats.io" };
  struct slices_plan plan;
  const struct json *existing[2], *instances;

  (void)state;
  cats[0].device =
      test_parse_quoted(a, "{'name':'felix','attributes':{'furColor':{'string':'black'},'x.io/tailLength':{'int':3}},"
                           "'capacity':{'weight':{'value':'4Ki'}}}");
  cats[1].parent = "felix";
  cats[2].device = test_parse_quoted(a, "{'name':'ill','taints':[{'key':'k','effect':'NoSchedule'}]}");
  slices_named_plan(a, &owner, &tree, NULL, 0, &plan);
  assert_int_equal(plan.n, 1);
  assert_int_equal(plan.writes[0].verb, SLICE_CREATE);
  instances = json_dig(plan.writes[0].object, "namedResources", "instances", NULL);
  assert_string_equal(json_text(a, instances, 0),
                      "[{\"name\":\"felix\",\"attributes\":[{\"name\":\"fur-color\",\"string\":\"black\"},{\"name\":"
                      "\"x.io.tail-length\",\"int\":3},{\"name\":\"weight\",\"quantity\":\"4Ki\"}]}]");
  /* The same again is no write; a second slice is one too many; a change updates. */
  existing[0] = plan.writes[0].object;
  existing[1] = test_parse_quoted(a, "{'metadata':{'name':'second'}}");
  slices_named_plan(a, &owner, &tree, existing, 1, &plan);
  assert_int_equal(plan.n, 0);
  slices_named_plan(a, &owner, &tree, existing, 2, &plan);
  assert_int_equal(plan.n, 1);
  assert_int_equal(plan.writes[0].verb, SLICE_DELETE);
  cats[0].driver = "dogs.io";
  slices_named_plan(a, &owner, &tree, existing, 1, &plan);
  assert_int_equal(plan.n, 1);
  assert_int_equal(plan.writes[0].verb, SLICE_UPDATE);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(wishes), cmocka_unit_test(matching),     cmocka_unit_test(foreign_devices_do_not_count),
    cmocka_unit_test(faults), cmocka_unit_test(named_slices),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
