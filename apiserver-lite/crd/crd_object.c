/*
 * Custom objects on their way into the store: what a write may change, and whether the result is valid
 * (apiextensions-apiserver pkg/registry/customresource: strategy.go, status_strategy.go, validator.go).
 */
#include <inttypes.h>
#include <string.h>

#include "codec.h"
#include "crd_check.h"
#include "crd_custom.h"
#include "crd_path.h"
#include "crd_rules.h"
#include "crd_shape.h"
#include "object.h"
#include "validate.h"
#include "validate_format.h"

/* -- what a write may change -- */

void
custom_prepare_create(struct arena *a, const struct custom *c, struct json *o)
{
  if (c->has_status)
    json_remove(o, "status");
  json_set_int(a, json_ensure_object(a, o, "metadata"), "generation", 1);
}

static bool
same_but_for_metadata(struct arena *a, const struct json *o, const struct json *old)
{
  struct json *x = json_shallow(a, o), *y = json_shallow(a, old);

  json_remove(x, "metadata");
  json_remove(y, "metadata");
  return json_equal(x, y);
}

/* Everything but status and the account of who changed it stays. */
static void
prepare_status(struct arena *a, struct json *o, const struct json *old)
{
  const struct json *managed = json_dig(o, "metadata", "managedFields", NULL);
  struct json *kept = json_copy(a, old), *status = json_find(o, "status");

  if (managed)
    json_set(a, json_ensure_object(a, kept, "metadata"), "managedFields", json_shallow(a, managed));
  else if (json_get(kept, "metadata"))
    json_remove(json_find(kept, "metadata"), "managedFields");
  if (status)
    json_set(a, kept, "status", status);
  else
    json_remove(kept, "status");
  *o = *kept;
}

void
custom_prepare_update(struct arena *a, const struct custom *c, struct json *o, const struct json *old,
                      const char *subresource)
{
  if (strcmp(subresource, "status") == 0) {
    prepare_status(a, o, old);
    return;
  }
  if (c->has_status)
    json_restore(a, o, old, "status");
  if (!same_but_for_metadata(a, o, old))
    json_set_int(a, json_ensure_object(a, o, "metadata"), "generation", object_generation(old) + 1);
}

/* -- is it valid -- */

static bool
check_type_meta(const struct custom *c, const struct json *o, struct field_errors *errs)
{
  const char *wanted = kind_api_version(errs->a, &c->kind);
  size_t before = errs->n;

  if (strcmp(object_kind(o), c->kind.kind) != 0)
    field_errors_add_str(errs, FIELD_INVALID, "kind", object_kind(o), "must be %s", c->kind.kind);
  if (strcmp(object_api_version(o), wanted) != 0)
    field_errors_add_str(errs, FIELD_INVALID, "apiVersion", object_api_version(o), "must be %s", wanted);
  return errs->n == before;
}

/* Errors show metadata as Go's struct has it, not as the map that the object is. */
static void
check_metadata(const struct custom *c, const struct json *o, const struct json *old, const struct personality *p,
               struct field_errors *errs)
{
  struct json *shown = json_shallow(errs->a, o), *meta;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (schema_decode_meta(errs->a, "metadata", json_get(o, "metadata"), NULL, &meta, &err) < 0) {
    field_errors_add(errs, FIELD_INVALID, "metadata", NULL, "%s", err.msg);
    return;
  }
  json_set(errs->a, shown, "metadata", meta);
  validate_metadata(shown, old, c->definition->namespaced, p, errs);
}

static void
check_replicas(const char *path, const struct json *o, struct field_errors *errs)
{
  const char *error = NULL;
  int64_t n = 0;

  if (!custom_path_int(errs->a, o, path, &n, &error) && error)
    field_errors_add(errs, FIELD_INVALID, path, "0", "%s", error);
  else if (n < 0)
    field_errors_add(errs, FIELD_INVALID, path, arena_printf(errs->a, "%" PRId64, n),
                     "should be a non-negative integer");
  else if (n > INT32_MAX)
    field_errors_add(errs, FIELD_INVALID, path, arena_printf(errs->a, "%" PRId64, n),
                     "should be less than or equal to %d", INT32_MAX);
}

static void
check_scale(const struct custom *c, const struct json *o, bool spec, struct field_errors *errs)
{
  const char *error = NULL, *ignored;

  if (!c->scale)
    return;
  if (spec)
    check_replicas(c->scale->spec_path, o, errs);
  check_replicas(c->scale->status_path, o, errs);
  if (c->scale->selector_path && !custom_path_text(errs->a, o, c->scale->selector_path, &ignored, &error) && error)
    field_errors_add(errs, FIELD_INVALID, c->scale->selector_path, "\"\"", "%s", error);
}

/* Lists that were wrong before may stay so. */
static void
check_lists(const struct custom *c, const struct json *o, const struct json *old, struct field_errors *errs)
{
  struct field_errors before = { .a = errs->a };

  if (old)
    schema_check_lists(c->schema, old, &before);
  if (!before.n)
    schema_check_lists(c->schema, o, errs);
}

/* Rules are about objects that are well-formed otherwise. */
static bool
is_blocked(const struct field_errors *errs)
{
  for (size_t i = 0; i < errs->n; i++)
    switch (errs->list[i].type) {
    case FIELD_NOT_SUPPORTED:
    case FIELD_REQUIRED:
    case FIELD_TOO_LONG:
    case FIELD_TOO_MANY:
    case FIELD_TYPE_INVALID:
      return true;
    case FIELD_NOT_FOUND:
    case FIELD_DUPLICATE:
    case FIELD_INVALID:
    case FIELD_FORBIDDEN:
    case FIELD_TOO_SHORT:
    case FIELD_TOO_FEW:
    case FIELD_INTERNAL:
      break;
    }
  return false;
}

static void
check_rules(const struct custom *c, const struct json *o, const struct json *old, struct field_errors *errs)
{
  if (!c->rules)
    return;
  if (is_blocked(errs))
    field_errors_add(errs, FIELD_INVALID, "<nil>", "null",
                     "some validation rules were not checked because the object was invalid; correct the existing "
                     "errors to complete validation");
  else
    rules_check_object(c->rules, o, old, errs);
}

static void
check_status(const struct custom *c, const struct json *o, const struct json *old, bool ratchet,
             struct field_errors *errs)
{
  const struct json *status = json_get(o, "status"), *before = ratchet ? json_get(old, "status") : NULL;

  if (status)
    schema_check(schema_property_find(c->schema, "status", 6), "status", status, before, errs);
  check_scale(c, o, false, errs);
  check_lists(c, o, old, errs);
}

void
custom_validate(const struct custom *c, const struct json *o, const struct json *old, const char *subresource,
                const struct personality *p, struct field_errors *errs)
{
  bool ratchet = personality_gate(p, "CRDValidationRatcheting");

  if (!check_type_meta(c, o, errs))
    return;
  check_metadata(c, o, old, p, errs);
  if (strcmp(subresource, "status") == 0) {
    check_status(c, o, old, ratchet, errs);
  } else {
    schema_check(c->schema, NULL, o, ratchet ? old : NULL, errs);
    check_scale(c, o, true, errs);
    schema_check_embedded(c->schema, NULL, o, false, errs);
    check_lists(c, o, old, errs);
  }
  check_rules(c, o, old, errs);
}

/* -- warnings -- */

static bool
is_standard_finalizer(const char *name)
{
  return strcmp(name, "orphan") == 0 || strcmp(name, "foregroundDeletion") == 0 || strcmp(name, "kubernetes") == 0;
}

static void
warn_finalizer(struct arena *a, const char *name, struct json *warnings)
{
  const char *problems[TEXT_PROBLEMS_MAX], *shown = json_text(a, json_new_str(a, name), JSON_COMPACT);
  size_t n = text_check(a, TEXT_LABEL_KEY, span_of(name), problems);

  for (size_t i = 0; i < n; i++)
    json_append(a, warnings, json_new_strf(a, "metadata.finalizers: %s: %s", shown, problems[i]));
  if (!strchr(name, '/') && !is_standard_finalizer(name))
    json_append(a, warnings,
                json_new_strf(a,
                              "metadata.finalizers: %s: prefer a domain-qualified finalizer name %sto avoid accidental "
                              "conflicts with other finalizer writers",
                              shown, strchr(name, '.') ? "including a path (/) " : ""));
}

void
custom_warnings(struct arena *a, const struct json *o, const struct json *old, struct json *warnings)
{
  const struct json *list = json_dig(o, "metadata", "finalizers", NULL);
  const char **names = arena_array_of(a, const char *, json_count(list) + 1);
  size_t n = 0;

  for (json_each_item (f, list))
    if (json_str(*f) && !(old && object_has_finalizer(old, json_str(*f))))
      names[n++] = json_str(*f);
  if (n)
    qsort(names, n, sizeof names[0], text_order);
  for (size_t i = 0; i < n; i++)
    if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
      warn_finalizer(a, names[i], warnings);
}
