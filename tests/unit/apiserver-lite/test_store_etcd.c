#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <libgen.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "etcd_client.h"
#include "etcd_message.h"
#include "etcd_server.h"
#include "fs.h"
#include "store_contract.h"
#include "thread.h"

/* -- the contract: an etcd per test, which stays when the store is opened again -- */

static struct etcd_server *contract_server; /* of the test that runs */

static struct store *
open_on(const char *endpoint, const struct store_config *config)
{
  struct store_config etcd = *config;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct store *s = NULL;

  etcd.backend = "etcd";
  etcd.etcd.endpoints = endpoint;
  etcd.etcd.codec = &etcd_test_codec;
  if (store_open(&etcd, &s, &err) < 0)
    fail_msg("%s", err.msg);
  return s;
}

static struct store *
open_etcd(const struct store_config *config)
{
  _cleanup_free_ char *path = mem_strdup(config->path);

  if (!contract_server)
    contract_server = etcd_server_start(dirname(path));
  return open_on(etcd_server_endpoint(contract_server), config);
}

static void
stop_etcd(const struct store_config *config)
{
  (void)config;
  etcd_server_kill(steal_pointer(&contract_server));
}

int
main(void)
{
  static const struct store_contract contract = {
    .name = "etcd", .durable = true, .open = open_etcd, .cleanup = stop_etcd
  };

  if (etcd_server_missing())
    return 77;
  return store_contract_run(&contract);
}
