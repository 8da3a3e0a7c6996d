/* A ResourceSlice, compiled: see alloc_world.h. */
#include <assert.h>
#include <stdio.h>

#include "alloc_world.h"
#include "ceilings.h"
#include "taint.h"

/* -- attributes -- */

static sid
atom_put(struct alloc_world *w, enum attr_kind kind, const struct json *v)
{
  char text[32];
  struct span s = json_span(v);
  struct strbuf b;
  sid id;

  if (json_is(v, JSON_INT))
    s = span_make(text, (size_t)snprintf(text, sizeof text, "%lld", (long long)v->u.integer));
  if (json_is(v, JSON_BOOL))
    s = v->u.boolean ? SPAN("true") : SPAN("false");
  strbuf_init(&b, CEIL_SMALL_FILE);
  strbuf_putc(&b, "sibv"[kind]);
  strbuf_span(&b, s);
  id = strings_put(w->atoms, strbuf_view(&b));
  strbuf_release(&b);
  assert(id < ATTR_COMPOSITE);
  return id;
}

/* Rarely needed; kept once per distinct text. */
static uint32_t
composite_put(struct alloc_world *w, const struct json *attribute)
{
  static const char *const scalar[] = { "string", "int", "bool", "version" };
  static const char *const list[] = { "strings", "ints", "bools", "versions" };
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  const char *key = json_text(a, attribute, JSON_COMPACT | JSON_SORTED);
  struct attr_composite *c = hmap_get(w->composite_index, span_of(key));
  uint32_t number;

  if (c) {
    for (number = 0; w->composites[number] != c; number++)
      ;
    return number | ATTR_COMPOSITE;
  }
  c = arena_new_of(w->interned, struct attr_composite);
  for (int k = 0; k < 4; k++) {
    const struct json *v = json_get(attribute, scalar[k]), *l = json_get(attribute, list[k]);
    sid *atoms = arena_array_of(w->interned, sid, json_count(l) + 1);

    c->scalar[k] = v && !json_is(v, JSON_NULL) ? atom_put(w, (enum attr_kind)k, v) : SID_NONE;
    for (json_each_item (item, l))
      atoms[c->n[k]++] = atom_put(w, (enum attr_kind)k, *item);
    c->list[k] = atoms;
  }
  if (w->n_composites == w->cap_composites) {
    w->cap_composites = w->cap_composites * 2 + 8;
    w->composites = mem_realloc(w->composites, w->cap_composites * sizeof(void *));
  }
  number = w->n_composites++;
  w->composites[number] = c;
  hmap_put(w->composite_index, span_of(key), c);
  return number | ATTR_COMPOSITE;
}

uint32_t
attr_from_json(struct alloc_world *w, const struct json *attribute)
{
  if (json_is(attribute, JSON_OBJECT) && attribute->count == 1) {
    const struct json_member *m = &attribute->u.members[0];

    if (strcmp(m->name, "string") == 0 && json_is(m->value, JSON_STRING))
      return atom_put(w, ATTR_STRING, m->value);
    if (strcmp(m->name, "int") == 0 && (json_is(m->value, JSON_INT) || json_is(m->value, JSON_NUMBER)))
      return atom_put(w, ATTR_INT, m->value);
    if (strcmp(m->name, "bool") == 0 && json_is(m->value, JSON_BOOL))
      return atom_put(w, ATTR_BOOL, m->value);
    if (strcmp(m->name, "version") == 0 && json_is(m->value, JSON_STRING))
      return atom_put(w, ATTR_VERSION, m->value);
  }
  return composite_put(w, attribute);
}

/* -- capacity and node selection -- */

static const struct cap_shape *
shape_of(struct alloc_world *w, const struct json *capacity)
{
  struct cap_shape *s;
  struct strbuf key;

  if (json_count(capacity) == 0)
    return NULL;
  strbuf_init(&key, CEIL_SMALL_FILE);
  json_write(&key, capacity, JSON_COMPACT | JSON_SORTED);
  s = hmap_get(w->shape_index, strbuf_view(&key));
  if (!s) {
    s = cap_shape_new(w->interned, w->names, capacity);
    s->id = w->n_shapes++;
    hmap_put(w->shape_index, strbuf_view(&key), s);
  }
  strbuf_release(&key);
  return s;
}

uint32_t
world_node_selector(struct alloc_world *w, const struct json *selector)
{
  struct strbuf key;
  uintptr_t number;

  if (!json_is(selector, JSON_OBJECT))
    return 0;
  strbuf_init(&key, CEIL_SMALL_FILE);
  json_write(&key, selector, JSON_COMPACT);
  number = (uintptr_t)hmap_get(w->node_selector_index, strbuf_view(&key));
  if (!number) {
    if (w->n_node_selectors == w->cap_node_selectors) {
      w->cap_node_selectors = w->cap_node_selectors * 2 + 8;
      w->node_selectors = mem_realloc(w->node_selectors, w->cap_node_selectors * sizeof(void *));
    }
    w->node_selectors[w->n_node_selectors++] = json_copy(w->interned, selector);
    number = w->n_node_selectors;
    hmap_put(w->node_selector_index, strbuf_view(&key), (void *)number);
  }
  strbuf_release(&key);
  return (uint32_t)number;
}

/* -- what few devices have -- */

static struct device_side *
side_of(struct slice *s, struct device *d)
{
  if (!s->side)
    s->side = arena_new(CEIL_ARENA_REQUEST);
  if (!d->side)
    d->side = arena_new_of(s->side, struct device_side);
  return d->side;
}

static void
draws_compile(struct alloc_world *w, struct slice *s, struct device *d, const struct json *consumes)
{
  struct device_side *side = side_of(s, d);
  struct draw *draws = arena_array_of(s->side, struct draw, json_count(consumes));
  struct draw *draw = draws;

  for (json_each_item (item, consumes)) {
    const struct json *counters = json_get(*item, "counters"), *groups = json_get(*item, "compatibilityGroups");
    sid *names = arena_array_of(s->side, sid, json_count(groups) + 1);

    draw->set = strings_put(w->names, span_of(json_get_str_or(*item, "counterSet", "")));
    draw->counters = arena_array_of(s->side, struct draw_counter, json_count(counters) + 1);
    for (json_each_member (c, counters))
      draw->counters[draw->n++] = (struct draw_counter){ .name = strings_put(w->names, span_make(c->name, c->name_len)),
                                                         .amount = measure_of(s->side, json_get(c->value, "value")).n };
    for (json_each_item (g, groups))
      names[draw->n_groups++] = strings_put(w->names, span_of(json_str(*g) ? json_str(*g) : ""));
    draw->groups = names;
    if (draw->n_groups)
      s->has_groups = true;
    draw++;
  }
  side->draws = draws;
  side->n_draws = (uint32_t)json_count(consumes);
  s->draws = true;
  d->flags |= DEVICE_DRAWS;
}

static void
device_compile(struct alloc_world *w, struct slice *s, struct device *d, const struct json *json, struct attr **next)
{
  const struct json *attributes = json_get(json, "attributes"), *binding = json_get(json, "bindingConditions");
  const struct json *taints = json_get(json, "taints"), *consumes = json_get(json, "consumesCounters");
  const struct json *selector = json_get(json, "nodeSelector");
  const char *node_name = json_get_str(json, "nodeName");

  *d = (struct device){ .name = strings_put(w->names, span_of(json_get_str_or(json, "name", ""))),
                        .slice = s->number,
                        .attrs = *next };
  for (json_each_member (m, attributes)) {
    if (d->n_attrs == UINT16_MAX)
      break;
    *(*next)++ = (struct attr){ .name = strings_put(w->names, span_make(m->name, m->name_len)),
                                .value = attr_from_json(w, m->value) };
    if (!world_is_plain_value(w, d->attrs[d->n_attrs].value))
      d->flags |= DEVICE_TO_JUDGE;
    d->n_attrs++;
  }
  d->caps = shape_of(w, json_get(json, "capacity"));
  if (json_get_bool(json, "allowMultipleAllocations", false))
    d->flags |= DEVICE_SHAREABLE;
  if (json_get_bool(json, "bindsToNode", false))
    d->flags |= DEVICE_BINDS_TO_NODE;
  if (json_is(binding, JSON_ARRAY))
    d->flags |= DEVICE_HAS_BINDING;
  if (json_count(binding))
    d->flags |= DEVICE_NEEDS_BINDING;
  if (node_name)
    d->flags |= DEVICE_HAS_NODE_NAME;
  if (json_count(consumes))
    draws_compile(w, s, d, consumes);
  if (json_count(taints)) {
    side_of(s, d)->taints = taints;
    d->flags |= DEVICE_TAINTED;
  }
  if (node_name || json_is(selector, JSON_OBJECT) || json_get_bool(json, "allNodes", false)) {
    side_of(s, d)->node_name = strings_put(w->names, span_of(node_name ? node_name : ""));
    d->side->all_nodes = json_get_bool(json, "allNodes", false);
    d->side->node_selector = world_node_selector(w, selector);
  }
}

/* -- names that stand twice -- */

void
world_marks_begin(struct alloc_world *w)
{
  uint32_t n = (uint32_t)strings_count(w->names);

  if (n > w->cap_marks) {
    n += n / 4;
    w->marks = mem_realloc(w->marks, n * sizeof *w->marks);
    memset(w->marks + w->cap_marks, 0, (n - w->cap_marks) * sizeof *w->marks);
    w->cap_marks = n;
  }
  w->mark++;
}

sid
slice_mark_names(struct alloc_world *w, const struct slice *s)
{
  for (uint32_t i = 0; i < s->n_devices; i++) {
    sid name = w->devices[s->first + i].name;

    if (w->marks[name] == w->mark)
      return name;
    w->marks[name] = w->mark;
  }
  return SID_NONE;
}

/* -- numbers for devices -- */

/* A slice that comes in a new version usually finds the range of the old one. */
static uint32_t
devices_take(struct alloc_world *w, uint32_t n)
{
  uint32_t first = w->n_devices;

  for (uint32_t i = w->n_free; i-- > 0;)
    if (w->free[i].n >= n && n) {
      first = w->free[i].first;
      w->free[i].first += n;
      w->free[i].n -= n;
      if (w->free[i].n == 0)
        w->free[i] = w->free[--w->n_free];
      return first;
    }

  if (first + n > w->cap_devices) {
    w->cap_devices = first + n + w->cap_devices / 8;
    w->devices = mem_realloc(w->devices, w->cap_devices * sizeof *w->devices);
  }
  w->n_devices += n;
  return first;
}

static void
devices_give_back(struct alloc_world *w, uint32_t first, uint32_t n)
{
  if (n == 0)
    return;
  if (w->n_free == w->cap_free) {
    w->cap_free = w->cap_free * 2 + 8;
    w->free = mem_realloc(w->free, w->cap_free * sizeof *w->free);
  }
  w->free[w->n_free++] = (struct device_range){ first, n };
}

struct slice *
slice_new(struct alloc_world *w, uint32_t number, const struct json *tree, struct record *record)
{
  const struct json *spec = json_get(tree, "spec"), *pool = json_get(spec, "pool"),
                    *per_device = json_get(spec, "perDeviceNodeSelection"), *node_name = json_get(spec, "nodeName");
  struct slice *s = mem_alloc(sizeof *s);
  size_t attrs = 0;
  struct attr *next;

  s->tree = tree;
  s->record = record ? record_ref(record) : NULL;
  s->name = strings_put(w->names, span_of(json_get_str_or(json_get(tree, "metadata"), "name", "")));
  s->driver = strings_put(w->names, span_of(json_get_str_or(spec, "driver", "")));
  s->has_node_name = json_is(node_name, JSON_STRING);
  s->node_name = strings_put(w->names, span_of(s->has_node_name ? json_str(node_name) : ""));
  s->node_selector = world_node_selector(w, json_get(spec, "nodeSelector"));
  s->all_nodes = json_get_bool(spec, "allNodes", false);
  s->per_device_given = per_device && !json_is(per_device, JSON_NULL);
  s->per_device = json_get_bool(spec, "perDeviceNodeSelection", false);
  s->generation = json_get_int(pool, "generation", 0);
  s->slice_count = json_get_int(pool, "resourceSliceCount", 0);
  s->devices = json_get(spec, "devices");
  s->counter_sets = json_get(spec, "sharedCounters");
  s->skip_operations = json_get(spec, "skipNodeOperations");
  s->n_devices = (uint32_t)json_count(s->devices);
  for (json_each_item (d, s->devices))
    attrs += json_count(json_get(*d, "attributes"));
  s->attrs = next = mem_calloc(attrs + 1, sizeof *next);
  s->number = number;
  s->first = devices_take(w, s->n_devices);
  for (uint32_t i = 0; i < s->n_devices; i++)
    device_compile(w, s, &w->devices[s->first + i], json_at(s->devices, i), &next);
  w->live_devices += s->n_devices;
  world_marks_begin(w);
  s->same_names = slice_mark_names(w, s) != SID_NONE;
  s->sound = !s->same_names && !s->draws && !s->per_device && json_count(s->counter_sets) == 0;
  return s;
}

void
slice_free(struct alloc_world *w, struct slice *s)
{
  if (!s)
    return;
  w->live_devices -= s->n_devices;
  for (uint32_t i = 0; i < s->n_devices; i++)
    if (w->devices[s->first + i].side)
      free(w->devices[s->first + i].side->rule_taints);
  devices_give_back(w, s->first, s->n_devices);
  filters_forget(w, s->first, s->n_devices);
  free(s->attrs);
  arena_free(s->side);
  record_unref(s->record);
  free(s);
}

/* -- taint rules -- */

static void
device_apply_rules(struct alloc_world *w, struct slice *s, struct device *d)
{
  uint32_t n = 0;
  const char *driver, *pool, *name;

  if (d->side) {
    d->side->n_rule_taints = 0;
    if (!json_count(d->side->taints))
      d->flags &= (uint16_t)~DEVICE_TAINTED;
  }
  for (uint32_t i = 0; i < w->n_rules; i++) {
    driver = world_text(w, s->driver);
    pool = world_text(w, s->pool->name);
    name = world_text(w, d->name);
    if (!taint_rule_selects(w->rules[i], driver, pool, name))
      continue;
    side_of(s, d);
    if (n == 0)
      d->side->rule_taints = mem_realloc(d->side->rule_taints, w->n_rules * sizeof(void *));
    d->side->rule_taints[n++] = json_dig(w->rules[i], "spec", "taint", NULL);
    d->side->n_rule_taints = n;
    d->flags |= DEVICE_TAINTED;
  }
}

void
slice_apply_rules(struct alloc_world *w, struct slice *s)
{
  for (uint32_t i = 0; i < s->n_devices; i++)
    device_apply_rules(w, s, &w->devices[s->first + i]);
}

const struct json *
device_json(const struct alloc_world *w, uint32_t device)
{
  const struct slice *s = device_slice(w, device);

  return json_at(s->devices, device - s->first);
}

const char *
device_id(const struct alloc_world *w, uint32_t device, struct arena *a)
{
  const struct slice *s = device_slice(w, device);

  return arena_printf(a, "%s/%s/%s", world_text(w, s->driver), world_text(w, s->pool->name),
                      world_text(w, w->devices[device].name));
}
