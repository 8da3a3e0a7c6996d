#include <stdio.h>
#include <string.h>

#include "ceilings.h"
#include "kclient_internal.h"
#include "status.h"

#define RESOURCE(NAME, g, v, r, k, ns) \
  const struct kclient_resource NAME = { .group = g, .version = v, .resource = r, .kind = k, .namespaced = ns }

RESOURCE(KC_NAMESPACES, "", "v1", "namespaces", "Namespace", false);
RESOURCE(KC_NODES, "", "v1", "nodes", "Node", false);
RESOURCE(KC_PODS, "", "v1", "pods", "Pod", true);
RESOURCE(KC_EVENTS, "", "v1", "events", "Event", true);
RESOURCE(KC_CONFIGMAPS, "", "v1", "configmaps", "ConfigMap", true);
RESOURCE(KC_RESOURCEQUOTAS, "", "v1", "resourcequotas", "ResourceQuota", true);
RESOURCE(KC_SECRETS, "", "v1", "secrets", "Secret", true);
RESOURCE(KC_SERVICEACCOUNTS, "", "v1", "serviceaccounts", "ServiceAccount", true);
RESOURCE(KC_LEASES, "coordination.k8s.io", "v1", "leases", "Lease", true);
RESOURCE(KC_RESOURCECLAIMS, "resource.k8s.io", "v1", "resourceclaims", "ResourceClaim", true);
RESOURCE(KC_RESOURCECLAIMTEMPLATES, "resource.k8s.io", "v1", "resourceclaimtemplates", "ResourceClaimTemplate", true);
RESOURCE(KC_RESOURCESLICES, "resource.k8s.io", "v1", "resourceslices", "ResourceSlice", false);
RESOURCE(KC_DEVICECLASSES, "resource.k8s.io", "v1", "deviceclasses", "DeviceClass", false);
RESOURCE(KC_VALIDATINGADMISSIONPOLICIES, "admissionregistration.k8s.io", "v1", "validatingadmissionpolicies",
         "ValidatingAdmissionPolicy", false);
RESOURCE(KC_CLUSTERROLES, "rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", false);
RESOURCE(KC_PERSISTENTVOLUMES, "", "v1", "persistentvolumes", "PersistentVolume", false);
RESOURCE(KC_PERSISTENTVOLUMECLAIMS, "", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", true);
RESOURCE(KC_VOLUMEATTRIBUTESCLASSES, "storage.k8s.io", "v1", "volumeattributesclasses", "VolumeAttributesClass", false);
RESOURCE(KC_PODGROUPS, "scheduling.k8s.io", "v1beta1", "podgroups", "PodGroup", true);
RESOURCE(KC_DEVICETAINTRULES, "resource.k8s.io", "v1", "devicetaintrules", "DeviceTaintRule", false);
RESOURCE(KC_RESOURCEPOOLSTATUSREQUESTS, "resource.k8s.io", "v1alpha3", "resourcepoolstatusrequests",
         "ResourcePoolStatusRequest", false);

struct kclient *
kclient_alloc(struct clock *clock, struct log *log, const char *user_agent)
{
  struct kclient *c = mem_alloc(sizeof *c);

  c->clock = clock;
  c->log = log;
  c->user_agent = mem_strdup(user_agent ? user_agent : "dralab");
  pthread_mutex_init(&c->lock, NULL);
  return c;
}

void
kclient_free(struct kclient *c)
{
  if (!c)
    return;
  kclient_events_free(c->events);
  kclient_pump_free(c->pump);
  c->transport->free(c);
  pthread_mutex_destroy(&c->lock);
  free(c->user_agent);
  free(c);
}

void
kclient_freep(struct kclient **pc)
{
  kclient_free(*pc);
}

char *
kclient_path(struct arena *a, const struct kclient_resource *res, const char *ns, const char *name, const char *sub)
{
  bool in_ns = res->namespaced && ns && *ns;

  return arena_printf(a, "%s%s/%s%s%s/%s%s%s%s%s", *res->group ? "/apis/" : "/api", res->group, res->version,
                      in_ns ? "/namespaces/" : "", in_ns ? ns : "", res->resource, name && *name ? "/" : "",
                      name ? name : "", sub && *sub ? "/" : "", sub ? sub : "");
}

int
kclient_do(struct kclient *c, struct arena *a, const struct kclient_call *call, struct kclient_got *ret,
           struct kerr *reterr)
{
  struct json *status = NULL;
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;
  int r = c->transport->call(c, a, call, ret, reterr);

  if (r < 0 || ret->status < 400)
    return r;
  if (json_parse(a, ret->body, NULL, &status, &ignored) < 0)
    status = json_new_strn(a, ret->body.p, ret->body.n); /* not a Kubernetes answer: its text is the best there is */
  return status_to_kerr(status, ret->status, reterr);
}

/* An answer that is no stored object (a token, a review) comes as a document, in the process as over the wire. */
static struct record *
record_of_document(struct span body)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *doc = NULL;

  if (json_parse(a, body, &json_as_written, &doc, &err) < 0 || !json_is(doc, JSON_OBJECT))
    return NULL;
  return record_from_json(span_of(object_name(doc)), 0, doc);
}

/* The object of an answer, or nothing when the caller does not want it. */
static int
hand_out(struct kclient_got *got, const char *path, struct record **ret, struct kerr *reterr)
{
  struct record *first = got->n > 0 ? got->records[0] : NULL;

  if (ret && !first && got->body.n) {
    *ret = record_of_document(got->body);
    if (*ret)
      return 0;
  }
  if (ret && !first)
    return kerr_set(reterr, KERR_INTERNAL, NULL, "the answer to %s holds no object", path);
  for (size_t i = ret ? 1 : 0; i < got->n; i++)
    record_unref(got->records[i]);
  if (ret)
    *ret = first;
  return 0;
}

static int
call_object(struct kclient *c, const struct kclient_call *call, struct record **ret, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  struct kclient_got got = { .status = 0 };
  int r = kclient_do(c, a, call, &got, reterr);

  return r < 0 ? r : hand_out(&got, call->path, ret, reterr);
}

/* A call with a JSON body. */
static int
call_body(struct kclient *c, const char *method, const char *path, const char *query, const char *content_type,
          const struct json *body, const struct kclient_resource *objects, struct record **ret, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf text;

  strbuf_init(&text, CEIL_REQUEST_BODY);
  json_write(&text, body, JSON_COMPACT | JSON_LOOSE);
  if (strbuf_overflowed(&text))
    return kerr_set(reterr, KERR_TOO_LARGE, NULL, "the object is larger than %zu bytes", CEIL_REQUEST_BODY);
  return call_object(c,
                     &(struct kclient_call){ .method = method,
                                             .path = path,
                                             .query = query,
                                             .content_type = content_type,
                                             .body = strbuf_view(&text),
                                             .objects = objects },
                     ret, reterr);
}

int
kclient_get(struct kclient *c, const struct kclient_resource *res, const char *ns, const char *name,
            struct record **ret, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);

  return call_object(
      c, &(struct kclient_call){ .method = "GET", .path = kclient_path(a, res, ns, name, NULL), .objects = res }, ret,
      reterr);
}

void
kclient_list_release(struct kclient_list *l)
{
  for (size_t i = 0; i < l->n; i++)
    record_unref(l->items[i]);
  free(l->items);
  *l = (struct kclient_list){ .n = 0 };
}

int
kclient_list(struct kclient *c, const struct kclient_resource *res, const char *ns, const char *query,
             struct kclient_list *ret, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_CYCLE);
  struct kclient_got got = { .status = 0 };
  int r =
      kclient_do(c, a,
                 &(struct kclient_call){
                     .method = "GET", .path = kclient_path(a, res, ns, NULL, NULL), .query = query, .objects = res },
                 &got, reterr);

  if (r < 0)
    return r;
  *ret = (struct kclient_list){ .items = mem_calloc(got.n, sizeof(struct record *)),
                                .n = got.n,
                                .revision = got.revision };
  if (got.n)
    memcpy(ret->items, got.records, got.n * sizeof(struct record *));
  return 0;
}

int
kclient_create(struct kclient *c, const struct kclient_resource *res, const char *ns, const struct json *object,
               struct record **ret, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);

  return call_body(c, "POST", kclient_path(a, res, ns, NULL, NULL), NULL, "application/json", object, res, ret, reterr);
}

/* What a subresource answers (TokenRequest, Binding's Status) is not stored anywhere: it comes as a document. */
int
kclient_create_sub(struct kclient *c, const struct kclient_resource *res, const char *ns, const char *name,
                   const char *subresource, const struct json *object, struct record **ret, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  struct kclient_call call = { .method = "POST",
                               .path = kclient_path(a, res, ns, name, subresource),
                               .content_type = "application/json",
                               .body = span_of(json_text(a, object, JSON_COMPACT)) };
  struct kclient_got got = { .status = 0 };
  struct json *answer;
  int r = kclient_do(c, a, &call, &got, reterr);

  if (r < 0 || !ret)
    return r;
  r = json_parse(a, got.body, NULL, &answer, reterr);
  if (r < 0)
    return kerr_wrap(reterr, "the answer to %s", call.path);
  if (json_find(answer, "metadata"))
    (void)json_remove(json_find(answer, "metadata"), "resourceVersion");
  *ret = record_from_json(span_of(call.path), 0, answer);
  return 0;
}

int
kclient_update(struct kclient *c, const struct kclient_resource *res, const char *subresource,
               const struct json *object, struct record **ret, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);

  return call_body(c, "PUT", kclient_path(a, res, object_namespace(object), object_name(object), subresource), NULL,
                   "application/json", object, res, ret, reterr);
}

int
kclient_patch(struct kclient *c, const struct kclient_resource *res, const char *subresource, const char *ns,
              const char *name, enum kclient_patch_type type, const char *query, const struct json *patch,
              struct record **ret, struct kerr *reterr)
{
  static const char *const content_types[] = {
    [KCLIENT_JSON_PATCH] = "application/json-patch+json",
    [KCLIENT_MERGE_PATCH] = "application/merge-patch+json",
    [KCLIENT_STRATEGIC_PATCH] = "application/strategic-merge-patch+json",
    [KCLIENT_APPLY_PATCH] = "application/apply-patch+yaml",
  };
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);

  return call_body(c, "PATCH", kclient_path(a, res, ns, name, subresource), query, content_types[type], patch, res, ret,
                   reterr);
}

int
kclient_delete(struct kclient *c, const struct kclient_resource *res, const char *ns, const char *name,
               const struct json *options, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  char *path = kclient_path(a, res, ns, name, NULL);

  /* The answer is the object or a Status, by kind: nobody asks for it. */
  if (options)
    return call_body(c, "DELETE", path, NULL, "application/json", options, NULL, NULL, reterr);
  return call_object(c, &(struct kclient_call){ .method = "DELETE", .path = path }, NULL, reterr);
}

static void
split_query(struct arena *a, const char *path, const char **ret_path, const char **ret_query)
{
  const char *mark = strchr(path, '?');

  *ret_path = mark ? arena_strndup(a, path, (size_t)(mark - path)) : path;
  *ret_query = mark ? mark + 1 : NULL;
}

int
kclient_raw(struct kclient *c, struct arena *a, const char *method, const char *path, const char *accept,
            const char *content_type, struct span body, struct kclient_reply *ret, struct kerr *reterr)
{
  struct kclient_call call = { .method = method, .accept = accept, .content_type = content_type, .body = body };
  struct kclient_got got = { .status = 0 };
  int r;

  split_query(a, path, &call.path, &call.query);
  r = c->transport->call(c, a, &call, &got, reterr);
  if (r == 0)
    *ret = (struct kclient_reply){ .status = got.status, .content_type = got.content_type, .body = got.body };
  return r;
}

/* -- streams, read by the thread that asks -- */

struct waiting {
  pthread_mutex_t lock;
  pthread_cond_t cond;
  bool news;
};

static void
wake(void *arg)
{
  struct waiting *w = arg;

  pthread_mutex_lock(&w->lock);
  w->news = true;
  pthread_cond_signal(&w->cond);
  pthread_mutex_unlock(&w->lock);
}

static void
wait_for_news(struct kclient *c, struct waiting *w)
{
  pthread_mutex_lock(&w->lock);
  while (!w->news)
    (void)clock_cond_wait(c->clock, &w->cond, &w->lock, CLOCK_NEVER);
  w->news = false;
  pthread_mutex_unlock(&w->lock);
}

int
kclient_raw_stream(struct kclient *c, const char *path, const char *accept, bool (*chunk)(void *arg, struct span bytes),
                   void *arg, int *ret_status, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct kclient_call call = { .method = "GET", .accept = accept };
  struct waiting w = { .lock = PTHREAD_MUTEX_INITIALIZER };
  struct exchange_stream *stream;
  struct exchange_event event;
  int r;

  split_query(a, path, &call.path, &call.query);
  r = c->transport->watch(c, &call, &stream, reterr);
  if (r < 0)
    return r;
  *ret_status = 200;
  clock_cond_init(&w.cond);
  stream->ops->set_notify(stream, wake, &w);
  for (;;) {
    int more = stream->ops->next(stream, &event);

    if (more < 0 ||
        (more > 0 && !chunk(arg, event.type == EXCHANGE_ERROR && !event.bytes.n ? event.status : event.bytes)))
      break;
    if (more == 0)
      wait_for_news(c, &w);
  }
  stream->ops->free(stream);
  pthread_cond_destroy(&w.cond);
  return 0;
}
