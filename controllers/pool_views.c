/*
 * What a count of devices does not tell: how many more partitions of each type still fit, and what is left of devices
 * that several claims share (pkg/controller/resourcepoolstatusrequest/views.go).
 */
#include <string.h>

#include "codec.h"
#include "pool_status.h"
#include "quantity.h"

#define ITEMS_MAX 32 /* of either list, as the API server allows */

static struct quantity
quantity_in(const struct json *v)
{
  _cleanup_kerr_ struct kerr ignored = KERR_INIT; /* validation has seen it */
  struct quantity q = { .units = 0 };
  struct span text = json_span(v);

  if (text.p)
    (void)!quantity_parse(text, &q, &ignored);
  return q;
}

/* Sums by name. Values are in the arena. */
static void
tally(struct arena *a, struct hmap *sums, const char *name, const struct quantity *q)
{
  struct quantity *sum = hmap_get(sums, span_of(name));

  if (!sum)
    hmap_put(sums, span_of(name), sum = arena_new_of(a, struct quantity));
  *sum = quantity_add(sum, q);
}

static struct quantity
tallied(const struct hmap *sums, const char *name)
{
  const struct quantity *sum = hmap_get(sums, span_of(name));

  return sum ? *sum : (struct quantity){ .units = 0 };
}

static bool
is_in_use(const struct pool *p, const struct json *device)
{
  return hmap_get(p->in_use, span_of(json_get_str_or(device, "name", ""))) != NULL;
}

/* -- counters, by "set/counter" -- */

static const char *
counter_name(struct arena *a, const char *set, const char *counter)
{
  return arena_printf(a, "%s/%s", set, counter);
}

struct cost {
  const char *counter, *text; /* text: the amount as upstream prints it */
  struct quantity amount;
};

/* What a device takes of its pool's counters. */
static size_t
costs_of(struct arena *a, const struct json *device, struct cost **ret)
{
  const struct json *list = json_get(device, "consumesCounters");
  size_t most = 0, n = 0;

  for (json_each_item (c, list))
    most += json_count(json_get(*c, "counters"));
  *ret = arena_array_of(a, struct cost, most);
  for (json_each_item (c, list))
    for (json_each_member (m, json_get(*c, "counters"))) {
      const struct json *value = json_get(m->value, "value");
      struct quantity amount = quantity_in(value);

      (*ret)[n++] = (struct cost){ .counter = counter_name(a, json_get_str_or(*c, "counterSet", ""), m->name),
                                   .text = amount.verbatim ? json_span(value).p : quantity_text(a, &amount),
                                   .amount = amount };
    }
  return n;
}

/* The same text for devices that cost the same, in whatever order they say so. */
static const char *
cost_key(struct arena *a, const struct cost *costs, size_t n)
{
  const char **parts = arena_array_of(a, const char *, n);
  const char *key = "";

  for (size_t i = 0; i < n; i++)
    parts[i] = arena_printf(a, "%s=%s", costs[i].counter, costs[i].text);
  if (n)
    qsort(parts, n, sizeof *parts, text_order);
  for (size_t i = 0; i < n; i++)
    key = arena_printf(a, "%s,%s", key, parts[i]);
  return key;
}

/* What devices in use have left of the counters: less than nothing where more is taken than there is. */
static void
count_left(struct arena *a, const struct pool *p, struct hmap *ret)
{
  for (size_t i = 0; i < p->n_slices; i++)
    for (json_each_item (set, json_dig(p->slices[i].o, "spec", "sharedCounters", NULL)))
      for (json_each_member (m, json_get(*set, "counters"))) {
        struct quantity *left = arena_new_of(a, struct quantity);

        *left = quantity_in(json_get(m->value, "value"));
        hmap_put(ret, span_of(counter_name(a, json_get_str_or(*set, "name", ""), m->name)), left);
      }
  for (size_t i = 0; i < p->n_slices; i++)
    for (json_each_item (d, json_dig(p->slices[i].o, "spec", "devices", NULL))) {
      struct cost *costs;
      size_t n = is_in_use(p, *d) ? costs_of(a, *d, &costs) : 0;

      for (size_t k = 0; k < n; k++) {
        struct quantity *left = hmap_get(ret, span_of(costs[k].counter));

        if (left)
          *left = quantity_sub(left, &costs[k].amount);
      }
    }
}

/* How many of `wanted` devices of one cost still fit. */
static int64_t
count_fitting(struct arena *a, const struct hmap *counters, const struct cost *costs, size_t n, int64_t wanted)
{
  struct quantity *left = arena_array_of(a, struct quantity, n);

  for (size_t i = 0; i < n; i++) {
    const struct quantity *have = hmap_get(counters, span_of(costs[i].counter));

    if (!have)
      return 0;
    left[i] = *have;
  }
  for (int64_t fitting = 0; fitting < wanted; fitting++)
    for (size_t i = 0; i < n; i++) {
      if (quantity_cmp(&left[i], &costs[i].amount) < 0)
        return fitting;
      left[i] = quantity_sub(&left[i], &costs[i].amount);
    }
  return wanted;
}

/* -- partitions -- */

/* Devices of one type: of the same value of the attribute they are grouped by. */
struct group {
  const char *attribute, *type, *key;
  const struct cost *costs;
  size_t n_costs;
  int64_t total, unused;
};

static const char *
slice_attribute(const struct json *slice)
{
  const char *attribute = json_get_str(json_get(slice, "spec"), "partitionTypeAttribute");

  return attribute && *attribute ? attribute : NULL;
}

/* What no slice says itself the request says for all. */
static const char *
default_attribute(const struct pool *p, const char *of_request)
{
  for (size_t i = 0; i < p->n_slices; i++)
    if (slice_attribute(p->slices[i].o) && json_count(json_dig(p->slices[i].o, "spec", "devices", NULL)) > 0)
      return NULL;
  return of_request;
}

/* The device's value of the attribute, whose domain need not be written when it is the driver's; NULL: no text. */
static const char *
partition_type(const struct pool *p, const struct json *device, const char *attribute)
{
  const struct json *attributes = json_get(device, "attributes"), *v = json_get(attributes, attribute);
  size_t n = strlen(p->driver);

  if (!v && strncmp(attribute, p->driver, n) == 0 && attribute[n] == '/')
    v = json_get(attributes, attribute + n + 1);
  return json_get_str(v, "string");
}

static const char *
add_partition(struct arena *a, const struct pool *p, const struct json *device, const char *attribute,
              struct hmap *groups)
{
  const char *type = partition_type(p, device, attribute), *key, *cost;
  struct cost *costs;
  size_t n = costs_of(a, device, &costs);
  struct group *g;

  if (!type)
    return arena_printf(a, "PartitionTypeMissing: device %s in pool %s/%s does not carry partition type attribute %s",
                        codec_go_quoted(a, json_get_str_or(device, "name", "")), p->driver, p->name,
                        codec_go_quoted(a, attribute));
  key = arena_printf(a, "%s\n%s", attribute, type);
  cost = cost_key(a, costs, n);
  g = hmap_get(groups, span_of(key));
  if (!g) {
    g = arena_new_of(a, struct group);
    *g = (struct group){ .attribute = attribute, .type = type, .key = cost, .costs = costs, .n_costs = n };
    hmap_put(groups, span_of(key), g);
  } else if (strcmp(cost, g->key) != 0) {
    return arena_printf(a,
                        "PartitionCostMismatch: devices of partition type %s in pool %s/%s consume different counters",
                        codec_go_quoted(a, type), p->driver, p->name);
  }
  g->total++;
  g->unused += !is_in_use(p, device);
  return NULL;
}

/* Devices that take nothing of the counters are no partitions. `*ret_grouped`: some device has an attribute to go by.
 */
static const char *
group_partitions(struct arena *a, const struct pool *p, const char *otherwise, struct hmap *groups, bool *ret_grouped)
{
  for (size_t i = 0; i < p->n_slices; i++) {
    const char *attribute = slice_attribute(p->slices[i].o) ?: otherwise;

    for (json_each_item (d, json_dig(p->slices[i].o, "spec", "devices", NULL))) {
      const char *wrong = NULL;

      *ret_grouped |= attribute != NULL;
      if (attribute && json_count(json_get(*d, "consumesCounters")) > 0)
        wrong = add_partition(a, p, *d, attribute, groups);
      if (wrong)
        return wrong;
    }
  }
  return NULL;
}

static int
by_attribute_and_type(const void *x, const void *y)
{
  const struct group *g = *(const struct group *const *)x, *h = *(const struct group *const *)y;
  int order = strcmp(g->attribute, h->attribute);

  return order ? order : strcmp(g->type, h->type);
}

static void
write_groups(struct arena *a, const struct pool *p, const struct hmap *groups, struct json *status)
{
  _cleanup_(hmap_freep) struct hmap *left = hmap_new(NULL);
  const struct group **sorted = arena_array_of(a, const struct group *, hmap_count(groups));
  size_t n = 0, cursor = 0;
  void *value;

  while (hmap_next(groups, &cursor, NULL, &value))
    sorted[n++] = value;
  if (!n)
    return;
  qsort(sorted, n, sizeof *sorted, by_attribute_and_type);
  count_left(a, p, left);
  for (size_t i = 0; i < n; i++) {
    struct json *o = json_append(a, json_ensure_array(a, status, "partitionSummary"), json_new_object(a));

    json_set_str(a, o, "attribute", sorted[i]->attribute);
    json_set_str(a, o, "type", sorted[i]->type);
    json_set_int(a, o, "total", sorted[i]->total);
    json_set_int(a, o, "allocatable", count_fitting(a, left, sorted[i]->costs, sorted[i]->n_costs, sorted[i]->unused));
  }
}

static bool
has_counters(const struct pool *p)
{
  for (size_t i = 0; i < p->n_slices; i++)
    if (json_count(json_dig(p->slices[i].o, "spec", "sharedCounters", NULL)) > 0)
      return true;
  return false;
}

static const char *
write_partitions(struct arena *a, const struct pool *p, const char *attribute, struct json *status)
{
  _cleanup_(hmap_freep) struct hmap *groups = hmap_new(NULL);
  bool grouped = false;
  const char *wrong = group_partitions(a, p, default_attribute(p, attribute), groups, &grouped);

  if (grouped && !has_counters(p))
    return arena_printf(
        a, "PartitionTypeMissing: pool %s/%s declares partitionTypeAttribute but publishes no sharedCounters",
        p->driver, p->name);
  if (!wrong && hmap_count(groups) > ITEMS_MAX)
    wrong = arena_printf(a, "PartitionSummaryOverCap: pool %s/%s has %zu partition types, exceeding the maximum of %d",
                         p->driver, p->name, hmap_count(groups), ITEMS_MAX);
  if (!wrong)
    write_groups(a, p, groups, status);
  return wrong;
}

/* -- shared devices -- */

static void
add_consumed(struct arena *a, const struct pool *p, struct hmap *ret)
{
  for (size_t i = 0; i < p->n_results; i++)
    for (json_each_member (m, json_get(p->results[i].o, "consumedCapacity"))) {
      struct quantity q = quantity_in(m->value);

      tally(a, ret, m->name, &q);
    }
}

static void
write_capacities(struct arena *a, const struct pool *p, const struct hmap *totals, struct json *summary)
{
  _cleanup_(hmap_freep) struct hmap *consumed = hmap_new(NULL);
  const char **names = arena_array_of(a, const char *, hmap_count(totals));
  size_t n = 0, cursor = 0;
  struct span name;

  while (hmap_next(totals, &cursor, &name, NULL))
    names[n++] = arena_strndup(a, name.p, name.n);
  if (!n)
    return;
  qsort(names, n, sizeof *names, text_order);
  add_consumed(a, p, consumed);
  for (size_t i = 0; i < n; i++) {
    struct json *o = json_append(a, json_ensure_array(a, summary, "capacity"), json_new_object(a));
    struct quantity total = tallied(totals, names[i]), used = tallied(consumed, names[i]);
    struct quantity left = quantity_sub(&total, &used);

    if (quantity_sign(&left) < 0)
      left = (struct quantity){ .units = 0 };
    json_set_str(a, o, "name", names[i]);
    json_set_str(a, o, "total", quantity_text(a, &total));
    json_set_str(a, o, "consumed", quantity_text(a, &used));
    json_set_str(a, o, "available", quantity_text(a, &left));
  }
}

static const char *
write_shareable(struct arena *a, const struct pool *p, struct json *status)
{
  _cleanup_(hmap_freep) struct hmap *totals = hmap_new(NULL);
  int64_t whole = 0, partly = 0;
  struct json *summary;

  for (size_t i = 0; i < p->n_slices; i++)
    for (json_each_item (d, json_dig(p->slices[i].o, "spec", "devices", NULL))) {
      if (!json_get_bool(*d, "allowMultipleAllocations", false))
        continue;
      *(is_in_use(p, *d) ? &partly : &whole) += 1;
      for (json_each_member (m, json_get(*d, "capacity"))) {
        struct quantity q = quantity_in(json_get(m->value, "value"));

        tally(a, totals, m->name, &q);
      }
    }
  if (whole + partly == 0)
    return NULL;
  if (hmap_count(totals) > ITEMS_MAX)
    return arena_printf(
        a, "ShareableSummaryOverCap: pool %s/%s has %zu shareable capacity keys, exceeding the maximum of %d",
        p->driver, p->name, hmap_count(totals), ITEMS_MAX);
  summary = json_set(a, status, "shareableSummary", json_new_object(a));
  json_set_int(a, summary, "fullyAvailableDevices", whole);
  json_set_int(a, summary, "partiallyAvailableDevices", partly);
  write_capacities(a, p, totals, summary);
  return NULL;
}

const char *
pool_views_write(struct arena *a, const struct pool *p, const char *attribute, struct json *status)
{
  const char *partitions = write_partitions(a, p, attribute, status), *shareable = write_shareable(a, p, status);

  if (shareable) /* a pool with something wrong has no partitions */
    json_remove(status, "partitionSummary");
  return partitions ?: shareable;
}
