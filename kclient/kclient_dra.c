#include "kclient_dra.h"

#define FINALIZER       "resource.kubernetes.io/delete-protection"
#define ALPHA_FINALIZER "dra.k8s.io/delete-protection" /* nobody sets it before 1.30 */

#define KIND(v, r, k, ns)                                                                \
  {                                                                                      \
    .group = "resource.k8s.io", .version = v, .resource = r, .kind = k, .namespaced = ns \
  }

static const struct kclient_resource claims_1 = KIND("v1alpha1", "resourceclaims", "ResourceClaim", true);
static const struct kclient_resource templates_1 =
    KIND("v1alpha1", "resourceclaimtemplates", "ResourceClaimTemplate", true);
static const struct kclient_resource classes_1 = KIND("v1alpha1", "resourceclasses", "ResourceClass", false);
static const struct kclient_resource scheduling_1 = KIND("v1alpha1", "podschedulings", "PodScheduling", true);

static const struct kclient_resource claims_2 = KIND("v1alpha2", "resourceclaims", "ResourceClaim", true);
static const struct kclient_resource templates_2 =
    KIND("v1alpha2", "resourceclaimtemplates", "ResourceClaimTemplate", true);
static const struct kclient_resource classes_2 = KIND("v1alpha2", "resourceclasses", "ResourceClass", false);
static const struct kclient_resource slices_2 = KIND("v1alpha2", "resourceslices", "ResourceSlice", false);
static const struct kclient_resource scheduling_2 =
    KIND("v1alpha2", "podschedulingcontexts", "PodSchedulingContext", true);
static const struct kclient_resource claim_parameters_2 =
    KIND("v1alpha2", "resourceclaimparameters", "ResourceClaimParameters", true);
static const struct kclient_resource class_parameters_2 =
    KIND("v1alpha2", "resourceclassparameters", "ResourceClassParameters", true);

static const struct kclient_resource scheduling_3 =
    KIND("v1alpha3", "podschedulingcontexts", "PodSchedulingContext", true);

static const struct {
  int since; /* minor */
  struct kclient_dra kinds;
} eras[] = {
  { 32,
    { .claims = &KC_RESOURCECLAIMS,
      .templates = &KC_RESOURCECLAIMTEMPLATES,
      .classes = &KC_DEVICECLASSES,
      .slices = &KC_RESOURCESLICES,
      .finalizer = FINALIZER } },
  { 31,
    { .claims = &KC_RESOURCECLAIMS,
      .templates = &KC_RESOURCECLAIMTEMPLATES,
      .classes = &KC_DEVICECLASSES,
      .slices = &KC_RESOURCESLICES,
      .scheduling = &scheduling_3,
      .finalizer = FINALIZER } },
  { 30,
    { .claims = &claims_2,
      .templates = &templates_2,
      .classes = &classes_2,
      .slices = &slices_2,
      .scheduling = &scheduling_2,
      .claim_parameters = &claim_parameters_2,
      .class_parameters = &class_parameters_2,
      .finalizer = ALPHA_FINALIZER,
      .alpha = true } },
  { 27,
    { .claims = &claims_2,
      .templates = &templates_2,
      .classes = &classes_2,
      .scheduling = &scheduling_2,
      .finalizer = ALPHA_FINALIZER,
      .alpha = true } },
  { 0,
    { .claims = &claims_1,
      .templates = &templates_1,
      .classes = &classes_1,
      .scheduling = &scheduling_1,
      .finalizer = ALPHA_FINALIZER,
      .alpha = true } },
};

const struct kclient_dra *
kclient_dra_of(int minor)
{
  size_t i = 0;

  while (eras[i].since > minor)
    i++;
  return &eras[i].kinds;
}

const struct kclient_resource *
kclient_dra_kind(const struct kclient_dra *dra, size_t offset)
{
  return *(const struct kclient_resource *const *)((const char *)dra + offset);
}
