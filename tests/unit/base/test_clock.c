#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdatomic.h>
#include <string.h>

#include "clock.h"
#include "thread.h"

static void
rfc3339_reads_what_go_reads(void **state)
{
  static const struct {
    const char *text;
    bool good;
    int64_t ns;
  } rows[] = {
    { "1970-01-01T00:00:00Z", true, 0 },
    { "2026-11-24T10:00:00Z", true, 1795514400 * CLOCK_SEC },
    { "2026-11-24T10:00:00.123456789Z", true, 1795514400 * CLOCK_SEC + 123456789 },
    { "2026-11-24T10:00:00,5Z", true, 1795514400 * CLOCK_SEC + 500000000 },
    { "2026-11-24T10:00:00.1234567899Z", true, 1795514400 * CLOCK_SEC + 123456789 },
    { "2026-11-24T12:30:00+02:30", true, 1795514400 * CLOCK_SEC },
    { "2026-11-24T05:00:00-05:00", true, 1795514400 * CLOCK_SEC },
    { "2026-11-24T9:00:00Z", true, 1795510800 * CLOCK_SEC },
    { "2000-02-29T00:00:00Z", true, 951782400 * CLOCK_SEC },
    { "1969-12-31T23:59:59.5Z", true, -CLOCK_SEC / 2 },
    { "0001-01-01T00:00:00Z", true, INT64_MIN },
    { "9999-12-31T23:59:59Z", true, INT64_MAX },
    { "2025-02-29T00:00:00Z", false, 0 },
    { "2026-13-01T00:00:00Z", false, 0 },
    { "2026-11-24T24:00:00Z", false, 0 },
    { "2026-11-24T10:00:60Z", false, 0 },
    { "2026-11-24T10:00:00", false, 0 },
    { "2026-11-24T10:00:00.Z", false, 0 },
    { "2026-11-24T10:00:00z", false, 0 },
    { "2026-11-24t10:00:00Z", false, 0 },
    { "2026-11-24 10:00:00Z", false, 0 },
    { "2026-11-24T10:00:00+0200", false, 0 },
    { "2026-11-24T10:00:00+25:00", false, 0 },
    { "2026-11-24T10:00:00Zx", false, 0 },
    { "", false, 0 },
  };

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
    int64_t got = 0;

    if (clock_parse_rfc3339(span_of(rows[i].text), &got) != rows[i].good)
      fail_msg("%s", rows[i].text);
    if (rows[i].good && got != rows[i].ns)
      fail_msg("%s: %lld", rows[i].text, (long long)got);
  }
}

static void
rfc3339_writes_what_kubernetes_writes(void **state)
{
  static const struct {
    int64_t ns;
    bool micro;
    const char *want;
  } rows[] = {
    { 0, false, "1970-01-01T00:00:00Z" },
    { 1795514400 * CLOCK_SEC + 999999999, false, "2026-11-24T10:00:00Z" },
    { 1795514400 * CLOCK_SEC + 1000, true, "2026-11-24T10:00:00.000001Z" },
    { -1, true, "1969-12-31T23:59:59.999999Z" },
    { 951782400 * CLOCK_SEC, false, "2000-02-29T00:00:00Z" },
  };
  char buf[CLOCK_TEXT_MAX];

  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
    assert_string_equal(clock_rfc3339(rows[i].ns, rows[i].micro, buf), rows[i].want);
}

struct sleeper {
  struct clock *clock;
  pthread_mutex_t lock;
  pthread_cond_t cond;
  int64_t deadline;
  atomic_bool waiting, expired;
};

static void *
sleep_until(void *arg)
{
  struct sleeper *s = arg;

  pthread_mutex_lock(&s->lock);
  s->waiting = true;
  while (clock_cond_wait(s->clock, &s->cond, &s->lock, s->deadline))
    continue;
  s->expired = true;
  pthread_mutex_unlock(&s->lock);
  return NULL;
}

static void
a_virtual_clock_wakes_those_whose_time_has_come(void **state)
{
  struct clock *c = clock_new_virtual(100 * CLOCK_SEC);
  struct sleeper soon = { .clock = c, .lock = PTHREAD_MUTEX_INITIALIZER, .deadline = 110 * CLOCK_SEC };
  struct sleeper late = { .clock = c, .lock = PTHREAD_MUTEX_INITIALIZER, .deadline = 200 * CLOCK_SEC };
  pthread_t a, b;

  (void)state;
  clock_cond_init(&soon.cond);
  clock_cond_init(&late.cond);
  assert_true(clock_wall(c) == 100 * CLOCK_SEC);
  assert_false(clock_cond_wait(c, &soon.cond, &soon.lock, 100 * CLOCK_SEC)); /* already past */
  thread_start(&a, "soon", sleep_until, &soon);
  thread_start(&b, "late", sleep_until, &late);
  while (!soon.waiting || !late.waiting)
    sched_yield();
  clock_advance(c, 5 * CLOCK_SEC);
  assert_false(soon.expired);
  clock_advance(c, 5 * CLOCK_SEC);
  pthread_join(a, NULL);
  assert_true(soon.expired);
  assert_false(late.expired);
  clock_advance(c, 1000 * CLOCK_SEC);
  pthread_join(b, NULL);
  assert_true(clock_mono(c) == 1110 * CLOCK_SEC);
  pthread_cond_destroy(&soon.cond);
  pthread_cond_destroy(&late.cond);
  clock_free(c);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(rfc3339_reads_what_go_reads),
    cmocka_unit_test(rfc3339_writes_what_kubernetes_writes),
    cmocka_unit_test(a_virtual_clock_wakes_those_whose_time_has_come),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
