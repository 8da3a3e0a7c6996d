/* The in-process transport: a call is a function call, and records are shared. */
#include <string.h>

#include "ceilings.h"
#include "kclient_internal.h"
#include "status.h"

struct local {
  struct exchange *server;
  const struct exchange_user *user; /* outlives the client */
};

static void
serve(struct kclient *c, const struct kclient_call *call, struct arena *a, struct exchange_answer *ret)
{
  struct local *l = c->state;
  const struct exchange_header headers[] = {
    { "accept", call->accept ? call->accept : "application/json" },
    { "user-agent", c->user_agent },
    { "content-type", call->content_type ? call->content_type : "" },
  };
  const struct exchange_request req = {
    .method = call->method,
    .path = call->path,
    .query = call->query ? call->query : "",
    .headers = headers,
    .n_headers = call->content_type ? 3 : 2,
    .body = call->body,
    .user = l->user,
    .want_records = call->objects != NULL,
    .arena = a,
  };

  l->server->ops->serve(l->server, &req, ret);
}

static int
local_call(struct kclient *c, struct arena *a, const struct kclient_call *call, struct kclient_got *ret,
           struct kerr *reterr)
{
  _cleanup_answer_ struct exchange_answer ans = { .status = 0 };

  (void)reterr; /* a server in the same process always answers */
  serve(c, call, a, &ans);
  *ret = (struct kclient_got){
    .status = ans.status,
    .content_type = ans.content_type,
    .revision = ans.revision,
    .continue_token = ans.continue_token,
    .body = ans.body.n ? arena_span(a, ans.body) : (struct span){ "", 0 },
  };
  if (call->objects && ans.n_records) {
    ret->records = arena_array_of(a, struct record *, ans.n_records);
    for (size_t i = 0; i < ans.n_records; i++)
      ret->records[i] = record_ref(ans.records[i]);
    ret->n = ans.n_records;
  }
  return 0;
}

/* The stream that the server gave, with the arena that its request has to have as long as it lives. */
struct local_stream {
  struct exchange_stream stream;
  struct exchange_stream *inner;
  struct arena *a;
};

static int
local_next(struct exchange_stream *s, struct exchange_event *ret)
{
  struct exchange_stream *inner = container_of(s, struct local_stream, stream)->inner;

  return inner->ops->next(inner, ret);
}

static void
local_set_notify(struct exchange_stream *s, void (*fn)(void *arg), void *arg)
{
  struct exchange_stream *inner = container_of(s, struct local_stream, stream)->inner;

  inner->ops->set_notify(inner, fn, arg);
}

static void
local_stream_free(struct exchange_stream *s)
{
  struct local_stream *l = container_of(s, struct local_stream, stream);

  l->inner->ops->free(l->inner);
  arena_free(l->a);
  free(l);
}

static const struct exchange_stream_ops local_stream_ops = {
  .next = local_next,
  .set_notify = local_set_notify,
  .free = local_stream_free,
};

static int
not_a_stream(struct arena *a, const struct exchange_answer *ans, const char *path, struct kerr *reterr)
{
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;
  struct json *status;

  if (ans->status < 400)
    return kerr_set(reterr, KERR_INTERNAL, NULL, "the answer to %s is no stream", path);
  if (json_parse(a, ans->body, NULL, &status, &ignored) < 0)
    status = json_new_null(a);
  return status_to_kerr(status, ans->status, reterr);
}

static int
local_watch(struct kclient *c, const struct kclient_call *call, struct exchange_stream **ret, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  _cleanup_answer_ struct exchange_answer ans = { .status = 0 };
  struct local_stream *s;

  serve(c, call, a, &ans);
  if (!ans.stream)
    return not_a_stream(a, &ans, call->path, reterr);
  s = mem_alloc(sizeof *s);
  s->stream.ops = &local_stream_ops;
  s->inner = steal_pointer(&ans.stream);
  s->a = steal_pointer(&a);
  *ret = &s->stream;
  return 0;
}

static void
local_free(struct kclient *c)
{
  free(c->state);
}

static const struct kclient_transport local_transport = { .call = local_call,
                                                          .watch = local_watch,
                                                          .free = local_free };

struct kclient *
kclient_new_local(struct exchange *server, const struct kclient_options *opts)
{
  struct kclient *c = kclient_alloc(opts->clock, opts->log, opts->user_agent);
  struct local *l = mem_alloc(sizeof *l);

  l->server = server;
  l->user = opts->user;
  c->state = l;
  c->transport = &local_transport;
  return c;
}
