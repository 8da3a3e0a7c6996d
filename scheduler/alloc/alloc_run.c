/* One job, one node, one answer. */
#include "alloc_explain.h"
#include "alloc_search.h"
#include "alloc_usage.h"
#include "ceilings.h"

#define PATIENCE 16 /* dead ends after which reasoning pays */

struct alloc_job *
alloc_job_new(struct alloc_world *w, const struct json *const *claims, size_t n_claims)
{
  struct alloc_job *j = steal_pointer(&w->spare_job);

  if (!j) {
    j = mem_alloc(sizeof *j);
    j->w = w;
    j->a = arena_new(CEIL_ARENA_REQUEST);
    j->run = arena_new(CEIL_ARENA_CYCLE);
  }
  if (n_claims >= j->cap_trees) {
    j->cap_trees = (uint32_t)n_claims + 1;
    j->trees = mem_realloc(j->trees, j->cap_trees * sizeof *j->trees);
  }
  for (size_t i = 0; i < n_claims; i++)
    j->trees[i] = claims[i];
  j->n_claims = (uint32_t)n_claims;
  job_compile(j);
  return j;
}

void
job_discard(struct alloc_job *j)
{
  if (!j)
    return;
  arena_free(j->a);
  arena_free(j->run);
  free(j->picks);
  free(j->spare_picks);
  free(j->spare_frames);
  free(j->bits);
  free(j->trees);
  free(j);
}

void
alloc_job_free(struct alloc_job *j)
{
  if (!j)
    return;
  job_release_filters(j);
  node_free(j->own_node);
  if (j->derived)
    hmap_free(j->derived);
  sets_free(j->sets);
  arena_reset(j->a);
  arena_reset(j->run);
  j->own_node = NULL;
  j->derived = NULL;
  j->sets = NULL;
  j->n_picks = 0;
  if (j->w->spare_job)
    job_discard(j);
  else
    j->w->spare_job = j;
}

/* Sets of the slots over this view's devices. */
static void
slots_begin(struct alloc_job *j)
{
  uint32_t words = j->view->words;
  size_t n = (size_t)words * 4 * j->n_slots + 1;
  word *at;

  if (n > j->cap_bits) {
    free(j->bits);
    j->bits = mem_calloc(n, sizeof *j->bits);
    j->cap_bits = n;
  }
  at = j->bits;
  for (uint32_t i = 0; i < j->n_slots; i++, at += (size_t)words * 4) {
    struct slot *s = &j->slots[i];

    s->asked = at;
    s->yes = at + words;
    s->selectable = at + 2 * words;
    s->error_bits = at + 3 * words;
    if (words)
      memset(s->asked, 0, words * sizeof *at);
  }
}

static void
job_recompile(struct alloc_job *j)
{
  job_release_filters(j);
  arena_reset(j->a);
  job_compile(j);
}

static int
run_on_view(struct alloc_job *j, const struct search_limits *limits, struct alloc_answer *ret, struct kerr *reterr)
{
  int r = 0;

  if (j->view->error)
    return kerr_set(reterr, KERR_INVALID, NULL, "gather pool information: %s", j->view->error);
  slots_begin(j);
  if (!j->plain)
    r = job_prepare(j, j->view, reterr);
  if (r == 0)
    r = search_run(j, limits, ret, reterr);
  if (r == 0 && ret->outcome == ALLOC_UNSCHEDULABLE && j->view->any_invalid) {
    ret->node_only = true;
    return kerr_set(reterr, KERR_INVALID, NULL, "invalid resource pools were encountered");
  }
  return r;
}

int
job_run(struct alloc_job *j, const struct alloc_usage *u, const struct json *node, const struct search_limits *limits,
        struct alloc_answer *ret, struct kerr *reterr)
{
  *ret = (struct alloc_answer){ .outcome = ALLOC_UNSCHEDULABLE };
  j->n_picks = 0;
  if (j->class_version != j->w->class_version)
    job_recompile(j);
  arena_reset(j->run);
  if (j->derived)
    hmap_clear(j->derived);
  world_follow(j->w, u);
  node_free(j->own_node);
  j->own_node = NULL;
  j->node = world_node(j->w, node);
  if (!j->node)
    j->node = j->own_node = node_new(j->w, node, NULL);
  if (!limits->plain && !limits->stuck && job_sees_no_answer(j)) {
    j->view = NULL;
    return 0;
  }
  j->view = view_of(j->w, j->node);
  return run_on_view(j, limits, ret, reterr);
}

int
alloc_job_run(struct alloc_job *j, const struct alloc_usage *u, const struct json *node,
              const struct alloc_options *options, struct alloc_answer *ret, struct kerr *reterr)
{
  struct search_limits limits = { .patience = PATIENCE };

  if (options) {
    limits.budget = options->budget;
    limits.plain = options->plain;
    limits.patience = options->patience ? options->patience : PATIENCE;
  }
  return job_run(j, u, node, &limits, ret, reterr);
}

int
alloc_run(struct alloc_world *w, const struct alloc_usage *u, const struct alloc_request *req, struct arena *a,
          struct alloc_result *ret, struct kerr *reterr)
{
  struct alloc_options options = { .budget = req->budget };
  struct alloc_job *j = alloc_job_new(w, req->claims, req->n_claims);
  struct alloc_answer answer;
  int r = alloc_job_run(j, u, req->node, &options, &answer, reterr);

  *ret = (struct alloc_result){ .outcome = answer.outcome, .node_only = answer.node_only, .steps = answer.steps };
  if (r == 0 && answer.outcome == ALLOC_OK)
    r = alloc_job_allocations(j, a, &ret->allocations, reterr);
  if (req->explain)
    ret->explanation = alloc_job_explain(j, u, req->node, a);
  alloc_job_free(j);
  return r;
}
