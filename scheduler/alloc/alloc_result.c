/* From picks to AllocationResults: devices, configuration, node selector. */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "alloc_job.h"

/* Sub-trees of slices, classes and claims are shared: nobody edits a finished tree. */
static struct json *
borrow(const struct json *v)
{
  return (struct json *)(uintptr_t)v;
}

static void
set_if_any(struct arena *a, struct json *obj, const char *name, const struct json *list)
{
  if (json_count(list))
    json_set(a, obj, name, borrow(list));
}

/*
 * The scheduler asks for many answers, so objects are made in one piece: the node, room for its members, names that are
 * literals and need no copy.
 */
static struct json *
object_new(struct arena *a, uint32_t room)
{
  struct json *o = arena_alloc(a, sizeof *o + room * sizeof *o->u.members);

  o->type = JSON_OBJECT;
  o->cap = room & 0xffffff;
  o->u.members = (struct json_member *)(void *)(o + 1);
  return o;
}

#define PUT(object, literal, v)                                      \
  (object)->u.members[(object)->count++] = (struct json_member)      \
  {                                                                  \
    .name = (literal), .value = (v), .name_len = sizeof(literal) - 1 \
  }

static struct json *
text_new(struct arena *a, struct span text)
{
  struct json *v = arena_alloc(a, sizeof *v + text.n + 1);
  char *copy = (char *)(v + 1);

  v->type = JSON_STRING;
  v->count = (uint32_t)text.n;
  if (text.n)
    memcpy(copy, text.p, text.n);
  v->u.str = copy;
  return v;
}

static struct json *
name_new(struct arena *a, const struct alloc_world *w, sid name)
{
  return text_new(a, strings_span(w->names, name));
}

static struct json *
list_new(struct arena *a, uint32_t room)
{
  struct json *v = arena_alloc(a, sizeof *v + room * sizeof(struct json *));

  v->type = JSON_ARRAY;
  v->cap = room & 0xffffff;
  v->u.items = (struct json **)(void *)(v + 1);
  return v;
}

/* -- devices -- */

/* Random bytes, fetched in bulk: a call to the system costs more than a whole answer. */
static void
random_bytes(struct alloc_world *w, uint8_t *ret, size_t n)
{
  if (w->n_random < n) {
    if (getrandom(w->random, sizeof w->random, 0) != (ssize_t)sizeof w->random)
      abort(); /* 256 bytes are never cut short (getrandom(2)) */
    w->n_random = sizeof w->random;
  }
  w->n_random -= n;
  memcpy(ret, w->random + w->n_random, n);
}

/* A version 4 UUID. */
static struct json *
share_id(struct alloc_world *w, struct arena *a)
{
  static const char digits[] = "0123456789abcdef";
  uint8_t b[16];
  char text[36], *at = text;

  random_bytes(w, b, sizeof b);
  b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
  b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
  for (int i = 0; i < 16; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10)
      *at++ = '-';
    *at++ = digits[b[i] >> 4];
    *at++ = digits[b[i] & 15];
  }
  return json_new_strn(a, text, sizeof text);
}

/* Upstream looks the tolerations up by name: with equal names the first counts. */
static const struct json *
tolerations_of(const struct alloc_job *j, const struct slot *s)
{
  const struct claim *c = &j->claims[s->claim];

  for (uint32_t r = c->first_request; r < c->first_request + c->n_requests; r++) {
    const struct request *request = &j->requests[r];

    if (strcmp(request->name, s->parent ? s->parent : s->name) != 0)
      continue;
    for (uint32_t i = request->first_slot; i < request->first_slot + request->n_slots; i++)
      if (!s->parent || strcmp(j->slots[i].name, s->name) == 0)
        return j->slots[i].tolerations;
  }
  return s->tolerations;
}

static const char *
slot_full_name(const struct slot *s, struct arena *a)
{
  return s->parent ? arena_printf(a, "%s/%s", s->parent, s->name) : s->name;
}

static void
add_share(const struct alloc_job *j, const struct pick *p, struct arena *a, struct json *result)
{
  const struct cap_shape *shape = j->w->devices[j->view->devices[p->device]].caps;
  struct json *consumed;

  PUT(result, "shareID", share_id(j->w, a));
  if (!shape || shape->n == 0)
    return;
  consumed = object_new(a, shape->n);
  for (uint32_t i = 0; i < shape->n; i++) {
    struct span name = strings_span(j->w->names, shape->v[i].name);
    const char **text = &p->need->texts[i];

    if (!*text)
      *text = quantity_text(j->a, &p->need->need.takes[i].q);
    consumed->u.members[consumed->count++] = (struct json_member){ .name = arena_strndup(a, name.p, name.n),
                                                                   .value = text_new(a, span_of(*text)),
                                                                   .name_len = (uint32_t)name.n };
  }
  PUT(result, "consumedCapacity", consumed);
}

static void
put_list(struct json *o, const char *name, size_t n, const struct json *list)
{
  if (json_count(list))
    o->u.members[o->count++] = (struct json_member){ .name = name, .value = borrow(list), .name_len = (uint32_t)n };
}

#define PUT_LIST(object, literal, list) put_list((object), (literal), sizeof(literal) - 1, (list))

static struct json *
device_result(const struct alloc_job *j, const struct pick *p, struct arena *a)
{
  const struct slot *s = &j->slots[p->slot];
  uint32_t number = j->view->devices[p->device];
  const struct slice *slice = device_slice(j->w, number);
  const struct device *d = &j->w->devices[number];
  struct json *r = object_new(a, 12);

  PUT(r, "request", text_new(a, span_of(slot_full_name(s, a))));
  PUT(r, "driver", name_new(a, j->w, slice->driver));
  PUT(r, "pool", name_new(a, j->w, slice->pool->name));
  PUT(r, "device", name_new(a, j->w, d->name));
  if (s->admin)
    PUT(r, "adminAccess", json_new_bool(a, true));
  PUT_LIST(r, "tolerations", tolerations_of(j, s));
  if (j->w->features.device_binding_and_status) {
    const struct json *device = device_json(j->w, number);

    PUT_LIST(r, "bindingConditions", json_get(device, "bindingConditions"));
    PUT_LIST(r, "bindingFailureConditions", json_get(device, "bindingFailureConditions"));
  }
  if (p->share)
    add_share(j, p, a, r);
  if (j->w->channel == ALLOC_EXPERIMENTAL)
    PUT_LIST(r, "skipNodeOperations", slice->skip_operations);
  return r;
}

/* -- configuration -- */

static const struct slot *
chosen_slot(const struct alloc_job *j, uint32_t request)
{
  const struct request *r = &j->requests[request];

  return &j->slots[r->first_slot + (r->choice ? j->chosen[request] : 0)];
}

static struct json *
config_new(struct arena *a, const char *source, const struct json *config)
{
  struct json *c = json_new_object(a);
  const struct json *opaque = json_get(config, "opaque");

  json_set_str(a, c, "source", source);
  if (opaque && !json_is(opaque, JSON_NULL))
    json_set(a, c, "opaque", borrow(opaque));
  return c;
}

/* Each class once, in the order of the requests that use it. */
static void
add_class_configs(const struct alloc_job *j, const struct claim *c, struct arena *a, struct json *list)
{
  for (uint32_t r = c->first_request; r < c->first_request + c->n_requests; r++) {
    const struct slot *s = chosen_slot(j, r);
    const struct json *configs = json_dig(s->class, "spec", "config", NULL);
    bool seen = false;

    for (uint32_t i = c->first_request; i < r && !seen; i++)
      seen = chosen_slot(j, i)->class == s->class;
    if (seen || json_count(configs) == 0)
      continue;
    for (json_each_item (item, configs)) {
      struct json *config = json_append(a, list, config_new(a, "FromClass", *item));
      struct json *requests = json_ensure_array(a, config, "requests");

      for (uint32_t i = r; i < c->first_request + c->n_requests; i++)
        if (chosen_slot(j, i)->class == s->class)
          json_append_str(a, requests, slot_full_name(chosen_slot(j, i), a));
    }
  }
}

/* Is the request, or the alternative chosen of it, in the list? */
static bool
list_has_request(const struct alloc_job *j, const struct json *list, uint32_t request, struct arena *a)
{
  return json_list_has(list, j->requests[request].name) ||
         (j->requests[request].choice && json_list_has(list, slot_full_name(chosen_slot(j, request), a)));
}

static void
add_claim_configs(const struct alloc_job *j, const struct claim *c, struct arena *a, struct json *list)
{
  const struct json *configs = json_dig(c->tree, "spec", "devices", "config", NULL);

  for (json_each_item (item, configs)) {
    const struct json *requests = json_get(*item, "requests");
    bool applies = json_count(requests) == 0;

    for (uint32_t r = c->first_request; r < c->first_request + c->n_requests && !applies; r++)
      applies = list_has_request(j, requests, r, a);
    if (!applies)
      continue;
    struct json *config = json_append(a, list, config_new(a, "FromClaim", *item));
    set_if_any(a, config, "requests", requests);
  }
}

/* A list that names all requests is the same as none. */
static void
clear_complete_lists(const struct alloc_job *j, const struct claim *c, struct arena *a, struct json *list)
{
  for (json_each_item (config, list)) {
    const struct json *requests = json_get(*config, "requests");
    bool all = true;

    for (uint32_t r = c->first_request; r < c->first_request + c->n_requests && all; r++)
      all = list_has_request(j, requests, r, a);
    if (all && requests)
      json_remove(*config, "requests");
  }
}

/* -- node selector -- */

static bool
same_values(const struct json *x, const struct json *y)
{
  for (json_each_item (v, x))
    if (json_str(*v) && !json_list_has(y, json_str(*v)))
      return false;
  for (json_each_item (v, y))
    if (json_str(*v) && !json_list_has(x, json_str(*v)))
      return false;
  return true;
}

static void
add_requirements(struct arena *a, const struct json *from, struct json *term, const char *name)
{
  for (json_each_item (req, from)) {
    struct json *list = json_ensure_array(a, term, name);
    bool seen = false;

    for (json_each_item (old, list))
      seen |= strcmp(json_get_str_or(*old, "key", ""), json_get_str_or(*req, "key", "")) == 0 &&
              strcmp(json_get_str_or(*old, "operator", ""), json_get_str_or(*req, "operator", "")) == 0 &&
              same_values(json_get(*old, "values"), json_get(*req, "values"));
    if (!seen)
      json_append(a, list, borrow(*req));
  }
}

static struct json *
selector_with(struct arena *a, struct json *term)
{
  struct json *selector = object_new(a, 1), *terms = list_new(a, 1);

  terms->u.items[terms->count++] = term;
  PUT(selector, "nodeSelectorTerms", terms);
  return selector;
}

static struct json *
selector_for_node(struct arena *a, const char *node)
{
  struct json *term = object_new(a, 1), *fields = list_new(a, 1), *req = object_new(a, 3), *values = list_new(a, 1);

  values->u.items[values->count++] = text_new(a, span_of(node));
  PUT(req, "key", text_new(a, SPAN("metadata.name")));
  PUT(req, "operator", text_new(a, SPAN("In")));
  PUT(req, "values", values);
  fields->u.items[fields->count++] = req;
  PUT(term, "matchFields", fields);
  return selector_with(a, term);
}

/* The node that a picked device is bound to; NULL when it is not bound to one. */
static const char *
bound_node(const struct alloc_job *j, uint32_t number)
{
  const struct slice *s = device_slice(j->w, number);
  const struct device *d = &j->w->devices[number];
  bool named = s->per_device ? d->flags & DEVICE_HAS_NODE_NAME : s->has_node_name;

  if (j->w->channel == ALLOC_STABLE)
    return named ? world_text(j->w, s->per_device ? d->side->node_name : s->node_name) : NULL;
  return named || d->flags & DEVICE_BINDS_TO_NODE ? world_text(j->w, j->node->name) : NULL;
}

static int
node_selector_of(const struct alloc_job *j, uint32_t claim, struct arena *a, struct json **ret, struct kerr *reterr)
{
  struct json *term = object_new(a, 2);

  *ret = NULL;
  for (uint32_t i = 0; i < j->n_picks; i++) {
    uint32_t number = j->view->devices[j->picks[i].device];
    const struct slice *s = device_slice(j->w, number);
    const struct json *selector, *terms;
    const char *node = bound_node(j, number);

    if (j->slots[j->picks[i].slot].claim != claim)
      continue;
    if (node) {
      *ret = selector_for_node(a, node);
      return 0;
    }
    selector = json_get(s->per_device ? device_json(j->w, number) : json_get(s->tree, "spec"), "nodeSelector");
    terms = json_get(selector, "nodeSelectorTerms");
    if (json_count(terms) > 1)
      return kerr_set(reterr, KERR_INVALID, NULL,
                      "create NodeSelector for claim %s: unsupported ResourceSlice.NodeSelector with %zu terms",
                      j->claims[claim].name, json_count(terms));
    add_requirements(a, json_get(json_at(terms, 0), "matchFields"), term, "matchFields");
    add_requirements(a, json_get(json_at(terms, 0), "matchExpressions"), term, "matchExpressions");
  }
  if (term->count)
    *ret = selector_with(a, term);
  return 0;
}

static struct json *
device_results(const struct alloc_job *j, uint32_t claim, struct arena *a)
{
  struct json *list = list_new(a, j->n_picks);

  for (uint32_t i = 0; i < j->n_picks; i++)
    if (j->slots[j->picks[i].slot].claim == claim)
      list->u.items[list->count++] = device_result(j, &j->picks[i], a);
  return list;
}

static int
claim_result(const struct alloc_job *j, uint32_t claim, struct arena *a, struct json **ret, struct kerr *reterr)
{
  const struct claim *c = &j->claims[claim];
  struct json *result = object_new(a, 2), *devices = object_new(a, 2), *configs = list_new(a, 0), *selector;
  int r;

  PUT(devices, "results", device_results(j, claim, a));
  add_class_configs(j, c, a, configs);
  add_claim_configs(j, c, a, configs);
  clear_complete_lists(j, c, a, configs);
  if (json_count(configs))
    PUT(devices, "config", configs);
  PUT(result, "devices", devices);
  r = node_selector_of(j, claim, a, &selector, reterr);
  if (selector)
    PUT(result, "nodeSelector", selector);
  *ret = result;
  return r;
}

int
alloc_job_allocations(const struct alloc_job *j, struct arena *a, struct json ***ret, struct kerr *reterr)
{
  struct json **list = arena_array_of(a, struct json *, j->n_claims + 1);
  int r = 0;

  for (uint32_t i = 0; i < j->n_claims && r == 0; i++)
    r = claim_result(j, i, a, &list[i], reterr);
  if (r == 0)
    *ret = list;
  return r;
}
