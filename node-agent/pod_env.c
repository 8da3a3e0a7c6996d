#include <stdio.h>
#include <unistd.h>

#include "codec.h"
#include "pod_inputs.h"
#include "quantity.h"
#include "sandbox_plan.h"

/* "metadata.labels['x']" -> the value of x in `map`; NULL when `path` is not of that form. */
static const char *
subscript(struct arena *a, const char *path, const char *prefix, const struct json *map)
{
  size_t n = strlen(prefix), len = strlen(path);

  if (strncmp(path, prefix, n) != 0 || strncmp(path + n, "['", 2) != 0 || len < n + 4 ||
      strcmp(path + len - 2, "']") != 0)
    return NULL;
  return json_get_str_or(map, arena_strndup(a, path + n + 2, len - n - 4), "");
}

/* A whole map, as the downward API writes it: key="value", one a line. */
static const char *
map_lines(struct arena *a, const struct json *map)
{
  struct json *sorted = map ? json_copy(a, map) : json_new_object(a);
  struct strbuf b;

  json_sort_members(sorted);
  strbuf_init(&b, 1024 * 1024);
  for (json_each_member (m, sorted)) {
    strbuf_printf(&b, "%s%s=", b.n ? "\n" : "", m->name);
    json_write_str(&b, json_span(m->value), 0);
  }
  const char *out = arena_strdup(a, b.p ? b.p : "");
  strbuf_release(&b);
  return out;
}

int
pod_field(struct arena *a, const struct pod_place *p, const char *path, const char **ret, struct kerr *reterr)
{
  const struct json *spec = json_get(p->pod, "spec"), *labels = object_labels(p->pod),
                    *notes = object_annotations(p->pod);
  const struct {
    const char *path, *value;
  } fields[] = {
    { "metadata.name", object_name(p->pod) },
    { "metadata.namespace", object_namespace(p->pod) },
    { "metadata.uid", object_uid(p->pod) },
    { "spec.nodeName", json_get_str_or(spec, "nodeName", "") },
    { "spec.serviceAccountName", json_get_str_or(spec, "serviceAccountName", "") },
    { "status.hostIP", p->host_ip },
    { "status.hostIPs", p->host_ip },
    { "status.podIP", p->pod_ip },
    { "status.podIPs", p->pod_ip },
  };

  *ret = subscript(a, path, "metadata.labels", labels);
  if (!*ret)
    *ret = subscript(a, path, "metadata.annotations", notes);
  if (!*ret && strcmp(path, "metadata.labels") == 0)
    *ret = map_lines(a, labels);
  if (!*ret && strcmp(path, "metadata.annotations") == 0)
    *ret = map_lines(a, notes);
  for (size_t i = 0; !*ret && i < ARRAY_SIZE(fields); i++)
    if (strcmp(fields[i].path, path) == 0)
      *ret = fields[i].value;
  return *ret ? 0 : kerr_set(reterr, KERR_INVALID, NULL, "unsupported fieldPath: %s", path);
}

/* limits.cpu and the like in units of `divisor`, rounded up; what is not set is what the node has. */
static int
resource_field(struct arena *a, const struct json *container, const struct json *ref, const char **ret,
               struct kerr *reterr)
{
  const char *resource = json_get_str_or(ref, "resource", ""), *dot = strchr(resource, '.');
  const char *text = NULL, *divisor = json_get_str_or(ref, "divisor", "1");
  struct quantity q = { 0 }, d;

  if (dot)
    text = json_get_str(
        json_dig(container, "resources", strncmp(resource, "limits", 6) == 0 ? "limits" : "requests", NULL), dot + 1);
  if (dot && !text && strcmp(dot + 1, "cpu") == 0)
    text = arena_printf(a, "%ld", sysconf(_SC_NPROCESSORS_ONLN));
  if (dot && !text && strcmp(dot + 1, "memory") == 0)
    text = arena_printf(a, "%lld", (long long)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE));
  int r = quantity_parse(span_of(text ? text : "0"), &q, reterr);
  r = r < 0 ? r : quantity_parse(span_of(strcmp(divisor, "0") == 0 ? "1" : divisor), &d, reterr);
  if (r < 0)
    return r;
  double value = quantity_approx(&q) / (quantity_sign(&d) > 0 ? quantity_approx(&d) : 1);
  int64_t whole = (int64_t)value;
  *ret = arena_printf(a, "%lld", (long long)((double)whole < value ? whole + 1 : whole));
  return 0;
}

/* ConfigMap or Secret: its data with the values as text. `optional`: NULL when absent. */
static int
data_of(struct arena *a, const struct pod_place *p, const struct kclient_resource *res, const char *name, bool optional,
        struct json **ret, struct kerr *reterr)
{
  _cleanup_record_ struct record *r = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *data = json_new_object(a);

  *ret = NULL;
  if (kclient_get(p->config->client, res, object_namespace(p->pod), name, &r, &err) < 0)
    return optional && err.code == KERR_NOT_FOUND ? 0 : kerr_move(reterr, &err);
  for (json_each_member (m, json_get(record_tree(r), "data"))) {
    struct strbuf b;
    if (res != &KC_SECRETS) {
      json_set(a, data, m->name, json_copy(a, m->value));
      continue;
    }
    strbuf_init(&b, 4 * 1024 * 1024);
    if (codec_unbase64(&b, json_span(m->value)))
      json_set(a, data, m->name, json_new_strn(a, b.p ? b.p : "", b.n));
    strbuf_release(&b);
  }
  *ret = data;
  return 0;
}

static int
key_ref(struct arena *a, const struct pod_place *p, const struct kclient_resource *res, const struct json *ref,
        const char *what, const char **ret, struct kerr *reterr)
{
  const char *name = json_get_str_or(ref, "name", ""), *key = json_get_str_or(ref, "key", "");
  bool optional = json_get_bool(ref, "optional", false);
  struct json *data;
  int r = data_of(a, p, res, name, optional, &data, reterr);

  *ret = NULL;
  if (r < 0)
    return r;
  *ret = json_get_str(data, key);
  if (!*ret && !optional)
    return kerr_set(reterr, KERR_NOT_FOUND, NULL, "couldn't find key %s in %s %s/%s", key, what,
                    object_namespace(p->pod), name);
  return 0;
}

/* The value of one entry; NULL: leave the variable out. */
static int
env_value(struct arena *a, const struct pod_place *p, const struct json *container, const struct json *entry,
          const struct json *env, const char **ret, struct kerr *reterr)
{
  const struct json *from = json_get(entry, "valueFrom");

  if (json_get(from, "fieldRef"))
    return pod_field(a, p, json_get_str_or(json_get(from, "fieldRef"), "fieldPath", ""), ret, reterr);
  if (json_get(from, "resourceFieldRef"))
    return resource_field(a, container, json_get(from, "resourceFieldRef"), ret, reterr);
  if (json_get(from, "configMapKeyRef"))
    return key_ref(a, p, &KC_CONFIGMAPS, json_get(from, "configMapKeyRef"), "ConfigMap", ret, reterr);
  if (json_get(from, "secretKeyRef"))
    return key_ref(a, p, &KC_SECRETS, json_get(from, "secretKeyRef"), "Secret", ret, reterr);
  *ret = sandbox_expand(a, json_get_str_or(entry, "value", ""), env);
  return 0;
}

static int
env_from(struct arena *a, const struct pod_place *p, const struct json *source, struct json *env, struct kerr *reterr)
{
  const struct json *map = json_get(source, "configMapRef"), *secret = json_get(source, "secretRef"),
                    *ref = map ? map : secret;
  const char *prefix = json_get_str_or(source, "prefix", "");
  struct json *data;
  int r = data_of(a, p, map ? &KC_CONFIGMAPS : &KC_SECRETS, json_get_str_or(ref, "name", ""),
                  json_get_bool(ref, "optional", false), &data, reterr);

  for (json_each_member (m, r < 0 ? NULL : data))
    json_append(a, env, json_new_strf(a, "%s%s=%s", prefix, m->name, json_str(m->value) ? json_str(m->value) : ""));
  return r;
}

/* Where the API server is: pods share the machine's network, so it is the address that everybody uses. */
static void
env_services(struct arena *a, const struct pod_place *p, struct json *env)
{
  const char *server = p->config->server, *host = server ? strstr(server, "://") : NULL, *colon;

  if (!host)
    return;
  host += 3;
  colon = strrchr(host, ':');
  if (!colon)
    return;
  json_append(a, env, json_new_strf(a, "KUBERNETES_SERVICE_HOST=%.*s", (int)(colon - host), host));
  json_append(a, env, json_new_strf(a, "KUBERNETES_SERVICE_PORT=%.*s", (int)strcspn(colon + 1, "/"), colon + 1));
  json_append(a, env, json_new_strf(a, "KUBERNETES_SERVICE_PORT_HTTPS=%.*s", (int)strcspn(colon + 1, "/"), colon + 1));
}

int
pod_env(struct arena *a, const struct pod_place *p, const struct json *container, struct json **ret,
        struct kerr *reterr)
{
  struct json *env = json_new_array(a);
  int r = 0;

  env_services(a, p, env);
  for (json_each_item (s, json_get(container, "envFrom")))
    r = r < 0 ? r : env_from(a, p, *s, env, reterr);
  for (json_each_item (e, json_get(container, "env"))) {
    const char *value = NULL;
    if (r == 0)
      r = env_value(a, p, container, *e, env, &value, reterr);
    if (r == 0 && value)
      json_append(a, env, json_new_strf(a, "%s=%s", json_get_str_or(*e, "name", ""), value));
  }
  *ret = env;
  return r;
}
