/* The scale of what has replicas (autoscaling/v1 Scale): a view of spec.replicas, status.replicas and the selector. */
#include <string.h>

#include "admission_chain.h"
#include "managed_fields.h"
#include "object.h"
#include "patch.h"
#include "rest_meta.h"
#include "rest_subresource.h"
#include "rest_write.h"

static const char *
selector_text(struct rest_call *c, const struct json *o)
{
  const struct json *sel = json_dig(o, "spec", "selector", NULL);
  struct label_selector *parsed;
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;

  if (!sel)
    return "";
  if (strcmp(c->kind->kind, "ReplicationController") == 0) { /* a plain map of labels */
    struct json *labels = json_new_object(c->a);

    json_set(c->a, labels, "matchLabels", json_copy(c->a, sel));
    sel = labels;
  }
  return label_selector_from_json(c->a, sel, &parsed, &ignored) < 0 ? "" : label_selector_text(c->a, parsed);
}

static struct json *
scale_of(struct rest_call *c, const struct json *o)
{
  static const char *const kept[] = { "name", "namespace", "uid", "resourceVersion", "creationTimestamp" };
  struct json *s = json_new_object(c->a), *meta, *status;
  const struct json *from = json_get(o, "metadata");
  const char *text = selector_text(c, o);
  int64_t replicas = json_int_or(json_dig(o, "spec", "replicas", NULL), 0);

  json_set_str(c->a, s, "kind", "Scale");
  json_set_str(c->a, s, "apiVersion", "autoscaling/v1");
  meta = json_ensure_object(c->a, s, "metadata");
  for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
    if (json_get(from, kept[i]))
      json_set(c->a, meta, kept[i], json_copy(c->a, json_get(from, kept[i])));
  struct json *spec = json_ensure_object(c->a, s, "spec");

  if (replicas)
    json_set_int(c->a, spec, "replicas", replicas);
  status = json_ensure_object(c->a, s, "status");
  json_set_int(c->a, status, "replicas", json_int_or(json_dig(o, "status", "replicas", NULL), 0));
  if (*text)
    json_set_str(c->a, status, "selector", text);
  return s;
}

struct scaling {
  const struct json *scale; /* a whole one (PUT) */
  const struct json *patch; /* or a patch of one */
  bool is_json_patch;
};

static int
scale_wanted(struct rest_call *c, const struct scaling *s, const struct json *old, const struct json **ret,
             struct kerr *reterr)
{
  struct json *patched;

  *ret = s->scale;
  if (!s->patch)
    return 0;
  if (!s->is_json_patch) {
    *ret = patch_merge(c->a, scale_of(c, old), s->patch);
    return 0;
  }
  if (patch_json(c->a, scale_of(c, old), s->patch, &patched, reterr) < 0)
    return -(int)reterr->code;
  *ret = patched;
  return 0;
}

static int
rescale(struct rest_call *c, void *payload, const struct json *old, struct json **ret, struct kerr *reterr)
{
  const struct kind *k = kind_find("autoscaling", "v1", "Scale");
  const struct json *wanted;
  struct json *o = json_copy(c->a, old), *spec, *scale;
  int64_t replicas;

  if (scale_wanted(c, payload, old, &wanted, reterr) < 0)
    return -(int)reterr->code;
  scale = json_copy(c->a, wanted);
  if (admission_of_kind(c, k, scale, scale_of(c, old), reterr) < 0)
    return -(int)reterr->code;
  if (*object_uid(scale) && strcmp(object_uid(scale), object_uid(old)) != 0)
    return rest_conflict(c, object_name(old),
                         arena_printf(c->a, "Precondition failed: UID in precondition: %s, UID in object meta: %s",
                                      object_uid(scale), object_uid(old)),
                         reterr);
  replicas = json_int_or(json_dig(scale, "spec", "replicas", NULL), 0);
  if (replicas < 0) {
    struct field_errors errs = { .a = c->a };

    field_errors_add(&errs, FIELD_INVALID, "spec.replicas", json_text(c->a, json_new_int(c->a, replicas), JSON_COMPACT),
                     "must be greater than or equal to 0");
    return rest_invalid_of(c, "autoscaling", "Scale", object_name(old), &errs, reterr);
  }
  spec = json_ensure_object(c->a, o, "spec");
  json_set_int(c->a, spec, "replicas", replicas);
  if (*object_resource_version(scale))
    json_set_str(c->a, rest_meta_edit(c->a, o), "resourceVersion", object_resource_version(scale));
  managed_fields_update(c, old, o);
  c->reshape = true;
  *ret = o;
  return 0;
}

static int
read_scaling(struct rest_call *c, struct scaling *s, struct kerr *reterr)
{
  const struct kind *k = rest_kind(c, "autoscaling", "v1", "Scale");
  const char *type = rest_header(c, "content-type");
  struct json *body = NULL;

  if (strcmp(c->info.verb, "update") == 0) {
    if (rest_body_of(c, k, &body, reterr) < 0)
      return -(int)reterr->code;
    s->scale = body ? body : json_new_object(c->a);
    return 0;
  }
  if (json_parse(c->a, c->req->body, NULL, &body, reterr) < 0)
    return -(int)reterr->code;
  s->patch = body;
  s->is_json_patch = type && strncmp(type, "application/json-patch+json", 27) == 0;
  return 0;
}

int
sub_scale(struct rest_call *c, struct kerr *reterr)
{
  const struct kind *k = rest_kind(c, "autoscaling", "v1", "Scale");
  bool read = strcmp(c->info.verb, "get") == 0, created;
  _cleanup_record_ struct record *r = NULL;
  struct scaling s = { .scale = NULL };
  struct json *o;

  if (read) {
    if (rest_load(c, c->info.name, &r, reterr) < 0)
      return -(int)reterr->code;
  } else if (rest_write_options(c, "UpdateOptions", false, reterr) < 0 || read_scaling(c, &s, reterr) < 0 ||
             rest_store_update(c, c->info.name, REST_UNCONDITIONAL, rescale, &s, &r, &created, reterr) < 0) {
    return -(int)reterr->code;
  }
  if (rest_to_request(c, record_tree(r), &o, reterr) < 0)
    return -(int)reterr->code;
  return rest_answer_object(c, 200, k, scale_of(c, o), reterr);
}
