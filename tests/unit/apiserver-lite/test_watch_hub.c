#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "thread.h"
#include "watch_hub.h"

#define PODS   SPAN("/registry/pods/")
#define CLAIMS SPAN("/registry/resourceclaims/")

struct fixture {
  struct clock *clock;
  struct store *s;
  struct watch_hub *hub;
};

static int
setup(void **state)
{
  struct fixture *f = mem_alloc(sizeof *f);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct store_config config = { 0 };

  f->clock = clock_new_real();
  config.clock = f->clock;
  assert_int_equal(store_open(&config, &f->s, &err), 0);
  assert_int_equal(watch_hub_new(f->s, SPAN("/registry/"), &f->hub, &err), 0);
  *state = f;
  return 0;
}

static int
teardown(void **state)
{
  struct fixture *f = *state;

  assert_int_equal(watch_hub_readers(f->hub), 0);
  watch_hub_free(f->hub);
  store_free(f->s);
  clock_free(f->clock);
  free(f);
  return 0;
}

static int64_t
put(struct store *s, const char *key, const char *text, int64_t old_rev)
{
  _cleanup_record_ struct record *r = record_new(span_of(key), 0, span_of(text), RECORD_NO_STAMP);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int64_t rev = -1;

  if (store_cas(s, span_of(key), r, old_rev, &rev, &err) < 0)
    fail_msg("put %s: %s", key, err.msg);
  return rev;
}

/* -- a reader with something to wait on -- */

struct consumer {
  struct hub_reader *r;
  sem_t told;
  atomic_int times;
};

static void
on_notify(void *arg)
{
  struct consumer *c = arg;

  atomic_fetch_add(&c->times, 1);
  sem_post(&c->told);
}

static void
consumer_start(struct consumer *c, struct watch_hub *hub, struct span resource, const char *within, int64_t from)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  sem_init(&c->told, 0, 0);
  atomic_init(&c->times, 0);
  if (watch_hub_subscribe(hub, resource, within ? span_of(within) : resource, from, &c->r, &err) < 0)
    fail_msg("subscribe: %s", err.msg);
}

static void
consumer_stop(struct consumer *c)
{
  hub_reader_free(c->r);
  sem_destroy(&c->told);
}

static bool
wait_told(struct consumer *c)
{
  struct timespec until;

  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 30; /* only a test that fails waits so long */
  return sem_timedwait(&c->told, &until) == 0;
}

/* Takes events until `n` have come, as a stream does; writes them down. */
static void
consume(struct consumer *c, size_t n, const char *want)
{
  _cleanup_strbuf_ struct strbuf b;
  size_t got = 0;

  strbuf_init(&b, 1 << 20);
  hub_reader_set_notify(c->r, on_notify, c);
  while (got < n) {
    struct hub_event *e;
    enum hub_next next = hub_reader_next(c->r, &e);

    if (next == HUB_EMPTY) {
      assert_true(wait_told(c));
      continue;
    }
    assert_int_equal(next, HUB_EVENT);
    strbuf_printf(&b, "%s%c%.*s@%lld", got++ ? " " : "", "+~-"[e->type], SPAN_FMT(record_key(e->record)),
                  (long long)e -> revision);
    hub_event_unref(e);
  }
  strbuf_putc(&b, '\0');
  assert_string_equal(b.p, want);
}

static void
events_reach_those_they_concern(void **state)
{
  struct fixture *f = *state;
  struct consumer all, one, other;
  struct hub_event *e;
  int64_t rev;

  put(f->s, "/registry/pods/a/before", "x", 0);
  consumer_start(&all, f->hub, PODS, NULL, 0);
  consumer_start(&one, f->hub, PODS, "/registry/pods/a/", 0);
  consumer_start(&other, f->hub, CLAIMS, NULL, 0);
  assert_int_equal(watch_hub_rings(f->hub), 2);
  assert_int_equal(hub_reader_next(one.r, &e), HUB_EMPTY);
  rev = put(f->s, "/registry/pods/b/p", "1", 0);
  put(f->s, "/registry/pods/a/q", "1", 0);
  put(f->s, "/registry/podtemplates/a/q", "1", 0);
  put(f->s, "/registry/pods/b/p", "2", rev);
  put(f->s, "/registry/resourceclaims/a/c", "1", 0);
  consume(&all, 3, "+/registry/pods/b/p@3 +/registry/pods/a/q@4 ~/registry/pods/b/p@6");
  consume(&other, 1, "+/registry/resourceclaims/a/c@7");
  consume(&one, 1, "+/registry/pods/a/q@4");
  assert_int_equal(hub_reader_next(one.r, &e), HUB_EMPTY);
  assert_true(hub_reader_progress(one.r) == 7); /* so far it has missed nothing */
  consumer_stop(&all);
  consumer_stop(&one);
  consumer_stop(&other);
}

static void
resumes_from_a_revision(void **state)
{
  struct fixture *f = *state;
  struct consumer c;
  int64_t rev = put(f->s, "/registry/pods/a/p", "1", 0);

  put(f->s, "/registry/pods/a/q", "1", 0);
  rev = put(f->s, "/registry/pods/a/p", "2", rev);
  consumer_start(&c, f->hub, PODS, NULL, 2); /* the ring is made now, from what the hub remembers */
  consume(&c, 2, "+/registry/pods/a/q@3 ~/registry/pods/a/p@4");
  consumer_stop(&c);
  consumer_start(&c, f->hub, PODS, NULL, 1);
  consume(&c, 3, "+/registry/pods/a/p@2 +/registry/pods/a/q@3 ~/registry/pods/a/p@4");
  consumer_stop(&c);
  consumer_start(&c, f->hub, PODS, NULL, 5); /* not reached yet */
  put(f->s, "/registry/pods/a/r", "1", 0);
  put(f->s, "/registry/pods/a/s", "1", 0);
  consume(&c, 1, "+/registry/pods/a/s@6");
  consumer_stop(&c);
}

static void
told_once_until_read(void **state)
{
  struct fixture *f = *state;
  struct consumer c;
  struct hub_event *e;

  consumer_start(&c, f->hub, PODS, NULL, 0);
  assert_int_equal(hub_reader_next(c.r, &e), HUB_EMPTY);
  hub_reader_set_notify(c.r, on_notify, &c);
  assert_int_equal(atomic_load(&c.times), 0);
  for (int i = 0; i < 20; i++) {
    char key[64];

    (void)snprintf(key, sizeof key, "/registry/pods/a/%d", i);
    put(f->s, key, "1", 0);
  }
  assert_true(wait_told(&c));
  for (int i = 0; i < 20;) {
    enum hub_next next = hub_reader_next(c.r, &e);

    if (next == HUB_EVENT) {
      hub_event_unref(e);
      i++;
    } else {
      assert_true(wait_told(&c));
    }
  }
  assert_true(atomic_load(&c.times) <= 20);
  /* Not at the end: told at once. */
  put(f->s, "/registry/pods/a/x", "1", 0);
  hub_reader_set_notify(c.r, NULL, NULL);
  hub_reader_set_notify(c.r, on_notify, &c);
  assert_true(atomic_load(&c.times) >= 2);
  consumer_stop(&c);
}

/* Somebody who does not read is not waited for, and hears that it is too late when he comes. */
static void
slow_reader_is_ended(void **state)
{
  struct fixture *f = *state;
  struct consumer slow, idle, ns;
  struct hub_event *e;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct hub_reader *r;
  int64_t rev = 0;

  consumer_start(&slow, f->hub, PODS, NULL, 0);
  consumer_start(&idle, f->hub, CLAIMS, NULL, 0);
  consumer_start(&ns, f->hub, PODS, "/registry/pods/quiet/", 0);
  assert_int_equal(hub_reader_next(ns.r, &e), HUB_EMPTY);
  hub_reader_set_notify(ns.r, on_notify, &ns);
  for (int i = 0; i < HUB_RING_MAX + 10; i++)
    rev = put(f->s, "/registry/pods/a/p", "x", rev);
  put(f->s, "/registry/pods/quiet/p", "x", 0);
  assert_true(wait_told(&ns));
  assert_int_equal(hub_reader_next(slow.r, &e), HUB_ENDED);
  assert_int_equal(hub_reader_next(slow.r, &e), HUB_ENDED);
  assert_int_equal(hub_reader_next(idle.r, &e), HUB_EMPTY);
  /* A reader that had read everything of its namespace has not fallen behind, although its ring went round. */
  assert_int_equal(hub_reader_next(ns.r, &e), HUB_EVENT);
  hub_event_unref(e);
  assert_int_equal(watch_hub_subscribe(f->hub, PODS, PODS, 3, &r, &err), -KERR_EXPIRED);
  assert_non_null(strstr(err.msg, "too old resource version: 3 ("));
  consumer_stop(&slow);
  consumer_stop(&idle);
  consumer_stop(&ns);
}

static void
stop_ends_everybody(void **state)
{
  struct fixture *f = *state;
  struct consumer c;
  struct hub_event *e;
  struct hub_reader *r;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  consumer_start(&c, f->hub, PODS, NULL, 0);
  assert_int_equal(hub_reader_next(c.r, &e), HUB_EMPTY);
  hub_reader_set_notify(c.r, on_notify, &c);
  watch_hub_stop(f->hub);
  assert_true(wait_told(&c));
  assert_int_equal(hub_reader_next(c.r, &e), HUB_STOPPED);
  assert_int_equal(watch_hub_subscribe(f->hub, PODS, PODS, 0, &r, &err), -KERR_UNAVAILABLE);
  consumer_stop(&c);
}

/* Readers of a resource that is no more read to its end; those that come after it begin anew. */
static void
a_resource_ends(void **state)
{
  struct fixture *f = *state;
  struct consumer pods, claims, later;
  struct hub_event *e;
  int64_t at;

  consumer_start(&pods, f->hub, PODS, NULL, 0);
  consumer_start(&claims, f->hub, CLAIMS, NULL, 0);
  (void)put(f->s, "/registry/pods/a", "{}", 0);
  at = store_revision(f->s);
  watch_hub_end(f->hub, PODS, at);
  consumer_start(&later, f->hub, PODS, NULL, at);
  (void)put(f->s, "/registry/pods/b", "{}", 0);
  (void)put(f->s, "/registry/resourceclaims/c", "{}", 0);
  consume(&pods, 1, "+/registry/pods/a@2");
  assert_int_equal(hub_reader_next(pods.r, &e), HUB_STOPPED);
  consume(&later, 1, "+/registry/pods/b@3");
  consume(&claims, 1, "+/registry/resourceclaims/c@4");
  consumer_stop(&pods);
  consumer_stop(&later);
  consumer_stop(&claims);
}

/* One that waits is told, when the hub has got so far. */
static void
the_end_wakes_who_waits(void **state)
{
  struct fixture *f = *state;
  struct consumer c;
  struct hub_event *e;
  enum hub_next next;

  (void)put(f->s, "/registry/pods/a", "{}", 0);
  consumer_start(&c, f->hub, PODS, NULL, store_revision(f->s));
  assert_int_equal(hub_reader_next(c.r, &e), HUB_EMPTY);
  hub_reader_set_notify(c.r, on_notify, &c);
  (void)put(f->s, "/registry/resourceclaims/c", "{}", 0);
  watch_hub_end(f->hub, PODS, store_revision(f->s));
  while ((next = hub_reader_next(c.r, &e)) == HUB_EMPTY)
    assert_true(wait_told(&c));
  assert_int_equal(next, HUB_STOPPED);
  consumer_stop(&c);
}

static void
unread_rings_are_bounded(void **state)
{
  struct fixture *f = *state;

  for (int i = 0; i < 2 * HUB_IDLE_RINGS_MAX; i++) {
    struct consumer c;
    char prefix[64];

    (void)snprintf(prefix, sizeof prefix, "/registry/crd%d/", i);
    consumer_start(&c, f->hub, span_of(prefix), NULL, 0);
    consumer_stop(&c);
  }
  assert_true(watch_hub_rings(f->hub) <= HUB_IDLE_RINGS_MAX);
}

/* -- frames -- */

static void
encode(void *payload, const struct hub_event *e, struct strbuf *b)
{
  atomic_fetch_add((atomic_int *)payload, 1);
  strbuf_span(b, record_bytes(e->record));
  strbuf_putc(b, '\n');
}

static void
a_frame_is_encoded_once(void **state)
{
  struct fixture *f = *state;
  _cleanup_strbuf_ struct strbuf spare;
  struct consumer c;
  struct hub_event *e = NULL;
  atomic_int calls = 0;
  const char *first;

  strbuf_init(&spare, 1 << 20);
  put(f->s, "/registry/pods/a/p", "{}", 0);
  consumer_start(&c, f->hub, PODS, NULL, 1);
  hub_reader_set_notify(c.r, on_notify, &c);
  while (hub_reader_next(c.r, &e) != HUB_EVENT)
    assert_true(wait_told(&c));
  first = hub_event_frame(e, 1, encode, &calls, &spare).p;
  assert_string_equal(first, "{}\n");
  assert_ptr_equal(hub_event_frame(e, 1, encode, &calls, &spare).p, first);
  assert_int_equal(calls, 1);
  for (uint64_t form = 2; form <= HUB_FRAMES_MAX; form++)
    assert_true(span_is(hub_event_frame(e, form, encode, &calls, &spare), "{}\n"));
  assert_int_equal(spare.n, 0);
  assert_true(span_is(hub_event_frame(e, 1000, encode, &calls, &spare), "{}\n"));
  assert_int_equal(spare.n, 3); /* too many forms: not kept */
  assert_int_equal(calls, HUB_FRAMES_MAX + 1);
  hub_event_unref(e);
  consumer_stop(&c);
}

/* -- many threads -- */

#define EVENTS  500
#define READERS 8

struct job {
  struct fixture *f;
  struct consumer c;
  bool ok;
};

static void *
read_all(void *arg)
{
  struct job *j = arg;
  _cleanup_strbuf_ struct strbuf spare;
  int64_t last = 0;
  atomic_int calls = 0;
  int n = 0;

  strbuf_init(&spare, 1 << 20);
  hub_reader_set_notify(j->c.r, on_notify, &j->c);
  j->ok = true;
  while (n < EVENTS && j->ok) {
    struct hub_event *e;
    enum hub_next next = hub_reader_next(j->c.r, &e);

    if (next == HUB_EMPTY) {
      j->ok = wait_told(&j->c);
      continue;
    }
    j->ok = next == HUB_EVENT && e->revision > last && hub_event_frame(e, 7, encode, &calls, &spare).n == 2;
    if (next != HUB_EVENT)
      break;
    last = e->revision;
    hub_event_unref(e);
    n++;
  }
  return NULL;
}

/* Readers that come and go in the middle of it, mostly while somebody is about to tell them. */
static void *
come_and_go(void *arg)
{
  struct job *j = arg;

  for (int i = 0; i < 300; i++) {
    struct consumer c;
    struct hub_event *e;

    consumer_start(&c, j->f->hub, PODS, NULL, 0);
    if (hub_reader_next(c.r, &e) == HUB_EVENT)
      hub_event_unref(e);
    hub_reader_set_notify(c.r, on_notify, &c);
    consumer_stop(&c);
  }
  return NULL;
}

static void
many_readers(void **state)
{
  struct fixture *f = *state;
  struct job jobs[READERS], gone = { .f = f };
  pthread_t threads[READERS + 1];

  for (int i = 0; i < READERS; i++) {
    jobs[i] = (struct job){ .f = f };
    consumer_start(&jobs[i].c, f->hub, PODS, NULL, 0);
    thread_start(&threads[i], "reader", read_all, &jobs[i]);
  }
  thread_start(&threads[READERS], "gone", come_and_go, &gone);
  for (int i = 0; i < EVENTS; i++) {
    char key[64];

    (void)snprintf(key, sizeof key, "/registry/pods/a/%d", i);
    put(f->s, key, "x", 0);
  }
  for (int i = 0; i <= READERS; i++)
    pthread_join(threads[i], NULL);
  for (int i = 0; i < READERS; i++) {
    assert_true(jobs[i].ok);
    consumer_stop(&jobs[i].c);
  }
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
  const struct CMUnitTest tests[] = {
    TEST(events_reach_those_they_concern),
    TEST(resumes_from_a_revision),
    TEST(told_once_until_read),
    TEST(slow_reader_is_ended),
    TEST(stop_ends_everybody),
    TEST(a_resource_ends),
    TEST(the_end_wakes_who_waits),
    TEST(unread_rings_are_bounded),
    TEST(a_frame_is_encoded_once),
    TEST(many_readers),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
