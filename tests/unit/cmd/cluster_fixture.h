/*
 * cluster_fixture - a whole control plane in the test's own process: an API
 * server over the memory store, scheduler and controllers, and a client of the
 * administrator's. No sockets, no files, no node agents.
 */
#ifndef TESTS_CLUSTER_FIXTURE_H
#define TESTS_CLUSTER_FIXTURE_H

#include "kclient.h"

struct fixture;

enum fixture_parts { FIXTURE_API = 0, FIXTURE_SCHEDULER = 1, FIXTURE_CONTROLLERS = 2, FIXTURE_ALL = 3 };

#define FIXTURE_CA "the root" /* what kube-root-ca.crt says */

struct fixture *fixture_new(unsigned parts);
/* As --feature-gates and --runtime-config say it. */
struct fixture *fixture_new_with(unsigned parts, const char *gates, const char *runtime_config);
/* What has not been started yet. */
void fixture_start(struct fixture *f, unsigned parts);
void fixture_free(struct fixture *f);
struct kclient *fixture_client(struct fixture *f);
struct exchange *fixture_exchange(struct fixture *f);
struct clock *fixture_clock(struct fixture *f);

/* Create an object from YAML text, which the test knows to be right. */
void fixture_create(struct fixture *f, const struct kclient_resource *res, const char *ns, const char *yaml);
/* The object once `holds` says so; fails the test after some seconds. The reference is the caller's. */
struct record *fixture_until(struct fixture *f, const struct kclient_resource *res, const char *ns, const char *name,
                             bool (*holds)(const struct json *o, const void *arg), const void *arg);
/* At once, as a kubelet would at the end of a pod's grace period. */
void fixture_delete_pod(struct fixture *f, const char *name);
/* Until it is gone. */
void fixture_until_gone(struct fixture *f, const struct kclient_resource *res, const char *ns, const char *name);

#endif
