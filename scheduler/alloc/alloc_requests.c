/* Claims become slots; the checks before the search. Follows Allocate and validateDeviceRequest of the variants. */
#include <assert.h>
#include <string.h>

#include "alloc_job.h"

static bool
given(const struct json *obj, const char *name)
{
  const struct json *v = json_get(obj, name);

  return v && !json_is(v, JSON_NULL);
}

/* -- slots -- */

static const char *
selector_without_cel(struct arena *a, const struct slot *s, const char *id)
{
  const struct json *selectors = json_get(s->json, "selectors");
  uint32_t i = 0;

  for (json_each_item (item, selectors)) {
    if (!given(*item, "cel"))
      return arena_printf(a, "claim %s, request %s, selector #%u: CEL expression empty (unsupported selector type?)",
                          id, s->name, i);
    i++;
  }
  return NULL;
}

static void
slot_derive(struct alloc_job *j, struct slot *s, const struct json *derived)
{
  s->derived = arena_array_of(j->a, struct derived, json_count(derived) + 1);
  for (json_each_item (d, derived))
    s->derived[s->n_derived++] =
        (struct derived){ .name = strings_put(j->w->names, span_of(json_get_str_or(*d, "name", ""))),
                          .selector = selector_get(j->w, span_of(json_get_str_or(*d, "expression", "")), true) };
}

/* In upstream's order of checks; the text of the first that fails. */
static const char *
slot_compile(struct alloc_job *j, struct slot *s, const struct claim *c)
{
  const struct alloc_features *f = &j->w->features;
  const struct json *derived = json_get(s->json, "derivedAttributes");
  const char *class_name = json_get_str_or(s->json, "deviceClassName", ""), *error, *mode;
  const struct class *class;

  s->tolerations = json_get(s->json, "tolerations");
  s->admin = !s->parent && json_get_bool(s->json, "adminAccess", false);
  if (json_count(derived)) {
    if (!f->derived_attributes || j->w->channel != ALLOC_EXPERIMENTAL)
      return arena_printf(
          j->a, "claim %s, request %s: cannot handle request with derived attributes, the feature is disabled", c->id,
          s->name);
    slot_derive(j, s, derived);
  }
  error = selector_without_cel(j->a, s, c->id);
  if (error)
    return error;
  if (!f->admin_access && !s->parent && given(s->json, "adminAccess"))
    return arena_printf(j->a, "claim %s, request %s: admin access is requested, but the feature is disabled", c->id,
                        s->name);
  if (!*class_name)
    return arena_printf(j->a, "claim %s, request %s: missing device class name (unsupported request type?)", c->id,
                        s->name);
  class = world_class(j->w, class_name);
  if (!class)
    return arena_printf(
        j->a, "claim %s, request %s: could not retrieve device class %s: deviceclass.resource.k8s.io \"%s\" not found",
        c->id, s->name, class_name, class_name);
  s->class = class->tree;
  mode = json_get_str_or(s->json, "allocationMode", "");
  s->every = strcmp(mode, "All") == 0;
  if (!s->every && strcmp(mode, "ExactCount") != 0)
    return arena_printf(j->a, "claim %s, request %s: unsupported count mode %s", c->id, s->name, mode);
  s->count = json_get_int(s->json, "count", 0);
  s->filter = filter_get(j->w, json_dig(class->tree, "spec", "selectors", NULL), json_get(s->json, "selectors"));
  if (j->w->channel != ALLOC_STABLE)
    cap_request_compile(j->a, j->w->names, json_dig(s->json, "capacity", "requests", NULL), &s->caps);
  return NULL;
}

static void
slot_constrain(struct alloc_job *j, struct slot *s, const struct claim *c)
{
  s->constraints = arena_array_of(j->a, uint32_t, c->n_constraints + 1);
  for (uint32_t i = 0; i < c->n_constraints; i++)
    if (constraint_applies(&j->constraints[c->first_constraint + i], s->parent ? s->parent : s->name,
                           s->parent ? s->name : NULL))
      s->constraints[s->n_constraints++] = c->first_constraint + i;
}

/* -- requests -- */

static const char *
request_gates(struct alloc_job *j, const struct json *request, const struct claim *c, const char *name)
{
  const struct json *alternatives = json_get(request, "firstAvailable");

  if (!j->w->features.prioritized_list && json_count(alternatives))
    return arena_printf(j->a, "claim %s, request %s: has subrequests, but the DRAPrioritizedList feature is disabled",
                        c->id, name);
  if (j->w->features.consumable_capacity || j->w->channel == ALLOC_STABLE)
    return NULL;
  if (given(json_get(request, "exactly"), "capacity"))
    return arena_printf(
        j->a, "claim %s, request %s: has capacity requests, but the DRAConsumableCapacity feature is disabled", c->id,
        name);
  for (json_each_item (sub, alternatives))
    if (given(*sub, "capacity"))
      return arena_printf(
          j->a, "claim %s, subrequest %s: has capacity requests, but the DRAConsumableCapacity feature is disabled",
          c->id, json_get_str_or(*sub, "name", ""));
  return NULL;
}

static void
slot_add(struct alloc_job *j, struct claim *c, uint32_t claim, const struct json *json, const char *name,
         const char *parent)
{
  struct request *r = &j->requests[j->n_requests];
  struct slot *s = &j->slots[j->n_slots++];

  *s = (struct slot){
    .claim = claim, .request = j->n_requests, .number = r->n_slots++, .name = name, .parent = parent, .json = json
  };
  s->error = slot_compile(j, s, c);
  slot_constrain(j, s, c);
}

static void
request_compile(struct alloc_job *j, struct claim *c, uint32_t claim, const struct json *json)
{
  struct request *r = &j->requests[j->n_requests];
  const struct json *alternatives = json_get(json, "firstAvailable");

  *r = (struct request){ .name = json_get_str_or(json, "name", ""),
                         .first_slot = j->n_slots,
                         .choice = json_count(alternatives) > 0 };
  r->error = request_gates(j, json, c, r->name);
  if (!r->choice)
    slot_add(j, c, claim, json_get(json, "exactly"), r->name, NULL);
  for (json_each_item (sub, alternatives))
    slot_add(j, c, claim, *sub, json_get_str_or(*sub, "name", ""), r->name);
  j->n_requests++;
  c->n_requests++;
}

/* -- claims -- */

static void
constraint_compile(struct alloc_job *j, struct claim *c, const struct json *json)
{
  struct constraint *k = &j->constraints[j->n_constraints];
  bool match = json_is(json_get(json, "matchAttribute"), JSON_STRING);
  bool distinct = json_is(json_get(json, "distinctAttribute"), JSON_STRING) && j->w->channel != ALLOC_STABLE;
  const char *name = json_get_str_or(json, match ? "matchAttribute" : "distinctAttribute", "");
  const char *slash = strchr(name, '/');

  if (!match && !distinct && !c->error)
    c->error = arena_printf(j->a, "claim %s, constraint #%u: empty constraint (unsupported constraint type?)", c->id,
                            j->n_constraints - c->first_constraint);
  *k = (struct constraint){ .distinct = !match,
                            .json = json,
                            .requests = json_get(json, "requests"),
                            .attribute = name,
                            .full = strings_put(j->w->names, span_of(name)),
                            .domain = SID_NONE };
  if (slash) {
    k->domain = strings_put(j->w->names, span_make(name, (size_t)(slash - name)));
    k->bare = strings_put(j->w->names, span_of(slash + 1));
  }
  j->n_constraints++;
  c->n_constraints++;
}

/* "namespace/name", without what printf costs. */
static const char *
claim_id(struct arena *a, const char *ns, const char *name)
{
  size_t n = strlen(ns), m = strlen(name);
  char *id;

  if (n == 0)
    return name;
  id = arena_alloc(a, n + m + 2);
  memcpy(id, ns, n);
  id[n] = '/';
  memcpy(id + n + 1, name, m);
  return id;
}

static void
claim_compile(struct alloc_job *j, const struct json *tree)
{
  struct claim *c = &j->claims[j->n_claims];
  const struct json *meta = json_get(tree, "metadata"), *devices = json_dig(tree, "spec", "devices", NULL),
                    *constraints = json_get(devices, "constraints"), *requests = json_get(devices, "requests");
  const char *ns = json_get_str_or(meta, "namespace", "");

  *c = (struct claim){ .tree = tree,
                       .name = json_get_str_or(meta, "name", ""),
                       .first_request = j->n_requests,
                       .first_constraint = j->n_constraints };
  c->id = claim_id(j->a, ns, c->name);
  for (json_each_item (k, constraints))
    constraint_compile(j, c, *k);
  for (json_each_item (r, requests))
    request_compile(j, c, j->n_claims, *r);
  j->n_claims++;
}

static bool
is_plain(struct alloc_job *j)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  for (uint32_t i = 0; i < j->n_slots; i++)
    if (j->slots[i].error || j->slots[i].every)
      return false;
  return job_prepare(j, NULL, &err) == 0;
}

void
job_compile(struct alloc_job *j)
{
  uint32_t n = j->n_claims;
  size_t requests = 0, slots = 0, constraints = 0;

  for (uint32_t i = 0; i < n; i++) {
    const struct json *devices = json_dig(j->trees[i], "spec", "devices", NULL), *list = json_get(devices, "requests");

    requests += json_count(list);
    constraints += json_count(json_get(devices, "constraints"));
    for (json_each_item (r, list))
      slots += 1 + json_count(json_get(*r, "firstAvailable"));
  }
  j->class_version = j->w->class_version;
  j->claims = arena_array_of(j->a, struct claim, n + 1);
  j->requests = arena_array_of(j->a, struct request, requests + 1);
  j->slots = arena_array_of(j->a, struct slot, slots + 1);
  j->constraints = arena_array_of(j->a, struct constraint, constraints + 1);
  j->chosen = arena_array_of(j->a, uint32_t, requests + 1);
  j->n_claims = j->n_requests = j->n_slots = j->n_constraints = 0;
  for (uint32_t i = 0; i < n; i++)
    claim_compile(j, j->trees[i]);
  j->plain = is_plain(j);
}

void
job_release_filters(struct alloc_job *j)
{
  for (uint32_t i = 0; i < j->n_slots; i++)
    if (j->slots[i].filter)
      j->slots[i].filter->pins--;
  for (uint32_t i = 0; i < j->n_constraints; i++) {
    free(j->constraints[i].values);
    free(j->constraints[i].common);
  }
}

/* -- before the search -- */

static int
resolve_all(struct alloc_job *j, struct slot *s, const struct view *v, struct kerr *reterr)
{
  const struct claim *c = &j->claims[s->claim];

  s->all = arena_array_of(j->run, uint32_t, v->n + 1);
  s->need = 0;
  for (uint32_t p = 0; p < v->n_pools; p++) {
    const struct view_pool *pool = &v->pools[p];

    if (pool->state != POOL_USABLE)
      return kerr_set(reterr, KERR_INVALID, NULL,
                      "claim %s, request %s: asks for all devices, but resource pool %s/%s is %s", c->id, s->name,
                      world_text(j->w, pool->pool->driver), world_text(j->w, pool->pool->name),
                      pool->state == POOL_INCOMPLETE ? "currently being updated" : "currently invalid");
    for (uint32_t d = pool->first; d < pool->first + pool->n; d++) {
      const struct cap_shape *shape = j->w->devices[v->devices[d]].caps;

      slot_ask_word(j, s, v, d / 64);
      if (bit_get(s->error_bits, d))
        return slot_error(j, s, v, d, reterr);
      if (bit_get(s->selectable, d) &&
          (!j->w->consumable || slot_need_of(j, s, shape)->fits_alone)) /* static capacity only */
        s->all[s->need++] = d;
    }
  }
  return 0;
}

static int
slot_prepare(struct alloc_job *j, struct slot *s, const struct view *v, struct kerr *reterr)
{
  if (s->error)
    return kerr_set(reterr, KERR_INVALID, NULL, "%s", s->error);
  s->need = s->count < 0 ? 0 : s->count > UINT32_MAX ? UINT32_MAX : (uint32_t)s->count;
  return s->every ? resolve_all(j, s, v, reterr) : 0;
}

static int
request_prepare(struct alloc_job *j, const struct claim *c, const struct request *r, const struct view *v,
                uint32_t *sum, struct kerr *reterr)
{
  int64_t least = INT64_MAX, need;
  int err;

  if (r->error)
    return kerr_set(reterr, KERR_INVALID, NULL, "%s", r->error);
  for (uint32_t i = 0; i < r->n_slots; i++) {
    struct slot *s = &j->slots[r->first_slot + i];

    err = slot_prepare(j, s, v, reterr);
    if (err < 0)
      return err;
    need = s->every ? s->need : s->count;
    if (need < least)
      least = need;
  }
  if (least > RESULTS_MAX - (int64_t)*sum)
    return kerr_set(
        reterr, KERR_INVALID, NULL,
        "claim %s, request %s: adding %lld devices exceeds the claim limit of %d, with %u already accounted for", c->id,
        r->name, (long long)least, RESULTS_MAX, *sum);
  *sum += least < 0 ? 0 : (uint32_t)least;
  return 0;
}

/* A plain job is prepared when it is compiled, without a view. */
int
job_prepare(struct alloc_job *j, const struct view *v, struct kerr *reterr)
{
  for (uint32_t i = 0; i < j->n_claims; i++) {
    const struct claim *c = &j->claims[i];
    uint32_t sum = 0;
    int err;

    for (uint32_t r = 0; r < c->n_requests; r++) {
      err = request_prepare(j, c, &j->requests[c->first_request + r], v, &sum, reterr);
      if (err < 0)
        return err;
    }
    if (c->error)
      return kerr_set(reterr, KERR_INVALID, NULL, "%s", c->error);
  }
  return 0;
}
