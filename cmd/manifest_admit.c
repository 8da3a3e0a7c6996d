/* What becomes of an object on its way into a server, without one. */
#include "manifest.h"
#include "object.h"

/* A namespaced object without a namespace goes into "default", as a client would send it. */
static void
set_namespace(struct arena *a, const struct kind *k, struct json *o)
{
  const struct kind_resource *r = kind_resource_of(k);

  if (r && r->namespaced && !*object_namespace(o))
    json_set_str(a, json_ensure_object(a, o, "metadata"), "namespace", "default");
}

int
manifest_admit(struct arena *a, struct json *in, const struct personality *p, int64_t now, const struct kind **kind,
               struct json **ret, struct kerr *reterr)
{
  const struct kind *k = *kind = kind_find_api_version(object_api_version(in), object_kind(in));
  struct kind_strictness strict = { .a = a };
  int r;

  if (!k)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "no matches for kind \"%s\" in version \"%s\"", object_kind(in),
                    object_api_version(in));
  set_namespace(a, k, in);
  r = kind_decode(a, k, in, &strict, ret, reterr);
  if (r < 0)
    return r;
  if (strict.n > 0)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "strict decoding error: %s", strict.problems[0]);
  kind_default(a, k, *ret, p, now);
  kind_drop_disabled(a, k, *ret, NULL, p);
  return 0;
}
