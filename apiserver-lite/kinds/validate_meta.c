/* Object metadata: apimachinery's api/validation/objectmeta.go. */
#include "object.h"
#include "validate_internal.h"

void
validate_immutable(struct validation *v, const struct vpath *path, const struct json *now, const struct json *old,
                   const char *value)
{
  if (!json_same(now, old))
    verr_add(v, FIELD_INVALID, path,
             value                       ? value
             : json_is(now, JSON_STRING) ? vquote(v->a, json_span(now))
                                         : vjson(v->a, now),
             "field is immutable");
}

void
validate_labels(struct validation *v, const struct vpath *path, const struct json *labels)
{
  for (json_each_member (m, labels)) {
    verr_format(v, path, span_make(m->name, m->name_len), TEXT_LABEL_KEY);
    if (json_is(m->value, JSON_STRING))
      verr_format(v, path, json_span(m->value), TEXT_LABEL_VALUE);
  }
}

#define ANNOTATIONS_MAX (256 * 1024) /* TotalAnnotationSizeLimitB */

void
validate_annotations(struct validation *v, const struct vpath *path, const struct json *annotations)
{
  size_t total = 0;
  for (json_each_member (m, annotations)) {
    verr_format(v, path, span_make(m->name, m->name_len), TEXT_LABEL_KEY_ANY_CASE);
    total += m->name_len + json_span(m->value).n;
  }
  if (total > ANNOTATIONS_MAX)
    verr_too_long(v, path, ANNOTATIONS_MAX);
}

/* "group/version" or "version". */
static bool
is_group_version(struct span s)
{
  struct span rest, first = span_cut(s, '/', &rest);
  if (!rest.p)
    return first.n > 0;
  return rest.n > 0 && !memchr(rest.p, '/', rest.n);
}

#define OWNER_REFERENCE "io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference"

static void
check_owner(struct validation *v, const struct vpath *path, const struct json *ref)
{
  static const char *const needed[] = { "apiVersion", "kind", "name", "uid" };
  for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
    struct span s = json_text_of(ref, needed[i]);
    if (!s.n)
      verr_required(v, VP(path, needed[i]), "must not be empty");
    else if (i == 0 && !is_group_version(s))
      verr_invalid(v, VP(path, needed[i]), s, "must be <group>/<version> or <version>");
  }
  if (span_is(json_text_of(ref, "apiVersion"), "v1") && span_is(json_text_of(ref, "kind"), "Event"))
    verr_add(v, FIELD_INVALID, path, vgo(v, ref, OWNER_REFERENCE), "/v1, Kind=Event is disallowed from being an owner");
}

/* Before 1.37 paths had no index, and what is missing was invalid. */
static void
check_owner_of_old(struct validation *v, const struct vpath *path, const struct json *ref)
{
  static const char *const needed[] = { "apiVersion", "kind", "name", "uid" };
  for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
    if (!json_text_of(ref, needed[i]).n || (i == 0 && !is_group_version(json_text_of(ref, needed[i]))))
      verr_invalid(v, VP(path, needed[i]), json_text_of(ref, needed[i]),
                   arena_printf(v->a, "%s must not be empty", i ? needed[i] : "version"));
  if (span_is(json_text_of(ref, "apiVersion"), "v1") && span_is(json_text_of(ref, "kind"), "Event"))
    verr_add(v, FIELD_INVALID, path, vgo(v, ref, OWNER_REFERENCE), "/v1, Kind=Event is disallowed from being an owner");
}

static void
check_owners(struct validation *v, const struct vpath *path, const struct json *refs)
{
  const char *first = NULL;
  for (size_t i = 0; i < json_count(refs); i++) {
    const struct json *ref = json_at(refs, i);
    if (validation_minor(v) < 37)
      check_owner_of_old(v, path, ref);
    else
      check_owner(v, VP_ITEM(path, i), ref);
    if (!json_get_bool(ref, "controller", false))
      continue;
    const char *name =
        arena_printf(v->a, "%.*s/%.*s", SPAN_FMT(json_text_of(ref, "kind")), SPAN_FMT(json_text_of(ref, "name")));
    if (first)
      verr_add(v, FIELD_INVALID, path, vgo(v, refs, OWNER_REFERENCE),
               "Only one reference can have Controller set to true. Found \"true\" in references for %s and %s", first,
               name);
    else
      first = name;
  }
}

static bool
has_text(const struct json *list, const char *text)
{
  for (json_each_item (p, list))
    if (span_is(json_span(*p), text))
      return true;
  return false;
}

static void
check_finalizers(struct validation *v, const struct vpath *path, const struct json *finalizers)
{
  for (json_each_item (p, finalizers))
    verr_format(v, path, json_span(*p), TEXT_LABEL_KEY);
  if (has_text(finalizers, "orphan") && has_text(finalizers, "foregroundDeletion"))
    verr_add(v, FIELD_INVALID, path, vjson(v->a, finalizers),
             "finalizer orphan and foregroundDeletion cannot be both set");
}

/*
 * Finalizers of most built-in kinds need a domain or one of Kubernetes' own names (core/validation's
 * ValidateObjectMeta); the groups below check with apimachinery's rules alone.
 */
static void
check_finalizer_domains(struct validation *v, const struct vpath *path, const struct json *finalizers)
{
  static const char *const plain_groups[] = { "coordination.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io",
                                              "admissionregistration.k8s.io" };
  bool custom = !*v->kind->kind;
  for (size_t i = 0; i < ARRAY_SIZE(plain_groups); i++)
    custom |= !strcmp(v->kind->group, plain_groups[i]);
  for (size_t i = 0; !custom && i < json_count(finalizers); i++) {
    struct span s = json_span(json_at(finalizers, i));
    if (s.n && !memchr(s.p, '/', s.n) && !span_is(s, "kubernetes") && !span_is(s, "orphan") &&
        !span_is(s, "foregroundDeletion"))
      verr_invalid(v, VP_ITEM(path, i), s, "name is neither a standard finalizer name nor is it fully qualified");
  }
}

static void
check_managed_fields(struct validation *v, const struct vpath *path, const struct json *entries)
{
  static const char *const operations[] = { "Apply", "Update", NULL };
  for (size_t i = 0; i < json_count(entries); i++) {
    const struct json *e = json_at(entries, i);
    const struct vpath *at = VP_ITEM(path, i);
    struct span op = json_text_of(e, "operation"), type = json_text_of(e, "fieldsType");
    if (!op.n)
      verr_required(v, VP(at, "operation"), "must not be empty");
    else if (!span_is(op, "Apply") && !span_is(op, "Update"))
      verr_not_supported(v, VP(at, "operation"), op, operations);
    if (type.n && !span_is(type, "FieldsV1"))
      verr_invalid(v, VP(at, "fieldsType"), type, "must be `FieldsV1`");
    if (json_text_of(e, "manager").n > 128)
      verr_too_long(v, VP(at, "manager"), 128);
    if (json_text_of(e, "subresource").n > 256)
      verr_too_long(v, VP(at, "subresource"), 256);
  }
}

static void
check_generation(struct validation *v, const struct vpath *path, int64_t n)
{
  if (n < 0)
    verr_invalid_int(v, VP(path, "generation"), n, "must be greater than or equal to 0");
}

static void
check_name(struct validation *v, const struct vpath *path, const struct json *meta, const struct name_rule *rule)
{
  struct span name = json_text_of(meta, "name"), base = json_text_of(meta, "generateName");
  enum text_format format = rule->gate && validation_gate(v, rule->gate) ? rule->relaxed : rule->format;
  if (base.n && !rule->tag) {
    const char *problems[TEXT_PROBLEMS_MAX];
    size_t n = text_check(v->a, format, text_name_prefix(v->a, base), problems);
    for (size_t i = 0; i < n; i++)
      verr_invalid(v, VP(path, "generateName"), base, problems[i]);
  }
  if (!name.n) {
    verr_required(v, VP(path, "name"), "name or generateName is required");
    return;
  }
  size_t mark = v->n;
  verr_format(v, VP(path, "name"), name, format);
  if (rule->tag)
    validation_cover(v, mark, NULL);
}

void
validate_object_meta(struct validation *v, const struct json *o, bool namespaced, const struct name_rule *rule)
{
  const struct json *meta = json_get(o, "metadata");
  const struct vpath *path = VP(NULL, "metadata");
  struct span ns = json_text_of(meta, "namespace");
  check_name(v, path, meta, rule);
  if (namespaced && !ns.n)
    verr_required(v, VP(path, "namespace"), "");
  else if (namespaced)
    verr_format(v, VP(path, "namespace"), ns, TEXT_DNS_LABEL);
  else if (ns.n)
    verr_forbidden(v, VP(path, "namespace"), "not allowed on this type");
  check_generation(v, path, json_get_int(meta, "generation", 0));
  validate_labels(v, VP(path, "labels"), json_get(meta, "labels"));
  validate_annotations(v, VP(path, "annotations"), json_get(meta, "annotations"));
  check_owners(v, VP(path, "ownerReferences"), json_get(meta, "ownerReferences"));
  check_finalizers(v, VP(path, "finalizers"), json_get(meta, "finalizers"));
  check_managed_fields(v, VP(path, "managedFields"), json_get(meta, "managedFields"));
  check_finalizer_domains(v, VP(path, "finalizers"), json_get(meta, "finalizers"));
}

/* Go prints a list of strings with %#v: []string{"a", "b"}; sorted. */
static void
check_new_finalizers(struct validation *v, const struct vpath *path, const struct json *now, const struct json *old)
{
  const char *text = "";
  size_t n = 0;
  struct span last = { .p = "", .n = 0 };
  for (;;) {
    struct span next = { 0 };
    for (json_each_item (p, now)) {
      struct span s = json_span(*p);
      if (s.p && (!n || span_cmp(s, last) > 0) && (!next.p || span_cmp(s, next) < 0) && !has_text(old, s.p))
        next = s;
    }
    if (!next.p)
      break;
    text = arena_printf(v->a, "%s%s%s", text, n++ ? ", " : "", vquote(v->a, next));
    last = next;
  }
  if (n)
    verr_add(v, FIELD_FORBIDDEN, path, NULL,
             "no new finalizers can be added if the object is being deleted, found new finalizers []string{%s}", text);
}

void
validate_object_meta_update(struct validation *v, const struct json *o, const struct json *old)
{
  const struct json *meta = json_get(o, "metadata"), *was = json_get(old, "metadata");
  const struct vpath *path = VP(NULL, "metadata");
  if (object_is_deleting(old))
    check_new_finalizers(v, VP(path, "finalizers"), json_get(meta, "finalizers"), json_get(was, "finalizers"));
  if (!json_text_of(meta, "resourceVersion").n)
    verr_invalid(v, VP(path, "resourceVersion"), SPAN(""), "must be specified for an update");
  int64_t generation = json_get_int(meta, "generation", 0);
  check_generation(v, path, generation);
  if (generation < json_get_int(was, "generation", 0))
    verr_invalid_int(v, VP(path, "generation"), generation, "must not be decremented");
  static const char *const fixed[] = {
    "name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"
  };
  for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
    const struct json *now = json_get(meta, fixed[i]);
    validate_immutable(v, VP(path, fixed[i]), now, json_get(was, fixed[i]), i < 3 && !now ? "\"\"" : NULL);
  }
  validate_labels(v, VP(path, "labels"), json_get(meta, "labels"));
  validate_annotations(v, VP(path, "annotations"), json_get(meta, "annotations"));
  check_owners(v, VP(path, "ownerReferences"), json_get(meta, "ownerReferences"));
  check_managed_fields(v, VP(path, "managedFields"), json_get(meta, "managedFields"));
  check_finalizer_domains(v, VP(path, "finalizers"), json_get(meta, "finalizers"));
}

void
validate_template_meta(struct validation *v, const struct vpath *path, const struct json *meta)
{
  /* Nothing but labels and annotations makes sense in a template. Upstream spells paths after its Go fields. */
  static const char *const refused[] = { "name",
                                         "generateName",
                                         "namespace",
                                         "selfLink",
                                         "uid",
                                         "resourceVersion",
                                         "generation",
                                         "creationTimestamp",
                                         "deletionTimestamp",
                                         "deletionGracePeriodSeconds",
                                         "ownerReferences",
                                         "finalizers",
                                         "managedFields" };
  validate_annotations(v, VP(path, "annotations"), json_get(meta, "annotations"));
  validate_labels(v, VP(path, "labels"), json_get(meta, "labels"));
  for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
    if (!json_same(json_get(meta, refused[i]), NULL))
      verr_forbidden(v, VP(path, strcmp(refused[i], "uid") ? refused[i] : "uID"), "cannot be set");
}

static void
check_condition(struct validation *v, const struct vpath *path, const struct json *c)
{
  static const char *const statuses[] = { "False", "True", "Unknown", NULL };
  struct span type = json_text_of(c, "type"), status = json_text_of(c, "status"), reason = json_text_of(c, "reason");
  if (!type.n)
    verr_required(v, VP(path, "type"), "is required");
  else
    verr_format(v, VP(path, "type"), type, TEXT_LABEL_KEY);
  if (!status.n)
    verr_required(v, VP(path, "status"), "");
  else if (!span_is(status, "True") && !span_is(status, "False") && !span_is(status, "Unknown"))
    verr_not_supported(v, VP(path, "status"), status, statuses);
  if (json_get_int(c, "observedGeneration", 0) < 0)
    verr_invalid_int(v, VP(path, "observedGeneration"), json_get_int(c, "observedGeneration", 0),
                     "must be greater than or equal to zero");
  if (!json_text_of(c, "lastTransitionTime").n)
    verr_required(v, VP(path, "lastTransitionTime"), "");
  if (!reason.n)
    verr_required(v, VP(path, "reason"), "");
  else {
    verr_format(v, VP(path, "reason"), reason, TEXT_CONDITION_REASON);
    if (reason.n > 1024)
      verr_too_long(v, VP(path, "reason"), 1024);
  }
  if (json_text_of(c, "message").n > 32768)
    verr_too_long(v, VP(path, "message"), 32768);
}

void
validate_conditions(struct validation *v, const struct vpath *path, const struct json *conditions)
{
  for (size_t i = 0; i < json_count(conditions); i++) {
    const struct json *c = json_at(conditions, i);
    for (size_t j = 0; j < i; j++)
      if (span_eq(json_text_of(c, "type"), json_text_of(json_at(conditions, j), "type"))) {
        verr_duplicate(v, VP_ITEM(path, i), json_text_of(c, "type"));
        break;
      }
    check_condition(v, VP_ITEM(path, i), c);
  }
}

void
validate_metadata(const struct json *o, const struct json *old, bool namespaced, const struct personality *p,
                  struct field_errors *errs)
{
  static const struct kind custom = { .group = "", .version = "", .kind = "" };
  static const struct name_rule rule = { .format = TEXT_DNS_SUBDOMAIN };
  struct validation v = { .a = errs->a, .kind = &custom, .p = p, .update = old != NULL };
  if (old)
    validate_object_meta_update(&v, o, old);
  else
    validate_object_meta(&v, o, namespaced, &rule);
  validation_finish(&v, 0, errs);
}
