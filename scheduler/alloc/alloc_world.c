/* The world's tables: see alloc_world.h. Every change gives out a new version, by which views notice it. */
#include "alloc_world.h"

#include <assert.h>

#include "alloc_job.h"
#include "alloc_projection.h"
#include "alloc_usage.h"
#include "ceilings.h"
#include "selector.h"

#define OPTIONAL_OPERATIONS "DRAOptionalNodeOperations"

/* -- lists of slices -- */

static void
list_add(struct slice ***v, uint32_t *n, uint32_t *cap, struct slice *s)
{
  uint32_t i;

  if (*n == *cap) {
    *cap = *cap ? *cap * 2 : 1;
    *v = mem_realloc(*v, *cap * sizeof **v);
  }
  for (i = *n; i > 0 && (*v)[i - 1]->order > s->order; i--)
    (*v)[i] = (*v)[i - 1];
  (*v)[i] = s;
  ++*n;
}

static void
list_remove(struct slice **v, uint32_t *n, const struct slice *s)
{
  uint32_t i = 0;

  while (v[i] != s)
    i++;
  for (--*n; i < *n; i++)
    v[i] = v[i + 1];
}

static void
pool_free(void *p)
{
  struct pool *pool = p;

  free(pool->slices);
  free(pool);
}

static void
node_slices_free(void *p)
{
  struct node_slices *n = p;

  free(n->v);
  free(n);
}

static struct pool *
pool_of(struct alloc_world *w, sid driver, sid name)
{
  sid key[2] = { driver, name };
  struct span k = span_make((const char *)key, sizeof key);
  struct pool *p = hmap_get(w->pool_index, k);

  if (!p) {
    p = mem_alloc(sizeof *p);
    p->driver = driver;
    p->name = name;
    hmap_put(w->pool_index, k, p);
  }
  return p;
}

/* Made when it is first asked for; lives as long as the world. */
static struct node_slices *
node_slices_named(struct alloc_world *w, sid name)
{
  struct span k = span_make((const char *)&name, sizeof name);
  struct node_slices *n = hmap_get(w->node_slices_index, k);

  if (!n) {
    n = mem_alloc(sizeof *n);
    hmap_put(w->node_slices_index, k, n);
  }
  return n;
}

static struct node_slices *
node_slices_of(struct alloc_world *w, const struct slice *s)
{
  return s->node_name ? node_slices_named(w, s->node_name) : &w->shared_slices;
}

/* -- slices -- */

static struct slice *
slice_enter(struct alloc_world *w, const struct json *tree, struct record *record, uint64_t order)
{
  uint32_t number = w->n_holes ? w->holes[--w->n_holes] : w->n_slices++;
  struct node_slices *near;
  struct slice *s;

  if (number >= w->cap_slices) {
    w->cap_slices = w->cap_slices * 2 + 8;
    w->slices = mem_realloc(w->slices, w->cap_slices * sizeof(void *));
  }
  s = w->slices[number] = slice_new(w, number, tree, record);
  s->order = order ? order : ++w->order;
  s->pool = pool_of(w, s->driver,
                    strings_put(w->names, span_of(json_get_str_or(json_dig(tree, "spec", "pool", NULL), "name", ""))));
  list_add(&s->pool->slices, &s->pool->n, &s->pool->cap, s);
  s->alone = s->pool->n == 1;
  if (s->pool->n == 2)
    s->pool->slices[0]->alone = s->pool->slices[1]->alone = false;
  near = node_slices_of(w, s);
  list_add(&near->v, &near->n, &near->cap, s);
  if (json_count(s->counter_sets))
    list_add(&w->counter_slices.v, &w->counter_slices.n, &w->counter_slices.cap, s);
  s->pool->version = near->version = ++w->version;
  slice_apply_rules(w, s);
  world_note_fresh(w, s);
  return s;
}

static void
slice_leave(struct alloc_world *w, struct slice *s)
{
  struct node_slices *near = node_slices_of(w, s);

  list_remove(s->pool->slices, &s->pool->n, s);
  if (s->pool->n == 1)
    s->pool->slices[0]->alone = true;
  list_remove(near->v, &near->n, s);
  if (json_count(s->counter_sets))
    list_remove(w->counter_slices.v, &w->counter_slices.n, s);
  s->pool->version = near->version = ++w->version;
  if (w->n_holes == w->cap_holes) {
    w->cap_holes = w->cap_holes * 2 + 8;
    w->holes = mem_realloc(w->holes, w->cap_holes * sizeof *w->holes);
  }
  w->holes[w->n_holes++] = s->number;
  w->slices[s->number] = NULL;
  world_forget_uses(w, s);
  slice_free(w, s);
}

static const char *
tree_name(const struct json *tree)
{
  return json_get_str_or(json_get(tree, "metadata"), "name", "");
}

void
alloc_world_set_slice(struct alloc_world *w, struct record *slice)
{
  const struct json *tree = record_tree(slice);
  struct slice *old = hmap_get(w->slice_index, span_of(tree_name(tree)));
  uint64_t order = old ? old->order : 0;

  record_ref(slice);
  if (old)
    slice_leave(w, old);
  hmap_put(w->slice_index, span_of(tree_name(tree)), slice_enter(w, tree, slice, order));
  record_unref(slice);
}

void
alloc_world_borrow_slice(struct alloc_world *w, const struct json *slice)
{
  slice_enter(w, slice, NULL, 0);
}

void
alloc_world_remove_slice(struct alloc_world *w, const char *name)
{
  struct slice *s = hmap_take(w->slice_index, span_of(name));

  if (s)
    slice_leave(w, s);
}

/* -- classes -- */

static void
class_free(void *p)
{
  struct class *c = p;

  record_unref(c->record);
  free(c);
}

static void
class_put(struct alloc_world *w, const struct json *tree, struct record *record)
{
  struct class *c = mem_alloc(sizeof *c);

  c->tree = tree;
  c->record = record ? record_ref(record) : NULL;
  c->name = strings_put(w->names, span_of(tree_name(tree)));
  hmap_put(w->class_index, span_of(tree_name(tree)), c);
  w->class_version++;
}

void
alloc_world_set_class(struct alloc_world *w, struct record *device_class)
{
  class_put(w, record_tree(device_class), device_class);
}

void
alloc_world_borrow_class(struct alloc_world *w, const struct json *device_class)
{
  class_put(w, device_class, NULL);
}

void
alloc_world_remove_class(struct alloc_world *w, const char *name)
{
  if (hmap_remove(w->class_index, span_of(name)))
    w->class_version++;
}

const struct class *
world_class(const struct alloc_world *w, const char *name)
{
  return hmap_get(w->class_index, span_of(name));
}

/* -- nodes -- */

struct node *
node_new(struct alloc_world *w, const struct json *tree, struct record *record)
{
  struct node *n = mem_alloc(sizeof *n);
  const struct json *declared = json_dig(tree, "status", "declaredFeatures", NULL);

  n->tree = tree;
  n->record = record ? record_ref(record) : NULL;
  n->name = strings_put(w->names, span_of(tree_name(tree)));
  n->near = n->name ? node_slices_named(w, n->name) : NULL;
  for (json_each_item (f, declared))
    if (json_str(*f) && strcmp(json_str(*f), OPTIONAL_OPERATIONS) == 0)
      n->optional_operations = true;
  return n;
}

void
node_free(struct node *n)
{
  if (!n)
    return;
  view_free(n->view);
  free(n->matches);
  record_unref(n->record);
  free(n);
}

static void
node_free_value(void *p)
{
  node_free(p);
}

static void
node_put(struct alloc_world *w, struct node *n)
{
  struct span name = strings_span(w->names, n->name);
  const struct node *old = hmap_get(w->node_index, name);

  if (!old && w->n_nodes == w->cap_nodes) {
    w->cap_nodes = w->cap_nodes + w->cap_nodes / 2 + 8;
    w->nodes = mem_realloc(w->nodes, w->cap_nodes * sizeof(void *));
  }
  n->place = old ? old->place : w->n_nodes++;
  w->nodes[n->place] = n;
  hmap_put(w->node_index, name, n);
}

void
alloc_world_set_node(struct alloc_world *w, struct record *node)
{
  node_put(w, node_new(w, record_tree(node), node));
}

void
alloc_world_borrow_node(struct alloc_world *w, const struct json *node)
{
  node_put(w, node_new(w, node, NULL));
}

void
alloc_world_remove_node(struct alloc_world *w, const char *name)
{
  const struct node *n = hmap_get(w->node_index, span_of(name));

  if (!n)
    return;
  w->nodes[n->place] = w->nodes[--w->n_nodes];
  w->nodes[n->place]->place = n->place;
  hmap_remove(w->node_index, span_of(name));
}

struct node *
world_node(struct alloc_world *w, const struct json *node)
{
  struct node *n;

  for (uint32_t i = w->last_node; i < w->n_nodes && i < w->last_node + 2; i++)
    if (w->nodes[i]->tree == node) {
      w->last_node = i;
      return w->nodes[i];
    }
  n = hmap_get(w->node_index, span_of(tree_name(node)));
  if (!n || n->tree != node)
    return NULL;
  w->last_node = n->place;
  return n;
}

enum node_match
node_selector_match(const struct alloc_world *w, struct node *n, uint32_t number)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  bool match = false;

  if (number >= n->n_matches) {
    n->matches = mem_realloc(n->matches, w->n_node_selectors);
    memset(n->matches + n->n_matches, 0, w->n_node_selectors - n->n_matches);
    n->n_matches = w->n_node_selectors;
  }
  if (n->matches[number] == NODE_UNKNOWN) {
    if (node_selector_matches(w->node_selectors[number], n->tree, &match, &err) < 0)
      n->matches[number] = NODE_SELECTOR_BROKEN;
    else
      n->matches[number] = match ? NODE_MATCHES : NODE_OTHER;
  }
  return (enum node_match)n->matches[number];
}

enum node_match
node_selection_match(const struct alloc_world *w, struct node *n, sid node_name, bool all_nodes, uint32_t node_selector)
{
  if (node_name)
    return node_name == n->name ? NODE_MATCHES : NODE_OTHER;
  if (all_nodes)
    return NODE_MATCHES;
  return node_selector ? node_selector_match(w, n, node_selector - 1) : NODE_OTHER;
}

/* -- taint rules -- */

static void
rules_changed(struct alloc_world *w)
{
  for (uint32_t i = 0; i < w->n_slices; i++)
    if (w->slices[i])
      slice_apply_rules(w, w->slices[i]);
  w->version++;
}

static void
rule_put(struct alloc_world *w, const struct json *tree, struct record *record, bool replace)
{
  uint32_t i = w->n_rules;

  if (replace)
    for (i = 0; i < w->n_rules && strcmp(tree_name(w->rules[i]), tree_name(tree)) != 0; i++)
      ;
  if (i == w->cap_rules) {
    w->cap_rules = w->cap_rules * 2 + 4;
    w->rules = mem_realloc(w->rules, w->cap_rules * sizeof(void *));
    w->rule_records = mem_realloc(w->rule_records, w->cap_rules * sizeof(void *));
  }
  if (record)
    record_ref(record);
  if (i < w->n_rules)
    record_unref(w->rule_records[i]);
  else
    w->n_rules++;
  w->rules[i] = tree;
  w->rule_records[i] = record;
  rules_changed(w);
}

void
alloc_world_set_taint_rule(struct alloc_world *w, struct record *rule)
{
  rule_put(w, record_tree(rule), rule, true);
}

void
alloc_world_borrow_taint_rule(struct alloc_world *w, const struct json *rule)
{
  rule_put(w, rule, NULL, false);
}

void
alloc_world_remove_taint_rule(struct alloc_world *w, const char *name)
{
  for (uint32_t i = 0; i < w->n_rules; i++)
    if (strcmp(tree_name(w->rules[i]), name) == 0) {
      record_unref(w->rule_records[i]);
      for (--w->n_rules; i < w->n_rules; i++) {
        w->rules[i] = w->rules[i + 1];
        w->rule_records[i] = w->rule_records[i + 1];
      }
      rules_changed(w);
      return;
    }
}

/* -- the whole -- */

struct alloc_world *
alloc_world_new(const struct alloc_features *features, enum alloc_channel channel)
{
  struct alloc_world *w = mem_alloc(sizeof *w);

  w->features = *features;
  w->channel = channel;
  w->consumable = features->consumable_capacity && channel != ALLOC_STABLE;
  w->names = strings_new();
  w->atoms = strings_new();
  w->interned = arena_new(CEIL_ARENA_CYCLE);
  w->scratch = arena_new(CEIL_ARENA_REQUEST);
  w->shape_index = hmap_new(NULL);
  w->composite_index = hmap_new(NULL);
  w->node_selector_index = hmap_new(NULL);
  w->slice_index = hmap_new(NULL);
  w->pool_index = hmap_new(pool_free);
  w->node_slices_index = hmap_new(node_slices_free);
  w->class_index = hmap_new(class_free);
  w->node_index = hmap_new(node_free_value);
  w->selector_index = hmap_new(NULL);
  w->filter_index = hmap_new(NULL);
  w->version = 1;
  return w;
}

void
alloc_world_free(struct alloc_world *w)
{
  if (!w)
    return;
  job_discard(w->spare_job);
  hmap_free(w->node_index);
  for (uint32_t i = 0; i < w->n_slices; i++)
    slice_free(w, w->slices[i]);
  for (uint32_t i = 0; i < w->n_rules; i++)
    record_unref(w->rule_records[i]);
  filters_free(w);
  hmap_free(w->shape_index);
  hmap_free(w->composite_index);
  hmap_free(w->node_selector_index);
  hmap_free(w->slice_index);
  hmap_free(w->pool_index);
  hmap_free(w->node_slices_index);
  hmap_free(w->class_index);
  strings_free(w->names);
  strings_free(w->atoms);
  arena_free(w->interned);
  arena_free(w->scratch);
  bits_release(&w->dedicated);
  bits_release(&w->allocated);
  bits_release(&w->shared);
  bits_release(&w->accepted);
  bits_release(&w->accepted_shapes);
  free(w->shared_slices.v);
  free(w->counter_slices.v);
  free(w->marks);
  free(w->uses);
  free(w->fresh);
  free(w->free);
  free(w->holes);
  free(w->nodes);
  free(w->rules);
  free(w->rule_records);
  free(w->composites);
  free(w->node_selectors);
  free(w->devices);
  free(w->slices);
  free(w);
}

size_t
alloc_world_devices(const struct alloc_world *w)
{
  return w->live_devices;
}

size_t
alloc_world_memory(const struct alloc_world *w)
{
  size_t sum = sizeof *w + strings_memory(w->names) + strings_memory(w->atoms) + arena_used(w->interned) +
               w->cap_devices * sizeof *w->devices + w->cap_slices * sizeof(void *) + w->cap_uses * sizeof(void *) +
               (w->dedicated.n + w->allocated.n + w->shared.n) * sizeof(word) + w->cap_fresh * sizeof *w->fresh;
  size_t cursor = 0;
  void *value;

  for (uint32_t i = 0; i < w->n_slices; i++) {
    const struct slice *s = w->slices[i];

    if (!s)
      continue;
    sum += sizeof *s + (s->side ? arena_used(s->side) : 0);
    for (uint32_t d = 0; d < s->n_devices; d++)
      sum += w->devices[s->first + d].n_attrs * sizeof(struct attr);
  }
  while (hmap_next(w->pool_index, &cursor, NULL, &value))
    sum += sizeof(struct pool) + ((struct pool *)value)->cap * sizeof(void *) + 64;
  cursor = 0;
  while (hmap_next(w->filter_index, &cursor, NULL, &value))
    sum += (((struct filter *)value)->known.n + ((struct filter *)value)->yes.n) * sizeof(word) +
           projection_memory(((struct filter *)value)->projection);
  cursor = 0;
  while (hmap_next(w->node_slices_index, &cursor, NULL, &value))
    sum += sizeof(struct node_slices) + ((struct node_slices *)value)->cap * sizeof(void *) + 64;
  cursor = 0;
  sum += w->cap_nodes * sizeof(void *);
  while (hmap_next(w->node_index, &cursor, NULL, &value))
    sum += sizeof(struct node) + ((struct node *)value)->n_matches + view_memory(((struct node *)value)->view) + 64;
  return sum;
}
