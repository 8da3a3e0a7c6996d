#include "alloc_pools.h"

#include <string.h>

#include "ceilings.h"
#include "selector.h"

/* Slices of one pool that concern the node, while they are gathered. */
struct gathered {
  struct pool *pool;
  struct slice **v;
  uint32_t n, cap;
};

struct gathering {
  struct alloc_world *w;
  struct node *node;
  uint64_t number; /* another one for each gathering */
  struct gathered *pools;
  uint32_t n, cap;
  char *error;
};

static int
by_order(const void *x, const void *y)
{
  const struct slice *const *a = x, *const *b = y;

  return (*a)->order < (*b)->order ? -1 : (*a)->order > (*b)->order;
}

/* Older generations give way to newer ones, in the order in which slices come. */
static void
gather_slice(struct gathering *g, struct slice *s)
{
  struct gathered *p;

  if (s->pool->gathering != g->number) {
    if (g->n == g->cap) {
      g->cap = g->cap * 2 + 4;
      g->pools = mem_realloc(g->pools, g->cap * sizeof *g->pools);
    }
    s->pool->gathering = g->number;
    s->pool->gathered = g->n;
    g->pools[g->n++] = (struct gathered){ .pool = s->pool };
  }
  p = &g->pools[s->pool->gathered];
  if (p->n && s->generation < p->v[0]->generation)
    return;
  if (p->n && s->generation > p->v[0]->generation)
    p->n = 0;
  if (p->n == p->cap) {
    p->cap = p->cap * 2 + 1;
    p->v = mem_realloc(p->v, p->cap * sizeof(void *));
  }
  p->v[p->n++] = s;
}

static char *
broken_selector(const struct alloc_world *w, const struct node *n, uint32_t number)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  bool match;

  if (node_selector_matches(w->node_selectors[number - 1], n->tree, &match, &err) == 0)
    return mem_strdup("");
  return mem_printf("failed to parse node selector %s: %s", json_text(a, w->node_selectors[number - 1], 0), err.msg);
}

/* Is any device for this node? Selectors are looked at up to the first one that is. */
static bool
any_device_matches(struct gathering *g, const struct slice *s)
{
  struct alloc_world *w = g->w;
  _cleanup_free_ char *why = NULL;

  for (uint32_t i = 0; i < s->n_devices; i++) {
    const struct device_side *side = w->devices[s->first + i].side;
    enum node_match m;

    if (!side)
      continue;
    m = node_selection_match(w, g->node, side->node_name, side->all_nodes, side->node_selector);
    if (m == NODE_MATCHES)
      return true;
    if (m == NODE_SELECTOR_BROKEN) {
      why = broken_selector(w, g->node, side->node_selector);
      g->error = mem_printf("failed to perform node selection for device %s in slice %s: %s",
                            world_text(w, w->devices[s->first + i].name), world_text(w, s->name), why);
      return false;
    }
  }
  return false;
}

static void
consider(struct gathering *g, struct slice *s)
{
  const struct alloc_world *w = g->w;
  _cleanup_free_ char *why = NULL;
  bool has_counters = json_count(s->counter_sets) > 0;
  enum node_match m;

  if (!w->features.partitionable_devices && (s->per_device_given || has_counters))
    return;
  if (!w->features.compatibility_groups && s->has_groups)
    return;
  if (w->channel == ALLOC_STABLE && has_counters) {
    gather_slice(g, s);
  } else if (s->node_name || s->all_nodes || s->node_selector) {
    m = node_selection_match(w, g->node, s->node_name, s->all_nodes, s->node_selector);
    if (m == NODE_MATCHES)
      gather_slice(g, s);
    if (m == NODE_SELECTOR_BROKEN) {
      why = broken_selector(w, g->node, s->node_selector);
      g->error = mem_printf("failed to perform node selection for slice %s: %s", world_text(w, s->name), why);
    }
  } else if (s->per_device && any_device_matches(g, s)) {
    gather_slice(g, s);
  }
}

static void
gather(struct gathering *g)
{
  const struct alloc_world *w = g->w;
  const struct node_slices *near = g->node->near, *shared = &w->shared_slices, *counted = &w->counter_slices;
  struct slice **all;
  uint32_t n = 0;

  if (w->channel != ALLOC_STABLE) {
    for (uint32_t i = 0; near && i < near->n && !g->error; i++)
      consider(g, near->v[i]);
    for (uint32_t i = 0; i < shared->n && !g->error; i++)
      consider(g, shared->v[i]);
    return;
  }
  /* The order of all slices; those of other nodes only count when they have counters. */
  all = mem_calloc((near ? near->n : 0) + shared->n + counted->n + 1, sizeof(void *));
  for (uint32_t i = 0; near && i < near->n; i++)
    all[n++] = near->v[i];
  for (uint32_t i = 0; i < shared->n; i++)
    all[n++] = shared->v[i];
  for (uint32_t i = 0; i < counted->n; i++)
    if (counted->v[i]->node_name && counted->v[i]->node_name != g->node->name)
      all[n++] = counted->v[i];
  qsort(all, n, sizeof *all, by_order);
  for (uint32_t i = 0; i < n && !g->error; i++)
    consider(g, all[i]);
  free(all);
}

/* -- from gathered slices to a pool -- */

/* All slices of a generation, wherever they are. False: a newer generation exists. */
static bool
all_of_generation(const struct alloc_world *w, const struct pool *p, int64_t generation, struct slice **ret,
                  uint32_t *ret_n)
{
  *ret_n = 0;
  for (uint32_t i = 0; i < p->n; i++) {
    if (p->slices[i]->generation > generation)
      return false;
    if (p->slices[i]->generation == generation && (w->features.compatibility_groups || !p->slices[i]->has_groups))
      ret[(*ret_n)++] = p->slices[i];
  }
  return true;
}

static void
sort_by_name(const struct alloc_world *w, struct slice **v, uint32_t n)
{
  for (uint32_t i = 1; i < n; i++)
    for (uint32_t k = i;
         k > 0 && span_cmp(strings_span(w->names, v[k]->name), strings_span(w->names, v[k - 1]->name)) < 0; k--) {
      struct slice *t = v[k];

      v[k] = v[k - 1];
      v[k - 1] = t;
    }
}

static bool
has_name(struct slice *const *v, uint32_t n, sid name)
{
  for (uint32_t i = 0; i < n; i++)
    if (v[i]->name == name)
      return true;
  return false;
}

/* Which slices have devices for the node, which only devices that count, which counter sets. */
static void
split(const struct alloc_world *w, struct view_pool *p, const struct gathered *g, struct slice *const *all,
      uint32_t n_all)
{
  bool parts = w->features.partitionable_devices, stable = w->channel == ALLOC_STABLE;
  struct slice **others = mem_calloc(n_all + 1, sizeof(void *));
  struct slice **counted = mem_calloc(g->n + n_all + 1, sizeof(void *));

  p->slices = mem_calloc(g->n + n_all + 1, sizeof(void *));
  for (uint32_t i = 0; i < g->n; i++)
    if (parts && json_count(g->v[i]->counter_sets))
      counted[p->n_counter_slices++] = g->v[i];
    else
      p->slices[p->n_targets++] = g->v[i];
  for (uint32_t i = 0; g->n < n_all && i < n_all; i++)
    if (!has_name(g->v, g->n, all[i]->name)) {
      if (parts && json_count(all[i]->counter_sets) && !stable)
        counted[p->n_counter_slices++] = all[i];
      else if (parts)
        others[p->n_others++] = all[i];
    }
  for (uint32_t i = 0; i < p->n_others; i++)
    p->slices[p->n_targets + i] = others[i];
  for (uint32_t i = 0; i < p->n_counter_slices; i++)
    p->slices[p->n_targets + p->n_others + i] = counted[i];
  free(others);
  free(counted);
}

static char *
duplicate_name(struct alloc_world *w, const struct view_pool *p)
{
  sid twice;

  if (p->n_targets == 1 && !p->slices[0]->same_names)
    return NULL;
  world_marks_begin(w);
  for (uint32_t i = 0; i < p->n_targets; i++)
    if ((twice = slice_mark_names(w, p->slices[i])) != SID_NONE)
      return mem_printf("duplicate device name %s", world_text(w, twice));
  return NULL;
}

static void
count_devices(const struct alloc_world *w, struct view_pool *p)
{
  for (uint32_t i = 0; i < p->n_targets; i++) {
    p->n += p->slices[i]->n_devices;
    for (uint32_t d = 0; d < p->slices[i]->n_devices; d++)
      if (w->devices[p->slices[i]->first + d].flags & DEVICE_HAS_BINDING)
        p->binding = true;
  }
}

/* False: the pool is obsolete and left out. */
static bool
pool_build(struct alloc_world *w, struct gathered *g, struct view_pool *p)
{
  struct slice **all = mem_calloc(g->pool->n + 1, sizeof(void *));
  uint32_t n_all = 0;
  bool current = true;

  *p = (struct view_pool){ .pool = g->pool };
  if (g->n != g->v[0]->slice_count) {
    current = all_of_generation(w, g->pool, g->v[0]->generation, all, &n_all);
    if (n_all != g->v[0]->slice_count)
      p->state = POOL_INCOMPLETE;
  }
  if (current && p->state == POOL_USABLE) {
    if (w->channel != ALLOC_STABLE)
      sort_by_name(w, g->v, g->n);
    split(w, p, g, all, n_all);
    p->reason = duplicate_name(w, p);
    if (!p->reason && w->features.partitionable_devices)
      p->reason = counters_validate(w, p);
    if (p->reason)
      p->state = POOL_INVALID;
    else
      count_devices(w, p);
  }
  free(all);
  return current;
}

/* -- the view -- */

static int
pool_cmp(const void *x, const void *y, void *world)
{
  const struct alloc_world *w = world;
  const struct view_pool *a = x, *b = y;
  int c;

  if (w->channel != ALLOC_STABLE && a->binding != b->binding)
    return a->binding ? 1 : -1;
  c = span_cmp(strings_span(w->names, a->pool->driver), strings_span(w->names, b->pool->driver));
  return c ? c : span_cmp(strings_span(w->names, a->pool->name), strings_span(w->names, b->pool->name));
}

static void
note_device(struct alloc_world *w, struct node *n, struct view *v, const struct slice *s, uint32_t device)
{
  const struct device *d = &w->devices[device];
  const struct device_side *side = d->side;
  enum node_match m;

  if (v->n == 0)
    v->shape = d->caps;
  v->plain &= !d->side && !(d->flags & (DEVICE_SHAREABLE | DEVICE_NEEDS_BINDING)) && d->caps == v->shape &&
              json_count(s->skip_operations) == 0 && !s->per_device;
  if (s->per_device) {
    m = side ? node_selection_match(w, n, side->node_name, side->all_nodes, side->node_selector) : NODE_OTHER;
    if (m != NODE_MATCHES && !v->elsewhere) {
      v->elsewhere = mem_calloc(v->words + 1, sizeof(word));
      v->broken = mem_calloc(v->words + 1, sizeof(word));
    }
    if (m == NODE_OTHER)
      bit_set(v->elsewhere, v->n);
    if (m == NODE_SELECTOR_BROKEN)
      bit_set(v->broken, v->n);
  }
}

static void
devices_fill(struct alloc_world *w, struct node *n, struct view *v)
{
  uint32_t total = 0, slices = 0;

  for (uint32_t i = 0; i < v->n_pools; i++) {
    total += v->pools[i].n;
    slices += v->pools[i].n_targets;
  }
  v->words = words_for(total);
  v->devices = mem_calloc(total + 1, sizeof *v->devices);
  v->pool_of = mem_calloc(total + 1, sizeof *v->pool_of);
  v->runs = mem_calloc(slices + 1, sizeof *v->runs);
  v->plain = true;
  for (uint32_t i = 0; i < v->n_pools; i++) {
    struct view_pool *p = &v->pools[i];
    bool draws = false;

    p->first = v->n;
    for (uint32_t k = 0; p->state == POOL_USABLE && k < p->n_targets; k++) {
      const struct slice *s = p->slices[k];

      if (s->n_devices)
        v->runs[v->n_runs++] = (struct view_run){ .local = v->n, .first = s->first, .n = s->n_devices };
      for (uint32_t d = 0; d < s->n_devices; d++, v->n++) {
        v->devices[v->n] = s->first + d;
        v->pool_of[v->n] = i;
        note_device(w, n, v, s, s->first + d);
        draws |= w->devices[s->first + d].flags & DEVICE_DRAWS;
      }
    }
    if (draws && w->features.partitionable_devices)
      p->counters = counters_new(w, p);
    v->any_invalid |= p->state == POOL_INVALID;
  }
}

static struct view *
view_new(struct alloc_world *w, struct node *n)
{
  struct gathering g = { .w = w, .node = n, .number = ++w->gatherings };
  const struct node_slices *near = n->near;
  struct view *v = mem_alloc(sizeof *v);

  v->version = w->version;
  v->near_version = near ? near->version : 0;
  v->shared_version = w->shared_slices.version;
  v->counter_version = w->counter_slices.version;
  gather(&g);
  v->error = g.error;
  v->pools = mem_calloc(g.n + 1, sizeof *v->pools);
  v->stamps = mem_calloc(g.n + 1, sizeof *v->stamps);
  for (uint32_t i = 0; i < g.n; i++) {
    v->stamps[v->n_stamps++] = (struct pool_stamp){ g.pools[i].pool, g.pools[i].pool->version };
    if (!v->error && pool_build(w, &g.pools[i], &v->pools[v->n_pools]))
      v->n_pools++;
    free(g.pools[i].v);
  }
  free(g.pools);
  qsort_r(v->pools, v->n_pools, sizeof *v->pools, pool_cmp, w);
  devices_fill(w, n, v);
  return v;
}

static bool
view_is_right(const struct alloc_world *w, const struct node *n, struct view *v)
{
  const struct node_slices *near = n->near;

  if (v->version == w->version)
    return true;
  if (v->near_version != (near ? near->version : 0) || v->shared_version != w->shared_slices.version ||
      v->counter_version != w->counter_slices.version)
    return false;
  for (uint32_t i = 0; i < v->n_stamps; i++)
    if (v->stamps[i].version != v->stamps[i].pool->version)
      return false;
  v->version = w->version;
  return true;
}

struct view *
view_of(struct alloc_world *w, struct node *n)
{
  if (n->view && view_is_right(w, n, n->view))
    return n->view;
  view_free(n->view);
  n->view = view_new(w, n);
  return n->view;
}

void
view_free(struct view *v)
{
  if (!v)
    return;
  for (uint32_t i = 0; i < v->n_pools; i++) {
    free(v->pools[i].reason);
    free(v->pools[i].slices);
    counters_free(v->pools[i].counters);
  }
  free(v->pools);
  free(v->stamps);
  free(v->error);
  free(v->devices);
  free(v->pool_of);
  free(v->runs);
  free(v->elsewhere);
  free(v->broken);
  free(v);
}

size_t
view_memory(const struct view *v)
{
  size_t sum;

  if (!v)
    return 0;
  sum = sizeof *v + v->n_pools * (sizeof *v->pools + sizeof *v->stamps) + v->n * 2 * sizeof(uint32_t) +
        v->n_runs * sizeof *v->runs;
  for (uint32_t i = 0; i < v->n_pools; i++) {
    const struct view_pool *p = &v->pools[i];

    sum += (p->n_targets + p->n_others + p->n_counter_slices) * sizeof(void *);
    if (p->counters)
      sum += sizeof *p->counters + p->counters->n * 48 + p->counters->draw_at[p->n] * sizeof(struct counter_draw);
  }
  return sum;
}

word
view_word(const struct view *v, const struct bits *from, uint32_t w)
{
  word bits = 0;

  for (uint32_t i = 0; i < v->n_runs; i++) {
    const struct view_run *r = &v->runs[i];
    uint32_t start = r->local > w * 64 ? r->local : w * 64, end = r->local + r->n;

    if (end > w * 64 + 64)
      end = w * 64 + 64;
    if (start < end)
      bits |= bits_extract(from->w, r->first + (start - r->local), end - start) << (start - w * 64);
  }
  return bits;
}

void
view_gather(const struct view *v, const struct bits *from, word *ret)
{
  memset(ret, 0, v->words * sizeof *ret);
  for (uint32_t i = 0; i < v->n_runs; i++) {
    const struct view_run *r = &v->runs[i];

    for (uint32_t k = 0; k < r->n; k += 64) {
      uint32_t n = r->n - k < 64 ? r->n - k : 64, at = r->local + k;
      word bits = bits_extract(from->w, r->first + k, n);

      ret[at / 64] |= bits << (at % 64);
      if (at % 64 && at % 64 + n > 64)
        ret[at / 64 + 1] |= bits >> (64 - at % 64);
    }
  }
}
