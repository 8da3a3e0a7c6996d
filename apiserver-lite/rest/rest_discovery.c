#include "rest_discovery.h"

#include <string.h>

#include "ceilings.h"
#include "codec.h"
#include "object.h"
#include "rest_route.h"

/* -- the parts -- */

struct verb_word {
  enum kind_verb verb;
  const char *word;
};

static const struct verb_word by_name[] = {
  { KIND_VERB_CREATE, "create" }, { KIND_VERB_DELETE, "delete" }, { KIND_VERB_DELETECOLLECTION, "deletecollection" },
  { KIND_VERB_GET, "get" },       { KIND_VERB_LIST, "list" },     { KIND_VERB_PATCH, "patch" },
  { KIND_VERB_UPDATE, "update" }, { KIND_VERB_WATCH, "watch" },
};
/* Custom resources have an order of their own (DiscoveryController). */
static const struct verb_word of_customs[] = {
  { KIND_VERB_DELETE, "delete" }, { KIND_VERB_DELETECOLLECTION, "deletecollection" },
  { KIND_VERB_GET, "get" },       { KIND_VERB_LIST, "list" },
  { KIND_VERB_PATCH, "patch" },   { KIND_VERB_CREATE, "create" },
  { KIND_VERB_UPDATE, "update" }, { KIND_VERB_WATCH, "watch" },
};

/* What is said of the verbs of a resource; nothing new is made when its definition is on its way out. */
static uint32_t
shown_verbs(const struct kind_resource *r)
{
  bool ending = r->of->custom && r->of->custom->definition->terminating;

  return ending ? r->verbs & ~(uint32_t)(KIND_VERB_CREATE | KIND_VERB_UPDATE | KIND_VERB_PATCH) : r->verbs;
}

static void
set_verbs(struct arena *a, struct json *o, const struct kind_resource *r, uint32_t verbs)
{
  const struct verb_word *words = r->of->custom ? of_customs : by_name;
  struct json *list = json_ensure_array(a, o, "verbs");

  for (size_t i = 0; i < ARRAY_SIZE(by_name); i++)
    if (verbs & words[i].verb)
      json_append_str(a, list, words[i].word);
}

static void
set_words(struct arena *a, struct json *o, const char *name, const char *const *words)
{
  for (; words && *words; words++)
    json_append_str(a, json_ensure_array(a, o, name), *words);
}

/* Says nothing but which kind and version is stored, so that a client can see it change. */
/* The hash of the version in which upstream's release stores the resource: ours, unless that came later. */
static void
set_storage_hash(struct arena *a, const struct personality *p, struct json *o, const struct kind_resource *r)
{
  _cleanup_strbuf_ struct strbuf b;
  uint8_t digest[32];
  bool known = kind_in(p, kind_resource_storage(p, r)->of) != NULL;
  char *text;

  strbuf_init(&b, KiB);
  if (!*r->storage_version)
    return;
  text = arena_printf(a, "%s/%s/%s", r->storage_group, known ? r->storage_version : r->version, r->kind);
  codec_sha256(span_of(text), digest);
  codec_base64(&b, span_make((const char *)digest, 8));
  json_set_str(a, o, "storageVersionHash", b.p);
}

/* The next row of one group version; `*cursor` is served_next's. */
static const struct kind_resource *
next_in(struct rest_call *c, size_t *cursor, const char *group, const char *version)
{
  const struct kind_resource *r;

  while ((r = served_next(&c->served, cursor)) != NULL)
    if (strcmp(r->group, group) == 0 && strcmp(r->version, version) == 0)
      return r;
  return NULL;
}

/* Groups of the tables come first; a definition may add to one of them. */
static bool
adds_to_built_in(struct rest_call *c, const struct kind_resource *r)
{
  const struct kind_resource *k;
  size_t cursor = 0;

  while (r->of->custom && (k = kind_resource_next(c->personality, &cursor)) != NULL)
    if (strcmp(k->group, r->group) == 0)
      return true;
  return false;
}

/* The next version of a group, or with `group` NULL the next group, in order of preference; the row that shows it
 * first. */
static const struct kind_resource *
next_version(struct rest_call *c, size_t *cursor, const char *group, const struct kind_resource *last)
{
  const struct kind_resource *r;

  while ((r = served_next(&c->served, cursor)) != NULL) {
    if (group ? strcmp(r->group, group) != 0 : !*r->group || adds_to_built_in(c, r))
      continue;
    if (!last || strcmp(r->group, last->group) != 0 || (group && strcmp(r->version, last->version) != 0))
      return r;
  }
  return NULL;
}

/* -- the lists of old -- */

static struct json *
document(struct rest_call *c, const char *api_version, const char *kind)
{
  struct json *o = json_new_object(c->a);

  json_set_str(c->a, o, "kind", kind);
  if (api_version)
    json_set_str(c->a, o, "apiVersion", api_version);
  return o;
}

/* In the encoding that the client asked for; the kinds are those of meta.k8s.io/v1. */
static int
answer(struct rest_call *c, const struct json *o, struct kerr *reterr)
{
  const struct kind *k = rest_kind(c, "", "v1", object_kind(o));
  struct json *canonical;
  int r = kind_decode(c->a, k, o, NULL, &canonical, reterr);

  return r < 0 ? r : rest_answer_object(c, 200, k, canonical, reterr);
}

/* Of custom resources, status comes before scale. */
static const struct kind_subresource *
sub_at(const struct kind_resource *r, size_t i)
{
  return r->of->custom ? &r->subs[r->n_subs - 1 - i] : &r->subs[i];
}

static struct json *
resource_entry(struct rest_call *c, const struct kind_resource *r, const struct kind_subresource *sub)
{
  struct json *o = json_new_object(c->a);

  json_set_str(c->a, o, "name", sub ? arena_printf(c->a, "%s/%s", r->resource, sub->name) : r->resource);
  json_set_str(c->a, o, "singularName", sub ? "" : r->singular);
  json_set_bool(c->a, o, "namespaced", r->namespaced);
  if (sub && *sub->version) {
    if (*sub->group)
      json_set_str(c->a, o, "group", sub->group);
    json_set_str(c->a, o, "version", sub->version);
  }
  json_set_str(c->a, o, "kind", sub ? sub->kind : r->kind);
  set_verbs(c->a, o, r, sub ? sub->verbs : shown_verbs(r));
  if (!sub) {
    set_words(c->a, o, "shortNames", r->short_names);
    set_words(c->a, o, "categories", r->categories);
    set_storage_hash(c->a, c->personality, o, r);
  }
  return o;
}

static bool
group_served(struct rest_call *c, const char *group)
{
  size_t cursor = 0;

  return next_version(c, &cursor, group, NULL) != NULL;
}

static int
resource_list(struct rest_call *c, const char *group, const char *version, struct kerr *reterr)
{
  struct json *doc = document(c, *group ? "v1" : NULL, "APIResourceList"), *list;
  const struct kind_resource *r;
  size_t cursor = 0, n = 0;

  json_set_str(c->a, doc, "groupVersion", gv_text(c->a, group, version));
  list = json_ensure_array(c->a, doc, "resources");
  while ((r = next_in(c, &cursor, group, version)) != NULL) {
    n++;
    json_append(c->a, list, resource_entry(c, r, NULL));
    for (size_t i = 0; i < r->n_subs; i++)
      json_append(c->a, list, resource_entry(c, r, sub_at(r, i)));
  }
  if (n == 0) /* a version that is unknown to its group is told apart from a group that is not there */
    return group_served(c, group) ? rest_no_such_resource(c, reterr) : rest_no_such_page(c);
  if (strcmp(c->req->method, "GET") != 0 && strcmp(c->req->method, "HEAD") != 0)
    return rest_method_not_allowed(c, reterr);
  if (!*group &&
      c->form.encoding == REST_JSON) { /* the canonical form has the apiVersion that upstream leaves out here */
    rest_answer_document(c, doc);
    return 0;
  }
  return answer(c, doc, reterr);
}

static struct json *
version_entry(struct rest_call *c, const struct kind_resource *r)
{
  struct json *o = json_new_object(c->a);

  json_set_str(c->a, o, "groupVersion", gv_text(c->a, r->group, r->version));
  json_set_str(c->a, o, "version", r->version);
  return o;
}

/* name, versions, preferredVersion; NULL when no version of the group is served. */
static struct json *
group_entry(struct rest_call *c, const char *group, struct json *o)
{
  const struct kind_resource *r = NULL;
  size_t cursor = 0;
  struct json *list;

  json_set_str(c->a, o, "name", group);
  list = json_ensure_array(c->a, o, "versions");
  while ((r = next_version(c, &cursor, group, r)) != NULL)
    json_append(c->a, list, version_entry(c, r));
  if (list->count == 0)
    return NULL;
  json_set(c->a, o, "preferredVersion", json_item(list, 0));
  return o;
}

static int
group_list(struct rest_call *c, struct kerr *reterr)
{
  struct json *doc = document(c, "v1", "APIGroupList"), *list = json_ensure_array(c->a, doc, "groups");
  const struct kind_resource *r = NULL;
  size_t cursor = 0;

  while ((r = next_version(c, &cursor, NULL, r)) != NULL)
    json_append(c->a, list, group_entry(c, r->group, json_new_object(c->a)));
  return answer(c, doc, reterr);
}

static int
core_versions(struct rest_call *c, struct kerr *reterr)
{
  struct json *doc = document(c, NULL, "APIVersions"), *address;
  const char *host = rest_header(c, "host");

  (void)reterr;
  json_append_str(c->a, json_ensure_array(c->a, doc, "versions"), "v1");
  address = json_append(c->a, json_ensure_array(c->a, doc, "serverAddressByClientCIDRs"), json_new_object(c->a));
  json_set_str(c->a, address, "clientCIDR", "0.0.0.0/0");
  json_set_str(c->a, address, "serverAddress", host ? host : "");
  rest_answer_document(c, doc);
  return 0;
}

/* -- everything at once -- */

static struct json *
response_kind(struct rest_call *c, const char *group, const char *version, const char *kind)
{
  struct json *o = json_new_object(c->a);

  json_set_str(c->a, o, "group", group);
  json_set_str(c->a, o, "version", version);
  json_set_str(c->a, o, "kind", kind);
  return o;
}

static struct json *
resource_discovery(struct rest_call *c, const struct kind_resource *r)
{
  struct json *o = json_new_object(c->a);

  json_set_str(c->a, o, "resource", r->resource);
  json_set(c->a, o, "responseKind",
           r->of->custom ? response_kind(c, r->group, r->version, r->kind) : response_kind(c, "", "", r->kind));
  json_set_str(c->a, o, "scope", r->namespaced ? "Namespaced" : "Cluster");
  json_set_str(c->a, o, "singularResource", r->singular);
  set_verbs(c->a, o, r, shown_verbs(r));
  set_words(c->a, o, "shortNames", r->short_names);
  set_words(c->a, o, "categories", r->categories);
  for (size_t i = 0; i < r->n_subs; i++) {
    const struct kind_subresource *sub = sub_at(r, i);
    struct json *s = json_append(c->a, json_ensure_array(c->a, o, "subresources"), json_new_object(c->a));

    json_set_str(c->a, s, "subresource", sub->name);
    if (r->of->custom && !*sub->version)
      json_set(c->a, s, "responseKind", response_kind(c, r->group, r->version, sub->kind));
    else
      json_set(c->a, s, "responseKind", response_kind(c, *sub->version ? sub->group : "", sub->version, sub->kind));
    set_verbs(c->a, s, r, sub->verbs);
  }
  return o;
}

static struct json *
group_discovery(struct rest_call *c, const char *group)
{
  struct json *o = json_new_object(c->a), *meta = json_ensure_object(c->a, o, "metadata");
  struct json *versions = json_ensure_array(c->a, o, "versions");
  const struct kind_resource *v = NULL, *r;
  size_t cursor = 0;

  if (*group)
    json_set_str(c->a, meta, "name", group);
  if (personality_minor(c->personality) < 34) /* a zero time is left out from then on */
    json_set(c->a, meta, "creationTimestamp", json_new_null(c->a));
  while ((v = next_version(c, &cursor, group, v)) != NULL) {
    struct json *entry = json_append(c->a, versions, json_new_object(c->a));
    size_t below = 0;

    json_set_str(c->a, entry, "version", v->version);
    while ((r = next_in(c, &below, v->group, v->version)) != NULL)
      json_append(c->a, json_ensure_array(c->a, entry, "resources"), resource_discovery(c, r));
    json_set_str(c->a, entry, "freshness", "Current");
  }
  return o;
}

static int
aggregated(struct rest_call *c, const char *version, bool core)
{
  struct json *doc = document(c, arena_printf(c->a, "apidiscovery.k8s.io/%s", version), "APIGroupDiscoveryList"),
              *items;
  const char *type =
      arena_printf(c->a, "application/json;g=apidiscovery.k8s.io;v=%s;as=APIGroupDiscoveryList", version);
  const char *known = rest_header(c, "if-none-match");
  const struct kind_resource *r = NULL;
  _cleanup_strbuf_ struct strbuf hex;
  size_t cursor = 0;
  uint8_t digest[32];
  char *text, *etag;

  json_ensure_object(c->a, doc, "metadata");
  items = json_ensure_array(c->a, doc, "items");
  if (core)
    json_append(c->a, items, group_discovery(c, ""));
  while (!core && (r = next_version(c, &cursor, NULL, r)) != NULL)
    json_append(c->a, items, group_discovery(c, r->group));
  text = json_text(c->a, doc, JSON_COMPACT);
  codec_sha256(span_of(text), digest);
  strbuf_init(&hex, KiB);
  codec_hex(&hex, span_make((const char *)digest, sizeof digest));
  etag = arena_printf(c->a, "\"%s\"", hex.p);
  rest_answer_header(c, "ETag", etag);
  rest_answer_header(c, "Vary", "Accept");
  if (known && strcmp(known, etag) == 0)
    rest_answer_text(c, 304, type, SPAN(""));
  else
    rest_answer_text(c, 200, type, span_of(text));
  return 0;
}

/* The version of the aggregated document that these parameters of a media type ask for, if the release has it. */
static const char *
aggregated_version(struct rest_call *c, struct span params)
{
  static const char *const versions[] = { "v2", "v2beta1" };

  if (!personality_gate(c->personality, "AggregatedDiscoveryEndpoint") &&
      !personality_gate_passed(c->personality, "AggregatedDiscoveryEndpoint"))
    return NULL;
  for (size_t i = 0; params.p && i < ARRAY_SIZE(versions); i++) {
    const char *wanted = arena_printf(c->a, "v=%s;", versions[i]);

    if (memmem(params.p, params.n, "APIGroupDiscoveryList", 21) && memmem(params.p, params.n, wanted, strlen(wanted)) &&
        rest_kind(c, "apidiscovery.k8s.io", versions[i], "APIGroupDiscovery"))
      return versions[i];
  }
  return NULL;
}

/*
 * Which document a root is asked for: the first clause of Accept that we have; *ret is NULL for the lists of old.
 * Upstream's words when there is none.
 */
static int
wants_aggregated(struct rest_call *c, const char **ret, struct kerr *reterr)
{
  const char *accept = rest_header(c, "accept");
  struct span left = span_of(accept && *accept ? accept : "*/*");

  *ret = NULL;
  while (left.p) {
    struct span rest, params, one = span_trim(span_cut(left, ',', &rest));
    struct span type = span_trim(span_cut(one, ';', &params));
    bool json = span_is(type, "application/json") || span_is(type, "*/*") || span_is(type, "application/*");
    bool special = params.p && memmem(params.p, params.n, "as=", 3) != NULL;

    if (json && special && (*ret = aggregated_version(c, params)))
      return 0;
    if (!special && (json || span_is(type, "application/yaml") || span_is(type, "application/vnd.kubernetes.protobuf")))
      return 0;
    left = rest;
  }
  return kerr_set(reterr, KERR_NOT_ACCEPTABLE, NULL,
                  "only the following media types are accepted: application/json, application/yaml, "
                  "application/vnd.kubernetes.protobuf");
}

/* -- the paths -- */

int
rest_discovery_core(struct rest_call *c, const char *rest, struct kerr *reterr)
{
  const char *all;
  int r;

  if (*rest && strcmp(rest, "/") != 0) {
    if (strcmp(rest, "/v1") != 0 && strcmp(rest, "/v1/") != 0)
      return rest_no_such_page(c);
    r = rest_negotiate(c, reterr);
    return r < 0 ? r : resource_list(c, "", "v1", reterr);
  }
  r = wants_aggregated(c, &all, reterr);
  if (r < 0)
    return r;
  return all ? aggregated(c, all, true) : core_versions(c, reterr);
}

int
rest_discovery_groups(struct rest_call *c, const char *rest, struct kerr *reterr)
{
  struct span tail, version, more, group = span_cut(span_of(*rest ? rest + 1 : rest), '/', &tail);
  struct json *doc;
  const char *all;
  int r;

  if (group.n == 0) {
    r = wants_aggregated(c, &all, reterr);
    if (r < 0)
      return r;
    if (all)
      return aggregated(c, all, false);
    r = rest_negotiate(c, reterr);
    return r < 0 ? r : group_list(c, reterr);
  }
  version = tail.n ? span_cut(tail, '/', &more) : (struct span){ NULL, 0 };
  r = rest_negotiate(c, reterr);
  if (r < 0)
    return r;
  if (version.n)
    return resource_list(c, arena_strndup(c->a, group.p, group.n), arena_strndup(c->a, version.p, version.n), reterr);
  doc = document(c, "v1", "APIGroup");
  return group_entry(c, arena_strndup(c->a, group.p, group.n), doc) ? answer(c, doc, reterr) : rest_no_such_page(c);
}
