#include "alloc_usage.h"

#include <assert.h>
#include <sys/random.h>

#include "ceilings.h"

/* What one claim holds, to be given back. */
struct holding {
  struct use *use;
  bool shared, capacity;
  struct use_capacity *v;
  size_t n_v;
};

struct holder {
  char *name; /* "namespace/name" */
  struct holding *v;
  size_t n;
};

struct alloc_usage {
  struct hmap *uses;    /* by key */
  struct hmap *holders; /* by uid */
  struct use **journal; /* entries in the order in which they changed */
  size_t n_journal, cap_journal;
  uint64_t serial; /* another one for every usage and whenever the journal starts anew */
};

static void
use_free(void *p)
{
  struct use *use = p;

  for (size_t i = 0; i < use->n_v; i++)
    free(use->v[i].name);
  free(use->v);
  free(use->key);
  free(use);
}

static void
holder_free(void *p)
{
  struct holder *h = p;

  for (size_t i = 0; i < h->n; i++) {
    for (size_t k = 0; k < h->v[i].n_v; k++)
      free(h->v[i].v[k].name);
    free(h->v[i].v);
  }
  free(h->v);
  free(h->name);
  free(h);
}

static void
new_serial(struct alloc_usage *u)
{
  u->n_journal = 0;
  if (getrandom(&u->serial, sizeof u->serial, 0) != sizeof u->serial)
    u->serial = (uint64_t)(uintptr_t)u ^ (u->serial + 1);
}

struct alloc_usage *
alloc_usage_new(void)
{
  struct alloc_usage *u = mem_alloc(sizeof *u);

  u->uses = hmap_new(use_free);
  u->holders = hmap_new(holder_free);
  new_serial(u);
  return u;
}

void
alloc_usage_free(struct alloc_usage *u)
{
  if (!u)
    return;
  hmap_free(u->holders);
  hmap_free(u->uses);
  free(u->journal);
  free(u);
}

static void
note(struct alloc_usage *u, struct use *use)
{
  if (u->n_journal > 1024 + 2 * hmap_count(u->uses))
    new_serial(u);
  if (u->n_journal == u->cap_journal) {
    u->cap_journal = u->cap_journal * 2 + 16;
    u->journal = mem_realloc(u->journal, u->cap_journal * sizeof(void *));
  }
  u->journal[u->n_journal++] = use;
}

static struct use *
use_of(struct alloc_usage *u, const char *key)
{
  struct use *use = hmap_get(u->uses, span_of(key));

  if (!use) {
    use = mem_alloc(sizeof *use);
    use->key = mem_strdup(key);
    hmap_put(u->uses, span_of(key), use);
  }
  return use;
}

static void
capacity_add(struct use *use, const char *name, amount n)
{
  for (size_t i = 0; i < use->n_v; i++)
    if (strcmp(use->v[i].name, name) == 0) {
      use->v[i].n = amount_add(use->v[i].n, n);
      return;
    }
  use->v = mem_realloc(use->v, (use->n_v + 1) * sizeof *use->v);
  use->v[use->n_v++] = (struct use_capacity){ .name = mem_strdup(name), .n = n };
}

static void
holding_count(struct holding *h, int sign)
{
  if (!h->shared)
    h->use->dedicated += (uint32_t)sign;
  else
    h->use->shares += (uint32_t)sign;
  if (h->capacity)
    h->use->capacities += (uint32_t)sign;
  for (size_t i = 0; i < h->n_v; i++)
    capacity_add(h->use, h->v[i].name, sign * h->v[i].n);
}

static void
release(struct alloc_usage *u, struct holder *h)
{
  for (size_t i = 0; i < h->n; i++) {
    holding_count(&h->v[i], -1);
    if (h->v[i].use->by == h->name)
      h->v[i].use->by = NULL;
    note(u, h->v[i].use);
  }
}

void
alloc_usage_remove_claim(struct alloc_usage *u, const char *uid)
{
  struct holder *h = hmap_take(u->holders, span_of(uid));

  if (!h)
    return;
  release(u, h);
  holder_free(h);
}

static void
holding_fill(struct alloc_usage *u, struct holding *h, const struct json *result, struct arena *a)
{
  const struct json *capacity = json_get(result, "consumedCapacity");
  const char *key = arena_printf(a, "%s/%s/%s", json_get_str_or(result, "driver", ""),
                                 json_get_str_or(result, "pool", ""), json_get_str_or(result, "device", ""));

  h->use = use_of(u, key);
  h->shared = json_is(json_get(result, "shareID"), JSON_STRING);
  h->capacity = h->shared && json_is(capacity, JSON_OBJECT);
  if (!h->capacity)
    return;
  h->v = mem_calloc(json_count(capacity) + 1, sizeof *h->v);
  for (json_each_member (m, capacity))
    h->v[h->n_v++] = (struct use_capacity){ .name = mem_strdup(m->name), .n = measure_of(a, m->value).n };
}

void
alloc_usage_set_claim(struct alloc_usage *u, const struct json *claim)
{
  const struct json *meta = json_get(claim, "metadata");
  const struct json *results = json_dig(claim, "status", "allocation", "devices", "results", NULL);
  const char *uid = json_get_str_or(meta, "uid", "");
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct holder *h;

  alloc_usage_remove_claim(u, uid);
  if (json_count(results) == 0)
    return;
  h = mem_alloc(sizeof *h);
  h->name = mem_printf("%s/%s", json_get_str_or(meta, "namespace", ""), json_get_str_or(meta, "name", ""));
  h->v = mem_calloc(json_count(results), sizeof *h->v);
  for (json_each_item (r, results)) {
    if (json_get_bool(*r, "adminAccess", false))
      continue;
    holding_fill(u, &h->v[h->n], *r, a);
    holding_count(&h->v[h->n], 1);
    h->v[h->n].use->by = h->name;
    note(u, h->v[h->n].use);
    h->n++;
  }
  hmap_put(u->holders, span_of(uid), h);
}

void
alloc_usage_add(struct alloc_usage *u, const struct json *allocated)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  const struct json *devices = json_get(allocated, "devices"), *shared = json_get(allocated, "sharedDevices"),
                    *consumed = json_get(allocated, "consumedCapacity");
  struct use *use;

  for (json_each_item (d, devices)) {
    use = use_of(u, json_str(*d) ? json_str(*d) : "");
    use->dedicated++;
    note(u, use);
  }
  for (json_each_item (d, shared)) {
    use = use_of(u, json_get_str_or(*d, "device", ""));
    use->shares++;
    note(u, use);
  }
  for (json_each_item (d, consumed)) {
    const struct json *capacity = json_get(*d, "capacity");

    use = use_of(u, json_get_str_or(*d, "device", ""));
    use->capacities++;
    for (json_each_member (m, capacity))
      capacity_add(use, m->name, measure_of(a, m->value).n);
    note(u, use);
  }
}

/* -- a world follows -- */

static void
device_mark(struct alloc_world *w, uint32_t device, struct use *use)
{
  bool dedicated = use && use->dedicated, shared = use && (use->shares || use->capacities);

  if (w->channel == ALLOC_STABLE) /* knows nothing of shares */
    shared = false;
  bit_put(w->dedicated.w, device, dedicated);
  bit_put(w->shared.w, device, shared);
  bit_put(w->allocated.w, device, dedicated || shared);
  w->uses[device] = use && (use->dedicated || use->shares || use->capacities) ? use : NULL;
}

static void
reserve(struct alloc_world *w)
{
  bits_reserve(&w->dedicated, w->cap_devices);
  bits_reserve(&w->shared, w->cap_devices);
  bits_reserve(&w->allocated, w->cap_devices);
  if (w->cap_devices > w->cap_uses) {
    w->uses = mem_realloc(w->uses, w->cap_devices * sizeof(void *));
    memset(w->uses + w->cap_uses, 0, (w->cap_devices - w->cap_uses) * sizeof(void *));
    w->cap_uses = w->cap_devices;
  }
}

/* The devices called `key`: driver is what stands before the first slash, device what stands after the last. */
static void
use_apply(struct alloc_world *w, struct use *use)
{
  const char *slash = strchr(use->key, '/'), *last = strrchr(use->key, '/');
  sid key[2], name;
  struct pool *pool;

  if (!slash || slash == last)
    return;
  key[0] = strings_find(w->names, span_make(use->key, (size_t)(slash - use->key)));
  key[1] = strings_find(w->names, span_make(slash + 1, (size_t)(last - slash - 1)));
  name = strings_find(w->names, span_of(last + 1));
  pool = hmap_get(w->pool_index, span_make((const char *)key, sizeof key));
  if (!pool || name == SID_NONE)
    return;
  for (uint32_t i = 0; i < pool->n; i++)
    for (uint32_t d = 0; d < pool->slices[i]->n_devices; d++)
      if (w->devices[pool->slices[i]->first + d].name == name)
        device_mark(w, pool->slices[i]->first + d, use);
}

static void
fresh_apply(struct alloc_world *w, const struct alloc_usage *u, const struct slice *s)
{
  for (uint32_t i = 0; i < s->n_devices; i++)
    device_mark(w, s->first + i, hmap_get(u->uses, span_of(device_id(w, s->first + i, w->scratch))));
  arena_reset(w->scratch);
}

static void
follow_from_scratch(struct alloc_world *w, const struct alloc_usage *u)
{
  size_t cursor = 0;
  void *use;

  for (uint32_t i = 0; i < w->n_devices; i++)
    device_mark(w, i, NULL);
  while (u && hmap_next(u->uses, &cursor, NULL, &use))
    use_apply(w, use);
  w->usage = u;
  w->usage_serial = u ? u->serial : 0;
  w->usage_seen = u ? u->n_journal : 0;
  w->usage_version++;
}

void
world_follow(struct alloc_world *w, const struct alloc_usage *u)
{
  if (w->usage_version && w->n_fresh == 0 && u == w->usage &&
      (!u || (u->serial == w->usage_serial && u->n_journal == w->usage_seen)))
    return;
  reserve(w);
  if (!w->usage_version || u != w->usage || (u && u->serial != w->usage_serial)) {
    follow_from_scratch(w, u);
  } else {
    for (; u && w->usage_seen < u->n_journal; w->usage_seen++)
      use_apply(w, u->journal[w->usage_seen]);
    for (uint32_t i = 0; u && i < w->n_fresh; i++)
      if (w->slices[w->fresh[i]])
        fresh_apply(w, u, w->slices[w->fresh[i]]);
    w->usage_version++;
  }
  w->n_fresh = 0;
}

void
world_note_fresh(struct alloc_world *w, const struct slice *s)
{
  if (w->n_fresh == w->cap_fresh) {
    w->cap_fresh = w->cap_fresh * 2 + 8;
    w->fresh = mem_realloc(w->fresh, w->cap_fresh * sizeof *w->fresh);
  }
  w->fresh[w->n_fresh++] = s->number;
}

void
world_forget_uses(struct alloc_world *w, const struct slice *s)
{
  for (uint32_t i = s->first; i < s->first + s->n_devices && i < w->cap_uses; i++)
    device_mark(w, i, NULL);
}
