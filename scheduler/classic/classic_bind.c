/*
 * What follows from Reserve, written by a worker: the context, reservations, or the way back.
 */
#include <string.h>

#include "claim.h"
#include "classic.h"
#include "pod_claims.h"

struct classic_bind {
  struct classic_wish wish; /* in the job's arena, as everything here but records */
  const char *wait;         /* NULL: the pod is bound */
  enum classic_words words;
  struct record *context;   /* reference, or NULL */
  struct record *published; /* reference, or NULL */
  bool waits;               /* the worker came to `wait` without an error */
};

struct classic_bind *
classic_bind_new(struct sched_attempt *t, struct sched_bind *b)
{
  const struct classic_state *st = t->classic;
  struct classic_bind *c;

  if (!st || t->n_claims == 0)
    return NULL;
  c = arena_new_of(b->a, struct classic_bind);
  *c = (struct classic_bind){
    .wish = { .selected = st->wish.selected ? arena_strdup(b->a, st->wish.selected) : NULL,
              .potential = st->wish.potential ? json_copy(b->a, st->wish.potential) : NULL },
    .wait = st->wait,
    .words = st->words,
    .context = st->context_record ? record_ref(st->context_record) : NULL,
  };
  return c;
}

void
classic_bind_release(struct classic_bind *c)
{
  if (!c)
    return;
  record_unref(c->context);
  record_unref(c->published);
}

bool
classic_bind_undoes(const struct sched_bind *b, const struct sched_bind_claim *c)
{
  return c->held || (c->written && b->s->classic->rules->writes_late);
}

/* -- in a worker -- */

/* Until 1.29, Reserve wrote the reservations of what is allocated, whatever became of the rest. */
static int
reserve_early(struct sched_bind *b, struct kerr *reterr)
{
  for (size_t i = 0; i < b->n_claims; i++) {
    struct sched_bind_claim *c = &b->claims[i];

    if (!c->allocation && claim_allocation(record_tree(c->claim)) && sched_bind_write_claim(b, c, reterr) < 0)
      return -(int)reterr->code;
  }
  return 0;
}

static int
publish(struct sched_bind *b, struct kerr *reterr)
{
  struct classic_bind *c = b->classic;

  if (!c->wish.selected && !c->wish.potential)
    return 0;
  return classic_context_publish(b->s->config.client, b->s->dra, record_tree(b->pod),
                                 c->context ? record_tree(c->context) : NULL, &c->wish, &c->published, reterr);
}

int
classic_bind_prebind(struct sched_bind *b, struct kerr *reterr)
{
  bool late = b->s->classic->rules->writes_late;
  struct classic_bind *c = b->classic;
  int r = 0;

  if (!late)
    r = reserve_early(b, reterr);
  if (r == 0)
    r = publish(b, reterr);
  if (r < 0)
    return kerr_wrap(reterr, "running %s plugin \"DynamicResources\"", late ? "PreBind" : "Reserve");
  if (!c->wait)
    return 0;
  c->waits = true;
  return kerr_set(reterr, KERR_UNAVAILABLE, NULL, "%s", classic_words(c->words, c->wait, b->a));
}

/* The pod has its node: the context, if there is one, has done its work. */
void
classic_bind_postbind(struct sched_bind *b)
{
  const struct json *pod = record_tree(b->pod);
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  if (kclient_delete(b->s->config.client, b->s->dra->scheduling, object_namespace(pod), object_name(pod), NULL, &err) <
          0 &&
      err.code != KERR_NOT_FOUND)
    log_warn(b->s->config.log, "scheduler", "delete %s %s/%s: %s", b->s->dra->scheduling->kind, object_namespace(pod),
             object_name(pod), err.msg);
}

/* -- in the loop -- */

void
classic_bind_wake(struct scheduler *s, const struct sched_bind *b, unsigned reasons)
{
  struct sched_pod *p;
  size_t cursor = 0;

  while ((p = sched_queue_next(s->queue, &cursor)) != NULL) {
    bool shares = false;

    for (size_t i = 0; i < b->n_claims; i++) {
      const struct json *claim = record_tree(b->claims[i].claim);

      shares = shares || (b->claims[i].allocation &&
                          pod_claim_uses(s->minor, record_tree(p->pod), object_namespace(claim), object_name(claim)));
    }
    if (strcmp(p->uid, b->uid) != 0)
      sched_queue_poke(s->queue, p, reasons & (SCHED_NEEDS_RESOURCES | (shares ? SCHED_NEEDS_CLAIMS : 0u)));
  }
}

bool
classic_bind_done(struct scheduler *s, struct sched_bind *b, struct sched_pod *p)
{
  struct classic_bind *c = b->classic;

  if (!c)
    return false;
  if (c->published)
    sched_assume(s, SCHED_WATCH_SCHEDULING, s->classic->contexts, c->published);
  if (!c->waits || !p || c->words == CLASSIC_ERROR)
    return false;
  sched_nodes_remove_pod(s->nodes, b->uid);
  classic_bind_wake(s, b, SCHED_NEEDS_RESOURCES | SCHED_NEEDS_CLAIMS);
  sched_queue_wait(s->queue, p, SCHED_NEEDS_CLAIMS | SCHED_NEEDS_NODE);
  sched_report_refusal(s, p, &(struct sched_refusal){ .message = b->err.msg });
  return true;
}
