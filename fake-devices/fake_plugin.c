/* Prepare and unprepare: what a claim's devices look like in a container, as a CDI file per claim. */
#include <ctype.h>
#include <errno.h>
#include <sys/stat.h>

#include "ceilings.h"
#include "fake_driver_internal.h"
#include "fs.h"
#include "object.h"

#define CDI_VERSION "0.6.0"

/* "nic-0", "ingressBandwidth" -> "NIC_0_INGRESSBANDWIDTH" */
static char *
env_name(struct arena *a, const char *device, const char *what)
{
  char *name = arena_printf(a, "%s_%s", device, what);

  for (char *c = name; *c; c++)
    *c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
  return name;
}

/* Does a configuration entry speak of this request? A subrequest ("req/sub") is meant by its own name and by its
 * parent's. */
static bool
config_applies(const struct json *requests, const char *request)
{
  size_t parent = strcspn(request, "/");

  if (!json_count(requests))
    return true;
  for (json_each_item (p, requests)) {
    const char *r = json_str(*p);
    if (r && (strcmp(r, request) == 0 || (strlen(r) == parent && strncmp(r, request, parent) == 0)))
      return true;
  }
  return false;
}

/*
 * The one configuration that the built-in drivers know: {apiVersion: dralab.dev/v1, kind: DeviceConfig, env: {K: V}}.
 * The allocation lists the class's before the claim's, so the later one wins.
 */
static int
apply_config(struct arena *a, const struct json *config, const char *driver, const char *request, struct json *env,
             struct kerr *reterr)
{
  for (json_each_item (p, config)) {
    const struct json *opaque = json_get(*p, "opaque"), *params = json_get(opaque, "parameters");

    if (strcmp(json_get_str_or(opaque, "driver", ""), driver) != 0 ||
        !config_applies(json_get(*p, "requests"), request))
      continue;
    if (strcmp(object_api_version(params), "dralab.dev/v1") != 0 || strcmp(object_kind(params), "DeviceConfig") != 0)
      return kerr_set(reterr, KERR_INVALID, NULL,
                      "error decoding opaque configuration for request %s: no kind \"%s\" is known for version \"%s\" "
                      "(known: DeviceConfig of dralab.dev/v1)",
                      request, object_kind(params), object_api_version(params));
    for (json_each_member (m, params))
      if (strcmp(m->name, "apiVersion") != 0 && strcmp(m->name, "kind") != 0 && strcmp(m->name, "env") != 0)
        return kerr_set(reterr, KERR_INVALID, NULL,
                        "error decoding opaque configuration for request %s: unknown field \"%s\"", request, m->name);
    for (json_each_member (m, json_get(params, "env"))) {
      if (!json_str(m->value) || !m->name_len || strchr(m->name, '='))
        return kerr_set(reterr, KERR_INVALID, NULL,
                        "error decoding opaque configuration for request %s: env.%s: must be a string", request,
                        m->name);
      json_append(a, env, json_new_strf(a, "%s=%s", m->name, json_str(m->value)));
    }
  }
  return 0;
}

static int
add_dev_nodes(struct arena *a, const struct tree_device *d, const char *node_dir, struct json *edits,
              struct kerr *reterr)
{
  for (size_t i = 0; i < d->n_dev_nodes; i++) {
    const char *host = arena_printf(a, "%s/dev/%s", node_dir, d->dev_nodes[i] + strlen("/dev/"));
    struct json *n;
    struct stat st;

    if (lstat(host, &st) < 0)
      return kerr_errno(reterr, errno, "device %s: %s", d->name, d->dev_nodes[i]);
    n = json_append(a, json_ensure_array(a, edits, "deviceNodes"), json_new_object(a));
    json_set_str(a, n, "path", d->dev_nodes[i]);
    json_set_str(a, n, "hostPath", host);
    json_set_str(a, n, "type", "c");
    json_set_int(a, n, "major", 1);
    json_set_int(a, n, "minor", 3);
    json_set_int(a, n, "fileMode", 0666);
    json_set_str(a, n, "permissions", "rw");
  }
  return 0;
}

static void
add_sysfs_mount(struct arena *a, const struct tree_device *d, const char *node_dir, struct json *edits)
{
  struct json *m = json_append(a, json_ensure_array(a, edits, "mounts"), json_new_object(a)), *options;

  json_set(a, m, "hostPath", json_new_strf(a, "%s/%s", node_dir, d->path));
  json_set(a, m, "containerPath", json_new_strf(a, "/%s", d->path));
  options = json_set(a, m, "options", json_new_array(a));
  json_append_str(a, options, "ro");
  json_append_str(a, options, "nosuid");
  json_append_str(a, options, "nodev");
  json_append_str(a, options, "bind");
}

/* The entry of one allocated device; its name in the CDI kind is <claim uid>-<device>[-<share id>]. */
static int
add_device(struct arena *a, const struct tree_device *d, const char *node_dir, const struct json *claim,
           const struct json *result, struct json *devices, const char **ret_name, struct kerr *reterr)
{
  const char *share = json_get_str(result, "shareID");
  struct json *entry = json_new_object(a), *edits, *env;
  int r;

  *ret_name = arena_printf(a, "%s-%s%s%s", object_uid(claim), d->name, share ? "-" : "", share ? share : "");
  json_set_str(a, entry, "name", *ret_name);
  edits = json_set(a, entry, "containerEdits", json_new_object(a));
  env = json_set(a, edits, "env", json_new_array(a));
  for (size_t i = 0; i < d->n_env; i++)
    json_append_str(a, env, d->env[i]);
  for (json_each_member (m, json_get(result, "consumedCapacity"))) {
    const char *slash = strrchr(m->name, '/');
    json_append(a, env,
                json_new_strf(a, "%s=%s", env_name(a, d->name, slash ? slash + 1 : m->name),
                              json_str(m->value) ? json_str(m->value) : ""));
  }
  if (json_get_bool(result, "adminAccess", false))
    json_append_str(a, env, "DRA_ADMIN_ACCESS=true");
  r = apply_config(a, json_dig(claim, "status", "allocation", "devices", "config", NULL), d->driver,
                   json_get_str_or(result, "request", ""), env, reterr);
  r = r < 0 ? r : add_dev_nodes(a, d, node_dir, edits, reterr);
  if (r < 0)
    return r;
  if (!json_count(env)) /* a CDI device must edit something; an empty list is nothing */
    json_append(a, env, json_new_strf(a, "%s=%s", env_name(a, "DRALAB_DEVICE", d->name), d->name));
  add_sysfs_mount(a, d, node_dir, edits);
  json_append(a, devices, entry);
  return 0;
}

int
fake_cdi_spec(struct arena *a, const struct device_tree *tree, const char *node_dir, const char *node,
              const char *driver, const struct json *claim, struct json **ret_spec, struct dra_prepared_claim *ret,
              struct kerr *reterr)
{
  const struct json *results = json_dig(claim, "status", "allocation", "devices", "results", NULL);
  struct json *spec = json_new_object(a), *devices;
  const char *kind = arena_printf(a, "k8s.%s/claim", driver);

  json_set_str(a, spec, "cdiVersion", CDI_VERSION);
  json_set_str(a, spec, "kind", kind);
  devices = json_set(a, spec, "devices", json_new_array(a));
  ret->devices = arena_array_of(a, struct dra_prepared_device, json_count(results) + 1);
  ret->n_devices = 0;
  for (json_each_item (p, results)) {
    const char *device = json_get_str_or(*p, "device", ""), *name;
    struct dra_prepared_device *out = &ret->devices[ret->n_devices];
    const char **requests = arena_array_of(a, const char *, 1), **ids = arena_array_of(a, const char *, 1);

    if (strcmp(json_get_str_or(*p, "driver", ""), driver) != 0 || strcmp(json_get_str_or(*p, "pool", ""), node) != 0)
      continue;
    const struct tree_device *d = device_tree_find(tree, driver, device);
    if (!d)
      return kerr_set(reterr, KERR_NOT_FOUND, NULL, "requested device is not allocatable: %s", device);
    int r = add_device(a, d, node_dir, claim, *p, devices, &name, reterr);
    if (r < 0)
      return r;
    requests[0] = json_get_str_or(*p, "request", "");
    ids[0] = arena_printf(a, "%s=%s", kind, name);
    *out = (struct dra_prepared_device){ .requests = requests,
                                         .n_requests = 1,
                                         .pool = node,
                                         .device = device,
                                         .share_id = json_get_str(*p, "shareID"),
                                         .cdi_ids = ids,
                                         .n_cdi_ids = 1 };
    ret->n_devices++;
  }
  *ret_spec = spec;
  return 0;
}

/* NULL for a uid that cannot be part of a file name. */
static char *
cdi_path(struct arena *a, const struct fake_plugin *p, const char *uid)
{
  if (!*uid || strchr(uid, '/') || uid[0] == '.')
    return NULL;
  return arena_printf(a, "%s/cdi/k8s.%s-claim_%s.json", p->node_dir, p->driver, uid);
}

static int
prepare_one(struct fake_plugin *p, struct arena *a, const struct device_tree *tree, const struct json *claim,
            struct dra_prepared_claim *ret, struct kerr *reterr)
{
  const char *path = cdi_path(a, p, object_uid(claim));
  struct json *spec;
  _cleanup_strbuf_ struct strbuf b = { 0 };

  if (!path)
    return kerr_set(reterr, KERR_INVALID, NULL, "claim uid '%s' cannot name a file", object_uid(claim));
  int r = fake_cdi_spec(a, tree, p->node_dir, p->node, p->driver, claim, &spec, ret, reterr);
  if (r < 0)
    return r;
  if (!ret->n_devices)
    return kerr_set(reterr, KERR_INVALID, NULL, "claim %s has no device of driver %s on node %s", object_name(claim),
                    p->driver, p->node);
  strbuf_init(&b, CEIL_SMALL_FILE);
  json_write(&b, spec, JSON_INDENT2);
  r = fs_mkdirs(arena_printf(a, "%s/cdi", p->node_dir), 0755, reterr);
  return r < 0 ? r : fs_write(path, strbuf_view(&b), 0644, false, reterr);
}

static int
prepare(struct dra_plugin *base, const struct dra_claim *claims, const struct json *const *claims_json, size_t n,
        struct arena *a, struct dra_prepared_claim *ret, struct kerr *reterr)
{
  struct fake_plugin *p = container_of(base, struct fake_plugin, base);
  struct device_tree tree;
  int r = device_tree_read(a, p->node_dir, &tree, reterr);

  if (r < 0)
    return r;
  for (size_t i = 0; i < n; i++) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    ret[i] = (struct dra_prepared_claim){ 0 };
    if (strcmp(claims[i].uid, object_uid(claims_json[i])) != 0)
      ret[i].error = "the claim was replaced by another of the same name";
    else if (prepare_one(p, a, &tree, claims_json[i], &ret[i], &err) < 0)
      ret[i].error = arena_strdup(a, err.msg);
  }
  return 0;
}

static int
unprepare(struct dra_plugin *base, const struct dra_claim *claims, size_t n, struct arena *a, const char **ret,
          struct kerr *reterr)
{
  const struct fake_plugin *p = container_of(base, struct fake_plugin, base);

  (void)reterr;
  for (size_t i = 0; i < n; i++) {
    const char *path = cdi_path(a, p, claims[i].uid);
    ret[i] = path && unlink(path) < 0 && errno != ENOENT ? arena_printf(a, "%s: %s", path, strerror(errno)) : NULL;
  }
  return 0;
}

static const struct dra_plugin_ops fake_plugin_ops = { .prepare = prepare, .unprepare = unprepare };

struct fake_plugin *
fake_plugin_new(const char *driver, const char *node, const char *node_dir)
{
  struct fake_plugin *p = mem_alloc(sizeof *p);

  p->driver = mem_strdup(driver);
  p->node = mem_strdup(node);
  p->node_dir = mem_strdup(node_dir);
  p->base = (struct dra_plugin){ .ops = &fake_plugin_ops, .driver = p->driver };
  return p;
}

void
fake_plugin_free(void *plugin)
{
  struct fake_plugin *p = plugin;

  free(p->driver);
  free(p->node);
  free(p->node_dir);
  free(p);
}
