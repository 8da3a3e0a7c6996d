/* Scheduler and controllers on a real API server in one process: the life of claims and pods. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "ceilings.h"
#include "cluster_fixture.h"

static const char node[] =
    "apiVersion: v1\nkind: Node\nmetadata: {name: n1, labels: {kubernetes.io/hostname: n1}}\n"
    "status: {allocatable: {cpu: '4', memory: 8Gi, pods: '110'}, capacity: {cpu: '4', memory: 8Gi, pods: '110'},\n"
    "         conditions: [{type: Ready, status: 'True'}]}\n";
static const char device_class[] =
    "apiVersion: resource.k8s.io/v1\nkind: DeviceClass\nmetadata: {name: gpu}\nspec: {}\n";
static const char slice[] =
    "apiVersion: resource.k8s.io/v1\nkind: ResourceSlice\nmetadata: {name: s1}\n"
    "spec: {driver: gpu.example.com, nodeName: n1, pool: {name: n1, generation: 1, resourceSliceCount: 1},\n"
    "       devices: [{name: gpu-0}, {name: gpu-1}]}\n";
static const char template[] = "apiVersion: resource.k8s.io/v1\nkind: ResourceClaimTemplate\nmetadata: {name: t}\n"
                               "spec: {spec: {devices: {requests: [{name: r, exactly: {deviceClassName: gpu}}]}}}\n";
static const char claim[] = "apiVersion: resource.k8s.io/v1\nkind: ResourceClaim\nmetadata: {name: c}\n"
                            "spec: {devices: {requests: [{name: r, exactly: {deviceClassName: gpu, count: 1}}]}}\n";
static const char big_claim[] = "apiVersion: resource.k8s.io/v1\nkind: ResourceClaim\nmetadata: {name: big}\n"
                                "spec: {devices: {requests: [{name: r, exactly: {deviceClassName: gpu, count: 3}}]}}\n";
#define POD(name, source)                                                                                      \
  "apiVersion: v1\nkind: Pod\nmetadata: {name: " name "}\n"                                                    \
  "spec: {containers: [{name: c, image: busybox, resources: {claims: [{name: g}]}}], resourceClaims: [{name: " \
  "g, " source "}]}\n"

static bool
has_no_taint(const struct json *o, const void *arg)
{
  (void)arg;
  return json_count(json_dig(o, "spec", "taints", NULL)) == 0;
}

static bool
is_there(const struct json *o, const void *arg)
{
  (void)arg;
  return o != NULL;
}

static int
setup(void **state)
{
  struct fixture *f = fixture_new(FIXTURE_ALL);

  *state = f;
  fixture_create(f, &KC_NODES, NULL, node);
  fixture_create(f, &KC_DEVICECLASSES, NULL, device_class);
  fixture_create(f, &KC_RESOURCESLICES, NULL, slice);
  record_unref(fixture_until(f, &KC_NODES, NULL, "n1", has_no_taint, NULL)); /* admission's not-ready */
  record_unref(fixture_until(f, &KC_SERVICEACCOUNTS, "default", "default", is_there, NULL));
  return 0;
}

static int
teardown(void **state)
{
  fixture_free(*state);
  return 0;
}

static bool
is_bound(const struct json *pod, const void *arg)
{
  return strcmp(json_get_str_or(json_get(pod, "spec"), "nodeName", ""), arg) == 0;
}

static bool
is_allocated(const struct json *o, const void *arg)
{
  (void)arg;
  return json_dig(o, "status", "allocation", NULL) != NULL;
}

static bool
is_unschedulable_because(const struct json *pod, const void *message)
{
  const struct json *c = object_condition(pod, "PodScheduled");

  return c && strcmp(json_get_str_or(c, "message", ""), message) == 0 &&
         strcmp(json_get_str_or(c, "reason", ""), "Unschedulable") == 0;
}

static void
named_claim_is_allocated_reserved_and_released(void **state)
{
  struct fixture *f = *state;
  _cleanup_record_ struct record *pod = NULL, *got = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const struct json *c;

  fixture_create(f, &KC_PODS, "default", POD("p", "resourceClaimName: c")); /* waits silently for its claim */
  fixture_create(f, &KC_RESOURCECLAIMS, "default", claim);
  pod = fixture_until(f, &KC_PODS, "default", "p", is_bound, "n1");
  got = fixture_until(f, &KC_RESOURCECLAIMS, "default", "c", is_allocated, NULL);
  c = record_tree(got);
  assert_string_equal(
      json_get_str(json_at(json_dig(c, "status", "allocation", "devices", "results", NULL), 0), "device"), "gpu-0");
  assert_string_equal(json_get_str(json_at(json_dig(c, "status", "reservedFor", NULL), 0), "uid"),
                      object_uid(record_tree(pod)));
  assert_true(object_has_finalizer(c, "resource.kubernetes.io/delete-protection"));
  assert_int_equal(kclient_delete(fixture_client(f), &KC_RESOURCECLAIMS, "default", "c", NULL, &err),
                   0); /* stays while in use */
  record_unref(got);
  assert_int_equal(kclient_get(fixture_client(f), &KC_RESOURCECLAIMS, "default", "c", &got, &err), 0);
  assert_true(object_is_deleting(record_tree(got)));
  fixture_delete_pod(f, "p");
  fixture_until_gone(f, &KC_RESOURCECLAIMS, "default", "c");
}

static void
template_claim_is_made_and_goes_with_its_pod(void **state)
{
  struct fixture *f = *state;
  _cleanup_record_ struct record *pod = NULL;
  char *name;

  fixture_create(f, &KC_RESOURCECLAIMTEMPLATES, "default", template);
  fixture_create(f, &KC_PODS, "default", POD("p", "resourceClaimTemplateName: t"));
  pod = fixture_until(f, &KC_PODS, "default", "p", is_bound, "n1");
  name = mem_strdup(json_get_str(json_at(json_dig(record_tree(pod), "status", "resourceClaimStatuses", NULL), 0),
                                 "resourceClaimName"));
  assert_int_equal(strncmp(name, "p-g-", 4), 0);
  fixture_delete_pod(f, "p");
  fixture_until_gone(f, &KC_RESOURCECLAIMS, "default", name);
  free(name);
}

static void
pod_that_cannot_fit_says_why_and_goes_on_when_it_can(void **state)
{
  static const char second[] =
      "apiVersion: resource.k8s.io/v1\nkind: ResourceSlice\nmetadata: {name: s2}\n"
      "spec: {driver: gpu.example.com, nodeName: n1, pool: {name: more, generation: 1, resourceSliceCount: 1},\n"
      "       devices: [{name: gpu-7}]}\n";
  struct fixture *f = *state;

  fixture_create(f, &KC_RESOURCECLAIMS, "default", big_claim);
  fixture_create(f, &KC_PODS, "default", POD("p", "resourceClaimName: big"));
  record_unref(
      fixture_until(f, &KC_PODS, "default", "p", is_unschedulable_because,
                    "0/1 nodes are available: 1 cannot allocate all claims. preemption: 0/1 nodes are available: "
                    "1 Preemption is not helpful for scheduling."));
  fixture_create(f, &KC_RESOURCESLICES, NULL, second);
  record_unref(fixture_until(f, &KC_PODS, "default", "p", is_bound, "n1"));
}

static void
freed_devices_go_to_who_waits(void **state)
{
  struct fixture *f = *state;

  fixture_create(f, &KC_RESOURCECLAIMTEMPLATES, "default", template);
  fixture_create(f, &KC_PODS, "default", POD("p1", "resourceClaimTemplateName: t"));
  fixture_create(f, &KC_PODS, "default", POD("p2", "resourceClaimTemplateName: t"));
  record_unref(fixture_until(f, &KC_PODS, "default", "p1", is_bound, "n1"));
  record_unref(fixture_until(f, &KC_PODS, "default", "p2", is_bound, "n1"));
  fixture_create(f, &KC_PODS, "default", POD("p3", "resourceClaimTemplateName: t"));
  record_unref(
      fixture_until(f, &KC_PODS, "default", "p3", is_unschedulable_because,
                    "0/1 nodes are available: 1 cannot allocate all claims. preemption: 0/1 nodes are available: "
                    "1 Preemption is not helpful for scheduling."));
  fixture_delete_pod(f, "p1");
  record_unref(fixture_until(f, &KC_PODS, "default", "p3", is_bound, "n1"));
}

static void
missing_class_and_missing_room_have_upstreams_words(void **state)
{
  static const char no_class[] = "apiVersion: resource.k8s.io/v1\nkind: ResourceClaim\nmetadata: {name: x}\n"
                                 "spec: {devices: {requests: [{name: gpu, exactly: {deviceClassName: nosuch}}]}}\n";
  static const char thirsty[] = "apiVersion: v1\nkind: Pod\nmetadata: {name: q}\n"
                                "spec: {containers: [{name: c, image: busybox, resources: {requests: {cpu: '64'}}}], "
                                "nodeSelector: {kubernetes.io/hostname: n1}}\n";
  struct fixture *f = *state;

  fixture_create(f, &KC_RESOURCECLAIMS, "default", no_class);
  fixture_create(f, &KC_PODS, "default", POD("p", "resourceClaimName: x"));
  record_unref(fixture_until(
      f, &KC_PODS, "default", "p", is_unschedulable_because,
      "0/1 nodes are available: request gpu: device class nosuch does not exist. preemption: 0/1 nodes are available: "
      "1 Preemption is not helpful for scheduling."));
  fixture_create(f, &KC_PODS, "default", thirsty);
  record_unref(fixture_until(f, &KC_PODS, "default", "q", is_unschedulable_because,
                             "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: "
                             "1 Preemption is not helpful for scheduling."));
}

static void
a_namespace_goes_with_everything_in_it(void **state)
{
  struct fixture *f = *state;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  fixture_create(f, &KC_NAMESPACES, NULL, "apiVersion: v1\nkind: Namespace\nmetadata: {name: away}\n");
  fixture_create(f, &KC_CONFIGMAPS, "away", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\n");
  fixture_create(f, &KC_RESOURCECLAIMS, "away", claim);
  assert_int_equal(kclient_delete(fixture_client(f), &KC_NAMESPACES, NULL, "away", NULL, &err), 0);
  fixture_until_gone(f, &KC_NAMESPACES, NULL, "away");
  fixture_until_gone(f, &KC_CONFIGMAPS, "away", "m");
}

static bool
has_left(const struct json *ns, const void *message)
{
  return strcmp(json_get_str_or(object_condition(ns, "NamespaceContentRemaining"), "message", ""), message) == 0;
}

static bool
has_ca(const struct json *map, const void *ca)
{
  return strcmp(json_get_str_or(json_get(map, "data"), "ca.crt", ""), ca) == 0 &&
         json_count(json_get(map, "data")) == 1;
}

/* What a pod uses stays until the pod is gone. */
static void
pods_go_first(void **state)
{
  struct fixture *f = *state;
  _cleanup_record_ struct record *kept = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  fixture_create(f, &KC_NAMESPACES, NULL, "apiVersion: v1\nkind: Namespace\nmetadata: {name: away}\n");
  record_unref(fixture_until(f, &KC_SERVICEACCOUNTS, "away", "default", is_there, NULL));
  fixture_create(f, &KC_CONFIGMAPS, "away", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\n");
  fixture_create(f, &KC_PODS, "away",
                 "apiVersion: v1\nkind: Pod\nmetadata: {name: p, finalizers: [example.com/wait]}\n"
                 "spec: {nodeName: n1, containers: [{name: c, image: busybox}]}\n");
  assert_int_equal(kclient_delete(fixture_client(f), &KC_NAMESPACES, NULL, "away", NULL, &err), 0);
  record_unref(fixture_until(f, &KC_NAMESPACES, NULL, "away", has_left,
                             "Some resources are remaining: pods. has 1 resource instances"));
  assert_int_equal(kclient_get(fixture_client(f), &KC_CONFIGMAPS, "away", "m", &kept, &err), 0);
}

static void
the_root_ca_stays_what_it_is(void **state)
{
  static const char other[] = "{\"data\":{\"ca.crt\":\"other\",\"more\":\"of it\"}}";
  struct fixture *f = *state;
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *patch;

  record_unref(fixture_until(f, &KC_CONFIGMAPS, "default", "kube-root-ca.crt", has_ca, FIXTURE_CA));
  assert_int_equal(json_parse(a, SPAN(other), NULL, &patch, &err), 0);
  assert_int_equal(kclient_patch(fixture_client(f), &KC_CONFIGMAPS, NULL, "default", "kube-root-ca.crt",
                                 KCLIENT_MERGE_PATCH, NULL, patch, NULL, &err),
                   0);
  record_unref(fixture_until(f, &KC_CONFIGMAPS, "default", "kube-root-ca.crt", has_ca, FIXTURE_CA));
  assert_int_equal(kclient_delete(fixture_client(f), &KC_CONFIGMAPS, "default", "kube-root-ca.crt", NULL, &err), 0);
  record_unref(fixture_until(f, &KC_CONFIGMAPS, "default", "kube-root-ca.crt", has_ca, FIXTURE_CA));
}

static void
an_object_goes_after_its_owner(void **state)
{
  struct fixture *f = *state;
  _cleanup_record_ struct record *owner = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_free_ char *dependent = NULL;

  fixture_create(f, &KC_CONFIGMAPS, "default", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: owner}\n");
  assert_int_equal(kclient_get(fixture_client(f), &KC_CONFIGMAPS, "default", "owner", &owner, &err), 0);
  dependent = mem_printf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: owned, ownerReferences: "
                         "[{apiVersion: v1, kind: ConfigMap, name: owner, uid: %s}]}\n",
                         object_uid(record_tree(owner)));
  fixture_create(f, &KC_CONFIGMAPS, "default", dependent);
  assert_int_equal(kclient_delete(fixture_client(f), &KC_CONFIGMAPS, "default", "owner", NULL, &err), 0);
  fixture_until_gone(f, &KC_CONFIGMAPS, "default", "owned");
}

/* -- aggregated cluster roles -- */

#define ROLE(name, labels, rest)                                                                             \
  "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: " name ", labels: {" labels \
  "}}\n" rest "\n"
#define OF(label)      "aggregationRule: {clusterRoleSelectors: [{matchLabels: {" label ": is}}]}"
#define RULE(resource) "rules: [{apiGroups: [''], resources: [" resource "], verbs: [get]}]"

/* `arg`: the first resource of each rule, by commas. */
static bool
has_rules(const struct json *role, const void *arg)
{
  struct span left = span_of(arg);
  const struct json *rules = json_get(role, "rules");
  bool same = true;
  size_t i = 0;

  for (; left.n; i++)
    same = span_is(span_cut(left, ',', &left), json_str(json_at(json_get(json_at(rules, i), "resources"), 0)) ?: "") &&
           same;
  return same && json_count(rules) == i;
}

static void
role_has(struct fixture *f, const char *name, const char *resources)
{
  record_unref(fixture_until(f, &KC_CLUSTERROLES, NULL, name, has_rules, resources));
}

static void
aggregated_roles_have_the_rules_of_others(void **state)
{
  struct fixture *f = *state;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  role_has(f, "view",
           "configmaps,bindings,namespaces,events,endpointslices,controllerrevisions,horizontalpodautoscalers,"
           "cronjobs,daemonsets,poddisruptionbudgets,ingresses,resourceclaims");
  fixture_create(f, &KC_CLUSTERROLES, NULL, ROLE("top", "", OF("top")));
  fixture_create(f, &KC_CLUSTERROLES, NULL, ROLE("middle", "top: is", OF("middle")));
  fixture_create(f, &KC_CLUSTERROLES, NULL, ROLE("b", "middle: is", RULE("pods")));
  role_has(f, "top", "pods"); /* through two roles */
  fixture_create(f, &KC_CLUSTERROLES, NULL, ROLE("a", "middle: is, top: is", RULE("secrets")));
  role_has(f, "middle", "secrets,pods"); /* by name */
  role_has(f, "top", "secrets,pods");    /* each rule once */
  assert_int_equal(kclient_delete(fixture_client(f), &KC_CLUSTERROLES, NULL, "b", NULL, &err), 0);
  role_has(f, "top", "secrets");
  /* A circle hands rules on for ever: left alone, and nobody else suffers. */
  fixture_create(f, &KC_CLUSTERROLES, NULL, ROLE("ring-1", "to-3: is", OF("to-1") "\n" RULE("pods")));
  fixture_create(f, &KC_CLUSTERROLES, NULL, ROLE("ring-2", "to-1: is", OF("to-2") "\n" RULE("nodes")));
  fixture_create(f, &KC_CLUSTERROLES, NULL, ROLE("ring-3", "to-2: is", OF("to-3") "\n" RULE("events")));
  fixture_create(f, &KC_CLUSTERROLES, NULL, ROLE("c", "middle: is", RULE("nodes")));
  role_has(f, "top", "secrets,nodes");
}

/* -- what is in use stays -- */

#define VOLUME_CLAIM                                                   \
  "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: v}\n" \
  "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}, volumeAttributesClassName: k}\n"
#define VOLUME_CLASS                                                                                             \
  "apiVersion: storage.k8s.io/v1\nkind: VolumeAttributesClass\nmetadata: {name: k}\ndriverName: x.example.com\n" \
  "parameters: {a: b}\n"
#define VOLUME                                                    \
  "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: v}\n" \
  "spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], hostPath: {path: /tmp}}\n"
#define VOLUME_POD                                                                                                 \
  "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {nodeName: n1, containers: [{name: c, image: busybox}], " \
  "volumes: [{name: v, persistentVolumeClaim: {claimName: v}}]}\n"

static bool
unused_is(const struct json *o, const void *status)
{
  const struct json *c = object_condition(o, "Unused");

  return c && strcmp(json_get_str_or(c, "status", ""), status) == 0;
}

static bool
is_going(const struct json *o, const void *arg)
{
  (void)arg;
  return object_is_deleting(o);
}

static void
bring_phase(struct fixture *f, const struct kclient_resource *res, const char *ns, const char *phase)
{
  struct arena *a = arena_new(CEIL_ARENA_CYCLE);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *patch = json_new_object(a);

  json_set_str(a, json_ensure_object(a, patch, "status"), "phase", phase);
  assert_int_equal(
      kclient_patch(fixture_client(f), res, "status", ns, "v", KCLIENT_MERGE_PATCH, NULL, patch, NULL, &err), 0);
  arena_free(a);
}

static void
goes_later(struct fixture *f, const struct kclient_resource *res, const char *ns, const char *name)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  assert_int_equal(kclient_delete(fixture_client(f), res, ns, name, NULL, &err), 0);
  record_unref(fixture_until(f, res, ns, name, is_going, NULL));
}

static void
what_is_in_use_stays(void **state)
{
  struct fixture *f = *state;

  fixture_create(f, &KC_VOLUMEATTRIBUTESCLASSES, NULL, VOLUME_CLASS);
  fixture_create(f, &KC_PERSISTENTVOLUMECLAIMS, "default", VOLUME_CLAIM);
  fixture_create(f, &KC_PERSISTENTVOLUMES, NULL, VOLUME);
  bring_phase(f, &KC_PERSISTENTVOLUMES, NULL, "Bound");
  bring_phase(f, &KC_PERSISTENTVOLUMECLAIMS, "default", "Bound");
  record_unref(fixture_until(f, &KC_PERSISTENTVOLUMECLAIMS, "default", "v", unused_is, "True"));
  fixture_create(f, &KC_PODS, "default", VOLUME_POD);
  record_unref(fixture_until(f, &KC_PERSISTENTVOLUMECLAIMS, "default", "v", unused_is, "False"));
  goes_later(f, &KC_VOLUMEATTRIBUTESCLASSES, NULL, "k");
  goes_later(f, &KC_PERSISTENTVOLUMECLAIMS, "default", "v");
  goes_later(f, &KC_PERSISTENTVOLUMES, NULL, "v");
  bring_phase(f, &KC_PERSISTENTVOLUMES, NULL, "Released");
  fixture_until_gone(f, &KC_PERSISTENTVOLUMES, NULL, "v");
  /* The pod keeps the claim, the claim the class. */
  record_unref(fixture_until(f, &KC_PERSISTENTVOLUMECLAIMS, "default", "v", is_there, NULL));
  record_unref(fixture_until(f, &KC_VOLUMEATTRIBUTESCLASSES, NULL, "k", is_there, NULL));
  fixture_delete_pod(f, "p");
  fixture_until_gone(f, &KC_PERSISTENTVOLUMECLAIMS, "default", "v");
  fixture_until_gone(f, &KC_VOLUMEATTRIBUTESCLASSES, NULL, "k");
}

/* -- nodes -- */

static bool
may_be_cached_for(const struct json *o, const void *seconds)
{
  const char *got = json_get_str(json_dig(o, "metadata", "annotations", NULL), "node.alpha.kubernetes.io/ttl");

  return got && strcmp(got, seconds) == 0;
}

static void
more_nodes_let_kubelets_cache_longer(void **state)
{
  struct fixture *f = *state;

  record_unref(fixture_until(f, &KC_NODES, NULL, "n1", may_be_cached_for, "0"));
  for (unsigned i = 2; i <= 101; i++) {
    _cleanup_free_ char *more = mem_printf("apiVersion: v1\nkind: Node\nmetadata: {name: n%u}\n", i);

    fixture_create(f, &KC_NODES, NULL, more);
  }
  record_unref(fixture_until(f, &KC_NODES, NULL, "n101", may_be_cached_for, "15"));
}

/* -- status of admission policies -- */

static bool
is_observed(const struct json *policy, const void *arg)
{
  (void)arg;
  return object_generation(policy) == json_int_or(json_dig(policy, "status", "observedGeneration", NULL), 0);
}

/* Answers of kube-controller-manager 1.37.2; "spec.validations[N].expression: " before each warning. */
static void
policies_are_checked_against_what_they_match(void **state)
{
#define MATCH(groups, resources)                                                                                      \
  "matchConstraints: {resourceRules: [{apiGroups: [" groups "], apiVersions: [v1], operations: [CREATE], resources: " \
  "[" resources "]}]}\n  "
#define VALID(expression) "validations: [{expression: 'true'}, {expression: \"" expression "\"}]"
  static const struct {
    const char *spec, *warnings;
  } rows[] = {
    { MATCH("apps", "deployments") VALID("object.spec.replicas <= 5"), "" },
    { MATCH("apps", "deployments") VALID("object.spec.replicas <= '5'"),
      "apps/v1, Kind=Deployment: ERROR: <input>:1:22: found no matching overload for '_<=_' applied to '(int, "
      "string)'\n"
      " | object.spec.replicas <= '5'\n | .....................^\n" },
    { MATCH("apps, ''", "pods, deployments, pods/status") VALID("object.spec.replicas == 1"),
      "/v1, Kind=Pod: ERROR: <input>:1:12: undefined field 'replicas'\n | object.spec.replicas == 1\n | "
      "...........^\n" },
    { MATCH("'*'", "pods") VALID("object.spec.nope == 1"), "" },
    { MATCH("example.com", "things") VALID("object.nope == 1"), "" },
    { "paramKind: {apiVersion: v1, kind: ConfigMap}\n  " MATCH("apps", "deployments") VALID("params.nope == 1"),
      "apps/v1, Kind=Deployment: ERROR: <input>:1:7: undefined field 'nope'\n | params.nope == 1\n | ......^\n" },
    { "paramKind: {apiVersion: example.com/v1, kind: Thing}\n  " MATCH("apps", "deployments") VALID("params.nope == 1"),
      "" },
    { MATCH("resource.k8s.io", "resourceclaims, resourceslices") VALID("oldObject.metadata.labels.x == 1"),
      "resource.k8s.io/v1, Kind=ResourceClaim: ERROR: <input>:1:29: found no matching overload for '_==_' applied to "
      "'(string, int)'\n | oldObject.metadata.labels.x == 1\n | ............................^\n\n"
      "resource.k8s.io/v1, Kind=ResourceSlice: ERROR: <input>:1:29: found no matching overload for '_==_' applied to "
      "'(string, int)'\n | oldObject.metadata.labels.x == 1\n | ............................^\n" },
  };
  struct fixture *f = *state;

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    _cleanup_free_ char *name = mem_printf("p%zu", i);
    _cleanup_free_ char *text =
        mem_printf("apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\n"
                   "metadata: {name: %s}\nspec:\n  %s\n",
                   name, rows[i].spec);
    _cleanup_record_ struct record *r = NULL;
    const struct json *checking;

    fixture_create(f, &KC_VALIDATINGADMISSIONPOLICIES, NULL, text);
    r = fixture_until(f, &KC_VALIDATINGADMISSIONPOLICIES, NULL, name, is_observed, NULL);
    checking = json_dig(record_tree(r), "status", "typeChecking", NULL);
    assert_non_null(checking);
    const struct json *first = json_at(json_get(checking, "expressionWarnings"), 0);

    assert_string_equal(json_get_str_or(first, "warning", ""), rows[i].warnings);
    if (first)
      assert_string_equal(json_get_str(first, "fieldRef"), "spec.validations[1].expression");
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
  const struct CMUnitTest tests[] = {
    TEST(named_claim_is_allocated_reserved_and_released),
    TEST(template_claim_is_made_and_goes_with_its_pod),
    TEST(pod_that_cannot_fit_says_why_and_goes_on_when_it_can),
    TEST(freed_devices_go_to_who_waits),
    TEST(missing_class_and_missing_room_have_upstreams_words),
    TEST(a_namespace_goes_with_everything_in_it),
    TEST(pods_go_first),
    TEST(the_root_ca_stays_what_it_is),
    TEST(an_object_goes_after_its_owner),
    TEST(aggregated_roles_have_the_rules_of_others),
    TEST(policies_are_checked_against_what_they_match),
    TEST(what_is_in_use_stays),
    TEST(more_nodes_let_kubelets_cache_longer),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
