/*
 * The HTTPS transport: streams. One thread per client runs all its transfers in
 * one multi handle; what comes in waits in a stream's buffer for its consumer.
 *
 * `lock` is over the list and over every stream's shared half. The thread holds
 * it while it looks what to do, not while libcurl works: libcurl's callbacks
 * take it. A notify function runs under it, and so must not call back (it only
 * wakes somebody): that is what makes stream_free final. A consumer that does
 * not read makes its buffer full, and the transfer pauses until it has read.
 */
#include <stdio.h>
#include <string.h>

#include "ceilings.h"
#include "kclient_remote.h"
#include "number.h"
#include "status.h"

#define BUFFER_MAX  (64 * MiB)
#define BUFFER_HIGH (16 * MiB) /* pause above (a frame must fit), go on below half of it */
#define POLL_MS     1000

enum transfer { TO_ADD, RUNNING, ENDED };

struct remote_stream {
  struct exchange_stream stream;
  struct remote_streams *in;
  struct remote_stream *next;
  void *easy; /* the thread's, from the time it is on the list */
  struct curl_list *headers;
  struct kclient_resource objects;
  bool want_records;
  char error[CURL_ERROR_MAX];

  /* under the lock */
  enum transfer state;
  bool paused, unpause, remove, removed, answered;
  int code;
  long status;
  struct strbuf buffer;
  size_t used; /* bytes of the buffer that have been read */
  void (*notify)(void *arg);
  void *notify_arg;

  /* the consumer's */
  struct arena *frame; /* holds the last event */
};

struct remote_streams {
  const struct remote *remote;
  void *multi;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed; /* a stream has been answered, ended, or removed */
  struct remote_stream *list;
  bool stop;
};

/* -- libcurl's side: called by the thread, without the lock -- */

static void
tell(struct remote_stream *s)
{
  if (s->notify)
    s->notify(s->notify_arg);
  pthread_cond_broadcast(&s->in->changed);
}

static size_t
body_came(char *p, size_t size, size_t n, void *arg)
{
  struct remote_stream *s = arg;
  size_t taken = size * n;

  pthread_mutex_lock(&s->in->lock);
  if (s->buffer.n - s->used > BUFFER_HIGH) {
    s->paused = true;
    taken = CURL_PAUSE;
  } else {
    strbuf_add(&s->buffer, p, taken);
    if (strbuf_overflowed(&s->buffer))
      taken = 0; /* ends the transfer */
    tell(s);
  }
  pthread_mutex_unlock(&s->in->lock);
  return taken;
}

static size_t
header_came(char *p, size_t size, size_t n, void *arg)
{
  struct remote_stream *s = arg;
  long status = 0;

  if (size * n > 2 || (n && p[0] != '\r' && p[0] != '\n'))
    return size * n; /* not yet the empty line */
  s->in->remote->curl.easy_getinfo(s->easy, CURL_RESPONSE_CODE, &status);
  pthread_mutex_lock(&s->in->lock);
  if (status >= 200) {
    s->status = status;
    s->answered = true;
    tell(s);
  }
  pthread_mutex_unlock(&s->in->lock);
  return size * n;
}

/* -- the thread -- */

static void
reap(struct remote_streams *in)
{
  const struct curl_api *curl = &in->remote->curl;
  struct curl_message *m;
  int left;

  while ((m = curl->multi_info_read(in->multi, &left)) != NULL) {
    struct remote_stream *s = NULL;
    int result = m->data.result;

    if (m->what != CURL_DONE)
      continue;
    curl->easy_getinfo(m->easy, CURL_GET_PRIVATE, &s);
    curl->multi_remove_handle(in->multi, m->easy);
    pthread_mutex_lock(&in->lock);
    s->state = ENDED;
    s->code = result;
    tell(s);
    pthread_mutex_unlock(&in->lock);
  }
}

/* Do what is asked for one stream; the lock is held, but not while libcurl works. False: there is nothing to do. */
static bool
attend(struct remote_streams *in)
{
  const struct curl_api *curl = &in->remote->curl;
  struct remote_stream *s = in->list;
  bool was_running;

  while (s && !(s->remove && !s->removed) && s->state != TO_ADD && !s->unpause)
    s = s->next;
  if (!s)
    return false;
  was_running = s->state == RUNNING;
  if (s->remove) {
    pthread_mutex_unlock(&in->lock);
    if (was_running)
      curl->multi_remove_handle(in->multi, s->easy);
    curl->easy_cleanup(s->easy);
    curl->slist_free_all(s->headers);
    pthread_mutex_lock(&in->lock);
    s->removed = true;
    s->state = ENDED;
    s->unpause = false;
    pthread_cond_broadcast(&in->changed);
    return true;
  }
  if (s->state == TO_ADD) {
    s->state = RUNNING;
    pthread_mutex_unlock(&in->lock);
    curl->multi_add_handle(in->multi, s->easy);
  } else {
    s->unpause = s->paused = false;
    pthread_mutex_unlock(&in->lock);
    if (was_running)
      curl->easy_pause(s->easy, CURL_UNPAUSE);
  }
  pthread_mutex_lock(&in->lock);
  return true;
}

static void *
run(void *arg)
{
  struct remote_streams *in = arg;
  const struct curl_api *curl = &in->remote->curl;
  int running;

  pthread_mutex_lock(&in->lock);
  while (!in->stop) {
    while (attend(in))
      continue;
    pthread_mutex_unlock(&in->lock);
    curl->multi_perform(in->multi, &running);
    reap(in);
    curl->multi_poll(in->multi, NULL, 0, POLL_MS, NULL); /* a wakeup since the last one ends it at once */
    pthread_mutex_lock(&in->lock);
  }
  pthread_mutex_unlock(&in->lock);
  return NULL;
}

static struct remote_streams *
streams_of(struct remote *r)
{
  pthread_mutex_lock(&r->lock);
  if (!r->streams) {
    struct remote_streams *in = mem_alloc(sizeof *in);

    in->remote = r;
    in->multi = r->curl.multi_init();
    (void)pthread_mutex_init(&in->lock, NULL);
    (void)pthread_cond_init(&in->changed, NULL);
    thread_start(&in->thread, "streams", run, in);
    r->streams = in;
  }
  pthread_mutex_unlock(&r->lock);
  return r->streams;
}

void
remote_streams_free(struct remote_streams *in)
{
  if (!in)
    return;
  pthread_mutex_lock(&in->lock);
  in->stop = true;
  pthread_mutex_unlock(&in->lock);
  in->remote->curl.multi_wakeup(in->multi);
  (void)pthread_join(in->thread, NULL);
  in->remote->curl.multi_cleanup(in->multi);
  (void)pthread_cond_destroy(&in->changed);
  (void)pthread_mutex_destroy(&in->lock);
  free(in);
}

/* -- the consumer's side -- */

/* The next line, or with `whole` all there is, copied into s->frame; p NULL when there is none. */
static struct span
take(struct remote_stream *s, bool whole)
{
  struct span left = span_make(s->buffer.p + s->used, s->buffer.n - s->used), got = { NULL, 0 };
  const char *end = whole || !left.n ? NULL : memchr(left.p, '\n', left.n);
  size_t n = whole ? left.n : end ? (size_t)(end - left.p) + 1 : 0;

  if (!n)
    return got;
  got = arena_span(s->frame, span_make(left.p, n));
  s->used += n;
  if (s->used == s->buffer.n) {
    strbuf_clear(&s->buffer);
    s->used = 0;
  } else if (s->used > BUFFER_HIGH) {
    memmove(s->buffer.p, s->buffer.p + s->used, s->buffer.n - s->used);
    s->buffer.n -= s->used;
    s->used = 0;
  }
  if (s->paused && s->buffer.n - s->used < BUFFER_HIGH / 2) {
    s->unpause = true;
    s->in->remote->curl.multi_wakeup(s->in->multi);
  }
  return got;
}

/* One frame of a watch: {"type": ..., "object": ...}. */
static bool
read_frame(struct remote_stream *s, struct span line, struct exchange_event *ret)
{
  static const struct {
    const char *name;
    enum exchange_event_type type;
  } types[] = { { "ADDED", EXCHANGE_ADDED },
                { "MODIFIED", EXCHANGE_MODIFIED },
                { "DELETED", EXCHANGE_DELETED },
                { "BOOKMARK", EXCHANGE_BOOKMARK },
                { "ERROR", EXCHANGE_ERROR } };
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  const struct json *object;
  struct json *frame;
  int64_t revision = 0;
  size_t i = 0;

  if (json_parse(s->frame, line, &json_as_written, &frame, &err) < 0)
    return false;
  while (i < ARRAY_SIZE(types) && strcmp(types[i].name, json_get_str_or(frame, "type", "")) != 0)
    i++;
  if (i == ARRAY_SIZE(types))
    return false;
  object = json_get(frame, "object");
  *ret = (struct exchange_event){ .type = types[i].type };
  if (ret->type == EXCHANGE_ERROR) {
    ret->status = span_of(json_text(s->frame, object, JSON_COMPACT));
  } else if (ret->type == EXCHANGE_BOOKMARK) {
    (void)number_int64(span_of(object_resource_version(object)), &revision);
    ret->initial_end = json_get(object_annotations(object), "k8s.io/initial-events-end") != NULL;
    ret->revision = revision;
  } else {
    ret->record = remote_record(&s->objects, object);
    ret->revision = record_revision(ret->record);
  }
  return true;
}

static int
stream_next(struct exchange_stream *stream, struct exchange_event *ret)
{
  struct remote_stream *s = container_of(stream, struct remote_stream, stream);
  struct span bytes;
  bool ended;

  arena_reset(s->frame);
  pthread_mutex_lock(&s->in->lock);
  bytes = take(s, !s->want_records);
  ended = s->state == ENDED;
  pthread_mutex_unlock(&s->in->lock);
  if (!bytes.p)
    return ended ? -1 : 0;
  if (!s->want_records) {
    *ret = (struct exchange_event){ .type = EXCHANGE_MODIFIED, .bytes = bytes };
    return 1;
  }
  return read_frame(s, bytes, ret) ? 1 : -1;
}

static void
stream_set_notify(struct exchange_stream *stream, void (*fn)(void *arg), void *arg)
{
  struct remote_stream *s = container_of(stream, struct remote_stream, stream);

  pthread_mutex_lock(&s->in->lock);
  s->notify = fn;
  s->notify_arg = arg;
  if (fn && (s->buffer.n > s->used || s->state == ENDED))
    fn(arg); /* it came before there was anybody to tell */
  pthread_mutex_unlock(&s->in->lock);
}

static void
stream_free(struct exchange_stream *stream)
{
  struct remote_stream *s = container_of(stream, struct remote_stream, stream), **at;

  pthread_mutex_lock(&s->in->lock);
  s->notify = NULL;
  s->remove = true;
  s->in->remote->curl.multi_wakeup(s->in->multi);
  while (!s->removed)
    pthread_cond_wait(&s->in->changed, &s->in->lock);
  for (at = &s->in->list; *at != s; at = &(*at)->next)
    continue;
  *at = s->next;
  pthread_mutex_unlock(&s->in->lock);
  strbuf_release(&s->buffer);
  arena_free(s->frame);
  free(s);
}

static const struct exchange_stream_ops stream_ops = {
  .next = stream_next,
  .set_notify = stream_set_notify,
  .free = stream_free,
};

/* Wait for the answer's headers; for those of an error, for its body too. */
static int
wait_for_answer(struct remote_stream *s, const struct kclient_call *call, struct kerr *reterr)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_REQUEST);
  _cleanup_kerr_ struct kerr ignored = KERR_INIT;
  struct json *status = NULL;
  int code;

  pthread_mutex_lock(&s->in->lock);
  while (s->state != ENDED && (!s->answered || s->status >= 400))
    pthread_cond_wait(&s->in->changed, &s->in->lock);
  code = s->code;
  pthread_mutex_unlock(&s->in->lock);
  if (!s->answered)
    return remote_no_answer(s->in->remote, call, s->error, code, reterr);
  if (s->status < 400)
    return 0;
  if (json_parse(a, strbuf_view(&s->buffer), NULL, &status, &ignored) <
      0) /* the transfer has ended: nobody writes there */
    status = NULL;
  return status_to_kerr(status, (int)s->status, reterr);
}

int
remote_watch(struct kclient *c, const struct kclient_call *call, struct exchange_stream **ret, struct kerr *reterr)
{
  struct remote *r = c->state;
  struct remote_streams *in = streams_of(r);
  struct remote_stream *s = mem_alloc(sizeof *s);
  int rc;

  s->stream.ops = &stream_ops;
  s->in = in;
  s->want_records = call->objects != NULL;
  if (call->objects)
    s->objects = *call->objects;
  s->frame = arena_new(CEIL_ARENA_REQUEST);
  strbuf_init(&s->buffer, BUFFER_MAX);
  s->easy = r->curl.easy_init();
  s->headers = remote_prepare(c, s->easy, call, s->error);
  r->curl.easy_setopt(s->easy, CURL_PRIVATE, s);
  r->curl.easy_setopt(s->easy, CURL_WRITEFUNCTION, body_came);
  r->curl.easy_setopt(s->easy, CURL_WRITEDATA, s);
  r->curl.easy_setopt(s->easy, CURL_HEADERFUNCTION, header_came);
  r->curl.easy_setopt(s->easy, CURL_HEADERDATA, s);
  pthread_mutex_lock(&in->lock);
  s->next = in->list;
  in->list = s;
  pthread_mutex_unlock(&in->lock);
  r->curl.multi_wakeup(in->multi);
  rc = wait_for_answer(s, call, reterr);
  if (rc < 0)
    stream_free(&s->stream);
  else
    *ret = &s->stream;
  return rc;
}
