/*
 * store_fault - a store that fails when it is told to, for tests.
 *
 * Counts the calls of each operation; the nth from now on can be made to fail
 * with any code, before or after the inner store has done it (the second is
 * what a lost answer looks like), or to be late.
 *
 * Threads: as any store; faults may be set at any time.
 */
#ifndef APISERVER_STORE_FAULT_H
#define APISERVER_STORE_FAULT_H

#include "store.h"

enum store_fault_op {
  STORE_FAULT_GET,
  STORE_FAULT_LIST,
  STORE_FAULT_CAS,
  STORE_FAULT_WATCH,
  STORE_FAULT_COMPACT,
  STORE_FAULT_OPS
};

struct store_fault {
  enum store_fault_op op;
  int nth;             /* 1: the next call; counts down with each call of this operation */
  int times;           /* so many calls from there on; 0: all */
  enum kerr_code code; /* KERR_OK: do not fail, only be late */
  bool after;          /* do it, then fail all the same */
  int64_t delay;       /* nanoseconds on the store's clock, before anything else */
};

#define STORE_FAULTS_MAX 16

/* Takes over `inner`, which is freed with the result. `clock` is borrowed. */
struct store *store_fault_new(struct store *inner, struct clock *clock);
/* At most STORE_FAULTS_MAX at a time. */
void store_fault_add(struct store *s, const struct store_fault *fault);
void store_fault_clear(struct store *s);

#endif
