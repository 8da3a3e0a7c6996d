/*
 * cel_show - expressions for people: any result, written as an expression
 * would write it; what it costs; where something stands.
 */
#ifndef CEL_CEL_SHOW_H
#define CEL_CEL_SHOW_H

#include "arena.h"
#include "cel_dra.h"
#include "kerr.h"
#include "span.h"

struct cel_shown {
  const char *value; /* "[1, 2]", "semver(\"1.0.0\")"; NULL: it failed */
  const char *error; /* of running it; NULL: it did not fail */
  const char *type;  /* "list(int)" */
  uint64_t cost;     /* of this run */
  uint64_t most;     /* what it may cost at most, estimated; UINT64_MAX: no bound */
};

/*
 * Compile and run any expression of DRA over a device, as the scheduler would, whatever it gives. KERR_INVALID and
 * upstream's text when it does not compile. Texts are in the arena.
 */
_must_check_ int cel_show(struct arena *a, struct span expression, const struct cel_device *device,
                          struct cel_shown *ret, struct kerr *reterr);

/* The line of `source` that byte `pos` is in, and a caret below it, in the form of upstream's errors. */
char *cel_show_place(struct arena *a, struct span source, uint32_t pos, const char *message);

/* What an expression reads of a device, as far as that is written out in it. */
struct cel_reference {
  bool capacity; /* of device.capacity; else of device.attributes */
  struct span domain;
  struct span id; /* p NULL: the domain as a whole */
  uint32_t pos;   /* where it stands in the source */
};
typedef void cel_reference_fn(const struct cel_reference *r, void *arg);
/* What this device has under the name, as an expression would write it; NULL: nothing. */
const char *cel_show_reference(struct arena *a, const struct cel_device *device, const struct cel_reference *r);
void cel_show_references(const struct cel_selector *s, cel_reference_fn *found, void *arg);

#endif
