/* Secrets: stringData is a way to write data (pkg/apis/core/v1/conversion.go). */
#include <string.h>

#include "codec.h"
#include "strategy.h"

void
strategy_decoded(struct rest_call *c, struct json *o)
{
  const struct json *texts = json_get(o, "stringData");
  struct json *data;

  if (!texts || strcmp(c->kind->kind, "Secret") != 0 || *c->kind->group)
    return;
  data = json_find(o, "data");
  data = json_set(c->a, o, "data", data ? json_shallow(c->a, data) : json_new_object(c->a));
  for (json_each_member(m, texts)) {
    _cleanup_strbuf_ struct strbuf b;

    strbuf_init(&b, 4 * 1024 * 1024);
    codec_base64(&b, json_span(m->value));
    json_set_n(c->a, data, m->name, m->name_len, json_new_strn(c->a, b.p ? b.p : "", b.n));
  }
  json_sort_members(data);
  json_remove(o, "stringData");
  c->reshape = true;
}
