#include "cel_dra.h"

#include "cel.h"
#include "cel_dra_env.h"

#include <stdatomic.h>
#include <string.h>

struct cel_selector {
  atomic_uint refs;
  struct cel_code *code;
};

struct cel_device {
  struct cel_value value; /* of the variable `device` */
};

int
cel_selector_new(const struct cel_env *env, struct span expression, struct cel_selector **ret, struct kerr *reterr)
{
  _cleanup_cel_code_ struct cel_code *code = NULL;
  int r = cel_compile(env, expression, &code, reterr);

  if (r < 0)
    return r;
  *ret = mem_alloc(sizeof **ret);
  atomic_init(&(*ret)->refs, 1);
  (*ret)->code = steal_pointer(&code);
  return 0;
}

int
cel_selector_compile(struct span expression, struct cel_selector **ret, struct kerr *reterr)
{
  return cel_selector_new(cel_dra_env(NULL), expression, ret, reterr);
}

int
cel_selector_validate(struct span expression, const struct cel_dra_features *features, struct kerr *reterr)
{
  _cleanup_cel_code_ struct cel_code *code = NULL;
  uint64_t min, max;
  int r;

  if (expression.n > CEL_DRA_LENGTH_MAX)
    return kerr_set(reterr, KERR_TOO_LARGE, NULL, "may not be more than %d bytes", CEL_DRA_LENGTH_MAX);
  r = cel_compile(cel_dra_env(features), expression, &code, reterr);
  if (r < 0)
    return r;
  cel_code_estimate(code, &min, &max);
  if (max > CEL_DRA_COST_MAX)
    return kerr_set(reterr, KERR_FORBIDDEN, NULL, "too complex, exceeds cost limit");
  return 0;
}

uint64_t
cel_selector_cost(const struct cel_selector *s)
{
  uint64_t min, max;

  cel_code_estimate(s->code, &min, &max);
  return max;
}

struct cel_selector *
cel_selector_ref(struct cel_selector *s)
{
  atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
  return s;
}

void
cel_selector_unref(struct cel_selector *s)
{
  if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
    return;
  cel_code_unref(s->code);
  free(s);
}

void
cel_selector_unrefp(struct cel_selector **ps)
{
  cel_selector_unref(*ps);
}

int
cel_device_new(struct arena *a, const char *driver, const struct json *device, struct cel_device **ret,
               struct kerr *reterr)
{
  struct cel_device *d = arena_new_of(a, struct cel_device);
  int r = cel_dra_device_value(a, driver, device, &d->value, reterr);

  if (r == 0)
    *ret = d;
  return r;
}

const struct cel_code *
cel_selector_code(const struct cel_selector *s)
{
  return s->code;
}

const struct cel_value *
cel_device_value(const struct cel_device *d)
{
  return &d->value;
}

int
cel_selector_match(const struct cel_selector *s, const struct cel_device *device, struct arena *a, bool *ret,
                   struct kerr *reterr)
{
  struct cel_run run = { .vars = &device->value, .arena = a, .limit = CEL_DRA_COST_MAX };
  struct cel_value v = cel_dra_to_bool(a, cel_code_run(s->code, &run));

  if (cel_is_error(v))
    return kerr_set(reterr, KERR_INVALID, NULL, "%.*s", (int)v.n, v.u.s);
  *ret = v.u.b;
  return 0;
}

const char *
cel_selector_why_not(const struct cel_selector *s, const struct cel_device *device, struct arena *a)
{
  struct cel_run run = { .vars = &device->value, .arena = a, .limit = CEL_DRA_COST_MAX };

  return cel_code_why_false(s->code, &run);
}

/* -- derived attributes -- */

int
cel_derived_validate(struct span expression, const struct cel_dra_features *features, uint64_t *ret_cost,
                     struct kerr *reterr)
{
  _cleanup_cel_code_ struct cel_code *code = NULL;
  uint64_t min, max;
  int r = cel_compile(cel_dra_derived_env(features), expression, &code, reterr);

  if (r < 0)
    return r;
  cel_code_estimate(code, &min, &max);
  *ret_cost = max;
  return 0;
}

int
cel_derived_compile(struct span expression, struct cel_selector **ret, struct kerr *reterr)
{
  return cel_selector_new(cel_dra_derived_env(NULL), expression, ret, reterr);
}

int
cel_derived_evaluate(const struct cel_selector *s, const struct cel_device *device, struct arena *a, struct json **ret,
                     struct kerr *reterr)
{
  struct cel_run run = { .vars = &device->value, .arena = a, .limit = CEL_DRA_COST_MAX };
  struct cel_value v = cel_code_run(s->code, &run);

  if (!cel_is_error(v))
    v = cel_dra_attribute(a, v, ret);
  if (cel_is_error(v))
    return kerr_set(reterr, KERR_INVALID, NULL, "%.*s", (int)v.n, v.u.s);
  return 0;
}
