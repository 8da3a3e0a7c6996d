#include "kind_batch.h"

#include "ceilings.h"
#include "codec.h"
#include "kind.h"
#include "kind_type.h"

/* The members that name the type stand in the line too: an object without them is given them. */
static void
name_type(struct arena *a, const struct kind *k, const struct json *line, struct json *object)
{
  if (!(k->type->flags & KIND_T_OBJECT) || object->type != JSON_OBJECT)
    return;
  if (!json_get(object, "kind"))
    json_set_str(a, object, "kind", json_get_str_or(line, "kind", ""));
  if (!json_get(object, "apiVersion"))
    json_set_str(a, object, "apiVersion", json_get_str_or(line, "apiVersion", ""));
}

static int
to_proto(struct arena *a, const struct kind *k, const struct json *line, struct json *ret, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf raw, text;
  struct json *object = json_shallow(a, json_get(line, "json")), *tree;
  strbuf_init(&raw, CEIL_REPLY);
  strbuf_init(&text, CEIL_REPLY);
  name_type(a, k, line, object);
  int rc = kind_decode(a, k, object, NULL, &tree, reterr);
  if (rc == 0)
    rc = kind_encode_proto(k, tree, &raw, reterr);
  if (rc < 0)
    return rc;
  codec_base64(&text, strbuf_view(&raw));
  json_set(a, ret, "protobufBase64", json_new_strn(a, text.p, text.n));
  return 0;
}

static int
to_json(struct arena *a, const struct kind *k, const struct json *line, struct json *ret, struct kerr *reterr)
{
  _cleanup_strbuf_ struct strbuf raw;
  struct json *tree;
  strbuf_init(&raw, CEIL_REPLY);
  if (!codec_unbase64(&raw, json_span(json_get(line, "protobufBase64"))))
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "protobufBase64 is not base64");
  int rc = kind_decode_proto(a, NULL, strbuf_view(&raw), &k, &tree, reterr);
  if (rc == 0)
    json_set(a, ret, "json", tree);
  return rc;
}

static int
convert(struct arena *a, struct span text, struct json *ret, struct kerr *reterr)
{
  struct json *line;
  int rc = json_parse(a, text, NULL, &line, reterr);
  if (rc < 0)
    return rc;
  const char *api_version = json_get_str_or(line, "apiVersion", ""), *kind = json_get_str_or(line, "kind", "");
  const struct kind *k = kind_find_api_version(api_version, kind);
  if (!k)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "no kind \"%s\" is registered for version \"%s\"", kind,
                    api_version);
  if (json_get(line, "json"))
    return to_proto(a, k, line, ret, reterr);
  if (json_get(line, "protobufBase64"))
    return to_json(a, k, line, ret, reterr);
  return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "the line has neither json nor protobufBase64");
}

void
kind_batch_convert_line(struct arena *a, struct span line, struct strbuf *out)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *answer = json_new_object(a);
  if (convert(a, line, answer, &err) < 0)
    json_set_str(a, answer, "error", err.msg);
  json_write(out, answer, JSON_COMPACT);
  strbuf_putc(out, '\n');
}
