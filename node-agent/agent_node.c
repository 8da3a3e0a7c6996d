/* The Node object, and the Lease that says that its agent lives. */
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent_internal.h"
#include "ceilings.h"

#define LEASE_PERIOD  (10 * CLOCK_SEC) /* kubelet: a quarter of the lease's duration */
#define LEASE_SECONDS 40
#define STATUS_PERIOD (300 * CLOCK_SEC) /* kubelet: nodeStatusReportFrequency */
#define PODS_MAX      "110"

static void
add_condition(struct arena *a, struct json *list, const char *type, const char *status, const char *reason,
              const char *message, int64_t now)
{
  struct json *c = json_append(a, list, json_new_object(a));
  char stamp[CLOCK_TEXT_MAX];

  json_set_str(a, c, "type", type);
  json_set_str(a, c, "status", status);
  json_set_str(a, c, "lastHeartbeatTime", clock_rfc3339(now, false, stamp));
  json_set_str(a, c, "lastTransitionTime", stamp);
  json_set_str(a, c, "reason", reason);
  json_set_str(a, c, "message", message);
}

static void
set_capacity(struct arena *a, struct json *status)
{
  struct json *c = json_new_object(a);

  json_set(a, c, "cpu", json_new_strf(a, "%ld", sysconf(_SC_NPROCESSORS_ONLN)));
  json_set(a, c, "memory",
           json_new_strf(a, "%lldKi", (long long)sysconf(_SC_PHYS_PAGES) * (sysconf(_SC_PAGESIZE) / 1024)));
  json_set_str(a, c, "ephemeral-storage", "100Gi");
  json_set_str(a, c, "pods", PODS_MAX);
  json_set(a, status, "capacity", c);
  json_set(a, status, "allocatable", json_copy(a, c));
}

static void
set_info(struct arena *a, struct json *status, const struct node_agent_config *config)
{
  struct json *info = json_set(a, status, "nodeInfo", json_new_object(a));
  struct utsname u;

  (void)uname(&u);
  json_set_str(a, info, "architecture", strcmp(u.machine, "aarch64") == 0 ? "arm64" : "amd64");
  json_set_str(a, info, "bootID", "");
  json_set_str(a, info, "containerRuntimeVersion", "dralab://1");
  json_set_str(a, info, "kernelVersion", u.release);
  json_set_str(a, info, "kubeProxyVersion", "");
  json_set_str(a, info, "kubeletVersion", personality_version(config->personality));
  json_set_str(a, info, "machineID", "");
  json_set_str(a, info, "operatingSystem", "linux");
  json_set_str(a, info, "osImage", "dralab");
  json_set_str(a, info, "systemUUID", "");
}

static struct json *
node_status(struct arena *a, const struct node_agent *n)
{
  struct json *status = json_new_object(a), *list, *addr;
  int64_t now = clock_wall(n->config.clock);

  set_capacity(a, status);
  list = json_set(a, status, "conditions", json_new_array(a));
  add_condition(a, list, "MemoryPressure", "False", "KubeletHasSufficientMemory",
                "kubelet has sufficient memory available", now);
  add_condition(a, list, "DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure", now);
  add_condition(a, list, "PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available",
                now);
  add_condition(a, list, "Ready", "True", "KubeletReady", "kubelet is posting ready status", now);
  list = json_set(a, status, "addresses", json_new_array(a));
  addr = json_append(a, list, json_new_object(a));
  json_set_str(a, addr, "type", "InternalIP");
  json_set_str(a, addr, "address", n->host_ip);
  addr = json_append(a, list, json_new_object(a));
  json_set_str(a, addr, "type", "Hostname");
  json_set_str(a, addr, "address", n->config.node);
  set_info(a, status, &n->config);
  return status;
}

static struct json *
node_object(struct arena *a, const struct node_agent *n)
{
  struct json *o = json_new_object(a), *meta = json_new_object(a), *labels = json_new_object(a);
  struct utsname u;

  (void)uname(&u);
  const char *arch = strcmp(u.machine, "aarch64") == 0 ? "arm64" : "amd64";
  json_set_str(a, o, "apiVersion", "v1");
  json_set_str(a, o, "kind", "Node");
  json_set(a, o, "metadata", meta);
  json_set_str(a, meta, "name", n->config.node);
  json_set_str(a, labels, "beta.kubernetes.io/arch", arch);
  json_set_str(a, labels, "beta.kubernetes.io/os", "linux");
  json_set_str(a, labels, "kubernetes.io/arch", arch);
  json_set_str(a, labels, "kubernetes.io/hostname", n->config.node);
  json_set_str(a, labels, "kubernetes.io/os", "linux");
  for (json_each_member (m, n->config.labels))
    json_set(a, labels, m->name, json_copy(a, m->value));
  json_set(a, meta, "labels", labels);
  json_set(a, o, "spec", json_new_object(a));
  json_set(a, o, "status", node_status(a, n));
  return o;
}

/* The conditions' times and values, over what is stored. */
static int
patch_status(struct node_agent *n, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct json *patch = json_new_object(a), *status = node_status(a, n);
  struct json *list = json_find(status, "conditions");
  _cleanup_record_ struct record *r = NULL;

  if (kclient_get(n->config.client, &KC_NODES, NULL, n->config.node, &r, reterr) < 0)
    return -(int)reterr->code;
  for (size_t i = 0; i < json_count(list); i++) {
    struct json *c = json_item(list, i);
    const struct json *old = object_condition(record_tree(r), json_get_str(c, "type"));
    if (old && strcmp(json_get_str_or(old, "status", ""), json_get_str(c, "status")) == 0 &&
        json_get_str(old, "lastTransitionTime"))
      json_set_str(a, c, "lastTransitionTime", json_get_str(old, "lastTransitionTime"));
  }
  json_set(a, patch, "status", status);
  return kclient_patch(n->config.client, &KC_NODES, "status", NULL, n->config.node, KCLIENT_STRATEGIC_PATCH, NULL,
                       patch, NULL, reterr);
}

int
agent_register_node(struct node_agent *n, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  n->lease_due = 0;
  n->status_due = clock_mono(n->config.clock) + STATUS_PERIOD;
  if (kclient_create(n->config.client, &KC_NODES, NULL, node_object(a, n), NULL, &err) == 0)
    return 0;
  if (err.code == KERR_ALREADY_EXISTS)
    return patch_status(n, reterr);
  (void)kerr_move(reterr, &err);
  return kerr_wrap(reterr, "registering node %s", n->config.node);
}

static int
renew_lease(struct node_agent *n, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_record_ struct record *node = NULL;
  struct json *o = json_new_object(a), *spec = json_set(a, o, "spec", json_new_object(a)), *meta, *ref;
  char stamp[CLOCK_TEXT_MAX];

  json_set_str(a, spec, "holderIdentity", n->config.node);
  json_set_int(a, spec, "leaseDurationSeconds", LEASE_SECONDS);
  json_set_str(a, spec, "renewTime", clock_rfc3339(clock_wall(n->config.clock), true, stamp));
  if (kclient_patch(n->config.client, &KC_LEASES, NULL, "kube-node-lease", n->config.node, KCLIENT_MERGE_PATCH, NULL, o,
                    NULL, &err) == 0)
    return 0;
  if (err.code != KERR_NOT_FOUND)
    return kerr_move(reterr, &err);
  if (kclient_get(n->config.client, &KC_NODES, NULL, n->config.node, &node, reterr) < 0)
    return -(int)reterr->code;
  json_set_str(a, o, "apiVersion", "coordination.k8s.io/v1");
  json_set_str(a, o, "kind", "Lease");
  meta = json_set(a, o, "metadata", json_new_object(a));
  json_set_str(a, meta, "name", n->config.node);
  json_set_str(a, meta, "namespace", "kube-node-lease");
  ref = json_append(a, json_set(a, meta, "ownerReferences", json_new_array(a)), json_new_object(a));
  json_set_str(a, ref, "apiVersion", "v1");
  json_set_str(a, ref, "kind", "Node");
  json_set_str(a, ref, "name", n->config.node);
  json_set_str(a, ref, "uid", object_uid(record_tree(node)));
  return kclient_create(n->config.client, &KC_LEASES, "kube-node-lease", o, NULL, reterr);
}

void
agent_heartbeat(struct node_agent *n)
{
  int64_t now = clock_mono(n->config.clock);

  if (now >= n->lease_due) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    n->lease_due = now + LEASE_PERIOD;
    if (renew_lease(n, &err) < 0 && err.code != KERR_CANCELLED)
      log_warn(n->config.log, AGENT_WHO, "lease of node %s: %s", n->config.node, err.msg);
  }
  if (now >= n->status_due) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    n->status_due = now + STATUS_PERIOD;
    if (patch_status(n, &err) < 0 && err.code != KERR_NOT_FOUND)
      log_warn(n->config.log, AGENT_WHO, "status of node %s: %s", n->config.node, err.msg);
    if (err.code == KERR_NOT_FOUND) { /* somebody deleted it: it is there again */
      _cleanup_kerr_ struct kerr again = KERR_INIT;
      if (agent_register_node(n, &again) < 0)
        log_warn(n->config.log, AGENT_WHO, "%s", again.msg);
    }
  }
}

int64_t
agent_heartbeat_next(const struct node_agent *n)
{
  return n->lease_due < n->status_due ? n->lease_due : n->status_due;
}
