#include "store.h"

#include <stdlib.h>
#include <string.h>

#include "store_internal.h"

static const struct {
  const char *name;
  store_open_fn *open;
} backends[] = {
  { "memory", store_memory_open },
  { "sqlite", store_sqlite_open },
  { "etcd", store_etcd_open },
};

int
store_open(const struct store_config *config, struct store **ret, struct kerr *reterr)
{
  const char *name = config->backend ? config->backend : "memory";

  for (size_t i = 0; i < ARRAY_SIZE(backends); i++)
    if (strcmp(backends[i].name, name) == 0)
      return backends[i].open(config, ret, reterr);
  return kerr_set(reterr, KERR_USAGE, NULL, "unknown store '%s'", name);
}

void
store_list_release(struct store_list *l)
{
  for (size_t i = 0; i < l->n; i++)
    record_unref(l->items[i]);
  free(l->items);
  *l = (struct store_list){ 0 };
}
