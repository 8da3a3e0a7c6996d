#include "bootstrap_rbac.h"

#include <string.h>

#include "auth_store.h"
#include "bootstrap_serve.h"
#include "object.h"
#include "rbac_policy.h"
#include "rbac_reconcile.h"

/* /apis/rbac.authorization.k8s.io/v1/namespaces/NS/RESOURCE */
static const char *
collection_path(const struct rbac_policy_object *o)
{
  return arena_printf(o->arena, "/apis/rbac.authorization.k8s.io/v1%s%s/%s", *o->ns ? "/namespaces/" : "", o->ns,
                      o->resource);
}

static int
replace(struct apiserver *s, const struct rbac_policy_object *o, const char *method, const struct json *body,
        struct kerr *reterr)
{
  const char *path = arena_printf(o->arena, "%s/%s", collection_path(o), object_name(o->object));

  return bootstrap_serve(s, o->arena, method, path, body ? json_text(o->arena, body, JSON_COMPACT) : NULL, reterr);
}

static int
create(struct apiserver *s, const struct rbac_policy_object *o, struct kerr *reterr)
{
  return bootstrap_serve(s, o->arena, "POST", collection_path(o), json_text(o->arena, o->object, JSON_COMPACT), reterr);
}

/* Looked up in the store itself: on most starts all of them are there as they should be. */
static int
ensure(void *payload, const struct rbac_policy_object *o, struct kerr *reterr)
{
  struct apiserver *s = payload;
  struct auth_source *source = auth_store_source(s->auth);
  const struct json *existing = source->ops->get(source, o->arena, o->resource, o->ns, object_name(o->object));
  struct json *wanted;

  if (!existing)
    return create(s, o, reterr);
  switch (rbac_reconcile(o->arena, existing, o->object, &wanted)) {
  case RBAC_KEEP:
    return 0;
  case RBAC_UPDATE:
    return replace(s, o, "PUT", wanted, reterr);
  case RBAC_RECREATE:
    break;
  }
  if (replace(s, o, "DELETE", NULL, reterr) < 0)
    return -(int)reterr->code;
  return create(s, o, reterr);
}

int
bootstrap_rbac(struct apiserver *s, struct kerr *reterr)
{
  return rbac_policy_visit(s->personality, ensure, s, reterr);
}
