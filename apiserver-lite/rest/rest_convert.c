/*
 * Stored objects in the version and shape a client asks for, and back. What cannot be read tells its client as upstream
 * does of a corrupt object: a list of the objects that are to blame, or the object.
 */
#include <string.h>

#include "apiserver_internal.h"
#include "object.h"
#include "rest.h"

bool
rest_is_verbatim(const struct rest_call *c, const struct record *r)
{
  const struct kind *k = c->stored;

  if (c->converted)
    return true;
  if (c->kind != k)
    return false;
  if (k->custom)
    return record_revision(r) >= k->custom->definition->since;
  return span_starts(record_bytes(r), span_of(arena_printf(c->a, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",", k->kind,
                                                           gv_text(c->a, k->group, k->version))));
}

/*
 * The kind an object was stored as: mostly that in which it would be stored now, else another version that the release
 * knows. What a store brought along from a release whose versions are gone can only be read by that release.
 */
static int
kind_of_stored(struct rest_call *c, const struct json *stored, const struct kind **ret, struct kerr *reterr)
{
  const char *group = "", *version = "", *api_version = object_api_version(stored);

  *ret = c->stored;
  if (strcmp(api_version, gv_text(c->a, c->stored->group, c->stored->version)) == 0)
    return 0;
  if (gv_parse(c->a, api_version, &group, &version, reterr) < 0)
    return -(int)reterr->code;
  *ret = rest_kind(c, group, version, object_kind(stored));
  if (*ret && !(*ret)->custom)
    return 0;
  return kerr_set(reterr, KERR_INTERNAL, NULL, "no kind \"%s\" is registered for version \"%s\" in scheme \"%s\"",
                  object_kind(stored), api_version, rest_scheme_name(c));
}

static int
read_one(struct rest_call *c, const struct json *stored, struct json **ret, struct kerr *reterr)
{
  const struct kind *k;

  if (kind_of_stored(c, stored, &k, reterr) < 0)
    return -(int)reterr->code;
  if (c->kind == k) {
    *ret = json_shallow(c->a, stored);
    return 0;
  }
  return kind_convert(c->a, k, c->kind, stored, ret, reterr);
}

/* *ret_at: of an error, the object it is about. */
static int
read_all(struct rest_call *c, const struct json *const *stored, size_t n, struct json **ret, size_t *ret_at,
         struct kerr *reterr)
{
  int r = 0;

  if (c->kind->custom && !c->converted)
    return custom_read_all(c->a, c->kind, stored, n, ret, ret_at, reterr);
  for (size_t i = 0; i < n && r == 0; i++) {
    *ret_at = i;
    if (c->converted)
      ret[i] = json_shallow(c->a, stored[i]);
    else
      r = read_one(c, stored[i], &ret[i], reterr);
  }
  return r;
}

static int
wrap_unreadable(const struct json *stored, struct kerr *reterr)
{
  return kerr_wrap(reterr, "object not decodable revision=%s", object_resource_version(stored));
}

int
rest_to_request(struct rest_call *c, const struct json *stored, struct json **ret, struct kerr *reterr)
{
  size_t ignored;

  return read_all(c, &stored, 1, ret, &ignored, reterr) < 0 ? wrap_unreadable(stored, reterr) : 0;
}

/* storage.NewCorruptObjError's text. */
static const char *
corrupt(struct rest_call *c, struct span key, const char *why)
{
  return arena_printf(c->a,
                      "StorageError: corrupt object, Code: 7, Key: %.*s, ResourceVersion: 0, AdditionalErrorMsg: %s",
                      SPAN_FMT(key), why);
}

int
rest_read(struct rest_call *c, struct record *r, struct json **ret, struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT, shown = KERR_INIT;
  struct span key = record_key(r);
  const char *text;

  if (rest_to_request(c, record_tree(r), ret, &err) == 0)
    return 0;
  text = corrupt(c, rest_key_below_root(key), err.msg);
  (void)kerr_set(&shown, KERR_INTERNAL, NULL, "Internal error occurred: %s", text);
  c->refusal = status_from_kerr(c->a, &shown, NULL, 0);
  return kerr_move(reterr, &shown);
}

/* aggregatedStorageError.NewAPIStatusError */
static int
unreadable_list(struct rest_call *c, struct record *r, struct kerr *err, struct kerr *reterr)
{
  struct json *details = json_new_object(c->a), *cause = json_new_object(c->a);
  _cleanup_kerr_ struct kerr shown = KERR_INIT;
  struct span key = record_key(r);
  const char *text;

  (void)wrap_unreadable(record_tree(r), err);
  text = corrupt(c, key, err->msg);
  (void)kerr_set(&shown, KERR_INTERNAL, NULL, "failed to read one or more %s from the storage: %s", rest_qualified(c),
                 text);
  c->refusal = status_from_kerr(c->a, &shown, NULL, 0);
  json_set_str(c->a, c->refusal, "reason", "StorageReadError");
  json_set(c->a, c->refusal, "details", details);
  json_set_str(c->a, details, "name", "list");
  json_set_str(c->a, details, "group", c->info.group);
  json_set_str(c->a, details, "kind", c->info.resource);
  json_set_str(c->a, cause, "reason", "UnexpectedServerResponse");
  json_set_str(c->a, cause, "message", text);
  json_set_str(c->a, cause, "field", arena_strndup(c->a, key.p, key.n));
  json_append(c->a, json_ensure_array(c->a, details, "causes"), cause);
  return kerr_move(reterr, &shown);
}

int
rest_read_all(struct rest_call *c, struct record *const *records, size_t n, const struct json **ret,
              struct kerr *reterr)
{
  struct json **read = arena_array_of(c->a, struct json *, n + 1);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  size_t at = 0;

  for (size_t i = 0; i < n; i++)
    ret[i] = record_tree(records[i]);
  if (read_all(c, ret, n, read, &at, &err) < 0)
    return unreadable_list(c, records[at], &err, reterr);
  for (size_t i = 0; i < n; i++)
    ret[i] = read[i];
  return 0;
}

bool
rest_read_waits(const struct rest_call *c)
{
  return c->kind->custom && custom_read_waits(c->kind->custom);
}

int
rest_convert_records(struct rest_call *c, struct record **records, size_t n, struct kerr *reterr)
{
  const struct json **trees = arena_array_of(c->a, const struct json *, n + 1);
  bool before = c->converted;
  int r;

  c->converted = false; /* these are not */
  r = rest_read_all(c, records, n, trees, reterr);
  c->converted = before;
  if (r < 0)
    return r;
  for (size_t i = 0; i < n; i++) {
    struct record *was = records[i];

    records[i] = record_from_json(record_key(was), record_revision(was), trees[i]);
    record_unref(was);
  }
  return 0;
}

int
rest_to_stored(struct rest_call *c, const struct json *o, struct json **ret, struct kerr *reterr)
{
  if (c->kind == c->stored) {
    *ret = json_shallow(c->a, o);
    return 0;
  }
  int r = kind_convert(c->a, c->kind, c->stored, o, ret, reterr);

  if (r == 0 && c->stored->custom) /* the other version may have defaults of its own */
    kind_default(c->a, c->stored, *ret, c->personality, c->now);
  return r;
}
