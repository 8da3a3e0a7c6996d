/* NamespaceLifecycle (apiserver/pkg/admission/plugin/namespace/lifecycle). */
#include <string.h>

#include "admission.h"
#include "object.h"

int
admission_no_namespace(struct rest_call *c, const char *ns, struct kerr *reterr)
{
  struct status_subject about = { .kind = "namespaces", .name = ns };
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  (void)kerr_set(&err, KERR_NOT_FOUND, NULL, "namespaces \"%s\" not found", ns);
  c->refusal = status_from_kerr(c->a, &err, &about, 0);
  return kerr_move(reterr, &err);
}

static int
terminating(struct rest_call *c, const struct json *o, const char *ns, struct kerr *reterr)
{
  struct json *cause = json_new_object(c->a), *details;
  int r = admission_forbid(
      c, o, arena_printf(c->a, "unable to create new content in namespace %s because it is being terminated", ns),
      reterr);

  json_set_str(c->a, cause, "reason", "NamespaceTerminating");
  json_set_str(c->a, cause, "message", arena_printf(c->a, "namespace %s is being terminated", ns));
  json_set_str(c->a, cause, "field", "metadata.namespace");
  details = json_ensure_object(c->a, c->refusal, "details");
  json_append(c->a, json_ensure_array(c->a, details, "causes"), cause);
  return r;
}

static int
mutate(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  const char *ns = c->info.namespace_;
  const struct json *n;

  if (old || !c->res->namespaced || !*ns)
    return 0;
  n = admission_lookup(c, "", "v1", "namespaces", "", ns);
  if (!n)
    return admission_no_namespace(c, ns, reterr);
  if (object_is_deleting(n) || strcmp(json_get_str_or(json_get(n, "status"), "phase", ""), "Terminating") == 0)
    return terminating(c, o, ns, reterr);
  return 0;
}

static int
refuse_removal(struct rest_call *c, const struct json *o, struct kerr *reterr)
{
  static const char *const eternal[] = { "default", "kube-system", "kube-public" };

  if (strcmp(c->info.resource, "namespaces") != 0 || *c->info.group)
    return 0;
  for (size_t i = 0; i < ARRAY_SIZE(eternal); i++)
    if (strcmp(object_name(o), eternal[i]) == 0)
      return admission_forbid(c, o, "this namespace may not be deleted", reterr);
  return 0;
}

const struct admission_plugin admission_namespace_lifecycle = {
  .name = "NamespaceLifecycle",
  .targets = admission_everything,
  .mutate = mutate,
  .remove = refuse_removal,
};
