#include "timeline.h"

#include <stdlib.h>
#include <string.h>

#include "claim.h"
#include "hmap.h"
#include "mem.h"
#include "number.h"
#include "object.h"
#include "pod_claims.h"

struct version {
  int64_t revision;
  size_t order; /* of arrival: the second key */
  const char *type;
  const struct json *object;
};

struct timeline {
  struct arena *a;
  int minor;
  const char *ns, *pod;
  struct version *versions;
  size_t n, cap;
  struct hmap *known; /* "Kind/name" → const struct json *, the version before */
  struct json *lines;
};

static void
free_map(void *m)
{
  hmap_free(m);
}

struct timeline *
timeline_new(struct arena *a, int minor, const char *ns, const char *pod)
{
  struct timeline *t = arena_new_of(a, struct timeline);

  *t = (struct timeline){ .a = a, .minor = minor, .ns = ns, .pod = pod, .known = hmap_new(NULL) };
  arena_defer(a, free_map, t->known);
  return t;
}

void
timeline_add(struct timeline *t, const char *type, const struct json *object)
{
  int64_t revision = 0;

  if (t->n == t->cap) {
    size_t cap = t->cap ? t->cap * 2 : 64;
    struct version *bigger = arena_array_of(t->a, struct version, cap);

    if (t->n)
      memcpy(bigger, t->versions, t->n * sizeof *bigger);
    t->versions = bigger;
    t->cap = cap;
  }
  (void)number_int64(span_of(object_resource_version(object)), &revision);
  t->versions[t->n] = (struct version){ .revision = revision, .order = t->n, .type = type, .object = object };
  t->n++;
}

static int
by_revision(const void *x, const void *y)
{
  const struct version *a = x, *b = y;

  if (a->revision != b->revision)
    return a->revision < b->revision ? -1 : 1;
  return a->order < b->order ? -1 : a->order > b->order;
}

/* -- which objects belong to the pod -- */

static bool
is_kind(const struct json *o, const char *kind)
{
  return strcmp(object_kind(o), kind) == 0;
}

/* Some version of the pod uses the claim. */
static bool
is_used(const struct timeline *t, const struct json *claim)
{
  for (size_t i = 0; i < t->n; i++) {
    const struct json *o = t->versions[i].object;

    if (is_kind(o, "Pod") && strcmp(object_name(o), t->pod) == 0 &&
        pod_claim_uses(t->minor, o, t->ns, object_name(claim)))
      return true;
  }
  return false;
}

static bool
is_ours(const struct timeline *t, const struct json *o)
{
  const struct json *owner = object_controller(o), *about = json_get(o, "involvedObject");

  if (!t->pod)
    return true;
  if (about)
    return strcmp(json_get_str_or(about, "name", ""), t->pod) == 0;
  if (!is_kind(o, "ResourceClaim"))
    return strcmp(object_name(o), t->pod) == 0;
  return (owner && strcmp(json_get_str_or(owner, "name", ""), t->pod) == 0) || is_used(t, o);
}

/* -- who and when -- */

/*
 * The entry of managedFields that this version brought or changed. Whoever only took something away has none: then the
 * newest one, for its time, and *ret_sure is false.
 */
static const struct json *
writer_of(const struct json *old, const struct json *now, bool *ret_sure)
{
  const struct json *before = json_dig(old, "metadata", "managedFields", NULL), *newest = NULL;

  *ret_sure = true;
  for (json_each_item (p, json_dig(now, "metadata", "managedFields", NULL))) {
    bool known = false;

    for (json_each_item (q, before))
      known = known || json_equal(*p, *q);
    if (!known)
      return *p;
    if (!newest || strcmp(json_get_str_or(*p, "time", ""), json_get_str_or(newest, "time", "")) >= 0)
      newest = *p;
  }
  *ret_sure = false;
  return newest;
}

struct line {
  struct timeline *t;
  const struct version *v;
  const char *who, *when;
  const struct json *old, *now; /* old: NULL for a new object */
};

static void say(const struct line *l, const char *fmt, ...) _printf_(2, 3);

static void
say(const struct line *l, const char *fmt, ...)
{
  const struct json *about = json_get(l->now, "involvedObject"); /* of an event */
  struct arena *a = l->t->a;
  struct json *o = json_append(a, l->t->lines, json_new_object(a));
  va_list args;

  json_set_int(a, o, "revision", l->v->revision);
  json_set_str(a, o, "time", l->when);
  json_set_str(a, o, "who", l->who);
  json_set_str(a, o, "kind", about ? json_get_str_or(about, "kind", "") : object_kind(l->now));
  json_set_str(a, o, "name", about ? json_get_str_or(about, "name", "") : object_name(l->now));
  va_start(args, fmt);
  json_set_str(a, o, "what", arena_vprintf(a, fmt, args));
  va_end(args);
}

/* -- what -- */

static const char *
names_of(struct arena *a, const struct json *list, const char *member)
{
  const char *all = "";

  for (json_each_item (p, list)) {
    const char *name = member ? json_get_str(*p, member) : json_str(*p);

    all = arena_printf(a, "%s%s%s", all, *all ? ", " : "", name ? name : "?");
  }
  return *all ? all : "none";
}

static bool
changed(const struct line *l, const char *part, const char *member)
{
  const struct json *old = json_dig(l->old, part, member, NULL), *now = json_dig(l->now, part, member, NULL);

  return !json_equal(old, now) && (json_count(old) || json_count(now) || json_str(old) || json_str(now));
}

static const char *
text_of(const struct json *o, const char *part, const char *member)
{
  return json_get_str_or(json_get(o, part), member, "");
}

static void
tell_pod(const struct line *l)
{
  const struct json *c = object_condition(l->now, "PodScheduled"), *before = object_condition(l->old, "PodScheduled");
  const char *message = json_get_str_or(c, "message", ""), *phase = text_of(l->now, "status", "phase");

  if (!l->old)
    say(l, "is created");
  if (changed(l, "status", "resourceClaimStatuses"))
    say(l, "has its claims: %s",
        names_of(l->t->a, json_dig(l->now, "status", "resourceClaimStatuses", NULL), "resourceClaimName"));
  if (changed(l, "spec", "nodeName"))
    say(l, "is bound to node %s", text_of(l->now, "spec", "nodeName"));
  if (*message && strcmp(message, json_get_str_or(before, "message", "")) != 0)
    say(l, "is pending: %s", message);
  if (l->old && strcmp(phase, text_of(l->old, "status", "phase")) != 0)
    say(l, "is %s", phase);
}

static void
tell_allocation(const struct line *l)
{
  const struct json *term = json_at(json_get(claim_nodes(l->now), "nodeSelectorTerms"), 0);
  const struct json *fields = json_get(term, "matchFields"), *labels = json_get(term, "matchExpressions");
  const struct json *where = json_get(json_at(fields ? fields : labels, 0), "values");

  if (claim_allocation(l->now) && !claim_allocation(l->old))
    say(l, "is allocated for %s%s", where ? "node " : "any node", where ? names_of(l->t->a, where, NULL) : "");
  else if (!claim_allocation(l->now) && claim_allocation(l->old))
    say(l, "is deallocated");
}

static void
tell_claim(const struct line *l)
{
  bool asked = json_get_bool(json_get(l->now, "status"), "deallocationRequested", false);

  if (!l->old)
    say(l, "is created");
  if (changed(l, "metadata", "finalizers"))
    say(l, "has finalizers: %s", names_of(l->t->a, json_dig(l->now, "metadata", "finalizers", NULL), NULL));
  tell_allocation(l);
  if (changed(l, "status", "reservedFor"))
    say(l, "is reserved for: %s", names_of(l->t->a, json_dig(l->now, "status", "reservedFor", NULL), "name"));
  if (asked && !json_get_bool(json_get(l->old, "status"), "deallocationRequested", false))
    say(l, "is to be deallocated by its driver");
}

static void
tell_context(const struct line *l)
{
  const struct json *before = json_dig(l->old, "status", "resourceClaims", NULL);
  const char *selected = text_of(l->now, "spec", "selectedNode");

  if (changed(l, "spec", "potentialNodes"))
    say(l, "asks the drivers about nodes: %s",
        names_of(l->t->a, json_dig(l->now, "spec", "potentialNodes", NULL), NULL));
  if (changed(l, "spec", "selectedNode"))
    say(l, *selected ? "selects node %s" : "selects no node any more%s", selected);
  for (json_each_item (p, json_dig(l->now, "status", "resourceClaims", NULL))) {
    const char *entry = json_get_str_or(*p, "name", "");
    const struct json *nodes = json_get(*p, "unsuitableNodes");

    if (json_equal(json_list_find(before, "name", entry), *p))
      continue;
    if (json_count(nodes))
      say(l, "has an answer for %s: not on %s", entry, names_of(l->t->a, nodes, NULL));
    else
      say(l, "has an answer for %s: any of them", entry);
  }
}

static void
tell_event(const struct line *l)
{
  const char *message = json_get_str_or(l->now, "message", "");
  struct line of_event = *l;

  if (l->old && strcmp(message, json_get_str_or(l->old, "message", "")) == 0)
    return; /* counted again */
  of_event.who = json_get_str_or(json_get(l->now, "source"), "component", "");
  if (!*of_event.who)
    of_event.who = json_get_str_or(l->now, "reportingComponent", "");
  say(&of_event, "%s: %s", json_get_str_or(l->now, "reason", ""), message);
}

static void
tell(const struct line *l, const char *type)
{
  static const struct {
    const char *kind;
    void (*tell)(const struct line *l);
  } kinds[] = {
    { "Pod", tell_pod },
    { "ResourceClaim", tell_claim },
    { "PodSchedulingContext", tell_context },
    { "PodScheduling", tell_context },
    { "Event", tell_event },
  };

  if (strcmp(type, "DELETED") == 0) {
    if (!json_get(l->now, "involvedObject"))
      say(l, "is gone");
    return;
  }
  if (object_is_deleting(l->now) && !object_is_deleting(l->old))
    say(l, "is marked for deletion");
  for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
    if (is_kind(l->now, kinds[i].kind))
      kinds[i].tell(l);
}

struct json *
timeline_lines(struct timeline *t)
{
  const char *when = "";

  t->lines = json_new_array(t->a);
  if (t->n > 1)
    qsort(t->versions, t->n, sizeof *t->versions, by_revision);
  for (size_t i = 0; i < t->n; i++) {
    const struct version *v = &t->versions[i];
    const char *key = arena_printf(t->a, "%s/%s", object_kind(v->object), object_uid(v->object));
    bool gone = strcmp(v->type, "DELETED") == 0;
    bool sure = false;
    const struct json *old = hmap_get(t->known, span_of(key));
    const struct json *writer = gone ? NULL : writer_of(old, v->object, &sure);
    const char *time = json_get_str_or(writer, "time", "");

    if (!is_ours(t, v->object))
      continue;
    when = *time ? time : when; /* an end has no time: that of what came before */
    tell(&(struct line){ .t = t,
                         .v = v,
                         .who = sure ? json_get_str_or(writer, "manager", "") : "",
                         .when = when,
                         .old = old,
                         .now = v->object },
         v->type);
    if (gone)
      hmap_remove(t->known, span_of(key));
    else
      hmap_put(t->known, span_of(key), (void *)(uintptr_t)v->object);
  }
  return t->lines;
}
