/* log, exec, attach, portforward, proxy: served by whoever has the containers (the node agent), if there is anybody. */
#include "apiserver_internal.h"
#include "object.h"
#include "rest_subresource.h"
#include "rest_write.h"

int
sub_hook(struct rest_call *c, struct kerr *reterr)
{
  _cleanup_record_ struct record *r = NULL;

  if (rest_load(c, c->info.name, &r, reterr) < 0)
    return -(int)reterr->code;
  if (c->s->hook && c->s->hook(c->s->hook_payload, c->req, c->info.resource, c->info.subresource, c->info.namespace_,
                               c->info.name, c->ans))
    return 0;
  return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "%s/%s: no node agent of this cluster serves it", c->info.resource,
                  c->info.subresource);
}
