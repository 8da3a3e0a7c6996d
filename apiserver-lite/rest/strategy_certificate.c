/* Who asks for a certificate is who sends the request; nobody changes it afterwards (pkg/registry/certificates). */
#include "object.h"
#include "strategy.h"

static int
request_create(struct rest_call *c, struct json *o, struct kerr *reterr)
{
  static const char *const ours[] = { "username", "uid", "groups", "extra" };
  struct json *spec = json_ensure_object(c->a, o, "spec");
  const struct exchange_user *user = c->user;

  (void)reterr;
  for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
    json_remove(spec, ours[i]);
  if (!user)
    return 0;
  json_set_str(c->a, spec, "username", user->name);
  if (user->uid && *user->uid)
    json_set_str(c->a, spec, "uid", user->uid);
  for (size_t i = 0; i < user->n_groups; i++)
    json_append_str(c->a, json_ensure_array(c->a, spec, "groups"), user->groups[i]);
  if (json_count(user->extra))
    json_set(c->a, spec, "extra", json_copy(c->a, user->extra));
  c->reshape = true;
  return 0;
}

static int
request_update(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  (void)reterr;
  if (json_get(old, "spec"))
    json_set(c->a, o, "spec", json_copy(c->a, json_get(old, "spec")));
  return 0;
}

const struct strategy strategy_certificate_request = {
  .group = "certificates.k8s.io",
  .kind = "CertificateSigningRequest",
  .prepare_create = request_create,
  .prepare_update = request_update,
};
