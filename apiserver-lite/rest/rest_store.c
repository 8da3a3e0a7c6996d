#include "rest_store.h"

#include <string.h>

#include "apiserver_internal.h"
#include "number.h"
#include "rest_route.h"
#include "store_status.h"

static int
compact(struct rest_call *c, struct store_status *ret, struct kerr *reterr)
{
  const char *text = rest_query(c, "revision");
  int64_t revision = 0;

  if (text && (!number_int64(span_of(text), &revision) || revision < 1))
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "'%s' is not a revision: those are numbers from 1", text);
  return store_status_compact(c->s->store, revision, ret, reterr);
}

int
rest_store_serve(struct rest_call *c, const char *rest, struct kerr *reterr)
{
  bool compacts = strcmp(rest, "/compact") == 0;
  struct store_status status;
  int r;

  if (*rest && !compacts)
    return rest_no_such_page(c);
  if (strcmp(c->req->method, compacts ? "POST" : "GET") != 0)
    return rest_method_not_allowed(c, reterr);
  r = compacts ? compact(c, &status, reterr) : store_status_read(c->s->store, &status, reterr);
  if (r == 0)
    rest_answer_document(c, store_status_json(c->a, &status));
  return r;
}
