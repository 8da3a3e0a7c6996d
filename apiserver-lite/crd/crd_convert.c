/*
 * Custom objects in another version of their definition: strategy None, or a webhook, which is asked about many objects
 * at once (apiextensions-apiserver pkg/apiserver/conversion). A webhook may change everything but the metadata, of
 * which only labels and annotations are its own.
 */
#include <string.h>

#include "ceilings.h"
#include "crd_custom.h"
#include "crd_shape.h"
#include "object.h"
#include "validate_internal.h"
#include "webhook_convert.h"

#define REVIEW_BYTES (1 * MiB) /* of objects in one review; what comes back has to stay below CEIL_WEBHOOK_REPLY */

struct conversion {
  struct arena *a;
  const struct custom *to;
  const char *wanted;    /* its apiVersion */
  struct json **objects; /* each is replaced by what it becomes */
  size_t n;
  size_t at; /* the object an error is about */
};

static bool
is_wanted(const struct conversion *v, const struct json *o)
{
  const char *is = object_api_version(o);

  return !*is || strcmp(is, v->wanted) == 0;
}

/* -- what a webhook has made of an object -- */

/* ValidateLabels, ValidateAnnotations: as one message. */
static int
check_map(struct arena *a, const char *name, const struct json *map, struct kerr *reterr)
{
  const struct vpath *path = VP(NULL, "metadata");
  struct validation v = { .a = a };
  struct field_errors errs = { .a = a };

  if (strcmp(name, "labels") == 0)
    validate_labels(&v, VP(path, "labels"), map);
  else
    validate_annotations(&v, VP(path, "annotation"), map);
  validation_finish(&v, 0, &errs);
  return errs.n ? kerr_set(reterr, KERR_INTERNAL, NULL, "%s", field_errors_text(a, &errs)) : 0;
}

static int
take_map(struct arena *a, struct json *meta, const struct json *said, const char *name, struct kerr *reterr)
{
  const struct json *map = json_get(said, name), *had = json_get(meta, name);

  if (json_type(map) == JSON_NULL) {
    json_remove(meta, name);
    return 0;
  }
  if (!json_is(map, JSON_OBJECT))
    return kerr_set(reterr, KERR_INTERNAL, NULL, "invalid metadata.%s of type %s in converted object", name,
                    json_go_type(map));
  for (json_each_member (m, map))
    if (!json_is(m->value, JSON_STRING))
      return kerr_set(reterr, KERR_INTERNAL, NULL, "metadata.%s[%s] must be a string, but is %s in converted object",
                      name, m->name, json_go_type(m->value));
  if (!json_equal(map, had) && check_map(a, name, map, reterr) < 0)
    return -(int)reterr->code;
  json_set(a, meta, name, json_copy(a, map));
  return 0;
}

/* The metadata of before, with the labels and annotations of `o` (restoreObjectMeta). */
static int
restore_meta(struct arena *a, const struct json *before, struct json *o, struct kerr *reterr)
{
  const struct json *said = json_get(o, "metadata"), *had = json_get(before, "metadata");
  struct json *meta = had ? json_copy(a, had) : json_new_object(a);

  if (!said)
    return kerr_set(reterr, KERR_INTERNAL, NULL, "missing metadata in converted object");
  if (!json_is(said, JSON_OBJECT))
    return kerr_set(reterr, KERR_INTERNAL, NULL, "invalid metadata of type %s in converted object", json_go_type(said));
  if (take_map(a, meta, said, "labels", reterr) < 0 || take_map(a, meta, said, "annotations", reterr) < 0)
    return -(int)reterr->code;
  json_set(a, o, "metadata", meta);
  return 0;
}

/* What identifies an object (validateConvertedObject). */
static int
check_same(const struct json *before, const struct json *o, struct kerr *reterr)
{
  static const struct {
    const char *what, *member;
  } fixed[] = { { "name", "name" }, { "namespace", "namespace" }, { "UID", "uid" } };

  for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
    const char *was = json_get_str_or(json_get(before, "metadata"), fixed[i].member, "");
    const char *is = json_get_str_or(json_get(o, "metadata"), fixed[i].member, "");

    if (strcmp(was, is) != 0)
      return kerr_set(reterr, KERR_INTERNAL, NULL, "must have the same %s: %s != %s", fixed[i].what, was, is);
  }
  return 0;
}

/* An answer as an object at all (unstructured.UnmarshalJSON). */
static int
check_object(struct arena *a, const struct json *answer, struct kerr *reterr)
{
  if (json_is(answer, JSON_NULL))
    return kerr_set(reterr, KERR_INTERNAL, NULL, "unexpected end of JSON input");
  if (!json_is(answer, JSON_OBJECT))
    return kerr_set(reterr, KERR_INTERNAL, NULL,
                    "json: cannot unmarshal %s into Go value of type map[string]interface {}", json_wire_type(answer));
  if (!*object_kind(answer))
    return kerr_set(reterr, KERR_INTERNAL, NULL, "Object 'Kind' is missing in '%s'",
                    json_text(a, answer, JSON_COMPACT));
  return 0;
}

/* `at`: its place in the review. */
static int
take_answer(struct conversion *v, const struct json *before, size_t at, const struct json *answer, struct json **ret,
            struct kerr *reterr)
{
  const char *type = arena_printf(v->a, "%s, Kind=%s", object_api_version(before), object_kind(before));
  struct json *o;

  if (check_object(v->a, answer, reterr) < 0)
    return -(int)reterr->code;
  if (strcmp(object_api_version(answer), v->wanted) != 0)
    return kerr_set(reterr, KERR_INTERNAL, NULL,
                    "conversion webhook for %s returned invalid object at index %zu: invalid groupVersion (expected "
                    "%s, received %s)",
                    type, at, v->wanted, object_api_version(answer));
  if (strcmp(object_kind(answer), object_kind(before)) != 0)
    return kerr_set(
        reterr, KERR_INTERNAL, NULL,
        "conversion webhook for %s returned invalid object at index %zu: invalid kind (expected %s, received %s)", type,
        at, object_kind(before), object_kind(answer));
  if (check_same(before, answer, reterr) < 0)
    return kerr_wrap(reterr, "conversion webhook for %s returned invalid object", type);
  o = json_copy(v->a, answer);
  if (restore_meta(v->a, before, o, reterr) < 0)
    return kerr_wrap(reterr, "conversion webhook for %s returned invalid metadata", type);
  custom_settle_numbers(v->a, o);
  *ret = o;
  return 0;
}

/* -- asking it -- */

/* The objects of one review, by their numbers. */
struct batch {
  struct span *texts;
  size_t *which;
  size_t n, bytes;
};

static int
ask_webhook(struct conversion *v, struct batch *b, struct kerr *reterr)
{
  const struct custom_definition *d = v->to->definition;
  const struct json *first = v->objects[b->which[0]], *answers;
  const char *type = arena_printf(v->a, "%s, Kind=%s", object_api_version(first), object_kind(first));
  const struct conversion_ask ask = { .client = d->webhooks,
                                      .webhook = json_get(d->conversion, "webhook"),
                                      .api_version = v->wanted,
                                      .objects = b->texts,
                                      .n = b->n };
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  v->at = b->which[0];
  if (webhook_convert(v->a, &ask, &answers, &err) < 0) /* whatever it was, it is nothing the client did */
    return kerr_set(reterr, KERR_INTERNAL, NULL, "conversion webhook for %s failed: %s", type, err.msg);
  if (json_count(answers) != b->n)
    return kerr_set(reterr, KERR_INTERNAL, NULL, "conversion webhook for %s returned %zu objects, expected %zu", type,
                    json_count(answers), b->n);
  for (size_t i = 0; i < b->n; i++) {
    struct json **o = &v->objects[b->which[i]];

    v->at = b->which[i];
    if (take_answer(v, *o, i, json_at(answers, i), o, reterr) < 0)
      return -(int)reterr->code;
  }
  b->n = b->bytes = 0;
  return 0;
}

/* As Go writes it into etcd: members by name, and no revision. */
static struct span
review_text(struct arena *a, const struct json *o)
{
  struct json *bare = json_copy(a, o), *meta = json_find(bare, "metadata");

  if (meta) /* managedFields are worked out with parts of objects, too */
    json_remove(meta, "resourceVersion");
  schema_sort(bare);
  return span_of(json_text(a, bare, JSON_COMPACT));
}

static int
convert_by_webhook(struct conversion *v, struct kerr *reterr)
{
  struct batch b = { .texts = arena_array_of(v->a, struct span, v->n + 1),
                     .which = arena_array_of(v->a, size_t, v->n + 1) };

  for (size_t i = 0; i < v->n; i++) {
    if (is_wanted(v, v->objects[i]))
      continue;
    struct span text = review_text(v->a, v->objects[i]);

    if (b.n && b.bytes + text.n > REVIEW_BYTES && ask_webhook(v, &b, reterr) < 0)
      return -(int)reterr->code;
    b.texts[b.n] = text;
    b.which[b.n++] = i;
    b.bytes += text.n;
  }
  return b.n ? ask_webhook(v, &b, reterr) : 0;
}

/* -- the whole -- */

static int
convert_all(struct conversion *v, struct kerr *reterr)
{
  bool *foreign = arena_array_of(v->a, bool, v->n + 1);

  for (size_t i = 0; i < v->n; i++)
    foreign[i] = !is_wanted(v, v->objects[i]);
  if (custom_has_webhook(v->to->definition) && convert_by_webhook(v, reterr) < 0)
    return -(int)reterr->code;
  for (v->at = 0; v->at < v->n; v->at++) {
    struct json *o = v->objects[v->at];

    if (!foreign[v->at])
      continue;
    json_set_str(v->a, o, "apiVersion", v->wanted);
    if (custom_coerce(v->a, v->to, o, NULL, reterr) < 0)
      return -(int)reterr->code;
    schema_sort(o);
  }
  return 0;
}

int
custom_convert(struct arena *a, const struct kind *to, const struct json *in, struct json **ret, struct kerr *reterr)
{
  struct json *o = json_shallow(a, in);
  struct conversion v = { .a = a, .to = to->custom, .wanted = kind_api_version(a, to), .objects = &o, .n = 1 };

  if (!is_wanted(&v, o))
    o = json_copy(a, in);
  if (convert_all(&v, reterr) < 0)
    return -(int)reterr->code;
  *ret = o;
  return 0;
}

/* In the version it was stored in, as that is today. */
static int
read_stored(struct arena *a, const struct custom_definition *d, const struct json *stored, struct json **ret,
            struct kerr *reterr)
{
  const char *slash = strchr(object_api_version(stored), '/');
  const struct custom *from = custom_version_find(d, slash ? slash + 1 : "");
  struct json *o = json_copy(a, stored);

  if (!from)
    return kerr_set(reterr, KERR_INTERNAL, NULL, "request to convert CR from an invalid group/version: %s",
                    object_api_version(stored));
  if (custom_coerce(a, from, o, NULL, reterr) < 0)
    return -(int)reterr->code;
  schema_default(a, o, from->schema);
  *ret = o;
  return 0;
}

int
custom_read_all(struct arena *a, const struct kind *to, const struct json *const *stored, size_t n, struct json **ret,
                size_t *ret_at, struct kerr *reterr)
{
  struct conversion v = { .a = a, .to = to->custom, .wanted = kind_api_version(a, to), .objects = ret, .n = n };
  int r = 0;

  for (v.at = 0; v.at < n && r == 0; v.at++)
    r = read_stored(a, to->custom->definition, stored[v.at], &ret[v.at], reterr);
  if (r < 0)
    v.at--;
  else
    r = convert_all(&v, reterr);
  *ret_at = v.at;
  return r;
}

int
custom_read(struct arena *a, const struct kind *to, const struct json *stored, struct json **ret, struct kerr *reterr)
{
  size_t ignored;

  return custom_read_all(a, to, &stored, 1, ret, &ignored, reterr);
}
