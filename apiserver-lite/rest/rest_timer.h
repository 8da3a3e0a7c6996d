/*
 * rest_timer - wakes watches when their time has come: a bookmark is due, or timeoutSeconds are over.
 *
 * One thread for all of them, started with the first. A watch is an entry with
 * one deadline; when it has passed, its function is called once, from the timer's
 * thread, and must only set a flag and wake somebody.
 */
#ifndef APISERVER_REST_TIMER_H
#define APISERVER_REST_TIMER_H

#include "clock.h"

struct rest_timers;
struct rest_timer {
  struct rest_timer *next, *prev;
  int64_t deadline; /* clock_mono */
  bool armed;
  void (*fn)(void *arg);
  void *arg;
};

struct rest_timers *rest_timers_new(struct clock *clock); /* clock borrowed */
void rest_timers_free(struct rest_timers *t);             /* nothing is armed */
/* (Re)arm. `timer` stays where it is until disarmed. */
void rest_timer_arm(struct rest_timers *t, struct rest_timer *timer, int64_t deadline);
/* When it returns, the function is not running and will not run. */
void rest_timer_disarm(struct rest_timers *t, struct rest_timer *timer);

#endif
