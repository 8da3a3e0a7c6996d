/* apiserver_internal - the server as its own files see it. Constant after apiserver_new but for the counters. */
#ifndef APISERVER_INTERNAL_H
#define APISERVER_INTERNAL_H

#include "apiserver.h"
#include "rest.h"

struct metrics;
struct rest_timers;
struct watch_hub;
struct ahead_group;
struct auth_store;
struct crd_manager;
struct webhook_client;
struct policy_cache;

struct apiserver {
  struct exchange exchange; /* first: the interface points here */
  struct apiserver_config config;
  struct store *store;
  struct clock *clock;
  struct personality *personality;
  struct watch_hub *hub;
  struct auth_store *auth;
  struct webhook_client *webhooks;
  struct policy_cache *policies; /* compiled expressions of admission */
  uint64_t admission_off;        /* plugins that were disabled, see admission_choose */
  struct crd_manager *crds;
  struct rest_timers *timers;
  struct ahead_group *ahead; /* threads of watches that wait for webhooks */
  struct metrics *metrics;
  apiserver_hook_fn *hook;
  void *hook_payload;
};

#endif
