#include "cluster_restore.h"

#include <string.h>
#include <unistd.h>

#include "ceilings.h"
#include "log.h"
#include "snapshot_file.h"

struct restoring {
  struct storage_codec_payload *codec;
  struct store *store;
  size_t objects;
};

/* An object as the API showed it becomes the document that is stored, as one that was read from etcd would. */
static int
restore_line(void *payload, struct arena *a, const struct json *line, struct kerr *reterr)
{
  struct restoring *r = payload;
  const struct json *object = json_get(line, "object");
  struct span key = span_of(json_get_str_or(line, "key", ""));
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(CEIL_MANIFEST);
  _cleanup_record_ struct record *record = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  (void)a;
  if (!object)
    return 0;
  json_write(&text, object, 0);
  if (storage_codec.decode(r->codec, key, 0, strbuf_view(&text), &record, reterr) < 0)
    return kerr_wrap(reterr, "'%.*s'", SPAN_FMT(key));
  r->objects++;
  if (store_cas(r->store, key, record, 0, NULL, &err) < 0 && err.code != KERR_ALREADY_EXISTS) /* of an earlier try */
    return kerr_move(reterr, &err);
  return 0;
}

int
cluster_restore(const struct cluster_dir *d, struct storage_codec_payload *codec, struct store *s, struct log *log,
                struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  char *path = cluster_dir_file(a, d, CLUSTER_RESTORE_FILE);
  struct restoring r = { .codec = codec, .store = s };
  struct json *head;

  if (!fs_exists(path))
    return 0;
  if (store_relax(s, true, reterr) < 0 || snapshot_read(path, a, &head, restore_line, &r, reterr) < 0 ||
      store_relax(s, false, reterr) < 0)
    return -(int)reterr->code;
  log_info(log, "store", "restored %zu objects", r.objects);
  if (strcmp(s->ops->name, "memory") != 0 && unlink(path) < 0)
    log_warn(log, "store", "%s cannot be removed, ignoring", path);
  return 0;
}
