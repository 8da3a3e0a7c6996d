/* The scale of what has replicas (autoscaling/v1 Scale): a view of spec.replicas, status.replicas and the selector. */
#include <string.h>

#include "admission_chain.h"
#include "crd_custom.h"
#include "crd_path.h"
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

/* What a scale shows of a custom object: where its definition says it is (scaleFromCustomResource). */
struct scale_view {
  int64_t replicas, status_replicas;
  const char *selector;
};

static int
internal(const char *why, struct kerr *reterr)
{
  return kerr_set(reterr, KERR_INTERNAL, NULL, "Internal error occurred: %s", why);
}

/* What can be seen, and why not all of it (NULL: it can). */
static const char *
view_custom(struct rest_call *c, const struct json *o, struct scale_view *v)
{
  const struct custom_scale *s = c->kind->custom->scale;
  const char *why = NULL;

  if (!custom_path_int(c->a, o, s->spec_path, &v->replicas, &why) && !why)
    why = arena_printf(c->a, "the spec replicas field \"%s\" does not exist", s->spec_path);
  if (!why)
    (void)custom_path_int(c->a, o, s->status_path, &v->status_replicas, &why);
  if (!why && s->selector_path)
    (void)custom_path_text(c->a, o, s->selector_path, &v->selector, &why);
  return why;
}

static const char *
view(struct rest_call *c, const struct json *o, struct scale_view *v)
{
  *v = (struct scale_view){ .selector = "" };
  if (c->kind->custom)
    return view_custom(c, o, v);
  v->selector = selector_text(c, o);
  v->replicas = json_int_or(json_dig(o, "spec", "replicas", NULL), 0);
  v->status_replicas = json_int_or(json_dig(o, "status", "replicas", NULL), 0);
  return NULL;
}

static struct json *
scale_of(struct rest_call *c, const struct json *o, const struct scale_view *v)
{
  static const char *const kept[] = { "name", "namespace", "uid", "resourceVersion", "creationTimestamp" };
  struct json *s = json_new_object(c->a), *meta, *status;
  const struct json *from = json_get(o, "metadata");

  json_set_str(c->a, s, "kind", "Scale");
  json_set_str(c->a, s, "apiVersion", "autoscaling/v1");
  meta = json_ensure_object(c->a, s, "metadata");
  for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
    if (json_get(from, kept[i]))
      json_set(c->a, meta, kept[i], json_copy(c->a, json_get(from, kept[i])));
  struct json *spec = json_ensure_object(c->a, s, "spec");

  if (v->replicas)
    json_set_int(c->a, spec, "replicas", v->replicas);
  status = json_ensure_object(c->a, s, "status");
  json_set_int(c->a, status, "replicas", v->status_replicas);
  if (*v->selector)
    json_set_str(c->a, status, "selector", v->selector);
  return s;
}

struct scaling {
  const struct json *scale; /* a whole one (PUT) */
  const struct json *patch; /* or a patch of one */
  bool is_json_patch;
};

/* What a patch has made of a Scale has to be one. */
static int
decode_patched(struct rest_call *c, const struct json *patched, const struct json **ret, struct kerr *reterr)
{
  const struct kind *k = rest_kind(c, "autoscaling", "v1", "Scale");
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const char *problems, *shown = json_text(c->a, patched, JSON_COMPACT);
  struct json *scale;

  if (rest_decode_strictly(c, k, patched, NULL, true, &scale, &problems, &err) < 0)
    return rest_bad_patch(c, shown, err.msg, reterr);
  if (problems)
    return rest_bad_patch(c, shown, arena_printf(c->a, "strict decoding error: %s", problems), reterr);
  *ret = scale;
  return 0;
}

static int
scale_wanted(struct rest_call *c, const struct scaling *s, const struct json *old, const struct json **ret,
             struct kerr *reterr)
{
  struct json *patched;
  struct scale_view v;

  *ret = s->scale;
  if (!s->patch)
    return 0;
  const char *why = view(c, old, &v);

  if (why)
    return internal(why, reterr);
  if (!s->is_json_patch)
    patched = patch_merge(c->a, scale_of(c, old, &v), s->patch);
  else if (rest_patch_apply(c, scale_of(c, old, &v), s->patch, &patched, reterr) < 0)
    return -(int)reterr->code;
  return decode_patched(c, patched, ret, reterr);
}

/* As upstream hands it on from the scale to the object: the entry of a custom one has no time, and so stands first. */
static void
drop_time(struct rest_call *c, struct json *o)
{
  struct json *sorted = json_new_array(c->a), *meta = rest_meta_edit(c->a, o);
  const struct json *entries = json_get(meta, "managedFields");

  if (!c->kind->custom || !entries)
    return;
  for (json_each_item (e, entries))
    if (strcmp(json_get_str_or(*e, "subresource", ""), "scale") == 0 &&
        strcmp(json_get_str_or(*e, "manager", ""), c->field_manager) == 0) {
      json_remove(*e, "time");
      json_append(c->a, sorted, *e);
    }
  for (json_each_item (e, entries))
    if (!json_count(sorted) || *e != json_at(sorted, 0))
      json_append(c->a, sorted, *e);
  json_set(c->a, meta, "managedFields", sorted);
}

static int
set_custom(struct rest_call *c, struct json *o, int64_t replicas, struct kerr *reterr)
{
  const struct custom *custom = c->kind->custom;
  struct field_errors errs = { .a = c->a };

  if (replicas < 0) {
    field_errors_add(&errs, FIELD_INVALID, custom->scale->spec_path,
                     json_text(c->a, json_new_int(c->a, replicas), JSON_COMPACT), "should be a non-negative integer");
    return rest_invalid(c, object_name(o), &errs, reterr);
  }
  if (custom_path_set(c->a, o, custom->scale->spec_path, json_new_int(c->a, replicas)))
    return 0;
  return internal(arena_printf(c->a, "the spec replicas field \"%s\" cannot be set", custom->scale->spec_path), reterr);
}

static int
rescale(struct rest_call *c, void *payload, const struct json *old, struct json **ret, struct kerr *reterr)
{
  const struct kind *k = kind_find("autoscaling", "v1", "Scale");
  const struct json *wanted;
  struct json *o = json_copy(c->a, old), *spec, *scale;
  struct scale_view v;
  int64_t replicas;

  (void)view(c, old, &v); /* one without replicas may get some */
  if (scale_wanted(c, payload, old, &wanted, reterr) < 0)
    return -(int)reterr->code;
  scale = json_copy(c->a, wanted);
  if (admission_of_kind(c, k, scale, scale_of(c, old, &v), reterr) < 0)
    return -(int)reterr->code;
  if (*object_uid(scale) && strcmp(object_uid(scale), object_uid(old)) != 0)
    return rest_conflict_stored(c, object_name(old), "UID", object_uid(scale), object_uid(old), reterr);
  replicas = json_int_or(json_dig(scale, "spec", "replicas", NULL), 0);
  if (c->kind->custom && set_custom(c, o, replicas, reterr) < 0)
    return -(int)reterr->code;
  if (replicas < 0) {
    struct field_errors errs = { .a = c->a };

    field_errors_add(&errs, FIELD_INVALID, "spec.replicas", json_text(c->a, json_new_int(c->a, replicas), JSON_COMPACT),
                     "must be greater than or equal to 0");
    return rest_invalid_of(c, "autoscaling", "Scale", object_name(old), &errs, reterr);
  }
  if (!c->kind->custom) {
    spec = json_ensure_object(c->a, o, "spec");
    json_set_int(c->a, spec, "replicas", replicas);
  }
  if (*object_resource_version(scale))
    json_set_str(c->a, rest_meta_edit(c->a, o), "resourceVersion", object_resource_version(scale));
  managed_fields_update(c, old, o);
  drop_time(c, o);
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
  s->is_json_patch = type && strncmp(type, "application/json-patch+json", 27) == 0;
  return rest_patch_read(c, s->is_json_patch, &s->patch, reterr);
}

int
sub_scale(struct rest_call *c, struct kerr *reterr)
{
  const struct kind *k = rest_kind(c, "autoscaling", "v1", "Scale");
  bool read = strcmp(c->info.verb, "get") == 0, created;
  _cleanup_record_ struct record *r = NULL;
  struct scaling s = { .scale = NULL };
  struct scale_view v;
  const char *why;
  struct json *o;

  if (read) {
    if (rest_load(c, c->info.name, &r, reterr) < 0)
      return -(int)reterr->code;
  } else if (rest_write_options(c, "UpdateOptions", false, reterr) < 0 || read_scaling(c, &s, reterr) < 0 ||
             rest_store_update(c, c->info.name, REST_UNCONDITIONAL, rescale, &s, &r, &created, reterr) < 0) {
    return -(int)reterr->code;
  }
  if (rest_read(c, r, &o, reterr) < 0)
    return -(int)reterr->code;
  why = view(c, o, &v);
  if (why)
    return internal(why, reterr);
  return rest_answer_object(c, 200, k, scale_of(c, o, &v), reterr);
}
