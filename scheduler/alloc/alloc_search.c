/* The order of moves: see alloc_search.h. Follows allocateOne of the variants. */
#include "alloc_search.h"

#include <string.h>

#define INNER_PATIENCE 1000 /* dead ends after the search began to reason */

static void
push(struct search *s, struct frame f)
{
  if (s->n_frames == s->cap_frames) {
    s->cap_frames = s->cap_frames * 2 + 32;
    s->frames = mem_realloc(s->frames, s->cap_frames * sizeof *s->frames);
  }
  s->frames[s->n_frames++] = f;
}

static bool
out_of_budget(struct search *s)
{
  s->steps++;
  if (!s->limits->budget || s->steps <= s->limits->budget)
    return false;
  kerr_set(s->err, KERR_TIMEOUT, NULL, "filter operation aborted: context deadline exceeded");
  return true;
}

/* Nothing was left for this frame: keep what had been picked, if it is the most so far. */
static void
note_stuck(struct search *s, uint32_t slot, uint32_t index)
{
  struct stuck *k = s->stuck;

  if (!k || (k->any && s->n_picks <= k->n_picks))
    return;
  k->picks = mem_realloc(k->picks, (s->n_picks + 1) * sizeof *k->picks);
  if (s->n_picks)
    memcpy(k->picks, s->picks, s->n_picks * sizeof *k->picks);
  k->any = true;
  k->n_picks = s->n_picks;
  k->slot = slot;
  k->index = index;
}

/* Go down to the next device that has to be picked. */
static enum verdict
descend(struct search *s, struct position p)
{
  const struct alloc_job *j = s->j;

  for (;;) {
    if (out_of_budget(s))
      return VERDICT_FAILED;
    if (p.claim == s->end)
      return VERDICT_FOUND;
    if (p.request == j->claims[p.claim].first_request + j->claims[p.claim].n_requests) {
      push(s, (struct frame){ .kind = FRAME_CLAIM });
      p = (struct position){ .claim = p.claim + 1, .request = p.request };
      continue;
    }
    const struct request *r = &j->requests[p.request];
    if (!p.inside) {
      p.slot = r->first_slot;
      p.inside = true;
      if (r->choice) {
        push(s, (struct frame){ .kind = FRAME_CHOICE, .all_exceeded = true, .slot = p.slot });
        continue;
      }
    }
    const struct slot *slot = &j->slots[p.slot];
    if (slot->every && slot->need == 0) {
      note_stuck(s, p.slot, 0);
      return VERDICT_DEAD;
    }
    if (p.index >= slot->need) {
      p = (struct position){ .claim = p.claim, .request = p.request + 1 };
      continue;
    }
    if (slot->need - p.index > RESULTS_MAX - s->n_results[p.claim])
      return VERDICT_EXCEEDED;
    if (s->prune && prune_hopeless(s, &p))
      return VERDICT_DEAD;
    push(s, (struct frame){ .kind = slot->every ? FRAME_EVERY : FRAME_PICK,
                            .slot = p.slot,
                            .index = p.index,
                            .cursor = p.start,
                            .failed = s->prune ? prune_mark(s->prune) : 0,
                            .judged = s->prune != NULL,
                            .start = p.start });
    return VERDICT_GO_ON;
  }
}

static struct position
after(const struct search *s, const struct frame *f, uint32_t device)
{
  const struct slot *slot = &s->j->slots[f->slot];

  return (struct position){ .claim = slot->claim,
                            .request = slot->request,
                            .slot = f->slot,
                            .index = f->index + 1,
                            .start = slot->every ? 0 : device + 1,
                            .inside = true };
}

/* The next device that the slot could use, from `from` on; v->n when there is none. */
static uint32_t
next_candidate(struct search *s, struct slot *slot, uint32_t from)
{
  const struct view *v = s->v;
  word free;

  for (uint32_t w = from / 64; w < v->words; w++) {
    slot_ask_word(s->j, slot, v, w);
    free = slot->admin ? ~s->taken_by[slot->claim][w] : ~(s->dedicated[w] | s->taken[w]);
    free &= slot->yes[w] | slot->error_bits[w];
    if (w == from / 64)
      free &= ~(word)0 << (from % 64);
    if (free)
      return w * 64 + (uint32_t)__builtin_ctzll(free);
  }
  return v->n;
}

/* Frames from before the search began to reason are judged once, when it comes back to them. */
static bool
judged_hopeless(struct search *s, struct frame *f)
{
  const struct slot *slot = &s->j->slots[f->slot];
  struct position p = { .claim = slot->claim,
                        .request = slot->request,
                        .slot = f->slot,
                        .index = f->index,
                        .start = f->cursor,
                        .inside = true };

  if (!s->prune || f->judged)
    return false;
  f->judged = true;
  return prune_hopeless(s, &p);
}

/* Another dead end: after some, look at what has failed; after many, at whether some claims are possible at all. */
static void
begin_to_reason(struct search *s)
{
  if (s->limits->plain)
    return;
  s->dead_ends++;
  if (s->dead_ends == s->limits->patience)
    s->prune = prune_new(s);
  if (s->dead_ends == s->limits->patience + INNER_PATIENCE && !s->limits->inner && claims_are_impossible(s))
    s->n_frames = 0;
}

/* Try further devices in the frame on top. */
static enum verdict
pick_next(struct search *s)
{
  uint32_t number = s->n_frames - 1;
  struct frame *f = &s->frames[number];
  struct slot *slot = &s->j->slots[f->slot];
  bool failed = false;
  uint32_t d;

  for (;;) {
    d = judged_hopeless(s, f) ? s->v->n : next_candidate(s, slot, f->cursor);
    if (d == s->v->n)
      break;
    f->cursor = d + 1;
    if (bit_get(slot->error_bits, d)) {
      slot_error(s->j, slot, s->v, d, s->err);
      return VERDICT_FAILED;
    }
    if (s->prune && prune_skips(s, f, d))
      continue;
    if (search_take(s, f->slot, d, false, &failed)) {
      f->picked = true;
      return descend(s, after(s, f, d));
    }
    if (failed)
      return VERDICT_FAILED;
  }
  note_stuck(s, f->slot, f->index);
  if (s->prune)
    prune_remember(s, f);
  s->n_frames--;
  begin_to_reason(s);
  return VERDICT_DEAD;
}

static enum verdict
pick_every(struct search *s)
{
  struct frame *f = &s->frames[s->n_frames - 1];
  uint32_t device = s->j->slots[f->slot].all[f->index];
  bool failed = false;

  if (search_take(s, f->slot, device, true, &failed)) {
    f->picked = true;
    return descend(s, after(s, f, device));
  }
  note_stuck(s, f->slot, f->index);
  s->n_frames--;
  return failed ? VERDICT_FAILED : VERDICT_DEAD;
}

static enum verdict
next_alternative(struct search *s, enum verdict v)
{
  struct frame *f = &s->frames[s->n_frames - 1];
  const struct slot *first = &s->j->slots[f->slot];
  const struct request *r = &s->j->requests[first->request];

  if (v == VERDICT_DEAD)
    f->all_exceeded = false;
  if (++f->cursor < r->n_slots)
    return descend(
        s, (struct position){
               .claim = first->claim, .request = first->request, .slot = r->first_slot + f->cursor, .inside = true });
  v = f->all_exceeded ? VERDICT_EXCEEDED : VERDICT_DEAD;
  s->n_frames--;
  return v;
}

/* The branch below the frame on top came to nothing. */
static enum verdict
come_back(struct search *s, enum verdict v)
{
  struct frame *f = &s->frames[s->n_frames - 1];
  uint32_t device;

  switch (f->kind) {
  case FRAME_CLAIM: /* too many results in one claim say nothing about the one before */
    s->n_frames--;
    return VERDICT_DEAD;
  case FRAME_CHOICE:
    return next_alternative(s, v);
  case FRAME_EVERY:
    search_undo(s);
    s->n_frames--;
    return v;
  case FRAME_PICK:
    break;
  }
  device = s->picks[s->n_picks - 1].device;
  search_undo(s);
  f->picked = false;
  if (v == VERDICT_EXCEEDED) {
    if (s->prune)
      prune_leave(s->prune, f);
    s->n_frames--;
    return v;
  }
  if (s->prune)
    prune_failed(s, f, device);
  return pick_next(s);
}

enum verdict
search_claims(struct search *s, uint32_t from, uint32_t to)
{
  enum verdict v;

  s->end = to;
  v = descend(s, (struct position){ .claim = from, .request = s->j->claims[from].first_request });

  while (v != VERDICT_FOUND && v != VERDICT_FAILED) {
    if (v == VERDICT_GO_ON)
      v = s->frames[s->n_frames - 1].kind == FRAME_EVERY ? pick_every(s) : pick_next(s);
    else if (s->n_frames == 0)
      break;
    else
      v = come_back(s, v);
  }
  return v;
}

/* -- one run -- */

void
search_init(struct search *s, struct alloc_job *j, const struct search_limits *limits, struct kerr *err)
{
  bool admin = false;

  *s = (struct search){ .j = j, .w = j->w, .v = j->view, .limits = limits, .err = err, .stuck = limits->stuck };
  s->frames = steal_pointer(&j->spare_frames);
  s->cap_frames = s->frames ? j->cap_spare_frames : 0;
  s->picks = steal_pointer(&j->spare_picks);
  s->cap_picks = s->picks ? j->cap_spare_picks : 0;
  s->dedicated = arena_array_of(j->run, word, s->v->words + 1);
  s->taken = arena_array_of(j->run, word, s->v->words + 1);
  s->n_results = arena_array_of(j->run, uint32_t, j->n_claims + 1);
  view_gather(s->v, &s->w->dedicated, s->dedicated);
  for (uint32_t i = 0; i < j->n_constraints; i++)
    j->constraints[i].n = 0;
  for (uint32_t i = 0; i < j->n_slots; i++)
    admin |= j->slots[i].admin;
  if (!admin)
    return;
  s->taken_by = arena_array_of(j->run, word *, j->n_claims);
  for (uint32_t i = 0; i < j->n_claims; i++)
    s->taken_by[i] = arena_array_of(j->run, word, s->v->words + 1);
}

void
search_release(struct search *s)
{
  prune_free(s->prune);
  free(s->group_trail);
  free(s->j->spare_frames);
  s->j->spare_frames = s->frames;
  s->j->cap_spare_frames = s->cap_frames;
  free(s->j->spare_picks);
  s->j->spare_picks = s->picks;
  s->j->cap_spare_picks = s->cap_picks;
}

/* What was found outlives the search; the memory of the last answer serves the next. */
static void
keep_answer(struct search *s)
{
  struct alloc_job *j = s->j;
  struct pick *old = j->picks;
  uint32_t cap = j->cap_picks;

  j->picks = s->picks;
  j->cap_picks = s->cap_picks;
  j->n_picks = s->n_picks;
  s->picks = old;
  s->cap_picks = cap;
  for (uint32_t i = 0; i < s->n_frames; i++)
    if (s->frames[i].kind == FRAME_CHOICE)
      j->chosen[j->slots[s->frames[i].slot].request] = s->frames[i].cursor;
}

int
search_run(struct alloc_job *j, const struct search_limits *limits, struct alloc_answer *ret, struct kerr *reterr)
{
  struct search s;
  enum verdict v;

  search_init(&s, j, limits, reterr);
  v = search_claims(&s, 0, j->n_claims);
  ret->steps = s.steps;
  ret->outcome = v == VERDICT_FOUND ? ALLOC_OK : ALLOC_UNSCHEDULABLE;
  if (v == VERDICT_FOUND)
    keep_answer(&s);
  search_release(&s);
  return v == VERDICT_FAILED ? -(int)reterr->code : 0;
}
