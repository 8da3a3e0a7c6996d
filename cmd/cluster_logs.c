#include "cluster_logs.h"

#include <stdlib.h>
#include <string.h>

#include "ceilings.h"
#include "cluster_nodes.h"
#include "node_agent.h"
#include "status.h"

#define POLL_NS (100 * CLOCK_MS) /* how often a followed log is looked at */
#define LOG_MAX (256 * MiB)      /* of one answer that does not follow */

/* -- following: a stream with a thread that looks at the file -- */

struct log_stream {
  struct exchange_stream stream;
  struct node_logs *logs;
  struct clock *clock;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t cond; /* the buffer is empty again, or the end is wanted */
  struct strbuf fresh; /* read from the file, not yet taken */
  struct strbuf given; /* what the consumer has in hand */
  bool ended, stop;
  void (*notify)(void *arg);
  void *notify_arg;
};

static void *
look(void *arg)
{
  struct log_stream *s = arg;
  int more = 0;

  pthread_mutex_lock(&s->lock);
  while (!s->stop && more >= 0) {
    if (s->fresh.n == 0)
      more = node_logs_read(s->logs, &s->fresh);
    s->ended = more < 0;
    if ((s->fresh.n > 0 || s->ended) && s->notify)
      s->notify(s->notify_arg); /* only sets a flag and wakes somebody (exchange.h) */
    if (more <= 0 && !s->ended)
      (void)clock_cond_wait(s->clock, &s->cond, &s->lock, clock_mono(s->clock) + POLL_NS);
    else
      while (!s->stop && s->fresh.n > 0)
        (void)clock_cond_wait(s->clock, &s->cond, &s->lock, CLOCK_NEVER);
  }
  pthread_mutex_unlock(&s->lock);
  return NULL;
}

static int
stream_next(struct exchange_stream *stream, struct exchange_event *ret)
{
  struct log_stream *s = container_of(stream, struct log_stream, stream);
  int r = 0;

  pthread_mutex_lock(&s->lock);
  if (s->fresh.n > 0) {
    struct strbuf swap = s->given;

    s->given = s->fresh;
    s->fresh = swap;
    strbuf_clear(&s->fresh);
    *ret = (struct exchange_event){ .type = EXCHANGE_ADDED, .bytes = strbuf_view(&s->given) };
    pthread_cond_signal(&s->cond);
    r = 1;
  } else if (s->ended) {
    r = -1;
  }
  pthread_mutex_unlock(&s->lock);
  return r;
}

static void
stream_set_notify(struct exchange_stream *stream, void (*fn)(void *arg), void *arg)
{
  struct log_stream *s = container_of(stream, struct log_stream, stream);

  pthread_mutex_lock(&s->lock);
  s->notify = fn;
  s->notify_arg = arg;
  if (fn && (s->fresh.n > 0 || s->ended))
    fn(arg);
  pthread_mutex_unlock(&s->lock);
}

static void
stream_free(struct exchange_stream *stream)
{
  struct log_stream *s = container_of(stream, struct log_stream, stream);

  pthread_mutex_lock(&s->lock);
  s->stop = true;
  pthread_cond_signal(&s->cond);
  pthread_mutex_unlock(&s->lock);
  pthread_join(s->thread, NULL);
  node_logs_free(s->logs);
  strbuf_release(&s->fresh);
  strbuf_release(&s->given);
  pthread_cond_destroy(&s->cond);
  pthread_mutex_destroy(&s->lock);
  free(s);
}

static const struct exchange_stream_ops stream_ops = { .next = stream_next,
                                                       .set_notify = stream_set_notify,
                                                       .free = stream_free };

static struct exchange_stream *
stream_new(struct node_logs *logs, struct clock *clock)
{
  struct log_stream *s = mem_alloc(sizeof *s);

  s->stream.ops = &stream_ops;
  s->logs = logs;
  s->clock = clock;
  pthread_mutex_init(&s->lock, NULL);
  clock_cond_init(&s->cond);
  strbuf_init(&s->fresh, LOG_MAX);
  strbuf_init(&s->given, LOG_MAX);
  thread_start(&s->thread, "logs", look, s);
  return &s->stream;
}

/* -- one request -- */

static bool
flag(const struct exchange_request *req, const char *name)
{
  const char *v = exchange_query_get(req->arena, req->query, name);

  return v && (strcmp(v, "true") == 0 || strcmp(v, "1") == 0);
}

static int64_t
number(const struct exchange_request *req, const char *name, int64_t otherwise)
{
  const char *v = exchange_query_get(req->arena, req->query, name);

  return v && *v ? strtoll(v, NULL, 10) : otherwise;
}

static struct node_logs_options
options_of(struct cluster_run *r, const struct exchange_request *req)
{
  const char *since = exchange_query_get(req->arena, req->query, "sinceTime");
  int64_t seconds = number(req, "sinceSeconds", 0);
  struct node_logs_options o = {
    .container = exchange_query_get(req->arena, req->query, "container"),
    .previous = flag(req, "previous"),
    .timestamps = flag(req, "timestamps"),
    .follow = flag(req, "follow"),
    .tail_lines = number(req, "tailLines", -1),
    .limit_bytes = number(req, "limitBytes", 0),
  };

  if (seconds > 0)
    o.since = clock_wall(r->config.clock) - seconds * CLOCK_SEC;
  else if (since && !clock_parse_rfc3339(span_of(since), &o.since))
    o.since = 0;
  return o;
}

static void
refuse(struct exchange_answer *ret, struct arena *a, const struct kerr *err)
{
  const struct json *status = status_from_kerr(a, err, NULL, 0);

  ret->status = kerr_http_status(err->code);
  ret->content_type = "application/json";
  ret->body = span_of(json_text(a, status, JSON_COMPACT));
}

static int
open_logs(struct cluster_run *r, const struct exchange_request *req, const struct node_logs_options *o, const char *ns,
          const char *name, struct node_logs **ret, struct kerr *reterr)
{
  _cleanup_record_ struct record *pod = NULL;
  const char *node;
  int code = kclient_get(r->logs_client, &KC_PODS, ns, name, &pod, reterr);

  if (code < 0)
    return code;
  node = json_get_str_or(json_get(record_tree(pod), "spec"), "nodeName", "");
  if (!*node)
    return kerr_set(reterr, KERR_BAD_REQUEST, NULL, "pod %s does not have a host assigned", name);
  return node_logs_open(cluster_node_dir(req->arena, r->config.dir, node), record_tree(pod), o, ret, reterr);
}

static void
answer_whole(struct node_logs *logs, struct exchange_answer *ret)
{
  _cleanup_strbuf_ struct strbuf text = STRBUF_INIT(LOG_MAX); /* what is beyond is left out */
  size_t n;

  while (node_logs_read(logs, &text) > 0)
    continue;
  node_logs_free(logs);
  ret->held = strbuf_take(&text, &n);
  ret->release = free;
  ret->body = span_make(ret->held, n);
}

bool
cluster_logs_serve(void *run, const struct exchange_request *req, const char *resource, const char *subresource,
                   const char *ns, const char *name, struct exchange_answer *ret)
{
  struct cluster_run *r = run;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct node_logs_options o;
  struct node_logs *logs;

  if (strcmp(resource, "pods") != 0 || strcmp(subresource, "log") != 0)
    return false;
  o = options_of(r, req);
  if (open_logs(r, req, &o, ns, name, &logs, &err) < 0) {
    refuse(ret, req->arena, &err);
    return true;
  }
  ret->status = 200;
  ret->content_type = "text/plain";
  if (o.follow)
    ret->stream = stream_new(logs, r->config.clock);
  else
    answer_whole(logs, ret);
  return true;
}
