#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_contract.h"

static struct store *
open_memory(const struct store_config *config)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct store *s = NULL;

  if (store_open(config, &s, &err) < 0)
    fail_msg("%s", err.msg);
  return s;
}

int
main(void)
{
  static const struct store_contract contract = { .name = "memory", .open = open_memory };

  return store_contract_run(&contract);
}
