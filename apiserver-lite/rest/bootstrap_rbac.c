/*
 * Rules are written as RBAC's users write them in their heads: groups, then
 * resources, then verbs, one rule a line: `g1,g2 | r1,r2 | v1,v2`, the core
 * group as "core"; a line that begins with '/' gives paths: `/path,/path | v1`.
 */
#include "bootstrap_rbac.h"

#include <string.h>

#include "ceilings.h"
#include "object.h"

#define SCHEDULER        "system:kube-scheduler"
#define CLAIM_CONTROLLER "system:controller:resource-claim-controller"

static const struct role {
  const char *name, *rules;
} roles[] = {
  { "cluster-admin", "* | * | *\n/* | *\n" },
  { "system:discovery",
    "/api,/api/*,/apis,/apis/*,/healthz,/livez,/openapi,/openapi/*,/readyz,/version,/version/ | get\n" },
  { "system:public-info-viewer", "/healthz,/livez,/readyz,/version,/version/ | get\n" },
  { "system:basic-user", "authorization.k8s.io | selfsubjectaccessreviews,selfsubjectrulesreviews | create\n"
                         "authentication.k8s.io | selfsubjectreviews | create\n" },
  { "system:monitoring", "/healthz,/healthz/*,/livez,/livez/*,/metrics,/metrics/slis,/readyz,/readyz/* | get\n" },
  { "system:service-account-issuer-discovery", "/.well-known/openid-configuration,/.well-known/openid-configuration/,"
                                               "/openid/v1/jwks,/openid/v1/jwks/ | get\n" },
  { "system:auth-delegator",
    "authentication.k8s.io | tokenreviews | create\nauthorization.k8s.io | subjectaccessreviews | create\n" },
  { "view",
    "core | configmaps,endpoints,persistentvolumeclaims,persistentvolumeclaims/status,pods,replicationcontrollers,"
    "replicationcontrollers/scale,serviceaccounts,services,services/status,bindings,events,limitranges,"
    "namespaces/status,pods/log,pods/status,replicationcontrollers/status,resourcequotas,resourcequotas/"
    "status,namespaces"
    " | get,list,watch\n"
    "discovery.k8s.io | endpointslices | get,list,watch\n"
    "apps | controllerrevisions,daemonsets,daemonsets/status,deployments,deployments/scale,deployments/status,"
    "replicasets,replicasets/scale,replicasets/status,statefulsets,statefulsets/scale,statefulsets/status"
    " | get,list,watch\n"
    "autoscaling | horizontalpodautoscalers,horizontalpodautoscalers/status | get,list,watch\n"
    "batch | cronjobs,cronjobs/status,jobs,jobs/status | get,list,watch\n"
    "policy | poddisruptionbudgets,poddisruptionbudgets/status | get,list,watch\n"
    "networking.k8s.io | ingresses,ingresses/status,networkpolicies | get,list,watch\n" },
  { "edit",
    "core | pods/attach,pods/exec,pods/portforward,pods/proxy,secrets,services/proxy | get,list,watch\n"
    "core | serviceaccounts | impersonate\n"
    "core | pods,pods/attach,pods/exec,pods/portforward,pods/proxy | create,delete,deletecollection,patch,update\n"
    "core | pods/eviction | create\n"
    "core | configmaps,events,persistentvolumeclaims,replicationcontrollers,replicationcontrollers/scale,secrets,"
    "serviceaccounts,services,services/proxy | create,delete,deletecollection,patch,update\n"
    "core | serviceaccounts/token | create\n"
    "apps | daemonsets,deployments,deployments/rollback,deployments/scale,replicasets,replicasets/scale,statefulsets,"
    "statefulsets/scale | create,delete,deletecollection,patch,update\n"
    "autoscaling | horizontalpodautoscalers | create,delete,deletecollection,patch,update\n"
    "batch | cronjobs,jobs | create,delete,deletecollection,patch,update\n"
    "policy | poddisruptionbudgets | create,delete,deletecollection,patch,update\n"
    "networking.k8s.io | ingresses,networkpolicies | create,delete,deletecollection,patch,update\n"
    "coordination.k8s.io | leases | create,delete,deletecollection,get,list,patch,update,watch\n" },
  { "admin",
    "rbac.authorization.k8s.io | rolebindings,roles | create,delete,deletecollection,get,list,patch,update,watch\n"
    "authorization.k8s.io | localsubjectaccessreviews | create\n" },
  { "system:node", "authentication.k8s.io | tokenreviews | create\n"
                   "authorization.k8s.io | localsubjectaccessreviews,subjectaccessreviews | create\n"
                   "core | services | get,list,watch\n"
                   "core | nodes | create,get,list,watch\n"
                   "core | nodes,nodes/status | patch,update\n"
                   "core | events | create,patch,update\n"
                   "core | pods | get,list,watch\n"
                   "core | pods | create,delete\n"
                   "core | pods/status | patch,update\n"
                   "core | pods/eviction | create\n"
                   "core | configmaps,secrets | get,list,watch\n"
                   "core | persistentvolumeclaims,persistentvolumes | get\n"
                   "core | endpoints | get\n"
                   "core | serviceaccounts/token | create\n"
                   "core | serviceaccounts | get\n"
                   "certificates.k8s.io | certificatesigningrequests | create,get,list,watch\n"
                   "coordination.k8s.io | leases | create,delete,get,patch,update\n"
                   "storage.k8s.io | volumeattachments | get\n"
                   "storage.k8s.io | csidrivers | get,list,watch\n"
                   "storage.k8s.io | csinodes | create,delete,get,patch,update\n"
                   "node.k8s.io | runtimeclasses | get,list,watch\n" },
  { SCHEDULER, "core,events.k8s.io | events | create,patch,update\n"
               "coordination.k8s.io | leases | create,get,list,update,watch\n"
               "core | nodes | get,list,watch\n"
               "core | pods | delete,get,list,watch\n"
               "core | bindings,pods/binding | create\n"
               "core | pods/status | patch,update\n"
               "core | replicationcontrollers,services | get,list,watch\n"
               "apps | replicasets,statefulsets | get,list,watch\n"
               "policy | poddisruptionbudgets | get,list,watch\n"
               "core | persistentvolumeclaims,persistentvolumes | get,list,watch\n"
               "authentication.k8s.io | tokenreviews | create\n"
               "authorization.k8s.io | subjectaccessreviews | create\n"
               "storage.k8s.io | csidrivers,csinodes,csistoragecapacities,volumeattachments | get,list,watch\n"
               "core | namespaces | get,list,watch\n" },
  { "system:kube-controller-manager", "core,events.k8s.io | events | create,patch,update\n"
                                      "coordination.k8s.io | leases | create,get,list,update,watch\n"
                                      "core | secrets,serviceaccounts | create,delete,get,update\n"
                                      "core | configmaps,namespaces,secrets,serviceaccounts | get\n"
                                      "core | serviceaccounts/token | create\n"
                                      "authentication.k8s.io | tokenreviews | create\n"
                                      "authorization.k8s.io | subjectaccessreviews | create\n"
                                      "* | * | list,watch\n" },
  { CLAIM_CONTROLLER, "" },
};

/* What roles have of resource.k8s.io where DynamicResourceAllocation is on, in the releases `first` to `last`. */
static const struct dra_rules {
  const char *role;
  int first, last;
  const char *rules;
} dra_rules[] = {
  { "view", 32, 37,
    "resource.k8s.io | resourceclaims,resourceclaims/status,resourceclaimtemplates | get,list,watch\n" },
  { "edit", 32, 37,
    "resource.k8s.io | resourceclaims,resourceclaimtemplates | create,delete,deletecollection,patch,update\n" },
  { "system:node", 26, 31, "resource.k8s.io | resourceclaims | get\n" },
  { "system:node", 32, 37, "resource.k8s.io | resourceclaims | get,list,watch\n" },
  { "system:node", 31, 37, "resource.k8s.io | resourceslices | deletecollection\n" },
  { "system:node", 30, 37, "resource.k8s.io | resourceslices | create,delete,get,list,patch,update,watch\n" },
  { SCHEDULER, 26, 29, "resource.k8s.io | resourceclaims,resourceclasses | get,list,watch\n" },
  { SCHEDULER, 30, 30, "resource.k8s.io | resourceclasses | get,list,watch\n" },
  { SCHEDULER, 31, 31, "resource.k8s.io | deviceclasses | get,list,watch\n" },
  { SCHEDULER, 30, 31, "resource.k8s.io | resourceclaims | get,list,patch,update,watch\n" },
  { SCHEDULER, 26, 31, "resource.k8s.io | resourceclaims/status | get,list,patch,update,watch\n" },
  { SCHEDULER, 26, 26,
    "resource.k8s.io | podschedulings | create,delete,deletecollection,get,list,patch,update,watch\n"
    "resource.k8s.io | podschedulings/status | get,list,watch\n" },
  { SCHEDULER, 27, 31,
    "resource.k8s.io | podschedulingcontexts | create,delete,deletecollection,get,list,patch,update,watch\n"
    "resource.k8s.io | podschedulingcontexts/status | get,list,watch\n" },
  { SCHEDULER, 30, 31, "core | pods/finalizers | update\n" },
  { SCHEDULER, 30, 30,
    "resource.k8s.io | resourceclaimparameters,resourceclassparameters,resourceslices | get,list,watch\n" },
  { SCHEDULER, 31, 31, "resource.k8s.io | resourceslices | get,list,watch\n" },
  { SCHEDULER, 32, 37,
    "resource.k8s.io | deviceclasses,devicetaintrules,resourceslices | get,list,watch\n"
    "resource.k8s.io | resourceclaims | create,delete,get,list,patch,update,watch\n"
    "resource.k8s.io | resourceclaims/status | get,list,patch,update,watch\n"
    "resource.k8s.io | resourceclaims/binding | patch,update\n" },
  { CLAIM_CONTROLLER, 26, 37, "core | pods | get,list,watch\ncore | pods/finalizers | update\n" },
  { CLAIM_CONTROLLER, 26, 27, "resource.k8s.io | resourceclaims | create,get,list,watch\n" },
  { CLAIM_CONTROLLER, 28, 37, "resource.k8s.io | resourceclaims | create,delete,get,list,watch\n" },
  { CLAIM_CONTROLLER, 28, 31, "resource.k8s.io | podschedulingcontexts | create,get,list,patch,update,watch\n" },
  { CLAIM_CONTROLLER, 26, 29, "resource.k8s.io | resourceclaims/status | patch,update\n" },
  { CLAIM_CONTROLLER, 30, 37, "resource.k8s.io | resourceclaims,resourceclaims/status | patch,update\n" },
  { CLAIM_CONTROLLER, 36, 37, "resource.k8s.io | resourceclaims/binding | patch,update\n" },
  { CLAIM_CONTROLLER, 28, 37, "core | pods/status | patch,update\n" },
  { CLAIM_CONTROLLER, 26, 37, "core,events.k8s.io | events | create,patch,update\n" },
};

static const struct binding {
  const char *role, *kind, *subject;
} bindings[] = {
  { "cluster-admin", "Group", "system:masters" },
  { "system:discovery", "Group", "system:authenticated" },
  { "system:basic-user", "Group", "system:authenticated" },
  { "system:public-info-viewer", "Group", "system:authenticated" },
  { "system:public-info-viewer", "Group", "system:unauthenticated" },
  { "system:monitoring", "Group", "system:monitoring" },
  { "system:service-account-issuer-discovery", "Group", "system:serviceaccounts" },
  { SCHEDULER, "User", "system:kube-scheduler" },
  { "system:kube-controller-manager", "User", "system:kube-controller-manager" },
  { CLAIM_CONTROLLER, "ServiceAccount", "resource-claim-controller" },
};

static void
add_words(struct arena *a, struct json *rule, const char *name, struct span words)
{
  struct json *list = json_ensure_array(a, rule, name);

  words = span_trim(words);
  while (words.p) {
    struct span rest, word = span_cut(words, ',', &rest);

    json_append(a, list,
                span_is(word, "core") && strcmp(name, "apiGroups") == 0 ? json_new_str(a, "")
                                                                        : json_new_strn(a, word.p, word.n));
    words = rest;
  }
}

static struct json *
rule_of_line(struct arena *a, struct span line)
{
  struct json *rule = json_new_object(a);
  struct span rest, verbs, first = span_cut(line, '|', &rest);

  if (line.p[0] == '/') {
    add_words(a, rule, "nonResourceURLs", first);
    add_words(a, rule, "verbs", rest);
    return rule;
  }
  struct span resources = span_cut(rest, '|', &verbs);

  add_words(a, rule, "apiGroups", first);
  add_words(a, rule, "resources", resources);
  add_words(a, rule, "verbs", verbs);
  return rule;
}

static struct json *
new_object(struct arena *a, const char *name)
{
  struct json *o = json_new_object(a), *meta = json_ensure_object(a, o, "metadata");

  json_set_str(a, meta, "name", name);
  json_set_str(a, json_ensure_object(a, meta, "annotations"), "rbac.authorization.kubernetes.io/autoupdate", "true");
  json_set_str(a, json_ensure_object(a, meta, "labels"), "kubernetes.io/bootstrapping", "rbac-defaults");
  return o;
}

static void
add_rules(struct arena *a, struct json *list, const char *text)
{
  struct span left = span_of(text);

  while (left.p && left.n) {
    struct span rest, line = span_cut(left, '\n', &rest);

    if (line.n)
      json_append(a, list, rule_of_line(a, line));
    left = rest;
  }
}

/* What a role has in itself, without what is aggregated into it. */
static void
add_own_rules(struct arena *a, struct json *list, const char *name, const struct personality *p)
{
  bool dra = personality_gate(p, "DynamicResourceAllocation");
  int minor = personality_minor(p);

  for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
    if (strcmp(roles[i].name, name) == 0)
      add_rules(a, list, roles[i].rules);
  for (size_t i = 0; dra && i < ARRAY_SIZE(dra_rules); i++)
    if (strcmp(dra_rules[i].role, name) == 0 && minor >= dra_rules[i].first && minor <= dra_rules[i].last)
      add_rules(a, list, dra_rules[i].rules);
}

/* What upstream aggregates (admin ⊇ edit ⊇ view) by a controller is put together here. */
static struct json *
role_object(struct arena *a, const struct role *r, const struct personality *p)
{
  struct json *o = new_object(a, r->name), *rules = json_ensure_array(a, o, "rules");

  add_own_rules(a, rules, r->name, p);
  if (strcmp(r->name, "admin") == 0)
    add_own_rules(a, rules, "edit", p);
  if (strcmp(r->name, "admin") == 0 || strcmp(r->name, "edit") == 0)
    add_own_rules(a, rules, "view", p);
  return o;
}

static struct json *
binding_object(struct arena *a, const struct binding *b, size_t first)
{
  struct json *o = new_object(a, b->role), *ref = json_ensure_object(a, o, "roleRef");
  struct json *subjects = json_ensure_array(a, o, "subjects");

  json_set_str(a, ref, "apiGroup", "rbac.authorization.k8s.io");
  json_set_str(a, ref, "kind", "ClusterRole");
  json_set_str(a, ref, "name", b->role);
  for (size_t i = first; i < ARRAY_SIZE(bindings) && strcmp(bindings[i].role, b->role) == 0; i++) {
    struct json *s = json_append(a, subjects, json_new_object(a));

    bool account = strcmp(bindings[i].kind, "ServiceAccount") == 0;

    json_set_str(a, s, "kind", bindings[i].kind);
    json_set_str(a, s, "name", bindings[i].subject);
    json_set_str(a, s, account ? "namespace" : "apiGroup", account ? "kube-system" : "rbac.authorization.k8s.io");
  }
  return o;
}

static int
create(struct apiserver *s, struct arena *a, const char *resource, const struct json *o, struct kerr *reterr)
{
  return bootstrap_create(s, arena_printf(a, "/apis/rbac.authorization.k8s.io/v1/%s", resource),
                          json_text(a, o, JSON_COMPACT), reterr);
}

/* A role of a feature that is off has no rules, and is not there. */
static bool
is_there(struct arena *a, const char *name, const struct personality *p)
{
  struct json *rules = json_new_array(a);

  add_own_rules(a, rules, name, p);
  return json_count(rules) > 0;
}

int
bootstrap_rbac(struct apiserver *s, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  const struct personality *p = s->personality;

  for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
    if (is_there(a, roles[i].name, p) && create(s, a, "clusterroles", role_object(a, &roles[i], p), reterr) < 0)
      return -(int)reterr->code;
  for (size_t i = 0; i < ARRAY_SIZE(bindings); i++) {
    bool first = !i || strcmp(bindings[i].role, bindings[i - 1].role) != 0;

    if (first && is_there(a, bindings[i].role, p) &&
        create(s, a, "clusterrolebindings", binding_object(a, &bindings[i], i), reterr) < 0)
      return -(int)reterr->code;
  }
  return 0;
}
