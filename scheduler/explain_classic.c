#include "explain_classic.h"

#include <string.h>

#include "claim.h"
#include "classic_context.h"

/* -- claims -- */

static const struct json *
class_of(const struct explain_world *w, const struct json *claim)
{
  return explain_find(&w->classes, "", json_get_str_or(json_get(claim, "spec"), "resourceClassName", ""));
}

bool
explain_is_classic(const struct explain_world *w, const struct json *claim)
{
  if (!w->dra->scheduling)
    return false;
  if (w->dra->alpha)
    return !json_get_bool(class_of(w, claim), "structuredParameters", false);
  return *json_get_str_or(json_get(claim, "spec"), "controller", "") != '\0';
}

static const char *
driver_of(const struct explain_world *w, const struct json *claim)
{
  return w->dra->alpha
             ? json_get_str_or(class_of(w, claim), "driverName", "the driver of its class, which is not there")
             : json_get_str_or(json_get(claim, "spec"), "controller", "");
}

/* -- one pod -- */

/* A claim of the pod that takes part. */
struct party {
  const char *entry, *name, *driver;
  const struct json *claim, *answer;
  bool pending, refuses; /* not allocated; and not on the node that is selected */
};

struct table {
  struct explain_world *w;
  const struct json *pod, *context;
  const char *selected;
  struct party *parties;
  size_t n;
};

static const char *
names_of(struct arena *a, const struct json *list)
{
  const char *all = "";

  for (json_each_item (p, list))
    all = arena_printf(a, "%s%s%s", all, *all ? ", " : "", json_str(*p) ? json_str(*p) : "");
  return all;
}

static bool
wants_deallocation(const struct json *claim)
{
  return json_get_bool(json_get(claim, "status"), "deallocationRequested", false);
}

static void
add_party(struct table *t, const struct json *entry)
{
  struct party *p = &t->parties[t->n];

  p->entry = json_get_str_or(entry, "name", "");
  p->claim = explain_claim_of_entry(t->w, t->pod, entry, &p->name);
  if (!p->claim || !explain_is_classic(t->w, p->claim))
    return;
  p->driver = driver_of(t->w, p->claim);
  p->answer = classic_answer(t->context, p->entry);
  p->pending = !claim_allocation(p->claim);
  p->refuses = *t->selected && classic_is_unsuitable(p->answer, t->selected);
  t->n++;
}

/* The first claim of which that is true. */
static const struct party *
first(const struct table *t, bool (*is)(const struct table *t, const struct party *p))
{
  for (size_t i = 0; i < t->n; i++)
    if (is(t, &t->parties[i]))
      return &t->parties[i];
  return NULL;
}

static bool
is_leaving(const struct table *t, const struct party *p)
{
  (void)t;
  return wants_deallocation(p->claim);
}

static bool
is_early(const struct table *t, const struct party *p)
{
  (void)t;
  return p->pending && claim_is_immediate(p->claim);
}

static bool
is_pending(const struct table *t, const struct party *p)
{
  (void)t;
  return p->pending;
}

static bool
is_unheard(const struct table *t, const struct party *p)
{
  (void)t;
  return p->pending && !p->answer;
}

static bool
is_refusing(const struct table *t, const struct party *p)
{
  (void)t;
  return p->pending && p->refuses;
}

static bool
is_refused_everywhere(const struct table *t)
{
  const struct json *nodes = json_dig(t->context, "spec", "potentialNodes", NULL);

  for (json_each_item (n, nodes)) {
    bool good = true;

    for (size_t i = 0; i < t->n; i++)
      good = good && !(t->parties[i].pending && classic_is_unsuitable(t->parties[i].answer, json_str(*n)));
    if (good)
      return false;
  }
  return json_count(nodes) > 0;
}

/* In one sentence, from what stands in the way first. */
static const char *
waits_for(const struct table *t)
{
  struct arena *a = t->w->a;
  const struct party *p;

  if (t->context && !object_is_controlled_by(t->context, object_uid(t->pod)))
    return arena_printf(a, "somebody to delete %s %s/%s, which belongs to another pod", t->w->dra->scheduling->kind,
                        object_namespace(t->pod), object_name(t->pod));
  if ((p = first(t, is_leaving)) != NULL)
    return arena_printf(a, "%s to deallocate claim %s, so that it can be allocated anew", p->driver, p->name);
  if ((p = first(t, is_early)) != NULL)
    return arena_printf(a, "%s to allocate claim %s, which it does without being told a node", p->driver, p->name);
  if (!first(t, is_pending))
    return *json_get_str_or(json_get(t->pod, "spec"), "nodeName", "") ? NULL
                                                                      : "the scheduler, for all claims are allocated";
  if (!t->context)
    return "the scheduler to ask the drivers about nodes";
  if (is_refused_everywhere(t))
    return "nodes or devices: every node that was asked about is refused";
  if ((p = first(t, is_refusing)) != NULL)
    return arena_printf(a, "the scheduler to select another node than %s, which %s refused", t->selected, p->driver);
  if ((p = first(t, is_pending)) != NULL && *t->selected)
    return arena_printf(a, "%s to allocate claim %s for node %s", p->driver, p->name, t->selected);
  if ((p = first(t, is_unheard)) != NULL)
    return arena_printf(a, "%s to say on which nodes claim %s cannot be had", p->driver, p->name);
  return "the scheduler to select a node";
}

static const char *
state_of(const struct party *p)
{
  return wants_deallocation(p->claim) ? "deallocating" : p->pending ? "pending" : "allocated";
}

static void
say_party(struct table *t, const struct party *p, struct json *list)
{
  struct json *o = json_append(t->w->a, list, json_new_object(t->w->a));
  const struct json *refused = json_get(p->answer, "unsuitableNodes");

  json_set_str(t->w->a, o, "name", p->entry);
  json_set_str(t->w->a, o, "claim", p->name);
  json_set_str(t->w->a, o, "driver", p->driver);
  json_set_str(t->w->a, o, "state", state_of(p));
  json_set_bool(t->w->a, o, "answered", p->answer != NULL);
  if (refused)
    json_set(t->w->a, o, "unsuitableNodes", json_copy(t->w->a, refused));
  strbuf_printf(t->w->text, "  claim %s (%s) of %s: %s", p->entry, p->name, p->driver, state_of(p));
  if (p->pending && claim_is_immediate(p->claim))
    strbuf_printf(t->w->text, ", immediate\n");
  else if (p->pending && !p->answer)
    strbuf_printf(t->w->text, ", the driver has not answered\n");
  else if (p->pending && json_count(refused))
    strbuf_printf(t->w->text, ", the driver refuses %s\n", names_of(t->w->a, refused));
  else
    strbuf_printf(t->w->text, p->pending ? ", any node asked about will do\n" : "\n");
}

void
explain_negotiation(struct explain_world *w, const struct json *pod, struct json *o)
{
  const struct json *entries = json_dig(pod, "spec", "resourceClaims", NULL), *potential;
  struct table t = { .w = w, .pod = pod };
  struct json *n, *list;
  const char *waits;

  t.context = explain_find(&w->contexts, object_namespace(pod), object_name(pod));
  t.selected = classic_selected_node(t.context);
  t.parties = arena_array_of(w->a, struct party, json_count(entries));
  for (json_each_item (p, entries))
    add_party(&t, *p);
  if (t.n == 0)
    return;
  n = json_ensure_object(w->a, o, "negotiation");
  potential = json_dig(t.context, "spec", "potentialNodes", NULL);
  json_set_str(w->a, n, "context", t.context ? "there" : "none");
  strbuf_printf(w->text, "\nnegotiation%s\n",
                t.context ? "" : ": nobody was asked yet, or the pod is bound and it is over");
  if (potential) {
    json_set(w->a, n, "potentialNodes", json_copy(w->a, potential));
    strbuf_printf(w->text, "  asked about nodes: %s\n", names_of(w->a, potential));
  }
  if (*t.selected) {
    json_set_str(w->a, n, "selectedNode", t.selected);
    strbuf_printf(w->text, "  selected node: %s\n", t.selected);
  }
  list = json_ensure_array(w->a, n, "claims");
  for (size_t i = 0; i < t.n; i++)
    say_party(&t, &t.parties[i], list);
  waits = waits_for(&t);
  if (waits) {
    json_set_str(w->a, n, "waitsFor", waits);
    strbuf_printf(w->text, "  waits for: %s\n", waits);
  }
}
