#include <stdio.h>
#include <string.h>

#include "kclient_internal.h"

#define KEY_MAX 512 /* a namespace of 63, a name of 253 */

struct kclient_cache {
  struct hmap *records; /* "ns/name" → record; "/name" where there are no namespaces */
  bool synced;
};

static void
unref(void *r)
{
  record_unref(r);
}

struct kclient_cache *
kclient_cache_new(void)
{
  struct kclient_cache *k = mem_alloc(sizeof *k);

  k->records = hmap_new(unref);
  return k;
}

void
kclient_cache_free(struct kclient_cache *k)
{
  if (!k)
    return;
  hmap_free(k->records);
  free(k);
}

static struct span
key(char buf[KEY_MAX], const char *ns, const char *name)
{
  int n = snprintf(buf, KEY_MAX, "%s/%s", ns ? ns : "", name);

  return span_make(buf, n < KEY_MAX ? (size_t)n : KEY_MAX - 1);
}

static struct span
key_of(char buf[KEY_MAX], struct record *r)
{
  return key(buf, object_namespace(record_tree(r)), object_name(record_tree(r)));
}

static void
put(struct kclient_cache *k, struct span at, struct record *r)
{
  struct record *have = hmap_get(k->records, at);

  if (!have || record_revision(have) < record_revision(r))
    hmap_put(k->records, at, record_ref(r));
}

void
kclient_cache_put(struct kclient_cache *k, struct record *r)
{
  char buf[KEY_MAX];

  put(k, key_of(buf, r), r);
}

void
kclient_cache_apply(struct kclient_cache *k, const struct kclient_change *change)
{
  char buf[KEY_MAX];
  struct record *have;
  struct span at;

  if (change->type == KCLIENT_SYNCED) {
    k->synced = true;
    return;
  }
  at = change->informer ? kclient_record_key(kclient_informer_resource(change->informer), change->record)
                        : key_of(buf, change->record);
  if (change->type != KCLIENT_DELETED) {
    put(k, at, change->record);
    return;
  }
  /* A newer object of the same name, put by hand, outlives the news of the old one's end. */
  have = hmap_get(k->records, at);
  if (have && strcmp(object_uid(record_tree(have)), object_uid(record_tree(change->record))) == 0)
    hmap_remove(k->records, at);
}

bool
kclient_cache_synced(const struct kclient_cache *k)
{
  return k->synced;
}

struct record *
kclient_cache_get(const struct kclient_cache *k, const char *ns, const char *name)
{
  char buf[KEY_MAX];

  return hmap_get(k->records, key(buf, ns, name));
}

size_t
kclient_cache_count(const struct kclient_cache *k)
{
  return hmap_count(k->records);
}

struct record *
kclient_cache_next(const struct kclient_cache *k, size_t *cursor)
{
  struct span at;
  void *value;

  return hmap_next(k->records, cursor, &at, &value) ? value : NULL;
}
