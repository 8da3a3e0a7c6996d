/*
 * Classes that are taken when nobody names one, and what they allow: DefaultStorageClass, DefaultIngressClass,
 * PersistentVolumeClaimResize (plugin/pkg/admission/storage, .../network).
 */
#include <string.h>

#include "admission.h"
#include "object.h"
#include "quantity.h"

#define STORAGE_CLASS "volume.beta.kubernetes.io/storage-class" /* the annotation of before 1.6 */
#define INGRESS_CLASS "kubernetes.io/ingress.class"

/* -- the default -- */

/* Of several the newest; of several as new the first by name, which is how they are listed. */
static int
default_class(struct rest_call *c, const char *group, const char *resource, const char *const *annotations,
              const char **ret, struct kerr *reterr)
{
  struct store_list list;
  const char *newest = "";

  *ret = NULL;
  if (admission_list(c, group, "v1", resource, "", &list, reterr) < 0)
    return -(int)reterr->code;
  for (size_t i = 0; i < list.n; i++) {
    const struct json *o = record_tree(list.items[i]);
    const char *made = json_get_str_or(json_get(o, "metadata"), "creationTimestamp", "");
    bool is_default = false;

    for (size_t j = 0; annotations[j]; j++)
      is_default = is_default || strcmp(json_get_str_or(object_annotations(o), annotations[j], ""), "true") == 0;
    if (!is_default || (*ret && strcmp(made, newest) <= 0))
      continue;
    *ret = object_name(o);
    newest = made;
  }
  return 0;
}

/* What a claim or an ingress gets when neither its spec nor the annotation names a class. */
struct defaulting {
  const char *group, *resource, *field, *annotation;
  const char *marks[3]; /* annotations of a default class; NULL ends them */
};

static int
take_default(struct rest_call *c, struct json *o, const struct json *old, const struct defaulting *d,
             struct kerr *reterr)
{
  const char *name;

  if (old || *c->info.subresource || json_get(json_get(o, "spec"), d->field) ||
      json_get(object_annotations(o), d->annotation))
    return 0;
  if (default_class(c, d->group, d->resource, d->marks, &name, reterr) < 0)
    return -(int)reterr->code;
  if (!name)
    return 0;
  json_set(c->a, o, "spec", json_shallow(c->a, json_get(o, "spec") ? json_get(o, "spec") : json_new_object(c->a)));
  json_set_str(c->a, json_find(o, "spec"), d->field, name);
  c->reshape = true;
  return 0;
}

static int
default_storage(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  static const struct defaulting d = { "storage.k8s.io",
                                       "storageclasses",
                                       "storageClassName",
                                       STORAGE_CLASS,
                                       { "storageclass.kubernetes.io/is-default-class",
                                         "storageclass.beta.kubernetes.io/is-default-class", NULL } };

  return take_default(c, o, old, &d, reterr);
}

static int
default_ingress(struct rest_call *c, struct json *o, const struct json *old, struct kerr *reterr)
{
  static const struct defaulting d = { "networking.k8s.io",
                                       "ingressclasses",
                                       "ingressClassName",
                                       INGRESS_CLASS,
                                       { "ingressclass.kubernetes.io/is-default-class", NULL } };

  return take_default(c, o, old, &d, reterr);
}

/* -- growing -- */

static const char *
class_of(const struct json *claim)
{
  const char *old_form = json_get_str_or(object_annotations(claim), STORAGE_CLASS, "");

  return *old_form ? old_form : json_get_str_or(json_get(claim, "spec"), "storageClassName", "");
}

static bool
grows(const struct json *o, const struct json *old)
{
  struct span now = json_span(json_dig(o, "spec", "resources", "requests", "storage", NULL));
  struct span before = json_span(json_dig(old, "spec", "resources", "requests", "storage", NULL));
  struct quantity more, less = quantity_from_int(0, QUANTITY_BINARY_SI);
  _cleanup_kerr_ struct kerr ignored = KERR_INIT; /* validation has seen them */

  if (!now.p || quantity_parse(now, &more, &ignored) < 0 || (before.p && quantity_parse(before, &less, &ignored) < 0))
    return false;
  return quantity_cmp(&more, &less) > 0;
}

static bool
may_grow(struct rest_call *c, const struct json *o, const struct json *old)
{
  const char *name = class_of(o);

  return *name && strcmp(name, class_of(old)) == 0 &&
         json_get_bool(admission_lookup(c, "storage.k8s.io", "v1", "storageclasses", "", name), "allowVolumeExpansion",
                       false);
}

static int
check_resize(struct rest_call *c, const struct json *o, const struct json *old, struct kerr *reterr)
{
  if (!old || *c->info.subresource || !grows(o, old))
    return 0;
  if (strcmp(json_get_str_or(json_get(old, "status"), "phase", ""), "Bound") != 0)
    return admission_forbid(c, o, "Only bound persistent volume claims can be expanded", reterr);
  if (!may_grow(c, o, old))
    return admission_forbid(c, o,
                            "only dynamically provisioned pvc can be resized and the storageclass that provisions the "
                            "pvc must support resize",
                            reterr);
  return 0;
}

static const struct admission_target claims[] = { { "", "persistentvolumeclaims" }, { NULL, NULL } };
static const struct admission_target ingresses[] = { { "networking.k8s.io", "ingresses" }, { NULL, NULL } };

const struct admission_plugin admission_default_storage = {
  .name = "DefaultStorageClass",
  .targets = claims,
  .mutate = default_storage,
};
const struct admission_plugin admission_resize = {
  .name = "PersistentVolumeClaimResize",
  .targets = claims,
  .validate = check_resize,
};
const struct admission_plugin admission_default_ingress = {
  .name = "DefaultIngressClass",
  .targets = ingresses,
  .mutate = default_ingress,
};
