#include "crd_manager.h"

#include <stdatomic.h>
#include <string.h>

#include "apiserver_internal.h"
#include "ceilings.h"
#include "hmap.h"
#include "object.h"
#include "thread.h"
#include "watch_hub.h"

#define ROUNDS_MAX 64 /* status writes that follow from one change; other writers may make some of them void */

/* What is known of a definition that had nothing left to be done at that revision. */
struct settled {
  int64_t revision;
  char *group;
  struct json *accepted; /* status.acceptedNames, packed */
  bool waits;            /* for a name that another definition has */
};

struct crd_manager {
  struct apiserver *s;
  struct exchange_user self;
  pthread_mutex_t work;    /* one reconciliation at a time; guards `known` */
  pthread_mutex_t refresh; /* one compilation at a time */
  pthread_mutex_t lock;    /* guards `set` */
  struct custom_set *set;
  struct hmap *known; /* name → struct settled */
  struct hub_reader *reader;
  atomic_bool has_webhooks;
  atomic_bool stale; /* the store has definitions that the set has not */
};

static const char *const self_groups[] = { "system:masters" };

static void
settled_free(void *p)
{
  struct settled *s = p;

  free(s->group);
  free(s->accepted);
  free(s);
}

struct crd_manager *
crd_manager_new(struct apiserver *s)
{
  struct crd_manager *m = mem_alloc(sizeof *m);

  m->s = s;
  m->self = (struct exchange_user){ .name = "system:apiserver", .uid = "", .groups = self_groups, .n_groups = 1 };
  pthread_mutex_init(&m->work, NULL);
  pthread_mutex_init(&m->refresh, NULL);
  pthread_mutex_init(&m->lock, NULL);
  m->known = hmap_new(settled_free);
  return m;
}

void
crd_manager_free(struct crd_manager *m)
{
  if (!m)
    return;
  if (m->reader)
    hub_reader_free(m->reader);
  custom_set_unref(m->set);
  hmap_free(m->known);
  pthread_mutex_destroy(&m->work);
  pthread_mutex_destroy(&m->refresh);
  pthread_mutex_destroy(&m->lock);
  free(m);
}

bool
crd_manager_is_own(const struct crd_manager *m, const struct exchange_request *req)
{
  return req->user == &m->self;
}

/* -- the set -- */

static struct custom_set *
current(struct crd_manager *m)
{
  struct custom_set *set;

  pthread_mutex_lock(&m->lock);
  set = m->set ? custom_set_ref(m->set) : NULL;
  pthread_mutex_unlock(&m->lock);
  return set;
}

/* The definition in `r`: as it was compiled before where nothing has changed. */
static struct custom_definition *
compile(struct crd_manager *m, const struct custom_set *before, struct record *r)
{
  struct span key = record_key(r);
  const char *name = key.p + strlen(CRD_PREFIX);
  struct custom_definition *old = custom_set_definition(before, name), *d;

  if (old && old->revision == record_revision(r))
    return custom_definition_ref(old);
  d = custom_definition_new(r, m->s->webhooks);
  if (d && old && strcmp(d->uid, old->uid) == 0 && d->generation == old->generation)
    d->since = old->since; /* another status, the same shape */
  return d;
}

static int
list_definitions(struct crd_manager *m, struct store_list *ret, struct kerr *reterr)
{
  struct store_range range = { .prefix = SPAN(CRD_PREFIX) };

  *ret = (struct store_list){ .items = NULL };
  return store_list(m->s->store, &range, ret, reterr);
}

static bool
goes_on(const struct custom_set *now, const struct custom_definition *d)
{
  const struct custom_definition *same = custom_set_definition(now, d->name);

  return same && custom_definition_same(same, d);
}

/* Watches end with what they watch (customresource_handler.go, tearDown); their clients come again. */
static void
end_watches(struct crd_manager *m, const struct custom_set *before, const struct custom_set *now)
{
  struct custom_definition *d;
  size_t cursor = 0;

  while ((d = custom_set_next(before, &cursor))) {
    _cleanup_free_ char *prefix = NULL;

    if (goes_on(now, d))
      continue;
    prefix = mem_printf("/registry/%s/", d->storage->resource.storage_prefix);
    watch_hub_end(m->s->hub, span_of(prefix), store_revision(m->s->store));
  }
}

bool
crd_manager_is_current(struct crd_manager *m, const struct custom_definition *d)
{
  struct custom_set *now = current(m);
  bool ret = goes_on(now, d);

  custom_set_unref(now);
  return ret;
}

static int
refresh(struct crd_manager *m, struct kerr *reterr)
{
  struct custom_set *before, *after, *last;
  struct custom_definition **list;
  struct store_list found;
  bool webhooks = false;

  pthread_mutex_lock(&m->refresh);
  if (list_definitions(m, &found, reterr) < 0) {
    pthread_mutex_unlock(&m->refresh);
    return -(int)reterr->code;
  }
  before = current(m);
  list = mem_calloc(found.n + 1, sizeof list[0]);
  for (size_t i = 0; i < found.n; i++) {
    list[i] = compile(m, before, found.items[i]);
    webhooks |= list[i] && custom_has_webhook(list[i]);
  }
  after = custom_set_new(list, found.n);
  free(list);
  atomic_store(&m->has_webhooks, webhooks);
  pthread_mutex_lock(&m->lock);
  last = m->set;
  m->set = after;
  pthread_mutex_unlock(&m->lock);
  end_watches(m, before, after);
  pthread_mutex_unlock(&m->refresh);
  custom_set_unref(last);
  custom_set_unref(before);
  store_list_release(&found);
  return 0;
}

/* The hub has news: look when somebody asks. */
static void
note_stale(void *arg)
{
  struct crd_manager *m = arg;

  atomic_store(&m->stale, true);
}

static void
catch_up(struct crd_manager *m)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct hub_event *e;

  pthread_mutex_lock(&m->refresh);
  while (m->reader && hub_reader_next(m->reader, &e) == HUB_EVENT)
    hub_event_unref(e);
  pthread_mutex_unlock(&m->refresh);
  if (refresh(m, &err) < 0)
    log_error(m->s->config.log, "crd", "%s", err.msg);
}

struct custom_set *
crd_manager_set(struct crd_manager *m)
{
  if (atomic_exchange(&m->stale, false))
    catch_up(m);
  return current(m);
}

bool
crd_manager_has_webhooks(const struct crd_manager *m)
{
  return atomic_load(&m->has_webhooks) || atomic_load(&m->stale);
}

/* -- writing through the API -- */

static int
ask(struct crd_manager *m, struct arena *a, const char *method, const char *path, struct span body)
{
  static const struct exchange_header headers[] = { { "content-type", "application/json" },
                                                    { "user-agent", "kube-apiserver" } };
  struct exchange_request req = { .method = method,
                                  .path = path,
                                  .query = "",
                                  .headers = headers,
                                  .n_headers = ARRAY_SIZE(headers),
                                  .body = body,
                                  .user = &m->self,
                                  .arena = a };
  _cleanup_answer_ struct exchange_answer ans = { .status = 0 };

  m->s->exchange.ops->serve(&m->s->exchange, &req, &ans);
  if (ans.status >= 300 && ans.status != 404 && ans.status != 409)
    log_error(m->s->config.log, "crd", "%s %s answered %d: %.*s", method, path, ans.status, SPAN_FMT(ans.body));
  return ans.status;
}

static int
write_status(struct crd_manager *m, struct arena *a, const struct json *o)
{
  return ask(m, a, "PUT",
             arena_printf(a, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/%s/status", object_name(o)),
             span_of(json_text(a, o, JSON_COMPACT)));
}

/* -- the end of a definition: its objects first -- */

/* The namespaces in which there are objects, each once; "" for those of the cluster. */
static const char **
namespaces_of(struct arena *a, const struct store_list *objects, struct span prefix, bool namespaced, size_t *ret_n)
{
  const char **ret = arena_array_of(a, const char *, objects->n + 1);
  size_t n = 0;

  for (size_t i = 0; i < objects->n; i++) {
    struct span key = record_key(objects->items[i]), rest, ns;

    ns = span_cut(span_make(key.p + prefix.n, key.n - prefix.n), '/', &rest);
    if (!namespaced)
      ns = SPAN("");
    if (n == 0 || !span_is(ns, ret[n - 1])) /* keys are in order */
      ret[n++] = arena_strndup(a, ns.p, ns.n);
  }
  *ret_n = n;
  return ret;
}

static int
list_objects(struct crd_manager *m, struct span prefix, struct store_list *ret)
{
  struct store_range range = { .prefix = prefix };
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  *ret = (struct store_list){ .items = NULL };
  if (store_list(m->s->store, &range, ret, &err) == 0)
    return 0;
  log_error(m->s->config.log, "crd", "%s", err.msg);
  return -1;
}

/* True when none is left. */
static bool
delete_objects(struct crd_manager *m, struct arena *a, const struct json *crd)
{
  struct custom_set *set = current(m);
  const struct custom_definition *d = custom_set_definition(set, object_name(crd));
  const struct json *spec = json_get(crd, "spec");
  const char *group = json_get_str_or(spec, "group", ""),
             *plural = json_get_str_or(json_get(spec, "names"), "plural", "");
  struct span prefix = span_of(arena_printf(a, "/registry/%s/%s/", group, plural));
  bool namespaced = strcmp(json_get_str_or(spec, "scope", ""), "Namespaced") == 0;
  struct store_list objects;
  bool none = false;

  if (list_objects(m, prefix, &objects) == 0) {
    size_t n;
    const char **namespaces = namespaces_of(a, &objects, prefix, namespaced, &n);

    for (size_t i = 0; d && i < n; i++)
      (void)ask(m, a, "DELETE",
                *namespaces[i] ? arena_printf(a, "/apis/%s/%s/namespaces/%s/%s", group, d->storage->kind.version,
                                              namespaces[i], plural)
                               : arena_printf(a, "/apis/%s/%s/%s", group, d->storage->kind.version, plural),
                SPAN(""));
    store_list_release(&objects);
  }
  if (list_objects(m, prefix, &objects) == 0) {
    none = objects.n == 0;
    store_list_release(&objects);
  }
  custom_set_unref(set);
  return none;
}

static void
remove_finalizer(struct arena *a, struct json *o)
{
  struct json *meta = json_find(o, "metadata"), *left = json_new_array(a);

  for (json_each_item (f, json_get(meta, "finalizers")))
    if (strcmp(json_str(*f), CRD_FINALIZER) != 0)
      json_append(a, left, *f);
  json_set(a, meta, "finalizers", left);
}

/* One step towards the end; true when something was written. */
static bool
terminate(struct crd_manager *m, struct arena *a, struct json *o)
{
  int64_t now = clock_wall(m->s->clock);

  if (object_set_condition(a, o, "Terminating", "True", "InstanceDeletionInProgress",
                           "CustomResource deletion is in progress", now))
    return write_status(m, a, o) < 300;
  if (!object_condition_is_true(o, "Established"))
    (void)object_set_condition(a, o, "Terminating", "False", "NeverEstablished", "resource was never established", now);
  else if (delete_objects(m, a, o))
    (void)object_set_condition(a, o, "Terminating", "False", "InstanceDeletionCompleted", "removed all instances", now);
  else
    return false; /* finalizers hold some: whoever removes the last one calls again */
  remove_finalizer(a, o);
  return write_status(m, a, o) < 300;
}

/* -- one definition -- */

static void
remember(struct crd_manager *m, const struct record *r, const struct json *o)
{
  struct settled *s = mem_alloc(sizeof *s);
  const struct json *names = json_get(o, "spec");

  s->revision = record_revision(r);
  s->group = mem_strdup(json_get_str_or(names, "group", ""));
  s->accepted = json_pack(json_dig(o, "status", "acceptedNames", NULL));
  s->waits = !object_condition_is_true(o, "NamesAccepted") || object_is_deleting(o);
  hmap_put(m->known, span_of(object_name(o)), s);
}

static struct crd_taken
taken_by_others(struct crd_manager *m, struct arena *a, const struct json *o)
{
  const char *group = json_get_str_or(json_get(o, "spec"), "group", "");
  struct crd_taken taken = { .accepted = arena_array_of(a, const struct json *, hmap_count(m->known) + 1) };
  size_t cursor = 0;
  struct span name;
  void *value;

  while (hmap_next(m->known, &cursor, &name, &value)) {
    const struct settled *s = value;

    if (!span_is(name, object_name(o)) && strcmp(s->group, group) == 0)
      taken.accepted[taken.n++] = s->accepted;
  }
  return taken;
}

/* True when something was written. */
static bool
settle(struct crd_manager *m, struct record *r)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_REPLY);
  struct crd_taken taken;
  struct json *o;

  record_write(&text, r);
  if (json_parse(a, strbuf_view(&text), NULL, &o, &err) < 0) {
    log_error(m->s->config.log, "crd", "%.*s: %s", SPAN_FMT(record_key(r)), err.msg);
    return false;
  }
  taken = taken_by_others(m, a, o);
  remember(m, r, o);
  if (object_is_deleting(o))
    return object_has_finalizer(o, CRD_FINALIZER) && terminate(m, a, o);
  return crd_settle_status(a, o, &taken, clock_wall(m->s->clock)) && write_status(m, a, o) < 300;
}

/* -- all of them -- */

static bool
is_listed(const struct store_list *list, struct span name)
{
  for (size_t i = 0; i < list->n; i++) {
    struct span key = record_key(list->items[i]);

    if (span_ends(key, name) && key.n == strlen(CRD_PREFIX) + name.n)
      return true;
  }
  return false;
}

/* Definitions that are gone have freed their names. */
static void
forget_gone(struct crd_manager *m, const struct store_list *list)
{
  size_t cursor = 0;
  struct span name;

  while (hmap_next(m->known, &cursor, &name, NULL))
    if (!is_listed(list, name))
      (void)hmap_remove(m->known, name);
}

/* One round; true when something was written, so that there may be more to do. */
static bool
settle_all(struct crd_manager *m)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct store_list list;
  bool written = false;

  if (list_definitions(m, &list, &err) < 0) {
    log_error(m->s->config.log, "crd", "%s", err.msg);
    return false;
  }
  forget_gone(m, &list);
  for (size_t i = 0; i < list.n; i++) {
    struct span key = record_key(list.items[i]);
    const struct settled *s = hmap_get(m->known, span_make(key.p + strlen(CRD_PREFIX), key.n - strlen(CRD_PREFIX)));

    if (!s || s->revision != record_revision(list.items[i]) || s->waits)
      written |= settle(m, list.items[i]);
  }
  store_list_release(&list);
  return written;
}

void
crd_manager_changed(struct crd_manager *m)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  bool again = true;

  pthread_mutex_lock(&m->work);
  for (int round = 0; again && round < ROUNDS_MAX; round++) {
    again = settle_all(m);
    if (refresh(m, &err) < 0) {
      log_error(m->s->config.log, "crd", "%s", err.msg);
      kerr_release(&err);
    }
  }
  pthread_mutex_unlock(&m->work);
}

int
crd_manager_start(struct crd_manager *m, struct kerr *reterr)
{
  if (refresh(m, reterr) < 0 ||
      watch_hub_subscribe(m->s->hub, SPAN(CRD_PREFIX), SPAN(CRD_PREFIX), 0, &m->reader, reterr) < 0)
    return -(int)reterr->code;
  hub_reader_set_notify(m->reader, note_stale, m);
  crd_manager_changed(m);
  return 0;
}
