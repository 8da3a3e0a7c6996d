/* log, exec, attach, portforward, proxy: served by whoever has the containers (the node agent), if there is anybody. */
#include <string.h>

#include "admission_chain.h"
#include "apiserver_internal.h"
#include "ceilings.h"
#include "codec.h"
#include "kind_type.h"
#include "object.h"
#include "rest_subresource.h"
#include "rest_write.h"

/* One parameter of the query as the field of its name has it (metav1's conversion of url.Values). */
static void
take_parameter(struct rest_call *c, struct json *o, const struct kind_field *f, const char *value)
{
  const char *name = kind_field_name(f);

  if (f->shape == KIND_LIST)
    json_append_str(c->a, json_ensure_array(c->a, o, name), value);
  else if (f->base == KIND_BOOL && rest_query_bool(c, name))
    json_set_bool(c->a, o, name, true);
  else if (f->base == KIND_STRING && *value)
    json_set_str(c->a, o, name, value);
}

/* The options of a connection, which come in the query. */
static struct json *
options_of_query(struct rest_call *c, const struct kind *k)
{
  struct json *o = json_new_object(c->a);
  struct span left = span_of(c->req->query);

  json_set_str(c->a, o, "kind", k->kind);
  json_set_str(c->a, o, "apiVersion", kind_api_version(c->a, k));
  while (left.n) {
    struct span rest, value, one = span_cut(left, '&', &rest), name = span_cut(one, '=', &value);
    const struct kind_field *f = kind_field_find(k->type, name, NULL);
    _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_REQUEST_BODY);

    if (f && (!value.p || codec_url_unescape(&text, value, true)))
      take_parameter(c, o, f, text.p);
    left = rest;
  }
  return o;
}

/* CONNECT: everything here but logs, which are read. */
static int
admit_connection(struct rest_call *c, struct kerr *reterr)
{
  const struct kind_subresource *sub = kind_subresource_find(c->res, c->info.subresource);
  const struct kind *k = sub ? kind_find("", "v1", sub->kind) : NULL;

  if (!k || strcmp(c->info.subresource, "log") == 0)
    return 0;
  c->connecting = true;
  return admission_of_kind(c, k, options_of_query(c, k), NULL, reterr);
}

int
sub_hook(struct rest_call *c, struct kerr *reterr)
{
  _cleanup_record_ struct record *r = NULL;

  if (rest_load(c, c->info.name, &r, reterr) < 0 || admit_connection(c, reterr) < 0)
    return -(int)reterr->code;
  if (c->s->hook && c->s->hook(c->s->hook_payload, c->req, c->info.resource, c->info.subresource, c->info.namespace_,
                               c->info.name, c->ans))
    return 0;
  return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "%s/%s: no node agent of this cluster serves it", c->info.resource,
                  c->info.subresource);
}
