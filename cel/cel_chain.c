#include "cel_eval.h"

/*
 * Selectors ask for one attribute again and again: d.x >= 1 && d.x < 8, or fifty times d.uuid == "...". Their chains
 * are gathered in a tree, as words in a dictionary, and what several of them pass through is kept by a run: the second
 * chain costs a look instead of a walk. (To the cost of a run it makes no difference; cel_attr.c adds what the steps
 * would have.)
 */

#define CHAINS_MAX 2048 /* that are looked at: each is compared with those before it */

struct link {
  struct cel_chain chain;
  struct link *below, *next; /* first child; next of the same parent */
  uint32_t visits;
  uint32_t slot; /* of the variable, at the top */
};

static bool
is_plain(const struct cel_step *s)
{
  return s->kind != STEP_NODE && !s->optional && !s->test_only;
}

static bool
same_step(const struct cel_step *x, const struct cel_step *y)
{
  return x->kind == y->kind && x->hash == y->hash && cel_key_same(x->key, y->key);
}

static struct link *
link_below(struct arena *a, struct link **first, struct link *before, const struct cel_step *step, uint32_t slot)
{
  struct link *l;

  for (l = *first; l; l = l->next)
    if (l->slot == slot && same_step(l->chain.step, step))
      break;
  if (!l) {
    l = arena_new_of(a, struct link);
    l->chain = (struct cel_chain){ .before = before ? &before->chain : NULL,
                                   .step = step,
                                   .length = before ? before->chain.length + 1 : 1 };
    l->slot = slot;
    l->next = *first;
    *first = l;
  }
  l->visits++;
  return l;
}

/* A place in the run for each link at which chains part, or which several end at. */
static void
give_memos(struct cel_program *p, struct link *l)
{
  for (; l; l = l->next) {
    if (l->visits > 1 && !(l->below && l->below->visits == l->visits))
      l->chain.memo = ++p->nmemos;
    give_memos(p, l->below);
  }
}

void
cel_chains_share(struct cel_program *p, struct arena *a, struct cel_node *const *attrs, uint32_t n)
{
  struct link *top = NULL;

  for (uint32_t i = 0; i < n && i < CHAINS_MAX; i++) {
    struct link **first = &top, *l = NULL;

    if (attrs[i]->root != ROOT_VAR)
      continue;
    for (uint32_t s = 0; s < attrs[i]->n && is_plain(&attrs[i]->u.attr.steps[s]); s++) {
      l = link_below(a, first, l, &attrs[i]->u.attr.steps[s], attrs[i]->slot);
      first = &l->below;
    }
    attrs[i]->u.attr.chain = l ? &l->chain : NULL;
  }
  give_memos(p, top);
  for (uint32_t i = 0; i < n && i < CHAINS_MAX; i++) {
    const struct cel_chain *c = attrs[i]->root == ROOT_VAR ? attrs[i]->u.attr.chain : NULL;

    if (c && c->length == attrs[i]->n)
      attrs[i]->u.attr.memo = c->memo;
  }
}
