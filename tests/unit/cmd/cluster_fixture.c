#include "cluster_fixture.h"

/* cmocka wants these before its own header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "apiserver.h"
#include "ceilings.h"
#include "controllers.h"
#include "scheduler.h"
#include "yaml.h"

#define PATIENCE (20 * CLOCK_SEC) /* for a machine under load; nothing is timed by it */
#define POLL     (2 * CLOCK_MS)

struct fixture {
  struct clock *clock;
  struct log *log;
  struct personality *personality;
  struct store *store;
  struct apiserver *server;
  struct kclient *admin, *scheduler_client, *controllers_client;
  struct scheduler *scheduler;
  struct controllers *controllers;
};

static const char *const masters[] = { "system:masters", "system:authenticated" };
static const struct exchange_user admin_user = { .name = "admin", .groups = masters, .n_groups = 2 };

static struct kclient *
client_new(struct fixture *f, const char *agent)
{
  return kclient_new_local(
      apiserver_exchange(f->server),
      &(struct kclient_options){ .user_agent = agent, .user = &admin_user, .clock = f->clock, .log = f->log });
}

static struct json *
check_policy(void *payload, const struct json *policy, struct arena *a)
{
  struct fixture *f = payload;

  return apiserver_check_policy(f->server, policy, a);
}

struct fixture *
fixture_new(unsigned parts)
{
  return fixture_new_with(parts, NULL, NULL);
}

struct fixture *
fixture_new_with(unsigned parts, const char *gates, const char *runtime_config)
{
  struct fixture *f = mem_alloc(sizeof *f);
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  f->clock = clock_new_real();
  f->log = log_new(2, LOG_WARN, NULL);
  assert_int_equal(personality_new(NULL, gates, runtime_config, &f->personality, &err), 0);
  assert_int_equal(
      store_open(&(struct store_config){ .backend = "memory", .clock = f->clock, .log = f->log }, &f->store, &err), 0);
  assert_int_equal(apiserver_new(
                       &(struct apiserver_config){
                           .personality = f->personality, .store = f->store, .clock = f->clock, .log = f->log },
                       &f->server, &err),
                   0);
  f->admin = client_new(f, "test");
  fixture_start(f, parts);
  return f;
}

void
fixture_start(struct fixture *f, unsigned parts)
{
  if (parts & FIXTURE_SCHEDULER) {
    f->scheduler_client = client_new(f, "kube-scheduler");
    f->scheduler = scheduler_start(&(struct scheduler_config){
        .client = f->scheduler_client, .personality = f->personality, .clock = f->clock, .log = f->log });
  }
  if (parts & FIXTURE_CONTROLLERS) {
    f->controllers_client = client_new(f, "kube-controller-manager");
    f->controllers = controllers_start(&(struct controllers_config){ .client = f->controllers_client,
                                                                     .personality = f->personality,
                                                                     .clock = f->clock,
                                                                     .log = f->log,
                                                                     .root_ca_pem = FIXTURE_CA,
                                                                     .check_policy = check_policy,
                                                                     .check_policy_payload = f });
  }
}

void
fixture_free(struct fixture *f)
{
  scheduler_stop(f->scheduler);
  controllers_stop(f->controllers);
  kclient_free(f->scheduler_client);
  kclient_free(f->controllers_client);
  kclient_free(f->admin);
  apiserver_stop(f->server);
  apiserver_free(f->server);
  f->store->ops->free(f->store);
  personality_unref(f->personality);
  log_free(f->log);
  clock_free(f->clock);
  free(f);
}

struct kclient *
fixture_client(struct fixture *f)
{
  return f->admin;
}

struct exchange *
fixture_exchange(struct fixture *f)
{
  return apiserver_exchange(f->server);
}

struct clock *
fixture_clock(struct fixture *f)
{
  return f->clock;
}

void
fixture_create(struct fixture *f, const struct kclient_resource *res, const char *ns, const char *yaml)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *o;
  int r = yaml_parse(a, span_of(yaml), NULL, &o, &err);

  if (r == 0)
    r = kclient_create(f->admin, res, ns, o, NULL, &err);
  if (r < 0)
    fail_msg("create %s: %s", res->resource, err.msg);
}

struct record *
fixture_until(struct fixture *f, const struct kclient_resource *res, const char *ns, const char *name,
              bool (*holds)(const struct json *o, const void *arg), const void *arg)
{
  int64_t deadline = clock_mono(f->clock) + PATIENCE;

  for (;;) {
    _cleanup_record_ struct record *r = NULL;
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    if (kclient_get(f->admin, res, ns, name, &r, &err) == 0 && holds(record_tree(r), arg))
      return steal_pointer(&r);
    if (clock_mono(f->clock) > deadline) {
      _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);

      fail_msg("%s %s did not become what was waited for: %s", res->resource, name,
               r ? json_text(a, record_tree(r), JSON_INDENT2) : err.msg);
    }
    clock_sleep(f->clock, POLL);
  }
}

void
fixture_delete_pod(struct fixture *f, const char *name)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *options = json_new_object(a);

  json_set_int(a, options, "gracePeriodSeconds", 0);
  if (kclient_delete(f->admin, &KC_PODS, "default", name, options, &err) < 0)
    fail_msg("delete pod %s: %s", name, err.msg);
}

void
fixture_until_gone(struct fixture *f, const struct kclient_resource *res, const char *ns, const char *name)
{
  int64_t deadline = clock_mono(f->clock) + PATIENCE;

  for (;;) {
    _cleanup_record_ struct record *r = NULL;
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    if (kclient_get(f->admin, res, ns, name, &r, &err) < 0 && err.code == KERR_NOT_FOUND)
      return;
    if (clock_mono(f->clock) > deadline) {
      _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);

      fail_msg("%s %s is still there: %s", res->resource, name,
               r ? json_text(a, record_tree(r), JSON_INDENT2) : err.msg);
    }
    clock_sleep(f->clock, POLL);
  }
}
