/* PATCH: four kinds of patch, one way into the store. */
#include <string.h>

#include "apply.h"
#include "ceilings.h"
#include "managed_fields.h"
#include "go_json_error.h"
#include "object.h"
#include "patch.h"
#include "rest_meta.h"
#include "rest_write.h"
#include "typed.h"
#include "yaml.h"

struct patch_call;
typedef int patch_fn(struct rest_call *c, const struct patch_call *p, const struct json *old, struct json **ret,
                     struct kerr *reterr);

struct patch_call {
  const struct patch_type *type;
  const struct json *doc;
  const struct json_dup *dups;
  bool force;
};

static patch_fn patch_with_json, patch_with_merge, patch_with_strategic, patch_with_apply;

static const struct patch_type {
  const char *content_type;
  patch_fn *fn;
  bool yaml, apply;
} types[] = {
  { "application/json-patch+json", patch_with_json, false, false },
  { "application/merge-patch+json", patch_with_merge, false, false },
  { "application/strategic-merge-patch+json", patch_with_strategic, false, false },
  { "application/apply-patch+yaml", patch_with_apply, true, true },
};

/* There is no strategic merge without types. */
static const struct patch_type *
type_find(const char *header, const struct kind *k)
{
  size_t n = header ? strcspn(header, ";") : 0;

  for (size_t i = 0; i < ARRAY_SIZE(types); i++)
    if (strlen(types[i].content_type) == n && strncmp(types[i].content_type, header, n) == 0)
      return k->custom && types[i].fn == patch_with_strategic ? NULL : &types[i];
  return NULL;
}

int
rest_bad_patch(struct rest_call *c, const char *value, const char *why, struct kerr *reterr)
{
  struct field_errors errs = { .a = c->a };

  field_errors_add(&errs, FIELD_INVALID, "patch", json_text(c->a, json_new_str(c->a, value), JSON_COMPACT), "%s", why);
  return rest_invalid_of(c, "", "", "", &errs, reterr);
}

/*
 * What a refusal shows: the result, but of a strategic merge the patch, as upstream prints its map. Upstream keeps
 * custom objects as maps, too, whose members it writes by name.
 */
static const char *
shown_text(struct rest_call *c, const struct patch_call *p, const struct json *patched)
{
  if (p->type->fn == patch_with_strategic)
    return typed_go_text(c->a, p->doc);
  return json_text(c->a, patched, c->kind->custom ? JSON_SORTED : JSON_COMPACT);
}

/* The patched document → the object, with strictness as the client wants it. */
static int
decode_patched(struct rest_call *c, const struct patch_call *p, struct json *patched, const struct json *old,
               struct json **ret, struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const char *problems;
  int r;

  patched = json_tight(c->a, patched); /* upstream patches JSON text or maps, and writes them anew */
  r = p->type->fn == patch_with_strategic
          ? rest_restore_strictly(c, c->kind, patched, p->dups, ret, &problems, &err)
          : rest_decode_strictly(c, c->kind, patched, p->dups, true, ret, &problems, &err);
  if (r < 0)
    return rest_bad_patch(c, shown_text(c, p, patched), err.msg, reterr);
  if (problems)
    return rest_bad_patch(c, shown_text(c, p, patched), arena_printf(c->a, "strict decoding error: %s", problems),
                          reterr);
  kind_default(c->a, c->kind, *ret, c->personality, c->now);
  managed_fields_update(c, old, *ret);
  return 0;
}

/* Members of an operation that no operation has. */
static const char *
stray_members(struct rest_call *c, const struct json *patch)
{
  static const char *const known[] = { "op", "path", "from", "value" };
  const char *ret = NULL;

  for (size_t i = 0; i < json_count(patch); i++)
    for (json_each_member (m, json_at(patch, i))) {
      bool is_known = false;

      for (size_t j = 0; j < ARRAY_SIZE(known); j++)
        is_known = is_known || strcmp(known[j], m->name) == 0;
      if (is_known)
        continue;
      const char *text = arena_printf(c->a, "json patch unknown field \"[%zu].%s\"", i, m->name);

      if (c->field_validation == REST_WARN)
        rest_warn(c, "%s", text);
      ret = ret ? arena_printf(c->a, "%s, %s", ret, text) : text;
    }
  return c->field_validation == REST_STRICT ? ret : NULL;
}

/* What upstream's library says is for its log alone. */
static int
rejected(struct rest_call *c, struct kerr *reterr)
{
  static const struct status_subject nobody;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  (void)kerr_set(&err, KERR_INVALID, NULL, "the server rejected our request due to an error in our request");
  c->refusal = status_from_kerr(c->a, &err, &nobody, 0);
  return kerr_move(reterr, &err);
}

int
rest_patch_apply(struct rest_call *c, const struct json *doc, const struct json *patch, struct json **ret,
                 struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (patch_json(c->a, doc, patch, ret, &err) == 0)
    return 0;
  return err.code == KERR_INVALID ? rejected(c, reterr) : kerr_move(reterr, &err);
}

static int
patch_with_json(struct rest_call *c, const struct patch_call *p, const struct json *old, struct json **ret,
                struct kerr *reterr)
{
  struct json *patched;
  const char *stray;

  if (rest_patch_apply(c, old, p->doc, &patched, reterr) < 0)
    return -(int)reterr->code;
  stray = stray_members(c, p->doc);
  if (stray)
    return rest_bad_patch(c, shown_text(c, p, patched), arena_printf(c->a, "strict decoding error: %s", stray), reterr);
  return decode_patched(c, p, patched, old, ret, reterr);
}

static int
patch_with_merge(struct rest_call *c, const struct patch_call *p, const struct json *old, struct json **ret,
                 struct kerr *reterr)
{
  return decode_patched(c, p, patch_merge(c->a, old, p->doc), old, ret, reterr);
}

static int
patch_with_strategic(struct rest_call *c, const struct patch_call *p, const struct json *old, struct json **ret,
                     struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *patched;

  if (patch_strategic(c->a, c->kind->type, old, p->doc, &patched, &err) < 0)
    return err.code == KERR_INVALID ? rejected(c, reterr) : kerr_move(reterr, &err);
  return decode_patched(c, p, patched, old, ret, reterr);
}

static int
patch_with_apply(struct rest_call *c, const struct patch_call *p, const struct json *old, struct json **ret,
                 struct kerr *reterr)
{
  const char *doubled;

  if (apply_patch(c, old, p->doc, p->force, ret, reterr) < 0)
    return -(int)reterr->code;
  if (!p->dups || c->field_validation == REST_IGNORE)
    return 0;
  doubled = arena_printf(c->a, "error converting YAML to JSON: %s", rest_doubled_keys(c, p->dups));
  if (c->field_validation == REST_STRICT)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "error strict decoding patch: %s", doubled);
  rest_warn(c, "%s", doubled);
  return 0;
}

static int
transform(struct rest_call *c, void *payload, const struct json *old, struct json **ret, struct kerr *reterr)
{
  const struct patch_call *p = payload;

  if (p->type->fn(c, p, old, ret, reterr) < 0 || rest_meta_namespace(c, *ret, reterr) < 0)
    return -(int)reterr->code;
  return rest_check_name(c, *ret, reterr);
}

/* Upstream turns the other bodies into JSON first (patch.go, validateAndTranscodePatch). */
static bool
looks_like_json(const struct rest_call *c)
{
  return span_starts(span_trim(c->req->body), SPAN("{"));
}

/* As Go says what does not fit into the variable that a patch is read into. */
static int
misfit(const char *prefix, const struct json *v, const char *type, struct kerr *reterr)
{
  return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "%sjson: cannot unmarshal %s into Go %s", prefix, json_wire_type(v),
                  type);
}

static int
check_operations(struct rest_call *c, const struct json *doc, struct kerr *reterr)
{
  static const char *const texts[] = { "op", "path", "from" };
  bool strict = c->field_validation != REST_IGNORE;
  const char *prefix = strict ? "error decoding patch: " : "";

  if (!json_is(doc, JSON_ARRAY))
    return misfit(prefix, doc, strict ? "value of type []handlers.jsonPatchOp" : "value of type jsonpatch.Patch",
                  reterr);
  for (json_each_item (item, doc)) {
    if (!json_is(*item, JSON_OBJECT) && !json_is(*item, JSON_NULL))
      return misfit(prefix, *item, strict ? "value of type handlers.jsonPatchOp" : "value of type jsonpatch.Operation",
                    reterr);
    for (size_t i = 0; strict && i < ARRAY_SIZE(texts); i++) {
      const struct json *v = json_get(*item, texts[i]);

      if (v && !json_is(v, JSON_STRING) && !json_is(v, JSON_NULL))
        return misfit(prefix, v, arena_printf(c->a, "struct field jsonPatchOp.%s of type string", texts[i]), reterr);
    }
  }
  return 0;
}

static int
check_shape(struct rest_call *c, const struct patch_type *type, const struct json *doc, struct kerr *reterr)
{
  bool merge = type->fn == patch_with_merge;

  if (type->fn == patch_with_json)
    return check_operations(c, doc, reterr);
  if (json_is(doc, JSON_OBJECT) || json_is(doc, JSON_NULL) || (merge && c->field_validation == REST_IGNORE))
    return 0;
  return misfit(merge ? "error decoding patch: " : "", doc, "value of type map[string]interface {}", reterr);
}

static int
read_doc(struct rest_call *c, struct patch_call *p, struct kerr *reterr)
{
  struct json_dup *dups = NULL;
  struct json_parse_opts opts = { .dups = &dups };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *doc;
  int r = p->type->yaml ? yaml_parse_body(c->a, c->req->body, &opts, &doc, &err)
                        : json_parse(c->a, c->req->body, &opts, &doc, &err);

  if (r < 0 && p->type->yaml)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "error %s: %s",
                    looks_like_json(c) ? "decoding patch: error converting YAML to JSON" : "encoding patch", err.msg);
  if (r < 0 && p->type->fn == patch_with_merge)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "invalid JSON patch");
  if (r < 0)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "error decoding patch: %s", go_json_error(c->a, c->req->body));
  if (!p->type->yaml && check_shape(c, p->type, doc, reterr) < 0)
    return -(int)reterr->code;
  p->doc = doc;
  p->dups = dups;
  return 0;
}

int
rest_patch_read(struct rest_call *c, bool is_json_patch, const struct json **ret, struct kerr *reterr)
{
  struct patch_call p = { .type = &types[is_json_patch ? 0 : 1] };

  if (read_doc(c, &p, reterr) < 0)
    return -(int)reterr->code;
  *ret = p.doc;
  return 0;
}

int
rest_patch(struct rest_call *c, struct kerr *reterr)
{
  struct patch_call p = { .type = type_find(rest_header(c, "content-type"), c->kind) };
  unsigned flags = rest_update_flags(c) | REST_UNCONDITIONAL;
  _cleanup_record_ struct record *r = NULL;
  bool created;

  if (!p.type)
    return rest_no_such_patch(c, reterr);
  if (rest_write_options(c, "PatchOptions", p.type->apply, reterr) < 0 || read_doc(c, &p, reterr) < 0)
    return -(int)reterr->code;
  p.force = rest_query_bool(c, "force");
  flags &= ~(unsigned)REST_MAY_CREATE;
  if (p.type->apply && !*c->info.subresource)
    flags |= REST_MAY_CREATE;
  if (rest_store_update(c, c->info.name, flags, transform, &p, &r, &created, reterr) < 0)
    return -(int)reterr->code;
  return rest_answer_record(c, created ? 201 : 200, r, reterr);
}
