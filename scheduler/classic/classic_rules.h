/*
 * classic_rules - what the DRA plugin did in each release from 1.26 to 1.31, as data.
 *
 * Read from pkg/scheduler/framework/plugins/dynamicresources and
 * pkg/scheduler/schedule_one.go of 1.26.15, 1.27.16, 1.28.15, 1.29.14, 1.30.14
 * and 1.31.14.
 */
#ifndef SCHEDULER_CLASSIC_RULES_H
#define SCHEDULER_CLASSIC_RULES_H

#include "arena.h"

/* How a refusal of Reserve or PreBind reaches the pod's condition. */
enum classic_words {
  CLASSIC_ERROR,     /* `running Reserve plugin "DynamicResources": TEXT`, as an error: tried again after a backoff */
  CLASSIC_BARE,      /* `TEXT` */
  CLASSIC_FIT_ERROR, /* `0/1 nodes are available: 1 TEXT.`, however many nodes there are */
};

struct classic_rules {
  int since; /* the first minor this holds for */
  /* A pod whose claims are not there is held back without a word; before, PreFilter said what is missing. */
  bool pre_enqueue;
  /* A change wakes the pods it can help; before, every pod that had failed in the plugin. */
  bool hints;
  /* Class and context are read once, in PreFilter; before, for each node, so that their absence was an error of Filter.
   */
  bool early_lookup;
  /* A node that is selected already is not written again, and a driver that will deallocate is first told not to
   * allocate. */
  bool careful;
  /* Nothing is written before PreBind; before, Reserve wrote reservations and the context. */
  bool writes_late;
  /* PostFilter gives a reason when it gave up an allocation, and lets preemption have its say. */
  bool tells_deallocation;
  enum classic_words reserve, prebind;
  const char *selected_text; /* after a node was selected */
  const char *asked_text;    /* after potential nodes alone were written */
  const char *class_text;    /* a class's node filter excluded the node */
};

/* The rules of a release; NULL from 1.32 on. */
const struct classic_rules *classic_rules_of(int minor);

#define CLASSIC_INFORMATION_TEXT "waiting for resource driver to provide information"

/* The text of a condition for `text`, in those words. */
const char *classic_words(enum classic_words how, const char *text, struct arena *a);

#endif
