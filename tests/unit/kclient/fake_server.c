#include "fake_server.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "ceilings.h"
#include "fake_http.h"
#include "hmap.h"
#include "number.h"
#include "status.h"

struct event {
  enum exchange_event_type type;
  int64_t revision;
  struct record *record;
};

struct fake {
  struct exchange x;
  pthread_mutex_t lock;
  struct hmap *objects; /* key → record */
  struct event *history;
  size_t n, cap;
  int64_t revision, compacted;
  struct fake_stream *streams;
  int fail, lists, watches;
  struct fake_http *http;
};

struct fake_stream {
  struct exchange_stream stream;
  struct fake *f;
  struct fake_stream *next;
  char *prefix;
  size_t at;
  bool ended, broken, records;
  void (*notify)(void *arg);
  void *arg;
  struct strbuf frame;
};

static void
unref(void *r)
{
  record_unref(r);
}

/* -- the store: under the lock -- */

static void
tell(struct fake *f)
{
  for (struct fake_stream *s = f->streams; s; s = s->next)
    if (s->notify)
      s->notify(s->arg);
}

static void
commit(struct fake *f, enum exchange_event_type type, struct span key, struct record *r)
{
  record_set_revision(r, ++f->revision);
  if (f->n == f->cap) {
    f->cap = f->cap ? f->cap * 2 : 64;
    f->history = mem_realloc(f->history, f->cap * sizeof *f->history);
  }
  f->history[f->n++] = (struct event){ .type = type, .revision = f->revision, .record = record_ref(r) };
  if (type == EXCHANGE_DELETED)
    hmap_remove(f->objects, key);
  else
    hmap_put(f->objects, key, record_ref(r));
  tell(f);
}

static struct record *
store(struct fake *f, struct span key, const struct json *o)
{
  struct record *r = record_from_json(key, 0, o);

  commit(f, hmap_get(f->objects, key) ? EXCHANGE_MODIFIED : EXCHANGE_ADDED, key, r);
  return r;
}

static void
drop(struct fake *f, struct span key)
{
  struct record *have = hmap_get(f->objects, key), *last;

  assert(have);
  last = record_new(record_key(have), 0, record_bytes(have), record_stamp_at(have));
  commit(f, EXCHANGE_DELETED, key, last);
  record_unref(last);
}

/* -- streams -- */

static void
put_frame(struct strbuf *b, const char *type, struct record *r)
{
  strbuf_printf(b, "{\"type\":\"%s\",\"object\":", type);
  record_write(b, r);
  strbuf_puts(b, "}\n");
}

static int
stream_next(struct exchange_stream *x, struct exchange_event *ret)
{
  static const char *const names[] = { "ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR" };
  static const char gone[] =
      "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"reason\":\"Expired\",\"code\":410}";
  struct fake_stream *s = container_of(x, struct fake_stream, stream);
  int more = 0;

  pthread_mutex_lock(&s->f->lock);
  strbuf_clear(&s->frame);
  if (s->broken) {
    s->broken = false;
    s->ended = true;
    strbuf_printf(&s->frame, "{\"type\":\"ERROR\",\"object\":%s}\n", gone);
    *ret = (struct exchange_event){ .type = EXCHANGE_ERROR, .status = SPAN(gone), .bytes = strbuf_view(&s->frame) };
    more = 1;
  }
  while (!more && !s->ended && s->at < s->f->n) {
    struct event *e = &s->f->history[s->at++];

    if (!span_starts(record_key(e->record), span_of(s->prefix)))
      continue;
    put_frame(&s->frame, names[e->type], e->record);
    *ret = (struct exchange_event){ .type = e->type,
                                    .revision = e->revision,
                                    .record = s->records ? record_ref(e->record) : NULL,
                                    .bytes = strbuf_view(&s->frame) };
    more = 1;
  }
  if (!more && s->ended)
    more = -1;
  pthread_mutex_unlock(&s->f->lock);
  return more;
}

static void
stream_set_notify(struct exchange_stream *x, void (*fn)(void *arg), void *arg)
{
  struct fake_stream *s = container_of(x, struct fake_stream, stream);

  pthread_mutex_lock(&s->f->lock);
  s->notify = fn;
  s->arg = arg;
  pthread_mutex_unlock(&s->f->lock);
}

static void
stream_free(struct exchange_stream *x)
{
  struct fake_stream *s = container_of(x, struct fake_stream, stream), **at;

  pthread_mutex_lock(&s->f->lock);
  for (at = &s->f->streams; *at != s; at = &(*at)->next)
    continue;
  *at = s->next;
  pthread_mutex_unlock(&s->f->lock);
  strbuf_release(&s->frame);
  free(s->prefix);
  free(s);
}

static const struct exchange_stream_ops stream_ops = { stream_next, stream_set_notify, stream_free };

/* -- requests: under the lock -- */

struct target {
  const char *resource, *ns, *name;
  char *key;    /* of one object */
  char *prefix; /* of the collection */
};

/* /api/v1[/namespaces/NS]/RESOURCE[/NAME[/SUB]], /apis/GROUP/VERSION likewise. */
static struct target
parse_path(struct arena *a, const char *path)
{
  const char *parts[8] = { "", "", "", "", "", "", "", "" };
  struct target t = { .ns = "", .name = "" };
  size_t n = 0, at;

  for (struct span rest = span_of(path + 1); rest.n && n < 8;)
    parts[n++] = arena_span(a, span_cut(rest, '/', &rest)).p;
  at = strcmp(parts[0], "api") == 0 ? 2 : 3;
  if (strcmp(parts[at], "namespaces") == 0 && *parts[at + 2]) {
    t.ns = parts[at + 1];
    at += 2;
  }
  t.resource = parts[at];
  t.name = parts[at + 1];
  t.key = arena_printf(a, "/registry/%s/%s%s%s", t.resource, t.ns, *t.ns ? "/" : "", t.name);
  t.prefix = arena_printf(a, "/registry/%s/%s%s", t.resource, t.ns, *t.ns ? "/" : "");
  return t;
}

static void
answer_status(const struct exchange_request *req, struct exchange_answer *ret, enum kerr_code code, const char *text)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;

  kerr_set(&err, code, NULL, "%s", text);
  ret->status = kerr_http_status(code);
  ret->body = span_of(json_text(req->arena, status_from_kerr(req->arena, &err, NULL, 0), JSON_COMPACT));
}

static void
answer_record(const struct exchange_request *req, struct exchange_answer *ret, int status, struct record *r)
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(CEIL_REPLY);

  ret->status = status;
  ret->revision = record_revision(r);
  if (req->want_records) {
    ret->records = mem_calloc(1, sizeof *ret->records);
    ret->records[0] = record_ref(r);
    ret->n_records = 1;
    return;
  }
  record_write(&b, r);
  ret->body = arena_span(req->arena, strbuf_view(&b));
}

static void
list(struct fake *f, const struct exchange_request *req, const struct target *t, struct exchange_answer *ret)
{
  _cleanup_strbuf_ struct strbuf b = STRBUF_INIT(CEIL_REPLY);
  struct span key;
  size_t cursor = 0;
  void *r;

  f->lists++;
  ret->status = 200;
  ret->revision = f->revision;
  ret->records = mem_calloc(hmap_count(f->objects), sizeof *ret->records);
  strbuf_printf(&b, "{\"kind\":\"List\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"%lld\"},\"items\":[",
                (long long)f->revision);
  while (hmap_next(f->objects, &cursor, &key, &r)) {
    if (!span_starts(key, span_of(t->prefix)))
      continue;
    strbuf_puts(&b, ret->n_records ? "," : "");
    record_write(&b, r);
    ret->records[ret->n_records++] = record_ref(r);
  }
  strbuf_puts(&b, "]}");
  if (req->want_records)
    return;
  for (size_t i = 0; i < ret->n_records; i++)
    record_unref(ret->records[i]);
  ret->n_records = 0;
  ret->body = arena_span(req->arena, strbuf_view(&b));
}

static void
watch(struct fake *f, const struct exchange_request *req, const struct target *t, struct exchange_answer *ret)
{
  const char *from = exchange_query_get(req->arena, req->query, "resourceVersion");
  struct fake_stream *s;
  int64_t revision = 0;

  f->watches++;
  (void)number_int64(span_of(from), &revision);
  if (revision < f->compacted) {
    answer_status(req, ret, KERR_EXPIRED, "too old resource version");
    return;
  }
  s = mem_alloc(sizeof *s);
  s->stream.ops = &stream_ops;
  s->f = f;
  s->prefix = mem_strdup(t->prefix);
  s->records = req->want_records;
  strbuf_init(&s->frame, CEIL_REPLY);
  while (s->at < f->n && f->history[s->at].revision <= revision)
    s->at++;
  s->next = f->streams;
  f->streams = s;
  ret->status = 200;
  ret->stream = &s->stream;
}

static void
change(struct fake *f, const struct exchange_request *req, const struct target *t, struct record *have,
       struct exchange_answer *ret)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_record_ struct record *made = NULL;
  struct json *o, *whole;

  if (json_parse(req->arena, req->body, NULL, &o, &err) < 0) {
    answer_status(req, ret, KERR_BAD_REQUEST, err.msg);
    return;
  }
  if (strcmp(req->method, "PATCH") == 0) {
    whole = json_copy(req->arena, record_tree(have));
    for (json_each_member (m, o))
      json_set_n(req->arena, whole, m->name, m->name_len, m->value);
    o = whole;
  } else if (*json_get_str_or(json_get(o, "metadata"), "resourceVersion", "") &&
             strcmp(json_str(json_dig(o, "metadata", "resourceVersion", NULL)),
                    json_str(json_dig(record_tree(have), "metadata", "resourceVersion", NULL))) != 0) {
    answer_status(req, ret, KERR_CONFLICT, "the object has been modified");
    return;
  }
  made = store(f, span_of(t->key), o);
  answer_record(req, ret, 200, made);
}

static void
create(struct fake *f, const struct exchange_request *req, struct target *t, struct exchange_answer *ret)
{
  _cleanup_kerr_ struct kerr err = KERR_INIT;
  _cleanup_record_ struct record *made = NULL;
  struct json *o;

  if (json_parse(req->arena, req->body, NULL, &o, &err) < 0) {
    answer_status(req, ret, KERR_BAD_REQUEST, err.msg);
    return;
  }
  t->key = arena_printf(req->arena, "%s%s", t->prefix, json_get_str_or(json_get(o, "metadata"), "name", ""));
  if (hmap_get(f->objects, span_of(t->key))) {
    answer_status(req, ret, KERR_ALREADY_EXISTS, "already exists");
    return;
  }
  made = store(f, span_of(t->key), o);
  answer_record(req, ret, 201, made);
}

static void
serve_locked(struct fake *f, const struct exchange_request *req, struct exchange_answer *ret)
{
  struct target t = parse_path(req->arena, req->path);
  struct record *have = hmap_get(f->objects, span_of(t.key));
  bool get = strcmp(req->method, "GET") == 0;

  ret->content_type = "application/json";
  if (f->fail > 0) {
    f->fail--;
    answer_status(req, ret, KERR_UNAVAILABLE, "not now");
  } else if (get && !*t.name) {
    (exchange_query_get(req->arena, req->query, "watch") ? watch : list)(f, req, &t, ret);
  } else if (strcmp(req->method, "POST") == 0) {
    create(f, req, &t, ret);
  } else if (!have) {
    answer_status(req, ret, KERR_NOT_FOUND, "no such thing");
  } else if (get) {
    answer_record(req, ret, 200, have);
  } else if (strcmp(req->method, "DELETE") == 0) {
    answer_status(req, ret, KERR_NOT_FOUND, "unused");
    ret->status = 200;
    ret->body = SPAN("{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Success\"}");
    drop(f, span_of(t.key));
  } else {
    change(f, req, &t, have, ret);
  }
}

static void
serve(struct exchange *x, const struct exchange_request *req, struct exchange_answer *ret)
{
  struct fake *f = container_of(x, struct fake, x);

  *ret = (struct exchange_answer){ .status = 0 };
  pthread_mutex_lock(&f->lock);
  serve_locked(f, req, ret);
  pthread_mutex_unlock(&f->lock);
}

/* -- switches -- */

static const struct exchange_ops ops = { .serve = serve };

struct fake *
fake_new(void)
{
  struct fake *f = mem_alloc(sizeof *f);

  f->x.ops = &ops;
  pthread_mutex_init(&f->lock, NULL);
  f->objects = hmap_new(unref);
  return f;
}

void
fake_free(struct fake *f)
{
  fake_http_free(f->http);
  assert(!f->streams); /* every client lets go of its streams */
  for (size_t i = 0; i < f->n; i++)
    record_unref(f->history[i].record);
  free(f->history);
  hmap_free(f->objects);
  pthread_mutex_destroy(&f->lock);
  free(f);
}

struct exchange *
fake_exchange(struct fake *f)
{
  return &f->x;
}

int
fake_listen(struct fake *f)
{
  f->http = fake_http_new(&f->x);
  return fake_http_port(f->http);
}

void
fake_put(struct fake *f, const char *ns, const char *name, int value, size_t size)
{
  _cleanup_arena_ struct arena *a = arena_new(CEIL_ARENA_SMALL);
  struct json *o = json_new_object(a), *meta = json_ensure_object(a, o, "metadata");
  char *padding = arena_alloc(a, size + 1);

  json_set_str(a, meta, "name", name);
  json_set_str(a, meta, "namespace", ns);
  json_set_int(a, o, "value", value);
  memset(padding, 'x', size);
  json_set_str(a, o, "padding", padding);
  pthread_mutex_lock(&f->lock);
  record_unref(store(f, span_of(arena_printf(a, "/registry/pods/%s/%s", ns, name)), o));
  pthread_mutex_unlock(&f->lock);
}

void
fake_remove(struct fake *f, const char *ns, const char *name)
{
  _cleanup_free_ char *key = mem_printf("/registry/pods/%s/%s", ns, name);

  pthread_mutex_lock(&f->lock);
  drop(f, span_of(key));
  pthread_mutex_unlock(&f->lock);
}

void
fake_compact(struct fake *f)
{
  pthread_mutex_lock(&f->lock);
  f->compacted = f->revision;
  pthread_mutex_unlock(&f->lock);
}

static void
end_streams(struct fake *f, bool broken)
{
  pthread_mutex_lock(&f->lock);
  for (struct fake_stream *s = f->streams; s; s = s->next) {
    s->broken = broken;
    s->ended = !broken;
  }
  tell(f);
  pthread_mutex_unlock(&f->lock);
}

void
fake_end_streams(struct fake *f)
{
  end_streams(f, false);
}

void
fake_break_streams(struct fake *f)
{
  end_streams(f, true);
}

void
fake_fail_calls(struct fake *f, int n)
{
  pthread_mutex_lock(&f->lock);
  f->fail = n;
  pthread_mutex_unlock(&f->lock);
}

static int
counter(struct fake *f, const int *which)
{
  int n;

  pthread_mutex_lock(&f->lock);
  n = *which;
  pthread_mutex_unlock(&f->lock);
  return n;
}

int
fake_lists(struct fake *f)
{
  return counter(f, &f->lists);
}

int
fake_watches(struct fake *f)
{
  return counter(f, &f->watches);
}
