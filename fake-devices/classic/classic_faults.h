/*
 * classic_faults - how the classic driver's controller is made to misbehave.
 *
 * A file, one fault a line; lines that begin with '#' say nothing:
 *
 *   slow 2s        waits before it does anything
 *   silent         answers nobody
 *   refuse NODE    finds NODE unsuitable for every claim, and allocates nothing there
 *   die            stops after it has put its finalizer on a claim and before it allocates it, and does
 *                  nothing more until the line is gone
 */
#ifndef FAKE_DEVICES_CLASSIC_FAULTS_H
#define FAKE_DEVICES_CLASSIC_FAULTS_H

#include "arena.h"
#include "kerr.h"
#include "span.h"

#define CLASSIC_SLOW_MAX_S 3600

struct classic_faults {
  int64_t slow_ns;
  bool silent, die;
  const char **refused;
  size_t n_refused;
};

/* KERR_INVALID with the line that is wrong; what was read before it counts. */
_must_check_ int classic_faults_parse(struct arena *a, struct span text, struct classic_faults *ret,
                                      struct kerr *reterr);
/* A file that is not there holds no faults. */
_must_check_ int classic_faults_read(struct arena *a, const char *path, struct classic_faults *ret,
                                     struct kerr *reterr);
bool classic_faults_refuse(const struct classic_faults *f, const char *node);

#endif
