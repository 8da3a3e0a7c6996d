/*
 * bench_http - the least of an HTTPS client that can load an API server: one
 * connection, one request at a time, HTTP/1.1 keep-alive, no certificate check.
 *
 * It is small so that its own work does not hide the server's. Any failure ends
 * the program with a message: a figure from a run with errors would be no figure.
 */
#ifndef BENCH_HTTP_H
#define BENCH_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "span.h"

struct bench_conn;

/* `port`: on 127.0.0.1. `token`: of the bearer, kept by the caller. */
struct bench_conn *bench_conn_open(int port, const char *token);
void bench_conn_close(struct bench_conn *c);

/* `body` NULL: none. The answer's body is borrowed until the next call. Returns the status. */
int bench_call(struct bench_conn *c, const char *method, const char *path, const char *body, struct span *ret);
/*
 * A watch: send the request, then take its lines one by one (borrowed until the next call). A line without text (p
 * NULL): the server has ended it, as it may at any time.
 */
void bench_watch(struct bench_conn *c, const char *path);
struct span bench_watch_line(struct bench_conn *c);

_Noreturn void bench_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
