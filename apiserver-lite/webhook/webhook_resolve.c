#include "webhook_resolve.h"

#include <string.h>

#include "codec.h"
#include "object.h"

#define HTTPS_PORT 443

/* As Go's path.Join("/", p) for paths that validation lets through: no trailing slash, no doubled one. */
static const char *
clean_path(struct arena *a, const char *path)
{
  char *ret = arena_printf(a, "/%s", path), *to = ret;

  for (const char *p = ret; *p; p++)
    if (*p != '/' || to == ret || to[-1] != '/')
      *to++ = *p;
  while (to > ret + 1 && to[-1] == '/')
    to--;
  *to = '\0';
  return ret;
}

int
webhook_target_of(struct arena *a, const struct json *config, struct webhook_target *ret, struct kerr *reterr)
{
  const struct json *service = json_get(config, "service");
  const char *url = json_get_str_or(config, "url", ""), *host, *path;

  if (service) {
    host =
        arena_printf(a, "%s.%s.svc", json_get_str_or(service, "name", ""), json_get_str_or(service, "namespace", ""));
    ret->host = host;
    ret->port = (int)json_get_int(service, "port", HTTPS_PORT);
    ret->url = arena_printf(a, "https://%s:%d%s", host, ret->port, clean_path(a, json_get_str_or(service, "path", "")));
    return 0;
  }
  if (!*url)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "webhook configuration must have either service or URL");
  host = strstr(url, "://");
  if (!host)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "Unparsable URL: parse \"%s\": missing protocol scheme", url);
  path = host + 3 + strcspn(host + 3, "/?#");
  ret->url =
      arena_printf(a, "%.*s%s", (int)(path - url), url, clean_path(a, arena_strndup(a, path, strcspn(path, "?#"))));
  return 0;
}

static const struct json *
service_port(const struct json *service, int port)
{
  for (json_each_item (p, json_dig(service, "spec", "ports", NULL)))
    if (json_get_int(*p, "port", 0) == port)
      return *p;
  return NULL;
}

static const char *
ready_address(const struct json *slice)
{
  size_t n = json_count(json_get(slice, "endpoints"));
  uint32_t start;

  codec_random(&start, sizeof start);
  for (size_t i = 0; i < n; i++) {
    const struct json *e = json_at(json_get(slice, "endpoints"), (start + i) % n);

    if (json_get_bool(json_get(e, "conditions"), "ready", true))
      return json_str(json_at(json_get(e, "addresses"), 0));
  }
  return NULL;
}

/* The address of an endpoint in this slice; NULL: it has none for the port. */
static const char *
slice_address(struct arena *a, const struct json *slice, const char *service, const char *port_name)
{
  if (strcmp(json_get_str_or(object_labels(slice), "kubernetes.io/service-name", ""), service) != 0)
    return NULL;
  for (json_each_item (p, json_get(slice, "ports"))) {
    const char *ip = ready_address(slice);

    if (!ip || strcmp(json_get_str_or(*p, "name", ""), port_name) != 0 || !json_get(*p, "port"))
      continue;
    return arena_printf(a, strchr(ip, ':') ? "[%s]:%d" : "%s:%d", ip, (int)json_get_int(*p, "port", 0));
  }
  return NULL;
}

int
webhook_resolve(struct auth_source *objects, struct arena *a, const struct json *config, struct webhook_target *t,
                struct kerr *reterr)
{
  const struct json *ref = json_get(config, "service"), *service, *port, *const * slices;
  const char *ns = json_get_str_or(ref, "namespace", ""), *name = json_get_str_or(ref, "name", ""), *type;

  if (!t->host)
    return 0;
  service = objects->ops->get(objects, a, "services", ns, name);
  if (!service)
    return kerr_set(reterr, KERR_UNAVAILABLE, NULL, "service \"%s\" not found", name);
  type = json_get_str_or(json_get(service, "spec"), "type", "ClusterIP");
  if (strcmp(type, "ExternalName") == 0)
    return kerr_set(reterr, KERR_UNAVAILABLE, NULL, "unsupported service type \"%s\"", type);
  port = service_port(service, t->port);
  if (!port)
    return kerr_set(reterr, KERR_UNAVAILABLE, NULL, "no service port %d found for service \"%s\"", t->port, name);
  size_t n = objects->ops->list(objects, a, "endpointslices", ns, &slices);

  for (size_t i = 0; i < n && !t->address; i++)
    t->address = slice_address(a, slices[i], name, json_get_str_or(port, "name", ""));
  return t->address ? 0 : kerr_set(reterr, KERR_UNAVAILABLE, NULL, "no endpoints available for service \"%s\"", name);
}
