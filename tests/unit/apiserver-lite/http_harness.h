/*
 * http_harness - an HTTP server over an exchange that does what its path says, and a client of a few lines.
 *
 *   /watch    a stream: push_frames() gives every open one more frames, or (0) its end
 *   /big      300000 bytes
 *   /echo     101: sends back what it gets
 *   others    method, path, query, header x-test, length of the body, user; POST waits while fake.hold
 */
#ifndef TESTS_HTTP_HARNESS_H
#define TESTS_HTTP_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "http_server.h"
#include "strbuf.h"

struct fake_stream;

struct fake {
  struct exchange exchange;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool hold; /* writes wait until it is cleared */
  int writing, most_writing;
  int released; /* answers */
  int streams;
  struct fake_stream *open;
};

struct fixture {
  struct fake fake;
  struct clock *clock;
  struct http_config config;
  struct http_server *s;
};

/* cmocka fixtures: *state is a struct fixture. */
int http_setup(void **state);
int http_teardown(void **state);

void push_frames(struct fake *f, size_t n);
void wait_streams(struct fixture *f, size_t n);

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
int dial(struct fixture *f);
void send_all(int fd, const char *p, size_t n);
void say(int fd, const char *text);
/* Reads until `stop` has come, or the connection is closed. */
void read_until(int fd, struct strbuf *b, const char *stop);
/* A whole answer with a Content-Length; `b` begins with its head. */
void read_answer(int fd, struct strbuf *b);
const char *body_of(const struct strbuf *b);

/* Takes a stream's body apart, as it comes, and fails the test unless its frames are 0, 1, 2, ... */
struct frame_reader {
  bool chunked;
  enum { CHUNK_SIZE, CHUNK_DATA, CHUNK_END } at;
  size_t left;   /* of the chunk */
  size_t frames; /* whole ones */
  char line[64]; /* of a frame, or a chunk's size */
  size_t n;
  size_t head; /* how much of the head's end has been seen */
};
void read_frames(struct frame_reader *r, const char *p, size_t n);

#endif
