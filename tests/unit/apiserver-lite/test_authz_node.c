/*
 * What the Node authorizer decides: the cases of upstream's TestNodeAuthorizer (1.37.2) over its objects, as data
 * (tests/data/apiserver-lite/node-authorizer.*), and what was otherwise in other releases.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "auth_objects.h"
#include "authz.h"
#include "ceilings.h"
#include "fs.h"
#include "test_parse.h"

#define DATA "tests/data/apiserver-lite/node-authorizer"

struct fixture {
  struct arena *a;
  const char *objects;
  struct personality *personality;
  struct authz *authz;
};

static void
fixture_init(struct fixture *f, const char *version, const char *gates)
{
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_SMALL_FILE);
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  *f = (struct fixture){ .a = arena_new(CEIL_ARENA_REQUEST) };
  if (fs_read(DATA ".objects", &text, &err) < 0 || personality_new(version, gates, NULL, &f->personality, &err) < 0 ||
      authz_new("Node", f->personality, &f->authz, &err) < 0)
    fail_msg("%s", err.msg);
  f->objects = arena_strndup(f->a, text.p, text.n);
  authz_bind(f->authz, auth_objects_new(f->a, f->objects));
}

static void
fixture_release(struct fixture *f)
{
  authz_free(f->authz);
  personality_unref(f->personality);
  arena_free(f->a);
}

static void
check(struct fixture *f, const struct json *row)
{
  static const char *const groups[] = { "system:nodes" };
  const struct exchange_user user = { .name = json_get_str(row, "user"), .uid = "", .groups = groups, .n_groups = 1 };
  struct authz_request req = { .user = &user,
                               .verb = json_get_str(row, "verb"),
                               .is_resource = true,
                               .group = json_get_str_or(row, "group", ""),
                               .version = "v1",
                               .resource = json_get_str(row, "resource"),
                               .subresource = json_get_str_or(row, "subresource", ""),
                               .ns = json_get_str_or(row, "namespace", ""),
                               .name = json_get_str_or(row, "object", "") };
  const char *why, *wanted = json_get_str(row, "reason");
  enum authz_decision d;

  authz_select(f->authz, f->a, span_of(json_get_str(row, "selector")), &req);
  d = authz_decide(f->authz, f->a, &req, &why);

  if (d != (json_get_bool(row, "allowed", false) ? AUTHZ_ALLOW : AUTHZ_NO_OPINION) ||
      (wanted &&
       strcmp(why, arena_printf(f->a, "%s%s",
                                !*wanted || personality_minor(f->personality) < 37 ? "" : "node: ", wanted)) != 0))
    fail_msg("%s: %d %s", json_text(f->a, row, JSON_COMPACT), d, why);
}

static void
as_upstream_tests_it(void **state)
{
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_SMALL_FILE);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  size_t n = 0;

  (void)state;
  assert_int_equal(fs_read(DATA ".jsonl", &text, &err), 0);
  for (struct span left = strbuf_view(&text); left.n; n++) {
    struct span line = span_cut(left, '\n', &left);
    _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
    struct json *row = test_parse(a, arena_strndup(a, line.p, line.n));
    struct fixture f;

    fixture_init(&f, NULL, json_get_str(row, "gates"));
    check(&f, row);
    fixture_release(&f);
  }
  assert_true(n > 100);
}

static void
in_other_releases(void **state)
{
  static const struct {
    const char *version, *gates, *row;
  } rows[] = {
#define NODE "'user':'system:node:node0',"
#define DRA  "'group':'resource.k8s.io',"
    /* until 1.31 a node reads all pods and nodes, from 1.32 what is its own */
    { "1.31", NULL, "{" NODE "'verb':'list','resource':'pods','allowed':true}" },
    { "1.31", "AuthorizeNodeWithSelectors=true", "{" NODE "'verb':'list','resource':'pods'}" },
    { "1.32", NULL, "{" NODE "'verb':'list','resource':'pods'}" },
    { "1.32", "AuthorizeNodeWithSelectors=false", "{" NODE "'verb':'list','resource':'pods','allowed':true}" },
    { "1.31", NULL, "{" NODE "'verb':'get','resource':'nodes','object':'node1','allowed':true}" },
    { "1.32", NULL, "{" NODE "'verb':'get','resource':'nodes','object':'node1'}" },
    { "1.31", NULL, "{" NODE "'verb':'delete','resource':'nodes','object':'node0','reason':''}" },
    /* slices: not before 1.30; then listed without a selector; from 1.32 with one */
    { "1.29", "DynamicResourceAllocation=true", "{" NODE DRA "'verb':'create','resource':'resourceslices'}" },
    { "1.30", NULL, "{" NODE DRA "'verb':'create','resource':'resourceslices','allowed':true}" },
    { "1.30", NULL, "{" NODE DRA "'verb':'list','resource':'resourceslices','allowed':true}" },
    { "1.31", NULL, "{" NODE DRA "'verb':'deletecollection','resource':'resourceslices','allowed':true}" },
    { "1.31", NULL, "{" NODE DRA "'verb':'delete','resource':'resourceslices','object':'slice0-node1'}" },
    { "1.32", NULL, "{" NODE DRA "'verb':'list','resource':'resourceslices'}" },
    { "1.30", NULL, "{" NODE DRA "'verb':'get','resource':'resourceslices','object':'old-node0','allowed':true}" },
    { "1.30", NULL, "{" NODE DRA "'verb':'get','resource':'resourceslices','object':'old-node1'}" },
    /* claims: any of them in 1.26 and 1.27, for the gate's rule */
    { "1.27", "DynamicResourceAllocation=true",
      "{" NODE DRA
      "'verb':'get','resource':'resourceclaims','namespace':'ns0','object':'claim0-pod0-node1-ns0','allowed':true}" },
    { "1.27", NULL,
      "{" NODE DRA "'verb':'get','resource':'resourceclaims','namespace':'ns0','object':'claim0-pod0-node0-ns0'}" },
    { "1.28", "DynamicResourceAllocation=true",
      "{" NODE DRA "'verb':'get','resource':'resourceclaims','namespace':'ns0','object':'claim0-pod0-node1-ns0'}" },
    { "1.28", "DynamicResourceAllocation=true",
      "{" NODE DRA "'verb':'get','resource':'resourceclaims','namespace':'ns0','object':'direct','allowed':true}" },
    { "1.37", NULL,
      "{" NODE DRA "'verb':'get','resource':'resourceclaims','namespace':'ns0','object':'extended','allowed':true}" },
    { "1.37", NULL,
      "{" NODE DRA "'verb':'update','resource':'resourceclaims','subresource':'status','namespace':'ns0',"
      "'object':'extended','reason':'can only get individual resources of this type'}" },
    /* secrets of volumes: those for kubelets alone, in the namespace that the reference says */
    { "1.37", NULL,
      "{" NODE "'verb':'get','resource':'secrets','namespace':'storage','object':'stage','allowed':true}" },
    { "1.37", NULL, "{" NODE "'verb':'get','resource':'secrets','namespace':'ns0','object':'stage'}" },
    { "1.37", NULL, "{" NODE "'verb':'get','resource':'secrets','namespace':'storage','object':'publish'}" },
    { "1.37", NULL, "{" NODE "'verb':'get','resource':'secrets','namespace':'ns0','object':'azure','allowed':true}" },
  };
  static const char more[] =
      "resourceslices - {\"metadata\":{\"name\":\"old-node0\"},\"nodeName\":\"node0\"}\n"
      "resourceslices - {\"metadata\":{\"name\":\"old-node1\"},\"nodeName\":\"node1\"}\n"
      "pods ns0 {\"metadata\":{\"name\":\"x\",\"namespace\":\"ns0\"},\"spec\":{\"nodeName\":\"node0\",\"volumes\":["
      "{\"name\":\"v\",\"ephemeral\":{}}],\"resourceClaims\":[{\"name\":\"a\",\"source\":{\"resourceClaimName\":"
      "\"direct\"}}]},\"status\":{\"extendedResourceClaimStatus\":{\"resourceClaimName\":\"extended\"}}}\n"
      "persistentvolumes - {\"metadata\":{\"name\":\"csi\"},\"spec\":{\"claimRef\":{\"namespace\":\"ns0\",\"name\":"
      "\"x-v\"},\"csi\":{\"nodeStageSecretRef\":{\"name\":\"stage\",\"namespace\":\"storage\"},"
      "\"controllerPublishSecretRef\":{\"name\":\"publish\",\"namespace\":\"storage\"}}}}\n"
      "persistentvolumes - {\"metadata\":{\"name\":\"azure\"},\"spec\":{\"claimRef\":{\"namespace\":\"ns0\",\"name\":"
      "\"x-v\"},\"azureFile\":{\"secretName\":\"azure\"}}}\n";

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    struct fixture f;

    fixture_init(&f, rows[i].version, rows[i].gates);
    authz_bind(f.authz, auth_objects_new(f.a, arena_printf(f.a, "%s%s", f.objects, more)));
    check(&f, test_parse_quoted(f.a, rows[i].row));
    fixture_release(&f);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(as_upstream_tests_it),
    cmocka_unit_test(in_other_releases),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
