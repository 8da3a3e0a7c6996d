/* Documents below a prefix go a lifetime after their last write, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include "store_expiry.h"
#include "store_fault.h"

#define LIFETIME (3600 * CLOCK_SEC)
#define STEP     (LIFETIME / STORE_EXPIRY_STEPS)

struct fixture {
  struct clock *clock;
  struct store *store;
  struct store_expiry *expiry;
};

static int
setup(void **state)
{
  struct fixture *f = mem_alloc(sizeof *f);
  struct store_config config = { .backend = "memory" };
  struct store *inner;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  f->clock = config.clock = clock_new_virtual(0);
  assert_int_equal(store_open(&config, &inner, &err), 0);
  f->store = store_fault_new(inner, f->clock);
  f->expiry = store_expiry_new(&(struct store_expiry_config){
      .store = f->store, .clock = f->clock, .prefix = SPAN("/registry/events/"), .lifetime = LIFETIME });
  *state = f;
  return 0;
}

static int
teardown(void **state)
{
  struct fixture *f = *state;

  store_expiry_free(f->expiry);
  store_free(f->store);
  clock_free(f->clock);
  free(f);
  return 0;
}

/* Write or overwrite. */
static void
put(struct fixture *f, const char *key)
{
  _cleanup_record_ struct record *r = record_new(span_of(key), 0, SPAN("x"), RECORD_NO_STAMP), *old = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT, none = KERR_INIT;
  int64_t rev = store_get(f->store, span_of(key), 0, &old, &none) == 0 ? record_revision(old) : 0;

  assert_int_equal(store_cas(f->store, span_of(key), r, rev, NULL, &err), 0);
}

static bool
is_there(struct fixture *f, const char *key)
{
  _cleanup_record_ struct record *r = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  return store_get(f->store, span_of(key), 0, &r, &err) == 0;
}

/* `n` steps of the clock, with a look at each. How many documents went. */
static size_t
steps(struct fixture *f, int n)
{
  size_t gone = 0;

  for (int i = 0; i < n; i++) {
    clock_advance(f->clock, STEP);
    gone += store_expiry_step(f->expiry);
  }
  return gone;
}

static void
a_lifetime_after_the_last_write(void **state)
{
  struct fixture *f = *state;

  put(f, "/registry/events/default/a");
  put(f, "/registry/events/default/b");
  put(f, "/registry/eventsinks/c"); /* not below the prefix */
  put(f, "/registry/pods/default/d");
  assert_int_equal(steps(f, 30), 0);
  put(f, "/registry/events/default/b"); /* seen once more */
  put(f, "/registry/events/other/e");
  assert_int_equal(steps(f, 30), 0);
  assert_true(is_there(f, "/registry/events/default/a"));
  assert_int_equal(steps(f, 1), 1); /* the first note was a step after the first write */
  assert_false(is_there(f, "/registry/events/default/a"));
  assert_int_equal(steps(f, 29), 0);
  assert_int_equal(steps(f, 1), 2);
  assert_int_equal(steps(f, 200), 0);
  assert_true(is_there(f, "/registry/eventsinks/c"));
  assert_true(is_there(f, "/registry/pods/default/d"));
}

/* As with an etcd whose leases end while its client sleeps. */
static void
a_clock_that_jumps(void **state)
{
  struct fixture *f = *state;

  (void)store_expiry_step(f->expiry);
  put(f, "/registry/events/default/a");
  clock_advance(f->clock, 10 * LIFETIME);
  assert_int_equal(store_expiry_step(f->expiry), 0); /* only now it is known that it is as old as this */
  assert_int_equal(steps(f, STORE_EXPIRY_STEPS), 1);
}

static void
a_store_that_takes_nothing(void **state)
{
  struct fixture *f = *state;

  put(f, "/registry/events/default/a");
  put(f, "/registry/events/default/b");
  assert_int_equal(steps(f, STORE_EXPIRY_STEPS), 0);
  store_fault_add(f->store, &(struct store_fault){ .op = STORE_FAULT_CAS, .nth = 1, .code = KERR_IO });
  assert_int_equal(steps(f, 1), 0);
  store_fault_clear(f->store);
  assert_int_equal(steps(f, 1), 2);
}

struct watcher {
  sem_t told;
  char key[64];
  enum store_event_type type;
};

static void
told(void *payload, const struct store_event *events, size_t n)
{
  struct watcher *w = payload;

  for (size_t i = 0; i < n; i++) {
    w->type = events[i].type;
    (void)snprintf(w->key, sizeof w->key, "%.*s", SPAN_FMT(record_key(events[i].record)));
    sem_post(&w->told);
  }
}

/* With its own thread, woken by the clock. */
static void
watches_see_a_deletion(void **state)
{
  struct fixture *f = *state;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct watcher w = { .type = STORE_CREATED };
  struct store_watch *watch;

  sem_init(&w.told, 0, 0);
  put(f, "/registry/events/default/a");
  assert_int_equal(store_watch(f->store, SPAN("/registry/"), 0, told, &w, &watch, &err), 0);
  store_expiry_start(f->expiry);
  while (sem_trywait(&w.told) < 0) {
    clock_advance(f->clock, STEP);
    (void)sched_yield();
  }
  assert_int_equal(w.type, STORE_DELETED);
  assert_string_equal(w.key, "/registry/events/default/a");
  store_watch_free(f->store, watch);
  sem_destroy(&w.told);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
  const struct CMUnitTest tests[] = {
    TEST(a_lifetime_after_the_last_write),
    TEST(a_clock_that_jumps),
    TEST(a_store_that_takes_nothing),
    TEST(watches_see_a_deletion),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
