#include "storage_codec.h"

#include "ceilings.h"
#include "kind.h"
#include "kind_type.h"
#include "wire.h"

#define REGISTRY SPAN("/registry/")
/* What begins a value in protobuf. */
#define MAGIC ((struct span){ "k8s\0", 4 })

/* -- writing -- */

/* Upstream's servers of these two groups have no protobuf for the objects they store. */
static bool
is_kept_as_json(const struct kind *k)
{
  return (k->type->flags & KIND_T_JSON_ONLY) || strcmp(k->group, "apiextensions.k8s.io") == 0 ||
         strcmp(k->group, "apiregistration.k8s.io") == 0;
}

static int
encode(void *payload, struct record *r, struct strbuf *out, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  const struct kind *k;
  struct json *o;

  (void)payload;
  if (json_parse(a, record_bytes(r), &json_as_written, &o, reterr) < 0)
    return kerr_wrap(reterr, "document of '%.*s'", SPAN_FMT(record_key(r)));
  k = kind_find_api_version(json_get_str_or(o, "apiVersion", ""), json_get_str_or(o, "kind", ""));
  if (k && !is_kept_as_json(k))
    return kind_encode_proto(k, o, out, reterr);
  strbuf_span(out, record_bytes(r));
  strbuf_putc(out, '\n'); /* as Go's encoder ends a document */
  return 0;
}

/* -- reading -- */

static const struct kind *
stored_kind(const struct personality *p, const struct kind *k)
{
  for (size_t i = 0; i < kind_resource_count; i++) {
    const struct kind_resource *r = &kind_resources[i];

    if (r->of == k && *r->storage_version)
      return kind_resource_storage(p, r)->of;
  }
  return k;
}

/* The last field `number` of a message that is bytes; empty when there is none or it cannot be read. */
static struct span
field(struct span message, uint32_t number)
{
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;
  struct span found = { "", 0 };
  struct wire_field f;

  while (wire_next(&message, &f, &ignored) > 0)
    if (f.number == number && f.type == WIRE_BYTES)
      found = f.bytes;
  return found;
}

/* The kind an envelope names, or NULL: one of somebody else's. */
static const struct kind *
kind_of_envelope(struct arena *a, struct span value)
{
  struct span meta = field(span_make(value.p + MAGIC.n, value.n - MAGIC.n), 1), version = field(meta, 1),
              name = field(meta, 2);

  return kind_find_api_version(arena_strndup(a, version.p, version.n), arena_strndup(a, name.p, name.n));
}

static int
not_ours(struct span key, struct kerr *reterr)
{
  return kerr_set(reterr, KERR_NOT_FOUND, NULL, "'%.*s' is not an object that is known here", SPAN_FMT(key));
}

/* What stands once for all versions in v1beta1 stands in each of them in v1: `from` of the spec, as `to`. */
static void
spread(struct arena *a, struct json *spec, const char *from, const char *to)
{
  const struct json *value = json_get(spec, from);

  if (!value)
    return;
  for (json_each_item (v, json_find(spec, "versions")))
    if (!json_get(*v, to))
      json_set(a, *v, to, json_copy(a, value));
  json_remove(spec, from);
}

/*
 * kube-apiserver serves CustomResourceDefinitions in v1 and stores them in v1beta1, which nobody serves any more: so
 * this conversion is of what its own conversion writes (apiextensions v1beta1/conversion.go), and in one direction.
 */
static void
modernize_crd(struct arena *a, struct json *o)
{
  struct json *spec = json_find(o, "spec"), *conversion = json_find(spec, "conversion");

  json_set_str(a, o, "apiVersion", "apiextensions.k8s.io/v1");
  if (!json_is(spec, JSON_OBJECT))
    return;
  spread(a, spec, "validation", "schema");
  spread(a, spec, "subresources", "subresources");
  spread(a, spec, "additionalPrinterColumns", "additionalPrinterColumns");
  spread(a, spec, "selectableFields", "selectableFields");
  json_remove(spec, "version");
  for (json_each_item (v, json_find(spec, "versions")))
    for (json_each_item (column, json_find(*v, "additionalPrinterColumns")))
      if (json_get(*column, "JSONPath")) {
        json_set(a, *column, "jsonPath", json_copy(a, json_get(*column, "JSONPath")));
        json_remove(*column, "JSONPath");
      }
  if (!json_is(conversion, JSON_OBJECT) || !json_get(conversion, "webhookClientConfig"))
    return;
  struct json *webhook = json_ensure_object(a, conversion, "webhook");

  json_set(a, webhook, "clientConfig", json_copy(a, json_get(conversion, "webhookClientConfig")));
  json_remove(conversion, "webhookClientConfig");
  if (json_get(conversion, "conversionReviewVersions"))
    json_set(a, webhook, "conversionReviewVersions", json_copy(a, json_get(conversion, "conversionReviewVersions")));
  json_remove(conversion, "conversionReviewVersions");
}

/* The document as its own kind has it; *ret_kind NULL: a custom resource. */
static int
read_value(struct arena *a, const struct personality *p, struct span key, struct span value,
           const struct kind **ret_kind, struct json **ret, struct kerr *reterr)
{
  struct kind_strictness lenient = { .a = a };
  struct json *o;

  if (span_starts(value, MAGIC)) {
    *ret_kind = kind_of_envelope(a, value);
    return *ret_kind ? kind_decode_proto(a, p, value, ret_kind, ret, reterr) : not_ours(key, reterr);
  }
  if (!value.n || value.p[0] != '{')
    return kerr_set(reterr, KERR_PARSE, NULL, "neither protobuf nor JSON (encrypted, perhaps)");
  if (json_parse(a, value, NULL, &o, reterr) < 0)
    return -(int)reterr->code;
  if (strcmp(json_get_str_or(o, "apiVersion", ""), "apiextensions.k8s.io/v1beta1") == 0)
    modernize_crd(a, o);
  *ret_kind = kind_find_api_version(json_get_str_or(o, "apiVersion", ""), json_get_str_or(o, "kind", ""));
  if (*ret_kind)
    return kind_decode(a, *ret_kind, o, &lenient, ret, reterr);
  *ret = o;
  return 0;
}

static int
decode(void *payload, struct span key, int64_t revision, struct span value, struct record **ret, struct kerr *reterr)
{
  const struct storage_codec_payload *p = payload;
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  const struct kind *k, *stored;
  struct json *o;

  if (!span_starts(key, REGISTRY))
    return not_ours(key, reterr);
  if (read_value(a, p->personality, key, value, &k, &o, reterr) < 0)
    return -(int)reterr->code;
  if (k) {
    stored = stored_kind(p->personality, k);
    if (stored != k && strcmp(stored->group, k->group) == 0) {
      if (kind_convert(a, k, stored, o, &o, reterr) < 0)
        return -(int)reterr->code;
      k = stored;
    }
    kind_default(a, k, o, p->personality, clock_wall(p->clock));
    kind_settle(a, k, o);
  }
  *ret = record_from_json(key, revision, o);
  return 0;
}

static int64_t
ttl(void *payload, struct span key)
{
  (void)payload;
  return span_starts(key, STORAGE_EVENTS) ? STORAGE_EVENT_SECONDS : 0;
}

const struct store_codec storage_codec = { .encode = encode, .decode = decode, .ttl = ttl };
