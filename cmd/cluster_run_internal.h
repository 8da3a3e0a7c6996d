/*
 * cluster_run_internal - the parts of a running cluster, for the files that
 * start them: cluster_run.c (control plane) and cluster_nodes.c (nodes).
 */
#ifndef CMD_CLUSTER_RUN_INTERNAL_H
#define CMD_CLUSTER_RUN_INTERNAL_H

#include "apiserver.h"
#include "authn.h"
#include "authz.h"
#include "cluster_run.h"
#include "controllers.h"
#include "http_server.h"
#include "kclient.h"
#include "pki.h"
#include "scheduler.h"

struct cluster_nodes;
struct cluster_store;

struct cluster_run {
  struct cluster_run_config config;
  struct arena *a; /* paths and texts that live as long as the cluster */
  size_t started;  /* parts */
  char *server;
  struct personality *personality;
  struct pki *pki;
  struct sa_signer *signer;
  const char *admin_token;
  struct authn *authn;
  struct authz *authz;
  struct cluster_store *store_parts; /* what the store stands on */
  struct store *store;
  struct apiserver *api;
  struct http_server *http;
  struct kclient *logs_client, *scheduler_client, *controllers_client, *classic_client;
  struct scheduler *scheduler;
  struct controllers *controllers;
  struct cluster_nodes *nodes;
  struct classic_driver *classic; /* NULL where drivers do not allocate */
};

/* A client of a component inside this process, as the user `name`. */
struct kclient *cluster_run_client(struct cluster_run *r, const char *user, const char *agent);

/* The store, and what it needs: an etcd process, certificates, the codec (cluster_store.c). */
_must_check_ int cluster_store_start(struct cluster_run *r, struct kerr *reterr);
void cluster_store_stop(struct cluster_run *r);

/* Nodes with their agents, device trees and drivers (cluster_nodes.c). */
_must_check_ int cluster_nodes_start(struct cluster_run *r, struct kerr *reterr);
void cluster_nodes_stop(struct cluster_run *r);

#endif
