/* Access reviews (pkg/apis/authorization/validation). */
#include "object.h"
#include "validate_kinds.h"

#define NO_RESOURCE "io.k8s.api.authorization.v1.NonResourceAttributes"

static void
check_kind_of_question(struct validation *v, const struct vpath *path, const struct json *spec)
{
  const struct json *other = json_get(spec, "nonResourceAttributes");
  if (json_has(spec, "resourceAttributes") == json_has(spec, "nonResourceAttributes"))
    verr_add(v, FIELD_INVALID, path, json_is(other, JSON_OBJECT) ? vgo(v, other, NO_RESOURCE) : "null",
             "exactly one of nonResourceAttributes or resourceAttributes must be specified");
}

/* False when there is none. Which operators there are is not asked: a newer client may know more. */
static bool
check_form(struct validation *v, const struct vpath *path, const struct json *selector)
{
  struct span raw = json_text_of(selector, "rawSelector");
  size_t n = json_count(json_get(selector, "requirements"));
  if (!json_is(selector, JSON_OBJECT))
    return false;
  if (raw.n && n)
    verr_invalid(v, VP(path, "rawSelector"), raw, "may not specified at the same time as requirements");
  if (!raw.n && !n)
    verr_required(
        v, VP(path, "requirements"),
        arena_printf(v->a, "when %s is specified, requirements or rawSelector is required", vpath_text(v->a, path)));
  return true;
}

static void
check_selectors(struct validation *v, const struct vpath *path, const struct json *resource)
{
  const struct json *fields = json_get(resource, "fieldSelector"), *labels = json_get(resource, "labelSelector");
  const struct vpath *at = VP(path, "fieldSelector");
  if (check_form(v, at, fields))
    for (size_t i = 0; i < json_count(json_get(fields, "requirements")); i++)
      validate_field_requirement(v, VP_ITEM(VP(at, "requirements"), i), json_at(json_get(fields, "requirements"), i));
  at = VP(path, "labelSelector");
  if (check_form(v, at, labels))
    for (size_t i = 0; i < json_count(json_get(labels, "requirements")); i++)
      validate_label_requirement(v, VP_ITEM(VP(at, "requirements"), i), json_at(json_get(labels, "requirements"), i));
}

/* `but`: a member of the metadata that may be there. */
static void
check_meta(struct validation *v, const struct json *o, const char *but, const char *problem)
{
  const struct json *meta = json_get(o, "metadata");
  for (json_each_member (m, meta))
    if (strcmp(m->name, "managedFields") != 0 && strcmp(m->name, but) != 0 && !json_same(m->value, NULL)) {
      verr_add(v, FIELD_INVALID, VP(NULL, "metadata"), vjson(v->a, meta), "%s", problem);
      return;
    }
}

static void
check_spec(struct validation *v, const struct json *spec, bool of_somebody)
{
  const struct vpath *path = VP(NULL, "spec");
  check_kind_of_question(v, path, spec);
  if (of_somebody && !json_text_of(spec, "user").n && !json_count(json_get(spec, "groups")))
    verr_invalid(v, VP(path, "user"), SPAN(""), "at least one of user or group must be specified");
  check_selectors(v, VP(path, "resourceAttributes"), json_get(spec, "resourceAttributes"));
}

static void
create_review(struct validation *v, const struct json *o)
{
  check_spec(v, json_get(o, "spec"), true);
  check_meta(v, o, "", "must be empty");
}

static void
create_self_review(struct validation *v, const struct json *o)
{
  check_spec(v, json_get(o, "spec"), false);
  check_meta(v, o, "", "must be empty");
}

static void
create_local_review(struct validation *v, const struct json *o)
{
  const struct json *spec = json_get(o, "spec"), *resource = json_get(spec, "resourceAttributes"),
                    *other = json_get(spec, "nonResourceAttributes");
  const struct vpath *path = VP(NULL, "spec");
  struct span ns = json_text_of(resource, "namespace");
  check_spec(v, spec, true);
  check_meta(v, o, "namespace", "must be empty except for namespace");
  if (json_is(resource, JSON_OBJECT) && !span_is(ns, object_namespace(o)))
    verr_invalid(v, VP(VP(path, "resourceAttributes"), "namespace"), ns, "must match metadata.namespace");
  if (json_is(other, JSON_OBJECT))
    verr_add(v, FIELD_INVALID, VP(path, "nonResourceAttributes"), vgo(v, other, NO_RESOURCE),
             "disallowed on this kind of request");
}

#define REVIEW(kind_, create_)                                                                        \
  {                                                                                                   \
    "authorization.k8s.io", (kind_), .cluster = true, .create = (create_), .flags = VALIDATOR_NO_META \
  }

const struct validator validators_access[] = {
  REVIEW("SubjectAccessReview", create_review),
  REVIEW("SelfSubjectAccessReview", create_self_review),
  REVIEW("LocalSubjectAccessReview", create_local_review),
};
const size_t validator_access_count = ARRAY_SIZE(validators_access);
