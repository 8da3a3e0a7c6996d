/*
 * gates - which Kubernetes this cluster is: release, feature gates, served versions.
 *
 * A personality is made once, from --kubernetes-version, --feature-gates and
 * --runtime-config, and is immutable from then on; every component of the
 * cluster is given the same one. Gate defaults per release are data
 * (api/gates_data.h).
 */
#ifndef API_GATES_H
#define API_GATES_H

#include "arena.h"
#include "kerr.h"
#include "span.h"

/* The releases that are known: 1.26 to 1.37. */
enum { PERSONALITY_MINOR_MIN = 26, PERSONALITY_MINOR_MAX = 37 };

struct personality;

/*
 * `version`: "1.37", "v1.37.2" or NULL for the default. `gates`: "A=true,B=false" (also AllAlpha, AllBeta) or NULL.
 * `runtime_config`: "resource.k8s.io/v1beta1=true,api/all=false" or NULL.
 * Errors: KERR_USAGE, upstream's texts ("unrecognized feature gate: X", "cannot set feature gate X to false, feature is locked to true",
 * "X is enabled, but depends on features that are disabled: [Y]").
 */
_must_check_ int personality_new(const char *version, const char *gates, const char *runtime_config,
                                 struct personality **ret, struct kerr *reterr);
struct personality *personality_ref(struct personality *p);
void personality_unref(struct personality *p);
void personality_unrefp(struct personality **pp);

bool personality_gate(const struct personality *p, const char *name); /* an unknown gate is off */
/* The gate was there in an earlier release and is not any more: its feature is always on. */
bool personality_gate_passed(const struct personality *p, const char *name);
int personality_minor(const struct personality *p);                   /* 37 */
const char *personality_version(const struct personality *p);         /* "v1.37.2" */
/* --runtime-config's word on a group version: 1 on, 0 off, -1 it says nothing. */
int personality_served(const struct personality *p, const char *group, const char *version);
/* Every gate that this release knows, sorted by name: for `get gates`, /metrics and completion. */
size_t personality_gate_count(const struct personality *p);
/* The stage as upstream writes it: "ALPHA", "BETA", "" (general availability), "DEPRECATED". Both outputs may be NULL. */
const char *personality_gate_at(const struct personality *p, size_t i, bool *ret_on, const char **ret_stage);

#endif
