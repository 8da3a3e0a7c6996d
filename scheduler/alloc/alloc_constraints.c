#include "alloc_constraints.h"

#include <string.h>

#include "alloc_job.h"
#include "ceilings.h"

bool
constraint_applies(const struct constraint *c, const char *request, const char *alternative)
{
  size_t n = strlen(request);

  if (json_count(c->requests) == 0)
    return true;
  for (json_each_item (item, c->requests)) {
    const char *name = json_str(*item);

    if (name && strncmp(name, request, n) == 0 &&
        (name[n] == '\0' || (alternative && name[n] == '/' && strcmp(name + n + 1, alternative) == 0)))
      return true;
  }
  return false;
}

/* -- values -- */

static uint32_t
static_value(const struct alloc_world *w, const struct constraint *c, uint32_t device)
{
  const struct device *d = &w->devices[device];
  uint32_t fallback = ATTR_MISSING;
  bool own = c->domain != SID_NONE && c->domain == device_slice(w, device)->driver;

  for (uint32_t i = 0; i < d->n_attrs; i++) {
    if (d->attrs[i].name == c->full)
      return d->attrs[i].value;
    if (own && d->attrs[i].name == c->bare)
      fallback = d->attrs[i].value;
  }
  return fallback;
}

/* One derived attribute of one device, evaluated once per run. */
struct derived_key {
  uint32_t selector, device;
};

static int
derived_value(struct alloc_job *j, const struct constraint *c, uint32_t selector, uint32_t device, uint32_t *ret,
              struct kerr *reterr)
{
  struct alloc_world *w = j->w;
  struct derived_key key = { selector, device };
  struct span k = span_make((const char *)&key, sizeof key);
  uintptr_t known = j->derived ? (uintptr_t)hmap_get(j->derived, k) : 0;
  const struct selector *s = &w->selectors[selector];
  struct cel_device *d;
  struct json *value = NULL;
  int r;

  if (known) {
    *ret = (uint32_t)known - 1;
    return 0;
  }
  if (!s->program)
    return kerr_set(reterr, KERR_INVALID, NULL, "compile derived attribute %s failed: %s", c->attribute, s->error);
  d = world_cel_device(w, device, w->scratch, reterr);
  r = d ? cel_derived_evaluate(s->program, d, w->scratch, &value, reterr) : -1;
  if (r < 0) {
    r = kerr_wrap(reterr, "evaluate derived attribute %s on device %s failed", c->attribute,
                  device_id(w, device, w->scratch));
    arena_reset(w->scratch);
    return r;
  }
  *ret = attr_from_json(w, value);
  arena_reset(w->scratch);
  if (!j->derived)
    j->derived = hmap_new(NULL);
  hmap_put(j->derived, k, (void *)((uintptr_t)*ret + 1));
  return 0;
}

int
constraint_value(struct alloc_job *j, const struct constraint *c, const struct slot *s, uint32_t device, uint32_t *ret,
                 struct kerr *reterr)
{
  for (uint32_t i = s->n_derived; i-- > 0;)
    if (s->derived[i].name == c->full)
      return derived_value(j, c, s->derived[i].selector, device, ret, reterr);
  *ret = static_value(j->w, c, device);
  return 0;
}

/* -- as upstream sees a value -- */

static enum attr_kind
atom_kind(const struct alloc_world *w, sid atom)
{
  switch (strings_text(w->atoms, atom)[0]) {
  case 's':
    return ATTR_STRING;
  case 'i':
    return ATTR_INT;
  case 'b':
    return ATTR_BOOL;
  default:
    return ATTR_VERSION;
  }
}

/* The scalar of a kind, or SID_NONE. */
static sid
scalar_of(const struct alloc_world *w, uint32_t value, enum attr_kind kind)
{
  if (value & ATTR_COMPOSITE)
    return w->composites[value & ~ATTR_COMPOSITE]->scalar[kind];
  return atom_kind(w, value) == kind ? value : SID_NONE;
}

/* The scalar that upstream's switch looks at: the first kind that is set. SID_NONE: unknown type. */
static sid
first_scalar(const struct alloc_world *w, uint32_t value, enum attr_kind *ret_kind)
{
  sid s;

  if (!(value & ATTR_COMPOSITE)) {
    *ret_kind = atom_kind(w, value);
    return value;
  }
  for (int k = 0; k < 4; k++)
    if ((s = scalar_of(w, value, (enum attr_kind)k)) != SID_NONE) {
      *ret_kind = (enum attr_kind)k;
      return s;
    }
  return SID_NONE;
}

/* Lists before scalars, ints before bools, strings and versions. SET_NONE: unknown type. */
static uint32_t
set_of(struct alloc_job *j, uint32_t value)
{
  static const enum attr_kind order[] = { ATTR_INT, ATTR_BOOL, ATTR_STRING, ATTR_VERSION };
  const struct attr_composite *c;

  if (!(value & ATTR_COMPOSITE))
    return sets_put(job_sets(j), atom_kind(j->w, value), &value, 1);
  c = j->w->composites[value & ~ATTR_COMPOSITE];
  for (size_t i = 0; i < ARRAY_SIZE(order); i++)
    if (c->n[order[i]])
      return sets_put(job_sets(j), order[i], c->list[order[i]], c->n[order[i]]);
  for (size_t i = 0; i < ARRAY_SIZE(order); i++)
    if (c->scalar[order[i]] != SID_NONE)
      return sets_put(job_sets(j), order[i], &c->scalar[order[i]], 1);
  return SET_NONE;
}

/* -- match -- */

static bool
match_lists(struct alloc_job *j, const struct constraint *c, uint32_t value, uint32_t *ret)
{
  *ret = set_of(j, value);
  if (*ret != SET_NONE && c->n)
    *ret = sets_meet(job_sets(j), c->common[c->n - 1], *ret);
  return *ret != SET_NONE;
}

static bool
match_scalars(const struct alloc_world *w, const struct constraint *c, uint32_t value)
{
  enum attr_kind kind;
  sid s;

  if (c->n == 0)
    return true; /* the first is always right, even of an unknown type */
  s = first_scalar(w, value, &kind);
  return s != SID_NONE && scalar_of(w, c->values[0], kind) == s;
}

/* -- distinct -- */

static bool
distinct_lists(struct alloc_job *j, const struct constraint *c, uint32_t value)
{
  uint32_t set = set_of(j, value), other;

  if (set == SET_NONE)
    return false;
  for (uint32_t i = 0; i < c->n; i++) {
    other = set_of(j, c->values[i]);
    if (other != SET_NONE && sets_meet(job_sets(j), set, other) != SET_NONE)
      return false;
  }
  return true;
}

static bool
distinct_scalars(const struct alloc_world *w, const struct constraint *c, uint32_t value)
{
  enum attr_kind kind;
  sid s = first_scalar(w, value, &kind);

  if (s == SID_NONE)
    return c->n == 0;
  for (uint32_t i = 0; i < c->n; i++)
    if (scalar_of(w, c->values[i], kind) == s)
      return false;
  return true;
}

static bool
check(struct alloc_job *j, const struct constraint *c, uint32_t value, uint32_t *ret_common)
{
  bool lists = j->w->features.list_type_attributes && j->w->channel == ALLOC_EXPERIMENTAL;
  bool scalar = !(value & ATTR_COMPOSITE);

  *ret_common = SET_NONE;
  if (value == ATTR_MISSING)
    return false;
  if (c->distinct) {
    for (uint32_t i = 0; i < c->n && scalar; i++)
      if (c->values[i] == value)
        return false;
    return lists ? distinct_lists(j, c, value) : distinct_scalars(j->w, c, value);
  }
  if (lists)
    return match_lists(j, c, value, ret_common);
  if (scalar && c->n)
    return c->values[0] == value || ((c->values[0] & ATTR_COMPOSITE) && match_scalars(j->w, c, value));
  return match_scalars(j->w, c, value);
}

bool
constraint_allows(struct alloc_job *j, const struct constraint *c, uint32_t value)
{
  uint32_t common;

  return check(j, c, value, &common);
}

bool
constraint_push(struct alloc_job *j, struct constraint *c, uint32_t value)
{
  uint32_t common;

  if (!check(j, c, value, &common))
    return false;
  if (c->n == c->cap) {
    c->cap = c->cap * 2 + 8;
    c->values = mem_realloc(c->values, c->cap * sizeof *c->values);
    c->common = mem_realloc(c->common, c->cap * sizeof *c->common);
  }
  c->values[c->n] = value;
  c->common[c->n++] = common;
  return true;
}

void
constraint_pop(struct constraint *c)
{
  c->n--;
}
