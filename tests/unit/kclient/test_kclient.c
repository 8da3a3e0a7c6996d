/* Every test runs twice: in the process, and over HTTP through libcurl. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ceilings.h"
#include "fake_server.h"
#include "kclient.h"

struct world {
  struct clock *clock;
  struct fake *server;
  struct kclient *client;
};

static int
local_world(void **state)
{
  struct world *w = mem_alloc(sizeof *w);

  w->clock = clock_new_real();
  w->server = fake_new();
  w->client =
      kclient_new_local(fake_exchange(w->server), &(struct kclient_options){ .user_agent = "test", .clock = w->clock });
  *state = w;
  return 0;
}

static int
remote_world(void **state)
{
  struct world *w = mem_alloc(sizeof *w);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_free_ char *url = NULL;

  w->clock = clock_new_real();
  w->server = fake_new();
  url = mem_printf("http://127.0.0.1:%d/", fake_listen(w->server));
  if (kclient_new_remote(&(struct kclient_remote){ .server = url, .user_agent = "test" }, w->clock, NULL, &w->client,
                         &err) < 0) {
    printf("# SKIP %s\n", err.msg);
    w->client = NULL;
  }
  *state = w;
  return 0;
}

static int
end_world(void **state)
{
  struct world *w = *state;

  kclient_free(w->client);
  fake_free(w->server);
  clock_free(w->clock);
  free(w);
  return 0;
}

/* Where libcurl is not installed there is no remote client. */
#define NEEDS_CLIENT(w) \
  if (!(w)->client)     \
  skip()

static struct json *
pod(struct arena *a, const char *name, int value)
{
  struct json *o = json_new_object(a), *meta = json_ensure_object(a, o, "metadata");

  json_set_str(a, meta, "name", name);
  json_set_str(a, meta, "namespace", "n");
  json_set_int(a, o, "value", value);
  return o;
}

static void
verbs(void **state)
{
  struct world *w = *state;
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_record_ struct record *made = NULL, *got = NULL, *changed = NULL;
  struct kclient_list list = { .n = 0 };
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  NEEDS_CLIENT(w);
  assert_int_equal(kclient_create(w->client, &KC_PODS, "n", pod(a, "p", 1), &made, &err), 0);
  assert_int_equal(record_revision(made), 1);
  assert_int_equal(kclient_create(w->client, &KC_PODS, "n", pod(a, "p", 1), NULL, &err), -KERR_ALREADY_EXISTS);
  kerr_release(&err);
  assert_int_equal(kclient_get(w->client, &KC_PODS, "n", "p", &got, &err), 0);
  assert_string_equal(object_resource_version(record_tree(got)), "1");
  assert_int_equal(kclient_get(w->client, &KC_PODS, "n", "none", &changed, &err), -KERR_NOT_FOUND);
  assert_string_equal(err.msg, "no such thing");
  kerr_release(&err);
  assert_int_equal(
      kclient_patch(w->client, &KC_PODS, NULL, "n", "p", KCLIENT_MERGE_PATCH, NULL, pod(a, "p", 2), NULL, &err), 0);
  assert_int_equal(kclient_update(w->client, &KC_PODS, "status", record_tree(got), NULL, &err), -KERR_CONFLICT);
  kerr_release(&err);
  assert_int_equal(kclient_update(w->client, &KC_PODS, NULL, pod(a, "p", 3), &changed, &err), 0);
  assert_int_equal(json_get_int(record_tree(changed), "value", 0), 3);
  fake_put(w->server, "m", "q", 1, 0);
  assert_int_equal(kclient_list(w->client, &KC_PODS, NULL, "limit=500", &list, &err), 0);
  assert_int_equal(list.n, 2);
  assert_int_equal(list.revision, 4);
  kclient_list_release(&list);
  assert_int_equal(kclient_list(w->client, &KC_PODS, "m", NULL, &list, &err), 0);
  assert_int_equal(list.n, 1);
  kclient_list_release(&list);
  assert_int_equal(kclient_delete(w->client, &KC_PODS, "n", "p", json_new_object(a), &err), 0);
  assert_int_equal(kclient_delete(w->client, &KC_PODS, "n", "p", NULL, &err), -KERR_NOT_FOUND);
}

static void
raw_documents(void **state)
{
  struct world *w = *state;
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct kclient_reply reply;

  NEEDS_CLIENT(w);
  fake_put(w->server, "n", "p", 1, 0);
  assert_int_equal(
      kclient_raw(w->client, a, "GET", "/api/v1/namespaces/n/pods/p?pretty=1", NULL, NULL, SPAN(""), &reply, &err), 0);
  assert_int_equal(reply.status, 200);
  assert_true(span_starts(reply.body, SPAN("{\"metadata\":{\"name\":\"p\"")));
  assert_int_equal(kclient_raw(w->client, a, "GET", "/api/v1/namespaces/n/pods/x", NULL, NULL, SPAN(""), &reply, &err),
                   0);
  assert_int_equal(reply.status, 404);
}

struct tail {
  struct world *w;
  struct strbuf text;
  int chunks;
};

static bool
take_chunk(void *arg, struct span bytes)
{
  struct tail *t = arg;

  strbuf_span(&t->text, bytes);
  if (t->chunks++ == 0)
    fake_put(t->w->server, "n", "second", 2, 0);
  return !strstr(t->text.p, "second");
}

static void
raw_streams(void **state)
{
  struct tail t = { .w = *state, .text = STRBUF_INIT(CEIL_REPLY) };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int status = 0;

  NEEDS_CLIENT(t.w);
  fake_put(t.w->server, "n", "first", 1, 0);
  assert_int_equal(
      kclient_raw_stream(t.w->client, "/api/v1/pods?watch=1&resourceVersion=0", NULL, take_chunk, &t, &status, &err),
      0);
  assert_int_equal(status, 200);
  assert_non_null(strstr(t.text.p, "first"));
  strbuf_release(&t.text);
  fake_compact(t.w->server);
  assert_int_equal(
      kclient_raw_stream(t.w->client, "/api/v1/pods?watch=1&resourceVersion=1", NULL, take_chunk, &t, &status, &err),
      -KERR_EXPIRED);
}

/* -- informers -- */

/* What a receiver has been told, checked as it comes: no change twice, none out of order. */
struct receiver {
  struct mailbox *box;
  struct kclient_cache *cache;
  int added, modified, deleted, synced;
};

static struct receiver
receiver_new(struct world *w, size_t limit)
{
  return (struct receiver){ .box = mailbox_new(w->clock, limit, kclient_change_free), .cache = kclient_cache_new() };
}

static void
receiver_free(struct receiver *r)
{
  mailbox_free(r->box);
  kclient_cache_free(r->cache);
}

static const char *
ns_of(struct record *r)
{
  return object_namespace(record_tree(r));
}

static void
receive_one(struct receiver *r)
{
  struct kclient_change *c = mailbox_receive(r->box, CLOCK_NEVER);
  struct record *known =
      c->record ? kclient_cache_get(r->cache, ns_of(c->record), object_name(record_tree(c->record))) : NULL;

  assert_ptr_equal(c->tag, r->box);
  switch (c->type) {
  case KCLIENT_ADDED:
    assert_null(known);
    r->added++;
    break;
  case KCLIENT_MODIFIED:
    assert_int_equal(record_revision(known), record_revision(c->old));
    assert_true(record_revision(c->record) > record_revision(known));
    r->modified++;
    break;
  case KCLIENT_DELETED:
    assert_non_null(known);
    r->deleted++;
    break;
  case KCLIENT_SYNCED:
    assert_int_equal(r->synced++, 0);
    break;
  }
  kclient_cache_apply(r->cache, c);
  kclient_change_free(c);
}

static int
value_of(const struct receiver *r, const char *name)
{
  struct record *have = kclient_cache_get(r->cache, "n", name);

  return have ? (int)json_get_int(record_tree(have), "value", -1) : -1;
}

static void
informers_list_then_watch(void **state)
{
  struct world *w = *state;
  struct receiver r = receiver_new(w, 100);
  struct kclient_informer *i;

  NEEDS_CLIENT(w);
  fake_put(w->server, "n", "a", 1, 0);
  fake_put(w->server, "n", "b", 1, 0);
  i = kclient_watch(w->client, &KC_PODS, NULL, "labelSelector=x", r.box, r.box);
  while (!r.synced)
    receive_one(&r);
  assert_int_equal(r.added, 2);
  assert_true(kclient_cache_synced(r.cache));
  fake_put(w->server, "n", "c", 1, 0);
  fake_put(w->server, "n", "a", 2, 0);
  fake_remove(w->server, "n", "b");
  while (!r.deleted)
    receive_one(&r);
  assert_int_equal(r.added, 3);
  assert_int_equal(r.modified, 1);
  assert_int_equal(value_of(&r, "a"), 2);
  assert_int_equal(kclient_cache_count(r.cache), 2);
  kclient_informer_free(i);
  receiver_free(&r);
}

static void
a_slow_receiver_loses_nothing(void **state)
{
  struct world *w = *state;
  struct receiver r = receiver_new(w, 3);
  struct kclient_informer *i;
  char name[16];

  NEEDS_CLIENT(w);
  for (int k = 0; k < 300; k++) {
    snprintf(name, sizeof name, "p%d", k);
    fake_put(w->server, "n", name, 0, 0);
  }
  i = kclient_watch(w->client, &KC_PODS, NULL, NULL, r.box, r.box);
  for (int k = 0; k < 300; k++) {
    snprintf(name, sizeof name, "p%d", k);
    fake_put(w->server, "n", name, k + 1, 3000);
  }
  while (value_of(&r, "p299") != 300 || !r.synced)
    receive_one(&r);
  for (int k = 0; k < 300; k++) {
    snprintf(name, sizeof name, "p%d", k);
    assert_int_equal(value_of(&r, name), k + 1);
  }
  assert_int_equal(r.added, 300);
  kclient_informer_free(i);
  receiver_free(&r);
}

static void
a_stream_that_ends_is_resumed(void **state)
{
  struct world *w = *state;
  struct receiver r = receiver_new(w, 100);
  struct kclient_informer *i;

  NEEDS_CLIENT(w);
  i = kclient_watch(w->client, &KC_PODS, NULL, NULL, r.box, r.box);
  for (int k = 1; k <= 5; k++) {
    fake_put(w->server, "n", "a", k, 0);
    while (value_of(&r, "a") != k)
      receive_one(&r);
    while (fake_watches(w->server) < k)
      sched_yield();
    fake_end_streams(w->server);
  }
  assert_int_equal(fake_lists(w->server), 1); /* never again from the start */
  kclient_informer_free(i);
  receiver_free(&r);
}

static void
what_was_missed_is_found_by_a_new_list(void **state)
{
  struct world *w = *state;
  struct receiver r = receiver_new(w, 100);
  struct kclient_informer *i;

  NEEDS_CLIENT(w);
  fake_put(w->server, "n", "stays", 1, 0);
  fake_put(w->server, "n", "changes", 1, 0);
  fake_put(w->server, "n", "goes", 1, 0);
  i = kclient_watch(w->client, &KC_PODS, NULL, NULL, r.box, r.box);
  while (!r.synced)
    receive_one(&r);
  while (fake_watches(w->server) < 1)
    sched_yield();
  fake_fail_calls(w->server, 1); /* the watch that would resume, so that the rest happens unseen */
  fake_end_streams(w->server);
  fake_put(w->server, "n", "changes", 2, 0);
  fake_put(w->server, "n", "comes", 2, 0);
  fake_remove(w->server, "n", "goes");
  fake_compact(w->server);
  while (r.deleted < 1 || r.modified < 1 || r.added < 4)
    receive_one(&r);
  assert_int_equal(r.deleted + r.modified + r.added, 6);
  assert_int_equal(value_of(&r, "changes"), 2);
  assert_int_equal(kclient_cache_count(r.cache), 3);
  fake_break_streams(w->server); /* 410 in the middle of a stream */
  fake_put(w->server, "n", "comes", 3, 0);
  while (value_of(&r, "comes") != 3)
    receive_one(&r);
  kclient_informer_free(i);
  receiver_free(&r);
}

static void
a_failing_server_is_asked_again(void **state)
{
  struct world *w = *state;
  struct receiver r = receiver_new(w, 100);
  struct kclient_informer *i;

  NEEDS_CLIENT(w);
  fake_fail_calls(w->server, 2);
  i = kclient_watch(w->client, &KC_PODS, NULL, NULL, r.box, r.box);
  while (!r.synced)
    receive_one(&r);
  kclient_informer_free(i);
  receiver_free(&r);
}

struct writer {
  struct fake *server;
  atomic_bool stop;
};

static void *
write_on(void *arg)
{
  struct writer *wr = arg;
  char name[16];

  for (int k = 0; !wr->stop; k++) {
    snprintf(name, sizeof name, "p%d", k % 20);
    fake_put(wr->server, "n", name, k, 0);
    if (k % 50 == 49)
      fake_end_streams(wr->server);
    (void)usleep(500); /* streams that end all the time would be waited for longer and longer */
  }
  return NULL;
}

static void
informers_can_be_freed_at_any_moment(void **state)
{
  struct world *w = *state;
  struct writer wr = { .server = w->server };
  pthread_t thread;

  NEEDS_CLIENT(w);
  thread_start(&thread, "writer", write_on, &wr);
  for (int round = 0; round < 30; round++) {
    struct receiver r = receiver_new(w, 4), other = receiver_new(w, 1000);
    struct kclient_informer *one = kclient_watch(w->client, &KC_PODS, NULL, NULL, r.box, r.box);
    struct kclient_informer *two = kclient_watch(w->client, &KC_PODS, "n", NULL, other.box, other.box);

    for (int k = 0; k < round; k++)
      receive_one(&r);
    kclient_informer_free(one);
    receiver_free(&r);
    kclient_informer_free(two);
    receiver_free(&other);
  }
  wr.stop = true;
  pthread_join(thread, NULL);
}

static void
a_cache_keeps_the_newest(void **state)
{
  struct world *w = *state;
  struct receiver r = receiver_new(w, 100);
  struct kclient_informer *i = kclient_watch(w->client, &KC_PODS, NULL, NULL, r.box, r.box);
  struct kclient_cache *k = kclient_cache_new();
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_record_ struct record *old = record_from_json(SPAN("/registry/pods/n/p"), 5, pod(a, "p", 1));
  _cleanup_record_ struct record *new = record_from_json(SPAN("/registry/pods/n/p"), 7, pod(a, "p", 2));
  size_t cursor = 0;

  kclient_cache_put(k, new);
  kclient_cache_put(k, old);
  assert_ptr_equal(kclient_cache_get(k, "n", "p"), new);
  assert_ptr_equal(kclient_cache_next(k, &cursor), new);
  assert_null(kclient_cache_next(k, &cursor));
  kclient_cache_apply(k, &(struct kclient_change){ .type = KCLIENT_MODIFIED, .informer = i, .record = old });
  assert_ptr_equal(kclient_cache_get(k, "n", "p"), new);
  kclient_cache_apply(k, &(struct kclient_change){ .type = KCLIENT_DELETED, .informer = i, .record = new });
  assert_null(kclient_cache_get(k, "n", "p"));
  assert_null(kclient_cache_get(k, NULL, "p"));
  kclient_cache_free(k);
  kclient_informer_free(i);
  receiver_free(&r);
}

static void
cluster_scoped_objects_have_no_namespace(void **state)
{
  struct world *w = *state;
  struct receiver r = receiver_new(w, 100);
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *node = json_new_object(a);
  struct kclient_informer *i;

  NEEDS_CLIENT(w);
  json_set_str(a, json_ensure_object(a, node, "metadata"), "name", "n0");
  assert_int_equal(kclient_create(w->client, &KC_NODES, NULL, node, NULL, &err), 0);
  i = kclient_watch(w->client, &KC_NODES, NULL, NULL, r.box, r.box);
  while (!r.synced)
    receive_one(&r);
  assert_non_null(kclient_cache_get(r.cache, NULL, "n0"));
  assert_non_null(kclient_cache_get(r.cache, "", "n0"));
  assert_null(kclient_cache_get(r.cache, "n", "n0"));
  kclient_informer_free(i);
  receiver_free(&r);
}

static void
events_are_counted(void **state)
{
  struct world *w = *state;
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct json *about = pod(a, "p", 1);
  struct kclient_list list = { .n = 0 };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const struct json *e;

  NEEDS_CLIENT(w);
  json_set_str(a, about, "kind", "Pod");
  json_set_str(a, about, "apiVersion", "v1");
  json_set_str(a, json_find(about, "metadata"), "uid", "u");
  for (int k = 0; k < 3; k++)
    kclient_event(w->client, "kubelet", "n0", about, "Normal", "Started", "Started %s", "it");
  kclient_event(w->client, "kubelet", "n0", about, "Warning", "Failed", "no");
  while (json_get_int(list.n > 1 ? record_tree(list.items[0]) : NULL, "count", 0) < 3) {
    kclient_list_release(&list);
    assert_int_equal(kclient_list(w->client, &KC_EVENTS, NULL, NULL, &list, &err), 0);
  }
  assert_int_equal(list.n, 2);
  e = record_tree(list.items[0]);
  assert_true(strncmp(object_name(e), "p.", 2) == 0);
  assert_string_equal(json_get_str(e, "message"), "Started it");
  assert_string_equal(json_get_str(e, "reportingComponent"), "kubelet");
  assert_string_equal(json_get_str(e, "reportingInstance"), "n0");
  assert_string_equal(json_str(json_dig(e, "source", "host", NULL)), "n0");
  assert_string_equal(json_str(json_dig(e, "involvedObject", "uid", NULL)), "u");
  kclient_list_release(&list);
}

static void
nobody_answers(void **state)
{
  struct clock *clock = clock_new_real();
  struct kclient *c;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_record_ struct record *got = NULL;

  (void)state;
  if (kclient_new_remote(&(struct kclient_remote){ .server = "http://127.0.0.1:1" }, clock, NULL, &c, &err) < 0)
    skip();
  assert_int_equal(kclient_get(c, &KC_NODES, NULL, "n", &got, &err), -KERR_UNAVAILABLE);
  assert_non_null(strstr(err.msg, "GET http://127.0.0.1:1/api/v1/nodes/n: "));
  kclient_free(c);
  clock_free(clock);
}

#define TWICE(test)                                       \
  { #test "_local", test, local_world, end_world, NULL }, \
  {                                                       \
#test "_remote", test, remote_world, end_world, NULL  \
  }

int
main(void)
{
  const struct CMUnitTest tests[] = {
    TWICE(verbs),
    TWICE(raw_documents),
    TWICE(raw_streams),
    TWICE(informers_list_then_watch),
    TWICE(a_slow_receiver_loses_nothing),
    TWICE(a_stream_that_ends_is_resumed),
    TWICE(what_was_missed_is_found_by_a_new_list),
    TWICE(a_failing_server_is_asked_again),
    TWICE(informers_can_be_freed_at_any_moment),
    TWICE(events_are_counted),
    cmocka_unit_test_setup_teardown(a_cache_keeps_the_newest, local_world, end_world),
    TWICE(cluster_scoped_objects_have_no_namespace),
    cmocka_unit_test(nobody_answers),
  };

  signal(SIGPIPE, SIG_IGN);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
