/*
 * Which address families a service has, on a cluster that has IPv4 alone (initIPFamilyFields in
 * pkg/registry/core/service/storage/alloc.go).
 */
#include <string.h>

#include "service_write.h"
#include "validate_address.h"

#define CLUSTER_FAMILY "IPv4"

static struct json *
list_of(struct service_write *w, const char *name)
{
  return json_find(w->spec, name);
}

static const char *
family_at(const struct service_write *w, size_t i)
{
  const char *s = json_str(json_at(json_get(w->spec, "ipFamilies"), i));

  return s ? s : "";
}

static const char *
other_family(const char *family)
{
  return strcmp(family, "IPv4") == 0 ? "IPv6" : "IPv4";
}

static bool
same_list(const struct service_write *w, const char *name)
{
  const struct json *now = json_get(w->spec, name), *old = json_get(w->was, name);

  return json_count(now) == json_count(old) && (!json_count(now) || json_equal(now, old));
}

static bool
is_policy(const struct json *spec, const char *policy)
{
  return strcmp(service_text(spec, "ipFamilyPolicy"), policy) == 0;
}

bool
service_families_rest(const struct service_write *w)
{
  const char *type = service_text(w->spec, "type");
  bool old_prefers = !*service_text(w->was, "ipFamilyPolicy") || is_policy(w->was, "PreferDualStack");

  return w->was && is_policy(w->spec, "PreferDualStack") && old_prefers && service_is(w->was, type) &&
         strcmp(type, "ExternalName") != 0 && same_list(w, "clusterIPs") && same_list(w, "ipFamilies");
}

/* Headless and without a selector: nobody knows the families of its endpoints yet. */
static bool
may_be_anything(const struct service_write *w)
{
  return strcmp(service_text(w->spec, "clusterIP"), "None") == 0 && !json_count(json_get(w->spec, "selector"));
}

static void
set_policy(struct service_write *w)
{
  const char *old = service_text(w->was, "ipFamilyPolicy");

  if (json_get_str(w->spec, "ipFamilyPolicy"))
    return;
  json_set_str(w->c->a, w->spec, "ipFamilyPolicy",
               *old                 ? old
               : may_be_anything(w) ? "RequireDualStack"
                                    : "SingleStack");
}

static void
bad_policy(struct service_write *w, struct validation *v, const char *why)
{
  verr_invalid(v, VP(VP(NULL, "spec"), "ipFamilyPolicy"), json_text_of(w->spec, "ipFamilyPolicy"), why);
}

static bool
is_reduced(const struct service_write *w, const char *name)
{
  size_t n = json_count(json_get(w->spec, name));

  return n && n < json_count(json_get(w->was, name));
}

/* With the policy SingleStack the second of each goes if it was not touched; without it none may go. */
static void
reduce(struct service_write *w, struct validation *v)
{
  static const struct {
    const char *list, *refusal;
  } rows[] = { { "clusterIPs", "must be 'SingleStack' to release the secondary cluster IP" },
               { "ipFamilies", "must be 'SingleStack' to release the secondary IP family" } };
  bool single = is_policy(w->spec, "SingleStack");

  for (size_t i = 0; w->was && i < ARRAY_SIZE(rows); i++) {
    if (single && same_list(w, rows[i].list) && json_count(list_of(w, rows[i].list)) > 1)
      json_remove_at(json_set(w->c->a, w->spec, rows[i].list, json_copy(w->c->a, list_of(w, rows[i].list))), 1);
    else if (!single && is_reduced(w, rows[i].list))
      bad_policy(w, v, rows[i].refusal);
  }
}

static void
check_single(struct service_write *w, struct validation *v)
{
  if (!is_policy(w->spec, "SingleStack"))
    return;
  if (json_count(list_of(w, "clusterIPs")) == 2)
    bad_policy(w, v, "must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified");
  if (json_count(list_of(w, "ipFamilies")) == 2)
    bad_policy(w, v, "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified");
}

static struct json *
families(struct service_write *w)
{
  const struct json *there = json_get(w->spec, "ipFamilies");

  return json_set(w->c->a, w->spec, "ipFamilies",
                  json_count(there) ? json_copy(w->c->a, there) : json_new_array(w->c->a));
}

/* Families that addresses tell. The addresses are known to be ones. */
static void
infer(struct service_write *w, struct validation *v)
{
  const struct json *ips = json_get(w->spec, "clusterIPs");
  struct address read;

  for (size_t i = 0; i < json_count(ips); i++) {
    if (!address_read(json_span(json_at(ips, i)), &read)) /* None */
      return;
    if (i < json_count(json_get(w->spec, "ipFamilies")))
      continue;
    if (read.family == 4)
      json_append_str(w->c->a, families(w), CLUSTER_FAMILY);
    else
      verr_add(v, FIELD_INVALID, VP_ITEM(VP(VP(NULL, "spec"), "clusterIPs"), i), validate_show_texts(v, ips),
               "IPv6 is not configured on this cluster");
  }
}

static void
check_configured(struct service_write *w, struct validation *v)
{
  const struct vpath *path = VP(VP(NULL, "spec"), "ipFamilies");

  if (is_policy(w->spec, "RequireDualStack"))
    bad_policy(w, v, "this cluster is not configured for dual-stack services");
  for (size_t i = 0; i < json_count(list_of(w, "ipFamilies")); i++)
    if (strcmp(family_at(w, i), CLUSTER_FAMILY) != 0)
      verr_invalid(v, VP_ITEM(path, i), span_of(family_at(w, i)), "not configured on this cluster");
}

int
service_families_set(struct service_write *w, struct kerr *reterr)
{
  struct validation v = { .a = w->c->a, .kind = w->c->kind, .p = w->c->personality };

  if (service_is(w->spec, "ExternalName") || service_families_rest(w))
    return 0;
  set_policy(w);
  validate_service_addresses(&v, w->spec, w->was);
  if (v.n)
    return service_refuse(w, &v, reterr);
  reduce(w, &v);
  check_single(w, &v);
  infer(w, &v);
  if (v.n)
    return service_refuse(w, &v, reterr);
  if (!may_be_anything(w))
    check_configured(w, &v);
  if (v.n)
    return service_refuse(w, &v, reterr);
  if (!json_count(list_of(w, "ipFamilies")))
    json_append_str(w->c->a, families(w), CLUSTER_FAMILY);
  if (may_be_anything(w) && json_count(list_of(w, "ipFamilies")) < 2 && !is_policy(w->spec, "SingleStack"))
    json_append_str(w->c->a, families(w), other_family(family_at(w, 0)));
  return 0;
}
