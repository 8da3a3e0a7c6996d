/*
 * scheduler - pods find their node: what kube-scheduler does, with the DRA plugin at its heart.
 *
 * One loop takes changes from the informers, keeps a picture of the nodes, the
 * devices and what is in use, and decides for one pod at a time; binding (writing
 * allocation, reservation and binding) is done by a few workers, so that several
 * writes are under way while the loop goes on. Reasons, conditions and events
 * are in upstream's words (docs/internals/scheduler.md).
 *
 * Threads: the loop owns everything in struct scheduler (sched_internal.h);
 * workers get a job with references to records and give it back through the
 * loop's mailbox.
 */
#ifndef SCHEDULER_SCHEDULER_H
#define SCHEDULER_SCHEDULER_H

#include "clock.h"
#include "gates.h"
#include "kclient.h"
#include "log.h"

struct scheduler_config {
  struct kclient *client; /* outlives the scheduler */
  struct personality *personality;
  struct clock *clock;
  struct log *log;
  const char *name; /* spec.schedulerName it answers to; NULL: default-scheduler */
};

struct scheduler;
struct scheduler *scheduler_start(const struct scheduler_config *config);
void scheduler_stop(struct scheduler *s);

#endif
