#include "alloc_capacity.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"

#define NOT_REPRESENTABLE "capacity request cannot be represented in the device's range arithmetic"

static bool
measure_get(struct arena *a, const struct json *obj, const char *name, struct measure *ret)
{
  const struct json *v = json_get(obj, name);

  if (!v || json_is(v, JSON_NULL))
    return false;
  *ret = measure_of(a, v);
  return true;
}

static const struct cap_policy *
policy_new(struct arena *a, const struct json *json)
{
  const struct json *values = json_get(json, "validValues"), *range = json_get(json, "validRange");
  struct cap_policy *p;
  struct measure *v;

  if (!json_is(json, JSON_OBJECT))
    return NULL;
  p = arena_new_of(a, struct cap_policy);
  p->has_default = measure_get(a, json, "default", &p->fallback);
  if (json_is(values, JSON_ARRAY)) {
    p->has_values = true;
    p->values = v = arena_array_of(a, struct measure, json_count(values) + 1);
    for (json_each_item (item, values))
      v[p->n_values++] = measure_of(a, *item);
  }
  if (json_is(range, JSON_OBJECT)) {
    p->has_range = true;
    p->has_min = measure_get(a, range, "min", &p->min);
    p->has_max = measure_get(a, range, "max", &p->max);
    p->has_step = measure_get(a, range, "step", &p->step);
  }
  return p;
}

static int
member_cmp(const void *x, const void *y)
{
  const struct json_member *const *a = x, *const *b = y;

  return span_cmp(span_make((*a)->name, (*a)->name_len), span_make((*b)->name, (*b)->name_len));
}

struct cap_shape *
cap_shape_new(struct arena *a, struct strings *names, const struct json *capacity)
{
  size_t n = json_count(capacity), i = 0;
  struct cap_shape *s = arena_alloc(a, sizeof *s + n * sizeof s->v[0]);
  const struct json_member **sorted = arena_array_of(a, const struct json_member *, n + 1);

  for (json_each_member (m, capacity))
    sorted[i++] = m;
  qsort(sorted, n, sizeof *sorted, member_cmp);
  s->n = (uint32_t)n;
  for (i = 0; i < n; i++)
    s->v[i] = (struct cap){ .name = strings_put(names, span_make(sorted[i]->name, sorted[i]->name_len)),
                            .value = measure_of(a, json_get(sorted[i]->value, "value")),
                            .policy = policy_new(a, json_get(sorted[i]->value, "requestPolicy")) };
  return s;
}

void
cap_request_compile(struct arena *a, struct strings *names, const struct json *requests, struct cap_request *ret)
{
  *ret = (struct cap_request){ .v = arena_array_of(a, struct cap_ask, json_count(requests) + 1) };
  for (json_each_member (m, requests))
    ret->v[ret->n++] = (struct cap_ask){ .name = strings_put(names, span_make(m->name, m->name_len)),
                                         .value = measure_of(a, m->value) };
}

/* -- rounding a request -- */

/* Milli arithmetic needs the gate and a range that fits in milli units without loss. */
static bool
use_milli(const struct cap_policy *p, bool fractional)
{
  int64_t v;

  if (!fractional)
    return false;
  if (p->has_min && !measure_exact_milli(&p->min, &v))
    return false;
  if (p->has_max && !measure_exact_milli(&p->max, &v))
    return false;
  return !p->has_step || (measure_exact_milli(&p->step, &v) && v >= 1);
}

/* min + step * n, the smallest that is not below `asked`; false when it passes int64. */
static bool
step_up(int64_t asked, int64_t min, int64_t step, bool checked, int64_t *ret)
{
  int64_t added = (int64_t)((uint64_t)asked - (uint64_t)min), n;

  if (step == 0)
    step = 1;
  n = added / step + (added % step != 0);
  if (checked && n > (int64_t)((uint64_t)INT64_MAX - (uint64_t)min) / step)
    return false;
  *ret = (int64_t)((uint64_t)min + (uint64_t)step * (uint64_t)n);
  return true;
}

static const char *
round_to_range(struct arena *a, const struct measure *asked, const struct cap_policy *p, bool fractional,
               struct measure *ret)
{
  enum quantity_format format = p->step.q.format;
  int64_t v;

  *ret = asked->n < p->min.n ? p->min : *asked;
  if (asked->n < p->min.n || !p->has_step)
    return NULL;
  if (use_milli(p, fractional)) {
    if (!measure_exact_milli(asked, &v))
      return arena_printf(a, NOT_REPRESENTABLE ": request %s is not a representable milli value",
                          quantity_text(a, &asked->q));
    if (!step_up(v, measure_milli(&p->min), measure_milli(&p->step), true, &v))
      return arena_printf(a, NOT_REPRESENTABLE ": rounding request %s up to the next step passes the milli-value range",
                          quantity_text(a, &asked->q));
    *ret = v % 1000 == 0 ? measure_from_int(v / 1000, format) : measure_from_milli(v, format);
    return NULL;
  }
  if (asked->n > INT64_MAX * AMOUNT_ONE)
    return arena_printf(a, NOT_REPRESENTABLE ": request %s exceeds MaxInt64", quantity_text(a, &asked->q));
  if (!step_up(measure_value(asked), measure_value(&p->min), measure_value(&p->step), measure_value(&p->min) >= 0, &v))
    return arena_printf(a, NOT_REPRESENTABLE ": rounding request %s up to the next step passes MaxInt64",
                        quantity_text(a, &asked->q));
  *ret = measure_from_int(v, format);
  return NULL;
}

/* What is consumed of one capacity; an error text or NULL. */
static const char *
consumed(struct arena *a, const struct measure *asked, const struct cap *c, bool fractional, struct measure *ret)
{
  const struct cap_policy *p = c->policy;

  if (!asked) {
    *ret = p && p->has_default ? p->fallback : c->value;
    return NULL;
  }
  *ret = *asked;
  if (!p)
    return NULL;
  if (p->has_range && p->has_min)
    return round_to_range(a, asked, p, fractional, ret);
  for (size_t i = 0; i < p->n_values; i++)
    if (asked->n <= p->values[i].n) {
      *ret = p->values[i];
      break;
    }
  return NULL;
}

static bool
off_step(const struct measure *m, const struct cap_policy *p, bool fractional)
{
  int64_t v, min, step;

  if (use_milli(p, fractional)) {
    if (!measure_exact_milli(m, &v))
      return true;
    min = measure_milli(&p->min);
    step = measure_milli(&p->step);
  } else {
    v = measure_value(m);
    min = measure_value(&p->min);
    step = measure_value(&p->step);
  }
  return step != 0 && step != -1 && (int64_t)((uint64_t)v - (uint64_t)min) % step != 0;
}

static bool
violates(const struct measure *m, const struct cap_policy *p, bool fractional)
{
  if (!p || (p->has_default && measure_identical(m, &p->fallback)))
    return false;
  if (p->has_range)
    return (p->has_max && m->n > p->max.n) || (p->has_step && off_step(m, p, fractional));
  for (size_t i = 0; i < p->n_values; i++)
    if (m->n == p->values[i].n)
      return false;
  return p->n_values > 0;
}

static const struct measure *
asked_for(const struct cap_request *r, sid name)
{
  for (size_t i = 0; i < r->n; i++)
    if (r->v[i].name == name)
      return &r->v[i].value;
  return NULL;
}

static bool
has_cap(const struct cap_shape *s, sid name)
{
  for (uint32_t i = 0; s && i < s->n; i++)
    if (s->v[i].name == name)
      return true;
  return false;
}

void
cap_need_of(struct arena *a, const struct strings *names, const struct cap_request *request,
            const struct cap_shape *shape, bool fractional, struct cap_need *ret)
{
  uint32_t n = shape ? shape->n : 0;
  struct measure *takes = arena_array_of(a, struct measure, n + 1);
  const char *error;

  *ret = (struct cap_need){ .verdict = CAP_SKIPPED, .takes = takes };
  for (size_t i = 0; i < request->n; i++)
    if (!has_cap(shape, request->v[i].name)) {
      ret->why = arena_printf(a, "has no capacity \"%s\"", strings_text(names, request->v[i].name));
      return;
    }
  /* What cannot be represented ends the attempt, whatever the other capacities say. */
  for (uint32_t i = 0; i < n; i++) {
    error = consumed(a, asked_for(request, shape->v[i].name), &shape->v[i], fractional, &takes[i]);
    if (!error && takes[i].n < 0)
      error = "capacity value is negative";
    if (error) {
      ret->verdict = CAP_FATAL;
      ret->error = arena_printf(a, "capacity \"%s\": %s", strings_text(names, shape->v[i].name), error);
      return;
    }
  }
  for (uint32_t i = 0; i < n; i++)
    if (violates(&takes[i], shape->v[i].policy, fractional)) {
      ret->why = arena_printf(a, "capacity \"%s\": %s is against the device's request policy",
                              strings_text(names, shape->v[i].name), quantity_text(a, &takes[i].q));
      return;
    }
  ret->verdict = CAP_TAKES;
}
