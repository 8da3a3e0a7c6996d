/*
 * Which kinds a ValidatingAdmissionPolicy's expressions are checked against, and their schemas
 * (apiserver pkg/admission/plugin/policy/validating/typechecking.go, typesToCheck).
 */
#include <string.h>

#include "apiserver_internal.h"
#include "cel_policy.h"
#include "crd_manager.h"
#include "object.h"
#include "openapi.h"

#define KINDS_MAX 10 /* maxTypesToCheck */

struct kinds {
  struct openapi openapi;
  struct cel_typed_kind list[KINDS_MAX]; /* sorted, each once */
  size_t n;
};

/* The texts of a rule's list in byte order; none of them when one is a wildcard, unless wildcards are only left out. */
static const char **
texts_of(struct arena *a, const struct json *list, const char *unwanted, bool leave_out, size_t *ret_n)
{
  const char **texts = arena_array_of(a, const char *, json_count(list) + 1);
  size_t n = 0;

  *ret_n = 0;
  for (json_each_item (p, list)) {
    if (strpbrk(json_str(*p), unwanted)) {
      if (!leave_out)
        return texts;
      continue;
    }
    texts[n++] = json_str(*p);
  }
  qsort(texts, n, sizeof *texts, text_order);
  *ret_n = n;
  return texts;
}

static int
compare(const struct cel_typed_kind *k, const struct kind_resource *r)
{
  int d = strcmp(k->group, r->group);

  if (d == 0)
    d = strcmp(k->version, r->version);
  return d ? d : strcmp(k->kind, r->kind);
}

static struct cel_typed_kind
typed_kind(struct kinds *ks, const struct kind_resource *r)
{
  return (struct cel_typed_kind){ r->group, r->version, r->kind, openapi_ref_kind(&ks->openapi, r->of) };
}

static void
add_kind(struct kinds *ks, const struct kind_resource *r)
{
  size_t at = 0;

  while (at < ks->n && compare(&ks->list[at], r) < 0)
    at++;
  if ((at < ks->n && compare(&ks->list[at], r) == 0) || ks->n == KINDS_MAX)
    return;
  memmove(&ks->list[at + 1], &ks->list[at], (ks->n - at) * sizeof *ks->list);
  ks->list[at] = typed_kind(ks, r);
  ks->n++;
}

/* True when the rule alone has given as many as are looked at: then other rules are not. */
static bool
add_rule(struct kinds *ks, const struct json *rule)
{
  struct arena *a = ks->openapi.a;
  size_t n_groups, n_versions, n_resources, found = 0;
  const char **groups = texts_of(a, json_get(rule, "apiGroups"), "*", false, &n_groups);
  const char **versions = texts_of(a, json_get(rule, "apiVersions"), "*", false, &n_versions);
  const char **resources = texts_of(a, json_get(rule, "resources"), "*/", true, &n_resources);

  for (size_t g = 0; g < n_groups; g++)
    for (size_t v = 0; v < n_versions; v++)
      for (size_t i = 0; i < n_resources; i++) {
        const struct kind_resource *r = served_resource(&ks->openapi.served, groups[g], versions[v], resources[i]);

        if (!r)
          continue;
        add_kind(ks, r);
        if (++found == KINDS_MAX)
          return true;
      }
  return false;
}

/* False: the policy has none, or nothing is known of them. */
static bool
find_params(struct kinds *ks, const struct json *param_kind, struct cel_typed_kind *ret)
{
  const char *group, *version, *kind = json_get_str_or(param_kind, "kind", "");
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;
  const struct kind_resource *r;
  size_t cursor = 0;

  if (!param_kind ||
      gv_parse(ks->openapi.a, json_get_str_or(param_kind, "apiVersion", ""), &group, &version, &ignored) < 0)
    return false;
  while ((r = served_next(&ks->openapi.served, &cursor)))
    if (strcmp(r->group, group) == 0 && strcmp(r->version, version) == 0 && strcmp(r->kind, kind) == 0) {
      *ret = typed_kind(ks, r);
      return true;
    }
  return false;
}

static void
drop_set(void *set)
{
  custom_set_unref(set);
}

struct json *
apiserver_check_policy(struct apiserver *s, const struct json *policy, struct arena *a)
{
  const struct json *spec = json_get(policy, "spec");
  struct kinds ks = { .openapi = { .a = a, .p = s->personality, .v3 = true, .schemas = json_new_object(a) } };
  struct cel_typed_kind params;
  struct cel_policy_types types = { .kinds = ks.list, .definitions = ks.openapi.schemas };

  ks.openapi.served = (struct served){ .p = s->personality, .customs = crd_manager_set(s->crds) };
  arena_defer(a, drop_set, ks.openapi.served.customs);
  for (json_each_item (rule, json_dig(spec, "matchConstraints", "resourceRules", NULL)))
    if (add_rule(&ks, *rule))
      break;
  types.n_kinds = ks.n;
  if (find_params(&ks, json_get(spec, "paramKind"), &params))
    types.params = &params;
  return cel_policy_type_check(spec, &types, a);
}
