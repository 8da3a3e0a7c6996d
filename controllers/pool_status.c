#include "pool_status.h"

#include <string.h>

#include "claim.h"
#include "object.h"
#include "taint.h"

#define LIMIT_DEFAULT 100
#define ERROR_MAX     256 /* bytes of a validationError */
#define DONE_TTL      (3600 * CLOCK_SEC)
#define PENDING_TTL   (24 * 3600 * CLOCK_SEC)

static bool
knows_views(const struct pool_world *w)
{
  return w->minor >= 37;
}

/* -- parts of pools, sorted, so that each pool is a run of them -- */

struct parts {
  struct pool_part *list;
  size_t n;
};

static void
parts_add(struct parts *parts, const char *pool, int64_t generation, const struct json *o)
{
  parts->list[parts->n] = (struct pool_part){ .pool = pool, .generation = generation, .at = parts->n, .o = o };
  parts->n++;
}

/* By pool, newest generation first. */
static int
by_pool(const void *x, const void *y)
{
  const struct pool_part *p = x, *q = y;
  int order = strcmp(p->pool, q->pool);

  if (order == 0)
    order = (p->generation < q->generation) - (p->generation > q->generation);
  return order ? order : (p->at > q->at) - (p->at < q->at);
}

static void
parts_sort(struct parts *parts)
{
  if (parts->n)
    qsort(parts->list, parts->n, sizeof *parts->list, by_pool);
}

static struct parts
slices_of(struct arena *a, const struct pool_world *w, const char *driver, const char *only)
{
  struct parts parts = { .list = arena_array_of(a, struct pool_part, w->n_slices) };

  for (size_t i = 0; i < w->n_slices; i++) {
    const struct json *spec = json_get(w->slices[i], "spec"), *pool = json_get(spec, "pool");
    const char *name = json_get_str_or(pool, "name", "");

    if (strcmp(json_get_str_or(spec, "driver", ""), driver) == 0 && (!only || strcmp(name, only) == 0))
      parts_add(&parts, name, json_get_int(pool, "generation", 0), w->slices[i]);
  }
  parts_sort(&parts);
  return parts;
}

static const struct json *
results_of(const struct json *claim)
{
  return json_dig(claim_allocation(claim), "devices", "results", NULL);
}

/* Devices that claims hold. Who looks at a device as an administrator does not hold it; 1.36 counted that too. */
static struct parts
allocated_of(struct arena *a, const struct pool_world *w, const char *driver)
{
  struct parts parts = { .n = 0 };
  size_t most = 0;

  for (size_t i = 0; i < w->n_claims; i++)
    most += json_count(results_of(w->claims[i]));
  parts.list = arena_array_of(a, struct pool_part, most);
  for (size_t i = 0; i < w->n_claims; i++)
    for (json_each_item (p, results_of(w->claims[i])))
      if (strcmp(json_get_str_or(*p, "driver", ""), driver) == 0 &&
          !(knows_views(w) && json_get_bool(*p, "adminAccess", false)))
        parts_add(&parts, json_get_str_or(*p, "pool", ""), 0, *p);
  parts_sort(&parts);
  return parts;
}

/* How many from `at` on are of the same pool, and of the same generation. */
static size_t
run_length(const struct parts *parts, size_t at)
{
  size_t end = at;

  while (end < parts->n && strcmp(parts->list[end].pool, parts->list[at].pool) == 0 &&
         parts->list[end].generation == parts->list[at].generation)
    end++;
  return end - at;
}

/* -- one pool -- */

static bool
keeps_pods_away(const struct json *taint)
{
  const char *effect = json_get_str_or(taint, "effect", "");

  return strcmp(effect, "NoSchedule") == 0 || strcmp(effect, "NoExecute") == 0;
}

static bool
is_unavailable(const struct pool_world *w, const struct pool *p, const struct json *device)
{
  for (json_each_item (t, json_get(device, "taints")))
    if (keeps_pods_away(*t))
      return true;
  for (size_t i = 0; i < w->n_rules; i++)
    if (keeps_pods_away(json_dig(w->rules[i], "spec", "taint", NULL)) &&
        taint_rule_selects(w->rules[i], p->driver, p->name, json_get_str_or(device, "name", "")))
      return true;
  return false;
}

/* The node that all slices name, or NULL. */
static const char *
node_of(const struct pool *p)
{
  const char *node = json_get_str_or(json_get(p->slices[0].o, "spec"), "nodeName", "");

  for (size_t i = 1; i < p->n_slices; i++)
    if (strcmp(json_get_str_or(json_get(p->slices[i].o, "spec"), "nodeName", ""), node) != 0)
      return NULL;
  return *node ? node : NULL;
}

static void
write_counts(struct arena *a, const struct pool_world *w, const struct pool *p, struct json *status)
{
  int64_t total = 0, unavailable = 0;
  int64_t allocated = (int64_t)(knows_views(w) ? hmap_count(p->in_use) : p->n_results);

  for (size_t i = 0; i < p->n_slices; i++)
    for (json_each_item (d, json_dig(p->slices[i].o, "spec", "devices", NULL))) {
      total++;
      unavailable += knows_views(w) && is_unavailable(w, p, *d);
    }
  json_set_int(a, status, "resourceSliceCount", (int64_t)p->n_slices);
  json_set_int(a, status, "totalDevices", total);
  json_set_int(a, status, "allocatedDevices", allocated);
  json_set_int(a, status, "availableDevices", total > allocated + unavailable ? total - allocated - unavailable : 0);
  json_set_int(a, status, "unavailableDevices", unavailable);
}

/* To as many bytes as a validationError may have; upstream may cut a letter in two. */
static const char *
shortened(struct arena *a, const char *text)
{
  size_t n = strlen(text);

  if (n > ERROR_MAX)
    for (n = ERROR_MAX; n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80;)
      n--;
  return arena_strndup(a, text, n);
}

static int
write_pool(struct arena *a, const struct pool_world *w, struct pool *p, const char *attribute, struct json *status,
           struct kerr *reterr)
{
  _cleanup_(hmap_freep) struct hmap *in_use = hmap_new(NULL);
  int64_t wanted = json_get_int(json_dig(p->slices[0].o, "spec", "pool", NULL), "resourceSliceCount", 0);
  const char *node = node_of(p), *wrong;

  if ((int64_t)p->n_slices < wanted)
    return kerr_set(reterr, KERR_UNAVAILABLE, NULL,
                    "pool %s/%s is incomplete: observed %zu/%lld slices at generation %lld", p->driver, p->name,
                    p->n_slices, (long long)wanted, (long long)p->slices[0].generation);
  for (size_t i = 0; i < p->n_results; i++)
    hmap_put(in_use, span_of(json_get_str_or(p->results[i].o, "device", "")), status);
  p->in_use = in_use;
  json_set_str(a, status, "driver", p->driver);
  json_set_str(a, status, "poolName", p->name);
  json_set_int(a, status, "generation", p->slices[0].generation);
  if (node)
    json_set_str(a, status, "nodeName", node);
  write_counts(a, w, p, status);
  wrong = knows_views(w) ? pool_views_write(a, p, attribute, status) : NULL;
  if (wrong)
    json_set_str(a, status, "validationError", shortened(a, wrong));
  return 0;
}

/* -- the answer -- */

int
pool_status_write(struct arena *a, const struct pool_world *w, struct json *request, int64_t now, struct kerr *reterr)
{
  const struct json *spec = json_get(request, "spec");
  const char *driver = json_get_str_or(spec, "driver", "");
  const char *attribute = json_get_str(spec, "defaultPartitionTypeAttribute");
  struct parts slices = slices_of(a, w, driver, json_get_str(spec, "poolName"));
  struct parts allocated = allocated_of(a, w, driver);
  int64_t limit = json_get_int(spec, "limit", LIMIT_DEFAULT), n = 0, told = 0, wrong = 0;
  struct json *status = json_new_object(a);

  for (size_t i = 0, r = 0; i < slices.n; n++) {
    struct pool p = { .driver = driver, .name = slices.list[i].pool, .slices = &slices.list[i] };

    p.n_slices = run_length(&slices, i);
    while (i < slices.n && strcmp(slices.list[i].pool, p.name) == 0) /* those of older generations too */
      i++;
    while (r < allocated.n && strcmp(allocated.list[r].pool, p.name) < 0)
      r++;
    if (r < allocated.n && strcmp(allocated.list[r].pool, p.name) == 0) {
      p.results = &allocated.list[r];
      p.n_results = run_length(&allocated, r);
    }
    if (told < limit) {
      struct json *pool = json_append(a, json_ensure_array(a, status, "pools"), json_new_object(a));
      int code = write_pool(a, w, &p, attribute, pool, reterr);

      if (code < 0)
        return code;
      told++;
      wrong += json_get(pool, "validationError") != NULL;
    }
  }
  json_set_int(a, status, "poolCount", n);
  json_set(a, request, "status", status);
  (void)object_set_condition(
      a, request, "Complete", "True", "CalculationComplete",
      arena_printf(a, wrong ? "Calculated status for %lld pools (%lld incomplete)" : "Calculated status for %lld pools",
                   (long long)told, (long long)wrong),
      now);
  return 0;
}

static bool
is_older(const char *moment, int64_t age, int64_t now)
{
  int64_t then;

  return clock_parse_rfc3339(span_of(moment), &then) && now - then > age;
}

bool
pool_request_has_expired(const struct json *request, int64_t now)
{
  const char *created = json_get_str_or(json_get(request, "metadata"), "creationTimestamp", "");

  if (!json_get(request, "status"))
    return is_older(created, PENDING_TTL, now);
  for (json_each_item (c, json_dig(request, "status", "conditions", NULL))) {
    const char *type = json_get_str_or(*c, "type", "");

    if (strcmp(type, "Complete") == 0 || strcmp(type, "Failed") == 0)
      return is_older(json_get_str_or(*c, "lastTransitionTime", ""), DONE_TTL, now);
  }
  return is_older(created, DONE_TTL, now);
}
