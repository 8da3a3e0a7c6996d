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
#include "impersonate.h"

#define OBJECTS "tests/data/apiserver-lite/authz.objects" /* one a line, as auth_objects.h has them */

struct fixture {
  struct arena *a;
  struct personality *p;
  struct authz *z;
  const char *objects;
};

static int
setup(void **state)
{
  struct fixture *f = mem_alloc(sizeof *f);
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_SMALL_FILE);
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  f->a = arena_new(16 << 20);
  assert_int_equal(personality_new(NULL, NULL, NULL, &f->p, &err), 0);
  assert_int_equal(authz_new(NULL, f->p, &f->z, &err), 0);
  assert_int_equal(fs_read(OBJECTS, &text, &err), 0);
  f->objects = arena_strdup(f->a, text.p);
  authz_bind(f->z, auth_objects_new(f->a, f->objects));
  *state = f;
  return 0;
}

static int
teardown(void **state)
{
  struct fixture *f = *state;

  authz_free(f->z);
  personality_unref(f->p);
  arena_free(f->a);
  free(f);
  return 0;
}

/* "group,group" */
static struct exchange_user
user(struct fixture *f, const char *name, const char *groups)
{
  struct exchange_user u = { .name = name, .uid = "" };
  struct span rest = span_of(groups);
  const char **list = arena_array_of(f->a, const char *, 8);

  while (rest.n) {
    struct span g = span_cut(rest, ',', &rest);

    list[u.n_groups++] = arena_strndup(f->a, g.p, g.n);
  }
  u.groups = list;
  return u;
}

/* "verb group/resource/subresource ns name", "-" for nothing; or "verb /path". */
static struct authz_request
request(struct fixture *f, const struct exchange_user *u, const char *text)
{
  struct authz_request r = { .user = u };
  struct span rest, w[4];

  w[0] = span_cut(span_of(text), ' ', &rest);
  r.verb = arena_strndup(f->a, w[0].p, w[0].n);
  if (rest.p[0] == '/') {
    r.path = rest.p;
    return r;
  }
  r.is_resource = true;
  for (int i = 1; i < 4; i++)
    w[i] = span_cut(rest, ' ', &rest);
  r.group = "";
  for (int i = 2; i < 4; i++)
    if (w[i].n == 0 || span_is(w[i], "-"))
      w[i] = SPAN("");
  r.ns = arena_strndup(f->a, w[2].p, w[2].n);
  r.name = arena_strndup(f->a, w[3].p, w[3].n);
  w[0] = span_cut(w[1], ':', &rest);
  if (rest.p) {
    r.group = arena_strndup(f->a, w[0].p, w[0].n);
    w[1] = rest;
  }
  w[0] = span_cut(w[1], '/', &rest);
  r.resource = arena_strndup(f->a, w[0].p, w[0].n);
  r.subresource = rest.n ? arena_strndup(f->a, rest.p, rest.n) : "";
  return r;
}

static void
rbac_table(void **state)
{
  struct fixture *f = *state;
  static const struct {
    const char *user, *groups, *what;
    bool allowed;
    const char *reason;
  } rows[] = {
    { "zed", "", "get pods ns p", true,
      "RBAC: allowed by ClusterRoleBinding \"b1\" of ClusterRole \"reader\" to User "
      "\"zed\"" },
    { "al", "x,devs", "list pods - -", true,
      "RBAC: allowed by ClusterRoleBinding \"b1\" of ClusterRole \"reader\" to "
      "Group \"devs\"" },
    { "zed", "", "watch pods ns -", false, "" },
    { "zed", "", "get pods/log ns p", false, "" },
    { "zed", "", "get apps:pods ns p", false, "" },
    { "zed", "", "get /healthz", true, NULL },
    { "zed", "", "get /healthz/x", false, "" },
    { "zed", "", "get /metrics/cadvisor", true, NULL },
    { "zed", "", "post /metrics/cadvisor", false, "" },
    { "carl", "", "update apps:deployments/scale ns d", true, NULL },
    { "carl", "", "update apps:deployments ns d", false, "" },
    { "root", "", "impersonate users - x", true, NULL },
    { "root", "", "get /anything", true, NULL },
    { "dan", "", "get pods ns p", false, "rbac: RBAC: clusterrole.rbac.authorization.k8s.io \"absent\" not found" },
    { "fay", "", "update resource.k8s.io:resourceclaims/status ns c1", true, NULL },
    { "fay", "", "update resource.k8s.io:resourceclaims/status ns c2", false, "" },
    { "fay", "", "update resource.k8s.io:resourceclaims/status other c1", false, "" },
    { "system:serviceaccount:ns:driver", "", "create pods ns -", true,
      "RBAC: allowed by RoleBinding \"rb/ns\" of Role \"writer\" to ServiceAccount \"driver/ns\"" },
    { "system:serviceaccount:far:other", "", "delete pods ns p", true, NULL },
    { "system:serviceaccount:ns:other", "", "delete pods ns p", false, "" },
    { "system:serviceaccount:ns:driver", "", "create pods other -", false, "" },
    { "whoever", "system:masters", "escalate everything:of/any ns x", true, "" },
  };

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    struct exchange_user u = user(f, rows[i].user, rows[i].groups);
    struct authz_request req = request(f, &u, rows[i].what);
    const char *reason;
    enum authz_decision d = authz_decide(f->z, f->a, &req, &reason);

    if ((d == AUTHZ_ALLOW) != rows[i].allowed)
      fail_msg("%s: %s: %s", rows[i].user, rows[i].what, reason);
    if (rows[i].reason)
      assert_string_equal(reason, rows[i].reason);
  }
}

static void
refusals(void **state)
{
  struct fixture *f = *state;
  static const struct {
    const char *user, *what, *want;
  } rows[] = {
    { "al", "list resource.k8s.io:resourceclaims ns -",
      "resourceclaims.resource.k8s.io is forbidden: User \"al\" cannot list resource \"resourceclaims\" in API group "
      "\"resource.k8s.io\" in the namespace \"ns\"" },
    { "al", "update resource.k8s.io:resourceclaims/status ns x",
      "resourceclaims.resource.k8s.io \"x\" is forbidden: User \"al\" cannot update resource "
      "\"resourceclaims/status\" in API group \"resource.k8s.io\" in the namespace \"ns\"" },
    { "al", "get nodes - n1",
      "nodes \"n1\" is forbidden: User \"al\" cannot get resource \"nodes\" in API group \"\" at the cluster scope" },
    { "al", "get /metrics", "forbidden: User \"al\" cannot get path \"/metrics\"" },
    { "<b>&\"", "get /x", "forbidden: User \"&lt;b&gt;&amp;\\\"\" cannot get path \"/x\"" },
    { "dan", "get nodes - n1",
      "nodes \"n1\" is forbidden: User \"dan\" cannot get resource \"nodes\" in API group \"\" at the cluster scope: "
      "rbac: RBAC: clusterrole.rbac.authorization.k8s.io \"absent\" not found" },
  };

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    struct exchange_user u = user(f, rows[i].user, "");
    struct authz_request req = request(f, &u, rows[i].what);
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    assert_int_equal(authz_check(f->z, f->a, &req, &err), -KERR_FORBIDDEN);
    assert_string_equal(err.msg, rows[i].want);
  }
}

#define RELATED "no relationship found between node 'n1' and this object"

static void
node_table(void **state)
{
  struct fixture *f = *state;
  static const struct {
    const char *what, *selector;
    bool allowed;
    const char *reason;
  } rows[] = {
    { "get secrets ns s1", NULL, true, "" },
    { "watch secrets ns s2", NULL, true, "" },
    { "get secrets ns s3", NULL, false, RELATED },
    { "get secrets ns stolen", NULL, false, RELATED },
    { "get secrets other s1", NULL, false, RELATED },
    { "list secrets ns -", NULL, false, "No Object name found" },
    { "delete secrets ns s1", NULL, false, "can only read resources of this type" },
    { "get configmaps ns cm1", NULL, true, "" },
    { "get resource.k8s.io:resourceclaims ns p-gpu-x", NULL, true, "" },
    { "get resource.k8s.io:resourceclaims ns direct", NULL, true, "" },
    { "get resource.k8s.io:resourceclaims ns gpu", NULL, false, RELATED },
    { "list resource.k8s.io:resourceclaims ns -", NULL, false, "can only get individual resources of this type" },
    { "create serviceaccounts/token ns driver", NULL, true, "" },
    { "create serviceaccounts/token ns default", NULL, false, RELATED },
    { "create resource.k8s.io:resourceslices - -", NULL, true, "" },
    { "update resource.k8s.io:resourceslices - sl1", NULL, true, "" },
    { "delete resource.k8s.io:resourceslices - sl2", NULL, false, RELATED },
    { "list resource.k8s.io:resourceslices - -", "spec.driver=d,spec.nodeName=n1", true, "" },
    { "list resource.k8s.io:resourceslices - -", "spec.nodeName==n1", true, "" },
    { "list resource.k8s.io:resourceslices - -", "spec.nodeName!=n1", false, NULL },
    { "deletecollection resource.k8s.io:resourceslices - -", NULL, false,
      "can only list/watch/deletecollection resourceslices with nodeName field selector" },
    { "get nodes - n1", NULL, true, "" },
    { "get nodes - n2", NULL, false, "node 'n1' cannot read 'n2', only its own Node object" },
    { "patch nodes/status - n1", NULL, true, "" },
    { "delete nodes - n1", NULL, false, "" },
    { "get pods ns p", NULL, true, "" },
    { "list pods - -", "spec.nodeName=n1", true, "" },
    { "list pods - -", NULL, false, "can only list/watch pods with spec.nodeName field selector" },
    { "create pods/eviction ns p", NULL, true, "" },
    { "create pods/exec ns p", NULL, false, "" },
    { "update coordination.k8s.io:leases kube-node-lease n1", NULL, true, "" },
    { "update coordination.k8s.io:leases kube-node-lease n2", NULL, false, NULL },
    { "create events ns -", NULL, true, "" },
    { "create events.k8s.io:events ns -", NULL, true, "" },
    { "list services - -", NULL, true, "" },
    { "list deployments ns -", NULL, false, "" },
  };
  struct exchange_user u = user(f, "system:node:n1", "system:nodes"), no_group = user(f, "system:node:n1", "");
  const char *reason;

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    struct authz_request req = request(f, &u, rows[i].what);
    enum authz_decision d;

    authz_select(f->z, f->a, span_of(rows[i].selector), &req);
    d = authz_decide(f->z, f->a, &req, &reason);
    if ((d == AUTHZ_ALLOW) != rows[i].allowed)
      fail_msg("%s: %s", rows[i].what, reason);
    if (rows[i].reason)
      assert_string_equal(reason, *rows[i].reason ? arena_printf(f->a, "node: %s", rows[i].reason) : "");
    req.user = &no_group;
    assert_int_equal(authz_decide(f->z, f->a, &req, &reason), AUTHZ_NO_OPINION);
  }
}

static void
other_modes(void **state)
{
  struct fixture *f = *state;
  static const struct {
    const char *modes, *error;
    bool allowed;
  } rows[] = {
    { "AlwaysAllow", NULL, true },
    { "AlwaysDeny", NULL, false },
    { "AlwaysDeny,RBAC", NULL, true },
    { "RBAC, Node", NULL, true },
    { "Webhok", "authorization-mode \"Webhok\" is not a valid mode", false },
    { "", "authorization-mode \"\" is not a valid mode", false },
    { "RBAC,RBAC", "authorization-mode \"RBAC\" has mode specified more than once", false },
  };
  struct exchange_user u = user(f, "zed", "");
  struct authz_request req = request(f, &u, "get pods ns p");

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    const char *reason;
    struct authz *z;

    if (rows[i].error) {
      assert_int_equal(authz_new(rows[i].modes, f->p, &z, &err), -KERR_USAGE);
      assert_string_equal(err.msg, rows[i].error);
      continue;
    }
    assert_int_equal(authz_new(rows[i].modes, f->p, &z, &err), 0);
    authz_bind(z, auth_objects_new(f->a, f->objects));
    assert_int_equal(authz_decide(z, f->a, &req, &reason) == AUTHZ_ALLOW, rows[i].allowed);
    if (!rows[i].allowed)
      assert_string_equal(reason, "alwaysdeny: Everything is forbidden.");
    authz_free(z);
  }
}

static struct json *
parse(struct fixture *f, const char *text)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *v;

  if (json_parse(f->a, span_of(text), NULL, &v, &err) < 0)
    fail_msg("%s", err.msg);
  return v;
}

static void
nobody_grants_what_he_has_not(void **state)
{
  struct fixture *f = *state;
  static const struct {
    const char *user, *rules, *missing; /* NULL: covered */
  } rows[] = {
    { "zed", "[{\"verbs\":[\"get\"],\"apiGroups\":[\"\"],\"resources\":[\"pods\"],\"resourceNames\":[\"a\"]}]", NULL },
    { "zed", "[{\"verbs\":[\"get\",\"watch\",\"delete\"],\"apiGroups\":[\"\"],\"resources\":[\"pods\"]}]",
      "{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"watch\" \"delete\"]}" },
    { "zed", "[{\"verbs\":[\"*\"],\"apiGroups\":[\"\"],\"resources\":[\"pods\"]}]",
      "{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"*\"]}" },
    { "zed", "[{\"verbs\":[\"get\"],\"nonResourceURLs\":[\"/metrics/x\",\"/api\"]}]",
      "{NonResourceURLs:[\"/api\"], Verbs:[\"get\"]}" },
    { "fay", "[{\"verbs\":[\"update\"],\"apiGroups\":[\"resource.k8s.io\"],\"resources\":[\"resourceclaims/status\"]}]",
      "{APIGroups:[\"resource.k8s.io\"], Resources:[\"resourceclaims/status\"], Verbs:[\"update\"]}" },
    { "carl", "[{\"verbs\":[\"get\"],\"apiGroups\":[\"apps\"],\"resources\":[\"deployments/scale\",\"pods\"]}]",
      "{APIGroups:[\"apps\"], Resources:[\"pods\"], Verbs:[\"get\"]}" },
    { "root", "[{\"verbs\":[\"*\"],\"apiGroups\":[\"*\"],\"resources\":[\"*\"]}]", NULL },
  };

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    struct exchange_user u = user(f, rows[i].user, ""), master = user(f, "x", "system:masters");
    const char *missing;

    assert_int_equal(authz_covers(f->z, f->a, &u, "ns", parse(f, rows[i].rules), &missing), !rows[i].missing);
    if (rows[i].missing)
      assert_string_equal(missing, rows[i].missing);
    assert_true(authz_covers(f->z, f->a, &master, "", parse(f, rows[i].rules), &missing));
  }
}

static void
rules_of_a_user(void **state)
{
  struct fixture *f = *state;
  struct exchange_user u = user(f, "zed", ""), node = user(f, "system:node:n1", "system:nodes");
  struct json *resources, *paths;
  const char *incomplete;

  authz_rules(f->z, f->a, &u, "ns", &resources, &paths, &incomplete);
  assert_null(incomplete);
  assert_string_equal(json_text(f->a, resources, JSON_COMPACT),
                      "[{\"verbs\":[\"get\",\"list\"],\"apiGroups\":[\"\"],\"resources\":[\"pods\"]}]");
  assert_string_equal(json_text(f->a, paths, JSON_COMPACT),
                      "[{\"verbs\":[\"get\"],\"nonResourceURLs\":[\"/healthz\",\"/metrics/*\"]}]");
  authz_rules(f->z, f->a, &node, "ns", &resources, &paths, &incomplete);
  assert_string_equal(incomplete, "node authorizer does not support user rule resolution");
}

/* -- impersonation -- */

/* "name[groups]{extra}", or the error. */
static const char *
impersonated(struct fixture *f, const char *who, const char *groups, const char *headers)
{
  struct exchange_header list[8];
  struct exchange_request req = { .headers = list, .arena = f->a };
  struct exchange_user u = user(f, who, groups);
  struct authz_request what = request(f, &u, "list pods ns -");
  struct span rest = span_of(headers);
  const struct exchange_user *got;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const char *text;

  while (rest.n) {
    struct span value, name = span_cut(span_cut(rest, '\n', &rest), '=', &value);

    list[req.n_headers++] = (struct exchange_header){ arena_strndup(f->a, name.p, name.n),
                                                      arena_strndup(f->a, value.n ? value.p : "", value.n) };
  }
  if (impersonate_request(f->z, &req, &u, &what, &got, &err) < 0)
    return arena_strdup(f->a, err.msg);
  text = arena_printf(f->a, "%s/%s[", got->name, got->uid);
  for (size_t i = 0; i < got->n_groups; i++)
    text = arena_printf(f->a, "%s%s%s", text, i ? "," : "", got->groups[i]);
  return arena_printf(f->a, "%s]%s", text, got->extra ? json_text(f->a, got->extra, JSON_COMPACT) : "");
}

static void
impersonation_table(void **state)
{
  struct fixture *f = *state;
  static const struct {
    const char *who, *groups, *headers, *want;
  } rows[] = {
    { "zed", "devs", "accept=x\n", "zed/[devs]" },
    { "adm", "system:masters", "impersonate-user=alice\nimpersonate-group=devs\n",
      "alice/[devs,system:authenticated]" },
    { "adm", "system:masters",
      "impersonate-user=u\nimpersonate-extra-scopes=x\nimpersonate-extra-a%2fb=y\n"
      "impersonate-uid=7\n",
      "u/7[system:authenticated]{\"scopes\":[\"x\"],\"a/b\":[\"y\"]}" },
    { "adm", "system:masters", "impersonate-user=system:anonymous\n", "system:anonymous/[system:unauthenticated]" },
    { "adm", "system:masters", "impersonate-user=system:serviceaccount:ns:driver\n",
      "system:serviceaccount:ns:driver/[system:serviceaccounts,system:serviceaccounts:ns,system:authenticated]" },
    { "adm", "system:masters", "impersonate-user=system:node:n1\n",
      "system:node:n1/[system:nodes,system:authenticated]" },
    { "adm", "system:masters", "impersonate-user=x\nimpersonate-group=system:masters\n",
      "x/[system:masters,system:authenticated]" },
    { "adm", "system:masters", "impersonate-group=devs\n",
      "requested &user.DefaultInfo{Name:\"\", UID:\"\", Groups:[]string{\"devs\"}, Extra:map[string][]string(nil)} "
      "without impersonating a user name" },
    { "ann", "", "impersonate-user=bob\n", "bob/[system:authenticated]" },
    { "ann", "", "impersonate-user=carol\n",
      "pods is forbidden: User \"ann\" cannot impersonate-on:user-info:list resource \"pods\" in API group \"\" in the "
      "namespace \"ns\"" },
    { "ann", "", "impersonate-user=bob\nimpersonate-group=devs\n",
      "pods is forbidden: User \"ann\" cannot impersonate-on:user-info:list resource \"pods\" in API group \"\" in the "
      "namespace \"ns\"" },
    { "eve", "", "impersonate-user=bob\n", "bob/[system:authenticated]" },
    { "eve", "", "impersonate-user=bob\nimpersonate-group=devs\n",
      "groups.authentication.k8s.io \"devs\" is forbidden: User \"eve\" cannot impersonate:user-info resource "
      "\"groups\" in API group \"authentication.k8s.io\" at the cluster scope" },
    { "eve", "", "impersonate-user=bob\nimpersonate-group=system:masters\n",
      "groups.authentication.k8s.io \"system:masters\" is forbidden: User \"eve\" cannot impersonate:user-info "
      "resource \"groups\" in API group \"authentication.k8s.io\" at the cluster scope: impersonating the "
      "system:masters group is not allowed" },
  };

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
    assert_string_equal(impersonated(f, rows[i].who, rows[i].groups, rows[i].headers), rows[i].want);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
  const struct CMUnitTest tests[] = {
    TEST(rbac_table),          TEST(refusals),        TEST(node_table),
    TEST(other_modes),         TEST(rules_of_a_user), TEST(nobody_grants_what_he_has_not),
    TEST(impersonation_table),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
