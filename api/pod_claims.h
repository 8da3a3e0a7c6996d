/*
 * pod_claims - which ResourceClaim an entry of a pod's spec.resourceClaims means, in the words of any release.
 *
 * Until 1.30 an entry keeps its choice in `source`; until 1.27 a claim made from
 * a template is called POD-ENTRY, later its name is in status.resourceClaimStatuses
 * (k8s.io/dynamic-resource-allocation/resourceclaim, Name).
 */
#ifndef API_POD_CLAIMS_H
#define API_POD_CLAIMS_H

#include "arena.h"
#include "json.h"

enum pod_claim {
  POD_CLAIM_NAMED,      /* the user names it */
  POD_CLAIM_MADE,       /* from a template, for this pod alone */
  POD_CLAIM_NOT_MADE,   /* from a template, and nobody has made it yet */
  POD_CLAIM_NOT_NEEDED, /* the controller found that there is nothing to make */
  POD_CLAIM_NEITHER,    /* the entry names neither claim nor template */
};

/* The claim or the template that an entry names; NULL when it does not. Borrowed from the entry. */
const char *pod_claim_name(const struct json *entry);
const char *pod_claim_template(const struct json *entry);

/*
 * What an entry of `pod` means in release 1.`minor`. `*ret_name` is the claim's name for POD_CLAIM_NAMED and _MADE
 * (borrowed from the pod or in the arena), else NULL. Before 1.28 nobody records what was made: a template always gives
 * POD_CLAIM_MADE, whether the claim exists or not.
 */
enum pod_claim pod_claim_find(struct arena *a, int minor, const struct json *pod, const struct json *entry,
                              const char **ret_name);
/* Does an entry of `pod` mean the claim of that namespace and name? */
bool pod_claim_uses(int minor, const struct json *pod, const char *ns, const char *claim);

#endif
