#include "cluster_era.h"

#include <string.h>

#include "gates.h"

const char *const cluster_era_modes[] = { "off", "structured", "classic", "both", NULL };

enum { STRUCTURED = 1, CLASSIC = 2 };

static const struct {
  const char *name;
  int needs;
} modes[] = { { "structured", STRUCTURED }, { "classic", CLASSIC }, { "both", STRUCTURED | CLASSIC } };

#define DRA          "DynamicResourceAllocation=true"
#define CLASSIC_GATE ",DRAControlPlaneController=true"

/* Each from its minor on, the latest first. */
static const struct era {
  int since, has;
  const char *gates, *classic_gate; /* classic_gate: also needed where a driver's controller is to allocate */
  const char *versions;
} eras[] = {
  { 34, STRUCTURED, NULL, "", NULL },
  { 33, STRUCTURED, DRA, "", "resource.k8s.io/v1beta1=true,resource.k8s.io/v1beta2=true" },
  { 32, STRUCTURED, DRA, "", "resource.k8s.io/v1beta1=true" },
  { 31, STRUCTURED | CLASSIC, DRA, CLASSIC_GATE, "resource.k8s.io/v1alpha3=true" },
  { 30, STRUCTURED | CLASSIC, DRA, "", "resource.k8s.io/v1alpha2=true" },
  { 27, CLASSIC, DRA, "", "resource.k8s.io/v1alpha2=true" },
  { 0, CLASSIC, DRA, "", "resource.k8s.io/v1alpha1=true" },
};

static const struct era *
era_of(int minor)
{
  const struct era *e = eras;

  while (e->since > minor)
    e++;
  return e;
}

static const char *
before(struct arena *a, const char *first, const char *then)
{
  return then && *then ? arena_printf(a, "%s,%s", first, then) : first;
}

static int
switch_off(struct arena *a, struct cluster_config *c, int minor, struct kerr *reterr)
{
  if (minor > 34)
    return kerr_set(reterr, KERR_USAGE, NULL, "--dra off: Kubernetes 1.%d always has Dynamic Resource Allocation",
                    minor);
  c->feature_gates = before(a, "DynamicResourceAllocation=false", c->feature_gates);
  return 0;
}

int
cluster_era_apply(struct arena *a, struct cluster_config *c, const char *mode, struct kerr *reterr)
{
  _cleanup_(personality_unrefp) struct personality *p = NULL;
  const struct era *e;
  int minor, needs = 0, r = personality_new(c->kubernetes_version, NULL, NULL, &p, reterr);

  if (r < 0)
    return r;
  minor = personality_minor(p);
  e = era_of(minor);
  for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
    if (strcmp(modes[i].name, mode) == 0)
      needs = modes[i].needs;
  if (!needs)
    return switch_off(a, c, minor, reterr);
  if ((needs & e->has) != needs)
    return kerr_set(reterr, KERR_USAGE, NULL, "--dra %s: Kubernetes 1.%d has only --dra %s (%s)", mode, minor,
                    e->has == CLASSIC ? "classic" : "structured",
                    e->has == CLASSIC ? "structured parameters came with 1.30"
                                      : "drivers' own controllers went with 1.32");
  if (e->gates)
    c->feature_gates =
        before(a, arena_printf(a, "%s%s", e->gates, needs & CLASSIC ? e->classic_gate : ""), c->feature_gates);
  if (e->versions)
    c->runtime_config = before(a, e->versions, c->runtime_config);
  return 0;
}

const char *
cluster_era_hint(int minor)
{
  const struct era *e = era_of(minor);

  if (!e->gates)
    return NULL;
  return e->has == CLASSIC ? "--dra classic" : "--dra structured";
}
