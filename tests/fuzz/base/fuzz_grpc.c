#include <assert.h>

#include "grpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
on_message(void *payload, struct grpc_call *call, struct span message)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  (void)payload;
  assert(message.n <= 4096);
  (void)!grpc_call_send(call, message, &err);
}

static void
on_half_closed(void *payload, struct grpc_call *call)
{
  (void)payload;
  grpc_call_finish(call, GRPC_OK, NULL);
}

static void
on_end(void *payload, struct grpc_call *call, const struct grpc_status *status)
{
  (void)call;
  assert((unsigned)status->code < GRPC_CODE_COUNT && status->message);
  ++*(int *)payload;
}

static const struct grpc_call_ops ops = { .message = on_message, .half_closed = on_half_closed, .end = on_end };

static void
on_accept(void *payload, struct grpc_call *call)
{
  grpc_call_accept(call, &ops, payload);
}

/* Pieces of the input go in as the first byte says, and whatever comes out is thrown away. */
static void
feed(struct grpc *g, const uint8_t *data, size_t size)
{
  size_t piece = 1 + (size ? data[0] % 64 : 0);

  for (size_t i = 1; i < size; i += piece) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;
    struct span out;
    size_t n = i + piece > size ? size - i : piece;

    if (grpc_receive(g, span_make((const char *)data + i, n), &err) < 0)
      return;
    while (grpc_output(g, &out, &err) == 0 && out.n > 0)
      grpc_sent(g, out.n);
    grpc_tick(g, (int64_t)i);
  }
}

/* A hostile client of a server, and a hostile server with which a call is open: each call ends exactly once. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  int ended = 0, ended_server = 0;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct grpc_config config = { .message_max = 4096, .accept = on_accept, .payload = &ended_server };
  struct grpc *server = grpc_new_server(&config), *client = grpc_new_client(&config);
  struct grpc_call *call;

  feed(server, data, size);
  grpc_free(server, NULL);
  if (grpc_call_new(client, &(struct grpc_request){ .path = "/t.T/Call", .deadline = 1000 }, &ops, &ended, &call,
                    &err) == 0) {
    (void)!grpc_call_send(call, SPAN("x"), &err);
    feed(client, data, size);
  }
  grpc_free(client, NULL);
  assert(ended == 1);
  return 0;
}
