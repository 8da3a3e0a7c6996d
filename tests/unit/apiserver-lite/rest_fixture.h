/* rest_fixture - an API server on a memory store, asked without sockets. */
#ifndef REST_FIXTURE_H
#define REST_FIXTURE_H

#include "apiserver.h"

struct authz;

struct fixture {
  struct clock *clock;
  struct store *store;
  struct personality *personality;
  struct authz *authz; /* NULL: everybody may do everything */
  struct apiserver *server;
  struct arena *arena; /* of the answers; reset by fixture_reset */
};

/* One answer, with its document parsed (NULL when it is not JSON). */
struct reply {
  int status;
  struct json *doc;
  const char *text;
  const char *warnings; /* all Warning headers, one a line; "" when there is none */
  const char *content_type;
};

int fixture_setup(void **state);
int fixture_setup_rbac(void **state); /* with RBAC; requests come from a member of system:masters */
int fixture_teardown(void **state);
/* `target`: path and query. `body` may be NULL. Further headers: "name: value\n..." or NULL. */
struct reply ask(struct fixture *f, const char *method, const char *target, const char *body, const char *headers);
/* As ask; fails the test when the status differs. */
struct reply must(struct fixture *f, int status, const char *method, const char *target, const char *body,
                  const char *headers);
/* Text at a JSON pointer ("/metadata/name"); "" when there is none. Numbers and booleans as JSON. */
const char *at(struct fixture *f, const struct reply *r, const char *pointer);
/* Open a watch in-process or encoded; the caller frees the stream. */
struct exchange_stream *open_watch(struct fixture *f, const char *target, const char *headers, bool want_records);
/* The next event of an encoded stream, which there must be, and of this type: its frame parsed. */
struct reply next_event(struct fixture *f, struct exchange_stream *s, const char *type);

#endif
