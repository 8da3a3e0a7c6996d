#include "admission_match.h"

#include <string.h>

#include "admission.h"
#include "object.h"

#define CONFIGURATIONS "admissionregistration.k8s.io"

static bool
about_namespaces(const struct rest_call *c)
{
  return !*c->info.group && strcmp(c->info.resource, "namespaces") == 0;
}

struct admission_ask
admission_ask_of(struct rest_call *c, struct json *o, const struct json *old)
{
  const char *name = *c->info.name ? c->info.name : object_name(o ? o : old);
  const char *operation = c->connecting ? "CONNECT" : !o ? "DELETE" : old ? "UPDATE" : "CREATE";

  return (struct admission_ask){ .c = c,
                                 .operation = operation,
                                 .name = name,
                                 .ns = about_namespaces(c) ? name : c->info.namespace_,
                                 .object = o,
                                 .old = old };
}

bool
admission_exempt(const struct rest_call *c)
{
  static const char *const kinds_[] = { "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration",
                                        "ValidatingAdmissionPolicy",      "ValidatingAdmissionPolicyBinding",
                                        "MutatingAdmissionPolicy",        "MutatingAdmissionPolicyBinding" };

  if (strcmp(c->info.group, CONFIGURATIONS) != 0)
    return false;
  for (size_t i = 0; i < ARRAY_SIZE(kinds_); i++)
    if (strcmp(c->kind->kind, kinds_[i]) == 0)
      return true;
  return false;
}

/* -- rules -- */

static bool
has(const struct json *list, const char *wanted)
{
  for (json_each_item (i, list)) {
    const char *text = json_str(*i);

    if (text && (strcmp(text, "*") == 0 || strcmp(text, wanted) == 0))
      return true;
  }
  return false;
}

static bool
scope_matches(const struct admission_ask *ask, const char *scope)
{
  bool namespaced = *ask->ns && !about_namespaces(ask->c);

  return strcmp(scope, "*") == 0 || strcmp(scope, namespaced ? "Namespaced" : "Cluster") == 0;
}

/* "pods", "pods/status", "pods/\*", "*", "*" "/\*" */
static bool
resource_matches(const struct json *list, const char *resource, const char *subresource)
{
  for (json_each_item (i, list)) {
    struct span sub, res = span_cut(json_span(*i), '/', &sub);

    if (!sub.p)
      sub = SPAN("");
    if ((span_is(res, "*") || span_is(res, resource)) && (span_is(sub, "*") || span_is(sub, subresource)))
      return true;
  }
  return false;
}

static bool
rule_matches(const struct admission_ask *ask, const struct json *rule, const struct admission_as *as)
{
  const struct json *names = json_get(rule, "resourceNames");

  return scope_matches(ask, json_get_str_or(rule, "scope", "*")) && has(json_get(rule, "operations"), ask->operation) &&
         has(json_get(rule, "apiGroups"), as->group) && has(json_get(rule, "apiVersions"), as->version) &&
         resource_matches(json_get(rule, "resources"), as->resource, ask->c->info.subresource) &&
         (json_count(names) == 0 || has(names, ask->name));
}

static bool
any_rule_matches(const struct admission_ask *ask, const struct json *rules, const struct admission_as *as)
{
  for (json_each_item (rule, rules))
    if (rule_matches(ask, *rule, as))
      return true;
  return false;
}

/* The kind that the call's subresource has in another version of the resource. */
static const struct kind *
equivalent_kind(const struct rest_call *c, const struct kind_resource *r)
{
  const struct kind_subresource *sub;

  if (!*c->info.subresource || strcmp(c->info.subresource, "status") == 0)
    return r->of;
  sub = kind_subresource_find(r, c->info.subresource);
  return sub ? kind_find(*sub->version ? sub->group : r->group, *sub->version ? sub->version : r->version, sub->kind)
             : NULL;
}

bool
admission_rules_match(const struct admission_ask *ask, const struct json *rules, bool equivalent,
                      struct admission_as *ret)
{
  const struct rest_call *c = ask->c;
  struct admission_as own = {
    .group = c->info.group, .version = c->info.version, .resource = c->info.resource, .kind = c->kind
  };
  const struct kind_resource *r, *storage;
  size_t cursor = 0;

  if (any_rule_matches(ask, rules, &own)) {
    *ret = own;
    return true;
  }
  if (!equivalent || !c->res)
    return false;
  storage = served_storage(&c->served, c->res);
  while ((r = served_next(&c->served, &cursor))) {
    struct admission_as other = { .group = r->group, .version = r->version, .resource = r->resource };

    if (r == c->res || strcmp(r->resource, c->res->resource) != 0 || served_storage(&c->served, r) != storage ||
        !any_rule_matches(ask, rules, &other))
      continue;
    other.kind = equivalent_kind(c, r);
    if (!other.kind)
      continue;
    *ret = other;
    return true;
  }
  return false;
}

/* -- selectors -- */

const struct json *
admission_namespace_of(const struct admission_ask *ask)
{
  if (about_namespaces(ask->c) && !*ask->c->info.subresource && ask->object)
    return ask->object;
  return admission_lookup(ask->c, "", "v1", "namespaces", "", ask->ns);
}

static int
select_namespace(const struct admission_ask *ask, const struct json *selector, bool *ret, struct kerr *reterr)
{
  const struct json *ns;
  struct label_selector *sel;

  *ret = true;
  if ((!*ask->ns && !about_namespaces(ask->c)) || !selector)
    return 0;
  if (label_selector_from_json(ask->c->a, selector, &sel, reterr) < 0)
    return -(int)reterr->code;
  if (label_selector_is_empty(sel))
    return 0;
  ns = admission_namespace_of(ask);
  if (!ns)
    return admission_no_namespace(ask->c, ask->ns, reterr);
  *ret = label_selector_matches(sel, object_labels(ns));
  return 0;
}

static int
select_object(const struct admission_ask *ask, const struct json *selector, bool *ret, struct kerr *reterr)
{
  struct label_selector *sel;

  *ret = true;
  if (!selector)
    return 0;
  if (label_selector_from_json(ask->c->a, selector, &sel, reterr) < 0)
    return -(int)reterr->code;
  *ret = label_selector_is_empty(sel) || (ask->object && label_selector_matches(sel, object_labels(ask->object))) ||
         (ask->old && label_selector_matches(sel, object_labels(ask->old)));
  return 0;
}

int
admission_selects(const struct admission_ask *ask, const struct json *holder, bool *ret, struct kerr *reterr)
{
  if (select_object(ask, json_get(holder, "objectSelector"), ret, reterr) < 0)
    return -(int)reterr->code;
  return *ret ? select_namespace(ask, json_get(holder, "namespaceSelector"), ret, reterr) : 0;
}

/* -- versions -- */

int
admission_show_as(const struct admission_ask *ask, const struct admission_as *as, const struct json *o,
                  const struct json **ret, struct kerr *reterr)
{
  struct json *converted;

  *ret = o;
  if (!o || as->kind == ask->c->kind)
    return 0;
  if (kind_convert(ask->c->a, ask->c->kind, as->kind, o, &converted, reterr) < 0)
    return -(int)reterr->code;
  *ret = converted;
  return 0;
}

int
admission_take_back(const struct admission_ask *ask, const struct admission_as *as, struct json *o, struct kerr *reterr)
{
  if (as->kind != ask->c->kind && kind_convert(ask->c->a, as->kind, ask->c->kind, o, &o, reterr) < 0)
    return -(int)reterr->code;
  *ask->object = *o;
  ask->c->reshape = true;
  return 0;
}

/* -- options -- */

const struct json *
admission_options(const struct admission_ask *ask)
{
  struct rest_call *c = ask->c;
  struct json *o = json_new_object(c->a);
  bool deletes = strcmp(ask->operation, "DELETE") == 0, creates = strcmp(ask->operation, "CREATE") == 0;
  const char *manager = rest_query(c, "fieldManager"), *strict = rest_query(c, "fieldValidation");

  if (c->connecting)
    return NULL;
  json_set_str(c->a, o, "kind", deletes ? "DeleteOptions" : creates ? "CreateOptions" : "UpdateOptions");
  json_set_str(c->a, o, "apiVersion", "meta.k8s.io/v1");
  if (deletes) {
    for (json_each_member (m, c->delete_options))
      json_set_n(c->a, o, m->name, m->name_len, m->value);
    return o;
  }
  if (c->dry_run)
    json_append_str(c->a, json_ensure_array(c->a, o, "dryRun"), "All");
  if (manager && *manager)
    json_set_str(c->a, o, "fieldManager", manager);
  if (strict && *strict)
    json_set_str(c->a, o, "fieldValidation", strict);
  return o;
}
