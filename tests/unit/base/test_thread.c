#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <stdlib.h>

#include "mem.h"
#include "thread.h"

static void *
number(intptr_t n)
{
  intptr_t *p = mem_alloc(sizeof *p);

  *p = n;
  return p;
}

static void
a_box_is_bounded_and_closes(void **state)
{
  struct clock *c = clock_new_real();
  struct mailbox *m = mailbox_new(c, 3, free);
  void *extra = number(9);

  (void)state;
  assert_null(mailbox_receive(m, 0));
  for (int i = 0; i < 3; i++)
    assert_true(mailbox_send(m, number(i)));
  assert_false(mailbox_send(m, extra));
  for (intptr_t i = 0; i < 2; i++) {
    _cleanup_free_ intptr_t *got = mailbox_receive(m, 0);

    assert_int_equal(*got, i);
  }
  mailbox_close(m);
  assert_true(mailbox_closed(m));
  assert_false(mailbox_send(m, extra));
  _cleanup_free_ intptr_t *last = mailbox_receive(m, CLOCK_NEVER);
  assert_int_equal(*last, 2);
  assert_null(mailbox_receive(m, CLOCK_NEVER)); /* closed and empty: does not wait */
  free(extra);
  mailbox_free(m);
  clock_free(c);
}

static bool
readable(int fd)
{
  struct pollfd p = { .fd = fd, .events = POLLIN };

  return poll(&p, 1, 0) == 1;
}

static void
the_descriptor_says_when_there_is_something(void **state)
{
  struct clock *c = clock_new_real();
  struct mailbox *m = mailbox_new(c, 3, free);
  int fd = mailbox_fd(m);

  (void)state;
  assert_false(readable(fd));
  mailbox_send(m, number(1));
  mailbox_send(m, number(2));
  assert_true(readable(fd));
  free(mailbox_receive(m, 0));
  assert_true(readable(fd));
  free(mailbox_receive(m, 0));
  assert_false(readable(fd));
  mailbox_poke(m);
  assert_true(readable(fd));
  assert_null(mailbox_receive(m, CLOCK_NEVER)); /* does not wait */
  assert_false(readable(fd));
  mailbox_close(m);
  assert_true(readable(fd));
  mailbox_free(m);
  clock_free(c);
}

enum { SENDERS = 3, EACH = 2000 };

struct sender {
  struct mailbox *to;
  struct mailbox_waiter waiter;
  intptr_t next, end; /* the message to send; only touched by one thread at a time */
};

/* Sends as much as there is room for; the receiver's thread goes on from there. */
static void
pump(void *arg)
{
  struct sender *s = arg;

  while (s->next < s->end) {
    void *n = number(s->next);

    s->next++;
    if (!mailbox_send_or_wait(s->to, n, &s->waiter)) {
      s->next--;
      free(n);
      return;
    }
  }
}

static void
nothing_is_lost_when_senders_wait_for_room(void **state)
{
  struct clock *c = clock_new_real();
  struct mailbox *m = mailbox_new(c, 7, free);
  struct sender senders[SENDERS];
  intptr_t sum = 0;

  (void)state;
  for (int i = 0; i < SENDERS; i++) {
    senders[i] = (struct sender){ .to = m, .waiter = { .fn = pump, .arg = &senders[i] }, .next = 0, .end = EACH };
    pump(&senders[i]);
  }
  for (int i = 0; i < SENDERS * EACH; i++) {
    _cleanup_free_ intptr_t *got = mailbox_receive(m, CLOCK_NEVER);

    assert_non_null(got);
    sum += *got;
  }
  assert_int_equal(sum, SENDERS * (intptr_t)EACH * (EACH - 1) / 2);
  assert_null(mailbox_receive(m, 0));
  mailbox_free(m);
  clock_free(c);
}

static void *
send_all(void *arg)
{
  struct mailbox *m = arg;

  for (intptr_t i = 0; i < EACH; i++) {
    void *n = number(i);

    while (!mailbox_send(m, n))
      sched_yield();
  }
  return NULL;
}

static void
many_threads_send(void **state)
{
  struct clock *c = clock_new_real();
  struct mailbox *m = mailbox_new(c, 64, free);
  pthread_t threads[SENDERS];
  intptr_t sum = 0;

  (void)state;
  for (int i = 0; i < SENDERS; i++)
    thread_start(&threads[i], "sender", send_all, m);
  for (int i = 0; i < SENDERS * EACH; i++) {
    _cleanup_free_ intptr_t *got = mailbox_receive(m, CLOCK_NEVER);

    sum += *got;
  }
  for (int i = 0; i < SENDERS; i++)
    pthread_join(threads[i], NULL);
  assert_int_equal(sum, SENDERS * (intptr_t)EACH * (EACH - 1) / 2);
  mailbox_free(m);
  clock_free(c);
}

static void
a_cancelled_waiter_is_not_called(void **state)
{
  struct clock *c = clock_new_real();
  struct mailbox *m = mailbox_new(c, 1, free);
  struct sender s = { .to = m, .waiter = { .fn = pump, .arg = &s }, .end = 3 };

  (void)state;
  pump(&s);
  assert_int_equal(s.next, 1);
  mailbox_cancel(m, &s.waiter);
  mailbox_cancel(m, &s.waiter); /* harmless */
  free(mailbox_receive(m, 0));
  assert_null(mailbox_receive(m, 0));
  assert_int_equal(s.next, 1);
  mailbox_free(m);
  clock_free(c);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_box_is_bounded_and_closes),
    cmocka_unit_test(the_descriptor_says_when_there_is_something),
    cmocka_unit_test(nothing_is_lost_when_senders_wait_for_room),
    cmocka_unit_test(many_threads_send),
    cmocka_unit_test(a_cancelled_waiter_is_not_called),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
