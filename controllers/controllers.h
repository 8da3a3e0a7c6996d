/*
 * controllers - what kube-controller-manager does, as far as DRA needs it.
 *
 * Claims are made from templates, released when their pods are done and removed
 * with them; namespaces are emptied before they go; what has lost its owner is
 * collected; every namespace has its service account. All through the API, as
 * user system:kube-controller-manager.
 *
 * Threads: one loop takes changes from the informers into caches and decides
 * which keys have to be looked at; a few workers look at them. Caches are read
 * and written under one lock (controllers_internal.h), which nobody holds while
 * talking to the API.
 */
#ifndef CONTROLLERS_CONTROLLERS_H
#define CONTROLLERS_CONTROLLERS_H

#include "clock.h"
#include "gates.h"
#include "kclient.h"
#include "log.h"

struct controllers_config {
  struct kclient *client; /* outlives the controllers */
  struct personality *personality;
  struct clock *clock;
  struct log *log;
  const char *root_ca_pem; /* published in every namespace as kube-root-ca.crt; NULL: not */
  /*
   * For status.typeChecking of ValidatingAdmissionPolicies: what of one does not fit the kinds it matches, a list of
   * {fieldRef, warning} in the arena, or NULL. From any thread. NULL: nobody knows, and policies get no status.
   */
  struct json *(*check_policy)(void *payload, const struct json *policy, struct arena *a);
  void *check_policy_payload;
};

struct controllers;
struct controllers *controllers_start(const struct controllers_config *config);
/* Stops and frees. Keys not yet looked at are left for the next start: everything is found again by listing. */
void controllers_stop(struct controllers *c);

#endif
