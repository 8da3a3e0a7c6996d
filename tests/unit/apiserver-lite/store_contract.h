/*
 * store_contract - what every store must do, whatever is behind it.
 *
 * A test program per backend describes how to open one and calls
 * store_contract_run(). Decorators run it too.
 */
#ifndef TESTS_STORE_CONTRACT_H
#define TESTS_STORE_CONTRACT_H

#include "store.h"

struct store_contract {
  const char *name;
  bool durable; /* what was written is there when it is opened again */
  /* A store on `config`, whose path is a file in a new folder. `config->backend` is for this to choose. */
  struct store *(*open)(const struct store_config *config);
  void (*cleanup)(const struct store_config *config); /* after a test, when the store is closed; may be NULL */
};

/* Runs the suite; the result is main's. */
int store_contract_run(const struct store_contract *contract);

#endif
