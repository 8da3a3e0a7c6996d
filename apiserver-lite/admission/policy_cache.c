#include "policy_cache.h"

#include <pthread.h>

struct entry {
  int64_t revision;
  size_t index;
  struct cel_policy *policy; /* one reference */
};

struct policy_cache {
  pthread_mutex_t lock;
  struct entry entries[POLICY_CACHE_MAX];
  size_t n, next; /* next: the one to be replaced when all are taken */
};

struct policy_cache *
policy_cache_new(void)
{
  struct policy_cache *c = mem_alloc(sizeof *c);

  (void)pthread_mutex_init(&c->lock, NULL);
  return c;
}

void
policy_cache_free(struct policy_cache *c)
{
  if (!c)
    return;
  for (size_t i = 0; i < c->n; i++)
    cel_policy_unref(c->entries[i].policy);
  (void)pthread_mutex_destroy(&c->lock);
  free(c);
}

static struct cel_policy *
find(struct policy_cache *c, int64_t revision, size_t index)
{
  for (size_t i = 0; i < c->n; i++)
    if (c->entries[i].revision == revision && c->entries[i].index == index)
      return cel_policy_ref(c->entries[i].policy);
  return NULL;
}

static void
keep(struct policy_cache *c, int64_t revision, size_t index, struct cel_policy *policy)
{
  struct entry *e = &c->entries[c->next];

  if (c->n < POLICY_CACHE_MAX)
    c->n++;
  c->next = (c->next + 1) % POLICY_CACHE_MAX;
  cel_policy_unref(e->policy);
  *e = (struct entry){ revision, index, cel_policy_ref(policy) };
}

struct cel_policy *
policy_cache_get(struct policy_cache *c, enum cel_policy_kind kind, const struct record *r, size_t index,
                 const struct json *tree)
{
  int64_t revision = record_revision(r);
  struct cel_policy *ret, *other;

  pthread_mutex_lock(&c->lock);
  ret = find(c, revision, index);
  pthread_mutex_unlock(&c->lock);
  if (ret)
    return ret;
  ret = cel_policy_new(kind, tree);
  pthread_mutex_lock(&c->lock);
  other = find(c, revision, index);
  if (!other)
    keep(c, revision, index, ret);
  pthread_mutex_unlock(&c->lock);
  if (!other)
    return ret;
  cel_policy_unref(ret);
  return other;
}
