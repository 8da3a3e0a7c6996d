#include "store_status.h"

#include <inttypes.h>

int
store_status_read(struct store *s, struct store_status *ret, struct kerr *reterr)
{
  struct store_range one = { .prefix = SPAN("/"), .limit = 1 };
  struct store_list list;

  if (store_list(s, &one, &list, reterr) < 0)
    return -(int)reterr->code;
  *ret = (struct store_status){ .backend = s->ops->name,
                                .revision = list.revision,
                                .compacted = store_floor(s),
                                .keys = (int64_t)list.n + list.remaining };
  store_list_release(&list);
  return 0;
}

/* `or_further`: that somebody else has done so in between is fine. */
static int
compact_to(struct store *s, int64_t revision, bool or_further, struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (store_compact(s, revision, &err) == 0 || (or_further && err.code == KERR_EXPIRED))
    return 0;
  return kerr_move(reterr, &err);
}

int
store_status_compact(struct store *s, int64_t revision, struct store_status *ret, struct kerr *reterr)
{
  int r = store_status_read(s, ret, reterr);

  if (r < 0)
    return r;
  if (revision > ret->revision)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL,
                    "required revision is a future revision: %" PRId64 ", the store is at %" PRId64, revision,
                    ret->revision);
  if (revision != 0 && revision <= ret->compacted)
    return kerr_set(reterr, KERR_EXPIRED, NULL,
                    "required revision has been compacted: %" PRId64 ", the store is compacted at %" PRId64, revision,
                    ret->compacted);
  r = compact_to(s, revision ? revision : ret->revision, revision == 0, reterr);
  return r < 0 ? r : store_status_read(s, ret, reterr);
}

struct json *
store_status_json(struct arena *a, const struct store_status *status)
{
  struct json *o = json_new_object(a);

  json_set_str(a, o, "backend", status->backend);
  json_set_int(a, o, "revision", status->revision);
  json_set_int(a, o, "compacted", status->compacted);
  json_set_int(a, o, "keys", status->keys);
  return o;
}
