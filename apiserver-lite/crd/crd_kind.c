/* Decoding and defaults of custom objects: what kind.h's functions do for kinds with a schema. */
#include <string.h>

#include "crd_custom.h"
#include "crd_shape.h"
#include "object.h"

/* -- numbers as Go's decoder leaves them: an int64, or a float64 -- */

void
custom_settle_numbers(struct arena *a, struct json *v)
{
  for (json_each_member (m, v))
    custom_settle_numbers(a, m->value);
  for (json_each_item (item, v))
    custom_settle_numbers(a, *item);
  if (!json_is(v, JSON_NUMBER))
    return;

  const struct json *number = json_new_double(a, json_double(v));
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;
  struct json *parsed;

  /* What has no fraction reads back as an integer. */
  if (json_parse(a, json_span(number), NULL, &parsed, &ignored) == 0)
    *v = *parsed;
}

/* -- decoding -- */

/* kind and apiVersion may be left out, but not be something else than texts (unstructured.NestedString). */
static int
check_texts(struct arena *a, const struct json *o, struct kerr *reterr)
{
  static const char *const names[] = { "kind", "apiVersion" };

  for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
    const struct json *v = json_get(o, names[i]);

    if (v && !json_is(v, JSON_STRING))
      return kerr_set(reterr, KERR_BAD_REQUEST, NULL, ".%s accessor error: %s is of the type %s, expected string",
                      names[i], json_text(a, v, JSON_COMPACT), json_go_type(v));
  }
  return 0;
}

static void
report_doubles(struct arena *a, struct kind_strictness *strict)
{
  for (const struct json_dup *d = strict ? strict->dups : NULL; d; d = d->next)
    kind_strictness_add(strict, arena_printf(a, "duplicate field \"%s\"", d->path));
}

int
custom_coerce(struct arena *a, const struct custom *c, struct json *o, struct kind_strictness *strict,
              struct kerr *reterr)
{
  const struct json *sent = json_get(o, "metadata");
  struct kind_strictness meta_strict = { .a = a };
  struct json *meta = NULL;

  if (sent && schema_decode_meta(a, "metadata", sent, strict ? &meta_strict : NULL, &meta, reterr) < 0)
    return -(int)reterr->code;
  for (size_t i = 0; i < meta_strict.n; i++)
    kind_strictness_add(strict, meta_strict.problems[i]);
  if (!c->definition->preserve) {
    schema_prune(a, o, c->schema, strict);
    schema_drop_nulls(o, c->schema);
  }
  if (schema_coerce(a, "", o, c->schema, false, strict, reterr) < 0)
    return -(int)reterr->code;
  if (meta)
    json_set(a, o, "metadata", meta);
  return 0;
}

int
custom_decode(struct arena *a, const struct kind *k, const struct json *in, struct kind_strictness *strict,
              struct json **ret, struct kerr *reterr)
{
  struct json *o;

  if (json_type(in) == JSON_NULL)
    o = json_new_object(a);
  else if (json_is(in, JSON_OBJECT))
    o = json_copy(a, in);
  else
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL,
                    "json: cannot unmarshal %s into Go value of type map[string]interface {}", json_wire_type(in));
  report_doubles(a, strict);
  custom_settle_numbers(a, o);
  if (check_texts(a, o, reterr) < 0 || custom_coerce(a, k->custom, o, strict, reterr) < 0)
    return -(int)reterr->code;
  schema_sort(o);
  kind_settle(a, k, o);
  *ret = o;
  return 0;
}

void
custom_default(struct arena *a, const struct kind *k, struct json *o)
{
  schema_default(a, o, k->custom->schema);
}
