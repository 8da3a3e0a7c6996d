#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <unistd.h>

#include "fs.h"
#include "store_contract.h"
#include "store_fault.h"
#include "store_trace.h"
#include "thread.h"

static struct store *
open_backend(const struct store_config *config)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct store *s = NULL;

  if (store_open(config, &s, &err) < 0)
    fail_msg("%s", err.msg);
  return s;
}

static struct store *
open_fault(const struct store_config *config)
{
  return store_fault_new(open_backend(config), config->clock);
}

static struct store *
open_trace(const struct store_config *config)
{
  return store_trace_new(open_backend(config), NULL);
}

/* Both, on the backend that writes to a disk. */
static struct store *
open_both(const struct store_config *config)
{
  struct store_config sqlite = *config;

  sqlite.backend = "sqlite";
  return store_trace_new(store_fault_new(open_backend(&sqlite), config->clock), NULL);
}

static int
try_put(struct store *s, const char *key, int64_t old_rev, enum kerr_code *ret_code)
{
  _cleanup_record_ struct record *r = record_new(span_of(key), 0, SPAN("x"), RECORD_NO_STAMP);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int result = store_cas(s, span_of(key), r, old_rev, NULL, &err);

  *ret_code = err.code;
  return result;
}

static void
faults_hit_the_call_they_are_for(void **state)
{
  struct clock *clock = clock_new_virtual(0);
  struct store *s = open_fault(&(struct store_config){ .clock = clock });
  _cleanup_record_ struct record *r = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  enum kerr_code code;

  (void)state;
  store_fault_add(s, &(struct store_fault){ .op = STORE_FAULT_CAS, .nth = 2, .times = 1, .code = KERR_IO });
  assert_int_equal(try_put(s, "/a", 0, &code), 0);
  assert_int_equal(try_put(s, "/b", 0, &code), -KERR_IO);
  assert_int_equal(code, KERR_IO);
  assert_true(store_revision(s) == 2); /* it was not done */
  assert_int_equal(try_put(s, "/b", 0, &code), 0);
  store_fault_add(s, &(struct store_fault){ .op = STORE_FAULT_CAS, .nth = 1, .times = 1, .code = KERR_IO, .after = 1 });
  assert_int_equal(try_put(s, "/c", 0, &code), -KERR_IO);
  assert_int_equal(store_get(s, SPAN("/c"), 0, &r, &err), 0); /* it was */
  store_fault_add(s, &(struct store_fault){ .op = STORE_FAULT_GET, .nth = 1, .code = KERR_UNAVAILABLE });
  for (int i = 0; i < 3; i++) {
    _cleanup_kerr_ struct kerr down = KERR_INIT;
    struct record *none = NULL;

    assert_int_equal(store_get(s, SPAN("/a"), 0, &none, &down), -KERR_UNAVAILABLE);
    assert_null(none);
  }
  store_fault_clear(s);
  record_unref(steal_pointer(&r));
  assert_int_equal(store_get(s, SPAN("/a"), 0, &r, &err), 0);
  store_free(s);
  clock_free(clock);
}

struct late {
  struct store *s;
  int result;
};

static void *
put_late(void *arg)
{
  struct late *l = arg;
  enum kerr_code code;

  l->result = try_put(l->s, "/late", 0, &code);
  return NULL;
}

static void
a_delay_is_on_the_clock(void **state)
{
  struct clock *clock = clock_new_virtual(0);
  struct late l = { .s = open_fault(&(struct store_config){ .clock = clock }), .result = -1 };
  pthread_t thread;

  (void)state;
  store_fault_add(l.s, &(struct store_fault){ .op = STORE_FAULT_CAS, .nth = 1, .times = 1, .delay = CLOCK_SEC });
  thread_start(&thread, "late", put_late, &l);
  usleep(20000);
  assert_true(store_revision(l.s) == 1);
  for (int i = 0; i < 3000 && store_revision(l.s) == 1; i++) { /* it may have looked at the clock only now */
    clock_advance(clock, CLOCK_SEC);
    usleep(1000);
  }
  pthread_join(thread, NULL);
  assert_int_equal(l.result, 0);
  store_free(l.s);
  clock_free(clock);
}

static void
trace_says_what_happened(void **state)
{
  struct clock *clock = clock_new_virtual(0);
  _cleanup_strbuf_ struct strbuf text;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct record *none;
  struct store *s;
  struct log *log;
  enum kerr_code code;
  int fds[2];

  (void)state;
  strbuf_init(&text, 1 << 16);
  assert_int_equal(pipe(fds), 0);
  log = log_new(fds[1], LOG_INFO, "store");
  s = store_trace_new(open_backend(&(struct store_config){ .clock = clock }), log);
  assert_int_equal(try_put(s, "/a", 0, &code), 0);
  assert_int_equal(store_get(s, SPAN("/b"), 0, &none, &err), -KERR_NOT_FOUND);
  store_free(s);
  log_free(log);
  close(fds[1]);
  kerr_release(&err);
  assert_int_equal(fs_read_fd(fds[0], "pipe", &text, &err), 0);
  close(fds[0]);
  assert_non_null(strstr(text.p, "put '/a' at 0: ok, now 2"));
  assert_non_null(strstr(text.p, "get '/b' at 0: key '/b' not found"));
  clock_free(clock);
}

int
main(void)
{
  static const struct store_contract fault = { .name = "fault(memory)", .open = open_fault },
                                     trace = { .name = "trace(memory)", .open = open_trace },
                                     both = { .name = "trace(fault(sqlite))", .durable = true, .open = open_both };
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(faults_hit_the_call_they_are_for),
    cmocka_unit_test(a_delay_is_on_the_clock),
    cmocka_unit_test(trace_says_what_happened),
  };
  int failed = cmocka_run_group_tests_name("decorators", tests, NULL, NULL);

  failed += store_contract_run(&fault);
  failed += store_contract_run(&trace);
  return failed + store_contract_run(&both);
}
