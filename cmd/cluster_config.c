#include "cluster_config.h"

#include <stdlib.h>
#include <string.h>

#include "ceilings.h"
#include "fs.h"
#include "yaml.h"

#define API_VERSION_OURS "dralab.dev/v1alpha1"
#define API_VERSION_KIND "kind.x-k8s.io/v1alpha4"

void
cluster_config_default(struct arena *a, struct cluster_config *c)
{
  *c = (struct cluster_config){
    .name = "dralab",
    .devices = "gpu:4",
    .store = "sqlite",
    .store_sync = "full",
    .address = "127.0.0.1",
    .authorization_mode = "Node,RBAC",
    .n_nodes = 1,
  };
  c->nodes = arena_array_of(a, struct cluster_node, 1);
}

/* -- reading: one row per member -- */

struct reader {
  struct arena *a;
  struct cluster_config *c;
  struct kerr *err;
};

typedef int member_fn(struct reader *r, const char *path, const struct json *v, void *to);

struct member {
  const char *name;
  member_fn *read;
  size_t offset;
  const char *why; /* read == NULL: accepted, and ignored because ... */
};

static int
wrong_type(struct reader *r, const char *path, const struct json *v, const char *wanted)
{
  return kerr_set(r->err, KERR_INVALID, path, "%s: must be %s, got %s", path, wanted, json_type_name(json_type(v)));
}

static int
read_members(struct reader *r, const char *path, const struct json *v, const struct member *rows, size_t n, void *base)
{
  if (!json_is(v, JSON_OBJECT))
    return wrong_type(r, *path ? path : "the document", v, "an object");
  for (json_each_member (m, v)) {
    char *at = arena_printf(r->a, "%s%s%s", path, *path ? "." : "", m->name);
    size_t i;

    for (i = 0; i < n && strcmp(rows[i].name, m->name) != 0; i++)
      ;
    if (i == n)
      return kerr_set(r->err, KERR_INVALID, at, "unknown field \"%s\"", at);
    if (!rows[i].read) {
      const char **more = arena_array_of(r->a, const char *, r->c->n_ignored + 1);

      if (r->c->n_ignored)
        memcpy(more, r->c->ignored, r->c->n_ignored * sizeof *more);
      more[r->c->n_ignored++] = arena_printf(r->a, "%s: %s", at, rows[i].why);
      r->c->ignored = more;
      continue;
    }
    int code = rows[i].read(r, at, m->value, (char *)base + rows[i].offset);

    if (code < 0)
      return code;
  }
  return 0;
}

static int
read_string(struct reader *r, const char *path, const struct json *v, void *to)
{
  if (!json_is(v, JSON_STRING))
    return wrong_type(r, path, v, "a string");
  *(const char **)to = arena_strdup(r->a, json_str(v));
  return 0;
}

/* A release may be written without quotes: 1.37 is a number to YAML. */
static int
read_version(struct reader *r, const char *path, const struct json *v, void *to)
{
  if (json_is(v, JSON_NUMBER)) {
    *(const char **)to = arena_strndup(r->a, v->u.str, v->count);
    return 0;
  }
  return read_string(r, path, v, to);
}

static int
read_api_version(struct reader *r, const char *path, const struct json *v, void *to)
{
  const char *s = json_str(v);

  (void)to;
  if (!s || (strcmp(s, API_VERSION_OURS) != 0 && strcmp(s, API_VERSION_KIND) != 0))
    return kerr_set(r->err, KERR_INVALID, path, "%s: must be \"%s\" or \"%s\"", path, API_VERSION_OURS,
                    API_VERSION_KIND);
  return 0;
}

static int
read_kind(struct reader *r, const char *path, const struct json *v, void *to)
{
  (void)to;
  if (!json_str(v) || strcmp(json_str(v), "Cluster") != 0)
    return kerr_set(r->err, KERR_INVALID, path, "%s: must be \"Cluster\"", path);
  return 0;
}

/* featureGates, runtimeConfig: a map of switches, to the text that the flags take. */
static int
read_switches(struct reader *r, const char *path, const struct json *v, void *to)
{
  const char *text = *(const char **)to;

  if (!json_is(v, JSON_OBJECT))
    return wrong_type(r, path, v, "an object");
  for (json_each_member (m, v)) {
    const char *word = json_is(m->value, JSON_BOOL) ? (m->value->u.boolean ? "true" : "false") : json_str(m->value);

    if (!word)
      return kerr_set(r->err, KERR_INVALID, path, "%s[%s]: must be true or false, got %s", path, m->name,
                      json_type_name(json_type(m->value)));
    text = arena_printf(r->a, "%s%s%s=%s", text ? text : "", text && *text ? "," : "", m->name, word);
  }
  *(const char **)to = text;
  return 0;
}

static int
read_disable(struct reader *r, const char *path, const struct json *v, void *to)
{
  (void)to;
  if (!json_is(v, JSON_ARRAY))
    return wrong_type(r, path, v, "a list");
  for (json_each_item (p, v)) {
    const char *word = json_str(*p);

    if (!word)
      return wrong_type(r, path, *p, "a list of strings");
    int code = cluster_config_disable(r->c, &word, 1, r->err);

    if (code < 0)
      return kerr_wrap(r->err, "%s", path);
  }
  return 0;
}

static int
read_port(struct reader *r, const char *path, const struct json *v, void *to)
{
  if (!json_is(v, JSON_INT) || v->u.integer < 0 || v->u.integer > 65535)
    return kerr_set(r->err, KERR_INVALID, path, "%s: must be a port number between 0 and 65535", path);
  *(int64_t *)to = v->u.integer;
  return 0;
}

static int
read_labels(struct reader *r, const char *path, const struct json *v, void *to)
{
  if (!json_is(v, JSON_OBJECT))
    return wrong_type(r, path, v, "an object");
  for (json_each_member (m, v))
    if (!json_is(m->value, JSON_STRING))
      return kerr_set(r->err, KERR_INVALID, path, "%s[%s]: must be a string, got %s", path, m->name,
                      json_type_name(json_type(m->value)));
  *(const struct json **)to = json_copy(r->a, v);
  return 0;
}

static int
read_role(struct reader *r, const char *path, const struct json *v, void *to)
{
  const char *s = json_str(v);

  (void)to;
  if (!s || (strcmp(s, "control-plane") != 0 && strcmp(s, "worker") != 0))
    return kerr_set(r->err, KERR_INVALID, path, "%s: must be \"control-plane\" or \"worker\"", path);
  return 0;
}

static int
read_nodes(struct reader *r, const char *path, const struct json *v, void *to)
{
  static const struct member rows[] = {
    { "role", read_role, 0, NULL }, /* every node runs pods; the control plane is the program itself */
    { "name", read_string, offsetof(struct cluster_node, name), NULL },
    { "devices", read_string, offsetof(struct cluster_node, devices), NULL },
    { "labels", read_labels, offsetof(struct cluster_node, labels), NULL },
    { "image", NULL, 0, "nodes are no containers; use kubernetesVersion" },
    { "extraMounts", NULL, 0, "a node is a directory on this machine already" },
    { "extraPortMappings", NULL, 0, "pods share the machine's network" },
    { "kubeadmConfigPatches", NULL, 0, "there is no kubeadm here; use featureGates and runtimeConfig" },
    { "kubeadmConfigPatchesJSON6902", NULL, 0, "there is no kubeadm here; use featureGates and runtimeConfig" },
  };

  (void)to;
  if (!json_is(v, JSON_ARRAY) || json_count(v) == 0)
    return wrong_type(r, path, v, "a list of at least one node");
  if (json_count(v) > CLUSTER_NODES_MAX)
    return kerr_set(r->err, KERR_INVALID, path, "%s: at most %d nodes", path, CLUSTER_NODES_MAX);
  r->c->n_nodes = json_count(v);
  r->c->nodes = arena_array_of(r->a, struct cluster_node, r->c->n_nodes);
  for (size_t i = 0; i < r->c->n_nodes; i++) {
    char *at = arena_printf(r->a, "%s[%zu]", path, i);
    int code = read_members(r, at, json_at(v, i), rows, ARRAY_SIZE(rows), &r->c->nodes[i]);

    if (code < 0)
      return code;
  }
  return 0;
}

static int
read_networking(struct reader *r, const char *path, const struct json *v, void *to)
{
  static const struct member rows[] = {
    { "apiServerAddress", read_string, offsetof(struct cluster_config, address), NULL },
    { "apiServerPort", read_port, offsetof(struct cluster_config, port), NULL },
    { "ipFamily", NULL, 0, "pods share the machine's network" },
    { "podSubnet", NULL, 0, "pods share the machine's network" },
    { "serviceSubnet", NULL, 0, "pods share the machine's network" },
    { "disableDefaultCNI", NULL, 0, "pods share the machine's network" },
    { "kubeProxyMode", NULL, 0, "there is no kube-proxy" },
  };

  return read_members(r, path, v, rows, ARRAY_SIZE(rows), to);
}

static int
read_etcd(struct reader *r, const char *path, const struct json *v, void *to)
{
  static const struct member rows[] = {
    { "endpoints", read_string, offsetof(struct cluster_etcd, endpoints), NULL },
    { "caFile", read_string, offsetof(struct cluster_etcd, ca_file), NULL },
    { "certFile", read_string, offsetof(struct cluster_etcd, cert_file), NULL },
    { "keyFile", read_string, offsetof(struct cluster_etcd, key_file), NULL },
  };

  return read_members(r, path, v, rows, ARRAY_SIZE(rows), to);
}

int
cluster_config_from_json(struct arena *a, const struct json *doc, struct cluster_config *c, struct kerr *reterr)
{
  static const struct member rows[] = {
    { "apiVersion", read_api_version, 0, NULL },
    { "kind", read_kind, 0, NULL },
    { "name", read_string, offsetof(struct cluster_config, name), NULL },
    { "kubernetesVersion", read_version, offsetof(struct cluster_config, kubernetes_version), NULL },
    { "featureGates", read_switches, offsetof(struct cluster_config, feature_gates), NULL },
    { "runtimeConfig", read_switches, offsetof(struct cluster_config, runtime_config), NULL },
    { "devices", read_string, offsetof(struct cluster_config, devices), NULL },
    { "store", read_string, offsetof(struct cluster_config, store), NULL },
    { "storeSync", read_string, offsetof(struct cluster_config, store_sync), NULL },
    { "etcd", read_etcd, offsetof(struct cluster_config, etcd), NULL },
    { "authorizationMode", read_string, offsetof(struct cluster_config, authorization_mode), NULL },
    { "enableAdmissionPlugins", read_string, offsetof(struct cluster_config, enable_admission), NULL },
    { "disableAdmissionPlugins", read_string, offsetof(struct cluster_config, disable_admission), NULL },
    { "disable", read_disable, 0, NULL },
    { "nodes", read_nodes, 0, NULL },
    { "networking", read_networking, 0, NULL },
    { "containerdConfigPatches", NULL, 0, "there is no containerd here; CDI is always on" },
    { "containerdConfigPatchesJSON6902", NULL, 0, "there is no containerd here; CDI is always on" },
    { "kubeadmConfigPatches", NULL, 0, "there is no kubeadm here; use featureGates and runtimeConfig" },
    { "kubeadmConfigPatchesJSON6902", NULL, 0, "there is no kubeadm here; use featureGates and runtimeConfig" },
  };
  struct reader r = { .a = a, .c = c, .err = reterr };

  if (!json_get(doc, "kind"))
    return kerr_set(reterr, KERR_INVALID, "kind", "kind: must be \"Cluster\"");
  return read_members(&r, "", doc, rows, ARRAY_SIZE(rows), c);
}

int
cluster_config_read(struct arena *a, const char *path, struct cluster_config *c, struct kerr *reterr)
{
  const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
  _cleanup_strbuf_ struct strbuf text;
  struct json *doc;
  int r;

  strbuf_init(&text, CEIL_SMALL_FILE);
  r = fs_read(path, &text, reterr);
  if (r < 0)
    return r;
  r = yaml_parse(a, strbuf_view(&text), NULL, &doc, reterr);
  if (r == 0)
    r = cluster_config_from_json(a, doc, c, reterr);
  return r < 0 ? kerr_wrap(reterr, "%s", name) : 0;
}

int
cluster_config_disable(struct cluster_config *c, const char *const *what, size_t n, struct kerr *reterr)
{
  const struct {
    const char *word;
    bool *flag;
  } rows[] = {
    { "scheduler", &c->no_scheduler },
    { "controllers", &c->no_controllers },
    { "node-agent", &c->no_node_agent },
    { "driver", &c->no_driver },
  };

  for (size_t i = 0; i < n; i++) {
    size_t k;

    for (k = 0; k < ARRAY_SIZE(rows) && strcmp(rows[k].word, what[i]) != 0; k++)
      ;
    if (k == ARRAY_SIZE(rows))
      return kerr_set(reterr, KERR_USAGE, NULL,
                      "\"%s\" cannot be disabled: choose among scheduler, controllers, node-agent, driver", what[i]);
    *rows[k].flag = true;
  }
  return 0;
}

int
cluster_config_set_nodes(struct arena *a, struct cluster_config *c, const char *count, struct kerr *reterr)
{
  char *end;
  long n = strtol(count, &end, 10);

  if (end == count || *end || n < 0 || n > CLUSTER_NODES_MAX)
    return kerr_set(reterr, KERR_USAGE, NULL,
                    "invalid argument \"%s\" for \"--nodes\" flag: must be a number between 0 and %d", count,
                    CLUSTER_NODES_MAX);
  c->nodes = arena_array_of(a, struct cluster_node, (size_t)n);
  c->n_nodes = (size_t)n;
  return 0;
}

static bool
is_name(const char *s)
{
  size_t n = strlen(s);

  return n > 0 && n <= 50 && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-.") == n && s[0] != '-' && s[0] != '.' &&
         s[n - 1] != '-' && s[n - 1] != '.' && !strstr(s, "..");
}

int
cluster_config_finish(struct arena *a, struct cluster_config *c, struct kerr *reterr)
{
  if (!is_name(c->name))
    return kerr_set(
        reterr, KERR_USAGE, "name",
        "'%s' is not a valid cluster name, cluster names must match `^[a-z0-9.-]+$` (and be at most 50 characters)",
        c->name);
  for (size_t i = 0; i < c->n_nodes; i++) {
    struct cluster_node *node = &c->nodes[i];

    if (!node->name)
      node->name = arena_printf(a, "%s-node-%zu", c->name, i + 1);
    if (!is_name(node->name))
      return kerr_set(reterr, KERR_INVALID, NULL, "nodes[%zu].name: '%s' is not a valid node name", i, node->name);
    for (size_t k = 0; k < i; k++)
      if (strcmp(c->nodes[k].name, node->name) == 0)
        return kerr_set(reterr, KERR_INVALID, NULL, "nodes[%zu].name: '%s' is the name of nodes[%zu] too", i,
                        node->name, k);
  }
  return 0;
}

/* -- writing -- */

static void
set_switches(struct arena *a, struct json *doc, const char *name, const char *text)
{
  struct json *map;

  if (!text || !*text)
    return;
  map = json_ensure_object(a, doc, name);
  while (*text) {
    size_t n = strcspn(text, ","), key = strcspn(text, "=");

    if (key < n)
      json_set_n(a, map, text, key, json_new_strn(a, text + key + 1, n - key - 1));
    else
      json_set_n(a, map, text, n, json_new_str(a, "true"));
    text += n + (text[n] == ',');
  }
}

static void
set_text(struct arena *a, struct json *doc, const char *name, const char *text)
{
  if (text)
    json_set_str(a, doc, name, text);
}

static void
set_etcd(struct arena *a, struct json *doc, const struct cluster_etcd *e)
{
  struct json *etcd;

  if (!e->endpoints)
    return;
  etcd = json_ensure_object(a, doc, "etcd");
  set_text(a, etcd, "endpoints", e->endpoints);
  set_text(a, etcd, "caFile", e->ca_file);
  set_text(a, etcd, "certFile", e->cert_file);
  set_text(a, etcd, "keyFile", e->key_file);
}

static void
set_disable(struct arena *a, struct json *doc, const struct cluster_config *c)
{
  const struct {
    const char *word;
    bool off;
  } rows[] = {
    { "scheduler", c->no_scheduler },
    { "controllers", c->no_controllers },
    { "node-agent", c->no_node_agent },
    { "driver", c->no_driver },
  };

  for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
    if (rows[i].off)
      json_append_str(a, json_ensure_array(a, doc, "disable"), rows[i].word);
}

struct json *
cluster_config_to_json(struct arena *a, const struct cluster_config *c)
{
  struct json *doc = json_new_object(a), *net, *nodes;

  json_set_str(a, doc, "apiVersion", API_VERSION_OURS);
  json_set_str(a, doc, "kind", "Cluster");
  json_set_str(a, doc, "name", c->name);
  set_text(a, doc, "kubernetesVersion", c->kubernetes_version);
  set_switches(a, doc, "featureGates", c->feature_gates);
  set_switches(a, doc, "runtimeConfig", c->runtime_config);
  set_text(a, doc, "devices", c->devices);
  set_text(a, doc, "store", c->store);
  set_text(a, doc, "storeSync", c->store_sync);
  set_etcd(a, doc, &c->etcd);
  set_text(a, doc, "authorizationMode", c->authorization_mode);
  set_text(a, doc, "enableAdmissionPlugins", c->enable_admission);
  set_text(a, doc, "disableAdmissionPlugins", c->disable_admission);
  set_disable(a, doc, c);
  net = json_ensure_object(a, doc, "networking");
  json_set_str(a, net, "apiServerAddress", c->address);
  json_set_int(a, net, "apiServerPort", c->port);
  nodes = c->n_nodes ? json_ensure_array(a, doc, "nodes") : NULL;
  for (size_t i = 0; i < c->n_nodes; i++) {
    struct json *node = json_append(a, nodes, json_new_object(a));

    set_text(a, node, "name", c->nodes[i].name);
    set_text(a, node, "devices", c->nodes[i].devices);
    if (c->nodes[i].labels)
      json_set(a, node, "labels", json_copy(a, c->nodes[i].labels));
  }
  return doc;
}
