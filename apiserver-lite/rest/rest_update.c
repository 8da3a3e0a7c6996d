/* PUT: the whole object, or what a subresource takes of it. */
#include <string.h>

#include "managed_fields.h"
#include "object.h"
#include "rest_meta.h"
#include "rest_write.h"

/* The body's name has to be that of the path. */
int
rest_check_name(struct rest_call *c, const struct json *o, struct kerr *reterr)
{
  const char *name = object_name(o), *wants = c->info.name, *ns = object_namespace(o);

  if (!*name)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL,
                    "the name of the object (%s based on URL) was undeterminable: name must be provided", wants);
  if (strcmp(name, wants) != 0)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL,
                    "the name of the object (%s) does not match the name on the URL (%s)", name, wants);
  if (c->res->namespaced && *ns && strcmp(ns, c->info.namespace_) != 0)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL,
                    "the namespace of the object (%s) does not match the namespace on the request (%s)", ns,
                    c->info.namespace_);
  return 0;
}

static int
take_body(struct rest_call *c, void *payload, const struct json *old, struct json **ret, struct kerr *reterr)
{
  (void)reterr;
  *ret = json_copy(c->a, payload);
  managed_fields_update(c, old, *ret);
  return 0;
}

unsigned
rest_update_flags(const struct rest_call *c)
{
  unsigned flags = c->res->flags & KIND_RES_UNCONDITIONAL_UPDATE ? REST_UNCONDITIONAL : 0;

  if (c->res->flags & KIND_RES_CREATE_ON_UPDATE && !*c->info.subresource)
    flags |= REST_MAY_CREATE;
  return flags;
}

int
rest_update(struct rest_call *c, struct kerr *reterr)
{
  _cleanup_record_ struct record *r = NULL;
  struct json *o;
  bool created;

  if (rest_write_options(c, "UpdateOptions", false, reterr) < 0 || rest_body_object(c, &o, reterr) < 0 ||
      rest_meta_namespace(c, o, reterr) < 0 || rest_check_name(c, o, reterr) < 0)
    return -(int)reterr->code;
  rest_meta_dedup_owners(c, o);
  if (rest_store_update(c, c->info.name, rest_update_flags(c) | REST_SAME_UID, take_body, o, &r, &created, reterr) < 0)
    return -(int)reterr->code;
  return rest_answer_record(c, created ? 201 : 200, r, reterr);
}
