/* auth_objects - an auth_source over a few objects written down in a test. */
#ifndef TESTS_AUTH_OBJECTS_H
#define TESTS_AUTH_OBJECTS_H

#include "auth_source.h"

/* `objects`: lines of "resource namespace {json}", namespace "-" for none. Everything lives in the arena. */
struct auth_source *auth_objects_new(struct arena *a, const char *objects);

#endif
