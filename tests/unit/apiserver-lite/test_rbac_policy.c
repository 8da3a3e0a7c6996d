/*
 * The bootstrap policy of every release against upstream's: recorded from the test data of its modules
 * (tests/data/apiserver-lite/bootstrap-policy.jsonl), and that data itself where a module is on this machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ceilings.h"
#include "fs.h"
#include "object.h"
#include "rbac_policy.h"
#include "rbac_reconcile.h"
#include "test_parse.h"
#include "yaml.h"

#define RECORDED  "tests/data/apiserver-lite/bootstrap-policy.jsonl"
#define ALL_GATES "AllAlpha=true,AllBeta=true"
#define MAX       256

struct fixture {
  struct arena *a;
  const struct json *made[MAX];
  bool seen[MAX];
  size_t n;
};

static int
keep(void *payload, const struct rbac_policy_object *o, struct kerr *reterr)
{
  struct fixture *f = payload;

  (void)reterr;
  assert_true(f->n < MAX);
  assert_string_equal(o->ns, object_namespace(o->object));
  f->made[f->n++] = json_copy(f->a, o->object);
  return 0;
}

static void
make(struct fixture *f, int minor, const char *gates)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_(personality_unrefp) struct personality *p = NULL;

  memset(f, 0, sizeof *f);
  f->a = arena_new(CEIL_ARENA_REQUEST);
  if (personality_new(arena_printf(f->a, "1.%d", minor), *gates ? gates : NULL, NULL, &p, &err) < 0)
    fail_msg("1.%d: %s", minor, err.msg);
  assert_int_equal(rbac_policy_visit(p, keep, f, &err), 0);
}

static void
expect(struct fixture *f, int minor, const struct json *want)
{
  for (size_t i = 0; i < f->n; i++) {
    if (strcmp(object_name(f->made[i]), object_name(want)) != 0 ||
        strcmp(object_namespace(f->made[i]), object_namespace(want)) != 0 ||
        strcmp(object_kind(f->made[i]), object_kind(want)) != 0)
      continue;
    if (!json_equal(f->made[i], want))
      fail_msg("1.%d: made\n%s\nupstream\n%s", minor, json_text(f->a, f->made[i], JSON_SORTED),
               json_text(f->a, want, JSON_SORTED));
    f->seen[i] = true;
    return;
  }
  fail_msg("1.%d: %s '%s' is not made", minor, object_kind(want), object_name(want));
}

static void
expect_no_others(const struct fixture *f, int minor)
{
  for (size_t i = 0; i < f->n; i++)
    if (!f->seen[i])
      fail_msg("1.%d: %s '%s' is not upstream's", minor, object_kind(f->made[i]), object_name(f->made[i]));
}

/* -- recorded -- */

/* Returns how many objects the recording has. */
static size_t
compare_recorded(struct fixture *f, struct span text, int minor, const char *gates)
{
  size_t n = 0;

  while (text.n) {
    struct span line = span_cut(text, '\n', &text);
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct json *v;

    if (!line.n)
      continue;
    if (json_parse(f->a, line, NULL, &v, &err) < 0)
      fail_msg("%s", err.msg);
    if (strcmp(json_get_str(v, "gates"), gates) != 0 || minor < json_get_int(v, "first", 0) ||
        minor > json_get_int(v, "last", 0))
      continue;
    expect(f, minor, json_get(v, "object"));
    n++;
  }
  return n;
}

static void
as_recorded(void **state)
{
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_REPLY);
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  (void)state;
  assert_int_equal(fs_read(RECORDED, &text, &err), 0);
  for (int minor = 26; minor <= 37; minor++) {
    struct fixture f;

    make(&f, minor, "");
    assert_true(compare_recorded(&f, strbuf_view(&text), minor, "") > 100);
    expect_no_others(&f, minor);
    arena_free(f.a);
    if (minor < 33)
      continue;
    make(&f, minor, ALL_GATES); /* upstream records cluster roles for this */
    assert_true(compare_recorded(&f, strbuf_view(&text), minor, ALL_GATES) > 20);
    arena_free(f.a);
  }
}

/* -- upstream's module -- */

/* YAML has what Go's encoding writes of an empty time and an empty list. */
static void
drop_nulls(struct json *o)
{
  struct json *meta = json_find(o, "metadata");

  if (json_is(json_get(meta, "creationTimestamp"), JSON_NULL))
    json_remove(meta, "creationTimestamp");
  if (json_is(json_get(o, "rules"), JSON_NULL))
    json_remove(o, "rules");
}

static void
compare_file(struct fixture *f, int minor, const char *path)
{
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_REPLY);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *v;

  if (fs_read(path, &text, &err) < 0 || yaml_parse(f->a, strbuf_view(&text), NULL, &v, &err) < 0)
    fail_msg("%s: %s", path, err.msg);
  assert_true(json_count(json_get(v, "items")) > 0);
  for (json_each_item (o, json_get(v, "items"))) {
    drop_nulls(*o);
    expect(f, minor, *o);
  }
}

/* NULL when it is not there. */
static const char *
module_folder(struct arena *a, int minor)
{
  const char *cache = getenv("GOMODCACHE"), *home = getenv("HOME"), *found;
  glob_t g;

  if (!cache)
    cache = arena_printf(a, "%s/go/pkg/mod", home ? home : "");
  if (glob(arena_printf(a, "%s/k8s.io/kubernetes@v1.%d.*/plugin/pkg/auth/authorizer/rbac/bootstrappolicy/testdata",
                        cache, minor),
           0, NULL, &g) != 0)
    return NULL;
  found = arena_strdup(a, g.gl_pathv[g.gl_pathc - 1]);
  globfree(&g);
  return found;
}

static void
as_in_the_module(void **state)
{
  static const char *const files[] = { "cluster-roles",   "cluster-role-bindings",   "controller-roles",
                                       "namespace-roles", "namespace-role-bindings", "controller-role-bindings" };

  (void)state;
  for (int minor = 26; minor <= 37; minor++) {
    struct fixture f;
    const char *folder;

    make(&f, minor, "");
    folder = module_folder(f.a, minor);
    if (!folder)
      print_message("# SKIP module k8s.io/kubernetes of 1.%d is not on this machine\n", minor);
    for (size_t i = 0; folder && i < ARRAY_SIZE(files); i++)
      compare_file(&f, minor, arena_printf(f.a, "%s/%s.yaml", folder, files[i]));
    if (folder)
      expect_no_others(&f, minor);
    arena_free(f.a);
  }
}

/* -- reconciliation -- */

#define META \
  "'metadata':{'name':'r','annotations':{'rbac.authorization.kubernetes.io/autoupdate':'true'},'labels':{'l':'v'}}"
#define GET       "{'apiGroups':[''],'resources':['pods'],'verbs':['get']}"
#define LIST      "{'apiGroups':[''],'resources':['pods'],'verbs':['list']}"
#define BOTH      "{'apiGroups':[''],'resources':['pods'],'verbs':['get','list']}"
#define SELECT(x) "{'clusterRoleSelectors':[{'matchLabels':{'" x "':'true'}}]}"
#define REF(x)    "'roleRef':{'apiGroup':'rbac.authorization.k8s.io','kind':'ClusterRole','name':'" x "'}"
#define ANN       "{'kind':'User','apiGroup':'rbac.authorization.k8s.io','name':'ann'}"
#define BOB       "{'kind':'User','apiGroup':'rbac.authorization.k8s.io','name':'bob'}"

static void
reconciled(void **state)
{
  static const struct {
    const char *existing, *expected;
    enum rbac_reconcile result;
    const char *object;
  } rows[] = {
    { "{" META ",'rules':[" BOTH "]}", "{" META ",'rules':[" BOTH "]}", RBAC_KEEP, NULL },
    /* the same said otherwise */
    { "{" META ",'rules':[" LIST "," GET "]}", "{" META ",'rules':[" BOTH "]}", RBAC_KEEP, NULL },
    { "{" META ",'rules':[{'apiGroups':['*'],'resources':['*'],'verbs':['*']}]}", "{" META ",'rules':[" BOTH "]}",
      RBAC_KEEP, NULL },
    /* what is missing is added, what is too much stays */
    { "{" META ",'rules':[" LIST "]}", "{" META ",'rules':[" GET "]}", RBAC_UPDATE,
      "{" META ",'rules':[" LIST "," GET "]}" },
    { "{" META "}", "{" META ",'rules':[" BOTH "]}", RBAC_UPDATE, "{" META ",'rules':[" GET "," LIST "]}" },
    { "{" META "}",
      "{" META ",'rules':[{'nonResourceURLs':['/a'],'verbs':['get']},"
      "{'apiGroups':[''],'resources':['pods'],'resourceNames':['x'],'verbs':['get']}]}",
      RBAC_UPDATE,
      "{" META ",'rules':[{'verbs':['get'],'nonResourceURLs':['/a']},"
      "{'verbs':['get'],'apiGroups':[''],'resources':['pods'],'resourceNames':['x']}]}" },
    /* labels and annotations that are there win */
    { "{'metadata':{'name':'r','labels':{'l':'mine','m':'x'}}}", "{" META "}", RBAC_UPDATE,
      "{'metadata':{'name':'r','labels':{'l':'mine','m':'x'},"
      "'annotations':{'rbac.authorization.kubernetes.io/autoupdate':'true'}}}" },
    /* it does not want to */
    { "{'metadata':{'name':'r','annotations':{'rbac.authorization.kubernetes.io/autoupdate':'false'}}}",
      "{" META ",'rules':[" BOTH "]}", RBAC_KEEP, NULL },
    { "{'metadata':{'name':'r','annotations':{'rbac.authorization.kubernetes.io/autoupdate':'false'}}," REF("b") "}",
      "{" META "," REF("a") "}", RBAC_KEEP, NULL },
    /* aggregation */
    { "{" META ",'aggregationRule':" SELECT("a") ",'rules':[" GET "]}", "{" META ",'aggregationRule':" SELECT("a") "}",
      RBAC_KEEP, NULL },
    { "{" META "}", "{" META ",'aggregationRule':" SELECT("a") "}", RBAC_UPDATE,
      "{" META ",'aggregationRule':" SELECT("a") "}" },
    { "{" META ",'aggregationRule':" SELECT("b") "}", "{" META ",'aggregationRule':" SELECT("a") "}", RBAC_UPDATE,
      "{" META
      ",'aggregationRule':{'clusterRoleSelectors':[{'matchLabels':{'b':'true'}},{'matchLabels':{'a':'true'}}]}}" },
    { "{" META ",'aggregationRule':" SELECT("a") "}", "{" META "}", RBAC_UPDATE, "{" META "}" },
    /* bindings */
    { "{" META "," REF("a") ",'subjects':[" ANN "]}", "{" META "," REF("a") ",'subjects':[" ANN "]}", RBAC_KEEP, NULL },
    { "{" META "," REF("a") ",'subjects':[" BOB "]}", "{" META "," REF("a") ",'subjects':[" ANN "]}", RBAC_UPDATE,
      "{" META "," REF("a") ",'subjects':[" BOB "," ANN "]}" },
    { "{" META "," REF("a") ",'subjects':[" BOB "]}", "{" META "," REF("a") "}", RBAC_KEEP, NULL },
    { "{" META "," REF("b") ",'subjects':[" BOB "]}", "{" META "," REF("a") ",'subjects':[" ANN "]}", RBAC_RECREATE,
      "{" META "," REF("a") ",'subjects':[" ANN "]}" },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
    struct json *existing = test_parse_quoted(a, rows[i].existing), *got = NULL;
    char *before = json_text(a, existing, JSON_COMPACT);

    if (rbac_reconcile(a, existing, test_parse_quoted(a, rows[i].expected), &got) != rows[i].result)
      fail_msg("row %zu", i);
    assert_string_equal(json_text(a, existing, JSON_COMPACT), before);
    assert_int_equal(got != NULL, rows[i].object != NULL);
    if (got && !json_equal(got, test_parse_quoted(a, rows[i].object)))
      fail_msg("row %zu: %s", i, json_text(a, got, JSON_COMPACT));
  }
}

static void
rules_of_one_role(void **state)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_(personality_unrefp) struct personality *p = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  (void)state;
  assert_int_equal(personality_new("1.37", NULL, NULL, &p, &err), 0);
  assert_true(json_count(rbac_policy_rules(p, a, "system:node")) > 20);
  assert_null(rbac_policy_rules(p, a, "system:nobody"));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(as_recorded),
    cmocka_unit_test(as_in_the_module),
    cmocka_unit_test(reconciled),
    cmocka_unit_test(rules_of_one_role),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
