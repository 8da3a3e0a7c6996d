#include <ctype.h>
#include <string.h>

#include "object.h"
#include "openapi.h"

#define JSON_TYPE "application/json"

/* Custom objects have neither the last of these nor the last of those. */
static const char *const readable[] = { JSON_TYPE, "application/yaml", "application/vnd.kubernetes.protobuf" };
static const char *const patches[] = { "application/json-patch+json", "application/merge-patch+json",
                                       "application/apply-patch+yaml", "application/strategic-merge-patch+json" };

/* What an operation takes and says, by its verb. */
static const struct operation {
  uint32_t bit;
  const char *method, *action, *id; /* x-kubernetes-action; the verb that operationId begins with */
  bool collection, writes;
  const char *params; /* separated by blanks */
} operations[] = {
  { KIND_VERB_LIST, "get", "list", "list", true, false,
    "allowWatchBookmarks continue fieldSelector labelSelector limit resourceVersion resourceVersionMatch "
    "sendInitialEvents timeoutSeconds watch" },
  { KIND_VERB_CREATE, "post", "post", "create", true, true, "dryRun fieldManager fieldValidation" },
  { KIND_VERB_DELETECOLLECTION, "delete", "deletecollection", "deleteCollection", true, false,
    "continue dryRun fieldSelector gracePeriodSeconds labelSelector limit orphanDependents propagationPolicy" },
  { KIND_VERB_GET, "get", "get", "read", false, false, "" },
  { KIND_VERB_UPDATE, "put", "put", "replace", false, true, "dryRun fieldManager fieldValidation" },
  { KIND_VERB_PATCH, "patch", "patch", "patch", false, true, "dryRun fieldManager fieldValidation force" },
  { KIND_VERB_DELETE, "delete", "delete", "delete", false, false,
    "dryRun gracePeriodSeconds orphanDependents propagationPolicy" },
};

struct place {
  const struct kind_resource *res;
  const struct kind *kind; /* of what is read and written */
  const char *subresource; /* "" */
  bool namespaced;
};

static struct json *
parameter(struct openapi *d, const char *name, const char *in)
{
  static const char *const booleans = " allowWatchBookmarks force orphanDependents sendInitialEvents watch ";
  static const char *const integers = " gracePeriodSeconds limit timeoutSeconds ";
  const char *probe = arena_printf(d->a, " %s ", name);
  const char *type = strstr(booleans, probe) ? "boolean" : strstr(integers, probe) ? "integer" : "string";
  struct json *p = json_new_object(d->a);

  json_set_str(d->a, p, "name", name);
  json_set_str(d->a, p, "in", in);
  if (strcmp(in, "path") == 0)
    json_set_bool(d->a, p, "required", true);
  json_set_bool(d->a, d->v3 ? json_ensure_object(d->a, p, "schema") : p, "uniqueItems", true);
  json_set_str(d->a, d->v3 ? json_find(p, "schema") : p, "type", type);
  return p;
}

static void
add_query_parameters(struct openapi *d, struct json *op, const char *names)
{
  struct span left = span_of(names);
  struct json *list = json_ensure_array(d->a, op, "parameters");

  while (left.p && left.n) {
    struct span rest, name = span_cut(left, ' ', &rest);

    json_append(d->a, list, parameter(d, arena_strndup(d->a, name.p, name.n), "query"));
    left = rest;
  }
}

static void
add_body(struct openapi *d, struct json *op, const struct operation *o, const struct place *at)
{
  bool patch = o->bit == KIND_VERB_PATCH;
  struct json *schema =
      patch ? openapi_ref_named(d, "io.k8s.apimachinery.pkg.apis.meta.v1.Patch") : openapi_ref_kind(d, at->kind);
  size_t n = patch ? ARRAY_SIZE(patches) - (at->res->of->custom != NULL) : 0;
  struct json *body, *content;

  if (!d->v3) {
    body = json_new_object(d->a);
    json_set_str(d->a, body, "name", "body");
    json_set_str(d->a, body, "in", "body");
    json_set_bool(d->a, body, "required", true);
    json_set(d->a, body, "schema", schema);
    json_append(d->a, json_ensure_array(d->a, op, "parameters"), body);
    for (size_t i = 0; i < n; i++)
      json_append_str(d->a, json_ensure_array(d->a, op, "consumes"), patches[i]);
    return;
  }
  body = json_ensure_object(d->a, op, "requestBody");
  json_set_bool(d->a, body, "required", true);
  content = json_ensure_object(d->a, body, "content");
  if (!patch)
    json_set(d->a, json_ensure_object(d->a, content, "*/*"), "schema", schema);
  for (size_t i = 0; i < n; i++)
    json_set(d->a, json_ensure_object(d->a, content, patches[i]), "schema", schema);
}

static void
add_response(struct openapi *d, struct json *responses, const char *code, const struct place *at, struct json *schema)
{
  struct json *r = json_ensure_object(d->a, responses, code), *content;

  json_set_str(d->a, r, "description",
               *code == '4'               ? "Unauthorized"
               : strcmp(code, "200") == 0 ? "OK"
               : strcmp(code, "201") == 0 ? "Created"
                                          : "Accepted");
  if (!schema)
    return;
  if (!d->v3) {
    json_set(d->a, r, "schema", schema);
    return;
  }
  content = json_ensure_object(d->a, r, "content");
  for (size_t i = 0; i < ARRAY_SIZE(readable) - (at->res->of->custom != NULL); i++)
    json_set(d->a, json_ensure_object(d->a, content, readable[i]), "schema", schema);
}

static void
add_responses(struct openapi *d, struct json *op, const struct operation *o, const struct place *at)
{
  struct json *responses = json_ensure_object(d->a, op, "responses"), *schema;
  const struct kind *status = kind_in(d->p, kind_find("meta.k8s.io", "v1", "Status"));
  bool deletes = o->bit == KIND_VERB_DELETECOLLECTION ||
                 (o->bit == KIND_VERB_DELETE && !(at->res->flags & KIND_RES_RETURNS_DELETED));
  const struct kind *k = deletes ? status : o->bit == KIND_VERB_LIST && at->kind->list ? at->kind->list : at->kind;

  schema = o->bit == KIND_VERB_LIST && k->custom ? openapi_ref_custom_list(d, k->custom) : openapi_ref_kind(d, k);
  add_response(d, responses, "200", at, schema);
  if (o->writes)
    add_response(d, responses, "201", at, schema);
  if (o->bit == KIND_VERB_CREATE || o->bit == KIND_VERB_DELETE)
    add_response(d, responses, "202", at, schema);
  add_response(d, responses, "401", at, NULL);
}

static const char *
capital(struct arena *a, const char *s)
{
  char *ret = arena_strdup(a, s);

  *ret = (char)toupper((unsigned char)*ret);
  return ret;
}

/* "resource.k8s.io" → "Resource", "" → "Core" */
static const char *
group_word(struct arena *a, const char *group)
{
  return *group ? capital(a, arena_strndup(a, group, strcspn(group, "."))) : "Core";
}

static struct json *
operation(struct openapi *d, const struct operation *o, const struct place *at)
{
  struct json *op = json_new_object(d->a), *gvk;
  const char *group = group_word(d->a, at->res->group), *word = arena_strdup(d->a, group);
  const char *id = o->bit == KIND_VERB_DELETECOLLECTION ? "delete" : o->id;

  json_append(d->a, json_ensure_array(d->a, op, "tags"),
              json_new_strf(d->a, "%c%s_%s", tolower((unsigned char)*word), word + 1, at->res->version));
  json_set(d->a, op, "description",
           json_new_strf(d->a, "%s %s%s%s", o->id, at->kind->kind, *at->subresource ? " " : "", at->subresource));
  json_set(d->a, op, "operationId",
           json_new_strf(d->a, "%s%s%s%s%s%s%s%s", id, group, capital(d->a, at->res->version),
                         o->bit == KIND_VERB_DELETECOLLECTION ? "Collection" : "", at->namespaced ? "Namespaced" : "",
                         at->res->of->kind, capital(d->a, at->subresource),
                         at->res->namespaced && !at->namespaced ? "ForAllNamespaces" : ""));
  add_query_parameters(d, op, o->params);
  if (o->writes)
    add_body(d, op, o, at);
  add_responses(d, op, o, at);
  json_set_str(d->a, op, "x-kubernetes-action", o->action);
  gvk = json_ensure_object(d->a, op, "x-kubernetes-group-version-kind");
  json_set_str(d->a, gvk, "group", at->kind->group);
  json_set_str(d->a, gvk, "version", at->kind->version);
  json_set_str(d->a, gvk, "kind", at->kind->kind);
  return op;
}

static void
add_path(struct openapi *d, struct json *paths, const char *path, const struct place *at, uint32_t verbs,
         bool collection)
{
  struct json *item = json_new_object(d->a), *params;

  for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
    if (operations[i].collection == collection && verbs & operations[i].bit)
      json_set(d->a, item, operations[i].method, operation(d, &operations[i], at));
  if (!json_count(item))
    return;
  params = json_ensure_array(d->a, item, "parameters");
  if (at->namespaced)
    json_append(d->a, params, parameter(d, "namespace", "path"));
  if (!collection || *at->subresource)
    json_append(d->a, params, parameter(d, "name", "path"));
  json_append(d->a, params, parameter(d, "pretty", "query"));
  json_set(d->a, paths, path, item);
}

static void
add_resource(struct openapi *d, const struct kind_resource *r, const char *root, struct json *paths)
{
  const char *base = r->namespaced ? arena_printf(d->a, "%s/namespaces/{namespace}/%s", root, r->resource)
                                   : arena_printf(d->a, "%s/%s", root, r->resource);
  struct place at = { .res = r, .kind = r->of, .subresource = "", .namespaced = r->namespaced };
  const char *one = arena_printf(d->a, "%s/{name}", base);

  add_path(d, paths, base, &at, r->verbs, true);
  add_path(d, paths, one, &at, r->verbs, false);
  for (size_t i = 0; i < r->n_subs; i++) {
    const struct kind_subresource *s = &r->subs[i];
    struct place below = at;

    below.subresource = s->name;
    below.kind =
        served_kind(&d->served, *s->version ? s->group : r->group, *s->version ? s->version : r->version, s->kind);
    if (!below.kind)
      continue;
    add_path(d, paths, arena_printf(d->a, "%s/%s", one, s->name), &below, s->verbs,
             (s->verbs & (KIND_VERB_GET | KIND_VERB_UPDATE)) == 0);
  }
  if (r->namespaced) {
    at.namespaced = false;
    add_path(d, paths, arena_printf(d->a, "%s/%s", root, r->resource), &at, r->verbs & KIND_VERB_LIST, true);
  }
}

void
openapi_paths(struct openapi *d, const char *group, const char *version, struct json *paths)
{
  const char *root =
      *group ? arena_printf(d->a, "/apis/%s/%s", group, version) : arena_printf(d->a, "/api/%s", version);
  const struct kind_resource *r;
  size_t cursor = 0;

  while ((r = served_next(&d->served, &cursor)) != NULL)
    if (strcmp(r->group, group) == 0 && strcmp(r->version, version) == 0)
      add_resource(d, r, root, paths);
}
