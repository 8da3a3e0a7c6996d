/*
 * WATCH: a stream of events that its consumer pulls.
 *
 * A stream is a reader of the watch hub behind two filters: the client's
 * selectors (which turn modifications into ADDED and DELETED) and the form it
 * wants to read. Before the hub's events come the initial ones, a listing made
 * when the stream was opened, and between them bookmarks when they are due.
 *
 * A stream outlives the call that made it: it owns an arena with its options
 * and a call of its own (`view`) for the functions that make answers.
 *
 * Threads: next() and free() on the consumer's; notify functions come from the
 * hub's and the timer's threads. `lock` guards only the consumer's notify.
 */
#include <inttypes.h>
#include <string.h>

#include "apiserver_internal.h"
#include "ceilings.h"
#include "crd_manager.h"
#include "object.h"
#include "rest.h"
#include "rest_ahead.h"
#include "rest_list.h"
#include "rest_table.h"
#include "rest_timer.h"
#include "watch_hub.h"

#define BOOKMARK_EVERY (60 * CLOCK_SEC)   /* cacher.defaultBookmarkFrequency */
#define BOOKMARK_LEAD  (2 * CLOCK_SEC)    /* one more so long before the timeout */
#define TIMEOUT_MIN    (1800 * CLOCK_SEC) /* --min-request-timeout */

enum phase { PHASE_INITIAL, PHASE_INITIAL_END, PHASE_EVENTS, PHASE_ENDED };

struct rest_stream {
  struct exchange_stream base; /* first */
  struct apiserver *s;
  struct arena *own, *scratch; /* for the stream's life; for one event */
  struct rest_call view;
  struct custom_set *customs; /* what view's kinds are of */
  struct exchange_request view_req;
  struct exchange_answer view_ans;
  struct list_options opts;
  struct hub_reader *reader;
  struct rest_listing initial;
  size_t at;    /* of the initial ones */
  int64_t from; /* events up to here have been seen, or were not asked for */
  enum phase phase;
  bool initial_bookmark; /* the end of the initial events is announced */
  bool headers_sent;     /* a table's columns come once */
  int64_t end;           /* clock_mono; CLOCK_NEVER */
  int64_t next_bookmark;
  const struct json *error; /* the one event of a stream that could not begin */
  struct hub_event *held;   /* whose frame the consumer is reading */
  struct strbuf frame;
  struct rest_timer timer;
  pthread_mutex_t lock;
  void (*notify)(void *arg);
  void *notify_arg;
};

/* -- frames -- */

static const char *const type_names[] = {
  [EXCHANGE_ADDED] = "ADDED",       [EXCHANGE_MODIFIED] = "MODIFIED", [EXCHANGE_DELETED] = "DELETED",
  [EXCHANGE_BOOKMARK] = "BOOKMARK", [EXCHANGE_ERROR] = "ERROR",
};

static void
put_varint(struct strbuf *b, uint64_t v)
{
  for (; v >= 0x80; v >>= 7)
    strbuf_putc(b, (char)(v | 0x80));
  strbuf_putc(b, (char)v);
}

static size_t
varint_size(uint64_t v)
{
  size_t n = 1;

  for (; v >= 0x80; v >>= 7)
    n++;
  return n;
}

/* A frame: four bytes of length, then WatchEvent {1 type, 2 RawExtension {1 raw}}. */
static void
frame_proto(struct strbuf *b, const char *type, struct span raw)
{
  size_t type_len = strlen(type), ext = 1 + varint_size(raw.n) + raw.n;
  size_t n = 1 + varint_size(type_len) + type_len + 1 + varint_size(ext) + ext;

  for (int shift = 24; shift >= 0; shift -= 8)
    strbuf_putc(b, (char)(n >> shift));
  strbuf_putc(b, 0x0a);
  put_varint(b, type_len);
  strbuf_add(b, type, type_len);
  strbuf_putc(b, 0x12);
  put_varint(b, ext);
  strbuf_putc(b, 0x0a);
  put_varint(b, raw.n);
  strbuf_span(b, raw);
}

static void
frame_tree(struct rest_stream *st, struct strbuf *b, enum exchange_event_type type, const struct kind *k,
           const struct json *o)
{
  if (st->view.form.encoding == REST_PROTOBUF && k) {
    _cleanup_strbuf_ struct strbuf raw;
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    strbuf_init(&raw, CEIL_REPLY);
    if (kind_encode_proto(k, o, &raw, &err) == 0)
      frame_proto(b, type_names[type], strbuf_view(&raw));
    else
      log_error(st->s->config.log, "watch", "%s", err.msg);
    return;
  }
  strbuf_printf(b, "{\"type\":\"%s\",\"object\":", type_names[type]);
  json_write(b, o, JSON_COMPACT);
  strbuf_puts(b, "}\n");
}

/* `o` in the request's version, in the shape the client asked for. */
static void
frame_object(struct rest_stream *st, struct strbuf *b, enum exchange_event_type type, const struct json *o)
{
  struct rest_call *v = &st->view;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *made, *meta; /* of a table: a bookmark carries its own */

  switch (v->form.shape) {
  case REST_PLAIN:
  case REST_PARTIAL_LIST:
    frame_tree(st, b, type, v->kind, o);
    return;
  case REST_PARTIAL:
    frame_tree(st, b, type, rest_kind(v, "meta.k8s.io", v->form.meta_version, "PartialObjectMetadata"),
               rest_partial(v, o));
    return;
  case REST_TABLE:
    meta = type == EXCHANGE_BOOKMARK ? json_shallow(v->a, json_get(o, "metadata")) : NULL;
    if (rest_table(v, &o, meta ? 0 : 1, meta, &made, &err) < 0) {
      log_error(st->s->config.log, "watch", "%s", err.msg);
      return;
    }
    if (st->headers_sent)
      json_set(v->a, made, "columnDefinitions", json_new_null(v->a));
    st->headers_sent = true;
    frame_tree(st, b, type, NULL, made);
    return;
  }
}

static void
frame_record(struct rest_stream *st, struct strbuf *b, enum exchange_event_type type, struct record *r)
{
  struct rest_call *v = &st->view;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  struct json *o;

  if (rest_is_verbatim(v, r) && v->form.encoding == REST_JSON && v->form.shape == REST_PLAIN) {
    strbuf_printf(b, "{\"type\":\"%s\",\"object\":", type_names[type]);
    record_write(b, r);
    strbuf_puts(b, "}\n");
    return;
  }
  if (rest_to_request(v, record_tree(r), &o, &err) < 0)
    log_error(st->s->config.log, "watch", "%s", err.msg);
  else
    frame_object(st, b, type, o);
}

struct encode {
  struct rest_stream *st;
  enum exchange_event_type type;
  struct record *record;
};

static void
encode_event(void *payload, const struct hub_event *e, struct strbuf *b)
{
  struct encode *enc = payload;

  (void)e;
  frame_record(enc->st, b, enc->type, enc->record);
}

/* Everything the bytes of an event depend on, as the hub wants it. Tables depend on the stream and are not shared. */
/* A custom kind's memory may be that of another one later. */
static uint64_t
form_of_kind(const struct kind *k)
{
  return k->custom ? (uint64_t)k->custom->serial << 1 | 1 : (uint64_t)(uintptr_t)k << 1;
}

static uint64_t
form_number(const struct rest_stream *st, enum exchange_event_type type, bool left)
{
  const struct rest_form *f = &st->view.form;

  return (form_of_kind(st->view.kind) << 10) | (uint64_t)f->encoding << 8 | (uint64_t)f->shape << 5 |
         (uint64_t)(strcmp(f->meta_version, "v1") != 0) << 4 | (uint64_t)left << 3 | (uint64_t)type;
}

/* -- events -- */

static bool
selected(struct rest_stream *st, struct record *r)
{
  if (!r)
    return false;
  return (!list_options_select(&st->opts) && !st->opts.name) || list_options_match(&st->opts, record_tree(r));
}

/* What the event is for this client; false: nothing. `left`: the object went out of the selection, its old form is
 * shown. */
static bool
event_type(struct rest_stream *st, const struct hub_event *e, enum exchange_event_type *ret, bool *ret_left)
{
  bool now = e->type != STORE_DELETED && selected(st, e->record);
  bool before = e->type == STORE_DELETED ? selected(st, e->old ? e->old : e->record)
                                         : e->type == STORE_MODIFIED && selected(st, e->old);

  *ret_left = false;
  if (now)
    *ret = before ? EXCHANGE_MODIFIED : EXCHANGE_ADDED;
  else if (before)
    *ret = EXCHANGE_DELETED;
  else
    return false;
  *ret_left = *ret == EXCHANGE_DELETED && e->type != STORE_DELETED;
  return true;
}

/* Give `r` to the consumer. `e` is NULL for initial events. */
static int
deliver(struct rest_stream *st, enum exchange_event_type type, struct record *r, struct hub_event *e, bool left,
        struct exchange_event *ret)
{
  struct rest_call *v = &st->view;

  *ret = (struct exchange_event){ .type = type, .revision = e ? e->revision : record_revision(r) };
  if (v->req->want_records) {
    _cleanup_kerr_ struct kerr err = KERR_INIT;

    if (rest_record_in_version(v, r, &ret->record, &err) < 0) {
      log_error(st->s->config.log, "watch", "%s", err.msg);
      return 0;
    }
    return 1;
  }
  strbuf_clear(&st->frame);
  if (!e || v->form.shape == REST_TABLE) {
    frame_record(st, &st->frame, type, r);
    ret->bytes = strbuf_view(&st->frame);
  } else {
    struct encode enc = { .st = st, .type = type, .record = r };

    st->held = hub_event_ref(e);
    ret->bytes = hub_event_frame(e, form_number(st, type, left), encode_event, &enc, &st->frame);
  }
  return 1;
}

static int
bookmark(struct rest_stream *st, int64_t revision, bool initial_end, struct exchange_event *ret)
{
  struct rest_call *v = &st->view;
  struct json *o = json_new_object(v->a), *meta = json_new_object(v->a);
  struct kind_strictness lenient = { .a = v->a };
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  *ret = (struct exchange_event){ .type = EXCHANGE_BOOKMARK, .revision = revision, .initial_end = initial_end };
  st->next_bookmark = clock_mono(st->s->clock) + BOOKMARK_EVERY;
  if (v->req->want_records)
    return 1;
  json_set_str(v->a, o, "kind", v->kind->kind);
  json_set_str(v->a, o, "apiVersion", gv_text(v->a, v->kind->group, v->kind->version));
  json_set(v->a, o, "metadata", meta);
  json_set_str(v->a, meta, "resourceVersion", arena_printf(v->a, "%" PRId64, revision));
  if (initial_end)
    json_set_str(v->a, json_ensure_object(v->a, meta, "annotations"), "k8s.io/initial-events-end", "true");
  strbuf_clear(&st->frame);
  if (kind_decode(v->a, v->kind, o, &lenient, &o, &err) ==
      0) /* the other members at their zero values, as Go has them */
    frame_object(st, &st->frame, EXCHANGE_BOOKMARK, o);
  else
    log_error(st->s->config.log, "watch", "%s", err.msg);
  ret->bytes = strbuf_view(&st->frame);
  return 1;
}

static int
end_with_error(struct rest_stream *st, const struct json *status, struct exchange_event *ret)
{
  struct rest_call *v = &st->view;

  *ret = (struct exchange_event){ .type = EXCHANGE_ERROR };
  st->phase = PHASE_ENDED;
  ret->status = span_of(json_text(v->a, status, JSON_COMPACT));
  strbuf_clear(&st->frame);
  frame_tree(st, &st->frame, EXCHANGE_ERROR, rest_kind(v, "meta.k8s.io", "v1", "Status"), status);
  ret->bytes = strbuf_view(&st->frame);
  return 1;
}

/* The event as it is in the request's version, with references of its own: a webhook is asked where it has to be. */
static int
convert_event(struct rest_stream *st, const struct hub_event *e, struct hub_event *ret, struct kerr *reterr)
{
  bool webhook = st->view.converted, with_old = e->old && !(webhook && e->type == STORE_DELETED);
  struct record *both[] = { record_ref(e->record), with_old ? record_ref(e->old) : NULL };
  int r = webhook ? rest_convert_records(&st->view, both, with_old ? 2 : 1, reterr) : 0;

  *ret = (struct hub_event){ .type = e->type, .revision = e->revision, .record = both[0], .old = both[1] };
  return r;
}

static void
release_event(struct hub_event *e)
{
  record_unref(e->record);
  record_unref(e->old);
}

/* What `e` is for this client: 1, 0 nothing. */
static int
show_event(struct rest_stream *st, struct hub_event *e, struct exchange_event *ret)
{
  __attribute__((cleanup(release_event))) struct hub_event seen = { .record = NULL };
  _cleanup_record_ struct record *shown = NULL;
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  enum exchange_event_type type;
  bool left;

  if (convert_event(st, e, &seen, &err) < 0)
    return end_with_error(st, st->view.refusal, ret);
  if (!event_type(st, &seen, &type, &left))
    return 0;
  shown = left ? record_new(record_key(seen.old), e->revision, record_bytes(seen.old), record_stamp_at(seen.old))
               : record_ref(seen.record);
  return deliver(st, type, shown, e, left, ret);
}

static void timer_due(void *arg);

/* Sleep until an event, a bookmark or the end. */
static int
wait_for_more(struct rest_stream *st)
{
  int64_t when = st->end;

  if (st->opts.bookmarks && st->next_bookmark < when)
    when = st->next_bookmark;
  if (when != CLOCK_NEVER)
    rest_timer_arm(st->s->timers, &st->timer, when);
  return 0;
}

static int
next_event(struct rest_stream *st, struct exchange_event *ret)
{
  int64_t now = clock_mono(st->s->clock);

  if (now >= st->end) {
    st->phase = PHASE_ENDED;
    return -1;
  }
  for (;;) {
    struct hub_event *e = NULL;
    int r = 0;

    arena_reset(st->scratch);
    switch (hub_reader_next(st->reader, &e)) {
    case HUB_ENDED:
    case HUB_STOPPED:
      st->phase = PHASE_ENDED;
      return -1;
    case HUB_EMPTY:
      if (st->opts.bookmarks && now >= st->next_bookmark) {
        int64_t seen = hub_reader_progress(st->reader);

        return bookmark(st, seen > st->from ? seen : st->from, false, ret);
      }
      return wait_for_more(st);
    case HUB_EVENT:
      break;
    }
    if (e->revision > st->from) {
      r = show_event(st, e, ret);
      st->from = e->revision;
    }
    hub_event_unref(e);
    if (r)
      return r;
  }
}

static int
stream_next(struct exchange_stream *base, struct exchange_event *ret)
{
  struct rest_stream *st = container_of(base, struct rest_stream, base);

  hub_event_unref(steal_pointer(&st->held));
  arena_reset(st->scratch);
  if (st->error)
    return end_with_error(st, steal_pointer(&st->error), ret);
  if (st->phase == PHASE_INITIAL) {
    while (st->at < st->initial.n) {
      int r = deliver(st, EXCHANGE_ADDED, st->initial.items[st->at++], NULL, false, ret);

      if (r)
        return r;
    }
    rest_listing_release(&st->initial);
    st->phase = PHASE_INITIAL_END;
  }
  if (st->phase == PHASE_INITIAL_END) {
    st->phase = PHASE_EVENTS;
    if (st->initial_bookmark)
      return bookmark(st, st->from, true, ret);
  }
  return st->phase == PHASE_ENDED ? -1 : next_event(st, ret);
}

/* -- waking the consumer -- */

static void
wake(void *arg)
{
  struct rest_stream *st = arg;
  void (*fn)(void *arg);
  void *fn_arg;

  pthread_mutex_lock(&st->lock);
  fn = st->notify;
  fn_arg = st->notify_arg;
  if (fn)
    fn(fn_arg);
  pthread_mutex_unlock(&st->lock);
}

static void
timer_due(void *arg)
{
  wake(arg);
}

static void
stream_set_notify(struct exchange_stream *base, void (*fn)(void *arg), void *arg)
{
  struct rest_stream *st = container_of(base, struct rest_stream, base);

  pthread_mutex_lock(&st->lock);
  st->notify = fn;
  st->notify_arg = arg;
  pthread_mutex_unlock(&st->lock);
  if (st->reader)
    hub_reader_set_notify(st->reader, fn ? wake : NULL, st);
}

static void
stream_free(struct exchange_stream *base)
{
  struct rest_stream *st = container_of(base, struct rest_stream, base);

  rest_timer_disarm(st->s->timers, &st->timer);
  if (st->reader)
    hub_reader_free(st->reader);
  hub_event_unref(st->held);
  rest_listing_release(&st->initial);
  strbuf_release(&st->frame);
  pthread_mutex_destroy(&st->lock);
  custom_set_unref(st->customs);
  arena_free(st->scratch);
  arena_free(st->own);
  free(st);
}

static const struct exchange_stream_ops stream_ops = {
  .next = stream_next,
  .set_notify = stream_set_notify,
  .free = stream_free,
};

/* -- opening -- */

static struct rest_stream *
stream_new(struct rest_call *c)
{
  struct rest_stream *st = mem_alloc(sizeof *st);

  st->base.ops = &stream_ops;
  st->s = c->s;
  st->own = arena_new(CEIL_ARENA_SMALL);
  st->scratch = arena_new(CEIL_ARENA_REQUEST);
  st->view = *c;
  if (st->view.served.customs)
    st->customs = custom_set_ref(st->view.served.customs);
  st->view.a = st->scratch;
  st->view.ans = &st->view_ans;
  st->view.req = &st->view_req;
  st->view.user = NULL;
  st->view.warnings = NULL;
  st->view.n_warnings = 0;
  st->view_req = (struct exchange_request){ .method = "GET",
                                            .path = arena_strdup(st->own, c->req->path),
                                            .query = arena_strdup(st->own, c->req->query),
                                            .want_records = c->req->want_records };
  st->view.info.namespace_ = arena_strdup(st->own, c->info.namespace_);
  st->view.info.name = arena_strdup(st->own, c->info.name);
  st->view.info.group = c->kind->group;
  st->view.info.version = c->kind->version;
  st->view.info.resource = c->res->resource;
  st->view.info.verb = "watch";
  st->view.info.path = st->view_req.path;
  st->view.converted = rest_read_waits(c);
  strbuf_init(&st->frame, CEIL_REPLY);
  st->timer = (struct rest_timer){ .fn = timer_due, .arg = st };
  pthread_mutex_init(&st->lock, NULL);
  return st;
}

/* The options again, in the stream's own memory. */
static int
own_options(struct rest_stream *st, struct kerr *reterr)
{
  struct rest_call own = st->view;

  own.a = st->own;
  return list_options_read(&own, &st->opts, reterr);
}

static void
set_times(struct rest_stream *st)
{
  int64_t now = clock_mono(st->s->clock);

  st->end = st->opts.timeout > 0         ? now + st->opts.timeout * CLOCK_SEC
            : st->view.req->want_records ? CLOCK_NEVER
                                         : now + TIMEOUT_MIN + (int64_t)(now % (TIMEOUT_MIN / CLOCK_SEC)) * CLOCK_SEC;
  st->next_bookmark = now + BOOKMARK_EVERY;
  if (st->opts.timeout > 0 && st->end - BOOKMARK_LEAD > now && st->end - BOOKMARK_LEAD < st->next_bookmark)
    st->next_bookmark = st->end - BOOKMARK_LEAD;
}

/* Where to begin: with what is there, or behind a revision. */
static int
begin(struct rest_call *c, struct rest_stream *st, struct kerr *reterr)
{
  struct span all = rest_prefix(c->a, c->res, ""), within = rest_prefix(c->a, c->res, c->info.namespace_);
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  int64_t revision;
  bool initial;

  if (rest_parse_revision(st->opts.resource_version, "", KERR_INTERNAL, &revision, reterr) < 0)
    return -(int)reterr->code;
  initial = st->opts.initial_events == 1 || (st->opts.initial_events < 0 && revision == 0);
  st->from = revision;
  st->phase = initial ? PHASE_INITIAL : PHASE_EVENTS;
  if (initial) {
    struct list_options now = st->opts;

    now.resource_version = NULL;
    now.match = MATCH_UNSET;
    now.limit = 0;
    now.continue_token = NULL;
    if (rest_wait_revision(c, revision, reterr) < 0 || rest_listing_read(c, &now, &st->initial, reterr) < 0)
      return -(int)reterr->code;
    st->from = st->initial.revision;
    st->initial_bookmark = st->opts.initial_events == 1 && st->opts.bookmarks;
  } else if (revision == 0) {
    st->from = store_revision(c->s->store);
  }
  int64_t has = store_revision(c->s->store);

  if (watch_hub_subscribe(c->s->hub, all, within, st->from > has ? has : st->from, &st->reader, &err) == 0) {
    if (c->kind->custom && !crd_manager_is_current(c->s->crds, c->kind->custom->definition))
      st->phase = PHASE_ENDED; /* it has changed since this request began */
    return 0;
  }
  if (err.code != KERR_EXPIRED)
    return kerr_move(reterr, &err);
  st->error = status_from_kerr(st->own, &err, NULL, 0); /* the head of the answer is 200, the event says 410 */
  return 0;
}

int
rest_watch(struct rest_call *c, struct kerr *reterr)
{
  struct rest_stream *st;
  struct list_options ignored;

  if (list_options_read(c, &ignored, reterr) < 0) /* refusals belong to the call's arena */
    return -(int)reterr->code;
  if (c->form.encoding == REST_YAML)
    return kerr_set(reterr, KERR_NOT_ACCEPTABLE, NULL,
                    "only the following media types are accepted: application/json;stream=watch, "
                    "application/vnd.kubernetes.protobuf;stream=watch");
  st = stream_new(c);
  if (own_options(st, reterr) < 0 || begin(c, st, reterr) < 0) {
    if (st->view.refusal)
      c->refusal = json_copy(c->a, st->view.refusal);
    stream_free(&st->base);
    return -(int)reterr->code;
  }
  set_times(st);
  rest_answer_text(c, 200,
                   c->form.encoding == REST_PROTOBUF ? "application/vnd.kubernetes.protobuf;stream=watch"
                                                     : "application/json",
                   span_make("", 0));
  c->ans->stream = st->view.converted ? ahead_stream_new(c->s->ahead, &st->base) : &st->base;
  return 0;
}
