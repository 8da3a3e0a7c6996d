#include "crd_validate.h"

#include <ctype.h>
#include <string.h>

#include "crd_check.h"
#include "crd_manager.h"
#include "object.h"

/* A definition in upstream's internal form: what its versions have in common stands above them. */
struct view {
  const struct json *spec, *versions, *first;     /* first: versions[0] */
  bool schema, subresources, columns, selectable; /* the same in all versions */
};

static bool
is_common(const struct json *versions, const char *member)
{
  const struct json *first = json_get(json_at(versions, 0), member);

  for (size_t i = 1; i < json_count(versions); i++)
    if (!json_same(json_get(json_at(versions, i), member), first))
      return false;
  return json_count(versions) > 0;
}

static struct view
view_of(const struct json *o)
{
  const struct json *spec = json_get(o, "spec"), *versions = json_get(spec, "versions");

  return (struct view){ .spec = spec,
                        .versions = versions,
                        .first = json_at(versions, 0),
                        .schema = is_common(versions, "schema"),
                        .subresources = is_common(versions, "subresources"),
                        .columns = is_common(versions, "additionalPrinterColumns"),
                        .selectable = is_common(versions, "selectableFields") };
}

/* The versions as the internal form prints them. */
static char *
versions_text(struct validation *v, const struct view *view)
{
  struct json *bare = json_copy(v->a, view->versions);

  if (!json_is(bare, JSON_ARRAY))
    return arena_strdup(v->a, "null");
  for (size_t i = 0; i < json_count(bare); i++) {
    if (view->schema)
      json_remove(json_item(bare, i), "schema");
    if (view->subresources)
      json_remove(json_item(bare, i), "subresources");
    if (view->columns)
      json_remove(json_item(bare, i), "additionalPrinterColumns");
    if (view->selectable)
      json_remove(json_item(bare, i), "selectableFields");
  }
  return crd_go_versions(v->a, bare);
}

static const struct json *
schema_of(const struct json *version)
{
  const struct json *schema = json_dig(version, "schema", "openAPIV3Schema", NULL);

  return json_is(schema, JSON_OBJECT) ? schema : NULL;
}

/* Does any version's schema have it? */
static bool
any_schema_has(const struct json *spec, crd_node_fn *fn)
{
  for (json_each_item (p, json_get(spec, "versions")))
    if (crd_schema_has(schema_of(*p), fn))
      return true;
  return false;
}

/* -- one version -- */

static void
check_deprecation(struct validation *v, const struct vpath *path, const struct json *version)
{
  const struct json *warning = json_get(version, "deprecationWarning");
  struct span s = json_span(warning);
  const struct vpath *at = VP(path, "deprecationWarning");

  if (!json_is(warning, JSON_STRING))
    return;
  if (!json_get_bool(version, "deprecated", false)) {
    verr_invalid(v, at, s, "can only be set for deprecated versions");
    return;
  }
  if (s.n > 256)
    verr_invalid(v, at, s, "must be <= 256 characters long");
  if (!s.n)
    verr_invalid(v, at, s, "must not be an empty string");
  for (size_t i = 0; i < s.n; i++)
    if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f) {
      verr_invalid(v, at, s,
                   arena_printf(v->a,
                                "must only contain printable UTF-8 characters; non-printable character found at index "
                                "%zu",
                                i));
      return;
    }
}

/* What a checked definition is held against. */
struct checking {
  struct view view;
  struct crd_leniency let;
  const struct json *old_spec; /* NULL: it is new */
  const struct json **old;     /* its schemas */
  size_t n_old;
};

static const struct json *
old_version(const struct checking *k, const char *name)
{
  return json_list_find(json_get(k->old_spec, "versions"), "name", name);
}

static void
check_schema(struct validation *v, const struct checking *k, const struct vpath *path, const struct json *version,
             bool has_status)
{
  const struct json *before = old_version(k, json_get_str_or(version, "name", ""));
  struct crd_schema_place at = { .schema = schema_of(version),
                                 .path = path,
                                 .has_status = has_status,
                                 .let = &k->let,
                                 .old = k->old,
                                 .n_old = k->n_old };

  at.suppress_cost = before && json_same(json_get(before, "schema"), json_get(version, "schema"));
  crd_validate_schema(v, &at);
}

static bool
has_status(const struct json *version)
{
  return json_has(json_get(version, "subresources"), "status");
}

static void
check_selectable(struct validation *v, const struct checking *k, const struct vpath *path, const struct json *version,
                 const char *no_schema)
{
  const struct json *fields = json_get(version, "selectableFields");
  const struct json *before = json_get(old_version(k, json_get_str_or(version, "name", "")), "selectableFields");

  if (!json_count(fields))
    return;
  if (!schema_of(version))
    verr_add(v, FIELD_INVALID, path, "\"\"", "%s", no_schema);
  else
    crd_validate_selectable(v, path, fields, schema_of(version), before && json_same(before, fields));
}

static void
check_version(struct validation *v, const struct checking *k, size_t i)
{
  const struct json *version = json_at(k->view.versions, i);
  const struct vpath *path = VP_ITEM(VP(VP(NULL, "spec"), "versions"), i);
  const char *problems = crd_label_problems(v->a, json_text_of(version, "name"));

  if (problems)
    verr_invalid(v, VP(path, "name"), json_text_of(version, "name"), problems);
  check_deprecation(v, path, version);
  if (!k->view.schema)
    check_schema(v, k, VP(path, "schema"), version, has_status(version));
  if (!k->view.subresources)
    crd_validate_subresources(v, VP(path, "subresources"), json_get(version, "subresources"));
  if (!k->view.columns)
    crd_validate_columns(v, VP(path, "additionalPrinterColumns"), json_get(version, "additionalPrinterColumns"));
  if (!k->view.selectable)
    check_selectable(v, k, VP(path, "selectableFields"), version,
                     "may only be set when `version.schema.openAPIV3Schema` is not included");
}

/* -- the spec -- */

static void
check_group(struct validation *v, struct span group)
{
  const struct vpath *path = VP(VP(NULL, "spec"), "group");
  const char *problems[TEXT_PROBLEMS_MAX], *all = "";
  size_t n = group.n ? text_check(v->a, TEXT_DNS_SUBDOMAIN, group, problems) : 0;

  for (size_t i = 0; i < n; i++)
    all = arena_printf(v->a, "%s%s%s", all, i ? "," : "", problems[i]);
  if (!group.n)
    verr_required(v, path, "");
  else if (n)
    verr_invalid(v, path, group, all);
  else if (!memchr(group.p, '.', group.n))
    verr_invalid(v, path, group, "should be a domain with at least one dot");
}

static void
check_schemas_there(struct validation *v, const struct checking *k)
{
  bool preserve = json_get_bool(k->view.spec, "preserveUnknownFields", false);
  const struct vpath *path = VP(VP(NULL, "spec"), "versions");

  for (size_t i = 0; i < json_count(k->view.versions); i++) {
    const struct json *version = json_at(k->view.versions, i);
    const struct vpath *at = VP(VP(VP_ITEM(path, i), "schema"), "openAPIV3Schema");

    if (schema_of(version))
      continue;
    if (!k->let.no_schema)
      verr_required(v, at, "");
    else if (!preserve && json_get_bool(version, "served", false))
      verr_required(v, at, "because otherwise all fields are pruned");
  }
}

static void
check_versions(struct validation *v, const struct checking *k)
{
  const struct vpath *path = VP(VP(NULL, "spec"), "versions");
  size_t n = json_count(k->view.versions), storage = 0;
  bool unique = true;

  for (size_t i = 0; i < n; i++) {
    const struct json *version = json_at(k->view.versions, i);

    storage += json_get_bool(version, "storage", false);
    for (size_t j = 0; j < i; j++)
      unique = unique && !span_eq(json_text_of(version, "name"), json_text_of(json_at(k->view.versions, j), "name"));
    check_version(v, k, i);
  }
  if (!unique)
    verr_add(v, FIELD_INVALID, path, versions_text(v, &k->view), "must contain unique version names");
  if (storage != 1)
    verr_add(v, FIELD_INVALID, path, versions_text(v, &k->view),
             "must have exactly one version marked as storage version");
}

static void
check_first_version(struct validation *v, const struct checking *k)
{
  struct span name = json_text_of(k->view.first, "name");
  const char *problems = name.n ? crd_label_problems(v->a, name) : NULL;

  if (problems)
    verr_invalid(v, VP(VP(NULL, "spec"), "version"), name, problems);
}

/* What stands above the versions, because all of them have it. */
static void
check_common(struct validation *v, const struct checking *k)
{
  const struct vpath *path = VP(NULL, "spec");
  bool any_status = false;

  for (json_each_item (p, k->view.versions))
    any_status = any_status || has_status(*p);
  if (k->view.schema)
    check_schema(v, k, VP(path, "validation"), k->view.first, any_status);
  if (k->view.subresources)
    crd_validate_subresources(v, VP(path, "subresources"), json_get(k->view.first, "subresources"));
  if (k->view.columns)
    crd_validate_columns(v, VP(path, "additionalPrinterColumns"), json_get(k->view.first, "additionalPrinterColumns"));
  if (k->view.selectable)
    check_selectable(v, k, VP(path, "selectableFields"), k->view.first,
                     "may only be set when validations.schema is included");
}

static void
check_spec(struct validation *v, struct checking *k)
{
  static const char *const scopes[] = { "Cluster", "Namespaced", NULL }, *const needed[] = { "plural", "singular",
                                                                                             "kind", "listKind" };
  const struct json *names = json_get(k->view.spec, "names");
  const struct vpath *path = VP(NULL, "spec");
  struct span scope = json_text_of(k->view.spec, "scope");
  bool preserve = json_get_bool(k->view.spec, "preserveUnknownFields", false);

  check_group(v, json_text_of(k->view.spec, "group"));
  if (!scope.n)
    verr_required(v, VP(path, "scope"), "");
  else if (!span_is(scope, scopes[0]) && !span_is(scope, scopes[1]))
    verr_not_supported(v, VP(path, "scope"), scope, scopes);
  if (!preserve)
    k->let.not_structural = false;
  check_schemas_there(v, k);
  if (any_schema_has(k->view.spec, crd_has_default)) {
    k->let.not_structural = false;
    if (preserve)
      verr_add(v, FIELD_INVALID, VP(path, "preserveUnknownFields"), "true",
               "must be false in order to use defaults in the schema");
  }
  check_versions(v, k);
  check_first_version(v, k);
  for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
    if (!json_text_of(names, needed[i]).n)
      verr_required(v, VP(VP(path, "names"), needed[i]), "");
  crd_validate_names(v, VP(path, "names"), names);
  check_common(v, k);
  if (preserve && !span_is(json_text_of(json_get(k->view.spec, "conversion"), "strategy"), "None"))
    verr_invalid(v, VP(VP(path, "conversion"), "strategy"),
                 json_text_of(json_get(k->view.spec, "conversion"), "strategy"),
                 "must be None if spec.preserveUnknownFields is true");
  crd_validate_conversion(v, k->view.spec, &k->let);
}

/* -- the status, and the whole -- */

static void
check_stored_versions(struct validation *v, const struct json *o)
{
  const struct json *stored = json_dig(o, "status", "storedVersions", NULL);
  const struct json *versions = json_dig(o, "spec", "versions", NULL);
  const struct vpath *path = VP(VP(NULL, "status"), "storedVersions");

  if (!json_count(stored)) {
    verr_add(v, FIELD_INVALID, path, stored ? vjson(v->a, stored) : "null", "must have at least one stored version");
    return;
  }
  for (json_each_item (p, versions)) {
    bool there = false;

    for (json_each_item (s, stored))
      there = there || span_eq(json_span(*s), json_text_of(*p, "name"));
    if (!there && json_get_bool(*p, "storage", false))
      verr_add(v, FIELD_INVALID, path, vjson(v->a, stored), "must have the storage version %s",
               json_get_str_or(*p, "name", ""));
  }
  for (size_t i = 0; i < json_count(stored); i++) {
    const char *name = json_str(json_at(stored, i));
    bool there = false;

    for (json_each_item (p, versions))
      there = there || span_is(json_text_of(*p, "name"), name);
    if (!there)
      verr_invalid(v, VP_ITEM(path, i), span_of(name),
                   arena_printf(v->a,
                                "missing from spec.versions; %s was previously a storage version, and must remain in "
                                "spec.versions until a storage migration ensures no data remains persisted in %s and "
                                "removes %s from status.storedVersions",
                                name, name, name));
  }
}

static void
check_approval(struct validation *v, const struct json *o, const struct json *old)
{
  const struct vpath *path = VP_KEY(VP(VP(NULL, "metadata"), "annotations"), "api-approved.kubernetes.io");
  const char *why, *ignored;
  enum crd_approval state = crd_approval_of(v->a, o, &why);

  if (!crd_is_protected(json_get_str_or(json_get(o, "spec"), "group", "")) ||
      (old && crd_approval_of(v->a, old, &ignored) == state))
    return;
  if (state == CRD_APPROVAL_INVALID)
    verr_invalid(v, path, json_text_of(object_annotations(o), "api-approved.kubernetes.io"), why);
  else if (state == CRD_APPROVAL_MISSING)
    verr_required(v, path, why);
}

static void
check_preserve(struct validation *v, const struct json *o, const struct json *old)
{
  if (!json_get_bool(json_get(old, "spec"), "preserveUnknownFields", false) &&
      json_get_bool(json_get(o, "spec"), "preserveUnknownFields", false))
    verr_add(v, FIELD_INVALID, VP(VP(NULL, "spec"), "preserveUnknownFields"), "true",
             "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead");
}

static void
check_status(struct validation *v, const struct json *o, const struct json *old)
{
  (void)old;
  crd_validate_names(v, VP(VP(NULL, "status"), "acceptedNames"), json_dig(o, "status", "acceptedNames", NULL));
}

static void
check_rest(struct validation *v, const struct json *o, const struct json *old)
{
  check_status(v, o, old);
  check_stored_versions(v, o);
  check_approval(v, o, old);
  check_preserve(v, o, old);
}

static void
check_new(struct validation *v, const struct json *o)
{
  struct checking k = { .view = view_of(o), .let = { .any_ca = true } };
  const struct json *spec = json_get(o, "spec");
  struct span name = json_text_of(json_get(o, "metadata"), "name");

  if (name.n &&
      !span_is(name, arena_printf(v->a, "%.*s.%.*s", SPAN_FMT(json_text_of(json_get(spec, "names"), "plural")),
                                  SPAN_FMT(json_text_of(spec, "group")))))
    verr_invalid(v, VP(VP(NULL, "metadata"), "name"), name, "must be spec.names.plural+\".\"+spec.group");
  check_spec(v, &k);
  check_rest(v, o, NULL);
}

/* -- updates -- */

static bool
is_established(const struct json *o)
{
  return strcmp(json_get_str_or(object_condition(o, "Established"), "status", ""), "True") == 0;
}

static bool
lacks_schema(const struct json *spec)
{
  for (json_each_item (p, json_get(spec, "versions")))
    if (!schema_of(*p))
      return true;
  return false;
}

static bool
has_unstructural(struct arena *a, const struct json *spec)
{
  for (json_each_item (p, json_get(spec, "versions")))
    if (!crd_is_structural(a, schema_of(*p)))
      return true;
  return false;
}

static bool
knows_no_review(const struct json *spec)
{
  const struct json *list = json_dig(spec, "conversion", "webhook", "conversionReviewVersions", NULL);

  for (json_each_item (p, list))
    if (strcmp(json_str(*p), "v1") == 0 || strcmp(json_str(*p), "v1beta1") == 0)
      return false;
  return json_count(list) > 0;
}

static struct checking
checking_of_update(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *spec = json_get(old, "spec"), *versions = json_get(spec, "versions");
  struct checking k = { .view = view_of(o), .old_spec = spec };

  k.let = (struct crd_leniency){ .no_schema = lacks_schema(spec),
                                 .any_type = any_schema_has(spec, crd_has_unknown_type),
                                 .not_structural = has_unstructural(v->a, spec),
                                 .loose_sets = any_schema_has(spec, crd_is_loose_set),
                                 .loose_map_keys = any_schema_has(spec, crd_has_loose_keys),
                                 .names_may_change = !is_established(old),
                                 .any_review_version = knows_no_review(spec),
                                 .any_ca = !is_established(old) };
  k.old = arena_array_of(v->a, const struct json *, json_count(versions) + 1);
  for (json_each_item (p, versions))
    if (schema_of(*p))
      k.old[k.n_old++] = schema_of(*p);
  return k;
}

static void
check_kept(struct validation *v, const struct vpath *path, const struct json *now, const struct json *old)
{
  if (!json_same(now, old))
    verr_add(v, FIELD_INVALID, path, now ? vjson(v->a, now) : "\"\"", "field is immutable");
}

static void
check_update(struct validation *v, const struct json *o, const struct json *old)
{
  struct checking k = checking_of_update(v, o, old);
  const struct json *spec = json_get(o, "spec"), *before = json_get(old, "spec");
  const struct vpath *path = VP(NULL, "spec");

  check_spec(v, &k);
  if (!k.let.names_may_change) {
    check_kept(v, VP(path, "scope"), json_get(spec, "scope"), json_get(before, "scope"));
    check_kept(v, VP(VP(path, "names"), "kind"), json_dig(spec, "names", "kind", NULL),
               json_dig(before, "names", "kind", NULL));
  }
  check_kept(v, VP(path, "group"), json_get(spec, "group"), json_get(before, "group"));
  check_kept(v, VP(VP(path, "names"), "plural"), json_dig(spec, "names", "plural", NULL),
             json_dig(before, "names", "plural", NULL));
  check_rest(v, o, old);
}

const struct validator validator_definition = { "apiextensions.k8s.io", "CustomResourceDefinition",
                                                .cluster = true,        .name = { .format = TEXT_DNS_SUBDOMAIN },
                                                .create = check_new,    .update = check_update,
                                                .status = check_status };
