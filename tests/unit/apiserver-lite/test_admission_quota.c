/* ResourceQuota: scopes, what has to be said, what is charged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "mem.h"
#include "rest_fixture.h"

#define QUOTAS "/api/v1/namespaces/default/resourcequotas"
#define PODS   "/api/v1/namespaces/default/pods?dryRun=All"

/* A quota `q` with these members in its spec, counted by nobody but us. `used` NULL: not even that. */
static void
install(struct fixture *f, const char *spec, const char *hard, const char *used)
{
  (void)must(f, 201, "POST", QUOTAS,
             arena_printf(f->arena, "{\"metadata\":{\"name\":\"q\"},\"spec\":{\"hard\":%s%s}}", hard, spec), NULL);
  (void)must(f, 200, "PATCH", QUOTAS "/q/status",
             arena_printf(f->arena, "{\"status\":{\"hard\":%s,\"used\":%s}}", hard, used ? used : "{}"),
             "content-type: application/merge-patch+json");
}

#define POD(more, containers) "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[" containers "]" more "}}"
#define PLAIN                 "{\"name\":\"c\",\"image\":\"i\"}"
#define SAYING(list, what)    "{\"name\":\"d\",\"image\":\"i\",\"resources\":{\"" list "\":{" what "}}}"
#define SCOPED(scope)         ",\"scopes\":[\"" scope "\"]"
#define SELECTED(op, values) \
  ",\"scopeSelector\":{\"matchExpressions\":[{\"scopeName\":\"PriorityClass\",\"operator\":\"" op "\"" values "}]}"
#define FULL     "{\"pods\":\"0\"}"
#define EXCEEDED "pods \"p\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0"

static void
pods(void **state)
{
  static const struct {
    const char *spec, *hard, *used, *pod, *message; /* "" : admitted */
  } rows[] = {
    { "", FULL, FULL, POD("", PLAIN), EXCEEDED },
    { "", "{\"pods\":\"1\"}", FULL, POD("", PLAIN), "" },
    { "", FULL, NULL, POD("", PLAIN), "pods \"p\" is forbidden: status unknown for quota: q, resources: pods" },
    { SCOPED("BestEffort"), FULL, FULL, POD("", PLAIN), EXCEEDED },
    { SCOPED("NotBestEffort"), FULL, FULL, POD("", PLAIN), "" },
    { SCOPED("Terminating"), FULL, FULL, POD("", PLAIN), "" },
    { SCOPED("Terminating"), FULL, FULL, POD(",\"activeDeadlineSeconds\":5", PLAIN), EXCEEDED },
    { SELECTED("Exists", ""), FULL, FULL, POD("", PLAIN), "" },
    { SELECTED("DoesNotExist", ""), FULL, FULL, POD("", PLAIN), EXCEEDED },
    { SELECTED("In", ",\"values\":[\"system-node-critical\"]"), FULL, FULL,
      POD(",\"priorityClassName\":\"system-node-critical\"", PLAIN), EXCEEDED },
    { SELECTED("NotIn", ",\"values\":[\"system-node-critical\"]"), FULL, FULL,
      POD(",\"priorityClassName\":\"system-node-critical\"", PLAIN), "" },
    { "", "{\"cpu\":\"1\",\"limits.memory\":\"1\"}", "{\"cpu\":\"0\",\"limits.memory\":\"0\"}",
      POD("", PLAIN "," SAYING("requests", "\"cpu\":\"1\"")),
      "pods \"p\" is forbidden: failed quota: q: must specify cpu for: c; limits.memory for: c,d" },
    { "", "{\"requests.cpu\":\"1\"}", "{\"requests.cpu\":\"500m\"}", POD("", SAYING("requests", "\"cpu\":\"600m\"")),
      "pods \"p\" is forbidden: exceeded quota: q, requested: requests.cpu=600m, used: requests.cpu=500m, limited: "
      "requests.cpu=1" },
  };
  struct fixture *f = *state;

  (void)must(f, 201, "POST", "/api/v1/namespaces/default/serviceaccounts",
             "{\"metadata\":{\"name\":\"default\"},\"automountServiceAccountToken\":false}", NULL);
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    install(f, rows[i].spec, rows[i].hard, rows[i].used);
    struct reply r = ask(f, "POST", PODS, rows[i].pod, NULL);

    if (strcmp(at(f, &r, "/message"), rows[i].message) != 0)
      fail_msg("row %zu: %s", i, r.text);
    assert_int_equal(r.status, *rows[i].message ? 403 : 201);
    (void)must(f, 200, "DELETE", QUOTAS "/q", NULL, NULL);
  }
}

/* Node ports are counted before they are taken: by what the service asks for. */
static void
services(void **state)
{
#define HARD          "{\"services\":\"2\",\"services.nodeports\":\"1\",\"services.loadbalancers\":\"0\"}"
#define NONE          "{\"services\":\"0\",\"services.nodeports\":\"0\",\"services.loadbalancers\":\"0\"}"
#define SERVICE(more) "{\"metadata\":{\"name\":\"s\"},\"spec\":{" more "}}"
#define PORT(n)       "{\"name\":\"p" n "\",\"port\":" n "}"
#define TOO_MANY      "services \"s\" is forbidden: exceeded quota: q, requested: "
  static const struct {
    const char *service, *message; /* "": admitted */
  } rows[] = {
    { SERVICE("\"ports\":[" PORT("80") "," PORT("81") "]"), "" },
    { SERVICE("\"type\":\"NodePort\",\"ports\":[" PORT("80") "]"), "" },
    { SERVICE("\"type\":\"NodePort\",\"ports\":[" PORT("80") "," PORT("81") "]"),
      TOO_MANY "services.nodeports=2, used: services.nodeports=0, limited: services.nodeports=1" },
    { SERVICE("\"type\":\"LoadBalancer\",\"ports\":[" PORT("80") "," PORT("81") "]"),
      TOO_MANY "services.loadbalancers=1,services.nodeports=2, used: services.loadbalancers=0,services.nodeports=0, "
               "limited: services.loadbalancers=0,services.nodeports=1" },
    { SERVICE("\"type\":\"LoadBalancer\",\"allocateLoadBalancerNodePorts\":false,\"ports\":[" PORT("80") "," PORT(
          "81") "]"),
      TOO_MANY "services.loadbalancers=1, used: services.loadbalancers=0, limited: services.loadbalancers=0" },
  };
  struct fixture *f = *state;

  install(f, "", HARD, NONE);
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    struct reply r = ask(f, "POST", "/api/v1/namespaces/default/services?dryRun=All", rows[i].service, NULL);

    if (strcmp(at(f, &r, "/message"), rows[i].message) != 0)
      fail_msg("row %zu: %s", i, r.text);
  }
  (void)must(f, 200, "DELETE", QUOTAS "/q", NULL, NULL);
}

/* Quotas with scopes are about pods; others count whatever there is, once it is stored. */
static void
other_objects(void **state)
{
  struct fixture *f = *state;
  struct reply r;

  install(f, "", "{\"count/configmaps\":\"1\"}", "{\"count/configmaps\":\"0\"}");
  (void)must(f, 201, "POST", "/api/v1/namespaces/default/configmaps?dryRun=All", "{\"metadata\":{\"name\":\"a\"}}",
             NULL);
  (void)must(f, 201, "POST", "/api/v1/namespaces/default/configmaps", "{\"metadata\":{\"name\":\"a\"}}", NULL);
  r = must(f, 200, "GET", QUOTAS "/q", NULL, NULL);
  assert_string_equal(at(f, &r, "/status/used/count~1configmaps"), "1");
  (void)must(f, 403, "POST", "/api/v1/namespaces/default/configmaps", "{\"metadata\":{\"name\":\"b\"}}", NULL);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
  const struct CMUnitTest tests[] = { TEST(pods), TEST(services), TEST(other_objects) };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
