/*
 * fake_server - an API server of one page: enough of the exchange for a client to
 * be tested against, with switches for what goes wrong in real ones.
 *
 * Any collection, kept in memory with its history; GET, LIST, WATCH, POST, PUT,
 * PATCH (merge, one level), DELETE. Notify functions are called with the
 * server's lock held, as an unkind server would.
 */
#ifndef TESTS_FAKE_SERVER_H
#define TESTS_FAKE_SERVER_H

#include "exchange.h"

struct fake;
struct fake *fake_new(void);
void fake_free(struct fake *f);
struct exchange *fake_exchange(struct fake *f);

/* Write behind everybody's back. `size`: bytes of padding in the object. */
void fake_put(struct fake *f, const char *ns, const char *name, int value, size_t size);
void fake_remove(struct fake *f, const char *ns, const char *name);
void fake_compact(struct fake *f);           /* forget the history: watches from before are refused */
void fake_end_streams(struct fake *f);       /* every open watch ends */
void fake_break_streams(struct fake *f);     /* every open watch gets a 410 and ends */
void fake_fail_calls(struct fake *f, int n); /* the next n requests are answered with 503 */
int fake_lists(struct fake *f);              /* LIST requests so far */
int fake_watches(struct fake *f);
/* Serve the exchange over plain HTTP on 127.0.0.1; returns the port. Ends with fake_free. */
int fake_listen(struct fake *f);

#endif
