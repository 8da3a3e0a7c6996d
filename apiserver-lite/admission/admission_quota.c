/*
 * ResourceQuota (apiserver/pkg/admission/plugin/resourcequota, pkg/quota/v1/evaluator/core).
 *
 * What a new object uses is charged to every quota of its namespace that limits
 * one of the resources it uses: status.used moves by compare-and-swap before
 * the object is stored. What a failed write has charged is given back by the
 * quota controller's next count, as upstream.
 */
#include <string.h>

#include "admission.h"
#include "amounts.h"
#include "apiserver_internal.h"
#include "object.h"
#include "quota_scope.h"
#include "quota_usage.h"
#include "rest_meta.h"

#define CAS_ATTEMPTS 16

static const struct json *
find_class(void *arg, const char *name)
{
  return admission_lookup(arg, "resource.k8s.io", "v1", "deviceclasses", "", name);
}

/* -- quotas -- */

struct excess {
  const char *requested, *used, *limited; /* "a=1,b=2" */
  const char *names;                      /* "a,b": all that the quota limits and the object uses */
  bool unknown;                           /* nobody has counted one of them yet */
};

static const char *
join(struct rest_call *c, const char *list, const char *name, const struct quantity *q)
{
  return arena_printf(c->a, "%s%s%s=%s", list, *list ? "," : "", name, quantity_text(c->a, q));
}

/* Charge `u` to the quota: the new status.used, or what does not fit. False: the quota is not concerned. */
static bool
charge(struct rest_call *c, const struct json *quota, struct amounts *u, struct json **ret_used, struct excess *ret)
{
  const struct json *hard = json_dig(quota, "status", "hard", NULL), *used = json_dig(quota, "status", "used", NULL);
  struct json *sorted = hard ? json_shallow(c->a, hard) : json_new_object(c->a);
  bool concerned = false;

  *ret = (struct excess){ "", "", "", "", false };
  *ret_used = used ? json_shallow(c->a, used) : json_new_object(c->a);
  json_sort_members(sorted);
  for (json_each_member (m, sorted)) {
    struct amount *mine = amounts_find(u, m->name);
    struct quantity has = quantity_from_int(0, QUANTITY_DECIMAL_SI), limit, sum;

    if (!mine || !amounts_read(hard, m->name, &limit))
      continue;
    concerned = true;
    ret->names = arena_printf(c->a, "%s%s%s", ret->names, *ret->names ? "," : "", m->name);
    ret->unknown = !amounts_read(used, m->name, &has) || ret->unknown;
    sum = quantity_add(&has, &mine->amount);
    if (quantity_cmp(&sum, &limit) > 0) {
      ret->requested = join(c, ret->requested, m->name, &mine->amount);
      ret->used = join(c, ret->used, m->name, &has);
      ret->limited = join(c, ret->limited, m->name, &limit);
    }
    json_set_str(c->a, *ret_used, m->name, quantity_text(c->a, &sum));
  }
  return concerned;
}

/* 0, 1 (somebody else charged it meanwhile) or an error. */
static int
store_used(struct rest_call *c, struct record *quota, struct json *used, struct kerr *reterr)
{
  struct json *o = json_shallow(c->a, record_tree(quota)), *status = json_shallow(c->a, json_get(o, "status"));
  _cleanup_record_ struct record *r = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int64_t revision;

  if (c->dry_run)
    return 0;
  json_set(c->a, status, "used", used);
  json_set(c->a, o, "status", status);
  json_remove(rest_meta_edit(c->a, o), "resourceVersion");
  r = record_from_json(record_key(quota), 0, o);
  if (store_cas(c->s->store, record_key(quota), r, record_revision(quota), &revision, &err) == 0)
    return 0;
  return err.code == KERR_CONFLICT || err.code == KERR_NOT_FOUND ? 1 : kerr_move(reterr, &err);
}

static bool
is_pod(const struct rest_call *c)
{
  return !*c->info.group && strcmp(c->info.resource, "pods") == 0;
}

/* A quota on cpu or memory wants every container to say how much. */
static int
check_said(struct rest_call *c, const struct json *quota, const struct json *o, struct kerr *reterr)
{
  const char *open = is_pod(c) ? quota_left_open(c->a, quota, o) : "";

  if (!*open)
    return 0;
  return admission_forbid(c, o, arena_printf(c->a, "failed quota: %s: must specify %s", object_name(quota), open),
                          reterr);
}

static int
charge_quota(struct rest_call *c, struct span key, const struct json *o, struct amounts *u, struct kerr *reterr)
{
  for (int attempt = 0; attempt < CAS_ATTEMPTS; attempt++) {
    _cleanup_record_ struct record *quota = NULL;
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct excess excess;
    struct json *used;

    if (store_get(c->s->store, key, 0, &quota, &err) < 0)
      return err.code == KERR_NOT_FOUND ? 0 : kerr_move(reterr, &err);
    if (!quota_in_scope(record_tree(quota), o, is_pod(c)))
      return 0;
    if (check_said(c, record_tree(quota), o, reterr) < 0)
      return -(int)reterr->code;
    if (!charge(c, record_tree(quota), u, &used, &excess))
      return 0;
    if (excess.unknown)
      return admission_forbid(c, o,
                              arena_printf(c->a, "status unknown for quota: %s, resources: %s",
                                           object_name(record_tree(quota)), excess.names),
                              reterr);
    if (*excess.requested)
      return admission_forbid(c, o,
                              arena_printf(c->a, "exceeded quota: %s, requested: %s, used: %s, limited: %s",
                                           object_name(record_tree(quota)), excess.requested, excess.used,
                                           excess.limited),
                              reterr);
    int r = store_used(c, quota, used, reterr);

    if (r <= 0)
      return r;
  }
  return rest_conflict(c, admission_name(c, o), "quota is in use by many others, please try again", reterr);
}

/* Apart from validate(), which most often finds no quota: the amounts are large. */
static int
charge_quotas(struct rest_call *c, const struct store_list *quotas, const struct json *o, struct kerr *reterr)
{
  const struct quota_classes classes = { find_class, c };
  struct amounts u = { .n = 0 };

  quota_usage_add(c->a, c->info.group, c->info.resource, o, &classes, &u);
  for (size_t i = 0; i < quotas->n; i++)
    if (charge_quota(c, record_key(quotas->items[i]), o, &u, reterr) < 0)
      return -(int)reterr->code;
  return 0;
}

static int
validate(struct rest_call *c, const struct json *o, const struct json *old, struct kerr *reterr)
{
  struct store_list quotas;

  if (old || *c->info.subresource || !c->res->namespaced)
    return 0;
  if (admission_list(c, "", "v1", "resourcequotas", c->info.namespace_, &quotas, reterr) < 0)
    return -(int)reterr->code;
  return quotas.n ? charge_quotas(c, &quotas, o, reterr) : 0;
}

const struct admission_plugin admission_resource_quota = {
  .name = "ResourceQuota",
  .targets = admission_everything,
  .validate = validate,
};
