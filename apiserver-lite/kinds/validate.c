#include "validate.h"

#include "crd_custom.h"
#include "crd_validate.h"
#include "object.h"
#include "validate_claim.h"
#include "validate_classic.h"
#include "validate_kinds.h"

static const struct validator *const validators[] = {
  &validator_claim,        &validator_template, &validator_class,        &validator_slice,      &validator_rule,
  &validator_pool_request, &validator_pod,      &validator_pod_template, &validator_namespace,  &validator_config_map,
  &validator_secret,       &validator_node,     &validator_lease,        &validator_service,    &validator_quota,
  &validator_limits,       &validator_event,    &validator_event_new,    &validator_definition, &validator_trust_bundle,
};

static bool
is_for(const struct validator *rules, const struct kind *k)
{
  if (strcmp(rules->kind, k->kind) || strcmp(rules->group, k->group))
    return false;
  for (struct span rest = span_of(rules->versions); rest.n;)
    if (span_is(span_cut(rest, ' ', &rest), k->version))
      return true;
  return !rules->versions;
}

static const struct validator *
find_in(const struct validator *list, size_t n, const struct kind *k)
{
  for (size_t i = 0; i < n; i++)
    if (is_for(&list[i], k))
      return &list[i];
  return NULL;
}

static const struct validator *
find_validator(const struct kind *k)
{
  const struct {
    const struct validator *list;
    size_t n;
  } groups[] = {
    { validators_workload, validator_workload_count },
    { validators_apps, validator_apps_count },
    { validators_batch, validator_batch_count },
    { validators_network, validator_network_count },
    { validators_admission, validator_admission_count },
    { validators_endpoints, validator_endpoints_count },
    { validators_storage, validator_storage_count },
    { validators_persistent, validator_persistent_count },
    { validators_controller, validator_controller_count },
    { validators_autoscaling, validator_autoscaling_count },
    { validators_certificates, validator_certificates_count },
    { validators_access, validator_access_count },
  };
  const struct validator *found = NULL;
  for (size_t i = 0; i < validator_classic_count; i++) /* by version: before those for every version */
    if (is_for(validators_classic[i], k))
      return validators_classic[i];
  for (size_t i = 0; i < ARRAY_SIZE(validators); i++)
    if (is_for(validators[i], k))
      return validators[i];
  for (size_t i = 0; i < ARRAY_SIZE(groups) && !found; i++)
    found = find_in(groups[i].list, groups[i].n, k);
  return found;
}

/* What a kind without rules of its own is held to: its metadata, and whatever the tags say. */
static struct validator
plain_validator(const struct kind *k)
{
  const struct kind_resource *r = kind_resource_of(k);
  bool rbac = strcmp(k->group, "rbac.authorization.k8s.io") == 0; /* "system:node" is a name there */
  return (struct validator){
    .group = k->group,
    .kind = k->kind,
    .cluster = r && !r->namespaced,
    .name = { .format = rbac ? TEXT_PATH_SEGMENT : TEXT_DNS_SUBDOMAIN },
    .flags = VALIDATOR_META_AGAIN,
  };
}

/* Hand-written rules are about v1's form, which is upstream's internal one; only v1beta1 differs from it in shape. */
static const struct json *
internal_form(struct validation *v, const struct json *o)
{
  const struct kind *k = v->kind, *v1;
  if (!o || strcmp(k->group, "resource.k8s.io") || strcmp(k->version, "v1beta1"))
    return o;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *out = NULL;
  v1 = kind_find(k->group, "v1", k->kind);
  if (!v1 || kind_convert(v->a, k, v1, o, &out, &err) < 0) {
    verr_add(v, FIELD_INTERNAL, NULL, NULL, "%s", err.msg ? err.msg : "no v1 form");
    return o;
  }
  return out;
}

/* What BeforeCreate and BeforeUpdate (registry/rest) hold every kind to, beside what the kind says of its metadata. */
static const struct name_rule any_name = { .format = TEXT_PATH_SEGMENT };

void
validate_create(const struct kind *k, const struct json *o, const struct personality *p, struct field_errors *errs)
{
  if (k->custom) {
    custom_validate(k->custom, o, NULL, "", p, errs);
    return;
  }
  struct validation v = { .a = errs->a, .kind = k, .p = p };
  const struct validator *found = find_validator(k), plain = plain_validator(k), *rules = found ? found : &plain;
  const struct json *inner = internal_form(&v, o);
  if (!(rules->flags & (VALIDATOR_NO_META | VALIDATOR_META_LAST)))
    validate_object_meta(&v, inner, !rules->cluster, &rules->name);
  if (rules->create)
    rules->create(&v, inner);
  if ((rules->flags & VALIDATOR_META_LAST) && !v.n)
    validate_object_meta(&v, inner, !rules->cluster, &any_name);
  size_t ntags = v.n;
  validate_tags(&v, o, NULL, "");
  validation_finish(&v, ntags, errs);
}

void
validate_update(const struct kind *k, const struct json *o, const struct json *old, const char *subresource,
                const struct personality *p, struct field_errors *errs)
{
  if (k->custom) {
    custom_validate(k->custom, o, old, subresource, p, errs);
    return;
  }
  struct validation v = { .a = errs->a, .kind = k, .p = p, .update = true };
  const struct validator *found = find_validator(k), plain = plain_validator(k), *rules = found ? found : &plain;
  const struct json *inner = internal_form(&v, o), *before = internal_form(&v, old);
  bool main = !*subresource;
  if (!(rules->flags & VALIDATOR_NO_META)) {
    validate_object_meta(&v, inner, !rules->cluster, &any_name);
    validate_object_meta_update(&v, inner, before);
  }
  if (main && (rules->flags & (VALIDATOR_META_AGAIN | VALIDATOR_CREATE_AGAIN)))
    validate_object_meta(&v, inner, !rules->cluster, &rules->name);
  if (main && (rules->flags & VALIDATOR_CREATE_AGAIN))
    rules->create(&v, inner);
  if (!(rules->flags & VALIDATOR_NO_META))
    validate_object_meta_update(&v, inner, before);
  if (main && rules->update)
    rules->update(&v, inner, before);
  else if (main && rules->create)
    rules->create(&v, inner);
  else if (!strcmp(subresource, "status")) {
    if (rules->status)
      rules->status(&v, inner, before);
  } else if (!main && rules->other)
    rules->other(&v, inner, before, subresource);
  size_t ntags = v.n;
  validate_tags(&v, o, old, subresource);
  validation_finish(&v, ntags, errs);
}

/* -- admin access (pkg/registry/resource/utils.go) -- */

/* The first request or result that asks for it; -1 when none does. `path`: where the list is; v1beta1's requests are
 * flat. */
static int
first_admin(const struct json *list, bool results)
{
  for (size_t i = 0; i < json_count(list); i++) {
    const struct json *item = json_at(list, i), *exactly = json_get(item, "exactly");
    if (json_get_bool(!results && json_type(exactly) != JSON_NULL ? exactly : item, "adminAccess", false))
      return (int)i;
  }
  return -1;
}

static const struct json *
admin_list(const struct kind *k, const struct json *o, bool results)
{
  if (results)
    return json_dig(o, "status", "allocation", "devices", "results", NULL);
  if (!strcmp(k->kind, "ResourceClaimTemplate"))
    return json_dig(o, "spec", "spec", "devices", "requests", NULL);
  return json_dig(o, "spec", "devices", "requests", NULL);
}

bool
validate_wants_admin(const struct kind *k, const struct json *o, const struct json *old, const char *subresource,
                     const struct personality *p)
{
  bool claim = !strcmp(k->kind, "ResourceClaim"), status = !strcmp(subresource, "status");
  if (personality_minor(p) < 32) /* before DRAAdminAccess everybody might ask for it */
    return false;
  if (strcmp(k->group, "resource.k8s.io") || (!claim && strcmp(k->kind, "ResourceClaimTemplate")))
    return false;
  if (!old)
    return first_admin(admin_list(k, o, false), false) >= 0;
  if (!claim || !status || first_admin(admin_list(k, o, true), true) < 0)
    return false;
  return first_admin(admin_list(k, old, true), true) < 0;
}

void
validate_refuse_admin(const struct kind *k, const struct json *o, const char *subresource, struct field_errors *errs)
{
  bool status = !strcmp(subresource, "status");
  int i = first_admin(admin_list(k, o, status), status);
  field_errors_add(errs, FIELD_FORBIDDEN,
                   arena_printf(errs->a, "%s[%d].adminAccess",
                                status ? "status.allocation.devices.results" : "spec.devices.requests", i),
                   NULL,
                   "admin access to devices requires the `resource.kubernetes.io/admin-access: true` label on the "
                   "containing namespace");
}
