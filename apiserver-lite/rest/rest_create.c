/* POST: a new object. */
#include <string.h>

#include "managed_fields.h"
#include "object.h"
#include "admission_chain.h"
#include "rest_meta.h"
#include "rest_write.h"

int
rest_create(struct rest_call *c, struct kerr *reterr)
{
  _cleanup_record_ struct record *r = NULL;
  struct json *o;

  if (c->res->namespaced && !*c->info.namespace_)
    return rest_method_not_allowed(c, reterr);
  if (rest_write_options(c, "CreateOptions", false, reterr) < 0 || rest_body_object(c, &o, reterr) < 0)
    return -(int)reterr->code;
  rest_meta_wipe(c->a, o);
  if (rest_meta_namespace(c, o, reterr) < 0)
    return -(int)reterr->code;
  rest_meta_dedup_owners(c, o);
  managed_fields_update(c, NULL, o);
  if (admission_mutate(c, o, NULL, reterr) < 0 || rest_store_new(c, o, &r, reterr) < 0)
    return -(int)reterr->code;
  return rest_answer_record(c, 201, r, reterr);
}
