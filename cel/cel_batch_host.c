#include "cel_batch_host.h"

bool
cel_batch_is_host(const struct json *record)
{
  (void)record;
  return false;
}

int
cel_batch_host_line(struct arena *a, const struct json *record, struct strbuf *out, struct kerr *reterr)
{
  (void)a;
  (void)record;
  (void)out;
  return kerr_set(reterr, KERR_PARSE, NULL, "no such record");
}
