/*
 * PreScore and Reserve of the classic plugin: is everything there for the node that was chosen, or has a driver to be
 * asked, and for what?
 */
#include <stdlib.h>
#include <string.h>

#include "classic.h"

#define RESERVE "running Reserve plugin \"DynamicResources\""

/* -- PreScore: which nodes to ask about -- */

static bool
knows_all(const struct json *context, const char *const *nodes, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (!classic_is_potential_node(context, nodes[i]))
      return false;
  return context != NULL;
}

/* All of them, or as many as there may be; those that are left out come first the next time. */
static const struct json *
potential_nodes(struct sched_attempt *t, const char *const *nodes, size_t n)
{
  struct classic *c = t->s->classic;
  size_t wanted = n < CLASSIC_NODES_MAX ? n : CLASSIC_NODES_MAX, start = n > wanted ? c->rotation % n : 0;
  const char **names = arena_array_of(t->a, const char *, wanted);
  struct json *list = json_new_array(t->a);

  for (size_t i = 0; i < wanted; i++)
    names[i] = nodes[(start + i) % n];
  if (n > wanted)
    c->rotation = start + wanted;
  if (wanted > 1)
    qsort(names, wanted, sizeof *names, text_order);
  for (size_t i = 0; i < wanted; i++)
    json_append_str(t->a, list, names[i]);
  return list;
}

/* -- Reserve -- */

struct tally {
  size_t delayed, answered; /* claims that wait for their driver; those of them that it has said something about */
  size_t ours;              /* claims that the scheduler allocates */
};

static struct tally
tally_of(const struct sched_attempt *t)
{
  struct tally n = { 0, 0, 0 };

  for (size_t i = 0; i < t->n_claims; i++) {
    const struct classic_claim *k = &t->classic->claims[i];

    n.delayed += k->pending;
    n.answered += k->pending && k->answer;
    n.ours += t->claims[i].allocate;
  }
  return n;
}

/* Allocations of 1.30, which Filter does not keep. */
static int
allocate_named(struct sched_attempt *t, const char *node, struct json ***ret, struct kerr *reterr)
{
  struct json **list = arena_array_of(t->a, struct json *, t->n_allocate + 1);
  size_t n = 0;

  for (size_t i = 0; i < t->n_claims; i++)
    if (t->claims[i].allocate &&
        named_claim_allocate(t->classic->claims[i].named, t->classic->model, node, &list[n++], reterr) < 0)
      return kerr_wrap(reterr, RESERVE ": claim allocation failed unexpectedly");
  *ret = list;
  return 0;
}

/* The one feasible node has not been asked about: without that it would be chosen for ever. */
static void
ask_about(struct sched_attempt *t, const char *node, bool pre_scored)
{
  struct classic_state *st = t->classic;
  const struct json *known = json_dig(st->context, "spec", "potentialNodes", NULL);
  bool ask = t->s->classic->rules->careful ? !pre_scored && !classic_is_potential_node(st->context, node)
                                           : json_count(known) == 0 && !st->wish.potential;

  if (ask)
    st->wish.potential = potential_nodes(t, &node, 1);
}

/*
 * May a node be selected? With one claim the driver need not have answered. The second half is upstream's, to the
 * letter: a pod that has claims of both kinds may wait for ever.
 */
static bool
may_select(const struct tally *n)
{
  return (n->delayed == 1 && n->ours == 0) || (n->answered + n->ours == n->delayed && n->ours < n->delayed);
}

static void
decide(struct sched_attempt *t, const struct tally *n, const char *node)
{
  const struct classic_rules *rules = t->s->classic->rules;
  struct classic_state *st = t->classic;

  if (may_select(n) && (!rules->careful || strcmp(classic_selected_node(st->context), node) != 0)) {
    st->wish.selected = node;
    st->wait = rules->selected_text;
  } else if (st->wish.potential) {
    st->wait = rules->asked_text;
  } else if (n->delayed > 0) {
    st->wait = CLASSIC_INFORMATION_TEXT;
  }
  st->words = rules->writes_late && (st->wish.selected || st->wish.potential) ? rules->prebind : rules->reserve;
}

int
classic_reserve(struct sched_attempt *t, const struct sched_node *n, const char *const *feasible, size_t n_feasible,
                struct json ***allocations, struct kerr *reterr)
{
  struct classic_state *st = t->classic;
  bool pre_scored = n_feasible > 1;
  struct tally tally;

  if (!st || t->n_claims == 0)
    return 0;
  if (st->context_error)
    return kerr_set(reterr, KERR_INVALID, NULL, RESERVE ": %s", st->context_error);
  tally = tally_of(t);
  if (st->model && allocate_named(t, n->name, allocations, reterr) < 0)
    return -(int)reterr->code;
  if (tally.delayed == 0)
    return 0;
  if (pre_scored && !knows_all(st->context, feasible, n_feasible))
    st->wish.potential = potential_nodes(t, feasible, n_feasible);
  ask_about(t, n->name, pre_scored);
  decide(t, &tally, n->name);
  return 0;
}
