/* Who asks for a certificate is who sends the request; nobody changes it afterwards (pkg/registry/certificates). */
#include <string.h>

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

/* -- what each way to write may change -- */

static struct json *
conditions_of(struct json *o)
{
  return json_find(json_find(o, "status"), "conditions");
}

static bool
is_of(const struct json *condition, const char *type)
{
  return strcmp(json_get_str_or(condition, "type", ""), type) == 0;
}

/* Conditions of the type stay as they were, unless some came or went, which is for validation to refuse. */
static void
keep_decision(struct arena *a, struct json *o, const struct json *old, const char *type)
{
  const struct json *before = json_dig(old, "status", "conditions", NULL);
  struct json *now = conditions_of(o);
  size_t n = 0, n_old = 0, at = 0;

  for (json_each_item (p, now))
    n += is_of(*p, type);
  for (json_each_item (p, before))
    n_old += is_of(*p, type);
  for (size_t i = 0; n == n_old && i < json_count(now); i++) {
    if (!is_of(json_at(now, i), type))
      continue;
    while (!is_of(json_at(before, at), type))
      at++;
    now->u.items[i] = json_copy(a, json_at(before, at++));
  }
}

/* Since when a condition of that type and status has held, or NULL. */
static const char *
since(const struct json *old, const struct json *condition)
{
  for (json_each_item (p, json_dig(old, "status", "conditions", NULL)))
    if (is_of(*p, json_get_str_or(condition, "type", "")) &&
        strcmp(json_get_str_or(*p, "status", ""), json_get_str_or(condition, "status", "")) == 0 &&
        json_get_str(*p, "lastTransitionTime"))
      return json_get_str(*p, "lastTransitionTime");
  return NULL;
}

static void
set_times(struct rest_call *c, struct json *o, const struct json *old)
{
  struct json *list = conditions_of(o);

  for (size_t i = 0; i < json_count(list); i++) {
    struct json *condition = json_item(list, i);
    const char *at = since(old, condition);

    if (!json_get_str(condition, "lastUpdateTime"))
      json_set_str(c->a, condition, "lastUpdateTime", rest_time(c->a, c->now));
    if (!json_get_str(condition, "lastTransitionTime"))
      json_set_str(c->a, condition, "lastTransitionTime", at ? at : rest_time(c->a, c->now));
    c->reshape = true;
  }
}

static int
request_update(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  struct json *status = json_copy(c->a, json_get(o, "status"));

  (void)reterr;
  json_restore(c->a, o, old, "spec");
  if (!*c->info.subresource) {
    json_restore(c->a, o, old, "status");
    return 0;
  }
  status = json_is(status, JSON_OBJECT) ? json_set(c->a, o, "status", status) : json_ensure_object(c->a, o, "status");
  if (strcmp(c->info.subresource, "approval") == 0) {
    json_restore(c->a, status, json_get(old, "status"), "certificate");
  } else {
    keep_decision(c->a, o, old, "Approved");
    keep_decision(c->a, o, old, "Denied");
  }
  set_times(c, o, old);
  return 0;
}

const struct strategy strategy_certificate_request = {
  .group = "certificates.k8s.io",
  .kind = "CertificateSigningRequest",
  .prepare_create = request_create,
  .prepare_update = request_update,
};
