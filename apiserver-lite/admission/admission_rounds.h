/*
 * admission_rounds - mutating plugins run a second time when one of the later ones changed the object.
 *
 * All plugins run once; when a webhook or a policy has changed something, all
 * run again, once. In that second round the built-in ones run as before, and
 * of the webhooks and policies only those that asked for it
 * (reinvocationPolicy IfNeeded), ran before, and have seen the object as it was
 * before somebody changed it (apiserver/pkg/admission/reinvocation.go,
 * .../webhook/mutating/reinvocationcontext.go).
 *
 * One per request and chain, in the arena of the call.
 */
#ifndef APISERVER_ADMISSION_ROUNDS_H
#define APISERVER_ADMISSION_ROUNDS_H

#include "json.h"

/* What one plugin remembers of its webhooks or policies; they are told apart by names. */
struct admission_memory {
  struct arena *a;
  struct json *seen;       /* asked to be called again, and have been called since the last change */
  struct json *due;        /* have to be called in the second round */
  const struct json *last; /* the object as the plugin left it; NULL when nobody is seen whom that would concern */
};

struct admission_rounds {
  bool again;  /* somebody has changed the object: there has to be a second round */
  bool second; /* this is it */
  struct admission_memory policies, webhooks;
};

/* At the plugin's begin. What other plugins have changed since its last turn makes all it has called due. */
void admission_memory_begin(struct admission_memory *m, const struct admission_rounds *rounds, const struct json *o);
/* May `name` be called in this round? */
bool admission_memory_calls(const struct admission_memory *m, const struct admission_rounds *rounds, const char *name);
/* `name` has been called: did it change the object, and does it want to be called again when others do? */
void admission_memory_called(struct admission_memory *m, struct admission_rounds *rounds, const char *name,
                             bool changed, bool if_needed);
/* At the plugin's end. */
void admission_memory_end(struct admission_memory *m, const struct json *o);

#endif
