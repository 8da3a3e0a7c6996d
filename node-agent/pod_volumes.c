#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "codec.h"
#include "fs.h"
#include "pod_inputs.h"

#define TOKEN_SECONDS 3607 /* upstream: the token of the service account volume */

struct filling {
  struct arena *a;
  const struct pod_place *p;
  const char *dir; /* of the volume */
};

static int
put_file(const struct filling *f, const char *path, struct span content, int64_t mode, struct kerr *reterr)
{
  char *full = arena_printf(f->a, "%s/%s", f->dir, path), *dir = arena_strdup(f->a, full);

  if (!*path || path[0] == '/' || strstr(path, ".."))
    return kerr_set(reterr, KERR_INVALID, NULL, "invalid path: %s", path);
  *strrchr(dir, '/') = '\0';
  int r = fs_mkdirs(dir, 0755, reterr);
  return r < 0 ? r : fs_write(full, content, (mode_t)(mode & 0777), false, reterr);
}

static int
put_data(const struct filling *f, const struct json *object, bool secret, const struct json *items, int64_t mode,
         bool optional, struct kerr *reterr)
{
  static const char *const parts[] = { "data", "binaryData" };
  int r = 0;

  for (json_each_item (p, items)) {
    const char *key = json_get_str_or(*p, "key", "");
    if (!optional && !json_get(json_get(object, "data"), key) && !json_get(json_get(object, "binaryData"), key))
      return kerr_set(reterr, KERR_INVALID, NULL, "references non-existent %s key: %s", secret ? "secret" : "config",
                      key);
  }
  for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
    for (json_each_member (m, json_get(object, parts[i]))) {
      /* Which file it becomes; without an item it is wanted only when all are. */
      const struct json *item = json_list_find(items, "key", m->name);
      _cleanup_strbuf_ struct strbuf raw;

      strbuf_init(&raw, 4 * 1024 * 1024);
      if (r < 0 || (json_count(items) && !item))
        continue;
      bool encoded = secret || i == 1;
      if (encoded && !codec_unbase64(&raw, json_span(m->value)))
        continue;
      r = put_file(f, json_get_str_or(item, "path", m->name), encoded ? strbuf_view(&raw) : json_span(m->value),
                   json_get_int(item, "mode", mode), reterr);
    }
  return r;
}

static int
fill_object(const struct filling *f, const struct kclient_resource *res, const char *name, const struct json *source,
            int64_t mode, struct kerr *reterr)
{
  _cleanup_record_ struct record *r = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  bool optional = json_get_bool(source, "optional", false), secret = res == &KC_SECRETS;

  if (kclient_get(f->p->config->client, res, object_namespace(f->p->pod), name, &r, &err) < 0) {
    if (err.code == KERR_NOT_FOUND && strcmp(name, "kube-root-ca.crt") == 0 && f->p->config->ca_pem)
      return put_file(f, "ca.crt", span_of(f->p->config->ca_pem), mode, reterr); /* nobody publishes it here */
    return err.code == KERR_NOT_FOUND && optional ? 0 : kerr_move(reterr, &err);
  }
  return put_data(f, record_tree(r), secret, json_get(source, "items"), mode, optional, reterr);
}

static int
fill_downward(const struct filling *f, const struct json *source, int64_t mode, struct kerr *reterr)
{
  int r = 0;

  for (json_each_item (p, json_get(source, "items"))) {
    const char *value = "";
    if (r == 0 && json_get(*p, "fieldRef"))
      r = pod_field(f->a, f->p, json_get_str_or(json_get(*p, "fieldRef"), "fieldPath", ""), &value, reterr);
    if (r == 0)
      r = put_file(f, json_get_str_or(*p, "path", ""), span_of(value), json_get_int(*p, "mode", mode), reterr);
  }
  return r;
}

/* A token bound to this pod (TokenRequest). */
static int
fill_token(const struct filling *f, const struct json *source, int64_t mode, struct kerr *reterr)
{
  const struct json *pod = f->p->pod;
  struct arena *a = f->a;
  struct json *o = json_new_object(a), *spec, *ref;
  _cleanup_record_ struct record *r = NULL;
  const char *account = json_get_str_or(json_get(pod, "spec"), "serviceAccountName", "default");

  json_set_str(a, o, "apiVersion", "authentication.k8s.io/v1");
  json_set_str(a, o, "kind", "TokenRequest");
  spec = json_set(a, o, "spec", json_new_object(a));
  json_set_int(a, spec, "expirationSeconds", json_get_int(source, "expirationSeconds", TOKEN_SECONDS));
  if (json_get_str(source, "audience"))
    json_append_str(a, json_set(a, spec, "audiences", json_new_array(a)), json_get_str(source, "audience"));
  ref = json_set(a, spec, "boundObjectRef", json_new_object(a));
  json_set_str(a, ref, "apiVersion", "v1");
  json_set_str(a, ref, "kind", "Pod");
  json_set_str(a, ref, "name", object_name(pod));
  json_set_str(a, ref, "uid", object_uid(pod));
  if (kclient_create_sub(f->p->config->client, &KC_SERVICEACCOUNTS, object_namespace(pod), account, "token", o, &r,
                         reterr) < 0)
    return kerr_wrap(reterr, "failed to fetch token");
  return put_file(f, json_get_str_or(source, "path", "token"),
                  json_span(json_dig(record_tree(r), "status", "token", NULL)), mode, reterr);
}

static int
fill_projected(const struct filling *f, const struct json *source, struct kerr *reterr)
{
  int64_t mode = json_get_int(source, "defaultMode", 0644);
  int r = 0;

  for (json_each_item (p, json_get(source, "sources"))) {
    const struct json *map = json_get(*p, "configMap"), *secret = json_get(*p, "secret");
    const struct json *token = json_get(*p, "serviceAccountToken"), *down = json_get(*p, "downwardAPI");

    if (r == 0 && map)
      r = fill_object(f, &KC_CONFIGMAPS, json_get_str_or(map, "name", ""), map, mode, reterr);
    if (r == 0 && secret)
      r = fill_object(f, &KC_SECRETS, json_get_str_or(secret, "name", ""), secret, mode, reterr);
    if (r == 0 && token)
      r = fill_token(f, token, mode, reterr);
    if (r == 0 && down)
      r = fill_downward(f, down, mode, reterr);
  }
  return r;
}

static const char *
volume_dir(struct arena *a, const struct pod_place *p, const char *name)
{
  return arena_printf(a, "%s/volumes/%s", p->dir, name);
}

/* A path of the node: what belongs to the fake node comes from its directory, all else is the machine's. */
static const char *
host_path(struct arena *a, const struct pod_place *p, const char *path)
{
  static const struct {
    const char *prefix, *inside;
  } node[] = {
    { "/var/lib/kubelet", "kubelet" }, { "/var/run/cdi", "cdi" },       { "/run/cdi", "cdi" },
    { "/etc/cdi", "cdi-static" },      { "/var/log/pods", "log/pods" }, { "/sys", "sys" },
  };

  for (size_t i = 0; i < ARRAY_SIZE(node); i++) {
    size_t n = strlen(node[i].prefix);
    if (strncmp(path, node[i].prefix, n) == 0 && (path[n] == '/' || !path[n]))
      return arena_printf(a, "%s/%s%s", p->config->dir, node[i].inside, path + n);
  }
  return path;
}

static int
check_host_path(struct arena *a, const struct pod_place *p, const struct json *source, struct kerr *reterr)
{
  const char *path = json_get_str_or(source, "path", "/"), *type = json_get_str_or(source, "type", ""),
             *real = host_path(a, p, path);
  struct stat st;

  if (real != path || strcmp(type, "DirectoryOrCreate") == 0)
    return fs_mkdirs(real, 0755, reterr);
  if (stat(real, &st) < 0) {
    if (strcmp(type, "FileOrCreate") == 0)
      return fs_write(real, SPAN(""), 0644, false, reterr);
    if (!*type)
      return fs_mkdirs(real, 0755, reterr);
  } else if (strcmp(type, "Directory") != 0 || S_ISDIR(st.st_mode)) {
    return 0;
  }
  return kerr_set(reterr, KERR_INVALID, NULL, "hostPath type check failed: %s is not a %s", path,
                  strcmp(type, "Directory") == 0 ? "directory" : "file");
}

static int
set_up(struct arena *a, const struct pod_place *p, const struct json *v, struct kerr *reterr)
{
  struct filling f = { .a = a, .p = p, .dir = volume_dir(a, p, json_get_str_or(v, "name", "")) };
  const struct json *s;
  int r = fs_mkdirs(f.dir, 0777, reterr);

  if (r < 0)
    return r;
  if (json_get(v, "emptyDir"))
    return chmod(f.dir, 0777) < 0 ? kerr_errno(reterr, errno, "%s", f.dir) : 0;
  if ((s = json_get(v, "configMap")))
    return fill_object(&f, &KC_CONFIGMAPS, json_get_str_or(s, "name", ""), s, json_get_int(s, "defaultMode", 0644),
                       reterr);
  if ((s = json_get(v, "secret")))
    return fill_object(&f, &KC_SECRETS, json_get_str_or(s, "secretName", ""), s, json_get_int(s, "defaultMode", 0644),
                       reterr);
  if ((s = json_get(v, "downwardAPI")))
    return fill_downward(&f, s, json_get_int(s, "defaultMode", 0644), reterr);
  if ((s = json_get(v, "projected")))
    return fill_projected(&f, s, reterr);
  if ((s = json_get(v, "hostPath")))
    return check_host_path(a, p, s, reterr);
  return kerr_set(
      reterr, KERR_INVALID, NULL,
      "no volume plugin matched (dralab has emptyDir, configMap, secret, downwardAPI, projected, hostPath)");
}

int
pod_volumes(struct arena *a, const struct pod_place *p, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf hosts;
  int r;

  strbuf_init(&hosts, 64 * 1024);
  strbuf_printf(&hosts, "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost\n%s\t%s\n", p->pod_ip,
                object_name(p->pod));
  for (json_each_item (h, json_dig(p->pod, "spec", "hostAliases", NULL))) {
    strbuf_printf(&hosts, "%s", json_get_str_or(*h, "ip", ""));
    for (json_each_item (n, json_get(*h, "hostnames")))
      strbuf_printf(&hosts, "\t%s", json_str(*n));
    strbuf_putc(&hosts, '\n');
  }
  r = fs_mkdirs(arena_printf(a, "%s/shm", p->dir), 01777, reterr);
  r = r < 0 ? r : fs_write(arena_printf(a, "%s/etc-hosts", p->dir), strbuf_view(&hosts), 0644, false, reterr);
  for (json_each_item (v, json_dig(p->pod, "spec", "volumes", NULL))) {
    if (r == 0 && set_up(a, p, *v, reterr) < 0)
      r = kerr_wrap(reterr, "MountVolume.SetUp failed for volume \"%s\" ", json_get_str_or(*v, "name", ""));
  }
  return r;
}

static void
add_mount(struct arena *a, struct json *list, const char *source, const char *target, bool ro)
{
  struct json *m = json_append(a, list, json_new_object(a));

  json_set_str(a, m, "source", source);
  json_set_str(a, m, "target", target);
  if (ro)
    json_set_bool(a, m, "readOnly", true);
}

static const struct json *
volume_named(const struct json *pod, const char *name)
{
  for (json_each_item (v, json_dig(pod, "spec", "volumes", NULL)))
    if (strcmp(json_get_str_or(*v, "name", ""), name) == 0)
      return *v;
  return NULL;
}

int
pod_mounts(struct arena *a, const struct pod_place *p, const struct json *container, const char *termination_log,
           struct json **ret, struct kerr *reterr)
{
  struct json *list = json_new_array(a);

  add_mount(a, list, arena_printf(a, "%s/etc-hosts", p->dir), "/etc/hosts", false);
  if (access("/etc/resolv.conf", R_OK) == 0)
    add_mount(a, list, "/etc/resolv.conf", "/etc/resolv.conf", true);
  add_mount(a, list, termination_log, json_get_str_or(container, "terminationMessagePath", "/dev/termination-log"),
            false);
  for (json_each_item (m, json_get(container, "volumeMounts"))) {
    const char *name = json_get_str_or(*m, "name", ""), *sub = json_get_str_or(*m, "subPath", "");
    const struct json *v = volume_named(p->pod, name), *host = json_get(v, "hostPath");
    const char *source = host ? host_path(a, p, json_get_str_or(host, "path", "/")) : volume_dir(a, p, name);

    if (!v || strstr(sub, ".."))
      return kerr_set(reterr, KERR_INVALID, NULL, "volume mount \"%s\" of container \"%s\" is invalid", name,
                      json_get_str_or(container, "name", ""));
    if (*sub) {
      source = arena_printf(a, "%s/%s", source, sub);
      if (!fs_exists(source) && fs_mkdirs(source, 0777, reterr) < 0)
        return kerr_wrap(reterr, "failed to prepare subPath for volumeMount \"%s\"", name);
    }
    bool ro = json_get_bool(*m, "readOnly", false) || json_get(v, "configMap") || json_get(v, "secret") ||
              json_get(v, "projected") || json_get(v, "downwardAPI");
    add_mount(a, list, source, json_get_str_or(*m, "mountPath", ""), ro);
  }
  *ret = list;
  return 0;
}
